/* SPDX-License-Identifier: MIT */
/* vm_device.h - an embedder's register device: what serves it on the worker. */
#ifndef VMOON_RUNTIME_VM_DEVICE_H
#define VMOON_RUNTIME_VM_DEVICE_H

#include "bus.h"
#include "device_options.h"
#include "hv.h"
#include "loop.h"

struct vmoon_vm;
struct vmoon_device_seat;

/* A doorbell's descriptor, which the guest's write signals. */
struct vmoon_device_bell {
	struct vmoon_loop_fd fd;        /* its descriptor is owned */
	struct vmoon_device_seat *seat; /* borrowed: what it is in */
	struct vmoon_hv_ioeventfd io;
	unsigned index;
};

/*
 * Timer, work and doorbells run on a loop, the VM's worker or one of its own,
 * under the device's lock, for which it never waits long: a vCPU may be in the
 * device. Once the VM is over nothing is called any more.
 */
struct vmoon_device_seat {
	struct vmoon_vm *vm;     /* borrowed: outlives this */
	struct vmoon_loop *loop; /* borrowed, likewise */
	/* Borrowed: before the loop runs. */
	struct vmoon_device *dev;
	struct vmoon_lock *lock;
	void (*tick)(struct vmoon_device *dev);
	void (*work)(struct vmoon_device *dev);
	void (*doorbell)(struct vmoon_device *dev, unsigned i);
	uint64_t due_ns; /* atomic: when to tick; 0: never */
	uint32_t rung;   /* atomic: a bit for each doorbell that was heard */
	bool is_woken;   /* atomic */
	struct vmoon_loop_event ask_event, arm_event;
	struct vmoon_loop_timer timer;
	struct vmoon_device_bell bells[VMOON_DOORBELLS_MAX];
	size_t bell_count; /* of these are in use */
};

/* All of these while nobody runs the loop. */
void vmoon_device_seat_init(struct vmoon_device_seat *seat, struct vmoon_vm *vm,
			    struct vmoon_loop *loop,
			    const struct vmoon_device_options *o)
	VMOON_NONNULL(1, 2, 3, 4);
VMOON_STATUS vmoon_device_seat_add_bells(struct vmoon_device_seat *seat,
					 const struct vmoon_device_options *o,
					 uint64_t base, struct vmoon_error *err)
	VMOON_NONNULL(1, 2);
/* The device is gone. */
void vmoon_device_seat_fini(struct vmoon_device_seat *seat) VMOON_NONNULL(1);

/* Capabilities: any thread. */
struct vmoon_timer vmoon_device_seat_timer(struct vmoon_device_seat *seat)
	VMOON_NONNULL(1);
struct vmoon_wake vmoon_device_seat_wake(struct vmoon_device_seat *seat)
	VMOON_NONNULL(1);
struct vmoon_again vmoon_device_seat_again(struct vmoon_device_seat *seat)
	VMOON_NONNULL(1);

#endif
