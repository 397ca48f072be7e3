/* SPDX-License-Identifier: MIT */
/*
 * blk.c - a disk: what it is and what the transport and the host ask of it.
 *
 * Not modelled: a write cache that the driver switches (CONFIG_WCE), a limit
 * of a buffer's size (SIZE_MAX: payload is never copied), geometry.
 *
 * Spec: VIRTIO 1.2, 5.2.
 */
#include "blk.h"

#include "blk_run.h"
#include "vmoon/le.h"
#include "vq.h"

#include <assert.h>
#include <string.h>

enum { DEVICE_ID = 2, STATE_VERSION = 1 };

#define F_SEG_MAX (UINT64_C(1) << 2)
#define F_BLK_SIZE (UINT64_C(1) << 6)
#define F_TOPOLOGY (UINT64_C(1) << 10)
#define F_MQ (UINT64_C(1) << 12)

/* 5.2.4; what no feature explains stays 0. */
enum {
	CONFIG_CAPACITY = 0,
	CONFIG_SEG_MAX = 12,
	CONFIG_BLK_SIZE = 20,
	CONFIG_PHYSICAL_EXP = 24,
	CONFIG_MIN_IO = 26,
	CONFIG_WRITEBACK = 32,
	CONFIG_NUM_QUEUES = 34,
	CONFIG_DISCARD_SECTORS = 36,
	CONFIG_DISCARD_SEG = 40,
	CONFIG_DISCARD_ALIGNMENT = 44,
	CONFIG_ZEROES_SECTORS = 48,
	CONFIG_ZEROES_SEG = 52,
	CONFIG_ZEROES_MAY_UNMAP = 56
};

/* A page of the host: less of it can only be written after it was read. */
enum { PAGE_EXP = 3, PAGE_SECTORS = 1 << PAGE_EXP };

static struct vmoon_blk *blk_of(struct vmoon_virtio *vd)
{
	return VMOON_CONTAINER_OF(vd, struct vmoon_blk, vd);
}

static const struct vmoon_blk *const_blk_of(const struct vmoon_virtio *vd)
{
	return VMOON_CONST_CONTAINER_OF(vd, struct vmoon_blk, vd);
}

/* ---- the configuration ---- */

/* False: it says so already. */
static bool put_capacity(struct vmoon_blk *b)
{
	unsigned char now[8];

	vmoon_le64_store(now, vmoon_blk_disk_bytes(b) / VMOON_BLK_SECTOR);
	if (memcmp(b->config + CONFIG_CAPACITY, now, sizeof(now)) == 0)
		return false;
	memcpy(b->config + CONFIG_CAPACITY, now, sizeof(now));
	return true;
}

static void put_config(struct vmoon_blk *b)
{
	unsigned char *c = b->config;

	VMOON_IGNORE(put_capacity(b));
	vmoon_le32_store(c + CONFIG_SEG_MAX, VMOON_BLK_DATA_SEGS);
	vmoon_le32_store(c + CONFIG_BLK_SIZE, VMOON_BLK_SECTOR);
	c[CONFIG_PHYSICAL_EXP] = PAGE_EXP;
	vmoon_le16_store(c + CONFIG_MIN_IO, PAGE_SECTORS);
	c[CONFIG_WRITEBACK] = (b->vd.features & VMOON_BLK_F_FLUSH) != 0;
	vmoon_le16_store(c + CONFIG_NUM_QUEUES, (uint16_t)b->vd.queue_count);
	if ((b->vd.features & VMOON_BLK_F_DISCARD) != 0) {
		vmoon_le32_store(c + CONFIG_DISCARD_SECTORS,
				 VMOON_BLK_DISCARD_SECTORS_MAX);
		vmoon_le32_store(c + CONFIG_DISCARD_SEG, VMOON_BLK_RANGES_MAX);
		vmoon_le32_store(c + CONFIG_DISCARD_ALIGNMENT, PAGE_SECTORS);
	}
	if ((b->vd.features & VMOON_BLK_F_WRITE_ZEROES) != 0) {
		vmoon_le32_store(c + CONFIG_ZEROES_SECTORS,
				 VMOON_BLK_ZEROES_SECTORS_MAX);
		vmoon_le32_store(c + CONFIG_ZEROES_SEG, VMOON_BLK_RANGES_MAX);
		c[CONFIG_ZEROES_MAY_UNMAP] = b->disk->can_discard;
	}
}

static uint64_t features_of(const struct vmoon_blk_config *cfg)
{
	const struct vmoon_block *disk = cfg->take_backend;
	uint64_t f = F_SEG_MAX | F_BLK_SIZE | F_TOPOLOGY;

	f |= cfg->queues > 1 ? F_MQ : 0;
	f |= cfg->has_flush ? VMOON_BLK_F_FLUSH : 0;
	if (cfg->is_readonly || disk->is_readonly)
		return f | VMOON_BLK_F_RO;
	f |= disk->can_discard ? VMOON_BLK_F_DISCARD : 0;
	return f | VMOON_BLK_F_WRITE_ZEROES;
}

