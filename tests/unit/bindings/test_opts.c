/* SPDX-License-Identifier: MIT */
/* test_opts.c - the command line of `vmoon`. */
/* The source itself: only the command links the files of cli/. */
#include "bindings/cli/opts.c"

#include <string.h>

#include "tests/support/fixture.h"

enum { WORDS_MAX = 8 };

/* Parses words, ended by NULL; the words stay valid in argv. */
static bool parse(char *argv[WORDS_MAX], const char *const *words,
		  struct vmoon_cli_opts *out)
{
	static char empty[] = "vmoon";
	int argc = 1;

	argv[0] = empty;
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1]; /* as main's */
	argv[argc] = NULL;
	return vmoon_cli_parse(argc, argv, out);
}

static void test_opts__run_takes_one_file_and_the_rest(void **state)
{
	const char *const words[] = {"run", "a.lua", "--timeout", "2.5",
				     "--",  "-x",    NULL};
	char *argv[WORDS_MAX];
	struct vmoon_cli_opts opts;

	(void)state;
	assert_true(parse(argv, words, &opts));
	assert_int_equal(opts.command, VMOON_CLI_RUN);
	assert_int_equal(opts.file_count, 1);
	assert_string_equal(opts.files[0], "a.lua");
	assert_true(opts.timeout_s > 2.4 && opts.timeout_s < 2.6);
	assert_int_equal(opts.rest_count, 1);
	assert_string_equal(opts.rest[0], "-x");
}

static void test_opts__options_may_stand_before_and_behind(void **state)
{
	const char *const words[] = {"export", "--json", "a.lua", NULL};
	const char *const other[] = {"export", "a.lua", "--json", NULL};
	char *argv[WORDS_MAX];
	struct vmoon_cli_opts opts;

	(void)state;
	assert_true(parse(argv, words, &opts));
	assert_true(opts.wants_json);
	assert_string_equal(opts.files[0], "a.lua");
	assert_true(parse(argv, other, &opts));
	assert_true(opts.wants_json);
	assert_string_equal(opts.files[0], "a.lua");
}

static void test_opts__api_takes_a_format(void **state)
{
	const char *const man[] = {"api", "--man", "vmoon.1", NULL};
	const char *const luals[] = {"api", "--luals", NULL};
	const char *const device[] = {"api", "--device", "--luals", NULL};
	const char *const file[] = {"api", "--json", "a.lua", NULL};
	const char *const none[] = {"api", "--man", NULL};
	char *argv[WORDS_MAX];
	struct vmoon_cli_opts opts;

	(void)state;
	assert_true(parse(argv, man, &opts));
	assert_int_equal(opts.command, VMOON_CLI_API);
	assert_string_equal(opts.man_page, "vmoon.1");
	assert_false(opts.wants_luals);
	assert_true(parse(argv, luals, &opts));
	assert_true(opts.wants_luals);
	assert_null(opts.man_page);
	assert_false(opts.wants_device);
	assert_true(parse(argv, device, &opts));
	assert_true(opts.wants_device && opts.wants_luals);
	assert_false(parse(argv, file, &opts));
	assert_false(parse(argv, none, &opts));
	assert_string_equal(opts.problem, "--man needs PAGE");
}

static void test_opts__check_takes_many_files(void **state)
{
	const char *const words[] = {"check", "a", "b", "c", NULL};
	char *argv[WORDS_MAX];
	struct vmoon_cli_opts opts;

	(void)state;
	assert_true(parse(argv, words, &opts));
	assert_int_equal(opts.file_count, 3);
	assert_string_equal(opts.files[2], "c");
}

static void test_opts__no_words_is_a_mistake(void **state)
{
	const char *const words[] = {NULL};
	char *argv[WORDS_MAX];
	struct vmoon_cli_opts opts;

	(void)state;
	assert_false(parse(argv, words, &opts));
	assert_non_null(strstr(opts.problem, "a command is missing"));
}

static void test_opts__mistakes_are_named(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *problem;
	} cases[] = {
		{{"fly", NULL}, "no command \"fly\"; `vmoon help`"},
		{{"rnu", NULL}, "no command \"rnu\" (did you mean \"run\"?); "},
		{{"run", NULL}, "usage: vmoon run FILE"},
		{{"run", "a", "b", NULL}, "usage: vmoon run FILE"},
		{{"run", "--jsn", "a", NULL}, "has no option --jsn"},
		{{"run", "--json", "a", NULL}, "has no option --json"},
		{{"run", "--help=x", "a", NULL}, "has no option --help=x"},
		{{"run", "a", "--timeout", NULL}, "--timeout needs SECONDS"},
		{{"run", "a", "--timeout=0", NULL}, "a number of seconds"},
		{{"run", "a", "--timeout=nan", NULL}, "a number of seconds"},
		{{"run", "a", "--timeout=1s", NULL}, "a number of seconds"},
		{{"check", "a", "--", "b", NULL}, "usage: vmoon check"},
		{{"version", "a", NULL},
		 "vmoon version takes options only, got \"a\""},
	};
	char *argv[WORDS_MAX];
	struct vmoon_cli_opts opts;

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(cases); i++) {
		assert_false(parse(argv, cases[i].words, &opts));
		if (strstr(opts.problem, cases[i].problem) == NULL)
			fail_msg("case %zu: \"%s\"", i, opts.problem);
	}
}

static void test_opts__help_needs_no_file(void **state)
{
	const char *const words[] = {"run", "--help", NULL};
	const char *const other[] = {"-h", NULL};
	char *argv[WORDS_MAX];
	struct vmoon_cli_opts opts;

	(void)state;
	assert_true(parse(argv, words, &opts));
	assert_true(opts.wants_help);
	assert_true(parse(argv, other, &opts));
	assert_int_equal(opts.command, VMOON_CLI_HELP);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_opts__run_takes_one_file_and_the_rest),
	cmocka_unit_test(test_opts__options_may_stand_before_and_behind),
	cmocka_unit_test(test_opts__api_takes_a_format),
	cmocka_unit_test(test_opts__check_takes_many_files),
	cmocka_unit_test(test_opts__no_words_is_a_mistake),
	cmocka_unit_test(test_opts__mistakes_are_named),
	cmocka_unit_test(test_opts__help_needs_no_file),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
