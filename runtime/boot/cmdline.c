/* SPDX-License-Identifier: MIT */
/*
 * cmdline.c - the kernel's command line: build, take apart, check, copy.
 * Linux Documentation/admin-guide/kernel-parameters.rst.
 */
#include "boot/cmdline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define INIT_MARK " -- "

static enum vmoon_status fail_at(struct vmoon_error *err, const char *what)
{
	return vmoon_fail(err, VMOON_E_CONFIG, 0, "cmdline: %s", what);
}

static enum vmoon_status check_ascii(const char *text, struct vmoon_error *err)
{
	for (size_t i = 0; text[i] != '\0'; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c > 0x7e)
			return vmoon_fail(err, VMOON_E_CONFIG, 0,
					  "cmdline: byte %zu is 0x%02x; use "
					  "printable ASCII only",
					  i + 1, c);
	}
	return VMOON_OK;
}

/* ---- adding ---- */

/* Words of one list, in pieces. */
struct words {
	const char *piece[3];
	size_t len[3];
	bool is_init;
	bool is_joined; /* to the kernel's last word, without a space */
};

static enum vmoon_status add(struct vmoon_cmdline *c, const struct words *w,
			     struct vmoon_error *err)
{
	const char *mark = " ";
	const size_t len = w->len[0] + w->len[1] + w->len[2];
	const size_t room = c->cap - 1 - c->len;
	size_t at = w->is_init ? c->len : c->boot;
	size_t mark_len;

	if (w->is_init && c->len == c->boot)
		mark = INIT_MARK;
	else if (w->is_joined || (!w->is_init && c->boot == 0))
		mark = "";
	mark_len = strlen(mark);
	if (len > room || mark_len > room - len)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "cmdline: room for %zu bytes, %zu more are "
				  "too many; shorten it",
				  c->cap - 1, len + mark_len);
	memmove(c->text + at + mark_len + len, c->text + at, c->len - at + 1);
	memcpy(c->text + at, mark, mark_len);
	at += mark_len;
	for (size_t i = 0; i < VMOON_COUNTOF(w->piece); i++) {
		if (w->len[i] != 0)
			memcpy(c->text + at, w->piece[i], w->len[i]);
		at += w->len[i];
	}
	c->len += mark_len + len;
	if (!w->is_init)
		c->boot += mark_len + len;
	return VMOON_OK;
}

/*
 * Where the first " -- " outside of quotes is, or len; *out_open tells
 * whether a quote is open at the end.
 */
static size_t find_mark(const char *text, size_t len, bool *out_open)
{
	size_t mark = len;

	*out_open = false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			*out_open = !*out_open;
		else if (mark == len && !*out_open && len - i >= 4 &&
			 memcmp(text + i, INIT_MARK, 4) == 0)
			mark = i;
	}
	return mark;
}

/* "--" as a word would hand what follows to init. */
static bool has_mark_word(const char *text, size_t len)
{
	bool is_open;

	return find_mark(text, len, &is_open) != len ||
	       (len >= 3 && memcmp(text, "-- ", 3) == 0) ||
	       (len >= 3 && memcmp(text + len - 3, " --", 3) == 0) ||
	       (len == 2 && memcmp(text, "--", 2) == 0);
}

static enum vmoon_status insert_words(struct vmoon_cmdline *c, const char *text,
				      bool is_init, struct vmoon_error *err)
{
	const enum vmoon_status st = check_ascii(text, err);
	struct words w = {.is_init = is_init};
	size_t len;
	bool is_open;

	if (st != VMOON_OK)
		return st;
	text += strspn(text, " ");
	len = strlen(text);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	if (len == 0)
		return VMOON_OK;
	(void)find_mark(text, len, &is_open);
	if (is_open)
		return fail_at(err, "a quote is not closed");
	if (!is_init && has_mark_word(text, len))
		return fail_at(err, "\"--\" begins the words for init; give "
				    "those apart");
	w.piece[0] = text;
	w.len[0] = len;
	return add(c, &w, err);
}

enum vmoon_status vmoon_cmdline_insert_text(struct vmoon_cmdline *c,
					    const char *text,
					    struct vmoon_error *err)
{
	return insert_words(c, text, false, err);
}

enum vmoon_status vmoon_cmdline_insert_init(struct vmoon_cmdline *c,
					    const char *text,
					    struct vmoon_error *err)
{
	return insert_words(c, text, true, err);
}

static enum vmoon_status check_key(const char *key, struct vmoon_error *err)
{
	enum vmoon_status st = check_ascii(key, err);

	if (st != VMOON_OK)
		return st;
	if (key[0] == '\0')
		return fail_at(err, "a key is empty");
	if (strchr(key, ' ') != NULL)
		return fail_at(err, "a key has a space in it");
	if (strchr(key, '=') != NULL)
		return fail_at(err, "a key has a \"=\" in it");
	if (strchr(key, '"') != NULL)
		return fail_at(err, "a key has a quote in it");
	return VMOON_OK;
}

/* Free of quotes, or all of it in one pair; spaces only so. */
static enum vmoon_status check_value(const char *v, struct vmoon_error *err)
{
	enum vmoon_status st = check_ascii(v, err);
	const char *quote = strchr(v, '"');
	const size_t len = strlen(v);

	if (st != VMOON_OK)
		return st;
	if (quote == NULL && strchr(v, ' ') != NULL)
		return fail_at(err, "a value with a space needs double quotes");
	if (quote != NULL &&
	    (quote != v || len < 2 || strchr(v + 1, '"') != v + len - 1))
		return fail_at(err, "a value's double quotes must be one pair "
				    "around all of it");
	return VMOON_OK;
}

