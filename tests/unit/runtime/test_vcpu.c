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

/*
 * The first is the end: the guest is not entered again for the others. A
 * second run is the one that the vCPU itself has kicked.
 */
static void test_s16__a_thousand_fatal_exits_are_one_end(void **s)
{
	static const struct {
		struct vmoon_fake_step step;
		enum vmoon_exit_reason reason;
		unsigned runs;
	} fatal[] = {
		{MANY(VMOON_HV_EXIT_SHUTDOWN), VMOON_EXIT_CRASH, 1},
		{MANY(VMOON_HV_EXIT_ERROR), VMOON_EXIT_CRASH, 1},
		{MANY(VMOON_HV_EXIT_HALT), VMOON_EXIT_HALT, 2},
		{MANY(VMOON_HV_EXIT_SYSTEM), VMOON_EXIT_POWEROFF, 2},
	};
	struct vm_rig *r = *s;

	for (size_t i = 0; i < VMOON_COUNTOF(fatal); i++) {
		const struct vmoon_fake_script script = {&fatal[i].step, 1};

		rig_create(r, &script, 1);
		rig_start(r);
		rig_wait(r);
		expect_end(r, fatal[i].reason);
		assert_int_equal(runs_of(r), fatal[i].runs);
		vmoon_vm_destroy(r->vm);
		r->vm = NULL;
		vmoon_fake_hv_fini(&r->hv);
	}
	vmoon_fake_hv_init(&r->hv, NULL, 0);
}

#define FATAL(what, ...)                              \
	{                                             \
		.kind = VMOON_FAKE_EXIT, .exit = {    \
			.kind = VMOON_HV_EXIT_##what, \
			__VA_ARGS__                   \
		}                                     \
	}

static void test_kvm_06__every_fatal_exit_ends_with_a_reason(void **state)
{
	static const struct {
		struct vmoon_fake_step step;
		enum vmoon_exit_reason reason;
		int status;
		const char *message;
	} rows[] = {
		{FATAL(SHUTDOWN, .detail = "vCPU 0: triple fault"),
		 VMOON_EXIT_CRASH, 102, "vCPU 0: triple fault"},
		{FATAL(ERROR, .detail = "vCPU 0: who knows"), VMOON_EXIT_CRASH,
		 102, "vCPU 0: who knows"},
		{FAKE_EXIT(VMOON_HV_EXIT_HALT), VMOON_EXIT_HALT, 102,
		 "the guest halted with nothing to wake it"},
		{FATAL(SYSTEM, .system = VMOON_HV_POWEROFF),
		 VMOON_EXIT_POWEROFF, 0, ""},
		{FATAL(SYSTEM, .system = VMOON_HV_RESET), VMOON_EXIT_REBOOT, 0,
		 ""},
		{FATAL(SYSTEM, .system = VMOON_HV_CRASH), VMOON_EXIT_CRASH, 102,
		 "the hypervisor reports a crash"},
	};
	struct vmoon_fake_script script;

	rig_teardown(state);
	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		struct vm_rig *r;

		assert_int_equal(rig_setup(state), 0);
		r = *state;
		script = (struct vmoon_fake_script){&rows[i].step, 1};
		rig_set(r, "on_reboot", "stop");
		rig_create(r, &script, 1);
		rig_start(r);
		rig_wait(r);
		assert_int_equal(r->record.reason, rows[i].reason);
		assert_int_equal(vmoon_exit_status(&r->record), rows[i].status);
		assert_string_equal(r->record.message, rows[i].message);
		if (i + 1 < VMOON_COUNTOF(rows))
			rig_teardown(state);
	}
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

/* Of two vCPUs that die, say: what is reported is what came first. */
static void test_s16__the_first_of_two_ends_counts(void **s)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_EXIT(VMOON_HV_EXIT_SHUTDOWN),
		FAKE_EXIT(VMOON_HV_EXIT_HALT)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct vm_rig *r = *s;

	rig_create(r, &script, 1);
	r->hv.cpu[0].is_attached = true;
	assert_false(vmoon_vcpu_step(&r->vm->vcpus[0]));
	assert_true(vmoon_vcpu_step(&r->vm->vcpus[0]));
	assert_int_equal(r->vm->wish.end, VMOON_EXIT_CRASH);
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

static void test_b04__a_string_write_hands_on_its_elements_in_order(void **s)
{
	const struct vmoon_fake_step step =
		port_string(PORT_SERIAL, true, 1, VMOON_FAKE_DATA_MAX);
	struct vm_rig *r = *s;
	unsigned char out[VMOON_FAKE_DATA_MAX + 1];
	uint64_t pos = 0;

	step_once(r, &step);
	vmoon_stream_drain(&r->vm->console);
	assert_int_equal(vmoon_stream_read(vmoon_vm_stream(r->vm, "serial0"),
					   &pos, out, sizeof(out)),
			 VMOON_FAKE_DATA_MAX);
	assert_memory_equal(out, step.exit.data, VMOON_FAKE_DATA_MAX);
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
	RIG(test_kvm_06__every_fatal_exit_ends_with_a_reason),
	RIG(test_s16__a_host_without_memory_fails_the_vm_at_once),
	RIG(test_s16__the_first_of_two_ends_counts),
	RIG(test_b04__a_string_write_is_count_writes),
	RIG(test_b04__a_string_write_hands_on_its_elements_in_order),
	RIG(test_b04__a_string_read_fills_every_element),
	RIG(test_vcpu__only_what_ends_a_run_leads_to_the_gate),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
