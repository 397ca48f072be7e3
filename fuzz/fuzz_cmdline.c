/* SPDX-License-Identifier: MIT */
/*
 * fuzz_cmdline.c - input: a byte of room, then calls of the builder, each a
 * byte and one or two texts that end at a newline.
 */
#include "fuzz.h"

#include "runtime/boot/cmdline.h"

#include <string.h>

enum { ROOM_MAX = 256, TEXT_MAX = 48, GUARD = 0xa5 };

struct rig {
	struct vmoon_cmdline c;
	char buf[ROOM_MAX + 1];
	bool is_parsed; /* then its halves may hold what is refused else */
};

/* Up to the newline, which no text can hold but which would be refused. */
static const char *take_text(struct fuzz_input *in, char text[TEXT_MAX + 1])
{
	size_t len = 0;

	while (in->len > 0 && len < TEXT_MAX && *in->data != '\n')
		text[len++] = (char)fuzz_u8(in);
	(void)fuzz_u8(in);
	text[len] = '\0';
	return text;
}

static enum vmoon_status insert_list(struct vmoon_cmdline *c, const char *key,
				     char *values)
{
	const char *list[3] = {values, values, values};
	char *comma = strchr(values, ',');

	if (comma != NULL) {
		*comma = '\0';
		list[1] = comma + 1;
	}
	return vmoon_cmdline_insert_list(c, key, list, strlen(key) % 4, NULL);
}

static enum vmoon_status insert_mmio(struct vmoon_cmdline *c,
				     struct fuzz_input *in)
{
	const struct vmoon_cmdline_mmio dev = {
		.size = fuzz_uint(in, 8),
		.base = fuzz_uint(in, 8),
		.irq = (uint32_t)fuzz_uint(in, 4),
		.has_id = fuzz_u8(in) & 1,
		.id = (uint32_t)fuzz_uint(in, 4),
	};

	return vmoon_cmdline_insert_mmio(c, &dev, NULL);
}

static enum vmoon_status call(struct rig *r, struct fuzz_input *in)
{
	char a[TEXT_MAX + 1], b[TEXT_MAX + 1];
	enum vmoon_status st;

	switch (fuzz_u8(in) % 6) {
	case 0:
		(void)take_text(in, a);
		return vmoon_cmdline_insert(&r->c, a, take_text(in, b), NULL);
	case 1:
		(void)take_text(in, a);
		(void)take_text(in, b);
		return insert_list(&r->c, a, b);
	case 2: return vmoon_cmdline_insert_text(&r->c, take_text(in, a), NULL);
	case 3: return vmoon_cmdline_insert_init(&r->c, take_text(in, a), NULL);
	case 4: return insert_mmio(&r->c, in);
	default: break;
	}
	st = vmoon_cmdline_parse(&r->c, take_text(in, a), NULL);
	r->is_parsed |= st == VMOON_OK;
	return st;
}

static void check(const struct rig *r)
{
	const struct vmoon_cmdline *c = &r->c;

	FUZZ_REQUIRE(c->len < c->cap && c->boot <= c->len);
	FUZZ_REQUIRE(strlen(c->text) == c->len);
	FUZZ_REQUIRE((unsigned char)r->buf[c->cap] == GUARD);
	FUZZ_REQUIRE(vmoon_cmdline_check(c->text, c->len, NULL) == VMOON_OK);
}

/* What was built reads back as it was: the halves are where they were. */
static void check_round_trip(const struct rig *r)
{
	const char *text = vmoon_cmdline_text(&r->c, NULL);
	char buf[ROOM_MAX];
	struct vmoon_cmdline again;

	if (text == NULL)
		return;
	FUZZ_REQUIRE(vmoon_cmdline_init(&again, buf, r->c.cap, NULL) ==
		     VMOON_OK);
	if (vmoon_cmdline_parse(&again, text, NULL) != VMOON_OK)
		FUZZ_REQUIRE(r->is_parsed);
	else
		FUZZ_REQUIRE(vmoon_cmdline_equal(&again, &r->c) &&
			     (r->is_parsed || again.boot == r->c.boot));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, len};
	struct rig r = {.is_parsed = false};

	memset(r.buf, GUARD, sizeof(r.buf));
	FUZZ_REQUIRE(vmoon_cmdline_init(&r.c, r.buf, fuzz_u8(&in) + 1u, NULL) ==
		     VMOON_OK);
	while (in.len > 0) {
		struct rig before = r;
		const enum vmoon_status st = call(&r, &in);

		check(&r);
		if (st != VMOON_OK)
			FUZZ_REQUIRE(r.c.boot == before.c.boot &&
				     r.c.len == before.c.len &&
				     memcmp(r.buf, before.buf, r.c.len + 1) ==
					     0);
		check_round_trip(&r);
	}
	return 0;
}
