/* SPDX-License-Identifier: MIT */
/*
 * test_border.c - each public function refuses what it cannot work with: by
 * E_INVAL and a sentence, or where nothing is returned by doing nothing. The
 * lint check "border" sees that none is forgotten.
 */
#include "vmoon/bench.h"
#include "vmoon/vmoon.h"

#include "tests/support/vm_rig.h"

#include <signal.h>

static void assert_inval(enum vmoon_status st, struct vmoon_error *err)
{
	assert_int_equal(st, VMOON_E_INVAL);
	assert_int_equal(err->status, VMOON_E_INVAL);
	assert_true(err->msg[0] != '\0');
	assert_null(strchr(err->msg, '\n'));
	memset(err, 0xa5, sizeof(*err));
}
#define INVAL(call) assert_inval((call), &err)

static void test_border__runtimes(void **state)
{
	struct vmoon_runtime_options o =
		VMOON_INIT(struct vmoon_runtime_options);
	struct vmoon_allocator a = {0};
	struct vmoon_watchdog *dog = NULL;
	struct vmoon_runtime *rt = NULL;
	struct vmoon_error err;

	(void)state;
	INVAL(vmoon_runtime_create(NULL, NULL, &err));
	o.size = 0;
	INVAL(vmoon_runtime_create(&o, &rt, &err));
	o.size = sizeof(o);
	o.kick_signal = SIGTERM;
	INVAL(vmoon_runtime_create(&o, &rt, &err));
	o.kick_signal = -1;
	INVAL(vmoon_runtime_create(&o, &rt, &err));
	o.kick_signal = o.watch_signal = SIGRTMIN + 4;
	INVAL(vmoon_runtime_create(&o, &rt, &err));
	o.kick_signal = 0;
	o.watch_signal = SIGUSR1;
	INVAL(vmoon_runtime_create(&o, &rt, &err));
	o.watch_signal = 0;
	o.allocator = &a;
	INVAL(vmoon_runtime_create(&o, &rt, &err));
	assert_null(rt);
	vmoon_runtime_destroy(NULL);
	INVAL(vmoon_runtime_watchdog(NULL, &dog, &err));
	assert_null(dog);
	assert_null(vmoon_runtime_mem(NULL));
	assert_int_equal(vmoon_runtime_mem_used(NULL), 0);
	assert_int_equal(vmoon_runtime_fd(NULL), -1);
	assert_int_equal(vmoon_runtime_dispatch(NULL, 1), 0);
	INVAL(vmoon_runtime_wait(NULL, -1, &err));
}

static void test_border__configs(void **state)
{
	struct vmoon_config *cfg = NULL;
	struct vmoon_error err;

	(void)state;
	INVAL(vmoon_config_create(NULL, NULL, &err));
	INVAL(vmoon_config_from_json(NULL, NULL, 0, &cfg, &err));
	INVAL(vmoon_config_from_json(NULL, "{}", 2, NULL, &err));
	INVAL(vmoon_config_from_lua(NULL, NULL, &cfg, &err));
	INVAL(vmoon_config_from_lua(NULL, "x.lua", NULL, &err));
	/* This program links no Lua. */
	assert_int_equal(vmoon_config_from_lua(NULL, "x.lua", &cfg, &err),
			 VMOON_E_UNSUPPORTED);
	assert_null(cfg);
	vmoon_config_destroy(NULL);
	INVAL(vmoon_config_check(NULL, &err));
	assert_int_equal(vmoon_config_problem_count(NULL), 0);
	assert_null(vmoon_config_problem(NULL, 0));
	assert_int_equal(vmoon_config_to_json(NULL, NULL, 0), 0);
	assert_int_equal(vmoon_config_device_count(NULL), 0);
	INVAL(vmoon_config_device(NULL, 0, NULL, &err));
	INVAL(vmoon_config_device_param(NULL, 0, 0, NULL, &err));
	assert_null(vmoon_config_key(SIZE_MAX));
	assert_null(vmoon_config_field("no.such.table", 0));
	assert_null(vmoon_config_field("kernel", SIZE_MAX));
	assert_null(vmoon_config_field(NULL, 0));
}

