/* SPDX-License-Identifier: MIT */
/*
 * blk_rig.h - a disk with real queues, and who plays transport and driver.
 *
 * The driver writes descriptors as it likes; the transport calls notify for
 * each kick and does nothing else, so that what is seen is the device's.
 */
#ifndef VMOON_TESTS_BLK_RIG_H
#define VMOON_TESTS_BLK_RIG_H

#include "tests/support/array_disk.h"
#include "tests/support/gmem_watch.h"
#include "virtio/blk.h"
#include "virtio/vq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* RAM is in two pieces; the guest's buffers begin at RIG_DATA. */
#define RIG_LOW UINT64_C(0x1000)
#define RIG_HIGH UINT64_C(0x800000)
#define RIG_DATA UINT64_C(0x60000)
#define RIG_RING(q) (UINT64_C(0x10000) + (q)*UINT64_C(0x4000))
#define RIG_HEADER(q, i) \
	(UINT64_C(0x40000) + ((q)*UINT64_C(256) + (i)) * UINT64_C(32))
#define RIG_STATUS(q, i) (RIG_HEADER(q, i) + 16)

enum { RIG_LOW_BYTES = 0x100000, RIG_HIGH_BYTES = 0x4000, RIG_RING_SIZE = 256 };
enum { DESC_NEXT = 1, DESC_WRITE = 2 };
enum { RIG_POISON = 0xa5, RIG_NO_STATUS = 0xee };
enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_ID = 8, T_DISCARD = 11, T_WZ = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };

#define RIG_FEATURES(vd) ((vd)->features | VMOON_VIRTIO_F_VERSION_1)

struct rig_buf {
	vmoon_gpa gpa;
	uint32_t len;
	bool is_write;
};

struct rig_queue {
	struct vmoon_vq *vq;
	struct vmoon_vq_setup setup;
	uint16_t avail, used, next_desc;
};

struct blk_rig {
	struct vmoon_mem *heap;    /* borrowed; NULL: the C library's */
	unsigned char *low, *high; /* owned */
	struct gmem_watch watch;
	struct gmem_log log;
	struct vmoon_block *disk; /* the device's once there is one */
	struct vmoon_virtio *vd;
	struct rig_queue q[VMOON_BLK_QUEUES_MAX];
	uint64_t now_ns, deadline_ns, timer_sets;
	unsigned pending; /* kicks: a bit a queue */
	unsigned held;    /* the device stopped by itself */
	unsigned interrupts, config_changes, needs_resets, broken;
	unsigned reset_waits, resets_done;
	uint64_t faults;
};

static inline void rig_kick(void *ctx, unsigned queue)
{
	struct blk_rig *r = ctx;

	r->pending |= 1u << queue;
	r->held &= ~(1u << queue);
}

static inline void rig_config_changed(void *ctx)
{
	((struct blk_rig *)ctx)->config_changes++;
}

static inline void rig_needs_reset(void *ctx)
{
	((struct blk_rig *)ctx)->needs_resets++;
}

static inline void rig_reset_waits(void *ctx)
{
	((struct blk_rig *)ctx)->reset_waits++;
}

static inline void rig_reset_done(void *ctx)
{
	((struct blk_rig *)ctx)->resets_done++;
}

static inline void rig_interrupt(void *ctx)
{
	((struct blk_rig *)ctx)->interrupts++;
}

static inline void rig_broken(void *ctx)
{
	((struct blk_rig *)ctx)->broken++;
}

static inline void rig_fault(void *ctx, enum vmoon_guest_fault_kind kind,
			     uint64_t where)
{
	(void)kind;
	(void)where;
	((struct blk_rig *)ctx)->faults++;
}

static inline uint64_t rig_now(void *ctx)
{
	return ((struct blk_rig *)ctx)->now_ns;
}

static inline void rig_set_timer(void *ctx, uint64_t deadline_ns)
{
	((struct blk_rig *)ctx)->deadline_ns = deadline_ns;
	((struct blk_rig *)ctx)->timer_sets++;
}

