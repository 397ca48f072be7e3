/* SPDX-License-Identifier: MIT */
/* device.h - what every transport does for a virtio device (VIRTIO 1.2, 2). */
#ifndef VMOON_VIRTIO_DEVICE_H
#define VMOON_VIRTIO_DEVICE_H

#include "vmoon/devices.h"
#include "vmoon/virtio.h"
#include "vq.h"

/*
 * Status, features, queue set-up, configuration and the device's life, for a
 * transport that knows where its registers lie. What is refused changes
 * nothing and gives false: the transport counts it. All under the device's
 * lock.
 */

/* Device status (2.1). */
enum {
	VMOON_VDEV_ACKNOWLEDGE = 0x01,
	VMOON_VDEV_DRIVER = 0x02,
	VMOON_VDEV_DRIVER_OK = 0x04,
	VMOON_VDEV_FEATURES_OK = 0x08,
	VMOON_VDEV_NEEDS_RESET = 0x40,
	VMOON_VDEV_FAILED = 0x80,
	/* Each step of 3.1.1, as the status shows it. */
	VMOON_VDEV_AT_ACK = VMOON_VDEV_ACKNOWLEDGE,
	VMOON_VDEV_AT_DRIVER = VMOON_VDEV_AT_ACK | VMOON_VDEV_DRIVER,
	VMOON_VDEV_AT_FEATURES = VMOON_VDEV_AT_DRIVER | VMOON_VDEV_FEATURES_OK,
	VMOON_VDEV_AT_LIVE = VMOON_VDEV_AT_FEATURES | VMOON_VDEV_DRIVER_OK
};

/* What an interrupt is for: the same bits in both transports. */
enum { VMOON_VDEV_ISR_USED = 0x01, VMOON_VDEV_ISR_CONFIG = 0x02 };

/* In place of a queue: the configuration. */
#define VMOON_VDEV_CONFIG_VECTOR UINT32_MAX

/* What the queue selector holds when it was given more than any number. */
#define VMOON_VDEV_NO_QUEUE UINT32_C(0x10000)

struct vmoon_vdev_config {
	struct vmoon_mem *mem;
	const struct vmoon_gmem *gm; /* borrowed: outlives the device */
	struct vmoon_clock clock;
	struct vmoon_timer timer; /* calls vmoon_vdev_tick */
	struct vmoon_guest_faults faults;
	/* An ISR bit was set, for a queue or VMOON_VDEV_CONFIG_VECTOR. */
	void (*interrupt)(void *ctx, uint32_t vector);
	/* Has vmoon_vdev_kick called later. */
	void (*kick)(void *ctx, unsigned queue);
	/*
	 * Optional. True: a reset waits for the host. Whoever asked for it may
	 * not go on before false is told, once for all of them: drivers rely on
	 * a reset that is complete on return.
	 */
	void (*hold)(void *ctx, bool is_held);
	void *ctx; /* borrowed: of the three */
};

struct vmoon_vdev;

struct vmoon_vdev_queue {
	struct vmoon_vdev *vdev;     /* borrowed: it holds this */
	struct vmoon_vq_setup setup; /* what the driver says */
	struct vmoon_vq *vq;         /* owned */
};

/* What the driver may change outside of its queues. */
struct vmoon_vdev_regs {
	uint8_t status, isr;
	uint64_t driver_features;
	uint32_t device_page, driver_page; /* of features: selectors */
	uint32_t queue;                    /* selector */
	uint32_t generation;
};

/* Read by transports, written by device.c alone; at a fixed address. */
struct vmoon_vdev {
	struct vmoon_vdev_config cfg;
	struct vmoon_virtio *vd;         /* owned */
	struct vmoon_vdev_queue *queues; /* owned: vd->queue_count of them */
	struct vmoon_vq
		*live[VMOON_VIRTIO_QUEUES_MAX]; /* borrowed; NULL: not */
	struct vmoon_vdev_regs regs;
	bool is_live; /* activated, and not reset since */
	/* Nothing begins, and the driver is told of nothing. */
	bool is_resetting;
	bool is_waiting; /* the reset is, for what is in flight */
	uint64_t kicks, interrupts, resets, needs_reset;
};

/* Takes vd, also on failure. E_INVAL for one that breaks virtio.h's limits. */
VMOON_STATUS vmoon_vdev_init(struct vmoon_vdev *v,
			     const struct vmoon_vdev_config *cfg,
			     struct vmoon_virtio *take_vd,
			     struct vmoon_error *err) VMOON_NONNULL(1, 2, 3);
void vmoon_vdev_fini(struct vmoon_vdev *v) VMOON_NONNULL(1);

/* ---- what registers do ---- */

