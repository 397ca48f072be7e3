/* SPDX-License-Identifier: MIT */
/*
 * test_stream_hold.c - mirrors runtime/stream.c: who is woken, who is held, and
 * that whoever was held is told when it is over.
 */
#include "runtime/stream.h"
#include "tests/support/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A device that counts how often it may go on, and asks again. */
struct rig {
	struct vmoon_loop loop;
	struct vmoon_stream s;
	struct vmoon_sink sink;
	unsigned resumed, limited;
	bool is_held; /* as it was when it was resumed last */
	struct vmoon_error err;
};

static void resume(void *ctx)
{
	struct rig *r = ctx;

	r->resumed++;
	r->is_held = r->sink.is_held(r->sink.ctx);
}

static void on_limited(void *ctx)
{
	((struct rig *)ctx)->limited++;
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	*state = r;
	if (r == NULL || vmoon_loop_init(&r->loop, NULL) != VMOON_OK ||
	    vmoon_stream_init(&r->s, &r->loop, NULL, NULL) != VMOON_OK)
		return -1;
	r->s.device = (struct vmoon_stream_device){.resume = resume, .ctx = r};
	r->s.on_limited = on_limited;
	r->s.ctx = r;
	r->sink = vmoon_stream_sink(&r->s);
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_stream_fini(&r->s);
	vmoon_loop_fini(&r->loop);
	free(r);
	return 0;
}

static void put(struct rig *r, size_t len)
{
	char bytes[1024];

	memset(bytes, 'x', sizeof(bytes));
	for (; len > 0; len -= len < sizeof(bytes) ? len : sizeof(bytes))
		assert_true(
			r->sink.put(r->sink.ctx, bytes,
				    len < sizeof(bytes) ? len : sizeof(bytes)));
}

static bool is_held(struct rig *r)
{
	return r->sink.is_held(r->sink.ctx);
}

static void turn(struct rig *r)
{
	assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
}

/* The time of settle comes. */
static void settle(struct rig *r)
{
	assert_int_not_equal(r->s.settle.deadline_ns, 0);
	r->s.settle.deadline_ns = 1;
	turn(r);
}

/* A sink to nowhere that pauses; a rate so low that no byte more goes. */
static void add_pausing(struct rig *r)
{
	struct vmoon_output_options opts =
		VMOON_INIT(struct vmoon_output_options);

	opts.limit = (struct vmoon_limit){.size = sizeof(opts.limit),
					  .policy = VMOON_LIMIT_PAUSE,
					  .rate = 1,
					  .burst = 1,
					  .max_stall_ns = 10000000000};
	assert_ok(vmoon_stream_add_output(&r->s, &opts, &r->err), &r->err);
	turn(r);
}

/* ---- wake-ups ---- */

static void test_stream__nobody_is_woken_for_each_byte(void **state)
{
	struct rig *r = *state;

	put(r, 1);
	turn(r);
	assert_int_equal(vmoon_stream_tell(&r->s), 1);
	/* Marked pending, and nobody was woken for the next. */
	put(r, 1);
	assert_false(r->loop.is_woken);
	settle(r);
	assert_int_equal(vmoon_stream_tell(&r->s), 2);
	settle(r);
	/* It was quiet for as long: the next byte wakes us, */
	put(r, 1);
	assert_true(r->loop.is_woken);
	turn(r);
	assert_int_equal(vmoon_stream_tell(&r->s), 3);
	/* and after two looks at nothing there is no third. */
	settle(r);
	settle(r);
	assert_int_equal(r->s.settle.deadline_ns, 0);
}

/*
 * A byte whose writer saw us pending a moment too long, so that it woke nobody,
 * is found by the last look.
 */
static void put_unseen(struct rig *r)
{
	assert_true(vmoon_ring_put(&r->s.ring, "y", 1));
}

static void test_stream__the_last_look_finds_what_woke_nobody(void **state)
{
	struct rig *r = *state;

	put(r, 1);
	turn(r);
	settle(r);
	put_unseen(r);
	settle(r);
	assert_int_equal(vmoon_stream_tell(&r->s), 2);
}

static void test_stream__there_is_one_also_when_others_moved_the_bytes(
	void **state)
{
	struct rig *r = *state;

	put(r, 1);
	vmoon_stream_drain(&r->s); /* as at a wish of the guest's */
	turn(r);
	put_unseen(r);
	settle(r);
	assert_int_equal(vmoon_stream_tell(&r->s), 2);
	settle(r);
	settle(r);
	assert_int_equal(r->s.settle.deadline_ns, 0);
}

/* ---- holding ---- */

static void test_stream__without_a_pausing_output_nobody_is_held(void **state)
{
	struct rig *r = *state;

	put(r, VMOON_RING_BYTES);
	assert_false(is_held(r));
	turn(r);
	assert_int_equal(r->resumed, 0);
}

static void test_stream__a_full_ring_holds_and_the_drain_resumes(void **state)
{
	struct rig *r = *state;
	struct vmoon_limit quick = {.size = sizeof(quick),
				    .policy = VMOON_LIMIT_PAUSE,
				    .rate = 1 << 30};

	add_pausing(r);
	assert_ok(vmoon_stream_limit_output(&r->s, "null", &quick, &r->err),
		  &r->err);
	turn(r);
	put(r, VMOON_OUTPUT_HOLD_AT - 1);
	assert_false(is_held(r));
	put(r, 1);
	assert_true(is_held(r));
	assert_int_equal(r->resumed, 0);
	turn(r);
	assert_int_equal(r->resumed, 1);
	assert_false(r->is_held);
	assert_false(is_held(r));
	turn(r);
	assert_int_equal(r->resumed, 1); /* once for each time */
}