/* ---- what the transport asks ---- */

static enum vmoon_status blk_activate(struct vmoon_virtio *vd,
				      uint64_t features,
				      struct vmoon_vq *const *queues)
{
	struct vmoon_blk *b = blk_of(vd);

	b->features = features;
	for (unsigned i = 0; i < vd->queue_count; i++)
		b->queues[i] = queues[i];
	vmoon_blk_resized(vd); /* a snapshot may have been of another size */
	vmoon_blk_begin_loaded(b);
	for (unsigned i = 0; i < vd->queue_count; i++)
		if (queues[i] != NULL)
			vmoon_vq_signal(queues[i]);
	return VMOON_OK;
}

static void blk_notify(struct vmoon_virtio *vd, unsigned queue)
{
	vmoon_blk_serve(blk_of(vd), queue);
}

static void blk_tick(struct vmoon_virtio *vd)
{
	vmoon_blk_kick_line(blk_of(vd));
}

/* The backend is done with the requests, which lie in the pool. */
static void end_reset(struct vmoon_blk *b)
{
	b->is_draining = false;
	vmoon_blk_forget(b);
	memset(b->queues, 0, sizeof(b->queues));
	b->features = 0;
}

static void blk_reset(struct vmoon_virtio *vd)
{
	struct vmoon_blk *b = blk_of(vd);

	b->is_draining = !b->disk->ops->drain(b->disk);
	if (b->is_draining)
		vd->host.reset_waits(vd->host.ctx);
	else
		end_reset(b);
}

/* The backend calls it. */
static void on_drained(void *ctx)
{
	struct vmoon_blk *b = ctx;

	end_reset(b);
	b->vd.host.reset_done(b->vd.host.ctx);
}

static bool is_saved(const struct vmoon_blk *b, const struct vmoon_blk_job *r)
{
	return r->state != VMOON_BLK_FREE && !b->is_draining;
}

/* What is in flight, by its heads: the ring has all the rest. */
static void blk_save(const struct vmoon_virtio *vd,
		     struct vmoon_state_writer *w)
{
	const struct vmoon_blk *b = const_blk_of(vd);
	unsigned count = 0;

	for (unsigned i = 0; i < b->touched; i++)
		count += is_saved(b, &b->pool[i]);
	vmoon_state_begin(w, vd->ops->type, STATE_VERSION);
	vmoon_state_put(w, b->has_lost_write && !b->is_draining, 1);
	vmoon_state_put(w, count, 2);
	for (unsigned i = 0; i < b->touched; i++) {
		if (!is_saved(b, &b->pool[i]))
			continue;
		vmoon_state_put(w, b->pool[i].queue, 1);
		vmoon_state_put(w, b->pool[i].head, 2);
	}
}

/* The heads behind r are those that some run of this disk can have. */
static bool heads_ok(const struct vmoon_blk *b, struct vmoon_state_reader r,
		     unsigned count)
{
	uint8_t seen[VMOON_BLK_QUEUES_MAX][VMOON_BLK_QUEUE_SIZE / 8] = {{0}};

	if (count > VMOON_BLK_POOL)
		return false;
	for (unsigned i = 0; i < count; i++) {
		const unsigned queue = (unsigned)vmoon_state_get(&r, 1);
		const unsigned head = (unsigned)vmoon_state_get(&r, 2);
		const uint8_t bit = (uint8_t)(1u << head % 8);

		if (r.is_bad || queue >= b->vd.queue_count ||
		    head >= VMOON_BLK_QUEUE_SIZE ||
		    (seen[queue][head / 8] & bit) != 0)
			return false;
		seen[queue][head / 8] |= bit;
	}
	return true;
}

static enum vmoon_status blk_load(struct vmoon_virtio *vd,
				  struct vmoon_state_reader *r,
				  struct vmoon_error *err)
{
	struct vmoon_blk *b = blk_of(vd);
	bool has_lost_write = false;
	unsigned count = 0;

	if (vmoon_state_expect(r, vd->ops->type, STATE_VERSION)) {
		has_lost_write = vmoon_state_get(r, 1) != 0;
		count = (unsigned)vmoon_state_get(r, 2);
	}
	if (r->is_bad || !heads_ok(b, *r, count))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "virtio-blk: the snapshot is cut short, of "
				  "another version or has requests that this "
				  "disk cannot have; take a new snapshot");
	if (b->is_draining || !b->disk->ops->drain(b->disk))
		return vmoon_fail(
			err, VMOON_E_STATE, 0,
			"virtio-blk: the host is not done with the "
			"requests of before; load the snapshot later");
	vmoon_blk_forget(b);
	b->has_lost_write = has_lost_write;
	for (unsigned i = 0; i < count; i++) {
		const unsigned queue = (unsigned)vmoon_state_get(r, 1);
		struct vmoon_blk_job *q =
			vmoon_blk_take_job(b, queue, VMOON_BLK_LOADED);

		assert(q != NULL); /* count was looked at */
		q->head = (uint16_t)vmoon_state_get(r, 2);
	}
	return VMOON_OK;
}