/* 0 resets; FAILED goes with anything; else the one next bit, or false. */
bool vmoon_vdev_set_status(struct vmoon_vdev *v, uint32_t status) VMOON_MUST_USE
	VMOON_NONNULL(1);
/* 32 bits at once; 0 for a page that has none. */
uint32_t vmoon_vdev_device_features(const struct vmoon_vdev *v, uint32_t page)
	VMOON_NONNULL(1);
bool vmoon_vdev_set_driver_features(struct vmoon_vdev *v, uint32_t page,
				    uint32_t bits) VMOON_MUST_USE
	VMOON_NONNULL(1);
void vmoon_vdev_select_device_page(struct vmoon_vdev *v, uint32_t page)
	VMOON_NONNULL(1);
void vmoon_vdev_select_driver_page(struct vmoon_vdev *v, uint32_t page)
	VMOON_NONNULL(1);
/* False, and no queue is selected, when it is more than any device has. */
bool vmoon_vdev_select_queue(struct vmoon_vdev *v,
			     uint32_t queue) VMOON_MUST_USE VMOON_NONNULL(1);

/* The selected one as the driver set it up, or NULL. Borrowed. */
const struct vmoon_vq_setup *vmoon_vdev_queue(const struct vmoon_vdev *v)
	VMOON_NONNULL(1);
bool vmoon_vdev_set_queue_size(struct vmoon_vdev *v,
			       uint32_t size) VMOON_MUST_USE VMOON_NONNULL(1);
bool vmoon_vdev_set_queue_part(struct vmoon_vdev *v, enum vmoon_vq_part part,
			       vmoon_gpa gpa) VMOON_MUST_USE VMOON_NONNULL(1);
/* Ready if 1, not ready if not; false as well for what is neither 0 nor 1. */
bool vmoon_vdev_set_queue_ready(struct vmoon_vdev *v,
				uint32_t ready) VMOON_MUST_USE VMOON_NONNULL(1);

/* Clears those bits of the ISR, once the driver is there. */
bool vmoon_vdev_acknowledge(struct vmoon_vdev *v, uint32_t bits) VMOON_MUST_USE
	VMOON_NONNULL(1);

/* size is 1, 2, 4 or 8. All of it is inside, or false. */
bool vmoon_vdev_config_read(const struct vmoon_vdev *v, uint64_t off,
			    unsigned size, uint64_t *out_val) VMOON_MUST_USE
	VMOON_NONNULL(1, 4);
bool vmoon_vdev_config_write(struct vmoon_vdev *v, uint64_t off, unsigned size,
			     uint64_t val) VMOON_MUST_USE VMOON_NONNULL(1);

/* ---- life ---- */

/* A driver is there that was not given up by either side. */
bool vmoon_vdev_can_serve(const struct vmoon_vdev *v) VMOON_NONNULL(1);
/* False: there is no such queue. Else it is drained if it can be. */
bool vmoon_vdev_kick(struct vmoon_vdev *v, unsigned queue) VMOON_MUST_USE
	VMOON_NONNULL(1);
void vmoon_vdev_tick(struct vmoon_vdev *v) VMOON_NONNULL(1);
/*
 * Everything as at the beginning, except generation and statistics; later, if
 * the device has to wait for its host (hold).
 */
void vmoon_vdev_reset(struct vmoon_vdev *v) VMOON_NONNULL(1);
/* out->size is left alone. */
void vmoon_vdev_stats(const struct vmoon_vdev *v,
		      struct vmoon_virtio_stats *out) VMOON_NONNULL(1, 2);

void vmoon_vdev_save(const struct vmoon_vdev *v, struct vmoon_state_writer *w)
	VMOON_NONNULL(1, 2);
/* E_STATE while a driver is there: reset first. */
VMOON_STATUS vmoon_vdev_load(struct vmoon_vdev *v, struct vmoon_state_reader *r,
			     struct vmoon_error *err) VMOON_NONNULL(1, 2);

/* ---- between device.c and device_state.c ---- */

bool vmoon_vdev_are_features_ok(const struct vmoon_vdev *v, uint64_t features)
	VMOON_NONNULL(1);
/* All that are ready, or false and none. */
bool vmoon_vdev_start_queues(struct vmoon_vdev *v,
			     const struct vmoon_vq_setup *setups,
			     uint64_t features) VMOON_MUST_USE
	VMOON_NONNULL(1, 2);
void vmoon_vdev_stop_queues(struct vmoon_vdev *v) VMOON_NONNULL(1);
/* Queues are started; the device may still say no. */
void vmoon_vdev_activate(struct vmoon_vdev *v) VMOON_NONNULL(1);
void vmoon_vdev_config_changed(struct vmoon_vdev *v) VMOON_NONNULL(1);

#endif
