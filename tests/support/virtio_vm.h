/* SPDX-License-Identifier: MIT */
/* virtio_vm.h - a VM with virtio devices: scripted hypervisor, array disks. */
#ifndef VMOON_TESTS_VIRTIO_VM_H
#define VMOON_TESTS_VIRTIO_VM_H

#include "tests/support/array_disk.h"
#include "tests/support/vm_rig.h"
#include "tests/support/vq_driver.h"

enum {
	VV_DISK_BYTES = 64 * 1024,
	VV_DISKS_MAX = VMOON_VIRTIO_DEVICES_MAX + 1,
	VV_HEAP = 32 << 20,
	VV_HEAP_BYTES = 1 << 20,
	VV_TURNS = 16 /* rounds of all loops that settle anything here */
};

/* A disk as the kit's functions saw it. */
struct vv_disk {
	struct vmoon_block *block; /* borrowed; NULL: gone */
	struct vmoon_loop *loop;
	struct vmoon_lock *lock;
	bool is_attached;
};

struct vv {
	struct vm_rig *rig;
	struct vmoon_spec_disk spec_disks[VV_DISKS_MAX];
	struct vmoon_spec_port spec_ports[VMOON_SPEC_PORTS_MAX];
	struct vmoon_spec_devices devices; /* what the VM is to have */
	char names[VV_DISKS_MAX][8];
	struct vv_disk disks[VV_DISKS_MAX];
	size_t opened, detached;
	unsigned fail_open; /* the n-th, from 1, fails */
	bool fail_attach, fail_random;
	struct vmoon_driver_host host; /* of the drivers: nothing is there */
};

static inline struct vv_disk *vv_of(struct vv *v, struct vmoon_block *b)
{
	for (size_t i = 0; i < v->opened; i++)
		if (v->disks[i].block == b)
			return &v->disks[i];
	return NULL;
}

/* A kit's functions get a block only: the tests have one rig at a time. */
static struct vv *vv_now;

static inline enum vmoon_status vv_open(void *ctx, struct vmoon_mem *mem,
					const struct vmoon_spec_disk *disk,
					struct vmoon_block **out_block,
					struct vmoon_error *err)
{
	struct vv *v = ctx;
	const struct vmoon_array_disk_config cfg = {.mem = mem,
						    .size_bytes = VV_DISK_BYTES,
						    .is_readonly =
							    disk->is_readonly,
						    .can_discard = true,
						    .has_write_cache = true};
	enum vmoon_status st;

	if (v->opened + 1 == v->fail_open)
		return vmoon_fail(err, VMOON_E_SYS, 2, "open '%s'", disk->path);
	st = vmoon_array_disk_create(&cfg, out_block, err);
	if (st == VMOON_OK)
		v->disks[v->opened++].block = *out_block;
	return st;
}

static inline enum vmoon_status vv_attach(struct vmoon_block *b,
					  struct vmoon_loop *loop,
					  struct vmoon_lock *lock,
					  struct vmoon_error *err)
{
	struct vv_disk *d = vv_of(vv_now, b);

	assert_non_null(d);
	if (vv_now->fail_attach)
		return vmoon_fail(err, VMOON_E_SYS, 12, "io_uring");
	d->loop = loop;
	d->lock = lock;
	d->is_attached = true;
	return VMOON_OK;
}

static inline void vv_detach(struct vmoon_block *b)
{
	struct vv_disk *d = vv_of(vv_now, b);

	assert_non_null(d);
	assert_true(d->is_attached);
	d->is_attached = false;
	d->block = NULL;
	vv_now->detached++;
}

static inline enum vmoon_status vv_resize(struct vmoon_block *b, uint64_t bytes,
					  struct vmoon_error *err)
{
	if (bytes % 512 != 0)
		return vmoon_fail(err, VMOON_E_CONFIG, 0, "not whole sectors");
	return vmoon_array_disk_resize(b, bytes, err);
}

static inline bool vv_random(void *ctx, void *dst, size_t len)
{
	struct vv *v = ctx;

	memset(dst, 0x5a, len);
	return !v->fail_random;
}

static const struct vmoon_disk_ops vv_disks = {.open = vv_open,
					       .attach = vv_attach,
					       .detach = vv_detach,
					       .resize = vv_resize};

static inline void vv_amend(void *ctx, struct vmoon_spec *spec)
{
	const struct vv *v = ctx;

	spec->devices = v->devices;
}

