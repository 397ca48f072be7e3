/* SPDX-License-Identifier: MIT */
/*
 * rng.c - entropy for the guest; TUTORIAL.md walks through it.
 *
 * The driver posts empty buffers, the device fills them with random bytes and
 * gives them back. Spec: VIRTIO 1.2, 5.4.
 */
#include "rng.h"

#include "vmoon/bucket.h"

#include <assert.h>

enum { DEVICE_ID = 4, QUEUE_SIZE = 8, STATE_VERSION = 1 };
/* Of a request, however much it asks for: 5.4.6.2 lets us give less. */
enum { REQUEST_MAX = 64 * 1024, PIECE = 4096 };
/* How long a source that failed is left alone: the driver asks at once. */
#define PAUSE_NS UINT64_C(100000000)

struct rng {
	struct vmoon_virtio vd;
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_random random;
	struct vmoon_bucket bucket;
	struct vmoon_vq *vq; /* borrowed: NULL while no driver is there */
	uint64_t pause_until_ns;
	bool is_waiting; /* the next request was put back */
	struct vmoon_rng_stats stats;
	struct vmoon_seg segs[QUEUE_SIZE];
	unsigned char bytes[PIECE];
};

static struct rng *rng_of(struct vmoon_virtio *vd)
{
	return VMOON_CONTAINER_OF(vd, struct rng, vd);
}

static uint32_t min_u32(uint64_t a, uint32_t b)
{
	return a < b ? (uint32_t)a : b; /* which fits */
}

/* False when it has to wait: tick goes on. Without a timer nothing waits. */
static bool may_go(struct rng *rng, uint32_t want, uint64_t now_ns)
{
	const struct vmoon_timer *timer = &rng->vd.host.timer;
	const uint32_t least = min_u32(vmoon_bucket_step(&rng->bucket), want);
	uint64_t due_ns = rng->pause_until_ns;

	if (due_ns <= now_ns && vmoon_bucket_room(&rng->bucket, now_ns) < least)
		due_ns = vmoon_bucket_due(&rng->bucket, least);
	if (timer->set == NULL || due_ns <= now_ns)
		return true;
	timer->set(timer->ctx, due_ns);
	rng->stats.delayed += !rng->is_waiting;
	rng->is_waiting = true;
	return false;
}

/* Where the source fails, what was written stays. */
static void fill(struct rng *rng, struct vmoon_cursor *to, uint32_t len,
		 uint64_t now_ns)
{
	for (uint32_t n; len > 0; len -= n) { /* 16 times at most */
		n = min_u32(len, PIECE);
		if (!rng->random.fill(rng->random.ctx, rng->bytes, n)) {
			rng->stats.failures++;
			rng->pause_until_ns = now_ns + PAUSE_NS;
			return;
		}
		if (vmoon_cursor_write_exact(to, rng->bytes, n) != VMOON_OK)
			return; /* RAM was unplugged under it */
		rng->stats.bytes += n;
	}
}

/* False when the request has to wait and was put back. */
static bool answer(struct rng *rng, struct vmoon_chain *chain)
{
	const struct vmoon_virtio_host *host = &rng->vd.host;
	const uint64_t now_ns = host->clock.mono_ns(host->clock.ctx);
	uint32_t want = min_u32(chain->writable, REQUEST_MAX);
	struct vmoon_cursor to;

	if (chain->readable > 0 || want == 0 || /* 5.4.6.1 */
	    vmoon_chain_writer(chain, &to) != VMOON_OK) {
		vmoon_guest_fault(&host->faults, VMOON_GUEST_FAULT_REQUEST,
				  chain->head);
	} else if (!may_go(rng, want, now_ns)) {
		vmoon_vq_unpop(rng->vq, chain);
		return false;
	} else {
		want = min_u32(vmoon_bucket_room(&rng->bucket, now_ns), want);
		vmoon_bucket_spend(&rng->bucket, want);
		fill(rng, &to, want, now_ns);
		rng->is_waiting = false;
		rng->stats.requests++;
	}
	vmoon_vq_push(rng->vq, chain);
	return true;
}

static void rng_notify(struct vmoon_virtio *vd, unsigned queue)
{
	struct rng *rng = rng_of(vd);
	struct vmoon_chain chain;

	if (rng->vq == NULL || queue != 0)
		return;
	vmoon_chain_init(&chain, rng->segs, VMOON_COUNTOF(rng->segs));
	/* At most as often as the ring has entries: see vmoon_vq_pop. */
	while (vmoon_vq_pop(rng->vq, &chain) && answer(rng, &chain))
		continue;
}

static void rng_tick(struct vmoon_virtio *vd)
{
	vd->host.kick(vd->host.ctx, 0); /* calls notify */
}

static enum vmoon_status rng_activate(struct vmoon_virtio *vd,
				      uint64_t features,
				      struct vmoon_vq *const *queues)
{
	(void)features; /* it has none of its own */
	rng_of(vd)->vq = queues[0];
	return VMOON_OK;
}

static void rng_reset(struct vmoon_virtio *vd)
{
	rng_of(vd)->vq = NULL;
	rng_of(vd)->is_waiting = false;
	if (vd->host.timer.set != NULL)
		vd->host.timer.set(vd->host.timer.ctx, 0);
}

/* A request that waits is in the queue; limits are the host's. */
static void rng_save(const struct vmoon_virtio *vd,
		     struct vmoon_state_writer *w)
{
	vmoon_state_begin(w, vd->ops->type, STATE_VERSION);
}

static enum vmoon_status rng_load(struct vmoon_virtio *vd,
				  struct vmoon_state_reader *r,
				  struct vmoon_error *err)
{
	if (!vmoon_state_expect(r, vd->ops->type, STATE_VERSION))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "virtio-rng: the snapshot is cut short or "
				  "of another version");
	return VMOON_OK;
}

static void rng_destroy(struct vmoon_virtio *vd)
{
	vmoon_mem_free(rng_of(vd)->mem, rng_of(vd), sizeof(struct rng));
}

static const struct vmoon_virtio_ops rng_ops = {
	.type = "virtio-rng",
	.device_id = DEVICE_ID,
	.activate = rng_activate,
	.notify = rng_notify,
	.reset = rng_reset,
	.tick = rng_tick,
	.save = rng_save,
	.load = rng_load,
	.destroy = rng_destroy,
};

enum vmoon_status vmoon_rng_create(const struct vmoon_rng_config *cfg,
				   struct vmoon_virtio **out_vd,
				   struct vmoon_error *err)
{
	struct rng *rng;

	assert(cfg->random.fill != NULL);
	rng = vmoon_mem_alloc(cfg->mem, sizeof(*rng));
	if (rng == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "virtio-rng: out of memory");
	rng->mem = cfg->mem;
	rng->random = cfg->random;
	rng->stats.size = sizeof(rng->stats);
	vmoon_bucket_init(&rng->bucket, cfg->rate, cfg->burst, 0);
	rng->vd.ops = &rng_ops;
	rng->vd.queue_count = 1;
	rng->vd.queue_size = QUEUE_SIZE;
	*out_vd = &rng->vd;
	return VMOON_OK;
}

void vmoon_rng_stats(const struct vmoon_virtio *vd, struct vmoon_rng_stats *out)
{
	*out = VMOON_CONST_CONTAINER_OF(vd, struct rng, vd)->stats;
}
