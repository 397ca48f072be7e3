/* SPDX-License-Identifier: MIT */
/* test_config_json.c - what was checked comes out as JSON, all of it. */
#include "vmoon/config.h"

#include "tests/support/config_fixture.h"

static void assert_json(struct config_fixture *f, const char *expected)
{
	char buf[1024];

	cf_assert_good(f);
	assert_int_equal(vmoon_config_to_json(f->cfg, buf, sizeof(buf)),
			 strlen(expected));
	assert_string_equal(buf, expected);
}

static void test_config_json__defaults_are_filled_in(void **state)
{
	struct config_fixture *f = *state;
	char expected[512];

	(void)snprintf(expected, sizeof(expected),
		       "{\"name\":\"vm\",\"kernel\":\"%s\","
		       "\"cmdline\":\"console=ttyS0\",\"cpus\":1,"
		       "\"memory\":\"128M\",\"unpack\":\"host\","
		       "\"on_reboot\":\"restart\",\"on_panic\":\"stop\"}",
		       f->kernel);
	assert_json(f, expected);
}

static void test_config_json__keys_keep_the_order_of_the_schema(void **state)
{
	struct config_fixture *f = *state;
	char expected[512];

	cf_set(f, "on_panic", "ignore");
	cf_set(f, "on_reboot", "stop");
	cf_set(f, "unpack", "guest");
	cf_set(f, "boot", "pvh");
	assert_ok(vmoon_config_set_size(f->cfg, "memory", 3 * VMOON_GIB, NULL),
		  &f->err);
	cf_set_int(f, "cpus", 12);
	cf_set(f, "cmdline", "a=\"b c\" d=\\");
	cf_set(f, "initrd", f->kernel);
	cf_set(f, "name", "web-1");
	(void)snprintf(expected, sizeof(expected),
		       "{\"name\":\"web-1\",\"kernel\":\"%s\","
		       "\"initrd\":\"%s\","
		       "\"cmdline\":\"a=\\\"b c\\\" d=\\\\\",\"cpus\":12,"
		       "\"memory\":\"3G\",\"boot\":\"pvh\","
		       "\"unpack\":\"guest\",\"on_reboot\":\"stop\","
		       "\"on_panic\":\"ignore\"}",
		       f->kernel, f->kernel);
	assert_json(f, expected);
}

static void test_config_json__sizes_come_out_in_one_spelling(void **state)
{
	static const char *const pairs[][2] = {
		{"131072K", "\"memory\":\"128M\""},
		{"1024MiB", "\"memory\":\"1G\""},
		{"1536M", "\"memory\":\"1536M\""},
		{"1024G", "\"memory\":\"1T\""},
	};
	struct config_fixture *f = *state;
	char buf[1024];

	for (size_t i = 0; i < VMOON_COUNTOF(pairs); i++) {
		cf_set(f, "memory", pairs[i][0]);
		cf_assert_good(f);
		assert_true(vmoon_config_to_json(f->cfg, buf, sizeof(buf)) > 0);
		assert_non_null(strstr(buf, pairs[i][1]));
	}
}

static void test_config_json__odd_file_names_stay_valid_json(void **state)
{
	struct config_fixture *f = *state;
	char path[128], buf[1024], expected[128];

	(void)snprintf(path, sizeof(path), "%s/\"\n\xff\xc3\xa4\\\x7f", f->dir);
	(void)snprintf(expected, sizeof(expected),
		       "\"%s/\\\"\\u000a\\ufffd\xc3\xa4\\\\\\u007f\"", f->dir);
	cf_write(path, "k");
	cf_set(f, "kernel", path);
	cf_assert_good(f);
	assert_true(vmoon_config_to_json(f->cfg, buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, expected));
	assert_int_equal(unlink(path), 0);
}

static void test_config_json__a_short_buffer_gets_a_beginning(void **state)
{
	struct config_fixture *f = *state;
	char whole[1024], part[1024];
	size_t need;

	cf_assert_good(f);
	need = vmoon_config_to_json(f->cfg, whole, sizeof(whole));
	assert_int_equal(need, strlen(whole));
	assert_int_equal(vmoon_config_to_json(f->cfg, NULL, 0), need);
	for (size_t cap = 1; cap <= need + 1; cap++) {
		memset(part, '#', sizeof(part));
		assert_int_equal(vmoon_config_to_json(f->cfg, part, cap), need);
		assert_int_equal(strlen(part), cap - 1);
		assert_memory_equal(part, whole, cap - 1);
		assert_int_equal(part[cap], '#');
	}
}

static void test_config_json__nothing_comes_out_unchecked(void **state)
{
	struct config_fixture *f = *state;
	char buf[16] = "before";

	assert_int_equal(vmoon_config_to_json(f->cfg, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "");
	cf_assert_good(f);
	assert_true(vmoon_config_to_json(f->cfg, NULL, 0) > 0);
	cf_set_int(f, "cpus", 99);
	assert_int_equal(vmoon_config_to_json(f->cfg, NULL, 0), 0);
	assert_int_equal(vmoon_config_check(f->cfg, NULL), VMOON_E_CONFIG);
	assert_int_equal(vmoon_config_to_json(f->cfg, NULL, 0), 0);
	assert_int_equal(vmoon_config_to_json(NULL, NULL, 0), 0);
}

static const struct CMUnitTest tests[] = {
	cf_test(test_config_json__defaults_are_filled_in),
	cf_test(test_config_json__keys_keep_the_order_of_the_schema),
	cf_test(test_config_json__sizes_come_out_in_one_spelling),
	cf_test(test_config_json__odd_file_names_stay_valid_json),
	cf_test(test_config_json__a_short_buffer_gets_a_beginning),
	cf_test(test_config_json__nothing_comes_out_unchecked),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
