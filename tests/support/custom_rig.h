/* SPDX-License-Identifier: MIT */
/* custom_rig.h - a device of an embedder's, which notes what it is called. */
#ifndef VMOON_TESTS_CUSTOM_RIG_H
#define VMOON_TESTS_CUSTOM_RIG_H

#include "vmoon/virtio.h"
#include "vmoon/vmoon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Registers of 4 bytes: LEVEL drives the interrupt, ALARM sets the timer so
 * many microseconds ahead (0: off), WAKE asks for work so many times in a row.
 * The log has a letter for each call: r w t k and a digit for a doorbell.
 */
enum {
	CUSTOM_LEVEL = 0,
	CUSTOM_ALARM = 4,
	CUSTOM_WAKE = 8,
	CUSTOM_BELL = 16, /* the first; the second is 4 bytes behind it */
	CUSTOM_BYTES = 4096
};

struct custom {
	struct vmoon_device dev;
	struct vmoon_device_env env;
	uint64_t *ticks; /* borrowed: the times of the first 16 */
	unsigned tick_count, work_left;
	uint64_t period_ns, due_ns;
	char log[64];
	size_t len;
	bool *is_gone; /* borrowed */
};

struct custom_maker {
	struct custom *dev; /* what was made */
	enum vmoon_status fail;
	bool has_holes, is_gone;
	uint64_t ticks[16];
};

static struct custom *custom_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct custom, dev);
}

static void custom_note(struct custom *c, char what)
{
	if (c->len + 1 < sizeof(c->log))
		c->log[c->len++] = what;
}

static uint64_t custom_read(struct vmoon_device *dev, uint64_t off,
			    unsigned size)
{
	custom_note(custom_of(dev), 'r');
	return off + size;
}

static void custom_alarm(struct custom *c, uint64_t ns)
{
	const struct vmoon_clock *clock = &c->env.clock;

	c->period_ns = ns;
	c->due_ns = ns == 0 ? 0 : clock->mono_ns(clock->ctx) + ns;
	c->env.timer.set(c->env.timer.ctx, c->due_ns);
}

static void custom_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			 uint64_t val)
{
	struct custom *c = custom_of(dev);

	(void)size;
	custom_note(c, 'w');
	if (off == CUSTOM_LEVEL && c->env.irq.set != NULL)
		c->env.irq.set(c->env.irq.ctx, val != 0);
	if (off == CUSTOM_ALARM)
		custom_alarm(c, val * 1000);
	if (off == CUSTOM_WAKE && val > 0) {
		c->work_left = (unsigned)val; /* of 4 bytes */
		c->env.wake.set(c->env.wake.ctx);
		c->env.wake.set(c->env.wake.ctx);
	}
}

static void custom_reset(struct vmoon_device *dev)
{
	custom_note(custom_of(dev), '!');
	custom_alarm(custom_of(dev), 0);
}

static void custom_save(const struct vmoon_device *dev,
			struct vmoon_state_writer *w)
{
	const struct custom *c = VMOON_CONTAINER_OF(
		(struct vmoon_device *)(uintptr_t)dev, struct custom, dev);

	vmoon_state_begin(w, "custom", 1);
	vmoon_state_put(w, c->due_ns, 8);
}

static enum vmoon_status custom_load(struct vmoon_device *dev,
				     struct vmoon_state_reader *r,
				     struct vmoon_error *err)
{
	struct custom *c = custom_of(dev);

	if (!vmoon_state_expect(r, "custom", 1))
		return vmoon_fail(err, VMOON_E_IMAGE, 0, "no custom device");
	c->due_ns = vmoon_state_get(r, 8);
	c->env.timer.set(c->env.timer.ctx, c->due_ns);
	return VMOON_OK;
}

static void custom_destroy(struct vmoon_device *dev)
{
	struct custom *c = custom_of(dev);

	*c->is_gone = true;
	free(c);
}

static void custom_tick(struct vmoon_device *dev)
{
	struct custom *c = custom_of(dev);
	const struct vmoon_clock *clock = &c->env.clock;

	custom_note(c, 't');
	if (c->tick_count < 16)
		c->ticks[c->tick_count++] = clock->mono_ns(clock->ctx);
	if (c->period_ns != 0)
		custom_alarm(c, c->period_ns);
}

static void custom_work(struct vmoon_device *dev)
{
	struct custom *c = custom_of(dev);

	custom_note(c, 'k');
	if (--c->work_left > 0)
		c->env.wake.set(c->env.wake.ctx);
}

static void custom_doorbell(struct vmoon_device *dev, unsigned i)
{
	custom_note(custom_of(dev), (char)('0' + i));
}

static const struct vmoon_device_ops custom_ops = {
	.type = "custom",
	.read = custom_read,
	.write = custom_write,
	.reset = custom_reset,
	.save = custom_save,
	.load = custom_load,
	.destroy = custom_destroy,
};

static const struct vmoon_device_ops custom_holes = {
	.type = "custom",
	.read = custom_read,
	.destroy = custom_destroy,
};

static enum vmoon_status custom_make(void *ctx,
				     const struct vmoon_device_env *env,
				     struct vmoon_device **out_dev,
				     struct vmoon_error *err)
{
	struct custom_maker *m = ctx;
	struct custom *c;

