/* SPDX-License-Identifier: MIT */
/*
 * virtio_vm.h - a VM with virtio devices, on the scripted hypervisor or any
 * other, with disks in memory that work on their loops as files would.
 */
#ifndef VMOON_TESTS_VIRTIO_VM_H
#define VMOON_TESTS_VIRTIO_VM_H

#include "tests/support/array_disk.h"
#include "tests/support/vm_rig.h"
#include "tests/support/vq_driver.h"

enum {
	VV_DISK_BYTES = 64 * 1024,
	VV_HEAP = 32 << 20,
	VV_HEAP_BYTES = 1 << 20,
	VV_TURNS = 16 /* rounds of all loops that settle anything here */
};

/* A disk in memory, and its way to the thread that serves it. */
struct vv_disk {
	struct vmoon_block outer;  /* what the device has */
	struct vmoon_block *inner; /* owned: an array disk; NULL: gone */
	struct vv *all;            /* borrowed */
	struct vmoon_loop *loop;   /* borrowed, as is lock; from attach on */
	struct vmoon_lock *lock;
	struct vmoon_loop_event work;
	bool is_attached;
};

struct vv {
	struct vm_rig *rig; /* owned */
	char dir[32];       /* of files that the description names */
	size_t files;
	struct vv_disk disks[VMOON_VIRTIO_DEVICES_MAX];
	size_t opened, detached;
	unsigned fail_open; /* the n-th, from 1, fails */
	bool fail_attach;
	struct vmoon_driver_host host; /* of the drivers: time stands still */
};

/* ---- the kit ---- */

static inline struct vv_disk *vv_disk_of(struct vmoon_block *b)
{
	return VMOON_CONTAINER_OF(b, struct vv_disk, outer);
}

static inline void vv_work(void *ctx)
{
	struct vv_disk *d = ctx;

	vmoon_lock_take(d->lock);
	while (vmoon_array_disk_work(d->inner))
		continue;
	vmoon_lock_drop(d->lock);
}

static inline void vv_submit(struct vmoon_block *b,
			     struct vmoon_block_request *request)
{
	struct vv_disk *d = vv_disk_of(b);

	d->inner->ops->submit(d->inner, request);
	vmoon_loop_fire(&d->work);
}

static inline bool vv_drain(struct vmoon_block *b)
{
	struct vv_disk *d = vv_disk_of(b);

	return d->inner->ops->drain(d->inner);
}

static inline void vv_destroy(struct vmoon_block *b)
{
	struct vv_disk *d = vv_disk_of(b);

	d->inner->ops->destroy(d->inner);
	d->inner = NULL;
}

static const struct vmoon_block_ops vv_block_ops = {vv_submit, vv_drain,
						    vv_destroy};

static inline enum vmoon_status vv_open(void *ctx, struct vmoon_mem *mem,
					const struct vmoon_spec_disk *disk,
					struct vmoon_block **out_block,
					struct vmoon_error *err)
{
	struct vv *v = ctx;
	struct vv_disk *d = &v->disks[v->opened];
	const struct vmoon_array_disk_config cfg = {.mem = mem,
						    .size_bytes = VV_DISK_BYTES,
						    .is_readonly =
							    disk->is_readonly,
						    .can_discard = true,
						    .has_write_cache = true};
	enum vmoon_status st;

	if (v->opened + 1 == v->fail_open)
		return vmoon_fail(err, VMOON_E_SYS, 2, "open it");
	memset(d, 0, sizeof(*d));
	st = vmoon_array_disk_create(&cfg, &d->inner, err);
	if (st != VMOON_OK)
		return st;
	v->opened++;
	d->all = v;
	d->outer = *d->inner;
	d->outer.ops = &vv_block_ops;
	*out_block = &d->outer;
	return VMOON_OK;
}

static inline enum vmoon_status vv_attach(struct vmoon_block *b,
					  struct vmoon_loop *loop,
					  struct vmoon_lock *lock,
					  struct vmoon_error *err)
{
	struct vv_disk *d = vv_disk_of(b);

	if (d->all->fail_attach)
		return vmoon_fail(err, VMOON_E_SYS, 12, "io_uring");
	d->loop = loop;
	d->lock = lock;
	d->is_attached = true;
	vmoon_loop_add_event(loop, &d->work, vv_work, d);
	return VMOON_OK;
}

static inline void vv_detach(struct vmoon_block *b)
{
	struct vv_disk *d = vv_disk_of(b);

	assert_true(d->is_attached);
	assert_true(vv_drain(b));
	d->is_attached = false;
	d->all->detached++;
}

static inline enum vmoon_status vv_resize(struct vmoon_block *b, uint64_t bytes,
					  struct vmoon_error *err)
{
	struct vv_disk *d = vv_disk_of(b);
	enum vmoon_status st;

	if (bytes % 512 != 0)
		return vmoon_fail(err, VMOON_E_CONFIG, 0, "not whole sectors");
	st = vmoon_array_disk_resize(d->inner, bytes, err);
	d->outer.size_bytes = d->inner->size_bytes;
	return st;
}

static inline bool vv_random(void *ctx, void *dst, size_t len)
{
	(void)ctx;
	memset(dst, 0xa5, len);
	return true;
}

static const struct vmoon_disk_ops vv_disk_ops = {.open = vv_open,
						  .attach = vv_attach,
						  .detach = vv_detach,
						  .resize = vv_resize};

