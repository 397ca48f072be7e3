/* SPDX-License-Identifier: MIT */
/* vcpu.c - a vCPU's thread: run, take the exit to the bus, run again. */
#include "vm.h"

#include <stdio.h>
#include <string.h>

static void count(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* 1, 2, 4 or 8 bytes; x86 and its devices are little-endian. */
static uint64_t load(const unsigned char *from, unsigned size)
{
	uint64_t value = 0;

	switch (size) {
	case 1: memcpy(&value, from, 1); break;
	case 2: memcpy(&value, from, 2); break;
	case 4: memcpy(&value, from, 4); break;
	default: memcpy(&value, from, 8); break;
	}
	return value;
}

static void store(unsigned char *to, unsigned size, uint64_t value)
{
	switch (size) {
	case 1: memcpy(to, &value, 1); break;
	case 2: memcpy(to, &value, 2); break;
	case 4: memcpy(to, &value, 4); break;
	default: memcpy(to, &value, 8); break;
	}
}

/* One access of an exit. False: it is to be made again. */
static bool do_access(struct vmoon_vcpu *v, const struct vmoon_bus *bus,
		      const struct vmoon_hv_exit *e, unsigned char *data)
{
	bool is_claimed;
	uint64_t value;

	if (e->is_write)
		is_claimed = vmoon_bus_write(bus, e->addr, e->size,
					     load(data, e->size));
	else
		is_claimed = vmoon_bus_read(bus, e->addr, e->size, &value);
	if (v->is_held_back) {
		v->is_held_back = false;
		return false;
	}
	if (!e->is_write)
		store(data, e->size, value);
	if (!is_claimed)
		count(e->kind == VMOON_HV_EXIT_PIO ? &v->pio_unclaimed
						   : &v->mmio_unclaimed);
	return true;
}

/*
 * From its i-th item on. False: that one is to be made again. Its bytes are
 * the hypervisor's, which stay until the vCPU runs.
 */
static bool do_accesses(struct vmoon_vcpu *v, const struct vmoon_hv_exit *e,
			uint32_t i)
{
	const struct vmoon_board *board = v->vm->board;
	const struct vmoon_bus *bus = e->kind == VMOON_HV_EXIT_PIO
					      ? vmoon_board_pio(board)
					      : vmoon_board_mmio(board);

	for (; i < e->count; i++) {
		if (do_access(v, bus, e, e->data + (size_t)i * e->size))
			continue;
		if (e != &v->waiting)
			v->waiting = *e;
		v->waiting_at = i;
		v->has_waiting = true;
		return false;
	}
	return true;
}

static void handle_system(struct vmoon_vcpu *v, const struct vmoon_hv_exit *e)
{
	count(&v->other);
	switch (e->system) {
	case VMOON_HV_POWEROFF:
		vmoon_vm_wish_end(v->vm, VMOON_EXIT_POWEROFF, 0, "");
		return;
	case VMOON_HV_RESET: vmoon_vm_wish_reset(v->vm); return;
	case VMOON_HV_CRASH:
		vmoon_vm_wish_end(v->vm, VMOON_EXIT_CRASH, 0,
				  "the hypervisor reports a crash");
		return;
	}
}

/* Not of accesses. */
static void handle_event(struct vmoon_vcpu *v, const struct vmoon_hv_exit *e)
{
	switch (e->kind) {
	case VMOON_HV_EXIT_PIO:
	case VMOON_HV_EXIT_MMIO: return;
	case VMOON_HV_EXIT_INTR: count(&v->intr); return;
	case VMOON_HV_EXIT_SYSTEM: handle_system(v, e); return;
	case VMOON_HV_EXIT_HALT:
		count(&v->halt);
		vmoon_vm_wish_end(v->vm, VMOON_EXIT_HALT, 0,
				  "the guest halted with nothing to wake it");
		return;
	case VMOON_HV_EXIT_SHUTDOWN:
	case VMOON_HV_EXIT_ERROR:
		count(&v->other);
		vmoon_vm_wish_end(v->vm, VMOON_EXIT_CRASH, 0, e->detail);
		return;
	}
}

/* False: an access of it is to be made again. */
static bool handle_exit(struct vmoon_vcpu *v, const struct vmoon_hv_exit *e)
{
	if (e->kind != VMOON_HV_EXIT_PIO && e->kind != VMOON_HV_EXIT_MMIO) {
		handle_event(v, e);
		return true;
	}
	count(e->kind == VMOON_HV_EXIT_PIO ? &v->pio : &v->mmio);
	return do_accesses(v, e, 0);
}

/*
 * What was reset does not answer any more: the rest reads all-ones, and the
 * hypervisor ends the access before the vCPU's next instruction.
 */
static void drop_access(struct vmoon_vcpu *v)
{
	const struct vmoon_hv_exit *e = &v->waiting;

	for (uint32_t i = v->waiting_at; i < e->count && !e->is_write; i++)
		store(e->data + (size_t)i * e->size, e->size, UINT64_MAX);
	v->hv->ops->kick(v->hv);
}

/* The access that waits, once more; false: it goes on waiting. */
static bool try_again(struct vmoon_vcpu *v)
{
	v->has_waiting = false;
	if (!v->must_drop)
		return do_accesses(v, &v->waiting, v->waiting_at);
	v->must_drop = false;
	drop_access(v);
	return true;
}

/*
 * To the gate only where nothing is pending: after INTR, which completes an
 * access, or an exit that has none. A wish (end, reset) kicks this very vCPU
 * for that reason. An access that is to be made again is pending there: it is
 * made before the vCPU runs, or is dropped by a reset.
 */
bool vmoon_vcpu_step(struct vmoon_vcpu *v)
{
	struct vmoon_vm *vm = v->vm;
	struct vmoon_hv_exit e;
	struct vmoon_error err;

	if (v->has_waiting) {
		if (!try_again(v))
			return false;
		if (__atomic_load_n(&vm->is_halting, __ATOMIC_ACQUIRE))
			v->hv->ops->kick(v->hv);
	}
	if (v->hv->ops->run(v->hv, &e, &err) != VMOON_OK) {
		vmoon_vm_wish_end(vm, VMOON_EXIT_HOST_ERROR, 0, err.msg);
		return false;
	}
	if (!handle_exit(v, &e) || e.kind == VMOON_HV_EXIT_INTR ||
	    e.kind == VMOON_HV_EXIT_SHUTDOWN || e.kind == VMOON_HV_EXIT_ERROR)
		return false;
	if (__atomic_load_n(&vm->is_halting, __ATOMIC_ACQUIRE))
		v->hv->ops->kick(v->hv);
	return true;
}

/*
 * Whose thread this is: a device does not know who calls it. The model spares
 * the library a call of the loader for each look.
 */
static _Thread_local struct vmoon_vcpu *current
	__attribute__((tls_model("initial-exec")));

/*
 * The kick brings the vCPU to the gate before the guest's next instruction.
 * The worker wakes it there: vm->lock is not for who has a device's.
 */
void vmoon_vcpu_hold(void *ctx, const void *device, bool is_held)
{
	struct vmoon_vm *vm = ctx;

	if (is_held && current != NULL && current->vm == vm) {
		__atomic_store_n(&current->held_by, device, __ATOMIC_RELEASE);
		current->hv->ops->kick(current->hv);
	}
	if (is_held)
		return;
	for (unsigned i = 0; i < vm->spec.cpus; i++) {
		const void *expected = device;

		(void)__atomic_compare_exchange_n(
			&vm->vcpus[i].held_by, &expected, NULL, false,
			__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	}
	vmoon_loop_fire(&vm->wish_event);
}

unsigned vmoon_vcpu_asker(const struct vmoon_vm *vm)
{
	if (current == NULL || current->vm != vm)
		return 0;
	return (unsigned)(current - vm->vcpus) + 1;
}

/* It goes to the gate by itself: no kick. */
bool vmoon_vcpu_hold_access(struct vmoon_vm *vm, const void *device)
{
	if (vmoon_vcpu_asker(vm) == 0)
		return false;
	__atomic_store_n(&current->held_by, device, __ATOMIC_RELEASE);
	current->is_held_back = true;
	return true;
}

static void note_first_run(struct vmoon_vm *vm)
{
	uint64_t none = 0, now = vmoon_mono_ns() - vm->create_ns;

	(void)__atomic_compare_exchange_n(&vm->first_run_ns, &none, now, false,
					  __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void *vmoon_vcpu_main(void *arg)
{
	struct vmoon_vcpu *v = arg;
	struct vmoon_error err;

	current = v;
	if (v->hv->ops->attach(v->hv, &err) != VMOON_OK)
		vmoon_vm_wish_end(v->vm, VMOON_EXIT_HOST_ERROR, 0, err.msg);
	vmoon_vm_enter_sandbox(v->vm,
			       VMOON_SEAT_VCPU + (unsigned)(v - v->vm->vcpus));
	while (vmoon_vm_pass_gate(v)) {
		note_first_run(v->vm);
		while (vmoon_vcpu_step(v))
			;
	}
	return NULL;
}
