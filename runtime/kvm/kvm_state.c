/* SPDX-License-Identifier: MIT */
/*
 * kvm_state.c - a vCPU and a machine as sections of a snapshot: KVM's own
 * structures, each behind its length. Nothing of it is trusted on the way
 * back: a length is its structure's, a count is what fits its bytes.
 *
 * Not carried: nested state (guests see no VMX and no SVM).
 */
#include "kvm.h"

#include <errno.h>
#include <string.h>

enum { VERSION = 1 };

static const char vcpu_tag[] = "kvm-vcpu";
static const char machine_tag[] = "kvm-machine";

struct part {
	size_t offset, size;
};

#define PART(type, member)                                 \
	{                                                  \
		offsetof(struct type, member),             \
			sizeof(((struct type *)0)->member) \
	}

static const struct part vcpu_parts[] = {
	PART(vmoon_kvm_saved, core.mp),
	PART(vmoon_kvm_saved, core.regs),
	PART(vmoon_kvm_saved, core.sregs),
	PART(vmoon_kvm_saved, core.xcrs),
	PART(vmoon_kvm_saved, core.debugregs),
	PART(vmoon_kvm_saved, core.lapic),
	PART(vmoon_kvm_saved, core.events),
	PART(vmoon_kvm_saved, tsc_khz),
};

static const struct part machine_parts[] = {
	PART(vmoon_kvm_machine, pit),
	PART(vmoon_kvm_machine, clock),
	PART(vmoon_kvm_machine, chips),
};

static void put_blob(struct vmoon_state_writer *w, const void *src, size_t len)
{
	vmoon_state_put(w, len, 4);
	vmoon_state_put_bytes(w, src, len);
}

static void put_parts(struct vmoon_state_writer *w, const void *from,
		      const struct part *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put_blob(w, (const unsigned char *)from + parts[i].offset,
			 parts[i].size);
}

static bool get_parts(struct vmoon_state_reader *r, void *to,
		      const struct part *parts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (vmoon_state_get(r, 4) != parts[i].size)
			return false;
		vmoon_state_get_bytes(r, (unsigned char *)to + parts[i].offset,
				      parts[i].size);
	}
	return !r->is_bad;
}

static enum vmoon_status fail_bad(const char *what, struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_IMAGE, 0,
			  "%s: the snapshot is cut short or of another "
			  "version; take a new snapshot",
			  what);
}

/* ---- a vCPU ---- */

void vmoon_kvm_saved_init(struct vmoon_kvm_saved *s,
			  const struct vmoon_kvm_vcpu *vcpu)
{
	memset(s, 0, sizeof(*s));
	s->mem = vcpu->vm->mem;
	s->index = vcpu->index;
	s->xsave_size = vmoon_kvm_xsave_size(vcpu->vm);
}

void vmoon_kvm_saved_fini(struct vmoon_kvm_saved *s)
{
	if (s->core.msrs != NULL)
		vmoon_kvm_msrs_free(s->mem, s->core.msrs, s->core.msrs->nmsrs);
	vmoon_mem_free(s->mem, s->xsave, s->xsave_size);
	vmoon_kvm_cpuid_free(s->mem, s->cpuid);
}

void vmoon_kvm_saved_put(const struct vmoon_kvm_saved *s,
			 struct vmoon_state_writer *w)
{
	vmoon_state_begin(w, vcpu_tag, VERSION);
	vmoon_state_put(w, s->index, 4);
	put_parts(w, s, vcpu_parts, VMOON_COUNTOF(vcpu_parts));
	put_blob(w, s->xsave, s->xsave_size);
	put_blob(w, s->core.msrs,
		 sizeof(*s->core.msrs) +
			 s->core.msrs->nmsrs * sizeof(struct kvm_msr_entry));
	put_blob(w, s->cpuid,
		 sizeof(*s->cpuid) +
			 s->cpuid->nent * sizeof(struct kvm_cpuid_entry2));
}

/* The length of a list of at most max entries of entry_size behind head. */
static bool get_list_length(struct vmoon_state_reader *r, size_t head,
			    size_t entry_size, uint32_t max,
			    uint32_t *out_count)
{
	const uint64_t len = vmoon_state_get(r, 4);

	if (len < head || (len - head) % entry_size != 0 ||
	    (len - head) / entry_size > max)
		return false;
	*out_count = (uint32_t)((len - head) / entry_size); /* <= max */
	/* Nothing is allocated for what is not there. */
	return !r->is_bad && vmoon_range_ok(r->off, len, r->size);
}

