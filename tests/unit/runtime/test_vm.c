/* SPDX-License-Identifier: MIT */
/* test_vm.c - mirrors runtime/vm.c, vcpu.c and vm_worker.c, on a fake. */
#include "tests/support/vm_rig.h"

static void test_vm__debug_exit_ends_with_its_status(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		TEXT("hi\n"), FAKE_OUT(PORT_DEBUG_EXIT, 1, 7)};
	struct vm_rig *r = *state;
	struct vmoon_vm_stats st = VMOON_INIT(struct vmoon_vm_stats);

	RIG_RUN(r, steps);
	assert_int_equal(r->record.reason, VMOON_EXIT_DEBUG_EXIT);
	assert_int_equal(r->record.guest_status, 7);
	assert_int_equal(vmoon_exit_status(&r->record), 7);
	assert_int_equal(r->exit_events, 1);
	assert_int_equal(r->last_state, VMOON_VM_STOPPED);
	vmoon_vm_get_stats(r->vm, &st);
	assert_int_equal(st.exits_pio, 2);
	assert_int_equal(st.console_bytes, 3);
	assert_int_equal(st.console_dropped, 0);
	assert_int_equal(r->hv.misuses, 0);
}

static void test_vm__all_output_is_there_when_it_ends(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		{.kind = VMOON_FAKE_EXIT,
		 .repeat = 1000,
		 .exit = {.kind = VMOON_HV_EXIT_PIO,
			  .is_write = true,
			  .size = 1,
			  .count = 10,
			  .addr = PORT_SERIAL,
			  .data = "0123456789"}},
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	struct vm_rig *r = *state;
	uint64_t pos = 0;
	char buf[16];

	RIG_RUN(r, steps);
	assert_int_equal(vmoon_stream_tell(vmoon_vm_stream(r->vm, "serial0")),
			 10000);
	assert_int_equal(vmoon_stream_read(vmoon_vm_stream(r->vm, "serial0"),
					   &pos, buf, 10),
			 10);
	assert_memory_equal(buf, "0123456789", 10);
	assert_null(vmoon_vm_stream(r->vm, "serial1"));
}

static void test_vm__sleep_register_powers_off(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_OUT(PORT_SLEEP, 1, SLEEP_S5)};
	struct vm_rig *r = *state;

	RIG_RUN(r, steps);
	assert_int_equal(r->record.reason, VMOON_EXIT_POWEROFF);
	assert_int_equal(vmoon_exit_status(&r->record), 0);
}

static void test_i8_01__reset_restarts_the_guest_by_default(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_OUT(PORT_RESET, 1, 0xfe), FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};
	struct vm_rig *r = *state;
	struct vmoon_vm_stats st = VMOON_INIT(struct vmoon_vm_stats);

	RIG_RUN(r, steps);
	assert_int_equal(r->record.reason, VMOON_EXIT_DEBUG_EXIT);
	vmoon_vm_get_stats(r->vm, &st);
	assert_int_equal(st.resets, 1);
	assert_int_equal(r->hv.calls[VMOON_FAKE_VM_RESET], 1);
	/* At creation, and again: with the entry that the loader chose. */
	assert_int_equal(r->hv.cpu[0].resets, 2);
	assert_true(r->hv.cpu[0].has_entry);
	assert_int_equal(r->hv.cpu[0].entry.rip, 0x1000000);
	assert_int_equal(r->hv.misuses, 0);
}

static void test_i8_01__reset_stops_when_asked_to(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_OUT(PORT_RESET, 1, 0xfe)};
	struct vm_rig *r = *state;

	rig_set(r, "on_reboot", "stop");
	RIG_RUN(r, steps);
	assert_int_equal(r->record.reason, VMOON_EXIT_REBOOT);
	assert_int_equal(vmoon_exit_status(&r->record), 0);
	assert_int_equal(r->hv.calls[VMOON_FAKE_VM_RESET], 0);
}

static void test_s13__reset_storm_is_one_reset_each_time(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		{.kind = VMOON_FAKE_EXIT,
		 .repeat = 5,
		 .exit = {.kind = VMOON_HV_EXIT_PIO,
			  .is_write = true,
			  .size = 1,
			  .count = 64, /* as many requests in one exit */
			  .addr = PORT_RESET,
			  .data = {0xfe, 0xfe, 0xfe}}},
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	struct vm_rig *r = *state;

	RIG_RUN(r, steps);
	assert_int_equal(r->hv.calls[VMOON_FAKE_VM_RESET], 5);
}