/* The guest's view of an address; not a fetch. NULL: no RAM. */
static inline unsigned char *rig_at(struct blk_rig *r, vmoon_gpa gpa)
{
	if (gpa >= RIG_LOW && gpa - RIG_LOW < RIG_LOW_BYTES)
		return r->low + (gpa - RIG_LOW);
	if (gpa >= RIG_HIGH && gpa - RIG_HIGH < RIG_HIGH_BYTES)
		return r->high + (gpa - RIG_HIGH);
	return NULL;
}

static inline void rig_put(struct blk_rig *r, vmoon_gpa gpa, uint64_t value,
			   unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		if (rig_at(r, gpa + i) != NULL)
			*rig_at(r, gpa + i) = (unsigned char)(value >> (8 * i));
}

static inline uint64_t rig_get(struct blk_rig *r, vmoon_gpa gpa, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = size; i-- > 0;)
		value = value << 8 |
			(rig_at(r, gpa + i) == NULL ? 0 : *rig_at(r, gpa + i));
	return value;
}

/* ---- the machine ---- */

static inline bool rig_init_memory_in(struct blk_rig *r, struct vmoon_mem *heap)
{
	struct vmoon_gmem_region regions[2] = {
		{.gpa = RIG_LOW, .size = RIG_LOW_BYTES},
		{.gpa = RIG_HIGH, .size = RIG_HIGH_BYTES},
	};

	memset(r, 0, sizeof(*r));
	r->heap = heap;
	r->low = regions[0].host =
		vmoon_mem_resize(heap, NULL, 0, RIG_LOW_BYTES);
	r->high = regions[1].host =
		vmoon_mem_resize(heap, NULL, 0, RIG_HIGH_BYTES);
	if (r->low == NULL || r->high == NULL)
		return false;
	memset(r->low, RIG_POISON, RIG_LOW_BYTES);
	memset(r->high, RIG_POISON, RIG_HIGH_BYTES);
	r->watch.log = &r->log;
	return vmoon_gmem_init(&r->watch.gm, regions, 2, NULL) == VMOON_OK;
}

static inline bool rig_init_memory(struct blk_rig *r)
{
	return rig_init_memory_in(r, NULL);
}

static inline void rig_lend_host(struct blk_rig *r)
{
	r->vd->host = (struct vmoon_virtio_host){
		.clock = {.mono_ns = rig_now, .ctx = r},
		.timer = {rig_set_timer, r},
		.faults = {rig_fault, r},
		.kick = rig_kick,
		.config_changed = rig_config_changed,
		.needs_reset = rig_needs_reset,
		.reset_waits = rig_reset_waits,
		.reset_done = rig_reset_done,
		.ctx = r,
	};
}

static inline bool rig_init_queues(struct blk_rig *r)
{
	const struct vmoon_vq_host host = {.interrupt = rig_interrupt,
					   .broken = rig_broken,
					   .ctx = r,
					   .faults = {rig_fault, r}};

	for (unsigned i = 0; i < r->vd->queue_count; i++) {
		struct rig_queue *q = &r->q[i];

		if (vmoon_vq_create(r->heap, r->vd->queue_size, &host, &q->vq,
				    NULL) != VMOON_OK ||
		    vmoon_vq_setup_init(&q->setup, RIG_RING_SIZE, NULL) !=
			    VMOON_OK)
			return false;
		q->setup.is_ready = true;
		q->setup.part[VMOON_VQ_DESC] = RIG_RING(i);
		q->setup.part[VMOON_VQ_AVAIL] = RIG_RING(i) + 0x1000;
		q->setup.part[VMOON_VQ_USED] = RIG_RING(i) + 0x2000;
	}
	return true;
}

/* As the transport does at DRIVER_OK, with empty rings. */
static inline bool rig_start(struct blk_rig *r, uint64_t features)
{
	for (unsigned i = 0; i < r->vd->queue_count; i++) {
		struct rig_queue *q = &r->q[i];

		q->avail = q->used = q->next_desc = 0;
		memset(rig_at(r, RIG_RING(i)), 0, 0x4000);
		if (!vmoon_vq_start(q->vq, &q->setup, &r->watch.gm, features))
			return false;
	}
	return true;
}

static inline bool rig_activate(struct blk_rig *r, uint64_t features)
{
	struct vmoon_vq *queues[VMOON_BLK_QUEUES_MAX] = {NULL};

	for (unsigned i = 0; i < r->vd->queue_count; i++)
		queues[i] = r->q[i].vq;
	return r->vd->ops->activate(r->vd, features, queues) == VMOON_OK;
}

