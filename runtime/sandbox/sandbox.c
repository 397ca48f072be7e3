/* SPDX-License-Identifier: MIT */
/* sandbox.c - the seats of a VM's threads: filters made, entered, closed. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* How calls end that no row allows; nobody watches the watchman. */
#ifdef VMOON_SANDBOX_AUDIT
static const enum vmoon_sandbox_denial denial = VMOON_SANDBOX_ASK_ALL;
static const enum vmoon_sandbox_denial denial_of_monitor =
	VMOON_SANDBOX_ASK_ALL;
#else
static const enum vmoon_sandbox_denial denial = VMOON_SANDBOX_ASK;
static const enum vmoon_sandbox_denial denial_of_monitor = VMOON_SANDBOX_EPERM;
#endif

enum vmoon_sandbox_thread vmoon_sandbox_thread_of(
	const struct vmoon_sandbox *sb, unsigned seat)
{
	if (seat == VMOON_SEAT_MONITOR)
		return VMOON_SANDBOX_MONITOR;
	if (seat == VMOON_SEAT_WORKER)
		return VMOON_SANDBOX_WORKER;
	if (seat < vmoon_seat_of_own(sb->cfg.cpus, 0))
		return VMOON_SANDBOX_VCPU;
	return sb->cfg.own_loop[seat - vmoon_seat_of_own(sb->cfg.cpus, 0)]
			       .is_disk
		       ? VMOON_SANDBOX_DISK
		       : VMOON_SANDBOX_DEVICE;
}

struct vmoon_sandbox_list vmoon_sandbox_list_of(const struct vmoon_sandbox *sb,
						unsigned seat)
{
	const struct vmoon_sandbox_config *cfg = &sb->cfg;
	struct vmoon_sandbox_list l = {
		.thread = vmoon_sandbox_thread_of(sb, seat)};

	for (size_t i = 0; i < VMOON_SANDBOX_OPERANDS; i++)
		l.of[i] = (struct vmoon_sandbox_set){&sb->one[i], 1};
	if (cfg->hv_vm.fd < 0)
		l.of[VMOON_SANDBOX_HV_VM].count = 0;
	l.of[VMOON_SANDBOX_HV_VCPU] =
		(struct vmoon_sandbox_set){sb->hv_vcpus, sb->hv_vcpus_count};
	l.of[VMOON_SANDBOX_LISTENERS] =
		(struct vmoon_sandbox_set){sb->listeners, sb->listeners_count};
	l.of[VMOON_SANDBOX_WAKE] =
		(struct vmoon_sandbox_set){sb->wakes, sb->wakes_count};
	l.of[VMOON_SANDBOX_EPOLL].blocks = &sb->seats[seat].epoll;
	l.hv[0].fd = VMOON_SANDBOX_HV_VM;
	l.hv[1].fd = VMOON_SANDBOX_HV_VCPU;
	switch (l.thread) {
	case VMOON_SANDBOX_MONITOR:
	case VMOON_SANDBOX_WATCHDOG: /* has no seat: nobody hears of it */
		break;
	case VMOON_SANDBOX_WORKER:
		l.hv[0].codes = cfg->hv_vm.of_worker;
		l.hv[1].codes = cfg->hv_vcpu[0].of_worker;
		break;
	case VMOON_SANDBOX_VCPU:
		l.hv[0].codes = cfg->hv_vm.of_vcpu;
		l.hv[1].codes = cfg->hv_vcpu[0].of_vcpu;
		l.of[VMOON_SANDBOX_HV_VCPU].blocks = &sb->seats[seat].hv_vcpu;
		l.of[VMOON_SANDBOX_HV_VCPU].count = sb->hv_vcpus_count > 0;
		break;
	case VMOON_SANDBOX_DISK: /* a device's interrupt, as a vCPU's */
	case VMOON_SANDBOX_DEVICE: l.hv[0].codes = cfg->hv_vm.of_vcpu; break;
	}
	return l;
}

static struct vmoon_sandbox_block block_of(int number)
{
	return (struct vmoon_sandbox_block){UINT32_MAX, (uint32_t)number};
}

static void name_operands(struct vmoon_sandbox *sb)
{
	const struct vmoon_sandbox_config *cfg = &sb->cfg;
	uint32_t fds[VMOON_CPUS_MAX];
	size_t n = 0;

	sb->one[VMOON_SANDBOX_EVENTS] = block_of(cfg->event_fd);
	sb->one[VMOON_SANDBOX_MONITOR_EPOLL] = block_of(sb->epoll_fd);
	sb->one[VMOON_SANDBOX_KICK] = block_of(cfg->kick_signal);
	sb->one[VMOON_SANDBOX_PID] = block_of(getpid());
	sb->one[VMOON_SANDBOX_HV_VM] = block_of(cfg->hv_vm.fd);
	for (unsigned i = 0; i < cfg->cpus; i++) {
		sb->seats[VMOON_SEAT_VCPU + i].hv_vcpu =
			block_of(cfg->hv_vcpu[i].fd);
		if (cfg->hv_vcpu[i].fd >= 0)
			fds[n++] = (uint32_t)cfg->hv_vcpu[i].fd;
	}
	sb->hv_vcpus_count = vmoon_sandbox_blocks_of(sb->hv_vcpus, fds, n);
}

