/* SPDX-License-Identifier: MIT */
/* blk_file_io.c - moves bytes between a file and guest memory, all or error. */
#include "host/blk_file_parts.h"

#include "gmem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ZEROES = 4096 };

/* A backend's errno is never 0, whatever the call left there. */
static int error_of(int error)
{
	return error != 0 ? error : EIO;
}

/* ---- straight between guest memory and the file ---- */

/* A buffer may lie in several regions: there is room for that. */
int vmoon_blk_piece_fill(struct vmoon_blk_piece *p, struct vmoon_cursor *at,
			 bool is_read)
{
	struct vmoon_gmem_spans spans = {
		.iov = p->iov,
		.cap = VMOON_BLK_IOVECS,
		.access = is_read ? VMOON_GMEM_FOR_WRITING
				  : VMOON_GMEM_FOR_READING};
	struct vmoon_cursor next = *at;
	struct vmoon_seg seg;

	p->first = 0;
	p->bytes = 0;
	while (spans.count + VMOON_GMEM_REGIONS_MAX <= VMOON_BLK_IOVECS &&
	       vmoon_cursor_next(&next, &seg)) {
		if (vmoon_gmem_borrow_spans(at->chain->gm, seg.gpa, seg.len,
					    &spans) != VMOON_OK)
			return EFAULT;
		p->bytes += seg.len;
		*at = next;
	}
	p->count = spans.count;
	return 0;
}

void vmoon_blk_piece_pass(struct vmoon_blk_piece *p, size_t done)
{
	struct iovec *iov = p->iov + p->first;

	while (p->count > 0 && done >= iov->iov_len) {
		done -= iov->iov_len;
		iov++;
		p->first++;
		p->count--;
	}
	if (p->count > 0) {
		iov->iov_base = (char *)iov->iov_base + done;
		iov->iov_len -= done;
	}
}

bool vmoon_blk_piece_is_aligned(const struct vmoon_blk_piece *p)
{
	uintptr_t bits = 0;

	for (size_t i = p->first; i < p->first + p->count; i++)
		bits |= (uintptr_t)p->iov[i].iov_base | p->iov[i].iov_len;
	return bits % 512 == 0;
}

/* All of it: short transfers go on, and a file that ends early is an error. */
static int move(int fd, bool is_read, struct vmoon_blk_piece *p,
		uint64_t offset, uint64_t *done)
{
	unsigned tries = 0;
	ssize_t n;

	while (p->count > 0) {
		const struct iovec *iov = p->iov + p->first;

		n = is_read ? preadv(fd, iov, (int)p->count, (off_t)offset)
			    : pwritev(fd, iov, (int)p->count, (off_t)offset);
		if (n < 0 && (errno == EINTR || errno == EAGAIN) &&
		    tries++ < VMOON_BLK_RETRIES)
			continue;
		if (n <= 0)
			return n < 0 ? error_of(errno) : EIO;
		tries = 0;
		*done += (uint64_t)n;
		offset += (uint64_t)n;
		vmoon_blk_piece_pass(p, (size_t)n);
	}
	return 0;
}

/* ---- by way of a buffer: what O_DIRECT does not take as it is ---- */

/* Between the bounce buffer and the next len bytes at a cursor. */
static int copy(struct vmoon_cursor *at, unsigned char *buf, size_t len,
		bool to_guest)
{
	const struct vmoon_gmem *gm = at->chain->gm;
	enum vmoon_status st = VMOON_OK;
	struct vmoon_seg seg;

	while (len > 0 && st == VMOON_OK) {
		struct vmoon_cursor part = *at;

		part.left = (uint32_t)len;
		if (!vmoon_cursor_next(&part, &seg))
			return EIO;
		st = to_guest ? vmoon_gmem_write(gm, seg.gpa, buf, seg.len)
			      : vmoon_gmem_read(gm, seg.gpa, buf, seg.len);
		vmoon_cursor_skip(at, seg.len);
		buf += seg.len;
		len -= seg.len;
	}
	return st == VMOON_OK ? 0 : EFAULT;
}

/* The next len bytes at a cursor, in turns of a buffer. */
static int bounce(struct vmoon_blk_file *f, struct vmoon_block_request *r,
		  struct vmoon_cursor *at, uint64_t len)
{
	const bool is_read = r->op == VMOON_BLOCK_READ;
	int error = 0;

	for (size_t n; len > 0 && error == 0; len -= n) {
		struct vmoon_blk_piece p = {.count = 1};
		uint64_t moved = 0;

		n = len < VMOON_BLK_BOUNCE ? (size_t)len : VMOON_BLK_BOUNCE;
		p.iov[0] = (struct iovec){f->bounce, n};
		if (!is_read)
			error = copy(at, f->bounce, n, false);
		if (error == 0)
			error = move(f->fd, is_read, &p, r->offset + r->done,
				     &moved);
		if (error == 0 && is_read)
			error = copy(at, f->bounce, n, true);
		if (error == 0)
			r->done += n;
	}
	return error;
}

/* With O_DIRECT what is unaligned anywhere goes through the buffer: a piece
 * may end between sectors. */
static bool needs_bounce(const struct vmoon_blk_file *f,
			 const struct vmoon_block_request *r)
{
	struct vmoon_cursor at = r->data;
	struct vmoon_blk_piece p;

	if (!f->is_direct)
		return false;
	while (at.left > 0)
		if (vmoon_blk_piece_fill(&p, &at, r->op == VMOON_BLOCK_READ) !=
			    0 ||
		    !vmoon_blk_piece_is_aligned(&p))
			return true;
	return false;
}

