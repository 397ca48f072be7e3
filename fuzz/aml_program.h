/* SPDX-License-Identifier: MIT */
/*
 * aml_program.h - bytes become a program that a correct AML writer writes and
 * a correct reader takes: every name is new, every term complete. Shared by
 * fuzz_aml.c and tests/tools/dump_aml.c, which gives it to iasl.
 */
#ifndef VMOON_FUZZ_AML_PROGRAM_H
#define VMOON_FUZZ_AML_PROGRAM_H

#include "fuzz.h"

#include "runtime/boot/aml.h"

#include <stdio.h>

enum { AML_TERMS_MAX = 200, AML_VALUES_MAX = 6 };

struct aml_program {
	struct vmoon_aml *w;
	struct fuzz_input in;
	unsigned names, terms; /* so far; both are bounded by TERMS_MAX */
	char device[8];        /* of the enclosing scope; "": none */
};

struct aml_name {
	char text[8];
};

/* "A000" to "AFFF", each once. */
static inline struct aml_name aml_new_name(struct aml_program *p)
{
	struct aml_name n;

	(void)snprintf(n.text, sizeof(n.text), "A%03X", p->names++ & 0xfffu);
	return n;
}

static inline bool aml_goes_on(struct aml_program *p)
{
	return p->in.len > 0 && p->terms++ < AML_TERMS_MAX;
}

static inline void aml_resources(struct aml_program *p)
{
	unsigned count = fuzz_u8(&p->in) % (unsigned)AML_VALUES_MAX;

	vmoon_aml_open_template(p->w);
	for (unsigned i = 0; i < count; i++) {
		uint16_t port = (uint16_t)(fuzz_uint(&p->in, 2) & 0x7fff);
		unsigned gsi = (unsigned)fuzz_uint(&p->in, 3);

		switch (fuzz_u8(&p->in) % 3) {
		case 0: vmoon_aml_io(p->w, port, 1 + (port & 0x1f)); break;
		case 1: vmoon_aml_isa_irq(p->w, gsi % 16); break;
		default: vmoon_aml_interrupt(p->w, gsi, gsi & 0xf); break;
		}
	}
	vmoon_aml_close(p->w);
}

static inline void aml_text(struct aml_program *p)
{
	char text[17] = "";
	size_t len = fuzz_u8(&p->in) % sizeof(text);

	for (size_t i = 0; i < len; i++)
		text[i] = (char)(' ' + fuzz_u8(&p->in) % 95);
	vmoon_aml_string(p->w, text);
}

static inline void aml_eisa(struct aml_program *p)
{
	char id[8];

	(void)snprintf(id, sizeof(id), "%c%c%c%04X", 'A' + fuzz_u8(&p->in) % 26,
		       'A' + fuzz_u8(&p->in) % 26, 'A' + fuzz_u8(&p->in) % 26,
		       /* Read back, product 0 looks like a short integer. */
		       (uint16_t)(fuzz_uint(&p->in, 2) | 1));
	vmoon_aml_eisa_id(p->w, id);
}

/* An integer, a string, or a package of them and of flat packages. */
static inline void aml_value(struct aml_program *p, unsigned depth)
{
	unsigned kind = fuzz_u8(&p->in) % (depth < 2 ? 4u : 3u);
	unsigned count;

	switch (kind) {
	case 0:
		vmoon_aml_integer(p->w, fuzz_uint(&p->in, fuzz_u8(&p->in) % 9));
		break;
	case 1: aml_text(p); break;
	case 2: aml_eisa(p); break;
	default:
		count = 1 + fuzz_u8(&p->in) % (unsigned)AML_VALUES_MAX;
		vmoon_aml_open_package(p->w, count);
		for (unsigned i = 0; i < count; i++)
			aml_value(p, depth + 1);
		vmoon_aml_close(p->w);
		break;
	}
}

