/* SPDX-License-Identifier: MIT */
#include "bindings/ldobj.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bindings/ldobj_parts.h"
#include "runtime/mem.h"
#include "tests/support/check_alloc.h"
#include "tests/support/ldobj_rig.h"

#define DEVICE "local dev = require 'vmoon.device'\nreturn dev.mmio { "
#define SECOND UINT64_C(1000000000)

static const struct vmoon_ldobj_options plain = {0};

/* ---- posted writes, timers, events ---- */

static void test_posted_writes_run_in_order_and_before_the_next_access(
	void **state)
{
	struct vmoon_device *dev;
	struct ldobj_rig r;

	(void)state;
	rig_open(&r,
		 DEVICE
		 "name = 'x', size = 16, state = { n = 0, log = 0 }, registers "
		 "= {\n"
		 "W = { at = 0, access = 'rw', posted = true, on_write = "
		 "function(d, new)\n"
		 "  assert(new == d.state.n); d.state.n = d.state.n + 1\n"
		 "  d.reg.SUM = d.reg.SUM + new end },\n"
		 "SUM = { at = 4, access = 'ro' },\n"
		 "P = { at = 8, access = 'rw', on_write = function(d, new)\n"
		 "  assert(d.state.n == new) end } } }",
		 plain);
	dev = vmoon_bench_device(r.b); /* so that no worker comes between */
	for (uint64_t i = 0; i < 10; i++)
		dev->ops->write(dev, 0, 4, i);
	assert_int_equal(rig_stats(&r).posted, 10);
	assert_int_equal(dev->ops->read(dev, 4, 4), 45);
	for (uint64_t i = 10; i < 1000; i++) /* more than wait */
		dev->ops->write(dev, 0, 4, i);
	dev->ops->write(dev, 8, 4, 1000);
	assert_null(rig_stats(&r).error);
	assert_int_equal(rig_read32(&r, 4), 999 * 1000 / 2);
	rig_close(&r);
}

#define POSTED(BEFORE, WRITE)                                            \
	DEVICE "name = 'x', size = 32, registers = { " BEFORE            \
	       "W = { at = 0, access = 'wo', posted = true, on_write = " \
	       "function(d, v) " WRITE " end },\n"                       \
	       "N = { at = 4, access = 'ro' } } }"

/* None of them is lost, none overtakes another. */
static void test_a_posted_write_that_fails_ends_the_turn(void **state)
{
	struct vmoon_device *dev;
	struct ldobj_rig r;

	(void)state;
	rig_open(&r,
		 POSTED("", "d.reg.N = d.reg.N + 1 assert(v == d.reg.N) "
			    "error('no')"),
		 plain);
	dev = vmoon_bench_device(r.b);
	for (uint64_t i = 1; i <= 5; i++)
		dev->ops->write(dev, 0, 4, i);
	for (uint64_t i = 1; i <= 6; i++) {
		assert_int_equal(dev->ops->read(dev, 4, 4), i < 6 ? i : 5);
		assert_int_equal(rig_stats(&r).errors, i < 6 ? i : 5);
	}
	/* More than wait: each makes room for one. */
	for (uint64_t i = 6; i <= 300; i++)
		dev->ops->write(dev, 0, 4, i);
	assert_int_equal(rig_stats(&r).errors, 300 - 256);
	assert_non_null(strstr(rig_stats(&r).error, "no"));
	rig_close(&r);
}

struct asker {
	unsigned holds, readies;
};

static unsigned ask(void *ctx)
{
	(void)ctx;
	return 1;
}

static bool hold_access(void *ctx)
{
	struct asker *a = ctx;

	a->holds++;
	return true;
}

static void let_access(void *ctx)
{
	struct asker *a = ctx;

	a->readies++;
}

