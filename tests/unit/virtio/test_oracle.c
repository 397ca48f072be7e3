/* SPDX-License-Identifier: MIT */
/* test_oracle.c - the judge sees each evil; devices pass under attack. */
#include "tests/support/fixture.h"
#include "tests/support/oracle.h"
#include "vmoon/le.h"

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

struct evil_of_queue {
	const struct evil *evil;
	unsigned queue;
};

static void offer_evil(struct op_rig *r, const void *arg)
{
	const struct evil_of_queue *eq = arg;
	const struct evil *e = eq->evil;
	struct vmoon_driver_ring *ring =
		vmoon_driver_ring(r->driver, eq->queue);

	vmoon_driver_raw(ring, 0, e->descs, 3);
	vmoon_driver_offer(ring, e->head);
	ring->avail_idx = (uint16_t)(ring->avail_idx + e->jump);
	vmoon_driver_store(ring, VMOON_DRIVER_AVAIL_IDX, 0, ring->avail_idx);
	hostile_mem_freeze(&r->mem);
	vmoon_driver_kick(r->driver, eq->queue, true);
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

/* Queues of the rig's devices: entropy, a disk of two, two ports. */
static const unsigned queues[OP_DEVICES] = {
	[OP_RNG] = 1, [OP_BLK] = 2, [OP_CONSOLE] = 6};

static void test_oracle__no_device_is_hurt_by_evil_chains(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(evils); i++)
		for (unsigned kind = 0; kind < OP_DEVICES; kind++)
			for (unsigned q = 0; q < queues[kind]; q++) {
				const struct evil_of_queue arg = {&evils[i], q};
				struct oracle_case c = {.name = evils[i].name,
							.device = kind,
							.features = UINT64_MAX,
							.attack = offer_evil,
							.arg = &arg};

				/* A console's even queues wait for input. */
				c.may_keep = kind == OP_CONSOLE && q % 2 == 0;
				expect(&c, ORACLE_PASS, "");
			}
}

/* ---- what a disk's driver asks for ---- */

/* As op_rig.c makes them. */
enum { DISK_SECTORS = 128 };

/* Header, so much to read behind it, so much to write; or none of it. */
struct bad_request {
	const char *name;
	uint32_t type;
	uint64_t sector;
	uint32_t out_len, in_len;
};

static const struct bad_request bad_requests[] = {
	{"k01 past the end", VMOON_DRIVER_BLK_IN, DISK_SECTORS - 1, 0, 1025},
	{"k02 2^55", VMOON_DRIVER_BLK_OUT, UINT64_C(1) << 55, 512, 1},
	{"k02 2^63", VMOON_DRIVER_BLK_IN, UINT64_C(1) << 63, 0, 513},
	{"k02 the last", VMOON_DRIVER_BLK_OUT, UINT64_MAX, 512, 1},
	{"k03 no range", VMOON_DRIVER_BLK_DISCARD, 0, 0, 1},
	{"k03 half a range", VMOON_DRIVER_BLK_WRITE_ZEROES, 0, 24, 1},
	{"k03 many ranges", VMOON_DRIVER_BLK_DISCARD, 0, 16 * 1024, 1},
	{"k04 an unknown type", 9, 0, 0, 1},
	{"k04 no status", VMOON_DRIVER_BLK_OUT, 0, 512, 0},
	{"k04 data but no status", VMOON_DRIVER_BLK_FLUSH, 0, 0, 0},
	{"k05 scsi", 2, 0, 64, 96},
	{"k05 scsi, out", 3, 0, 96, 1},
	{"blk_04 odd bytes", VMOON_DRIVER_BLK_IN, 0, 0, 514},
	{"blk_02 a short id", VMOON_DRIVER_BLK_GET_ID, 0, 0, 20},
	{"k01 far past it", VMOON_DRIVER_BLK_OUT, 1, 512 * DISK_SECTORS, 1},
};

enum { OUT = HOSTILE_A + 0x100, IN = HOSTILE_A + 0x6000 };

static void ask_badly(struct op_rig *r, const void *arg)
{
	struct vmoon_driver_ring *ring = vmoon_driver_ring(r->driver, 0);
	const struct bad_request *bad = arg;
	const struct vmoon_desc descs[] = {
		{A, 16, NEXT, 1},
		{OUT, bad->out_len, bad->in_len > 0 ? NEXT : 0, 2},
		{IN, bad->in_len, WRITE, 0}};

	vmoon_le32_store(hostile_mem_at(&r->mem, A), bad->type);
	vmoon_le64_store(hostile_mem_at(&r->mem, A + 8), bad->sector);
	vmoon_driver_raw(ring, 0, descs, 3);
	vmoon_driver_offer(ring, 0);
	hostile_mem_freeze(&r->mem);
	/* None of them is carried out: a status at most. */
	if (bad->in_len > 0)
		hostile_mem_allow(&r->mem, IN + bad->in_len - 1, 1);
	vmoon_driver_kick(r->driver, 0, true);
}

