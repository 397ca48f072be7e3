/* SPDX-License-Identifier: MIT */
/* test_config_output.c - where output goes: each word, and two of them. */
#include "config.h"

#include "tests/support/config_fixture.h"

static const char sink_list[] =
	"there are \"file:PATH\", \"fd:NUMBER\", \"stdout\", \"stderr\", "
	"\"fifo:PATH\", \"unix:PATH\", \"ring\", \"callback\" and \"null\"";

static void set_bool(struct config_fixture *f, const char *path, bool value)
{
	assert_ok(vmoon_config_set_bool(f->cfg, path, value, &f->err), &f->err);
}

static void test_config_output__every_sink_has_its_word(void **state)
{
	static const struct {
		const char *text;
		enum vmoon_output_kind kind;
		const char *rest;
		int fd;
	} good[] = {{"file:boot.log", VMOON_OUTPUT_FILE, "boot.log", 0},
		    {"file:a:b", VMOON_OUTPUT_FILE, "a:b", 0},
		    {"fd:0", VMOON_OUTPUT_FD, "0", 0},
		    {"fd:9999999", VMOON_OUTPUT_FD, "9999999", 9999999},
		    {"stdout", VMOON_OUTPUT_FD, "", 1},
		    {"stderr", VMOON_OUTPUT_FD, "", 2},
		    {"fifo:/tmp/f", VMOON_OUTPUT_FIFO, "/tmp/f", 0},
		    {"unix:s", VMOON_OUTPUT_UNIX, "s", 0},
		    {"ring", VMOON_OUTPUT_RING, "", 0},
		    {"callback", VMOON_OUTPUT_CALLBACK, "", 0},
		    {"null", VMOON_OUTPUT_NULL, "", 0}};
	struct config_fixture *f = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(good); i++) {
		char message[64], hint[64];
		struct vmoon_config_report r;
		struct vmoon_sink_text sink;

		vmoon_text_init(&r.message, message, sizeof(message));
		vmoon_text_init(&r.hint, hint, sizeof(hint));
		assert_true(vmoon_sink_parse(good[i].text, &sink, &r));
		assert_int_equal(sink.kind, good[i].kind);
		assert_string_equal(sink.rest, good[i].rest);
		assert_int_equal(sink.fd, good[i].fd);
		assert_string_equal(message, "");
		assert_string_equal(hint, "");
		cf_set(f, "serial.1.sink", good[i].text);
		cf_assert_good(f);
	}
}

static void test_config_output__other_words_are_refused(void **state)
{
	static const char *const bad[][2] = {
		{"stdot", "did you mean \"stdout\"?"},
		{"stdout:", "did you mean \"stdout\"?"},
		{"File:a.log", "did you mean \"file:\"?"},
		{"files:a.log", "did you mean \"file:\"?"},
		{"callback:x", "did you mean \"callback\"?"},
		{"rng", "did you mean \"ring\"?"},
		{"file", "did you mean \"file:\"?"},
		{"boot.log", "for a file write \"file:boot.log\""},
		{"/dev/null", "for a file write \"file:/dev/null\""},
		{"./a", "for a file write \"file:./a\""},
		{"pty", sink_list},
		{"tcp:localhost:4444", sink_list},
		{"", sink_list},
		{":", sink_list}};
	struct config_fixture *f = *state;
	char message[96];

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		(void)snprintf(message, sizeof(message),
			       "there is no sink \"%s\"", bad[i][0]);
		cf_set(f, "serial.1.sink", bad[i][0]);
		cf_assert_only(f, "serial.1.sink", message, bad[i][1]);
	}
	cf_set(f, "serial.1.sink", "a\x1b.log");
	cf_assert_only(f, "serial.1.sink", "there is no sink \"a\\x1b.log\"",
		       "for a file write \"file:a\\x1b.log\"");
	assert_ok(vmoon_config_set_str(f->cfg, "serial.1.sink", "file:a\0b", 8,
				       &f->err),
		  &f->err);
	cf_assert_only(f, "serial.1.sink", "embedded zero byte at position 7",
		       "everything after it would be lost; remove it, or see "
		       "how the string was made");
	cf_set_int(f, "serial.1.sink", 2);
	cf_assert_only(f, "serial.1.sink",
		       "expected a sink as a string, got integer 2",
		       "for example: sink = \"file:boot.log\"");
	cf_set(f, "serial.1.sink", "stderr");
	cf_assert_good(f);
}

