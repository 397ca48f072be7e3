/* SPDX-License-Identifier: MIT */
/* test_gmem_regions.c - mirrors runtime/gmem_regions.c. */
#include "runtime/gmem.h"
#include "runtime/mem.h"
#include "tests/support/check_alloc.h"
#include "tests/support/fixture.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static const struct vmoon_gmem_memory anonymous = {
	.kind = VMOON_GMEM_ANONYMOUS};

/* Whether the page at p is mapped by anybody. */
static bool is_mapped(void *p)
{
	unsigned char resident;

	return mincore(p, PAGE, &resident) == 0;
}

static void test_mem_01__bad_region_lists_are_refused(void **state)
{
	unsigned char b[8];
	const struct vmoon_gmem_region good[] = {{0, 8, b}, {8, 8, b}};
	const struct vmoon_gmem_region unsorted[] = {{16, 8, b}, {0, 8, b}};
	const struct vmoon_gmem_region overlap[] = {{0, 8, b}, {7, 8, b}};
	const struct vmoon_gmem_region twice[] = {{0, 8, b}, {0, 8, b}};
	const struct vmoon_gmem_region wrap[] = {{UINT64_MAX, 8, b}};
	const struct vmoon_gmem_region empty[] = {{0, 0, b}};
	const struct vmoon_gmem_region large[] = {{0, UINT64_MAX, b}};
	const struct {
		const struct vmoon_gmem_region *list;
		size_t count;
		const char *msg;
	} row[] = {
		{good, 0, "guest memory: 0 regions, 1 to 8 expected"},
		{good, 9, "guest memory: 9 regions, 1 to 8 expected"},
		{unsorted, 2,
		 "guest memory: region 2 lies below the one before; sort them"},
		{overlap, 2, "guest memory: region 2 overlaps the one before"},
		{twice, 2, "guest memory: region 2 overlaps the one before"},
		{wrap, 1, "guest memory: region 1 is empty or wraps around"},
		{empty, 1, "guest memory: region 1 is empty or wraps around"},
		{large, 1, "guest memory: region 1 is too large"},
	};
	struct vmoon_gmem gm;
	struct vmoon_error err;

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(row); i++) {
		assert_int_equal(
			vmoon_gmem_init(&gm, row[i].list, row[i].count, &err),
			VMOON_E_INVAL);
		assert_string_equal(err.msg, row[i].msg);
		assert_int_equal(vmoon_gmem_init_mapped(&gm, NULL, row[i].list,
							row[i].count, NULL),
				 VMOON_E_INVAL);
	}
	assert_ok(vmoon_gmem_init(&gm, good, 2, &err), &err);
	assert_true(vmoon_gmem_range_ok(&gm, 0, 16));
}

