/* SPDX-License-Identifier: MIT */
/*
 * test_vm_virtio_threads.c - a running VM's virtio devices, with all of its
 * threads: requests, resets among them, and an end among them.
 */
#include "tests/support/virtio_bus.h"

#include <pthread.h>
#include <semaphore.h>

enum { ROUNDS = 20, REQUESTS = 8, LOOKS = 4, PATIENCE_S = 20 };
enum { RESETS = 10000 };

static void wait_resets(struct vmoon_vm *vm, uint64_t n)
{
	while (__atomic_load_n(&vm->resets, __ATOMIC_RELAXED) < n)
		VMOON_IGNORE(sched_yield());
	/* Counted in the middle of it: a wish of before its end is served. */
	vmoon_lock_take(&vm->lock);
	vmoon_lock_drop(&vm->lock);
}

static void start(struct vv *v)
{
	vv_describe(v, 1, true, 1);
	v->rig->rt->flags |= VMOON_RUNTIME_NO_SANDBOX;
	vv_create(v);
	rig_start(v->rig);
}

/* All of the requests come back, whatever thread does what when. */
static void test_vm__requests_of_a_running_vm_come_back(void **state)
{
	struct vv *v = *state;
	struct vmoon_driver_blk b[REQUESTS];
	struct bus_device bus;
	struct vmoon_driver *d;
	struct vmoon_error err;
	unsigned done;

	start(v);
	d = vv_bus_driver(v, &bus, 0);
	assert_ok(vmoon_driver_probe(d, VMOON_VIRTIO_F_VERSION_1, 32, &err),
		  &err);
	for (int round = 0; round < ROUNDS; round++) {
		done = 0;
		for (size_t i = 0; i < REQUESTS; i++) {
			b[i] = (struct vmoon_driver_blk){
				.type = VMOON_DRIVER_BLK_IN,
				.sector = i,
				.len = 512};
			assert_true(vmoon_driver_blk_start(d, &b[i], NULL));
			vmoon_driver_kick(d, 0, true);
		}
		while (done < REQUESTS)
			done += vmoon_driver_io_poll(d, 0);
		for (size_t i = 0; i < REQUESTS; i++)
			assert_int_equal(
				vmoon_driver_blk_finish(d, &b[i], NULL), 0);
	}
	vmoon_driver_destroy(d);
}

/* The guest is reset while requests are on their way, again and again. */
static void test_vm__resets_meet_requests_at_any_time(void **state)
{
	struct vv *v = *state;
	struct vmoon_disk_stats s = VMOON_INIT(struct vmoon_disk_stats);
	struct bus_device bus;
	struct vmoon_driver *d;
	struct vmoon_error err;

	start(v);
	d = vv_bus_driver(v, &bus, 0);
	for (uint64_t round = 1; round <= 3; round++) {
		struct vmoon_driver_blk b = {.type = VMOON_DRIVER_BLK_IN,
					     .len = 512};

		assert_ok(vmoon_driver_probe(d, VMOON_VIRTIO_F_VERSION_1, 32,
					     &err),
			  &err);
		for (int i = 0; i < REQUESTS; i++) {
			struct vmoon_driver_blk more = b;

			assert_true(vmoon_driver_blk_start(d, &more, NULL));
			vmoon_driver_kick(d, 0, true);
		}
		vmoon_vm_wish_reset(v->rig->vm);
		wait_resets(v->rig->vm, round);
		vmoon_driver_reset(d);
		assert_ok(vmoon_vm_disk_stats(v->rig->vm, "d0", &s, &err),
			  &err);
		assert_int_equal(s.in_flight, 0);
	}
	vmoon_driver_destroy(d);
}

