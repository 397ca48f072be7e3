/* SPDX-License-Identifier: MIT */
/* loop.c - epoll, timers by deadline, and coalescing calls across threads. */
#include "loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

uint64_t vmoon_mono_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

enum vmoon_status vmoon_loop_init(struct vmoon_loop *loop,
				  struct vmoon_error *err)
{
	/* Each write to wake_fd is an edge: nobody has to read it. */
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};

	memset(loop, 0, sizeof(*loop));
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "event loop: epoll_create1");
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0) {
		VMOON_IGNORE(vmoon_fail(err, VMOON_E_SYS, errno,
					"event loop: eventfd"));
		goto err_close_epoll;
	}
	ev.data.ptr = NULL; /* the only entry without a vmoon_loop_fd */
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &ev) == 0)
		return VMOON_OK;
	VMOON_IGNORE(
		vmoon_fail(err, VMOON_E_SYS, errno, "event loop: epoll_ctl"));
	(void)close(loop->wake_fd);
err_close_epoll:
	(void)close(loop->epoll_fd);
	return VMOON_E_SYS;
}

void vmoon_loop_fini(struct vmoon_loop *loop)
{
	(void)close(loop->wake_fd);
	(void)close(loop->epoll_fd);
}

enum vmoon_status vmoon_loop_add_fd(struct vmoon_loop *loop,
				    struct vmoon_loop_fd *fd, uint32_t events,
				    struct vmoon_error *err)
{
	struct epoll_event ev = {.events = events, .data.ptr = fd};

	fd->idle_runs = 0;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd->fd, &ev) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "event loop: cannot watch descriptor %d",
				  fd->fd);
	return VMOON_OK;
}

void vmoon_loop_change_fd(struct vmoon_loop *loop, struct vmoon_loop_fd *fd,
			  uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = fd};

	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd->fd, &ev);
}

void vmoon_loop_remove_fd(struct vmoon_loop *loop, struct vmoon_loop_fd *fd)
{
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd->fd, NULL);
	for (int i = 0; i < loop->batch_len; i++)
		if (loop->batch[i] == fd)
			loop->batch[i] = NULL;
}

void vmoon_loop_add_event(struct vmoon_loop *loop, struct vmoon_loop_event *ev,
			  vmoon_loop_fn fn, void *ctx)
{
	*ev = (struct vmoon_loop_event){
		.fn = fn, .ctx = ctx, .loop = loop, .next = loop->events};
	loop->events = ev;
}

void vmoon_loop_remove_event(struct vmoon_loop *loop,
			     struct vmoon_loop_event *ev)
{
	struct vmoon_loop_event **p = &loop->events;

	while (*p != NULL && *p != ev)
		p = &(*p)->next;
	if (*p != NULL)
		*p = ev->next;
}

/* The loop's thread, in a handler of a descriptor: events come after that. */
static bool is_awake(const struct vmoon_loop *loop)
{
	return pthread_equal(__atomic_load_n(&loop->thread, __ATOMIC_RELAXED),
			     pthread_self()) &&
	       loop->is_before_events;
}

