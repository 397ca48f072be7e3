/* SPDX-License-Identifier: MIT */
/* test_vm_own_virtio.c - virtio devices on a thread of their own. */
#include "tests/support/vcpu_bus.h"

#include "tests/support/custom_rig.h"

#include <pthread.h>

enum call { ACTIVATE, NOTIFY, RESET, CALLS };

/* By the device's calls: how many, and where the last one came. Atomics. */
static struct {
	unsigned count[CALLS];
	pthread_t thread[CALLS];
} seen;

static bool resets_wait; /* atomic */

static void see(enum call call)
{
	__atomic_store_n(&seen.thread[call], pthread_self(), __ATOMIC_RELAXED);
	__atomic_add_fetch(&seen.count[call], 1, __ATOMIC_RELEASE);
}

static pthread_t thread_of(enum call call)
{
	return __atomic_load_n(&seen.thread[call], __ATOMIC_RELAXED);
}

static unsigned count_of(enum call call)
{
	return __atomic_load_n(&seen.count[call], __ATOMIC_ACQUIRE);
}

static enum vmoon_status activate(struct vmoon_virtio *vd, uint64_t features,
				  struct vmoon_vq *const *queues)
{
	see(ACTIVATE);
	return echo_ops.activate(vd, features, queues);
}

static void notify(struct vmoon_virtio *vd, unsigned queue)
{
	see(NOTIFY);
	echo_ops.notify(vd, queue);
}

static void reset(struct vmoon_virtio *vd)
{
	see(RESET);
	echo_ops.reset(vd);
	if (__atomic_load_n(&resets_wait, __ATOMIC_ACQUIRE))
		vd->host.reset_waits(vd->host.ctx);
}

static enum vmoon_status make(void *ctx, const struct vmoon_device_env *env,
			      struct vmoon_virtio **out_vd,
			      struct vmoon_error *err)
{
	static struct vmoon_virtio_ops ops;
	const enum vmoon_status st = echo_make(ctx, env, out_vd, err);

	ops = echo_ops;
	ops.activate = activate;
	ops.notify = notify;
	ops.reset = reset;
	if (st == VMOON_OK)
		(*out_vd)->ops = &ops;
	return st;
}

static struct vmoon_virtio_options options(enum vmoon_device_worker worker)
{
	static struct echo *echo;
	struct vmoon_virtio_options o = echo_options("echo", &echo);

	memset(&seen, 0, sizeof(seen));
	o.make = make;
	o.worker = worker;
	return o;
}

/* Alone in its VM. */
static void create(struct vv *v, enum vmoon_device_worker worker)
{
	const struct vmoon_virtio_options o = options(worker);
	struct vmoon_error err;

	vv_describe(v, 0, false, 0);
	vv_create(v);
	assert_ok(vmoon_vm_add_virtio(v->rig->vm, &o, NULL, &err), &err);
}

static void probe(struct vmoon_driver *d)
{
	struct vmoon_error err;

	assert_ok(vmoon_driver_probe(d, VMOON_VIRTIO_F_VERSION_1, 16, &err),
		  &err);
}

static void expect_answer(struct vmoon_driver *d)
{
	struct vmoon_driver_io io = {.out_len = 3, .in_len = 3};
	unsigned char in[3] = {0};

	assert_true(vmoon_driver_io_start(d, &io, "\1\2\3"));
	vmoon_driver_kick(d, 0, true);
	while (vmoon_driver_io_poll(d, 0) == 0)
		(void)sched_yield();
	assert_int_equal(io.written, 3);
	assert_int_equal(vmoon_driver_io_finish(d, &io, in, sizeof(in)), 3);
	assert_memory_equal(in, "\2\3\4", 3);
}

static void expect_thread(enum call call, const char *name)
{
	char is[16];

	assert_true(count_of(call) > 0);
	assert_int_equal(pthread_getname_np(thread_of(call), is, sizeof(is)),
			 0);
	assert_string_equal(is, name);
}

