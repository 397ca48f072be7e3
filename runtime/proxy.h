/* SPDX-License-Identifier: MIT */
/* proxy.h - a device whose accesses another thread makes. */
#ifndef VMOON_RUNTIME_PROXY_H
#define VMOON_RUNTIME_PROXY_H

#include "lock.h"
#include "loop.h"
#include "vmoon/device.h"

/*
 * In a slot it stands for a device whose functions may take their time. An
 * access leaves a request and parks its vCPU (vmoon_again); the thread of a
 * loop makes it, in the order of asking, and the vCPU comes back for what it
 * gave. The slot's lock guards no more than the requests and is never held for
 * long: pause, stop and a reset of the VM do not wait for the device.
 *
 * Whoever calls the device itself takes the lock of what is behind first.
 *
 * Not modelled: a snapshot while an access waits.
 */
struct vmoon_proxy;

struct vmoon_proxy_host {
	struct vmoon_mem *mem;      /* borrowed */
	struct vmoon_loop *loop;    /* borrowed; does not run yet */
	struct vmoon_again again;   /* of the device in the slot */
	bool (*is_over)(void *ctx); /* then nothing is called any more */
	void *ctx;
	uint64_t patience_ns; /* of vmoon_proxy_take; 0: 10 s */
};

/* Takes behind, also on failure; its functions need no env.again. */
VMOON_STATUS vmoon_proxy_create(const struct vmoon_proxy_host *host,
				struct vmoon_device *take_behind,
				struct vmoon_proxy **out_proxy,
				struct vmoon_error *err) VMOON_NONNULL(1, 2, 3);

/* For the slot, whose destroy is the end of both; the loop has ended then. */
struct vmoon_device *vmoon_proxy_device(struct vmoon_proxy *p) VMOON_NONNULL(1);
struct vmoon_device *vmoon_proxy_behind(struct vmoon_proxy *p) VMOON_NONNULL(1);
struct vmoon_lock *vmoon_proxy_lock(struct vmoon_proxy *p) VMOON_NONNULL(1);

/*
 * Its lock, for somebody who may wait for a while: E_TIMEOUT when its
 * patience is over, with the device's name. To be dropped.
 */
VMOON_STATUS vmoon_proxy_take(struct vmoon_proxy *p, const char *name,
			      struct vmoon_error *err) VMOON_NONNULL(1, 2);

/*
 * Under that lock, for what is behind. From within an access: whoever makes it
 * waits on, until somebody says false; others do not.
 */
void vmoon_proxy_hold(struct vmoon_proxy *p, bool is_held) VMOON_NONNULL(1);

/* It was reset, and what is behind has not come to it yet. Any thread. */
bool vmoon_proxy_is_resetting(const struct vmoon_proxy *p) VMOON_NONNULL(1);

#endif
