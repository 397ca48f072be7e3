/* SPDX-License-Identifier: MIT */
/*
 * fuzz_aml.c - bytes become writer calls, in any order and with any values,
 * over a buffer of any size: nothing may be written outside it. The same bytes
 * then become a program that makes sense (aml_program.h): it is written whole
 * where it fits, and refused where one byte is missing.
 */
#include "fuzz/aml_program.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CAP_MAX = 4096, GUARD = 16, GUARD_BYTE = 0xa5, TEXT_MAX = 16 };
enum { PROGRAM_MAX = 1 << 18, INPUT_MAX = 4096 };

struct input {
	const uint8_t *at;
	size_t left;
};

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t v = 0;

	for (; bytes != 0 && in->left != 0; bytes--, in->left--)
		v = v << 8 | *in->at++;
	return v;
}

/* At most TEXT_MAX bytes of text, always terminated. */
static const char *take_text(struct input *in, char text[TEXT_MAX + 1])
{
	size_t len = (size_t)take(in, 1) % (TEXT_MAX + 1);

	memset(text, 0, TEXT_MAX + 1);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)take(in, 1);
	return text;
}

static void call_one(struct vmoon_aml *w, struct input *in)
{
	static const enum vmoon_aml_op ops[] = {
		VMOON_AML_SCOPE, VMOON_AML_IF, VMOON_AML_DEVICE,
		VMOON_AML_FIELD, VMOON_AML_BUFFER};
	const enum vmoon_aml_op op =
		ops[(size_t)take(in, 1) % VMOON_COUNTOF(ops)];
	char text[TEXT_MAX + 1];

	switch (take(in, 1) % 18) {
	case 0: vmoon_aml_zeros(w, (size_t)take(in, 2)); break;
	case 1: vmoon_aml_bytes(w, text, 0); break;
	case 2: vmoon_aml_le(w, take(in, 8), (unsigned)take(in, 1)); break;
	case 3: vmoon_aml_op(w, op); break;
	case 4: vmoon_aml_path(w, take_text(in, text)); break;
	case 5: vmoon_aml_integer(w, take(in, 8)); break;
	case 6: vmoon_aml_string(w, take_text(in, text)); break;
	case 7: vmoon_aml_eisa_id(w, take_text(in, text)); break;
	case 8: vmoon_aml_name(w, take_text(in, text)); break;
	case 9:
		vmoon_aml_region(w, take_text(in, text), 1, take(in, 8),
				 take(in, 8));
		break;
	case 10: vmoon_aml_open(w, op, NULL); break;
	case 11: vmoon_aml_open(w, op, take_text(in, text)); break;
	case 12: vmoon_aml_open_package(w, (unsigned)take(in, 2)); break;
	case 13: vmoon_aml_open_template(w); break;
	case 14:
		vmoon_aml_field_unit(w, take_text(in, text),
				     (unsigned)take(in, 4));
		break;
	case 15:
		vmoon_aml_io(w, (uint16_t)take(in, 2), (uint8_t)take(in, 1));
		vmoon_aml_isa_irq(w, (unsigned)take(in, 1));
		break;
	case 16: vmoon_aml_interrupt(w, (unsigned)take(in, 4), 1); break;
	default: vmoon_aml_close(w); break;
	}
}

static void check(const struct vmoon_aml *w, const unsigned char *buf,
		  size_t cap)
{
	struct vmoon_error err;
	size_t len = 0;

	if (w->len > cap || w->depth > VMOON_AML_DEPTH_MAX)
		abort();
	for (size_t i = w->len; i < cap + GUARD; i++) {
		if (buf[i] != GUARD_BYTE)
			abort();
	}
	if (vmoon_aml_finish(w, &len, &err) == VMOON_OK &&
	    (len != w->len || !vmoon_aml_is_good(w)))
		abort();
}

/* In a buffer of just this size; the sanitizer sees one byte too many. */
static size_t write_program(const uint8_t *data, size_t size, size_t cap,
			    enum vmoon_status want)
{
	unsigned char *buf = malloc(cap);
	struct vmoon_error err;
	struct vmoon_aml w;
	size_t len = 0;

	FUZZ_REQUIRE(buf != NULL);
	vmoon_aml_init(&w, buf, cap);
	aml_program_write(&w, data, size < INPUT_MAX ? size : INPUT_MAX);
	FUZZ_REQUIRE(vmoon_aml_finish(&w, &len, &err) == want);
	free(buf);
	return len;
}

static void write_sense(const uint8_t *data, size_t size)
{
	const size_t len = write_program(data, size, PROGRAM_MAX, VMOON_OK);

	FUZZ_REQUIRE(write_program(data, size, len, VMOON_OK) == len);
	(void)write_program(data, size, len - 1, VMOON_E_NOMEM);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	const size_t cap = (size_t)take(&in, 2) % (CAP_MAX + 1);
	unsigned char *buf = malloc(cap + GUARD);
	struct vmoon_aml w;

	if (buf == NULL)
		return 0;
	memset(buf, GUARD_BYTE, cap + GUARD);
	vmoon_aml_init(&w, buf, cap);
	while (in.left != 0)
		call_one(&w, &in);
	check(&w, buf, cap);
	free(buf);
	write_sense(data, size);
	return 0;
}