static inline struct vmoon_host_kit vv_kit(struct vv *v)
{
	return (struct vmoon_host_kit){&vv_disk_ops, v, vv_random, v};
}

/* ---- the description ---- */

static inline void vv_set(struct vv *v, const char *list, size_t i,
			  const char *key, const char *val)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s.%zu.%s", list, i + 1, key);
	rig_set(v->rig, path, val);
}

/* The i-th file of the description; none is ever read. */
static inline void vv_file(const struct vv *v, size_t i, char path[64])
{
	(void)snprintf(path, 64, "%s/d%zu", v->dir, i);
}

static inline void vv_add_disk(struct vv *v, size_t i)
{
	char path[64], name[8];
	FILE *f;

	vv_file(v, i, path);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(ftruncate(fileno(f), VV_DISK_BYTES), 0);
	(void)fclose(f);
	if (v->files < i + 1)
		v->files = i + 1;
	(void)snprintf(name, sizeof(name), "d%zu", i % 100);
	vv_set(v, "disks", i, "path", path);
	vv_set(v, "disks", i, "name", name);
}

/* A new one: disks d0, d1, ..., a console p0 and ports p1, ... */
static inline void vv_describe(struct vv *v, size_t disks, bool has_rng,
			       size_t ports)
{
	struct vm_rig *r = v->rig;
	struct vmoon_error err;
	char name[8];

	vmoon_config_destroy(r->cfg);
	assert_ok(vmoon_config_create(r->rt, &r->cfg, &err), &err);
	rig_set(r, "kernel", r->kernel);
	rig_set(r, "memory", "64M");
	for (size_t i = 0; i < disks; i++)
		vv_add_disk(v, i);
	assert_ok(vmoon_config_set_bool(r->cfg, "rng", has_rng, &err), &err);
	for (size_t i = 0; i < ports; i++) {
		(void)snprintf(name, sizeof(name), "p%zu", i % 100);
		vv_set(v, "consoles", i, "name", name);
		vv_set(v, "consoles", i, "kind", i == 0 ? "console" : "port");
	}
}

/* ---- life ---- */

static inline int vv_setup(void **state)
{
	struct vv *v = calloc(1, sizeof(*v));

	if (v == NULL || rig_setup(state) != 0)
		return -1;
	v->rig = *state;
	*state = v;
	(void)snprintf(v->dir, sizeof(v->dir), "/tmp/vmoon-vv-XXXXXX");
	return mkdtemp(v->dir) == NULL ? -1 : 0;
}

static inline int vv_teardown(void **state)
{
	struct vv *v = *state;
	void *rig = v->rig;
	int rc = rig_teardown(&rig);
	char path[64];

	for (size_t i = 0; i < v->files; i++) {
		vv_file(v, i, path);
		(void)unlink(path);
	}
	(void)rmdir(v->dir);
	free(v);
	return rc;
}

/* On the scripted hypervisor, which the caller may have prepared. */
static inline enum vmoon_status vv_try(struct vv *v, struct vmoon_host_kit kit,
				       struct vmoon_error *err)
{
	struct vm_rig *r = v->rig;
	const struct vmoon_vm_make make = {
		.rt = r->rt, .cfg = r->cfg, .take_hv = &r->hv.vm, .kit = kit};

	v->opened = v->detached = 0;
	return vmoon_vm_create_with(&make, &r->vm, err);
}

/* The hypervisor anew: its one vCPU plays script, or spins. */
static inline void vv_hv(struct vv *v, const struct vmoon_fake_script *script)
{
	if (v->rig->hv.vm.ops != NULL)
		vmoon_fake_hv_fini(&v->rig->hv);
	vmoon_fake_hv_init(&v->rig->hv, script, script == NULL ? 0 : 1);
}

static inline void vv_create(struct vv *v)
{
	struct vmoon_error err;

	vv_hv(v, NULL);
	assert_ok(vv_try(v, vv_kit(v), &err), &err);
}

static inline void vv_end(struct vv *v)
{
	vmoon_vm_destroy(v->rig->vm);
	v->rig->vm = NULL;
}

/* What the threads of a VM that was not started would do. */
static inline void vv_turn(struct vv *v)
{
	struct vmoon_vm *vm = v->rig->vm;
	struct vmoon_error err;

	for (int turn = 0; turn < VV_TURNS; turn++) {
		assert_ok(vmoon_loop_turn(&vm->loop, 0, &err), &err);
		for (struct vmoon_own_worker *w = vm->own_workers; w != NULL;
		     w = w->next)
			assert_ok(vmoon_loop_turn(&w->loop, 0, &err), &err);
	}
}

/* For a driver that waits: all of it, so there is nothing more. */
static inline bool vv_turn_all(void *ctx)
{
	vv_turn(ctx);
	return false;
}

/* A driver of the device of that name, not begun; its calls take no lock. */
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

	v->host.work = vv_turn_all;
	v->host.work_ctx = v;
	assert_ok(vmoon_driver_create(&cfg, &d, &err), &err);
	return d;
}

/* The same, live. */
static inline struct vmoon_driver *vv_probe(struct vv *v, const char *name)
{
	struct vmoon_driver *d = vv_driver(v, name);
	struct vmoon_error err;

	assert_ok(vmoon_driver_probe(d, VMOON_VIRTIO_F_VERSION_1, 16, &err),
		  &err);
	return d;
}

#define VV(test) cmocka_unit_test_setup_teardown(test, vv_setup, vv_teardown)

#endif