static void test_border__setters(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_config *c = r->cfg;
	struct vmoon_error err;
	static const char *const bad[] = {
		NULL, "",   ".",   "a..b",
		"a.", ".a", "a.0", "a.99999999999999999999"};

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		INVAL(vmoon_config_set_str(c, bad[i], "x", 1, &err));
		INVAL(vmoon_config_set_int(c, bad[i], 1, &err));
		INVAL(vmoon_config_set_bool(c, bad[i], true, &err));
		INVAL(vmoon_config_set_size(c, bad[i], 1, &err));
		INVAL(vmoon_config_set_table(c, bad[i], &err));
		INVAL(vmoon_config_set_other(c, bad[i], "x", &err));
		INVAL(vmoon_config_set_fd(c, bad[i], 0, &err));
	}
	INVAL(vmoon_config_set_str(NULL, "a", "x", 1, &err));
	INVAL(vmoon_config_set_str(c, "a", NULL, 1, &err));
	INVAL(vmoon_config_set_int(NULL, "a", 1, &err));
	INVAL(vmoon_config_set_bool(NULL, "a", true, &err));
	INVAL(vmoon_config_set_size(NULL, "a", 1, &err));
	INVAL(vmoon_config_set_table(NULL, "a", &err));
	INVAL(vmoon_config_set_other(NULL, "a", "x", &err));
	INVAL(vmoon_config_set_other(c, "a", NULL, &err));
	INVAL(vmoon_config_set_fd(NULL, "a", 0, &err));
	INVAL(vmoon_config_set_fd(c, "a", -1, &err));
	assert_ok(vmoon_config_check(c, &err), &err);
}

static void test_border__vms(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_vm_events ev = {.size = 0};
	struct vmoon_exit_record exit = VMOON_INIT(struct vmoon_exit_record);
	struct vmoon_vm_stats stats = VMOON_INIT(struct vmoon_vm_stats);
	struct vmoon_vm *vm = NULL;
	struct vmoon_error err;

	INVAL(vmoon_vm_create(NULL, r->cfg, NULL, &vm, &err));
	INVAL(vmoon_vm_create(r->rt, NULL, NULL, &vm, &err));
	INVAL(vmoon_vm_create(r->rt, r->cfg, NULL, NULL, &err));
	INVAL(vmoon_vm_create(r->rt, r->cfg, &ev, &vm, &err));
	assert_null(vm);
	INVAL(vmoon_vm_start(NULL, &err));
	INVAL(vmoon_vm_pause(NULL, &err));
	INVAL(vmoon_vm_resume(NULL, &err));
	INVAL(vmoon_vm_shutdown(NULL, &err));
	INVAL(vmoon_vm_stop(NULL, &err));
	INVAL(vmoon_vm_wait(NULL, 0, &err));
	vmoon_vm_destroy(NULL);
	assert_int_equal(vmoon_vm_get_state(NULL), VMOON_VM_FAILED);
	assert_string_equal(vmoon_vm_name(NULL), "");
	assert_null(vmoon_vm_runtime(NULL));
	exit.reason = VMOON_EXIT_PANIC;
	vmoon_vm_get_exit(NULL, &exit);
	assert_int_equal(exit.reason, VMOON_EXIT_NONE);
	assert_int_equal(exit.size, sizeof(exit));
	vmoon_vm_get_exit(NULL, NULL);
	stats.exits = 3;
	vmoon_vm_get_stats(NULL, &stats);
	assert_int_equal(stats.exits, 0);
	vmoon_vm_get_stats(NULL, NULL);
	assert_int_equal(vmoon_exit_status(NULL), 102);
	exit.reason = (enum vmoon_exit_reason)99;
	assert_int_equal(vmoon_exit_status(&exit), 102);
	assert_string_equal(vmoon_vm_state_name((enum vmoon_vm_state) - 1),
			    "unknown");
	assert_string_equal(vmoon_exit_reason_name((enum vmoon_exit_reason)99),
			    "unknown");
	assert_null(vmoon_vm_stream(NULL, "serial0"));
}

