/* SPDX-License-Identifier: MIT */
/*
 * watchdog.c - an alarm for whoever runs code that may not end.
 *
 * The thread that runs a watch writes its number of the run, odd while it
 * runs; the watchdog notes when it first saw that number and compares. So
 * nobody but the watchdog reads a clock, and a watchdog that the host stalled
 * is late itself, but never blames a run for the time it slept. Nor for what
 * others had of the processor: a budget is of the thread's own time, unless it
 * waits very long for something.
 */
#include "vmoon/watchdog.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lock.h"
#include "loop.h"
#include "sandbox/filter.h"

enum {
	WATCHES_MAX = 1024,
	TICK_NS = 1000000,
	GAP_MAX_NS = 64000000, /* between two calls of late */
	IDLE_TICKS = 250,      /* looks without a run, before it sleeps */
	WAIT_FACTOR = 100,     /* of the budget, when it does not run */
	DOZE_NS = 10000000,    /* at most, on a host without barriers */
	STACK_BYTES = 256 * 1024
};

enum { AWAKE, ASLEEP, QUIT };

struct vmoon_watchdog {
	struct vmoon_mem *mem; /* borrowed */
	int signal;
	pid_t pid;
	pthread_t thread;
	bool has_sandbox, has_barrier;
	struct vmoon_filter filter; /* owned, until it is in force */
	uint32_t phase;             /* atomic, and its futex: AWAKE, ... */
	struct vmoon_lock lock;     /* guards watches */
	struct vmoon_watch *watches[WATCHES_MAX];
	uint32_t used; /* seats beyond it are empty */
};

/*
 * What the calling thread runs, for the handler. Found without a call: a
 * handler may not allocate, as the C library may where a thread first uses a
 * variable of a library that was loaded later.
 */
struct this_thread {
	struct vmoon_watch *watch; /* the inner one */
	uint32_t tid;              /* 0: not known yet */
	int signal;                /* that is let through */
};
static _Thread_local struct this_thread self
	__attribute__((tls_model("initial-exec")));

static long futex(uint32_t *word, int op, uint32_t value,
		  const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, timeout,
		       NULL, 0);
}

/* ---- the thread that runs code ---- */

static void on_signal(int signal)
{
	const int saved = errno;

	(void)signal;
	for (struct vmoon_watch *w = self.watch; w != NULL; w = w->outer) {
		uint64_t run = __atomic_load_n(&w->run, __ATOMIC_RELAXED);

		/* Else meant for a run that has ended, or another thread. */
		if (__atomic_load_n(&w->late_run, __ATOMIC_ACQUIRE) != run)
			continue;
		w->is_late = true;
		w->late(w->ctx);
	}
	errno = saved;
}

/* vCPUs' and workers' threads begin with every signal blocked. Out of line:
 * once a thread. */
static void __attribute__((noinline)) let_through(int signal)
{
	sigset_t set;

	self.tid = (uint32_t)syscall(SYS_gettid);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, signal);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	self.signal = signal;
}

