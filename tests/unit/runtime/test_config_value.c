/* SPDX-License-Identifier: MIT */
/* test_config_value.c - each kind of value: what passes, what is said. */
#include "vmoon/config.h"

#include "tests/support/config_fixture.h"

static const char size_hint[] =
	"write a whole number and K, M, G or T (steps of 1024): \"128M\"";

static void test_config_value__l08_cpus_stay_in_range(void **state)
{
	static const int64_t bad[] = {
		0, -1, 65, 4294967295, 4294967297, INT64_MIN, INT64_MAX};
	struct config_fixture *f = *state;
	char message[64];

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		cf_set_int(f, "cpus", bad[i]);
		(void)snprintf(message, sizeof(message),
			       "%lld is out of range 1..64", (long long)bad[i]);
		cf_assert_only(f, "cpus", message, NULL);
	}
	cf_set_int(f, "cpus", 64);
	cf_assert_good(f);
	cf_set_int(f, "cpus", 1);
	cf_assert_good(f);
}

static void test_config_value__an_integer_is_nothing_else(void **state)
{
	static const char hint[] = "for example: cpus = 2";
	struct config_fixture *f = *state;

	cf_set(f, "cpus", "2");
	cf_assert_only(f, "cpus", "expected an integer, got string \"2\"",
		       hint);
	assert_ok(vmoon_config_set_bool(f->cfg, "cpus", true, &f->err),
		  &f->err);
	cf_assert_only(f, "cpus", "expected an integer, got boolean true",
		       hint);
	assert_ok(vmoon_config_set_size(f->cfg, "cpus", VMOON_MIB, &f->err),
		  &f->err);
	cf_assert_only(f, "cpus", "expected an integer, got size 1M", hint);
	assert_ok(vmoon_config_set_table(f->cfg, "cpus", &f->err), &f->err);
	cf_assert_only(f, "cpus", "expected an integer, got a table", hint);
	assert_ok(vmoon_config_set_other(f->cfg, "cpus", "float 1.5", &f->err),
		  &f->err);
	cf_assert_only(f, "cpus", "expected an integer, got float 1.5", hint);
	cf_set_int(f, "cpus", 2);
	cf_assert_good(f);
}

static void test_config_value__a_bare_number_is_no_size(void **state)
{
	struct config_fixture *f = *state;

	cf_set_int(f, "memory", 2048);
	cf_assert_only(f, "memory", "a size needs a unit, got bare number 2048",
		       "write \"2048M\" for MiB, or 2048 * vmoon.MiB (a size "
		       "value)");
	/* Too much for MiB, so it was bytes. */
	cf_set_int(f, "memory", 134217728);
	cf_assert_only(f, "memory",
		       "a size needs a unit, got bare number 134217728",
		       "write \"128M\" for MiB, or 128 * vmoon.MiB (a size "
		       "value)");
	cf_set_int(f, "memory", -5);
	cf_assert_only(f, "memory", "a size needs a unit, got bare number -5",
		       "for example: memory = \"128M\"");
	cf_set_int(f, "memory", INT64_MAX);
	cf_assert_only(f, "memory",
		       "a size needs a unit, got bare number "
		       "9223372036854775807",
		       "for example: memory = \"128M\"");
	cf_set(f, "memory", "128");
	cf_assert_only(f, "memory", "a size needs a unit, got string \"128\"",
		       size_hint);
	cf_set(f, "memory", "128M");
	cf_assert_good(f);
}

static void test_config_value__malformed_sizes_are_refused(void **state)
{
	static const char *const bad[] = {
		"",      "M",     "-1M",   "+1M", "1.5G",  " 128M",
		"128M ", "128m",  "128MB", "12X", "128Mi", "128MiBs",
		"0x80M", "128 M", "128iB", "MiB", "1e3M",  "128MMM"};
	struct config_fixture *f = *state;
	char message[64];

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		cf_set(f, "memory", bad[i]);
		(void)snprintf(message, sizeof(message), "\"%s\" is not a size",
			       bad[i]);
		cf_assert_only(f, "memory", message, size_hint);
	}
	assert_ok(vmoon_config_set_str(f->cfg, "memory", "128M\0", 5, &f->err),
		  &f->err);
	cf_assert_only(f, "memory", "\"128M\\x00\" is not a size", size_hint);
	cf_set(f, "memory", "128MiB");
	cf_assert_good(f);
}

