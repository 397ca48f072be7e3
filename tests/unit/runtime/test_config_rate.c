/* SPDX-License-Identifier: MIT */
/* test_config_rate.c - rates and seconds: what passes, what is said. */
#include "config.h"

#include "bucket.h"
#include "tests/support/config_fixture.h"

#include <float.h>
#include <math.h>

static const char rate_hint[] =
	"write a whole number, then B, K, M or G (steps of 1024) and \"/s\": "
	"\"64K/s\"";

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

static const struct vmoon_config_value *limit_of(struct config_fixture *f)
{
	cf_assert_good(f);
	return f->cfg->values[VMOON_KEY_SERIAL]
		.fields[VMOON_OUTPUT_LIMIT]
		.fields;
}

/* ---- rates ---- */

static void test_config_rate__rates_are_bytes_a_second(void **state)
{
	static const struct {
		const char *text;
		uint64_t rate;
		const char *shown;
	} good[] = {{"1B/s", 1, "1B/s"},
		    {"1000B/s", 1000, "1000B/s"},
		    {"2048B/s", 2048, "2K/s"},
		    {"64K/s", 64 * VMOON_KIB, "64K/s"},
		    {"64KiB/s", 64 * VMOON_KIB, "64K/s"},
		    {"1M/s", VMOON_MIB, "1M/s"},
		    {"1024G/s", VMOON_RATE_MAX, "1T/s"},
		    {"1T/s", VMOON_RATE_MAX, "1T/s"},
		    {"000001K/s", VMOON_KIB, "1K/s"}};
	struct config_fixture *f = *state;
	char json[1024], expected[64];

	begin(f, "drop");
	for (size_t i = 0; i < VMOON_COUNTOF(good); i++) {
		cf_set(f, "serial.1.limit.rate", good[i].text);
		assert_true(limit_of(f)[VMOON_LIMIT_RATE].number ==
			    good[i].rate);
		assert_true(vmoon_config_to_json(f->cfg, json, sizeof(json)) <
			    sizeof(json));
		(void)snprintf(expected, sizeof(expected), "\"rate\":\"%s\"",
			       good[i].shown);
		assert_non_null(strstr(json, expected));
	}
}

static void test_config_rate__a_rate_has_a_unit_and_a_second(void **state)
{
	static const char *const no_unit[] = {"1000", "1000/s", "0", "0/s"};
	static const char *const no_second[] = {"64K", "1MiB", "0K"};
	static const char *const bad[] = {
		"",       "/s",     "K/s",    "-5K/s",  "+5K/s",
		"1.5M/s", "64K/S",  "64K/m",  "64k/s",  "64KB/s",
		"64 K/s", " 64K/s", "64K/s ", "64K /s", "B/s",
		"1BB/s",  "1b/s",   "fast",   "1e3B/s", "64Kbit/s"};
	struct config_fixture *f = *state;
	char message[96], hint[64];

	begin(f, "drop");
	for (size_t i = 0; i < VMOON_COUNTOF(no_unit); i++) {
		(void)snprintf(message, sizeof(message),
			       "a rate needs a unit, got \"%s\"", no_unit[i]);
		cf_set(f, "serial.1.limit.rate", no_unit[i]);
		cf_assert_only(f, "serial.1.limit.rate", message, rate_hint);
	}
	for (size_t i = 0; i < VMOON_COUNTOF(no_second); i++) {
		(void)snprintf(message, sizeof(message),
			       "a rate is for a second, got \"%s\"",
			       no_second[i]);
		(void)snprintf(hint, sizeof(hint), "write \"%s/s\"",
			       no_second[i]);
		cf_set(f, "serial.1.limit.rate", no_second[i]);
		cf_assert_only(f, "serial.1.limit.rate", message, hint);
	}
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		(void)snprintf(message, sizeof(message), "\"%s\" is not a rate",
			       bad[i]);
		cf_set(f, "serial.1.limit.rate", bad[i]);
		cf_assert_only(f, "serial.1.limit.rate", message, rate_hint);
	}
	assert_ok(vmoon_config_set_str(f->cfg, "serial.1.limit.rate", "6\0K/s",
				       5, &f->err),
		  &f->err);
	cf_assert_only(f, "serial.1.limit.rate", "\"6\\x00K/s\" is not a rate",
		       rate_hint);
}

