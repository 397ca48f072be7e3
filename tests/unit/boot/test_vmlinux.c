/* SPDX-License-Identifier: MIT */
/* test_vmlinux.c - mirrors runtime/boot/vmlinux.c. */
#include "runtime/boot/vmlinux.h"
#include "tests/unit/boot/images.h"

/* Packs e, plans and unpacks it into a memory of size bytes. */
static enum vmoon_status unpack(const struct elf_image *e,
				struct vmoon_gmem *gm, struct vmoon_elf *elf,
				struct vmoon_error *err)
{
	struct blob b = pack(any_format(), e->bytes, sizeof(e->bytes));
	const struct vmoon_packed p = {any_format(), b.bytes, b.size};
	enum vmoon_status st;

	st = vmoon_vmlinux_plan(&p, sizeof(e->bytes), gm, elf, err);
	if (st == VMOON_OK)
		st = vmoon_vmlinux_unpack(&p, sizeof(e->bytes), gm, elf, err);
	free(b.bytes);
	return st;
}

#define NEED_FORMAT()                                                       \
	do {                                                                \
		if (any_format() == VMOON_UNPACK_UNKNOWN)                   \
			SKIP_BECAUSE("no unpacking library in this build"); \
	} while (0)

static void test_vmlinux__segments_move_to_their_places(void **state)
{
	struct elf_image e = elf_make();
	struct vmoon_error err = {0};
	struct vmoon_elf elf;
	struct vmoon_gmem gm;

	(void)state;
	NEED_FORMAT();
	memory_open(&gm, 32 * VMOON_MIB);
	assert_ok(unpack(&e, &gm, &elf, &err), &err);
	elf_assert_loaded(&gm, &e);
	assert_true(elf.has_pvh);
	assert_int_equal(elf.pvh_entry, ELF_PVH);
	vmoon_gmem_fini(&gm);
}

static void test_vmlinux__the_plan_leaves_memory_alone(void **state)
{
	struct elf_image e = elf_make();
	struct vmoon_error err = {0};
	struct vmoon_elf elf;
	struct vmoon_packed p = {.format = any_format()};
	struct vmoon_gmem gm;
	struct blob b;

	(void)state;
	NEED_FORMAT();
	b = pack(p.format, e.bytes, sizeof(e.bytes));
	p.bytes = b.bytes;
	p.len = b.size;
	memory_open(&gm, 32 * VMOON_MIB);
	assert_ok(vmoon_vmlinux_plan(&p, sizeof(e.bytes), &gm, &elf, &err),
		  &err);
	assert_true(memory_is_zero(&gm, 0, 32 * VMOON_MIB));
	vmoon_gmem_fini(&gm);
	memory_open(&gm, ELF_BASE);
	assert_int_equal(
		vmoon_vmlinux_plan(&p, sizeof(e.bytes), &gm, &elf, &err),
		VMOON_E_CONFIG);
	vmoon_gmem_fini(&gm);
	free(b.bytes);
}

/* The file is longer than what its segments need: RAM ends in between. */
static void test_vmlinux__small_memory_is_served_through_a_mapping(void **state)
{
	struct elf_image e = elf_make();
	struct vmoon_error err = {0};
	struct vmoon_elf elf;
	const struct vmoon_gmem_region r = {0, ELF_BASE + 0x2400, NULL};
	struct vmoon_gmem gm;

	(void)state;
	NEED_FORMAT();
	assert_ok(vmoon_gmem_init_mapped(&gm, NULL, &r, 1, &err), &err);
	assert_ok(unpack(&e, &gm, &elf, &err), &err);
	elf_assert_loaded(&gm, &e);
	assert_true(elf.has_pvh);
	/* Nothing but the segments was written. */
	assert_true(memory_is_zero(&gm, 0, ELF_BASE));
	vmoon_gmem_fini(&gm);
}

static void test_vmlinux__a_file_that_would_start_below_1_mib_is_staged(
	void **state)
{
	struct elf_image e = elf_make();
	struct vmoon_error err = {0};
	struct vmoon_elf elf;
	struct vmoon_gmem gm;

	(void)state;
	NEED_FORMAT();
	/* Lowest segment at 1 MiB, but 4 KiB into the file. */
	vmoon_le64_store(e.bytes + elf_ph(1, PH_PADDR), VMOON_MIB);
	memory_open(&gm, 32 * VMOON_MIB);
	assert_ok(unpack(&e, &gm, &elf, &err), &err);
	assert_memory_equal(memory_at(&gm, VMOON_MIB, 0x400), e.bytes + 0x1800,
			    0x400);
	assert_memory_equal(memory_at(&gm, ELF_BASE, 0x800), e.bytes + 0x1000,
			    0x800);
	assert_true(memory_is_zero(&gm, 0, VMOON_MIB));
	vmoon_gmem_fini(&gm);
}

static void add(struct vmoon_elf *elf, uint64_t off, uint64_t paddr,
		uint64_t size)
{
	elf->segments[elf->count++] =
		(struct vmoon_elf_segment){{off, size}, paddr, size};
}

