/* SPDX-License-Identifier: MIT */
/*
 * stalled_call.h - a call to the host that hangs until the test lets it go:
 * stall_here is a hook of faulty_host.h, which takes nothing.
 */
#ifndef VMOON_TESTS_STALLED_CALL_H
#define VMOON_TESTS_STALLED_CALL_H

#include <pthread.h>
#include <stdbool.h>

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_stalled, may_go;
} stall = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};

static inline void stall_here(void)
{
	(void)pthread_mutex_lock(&stall.lock);
	stall.is_stalled = true;
	(void)pthread_cond_broadcast(&stall.changed);
	while (!stall.may_go)
		(void)pthread_cond_wait(&stall.changed, &stall.lock);
	(void)pthread_mutex_unlock(&stall.lock);
}

/* Until a call hangs. */
static inline void stall_wait(void)
{
	(void)pthread_mutex_lock(&stall.lock);
	while (!stall.is_stalled)
		(void)pthread_cond_wait(&stall.changed, &stall.lock);
	(void)pthread_mutex_unlock(&stall.lock);
}

/* It goes on, and no other one hangs before stall_arm. */
static inline void stall_let_go(void)
{
	(void)pthread_mutex_lock(&stall.lock);
	stall.may_go = true;
	(void)pthread_cond_broadcast(&stall.changed);
	(void)pthread_mutex_unlock(&stall.lock);
}

/* As at the beginning. */
static inline void stall_arm(void)
{
	(void)pthread_mutex_lock(&stall.lock);
	stall.is_stalled = stall.may_go = false;
	(void)pthread_mutex_unlock(&stall.lock);
}

#endif
