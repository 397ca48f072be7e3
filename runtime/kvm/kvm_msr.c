/* SPDX-License-Identifier: MIT */
/*
 * kvm_msr.c - model-specific registers: at power-on, at a reset, in a snapshot.
 *
 * Sources: Intel SDM volume 3, 11.11 (MTRRs), volume 4 (MSRs).
 */
#include "kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
	MSR_TSC = 0x10,
	MSR_SYSTEM_TIME = 0x12,
	MSR_FEATURE_CONTROL = 0x3a,
	MSR_MCG_CTL = 0x17b,
	MSR_MISC_ENABLE = 0x1a0,
	MSR_MTRR_VARIABLE = 0x200, /* 8 pairs of base and mask */
	MSR_MTRR_FIX_64K = 0x250,
	MSR_MTRR_FIX_16K = 0x258,
	MSR_MTRR_FIX_4K = 0x268,
	MSR_MTRR_DEFAULT = 0x2ff,
	MSR_TSC_DEADLINE = 0x6e0,
	MSR_HYPERV = 0x40000000, /* 0x200 of them */
	MSR_KVM = 0x4b564d00,    /* the wall clock, then what the host writes */

	MTRR_VARIABLES = 16,
	MTRRS = 1 + MTRR_VARIABLES + 1 + 2 + 8,

	MISC_FAST_STRINGS = 1,
	MTRR_DEFAULT_WRITE_BACK = 0x806 /* enabled, type 6 */
};

/* One request with room behind its head for a few entries. */
union msr_request {
	struct kvm_msrs list;
	unsigned char bytes[sizeof(struct kvm_msrs) +
			    MTRRS * sizeof(struct kvm_msr_entry)];
};

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
			return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM,
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

/* ---- lists with their values ---- */

static size_t size_of(uint32_t count)
{
	return sizeof(struct kvm_msrs) + count * sizeof(struct kvm_msr_entry);
}

struct kvm_msrs *vmoon_kvm_msrs_alloc(struct vmoon_mem *mem, uint32_t count)
{
	if (count > VMOON_KVM_MSRS_MAX)
		return NULL;
	return vmoon_mem_alloc(mem, size_of(count));
}

