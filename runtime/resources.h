/* SPDX-License-Identifier: MIT */
/* resources.h - what a device needs of a machine, planned all or nothing. */
#ifndef VMOON_RUNTIME_RESOURCES_H
#define VMOON_RUNTIME_RESOURCES_H

#include "bus.h"
#include "hv.h"
#include "space.h"

/*
 * A user's device on a board (see rack.h), from its birth to its end:
 *
 *   struct vmoon_resource want[] = {
 *           {.kind = VMOON_RESOURCE_MMIO, .size = 0x1000},
 *           {.kind = VMOON_RESOURCE_IRQ},
 *   };
 *   struct vmoon_rack_device dev = {
 *           .name = "timer0", .resources = want, .count = 2,
 *           .make = make_timer, .ctx = &settings};
 *
 *   st = vmoon_board_add(board, &dev, &err);    // make() gets its interrupt
 *   ... want[0].base and want[1].base say what was decided ...
 *   st = vmoon_board_remove(board, "timer0", &err);
 *
 * Both work before the guest runs and while it does.
 */

enum { VMOON_RESOURCES_MAX = 8 }; /* of one device */

enum vmoon_resource_kind {
	VMOON_RESOURCE_PORTS,
	VMOON_RESOURCE_MMIO,
	VMOON_RESOURCE_IRQ /* a line; size is not looked at */
};

struct vmoon_resource {
	enum vmoon_resource_kind kind;
	bool is_fixed; /* base is given, not to be found */
	uint64_t base; /* address or line: asked for, or what was found */
	uint64_t size;
	uint64_t align;               /* 0: MMIO a page, ports 1 */
	uint8_t min_width, max_width; /* as in struct vmoon_window */
	bool is_split;
	bool is_edge; /* of a line: pulses; nobody shares it */
};

/* Where a machine has room. Bounds are inclusive. */
struct vmoon_plan_limits {
	uint64_t ports_low, ports_high; /* where ports are found */
	uint64_t mmio_low, mmio_high;   /* where MMIO is found */
	uint64_t mmio_top;              /* highest address of all */
	unsigned lines_low, lines_high; /* found; below VMOON_GSI_COUNT */
	unsigned lines_first;           /* lower ones are the chips' own */
};

/* What is taken. A plain value; one thread at a time. */
struct vmoon_plan {
	struct vmoon_plan_limits limits;
	struct vmoon_space ports, mmio;
	uint8_t users[VMOON_GSI_COUNT]; /* devices on each line */
	/* The last that took it, for messages; NULL: not known. Borrowed. */
	const char *user[VMOON_GSI_COUNT];
	uint32_t edges; /* a bit for each line with pulses */
};

/* E_INVAL for bounds that are upside down. */
VMOON_STATUS vmoon_plan_init(struct vmoon_plan *plan,
			     const struct vmoon_plan_limits *limits,
			     struct vmoon_error *err) VMOON_NONNULL(1, 2);

/*
 * Decides on every resource and fills in base, or changes neither plan nor
 * list. A line that is found has no other user; a fixed one may be shared.
 * E_INVAL for what cannot be (more than VMOON_RESOURCES_MAX, too), E_CONFIG
 * when it is taken or there is no room.
 * owner is borrowed until the resources are released.
 */
VMOON_STATUS vmoon_plan_take(struct vmoon_plan *plan, const char *owner,
			     struct vmoon_resource *list, size_t count,
			     struct vmoon_error *err) VMOON_NONNULL(1, 2);

/* Gives back what vmoon_plan_take decided on. */
void vmoon_plan_release(struct vmoon_plan *plan,
			const struct vmoon_resource *list, size_t count)
	VMOON_NONNULL(1);

/*
 * Windows on a bus for the resources of one kind, PORTS or MMIO; others are
 * passed over. All or nothing, as vmoon_bus_add.
 */
VMOON_STATUS vmoon_resources_attach(const struct vmoon_resource *list,
				    size_t count, enum vmoon_resource_kind kind,
				    struct vmoon_slot *slot,
				    struct vmoon_bus *bus,
				    struct vmoon_error *err)
	VMOON_NONNULL(4, 5);

/* Removes them again; says how many there were. */
size_t vmoon_resources_detach(const struct vmoon_resource *list, size_t count,
			      enum vmoon_resource_kind kind,
			      struct vmoon_bus *bus) VMOON_NONNULL(4);

#endif
