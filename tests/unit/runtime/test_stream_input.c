/* SPDX-License-Identifier: MIT */
/* test_stream_input.c - input floods a stream: the input part of stream.c. */
#include "runtime/stream.h"
#include "tests/support/fixture.h"
#include "tests/support/vm_rig.h"

#include <stdlib.h>
#include <string.h>

enum { FIFO = 64, CHUNK = 4096 };
#ifdef __SANITIZE_THREAD__
#define FLOOD UINT64_C(10000000) /* the same turns, and a tenth of the time */
#else
#define FLOOD UINT64_C(100000000)
#endif

/* Bytes that tell at each place whether one is missing or came twice. */
static unsigned char byte_at(uint64_t i)
{
	return (unsigned char)((i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff);
}

/* A feeder and a guest with a receive FIFO, and what happened to them. */
struct rig {
	struct vmoon_loop loop;
	struct vmoon_stream s;
	struct vmoon_mem mem;
	struct vmoon_room ready;
	uint64_t got;    /* by the guest, all in order */
	size_t fifo;     /* bytes that it has not read */
	size_t appetite; /* how much it reads before it stops again */
	unsigned receives, re_arms;
	bool is_armed; /* the feeder's descriptor is polled */
	uint64_t fed;  /* by the feeder, read from its descriptor */
	unsigned wakes;
	unsigned char chunk[CHUNK];
	size_t pending;
};

/* The guest reads in the middle of the feeding, as one on a CPU does. */
static size_t room(void *ctx)
{
	struct rig *r = ctx;
	const size_t n = r->appetite < r->fifo ? r->appetite : r->fifo;

	r->fifo -= n;
	r->appetite -= n;
	return FIFO - r->fifo;
}

static size_t receive(void *ctx, const void *buf, size_t len)
{
	const unsigned char *bytes = buf;
	struct rig *r = ctx;

	r->receives++;
	if (len > FIFO - r->fifo)
		len = FIFO - r->fifo;
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != byte_at(r->got + i))
			fail_msg("byte %zu is wrong", (size_t)r->got + i);
	r->got += len;
	r->fifo += len;
	return len;
}

