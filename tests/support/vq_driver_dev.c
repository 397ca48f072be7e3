/* SPDX-License-Identifier: MIT */
/* vq_driver_dev.c - a driver of a virtio-mmio device (3.1, 4.2), its host. */
#include "vq_driver.h"

#include <string.h>

/* "virt", and not the legacy interface (4.2.2). */
#define MAGIC UINT32_C(0x74726976)
#define VERSION UINT32_C(2)

enum { RUN_LIMIT = 100000 };

/* ---- its host ---- */

static void host_set_irq(void *ctx, bool level)
{
	struct vmoon_driver_host *host = ctx;

	host->irq_edges += level && !host->irq_level;
	host->irq_level = level;
}

static uint64_t host_mono_ns(void *ctx)
{
	const struct vmoon_driver_host *host = ctx;

	return host->now_ns;
}

static int64_t host_wall_s(void *ctx, uint32_t *out_ns)
{
	const struct vmoon_driver_host *host = ctx;

	if (out_ns != NULL)
		*out_ns = (uint32_t)(host->now_ns % 1000000000);
	return (int64_t)(host->now_ns / 1000000000); /* below 2^35 */
}

static void host_set_timer(void *ctx, uint64_t deadline_ns)
{
	struct vmoon_driver_host *host = ctx;

	host->deadline_ns = deadline_ns;
}

static void host_fault(void *ctx, enum vmoon_guest_fault_kind fault,
		       uint64_t where)
{
	struct vmoon_driver_host *host = ctx;

	(void)where;
	if ((unsigned)fault < VMOON_DRIVER_FAULT_KINDS)
		host->faults[fault]++;
}

static void host_kick(void *ctx, unsigned queue)
{
	struct vmoon_driver_host *host = ctx;

	host->kicks++;
	if (queue < 64)
		host->pending |= UINT64_C(1) << queue;
}

void vmoon_driver_host_lend(struct vmoon_driver_host *host,
			    struct vmoon_mem *mem, const struct vmoon_gmem *gm,
			    struct vmoon_virtio_mmio_config *cfg)
{
	*cfg = (struct vmoon_virtio_mmio_config){
		.mem = mem,
		.gm = gm,
		.irq = {host_set_irq, host},
		.clock = {host_mono_ns, host_wall_s, host},
		.timer = {host_set_timer, host},
		.faults = {host_fault, host},
		.kick = host_kick,
		.ctx = host,
	};
}

/* ---- registers ---- */

uint32_t vmoon_driver_reg(struct vmoon_driver *d, uint64_t off)
{
	/* A register of 4 bytes has no more. */
	return (uint32_t)d->dev->ops->read(d->dev, off, 4);
}

void vmoon_driver_set_reg(struct vmoon_driver *d, uint64_t off, uint32_t val)
{
	d->dev->ops->write(d->dev, off, 4, val);
}

uint64_t vmoon_driver_config_get(struct vmoon_driver *d, uint32_t off,
				 unsigned size)
{
	return d->dev->ops->read(d->dev, (uint64_t)VMOON_MMIO_CONFIG + off,
				 size);
}

uint64_t vmoon_driver_offered(struct vmoon_driver *d)
{
	uint64_t features = 0;

	for (unsigned page = 0; page < 2; page++) {
		vmoon_driver_set_reg(d, VMOON_MMIO_DEVICE_FEATURES_SEL, page);
		features |= (uint64_t)vmoon_driver_reg(
				    d, VMOON_MMIO_DEVICE_FEATURES)
			    << (32 * page);
	}
	return features;
}

/* ---- the heap ---- */

vmoon_gpa vmoon_driver_alloc(struct vmoon_driver *d, uint64_t len,
			     uint64_t align)
{
	const vmoon_gpa end = d->heap + d->heap_bytes;
	vmoon_gpa at = d->heap;
	size_t i = 0;

	if (d->block_count == VMOON_DRIVER_BLOCKS_MAX || len > d->heap_bytes)
		return 0;
	for (;; i++) { /* at most block_count steps: first fit */
		at = (at + align - 1) & ~(align - 1);
		if (i == d->block_count ||
		    at + len + VMOON_DRIVER_GAP <= d->blocks[i].gpa)
			break;
		at = d->blocks[i].gpa + d->blocks[i].len + VMOON_DRIVER_GAP;
	}
	if (at + len > end)
		return 0;
	memmove(&d->blocks[i + 1], &d->blocks[i],
		(d->block_count - i) * sizeof(d->blocks[0]));
	d->blocks[i] = (struct vmoon_driver_block){at, len};
	d->block_count++;
	return at;
}

void vmoon_driver_free(struct vmoon_driver *d, vmoon_gpa gpa)
{
	for (size_t i = 0; i < d->block_count; i++) {
		if (d->blocks[i].gpa != gpa)
			continue;
		d->block_count--;
		memmove(&d->blocks[i], &d->blocks[i + 1],
			(d->block_count - i) * sizeof(d->blocks[0]));
		return;
	}
}

/* ---- from reset to DRIVER_OK ---- */

