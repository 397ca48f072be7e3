/* SPDX-License-Identifier: MIT */
/* test_blk_file.c - disks in files: transfers, by both engines. */
#include "tests/support/faulty_host.h"
#include "tests/support/file_rig.h"

#include <pthread.h>

static const enum vmoon_block_op READ = VMOON_BLOCK_READ,
				 WRITE = VMOON_BLOCK_WRITE,
				 FLUSH = VMOON_BLOCK_FLUSH;

/* Each mode with the ring, if there is one, and without. */
static void each_way(void (*check)(struct file_rig *r))
{
	static struct file_rig r;

	for (unsigned i = 0; i < 6; i++) {
		file_rig_init(&r);
		r.opts.no_uring = i % 2 == 1;
		r.opts.cache = (enum vmoon_disk_cache)(i / 2);
		if (r.opts.cache == VMOON_DISK_DIRECT &&
		    !file_rig_has_direct(&r)) {
			file_rig_fini(&r);
			continue;
		}
		file_rig_open(&r);
		if (r.opts.no_uring)
			assert_string_equal(vmoon_blk_file_engine(r.b),
					    "threads");
		check(&r);
		file_rig_fini(&r);
	}
}

static void check_patterns(struct file_rig *r)
{
	unsigned char *from = r->ram, *to = r->ram + 0x200000;

	for (unsigned i = 0; i < 0x40000; i++)
		from[i] = (unsigned char)(i * 7 + i / 512);
	assert_int_equal(file_rig_do(r, WRITE, 4096, 0x40000, FILE_AT(0)), 0);
	assert_int_equal(file_rig_do(r, FLUSH, 0, 0, FILE_AT(0)), 0);
	assert_int_equal(file_rig_do(r, READ, 4096, 0x40000, FILE_AT(0x200000)),
			 0);
	assert_memory_equal(from, to, 0x40000);
	/* In 256 pieces, more than one call takes, of 512 and of odd bytes. */
	memset(to, 0, 0x40000);
	assert_int_equal(file_rig_do(r, READ, 4096, 256 * 512,
				     (struct file_data){0x200000, 256, 1024}),
			 0);
	for (unsigned i = 0; i < 256; i++)
		assert_memory_equal(from + 512 * i, to + 1024 * i, 512);
	memset(to, 0, 0x40000);
	assert_int_equal(file_rig_do(r, READ, 4096, 51 * 512,
				     (struct file_data){0x200001, 200, 777}),
			 0);
	for (unsigned i = 0; i < 199; i++)
		assert_memory_equal(from + 130 * i, to + 1 + 777 * i, 130);
	assert_int_equal(file_rig_do(r, WRITE, 512, 51 * 512,
				     (struct file_data){1, 200, 777}),
			 0);
	assert_int_equal(file_rig_do(r, READ, 512, 51 * 512, FILE_AT(0x200000)),
			 0);
	for (unsigned i = 0; i < 199; i++)
		assert_memory_equal(from + 1 + 777 * i, to + 130 * i, 130);
}

static void test_blk_file__what_was_written_is_read(void **state)
{
	(void)state;
	each_way(check_patterns);
}

static void check_many(struct file_rig *r)
{
	for (unsigned i = 0; i < 120; i++)
		(void)file_rig_submit(r, READ, i * UINT64_C(4096), 4096,
				      FILE_AT(i * 0x1000));
	file_rig_run(r);
	for (unsigned i = 0; i < 120; i++) {
		assert_int_equal(r->req[i].r.error, 0);
		assert_int_equal(r->ram[i * 0x1000],
				 (unsigned char)(i * 8 + 1));
		assert_int_equal(r->ram[i * 0x1000 + 4095],
				 (unsigned char)(i * 8 + 8));
	}
}

static void test_blk_file__more_requests_than_fit_at_once(void **state)
{
	(void)state;
	each_way(check_many);
}

