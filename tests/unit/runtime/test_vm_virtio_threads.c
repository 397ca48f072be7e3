/* SPDX-License-Identifier: MIT */
/*
 * test_vm_virtio_threads.c - a running VM's virtio devices, with all of its
 * threads: requests, resets among them, and an end among them.
 */
#include "tests/support/virtio_bus.h"

enum { ROUNDS = 20, REQUESTS = 8 };
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

static const struct CMUnitTest tests[] = {
	VV(test_vm__requests_of_a_running_vm_come_back),
	VV(test_vm__resets_meet_requests_at_any_time),
	VV(test_vm__an_end_meets_requests),
	VV(test_vm__a_paused_vm_answers_what_was_kicked),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
