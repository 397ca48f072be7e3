/* SPDX-License-Identifier: MIT */
/*
 * test_ldattack.c - the scripts of tests/attacks, each against a state of its
 * own: it is called three times on a thread with less stack than a vCPU's, ends
 * as the table says, and the state and the host go on. What ends by its budget
 * does so long before HANG_S of the processor's time, however busy the host is.
 */
#include <dirent.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bindings/lhost.h"
#include "tests/support/ldstate_rig.h"

#define FOLDER "tests/attacks"

/* Nothing of the ends without LATE may hang on how fast the host is. */
#define LONG_NS (1000 * VMOON_LDSTATE_BUDGET_NS)

/* Of one call: fifty budgets, for hosts with slow memory. */
#define HANG_S 0.5

enum { ENDS = 1, LATE = 2, FAILS = 4, NO_MEMORY = 8 };

enum {
#ifdef VMOON_CHECK_LOCKS
	STACK_BYTES = 8 << 20, /* sanitizers make frames large */
#else
	STACK_BYTES = 320 << 10, /* what a vCPU's 512 KiB leave, and more */
#endif
	CALLS = 3,
	FILE_MAX = 1 << 16
};

/* Sanitizers make C many times slower than the steps that pay for it. */
static bool has_speed(void)
{
#ifdef VMOON_CHECK_LOCKS
	return false;
#else
	return true;
#endif
}

/*
 * ThreadSanitizer keeps a signal back until its thread calls the C library, and
 * a loop in Lua never does: a watch that is late comes to nothing.
 */
static bool has_signals(void)
{
#ifdef __SANITIZE_THREAD__
	return false;
#else
	return true;
#endif
}

struct attack {
	const char *name;
	unsigned ends; /* which ends are right */
};

struct calls {
	struct vmoon_ldstate *s;
	unsigned ends[CALLS], good[CALLS];
	double seconds[CALLS];
	char error[CALLS][VMOON_LDSTATE_ERROR_MAX];
};

/* Stack: the attack, and a function that is none. */
static void *call_thread(void *arg)
{
	struct calls *c = arg;
	lua_State *L = vmoon_ldstate_lua(c->s);

	for (int i = 0; i < CALLS; i++) {
		lua_pushvalue(L, 1);
		c->seconds[i] = -vmoon_lhost_cpu();
		if (vmoon_ldstate_call(c->s, 0, 0))
			c->ends[i] = ENDS;
		else if (vmoon_ldstate_was_late(c->s))
			c->ends[i] = LATE;
		else
			c->ends[i] = strncmp(vmoon_ldstate_error(c->s),
					     "out of memory", 13) == 0
					     ? NO_MEMORY
					     : FAILS;
		(void)snprintf(c->error[i], sizeof(c->error[i]), "%s",
			       vmoon_ldstate_error(c->s));
		while (vmoon_ldstate_wants_gc(c->s))
			vmoon_ldstate_gc(c->s, 200000); /* as a worker does */
		c->seconds[i] += vmoon_lhost_cpu();
		lua_pushvalue(L, 2);
		lua_pushinteger(L, i);
		c->good[i] = vmoon_ldstate_call(c->s, 1, 1) &&
			     lua_tointeger(L, -1) == i + 1;
		lua_settop(L, 2);
	}
	return NULL;
}

static void call_all(struct calls *c)
{
	pthread_attr_t attr;
	pthread_t thread;

	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, STACK_BYTES), 0);
	assert_int_equal(pthread_create(&thread, &attr, call_thread, c), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)pthread_attr_destroy(&attr);
}

static char *read_attack(const char *name)
{
	char path[128], *text = calloc(1, FILE_MAX);
	FILE *f;

	(void)snprintf(path, sizeof(path), FOLDER "/%s.lua", name);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, FILE_MAX - 1, f) > 0);
	(void)fclose(f);
	return text;
}

static void check_calls(const struct attack *a, const struct calls *c)
{
	for (int i = 0; i < CALLS; i++) {
		if ((c->ends[i] & a->ends) == 0)
			fail_msg("%s, call %d: ended as %u (%s)", a->name, i,
				 c->ends[i], c->error[i]);
		if (has_speed() && c->seconds[i] > HANG_S)
			fail_msg("%s, call %d: took %.2f s", a->name, i,
				 c->seconds[i]);
		if (a->ends == LATE &&
		    strstr(c->error[i], "exceeded its budget") == NULL)
			fail_msg("%s, call %d: says %s", a->name, i,
				 c->error[i]);
		if (c->good[i] == 0)
			fail_msg("%s: the state is of no use after call %d",
				 a->name, i);
	}
}

