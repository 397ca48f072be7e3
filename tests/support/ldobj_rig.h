/* SPDX-License-Identifier: MIT */
/* ldobj_rig.h - a device in Lua, from a text, on a bench; for tests. */
#ifndef VMOON_TESTS_LDOBJ_RIG_H
#define VMOON_TESTS_LDOBJ_RIG_H

#include <stdio.h>
#include <string.h>

#include "bindings/ldobj.h"
#include "tests/support/fixture.h"
#include "vmoon/bench.h"

enum { RIG_MEMORY = 128 << 10, RIG_BUDGET_NS = 1000000000 };

struct ldobj_rig {
	struct vmoon_watchdog *dog; /* owned */
	struct vmoon_ldobj *obj;    /* owned */
	struct vmoon_bench *b;      /* owned */
	struct vmoon_error err;
	char problems[2000];
	char lines[2000];
	unsigned events;
	unsigned char saved[256 << 10];
	size_t saved_len;
};

static inline void rig_problem(void *ctx, const struct vmoon_ldproblem *p)
{
	struct ldobj_rig *r = ctx;
	const size_t len = strlen(r->problems);

	(void)snprintf(r->problems + len, sizeof(r->problems) - len, "%s: %s\n",
		       p->path, p->message);
}

static inline void rig_line(void *ctx, enum vmoon_log_level level,
			    const char *module, const char *msg, size_t msg_len)
{
	struct ldobj_rig *r = ctx;
	const size_t len = strlen(r->lines);

	(void)level;
	(void)module;
	(void)snprintf(r->lines + len, sizeof(r->lines) - len, "%.*s\n",
		       (int)msg_len, msg);
}

static inline void rig_event(void *ctx)
{
	((struct ldobj_rig *)ctx)->events++;
}

/* opts: what is no text's and no rig's own. */
static inline enum vmoon_status rig_make(struct ldobj_rig *r, const char *text,
					 struct vmoon_ldobj_options opts)
{
	if (r->dog == NULL)
		assert_ok(vmoon_watchdog_create(NULL, &r->dog, &r->err),
			  &r->err);
	opts.watchdog = r->dog;
	if (opts.budget_ns == 0)
		opts.budget_ns = RIG_BUDGET_NS; /* a busy machine's */
	opts.source.path = "test.lua";
	opts.source.text = text;
	opts.source.len = strlen(text);
	return vmoon_ldobj_create(&opts, rig_problem, r, &r->obj, &r->err);
}

static inline enum vmoon_status rig_plug(struct ldobj_rig *r, const void *state,
					 size_t len)
{
	struct vmoon_bench_options opts = {.size = sizeof(opts)};
	struct vmoon_device_options custom;

	vmoon_ldobj_device(r->obj, &custom);
	opts.custom = &custom;
	opts.memory_bytes = RIG_MEMORY;
	opts.state = state;
	opts.state_len = len;
	opts.log = (struct vmoon_log){rig_line, r, VMOON_LOG_DEBUG};
	opts.tell = (struct vmoon_wake){rig_event, r};
	return vmoon_bench_create(&opts, &r->b, &r->err);
}

static inline void rig_open(struct ldobj_rig *r, const char *text,
			    struct vmoon_ldobj_options opts)
{
	memset(r, 0, sizeof(*r));
	assert_ok(rig_make(r, text, opts), &r->err);
	assert_ok(rig_plug(r, NULL, 0), &r->err);
}

static inline void rig_close(struct ldobj_rig *r)
{
	vmoon_bench_destroy(r->b);
	vmoon_ldobj_destroy(r->obj);
	vmoon_watchdog_destroy(r->dog);
}

static inline uint64_t rig_read(struct ldobj_rig *r, uint64_t off,
				unsigned width)
{
	uint64_t value = 0;

	assert_ok(vmoon_bench_read(r->b, off, width, &value, &r->err), &r->err);
	return value;
}

static inline uint64_t rig_read32(struct ldobj_rig *r, uint64_t off)
{
	return rig_read(r, off, 4);
}

static inline void rig_write32(struct ldobj_rig *r, uint64_t off,
			       uint64_t value)
{
	assert_ok(vmoon_bench_write(r->b, off, 4, value, &r->err), &r->err);
}

static inline void rig_advance(struct ldobj_rig *r, uint64_t ns)
{
	assert_ok(vmoon_bench_advance(r->b, ns, &r->err), &r->err);
}

static inline void rig_save(struct ldobj_rig *r)
{
	assert_ok(vmoon_bench_save(r->b, r->saved, sizeof(r->saved),
				   &r->saved_len, &r->err),
		  &r->err);
	assert_true(r->saved_len <= sizeof(r->saved));
}

static inline struct vmoon_ldobj_stats rig_stats(const struct ldobj_rig *r)
{
	struct vmoon_ldobj_stats st;

	vmoon_ldobj_stats(r->obj, &st);
	return st;
}

#endif