static void test_config_output__what_follows_the_colon_is_checked(void **state)
{
	static const char *const words[] = {"file:", "fifo:", "unix:"};
	static const char *const fds[] = {"",    "x",  "-1",       "+1", "3x",
					  "0x3", " 3", "12345678", "3 ", "3:4"};
	struct config_fixture *f = *state;
	char message[96], hint[96], text[32];

	for (size_t i = 0; i < VMOON_COUNTOF(words); i++) {
		(void)snprintf(message, sizeof(message),
			       "a path is missing after \"%s\"", words[i]);
		(void)snprintf(hint, sizeof(hint),
			       "for example: sink = \"%sconsole.log\"",
			       words[i]);
		cf_set(f, "serial.1.sink", words[i]);
		cf_assert_only(f, "serial.1.sink", message, hint);
	}
	for (size_t i = 0; i < VMOON_COUNTOF(fds); i++) {
		(void)snprintf(text, sizeof(text), "fd:%s", fds[i]);
		(void)snprintf(message, sizeof(message),
			       "expected the number of a descriptor after "
			       "\"fd:\", got \"%s\"",
			       fds[i]);
		cf_set(f, "serial.1.sink", text);
		cf_assert_only(f, "serial.1.sink", message,
			       "for example: sink = \"fd:3\"");
	}
}

static void test_config_output__fields_of_other_sinks_are_refused(void **state)
{
	static const char *const sinks[] = {"stdout", "fifo:f", "null",
					    "callback", "ring"};
	struct config_fixture *f = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(sinks); i++) {
		assert_ok(vmoon_config_set_table(f->cfg, "serial.1", &f->err),
			  &f->err);
		cf_set(f, "serial.1.sink", sinks[i]);
		cf_set_int(f, "serial.1.generations", 1);
		cf_assert_only(f, "serial.1.generations",
			       "\"generations\" is for files", "leave it out");
		cf_set_int(f, "serial.1.generations", 0);
		set_bool(f, "serial.1.append", true);
		cf_assert_only(f, "serial.1.append", "\"append\" is for files",
			       "leave it out");
		set_bool(f, "serial.1.append", false);
		cf_set(f, "serial.1.max_size", "64K");
		if (strcmp(sinks[i], "ring") == 0)
			cf_assert_good(f);
		else
			cf_assert_only(f, "serial.1.max_size",
				       "\"max_size\" is for files and rings",
				       "leave it out");
	}
	cf_set(f, "serial.1.sink", "file:a.log");
	cf_set_int(f, "serial.1.generations", 99);
	set_bool(f, "serial.1.append", true);
	cf_assert_good(f);
	cf_set_int(f, "serial.1.generations", 100);
	cf_assert_only(f, "serial.1.generations", "100 is out of range 0..99",
		       NULL);
}

static void test_config_output__a_cap_holds_at_least_a_marker(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "serial.1.sink", "file:a.log");
	assert_ok(vmoon_config_set_size(f->cfg, "serial.1.max_size", 1023,
					&f->err),
		  &f->err);
	cf_assert_only(f, "serial.1.max_size",
		       "1023 bytes is out of range 1K..1T", NULL);
	cf_set(f, "serial.1.max_size", "0K");
	cf_assert_only(f, "serial.1.max_size", "\"0K\" is out of range 1K..1T",
		       NULL);
	cf_set(f, "serial.1.max_size", "2T");
	cf_assert_only(f, "serial.1.max_size", "\"2T\" is out of range 1K..1T",
		       NULL);
	cf_set(f, "serial.1.max_size", "1K");
	cf_assert_good(f);
	cf_set(f, "serial.1.sink", "ring");
	cf_assert_only(f, "serial.1.max_size",
		       "1K is out of range 4K..64M for a ring", NULL);
	cf_set(f, "serial.1.max_size", "65M");
	cf_assert_only(f, "serial.1.max_size",
		       "65M is out of range 4K..64M for a ring", NULL);
	cf_set(f, "serial.1.max_size", "4K");
	cf_assert_good(f);
}

