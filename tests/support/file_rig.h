/* SPDX-License-Identifier: MIT */
/* file_rig.h - a disk in a real file; the test turns its loop. */
#ifndef VMOON_TESTS_FILE_RIG_H
#define VMOON_TESTS_FILE_RIG_H

#include "gmem.h"
#include "host/blk_file.h"
#include "lock.h"
#include "mem.h"
#include "tests/support/census.h"
#include "tests/support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_BYTES = 1024 * 1024,
	FILE_RAM = 4 * 1024 * 1024,
	FILE_SEGS = 256,
	FILE_REQUESTS = 128
};

struct file_request {
	struct vmoon_block_request r;
	struct vmoon_chain chain;
	struct vmoon_seg segs[FILE_SEGS];
	bool is_done;
};

struct file_rig {
	char dir[64], path[96];
	struct vmoon_mem mem;
	unsigned char *ram; /* guest address 0 on */
	struct vmoon_gmem gm;
	struct vmoon_loop loop;
	struct vmoon_lock lock;
	struct vmoon_blk_file_options opts;
	struct vmoon_block *b;
	struct vmoon_error err;
	struct file_request req[FILE_REQUESTS];
	unsigned count, done;
	struct census before;
};

/* A file of so many bytes: sector n is full of n + 1. */
static inline void file_rig_write(const char *path, size_t bytes)
{
	unsigned char sector[512];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	for (size_t i = 0; i < bytes; i += sizeof(sector)) {
		const size_t n =
			bytes - i < sizeof(sector) ? bytes - i : sizeof(sector);

		memset(sector, (int)(i / 512 + 1) & 0xff, sizeof(sector));
		assert_int_equal(write(fd, sector, n), n);
	}
	assert_int_equal(close(fd), 0);
}

static inline void file_rig_init(struct file_rig *r)
{
	struct vmoon_gmem_region region = {.gpa = 0, .size = FILE_RAM};

	memset(r, 0, sizeof(*r));
	r->before = take_census();
	(void)strcpy(r->dir, "/tmp/vmoon-disk-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	(void)snprintf(r->path, sizeof(r->path), "%s/disk", r->dir);
	file_rig_write(r->path, FILE_BYTES);
	vmoon_mem_init(&r->mem, NULL);
	if (posix_memalign((void **)&r->ram, 4096, FILE_RAM) != 0)
		fail();
	memset(r->ram, 0xa5, FILE_RAM);
	region.host = r->ram;
	assert_ok(vmoon_gmem_init(&r->gm, &region, 1, &r->err), &r->err);
	assert_ok(vmoon_loop_init(&r->loop, &r->err), &r->err);
	vmoon_lock_init(&r->lock, VMOON_RANK_DEVICE);
	r->opts = (struct vmoon_blk_file_options){
		.mem = &r->mem, .path = r->path, .fd = -1};
}

/* Else says why not: cache "none" is nothing that every file system has. */
static inline bool file_rig_has_direct(const struct file_rig *r)
{
	const int fd = open(r->path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd >= 0)
		return close(fd) == 0;
	print_message("no O_DIRECT in %s: not tested\n", r->dir);
	return false;
}

static inline void file_rig_open(struct file_rig *r)
{
	assert_ok(vmoon_blk_file_open(&r->opts, &r->b, &r->err), &r->err);
	assert_ok(vmoon_blk_file_attach(r->b, &r->loop, &r->lock, &r->err),
		  &r->err);
}

static inline void file_rig_close(struct file_rig *r)
{
	if (r->b == NULL)
		return;
	vmoon_blk_file_detach(r->b);
	r->b->ops->destroy(r->b);
	r->b = NULL;
	r->count = r->done = 0;
	/* The disk's event lies in freed memory. */
	vmoon_loop_fini(&r->loop);
	assert_ok(vmoon_loop_init(&r->loop, &r->err), &r->err);
}

static inline void file_rig_fini(struct file_rig *r)
{
	char cmd[128];

	file_rig_close(r);
	vmoon_loop_fini(&r->loop);
	vmoon_lock_fini(&r->lock);
	vmoon_gmem_fini(&r->gm);
	free(r->ram);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'", r->dir);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(take_census().fds, r->before.fds);
}

static inline void file_rig_on_complete(void *ctx,
					struct vmoon_block_request *request)
{
	struct file_rig *r = ctx;
	struct file_request *q =
		VMOON_CONTAINER_OF(request, struct file_request, r);

	assert_false(q->is_done);
	q->is_done = true;
	r->done++;
}

/* A request whose data are n buffers of len / n bytes at gpa, stride apart. */
struct file_data {
	vmoon_gpa gpa;
	uint32_t n;
	uint64_t stride; /* 0: they follow each other */
};

static inline struct file_request *file_rig_submit(struct file_rig *r,
						   enum vmoon_block_op op,
						   uint64_t offset,
						   uint64_t len,
						   struct file_data data)
{
	struct file_request *q = &r->req[r->count++];
	const uint32_t n = data.n == 0 ? 1 : data.n;
	const uint32_t part = (uint32_t)len / n;

	assert_true(r->count <= FILE_REQUESTS && n <= FILE_SEGS);
	memset(q, 0, sizeof(*q));
	vmoon_chain_init(&q->chain, q->segs, FILE_SEGS);
	q->chain.gm = &r->gm;
	for (uint32_t i = 0; i < n; i++)
		q->segs[i] = (struct vmoon_seg){
			data.gpa + i * (data.stride == 0 ? part : data.stride),
			i + 1 < n ? part : (uint32_t)len - part * (n - 1)};
	q->chain.count = n;
	if (op == VMOON_BLOCK_WRITE) {
		q->chain.readable_count = n;
		q->chain.readable = (uint32_t)len;
	} else if (op == VMOON_BLOCK_READ) {
		q->chain.writable = (uint32_t)len;
	}
	q->r = (struct vmoon_block_request){.op = op,
					    .offset = offset,
					    .len = len,
					    .complete = file_rig_on_complete,
					    .ctx = r};
	if (op == VMOON_BLOCK_READ || op == VMOON_BLOCK_WRITE)
		q->r.data = (struct vmoon_cursor){.chain = &q->chain,
						  .left = (uint32_t)len};
	vmoon_lock_take(&r->lock);
	r->b->ops->submit(r->b, &q->r);
	vmoon_lock_drop(&r->lock);
	return q;
}

/* Until all that was submitted is done. */
static inline void file_rig_run(struct file_rig *r)
{
	for (unsigned i = 0; i < 100000 && r->done < r->count; i++)
		assert_ok(vmoon_loop_turn(&r->loop, 1000000000, &r->err),
			  &r->err);
	assert_int_equal(r->done, r->count);
	r->count = r->done = 0;
}

/* One request to its end: its error. */
static inline int file_rig_do(struct file_rig *r, enum vmoon_block_op op,
			      uint64_t offset, uint64_t len,
			      struct file_data data)
{
	struct file_request *q = file_rig_submit(r, op, offset, len, data);

	file_rig_run(r);
	if (q->r.error == 0 && op <= VMOON_BLOCK_WRITE)
		assert_int_equal(q->r.done, len);
	return q->r.error;
}

#define FILE_AT(gpa_) ((struct file_data){.gpa = (gpa_)})

#endif
