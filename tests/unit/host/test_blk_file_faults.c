/* SPDX-License-Identifier: MIT */
/* test_blk_file_faults.c - disks in files on a host that fails. */
#include "tests/support/faulty_host.h"
#include "tests/support/file_rig.h"
#include "tests/support/stalled_call.h"

#include <pthread.h>

static const enum vmoon_block_op READ = VMOON_BLOCK_READ,
				 WRITE = VMOON_BLOCK_WRITE,
				 FLUSH = VMOON_BLOCK_FLUSH;

static int init(void **state)
{
	struct file_rig *r = malloc(sizeof(*r));

	if (r == NULL)
		return -1;
	file_rig_init(r);
	*state = r;
	return 0;
}

static int fini(void **state)
{
	file_rig_fini(*state);
	free(*state);
	return 0;
}

static void open_threads(struct file_rig *r)
{
	r->opts.no_uring = true;
	file_rig_open(r);
	assert_string_equal(vmoon_blk_file_engine(r->b), "threads");
}

static void begin(enum vmoon_fault kind, unsigned nth, int error)
{
	vmoon_faulty_begin((struct vmoon_fault_plan){
		.kind = kind, .nth = nth, .error = error});
}

/* ---- K07 ---- */

static void test_k07__every_short_count_is_carried_on(void **state)
{
	struct file_rig *r = *state;
	const struct file_data odd = {0x10000, 7, 300};
	unsigned char *to = r->ram + 0x20000;

	open_threads(r);
	for (size_t k = 1; k < 1024; k++) {
		for (unsigned i = 0; i < 0x1000; i++)
			r->ram[0x10000 + i] = (unsigned char)(i * 3 + k);
		vmoon_faulty_begin(
			(struct vmoon_fault_plan){.kind = VMOON_FAULT_WRITEV,
						  .nth = 1,
						  .is_lasting = k > 50,
						  .bytes = k});
		assert_int_equal(file_rig_do(r, WRITE, 512, 1024, odd), 0);
		assert_true(vmoon_faulty_end() > 0);
		vmoon_faulty_begin(
			(struct vmoon_fault_plan){.kind = VMOON_FAULT_READV,
						  .nth = 1,
						  .is_lasting = k > 50,
						  .bytes = k});
		memset(to, 0, 0x1000);
		assert_int_equal(
			file_rig_do(r, READ, 512, 1024,
				    (struct file_data){0x20000, 7, 300}),
			0);
		assert_true(vmoon_faulty_end() > 0);
		for (unsigned i = 0; i < 7; i++)
			assert_memory_equal(r->ram + 0x10000 + 300 * i,
					    to + 300 * i, i < 6 ? 146 : 148);
	}
}

static void test_k07__eintr_at_each_call_is_no_error(void **state)
{
	struct file_rig *r = *state;
	const int again[] = {EINTR, EAGAIN};

	open_threads(r);
	for (unsigned n = 1; n < 6; n++)
		for (size_t e = 0; e < VMOON_COUNTOF(again); e++) {
			begin(VMOON_FAULT_WRITEV, n, again[e]);
			for (unsigned i = 0; i < 6; i++)
				assert_int_equal(file_rig_do(r, WRITE, 0, 4096,
							     FILE_AT(0)),
						 0);
			assert_int_equal(vmoon_faulty_end(), 1);
			begin(VMOON_FAULT_READV, n, again[e]);
			for (unsigned i = 0; i < 6; i++)
				assert_int_equal(file_rig_do(r, READ, 0, 4096,
							     FILE_AT(0)),
						 0);
			assert_int_equal(vmoon_faulty_end(), 1);
		}
	/* For ever it is one. */
	vmoon_faulty_begin((struct vmoon_fault_plan){.kind = VMOON_FAULT_READV,
						     .nth = 1,
						     .is_lasting = true,
						     .error = EINTR});
	assert_int_equal(file_rig_do(r, READ, 0, 512, FILE_AT(0)), EINTR);
	(void)vmoon_faulty_end();
	assert_int_equal(file_rig_do(r, READ, 0, 512, FILE_AT(0)), 0);
}

/* ---- K08 ---- */

static const int host_errors[] = {ENOSPC, EIO, EDQUOT};

static void test_k08__a_write_that_fails_makes_the_next_flush_fail(void **state)
{
	struct file_rig *r = *state;

	open_threads(r);
	for (size_t e = 0; e < VMOON_COUNTOF(host_errors); e++)
		for (unsigned n = 1; n <= 4; n++) {
			begin(VMOON_FAULT_WRITEV, n, host_errors[e]);
			for (unsigned i = 1; i <= 4; i++)
				assert_int_equal(file_rig_do(r, WRITE, 0, 512,
							     FILE_AT(0)),
						 i == n ? host_errors[e] : 0);
			assert_int_equal(vmoon_faulty_end(), 1);
			assert_int_equal(
				file_rig_do(r, FLUSH, 0, 0, FILE_AT(0)), EIO);
			/* The next one is about what came later. */
			assert_int_equal(
				file_rig_do(r, WRITE, 0, 512, FILE_AT(0)), 0);
			assert_int_equal(
				file_rig_do(r, FLUSH, 0, 0, FILE_AT(0)), 0);
		}
}