static void test_vmlinux__the_order_moves_the_one_in_the_way_first(void **state)
{
	unsigned char order[VMOON_ELF_SEGMENTS_MAX];
	struct vmoon_elf elf = {0};

	(void)state;
	/* 0 stays; 1 goes to where 2 is; 2 goes away. */
	add(&elf, 0x1000, 0x1000, 0x1000);
	add(&elf, 0x2000, 0x3000, 0x1000);
	add(&elf, 0x3000, 0x5000, 0x1000);
	assert_true(vmoon_vmlinux_order(&elf, 0, order));
	assert_int_equal(order[0], 0);
	assert_int_equal(order[1], 2);
	assert_int_equal(order[2], 1);
}

static void test_vmlinux__a_circle_has_no_order(void **state)
{
	unsigned char order[VMOON_ELF_SEGMENTS_MAX];
	struct vmoon_elf elf = {0};

	(void)state;
	add(&elf, 0x3000, 0x2000, 0x1000);
	add(&elf, 0x2000, 0x3000, 0x1000);
	assert_false(vmoon_vmlinux_order(&elf, 0, order));
	/* With nothing to copy there is no circle. */
	elf.segments[0].file.size = 0;
	assert_true(vmoon_vmlinux_order(&elf, 0, order));
}

static void test_vmlinux__segments_that_change_places_are_both_right(
	void **state)
{
	struct elf_image e = elf_make();
	struct vmoon_error err = {0};
	const uint64_t a[] = {0x2000, ELF_BASE + 0x1000, 0x800, 0x800};
	const uint64_t b[] = {0x1000, ELF_BASE + 0x2000, 0x800, 0x800};
	const uint64_t first[] = {0x800, ELF_BASE, 0x10, 0x10};
	struct vmoon_elf elf;
	struct vmoon_gmem gm;

	(void)state;
	NEED_FORMAT();
	elf_set_phdr(e.bytes, 0, ELF_LOAD, first);
	elf_set_phdr(e.bytes, 1, ELF_LOAD, a);
	elf_set_phdr(e.bytes, 2, ELF_LOAD, b);
	vmoon_le16_store(e.bytes + 56, 3);
	memory_open(&gm, 32 * VMOON_MIB);
	assert_ok(unpack(&e, &gm, &elf, &err), &err);
	assert_memory_equal(memory_at(&gm, ELF_BASE + 0x1000, 0x800),
			    e.bytes + 0x2000, 0x800);
	assert_memory_equal(memory_at(&gm, ELF_BASE + 0x2000, 0x800),
			    e.bytes + 0x1000, 0x800);
	vmoon_gmem_fini(&gm);
}

/* Every arrangement of three segments gives the bytes that an ELF file does. */
static void test_vmlinux__any_arrangement_equals_plain_loading(void **state)
{
	static const uint64_t places[] = {0, 0x800, 0x1000, 0x1400, 0x2000};
	const size_t n = VMOON_COUNTOF(places);
	struct vmoon_error err = {0};
	struct vmoon_elf elf;
	struct vmoon_gmem gm, want;

	(void)state;
	NEED_FORMAT();
	memory_open(&gm, 32 * VMOON_MIB);
	memory_open(&want, 32 * VMOON_MIB);
	for (size_t i = 0; i < n * n * n; i++) {
		const size_t at[] = {i % n, i / n % n, i / n / n};
		struct elf_image e = elf_make();
		const struct vmoon_image img =
			vmoon_image_of_bytes(e.bytes, sizeof(e.bytes));

		for (size_t s = 0; s < 3; s++)
			vmoon_le64_store(e.bytes + elf_ph(s, PH_PADDR),
					 ELF_BASE + places[at[s]]);
		vmoon_le16_store(e.bytes + 56, 3);
		if (vmoon_elf_parse(&img, img.size, &elf, &err) != VMOON_OK)
			continue; /* they overlap */
		assert_ok(vmoon_elf_load(&elf, &img, &want, &err), &err);
		assert_ok(unpack(&e, &gm, &elf, &err), &err);
		for (size_t s = 0; s < elf.count; s++)
			assert_memory_equal(
				memory_at(&gm, elf.segments[s].paddr,
					  elf.segments[s].memsz),
				memory_at(&want, elf.segments[s].paddr,
					  elf.segments[s].memsz),
				elf.segments[s].memsz);
	}
	vmoon_gmem_fini(&gm);
	vmoon_gmem_fini(&want);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vmlinux__segments_move_to_their_places),
		cmocka_unit_test(test_vmlinux__the_plan_leaves_memory_alone),
		cmocka_unit_test(
			test_vmlinux__small_memory_is_served_through_a_mapping),
		cmocka_unit_test(
			test_vmlinux__a_file_that_would_start_below_1_mib_is_staged),
		cmocka_unit_test(
			test_vmlinux__the_order_moves_the_one_in_the_way_first),
		cmocka_unit_test(test_vmlinux__a_circle_has_no_order),
		cmocka_unit_test(
			test_vmlinux__segments_that_change_places_are_both_right),
		cmocka_unit_test(
			test_vmlinux__any_arrangement_equals_plain_loading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
