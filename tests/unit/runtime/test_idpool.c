/* SPDX-License-Identifier: MIT */
/* test_idpool.c - mirrors runtime/idpool.c. */
#include "runtime/idpool.h"
#include "tests/support/fixture.h"

#include <string.h>

static uint32_t take(struct vmoon_idpool *p)
{
	struct vmoon_error err;
	uint32_t id;

	assert_ok(vmoon_idpool_allocate(p, &id, &err), &err);
	return id;
}

static void init(struct vmoon_idpool *p, uint32_t base, uint32_t end)
{
	struct vmoon_error err;

	assert_ok(vmoon_idpool_init(p, base, end, &err), &err);
}

static void test_id_01__lowest_freed_number_comes_first(void **state)
{
	struct vmoon_error err;
	struct vmoon_idpool p;

	(void)state;
	init(&p, 5, 205);
	for (uint32_t i = 5; i < 105; i++)
		assert_int_equal(take(&p), i);
	assert_ok(vmoon_idpool_release(&p, 90, &err), &err);
	assert_ok(vmoon_idpool_release(&p, 7, &err), &err);
	assert_ok(vmoon_idpool_release(&p, 6, &err), &err);
	assert_int_equal(take(&p), 6);
	assert_int_equal(take(&p), 7);
	assert_int_equal(take(&p), 90);
	assert_int_equal(take(&p), 105);
}

static void test_id_02__three_wrong_frees_have_three_errors(void **state)
{
	struct vmoon_idpool p, before;
	struct vmoon_error err;

	(void)state;
	init(&p, 5, 23);
	assert_int_equal(take(&p), 5);
	assert_ok(vmoon_idpool_release(&p, 5, &err), &err);
	before = p;
	assert_int_equal(vmoon_idpool_release(&p, 4, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "4 is not within 5..23");
	assert_int_equal(vmoon_idpool_release(&p, 24, &err), VMOON_E_INVAL);
	assert_int_equal(vmoon_idpool_release(&p, 5, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg, "5 is free already");
	assert_int_equal(vmoon_idpool_release(&p, 6, &err), VMOON_E_STATE);
	assert_string_equal(err.msg, "6 was never handed out");
	assert_memory_equal(&p, &before, sizeof(p));
}

static void test_id_03__the_largest_number_is_the_last(void **state)
{
	struct vmoon_error err;
	struct vmoon_idpool p;
	uint32_t id = 7;

	(void)state;
	init(&p, UINT32_MAX - 1, UINT32_MAX);
	assert_int_equal(take(&p), UINT32_MAX - 1);
	assert_int_equal(take(&p), UINT32_MAX);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vmoon_idpool_allocate(&p, &id, &err),
				 VMOON_E_INVAL);
		assert_string_equal(err.msg,
				    "there is no number beyond 4294967295");
	}
	assert_int_equal(id, 7);
	assert_ok(vmoon_idpool_release(&p, UINT32_MAX, &err), &err);
	assert_int_equal(take(&p), UINT32_MAX);
}

