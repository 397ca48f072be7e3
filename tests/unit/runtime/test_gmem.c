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
	char c = 0;

	assert_int_equal(vmoon_gmem_read(&m->gm, LOW, &c, SIZE_MAX),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_read(&m->gm, UINT64_MAX, &c, 2),
			 VMOON_E_FAULT);
	assert_false(vmoon_gmem_range_ok(&m->gm, UINT64_MAX, 1));
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

static void test_mem_04_mem_10__empty_range_is_always_ok(void **state)
{
	struct memory *m = *state;

	assert_true(vmoon_gmem_range_ok(&m->gm, 0, 0));
	assert_true(vmoon_gmem_range_ok(&m->gm, LOW, 128));
	assert_false(vmoon_gmem_range_ok(&m->gm, LOW, 129));
	assert_int_equal(vmoon_gmem_fill(&m->gm, LOW, 1, 0), VMOON_OK);
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
}

static void test_mem_01__bad_region_lists_are_refused(void **state)
{
	unsigned char b[8];
	const struct vmoon_gmem_region unsorted[] = {{16, 8, b}, {0, 8, b}};
	const struct vmoon_gmem_region overlap[] = {{0, 8, b}, {7, 8, b}};
	const struct vmoon_gmem_region wrap[] = {{UINT64_MAX, 8, b}};
	const struct vmoon_gmem_region empty[] = {{0, 0, b}};
	struct vmoon_gmem gm;
	struct vmoon_error err;

	(void)state;
	assert_int_equal(vmoon_gmem_init(&gm, wrap, 0, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg,
			    "guest memory: 0 regions, 1 to 8 expected");
	assert_int_equal(vmoon_gmem_init(&gm, unsorted, 2, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_gmem_init(&gm, overlap, 2, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "guest memory: region 2 overlaps the one "
				     "before or is out of order");
	assert_int_equal(vmoon_gmem_init(&gm, wrap, 1, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg,
			    "guest memory: region 1 is empty or wraps around");
	assert_int_equal(vmoon_gmem_init(&gm, empty, 1, &err), VMOON_E_INVAL);
}

static void test_mem_16__borrow_stays_inside_one_region(void **state)
{
	struct memory *m = *state;

	assert_ptr_equal(vmoon_gmem_borrow(&m->gm, LOW, 64), m->low);
	assert_null(vmoon_gmem_borrow(&m->gm, LOW, 65));
	assert_null(vmoon_gmem_borrow(&m->gm, 0, 1));
	assert_null(vmoon_gmem_borrow(&m->gm, UINT64_MAX, 2));
}

static void test_gmem__mapped_memory_is_zero_and_clears_to_zero(void **state)
{
	const struct vmoon_gmem_region regions[] = {{0, 8192, NULL},
						    {65536, 4096, NULL}};
	struct vmoon_gmem gm;
	struct vmoon_error err;
	uint64_t v = 1;

	(void)state;
	assert_ok(vmoon_gmem_init_mapped(&gm, regions, 2, &err), &err);
	assert_int_equal(vmoon_gmem_read(&gm, 65536, &v, 8), VMOON_OK);
	assert_int_equal(v, 0);
	v = 7;
	assert_int_equal(vmoon_gmem_write(&gm, 65536, &v, 8), VMOON_OK);
	assert_ok(vmoon_gmem_clear(&gm, &err), &err);
	assert_int_equal(vmoon_gmem_read(&gm, 65536, &v, 8), VMOON_OK);
	assert_int_equal(v, 0);
	vmoon_gmem_fini(&gm);
	assert_false(vmoon_gmem_range_ok(&gm, 0, 1));
}

struct racer {
	const struct vmoon_gmem *gm;
	bool stop;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	const uint64_t values[2] = {0, UINT64_MAX};

	for (unsigned i = 0; !__atomic_load_n(&r->stop, __ATOMIC_RELAXED); i++)
		if (vmoon_gmem_write(r->gm, LOW, &values[i & 1], 8) != VMOON_OK)
			break;
	return NULL;
}

static void test_mem_06__aligned_words_never_tear(void **state)
{
	struct memory *m = *state;
	struct racer r = {&m->gm, false};
	pthread_t thread;
	unsigned mixed = 0;

	assert_int_equal(pthread_create(&thread, NULL, race, &r), 0);
	for (int i = 0; i < 200000; i++) {
		uint64_t v = 0;

		if (vmoon_gmem_read(&m->gm, LOW, &v, 8) != VMOON_OK)
			break;
		mixed += v != 0 && v != UINT64_MAX;
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	(void)pthread_join(thread, NULL);
	assert_int_equal(mixed, 0);
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
	cmocka_unit_test(test_mem_01__bad_region_lists_are_refused),
	cmocka_unit_test_setup(test_mem_16__borrow_stays_inside_one_region,
			       setup),
	cmocka_unit_test(test_gmem__mapped_memory_is_zero_and_clears_to_zero),
	cmocka_unit_test_setup(test_mem_06__aligned_words_never_tear, setup),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
