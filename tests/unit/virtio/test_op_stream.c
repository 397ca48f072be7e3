/* SPDX-License-Identifier: MIT */
/*
 * test_op_stream.c - streams of operations, good and evil, on each device.
 *
 * With VMOON_SEEDS=folder each stream is stored there as a seed of
 * fuzz_virtio_ops.
 */
#include "tests/support/fixture.h"
#include "tests/support/op_stream.h"

#include <string.h>

static void run(const struct op_writer *w, enum op_device kind,
		const char *name)
{
	struct op_rig r;
	const char *broken;

	assert_true(w->len < sizeof(w->buf));
	assert_true(op_rig_init(&r, kind, NULL));
	broken = op_stream_run(&r, w->buf, w->len);
	if (broken != NULL)
		fail_msg("%s: %s", name, broken);
	op_rig_fini(&r);
	op_store(w, kind, name);
}

static void test_op_stream__nothing_at_all_is_fine(void **state)
{
	const struct op_writer w = {.len = 0};

	(void)state;
	for (unsigned kind = 0; kind < OP_DEVICES; kind++) {
		struct op_rig r;

		assert_true(op_rig_init(&r, kind, NULL));
		assert_null(op_stream_run(&r, w.buf, 0));
		op_rig_fini(&r);
	}
}

static void test_op_stream__a_good_disk_driver(void **state)
{
	const struct op_buf write[] = {{OP_AT_HEADER, 1 | 2 << 4},
				       {OP_AT_PAYLOAD, 512},
				       {OP_AT_PAYLOAD | 1, 1}};
	const struct op_buf read[] = {{OP_AT_HEADER, 0 | 2 << 4},
				      {OP_AT_BORDER | 1, 1024},
				      {OP_AT_END | 1, 1}};
	const struct op_buf discard[] = {{OP_AT_HEADER, 11},
					 {OP_AT_SEGMENT, 4 | 3 << 4},
					 {OP_AT_PAYLOAD | 1, 1}};
	struct op_writer w = {.len = 0};

	(void)state;
	op_put_probe(&w, UINT64_MAX, 8);
	op_put_chain(&w, 0, write, 3);
	op_put_chain(&w, 1, read, 3);
	op_put_chain(&w, 0, discard, 3);
	op_put_host(&w, 0x20, 0); /* the first is held */
	op_put_queue(&w, OP_KICK, 0);
	op_put_queue(&w, OP_KICK, 1);
	op_put_plain(&w, OP_SAVE);
	op_put_host(&w, 1, 0); /* and released */
	op_put_plain(&w, OP_INTERRUPT);
	op_put_queue(&w, OP_TAKE, 0);
	op_put_queue(&w, OP_TAKE, 1);
	run(&w, OP_BLK, "blk-good");
}

static void test_op_stream__a_disk_whose_requests_are_wrong(void **state)
{
	struct op_writer w = {.len = 0};

	(void)state;
	op_put_probe(&w, UINT64_MAX, 8);
	for (unsigned at = 0; at < 16; at++) {
		const struct op_buf bufs[] = {
			{OP_AT_HEADER, (uint16_t)at},
			{(uint8_t)at, 512},
			{(uint8_t)(at ^ 1), (uint16_t)(at & 3)}};

		op_put_chain(&w, 0, bufs, (uint8_t)(at % 3 + 1));
		op_put_queue(&w, OP_KICK, 0);
		op_put_queue(&w, OP_TAKE, 0);
	}
	run(&w, OP_BLK, "blk-wrong");
}

static void test_op_stream__a_host_that_fails(void **state)
{
	const struct op_buf write[] = {{OP_AT_HEADER, 1},
				       {OP_AT_PAYLOAD, 1024},
				       {OP_AT_PAYLOAD | 1, 1}};
	struct op_writer w = {.len = 0};

	(void)state;
	op_put_probe(&w, UINT64_MAX, 8);
	for (uint16_t i = 0; i < 8; i++) {
		op_put_host(&w, 0, (uint16_t)((i & 3) | i << 5));
		op_put_chain(&w, 0, write, 3);
		op_put_queue(&w, OP_KICK, 0);
		op_put_queue(&w, OP_TAKE, 0);
		op_put_plain(&w, OP_SAVE);
	}
	op_put_host(&w, 3, 1); /* one sector is left */
	op_put_chain(&w, 0, write, 3);
	op_put_queue(&w, OP_KICK, 0);
	run(&w, OP_BLK, "blk-host-fails");
}

