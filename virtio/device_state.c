/* SPDX-License-Identifier: MIT */
/*
 * device_state.c - snapshots of a virtio device, whatever carries it.
 *
 * A section holds what the driver said, the configuration as the driver may
 * have read it, the indices of live queues, and then what the device itself
 * has to keep. Statistics are not part of it. A reset that waits for the host
 * is saved as complete: what it waits for is not there where this is loaded.
 */
#include "device.h"

#include <string.h>

enum {
	STATE_VERSION = 1,
	ISR_MASK = VMOON_VDEV_ISR_USED | VMOON_VDEV_ISR_CONFIG
};

static void save_queue(const struct vmoon_vq_setup *s,
		       struct vmoon_state_writer *w)
{
	vmoon_state_put(w, s->size, 2);
	vmoon_state_put(w, s->is_ready, 1);
	for (unsigned i = 0; i < VMOON_COUNTOF(s->part); i++)
		vmoon_state_put(w, s->part[i], 8);
}

void vmoon_vdev_save(const struct vmoon_vdev *v, struct vmoon_state_writer *w)
{
	const struct vmoon_vdev_regs reset = {.generation = v->regs.generation};
	const struct vmoon_vdev_regs *r = v->is_waiting ? &reset : &v->regs;

	vmoon_state_begin(w, "virtio", STATE_VERSION);
	vmoon_state_put(w, v->vd->ops->device_id, 4);
	vmoon_state_put(w, v->vd->queue_count, 2);
	vmoon_state_put(w, v->vd->config_len, 2);
	vmoon_state_put(w, r->status, 1);
	vmoon_state_put(w, r->isr, 1);
	vmoon_state_put(w, r->driver_features, 8);
	vmoon_state_put(w, r->device_page, 4);
	vmoon_state_put(w, r->driver_page, 4);
	vmoon_state_put(w, r->queue, 4);
	vmoon_state_put(w, r->generation, 4);
	if (v->vd->config_len > 0)
		vmoon_state_put_bytes(w, v->vd->config, v->vd->config_len);
	for (unsigned i = 0; i < v->vd->queue_count; i++) {
		struct vmoon_vq_setup setup = v->queues[i].setup;

		if (v->is_waiting)
			vmoon_vq_setup_reset(&setup);
		save_queue(&setup, w);
	}
	for (unsigned i = 0; vmoon_vdev_can_serve(v) && i < v->vd->queue_count;
	     i++)
		if (v->live[i] != NULL)
			vmoon_vq_save(v->live[i], w);
	v->vd->ops->save(v->vd, w);
}

/* What a snapshot says; believed only when all of it was looked at. */
struct image {
	struct vmoon_vdev_regs regs;
	struct vmoon_vq_setup setups[VMOON_VIRTIO_QUEUES_MAX];
	unsigned char config[VMOON_VIRTIO_CONFIG_MAX];
};

static bool get_queue(struct vmoon_state_reader *r,
		      const struct vmoon_vdev_queue *q,
		      struct vmoon_vq_setup *out)
{
	bool is_ok;

	*out = q->setup;
	vmoon_vq_setup_reset(out);
	is_ok = vmoon_vq_setup_set_size(out, (uint32_t)vmoon_state_get(r, 2));
	out->is_ready = vmoon_state_get(r, 1) != 0;
	for (unsigned i = 0; i < VMOON_COUNTOF(out->part); i++)
		is_ok &= vmoon_vq_setup_set_part(out, (enum vmoon_vq_part)i,
						 vmoon_state_get(r, 8));
	return is_ok;
}

static void get_regs(struct vmoon_state_reader *r, struct vmoon_vdev_regs *out)
{
	out->status = (uint8_t)vmoon_state_get(r, 1);
	out->isr = (uint8_t)vmoon_state_get(r, 1);
	out->driver_features = vmoon_state_get(r, 8);
	out->device_page = (uint32_t)vmoon_state_get(r, 4);
	out->driver_page = (uint32_t)vmoon_state_get(r, 4);
	out->queue = (uint32_t)vmoon_state_get(r, 4);
	out->generation = (uint32_t)vmoon_state_get(r, 4);
}