static void test_config_value__impossible_sizes_are_refused(void **state)
{
	static const char *const bad[] = {
		"0M",
		"15M",
		"16383K",
		"2T",
		"1025G",
		"16777216T",
		"18446744073709551616K",
		"18014398509481985K",
		"18446744073709568000K", /* wraps to 16M */
		"99999999999999999999999999999999T"};
	struct config_fixture *f = *state;
	char message[96];

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		cf_set(f, "memory", bad[i]);
		(void)snprintf(message, sizeof(message),
			       "\"%s\" is out of range 16M..1T", bad[i]);
		cf_assert_only(f, "memory", message, NULL);
	}
	assert_ok(vmoon_config_set_size(f->cfg, "memory", UINT64_MAX, NULL),
		  &f->err);
	cf_assert_only(f, "memory",
		       "18446744073709551615 bytes is out of range 16M..1T",
		       NULL);
	assert_ok(vmoon_config_set_size(f->cfg, "memory", 1000, NULL), &f->err);
	cf_assert_only(f, "memory", "1000 bytes is out of range 16M..1T", NULL);
	cf_set(f, "memory", "1T");
	cf_assert_good(f);
	cf_set(f, "memory", "16384KiB");
	cf_assert_good(f);
}

static void test_config_value__memory_is_whole_mebibytes(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "memory", "16385K");
	cf_assert_only(f, "memory", "\"16385K\" is not a multiple of 1M",
		       "the next one up is \"17M\"");
	assert_ok(vmoon_config_set_size(f->cfg, "memory", 64 * VMOON_MIB + 1,
					&f->err),
		  &f->err);
	cf_assert_only(f, "memory", "67108865 bytes is not a multiple of 1M",
		       "the next one up is \"65M\"");
	assert_ok(vmoon_config_set_size(f->cfg, "memory", 64 * VMOON_MIB,
					&f->err),
		  &f->err);
	cf_assert_good(f);
}

static void test_config_value__a_size_is_no_boolean_and_no_table(void **state)
{
	static const char hint[] = "for example: memory = \"128M\"";
	struct config_fixture *f = *state;

	assert_ok(vmoon_config_set_bool(f->cfg, "memory", false, &f->err),
		  &f->err);
	cf_assert_only(f, "memory", "expected a size, got boolean false", hint);
	cf_set(f, "memory.size", "128M");
	cf_assert_only(f, "memory", "expected a size, got a table", hint);
}

static void test_config_value__a_name_has_64_plain_characters(void **state)
{
	static const char rule[] = "expected 1 to 64 letters, digits, \".\", "
				   "\"_\" or \"-\"; got string ";
	static const char *const bad[] = {"", "my vm", "a/b", "vm\xc3\xa4"};
	struct config_fixture *f = *state;
	char name[66], message[160];

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		cf_set(f, "name", bad[i]);
		(void)snprintf(message, sizeof(message), "%s\"%s\"", rule,
			       bad[i]);
		cf_assert_only(f, "name", message,
			       "for example: name = \"web1\"");
	}
	memset(name, 'n', 65);
	name[65] = '\0';
	cf_set(f, "name", name);
	(void)snprintf(message, sizeof(message), "%s\"%s\"", rule, name);
	cf_assert_only(f, "name", message, "for example: name = \"web1\"");
	name[64] = '\0';
	cf_set(f, "name", name);
	cf_assert_good(f);
	cf_set(f, "name", "aZ09._-");
	cf_assert_good(f);
	cf_set_int(f, "name", 1);
	cf_assert_only(f, "name", "expected a string, got integer 1",
		       "for example: name = \"web1\"");
}