static void wake(struct vmoon_watchdog *dog)
{
	uint32_t asleep = ASLEEP;

	if (__atomic_compare_exchange_n(&dog->phase, &asleep, AWAKE, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		(void)futex(&dog->phase, FUTEX_WAKE, 1, NULL);
}

void vmoon_watch_begin(struct vmoon_watch *w, uint64_t budget_ns)
{
	struct vmoon_watchdog *dog = w->watchdog;

	if (self.signal != dog->signal)
		let_through(dog->signal);
	w->outer = self.watch;
	w->is_late = false;
	__atomic_store_n(&w->budget_ns, budget_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&w->tid, self.tid, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	self.watch = w;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	/*
	 * The processor may do the look at phase first. That is cheaper than a
	 * barrier here, since sleep_long() has one for both sides.
	 */
	__atomic_store_n(&w->run, (w->run + 1) | 1, __ATOMIC_RELEASE);
	if (__atomic_load_n(&dog->phase, __ATOMIC_RELAXED) == ASLEEP)
		wake(dog);
}

bool vmoon_watch_end(struct vmoon_watch *w)
{
	__atomic_store_n(&w->run, w->run + 1, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	self.watch = w->outer;
	return w->is_late;
}

/* ---- the watchdog's ---- */

/*
 * What the thread has had of a processor; 0 when there is no such thread. The
 * number of a thread's clock is the kernel's own: its id from bit 3 on, and the
 * scheduler's time of one thread.
 */
static uint64_t cpu_ns(const struct vmoon_watch *w)
{
	const uint32_t tid = __atomic_load_n(&w->tid, __ATOMIC_RELAXED);
	struct timespec t = {0};

	(void)clock_gettime((clockid_t)(~tid << 3 | 6), &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool is_late(const struct vmoon_watch *w, uint64_t now)
{
	const uint64_t budget =
		__atomic_load_n(&w->budget_ns, __ATOMIC_RELAXED);
	const uint64_t wall = now - w->seen_ns;

	if (wall < budget)
		return false;
	return wall / WAIT_FACTOR >= budget ||
	       cpu_ns(w) - w->seen_cpu_ns >= budget;
}

/* Whether it runs. Told late, then again after a while; whoever has gone is let
 * go.
 */
static bool look_at(struct vmoon_watchdog *dog, struct vmoon_watch *w,
		    uint64_t now)
{
	uint64_t run = __atomic_load_n(&w->run, __ATOMIC_ACQUIRE);

	if (run % 2 == 0)
		return false;
	if (run != w->seen_run) {
		w->seen_cpu_ns = cpu_ns(w);
		__atomic_store_n(&w->seen_ns, now, __ATOMIC_RELAXED);
		__atomic_store_n(&w->seen_run, run, __ATOMIC_RELEASE);
		return true;
	}
	if (w->told_run != run && !is_late(w, now))
		return true;
	/* A handler may take long (Lua marks each frame of a deep stack): ever
	 * more seldom, or the code would not come to its end between two. */
	if (w->told_run != run)
		w->gap_ns = TICK_NS;
	else if (now - w->told_ns < w->gap_ns)
		return true;
	else if (w->gap_ns < GAP_MAX_NS)
		w->gap_ns *= 2;
	w->told_run = run;
	w->told_ns = now;
	__atomic_store_n(&w->late_run, run, __ATOMIC_RELEASE);
	/* EAGAIN, the user's limit of signals: again at the next tick. */
	return syscall(SYS_tgkill, dog->pid,
		       __atomic_load_n(&w->tid, __ATOMIC_RELAXED),
		       dog->signal) == 0 ||
	       errno != ESRCH;
}

static bool look_at_all(struct vmoon_watchdog *dog)
{
	bool is_any = false;
	uint64_t now = vmoon_mono_ns();

	vmoon_lock_take(&dog->lock);
	for (uint32_t i = 0; i < dog->used; i++)
		if (dog->watches[i] != NULL)
			is_any |= look_at(dog, dog->watches[i], now);
	vmoon_lock_drop(&dog->lock);
	return is_any;
}

static void awake(struct vmoon_watchdog *dog)
{
	uint32_t asleep = ASLEEP;

	(void)__atomic_compare_exchange_n(&dog->phase, &asleep, AWAKE, false,
					  __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* The kernel's barrier on each processor that runs a thread of ours. */
static bool make_barrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) == 0;
}

/*
 * Until somebody begins: who did before the barrier is seen now, and who does
 * behind it sees that this sleeps.
 */
static void sleep_long(struct vmoon_watchdog *dog)
{
	const struct timespec doze = {.tv_nsec = DOZE_NS};
	const struct timespec *limit = NULL;
	uint32_t phase = AWAKE;

	if (!__atomic_compare_exchange_n(&dog->phase, &phase, ASLEEP, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	if (!dog->has_barrier ||
	    !make_barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		limit = &doze;
	if (!look_at_all(dog))
		(void)futex(&dog->phase, FUTEX_WAIT, ASLEEP, limit);
	awake(dog);
}

static void *watchdog_main(void *arg)
{
	const struct timespec tick = {.tv_nsec = TICK_NS};
	struct vmoon_watchdog *dog = arg;
	unsigned idle = 0;
	int listener;

	/* Refused where the host has no filters: it runs no guest's code. */
	if (dog->has_sandbox)
		VMOON_IGNORE(vmoon_filter_enter(&dog->filter, &listener,
						NULL) != VMOON_OK);
	while (__atomic_load_n(&dog->phase, __ATOMIC_SEQ_CST) != QUIT) {
		(void)futex(&dog->phase, FUTEX_WAIT, AWAKE, &tick);
		idle = look_at_all(dog) ? 0 : idle + 1;
		if (idle >= IDLE_TICKS)
			sleep_long(dog);
	}
	return NULL;
}

/* ---- making one ---- */

static enum vmoon_status install(int signal, struct vmoon_error *err)
{
	struct sigaction old, action = {.sa_handler = on_signal,
					.sa_flags = SA_RESTART | SA_ONSTACK};

	if (signal < SIGRTMIN || signal > SIGRTMAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "watchdog: signal %d is no real-time signal "
				  "(%d to %d)",
				  signal, SIGRTMIN, SIGRTMAX);
	if (sigaction(signal, NULL, &old) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "watchdog: signal");
	if ((old.sa_flags & SA_SIGINFO) == 0 && old.sa_handler == on_signal)
		return VMOON_OK;
	if ((old.sa_flags & SA_SIGINFO) != 0 || old.sa_handler != SIG_DFL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "watchdog: signal %d has a handler already",
				  signal);
	if (sigaction(signal, &action, NULL) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "watchdog: signal");
	return VMOON_OK;
}

static enum vmoon_status make_filter(struct vmoon_watchdog *dog,
				     struct vmoon_error *err)
{
	const struct vmoon_sandbox_block pid = {UINT32_MAX, (uint32_t)dog->pid};
	const struct vmoon_sandbox_block signal = {UINT32_MAX,
						   (uint32_t)dog->signal};
	struct vmoon_sandbox_list list = {.thread = VMOON_SANDBOX_WATCHDOG};

	list.of[VMOON_SANDBOX_PID] = (struct vmoon_sandbox_set){&pid, 1};
	list.of[VMOON_SANDBOX_KICK] = (struct vmoon_sandbox_set){&signal, 1};
	return vmoon_filter_init(&dog->filter, dog->mem, &list,
				 VMOON_SANDBOX_EPERM, err);
}

static enum vmoon_status start(struct vmoon_watchdog *dog,
			       struct vmoon_error *err)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int rc = pthread_attr_init(&attr);

	if (rc == 0) {
		(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
		(void)sigfillset(&all);
		(void)pthread_sigmask(SIG_SETMASK, &all, &old);
		rc = pthread_create(&dog->thread, &attr, watchdog_main, dog);
		(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
		(void)pthread_attr_destroy(&attr);
	}
	if (rc != 0)
		return vmoon_fail(err, VMOON_E_SYS, rc,
				  "cannot start the watchdog's thread");
	(void)pthread_setname_np(dog->thread, "vmoon-watchdog");
	return VMOON_OK;
}

static void release(struct vmoon_watchdog *dog)
{
	if (dog->has_sandbox)
		vmoon_filter_fini(&dog->filter);
	vmoon_lock_fini(&dog->lock);
	vmoon_mem_free(dog->mem, dog, sizeof(*dog));
}

enum vmoon_status vmoon_watchdog_create_with(
	const struct vmoon_watchdog_options *opts,
	struct vmoon_watchdog **out_dog, struct vmoon_error *err)
{
	const int signal = opts->signal == 0 ? SIGRTMIN + 2 : opts->signal;
	struct vmoon_watchdog *dog;
	enum vmoon_status st = install(signal, err);

	if (st != VMOON_OK)
		return st;
	dog = vmoon_mem_alloc(opts->mem, sizeof(*dog));
	if (dog == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "watchdog: out of memory");
	dog->mem = opts->mem;
	dog->signal = signal;
	dog->pid = getpid();
	dog->has_barrier =
		make_barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	vmoon_lock_init(&dog->lock, VMOON_RANK_LEAF);
	if ((opts->flags & VMOON_WATCHDOG_NO_SANDBOX) == 0) {
		st = make_filter(dog, err);
		dog->has_sandbox = st == VMOON_OK;
	}
	if (st == VMOON_OK)
		st = start(dog, err);
	if (st != VMOON_OK) {
		release(dog);
		return st;
	}
	*out_dog = dog;
	return VMOON_OK;
}

enum vmoon_status vmoon_watchdog_create(struct vmoon_mem *mem,
					struct vmoon_watchdog **out_dog,
					struct vmoon_error *err)
{
	const struct vmoon_watchdog_options opts = {.mem = mem};

	return vmoon_watchdog_create_with(&opts, out_dog, err);
}

void vmoon_watchdog_destroy(struct vmoon_watchdog *dog)
{
	if (dog == NULL)
		return;
	__atomic_store_n(&dog->phase, QUIT, __ATOMIC_SEQ_CST);
	(void)futex(&dog->phase, FUTEX_WAKE, 1, NULL);
	(void)pthread_join(dog->thread, NULL);
	release(dog);
}

enum vmoon_status vmoon_watch_init(struct vmoon_watch *w,
				   struct vmoon_watchdog *dog,
				   void (*late)(void *ctx), void *ctx,
				   struct vmoon_error *err)
{
	uint32_t seat = 0;

	*w = (struct vmoon_watch){.late = late, .ctx = ctx, .watchdog = dog};
	vmoon_lock_take(&dog->lock);
	while (seat < WATCHES_MAX && dog->watches[seat] != NULL)
		seat++;
	if (seat < WATCHES_MAX) {
		w->seat = seat;
		dog->watches[seat] = w;
		if (dog->used <= seat)
			dog->used = seat + 1;
	}
	vmoon_lock_drop(&dog->lock);
	if (seat == WATCHES_MAX)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "watchdog: all %d watches are in use",
				  (int)WATCHES_MAX);
	return VMOON_OK;
}

void vmoon_watch_fini(struct vmoon_watch *w)
{
	struct vmoon_watchdog *dog = w->watchdog;

	if (dog == NULL)
		return;
	vmoon_lock_take(&dog->lock);
	dog->watches[w->seat] = NULL;
	while (dog->used > 0 && dog->watches[dog->used - 1] == NULL)
		dog->used--;
	vmoon_lock_drop(&dog->lock);
	w->watchdog = NULL;
}