static void blk_destroy(struct vmoon_virtio *vd)
{
	struct vmoon_blk *b = blk_of(vd);

	b->disk->ops->destroy(b->disk);
	vmoon_mem_free(b->mem, b->pool, VMOON_BLK_POOL * sizeof(*b->pool));
	vmoon_mem_free(b->mem, b, sizeof(*b));
}

static const struct vmoon_virtio_ops blk_ops = {
	.type = "virtio-blk",
	.device_id = DEVICE_ID,
	.activate = blk_activate,
	.notify = blk_notify,
	.reset = blk_reset,
	.tick = blk_tick,
	.save = blk_save,
	.load = blk_load,
	.destroy = blk_destroy,
};

static enum vmoon_status check(const struct vmoon_blk_config *cfg,
			       struct vmoon_error *err)
{
	if (cfg->queues == 0 || cfg->queues > VMOON_BLK_QUEUES_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "virtio-blk: a disk has 1 to %d queues",
				  VMOON_BLK_QUEUES_MAX);
	if (cfg->id != NULL && strlen(cfg->id) > VMOON_BLK_ID_BYTES)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "virtio-blk: an id has at most %d bytes",
				  VMOON_BLK_ID_BYTES);
	if (!vmoon_blk_limits_ok(&cfg->limits))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "virtio-blk: a limit is out of range");
	return VMOON_OK;
}

enum vmoon_status vmoon_blk_create(const struct vmoon_blk_config *cfg,
				   struct vmoon_virtio **out_vd,
				   struct vmoon_error *err)
{
	struct vmoon_block *disk = cfg->take_backend;
	enum vmoon_status st = check(cfg, err);
	struct vmoon_blk *b;

	if (st != VMOON_OK)
		goto err_disk;
	st = VMOON_E_NOMEM;
	b = vmoon_mem_alloc(cfg->mem, sizeof(*b));
	if (b == NULL)
		goto err_memory;
	b->pool = vmoon_mem_alloc_array(cfg->mem, VMOON_BLK_POOL,
					sizeof(*b->pool));
	if (b->pool == NULL)
		goto err_blk;
	b->vd = (struct vmoon_virtio){
		.ops = &blk_ops,
		.features = features_of(cfg),
		.config = b->config,
		.config_len = VMOON_BLK_CONFIG_BYTES,
		.queue_count = (uint16_t)cfg->queues,
		.queue_size = VMOON_BLK_QUEUE_SIZE,
	};
	b->mem = cfg->mem;
	b->disk = disk;
	disk->drained = on_drained;
	disk->drained_ctx = b;
	if (cfg->id != NULL)
		memcpy(b->id, cfg->id, strlen(cfg->id));
	put_config(b);
	vmoon_blk_limit_init(&b->limit, &cfg->limits, 0);
	*out_vd = &b->vd;
	return VMOON_OK;

err_blk:
	vmoon_mem_free(cfg->mem, b, sizeof(*b));
err_memory:
	st = vmoon_fail(err, st, 0, "virtio-blk: out of memory");
err_disk:
	disk->ops->destroy(disk);
	return st;
}

/* ---- what the host asks ---- */

void vmoon_blk_resized(struct vmoon_virtio *vd)
{
	if (put_capacity(blk_of(vd)) && vd->host.config_changed != NULL)
		vd->host.config_changed(vd->host.ctx);
}

void vmoon_blk_set_limits(struct vmoon_virtio *vd,
			  const struct vmoon_disk_limits *limits)
{
	struct vmoon_blk *b = blk_of(vd);
	const struct vmoon_clock *clock = &vd->host.clock;
	const uint64_t now_ns =
		clock->mono_ns == NULL ? 0 : clock->mono_ns(clock->ctx);

	assert(vmoon_blk_limits_ok(limits));
	vmoon_blk_limit_change(&b->limit, limits, now_ns);
	vmoon_blk_kick_line(b);
}

void vmoon_blk_stats(const struct vmoon_virtio *vd,
		     struct vmoon_disk_stats *out)
{
	const struct vmoon_blk *b = const_blk_of(vd);
	const size_t size = out->size;

	*out = b->stats;
	out->size = size;
	out->size_bytes = vmoon_blk_disk_bytes(b);
}

struct vmoon_block *vmoon_blk_backend(struct vmoon_virtio *vd)
{
	return blk_of(vd)->disk;
}
