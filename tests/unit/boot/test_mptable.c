/* SPDX-License-Identifier: MIT */
/* test_mptable.c - mirrors runtime/boot/mptable.c. */
#include "runtime/boot/mptable.h"
#include "tests/support/fixture.h"
#include "vmoon/le.h"

#include <stdio.h>
#include <string.h>

enum { BASE = 0x9fc00, CAP = 8192, GUARD = 0xa5, FLOATING = 16, HEADER = 44 };

static const struct vmoon_mptable_config board = {.cpu_count = 2,
						  .irq_count = 24,
						  .ioapic_base = 0xfec00000,
						  .lapic_base = 0xfee00000};

static unsigned char buf[CAP + 16];

static unsigned sum_of(const unsigned char *p, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += p[i];
	return sum & 0xff;
}

static size_t build(const struct vmoon_mptable_config *cfg)
{
	struct vmoon_error err = {0};
	size_t len;

	memset(buf, GUARD, sizeof(buf));
	assert_ok(vmoon_mptable_build(cfg, BASE, buf, CAP, &len, &err), &err);
	for (size_t i = len; i < sizeof(buf); i++)
		assert_int_equal(buf[i], GUARD);
	return len;
}

/* The n-th entry of a kind, by the lengths that the specification gives. */
static const unsigned char *entry(unsigned kind, unsigned n)
{
	const unsigned char *table = buf + FLOATING;
	const unsigned count = vmoon_le16_load(table + 34);
	const unsigned char *e = table + HEADER;

	for (unsigned i = 0; i < count; i++) {
		if (*e == kind && n-- == 0)
			return e;
		e += *e == 0 ? 20 : 8;
	}
	return NULL;
}

/* Walks over all entries: they end where the table does. */
static void assert_well_formed(size_t len, unsigned cpus)
{
	const unsigned char *table = buf + FLOATING;
	const unsigned char *e = table + HEADER;
	unsigned seen[5] = {0};

	assert_memory_equal(buf, "_MP_", 4);
	assert_int_equal(vmoon_le32_load(buf + 4), BASE + FLOATING);
	assert_int_equal(buf[8], 1);
	assert_int_equal(buf[9], 4);
	assert_int_equal(sum_of(buf, FLOATING), 0);
	assert_memory_equal(table, "PCMP", 4);
	assert_int_equal(vmoon_le16_load(table + 4), len - FLOATING);
	assert_int_equal(table[6], 4);
	assert_int_equal(sum_of(table, len - FLOATING), 0);
	assert_int_equal(vmoon_le32_load(table + 36), 0xfee00000);
	for (unsigned i = 0; i < vmoon_le16_load(table + 34); i++) {
		assert_in_range(*e, 0, 4);
		seen[*e]++;
		e += *e == 0 ? 20 : 8;
	}
	assert_ptr_equal(e, buf + len);
	assert_int_equal(seen[0], cpus);
	assert_int_equal(seen[1], 1);
	assert_int_equal(seen[2], 1);
	assert_int_equal(seen[4], 2);
}

static void test_boot_09__table_fits_and_its_checksums_sum_to_zero(void **state)
{
	static const unsigned counts[] = {1, 2, 64, 253, 254};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(counts); i++) {
		struct vmoon_mptable_config cfg = board;

		cfg.cpu_count = counts[i];
		assert_well_formed(build(&cfg), counts[i]);
	}
}

static void test_boot_09__cpu_counts_0_and_255_are_refused(void **state)
{
	static const unsigned bad[] = {0, 255, 256, UINT32_MAX};
	struct vmoon_error err = {0};
	size_t len = 77;

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		struct vmoon_mptable_config cfg = board;
		char want[64];

		cfg.cpu_count = bad[i];
		(void)snprintf(want, sizeof(want),
			       "MP table: %u CPUs; use 1 to 254", bad[i]);
		assert_int_equal(
			vmoon_mptable_build(&cfg, BASE, buf, CAP, &len, &err),
			VMOON_E_INVAL);
		assert_string_equal(err.msg, want);
	}
	assert_int_equal(len, 77);
}

