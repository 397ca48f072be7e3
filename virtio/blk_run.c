/* SPDX-License-Identifier: MIT */
/*
 * blk_run.c - a disk's requests: where they are kept and how they go on.
 *
 * A request is in flight from its pop until its push. All share one pool, so
 * what all queues together may have in flight is bounded; a queue that finds
 * it empty goes on when a request is done. Limits are asked before a request
 * begins; one that may not begin is given back to the ring.
 *
 * Spec: VIRTIO 1.2, 5.2.6.
 */
#include "blk_run.h"

#include "vq.h"

#include <errno.h>

uint64_t vmoon_blk_disk_bytes(const struct vmoon_blk *b)
{
	return b->disk->size_bytes - b->disk->size_bytes % VMOON_BLK_SECTOR;
}

static uint64_t now_ns(const struct vmoon_blk *b)
{
	const struct vmoon_clock *clock = &b->vd.host.clock;

	return clock->mono_ns == NULL ? 0 : clock->mono_ns(clock->ctx);
}

/* ---- who waits ---- */

static void kick(const struct vmoon_blk *b, unsigned queue)
{
	b->vd.host.kick(b->vd.host.ctx, queue);
}

void vmoon_blk_kick_line(const struct vmoon_blk *b)
{
	for (unsigned i = 0; i < b->vd.queue_count; i++)
		if (vmoon_blk_limit_is_waiting(&b->limit, i))
			kick(b, i);
}

static void set_timer(const struct vmoon_blk *b)
{
	const struct vmoon_timer *timer = &b->vd.host.timer;
	const uint64_t due = vmoon_blk_limit_due(&b->limit);

	if (timer->set != NULL)
		timer->set(timer->ctx, due == UINT64_MAX ? 0 : due);
}

/* There is a request for one queue more: they take turns. */
static void feed(struct vmoon_blk *b)
{
	for (unsigned i = 0; i < b->vd.queue_count; i++) {
		const unsigned queue =
			(b->next_starved + i) % b->vd.queue_count;

		if ((b->starved & 1u << queue) == 0)
			continue;
		b->starved &= ~(1u << queue);
		b->next_starved = queue + 1;
		kick(b, queue);
		return;
	}
}

/* ---- the pool ---- */

struct vmoon_blk_job *vmoon_blk_take_job(struct vmoon_blk *b, unsigned queue,
					 enum vmoon_blk_job_state state)
{
	struct vmoon_blk_job *r = b->free;

	if (r != NULL)
		b->free = r->next_free;
	else if (b->touched < VMOON_BLK_POOL)
		r = &b->pool[b->touched++];
	else
		return NULL;
	vmoon_chain_init(&r->chain, r->segs, VMOON_BLK_SEGS);
	r->queue = queue;
	r->state = state;
	return r;
}

static void give_job(struct vmoon_blk *b, struct vmoon_blk_job *r)
{
	r->state = VMOON_BLK_FREE;
	r->next_free = b->free;
	b->free = r;
}

void vmoon_blk_forget(struct vmoon_blk *b)
{
	for (unsigned i = 0; i < b->touched; i++)
		b->pool[i].state = VMOON_BLK_FREE;
	b->free = NULL;
	b->touched = 0;
	b->starved = 0;
	b->stats.in_flight = 0;
	b->has_lost_write = false;
	vmoon_blk_limit_leave_all(&b->limit);
	set_timer(b);
}

/* ---- the end of a request ---- */

static void count(struct vmoon_blk *b, const struct vmoon_blk_job *r)
{
	struct vmoon_disk_stats *s = &b->stats;

	switch (r->req.type) {
	case VMOON_BLK_IN: s->reads++; break;
	case VMOON_BLK_OUT: s->writes++; break;
	case VMOON_BLK_FLUSH: s->flushes++; break;
	case VMOON_BLK_DISCARD: s->discards++; break;
	case VMOON_BLK_ZEROES: s->zeroes++; break;
	case VMOON_BLK_GET_ID: break;
	}
}

/* A driver that cannot be told is told that nothing was written. */
static void finish(struct vmoon_blk *b, struct vmoon_blk_job *r,
		   enum vmoon_blk_status status)
{
	if (!vmoon_blk_answer(&r->chain, status))
		r->chain.written = 0;
	if (status == VMOON_BLK_OK)
		count(b, r);
	b->stats.errors += status == VMOON_BLK_IOERR;
	b->stats.unsupported += status == VMOON_BLK_UNSUPP;
	b->stats.in_flight--;
	vmoon_vq_push(b->queues[r->queue], &r->chain);
	give_job(b, r);
	feed(b);
}

/* Ranges go one after the other; those of length 0 are done. */
static bool submit_range(struct vmoon_blk *b, struct vmoon_blk_job *r)
{
	for (; r->range < r->req.range_count; r->range++) {
		const struct vmoon_blk_range *range = &r->req.ranges[r->range];

		if (range->len == 0)
			continue;
		r->io.offset = range->offset;
		r->io.len = range->len;
		r->io.may_unmap = range->may_unmap;
		r->range++;
		b->disk->ops->submit(b->disk, &r->io);
		return true;
	}
	return false;
}

