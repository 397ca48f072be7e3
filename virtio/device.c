/* SPDX-License-Identifier: MIT */
/*
 * device.c - status, features, queues and life of a virtio device.
 *
 * Not modelled: legacy and transitional drivers, queue reset (RING_RESET is
 * not offered), shared memory regions, notification data.
 *
 * Spec: VIRTIO 1.2, sections 2.1 to 2.6 and 3.1.
 */
#include "device.h"

#include <assert.h>
#include <string.h>

enum { STATUS_MAX = 0xff };

#define OFFERED                                                    \
	(VMOON_VIRTIO_F_INDIRECT_DESC | VMOON_VIRTIO_F_EVENT_IDX | \
	 VMOON_VIRTIO_F_VERSION_1)
/* Bits 0 to 23 and 50 to 63 (2.2). */
#define DEVICE_FEATURES UINT64_C(0xfffc000000ffffff)

static bool has(const struct vmoon_vdev *v, unsigned bits)
{
	return (v->regs.status & bits) != 0;
}

/* A driver is there that was not given up by either side. */
bool vmoon_vdev_can_serve(const struct vmoon_vdev *v)
{
	return v->is_live && !v->is_resetting &&
	       v->regs.status == VMOON_VDEV_AT_LIVE;
}

static void tell_driver(struct vmoon_vdev *v, unsigned isr, uint32_t vector)
{
	v->regs.isr |= (uint8_t)isr;
	v->interrupts++;
	v->cfg.interrupt(v->cfg.ctx, vector);
}

void vmoon_vdev_stop_queues(struct vmoon_vdev *v)
{
	for (unsigned i = 0; i < v->vd->queue_count; i++) {
		vmoon_vq_stop(v->queues[i].vq);
		v->live[i] = NULL;
	}
}

/*
 * 2.1.2: without a driver there is nobody to be told. A device may look at its
 * queues by itself, so they stop; but not the broken one, which is calling and
 * gives nothing any more.
 */
static void give_up(struct vmoon_vdev *v)
{
	if (!has(v, VMOON_VDEV_DRIVER_OK) || has(v, VMOON_VDEV_NEEDS_RESET))
		return;
	v->regs.status |= VMOON_VDEV_NEEDS_RESET;
	v->needs_reset++;
	for (unsigned i = 0; i < v->vd->queue_count; i++)
		if (!vmoon_vq_is_broken(v->queues[i].vq))
			vmoon_vq_stop(v->queues[i].vq);
	tell_driver(v, VMOON_VDEV_ISR_CONFIG, VMOON_VDEV_CONFIG_VECTOR);
}

/* ---- what queues call ---- */

static void queue_interrupt(void *ctx)
{
	struct vmoon_vdev_queue *q = ctx;
	struct vmoon_vdev *v = q->vdev;

	if (v->is_live && !v->is_resetting)
		tell_driver(v, VMOON_VDEV_ISR_USED, (uint32_t)(q - v->queues));
}

static void queue_broken(void *ctx)
{
	struct vmoon_vdev_queue *q = ctx;

	give_up(q->vdev);
}

/* ---- what the device calls ---- */

static void host_kick(void *ctx, unsigned queue)
{
	struct vmoon_vdev *v = ctx;

	if (queue < v->vd->queue_count && vmoon_vdev_can_serve(v))
		v->cfg.kick(v->cfg.ctx, queue);
}

/* 2.5.2: each change is another generation, seen by a driver or not. */
void vmoon_vdev_config_changed(struct vmoon_vdev *v)
{
	v->regs.generation++;
	if (v->is_live && !v->is_resetting)
		tell_driver(v, VMOON_VDEV_ISR_CONFIG, VMOON_VDEV_CONFIG_VECTOR);
}

static void host_config_changed(void *ctx)
{
	vmoon_vdev_config_changed(ctx);
}

static void host_needs_reset(void *ctx)
{
	struct vmoon_vdev *v = ctx;

	if (!v->is_resetting)
		give_up(v);
}

static void hold(const struct vmoon_vdev *v, bool is_held)
{
	if (v->cfg.hold != NULL)
		v->cfg.hold(v->cfg.ctx, is_held);
}

static void host_reset_waits(void *ctx)
{
	struct vmoon_vdev *v = ctx;

	v->is_waiting = v->is_resetting;
}

