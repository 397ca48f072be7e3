/* SPDX-License-Identifier: MIT */
/* test_expect.c - mirrors runtime/expect.c, on a VM that plays a script. */
#include "tests/support/vm_rig.h"

static struct vmoon_pattern text(const char *s)
{
	return (struct vmoon_pattern){VMOON_PATTERN_TEXT, s, strlen(s)};
}

static struct vmoon_pattern re(const char *s)
{
	return (struct vmoon_pattern){VMOON_PATTERN_RE, s, strlen(s)};
}

static enum vmoon_status expect(struct vm_rig *r, const struct vmoon_pattern *p,
				size_t n, int64_t timeout_ns,
				struct vmoon_match *m, struct vmoon_error *err)
{
	*m = (struct vmoon_match)VMOON_INIT(struct vmoon_match);
	return vmoon_stream_expect(vmoon_vm_stream(r->vm, "serial0"), p, n,
				   timeout_ns, m, err);
}

static void play(struct vm_rig *r, const struct vmoon_fake_step *steps,
		 size_t n)
{
	const struct vmoon_fake_script script = {steps, n};

	rig_create(r, &script, 1);
	rig_start(r);
}

static void test_expect__finds_text_and_goes_on_behind_it(void **state)
{
	static const struct vmoon_fake_step steps[] = {TEXT("abc abc ready\n")};
	const struct vmoon_pattern abc = text("abc");
	struct vm_rig *r = *state;
	struct vmoon_match m;
	struct vmoon_error err;

	play(r, steps, 1);
	assert_ok(expect(r, &abc, 1, RIG_TIMEOUT_NS, &m, &err), &err);
	assert_int_equal(m.begin, 0);
	assert_int_equal(m.end, 3);
	assert_ok(expect(r, &abc, 1, RIG_TIMEOUT_NS, &m, &err), &err);
	assert_int_equal(m.begin, 4);
	assert_int_equal(expect(r, &abc, 1, 0, &m, &err), VMOON_E_TIMEOUT);
	assert_string_equal(err.detail, "abc abc ready\n");
	assert_string_equal(err.msg, "no match within 0.0s");
}

static void test_expect__earliest_place_wins_then_the_first_pattern(void **st)
{
	static const struct vmoon_fake_step steps[] = {TEXT("one two three\n")};
	const struct vmoon_pattern both[] = {text("two"), re("on."),
					     text("one")};
	struct vm_rig *r = *st;
	struct vmoon_match m;
	struct vmoon_error err;

	play(r, steps, 1);
	assert_ok(expect(r, both, 3, RIG_TIMEOUT_NS, &m, &err), &err);
	assert_int_equal(m.which, 1);
	assert_int_equal(m.end, 3);
	assert_ok(expect(r, both, 3, RIG_TIMEOUT_NS, &m, &err), &err);
	assert_int_equal(m.which, 0);
}

static void test_expect__newline_matches_carriage_return_newline(void **state)
{
	static const struct vmoon_fake_step steps[] = {TEXT("a\r\nb\r\nc\r")};
	const struct vmoon_pattern p = text("a\nb\n");
	const struct vmoon_pattern rest = re("c");
	struct vm_rig *r = *state;
	struct vmoon_match m;
	struct vmoon_error err;

	play(r, steps, 1);
	assert_ok(expect(r, &p, 1, RIG_TIMEOUT_NS, &m, &err), &err);
	assert_int_equal(m.begin, 0);
	assert_int_equal(m.end, 6); /* in bytes of the stream */
	assert_ok(expect(r, &rest, 1, RIG_TIMEOUT_NS, &m, &err), &err);
	assert_int_equal(m.begin, 6);
}

static void test_expect__match_across_two_bursts(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		TEXT("log"), {.kind = VMOON_FAKE_SPIN}, TEXT("in: ")};
	const struct vmoon_pattern p = text("login: "), log = text("log");
	struct vm_rig *r = *state;
	struct vmoon_match m;
	struct vmoon_error err;

	play(r, steps, 3);
	VMOON_IGNORE(expect(r, &log, 1, RIG_TIMEOUT_NS, &m, &err) != VMOON_OK);
	r->vm->console.cursor = 0;
	/* A kick ends the spin: the second half comes. */
	assert_ok(vmoon_vm_pause(r->vm, &err), &err);
	assert_ok(vmoon_vm_resume(r->vm, &err), &err);
	assert_ok(expect(r, &p, 1, RIG_TIMEOUT_NS, &m, &err), &err);
	assert_int_equal(m.begin, 0);
}

