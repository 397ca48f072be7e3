/* SPDX-License-Identifier: MIT */
/* test_config_schema.c - the schema agrees with itself. */
#include "config.h"

#include "hv.h"
#include "tests/support/config_fixture.h"

static const char *type_name(enum vmoon_config_type type)
{
	switch (type) {
	case VMOON_TYPE_NAME: return "string";
	case VMOON_TYPE_LINE: return "string";
	case VMOON_TYPE_ID: return "string";
	case VMOON_TYPE_PATH:
	case VMOON_TYPE_IMAGE: return "path";
	case VMOON_TYPE_COUNT: return "integer";
	case VMOON_TYPE_SIZE: return "size";
	case VMOON_TYPE_RATE: return "rate";
	case VMOON_TYPE_OPS: return "ops";
	case VMOON_TYPE_SECONDS: return "seconds";
	case VMOON_TYPE_SINK: return "sink";
	case VMOON_TYPE_FUNCTION: return "function";
	case VMOON_TYPE_DEVICE: return "device";
	case VMOON_TYPE_CHOICE: return "choice";
	case VMOON_TYPE_ADDRESS: return "address";
	case VMOON_TYPE_BOOLEAN: return "boolean";
	case VMOON_TYPE_TABLE: return "table";
	case VMOON_TYPE_LIST: return "list";
	case VMOON_TYPE_PARAMS: return "params";
	}
	return "";
}

static void assert_complete(const struct vmoon_config_schema *schema,
			    const char *path)
{
	assert_true(schema->count > 0);
	for (size_t i = 0; i < schema->count; i++) {
		const struct vmoon_config_row *row = &schema->rows[i];
		const struct vmoon_config_key *key =
			vmoon_config_field(path, i);
		size_t name_len = strlen(key->name), doc_len;

		assert_ptr_equal(key, &row->key);
		assert_string_equal(key->type, type_name(row->type));
		assert_int_equal(strncmp(key->example, key->name, name_len), 0);
		assert_non_null(key->default_text);
		assert_non_null(key->since);
		doc_len = strlen(key->doc);
		assert_int_equal(key->doc[doc_len - 1], '.');
		assert_int_equal(row->type == VMOON_TYPE_CHOICE,
				 key->choices[0] != '\0');
		assert_false(key->is_required && key->default_text[0] != '\0');
		if (row->type == VMOON_TYPE_TABLE ||
		    row->type == VMOON_TYPE_LIST)
			assert_non_null(row->fields);
	}
	assert_null(vmoon_config_field(path, schema->count));
	assert_null(vmoon_config_field(path, SIZE_MAX));
}

/* A table and all within; recursion ends with the schema. */
static void assert_all_complete(const struct vmoon_config_schema *schema,
				const char *path)
{
	char inner[96];

	assert_complete(schema, path);
	for (size_t i = 0; i < schema->count; i++) {
		if (schema->rows[i].fields == NULL)
			continue;
		(void)snprintf(inner, sizeof(inner), "%s%s%s", path,
			       path[0] == '\0' ? "" : ".",
			       schema->rows[i].key.name);
		assert_all_complete(schema->rows[i].fields, inner);
	}
}

static void test_config_schema__every_row_is_complete(void **state)
{
	const struct vmoon_config_schema *schema = vmoon_config_schema();

	(void)state;
	assert_int_equal(schema->count, VMOON_KEY_COUNT);
	assert_all_complete(schema, "");
	assert_ptr_equal(vmoon_config_key(1), vmoon_config_field("", 1));
	assert_null(vmoon_config_key(VMOON_KEY_COUNT));
}

static void test_config_schema__only_tables_have_fields(void **state)
{
	static const char *const none[] = {"cpus",  "kernel.flat", "kernel.x",
					   "kerne", "kernell",     ".",
					   "x.y"};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(none); i++)
		assert_null(vmoon_config_field(none[i], 0));
	assert_null(vmoon_config_field(NULL, 0));
	assert_string_equal(vmoon_config_field("kernel", 1)->name, "at");
}