/* Who can wait does so until the worker has run all of them. */
static void test_an_access_waits_for_posted_writes_of_more_than_a_turn(
	void **state)
{
	struct asker a = {0};
	struct vmoon_ldobj *obj;
	struct vmoon_device *dev;
	struct ldobj_rig r;

	(void)state;
	rig_open(&r,
		 POSTED("P = { at = 8, access = 'rw' },",
			"d.reg.N = d.reg.N + 1 error('no')"),
		 plain);
	dev = vmoon_bench_device(r.b);
	obj = vmoon_ldobj_of_device(dev);
	obj->env.again = (struct vmoon_again){ask, hold_access, let_access, &a};
	for (unsigned i = 0; i < 5; i++)
		dev->ops->write(dev, 0, 4, i);
	(void)dev->ops->read(dev, 4, 4);
	dev->ops->write(dev, 8, 4, 77);
	assert_int_equal(a.holds, 2);
	for (unsigned i = 2; i < 5; i++) {
		assert_int_equal(a.readies, 0);
		assert_int_equal(rig_stats(&r).errors, i);
		vmoon_ldobj_work(obj);
	}
	assert_int_equal(a.readies, 1);
	assert_int_equal(dev->ops->read(dev, 4, 4), 5);
	assert_int_equal(dev->ops->read(dev, 8, 4), 0); /* it was held back */
	dev->ops->write(dev, 8, 4, 77);
	assert_int_equal(dev->ops->read(dev, 8, 4), 77);
	vmoon_ldobj_work(obj);
	assert_int_equal(a.holds, 2);
	assert_int_equal(a.readies, 1);
	rig_close(&r);
}

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_a_reload_takes_posted_writes_that_wait_along(void **state)
{
	static const char *const after[] = {
		POSTED("A = { at = 8 }, ", "d.reg.N = d.reg.N + v"),
		/* What has gone has taken its writes with it. */
		DEVICE "name = 'x', size = 32, registers = { N = { at = 4, "
		       "access = 'ro' } } }"};
	static const uint64_t sums[] = {2 + 3 + 4 + 5, 0};

	(void)state;
	for (size_t n = 0; n < 2; n++) {
		char path[] = "/tmp/vmoon-posted-XXXXXX";
		struct vmoon_ldobj_options opts = {.source = {.path = path}};
		struct vmoon_device *dev;
		struct ldobj_rig r = {0};

		assert_ok(vmoon_watchdog_create(NULL, &r.dog, &r.err), &r.err);
		opts.watchdog = r.dog;
		assert_int_equal(close(mkstemp(path)), 0);
		put_file(path, POSTED("", "error('no')"));
		assert_ok(vmoon_ldobj_create(&opts, NULL, NULL, &r.obj, &r.err),
			  &r.err);
		assert_ok(rig_plug(&r, NULL, 0), &r.err);
		dev = vmoon_bench_device(r.b);
		for (uint64_t i = 1; i <= 5; i++)
			dev->ops->write(dev, 0, 4, i);
		put_file(path, after[n]);
		assert_ok(vmoon_ldobj_reload(r.obj, NULL, NULL, &r.err),
			  &r.err);
		assert_int_equal(dev->ops->read(dev, 4, 4), sums[n]);
		assert_int_equal(rig_stats(&r).errors, 1);
		rig_close(&r);
		assert_int_equal(unlink(path), 0);
	}
}

#define TIMERS                                                                 \
	DEVICE "name = 'x', size = 16, irq = 'level', state = { log = '' },\n" \
	       "registers = { GO = { at = 0, access = 'rw', on_write = "       \
	       "function(d, v)\n"                                              \
	       "  d:set_timer('a', v / 10); d:set_timer('b', v / 5)\n"         \
	       "  d:set_timer('c', 0.1); d:set_timer('c', nil) end },\n"       \
	       "N = { at = 4, access = 'rw' },\n"                              \
	       "NOW = { at = 8, access = 'ro', width = 8, on_read = "          \
	       "function(d) return d:now_ns() end } },\n"                      \
	       "timers = { a = function(d) d.reg.N = d.reg.N + 1\n"            \
	       "    d:set_timer('a', 0.1) end,\n"                              \
	       "  b = function(d) d.reg.N = d.reg.N + 1000 d:irq(true) end,\n" \
	       "  c = function(d) error('never') end } }"

