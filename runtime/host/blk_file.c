/* SPDX-License-Identifier: MIT */
/*
 * blk_file.c - requests for a disk in a file: queued under the device's lock,
 * carried out without it on a thread of the disk's own, answered under it.
 */
#include "host/blk_file.h"

#include "host/blk_file_parts.h"
#include "host/blk_image.h"

#include "gmem.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Then those that are done are told, and others may have their turn. */
enum { BATCH_REQUESTS = VMOON_URING_SLOTS };
#define BATCH_BYTES (UINT64_C(1) << 20)
/* For the device's lock, which is held for microseconds. */
#define PATIENCE_NS UINT64_C(1000000)
/* For requests that are under way, with the device's lock. */
#define RESIZE_NS UINT64_C(1000000000)

enum { BOUNCE_BYTES = VMOON_BLK_BOUNCE + VMOON_BLK_ALIGN };

static struct vmoon_blk_file *file_of(struct vmoon_block *b)
{
	return VMOON_CONTAINER_OF(b, struct vmoon_blk_file, block);
}

/* ---- lists ---- */

static void append(struct vmoon_request_list *list,
		   struct vmoon_block_request *r)
{
	r->next = NULL;
	if (list->first == NULL)
		list->first = r;
	else
		list->last->next = r;
	list->last = r;
}

static struct vmoon_block_request *take(struct vmoon_request_list *list)
{
	struct vmoon_block_request *r = list->first;

	if (r != NULL)
		list->first = r->next;
	return r;
}

/* ---- under the device's lock ---- */

static void submit(struct vmoon_block *b, struct vmoon_block_request *r)
{
	struct vmoon_blk_file *f = file_of(b);

	vmoon_lock_take(&f->state_lock);
	append(&f->submitted, r);
	vmoon_lock_drop(&f->state_lock);
	if (f->loop != NULL)
		vmoon_loop_fire(&f->submitted_event);
}

/*
 * Under state_lock: then nothing is under way, and nothing begins. Without a
 * loop nobody else is there to see requests end.
 */
static void wait_idle(struct vmoon_blk_file *f)
{
	while (f->under_way > 0) {
		if (f->loop != NULL) {
			vmoon_lock_wait(&f->state_lock, &f->idle);
			continue;
		}
		vmoon_lock_drop(&f->state_lock);
		vmoon_uring_wait(f->uring);
		vmoon_lock_take(&f->state_lock);
	}
}

/* Under state_lock: of all that was submitted nothing is told any more. */
static void forget(struct vmoon_blk_file *f)
{
	f->epoch++;
	f->submitted.first = f->finished.first = NULL;
}

static bool drain(struct vmoon_block *b)
{
	struct vmoon_blk_file *f = file_of(b);
	bool is_draining;

	vmoon_lock_take(&f->state_lock);
	forget(f);
	is_draining = f->is_draining = f->under_way > 0;
	vmoon_lock_drop(&f->state_lock);
	return !is_draining;
}

/* The same, and waits; the loop does not run. */
static void drain_now(struct vmoon_blk_file *f)
{
	vmoon_lock_take(&f->state_lock);
	forget(f);
	wait_idle(f);
	f->is_draining = false;
	vmoon_lock_drop(&f->state_lock);
}

/* ---- the loop's thread ---- */

/* The next one to carry out, which is under way from now on. */
static struct vmoon_block_request *begin(struct vmoon_blk_file *f,
					 uint64_t *out_epoch)
{
	struct vmoon_block_request *r;

	vmoon_lock_take(&f->state_lock);
	r = take(&f->submitted);
	if (r != NULL)
		f->under_way++;
	*out_epoch = f->epoch;
	vmoon_lock_drop(&f->state_lock);
	return r;
}

/* The log may have been taken after the buffers were borrowed. */
static void mark_read(const struct vmoon_block_request *r)
{
	struct vmoon_cursor at = r->data;
	struct vmoon_seg seg;

	while (vmoon_cursor_next(&at, &seg))
		vmoon_gmem_dirty_mark(at.chain->gm, seg.gpa, seg.len);
}

