/* SPDX-License-Identifier: MIT */
/*
 * bench_lua_virtio.c - requests a second of virtio devices in Lua, as a share
 * of what those in C do in the same run: scripts/devices/rng.lua and blk.lua
 * beside virtio/rng.c and blk.c, the mock driver on the other side. No guest,
 * no threads; run where the tree's root is.
 */
#include "bench/bench.h"
#include "bindings/ldvirtio.h"
#include "tests/support/array_disk.h"
#include "tests/support/vq_driver.h"
#include "virtio/blk.h"
#include "virtio/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmem.h"
#include "runtime/mem.h"

enum {
	RAM_BYTES = 4 << 20,
	DISK_BYTES = 4 << 20, /* what blk.lua has by default */
	DEPTH = 32,           /* requests in flight */
	ROUNDS = 100,
	REQUESTS = 1024 /* of a round: short, so that some are quiet */
};

struct rig {
	struct vmoon_gmem gm;
	struct vmoon_driver_host host;
	struct vmoon_device *dev;
	struct vmoon_driver *driver;
	unsigned char data[4096];
};

struct load {
	const char *name;
	uint32_t type, len;
	void (*batch)(struct rig *r, const struct load *load);
};

static bool fill(void *ctx, void *dst, size_t len)
{
	(void)ctx;
	memset(dst, 0x55, len);
	return true;
}

/* ---- a device and its driver ---- */

static void rig_init(struct rig *r, struct vmoon_virtio *take_vd)
{
	const struct vmoon_gmem_region ram = {0, RAM_BYTES, NULL};
	struct vmoon_virtio_mmio_config mmio;
	struct vmoon_driver_config cfg = {.gm = &r->gm,
					  .host = &r->host,
					  .heap = RAM_BYTES / 4,
					  .heap_bytes = RAM_BYTES / 2};

	must(vmoon_gmem_init_mapped(&r->gm, NULL, &ram, 1, NULL) == VMOON_OK);
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
	vmoon_gmem_fini(&r->gm);
}

static struct vmoon_virtio *make_lua(struct vmoon_mem *mem,
				     struct vmoon_watchdog *dog,
				     const char *path)
{
	const struct vmoon_ldobj_options opts = {
		.mem = mem,
		.watchdog = dog,
		.source = {.path = path},
		.budget_ns = UINT64_C(1000000000), /* a busy one's */
		.extend = vmoon_ldvirtio_extend};
	const struct vmoon_device_env env = {.size = sizeof(env), .mem = mem};
	struct vmoon_virtio_options virtio;
	struct vmoon_virtio *vd = NULL;
	struct vmoon_ldobj *obj;
	struct vmoon_error err;

	if (vmoon_ldobj_create(&opts, NULL, NULL, &obj, &err) != VMOON_OK) {
		fprintf(stderr, "%s\n", err.msg);
		abort();
	}
	vmoon_ldvirtio_options(obj, &virtio);
	must(virtio.make(virtio.ctx, &env, &vd, NULL) == VMOON_OK);
	vmoon_ldobj_destroy(obj); /* the device has it still */
	return vd;
}

static struct vmoon_virtio *make_blk(struct rig *r)
{
	const struct vmoon_array_disk_config disk = {.size_bytes = DISK_BYTES,
						     .has_write_cache = true};
	struct vmoon_blk_config blk = {.queues = 1,
				       .has_flush = true,
				       .limits = {.size = sizeof(blk.limits)}};
	struct vmoon_virtio *vd;

	must(vmoon_array_disk_create(&disk, &blk.take_backend, NULL) ==
	     VMOON_OK);
	r->host.work = vmoon_array_disk_work;
	r->host.work_ctx = blk.take_backend;
	must(vmoon_blk_create(&blk, &vd, NULL) == VMOON_OK);
	return vd;
}

static struct vmoon_virtio *make_rng(void)
{
	const struct vmoon_rng_config rng = {.random = {fill, NULL}};
	struct vmoon_virtio *vd;

	must(vmoon_rng_create(&rng, &vd, NULL) == VMOON_OK);
	return vd;
}

