/* SPDX-License-Identifier: MIT */
/* test_expect_flood.c - expect.c when output comes faster than it is asked. */
#include "tests/support/vm_rig.h"

enum { BLOCK = 64, BLOCKS = 40000, FLOOD = BLOCK * BLOCKS };

/* 64 bytes, times times. */
#define HAY(times)                                                            \
	{                                                                     \
		.kind = VMOON_FAKE_EXIT, .repeat = (times), .exit = {         \
			.kind = VMOON_HV_EXIT_PIO,                            \
			.is_write = true,                                     \
			.size = 1,                                            \
			.count = BLOCK,                                       \
			.addr = PORT_SERIAL,                                  \
			.data = "hay hay hay hay hay hay hay hay hay hay hay" \
				" hay hay hay hay hay"                        \
		}                                                             \
	}
#define SPIN                             \
	{                                \
		.kind = VMOON_FAKE_SPIN, \
	}

static enum vmoon_status expect(struct vm_rig *r, const char *text,
				int64_t timeout_ns, struct vmoon_error *err)
{
	const struct vmoon_pattern p = {VMOON_PATTERN_TEXT, text, strlen(text)};
	struct vmoon_match m = VMOON_INIT(struct vmoon_match);

	return vmoon_stream_expect(vmoon_vm_stream(r->vm, "serial0"), &p, 1,
				   timeout_ns, &m, err);
}

static uint64_t written(const struct vm_rig *r)
{
	struct vmoon_vm_stats st = VMOON_INIT(struct vmoon_vm_stats);

	vmoon_vm_get_stats(r->vm, &st);
	return st.console_bytes;
}

static uint64_t unsearched(const struct vm_rig *r)
{
	struct vmoon_vm_stats st = VMOON_INIT(struct vmoon_vm_stats);

	vmoon_vm_get_stats(r->vm, &st);
	return st.console_unsearched;
}

/* Until the guest has printed n bytes in all. */
static void wait_for_output(struct vm_rig *r, uint64_t n)
{
	struct vmoon_error err;

	while (written(r) < n)
		assert_ok(vmoon_runtime_wait(r->rt, RIG_TIMEOUT_NS, &err),
			  &err);
}

/* A kick ends a spin. */
static void go_on(struct vm_rig *r)
{
	struct vmoon_error err;

	assert_ok(vmoon_vm_pause(r->vm, &err), &err);
	assert_ok(vmoon_vm_resume(r->vm, &err), &err);
}

/*
 * A flood that nobody searches, then a text, which the ring has room for: the
 * guest waits in between.
 */
#define FLOOD_THEN(text)                                             \
	{                                                            \
		TEXT("early\n"), HAY(BLOCKS), SPIN, TEXT(text), SPIN \
	}
enum { STEPS = 5 };

static void play(struct vm_rig *r, const struct vmoon_fake_step *steps,
		 size_t text_len)
{
	const struct vmoon_fake_script script = {steps, STEPS};

	rig_create(r, &script, 1);
	rig_start(r);
	wait_for_output(r, FLOOD + 6);
	go_on(r);
	wait_for_output(r, FLOOD + 6 + text_len);
}

/* Of a guest that is done: what left the backlog. */
static uint64_t gone(const struct vm_rig *r)
{
	return vmoon_stream_tell(&r->vm->console) - VMOON_STREAM_BACKLOG;
}

static void assert_msg(const struct vmoon_error *err, const char *begin,
		       uint64_t count)
{
	char wanted[256];

	(void)snprintf(wanted, sizeof(wanted),
		       "%s; %llu bytes came and went unsearched, as only the "
		       "newest 1 MiB is kept",
		       begin, (unsigned long long)count);
	assert_string_equal(err->msg, wanted);
}

static void test_expect__bytes_it_came_too_late_for_are_named(void **state)
{
	static const struct vmoon_fake_step steps[] = FLOOD_THEN("late\n");
	struct vm_rig *r = *state;
	struct vmoon_error err;

	play(r, steps, 5);
	assert_int_equal(unsearched(r), 0); /* nobody has looked yet */
	assert_int_equal(expect(r, "early", 0, &err), VMOON_E_TIMEOUT);
	assert_msg(&err, "no match within 0.0s", gone(r));
	assert_non_null(strstr(err.detail, "late\n"));
	assert_int_equal(vmoon_stream_unsearched(&r->vm->console), gone(r));
	assert_int_equal(unsearched(r), gone(r));
	/* Asked again, they are the same bytes. */
	assert_int_equal(expect(r, "early", 0, &err), VMOON_E_TIMEOUT);
	assert_msg(&err, "no match within 0.0s", gone(r));
	assert_int_equal(unsearched(r), gone(r));
	/* Behind a match the count begins anew. */
	assert_ok(expect(r, "late", 0, &err), &err);
	assert_int_equal(vmoon_stream_unsearched(&r->vm->console), 0);
	assert_int_equal(expect(r, "early", 0, &err), VMOON_E_TIMEOUT);
	assert_string_equal(err.msg, "no match within 0.0s");
	/* Another search from the start misses them, too: none is new. */
	vmoon_stream_seek(&r->vm->console, 0);
	assert_int_equal(expect(r, "early", 0, &err), VMOON_E_TIMEOUT);
	assert_msg(&err, "no match within 0.0s", gone(r));
	assert_int_equal(unsearched(r), gone(r));
}

