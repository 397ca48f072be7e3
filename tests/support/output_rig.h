/* SPDX-License-Identifier: MIT */
/* output_rig.h - an output, its fake destination and a clock of the test's. */
#ifndef VMOON_TESTS_OUTPUT_RIG_H
#define VMOON_TESTS_OUTPUT_RIG_H

#include "runtime/output.h"
#include "tests/support/check_alloc.h"
#include "tests/support/fake_dest.h"

#define RIG_SECOND UINT64_C(1000000000)
#define RIG_START (5 * RIG_SECOND)

enum { RIG_BYTES = 4 << 20 };

struct output_rig {
	struct check_alloc alloc;
	struct vmoon_mem mem;
	struct fake_dest to;
	struct vmoon_output *o;
	uint64_t now, pumps;
	struct vmoon_error err;
};

/* Bytes that tell where they came from, and lines of every length. */
static inline uint32_t rig_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static inline struct vmoon_output_stats rig_stats(const struct vmoon_output *o)
{
	struct vmoon_output_stats s;

	vmoon_output_get_stats(o, &s);
	return s;
}

/* What holds after every call. */
static inline void rig_check(const struct output_rig *r)
{
	const struct vmoon_output_stats s = rig_stats(r->o);

	assert_int_equal(s.bytes_in,
			 s.bytes_out + s.bytes_dropped + s.bytes_queued);
	assert_int_equal(r->to.taken, s.bytes_out + s.marker_bytes);
	assert_true(s.lines_dropped <= s.bytes_dropped);
}

static inline void rig_open(struct output_rig *r,
			    const struct vmoon_limit *limit)
{
	const struct vmoon_allocator allocator = check_allocator(&r->alloc);
	struct vmoon_output_options opts = {
		.size = sizeof(opts), .name = "t", .limit = *limit};
	unsigned char *bytes = malloc(RIG_BYTES);

	assert_non_null(bytes);
	r->alloc = (struct check_alloc){0};
	vmoon_mem_init(&r->mem, &allocator);
	opts.limit.size = sizeof(opts.limit);
	r->now = RIG_START;
	r->pumps = 0;
	assert_ok(vmoon_output_create(&opts,
				      fake_dest_init(&r->to, bytes, RIG_BYTES),
				      &r->mem, r->now, &r->o, &r->err),
		  &r->err);
	rig_check(r);
}

static inline void rig_close(struct output_rig *r)
{
	vmoon_output_destroy(r->o);
	assert_int_equal(r->to.destroyed, 1);
	assert_int_equal(vmoon_mem_used(&r->mem), 0);
	check_alloc_assert_empty(&r->alloc);
	free(r->to.bytes);
}

static inline void rig_put(struct output_rig *r, const void *buf, size_t len)
{
	vmoon_output_put(r->o, buf, len, r->now);
	rig_check(r);
}

static inline void rig_say(struct output_rig *r, const char *text)
{
	rig_put(r, text, strlen(text));
}

static inline void rig_pump(struct output_rig *r)
{
	vmoon_output_pump(r->o, r->now);
	r->pumps++;
	rig_check(r);
}

static inline void rig_limit(struct output_rig *r,
			     const struct vmoon_limit *given)
{
	struct vmoon_limit limit = *given;

	limit.size = sizeof(limit);
	assert_ok(vmoon_output_limit(r->o, &limit, r->now, &r->err), &r->err);
	rig_check(r);
}

/*
 * As the worker does: pumps when it is due and takes events, until a time. A
 * time that is due twice with nothing done between would be a busy loop.
 */
static inline void rig_run(struct output_rig *r, uint64_t until)
{
	unsigned idle = 0;

	while (r->now < until) {
		const uint64_t taken = r->to.taken;
		uint64_t due;

		VMOON_IGNORE(vmoon_output_take_event(r->o, r->now));
		due = vmoon_output_due(r->o, r->now);
		if (due == 0 || due >= until)
			r->now = until;
		else if (due > r->now)
			r->now = due;
		else
			idle++;
		rig_pump(r);
		idle = r->to.taken != taken || due > r->now ? 0 : idle;
		assert_true(idle < 4);
	}
}

static inline void rig_assert_text(struct output_rig *r, const char *want)
{
	r->to.bytes[r->to.len] = 0;
	assert_string_equal((char *)r->to.bytes, want);
}

#endif
