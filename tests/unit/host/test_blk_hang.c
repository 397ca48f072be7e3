/* SPDX-License-Identifier: MIT */
/*
 * test_blk_hang.c - a transfer of a disk hangs in the host, and the guest
 * resets the disk or itself: the VM can be paused and stopped all the same,
 * and nothing of the guest runs before the transfer has ended.
 */
#include "host/blk_file.h"
#include "tests/support/faulty_host.h"
#include "tests/support/stalled_call.h"
#include "tests/support/virtio_bus.h"

#include <time.h>

/* A hang guard only. */
enum { PATIENCE_S = 60 };
enum { STATUS = 0x70, DRIVER_OK = 0x0f, SECTORS = 8 };

/* ---- a VM whose disk is a file, on two vCPUs ---- */

struct hang {
	struct vv *v;
	struct bus_device bus;
	struct vmoon_driver *d;
	struct vmoon_driver_blk read;
};

static enum vmoon_status open_file(void *ctx, struct vmoon_mem *mem,
				   const struct vmoon_spec_disk *disk,
				   struct vmoon_block **out_block,
				   struct vmoon_error *err)
{
	const struct vmoon_blk_file_options opts = {
		.mem = mem, .path = disk->path, .fd = -1, .no_uring = true};

	(void)ctx;
	return vmoon_blk_file_open(&opts, out_block, err);
}

static const struct vmoon_disk_ops file_ops = {.open = open_file,
					       .attach = vmoon_blk_file_attach,
					       .detach = vmoon_blk_file_detach,
					       .resize = vmoon_blk_file_resize};

#define WRITE_STATUS                                  \
	{                                             \
		.kind = VMOON_FAKE_EXIT, .exit = {    \
			.kind = VMOON_HV_EXIT_MMIO,   \
			.is_write = true,             \
			.size = 4,                    \
			.count = 1,                   \
			.addr = VV_WINDOW(0) + STATUS \
		}                                     \
	}
#define READ_STATUS                                   \
	{                                             \
		.kind = VMOON_FAKE_EXIT, .exit = {    \
			.kind = VMOON_HV_EXIT_MMIO,   \
			.size = 4,                    \
			.count = 1,                   \
			.addr = VV_WINDOW(0) + STATUS \
		}                                     \
	}

/* The first resets the disk and then looks; the second only looks. */
static const struct vmoon_fake_step resetter[] = {FAKE_SPIN, WRITE_STATUS,
						  READ_STATUS};
static const struct vmoon_fake_step onlooker[] = {FAKE_SPIN, READ_STATUS};
/* Both reset it, as a guest does whose second processor is a crash kernel's. */
static const struct vmoon_fake_script scripts[] = {
	{resetter, VMOON_COUNTOF(resetter)},
	{onlooker, VMOON_COUNTOF(onlooker)}};
static const struct vmoon_fake_script both[] = {
	{resetter, VMOON_COUNTOF(resetter)},
	{resetter, VMOON_COUNTOF(resetter)}};

/* A pause kicks them out of this, so there must be nothing behind it. */
static const struct vmoon_fake_step idler[] = {FAKE_SPIN};
static const struct vmoon_fake_script idlers[] = {{idler, 1}, {idler, 1}};

static void create(struct hang *h, const struct vmoon_fake_script *of_cpus)
{
	const struct vmoon_host_kit kit = {.disks = &file_ops};
	struct vm_rig *r = h->v->rig;
	struct vmoon_error err;

	vv_describe(h->v, 1, false, 0);
	r->rt->flags |= VMOON_RUNTIME_NO_SANDBOX;
	assert_ok(vmoon_config_set_int(r->cfg, "cpus", 2, &err), &err);
	vmoon_fake_hv_init(&r->hv, of_cpus, 2);
	assert_ok(vv_try(h->v, kit, &err), &err);
	rig_start(r);
	h->d = vv_bus_driver(h->v, &h->bus, 0);
}

