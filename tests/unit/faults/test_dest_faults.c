/* SPDX-License-Identifier: MIT */
/* test_dest_faults.c - destinations of outputs on a host that fails. */
#include "tests/support/dest_rig.h"
#include "tests/support/faulty_host.h"

enum { CAP = 1024, GENERATIONS = 3 };

static struct dest_rig *hooked; /* for hooks, which take nothing */

static void name_file(struct dest_rig *r)
{
	rig_name(r, VMOON_OUTPUT_FILE, "a.log");
	r->opts.max_size = CAP;
	r->opts.generations = GENERATIONS;
}

static void fail_nth(enum vmoon_fault kind, unsigned nth, int error)
{
	vmoon_faulty_begin((struct vmoon_fault_plan){
		.kind = kind, .nth = nth, .error = error});
}

/* ---- opening ---- */

struct fault_row {
	enum vmoon_fault kind;
	unsigned nth;
	int error;
	enum vmoon_status st;
	const char *words;
};

static void refused_in_row(struct dest_rig *r, const struct fault_row *row)
{
	struct vmoon_dest *none = NULL;
	enum vmoon_status st;
	unsigned failures;

	fail_nth(row->kind, row->nth, row->error);
	st = vmoon_dest_open(&r->opts, &r->mem, &none, &r->err);
	failures = vmoon_faulty_end();
	assert_int_equal(failures, 1);
	assert_int_equal(st, row->st);
	if (strstr(r->err.msg, row->words) == NULL)
		fail_msg("'%s' does not say '%s'", r->err.msg, row->words);
	assert_null(none);
	assert_int_equal(vmoon_mem_used(&r->mem), 0);
	assert_int_equal(take_census().fds, r->before.fds);
}

static void test_dest_file__what_cannot_be_opened_is_left_alone(void **state)
{
	static const struct fault_row rows[] = {
		{VMOON_FAULT_HEAP, 1, ENOMEM, VMOON_E_NOMEM, "out of memory"},
		{VMOON_FAULT_OPEN, 1, EMFILE, VMOON_E_SYS,
		 "/a.log': its directory: Too many open files"},
		{VMOON_FAULT_OPEN, 2, EROFS, VMOON_E_SYS,
		 "/a.log': Read-only file system"},
		{VMOON_FAULT_STAT, 1, EACCES, VMOON_E_SYS,
		 "/a.log': Permission denied"},
		{VMOON_FAULT_STAT, 2, EIO, VMOON_E_SYS,
		 "/a.log': Input/output error"},
		{VMOON_FAULT_STAT, 3, ENOENT, VMOON_E_CONFIG,
		 "/a.log': another file took its place meanwhile; try again"},
		{VMOON_FAULT_LOCK, 1, ENOLCK, VMOON_E_SYS,
		 "/a.log': No locks available"},
		{VMOON_FAULT_LOCK, 1, EWOULDBLOCK, VMOON_E_CONFIG,
		 "/a.log': another output writes to it already"},
		{VMOON_FAULT_MMAP, 1, EIO, VMOON_E_SYS, /* ftruncate */
		 "/a.log': Input/output error"},
	};
	struct dest_rig *r = *state;

	rig_make(r, "a.log", "keep\n", 5);
	name_file(r);
	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		refused_in_row(r, &rows[i]);
		assert_file(r, "a.log", "keep\n");
	}
	rig_open(r);
	assert_file(r, "a.log", "");
}

static void exchange_it(void)
{
	char to[sizeof(hooked->path)];

	(void)snprintf(to, sizeof(to), "%s/moved", hooked->dir);
	assert_int_equal(rename(hooked->path, to), 0);
	rig_make(hooked, "a.log", "new\n", 4);
}

/* Rotated by another output between our open and our lock. */
static void test_dest_file__one_that_moves_away_is_left_alone(void **state)
{
	struct dest_rig *r = *state;
	struct vmoon_dest *none = NULL;
	enum vmoon_status st;

	hooked = r;
	rig_make(r, "a.log", "keep\n", 5);
	name_file(r);
	vmoon_faulty_begin((struct vmoon_fault_plan){
		.kind = VMOON_FAULT_LOCK, .nth = 1, .hook = exchange_it});
	st = vmoon_dest_open(&r->opts, &r->mem, &none, &r->err);
	assert_int_equal(vmoon_faulty_end(), 1);
	assert_int_equal(st, VMOON_E_CONFIG);
	assert_non_null(strstr(r->err.msg,
			       "': another file took its place meanwhile; "
			       "try again"));
	assert_file(r, "moved", "keep\n");
	assert_file(r, "a.log", "new\n");
}

static void make_it_a_link(void)
{
	assert_int_equal(unlink(hooked->path), 0);
	assert_int_equal(symlink("precious", hooked->path), 0);
}