static int transfer(struct vmoon_blk_file *f, struct vmoon_block_request *r)
{
	const bool is_read = r->op == VMOON_BLOCK_READ;
	struct vmoon_cursor at = r->data;
	struct vmoon_blk_piece p;
	int error = 0;

	if (needs_bounce(f, r))
		return bounce(f, r, &at, r->len);
	while (at.left > 0 && error == 0) {
		error = vmoon_blk_piece_fill(&p, &at, is_read);
		if (error == 0)
			error = move(f->fd, is_read, &p, r->offset + r->done,
				     &r->done);
	}
	return error;
}

bool vmoon_blk_file_read_now(const struct vmoon_blk_file *f,
			     struct vmoon_block_request *r)
{
	struct vmoon_cursor at = r->data;
	struct vmoon_blk_piece p;
	ssize_t n;

	if (r->op != VMOON_BLOCK_READ ||
	    vmoon_blk_piece_fill(&p, &at, true) != 0 || p.bytes != r->len)
		return false;
	n = preadv2(f->fd, p.iov, (int)p.count, (off_t)r->offset, RWF_NOWAIT);
	if (n < 0 || (uint64_t)n != r->len)
		return false;
	r->done = r->len;
	return true;
}

/* ---- the rest ---- */

/* O_DIRECT takes these as they are: whole, aligned pieces. */
static const _Alignas(VMOON_BLK_ALIGN) unsigned char zeroes[ZEROES];

static int write_zeroes(const struct vmoon_blk_file *f,
			const struct vmoon_block_request *r)
{
	uint64_t offset = r->offset, left = r->len, moved;
	int error = 0;

	while (left > 0 && error == 0) {
		struct vmoon_blk_piece p = {.count = 0};

		for (uint64_t n; p.count < VMOON_BLK_IOVECS && left > 0;
		     left -= n) {
			n = left < ZEROES ? left : ZEROES;
			/* pwritev only reads it. */
			p.iov[p.count++] = (struct iovec){
				(void *)(uintptr_t)zeroes, (size_t)n};
			p.bytes += n;
		}
		moved = 0;
		error = move(f->fd, false, &p, offset, &moved);
		offset += p.bytes;
	}
	return error;
}

static int allocate(const struct vmoon_blk_file *f, int mode,
		    const struct vmoon_block_request *r)
{
	unsigned tries = 0;

	if (r->len == 0)
		return 0;
	while (fallocate(f->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)r->offset,
			 (off_t)r->len) != 0)
		if (errno != EINTR || tries++ == VMOON_BLK_RETRIES)
			return error_of(errno);
	return 0;
}

static int zero(struct vmoon_blk_file *f, struct vmoon_block_request *r)
{
	int error = EOPNOTSUPP;

	if (r->may_unmap && f->block.can_discard)
		error = allocate(f, FALLOC_FL_PUNCH_HOLE, r);
	if (error == EOPNOTSUPP)
		error = allocate(f, FALLOC_FL_ZERO_RANGE, r);
	return error == EOPNOTSUPP ? write_zeroes(f, r) : error;
}

bool vmoon_blk_file_must_flush(const struct vmoon_blk_file *f)
{
	return !f->is_unsafe && !f->block.is_readonly;
}

static int flush(const struct vmoon_blk_file *f)
{
	unsigned tries = 0;

	if (!vmoon_blk_file_must_flush(f))
		return 0;
	while (fdatasync(f->fd) != 0)
		if (errno != EINTR || tries++ == VMOON_BLK_RETRIES)
			return error_of(errno);
	return 0;
}

/*
 * After fdatasync failed once, nobody knows which pages the kernel gave up:
 * no later flush may say that they are safe.
 */
int vmoon_blk_file_note(struct vmoon_blk_file *f, enum vmoon_block_op op,
			int error)
{
	const bool was_failed = f->has_failed_write;

	if (op == VMOON_BLOCK_WRITE || op == VMOON_BLOCK_ZEROES)
		f->has_failed_write |= error != 0;
	if (op != VMOON_BLOCK_FLUSH)
		return error;
	f->has_failed_flush |= error != 0;
	f->has_failed_write = false;
	if (error == 0 && (was_failed || f->has_failed_flush))
		return EIO;
	return error;
}

bool vmoon_blk_file_may_begin(struct vmoon_blk_file *f,
			      struct vmoon_block_request *r)
{
	const uint64_t size = __atomic_load_n(&f->size_bytes, __ATOMIC_ACQUIRE);

	r->done = 0;
	r->error = 0;
	if (r->op == VMOON_BLOCK_FLUSH)
		return true;
	if (!vmoon_range_ok(r->offset, r->len, size))
		r->error = EIO;
	else if (f->block.is_readonly && r->op != VMOON_BLOCK_READ)
		r->error = EROFS;
	return r->error == 0;
}

void vmoon_blk_file_transfer(struct vmoon_blk_file *f,
			     struct vmoon_block_request *r)
{
	if (!vmoon_blk_file_may_begin(f, r))
		return;
	switch (r->op) {
	case VMOON_BLOCK_READ:
	case VMOON_BLOCK_WRITE: r->error = transfer(f, r); break;
	case VMOON_BLOCK_FLUSH: r->error = flush(f); break;
	case VMOON_BLOCK_DISCARD:
		r->error = allocate(f, FALLOC_FL_PUNCH_HOLE, r);
		break;
	case VMOON_BLOCK_ZEROES: r->error = zero(f, r); break;
	}
	r->error = vmoon_blk_file_note(f, r->op, r->error);
}
