/* SPDX-License-Identifier: MIT */
/*
 * kvm_save.c - state out of KVM, and back into a fresh VM. The order matters:
 * reading the state of an MP processor first makes KVM act on a pending INIT,
 * what a vCPU can hold follows from its CPUID, and the local APIC's timer from
 * its mode. A snapshot is checked before anything is set; what KVM itself
 * refuses after that leaves a VM that can only be destroyed.
 */
#include "kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef KVM_CAP_XSAVE2
#define KVM_CAP_XSAVE2 208
#define KVM_GET_XSAVE2 _IOR(KVMIO, 0xcf, struct kvm_xsave)
#endif

/* One request with one structure of the state. */
struct step {
	unsigned long request;
	size_t offset;
	const char *name;
};

#define STEP(request, member)                                           \
	{                                                               \
		request, offsetof(struct vmoon_kvm_saved, core.member), \
			#request                                        \
	}

static enum vmoon_status do_steps(const struct vmoon_kvm_vcpu *vcpu,
				  struct vmoon_kvm_saved *s,
				  const struct step *steps, size_t count,
				  struct vmoon_error *err)
{
	for (size_t i = 0; i < count; i++)
		if (ioctl(vcpu->fd, steps[i].request,
			  (unsigned char *)s + steps[i].offset) != 0)
			return vmoon_kvm_fail(vcpu, steps[i].name, err);
	return VMOON_OK;
}

size_t vmoon_kvm_xsave_size(const struct vmoon_kvm_vm *vm)
{
	/* 4096 for ever, more once AMX is allowed. */
	const int need = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);

	return need > (int)sizeof(struct kvm_xsave) ? (size_t)need
						    : sizeof(struct kvm_xsave);
}

/* ---- out ---- */

static enum vmoon_status save_fpu(const struct vmoon_kvm_vcpu *vcpu,
				  struct vmoon_kvm_saved *s,
				  struct vmoon_error *err)
{
	unsigned long request = KVM_GET_XSAVE;

	if (s->xsave_size > sizeof(*s->xsave))
		request = KVM_GET_XSAVE2;
	s->xsave = vmoon_mem_alloc(s->mem, s->xsave_size);
	if (s->xsave == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "save the FPU");
	if (ioctl(vcpu->fd, request, s->xsave) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_GET_XSAVE", err);
	return VMOON_OK;
}

/* The one that was set: what KVM reports has its own additions. */
static enum vmoon_status save_cpuid(const struct vmoon_kvm_vcpu *vcpu,
				    struct vmoon_kvm_saved *s,
				    struct vmoon_error *err)
{
	const int khz = ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0);

	s->cpuid = vmoon_kvm_cpuid_alloc(s->mem);
	if (s->cpuid == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "save the CPUID");
	memcpy(s->cpuid, vcpu->cpuid,
	       sizeof(*s->cpuid) +
		       vcpu->cpuid->nent * sizeof(s->cpuid->entries[0]));
	s->tsc_khz = khz > 0 ? (uint32_t)khz : 0; /* 0: it is not constant */
	return VMOON_OK;
}

static enum vmoon_status read_vcpu(const struct vmoon_kvm_vcpu *vcpu,
				   struct vmoon_kvm_saved *s,
				   struct vmoon_error *err)
{
	static const struct step first[] = {
		STEP(KVM_GET_MP_STATE, mp),
		STEP(KVM_GET_REGS, regs),
		STEP(KVM_GET_SREGS, sregs),
	};
	static const struct step second[] = {
		STEP(KVM_GET_DEBUGREGS, debugregs),
		STEP(KVM_GET_LAPIC, lapic),
	};
	static const struct step last[] = {
		STEP(KVM_GET_VCPU_EVENTS, events),
	};
	enum vmoon_status st;