/* Of an earlier epoch: whoever drained has forgotten it. */
static void finish(struct vmoon_blk_file *f, struct vmoon_block_request *r,
		   uint64_t epoch)
{
	if (r->op == VMOON_BLOCK_READ)
		mark_read(r);
	vmoon_lock_take(&f->state_lock);
	if (epoch == f->epoch)
		append(&f->finished, r);
	if (--f->under_way == 0)
		(void)pthread_cond_broadcast(&f->idle);
	vmoon_lock_drop(&f->state_lock);
}

static struct vmoon_block_request *next_finished(struct vmoon_blk_file *f)
{
	struct vmoon_block_request *r;

	vmoon_lock_take(&f->state_lock);
	r = take(&f->finished);
	vmoon_lock_drop(&f->state_lock);
	return r;
}

static bool has_submitted(struct vmoon_blk_file *f)
{
	bool is_any;

	vmoon_lock_take(&f->state_lock);
	is_any = f->submitted.first != NULL;
	vmoon_lock_drop(&f->state_lock);
	return is_any;
}

/*
 * Whoever has the device's lock may wait for what is in flight (resize): then
 * this thread has to see it end, and tells later.
 */
static bool take_device_lock(struct vmoon_blk_file *f)
{
	if (f->uring == NULL || vmoon_uring_in_flight(f->uring) == 0) {
		vmoon_lock_take(f->device_lock);
		return true;
	}
	return vmoon_lock_take_until(f->device_lock,
				     vmoon_mono_ns() + PATIENCE_NS);
}

/* Under state_lock. */
static bool is_drained(const struct vmoon_blk_file *f)
{
	return f->is_draining && f->under_way == 0;
}

static bool has_news(struct vmoon_blk_file *f)
{
	bool is_any;

	vmoon_lock_take(&f->state_lock);
	is_any = f->finished.first != NULL || is_drained(f);
	vmoon_lock_drop(&f->state_lock);
	return is_any;
}

/* True once for each drain that said false. */
static bool take_drained(struct vmoon_blk_file *f)
{
	bool is_now;

	vmoon_lock_take(&f->state_lock);
	is_now = is_drained(f);
	if (is_now)
		f->is_draining = false;
	vmoon_lock_drop(&f->state_lock);
	return is_now;
}

static bool tell_finished(struct vmoon_blk_file *f)
{
	struct vmoon_block_request *r;

	if (!has_news(f))
		return true;
	if (!take_device_lock(f))
		return false;
	while ((r = next_finished(f)) != NULL)
		r->complete(r->ctx, r);
	if (take_drained(f))
		f->block.drained(f->block.drained_ctx);
	vmoon_lock_drop(f->device_lock);
	return true;
}

/* Of the ring. */
static void on_ended(void *ctx, struct vmoon_block_request *r, uint64_t epoch)
{
	struct vmoon_blk_file *f = ctx;

	if (r->error == EAGAIN)
		vmoon_blk_file_transfer(f, r);
	else
		r->error = vmoon_blk_file_note(f, r->op, r->error);
	finish(f, r, epoch);
}

/* A write into the page cache is a copy, which file systems hand to a thread of
 * the kernel where they must not wait: ours is nearer. */
static bool is_for_ring(const struct vmoon_blk_file *f,
			const struct vmoon_block_request *r)
{
	if (f->uring == NULL)
		return false;
	switch (r->op) {
	case VMOON_BLOCK_READ: return r->len > 0;
	case VMOON_BLOCK_WRITE: return r->len > 0 && f->is_direct;
	case VMOON_BLOCK_FLUSH: return vmoon_blk_file_must_flush(f);
	case VMOON_BLOCK_DISCARD:
	case VMOON_BLOCK_ZEROES: break;
	}
	return false;
}

static bool has_room(const struct vmoon_blk_file *f)
{
	return f->uring == NULL ||
	       vmoon_uring_in_flight(f->uring) < VMOON_URING_SLOTS;
}

/* Then a ring has nothing to gain, and costs as much as a cached read. */
static bool is_alone(struct vmoon_blk_file *f)
{
	return !f->is_direct && vmoon_uring_in_flight(f->uring) == 0 &&
	       !has_submitted(f);
}

