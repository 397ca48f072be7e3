/* SPDX-License-Identifier: MIT */
/* bus.h - port I/O and MMIO dispatch to register devices. */
#ifndef VMOON_RUNTIME_BUS_H
#define VMOON_RUNTIME_BUS_H

#include "lock.h"
#include "vmoon/device.h"

/*
 * A place for a device in a machine: the device, its lock and its name.
 * Whoever holds the lock calls only the device. Buses, the loop and host-side
 * calls (input, power button) take it around every call into the device.
 * A slot with windows on a bus outlives that bus: devices come and go, the
 * lock stays, because a vCPU may be on its way to it.
 */
struct vmoon_slot {
	struct vmoon_device *dev;         /* owned; NULL: empty */
	const char *name;                 /* borrowed: outlives dev */
	struct vmoon_guest_faults faults; /* where the bus counts for it */
	struct vmoon_lock lock;
};

/* take_dev may be NULL: then it is plugged later. */
void vmoon_slot_init(struct vmoon_slot *slot, const char *name,
		     struct vmoon_device *take_dev) VMOON_NONNULL(1);
/* Destroys the device; the slot is on no bus that is still used. */
void vmoon_slot_fini(struct vmoon_slot *slot) VMOON_NONNULL(1);

/* An empty slot gets a device; a slot without windows loses it. Any thread. */
void vmoon_slot_plug(struct vmoon_slot *slot, const char *name,
		     struct vmoon_device *take_dev) VMOON_NONNULL(1, 2, 3);
void vmoon_slot_unplug(struct vmoon_slot *slot) VMOON_NONNULL(1);

enum { VMOON_BUS_WINDOWS_MAX = 128 };

/*
 * Where a device is to be found. Widths are 1, 2, 4 or 8 bytes. What is not
 * between min and max never reaches the device: it reads as 0 and is counted,
 * or, when wider and is_split, becomes accesses of max_width, lowest first.
 */
struct vmoon_window {
	uint64_t base, size;
	struct vmoon_slot *slot;      /* borrowed: outlives the bus */
	uint8_t min_width, max_width; /* 0: 1 and 8 */
	bool is_split;
};

/* All members are atomic: a table is read while it is written anew. */
struct vmoon_bus_table {
	size_t count;
	uint64_t last[VMOON_BUS_WINDOWS_MAX]; /* inclusive, ascending */
	struct vmoon_bus_entry {
		uint64_t base;
		struct vmoon_slot *slot;
		uint64_t widths;
	} entries[VMOON_BUS_WINDOWS_MAX];
};

/*
 * One bus for port I/O, one for MMIO. A change fills the table that is not in
 * use and then raises the version. Readers never wait for it: they notice
 * under the slot's lock that the version moved, and look again.
 */
struct vmoon_bus {
	struct vmoon_bus_table tables[2]; /* version & 1 is in use */
	uint64_t version;                 /* atomic */
	uint64_t top; /* highest address: 0xffff for ports */
	struct vmoon_guest_faults faults; /* counts what nobody answered */
};

void vmoon_bus_init(struct vmoon_bus *bus, uint64_t top) VMOON_NONNULL(1);

/*
 * Adding and removing is for one thread at a time, which holds no device's
 * lock; vCPUs may access the bus meanwhile. All windows are added at once or,
 * with E_INVAL, none: when one is empty, passes the top, overlaps another, has
 * impossible widths, or its device lacks read or write.
 */
VMOON_STATUS vmoon_bus_add(struct vmoon_bus *bus,
			   const struct vmoon_window *windows, size_t count,
			   struct vmoon_error *err) VMOON_NONNULL(1);

/*
 * Removes the window that holds addr; false when there is none. On return no
 * access through it is running, and none will begin.
 */
bool vmoon_bus_remove(struct vmoon_bus *bus, uint64_t addr,
		      struct vmoon_window *out_window) VMOON_NONNULL(1, 3);

/* The windows by rising address; the second by the adding thread only. */
size_t vmoon_bus_count(const struct vmoon_bus *bus) VMOON_NONNULL(1);
struct vmoon_window vmoon_bus_window(const struct vmoon_bus *bus, size_t index)
	VMOON_NONNULL(1);

/*
 * One access of 1, 2, 4 or 8 bytes. False when no single window holds all of
 * it: a read then gives all ones, a write is dropped. Any vCPU thread.
 */
bool vmoon_bus_read(const struct vmoon_bus *bus, uint64_t addr, unsigned size,
		    uint64_t *out_value) VMOON_NONNULL(1, 4);
bool vmoon_bus_write(const struct vmoon_bus *bus, uint64_t addr, unsigned size,
		     uint64_t value) VMOON_NONNULL(1);

#endif
