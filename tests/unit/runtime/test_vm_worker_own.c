/* SPDX-License-Identifier: MIT */
/* test_vm_worker_own.c - devices on a thread of their own, in a running VM. */
#include "tests/support/own_rig.h"

enum { FREE_GSI = 21 }; /* no device's */

#define READ(off)                                   \
	{                                           \
		.kind = VMOON_FAKE_EXIT, .exit = {  \
			.kind = VMOON_HV_EXIT_MMIO, \
			.size = 1,                  \
			.count = 1,                 \
			.addr = OWN_MMIO + (off)    \
		}                                   \
	}
#define WRITE(off, value)                           \
	{                                           \
		.kind = VMOON_FAKE_EXIT, .exit = {  \
			.kind = VMOON_HV_EXIT_MMIO, \
			.is_write = true,           \
			.size = 4,                  \
			.count = 1,                 \
			.addr = OWN_MMIO + (off),   \
			.data = {(value)}           \
		}                                   \
	}

static const struct vmoon_fake_step read_then_end[] = {
	READ(3), FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};

/* One vCPU in a read that waits for the device's thread. */
static void start_blocked(struct vm_rig *r, struct own *o)
{
	static const struct vmoon_fake_script script = {
		read_then_end, VMOON_COUNTOF(read_then_end)};

	rig_create(r, &script, 1);
	own_add(r, o, VMOON_WORKER_TRUSTED);
	o->blocks = true;
	rig_start(r);
	own_wait_in(o);
}

static unsigned parked(struct vm_rig *r)
{
	unsigned n;

	vmoon_lock_take(&r->vm->lock);
	n = r->vm->parked;
	vmoon_lock_drop(&r->vm->lock);
	return n;
}

static unsigned cpu_resets(struct vm_rig *r)
{
	unsigned n;

	(void)pthread_mutex_lock(&r->hv.lock);
	n = r->hv.cpu[0].resets;
	(void)pthread_mutex_unlock(&r->hv.lock);
	return n;
}

static size_t answers(struct vm_rig *r)
{
	size_t n;

	(void)pthread_mutex_lock(&r->hv.lock);
	n = r->hv.read_count;
	(void)pthread_mutex_unlock(&r->hv.lock);
	return n;
}

/* Once all is over: what the i-th read gave. */
static unsigned answer(const struct vm_rig *r, size_t i)
{
	assert_true(i < r->hv.read_count);
	return r->hv.reads[i].data[0];
}

/* ---- a trusted device that takes its time ---- */

static void test_own__a_vcpu_waits_for_a_trusted_device(void **state)
{
	static struct own o;
	struct vm_rig *r = *state;

	start_blocked(r, &o);
	own_expect_thread(&o, OWN_READ, "vmoon-trusted0");
	while (parked(r) == 0)
		(void)sched_yield();
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_RUNNING);
	own_let_go(&o);
	rig_wait(r);
	assert_int_equal(r->record.guest_status, 3);
	assert_int_equal(own_calls(&o, OWN_READ), 1);
	assert_int_equal(answer(r, 0), 0x43);
}

static void test_own__pause_and_resume_wait_for_no_trusted_device(void **state)
{
	static struct own o;
	struct vm_rig *r = *state;
	struct vmoon_error err;

	start_blocked(r, &o);
	assert_ok(vmoon_vm_pause(r->vm, &err), &err);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_PAUSED);
	assert_ok(vmoon_vm_resume(r->vm, &err), &err);
	assert_ok(vmoon_vm_pause(r->vm, &err), &err);
	own_let_go(&o);
	/* The device goes on; the guest does not. */
	own_call(r, own_wake, NULL);
	own_wait(&o, OWN_WORK, 1);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_PAUSED);
	assert_int_equal(parked(r), 1);
	assert_ok(vmoon_vm_resume(r->vm, &err), &err);
	rig_wait(r);
	assert_int_equal(own_calls(&o, OWN_READ), 1);
	assert_int_equal(answer(r, 0), 0x43);
}

static void test_own__stop_waits_for_no_trusted_device(void **state)
{
	static struct own o;
	struct vm_rig *r = *state;
	struct vmoon_error err;

	start_blocked(r, &o);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_STOPPED);
	assert_false(o.is_gone);
	own_let_go(&o);
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	assert_true(o.is_gone);
	assert_int_equal(own_calls(&o, OWN_READ), 1);
	assert_int_equal(r->hv.read_count, 0);
}

/* Until the worker has done all that it can do of a reset. */
static void begin_reset(struct vm_rig *r)
{
	vmoon_vm_wish_reset(r->vm);
	while (!vmoon_vm_devices_are_resetting(r->vm))
		(void)sched_yield();
	(void)parked(r); /* the worker has vm->lock from first to last */
}