/* A request whose transfer hangs. */
static void begin_read(struct hang *h)
{
	const struct vmoon_fault_plan plan = {
		.kind = VMOON_FAULT_READV, .nth = 1, .hook = stall_here};
	struct vmoon_error err;

	assert_ok(vmoon_driver_probe(h->d, VMOON_VIRTIO_F_VERSION_1, 16, &err),
		  &err);
	stall_arm();
	vmoon_faulty_begin(plan);
	h->read = (struct vmoon_driver_blk){.type = VMOON_DRIVER_BLK_IN,
					    .len = SECTORS * 512};
	assert_true(vmoon_driver_blk_start(h->d, &h->read, NULL));
	vmoon_driver_kick(h->d, 0, true);
	stall_wait();
}

static void kick_vcpu(struct hang *h, unsigned cpu)
{
	struct vmoon_hv_vcpu *hv = h->v->rig->vm->vcpus[cpu].hv;

	hv->ops->kick(hv);
}

static void wait_mmio(struct hang *h, unsigned cpu, uint64_t n)
{
	while (__atomic_load_n(&h->v->rig->vm->vcpus[cpu].mmio,
			       __ATOMIC_RELAXED) < n)
		VMOON_IGNORE(sched_yield());
}

/* The guest resets the disk, and its other vCPU touches it. */
static void reset_disk(struct hang *h)
{
	kick_vcpu(h, 0);
	wait_mmio(h, 0, 1);
	kick_vcpu(h, 1);
	wait_mmio(h, 1, 1);
}

/* How far the guest's script is. */
static size_t step_of_guest(struct hang *h, unsigned cpu)
{
	struct vmoon_fake_hv *f = &h->v->rig->hv;
	size_t at;

	(void)pthread_mutex_lock(&f->lock);
	at = f->cpu[cpu].at;
	(void)pthread_mutex_unlock(&f->lock);
	return at;
}

static unsigned resets_of_guest(struct hang *h)
{
	struct vmoon_fake_hv *f = &h->v->rig->hv;
	unsigned n;

	(void)pthread_mutex_lock(&f->lock);
	n = f->cpu[0].resets;
	(void)pthread_mutex_unlock(&f->lock);
	return n;
}

/* What the n-th read of the guest gave. */
static unsigned read_of_guest(struct hang *h, unsigned cpu)
{
	struct vmoon_fake_hv *f = &h->v->rig->hv;
	unsigned value = UINT32_MAX;

	vmoon_fake_hv_wait_end(f, cpu);
	(void)pthread_mutex_lock(&f->lock);
	while (value == UINT32_MAX) {
		for (size_t i = 0; i < f->read_count; i++)
			if (f->reads[i].cpu == cpu)
				value = f->reads[i].data[0];
		if (value == UINT32_MAX)
			(void)pthread_cond_wait(&f->changed, &f->lock);
	}
	(void)pthread_mutex_unlock(&f->lock);
	return value;
}

/* ---- calls that have to end ---- */

struct call {
	enum vmoon_status (*fn)(struct vmoon_vm *vm, struct vmoon_error *err);
	struct vmoon_vm *vm;
	struct vmoon_error err;
	enum vmoon_status st;
};

static void *call_main(void *ctx)
{
	struct call *c = ctx;

	c->st = c->fn(c->vm, &c->err);
	return NULL;
}

/* From the embedder's thread, while the transfer hangs. */
static void call_bounded(struct hang *h,
			 enum vmoon_status (*fn)(struct vmoon_vm *vm,
						 struct vmoon_error *err))
{
	struct call c = {.fn = fn, .vm = h->v->rig->vm};
	struct timespec until;
	pthread_t thread;
	bool is_stuck;