static void carry_out(struct vmoon_blk_file *f, struct vmoon_block_request *r,
		      uint64_t epoch)
{
	if (!is_for_ring(f, r)) {
		vmoon_blk_file_transfer(f, r);
		finish(f, r, epoch);
	} else if (!vmoon_blk_file_may_begin(f, r) ||
		   (is_alone(f) && vmoon_blk_file_read_now(f, r))) {
		finish(f, r, epoch);
	} else {
		vmoon_uring_start(f->uring, r, epoch);
	}
}

/* What the ring has comes first: it goes on while the thread is busy. */
static void on_submitted(void *ctx)
{
	struct vmoon_blk_file *f = ctx;
	struct vmoon_block_request *r;
	uint64_t epoch, bytes = 0;
	unsigned count = 0;

	while (count < BATCH_REQUESTS && bytes < BATCH_BYTES && has_room(f) &&
	       (r = begin(f, &epoch)) != NULL) {
		bytes += r->len;
		count++;
		carry_out(f, r, epoch);
	}
	if (f->uring != NULL)
		vmoon_uring_run(f->uring);
	/* Without room the end of a request goes on with it. */
	if (!tell_finished(f) || (has_room(f) && has_submitted(f)))
		vmoon_loop_fire(&f->submitted_event);
}

/* Each signal is an edge: nobody has to read it. */
static bool on_uring(void *ctx, uint32_t events)
{
	(void)events;
	on_submitted(ctx);
	return true;
}

/* ---- life ---- */

static enum vmoon_status attach_uring(struct vmoon_blk_file *f,
				      struct vmoon_loop *loop,
				      struct vmoon_error *err)
{
	const struct vmoon_uring_config cfg = {.mem = f->mem,
					       .fd = f->fd,
					       .is_direct = f->is_direct,
					       .ended = on_ended,
					       .ctx = f};
	enum vmoon_status st;

	if (f->may_uring)
		f->uring = vmoon_uring_create(&cfg);
	if (f->uring == NULL)
		return VMOON_OK;
	f->uring_fd = (struct vmoon_loop_fd){
		.ready = on_uring, .ctx = f, .fd = vmoon_uring_fd(f->uring)};
	st = vmoon_loop_add_fd(loop, &f->uring_fd, EPOLLIN | EPOLLET, err);
	if (st != VMOON_OK) {
		vmoon_uring_destroy(f->uring);
		f->uring = NULL;
	}
	return st;
}

enum vmoon_status vmoon_blk_file_attach(struct vmoon_block *b,
					struct vmoon_loop *loop,
					struct vmoon_lock *lock,
					struct vmoon_error *err)
{
	struct vmoon_blk_file *f = file_of(b);
	enum vmoon_status st = attach_uring(f, loop, err);

	if (st != VMOON_OK)
		return st;
	f->loop = loop;
	f->device_lock = lock;
	vmoon_loop_add_event(loop, &f->submitted_event, on_submitted, f);
	vmoon_loop_fire(&f->submitted_event);
	return VMOON_OK;
}

void vmoon_blk_file_detach(struct vmoon_block *b)
{
	struct vmoon_blk_file *f = file_of(b);
	struct vmoon_loop *loop = f->loop;

	f->loop = NULL;
	drain_now(f);
	if (f->uring == NULL)
		return;
	vmoon_loop_remove_fd(loop, &f->uring_fd);
	vmoon_uring_destroy(f->uring);
	f->uring = NULL;
}

static enum vmoon_status truncate_file(struct vmoon_blk_file *f, uint64_t bytes,
				       struct vmoon_error *err)
{
	const uint64_t deadline_ns = vmoon_mono_ns() + RESIZE_NS;
	enum vmoon_status st = VMOON_OK;
	bool may_wait = true;

