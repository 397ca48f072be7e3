/* SPDX-License-Identifier: MIT */
/* mmio.h - carries a virtio device as a register device (VIRTIO 1.2, 4.2). */
#ifndef VMOON_VIRTIO_MMIO_H
#define VMOON_VIRTIO_MMIO_H

#include "vmoon/device.h"
#include "vmoon/devices.h"
#include "vmoon/virtio.h"

enum {
	VMOON_VIRTIO_MMIO_BYTES = 0x1000, /* of its window */
	VMOON_VIRTIO_MMIO_NOTIFY = 0x50   /* where drivers kick: 4 bytes */
};

struct vmoon_virtio_mmio_config {
	struct vmoon_mem *mem;
	const struct vmoon_gmem *gm; /* borrowed: outlives the device */
	struct vmoon_irq irq;        /* level */
	struct vmoon_clock clock;
	struct vmoon_timer timer; /* calls vmoon_virtio_mmio_tick */
	struct vmoon_guest_faults faults;
	/*
	 * Has vmoon_virtio_mmio_kick called for the queue later, under the
	 * lock: for a write to NOTIFY, for what is left when a drain's share is
	 * used up, and when the device asks for it.
	 */
	void (*kick)(void *ctx, unsigned queue);
	/*
	 * Optional. True, in a write or reset: a reset waits for the host, and
	 * who asked for it is not to go on before false is told, under the
	 * lock as well. It may be told true again, for others that ask.
	 */
	void (*hold)(void *ctx, bool is_held);
	void *ctx; /* borrowed: of kick and hold */
};

/* Takes vd, also on failure; its host member is filled in. */
VMOON_STATUS vmoon_virtio_mmio_create(
	const struct vmoon_virtio_mmio_config *cfg,
	struct vmoon_virtio *take_vd, struct vmoon_device **out_dev,
	struct vmoon_error *err) VMOON_NONNULL(1, 2, 3);

/* ---- all of these under the device's lock ---- */

/* The queue was kicked, perhaps; any number is fine at any time. */
void vmoon_virtio_mmio_kick(struct vmoon_device *dev, unsigned queue)
	VMOON_NONNULL(1);
void vmoon_virtio_mmio_tick(struct vmoon_device *dev) VMOON_NONNULL(1);
/* Borrowed: the device's. For calls that its own header offers. */
struct vmoon_virtio *vmoon_virtio_mmio_device(struct vmoon_device *dev)
	VMOON_NONNULL(1);

void vmoon_virtio_mmio_stats(struct vmoon_device *dev,
			     struct vmoon_virtio_stats *out)
	VMOON_NONNULL(1, 2);

#endif
