/* SPDX-License-Identifier: MIT */
/*
 * vdev_rig.h - a virtio device that records, on the MMIO transport, with a
 * driver of few words. Its RAM has a hole smaller than a ring.
 */
#ifndef VMOON_TESTS_VDEV_RIG_H
#define VMOON_TESTS_VDEV_RIG_H

#include "tests/support/fake_host.h"
#include "tests/support/gmem_watch.h"
#include "tests/support/vdev_regs.h"
#include "virtio/device.h"
#include "virtio/mmio.h"

#include <stdlib.h>

enum {
	RIG_QUEUES = 3, /* the third is not set up by rig_live */
	RIG_SIZE = 256,
	RIG_CONFIG = 20,
	RIG_WRITABLE = 4, /* of these, so many the driver may write */
	RIG_ID = 42,
	RIG_HOLE = 0x10000,
	RIG_HOLE_END = 0x10100,
	RIG_RAM_END = 0x30000,
	RIG_DATA = 0x8000, /* buffers, 16 bytes each */
	RIG_SNAPSHOT = 4096
};

/* A queue of the fake and what it holds back of it. */
struct rig_queue {
	struct vmoon_vq *vq; /* NULL: not set up */
	struct vmoon_chain held[RIG_SIZE];
	struct vmoon_seg segs[RIG_SIZE][4];
	unsigned held_count;
	unsigned notifies;
};

/* What the fake device was asked, and what it is to answer. */
struct rig_device {
	struct vmoon_virtio vd;
	unsigned char config[RIG_CONFIG];
	struct rig_queue q[RIG_QUEUES];
	uint64_t features;
	unsigned activates, resets, config_writes, ticks, served;
	struct vmoon_mem *heap; /* borrowed */
	unsigned *destroys;     /* borrowed */
	bool is_active, is_holding, is_failing, is_load_failing, gives_up;
	bool is_late; /* what is held ends after the reset: rig_end_late */
	unsigned pops_ever;
	unsigned stopped; /* queues that were not live at a reset */
	unsigned pops;    /* of each notify, at most; 0: no bound */
	uint8_t kept;     /* what its own section holds */
};

struct rig {
	struct vmoon_mem *heap; /* borrowed; NULL: the C library's */
	struct fake_irq irq;
	struct fake_clock clock;
	struct gmem_log log;
	struct gmem_watch watch;
	unsigned char *ram; /* owned: the hole included */
	struct vmoon_device *dev;
	struct rig_device *fake; /* dev's */
	unsigned kicks[RIG_QUEUES], faults, destroys;
	unsigned faults_of[VMOON_GUEST_FAULT_REQUEST + 1];
	uint64_t fault_where, deadline;
	unsigned held, let_go; /* times that a reset was said to wait, or not */
	uint16_t avail[RIG_QUEUES]; /* of the driver: its index */
};

/* ---- the device ---- */

static inline struct rig_device *rig_device_of(struct vmoon_virtio *vd)
{
	return VMOON_CONTAINER_OF(vd, struct rig_device, vd);
}

static inline enum vmoon_status rig_activate(struct vmoon_virtio *vd,
					     uint64_t features,
					     struct vmoon_vq *const *queues)
{
	struct rig_device *f = rig_device_of(vd);

	f->activates++;
	if (f->is_failing)
		return VMOON_E_DEVICE;
	f->is_active = true;
	f->features = features;
	for (unsigned i = 0; i < vd->queue_count; i++)
		f->q[i].vq = queues[i];
	return VMOON_OK;
}

/* A request done: a byte for the guest, if it gave room for one. */
static inline void rig_finish(struct rig_device *f, struct rig_queue *q,
			      struct vmoon_chain *chain)
{
	struct vmoon_cursor w;

	if (chain->writable > 0 && vmoon_chain_writer(chain, &w) == VMOON_OK)
		VMOON_IGNORE(vmoon_cursor_write(&w, "!", 1));
	vmoon_vq_push(q->vq, chain);
	f->served++;
}