static void test_config_schema__every_default_passes_its_own_check(void **state)
{
	struct config_fixture *f = *state;
	char before[1024], after[1024];

	cf_assert_good(f);
	assert_true(vmoon_config_to_json(f->cfg, before, sizeof(before)) > 0);
	for (size_t i = 0; i < VMOON_KEY_COUNT; i++) {
		const struct vmoon_config_key *key = vmoon_config_key(i);

		if (key->default_text[0] == '\0')
			continue;
		if (strcmp(key->type, "integer") == 0)
			cf_set_int(f, key->name, atoi(key->default_text));
		else
			cf_set(f, key->name, key->default_text);
	}
	cf_assert_good(f);
	assert_true(vmoon_config_to_json(f->cfg, after, sizeof(after)) > 0);
	assert_string_equal(before, after);
}

static void test_config_schema__every_choice_passes(void **state)
{
	struct config_fixture *f = *state;

	for (size_t i = 0; i < VMOON_KEY_COUNT; i++) {
		const struct vmoon_config_key *key = vmoon_config_key(i);
		const char *word;
		size_t len;

		for (size_t n = 0; (word = vmoon_config_choice(key->choices, n,
							       &len)) != NULL;
		     n++) {
			assert_ok(vmoon_config_set_str(f->cfg, key->name, word,
						       len, &f->err),
				  &f->err);
			cf_assert_good(f);
		}
	}
}

/* A rule names rows of its own table, and the one at fault among them. */
static void assert_rules(const struct vmoon_config_schema *schema)
{
	const struct vmoon_config_rule *rule = schema->rules;

	assert_true(schema->count <= 64);
	for (; rule != NULL && rule->holds != NULL; rule++) {
		assert_true(rule->row < schema->count);
		assert_true(rule->uses >> rule->row & 1u);
		assert_true(schema->count == 64 ||
			    rule->uses >> schema->count == 0);
	}
	for (size_t i = 0; i < schema->count; i++)
		if (schema->rows[i].fields != NULL)
			assert_rules(schema->rows[i].fields);
}

static void test_config_schema__rules_use_what_they_blame(void **state)
{
	(void)state;
	assert_rules(vmoon_config_schema());
	assert_rules(vmoon_config_serial_schema());
	assert_non_null(vmoon_config_output_schema.rules);
}

static void test_config_schema__the_numbers_in_the_words_are_right(void **state)
{
	(void)state;
	assert_int_equal(VMOON_CPUS_MAX, 64);
	assert_non_null(strstr(vmoon_config_key(VMOON_KEY_CPUS)->doc, "64"));
	assert_int_equal(vmoon_config_schema()->rows[VMOON_KEY_CMDLINE].max,
			 65535);
	assert_string_equal(vmoon_config_key(VMOON_KEY_CMDLINE)->default_text,
			    "console=ttyS0");
}

static void assert_foreign(const struct vmoon_config_schema *schema,
			   const struct vmoon_config_alias *a)
{
	for (; a != NULL && a->word != NULL; a++) {
		assert_null(vmoon_config_find_row(schema, a->word));
		assert_null(vmoon_config_find_later(schema, a->word));
	}
}

/* Of a table and all within; recursion ends with the schema. */
static void assert_words(const struct vmoon_config_schema *schema)
{
	for (size_t i = 0; i < schema->count; i++) {
		assert_foreign(schema, schema->rows[i].aliases);
		if (schema->rows[i].fields != NULL)
			assert_words(schema->rows[i].fields);
	}
}

static void test_config_schema__no_foreign_word_is_one_of_ours(void **state)
{
	const struct vmoon_config_schema *schema = vmoon_config_schema();

	(void)state;
	assert_words(schema);
	for (const struct vmoon_config_later *l = schema->later;
	     l->name != NULL; l++) {
		assert_non_null(l->hint);
		assert_foreign(schema, l->aliases);
		assert_null(vmoon_config_find_row(schema, l->name));
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_config_schema__every_row_is_complete),
	cmocka_unit_test(test_config_schema__only_tables_have_fields),
	cf_test(test_config_schema__every_default_passes_its_own_check),
	cf_test(test_config_schema__every_choice_passes),
	cmocka_unit_test(test_config_schema__rules_use_what_they_blame),
	cmocka_unit_test(
		test_config_schema__the_numbers_in_the_words_are_right),
	cmocka_unit_test(test_config_schema__no_foreign_word_is_one_of_ours),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
