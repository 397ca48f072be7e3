/* SPDX-License-Identifier: MIT */
/*
 * rules.c - the table of system calls, with a reason for each.
 *
 * A row is here because a test runs into it (scripts/dev/spare.sh says which
 * is not) and tests/tables/seccomp.txt has the same rows in words. A thread
 * that needs something odd is cured of the need before it gets a row.
 */
#include "sandbox/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

/* Sanitizers make calls of their own; their builds are no sandboxes. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

enum {
	V = VMOON_SANDBOX_VCPU,
	W = VMOON_SANDBOX_WORKER,
	M = VMOON_SANDBOX_MONITOR,
	D = VMOON_SANDBOX_DISK,
	G = VMOON_SANDBOX_WATCHDOG,
	E = VMOON_SANDBOX_DEVICE
};

/* The kernel reads an int from the lower half of a register. */
#define INT_MASK UINT64_C(0xffffffff)

#define SYS(name) SYS_##name, #name
#define INT(arg, value)                                                 \
	{                                                               \
		(arg), VMOON_SANDBOX_VALUE, INT_MASK, (uint32_t)(value) \
	}
#define LONG(arg, value)                                        \
	{                                                       \
		(arg), VMOON_SANDBOX_VALUE, UINT64_MAX, (value) \
	}
/* These bits as given, the others as they like. */
#define BITS(arg, mask, value)                              \
	{                                                   \
		(arg), VMOON_SANDBOX_VALUE, (mask), (value) \
	}
/* A descriptor, not AT_FDCWD. */
#define FD(arg) BITS(arg, 0x80000000, 0)
/* The C library aborts the process when it is denied one, so any flags go. */
#define FUTEX(op) BITS(1, (uint32_t)FUTEX_CMD_MASK, (op))
#define IS(arg, what)                             \
	{                                         \
		(arg), VMOON_SANDBOX_##what, 0, 0 \
	}

