/* SPDX-License-Identifier: MIT */
/* loop.h - the worker's event loop: descriptors, timers, calls from others. */
#ifndef VMOON_RUNTIME_LOOP_H
#define VMOON_RUNTIME_LOOP_H

#include "vmoon/base.h"
#include "vmoon/error.h"

#include <pthread.h>

/*
 * Everything here belongs to the thread that runs the loop, except what says
 * "any thread". Storage of fds, events and timers is the caller's; removing
 * one inside a handler also drops what is still pending for it.
 */

typedef void (*vmoon_loop_fn)(void *ctx);

/*
 * Readiness of a descriptor; events are EPOLLIN, EPOLLOUT and so on. ready
 * says whether it made progress. After VMOON_LOOP_IDLE_MAX calls in a row
 * without any, the loop removes the descriptor: one that is broken for good
 * must not burn a CPU. Its owner may add it again.
 */
struct vmoon_loop_fd {
	bool (*ready)(void *ctx, uint32_t events);
	void *ctx;          /* borrowed */
	int fd;             /* borrowed */
	unsigned idle_runs; /* the loop's */
};

enum { VMOON_LOOP_IDLE_MAX = 3 };

/*
 * A call from another thread: fire sets it pending, the loop calls fn once
 * for any number of fires. No allocation, no lock, never blocks.
 */
struct vmoon_loop_event {
	vmoon_loop_fn fn;
	void *ctx; /* borrowed */
	struct vmoon_loop *loop;
	struct vmoon_loop_event *next;
	bool is_pending; /* atomic; partner: run_events */
};

struct vmoon_loop_timer {
	vmoon_loop_fn fn;
	void *ctx;            /* borrowed */
	uint64_t deadline_ns; /* on the monotonic clock; 0: not armed */
	uint64_t period_ns;   /* 0: once */
	uint64_t expirations; /* for fn: periods that ended, missed ones too */
	struct vmoon_loop_timer *next;
};

struct vmoon_loop {
	int epoll_fd, wake_fd; /* owned */
	struct vmoon_loop_event *events;
	struct vmoon_loop_timer *timers;
	pthread_t thread;                /* atomic: who turned it last */
	bool is_before_events;           /* that thread's own */
	bool is_woken;                   /* atomic: wake_fd was written */
	bool is_quitting;                /* atomic */
	struct vmoon_loop_fd *batch[16]; /* ready in this round */
	int batch_len;
};

VMOON_STATUS vmoon_loop_init(struct vmoon_loop *loop, struct vmoon_error *err)
	VMOON_NONNULL(1);
void vmoon_loop_fini(struct vmoon_loop *loop) VMOON_NONNULL(1);

/* E_SYS when the descriptor is in the loop already or cannot be polled. */
VMOON_STATUS vmoon_loop_add_fd(struct vmoon_loop *loop,
			       struct vmoon_loop_fd *fd, uint32_t events,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2);
void vmoon_loop_change_fd(struct vmoon_loop *loop, struct vmoon_loop_fd *fd,
			  uint32_t events) VMOON_NONNULL(1, 2);
void vmoon_loop_remove_fd(struct vmoon_loop *loop, struct vmoon_loop_fd *fd)
	VMOON_NONNULL(1, 2);

/* Before the loop runs; events stay until vmoon_loop_fini. */
void vmoon_loop_add_event(struct vmoon_loop *loop, struct vmoon_loop_event *ev,
			  vmoon_loop_fn fn, void *ctx) VMOON_NONNULL(1, 2, 3);
/* While nobody runs the loop; firing it later wakes the loop for nothing. */
void vmoon_loop_remove_event(struct vmoon_loop *loop,
			     struct vmoon_loop_event *ev) VMOON_NONNULL(1, 2);
void vmoon_loop_fire(struct vmoon_loop_event *ev) VMOON_NONNULL(1); /* any */

/*
 * Before the loop runs. set: deadline 0 disarms; a timer with a period is
 * armed again before its fn is called, any other one is not.
 */
void vmoon_loop_add_timer(struct vmoon_loop *loop, struct vmoon_loop_timer *t,
			  vmoon_loop_fn fn, void *ctx) VMOON_NONNULL(1, 2, 3);
void vmoon_loop_remove_timer(struct vmoon_loop *loop,
			     struct vmoon_loop_timer *t) VMOON_NONNULL(1, 2);
void vmoon_loop_set_timer(struct vmoon_loop_timer *t, uint64_t deadline_ns)
	VMOON_NONNULL(1);

/* Until quit; quit is for any thread. */
VMOON_STATUS vmoon_loop_run(struct vmoon_loop *loop, struct vmoon_error *err)
	VMOON_NONNULL(1);
/* One round of at most timeout_ns (-1: for ever). */
VMOON_STATUS vmoon_loop_turn(struct vmoon_loop *loop, int64_t timeout_ns,
			     struct vmoon_error *err) VMOON_NONNULL(1);
void vmoon_loop_quit(struct vmoon_loop *loop) VMOON_NONNULL(1); /* any */

uint64_t vmoon_mono_ns(void); /* the clock of deadlines */

#endif
