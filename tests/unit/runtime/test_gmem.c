/* SPDX-License-Identifier: MIT */
/* test_gmem.c - mirrors runtime/gmem.c. */
#include "runtime/gmem.h"
#include "tests/support/fixture.h"

#include <pthread.h>
#include <stdalign.h>
#include <string.h>

enum { LOW = 0x1000, LOW_SIZE = 64, TOUCH = LOW + LOW_SIZE, HIGH = 0x9000 };

struct memory {
	alignas(8) unsigned char low[LOW_SIZE], touching[64], high[64];
	struct vmoon_gmem gm;
};

static int setup(void **state)
{
	static struct memory m;
	const struct vmoon_gmem_region regions[] = {
		{LOW, sizeof(m.low), m.low},
		{TOUCH, sizeof(m.touching), m.touching},
		{HIGH, sizeof(m.high), m.high},
	};
	struct vmoon_error err;

	memset(&m, 0, sizeof(m));
	*state = &m;
	return vmoon_gmem_init(&m.gm, regions, 3, &err) == VMOON_OK ? 0 : -1;
}

static void test_gmem__last_byte_is_reachable_and_the_next_is_not(void **state)
{
	struct memory *m = *state;
	char c = 'z';

	assert_int_equal(vmoon_gmem_write(&m->gm, HIGH + 63, &c, 1), VMOON_OK);
	assert_int_equal(m->high[63], 'z');
	assert_int_equal(vmoon_gmem_write(&m->gm, HIGH + 64, &c, 1),
			 VMOON_E_FAULT);
}

static void test_mem_05__wrapping_length_faults(void **state)
{
	struct memory *m = *state;
	/* All that there is of RAM fits, should a check be missing. */
	unsigned char b[sizeof(*m)] = {1};
	size_t done;

	assert_false(vmoon_gmem_range_ok(&m->gm, UINT64_MAX, 1));
	assert_false(vmoon_gmem_range_ok(&m->gm, LOW, UINT64_MAX));
	assert_null(vmoon_gmem_borrow(&m->gm, LOW + 1, UINT64_MAX));
	assert_int_equal(vmoon_gmem_read(&m->gm, LOW, b, SIZE_MAX),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_read(&m->gm, UINT64_MAX, b, 2),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_write(&m->gm, HIGH, b, SIZE_MAX),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_fill(&m->gm, HIGH, 1, UINT64_MAX),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_read_some(&m->gm, LOW, b, SIZE_MAX, &done),
			 VMOON_E_FAULT);
	assert_int_equal(
		vmoon_gmem_write_some(&m->gm, HIGH, b, SIZE_MAX, &done),
		VMOON_E_FAULT);
	assert_int_equal(m->high[0], 0);
}

static void test_mem_02__access_spans_touching_regions_not_holes(void **state)
{
	struct memory *m = *state;
	unsigned char in[128], out[128] = {0};

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(i + 1);
	assert_int_equal(vmoon_gmem_write(&m->gm, LOW, in, 128), VMOON_OK);
	assert_int_equal(vmoon_gmem_read(&m->gm, LOW, out, 128), VMOON_OK);
	assert_memory_equal(in, out, 128);
	assert_int_equal(m->touching[0], 65);
	memset(m->touching, 0, sizeof(m->touching));
	assert_int_equal(vmoon_gmem_write(&m->gm, TOUCH + 60, in, 8),
			 VMOON_E_FAULT);
	assert_int_equal(m->touching[60], 0); /* nothing was copied */
}