static void check_holes(struct file_rig *r)
{
	struct file_request *q;
	unsigned char *at = r->ram;

	q = file_rig_submit(r, VMOON_BLOCK_ZEROES, 8192, 4096, FILE_AT(0));
	q->r.may_unmap = true;
	file_rig_run(r);
	assert_int_equal(q->r.error, 0);
	assert_int_equal(
		file_rig_do(r, VMOON_BLOCK_ZEROES, 12288, 512, FILE_AT(0)), 0);
	assert_int_equal(
		file_rig_do(r, VMOON_BLOCK_DISCARD, 0, 4096, FILE_AT(0)), 0);
	assert_int_equal(file_rig_do(r, READ, 4096, 9216, FILE_AT(0)), 0);
	assert_int_equal(at[0], 9);
	for (unsigned i = 4096; i < 8704; i++)
		assert_int_equal(at[i], 0);
	assert_int_equal(at[8704], 26);
}

static void test_blk_file__holes_and_zeroes(void **state)
{
	(void)state;
	each_way(check_holes);
}

static void check_bounds(struct file_rig *r)
{
	static const uint64_t bad[] = {FILE_BYTES - 511,  FILE_BYTES,
				       UINT64_C(1) << 62, INT64_MAX,
				       UINT64_C(1) << 63, UINT64_MAX - 511,
				       UINT64_MAX};
	struct stat st;

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++)
		for (enum vmoon_block_op op = VMOON_BLOCK_READ;
		     op <= VMOON_BLOCK_ZEROES; op++)
			if (op != VMOON_BLOCK_FLUSH)
				assert_int_equal(file_rig_do(r, op, bad[i], 512,
							     FILE_AT(0)),
						 EIO);
	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_size, FILE_BYTES);
}

static void test_k02__offsets_beyond_the_file_never_reach_the_host(void **state)
{
	(void)state;
	each_way(check_bounds);
}

static void check_truncated(struct file_rig *r)
{
	assert_int_equal(file_rig_do(r, READ, 0, 4096, FILE_AT(0)), 0);
	assert_int_equal(truncate(r->path, FILE_BYTES / 2), 0);
	assert_int_equal(file_rig_do(r, READ, 0, 4096, FILE_AT(0)), 0);
	assert_int_equal(file_rig_do(r, READ, FILE_BYTES / 2, 4096, FILE_AT(0)),
			 EIO);
	assert_int_equal(
		file_rig_do(r, READ, FILE_BYTES / 2 - 4096, 8192, FILE_AT(0)),
		EIO);
	assert_int_equal(truncate(r->path, 0), 0);
	assert_int_equal(file_rig_do(r, READ, 0, 512, FILE_AT(0)), EIO);
	assert_int_equal(truncate(r->path, FILE_BYTES), 0);
	assert_int_equal(file_rig_do(r, READ, 0, 512, FILE_AT(0)), 0);
}

static void test_k09__a_file_cut_short_is_an_error_and_no_signal(void **state)
{
	(void)state;
	each_way(check_truncated);
}

/* ---- resize ---- */

static void check_resize(struct file_rig *r)
{
	struct stat st;

	for (unsigned i = 0; i < 60; i++)
		(void)file_rig_submit(r, i % 2 == 0 ? READ : WRITE,
				      FILE_BYTES / 2 + i * UINT64_C(4096), 4096,
				      FILE_AT(i * 0x1000));
	vmoon_lock_take(&r->lock);
	assert_ok(vmoon_blk_file_resize(r->b, FILE_BYTES / 2, &r->err),
		  &r->err);
	vmoon_lock_drop(&r->lock);
	file_rig_run(r);
	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_size, FILE_BYTES / 2);
	assert_int_equal(file_rig_do(r, READ, FILE_BYTES / 2, 512, FILE_AT(0)),
			 EIO);
	assert_ok(vmoon_blk_file_resize(r->b, FILE_BYTES, &r->err), &r->err);
	assert_int_equal(file_rig_do(r, READ, FILE_BYTES / 2, 512, FILE_AT(0)),
			 0);
	assert_int_equal(r->ram[0], 0);
	assert_int_equal(vmoon_blk_file_resize(r->b, 100, &r->err),
			 VMOON_E_CONFIG);
	assert_string_equal(r->err.msg, "a disk's size is a multiple of 512 "
					"bytes and not 0, not 100");
	assert_int_equal(r->b->size_bytes, FILE_BYTES);
}

