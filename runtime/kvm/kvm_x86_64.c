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
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef KVM_CAP_XSAVE2
#define KVM_CAP_XSAVE2 208
#endif

enum {
	MSR_TSC = 0x10,
	MSR_SYSTEM_TIME = 0x12,
	MSR_MISC_ENABLE = 0x1a0,
	MSR_MTRR_VARIABLE = 0x200, /* 8 pairs of base and mask */
	MSR_MTRR_FIX_64K = 0x250,
	MSR_MTRR_FIX_16K = 0x258,
	MSR_MTRR_FIX_4K = 0x268,
	MSR_MTRR_DEFAULT = 0x2ff,
	MSR_HYPERV = 0x40000000, /* 0x200 of them */
	MSR_KVM = 0x4b564d00,    /* the wall clock, then what the host writes */

	MISC_FAST_STRINGS = 1,
	MTRR_DEFAULT_WRITE_BACK = 0x806, /* enabled, type 6 */

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

/* One request with room behind its head for a few entries. */
union msr_request {
	struct kvm_msrs list;
	unsigned char bytes[sizeof(struct kvm_msrs) +
			    32 * sizeof(struct kvm_msr_entry)];
};

static enum vmoon_status fail_ioctl(const struct vmoon_kvm_vcpu *vcpu,
				    const char *name, struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_SYS, errno, "%s of vCPU %u", name,
			  vcpu->index);
}

/* ---- the list of model-specific registers ---- */

enum vmoon_status vmoon_kvm_msr_list_read(struct vmoon_kvm_vm *vm, int sys_fd,
					  struct vmoon_error *err)
{
	uint32_t room = 512; /* more than any host today; E2BIG says how many */

	while (room <= VMOON_KVM_MSRS_MAX) {
		const size_t size =
			sizeof(struct kvm_msr_list) + room * sizeof(uint32_t);
		struct kvm_msr_list *l = vmoon_mem_alloc(vm->mem, size);
		int sys;

		if (l == NULL)
			return vmoon_fail(err, VMOON_E_NOMEM, 0,
					  "list the MSRs");
		l->nmsrs = room;
		if (ioctl(sys_fd, KVM_GET_MSR_INDEX_LIST, l) == 0) {
			vm->msrs = l;
			vm->msrs_size = size;
			return VMOON_OK;
		}
		sys = errno;
		room = l->nmsrs > room ? l->nmsrs : room * 2;
		vmoon_mem_free(vm->mem, l, size);
		if (sys != E2BIG)
			return vmoon_fail(err, VMOON_E_SYS, sys,
					  "KVM_GET_MSR_INDEX_LIST");
	}
	return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
			  "this KVM lists more than %d MSRs",
			  VMOON_KVM_MSRS_MAX);
}

size_t vmoon_kvm_msrs_size(const struct vmoon_kvm_vm *vm)
{
	return sizeof(struct kvm_msrs) +
	       vm->msrs->nmsrs * sizeof(struct kvm_msr_entry);
}

/*
 * Without Hyper-V CPUID leaves a guest cannot reach these, and touching one
 * makes KVM allocate its Hyper-V state.
 */
static bool is_hyperv(uint32_t msr)
{
	return msr >= MSR_HYPERV && msr < MSR_HYPERV + 0x200;
}

/* The clocks, async page faults, steal time and EOI of KVM's own guests. */
static bool makes_host_write(uint32_t msr)
{
	return msr == MSR_SYSTEM_TIME || (msr > MSR_KVM && msr <= MSR_KVM + 4);
}

static void drop_msr(struct kvm_msrs *list, uint32_t at)
{
	list->nmsrs--;
	memmove(&list->entries[at], &list->entries[at + 1],
		(list->nmsrs - at) * sizeof(list->entries[0]));
}

/* Reads all that can be read; the others leave the list. */
static enum vmoon_status capture_msrs(struct vmoon_kvm_vcpu *vcpu,
				      struct vmoon_error *err)
{
	const struct kvm_msr_list *all = vcpu->vm->msrs;
	struct kvm_msrs *list;
	int done;

	list = vmoon_mem_alloc(vcpu->vm->mem, vmoon_kvm_msrs_size(vcpu->vm));
	if (list == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "read the MSRs");
	vcpu->power_on.msrs = list;
	for (uint32_t i = 0; i < all->nmsrs; i++)
		if (!is_hyperv(all->indices[i]))
			list->entries[list->nmsrs++].index = all->indices[i];
	for (;;) {
		done = ioctl(vcpu->fd, KVM_GET_MSRS, list);
		if (done < 0)
			return fail_ioctl(vcpu, "KVM_GET_MSRS", err);
		if ((uint32_t)done >= list->nmsrs)
			break;
		drop_msr(list, (uint32_t)done);
	}
	/*
	 * KVM takes a written 0 for "a vCPU is initialized" and keeps the time
	 * stamps of all vCPUs equal.
	 */
	for (uint32_t i = 0; i < list->nmsrs; i++)
		if (list->entries[i].index == MSR_TSC)
			list->entries[i].data = 0;
	return VMOON_OK;
}

