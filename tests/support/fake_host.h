/* SPDX-License-Identifier: MIT */
/* fake_host.h - recorders for every capability a device can be given. */
#ifndef VMOON_TESTS_FAKE_HOST_H
#define VMOON_TESTS_FAKE_HOST_H

#include "vmoon/device.h"

#include <string.h>

struct fake_irq {
	bool level;
	unsigned edges; /* 0 -> 1 */
};

static inline void fake_irq_set(void *ctx, bool level)
{
	struct fake_irq *irq = ctx;

	irq->edges += (level && !irq->level);
	irq->level = level;
}

struct fake_sink {
	char buf[4096];
	size_t len;
	uint64_t calls;
	bool is_failing;
	bool is_held, is_owed; /* owed: a resume, since somebody was told */
	uint64_t hold_calls;
};

static inline bool fake_sink_put(void *ctx, const void *buf, size_t len)
{
	struct fake_sink *s = ctx;

	s->calls++;
	if (s->is_failing)
		return false;
	if (len > sizeof(s->buf) - s->len)
		len = sizeof(s->buf) - s->len;
	memcpy(s->buf + s->len, buf, len);
	s->len += len;
	return true;
}

static inline bool fake_sink_is_held(void *ctx)
{
	struct fake_sink *s = ctx;

	s->hold_calls++;
	s->is_owed |= s->is_held;
	return s->is_held;
}

struct fake_notify {
	unsigned count;
	uint64_t last;
};

static inline void fake_notify_fire(void *ctx, uint64_t value)
{
	struct fake_notify *n = ctx;

	n->count++;
	n->last = value;
}

struct fake_room {
	unsigned count;
};

static inline void fake_room_ready(void *ctx)
{
	struct fake_room *r = ctx;

	r->count++;
}

struct fake_clock {
	uint64_t mono_ns;
	int64_t wall_s;
	uint32_t wall_ns;
};

static inline uint64_t fake_clock_mono(void *ctx)
{
	struct fake_clock *c = ctx;

	return c->mono_ns;
}

static inline int64_t fake_clock_wall(void *ctx, uint32_t *out_ns)
{
	struct fake_clock *c = ctx;

	if (out_ns != NULL)
		*out_ns = c->wall_ns;
	return c->wall_s;
}

/* One-byte accesses, as ports have them. */
static inline uint8_t fake_in(struct vmoon_device *dev, uint64_t off)
{
	return (uint8_t)dev->ops->read(dev, off, 1);
}

static inline void fake_out(struct vmoon_device *dev, uint64_t off,
			    unsigned val)
{
	dev->ops->write(dev, off, 1, val);
}

#endif