static void test_config_value__boot_03_charset_and_length_differ(void **state)
{
	struct config_fixture *f = *state;
	char *line = malloc(65537);

	assert_non_null(line);
	cf_set(f, "cmdline", "console=ttyS0\nquiet");
	cf_assert_only(f, "cmdline",
		       "byte 0x0a at position 14 is not printable ASCII",
		       "separate arguments with spaces");
	cf_set(f, "cmdline", "a \x1f");
	cf_assert_only(f, "cmdline",
		       "byte 0x1f at position 3 is not printable ASCII",
		       "arguments are made of the characters 0x20 to 0x7e");
	cf_set(f, "cmdline", "\x7f");
	cf_assert_only(f, "cmdline",
		       "byte 0x7f at position 1 is not printable ASCII",
		       "arguments are made of the characters 0x20 to 0x7e");
	cf_set(f, "cmdline", "x=\xc3\xa4");
	cf_assert_only(f, "cmdline",
		       "byte 0xc3 at position 3 is not printable ASCII",
		       "arguments are made of the characters 0x20 to 0x7e");
	memset(line, 'x', 65536);
	line[65536] = '\0';
	cf_set(f, "cmdline", line);
	cf_assert_only(f, "cmdline", "65536 bytes are too many; at most 65535",
		       "most kernels stop reading after 2047 bytes; put the "
		       "rest into the initrd");
	line[65535] = '\0';
	cf_set(f, "cmdline", line);
	cf_assert_good(f);
	cf_set(f, "cmdline", " ~");
	cf_assert_good(f);
	free(line);
}

static void test_config_value__l02_embedded_zeros_are_refused(void **state)
{
	static const char *const keys[] = {"name", "kernel", "initrd",
					   "cmdline"};
	struct config_fixture *f = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(keys); i++) {
		struct vmoon_config *cfg = f->cfg;

		assert_ok(vmoon_config_set_str(cfg, keys[i], "ab\0c", 4, NULL),
			  &f->err);
		cf_assert_only(f, keys[i], "embedded zero byte at position 3",
			       "everything after it would be lost; remove it, "
			       "or see how the string was made");
		cf_set(f, keys[i], i == 1 || i == 2 ? f->kernel : "ok");
		cf_assert_good(f);
	}
}

static void test_config_value__a_choice_is_one_of_a_few(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "boot", "phv");
	cf_assert_only(f, "boot",
		       "expected one of \"linux64\", \"pvh\", \"multiboot\"; "
		       "got string "
		       "\"phv\"",
		       "did you mean \"pvh\"?");
	cf_set(f, "boot", "auto");
	cf_assert_only(f, "boot",
		       "expected one of \"linux64\", \"pvh\", \"multiboot\"; "
		       "got string "
		       "\"auto\"",
		       "leave it out to let vmoon choose");
	cf_set(f, "boot", "Linux64");
	cf_assert_only(f, "boot",
		       "expected one of \"linux64\", \"pvh\", \"multiboot\"; "
		       "got string "
		       "\"Linux64\"",
		       "did you mean \"linux64\"?");
	cf_set(f, "boot", "");
	cf_assert_only(f, "boot",
		       "expected one of \"linux64\", \"pvh\", \"multiboot\"; "
		       "got string \"\"",
		       "leave it out to let vmoon choose");
	cf_set(f, "boot", "pvh");
	cf_assert_good(f);
	cf_set_int(f, "unpack", 1);
	cf_assert_only(f, "unpack",
		       "expected one of \"host\", \"guest\"; got integer 1",
		       NULL);
	cf_set(f, "unpack", "guest");
	cf_assert_good(f);
	cf_set(f, "on_reboot", "restart, stop");
	cf_assert_only(f, "on_reboot",
		       "expected one of \"restart\", \"stop\"; got string "
		       "\"restart, stop\"",
		       NULL);
	cf_set(f, "on_reboot", "stop");
	cf_set(f, "on_panic", "ignore");
	cf_assert_good(f);
}

static void test_config_value__what_was_given_is_shown_safely(void **state)
{
	struct config_fixture *f = *state;

	assert_ok(vmoon_config_set_other(f->cfg, "cpus", "function\n\x1b[31m",
					 &f->err),
		  &f->err);
	cf_assert_only(f, "cpus",
		       "expected an integer, got function\\x0a\\x1b[31m",
		       "for example: cpus = 2");
	cf_set(f, "cpus", "\xc2\x9b\xff\"\\\xc3\xa4");
	cf_assert_only(f, "cpus",
		       "expected an integer, got string "
		       "\"\\xc2\\x9b\\xff\\\"\\\\\xc3\xa4\"",
		       "for example: cpus = 2");
}

/* MiB to bytes must not wrap: what would come out as 0, or small, is refused.
 */
