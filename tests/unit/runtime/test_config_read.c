/* SPDX-License-Identifier: MIT */
/* test_config_read.c - JSON becomes a config, within bounds, or an error. */
#include "config.h"

#include "tests/support/config_fixture.h"
#include "tests/support/disk_schema.h"

static struct disk_schema disks;

static void assert_refused(const char *text, size_t len, const char *message)
{
	struct vmoon_config *cfg = NULL;
	struct vmoon_error err;

	assert_int_equal(vmoon_config_from_json(NULL, text, len, &cfg, &err),
			 VMOON_E_CONFIG);
	assert_null(cfg);
	assert_string_equal(err.msg, message);
}

/* The fixture's config, read again from text for a schema with disks. */
static void read_disks(struct config_fixture *f, const char *text)
{
	vmoon_config_destroy(f->cfg);
	disk_schema_init(&disks);
	assert_ok(
		vmoon_config_create_for(&disks.schema, NULL, &f->cfg, &f->err),
		&f->err);
	assert_ok(vmoon_config_read_json(f->cfg, text, strlen(text), &f->err),
		  &f->err);
}

static void test_config_read__a_mistake_has_its_place(void **state)
{
	struct vmoon_config *cfg;
	struct vmoon_error err;

	(void)state;
	assert_int_equal(
		vmoon_config_from_json(NULL, "{\n  \"a\": }", 10, &cfg, &err),
		VMOON_E_CONFIG);
	assert_int_equal(strncmp(err.where, "JSON:2:", 7), 0);
	assert_int_equal(strncmp(err.msg, err.where, strlen(err.where)), 0);
	assert_int_equal(err.where[strlen(err.where) - 1], '8');
}

static void test_config_read__every_kind_of_value_arrives(void **state)
{
	static const char text[] =
		"\t{ \"name\": \"w\\u0065b\", \"cpus\": 9223372036854775807,\n "
		"\"a\": [true, false, -1, {\"x\": []}], \"m\": 1.5, \"n\": "
		"null, \"z\": \"a\\u0000b\"}\r\n";
	struct config_fixture *f = *state;
	const struct vmoon_config_node *root, *n;
	struct vmoon_config *cfg;

	assert_ok(vmoon_config_from_json(NULL, text, sizeof(text) - 1, &cfg,
					 &f->err),
		  &f->err);
	root = &cfg->root;
	assert_string_equal(vmoon_config_child(root, "name")->text, "web");
	assert_true(vmoon_config_child(root, "cpus")->integer == INT64_MAX);
	n = vmoon_config_child(root, "a");
	assert_int_equal(n->kind, VMOON_CONFIG_TABLE);
	assert_true(vmoon_config_child(n, "1")->boolean);
	assert_false(vmoon_config_child(n, "2")->boolean);
	assert_int_equal(vmoon_config_child(n, "3")->integer, -1);
	n = vmoon_config_child(vmoon_config_child(n, "4"), "x");
	assert_int_equal(n->kind, VMOON_CONFIG_TABLE);
	assert_null(n->first);
	assert_string_equal(vmoon_config_child(root, "m")->text, "number 1.5");
	assert_string_equal(vmoon_config_child(root, "n")->text, "null");
	assert_int_equal(vmoon_config_child(root, "z")->len, 3);
	assert_int_equal(cfg->node_count, 11);
	vmoon_config_destroy(cfg);
}

static void test_config_read__mistakes_carry_their_path(void **state)
{
	struct config_fixture *f = *state;

	read_disks(f,
		   "{\"disks\": [{\"path\": null}, {\"readonly\": 1.5},\"x\"], "
		   "\"kernel\": \"a\\u0000b\", \"a.b\": 1,\"\": 2, \"7\": 3}");
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	cf_assert_problem(f, 0, "", "unknown field \"\"",
			  "a field needs its name: kernel = \"bzImage\"");
	cf_assert_problem(f, 1, "7", "unknown field \"7\"",
			  "a field needs its name: kernel = \"bzImage\"");
	cf_assert_problem(f, 2, "a.b", "unknown field \"a.b\"", NULL);
	cf_assert_problem(f, 3, "kernel", "embedded zero byte at position 2",
			  "everything after it would be lost; remove it, or "
			  "see how the string was made");
	cf_assert_problem(f, 4, "disks.1.path", "expected a path, got null",
			  "for example: path = \"rootfs.img\"");
	cf_assert_problem(f, 5, "disks.2", "missing required field \"path\"",
			  "for example: path = \"rootfs.img\"");
	cf_assert_problem(f, 6, "disks.2.readonly",
			  "expected true or false, got number 1.5",
			  "for example: readonly = true");
	cf_assert_problem(f, 7, "disks.3", "expected a table, got string \"x\"",
			  "for example: disks = { { path = \"rootfs.img\" } }");
	assert_int_equal(vmoon_config_problem_count(f->cfg), 8);
}

