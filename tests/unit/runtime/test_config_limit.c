/* SPDX-License-Identifier: MIT */
/* test_config_limit.c - limits and groups: what passes, what is said. */
#include "config.h"

#include "tests/support/config_fixture.h"

/* The fixture, with a sink that has a limit of that policy. */
static void begin(struct config_fixture *f, const char *policy)
{
	assert_ok(vmoon_config_set_table(f->cfg, "serial.1", &f->err), &f->err);
	cf_set(f, "serial.1.sink", "ring");
	cf_set(f, "serial.1.limit.policy", policy);
	cf_set(f, "serial.1.limit.rate", "64K/s");
}

static void set_number(struct config_fixture *f, const char *path, double value)
{
	assert_ok(vmoon_config_set_number(f->cfg, path, value, &f->err),
		  &f->err);
}

/* ---- policies ---- */

static void test_config_limit__a_policy_is_needed(void **state)
{
	struct config_fixture *f = *state;

	begin(f, "drpo");
	cf_assert_only(f, "serial.1.limit.policy",
		       "expected one of \"spool\", \"drop\", \"pause\"; got "
		       "string \"drpo\"",
		       "did you mean \"drop\"?");
	cf_set(f, "serial.1.limit.capacity", "1M"); /* of which? not said */
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	assert_int_equal(vmoon_config_problem_count(f->cfg), 1);
	assert_ok(vmoon_config_set_table(f->cfg, "serial.1.limit", &f->err),
		  &f->err);
	cf_assert_only(f, "serial.1.limit", "missing required field \"policy\"",
		       "for example: policy = \"drop\"");
	cf_set(f, "serial.1.limit", "64K/s");
	cf_assert_only(f, "serial.1.limit",
		       "expected a table, got string \"64K/s\"",
		       "for example: limit = { policy = \"drop\", rate = "
		       "\"64K/s\" }");
}

struct foreign {
	const char *field, *value, *policy; /* whose it is */
};

static void test_config_limit__each_field_has_its_policy(void **state)
{
	static const char *const policies[] = {"spool", "drop", "pause"};
	static const struct foreign fields[] = {
		{"capacity", "1M", "spool"},
		{"full", "drop-newest", "spool"},
		{"full", "drop-oldest", "spool"},
		{"after_stall", "drop", "pause"},
		{"after_stall", "error", "pause"}};
	struct config_fixture *f = *state;
	char path[64], message[96], hint[96];

	for (size_t p = 0; p < VMOON_COUNTOF(policies); p++) {
		for (size_t i = 0; i < VMOON_COUNTOF(fields); i++) {
			const struct foreign *v = &fields[i];

			begin(f, policies[p]);
			(void)snprintf(path, sizeof(path), "serial.1.limit.%s",
				       v->field);
			cf_set(f, path, v->value);
			if (strcmp(v->policy, policies[p]) == 0) {
				cf_assert_good(f);
				continue;
			}
			(void)snprintf(message, sizeof(message),
				       "\"%s\" is for the policy \"%s\"",
				       v->field, v->policy);
			(void)snprintf(hint, sizeof(hint),
				       "leave it out, or write policy = \"%s\"",
				       v->policy);
			cf_assert_only(f, path, message, hint);
		}
	}
}

static void test_config_limit__only_pause_stalls(void **state)
{
	static const char *const policies[] = {"spool", "drop"};
	static const char hint[] = "leave it out, or write policy = \"pause\"";
	struct config_fixture *f = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(policies); i++) {
		begin(f, policies[i]);
		cf_set_int(f, "serial.1.limit.max_stall", 60);
		cf_assert_only(f, "serial.1.limit.max_stall",
			       "\"max_stall\" is for the policy \"pause\"",
			       hint);
		begin(f, policies[i]);
		assert_ok(vmoon_config_set_bool(f->cfg,
						"serial.1.limit.unsafe_stall",
						true, &f->err),
			  &f->err);
		cf_assert_only(f, "serial.1.limit.unsafe_stall",
			       "\"unsafe_stall\" is for the policy \"pause\"",
			       hint);
		assert_ok(vmoon_config_set_bool(f->cfg,
						"serial.1.limit.unsafe_stall",
						false, &f->err),
			  &f->err);
		cf_assert_good(f);
	}
}