static void test_k08__zeroes_that_fail_make_the_next_flush_fail(void **state)
{
	struct file_rig *r = *state;

	open_threads(r);
	begin(VMOON_FAULT_ALLOC, 1, ENOSPC);
	assert_int_equal(
		file_rig_do(r, VMOON_BLOCK_ZEROES, 0, 4096, FILE_AT(0)),
		ENOSPC);
	assert_int_equal(vmoon_faulty_end(), 1);
	assert_int_equal(file_rig_do(r, FLUSH, 0, 0, FILE_AT(0)), EIO);
}

static void test_blk_file__zeroes_are_written_where_there_are_none(void **state)
{
	struct file_rig *r = *state;
	struct vmoon_fault_plan plan = {.kind = VMOON_FAULT_ALLOC,
					.nth = 1,
					.is_lasting = true,
					.error = EOPNOTSUPP};

	open_threads(r);
	vmoon_faulty_begin(plan);
	assert_int_equal(
		file_rig_do(r, VMOON_BLOCK_ZEROES, 512, 300 * 1024, FILE_AT(0)),
		0);
	assert_int_equal(vmoon_faulty_end(), 1);
	assert_int_equal(file_rig_do(r, READ, 0, 302 * 1024, FILE_AT(0)), 0);
	assert_int_equal(r->ram[0], 1);
	for (unsigned i = 512; i < 512 + 300 * 1024; i++)
		assert_int_equal(r->ram[i], 0);
	assert_int_equal(r->ram[512 + 300 * 1024], (601 + 1) & 0xff);
}

static void test_k08__after_a_failed_fdatasync_no_flush_is_one(void **state)
{
	struct file_rig *r = *state;

	for (size_t e = 0; e < VMOON_COUNTOF(host_errors); e++) {
		open_threads(r);
		assert_int_equal(file_rig_do(r, WRITE, 0, 512, FILE_AT(0)), 0);
		begin(VMOON_FAULT_SYNC, 1, host_errors[e]);
		assert_int_equal(file_rig_do(r, FLUSH, 0, 0, FILE_AT(0)),
				 host_errors[e]);
		assert_int_equal(vmoon_faulty_end(), 1);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(
				file_rig_do(r, FLUSH, 0, 0, FILE_AT(0)), EIO);
		/* It goes on otherwise. */
		assert_int_equal(file_rig_do(r, READ, 0, 512, FILE_AT(0)), 0);
		assert_int_equal(file_rig_do(r, WRITE, 0, 512, FILE_AT(0)), 0);
		file_rig_close(r);
	}
}

/* ---- the ring ---- */

#ifdef VMOON_HAVE_URING
static bool open_ring(struct file_rig *r)
{
	file_rig_open(r);
	return strcmp(vmoon_blk_file_engine(r->b), "io_uring") == 0;
}

static void test_blk_file__a_host_that_forbids_rings_has_threads(void **state)
{
	struct file_rig *r = *state;
	const int errors[] = {EPERM, ENOSYS, ENOMEM, EMFILE};

	for (size_t e = 0; e < VMOON_COUNTOF(errors); e++) {
		begin(VMOON_FAULT_RING, 1, errors[e]);
		file_rig_open(r);
		(void)vmoon_faulty_end();
		assert_string_equal(vmoon_blk_file_engine(r->b), "threads");
		assert_int_equal(file_rig_do(r, READ, 0, 512, FILE_AT(0)), 0);
		file_rig_close(r);
	}
}

static void test_blk_file__what_the_ring_does_not_take_threads_do(void **state)
{
	struct file_rig *r = *state;
	const int errors[] = {EINTR, EAGAIN, EBUSY, ENOMEM, EPERM};

	if (!open_ring(r))
		SKIP_BECAUSE("this host has no io_uring");
	for (size_t e = 0; e < VMOON_COUNTOF(errors); e++)
		for (unsigned lasting = 0; lasting < 2; lasting++) {
			vmoon_faulty_begin((struct vmoon_fault_plan){
				.kind = VMOON_FAULT_SUBMIT,
				.nth = 1,
				.is_lasting = lasting != 0,
				.error = errors[e]});
			for (unsigned i = 0; i < 100; i++)
				(void)file_rig_submit(r, READ, i * 512u, 512,
						      FILE_AT(i * 4096));
			file_rig_run(r);
			for (unsigned i = 0; i < 100; i++) {
				assert_int_equal(r->req[i].r.error, 0);
				assert_int_equal(r->ram[i * 4096], i + 1);
			}
			assert_int_equal(
				file_rig_do(r, FLUSH, 0, 0, FILE_AT(0)), 0);
			assert_true(vmoon_faulty_end() > 0);
			memset(r->ram, 0, FILE_RAM);
			assert_int_equal(
				file_rig_do(r, READ, 0, 512, FILE_AT(0)), 0);
			assert_int_equal(r->ram[0], 1);
		}
}
#endif

