/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>

#include "runtime/mem.h"
#include "tests/support/ldobj_rig.h"

enum { HOOK = 0, PLAIN = 4, CTRL = 8, INT = 12, LIST = 16, SPIN = 32 };
enum { TIMED = 61, ROUNDS = 1000 };

static const char text[] =
	"local dev = require 'vmoon.device'\n"
	"return dev.mmio { name = 'x', size = 4096, state = { n = 7 },\n"
	"registers = { HOOK = { at = 0, access = 'ro', on_read = function(d)\n"
	"  return d.state.n + d.reg.PLAIN end },\n"
	"PLAIN = { at = 4, access = 'rw' },\n"
	"CTRL = { at = 8, access = 'rw', fields = { A = { bit = 0 },\n"
	"  B = { bit = 1 }, C = { bits = { 8, 15 } } },\n"
	"  on_write = function(d, new, old)\n"
	"    d.state.n = new.C + old.C; d.reg.CTRL.B = old.A end },\n"
	"INT = { at = 12, access = 'rw',\n"
	"  on_write = function(d, new) d.state.n = new end },\n"
	"LIST = { at = 16, access = 'rw', array = { count = 4, stride = 4 },\n"
	"  on_read = function(d, i) return d.reg.LIST[i] + i end },\n"
	"SPIN = { at = 32, access = 'rw', on_write = function(d, n)\n"
	"  for i = 1, n do d.state.n = i end end } } }";
static const struct vmoon_ldobj_options plain = {0};

static void use(struct ldobj_rig *r, int round)
{
	const uint64_t n = (uint64_t)round;

	VMOON_IGNORE(rig_read32(r, HOOK) == 0);
	rig_write32(r, PLAIN, n);
	VMOON_IGNORE(rig_read32(r, PLAIN) == 0);
	rig_write32(r, CTRL, n << 8 | (n & 1));
	rig_write32(r, INT, n);
	VMOON_IGNORE(rig_read32(r, LIST + 4 * (n & 3)) == 0);
}
enum { USES = 6, HOOKS = 4 };

/* ---- memory ---- */

struct heap {
	size_t calls;
};

static void *count_calls(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
	struct heap *h = ctx;

	(void)old_size;
	h->calls++;
	if (new_size > 0)
		return realloc(ptr, new_size);
	free(ptr);
	return NULL;
}

/* The collector rests meanwhile: what Lua allocates would be seen. */
static void test_no_access_allocates_here_or_in_lua(void **state)
{
	struct heap heap = {0};
	const struct vmoon_allocator a = {
		.size = sizeof(a), .realloc = count_calls, .ctx = &heap};
	struct ldobj_rig r;
	struct vmoon_mem mem;
	size_t calls, memory;

	(void)state;
	vmoon_mem_init(&mem, &a);
	rig_open(&r, text, (struct vmoon_ldobj_options){.mem = &mem});
	use(&r, 0); /* the first call of a function makes room for it */
	calls = heap.calls;
	memory = rig_stats(&r).state.memory;
	assert_true(calls > 0 && memory > 0);
	for (int i = 1; i <= ROUNDS; i++)
		use(&r, i);
	assert_null(rig_stats(&r).error);
	assert_int_equal(rig_stats(&r).hooks, HOOKS * (ROUNDS + 1));
	assert_int_equal(heap.calls, calls);
	assert_int_equal(rig_stats(&r).state.memory, memory);
	assert_false(vmoon_ldstate_wants_gc(vmoon_ldobj_state(r.obj)));
	rig_close(&r);
	assert_int_equal(vmoon_mem_used(&mem), 0);
}

/* ---- figures ---- */

static void test_exits_are_all_accesses_whoever_answers_them(void **state)
{
	struct ldobj_rig r;

	(void)state;
	rig_open(&r, text, plain);
	assert_int_equal(rig_stats(&r).exits, 0);
	assert_int_equal(rig_stats(&r).c_ns, 0);
	VMOON_IGNORE(rig_read32(&r, 0x800) == 0); /* nobody is there */
	for (int i = 1; i <= 3 * TIMED; i++) {
		VMOON_IGNORE(rig_read32(&r, i % 2 == 0 ? HOOK : PLAIN) == 0);
		assert_int_equal(rig_stats(&r).exits, 1 + i);
	}
	assert_int_equal(rig_stats(&r).fast + rig_stats(&r).hooks, 3 * TIMED);
	rig_close(&r);
}

