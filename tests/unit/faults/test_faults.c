/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - the n-th call to the host fails, n from 1 until none is
 * left, over the whole life of a VM on the fake hypervisor.
 */
#include "tests/support/vm_life.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

static const struct vmoon_fake_step steps[] = {
	TEXT("first boot\n"), FAKE_OUT(PORT_RESET, 1, 0xfe),
	TEXT("second boot\n"), FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
static const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
static struct vmoon_fake_hv hv;

enum vmoon_status life_create(struct life *l, struct vmoon_runtime *rt,
			      struct vmoon_config *cfg,
			      struct vmoon_vm **out_vm)
{
	vmoon_fake_hv_init(&hv, &script, 1);
	return vmoon_vm_create_on(rt, cfg, NULL, &hv.vm, out_vm, &l->err);
}

void life_over(void)
{
	if (hv.vm.ops == NULL)
		return;
	assert_int_equal(hv.misuses, 0);
	vmoon_fake_hv_fini(&hv);
	hv.vm.ops = NULL;
}

static int setup(void **state)
{
	return life_setup(state, "", 0);
}

static int teardown(void **state)
{
	return life_teardown(state);
}

/* ---- what cannot be done without: an error, each time ---- */

static void test_x11__no_memory_is_an_error_each_time(void **state)
{
	life_sweep_needed(*state, VMOON_FAULT_HEAP, ENOMEM, VMOON_E_NOMEM);
}

static void test_x11__no_mapping_is_an_error_each_time(void **state)
{
	life_sweep_needed(*state, VMOON_FAULT_MMAP, ENOMEM, VMOON_E_NOMEM);
}

static void test_x17__no_eventfd_is_an_error_each_time(void **state)
{
	life_sweep_needed(*state, VMOON_FAULT_EVENTFD, EMFILE, VMOON_E_SYS);
}

static void test_faults__no_thread_is_an_error_each_time(void **state)
{
	life_sweep_needed(*state, VMOON_FAULT_THREAD, EAGAIN, VMOON_E_SYS);
}

/* ---- what the console's copy can do without: perhaps no error ---- */

static void test_faults__no_epoll_is_an_error_or_a_copy_unpolled(void **state)
{
	const struct life_sums sums =
		life_sweep_both(*state, VMOON_FAULT_EPOLL, ENOSPC);

	/* Once and lasting: create and add of the loop and of the monitor. */
	assert_true(sums.errors >= 14);
}

static void test_faults__unopened_files_are_named(void **state)
{
	const struct life_sums sums =
		life_sweep_both(*state, VMOON_FAULT_OPEN, EMFILE);

	/* Once and lasting: twice checked, twice loaded; a reset opens none. */
	assert_int_equal(sums.errors, 8);
	assert_int_equal(sums.ends, 0);
}

static void test_faults__unexamined_files_are_named(void **state)
{
	const struct life_sums sums =
		life_sweep_both(*state, VMOON_FAULT_STAT, EIO);

	/* The same, and where the console is copied to. */
	assert_int_equal(sums.errors, 10);
	assert_int_equal(sums.ends, 0);
}

static void test_faults__unread_files_are_named(void **state)
{
	const struct life_sums sums =
		life_sweep_both(*state, VMOON_FAULT_READ, EIO);

	assert_true(sums.errors >= 8);
	assert_true(sums.ends >= 4);
}

/* ---- what is no failure at all ---- */

static void life_sweep_harmless(struct life *l, struct vmoon_fault_plan plan)
{
	const struct life_sums sums = life_sweep(l, plan);

	assert_int_equal(sums.errors + sums.ends, 0);
	assert_true(sums.wholes > 0);
}

static void test_faults__short_reads_are_read_on(void **state)
{
	struct vmoon_fault_plan plan = {.kind = VMOON_FAULT_READ};

	life_sweep_harmless(*state, plan);
	plan.is_lasting = true;
	life_sweep_harmless(*state, plan);
}

static void test_faults__interrupted_calls_are_made_again(void **state)
{
	static const enum vmoon_fault kinds[] = {
		VMOON_FAULT_READ, VMOON_FAULT_WRITE, VMOON_FAULT_SEND,
		VMOON_FAULT_WAIT};

	for (size_t i = 0; i < VMOON_COUNTOF(kinds); i++)
		life_sweep_harmless(*state,
				    (struct vmoon_fault_plan){.kind = kinds[i],
							      .error = EINTR});
}

static void test_evl_06__interrupted_wait_is_a_turn_without_events(void **state)
{
	struct vmoon_fault_plan plan = {
		.kind = VMOON_FAULT_WAIT, .nth = 1, .error = EINTR};
	struct vmoon_loop loop;

	(void)state;
	assert_ok(vmoon_loop_init(&loop, NULL), NULL);
	vmoon_faulty_begin(plan);
	assert_ok(vmoon_loop_turn(&loop, -1, NULL), NULL);
	assert_int_equal(vmoon_faulty_end(), 1);
	vmoon_loop_fini(&loop);
}

/* The peer of the console is gone: its copy ends, the guest goes on. */
static void test_faults__broken_console_copy_does_not_matter(void **state)
{
	struct vmoon_fault_plan plan = {
		.kind = VMOON_FAULT_SEND, .is_lasting = true, .error = ENOBUFS};
	struct life *l = *state;
	const struct life_sums sums = life_sweep(l, plan);

	assert_int_equal(sums.errors + sums.ends, 0);
	assert_true(sums.wholes > 0);
}

/* ---- a full table of descriptors ---- */

static void test_x10__few_descriptors_are_an_error_or_enough(void **state)
{
	struct life *l = *state;
	const struct census before = take_census();
	unsigned errors = 0, wholes = 0;
	struct rlimit limit, few;
	int first = dup(0);

	(void)close(first);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int more = 0; more <= 20; more++) {
		few = limit;
		few.rlim_cur = (rlim_t)(first + more);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		life_live(l);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		life_check(l, (struct vmoon_fault_plan){.error = EMFILE});
		errors += l->end != LIFE_WHOLE;
		wholes += l->end == LIFE_WHOLE;
		(void)life_drain(l);
		assert_same_census(before);
	}
	assert_true(errors > 0);
	assert_true(wholes > 0);
}

