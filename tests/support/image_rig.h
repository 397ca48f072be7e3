/* SPDX-License-Identifier: MIT */
/* image_rig.h - a folder with files that a disk might be opened from. */
#ifndef VMOON_TESTS_IMAGE_RIG_H
#define VMOON_TESTS_IMAGE_RIG_H

#include "host/blk_file.h"
#include "tests/support/census.h"
#include "tests/support/check_alloc.h"
#include "tests/support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IMAGE_BYTES = 64 * 1024 };

struct image_rig {
	char dir[32];
	char path[64];      /* what opts names */
	char expected[512]; /* a message */
	struct check_alloc heap;
	struct vmoon_allocator allocator;
	struct vmoon_mem mem;
	struct vmoon_blk_file_options opts;
	struct vmoon_error err;
	struct census before;
};

static inline int image_setup(void **state)
{
	struct image_rig *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -1;
	*state = r;
	(void)strcpy(r->dir, "/tmp/vmoon-image-XXXXXX");
	if (mkdtemp(r->dir) == NULL)
		return -1;
	r->allocator = check_allocator(&r->heap);
	vmoon_mem_init(&r->mem, &r->allocator);
	r->opts = (struct vmoon_blk_file_options){.mem = &r->mem, .fd = -1};
	r->before = take_census();
	return 0;
}

static inline int image_remove(const char *path, const struct stat *st,
			       int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static inline int image_teardown(void **state)
{
	struct image_rig *r = *state;

	assert_int_equal(take_census().fds, r->before.fds);
	check_alloc_assert_empty(&r->heap);
	(void)nftw(r->dir, image_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(r);
	return 0;
}

#define image_test(name) \
	cmocka_unit_test_setup_teardown(name, image_setup, image_teardown)

/* The path of a name in the folder, for opts too. */
static inline const char *image_name(struct image_rig *r, const char *name)
{
	(void)snprintf(r->path, sizeof(r->path), "%s/%s", r->dir, name);
	r->opts.path = r->path;
	return r->path;
}

/* A file of so many zeroes. */
static inline void image_make(struct image_rig *r, const char *name, off_t size)
{
	const int fd =
		open(image_name(r, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(close(fd), 0);
}

/* E_CONFIG with this sentence, where @ is the path; nothing stays behind. */
static inline void assert_refused(struct image_rig *r, const char *sentence)
{
	struct vmoon_block *b = NULL;
	char *out = r->expected;

	for (const char *at = sentence; *at != '\0'; at++)
		if (*at == '@')
			out = stpcpy(out, r->path);
		else
			*out++ = *at;
	*out = '\0';
	assert_int_equal(vmoon_blk_file_open(&r->opts, &b, &r->err),
			 VMOON_E_CONFIG);
	assert_string_equal(r->err.msg, r->expected);
	assert_null(b);
	assert_int_equal(take_census().fds, r->before.fds);
	check_alloc_assert_empty(&r->heap);
}

static inline struct vmoon_block *image_open(struct image_rig *r)
{
	struct vmoon_block *b;

	assert_ok(vmoon_blk_file_open(&r->opts, &b, &r->err), &r->err);
	return b;
}

static inline void assert_opens(struct image_rig *r, uint64_t size)
{
	struct vmoon_block *b = image_open(r);

	assert_int_equal(b->size_bytes, size);
	assert_int_equal(b->is_readonly, r->opts.is_readonly);
	b->ops->destroy(b);
}

/*
 * Another process that does as told; it is there and ready when this returns.
 * End it with image_end.
 */
static inline pid_t image_fork(struct image_rig *r,
			       bool (*prepare)(struct image_rig *r))
{
	char ready = 0;
	int pipe_fd[2];
	pid_t pid;

	assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		ready = prepare(r) ? 'y' : 'n';
		(void)!write(pipe_fd[1], &ready, 1);
		for (;;)
			(void)pause();
	}
	(void)close(pipe_fd[1]);
	assert_int_equal(read(pipe_fd[0], &ready, 1), 1);
	(void)close(pipe_fd[0]);
	assert_int_equal(ready, 'y');
	return pid;
}

static inline void image_end(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

#endif