static void test_config_rate__a_bare_number_is_no_rate(void **state)
{
	static const char example[] = "for example: rate = \"64K/s\"";
	struct config_fixture *f = *state;

	begin(f, "drop");
	cf_set_int(f, "serial.1.limit.rate", 64);
	cf_assert_only(f, "serial.1.limit.rate",
		       "a rate needs a unit, got bare number 64", rate_hint);
	cf_set_int(f, "serial.1.limit.rate", -1);
	cf_assert_only(f, "serial.1.limit.rate",
		       "a rate needs a unit, got bare number -1", rate_hint);
	assert_ok(vmoon_config_set_size(f->cfg, "serial.1.limit.rate",
					VMOON_MIB, &f->err),
		  &f->err);
	cf_assert_only(f, "serial.1.limit.rate", "expected a rate, got size 1M",
		       example);
	set_number(f, "serial.1.limit.rate", 0.5);
	cf_assert_only(f, "serial.1.limit.rate",
		       "expected a rate, got float 0.5", example);
}

static void test_config_rate__impossible_rates_are_refused(void **state)
{
	static const char *const bad[] = {
		"0K/s",
		"0B/s",
		"2T/s",
		"1025G/s",
		"1099511627777B/s", /* 2^40 + 1 */
		"18446744073709551616B/s",
		"18446744073709551617B/s", /* 1 after a wrap */
		"1000000000000000000B/s",
		"18014398509481985K/s"};
	struct config_fixture *f = *state;
	char message[96];

	begin(f, "drop");
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		(void)snprintf(message, sizeof(message),
			       "\"%s\" is out of range 1B/s..1T/s", bad[i]);
		cf_set(f, "serial.1.limit.rate", bad[i]);
		cf_assert_only(f, "serial.1.limit.rate", message, NULL);
	}
}

/* ---- seconds ---- */

static void test_config_rate__seconds_are_numbers(void **state)
{
	static const struct {
		double given;
		uint64_t ns;
		const char *shown;
	} good[] = {{2.0, 2000000000, "2"},
		    {0.5, 500000000, "0.5"},
		    {0.29, 290000000, "0.29"},
		    {10, 10000000000, "10"},
		    {1.5e-08, 15, "0.000000015"}, /* a little less, times 1e9 */
		    {1.000000001, 1000000001, "1.000000001"},
		    {1e-9, 1, "0.000000001"},
		    {1e-30, 1, "0.000000001"}, /* not 0: that is the default */
		    {DBL_MIN, 1, "0.000000001"}};
	struct config_fixture *f = *state;
	char json[1024], expected[64];

	begin(f, "pause");
	for (size_t i = 0; i < VMOON_COUNTOF(good); i++) {
		set_number(f, "serial.1.limit.max_stall", good[i].given);
		assert_true(limit_of(f)[VMOON_LIMIT_MAX_STALL].number ==
			    good[i].ns);
		assert_true(vmoon_config_to_json(f->cfg, json, sizeof(json)) <
			    sizeof(json));
		(void)snprintf(expected, sizeof(expected), "\"max_stall\":%s,",
			       good[i].shown);
		assert_non_null(strstr(json, expected));
	}
	cf_set_int(f, "serial.1.limit.max_stall", 2);
	assert_true(limit_of(f)[VMOON_LIMIT_MAX_STALL].number == 2000000000);
}

static void test_config_rate__other_seconds_are_refused(void **state)
{
	struct config_fixture *f = *state;

	begin(f, "pause");
	cf_set_int(f, "serial.1.limit.max_stall", 0);
	cf_assert_only(f, "serial.1.limit.max_stall",
		       "0 is out of range: more than 0, at most 3600 seconds",
		       NULL);
	set_number(f, "serial.1.limit.max_stall", -0.5);
	cf_assert_only(f, "serial.1.limit.max_stall",
		       "-0.5 is out of range: more than 0, at most 3600 "
		       "seconds",
		       NULL);
	set_number(f, "serial.1.limit.max_stall", HUGE_VAL);
	cf_assert_only(f, "serial.1.limit.max_stall",
		       "inf is out of range: more than 0, at most 3600 seconds",
		       NULL);
	set_number(f, "serial.1.limit.max_stall", (double)NAN);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	cf_set_int(f, "serial.1.limit.max_stall", INT64_MAX);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	cf_set(f, "serial.1.limit.max_stall", "2s");
	cf_assert_only(f, "serial.1.limit.max_stall",
		       "expected seconds as a number, got string \"2s\"",
		       "for example: max_stall = 2.0");
	set_number(f, "serial.1.limit.max_stall", 10);
	cf_assert_good(f);
}

static const struct CMUnitTest tests[] = {
	cf_test(test_config_rate__rates_are_bytes_a_second),
	cf_test(test_config_rate__a_rate_has_a_unit_and_a_second),
	cf_test(test_config_rate__a_bare_number_is_no_rate),
	cf_test(test_config_rate__impossible_rates_are_refused),
	cf_test(test_config_rate__seconds_are_numbers),
	cf_test(test_config_rate__other_seconds_are_refused),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
