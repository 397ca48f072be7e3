/* SPDX-License-Identifier: MIT */
/* vm_worker.c - the worker thread: ends and resets the VM, watches for panic.
 */
#include "vm.h"

#include "clock.h"

#include <stdio.h>
#include <string.h>

/* After the first line of a panic the rest of its report may follow. */
#define PANIC_GRACE_NS UINT64_C(1000000000)
/* A guest that resets in a loop restarts at most ten times a second. */
#define RESET_INTERVAL_NS UINT64_C(100000000)
/* How long the end of a VM waits for a slow reader of its console. */
#define FLUSH_NS UINT64_C(500000000)
/* A vCPU that did not hear a kick gets another one. */
#define KICK_INTERVAL_NS UINT64_C(50000000)

static const char panic_mark[] = "Kernel panic - not syncing";
static const char panic_end_mark[] = "---[ end Kernel panic";

/* ---- wishes: any thread ---- */

void vmoon_vm_wish_end(struct vmoon_vm *vm, enum vmoon_exit_reason reason,
		       uint32_t guest_status, const char *message)
{
	struct vmoon_wish *w = &vm->wish;

	vmoon_lock_take(&vm->wish_lock);
	if (w->end == VMOON_EXIT_NONE) {
		w->end = reason;
		w->guest_status = guest_status;
		(void)snprintf(w->message, sizeof(w->message), "%.*s",
			       (int)sizeof(w->message) - 1, message);
	}
	__atomic_store_n(&vm->is_halting, true, __ATOMIC_RELEASE);
	vmoon_lock_drop(&vm->wish_lock);
	vmoon_loop_fire(&vm->wish_event);
}

static void wish_poweroff(void *ctx, uint64_t value)
{
	(void)value;
	vmoon_vm_wish_end(ctx, VMOON_EXIT_POWEROFF, 0, "");
}

static void wish_debug_exit(void *ctx, uint64_t value)
{
	vmoon_vm_wish_end(ctx, VMOON_EXIT_DEBUG_EXIT, (uint32_t)value, "");
}

void vmoon_vm_wish_reset(struct vmoon_vm *vm)
{
	vmoon_lock_take(&vm->wish_lock);
	vm->wish.reset = true;
	__atomic_store_n(&vm->is_halting, true, __ATOMIC_RELEASE);
	vmoon_lock_drop(&vm->wish_lock);
	vmoon_loop_fire(&vm->wish_event);
}

void vmoon_vm_wish_pause(struct vmoon_vm *vm)
{
	vmoon_lock_take(&vm->wish_lock);
	vm->wish.pause = true;
	__atomic_store_n(&vm->is_halting, true, __ATOMIC_RELEASE);
	vmoon_lock_drop(&vm->wish_lock);
	vmoon_loop_fire(&vm->wish_event);
}

static void wish_reset(void *ctx, uint64_t value)
{
	(void)value;
	vmoon_vm_wish_reset(ctx);
}

/* pvpanic: bit 0 is a panic; with bit 1 a crash kernel goes on. */
static void wish_panic(void *ctx, uint64_t value)
{
	struct vmoon_vm *vm = ctx;

	if ((value & 1) == 0)
		return;
	vmoon_lock_take(&vm->wish_lock);
	vm->wish.panic = true;
	vmoon_lock_drop(&vm->wish_lock);
	vmoon_loop_fire(&vm->wish_event);
}

/* ---- the worker ---- */

void vmoon_vm_park(struct vmoon_vm *vm)
{
	const unsigned pauses = vm->pauses;
	uint64_t kick_ns;

	do {
		for (unsigned i = 0; i < vm->spec.cpus; i++)
			vm->vcpus[i].hv->ops->kick(vm->vcpus[i].hv);
		kick_ns = vmoon_mono_ns() + KICK_INTERVAL_NS;
		while (vm->parked < vm->threads && vm->pauses == pauses &&
		       vmoon_lock_wait_until(&vm->lock, &vm->changed, kick_ns))
			continue;
	} while (vm->parked < vm->threads && vm->pauses == pauses);
}

static void publish_end(struct vmoon_vm *vm, const struct vmoon_wish *w)
{
	struct vmoon_exit_record *x = &vm->exit;
	bool is_failed = w->end == VMOON_EXIT_HOST_ERROR;

	vm->end_ns = vmoon_mono_ns();
	x->size = sizeof(*x);
	x->reason = w->end;
	x->guest_status = w->guest_status;
	x->uptime_ns = vm->end_ns - vm->start_ns;
	(void)snprintf(x->message, sizeof(x->message), "%s", w->message);
	__atomic_store_n(&vm->state,
			 is_failed ? VMOON_VM_FAILED : VMOON_VM_STOPPED,
			 __ATOMIC_RELEASE);
	(void)pthread_cond_broadcast(&vm->changed);
}