static void test_gmem__mapped_memory_is_zero_and_clears_to_zero(void **state)
{
	const struct vmoon_gmem_region regions[] = {{0, 8192, NULL},
						    {65536, 100, NULL}};
	struct vmoon_gmem gm;
	struct vmoon_error err;
	uint64_t v = 1;

	(void)state;
	assert_ok(vmoon_gmem_init_mapped(&gm, NULL, regions, 2, &err), &err);
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

static void test_gmem__host_and_guest_are_alike_below_2_mib(void **state)
{
	const struct vmoon_gmem_region regions[] = {
		{0, 4 * VMOON_MIB, NULL},
		{5 * VMOON_MIB + PAGE, VMOON_MIB, NULL}};
	struct vmoon_gmem gm;
	struct vmoon_error err;

	(void)state;
	assert_ok(vmoon_gmem_init_mapped(&gm, NULL, regions, 2, &err), &err);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal((uintptr_t)gm.regions[i].host %
					 (2 * VMOON_MIB),
				 gm.regions[i].gpa % (2 * VMOON_MIB));
	vmoon_gmem_fini(&gm);
}

static void test_gmem__memory_of_the_caller_is_not_cleared(void **state)
{
	unsigned char ram[8] = {9, 9, 9, 9, 9, 9, 9, 9};
	const struct vmoon_gmem_region mine = {0, sizeof(ram), ram};
	const struct vmoon_gmem_region ours = {PAGE, PAGE, NULL};
	struct vmoon_gmem gm, both;
	struct vmoon_error err;
	unsigned char c = 'c';

	(void)state;
	assert_ok(vmoon_gmem_init(&gm, &mine, 1, &err), &err);
	assert_ok(vmoon_gmem_insert(&gm, &ours, &anonymous, &both, &err), &err);
	assert_int_equal(vmoon_gmem_write(&both, PAGE, &c, 1), VMOON_OK);
	assert_int_equal(vmoon_gmem_clear(&both, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "guest memory: not mapped by us");
	assert_int_equal(*both.regions[1].host, 'c'); /* nor is the other */
	vmoon_gmem_fini(&both);
	assert_int_equal(ram[0], 9);
}

static void test_gmem__clearing_is_logged(void **state)
{
	const struct vmoon_gmem none = {.count = 0};
	const struct vmoon_gmem_region r = {0, 3 * PAGE, NULL};
	const struct vmoon_gmem_memory memory = {.kind = VMOON_GMEM_ANONYMOUS,
						 .has_dirty_log = true};
	struct vmoon_gmem gm;
	struct vmoon_error err;
	uint64_t word = 0;

	(void)state;
	assert_ok(vmoon_gmem_insert(&none, &r, &memory, &gm, &err), &err);
	assert_ok(vmoon_gmem_clear(&gm, &err), &err);
	assert_int_equal(vmoon_gmem_dirty_take(&gm, 0, &word, 1), VMOON_OK);
	assert_int_equal(word, 7);
	vmoon_gmem_fini(&gm);
}

static void test_gmem__mapped_memory_without_a_log_has_none(void **state)
{
	const struct vmoon_gmem none = {.count = 0};
	const struct vmoon_gmem_region r = {0, PAGE, NULL};
	struct vmoon_gmem gm;
	struct vmoon_error err;
	uint64_t word = 5;

	(void)state;
	assert_ok(vmoon_gmem_insert(&none, &r, &anonymous, &gm, &err), &err);
	assert_int_equal(vmoon_gmem_dirty_words(&gm, 0), 0);
	assert_int_equal(vmoon_gmem_dirty_take(&gm, 0, &word, 0),
			 VMOON_E_INVAL);
	assert_int_equal(word, 5);
	vmoon_gmem_fini(&gm);
}

static void test_mem_08__insert_and_remove_leave_the_old_one_readable(
	void **state)
{
	static const vmoon_gpa at[] = {8 * PAGE, 2 * PAGE, 5 * PAGE, 0};
	struct vmoon_gmem step[8] = {{.count = 0}};
	struct vmoon_error err;
	char c;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const struct vmoon_gmem_region r = {at[i], PAGE, NULL};

		assert_ok(vmoon_gmem_insert(&step[i], &r, &anonymous,
					    &step[i + 1], &err),
			  &err);
		c = (char)('a' + i);
		assert_int_equal(vmoon_gmem_write(&step[i + 1], at[i], &c, 1),
				 VMOON_OK);
	}
	/* In the order of addresses, whatever the order of insertion. */
	for (size_t i = 1; i < 4; i++)
		assert_true(step[4].regions[i - 1].gpa <
			    step[4].regions[i].gpa);
	for (size_t i = 0; i < 3; i++)
		assert_ok(vmoon_gmem_remove(&step[4 + i], at[i], PAGE,
					    &step[5 + i], &err),
			  &err);
	for (size_t i = 0; i < 8; i++) {
		size_t first = i > 4 ? i - 4 : 0, last = i < 4 ? i : 4;

		assert_int_equal(step[i].count, last - first);
		for (size_t k = 0; k < 4; k++) {
			bool has_it = k >= first && k < last;

			assert_int_equal(
				vmoon_gmem_read(&step[i], at[k], &c, 1),
				has_it ? VMOON_OK : VMOON_E_FAULT);
			if (has_it)
				assert_int_equal(c, 'a' + k);
		}
	}
	for (size_t i = 0; i < 8; i++)
		vmoon_gmem_fini(&step[i]);
}

static void test_mem_09__remove_wants_the_exact_region(void **state)
{
	const struct vmoon_gmem_region r = {PAGE, 2 * PAGE, NULL};
	struct vmoon_gmem gm, out = {.count = 77};
	struct vmoon_error err;
	unsigned char byte;

	(void)state;
	assert_ok(vmoon_gmem_init_mapped(&gm, NULL, &r, 1, &err), &err);
	assert_int_equal(vmoon_gmem_remove(&gm, PAGE, PAGE, &out, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "guest memory: the region at 0x1000 has "
				     "0x2000 bytes, not 0x1000");
	assert_int_equal(vmoon_gmem_remove(&gm, 2 * PAGE, PAGE, &out, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg,
			    "guest memory: no region begins at 0x2000");
	assert_int_equal(out.count, 77);
	assert_true(vmoon_gmem_range_ok(&gm, PAGE, 2 * PAGE));
	assert_ok(vmoon_gmem_remove(&gm, PAGE, 2 * PAGE, &out, &err), &err);
	assert_false(vmoon_gmem_range_ok(&out, PAGE, 1));
	assert_int_equal(vmoon_gmem_read(&out, PAGE, &byte, 1), VMOON_E_FAULT);
	assert_int_equal(out.count, 0);
	assert_true(is_mapped(gm.regions[0].host)); /* the old one holds it */
	vmoon_gmem_fini(&out);
	vmoon_gmem_fini(&gm);
}

static void test_mem_08__a_region_that_does_not_fit_is_refused(void **state)
{
	unsigned char b[PAGE];
	const struct vmoon_gmem_region old[] = {{PAGE, PAGE, b},
						{4 * PAGE, PAGE, b}};
	static const struct {
		vmoon_gpa gpa;
		uint64_t size;
		const char *msg;
	} row[] = {
		{PAGE, PAGE, "0x1000 bytes at 0x1000 overlap RAM at 0x1000"},
		{0, PAGE + 1, "0x1001 bytes at 0x0 overlap RAM at 0x1000"},
		{2 * PAGE - 1, 1, "0x1 bytes at 0x1fff overlap RAM at 0x1000"},
		{3 * PAGE, PAGE + 1,
		 "0x1001 bytes at 0x3000 overlap RAM at 0x4000"},
		{0, 16 * PAGE, "0x10000 bytes at 0x0 overlap RAM at 0x1000"},
		{0, 0, "region 3 is empty or wraps around"},
		{UINT64_MAX, 2, "region 3 is empty or wraps around"},
		{8 * PAGE, UINT64_MAX / 2 + 1, "region 3 is too large"},
	};
	struct vmoon_gmem gm, out = {.count = 77};
	struct vmoon_error err;

	(void)state;
	assert_ok(vmoon_gmem_init(&gm, old, 2, &err), &err);
	for (size_t i = 0; i < VMOON_COUNTOF(row); i++) {
		const struct vmoon_gmem_region r = {row[i].gpa, row[i].size, b};

		assert_int_equal(
			vmoon_gmem_insert(&gm, &r, &anonymous, &out, &err),
			VMOON_E_INVAL);
		assert_string_equal(err.msg + strlen("guest memory: "),
				    row[i].msg);
		assert_int_equal(out.count, 77);
	}
}

static void test_mem_08__touching_regions_fit_until_there_are_eight(
	void **state)
{
	unsigned char b[8];
	struct vmoon_gmem gm[2] = {{.count = 0}};
	const struct vmoon_gmem_memory memory = {.has_dirty_log = true};
	struct vmoon_error err;

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		const struct vmoon_gmem_region r = {7 - i, 1, b + 7 - i};

		assert_ok(vmoon_gmem_insert(&gm[i % 2], &r, &memory,
					    &gm[(i + 1) % 2], &err),
			  &err);
		vmoon_gmem_fini(&gm[i % 2]);
	}
	assert_true(vmoon_gmem_range_ok(&gm[0], 0, 8));
	assert_int_equal(vmoon_gmem_write(&gm[0], 0, "in order", 8), VMOON_OK);
	assert_memory_equal(b, "in order", 8);
	assert_int_equal(vmoon_gmem_insert(&gm[0],
					   &(struct vmoon_gmem_region){9, 1, b},
					   &memory, &gm[1], &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "guest memory: no more than 8 regions");
	vmoon_gmem_fini(&gm[0]);
}

static void test_gmem__a_size_the_host_cannot_map_is_an_error(void **state)
{
	const struct vmoon_gmem_region r[] = {{0, PAGE, NULL},
					      {PAGE, UINT64_MAX / 2, NULL}};
	struct vmoon_gmem gm, out = {.count = 77};
	struct vmoon_error err;

	(void)state;
	assert_int_equal(vmoon_gmem_init_mapped(&gm, NULL, r, 2, &err),
			 VMOON_E_NOMEM);
	assert_string_equal(err.msg,
			    "guest memory: cannot map 9223372036854775807 "
			    "bytes: Cannot allocate memory");
	assert_int_equal(err.sys, ENOMEM);
	assert_int_equal(gm.count, 0); /* what was mapped is gone again */
	assert_int_equal(vmoon_gmem_insert(&gm, &r[1], &anonymous, &out, &err),
			 VMOON_E_NOMEM);
	assert_int_equal(out.count, 77);
}

static void test_gmem__each_allocation_may_fail_and_leaves_nothing(void **state)
{
	const struct vmoon_gmem_region r[] = {{0, PAGE, NULL},
					      {PAGE, PAGE, NULL}};
	const struct vmoon_gmem_region third = {8 * PAGE, PAGE, NULL};
	struct check_alloc a = {0};
	const struct vmoon_allocator how = check_allocator(&a);
	struct vmoon_mem mem;
	const struct vmoon_gmem_memory memory = {.kind = VMOON_GMEM_ANONYMOUS,
						 .has_dirty_log = true,
						 .mem = &mem};
	struct vmoon_gmem gm, more = {.count = 77};
	struct vmoon_error err;

	(void)state;
	vmoon_mem_init(&mem, &how);
	for (size_t n = 1; n <= 2; n++) {
		a.calls = 0;
		a.fail_at = n;
		assert_int_equal(vmoon_gmem_init_mapped(&gm, &mem, r, 2, &err),
				 VMOON_E_NOMEM);
		assert_string_equal(err.msg, "guest memory: out of memory");
		assert_int_equal(gm.count, 0);
		check_alloc_assert_empty(&a);
	}
	assert_ok(vmoon_gmem_init_mapped(&gm, &mem, r, 2, &err), &err);
	a.fail_at = a.calls + 1;
	assert_int_equal(vmoon_gmem_insert(&gm, &third, &memory, &more, &err),
			 VMOON_E_NOMEM);
	assert_int_equal(more.count, 77);
	assert_ok(vmoon_gmem_insert(&gm, &third, &memory, &more, &err), &err);
	vmoon_gmem_fini(&gm);
	vmoon_gmem_fini(&more);
	check_alloc_assert_empty(&a);
}

/* ---- who holds what ---- */

static void test_mem_17__an_unplugged_region_lives_while_it_is_held(
	void **state)
{
	const struct vmoon_gmem_region r[] = {{0, PAGE, NULL},
					      {PAGE, PAGE, NULL}};
	struct iovec iov[1];
	struct vmoon_gmem_spans spans = {
		.iov = iov, .cap = 1, .access = VMOON_GMEM_FOR_WRITING};
	struct vmoon_gmem gm, less, held;
	struct vmoon_gmem_space space;
	struct vmoon_error err;
	void *host;

	(void)state;
	assert_ok(vmoon_gmem_init_mapped(&gm, NULL, r, 2, &err), &err);
	host = gm.regions[1].host;
	vmoon_gmem_space_init(&space, &gm);
	assert_int_equal(gm.count, 0);
	/* A device begins a burst and borrows a slice for its backend. */
	vmoon_gmem_space_get(&space, &held);
	assert_int_equal(vmoon_gmem_borrow_spans(&held, PAGE, PAGE, &spans),
			 VMOON_OK);
	/* The memory is unplugged meanwhile. */
	assert_ok(vmoon_gmem_remove(&space.now, PAGE, PAGE, &less, &err), &err);
	vmoon_gmem_space_set(&space, &less);
	assert_false(vmoon_gmem_range_ok(&space.now, PAGE, 1));
	assert_true(vmoon_gmem_range_ok(&space.now, 0, PAGE));
	assert_ptr_equal(iov[0].iov_base, host);
	memset(iov[0].iov_base, 'x', iov[0].iov_len);
	assert_true(is_mapped(host));
	vmoon_gmem_fini(&held); /* the burst is over */
	assert_false(is_mapped(host));
	vmoon_gmem_space_fini(&space);
}

struct plugger {
	struct vmoon_gmem_space space;
	bool is_done;
	unsigned bad;
};

/* A device: region 1 comes and goes, region 0 is always there. */
static void *work_in_bursts(void *arg)
{
	struct plugger *p = arg;
	struct vmoon_gmem gm;
	char buf[8];

	while (!__atomic_load_n(&p->is_done, __ATOMIC_RELAXED)) {
		vmoon_gmem_space_get(&p->space, &gm);
		p->bad += vmoon_gmem_read(&gm, 0, buf, 8) != VMOON_OK;
		if (gm.count == 2)
			p->bad +=
				vmoon_gmem_read(&gm, PAGE, buf, 8) != VMOON_OK;
		vmoon_gmem_fini(&gm);
	}
	return NULL;
}

static void test_mem_08__a_device_goes_on_while_memory_comes_and_goes(
	void **state)
{
	const struct vmoon_gmem_region r[] = {{0, PAGE, NULL},
					      {PAGE, PAGE, NULL}};
	struct plugger p = {.is_done = false};
	struct vmoon_gmem gm, old;
	struct vmoon_error err;
	pthread_t thread;

	(void)state;
	assert_ok(vmoon_gmem_init_mapped(&gm, NULL, r, 1, &err), &err);
	vmoon_gmem_space_init(&p.space, &gm);
	assert_int_equal(pthread_create(&thread, NULL, work_in_bursts, &p), 0);
	for (unsigned turn = 0; turn < 2000; turn++) {
		vmoon_gmem_space_get(&p.space, &old);
		if (turn % 2 == 0)
			assert_ok(vmoon_gmem_insert(&old, &r[1], &anonymous,
						    &gm, &err),
				  &err);
		else
			assert_ok(
				vmoon_gmem_remove(&old, PAGE, PAGE, &gm, &err),
				&err);
		vmoon_gmem_space_set(&p.space, &gm);
		vmoon_gmem_fini(&old);
	}
	__atomic_store_n(&p.is_done, true, __ATOMIC_RELAXED);
	(void)pthread_join(thread, NULL);
	assert_int_equal(p.bad, 0);
	assert_int_equal(p.space.now.count, 1);
	vmoon_gmem_space_fini(&p.space);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_mem_01__bad_region_lists_are_refused),
	cmocka_unit_test(test_gmem__mapped_memory_is_zero_and_clears_to_zero),
	cmocka_unit_test(test_gmem__host_and_guest_are_alike_below_2_mib),
	cmocka_unit_test(test_gmem__memory_of_the_caller_is_not_cleared),
	cmocka_unit_test(test_gmem__clearing_is_logged),
	cmocka_unit_test(test_gmem__mapped_memory_without_a_log_has_none),
	cmocka_unit_test(
		test_mem_08__insert_and_remove_leave_the_old_one_readable),
	cmocka_unit_test(test_mem_09__remove_wants_the_exact_region),
	cmocka_unit_test(test_mem_08__a_region_that_does_not_fit_is_refused),
	cmocka_unit_test(
		test_mem_08__touching_regions_fit_until_there_are_eight),
	cmocka_unit_test(test_gmem__a_size_the_host_cannot_map_is_an_error),
	cmocka_unit_test(
		test_gmem__each_allocation_may_fail_and_leaves_nothing),
	cmocka_unit_test(
		test_mem_17__an_unplugged_region_lives_while_it_is_held),
	cmocka_unit_test(
		test_mem_08__a_device_goes_on_while_memory_comes_and_goes),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