/* ---- a start that is overtaken ---- */

static struct vmoon_vm *overtaken;

static void pause_it(void)
{
	struct vmoon_error err;

	assert_ok(vmoon_vm_pause(overtaken, &err), &err);
}

static void test_x13__pause_between_start_and_its_threads_holds(void **state)
{
	const struct vmoon_fault_plan plan = {
		.kind = VMOON_FAULT_THREAD, .nth = 2, .hook = pause_it};
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, &script, 1);
	overtaken = r->vm;
	vmoon_faulty_begin(plan);
	rig_start(r);
	assert_int_equal(vmoon_faulty_end(), 1);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_PAUSED);
	assert_int_equal(r->vm->gate, VMOON_GATE_PARK);
	assert_ok(vmoon_vm_resume(r->vm, &err), &err);
	rig_wait(r);
	assert_int_equal(r->record.reason, VMOON_EXIT_DEBUG_EXIT);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_x11__no_memory_is_an_error_each_time),
	cmocka_unit_test(test_x11__no_mapping_is_an_error_each_time),
	cmocka_unit_test(test_x17__no_eventfd_is_an_error_each_time),
	cmocka_unit_test(test_faults__no_thread_is_an_error_each_time),
	cmocka_unit_test(test_faults__no_epoll_is_an_error_or_a_copy_unpolled),
	cmocka_unit_test(test_faults__unopened_files_are_named),
	cmocka_unit_test(test_faults__unexamined_files_are_named),
	cmocka_unit_test(test_faults__unread_files_are_named),
	cmocka_unit_test(test_faults__short_reads_are_read_on),
	cmocka_unit_test(test_faults__interrupted_calls_are_made_again),
	cmocka_unit_test(
		test_evl_06__interrupted_wait_is_a_turn_without_events),
	cmocka_unit_test(test_faults__broken_console_copy_does_not_matter),
	cmocka_unit_test(test_x10__few_descriptors_are_an_error_or_enough),
	RIG(test_x13__pause_between_start_and_its_threads_holds),
};

int main(void)
{
	return cmocka_run_group_tests(tests, setup, teardown);
}
