/* SPDX-License-Identifier: MIT */
/*
 * debug_exit.c - a port through which a test guest ends its VM with a status.
 *
 * One write at offset 0, of 1, 2 or 4 bytes, says the status; it reads 0. What
 * a second status means is the machine's decision, not this device's.
 */
#include "debug_exit.h"

#include <assert.h>

enum { STATE_VERSION = 1 };

struct debug_exit {
	struct vmoon_device dev;
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_notify exit;
};

static struct debug_exit *debug_exit_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct debug_exit, dev);
}

static uint64_t debug_exit_read(struct vmoon_device *dev, uint64_t off,
				unsigned size)
{
	(void)dev, (void)off, (void)size;
	return 0;
}

static void debug_exit_write(struct vmoon_device *dev, uint64_t off,
			     unsigned size, uint64_t val)
{
	const struct debug_exit *d = debug_exit_of(dev);

	if (off != 0)
		return;
	switch (size) {
	case 1: d->exit.fire(d->exit.ctx, val & 0xff); break;
	case 2: d->exit.fire(d->exit.ctx, val & 0xffff); break;
	case 4: d->exit.fire(d->exit.ctx, val & 0xffffffff); break;
	default: break; /* refused */
	}
}

static void debug_exit_reset(struct vmoon_device *dev)
{
	(void)dev;
}

static void debug_exit_save(const struct vmoon_device *dev,
			    struct vmoon_state_writer *w)
{
	vmoon_state_begin(w, dev->ops->type, STATE_VERSION);
}

static enum vmoon_status debug_exit_load(struct vmoon_device *dev,
					 struct vmoon_state_reader *r,
					 struct vmoon_error *err)
{
	if (!vmoon_state_expect(r, dev->ops->type, STATE_VERSION))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "debug-exit: the snapshot is cut short or of "
				  "another version; take a new snapshot");
	return VMOON_OK;
}

static void debug_exit_destroy(struct vmoon_device *dev)
{
	struct debug_exit *d = debug_exit_of(dev);

	vmoon_mem_free(d->mem, d, sizeof(*d));
}

static const struct vmoon_device_ops debug_exit_ops = {
	.type = "debug-exit",
	.read = debug_exit_read,
	.write = debug_exit_write,
	.reset = debug_exit_reset,
	.save = debug_exit_save,
	.load = debug_exit_load,
	.destroy = debug_exit_destroy,
};

enum vmoon_status vmoon_debug_exit_create(
	const struct vmoon_debug_exit_config *cfg,
	struct vmoon_device **out_dev, struct vmoon_error *err)
{
	struct debug_exit *d;

	assert(cfg->exit.fire != NULL);
	d = vmoon_mem_alloc(cfg->mem, sizeof(*d));
	if (d == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "debug-exit: out of memory");
	d->mem = cfg->mem;
	d->dev.ops = &debug_exit_ops;
	d->exit = cfg->exit;
	*out_dev = &d->dev;
	return VMOON_OK;
}
