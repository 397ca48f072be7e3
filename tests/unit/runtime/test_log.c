/* SPDX-License-Identifier: MIT */
/* test_log.c - mirrors runtime/log.c. */
#include "tests/support/fixture.h"
#include "vmoon/log.h"

#include <string.h>

struct seen {
	unsigned count;
	char line[600];
};

static void record(void *ctx, enum vmoon_log_level level, const char *module,
		   const char *msg, size_t len)
{
	struct seen *s = ctx;

	(void)level;
	(void)module;
	s->count++;
	memcpy(s->line, msg, len + 1);
}

static void test_log__control_characters_are_escaped(void **state)
{
	struct seen s = {0};
	struct vmoon_log log = {record, &s, VMOON_LOG_INFO};

	(void)state;
	vmoon_logf(&log, VMOON_LOG_WARN, "m", "a\nb\x1b[31m%c", 0x7f);
	assert_string_equal(s.line, "a\\x0ab\\x1b[31m\\x7f");
}

static void test_log__level_and_missing_sink_drop_lines(void **state)
{
	struct seen s = {0};
	struct vmoon_log log = {record, &s, VMOON_LOG_WARN};
	struct vmoon_log none = {NULL, NULL, VMOON_LOG_DEBUG};

	(void)state;
	vmoon_logf(&log, VMOON_LOG_INFO, "m", "x");
	vmoon_logf(&none, VMOON_LOG_ERROR, "m", "x");
	vmoon_logf(NULL, VMOON_LOG_ERROR, "m", "x");
	assert_int_equal(s.count, 0);
	vmoon_logf(&log, VMOON_LOG_ERROR, "m", "x");
	assert_int_equal(s.count, 1);
}

static void test_log__long_line_is_cut(void **state)
{
	struct seen s = {0};
	struct vmoon_log log = {record, &s, VMOON_LOG_WARN};
	char text[1000];

	(void)state;
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	vmoon_logf(&log, VMOON_LOG_ERROR, "m", "%s", text);
	assert_true(strlen(s.line) < 500);
	assert_string_equal(s.line + strlen(s.line) - 3, "...");
}

static void test_log__flood_is_limited_and_counted(void **state)
{
	struct vmoon_log_limit limit = {0};
	uint32_t suppressed = 99;
	unsigned allowed = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		allowed += vmoon_log_allow(&limit, 5, &suppressed);
	assert_int_equal(allowed, VMOON_LOG_BURST);
	assert_true(vmoon_log_allow(&limit, 5 + VMOON_LOG_INTERVAL_NS,
				    &suppressed));
	assert_int_equal(suppressed, 1000 - VMOON_LOG_BURST);
	assert_false(vmoon_log_allow(&limit, 5 + VMOON_LOG_INTERVAL_NS,
				     &suppressed));
	/* A clock that goes back earns nothing and breaks nothing. */
	assert_false(vmoon_log_allow(&limit, 0, &suppressed));
	assert_true(vmoon_log_allow(&limit, UINT64_MAX, &suppressed));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_log__control_characters_are_escaped),
	cmocka_unit_test(test_log__level_and_missing_sink_drop_lines),
	cmocka_unit_test(test_log__long_line_is_cut),
	cmocka_unit_test(test_log__flood_is_limited_and_counted),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