/* ---- what is measured ---- */

/* DEPTH of them together, one kick for all. */
static void blk_batch(struct rig *r, const struct load *load)
{
	struct vmoon_driver_blk b[DEPTH];

	for (unsigned i = 0; i < DEPTH; i++) {
		b[i] = (struct vmoon_driver_blk){
			.type = load->type,
			.sector = load->len > 0 ? i * 8u : 0,
			.len = load->len};
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

static void rng_batch(struct rig *r, const struct load *load)
{
	for (unsigned i = 0; i < DEPTH; i++)
		must(vmoon_driver_rng_read(r->driver, r->data, load->len) ==
		     load->len);
	vmoon_driver_interrupt(r->driver);
}

/* Nanoseconds of a request in one round. */
static double round_of(struct rig *r, const struct load *load)
{
	const double start = now_ns();

	for (unsigned i = 0; i < REQUESTS / DEPTH; i++)
		load->batch(r, load);
	return (now_ns() - start) / REQUESTS;
}

/*
 * Both in turns, so that what disturbs the machine disturbs both; the best
 * round of each: what disturbs a round only ever makes it slower.
 */
static void compare(struct rig *c, struct rig *lua, const struct load *load)
{
	double best_c = 1e300, best_lua = 1e300;

	for (unsigned i = 0; i < ROUNDS; i++) {
		const double ns_c = round_of(c, load);
		const double ns_lua = round_of(lua, load);

		best_c = ns_c < best_c ? ns_c : best_c;
		best_lua = ns_lua < best_lua ? ns_lua : best_lua;
	}
	printf("Lua: %-35s | %8.2f | %-4s | budget at least 0.50; C %.0f ns, "
	       "Lua %.0f ns\n",
	       load->name, best_c / best_lua, "of C", best_c, best_lua);
}

int main(void)
{
	static const struct load blk[] = {
		{"blk read 512", VMOON_DRIVER_BLK_IN, 512, blk_batch},
		{"blk read 4096", VMOON_DRIVER_BLK_IN, 4096, blk_batch},
		{"blk write 512", VMOON_DRIVER_BLK_OUT, 512, blk_batch},
		{"blk write 4096", VMOON_DRIVER_BLK_OUT, 4096, blk_batch},
		{"blk flush", VMOON_DRIVER_BLK_FLUSH, 0, blk_batch},
	};
	static const struct load rng[] = {
		{"rng read 16", 0, 16, rng_batch},
		{"rng read 64", 0, 64, rng_batch},
	};
	static struct rig c, lua;
	struct heap heap = {0};
	const struct vmoon_allocator a = {
		.size = sizeof(a), .realloc = count_resize, .ctx = &heap};
	struct vmoon_watchdog *dog;
	struct vmoon_mem mem;
	size_t calls;

	vmoon_mem_init(&mem, &a);
	must(vmoon_watchdog_create(NULL, &dog, NULL) == VMOON_OK);
	memset(c.data, 0xa5, sizeof(c.data));
	memset(lua.data, 0xa5, sizeof(lua.data));
	rig_init(&c, make_blk(&c));
	rig_init(&lua, make_lua(&mem, dog, "scripts/devices/blk.lua"));
	calls = heap.calls;
	for (size_t i = 0; i < VMOON_COUNTOF(blk); i++)
		compare(&c, &lua, &blk[i]);
	calls = heap.calls - calls;
	rig_fini(&c);
	rig_fini(&lua);
	c.host = lua.host = (struct vmoon_driver_host){0};
	rig_init(&c, make_rng());
	rig_init(&lua, make_lua(&mem, dog, "scripts/devices/rng.lua"));
	calls -= heap.calls;
	for (size_t i = 0; i < VMOON_COUNTOF(rng); i++)
		compare(&c, &lua, &rng[i]);
	calls += heap.calls;
	rig_fini(&c);
	rig_fini(&lua);
	printf("%-40s | %8zu | %-4s | budget 0\n",
	       "Lua: calls of the host's heap in all", calls, "");
	vmoon_watchdog_destroy(dog);
	return 0;
}