/* Between the look at it and the open. */
static void test_dest_file__a_link_that_comes_late_is_not_followed(void **state)
{
	struct dest_rig *r = *state;
	struct vmoon_dest *none = NULL;
	enum vmoon_status st;

	hooked = r;
	rig_make(r, "precious", "keep\n", 5);
	rig_make(r, "a.log", "old\n", 4);
	name_file(r);
	vmoon_faulty_begin((struct vmoon_fault_plan){
		.kind = VMOON_FAULT_OPEN, .nth = 2, .hook = make_it_a_link});
	st = vmoon_dest_open(&r->opts, &r->mem, &none, &r->err);
	assert_int_equal(vmoon_faulty_end(), 1);
	assert_int_equal(st, VMOON_E_SYS);
	assert_int_equal(r->err.sys, ELOOP);
	assert_file(r, "precious", "keep\n");
}

static void make_it_a_fifo(void)
{
	assert_int_equal(unlink(hooked->path), 0);
	assert_int_equal(mkfifo(hooked->path, 0600), 0);
}

static void make_it_a_file(void)
{
	assert_int_equal(unlink(hooked->path), 0);
	rig_make(hooked, "pipe", "keep\n", 5);
}

static void move_behind_link(void)
{
	char to[sizeof(hooked->path)];

	(void)snprintf(to, sizeof(to), "%s/precious", hooked->dir);
	assert_int_equal(rename(hooked->path, to), 0);
	assert_int_equal(symlink("precious", hooked->path), 0);
}

static void test_dest_fifo__a_link_that_comes_late_is_not_followed(void **state)
{
	struct dest_rig *r = *state;
	struct vmoon_dest *none = NULL;

	hooked = r;
	assert_int_equal(mkfifo(rig_path(r, "pipe"), 0600), 0);
	rig_name(r, VMOON_OUTPUT_FIFO, "pipe");
	vmoon_faulty_begin((struct vmoon_fault_plan){
		.kind = VMOON_FAULT_OPEN, .nth = 1, .hook = move_behind_link});
	assert_int_equal(vmoon_dest_open(&r->opts, &r->mem, &none, &r->err),
			 VMOON_E_SYS);
	assert_int_equal(vmoon_faulty_end(), 1);
	assert_int_equal(r->err.sys, ELOOP);
}

static void test_dest__what_is_exchanged_is_looked_at_again(void **state)
{
	struct dest_rig *r = *state;
	struct vmoon_dest *none = NULL;

	hooked = r;
	rig_make(r, "a.log", "old\n", 4);
	name_file(r);
	vmoon_faulty_begin((struct vmoon_fault_plan){
		.kind = VMOON_FAULT_OPEN, .nth = 2, .hook = make_it_a_fifo});
	/* Nobody reads it: the open is refused by the host, and does not wait.
	 */
	assert_int_equal(vmoon_dest_open(&r->opts, &r->mem, &none, &r->err),
			 VMOON_E_SYS);
	assert_int_equal(vmoon_faulty_end(), 1);
	assert_int_equal(r->err.sys, ENXIO);
	r->opts = (struct vmoon_output_options){.size = sizeof(r->opts)};
	assert_int_equal(mkfifo(rig_path(r, "pipe"), 0600), 0);
	rig_name(r, VMOON_OUTPUT_FIFO, "pipe");
	vmoon_faulty_begin((struct vmoon_fault_plan){
		.kind = VMOON_FAULT_OPEN, .nth = 1, .hook = make_it_a_file});
	assert_int_equal(vmoon_dest_open(&r->opts, &r->mem, &none, &r->err),
			 VMOON_E_CONFIG);
	assert_int_equal(vmoon_faulty_end(), 1);
	assert_non_null(strstr(r->err.msg, "': that is no FIFO; make one"));
	assert_file(r, "pipe", "keep\n");
	assert_int_equal(take_census().fds, r->before.fds);
}

static void test_dest__what_the_host_refuses_is_said(void **state)
{
	static const struct fault_row fd_rows[] = {
		{VMOON_FAULT_FCNTL, 1, EIO, VMOON_E_SYS,
		 "output: descriptor 2: Input/output error"},
		{VMOON_FAULT_STAT, 1, EIO, VMOON_E_SYS,
		 "output: descriptor 2: Input/output error"},
		{VMOON_FAULT_HEAP, 1, ENOMEM, VMOON_E_NOMEM,
		 "output: out of memory"},
	};
	static const struct fault_row fifo_rows[] = {
		{VMOON_FAULT_OPEN, 1, EMFILE, VMOON_E_SYS,
		 "/pipe': Too many open files"},
		{VMOON_FAULT_STAT, 1, EIO, VMOON_E_SYS,
		 "/pipe': Input/output error"},
		{VMOON_FAULT_HEAP, 1, ENOMEM, VMOON_E_NOMEM,
		 "output: out of memory"},
	};
	struct dest_rig *r = *state;

	r->opts.kind = VMOON_OUTPUT_FD;
	r->opts.fd = 2;
	for (size_t i = 0; i < VMOON_COUNTOF(fd_rows); i++)
		refused_in_row(r, &fd_rows[i]);
	assert_int_equal(mkfifo(rig_path(r, "pipe"), 0600), 0);
	rig_name(r, VMOON_OUTPUT_FIFO, "pipe");
	for (size_t i = 0; i < VMOON_COUNTOF(fifo_rows); i++)
		refused_in_row(r, &fifo_rows[i]);
	rig_open(r);
}

