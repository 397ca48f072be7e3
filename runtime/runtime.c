/* SPDX-License-Identifier: MIT */
/* runtime.c - a runtime: its VMs, and the one descriptor that wakes it. */
#include "vm.h"
#include "vmoon/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static enum vmoon_status no_size(const char *what, struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_INVAL, 0,
			  "%s: size is not set; begin with VMOON_INIT", what);
}

static bool is_real_time(int signal)
{
	return signal >= SIGRTMIN && signal <= SIGRTMAX;
}

static enum vmoon_status choose_signals(struct vmoon_runtime_options *o,
					struct vmoon_error *err)
{
	if (o->kick_signal == 0)
		o->kick_signal = SIGRTMIN + 1;
	if (o->watch_signal == 0)
		o->watch_signal =
			SIGRTMIN + 2 + (o->kick_signal == SIGRTMIN + 2);
	if (!is_real_time(o->kick_signal))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "kick_signal %d is no real-time signal "
				  "(%d to %d)",
				  o->kick_signal, SIGRTMIN, SIGRTMAX);
	if (!is_real_time(o->watch_signal) || o->watch_signal == o->kick_signal)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "watch_signal %d is no real-time signal "
				  "(%d to %d), or that of kicks",
				  o->watch_signal, SIGRTMIN, SIGRTMAX);
	return VMOON_OK;
}

enum vmoon_status vmoon_runtime_create(const struct vmoon_runtime_options *opts,
				       struct vmoon_runtime **out_rt,
				       struct vmoon_error *err)
{
	struct vmoon_runtime_options o =
		VMOON_INIT(struct vmoon_runtime_options);
	struct vmoon_runtime *rt;
	struct vmoon_mem mem;
	enum vmoon_status st;

	if (out_rt == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no place for the runtime given");
	if (opts != NULL && opts->size < sizeof(opts->size))
		return no_size("runtime options", err);
	if (opts != NULL)
		memcpy(&o, opts,
		       opts->size < sizeof(o) ? opts->size : sizeof(o));
	if (o.allocator != NULL && o.allocator->size < sizeof(o.size))
		return no_size("the allocator", err);
	st = choose_signals(&o, err);
	if (st != VMOON_OK)
		return st;
	if ((o.flags & ~(unsigned)VMOON_RUNTIME_NO_SANDBOX) != 0)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "flags %#x: nothing is known but "
				  "VMOON_RUNTIME_NO_SANDBOX",
				  o.flags);
	vmoon_mem_init(&mem, o.allocator);
	rt = vmoon_mem_alloc(&mem, sizeof(*rt));
	if (rt == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "runtime: out of memory");
	rt->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rt->event_fd < 0) {
		int saved = errno;

		vmoon_mem_free(&mem, rt, sizeof(*rt));
		return vmoon_fail(err, VMOON_E_SYS, saved, "runtime: eventfd");
	}
	vmoon_lock_init(&rt->lock, VMOON_RANK_LEAF);
	rt->mem = mem;
	rt->log = (struct vmoon_log){o.log, o.log_ctx, o.log_level};
	rt->kick_signal = o.kick_signal;
	rt->watch_signal = o.watch_signal;
	rt->flags = o.flags;
	*out_rt = rt;
	return VMOON_OK;
}

void vmoon_runtime_destroy(struct vmoon_runtime *rt)
{
	struct vmoon_mem mem;

	if (rt == NULL)
		return;
	vmoon_watchdog_destroy(rt->watchdog);
	(void)close(rt->event_fd);
	vmoon_lock_fini(&rt->lock);
	mem = rt->mem; /* it cannot free the ground it stands on */
	vmoon_mem_free(&mem, rt, sizeof(*rt));
}

enum vmoon_status vmoon_runtime_watchdog(struct vmoon_runtime *rt,
					 struct vmoon_watchdog **out_dog,
					 struct vmoon_error *err)
{
	struct vmoon_watchdog_options opts = {0};
	enum vmoon_status st = VMOON_OK;