static void test_config_output__two_never_share_a_file(void **state)
{
	static const char *const same[] = {"file:a/b.log", "file:./a/b.log",
					   "file:a//./b.log", "file:a/b.log/."};
	static const char *const others[] = {"file:b.log",    "file:/a/b.log",
					     "file:a/b.log2", "file:a",
					     "file:a/.b.log", "fifo:a/b.log"};
	static const char message[] =
		"serial.1 writes to \"file:a/b.log\" already";
	struct config_fixture *f = *state;

	cf_set(f, "serial.1.sink", "file:a/b.log");
	for (size_t i = 0; i < VMOON_COUNTOF(others); i++) {
		cf_set(f, "serial.2.sink", others[i]);
		cf_assert_good(f);
	}
	for (size_t i = 0; i < VMOON_COUNTOF(same); i++) {
		cf_set(f, "serial.2.sink", same[i]);
		cf_assert_only(f, "serial.2.sink", message,
			       "give each a file of its own");
	}
	cf_set(f, "serial.2.name", "other"); /* does not help */
	cf_assert_only(f, "serial.2.sink", message,
		       "give each a file of its own");
}

static void test_config_output__older_files_are_files_too(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "serial.1.sink", "file:a.log");
	cf_set(f, "serial.2.sink", "file:./a.log.2");
	cf_assert_good(f);
	cf_set_int(f, "serial.1.generations", 1);
	cf_assert_good(f);
	cf_set_int(f, "serial.1.generations", 2);
	cf_assert_only(f, "serial.2.sink",
		       "serial.1 keeps one of its older files there",
		       "give each a file of its own");
	cf_set(f, "serial.2.sink", "file:a.log.02");
	cf_assert_good(f);
	cf_set(f, "serial.2.sink", "file:a.log.2x");
	cf_assert_good(f);
	cf_set(f, "serial.2.sink", "file:a.log.");
	cf_assert_good(f);
	cf_set(f, "serial.1.sink", "file:b.1");
	cf_set(f, "serial.2.sink", "file:b");
	cf_set_int(f, "serial.2.generations", 1);
	cf_assert_only(
		f, "serial.2.sink",
		"serial.1 writes to \"file:b.1\" already, which is to be "
		"one of the older files of this one",
		"give each a file of its own");
}

static void test_config_output__names_are_unique(void **state)
{
	static const char hint[] = "give this one a name: name = \"second\"";
	struct config_fixture *f = *state;

	cf_set(f, "serial.1.sink", "ring");
	cf_set(f, "serial.2.sink", "ring");
	cf_assert_only(f, "serial.2.sink",
		       "serial.1 is called \"ring\" already", hint);
	cf_set(f, "serial.2.name", "second");
	cf_assert_good(f);
	cf_set(f, "serial.2.name", "ring"); /* what the first is called */
	cf_assert_only(f, "serial.2.name",
		       "serial.1 is called \"ring\" already",
		       "give each a name of its own");
	cf_set(f, "serial.1.name", "first");
	cf_assert_good(f);
	cf_set(f, "serial.2.name", "first");
	cf_assert_only(f, "serial.2.name",
		       "serial.1 is called \"first\" already",
		       "give each a name of its own");
	cf_set(f, "serial.2.name", "a/b");
	cf_assert_only(f, "serial.2.name",
		       "expected 1 to 63 letters, digits, \".\", \"_\" or "
		       "\"-\"; got string \"a/b\"",
		       "for example: name = \"log\"");
}

/* What it is called is not known then; it is not called by its sink. */
static void test_config_output__a_bad_name_is_nobodys(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "serial.1.sink", "ring");
	cf_set(f, "serial.1.name", "a/b");
	cf_set(f, "serial.2.sink", "ring");
	cf_assert_only(f, "serial.1.name",
		       "expected 1 to 63 letters, digits, \".\", \"_\" or "
		       "\"-\"; got string \"a/b\"",
		       "for example: name = \"log\"");
}

static void test_config_output__one_descriptor_has_one_name(void **state)
{
	static const char hint[] = "give this one a name: name = \"second\"";
	struct config_fixture *f = *state;

	cf_set(f, "serial.1.sink", "stdout");
	cf_set(f, "serial.2.sink", "fd:1");
	cf_assert_only(f, "serial.2.sink",
		       "serial.1 is called \"stdout\" already", hint);
	cf_set(f, "serial.2.sink", "fd:01");
	cf_assert_only(f, "serial.2.sink",
		       "serial.1 is called \"stdout\" already", hint);
	cf_set(f, "serial.2.sink", "fd:2");
	cf_assert_good(f);
}