static void end_reset(struct vmoon_vdev *v)
{
	const uint32_t generation = v->regs.generation;

	v->is_resetting = v->is_waiting = false;
	v->is_live = false;
	vmoon_vdev_stop_queues(v);
	for (unsigned i = 0; i < v->vd->queue_count; i++)
		vmoon_vq_setup_reset(&v->queues[i].setup);
	if (v->cfg.timer.set != NULL)
		v->cfg.timer.set(v->cfg.timer.ctx, 0);
	/* A reader must see that it moved. */
	v->regs = (struct vmoon_vdev_regs){.generation = generation};
	v->resets++;
}

static void host_reset_done(void *ctx)
{
	struct vmoon_vdev *v = ctx;

	if (!v->is_waiting)
		return;
	end_reset(v);
	hold(v, false);
}

/* ---- life ---- */

bool vmoon_vdev_start_queues(struct vmoon_vdev *v,
			     const struct vmoon_vq_setup *setups,
			     uint64_t features)
{
	for (unsigned i = 0; i < v->vd->queue_count; i++) {
		struct vmoon_vq *vq = v->queues[i].vq;

		if (!setups[i].is_ready)
			continue;
		if (!vmoon_vq_start(vq, &setups[i], v->cfg.gm, features)) {
			vmoon_guest_fault(&v->cfg.faults,
					  VMOON_GUEST_FAULT_MEMORY,
					  setups[i].part[VMOON_VQ_DESC]);
			vmoon_vdev_stop_queues(v);
			return false;
		}
		v->live[i] = vq;
	}
	return true;
}

/*
 * Queues are started. A driver may have kicked before it was allowed to, and
 * a snapshot does not know of kicks: each queue is looked at once.
 */
void vmoon_vdev_activate(struct vmoon_vdev *v)
{
	v->is_live = true;
	if (v->vd->ops->activate(v->vd, v->regs.driver_features, v->live) !=
	    VMOON_OK) {
		v->is_live = false;
		vmoon_vdev_stop_queues(v);
		give_up(v);
		return;
	}
	for (unsigned i = 0; i < v->vd->queue_count; i++)
		if (v->live[i] != NULL)
			host_kick(v, i);
}

static void activate(struct vmoon_vdev *v)
{
	struct vmoon_vq_setup setups[VMOON_VIRTIO_QUEUES_MAX];

	for (unsigned i = 0; i < v->vd->queue_count; i++)
		setups[i] = v->queues[i].setup;
	v->regs.status = VMOON_VDEV_AT_LIVE;
	if (vmoon_vdev_start_queues(v, setups, v->regs.driver_features))
		vmoon_vdev_activate(v);
	else
		give_up(v);
	/* Nothing is live: so say the registers. */
	for (unsigned i = 0; !v->is_live && i < v->vd->queue_count; i++)
		v->queues[i].setup.is_ready = false;
}

void vmoon_vdev_reset(struct vmoon_vdev *v)
{
	if (v->is_resetting && !v->is_waiting)
		return;
	/* Nothing may be in flight when queues stop: it would push. */
	if (!v->is_resetting) {
		v->is_resetting = true;
		v->regs.isr = 0; /* also while it waits */
		v->vd->ops->reset(v->vd);
	}
	if (v->is_waiting)
		hold(v, true);
	else
		end_reset(v);
}

bool vmoon_vdev_kick(struct vmoon_vdev *v, unsigned queue)
{
	struct vmoon_vq *vq;

	if (queue >= v->vd->queue_count)
		return false;
	vq = v->live[queue];
	if (vq == NULL || !vmoon_vdev_can_serve(v))
		return true;
	v->kicks++;
	vmoon_vq_begin(vq);
	v->vd->ops->notify(v->vd, queue);
	/* What is left goes behind others that wait for their turn. */
	if (vmoon_vq_end(vq) == VMOON_VQ_MORE)
		host_kick(v, queue);
	vmoon_vq_signal(vq);
	return true;
}

void vmoon_vdev_tick(struct vmoon_vdev *v)
{
	if (vmoon_vdev_can_serve(v) && v->vd->ops->tick != NULL)
		v->vd->ops->tick(v->vd);
}

/* ---- what registers do ---- */

static uint64_t device_features(const struct vmoon_vdev *v)
{
	return v->vd->features | OFFERED;
}

