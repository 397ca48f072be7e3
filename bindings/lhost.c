/* SPDX-License-Identifier: MIT */
/* lhost.c - the few POSIX calls that scripts need, away from Lua. */
#include "lhost.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

double vmoon_lhost_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

uint64_t vmoon_lhost_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

double vmoon_lhost_cpu(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

void vmoon_lhost_sleep(double seconds)
{
	struct timespec delay;

	if (!(seconds > 0))
		return;
	delay.tv_sec = (time_t)seconds;
	delay.tv_nsec = (long)((seconds - (double)delay.tv_sec) * 1e9);
	nanosleep(&delay, NULL);
}

enum vmoon_status vmoon_lhost_dup(FILE *file, int *out_fd,
				  struct vmoon_error *err)
{
	int fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "the file has no usable descriptor");
	*out_fd = fd;
	return VMOON_OK;
}

void vmoon_lhost_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