static void attack(void **state)
{
	const struct attack *a = *state;
	struct ldstate_rig r, other;
	struct vmoon_ldstate_stats stats;
	struct calls c = {0};
	char *text;

	if ((a->ends & LATE) != 0 && !has_signals()) {
		print_message("[  SKIP    ] %s: needs a signal in the middle "
			      "of a loop\n",
			      a->name);
		skip();
	}
	text = read_attack(a->name);
	rig_open(&r, (struct vmoon_ldstate_options){
			     .folder = FOLDER,
			     .budget_ns = (a->ends & LATE) != 0 ? 0 : LONG_NS});
	rig_open(&other, (struct vmoon_ldstate_options){0});
	assert_ok(rig_try(&r, text), &r.err);
	assert_int_equal(lua_gettop(r.L), 1);
	assert_ok(rig_try(&r, "return function(n) return n + 1 end"), &r.err);
	c.s = r.s;
	call_all(&c);
	check_calls(a, &c);
	vmoon_ldstate_stats(r.s, &stats);
	print_message("[          ] worst call %.1f ms, peak %zu KiB\n",
		      (double)stats.worst_ns / 1e6, stats.memory_peak / 1024);
	assert_true(stats.memory_peak <= stats.memory_max);
	assert_true(stats.memory_max < VMOON_LDSTATE_MEMORY);
	vmoon_ldstate_gc(r.s, VMOON_LDSTATE_BUDGET_NS);
	rig_run(&other, "assert(('x'):rep(3) == 'xxx' and tostring(1) == '1')");
	rig_close(&other);
	rig_close(&r);
	free(text);
}

#define ATTACK(file, sentence, how)                             \
	{                                                       \
#sentence, attack, NULL, NULL, &(struct attack) \
		{                                               \
			file, how                               \
		}                                               \
	}