bool vmoon_vdev_are_features_ok(const struct vmoon_vdev *v, uint64_t features)
{
	return (features & ~device_features(v)) == 0 &&
	       (features & VMOON_VIRTIO_F_VERSION_1) != 0;
}

bool vmoon_vdev_set_status(struct vmoon_vdev *v, uint32_t status)
{
	const uint32_t was = v->regs.status, added = status & ~was;

	if (status == 0) {
		vmoon_vdev_reset(v);
		return true;
	}
	if (v->is_resetting || status > STATUS_MAX)
		return false;
	if ((added & VMOON_VDEV_FAILED) != 0) {
		v->regs.status |= VMOON_VDEV_FAILED;
		return true;
	}
	if (status == was)
		return true;
	if (was == 0 && status == VMOON_VDEV_AT_ACK)
		v->regs.status = VMOON_VDEV_AT_ACK;
	else if (was == VMOON_VDEV_AT_ACK && status == VMOON_VDEV_AT_DRIVER)
		v->regs.status = VMOON_VDEV_AT_DRIVER;
	else if (was == VMOON_VDEV_AT_DRIVER &&
		 status == VMOON_VDEV_AT_FEATURES &&
		 vmoon_vdev_are_features_ok(v, v->regs.driver_features))
		v->regs.status = VMOON_VDEV_AT_FEATURES;
	else if (was == VMOON_VDEV_AT_FEATURES && status == VMOON_VDEV_AT_LIVE)
		activate(v);
	else
		return false;
	return true;
}

uint32_t vmoon_vdev_device_features(const struct vmoon_vdev *v, uint32_t page)
{
	return page > 1 ? 0
			: (uint32_t)(device_features(v) >> (32 * page) &
				     UINT32_MAX);
}

bool vmoon_vdev_set_driver_features(struct vmoon_vdev *v, uint32_t page,
				    uint32_t bits)
{
	const uint64_t mask = UINT64_C(0xffffffff);

	if (!has(v, VMOON_VDEV_DRIVER) || v->is_resetting ||
	    has(v, VMOON_VDEV_FEATURES_OK | VMOON_VDEV_FAILED) || page > 1)
		return false;
	v->regs.driver_features &= ~(mask << (32 * page));
	v->regs.driver_features |= (uint64_t)bits << (32 * page);
	return true;
}

void vmoon_vdev_select_device_page(struct vmoon_vdev *v, uint32_t page)
{
	v->regs.device_page = page;
}

void vmoon_vdev_select_driver_page(struct vmoon_vdev *v, uint32_t page)
{
	v->regs.driver_page = page;
}

bool vmoon_vdev_select_queue(struct vmoon_vdev *v, uint32_t queue)
{
	v->regs.queue =
		queue < VMOON_VDEV_NO_QUEUE ? queue : VMOON_VDEV_NO_QUEUE;
	return queue < VMOON_VDEV_NO_QUEUE;
}

const struct vmoon_vq_setup *vmoon_vdev_queue(const struct vmoon_vdev *v)
{
	if (v->regs.queue >= v->vd->queue_count)
		return NULL;
	return &v->queues[v->regs.queue].setup;
}

/* Queues are set up between FEATURES_OK and DRIVER_OK (3.1.1, step 7). */
static struct vmoon_vq_setup *setup_of(struct vmoon_vdev *v)
{
	if (v->regs.status != VMOON_VDEV_AT_FEATURES || v->is_resetting ||
	    v->regs.queue >= v->vd->queue_count)
		return NULL;
	return &v->queues[v->regs.queue].setup;
}

bool vmoon_vdev_set_queue_size(struct vmoon_vdev *v, uint32_t size)
{
	struct vmoon_vq_setup *s = setup_of(v);

	return s != NULL && !s->is_ready && vmoon_vq_setup_set_size(s, size);
}

bool vmoon_vdev_set_queue_part(struct vmoon_vdev *v, enum vmoon_vq_part part,
			       vmoon_gpa gpa)
{
	struct vmoon_vq_setup *s = setup_of(v);

	return s != NULL && !s->is_ready &&
	       vmoon_vq_setup_set_part(s, part, gpa);
}

bool vmoon_vdev_set_queue_ready(struct vmoon_vdev *v, uint32_t ready)
{
	struct vmoon_vq_setup *s = setup_of(v);

	if (s == NULL)
		return false;
	s->is_ready = ready == 1;
	return ready <= 1;
}

