/* SPDX-License-Identifier: MIT */
/*
 * test_kvm_virtio.c - a guest that drives two virtio devices on one interrupt
 * line (tests/guest/virtio.S), on KVM, with disks in memory.
 */
#include "tests/support/array_disk.h"
#include "tests/support/fixture.h"
#include "vm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DISKS = 8, TESTS_BELOW_OUT = 3, SECTOR = 512, KICKS = 1000 };
/* A hang guard only. */
#define TIMEOUT_NS INT64_C(60000000000)

#define NEED_KVM()                                         \
	do {                                               \
		struct vmoon_error kvm_err;                \
		if (vmoon_kvm_check(&kvm_err) != VMOON_OK) \
			SKIP_BECAUSE(kvm_err.msg);         \
	} while (0)

/* OUT/guest/NAME, from OUT/tests/kvm/this. */
static int open_guest(const char *name)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 64);
	size_t at;
	int fd;

	assert_true(len > 0);
	path[len] = '\0';
	for (int i = 0; i < TESTS_BELOW_OUT; i++)
		*strrchr(path, '/') = '\0';
	at = strlen(path);
	(void)snprintf(path + at, sizeof(path) - at, "/guest/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* ---- disks in memory that work on their loop ---- */

struct disk {
	struct vmoon_block *block; /* borrowed */
	struct vmoon_block block_of_ours;
	struct vmoon_lock *lock;
	struct vmoon_loop_event work;
};

struct rig {
	struct disk disks[DISKS];
	size_t opened;
	struct vmoon_spec_disk spec[DISKS];
};

static void work(void *ctx)
{
	struct disk *d = ctx;

	vmoon_lock_take(d->lock);
	while (vmoon_array_disk_work(d->block))
		continue;
	vmoon_lock_drop(d->lock);
}

static struct disk *disk_of(struct vmoon_block *b)
{
	return VMOON_CONTAINER_OF(b, struct disk, block_of_ours);
}

static void submit(struct vmoon_block *b, struct vmoon_block_request *request)
{
	struct disk *d = disk_of(b);

	d->block->ops->submit(d->block, request);
	vmoon_loop_fire(&d->work);
}

static void drain(struct vmoon_block *b)
{
	disk_of(b)->block->ops->drain(disk_of(b)->block);
}

static void destroy(struct vmoon_block *b)
{
	disk_of(b)->block->ops->destroy(disk_of(b)->block);
}

static enum vmoon_status open_disk(void *ctx, struct vmoon_mem *mem,
				   const struct vmoon_spec_disk *spec,
				   struct vmoon_block **out_block,
				   struct vmoon_error *err)
{
	static const struct vmoon_block_ops ops = {submit, drain, destroy};
	const struct vmoon_array_disk_config cfg = {.mem = mem,
						    .size_bytes = 8 * SECTOR};
	struct rig *r = ctx;
	struct disk *d = &r->disks[r->opened++];

	(void)spec;
	assert_ok(vmoon_array_disk_create(&cfg, &d->block, err), err);
	memset(vmoon_array_disk_bytes(d->block) + 7 * SECTOR, 0x5a, SECTOR);
	d->block_of_ours = *d->block;
	d->block_of_ours.ops = &ops;
	*out_block = &d->block_of_ours;
	return VMOON_OK;
}

static enum vmoon_status attach_disk(struct vmoon_block *b,
				     struct vmoon_loop *loop,
				     struct vmoon_lock *lock,
				     struct vmoon_error *err)
{
	struct disk *d = disk_of(b);

	(void)err;
	d->lock = lock;
	vmoon_loop_add_event(loop, &d->work, work, d);
	return VMOON_OK;
}

static void detach_disk(struct vmoon_block *b)
{
	drain(b);
}

static bool fill(void *ctx, void *dst, size_t len)
{
	(void)ctx;
	memset(dst, 0xa5, len);
	return true;
}

static void amend(void *ctx, struct vmoon_spec *spec)
{
	static char names[DISKS][4] = {"d0", "d1", "d2", "d3",
				       "d4", "d5", "d6", "d7"};
	struct rig *r = ctx;

	for (size_t i = 0; i < DISKS; i++)
		r->spec[i] =
			(struct vmoon_spec_disk){.name = names[i], .queues = 1};
	spec->devices.disks = r->spec;
	spec->devices.disk_count = DISKS;
	spec->devices.rng.is_there = true;
}

static struct vmoon_vm *create(struct vmoon_runtime *rt, struct rig *r)
{
	static const struct vmoon_disk_ops disks = {.open = open_disk,
						    .attach = attach_disk,
						    .detach = detach_disk};
	struct vmoon_vm_make make = {.rt = rt,
				     .kit = {&disks, r, fill, NULL},
				     .amend = amend,
				     .amend_ctx = r};
	struct vmoon_vm *vm = NULL;
	struct vmoon_error err;
	int fd = open_guest("virtio");

	assert_ok(vmoon_config_create(rt, &make.cfg, &err), &err);
	assert_ok(vmoon_config_set_fd(make.cfg, "kernel", fd, &err), &err);
	assert_ok(vmoon_config_set_str(make.cfg, "memory", "16M", 3, &err),
		  &err);
	assert_ok(vmoon_kvm_create(&rt->mem, rt->kick_signal, &make.take_hv,
				   &err),
		  &err);
	assert_ok(vmoon_vm_create_with(&make, &vm, &err), &err);
	vmoon_config_destroy(make.cfg);
	(void)close(fd);
	return vm;
}

static void test_kvm__two_devices_on_one_line_are_both_served(void **state)
{
	struct vmoon_virtio_stats disk = VMOON_INIT(struct vmoon_virtio_stats);
	struct vmoon_virtio_stats rng = VMOON_INIT(struct vmoon_virtio_stats);
	struct vmoon_disk_stats blk = VMOON_INIT(struct vmoon_disk_stats);
	struct vmoon_rng_stats fed = VMOON_INIT(struct vmoon_rng_stats);
	struct vmoon_vm_stats st = VMOON_INIT(struct vmoon_vm_stats);
	struct vmoon_exit_record x = VMOON_INIT(struct vmoon_exit_record);
	struct vmoon_runtime_options opts =
		VMOON_INIT(struct vmoon_runtime_options);
	struct vmoon_runtime *rt = NULL;
	struct rig r = {0};
	struct vmoon_error err;
	struct vmoon_vm *vm;

	(void)state;
	NEED_KVM();
	opts.flags = VMOON_RUNTIME_NO_SANDBOX;
	assert_ok(vmoon_runtime_create(&opts, &rt, &err), &err);
	vm = create(rt, &r);
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
	vmoon_vm_destroy(vm);
	vmoon_runtime_destroy(rt);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_kvm__two_devices_on_one_line_are_both_served),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