static enum vmoon_status get_xsave(struct vmoon_kvm_saved *out,
				   struct vmoon_state_reader *r,
				   struct vmoon_error *err)
{
	const uint64_t len = vmoon_state_get(r, 4);

	if (len < sizeof(*out->xsave) || r->is_bad)
		return fail_bad("FPU", err);
	if (len > out->xsave_size)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "FPU: the snapshot's has %llu bytes, this "
				  "host's %zu",
				  (unsigned long long)len, out->xsave_size);
	/* KVM reads its own size, whatever the snapshot's is. */
	out->xsave = vmoon_mem_alloc(out->mem, out->xsave_size);
	if (out->xsave == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "load the FPU");
	vmoon_state_get_bytes(r, out->xsave, (size_t)len); /* <= xsave_size */
	return VMOON_OK;
}

static enum vmoon_status get_msrs(struct vmoon_kvm_saved *out,
				  struct vmoon_state_reader *r,
				  struct vmoon_error *err)
{
	const size_t entry = sizeof(struct kvm_msr_entry);
	struct kvm_msrs *list;
	bool is_good;
	uint32_t n;

	if (!get_list_length(r, sizeof(*list), entry, VMOON_KVM_MSRS_MAX, &n))
		return fail_bad("MSRs", err);
	list = vmoon_kvm_msrs_alloc(out->mem, n);
	if (list == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "load the MSRs");
	out->core.msrs = list;
	vmoon_state_get_bytes(r, list, sizeof(*list) + n * entry);
	is_good = list->nmsrs == n && !r->is_bad;
	list->nmsrs = n; /* what there is room for */
	return is_good ? VMOON_OK : fail_bad("MSRs", err);
}

static enum vmoon_status get_cpuid(struct vmoon_kvm_saved *out,
				   struct vmoon_state_reader *r,
				   struct vmoon_error *err)
{
	const size_t entry = sizeof(struct kvm_cpuid_entry2);
	struct kvm_cpuid2 *list;
	uint32_t n;

	if (!get_list_length(r, sizeof(*list), entry, VMOON_KVM_CPUID_MAX, &n))
		return fail_bad("CPUID", err);
	list = vmoon_kvm_cpuid_alloc(out->mem);
	if (list == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "load the CPUID");
	out->cpuid = list;
	vmoon_state_get_bytes(r, list, sizeof(*list) + n * entry);
	return list->nent == n && !r->is_bad ? VMOON_OK
					     : fail_bad("CPUID", err);
}

static enum vmoon_status get_all(struct vmoon_kvm_saved *out,
				 struct vmoon_state_reader *r,
				 struct vmoon_error *err)
{
	enum vmoon_status st;

	if (!vmoon_state_expect(r, vcpu_tag, VERSION) ||
	    vmoon_state_get(r, 4) != out->index ||
	    !get_parts(r, out, vcpu_parts, VMOON_COUNTOF(vcpu_parts)))
		return fail_bad("registers", err);
	st = get_xsave(out, r, err);
	if (st == VMOON_OK)
		st = get_msrs(out, r, err);
	if (st == VMOON_OK)
		st = get_cpuid(out, r, err);
	return st;
}

enum vmoon_status vmoon_kvm_saved_get(struct vmoon_kvm_saved *out,
				      struct vmoon_state_reader *r,
				      struct vmoon_error *err)
{
	enum vmoon_status st = get_all(out, r, err);

	if (st != VMOON_OK)
		vmoon_error_prefix(err, "vCPU %u", out->index);
	return st;
}

/* ---- the machine ---- */

void vmoon_kvm_machine_put(const struct vmoon_kvm_machine *m,
			   struct vmoon_state_writer *w)
{
	vmoon_state_begin(w, machine_tag, VERSION);
	put_parts(w, m, machine_parts, VMOON_COUNTOF(machine_parts));
}

enum vmoon_status vmoon_kvm_machine_get(struct vmoon_kvm_machine *out,
					struct vmoon_state_reader *r,
					struct vmoon_error *err)
{
	struct vmoon_kvm_machine m;

	memset(&m, 0, sizeof(m));
	if (!vmoon_state_expect(r, machine_tag, VERSION) ||
	    !get_parts(r, &m, machine_parts, VMOON_COUNTOF(machine_parts)))
		return fail_bad("interrupt chips", err);
	for (uint32_t i = 0; i < VMOON_KVM_IRQCHIPS; i++)
		if (m.chips[i].chip_id != i)
			return fail_bad("interrupt chips", err);
	*out = m;
	return VMOON_OK;
}