static void test_vm__panic_line_ends_it_with_the_line(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		TEXT("[ 0.6] Kernel panic - not syncing: no init\r\n"),
		TEXT("---[ end Kernel panic - not syncing ]---\r\n"),
	};
	struct vm_rig *r = *state;

	RIG_RUN(r, steps);
	assert_int_equal(r->record.reason, VMOON_EXIT_PANIC);
	assert_string_equal(r->record.message,
			    "Kernel panic - not syncing: no init");
	assert_int_equal(vmoon_exit_status(&r->record), 100);
	assert_int_equal(r->panic_events, 1);
}

static void test_vm__panic_followed_by_a_reset_is_a_panic(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		TEXT("Kernel panic - not syncing: x\n"),
		FAKE_OUT(PORT_RESET, 1, 0xfe)};
	struct vm_rig *r = *state;

	RIG_RUN(r, steps);
	assert_int_equal(r->record.reason, VMOON_EXIT_PANIC);
	assert_int_equal(r->hv.calls[VMOON_FAKE_VM_RESET], 0);
}

static void test_vm__pvpanic_is_a_panic(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_OUT(PORT_PVPANIC, 1, 1)};
	struct vm_rig *r = *state;

	RIG_RUN(r, steps);
	assert_int_equal(r->record.reason, VMOON_EXIT_PANIC);
	assert_string_equal(r->record.message,
			    "the guest reported a panic through pvpanic");
}

static void test_vm__panic_can_be_ignored(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_OUT(PORT_PVPANIC, 1, 1),
		TEXT("Kernel panic - not syncing: x\n"),
		TEXT("---[ end Kernel panic\n"),
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 9)};
	struct vm_rig *r = *state;

	rig_set(r, "on_panic", "ignore");
	RIG_RUN(r, steps);
	assert_int_equal(r->record.reason, VMOON_EXIT_DEBUG_EXIT);
	assert_int_equal(r->panic_events, 1);
}

static void test_vm__unclaimed_accesses_are_counted(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_IN(0x9999, 4),
		FAKE_OUT(0x9999, 2, 1),
		{.kind = VMOON_FAKE_EXIT,
		 .exit = {.kind = VMOON_HV_EXIT_MMIO,
			  .size = 8,
			  .count = 1,
			  .addr = 0xd0000000}},
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	struct vm_rig *r = *state;
	struct vmoon_vm_stats st = VMOON_INIT(struct vmoon_vm_stats);

	RIG_RUN(r, steps);
	vmoon_vm_get_stats(r->vm, &st);
	assert_int_equal(st.pio_unclaimed, 2);
	assert_int_equal(st.mmio_unclaimed, 1);
	assert_memory_equal(r->hv.reads[0].data, "\xff\xff\xff\xff", 4);
	assert_memory_equal(r->hv.reads[1].data,
			    "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
}

static void test_vm__pause_stops_every_cpu_and_resume_goes_on(void **state)
{
	static const struct vmoon_fake_step spin[] = {FAKE_SPIN, FAKE_SPIN};
	static const struct vmoon_fake_step end[] = {
		FAKE_SPIN, FAKE_OUT(PORT_DEBUG_EXIT, 1, 5)};
	const struct vmoon_fake_script scripts[] = {{end, 2}, {spin, 2}};
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, scripts, 2);
	assert_int_equal(vmoon_vm_pause(r->vm, &err), VMOON_E_STATE);
	assert_string_equal(err.msg, "cannot pause: the VM is created");
	rig_start(r);
	assert_ok(vmoon_vm_pause(r->vm, &err), &err);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_PAUSED);
	assert_int_equal(r->vm->parked, 2);
	assert_int_equal(vmoon_vm_pause(r->vm, &err), VMOON_E_STATE);
	assert_string_equal(err.msg, "cannot pause: the VM is paused");
	assert_int_equal(vmoon_vm_shutdown(r->vm, &err), VMOON_E_STATE);
	assert_ok(vmoon_vm_resume(r->vm, &err), &err);
	assert_int_equal(vmoon_vm_resume(r->vm, &err), VMOON_E_STATE);
	rig_wait(r);
	assert_int_equal(r->record.guest_status, 5);
	assert_int_equal(vmoon_vm_resume(r->vm, &err), VMOON_E_STATE);
	assert_string_equal(err.msg, "cannot resume: the VM is stopped");
	assert_int_equal(r->hv.misuses, 0);
}

static void test_vm__stop_ends_spinning_cpus_and_is_idempotent(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, NULL, 3);
	rig_start(r);
	assert_int_equal(vmoon_vm_start(r->vm, &err), VMOON_E_STATE);
	assert_string_equal(err.msg, "cannot start: the VM is running");
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	rig_wait(r);
	assert_int_equal(r->record.reason, VMOON_EXIT_STOPPED);
	assert_int_equal(r->exit_events, 1);
}