static enum vmoon_status make_nothing(void *ctx,
				      const struct vmoon_device_env *env,
				      struct vmoon_device **out_dev,
				      struct vmoon_error *err)
{
	(void)ctx, (void)env, (void)out_dev, (void)err;
	return VMOON_OK;
}

static void do_nothing(void *ctx, struct vmoon_device *dev)
{
	(void)ctx, (void)dev;
}

static enum vmoon_status make_no_virtio(void *ctx,
					const struct vmoon_device_env *env,
					struct vmoon_virtio **out_vd,
					struct vmoon_error *err)
{
	(void)ctx, (void)env, (void)out_vd, (void)err;
	return VMOON_OK;
}

static void leave_virtio(void *ctx, struct vmoon_virtio *vd)
{
	(void)ctx, (void)vd;
}

static void test_border__devices(void **state)
{
	struct vmoon_virtio_options virtio = {.make = make_no_virtio};
	struct vmoon_device_maker maker = {.size = 0};
	const struct vmoon_device_options good = {
		.size = sizeof(good),
		.name = "mine",
		.bytes = 16,
		.make = make_nothing,
	};
	struct vmoon_device_options bad[8];
	struct vm_rig *r = *state;
	char long_name[66];
	struct vmoon_error err;

	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	rig_create(r, NULL, 1);
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++)
		bad[i] = good;
	bad[0].size = 0;
	bad[1].name = NULL;
	bad[2].name = "";
	bad[3].name = long_name;
	bad[4].make = NULL;
	bad[5].kind = (enum vmoon_window_kind)9;
	bad[6].bytes = 0;
	/* The last makes no device. */
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++)
		INVAL(vmoon_vm_add_device(r->vm, &bad[i], NULL, &err));
	INVAL(vmoon_vm_add_device(NULL, &good, NULL, &err));
	INVAL(vmoon_vm_add_device(r->vm, NULL, NULL, &err));
	INVAL(vmoon_vm_call_device(NULL, "mine", do_nothing, NULL, &err));
	INVAL(vmoon_vm_call_device(r->vm, NULL, do_nothing, NULL, &err));
	INVAL(vmoon_vm_call_device(r->vm, "mine", NULL, NULL, &err));
	INVAL(vmoon_vm_call_device(r->vm, "mine", do_nothing, NULL, &err));
	INVAL(vmoon_vm_call_device(r->vm, "serial0", do_nothing, NULL, &err));
	assert_false(vmoon_vm_device(NULL, 0, NULL, NULL, NULL));
	assert_false(vmoon_vm_device(r->vm, 0, NULL, NULL, NULL));
	INVAL(vmoon_runtime_set_device_maker(NULL, NULL, &err));
	INVAL(vmoon_runtime_set_device_maker(r->rt, &maker, &err));
	maker.size = sizeof(maker);
	INVAL(vmoon_runtime_set_device_maker(r->rt, &maker, &err));
	INVAL(vmoon_vm_add_virtio(NULL, &virtio, NULL, &err));
	INVAL(vmoon_vm_add_virtio(r->vm, NULL, NULL, &err));
	INVAL(vmoon_vm_add_virtio(r->vm, &virtio, NULL, &err));
	virtio.size = sizeof(virtio);
	INVAL(vmoon_vm_add_virtio(r->vm, &virtio, NULL, &err));
	virtio.name = "mine";
	INVAL(vmoon_vm_add_virtio(r->vm, &virtio, NULL, &err));
	INVAL(vmoon_vm_call_virtio(NULL, "mine", leave_virtio, NULL, &err));
	INVAL(vmoon_vm_call_virtio(r->vm, NULL, leave_virtio, NULL, &err));
	INVAL(vmoon_vm_call_virtio(r->vm, "mine", NULL, NULL, &err));
	INVAL(vmoon_vm_call_virtio(r->vm, "mine", leave_virtio, NULL, &err));
}

