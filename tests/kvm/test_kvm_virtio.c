/* SPDX-License-Identifier: MIT */
/*
 * test_kvm_virtio.c - a guest that drives two virtio devices on one interrupt
 * line (tests/guest/virtio.S), on KVM, with disks in memory.
 */
#include "tests/support/virtio_vm.h"

#include "tests/kvm/guest_image.h"

enum { DISKS = 8, SECTOR = 512, KICKS = 1000 };
/* A hang guard only. */
#define TIMEOUT_NS INT64_C(60000000000)

static struct vmoon_vm *create_of(struct vv *v, const char *guest)
{
	struct vm_rig *r = v->rig;
	struct vmoon_vm_make make = {.rt = r->rt, .kit = vv_kit(v)};
	struct vmoon_vm *vm = NULL;
	struct vmoon_error err;
	int fd = guest_open(guest);

	vv_describe(v, DISKS, true, 0);
	make.cfg = r->cfg;
	assert_ok(vmoon_config_set_fd(r->cfg, "kernel", fd, &err), &err);
	assert_ok(vmoon_kvm_create(&r->rt->mem, r->rt->kick_signal,
				   &make.take_hv, &err),
		  &err);
	assert_ok(vmoon_vm_create_with(&make, &vm, &err), &err);
	(void)close(fd);
	memset(vmoon_array_disk_bytes(v->disks[0].inner) + 7 * SECTOR, 0x5a,
	       SECTOR);
	return vm;
}

/* The guest names one place to two devices: it is the guest's race. */
static void let_guest_memory_race(const struct vmoon_vm *vm)
{
#ifdef __SANITIZE_THREAD__
	void AnnotateBenignRaceSized(const char *file, int line,
				     const volatile void *at, size_t size,
				     const char *why);

	for (size_t i = 0; i < vm->gmem.count; i++)
		AnnotateBenignRaceSized(
			__FILE__, __LINE__, vm->gmem.regions[i].host,
			(size_t)vm->gmem.regions[i].size, "guest memory");
#else
	(void)vm;
#endif
}

static struct vmoon_vm *create(struct vv *v)
{
	return create_of(v, "virtio");
}

static void test_kvm__two_devices_on_one_line_are_both_served(void **state)
{
	struct vmoon_virtio_stats disk = VMOON_INIT(struct vmoon_virtio_stats);
	struct vmoon_virtio_stats rng = VMOON_INIT(struct vmoon_virtio_stats);
	struct vmoon_disk_stats blk = VMOON_INIT(struct vmoon_disk_stats);
	struct vmoon_rng_stats fed = VMOON_INIT(struct vmoon_rng_stats);
	struct vmoon_vm_stats st = VMOON_INIT(struct vmoon_vm_stats);
	struct vmoon_exit_record x = VMOON_INIT(struct vmoon_exit_record);
	struct vv *v = *state;
	struct vmoon_error err;
	struct vmoon_vm *vm;

	NEED_KVM();
	v->rig->vm = vm = create(v);
	assert_int_equal(vmoon_board_virtio_place(0).gsi,
			 vmoon_board_virtio_place(DISKS).gsi);
	assert_ok(vmoon_vm_start(vm, &err), &err);
	assert_ok(vmoon_vm_wait(vm, TIMEOUT_NS, &err), &err);
	vmoon_vm_get_exit(vm, &x);
	if (x.reason != VMOON_EXIT_DEBUG_EXIT)
		fail_msg("%s", x.message);
	assert_int_equal(x.guest_status, 0);
	assert_ok(vmoon_vm_virtio_stats(vm, "d0", &disk, &err), &err);
	assert_ok(vmoon_vm_virtio_stats(vm, "rng", &rng, &err), &err);
	assert_true(disk.kicks >= 1 && rng.kicks >= 1);
	assert_true(disk.interrupts >= 1 && rng.interrupts >= 1);
	assert_ok(vmoon_vm_disk_stats(vm, "d0", &blk, &err), &err);
	assert_int_equal(blk.reads, 1);
	assert_ok(vmoon_vm_rng_stats(vm, "rng", &fed, &err), &err);
	assert_int_equal(fed.bytes, 16);
	/* Of 2000 kicks none was an exit to this process. */
	vmoon_vm_get_stats(vm, &st);
	assert_true(st.exits_mmio > 0 && st.exits_mmio < KICKS);
}

