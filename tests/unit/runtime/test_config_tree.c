/* SPDX-License-Identifier: MIT */
/* test_config_tree.c - setters take any value, within two bounds. */
#include "config.h"

#include "tests/support/config_fixture.h"

static void assert_refused(struct config_fixture *f, const char *path,
			   const char *message)
{
	size_t before = f->cfg->node_count;

	assert_int_equal(vmoon_config_set_int(f->cfg, path, 1, &f->err),
			 VMOON_E_INVAL);
	assert_string_equal(f->err.msg, message);
	assert_int_equal(f->cfg->node_count, before);
	cf_assert_good(f);
}

static void test_config_tree__a_malformed_path_changes_nothing(void **state)
{
	static const char *const bad[] = {"",     ".",    "a.",   ".a",
					  "a..b", "a.b.", "a.\0b"};
	struct config_fixture *f = *state;
	char message[128];

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		(void)snprintf(message, sizeof(message),
			       "config path \"%s\": a key is empty; join keys "
			       "with single dots, as in disks.2.path",
			       bad[i]);
		assert_refused(f, bad[i], message);
	}
}

static void test_config_tree__list_items_count_from_one(void **state)
{
	static const char *const bad[] = {"disks.0.x", "disks.01", "0", "00"};
	struct config_fixture *f = *state;
	char message[128];

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		(void)snprintf(message, sizeof(message),
			       "config path \"%s\": list items count from 1, "
			       "without leading zeros",
			       bad[i]);
		assert_refused(f, bad[i], message);
	}
}

static void test_config_tree__a_huge_item_number_is_refused(void **state)
{
	struct config_fixture *f = *state;

	assert_refused(f, "disks.99999999999.x",
		       "config path \"disks.99999999999.x\": a list has at "
		       "most 4096 items");
	assert_refused(f, "a.4097",
		       "config path \"a.4097\": a list has at most 4096 items");
	assert_refused(f, "a.184467440737095516170000000000000000000000001",
		       "config path \"a.184467440737095516170000000000000000000"
		       "000001\": a list has at most 4096 items");
	cf_set_int(f, "a.4096", 1);
}

static void test_config_tree__eight_keys_deep_and_no_deeper(void **state)
{
	struct config_fixture *f = *state;

	assert_refused(f, "a.b.c.d.e.f.g.h.i",
		       "config path \"a.b.c.d.e.f.g.h.i\": more than 8 keys "
		       "deep");
	cf_set_int(f, "a.b.c.d.e.f.g.h", 1);
	assert_int_equal(f->cfg->node_count, 9);
}

static void test_config_tree__a_tree_is_bounded(void **state)
{
	struct config_fixture *f = *state;
	char path[64];

	for (int i = 1; i <= VMOON_CONFIG_NODES_MAX - 3; i++) {
		(void)snprintf(path, sizeof(path), "boot.%d", i);
		cf_set_int(f, path, i);
	}
	assert_int_equal(f->cfg->node_count, VMOON_CONFIG_NODES_MAX - 1);
	/* Two more do not fit, and then not half of them either. */
	assert_int_equal(vmoon_config_set_int(f->cfg, "x.y", 1, &f->err),
			 VMOON_E_INVAL);
	assert_string_equal(f->err.msg, "config path \"x.y\": a config holds "
					"at most 4096 values");
	assert_null(vmoon_config_child(&f->cfg->root, "x"));
	cf_set_int(f, "cpus", 2);
	assert_int_equal(vmoon_config_set_int(f->cfg, "y", 1, &f->err),
			 VMOON_E_INVAL);
	cf_set_int(f, "cpus", 3);
	/* Replacing a table gives its nodes back. */
	cf_set(f, "boot", "pvh");
	assert_int_equal(f->cfg->node_count, 3);
	cf_assert_good(f);
}