static void test_mem_02__some_stops_at_the_first_hole(void **state)
{
	struct memory *m = *state;
	unsigned char in[128], out[128] = {0};
	size_t done = 99;

	memset(in, 'x', sizeof(in));
	assert_int_equal(
		vmoon_gmem_write_some(&m->gm, TOUCH - 4, in, 128, &done),
		VMOON_OK);
	assert_int_equal(done, 68);
	assert_int_equal(m->low[59], 0);
	assert_memory_equal(m->low + 60, in, 4);
	assert_memory_equal(m->touching, in, 64);
	done = 99;
	assert_int_equal(
		vmoon_gmem_read_some(&m->gm, TOUCH - 4, out, 128, &done),
		VMOON_OK);
	assert_int_equal(done, 68);
	assert_memory_equal(out, in, 68);
	assert_int_equal(out[68], 0);
	done = 99; /* beginning in a hole: neither counts nor copies */
	assert_int_equal(vmoon_gmem_read_some(&m->gm, 0, out, 8, &done),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_write_some(&m->gm, HIGH - 1, in, 8, &done),
			 VMOON_E_FAULT);
	assert_int_equal(done, 99);
	assert_int_equal(m->high[0], 0);
}

static void test_mem_03__exact_read_over_a_hole_reports_both_counts(
	void **state)
{
	struct memory *m = *state;
	unsigned char buf[16] = {0};
	struct vmoon_error err;

	memset(m->touching, 't', sizeof(m->touching));
	assert_int_equal(
		vmoon_gmem_read_exact(&m->gm, TOUCH + 52, buf, 16, &err),
		VMOON_E_FAULT);
	assert_string_equal(err.msg, "guest memory: 12 of 16 bytes at 0x1074; "
				     "the rest is not RAM");
	assert_int_equal(err.status, VMOON_E_FAULT);
	assert_memory_equal(buf, "tttttttttttt\0\0\0\0", 16);
	assert_int_equal(vmoon_gmem_write_exact(&m->gm, 0, buf, 16, &err),
			 VMOON_E_FAULT);
	assert_string_equal(err.msg, "guest memory: 0 of 16 bytes at 0x0; the "
				     "rest is not RAM");
	assert_ok(vmoon_gmem_write_exact(&m->gm, HIGH, buf, 16, &err), &err);
	assert_memory_equal(m->high, buf, 16);
	assert_ok(vmoon_gmem_read_exact(&m->gm, HIGH, buf, 16, &err), &err);
}

static void test_mem_04_mem_10__empty_range_is_always_ok(void **state)
{
	static const vmoon_gpa at[] = {0, LOW, TOUCH, HIGH + 64, UINT64_MAX};
	struct memory *m = *state;
	size_t done;
	char c = 0;

	for (size_t i = 0; i < VMOON_COUNTOF(at); i++) {
		struct vmoon_gmem_spans none = {.iov = NULL};

		assert_true(vmoon_gmem_range_ok(&m->gm, at[i], 0));
		assert_int_equal(vmoon_gmem_read(&m->gm, at[i], &c, 0),
				 VMOON_OK);
		assert_int_equal(vmoon_gmem_write(&m->gm, at[i], &c, 0),
				 VMOON_OK);
		assert_int_equal(vmoon_gmem_fill(&m->gm, at[i], 1, 0),
				 VMOON_OK);
		assert_int_equal(
			vmoon_gmem_read_some(&m->gm, at[i], &c, 0, &done),
			VMOON_OK);
		assert_int_equal(done, 0);
		assert_int_equal(
			vmoon_gmem_borrow_spans(&m->gm, at[i], 0, &none),
			VMOON_OK);
		assert_int_equal(none.count, 0);
	}
	assert_true(vmoon_gmem_range_ok(&m->gm, LOW, 128));
	assert_false(vmoon_gmem_range_ok(&m->gm, LOW, 129));
	assert_false(vmoon_gmem_range_ok(&m->gm, LOW - 1, 2));
}

static void test_gmem__every_width_and_alignment_copies_exactly(void **state)
{
	struct memory *m = *state;
	unsigned char in[20], out[20];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(0x80 + i);
	for (size_t len = 1; len <= sizeof(in); len++)
		for (size_t at = 0; at < 16; at++) {
			memset(m->low, 0, sizeof(m->low));
			memset(out, 0, sizeof(out));
			assert_int_equal(
				vmoon_gmem_write(&m->gm, LOW + at, in, len),
				VMOON_OK);
			assert_memory_equal(m->low + at, in, len);
			assert_int_equal(m->low[at + len], 0);
			assert_int_equal(
				vmoon_gmem_read(&m->gm, LOW + at, out, len),
				VMOON_OK);
			assert_memory_equal(out, in, len);
		}
}