/* So many disks, named d0, d1, ... and with one queue each. */
static inline void vv_describe(struct vv *v, size_t disks, bool has_rng,
			       size_t ports)
{
	static char path[] = "/x", port_names[VMOON_SPEC_PORTS_MAX][8];

	for (size_t i = 0; i < disks; i++) {
		(void)snprintf(v->names[i], sizeof(v->names[i]), "d%u",
			       (unsigned)i);
		v->spec_disks[i] = (struct vmoon_spec_disk){
			.name = v->names[i],
			.path = path,
			.queues = 1,
			.limits = {.size = sizeof(struct vmoon_disk_limits)}};
	}
	for (size_t i = 0; i < ports; i++) {
		(void)snprintf(port_names[i], sizeof(port_names[i]), "p%u",
			       (unsigned)i);
		v->spec_ports[i] = (struct vmoon_spec_port){
			.name = port_names[i], .is_console = i == 0};
	}
	v->devices = (struct vmoon_spec_devices){.disks = v->spec_disks,
						 .disk_count = disks,
						 .rng = {.is_there = has_rng},
						 .ports = v->spec_ports,
						 .port_count = ports};
}

static inline int vv_setup(void **state)
{
	struct vv *v = calloc(1, sizeof(*v));

	if (v == NULL || rig_setup(state) != 0)
		return -1;
	v->rig = *state;
	*state = vv_now = v;
	return 0;
}

static inline int vv_teardown(void **state)
{
	struct vv *v = *state;
	void *rig = v->rig;
	int rc = rig_teardown(&rig);

	free(v);
	return rc;
}

static inline enum vmoon_status vv_try(struct vv *v,
				       const struct vmoon_fake_script *script,
				       struct vmoon_error *err)
{
	struct vm_rig *r = v->rig;
	const struct vmoon_vm_make make = {.rt = r->rt,
					   .cfg = r->cfg,
					   .take_hv = &r->hv.vm,
					   .kit = {&vv_disks, v, vv_random, v},
					   .amend = vv_amend,
					   .amend_ctx = v};

	if (r->hv.vm.ops != NULL)
		vmoon_fake_hv_fini(&r->hv);
	vmoon_fake_hv_init(&r->hv, script, script == NULL ? 0 : 1);
	v->opened = v->detached = 0;
	return vmoon_vm_create_with(&make, &r->vm, err);
}

static inline void vv_create(struct vv *v)
{
	struct vmoon_error err;

	assert_ok(vv_try(v, NULL, &err), &err);
}

/* What the VM's threads would do: all loops, until nothing is left. */
static inline void vv_turn(struct vv *v)
{
	struct vmoon_vm *vm = v->rig->vm;
	struct vmoon_error err;

	for (int turn = 0; turn < VV_TURNS; turn++) {
		assert_ok(vmoon_loop_turn(&vm->loop, 0, &err), &err);
		for (size_t i = 0; i < vm->disk_count; i++)
			assert_ok(vmoon_loop_turn(&vm->disks[i].loop, 0, &err),
				  &err);
		for (size_t i = 0; i < v->opened; i++) {
			struct vv_disk *d = &v->disks[i];

			vmoon_lock_take(d->lock);
			VMOON_IGNORE(vmoon_array_disk_work(d->block));
			vmoon_lock_drop(d->lock);
		}
	}
}

/* For a driver: work is done as long as it makes a difference. */
static inline bool vv_work(void *ctx)
{
	vv_turn(ctx);
	return false;
}

/* A driver of the device of that name, not begun. */
static inline struct vmoon_driver *vv_driver(struct vv *v, const char *name)
{
	struct vmoon_vm *vm = v->rig->vm;
	const struct vmoon_driver_config cfg = {
		.gm = &vm->gmem,
		.dev = vmoon_board_slot(vm->board, name)->dev,
		.host = &v->host,
		.heap = VV_HEAP,
		.heap_bytes = VV_HEAP_BYTES};
	struct vmoon_driver *d;
	struct vmoon_error err;

	v->host.work = vv_work;
	v->host.work_ctx = v;
	assert_ok(vmoon_driver_create(&cfg, &d, &err), &err);
	return d;
}

#define VV(test) cmocka_unit_test_setup_teardown(test, vv_setup, vv_teardown)

#endif