static uint64_t count_bytes(struct vmoon_blk *b, struct vmoon_blk_job *r)
{
	uint64_t done = r->io.done < r->io.len ? r->io.done : r->io.len;

	/* Backends that copy have counted it, those that borrow have not. */
	if (r->io.op == VMOON_BLOCK_READ) {
		r->chain.written = 0;
		vmoon_chain_add_written(&r->chain, (uint32_t)done);
		b->stats.read_bytes += done;
	} else {
		b->stats.written_bytes += done;
	}
	return done;
}

/*
 * A hole is advice, so a host without them is fine. A FLUSH after a write that
 * failed does not say that all is well, whatever the host says by now.
 */
static enum vmoon_blk_status judge(struct vmoon_blk *b, struct vmoon_blk_job *r)
{
	bool is_ok = r->io.error == 0;

	switch (r->io.op) {
	case VMOON_BLOCK_READ: is_ok &= count_bytes(b, r) == r->io.len; break;
	case VMOON_BLOCK_WRITE:
		is_ok &= count_bytes(b, r) == r->io.len;
		b->has_lost_write |= !is_ok;
		break;
	case VMOON_BLOCK_ZEROES: b->has_lost_write |= !is_ok; break;
	case VMOON_BLOCK_DISCARD: is_ok |= r->io.error == EOPNOTSUPP; break;
	case VMOON_BLOCK_FLUSH:
		if (r->is_stabilising)
			break; /* of itself only */
		is_ok &= !b->has_lost_write;
		b->has_lost_write = false;
		break;
	}
	return is_ok ? VMOON_BLK_OK : VMOON_BLK_IOERR;
}

/*
 * 5.2.6.2: a driver that did not take the FLUSH it was offered is not told of
 * a write before it is stable.
 */
static bool submit_flush(struct vmoon_blk *b, struct vmoon_blk_job *r)
{
	const bool is_write =
		r->io.op == VMOON_BLOCK_WRITE || r->io.op == VMOON_BLOCK_ZEROES;

	if (!is_write ||
	    (b->vd.features & ~b->features & VMOON_BLK_F_FLUSH) == 0)
		return false;
	r->is_stabilising = true;
	r->io.op = VMOON_BLOCK_FLUSH;
	r->io.offset = r->io.len = 0;
	b->disk->ops->submit(b->disk, &r->io);
	return true;
}

/* Nothing is pushed from inside submit, so the queue is not in a notify. */
static void complete(void *ctx, struct vmoon_block_request *request)
{
	struct vmoon_blk *b = ctx;
	struct vmoon_blk_job *r =
		VMOON_CONTAINER_OF(request, struct vmoon_blk_job, io);
	const unsigned queue = r->queue;
	enum vmoon_blk_status st;

	if (r->io.error == 0 && submit_range(b, r))
		return;
	st = judge(b, r);
	if (st == VMOON_BLK_OK && submit_flush(b, r))
		return;
	finish(b, r, st);
	if (!b->is_notifying)
		vmoon_vq_signal(b->queues[queue]);
}

/* ---- its beginning ---- */

static enum vmoon_block_op op_of(enum vmoon_blk_type type)
{
	switch (type) {
	case VMOON_BLK_OUT: return VMOON_BLOCK_WRITE;
	case VMOON_BLK_FLUSH: return VMOON_BLOCK_FLUSH;
	case VMOON_BLK_DISCARD: return VMOON_BLOCK_DISCARD;
	case VMOON_BLK_ZEROES: return VMOON_BLOCK_ZEROES;
	case VMOON_BLK_IN:
	case VMOON_BLK_GET_ID: break;
	}
	return VMOON_BLOCK_READ;
}

static void begin(struct vmoon_blk *b, struct vmoon_blk_job *r)
{
	const struct vmoon_blk_req *req = &r->req;

	b->stats.in_flight++;
	r->head = r->chain.head;
	if (req->type == VMOON_BLK_GET_ID) {
		struct vmoon_cursor data = req->data;

		finish(b, r,
		       vmoon_cursor_write_exact(&data, b->id, sizeof(b->id)) ==
				       VMOON_OK
			       ? VMOON_BLK_OK
			       : VMOON_BLK_IOERR);
		return;
	}
	r->range = 0;
	r->is_stabilising = false;
	r->io = (struct vmoon_block_request){
		.op = op_of(req->type),
		.offset = req->offset,
		.len = req->len,
		.data = req->data,
		.complete = complete,
		.ctx = b,
	};
	if (req->range_count == 0)
		b->disk->ops->submit(b->disk, &r->io);
	else if (!submit_range(b, r))
		finish(b, r, VMOON_BLK_OK);
}

