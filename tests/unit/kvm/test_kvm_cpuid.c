/* SPDX-License-Identifier: MIT */
/* test_kvm_cpuid.c - what a guest's CPUs say about themselves. */
#include "kvm/kvm.h"
#include "tests/support/fixture.h"

#include <stdlib.h>
#include <string.h>

static void add_leaf(struct kvm_cpuid2 *c, uint32_t leaf, uint32_t index,
		     uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	c->entries[c->nent++] = (struct kvm_cpuid_entry2){.function = leaf,
							  .index = index,
							  .eax = eax,
							  .ebx = ebx,
							  .ecx = ecx,
							  .edx = edx};
}

static uint32_t name_part(const char *s)
{
	uint32_t v;

	memcpy(&v, s, sizeof(v));
	return v;
}

static struct kvm_cpuid2 *new_host(const char *vendor, uint32_t last_leaf)
{
	struct kvm_cpuid2 *c = vmoon_kvm_cpuid_alloc(NULL);

	assert_non_null(c);
	c->nent = 0;
	add_leaf(c, 0, 0, last_leaf, name_part(vendor), name_part(vendor + 8),
		 name_part(vendor + 4));
	add_leaf(c, 1, 0, 0xa0671, 0x3f7f1842, 1u << 5 | 1u << 9, 1u << 28);
	add_leaf(c, 4, 0, 0xfc01c121, 0, 0, 0);
	add_leaf(c, 4, 3, 0xfc01c163, 0, 0, 0);
	add_leaf(c, 0xb, 0, 9, 9, 9, 9);
	add_leaf(c, 0x40000000, 0, 0x40000001, 1, 2, 3);
	add_leaf(c, 0x80000001, 0, 0, 0, 1u << 2 | 1u << 22, 0);
	add_leaf(c, 0x80000008, 0, 0x3030, 0, 0x703f, 0);
	add_leaf(c, 0x8000001e, 0, 9, 9, 9, 9);
	return c;
}

static const struct kvm_cpuid_entry2 *leaf_of(const struct kvm_cpuid2 *c,
					      uint32_t leaf, uint32_t index)
{
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function == leaf &&
		    c->entries[i].index == index)
			return &c->entries[i];
	fail_msg("no leaf %#x index %u", leaf, index);
	return NULL;
}

static struct kvm_cpuid2 *cpu_of(struct kvm_cpuid2 *host, unsigned index,
				 unsigned count)
{
	struct kvm_cpuid2 *own = vmoon_kvm_cpuid_alloc(NULL);
	struct vmoon_error err;

	assert_non_null(own);
	assert_ok(vmoon_kvm_cpuid_for(host, index, count, own, &err), &err);
	free(host);
	return own;
}

static void test_kvm_cpuid__five_cores_share_a_package_on_intel(void **state)
{
	struct kvm_cpuid2 *c = cpu_of(new_host("GenuineIntel", 0x1f), 3, 5);
	const struct kvm_cpuid_entry2 *e = leaf_of(c, 1, 0);

	(void)state;
	assert_int_equal(e->ebx, 0x03050842);
	assert_int_equal(e->ecx, 1u << 31 | 1u << 9);
	assert_int_equal(e->edx, 1u << 28);
	assert_int_equal(leaf_of(c, 4, 0)->eax, 7u << 26 | 0x121);
	assert_int_equal(leaf_of(c, 4, 3)->eax, 7u << 26 | 7u << 14 | 0x163);
	for (uint32_t leaf = 0xb; leaf <= 0x1f; leaf += 0x14) {
		e = leaf_of(c, leaf, 0);
		assert_int_equal(e->eax, 0);
		assert_int_equal(e->ebx, 1);
		assert_int_equal(e->ecx, 0x100);
		assert_int_equal(e->edx, 3);
		e = leaf_of(c, leaf, 1);
		assert_int_equal(e->eax, 3);
		assert_int_equal(e->ebx, 5);
		assert_int_equal(e->ecx, 0x201);
		assert_int_equal(e->edx, 3);
		assert_int_equal(leaf_of(c, leaf, 2)->ecx, 2);
	}
	assert_int_equal(leaf_of(c, 0x40000000, 0)->ecx, 2);
	free(c);
}

static void test_kvm_cpuid__two_cores_share_a_package_on_amd(void **state)
{
	struct kvm_cpuid2 *c = cpu_of(new_host("AuthenticAMD", 0xd), 1, 2);
	const struct kvm_cpuid_entry2 *e = leaf_of(c, 0x8000001e, 0);

	(void)state;
	assert_int_equal(leaf_of(c, 0x80000001, 0)->ecx, 1u << 22 | 1u << 1);
	assert_int_equal(leaf_of(c, 0x80000008, 0)->ecx, 1u << 12 | 1);
	assert_int_equal(e->eax, 1);
	assert_int_equal(e->ebx, 1);
	assert_int_equal(e->ecx, 0);
	for (uint32_t i = 0; i < c->nent; i++)
		assert_int_not_equal(c->entries[i].function, 0x1f);
	free(c);
}

static void test_kvm_cpuid__one_cpu_has_no_siblings(void **state)
{
	struct kvm_cpuid2 *c = cpu_of(new_host("AuthenticAMD", 5), 0, 1);

	(void)state;
	assert_int_equal(leaf_of(c, 1, 0)->ebx, 0x00010842);
	assert_int_equal(leaf_of(c, 1, 0)->edx, 0);
	assert_int_equal(leaf_of(c, 0x80000001, 0)->ecx, 1u << 22);
	assert_int_equal(leaf_of(c, 0x80000008, 0)->ecx, 0);
	for (uint32_t i = 0; i < c->nent; i++)
		assert_int_not_equal(c->entries[i].function, 0xb);
	free(c);
}

static void test_kvm_12__a_host_with_256_cpuid_entries_is_refused(void **state)
{
	struct kvm_cpuid2 *host = new_host("GenuineIntel", 0x1f);
	struct kvm_cpuid2 *own = vmoon_kvm_cpuid_alloc(NULL);
	struct vmoon_error err;

	(void)state;
	while (host->nent < VMOON_KVM_CPUID_MAX)
		add_leaf(host, 0x80000005, 0, 0, 0, 0, 0);
	assert_int_equal(vmoon_kvm_cpuid_for(host, 0, 1, own, &err),
			 VMOON_E_UNSUPPORTED);
	free(own);
	free(host);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_kvm_cpuid__five_cores_share_a_package_on_intel),
	cmocka_unit_test(test_kvm_cpuid__two_cores_share_a_package_on_amd),
	cmocka_unit_test(test_kvm_cpuid__one_cpu_has_no_siblings),
	cmocka_unit_test(test_kvm_12__a_host_with_256_cpuid_entries_is_refused),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