static void test_own__a_driver_is_answered_on_the_devices_thread(void **state)
{
	struct vv *v = *state;
	struct bus_device bus;
	struct vmoon_driver *d;

	create(v, VMOON_WORKER_OWN);
	rig_start(v->rig);
	d = vv_bus_driver(v, &bus, 0);
	probe(d);
	expect_answer(d);
	expect_answer(d);
	expect_thread(NOTIFY, "vmoon-device0");
	assert_true(pthread_equal(thread_of(ACTIVATE), pthread_self()) != 0);
	vmoon_driver_destroy(d);
	vv_end(v);
}

static void count_resets(void *ctx, struct vmoon_virtio *vd)
{
	*(unsigned *)ctx = echo_of(vd)->resets;
}

static void test_own__a_trusted_device_does_all_on_its_thread(void **state)
{
	struct vmoon_virtio_stats st = VMOON_INIT(struct vmoon_virtio_stats);
	static struct vcpu_bus bus;
	struct vv *v = *state;
	struct vmoon_driver *d;
	struct vmoon_error err;
	unsigned resets = 0;

	create(v, VMOON_WORKER_TRUSTED);
	d = vcpu_bus_driver(v, &bus, 0);
	rig_start(v->rig);
	probe(d);
	expect_answer(d);
	expect_answer(d);
	expect_thread(ACTIVATE, "vmoon-trusted0");
	expect_thread(NOTIFY, "vmoon-trusted0");
	expect_thread(RESET, "vmoon-trusted0");
	assert_ok(vmoon_vm_virtio_stats(v->rig->vm, "echo", &st, &err), &err);
	assert_true(st.is_live);
	assert_true(st.kicks >= 2);
	assert_ok(vmoon_vm_call_virtio(v->rig->vm, "echo", count_resets,
				       &resets, &err),
		  &err);
	assert_int_equal(resets, count_of(RESET));
	vmoon_driver_destroy(d);
	vv_end(v);
}

/* And the driver comes anew. */
static void test_own__a_reset_of_the_vm_resets_a_trusted_device(void **state)
{
	static struct vcpu_bus bus;
	struct vv *v = *state;
	struct vmoon_driver *d;
	unsigned before;

	create(v, VMOON_WORKER_TRUSTED);
	d = vcpu_bus_driver(v, &bus, 0);
	rig_start(v->rig);
	probe(d);
	before = count_of(RESET);
	vmoon_vm_wish_reset(v->rig->vm);
	while (count_of(RESET) == before)
		(void)sched_yield();
	expect_thread(RESET, "vmoon-trusted0");
	while (__atomic_load_n(&v->rig->vm->is_halting, __ATOMIC_ACQUIRE))
		(void)sched_yield();
	probe(d);
	expect_answer(d);
	vmoon_driver_destroy(d);
	vv_end(v);
}

static void *reset_main(void *ctx)
{
	vmoon_driver_reset(ctx);
	return NULL;
}

static void end_reset(void *ctx, struct vmoon_virtio *vd)
{
	*(enum vcpu_bus_phase *)ctx = vcpu_bus_phase(vcpu_bus);
	vd->host.reset_done(vd->host.ctx);
}

static bool is_resetting(struct vv *v)
{
	return vmoon_board_is_resetting(v->rig->vm->board);
}

/* A driver that does not look reuses its memory: its vCPU is held. */
static void test_own__who_resets_a_trusted_device_waits_for_its_host(
	void **state)
{
	static struct vcpu_bus bus;
	enum vcpu_bus_phase phase = VCPU_BUS_IDLE;
	struct vv *v = *state;
	struct vmoon_driver *d;
	struct vmoon_error err;
	pthread_t thread;

	create(v, VMOON_WORKER_TRUSTED);
	d = vcpu_bus_driver(v, &bus, 0);
	rig_start(v->rig);
	probe(d);
	__atomic_store_n(&resets_wait, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_create(&thread, NULL, reset_main, d), 0);
	while (!is_resetting(v))
		(void)sched_yield();
	for (int i = 0; i < 20000; i++)
		(void)sched_yield();
	assert_ok(vmoon_vm_call_virtio(v->rig->vm, "echo", end_reset, &phase,
				       &err),
		  &err);
	assert_int_equal(phase, VCPU_BUS_RUNNING);
	assert_int_equal(pthread_join(thread, NULL), 0);
	__atomic_store_n(&resets_wait, false, __ATOMIC_RELEASE);
	assert_false(is_resetting(v));
	probe(d);
	expect_answer(d);
	vmoon_driver_destroy(d);
	vv_end(v);
}