static void drop_rings(struct vmoon_driver *d)
{
	for (unsigned q = 0; q < VMOON_DRIVER_QUEUES_MAX; q++) {
		if (d->rings[q] == NULL)
			continue;
		vmoon_driver_ring_fini(d->rings[q]);
		vmoon_mem_free(d->mem, d->rings[q], sizeof(*d->rings[q]));
		d->rings[q] = NULL;
	}
}

void vmoon_driver_reset(struct vmoon_driver *d)
{
	vmoon_driver_set_reg(d, VMOON_MMIO_STATUS, 0);
	drop_rings(d);
	d->queue_count = 0;
	d->block_count = 0;
	d->features = 0;
	memset(d->is_posted, 0, sizeof(d->is_posted));
}

static void add_status(struct vmoon_driver *d, uint32_t bit)
{
	vmoon_driver_set_reg(d, VMOON_MMIO_STATUS,
			     vmoon_driver_reg(d, VMOON_MMIO_STATUS) | bit);
}

enum vmoon_status vmoon_driver_begin(struct vmoon_driver *d,
				     struct vmoon_error *err)
{
	if (vmoon_driver_reg(d, VMOON_MMIO_MAGIC) != MAGIC ||
	    vmoon_driver_reg(d, VMOON_MMIO_VERSION) != VERSION)
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "no virtio-mmio device of version 2");
	if (vmoon_driver_reg(d, VMOON_MMIO_DEVICE_ID) == 0)
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "a placeholder, no device");
	vmoon_driver_reset(d);
	if (vmoon_driver_reg(d, VMOON_MMIO_STATUS) != 0)
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "the device does not come out of reset");
	add_status(d, VMOON_STATUS_ACKNOWLEDGE);
	add_status(d, VMOON_STATUS_DRIVER);
	return VMOON_OK;
}

bool vmoon_driver_negotiate(struct vmoon_driver *d, uint64_t want)
{
	const uint64_t features = want & vmoon_driver_offered(d);

	for (unsigned page = 0; page < 2; page++) {
		vmoon_driver_set_reg(d, VMOON_MMIO_DRIVER_FEATURES_SEL, page);
		/* One half of them at a time. */
		vmoon_driver_set_reg(d, VMOON_MMIO_DRIVER_FEATURES,
				     (uint32_t)(features >> (32 * page)));
	}
	add_status(d, VMOON_STATUS_FEATURES_OK);
	if ((vmoon_driver_reg(d, VMOON_MMIO_STATUS) &
	     VMOON_STATUS_FEATURES_OK) == 0)
		return false;
	d->features = features;
	return true;
}

static void set_part(struct vmoon_driver *d, uint64_t off, vmoon_gpa gpa)
{
	/* Low half, high half. */
	vmoon_driver_set_reg(d, off, (uint32_t)gpa);
	vmoon_driver_set_reg(d, off + 4, (uint32_t)(gpa >> 32));
}

static struct vmoon_driver_ring *create_ring(struct vmoon_driver *d,
					     uint16_t size)
{
	const vmoon_gpa base =
		vmoon_driver_alloc(d, vmoon_driver_ring_bytes(size), 16);
	struct vmoon_driver_ring *r = vmoon_mem_alloc(d->mem, sizeof(*r));

	if (base != 0 && r != NULL &&
	    vmoon_driver_ring_init(r, d->mem, d->gm, base, size) == VMOON_OK) {
		r->has_event_idx =
			(d->features & VMOON_VIRTIO_F_EVENT_IDX) != 0;
		return r;
	}
	vmoon_driver_free(d, base);
	vmoon_mem_free(d->mem, r, sizeof(*r));
	return NULL;
}

bool vmoon_driver_setup_queue(struct vmoon_driver *d, unsigned queue,
			      uint16_t size)
{
	struct vmoon_driver_ring *r;
	uint32_t max;

	if (queue >= VMOON_DRIVER_QUEUES_MAX || d->rings[queue] != NULL)
		return false;
	vmoon_driver_set_reg(d, VMOON_MMIO_QUEUE_SEL, queue);
	max = vmoon_driver_reg(d, VMOON_MMIO_QUEUE_NUM_MAX);
	if (max == 0 || max > UINT16_MAX ||
	    vmoon_driver_reg(d, VMOON_MMIO_QUEUE_READY) != 0)
		return false;
	if (size == 0 || size > max)
		size = (uint16_t)max;    /* checked above */
	while ((size & (size - 1)) != 0) /* a power of two, 2.7 */
		size &= (uint16_t)(size - 1);
	r = create_ring(d, size);
	if (r == NULL)
		return false;
	d->rings[queue] = r;
	if (d->queue_count <= queue)
		d->queue_count = queue + 1;
	vmoon_driver_set_reg(d, VMOON_MMIO_QUEUE_NUM, size);
	set_part(d, VMOON_MMIO_QUEUE_DESC, r->desc);
	set_part(d, VMOON_MMIO_QUEUE_AVAIL, r->avail);
	set_part(d, VMOON_MMIO_QUEUE_USED, r->used);
	vmoon_driver_set_reg(d, VMOON_MMIO_QUEUE_READY, 1);
	return vmoon_driver_reg(d, VMOON_MMIO_QUEUE_READY) == 1;
}