static void test_timers_run_by_their_names_and_can_be_cancelled(void **state)
{
	struct ldobj_rig r;

	(void)state;
	rig_open(&r, TIMERS, plain);
	rig_write32(&r, 0, 1);
	rig_advance(&r, SECOND / 20);
	assert_int_equal(rig_read32(&r, 4), 0);
	rig_advance(&r, SECOND);
	assert_int_equal(rig_read32(&r, 4), 1010);
	assert_true(vmoon_bench_irq(r.b));
	assert_ok(vmoon_bench_reset(r.b, &r.err), &r.err);
	rig_advance(&r, SECOND);
	assert_int_equal(rig_read32(&r, 4), 0);
	assert_null(rig_stats(&r).error);
	rig_close(&r);
}

static void test_a_timer_that_fails_rests(void **state)
{
	struct ldobj_rig r;

	(void)state;
	rig_open(&r,
		 DEVICE "name = 'x', size = 16, registers = { GO = { at = 0, "
			"on_write = function(d, v) d:set_timer('t', v / 10) "
			"end } }, timers = { t = function(d) "
			"d:set_timer('t', d.reg.GO / 10) error('no') end } }",
		 plain);
	rig_write32(&r, 0, 0);
	rig_advance(&r, SECOND);
	assert_in_range(rig_stats(&r).errors, 99, 101); /* not a million */
	rig_write32(&r, 0, 1); /* longer than the rest: as it was set */
	rig_advance(&r, SECOND);
	assert_in_range(rig_stats(&r).errors, 109, 112);
	rig_close(&r);
}

static void test_a_snapshot_has_registers_state_time_and_timers(void **state)
{
	struct ldobj_rig r, s;

	(void)state;
	rig_open(&r, TIMERS, plain);
	rig_advance(&r, 7 * SECOND);
	rig_write32(&r, 0, 1);
	rig_advance(&r, SECOND / 20);
	rig_save(&r);
	memset(&s, 0, sizeof(s));
	assert_ok(rig_make(&s, TIMERS, plain), &s.err);
	assert_ok(rig_plug(&s, r.saved, r.saved_len), &s.err);
	assert_int_equal(rig_read(&s, 8, 8), 7 * SECOND + SECOND / 20);
	rig_advance(&s, SECOND / 20 - 1);
	assert_int_equal(rig_read32(&s, 4), 0);
	rig_advance(&s, 1);
	assert_int_equal(rig_read32(&s, 4), 1);
	rig_save(&s);
	rig_close(&s);
	rig_close(&r);
}

static void test_a_snapshot_of_another_file_is_refused_unless_it_is_allowed(
	void **state)
{
	static const char one[] =
		DEVICE "name = 'x', size = 16, state = { n = 1 }, registers = "
		       "{ N = { at = 0, access = 'rw', on_read = function(d) "
		       "return d.state.n end } }, methods = { set = "
		       "function(d, n) d.state.n = n end } }";
	static const char two[] =
		DEVICE "name = 'x', size = 16, state = { n = 2 }, registers = "
		       "{ N = { at = 0, access = 'rw', on_read = function(d) "
		       "return d.state.n + 100 end } } }";
	struct vmoon_ldobj_options allow = {.allow_changed = true};
	struct ldobj_rig r, s;

	(void)state;
	rig_open(&r, one, plain);
	rig_save(&r);
	memset(&s, 0, sizeof(s));
	assert_ok(rig_make(&s, two, plain), &s.err);
	assert_int_equal(rig_plug(&s, r.saved, r.saved_len), VMOON_E_IMAGE);
	assert_non_null(strstr(s.err.msg, "test.lua has changed since"));
	rig_close(&s);
	memset(&s, 0, sizeof(s));
	assert_ok(rig_make(&s, two, allow), &s.err);
	assert_ok(rig_plug(&s, r.saved, r.saved_len), &s.err);
	assert_int_equal(rig_read32(&s, 0), 101);
	rig_close(&s);
	rig_close(&r);
}