static const struct vmoon_sandbox_row rows[] = {
	/* ---- every thread ---- */
	{V | W | M | D | G | E,
	 SYS(futex),
	 {FUTEX(FUTEX_WAIT)},
	 0,
	 "a lock that another thread holds"},
	{V | W | M | D | G | E,
	 SYS(futex),
	 {FUTEX(FUTEX_WAKE)},
	 0,
	 "letting go of a lock that others wait for"},
	{V | W | D | E,
	 SYS(futex),
	 {FUTEX(FUTEX_WAIT_BITSET)},
	 0,
	 "waiting at the gate, for the vCPUs to arrive there, and for a "
	 "device's lock for a while"},
	{V | M | D | E,
	 SYS(write),
	 {IS(0, WAKE), LONG(2, 8)},
	 0,
	 "waking the worker, or another thread with a loop"},
	{V | W | M | D | G | E,
	 SYS(rt_sigprocmask),
	 {INT(0, SIG_BLOCK)},
	 0,
	 "the C library ends a thread with all signals blocked"},
	{V | W | M | D | G | E,
	 SYS(madvise),
	 {INT(2, MADV_DONTNEED)},
	 0,
	 "the C library gives back the stack of a thread that ends; the "
	 "worker empties guest memory"},
	{V | W | M | D | G | E,
	 SYS(exit),
	 {INT(0, 0)},
	 0,
	 "the end of a thread"},
	{V | W | D | G | E,
	 SYS(clock_gettime),
	 {INT(0, CLOCK_MONOTONIC)},
	 0,
	 "time, on a host whose vDSO has none"},
	/* ---- who runs hooks ---- */
	{V | W | E,
	 SYS(gettid),
	 {{0}},
	 0,
	 "where the watchdog's signal is to go, at a thread's first hook"},
	{V | W | E,
	 SYS(rt_sigprocmask),
	 {INT(0, SIG_UNBLOCK)},
	 0,
	 "letting that signal through"},
	{V | W | E, SYS(rt_sigreturn), {{0}}, 0, "the end of its handler"},
	/* ---- the watchdog ---- */
	{G,
	 SYS(membarrier),
	 {INT(0, MEMBARRIER_CMD_PRIVATE_EXPEDITED), INT(1, 0)},
	 0,
	 "before it sleeps: so that nobody who begins a hook needs a barrier"},
	{G,
	 SYS(tgkill),
	 {IS(0, PID), IS(2, KICK)},
	 0,
	 "telling a thread that its hook is late"},
	{G,
	 SYS(clock_gettime),
	 {BITS(0, 7, 6)},
	 0,
	 "what a thread has had of a processor"},
	/* ---- vCPUs ---- */
	{V | E,
	 SYS(write),
	 {IS(0, EVENTS), LONG(2, 8)},
	 0,
	 "telling the embedder that one of its own devices failed"},
	{V | E,
	 SYS(clock_gettime),
	 {INT(0, CLOCK_REALTIME)},
	 0,
	 "the real-time clock's date, on a host whose vDSO has none"},
	{V,
	 SYS(rt_sigtimedwait),
	 {LONG(1, 0), LONG(2, 0)},
	 0,
	 "taking the signal of a kick"},
	/* ---- the worker ---- */
	{W,
	 SYS(rt_sigprocmask),
	 {INT(0, SIG_SETMASK)},
	 0,
	 "the C library masks signals around a kick"},
	{W,
	 SYS(restart_syscall),
	 {{0}},
	 0,
	 "going on to wait for a vCPU when the process was stopped meanwhile"},
	{W, SYS(getpid), {{0}}, 0, "the C library names the process of a kick"},
	{W,
	 SYS(tgkill),
	 {IS(0, PID), IS(2, KICK)},
	 0,
	 "kicking a vCPU out of the guest"},
	{W,
	 SYS(ppoll),
	 {INT(1, 0)},
	 0,
	 "a moment's rest, while the queue of signals or an output is full"},
	{W,
	 SYS(ppoll),
	 {INT(1, 1)},
	 0,
	 "whether a pipe or terminal takes more bytes of the console"},
	{W | D | E, SYS(epoll_pwait2), {IS(0, EPOLL)}, 0, "the event loop"},
	{W | D | E,
	 SYS(epoll_wait),
	 {IS(0, EPOLL)},
	 0,
	 "the event loop on Linux before 5.11"},
	{W,
	 SYS(sendto),
	 {INT(3, MSG_DONTWAIT | MSG_NOSIGNAL), LONG(4, 0)},
	 0,
	 "the console's bytes to a socket"},
	{W,
	 SYS(write),
	 {{0}},
	 0,
	 "the console's bytes to a file, pipe or terminal, telling the "
	 "embedder that events wait"},
	{W,
	 SYS(openat),
	 {FD(0),
	  INT(2,
	      O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC),
	  INT(3, 0644)},
	 0,
	 "the next file of the console's, when one is full: O_EXCL makes new "
	 "ones only and opens none that exists"},
	{W,
	 SYS(flock),
	 {INT(1, LOCK_EX | LOCK_NB)},
	 0,
	 "so that no other output writes to it"},
	{W,
	 SYS(renameat),
	 {FD(0), FD(2)},
	 0,
	 "full files get their numbers, in the directory that is open"},
	{W, SYS(close), {{0}}, 0, "the end of the file that was full"},
	{W,
	 SYS(pread64),
	 {{0}},
	 0,
	 "loading the kernel and initrd anew when the guest resets"},
	{W,
	 SYS(mmap),
	 {BITS(2, PROT_EXEC, 0),
	  BITS(3, MAP_SHARED | MAP_ANONYMOUS, MAP_ANONYMOUS)},
	 0,
	 "memory for unpacking the kernel anew"},
	{W, SYS(munmap), {{0}}, 0, "and giving it back"},
	{W,
	 SYS(mprotect),
	 {INT(2, PROT_READ | PROT_WRITE)},
	 0,
	 "the heap of a thread grows"},
	{W, SYS(brk), {{0}}, 0, "the heap where all threads share it"},
	{W,
	 SYS(openat),
	 {INT(0, AT_FDCWD), INT(2, O_RDONLY | O_CLOEXEC)},
	 EACCES,
	 "the C library's heap asks for the overcommit mode before it "
	 "shrinks, and does without"},
	{W,
	 SYS(getrandom),
	 {INT(2, GRND_NONBLOCK)},
	 0,
	 "random bytes for the guest's entropy device"},
	/* ---- disks ---- */
	{D, SYS(preadv), {{0}}, 0, "from the disk's file to the guest"},
	{D,
	 SYS(preadv2),
	 {INT(5, RWF_NOWAIT)},
	 0,
	 "the same, when the page cache has it already"},
	{D, SYS(pwritev), {{0}}, 0, "from the guest to the disk's file"},
	{D,
	 SYS(io_uring_enter),
	 {BITS(3, ~(uint32_t)IORING_ENTER_GETEVENTS, 0)},
	 0,
	 "several of these at once; nothing in a sandbox makes a ring, and the "
	 "rings that there are take no other calls (runtime/host/uring.c)"},
	{D, SYS(fdatasync), {{0}}, 0, "the guest flushes"},
	{D,
	 SYS(fallocate),
	 {INT(1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)},
	 0,
	 "the guest discards"},
	{D,
	 SYS(fallocate),
	 {INT(1, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)},
	 0,
	 "the guest writes zeroes"},
	/* ---- the monitor ---- */
	{M,
	 SYS(epoll_pwait),
	 {IS(0, MONITOR_EPOLL)},
	 0,
	 "waiting for denied calls and for the end"},
	{M,
	 SYS(ioctl),
	 {IS(0, LISTENERS), INT(1, SECCOMP_IOCTL_NOTIF_RECV)},
	 0,
	 "which call it was"},
	{M,
	 SYS(ioctl),
	 {IS(0, LISTENERS), INT(1, SECCOMP_IOCTL_NOTIF_SEND)},
	 0,
	 "and that it is not permitted"},
#ifdef SANITIZED
#define ALSO(name)                                                          \
	{                                                                   \
		V | W | M | D | G | E, SYS(name), {{0}}, 0, "the sanitizer" \
	}
	ALSO(futex),
	ALSO(write),
	ALSO(mmap),
	ALSO(munmap),
	ALSO(mprotect),
	ALSO(mremap),
	ALSO(madvise),
	ALSO(rt_sigprocmask),
	ALSO(rt_sigaction),
	ALSO(sigaltstack),
	ALSO(sched_yield),
	ALSO(sched_getaffinity),
	ALSO(clock_gettime),
	ALSO(clock_nanosleep),
	ALSO(getpid),
	ALSO(gettid),
	ALSO(prctl),
	ALSO(prlimit64),
	ALSO(getrandom),
	ALSO(newfstatat),
	ALSO(readlink),
	ALSO(lseek),
	ALSO(read),
	ALSO(close),
	ALSO(dup2),
	ALSO(tgkill),
	ALSO(exit_group),
	{V | W | M | D | G | E,
	 SYS(openat),
	 {INT(0, AT_FDCWD), INT(2, O_RDONLY)},
	 0,
	 "the sanitizer reads its maps and what it reports"},
#endif
};

