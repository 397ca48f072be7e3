/* SPDX-License-Identifier: MIT */
/* test_layout.c - mirrors runtime/boot/layout.c. */
#include "runtime/boot/layout.h"
#include "tests/unit/boot/images.h"

static void test_boot_01__memory_splits_around_the_hole(void **state)
{
	const uint64_t hole = VMOON_ADDR_HOLE;
	struct vmoon_gmem_region r[2];

	(void)state;
	assert_int_equal(vmoon_boot_layout(0, r), 0);
	assert_int_equal(vmoon_boot_layout(VMOON_MIB, r), 1);
	assert_int_equal(r[0].size, VMOON_MIB);
	assert_int_equal(vmoon_boot_layout(hole, r), 1);
	assert_int_equal(r[0].gpa, 0);
	assert_int_equal(r[0].size, hole);
	assert_int_equal(vmoon_boot_layout(hole + VMOON_MIB, r), 2);
	assert_int_equal(r[0].size, hole);
	assert_int_equal(r[1].gpa, VMOON_ADDR_HOLE_END);
	assert_int_equal(r[1].size, VMOON_MIB);
}

static void assert_entry(const struct vmoon_map_entry *e, uint64_t start,
			 uint64_t size, enum vmoon_map_type type)
{
	assert_int_equal(e->start, start);
	assert_int_equal(e->size, size);
	assert_int_equal(e->type, type);
}

static void test_boot_02__map_has_low_and_high_ram_and_no_acpi(void **state)
{
	struct vmoon_map_entry map[VMOON_MAP_MAX];
	struct vmoon_error err = {0};
	struct vmoon_gmem gm;
	size_t n = 0;

	(void)state;
	memory_open(&gm, VMOON_ADDR_HOLE + VMOON_GIB);
	assert_ok(vmoon_map_build(&gm, map, VMOON_MAP_MAX, &n, &err), &err);
	assert_int_equal(n, 5);
	assert_entry(&map[0], 0, 0x9fc00, VMOON_MAP_RAM);
	assert_entry(&map[1], 0x9fc00, 0x60400, VMOON_MAP_RESERVED);
	assert_entry(&map[2], VMOON_MIB, VMOON_ADDR_HOLE - VMOON_MIB,
		     VMOON_MAP_RAM);
	assert_entry(&map[3], VMOON_ADDR_IDENTITY_MAP, 0x4000,
		     VMOON_MAP_RESERVED);
	assert_entry(&map[4], VMOON_ADDR_HOLE_END, VMOON_GIB, VMOON_MAP_RAM);
	vmoon_gmem_fini(&gm);
}

static void test_boot_02__map_never_has_more_entries_than_fit(void **state)
{
	struct vmoon_gmem_region r[VMOON_GMEM_REGIONS_MAX];
	struct vmoon_map_entry map[VMOON_MAP_MAX];
	struct vmoon_error err = {0};
	struct vmoon_gmem gm;
	size_t n = 77;

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(r); i++)
		r[i] = (struct vmoon_gmem_region){.gpa = i * 16 * VMOON_MIB,
						  .size = 2 * VMOON_MIB};
	assert_ok(vmoon_gmem_init_mapped(&gm, NULL, r, VMOON_COUNTOF(r), &err),
		  &err);
	assert_ok(vmoon_map_build(&gm, map, VMOON_MAP_MAX, &n, &err), &err);
	assert_int_equal(n, VMOON_MAP_MAX);
	n = 77;
	assert_int_equal(vmoon_map_build(&gm, map, VMOON_MAP_MAX - 1, &n, &err),
			 VMOON_E_CONFIG);
	assert_int_equal(n, 77);
	vmoon_gmem_fini(&gm);
}

static void test_layout__a_memory_of_one_mib_is_refused(void **state)
{
	struct vmoon_map_entry map[VMOON_MAP_MAX];
	const struct vmoon_initrd_limits limits = {0, 0, UINT64_MAX};
	struct vmoon_error err = {0};
	struct vmoon_gmem gm;
	vmoon_gpa at;
	size_t n;

	(void)state;
	memory_open(&gm, VMOON_MIB);
	assert_int_equal(vmoon_map_build(&gm, map, VMOON_MAP_MAX, &n, &err),
			 VMOON_E_CONFIG);
	assert_int_equal(vmoon_initrd_place(&gm, &limits, 1, &at, &err),
			 VMOON_E_CONFIG);
	vmoon_gmem_fini(&gm);
}