static void test_expect__panic_and_end_name_them_too(void **state)
{
	static const struct vmoon_fake_step steps[] =
		FLOOD_THEN("\nKernel panic - not syncing: x\n");
	struct vm_rig *r = *state;
	struct vmoon_error err;

	play(r, steps, 31);
	while (!__atomic_load_n(&r->vm->has_panicked, __ATOMIC_ACQUIRE))
		continue;
	assert_int_equal(expect(r, "never", -1, &err), VMOON_E_PANIC);
	assert_msg(&err, "guest panicked", gone(r));
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	rig_wait(r);
	r->vm->spec.on_panic = VMOON_ON_RESTART; /* so that the end is why */
	assert_int_equal(expect(r, "never", -1, &err), VMOON_E_EXITED);
	assert_msg(&err, "VM stopped", gone(r));
}

/* Polls that begin at the same old place have looked at what was there. */
static void test_expect__polls_that_keep_up_miss_nothing(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		HAY(6000), SPIN,      HAY(6000), SPIN,      HAY(6000),
		SPIN,      HAY(6000), SPIN,      HAY(6000), SPIN,
	};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, &script, 1);
	rig_start(r);
	for (uint64_t i = 1; i <= 5; i++) {
		wait_for_output(r, i * 6000 * BLOCK);
		assert_int_equal(expect(r, "early", 0, &err), VMOON_E_TIMEOUT);
		assert_string_equal(err.msg, "no match within 0.0s");
		go_on(r);
	}
	assert_true(gone(r) > 0);
	assert_int_equal(unsearched(r), 0);
	/* An expect of its own, of the newest 1 MiB only. */
	vmoon_stream_seek(&r->vm->console, 0);
	assert_int_equal(expect(r, "early", 0, &err), VMOON_E_TIMEOUT);
	assert_msg(&err, "no match within 0.0s", gone(r));
	assert_int_equal(unsearched(r), 0);
}

/* ---- what limits do is behind expect's back ---- */

static void add_output(struct vm_rig *r, const char *name,
		       enum vmoon_limit_policy policy)
{
	struct vmoon_output_options o = VMOON_INIT(struct vmoon_output_options);
	struct vmoon_error err;

	o.name = name;
	o.limit.size = sizeof(o.limit);
	o.limit.policy = policy;
	o.limit.rate = 1024; /* the flood would take it 25 minutes */
	o.limit.burst = 1024;
	assert_ok(vmoon_stream_add_output(&r->vm->console, &o, &err), &err);
}

static uint64_t bytes_in(struct vm_rig *r, size_t i, uint64_t *out_out)
{
	struct vmoon_output_stats st = VMOON_INIT(struct vmoon_output_stats);
	struct vmoon_error err;

	assert_ok(vmoon_stream_output_stats(&r->vm->console, i, &st, &err),
		  &err);
	assert_int_equal(st.bytes_in,
			 st.bytes_out + st.bytes_dropped + st.bytes_queued);
	*out_out = st.bytes_out;
	return st.bytes_in;
}

/* Needles between hay, less than the ring holds: nothing is lost before. */
static void find_behind(struct vm_rig *r, enum vmoon_limit_policy policy)
{
	static const struct vmoon_fake_step steps[] = {
		HAY(300), TEXT("needle 1\n"), HAY(300), TEXT("needle 2\n"),
		HAY(300), TEXT("needle 3\n"), SPIN};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	char needle[] = "needle 0";
	struct vmoon_error err;
	uint64_t out = 0;

	rig_create(r, &script, 1);
	add_output(r, "slow", policy);
	rig_start(r);
	for (int i = 0; i < 3; i++) {
		needle[sizeof(needle) - 2]++;
		assert_ok(expect(r, needle, RIG_TIMEOUT_NS, &err), &err);
	}
	assert_int_equal(unsearched(r), 0);
	assert_int_equal(vmoon_stream_tell(&r->vm->console),
			 900 * BLOCK + 3 * 9);
	/* The backlog is a moment ahead of the outputs. */
	while (bytes_in(r, 0, &out) < 900 * BLOCK + 3 * 9)
		continue;
	assert_true(out < 900 * BLOCK);
}

static void test_expect__finds_what_a_sink_drops(void **state)
{
	find_behind(*state, VMOON_LIMIT_DROP);
}

/* A guest that writes all the same, as drivers do after a while. */
static void test_expect__finds_what_a_sink_holds_back(void **state)
{
	find_behind(*state, VMOON_LIMIT_PAUSE);
}

static void test_expect__finds_what_a_sink_spools(void **state)
{
	find_behind(*state, VMOON_LIMIT_SPOOL);
}

static const struct CMUnitTest tests[] = {
	RIG(test_expect__bytes_it_came_too_late_for_are_named),
	RIG(test_expect__panic_and_end_name_them_too),
	RIG(test_expect__polls_that_keep_up_miss_nothing),
	RIG(test_expect__finds_what_a_sink_drops),
	RIG(test_expect__finds_what_a_sink_holds_back),
	RIG(test_expect__finds_what_a_sink_spools),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
