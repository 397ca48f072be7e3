/* SPDX-License-Identifier: MIT */
/* test_fake_hv.c - the scripted hypervisor keeps the promises of hv.h. */
#include "tests/support/fake_hv.h"
#include "tests/support/fixture.h"

#include <string.h>

struct bench {
	struct vmoon_fake_hv fake;
	struct vmoon_hv_vm *vm;
	struct vmoon_hv_vcpu *cpu;
	struct vmoon_hv_exit e;
	struct vmoon_error err;
};

static void start(struct bench *b, const struct vmoon_fake_step *steps,
		  size_t count)
{
	const struct vmoon_fake_script script = {steps, count};

	memset(b, 0, sizeof(*b));
	vmoon_fake_hv_init(&b->fake, &script, 1);
	b->vm = &b->fake.vm;
	assert_ok(b->vm->ops->create_vcpu(b->vm, 0, 1, &b->cpu, &b->err),
		  &b->err);
	assert_ok(b->cpu->ops->attach(b->cpu, &b->err), &b->err);
}

static void stop(struct bench *b)
{
	b->cpu->ops->destroy(b->cpu);
	b->vm->ops->destroy(b->vm);
	assert_true(b->fake.is_destroyed);
	assert_int_equal(b->fake.misuses, 0);
	vmoon_fake_hv_fini(&b->fake);
}

static enum vmoon_hv_exit_kind step(struct bench *b)
{
	assert_ok(b->cpu->ops->run(b->cpu, &b->e, &b->err), &b->err);
	return b->e.kind;
}

static void test_fake_hv__exits_come_in_the_order_of_the_script(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_OUT(0x3f8, 2, 0x34, 0x12),
		{.kind = VMOON_FAKE_EXIT,
		 .repeat = 2,
		 .exit = {.kind = VMOON_HV_EXIT_MMIO,
			  .size = 8,
			  .count = 1,
			  .addr = 0xd0000000}},
		{.kind = VMOON_FAKE_EXIT,
		 .exit = {.kind = VMOON_HV_EXIT_SHUTDOWN, .detail = "boom"}},
	};
	struct bench b;

	(void)state;
	start(&b, steps, VMOON_COUNTOF(steps));
	assert_int_equal(step(&b), VMOON_HV_EXIT_PIO);
	assert_true(b.e.is_write);
	assert_int_equal(b.e.addr, 0x3f8);
	assert_memory_equal(b.e.data, "\x34\x12", 2);
	assert_int_equal(step(&b), VMOON_HV_EXIT_MMIO);
	assert_int_equal(step(&b), VMOON_HV_EXIT_MMIO);
	assert_int_equal(step(&b), VMOON_HV_EXIT_SHUTDOWN);
	assert_string_equal(b.e.detail, "boom");
	vmoon_fake_hv_wait_end(&b.fake, 0);
	stop(&b);
}

static void test_fake_hv__the_answer_to_a_read_is_recorded(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_IN(0x3fd, 1), FAKE_EXIT(VMOON_HV_EXIT_HALT)};
	struct bench b;

	(void)state;
	start(&b, steps, VMOON_COUNTOF(steps));
	assert_int_equal(step(&b), VMOON_HV_EXIT_PIO);
	assert_int_equal(b.fake.read_count, 0);
	b.e.data[0] = 0x60;
	assert_int_equal(step(&b), VMOON_HV_EXIT_HALT);
	assert_int_equal(b.fake.read_count, 1);
	assert_int_equal(b.fake.reads[0].addr, 0x3fd);
	assert_int_equal(b.fake.reads[0].bytes, 1);
	assert_int_equal(b.fake.reads[0].data[0], 0x60);
	stop(&b);
}

