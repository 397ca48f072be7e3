/* SPDX-License-Identifier: MIT */
/* op_rig.c - a device among recorders, and a host that fails. */
#include "tests/support/op_stream.h"

#include "tests/support/array_disk.h"
#include "virtio/blk.h"
#include "virtio/console.h"
#include "virtio/rng.h"

#include <errno.h>
#include <string.h>

enum {
	DISK_BYTES = 64 * 1024,
	TAIL_BYTES = 100,     /* no sector: a device does not have them */
	HEAP_BYTES = 0x20000, /* of the driver, in the guest */
	RING = 16
};

/* ---- what the device is given ---- */

static bool fill(void *ctx, void *dst, size_t len)
{
	struct op_rig *r = ctx;

	if (r->is_source_failing) {
		for (size_t i = 0; i < len; i++)
			((char *)dst)[i] = OP_SECRET[i % OP_SECRET_BYTES];
		return false;
	}
	r->random = r->random * UINT64_C(6364136223846793005) + 1;
	memset(dst, (int)(r->random >> 56), len);
	return true;
}

static bool put(void *ctx, const void *buf, size_t len)
{
	struct op_rig *r = ctx;

	(void)buf;
	r->out_bytes += len;
	return !r->is_sink_failing;
}

static bool is_held(void *ctx)
{
	return ((const struct op_rig *)ctx)->is_sink_held;
}

static bool create_rng(struct op_rig *r)
{
	const struct vmoon_rng_config cfg = {
		.mem = &r->heap,
		.random = {fill, r},
		.rate = 4096,
		.burst = 4096,
	};

	return vmoon_rng_create(&cfg, &r->vd, NULL) == VMOON_OK;
}

/* Behind the last sector there is a secret. */
static void hide(struct op_rig *r)
{
	unsigned char *tail = vmoon_array_disk_bytes(r->disk) + r->disk_bytes;

	for (size_t i = 0; i < TAIL_BYTES; i++)
		tail[i] = (unsigned char)OP_SECRET[i % OP_SECRET_BYTES];
}

static void resize_disk(struct op_rig *r, uint64_t bytes)
{
	unsigned char *tail = vmoon_array_disk_bytes(r->disk) + r->disk_bytes;

	if (bytes == r->disk_bytes)
		return;
	memset(tail, 0, TAIL_BYTES); /* a disk that grows has it */
	if (vmoon_array_disk_resize(r->disk, bytes + TAIL_BYTES, NULL) ==
	    VMOON_OK) {
		r->is_shrunk |= bytes < r->disk_bytes;
		r->disk_bytes = bytes;
		vmoon_blk_resized(r->vd);
	}
	hide(r);
}

/* The backend is at one request after another. */
static bool work(void *ctx)
{
	struct op_rig *r = ctx;

	r->mem.log.count = 0;
	return vmoon_array_disk_work(r->disk);
}

static bool create_blk(struct op_rig *r)
{
	const struct vmoon_array_disk_config disk = {
		.mem = &r->own,
		.size_bytes = r->disk_bytes + TAIL_BYTES,
		.can_discard = true,
		.has_write_cache = true,
	};
	struct vmoon_blk_config cfg = {
		.mem = &r->heap,
		.id = "op",
		.queues = 2,
		.has_flush = true,
		.limits = {.size = sizeof(cfg.limits)},
	};

	if (vmoon_array_disk_create(&disk, &cfg.take_backend, NULL) != VMOON_OK)
		return false;
	r->disk = cfg.take_backend;
	hide(r);
	r->host.work = work;
	r->host.work_ctx = r;
	return vmoon_blk_create(&cfg, &r->vd, NULL) == VMOON_OK;
}

static bool create_console(struct op_rig *r)
{
	struct vmoon_console_port ports[OP_PORTS];
	const struct vmoon_console_config cfg = {
		.mem = &r->heap,
		.ports = ports,
		.port_count = OP_PORTS,
		.cols = r->cols,
		.rows = r->rows,
	};

	for (unsigned i = 0; i < OP_PORTS; i++)
		ports[i] = (struct vmoon_console_port){
			.name = i == 0 ? "" : "op",
			.is_console = i == 0,
			.out = {put, is_held, r},
		};
	return vmoon_console_create(&cfg, &r->vd, NULL) == VMOON_OK;
}

