/* SPDX-License-Identifier: MIT */
/* test_vm_maker.c - who makes the devices that a description names. */
#include "tests/support/vm_rig.h"

#include "tests/support/custom_rig.h"

struct maker {
	struct custom_maker device;
	unsigned calls;
	enum vmoon_status fail;
};

static enum vmoon_status make_all(void *ctx, struct vmoon_vm *vm,
				  const struct vmoon_config *cfg,
				  struct vmoon_error *err)
{
	struct maker *m = ctx;
	struct vmoon_device_options o = custom_options(&m->device);
	struct vmoon_config_device d = {.size = sizeof(d)};
	enum vmoon_status st;

	m->calls++;
	if (m->fail != VMOON_OK)
		return vmoon_fail(err, m->fail, 0, "mine: not today");
	assert_int_equal(vmoon_config_device_count(cfg), 1);
	st = vmoon_config_device(cfg, 0, &d, err);
	if (st != VMOON_OK)
		return st;
	o.name = d.name;
	o.base = d.at;
	return vmoon_vm_add_device(vm, &o, NULL, err);
}

static void describe(struct vm_rig *r)
{
	struct vmoon_error err;

	rig_set(r, "devices.1.file", r->kernel); /* any file */
	rig_set(r, "devices.1.name", "mine");
	assert_ok(
		vmoon_config_set_int(r->cfg, "devices.1.at", 0xd0003000, &err),
		&err);
}

static void test_maker__without_one_it_is_unsupported(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_error err;

	describe(r);
	vmoon_fake_hv_init(&r->hv, NULL, 0);
	assert_int_equal(vmoon_vm_create_on(r->rt, r->cfg, NULL, &r->hv.vm,
					    &r->vm, &err),
			 VMOON_E_UNSUPPORTED);
	assert_string_equal(err.msg,
			    "devices: they are files in Lua, which need "
			    "libvmoon-lua: call vmoon_lua_open_devices first");
	assert_null(r->vm);
	assert_true(r->hv.is_destroyed);
}

static void test_maker__it_adds_what_is_described(void **state)
{
	static struct maker m;
	const struct vmoon_device_maker how = {sizeof(how), make_all, &m};
	struct vm_rig *r = *state;
	struct vmoon_error err;

	assert_ok(vmoon_runtime_set_device_maker(r->rt, &how, &err), &err);
	rig_create(r, NULL, 1);
	assert_int_equal(m.calls, 0); /* nothing is named */
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	vmoon_fake_hv_fini(&r->hv);
	describe(r);
	rig_create(r, NULL, 1);
	assert_int_equal(m.calls, 1);
	assert_true(vmoon_bus_write(vmoon_board_mmio(r->vm->board), 0xd0003000,
				    4, 1));
	assert_string_equal(m.device.dev->log, "w");
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	assert_true(m.device.is_gone);
}

static void test_maker__its_failure_is_that_of_the_creation(void **state)
{
	static struct maker m;
	const struct vmoon_device_maker how = {sizeof(how), make_all, &m};
	struct vm_rig *r = *state;
	struct vmoon_error err;

	m.fail = VMOON_E_SCRIPT;
	assert_ok(vmoon_runtime_set_device_maker(r->rt, &how, &err), &err);
	describe(r);
	vmoon_fake_hv_init(&r->hv, NULL, 0);
	assert_int_equal(vmoon_vm_create_on(r->rt, r->cfg, NULL, &r->hv.vm,
					    &r->vm, &err),
			 VMOON_E_SCRIPT);
	assert_string_equal(err.msg, "mine: not today");
	assert_null(r->vm);
	vmoon_fake_hv_fini(&r->hv);
	/* Taken away again. */
	assert_ok(vmoon_runtime_set_device_maker(r->rt, NULL, &err), &err);
	vmoon_fake_hv_init(&r->hv, NULL, 0);
	assert_int_equal(vmoon_vm_create_on(r->rt, r->cfg, NULL, &r->hv.vm,
					    &r->vm, &err),
			 VMOON_E_UNSUPPORTED);
}

static const struct CMUnitTest tests[] = {
	RIG(test_maker__without_one_it_is_unsupported),
	RIG(test_maker__it_adds_what_is_described),
	RIG(test_maker__its_failure_is_that_of_the_creation),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
