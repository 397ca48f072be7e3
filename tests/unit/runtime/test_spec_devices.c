/* SPDX-License-Identifier: MIT */
/* test_spec_devices.c - checked devices become plain C values. */
#include "spec.h"

#include "tests/support/check_alloc.h"
#include "tests/support/disk_fixture.h"

static void test_spec_devices__none_is_none(void **state)
{
	struct config_fixture *f = *state;
	struct vmoon_spec spec;

	assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
	assert_int_equal(spec.devices.disk_count, 0);
	assert_int_equal(spec.devices.port_count, 0);
	assert_false(spec.devices.rng.is_there);
	vmoon_spec_fini(&spec);
}

static void test_spec_devices__what_is_left_out_has_its_default(void **state)
{
	struct config_fixture *f = *state;
	const struct df_path p = df_disk(f, 1, "a.img");
	const struct vmoon_spec_disk *d;
	struct vmoon_spec spec;

	df_set_bool(f, "rng", true);
	assert_ok(vmoon_config_set_table(f->cfg, "consoles.1", &f->err),
		  &f->err);
	assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
	d = &spec.devices.disks[0];
	assert_string_equal(d->name, "disk0");
	assert_string_equal(d->path, p.text);
	assert_string_equal(d->id, "disk0");
	assert_int_equal(d->fd, 0);
	assert_false(d->is_readonly || d->may_follow_symlink);
	assert_int_equal(d->create_bytes, 0);
	assert_int_equal(d->cache, VMOON_DISK_WRITEBACK);
	assert_int_equal(d->queues, 1);
	assert_int_equal(d->limits.size, sizeof(d->limits));
	assert_int_equal(d->limits.total_bytes.rate, 0);
	assert_true(spec.devices.rng.is_there);
	assert_int_equal(spec.devices.rng.rate, 0);
	assert_string_equal(spec.devices.ports[0].name, "console0");
	assert_true(spec.devices.ports[0].is_console);
	assert_int_equal(spec.devices.ports[0].outputs.output_count, 0);
	vmoon_spec_fini(&spec);
}

static void test_spec_devices__every_field_of_a_disk_arrives(void **state)
{
	struct config_fixture *f = *state;
	const struct vmoon_disk_limits *l;
	const struct vmoon_spec_disk *d;
	struct vmoon_spec spec;

	(void)df_disk(f, 1, "a.img");
	cf_set(f, "disks.1.name", "a_name_of_more_than_20_bytes");
	df_set_bool(f, "disks.1.create", true);
	cf_set(f, "disks.1.size", "1M");
	df_set_bool(f, "disks.1.symlink", true);
	cf_set(f, "disks.1.cache", "none");
	cf_set_int(f, "disks.1.queues", 8);
	cf_set(f, "disks.1.limit.bytes", "50M/s");
	cf_set(f, "disks.1.limit.burst", "8M");
	cf_set(f, "disks.1.limit.ops", "2000/s");
	cf_set(f, "disks.1.limit.read.bytes", "1M/s");
	cf_set(f, "disks.1.limit.read.ops", "3/s");
	cf_set(f, "disks.1.limit.write.bytes", "2M/s");
	cf_set(f, "disks.1.limit.write.burst", "4M");
	assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
	d = &spec.devices.disks[0];
	assert_string_equal(d->name, "a_name_of_more_than_20_bytes");
	assert_string_equal(d->id, "a_name_of_more_than_");
	assert_true(d->may_follow_symlink);
	assert_int_equal(d->create_bytes, 1 << 20);
	assert_int_equal(d->cache, VMOON_DISK_DIRECT);
	assert_int_equal(d->queues, 8);
	l = &d->limits;
	assert_int_equal(l->total_bytes.rate, 50 << 20);
	assert_int_equal(l->total_bytes.burst, 8 << 20);
	assert_int_equal(l->total_ops.rate, 2000);
	assert_int_equal(l->total_ops.burst, 0);
	assert_int_equal(l->read_bytes.rate, 1 << 20);
	assert_int_equal(l->read_ops.rate, 3);
	assert_int_equal(l->write_bytes.rate, 2 << 20);
	assert_int_equal(l->write_bytes.burst, 4 << 20);
	assert_int_equal(l->write_ops.rate, 0);
	vmoon_spec_fini(&spec);
}