	vmoon_lock_take(&f->state_lock);
	/* A write that began before could make the file longer again. */
	while (f->under_way > 0 && may_wait)
		may_wait = vmoon_lock_wait_until(&f->state_lock, &f->idle,
						 deadline_ns);
	if (f->under_way > 0)
		st = vmoon_fail(err, VMOON_E_TIMEOUT, 0,
				"cannot resize the disk: the host does not "
				"finish a request of before; try again");
	else if (ftruncate(f->fd, (off_t)bytes) != 0)
		st = vmoon_fail(err, VMOON_E_SYS, errno,
				"cannot make the disk's file %llu bytes long",
				(unsigned long long)bytes);
	else
		__atomic_store_n(&f->size_bytes, bytes, __ATOMIC_RELEASE);
	vmoon_lock_drop(&f->state_lock);
	return st;
}

enum vmoon_status vmoon_blk_file_resize(struct vmoon_block *b, uint64_t bytes,
					struct vmoon_error *err)
{
	struct vmoon_blk_file *f = file_of(b);
	enum vmoon_status st;

	if (b->is_readonly)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "a read-only disk cannot be resized");
	if (!f->is_regular)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "only a disk in a regular file can be "
				  "resized; this one is a block device");
	if (bytes == 0 || bytes % 512 != 0 || bytes > INT64_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "a disk's size is a multiple of 512 bytes "
				  "and not 0, not %llu",
				  (unsigned long long)bytes);
	st = truncate_file(f, bytes, err);
	if (st == VMOON_OK)
		b->size_bytes = bytes;
	return st;
}

const char *vmoon_blk_file_engine(const struct vmoon_block *b)
{
	const struct vmoon_blk_file *f =
		VMOON_CONST_CONTAINER_OF(b, struct vmoon_blk_file, block);

	return f->uring != NULL ? "io_uring" : "threads";
}

static void destroy(struct vmoon_block *b)
{
	struct vmoon_blk_file *f = file_of(b);

	drain_now(f);
	vmoon_mem_free(f->mem, f->bounce_mem, BOUNCE_BYTES);
	vmoon_blk_image_close(f->fd);
	(void)pthread_cond_destroy(&f->idle);
	vmoon_lock_fini(&f->state_lock);
	vmoon_mem_free(f->mem, f, sizeof(*f));
}

static const struct vmoon_block_ops block_ops = {
	.submit = submit, .drain = drain, .destroy = destroy};

static bool make_bounce(struct vmoon_blk_file *f, struct vmoon_mem *mem)
{
	f->bounce_mem = vmoon_mem_alloc(mem, BOUNCE_BYTES);
	if (f->bounce_mem == NULL)
		return false;
	f->bounce =
		f->bounce_mem +
		(VMOON_BLK_ALIGN - (uintptr_t)f->bounce_mem % VMOON_BLK_ALIGN);
	return true;
}

enum vmoon_status vmoon_blk_file_open(const struct vmoon_blk_file_options *opts,
				      struct vmoon_block **out_block,
				      struct vmoon_error *err)
{
	struct vmoon_blk_image image;
	struct vmoon_blk_file *f;
	enum vmoon_status st = vmoon_blk_image_open(opts, &image, err);

	if (st != VMOON_OK)
		return st;
	f = vmoon_mem_alloc(opts->mem, sizeof(*f));
	if (f == NULL || (image.is_direct && !make_bounce(f, opts->mem))) {
		vmoon_mem_free(opts->mem, f, sizeof(*f));
		vmoon_blk_image_discard(&image);
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "out of memory");
	}
	f->block.ops = &block_ops;
	f->block.size_bytes = f->size_bytes = image.size_bytes;
	f->block.is_readonly = opts->is_readonly;
	f->block.can_discard = image.can_discard;
	f->block.has_write_cache = opts->cache != VMOON_DISK_UNSAFE;
	f->mem = opts->mem;
	f->fd = image.fd;
	f->is_regular = image.is_regular;
	f->is_direct = image.is_direct;
	f->may_uring = image.has_nowait && !opts->no_uring;
	f->is_unsafe = opts->cache == VMOON_DISK_UNSAFE;
	vmoon_lock_init(&f->state_lock, VMOON_RANK_LEAF);
	(void)pthread_cond_init(&f->idle, NULL);
	*out_block = &f->block;
	return VMOON_OK;
}