static void test_op_stream__a_reset_with_requests_in_flight(void **state)
{
	const struct op_buf read[] = {{OP_AT_HEADER, 0},
				      {OP_AT_PAYLOAD | 1, 512},
				      {OP_AT_PAYLOAD | 1, 1}};
	struct op_writer w = {.len = 0};

	(void)state;
	op_put_probe(&w, UINT64_MAX, 8);
	op_put_host(&w, 0x60, 0); /* all are held */
	op_put_chain(&w, 0, read, 3);
	op_put_chain(&w, 1, read, 3);
	op_put_queue(&w, OP_KICK, 0);
	op_put_queue(&w, OP_KICK, 1);
	op_put_plain(&w, OP_RESET);
	op_put_host(&w, 1, 0); /* there is none any more */
	op_put_probe(&w, 0, 4);
	op_put_chain(&w, 0, read, 3);
	op_put_queue(&w, OP_KICK, 0);
	op_put_write(&w, 2, VMOON_MMIO_STATUS, 0);
	run(&w, OP_BLK, "blk-reset-in-flight");
}

static void test_op_stream__a_good_rng_driver(void **state)
{
	const struct op_buf bufs[] = {{OP_AT_PAYLOAD | 1, 300},
				      {OP_AT_BORDER | 1, 64}};
	struct op_writer w = {.len = 0};

	(void)state;
	op_put_probe(&w, UINT64_MAX, 8);
	for (unsigned i = 0; i < 20; i++) {
		op_put_chain(&w, 0, bufs, 2);
		op_put_queue(&w, OP_KICK, 0);
		op_put_host(&w, (uint8_t)(i % 5 == 0), 0);
		op_put_plain(&w, OP_SAVE);
		op_put_advance(&w, 100);
		op_put_queue(&w, OP_TAKE, 0);
	}
	run(&w, OP_RNG, "rng-good");
}

static void test_op_stream__a_good_console_driver(void **state)
{
	const struct op_buf out[] = {{OP_AT_PAYLOAD, 'x'}, {OP_AT_END, 70}};
	const struct op_buf in[] = {{OP_AT_PAYLOAD | 1, 64}};
	const struct op_buf ready[] = {{OP_AT_CONTROL, 0 | 1 << 6}};
	const struct op_buf port_ready[] = {{OP_AT_CONTROL, 3 | 1 << 6}};
	const struct op_buf opened[] = {{OP_AT_CONTROL, 6 | 1 << 6}};
	struct op_writer w = {.len = 0};

	(void)state;
	op_put_probe(&w, UINT64_MAX, 8);
	for (unsigned i = 0; i < 4; i++)
		op_put_chain(&w, 2, in, 1);
	op_put_chain(&w, 3, ready, 1);
	op_put_queue(&w, OP_KICK, 3);
	op_put_chain(&w, 3, port_ready, 1);
	op_put_chain(&w, 3, opened, 1);
	op_put_queue(&w, OP_KICK, 3);
	op_put_chain(&w, 0, in, 1);
	op_put_queue(&w, OP_KICK, 0);
	op_put_host(&w, 7, 100);
	op_put_host(&w, 1, 1);
	op_put_chain(&w, 1, out, 2);
	op_put_queue(&w, OP_KICK, 1);
	op_put_plain(&w, OP_SAVE);
	op_put_host(&w, 1, 0);
	op_put_host(&w, 2, 0);
	op_put_host(&w, 4, 132);
	for (uint8_t q = 0; q < 4; q++)
		op_put_queue(&w, OP_TAKE, q);
	op_put_plain(&w, OP_INTERRUPT);
	run(&w, OP_CONSOLE, "console-good");
}