static void test_own__a_reset_waits_for_a_trusted_device(void **state)
{
	static struct own o;
	struct vm_rig *r = *state;
	struct vmoon_error err;
	unsigned resets, before;

	start_blocked(r, &o);
	resets = cpu_resets(r);
	before = own_calls(&o, OWN_RESET);
	begin_reset(r);
	assert_int_equal(cpu_resets(r), resets);
	assert_ok(vmoon_vm_pause(r->vm, &err), &err);
	assert_ok(vmoon_vm_resume(r->vm, &err), &err);
	assert_int_equal(cpu_resets(r), resets);
	assert_int_equal(own_calls(&o, OWN_RESET), before);
	own_let_go(&o);
	rig_wait(r); /* the fake does not begin anew */
	assert_int_equal(r->record.guest_status, 3);
	assert_int_equal(cpu_resets(r), resets + 1);
	assert_int_equal(own_calls(&o, OWN_RESET), before + 1);
	assert_int_equal(own_calls(&o, OWN_READ), 1);
	assert_int_equal(answer(r, 0), 0xff);
}

static void test_own__stop_waits_for_no_reset(void **state)
{
	static struct own o;
	struct vm_rig *r = *state;
	struct vmoon_error err;
	unsigned before;

	start_blocked(r, &o);
	before = own_calls(&o, OWN_RESET);
	begin_reset(r);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	own_let_go(&o);
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	/* Nothing is called any more. */
	assert_int_equal(own_calls(&o, OWN_RESET), before);
	assert_true(o.is_gone);
}

static void test_own__two_vcpus_each_get_their_own_answer(void **state)
{
	static const struct vmoon_fake_step first[] = {READ(3)};
	static const struct vmoon_fake_step second[] = {READ(7)};
	static const struct vmoon_fake_script scripts[] = {{first, 1},
							   {second, 1}};
	static struct own o;
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, scripts, 2);
	own_add(r, &o, VMOON_WORKER_TRUSTED);
	o.blocks = true;
	rig_start(r);
	own_wait_in(&o);
	while (parked(r) < 2)
		(void)sched_yield();
	assert_int_equal(own_calls(&o, OWN_READ), 1);
	own_let_go(&o);
	while (answers(r) < 2)
		(void)sched_yield();
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	assert_int_equal(own_calls(&o, OWN_READ), 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(answer(r, i),
				 r->hv.reads[i].cpu == 0 ? 0x43 : 0x47);
}

/* A write that waits behind another vCPU's read never comes. */
static void test_own__a_reset_drops_all_that_waits(void **state)
{
	static const struct vmoon_fake_step second[] = {
		{.kind = VMOON_FAKE_WAIT_IRQ, .gsi = FREE_GSI}, WRITE(4, 9)};
	static const struct vmoon_fake_script scripts[] = {
		{read_then_end, VMOON_COUNTOF(read_then_end)},
		{second, VMOON_COUNTOF(second)}};
	static struct own o;
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, scripts, 2);
	own_add(r, &o, VMOON_WORKER_TRUSTED);
	o.blocks = true;
	rig_start(r);
	own_wait_in(&o);
	assert_ok(r->hv.vm.ops->set_irq(&r->hv.vm, FREE_GSI, true), &err);
	while (parked(r) < 2)
		(void)sched_yield();
	begin_reset(r);
	own_let_go(&o);
	rig_wait(r);
	assert_int_equal(own_calls(&o, OWN_WRITE), 0);
	assert_int_equal(own_calls(&o, OWN_READ), 1);
}

/* ---- the host's calls ---- */

static void read_last(void *ctx, struct vmoon_device *dev)
{
	own_note(own_of(dev), OWN_FN);
	*(uint64_t *)ctx = own_of(dev)->last;
}

static void test_own__a_trusted_device_is_called_under_its_lock(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		WRITE(4, 9), FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};
	static const struct vmoon_fake_script script = {steps, 2};
	static struct own o;
	struct vm_rig *r = *state;
	struct vmoon_error err;
	uint64_t last = 0;

	rig_create(r, &script, 1);
	own_add(r, &o, VMOON_WORKER_TRUSTED);
	own_call(r, read_last, &last);
	assert_int_equal(last, 0);
	rig_start(r);
	rig_wait(r);
	own_call(r, read_last, &last);
	assert_int_equal(last, 9);
	assert_int_equal(own_calls(&o, OWN_FN), 2);
	assert_int_equal(
		vmoon_vm_call_device(r->vm, "none", read_last, &last, &err),
		VMOON_E_INVAL);
	assert_string_equal(err.msg, "none: there is no such device of yours");
}

static void *call_main(void *ctx)
{
	struct vm_rig *r = ctx;
	const bool is_ok = vmoon_vm_call_device(r->vm, "mine", own_wake, NULL,
						NULL) == VMOON_OK;

	return is_ok ? r : NULL;
}

static void test_own__a_call_waits_for_what_a_trusted_device_does(void **state)
{
	static struct own o;
	struct vm_rig *r = *state;
	pthread_t thread;
	void *got = NULL;

	start_blocked(r, &o);
	assert_int_equal(pthread_create(&thread, NULL, call_main, r), 0);
	for (int i = 0; i < 20000; i++)
		(void)sched_yield();
	assert_int_equal(own_calls(&o, OWN_FN), 0);
	own_let_go(&o);
	assert_int_equal(pthread_join(thread, &got), 0);
	assert_ptr_equal(got, r);
	assert_int_equal(own_calls(&o, OWN_FN), 1);
}