static bool create(struct op_rig *r, const struct vmoon_gmem *gm,
		   struct arena *arena)
{
	static bool (*const makers[OP_DEVICES])(struct op_rig *) = {
		[OP_RNG] = create_rng,
		[OP_BLK] = create_blk,
		[OP_CONSOLE] = create_console,
	};
	struct vmoon_virtio_mmio_config cfg;

	arena_lend(arena, &r->heap);
	vmoon_driver_host_lend(&r->host, &r->heap, gm, &cfg);
	if (!makers[r->kind](r) ||
	    vmoon_virtio_mmio_create(&cfg, r->vd, &r->dev, NULL) != VMOON_OK)
		return false;
	r->heap_used = vmoon_mem_used(&r->heap);
	return true;
}

bool op_rig_init(struct op_rig *r, enum op_device kind, struct arena *arena)
{
	struct vmoon_driver_config cfg = {.heap = HOSTILE_HEAP,
					  .heap_bytes = HEAP_BYTES};

	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->disk_bytes = DISK_BYTES;
	r->payload = HOSTILE_A;
	arena_lend(arena, &r->own);
	if (!hostile_mem_init_in(&r->mem, HEAP_BYTES, &r->own))
		return false;
	r->mem.driver_log.is_off = true;
	if (!create(r, &r->mem.device.gm, arena)) {
		hostile_mem_fini(&r->mem);
		return false;
	}
	cfg.mem = &r->own;
	cfg.gm = &r->mem.driver.gm;
	cfg.dev = r->dev;
	cfg.host = &r->host;
	if (vmoon_driver_create(&cfg, &r->driver, NULL) == VMOON_OK)
		return true;
	op_rig_fini(r);
	return false;
}

void op_rig_fini(struct op_rig *r)
{
	if (r->twin != NULL)
		r->twin->dev->ops->destroy(r->twin->dev);
	vmoon_mem_free(&r->own, r->twin, sizeof(*r->twin));
	for (unsigned i = 0; i < VMOON_COUNTOF(r->save); i++)
		vmoon_mem_free(&r->own, r->save[i], OP_SNAPSHOT_MAX);
	vmoon_driver_destroy(r->driver);
	r->dev->ops->destroy(r->dev);
	hostile_mem_fini(&r->mem);
}

static bool create_twin(struct op_rig *r)
{
	struct op_rig *twin = vmoon_mem_alloc(&r->own, sizeof(*twin));

	if (twin == NULL)
		return false;
	twin->kind = r->kind;
	twin->disk_bytes = r->disk_bytes;
	twin->own = r->own;
	if (!create(twin, &r->mem.device.gm, r->own.ctx)) {
		vmoon_mem_free(&r->own, twin, sizeof(*twin));
		return false;
	}
	r->twin = twin;
	return true;
}

struct op_rig *op_rig_twin(struct op_rig *r)
{
	for (unsigned i = 0; i < VMOON_COUNTOF(r->save); i++)
		if (r->save[i] == NULL)
			r->save[i] = vmoon_mem_resize(&r->own, NULL, 0,
						      OP_SNAPSHOT_MAX);
	if (r->save[0] == NULL || r->save[1] == NULL ||
	    (r->twin == NULL && !create_twin(r)))
		return NULL;
	r->twin->host.now_ns = r->host.now_ns;
	if (r->kind == OP_BLK)
		resize_disk(r->twin, r->disk_bytes);
	if (r->kind != OP_CONSOLE)
		return r->twin;
	vmoon_console_resize(r->twin->vd, 0, r->cols, r->rows);
	for (unsigned i = 0; i < OP_PORTS; i++)
		vmoon_console_set_open(r->twin->vd, i, !r->is_away[i]);
	return r->twin;
}

/* ---- the host fails, types, resizes ---- */