	assert_int_equal(pthread_create(&thread, NULL, call_main, &c), 0);
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	is_stuck = pthread_timedjoin_np(thread, NULL, &until) != 0;
	if (is_stuck) {
		stall_let_go();
		(void)pthread_join(thread, NULL);
	}
	assert_false(is_stuck);
	assert_ok(c.st, &c.err);
}

/* ---- life ---- */

static int init(void **state)
{
	struct hang *h = calloc(1, sizeof(*h));
	void *v;

	if (h == NULL || vv_setup(&v) != 0)
		return -1;
	h->v = v;
	*state = h;
	return 0;
}

static int fini(void **state)
{
	struct hang *h = *state;
	void *v = h->v;
	int rc;

	stall_let_go();
	vmoon_driver_destroy(h->d);
	rc = vv_teardown(&v);
	VMOON_IGNORE(vmoon_faulty_end());
	free(h);
	return rc;
}

/* The disk does what a disk does. */
static void assert_disk_works(struct hang *h)
{
	struct vmoon_driver_blk b = {.type = VMOON_DRIVER_BLK_IN, .len = 512};
	struct vmoon_error err;

	assert_ok(vmoon_driver_probe(h->d, VMOON_VIRTIO_F_VERSION_1, 16, &err),
		  &err);
	assert_true(vmoon_driver_blk_start(h->d, &b, NULL));
	vmoon_driver_kick(h->d, 0, true);
	while (vmoon_driver_io_poll(h->d, 0) == 0)
		VMOON_IGNORE(sched_yield());
	assert_int_equal(vmoon_driver_blk_finish(h->d, &b, NULL), 0);
}

static void test_k15__a_vm_stops_while_a_reset_of_its_disk_hangs(void **state)
{
	struct hang *h = *state;

	create(h, scripts);
	begin_read(h);
	reset_disk(h);
	/* The other one sees a reset that is not complete. */
	assert_int_equal(read_of_guest(h, 1), DRIVER_OK);
	call_bounded(h, vmoon_vm_stop);
	assert_int_equal(vmoon_vm_get_state(h->v->rig->vm), VMOON_VM_STOPPED);
	assert_int_equal(step_of_guest(h, 0), 2);
	stall_let_go();
	vv_end(h->v); /* waits for it */
}

static void test_k15__a_pause_and_a_resume_while_a_reset_hangs(void **state)
{
	struct hang *h = *state;

	create(h, scripts);
	begin_read(h);
	reset_disk(h);
	for (int i = 0; i < 3; i++) {
		call_bounded(h, vmoon_vm_pause);
		assert_int_equal(vmoon_vm_get_state(h->v->rig->vm),
				 VMOON_VM_PAUSED);
		call_bounded(h, vmoon_vm_resume);
		/* Nothing runs behind a reset that is not complete. */
		assert_int_equal(step_of_guest(h, 0), 2);
	}
	call_bounded(h, vmoon_vm_pause);
	stall_let_go();
	assert_int_equal(step_of_guest(h, 0), 2);
	call_bounded(h, vmoon_vm_resume);
	assert_int_equal(read_of_guest(h, 0), 0);
	assert_disk_works(h);
}

/* Each of them waits, and each goes on. */
static void test_k15__a_second_vcpu_that_resets_waits_too(void **state)
{
	struct hang *h = *state;

	create(h, both);
	begin_read(h);
	reset_disk(h);
	call_bounded(h, vmoon_vm_pause);
	call_bounded(h, vmoon_vm_resume);
	assert_int_equal(step_of_guest(h, 0), 2);
	assert_int_equal(step_of_guest(h, 1), 2);
	stall_let_go();
	assert_int_equal(read_of_guest(h, 0), 0);
	assert_int_equal(read_of_guest(h, 1), 0);
	assert_disk_works(h);
}

/* ---- the whole VM is reset ---- */

static void wait_resets(struct hang *h)
{
	struct vmoon_vm *vm = h->v->rig->vm;

	while (__atomic_load_n(&vm->resets, __ATOMIC_RELAXED) == 0)
		VMOON_IGNORE(sched_yield());
}

