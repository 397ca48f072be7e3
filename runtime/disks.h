/* SPDX-License-Identifier: MIT */
/* disks.h - what a machine's devices need of the host: disks and entropy. */
#ifndef VMOON_RUNTIME_DISKS_H
#define VMOON_RUNTIME_DISKS_H

#include "loop.h"
#include "spec_devices.h"
#include "vmoon/backend.h"

struct vmoon_lock;

/*
 * Static const. open says what is wrong with the disk, not which one it is.
 * lock is the device's; loop does not run yet at attach, and no longer at
 * detach, which drains. resize is called under the lock.
 */
struct vmoon_disk_ops {
	enum vmoon_status (*open)(void *ctx, struct vmoon_mem *mem,
				  const struct vmoon_spec_disk *disk,
				  struct vmoon_block **out_block,
				  struct vmoon_error *err);
	enum vmoon_status (*attach)(struct vmoon_block *b,
				    struct vmoon_loop *loop,
				    struct vmoon_lock *lock,
				    struct vmoon_error *err);
	void (*detach)(struct vmoon_block *b);
	enum vmoon_status (*resize)(struct vmoon_block *b, uint64_t bytes,
				    struct vmoon_error *err);
};

/* A value; tests bring their own. NULL members: there is no such thing. */
struct vmoon_host_kit {
	const struct vmoon_disk_ops *disks;
	void *disks_ctx; /* borrowed: outlives the VM */
	/* Never blocks, all len bytes or false. Any thread. */
	bool (*random)(void *ctx, void *dst, size_t len);
	void *random_ctx; /* likewise */
};

/* Files and the kernel's entropy (runtime/host/kit.c). */
struct vmoon_host_kit vmoon_host_kit(void);

#endif