/* The message may be a line of the guest's: the log escapes it. */
static void log_end(struct vmoon_vm *vm, const struct vmoon_wish *w)
{
	const struct vmoon_log log = vmoon_vm_log_value(&vm->log);
	const char *colon = w->message[0] == '\0' ? "" : ": ";

	if (vm->reset_limit.suppressed > 0)
		vmoon_logf(&log, VMOON_LOG_INFO, "vm",
			   "%u more resets were not shown",
			   vm->reset_limit.suppressed);
	vmoon_logf(&log,
		   w->end == VMOON_EXIT_HOST_ERROR ? VMOON_LOG_ERROR
						   : VMOON_LOG_INFO,
		   "vm", "ended: %s%s%s", vmoon_exit_reason_name(w->end), colon,
		   w->message);
}

/* All that the guest has printed, on whatever. */
static void drain_guest(struct vmoon_vm *vm)
{
	vmoon_stream_drain(&vm->console);
	for (size_t i = 0; i < vm->port_count; i++)
		vmoon_stream_drain(&vm->ports[i]);
}

static void finish(struct vmoon_vm *vm, struct vmoon_wish *w)
{
	bool is_death = w->end == VMOON_EXIT_CRASH ||
			w->end == VMOON_EXIT_REBOOT ||
			w->end == VMOON_EXIT_HALT;
	const uint64_t deadline_ns = vmoon_mono_ns() + FLUSH_NS;

	vmoon_lock_take(&vm->lock);
	vmoon_vm_park(vm);
	vmoon_lock_drop(&vm->lock);
	/* The last words may still be in the ring, a panic among them. */
	drain_guest(vm);
	vmoon_stream_flush(&vm->console, deadline_ns);
	for (size_t i = 0; i < vm->port_count; i++)
		vmoon_stream_flush(&vm->ports[i], deadline_ns);
	if (vm->has_panicked && vm->spec.on_panic == VMOON_ON_STOP &&
	    (is_death || w->end == VMOON_EXIT_PANIC)) {
		w->end = VMOON_EXIT_PANIC;
		(void)snprintf(w->message, sizeof(w->message), "%s",
			       vm->panic_line);
	}
	log_end(vm, w);
	vmoon_stream_drain(&vm->log.stream);
	vmoon_stream_flush(&vm->log.stream, deadline_ns);
	vmoon_lock_take(&vm->lock);
	publish_end(vm, w);
	vmoon_lock_drop(&vm->lock);
	vmoon_loop_set_timer(&vm->panic_timer, 0);
	vmoon_loop_set_timer(&vm->reset_timer, 0);
	vmoon_runtime_note(vm, VMOON_NOTE_STATE | VMOON_NOTE_EXITED);
}

/* A guest may reset itself as often as it likes. */
static void log_reset(struct vmoon_vm *vm)
{
	const struct vmoon_log log = vmoon_vm_log_value(&vm->log);
	const unsigned long long resets =
		__atomic_load_n(&vm->resets, __ATOMIC_RELAXED);
	const struct vmoon_clock *clock = &vm->log.clock;
	uint32_t suppressed = 0;

	if (!vmoon_log_allow(&vm->reset_limit, clock->mono_ns(clock->ctx),
			     &suppressed))
		return;
	if (suppressed > 0)
		vmoon_logf(&log, VMOON_LOG_INFO, "vm",
			   "the guest was reset (%llu), after %u resets that "
			   "were not shown",
			   resets, suppressed);
	else
		vmoon_logf(&log, VMOON_LOG_INFO, "vm",
			   "the guest was reset (%llu)", resets);
}

/*
 * With all at the gate: accesses that wait there for a device come to their
 * end, since a vCPU in the midst of one cannot be reset.
 */
static void drop_accesses(struct vmoon_vm *vm)
{
	bool is_any = false;

	for (unsigned i = 0; i < vm->spec.cpus; i++) {
		struct vmoon_vcpu *v = &vm->vcpus[i];

		if (!v->has_waiting)
			continue;
		__atomic_store_n(&v->held_by, NULL, __ATOMIC_RELEASE);
		v->must_drop = is_any = true;
		vm->parked--;
	}
	if (!is_any)
		return;
	(void)pthread_cond_broadcast(&vm->changed);
	vmoon_vm_park(vm);
}

