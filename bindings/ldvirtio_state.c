/* SPDX-License-Identifier: MIT */
/*
 * ldvirtio_state.c - a virtio device in Lua in snapshots: its configuration,
 * and which requests it has. Of these only the heads are kept: where a snapshot
 * is loaded their hooks get them once more, as they were when they came.
 */
#include <string.h>

#include "ldvirtio_parts.h"

enum { STATE_VERSION = 1 };

/* ---- in the order they came ---- */

static bool is_in_flight(const struct vmoon_ldbuf *buf)
{
	return buf->state == VMOON_LDBUF_HELD ||
	       buf->state == VMOON_LDBUF_LOADED;
}

/* The first that came after the serial, or NULL. */
static const struct vmoon_ldbuf *next_of(const struct vmoon_ldvirtio *v,
					 uint64_t serial)
{
	const struct vmoon_ldbuf *best = NULL;

	for (unsigned i = 0; i < v->vd.queue_count; i++)
		for (unsigned k = 0; k < VMOON_LDVIRTIO_BUFFERS; k++) {
			const struct vmoon_ldbuf *buf = &v->queues[i].bufs[k];

			if (is_in_flight(buf) && buf->serial > serial &&
			    (best == NULL || buf->serial < best->serial))
				best = buf;
		}
	return best;
}

/* Its chain, as the driver has it now; false: it has none any more. */
static bool fetch(struct vmoon_ldvirtio *v, struct vmoon_ldbuf *buf)
{
	struct vmoon_ldqueue *q = &v->queues[buf->queue];
	const uint16_t head = buf->chain.head;

	vmoon_chain_init(&buf->chain, buf->segs, VMOON_LDVIRTIO_SEGS);
	if (q->vq != NULL && vmoon_vq_pop_again(q->vq, head, &buf->chain))
		return true;
	buf->state = VMOON_LDBUF_FREE;
	q->free |= UINT64_C(1) << (buf - q->bufs);
	return false;
}

void vmoon_ldvirtio_begin_again(struct vmoon_ldvirtio *v)
{
	const uint64_t last = v->serial; /* what comes meanwhile is new */
	const struct vmoon_ldbuf *at = next_of(v, 0);

	while (at != NULL && at->serial <= last) { /* each one once */
		const uint64_t serial = at->serial;
		struct vmoon_ldbuf *buf =
			&v->queues[at->queue]
				 .bufs[at - v->queues[at->queue].bufs];

		if (buf->state == VMOON_LDBUF_HELD || fetch(v, buf))
			vmoon_ldvirtio_run(v, buf);
		at = next_of(v, serial);
	}
}

/* ---- save ---- */

void vmoon_ldvirtio_save(const struct vmoon_virtio *vd,
			 struct vmoon_state_writer *w)
{
	const struct vmoon_ldvirtio *v =
		VMOON_CONST_CONTAINER_OF(vd, struct vmoon_ldvirtio, vd);
	const struct vmoon_ldbuf *buf;
	unsigned count = 0;

	for (buf = next_of(v, 0); buf != NULL; buf = next_of(v, buf->serial))
		count++;
	vmoon_state_begin(w, VMOON_LDVIRTIO_TYPE, STATE_VERSION);
	vmoon_state_put(w, vd->config_len, 2);
	vmoon_state_put_bytes(w, v->config, vd->config_len);
	vmoon_state_put(w, count, 2); /* of 16 queues, 64 each */
	for (buf = next_of(v, 0); buf != NULL; buf = next_of(v, buf->serial)) {
		vmoon_state_put(w, buf->queue, 1);
		vmoon_state_put(w, buf->chain.head, 2);
	}
	vmoon_ldobj_save(v->obj, w);
}

/* ---- load ---- */

struct image {
	unsigned char config[VMOON_VIRTIO_CONFIG_MAX];
	unsigned count;
	struct {
		uint8_t queue;
		uint16_t head;
	} held[VMOON_LDSPEC_QUEUES_MAX * VMOON_LDVIRTIO_BUFFERS];
};

/* A request is in flight once, or its second end would be another's. */
static bool is_twice(const struct image *image, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (image->held[k].queue == image->held[i].queue &&
		    image->held[k].head == image->held[i].head)
			return true;
	return false;
}

static bool read_image(const struct vmoon_virtio *vd,
		       struct vmoon_state_reader *r, struct image *out)
{
	unsigned of_queue[VMOON_LDSPEC_QUEUES_MAX] = {0};
	uint64_t count;

	if (!vmoon_state_expect(r, VMOON_LDVIRTIO_TYPE, STATE_VERSION) ||
	    vmoon_state_get(r, 2) != vd->config_len)
		return false;
	vmoon_state_get_bytes(r, out->config, vd->config_len);
	count = vmoon_state_get(r, 2);
	if (count > VMOON_COUNTOF(out->held))
		return false;
	out->count = (unsigned)count;
	for (unsigned i = 0; i < out->count; i++) {
		out->held[i].queue = (uint8_t)vmoon_state_get(r, 1);
		out->held[i].head = (uint16_t)vmoon_state_get(r, 2);
		if (r->is_bad || out->held[i].queue >= vd->queue_count ||
		    ++of_queue[out->held[i].queue] > VMOON_LDVIRTIO_BUFFERS ||
		    is_twice(out, i))
			return false;
	}
	return !r->is_bad;
}

static void adopt(struct vmoon_ldvirtio *v, const struct image *image)
{
	unsigned used[VMOON_LDSPEC_QUEUES_MAX] = {0};

	vmoon_ldvirtio_forget(v);
	memcpy(v->config, image->config, v->vd.config_len);
	for (unsigned i = 0; i < image->count; i++) {
		const unsigned queue = image->held[i].queue;
		const unsigned at = used[queue]++;

		vmoon_ldvirtio_take(v, queue, at);
		v->queues[queue].bufs[at].state = VMOON_LDBUF_LOADED;
		v->queues[queue].bufs[at].chain.head = image->held[i].head;
	}
}

enum vmoon_status vmoon_ldvirtio_load(struct vmoon_virtio *vd,
				      struct vmoon_state_reader *r,
				      struct vmoon_error *err)
{
	struct vmoon_ldvirtio *v = vmoon_ldvirtio_of(vd);
	struct image image = {.count = 0};
	enum vmoon_status st;

	if (!read_image(vd, r, &image))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "device '%s': the snapshot is cut short, or "
				  "of another device; take a new snapshot",
				  vmoon_ldobj_name(v->obj));
	st = vmoon_ldobj_load(v->obj, r, err);
	if (st == VMOON_OK)
		adopt(v, &image);
	return st;
}