static void test_config_limit__a_long_stall_must_be_wanted(void **state)
{
	struct config_fixture *f = *state;

	begin(f, "pause");
	cf_set_int(f, "serial.1.limit.max_stall", 60);
	cf_assert_only(f, "serial.1.limit.max_stall",
		       "a stall of more than 10 seconds may hang the guest",
		       "if that is wanted, add unsafe_stall = true");
	set_number(f, "serial.1.limit.max_stall", 10.000000001);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	assert_ok(vmoon_config_set_bool(f->cfg, "serial.1.limit.unsafe_stall",
					true, &f->err),
		  &f->err);
	cf_assert_good(f);
	cf_set_int(f, "serial.1.limit.max_stall", 3600);
	cf_assert_good(f);
	cf_set_int(f, "serial.1.limit.max_stall", 3601);
	cf_assert_only(f, "serial.1.limit.max_stall",
		       "3601 is out of range: more than 0, at most 3600 "
		       "seconds",
		       NULL);
}

static void test_config_limit__capacities_are_bounded(void **state)
{
	static const char *const bad[] = {"0K", "3K", "65M", "1G"};
	struct config_fixture *f = *state;
	char message[64];

	begin(f, "spool");
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		(void)snprintf(message, sizeof(message),
			       "\"%s\" is out of range 4K..64M", bad[i]);
		cf_set(f, "serial.1.limit.capacity", bad[i]);
		cf_assert_only(f, "serial.1.limit.capacity", message, NULL);
	}
	cf_set(f, "serial.1.limit.capacity", "64M");
	cf_assert_good(f);
	cf_set_int(f, "serial.1.limit.capacity", 4096);
	cf_assert_only(f, "serial.1.limit.capacity",
		       "a size needs a unit, got bare number 4096",
		       "write \"4K\" for 4096 bytes");
	cf_set_int(f, "serial.1.limit.capacity", 1);
	cf_assert_only(f, "serial.1.limit.capacity",
		       "a size needs a unit, got bare number 1",
		       "for example: capacity = \"1M\"");
}

/* ---- bursts ---- */

static void test_config_limit__a_burst_holds_a_line(void **state)
{
	static const char *const units[] = {"line", "byte"};
	struct config_fixture *f = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(units); i++) {
		begin(f, "drop");
		cf_set(f, "serial.1.limit.unit", units[i]);
		assert_ok(vmoon_config_set_size(f->cfg, "serial.1.limit.burst",
						VMOON_OUTPUT_LINE_MAX - 1,
						&f->err),
			  &f->err);
		cf_assert_only(f, "serial.1.limit.burst",
			       "1023 bytes is out of range 1K..1G", NULL);
		cf_set(f, "serial.1.limit.burst", "2G");
		cf_assert_only(f, "serial.1.limit.burst",
			       "\"2G\" is out of range 1K..1G", NULL);
		cf_set(f, "serial.1.limit.burst", "1K");
		cf_assert_good(f);
	}
}

static void test_config_limit__a_burst_keeps_the_rate(void **state)
{
	struct config_fixture *f = *state;

	begin(f, "drop");
	cf_set(f, "serial.1.limit.rate", "1G/s");
	cf_set(f, "serial.1.limit.burst", "1023K");
	cf_assert_only(f, "serial.1.limit.burst",
		       "with a burst of 1023K a rate of 1G/s cannot be kept",
		       "give at least 1/1024 of the rate: burst = \"1M\"");
	cf_set(f, "serial.1.limit.burst", "1M");
	cf_assert_good(f);
	cf_set(f, "serial.1.limit.rate", "1100000B/s");
	cf_set(f, "serial.1.limit.burst", "1K");
	cf_assert_only(f, "serial.1.limit.burst",
		       "with a burst of 1K a rate of 1100000B/s cannot be kept",
		       "give at least 1/1024 of the rate: burst = \"2K\"");
	cf_set(f, "serial.1.limit.burst", "2K");
	cf_assert_good(f);
}