/* Under vm->lock, as the rest of it. The vCPUs stay at the gate until then. */
static enum vmoon_status begin_restart(struct vmoon_vm *vm,
				       struct vmoon_error *err)
{
	vmoon_vm_park(vm);
	drop_accesses(vm);
	drain_guest(vm);
	vmoon_stream_reset(&vm->console);
	for (size_t i = 0; i < vm->port_count; i++)
		vmoon_stream_reset(&vm->ports[i]);
	vm->last_reset_ns = vmoon_mono_ns();
	__atomic_store_n(&vm->resets, vm->resets + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&vm->has_panicked, false, __ATOMIC_RELEASE);
	return vmoon_board_reset(vm->board, err);
}

static void end_restart(struct vmoon_vm *vm)
{
	vmoon_lock_take(&vm->wish_lock);
	/* Asked for before the reset: served by it. */
	vm->wish.reset = false;
	if (vm->wish.end == VMOON_EXIT_NONE)
		__atomic_store_n(&vm->is_halting, false, __ATOMIC_RELEASE);
	vmoon_lock_drop(&vm->wish_lock);
	(void)pthread_cond_broadcast(&vm->changed);
}

/*
 * Guest memory is not touched while a transfer of a disk may still write to
 * it. That may take for ever: the wish stays, and is looked at again when the
 * device is done.
 */
static void restart(struct vmoon_vm *vm)
{
	struct vmoon_error err;
	enum vmoon_status st = VMOON_OK;

	vmoon_lock_take(&vm->lock);
	if (!vm->is_restarting)
		st = begin_restart(vm, &err);
	vm->is_restarting =
		st == VMOON_OK && (vmoon_board_is_resetting(vm->board) ||
				   vmoon_vm_devices_are_resetting(vm));
	if (vm->is_restarting) {
		vmoon_lock_drop(&vm->lock);
		return;
	}
	if (st == VMOON_OK)
		st = vmoon_gmem_clear(&vm->gmem, &err);
	if (st == VMOON_OK)
		st = vmoon_vm_load(vm, &err);
	if (st != VMOON_OK)
		vmoon_vm_wish_end(vm, VMOON_EXIT_HOST_ERROR, 0, err.msg);
	end_restart(vm);
	vmoon_lock_drop(&vm->lock);
	log_reset(vm);
}

/* A guest that dies in its first instructions must not burn the host. */
static void restart_soon(struct vmoon_vm *vm)
{
	uint64_t due = vm->last_reset_ns + RESET_INTERVAL_NS;

	if (!vm->is_restarting && vm->last_reset_ns != 0 &&
	    vmoon_mono_ns() < due) {
		vmoon_loop_set_timer(&vm->reset_timer, due);
		return;
	}
	restart(vm);
}

static void note_panic(struct vmoon_vm *vm, const char *line)
{
	if (vm->has_panicked)
		return;
	(void)snprintf(vm->panic_line, sizeof(vm->panic_line), "%s", line);
	__atomic_store_n(&vm->has_panicked, true, __ATOMIC_RELEASE);
	vmoon_runtime_note(vm, VMOON_NOTE_PANIC);
	if (vm->spec.on_panic == VMOON_ON_STOP)
		vmoon_loop_set_timer(&vm->panic_timer,
				     vmoon_mono_ns() + PANIC_GRACE_NS);
}

static void end_panic(void *ctx)
{
	struct vmoon_vm *vm = ctx;

	vmoon_vm_wish_end(vm, VMOON_EXIT_PANIC, 0, vm->panic_line);
}

static void on_line(void *ctx, const char *line)
{
	struct vmoon_vm *vm = ctx;
	const char *at = strstr(line, panic_mark);

	if (at != NULL && strstr(line, panic_end_mark) == NULL)
		note_panic(vm, at);
	else if (vm->has_panicked && vm->spec.on_panic == VMOON_ON_STOP &&
		 strstr(line, panic_end_mark) != NULL)
		end_panic(vm);
}

static void on_data(void *ctx)
{
	vmoon_runtime_note(ctx, VMOON_NOTE_DATA);
}

static void on_limited(void *ctx)
{
	vmoon_runtime_note(ctx, VMOON_NOTE_LIMITED);
}

static void on_room(void *ctx)
{
	vmoon_runtime_note(ctx, VMOON_NOTE_WAKE);
}

/* For a vCPU that is held no longer. */
static void wake_gate(struct vmoon_vm *vm)
{
	vmoon_lock_take(&vm->lock);
	(void)pthread_cond_broadcast(&vm->changed);
	vmoon_lock_drop(&vm->lock);
}

/* The gate is shut before those at it hear that no wish holds them any more. */
static void pause_as_wished(struct vmoon_vm *vm)
{
	VMOON_IGNORE(vmoon_vm_pause(vm, NULL) != VMOON_OK); /* as it is then */
	vmoon_lock_take(&vm->wish_lock);
	if (vm->wish.end == VMOON_EXIT_NONE && !vm->wish.reset)
		__atomic_store_n(&vm->is_halting, false, __ATOMIC_RELEASE);
	vmoon_lock_drop(&vm->wish_lock);
	wake_gate(vm);
}

