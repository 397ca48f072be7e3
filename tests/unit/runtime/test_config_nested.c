/* SPDX-License-Identifier: MIT */
/* test_config_nested.c - tables and lists of tables under one schema. */
#include "config.h"

#include "mem.h"
#include "tests/support/check_alloc.h"
#include "tests/support/config_fixture.h"
#include "tests/support/disk_schema.h"

static struct disk_schema disks;

/* The fixture, its config made for a schema with disks. */
static int disks_setup(void **state)
{
	struct config_fixture *f;

	disk_schema_init(&disks);
	(void)cf_setup(state);
	f = *state;
	vmoon_config_destroy(f->cfg);
	assert_ok(
		vmoon_config_create_for(&disks.schema, NULL, &f->cfg, &f->err),
		&f->err);
	cf_set(f, "kernel", f->kernel);
	return 0;
}

static const struct vmoon_config_value *disk(const struct config_fixture *f,
					     size_t i)
{
	return f->cfg->values[KEY_DISKS].fields + i * one_disk_schema.count;
}

static void test_config_nested__a_list_becomes_values(void **state)
{
	struct config_fixture *f = *state;

	/* Out of order: items are sorted by number. */
	cf_set(f, "disks.2.path", f->kernel);
	cf_set(f, "disks.2.cache", "unsafe");
	assert_ok(vmoon_config_set_bool(f->cfg, "disks.2.readonly", true, NULL),
		  &f->err);
	cf_set(f, "disks.1.path", f->kernel);
	cf_set(f, "disks.1.size", "64M");
	cf_set_int(f, "disks.1.limit.ops", 7);
	cf_assert_good(f);
	assert_int_equal(f->cfg->values[KEY_DISKS].number, 2);
	assert_string_equal(disk(f, 0)[DISK_PATH].text, f->kernel);
	assert_int_equal(disk(f, 0)[DISK_READONLY].number, 0);
	assert_int_equal(disk(f, 0)[DISK_CACHE].number, 0);
	assert_true(disk(f, 0)[DISK_SIZE].number == 64 * VMOON_MIB);
	assert_int_equal(disk(f, 0)[DISK_LIMIT].fields[0].number, 7);
	assert_true(disk(f, 0)[DISK_LIMIT].fields[1].number == 8 * VMOON_MIB);
	assert_int_equal(disk(f, 1)[DISK_READONLY].number, 1);
	assert_int_equal(disk(f, 1)[DISK_CACHE].number, 1);
	assert_false(disk(f, 1)[DISK_SIZE].is_set);
	assert_false(disk(f, 1)[DISK_LIMIT].is_set);
	assert_null(disk(f, 1)[DISK_LIMIT].fields);
}

static void test_config_nested__an_absent_list_is_unset(void **state)
{
	struct config_fixture *f = *state;

	cf_assert_good(f);
	assert_false(f->cfg->values[KEY_DISKS].is_set);
	assert_int_equal(f->cfg->values[KEY_DISKS].number, 0);
	assert_ok(vmoon_config_set_table(f->cfg, "disks", &f->err), &f->err);
	cf_assert_good(f);
	assert_true(f->cfg->values[KEY_DISKS].is_set);
	assert_int_equal(f->cfg->values[KEY_DISKS].number, 0);
}

static void test_config_nested__mistakes_carry_their_path(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "disks.2.readonly", "yes");
	cf_set_int(f, "disks.2.pth", 1);
	cf_set(f, "disks.1.path", f->kernel);
	cf_set(f, "disks.1.cache", "writebak");
	cf_set(f, "disks.1.is_read_only", "x");
	cf_set_int(f, "disks.1.limit.ops", 0);
	cf_set_int(f, "disks.1.limit.opps", 0);
	cf_set_int(f, "disks.1.size", 64);
	cf_set_int(f, "disks.3", 5);
	cf_set_int(f, "cpus", 65);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	cf_assert_problem(f, 0, "cpus", "65 is out of range 1..64", NULL);
	cf_assert_problem(f, 1, "disks.1.is_read_only",
			  "unknown field \"is_read_only\"",
			  "Firecracker calls this \"is_read_only\"; here it is "
			  "\"readonly\"");
	cf_assert_problem(f, 2, "disks.1.cache",
			  "expected one of \"none\", \"unsafe\", "
			  "\"writeback\"; got string \"writebak\"",
			  "did you mean \"writeback\"?");
	cf_assert_problem(f, 3, "disks.1.size",
			  "a size needs a unit, got bare number 64",
			  "write \"64M\" for MiB, or 64 * vmoon.MiB (a size "
			  "value)");
	cf_assert_problem(f, 4, "disks.1.limit.opps", "unknown field \"opps\"",
			  "did you mean \"ops\"?");
	cf_assert_problem(f, 5, "disks.1.limit.ops",
			  "0 is out of range 1..1000000", NULL);
	cf_assert_problem(f, 6, "disks.2.pth", "unknown field \"pth\"",
			  "did you mean \"path\"?");
	cf_assert_problem(f, 7, "disks.2", "missing required field \"path\"",
			  "for example: path = \"rootfs.img\"");
	cf_assert_problem(f, 8, "disks.2.readonly",
			  "expected true or false, got string \"yes\"",
			  "for example: readonly = true");
	cf_assert_problem(f, 9, "disks.3", "expected a table, got integer 5",
			  "for example: disks = { { path = \"rootfs.img\" } }");
	assert_int_equal(vmoon_config_problem_count(f->cfg), 10);
	assert_string_equal(f->err.msg, "10 problems in VM configuration; "
					"first: cpus: 65 is out of range "
					"1..64");
	assert_true(vmoon_config_problem(f->cfg, 1)->is_key);
	assert_false(vmoon_config_problem(f->cfg, 2)->is_key);
}