/* A device's own section, not the bench's: its RAM is not what is tested. */
static void test_hostile_bytes_of_a_snapshot_load_whole_or_not_at_all(
	void **state)
{
	static unsigned char bytes[8192], again[8192];
	struct vmoon_state_writer w = {.buf = bytes, .size = sizeof(bytes)};
	struct vmoon_device *dev;
	struct ldobj_rig r;
	size_t len;

	(void)state;
	rig_open(&r, TIMERS, plain);
	dev = vmoon_bench_device(r.b);
	rig_write32(&r, 0, 1);
	dev->ops->save(dev, &w);
	assert_false(w.is_overflow);
	len = w.len;
	for (size_t i = 0; i < len * 9; i++) {
		struct vmoon_state_reader rd = {.buf = bytes, .size = len};
		struct vmoon_state_writer now = {.buf = again,
						 .size = sizeof(again)};
		struct vmoon_state_writer then = {.buf = r.saved,
						  .size = sizeof(r.saved)};
		enum vmoon_status st;

		dev->ops->save(dev, &then);
		if (i < len)
			rd.size = i; /* cut short */
		else
			bytes[i % len] ^= (unsigned char)(1U << (i / len - 1));
		st = dev->ops->load(dev, &rd, &r.err);
		if (i >= len)
			bytes[i % len] ^= (unsigned char)(1U << (i / len - 1));
		if (i < len)
			assert_int_equal(st, VMOON_E_IMAGE);
		dev->ops->save(dev, &now);
		assert_false(now.is_overflow);
		if (st != VMOON_OK) {
			assert_int_equal(now.len, then.len);
			assert_memory_equal(again, r.saved, now.len);
		}
	}
	rig_close(&r);
}

static void test_lines_are_limited(void **state)
{
	struct ldobj_rig r;

	(void)state;
	rig_open(&r,
		 DEVICE
		 "name = 'x', size = 16, registers = { W = { at = 0, "
		 "access = 'rw', on_write = function(d, v) d:log('line\\n' .. "
		 "v) end } } }",
		 plain);
	rig_write32(&r, 0, 1);
	assert_string_equal(r.lines, "line 1\n");
	for (unsigned i = 0; i < 10000; i++)
		rig_write32(&r, 0, i);
	assert_in_range(rig_stats(&r).lines_lost, 8000, 9999);
	rig_close(&r);
}

/* ---- reload ---- */

static void test_reload_keeps_registers_state_timers_or_everything(void **state)
{
	static const char head[] =
		DEVICE "name = 'x', size = 16, state = { n = %d, %s = 5 }, "
		       "registers = { N = { at = 0, access = 'rw', reset = 9 "
		       "}, V = { at = 4, access = 'ro', on_read = function(d) "
		       "return d.state.n + %d end } }, timers = { t = "
		       "function(d) d.reg.N = %d end }, methods = { go = "
		       "function(d) d.state.n = 50 d:set_timer('t', 1) end } "
		       "%s }";
	char path[] = "/tmp/vmoon-reload-XXXXXX", text[1000];
	struct vmoon_ldobj_options opts = {.source = {.path = path}};
	struct ldobj_rig r = {0};
	struct vmoon_ldcall io = {0};
	struct vmoon_ldobj_stats before;
	FILE *f;
	int fd;

	(void)state;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
#define PUT(...)                                                 \
	do {                                                     \
		(void)snprintf(text, sizeof(text), __VA_ARGS__); \
		rewind(f);                                       \
		assert_int_equal(ftruncate(fileno(f), 0), 0);    \
		assert_true(fputs(text, f) >= 0);                \
		assert_int_equal(fflush(f), 0);                  \
	} while (0)
	PUT(head, 1, "a", 1, 111, "");
	assert_ok(vmoon_watchdog_create(NULL, &r.dog, &r.err), &r.err);
	opts.watchdog = r.dog;
	assert_ok(vmoon_ldobj_create(&opts, NULL, NULL, &r.obj, &r.err),
		  &r.err);
	assert_ok(rig_plug(&r, NULL, 0), &r.err);
	rig_write32(&r, 0, 33);
	assert_ok(vmoon_ldobj_call(r.obj, "go", &io, &r.err), &r.err);
	assert_int_equal(rig_read32(&r, 4), 51);
	/* A mistake: the old one goes on. */
	PUT(head, 1, "a", 1, 111, ", sise = 3");
	assert_int_equal(vmoon_ldobj_reload(r.obj, rig_problem, &r, &r.err),
			 VMOON_E_CONFIG);
	assert_non_null(strstr(r.problems, "sise"));
	assert_int_equal(rig_read32(&r, 4), 51);
	PUT(head, 1, "a", 1, 111, ", irq = 'edge'");
	assert_int_equal(vmoon_ldobj_reload(r.obj, NULL, NULL, &r.err),
			 VMOON_E_CONFIG);
	assert_non_null(strstr(r.err.msg, "irq cannot change"));
	assert_int_equal(rig_read32(&r, 4), 51);
	/* New code. */
	PUT(head, 2, "b", 1000, 222, "");
	before = rig_stats(&r);
	assert_true(before.state.total_ns >= before.state.worst_ns);
	assert_ok(vmoon_ldobj_reload(r.obj, NULL, NULL, &r.err), &r.err);
	assert_true(rig_stats(&r).state.calls >= before.state.calls);
	assert_true(rig_stats(&r).state.worst_ns >= before.state.worst_ns);
	assert_true(rig_stats(&r).state.total_ns >= before.state.total_ns);
	assert_int_equal(rig_stats(&r).hooks, before.hooks);
	assert_int_equal(rig_read32(&r, 0), 33);
	assert_int_equal(rig_read32(&r, 4), 1050);
	rig_advance(&r, SECOND);
	assert_int_equal(rig_read32(&r, 0), 222);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(remove(path), 0);
	rig_close(&r);
}

