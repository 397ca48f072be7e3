/* SPDX-License-Identifier: MIT */
/* vm_device.h - a device that the embedder brings, and what serves it. */
#ifndef VMOON_RUNTIME_VM_DEVICE_H
#define VMOON_RUNTIME_VM_DEVICE_H

#include "bus.h"
#include "device_options.h"
#include "hv.h"
#include "loop.h"

struct vmoon_vm;
struct vmoon_proxy;
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
 * device. While the VM is paused its timer waits; once the VM is over nothing
 * is called any more.
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

/* One of them, from its making to the end of its VM. */
struct vmoon_vm_device {
	struct vmoon_vm_device *next; /* owned */
	struct vmoon_vm *vm;          /* borrowed: its owner */
	char name[VMOON_DEVICE_NAME_MAX + 1];
	bool is_virtio, has_worker; /* worker: of its own */
	/* One of these, for the one call only. */
	const struct vmoon_device_options *options;
	const struct vmoon_virtio_options *virtio;
	struct vmoon_loop *loop;   /* borrowed: the VM's, or its own worker's */
	struct vmoon_proxy *proxy; /* borrowed: what its slot has; or NULL */
	/* A virtio device has nothing of it but vm, for again. */
	struct vmoon_device_seat seat;
	struct vmoon_lock lock;   /* a leaf; guards what follows */
	struct vmoon_error error; /* that it reported */
	bool has_failed;          /* and nobody has been told */
};

/* The device is gone; the loop does not run. */
void vmoon_vm_device_destroy(struct vmoon_vm_device *d) VMOON_NONNULL(1);

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

/* The VM is no longer paused. Any thread. */
void vmoon_device_seat_resume(struct vmoon_device_seat *seat) VMOON_NONNULL(1);

/* Capabilities: any thread. */
struct vmoon_timer vmoon_device_seat_timer(struct vmoon_device_seat *seat)
	VMOON_NONNULL(1);
struct vmoon_wake vmoon_device_seat_wake(struct vmoon_device_seat *seat)
	VMOON_NONNULL(1);
struct vmoon_again vmoon_device_seat_again(struct vmoon_device_seat *seat)
	VMOON_NONNULL(1);

#endif
