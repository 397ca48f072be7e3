/* SPDX-License-Identifier: MIT */
/* vm_device_loop.c - timers, work and doorbells of embedders' devices. */
#include "vm_device.h"

#include "clock.h"
#include "vm.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PATIENCE_NS UINT64_C(1000000)

static bool take_device(struct vmoon_device_seat *seat)
{
	return vmoon_lock_take_until(seat->lock, vmoon_mono_ns() + PATIENCE_NS);
}

/* ---- what was asked for: work, and doorbells ---- */

static void set_wake(void *ctx)
{
	struct vmoon_device_seat *seat = ctx;

	__atomic_store_n(&seat->is_woken, true, __ATOMIC_RELEASE);
	vmoon_loop_fire(&seat->ask_event);
}

/* Each write to the eventfd is an edge: nobody has to read it. */
static bool on_bell(void *ctx, uint32_t events)
{
	const struct vmoon_device_bell *bell = ctx;
	struct vmoon_device_seat *seat = bell->seat;

	(void)events;
	__atomic_fetch_or(&seat->rung, UINT32_C(1) << bell->index,
			  __ATOMIC_RELAXED);
	vmoon_loop_fire(&seat->ask_event);
	return true;
}

static void on_asked(void *ctx)
{
	struct vmoon_device_seat *seat = ctx;
	uint32_t rung;

	if (vmoon_vm_is_over(seat->vm))
		return;
	if (!take_device(seat)) {
		vmoon_loop_fire(&seat->ask_event);
		return;
	}
	rung = __atomic_exchange_n(&seat->rung, 0, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < VMOON_DOORBELLS_MAX; i++)
		if ((rung >> i & 1) != 0)
			seat->doorbell(seat->dev, i);
	if (__atomic_exchange_n(&seat->is_woken, false, __ATOMIC_ACQ_REL) &&
	    seat->work != NULL)
		seat->work(seat->dev);
	vmoon_lock_drop(seat->lock);
}

/* ---- the timer ---- */

/* On any thread: only the loop's own may arm. */
static void set_timer(void *ctx, uint64_t deadline_ns)
{
	struct vmoon_device_seat *seat = ctx;

	__atomic_store_n(&seat->due_ns, deadline_ns, __ATOMIC_RELEASE);
	vmoon_loop_fire(&seat->arm_event);
}

static void on_arm(void *ctx)
{
	struct vmoon_device_seat *seat = ctx;

	vmoon_loop_set_timer(&seat->timer,
			     __atomic_load_n(&seat->due_ns, __ATOMIC_ACQUIRE));
}

/* Each is armed anew, with what it was set to. */
void vmoon_device_seat_resume(struct vmoon_device_seat *seat)
{
	vmoon_loop_fire(&seat->arm_event);
}

/* What was set meanwhile has its own event, and its own time. */
static void on_due(void *ctx)
{
	struct vmoon_device_seat *seat = ctx;
	const struct vmoon_clock clock = vmoon_host_clock();
	uint64_t due_ns;

	if (vmoon_vm_is_over(seat->vm))
		return;
	if (!take_device(seat)) {
		vmoon_loop_set_timer(&seat->timer, 1); /* at once */
		return;
	}
	due_ns = vmoon_vm_is_paused(seat->vm)
			 ? 0 /* the resume arms it again */
			 : __atomic_load_n(&seat->due_ns, __ATOMIC_ACQUIRE);
	/* A thread of the device's may set it anew just now: that one stays. */
	if (due_ns != 0 && due_ns <= clock.mono_ns(clock.ctx) &&
	    __atomic_compare_exchange_n(&seat->due_ns, &due_ns, 0, false,
					__ATOMIC_ACQ_REL, __ATOMIC_RELAXED) &&
	    seat->tick != NULL)
		seat->tick(seat->dev);
	vmoon_lock_drop(seat->lock);
}

/* ---- accesses that come again ---- */

static unsigned asker(void *ctx)
{
	const struct vmoon_device_seat *seat = ctx;

	return vmoon_vcpu_asker(seat->vm);
}

static bool hold(void *ctx)
{
	const struct vmoon_device_seat *seat = ctx;

	return vmoon_vcpu_hold_access(seat->vm, seat);
}