static void test_border__streams(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_match m = VMOON_INIT(struct vmoon_match);
	struct vmoon_pattern p = {VMOON_PATTERN_TEXT, "x", 1};
	struct vmoon_error err;
	struct vmoon_stream *s;
	size_t n = 7;
	uint64_t pos = 0;
	char byte;

	rig_create(r, NULL, 1);
	s = vmoon_vm_stream(r->vm, "serial0");
	assert_null(vmoon_vm_stream(r->vm, NULL));
	assert_null(vmoon_vm_stream(r->vm, ""));
	INVAL(vmoon_stream_write(NULL, "x", 1, &n, &err));
	INVAL(vmoon_stream_write(s, NULL, 1, &n, &err));
	INVAL(vmoon_stream_write(s, "x", 1, NULL, &err));
	assert_int_equal(n, 7);
	assert_int_equal(vmoon_stream_tell(NULL), 0);
	assert_int_equal(vmoon_stream_total(NULL, NULL), 0);
	assert_int_equal(vmoon_stream_total(NULL, &pos), 0);
	assert_int_equal(vmoon_stream_total(s, NULL), 0);
	assert_int_equal(vmoon_stream_read(NULL, &pos, &byte, 1), 0);
	assert_int_equal(vmoon_stream_read(s, NULL, &byte, 1), 0);
	assert_int_equal(vmoon_stream_read(s, &pos, NULL, 1), 0);
	assert_int_equal(vmoon_stream_search(NULL, &pos, &byte, 1), 0);
	assert_int_equal(vmoon_stream_search(s, NULL, &byte, 1), 0);
	assert_int_equal(vmoon_stream_search(s, &pos, NULL, 1), 0);
	assert_int_equal(vmoon_stream_unsearched(NULL), 0);
	vmoon_stream_seek(NULL, 0);
	INVAL(vmoon_stream_copy_to(NULL, 1, &err));
	assert_int_equal(vmoon_stream_copy_to(s, 9999, &err), VMOON_E_SYS);
	INVAL(vmoon_stream_on_data(NULL, NULL, NULL, &err));
	INVAL(vmoon_stream_expect(NULL, &p, 1, 0, &m, &err));
	INVAL(vmoon_stream_expect(s, NULL, 1, 0, &m, &err));
	INVAL(vmoon_stream_expect(s, &p, 0, 0, &m, &err));
	INVAL(vmoon_stream_expect(s, &p, SIZE_MAX, 0, &m, &err));
	INVAL(vmoon_stream_expect(s, &p, 1, 0, NULL, &err));
	m.size = 0;
	INVAL(vmoon_stream_expect(s, &p, 1, 0, &m, &err));
	m.size = sizeof(m);
	p.kind = (enum vmoon_pattern_kind)7;
	INVAL(vmoon_stream_expect(s, &p, 1, 0, &m, &err));
	p.kind = VMOON_PATTERN_RE;
	p.text = "(";
	INVAL(vmoon_stream_expect(s, &p, 1, 0, &m, &err));
	p.text = NULL;
	INVAL(vmoon_stream_expect(s, &p, 1, 0, &m, &err));
}

static void test_border__groups(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_group *group = NULL;
	struct vmoon_error err;

	INVAL(vmoon_group_create(NULL, 1, 1, NULL, &group, &err));
	INVAL(vmoon_group_create(r->rt, 1, 1, NULL, NULL, &err));
	assert_null(group);
	INVAL(vmoon_group_limit(NULL, 1, 1, &err));
	vmoon_group_destroy(NULL);
}