static void test_the_time_of_c_is_without_luas(void **state)
{
	struct vmoon_ldobj_stats st;
	struct ldobj_rig r;

	(void)state;
	rig_open(&r, text, plain);
	for (int i = 0; i < 2 * TIMED; i++)
		rig_write32(&r, SPIN, 100000);
	st = rig_stats(&r);
	assert_null(st.error);
	assert_int_equal(st.exits, 2 * TIMED);
	assert_true(st.state.worst_ns <= st.state.total_ns);
	assert_true(st.c_ns < st.state.total_ns / 2);
	rig_close(&r);
}

/* ---- slow hooks ---- */

static void test_a_slow_hook_is_told_once_by_its_name(void **state)
{
	struct ldobj_rig r;
	const char *line;
	double ms = 0;
	char end[64] = "";

	(void)state;
	rig_open(&r, text, plain);
	/* A loop of three millions takes no less than a millisecond. */
	for (int i = 0; i < 3; i++)
		rig_write32(&r, SPIN, 3000000);
	assert_null(rig_stats(&r).error);
	line = strstr(r.lines, "on_write of SPIN took ");
	assert_non_null(line);
	assert_null(strstr(line + 1, "on_write of SPIN took "));
	assert_int_equal(
		sscanf(line, "on_write of SPIN took %lf ms %63[^\n]", &ms, end),
		2);
	assert_true(ms >= 1.0);
	assert_string_equal(end, "(told once for each hook)");
	rig_close(&r);
}

/* ---- threads ---- */

struct crowd {
	struct ldobj_rig r;
	pthread_mutex_t lock; /* as the slot's is */
};

static void *be_vcpu(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < ROUNDS; i++) {
		(void)pthread_mutex_lock(&c->lock);
		use(&c->r, i);
		(void)pthread_mutex_unlock(&c->lock);
	}
	return NULL;
}

/* What vm.device.NAME does. */
static void *be_script(void *arg)
{
	struct crowd *c = arg;
	struct vmoon_reg_access_note note;
	struct vmoon_ldhook_stats hook;

	for (int i = 0; i < ROUNDS / 10; i++) {
		(void)pthread_mutex_lock(&c->lock);
		VMOON_IGNORE(rig_stats(&c->r).exits == 0);
		VMOON_IGNORE(vmoon_ldobj_hook_stats(c->r.obj, 0, &hook));
		VMOON_IGNORE(vmoon_ldobj_reg(c->r.obj, 1, 0) == 0);
		vmoon_ldobj_watch(c->r.obj, i % 2 == 0, NULL, NULL);
		VMOON_IGNORE(vmoon_ldobj_note(c->r.obj, 0, &note));
		(void)pthread_mutex_unlock(&c->lock);
	}
	return NULL;
}

static void test_threads_that_hold_the_lock_lose_no_access(void **state)
{
	static void *(*const roles[])(void *) = {be_vcpu, be_vcpu, be_script};
	struct crowd c = {.lock = PTHREAD_MUTEX_INITIALIZER};
	pthread_t threads[VMOON_COUNTOF(roles)];

	(void)state;
	rig_open(&c.r, text, plain);
	for (size_t i = 0; i < VMOON_COUNTOF(roles); i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, roles[i], &c), 0);
	for (size_t i = 0; i < VMOON_COUNTOF(roles); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_null(rig_stats(&c.r).error);
	assert_int_equal(rig_stats(&c.r).exits, 2 * ROUNDS * USES);
	assert_int_equal(rig_stats(&c.r).hooks, 2 * ROUNDS * HOOKS);
	assert_int_equal(rig_stats(&c.r).fast, 2 * ROUNDS * (USES - HOOKS));
	rig_close(&c.r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_no_access_allocates_here_or_in_lua),
	cmocka_unit_test(test_exits_are_all_accesses_whoever_answers_them),
	cmocka_unit_test(test_the_time_of_c_is_without_luas),
	cmocka_unit_test(test_a_slow_hook_is_told_once_by_its_name),
	cmocka_unit_test(test_threads_that_hold_the_lock_lose_no_access),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
