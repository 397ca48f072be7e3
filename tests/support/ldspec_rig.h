/* SPDX-License-Identifier: MIT */
/* ldspec_rig.h - device files as texts in tests, and what is said of them. */
#ifndef VMOON_TESTS_LDSPEC_RIG_H
#define VMOON_TESTS_LDSPEC_RIG_H

#include <stdio.h>

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
	memset(r, 0, sizeof(*r));
	rig_open(&r->state, (struct vmoon_ldstate_options){0});
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
	struct vmoon_mem *mem = r->mem;

	if (r->state.s != NULL)
		spec_rig_close(r);
	spec_rig_open(r);
	r->mem = mem;
	return vmoon_ldspec_load(r->state.s, mem, source, spec_rig_note, r,
				 &r->spec, &r->err);
}

static inline enum vmoon_status spec_rig_text(struct spec_rig *r,
					      const char *text)
{
	const struct vmoon_ldspec_source source = {
		.path = "dev.lua", .text = text, .len = strlen(text)};

	return spec_rig_load(r, &source);
}

#endif
