/* SPDX-License-Identifier: MIT */
/* test_dest_memory.c - outputs that end in a ring, an outbox or nowhere. */
#include "tests/support/dest_rig.h"

enum { RING = 4096, OUTBOX = 64 * 1024 };

static void open_ring(struct dest_rig *r)
{
	r->opts.kind = VMOON_OUTPUT_RING;
	r->opts.max_size = RING;
	rig_open(r);
}

/* Different at each place. */
static void fill(unsigned char *out, size_t len, unsigned from)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (unsigned char)((from + i) * 31 / 7);
}

static void test_dest_null__takes_all_and_keeps_nothing(void **state)
{
	struct dest_rig *r = *state;
	static const char much[1 << 20];
	char buf[8];

	r->opts.kind = VMOON_OUTPUT_NULL;
	rig_open(r);
	assert_int_equal(rig_write(r, much, sizeof(much)), sizeof(much));
	assert_int_equal(vmoon_dest_len(r->dest), 0);
	assert_int_equal(vmoon_dest_peek(r->dest, buf, sizeof(buf)), 0);
	assert_int_equal(vmoon_dest_take(r->dest, buf, sizeof(buf)), 0);
}

static void test_dest_ring__the_newest_bytes_stay_oldest_first(void **state)
{
	static const size_t lens[] = {1,        100,      RING - 1, RING,
				      RING + 1, 3 * RING, 7,        RING / 2};
	static unsigned char in[4 * RING], all[8 * RING], out[RING + 1];
	struct dest_rig *r = *state;
	size_t total = 0;

	open_ring(r);
	for (size_t i = 0; i < VMOON_COUNTOF(lens); i++) {
		size_t kept;

		fill(in, lens[i], (unsigned)total);
		assert_int_equal(rig_write(r, in, lens[i]), lens[i]);
		memcpy(all + total, in, lens[i]);
		total += lens[i];
		kept = total < RING ? total : RING;
		assert_int_equal(vmoon_dest_len(r->dest), kept);
		for (int twice = 0; twice < 2; twice++) {
			assert_int_equal(
				vmoon_dest_peek(r->dest, out, sizeof(out)),
				kept);
			assert_memory_equal(out, all + total - kept, kept);
		}
		/* A small buffer gets the oldest of them, and no more. */
		for (size_t cap = 1; cap < kept; cap += 1 + kept / 7) {
			out[cap] = (unsigned char)~all[total - kept + cap];
			assert_int_equal(vmoon_dest_peek(r->dest, out, cap),
					 cap);
			assert_memory_equal(out, all + total - kept, cap);
			assert_int_not_equal(out[cap], all[total - kept + cap]);
		}
	}
	assert_int_equal(vmoon_dest_peek(r->dest, out, 0), 0);
}

static void test_dest_ring__sizes_are_checked(void **state)
{
	static const uint64_t bad[] = {1, 4095, (64u << 20) + 1,
				       UINT64_C(1) << 32, UINT64_MAX};
	struct dest_rig *r = *state;

	r->opts.kind = VMOON_OUTPUT_RING;
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		r->opts.max_size = bad[i];
		rig_refused(r, VMOON_E_CONFIG,
			    "output: a ring's max_size is 4 KiB to 64 MiB");
	}
	r->opts.max_size = 64u << 20;
	rig_open(r);
}

static void test_dest_ring__it_holds_64_kib_if_nothing_is_said(void **state)
{
	static unsigned char in[OUTBOX + 1], out[OUTBOX + 1];
	struct dest_rig *r = *state;

	fill(in, sizeof(in), 0);
	r->opts.kind = VMOON_OUTPUT_RING;
	rig_open(r);
	assert_int_equal(rig_write(r, in, sizeof(in)), sizeof(in));
	assert_int_equal(vmoon_dest_peek(r->dest, out, sizeof(out)), OUTBOX);
	assert_memory_equal(out, in + 1, OUTBOX);
}

static void test_dest_callback__an_outbox_is_full_and_goes_on(void **state)
{
	static unsigned char in[OUTBOX + 100], out[OUTBOX + 100];
	struct dest_rig *r = *state;

	fill(in, sizeof(in), 0);
	r->opts.kind = VMOON_OUTPUT_CALLBACK;
	rig_open(r);
	assert_int_equal(rig_write(r, in, 100), 100);
	assert_int_equal(rig_write(r, in + 100, OUTBOX), OUTBOX - 100);
	assert_int_equal(rig_write(r, in + OUTBOX, 100), -EAGAIN);
	assert_int_equal(vmoon_dest_take(r->dest, out, 60), 60);
	assert_memory_equal(out, in, 60);
	/* Across the end of its memory. */
	assert_int_equal(rig_write(r, in + OUTBOX, 100), 60);
	assert_int_equal(vmoon_dest_len(r->dest), OUTBOX);
	assert_int_equal(vmoon_dest_take(r->dest, out, sizeof(out)), OUTBOX);
	assert_memory_equal(out, in + 60, OUTBOX);
	assert_int_equal(vmoon_dest_take(r->dest, out, sizeof(out)), 0);
	assert_int_equal(rig_write(r, in, sizeof(in)), OUTBOX);
}

static void test_dest__no_memory_is_an_error_and_nothing_is_held(void **state)
{
	struct dest_rig *r = *state;
	unsigned errors = 0;

	for (int kind = 0; kind <= VMOON_OUTPUT_CALLBACK; kind++) {
		if (kind == VMOON_OUTPUT_FIFO || kind == VMOON_OUTPUT_UNIX)
			continue;
		rig_name(r, (enum vmoon_output_kind)kind, "a.log");
		r->opts.fd = 2;
		/* Enough for the first of two, not for the second. */
		for (r->mem.limit = 1; r->mem.limit < 1u << 20;
		     r->mem.limit *= 2) {
			if (vmoon_dest_open(&r->opts, &r->mem, &r->dest,
					    &r->err) == VMOON_OK) {
				rig_close(r);
				break;
			}
			rig_refused(r, VMOON_E_NOMEM, "output: out of memory");
			errors++;
		}
	}
	assert_true(errors >= 5);
}

static void test_dest__none_at_all_may_be_destroyed(void **state)
{
	(void)state;
	vmoon_dest_destroy(NULL);
}

static const struct CMUnitTest tests[] = {
	DEST_RIG(test_dest_null__takes_all_and_keeps_nothing),
	DEST_RIG(test_dest_ring__the_newest_bytes_stay_oldest_first),
	DEST_RIG(test_dest_ring__sizes_are_checked),
	DEST_RIG(test_dest_ring__it_holds_64_kib_if_nothing_is_said),
	DEST_RIG(test_dest_callback__an_outbox_is_full_and_goes_on),
	DEST_RIG(test_dest__no_memory_is_an_error_and_nothing_is_held),
	DEST_RIG(test_dest__none_at_all_may_be_destroyed),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
