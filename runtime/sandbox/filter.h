/* SPDX-License-Identifier: MIT */
/* filter.h - the rows of one thread as a program for the kernel. */
#ifndef VMOON_RUNTIME_SANDBOX_FILTER_H
#define VMOON_RUNTIME_SANDBOX_FILTER_H

#include "sandbox/rules.h"
#include "vmoon/error.h"

struct sock_filter;
struct vmoon_mem;

/* A row for each request on a descriptor of the hypervisor's. */
struct vmoon_sandbox_requests {
	enum vmoon_sandbox_operand fd;
	const uint32_t *codes; /* borrowed; 0 ends them; NULL: none */
};

/* All that one thread may do. */
struct vmoon_sandbox_list {
	enum vmoon_sandbox_thread thread;
	struct vmoon_sandbox_set of[VMOON_SANDBOX_OPERANDS];
	struct vmoon_sandbox_requests hv[2];
};

struct vmoon_filter {
	struct vmoon_mem *mem;    /* borrowed */
	struct sock_filter *code; /* owned */
	unsigned short len;
	bool is_asking; /* denied calls wait for somebody's answer */
};

/* How calls that no row allows end. */
enum vmoon_sandbox_denial {
	VMOON_SANDBOX_ASK, /* whoever has the listener answers */
	VMOON_SANDBOX_EPERM,
	VMOON_SANDBOX_ASK_ALL /* tests count what rows are for: all calls ask */
};

/* Calls fn for each row of the list, with the rows of hv; until it fails. */
VMOON_STATUS vmoon_sandbox_each(
	const struct vmoon_sandbox_list *list,
	enum vmoon_status (*fn)(void *ctx, const struct vmoon_sandbox_row *row),
	void *ctx) VMOON_NONNULL(1, 2);

/* Any thread that may do everything; made by libseccomp. */
VMOON_STATUS vmoon_filter_init(struct vmoon_filter *out, struct vmoon_mem *mem,
			       const struct vmoon_sandbox_list *list,
			       enum vmoon_sandbox_denial denial,
			       struct vmoon_error *err) VMOON_NONNULL(1, 3);
void vmoon_filter_fini(struct vmoon_filter *f) VMOON_NONNULL(1);

/*
 * Puts the calling thread, and no other, under f for good. Gives the listener
 * (owned, close-on-exec), or -1 when f asks nobody or the host refuses one more
 * listener: then denied calls return EPERM, and nobody is told. E_SYS where the
 * host has no such filters.
 */
VMOON_STATUS vmoon_filter_enter(struct vmoon_filter *f, int *out_listener,
				struct vmoon_error *err) VMOON_NONNULL(1, 2);

#endif
