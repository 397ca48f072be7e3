/* SPDX-License-Identifier: MIT */
/* rack.h - the devices of a machine: planned, made, wired, and taken out. */
#ifndef VMOON_RUNTIME_RACK_H
#define VMOON_RUNTIME_RACK_H

#include "bus.h"
#include "faults.h"
#include "idpool.h"
#include "irq.h"
#include "resources.h"

enum { VMOON_RACK_SLOTS = 128 };

/* What a device is made from, beside what its maker has of its own. */
struct vmoon_rack_env {
	/* One for each IRQ among the resources, in their order. */
	struct vmoon_irq irqs[VMOON_RESOURCES_MAX];
	struct vmoon_guest_faults faults;
};

/* A device to be added. */
struct vmoon_rack_device {
	const char *name;                 /* borrowed until it is removed */
	struct vmoon_resource *resources; /* bases are filled in */
	size_t count;
	/* Once, before anybody can call the device. */
	enum vmoon_status (*make)(void *ctx, const struct vmoon_rack_env *env,
				  struct vmoon_device **out_dev,
				  struct vmoon_error *err);
	void *ctx;
};

struct vmoon_rack_place {
	struct vmoon_slot slot;
	struct vmoon_faults faults;
	struct vmoon_rack_env env;
	struct vmoon_resource resources[VMOON_RESOURCES_MAX];
	size_t count;
};

/*
 * Devices are added and removed by one thread at a time, which holds no
 * device's lock; vCPUs may use the buses meanwhile. Too big for a stack.
 */
struct vmoon_rack {
	struct vmoon_log log;
	struct vmoon_clock clock;
	struct vmoon_plan plan;
	struct vmoon_bus pio, mmio;
	struct vmoon_faults pio_faults, mmio_faults;
	struct vmoon_irqs irqs;
	struct vmoon_idpool places_taken;
	struct vmoon_rack_place places[VMOON_RACK_SLOTS];
};

/* hv is borrowed until fini, as are the contexts of log and clock. */
VMOON_STATUS vmoon_rack_init(struct vmoon_rack *rack,
			     const struct vmoon_plan_limits *limits,
			     struct vmoon_hv_vm *hv,
			     const struct vmoon_log *log,
			     const struct vmoon_clock *clock,
			     struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3, 4, 5);
/* Destroys the devices; nobody uses the buses. */
void vmoon_rack_fini(struct vmoon_rack *rack) VMOON_NONNULL(1);

/*
 * All or nothing. A name is used once. out_slot may be NULL; it is borrowed
 * until the device is removed.
 */
VMOON_STATUS vmoon_rack_add(struct vmoon_rack *rack,
			    const struct vmoon_rack_device *device,
			    struct vmoon_slot **out_slot,
			    struct vmoon_error *err) VMOON_NONNULL(1, 2);

/*
 * On return the device is destroyed; an access that was running has finished.
 * E_CONFIG when there is no such device.
 */
VMOON_STATUS vmoon_rack_remove(struct vmoon_rack *rack, const char *name,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2);

/* Borrowed until the device is removed; NULL when there is none. */
struct vmoon_slot *vmoon_rack_slot(struct vmoon_rack *rack, const char *name)
	VMOON_NONNULL(1, 2);

/* Every device to its power-on state. */
void vmoon_rack_reset(struct vmoon_rack *rack) VMOON_NONNULL(1);

/* Faults counted for a device, 0 when there is none of that name. */
uint64_t vmoon_rack_faults(struct vmoon_rack *rack, const char *name,
			   enum vmoon_guest_fault_kind fault)
	VMOON_NONNULL(1, 2);

#endif
