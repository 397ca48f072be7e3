/* SPDX-License-Identifier: MIT */
/* test_ldmaker.c - devices in Lua of a VM that a C program creates. */
#include "vmoon/lua.h"

#include "tests/support/check_alloc.h"
#include "tests/support/vm_rig.h"

#define FIRST_MMIO UINT64_C(0xd0000000)

#define DEVICE                                                                 \
	"return require('vmoon.device').mmio { name = 'dev', size = 0x1000,\n" \
	"  params = { add = { type = 'integer', default = 1 } }, registers = " \
	"{\n"                                                                  \
	"    SUM = { at = 0, access = 'rw', on_write = function(d, v, old)\n"  \
	"      d.reg.SUM = old + v + d.params.add end } } }\n"

#define WRITE(value)                                \
	{                                           \
		.kind = VMOON_FAKE_EXIT, .exit = {  \
			.kind = VMOON_HV_EXIT_MMIO, \
			.is_write = true,           \
			.size = 4,                  \
			.count = 1,                 \
			.addr = FIRST_MMIO,         \
			.data = {(value)}           \
		}                                   \
	}

/* A device file beside the kernel, gone at the end. */
static void write_file(const struct vm_rig *r, const char *text, char path[80])
{
	FILE *f;

	(void)snprintf(path, 80, "%s.lua", r->kernel);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static enum vmoon_status create(struct vm_rig *r,
				const struct vmoon_fake_script *script,
				struct vmoon_error *err)
{
	vmoon_fake_hv_init(&r->hv, script, script == NULL ? 0 : 1);
	return vmoon_vm_create_on(r->rt, r->cfg, NULL, &r->hv.vm, &r->vm, err);
}

static void test_ldmaker__a_c_program_has_devices_in_lua(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		WRITE(2), WRITE(3), FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct vm_rig *r = *state;
	struct vmoon_error err;
	uint64_t value = 0;
	const char *name;
	char path[80];

	write_file(r, DEVICE, path);
	rig_set(r, "devices.1.file", path);
	assert_ok(
		vmoon_config_set_int(r->cfg, "devices.1.params.add", 10, &err),
		&err);
	assert_ok(vmoon_lua_open_devices(r->rt, &err), &err);
	assert_ok(create(r, &script, &err), &err);
	(void)unlink(path);
	assert_true(vmoon_vm_device(r->vm, 0, &name, NULL, NULL));
	assert_string_equal(name, "dev");
	rig_start(r);
	rig_wait(r);
	assert_true(vmoon_bus_read(vmoon_board_mmio(r->vm->board), FIRST_MMIO,
				   4, &value));
	assert_int_equal(value, 25);
}

static void test_ldmaker__without_it_the_key_is_not_supported(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_error err;
	char path[80];

	write_file(r, DEVICE, path);
	rig_set(r, "devices.1.file", path);
	assert_int_equal(create(r, NULL, &err), VMOON_E_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "vmoon_lua_open_devices"));
	assert_int_equal(vmoon_lua_open_devices(NULL, &err), VMOON_E_INVAL);
	(void)unlink(path);
}

static void test_ldmaker__mistakes_of_a_file_leave_nothing(void **state)
{
	static const struct {
		const char *text, *msg;
	} bad[] = {
		{"return {}", "a device file returns dev.mmio"},
		{"return require('vmoon.device').mmio { name = 'x' }",
		 "missing required field \"size\""},
		{"return nothing +", "unexpected symbol"},
		{"while true do end", "budget"},
	};
	struct vm_rig *r = *state;
	struct vmoon_error err;
	size_t used = 0;
	char path[80];

	assert_ok(vmoon_lua_open_devices(r->rt, &err), &err);
	for (size_t i = 0; i < 2 * VMOON_COUNTOF(bad); i++) {
		const char *msg = bad[i / 2].msg;
		const size_t before = used;

		write_file(r, bad[i / 2].text, path);
		rig_set(r, "devices.1.file", path);
		assert_int_not_equal(create(r, NULL, &err), VMOON_OK);
		if (strstr(err.msg, msg) == NULL)
			fail_msg("%s", err.msg);
		assert_null(r->vm);
		vmoon_fake_hv_fini(&r->hv);
		/* The first time the runtime gets what it keeps. */
		used = vmoon_runtime_mem_used(r->rt);
		if (i % 2 == 1)
			assert_int_equal(used, before);
	}
	write_file(r, DEVICE, path);
	assert_ok(create(r, NULL, &err), &err);
	(void)unlink(path);
}

static void test_ldmaker__an_inline_device_needs_its_script(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_error err;

	assert_ok(vmoon_lua_open_devices(r->rt, &err), &err);
	assert_ok(vmoon_config_set_other(r->cfg, "devices.1.device", "device",
					 &err),
		  &err);
	assert_int_equal(create(r, NULL, &err), VMOON_E_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "put it into a file"));
}

static void test_ldmaker__memory_may_end_anywhere(void **state)
{
	struct vmoon_runtime_options opts =
		VMOON_INIT(struct vmoon_runtime_options);
	struct check_alloc a = {0};
	struct vmoon_allocator how = check_allocator(&a);
	struct vm_rig *r = *state;
	struct vmoon_error err;
	enum vmoon_status st = VMOON_E_NOMEM;
	unsigned failures = 0;
	char path[80];

	vmoon_config_destroy(r->cfg);
	vmoon_runtime_destroy(r->rt);
	opts.allocator = &how;
	assert_ok(vmoon_runtime_create(&opts, &r->rt, &err), &err);
	assert_ok(vmoon_config_create(r->rt, &r->cfg, &err), &err);
	write_file(r, DEVICE, path);
	rig_set(r, "kernel", r->kernel);
	rig_set(r, "memory", "64M");
	rig_set(r, "devices.1.file", path);
	assert_ok(
		vmoon_config_set_int(r->cfg, "devices.1.params.add", 10, &err),
		&err);
	assert_ok(vmoon_lua_open_devices(r->rt, &err), &err);
	while (st != VMOON_OK && failures < 1000) {
		a.calls = 0;
		a.fail_at = failures + 1;
		st = create(r, NULL, &err);
		if (st == VMOON_OK)
			break;
		assert_int_equal(st, VMOON_E_NOMEM);
		assert_null(r->vm);
		vmoon_fake_hv_fini(&r->hv);
		failures++;
	}
	a.fail_at = 0;
	assert_ok(st, &err);
	assert_in_range(failures, 10, 999);
	(void)unlink(path);
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	vmoon_config_destroy(r->cfg);
	r->cfg = NULL;
	vmoon_runtime_destroy(r->rt);
	r->rt = NULL;
	check_alloc_assert_empty(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG(test_ldmaker__a_c_program_has_devices_in_lua),
		RIG(test_ldmaker__without_it_the_key_is_not_supported),
		RIG(test_ldmaker__mistakes_of_a_file_leave_nothing),
		RIG(test_ldmaker__an_inline_device_needs_its_script),
		RIG(test_ldmaker__memory_may_end_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