void vmoon_kvm_msrs_free(struct vmoon_mem *mem, struct kvm_msrs *list,
			 uint32_t count)
{
	vmoon_mem_free(mem, list, size_of(count));
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
enum vmoon_status vmoon_kvm_msrs_capture(struct vmoon_kvm_vcpu *vcpu,
					 struct vmoon_error *err)
{
	const struct kvm_msr_list *all = vcpu->vm->msrs;
	struct kvm_msrs *list;
	int done;

	list = vmoon_kvm_msrs_alloc(vcpu->vm->mem, all->nmsrs);
	if (list == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "read the MSRs");
	vcpu->power_on.msrs = list;
	for (uint32_t i = 0; i < all->nmsrs; i++)
		if (!is_hyperv(all->indices[i]))
			list->entries[list->nmsrs++].index = all->indices[i];
	for (;;) {
		done = ioctl(vcpu->fd, KVM_GET_MSRS, list);
		if (done < 0)
			return vmoon_kvm_fail(vcpu, "KVM_GET_MSRS", err);
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
			return vmoon_kvm_fail(vcpu, "KVM_SET_MSRS", err);
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

/* KVM keeps MTRRs but does not list them; the default type comes first. */
static void add_mtrrs(struct kvm_msrs *list)
{
	add_msr(list, MSR_MTRR_DEFAULT, 0);
	for (uint32_t i = 0; i < MTRR_VARIABLES; i++)
		add_msr(list, MSR_MTRR_VARIABLE + i, 0);
	add_msr(list, MSR_MTRR_FIX_64K, 0);
	for (uint32_t i = 0; i < 2; i++)
		add_msr(list, MSR_MTRR_FIX_16K + i, 0);
	for (uint32_t i = 0; i < 8; i++)
		add_msr(list, MSR_MTRR_FIX_4K + i, 0);
}

/* ---- power-on ---- */

enum vmoon_status vmoon_kvm_msrs_default(const struct vmoon_kvm_vcpu *vcpu,
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

/* ---- back to power-on ---- */

static enum vmoon_status reset_mtrrs(const struct vmoon_kvm_vcpu *vcpu,
				     struct vmoon_error *err)
{
	union msr_request r;

	r.list = (struct kvm_msrs){0};
	add_mtrrs(&r.list);
	r.list.entries[0].data = MTRR_DEFAULT_WRITE_BACK;
	return write_msrs(vcpu, &r.list, false, err);
}

enum vmoon_status vmoon_kvm_msrs_reset(const struct vmoon_kvm_vcpu *vcpu,
				       struct vmoon_error *err)
{
	const struct kvm_msrs *saved = vcpu->power_on.msrs;
	struct kvm_msrs *list =
		vmoon_kvm_msrs_alloc(vcpu->vm->mem, saved->nmsrs);
	enum vmoon_status st;

	if (list == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "reset the MSRs");
	memcpy(list, saved, size_of(saved->nmsrs));
	st = write_msrs(vcpu, list, false, err);
	vmoon_kvm_msrs_free(vcpu->vm->mem, list, saved->nmsrs);
	if (st != VMOON_OK)
		return st;
	return reset_mtrrs(vcpu, err);
}

/* ---- in a snapshot ---- */

/* The lock of the features and the switch of machine checks stay the host's. */
static bool is_saved(uint32_t msr)
{
	return msr != MSR_FEATURE_CONTROL && msr != MSR_MCG_CTL;
}

struct kvm_msrs *vmoon_kvm_msrs_to_save(struct vmoon_mem *mem,
					const struct kvm_msrs *power_on)
{
	struct kvm_msrs *list;
	uint32_t count = MTRRS;

	for (uint32_t i = 0; i < power_on->nmsrs; i++)
		count += is_saved(power_on->entries[i].index);
	list = vmoon_kvm_msrs_alloc(mem, count);
	if (list == NULL)
		return NULL;
	for (uint32_t i = 0; i < power_on->nmsrs; i++)
		if (is_saved(power_on->entries[i].index))
			add_msr(list, power_on->entries[i].index, 0);
	add_mtrrs(list);
	return list;
}

enum vmoon_status vmoon_kvm_msrs_save(const struct vmoon_kvm_vcpu *vcpu,
				      struct kvm_msrs **out_list,
				      struct vmoon_error *err)
{
	struct vmoon_mem *mem = vcpu->vm->mem;
	struct kvm_msrs *list =
		vmoon_kvm_msrs_to_save(mem, vcpu->power_on.msrs);
	enum vmoon_status st;
	int done;

	if (list == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "save the MSRs");
	done = ioctl(vcpu->fd, KVM_GET_MSRS, list);
	if (done >= 0 && (uint32_t)done == list->nmsrs) {
		*out_list = list;
		return VMOON_OK;
	}
	st = done < 0 ? vmoon_kvm_fail(vcpu, "KVM_GET_MSRS", err)
		      : vmoon_fail(err, VMOON_E_SYS, 0,
				   "KVM refuses to read MSR %#x of vCPU %u",
				   list->entries[done].index, vcpu->index);
	vmoon_kvm_msrs_free(mem, list, list->nmsrs);
	return st;
}

static bool has_index(const struct kvm_msrs *list, uint32_t msr)
{
	for (uint32_t i = 0; i < list->nmsrs; i++)
		if (list->entries[i].index == msr)
			return true;
	return false;
}

/* The time stamp first, its deadline last, the others as they are. */
static unsigned rank(uint32_t msr)
{
	return msr == MSR_TSC ? 0 : msr == MSR_TSC_DEADLINE ? 2 : 1;
}

struct kvm_msrs *vmoon_kvm_msrs_in_order(struct vmoon_mem *mem,
					 const struct kvm_msrs *list)
{
	struct kvm_msrs *out = vmoon_kvm_msrs_alloc(mem, list->nmsrs);

	for (unsigned r = 0; out != NULL && r <= 2; r++)
		for (uint32_t i = 0; i < list->nmsrs; i++)
			if (rank(list->entries[i].index) == r)
				add_msr(out, list->entries[i].index,
					list->entries[i].data);
	return out;
}

enum vmoon_status vmoon_kvm_msrs_check(const struct vmoon_kvm_vcpu *vcpu,
				       const struct kvm_msrs *list,
				       struct vmoon_error *err)
{
	struct kvm_msrs *known =
		vmoon_kvm_msrs_to_save(vcpu->vm->mem, vcpu->power_on.msrs);
	enum vmoon_status st = VMOON_OK;

	if (known == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "load the MSRs");
	for (uint32_t i = 0; i < list->nmsrs && st == VMOON_OK; i++)
		if (!has_index(known, list->entries[i].index))
			st = vmoon_fail(err, VMOON_E_IMAGE, 0,
					"the snapshot sets MSR %#x, which is "
					"none of this host's",
					list->entries[i].index);
	vmoon_kvm_msrs_free(vcpu->vm->mem, known, known->nmsrs);
	return st;
}

enum vmoon_status vmoon_kvm_msrs_load(const struct vmoon_kvm_vcpu *vcpu,
				      const struct kvm_msrs *list,
				      struct vmoon_error *err)
{
	struct kvm_msrs *own = vmoon_kvm_msrs_in_order(vcpu->vm->mem, list);
	enum vmoon_status st;

	if (own == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "load the MSRs");
	st = write_msrs(vcpu, own, true, err);
	vmoon_kvm_msrs_free(vcpu->vm->mem, own, list->nmsrs);
	return st;
}