static void on_room(void *ctx)
{
	struct rig *r = ctx;

	r->re_arms++;
	r->is_armed = true;
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
	r->s.device = (struct vmoon_stream_device){
		.room = room, .receive = receive, .ctx = r};
	r->s.on_room = on_room;
	r->s.ctx = r;
	r->ready = vmoon_stream_room(&r->s);
	r->is_armed = true;
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

static void turn(struct rig *r)
{
	assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
}

/* One wake-up of the feeder: what it read before goes first. */
static void wake(struct rig *r)
{
	size_t taken = 0;

	r->wakes++;
	if (r->pending == 0) {
		r->pending = sizeof(r->chunk);
		if (r->pending > FLOOD - r->fed)
			r->pending = (size_t)(FLOOD - r->fed);
		for (size_t i = 0; i < r->pending; i++)
			r->chunk[i] = byte_at(r->fed + i);
		r->fed += r->pending;
	}
	assert_ok(vmoon_stream_write(&r->s, r->chunk, r->pending, &taken, NULL),
		  NULL);
	r->pending -= taken;
	memmove(r->chunk, r->chunk + taken, r->pending);
	r->is_armed = r->pending == 0;
}

/* The level-triggered input is ready all the time: what is armed, wakes. */
static void run_until_quiet(struct rig *r)
{
	turn(r);
	while (r->is_armed && (r->fed < FLOOD || r->pending > 0)) {
		wake(r);
		turn(r);
	}
}

/* The guest reads n bytes; the device tells when its FIFO is empty. */
static void drain(struct rig *r, size_t n)
{
	r->appetite = n;
	r->ready.ready(r->ready.ctx);
	turn(r);
}

static void test_ser_28__guest_that_never_reads_stops_its_feeder(void **state)
{
	struct rig *r = *state;
	unsigned wakes, receives;

	run_until_quiet(r);
	assert_false(r->is_armed); /* not in the poll set */
	assert_int_equal(r->got, FIFO);
	assert_int_equal(r->s.input_count, VMOON_STREAM_INPUT);
	/* In the FIFO, in the queue, and the rest of one chunk. */
	assert_int_equal(r->fed, FIFO + VMOON_STREAM_INPUT + r->pending);
	assert_true(r->pending <= CHUNK);
	wakes = r->wakes;
	receives = r->receives;
	for (int i = 0; i < 1000; i++)
		run_until_quiet(r);
	assert_int_equal(r->wakes, wakes);
	assert_int_equal(r->receives, receives);
	assert_int_equal(r->re_arms, 0);
}

/* Who asks all the same gets nothing, and wakes nobody. */
static void test_s03__writes_to_a_full_queue_wake_no_worker(void **state)
{
	struct rig *r = *state;
	size_t taken = 7;

	run_until_quiet(r);
	assert_ok(vmoon_stream_write(&r->s, "x", 1, &taken, NULL), NULL);
	assert_int_equal(taken, 0);
	assert_false(r->s.input_event.is_pending);
	assert_false(r->loop.is_woken);
}

static void test_ser_29__one_drain_re_arms_the_feeder_once(void **state)
{
	struct rig *r = *state;
	unsigned wakes;

	run_until_quiet(r);
	wakes = r->wakes;
	for (int i = 0; i < VMOON_STREAM_INPUT / 2 / FIFO - 1; i++)
		drain(r, FIFO);
	assert_int_equal(r->re_arms, 0); /* not for each FIFO */
	assert_int_equal(r->wakes, wakes);
	drain(r, FIFO);
	assert_int_equal(r->re_arms, 1);
	drain(r, VMOON_STREAM_INPUT); /* to the last byte, without a feeder */
	assert_int_equal(r->re_arms, 1);
	assert_int_equal(r->s.input_count, 0);
	run_until_quiet(r);
	assert_int_equal(r->re_arms, 1);
	assert_int_equal(r->s.input_count, VMOON_STREAM_INPUT);
}

static void test_s01__flood_of_100_mb_arrives_in_order_in_flat_memory(void **st)
{
	struct rig *r = *st;
	const size_t used = vmoon_mem_used(&r->mem);

	run_until_quiet(r);
	/* A FIFO now and then, a little more, much more than the queue. */
	for (uint64_t i = 0; r->got < FLOOD; i++) {
		const unsigned re_arms = r->re_arms;

		drain(r, i % 9 == 0   ? 3 * VMOON_STREAM_INPUT
			 : i % 2 == 0 ? FIFO
				      : 1 + i * 13 % 5000);
		assert_true(r->re_arms <= re_arms + 1);
		run_until_quiet(r);
		assert_true(r->s.input_count <= VMOON_STREAM_INPUT);
	}
	/* Each wake-up read a chunk, or came from a re-arm; none was idle. */
	assert_true(r->wakes <= FLOOD / CHUNK + 1 + r->re_arms);
	assert_true(r->re_arms <= FLOOD / (VMOON_STREAM_INPUT / 2) + 1);
	assert_int_equal(r->got, FLOOD);
	assert_int_equal(r->fed, FLOOD);
	assert_int_equal(r->pending, 0);
	assert_int_equal(vmoon_mem_used(&r->mem), used);
}

/* Wake-ups while full: the one that finds it so, and none after it. */
static void test_s03__full_queue_costs_two_wakes_at_most(void **state)
{
	struct rig *r = *state;
	unsigned wakes;

	while (r->s.input_count < VMOON_STREAM_INPUT) {
		wake(r);
		turn(r);
	}
	wakes = r->wakes;
	run_until_quiet(r);
	run_until_quiet(r);
	assert_true(r->wakes <= wakes + 2);
}

/* What the old guest did not read is not for the new one; the rest is. */
static void test_stream_input__reset_drops_what_waits_and_re_arms(void **state)
{
	struct rig *r = *state;

	run_until_quiet(r);
	vmoon_stream_reset(&r->s);
	assert_int_equal(r->re_arms, 1);
	assert_int_equal(r->s.input_count, 0);
	r->got += VMOON_STREAM_INPUT;
	run_until_quiet(r);
	assert_int_equal(r->s.input_count, VMOON_STREAM_INPUT);
	vmoon_stream_reset(&r->s);
	vmoon_stream_reset(&r->s);
	assert_int_equal(r->re_arms, 2);
}

/* ---- with a whole VM: the runtime's descriptor is what wakes ---- */

static size_t fill(struct vm_rig *r)
{
	static const unsigned char block[CHUNK];
	size_t taken = 0, total = 0;
	struct vmoon_error err;

	do {
		assert_ok(vmoon_stream_write(&r->vm->console, block,
					     sizeof(block), &taken, &err),
			  &err);
		total += taken;
	} while (taken == sizeof(block));
	return total;
}

static enum vmoon_status wait_for_room(struct vm_rig *r, int64_t timeout_ns)
{
	struct vmoon_error err;

	return vmoon_runtime_wait(r->rt, timeout_ns, &err);
}

static void test_ser_29__room_makes_the_runtime_descriptor_readable(void **st)
{
	static const struct vmoon_fake_step steps[] = {
		{.kind = VMOON_FAKE_SPIN},
		{.kind = VMOON_FAKE_EXIT,
		 .repeat = 1000000000,
		 .exit = {.kind = VMOON_HV_EXIT_PIO,
			  .size = 1,
			  .count = 1,
			  .addr = PORT_SERIAL}},
		{.kind = VMOON_FAKE_SPIN}};
	const struct vmoon_fake_script script = {steps, 3};
	struct vm_rig *r = *st;
	struct vmoon_error err;

	rig_create(r, &script, 1);
	rig_start(r);
	assert_true(fill(r) >= VMOON_STREAM_INPUT);
	while (fill(r) > 0) /* the worker moves 64 into the FIFO */
		continue;
	while (wait_for_room(r, 0) == VMOON_OK)
		continue; /* the state has changed, too */
	assert_int_equal(wait_for_room(r, 0), VMOON_E_TIMEOUT);
	/* A kick ends the spin: the guest reads as fast as it can. */
	assert_ok(vmoon_vm_pause(r->vm, &err), &err);
	assert_ok(vmoon_vm_resume(r->vm, &err), &err);
	while (fill(r) == 0) /* pause and resume are told as well */
		assert_int_equal(wait_for_room(r, RIG_TIMEOUT_NS), VMOON_OK);
}

#define INPUT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
	INPUT(test_ser_28__guest_that_never_reads_stops_its_feeder),
	INPUT(test_s03__writes_to_a_full_queue_wake_no_worker),
	INPUT(test_ser_29__one_drain_re_arms_the_feeder_once),
	INPUT(test_s01__flood_of_100_mb_arrives_in_order_in_flat_memory),
	INPUT(test_s03__full_queue_costs_two_wakes_at_most),
	INPUT(test_stream_input__reset_drops_what_waits_and_re_arms),
	RIG(test_ser_29__room_makes_the_runtime_descriptor_readable),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