/* A terminal of somebody else's: ours is the blocking one then. */
static void test_x07__a_pipe_that_cannot_be_opened_anew_never_blocks(
	void **state)
{
	struct dest_rig *r = *state;
	static const char chunk[65536];
	size_t taken = 0;
	ssize_t n;
	int p[2];

	assert_int_equal(pipe(p), 0);
	r->opts.kind = VMOON_OUTPUT_FD;
	r->opts.fd = p[1];
	fail_nth(VMOON_FAULT_OPEN, 1, EACCES);
	rig_open(r);
	assert_int_equal(vmoon_faulty_end(), 1);
	/* So that a whole chunk is too much for it. */
	rig_puts(r, "x");
	for (;;) {
		n = rig_write(r, chunk, sizeof(chunk));
		if (n < 0)
			break;
		taken += (size_t)n;
	}
	assert_int_equal(n, -EAGAIN);
	assert_true(taken >= 4096);
	fail_nth(VMOON_FAULT_WAIT, 1, EINTR);
	assert_int_equal(rig_write(r, "x", 1), -EINTR);
	assert_int_equal(vmoon_faulty_end(), 1);
	(void)close(p[0]);
	(void)close(p[1]);
}

static void test_dest_fd__no_descriptor_left_is_an_error(void **state)
{
	static const struct fault_row row = {VMOON_FAULT_FCNTL, 2, EMFILE,
					     VMOON_E_SYS, "output: descriptor"};
	struct dest_rig *r = *state;
	const int fd = open(rig_path(r, "a"), O_WRONLY | O_CREAT, 0600);

	r->before = take_census();
	r->opts.kind = VMOON_OUTPUT_FD;
	r->opts.fd = fd;
	refused_in_row(r, &row);
	(void)close(fd);
	r->before.fds--;
}

/* ---- writing ---- */

static void test_x07__a_disk_that_is_full_for_a_while_loses_nothing(
	void **state)
{
	struct dest_rig *r = *state;

	name_file(r);
	rig_open(r);
	rig_puts(r, "one\n");
	for (int i = 0; i < 3; i++) {
		fail_nth(VMOON_FAULT_WRITE, 1, ENOSPC);
		assert_int_equal(rig_write(r, "two\n", 4), -ENOSPC);
		assert_int_equal(vmoon_faulty_end(), 1);
	}
	rig_puts(r, "two\n");
	assert_file(r, "a.log", "one\ntwo\n");
	assert_false(rig_has(r, "a.log.1"));
}

static void test_full__the_last_line_waits_for_room(void **state)
{
	struct dest_rig *r = *state;
	char line[CAP];

	memset(line, 'x', sizeof(line));
	name_file(r);
	r->opts.generations = 0;
	rig_open(r);
	rig_puts(r, "one\n");
	for (int i = 0; i < 2; i++) {
		fail_nth(VMOON_FAULT_WRITE, 1, ENOSPC);
		assert_int_equal(rig_write(r, line, CAP), -ENOSPC);
		assert_int_equal(vmoon_faulty_end(), 1);
	}
	assert_int_equal(rig_write(r, line, CAP), -EFBIG);
	assert_int_equal(rig_write(r, line, CAP), -EFBIG);
	assert_file(r, "a.log",
		    "one\n[vmoon: file full at 1K, the rest is dropped]\n");
}

/* ---- rotation ---- */

/* Line number i: as long as a file may be. */
static void make_line(char out[CAP], unsigned i)
{
	memset(out, 'a' + (int)i, CAP);
	out[CAP - 1] = '\n';
}

/* The files are full of these lines, the newest first; '\0' ends them. */
static void check_files(struct dest_rig *r, const char *firsts)
{
	char name[24] = "a.log";

	for (unsigned i = 0; firsts[i] != '\0'; i++) {
		if (i > 0)
			(void)snprintf(name, sizeof(name), "a.log.%u", i);
		assert_int_equal(rig_read(r, name), CAP);
		assert_int_equal(r->back[0], firsts[i]);
	}
}