static void test_x15__no_size_wraps(void **state)
{
	static const char *const huge[] = {
		"17592186044416M",       /* 2^44 MiB: 2^64 bytes */
		"17592186044544M",       /* and 128 MiB more */
		"18014398509481984K",    /* 2^64 bytes */
		"16777216T",             /* 2^64 bytes */
		"18446744073709551615M", /* 2^64 - 1 MiB */
		"18446744073709551616M", /* 2^64 MiB */
		"18446744073709551744K", /* 2^64 + 128 KiB */
		"99999999999999999999999999999999T",
		"0M",
		"0T"};
	struct config_fixture *f = *state;
	char message[128];

	for (size_t i = 0; i < VMOON_COUNTOF(huge); i++) {
		(void)snprintf(message, sizeof(message),
			       "\"%s\" is out of range 16M..1T", huge[i]);
		cf_set(f, "memory", huge[i]);
		cf_assert_only(f, "memory", message, NULL);
	}
	cf_set(f, "memory", "-1M");
	cf_assert_only(f, "memory", "\"-1M\" is not a size",
		       "write a whole number and K, M, G or T (steps of "
		       "1024): \"128M\"");
	cf_set_int(f, "memory", -1);
	cf_assert_only(f, "memory", "a size needs a unit, got bare number -1",
		       "for example: memory = \"128M\"");
	assert_ok(vmoon_config_set_size(f->cfg, "memory", UINT64_MAX, NULL),
		  &f->err);
	cf_assert_only(f, "memory",
		       "18446744073709551615 bytes is out of range 16M..1T",
		       NULL);
	assert_ok(vmoon_config_set_size(f->cfg, "memory", 0, NULL), &f->err);
	cf_assert_only(f, "memory", "0 bytes is out of range 16M..1T", NULL);
	cf_set(f, "memory", "1T");
	cf_assert_good(f);
}

static void assert_name(struct config_fixture *f, const char *name,
			bool is_good)
{
	const struct vmoon_problem *p;

	cf_set(f, "name", name);
	if (is_good) {
		cf_assert_good(f);
		return;
	}
	assert_int_equal(vmoon_config_check(f->cfg, NULL), VMOON_E_CONFIG);
	assert_int_equal(vmoon_config_problem_count(f->cfg), 1);
	p = vmoon_config_problem(f->cfg, 0);
	assert_string_equal(p->path, "name");
	assert_non_null(strstr(p->message, "expected 1 to 64 letters"));
}

/* A name becomes a part of messages, and of file names some day. */
static void test_x16__no_name_leaves_its_folder(void **state)
{
	static const char *const bad[] = {
		"",     ".",    "..",       "../x",  "x/..", "a..b", ".a",
		"/",    "a/b",  "a b",      " a",    "a\n",  "a%s",  "a;b",
		"a\\b", "$(a)", "\xc3\xa4", "a\x7f", "a\tb", "~root"};
	static const char *const good[] = {"a",   "A.b-c_9", "-", "_",
					   "a.b", "0",       "a."};
	struct config_fixture *f = *state;
	char name[66];

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++)
		assert_name(f, bad[i], false);
	for (size_t i = 0; i < VMOON_COUNTOF(good); i++)
		assert_name(f, good[i], true);
	memset(name, 'a', sizeof(name));
	name[65] = '\0';
	assert_name(f, name, false);
	name[64] = '\0';
	assert_name(f, name, true);
}

static const struct CMUnitTest tests[] = {
	cf_test(test_config_value__l08_cpus_stay_in_range),
	cf_test(test_config_value__an_integer_is_nothing_else),
	cf_test(test_config_value__a_bare_number_is_no_size),
	cf_test(test_config_value__malformed_sizes_are_refused),
	cf_test(test_config_value__impossible_sizes_are_refused),
	cf_test(test_config_value__memory_is_whole_mebibytes),
	cf_test(test_config_value__a_size_is_no_boolean_and_no_table),
	cf_test(test_config_value__a_name_has_64_plain_characters),
	cf_test(test_config_value__boot_03_charset_and_length_differ),
	cf_test(test_config_value__l02_embedded_zeros_are_refused),
	cf_test(test_config_value__a_choice_is_one_of_a_few),
	cf_test(test_config_value__what_was_given_is_shown_safely),
	cf_test(test_x15__no_size_wraps),
	cf_test(test_x16__no_name_leaves_its_folder),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
