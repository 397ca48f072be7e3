/* SPDX-License-Identifier: MIT */
/*
 * kvm_x86_64.c - a vCPU's registers: the state at power-on, how to get back
 * to it, and how the boot processor enters the guest.
 *
 * Sources: Intel SDM volume 3, 10.1.4 (state after reset) and 11.11 (MTRRs);
 * the Linux x86 boot protocol, 64-bit entry; the PVH boot ABI.
 */
#include "kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
	LAPIC_LVT0 = 0x350,
	LAPIC_LVT1 = 0x360,
	LVT_NMI = 4 << 8,
	LVT_EXTINT = 7 << 8,

	FCW_INITIAL = 0x37f,
	MXCSR_INITIAL = 0x1f80,
	XSAVE_MXCSR_WORD = 6,
	XSAVE_BV_WORD = 128,
	XSAVE_FP_SSE = 3,

	SEL_CODE = 0x10,
	SEL_DATA = 0x18,
	SEL_TSS = 0x20,
	TYPE_DATA_RW = 0x3,
	TYPE_CODE_RX = 0xb,
	TYPE_TSS_BUSY = 0xb
};

#define CR0_PE UINT64_C(0x1)
#define CR0_ET UINT64_C(0x10)
#define CR0_NE UINT64_C(0x20)
#define CR0_PG UINT64_C(0x80000000)
#define CR4_PAE UINT64_C(0x20)
#define EFER_LME UINT64_C(0x100)
#define EFER_LMA UINT64_C(0x400)
#define RFLAGS_FIXED UINT64_C(2)

enum vmoon_status vmoon_kvm_fail(const struct vmoon_kvm_vcpu *vcpu,
				 const char *name, struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_SYS, errno, "%s of vCPU %u", name,
			  vcpu->index);
}

/* ---- power-on ---- */

static void put_lapic(struct kvm_lapic_state *lapic, size_t reg, uint32_t value)
{
	memcpy(lapic->regs + reg, &value, sizeof(value));
}

/* What firmware leaves: the PIC on LINT0, NMI on LINT1, of the boot CPU. */
static enum vmoon_status init_lapic(struct vmoon_kvm_vcpu *vcpu,
				    struct vmoon_error *err)
{
	struct kvm_lapic_state *lapic = &vcpu->power_on.lapic;

