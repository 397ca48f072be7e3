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
	case VMOON_TYPE_PATH: return "path";
	case VMOON_TYPE_COUNT: return "integer";
	case VMOON_TYPE_SIZE: return "size";
	case VMOON_TYPE_CHOICE: return "choice";
	}
	return "";
}

static void test_config_schema__every_row_is_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_KEY_COUNT; i++) {
		const struct vmoon_config_row *row = vmoon_config_row(i);
		const struct vmoon_config_key *key = vmoon_config_key(i);
		size_t name_len = strlen(key->name), doc_len;

		assert_ptr_equal(key, &row->key);
		assert_string_equal(key->type, type_name(row->type));
		assert_int_equal(strncmp(row->example, key->name, name_len), 0);
		assert_non_null(key->default_text);
		assert_non_null(row->since);
		doc_len = strlen(key->doc);
		assert_int_equal(key->doc[doc_len - 1], '.');
		assert_int_equal(row->type == VMOON_TYPE_CHOICE,
				 key->choices[0] != '\0');
		assert_false(key->is_required && key->default_text[0] != '\0');
	}
	assert_null(vmoon_config_key(VMOON_KEY_COUNT));
	assert_null(vmoon_config_key(SIZE_MAX));
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

static void test_config_schema__the_numbers_in_the_words_are_right(void **state)
{
	(void)state;
	assert_int_equal(VMOON_CPUS_MAX, 64);
	assert_non_null(strstr(vmoon_config_key(VMOON_KEY_CPUS)->doc, "64"));
	assert_int_equal(vmoon_config_row(VMOON_KEY_CMDLINE)->max, 65535);
	assert_string_equal(vmoon_config_key(VMOON_KEY_CMDLINE)->default_text,
			    "console=ttyS0");
}

static bool is_our_word(const char *word)
{
	const struct vmoon_config_later *l = vmoon_config_later_table();

	for (size_t i = 0; i < VMOON_KEY_COUNT; i++)
		if (strcmp(vmoon_config_key(i)->name, word) == 0)
			return true;
	for (; l->name != NULL; l++)
		if (strcmp(l->name, word) == 0)
			return true;
	return false;
}

static void test_config_schema__no_foreign_word_is_one_of_ours(void **state)
{
	const struct vmoon_config_later *l = vmoon_config_later_table();
	const struct vmoon_config_alias *a;

	(void)state;
	for (size_t i = 0; i < VMOON_KEY_COUNT; i++)
		for (a = vmoon_config_row(i)->aliases;
		     a != NULL && a->word != NULL; a++)
			assert_false(is_our_word(a->word));
	for (; l->name != NULL; l++) {
		assert_non_null(l->hint);
		for (a = l->aliases; a != NULL && a->word != NULL; a++)
			assert_false(is_our_word(a->word));
		for (size_t i = 0; i < VMOON_KEY_COUNT; i++)
			assert_string_not_equal(l->name,
						vmoon_config_key(i)->name);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_config_schema__every_row_is_complete),
	cf_test(test_config_schema__every_default_passes_its_own_check),
	cf_test(test_config_schema__every_choice_passes),
	cmocka_unit_test(
		test_config_schema__the_numbers_in_the_words_are_right),
	cmocka_unit_test(test_config_schema__no_foreign_word_is_one_of_ours),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