static inline void rig_notify(struct vmoon_virtio *vd, unsigned queue)
{
	struct rig_device *f = rig_device_of(vd);
	struct rig_queue *q = &f->q[queue];
	const unsigned max = f->pops == 0 ? RIG_SIZE : f->pops;

	q->notifies++;
	for (unsigned n = 0; n < max && q->held_count < RIG_SIZE; n++) {
		struct vmoon_chain *chain = &q->held[q->held_count];

		vmoon_chain_init(chain, q->segs[q->held_count], 4);
		if (!vmoon_vq_pop(q->vq, chain))
			break;
		f->pops_ever++;
		if (f->gives_up)
			vd->host.needs_reset(vd->host.ctx);
		if (f->is_holding)
			q->held_count++;
		else
			rig_finish(f, q, chain);
	}
}

/* The host is done with everything that was held back, late or not. */
static inline void rig_complete(struct rig_device *f)
{
	for (unsigned i = 0; i < RIG_QUEUES; i++) {
		struct rig_queue *q = &f->q[i];

		for (unsigned n = 0; n < q->held_count; n++)
			rig_finish(f, q, &q->held[n]);
		q->held_count = 0;
		if (q->vq != NULL)
			vmoon_vq_signal(q->vq);
	}
}

/* What the host is at comes to an end, and is forgotten. */
static inline void rig_forget(struct rig_device *f)
{
	struct vmoon_cursor w;

	for (unsigned i = 0; i < RIG_QUEUES; i++) {
		struct rig_queue *q = &f->q[i];

		for (unsigned n = 0; n < q->held_count; n++)
			if (q->held[n].writable > 0 &&
			    vmoon_chain_writer(&q->held[n], &w) == VMOON_OK)
				VMOON_IGNORE(vmoon_cursor_write(&w, "r", 1));
		f->stopped += q->vq != NULL && vmoon_vq_size(q->vq) == 0;
		q->held_count = 0;
		q->vq = NULL;
	}
	f->is_active = false;
}

/* As a disk does: at once, or when the host is done. */
static inline void rig_device_reset(struct vmoon_virtio *vd)
{
	struct rig_device *f = rig_device_of(vd);

	f->resets++;
	if (f->is_late)
		vd->host.reset_waits(vd->host.ctx);
	else
		rig_forget(f);
}

static inline void rig_end_late(struct rig_device *f)
{
	rig_forget(f);
	f->vd.host.reset_done(f->vd.host.ctx);
}

static inline void rig_config_write(struct vmoon_virtio *vd, uint32_t off,
				    const void *src, uint32_t len)
{
	struct rig_device *f = rig_device_of(vd);
	const unsigned char *bytes = src;

	f->config_writes++;
	for (uint32_t i = 0; i < len; i++) {
		if (off + i < RIG_WRITABLE)
			f->config[off + i] = bytes[i];
		else
			vmoon_guest_fault(&vd->host.faults,
					  VMOON_GUEST_FAULT_REGISTER, off + i);
	}
}

static inline void rig_device_tick(struct vmoon_virtio *vd)
{
	rig_device_of(vd)->ticks++;
}

static inline void rig_save(const struct vmoon_virtio *vd,
			    struct vmoon_state_writer *w)
{
	const struct rig_device *f =
		VMOON_CONST_CONTAINER_OF(vd, struct rig_device, vd);

	vmoon_state_begin(w, vd->ops->type, 1);
	vmoon_state_put(w, f->kept, 1);
}

static inline enum vmoon_status rig_load(struct vmoon_virtio *vd,
					 struct vmoon_state_reader *r,
					 struct vmoon_error *err)
{
	struct rig_device *f = rig_device_of(vd);
	uint8_t kept;

	VMOON_IGNORE(vmoon_state_expect(r, vd->ops->type, 1));
	kept = (uint8_t)vmoon_state_get(r, 1);
	if (r->is_bad || f->is_load_failing)
		return vmoon_fail(err, VMOON_E_IMAGE, 0, "fake: no");
	f->kept = kept;
	return VMOON_OK;
}

static inline void rig_device_destroy(struct vmoon_virtio *vd)
{
	struct rig_device *f = rig_device_of(vd);

	++*f->destroys;
	vmoon_mem_free(f->heap, f, sizeof(*f));
}

static const struct vmoon_virtio_ops rig_ops = {
	.type = "virtio-fake",
	.device_id = RIG_ID,
	.activate = rig_activate,
	.notify = rig_notify,
	.reset = rig_device_reset,
	.config_write = rig_config_write,
	.tick = rig_device_tick,
	.save = rig_save,
	.load = rig_load,
	.destroy = rig_device_destroy,
};