static void test_blk_16__resize_while_requests_wait(void **state)
{
	(void)state;
	each_way(check_resize);
}

/* ---- with a thread of the disk's own ---- */

static unsigned drained; /* atomic: times that it was told */

static void *run_loop(void *ctx)
{
	struct file_rig *r = ctx;

	VMOON_IGNORE(vmoon_loop_run(&r->loop, NULL));
	return NULL;
}

/* Under the device's lock: the memory of the requests is free. */
static void on_drained(void *ctx)
{
	struct file_rig *r = ctx;

	memset(r->ram, 0x5a, FILE_RAM);
	memset(r->req, 0, sizeof(r->req));
	__atomic_store_n(&drained, drained + 1, __ATOMIC_RELEASE);
}

static void check_drain(struct file_rig *r)
{
	unsigned told = drained = 0;
	pthread_t thread;

	r->b->drained = on_drained;
	r->b->drained_ctx = r;
	assert_int_equal(pthread_create(&thread, NULL, run_loop, r), 0);
	for (unsigned round = 0; round < 50; round++) {
		r->count = 0;
		for (unsigned i = 0; i < 100; i++)
			(void)file_rig_submit(r,
					      i % 3 == 2   ? FLUSH
					      : i % 2 == 0 ? READ
							   : WRITE,
					      i * UINT64_C(8192),
					      i % 3 == 2 ? 0 : 8192,
					      FILE_AT(i * 0x2000));
		vmoon_lock_take(&r->lock);
		if (!r->b->ops->drain(r->b)) {
			told++;
		} else {
			/* Nobody touches these any more. */
			memset(r->ram, (int)round, FILE_RAM);
			memset(r->req, 0, sizeof(r->req));
		}
		vmoon_lock_drop(&r->lock);
		while (__atomic_load_n(&drained, __ATOMIC_ACQUIRE) != told)
			VMOON_IGNORE(sched_yield());
	}
	vmoon_loop_quit(&r->loop);
	assert_int_equal(pthread_join(thread, NULL), 0);
	r->loop.is_quitting = false;
	assert_int_equal(drained, told);
	r->count = r->done = 0;
	assert_int_equal(file_rig_do(r, READ, 0, 512, FILE_AT(0)), 0);
}

static void test_blk_file__drain_tells_when_nothing_is_under_way(void **state)
{
	(void)state;
	each_way(check_drain);
}

/* Submitted, begun perhaps, and then nobody turns the loop any more. */
static void check_detach(struct file_rig *r)
{
	for (unsigned i = 0; i < 100; i++)
		(void)file_rig_submit(r, READ, i * UINT64_C(8192), 8192,
				      FILE_AT(i * 0x2000));
	assert_ok(vmoon_loop_turn(&r->loop, 0, &r->err), &r->err);
}

static void test_blk_file__detach_sees_the_end_of_what_is_in_flight(
	void **state)
{
	(void)state;
	each_way(check_detach);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blk_file__what_was_written_is_read),
		cmocka_unit_test(test_blk_file__more_requests_than_fit_at_once),
		cmocka_unit_test(test_blk_file__holes_and_zeroes),
		cmocka_unit_test(
			test_k02__offsets_beyond_the_file_never_reach_the_host),
		cmocka_unit_test(
			test_k09__a_file_cut_short_is_an_error_and_no_signal),
		cmocka_unit_test(test_blk_16__resize_while_requests_wait),
		cmocka_unit_test(
			test_blk_file__drain_tells_when_nothing_is_under_way),
		cmocka_unit_test(
			test_blk_file__detach_sees_the_end_of_what_is_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