/* Rings that cannot be, on every device. */
static void test_op_stream__rings_that_are_impossible(void **state)
{
	static const char *const names[OP_DEVICES] = {
		"rng-evil-ring", "blk-evil-ring", "console-evil-ring"};
	const struct vmoon_desc loop = {HOSTILE_A, 16, VMOON_DESC_NEXT, 0};
	const struct vmoon_desc indirect = {HOSTILE_A, 15, VMOON_DESC_INDIRECT,
					    0};
	const struct vmoon_desc wraps = {UINT64_MAX, 2, VMOON_DESC_WRITE, 0};

	(void)state;
	for (unsigned kind = 0; kind < OP_DEVICES; kind++) {
		struct op_writer w = {.len = 0};

		op_put_probe(&w, UINT64_MAX, 8);
		op_put_desc(&w, 0, 0, &loop);
		op_put_offer(&w, 0, 0, 0);
		op_put_queue(&w, OP_KICK, 0);
		op_put_desc(&w, 0, 1, &indirect);
		op_put_offer(&w, 0, 1, 0);
		op_put_queue(&w, OP_KICK, 0);
		op_put_desc(&w, 0, 2, &wraps);
		op_put_offer(&w, 0, 2, 0);
		op_put_queue(&w, OP_KICK, 0);
		op_put_offer(&w, 0, 0xffff, 0);
		op_put_queue(&w, OP_KICK, 0);
		op_put_probe(&w, 0, 8);
		op_put_offer(&w, 0, 0, 0x8000);
		op_put_queue(&w, OP_KICK, 0);
		op_put_plain(&w, OP_SAVE);
		run(&w, kind, names[kind]);
	}
}

static void test_op_stream__registers_in_any_order(void **state)
{
	static const char *const names[OP_DEVICES] = {
		"rng-registers", "blk-registers", "console-registers"};

	(void)state;
	for (unsigned kind = 0; kind < OP_DEVICES; kind++) {
		struct op_writer w = {.len = 0};

		for (uint16_t off = 0; off < 0x120; off = (uint16_t)(off + 4)) {
			op_put_write(&w, 2, off,
				     UINT64_C(0x0101010101010101) * off);
			op_put_read(&w, (uint8_t)(off >> 2), off);
		}
		op_put_load(&w, "virtio-mmio", 11);
		run(&w, kind, names[kind]);
	}
}

/* Memory is used again while requests are in it, rings are changed. */
static void test_op_stream__requests_that_change_under_way(void **state)
{
	const struct op_buf in[] = {{OP_AT_HEADER, 0},
				    {OP_AT_PAYLOAD | 1, 0x3000},
				    {OP_AT_PAYLOAD | 1, 1}};
	const struct op_buf fixed[] = {{OP_AT_BORDER, 32},
				       {OP_AT_PAYLOAD | 1, 512},
				       {OP_AT_PAYLOAD | 1, 1}};
	const struct op_buf over[] = {{OP_AT_PAYLOAD, 0x3001}};
	const struct vmoon_desc loop = {HOSTILE_A, 16, VMOON_DESC_NEXT, 0};
	struct op_writer w = {.len = 0};

	(void)state;
	op_put_probe(&w, UINT64_MAX, 0);
	op_put_host(&w, 0x60, 0); /* all are held */
	for (unsigned i = 0; i < 5; i++) {
		op_put_chain(&w, 1, fixed, 3);
		op_put_queue(&w, OP_KICK, 1);
		op_put_chain(&w, 0, in, 3);
		op_put_queue(&w, OP_KICK, 0);
		op_put_plain(&w, OP_SAVE);
	}
	op_put_chain(&w, 1, over, 1);
	op_put_queue(&w, OP_KICK, 1);
	op_put_plain(&w, OP_SAVE);
	op_put_host(&w, 1, 0);
	op_put_plain(&w, OP_SAVE);
	op_put_host(&w, 3, 3); /* too small for what is under way */
	op_put_plain(&w, OP_SAVE);
	op_put_queue(&w, OP_TAKE, 0);
	op_put_host(&w, 3, 127);
	op_put_probe(&w, UINT64_MAX, 0);
	op_put_chain(&w, 0, in, 3);
	op_put_queue(&w, OP_KICK, 0);
	op_put_desc(&w, 0, 0, &loop);
	op_put_plain(&w, OP_SAVE);
	run(&w, OP_BLK, "blk-written-over");
}