/* False for what no run of this device can have come to. */
static bool are_regs_ok(const struct vmoon_vdev *v,
			const struct vmoon_vdev_regs *r)
{
	const unsigned gone = VMOON_VDEV_NEEDS_RESET | VMOON_VDEV_FAILED;
	const unsigned at = r->status & ~gone;

	if (at != 0 && at != VMOON_VDEV_AT_ACK && at != VMOON_VDEV_AT_DRIVER &&
	    at != VMOON_VDEV_AT_FEATURES && at != VMOON_VDEV_AT_LIVE)
		return false;
	if (at != VMOON_VDEV_AT_LIVE &&
	    ((r->status & VMOON_VDEV_NEEDS_RESET) != 0 || r->isr != 0))
		return false;
	if (at >= VMOON_VDEV_AT_FEATURES &&
	    !vmoon_vdev_are_features_ok(v, r->driver_features))
		return false;
	return (r->isr & ~(unsigned)ISR_MASK) == 0 &&
	       r->queue <= VMOON_VDEV_NO_QUEUE;
}

static bool get_image(const struct vmoon_vdev *v, struct vmoon_state_reader *r,
		      struct image *out)
{
	bool is_ok = vmoon_state_expect(r, "virtio", STATE_VERSION);

	is_ok &= vmoon_state_get(r, 4) == v->vd->ops->device_id;
	is_ok &= vmoon_state_get(r, 2) == v->vd->queue_count;
	is_ok &= vmoon_state_get(r, 2) == v->vd->config_len;
	if (!is_ok)
		return false;
	get_regs(r, &out->regs);
	vmoon_state_get_bytes(r, out->config, v->vd->config_len);
	for (unsigned i = 0; i < v->vd->queue_count; i++)
		is_ok &= get_queue(r, &v->queues[i], &out->setups[i]);
	return is_ok && !r->is_bad && are_regs_ok(v, &out->regs);
}

static enum vmoon_status load_queues(struct vmoon_vdev *v,
				     const struct image *image,
				     struct vmoon_state_reader *r,
				     struct vmoon_error *err)
{
	enum vmoon_status status = VMOON_OK;

	if (!vmoon_vdev_start_queues(v, image->setups,
				     image->regs.driver_features))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "%s: a queue of the snapshot is not in RAM; "
				  "restore it with the memory it was taken "
				  "with",
				  v->vd->ops->type);
	for (unsigned i = 0; i < v->vd->queue_count; i++)
		if (status == VMOON_OK && v->live[i] != NULL)
			status = vmoon_vq_load(v->live[i], r, err);
	return status;
}

static void adopt(struct vmoon_vdev *v, const struct image *image)
{
	v->regs = image->regs;
	for (unsigned i = 0; i < v->vd->queue_count; i++)
		v->queues[i].setup = image->setups[i];
	if (v->regs.status == VMOON_VDEV_AT_LIVE)
		vmoon_vdev_activate(v);
	/*
	 * The configuration is the host's of now, and what the device has
	 * loaded: where the driver knew another one it is told.
	 */
	if (v->vd->config_len > 0 &&
	    memcmp(image->config, v->vd->config, v->vd->config_len) != 0)
		vmoon_vdev_config_changed(v);
}

enum vmoon_status vmoon_vdev_load(struct vmoon_vdev *v,
				  struct vmoon_state_reader *r,
				  struct vmoon_error *err)
{
	struct image image = {0};
	enum vmoon_status status = VMOON_OK;

	if ((v->regs.status & VMOON_VDEV_DRIVER_OK) != 0 || v->is_resetting)
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "%s: the device is in use; reset it before "
				  "a snapshot is loaded",
				  v->vd->ops->type);
	if (!get_image(v, r, &image))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "%s: the snapshot is of another device or "
				  "version, or damaged; take a new snapshot",
				  v->vd->ops->type);
	if (image.regs.status == VMOON_VDEV_AT_LIVE)
		status = load_queues(v, &image, r, err);
	if (status == VMOON_OK)
		status = v->vd->ops->load(v->vd, r, err);
	if (status != VMOON_OK) {
		vmoon_vdev_stop_queues(v);
		return status;
	}
	adopt(v, &image);
	return VMOON_OK;
}