static enum vmoon_blk_status parse(const struct vmoon_blk *b,
				   struct vmoon_blk_job *r)
{
	const struct vmoon_blk_facts facts = {
		.bytes = vmoon_blk_disk_bytes(b),
		.is_readonly = (b->vd.features & VMOON_BLK_F_RO) != 0,
		.has_flush = (b->features & VMOON_BLK_F_FLUSH) != 0,
		.has_discard = (b->features & VMOON_BLK_F_DISCARD) != 0,
		.has_zeroes = (b->features & VMOON_BLK_F_WRITE_ZEROES) != 0,
		.has_id = b->id[0] != '\0',
	};
	const enum vmoon_blk_status st =
		vmoon_blk_parse(&r->chain, &facts, &r->req);

	if (st == VMOON_BLK_IOERR || st == VMOON_BLK_NONE)
		vmoon_guest_fault(&b->vd.host.faults, VMOON_GUEST_FAULT_REQUEST,
				  r->chain.head);
	return st;
}

static void refuse(struct vmoon_blk *b, struct vmoon_blk_job *r,
		   enum vmoon_blk_status st)
{
	b->stats.in_flight++;
	finish(b, r, st);
}

/* An id costs nothing, a FLUSH and a hole no bytes; zeroes may be written. */
static struct vmoon_blk_price price_of(const struct vmoon_blk_req *req)
{
	struct vmoon_blk_price price = {
		.bytes = (uint32_t)req->len, /* of a chain: 32 bits */
		.ops = req->type != VMOON_BLK_GET_ID,
		.is_write = req->type != VMOON_BLK_IN,
	};

	if (req->type == VMOON_BLK_ZEROES)
		for (unsigned i = 0; i < req->range_count; i++)
			price.bytes += req->ranges[i].len;
	return price;
}

/* Without a timer nobody would come for what waits. */
static bool may_begin(struct vmoon_blk *b, const struct vmoon_blk_job *r)
{
	const struct vmoon_blk_price price = price_of(&r->req);
	const bool was_waiting =
		vmoon_blk_limit_is_waiting(&b->limit, r->queue);

	if (b->vd.host.timer.set == NULL)
		return true;
	if (!vmoon_blk_limit_take(&b->limit, r->queue, &price, now_ns(b))) {
		b->stats.delayed += !was_waiting;
		set_timer(b);
		return false;
	}
	if (was_waiting)
		vmoon_blk_kick_line(b);
	return true;
}

static void leave_line(struct vmoon_blk *b, unsigned queue)
{
	if (!vmoon_blk_limit_is_waiting(&b->limit, queue))
		return;
	vmoon_blk_limit_leave(&b->limit, queue);
	vmoon_blk_kick_line(b);
}

/* False: no more now. */
static bool serve_next(struct vmoon_blk *b, unsigned queue)
{
	struct vmoon_vq *vq = b->queues[queue];
	struct vmoon_blk_job *r = vmoon_blk_take_job(b, queue, VMOON_BLK_BUSY);
	enum vmoon_blk_status st;

	if (r == NULL) {
		b->starved |= 1u << queue;
		return false;
	}
	if (!vmoon_vq_pop(vq, &r->chain)) {
		leave_line(b, queue);
		give_job(b, r);
		return false;
	}
	st = parse(b, r);
	if (st != VMOON_BLK_OK) {
		leave_line(b, queue);
		refuse(b, r, st);
		return true;
	}
	if (!may_begin(b, r)) {
		vmoon_vq_unpop(vq, &r->chain);
		give_job(b, r);
		return false;
	}
	begin(b, r);
	return true;
}

void vmoon_blk_serve(struct vmoon_blk *b, unsigned queue)
{
	if (b->queues[queue] == NULL)
		return;
	b->starved &= ~(1u << queue);
	b->is_notifying = true;
	/* One pop more than a share has, so that the end is seen. */
	for (unsigned i = 0; i <= VMOON_BLK_QUEUE_SIZE; i++)
		if (!serve_next(b, queue))
			break;
	b->is_notifying = false;
}

/* It had its turn before the snapshot: limits do not stop it again. */
static void begin_again(struct vmoon_blk *b, struct vmoon_blk_job *r)
{
	struct vmoon_vq *vq = b->queues[r->queue];
	enum vmoon_vq_outcome got;
	enum vmoon_blk_status st;

	if (vq == NULL) {
		give_job(b, r);
		return;
	}
	got = vmoon_vq_refetch(vq, r->head, &r->chain);
	if (got != VMOON_VQ_CHAIN) {
		/* The driver may have changed it since: as pop does then. */
		r->chain.written = 0;
		if (got == VMOON_VQ_MALFORMED)
			vmoon_vq_push(vq, &r->chain);
		give_job(b, r);
		return;
	}
	r->state = VMOON_BLK_BUSY;
	st = parse(b, r);
	if (st != VMOON_BLK_OK)
		refuse(b, r, st);
	else
		begin(b, r);
}

void vmoon_blk_begin_loaded(struct vmoon_blk *b)
{
	for (unsigned i = 0; i < b->touched; i++)
		if (b->pool[i].state == VMOON_BLK_LOADED)
			begin_again(b, &b->pool[i]);
}