enum vmoon_status vmoon_cmdline_insert(struct vmoon_cmdline *c, const char *key,
				       const char *value,
				       struct vmoon_error *err)
{
	const struct words w = {.piece = {key, "=", value},
				.len = {strlen(key), 1, strlen(value)}};
	enum vmoon_status st = check_key(key, err);

	if (st == VMOON_OK)
		st = check_value(value, err);
	return st != VMOON_OK ? st : add(c, &w, err);
}

static enum vmoon_status insert_more(struct vmoon_cmdline *c, const char *value,
				     struct vmoon_error *err)
{
	const struct words w = {.piece = {",", value},
				.len = {1, strlen(value)},
				.is_joined = true};
	enum vmoon_status st = check_ascii(value, err);

	return st != VMOON_OK ? st : add(c, &w, err);
}

/* Whatever was added to the kernel's words since then goes. */
static void take_back(struct vmoon_cmdline *c, size_t boot)
{
	memmove(c->text + boot, c->text + c->boot, c->len - c->boot + 1);
	c->len -= c->boot - boot;
	c->boot = boot;
}

enum vmoon_status vmoon_cmdline_insert_list(struct vmoon_cmdline *c,
					    const char *key,
					    const char *const *values,
					    size_t count,
					    struct vmoon_error *err)
{
	const size_t before = c->boot;
	enum vmoon_status st;

	if (count == 0)
		return fail_at(err, "a list has no value");
	for (size_t i = 0; count > 1 && i < count; i++) {
		if (strpbrk(values[i], " \"") != NULL)
			return fail_at(err, "a list's values have neither "
					    "spaces nor quotes");
	}
	st = vmoon_cmdline_insert(c, key, values[0], err);
	for (size_t i = 1; st == VMOON_OK && i < count; i++)
		st = insert_more(c, values[i], err);
	if (st != VMOON_OK)
		take_back(c, before);
	return st;
}

enum vmoon_status vmoon_cmdline_insert_mmio(
	struct vmoon_cmdline *c, const struct vmoon_cmdline_mmio *dev,
	struct vmoon_error *err)
{
	static const char suffixes[] = {'K', 'M', 'G'};
	char suffix[2] = "", id[16] = "", text[96];
	uint64_t size = dev->size;

	if (size == 0)
		return fail_at(err, "a virtio_mmio device has size 0");
	for (size_t i = 0; i < sizeof(suffixes) && size % 1024 == 0; i++) {
		suffix[0] = suffixes[i];
		size /= 1024;
	}
	if (dev->has_id)
		(void)snprintf(id, sizeof(id), ":%" PRIu32, dev->id);
	(void)snprintf(text, sizeof(text),
		       "virtio_mmio.device=%" PRIu64 "%s@0x%" PRIx64 ":%" PRIu32
		       "%s",
		       size, suffix, dev->base, dev->irq, id);
	return insert_words(c, text, false, err);
}

/* ---- as a whole ---- */

enum vmoon_status vmoon_cmdline_init(struct vmoon_cmdline *c, char *buf,
				     size_t cap, struct vmoon_error *err)
{
	if (cap == 0)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "cmdline: no room for even an empty one");
	buf[0] = '\0';
	*c = (struct vmoon_cmdline){.text = buf, .cap = cap};
	return VMOON_OK;
}

enum vmoon_status vmoon_cmdline_parse(struct vmoon_cmdline *c, const char *text,
				      struct vmoon_error *err)
{
	const size_t len = strlen(text);
	enum vmoon_status st = check_ascii(text, err);
	bool is_open;
	size_t mark;

	if (st != VMOON_OK)
		return st;
	if (len >= c->cap)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "cmdline: %zu bytes, but the room is for %zu",
				  len, c->cap - 1);
	mark = find_mark(text, len, &is_open);
	if (is_open)
		return fail_at(err, "a quote is not closed");
	memmove(c->text, text, len + 1);
	c->len = len;
	c->boot = mark;
	return VMOON_OK;
}

const char *vmoon_cmdline_text(const struct vmoon_cmdline *c,
			       struct vmoon_error *err)
{
	if (c->boot != 0 || c->len == 0)
		return c->text;
	VMOON_IGNORE(fail_at(err, "there are words for init, but none for the "
				  "kernel") != VMOON_OK);
	return NULL;
}

bool vmoon_cmdline_equal(const struct vmoon_cmdline *a,
			 const struct vmoon_cmdline *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

enum vmoon_status vmoon_cmdline_check(const char *text, uint64_t max,
				      struct vmoon_error *err)
{
	enum vmoon_status st = check_ascii(text, err);
	size_t len = strlen(text);

	if (st != VMOON_OK)
		return st;
	if (len > max)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "cmdline: %zu bytes, but the kernel takes "
				  "%llu; shorten it",
				  len, (unsigned long long)max);
	return VMOON_OK;
}

enum vmoon_status vmoon_cmdline_write(const struct vmoon_gmem *gm,
				      vmoon_gpa gpa, const char *text,
				      struct vmoon_error *err)
{
	size_t size = strlen(text) + 1;

	if (vmoon_gmem_write(gm, gpa, text, size) == VMOON_OK)
		return VMOON_OK;
	return vmoon_fail(err, VMOON_E_CONFIG, 0,
			  "cmdline: no RAM for its %zu bytes at 0x%llx", size,
			  (unsigned long long)gpa);
}
