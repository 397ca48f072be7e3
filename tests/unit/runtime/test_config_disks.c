/* SPDX-License-Identifier: MIT */
/* test_config_disks.c - the fields of a disk and of its limits. */
#include "tests/support/disk_fixture.h"

#include "vmoon/bucket.h"
#include "vmoon/devices.h"
#include "vmoon/vmoon.h"

static void test_config_disks__create_and_size_come_together(void **state)
{
	struct config_fixture *f = *state;

	(void)df_disk(f, 1, "a");
	cf_set(f, "disks.1.size", "1M");
	cf_assert_only(f, "disks.1.size", "\"size\" is for a file that is made",
		       "add create = true, or leave it out: a file that is "
		       "there has its size");
	df_set_bool(f, "disks.1.create", true);
	cf_assert_good(f);
	df_set_bool(f, "disks.1.readonly", true);
	cf_assert_only(f, "disks.1.create",
		       "a file that is made has nothing to be read",
		       "leave out create, or readonly");
}

static void test_config_disks__create_needs_a_size(void **state)
{
	struct config_fixture *f = *state;

	(void)df_disk(f, 1, "a");
	df_set_bool(f, "disks.1.create", true);
	cf_assert_only(f, "disks.1.create", "a file that is made needs a size",
		       "for example: create = true, size = \"64M\"");
}

static void test_config_disks__an_id_has_20_characters(void **state)
{
	struct config_fixture *f = *state;

	(void)df_disk(f, 1, "a");
	cf_set(f, "disks.1.id", "");
	cf_assert_good(f);
	cf_set(f, "disks.1.id", "12345678901234567890");
	cf_assert_good(f);
	cf_set(f, "disks.1.id", "123456789012345678901");
	cf_assert_only(f, "disks.1.id",
		       "expected at most 20 printable ASCII characters; got "
		       "string \"123456789012345678901\"",
		       "for example: id = \"backup-7\"");
	cf_set(f, "disks.1.id", "a\tb");
	cf_assert_only(f, "disks.1.id",
		       "expected at most 20 printable ASCII characters; got "
		       "string \"a\\x09b\"",
		       "for example: id = \"backup-7\"");
}

static void test_config_disks__images_are_raw(void **state)
{
	static const char *const words[] = {"format", "driver", "image_type"};
	struct config_fixture *f = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(words); i++) {
		struct vmoon_config *cfg;
		char key[32];

		assert_ok(vmoon_config_create(NULL, &cfg, &f->err), &f->err);
		(void)snprintf(key, sizeof(key), "disks.1.%s", words[i]);
		assert_ok(vmoon_config_set_str(cfg, key, "qcow2", 5, &f->err),
			  &f->err);
		assert_int_equal(vmoon_config_check(cfg, NULL), VMOON_E_CONFIG);
		for (size_t n = 0;; n++) {
			const struct vmoon_problem *p =
				vmoon_config_problem(cfg, n);

			assert_non_null(p);
			if (strcmp(p->path, key) != 0)
				continue;
			assert_non_null(strstr(p->hint, "images are raw"));
			break;
		}
		vmoon_config_destroy(cfg);
	}
}

/* ---- limits ---- */

static void test_config_disks__a_burst_is_of_a_rate(void **state)
{
	struct config_fixture *f = *state;

	(void)df_disk(f, 1, "a");
	cf_set(f, "disks.1.limit.read.burst", "8M");
	cf_assert_only(f, "disks.1.limit.read.burst",
		       "\"burst\" is for a rate of bytes, and there is none",
		       "for example: bytes = \"50M/s\"");
	cf_set(f, "disks.1.limit.read.bytes", "50M/s");
	cf_assert_good(f);
	cf_set(f, "disks.1.limit.read.bytes", "50G/s");
	cf_assert_only(f, "disks.1.limit.read.burst",
		       "with a burst of 8M a rate of 50G/s cannot be kept",
		       "give at least 1/1024 of the rate: burst = \"50M\"");
}

static void test_config_disks__requests_have_no_unit(void **state)
{
	struct config_fixture *f = *state;

	(void)df_disk(f, 1, "a");
	cf_set_int(f, "disks.1.limit.ops", 2000);
	cf_assert_only(f, "disks.1.limit.ops",
		       "requests a second are a string, got bare number 2000",
		       "write \"2000/s\"");
	cf_set(f, "disks.1.limit.ops", "2K/s");
	cf_assert_only(f, "disks.1.limit.ops",
		       "\"2K/s\" is no number of requests a second",
		       "write a whole number and \"/s\": \"2000/s\"");
	cf_set(f, "disks.1.limit.ops", "0/s");
	cf_assert_only(f, "disks.1.limit.ops",
		       "\"0/s\" is out of range 1/s..1000000000/s", NULL);
	cf_set(f, "disks.1.limit.ops", "99999999999999999999999/s");
	assert_int_equal(vmoon_config_check(f->cfg, NULL), VMOON_E_CONFIG);
	df_set_bool(f, "disks.1.limit.ops", true);
	cf_assert_only(f, "disks.1.limit.ops",
		       "expected requests a second, got boolean true",
		       "for example: ops = \"2000/s\"");
	cf_set(f, "disks.1.limit.ops", "1000000000/s");
	cf_assert_good(f);
}

