/* SPDX-License-Identifier: MIT */
/*
 * bench_hook.c - from C into a device's Lua state and back, beside a call of a
 * C function; and what the watch around it takes.
 */
#include "bench/bench.h"
#include "bindings/ldstate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 200000, BATCH = 1000, ROUNDS = 300 };

struct rig {
	struct vmoon_watchdog *dog;
	struct vmoon_ldstate *s;
	lua_State *L;
	uint32_t ns[SAMPLES];
	volatile uint64_t sum;
};

static void ignore_late(void *ctx)
{
	(void)ctx;
}

static int load_hook(lua_State *L)
{
	const char *text = lua_touserdata(L, 1);

	vmoon_ldstate_load(L, text, strlen(text), "=bench");
	lua_call(L, 0, 1);
	return 1;
}

static void call_hook(struct rig *r)
{
	lua_pushvalue(r->L, 1);
	lua_pushinteger(r->L, 8);
	must(vmoon_ldstate_call(r->s, 1, 1));
	r->sum += (uint64_t)lua_tointeger(r->L, -1);
	lua_settop(r->L, 1);
}

static void __attribute__((noinline)) call_c(struct rig *r)
{
	r->sum += 8;
}

static void run_watch(struct rig *r)
{
	static struct vmoon_watch w;

	if (w.watchdog == NULL)
		must(vmoon_watch_init(&w, r->dog, ignore_late, NULL, NULL) ==
		     VMOON_OK);
	vmoon_watch_begin(&w, VMOON_LDSTATE_BUDGET_NS);
	VMOON_IGNORE(vmoon_watch_end(&w));
}

/* The best round: what disturbs a round only ever makes it slower. */
static double measure(struct rig *r, void (*fn)(struct rig *r))
{
	double best = 1e18;

	for (int i = 0; i < ROUNDS; i++) {
		double start = now_ns(), ns;

		for (int j = 0; j < BATCH; j++)
			fn(r);
		ns = (now_ns() - start) / BATCH;
		best = ns < best ? ns : best;
	}
	return best;
}

static int compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print_row(const char *name, double ns, const char *beside)
{
	printf("%-40s | %8.1f | %-4s | %s\n", name, ns, "ns", beside);
}

/* Single calls, with the clock's own time in them. */
static void measure_tail(struct rig *r)
{
	for (int i = 0; i < SAMPLES; i++) {
		double start = now_ns();

		call_hook(r);
		r->ns[i] = (uint32_t)(now_ns() - start);
	}
	qsort(r->ns, SAMPLES, sizeof(r->ns[0]), compare);
	print_row("one empty Lua hook, p50", r->ns[SAMPLES / 2],
		  "the clock's two looks included");
	print_row("one empty Lua hook, p99.9", r->ns[SAMPLES / 1000 * 999],
		  "the same");
}

int main(void)
{
	static struct rig r;
	static char empty[] = "return function(v) return v end";
	struct vmoon_ldstate_options opts = {0};
	double c, hook;

	must(vmoon_watchdog_create(NULL, &r.dog, NULL) == VMOON_OK);
	opts.watchdog = r.dog;
	must(vmoon_ldstate_create(&opts, &r.s, NULL) == VMOON_OK);
	r.L = vmoon_ldstate_lua(r.s);
	must(vmoon_ldstate_run(r.s, load_hook, empty, 0, NULL) == VMOON_OK);
	print_row("watch begin and end", measure(&r, run_watch),
		  "budget 20 ns");
	c = measure(&r, call_c);
	hook = measure(&r, call_hook);
	print_row("empty Lua hook, more than a C function", hook - c,
		  "budget 150 ns");
	measure_tail(&r);
	vmoon_ldstate_destroy(r.s);
	vmoon_watchdog_destroy(r.dog);
	return 0;
}