/* No setter can make these keys, so only a reader shows what they do. */
static void test_config_read__an_object_is_no_list(void **state)
{
	static const char *const keys[] = {
		"0",    "01", "001", "3",  "99999",
		"4097", "",   "-1",  "1 ", "18446744073709551617"};
	struct config_fixture *f = *state;
	char text[512], path[64];

	for (size_t i = 0; i < VMOON_COUNTOF(keys); i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"kernel\":\"%s\",\"disks\":{\"1\":{"
			       "\"path\":\"%s\"},\"%s\":{\"path\":\"%s\"}}}",
			       f->kernel, f->kernel, keys[i], f->kernel);
		(void)snprintf(path, sizeof(path), "disks.%s", keys[i]);
		read_disks(f, text);
		assert_int_equal(vmoon_config_check(f->cfg, &f->err),
				 VMOON_E_CONFIG);
		assert_int_equal(vmoon_config_problem_count(f->cfg), 1);
		assert_string_equal(vmoon_config_problem(f->cfg, 0)->path,
				    path);
	}
}

static void test_config_read__a_syntax_error_has_its_place(void **state)
{
	static const char *const pairs[][2] = {
		{"", "JSON:1:1: unexpected token near end of file"},
		{"{", "JSON:1:1: string or '}' expected near end of file"},
		{"{\n  \"cpus\": 1,\n}",
		 "JSON:3:1: string or '}' expected near '}'"},
		{"{\"a\":1,\"a\":2}",
		 "JSON:1:8: duplicate object key near '\"a\"'"},
		{"{\"cpus\": 18446744073709551616}",
		 "JSON:1:10: too big integer near '18446744073709551616'"},
		{"{\"a\":\"\xff\"}",
		 "JSON:1:6: unable to decode byte 0xff near '\"'"},
		{"{} x", "JSON:1:4: end of file expected near 'x'"},
		{"[1]", "JSON:1:1: a VM is described by one object: { "
			"\"kernel\": \"bzImage\" }"},
		{"7", "JSON:1:1: a VM is described by one object: { "
		      "\"kernel\": \"bzImage\" }"},
		{"{\"a\\u0000\":1}", "JSON:1:2: NUL byte in object key not "
				     "supported near '\"a\\u0000\"'"},
	};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(pairs); i++)
		assert_refused(pairs[i][0], strlen(pairs[i][0]), pairs[i][1]);
}

static void test_config_read__control_bytes_stay_out_of_messages(void **state)
{
	struct vmoon_config *cfg;
	struct vmoon_error err;

	(void)state;
	assert_int_equal(vmoon_config_from_json(NULL, "{\"a\": \x1b[2J}", 12,
						&cfg, &err),
			 VMOON_E_CONFIG);
	assert_null(strchr(err.msg, '\x1b'));
}

static void test_config_read__eight_levels_and_no_deeper(void **state)
{
	struct config_fixture *f = *state;
	struct vmoon_config *cfg;
	const char *good = "{\"a\":[[[[[[[1]]]]]]],\"s\":\"[[[[[[[[[\"}";

	assert_ok(
		vmoon_config_from_json(NULL, good, strlen(good), &cfg, &f->err),
		&f->err);
	assert_int_equal(cfg->node_count, 9);
	vmoon_config_destroy(cfg);
	assert_refused("{\"a\":\n [[[[[[[[1]]]]]]]]}", 24,
		       "JSON:2:9: nested deeper than 8");
	assert_refused("]]}}[[[[[[[[[", 13, "JSON:1:13: nested deeper than 8");
}