	if (m->fail != VMOON_OK)
		return vmoon_fail(err, m->fail, 0, "not today");
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		abort();
	c->dev.ops = m->has_holes ? &custom_holes : &custom_ops;
	c->env = *env;
	c->ticks = m->ticks;
	c->is_gone = &m->is_gone;
	m->dev = c;
	*out_dev = &c->dev;
	return VMOON_OK;
}

static inline struct vmoon_device_options custom_options(struct custom_maker *m)
{
	static const struct vmoon_doorbell bells[] = {{CUSTOM_BELL, 0},
						      {CUSTOM_BELL + 4, 4}};

	return (struct vmoon_device_options){
		.size = sizeof(struct vmoon_device_options),
		.name = "mine",
		.bytes = CUSTOM_BYTES,
		.has_irq = true,
		.make = custom_make,
		.ctx = m,
		.tick = custom_tick,
		.work = custom_work,
		.doorbell = custom_doorbell,
		.doorbells = bells,
		.doorbell_count = VMOON_COUNTOF(bells),
	};
}

/* ---- a virtio device: answers each request with its own bytes + 1 ---- */

struct echo {
	struct vmoon_virtio vd;
	struct vmoon_vq *vq;
	struct vmoon_chain chain;
	struct vmoon_seg segs[8];
	unsigned char config[8];
	unsigned resets, ticks;
	uint64_t delay_ns; /* 0: at once; else by the timer */
	bool has_pending;
};

static inline struct echo *echo_of(struct vmoon_virtio *vd)
{
	return VMOON_CONTAINER_OF(vd, struct echo, vd);
}

static enum vmoon_status echo_activate(struct vmoon_virtio *vd,
				       uint64_t features,
				       struct vmoon_vq *const *queues)
{
	(void)features;
	echo_of(vd)->vq = queues[0];
	return VMOON_OK;
}

static void echo_answer(struct echo *e)
{
	struct vmoon_cursor in, out;
	unsigned char byte;

	if (vmoon_chain_reader(&e->chain, &in) == VMOON_OK &&
	    vmoon_chain_writer(&e->chain, &out) == VMOON_OK)
		while (vmoon_cursor_read(&in, &byte, 1) == 1) {
			byte = (unsigned char)((byte + 1) & 0xff);
			if (vmoon_cursor_write(&out, &byte, 1) != 1)
				break;
		}
	vmoon_vq_push(e->vq, &e->chain);
	e->has_pending = false;
}

static void echo_notify(struct vmoon_virtio *vd, unsigned queue)
{
	struct echo *e = echo_of(vd);
	const struct vmoon_virtio_host *h = &vd->host;

	(void)queue;
	while (!e->has_pending && e->vq != NULL &&
	       vmoon_vq_pop(e->vq, &e->chain)) {
		e->has_pending = true;
		if (e->delay_ns == 0)
			echo_answer(e);
		else
			h->timer.set(h->timer.ctx,
				     h->clock.mono_ns(h->clock.ctx) +
					     e->delay_ns);
	}
}

static void echo_tick(struct vmoon_virtio *vd)
{
	struct echo *e = echo_of(vd);

	e->ticks++;
	if (!e->has_pending)
		return;
	echo_answer(e);
	vmoon_vq_signal(e->vq);
	vd->host.kick(vd->host.ctx, 0);
}

static void echo_reset(struct vmoon_virtio *vd)
{
	struct echo *e = echo_of(vd);

	e->resets++;
	e->vq = NULL;
	e->has_pending = false;
}

static void echo_save(const struct vmoon_virtio *vd,
		      struct vmoon_state_writer *w)
{
	(void)vd;
	vmoon_state_begin(w, "echo", 1);
}

static enum vmoon_status echo_load(struct vmoon_virtio *vd,
				   struct vmoon_state_reader *r,
				   struct vmoon_error *err)
{
	(void)vd;
	if (!vmoon_state_expect(r, "echo", 1))
		return vmoon_fail(err, VMOON_E_IMAGE, 0, "no echo");
	return VMOON_OK;
}

static void echo_destroy(struct vmoon_virtio *vd)
{
	free(echo_of(vd));
}

static const struct vmoon_virtio_ops echo_ops = {
	.type = "virtio-echo",
	.device_id = 42,
	.activate = echo_activate,
	.notify = echo_notify,
	.reset = echo_reset,
	.tick = echo_tick,
	.save = echo_save,
	.load = echo_load,
	.destroy = echo_destroy,
};

static inline enum vmoon_status echo_make(void *ctx,
					  const struct vmoon_device_env *env,
					  struct vmoon_virtio **out_vd,
					  struct vmoon_error *err)
{
	struct echo *e = calloc(1, sizeof(*e));

	(void)env;
	(void)err;
	if (e == NULL)
		abort();
	vmoon_chain_init(&e->chain, e->segs, VMOON_COUNTOF(e->segs));
	e->vd.ops = &echo_ops;
	e->vd.config = e->config;
	e->vd.config_len = sizeof(e->config);
	e->vd.queue_count = 1;
	e->vd.queue_size = 16;
	*(struct echo **)ctx = e;
	*out_vd = &e->vd;
	return VMOON_OK;
}

static inline struct vmoon_virtio_options echo_options(const char *name,
						       struct echo **out)
{
	return (struct vmoon_virtio_options){
		.size = sizeof(struct vmoon_virtio_options),
		.name = name,
		.make = echo_make,
		.ctx = (void *)out,
	};
}

#endif
