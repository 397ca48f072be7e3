/* SPDX-License-Identifier: MIT */
/* test_blk_file_open.c - which files are disks, and whose they are. */
#include "tests/support/file_rig.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static const enum vmoon_block_op READ = VMOON_BLOCK_READ,
				 WRITE = VMOON_BLOCK_WRITE;

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

/* Refused with this sentence, in which %s is the path; nothing is left. */
static void refused(struct file_rig *r, const char *sentence)
{
	const struct census before = take_census();
	const uint64_t start = vmoon_mono_ns();
	char want[400];

	(void)snprintf(want, sizeof(want), "%s", sentence);
	for (char *at; (at = strchr(want, '@')) != NULL;) {
		char tail[400];

		(void)snprintf(tail, sizeof(tail), "%s", at + 1);
		(void)snprintf(at, sizeof(want) - (size_t)(at - want), "%s%s",
			       r->opts.path, tail);
	}
	assert_int_equal(vmoon_blk_file_open(&r->opts, &r->b, &r->err),
			 VMOON_E_CONFIG);
	assert_string_equal(r->err.msg, want);
	assert_null(r->b);
	assert_int_equal(take_census().fds, before.fds);
	assert_int_equal(vmoon_mem_used(&r->mem), 0);
	/* It did not wait; a slow machine is allowed for. */
	assert_true(vmoon_mono_ns() - start < 5000000000);
}

static void make_socket(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof(name)),
			 0);
	assert_int_equal(close(fd), 0);
}

static void test_k10__eight_kinds_of_files_are_no_disks(void **state)
{
	struct file_rig *r = *state;
	char path[96];

	r->opts.path = path;
	(void)snprintf(path, sizeof(path), "%s/other", r->dir);
	refused(r, "open '@': No such file or directory");
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(r, "'@' is a FIFO; a disk is a regular file or a block device");
	assert_int_equal(unlink(path), 0);
	make_socket(path);
	refused(r,
		"'@' is a socket; a disk is a regular file or a block device");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	refused(r, "'@' is a directory; a disk is a regular file or a block "
		   "device");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink(r->path, path), 0);
	refused(r, "'@' is a symbolic link; name the file itself, or set "
		   "symlink = true");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(path, path), 0);
	refused(r, "'@' is a symbolic link; name the file itself, or set "
		   "symlink = true");
	assert_int_equal(unlink(path), 0);
	file_rig_write(path, 0);
	refused(r, "'@' is empty; make it longer: truncate -s 64M '@'");
	(void)snprintf(path, sizeof(path), "/dev/null");
	refused(r, "'@' is a character device; a disk is a regular file or a "
		   "block device");
}

static void test_k10__a_link_is_followed_when_that_was_asked_for(void **state)
{
	struct file_rig *r = *state;
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/link", r->dir);
	assert_int_equal(symlink(r->path, path), 0);
	r->opts.path = path;
	r->opts.may_follow_symlink = true;
	file_rig_open(r);
	assert_int_equal(file_rig_do(r, READ, 512, 512, FILE_AT(0)), 0);
	assert_int_equal(r->ram[0], 2);
}

static void test_blk_file__sizes_are_whole_sectors(void **state)
{
	struct file_rig *r = *state;

	assert_int_equal(truncate(r->path, 1000), 0);
	refused(r, "'@' has 1000 bytes, which is no multiple of 512; make it "
		   "longer: truncate -s %512 '@'");
}

static void test_blk_file__create_makes_a_sparse_file_once(void **state)
{
	struct file_rig *r = *state;
	char path[96];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/new", r->dir);
	r->opts.path = path;
	r->opts.create_bytes = 1 << 30;
	file_rig_open(r);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 1 << 30);
	assert_true(st.st_blocks < 100);
	assert_int_equal(st.st_mode & 0777, 0600);
	file_rig_close(r);
	file_rig_open(r);
	file_rig_close(r);
	r->opts.create_bytes = 512;
	refused(r, "'@' is there already and has 1073741824 bytes, not 512; "
		   "give that size, or another path");
	/* What was there stays. */
	assert_int_equal(stat(path, &st), 0);
	(void)snprintf(path, sizeof(path), "%s/huge", r->dir);
	r->opts.create_bytes = UINT64_MAX - 511;
	refused(r, "cannot make '@' 18446744073709551104 bytes long: Invalid "
		   "argument");
	assert_int_equal(stat(path, &st), -1);
}