/* A region, a field over it, and a method that reads and writes that. */
static inline void aml_port(struct aml_program *p)
{
	static const unsigned flags[] = {
		VMOON_AML_FIELD_BYTE | VMOON_AML_FIELD_PRESERVE,
		VMOON_AML_FIELD_BYTE | VMOON_AML_FIELD_WRITE_ZEROS};
	const struct aml_name region = aml_new_name(p);
	const unsigned units = 1 + fuzz_u8(&p->in) % (unsigned)AML_VALUES_MAX;
	struct aml_name unit = region;

	vmoon_aml_region(p->w, region.text, VMOON_AML_SYSTEM_IO,
			 fuzz_uint(&p->in, 2), 64);
	vmoon_aml_open_field(p->w, region.text, flags[fuzz_u8(&p->in) & 1]);
	for (unsigned i = 0; i < units; i++) {
		unsigned bits = 1 + fuzz_u8(&p->in) % 80u;

		/* One byte holds 63, yet iasl takes two: both are right. */
		unit = aml_new_name(p);
		vmoon_aml_field_unit(p->w, unit.text, bits == 63 ? 64 : bits);
	}
	vmoon_aml_close(p->w);
	vmoon_aml_open_method(p->w, aml_new_name(p).text, 1, true);
	vmoon_aml_op(p->w, VMOON_AML_STORE);
	vmoon_aml_op(p->w, VMOON_AML_ARG0);
	vmoon_aml_path(p->w, unit.text);
	vmoon_aml_op(p->w, VMOON_AML_RETURN);
	vmoon_aml_path(p->w, unit.text);
	vmoon_aml_close(p->w);
}

/* Local0 gets a value, conditions nest, and the device is told. */
static inline void aml_method(struct aml_program *p)
{
	const unsigned ifs = fuzz_u8(&p->in) % 3;

	vmoon_aml_open_method(p->w, aml_new_name(p).text, 0,
			      (fuzz_u8(&p->in) & 1) != 0);
	vmoon_aml_op(p->w, VMOON_AML_STORE);
	vmoon_aml_integer(p->w, fuzz_uint(&p->in, 4));
	vmoon_aml_op(p->w, VMOON_AML_LOCAL0);
	for (unsigned i = 0; i < ifs; i++) {
		vmoon_aml_open(p->w, VMOON_AML_IF, NULL);
		vmoon_aml_op(p->w, VMOON_AML_AND);
		vmoon_aml_op(p->w, VMOON_AML_LOCAL0);
		vmoon_aml_integer(p->w, fuzz_uint(&p->in, 2));
		vmoon_aml_integer(p->w, 0); /* no target */
	}
	if (p->device[0] != '\0') {
		vmoon_aml_op(p->w, VMOON_AML_NOTIFY);
		vmoon_aml_path(p->w, p->device);
		vmoon_aml_integer(p->w, 0x80);
	}
	for (unsigned i = 0; i < ifs; i++)
		vmoon_aml_close(p->w);
	vmoon_aml_op(p->w, VMOON_AML_RETURN);
	vmoon_aml_op(p->w, VMOON_AML_LOCAL0);
	vmoon_aml_close(p->w);
}

static inline void aml_open_device(struct aml_program *p)
{
	const struct aml_name n = aml_new_name(p);

	vmoon_aml_open(p->w, VMOON_AML_DEVICE, n.text);
	(void)snprintf(p->device, sizeof(p->device), "%s", n.text);
	vmoon_aml_name(p->w, "_HID");
	aml_eisa(p);
	vmoon_aml_name(p->w, "_UID");
	vmoon_aml_integer(p->w, p->names);
	vmoon_aml_name(p->w, "_CRS");
	aml_resources(p);
}

/*
 * All of it. Devices stand in \_SB, beside or in one another; what a method
 * needs below them fits into VMOON_AML_DEPTH_MAX.
 */
static inline void aml_program_write(struct vmoon_aml *w, const uint8_t *data,
				     size_t len)
{
	struct aml_program p = {.w = w, .in = {data, len}};
	unsigned depth = 1;

	vmoon_aml_open(w, VMOON_AML_SCOPE, "_SB");
	while (aml_goes_on(&p)) {
		switch (fuzz_u8(&p.in) % 6) {
		case 0:
			if (depth < 4) {
				aml_open_device(&p);
				depth++;
			}
			break;
		case 1:
			if (depth > 1) {
				vmoon_aml_close(w);
				depth--;
				p.device[0] = '\0';
			}
			break;
		case 2: aml_port(&p); break;
		case 3: aml_method(&p); break;
		default:
			vmoon_aml_name(w, aml_new_name(&p).text);
			aml_value(&p, 0);
			break;
		}
	}
	while (depth-- > 0)
		vmoon_aml_close(w);
}

#endif