	if (ioctl(vcpu->fd, KVM_GET_LAPIC, lapic) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_GET_LAPIC", err);
	if (vcpu->index != 0)
		return VMOON_OK; /* INIT would undo it */
	put_lapic(lapic, LAPIC_LVT0, LVT_EXTINT);
	put_lapic(lapic, LAPIC_LVT1, LVT_NMI);
	if (ioctl(vcpu->fd, KVM_SET_LAPIC, lapic) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_SET_LAPIC", err);
	return VMOON_OK;
}

enum vmoon_status vmoon_kvm_x86_init(struct vmoon_kvm_vcpu *vcpu,
				     struct vmoon_error *err)
{
	struct vmoon_kvm_state *s = &vcpu->power_on;
	enum vmoon_status st = vmoon_kvm_msrs_default(vcpu, err);

	if (st == VMOON_OK)
		st = init_lapic(vcpu, err);
	if (st != VMOON_OK)
		return st;
	if (ioctl(vcpu->fd, KVM_GET_MP_STATE, &s->mp) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_GET_MP_STATE", err);
	if (ioctl(vcpu->fd, KVM_GET_REGS, &s->regs) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_GET_REGS", err);
	if (ioctl(vcpu->fd, KVM_GET_SREGS, &s->sregs) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_GET_SREGS", err);
	if (ioctl(vcpu->fd, KVM_GET_XCRS, &s->xcrs) != 0)
		s->xcrs.nr_xcrs = 0;
	if (ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &s->debugregs) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_GET_DEBUGREGS", err);
	if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &s->events) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_GET_VCPU_EVENTS", err);
	return vmoon_kvm_msrs_capture(vcpu, err);
}

/* ---- back to power-on ---- */

static enum vmoon_status restore_fpu(const struct vmoon_kvm_vcpu *vcpu,
				     struct vmoon_error *err)
{
	const size_t size = vmoon_kvm_xsave_size(vcpu->vm);
	struct kvm_xsave *area = vmoon_mem_alloc(vcpu->vm->mem, size);
	enum vmoon_status st = VMOON_OK;

	if (area == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "reset the FPU");
	/*
	 * What XSTATE_BV leaves out goes into its initial state, but for
	 * MXCSR, which is of SSE and yet not initialized with it.
	 */
	area->region[XSAVE_BV_WORD] = XSAVE_FP_SSE;
	area->region[0] = FCW_INITIAL;
	area->region[XSAVE_MXCSR_WORD] = MXCSR_INITIAL;
	if (ioctl(vcpu->fd, KVM_SET_XSAVE, area) != 0)
		st = vmoon_kvm_fail(vcpu, "KVM_SET_XSAVE", err);
	vmoon_mem_free(vcpu->vm->mem, area, size);
	return st;
}

static enum vmoon_status restore_core(struct vmoon_kvm_vcpu *vcpu,
				      struct vmoon_error *err)
{
	struct vmoon_kvm_state *s = &vcpu->power_on;
	struct kvm_mp_state flushed;

	/* Reading it makes KVM act on a pending INIT or SIPI first. */
	if (ioctl(vcpu->fd, KVM_GET_MP_STATE, &flushed) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_GET_MP_STATE", err);
	/* Leaves system management mode, drops exceptions and NMIs. */
	s->events.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING |
			   KVM_VCPUEVENT_VALID_SIPI_VECTOR |
			   KVM_VCPUEVENT_VALID_SHADOW;
	if (ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &s->events) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_SET_VCPU_EVENTS", err);
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &s->sregs) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_SET_SREGS", err);
	if (ioctl(vcpu->fd, KVM_SET_REGS, &s->regs) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_SET_REGS", err);
	if (s->xcrs.nr_xcrs > 0 && ioctl(vcpu->fd, KVM_SET_XCRS, &s->xcrs) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_SET_XCRS", err);
	if (ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &s->debugregs) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_SET_DEBUGREGS", err);
	return VMOON_OK;
}

static enum vmoon_status restore(struct vmoon_kvm_vcpu *vcpu,
				 struct vmoon_error *err)
{
	struct vmoon_kvm_state *s = &vcpu->power_on;
	enum vmoon_status st = vmoon_kvm_vcpu_settle(vcpu, err);

	if (st == VMOON_OK)
		st = restore_core(vcpu, err);
	if (st == VMOON_OK)
		st = restore_fpu(vcpu, err);
	if (st != VMOON_OK)
		return st;
	/* After the special registers, which hold the APIC's mode. */
	if (ioctl(vcpu->fd, KVM_SET_LAPIC, &s->lapic) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_SET_LAPIC", err);
	st = vmoon_kvm_msrs_reset(vcpu, err);
	if (st != VMOON_OK)
		return st;
	if (ioctl(vcpu->fd, KVM_SET_MP_STATE, &s->mp) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_SET_MP_STATE", err);
	return VMOON_OK;
}

/* ---- the way into the guest ---- */

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type,
				       bool is_long)
{
	return (struct kvm_segment){.selector = selector,
				    .limit = UINT32_C(0xffffffff),
				    .type = type,
				    .present = 1,
				    .db = !is_long,
				    .s = 1,
				    .l = is_long,
				    .g = 1};
}

static void enter_segments(struct kvm_sregs *s,
			   const struct vmoon_x86_entry *entry)
{
	const bool is_long = entry->mode == VMOON_X86_LONG64;
	const struct kvm_segment data =
		flat_segment(SEL_DATA, TYPE_DATA_RW, false);

	s->cs = flat_segment(SEL_CODE, TYPE_CODE_RX, is_long);
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = (struct kvm_segment){.selector = SEL_TSS,
				     .limit = 0x67,
				     .type = TYPE_TSS_BUSY,
				     .present = 1};
	s->gdt = (struct kvm_dtable){.base = entry->gdt_base,
				     .limit = entry->gdt_limit};
	s->idt = (struct kvm_dtable){.base = entry->idt_base,
				     .limit = entry->idt_limit};
}

static struct kvm_segment real_segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){.base = (uint64_t)selector << 4,
				    .limit = 0xffff,
				    .selector = selector,
				    .type = type,
				    .present = 1,
				    .s = 1};
}

/* Descriptor tables stay as at power-on: the vectors are at address 0. */
static void enter_real_mode(struct kvm_sregs *s,
			    const struct vmoon_x86_entry *entry)
{
	s->cs = real_segment(entry->cs, TYPE_CODE_RX);
	s->ds = s->es = s->fs = s->gs = s->ss = real_segment(0, TYPE_DATA_RW);
	s->cr0 = CR0_ET;
}

static enum vmoon_status enter_guest(struct vmoon_kvm_vcpu *vcpu,
				     const struct vmoon_x86_entry *entry,
				     struct vmoon_error *err)
{
	struct kvm_sregs s = vcpu->power_on.sregs;
	const struct kvm_regs regs = {.rip = entry->rip,
				      .rsp = entry->rsp,
				      .rbp = entry->rsp,
				      .rsi = entry->rsi,
				      .rax = entry->rax,
				      .rbx = entry->rbx,
				      .rflags = RFLAGS_FIXED};

	if (entry->mode == VMOON_X86_REAL16) {
		enter_real_mode(&s, entry);
	} else {
		enter_segments(&s, entry);
		s.cr0 = CR0_PE | CR0_ET | CR0_NE;
	}
	if (entry->mode == VMOON_X86_LONG64) {
		s.cr0 |= CR0_PG;
		s.cr3 = entry->cr3;
		s.cr4 = CR4_PAE;
		s.efer = EFER_LME | EFER_LMA;
	}
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &s) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_SET_SREGS", err);
	if (ioctl(vcpu->fd, KVM_SET_REGS, &regs) != 0)
		return vmoon_kvm_fail(vcpu, "KVM_SET_REGS", err);
	return VMOON_OK;
}

enum vmoon_status vmoon_kvm_x86_reset(struct vmoon_hv_vcpu *hv,
				      const struct vmoon_x86_entry *entry,
				      struct vmoon_error *err)
{
	struct vmoon_kvm_vcpu *vcpu = vmoon_kvm_vcpu_of(hv);
	enum vmoon_status st = VMOON_OK;

	/* A new vCPU is in the power-on state: it starts faster this way. */
	if (!vcpu->is_fresh)
		st = restore(vcpu, err);
	vcpu->is_fresh = false;
	if (st == VMOON_OK && entry != NULL)
		st = enter_guest(vcpu, entry, err);
	return st;
}