bool vmoon_vdev_acknowledge(struct vmoon_vdev *v, uint32_t bits)
{
	if (!has(v, VMOON_VDEV_DRIVER_OK) || bits > STATUS_MAX)
		return false;
	v->regs.isr &= (uint8_t)~bits;
	return true;
}

void vmoon_vdev_stats(const struct vmoon_vdev *v,
		      struct vmoon_virtio_stats *out)
{
	out->kicks = v->kicks;
	out->interrupts = v->interrupts;
	out->resets = v->resets;
	out->chains = out->malformed = 0;
	for (unsigned i = 0; i < v->vd->queue_count; i++) {
		const struct vmoon_vq_counts counts =
			vmoon_vq_counts(v->queues[i].vq);

		out->chains += counts.chains;
		out->malformed += counts.malformed;
	}
	out->needs_reset = v->needs_reset;
	out->features = v->is_live ? v->regs.driver_features : 0;
	out->is_live = v->is_live && !v->is_resetting;
	out->is_broken = has(v, VMOON_VDEV_NEEDS_RESET);
}

/* ---- making ---- */

static bool is_sound(const struct vmoon_virtio *vd)
{
	const unsigned size = vd->queue_size;

	return (vd->features & ~DEVICE_FEATURES) == 0 && vd->queue_count > 0 &&
	       vd->queue_count <= VMOON_VIRTIO_QUEUES_MAX && size > 0 &&
	       size <= VMOON_VIRTIO_QUEUE_SIZE_MAX &&
	       (size & (size - 1)) == 0 &&
	       vd->config_len <= VMOON_VIRTIO_CONFIG_MAX &&
	       (vd->config != NULL || vd->config_len == 0);
}

static enum vmoon_status make_queues(struct vmoon_vdev *v,
				     struct vmoon_error *err)
{
	const unsigned count = v->vd->queue_count;
	enum vmoon_status status = VMOON_OK;

	v->queues =
		vmoon_mem_alloc_array(v->cfg.mem, count, sizeof(*v->queues));
	if (v->queues == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "%s: out of memory",
				  v->vd->ops->type);
	for (unsigned i = 0; status == VMOON_OK && i < count; i++) {
		struct vmoon_vdev_queue *q = &v->queues[i];
		const struct vmoon_vq_host host = {
			queue_interrupt, queue_broken, q, v->cfg.faults};

		q->vdev = v;
		status = vmoon_vq_setup_init(&q->setup, v->vd->queue_size, err);
		if (status == VMOON_OK)
			status = vmoon_vq_create(v->cfg.mem, v->vd->queue_size,
						 &host, &q->vq, err);
	}
	return status;
}

void vmoon_vdev_fini(struct vmoon_vdev *v)
{
	const unsigned count = v->vd->queue_count;

	v->vd->ops->destroy(v->vd);
	for (unsigned i = 0; v->queues != NULL && i < count; i++)
		vmoon_vq_destroy(v->queues[i].vq);
	vmoon_mem_free(v->cfg.mem, v->queues, count * sizeof(*v->queues));
}

enum vmoon_status vmoon_vdev_init(struct vmoon_vdev *v,
				  const struct vmoon_vdev_config *cfg,
				  struct vmoon_virtio *take_vd,
				  struct vmoon_error *err)
{
	enum vmoon_status status;

	assert(cfg->interrupt != NULL && cfg->kick != NULL);
	*v = (struct vmoon_vdev){.cfg = *cfg, .vd = take_vd};
	if (!is_sound(take_vd)) {
		status = vmoon_fail(err, VMOON_E_INVAL, 0,
				    "%s: the device's features, queues or "
				    "configuration are out of bounds",
				    take_vd->ops->type);
		take_vd->ops->destroy(take_vd);
		return status;
	}
	take_vd->host = (struct vmoon_virtio_host){
		.mem = cfg->mem,
		.clock = cfg->clock,
		.timer = cfg->timer,
		.faults = cfg->faults,
		.kick = host_kick,
		.config_changed = host_config_changed,
		.needs_reset = host_needs_reset,
		.reset_waits = host_reset_waits,
		.reset_done = host_reset_done,
		.ctx = v,
	};
	status = make_queues(v, err);
	if (status != VMOON_OK)
		vmoon_vdev_fini(v);
	return status;
}
