/* SPDX-License-Identifier: MIT */
/*
 * i8042.c - the reset line of a keyboard controller, and nothing else of it.
 *
 * Not modelled: keyboard, mouse, the A20 gate and every command but 0xfe.
 * Everything reads 0: nothing to fetch, ready for a command. Port 0x61 lies in
 * the window and belongs to the PIT, so it is left alone here.
 *
 * One request is enough: until the machine resets this device, which is its
 * answer, more of them are dropped. A storm of resets stays one event.
 */
#include "i8042.h"

#include <assert.h>

enum { STATE_VERSION = 1, OFF_COMMAND = 4 };

#define CMD_PULSE_RESET 0xfeu

struct i8042 {
	struct vmoon_device dev;
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_notify reset;
	bool is_requested; /* not saved: a request does not outlive its VM */
};

static struct i8042 *i8042_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct i8042, dev);
}

static uint64_t i8042_read(struct vmoon_device *dev, uint64_t off,
			   unsigned size)
{
	(void)dev, (void)off, (void)size;
	return 0;
}

static void i8042_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			uint64_t val)
{
	struct i8042 *k = i8042_of(dev);

	if (size != 1 || off != OFF_COMMAND || (val & 0xff) != CMD_PULSE_RESET)
		return;
	if (k->is_requested)
		return;
	k->is_requested = true;
	k->reset.fire(k->reset.ctx, 0);
}

static void i8042_reset(struct vmoon_device *dev)
{
	i8042_of(dev)->is_requested = false;
}

static void i8042_save(const struct vmoon_device *dev,
		       struct vmoon_state_writer *w)
{
	vmoon_state_begin(w, dev->ops->type, STATE_VERSION);
}

static enum vmoon_status i8042_load(struct vmoon_device *dev,
				    struct vmoon_state_reader *r,
				    struct vmoon_error *err)
{
	if (!vmoon_state_expect(r, dev->ops->type, STATE_VERSION))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "i8042: the snapshot is cut short or of "
				  "another version; take a new snapshot");
	i8042_of(dev)->is_requested = false;
	return VMOON_OK;
}

static void i8042_destroy(struct vmoon_device *dev)
{
	struct i8042 *k = i8042_of(dev);

	vmoon_mem_free(k->mem, k, sizeof(*k));
}

static const struct vmoon_device_ops i8042_ops = {
	.type = "i8042",
	.read = i8042_read,
	.write = i8042_write,
	.reset = i8042_reset,
	.save = i8042_save,
	.load = i8042_load,
	.destroy = i8042_destroy,
};

enum vmoon_status vmoon_i8042_create(const struct vmoon_i8042_config *cfg,
				     struct vmoon_device **out_dev,
				     struct vmoon_error *err)
{
	struct i8042 *k;

	assert(cfg->reset.fire != NULL);
	k = vmoon_mem_alloc(cfg->mem, sizeof(*k));
	if (k == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "i8042: out of memory");
	k->mem = cfg->mem;
	k->dev.ops = &i8042_ops;
	k->reset = cfg->reset;
	*out_dev = &k->dev;
	return VMOON_OK;
}
