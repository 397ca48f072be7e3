/* SPDX-License-Identifier: MIT */
/* faulty_host.c - the calls that fail on cue. */
#include "faulty_host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifdef VMOON_HAVE_URING
#include <liburing.h>
#endif

/* Written while no thread of the library runs, but for the counters. */
static struct vmoon_fault_plan plan;
static bool is_on;
static unsigned calls, failures;
static vmoon_faulty_recorder recorder;

void vmoon_faulty_record(vmoon_faulty_recorder r)
{
	recorder = r;
}

void vmoon_faulty_begin(struct vmoon_fault_plan p)
{
	plan = p;
	calls = failures = 0;
	__atomic_store_n(&is_on, true, __ATOMIC_RELEASE);
}

unsigned vmoon_faulty_end(void)
{
	__atomic_store_n(&is_on, false, __ATOMIC_RELEASE);
	return __atomic_load_n(&failures, __ATOMIC_ACQUIRE);
}

/* Counts a call; true, with errno set, when it is to fail. */
static bool fails(enum vmoon_fault kind)
{
	unsigned n;

	if (!__atomic_load_n(&is_on, __ATOMIC_ACQUIRE) || plan.kind != kind)
		return false;
	n = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	if (plan.nth == 0 || n < plan.nth || (n > plan.nth && !plan.is_lasting))
		return false;
	(void)__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
	if (plan.hook != NULL) {
		plan.hook();
		return false;
	}
	errno = plan.error;
	return true;
}

/* One wrapper: WRAP(kind, what a failure returns, type, name, (parameters),
 * (arguments)). */
#define WRAP(kind, failed, type, name, params, args)                   \
	extern type __real_##name params;                              \
	extern type __wrap_##name params;                              \
	type __wrap_##name params                                      \
	{                                                              \
		return fails(VMOON_FAULT_##kind) ? (type)(failed)      \
						 : __real_##name args; \
	}

WRAP(HEAP, NULL, void *, malloc, (size_t n), (n))
WRAP(HEAP, NULL, void *, calloc, (size_t n, size_t size), (n, size))
WRAP(HEAP, NULL, void *, realloc, (void *p, size_t n), (p, n))
WRAP(MMAP, MAP_FAILED, void *, mmap,
     (void *at, size_t len, int prot, int flags, int fd, off_t off),
     (at, len, prot, flags, fd, off))
WRAP(MMAP, -1, int, memfd_create, (const char *name, unsigned flags),
     (name, flags))
WRAP(MMAP, -1, int, ftruncate, (int fd, off_t len), (fd, len))
WRAP(STAT, -1, int, stat, (const char *path, struct stat *st), (path, st))
WRAP(STAT, -1, int, fstat, (int fd, struct stat *st), (fd, st))
WRAP(STAT, -1, int, fstatfs, (int fd, struct statfs *st), (fd, st))
WRAP(STAT, -1, int, fstatat,
     (int dir, const char *path, struct stat *st, int flags),
     (dir, path, st, flags))
WRAP(RENAME, -1, int, renameat,
     (int from_dir, const char *from, int to_dir, const char *to),
     (from_dir, from, to_dir, to))
WRAP(LOCK, -1, int, flock, (int fd, int how), (fd, how))
WRAP(WRITE, -1, ssize_t, write, (int fd, const void *buf, size_t len),
     (fd, buf, len))
WRAP(SEND, -1, ssize_t, send, (int fd, const void *buf, size_t len, int flags),
     (fd, buf, len, flags))
WRAP(EVENTFD, -1, int, eventfd, (unsigned value, int flags), (value, flags))
WRAP(EPOLL, -1, int, epoll_create1, (int flags), (flags))
WRAP(EPOLL, -1, int, epoll_ctl, (int ep, int op, int fd, struct epoll_event *e),
     (ep, op, fd, e))
WRAP(WAIT, -1, int, epoll_pwait2,
     (int ep, struct epoll_event *e, int n, const struct timespec *t,
      const sigset_t *mask),
     (ep, e, n, t, mask))
WRAP(WAIT, -1, int, epoll_wait, (int ep, struct epoll_event *e, int n, int ms),
     (ep, e, n, ms))
WRAP(WAIT, -1, int, poll, (struct pollfd * p, nfds_t n, int ms), (p, n, ms))
WRAP(WAIT, -1, int, ppoll,
     (struct pollfd * p, nfds_t n, const struct timespec *t,
      const sigset_t *mask),
     (p, n, t, mask))
/* A thread that cannot be made says so by its result. */
WRAP(THREAD, errno, int, pthread_create,
     (pthread_t * out, const pthread_attr_t *attr, void *(*main)(void *),
      void *arg),
     (out, attr, main, arg))

/* Short reads are failures without an error. */
#define WRAP_READ(name, params, args, short_args)                       \
	extern ssize_t __real_##name params;                            \
	extern ssize_t __wrap_##name params;                            \
	ssize_t __wrap_##name params                                    \
	{                                                               \
		if (!fails(VMOON_FAULT_READ))                           \
			return __real_##name args;                      \
		return plan.error != 0 ? -1 : __real_##name short_args; \
	}

WRAP_READ(read, (int fd, void *buf, size_t n), (fd, buf, n), (fd, buf, n > 0))
WRAP_READ(pread, (int fd, void *buf, size_t n, off_t at), (fd, buf, n, at),
	  (fd, buf, n > 0, at))

/* The variadic ones: what follows is at most one word. */
#define WRAP_VARIADIC(kind, name, first, second)                              \
	extern int __real_##name(first a, second b, ...);                     \
	extern int __wrap_##name(first a, second b, ...);                     \
	int __wrap_##name(first a, second b, ...)                             \
	{                                                                     \
		va_list ap;                                                   \
		unsigned long word;                                           \
                                                                              \
		va_start(ap, b);                                              \
		word = va_arg(ap, unsigned long);                             \
		va_end(ap);                                                   \
		return fails(VMOON_FAULT_##kind) ? -1                         \
						 : __real_##name(a, b, word); \
	}

WRAP_VARIADIC(OPEN, open, const char *, int)
WRAP_VARIADIC(IOCTL, ioctl, int, unsigned long)
WRAP_VARIADIC(FCNTL, fcntl, int, int)

extern int __real_openat(int dir, const char *path, int flags, ...);
extern int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return fails(VMOON_FAULT_OPEN) ? -1
				       : __real_openat(dir, path, flags, mode);
}

/* ---- transfers ---- */

extern ssize_t __real_preadv(int fd, const struct iovec *iov, int n, off_t at);
extern ssize_t __wrap_preadv(int fd, const struct iovec *iov, int n, off_t at);
extern ssize_t __real_pwritev(int fd, const struct iovec *iov, int n, off_t at);
extern ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int n, off_t at);
extern int __real_fdatasync(int fd);
extern int __wrap_fdatasync(int fd);