static void test_k06__a_readonly_disk_is_open_for_reading_only(void **state)
{
	struct file_rig *r = *state;
	const enum vmoon_block_op ops[] = {WRITE, VMOON_BLOCK_DISCARD,
					   VMOON_BLOCK_ZEROES};

	r->opts.is_readonly = true;
	file_rig_open(r);
	assert_true(r->b->is_readonly);
	for (size_t i = 0; i < VMOON_COUNTOF(ops); i++)
		assert_int_equal(file_rig_do(r, ops[i], 0, 512, FILE_AT(0)),
				 EROFS);
	assert_int_equal(file_rig_do(r, VMOON_BLOCK_FLUSH, 0, 0, FILE_AT(0)),
			 0);
	assert_int_equal(file_rig_do(r, READ, 0, 512, FILE_AT(0)), 0);
	assert_int_equal(r->ram[0], 1);
	assert_int_equal(vmoon_blk_file_resize(r->b, 512, &r->err),
			 VMOON_E_CONFIG);
	assert_string_equal(r->err.msg, "a read-only disk cannot be resized");
}

/* ---- descriptors ---- */

static void test_blk_file__a_descriptor_is_taken_also_on_failure(void **state)
{
	struct file_rig *r = *state;
	const struct {
		int flags;
		const char *sentence;
	} rows[] = {
		{O_RDONLY, "'(descriptor)' is not open for reading and "
			   "writing"},
		{O_WRONLY, "'(descriptor)' is not open for reading and "
			   "writing"},
		{O_PATH, "'(descriptor)' is not open for reading and writing"},
		{O_RDWR | O_APPEND, "'(descriptor)' is open with O_APPEND: "
				    "every write would go to its end"},
	};
	const int before = take_census().fds;

	r->opts.path = NULL;
	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		r->opts.fd = open(r->path, rows[i].flags | O_CLOEXEC);
		assert_true(r->opts.fd >= 0);
		assert_int_equal(vmoon_blk_file_open(&r->opts, &r->b, &r->err),
				 VMOON_E_CONFIG);
		assert_string_equal(r->err.msg, rows[i].sentence);
		assert_int_equal(take_census().fds, before);
	}
	r->opts.fd = open(r->path, O_RDWR | O_CLOEXEC);
	file_rig_open(r);
	assert_int_equal(file_rig_do(r, READ, 1024, 512, FILE_AT(0)), 0);
	assert_int_equal(r->ram[0], 3);
	file_rig_close(r);
	assert_int_equal(take_census().fds, before);
}

/* ---- what is in it does not matter ---- */

/* Each with its place. */
static const struct magic {
	const char *bytes;
	unsigned len, at;
} magics[] = {
	{"QFI\xfb\0\0\0\3", 8, 0},
	{"QFI\xfb\0\0\0\2", 8, 0},
	{"QED\0", 4, 0},
	{"KDMV", 4, 0},
	{"COWD", 4, 0},
	{"conectix", 8, 0},
	{"vhdxfile", 8, 0},
	{"<<< Oracle VM VirtualBox Disk Image >>>", 39, 0},
	{"\x7f\x10\xda\xbe", 4, 64},
	{"WithoutFreeSpace", 16, 0},
	{"WithouFreSpacExt", 16, 0},
	{"LUKS\xba\xbe", 6, 0},
	{"OFS\xc4", 4, 0},
	{"#!/bin/sh\n", 10, 0},
	{"# Disk DescriptorFile\n", 22, 0},
	{"json:{\"driver\":\"nbd\"}", 21, 0},
	{"\x55\xaa", 2, 510},
};

static void test_k11__a_raw_disk_stays_raw_whatever_is_in_it(void **state)
{
	struct file_rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(magics); i++) {
		const struct magic *m = &magics[i];

		file_rig_open(r);
		memset(r->ram, 0, 4096);
		memcpy(r->ram + m->at, m->bytes, m->len);
		assert_int_equal(file_rig_do(r, WRITE, 0, 4096, FILE_AT(0)), 0);
		file_rig_close(r);
		file_rig_open(r);
		assert_int_equal(r->b->size_bytes, FILE_BYTES);
		assert_int_equal(
			file_rig_do(r, READ, 0, 4096, FILE_AT(0x10000)), 0);
		assert_memory_equal(r->ram, r->ram + 0x10000, 4096);
		file_rig_close(r);
	}
}

static void put_be(unsigned char *at, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		at[i] = (unsigned char)(value >> (8 * (size - 1 - i)));
}

/* A disk with these bytes is as large as its file, and the only one opened. */
static void is_raw(struct file_rig *r)
{
	const int fds = take_census().fds;

	file_rig_open(r);
	/* The disk; an eventfd, and the ring. */
	assert_true(take_census().fds <= fds + 3);
	assert_int_equal(r->b->size_bytes, FILE_BYTES);
	memset(r->ram + 0x10000, 0, 4096);
	assert_int_equal(file_rig_do(r, READ, 0, 4096, FILE_AT(0x10000)), 0);
	assert_memory_equal(r->ram, r->ram + 0x10000, 4096);
	file_rig_close(r);
}

