/* SPDX-License-Identifier: MIT */
/*
 * pvpanic.c - a port through which the guest says that it died (QEMU0001).
 *
 * One byte wide. It reads the events that it knows; writing tells one or more
 * of them, and unknown bits are dropped.
 *
 * Spec: QEMU, docs/specs/pvpanic.
 */
#include "pvpanic.h"

#include <assert.h>

enum { STATE_VERSION = 1 };

#define EVENTS_KNOWN (VMOON_PVPANIC_PANICKED | VMOON_PVPANIC_CRASH_LOADED)

struct pvpanic {
	struct vmoon_device dev;
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_notify event;
};

static struct pvpanic *pvpanic_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct pvpanic, dev);
}

static uint64_t pvpanic_read(struct vmoon_device *dev, uint64_t off,
			     unsigned size)
{
	(void)dev;
	return off == 0 && size == 1 ? EVENTS_KNOWN : 0;
}

static void pvpanic_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			  uint64_t val)
{
	const struct pvpanic *p = pvpanic_of(dev);
	uint64_t events = val & EVENTS_KNOWN;

	if (off == 0 && size == 1 && events != 0)
		p->event.fire(p->event.ctx, events);
}

static void pvpanic_reset(struct vmoon_device *dev)
{
	(void)dev;
}

static void pvpanic_save(const struct vmoon_device *dev,
			 struct vmoon_state_writer *w)
{
	vmoon_state_begin(w, dev->ops->type, STATE_VERSION);
}

static enum vmoon_status pvpanic_load(struct vmoon_device *dev,
				      struct vmoon_state_reader *r,
				      struct vmoon_error *err)
{
	if (!vmoon_state_expect(r, dev->ops->type, STATE_VERSION))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "pvpanic: the snapshot is cut short or of "
				  "another version; take a new snapshot");
	return VMOON_OK;
}

static void pvpanic_destroy(struct vmoon_device *dev)
{
	struct pvpanic *p = pvpanic_of(dev);

	vmoon_mem_free(p->mem, p, sizeof(*p));
}

static const struct vmoon_device_ops pvpanic_ops = {
	.type = "pvpanic",
	.read = pvpanic_read,
	.write = pvpanic_write,
	.reset = pvpanic_reset,
	.save = pvpanic_save,
	.load = pvpanic_load,
	.destroy = pvpanic_destroy,
};

enum vmoon_status vmoon_pvpanic_create(const struct vmoon_pvpanic_config *cfg,
				       struct vmoon_device **out_dev,
				       struct vmoon_error *err)
{
	struct pvpanic *p;

	assert(cfg->event.fire != NULL);
	p = vmoon_mem_alloc(cfg->mem, sizeof(*p));
	if (p == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "pvpanic: out of memory");
	p->mem = cfg->mem;
	p->dev.ops = &pvpanic_ops;
	p->event = cfg->event;
	*out_dev = &p->dev;
	return VMOON_OK;
}