static void test_boot_09__a_short_buffer_is_refused_in_bounds(void **state)
{
	struct vmoon_error err = {0};
	const size_t need = build(&board);
	size_t len = 77;

	(void)state;
	for (size_t cap = 0; cap < need; cap++) {
		memset(buf, GUARD, sizeof(buf));
		assert_int_equal(
			vmoon_mptable_build(&board, BASE, buf, cap, &len, &err),
			VMOON_E_NOMEM);
		for (size_t i = cap; i < sizeof(buf); i++)
			assert_int_equal(buf[i], GUARD);
	}
	assert_string_equal(err.msg,
			    "MP table: 315 bytes are too few for 2 CPUs");
	assert_int_equal(len, 77);
	assert_ok(vmoon_mptable_build(&board, BASE, buf, need, &len, &err),
		  &err);
	assert_int_equal(len, need);
}

static void test_boot_09__irq_counts_and_addresses_have_limits(void **state)
{
	struct vmoon_mptable_config bad[] = {board, board, board, board};
	struct vmoon_mptable_config cfg = board;
	size_t len = 77;

	(void)state;
	bad[0].irq_count = 0;
	bad[1].irq_count = 256;
	bad[2].ioapic_base = UINT64_C(0x100000000);
	bad[3].lapic_base = UINT64_C(0x100000000);
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++)
		assert_int_equal(vmoon_mptable_build(&bad[i], BASE, buf, CAP,
						     &len, NULL),
				 VMOON_E_INVAL);
	assert_int_equal(
		vmoon_mptable_build(&board, BASE + 8, buf, CAP, &len, NULL),
		VMOON_E_INVAL);
	assert_int_equal(vmoon_mptable_build(&board, UINT64_C(0x100000000), buf,
					     CAP, &len, NULL),
			 VMOON_E_INVAL);
	assert_int_equal(len, 77);
	cfg.irq_count = 255;
	assert_well_formed(build(&cfg), 2);
	assert_int_equal(entry(3, 253)[5], 254);
}

static void test_mptable__entries_say_what_the_board_has(void **state)
{
	const unsigned char *e;

	(void)state;
	(void)build(&board);
	e = entry(0, 0);
	assert_int_equal(e[1], 0);    /* local APIC id */
	assert_int_equal(e[2], 0x14); /* and version */
	assert_int_equal(e[3], 3);    /* enabled, boots */
	assert_int_equal(vmoon_le32_load(e + 4), 0x600);
	assert_int_equal(vmoon_le32_load(e + 8), 0x201);
	e = entry(0, 1);
	assert_int_equal(e[1], 1);
	assert_int_equal(e[3], 1);
	e = entry(1, 0);
	assert_memory_equal(e + 2, "ISA   ", 6);
	e = entry(2, 0);
	assert_int_equal(e[1], 3); /* CPUs + 1 */
	assert_int_equal(e[3], 1);
	assert_int_equal(vmoon_le32_load(e + 4), 0xfec00000);
}

/* As MADT and the hypervisor's routes have it: IRQ 0 is at pin 2. */
static void test_mptable__each_irq_but_the_cascade_has_its_pin(void **state)
{
	unsigned n = 0;

	(void)state;
	(void)build(&board);
	for (unsigned irq = 0; irq < 24; irq++) {
		const unsigned char *e;

		if (irq == 2)
			continue;
		e = entry(3, n++);
		assert_int_equal(e[1], 0);
		assert_int_equal(e[5], irq);
		assert_int_equal(e[6], 3);
		assert_int_equal(e[7], irq == 0 ? 2 : irq);
	}
	assert_null(entry(3, n));
	assert_memory_equal(entry(4, 0), "\4\3\0\0\0\0\0\0", 8);
	assert_memory_equal(entry(4, 1), "\4\1\0\0\0\0\xff\1", 8);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_boot_09__table_fits_and_its_checksums_sum_to_zero),
		cmocka_unit_test(
			test_boot_09__cpu_counts_0_and_255_are_refused),
		cmocka_unit_test(
			test_boot_09__a_short_buffer_is_refused_in_bounds),
		cmocka_unit_test(
			test_boot_09__irq_counts_and_addresses_have_limits),
		cmocka_unit_test(test_mptable__entries_say_what_the_board_has),
		cmocka_unit_test(
			test_mptable__each_irq_but_the_cascade_has_its_pin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