/* ---- memory ---- */

static void test_y_20__memory_may_end_at_any_call_of_the_heap(void **state)
{
	bool is_done = false;

	(void)state;
	for (size_t at = 1; !is_done; at++) {
		struct check_alloc alloc = {.fail_at = at};
		const struct vmoon_allocator a = check_allocator(&alloc);
		struct vmoon_mem mem;
		struct vmoon_ldobj_options opts = {.mem = &mem};
		struct ldobj_rig r = {0};
		enum vmoon_status st;

		vmoon_mem_init(&mem, &a);
		st = rig_make(&r, TIMERS, opts);
		is_done = st == VMOON_OK;
		if (!is_done)
			assert_int_equal(st, VMOON_E_NOMEM);
		vmoon_ldobj_destroy(r.obj);
		vmoon_watchdog_destroy(r.dog);
		check_alloc_assert_empty(&alloc);
	}
}

static void test_no_access_calls_the_host_s_heap(void **state)
{
	struct check_alloc alloc = {0};
	const struct vmoon_allocator a = check_allocator(&alloc);
	struct vmoon_mem mem;
	struct vmoon_ldobj_options opts = {.mem = &mem};
	struct ldobj_rig r;
	size_t calls;

	(void)state;
	vmoon_mem_init(&mem, &a);
	rig_open(&r, TIMERS, opts);
	calls = alloc.calls;
	for (unsigned i = 0; i < 10000; i++) {
		rig_write32(&r, 0, i & 3);
		(void)rig_read(&r, 8, 8);
		rig_advance(&r, SECOND / 100);
	}
	assert_int_equal(alloc.calls, calls);
	rig_close(&r);
	check_alloc_assert_empty(&alloc);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(
		test_posted_writes_run_in_order_and_before_the_next_access),
	cmocka_unit_test(test_a_posted_write_that_fails_ends_the_turn),
	cmocka_unit_test(
		test_an_access_waits_for_posted_writes_of_more_than_a_turn),
	cmocka_unit_test(test_a_reload_takes_posted_writes_that_wait_along),
	cmocka_unit_test(test_timers_run_by_their_names_and_can_be_cancelled),
	cmocka_unit_test(test_a_timer_that_fails_rests),
	cmocka_unit_test(test_a_snapshot_has_registers_state_time_and_timers),
	cmocka_unit_test(
		test_a_snapshot_of_another_file_is_refused_unless_it_is_allowed),
	cmocka_unit_test(
		test_hostile_bytes_of_a_snapshot_load_whole_or_not_at_all),
	cmocka_unit_test(test_lines_are_limited),
	cmocka_unit_test(
		test_reload_keeps_registers_state_timers_or_everything),
	cmocka_unit_test(test_y_20__memory_may_end_at_any_call_of_the_heap),
	cmocka_unit_test(test_no_access_calls_the_host_s_heap),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