/* It gets nowhere, and what it asks for ends. */
static void test_kvm__a_guest_that_drives_by_noise_hurts_nobody(void **state)
{
	struct vmoon_virtio_stats sum = VMOON_INIT(struct vmoon_virtio_stats);
	struct vmoon_exit_record x = VMOON_INIT(struct vmoon_exit_record);
	static const char *const names[] = {"d0", "d1", "rng"};
	struct vv *v = *state;
	struct vmoon_error err;
	struct vmoon_vm *vm;

	NEED_KVM();
	v->rig->vm = vm = create_of(v, "virtio_noise");
	let_guest_memory_race(vm);
	assert_ok(vmoon_vm_start(vm, &err), &err);
	assert_ok(vmoon_vm_wait(vm, TIMEOUT_NS, &err), &err);
	vmoon_vm_get_exit(vm, &x);
	if (x.reason != VMOON_EXIT_DEBUG_EXIT)
		fail_msg("%s", x.message);
	assert_int_equal(x.guest_status, 7);
	for (size_t i = 0; i < VMOON_COUNTOF(names); i++) {
		assert_ok(vmoon_vm_virtio_stats(vm, names[i], &sum, &err),
			  &err);
		/* It was not all refused at the door. */
		assert_true(sum.chains + sum.malformed > 0);
		assert_true(sum.needs_reset > 0 && sum.resets > 3);
	}
	/* The other disks never heard of it. */
	assert_ok(vmoon_vm_virtio_stats(vm, "d2", &sum, &err), &err);
	assert_int_equal(sum.kicks + sum.interrupts + sum.resets, 0);
}

/* ---- a reset that waits for the host ---- */

static bool is_drained; /* atomic */

/* There is nothing: it only says so later. */
static bool late_drain(struct vmoon_block *b)
{
	(void)b;
	__atomic_store_n(&is_drained, true, __ATOMIC_RELEASE);
	return false;
}

static const struct vmoon_block_ops late_ops = {vv_submit, late_drain,
						vv_destroy};

static uint64_t exits_of(struct vmoon_vm *vm)
{
	struct vmoon_vm_stats st = VMOON_INIT(struct vmoon_vm_stats);

	vmoon_vm_get_stats(vm, &st);
	return st.exits_mmio + st.exits_pio;
}

/* The first thing that the guest does is a reset, and it does not poll. */
static void begin_late(struct vv *v)
{
	struct vmoon_error err;

	v->rig->vm = create(v);
	v->disks[0].outer.ops = &late_ops;
	is_drained = false;
	assert_ok(vmoon_vm_start(v->rig->vm, &err), &err);
	while (!__atomic_load_n(&is_drained, __ATOMIC_ACQUIRE))
		VMOON_IGNORE(sched_yield());
}

static void end_late(struct vv *v)
{
	struct vv_disk *d = &v->disks[0];

	vmoon_lock_take(d->lock);
	d->outer.ops = &vv_block_ops;
	d->outer.drained(d->outer.drained_ctx);
	vmoon_lock_drop(d->lock);
}

static void test_kvm__a_guest_does_not_run_behind_a_reset_that_waits(
	void **state)
{
	struct vmoon_exit_record x = VMOON_INIT(struct vmoon_exit_record);
	struct vv *v = *state;
	struct vmoon_error err;
	struct vmoon_vm *vm;
	uint64_t exits;

	NEED_KVM();
	begin_late(v);
	vm = v->rig->vm;
	assert_ok(vmoon_vm_pause(vm, &err), &err);
	exits = exits_of(vm);
	assert_true(exits > 0);
	for (int i = 0; i < 3; i++) {
		assert_ok(vmoon_vm_resume(vm, &err), &err);
		assert_ok(vmoon_vm_pause(vm, &err), &err);
	}
	assert_int_equal(exits_of(vm), exits);
	end_late(v);
	assert_ok(vmoon_vm_resume(vm, &err), &err);
	assert_ok(vmoon_vm_wait(vm, TIMEOUT_NS, &err), &err);
	vmoon_vm_get_exit(vm, &x);
	if (x.reason != VMOON_EXIT_DEBUG_EXIT)
		fail_msg("%s", x.message);
	assert_int_equal(x.guest_status, 0);
}

static void test_kvm__a_guest_is_stopped_behind_a_reset_that_waits(void **state)
{
	struct vv *v = *state;
	struct vmoon_error err;

	NEED_KVM();
	begin_late(v);
	assert_ok(vmoon_vm_stop(v->rig->vm, &err), &err);
	assert_int_equal(vmoon_vm_get_state(v->rig->vm), VMOON_VM_STOPPED);
	v->disks[0].outer.ops = &vv_block_ops;
	vv_end(v);
}

static const struct CMUnitTest tests[] = {
	VV(test_kvm__two_devices_on_one_line_are_both_served),
	VV(test_kvm__a_guest_that_drives_by_noise_hurts_nobody),
	VV(test_kvm__a_guest_does_not_run_behind_a_reset_that_waits),
	VV(test_kvm__a_guest_is_stopped_behind_a_reset_that_waits),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
