/* SPDX-License-Identifier: MIT */
/*
 * mmio.c - virtio over memory mapped registers.
 *
 * Not modelled: version 1 (legacy) of the registers, QueueReset and shared
 * memory regions: the first is never offered, of the others there are none.
 *
 * Spec: VIRTIO 1.2, section 4.2.
 */
#include "mmio.h"

#include "device.h"

#include <assert.h>

/* Table 4.1. */
enum mmio_reg {
	REG_MAGIC = 0x000,
	REG_VERSION = 0x004,
	REG_DEVICE_ID = 0x008,
	REG_VENDOR_ID = 0x00c,
	REG_DEVICE_FEATURES = 0x010,
	REG_DEVICE_FEATURES_SEL = 0x014,
	REG_DRIVER_FEATURES = 0x020,
	REG_DRIVER_FEATURES_SEL = 0x024,
	REG_QUEUE_SEL = 0x030,
	REG_QUEUE_NUM_MAX = 0x034,
	REG_QUEUE_NUM = 0x038,
	REG_QUEUE_READY = 0x044,
	REG_QUEUE_NOTIFY = VMOON_VIRTIO_MMIO_NOTIFY,
	REG_INTERRUPT_STATUS = 0x060,
	REG_INTERRUPT_ACK = 0x064,
	REG_STATUS = 0x070,
	REG_QUEUE_DESC_LOW = 0x080,
	REG_QUEUE_DESC_HIGH = 0x084,
	REG_QUEUE_DRIVER_LOW = 0x090,
	REG_QUEUE_DRIVER_HIGH = 0x094,
	REG_QUEUE_DEVICE_LOW = 0x0a0,
	REG_QUEUE_DEVICE_HIGH = 0x0a4,
	REG_SHM_SEL = 0x0ac,
	REG_SHM_LEN_LOW = 0x0b0,
	REG_SHM_LEN_HIGH = 0x0b4,
	REG_SHM_BASE_LOW = 0x0b8,
	REG_SHM_BASE_HIGH = 0x0bc,
	REG_CONFIG_GENERATION = 0x0fc,
	REG_CONFIG = 0x100
};

enum { MAGIC = 0x74726976, VERSION = 2, STATE_VERSION = 1 };

struct mmio {
	struct vmoon_device dev;
	struct vmoon_vdev vdev;
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_irq irq;
	bool irq_level; /* what irq was last told */
	void (*kick)(void *ctx, unsigned queue);
	void (*hold)(void *ctx, bool is_held); /* or NULL */
	void *ctx;                             /* borrowed: of both */
};

static struct mmio *mmio_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct mmio, dev);
}

static const struct mmio *const_mmio_of(const struct vmoon_device *dev)
{
	return VMOON_CONST_CONTAINER_OF(dev, struct mmio, dev);
}

static void refuse(const struct mmio *m, enum vmoon_guest_fault_kind kind,
		   uint64_t off)
{
	vmoon_guest_fault(&m->vdev.cfg.faults, kind, off);
}

/* The line is high as long as there is a reason (4.2.2). */
static void update_irq(struct mmio *m)
{
	bool level = m->vdev.regs.isr != 0;

	if (level == m->irq_level)
		return;
	m->irq_level = level;
	m->irq.set(m->irq.ctx, level);
}

static void vdev_interrupt(void *ctx, uint32_t vector)
{
	(void)vector; /* one line for all */
	update_irq(ctx);
}

static void vdev_kick(void *ctx, unsigned queue)
{
	struct mmio *m = ctx;

	m->kick(m->ctx, queue);
}

static void vdev_hold(void *ctx, bool is_held)
{
	struct mmio *m = ctx;

	update_irq(m); /* a reset has cleared it */
	if (m->hold != NULL)
		m->hold(m->ctx, is_held);
}

static uint32_t read_reg(const struct mmio *m, uint64_t off)
{
	const struct vmoon_vdev *v = &m->vdev;
	const struct vmoon_vq_setup *q = vmoon_vdev_queue(v);

	switch (off) {
	case REG_MAGIC: return MAGIC;
	case REG_VERSION: return VERSION;
	case REG_DEVICE_ID: return v->vd->ops->device_id;
	case REG_VENDOR_ID: return 0;
	case REG_DEVICE_FEATURES:
		return vmoon_vdev_device_features(v, v->regs.device_page);
	case REG_QUEUE_NUM_MAX: return q == NULL ? 0 : q->max_size;
	case REG_QUEUE_READY: return q != NULL && q->is_ready;
	case REG_INTERRUPT_STATUS: return v->regs.isr;
	case REG_STATUS: return v->regs.status;
	case REG_SHM_LEN_LOW:
	case REG_SHM_LEN_HIGH:
	case REG_SHM_BASE_LOW:
	case REG_SHM_BASE_HIGH: return UINT32_MAX; /* there is none */
	case REG_CONFIG_GENERATION: return v->regs.generation;
	default: refuse(m, VMOON_GUEST_FAULT_REGISTER, off); return 0;
	}
}

