/* SPDX-License-Identifier: MIT */
/* test_stream_port.c - the sink for devices that wait: runtime/stream.c. */
#include "runtime/stream.h"
#include "tests/support/fixture.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE = VMOON_STREAM_PIECE, RING = VMOON_RING_BYTES };

struct rig {
	struct vmoon_mem mem;
	struct vmoon_loop loop;
	struct vmoon_stream s;
	struct vmoon_sink out;
	unsigned resumed;
	uint64_t sent;
};

static size_t no_room(void *ctx)
{
	(void)ctx;
	return 0;
}

static size_t take_nothing(void *ctx, const void *buf, size_t len)
{
	(void)ctx;
	(void)buf;
	(void)len;
	return 0;
}

static void count_resume(void *ctx)
{
	((struct rig *)ctx)->resumed++;
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	*state = r;
	if (r == NULL)
		return -1;
	vmoon_mem_init(&r->mem, NULL);
	if (vmoon_loop_init(&r->loop, NULL) != VMOON_OK ||
	    vmoon_stream_init(&r->s, &r->loop, &r->mem, NULL) != VMOON_OK)
		return -1;
	r->out = vmoon_stream_port_sink(&r->s);
	r->s.device = (struct vmoon_stream_device){.room = no_room,
						   .receive = take_nothing,
						   .resume = count_resume,
						   .ctx = r};
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_stream_fini(&r->s);
	vmoon_loop_fini(&r->loop);
	assert_int_equal(vmoon_mem_used(&r->mem), 0);
	free(r);
	return 0;
}

/* As the device does: pieces until it is held. */
static void send(struct rig *r)
{
	unsigned char piece[PIECE];

	for (int i = 0; i < 64 && !r->out.is_held(r->out.ctx); i++) {
		for (size_t n = 0; n < PIECE; n++)
			piece[n] = (unsigned char)((r->sent + n) % 251);
		assert_true(r->out.put(r->out.ctx, piece, PIECE));
		r->sent += PIECE;
	}
	assert_true(r->out.is_held(r->out.ctx));
}

/* The worker is not left to sleep until it has settled. */
static void turn(struct rig *r)
{
	struct vmoon_error err;

	assert_true(r->loop.is_woken);
	assert_ok(vmoon_loop_turn(&r->loop, 0, &err), &err);
}

static void test_stream_port__is_held_before_the_ring_overflows(void **state)
{
	struct rig *r = *state;
	uint64_t dropped = 1;

	send(r);
	assert_int_equal(r->sent, RING);
	assert_int_equal(r->resumed, 0);
	turn(r); /* without a wait: the worker was woken for it */
	assert_int_equal(r->resumed, 1);
	assert_false(r->out.is_held(r->out.ctx));
	assert_int_equal(vmoon_stream_total(&r->s, &dropped), RING);
	assert_int_equal(dropped, 0);
}

static void test_c02__a_flood_through_a_port_loses_nothing_it_can_hold(
	void **state)
{
	const uint64_t end = UINT64_C(64) * 1024 * 1024;
	struct rig *r = *state;
	unsigned char seen[PIECE];
	uint64_t pos = 0, dropped = 1;
	unsigned turns = 0;
	size_t heap = 0, len;

	while (r->sent < end) {
		send(r);
		turn(r);
		assert_int_equal(r->resumed, ++turns);
		while ((len = vmoon_stream_read(&r->s, &pos, seen,
						sizeof(seen))) > 0)
			for (size_t i = 0; i < len; i++)
				assert_int_equal(seen[i],
						 (pos - len + i) % 251);
		assert_int_equal(pos, r->sent);
		if (turns == 1)
			heap = vmoon_mem_used(&r->mem);
	}
	assert_int_equal(vmoon_stream_total(&r->s, &dropped), r->sent);
	assert_int_equal(dropped, 0);
	assert_int_equal(vmoon_mem_used(&r->mem), heap);
}

static void add_output(struct rig *r, enum vmoon_limit_policy policy)
{
	const struct vmoon_output_options o = {
		.size = sizeof(o),
		.name = "out",
		.kind = VMOON_OUTPUT_RING,
		.limit = {.size = sizeof(o.limit),
			  .policy = policy,
			  .rate = 1024 * 1024,
			  .burst = 64 * 1024}};
	struct vmoon_error err;

	assert_ok(vmoon_stream_add_output(&r->s, &o, &err), &err);
}

static struct vmoon_output_stats stats_of(struct rig *r)
{
	struct vmoon_output_stats stats = VMOON_INIT(struct vmoon_output_stats);
	struct vmoon_error err;

	assert_ok(vmoon_stream_output_stats(&r->s, 0, &stats, &err), &err);
	return stats;
}

static void test_c02__an_output_that_drops_does_not_hold_a_port(void **state)
{
	struct rig *r = *state;
	uint64_t dropped = 1;

	add_output(r, VMOON_LIMIT_DROP);
	for (unsigned i = 0; i < 100; i++) {
		send(r);
		turn(r);
		assert_int_equal(r->resumed, i + 1);
	}
	assert_int_equal(r->sent, 100 * RING);
	assert_int_equal(vmoon_stream_total(&r->s, &dropped), r->sent);
	assert_int_equal(dropped, 0);
	assert_true(stats_of(r).bytes_dropped > 0);
}

static void test_c02__an_output_that_pauses_gets_every_byte(void **state)
{
	struct rig *r = *state;
	uint64_t dropped = 1;

	add_output(r, VMOON_LIMIT_PAUSE);
	for (unsigned i = 0; i < 200 && r->sent < 256 * 1024; i++) {
		send(r);
		/* At most until the limit lets more go. */
		for (int t = 0; t < 10 && r->out.is_held(r->out.ctx); t++)
			assert_int_equal(
				vmoon_loop_turn(&r->loop, 1000000000, NULL),
				VMOON_OK);
	}
	assert_true(r->sent >= 256 * 1024);
	assert_int_equal(vmoon_stream_total(&r->s, &dropped), r->sent);
	assert_int_equal(dropped, 0);
	assert_int_equal(stats_of(r).bytes_dropped, 0);
}

static void test_stream_port__several_streams_do_not_know_each_other(
	void **state)
{
	struct rig *r = *state;
	struct vmoon_stream other;
	struct vmoon_error err;
	struct vmoon_sink out;

	assert_ok(vmoon_stream_init(&other, &r->loop, &r->mem, &err), &err);
	out = vmoon_stream_port_sink(&other);
	send(r);
	assert_false(out.is_held(out.ctx));
	assert_true(out.put(out.ctx, "hello", 5));
	turn(r);
	assert_int_equal(vmoon_stream_tell(&r->s), RING);
	assert_int_equal(vmoon_stream_tell(&other), 5);
	assert_int_equal(r->resumed, 1);
	r->loop.events = NULL; /* neither is run again */
	r->loop.timers = NULL;
	vmoon_stream_fini(&other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_stream_port__is_held_before_the_ring_overflows,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_c02__a_flood_through_a_port_loses_nothing_it_can_hold,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_c02__an_output_that_drops_does_not_hold_a_port,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_c02__an_output_that_pauses_gets_every_byte, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_stream_port__several_streams_do_not_know_each_other,
			setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