/* ---- the machine ---- */

static inline void rig_kick(void *ctx, unsigned queue)
{
	struct rig *r = ctx;

	r->kicks[queue]++;
}

static inline void rig_hold_driver(void *ctx, bool is_held)
{
	struct rig *r = ctx;

	r->held += is_held;
	r->let_go += !is_held;
}

static inline void rig_fault(void *ctx, enum vmoon_guest_fault_kind kind,
			     uint64_t where)
{
	struct rig *r = ctx;

	r->faults++;
	r->faults_of[kind]++;
	r->fault_where = where;
}

static inline void rig_set_timer(void *ctx, uint64_t deadline_ns)
{
	struct rig *r = ctx;

	r->deadline = deadline_ns;
}

static inline struct rig_device *rig_fake(struct rig *r)
{
	struct rig_device *f = vmoon_mem_alloc(r->heap, sizeof(*f));

	if (f == NULL)
		abort();
	f->heap = r->heap;
	f->destroys = &r->destroys;
	for (unsigned i = 0; i < RIG_CONFIG; i++)
		f->config[i] = (unsigned char)(0xa0 + i);
	f->vd.ops = &rig_ops;
	f->vd.features = UINT64_C(0xc000000000000005);
	f->vd.config = f->config;
	f->vd.config_len = RIG_CONFIG;
	f->vd.queue_count = RIG_QUEUES;
	f->vd.queue_size = RIG_SIZE;
	return f;
}

static inline struct vmoon_virtio_mmio_config rig_config(struct rig *r)
{
	return (struct vmoon_virtio_mmio_config){
		.mem = r->heap,
		.gm = &r->watch.gm,
		.irq = {fake_irq_set, &r->irq},
		.clock = {fake_clock_mono, fake_clock_wall, &r->clock},
		.timer = {rig_set_timer, r},
		.faults = {rig_fault, r},
		.kick = rig_kick,
		.hold = rig_hold_driver,
		.ctx = r,
	};
}

/* RAM alone; r is zeroed. */
static inline void rig_init_ram(struct rig *r)
{
	struct vmoon_gmem_region regions[2] = {
		{.gpa = 0, .size = RIG_HOLE},
		{.gpa = RIG_HOLE_END, .size = RIG_RAM_END - RIG_HOLE_END},
	};

	r->ram = vmoon_mem_alloc(r->heap, RIG_RAM_END);
	if (r->ram == NULL)
		abort();
	for (unsigned i = 0; i < 2; i++)
		regions[i].host = r->ram + regions[i].gpa;
	if (vmoon_gmem_init(&r->watch.gm, regions, 2, NULL) != VMOON_OK)
		abort();
	r->watch.log = &r->log;
}

static inline void rig_init(struct rig *r)
{
	const struct vmoon_virtio_mmio_config cfg = rig_config(r);

	rig_init_ram(r);
	r->fake = rig_fake(r);
	if (vmoon_virtio_mmio_create(&cfg, &r->fake->vd, &r->dev, NULL) !=
	    VMOON_OK)
		abort();
}

static inline void rig_fini(struct rig *r)
{
	if (r->dev != NULL)
		r->dev->ops->destroy(r->dev);
	vmoon_gmem_fini(&r->watch.gm);
	vmoon_mem_free(r->heap, r->ram, RIG_RAM_END);
}

/* For cmocka: a rig of its own for each test. */
static inline int rig_set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	if (r == NULL)
		abort();
	rig_init(r);
	*state = r;
	return 0;
}