static void test_vm__an_end_meets_requests(void **state)
{
	struct vv *v = *state;
	struct vmoon_driver_blk b = {.type = VMOON_DRIVER_BLK_IN, .len = 512};
	struct bus_device bus;
	struct vmoon_driver *d;
	struct vmoon_error err;

	start(v);
	d = vv_bus_driver(v, &bus, 0);
	assert_ok(vmoon_driver_probe(d, VMOON_VIRTIO_F_VERSION_1, 32, &err),
		  &err);
	for (int i = 0; i < REQUESTS; i++) {
		struct vmoon_driver_blk more = b;

		assert_true(vmoon_driver_blk_start(d, &more, NULL));
		vmoon_driver_kick(d, 0, true);
	}
	vmoon_driver_destroy(d);
	vv_end(v);
	assert_int_equal(v->detached, 1);
}

/* What was kicked before a pause may still be done: a vCPU is not needed. */
static void test_vm__a_paused_vm_answers_what_was_kicked(void **state)
{
	struct vv *v = *state;
	struct vmoon_driver_blk b = {.type = VMOON_DRIVER_BLK_IN, .len = 512};
	struct bus_device bus;
	struct vmoon_driver *d;
	struct vmoon_error err;

	start(v);
	d = vv_bus_driver(v, &bus, 0);
	assert_ok(vmoon_driver_probe(d, VMOON_VIRTIO_F_VERSION_1, 32, &err),
		  &err);
	assert_true(vmoon_driver_blk_start(d, &b, NULL));
	vmoon_driver_kick(d, 0, true);
	assert_ok(vmoon_vm_pause(v->rig->vm, &err), &err);
	while (vmoon_driver_io_poll(d, 0) == 0)
		VMOON_IGNORE(sched_yield());
	assert_int_equal(vmoon_driver_blk_finish(d, &b, NULL), 0);
	vmoon_driver_destroy(d);
}

/* ---- resets and pauses at once ---- */

struct pauser {
	struct vmoon_vm *vm;
	uint64_t failures;       /* its own until it was joined */
	bool has_begun, is_over; /* atomic */
};