/* A refusal to write what is there already is none. */
static bool has_value(const struct vmoon_kvm_vcpu *vcpu,
		      const struct kvm_msr_entry *want)
{
	union msr_request r;

	r.list = (struct kvm_msrs){.nmsrs = 1};
	r.list.entries[0] = (struct kvm_msr_entry){.index = want->index};
	return ioctl(vcpu->fd, KVM_GET_MSRS, &r.list) == 1 &&
	       r.list.entries[0].data == want->data;
}

/*
 * Writes the list and uses it up. A host may refuse what the guest has no use
 * for, unless must_all; never that which ends the host's own writing.
 */
static enum vmoon_status write_msrs(const struct vmoon_kvm_vcpu *vcpu,
				    struct kvm_msrs *list, bool must_all,
				    struct vmoon_error *err)
{
	while (list->nmsrs > 0) {
		int done = ioctl(vcpu->fd, KVM_SET_MSRS, list);
		struct kvm_msr_entry bad;

		if (done < 0)
			return fail_ioctl(vcpu, "KVM_SET_MSRS", err);
		if ((uint32_t)done >= list->nmsrs)
			break;
		bad = list->entries[done];
		if ((must_all || makes_host_write(bad.index)) &&
		    !has_value(vcpu, &bad))
			return vmoon_fail(err, VMOON_E_SYS, 0,
					  "KVM refuses to set MSR %#x of vCPU "
					  "%u",
					  bad.index, vcpu->index);
		list->nmsrs -= (uint32_t)done + 1;
		memmove(&list->entries[0], &list->entries[done + 1],
			list->nmsrs * sizeof(list->entries[0]));
	}
	return VMOON_OK;
}

static void add_msr(struct kvm_msrs *list, uint32_t msr, uint64_t value)
{
	list->entries[list->nmsrs++] =
		(struct kvm_msr_entry){.index = msr, .data = value};
}

/* ---- power-on ---- */

static enum vmoon_status set_defaults(const struct vmoon_kvm_vcpu *vcpu,
				      struct vmoon_error *err)
{
	union msr_request r;
	enum vmoon_status st;

	r.list = (struct kvm_msrs){0};
	add_msr(&r.list, MSR_MTRR_DEFAULT, MTRR_DEFAULT_WRITE_BACK);
	st = write_msrs(vcpu, &r.list, true, err);
	if (st != VMOON_OK)
		return st;
	/* Intel's only; where it is not known nobody looks at it. */
	r.list = (struct kvm_msrs){0};
	add_msr(&r.list, MSR_MISC_ENABLE, MISC_FAST_STRINGS);
	return write_msrs(vcpu, &r.list, false, err);
}

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
		return fail_ioctl(vcpu, "KVM_GET_LAPIC", err);
	if (vcpu->index != 0)
		return VMOON_OK; /* INIT would undo it */
	put_lapic(lapic, LAPIC_LVT0, LVT_EXTINT);
	put_lapic(lapic, LAPIC_LVT1, LVT_NMI);
	if (ioctl(vcpu->fd, KVM_SET_LAPIC, lapic) != 0)
		return fail_ioctl(vcpu, "KVM_SET_LAPIC", err);
	return VMOON_OK;
}

enum vmoon_status vmoon_kvm_x86_init(struct vmoon_kvm_vcpu *vcpu,
				     struct vmoon_error *err)
{
	struct vmoon_kvm_state *s = &vcpu->power_on;
	enum vmoon_status st = set_defaults(vcpu, err);

	if (st == VMOON_OK)
		st = init_lapic(vcpu, err);
	if (st != VMOON_OK)
		return st;
	if (ioctl(vcpu->fd, KVM_GET_MP_STATE, &s->mp) != 0)
		return fail_ioctl(vcpu, "KVM_GET_MP_STATE", err);
	if (ioctl(vcpu->fd, KVM_GET_REGS, &s->regs) != 0)
		return fail_ioctl(vcpu, "KVM_GET_REGS", err);
	if (ioctl(vcpu->fd, KVM_GET_SREGS, &s->sregs) != 0)
		return fail_ioctl(vcpu, "KVM_GET_SREGS", err);
	if (ioctl(vcpu->fd, KVM_GET_XCRS, &s->xcrs) != 0)
		s->xcrs.nr_xcrs = 0;
	if (ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &s->debugregs) != 0)
		return fail_ioctl(vcpu, "KVM_GET_DEBUGREGS", err);
	if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &s->events) != 0)
		return fail_ioctl(vcpu, "KVM_GET_VCPU_EVENTS", err);
	return capture_msrs(vcpu, err);
}

/* ---- back to power-on ---- */

