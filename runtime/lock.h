/* SPDX-License-Identifier: MIT */
/* lock.h - mutexes with a place in the one lock order, checked under test. */
#ifndef VMOON_RUNTIME_LOCK_H
#define VMOON_RUNTIME_LOCK_H

#include "vmoon/base.h"

#include <pthread.h>
#include <time.h>

/*
 * A thread takes locks in rising rank, one of each rank at most. Sanitizer
 * builds define VMOON_CHECK_LOCKS and abort on anything else, each time and
 * not only when two threads happen to meet; other builds pay nothing.
 */
enum vmoon_lock_rank {
	VMOON_RANK_VM,     /* a VM's state and gate */
	VMOON_RANK_DEVICE, /* a slot: held around every call into its device */
	VMOON_RANK_BEHIND, /* what a proxy in a slot stands for: likewise */
	VMOON_RANK_OUTPUT, /* a stream's outputs, while the worker writes */
	VMOON_RANK_LEAF    /* wishes, interrupts, streams, a runtime's list */
};

struct vmoon_lock {
	pthread_mutex_t mutex;
#ifdef VMOON_CHECK_LOCKS
	enum vmoon_lock_rank rank;
#endif
};

/* Default attributes: on Linux none of these can fail. */
void vmoon_lock_init(struct vmoon_lock *lock, enum vmoon_lock_rank rank)
	VMOON_NONNULL(1);
void vmoon_lock_fini(struct vmoon_lock *lock) VMOON_NONNULL(1);

#ifdef VMOON_CHECK_LOCKS
/* Abort when this thread may not take, or does not hold, the lock. */
void vmoon_lock_note_take(const struct vmoon_lock *lock) VMOON_NONNULL(1);
void vmoon_lock_note_drop(const struct vmoon_lock *lock) VMOON_NONNULL(1);
#else
static inline void vmoon_lock_note_take(const struct vmoon_lock *lock)
{
	(void)lock;
}

static inline void vmoon_lock_note_drop(const struct vmoon_lock *lock)
{
	(void)lock;
}
#endif

static inline void vmoon_lock_take(struct vmoon_lock *lock)
{
	vmoon_lock_note_take(lock); /* first: it speaks before a deadlock */
	(void)pthread_mutex_lock(&lock->mutex);
}

static inline void vmoon_lock_drop(struct vmoon_lock *lock)
{
	vmoon_lock_note_drop(lock);
	(void)pthread_mutex_unlock(&lock->mutex);
}

/*
 * Gives up at a time on the monotonic clock: false then. The sanitizer for
 * threads does not know pthread_mutex_clocklock.
 */
static inline bool vmoon_lock_take_until(struct vmoon_lock *lock,
					 uint64_t deadline_ns)
{
	const struct timespec at = {
		.tv_sec = (time_t)(deadline_ns / 1000000000),
		.tv_nsec = (long)(deadline_ns % 1000000000)};
	int rc;

	vmoon_lock_note_take(lock);
#ifdef VMOON_CHECK_LOCKS
	rc = pthread_mutex_trylock(&lock->mutex);
	if (rc != 0 &&
	    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == 0)
		rc = pthread_mutex_trylock(&lock->mutex);
#else
	rc = pthread_mutex_clocklock(&lock->mutex, CLOCK_MONOTONIC, &at);
#endif
	if (rc != 0)
		vmoon_lock_note_drop(lock);
	return rc == 0;
}

/* Drops the lock while it waits; a thread that waits holds no other. */
static inline void vmoon_lock_wait(struct vmoon_lock *lock,
				   pthread_cond_t *changed)
{
	vmoon_lock_note_drop(lock);
	vmoon_lock_note_take(lock);
	(void)pthread_cond_wait(changed, &lock->mutex);
}

/* The same, but not beyond a time on the monotonic clock: false then. */
static inline bool vmoon_lock_wait_until(struct vmoon_lock *lock,
					 pthread_cond_t *changed,
					 uint64_t deadline_ns)
{
	const struct timespec at = {
		.tv_sec = (time_t)(deadline_ns / 1000000000),
		.tv_nsec = (long)(deadline_ns % 1000000000)};

	vmoon_lock_note_drop(lock);
	vmoon_lock_note_take(lock);
	return pthread_cond_clockwait(changed, &lock->mutex, CLOCK_MONOTONIC,
				      &at) == 0;
}

#endif