static void ready(void *ctx)
{
	const struct vmoon_device_seat *seat = ctx;

	vmoon_vcpu_hold(seat->vm, seat, false);
}

/* ---- descriptors ---- */

static enum vmoon_status add_bell(struct vmoon_device_seat *seat,
				  struct vmoon_device_bell *bell,
				  struct vmoon_error *err)
{
	struct vmoon_hv_vm *hv = seat->vm->hv;
	enum vmoon_status st;

	bell->seat = seat;
	bell->fd.ready = on_bell;
	bell->fd.ctx = bell;
	bell->fd.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bell->fd.fd < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "eventfd");
	bell->io.fd = bell->fd.fd;
	st = vmoon_loop_add_fd(seat->loop, &bell->fd, EPOLLIN | EPOLLET, err);
	if (st != VMOON_OK)
		goto err_close;
	st = hv->ops->add_ioeventfd(hv, &bell->io, err);
	if (st != VMOON_OK)
		goto err_loop;
	return VMOON_OK;
err_loop:
	vmoon_loop_remove_fd(seat->loop, &bell->fd);
err_close:
	(void)close(bell->fd.fd);
	return st;
}

static void remove_bells(struct vmoon_device_seat *seat)
{
	struct vmoon_hv_vm *hv = seat->vm->hv;

	while (seat->bell_count > 0) {
		struct vmoon_device_bell *b = &seat->bells[--seat->bell_count];

		VMOON_IGNORE(hv->ops->remove_ioeventfd(hv, &b->io, NULL) !=
			     VMOON_OK);
		vmoon_loop_remove_fd(seat->loop, &b->fd);
		(void)close(b->fd.fd);
	}
}

enum vmoon_status vmoon_device_seat_add_bells(
	struct vmoon_device_seat *seat, const struct vmoon_device_options *o,
	uint64_t base, struct vmoon_error *err)
{
	for (unsigned i = 0; i < o->doorbell_count; i++) {
		struct vmoon_device_bell *bell = &seat->bells[i];
		enum vmoon_status st;

		bell->index = i;
		bell->io = (struct vmoon_hv_ioeventfd){
			.addr = base + o->doorbells[i].off,
			.size = (uint8_t)o->doorbells[i].width, /* at most 8 */
			.is_pio = o->kind == VMOON_WINDOW_PORTS};
		st = add_bell(seat, bell, err);
		if (st != VMOON_OK) {
			vmoon_error_prefix(err, "%s: doorbell %u", o->name, i);
			remove_bells(seat);
			return st;
		}
		seat->bell_count++;
	}
	return VMOON_OK;
}

void vmoon_device_seat_init(struct vmoon_device_seat *seat, struct vmoon_vm *vm,
			    struct vmoon_loop *loop,
			    const struct vmoon_device_options *o)
{
	seat->vm = vm;
	seat->loop = loop;
	seat->tick = o->tick;
	seat->work = o->work;
	seat->doorbell = o->doorbell;
	vmoon_loop_add_event(loop, &seat->ask_event, on_asked, seat);
	vmoon_loop_add_event(loop, &seat->arm_event, on_arm, seat);
	vmoon_loop_add_timer(loop, &seat->timer, on_due, seat);
}

void vmoon_device_seat_fini(struct vmoon_device_seat *seat)
{
	struct vmoon_loop *loop = seat->loop;

	remove_bells(seat);
	vmoon_loop_remove_timer(loop, &seat->timer);
	vmoon_loop_remove_event(loop, &seat->arm_event);
	vmoon_loop_remove_event(loop, &seat->ask_event);
}

struct vmoon_timer vmoon_device_seat_timer(struct vmoon_device_seat *seat)
{
	return (struct vmoon_timer){set_timer, seat};
}

struct vmoon_wake vmoon_device_seat_wake(struct vmoon_device_seat *seat)
{
	return (struct vmoon_wake){set_wake, seat};
}

struct vmoon_again vmoon_device_seat_again(struct vmoon_device_seat *seat)
{
	return (struct vmoon_again){asker, hold, ready, seat};
}