static void host_blk(struct op_rig *r, unsigned what, unsigned arg)
{
	static const int errors[] = {0, EIO, ENOSPC, EDQUOT};
	const struct vmoon_array_disk_fault fault = {
		.op = (int)(what >> 2 & 7) - 1,
		.nth = 1 + (arg >> 12),
		.is_held = (what & 0x20) != 0,
		.is_sticky = (what & 0x40) != 0,
		.error = errors[arg & 3],
		.moved = arg >> 2 & 0x3ff,
	};

	switch (what & 3) {
	case 0: VMOON_IGNORE(vmoon_array_disk_fault(r->disk, &fault)); break;
	case 1: vmoon_array_disk_release(r->disk, arg); break;
	case 2: vmoon_array_disk_clear_faults(r->disk); break;
	default: resize_disk(r, 512u * (arg % 256 + 1)); break;
	}
}

static void host_console(struct op_rig *r, unsigned what, unsigned arg)
{
	static const char typed[256] = "typed by the host";
	const unsigned port = what >> 4 & 1;

	switch (what & 7) {
	case 0: r->is_sink_failing = arg & 1; break;
	case 1: r->is_sink_held = arg & 1; break;
	case 2: vmoon_console_resume(r->vd, port); break;
	case 3:
		r->is_away[port] = (arg & 1) == 0;
		vmoon_console_set_open(r->vd, port, arg & 1);
		break;
	case 4:
		r->cols = (uint16_t)(arg & 0xffff);
		r->rows = (uint16_t)(what & 0xff);
		vmoon_console_resize(r->vd, 0, r->cols, r->rows);
		break;
	default:
		VMOON_IGNORE(vmoon_console_receive(r->vd, port, typed,
						   arg % sizeof(typed)));
		break;
	}
}

void op_rig_host(struct op_rig *r, unsigned what, unsigned arg)
{
	if (what == 0xff) {
		r->mem.log.flips = arg & 1;
		r->is_tainted = r->is_wild = true;
	} else if (r->kind == OP_BLK)
		host_blk(r, what, arg);
	else if (r->kind == OP_CONSOLE)
		host_console(r, what, arg);
	else
		r->is_source_failing = what & 1;
}

bool op_rig_probe(struct op_rig *r, uint64_t features, uint16_t ring)
{
	struct gmem_log *log = &r->mem.log;
	bool is_ok;

	log->flips = false;
	is_ok = vmoon_driver_probe(r->driver, features, ring, NULL) == VMOON_OK;
	r->is_shrunk = r->is_doubled = false;
	memset(r->watch, 0, sizeof(r->watch));
	/* Where rings are is known only now: what came before does not count.
	 */
	gmem_log_begin(log);
	log->ring_count = 0;
	for (unsigned q = 0; q < GMEM_WATCH_RINGS; q++) {
		const struct vmoon_driver_ring *at =
			vmoon_driver_ring(r->driver, q);

		if (at != NULL)
			log->rings[log->ring_count++] =
				(struct gmem_ring){at->avail, at->size};
	}
	return is_ok;
}

/* ---- what it must still do, whatever was before ---- */

static bool serves_blk(struct op_rig *r)
{
	unsigned char out[512], in[512] = {0};

	memset(out, 0x3c, sizeof(out));
	return vmoon_driver_blk(r->driver, VMOON_DRIVER_BLK_OUT, 0, out, 512) ==
		       VMOON_DRIVER_BLK_OK &&
	       vmoon_driver_blk(r->driver, VMOON_DRIVER_BLK_IN, 0, in, 512) ==
		       VMOON_DRIVER_BLK_OK &&
	       memcmp(out, in, 512) == 0;
}

bool op_rig_serves(struct op_rig *r)
{
	const uint64_t out_bytes = r->out_bytes;
	unsigned char byte;

	r->is_source_failing = r->is_sink_failing = r->is_sink_held = false;
	if (r->disk != NULL)
		vmoon_array_disk_clear_faults(r->disk);
	/* Neither a pause of the source nor a limit is in the way. */
	vmoon_driver_advance(r->driver, UINT64_C(10000000000));
	if (!op_rig_probe(r, 0, RING))
		return false;
	r->is_probed = true;
	r->is_tainted = r->is_wild = false;
	if (r->kind == OP_BLK)
		return serves_blk(r);
	if (r->kind == OP_RNG)
		return vmoon_driver_rng_read(r->driver, &byte, 1) == 1;
	return vmoon_driver_port_send(r->driver, 0, "x", 1) &&
	       r->out_bytes == out_bytes + 1;
}
