/* SPDX-License-Identifier: MIT */
/*
 * fuzz_kvm_state.c - a vCPU and a machine out of a snapshot that lies.
 *
 * Input: a byte that says which of the two and whether its tag is put before,
 * then the section.
 */
#include "fuzz.h"
#include "kvm/kvm.h"

#include <string.h>

enum { SECTION_MAX = 128 * 1024, XSAVE_BYTES = 8192 };

static void init(struct vmoon_kvm_saved *s)
{
	memset(s, 0, sizeof(*s));
	s->xsave_size = XSAVE_BYTES;
}

/* What was taken is put and taken again, and is the same. */
static void round_trip(const struct vmoon_kvm_saved *s)
{
	unsigned char *a = malloc(SECTION_MAX), *b = malloc(SECTION_MAX);
	struct vmoon_state_writer w = {.buf = a, .size = SECTION_MAX};
	struct vmoon_state_writer again = {.buf = b, .size = SECTION_MAX};
	struct vmoon_state_reader r = {.buf = a};
	struct vmoon_kvm_saved other;

	FUZZ_REQUIRE(a != NULL && b != NULL);
	vmoon_kvm_saved_put(s, &w);
	FUZZ_REQUIRE(!w.is_overflow);
	r.size = w.len;
	init(&other);
	FUZZ_REQUIRE(vmoon_kvm_saved_get(&other, &r, NULL) == VMOON_OK);
	FUZZ_REQUIRE(r.off == w.len);
	vmoon_kvm_saved_put(&other, &again);
	FUZZ_REQUIRE(again.len == w.len && memcmp(a, b, w.len) == 0);
	vmoon_kvm_saved_fini(&other);
	free(a);
	free(b);
}

static void take_vcpu(struct vmoon_state_reader *r)
{
	struct vmoon_kvm_saved s;

	init(&s);
	if (vmoon_kvm_saved_get(&s, r, NULL) == VMOON_OK) {
		struct kvm_msrs *ordered =
			vmoon_kvm_msrs_in_order(NULL, s.core.msrs);

		FUZZ_REQUIRE(s.cpuid->nent <= VMOON_KVM_CPUID_MAX);
		FUZZ_REQUIRE(ordered != NULL &&
			     ordered->nmsrs == s.core.msrs->nmsrs);
		vmoon_kvm_msrs_free(NULL, ordered, ordered->nmsrs);
		VMOON_IGNORE(vmoon_kvm_cpuid_check(s.cpuid, s.cpuid, NULL) !=
			     VMOON_OK);
		round_trip(&s);
	}
	vmoon_kvm_saved_fini(&s);
}

static void take_machine(struct vmoon_state_reader *r)
{
	struct vmoon_kvm_machine m;

	if (vmoon_kvm_machine_get(&m, r, NULL) != VMOON_OK)
		return;
	for (uint32_t i = 0; i < VMOON_KVM_IRQCHIPS; i++)
		FUZZ_REQUIRE(m.chips[i].chip_id == i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, len};
	const uint8_t how = fuzz_u8(&in);
	unsigned char *buf = malloc(in.len + 64);
	struct vmoon_state_writer w = {.buf = buf, .size = in.len + 64};
	struct vmoon_state_reader r = {.buf = buf};

	FUZZ_REQUIRE(buf != NULL);
	if ((how & 2) != 0) {
		vmoon_state_begin(
			&w, (how & 1) != 0 ? "kvm-machine" : "kvm-vcpu", 1);
		if ((how & 1) == 0)
			vmoon_state_put(&w, 0, 4);
	}
	if (in.len > 0)
		vmoon_state_put_bytes(&w, in.data, in.len);
	r.size = w.len;
	if ((how & 1) != 0)
		take_machine(&r);
	else
		take_vcpu(&r);
	free(buf);
	return 0;
}