static void on_wish(void *ctx)
{
	struct vmoon_vm *vm = ctx;
	struct vmoon_wish w;

	if (vmoon_vm_is_over(vm))
		return;
	wake_gate(vm);
	/* What was printed before the wish may say that it is a panic's. */
	vmoon_stream_drain(&vm->console);
	vmoon_lock_take(&vm->wish_lock);
	w = vm->wish;
	vm->wish.panic = false;
	vm->wish.pause = false;
	vmoon_lock_drop(&vm->wish_lock);
	if (w.panic)
		note_panic(vm, "the guest reported a panic through pvpanic");
	if (w.pause && w.end == VMOON_EXIT_NONE)
		pause_as_wished(vm);
	if (w.end != VMOON_EXIT_NONE) {
		finish(vm, &w);
	} else if (w.reset &&
		   (vm->spec.on_reboot == VMOON_ON_STOP ||
		    (vm->has_panicked && vm->spec.on_panic == VMOON_ON_STOP))) {
		w.end = VMOON_EXIT_REBOOT;
		finish(vm, &w);
	} else if (w.reset) {
		restart_soon(vm);
	}
}

static void on_reset_timer(void *ctx)
{
	restart(ctx);
}

static void hear_stream(struct vmoon_vm *vm, struct vmoon_stream *s)
{
	s->on_data = on_data;
	s->on_limited = on_limited;
	s->on_room = on_room;
	s->outputs.log = vmoon_vm_log_value(&vm->log);
	s->ctx = vm;
}

void vmoon_vm_worker_init(struct vmoon_vm *vm)
{
	struct vmoon_loop *loop = &vm->loop;

	vmoon_loop_add_event(loop, &vm->wish_event, on_wish, vm);
	vmoon_loop_add_timer(loop, &vm->panic_timer, end_panic, vm);
	vmoon_loop_add_timer(loop, &vm->reset_timer, on_reset_timer, vm);
	vm->console.on_line = on_line; /* panics are told of there only */
	hear_stream(vm, &vm->console);
	for (size_t i = 0; i < vm->port_count; i++)
		hear_stream(vm, &vm->ports[i]);
	vm->log.stream.on_data = on_data;
	vm->log.stream.on_limited = on_limited;
	vm->log.stream.ctx = vm;
}

static struct vmoon_loop *disk_loop(void *ctx, size_t disk)
{
	return vmoon_vm_disk_loop(ctx, disk);
}

bool vmoon_vm_ctx_is_over(void *vm)
{
	return vmoon_vm_is_over(vm);
}

static bool is_paused(void *vm)
{
	return vmoon_vm_is_paused(vm);
}

struct vmoon_board_host vmoon_vm_board_host(struct vmoon_vm *vm)
{
	struct vmoon_board_host host = {
		.mem = &vm->rt->mem,
		.hv = vm->hv,
		.console = vmoon_stream_sink(&vm->console),
		.console_room = vmoon_stream_room(&vm->console),
		.clock = vmoon_host_clock(),
		.log = vmoon_vm_log_value(&vm->log),
		.poweroff = {wish_poweroff, vm},
		.reset = {wish_reset, vm},
		.panic = {wish_panic, vm},
		.debug_exit = {wish_debug_exit, vm},
		.gmem = &vm->gmem,
		.kit = vm->kit,
		.loop = &vm->loop,
		.disk_loop = disk_loop,
		.hold = vmoon_vcpu_hold,
		.is_over = vmoon_vm_ctx_is_over,
		.is_paused = is_paused,
		.loop_ctx = vm,
	};

	for (size_t i = 0; i < vm->port_count; i++)
		host.ports[i] = (struct vmoon_board_stream){
			.out = vmoon_stream_port_sink(&vm->ports[i]),
			.room = vmoon_stream_room(&vm->ports[i])};
	return host;
}

void *vmoon_vm_worker_main(void *arg)
{
	struct vmoon_vm *vm = arg;
	const struct vmoon_log log = vmoon_vm_log_value(&vm->log);
	struct vmoon_error err;

	vmoon_vm_enter_sandbox(vm, VMOON_SEAT_WORKER);
	/* epoll cannot fail on descriptors of our own; if it does, say so. */
	if (vmoon_loop_run(&vm->loop, &err) != VMOON_OK)
		vmoon_logf(&log, VMOON_LOG_ERROR, "worker", "%s", err.msg);
	return NULL;
}