static void test_border__outputs(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_output_options o = VMOON_INIT(struct vmoon_output_options);
	struct vmoon_output_stats stats = VMOON_INIT(struct vmoon_output_stats);
	struct vmoon_output_info info = VMOON_INIT(struct vmoon_output_info);
	struct vmoon_limit limit = VMOON_INIT(struct vmoon_limit);
	struct vmoon_error err;
	struct vmoon_stream *s;
	size_t n = 7;
	char byte;

	rig_create(r, NULL, 1);
	s = vmoon_vm_stream(r->vm, "serial0");
	INVAL(vmoon_stream_add_output(NULL, &o, &err));
	INVAL(vmoon_stream_add_output(s, NULL, &err));
	o.size = 0;
	INVAL(vmoon_stream_add_output(s, &o, &err));
	INVAL(vmoon_stream_output_stats(s, 0, &stats, &err)); /* none came */
	o = (struct vmoon_output_options)VMOON_INIT(
		struct vmoon_output_options);
	assert_ok(vmoon_stream_add_output(s, &o, &err), &err);
	INVAL(vmoon_stream_remove_output(NULL, "null", &err));
	INVAL(vmoon_stream_remove_output(s, NULL, &err));
	INVAL(vmoon_stream_remove_output(s, "nul", &err));
	INVAL(vmoon_stream_limit_output(NULL, "null", &limit, &err));
	INVAL(vmoon_stream_limit_output(s, NULL, &limit, &err));
	INVAL(vmoon_stream_limit_output(s, "null", NULL, &err));
	INVAL(vmoon_stream_limit_output(s, "nul", &limit, &err));
	limit.size = 0;
	INVAL(vmoon_stream_limit_output(s, "null", &limit, &err));
	INVAL(vmoon_stream_output_stats(NULL, 0, &stats, &err));
	INVAL(vmoon_stream_output_stats(s, 0, NULL, &err));
	INVAL(vmoon_stream_output_stats(s, 1, &stats, &err));
	INVAL(vmoon_stream_output_stats(s, SIZE_MAX, &stats, &err));
	stats.size = 0;
	INVAL(vmoon_stream_output_stats(s, 0, &stats, &err));
	INVAL(vmoon_stream_read_output(NULL, "null", &byte, 1, &n, &err));
	INVAL(vmoon_stream_read_output(s, NULL, &byte, 1, &n, &err));
	INVAL(vmoon_stream_read_output(s, "null", NULL, 1, &n, &err));
	INVAL(vmoon_stream_read_output(s, "null", &byte, 1, NULL, &err));
	INVAL(vmoon_stream_read_output(s, "null", &byte, 1, &n, &err));
	INVAL(vmoon_stream_take_output(NULL, "null", &byte, 1, &info, &err));
	INVAL(vmoon_stream_take_output(s, NULL, &byte, 1, &info, &err));
	INVAL(vmoon_stream_take_output(s, "null", NULL, 1, &info, &err));
	INVAL(vmoon_stream_take_output(s, "null", &byte, 1, NULL, &err));
	INVAL(vmoon_stream_take_output(s, "null", &byte, 1, &info, &err));
	info.size = 0;
	INVAL(vmoon_stream_take_output(s, "null", &byte, 1, &info, &err));
	assert_int_equal(n, 7);
	INVAL(vmoon_stream_on_limited(NULL, NULL, NULL, &err));
	assert_ok(vmoon_stream_remove_output(s, "null", &err), &err);
}

