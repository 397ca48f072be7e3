/* SPDX-License-Identifier: MIT */
/* test_vcpu.c - each exit has one answer, and no exit makes a vCPU spin. */
#include "tests/support/vm_rig.h"

#define MANY(what)                                                 \
	{                                                          \
		.kind = VMOON_FAKE_EXIT, .repeat = 1000, .exit = { \
			.kind = (what)                             \
		}                                                  \
	}

static unsigned runs_of(struct vm_rig *r)
{
	return r->hv.cpu[0].runs;
}

static void expect_end(struct vm_rig *r, enum vmoon_exit_reason reason)
{
	struct vmoon_exit_record x = VMOON_INIT(struct vmoon_exit_record);

	vmoon_vm_get_exit(r->vm, &x);
	assert_int_equal(x.reason, reason);
}

static void test_s16__a_thousand_interruptions_are_a_thousand_turns(void **s)
{
	static const struct vmoon_fake_step steps[] = {
		MANY(VMOON_HV_EXIT_INTR), FAKE_OUT(PORT_DEBUG_EXIT, 1, 7)};
	struct vm_rig *r = *s;

	RIG_RUN(r, steps);
	expect_end(r, VMOON_EXIT_DEBUG_EXIT);
	assert_true(runs_of(r) >= 1001 && runs_of(r) <= 1004);
}

/* The first is the end: the guest is not entered again for the others. */
static void test_s16__a_thousand_fatal_exits_are_one_end(void **s)
{
	static const struct {
		struct vmoon_fake_step step;
		enum vmoon_exit_reason reason;
	} fatal[] = {
		{MANY(VMOON_HV_EXIT_SHUTDOWN), VMOON_EXIT_CRASH},
		{MANY(VMOON_HV_EXIT_ERROR), VMOON_EXIT_CRASH},
		{MANY(VMOON_HV_EXIT_HALT), VMOON_EXIT_HALT},
		{MANY(VMOON_HV_EXIT_SYSTEM), VMOON_EXIT_POWEROFF},
	};
	struct vm_rig *r = *s;

	for (size_t i = 0; i < VMOON_COUNTOF(fatal); i++) {
		const struct vmoon_fake_script script = {&fatal[i].step, 1};

		rig_create(r, &script, 1);
		rig_start(r);
		rig_wait(r);
		expect_end(r, fatal[i].reason);
		assert_true(runs_of(r) <= 3);
		vmoon_vm_destroy(r->vm);
		r->vm = NULL;
		vmoon_fake_hv_fini(&r->hv);
	}
	vmoon_fake_hv_init(&r->hv, NULL, 0);
}

static void test_s16__a_host_without_memory_fails_the_vm_at_once(void **s)
{
	struct vm_rig *r = *s;

	rig_create(r, NULL, 1);
	vmoon_fake_hv_fail(&r->hv, VMOON_FAKE_RUN, 1, VMOON_E_NOMEM);
	rig_start(r);
	rig_wait(r);
	expect_end(r, VMOON_EXIT_HOST_ERROR);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_FAILED);
	assert_int_equal(runs_of(r), 1);
}

static struct vmoon_fake_step port_string(uint64_t port, bool is_write,
					  uint8_t size, uint32_t count)
{
	return (struct vmoon_fake_step){.kind = VMOON_FAKE_EXIT,
					.exit = {.kind = VMOON_HV_EXIT_PIO,
						 .is_write = is_write,
						 .size = size,
						 .count = count,
						 .addr = port,
						 .data = "0123456789abcdef"
							 "0123456789abcdef"
							 "0123456789abcdef"
							 "0123456789abcde\n"}};
}

/* On this thread: the VM is created and never started. */
static void step_once(struct vm_rig *r, const struct vmoon_fake_step *step)
{
	const struct vmoon_fake_script script = {step, 1};

	rig_create(r, &script, 1);
	r->hv.cpu[0].is_attached = true;
	assert_true(vmoon_vcpu_step(&r->vm->vcpus[0]));
}

static void test_b04__a_string_write_is_count_writes(void **s)
{
	static const uint32_t counts[] = {1, 64, 1024, 4096};
	struct vm_rig *r = *s;

	for (size_t i = 0; i < VMOON_COUNTOF(counts); i++) {
		const struct vmoon_fake_step step =
			port_string(0x7000, true, 4, counts[i]);

		step_once(r, &step);
		assert_int_equal(r->vm->vcpus[0].pio, 1);
		assert_int_equal(r->vm->vcpus[0].pio_unclaimed, counts[i]);
		vmoon_vm_destroy(r->vm);
		r->vm = NULL;
		vmoon_fake_hv_fini(&r->hv);
	}
	vmoon_fake_hv_init(&r->hv, NULL, 0);
}

static void test_b04__a_string_read_fills_every_element(void **s)
{
	static const uint8_t sizes[] = {1, 2, 4};
	struct vm_rig *r = *s;

	for (size_t i = 0; i < VMOON_COUNTOF(sizes); i++) {
		const struct vmoon_fake_step step =
			port_string(0x7000, false, sizes[i], 1024);

		step_once(r, &step);
		for (size_t at = 0; at < 1024u * sizes[i]; at++)
			assert_int_equal(r->hv.cpu[0].data[at], 0xff);
		/* The next byte is none of its own. */
		assert_int_equal(r->hv.cpu[0].data[1024u * sizes[i]], 0);
		vmoon_vm_destroy(r->vm);
		r->vm = NULL;
		vmoon_fake_hv_fini(&r->hv);
	}
	vmoon_fake_hv_init(&r->hv, NULL, 0);
}

static void test_vcpu__only_what_ends_a_run_leads_to_the_gate(void **s)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_IN(PORT_SERIAL, 1), FAKE_EXIT(VMOON_HV_EXIT_INTR),
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 3),
		FAKE_EXIT(VMOON_HV_EXIT_SHUTDOWN)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct vm_rig *r = *s;
	struct vmoon_vcpu *v;

	rig_create(r, &script, 1);
	v = &r->vm->vcpus[0];
	r->hv.cpu[0].is_attached = true;
	assert_true(vmoon_vcpu_step(v));
	assert_false(vmoon_vcpu_step(v));
	/* A wish kicks: the access is completed, then comes the gate. */
	assert_true(vmoon_vcpu_step(v));
	assert_int_equal(r->hv.cpu[0].kicks, 1);
	assert_false(vmoon_vcpu_step(v));
	assert_int_equal(r->hv.cpu[0].intrs, 1);
	assert_false(vmoon_vcpu_step(v));
	assert_int_equal(v->other, 1);
}

static const struct CMUnitTest tests[] = {
	RIG(test_s16__a_thousand_interruptions_are_a_thousand_turns),
	RIG(test_s16__a_thousand_fatal_exits_are_one_end),
	RIG(test_s16__a_host_without_memory_fails_the_vm_at_once),
	RIG(test_b04__a_string_write_is_count_writes),
	RIG(test_b04__a_string_read_fills_every_element),
	RIG(test_vcpu__only_what_ends_a_run_leads_to_the_gate),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