/* The first bytes of what iov names; how many elements. */
static int cut(struct iovec *out, const struct iovec *iov, int n, size_t bytes)
{
	int count = 0;

	for (; count < n && count < 64 && bytes > 0; count++) {
		out[count] = iov[count];
		if (out[count].iov_len > bytes)
			out[count].iov_len = bytes;
		bytes -= out[count].iov_len;
	}
	return count;
}

ssize_t __wrap_preadv(int fd, const struct iovec *iov, int n, off_t at)
{
	struct iovec part[64];

	if (!fails(VMOON_FAULT_READV))
		return __real_preadv(fd, iov, n, at);
	if (plan.error != 0)
		return -1;
	return __real_preadv(fd, part, cut(part, iov, n, plan.bytes), at);
}

ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	struct iovec part[64];
	ssize_t done;

	if (fails(VMOON_FAULT_WRITEV)) {
		if (plan.error != 0)
			return -1;
		n = cut(part, iov, n, plan.bytes);
		iov = part;
	}
	done = __real_pwritev(fd, iov, n, at);
	if (done > 0 && recorder != NULL)
		recorder(iov, n, at);
	return done;
}

int __wrap_fdatasync(int fd)
{
	int rc = fails(VMOON_FAULT_SYNC) ? -1 : __real_fdatasync(fd);

	if (rc == 0 && recorder != NULL)
		recorder(NULL, 0, 0);
	return rc;
}

WRAP(NOWAIT, -1, ssize_t, preadv2,
     (int fd, const struct iovec *iov, int n, off_t at, int flags),
     (fd, iov, n, at, flags))
WRAP(ALLOC, -1, int, fallocate, (int fd, int mode, off_t at, off_t len),
     (fd, mode, at, len))
#ifdef VMOON_HAVE_URING
/* Their errors are results. */
WRAP(RING, -errno, int, io_uring_queue_init,
     (unsigned n, struct io_uring *ring, unsigned flags), (n, ring, flags))
WRAP(SUBMIT, -errno, int, io_uring_submit, (struct io_uring * ring), (ring))
#endif