/* ---- adding ---- */

static void test_own__a_virtio_device_that_fails_leaves_no_thread(void **state)
{
	static const enum vmoon_device_worker workers[] = {
		VMOON_WORKER_OWN, VMOON_WORKER_TRUSTED};
	struct vv *v = *state;
	struct vm_rig *r = v->rig;
	struct vmoon_error err;

	for (size_t i = 0; i < VMOON_COUNTOF(workers); i++) {
		struct vmoon_virtio_options o = options(workers[i]);

		vv_describe(v, 0, true, 0);
		vv_create(v);
		o.name = "rng";
		assert_int_equal(vmoon_vm_add_virtio(r->vm, &o, NULL, &err),
				 VMOON_E_CONFIG);
		o.name = "echo";
		/* The first is rng's. */
		vmoon_fake_hv_fail(&r->hv, VMOON_FAKE_ADD_IOEVENTFD, 2,
				   VMOON_E_SYS);
		assert_int_equal(vmoon_vm_add_virtio(r->vm, &o, NULL, &err),
				 VMOON_E_SYS);
		assert_int_equal(r->vm->own_worker_count, 0);
		assert_null(r->vm->own_workers);
		assert_ok(vmoon_vm_add_virtio(r->vm, &o, NULL, &err), &err);
		assert_int_equal(r->vm->own_worker_count, 1);
		rig_start(r);
		vv_end(v);
	}
}

/* Behind the disks', which have the first numbers. */
static void test_own__threads_are_numbered_after_those_of_disks(void **state)
{
	const struct vmoon_virtio_options o = options(VMOON_WORKER_OWN);
	struct vv *v = *state;
	struct bus_device bus;
	struct vmoon_driver *d;
	struct vmoon_error err;

	vv_describe(v, 2, false, 0);
	vv_create(v);
	assert_ok(vmoon_vm_add_virtio(v->rig->vm, &o, NULL, &err), &err);
	assert_int_equal(v->rig->vm->own_worker_count, 3);
	rig_start(v->rig);
	d = vv_bus_driver(v, &bus, 2);
	probe(d);
	expect_answer(d);
	expect_thread(NOTIFY, "vmoon-device2");
	vmoon_driver_destroy(d);
	vv_end(v);
}

static void test_own__a_virtio_device_names_a_known_worker(void **state)
{
	struct vmoon_virtio_options o = options(VMOON_WORKER_TRUSTED);
	struct vv *v = *state;
	struct vmoon_error err;

	vv_describe(v, 0, false, 0);
	vv_create(v);
	o.worker = (enum vmoon_device_worker)3;
	assert_int_equal(vmoon_vm_add_virtio(v->rig->vm, &o, NULL, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "echo: a worker of no known kind");
	/* An older caller has none: what is behind its struct is not read. */
	o.size = offsetof(struct vmoon_virtio_options, worker);
	assert_ok(vmoon_vm_add_virtio(v->rig->vm, &o, NULL, &err), &err);
	assert_int_equal(v->rig->vm->own_worker_count, 0);
	o.size--;
	assert_int_equal(vmoon_vm_add_virtio(v->rig->vm, &o, NULL, &err),
			 VMOON_E_INVAL);
}

static const struct CMUnitTest tests[] = {
	VV(test_own__a_driver_is_answered_on_the_devices_thread),
	VV(test_own__a_trusted_device_does_all_on_its_thread),
	VV(test_own__a_reset_of_the_vm_resets_a_trusted_device),
	VV(test_own__who_resets_a_trusted_device_waits_for_its_host),
	VV(test_own__a_virtio_device_that_fails_leaves_no_thread),
	VV(test_own__threads_are_numbered_after_those_of_disks),
	VV(test_own__a_virtio_device_names_a_known_worker),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
