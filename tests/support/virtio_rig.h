/* SPDX-License-Identifier: MIT */
/* virtio_rig.h - a virtio device, memory and a driver that plays the guest. */
#ifndef VMOON_TESTS_VIRTIO_RIG_H
#define VMOON_TESTS_VIRTIO_RIG_H

#include "tests/support/fixture.h"
#include "tests/support/gmem_watch.h"
#include "tests/support/vq_driver.h"

#include <stdlib.h>
#include <string.h>

/* Two regions with a hole between them; the driver's heap is in the first. */
enum {
	VIRTIO_RIG_LOW = 0x10000,
	VIRTIO_RIG_LOW_BYTES = 0x300000,
	VIRTIO_RIG_HIGH = 0x800000,
	VIRTIO_RIG_HIGH_BYTES = 0x20000,
	VIRTIO_RIG_HOLE = 0x700000,
	VIRTIO_RIG_STATE = 256 * 1024
};

struct virtio_rig {
	unsigned char *low, *high;
	struct gmem_log log, driver_log;
	struct gmem_watch mem, driver_mem;
	struct vmoon_driver_host host;
	struct vmoon_virtio *vd;
	struct vmoon_device *dev;
	struct vmoon_driver *d;
};

static inline void virtio_rig_init(struct virtio_rig *r,
				   struct vmoon_virtio *take_vd)
{
	struct vmoon_virtio_mmio_config mmio = {0};
	struct vmoon_driver_config cfg = {.host = &r->host,
					  .heap = VIRTIO_RIG_LOW,
					  .heap_bytes = VIRTIO_RIG_LOW_BYTES};
	struct vmoon_gmem_region regions[2];
	struct vmoon_error err;

	r->low = malloc(VIRTIO_RIG_LOW_BYTES);
	r->high = malloc(VIRTIO_RIG_HIGH_BYTES);
	assert_true(r->low != NULL && r->high != NULL);
	memset(r->low, 0xa5, VIRTIO_RIG_LOW_BYTES);
	memset(r->high, 0xa5, VIRTIO_RIG_HIGH_BYTES);
	regions[0] = (struct vmoon_gmem_region){VIRTIO_RIG_LOW,
						VIRTIO_RIG_LOW_BYTES, r->low};
	regions[1] = (struct vmoon_gmem_region){VIRTIO_RIG_HIGH,
						VIRTIO_RIG_HIGH_BYTES, r->high};
	r->mem.log = &r->log;
	r->driver_mem.log = &r->driver_log;
	assert_ok(vmoon_gmem_init(&r->mem.gm, regions, 2, &err), &err);
	assert_ok(vmoon_gmem_init(&r->driver_mem.gm, regions, 2, &err), &err);
	r->vd = take_vd;
	vmoon_driver_host_lend(&r->host, NULL, &r->mem.gm, &mmio);
	assert_ok(vmoon_virtio_mmio_create(&mmio, take_vd, &r->dev, &err),
		  &err);
	cfg.gm = &r->driver_mem.gm;
	cfg.dev = r->dev;
	assert_ok(vmoon_driver_create(&cfg, &r->d, &err), &err);
}

static inline void virtio_rig_fini(struct virtio_rig *r)
{
	vmoon_driver_destroy(r->d);
	r->dev->ops->destroy(r->dev);
	free(r->low);
	free(r->high);
}

static inline void virtio_rig_probe(struct virtio_rig *r, uint64_t want)
{
	struct vmoon_error err;

	assert_ok(vmoon_driver_probe(r->d, want | VMOON_VIRTIO_F_VERSION_1, 0,
				     &err),
		  &err);
}

/* Host memory of a guest address in either region. */
static inline unsigned char *virtio_rig_at(struct virtio_rig *r, vmoon_gpa gpa)
{
	if (gpa >= VIRTIO_RIG_HIGH)
		return r->high + (gpa - VIRTIO_RIG_HIGH);
	return r->low + (gpa - VIRTIO_RIG_LOW);
}

/* Offers a chain and kicks; the device has not run yet. */
static inline void virtio_rig_offer(struct virtio_rig *r, unsigned queue,
				    const struct vmoon_driver_buf *bufs,
				    size_t n)
{
	struct vmoon_driver_ring *ring = vmoon_driver_ring(r->d, queue);
	uint16_t head;

	assert_non_null(ring);
	head = vmoon_driver_build(ring, bufs, n);
	assert_int_not_equal(head, VMOON_DRIVER_NONE);
	vmoon_driver_offer(ring, head);
	vmoon_driver_kick(r->d, queue, true);
}

/* The length of the next used chain, or -1 when none came back. */
static inline int64_t virtio_rig_take(struct virtio_rig *r, unsigned queue)
{
	struct vmoon_driver_used used;

	if (!vmoon_driver_take(vmoon_driver_ring(r->d, queue), &used))
		return -1;
	return used.len;
}

/* One chain all the way. */
static inline int64_t virtio_rig_chain(struct virtio_rig *r, unsigned queue,
				       const struct vmoon_driver_buf *bufs,
				       size_t n)
{
	virtio_rig_offer(r, queue, bufs, n);
	(void)vmoon_driver_run(r->d, 0);
	return virtio_rig_take(r, queue);
}

static inline uint64_t virtio_rig_faults(const struct virtio_rig *r)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < VMOON_DRIVER_FAULT_KINDS; i++)
		sum += r->host.faults[i];
	return sum;
}

/* Of a running device into another one that has no driver. */
static inline void virtio_rig_save(const struct virtio_rig *r,
				   unsigned char *buf, size_t *out_len)
{
	struct vmoon_state_writer w = {.buf = buf, .size = VIRTIO_RIG_STATE};

	r->dev->ops->save(r->dev, &w);
	assert_false(w.is_overflow);
	*out_len = w.len;
}

static inline enum vmoon_status virtio_rig_load(struct virtio_rig *r,
						const unsigned char *buf,
						size_t len)
{
	struct vmoon_state_reader reader = {.buf = buf, .size = len};
	struct vmoon_error err;

	return r->dev->ops->load(r->dev, &reader, &err);
}

#endif