const struct vmoon_sandbox_row *vmoon_sandbox_rows(size_t *out_count)
{
	*out_count = VMOON_COUNTOF(rows);
	return rows;
}

struct vmoon_sandbox_row vmoon_sandbox_ioctl_row(
	enum vmoon_sandbox_thread thread, enum vmoon_sandbox_operand fd,
	uint32_t request)
{
	return (struct vmoon_sandbox_row){
		.threads = thread,
		SYS(ioctl),
		.when = {{0, fd, 0, 0}, INT(1, request)},
		.why = "the hypervisor"};
}

/* ---- sets of numbers ---- */

static int compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

size_t vmoon_sandbox_blocks_of(struct vmoon_sandbox_block *out,
			       uint32_t *numbers, size_t count)
{
	size_t i = 0, blocks = 0;

	if (count > 0)
		qsort(numbers, count, sizeof(*numbers), compare);
	while (i < count) {
		uint32_t size = 1;

		/* Twice as many: aligned, and all there? */
		while (i + size * 2 <= count && numbers[i] % (size * 2) == 0 &&
		       numbers[i + size * 2 - 1] == numbers[i] + size * 2 - 1)
			size *= 2;
		out[blocks++] = (struct vmoon_sandbox_block){
			.mask = ~(size - 1), .value = numbers[i]};
		i += size;
	}
	return blocks;
}

/* ---- words ---- */

static const char *const operand_names[VMOON_SANDBOX_OPERANDS] = {
	[VMOON_SANDBOX_VALUE] = "value",
	[VMOON_SANDBOX_WAKE] = "wake",
	[VMOON_SANDBOX_EVENTS] = "events",
	[VMOON_SANDBOX_EPOLL] = "epoll",
	[VMOON_SANDBOX_MONITOR_EPOLL] = "monitor-epoll",
	[VMOON_SANDBOX_LISTENERS] = "listeners",
	[VMOON_SANDBOX_HV_VM] = "hv-vm",
	[VMOON_SANDBOX_HV_VCPU] = "hv-vcpu",
	[VMOON_SANDBOX_KICK] = "kick",
	[VMOON_SANDBOX_PID] = "pid",
};

const char *vmoon_sandbox_thread_name(enum vmoon_sandbox_thread thread)
{
	switch (thread) {
	case VMOON_SANDBOX_VCPU: return "vcpu";
	case VMOON_SANDBOX_WORKER: return "worker";
	case VMOON_SANDBOX_MONITOR: return "monitor";
	case VMOON_SANDBOX_DISK: return "disk";
	case VMOON_SANDBOX_WATCHDOG: return "watchdog";
	case VMOON_SANDBOX_DEVICE: return "device";
	}
	return "unknown";
}

static int cmp_text(const struct vmoon_sandbox_cmp *c, char *out, size_t cap)
{
	if (c->what != VMOON_SANDBOX_VALUE)
		return snprintf(out, cap, " %u=%s", c->arg,
				operand_names[c->what]);
	if (c->mask == 0)
		return 0;
	if (c->mask == INT_MASK || c->mask == UINT64_MAX)
		return snprintf(out, cap, " %u=%#llx", c->arg,
				(unsigned long long)c->value);
	return snprintf(out, cap, " %u&%#llx=%#llx", c->arg,
			(unsigned long long)c->mask,
			(unsigned long long)c->value);
}

void vmoon_sandbox_row_text(const struct vmoon_sandbox_row *row,
			    enum vmoon_sandbox_thread thread, char *out,
			    size_t cap)
{
	int n = snprintf(out, cap, "%s %s", vmoon_sandbox_thread_name(thread),
			 row->name);

	for (size_t i = 0; i < VMOON_COUNTOF(row->when); i++)
		if (n >= 0 && (size_t)n < cap)
			n += cmp_text(&row->when[i], out + n, cap - (size_t)n);
	if (row->refuse_as != 0 && n >= 0 && (size_t)n < cap)
		(void)snprintf(out + n, cap - (size_t)n, " refuse=%d",
			       row->refuse_as);
}
