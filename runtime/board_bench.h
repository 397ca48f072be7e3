/* SPDX-License-Identifier: MIT */
/* board_bench.h - what the two halves of a bench share. */
#ifndef VMOON_RUNTIME_BOARD_BENCH_H
#define VMOON_RUNTIME_BOARD_BENCH_H

#include "device_options.h"
#include "gmem.h"
#include "mem.h"
#include "tests/support/array_disk.h"
#include "tests/support/vq_driver.h"
#include "vmoon/bench.h"

struct vmoon_bench;

struct vmoon_bench_port {
	struct vmoon_bench *bench;
	size_t len;
	unsigned char *bytes; /* owned: VMOON_BENCH_OUTPUT_MAX */
};

/* Makes the device; a virtio device is put on MMIO by who calls. */
struct vmoon_bench_kind {
	const char *name;
	uint64_t window; /* bytes */
	enum vmoon_status (*make)(struct vmoon_bench *b,
				  const struct vmoon_bench_options *opts,
				  struct vmoon_error *err);
	bool is_virtio;
	size_t (*input)(struct vmoon_bench *b, unsigned port, const void *buf,
			size_t len); /* or NULL */
};

/* What a device of the caller's asks for, and what it has asked for. */
struct vmoon_bench_custom {
	struct vmoon_bench_kind kind;
	char name[VMOON_DEVICE_NAME_MAX + 1];
	void (*tick)(struct vmoon_device *dev);
	void (*work)(struct vmoon_device *dev);
	void (*doorbell)(struct vmoon_device *dev, unsigned i);
	struct vmoon_doorbell doorbells[VMOON_DOORBELLS_MAX];
	size_t doorbell_count;
	bool is_edge, is_woken, has_failed, has_exited;
	uint32_t exit_status;
	uint64_t edges;
	struct vmoon_error error; /* the first that it reported */
};

struct vmoon_bench {
	const struct vmoon_bench_kind *kind;
	struct vmoon_mem mem;
	struct vmoon_gmem gm;
	uint64_t memory_bytes;
	struct vmoon_driver_host host;
	struct vmoon_device *dev;    /* owned */
	struct vmoon_virtio *vd;     /* borrowed: dev's, NULL for others */
	struct vmoon_driver *driver; /* owned; of virtio devices */
	struct vmoon_block *disk;    /* borrowed: the device's */
	bool is_probed;
	uint64_t random; /* state of the generator */
	unsigned port_count;
	struct vmoon_bench_port ports[VMOON_BENCH_PORTS_MAX];
	struct vmoon_bench_custom custom;
};

/* board_bench_custom.c: a device of the caller's. Its kind, which is b's. */
VMOON_STATUS vmoon_bench_custom_kind(struct vmoon_bench *b,
				     const struct vmoon_bench_options *opts,
				     struct vmoon_error *err)
	VMOON_NONNULL(1, 2);
/* Whether the write rang a doorbell, and the device has heard it. */
bool vmoon_bench_custom_ring(struct vmoon_bench *b, uint64_t off,
			     unsigned width) VMOON_NONNULL(1);
/* What a worker would do meanwhile: nothing for other devices. */
void vmoon_bench_custom_run(struct vmoon_bench *b) VMOON_NONNULL(1);
VMOON_STATUS vmoon_bench_custom_advance(struct vmoon_bench *b, uint64_t ns,
					struct vmoon_error *err)
	VMOON_NONNULL(1);

#endif
