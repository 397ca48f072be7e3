/* SPDX-License-Identifier: MIT */
/* board_virtio.h - a machine's virtio devices, for those who know no virtio. */
#ifndef VMOON_RUNTIME_BOARD_VIRTIO_H
#define VMOON_RUNTIME_BOARD_VIRTIO_H

#include "board.h"
#include "boot/acpi.h"

struct vmoon_proxy;

/*
 * Disks in their order, then entropy, then the console. Each has a window in
 * the hole below 4 GiB and a level interrupt, both by its number alone.
 *
 * Locks and threads: a slot's lock is held around every call into its device.
 * Kicks, timers and what was put off run on the loop that serves the device:
 * the disk's or the device's own, or the worker's.
 */
struct vmoon_board_virtio;

/* How many there are, and where the i-th is. */
size_t vmoon_board_virtio_count(const struct vmoon_spec_devices *spec)
	VMOON_NONNULL(1);
struct vmoon_acpi_virtio vmoon_board_virtio_place(size_t i);
/* The places of those that are there, of VMOON_ACPI_VIRTIO_MAX; how many. */
size_t vmoon_board_virtio_places(const struct vmoon_board_virtio *v,
				 struct vmoon_acpi_virtio *out)
	VMOON_NONNULL(1, 2);

/* spec is borrowed, host is copied. Before any loop runs. */
VMOON_STATUS vmoon_board_virtio_create(const struct vmoon_spec_devices *spec,
				       const struct vmoon_board_host *host,
				       struct vmoon_rack *rack,
				       struct vmoon_board_virtio **out_virtio,
				       struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3, 4);
/* A device's reset waits for the host. Any thread. */
bool vmoon_board_virtio_is_resetting(const struct vmoon_board_virtio *v)
	VMOON_NONNULL(1);
/* Timers of the embedder's devices waited, and do so no more. Any thread. */
void vmoon_board_virtio_resume(struct vmoon_board_virtio *v) VMOON_NONNULL(1);
/* No loop runs any more. Takes its devices out of the rack. */
void vmoon_board_virtio_destroy(struct vmoon_board_virtio *v);

/*
 * One more, of the embedder's, which make makes; name is borrowed until the
 * end. No loop runs yet. E_CONFIG when there is no room.
 */
struct vmoon_board_virtio_maker {
	const char *name;
	enum vmoon_status (*make)(void *ctx, const struct vmoon_rack_env *env,
				  struct vmoon_virtio **out_vd,
				  struct vmoon_error *err);
	void *ctx;
	struct vmoon_loop *loop; /* borrowed: serves it */
	/*
	 * NULL: nothing stands between the bus and the transport. Else what
	 * does: takes *dev and makes it what the bus is to see.
	 */
	enum vmoon_status (*wrap)(void *ctx, struct vmoon_device **dev,
				  struct vmoon_proxy **out_proxy,
				  struct vmoon_error *err);
};
VMOON_STATUS vmoon_board_virtio_add(
	struct vmoon_board_virtio *v,
	const struct vmoon_board_virtio_maker *maker,
	struct vmoon_acpi_virtio *out_place, struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3);
/* The one that was added last leaves again. */
void vmoon_board_virtio_drop(struct vmoon_board_virtio *v) VMOON_NONNULL(1);

/* ---- host side; each takes the device's lock. Any thread ---- */

/* NULL past the end. Borrowed. */
const char *vmoon_board_virtio_name(const struct vmoon_board_virtio *v,
				    size_t i) VMOON_NONNULL(1);
const char *vmoon_board_virtio_type(const struct vmoon_board_virtio *v,
				    size_t i) VMOON_NONNULL(1);

/* E_INVAL: there is no such device, or it is of another kind. */
VMOON_STATUS vmoon_board_virtio_call(struct vmoon_board_virtio *v,
				     const char *name,
				     void (*fn)(void *ctx,
						struct vmoon_virtio *vd),
				     void *ctx, struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3);
VMOON_STATUS vmoon_board_virtio_stats(struct vmoon_board_virtio *v,
				      const char *name,
				      struct vmoon_virtio_stats *out,
				      struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3);
VMOON_STATUS vmoon_board_disk_stats(struct vmoon_board_virtio *v,
				    const char *name,
				    struct vmoon_disk_stats *out,
				    struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3);
VMOON_STATUS vmoon_board_disk_limit(struct vmoon_board_virtio *v,
				    const char *name,
				    const struct vmoon_disk_limits *limits,
				    struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3);
VMOON_STATUS vmoon_board_disk_resize(struct vmoon_board_virtio *v,
				     const char *name, uint64_t bytes,
				     struct vmoon_error *err)
	VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_board_rng_stats(struct vmoon_board_virtio *v,
				   const char *name,
				   struct vmoon_rng_stats *out,
				   struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3);

/* Ports by their number in the description, which has so many. */
void vmoon_board_port_stats(struct vmoon_board_virtio *v, unsigned port,
			    struct vmoon_port_stats *out) VMOON_NONNULL(1, 3);
void vmoon_board_port_resize(struct vmoon_board_virtio *v, unsigned port,
			     uint16_t cols, uint16_t rows) VMOON_NONNULL(1);

/* For a stream: its context, and what is called with it. */
void *vmoon_board_port(struct vmoon_board_virtio *v, unsigned port)
	VMOON_NONNULL(1);
size_t vmoon_board_port_room(void *port);
size_t vmoon_board_port_receive(void *port, const void *buf, size_t len);
void vmoon_board_port_resume(void *port);

#endif