/* Kernel at 16 to 20 MiB of 64 MiB. */
static const struct vmoon_initrd_limits usual = {16 * VMOON_MIB, 20 * VMOON_MIB,
						 0x7fffffff};

static void test_layout__initrd_is_as_high_as_its_limits_allow(void **state)
{
	struct vmoon_initrd_limits limits = usual;
	struct vmoon_error err = {0};
	struct vmoon_gmem gm;
	vmoon_gpa at = 0;

	(void)state;
	memory_open(&gm, 64 * VMOON_MIB);
	assert_ok(vmoon_initrd_place(&gm, &limits, 5000, &at, &err), &err);
	assert_int_equal(at, 64 * VMOON_MIB - 8192);
	limits.last = 40 * VMOON_MIB - 1;
	assert_ok(vmoon_initrd_place(&gm, &limits, 4096, &at, &err), &err);
	assert_int_equal(at, 40 * VMOON_MIB - 4096);
	limits.last = 20 * VMOON_MIB;
	assert_ok(vmoon_initrd_place(&gm, &limits, 4096, &at, &err), &err);
	assert_int_equal(at, 16 * VMOON_MIB - 4096);
	limits.last = 12 * VMOON_MIB;
	assert_ok(vmoon_initrd_place(&gm, &limits, 4096, &at, &err), &err);
	assert_int_equal(at, 12 * VMOON_MIB - 4096);
	limits.last = 2 * VMOON_MIB;
	limits.kernel_start = 0; /* a kernel that ends below 1 MiB */
	limits.kernel_end = 4096;
	assert_ok(vmoon_initrd_place(&gm, &limits, 4096, &at, &err), &err);
	assert_int_equal(at, 2 * VMOON_MIB - 4096);
	assert_int_equal(
		vmoon_initrd_place(&gm, &limits, VMOON_MIB + 2, &at, &err),
		VMOON_E_CONFIG);
	limits = usual;
	limits.last = VMOON_MIB;
	assert_int_equal(vmoon_initrd_place(&gm, &limits, 4096, &at, &err),
			 VMOON_E_CONFIG);
	vmoon_gmem_fini(&gm);
}

static void test_l05__initrd_is_placed_or_refused_never_over_the_kernel(
	void **state)
{
	struct vmoon_error err = {0};
	struct vmoon_gmem gm;
	unsigned placed = 0;

	(void)state;
	memory_open(&gm, 64 * VMOON_MIB);
	for (uint64_t k = 0; k < 64; k++) {
		uint64_t sizes[] = {1 + k, 15 * VMOON_MIB + 8 - k,
				    44 * VMOON_MIB + 8 - k, 64 * VMOON_MIB - k,
				    UINT64_MAX - k};

		for (size_t i = 0; i < VMOON_COUNTOF(sizes); i++) {
			vmoon_gpa at = 0;

			if (vmoon_initrd_place(&gm, &usual, sizes[i], &at,
					       &err) != VMOON_OK) {
				assert_int_equal(err.status, VMOON_E_CONFIG);
				continue;
			}
			placed++;
			assert_int_equal(at & 4095, 0);
			assert_true(at >= VMOON_MIB);
			assert_true(at + sizes[i] <= 64 * VMOON_MIB);
			assert_true(at >= usual.kernel_end ||
				    at + sizes[i] <= usual.kernel_start);
		}
	}
	assert_true(placed > 3 * 50);
	assert_int_equal(
		vmoon_initrd_place(&gm, &usual, 0, &(vmoon_gpa){0}, &err),
		VMOON_E_IMAGE);
	vmoon_gmem_fini(&gm);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boot_01__memory_splits_around_the_hole),
		cmocka_unit_test(
			test_boot_02__map_has_low_and_high_ram_and_no_acpi),
		cmocka_unit_test(
			test_boot_02__map_never_has_more_entries_than_fit),
		cmocka_unit_test(test_layout__a_memory_of_one_mib_is_refused),
		cmocka_unit_test(
			test_layout__initrd_is_as_high_as_its_limits_allow),
		cmocka_unit_test(
			test_l05__initrd_is_placed_or_refused_never_over_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
