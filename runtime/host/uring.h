/* SPDX-License-Identifier: MIT */
/* uring.h - several transfers of a disk at once, by io_uring. */
#ifndef VMOON_RUNTIME_HOST_URING_H
#define VMOON_RUNTIME_HOST_URING_H

#include "vmoon/backend.h"
#include "vmoon/mem.h"

enum { VMOON_URING_SLOTS = 64 };

/*
 * READ, WRITE and FLUSH of one file. The kernel is told to take nothing else
 * from the ring, so that it opens no way around a list of system calls. All of
 * it belongs to one thread at a time; nothing is allocated after create.
 */
struct vmoon_uring;

struct vmoon_uring_config {
	struct vmoon_mem *mem;
	int fd; /* borrowed: until destroy */
	bool is_direct;
	/*
	 * A request ended: error and done are set. EAGAIN: the ring cannot do
	 * it, or not now; nothing of it is under way. May start others.
	 */
	void (*ended)(void *ctx, struct vmoon_block_request *request,
		      uint64_t epoch);
	void *ctx; /* borrowed */
};

/* NULL: this host, or this build, has none, or there is no memory. */
struct vmoon_uring *vmoon_uring_create(const struct vmoon_uring_config *cfg)
	VMOON_NONNULL(1);
/* Nothing is in flight. */
void vmoon_uring_destroy(struct vmoon_uring *u);

/* Is readable (an edge) when something may have ended. */
int vmoon_uring_fd(const struct vmoon_uring *u) VMOON_NONNULL(1);
/* Started and not ended. */
unsigned vmoon_uring_in_flight(const struct vmoon_uring *u) VMOON_NONNULL(1);
/* There is room: less than VMOON_URING_SLOTS are in flight. */
void vmoon_uring_start(struct vmoon_uring *u,
		       struct vmoon_block_request *request, uint64_t epoch)
	VMOON_NONNULL(1, 2);
/* Hands over all that was started, and tells what has ended. */
void vmoon_uring_run(struct vmoon_uring *u) VMOON_NONNULL(1);
/* The same; waits until something ends, where anything is in flight. */
void vmoon_uring_wait(struct vmoon_uring *u) VMOON_NONNULL(1);

#endif