static void test_config_nested__a_list_is_no_table(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "disks.path", f->kernel);
	cf_set(f, "disks.cache", "none");
	cf_assert_only(f, "disks.cache",
		       "expected a list of tables, got a table with the field "
		       "\"cache\"",
		       "for example: disks = { { path = \"rootfs.img\" } }");
	assert_true(vmoon_config_problem(f->cfg, 0)->is_key);
	cf_set(f, "disks", "rootfs.img");
	cf_assert_only(f, "disks",
		       "expected a list of tables, got string \"rootfs.img\"",
		       "for example: disks = { { path = \"rootfs.img\" } }");
}

static void test_config_nested__a_list_has_no_gaps(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "disks.1.path", f->kernel);
	cf_set(f, "disks.4.path", f->kernel);
	cf_set(f, "disks.3.path", f->kernel);
	cf_assert_only(f, "disks.4",
		       "a list has no gaps: an item before this one is missing",
		       "for example: disks = { { path = \"rootfs.img\" } }");
	cf_set(f, "disks.2.path", f->kernel);
	cf_assert_good(f);
}

static void test_config_nested__a_list_is_bounded(void **state)
{
	struct config_fixture *f = *state;
	char path[32];

	for (int i = 1; i <= DISK_ITEMS_MAX; i++) {
		(void)snprintf(path, sizeof(path), "disks.%d.path", i);
		cf_set(f, path, f->kernel);
	}
	cf_assert_good(f);
	cf_set(f, "disks.101.path", f->kernel);
	cf_assert_only(f, "disks", "101 items, but 0..100 are possible", NULL);
}

static void test_config_nested__the_kernel_is_a_path_or_a_table(void **state)
{
	struct config_fixture *f = *state;

	cf_set_int(f, "kernel", 5);
	cf_assert_only(f, "kernel", "expected a path or a table, got integer 5",
		       "for example: kernel = \"bzImage\"");
	cf_set(f, "kernel.flat", f->kernel);
	cf_assert_only(f, "kernel", "missing required field \"at\"",
		       "for example: at = 0x100000");
	cf_set_int(f, "kernel.at", -1);
	cf_assert_only(f, "kernel.at", "-1 is out of range 0x0..0xffffffff",
		       NULL);
	cf_set_int(f, "kernel.at", INT64_C(0x100000000));
	cf_assert_only(f, "kernel.at",
		       "0x100000000 is out of range 0x0..0xffffffff", NULL);
	cf_set(f, "kernel.at", "1M");
	cf_assert_only(f, "kernel.at", "expected an address, got string \"1M\"",
		       "for example: at = 0x100000");
	cf_set_int(f, "kernel.at", 0x7c00);
	cf_set(f, "kernel.mode", "rael");
	cf_assert_only(f, "kernel.mode",
		       "expected one of \"real\", \"protected\", \"long\"; got "
		       "string \"rael\"",
		       "did you mean \"real\"?");
	cf_set(f, "kernel.mode", "real");
	cf_assert_good(f);
}