static void test_oracle__no_disk_is_hurt_by_bad_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(bad_requests); i++) {
		const struct oracle_case c = {.name = bad_requests[i].name,
					      .device = OP_BLK,
					      .features = UINT64_MAX,
					      .attack = ask_badly,
					      .arg = &bad_requests[i]};

		expect(&c, ORACLE_PASS, "");
	}
}

/* ---- what a driver does to registers ---- */

/* Each register with so many values; the device is live. */
static void write_everywhere(struct op_rig *r, const void *arg)
{
	static const uint32_t values[] = {
		1,       2,          3,        15,         16,
		64,      0xff,       0x100,    0x8000,     0xffff,
		0x10000, 0x7fffffff, 1u << 31, 0xfffffffe, UINT32_MAX};

	(void)arg;
	for (uint64_t off = 0; off < VMOON_MMIO_CONFIG + 0x40; off += 4)
		for (size_t i = 0; i < VMOON_COUNTOF(values); i++)
			if (off != VMOON_MMIO_STATUS)
				vmoon_driver_set_reg(r->driver, off, values[i]);
}

/* t02: bits that come too early, late, together or not at all. */
static void write_statuses(struct op_rig *r, const void *arg)
{
	(void)arg;
	for (uint32_t status = 0x101; status-- > 0;) {
		vmoon_driver_set_reg(r->driver, VMOON_MMIO_STATUS, status);
		vmoon_driver_set_reg(r->driver, VMOON_MMIO_QUEUE_NOTIFY, 0);
	}
}

/* t04, t06: rings that are none, then DRIVER_OK. */
static void start_badly(struct op_rig *r, const void *arg)
{
	static const uint32_t high[] = {0, 0x7fffffff, UINT32_MAX};

	(void)arg;
	for (size_t i = 0; i < VMOON_COUNTOF(high); i++) {
		VMOON_IGNORE(vmoon_driver_begin(r->driver, NULL) != VMOON_OK);
		VMOON_IGNORE(vmoon_driver_negotiate(r->driver, UINT64_MAX));
		VMOON_IGNORE(vmoon_driver_setup_queue(r->driver, 0, 4));
		vmoon_driver_set_reg(r->driver, VMOON_MMIO_QUEUE_READY, 0);
		vmoon_driver_set_reg(r->driver, VMOON_MMIO_QUEUE_USED,
				     0xfffffff0);
		vmoon_driver_set_reg(r->driver, VMOON_MMIO_QUEUE_USED + 4,
				     high[i]);
		vmoon_driver_set_reg(r->driver, VMOON_MMIO_QUEUE_READY, 1);
		VMOON_IGNORE(vmoon_driver_start(r->driver));
		vmoon_driver_set_reg(r->driver, VMOON_MMIO_QUEUE_NOTIFY, 0);
	}
}

/* t12: kicks in every state on the way up. */
static void kick_early(struct op_rig *r, const void *arg)
{
	(void)arg;
	for (unsigned step = 0; step < 4; step++)
		for (uint32_t queue = 0; queue < 70; queue++) {
			if (queue == 0)
				vmoon_driver_set_reg(r->driver,
						     VMOON_MMIO_STATUS,
						     (1u << step) - 1);
			vmoon_driver_set_reg(r->driver, VMOON_MMIO_QUEUE_NOTIFY,
					     queue);
		}
}

static void test_oracle__no_device_is_hurt_by_registers(void **state)
{
	static const struct {
		const char *name;
		void (*attack)(struct op_rig *r, const void *arg);
	} rows[] = {{"t01 t05 t09 every register", write_everywhere},
		    {"t02 every status", write_statuses},
		    {"t04 t06 rings that are none", start_badly},
		    {"t12 kicks on the way up", kick_early}};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++)
		for (unsigned kind = 0; kind < OP_DEVICES; kind++) {
			const struct oracle_case c = {.name = rows[i].name,
						      .device = kind,
						      .features = UINT64_MAX,
						      .attack = rows[i].attack};

			expect(&c, ORACLE_PASS, "");
		}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_oracle__sees_each_evil),
	cmocka_unit_test(test_oracle__a_good_device_passes),
	cmocka_unit_test(test_oracle__no_device_is_hurt_by_evil_chains),
	cmocka_unit_test(test_oracle__no_disk_is_hurt_by_bad_requests),
	cmocka_unit_test(test_oracle__no_device_is_hurt_by_registers),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