bool vmoon_driver_start(struct vmoon_driver *d)
{
	add_status(d, VMOON_STATUS_DRIVER_OK);
	return (vmoon_driver_reg(d, VMOON_MMIO_STATUS) &
		(VMOON_STATUS_DRIVER_OK | VMOON_STATUS_NEEDS_RESET)) ==
	       VMOON_STATUS_DRIVER_OK;
}

static bool has_queue(struct vmoon_driver *d, unsigned queue)
{
	vmoon_driver_set_reg(d, VMOON_MMIO_QUEUE_SEL, queue);
	return vmoon_driver_reg(d, VMOON_MMIO_QUEUE_NUM_MAX) != 0;
}

enum vmoon_status vmoon_driver_probe(struct vmoon_driver *d, uint64_t want,
				     uint16_t size, struct vmoon_error *err)
{
	const enum vmoon_status st = vmoon_driver_begin(d, err);

	if (st != VMOON_OK)
		return st;
	if (!vmoon_driver_negotiate(d, want | VMOON_VIRTIO_F_VERSION_1))
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "the device refused the features");
	/* No device has a gap in its queues. */
	for (unsigned q = 0; q < VMOON_DRIVER_QUEUES_MAX && has_queue(d, q);
	     q++)
		if (!vmoon_driver_setup_queue(d, q, size))
			return vmoon_fail(err, VMOON_E_STATE, 0,
					  "queue %u could not be set up", q);
	if (!vmoon_driver_start(d))
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "the device needs a reset at DRIVER_OK");
	vmoon_driver_run(d, 0);
	return VMOON_OK;
}

/* ---- while it is live ---- */

struct vmoon_driver_ring *vmoon_driver_ring(struct vmoon_driver *d,
					    unsigned queue)
{
	return queue < VMOON_DRIVER_QUEUES_MAX ? d->rings[queue] : NULL;
}

void vmoon_driver_kick(struct vmoon_driver *d, unsigned queue, bool force)
{
	struct vmoon_driver_ring *r = vmoon_driver_ring(d, queue);
	const bool is_wanted = r != NULL && vmoon_driver_needs_kick(r);

	if (is_wanted || force)
		vmoon_driver_set_reg(d, VMOON_MMIO_QUEUE_NOTIFY, queue);
}

static bool run_one(struct vmoon_driver *d)
{
	struct vmoon_driver_host *host = d->host;

	for (unsigned q = 0; q < 64; q++) {
		if ((host->pending >> q & 1) == 0)
			continue;
		host->pending &= ~(UINT64_C(1) << q);
		vmoon_virtio_mmio_kick(d->dev, q);
		return true;
	}
	return host->work != NULL && host->work(host->work_ctx);
}

uint64_t vmoon_driver_run(struct vmoon_driver *d, uint64_t limit)
{
	uint64_t steps = 0;

	if (limit == 0)
		limit = RUN_LIMIT;
	while (steps < limit && run_one(d))
		steps++;
	return steps;
}

void vmoon_driver_advance(struct vmoon_driver *d, uint64_t ns)
{
	struct vmoon_driver_host *host = d->host;
	const uint64_t end = host->now_ns + ns;

	/* A timer that is always set for now does not stop time. */
	for (unsigned i = 0; i < RUN_LIMIT && host->deadline_ns != 0 &&
			     host->deadline_ns <= end;
	     i++) {
		if (host->deadline_ns > host->now_ns)
			host->now_ns = host->deadline_ns;
		host->deadline_ns = 0;
		vmoon_virtio_mmio_tick(d->dev);
		vmoon_driver_run(d, 0);
	}
	host->now_ns = end;
	vmoon_driver_run(d, 0);
}

uint32_t vmoon_driver_interrupt(struct vmoon_driver *d)
{
	const uint32_t bits = vmoon_driver_reg(d, VMOON_MMIO_INTERRUPT_STATUS);

	if (bits != 0)
		vmoon_driver_set_reg(d, VMOON_MMIO_INTERRUPT_ACK, bits);
	return bits;
}

enum vmoon_status vmoon_driver_create(const struct vmoon_driver_config *cfg,
				      struct vmoon_driver **out_driver,
				      struct vmoon_error *err)
{
	struct vmoon_driver *d;

	if (cfg->heap == 0 ||
	    !vmoon_gmem_range_ok(cfg->gm, cfg->heap, cfg->heap_bytes))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "the driver's heap is no RAM");
	d = vmoon_mem_alloc(cfg->mem, sizeof(*d));
	if (d == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "no memory for a driver");
	d->mem = cfg->mem;
	d->gm = cfg->gm;
	d->dev = cfg->dev;
	d->host = cfg->host;
	d->heap = cfg->heap;
	d->heap_bytes = cfg->heap_bytes;
	*out_driver = d;
	return VMOON_OK;
}

void vmoon_driver_destroy(struct vmoon_driver *d)
{
	if (d == NULL)
		return;
	drop_rings(d);
	vmoon_mem_free(d->mem, d, sizeof(*d));
}
