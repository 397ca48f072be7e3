/* SPDX-License-Identifier: MIT */
/* vcpu_bus.h - a driver beside a running VM whose accesses vCPU 0 makes. */
#ifndef VMOON_TESTS_VCPU_BUS_H
#define VMOON_TESTS_VCPU_BUS_H

#include "tests/support/virtio_bus.h"

#include <sched.h>

/*
 * What only a vCPU can wait for is answered here too. The test's thread hands
 * over one access at a time, as an exit of the scripted hypervisor's.
 */
enum vcpu_bus_phase { VCPU_BUS_IDLE, VCPU_BUS_ASKED, VCPU_BUS_RUNNING };

struct vcpu_bus {
	struct vmoon_device dev; /* what the driver has */
	struct vmoon_hv_vcpu *hv;
	struct vmoon_hv_vcpu_ops ops;
	const struct vmoon_hv_vcpu_ops *fake_ops;
	struct vmoon_hv_exit exit;
	unsigned char data[8];
	uint64_t base;
	enum vcpu_bus_phase phase; /* atomic */
};

static struct vcpu_bus *vcpu_bus; /* the only one */

static inline enum vcpu_bus_phase vcpu_bus_phase(const struct vcpu_bus *b)
{
	return __atomic_load_n(&b->phase, __ATOMIC_ACQUIRE);
}

/* An access is complete when the vCPU is run again. */
static inline enum vmoon_status vcpu_bus_run(struct vmoon_hv_vcpu *hv,
					     struct vmoon_hv_exit *out,
					     struct vmoon_error *err)
{
	struct vcpu_bus *b = vcpu_bus;

	if (vcpu_bus_phase(b) == VCPU_BUS_RUNNING)
		__atomic_store_n(&b->phase, VCPU_BUS_IDLE, __ATOMIC_RELEASE);
	if (vcpu_bus_phase(b) != VCPU_BUS_ASKED)
		return b->fake_ops->run(hv, out, err);
	*out = b->exit;
	__atomic_store_n(&b->phase, VCPU_BUS_RUNNING, __ATOMIC_RELEASE);
	return VMOON_OK;
}

static inline void vcpu_bus_access(struct vmoon_device *dev, bool is_write,
				   uint64_t off, unsigned size)
{
	struct vcpu_bus *b = VMOON_CONTAINER_OF(dev, struct vcpu_bus, dev);

	b->exit = (struct vmoon_hv_exit){.kind = VMOON_HV_EXIT_MMIO,
					 .is_write = is_write,
					 .size = (uint8_t)size, /* 1..8 */
					 .count = 1,
					 .addr = b->base + off,
					 .data = b->data};
	__atomic_store_n(&b->phase, VCPU_BUS_ASKED, __ATOMIC_RELEASE);
	b->hv->ops->kick(b->hv);
	while (vcpu_bus_phase(b) != VCPU_BUS_IDLE)
		(void)sched_yield();
}

static inline uint64_t vcpu_bus_read(struct vmoon_device *dev, uint64_t off,
				     unsigned size)
{
	uint64_t val = 0;

	vcpu_bus_access(dev, false, off, size);
	memcpy(&val, vcpu_bus->data, size);
	return val;
}

static inline void vcpu_bus_write(struct vmoon_device *dev, uint64_t off,
				  unsigned size, uint64_t val)
{
	memcpy(vcpu_bus->data, &val, sizeof(val));
	vcpu_bus_access(dev, true, off, size);
}

static const struct vmoon_device_ops vcpu_bus_ops = {.read = vcpu_bus_read,
						     .write = vcpu_bus_write};

/* Before the VM starts; its vCPU 0 spins otherwise. */
static inline struct vmoon_driver *vcpu_bus_driver(struct vv *v,
						   struct vcpu_bus *b,
						   size_t window)
{
	struct vmoon_hv_vcpu *hv = &v->rig->hv.cpu[0].hv;
	const struct vmoon_driver_config cfg = {.gm = &v->rig->vm->gmem,
						.dev = &b->dev,
						.host = &v->host,
						.heap = VV_HEAP,
						.heap_bytes = VV_HEAP_BYTES};
	struct vmoon_driver *d;
	struct vmoon_error err;

	*b = (struct vcpu_bus){.dev = {&vcpu_bus_ops},
			       .hv = hv,
			       .ops = *hv->ops,
			       .fake_ops = hv->ops,
			       .base = VV_WINDOW(window)};
	b->ops.run = vcpu_bus_run;
	hv->ops = &b->ops;
	vcpu_bus = b;
	assert_ok(vmoon_driver_create(&cfg, &d, &err), &err);
	return d;
}

#endif