static void test_config_nested__json_is_nested_as_well(void **state)
{
	struct config_fixture *f = *state;
	char expected[512], buf[512];

	cf_set(f, "kernel.flat", f->kernel);
	cf_set_int(f, "kernel.at", 4096);
	cf_set(f, "disks.1.path", f->kernel);
	cf_set(f, "disks.2.path", f->kernel);
	assert_ok(vmoon_config_set_bool(f->cfg, "disks.2.readonly", true, NULL),
		  &f->err);
	assert_ok(vmoon_config_set_table(f->cfg, "disks.2.limit", NULL),
		  &f->err);
	cf_assert_good(f);
	(void)snprintf(
		expected, sizeof(expected),
		"{\"name\":\"vm\",\"kernel\":{\"flat\":\"%s\",\"at\":4096,"
		"\"mode\":\"long\"},\"cmdline\":\"console=ttyS0\","
		"\"cpus\":1,\"memory\":\"128M\",\"unpack\":\"host\","
		"\"on_reboot\":\"restart\",\"on_panic\":\"stop\",\"disks\":["
		"{\"path\":\"%s\",\"readonly\":false,\"cache\":\"none\"},"
		"{\"path\":\"%s\",\"readonly\":true,\"cache\":\"none\","
		"\"limit\":{\"burst\":\"8M\"}}]}",
		f->kernel, f->kernel, f->kernel);
	assert_int_equal(vmoon_config_to_json(f->cfg, buf, sizeof(buf)),
			 strlen(expected));
	assert_string_equal(buf, expected);
	assert_ok(vmoon_config_set_table(f->cfg, "disks", NULL), &f->err);
	cf_assert_good(f);
	assert_true(vmoon_config_to_json(f->cfg, buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "\"disks\":[]}"));
}

static void test_config_nested__a_change_drops_all_values(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "disks.1.path", f->kernel);
	cf_assert_good(f);
	assert_non_null(f->cfg->blocks);
	cf_set_int(f, "disks.1.limit.ops", 3);
	assert_null(f->cfg->blocks);
	assert_null(f->cfg->values);
	cf_set_int(f, "disks.1.limit.ops", 0);
	cf_assert_only(f, "disks.1.limit.ops", "0 is out of range 1..1000000",
		       NULL);
	assert_null(f->cfg->values);
}

/* A config with a good list and three mistakes; NOMEM or what the check says.
 */
static enum vmoon_status use_memory(struct vmoon_mem *mem, const char *kernel)
{
	struct vmoon_config *cfg;
	struct vmoon_error err = {.status = VMOON_OK};
	enum vmoon_status st =
		vmoon_config_create_for(&disks.schema, mem, &cfg, &err);
	size_t len = strlen(kernel);

	if (st != VMOON_OK)
		return st;
	if (st == VMOON_OK)
		st = vmoon_config_set_str(cfg, "disks.1.path", kernel, len,
					  &err);
	if (st == VMOON_OK)
		st = vmoon_config_set_str(cfg, "disks.2.limit.burst", "8M", 2,
					  &err);
	if (st == VMOON_OK)
		st = vmoon_config_set_int(cfg, "memroy", 1, &err);
	if (st == VMOON_OK)
		st = vmoon_config_check(cfg, &err);
	assert_int_equal(err.status, st);
	if (st == VMOON_E_NOMEM)
		assert_int_equal(vmoon_config_problem_count(cfg), 0);
	else
		assert_int_equal(vmoon_config_problem_count(cfg), 3);
	vmoon_config_destroy(cfg);
	return st;
}

static void test_x11__a_config_without_memory_says_so(void **state)
{
	struct config_fixture *f = *state;
	enum vmoon_status st = VMOON_E_NOMEM;
	size_t n = 0;

	while (st == VMOON_E_NOMEM) {
		struct check_alloc a = {.fail_at = ++n};
		const struct vmoon_allocator how = check_allocator(&a);
		struct vmoon_mem mem;

		vmoon_mem_init(&mem, &how);
		st = use_memory(&mem, f->kernel);
		check_alloc_assert_empty(&a);
		assert_true(n < 1000);
	}
	assert_int_equal(st, VMOON_E_CONFIG);
	assert_true(n > 20);
}

#define disks_test(name) \
	cmocka_unit_test_setup_teardown(name, disks_setup, cf_teardown)

static const struct CMUnitTest tests[] = {
	disks_test(test_config_nested__a_list_becomes_values),
	disks_test(test_config_nested__an_absent_list_is_unset),
	disks_test(test_config_nested__mistakes_carry_their_path),
	disks_test(test_config_nested__a_list_is_no_table),
	disks_test(test_config_nested__a_list_has_no_gaps),
	disks_test(test_config_nested__a_list_is_bounded),
	cf_test(test_config_nested__the_kernel_is_a_path_or_a_table),
	disks_test(test_config_nested__json_is_nested_as_well),
	disks_test(test_config_nested__a_change_drops_all_values),
	disks_test(test_x11__a_config_without_memory_says_so),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