/* What passes here is no surprise to the engine either. */
static void test_config_limit__a_limit_needs_a_rate(void **state)
{
	static const char message[] = "missing required field \"rate\"";
	static const char hint[] = "for example: rate = \"64K/s\"";
	static const char *const policies[] = {"drop", "pause"};
	struct config_fixture *f = *state;

	cf_set(f, "groups.1.name", "all");
	cf_set(f, "groups.1.rate", "1M/s");
	cf_set(f, "serial.1.sink", "ring");
	for (size_t i = 0; i < VMOON_COUNTOF(policies); i++) {
		assert_ok(vmoon_config_set_table(f->cfg, "serial.1.limit",
						 &f->err),
			  &f->err);
		cf_set(f, "serial.1.limit.policy", policies[i]);
		cf_assert_only(f, "serial.1.limit", message, hint);
		cf_set(f, "serial.1.limit.group", "all");
		cf_assert_good(f);
		cf_set(f, "serial.1.limit.burst", "64K");
		cf_assert_only(f, "serial.1.limit", message, hint);
	}
	assert_ok(vmoon_config_set_table(f->cfg, "serial.1.limit", &f->err),
		  &f->err);
	cf_set(f, "serial.1.limit.policy", "spool");
	cf_assert_good(f);
	cf_set(f, "serial.1.limit.burst", "64K");
	cf_assert_only(f, "serial.1.limit", message, hint);
}

/* ---- groups ---- */

static void test_config_limit__a_group_is_there(void **state)
{
	static const char example[] = "for example: groups = { { name = "
				      "\"hsot\", rate = \"64K/s\" } }";
	struct config_fixture *f = *state;

	begin(f, "drop");
	cf_set(f, "serial.1.limit.group", "hsot");
	cf_assert_only(f, "serial.1.limit.group", "there is no group \"hsot\"",
		       example);
	cf_set(f, "groups.1.name", "all");
	cf_set(f, "groups.1.rate", "1M/s");
	cf_assert_only(f, "serial.1.limit.group", "there is no group \"hsot\"",
		       example);
	cf_set(f, "groups.2.name", "host");
	cf_set(f, "groups.2.rate", "1M/s");
	cf_assert_only(f, "serial.1.limit.group", "there is no group \"hsot\"",
		       "did you mean \"host\"?");
	/* Which groups there are is not known until they are good. */
	cf_set(f, "groups.2.rate", "0K/s");
	cf_assert_only(f, "groups.2.rate",
		       "\"0K/s\" is out of range 1B/s..1T/s", NULL);
	cf_set(f, "groups.2.rate", "1M/s");
	cf_set(f, "serial.1.limit.group", "host");
	cf_assert_good(f);
	cf_set(f, "serial.1.limit.group", "a b");
	cf_assert_only(f, "serial.1.limit.group",
		       "expected 1 to 63 letters, digits, \".\", \"_\" or "
		       "\"-\"; got string \"a b\"",
		       "for example: group = \"all\"");
}

static void test_config_limit__a_parent_stands_before(void **state)
{
	static const char hint[] = "name a group that stands earlier in the "
				   "list, or leave it out";
	struct config_fixture *f = *state;

	cf_set(f, "groups.1.name", "a");
	cf_set(f, "groups.1.rate", "1M/s");
	cf_set(f, "groups.2.name", "b");
	cf_set(f, "groups.2.rate", "2M/s");
	cf_set(f, "groups.2.group", "a");
	cf_assert_good(f);
	cf_set(f, "groups.2.group", "b"); /* itself */
	cf_assert_only(f, "groups.2.group",
		       "there is no group \"b\" before this one", hint);
	cf_set(f, "groups.2.group", "a");
	cf_set(f, "groups.1.group", "b"); /* each other */
	cf_assert_only(f, "groups.1.group",
		       "there is no group \"b\" before this one", hint);
}