static void test_k15__a_vm_stops_while_its_own_reset_hangs(void **state)
{
	struct hang *h = *state;

	create(h, scripts);
	begin_read(h);
	vmoon_vm_wish_reset(h->v->rig->vm);
	wait_resets(h);
	call_bounded(h, vmoon_vm_stop);
	assert_int_equal(vmoon_vm_get_state(h->v->rig->vm), VMOON_VM_STOPPED);
	stall_let_go();
	vv_end(h->v);
}

/* Memory is the next guest's only when nobody writes to it any more. */
static void test_k15__a_reset_of_the_vm_goes_on_after_the_transfer(void **state)
{
	struct hang *h = *state;
	struct vmoon_vm *vm;
	unsigned char byte = 0xa5;
	unsigned before;

	create(h, scripts);
	vm = h->v->rig->vm;
	begin_read(h);
	before = resets_of_guest(h);
	assert_int_equal(vmoon_gmem_write(&vm->gmem, VV_HEAP - 1, &byte, 1), 0);
	reset_disk(h);
	for (int i = 0; i < 3; i++) {
		vmoon_vm_wish_reset(vm);
		call_bounded(h, vmoon_vm_pause);
		call_bounded(h, vmoon_vm_resume);
	}
	wait_resets(h);
	assert_int_equal(resets_of_guest(h), before);
	assert_int_equal(step_of_guest(h, 0), 2);
	assert_int_equal(vmoon_gmem_read(&vm->gmem, VV_HEAP - 1, &byte, 1), 0);
	assert_int_equal(byte, 0xa5);
	stall_let_go();
	assert_int_equal(read_of_guest(h, 0), 0);
	assert_int_equal(resets_of_guest(h), before + 1);
	assert_int_equal(vmoon_gmem_read(&vm->gmem, VV_HEAP - 1, &byte, 1), 0);
	assert_int_equal(byte, 0);
	assert_int_equal(vm->resets, 1);
	assert_disk_works(h);
}

/* The embedder's own call ends, too, and leaves the disk as it was. */
static void test_k15__a_resize_gives_up(void **state)
{
	struct hang *h = *state;
	struct vmoon_disk_stats s = VMOON_INIT(struct vmoon_disk_stats);
	struct vmoon_error err;
	struct vmoon_vm *vm;

	create(h, idlers);
	vm = h->v->rig->vm;
	begin_read(h);
	assert_int_equal(vmoon_vm_disk_resize(vm, "d0", 4096, &err),
			 VMOON_E_TIMEOUT);
	assert_string_equal(err.msg,
			    "disk 'd0': cannot resize the disk: the host does "
			    "not finish a request of before; try again");
	assert_ok(vmoon_vm_disk_stats(vm, "d0", &s, &err), &err);
	assert_int_equal(s.size_bytes, VV_DISK_BYTES);
	call_bounded(h, vmoon_vm_pause);
	stall_let_go();
	call_bounded(h, vmoon_vm_resume);
	while (vmoon_driver_io_poll(h->d, 0) == 0)
		VMOON_IGNORE(sched_yield());
	assert_int_equal(vmoon_driver_blk_finish(h->d, &h->read, NULL), 0);
	assert_ok(vmoon_vm_disk_resize(vm, "d0", 4096, &err), &err);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, init, fini)
	const struct CMUnitTest tests[] = {
		T(test_k15__a_vm_stops_while_a_reset_of_its_disk_hangs),
		T(test_k15__a_pause_and_a_resume_while_a_reset_hangs),
		T(test_k15__a_second_vcpu_that_resets_waits_too),
		T(test_k15__a_vm_stops_while_its_own_reset_hangs),
		T(test_k15__a_reset_of_the_vm_goes_on_after_the_transfer),
		T(test_k15__a_resize_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
