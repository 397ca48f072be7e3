/* SPDX-License-Identifier: MIT */
/* rng.h - entropy for the guest (VIRTIO 1.2, 5.4). */
#ifndef VMOON_VIRTIO_RNG_H
#define VMOON_VIRTIO_RNG_H

#include "vmoon/devices.h"
#include "vmoon/virtio.h"

/* Where random bytes are from; never blocks, all len bytes or false. */
struct vmoon_random {
	bool (*fill)(void *ctx, void *dst, size_t len);
	void *ctx;
};

struct vmoon_rng_config {
	struct vmoon_mem *mem;
	struct vmoon_random random;
	uint64_t rate, burst; /* bytes a second, bytes; rate 0: no limit */
};

VMOON_STATUS vmoon_rng_create(const struct vmoon_rng_config *cfg,
			      struct vmoon_virtio **out_vd,
			      struct vmoon_error *err) VMOON_NONNULL(1, 2);
void vmoon_rng_stats(const struct vmoon_virtio *vd, struct vmoon_rng_stats *out)
	VMOON_NONNULL(1, 2);

#endif
