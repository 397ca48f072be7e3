/* SPDX-License-Identifier: MIT */
/*
 * bench_virtio.c - requests a second of a device alone: the mock driver on one
 * side, a disk in memory or a generator on the other. No guest, no threads, no
 * files: what is left is the queue, the device and the driver's own work.
 */
#include "bench/bench.h"
#include "tests/support/array_disk.h"
#include "tests/support/vq_driver.h"
#include "virtio/blk.h"
#include "virtio/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmem.h"

enum {
	RAM_BYTES = 4 << 20,
	DISK_BYTES = 1 << 20,
	DEPTH = 32, /* requests in flight */
	ROUNDS = 5,
	REQUESTS = 64 * 1024 /* of a round */
};

struct rig {
	struct vmoon_gmem gm;
	struct vmoon_driver_host host;
	struct vmoon_device *dev;
	struct vmoon_driver *driver;
	unsigned char data[4096];
};

static bool fill(void *ctx, void *dst, size_t len)
{
	(void)ctx;
	memset(dst, 0x55, len);
	return true;
}

static void rig_init(struct rig *r, struct vmoon_virtio *take_vd)
{
	struct vmoon_virtio_mmio_config mmio;
	struct vmoon_driver_config cfg = {.gm = &r->gm,
					  .host = &r->host,
					  .heap = RAM_BYTES / 4,
					  .heap_bytes = RAM_BYTES / 2};

	vmoon_driver_host_lend(&r->host, NULL, &r->gm, &mmio);
	must(vmoon_virtio_mmio_create(&mmio, take_vd, &r->dev, NULL) ==
	     VMOON_OK);
	cfg.dev = r->dev;
	must(vmoon_driver_create(&cfg, &r->driver, NULL) == VMOON_OK);
	must(vmoon_driver_probe(r->driver, UINT64_MAX, 256, NULL) == VMOON_OK);
}

static void rig_fini(struct rig *r)
{
	vmoon_driver_destroy(r->driver);
	r->dev->ops->destroy(r->dev);
	r->host = (struct vmoon_driver_host){0};
}

/* DEPTH of them together, one kick for all. */
static void blk_batch(struct rig *r, uint32_t type, uint32_t len)
{
	struct vmoon_driver_blk b[DEPTH];

	for (unsigned i = 0; i < DEPTH; i++) {
		b[i] = (struct vmoon_driver_blk){.type = type,
						 .sector = len > 0 ? i * 8u : 0,
						 .len = len};
		must(vmoon_driver_blk_start(r->driver, &b[i], r->data));
	}
	vmoon_driver_kick(r->driver, 0, false);
	vmoon_driver_run(r->driver, 0);
	must(vmoon_driver_io_poll(r->driver, 0) == DEPTH);
	for (unsigned i = 0; i < DEPTH; i++)
		must(vmoon_driver_blk_finish(r->driver, &b[i], NULL) ==
		     VMOON_DRIVER_BLK_OK);
	vmoon_driver_interrupt(r->driver);
}

static void rng_batch(struct rig *r, uint32_t type, uint32_t len)
{
	(void)type;
	for (unsigned i = 0; i < DEPTH; i++)
		must(vmoon_driver_rng_read(r->driver, r->data, len) == len);
	vmoon_driver_interrupt(r->driver);
}

static void measure(struct rig *r, const char *what, uint32_t type,
		    uint32_t len,
		    void (*batch)(struct rig *r, uint32_t type, uint32_t len))
{
	double best = 1e300;

	for (unsigned round = 0; round < ROUNDS; round++) {
		const double start = now_ns();

		for (unsigned i = 0; i < REQUESTS / DEPTH; i++)
			batch(r, type, len);
		if (now_ns() - start < best)
			best = now_ns() - start;
	}
	printf("virtio: %-24s %9.0f requests/s, %6.0f ns each\n", what,
	       REQUESTS / best * 1e9, best / REQUESTS);
}

int main(void)
{
	const struct vmoon_gmem_region ram = {0, RAM_BYTES, NULL};
	const struct vmoon_array_disk_config disk = {.size_bytes = DISK_BYTES,
						     .has_write_cache = true};
	const struct vmoon_rng_config rng = {.random = {fill, NULL}};
	struct vmoon_blk_config blk = {.queues = 1,
				       .has_flush = true,
				       .limits = {.size = sizeof(blk.limits)}};
	struct vmoon_virtio *vd;
	struct rig r = {.dev = NULL};

	must(vmoon_gmem_init_mapped(&r.gm, NULL, &ram, 1, NULL) == VMOON_OK);
	must(vmoon_array_disk_create(&disk, &blk.take_backend, NULL) ==
	     VMOON_OK);
	r.host.work = vmoon_array_disk_work;
	r.host.work_ctx = blk.take_backend;
	must(vmoon_blk_create(&blk, &vd, NULL) == VMOON_OK);
	rig_init(&r, vd);
	measure(&r, "blk read 512", VMOON_DRIVER_BLK_IN, 512, blk_batch);
	measure(&r, "blk read 4096", VMOON_DRIVER_BLK_IN, 4096, blk_batch);
	measure(&r, "blk write 4096", VMOON_DRIVER_BLK_OUT, 4096, blk_batch);
	measure(&r, "blk flush", VMOON_DRIVER_BLK_FLUSH, 0, blk_batch);
	rig_fini(&r);
	must(vmoon_rng_create(&rng, &vd, NULL) == VMOON_OK);
	rig_init(&r, vd);
	measure(&r, "rng read 64", 0, 64, rng_batch);
	rig_fini(&r);
	vmoon_gmem_fini(&r.gm);
	return 0;
}
