/* SPDX-License-Identifier: MIT */
/* test_log.c - mirrors runtime/log.c. */
#include "tests/support/fixture.h"
#include "vmoon/log.h"

#include <signal.h>
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

/* ---- X05: a signal at every line ---- */

static struct vmoon_log loud;

static void log_from_handler(int sig)
{
	vmoon_logf(&loud, VMOON_LOG_ERROR, "handler", "signal %d", sig);
}

/* Interrupts the writing of each line by one that logs as well. */
static void write_interrupted(void *ctx, enum vmoon_log_level level,
			      const char *module, const char *msg, size_t len)
{
	unsigned *lines = ctx;

	(void)level;
	(void)msg;
	(void)len;
	lines[module[0] == 'h']++;
	if (module[0] != 'h')
		(void)raise(SIGUSR1);
}

static void test_x05__signal_at_every_line_locks_nothing(void **state)
{
	struct sigaction action = {.sa_handler = log_from_handler}, old;
	unsigned lines[2] = {0};

	(void)state;
	loud = (struct vmoon_log){write_interrupted, lines, VMOON_LOG_WARN};
	assert_int_equal(sigaction(SIGUSR1, &action, &old), 0);
	for (int i = 0; i < 100000; i++)
		vmoon_logf(&loud, VMOON_LOG_ERROR, "m", "line %d", i);
	assert_int_equal(sigaction(SIGUSR1, &old, NULL), 0);
	assert_int_equal(lines[0], 100000);
	assert_int_equal(lines[1], 100000);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_log__control_characters_are_escaped),
	cmocka_unit_test(test_log__level_and_missing_sink_drop_lines),
	cmocka_unit_test(test_log__long_line_is_cut),
	cmocka_unit_test(test_log__flood_is_limited_and_counted),
	cmocka_unit_test(test_x05__signal_at_every_line_locks_nothing),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