/* clang-format off */
static const struct CMUnitTest tests[] = {
	ATTACK("y01_for", test_y_01__for, LATE),
	ATTACK("y01_goto", test_y_01__goto, LATE),
	ATTACK("y01_loop", test_y_01__loop, LATE),
	ATTACK("y02_error_in_tostring", test_y_02__error_in_tostring, LATE),
	ATTACK("y02_pcall", test_y_02__pcall, LATE),
	ATTACK("y02_recursive_pcall", test_y_02__recursive_pcall, LATE),
	ATTACK("y02_xpcall_handler", test_y_02__xpcall_handler, LATE),
	ATTACK("y02_xpcall_late", test_y_02__xpcall_late, LATE),
	ATTACK("y03_close_chain", test_y_03__close_chain, LATE),
	ATTACK("y03_close_later", test_y_03__close_later, LATE),
	ATTACK("y03_coroutine", test_y_03__coroutine, ENDS | LATE),
	ATTACK("y03_wrap_close", test_y_03__wrap_close, LATE),
	ATTACK("y03_wrap_later", test_y_03__wrap_later, LATE),
	ATTACK("y03_wrap_loop", test_y_03__wrap_loop, LATE),
	ATTACK("y03_yield_storm", test_y_03__yield_storm, LATE),
	ATTACK("y04_gc", test_y_04__gc, ENDS),
	ATTACK("y05_close", test_y_05__close, LATE),
	ATTACK("y05_close_many", test_y_05__close_many, LATE),
	ATTACK("y05_for_close", test_y_05__for_close, LATE),
	ATTACK("y06_rep_nothing", test_y_06__rep_nothing, ENDS),
	ATTACK("y07_buffer", test_y_07__buffer, NO_MEMORY),
	ATTACK("y07_double", test_y_07__double, NO_MEMORY),
	ATTACK("y07_double_caught", test_y_07__double_caught, LATE),
	ATTACK("y07_gsub_grow", test_y_07__gsub_grow, NO_MEMORY | LATE),
	ATTACK("y07_many", test_y_07__many, NO_MEMORY | LATE),
	ATTACK("y07_pack", test_y_07__pack, NO_MEMORY | FAILS),
	ATTACK("y07_rep", test_y_07__rep, FAILS),
	ATTACK("y07_rep_huge", test_y_07__rep_huge, FAILS),
	ATTACK("y07_unpack", test_y_07__unpack, ENDS | NO_MEMORY | FAILS),
	ATTACK("y08_concat", test_y_08__concat, LATE),
	ATTACK("y08_concat_chain", test_y_08__concat_chain, LATE),
	ATTACK("y08_concat_floats", test_y_08__concat_floats, LATE),
	ATTACK("y08_move", test_y_08__move, LATE),
	ATTACK("y08_move_chain", test_y_08__move_chain, LATE),
	ATTACK("y08_move_sink", test_y_08__move_sink, LATE),
	ATTACK("y08_unpack_chain", test_y_08__unpack_chain, LATE),
	ATTACK("y09_insert", test_y_09__insert, LATE),
	ATTACK("y09_insert_chain", test_y_09__insert_chain, LATE),
	ATTACK("y09_len_changes", test_y_09__len_changes, ENDS),
	ATTACK("y09_remove", test_y_09__remove, LATE),
	ATTACK("y09_remove_chain", test_y_09__remove_chain, LATE),
	ATTACK("y09_remove_min", test_y_09__remove_min, ENDS | LATE),
	ATTACK("y09_sort_len", test_y_09__sort_len, FAILS),
	ATTACK("y09_sort_len_int", test_y_09__sort_len_int, FAILS | LATE),
	ATTACK("y10_sort", test_y_10__sort, LATE),
	ATTACK("y10_sort_chain", test_y_10__sort_chain, LATE),
	ATTACK("y10_sort_loop", test_y_10__sort_loop, LATE),
	ATTACK("y10_sort_mad", test_y_10__sort_mad, ENDS),
	ATTACK("y10_sort_strings", test_y_10__sort_strings, LATE),
	ATTACK("y11_balance", test_y_11__balance, LATE),
	ATTACK("y11_compile", test_y_11__compile, LATE),
	ATTACK("y11_find_greedy", test_y_11__find_greedy, LATE),
	ATTACK("y11_find_lazy", test_y_11__find_lazy, LATE),
	ATTACK("y11_find_optional", test_y_11__find_optional, LATE),
	ATTACK("y11_gmatch", test_y_11__gmatch, LATE),
	ATTACK("y12_find_plain", test_y_12__find_plain, LATE),
	ATTACK("y12_gsub", test_y_12__gsub, LATE),
	ATTACK("y12_gsub_function", test_y_12__gsub_function, LATE),
	ATTACK("y13_debug", test_y_13__debug, ENDS),
	ATTACK("y14_collect", test_y_14__collect, ENDS),
	ATTACK("y14_collisions", test_y_14__collisions, NO_MEMORY | LATE),
	ATTACK("y14_full", test_y_14__full, LATE),
	ATTACK("y14_garbage", test_y_14__garbage, LATE),
	ATTACK("y14_weak_keys", test_y_14__weak_keys, ENDS),
	ATTACK("y15_bytecode", test_y_15__bytecode, ENDS),
	ATTACK("y16_big_chunk", test_y_16__big_chunk, ENDS),
	ATTACK("y16_call_cycle", test_y_16__call_cycle, LATE | NO_MEMORY),
	ATTACK("y16_concat_depth", test_y_16__concat_depth, FAILS),
	ATTACK("y16_coroutine_depth", test_y_16__coroutine_depth, FAILS),
	ATTACK("y16_format_depth", test_y_16__format_depth, FAILS),
	ATTACK("y16_gsub_depth", test_y_16__gsub_depth, FAILS),
	ATTACK("y16_gsub_table_depth", test_y_16__gsub_table_depth, FAILS),
	ATTACK("y16_load_and", test_y_16__load_and, LATE),
	ATTACK("y16_load_depth", test_y_16__load_depth, FAILS),
	ATTACK("y16_load_elseif", test_y_16__load_elseif, LATE),
	ATTACK("y16_load_storm", test_y_16__load_storm, LATE),
	ATTACK("y16_metamethod_depth", test_y_16__metamethod_depth, FAILS),
	ATTACK("y16_parser_depth", test_y_16__parser_depth, FAILS),
	ATTACK("y16_pcall_depth", test_y_16__pcall_depth, LATE),
	ATTACK("y16_print_depth", test_y_16__print_depth, FAILS),
	ATTACK("y16_recursion", test_y_16__recursion, FAILS | NO_MEMORY),
	ATTACK("y16_sort_depth", test_y_16__sort_depth, FAILS),
	ATTACK("y17_error_nil", test_y_17__error_nil, FAILS),
	ATTACK("y17_error_object", test_y_17__error_object, FAILS),
	ATTACK("y17_long_error", test_y_17__long_error, FAILS),
	ATTACK("y18_poison", test_y_18__poison, ENDS),
	ATTACK("y19_absent", test_y_19__absent, ENDS),
	ATTACK("y20_errors", test_y_20__errors, ENDS),
	ATTACK("y21_append", test_y_21__append, ENDS | NO_MEMORY | LATE),
	ATTACK("y22_pattern", test_y_22__pattern, ENDS | LATE),
	ATTACK("y24_address", test_y_24__address, ENDS),
	ATTACK("y25_char", test_y_25__char, LATE),
	ATTACK("y25_format", test_y_25__format, LATE),
	ATTACK("y25_max", test_y_25__max, LATE),
	ATTACK("y25_min", test_y_25__min, LATE),
	ATTACK("y25_pack", test_y_25__pack, LATE),
	ATTACK("y25_utf8_char", test_y_25__utf8_char, LATE),
	ATTACK("y26_format_floats", test_y_26__format_floats, LATE),
	ATTACK("y26_format_quote", test_y_26__format_quote, LATE),
};
/* clang-format on */

static int count_files(void)
{
	DIR *dir = opendir(FOLDER);
	int count = 0;

	if (dir == NULL)
		return -1;
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		count += strstr(e->d_name, ".lua") != NULL;
	(void)closedir(dir);
	return count;
}

int main(void)
{
	if (count_files() != (int)VMOON_COUNTOF(tests)) {
		(void)fprintf(stderr, "a file of " FOLDER " has no row\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
