/* SPDX-License-Identifier: MIT */
/* test_vm_device_env.c - what a device may ask of its VM: pause, end, a word.
 */
#include "tests/support/vm_rig.h"

#include "tests/support/custom_rig.h"

#include <sched.h>

#define FIRST_MMIO UINT64_C(0xd0000000)

/* Registers of the asking device. */
enum { ASK_PAUSE = 0, ASK_EXIT = 1, ASK_ABORT = 2, ASK_TELL = 3, ASK_LOG = 4 };

#define ASK(what, value)                             \
	{                                            \
		.kind = VMOON_FAKE_EXIT, .exit = {   \
			.kind = VMOON_HV_EXIT_MMIO,  \
			.is_write = true,            \
			.size = 1,                   \
			.count = 1,                  \
			.addr = FIRST_MMIO + (what), \
			.data = {(value)}            \
		}                                    \
	}

static void ask(struct vmoon_device *dev, uint64_t off, unsigned size,
		uint64_t val)
{
	const struct vmoon_device_env *env = &custom_of(dev)->env;
	struct vmoon_error err;

	(void)size;
	switch (off) {
	case ASK_PAUSE: env->pause.set(env->pause.ctx); break;
	case ASK_EXIT: env->exit.fire(env->exit.ctx, val); break;
	case ASK_ABORT:
		assert_int_equal(
			vmoon_fail(&err, VMOON_E_SCRIPT, 0, "no %d", (int)val),
			VMOON_E_SCRIPT);
		env->abort.failed(env->abort.ctx, &err);
		break;
	case ASK_TELL: env->tell.set(env->tell.ctx); break;
	case ASK_LOG:
		vmoon_logf(&env->log, VMOON_LOG_INFO, "asker", "said %d",
			   (int)val);
		break;
	default: break;
	}
}

static const struct vmoon_device_ops *custom_ops_of;
static struct vmoon_device_ops asker_ops;

static enum vmoon_status make_asker(void *ctx,
				    const struct vmoon_device_env *env,
				    struct vmoon_device **out_dev,
				    struct vmoon_error *err)
{
	const struct vmoon_device_options o = custom_options(ctx);
	const enum vmoon_status st = o.make(o.ctx, env, out_dev, err);

	if (st != VMOON_OK)
		return st;
	custom_ops_of = (*out_dev)->ops;
	asker_ops = *custom_ops_of;
	asker_ops.write = ask;
	(*out_dev)->ops = &asker_ops;
	return VMOON_OK;
}

/* A VM with the device, whose guest plays steps. */
static void create(struct vm_rig *r, struct custom_maker *m,
		   const struct vmoon_fake_step *steps, size_t count)
{
	const struct vmoon_fake_script script = {steps, count};
	struct vmoon_device_options o = custom_options(m);
	struct vmoon_error err;

	rig_create(r, &script, 1);
	o.name = "custom";
	o.make = make_asker;
	assert_ok(vmoon_vm_add_device(r->vm, &o, NULL, &err), &err);
}

/* It is so, and the embedder was told. */
static void wait_for(struct vm_rig *r, enum vmoon_vm_state state)
{
	struct vmoon_error err;

	while (vmoon_vm_get_state(r->vm) != state || r->last_state != state)
		assert_ok(vmoon_runtime_wait(r->rt, RIG_TIMEOUT_NS, &err),
			  &err);
}

static void test_env__pause_is_one_the_caller_ends(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		ASK(ASK_PAUSE, 1), ASK(ASK_PAUSE, 1),
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};
	static struct custom_maker m;
	struct vm_rig *r = *state;
	struct vmoon_error err;

	create(r, &m, steps, VMOON_COUNTOF(steps));
	rig_start(r);
	for (int i = 0; i < 2; i++) {
		wait_for(r, VMOON_VM_PAUSED);
		assert_int_equal(r->last_state, VMOON_VM_PAUSED);
		assert_ok(vmoon_vm_resume(r->vm, &err), &err);
	}
	rig_wait(r);
	assert_int_equal(r->record.guest_status, 3);
}

static void pause_it(void *ctx, struct vmoon_device *dev)
{
	const struct vmoon_device_env *env = &custom_of(dev)->env;

	(void)ctx;
	env->pause.set(env->pause.ctx);
}

static void test_env__pause_before_the_start_holds_the_first_step(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 4)};
	static struct custom_maker m;
	struct vm_rig *r = *state;
	struct vmoon_error err;

	create(r, &m, steps, VMOON_COUNTOF(steps));
	assert_ok(vmoon_vm_call_device(r->vm, "custom", pause_it, NULL, &err),
		  &err);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_CREATED);
	rig_start(r);
	wait_for(r, VMOON_VM_PAUSED);
	/* Of one that is paused it asks nothing more. */
	assert_ok(vmoon_vm_call_device(r->vm, "custom", pause_it, NULL, &err),
		  &err);
	assert_int_equal(r->exit_events, 0);
	while (vmoon_vm_resume(r->vm, &err) == VMOON_OK &&
	       vmoon_vm_wait(r->vm, RIG_TIMEOUT_NS / 600, &err) != VMOON_OK)
		wait_for(r, VMOON_VM_PAUSED); /* it had not asked before */
	rig_wait(r);
	assert_int_equal(r->record.guest_status, 4);
}

