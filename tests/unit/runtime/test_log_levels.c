/* SPDX-License-Identifier: MIT */
/* test_log_levels.c - mirrors runtime/log_levels.c. */
#include "runtime/vm_log.h"
#include "tests/support/fixture.h"

#include <string.h>

struct parsed {
	struct vmoon_log_levels levels;
	char message[512], hint[512];
	bool is_good;
};

/* From all INFO. */
static struct parsed parse(const char *text, bool has_all)
{
	struct vmoon_config_report r;
	struct parsed p;

	vmoon_text_init(&r.message, p.message, sizeof(p.message));
	vmoon_text_init(&r.hint, p.hint, sizeof(p.hint));
	vmoon_log_levels_fill(&p.levels, VMOON_LOG_INFO);
	p.is_good = vmoon_log_levels_parse(text, has_all, &p.levels, &r);
	return p;
}

static unsigned level_of(const struct parsed *p, const char *module)
{
	return p->levels.of[vmoon_log_module(module)];
}

static void test_log_levels__each_module_has_its_own(void **state)
{
	const struct parsed p = parse("output=debug, ports = error", false);

	(void)state;
	assert_true(p.is_good);
	assert_int_equal(level_of(&p, "output"), VMOON_LOG_DEBUG);
	assert_int_equal(level_of(&p, "ports"), VMOON_LOG_ERROR);
	assert_int_equal(level_of(&p, "mmio"), VMOON_LOG_INFO);
}

static void test_log_levels__one_for_all_comes_first(void **state)
{
	struct parsed p = parse("warn,vm=debug", true);

	(void)state;
	assert_true(p.is_good);
	assert_int_equal(level_of(&p, "vm"), VMOON_LOG_DEBUG);
	assert_int_equal(level_of(&p, "mmio"), VMOON_LOG_WARN);
	p = parse("debug", true);
	assert_true(p.is_good);
	assert_int_equal(level_of(&p, "worker"), VMOON_LOG_DEBUG);
}

static void test_log_levels__a_stranger_is_a_device(void **state)
{
	const struct parsed p = parse("device=error", false);

	(void)state;
	assert_int_equal(level_of(&p, "my-counter"), VMOON_LOG_ERROR);
	assert_int_equal(vmoon_log_module("out"), vmoon_log_module("device"));
	assert_int_equal(vmoon_log_module(""), vmoon_log_module("device"));
	assert_true(vmoon_log_module("worker") < VMOON_LOG_MODULES_MAX);
}

static void test_log_levels__what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *message, *hint;
		bool has_all;
	} bad[] = {
		{"outptu=debug", "there is no module \"outptu\"",
		 "did you mean \"output\"?", false},
		{"ports=dbug", "there is no log level \"dbug\"",
		 "did you mean \"debug\"?", false},
		{"vm=everything", "there is no log level \"everything\"",
		 "there are error, warn, info, debug", false},
		{"kernel=info", "there is no module \"kernel\"",
		 "there are acpi-pm, debug-exit, device, i8042, mmio, output, "
		 "ports, pvpanic, rtc, serial0, vm, worker",
		 false},
		{"debug", "expected MODULE=LEVEL, got \"debug\"",
		 "for example: \"output=debug,ports=error\"", false},
		{"vm=info,debug", "expected MODULE=LEVEL, got \"debug\"",
		 "for example: \"output=debug,ports=error\"", true},
		{"", "expected MODULE=LEVEL, got \"\"",
		 "for example: \"output=debug,ports=error\"", true},
		{"vm=info,", "expected MODULE=LEVEL, got \"\"",
		 "for example: \"output=debug,ports=error\"", true},
		{"vm=", "expected MODULE=LEVEL, got \"vm=\"",
		 "for example: \"output=debug,ports=error\"", true},
		{"=info", "expected MODULE=LEVEL, got \"=info\"",
		 "for example: \"output=debug,ports=error\"", true},
		{"vm=debug,vm=info", "\"vm\" has a level already", "", false},
		{"\x1b[1m", "there is no log level \"\\x1b[1m\"",
		 "there are error, warn, info, debug", true},
	};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		const struct parsed p = parse(bad[i].text, bad[i].has_all);

		assert_false(p.is_good);
		assert_string_equal(p.message, bad[i].message);
		assert_string_equal(p.hint, bad[i].hint);
		/* What was good before the mistake is not taken either. */
		assert_int_equal(level_of(&p, "vm"), VMOON_LOG_INFO);
	}
}

static void test_log_levels__a_word_of_any_length_is_refused(void **state)
{
	char text[512];

	(void)state;
	for (size_t n = 30; n < sizeof(text) - 6; n += 7) {
		memset(text, 'v', n);
		memcpy(text + n, "=info", 6);
		assert_false(parse(text, true).is_good);
		text[n] = '\0';
		assert_false(parse(text, true).is_good);
	}
}

static void test_log_levels__names_of_levels(void **state)
{
	(void)state;
	assert_string_equal(vmoon_log_level_name(VMOON_LOG_ERROR), "error");
	assert_string_equal(vmoon_log_level_name(VMOON_LOG_WARN), "warn");
	assert_string_equal(vmoon_log_level_name(VMOON_LOG_INFO), "info");
	assert_string_equal(vmoon_log_level_name(VMOON_LOG_DEBUG), "debug");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_levels__each_module_has_its_own),
		cmocka_unit_test(test_log_levels__one_for_all_comes_first),
		cmocka_unit_test(test_log_levels__a_stranger_is_a_device),
		cmocka_unit_test(test_log_levels__what_is_wrong_is_named),
		cmocka_unit_test(
			test_log_levels__a_word_of_any_length_is_refused),
		cmocka_unit_test(test_log_levels__names_of_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