static void test_gmem__fill_spans_touching_regions_not_holes(void **state)
{
	struct memory *m = *state;

	assert_int_equal(vmoon_gmem_fill(&m->gm, TOUCH - 2, 0xcc, 4), VMOON_OK);
	assert_memory_equal(m->low + 61, "\0\xcc\xcc", 3);
	assert_memory_equal(m->touching, "\xcc\xcc\0", 3);
	assert_int_equal(vmoon_gmem_fill(&m->gm, TOUCH, 0xdd, 65),
			 VMOON_E_FAULT);
	assert_int_equal(m->touching[0], 0xcc);
}

static void test_mem_07__ring_index_needs_alignment_and_one_region(void **state)
{
	struct memory *m = *state;
	uint16_t v = 0;

	assert_int_equal(vmoon_gmem_store_release_le16(&m->gm, LOW + 2, 0xbeef),
			 VMOON_OK);
	assert_int_equal(vmoon_gmem_load_acquire_le16(&m->gm, LOW + 2, &v),
			 VMOON_OK);
	assert_int_equal(v, 0xbeef);
	assert_int_equal(m->low[2], 0xef); /* little-endian in memory */
	assert_int_equal(vmoon_gmem_load_acquire_le16(&m->gm, LOW + 3, &v),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_load_acquire_le16(&m->gm, HIGH + 64, &v),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_store_release_le16(&m->gm, LOW + 1, 0),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_store_release_le16(&m->gm, LOW + 2, 1),
			 VMOON_OK);
	assert_int_equal(v, 0xbeef); /* a refused load left it alone */
}

/* Of two bytes, one in each region: no single access can reach both. */
static void test_mem_07__an_index_across_two_regions_is_refused(void **state)
{
	alignas(8) unsigned char a[8] = {0}, b[8] = {0};
	const struct vmoon_gmem_region odd[] = {{1, 2, a + 1}, {3, 1, b}};
	const struct vmoon_gmem_region askew[] = {{2, 4, a + 1}};
	struct vmoon_gmem gm;
	uint16_t v = 7;

	(void)state;
	assert_int_equal(vmoon_gmem_init(&gm, odd, 2, NULL), VMOON_OK);
	assert_int_equal(vmoon_gmem_load_acquire_le16(&gm, 2, &v),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_store_release_le16(&gm, 2, 1),
			 VMOON_E_FAULT);
	/* Aligned for the guest, not for the host. */
	assert_int_equal(vmoon_gmem_init(&gm, askew, 1, NULL), VMOON_OK);
	assert_int_equal(vmoon_gmem_load_acquire_le16(&gm, 2, &v),
			 VMOON_E_FAULT);
	assert_int_equal(v, 7);
}

static void test_mem_16__borrow_stays_inside_one_region(void **state)
{
	struct memory *m = *state;

	assert_ptr_equal(vmoon_gmem_borrow(&m->gm, LOW, 64), m->low);
	assert_null(vmoon_gmem_borrow(&m->gm, LOW, 65));
	assert_null(vmoon_gmem_borrow(&m->gm, 0, 1));
	assert_null(vmoon_gmem_borrow(&m->gm, UINT64_MAX, 2));
}

