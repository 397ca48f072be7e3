/* SPDX-License-Identifier: MIT */
/* ldspec_rig.h - device files as texts in tests, and what is said of them. */
#ifndef VMOON_TESTS_LDSPEC_RIG_H
#define VMOON_TESTS_LDSPEC_RIG_H

#include <stdio.h>
#include <stdlib.h>

#include "bindings/ldpack.h"
#include "bindings/ldspec.h"
#include "tests/support/ldstate_rig.h"

struct spec_rig {
	struct ldstate_rig state;
	struct vmoon_mem *mem; /* of the spec; NULL: the C library's */
	struct vmoon_ldspec *spec;
	struct vmoon_error err;
	char said[65536]; /* "path: message\n" or "path! message\n" for a key,
			     "  hint\n" */
	size_t said_len;
	unsigned problems;
};

static inline void spec_rig_open(struct spec_rig *r)
{
	/* Sanitizers and busy hosts take their time. */
	const struct vmoon_ldstate_options opts = {
		.budget_ns = 10 * VMOON_LDSTATE_BUDGET_NS};

	memset(r, 0, sizeof(*r));
	rig_open(&r->state, opts);
}

static inline void spec_rig_close(struct spec_rig *r)
{
	vmoon_ldspec_destroy(r->spec);
	rig_close(&r->state);
}

static inline void spec_rig_note(void *ctx, const struct vmoon_ldproblem *p)
{
	struct spec_rig *r = ctx;
	const size_t room = sizeof(r->said) - r->said_len;
	int n = snprintf(r->said + r->said_len, room, "%s%s%s%s%s%s%s\n",
			 p->is_param ? "given " : "", p->path,
			 p->is_key          ? "! "
			 : *p->path == '\0' ? ""
					    : ": ",
			 p->message, p->hint == NULL ? "" : "\n  ",
			 p->hint == NULL ? "" : p->hint, "");

	assert_true(n > 0 && (size_t)n < room);
	r->said_len += (size_t)n;
	r->problems++;
}

/* A state is of no use after a failure, so each text gets its own. */
static inline enum vmoon_status spec_rig_load(
	struct spec_rig *r, const struct vmoon_ldspec_source *source)
{
	struct vmoon_ldspec_source own = *source;
	struct vmoon_mem *mem = r->mem;

	if (r->state.s != NULL)
		spec_rig_close(r);
	spec_rig_open(r);
	r->mem = mem;
	own.mem = mem;
	return vmoon_ldspec_load(r->state.s, &own, spec_rig_note, r, &r->spec,
				 &r->err);
}

static inline enum vmoon_status spec_rig_text(struct spec_rig *r,
					      const char *text)
{
	const struct vmoon_ldspec_source source = {
		.path = "dev.lua", .text = text, .len = strlen(text)};

	return spec_rig_load(r, &source);
}

/* ---- tables of mistakes ---- */

struct spec_row {
	const char *text, *said;
};

#define FILE_OF(text) "local dev = require 'vmoon.device' " text
#define REGS(text)                                                          \
	FILE_OF("return dev.mmio { size = 0x100, irq = 'level', registers " \
		"= { " text " } }")
#define MMIO(text)                                                        \
	FILE_OF("return dev.mmio { size = 0x100, registers = { A = { at " \
		"= 0 } }, " text " }")
#define VIRTIO(text)                                                    \
	FILE_OF("return dev.virtio { id = 4, queues = { { name = 'q', " \
		"on_buffer = print } }, " text " }")

static inline int spec_rig_setup(void **state)
{
	*state = calloc(1, sizeof(struct spec_rig));
	return *state == NULL;
}

static inline int spec_rig_teardown(void **state)
{
	spec_rig_close(*state);
	free(*state);
	return 0;
}

static inline void spec_rig_rows(struct spec_rig *r,
				 const struct spec_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(spec_rig_text(r, rows[i].text),
				 VMOON_E_CONFIG);
		assert_string_equal(r->said, rows[i].said);
		assert_null(r->spec);
		assert_int_equal(lua_gettop(r->state.L), 0);
	}
}

#endif
