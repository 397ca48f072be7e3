/* SPDX-License-Identifier: MIT */
/*
 * kvm_cpuid.c - what a vCPU says about itself: the host's offer with a
 * topology of one package of cpu_count cores, one thread each.
 *
 * Sources: Intel SDM volume 2 (CPUID), AMD APM volume 3, appendix E.
 */
#include "kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
	LEAF_VENDOR = 0x0,
	LEAF_FEATURES = 0x1,
	LEAF_CACHES = 0x4,
	LEAF_POWER = 0x6,
	LEAF_FEATURES_7 = 0x7,
	LEAF_TOPOLOGY = 0xb,
	LEAF_TOPOLOGY_V2 = 0x1f
};

#define LEAF_EXT_FEATURES UINT32_C(0x80000001)
#define LEAF_AMD_SIZES UINT32_C(0x80000008)
#define LEAF_AMD_CACHES UINT32_C(0x8000001d)
#define LEAF_AMD_TOPOLOGY UINT32_C(0x8000001e)

#define BIT(n) (UINT32_C(1) << (n))
#define ECX1_VMX BIT(5)
#define ECX1_TSC_DEADLINE BIT(24)
#define ECX1_HYPERVISOR BIT(31)
#define EDX1_HTT BIT(28)
#define ECX6_ENERGY_BIAS BIT(3)
#define ECX_AMD_CMP_LEGACY BIT(1)
#define ECX_AMD_SVM BIT(2)

/* CPUID.1 EBX[15:8]: size of a CLFLUSH line in units of 8 bytes. */
enum { CLFLUSH_UNITS = 8 };

struct topology {
	uint32_t id, count;
	uint32_t bits; /* of an APIC id */
	bool is_amd;
};

enum {
	CPUID_SIZE = sizeof(struct kvm_cpuid2) +
		     VMOON_KVM_CPUID_MAX * sizeof(struct kvm_cpuid_entry2)
};

struct kvm_cpuid2 *vmoon_kvm_cpuid_alloc(struct vmoon_mem *mem)
{
	struct kvm_cpuid2 *c = vmoon_mem_alloc(mem, CPUID_SIZE);

	if (c != NULL)
		c->nent = VMOON_KVM_CPUID_MAX;
	return c;
}

void vmoon_kvm_cpuid_free(struct vmoon_mem *mem, struct kvm_cpuid2 *cpuid)
{
	vmoon_mem_free(mem, cpuid, CPUID_SIZE);
}

enum vmoon_status vmoon_kvm_cpuid_read(struct vmoon_mem *mem, int sys_fd,
				       struct kvm_cpuid2 **out_cpuid,
				       struct vmoon_error *err)
{
	struct kvm_cpuid2 *c = vmoon_kvm_cpuid_alloc(mem);
	int deadline =
		ioctl(sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER);

	if (c == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "read the CPUID");
	if (ioctl(sys_fd, KVM_GET_SUPPORTED_CPUID, c) != 0) {
		int sys = errno;

		vmoon_kvm_cpuid_free(mem, c);
		if (sys == E2BIG)
			return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
					  "this KVM reports more than %d CPUID "
					  "entries",
					  VMOON_KVM_CPUID_MAX);
		return vmoon_fail(err, VMOON_E_SYS, sys,
				  "KVM_GET_SUPPORTED_CPUID");
	}
	/* The timer works, but older kernels leave the bit to user space. */
	for (uint32_t i = 0; i < c->nent && deadline > 0; i++)
		if (c->entries[i].function == LEAF_FEATURES)
			c->entries[i].ecx |= ECX1_TSC_DEADLINE;
	*out_cpuid = c;
	return VMOON_OK;
}

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *c,
					   uint32_t leaf)
{
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function == leaf)
			return &c->entries[i];
	return NULL;
}

/* "AuthenticAMD" and "HygonGenuine", the second register of the name. */
static bool is_amd(const struct kvm_cpuid_entry2 *vendor)
{
	return vendor != NULL && (memcmp(&vendor->edx, "enti", 4) == 0 ||
				  memcmp(&vendor->edx, "nGen", 4) == 0);
}

static void set_features(struct kvm_cpuid_entry2 *e, const struct topology *t)
{
	/* No nested virtualization: a reset could not take it back. */
	e->ecx = (e->ecx & ~ECX1_VMX) | ECX1_HYPERVISOR;
	e->ebx = (e->ebx & UINT32_C(0xff)) | CLFLUSH_UNITS << 8 |
		 t->count << 16 | t->id << 24;
	e->edx = t->count > 1 ? e->edx | EDX1_HTT : e->edx & ~EDX1_HTT;
}

/* Each core has its own caches but the third level, which all share. */
static void set_sharing(struct kvm_cpuid_entry2 *e, const struct topology *t)
{
	const uint32_t last = (UINT32_C(1) << t->bits) - 1;
	const uint32_t level = e->eax >> 5 & 7;

	if ((e->eax & 0x1f) == 0)
		return; /* no cache: the end of the list */
	e->eax &= UINT32_C(0x3fff);
	if (level >= 3)
		e->eax |= last << 14;
	if (e->function == LEAF_CACHES)
		e->eax |= last << 26;
}