	st = do_steps(vcpu, s, first, VMOON_COUNTOF(first), err);
	if (st == VMOON_OK)
		st = save_fpu(vcpu, s, err);
	/* A CPU without XSAVE has none. */
	if (st == VMOON_OK && ioctl(vcpu->fd, KVM_GET_XCRS, &s->core.xcrs) != 0)
		s->core.xcrs.nr_xcrs = 0;
	if (st == VMOON_OK)
		st = do_steps(vcpu, s, second, VMOON_COUNTOF(second), err);
	if (st == VMOON_OK)
		st = vmoon_kvm_msrs_save(vcpu, &s->core.msrs, err);
	if (st == VMOON_OK)
		st = do_steps(vcpu, s, last, VMOON_COUNTOF(last), err);
	if (st == VMOON_OK)
		st = save_cpuid(vcpu, s, err);
	return st;
}

/* Its clock says so when it goes on; without one there is nobody to tell. */
static void note_stop(const struct vmoon_kvm_vcpu *vcpu)
{
	VMOON_IGNORE(ioctl(vcpu->fd, KVM_KVMCLOCK_CTRL, 0) != 0);
}

enum vmoon_status vmoon_kvm_vcpu_save(struct vmoon_hv_vcpu *hv,
				      struct vmoon_state_writer *w,
				      struct vmoon_error *err)
{
	struct vmoon_kvm_vcpu *vcpu = vmoon_kvm_vcpu_of(hv);
	struct vmoon_kvm_saved s;
	enum vmoon_status st = vmoon_kvm_vcpu_settle(vcpu, err);

	if (st != VMOON_OK)
		return st;
	vmoon_kvm_saved_init(&s, vcpu);
	st = read_vcpu(vcpu, &s, err);
	if (st == VMOON_OK) {
		vmoon_kvm_saved_put(&s, w);
		note_stop(vcpu);
	}
	vmoon_kvm_saved_fini(&s);
	return st;
}

enum vmoon_status vmoon_kvm_vm_save(struct vmoon_hv_vm *hv,
				    struct vmoon_state_writer *w,
				    struct vmoon_error *err)
{
	const struct vmoon_kvm_vm *vm = vmoon_kvm_vm_of(hv);
	struct vmoon_kvm_machine m;

	memset(&m, 0, sizeof(m));
	if (ioctl(vm->fd, KVM_GET_PIT2, &m.pit) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "KVM_GET_PIT2");
	if (ioctl(vm->fd, KVM_GET_CLOCK, &m.clock) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "KVM_GET_CLOCK");
	for (uint32_t i = 0; i < VMOON_KVM_IRQCHIPS; i++) {
		m.chips[i].chip_id = i;
		if (ioctl(vm->fd, KVM_GET_IRQCHIP, &m.chips[i]) != 0)
			return vmoon_fail(err, VMOON_E_SYS, errno,
					  "KVM_GET_IRQCHIP %u", i);
	}
	vmoon_kvm_machine_put(&m, w);
	return VMOON_OK;
}

/* ---- back ---- */

/* Only a host that scales time stamps can give a guest another rate. */
static enum vmoon_status load_tsc_khz(const struct vmoon_kvm_vcpu *vcpu,
				      uint32_t khz, struct vmoon_error *err)
{
	const int own = ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0);

	if (khz == 0 || (own > 0 && (uint32_t)own == khz))
		return VMOON_OK;
	if (ioctl(vcpu->fd, KVM_SET_TSC_KHZ, (unsigned long)khz) != 0)
		return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
				  "the snapshot's time stamps count %u kHz, "
				  "this host's %d, and it cannot scale them",
				  khz, own);
	return VMOON_OK;
}