/* ---- on which thread ---- */

static void begin_all(void *ctx, struct vmoon_device *dev)
{
	struct own *o = own_of(dev);

	own_wake(ctx, dev);
	o->env.timer.set(o->env.timer.ctx, vmoon_mono_ns() + 1);
}

static void ring(struct vm_rig *r)
{
	unsigned char data[4] = {1};
	const struct vmoon_hv_exit e = {.kind = VMOON_HV_EXIT_MMIO,
					.is_write = true,
					.size = 4,
					.count = 1,
					.addr = OWN_MMIO + OWN_BELL_AT,
					.data = data};

	(void)pthread_mutex_lock(&r->hv.lock);
	assert_true(vmoon_fake_signal(&r->hv, &e));
	(void)pthread_mutex_unlock(&r->hv.lock);
}

static bool level(struct vm_rig *r, unsigned gsi)
{
	bool is_high;

	(void)pthread_mutex_lock(&r->hv.lock);
	is_high = r->hv.levels[gsi];
	(void)pthread_mutex_unlock(&r->hv.lock);
	return is_high;
}

/* All that serves it beside its registers. */
static void check_threads(struct vm_rig *r, enum vmoon_device_worker worker,
			  const char *name)
{
	static struct own o;
	const struct vmoon_device_options opts = own_options(&o, worker);
	struct vmoon_device_place place = VMOON_INIT(struct vmoon_device_place);
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	assert_ok(vmoon_vm_add_device(r->vm, &opts, &place, &err), &err);
	rig_start(r);
	assert_false(level(r, place.irq));
	own_call(r, begin_all, NULL);
	ring(r);
	own_wait(&o, OWN_TICK, 1);
	own_wait(&o, OWN_WORK, 1);
	own_wait(&o, OWN_BELL, 1);
	assert_true(level(r, place.irq));
	own_expect_thread(&o, OWN_TICK, name);
	own_expect_thread(&o, OWN_WORK, name);
	own_expect_thread(&o, OWN_BELL, name);
	assert_true(pthread_equal(o.threads[OWN_FN], pthread_self()) != 0);
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	assert_true(o.is_gone);
	assert_int_equal(r->hv.ioeventfd_count, 0);
}

static void test_own__a_device_is_served_on_its_own_thread(void **state)
{
	check_threads(*state, VMOON_WORKER_OWN, "vmoon-device0");
}

static void test_own__a_trusted_device_is_served_on_its_own_thread(void **state)
{
	check_threads(*state, VMOON_WORKER_TRUSTED, "vmoon-trusted0");
}

static void test_own__others_are_served_on_the_worker(void **state)
{
	check_threads(*state, VMOON_WORKER_SHARED, "vmoon-worker");
}

/* Its vCPU makes the accesses, and may be asked to come again. */
static void test_own__an_untrusted_device_is_asked_on_the_vcpu(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		READ(3), FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};
	static const struct vmoon_fake_script script = {steps, 2};
	static struct own o;
	struct vm_rig *r = *state;

	rig_create(r, &script, 1);
	own_add(r, &o, VMOON_WORKER_OWN);
	o.is_asked_again = true;
	rig_start(r);
	rig_wait(r);
	assert_int_equal(own_calls(&o, OWN_READ), 2);
	assert_int_equal(answer(r, 0), 0x43);
	own_expect_thread(&o, OWN_READ, "vmoon-vcpu0");
	own_expect_thread(&o, OWN_WORK, "vmoon-device0");
}

static void test_own__a_trusted_device_cannot_say_again(void **state)
{
	static struct own o;
	struct vm_rig *r = *state;

	rig_create(r, NULL, 1);
	own_add(r, &o, VMOON_WORKER_TRUSTED);
	assert_null(o.env.again.asker);
	assert_null(o.env.again.hold);
	assert_null(o.env.again.ready);
}

static const struct CMUnitTest tests[] = {
	RIG(test_own__a_vcpu_waits_for_a_trusted_device),
	RIG(test_own__pause_and_resume_wait_for_no_trusted_device),
	RIG(test_own__stop_waits_for_no_trusted_device),
	RIG(test_own__a_reset_waits_for_a_trusted_device),
	RIG(test_own__stop_waits_for_no_reset),
	RIG(test_own__two_vcpus_each_get_their_own_answer),
	RIG(test_own__a_reset_drops_all_that_waits),
	RIG(test_own__a_trusted_device_is_called_under_its_lock),
	RIG(test_own__a_call_waits_for_what_a_trusted_device_does),
	RIG(test_own__a_device_is_served_on_its_own_thread),
	RIG(test_own__a_trusted_device_is_served_on_its_own_thread),
	RIG(test_own__others_are_served_on_the_worker),
	RIG(test_own__an_untrusted_device_is_asked_on_the_vcpu),
	RIG(test_own__a_trusted_device_cannot_say_again),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