static void test_config_read__values_are_counted_before_they_are_made(
	void **state)
{
	static char text[VMOON_CONFIG_JSON_MAX + 2];
	struct config_fixture *f = *state;
	struct vmoon_config *cfg;
	size_t len = 6;

	/* {"a":[1,1,...]}: 4095 items and the list itself. */
	memcpy(text, "{\"a\":[", len);
	for (int i = 0; i < VMOON_CONFIG_NODES_MAX - 1; i++) {
		text[len++] = '1';
		text[len++] = ',';
	}
	memcpy(text + len - 1, "]}", 2);
	assert_ok(vmoon_config_from_json(NULL, text, len + 1, &cfg, &f->err),
		  &f->err);
	assert_int_equal(cfg->node_count, VMOON_CONFIG_NODES_MAX);
	vmoon_config_destroy(cfg);
	memcpy(text + len - 1, ",1]}", 4);
	assert_refused(text, len + 3,
		       "JSON:1:8196: more values than the possible 4096");
	memset(text, ' ', sizeof(text));
	memcpy(text, "{}", 2);
	assert_ok(vmoon_config_from_json(NULL, text, VMOON_CONFIG_JSON_MAX,
					 &cfg, &f->err),
		  &f->err);
	vmoon_config_destroy(cfg);
	assert_refused(text, VMOON_CONFIG_JSON_MAX + 1,
		       "JSON:1:1: more bytes than the possible 1048576");
}

static void test_config_read__an_export_reads_back_the_same(void **state)
{
	struct config_fixture *f = *state;
	char text[1024], first[1024], second[1024];

	(void)snprintf(text, sizeof(text),
		       "{\"kernel\":{\"flat\":\"%s\",\"at\":4096},\"disks\":[{"
		       "\"path\":\"%s\",\"limit\":{\"burst\":\"1000K\"}},{"
		       "\"path\":\"%s\",\"readonly\":true}],\"memory\":"
		       "\"3072MiB\",\"cmdline\":\"a=\\\"\\\\ b\"}",
		       f->kernel, f->kernel, f->kernel);
	read_disks(f, text);
	cf_assert_good(f);
	assert_true(vmoon_config_to_json(f->cfg, first, sizeof(first)) > 0);
	read_disks(f, first);
	cf_assert_good(f);
	assert_true(vmoon_config_to_json(f->cfg, second, sizeof(second)) > 0);
	assert_string_equal(first, second);
	assert_non_null(strstr(first, "\"memory\":\"3G\""));
}

static void test_config_read__null_is_refused(void **state)
{
	struct vmoon_config *cfg;
	struct vmoon_error err;

	(void)state;
	assert_int_equal(vmoon_config_from_json(NULL, NULL, 0, &cfg, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_config_from_json(NULL, "{}", 2, NULL, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "reading JSON needs a text and a place "
				     "for the config, got NULL");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_config_read__a_mistake_has_its_place),
	cf_test(test_config_read__every_kind_of_value_arrives),
	cf_test(test_config_read__mistakes_carry_their_path),
	cf_test(test_config_read__an_object_is_no_list),
	cmocka_unit_test(test_config_read__a_syntax_error_has_its_place),
	cmocka_unit_test(test_config_read__control_bytes_stay_out_of_messages),
	cf_test(test_config_read__eight_levels_and_no_deeper),
	cf_test(test_config_read__values_are_counted_before_they_are_made),
	cf_test(test_config_read__an_export_reads_back_the_same),
	cmocka_unit_test(test_config_read__null_is_refused),
};

static void test_config_read__a_build_without_the_library_says_so(void **state)
{
	struct vmoon_config *cfg = NULL;
	struct vmoon_error err;

	(void)state;
	assert_int_equal(vmoon_config_from_json(NULL, "{}", 2, &cfg, &err),
			 VMOON_E_UNSUPPORTED);
	assert_string_equal(err.msg, "this build reads no JSON: it was made "
				     "without libjansson");
	assert_null(cfg);
}

static const struct CMUnitTest tests_without[] = {
	cmocka_unit_test(test_config_read__a_build_without_the_library_says_so),
};

int main(void)
{
	struct vmoon_config *cfg;
	enum vmoon_status st =
		vmoon_config_from_json(NULL, "{}", 2, &cfg, NULL);

	if (st == VMOON_OK)
		vmoon_config_destroy(cfg);
	return st == VMOON_E_UNSUPPORTED
		       ? cmocka_run_group_tests(tests_without, NULL, NULL)
		       : cmocka_run_group_tests(tests, NULL, NULL);
}