static void test_fake_hv__a_kick_ends_the_next_run_once(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_IN(0x60, 1), FAKE_EXIT(VMOON_HV_EXIT_HALT)};
	struct bench b;

	(void)state;
	start(&b, steps, VMOON_COUNTOF(steps));
	assert_int_equal(step(&b), VMOON_HV_EXIT_PIO);
	b.cpu->ops->kick(b.cpu);
	b.cpu->ops->kick(b.cpu);
	assert_int_equal(step(&b), VMOON_HV_EXIT_INTR);
	/* The pending access was completed on the way. */
	assert_int_equal(b.fake.read_count, 1);
	assert_int_equal(step(&b), VMOON_HV_EXIT_HALT);
	stop(&b);
}

static void *run_once(void *arg)
{
	struct bench *b = arg;

	VMOON_IGNORE(b->cpu->ops->run(b->cpu, &b->e, &b->err) != VMOON_OK);
	return NULL;
}

/* Waits until the n-th run has begun: after that it can only block. */
static void wait_runs(struct bench *b, unsigned n)
{
	pthread_mutex_lock(&b->fake.lock);
	while (b->fake.cpu[0].runs < n)
		pthread_cond_wait(&b->fake.changed, &b->fake.lock);
	pthread_mutex_unlock(&b->fake.lock);
}

static void test_fake_hv__a_spin_blocks_until_another_thread_kicks(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_SPIN, FAKE_EXIT(VMOON_HV_EXIT_HALT)};
	struct bench b;
	pthread_t t;

	(void)state;
	start(&b, steps, VMOON_COUNTOF(steps));
	assert_int_equal(pthread_create(&t, NULL, run_once, &b), 0);
	wait_runs(&b, 1);
	b.cpu->ops->kick(b.cpu);
	pthread_join(t, NULL);
	assert_int_equal(b.e.kind, VMOON_HV_EXIT_INTR);
	assert_int_equal(step(&b), VMOON_HV_EXIT_HALT);
	stop(&b);
}

static void test_fake_hv__a_wait_ends_when_its_line_is_raised(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		{.kind = VMOON_FAKE_WAIT_IRQ, .gsi = 4},
		FAKE_EXIT(VMOON_HV_EXIT_HALT)};
	struct bench b;
	pthread_t t;

	(void)state;
	start(&b, steps, VMOON_COUNTOF(steps));
	assert_int_equal(pthread_create(&t, NULL, run_once, &b), 0);
	wait_runs(&b, 1);
	assert_int_equal(b.vm->ops->set_irq(b.vm, 5, true), VMOON_OK);
	assert_int_equal(b.vm->ops->set_irq(b.vm, 4, true), VMOON_OK);
	pthread_join(t, NULL);
	assert_int_equal(b.e.kind, VMOON_HV_EXIT_HALT);
	assert_int_equal(b.fake.irq_count, 2);
	assert_int_equal(b.fake.irqs[1].gsi, 4);
	assert_true(b.fake.irqs[1].level);
	stop(&b);
}

static void test_fake_hv__a_kick_interrupts_a_wait_that_goes_on_later(
	void **state)
{
	static const struct vmoon_fake_step steps[] = {
		{.kind = VMOON_FAKE_WAIT_IRQ, .gsi = 4},
		FAKE_EXIT(VMOON_HV_EXIT_HALT)};
	struct bench b;

	(void)state;
	start(&b, steps, VMOON_COUNTOF(steps));
	b.cpu->ops->kick(b.cpu);
	assert_int_equal(step(&b), VMOON_HV_EXIT_INTR);
	assert_int_equal(b.vm->ops->set_irq(b.vm, 4, true), VMOON_OK);
	assert_int_equal(step(&b), VMOON_HV_EXIT_HALT);
	stop(&b);
}

