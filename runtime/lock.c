/* SPDX-License-Identifier: MIT */
/* lock.c - which ranks a thread holds, in builds that check the order. */
#include "lock.h"

#ifdef VMOON_CHECK_LOCKS
#include <stdio.h>
#include <stdlib.h>
#endif

void vmoon_lock_init(struct vmoon_lock *lock, enum vmoon_lock_rank rank)
{
	(void)pthread_mutex_init(&lock->mutex, NULL);
#ifdef VMOON_CHECK_LOCKS
	lock->rank = rank;
#else
	(void)rank;
#endif
}

void vmoon_lock_fini(struct vmoon_lock *lock)
{
	(void)pthread_mutex_destroy(&lock->mutex);
}

#ifdef VMOON_CHECK_LOCKS
static _Thread_local unsigned held; /* bit: rank */

static _Noreturn void report(const char *what, enum vmoon_lock_rank rank)
{
	(void)fprintf(stderr, "lock order: rank %d %s, ranks held: 0x%x\n",
		      (int)rank, what, held);
	abort();
}

void vmoon_lock_note_take(const struct vmoon_lock *lock)
{
	if (held >> lock->rank != 0)
		report("taken out of order", lock->rank);
	held |= 1u << lock->rank;
}

void vmoon_lock_note_drop(const struct vmoon_lock *lock)
{
	if ((held & 1u << lock->rank) == 0)
		report("dropped but not held", lock->rank);
	held &= ~(1u << lock->rank);
}
#endif