static void test_mem_16__spans_are_whole_or_not_at_all(void **state)
{
	struct memory *m = *state;
	struct iovec iov[3] = {{NULL, 0}};
	struct vmoon_gmem_spans spans = {.iov = iov, .cap = 3};

	assert_int_equal(vmoon_gmem_borrow_spans(&m->gm, HIGH + 8, 8, &spans),
			 VMOON_OK);
	assert_int_equal(
		vmoon_gmem_borrow_spans(&m->gm, TOUCH - 16, 48, &spans),
		VMOON_OK);
	assert_int_equal(spans.count, 3);
	assert_ptr_equal(iov[0].iov_base, m->high + 8);
	assert_int_equal(iov[0].iov_len, 8);
	assert_ptr_equal(iov[1].iov_base, m->low + 48);
	assert_int_equal(iov[1].iov_len, 16);
	assert_ptr_equal(iov[2].iov_base, m->touching);
	assert_int_equal(iov[2].iov_len, 32);
	assert_int_equal(vmoon_gmem_borrow_spans(&m->gm, LOW, 1, &spans),
			 VMOON_E_INVAL);
	spans.count = 2; /* room for one of two */
	assert_int_equal(vmoon_gmem_borrow_spans(&m->gm, TOUCH - 1, 2, &spans),
			 VMOON_E_INVAL);
	assert_int_equal(spans.count, 2);
	spans.count = 0;
	assert_int_equal(vmoon_gmem_borrow_spans(&m->gm, LOW, 129, &spans),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_borrow_spans(&m->gm, UINT64_MAX, 2, &spans),
			 VMOON_E_FAULT);
	assert_int_equal(spans.count, 0);
}

static void test_gmem__memory_without_a_log_has_none(void **state)
{
	struct memory *m = *state;
	uint64_t word = 5;

	vmoon_gmem_dirty_mark(&m->gm, LOW, 128);
	assert_int_equal(vmoon_gmem_dirty_words(&m->gm, LOW), 0);
	assert_int_equal(vmoon_gmem_dirty_take(&m->gm, LOW, &word, 0),
			 VMOON_E_INVAL);
	assert_int_equal(word, 5);
}

struct racer {
	const struct vmoon_gmem *gm;
	size_t len;
	bool is_done;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	const uint64_t values[2] = {0, UINT64_MAX};

	for (unsigned i = 0; i < 500000; i++)
		if (vmoon_gmem_write(r->gm, LOW, &values[i & 1], r->len) !=
		    VMOON_OK)
			break;
	__atomic_store_n(&r->is_done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void test_mem_06__aligned_words_never_tear(void **state)
{
	struct memory *m = *state;

	for (size_t len = 2; len <= 8; len *= 2) {
		const uint64_t full = UINT64_MAX >> (64 - 8 * len);
		struct racer r = {&m->gm, len, false};
		pthread_t thread;
		unsigned mixed = 0;

		memset(m->low, 0, sizeof(m->low));
		assert_int_equal(pthread_create(&thread, NULL, race, &r), 0);
		while (!__atomic_load_n(&r.is_done, __ATOMIC_ACQUIRE)) {
			uint64_t v = 0;

			if (vmoon_gmem_read(&m->gm, LOW, &v, len) != VMOON_OK)
				break;
			mixed += v != 0 && v != full;
		}
		(void)pthread_join(thread, NULL);
		assert_int_equal(mixed, 0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(
		test_gmem__last_byte_is_reachable_and_the_next_is_not, setup),
	cmocka_unit_test_setup(test_mem_05__wrapping_length_faults, setup),
	cmocka_unit_test_setup(
		test_mem_02__access_spans_touching_regions_not_holes, setup),
	cmocka_unit_test_setup(test_mem_04_mem_10__empty_range_is_always_ok,
			       setup),
	cmocka_unit_test_setup(
		test_mem_07__ring_index_needs_alignment_and_one_region, setup),
	cmocka_unit_test_setup(test_mem_16__borrow_stays_inside_one_region,
			       setup),
	cmocka_unit_test_setup(test_mem_02__some_stops_at_the_first_hole,
			       setup),
	cmocka_unit_test_setup(
		test_mem_03__exact_read_over_a_hole_reports_both_counts, setup),
	cmocka_unit_test_setup(
		test_gmem__every_width_and_alignment_copies_exactly, setup),
	cmocka_unit_test_setup(test_gmem__fill_spans_touching_regions_not_holes,
			       setup),
	cmocka_unit_test(test_mem_07__an_index_across_two_regions_is_refused),
	cmocka_unit_test_setup(test_mem_16__spans_are_whole_or_not_at_all,
			       setup),
	cmocka_unit_test_setup(test_gmem__memory_without_a_log_has_none, setup),
	cmocka_unit_test_setup(test_mem_06__aligned_words_never_tear, setup),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