static enum vmoon_status restore_fpu(const struct vmoon_kvm_vcpu *vcpu,
				     struct vmoon_error *err)
{
	/* KVM reads this many bytes: 4096, more once AMX is allowed. */
	const int need =
		ioctl(vcpu->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	size_t size = sizeof(struct kvm_xsave);
	enum vmoon_status st = VMOON_OK;
	struct kvm_xsave *area;

	if (need > 0 && (size_t)need > size)
		size = (size_t)need;
	area = vmoon_mem_alloc(vcpu->vm->mem, size);
	if (area == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "reset the FPU");
	/*
	 * What XSTATE_BV leaves out goes into its initial state, but for
	 * MXCSR, which is of SSE and yet not initialized with it.
	 */
	area->region[XSAVE_BV_WORD] = XSAVE_FP_SSE;
	area->region[0] = FCW_INITIAL;
	area->region[XSAVE_MXCSR_WORD] = MXCSR_INITIAL;
	if (ioctl(vcpu->fd, KVM_SET_XSAVE, area) != 0)
		st = fail_ioctl(vcpu, "KVM_SET_XSAVE", err);
	vmoon_mem_free(vcpu->vm->mem, area, size);
	return st;
}

/* KVM keeps MTRRs but does not list them among a vCPU's state. */
static enum vmoon_status restore_mtrrs(const struct vmoon_kvm_vcpu *vcpu,
				       struct vmoon_error *err)
{
	union msr_request r;

	r.list = (struct kvm_msrs){0};
	add_msr(&r.list, MSR_MTRR_DEFAULT, MTRR_DEFAULT_WRITE_BACK);
	for (uint32_t i = 0; i < 16; i++)
		add_msr(&r.list, MSR_MTRR_VARIABLE + i, 0);
	add_msr(&r.list, MSR_MTRR_FIX_64K, 0);
	for (uint32_t i = 0; i < 2; i++)
		add_msr(&r.list, MSR_MTRR_FIX_16K + i, 0);
	for (uint32_t i = 0; i < 8; i++)
		add_msr(&r.list, MSR_MTRR_FIX_4K + i, 0);
	return write_msrs(vcpu, &r.list, false, err);
}

static enum vmoon_status restore_msrs(const struct vmoon_kvm_vcpu *vcpu,
				      struct vmoon_error *err)
{
	const struct kvm_msrs *saved = vcpu->power_on.msrs;
	const size_t size =
		sizeof(*saved) + saved->nmsrs * sizeof(saved->entries[0]);
	struct kvm_msrs *list = vmoon_mem_alloc(vcpu->vm->mem, size);
	enum vmoon_status st;

	if (list == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "reset the MSRs");
	memcpy(list, saved, size);
	st = write_msrs(vcpu, list, false, err);
	vmoon_mem_free(vcpu->vm->mem, list, size);
	if (st != VMOON_OK)
		return st;
	return restore_mtrrs(vcpu, err);
}

static enum vmoon_status restore_core(struct vmoon_kvm_vcpu *vcpu,
				      struct vmoon_error *err)
{
	struct vmoon_kvm_state *s = &vcpu->power_on;
	struct kvm_mp_state flushed;

	/* Reading it makes KVM act on a pending INIT or SIPI first. */
	if (ioctl(vcpu->fd, KVM_GET_MP_STATE, &flushed) != 0)
		return fail_ioctl(vcpu, "KVM_GET_MP_STATE", err);
	/* Leaves system management mode, drops exceptions and NMIs. */
	s->events.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING |
			   KVM_VCPUEVENT_VALID_SIPI_VECTOR |
			   KVM_VCPUEVENT_VALID_SHADOW;
	if (ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &s->events) != 0)
		return fail_ioctl(vcpu, "KVM_SET_VCPU_EVENTS", err);
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &s->sregs) != 0)
		return fail_ioctl(vcpu, "KVM_SET_SREGS", err);
	if (ioctl(vcpu->fd, KVM_SET_REGS, &s->regs) != 0)
		return fail_ioctl(vcpu, "KVM_SET_REGS", err);
	if (s->xcrs.nr_xcrs > 0 && ioctl(vcpu->fd, KVM_SET_XCRS, &s->xcrs) != 0)
		return fail_ioctl(vcpu, "KVM_SET_XCRS", err);
	if (ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &s->debugregs) != 0)
		return fail_ioctl(vcpu, "KVM_SET_DEBUGREGS", err);
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
		return fail_ioctl(vcpu, "KVM_SET_LAPIC", err);
	st = restore_msrs(vcpu, err);
	if (st != VMOON_OK)
		return st;
	if (ioctl(vcpu->fd, KVM_SET_MP_STATE, &s->mp) != 0)
		return fail_ioctl(vcpu, "KVM_SET_MP_STATE", err);
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
		return fail_ioctl(vcpu, "KVM_SET_SREGS", err);
	if (ioctl(vcpu->fd, KVM_SET_REGS, &regs) != 0)
		return fail_ioctl(vcpu, "KVM_SET_REGS", err);
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
