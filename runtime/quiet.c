/* SPDX-License-Identifier: MIT */
/* quiet.c - writes on a thread of the embedder's, without their signals. */
#include "outputs.h"

#include <pthread.h>
#include <time.h>

static const int raised[] = {SIGPIPE, SIGXFSZ};

void vmoon_quiet_begin(struct vmoon_quiet *quiet)
{
	sigset_t ours;

	(void)sigemptyset(&ours);
	for (size_t i = 0; i < VMOON_COUNTOF(raised); i++)
		(void)sigaddset(&ours, raised[i]);
	(void)sigpending(&quiet->before);
	(void)pthread_sigmask(SIG_BLOCK, &ours, &quiet->old);
}

void vmoon_quiet_end(const struct vmoon_quiet *quiet)
{
	const struct timespec now = {0};
	sigset_t after;

	(void)sigpending(&after);
	for (size_t i = 0; i < VMOON_COUNTOF(raised); i++) {
		sigset_t one;

		(void)sigemptyset(&one);
		(void)sigaddset(&one, raised[i]);
		if (sigismember(&quiet->before, raised[i]) == 0 &&
		    sigismember(&after, raised[i]) == 1)
			(void)sigtimedwait(&one, NULL, &now);
	}
	(void)pthread_sigmask(SIG_SETMASK, &quiet->old, NULL);
}