static enum vmoon_status write_vcpu(struct vmoon_kvm_vcpu *vcpu,
				    struct vmoon_kvm_saved *s,
				    struct vmoon_error *err)
{
	static const struct step first[] = {
		STEP(KVM_SET_SREGS, sregs),
		STEP(KVM_SET_REGS, regs),
	};
	static const struct step second[] = {
		STEP(KVM_SET_XCRS, xcrs),
		STEP(KVM_SET_DEBUGREGS, debugregs),
		STEP(KVM_SET_LAPIC, lapic),
	};
	static const struct step last[] = {
		STEP(KVM_SET_MP_STATE, mp),
		STEP(KVM_SET_VCPU_EVENTS, events),
	};
	/* Without XSAVE there are no extended control registers to set. */
	const size_t skip = s->core.xcrs.nr_xcrs == 0 ? 1 : 0;
	enum vmoon_status st;

	if (ioctl(vcpu->fd, KVM_SET_CPUID2, s->cpuid) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_SET_CPUID2", err);
	vmoon_kvm_cpuid_free(vcpu->vm->mem, vcpu->cpuid);
	vcpu->cpuid = s->cpuid;
	s->cpuid = NULL;
	st = load_tsc_khz(vcpu, s->tsc_khz, err);
	if (st == VMOON_OK)
		st = do_steps(vcpu, s, first, VMOON_COUNTOF(first), err);
	if (st == VMOON_OK && ioctl(vcpu->fd, KVM_SET_XSAVE, s->xsave) != 0)
		st = vmoon_kvm_fail(vcpu, "KVM_SET_XSAVE", err);
	if (st == VMOON_OK)
		st = do_steps(vcpu, s, second + skip,
			      VMOON_COUNTOF(second) - skip, err);
	if (st == VMOON_OK)
		st = vmoon_kvm_msrs_load(vcpu, s->core.msrs, err);
	if (st == VMOON_OK)
		st = do_steps(vcpu, s, last, VMOON_COUNTOF(last), err);
	return st;
}

enum vmoon_status vmoon_kvm_vcpu_load(struct vmoon_hv_vcpu *hv,
				      struct vmoon_state_reader *r,
				      struct vmoon_error *err)
{
	struct vmoon_kvm_vcpu *vcpu = vmoon_kvm_vcpu_of(hv);
	struct vmoon_kvm_saved s;
	enum vmoon_status st;

	vmoon_kvm_saved_init(&s, vcpu);
	st = vmoon_kvm_saved_get(&s, r, err);
	if (st == VMOON_OK)
		st = vmoon_kvm_cpuid_check(vcpu->vm->cpuid, s.cpuid, err);
	if (st == VMOON_OK)
		st = vmoon_kvm_msrs_check(vcpu, s.core.msrs, err);
	if (st == VMOON_OK) {
		vcpu->is_fresh = false;
		s.core.events.flags |= KVM_VCPUEVENT_VALID_SIPI_VECTOR;
		st = write_vcpu(vcpu, &s, err);
	}
	if (st == VMOON_OK)
		note_stop(vcpu);
	vmoon_kvm_saved_fini(&s);
	return st;
}

enum vmoon_status vmoon_kvm_vm_load(struct vmoon_hv_vm *hv,
				    struct vmoon_state_reader *r,
				    struct vmoon_error *err)
{
	const struct vmoon_kvm_vm *vm = vmoon_kvm_vm_of(hv);
	struct vmoon_kvm_machine m;
	enum vmoon_status st = vmoon_kvm_machine_get(&m, r, err);

	if (st != VMOON_OK)
		return st;
	m.clock.flags = 0; /* what KVM reports there it does not take back */
	if (ioctl(vm->fd, KVM_SET_PIT2, &m.pit) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "KVM_SET_PIT2");
	if (ioctl(vm->fd, KVM_SET_CLOCK, &m.clock) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "KVM_SET_CLOCK");
	for (uint32_t i = 0; i < VMOON_KVM_IRQCHIPS; i++)
		if (ioctl(vm->fd, KVM_SET_IRQCHIP, &m.chips[i]) != 0)
			return vmoon_fail(err, VMOON_E_SYS, errno,
					  "KVM_SET_IRQCHIP %u", i);
	return VMOON_OK;
}
