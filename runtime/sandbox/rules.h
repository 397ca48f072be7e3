/* SPDX-License-Identifier: MIT */
/* rules.h - which system calls the library's own threads may make, and why. */
#ifndef VMOON_RUNTIME_SANDBOX_RULES_H
#define VMOON_RUNTIME_SANDBOX_RULES_H

#include "vmoon/base.h"

/* A bit each: a row may serve several kinds of threads. */
enum vmoon_sandbox_thread {
	VMOON_SANDBOX_VCPU = 1,
	VMOON_SANDBOX_WORKER = 2,
	VMOON_SANDBOX_MONITOR = 4,
	VMOON_SANDBOX_DISK = 8,      /* a disk's own */
	VMOON_SANDBOX_WATCHDOG = 16, /* vmoon/watchdog.h */
	VMOON_SANDBOX_DEVICE = 32    /* a device's own */
};

/* What an argument is compared with. All but VALUE are a VM's own. */
enum vmoon_sandbox_operand {
	VMOON_SANDBOX_VALUE,  /* the number in the row */
	VMOON_SANDBOX_WAKE,   /* the eventfds of the VM's loops */
	VMOON_SANDBOX_EVENTS, /* the runtime's descriptor */
	VMOON_SANDBOX_EPOLL,  /* of the thread's own loop */
	VMOON_SANDBOX_MONITOR_EPOLL,
	VMOON_SANDBOX_LISTENERS, /* where denied calls arrive: the monitor's */
	VMOON_SANDBOX_HV_VM,     /* the hypervisor's descriptor of the VM */
	VMOON_SANDBOX_HV_VCPU,   /* of the thread's vCPU; the worker: of each */
	VMOON_SANDBOX_KICK,      /* the signal that ends KVM_RUN, or a hook */
	VMOON_SANDBOX_PID,       /* this process */
	VMOON_SANDBOX_OPERANDS
};

struct vmoon_sandbox_cmp {
	unsigned arg; /* 0 to 5 */
	enum vmoon_sandbox_operand what;
	uint64_t mask, value; /* VALUE only: (arg & mask) == value */
};

enum { VMOON_SANDBOX_CMPS_MAX = 3 };

/* All comparisons hold: a match. mask 0 with VALUE: no comparison. */
struct vmoon_sandbox_row {
	unsigned threads; /* VMOON_SANDBOX_* bits */
	int call;
	const char *name;
	struct vmoon_sandbox_cmp when[VMOON_SANDBOX_CMPS_MAX];
	int refuse_as; /* 0: allowed; else this errno, and nobody is told */
	const char *why;
};

/* The table; the hypervisor's own requests come on top (hv.h). */
const struct vmoon_sandbox_row *vmoon_sandbox_rows(size_t *out_count)
	VMOON_NONNULL(1);

/* ioctl of one request on HV_VM or HV_VCPU. */
struct vmoon_sandbox_row vmoon_sandbox_ioctl_row(
	enum vmoon_sandbox_thread thread, enum vmoon_sandbox_operand fd,
	uint32_t request);

/* The numbers from value to value | ~mask. */
struct vmoon_sandbox_block {
	uint32_t mask, value;
};

/* The numbers that an operand stands for. */
struct vmoon_sandbox_set {
	const struct vmoon_sandbox_block *blocks; /* borrowed */
	size_t count;
};

/*
 * Exactly these numbers, which are different from each other, in as few blocks
 * as there can be (at most count); sorts them.
 */
size_t vmoon_sandbox_blocks_of(struct vmoon_sandbox_block *out,
			       uint32_t *numbers, size_t count) VMOON_MUST_USE;

/* "vcpu write 0=wake 2=0x8", " refuse=ERRNO" behind: as
 * tests/tables/seccomp.txt has it. */
void vmoon_sandbox_row_text(const struct vmoon_sandbox_row *row,
			    enum vmoon_sandbox_thread thread, char *out,
			    size_t cap) VMOON_NONNULL(1, 3);
const char *vmoon_sandbox_thread_name(enum vmoon_sandbox_thread thread);

#endif