/*
 * All steps of a rotation, failing once and three times: what is kept in the
 * end is what would have been kept.
 */
static void test_rotate__each_step_may_fail_and_is_tried_again(void **state)
{
	static const struct {
		enum vmoon_fault kind;
		unsigned nth;
	} steps[] = {{VMOON_FAULT_RENAME, 1},
		     {VMOON_FAULT_RENAME, 2},
		     {VMOON_FAULT_RENAME, 3},
		     {VMOON_FAULT_OPEN, 1}};
	struct dest_rig *r = *state;
	char line[CAP];

	name_file(r);
	for (size_t s = 0; s < VMOON_COUNTOF(steps); s++) {
		rig_open(r);
		for (unsigned i = 0; i < 5; i++) {
			make_line(line, i);
			assert_int_equal(rig_put(r, line, CAP), CAP);
		}
		check_files(r, "edcb");
		make_line(line, 5);
		vmoon_faulty_begin(
			(struct vmoon_fault_plan){.kind = steps[s].kind,
						  .nth = steps[s].nth,
						  .is_lasting = true,
						  .error = EACCES});
		assert_int_equal(rig_write(r, line, CAP), -EACCES);
		assert_int_equal(vmoon_faulty_end(), 1);
		for (int again = 0; again < 2; again++) {
			fail_nth(steps[s].kind, 1, EDQUOT);
			assert_int_equal(rig_write(r, line, CAP), -EDQUOT);
			assert_int_equal(vmoon_faulty_end(), 1);
		}
		assert_int_equal(rig_put(r, line, CAP), CAP);
		check_files(r, "fedc");
		assert_false(rig_has(r, "a.log.4"));
		rig_close(r);
	}
}

static void take_its_place(void)
{
	rig_make(hooked, "a.log", "stranger\n", 9);
}

/* Somebody makes a file where ours was a moment ago. */
static void test_rotate__a_strangers_file_is_neither_used_nor_lost(void **state)
{
	struct dest_rig *r = *state;
	char line[CAP];

	hooked = r;
	name_file(r);
	rig_open(r);
	make_line(line, 0);
	assert_int_equal(rig_put(r, line, CAP), CAP);
	make_line(line, 1);
	vmoon_faulty_begin((struct vmoon_fault_plan){
		.kind = VMOON_FAULT_OPEN, .nth = 1, .hook = take_its_place});
	assert_int_equal(rig_write(r, line, CAP), -EEXIST);
	assert_int_equal(vmoon_faulty_end(), 1);
	assert_file(r, "a.log", "stranger\n");
	assert_int_equal(rig_put(r, line, CAP), CAP);
	assert_file(r, "a.log.1", "stranger\n");
	assert_int_equal(rig_read(r, "a.log"), CAP);
	assert_int_equal(r->back[0], 'b');
	assert_int_equal(rig_read(r, "a.log.2"), CAP);
	assert_int_equal(r->back[0], 'a');
}

/* Another output was faster to lock what we made. */
static void test_rotate__a_file_that_another_output_has_is_not_ours(
	void **state)
{
	struct dest_rig *r = *state;
	char line[CAP];

	name_file(r);
	rig_open(r);
	make_line(line, 0);
	assert_int_equal(rig_put(r, line, CAP), CAP);
	fail_nth(VMOON_FAULT_LOCK, 1, EWOULDBLOCK);
	assert_int_equal(rig_write(r, line, CAP), -EEXIST);
	assert_int_equal(vmoon_faulty_end(), 1);
	assert_file(r, "a.log", "");
	assert_int_equal(rig_put(r, line, CAP), CAP);
	assert_file(r, "a.log.1", "");
}

static const struct CMUnitTest tests[] = {
	DEST_RIG(test_dest_file__what_cannot_be_opened_is_left_alone),
	DEST_RIG(test_dest_file__one_that_moves_away_is_left_alone),
	DEST_RIG(test_dest_file__a_link_that_comes_late_is_not_followed),
	DEST_RIG(test_dest_fifo__a_link_that_comes_late_is_not_followed),
	DEST_RIG(test_dest__what_is_exchanged_is_looked_at_again),
	DEST_RIG(test_dest__what_the_host_refuses_is_said),
	DEST_RIG(test_x07__a_pipe_that_cannot_be_opened_anew_never_blocks),
	DEST_RIG(test_dest_fd__no_descriptor_left_is_an_error),
	DEST_RIG(test_x07__a_disk_that_is_full_for_a_while_loses_nothing),
	DEST_RIG(test_full__the_last_line_waits_for_room),
	DEST_RIG(test_rotate__each_step_may_fail_and_is_tried_again),
	DEST_RIG(test_rotate__a_strangers_file_is_neither_used_nor_lost),
	DEST_RIG(test_rotate__a_file_that_another_output_has_is_not_ours),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
