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
	PORTS = 2,
	HEAP_BYTES = 0x20000, /* of the driver, in the guest */
	RING = 16
};

/* ---- what the device is given ---- */

static bool fill(void *ctx, void *dst, size_t len)
{
	struct op_rig *r = ctx;

	if (r->is_source_failing)
		return false;
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

static bool create_blk(struct op_rig *r)
{
	const struct vmoon_array_disk_config disk = {
		.size_bytes = r->disk_bytes,
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
	r->host.work = vmoon_array_disk_work;
	r->host.work_ctx = r->disk;
	return vmoon_blk_create(&cfg, &r->vd, NULL) == VMOON_OK;
}

static bool create_console(struct op_rig *r)
{
	struct vmoon_console_port ports[PORTS];
	const struct vmoon_console_config cfg = {
		.mem = &r->heap,
		.ports = ports,
		.port_count = PORTS,
	};

	for (unsigned i = 0; i < PORTS; i++)
		ports[i] = (struct vmoon_console_port){
			.name = i == 0 ? "" : "op",
			.is_console = i == 0,
			.out = {put, is_held, r},
		};
	return vmoon_console_create(&cfg, &r->vd, NULL) == VMOON_OK;
}

static bool create(struct op_rig *r, const struct vmoon_gmem *gm)
{
	static bool (*const makers[OP_DEVICES])(struct op_rig *) = {
		[OP_RNG] = create_rng,
		[OP_BLK] = create_blk,
		[OP_CONSOLE] = create_console,
	};
	struct vmoon_virtio_mmio_config cfg;

	vmoon_mem_init(&r->heap, NULL);
	vmoon_driver_host_lend(&r->host, &r->heap, gm, &cfg);
	if (!makers[r->kind](r) ||
	    vmoon_virtio_mmio_create(&cfg, r->vd, &r->dev, NULL) != VMOON_OK)
		return false;
	r->heap_used = vmoon_mem_used(&r->heap);
	return true;
}

bool op_rig_init(struct op_rig *r, enum op_device kind)
{
	struct vmoon_driver_config cfg = {.heap = HOSTILE_HEAP,
					  .heap_bytes = HEAP_BYTES};

	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->disk_bytes = DISK_BYTES;
	r->payload = HOSTILE_A;
	if (!hostile_mem_init(&r->mem, HEAP_BYTES))
		return false;
	if (!create(r, &r->mem.device.gm)) {
		hostile_mem_fini(&r->mem);
		return false;
	}
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
	vmoon_driver_destroy(r->driver);
	r->dev->ops->destroy(r->dev);
	hostile_mem_fini(&r->mem);
}

bool op_rig_init_twin(struct op_rig *twin, struct op_rig *of)
{
	memset(twin, 0, sizeof(*twin));
	twin->kind = of->kind;
	twin->disk_bytes = of->disk_bytes;
	twin->host.now_ns = of->host.now_ns;
	return create(twin, &of->mem.device.gm);
}

void op_rig_fini_twin(struct op_rig *twin)
{
	twin->dev->ops->destroy(twin->dev);
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
	default:
		r->disk_bytes = 512u * (arg % 256 + 1);
		VMOON_IGNORE(
			vmoon_array_disk_resize(r->disk, r->disk_bytes, NULL));
		vmoon_blk_resized(r->vd);
		break;
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
	case 3: vmoon_console_set_open(r->vd, port, arg & 1); break;
	case 4:
		/* The terminal is each host's own: a twin has another. */
		r->is_resized = true;
		vmoon_console_resize(r->vd, 0, (uint16_t)(arg & 0xffff),
				     (uint16_t)(what & 0xff));
		break;
	default:
		VMOON_IGNORE(vmoon_console_receive(r->vd, port, typed,
						   arg % sizeof(typed)));
		break;
	}
}

void op_rig_host(struct op_rig *r, unsigned what, unsigned arg)
{
	if (r->kind == OP_BLK)
		host_blk(r, what, arg);
	else if (r->kind == OP_CONSOLE)
		host_console(r, what, arg);
	else
		r->is_source_failing = what & 1;
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
	r->mem.log.flips = false;
	if (r->disk != NULL)
		vmoon_array_disk_clear_faults(r->disk);
	/* Neither a pause of the source nor a limit is in the way. */
	vmoon_driver_advance(r->driver, UINT64_C(10000000000));
	if (vmoon_driver_probe(r->driver, 0, RING, NULL) != VMOON_OK)
		return false;
	r->is_probed = true;
	r->is_tainted = false;
	if (r->kind == OP_BLK)
		return serves_blk(r);
	if (r->kind == OP_RNG)
		return vmoon_driver_rng_read(r->driver, &byte, 1) == 1;
	return vmoon_driver_port_send(r->driver, 0, "x", 1) &&
	       r->out_bytes == out_bytes + 1;
}