static inline int rig_tear_down(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

/* ---- the driver ---- */

static inline uint32_t rd(struct rig *r, uint64_t off)
{
	return (uint32_t)r->dev->ops->read(r->dev, off, 4);
}

static inline void wr(struct rig *r, uint64_t off, uint64_t val)
{
	r->dev->ops->write(r->dev, off, 4, val);
}

static inline vmoon_gpa rig_desc(unsigned queue)
{
	return queue * UINT64_C(0x12000) + 0x1000;
}

static inline vmoon_gpa rig_avail(unsigned queue)
{
	return rig_desc(queue) + 0x2000;
}

static inline vmoon_gpa rig_used(unsigned queue)
{
	return rig_desc(queue) + 0x3000;
}

static inline void rig_store(struct rig *r, vmoon_gpa at, uint64_t val,
			     unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		r->ram[at + i] = (unsigned char)(val >> (8 * i) & 0xff);
}

static inline unsigned rig_load16(const struct rig *r, vmoon_gpa at)
{
	return r->ram[at] | (unsigned)r->ram[at + 1] << 8;
}

static inline unsigned rig_used_idx(const struct rig *r, unsigned queue)
{
	return rig_load16(r, rig_used(queue) + 2);
}

static inline void rig_part(struct rig *r, unsigned reg, vmoon_gpa gpa)
{
	wr(r, reg, gpa & UINT32_MAX);
	wr(r, reg + 4, gpa >> 32);
}

static inline void rig_queue_up(struct rig *r, unsigned queue)
{
	memset(r->ram + rig_desc(queue), 0, 0x4000);
	r->avail[queue] = 0;
	wr(r, R_QUEUE_SEL, queue);
	wr(r, R_QUEUE_NUM, RIG_SIZE);
	rig_part(r, R_DESC, rig_desc(queue));
	rig_part(r, R_AVAIL, rig_avail(queue));
	rig_part(r, R_USED, rig_used(queue));
	wr(r, R_QUEUE_READY, 1);
}

static inline void rig_features(struct rig *r, uint64_t features)
{
	for (unsigned page = 0; page < 2; page++) {
		wr(r, R_DRV_FEATURES_SEL, page);
		wr(r, R_DRV_FEATURES, features >> (32 * page) & UINT32_MAX);
	}
}

/* From a reset on, each step of 3.1.1 up to status, with VERSION_1 alone. */
static inline void rig_to(struct rig *r, unsigned status)
{
	wr(r, R_STATUS, 0);
	if (status >= S_ACK)
		wr(r, R_STATUS, S_ACK);
	if (status >= S_DRIVER) {
		wr(r, R_STATUS, S_DRIVER);
		rig_features(r, VMOON_VIRTIO_F_VERSION_1);
	}
	if (status >= S_FEATURES)
		wr(r, R_STATUS, S_FEATURES);
	if (status >= S_LIVE) {
		rig_queue_up(r, 0);
		rig_queue_up(r, 1);
		wr(r, R_STATUS, S_LIVE);
	}
}

static inline void rig_live(struct rig *r)
{
	rig_to(r, S_LIVE);
}

/* One buffer of 16 bytes that the device writes; not kicked. */
static inline void rig_offer(struct rig *r, unsigned queue)
{
	const unsigned slot = r->avail[queue] % RIG_SIZE;
	const vmoon_gpa desc = rig_desc(queue) + 16u * slot;

	rig_store(r, desc, RIG_DATA + 16u * slot, 8);
	rig_store(r, desc + 8, 16, 4);
	rig_store(r, desc + 12, 2, 2); /* WRITE */
	rig_store(r, rig_avail(queue) + 4 + 2u * slot, slot, 2);
	rig_store(r, rig_avail(queue) + 2, ++r->avail[queue], 2);
}

/* More than there is room for: the ring is impossible. */
static inline void rig_break(struct rig *r, unsigned queue)
{
	r->avail[queue] = (uint16_t)(r->avail[queue] + RIG_SIZE + 1);
	rig_store(r, rig_avail(queue) + 2, r->avail[queue], 2);
	vmoon_virtio_mmio_kick(r->dev, queue);
}

/* A device that works takes one more request from the queue. */
static inline bool rig_serves(struct rig *r, unsigned queue)
{
	const unsigned used = rig_used_idx(r, queue);

	rig_offer(r, queue);
	vmoon_virtio_mmio_kick(r->dev, queue);
	return rig_used_idx(r, queue) == (used + 1) % 0x10000;
}

static inline struct vmoon_virtio_stats rig_stats(struct rig *r)
{
	struct vmoon_virtio_stats stats = {.size = sizeof(stats)};

	vmoon_virtio_mmio_stats(r->dev, &stats);
	return stats;
}

/* Everything that counts, as bytes: of what is equal nothing has changed. */
static inline size_t rig_image(struct rig *r, unsigned char *buf)
{
	struct vmoon_state_writer w = {.buf = buf, .size = RIG_SNAPSHOT};

	r->dev->ops->save(r->dev, &w);
	if (w.is_overflow)
		abort();
	return w.len;
}

#endif