static void test_spec_devices__every_cache_is_its_own(void **state)
{
	static const struct {
		const char *word;
		enum vmoon_disk_cache cache;
	} caches[] = {{"none", VMOON_DISK_DIRECT},
		      {"unsafe", VMOON_DISK_UNSAFE},
		      {"writeback", VMOON_DISK_WRITEBACK}};
	struct config_fixture *f = *state;

	(void)df_disk(f, 1, "a.img");
	for (size_t i = 0; i < VMOON_COUNTOF(caches); i++) {
		struct vmoon_spec spec;

		cf_set(f, "disks.1.cache", caches[i].word);
		assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
		assert_int_equal(spec.devices.disks[0].cache, caches[i].cache);
		vmoon_spec_fini(&spec);
	}
}

static void test_spec_devices__ports_keep_their_outputs(void **state)
{
	struct config_fixture *f = *state;
	const struct vmoon_spec_port *p;
	struct vmoon_spec spec;

	cf_set(f, "consoles.1.name", "cmd");
	cf_set(f, "consoles.2.kind", "port");
	cf_set(f, "consoles.2.sinks.1.sink", "file:a.log");
	cf_set(f, "rng.rate", "64K/s");
	cf_set(f, "rng.burst", "32K");
	assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
	assert_int_equal(spec.devices.port_count, 2);
	assert_string_equal(spec.devices.ports[0].name, "cmd");
	p = &spec.devices.ports[1];
	assert_string_equal(p->name, "console1");
	assert_false(p->is_console);
	assert_int_equal(p->outputs.output_count, 1);
	assert_string_equal(p->outputs.outputs[0].options.path, "a.log");
	assert_int_equal(spec.devices.rng.rate, 64 << 10);
	assert_int_equal(spec.devices.rng.burst, 32 << 10);
	vmoon_spec_fini(&spec);
}

static void test_spec_devices__a_descriptor_is_a_copy(void **state)
{
	struct config_fixture *f = *state;
	const struct df_path p = df_make(f, "a.img", 4096);
	const int fd = open(p.text, O_RDWR | O_CLOEXEC);
	struct vmoon_spec spec;
	struct stat a, b;

	assert_true(fd >= 0);
	assert_ok(vmoon_config_set_fd(f->cfg, "disks.1.path", fd, &f->err),
		  &f->err);
	assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
	assert_true(spec.devices.disks[0].fd > 2);
	assert_int_not_equal(spec.devices.disks[0].fd, fd);
	assert_int_equal(fstat(spec.devices.disks[0].fd, &a), 0);
	assert_int_equal(fstat(fd, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(close(fd), 0);
	vmoon_spec_fini(&spec);
}

static enum vmoon_status use_memory(struct vmoon_mem *mem,
				    const struct config_fixture *f,
				    const char *disk)
{
	struct vmoon_config *cfg = NULL;
	struct vmoon_error err;
	struct vmoon_spec spec;
	enum vmoon_status st =
		vmoon_config_create_for(vmoon_config_schema(), mem, &cfg, &err);
	const char *const keys[][2] = {{"kernel", f->kernel},
				       {"disks.1.path", disk},
				       {"disks.1.id", "an id"},
				       {"consoles.1.sinks.1.sink", "ring"}};

	for (size_t i = 0; i < VMOON_COUNTOF(keys) && st == VMOON_OK; i++)
		st = vmoon_config_set_str(cfg, keys[i][0], keys[i][1],
					  strlen(keys[i][1]), &err);
	if (st == VMOON_OK)
		st = vmoon_spec_init(&spec, cfg, &err);
	if (st == VMOON_OK)
		vmoon_spec_fini(&spec);
	vmoon_config_destroy(cfg);
	return st;
}

static void test_spec_devices__without_memory_nothing_leaks(void **state)
{
	struct config_fixture *f = *state;
	const struct df_path p = df_make(f, "a.img", 4096);
	enum vmoon_status st = VMOON_E_NOMEM;
	size_t n = 0;

	while (st == VMOON_E_NOMEM) {
		struct check_alloc a = {.fail_at = ++n};
		const struct vmoon_allocator how = check_allocator(&a);
		struct vmoon_mem mem;

		vmoon_mem_init(&mem, &how);
		st = use_memory(&mem, f, p.text);
		check_alloc_assert_empty(&a);
		assert_true(n < 1000);
	}
	assert_int_equal(st, VMOON_OK);
	assert_true(n > 25);
}

static const struct CMUnitTest tests[] = {
	df_test(test_spec_devices__none_is_none),
	df_test(test_spec_devices__what_is_left_out_has_its_default),
	df_test(test_spec_devices__every_field_of_a_disk_arrives),
	df_test(test_spec_devices__every_cache_is_its_own),
	df_test(test_spec_devices__ports_keep_their_outputs),
	df_test(test_spec_devices__a_descriptor_is_a_copy),
	df_test(test_spec_devices__without_memory_nothing_leaks),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