static void test_border__outputs_from_a_config(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_config *cfg = NULL;
	struct vmoon_error err;
	struct vmoon_stream *s;

	rig_create(r, NULL, 1);
	s = vmoon_vm_stream(r->vm, "serial0");
	INVAL(vmoon_config_create_serial(r->rt, NULL, &err));
	assert_ok(vmoon_config_create_serial(r->rt, &cfg, &err), &err);
	INVAL(vmoon_config_set_number(NULL, "a", 1, &err));
	INVAL(vmoon_config_set_number(cfg, NULL, 1, &err));
	INVAL(vmoon_stream_add_outputs(NULL, cfg, &err));
	INVAL(vmoon_stream_add_outputs(s, NULL, &err));
	INVAL(vmoon_stream_add_outputs(s, r->cfg, &err)); /* a VM's */
	INVAL(vmoon_stream_limit_outputs(NULL, cfg, "null", &err));
	INVAL(vmoon_stream_limit_outputs(s, NULL, "null", &err));
	INVAL(vmoon_stream_limit_outputs(s, cfg, NULL, &err));
	INVAL(vmoon_stream_limit_outputs(s, cfg, "null", &err)); /* empty */
	INVAL(vmoon_stream_limit_group(NULL, cfg, "all", &err));
	INVAL(vmoon_stream_limit_group(s, NULL, "all", &err));
	INVAL(vmoon_stream_limit_group(s, cfg, NULL, &err));
	INVAL(vmoon_stream_limit_group(s, cfg, "", &err));
	assert_int_equal(vmoon_stream_limit_group(s, cfg, "all", &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, "group 'all': give it a rate");
	vmoon_config_destroy(cfg);
}

static void test_border__virtio_devices(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_virtio_stats v = VMOON_INIT(struct vmoon_virtio_stats);
	struct vmoon_disk_stats d = VMOON_INIT(struct vmoon_disk_stats);
	struct vmoon_disk_limits l = VMOON_INIT(struct vmoon_disk_limits);
	struct vmoon_rng_stats g = VMOON_INIT(struct vmoon_rng_stats);
	struct vmoon_port_stats p = VMOON_INIT(struct vmoon_port_stats);
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	assert_false(vmoon_vm_virtio_device(NULL, 0, NULL, NULL));
	assert_false(vmoon_vm_virtio_device(r->vm, 0, NULL, NULL));
	INVAL(vmoon_vm_virtio_stats(NULL, "x", &v, &err));
	INVAL(vmoon_vm_virtio_stats(r->vm, NULL, &v, &err));
	INVAL(vmoon_vm_virtio_stats(r->vm, "x", NULL, &err));
	INVAL(vmoon_vm_virtio_stats(r->vm, "x", &v, &err));
	INVAL(vmoon_vm_disk_stats(NULL, "x", &d, &err));
	INVAL(vmoon_vm_disk_stats(r->vm, "x", &d, &err));
	d.size = 0;
	INVAL(vmoon_vm_disk_stats(r->vm, "x", &d, &err));
	INVAL(vmoon_vm_disk_limit(NULL, "x", &l, &err));
	INVAL(vmoon_vm_disk_limit(r->vm, "x", NULL, &err));
	INVAL(vmoon_vm_disk_limit(r->vm, "x", &l, &err));
	INVAL(vmoon_vm_disk_resize(NULL, "x", 512, &err));
	INVAL(vmoon_vm_disk_resize(r->vm, NULL, 512, &err));
	INVAL(vmoon_vm_disk_resize(r->vm, "x", 512, &err));
	INVAL(vmoon_vm_rng_stats(NULL, "rng", &g, &err));
	INVAL(vmoon_vm_rng_stats(r->vm, "rng", &g, &err));
	INVAL(vmoon_vm_port_stats(NULL, "x", &p, &err));
	INVAL(vmoon_vm_port_stats(r->vm, "serial0", &p, &err));
	INVAL(vmoon_vm_port_resize(NULL, "x", 1, 1, &err));
	INVAL(vmoon_vm_port_resize(r->vm, "x", 1, 1, &err));
	assert_false(vmoon_vm_port(NULL, 0, NULL, NULL));
	assert_false(vmoon_vm_port(r->vm, 0, NULL, NULL));
}

static void test_border__a_config_of_a_disk(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_config *cfg = NULL;
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	INVAL(vmoon_config_create_disk(r->rt, NULL, &err));
	assert_ok(vmoon_config_create_disk(r->rt, &cfg, &err), &err);
	INVAL(vmoon_config_disk(NULL, NULL, NULL, &err));
	INVAL(vmoon_config_disk(r->cfg, NULL, NULL, &err)); /* a VM's */
	assert_ok(vmoon_config_disk(cfg, NULL, NULL, &err), &err);
	vmoon_config_destroy(cfg);
}

static void test_border__the_log(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	INVAL(vmoon_vm_log_level(NULL, "info", &err));
	INVAL(vmoon_vm_log_level(r->vm, NULL, &err));
	INVAL(vmoon_log_level_check(NULL, &err));
	assert_int_equal(vmoon_log_level_check("", NULL), VMOON_E_CONFIG);
	INVAL(vmoon_vm_log_format(NULL, VMOON_LOG_TEXT, &err));
	INVAL(vmoon_vm_log_format(r->vm, (enum vmoon_log_format)2, &err));
	assert_non_null(vmoon_vm_stream(r->vm, "log"));
	assert_null(vmoon_vm_stream(NULL, "log"));
}

static void test_border__the_rest(void **state)
{
	struct vmoon_error err;
	size_t features = 0;

	(void)state;
	assert_int_equal(vmoon_api_version(), VMOON_API_VERSION);
	assert_true(vmoon_version_string()[0] != '\0');
	assert_false(vmoon_has(NULL));
	assert_false(vmoon_has("no such feature"));
	assert_true(vmoon_has("kvm"));
	while (vmoon_feature(features) != NULL)
		features++;
	assert_in_range(features, 5, 20);
	assert_null(vmoon_feature(SIZE_MAX));
	(void)vmoon_host_has_hw_virt();
	if (vmoon_host_check(NULL) != VMOON_OK)
		assert_int_equal(vmoon_host_check(&err), VMOON_E_NOKVM);
	assert_int_equal(vmoon_fail(NULL, VMOON_E_SYS, 0, "x"), VMOON_E_SYS);
	vmoon_error_prefix(NULL, "x");
	vmoon_error_set_where(NULL, "x");
	vmoon_error_add_detail(NULL, "x");
	vmoon_mem_free(NULL, vmoon_mem_alloc(NULL, 1), 1);
	assert_null(vmoon_mem_alloc_array(NULL, SIZE_MAX, 2));
	assert_null(vmoon_mem_copy(NULL, NULL, SIZE_MAX));
	assert_null(vmoon_mem_resize(NULL, NULL, 3, 0));
	vmoon_mem_free(NULL, NULL, 3);
}

static void test_api__benches(void **state)
{
	struct vmoon_bench *b = NULL;
	struct vmoon_error err;

	(void)state;
	INVAL(vmoon_bench_create(NULL, &b, &err));
	vmoon_bench_destroy(NULL);
	INVAL(vmoon_bench_read(NULL, 0, 4, NULL, &err));
	INVAL(vmoon_bench_write(NULL, 0, 4, 0, &err));
	INVAL(vmoon_bench_advance(NULL, 0, &err));
	assert_false(vmoon_bench_irq(NULL));
	INVAL(vmoon_bench_reset(NULL, &err));
	INVAL(vmoon_bench_save(NULL, NULL, 0, NULL, &err));
	assert_int_equal(vmoon_bench_faults(NULL), 0);
	INVAL(vmoon_bench_output(NULL, 0, NULL, 0, NULL, &err));
	INVAL(vmoon_bench_input(NULL, 0, NULL, 0, NULL, &err));
	INVAL(vmoon_bench_peek(NULL, 0, NULL, 0, &err));
	INVAL(vmoon_bench_poke(NULL, 0, NULL, 0, &err));
	INVAL(vmoon_bench_probe(NULL, 0, 0, NULL, &err));
	INVAL(vmoon_bench_request(NULL, NULL, &err));
	INVAL(vmoon_bench_offer(NULL, 0, NULL, 0, NULL, &err));
	INVAL(vmoon_bench_kick(NULL, 0, &err));
	INVAL(vmoon_bench_take(NULL, 0, NULL, NULL, &err));
	INVAL(vmoon_bench_interrupt(NULL, NULL, &err));
	INVAL(vmoon_bench_disk(NULL, VMOON_BENCH_FLUSH, 0, NULL, 0, &err));
	INVAL(vmoon_bench_fault(NULL, NULL, &err));
	INVAL(vmoon_bench_release(NULL, 0, &err));
	assert_int_equal(vmoon_bench_held(NULL), 0);
	assert_null(vmoon_bench_device(NULL));
	assert_null(vmoon_bench_virtio(NULL));
	assert_int_equal(vmoon_bench_now(NULL), 0);
	assert_int_equal(vmoon_bench_edges(NULL), 0);
	assert_false(vmoon_bench_exit(NULL, NULL));
	assert_null(vmoon_bench_failure(NULL));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_api__benches),
		cmocka_unit_test(test_border__runtimes),
		cmocka_unit_test(test_border__configs),
		RIG(test_border__setters),
		RIG(test_border__vms),
		RIG(test_border__devices),
		RIG(test_border__streams),
		RIG(test_border__groups),
		RIG(test_border__outputs),
		RIG(test_border__outputs_from_a_config),
		RIG(test_border__virtio_devices),
		RIG(test_border__a_config_of_a_disk),
		RIG(test_border__the_log),
		cmocka_unit_test(test_border__the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