static void hold(struct rig *r)
{
	add_pausing(r);
	put(r, VMOON_OUTPUT_HOLD_AT + 1);
	turn(r);
	assert_true(is_held(r));
	turn(r);
	assert_int_equal(r->resumed, 0);
}

static void test_stream__another_limit_resumes(void **state)
{
	struct rig *r = *state;
	struct vmoon_limit none = {.size = sizeof(none)};

	hold(r);
	assert_ok(vmoon_stream_limit_output(&r->s, "null", &none, &r->err),
		  &r->err);
	assert_false(is_held(r));
	turn(r);
	assert_int_equal(r->resumed, 1);
	assert_false(r->is_held);
}

static void test_stream__removal_resumes(void **state)
{
	struct rig *r = *state;

	hold(r);
	assert_ok(vmoon_stream_remove_output(&r->s, "null", &r->err), &r->err);
	turn(r);
	assert_int_equal(r->resumed, 1);
	assert_false(r->is_held);
}

/* One of two lets go: the other one's hold is not over. */
static void test_stream__who_is_held_by_two_waits_for_both(void **state)
{
	struct rig *r = *state;
	struct vmoon_output_options opts =
		VMOON_INIT(struct vmoon_output_options);

	opts.name = "second";
	opts.limit = (struct vmoon_limit){.size = sizeof(opts.limit),
					  .policy = VMOON_LIMIT_PAUSE,
					  .rate = 1,
					  .burst = 1};
	assert_ok(vmoon_stream_add_output(&r->s, &opts, &r->err), &r->err);
	hold(r);
	assert_ok(vmoon_stream_remove_output(&r->s, "null", &r->err), &r->err);
	turn(r);
	assert_int_equal(r->resumed, 0);
	assert_true(is_held(r));
	assert_ok(vmoon_stream_remove_output(&r->s, "second", &r->err),
		  &r->err);
	turn(r);
	assert_int_equal(r->resumed, 1);
}

static void test_stream__the_end_writes_all_and_holds_nobody(void **state)
{
	struct rig *r = *state;
	struct vmoon_output_stats stats = VMOON_INIT(struct vmoon_output_stats);

	hold(r);
	vmoon_stream_flush(&r->s, 0);
	assert_false(is_held(r));
	assert_ok(vmoon_stream_output_stats(&r->s, 0, &stats, &r->err),
		  &r->err);
	assert_int_equal(stats.bytes_in, VMOON_OUTPUT_HOLD_AT + 1);
	assert_int_equal(stats.bytes_out, VMOON_OUTPUT_HOLD_AT + 1);
	assert_int_equal(stats.bytes_queued, 0);
}

static void test_stream__a_reset_keeps_what_holds(void **state)
{
	struct rig *r = *state;

	hold(r);
	vmoon_stream_reset(&r->s);
	assert_true(is_held(r));
	assert_ok(vmoon_stream_remove_output(&r->s, "null", &r->err), &r->err);
	turn(r);
	assert_int_equal(r->resumed, 1);
}

static void test_stream__a_log_is_never_held(void **state)
{
	struct rig *r = *state;
	struct vmoon_output_options opts =
		VMOON_INIT(struct vmoon_output_options);
	struct vmoon_limit limit = {.size = sizeof(limit),
				    .policy = VMOON_LIMIT_PAUSE,
				    .rate = 1024};

	r->s.is_log = true;
	opts.limit.size = sizeof(opts.limit);
	assert_ok(vmoon_stream_add_output(&r->s, &opts, &r->err), &r->err);
	assert_int_equal(
		vmoon_stream_limit_output(&r->s, "null", &limit, &r->err),
		VMOON_E_CONFIG);
	assert_string_equal(r->err.msg,
			    "limit: a log has no guest that could be paused; "
			    "choose \"drop\" or \"spool\"");
	opts.name = "other";
	opts.limit = limit;
	assert_int_equal(vmoon_stream_add_output(&r->s, &opts, &r->err),
			 VMOON_E_CONFIG);
	assert_false(vmoon_outputs_has(&r->s.outputs, "other"));
}

/* ---- memory ---- */

/* A stream that says nothing costs a host page, not its rings. */
static void test_stream__an_idle_one_touches_no_page(void **state)
{
	struct rig *r = *state;
	const long page = sysconf(_SC_PAGESIZE);
	const size_t pages =
		(VMOON_STREAM_BACKLOG + VMOON_STREAM_INPUT + VMOON_RING_BYTES) /
		(size_t)page;
	unsigned char in[1024];
	size_t touched = 0;

	assert_in_range(pages, 1, sizeof(in));
	assert_in_range(sizeof(r->s), 1, 8192);
	assert_int_equal(mincore(r->s.backlog, pages * (size_t)page, in), 0);
	for (size_t i = 0; i < pages; i++)
		touched += in[i] & 1u;
	assert_int_equal(touched, 0);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
	RIG(test_stream__nobody_is_woken_for_each_byte),
	RIG(test_stream__the_last_look_finds_what_woke_nobody),
	RIG(test_stream__there_is_one_also_when_others_moved_the_bytes),
	RIG(test_stream__without_a_pausing_output_nobody_is_held),
	RIG(test_stream__a_full_ring_holds_and_the_drain_resumes),
	RIG(test_stream__another_limit_resumes),
	RIG(test_stream__removal_resumes),
	RIG(test_stream__who_is_held_by_two_waits_for_both),
	RIG(test_stream__the_end_writes_all_and_holds_nobody),
	RIG(test_stream__a_reset_keeps_what_holds),
	RIG(test_stream__a_log_is_never_held),
	RIG(test_stream__an_idle_one_touches_no_page),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
