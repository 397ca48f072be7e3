/* SPDX-License-Identifier: MIT */
/* board_seat.h - a virtio device's place on the board: what serves it. */
#ifndef VMOON_RUNTIME_BOARD_SEAT_H
#define VMOON_RUNTIME_BOARD_SEAT_H

#include "board_virtio.h"
#include "loop.h"
#include "proxy.h"

#include "virtio/mmio.h"

enum vmoon_seat_kind {
	VMOON_SEAT_OF_DISK,
	VMOON_SEAT_OF_RNG,
	VMOON_SEAT_OF_CONSOLE,
	VMOON_SEAT_OF_EMBEDDER
};

struct vmoon_virtio_seat;

/* A queue's descriptor, which the guest's write to NOTIFY signals. */
struct vmoon_virtio_kick {
	struct vmoon_loop_fd fd; /* its descriptor is owned */
	struct vmoon_virtio_seat *seat;
	unsigned queue;
};

struct vmoon_virtio_seat {
	struct vmoon_board_virtio *all; /* borrowed: what it is in */
	enum vmoon_seat_kind kind;
	const char *name; /* borrowed: the description's, or a literal */
	const struct vmoon_spec_disk *disk; /* borrowed; or NULL */
	/* Of the embedder's: for the one call only. */
	const struct vmoon_board_virtio_maker *maker;
	struct vmoon_acpi_virtio place;
	struct vmoon_loop *loop;   /* borrowed: serves the device */
	struct vmoon_slot *slot;   /* borrowed: in the rack */
	struct vmoon_proxy *proxy; /* borrowed: what the slot has; or NULL */
	struct vmoon_virtio *vd;   /* borrowed: of the slot's device */
	struct vmoon_block *block; /* borrowed: the disk's; or NULL */
	bool is_attached;          /* block to loop */
	bool is_resetting;         /* atomic: the device waits for the host */

	struct vmoon_virtio_kick *kicks; /* owned: queues of them */
	unsigned queues, kick_count;     /* how many of these are in use */

	uint64_t asked;  /* atomic: a bit for each queue to be looked at */
	uint64_t due_ns; /* atomic: when to tick; written under the lock */
	struct vmoon_loop_event ask_event, arm_event;
	struct vmoon_loop_timer timer;
};

struct vmoon_board_port {
	struct vmoon_virtio_seat *seat; /* borrowed: the console's */
	unsigned port;
};

struct vmoon_board_virtio {
	struct vmoon_board_host host;
	const struct vmoon_spec_devices *spec; /* borrowed: outlives this */
	struct vmoon_rack *rack;               /* likewise */
	struct vmoon_virtio_seat seats[VMOON_VIRTIO_DEVICES_MAX];
	size_t count;
	struct vmoon_board_port ports[VMOON_SPEC_PORTS_MAX];
};

/* The transport, and the lock around each call into it. */
static inline struct vmoon_device *vmoon_virtio_seat_dev(
	const struct vmoon_virtio_seat *seat)
{
	return seat->proxy != NULL ? vmoon_proxy_behind(seat->proxy)
				   : seat->slot->dev;
}

static inline struct vmoon_lock *vmoon_virtio_seat_lock(
	const struct vmoon_virtio_seat *seat)
{
	return seat->proxy != NULL ? vmoon_proxy_lock(seat->proxy)
				   : &seat->slot->lock;
}

/* board_virtio_make.c: the device by the seat's kind, the seat's block too. */
VMOON_STATUS vmoon_virtio_seat_make(struct vmoon_virtio_seat *seat,
				    const struct vmoon_rack_env *env,
				    struct vmoon_virtio **out_vd,
				    struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3);

#endif
