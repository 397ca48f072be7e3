/* SPDX-License-Identifier: MIT */
/* test_spec.c - a checked config becomes plain values, or nothing does. */
#include "spec.h"

#include "tests/support/config_fixture.h"

static void test_spec__defaults_become_values(void **state)
{
	struct config_fixture *f = *state;
	struct vmoon_spec spec;

	assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
	assert_string_equal(spec.name, "vm");
	assert_string_equal(spec.kernel, f->kernel);
	assert_null(spec.initrd);
	assert_string_equal(spec.cmdline, "console=ttyS0");
	assert_int_equal(spec.cpus, 1);
	assert_true(spec.memory_bytes == 128 * VMOON_MIB);
	assert_int_equal(spec.boot, VMOON_BOOT_AUTO);
	assert_int_equal(spec.unpack, VMOON_UNPACK_HOST);
	assert_int_equal(spec.on_reboot, VMOON_ON_RESTART);
	assert_int_equal(spec.on_panic, VMOON_ON_STOP);
	assert_false(spec.leaves_debug_exit);
	vmoon_spec_fini(&spec);
}

static void test_spec__given_values_are_taken(void **state)
{
	struct config_fixture *f = *state;
	struct vmoon_spec spec;

	cf_set(f, "name", "a.b-c_1");
	cf_set(f, "initrd", f->kernel);
	cf_set(f, "cmdline", "");
	cf_set_int(f, "cpus", 64);
	cf_set(f, "memory", "5G");
	cf_set(f, "boot", "pvh");
	cf_set(f, "unpack", "guest");
	cf_set(f, "on_reboot", "stop");
	cf_set(f, "on_panic", "ignore");
	assert_ok(vmoon_config_set_bool(f->cfg, "debug_exit", false, &f->err),
		  &f->err);
	assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
	assert_string_equal(spec.name, "a.b-c_1");
	assert_string_equal(spec.initrd, f->kernel);
	assert_string_equal(spec.cmdline, "");
	assert_int_equal(spec.cpus, 64);
	assert_true(spec.memory_bytes == 5 * VMOON_GIB);
	assert_int_equal(spec.boot, VMOON_BOOT_PVH);
	assert_int_equal(spec.unpack, VMOON_UNPACK_GUEST);
	assert_int_equal(spec.on_reboot, VMOON_ON_STOP);
	assert_int_equal(spec.on_panic, VMOON_ON_IGNORE);
	assert_true(spec.leaves_debug_exit);
	vmoon_spec_fini(&spec);
}

static void test_spec__every_choice_has_its_own_value(void **state)
{
	struct config_fixture *f = *state;
	struct vmoon_spec spec;

	cf_set(f, "boot", "linux64");
	cf_set(f, "unpack", "host");
	cf_set(f, "on_reboot", "restart");
	cf_set(f, "on_panic", "stop");
	assert_ok(vmoon_config_set_bool(f->cfg, "debug_exit", true, &f->err),
		  &f->err);
	assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
	assert_int_equal(spec.boot, VMOON_BOOT_LINUX64);
	assert_int_equal(spec.unpack, VMOON_UNPACK_HOST);
	assert_int_equal(spec.on_reboot, VMOON_ON_RESTART);
	assert_int_equal(spec.on_panic, VMOON_ON_STOP);
	assert_false(spec.leaves_debug_exit);
	vmoon_spec_fini(&spec);
}

static void test_spec__a_flat_kernel_has_a_place_and_a_mode(void **state)
{
	static const char *const modes[] = {"real", "protected", "long"};
	struct config_fixture *f = *state;
	struct vmoon_spec spec;

	cf_set(f, "kernel.flat", f->kernel);
	cf_set_int(f, "kernel.at", 0x7c00);
	for (int i = 0; i < 3; i++) {
		cf_set(f, "kernel.mode", modes[i]);
		assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
		assert_string_equal(spec.kernel, f->kernel);
		assert_int_equal(spec.flat_at, 0x7c00);
		assert_int_equal(spec.flat_mode, VMOON_FLAT_REAL + i);
		vmoon_spec_fini(&spec);
	}
	cf_set(f, "kernel", f->kernel);
	assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
	assert_int_equal(spec.flat_mode, VMOON_FLAT_NONE);
	vmoon_spec_fini(&spec);
}

static void test_spec__a_bad_config_leaves_the_spec_alone(void **state)
{
	struct config_fixture *f = *state;
	struct vmoon_spec spec, before;

	memset(&spec, 0x5a, sizeof(spec));
	memcpy(&before, &spec, sizeof(spec));
	cf_set_int(f, "cpus", 0);
	assert_int_equal(vmoon_spec_init(&spec, f->cfg, &f->err),
			 VMOON_E_CONFIG);
	assert_memory_equal(&spec, &before, sizeof(spec));
	assert_string_equal(f->err.msg, "1 problem in VM configuration: cpus: "
					"0 is out of range 1..64");
	cf_set_int(f, "cpus", 1);
	assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
	vmoon_spec_fini(&spec);
}

static void test_spec__values_outlive_the_config(void **state)
{
	struct config_fixture *f = *state;
	struct vmoon_spec spec;

	cf_set(f, "name", "kept");
	assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
	vmoon_config_destroy(f->cfg);
	f->cfg = NULL;
	assert_string_equal(spec.name, "kept");
	assert_string_equal(spec.kernel, f->kernel);
	vmoon_spec_fini(&spec);
	vmoon_spec_fini(&spec); /* harmless twice */
}

static const struct CMUnitTest tests[] = {
	cf_test(test_spec__defaults_become_values),
	cf_test(test_spec__given_values_are_taken),
	cf_test(test_spec__every_choice_has_its_own_value),
	cf_test(test_spec__a_flat_kernel_has_a_place_and_a_mode),
	cf_test(test_spec__a_bad_config_leaves_the_spec_alone),
	cf_test(test_spec__values_outlive_the_config),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
