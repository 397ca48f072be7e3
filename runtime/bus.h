/* SPDX-License-Identifier: MIT */
/* bus.h - port I/O and MMIO dispatch to register devices. */
#ifndef VMOON_RUNTIME_BUS_H
#define VMOON_RUNTIME_BUS_H

#include "lock.h"
#include "vmoon/device.h"

/*
 * A device in a machine: the device, its lock and its name. The lock is a
 * leaf: whoever holds it calls only the device. Buses, the loop and host-side
 * calls (input, power button) take it around every call into the device.
 */
struct vmoon_slot {
	struct vmoon_device *dev; /* owned */
	const char *name;         /* borrowed: static */
	struct vmoon_lock lock;
};

void vmoon_slot_init(struct vmoon_slot *slot, const char *name,
		     struct vmoon_device *take_dev) VMOON_NONNULL(1, 2, 3);
void vmoon_slot_fini(struct vmoon_slot *slot) VMOON_NONNULL(1);

enum { VMOON_BUS_WINDOWS_MAX = 64 };

struct vmoon_bus_window {
	uint64_t base, last;     /* inclusive: a window may end at the top */
	struct vmoon_slot *slot; /* borrowed: outlives the bus */
};

/*
 * Windows are added before the guest runs and stay; lookups then need no
 * lock. One bus for port I/O, one for MMIO.
 */
struct vmoon_bus {
	struct vmoon_bus_window windows[VMOON_BUS_WINDOWS_MAX]; /* sorted */
	size_t count;
	uint64_t top; /* highest address: 0xffff for ports */
};

void vmoon_bus_init(struct vmoon_bus *bus, uint64_t top) VMOON_NONNULL(1);

/*
 * E_INVAL, and nothing changed, when the window is empty, passes the top or
 * overlaps another one.
 */
VMOON_STATUS vmoon_bus_add(struct vmoon_bus *bus, uint64_t base, uint64_t size,
			   struct vmoon_slot *slot, struct vmoon_error *err)
	VMOON_NONNULL(1, 4);

/*
 * One access of 1, 2, 4 or 8 bytes. False when no single window holds all of
 * it: a read then gives all ones, a write is dropped. Any vCPU thread.
 */
bool vmoon_bus_read(const struct vmoon_bus *bus, uint64_t addr, unsigned size,
		    uint64_t *out_value) VMOON_NONNULL(1, 4);
bool vmoon_bus_write(const struct vmoon_bus *bus, uint64_t addr, unsigned size,
		     uint64_t value) VMOON_NONNULL(1);

#endif