static void test_vm__stop_works_before_start_and_while_paused(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	assert_int_equal(vmoon_vm_start(r->vm, &err), VMOON_E_STATE);
	rig_wait(r);
	assert_int_equal(r->exit_events, 1);
	vmoon_vm_destroy(r->vm);
	vmoon_fake_hv_fini(&r->hv);
	rig_create(r, NULL, 1);
	rig_start(r);
	assert_ok(vmoon_vm_pause(r->vm, &err), &err);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_STOPPED);
}

static void test_vm__power_button_raises_its_interrupt(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		{.kind = VMOON_FAKE_WAIT_IRQ, .gsi = 5},
		FAKE_IN(0x603, 1),
		FAKE_OUT(0x603, 1, 1),
		FAKE_OUT(PORT_SLEEP, 1, SLEEP_S5)};
	const struct vmoon_fake_script script = {steps, 4};
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, &script, 1);
	rig_start(r);
	assert_ok(vmoon_vm_shutdown(r->vm, &err), &err);
	rig_wait(r);
	assert_int_equal(r->record.reason, VMOON_EXIT_POWEROFF);
	assert_int_equal(r->hv.reads[0].data[0], 1);
	assert_false(r->hv.levels[5]);
}

static void test_vm__host_trouble_fails_the_vm_by_name(void **state)
{
	struct vm_rig *r = *state;

	rig_create(r, NULL, 1);
	vmoon_fake_hv_fail(&r->hv, VMOON_FAKE_RUN, 1, VMOON_E_SYS);
	rig_start(r);
	rig_wait(r);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_FAILED);
	assert_int_equal(r->record.reason, VMOON_EXIT_HOST_ERROR);
	assert_true(r->record.message[0] != '\0');
}

static void test_vm__failed_attach_fails_the_vm(void **state)
{
	struct vm_rig *r = *state;

	rig_create(r, NULL, 2);
	vmoon_fake_hv_fail(&r->hv, VMOON_FAKE_ATTACH, 2, VMOON_E_SYS);
	rig_start(r);
	rig_wait(r);
	assert_int_equal(r->record.reason, VMOON_EXIT_HOST_ERROR);
}

static void test_vm__failed_reset_fails_the_vm(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_OUT(PORT_RESET, 1, 0xfe)};
	const struct vmoon_fake_script script = {steps, 1};
	struct vm_rig *r = *state;

	rig_create(r, &script, 1);
	vmoon_fake_hv_fail(&r->hv, VMOON_FAKE_VM_RESET, 1, VMOON_E_SYS);
	rig_start(r);
	rig_wait(r);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_FAILED);
}

static void test_vm__each_failure_of_creation_leaves_nothing(void **state)
{
	static const enum vmoon_fake_op ops[] = {
		VMOON_FAKE_MAP, VMOON_FAKE_CREATE_VCPU, VMOON_FAKE_VCPU_RESET};
	struct vm_rig *r = *state;
	struct vmoon_error err;

	for (size_t i = 0; i < VMOON_COUNTOF(ops); i++) {
		vmoon_fake_hv_init(&r->hv, NULL, 0);
		vmoon_fake_hv_fail(&r->hv, ops[i], 1, VMOON_E_SYS);
		assert_int_equal(vmoon_vm_create_on(r->rt, r->cfg, NULL,
						    &r->hv.vm, &r->vm, &err),
				 VMOON_E_SYS);
		assert_null(r->vm);
		assert_true(r->hv.is_destroyed);
		vmoon_fake_hv_fini(&r->hv);
	}
	(void)unlink(r->kernel);
	vmoon_fake_hv_init(&r->hv, NULL, 0);
	assert_int_equal(vmoon_vm_create_on(r->rt, r->cfg, NULL, &r->hv.vm,
					    &r->vm, &err),
			 VMOON_E_CONFIG);
	assert_true(r->hv.is_destroyed);
	vmoon_fake_hv_fini(&r->hv);
	rig_write_kernel(r->kernel);
	rig_create(r, NULL, 1); /* and it works afterwards */
}

