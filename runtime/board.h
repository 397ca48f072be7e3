/* SPDX-License-Identifier: MIT */
/* board.h - a machine: which devices there are and where they sit. */
#ifndef VMOON_RUNTIME_BOARD_H
#define VMOON_RUNTIME_BOARD_H

#include "bus.h"
#include "disks.h"
#include "gmem.h"
#include "hv.h"
#include "rack.h"
#include "spec.h"
#include "vmoon/mem.h"

/* What the board's devices may reach; all of it outlives the board. */
struct vmoon_board_host {
	struct vmoon_mem *mem;
	struct vmoon_hv_vm *hv;
	struct vmoon_sink console;
	struct vmoon_room console_room;
	struct vmoon_clock clock;
	struct vmoon_log log; /* of guest faults */
	struct vmoon_notify poweroff, reset, panic, debug_exit;
	/* Of virtio devices; what serves each is in board_virtio.h. */
	struct vmoon_gmem *gmem;
	struct vmoon_host_kit kit;
	struct vmoon_loop *loop; /* the worker's */
	struct vmoon_loop *(*disk_loop)(void *ctx, size_t disk);
	/*
	 * Optional. True: this thread, if it is a vCPU's, does not run the
	 * guest before false is told for the same device, which is a name
	 * only. Under that device's lock.
	 */
	void (*hold)(void *ctx, const void *device, bool is_held);
	/* Optional. True: for the embedder's devices nothing is done more. */
	bool (*is_over)(void *ctx);
	/* Optional. True: their timers wait; vmoon_board_virtio_resume. */
	bool (*is_paused)(void *ctx);
	void *loop_ctx; /* borrowed: of disk_loop, hold and the is_ ones */
	struct vmoon_board_stream {
		struct vmoon_sink out;
		struct vmoon_room room;
	} ports[VMOON_SPEC_PORTS_MAX]; /* as many as the description has */
};

struct vmoon_board;
struct vmoon_board_virtio;
struct vmoon_boot_files;

/* spec is borrowed until destroy. */
VMOON_STATUS vmoon_board_create(const struct vmoon_spec *spec,
				const struct vmoon_board_host *host,
				struct vmoon_board **out_board,
				struct vmoon_error *err) VMOON_NONNULL(1, 2, 3);
void vmoon_board_destroy(struct vmoon_board *board);

/*
 * A user's device joins or leaves; see resources.h and rack.h. By one thread
 * at a time and not from a device; the guest may be running. The machine's own
 * devices stay: E_INVAL.
 */
VMOON_STATUS vmoon_board_add(struct vmoon_board *board,
			     const struct vmoon_rack_device *device,
			     struct vmoon_error *err) VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_board_remove(struct vmoon_board *board, const char *name,
				struct vmoon_error *err) VMOON_NONNULL(1, 2);

/* Borrowed until the device is removed; NULL when there is none. */
struct vmoon_slot *vmoon_board_slot(struct vmoon_board *board, const char *name)
	VMOON_NONNULL(1, 2);

/* Port I/O and MMIO, for any vCPU thread. */
const struct vmoon_bus *vmoon_board_pio(const struct vmoon_board *board)
	VMOON_NONNULL(1);
const struct vmoon_bus *vmoon_board_mmio(const struct vmoon_board *board)
	VMOON_NONNULL(1);

/*
 * Power-on state of all devices and interrupt chips. No vCPU is running. A
 * device may have to wait for its host: then is_resetting, until false was
 * told by hold, and guest memory may still be written to.
 */
VMOON_STATUS vmoon_board_reset(struct vmoon_board *board,
			       struct vmoon_error *err) VMOON_NONNULL(1);
bool vmoon_board_is_resetting(const struct vmoon_board *board) VMOON_NONNULL(1);

/*
 * A node of the guest's ACPI tables for a device that was added. E_CONFIG when
 * they cannot have it. drop takes the last one away again.
 */
struct vmoon_acpi_device;
VMOON_STATUS vmoon_board_add_node(struct vmoon_board *board,
				  const struct vmoon_acpi_device *node,
				  struct vmoon_error *err) VMOON_NONNULL(1, 2);
void vmoon_board_drop_node(struct vmoon_board *board) VMOON_NONNULL(1);

/*
 * Tells the guest of its machine: ACPI tables and MP table. Without a board
 * (NULL) of what is in the description alone. No vCPU is running.
 */
VMOON_STATUS vmoon_board_load_tables(const struct vmoon_spec *spec,
				     struct vmoon_board *board,
				     struct vmoon_gmem *gm,
				     struct vmoon_error *err)
	VMOON_NONNULL(1, 3);

/*
 * Fills guest memory with the kernel; says where to start. The first call
 * opens files (NULL: each call does, and closes), which the caller closes.
 */
VMOON_STATUS vmoon_board_load(const struct vmoon_spec *spec,
			      struct vmoon_boot_files *files,
			      struct vmoon_gmem *gm,
			      struct vmoon_x86_entry *out_entry,
			      struct vmoon_error *err) VMOON_NONNULL(1, 3, 4);

/* Borrowed: board_virtio.h has what can be asked of them. */
struct vmoon_board_virtio *vmoon_board_virtio(struct vmoon_board *board)
	VMOON_NONNULL(1);

/* Host side of devices; each takes the device's lock. Any thread. */
void vmoon_board_press_power(struct vmoon_board *board) VMOON_NONNULL(1);
size_t vmoon_board_console_room(void *board);
size_t vmoon_board_console_receive(void *board, const void *buf, size_t len);
void vmoon_board_console_resume(void *board); /* its sink takes bytes again */

#endif