static void test_config_tree__a_value_replaces_what_was_there(void **state)
{
	struct config_fixture *f = *state;
	const struct vmoon_config_node *n;

	cf_set(f, "a.b", "long enough to be allocated");
	cf_set_int(f, "a.b", 7);
	n = vmoon_config_child(vmoon_config_child(&f->cfg->root, "a"), "b");
	assert_int_equal(n->kind, VMOON_CONFIG_INTEGER);
	assert_int_equal(n->integer, 7);
	assert_null(n->text);
	cf_set(f, "a.b.c.d", "x");
	assert_int_equal(n->kind, VMOON_CONFIG_TABLE);
	assert_int_equal(f->cfg->node_count, 5);
	assert_ok(vmoon_config_set_table(f->cfg, "a", &f->err), &f->err);
	assert_int_equal(f->cfg->node_count, 2);
}

static void test_config_tree__a_prefix_of_a_key_is_another_key(void **state)
{
	struct config_fixture *f = *state;

	cf_set_int(f, "abc", 1);
	cf_set_int(f, "ab", 2);
	cf_set_int(f, "abcd", 3);
	cf_set_int(f, "abc", 4);
	assert_int_equal(f->cfg->node_count, 4);
	assert_int_equal(vmoon_config_child(&f->cfg->root, "abc")->integer, 4);
	assert_int_equal(vmoon_config_child(&f->cfg->root, "ab")->integer, 2);
}

static void test_config_tree__strings_are_copied_with_any_bytes(void **state)
{
	struct config_fixture *f = *state;
	char value[4] = {'a', '\0', '\xff', 'b'};
	const struct vmoon_config_node *n;

	assert_ok(vmoon_config_set_str(f->cfg, "x", value, 4, &f->err),
		  &f->err);
	value[0] = 'z';
	n = vmoon_config_child(&f->cfg->root, "x");
	assert_int_equal(n->len, 4);
	assert_memory_equal(n->text,
			    "a\0\xff"
			    "b",
			    5);
}

static void test_config_tree__a_value_may_come_from_a_problem(void **state)
{
	struct config_fixture *f = *state;
	const struct vmoon_problem *p;

	cf_set_int(f, "cpus", 0);
	cf_assert_only(f, "cpus", "0 is out of range 1..64", NULL);
	p = vmoon_config_problem(f->cfg, 0);
	/* Both strings die with the check that this very call forgets. */
	assert_ok(vmoon_config_set_other(f->cfg, p->path, p->message, &f->err),
		  &f->err);
	cf_assert_only(f, "cpus",
		       "expected an integer, got 0 is out of range 1..64",
		       "for example: cpus = 2");
}

static void test_config_tree__null_is_refused(void **state)
{
	struct config_fixture *f = *state;

	assert_int_equal(vmoon_config_set_int(NULL, "cpus", 1, &f->err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_config_set_bool(f->cfg, NULL, true, &f->err),
			 VMOON_E_INVAL);
	assert_string_equal(f->err.msg, "setting a config value needs a config "
					"and a path, got NULL");
	assert_int_equal(vmoon_config_set_str(f->cfg, "name", NULL, 3, &f->err),
			 VMOON_E_INVAL);
	assert_string_equal(f->err.msg,
			    "config string is NULL, but 3 bytes long");
	assert_int_equal(vmoon_config_set_other(f->cfg, "a", NULL, &f->err),
			 VMOON_E_INVAL);
	assert_string_equal(f->err.msg,
			    "a config value needs a description, got NULL");
	assert_int_equal(vmoon_config_set_str(f->cfg, "a", "", SIZE_MAX, NULL),
			 VMOON_E_NOMEM);
	cf_assert_good(f);
	assert_ok(vmoon_config_set_str(f->cfg, "cmdline", NULL, 0, &f->err),
		  &f->err);
	cf_assert_good(f);
}

static const struct CMUnitTest tests[] = {
	cf_test(test_config_tree__a_malformed_path_changes_nothing),
	cf_test(test_config_tree__list_items_count_from_one),
	cf_test(test_config_tree__a_huge_item_number_is_refused),
	cf_test(test_config_tree__eight_keys_deep_and_no_deeper),
	cf_test(test_config_tree__a_tree_is_bounded),
	cf_test(test_config_tree__a_value_replaces_what_was_there),
	cf_test(test_config_tree__a_prefix_of_a_key_is_another_key),
	cf_test(test_config_tree__strings_are_copied_with_any_bytes),
	cf_test(test_config_tree__a_value_may_come_from_a_problem),
	cf_test(test_config_tree__null_is_refused),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
