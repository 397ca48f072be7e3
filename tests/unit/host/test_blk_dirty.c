/* SPDX-License-Identifier: MIT */
/*
 * test_blk_dirty.c - what a disk read into guest memory is in the log of pages
 * written, also of one that was taken while the read was under way.
 */
#include "tests/support/faulty_host.h"
#include "tests/support/file_rig.h"

enum { PAGES = FILE_RAM / VMOON_GMEM_DIRTY_PAGE, WORDS = PAGES / 64 };

/* The log as it was taken in the middle of a read. */
static struct {
	struct vmoon_gmem *gm;
	uint64_t words[WORDS];
	unsigned taken;
} middle;

static void take_log(void)
{
	middle.taken++;
	assert_int_equal(
		vmoon_gmem_dirty_take(middle.gm, 0, middle.words, WORDS),
		VMOON_OK);
}

static void open_logged(struct file_rig *r)
{
	const struct vmoon_gmem_memory memory = {.has_dirty_log = true};
	const struct vmoon_gmem_region region = {0, FILE_RAM, r->ram};
	const struct vmoon_gmem none = {.count = 0};

	vmoon_gmem_fini(&r->gm);
	assert_ok(vmoon_gmem_insert(&none, &region, &memory, &r->gm, &r->err),
		  &r->err);
	file_rig_open(r);
	memset(&middle, 0, sizeof(middle));
	middle.gm = &r->gm;
}

/* Pages 3 and 4, and no other. */
static void assert_marked(const uint64_t words[WORDS])
{
	for (unsigned i = 0; i < WORDS; i++)
		assert_int_equal(words[i], i == 0 ? 0x18 : 0);
}

static void check(enum vmoon_fault call, struct vmoon_blk_file_options how)
{
	static struct file_rig r;
	const struct vmoon_fault_plan plan = {
		.kind = call, .nth = 1, .hook = take_log};

	file_rig_init(&r);
	r.opts.no_uring = how.no_uring;
	r.opts.cache = how.cache;
	open_logged(&r);
	/* Two in flight: a lone one would be tried without the ring. */
	vmoon_faulty_begin(plan);
	(void)file_rig_submit(&r, VMOON_BLOCK_READ, 0, 4096, FILE_AT(0x3000));
	(void)file_rig_submit(&r, VMOON_BLOCK_READ, 0, 512, FILE_AT(0x4e00));
	file_rig_run(&r);
	(void)vmoon_faulty_end();
	if (middle.taken == 0 && call == VMOON_FAULT_SUBMIT) {
		file_rig_fini(&r);
		SKIP_BECAUSE("no io_uring here");
	}
	assert_int_equal(middle.taken, 1);
	take_log();
	assert_marked(middle.words);
	/* The guest's own memory is only looked at by a write. */
	assert_int_equal(
		file_rig_do(&r, VMOON_BLOCK_WRITE, 0, 4096, FILE_AT(0x3000)),
		0);
	take_log();
	for (unsigned i = 0; i < WORDS; i++)
		assert_int_equal(middle.words[i], 0);
	file_rig_fini(&r);
}

static void test_blk_file__a_read_is_logged_when_it_has_ended(void **state)
{
	(void)state;
	check(VMOON_FAULT_READV,
	      (struct vmoon_blk_file_options){.no_uring = true});
	check(VMOON_FAULT_READV,
	      (struct vmoon_blk_file_options){.no_uring = true,
					      .cache = VMOON_DISK_DIRECT});
}

static void test_blk_file__a_rings_read_is_logged_when_it_has_ended(
	void **state)
{
	(void)state;
	check(VMOON_FAULT_SUBMIT, (struct vmoon_blk_file_options){0});
}

static void test_blk_file__a_cached_read_is_logged_when_it_has_ended(
	void **state)
{
	static struct file_rig r;
	const struct vmoon_fault_plan plan = {
		.kind = VMOON_FAULT_NOWAIT, .nth = 1, .hook = take_log};

	(void)state;
	file_rig_init(&r);
	open_logged(&r);
	vmoon_faulty_begin(plan);
	assert_int_equal(
		file_rig_do(&r, VMOON_BLOCK_READ, 0, 8192, FILE_AT(0x3000)), 0);
	(void)vmoon_faulty_end();
	if (middle.taken > 0) {
		take_log();
		assert_marked(middle.words);
	}
	file_rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_blk_file__a_read_is_logged_when_it_has_ended),
		cmocka_unit_test(
			test_blk_file__a_rings_read_is_logged_when_it_has_ended),
		cmocka_unit_test(
			test_blk_file__a_cached_read_is_logged_when_it_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