static void set_amd(struct kvm_cpuid_entry2 *e, const struct topology *t)
{
	switch (e->function) {
	case LEAF_EXT_FEATURES:
		e->ecx &= ~(ECX_AMD_SVM | ECX_AMD_CMP_LEGACY);
		if (t->is_amd && t->count > 1)
			e->ecx |= ECX_AMD_CMP_LEGACY;
		break;
	case LEAF_AMD_SIZES:
		if (t->is_amd)
			e->ecx = (t->count - 1) | t->bits << 12;
		break;
	case LEAF_AMD_TOPOLOGY:
		e->eax = t->id;
		e->ebx = t->id; /* core id; threads per core - 1 is 0 */
		e->ecx = 0;     /* node 0 of 1 */
		e->edx = 0;
		break;
	default: break;
	}
}

static void adapt(struct kvm_cpuid_entry2 *e, const struct topology *t)
{
	switch (e->function) {
	case LEAF_FEATURES: set_features(e, t); break;
	case LEAF_CACHES:
	case LEAF_AMD_CACHES: set_sharing(e, t); break;
	case LEAF_POWER: e->ecx &= ~ECX6_ENERGY_BIAS; break;
	default: set_amd(e, t); break;
	}
}

/* Level types of leaf 0xB: 1 a thread, 2 a core, 0 the end. */
static void add_levels(struct kvm_cpuid2 *out, uint32_t leaf,
		       const struct topology *t)
{
	for (uint32_t level = 0; level < 3; level++) {
		struct kvm_cpuid_entry2 *e = &out->entries[out->nent++];

		memset(e, 0, sizeof(*e));
		e->function = leaf;
		e->index = level;
		e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		e->ecx = level;
		e->edx = t->id;
		if (level == 2)
			break;
		e->eax = level == 0 ? 0 : t->bits;
		e->ebx = level == 0 ? 1 : t->count;
		e->ecx |= (level + 1) << 8;
	}
}

enum vmoon_status vmoon_kvm_cpuid_for(const struct kvm_cpuid2 *host,
				      unsigned index, unsigned cpu_count,
				      struct kvm_cpuid2 *out,
				      struct vmoon_error *err)
{
	const struct kvm_cpuid_entry2 *vendor = find(host, LEAF_VENDOR);
	const uint32_t last_leaf = vendor != NULL ? vendor->eax : 0;
	struct topology t = {
		.id = index, .count = cpu_count, .is_amd = is_amd(vendor)};

	while ((UINT32_C(1) << t.bits) < cpu_count)
		t.bits++;
	out->nent = 0;
	out->padding = 0;
	for (uint32_t i = 0; i < host->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &host->entries[i];

		if (e->function == LEAF_TOPOLOGY ||
		    e->function == LEAF_TOPOLOGY_V2)
			continue;
		if (out->nent + 6 >= VMOON_KVM_CPUID_MAX)
			return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
					  "no room for the CPU topology in %d "
					  "CPUID entries",
					  VMOON_KVM_CPUID_MAX);
		out->entries[out->nent] = *e;
		adapt(&out->entries[out->nent++], &t);
	}
	if (last_leaf >= LEAF_TOPOLOGY)
		add_levels(out, LEAF_TOPOLOGY, &t);
	if (last_leaf >= LEAF_TOPOLOGY_V2)
		add_levels(out, LEAF_TOPOLOGY_V2, &t);
	return VMOON_OK;
}

/* What vmoon_kvm_cpuid_for adds to the host's offer. */
static void drop_own_bits(struct kvm_cpuid_entry2 *e)
{
	switch (e->function) {
	case LEAF_FEATURES:
		e->ebx = 0; /* topology */
		e->ecx &= ~ECX1_HYPERVISOR;
		e->edx &= ~EDX1_HTT;
		break;
	case LEAF_EXT_FEATURES:
		e->ebx = 0;
		e->ecx &= ~ECX_AMD_CMP_LEGACY;
		break;
	default: break;
	}
}

/* The host's offer for this leaf, without what no guest gets. */
static struct kvm_cpuid_entry2 offer_of(const struct kvm_cpuid2 *host,
					const struct kvm_cpuid_entry2 *like)
{
	struct kvm_cpuid_entry2 offer = {.function = like->function};

	for (uint32_t i = 0; i < host->nent; i++)
		if (host->entries[i].function == like->function &&
		    host->entries[i].index == like->index)
			offer = host->entries[i];
	if (like->function == LEAF_FEATURES)
		offer.ecx &= ~ECX1_VMX;
	if (like->function == LEAF_EXT_FEATURES)
		offer.ecx &= ~ECX_AMD_SVM;
	return offer;
}

static bool has_features(uint32_t leaf)
{
	return leaf == LEAF_FEATURES || leaf == LEAF_FEATURES_7 ||
	       leaf == LEAF_EXT_FEATURES;
}

enum vmoon_status vmoon_kvm_cpuid_check(const struct kvm_cpuid2 *host,
					const struct kvm_cpuid2 *saved,
					struct vmoon_error *err)
{
	for (uint32_t i = 0; i < saved->nent; i++) {
		struct kvm_cpuid_entry2 e = saved->entries[i];
		struct kvm_cpuid_entry2 offer;

		if (!has_features(e.function))
			continue;
		offer = offer_of(host, &e);
		drop_own_bits(&e);
		if ((e.ebx & ~offer.ebx) == 0 && (e.ecx & ~offer.ecx) == 0 &&
		    (e.edx & ~offer.edx) == 0)
			continue;
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "the snapshot's CPU has features that this "
				  "host does not offer: leaf %#x, ebx %#x, ecx "
				  "%#x, edx %#x",
				  e.function, e.ebx & ~offer.ebx,
				  e.ecx & ~offer.ecx, e.edx & ~offer.edx);
	}
	return VMOON_OK;
}