static uint64_t mmio_read(struct vmoon_device *dev, uint64_t off, unsigned size)
{
	struct mmio *m = mmio_of(dev);
	uint64_t val = 0;

	if (off >= REG_CONFIG) {
		if (!vmoon_vdev_config_read(&m->vdev, off - REG_CONFIG, size,
					    &val))
			refuse(m, VMOON_GUEST_FAULT_REGISTER, off);
		return val;
	}
	if (size != 4 || off % 4 != 0) {
		refuse(m, VMOON_GUEST_FAULT_WIDTH, off);
		return 0;
	}
	return read_reg(m, off);
}

/* Half of an address, the lower one at the lower offset. */
static bool write_address(struct mmio *m, enum vmoon_vq_part part, uint64_t off,
			  uint32_t val)
{
	const struct vmoon_vq_setup *q = vmoon_vdev_queue(&m->vdev);
	const unsigned shift = (off & 4) != 0 ? 32 : 0;
	vmoon_gpa gpa;

	if (q == NULL)
		return false;
	gpa = q->part[part] & ~(UINT64_C(0xffffffff) << shift);
	return vmoon_vdev_set_queue_part(&m->vdev, part,
					 gpa | (uint64_t)val << shift);
}

static bool write_status(struct mmio *m, uint32_t val)
{
	bool is_taken = vmoon_vdev_set_status(&m->vdev, val);

	update_irq(m); /* a reset has cleared it */
	return is_taken;
}

static bool acknowledge(struct mmio *m, uint32_t val)
{
	bool is_taken = vmoon_vdev_acknowledge(&m->vdev, val);

	update_irq(m);
	return is_taken;
}

static bool notify(struct mmio *m, uint32_t queue)
{
	if (queue >= m->vdev.vd->queue_count)
		return false;
	if (vmoon_vdev_can_serve(&m->vdev))
		m->kick(m->ctx, queue);
	return true;
}

/* False for a value, or a state of the device, that refuses it. */
static bool write_reg(struct mmio *m, uint64_t off, uint32_t val)
{
	struct vmoon_vdev *v = &m->vdev;

	switch (off) {
	case REG_DEVICE_FEATURES_SEL:
		vmoon_vdev_select_device_page(v, val);
		return true;
	case REG_DRIVER_FEATURES_SEL:
		vmoon_vdev_select_driver_page(v, val);
		return true;
	case REG_DRIVER_FEATURES:
		return vmoon_vdev_set_driver_features(v, v->regs.driver_page,
						      val);
	case REG_QUEUE_SEL: return vmoon_vdev_select_queue(v, val);
	case REG_QUEUE_NUM: return vmoon_vdev_set_queue_size(v, val);
	case REG_QUEUE_READY: return vmoon_vdev_set_queue_ready(v, val);
	case REG_QUEUE_NOTIFY: return notify(m, val);
	case REG_INTERRUPT_ACK: return acknowledge(m, val);
	case REG_STATUS: return write_status(m, val);
	case REG_QUEUE_DESC_LOW:
	case REG_QUEUE_DESC_HIGH:
		return write_address(m, VMOON_VQ_DESC, off, val);
	case REG_QUEUE_DRIVER_LOW:
	case REG_QUEUE_DRIVER_HIGH:
		return write_address(m, VMOON_VQ_AVAIL, off, val);
	case REG_QUEUE_DEVICE_LOW:
	case REG_QUEUE_DEVICE_HIGH:
		return write_address(m, VMOON_VQ_USED, off, val);
	case REG_SHM_SEL: return true; /* of none */
	default: return false;
	}
}