static void wake(struct vmoon_loop *loop)
{
	const uint64_t one = 1;

	if (is_awake(loop))
		return;
	if (__atomic_exchange_n(&loop->is_woken, true, __ATOMIC_ACQ_REL))
		return;
	while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

void vmoon_loop_fire(struct vmoon_loop_event *ev)
{
	if (!__atomic_exchange_n(&ev->is_pending, true, __ATOMIC_ACQ_REL))
		wake(ev->loop);
}

void vmoon_loop_quit(struct vmoon_loop *loop)
{
	__atomic_store_n(&loop->is_quitting, true, __ATOMIC_RELEASE);
	wake(loop);
}

void vmoon_loop_add_timer(struct vmoon_loop *loop, struct vmoon_loop_timer *t,
			  vmoon_loop_fn fn, void *ctx)
{
	*t = (struct vmoon_loop_timer){
		.fn = fn, .ctx = ctx, .next = loop->timers};
	loop->timers = t;
}

void vmoon_loop_remove_timer(struct vmoon_loop *loop,
			     struct vmoon_loop_timer *t)
{
	struct vmoon_loop_timer **p = &loop->timers;

	while (*p != NULL && *p != t)
		p = &(*p)->next;
	if (*p != NULL)
		*p = t->next;
}

void vmoon_loop_set_timer(struct vmoon_loop_timer *t, uint64_t deadline_ns)
{
	t->deadline_ns = deadline_ns;
}

static void run_events(struct vmoon_loop *loop)
{
	for (struct vmoon_loop_event *ev = loop->events; ev; ev = ev->next)
		if (__atomic_exchange_n(&ev->is_pending, false,
					__ATOMIC_ACQ_REL))
			ev->fn(ev->ctx);
}

static void run_timers(struct vmoon_loop *loop)
{
	uint64_t now = vmoon_mono_ns();

	for (struct vmoon_loop_timer *t = loop->timers; t; t = t->next) {
		if (t->deadline_ns == 0 || t->deadline_ns > now)
			continue;
		t->expirations = 1;
		if (t->period_ns != 0)
			t->expirations += (now - t->deadline_ns) / t->period_ns;
		if (t->period_ns != 0)
			t->deadline_ns += t->expirations * t->period_ns;
		else
			t->deadline_ns = 0;
		t->fn(t->ctx);
	}
}

/* The caller's timeout, or less when a timer is due before. */
static int64_t next_timeout(const struct vmoon_loop *loop, int64_t timeout_ns)
{
	uint64_t first = 0, now;
	int64_t left;

	for (const struct vmoon_loop_timer *t = loop->timers; t; t = t->next)
		if (t->deadline_ns != 0 &&
		    (first == 0 || t->deadline_ns < first))
			first = t->deadline_ns;
	if (first == 0)
		return timeout_ns;
	now = vmoon_mono_ns();
	left = first > now ? (int64_t)(first - now) : 0;
	return timeout_ns < 0 || left < timeout_ns ? left : timeout_ns;
}

static int wait_epoll(int epoll_fd, struct epoll_event *evs, int cap,
		      int64_t timeout_ns)
{
	struct timespec ts = {.tv_sec = timeout_ns / (int64_t)NS_PER_S,
			      .tv_nsec = timeout_ns % (int64_t)NS_PER_S};
	int64_t ms = (timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
	int n;

	n = epoll_pwait2(epoll_fd, evs, cap, timeout_ns < 0 ? NULL : &ts, NULL);
	if (n >= 0 || errno != ENOSYS)
		return n;
	/* Before Linux 5.11: milliseconds, rounded up so that none spins. */
	return epoll_wait(epoll_fd, evs, cap,
			  timeout_ns < 0 ? -1 : (int)(ms & 0x7fffffff));
}

static void run_fd(struct vmoon_loop *loop, int at, uint32_t events)
{
	struct vmoon_loop_fd *fd = loop->batch[at];

	if (fd == NULL)
		return; /* removed by one before it */
	if (fd->ready(fd->ctx, events)) {
		fd->idle_runs = 0;
		return;
	}
	/* Looked up again: the handler may have removed it. */
	if (loop->batch[at] == fd && ++fd->idle_runs == VMOON_LOOP_IDLE_MAX)
		vmoon_loop_remove_fd(loop, fd);
}

enum vmoon_status vmoon_loop_turn(struct vmoon_loop *loop, int64_t timeout_ns,
				  struct vmoon_error *err)
{
	struct epoll_event evs[VMOON_COUNTOF(loop->batch)];
	int n;

	__atomic_store_n(&loop->thread, pthread_self(), __ATOMIC_RELAXED);
	n = wait_epoll(loop->epoll_fd, evs, (int)VMOON_COUNTOF(evs),
		       next_timeout(loop, timeout_ns));
	if (n < 0 && errno == EINTR)
		return VMOON_OK;
	if (n < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "event loop: epoll");
	for (int i = 0; i < n; i++)
		loop->batch[i] = evs[i].data.ptr;
	loop->batch_len = n;
	loop->is_before_events = true;
	for (int i = 0; i < n; i++) {
		if (evs[i].data.ptr != NULL)
			run_fd(loop, i, evs[i].events);
		else /* Acquires what was set pending before the wake. */
			(void)__atomic_exchange_n(&loop->is_woken, false,
						  __ATOMIC_ACQ_REL);
	}
	loop->batch_len = 0;
	loop->is_before_events = false;
	run_events(loop);
	run_timers(loop);
	return VMOON_OK;
}

enum vmoon_status vmoon_loop_run(struct vmoon_loop *loop,
				 struct vmoon_error *err)
{
	while (!__atomic_load_n(&loop->is_quitting, __ATOMIC_ACQUIRE))
		if (vmoon_loop_turn(loop, -1, err) != VMOON_OK)
			return VMOON_E_SYS;
	return VMOON_OK;
}
