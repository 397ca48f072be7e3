/* SPDX-License-Identifier: MIT */
/* console.h - consoles and serial ports over virtio (VIRTIO 1.2, 5.3). */
#ifndef VMOON_VIRTIO_CONSOLE_H
#define VMOON_VIRTIO_CONSOLE_H

#include "vmoon/devices.h"
#include "vmoon/virtio.h"

enum {
	VMOON_CONSOLE_PORTS_MAX = 16,
	VMOON_CONSOLE_NAME_MAX = 64,
	VMOON_CONSOLE_INPUT = 4096 /* bytes that a port keeps for the guest */
};

/* A driver without MULTIPORT sees port 0 alone, as a console. */
struct vmoon_console_port {
	const char *name; /* copied: /dev/virtio-ports/NAME; "" for none */
	bool is_console;  /* hvcN, else a plain port (vportNpM) */
	struct vmoon_sink out;
	struct vmoon_room room; /* input of the guest fits again */
	/* The guest opened or closed it; fire's value is 1 or 0. NULL: off */
	struct vmoon_notify opened;
};

struct vmoon_console_config {
	struct vmoon_mem *mem;
	const struct vmoon_console_port *ports;
	size_t port_count;   /* 1..VMOON_CONSOLE_PORTS_MAX */
	uint16_t cols, rows; /* of port 0 at first; 0: not known */
};

VMOON_STATUS vmoon_console_create(const struct vmoon_console_config *cfg,
				  struct vmoon_virtio **out_vd,
				  struct vmoon_error *err) VMOON_NONNULL(1, 2);

/* ---- the host's side of a port, under the device's lock ---- */

/* Input that the port takes now: bytes, 0 while the guest is not there. */
size_t vmoon_console_room(const struct vmoon_virtio *vd, unsigned port)
	VMOON_NONNULL(1);
/* All of it or, when it is more than there is room for, none: what it took. */
size_t vmoon_console_receive(struct vmoon_virtio *vd, unsigned port,
			     const void *buf, size_t len) VMOON_NONNULL(1, 3);
/* The port's sink is no longer held. */
void vmoon_console_resume(struct vmoon_virtio *vd, unsigned port)
	VMOON_NONNULL(1);
/* The host's side of the port is (not) there: the guest is told. */
void vmoon_console_set_open(struct vmoon_virtio *vd, unsigned port,
			    bool is_open) VMOON_NONNULL(1);
/* Any number of times, in any state: the last one counts. */
void vmoon_console_resize(struct vmoon_virtio *vd, unsigned port, uint16_t cols,
			  uint16_t rows) VMOON_NONNULL(1);
void vmoon_console_stats(const struct vmoon_virtio *vd, unsigned port,
			 struct vmoon_port_stats *out) VMOON_NONNULL(1, 3);

#endif