static void test_vm__null_arguments_are_refused(void **state)
{
	struct vmoon_error err;

	(void)state;
	assert_int_equal(vmoon_vm_start(NULL, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "no VM given");
	assert_int_equal(vmoon_vm_pause(NULL, &err), VMOON_E_INVAL);
	assert_int_equal(vmoon_vm_resume(NULL, &err), VMOON_E_INVAL);
	assert_int_equal(vmoon_vm_stop(NULL, &err), VMOON_E_INVAL);
	assert_int_equal(vmoon_vm_shutdown(NULL, &err), VMOON_E_INVAL);
	assert_int_equal(vmoon_vm_wait(NULL, 0, &err), VMOON_E_INVAL);
	assert_int_equal(vmoon_runtime_create(NULL, NULL, &err), VMOON_E_INVAL);
	assert_int_equal(vmoon_runtime_wait(NULL, 0, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "no runtime given");
	assert_int_equal(vmoon_runtime_dispatch(NULL, 1), 0);
	assert_int_equal(vmoon_runtime_fd(NULL), -1);
	vmoon_stream_seek(NULL, 0);
	vmoon_vm_destroy(NULL);
	assert_string_equal(vmoon_vm_state_name((enum vmoon_vm_state)99),
			    "unknown");
	assert_string_equal(vmoon_exit_reason_name((enum vmoon_exit_reason)99),
			    "unknown");
}

static void test_vm__wait_times_out_and_says_so(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	rig_start(r);
	assert_int_equal(vmoon_vm_wait(r->vm, 1000000, &err), VMOON_E_TIMEOUT);
	assert_string_equal(err.msg, "the VM is still running after 0.0 s");
}

static void test_vm__two_vms_of_one_runtime_do_not_meet(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		TEXT("first\n"), FAKE_OUT(PORT_DEBUG_EXIT, 1, 1)};
	const struct vmoon_fake_script script = {steps, 2};
	struct vm_rig *r = *state;
	struct vmoon_fake_hv other;
	struct vmoon_vm *vm2 = NULL;
	struct vmoon_error err;

	rig_create(r, &script, 1);
	vmoon_fake_hv_init(&other, NULL, 0);
	assert_ok(
		vmoon_vm_create_on(r->rt, r->cfg, NULL, &other.vm, &vm2, &err),
		&err);
	assert_ok(vmoon_vm_start(vm2, &err), &err);
	rig_start(r);
	rig_wait(r);
	assert_int_equal(vmoon_vm_get_state(vm2), VMOON_VM_RUNNING);
	assert_int_equal(vmoon_stream_tell(vmoon_vm_stream(vm2, "serial0")), 0);
	vmoon_vm_destroy(vm2);
	assert_true(other.is_destroyed);
	vmoon_fake_hv_fini(&other);
}

static void *stop_it(void *vm)
{
	VMOON_IGNORE(vmoon_vm_stop(vm, NULL) != VMOON_OK);
	return NULL;
}

static void test_vm__stop_races_with_pause_and_resume(void **state)
{
	struct vm_rig *r = *state;

	for (int i = 0; i < 30; i++) {
		pthread_t thread;

		rig_create(r, NULL, 2);
		rig_start(r);
		assert_int_equal(pthread_create(&thread, NULL, stop_it, r->vm),
				 0);
		while (!vmoon_vm_is_over(r->vm)) {
			VMOON_IGNORE(vmoon_vm_pause(r->vm, NULL) != VMOON_OK);
			VMOON_IGNORE(vmoon_vm_resume(r->vm, NULL) != VMOON_OK);
		}
		(void)pthread_join(thread, NULL);
		vmoon_vm_destroy(r->vm);
		r->vm = NULL;
		vmoon_fake_hv_fini(&r->hv);
	}
	rig_create(r, NULL, 1);
}

static const struct CMUnitTest tests[] = {
	RIG(test_vm__debug_exit_ends_with_its_status),
	RIG(test_vm__all_output_is_there_when_it_ends),
	RIG(test_vm__sleep_register_powers_off),
	RIG(test_i8_01__reset_restarts_the_guest_by_default),
	RIG(test_i8_01__reset_stops_when_asked_to),
	RIG(test_s13__reset_storm_is_one_reset_each_time),
	RIG(test_vm__panic_line_ends_it_with_the_line),
	RIG(test_vm__panic_followed_by_a_reset_is_a_panic),
	RIG(test_vm__pvpanic_is_a_panic),
	RIG(test_vm__panic_can_be_ignored),
	RIG(test_vm__unclaimed_accesses_are_counted),
	RIG(test_vm__pause_stops_every_cpu_and_resume_goes_on),
	RIG(test_vm__stop_ends_spinning_cpus_and_is_idempotent),
	RIG(test_vm__stop_works_before_start_and_while_paused),
	RIG(test_vm__power_button_raises_its_interrupt),
	RIG(test_vm__host_trouble_fails_the_vm_by_name),
	RIG(test_vm__failed_attach_fails_the_vm),
	RIG(test_vm__failed_reset_fails_the_vm),
	RIG(test_vm__each_failure_of_creation_leaves_nothing),
	RIG(test_vm__null_arguments_are_refused),
	RIG(test_vm__wait_times_out_and_says_so),
	RIG(test_vm__two_vms_of_one_runtime_do_not_meet),
	RIG(test_vm__stop_races_with_pause_and_resume),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
