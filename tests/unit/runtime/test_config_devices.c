/* SPDX-License-Identifier: MIT */
/* test_config_devices.c - entropy, and the sinks of consoles. */
#include "tests/support/disk_fixture.h"

static void test_config_devices__rng_is_a_boolean_or_a_table(void **state)
{
	struct config_fixture *f = *state;

	df_set_bool(f, "rng", false);
	cf_assert_good(f);
	cf_set(f, "rng", "yes");
	cf_assert_only(f, "rng",
		       "expected true, false or a table, got string \"yes\"",
		       "for example: rng = true");
	assert_ok(vmoon_config_set_table(f->cfg, "rng", &f->err), &f->err);
	cf_assert_good(f);
	cf_set(f, "rng.burst", "64K");
	cf_assert_only(f, "rng.burst",
		       "\"burst\" is for a rate, and there is none",
		       "for example: rate = \"64K/s\"");
	cf_set(f, "rng.rate", "64K/s");
	cf_assert_good(f);
	cf_set(f, "rng.rate", "1G/s");
	cf_assert_only(f, "rng.burst",
		       "with a burst of 64K a rate of 1G/s cannot be kept",
		       "give at least 1/1024 of the rate: burst = \"1M\"");
}

static void test_config_devices__entropy_has_one_source(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "rng.source", "/dev/urandom");
	cf_assert_only(f, "rng.source", "\"source\" is not in this version",
		       "leave it out: entropy comes from the host's kernel");
}

static void test_config_devices__no_sink_shares_a_file(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "serial.1.sink", "file:a.log");
	cf_set(f, "consoles.1.sinks.1.sink", "file:b.log");
	cf_set(f, "consoles.2.sinks.1.sink", "file:c.log");
	cf_set(f, "log.sinks.1.sink", "file:d.log");
	cf_assert_good(f);
	cf_set(f, "consoles.1.sinks.1.sink", "file:./a.log");
	cf_assert_only(f, "consoles.1.sinks.1.sink",
		       "serial.1 writes to \"file:a.log\" already",
		       "give each a file of its own");
	cf_set(f, "consoles.1.sinks.1.sink", "file:c.log");
	cf_assert_only(f, "consoles.2.sinks.1.sink",
		       "consoles.1.sinks.1 writes to \"file:c.log\" already",
		       "give each a file of its own");
	cf_set(f, "consoles.1.sinks.1.sink", "file:d.log");
	cf_assert_only(f, "log.sinks.1.sink",
		       "consoles.1.sinks.1 writes to \"file:d.log\" already",
		       "give each a file of its own");
}

static void test_config_devices__a_console_can_make_its_guest_wait(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "groups.1.name", "all");
	cf_set(f, "groups.1.rate", "4K/s");
	cf_set(f, "consoles.1.sinks.1.sink", "ring");
	cf_set(f, "consoles.1.sinks.1.limit.policy", "pause");
	cf_set(f, "consoles.1.sinks.1.limit.group", "all");
	cf_assert_good(f);
	cf_set(f, "consoles.1.sinks.1.limit.group", "al");
	cf_assert_only(f, "consoles.1.sinks.1.limit.group",
		       "there is no group \"al\"", "did you mean \"all\"?");
}

static void test_config_devices__consoles_are_at_most_16(void **state)
{
	struct config_fixture *f = *state;
	char key[32];

	for (int i = 1; i <= 17; i++) {
		(void)snprintf(key, sizeof(key), "consoles.%d", i);
		assert_ok(vmoon_config_set_table(f->cfg, key, &f->err),
			  &f->err);
		if (i == 16)
			cf_assert_good(f);
	}
	cf_assert_only(f, "consoles", "17 items, but 0..16 are possible", NULL);
}

static const struct CMUnitTest tests[] = {
	df_test(test_config_devices__rng_is_a_boolean_or_a_table),
	df_test(test_config_devices__entropy_has_one_source),
	df_test(test_config_devices__no_sink_shares_a_file),
	df_test(test_config_devices__a_console_can_make_its_guest_wait),
	df_test(test_config_devices__consoles_are_at_most_16),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