/* Bytes that were fetched are others at once. */
static void test_op_stream__memory_that_changes_after_a_look(void **state)
{
	static const char *const names[OP_DEVICES] = {"rng-flips", "blk-flips",
						      "console-flips"};
	const struct op_buf in[] = {{OP_AT_HEADER, 0},
				    {OP_AT_PAYLOAD | 1, 512},
				    {OP_AT_PAYLOAD | 1, 1}};
	const struct op_buf out[] = {{OP_AT_HEADER, 1},
				     {OP_AT_PAYLOAD, 1024},
				     {OP_AT_PAYLOAD | 1, 1}};

	(void)state;
	for (unsigned kind = 0; kind < OP_DEVICES; kind++) {
		struct op_writer w = {.len = 0};

		for (unsigned i = 0; i < 3; i++) {
			op_put_probe(&w, UINT64_MAX, 15);
			op_put_host(&w, 0xff, 1);
			for (uint8_t q = 0; q < 4; q++) {
				op_put_chain(&w, q,
					     kind == OP_BLK ? in : in + 1,
					     kind == OP_BLK ? 3 : 1);
				op_put_chain(&w, q,
					     kind == OP_RNG ? in + 1 : out,
					     kind == OP_RNG ? 1 : 3);
				op_put_queue(&w, OP_KICK, q);
				op_put_plain(&w, OP_SAVE);
			}
		}
		run(&w, kind, names[kind]);
	}
}

/* The host's terminal and peers, before and after they were told of. */
static void test_op_stream__a_console_whose_host_changes(void **state)
{
	const struct op_buf in[] = {{OP_AT_PAYLOAD | 1, 64}};
	const struct op_buf ready[] = {{OP_AT_CONTROL, 0 | 1 << 6}};
	const struct op_buf first[] = {{OP_AT_CONTROL, 3 | 1 << 6}};
	const struct op_buf second[] = {{OP_AT_CONTROL, 3 | 1 << 3 | 1 << 6}};
	struct op_writer w = {.len = 0};

	(void)state;
	for (uint64_t features = 0; features < 2; features++) {
		op_put_probe(&w, features == 0 ? 1 : UINT64_MAX, 15);
		op_put_host(&w, 4, 80);
		op_put_plain(&w, OP_SAVE);
		op_put_chain(&w, 3, ready, 1);
		op_put_chain(&w, 3, first, 1);
		op_put_chain(&w, 3, second, 1);
		op_put_queue(&w, OP_KICK, 3);
		for (unsigned i = 0; i < 12; i++) {
			op_put_host(&w, (uint8_t)(4 | i << 3), 132);
			op_put_host(&w, (uint8_t)(3 | (i & 2) << 3), i & 1);
			op_put_plain(&w, OP_SAVE);
			op_put_chain(&w, 2, in, 1);
			op_put_queue(&w, OP_KICK, 2);
			op_put_plain(&w, OP_SAVE);
			op_put_queue(&w, OP_TAKE, 2);
		}
	}
	run(&w, OP_CONSOLE, "console-host-changes");
}

/* A stream is its own description: any noise means something. */
static void test_op_stream__noise_breaks_no_claim(void **state)
{
	uint64_t x = 1;
	uint8_t noise[256];

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct op_rig r;
		const char *broken;

		for (unsigned k = 0; k < sizeof(noise); k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			noise[k] = (uint8_t)(x >> 32 & 0xff);
		}
		memset(noise, 0xff, 11); /* probed: all features */
		noise[0] = OP_PROBE;
		assert_true(op_rig_init(&r, i % OP_DEVICES, NULL));
		broken = op_stream_run(&r, noise, sizeof(noise));
		if (broken != NULL)
			fail_msg("noise %u: %s", i, broken);
		op_rig_fini(&r);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_op_stream__nothing_at_all_is_fine),
	cmocka_unit_test(test_op_stream__a_good_disk_driver),
	cmocka_unit_test(test_op_stream__a_disk_whose_requests_are_wrong),
	cmocka_unit_test(test_op_stream__a_host_that_fails),
	cmocka_unit_test(test_op_stream__a_reset_with_requests_in_flight),
	cmocka_unit_test(test_op_stream__a_good_rng_driver),
	cmocka_unit_test(test_op_stream__a_good_console_driver),
	cmocka_unit_test(test_op_stream__rings_that_are_impossible),
	cmocka_unit_test(test_op_stream__registers_in_any_order),
	cmocka_unit_test(test_op_stream__requests_that_change_under_way),
	cmocka_unit_test(test_op_stream__memory_that_changes_after_a_look),
	cmocka_unit_test(test_op_stream__a_console_whose_host_changes),
	cmocka_unit_test(test_op_stream__noise_breaks_no_claim),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