static void mmio_write(struct vmoon_device *dev, uint64_t off, unsigned size,
		       uint64_t val)
{
	struct mmio *m = mmio_of(dev);

	if (off >= REG_CONFIG) {
		if (!vmoon_vdev_config_write(&m->vdev, off - REG_CONFIG, size,
					     val))
			refuse(m, VMOON_GUEST_FAULT_REGISTER, off);
	} else if (size != 4 || off % 4 != 0) {
		refuse(m, VMOON_GUEST_FAULT_WIDTH, off);
	} else if (!write_reg(m, off, (uint32_t)(val & UINT32_MAX))) {
		refuse(m, VMOON_GUEST_FAULT_VALUE, off);
	}
}

static void mmio_reset(struct vmoon_device *dev)
{
	struct mmio *m = mmio_of(dev);

	vmoon_vdev_reset(&m->vdev);
	update_irq(m);
}

static void mmio_save(const struct vmoon_device *dev,
		      struct vmoon_state_writer *w)
{
	vmoon_state_begin(w, dev->ops->type, STATE_VERSION);
	vmoon_vdev_save(&const_mmio_of(dev)->vdev, w);
}

static enum vmoon_status mmio_load(struct vmoon_device *dev,
				   struct vmoon_state_reader *r,
				   struct vmoon_error *err)
{
	struct mmio *m = mmio_of(dev);
	enum vmoon_status status;

	if (!vmoon_state_expect(r, dev->ops->type, STATE_VERSION))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "%s: the snapshot is of another device or "
				  "version; take a new snapshot",
				  dev->ops->type);
	status = vmoon_vdev_load(&m->vdev, r, err);
	if (status != VMOON_OK)
		return status;
	/* An edge may have been lost with the old machine: make a new one. */
	m->irq_level = false;
	m->irq.set(m->irq.ctx, false);
	update_irq(m);
	return VMOON_OK;
}

static void mmio_destroy(struct vmoon_device *dev)
{
	struct mmio *m = mmio_of(dev);

	vmoon_vdev_fini(&m->vdev);
	vmoon_mem_free(m->mem, m, sizeof(*m));
}

static const struct vmoon_device_ops mmio_ops = {
	.type = "virtio-mmio",
	.read = mmio_read,
	.write = mmio_write,
	.reset = mmio_reset,
	.save = mmio_save,
	.load = mmio_load,
	.destroy = mmio_destroy,
};

enum vmoon_status vmoon_virtio_mmio_create(
	const struct vmoon_virtio_mmio_config *cfg,
	struct vmoon_virtio *take_vd, struct vmoon_device **out_dev,
	struct vmoon_error *err)
{
	struct vmoon_vdev_config vdev = {
		.mem = cfg->mem,
		.gm = cfg->gm,
		.clock = cfg->clock,
		.timer = cfg->timer,
		.faults = cfg->faults,
		.interrupt = vdev_interrupt,
		.kick = vdev_kick,
		.hold = vdev_hold,
	};
	enum vmoon_status status;
	struct mmio *m;

	assert(cfg->gm != NULL && cfg->irq.set != NULL && cfg->kick != NULL);
	m = vmoon_mem_alloc(cfg->mem, sizeof(*m));
	if (m == NULL) {
		status = vmoon_fail(err, VMOON_E_NOMEM, 0, "%s: out of memory",
				    take_vd->ops->type);
		take_vd->ops->destroy(take_vd);
		return status;
	}
	m->dev.ops = &mmio_ops;
	m->mem = cfg->mem;
	m->irq = cfg->irq;
	m->kick = cfg->kick;
	m->hold = cfg->hold;
	m->ctx = cfg->ctx;
	vdev.ctx = m;
	status = vmoon_vdev_init(&m->vdev, &vdev, take_vd, err);
	if (status != VMOON_OK) {
		vmoon_mem_free(cfg->mem, m, sizeof(*m));
		return status;
	}
	*out_dev = &m->dev;
	return VMOON_OK;
}

void vmoon_virtio_mmio_kick(struct vmoon_device *dev, unsigned queue)
{
	/* A loop may come late, with a queue that never was. */
	VMOON_IGNORE(vmoon_vdev_kick(&mmio_of(dev)->vdev, queue));
}

void vmoon_virtio_mmio_tick(struct vmoon_device *dev)
{
	vmoon_vdev_tick(&mmio_of(dev)->vdev);
}

struct vmoon_virtio *vmoon_virtio_mmio_device(struct vmoon_device *dev)
{
	return mmio_of(dev)->vdev.vd;
}

void vmoon_virtio_mmio_stats(struct vmoon_device *dev,
			     struct vmoon_virtio_stats *out)
{
	vmoon_vdev_stats(&mmio_of(dev)->vdev, out);
}
