/* SPDX-License-Identifier: MIT */
/* test_arena.c - the heap of fuzz targets. */
#include "tests/support/arena.h"
#include "tests/support/fixture.h"
#include "tests/support/poison.h"

#include <string.h>

static void test_arena__blocks_are_apart_and_not_used_twice(void **state)
{
	static unsigned char block[4096];
	struct arena a = {.base = block, .size = sizeof(block)};
	struct vmoon_mem heap;
	unsigned char *p, *q;

	(void)state;
	arena_begin(&a);
	arena_lend(&a, &heap);
	p = vmoon_mem_alloc(&heap, 100);
	assert_true(p > block && p + 100 < block + sizeof(block));
	memset(p, 1, 100);
	p = vmoon_mem_resize(&heap, p, 100, 200);
	assert_int_equal(p[99], 1);
	assert_int_equal(a.live, 1);
	vmoon_mem_free(&heap, p, 200);
	assert_int_equal(a.live, 0);
	q = vmoon_mem_alloc(&heap, 200);
	assert_true(q >= p + 200);
#ifdef VMOON_TESTS_ASAN
	assert_true(__asan_address_is_poisoned(p));
	assert_true(__asan_address_is_poisoned(q + 200));
	assert_true(__asan_address_is_poisoned(q - 1));
	assert_false(__asan_address_is_poisoned(q + 199));
#endif
	vmoon_mem_free(&heap, q, 200);
	arena_begin(&a);
	assert_true(vmoon_mem_alloc(&heap, 8) < (void *)q);
}

static void test_arena__what_does_not_fit_is_the_c_librarys(void **state)
{
	static unsigned char block[1024];
	struct arena a = {.base = block, .size = sizeof(block)};
	struct vmoon_mem heap;
	unsigned char *p;

	(void)state;
	arena_begin(&a);
	arena_lend(&a, &heap);
	p = vmoon_mem_alloc(&heap, 8);
	assert_true(p > block && p < block + sizeof(block));
	*p = 7;
	p = vmoon_mem_resize(&heap, p, 8, 2048);
	assert_true(p < block || p >= block + sizeof(block));
	assert_int_equal(*p, 7);
	assert_int_equal(a.live, 1);
	vmoon_mem_free(&heap, p, 2048);
	assert_int_equal(a.live, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_arena__blocks_are_apart_and_not_used_twice),
		cmocka_unit_test(
			test_arena__what_does_not_fit_is_the_c_librarys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
