/* SPDX-License-Identifier: MIT */
/* virtio_bus.h - a driver beside a running VM: registers as a vCPU has them. */
#ifndef VMOON_TESTS_VIRTIO_BUS_H
#define VMOON_TESTS_VIRTIO_BUS_H

#include "tests/support/virtio_vm.h"

/* Of the board's i-th virtio device. */
#define VV_WINDOW(i) (UINT64_C(0xc8000000) + (i)*UINT64_C(0x1000))

/* Registers as a vCPU reaches them: by the bus, which takes the lock. */
struct bus_device {
	struct vmoon_device dev;
	const struct vmoon_bus *bus;
	uint64_t base;
};

static inline struct bus_device *bus_device_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct bus_device, dev);
}

static inline uint64_t bus_read(struct vmoon_device *dev, uint64_t off,
				unsigned size)
{
	const struct bus_device *b = bus_device_of(dev);
	uint64_t val;

	assert_true(vmoon_bus_read(b->bus, b->base + off, size, &val));
	return val;
}

static inline void bus_write(struct vmoon_device *dev, uint64_t off,
			     unsigned size, uint64_t val)
{
	const struct bus_device *b = bus_device_of(dev);

	assert_true(vmoon_bus_write(b->bus, b->base + off, size, val));
}

static const struct vmoon_device_ops vv_bus_ops = {.read = bus_read,
						   .write = bus_write};

static inline struct vmoon_driver *vv_bus_driver(struct vv *v,
						 struct bus_device *b,
						 size_t window)
{
	const struct vmoon_driver_config cfg = {.gm = &v->rig->vm->gmem,
						.dev = &b->dev,
						.host = &v->host,
						.heap = VV_HEAP,
						.heap_bytes = VV_HEAP_BYTES};
	struct vmoon_driver *d;
	struct vmoon_error err;

	b->dev.ops = &vv_bus_ops;
	b->bus = vmoon_board_mmio(v->rig->vm->board);
	b->base = VV_WINDOW(window);
	assert_ok(vmoon_driver_create(&cfg, &d, &err), &err);
	return d;
}

#endif