/* A disk of so many bytes for the next rig_create; sector n is full of n + 1.
 */
static inline bool rig_init_disk(struct blk_rig *r, uint64_t bytes,
				 bool is_readonly)
{
	const struct vmoon_array_disk_config cfg = {
		.mem = r->heap,
		.size_bytes = bytes,
		.is_readonly = is_readonly,
		.can_discard = true,
	};
	unsigned char *at;

	if (vmoon_array_disk_create(&cfg, &r->disk, NULL) != VMOON_OK)
		return false;
	at = vmoon_array_disk_bytes(r->disk);
	for (uint64_t i = 0; i < bytes; i += VMOON_BLK_SECTOR)
		memset(at + i, (int)((i / VMOON_BLK_SECTOR + 1) & 0xff),
		       bytes - i < VMOON_BLK_SECTOR ? bytes - i
						    : VMOON_BLK_SECTOR);
	return true;
}

static inline bool rig_create(struct blk_rig *r, struct vmoon_blk_config *cfg)
{
	cfg->mem = r->heap;
	cfg->take_backend = r->disk;
	if (vmoon_blk_create(cfg, &r->vd, NULL) != VMOON_OK)
		return false;
	rig_lend_host(r);
	return rig_init_queues(r) && rig_start(r, RIG_FEATURES(r->vd)) &&
	       rig_activate(r, RIG_FEATURES(r->vd));
}

/* From now on requests wait for rig_release. */
static inline bool rig_hold(struct blk_rig *r)
{
	const struct vmoon_array_disk_fault fault = {
		.op = VMOON_ARRAY_DISK_ANY,
		.nth = 1,
		.is_sticky = true,
		.is_held = true,
		.moved = UINT64_MAX,
	};

	return vmoon_array_disk_fault(r->disk, &fault);
}

/* The nth request of op from now on moves so much and ends with error. */
static inline bool rig_fail(struct blk_rig *r, enum vmoon_block_op op,
			    uint64_t nth, int error, uint64_t moved)
{
	const struct vmoon_array_disk_fault fault = {
		.op = (int)op, .nth = nth, .error = error, .moved = moved};

	return vmoon_array_disk_fault(r->disk, &fault);
}

static inline void rig_fini(struct blk_rig *r)
{
	if (r->vd != NULL) {
		for (unsigned i = 0; i < r->vd->queue_count; i++)
			vmoon_vq_destroy(r->q[i].vq);
		r->vd->ops->destroy(r->vd);
	}
	vmoon_gmem_fini(&r->watch.gm);
	vmoon_mem_free(r->heap, r->low, RIG_LOW_BYTES);
	vmoon_mem_free(r->heap, r->high, RIG_HIGH_BYTES);
}

/* ---- the driver ---- */

/* A chain in the next descriptors of queue; its head. */
static inline uint16_t rig_chain(struct blk_rig *r, unsigned queue,
				 const struct rig_buf *bufs, unsigned n)
{
	struct rig_queue *q = &r->q[queue];
	const uint16_t head = q->next_desc;

	for (unsigned i = 0; i < n; i++) {
		const uint16_t at = (uint16_t)((head + i) % RIG_RING_SIZE);
		const vmoon_gpa d = RIG_RING(queue) + at * UINT64_C(16);

		rig_put(r, d, bufs[i].gpa, 8);
		rig_put(r, d + 8, bufs[i].len, 4);
		rig_put(r, d + 12,
			(bufs[i].is_write ? DESC_WRITE : 0u) |
				(i + 1 < n ? DESC_NEXT : 0u),
			2);
		rig_put(r, d + 14, (at + 1u) % RIG_RING_SIZE, 2);
	}
	q->next_desc = (uint16_t)((head + n) % RIG_RING_SIZE);
	return head;
}

static inline void rig_offer(struct blk_rig *r, unsigned queue, uint16_t head)
{
	struct rig_queue *q = &r->q[queue];
	const vmoon_gpa ring = RIG_RING(queue) + 0x1000;

	rig_put(r, ring + 4 + 2 * (uint64_t)(q->avail % RIG_RING_SIZE), head,
		2);
	rig_put(r, ring + 2, ++q->avail, 2);
	if ((r->held & 1u << queue) == 0)
		r->pending |= 1u << queue;
}

