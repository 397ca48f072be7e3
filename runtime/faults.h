/* SPDX-License-Identifier: MIT */
/* faults.h - what a guest did wrong: counted all, logged a little. */
#ifndef VMOON_RUNTIME_FAULTS_H
#define VMOON_RUNTIME_FAULTS_H

#include "lock.h"
#include "vmoon/device.h"
#include "vmoon/log.h"

enum { VMOON_GUEST_FAULT_KINDS = VMOON_GUEST_FAULT_REQUEST + 1 };

/* Of one device, or of a bus. */
struct vmoon_faults {
	const char *name;         /* borrowed: outlives this */
	struct vmoon_log log;     /* lines are of level INFO */
	struct vmoon_clock clock; /* for the rate of lines */
	struct vmoon_lock lock;
	struct vmoon_log_limit limit;             /* guarded by lock */
	uint64_t counts[VMOON_GUEST_FAULT_KINDS]; /* likewise */
};

void vmoon_faults_init(struct vmoon_faults *faults, const char *name,
		       const struct vmoon_log *log,
		       const struct vmoon_clock *clock)
	VMOON_NONNULL(1, 2, 3, 4);
/* Says how many were not shown, if any; nobody uses the capability now. */
void vmoon_faults_fini(struct vmoon_faults *faults) VMOON_NONNULL(1);

/* The capability. Any thread; it takes a leaf lock. */
struct vmoon_guest_faults vmoon_faults_of(struct vmoon_faults *faults)
	VMOON_NONNULL(1);

/* Any thread. */
uint64_t vmoon_faults_count(struct vmoon_faults *faults,
			    enum vmoon_guest_fault_kind fault) VMOON_NONNULL(1);

#endif