/* The worker's pause may come while start has not come to its end. */
static void test_env__pause_and_start_at_once_leave_nobody_running(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 4)};
	static struct custom_maker m;
	struct vm_rig *r = *state;
	struct vmoon_error err;

	for (int i = 0; i < 100; i++) {
		create(r, &m, steps, VMOON_COUNTOF(steps));
		assert_ok(vmoon_vm_call_device(r->vm, "custom", pause_it, NULL,
					       &err),
			  &err);
		rig_start(r);
		wait_for(r, VMOON_VM_PAUSED);
		for (int turn = 0; turn < 200; turn++) {
			(void)vmoon_runtime_dispatch(r->rt, 64);
			(void)sched_yield();
			assert_int_equal(vmoon_vm_get_state(r->vm),
					 VMOON_VM_PAUSED);
		}
		vmoon_vm_destroy(r->vm);
		r->vm = NULL;
		vmoon_fake_hv_fini(&r->hv);
	}
}

/* Both want it, one resumes it: neither waits for who runs on. */
static void test_env__device_and_caller_may_pause_it_at_once(void **state)
{
	enum { ASKS = 300 };
	static struct vmoon_fake_step steps[ASKS + 1];
	static const struct vmoon_fake_step pause = ASK(ASK_PAUSE, 1),
					    end = FAKE_OUT(PORT_DEBUG_EXIT, 1,
							   7);
	static struct custom_maker m;
	struct vm_rig *r = *state;

	for (int i = 0; i < ASKS; i++)
		steps[i] = pause;
	steps[ASKS] = end;
	create(r, &m, steps, VMOON_COUNTOF(steps));
	rig_start(r);
	while (r->exit_events == 0) {
		VMOON_IGNORE(vmoon_vm_pause(r->vm, NULL) != VMOON_OK);
		VMOON_IGNORE(vmoon_vm_resume(r->vm, NULL) != VMOON_OK);
		(void)vmoon_runtime_dispatch(r->rt, 64);
	}
	assert_int_equal(r->record.guest_status, 7);
}

static void test_env__exit_ends_it_with_its_status(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		ASK(ASK_PAUSE, 1), ASK(ASK_EXIT, 0x51),
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};
	static struct custom_maker m;
	struct vm_rig *r = *state;

	create(r, &m, steps + 1, VMOON_COUNTOF(steps) - 1);
	rig_start(r);
	rig_wait(r);
	assert_int_equal(r->record.reason, VMOON_EXIT_DEBUG_EXIT);
	assert_int_equal(r->record.guest_status, 0x51);
	assert_string_equal(r->record.message, "");
}

static void test_env__abort_ends_it_with_its_words(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		ASK(ASK_ABORT, 7), FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};
	static struct custom_maker m;
	struct vm_rig *r = *state;

	create(r, &m, steps, VMOON_COUNTOF(steps));
	rig_start(r);
	rig_wait(r);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_FAILED);
	assert_int_equal(r->record.reason, VMOON_EXIT_HOST_ERROR);
	assert_string_equal(r->record.message, "no 7");
}

static void test_env__a_paused_vm_can_be_ended(void **state)
{
	static const struct vmoon_fake_step steps[] = {ASK(ASK_PAUSE, 1)};
	static struct custom_maker m;
	struct vm_rig *r = *state;
	struct vmoon_error err;

	create(r, &m, steps, VMOON_COUNTOF(steps));
	rig_start(r);
	wait_for(r, VMOON_VM_PAUSED);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_STOPPED);
}

static void test_env__its_words_are_in_the_log_and_it_wakes(void **state)
{
	enum { TELLS = 1000 };
	static struct vmoon_fake_step steps[TELLS + 2];
	static const struct vmoon_fake_step say = ASK(ASK_LOG, 9),
					    tell = ASK(ASK_TELL, 0),
					    end = FAKE_OUT(PORT_DEBUG_EXIT, 1,
							   0);
	static struct custom_maker m;
	struct vm_rig *r = *state;
	char text[4096];
	uint64_t pos = 0;
	size_t len;

	steps[0] = say;
	for (int i = 1; i <= TELLS; i++)
		steps[i] = tell;
	steps[TELLS + 1] = end;

	create(r, &m, steps, VMOON_COUNTOF(steps));
	rig_start(r);
	rig_wait(r);
	len = vmoon_stream_read(vmoon_vm_stream(r->vm, "log"), &pos, text,
				sizeof(text) - 1);
	text[len] = '\0';
	assert_non_null(strstr(text, "asker: said 9"));
}

static void test_env__devices_are_listed_in_their_order(void **state)
{
	static struct custom_maker m[2];
	struct vm_rig *r = *state;
	struct vmoon_device_options o;
	struct vmoon_error err;
	const char *name, *type;
	bool is_virtio = true;

	rig_create(r, NULL, 1);
	assert_false(vmoon_vm_device(r->vm, 0, &name, &type, &is_virtio));
	for (int i = 0; i < 2; i++) {
		o = custom_options(&m[i]);
		o.name = i == 0 ? "first" : "second";
		assert_ok(vmoon_vm_add_device(r->vm, &o, NULL, &err), &err);
	}
	for (size_t i = 0; i < 2; i++) {
		assert_true(
			vmoon_vm_device(r->vm, i, &name, &type, &is_virtio));
		assert_string_equal(name, i == 0 ? "first" : "second");
		assert_string_equal(type, "custom");
		assert_false(is_virtio);
	}
	assert_true(vmoon_vm_device(r->vm, 1, NULL, NULL, NULL));
	assert_false(vmoon_vm_device(r->vm, 2, &name, &type, &is_virtio));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG(test_env__pause_is_one_the_caller_ends),
		RIG(test_env__pause_before_the_start_holds_the_first_step),
		RIG(test_env__pause_and_start_at_once_leave_nobody_running),
		RIG(test_env__device_and_caller_may_pause_it_at_once),
		RIG(test_env__exit_ends_it_with_its_status),
		RIG(test_env__abort_ends_it_with_its_words),
		RIG(test_env__a_paused_vm_can_be_ended),
		RIG(test_env__its_words_are_in_the_log_and_it_wakes),
		RIG(test_env__devices_are_listed_in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
