/* SPDX-License-Identifier: MIT */
/* monitor.c - answers denied calls, once their VM knows what was asked for. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

/* Calls of the x32 kind have this bit in their number. */
enum { X32_BIT = 0x40000000 };

/* A newer kernel's structs may be longer than the ones we know. */
union request {
	struct seccomp_notif notif;
	unsigned char room[256];
};

union reply {
	struct seccomp_notif_resp resp;
	unsigned char room[256];
};

static void name_thread(const struct vmoon_sandbox *sb, unsigned seat,
			char *out, size_t cap)
{
	switch (vmoon_sandbox_thread_of(sb, seat)) {
	case VMOON_SANDBOX_VCPU:
		(void)snprintf(out, cap, "vCPU %u", seat - VMOON_SEAT_VCPU);
		return;
	case VMOON_SANDBOX_DISK:
		(void)snprintf(out, cap, "the thread of disk %u",
			       seat - vmoon_seat_of_own(sb->cfg.cpus, 0) + 1);
		return;
	case VMOON_SANDBOX_DEVICE:
		(void)snprintf(out, cap, "a device's own thread");
		return;
	case VMOON_SANDBOX_WORKER:
		(void)snprintf(out, cap, "the worker");
		return;
	case VMOON_SANDBOX_WATCHDOG: /* no VM's */
	case VMOON_SANDBOX_MONITOR: (void)snprintf(out, cap, "the monitor");
	}
}

static void name_call(const struct seccomp_data *call, char *out, size_t cap)
{
	char name[40];

	if (call->arch != seccomp_arch_native() || (call->nr & X32_BIT) != 0) {
		(void)snprintf(out, cap, "%d of a foreign kind (%#x)",
			       call->nr & ~X32_BIT, call->arch);
		return;
	}
	vmoon_sandbox_call_name(call->nr, name, sizeof(name));
	(void)snprintf(out, cap, "%s (%d)", name, call->nr);
}

static void tell(const struct vmoon_sandbox *sb, unsigned seat,
		 const struct seccomp_data *call)
{
	char message[200], thread[32], name[64];

	name_thread(sb, seat, thread, sizeof(thread));
	name_call(call, name, sizeof(name));
	(void)snprintf(message, sizeof(message),
		       "%s: system call %s is not allowed by its sandbox; "
		       "report it, or run without "
		       "(VMOON_RUNTIME_NO_SANDBOX)",
		       thread, name);
	sb->cfg.denied(sb->cfg.ctx, message);
}

bool vmoon_sandbox_answer(struct vmoon_sandbox *sb, unsigned seat)
{
	const int fd = sb->seats[seat].listener;
	union request req;
	union reply rep;
	int refuse_as;

	memset(&req, 0, sizeof(req)); /* the kernel wants zeros */
	memset(&rep, 0, sizeof(rep));
	/* ENOENT: the thread was interrupted meanwhile and asks again. */
	while (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &req) != 0)
		if (errno != EINTR)
			return false;
	rep.resp.id = req.notif.id;
	if (vmoon_sandbox_audit_call(sb, seat, &req.notif.data, &refuse_as)) {
		rep.resp.error = -refuse_as;
		if (refuse_as == 0)
			rep.resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	} else {
		/* First: its name, not what EPERM leads to, ends the VM. */
		tell(sb, seat, &req.notif.data);
		rep.resp.error = -EPERM;
	}
	while (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &rep) != 0 && errno == EINTR)
		continue;
	return true;
}

void vmoon_sandbox_serve(struct vmoon_sandbox *sb)
{
	struct epoll_event ev;
	int n;

	for (;;) {
		n = epoll_pwait(sb->epoll_fd, &ev, 1, -1, NULL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || ev.data.u32 == VMOON_SEAT_MONITOR)
			return;
		/* EPOLLHUP alone: the thread has ended. */
		if ((ev.events & EPOLLIN) != 0)
			VMOON_IGNORE(!vmoon_sandbox_answer(sb, ev.data.u32));
	}
}
