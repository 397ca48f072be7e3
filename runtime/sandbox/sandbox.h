/* SPDX-License-Identifier: MIT */
/* sandbox.h - a VM's threads under their filters, and who hears of a denial. */
#ifndef VMOON_RUNTIME_SANDBOX_H
#define VMOON_RUNTIME_SANDBOX_H

#include "hv.h"
#include "sandbox/filter.h"
#include "vmoon/devices.h"

/*
 * One seat for each thread of a VM. The thread that starts a VM opens the
 * sandbox, which makes all filters; each thread enters its seat before it does
 * anything for the guest; then the monitor's seat is prepared and taken. When
 * all are through, the starting thread ends the monitor and closes.
 *
 * A call that is denied waits in the kernel until the monitor has told
 * `denied` its name, and then returns EPERM.
 */
enum { VMOON_SEAT_MONITOR, VMOON_SEAT_WORKER, VMOON_SEAT_VCPU };
/* Threads of their own: of disks, and of devices that ask for one. */
enum { VMOON_OWN_WORKERS_MAX = 2 * VMOON_VIRTIO_DEVICES_MAX };
/* vCPUs in their order, then threads of their own in theirs. */
enum {
	VMOON_SEATS_MAX =
		VMOON_SEAT_VCPU + VMOON_CPUS_MAX + VMOON_OWN_WORKERS_MAX
};

/* Borrowed descriptors of a thread's loop. */
struct vmoon_sandbox_loop {
	int wake_fd, epoll_fd;
	bool is_disk; /* or a device's */
};

struct vmoon_sandbox_config {
	struct vmoon_mem *mem; /* borrowed */
	unsigned cpus;
	struct vmoon_sandbox_loop worker;
	/* Threads of their own; one that is trusted never takes its seat. */
	unsigned own;
	struct vmoon_sandbox_loop own_loop[VMOON_OWN_WORKERS_MAX];
	int event_fd; /* borrowed: the runtime's */
	int kick_signal;
	struct vmoon_hv_calls hv_vm;
	struct vmoon_hv_calls hv_vcpu[VMOON_CPUS_MAX];
	/* On the monitor, which must not be made to wait. One line. */
	void (*denied)(void *ctx, const char *message);
	void *ctx; /* borrowed */
};

struct vmoon_sandbox_seat {
	struct vmoon_filter filter;         /* owned, until it is in force */
	struct vmoon_sandbox_block hv_vcpu; /* of a vCPU's seat */
	struct vmoon_sandbox_block epoll;   /* of one with a loop */
	int listener;                       /* owned; -1: none */
};

struct vmoon_sandbox {
	bool is_on; /* or all of this does nothing */
	struct vmoon_sandbox_config cfg;
	struct vmoon_sandbox_block one[VMOON_SANDBOX_OPERANDS];
	struct vmoon_sandbox_block hv_vcpus[VMOON_CPUS_MAX];
	struct vmoon_sandbox_block wakes[1 + VMOON_OWN_WORKERS_MAX];
	struct vmoon_sandbox_block listeners[VMOON_SEATS_MAX];
	size_t hv_vcpus_count, listeners_count, wakes_count;
	struct vmoon_sandbox_seat seats[VMOON_SEATS_MAX];
	unsigned seat_count;
	int stop_fd;                       /* owned: ends the monitor */
	int epoll_fd;                      /* owned: what it waits for */
	bool is_watched;                   /* the monitor answers */
	struct vmoon_sandbox_audit *audit; /* owned; NULL but in that build */
};

/* The seat of the i-th thread of its own. */
static inline unsigned vmoon_seat_of_own(unsigned cpus, unsigned i)
{
	return VMOON_SEAT_VCPU + cpus + i;
}

/* Filters for all threads but the monitor. cfg is copied. */
VMOON_STATUS vmoon_sandbox_open(struct vmoon_sandbox *sb,
				const struct vmoon_sandbox_config *cfg,
				struct vmoon_error *err) VMOON_NONNULL(1, 2);
/* No thread is in it any more. Harmless on a zeroed one, and twice. */
void vmoon_sandbox_close(struct vmoon_sandbox *sb) VMOON_NONNULL(1);

/* The calling thread, for good. Nothing without a sandbox. */
VMOON_STATUS vmoon_sandbox_enter(struct vmoon_sandbox *sb, unsigned seat,
				 struct vmoon_error *err) VMOON_NONNULL(1);

/*
 * Once all others have entered: makes the monitor's filter. *out_is_needed is
 * false when there is no sandbox or no listener: no monitor is to be started.
 */
VMOON_STATUS vmoon_sandbox_prepare_monitor(struct vmoon_sandbox *sb,
					   bool *out_is_needed,
					   struct vmoon_error *err)
	VMOON_NONNULL(1, 2);
/* Once the monitor has entered as well: it answers the others from now on. */
VMOON_STATUS vmoon_sandbox_watch(struct vmoon_sandbox *sb,
				 struct vmoon_error *err) VMOON_NONNULL(1);
/* The monitor, once it has entered: until vmoon_sandbox_stop. */
void vmoon_sandbox_serve(struct vmoon_sandbox *sb) VMOON_NONNULL(1);
void vmoon_sandbox_stop(struct vmoon_sandbox *sb) VMOON_NONNULL(1);
/* No monitor will be: denied calls that wait, or come, return ENOSYS. */
void vmoon_sandbox_give_up(struct vmoon_sandbox *sb) VMOON_NONNULL(1);

/* "openat", or "unknown"; as much of it as fits. */
void vmoon_sandbox_call_name(int call, char *out, size_t cap) VMOON_NONNULL(2);
/*
 * Before a thread enters that allocates later: the C library chooses a heap for
 * it at its first allocation, by looking around in /sys.
 */
void vmoon_sandbox_prime(void);

/* audit.c: builds that count what rows are for; see README.md. */
struct seccomp_data;
void vmoon_sandbox_audit_open(struct vmoon_sandbox *sb) VMOON_NONNULL(1);
/* Before seat enters: somebody must answer it until the monitor can. */
void vmoon_sandbox_audit_watch(struct vmoon_sandbox *sb, unsigned seat)
	VMOON_NONNULL(1);
/* The monitor is about to start, or never will. */
void vmoon_sandbox_audit_hand_over(struct vmoon_sandbox *sb) VMOON_NONNULL(1);
void vmoon_sandbox_audit_close(struct vmoon_sandbox *sb) VMOON_NONNULL(1);
/*
 * True: the call is in the seat's list, and has been counted; *out_refuse_as is
 * the errno that the list has for it, or 0.
 */
bool vmoon_sandbox_audit_call(struct vmoon_sandbox *sb, unsigned seat,
			      const struct seccomp_data *call,
			      int *out_refuse_as) VMOON_NONNULL(1, 3, 4);

/* Waits for one denied call of seat and answers it; false: there was none. */
bool vmoon_sandbox_answer(struct vmoon_sandbox *sb, unsigned seat)
	VMOON_NONNULL(1);

/* What seat may do; its pointers live as long as sb. */
/* Which kind of thread it is for. */
enum vmoon_sandbox_thread vmoon_sandbox_thread_of(
	const struct vmoon_sandbox *sb, unsigned seat) VMOON_NONNULL(1);
struct vmoon_sandbox_list vmoon_sandbox_list_of(const struct vmoon_sandbox *sb,
						unsigned seat) VMOON_NONNULL(1);
#endif
