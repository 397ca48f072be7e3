/* SPDX-License-Identifier: MIT */
/* watchdog.h - device kit: an alarm for whoever runs code that may not end. */
#ifndef VMOON_WATCHDOG_H
#define VMOON_WATCHDOG_H

#include "vmoon/base.h"
#include "vmoon/error.h"
#include "vmoon/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One thread that looks which watches are running, each millisecond; when none
 * has been for a while it sleeps. begin and end are a few stores: no clock, no
 * lock, no system call unless it sleeps. (The first begin of a thread makes
 * two: its number, and letting the signal through.)
 *
 * A watch that runs too long is told by a real-time signal to its thread. The
 * handler belongs to the process and stays, since other watchdogs may have it
 * too; other signals' handlers are left alone.
 */
struct vmoon_watchdog;

/*
 * One piece of guarded code. late is called on the thread that is running it,
 * in a signal handler: when the budget is used up, and then again, each time
 * after twice as long as before (64 ms at most), until end. It may do only what
 * a signal handler may (lua_sethook is made for it). All members are the
 * watchdog's.
 */
struct vmoon_watch {
	void (*late)(void *ctx);
	void *ctx;                       /* borrowed */
	struct vmoon_watchdog *watchdog; /* borrowed: outlives it */
	struct vmoon_watch *outer;       /* of this thread, meanwhile */
	/* Atomic: turns odd at begin, even at end. */
	uint64_t run;
	uint64_t budget_ns; /* atomic: of this run */
	uint64_t late_run;  /* atomic: the last one that was too long */
	uint32_t tid;       /* atomic: the thread of this run */
	bool is_late;       /* the thread's own: late was called */
	/* The watchdog's own: the run that it saw, since when, and how much
	 * the thread had had of a processor then. */
	uint64_t seen_run; /* atomic, behind seen_ns */
	uint64_t seen_ns;  /* atomic */
	uint64_t seen_cpu_ns;
	/* And the run that it told, when, and how long until it tells again. */
	uint64_t told_run, told_ns, gap_ns;
	uint32_t seat; /* in its table */
};

enum vmoon_watchdog_flag {
	VMOON_WATCHDOG_NO_SANDBOX = 1 /* its thread: as for a runtime's */
};

struct vmoon_watchdog_options {
	struct vmoon_mem *mem; /* borrowed; NULL: the C library's heap */
	int signal;            /* 0: SIGRTMIN + 2; must not be used elsewhere */
	unsigned flags;        /* VMOON_WATCHDOG_* */
};

/* E_INVAL as well when the signal is no real-time one or has a handler. */
VMOON_API VMOON_STATUS
vmoon_watchdog_create_with(const struct vmoon_watchdog_options *opts,
			   struct vmoon_watchdog **out_dog,
			   struct vmoon_error *err) VMOON_NONNULL(1, 2);
/* The same, by default. */
VMOON_API VMOON_STATUS vmoon_watchdog_create(struct vmoon_mem *mem,
					     struct vmoon_watchdog **out_dog,
					     struct vmoon_error *err)
	VMOON_NONNULL(2);
/* No watch is left. Joins its thread. */
VMOON_API void vmoon_watchdog_destroy(struct vmoon_watchdog *dog);

/* E_NOMEM when 1024 are there already. late, ctx: see above. */
VMOON_API VMOON_STATUS vmoon_watch_init(struct vmoon_watch *w,
					struct vmoon_watchdog *dog,
					void (*late)(void *ctx), void *ctx,
					struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3);
VMOON_API void vmoon_watch_fini(struct vmoon_watch *w) VMOON_NONNULL(1);
/*
 * On the thread that runs the code, one at a time; may be nested with other
 * watches, and the last to begin ends first. Counts from when the watchdog
 * looks next, so late comes up to two milliseconds after the budget.
 */
VMOON_API void vmoon_watch_begin(struct vmoon_watch *w, uint64_t budget_ns)
	VMOON_NONNULL(1);
/* True: it was late. late is not called any more. */
VMOON_API bool vmoon_watch_end(struct vmoon_watch *w) VMOON_NONNULL(1);
/*
 * When, on the monotonic clock, the watchdog first looked while the run was on
 * that has just ended. 0: it did not, so that the run was a short one.
 */
static inline uint64_t vmoon_watch_seen_ns(const struct vmoon_watch *w)
{
	if (__atomic_load_n(&w->seen_run, __ATOMIC_ACQUIRE) != w->run - 1)
		return 0;
	return __atomic_load_n(&w->seen_ns, __ATOMIC_RELAXED);
}

#ifdef __cplusplus
}
#endif

#endif