	if (rt == NULL || out_dog == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no runtime, or no place for its watchdog");
	opts.mem = &rt->mem;
	opts.signal = rt->watch_signal;
	if ((rt->flags & VMOON_RUNTIME_NO_SANDBOX) != 0)
		opts.flags = VMOON_WATCHDOG_NO_SANDBOX;
	if (rt->watchdog == NULL)
		st = vmoon_watchdog_create_with(&opts, &rt->watchdog, err);
	if (st == VMOON_OK)
		*out_dog = rt->watchdog;
	return st;
}

struct vmoon_mem *vmoon_runtime_mem(struct vmoon_runtime *rt)
{
	return rt == NULL ? NULL : &rt->mem;
}

size_t vmoon_runtime_mem_used(const struct vmoon_runtime *rt)
{
	return rt == NULL ? 0 : vmoon_mem_used(&rt->mem);
}

int vmoon_runtime_fd(const struct vmoon_runtime *rt)
{
	return rt == NULL ? -1 : rt->event_fd;
}

void vmoon_runtime_link(struct vmoon_runtime *rt, struct vmoon_vm *vm)
{
	vmoon_lock_take(&rt->lock);
	vm->next = rt->vms;
	rt->vms = vm;
	vmoon_lock_drop(&rt->lock);
}

void vmoon_runtime_unlink(struct vmoon_runtime *rt, struct vmoon_vm *vm)
{
	vmoon_lock_take(&rt->lock);
	for (struct vmoon_vm **p = &rt->vms; *p != NULL; p = &(*p)->next)
		if (*p == vm) {
			*p = vm->next;
			break;
		}
	vmoon_lock_drop(&rt->lock);
}

void vmoon_runtime_note(struct vmoon_vm *vm, unsigned note)
{
	struct vmoon_runtime *rt = vm->rt;
	const uint64_t one = 1;

	__atomic_fetch_or(&vm->notes, note, __ATOMIC_ACQ_REL);
	if (__atomic_exchange_n(&rt->is_signalled, true, __ATOMIC_ACQ_REL))
		return;
	while (write(rt->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

/* One note of one VM; a callback may destroy VMs, so each look is fresh. */
static struct vmoon_vm *take_note(struct vmoon_runtime *rt, unsigned *out_note)
{
	struct vmoon_vm *vm;

	vmoon_lock_take(&rt->lock);
	for (vm = rt->vms; vm != NULL; vm = vm->next) {
		unsigned notes = __atomic_load_n(&vm->notes, __ATOMIC_ACQUIRE);

		if (notes == 0)
			continue;
		*out_note = notes & (~notes + 1u); /* the lowest: in order */
		__atomic_fetch_and(&vm->notes, ~*out_note, __ATOMIC_ACQ_REL);
		break;
	}
	vmoon_lock_drop(&rt->lock);
	return vm;
}

static void deliver(struct vmoon_vm *vm, unsigned note)
{
	const struct vmoon_vm_events *ev = &vm->events;
	struct vmoon_stream *s;

	if (note == VMOON_NOTE_STATE && ev->state != NULL)
		ev->state(ev->ctx, vm, vmoon_vm_get_state(vm));
	if (note == VMOON_NOTE_PANIC && ev->panicked != NULL)
		ev->panicked(ev->ctx, vm, vm->panic_line);
	/* A guest's last words come before its end. */
	if (note == VMOON_NOTE_DEVICE || note == VMOON_NOTE_EXITED)
		vmoon_vm_tell_devices(vm);
	if (note == VMOON_NOTE_DATA || note == VMOON_NOTE_EXITED)
		for (size_t i = 0; (s = vmoon_vm_stream_at(vm, i)) != NULL; i++)
			vmoon_stream_deliver(s);
	if (note == VMOON_NOTE_LIMITED || note == VMOON_NOTE_EXITED)
		for (size_t i = 0; (s = vmoon_vm_stream_at(vm, i)) != NULL; i++)
			vmoon_stream_tell_limited(s);
	if (note != VMOON_NOTE_EXITED)
		return;
	vm->is_exit_delivered = true; /* first: the callback may wait */
	if (ev->exited != NULL)
		ev->exited(ev->ctx, vm, &vm->exit);
}

unsigned vmoon_runtime_dispatch(struct vmoon_runtime *rt, unsigned max_events)
{
	struct vmoon_vm *vm;
	unsigned done = 0, note = 0;
	uint64_t drop;

	if (rt == NULL)
		return 0;
	VMOON_IGNORE(read(rt->event_fd, &drop, sizeof(drop)) < 0);
	(void)__atomic_exchange_n(&rt->is_signalled, false, __ATOMIC_ACQ_REL);
	while (done < max_events && (vm = take_note(rt, &note)) != NULL) {
		deliver(vm, note);
		done++;
	}
	if (done == max_events &&
	    !__atomic_exchange_n(&rt->is_signalled, true, __ATOMIC_ACQ_REL)) {
		/* Perhaps more is left: stay readable. */
		drop = 1;
		VMOON_IGNORE(write(rt->event_fd, &drop, sizeof(drop)) < 0);
	}
	return done;
}

enum vmoon_status vmoon_runtime_wait(struct vmoon_runtime *rt,
				     int64_t timeout_ns,
				     struct vmoon_error *err)
{
	struct pollfd p = {.fd = vmoon_runtime_fd(rt), .events = POLLIN};
	struct timespec ts = {.tv_sec = timeout_ns / 1000000000,
			      .tv_nsec = timeout_ns % 1000000000};
	int n;

	if (rt == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no runtime given");
	n = ppoll(&p, 1, timeout_ns < 0 ? NULL : &ts, NULL);
	if (n < 0 && errno != EINTR)
		return vmoon_fail(err, VMOON_E_SYS, errno, "wait: poll");
	if (n == 0)
		return vmoon_fail(err, VMOON_E_TIMEOUT, 0,
				  "nothing happened in time");
	(void)vmoon_runtime_dispatch(rt, 64);
	return VMOON_OK;
}

enum vmoon_status vmoon_vm_wait(struct vmoon_vm *vm, int64_t timeout_ns,
				struct vmoon_error *err)
{
	uint64_t start = vmoon_mono_ns();

	if (vm == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no VM given");
	while (!vm->is_exit_delivered) {
		int64_t left = -1;
		enum vmoon_status st;

		if (timeout_ns >= 0) {
			uint64_t gone = vmoon_mono_ns() - start;

			left = gone < (uint64_t)timeout_ns
				       ? timeout_ns - (int64_t)gone
				       : 0;
		}
		st = vmoon_runtime_wait(vm->rt, left, err);
		if (st == VMOON_E_TIMEOUT && left == 0)
			return vmoon_fail(
				err, VMOON_E_TIMEOUT, 0,
				"the VM is still %s after %.1f s",
				vmoon_vm_state_name(vmoon_vm_get_state(vm)),
				(double)timeout_ns / 1e9);
		if (st != VMOON_OK && st != VMOON_E_TIMEOUT)
			return st;
	}
	return VMOON_OK;
}
