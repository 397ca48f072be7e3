/* SPDX-License-Identifier: MIT */
/* test_oracle.c - the judge sees each evil; devices pass under attack. */
#include "tests/support/fixture.h"
#include "tests/support/oracle.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY = 512 };

static void expect(const struct oracle_case *c, enum oracle_verdict want,
		   const char *text)
{
	char why[WHY] = "";
	const enum oracle_verdict v = oracle_judge(c, why, sizeof(why));

	if (v != want || strstr(why, text) == NULL)
		fail_msg("verdict %d: %s", (int)v, why);
}

/* ---- evil that a device might do, done in its place ---- */

static void raise_signal(struct op_rig *r, const void *arg)
{
	(void)r, (void)arg;
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static void leave(struct op_rig *r, const void *arg)
{
	(void)r, (void)arg;
	exit(0);
}

static void grow(struct op_rig *r, const void *arg)
{
	(void)arg;
	VMOON_IGNORE(vmoon_mem_alloc(&r->heap, 100) == NULL);
}

static void talk(struct op_rig *r, const void *arg)
{
	(void)r, (void)arg;
	for (unsigned i = 0; i < 11; i++)
		puts("a line");
}

static void keep_a_head(struct op_rig *r, const void *arg)
{
	struct vmoon_driver_ring *ring = vmoon_driver_ring(r->driver, 0);

	(void)arg;
	vmoon_driver_store(ring, VMOON_DRIVER_AVAIL_IDX, 0, 1);
	vmoon_driver_store(ring, VMOON_DRIVER_USED_IDX, 0, 0);
	hostile_mem_freeze(&r->mem);
}

static void scribble(struct op_rig *r, const void *arg)
{
	(void)arg;
	*hostile_mem_at(&r->mem, HOSTILE_HOLE - 1) ^= 1;
}

static void open_file(struct op_rig *r, const void *arg)
{
	(void)r, (void)arg;
	VMOON_IGNORE(fopen("/dev/null", "r") == NULL);
}

static bool work_forever(void *ctx)
{
	(void)ctx;
	return true;
}

static void never_rest(struct op_rig *r, const void *arg)
{
	(void)arg;
	r->host.work = work_forever;
}

static void test_oracle__sees_each_evil(void **state)
{
	static const struct {
		void (*attack)(struct op_rig *r, const void *arg);
		const char *text;
	} rows[] = {
		{raise_signal, "1: "}, {leave, "1: "},     {never_rest, "2: "},
		{grow, "3: "},         {open_file, "4: "}, {talk, "5: "},
		{keep_a_head, "6: "},  {scribble, "7: "},
	};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		const struct oracle_case c = {.name = "evil",
					      .device = OP_RNG,
					      .attack = rows[i].attack};

		expect(&c, ORACLE_FAIL, rows[i].text);
	}
}

static void do_nothing(struct op_rig *r, const void *arg)
{
	(void)r, (void)arg;
}

static void test_oracle__a_good_device_passes(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < OP_DEVICES; kind++) {
		const struct oracle_case c = {.name = "good",
					      .device = kind,
					      .features = UINT64_MAX,
					      .attack = do_nothing};

		expect(&c, ORACLE_PASS, "");
	}
}

/* ---- what a driver does ---- */

struct evil {
	const char *name;
	struct vmoon_desc descs[3];
	uint16_t head, jump;
};

static void offer_evil(struct op_rig *r, const void *arg)
{
	struct vmoon_driver_ring *ring = vmoon_driver_ring(r->driver, 0);
	const struct evil *e = arg;

	vmoon_driver_raw(ring, 0, e->descs, 3);
	vmoon_driver_offer(ring, e->head);
	ring->avail_idx = (uint16_t)(ring->avail_idx + e->jump);
	vmoon_driver_store(ring, VMOON_DRIVER_AVAIL_IDX, 0, ring->avail_idx);
	hostile_mem_freeze(&r->mem);
	vmoon_driver_kick(r->driver, 0, true);
}

enum { NEXT = VMOON_DESC_NEXT, WRITE = VMOON_DESC_WRITE, A = HOSTILE_A };

static const struct evil evils[] = {
	{"q01 a loop", {{A, 16, NEXT, 0}}, 0, 0},
	{"q01 a loop of two", {{A, 16, NEXT, 1}, {A, 16, NEXT, 0}}, 0, 0},
	{"q02 next past the end", {{A, 16, NEXT, 0xffff}}, 0, 0},
	{"q02 head past the end", {{A, 16, 0, 0}}, 0xffff, 0},
	{"q03 idx jumps", {{A, 16, 0, 0}}, 0, 0x8000},
	{"q06 no bytes at all", {{A, 0, NEXT, 1}, {A, 0, 0, 0}}, 0, 0},
	{"q07 an odd table", {{A, 15, VMOON_DESC_INDIRECT, 0}}, 0, 0},
	{"q07 a table in a hole",
	 {{HOSTILE_HOLE, 32, VMOON_DESC_INDIRECT, 0}},
	 0,
	 0},
	{"q08 more than 4 GiB",
	 {{A, UINT32_MAX, NEXT, 1}, {A, UINT32_MAX, WRITE, 0}},
	 0,
	 0},
	{"q10 readable after writable",
	 {{A, 16, WRITE | NEXT, 1}, {A, 16, 0, 0}},
	 0,
	 0},
	{"q12 in a hole", {{HOSTILE_HOLE, 16, WRITE, 0}}, 0, 0},
	{"q13 wraps", {{UINT64_MAX, 2, WRITE, 0}}, 0, 0},
};

static void test_oracle__no_device_is_hurt_by_evil_chains(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(evils); i++)
		for (unsigned kind = 0; kind < OP_DEVICES; kind++) {
			struct oracle_case c = {.name = evils[i].name,
						.device = kind,
						.features = UINT64_MAX,
						.attack = offer_evil,
						.arg = &evils[i]};

			/* Queue 0 of a console waits for input. */
			c.may_keep = kind == OP_CONSOLE;
			expect(&c, ORACLE_PASS, "");
		}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_oracle__sees_each_evil),
	cmocka_unit_test(test_oracle__a_good_device_passes),
	cmocka_unit_test(test_oracle__no_device_is_hurt_by_evil_chains),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