static void *pause_and_resume(void *ctx)
{
	struct pauser *p = ctx;

	while (!__atomic_load_n(&p->is_over, __ATOMIC_RELAXED)) {
		p->failures += vmoon_vm_pause(p->vm, NULL) != VMOON_OK;
		p->failures += vmoon_vm_resume(p->vm, NULL) != VMOON_OK;
		__atomic_store_n(&p->has_begun, true, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void test_t11__resets_and_pauses_of_two_threads_end(void **state)
{
	struct vv *v = *state;
	const struct vmoon_driver_blk ask = {.type = VMOON_DRIVER_BLK_IN,
					     .len = 512};
	struct pauser p = {0};
	struct bus_device bus;
	struct vmoon_driver *d;
	struct vmoon_error err;
	pthread_t thread;

	start(v);
	p.vm = v->rig->vm;
	d = vv_bus_driver(v, &bus, 0);
	assert_int_equal(pthread_create(&thread, NULL, pause_and_resume, &p),
			 0);
	while (!__atomic_load_n(&p.has_begun, __ATOMIC_RELAXED))
		VMOON_IGNORE(sched_yield());
	for (int i = 0; i < RESETS; i++) {
		struct vmoon_driver_blk b = ask;

		vmoon_driver_reset(d);
		if (i % 16 != 0)
			continue;
		/* Something is under way when the next one comes. */
		assert_ok(vmoon_driver_probe(d, VMOON_VIRTIO_F_VERSION_1, 32,
					     &err),
			  &err);
		assert_true(vmoon_driver_blk_start(d, &b, NULL));
		vmoon_driver_kick(d, 0, true);
	}
	__atomic_store_n(&p.is_over, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(p.failures, 0);
	vmoon_driver_reset(d);
	assert_ok(vmoon_driver_probe(d, VMOON_VIRTIO_F_VERSION_1, 32, &err),
		  &err);
	vmoon_driver_destroy(d);
}

/* ---- a backend that waits for its loop, as one with a ring does ---- */

struct slow_disk {
	struct vv *all;
	struct vmoon_loop_event ended; /* on the disk's loop */
	sem_t seen;
	bool has_timer, is_stuck;
};

static struct slow_disk *slow_of(struct vmoon_block *b)
{
	return vv_disk_of(b)->all->host.work_ctx;
}

static void slow_ended(void *ctx)
{
	struct slow_disk *s = ctx;

	(void)sem_post(&s->seen);
}

/* The loop has other things to do for the device meanwhile. */
static void disturb(const struct slow_disk *s)
{
	struct vmoon_vm *vm = s->all->rig->vm;
	struct vmoon_device *dev = vmoon_board_slot(vm->board, "d0")->dev;
	const struct vmoon_timer *timer =
		&vmoon_virtio_mmio_device(dev)->host.timer;
	uint64_t queue = 0;
	struct vmoon_hv_exit kick = {.kind = VMOON_HV_EXIT_MMIO,
				     .is_write = true,
				     .size = 4,
				     .count = 1,
				     .addr = VV_WINDOW(0) + 0x50,
				     .data = (unsigned char *)&queue};

	if (s->has_timer)
		timer->set(timer->ctx, 1); /* it is due */
	else
		assert_true(vmoon_fake_signal(&s->all->rig->hv, &kick));
}

/* Under the device's lock. The time is for a failure alone. */
static bool slow_drain(struct vmoon_block *b)
{
	struct slow_disk *s = slow_of(b);
	struct timespec until;

	disturb(s);
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	for (int i = 0; i < LOOKS && !s->is_stuck; i++) {
		vmoon_loop_fire(&s->ended);
		s->is_stuck = sem_timedwait(&s->seen, &until) != 0;
	}
	return vv_drain(b);
}

static const struct vmoon_block_ops slow_ops = {vv_submit, slow_drain,
						vv_destroy};

static void reset_meets(struct vv *v, bool has_timer)
{
	struct slow_disk s = {.all = v, .has_timer = has_timer};
	struct vmoon_driver_blk b = {.type = VMOON_DRIVER_BLK_IN, .len = 512};
	struct bus_device bus;
	struct vmoon_driver *d;
	struct vmoon_error err;

	assert_int_equal(sem_init(&s.seen, 0, 0), 0);
	vv_describe(v, 1, true, 1);
	v->rig->rt->flags |= VMOON_RUNTIME_NO_SANDBOX;
	vv_create(v);
	vmoon_loop_add_event(v->disks[0].loop, &s.ended, slow_ended, &s);
	v->host.work_ctx = &s;
	rig_start(v->rig);
	d = vv_bus_driver(v, &bus, 0);
	assert_ok(vmoon_driver_probe(d, VMOON_VIRTIO_F_VERSION_1, 32, &err),
		  &err);
	v->disks[0].outer.ops = &slow_ops;
	vmoon_driver_reset(d);
	v->disks[0].outer.ops = &vv_block_ops;
	assert_false(s.is_stuck);
	/* What was put off is done, and the disk goes on. */
	assert_ok(vmoon_driver_probe(d, VMOON_VIRTIO_F_VERSION_1, 32, &err),
		  &err);
	assert_true(vmoon_driver_blk_start(d, &b, NULL));
	vmoon_driver_kick(d, 0, true);
	while (vmoon_driver_io_poll(d, 0) == 0)
		VMOON_IGNORE(sched_yield());
	assert_int_equal(vmoon_driver_blk_finish(d, &b, NULL), 0);
	vmoon_driver_destroy(d);
	vv_end(v);
	(void)sem_destroy(&s.seen);
}

/* Else both wait for ever: whoever resets for the loop, the loop for it. */
static void test_vm__a_kick_while_a_reset_waits_for_its_loop(void **state)
{
	reset_meets(*state, false);
}

static void test_vm__a_timer_while_a_reset_waits_for_its_loop(void **state)
{
	reset_meets(*state, true);
}

static const struct CMUnitTest tests[] = {
	VV(test_vm__requests_of_a_running_vm_come_back),
	VV(test_vm__resets_meet_requests_at_any_time),
	VV(test_vm__an_end_meets_requests),
	VV(test_vm__a_paused_vm_answers_what_was_kicked),
	VV(test_t11__resets_and_pauses_of_two_threads_end),
	VV(test_vm__a_kick_while_a_reset_waits_for_its_loop),
	VV(test_vm__a_timer_while_a_reset_waits_for_its_loop),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