static void test_fake_hv__each_op_fails_on_cue_and_only_then(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		{.kind = VMOON_FAKE_EXIT,
		 .repeat = 9,
		 .exit = {.kind = VMOON_HV_EXIT_HALT}}};
	struct bench b;

	(void)state;
	start(&b, steps, VMOON_COUNTOF(steps));
	for (int op = 0; op < VMOON_FAKE_OPS; op++)
		vmoon_fake_hv_fail(&b.fake, (enum vmoon_fake_op)op,
				   b.fake.calls[op] + 2, VMOON_E_SYS);
	for (int i = 0; i < 3; i++) {
		const enum vmoon_status want = i == 1 ? VMOON_E_SYS : VMOON_OK;
		struct vmoon_hv_vm *vm = b.vm;

		assert_int_equal(vm->ops->map_memory(vm, 0, 4096, &b, &b.err),
				 want);
		assert_int_equal(vm->ops->set_irq(vm, 1, true), want);
		assert_int_equal(vm->ops->reset(vm, &b.err), want);
		assert_int_equal(b.cpu->ops->attach(b.cpu, &b.err), want);
		assert_int_equal(b.cpu->ops->reset(b.cpu, NULL, &b.err), want);
		assert_int_equal(b.cpu->ops->run(b.cpu, &b.e, &b.err), want);
	}
	assert_int_equal(b.fake.map_count, 2);
	stop(&b);
}

static void test_fake_hv__a_reset_is_recorded_and_lowers_the_lines(void **state)
{
	const struct vmoon_x86_entry entry = {.rip = 0x1000};
	struct bench b;

	(void)state;
	start(&b, NULL, 0);
	assert_int_equal(b.vm->ops->set_irq(b.vm, 4, true), VMOON_OK);
	assert_int_equal(b.vm->ops->set_irq(b.vm, VMOON_GSI_COUNT, true),
			 VMOON_E_INVAL);
	assert_ok(b.vm->ops->reset(b.vm, &b.err), &b.err);
	assert_false(b.fake.levels[4]);
	assert_ok(b.cpu->ops->reset(b.cpu, &entry, &b.err), &b.err);
	assert_int_equal(b.fake.cpu[0].resets, 1);
	assert_true(b.fake.cpu[0].has_entry);
	assert_int_equal(b.fake.cpu[0].entry.rip, 0x1000);
	stop(&b);
}

static void test_fake_hv__misuse_is_counted(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_EXIT(VMOON_HV_EXIT_HALT)};
	const struct vmoon_fake_script script = {steps, 1};
	struct vmoon_fake_hv f;
	struct vmoon_hv_vcpu *cpu;
	struct vmoon_hv_exit e;
	struct vmoon_error err;

	(void)state;
	vmoon_fake_hv_init(&f, &script, 1);
	assert_ok(f.vm.ops->create_vcpu(&f.vm, 0, 1, &cpu, &err), &err);
	assert_ok(cpu->ops->run(cpu, &e, &err), &err); /* not attached */
	assert_int_equal(f.misuses, 1);
	f.vm.ops->destroy(&f.vm); /* before its vCPU */
	assert_int_equal(f.misuses, 2);
	cpu->ops->destroy(cpu);
	assert_int_equal(f.misuses, 3);
	vmoon_fake_hv_fini(&f);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_fake_hv__exits_come_in_the_order_of_the_script),
	cmocka_unit_test(test_fake_hv__the_answer_to_a_read_is_recorded),
	cmocka_unit_test(test_fake_hv__a_kick_ends_the_next_run_once),
	cmocka_unit_test(
		test_fake_hv__a_spin_blocks_until_another_thread_kicks),
	cmocka_unit_test(test_fake_hv__a_wait_ends_when_its_line_is_raised),
	cmocka_unit_test(
		test_fake_hv__a_kick_interrupts_a_wait_that_goes_on_later),
	cmocka_unit_test(test_fake_hv__each_op_fails_on_cue_and_only_then),
	cmocka_unit_test(
		test_fake_hv__a_reset_is_recorded_and_lowers_the_lines),
	cmocka_unit_test(test_fake_hv__misuse_is_counted),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