static void test_config_disks__all_of_it_is_exported_and_read_back(void **state)
{
	struct config_fixture *f = *state;
	char json[2048], again[2048];
	struct vmoon_config *cfg;
	size_t len;

	(void)df_disk(f, 1, "a");
	cf_set(f, "disks.1.name", "root");
	cf_set(f, "disks.1.id", "x y");
	cf_set(f, "disks.1.limit.ops", "2000/s");
	cf_set(f, "disks.1.limit.write.bytes", "100B/s");
	cf_set(f, "rng.rate", "64K/s");
	cf_set(f, "consoles.1.sinks.1.sink", "ring");
	cf_assert_good(f);
	len = vmoon_config_to_json(f->cfg, json, sizeof(json));
	assert_true(len > 0 && len < sizeof(json));
	assert_non_null(strstr(json, "\"cache\":\"writeback\",\"id\":\"x y\","
				     "\"queues\":1,\"symlink\":false,"
				     "\"limit\":{\"ops\":\"2000/s\",\"write\":"
				     "{\"bytes\":\"100B/s\"}}}]"));
	assert_non_null(strstr(json, "\"rng\":{\"rate\":\"64K/s\"},"
				     "\"consoles\":[{\"kind\":\"console\","
				     "\"sinks\":[{\"sink\":\"ring\""));
	if (vmoon_config_from_json(NULL, json, len, &cfg, &f->err) ==
	    VMOON_E_UNSUPPORTED)
		return;
	assert_ok(vmoon_config_check(cfg, &f->err), &f->err);
	assert_int_equal(vmoon_config_to_json(cfg, again, sizeof(again)), len);
	assert_string_equal(again, json);
	vmoon_config_destroy(cfg);
}

/* ---- a disk that runs ---- */

static void test_config_disks__a_running_one_has_two_keys(void **state)
{
	struct config_fixture *f = *state;
	struct vmoon_disk_limits limits = VMOON_INIT(struct vmoon_disk_limits);
	struct vmoon_config *cfg;
	uint64_t bytes = 7;

	assert_ok(vmoon_config_create_disk(NULL, &cfg, &f->err), &f->err);
	assert_ok(vmoon_config_disk(cfg, &limits, &bytes, &f->err), &f->err);
	assert_int_equal(bytes, 0);
	assert_int_equal(limits.total_bytes.rate, 0);
	assert_ok(vmoon_config_set_str(cfg, "size", "2M", 2, NULL), &f->err);
	assert_ok(vmoon_config_set_str(cfg, "limit.ops", "5/s", 3, NULL),
		  &f->err);
	assert_ok(vmoon_config_disk(cfg, &limits, &bytes, &f->err), &f->err);
	assert_int_equal(bytes, 2 << 20);
	assert_int_equal(limits.total_ops.rate, 5);
	assert_ok(vmoon_config_disk(cfg, NULL, NULL, &f->err), &f->err);
	assert_ok(vmoon_config_set_str(cfg, "path", "a", 1, NULL), &f->err);
	assert_int_equal(vmoon_config_disk(cfg, &limits, &bytes, &f->err),
			 VMOON_E_CONFIG);
	vmoon_config_destroy(cfg);
}

static void test_config_disks__it_is_no_other_config(void **state)
{
	struct config_fixture *f = *state;

	assert_int_equal(vmoon_config_create_disk(NULL, NULL, &f->err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_config_disk(NULL, NULL, NULL, &f->err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_config_disk(f->cfg, NULL, NULL, &f->err),
			 VMOON_E_INVAL);
}

static const struct CMUnitTest tests[] = {
	df_test(test_config_disks__create_and_size_come_together),
	df_test(test_config_disks__create_needs_a_size),
	df_test(test_config_disks__an_id_has_20_characters),
	df_test(test_config_disks__images_are_raw),
	df_test(test_config_disks__a_burst_is_of_a_rate),
	df_test(test_config_disks__requests_have_no_unit),
	df_test(test_config_disks__all_of_it_is_exported_and_read_back),
	df_test(test_config_disks__a_running_one_has_two_keys),
	df_test(test_config_disks__it_is_no_other_config),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
