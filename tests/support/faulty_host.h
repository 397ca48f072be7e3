/* SPDX-License-Identifier: MIT */
/*
 * faulty_host.h - a host whose n-th call fails. Works in programs that are
 * linked with FAULTS of the Makefile (ld --wrap): the library's own calls and
 * the test's go through here, those inside of other libraries do not.
 */
#ifndef VMOON_TESTS_FAULTY_HOST_H
#define VMOON_TESTS_FAULTY_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

enum vmoon_fault {
	VMOON_FAULT_HEAP,    /* malloc, calloc, realloc */
	VMOON_FAULT_MMAP,    /* mmap, memfd_create, ftruncate */
	VMOON_FAULT_OPEN,    /* open, openat */
	VMOON_FAULT_STAT,    /* stat, fstat, fstatat, fstatfs */
	VMOON_FAULT_RENAME,  /* renameat */
	VMOON_FAULT_LOCK,    /* flock */
	VMOON_FAULT_READ,    /* read, pread */
	VMOON_FAULT_WRITE,   /* write */
	VMOON_FAULT_SEND,    /* send */
	VMOON_FAULT_IOCTL,   /* ioctl */
	VMOON_FAULT_FCNTL,   /* fcntl */
	VMOON_FAULT_EVENTFD, /* eventfd */
	VMOON_FAULT_EPOLL,   /* epoll_create1, epoll_ctl */
	VMOON_FAULT_WAIT,    /* epoll_pwait2, epoll_wait, poll, ppoll */
	VMOON_FAULT_THREAD,  /* pthread_create */
	VMOON_FAULT_READV,   /* preadv */
	VMOON_FAULT_WRITEV,  /* pwritev */
	VMOON_FAULT_NOWAIT,  /* preadv2 */
	VMOON_FAULT_SYNC,    /* fdatasync */
	VMOON_FAULT_ALLOC,   /* fallocate */
	VMOON_FAULT_RING,    /* io_uring_queue_init */
	VMOON_FAULT_SUBMIT,  /* io_uring_submit */
	VMOON_FAULTS
};

struct vmoon_fault_plan {
	enum vmoon_fault kind;
	unsigned nth;    /* counted from 1; 0: none, calls are only counted */
	bool is_lasting; /* each one from the n-th on, not it alone */
	int error;       /* errno; 0 with READ: one byte at most is read */
	/* With error 0 of READV and WRITEV: so many bytes at most. */
	size_t bytes;
	void (*hook)(void); /* if set, called before the n-th, which works */
};

/* What reached a file, in order; iov NULL: fdatasync. From any thread. */
typedef void (*vmoon_faulty_recorder)(const struct iovec *iov, int count,
				      off_t at);
/* Called for each pwritev and fdatasync that worked; NULL: for none. */
void vmoon_faulty_record(vmoon_faulty_recorder recorder);

/* From here on, on every thread. */
void vmoon_faulty_begin(struct vmoon_fault_plan plan);
/* No more of them; how many calls failed. */
unsigned vmoon_faulty_end(void);

#endif
