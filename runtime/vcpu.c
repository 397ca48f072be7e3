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

/* One access of an exit. */
static bool do_access(const struct vmoon_bus *bus,
		      const struct vmoon_hv_exit *e, unsigned char *data)
{
	uint64_t value;
	bool is_claimed;

	if (e->is_write)
		return vmoon_bus_write(bus, e->addr, e->size,
				       load(data, e->size));
	is_claimed = vmoon_bus_read(bus, e->addr, e->size, &value);
	store(data, e->size, value);
	return is_claimed;
}

static void handle_pio(struct vmoon_vcpu *v, const struct vmoon_hv_exit *e)
{
	const struct vmoon_bus *bus = vmoon_board_pio(v->vm->board);

	count(&v->pio);
	for (uint32_t i = 0; i < e->count; i++)
		if (!do_access(bus, e, e->data + (size_t)i * e->size))
			count(&v->pio_unclaimed);
}

static void handle_mmio(struct vmoon_vcpu *v, const struct vmoon_hv_exit *e)
{
	count(&v->mmio);
	if (!do_access(vmoon_board_mmio(v->vm->board), e, e->data))
		count(&v->mmio_unclaimed);
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

static void handle_exit(struct vmoon_vcpu *v, const struct vmoon_hv_exit *e)
{
	switch (e->kind) {
	case VMOON_HV_EXIT_PIO: handle_pio(v, e); return;
	case VMOON_HV_EXIT_MMIO: handle_mmio(v, e); return;
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

/*
 * To the gate only where nothing is pending: after INTR, which completes an
 * access, or an exit that has none. A wish (end, reset) kicks this very vCPU
 * for that reason.
 */
bool vmoon_vcpu_step(struct vmoon_vcpu *v)
{
	struct vmoon_vm *vm = v->vm;
	struct vmoon_hv_exit e;
	struct vmoon_error err;

	if (v->hv->ops->run(v->hv, &e, &err) != VMOON_OK) {
		vmoon_vm_wish_end(vm, VMOON_EXIT_HOST_ERROR, 0, err.msg);
		return false;
	}
	handle_exit(v, &e);
	if (e.kind == VMOON_HV_EXIT_INTR || e.kind == VMOON_HV_EXIT_SHUTDOWN ||
	    e.kind == VMOON_HV_EXIT_ERROR)
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