static void test_expect__fails_at_once_when_the_guest_panics(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		TEXT("Kernel panic - not syncing: x\nlast\n")};
	const struct vmoon_pattern p = text("never"), last = text("last");
	struct vm_rig *r = *state;
	struct vmoon_match m;
	struct vmoon_error err;

	play(r, steps, 1);
	assert_int_equal(expect(r, &p, 1, -1, &m, &err), VMOON_E_PANIC);
	assert_string_equal(err.msg, "guest panicked");
	/* What was printed all the same can be found. */
	assert_ok(expect(r, &last, 1, 0, &m, &err), &err);
}

static void test_expect__fails_at_once_when_the_vm_ends(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		TEXT("bye\n"), FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	const struct vmoon_pattern p = text("never"), bye = text("bye");
	struct vm_rig *r = *state;
	struct vmoon_match m;
	struct vmoon_error err;

	play(r, steps, 2);
	assert_int_equal(expect(r, &p, 1, -1, &m, &err), VMOON_E_EXITED);
	assert_string_equal(err.msg, "VM stopped");
	assert_ok(expect(r, &bye, 1, -1, &m, &err), &err);
}

static void test_expect__bad_patterns_are_refused(void **state)
{
	static char big[512];
	struct vm_rig *r = *state;
	const struct vmoon_pattern none = text(""), open = re("a(b"),
				   back = re("(a)\\1");
	struct vmoon_pattern nul = re("a"), longer = re("");
	struct vmoon_match m;
	struct vmoon_error err;

	memset(big, 'a', sizeof(big));
	longer.text = big;
	longer.len = sizeof(big);
	nul.text = "a\0b";
	nul.len = 3;
	rig_create(r, NULL, 1);
	assert_int_equal(expect(r, &none, 1, 0, &m, &err), VMOON_E_INVAL);
	assert_string_equal(
		err.msg,
		"expect: pattern 1 is empty or longer than 8192 bytes");
	assert_int_equal(expect(r, NULL, 0, 0, &m, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "expect: 1 to 64 patterns");
	assert_int_equal(expect(r, &open, 1, 0, &m, &err), VMOON_E_INVAL);
	assert_non_null(strstr(err.msg, "regular expression \"a(b\": "));
	assert_int_equal(expect(r, &back, 1, 0, &m, &err), VMOON_E_INVAL);
	assert_string_equal(
		err.msg,
		"regular expression: back-references are not supported");
	assert_int_equal(expect(r, &nul, 1, 0, &m, &err), VMOON_E_INVAL);
	assert_int_equal(expect(r, &longer, 1, 0, &m, &err), VMOON_E_INVAL);
}

static void test_expect__finds_a_needle_behind_a_flood(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		{.kind = VMOON_FAKE_EXIT,
		 .repeat = 800,
		 .exit = {.kind = VMOON_HV_EXIT_PIO,
			  .is_write = true,
			  .size = 1,
			  .count = 64,
			  .addr = PORT_SERIAL,
			  .data = "hay hay hay hay hay hay hay hay hay hay hay "
				  "hay hay hay hay hay"}},
		TEXT("needle\n")};
	const struct vmoon_pattern p = text("needle");
	struct vm_rig *r = *state;
	struct vmoon_match m;
	struct vmoon_error err;

	play(r, steps, 2);
	assert_ok(expect(r, &p, 1, RIG_TIMEOUT_NS, &m, &err), &err);
	assert_int_equal(m.begin, 800 * 64);
}

static const struct CMUnitTest tests[] = {
	RIG(test_expect__finds_text_and_goes_on_behind_it),
	RIG(test_expect__earliest_place_wins_then_the_first_pattern),
	RIG(test_expect__newline_matches_carriage_return_newline),
	RIG(test_expect__match_across_two_bursts),
	RIG(test_expect__fails_at_once_when_the_guest_panics),
	RIG(test_expect__fails_at_once_when_the_vm_ends),
	RIG(test_expect__bad_patterns_are_refused),
	RIG(test_expect__finds_a_needle_behind_a_flood),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
