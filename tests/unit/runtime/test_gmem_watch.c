/* SPDX-License-Identifier: MIT */
/* test_gmem_watch.c - a double fetch is seen, whoever makes it. */
#include "tests/support/fixture.h"
#include "tests/support/gmem_watch.h"

#include <stdalign.h>

enum { BASE = 0x1000 };

struct rig {
	alignas(8) unsigned char ram[64];
	struct gmem_log log;
	struct gmem_watch w;
};

static int setup(void **state)
{
	struct rig *r = test_calloc(1, sizeof(*r));
	const struct vmoon_gmem_region region = {BASE, sizeof(r->ram), r->ram};

	for (unsigned i = 0; i < sizeof(r->ram); i++)
		r->ram[i] = (unsigned char)i;
	r->w.log = &r->log;
	*state = r;
	return vmoon_gmem_init(&r->w.gm, &region, 1, NULL) == VMOON_OK ? 0 : -1;
}

static int teardown(void **state)
{
	test_free(*state);
	return 0;
}

static void test_gmem_watch__each_fetch_is_noted(void **state)
{
	struct rig *r = *state;
	unsigned char buf[16];
	uint16_t v;

	assert_int_equal(vmoon_gmem_read(&r->w.gm, BASE + 8, buf, 16),
			 VMOON_OK);
	assert_int_equal(vmoon_gmem_load_acquire_le16(&r->w.gm, BASE + 2, &v),
			 VMOON_OK);
	assert_int_equal(r->log.count, 2);
	assert_int_equal(r->log.fetches[0].gpa, BASE + 8);
	assert_int_equal(r->log.fetches[0].len, 16);
	assert_int_equal(r->log.fetches[1].gpa, BASE + 2);
	assert_int_equal(r->log.fetches[1].len, 2);
	assert_int_equal(r->log.twice, 0);
	/* Refused ones and writes are none. */
	assert_int_equal(vmoon_gmem_read(&r->w.gm, 0, buf, 1), VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_load_acquire_le16(&r->w.gm, BASE + 1, &v),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_write(&r->w.gm, BASE, buf, 16), VMOON_OK);
	assert_int_equal(r->log.count, 2);
}

static void test_gmem_watch__a_byte_fetched_twice_is_counted(void **state)
{
	struct rig *r = *state;
	unsigned char buf[16];
	uint16_t v;

	assert_int_equal(vmoon_gmem_read(&r->w.gm, BASE, buf, 16), VMOON_OK);
	assert_int_equal(vmoon_gmem_read(&r->w.gm, BASE + 15, buf, 4),
			 VMOON_OK);
	assert_int_equal(r->log.twice, 1);
	assert_int_equal(vmoon_gmem_load_acquire_le16(&r->w.gm, BASE + 4, &v),
			 VMOON_OK);
	assert_int_equal(r->log.twice, 3);
	gmem_log_begin(&r->log); /* the next request may look again */
	assert_int_equal(vmoon_gmem_read(&r->w.gm, BASE, buf, 16), VMOON_OK);
	assert_int_equal(r->log.twice, 0);
}

static void test_gmem_watch__hostile_memory_changes_once_it_was_read(
	void **state)
{
	struct rig *r = *state;
	unsigned char buf[4];

	r->log.flips = true;
	assert_int_equal(vmoon_gmem_read(&r->w.gm, BASE + 4, buf, 4), VMOON_OK);
	assert_memory_equal(buf, "\4\5\6\7", 4); /* what was there */
	assert_int_equal(vmoon_gmem_read(&r->w.gm, BASE + 4, buf, 4), VMOON_OK);
	assert_memory_equal(buf, "\xfb\xfa\xf9\xf8", 4);
	assert_int_equal(r->ram[3], 3);
	assert_int_equal(r->ram[8], 8);
	assert_int_equal(r->log.twice, 4);
}

static void test_gmem_watch__a_long_list_is_cut_and_counted(void **state)
{
	struct rig *r = *state;
	unsigned char c;

	for (unsigned i = 0; i < 2 * GMEM_WATCH_MAX; i++)
		assert_int_equal(vmoon_gmem_read(&r->w.gm, BASE, &c, 1),
				 VMOON_OK);
	assert_int_equal(r->log.count, 2 * GMEM_WATCH_MAX);
	assert_int_equal(r->log.twice, 2 * GMEM_WATCH_MAX - 1);
}

#define watch_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	watch_test(test_gmem_watch__each_fetch_is_noted),
	watch_test(test_gmem_watch__a_byte_fetched_twice_is_counted),
	watch_test(test_gmem_watch__hostile_memory_changes_once_it_was_read),
	watch_test(test_gmem_watch__a_long_list_is_cut_and_counted),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