static void test_config_output__a_function_is_seen_and_kept_out(void **state)
{
	struct config_fixture *f = *state;
	char json[1024];

	cf_set(f, "serial.1.sink", "callback");
	cf_assert_good(f); /* a C program takes what there is */
	assert_ok(vmoon_config_set_other(f->cfg, "serial.1.on_data", "function",
					 &f->err),
		  &f->err);
	cf_assert_good(f);
	assert_true(vmoon_config_to_json(f->cfg, json, sizeof(json)) > 0);
	assert_null(strstr(json, "on_data"));
	cf_set(f, "serial.1.sink", "ring");
	cf_assert_only(f, "serial.1.on_data", "\"on_data\" is for callbacks",
		       "leave it out");
	cf_set(f, "serial.1.sink", "callback");
	cf_set(f, "serial.1.on_data", "print");
	cf_assert_only(f, "serial.1.on_data",
		       "expected a function, got string \"print\"",
		       "for example: on_data = function(bytes) end");
	assert_ok(vmoon_config_set_other(f->cfg, "serial.1.on_data", "null",
					 &f->err),
		  &f->err);
	cf_assert_only(f, "serial.1.on_data", "expected a function, got null",
		       "for example: on_data = function(bytes) end");
}

static void test_config_output__there_are_at_most_eight(void **state)
{
	struct config_fixture *f = *state;
	char path[32], sink[32];

	for (int i = 1; i <= 9; i++) {
		(void)snprintf(path, sizeof(path), "serial.%d.sink", i);
		(void)snprintf(sink, sizeof(sink), "fd:%d", i + 2);
		cf_set(f, path, sink);
		if (i < 9)
			cf_assert_good(f);
	}
	cf_assert_only(f, "serial", "9 items, but 0..8 are possible", NULL);
	assert_ok(vmoon_config_set_table(f->cfg, "serial", &f->err), &f->err);
	cf_assert_good(f);
}

/* A rule speaks of a field only where its fields are good by themselves. */
static void test_config_output__all_mistakes_come_at_once(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "serial.1.sink", "boot.log");
	cf_set_int(f, "serial.1.generations", 3);
	cf_set(f, "serial.2.sink", "ring");
	cf_set(f, "serial.2.generations", "3");
	set_bool(f, "serial.2.append", true);
	cf_set(f, "serial.3.sink", "ring");
	cf_set(f, "serial.3.limit.policy", "drop");
	cf_set(f, "serial.3.limit.rate", "4K");
	cf_set(f, "serial.3.limit.capacity", "1M");
	cf_set(f, "serial.4.name", "x");
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	cf_assert_problem(f, 0, "serial.1.sink",
			  "there is no sink \"boot.log\"",
			  "for a file write \"file:boot.log\"");
	cf_assert_problem(f, 1, "serial.2.generations",
			  "expected an integer, got string \"3\"",
			  "for example: generations = 3");
	cf_assert_problem(f, 2, "serial.2.append", "\"append\" is for files",
			  "leave it out");
	cf_assert_problem(f, 3, "serial.3.limit.rate",
			  "a rate is for a second, got \"4K\"",
			  "write \"4K/s\"");
	cf_assert_problem(f, 4, "serial.3.limit.capacity",
			  "\"capacity\" is for the policy \"spool\"",
			  "leave it out, or write policy = \"spool\"");
	cf_assert_problem(f, 5, "serial.3.sink",
			  "serial.2 is called \"ring\" already",
			  "give this one a name: name = \"second\"");
	cf_assert_problem(f, 6, "serial.4", "missing required field \"sink\"",
			  "for example: sink = \"file:boot.log\"");
	assert_int_equal(vmoon_config_problem_count(f->cfg), 7);
}

static const struct CMUnitTest tests[] = {
	cf_test(test_config_output__every_sink_has_its_word),
	cf_test(test_config_output__other_words_are_refused),
	cf_test(test_config_output__what_follows_the_colon_is_checked),
	cf_test(test_config_output__fields_of_other_sinks_are_refused),
	cf_test(test_config_output__a_cap_holds_at_least_a_marker),
	cf_test(test_config_output__two_never_share_a_file),
	cf_test(test_config_output__older_files_are_files_too),
	cf_test(test_config_output__names_are_unique),
	cf_test(test_config_output__a_bad_name_is_nobodys),
	cf_test(test_config_output__one_descriptor_has_one_name),
	cf_test(test_config_output__a_function_is_seen_and_kept_out),
	cf_test(test_config_output__there_are_at_most_eight),
	cf_test(test_config_output__all_mistakes_come_at_once),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