/* ---- K15 ---- */

static void *run_loop(void *ctx)
{
	struct file_rig *r = ctx;

	VMOON_IGNORE(vmoon_loop_run(&r->loop, NULL));
	return NULL;
}

static void test_k15__a_disk_that_stalls_holds_up_no_other(void **state)
{
	struct file_rig *slow = *state, *other = malloc(sizeof(*other));
	struct file_request *q;
	pthread_t thread;

	assert_non_null(other);
	stall_arm();
	open_threads(slow);
	file_rig_init(other);
	file_rig_open(other);
	vmoon_faulty_begin((struct vmoon_fault_plan){
		.kind = VMOON_FAULT_WRITEV, .nth = 1, .hook = stall_here});
	assert_int_equal(pthread_create(&thread, NULL, run_loop, slow), 0);
	q = file_rig_submit(slow, WRITE, 0, 512, FILE_AT(0));
	stall_wait();
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(
			file_rig_do(other, READ, i * 512u, 512, FILE_AT(0)), 0);
	/* Who calls a register of the slow one gets its lock. */
	vmoon_lock_take(&slow->lock);
	assert_false(q->is_done);
	vmoon_lock_drop(&slow->lock);
	stall_let_go();
	vmoon_loop_quit(&slow->loop);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(vmoon_faulty_end(), 1);
	assert_true(q->is_done);
	assert_int_equal(q->r.error, 0);
	file_rig_fini(other);
	free(other);
}

/* ---- opening ---- */

static void test_blk_file__a_host_that_fails_leaves_nothing_open(void **state)
{
	static const struct {
		enum vmoon_fault kind;
		int error;
		const char *words;
	} rows[] = {
		{VMOON_FAULT_OPEN, EMFILE, "Too many open files"},
		{VMOON_FAULT_OPEN, EACCES, "needs no right to write"},
		{VMOON_FAULT_OPEN, EROFS, "needs no right to write"},
		{VMOON_FAULT_STAT, EIO, "Input/output error"},
		{VMOON_FAULT_FCNTL, ENOLCK, "cannot lock"},
		{VMOON_FAULT_FCNTL, EAGAIN, "is in use by another VM"},
		{VMOON_FAULT_HEAP, ENOMEM, "out of memory"},
	};
	struct file_rig *r = *state;
	const int fds = take_census().fds;

	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		vmoon_faulty_begin(
			(struct vmoon_fault_plan){.kind = rows[i].kind,
						  .nth = 1,
						  .is_lasting = true,
						  .error = rows[i].error});
		assert_int_not_equal(
			vmoon_blk_file_open(&r->opts, &r->b, &r->err),
			VMOON_OK);
		assert_true(vmoon_faulty_end() > 0);
		if (strstr(r->err.msg, rows[i].words) == NULL)
			fail_msg("'%s' does not say '%s'", r->err.msg,
				 rows[i].words);
		assert_null(r->b);
		assert_int_equal(take_census().fds, fds);
		assert_int_equal(access(r->path, R_OK), 0);
	}
	file_rig_open(r);
	assert_int_equal(file_rig_do(r, READ, 0, 512, FILE_AT(0)), 0);
}

static void test_blk_file__a_new_file_that_is_no_use_is_removed(void **state)
{
	struct file_rig *r = *state;
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/new", r->dir);
	r->opts.path = path;
	r->opts.create_bytes = 4096;
	begin(VMOON_FAULT_MMAP, 1, EFBIG); /* ftruncate */
	assert_int_equal(vmoon_blk_file_open(&r->opts, &r->b, &r->err),
			 VMOON_E_CONFIG);
	assert_int_equal(vmoon_faulty_end(), 1);
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, init, fini)
	const struct CMUnitTest tests[] = {
		T(test_k07__every_short_count_is_carried_on),
		T(test_k07__eintr_at_each_call_is_no_error),
		T(test_k08__a_write_that_fails_makes_the_next_flush_fail),
		T(test_k08__zeroes_that_fail_make_the_next_flush_fail),
		T(test_blk_file__zeroes_are_written_where_there_are_none),
		T(test_k08__after_a_failed_fdatasync_no_flush_is_one),
#ifdef VMOON_HAVE_URING
		T(test_blk_file__a_host_that_forbids_rings_has_threads),
		T(test_blk_file__what_the_ring_does_not_take_threads_do),
#endif
		T(test_k15__a_disk_that_stalls_holds_up_no_other),
		T(test_blk_file__a_host_that_fails_leaves_nothing_open),
		T(test_blk_file__a_new_file_that_is_no_use_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