/* A header and a place for the status, by the head that comes next. */
static inline uint16_t rig_header(struct blk_rig *r, unsigned queue,
				  uint32_t type, uint64_t sector)
{
	const uint16_t i = r->q[queue].next_desc;

	rig_put(r, RIG_HEADER(queue, i), type, 4);
	rig_put(r, RIG_HEADER(queue, i) + 4, 0, 4);
	rig_put(r, RIG_HEADER(queue, i) + 8, sector, 8);
	rig_put(r, RIG_STATUS(queue, i), RIG_NO_STATUS, 1);
	return i;
}

/* Header, data if there is any, status: offered, not run. */
static inline uint16_t rig_request(struct blk_rig *r, unsigned queue,
				   uint32_t type, uint64_t sector,
				   const struct rig_buf *data)
{
	const uint16_t i = rig_header(r, queue, type, sector);
	struct rig_buf bufs[3] = {{RIG_HEADER(queue, i), 16, false}};
	unsigned n = 1;

	if (data != NULL)
		bufs[n++] = *data;
	bufs[n++] = (struct rig_buf){RIG_STATUS(queue, i), 1, true};
	rig_offer(r, queue, rig_chain(r, queue, bufs, n));
	return i;
}

static inline bool rig_used(struct blk_rig *r, unsigned queue, uint32_t *id,
			    uint32_t *len)
{
	struct rig_queue *q = &r->q[queue];
	const vmoon_gpa ring = RIG_RING(queue) + 0x2000;
	const vmoon_gpa at = ring + 4 + 8 * (uint64_t)(q->used % RIG_RING_SIZE);

	if (rig_get(r, ring + 2, 2) == q->used)
		return false;
	*id = (uint32_t)rig_get(r, at, 4);
	*len = (uint32_t)rig_get(r, at + 4, 4);
	q->used++;
	return true;
}

/* ---- time goes on ---- */

static inline void rig_notify(struct blk_rig *r, unsigned queue)
{
	struct rig_queue *q = &r->q[queue];

	r->pending &= ~(1u << queue);
	if (vmoon_vq_size(q->vq) == 0 || vmoon_vq_is_broken(q->vq))
		return;
	vmoon_vq_begin(q->vq);
	r->vd->ops->notify(r->vd, queue);
	switch (vmoon_vq_end(q->vq)) {
	case VMOON_VQ_MORE: r->pending |= 1u << queue; break;
	case VMOON_VQ_HELD:
		if ((r->pending & 1u << queue) == 0)
			r->held |= 1u << queue;
		break;
	case VMOON_VQ_EMPTY: break;
	}
	vmoon_vq_signal(q->vq);
}

/* All that waits, in the order of the queues; at most limit steps. */
static inline unsigned rig_run(struct blk_rig *r, unsigned limit)
{
	unsigned steps = 0;

	while (steps < limit) {
		bool is_idle = true;

		for (unsigned i = 0; i < r->vd->queue_count; i++)
			if ((r->pending & 1u << i) != 0) {
				rig_notify(r, i);
				is_idle = false;
				steps++;
			}
		if (vmoon_array_disk_work(r->disk)) {
			is_idle = false;
			steps++;
		}
		if (is_idle)
			break;
	}
	return steps;
}

/* Until end_ns: the timer fires when it is due, nothing takes time. */
static inline void rig_run_until(struct blk_rig *r, uint64_t end_ns)
{
	rig_run(r, 1000000);
	while (r->deadline_ns != 0 && r->deadline_ns <= end_ns) {
		if (r->deadline_ns > r->now_ns)
			r->now_ns = r->deadline_ns;
		r->deadline_ns = 0;
		r->vd->ops->tick(r->vd);
		rig_run(r, 1000000);
	}
	r->now_ns = end_ns;
}

static inline struct vmoon_disk_stats rig_stats(const struct blk_rig *r)
{
	struct vmoon_disk_stats s = {.size = sizeof(s)};

	vmoon_blk_stats(r->vd, &s);
	return s;
}

#endif