/* Anybody may wake anybody's loop, and waits in its own alone. */
static void name_loops(struct vmoon_sandbox *sb)
{
	const struct vmoon_sandbox_config *cfg = &sb->cfg;
	uint32_t fds[1 + VMOON_OWN_WORKERS_MAX];

	fds[0] = (uint32_t)cfg->worker.wake_fd;
	sb->seats[VMOON_SEAT_WORKER].epoll = block_of(cfg->worker.epoll_fd);
	for (unsigned i = 0; i < cfg->own; i++) {
		fds[1 + i] = (uint32_t)cfg->own_loop[i].wake_fd;
		sb->seats[vmoon_seat_of_own(cfg->cpus, i)].epoll =
			block_of(cfg->own_loop[i].epoll_fd);
	}
	sb->wakes_count = vmoon_sandbox_blocks_of(sb->wakes, fds, 1 + cfg->own);
}

/* seat: which one fd tells of. */
static int watch(const struct vmoon_sandbox *sb, int fd, unsigned seat)
{
	/* By edges: a listener whose thread has ended stays ready. */
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u32 = seat};

	return epoll_ctl(sb->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

static enum vmoon_status open_fds(struct vmoon_sandbox *sb,
				  struct vmoon_error *err)
{
	sb->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sb->stop_fd < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "sandbox: eventfd");
	sb->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (sb->epoll_fd >= 0 &&
	    watch(sb, sb->stop_fd, VMOON_SEAT_MONITOR) == 0)
		return VMOON_OK;
	VMOON_IGNORE(vmoon_fail(err, VMOON_E_SYS, errno, "sandbox: epoll"));
	if (sb->epoll_fd >= 0)
		(void)close(sb->epoll_fd);
	(void)close(sb->stop_fd);
	return VMOON_E_SYS;
}

enum vmoon_status vmoon_sandbox_open(struct vmoon_sandbox *sb,
				     const struct vmoon_sandbox_config *cfg,
				     struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;

	memset(sb, 0, sizeof(*sb));
	sb->cfg = *cfg;
	sb->seat_count = vmoon_seat_of_own(cfg->cpus, cfg->own);
	for (unsigned i = 0; i < sb->seat_count; i++)
		sb->seats[i].listener = -1;
	st = open_fds(sb, err);
	if (st != VMOON_OK)
		return st;
	sb->is_on = true;
	vmoon_sandbox_audit_open(sb);
	name_operands(sb);
	name_loops(sb);
	for (unsigned i = VMOON_SEAT_WORKER;
	     i < sb->seat_count && st == VMOON_OK; i++) {
		const struct vmoon_sandbox_list list =
			vmoon_sandbox_list_of(sb, i);

		st = vmoon_filter_init(&sb->seats[i].filter, cfg->mem, &list,
				       denial, err);
	}
	if (st != VMOON_OK)
		vmoon_sandbox_close(sb);
	return st;
}

void vmoon_sandbox_give_up(struct vmoon_sandbox *sb)
{
	if (!sb->is_on)
		return;
	vmoon_sandbox_audit_hand_over(sb);
	for (unsigned i = 0; i < sb->seat_count; i++) {
		if (sb->seats[i].listener >= 0)
			(void)close(sb->seats[i].listener);
		sb->seats[i].listener = -1;
	}
}

void vmoon_sandbox_close(struct vmoon_sandbox *sb)
{
	if (!sb->is_on)
		return;
	vmoon_sandbox_audit_close(sb);
	vmoon_sandbox_give_up(sb);
	for (unsigned i = 0; i < sb->seat_count; i++)
		vmoon_filter_fini(&sb->seats[i].filter);
	(void)close(sb->epoll_fd);
	(void)close(sb->stop_fd);
	sb->is_on = false;
}

enum vmoon_status vmoon_sandbox_enter(struct vmoon_sandbox *sb, unsigned seat,
				      struct vmoon_error *err)
{
	struct vmoon_sandbox_seat *s = &sb->seats[seat];

	if (!sb->is_on)
		return VMOON_OK;
	vmoon_sandbox_audit_watch(sb, seat);
	return vmoon_filter_enter(&s->filter, &s->listener, err);
}

enum vmoon_status vmoon_sandbox_prepare_monitor(struct vmoon_sandbox *sb,
						bool *out_is_needed,
						struct vmoon_error *err)
{
	struct vmoon_sandbox_seat *own = &sb->seats[VMOON_SEAT_MONITOR];
	uint32_t fds[VMOON_SEATS_MAX];
	struct vmoon_sandbox_list list;
	size_t n = 0;

	for (unsigned i = VMOON_SEAT_WORKER; i < sb->seat_count; i++)
		if (sb->seats[i].listener >= 0)
			fds[n++] = (uint32_t)sb->seats[i].listener;
	*out_is_needed = n > 0;
	if (n == 0)
		return VMOON_OK;
	sb->listeners_count = vmoon_sandbox_blocks_of(sb->listeners, fds, n);
	list = vmoon_sandbox_list_of(sb, VMOON_SEAT_MONITOR);
	return vmoon_filter_init(&own->filter, sb->cfg.mem, &list,
				 denial_of_monitor, err);
}

enum vmoon_status vmoon_sandbox_watch(struct vmoon_sandbox *sb,
				      struct vmoon_error *err)
{
	vmoon_sandbox_audit_hand_over(sb);
	for (unsigned i = VMOON_SEAT_WORKER; i < sb->seat_count; i++)
		if (sb->seats[i].listener >= 0 &&
		    watch(sb, sb->seats[i].listener, i) != 0)
			return vmoon_fail(err, VMOON_E_SYS, errno,
					  "sandbox: epoll");
	sb->is_watched = true;
	return VMOON_OK;
}

void vmoon_sandbox_stop(struct vmoon_sandbox *sb)
{
	const uint64_t one = 1;

	while (write(sb->stop_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}