static void test_config_limit__groups_are_checked_alone(void **state)
{
	struct config_fixture *f = *state;

	assert_ok(vmoon_config_set_table(f->cfg, "groups.1", &f->err), &f->err);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	cf_assert_problem(f, 0, "groups.1", "missing required field \"name\"",
			  "for example: name = \"all\"");
	cf_assert_problem(f, 1, "groups.1", "missing required field \"rate\"",
			  "for example: rate = \"64K/s\"");
	cf_set(f, "groups.1.name", "a");
	cf_set(f, "groups.1.rate", "8G/s");
	cf_set(f, "groups.1.burst", "4M");
	cf_assert_only(f, "groups.1.burst",
		       "with a burst of 4M a rate of 8G/s cannot be kept",
		       "give at least 1/1024 of the rate: burst = \"8M\"");
	cf_set(f, "groups.1.burst", "8M");
	cf_set(f, "groups.2.name", "a");
	cf_set(f, "groups.2.rate", "1M/s");
	cf_assert_only(f, "groups.2.name", "there is a group \"a\" already",
		       NULL);
	cf_set(f, "groups.2.name", "b");
	cf_assert_good(f);
}

static void test_config_limit__words_of_others_are_translated(void **state)
{
	static const char *const words[][3] = {
		{"serial_out_path", "Firecracker", "serial"},
		{"rate_limiter", "Firecracker", "serial"},
		{"chardev", "QEMU", "serial"},
		{"logfile", "QEMU", "serial"},
		{"throttle-group", "QEMU", "groups"},
		{"serial.1.logfile", "QEMU", "sink"},
		{"serial.1.file", "Cloud Hypervisor", "sink"},
		{"serial.1.log", "libvirt", "sink"},
		{"serial.1.logappend", "QEMU", "append"},
		{"serial.1.rate_limiter", "Firecracker", "limit"},
		{"serial.1.limit.bandwidth", "Firecracker", "rate"},
		{"serial.1.limit.one_time_burst", "Firecracker", "burst"}};
	struct config_fixture *f = *state;
	char message[96], hint[128];

	for (size_t i = 0; i < VMOON_COUNTOF(words); i++) {
		const char *dot = strrchr(words[i][0], '.');
		const char *word = dot == NULL ? words[i][0] : dot + 1;
		struct config_fixture one = *f;

		assert_ok(vmoon_config_create(NULL, &one.cfg, &one.err),
			  &one.err);
		cf_set(&one, "kernel", f->kernel);
		begin(&one, "drop");
		cf_set(&one, words[i][0], "x");
		(void)snprintf(message, sizeof(message), "unknown field \"%s\"",
			       word);
		(void)snprintf(hint, sizeof(hint),
			       "%s calls this \"%s\"; here it is \"%s\"",
			       words[i][1], word, words[i][2]);
		cf_assert_only(&one, words[i][0], message, hint);
		vmoon_config_destroy(one.cfg);
	}
}

static const struct CMUnitTest tests[] = {
	cf_test(test_config_limit__a_policy_is_needed),
	cf_test(test_config_limit__each_field_has_its_policy),
	cf_test(test_config_limit__only_pause_stalls),
	cf_test(test_config_limit__a_long_stall_must_be_wanted),
	cf_test(test_config_limit__capacities_are_bounded),
	cf_test(test_config_limit__a_burst_holds_a_line),
	cf_test(test_config_limit__a_burst_keeps_the_rate),
	cf_test(test_config_limit__a_limit_needs_a_rate),
	cf_test(test_config_limit__a_group_is_there),
	cf_test(test_config_limit__a_parent_stands_before),
	cf_test(test_config_limit__groups_are_checked_alone),
	cf_test(test_config_limit__words_of_others_are_translated),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