static void test_id__an_empty_pool_says_so_until_one_comes_back(void **state)
{
	struct vmoon_error err;
	struct vmoon_idpool p;
	uint32_t id;

	(void)state;
	init(&p, 5, 6);
	assert_int_equal(take(&p), 5);
	assert_int_equal(take(&p), 6);
	assert_int_equal(vmoon_idpool_allocate(&p, &id, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg, "all numbers of 5..6 are taken");
	assert_ok(vmoon_idpool_release(&p, 6, &err), &err);
	assert_int_equal(take(&p), 6);
}

static void test_id__pools_that_cannot_be_are_refused(void **state)
{
	struct vmoon_error err;
	struct vmoon_idpool p;

	(void)state;
	assert_int_equal(vmoon_idpool_init(&p, 6, 5, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg,
			    "numbers 6..5: a pool has 1 to 1024 of them");
	assert_int_equal(vmoon_idpool_init(&p, 0, VMOON_IDPOOL_MAX, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_idpool_init(&p, 0, UINT32_MAX, &err),
			 VMOON_E_INVAL);
	init(&p, 0, VMOON_IDPOOL_MAX - 1);
	for (uint32_t i = 0; i < VMOON_IDPOOL_MAX; i++)
		assert_int_equal(take(&p), i);
	assert_int_equal(vmoon_idpool_allocate(&p, &(uint32_t){0}, &err),
			 VMOON_E_CONFIG);
}

static void test_id__is_allocated_tells_all_four_cases_apart(void **state)
{
	struct vmoon_error err;
	struct vmoon_idpool p;

	(void)state;
	init(&p, 5, 23);
	(void)take(&p);
	(void)take(&p);
	assert_ok(vmoon_idpool_release(&p, 5, &err), &err);
	assert_false(vmoon_idpool_is_allocated(&p, 4));
	assert_false(vmoon_idpool_is_allocated(&p, 5));
	assert_true(vmoon_idpool_is_allocated(&p, 6));
	assert_false(vmoon_idpool_is_allocated(&p, 7));
	assert_false(vmoon_idpool_is_allocated(&p, 24));
}

enum { STATE_MAX = 256 };

static size_t save(const struct vmoon_idpool *p, unsigned char *buf)
{
	struct vmoon_state_writer w = {.buf = buf, .size = STATE_MAX};

	vmoon_idpool_save(p, &w);
	assert_false(w.is_overflow);
	return w.len;
}

static enum vmoon_status load(struct vmoon_idpool *p, const unsigned char *buf,
			      size_t len, struct vmoon_error *err)
{
	struct vmoon_state_reader r = {.buf = buf, .size = len};

	return vmoon_idpool_load(p, &r, err);
}

static void test_id__a_loaded_pool_goes_on_where_it_was(void **state)
{
	unsigned char buf[STATE_MAX];
	struct vmoon_idpool p, q;
	struct vmoon_error err;
	size_t len;

	(void)state;
	init(&p, 5, 200);
	for (int i = 0; i < 70; i++)
		(void)take(&p);
	assert_ok(vmoon_idpool_release(&p, 5, &err), &err);
	assert_ok(vmoon_idpool_release(&p, 74, &err), &err);
	len = save(&p, buf);
	init(&q, 5, 200);
	assert_ok(load(&q, buf, len, &err), &err);
	assert_int_equal(take(&q), 5);
	assert_int_equal(take(&q), 74);
	assert_int_equal(take(&q), 75);
}

static void test_id__hostile_states_change_nothing(void **state)
{
	/* Tag of 6 with its length, version: then base, end, next, bits. */
	enum { AT_BASE = 11, AT_END = 15, AT_NEXT = 19, AT_BITS = 27 };
	static const struct {
		size_t at;
		unsigned char value;
	} lies[] = {
		{1, 'x'},
		{7, 9},
		{AT_BASE, 6},
		{AT_END, 24},
		{AT_NEXT, 4},
		{AT_NEXT + 7, 1},
		{AT_NEXT, 200},
		{AT_BITS, 4},
		{AT_BITS + 7, 0x80},
		{AT_BITS + 8, 1},
		{AT_BITS + 127, 1},
	};
	unsigned char good[STATE_MAX], buf[STATE_MAX];
	struct vmoon_idpool p, before;
	struct vmoon_error err;
	size_t len;

	(void)state;
	init(&p, 5, 23);
	(void)take(&p);
	(void)take(&p);
	len = save(&p, good);
	before = p;
	for (size_t i = 0; i < VMOON_COUNTOF(lies); i++) {
		memcpy(buf, good, len);
		buf[lies[i].at] = lies[i].value;
		assert_int_equal(load(&p, buf, len, &err), VMOON_E_IMAGE);
		assert_memory_equal(&p, &before, sizeof(p));
	}
	assert_string_equal(err.msg,
			    "numbers 5..23: a state that no such pool has");
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(load(&p, good, cut, &err), VMOON_E_IMAGE);
	assert_ok(load(&p, good, len, &err), &err);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_id_01__lowest_freed_number_comes_first),
	cmocka_unit_test(test_id_02__three_wrong_frees_have_three_errors),
	cmocka_unit_test(test_id_03__the_largest_number_is_the_last),
	cmocka_unit_test(test_id__an_empty_pool_says_so_until_one_comes_back),
	cmocka_unit_test(test_id__pools_that_cannot_be_are_refused),
	cmocka_unit_test(test_id__is_allocated_tells_all_four_cases_apart),
	cmocka_unit_test(test_id__a_loaded_pool_goes_on_where_it_was),
	cmocka_unit_test(test_id__hostile_states_change_nothing),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
