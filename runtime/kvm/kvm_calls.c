/* SPDX-License-Identifier: MIT */
/* kvm_calls.c - which requests KVM gets from threads in the sandbox. */
#include "kvm.h"

static const uint32_t vm_of_vcpu[] = {KVM_IRQ_LINE, 0};

static const uint32_t vm_of_worker[] = {
	KVM_IRQ_LINE,        /* devices that take input, lines lowered */
	KVM_SET_PIT2,        /* reset */
	KVM_SET_IRQCHIP,     /* reset */
	KVM_CHECK_EXTENSION, /* reset: how long the FPU's state is */
	0};

static const uint32_t vcpu_of_vcpu[] = {KVM_RUN,      /* the guest */
					KVM_GET_REGS, /* where it failed */
					0};

/* All of these: reset. */
static const uint32_t vcpu_of_worker[] = {
	KVM_GET_MP_STATE, KVM_SET_MP_STATE, KVM_SET_VCPU_EVENTS, KVM_SET_SREGS,
	KVM_SET_REGS,     KVM_SET_XCRS,     KVM_SET_DEBUGREGS,   KVM_SET_LAPIC,
	KVM_GET_MSRS,     KVM_SET_MSRS,     KVM_SET_XSAVE,       0};

struct vmoon_hv_calls vmoon_kvm_vm_calls(void)
{
	return (struct vmoon_hv_calls){-1, vm_of_vcpu, vm_of_worker};
}

struct vmoon_hv_calls vmoon_kvm_vcpu_calls(void)
{
	return (struct vmoon_hv_calls){-1, vcpu_of_vcpu, vcpu_of_worker};
}
