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
 * One thread that looks at deadlines. begin and end cost a look at the clock
 * and some stores: no lock, no system call unless the watchdog sleeps.
 */
struct vmoon_watchdog;

/*
 * One piece of guarded code. late is called on the thread that is running it,
 * in a signal handler: at the deadline, and then again each millisecond until
 * end. It may do only what a signal handler may (lua_sethook is made for it).
 */
struct vmoon_watch {
	void (*late)(void *ctx);
	void *ctx;                       /* borrowed */
	struct vmoon_watchdog *watchdog; /* borrowed: outlives it */
	struct vmoon_watch *outer;       /* of this thread, meanwhile */
	_Atomic uint64_t deadline_ns;    /* 0: not running */
	_Atomic uint32_t tid;            /* that runs it */
	_Atomic bool is_late;
	uint32_t seat; /* in the watchdog's table */
};

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
/* On the thread that runs the code; one thread at a time, may be nested with
 * other watches. */
VMOON_API void vmoon_watch_begin(struct vmoon_watch *w, uint64_t budget_ns)
	VMOON_NONNULL(1);
/* True: it was late. late is not called any more. */
VMOON_API bool vmoon_watch_end(struct vmoon_watch *w) VMOON_NONNULL(1);

#ifdef __cplusplus
}
#endif

#endif