static void write_header(struct file_rig *r)
{
	int fd = open(r->path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, r->ram, 4096, 0), 4096);
	assert_int_equal(close(fd), 0);
}

static void make_header(struct file_rig *r, const char *backing)
{
	memset(r->ram, 0, 4096);
	memcpy(r->ram, "QFI\xfb\0\0\0\3", 8);
	put_be(r->ram + 8, 512, 8);
	put_be(r->ram + 16, strlen(backing), 4);
	put_be(r->ram + 20, 16, 4);
	put_be(r->ram + 24, UINT64_C(1) << 30, 8);
	(void)snprintf((char *)r->ram + 512, 2048, "%s", backing);
}

static void test_k12__a_backing_file_that_is_named_is_not_opened(void **state)
{
	struct file_rig *r = *state;
	char fifo[96], longest[1025];

	(void)snprintf(fifo, sizeof(fifo), "%s/backing", r->dir);
	/* Whoever opened it would wait for ever. */
	assert_int_equal(mkfifo(fifo, 0600), 0);
	memset(longest, 'a', 1024);
	longest[1024] = '\0';
	const char *names[] = {fifo,
			       "../secret",
			       "/etc/passwd",
			       "json:{\"driver\":\"nbd\"}",
			       "nbd:host:10809",
			       longest};

	for (size_t i = 0; i < VMOON_COUNTOF(names); i++) {
		make_header(r, names[i]);
		write_header(r);
		is_raw(r);
	}
}

static void test_k13__header_fields_are_never_read(void **state)
{
	static const uint64_t values[] = {0, 1, 0x7fffffff, UINT64_MAX - 1,
					  UINT64_MAX};
	struct file_rig *r = *state;

	for (unsigned at = 4; at < 104; at += 4)
		for (size_t i = 0; i < VMOON_COUNTOF(values); i++) {
			make_header(r, "");
			put_be(r->ram + at, values[i], 4);
			write_header(r);
			is_raw(r);
		}
}

static void test_k14__an_image_that_names_itself_is_bytes(void **state)
{
	struct file_rig *r = *state;

	make_header(r, r->path);
	/* L1 table, refcounts and snapshots: beyond the file and on itself. */
	put_be(r->ram + 40, 0, 8);
	put_be(r->ram + 48, UINT64_C(1) << 62, 8);
	put_be(r->ram + 64, 0, 8);
	write_header(r);
	is_raw(r);
}

/* ---- locks ---- */

/* What another process gets: 0 when it may have the disk. */
static int open_elsewhere(struct file_rig *r, bool is_readonly)
{
	const pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct vmoon_block *b;

		r->opts.is_readonly = is_readonly;
		_exit(vmoon_blk_file_open(&r->opts, &b, &r->err) == VMOON_OK ? 0
		      : strstr(r->err.msg, "is in use by another VM") != NULL
			      ? 1
			      : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void test_k16__a_disk_has_one_writer_or_many_readers(void **state)
{
	struct file_rig *r = *state;

	file_rig_open(r);
	assert_int_equal(open_elsewhere(r, false), 1);
	assert_int_equal(open_elsewhere(r, true), 1);
	file_rig_close(r);
	r->opts.is_readonly = true;
	file_rig_open(r);
	assert_int_equal(open_elsewhere(r, false), 1);
	assert_int_equal(open_elsewhere(r, true), 0);
	file_rig_close(r);
	assert_int_equal(open_elsewhere(r, false), 0);
	/* Within one process too. */
	r->opts.is_readonly = false;
	file_rig_open(r);
	struct vmoon_block *second = NULL;

	assert_int_equal(vmoon_blk_file_open(&r->opts, &second, &r->err),
			 VMOON_E_CONFIG);
	assert_null(second);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, init, fini)
	const struct CMUnitTest tests[] = {
		T(test_k10__eight_kinds_of_files_are_no_disks),
		T(test_k10__a_link_is_followed_when_that_was_asked_for),
		T(test_blk_file__sizes_are_whole_sectors),
		T(test_blk_file__create_makes_a_sparse_file_once),
		T(test_k06__a_readonly_disk_is_open_for_reading_only),
		T(test_blk_file__a_descriptor_is_taken_also_on_failure),
		T(test_k11__a_raw_disk_stays_raw_whatever_is_in_it),
		T(test_k12__a_backing_file_that_is_named_is_not_opened),
		T(test_k13__header_fields_are_never_read),
		T(test_k14__an_image_that_names_itself_is_bytes),
		T(test_k16__a_disk_has_one_writer_or_many_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
