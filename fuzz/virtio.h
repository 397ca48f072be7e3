/* SPDX-License-Identifier: MIT */
/* virtio.h - a virtio device and a hostile driver, for fuzz targets. */
#ifndef VMOON_FUZZ_VIRTIO_H
#define VMOON_FUZZ_VIRTIO_H

#include "fuzz.h"
#include "runtime/gmem.h"
#include "tests/support/vq_driver.h"

#include <string.h>

enum {
	FUZZ_LOW = 0x10000,
	FUZZ_LOW_BYTES = 0x20000,
	FUZZ_HIGH = 0x80000,
	FUZZ_HIGH_BYTES = 0x1000,
	FUZZ_RING = 16, /* entries */
	FUZZ_STATE = 128 * 1024,
	FUZZ_STEPS = 20000 /* of one run: more is a wedge */
};

/* Guest memory's two regions; the driver's heap is in the first. */
struct fuzz_virtio {
	unsigned char low[FUZZ_LOW_BYTES], high[FUZZ_HIGH_BYTES];
	struct vmoon_gmem gm;
	struct vmoon_driver_host host;
	struct vmoon_virtio *vd;
	struct vmoon_device *dev;
	struct vmoon_driver *d;
	unsigned char state[FUZZ_STATE];
};

static inline void fuzz_virtio_init(struct fuzz_virtio *f,
				    struct vmoon_virtio *take_vd)
{
	const struct vmoon_gmem_region regions[] = {
		{FUZZ_LOW, FUZZ_LOW_BYTES, f->low},
		{FUZZ_HIGH, FUZZ_HIGH_BYTES, f->high}};
	struct vmoon_virtio_mmio_config mmio = {0};
	struct vmoon_driver_config cfg = {.host = &f->host,
					  .heap = FUZZ_LOW,
					  .heap_bytes = FUZZ_LOW_BYTES};

	FUZZ_REQUIRE(vmoon_gmem_init(&f->gm, regions, 2, NULL) == VMOON_OK);
	f->vd = take_vd;
	vmoon_driver_host_lend(&f->host, NULL, &f->gm, &mmio);
	FUZZ_REQUIRE(vmoon_virtio_mmio_create(&mmio, take_vd, &f->dev, NULL) ==
		     VMOON_OK);
	cfg.gm = &f->gm;
	cfg.dev = f->dev;
	FUZZ_REQUIRE(vmoon_driver_create(&cfg, &f->d, NULL) == VMOON_OK);
}

static inline void fuzz_virtio_fini(struct fuzz_virtio *f)
{
	vmoon_driver_destroy(f->d);
	f->dev->ops->destroy(f->dev);
}

static inline void fuzz_virtio_probe(struct fuzz_virtio *f, uint64_t want)
{
	FUZZ_REQUIRE(vmoon_driver_probe(f->d, want | VMOON_VIRTIO_F_VERSION_1,
					FUZZ_RING, NULL) == VMOON_OK);
}

/* Does what waits; it ends. */
static inline void fuzz_virtio_run(struct fuzz_virtio *f)
{
	FUZZ_REQUIRE(vmoon_driver_run(f->d, FUZZ_STEPS) < FUZZ_STEPS);
}

/* Takes what came back: each once, and only what was offered. */
static inline void fuzz_virtio_take(struct fuzz_virtio *f, unsigned queue)
{
	struct vmoon_driver_ring *ring = vmoon_driver_ring(f->d, queue);
	struct vmoon_driver_used used;

	while (ring != NULL && vmoon_driver_take(ring, &used))
		continue;
	FUZZ_REQUIRE(ring == NULL || ring->strays == 0);
}

/*
 * A chain of up to 4 buffers by the input, most of them RAM, and now and then
 * a descriptor that is not as it should be; offered and kicked. shape 0: fit
 * for the device to read, 1: to write, more: as the input wants.
 */
static inline void fuzz_virtio_offer(struct fuzz_virtio *f,
				     struct fuzz_input *in, unsigned queue,
				     unsigned shape)
{
	static const vmoon_gpa base[] = {FUZZ_LOW + FUZZ_LOW_BYTES / 2,
					 FUZZ_LOW + FUZZ_LOW_BYTES - 64,
					 FUZZ_HIGH, FUZZ_HIGH - 4};
	struct vmoon_driver_ring *ring = vmoon_driver_ring(f->d, queue);
	struct vmoon_driver_buf bufs[4];
	const unsigned n = 1 + fuzz_u8(in) % 4;
	unsigned evil;
	uint16_t head;

	if (ring == NULL)
		return;
	fuzz_virtio_take(f, queue);
	for (unsigned i = 0; i < n; i++) {
		const unsigned how = fuzz_u8(in);

		bufs[i].gpa =
			base[(how & 0x10) == 0 ? 0 : how & 3] + (how >> 5) * 8;
		bufs[i].len =
			(uint32_t)fuzz_uint(in, (how & 0x0c) == 0 ? 2 : 1);
		if ((how & 0x1c) == 0x1c)
			bufs[i].len = UINT32_MAX;
		bufs[i].is_write = shape < 2 ? shape == 1 : (how & 2) != 0;
	}
	head = vmoon_driver_build(ring, bufs, n);
	if (head == VMOON_DRIVER_NONE)
		return; /* the ring is full of what waits */
	evil = fuzz_u8(in);
	if ((evil & 0xc0) == 0xc0) {
		vmoon_driver_store(ring, VMOON_DRIVER_DESC_FLAGS, head,
				   evil & 7);
		vmoon_driver_store(ring, VMOON_DRIVER_DESC_NEXT, head,
				   evil >> 3 & 7);
	}
	vmoon_driver_offer(ring, head);
	vmoon_driver_kick(f->d, queue, true);
}

/* Saved, reset and loaded: the driver notices nothing. */
static inline void fuzz_virtio_move(struct fuzz_virtio *f)
{
	struct vmoon_state_writer w = {.buf = f->state,
				       .size = sizeof(f->state)};
	struct vmoon_state_reader r = {.buf = f->state};

	f->dev->ops->save(f->dev, &w);
	FUZZ_REQUIRE(!w.is_overflow);
	r.size = w.len;
	f->dev->ops->reset(f->dev);
	FUZZ_REQUIRE(f->dev->ops->load(f->dev, &r, NULL) == VMOON_OK);
}

/* The device's own part of a snapshot, hostile. */
static inline void fuzz_virtio_load(struct fuzz_virtio *f,
				    struct fuzz_input *in)
{
	struct vmoon_state_writer w = {.buf = f->state,
				       .size = sizeof(f->state)};
	struct vmoon_state_reader r = {.buf = f->state};
	const uint8_t *bytes;
	size_t n = fuzz_bytes(in, 64, &bytes);

	vmoon_driver_reset(f->d);
	vmoon_state_begin(&w, f->vd->ops->type, 1);
	if (n > 0)
		vmoon_state_put_bytes(&w, bytes, n);
	memset(f->state + w.len, 0, 64);
	r.size = w.len + 64;
	VMOON_IGNORE(f->vd->ops->load(f->vd, &r, NULL) == VMOON_OK);
}

#endif
