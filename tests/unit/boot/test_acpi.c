/* SPDX-License-Identifier: MIT */
/* test_acpi.c - the ACPI tables, read back as a guest would read them. */
#include "tests/support/acpi_rig.h"

static void test_acpi_01__checksums_are_0_and_lengths_match(void **state)
{
	static const char *const names[] = {"FACP", "APIC", "SPCR", "DSDT"};
	struct built *b = build(&board);
	const unsigned char *xsdt = xsdt_of(b);

	(void)state;
	assert_memory_equal(b->buf, "RSD PTR ", 8);
	assert_int_equal(sum(b->buf, 20), 0);
	assert_int_equal(sum(b->buf, 36), 0);
	assert_int_equal(sum(xsdt, (size_t)le(xsdt + 4, 4)), 0);
	for (size_t i = 0; i < VMOON_COUNTOF(names); i++) {
		const unsigned char *t = find(b, names[i]);

		assert_non_null(t);
		assert_memory_equal(t, names[i], 4);
		assert_int_equal(sum(t, (size_t)le(t + 4, 4)), 0);
		assert_memory_equal(t + 10, "VMOON VMOONACP", 14);
		assert_memory_equal(t + 28, "VMON", 4);
		assert_int_equal((size_t)(t - b->buf) % 16, 0);
	}
	assert_int_equal(le(find(b, "FACP") + 4, 4), 276);
	assert_int_equal(le(find(b, "APIC") + 4, 4),
			 44 + 2 * 8 + 12 + 2 * 10 + 6);
	assert_int_equal(le(find(b, "SPCR") + 4, 4), 80);
	free(b);
}

static void test_acpi_02__xsdt_entries_are_counted_le(void **state)
{
	struct vmoon_acpi_config cfg = board;
	struct built *b = build(&cfg);

	(void)state;
	assert_int_equal(b->buf[15], 2); /* revision of the RSDP */
	assert_int_equal(le(b->buf + 16, 4), 0);
	assert_int_equal(le(b->buf + 20, 4), 36);
	assert_memory_equal(xsdt_of(b), "XSDT", 4);
	assert_int_equal(le(xsdt_of(b) + 4, 4), 36 + 3 * 8);
	free(b);
	cfg.serial_port = 0;
	b = build(&cfg);
	assert_int_equal(le(xsdt_of(b) + 4, 4), 36 + 2 * 8);
	assert_null(find(b, "SPCR"));
	free(b);
}

static void test_acpi__fadt_is_hardware_reduced(void **state)
{
	static const unsigned char sleep_control[] = {1, 8, 0, 1, 0x00, 0x06,
						      0, 0, 0, 0, 0,    0};
	static const unsigned char zeros[96];
	struct built *b = build(&board);
	const unsigned char *f = find(b, "FACP");
	unsigned char gas[12];

	(void)state;
	assert_int_equal(f[8], 6);
	assert_int_equal(le(f + 112, 4), 1u << 20 | 1u << 10 | 0x71);
	assert_int_equal(le(f + 36, 4), 0); /* no FACS */
	assert_int_equal(le(f + 132, 8), 0);
	assert_int_equal(le(f + 40, 4), le(f + 140, 8));
	assert_memory_equal(table_at(b, le(f + 140, 8)), "DSDT", 4);
	memcpy(gas, sleep_control, sizeof(gas));
	assert_memory_equal(f + 244, gas, 12);
	gas[4] = 0x01;
	assert_memory_equal(f + 256, gas, 12);
	gas[4] = 0x02;
	assert_memory_equal(f + 116, gas, 12);
	assert_int_equal(f[128], VMOON_ACPI_RESET_VALUE);
	assert_memory_equal(f + 148, zeros, 96); /* no fixed hardware */
	assert_memory_equal(f + 48, zeros, 60);
	free(b);
}

/* Linux takes an override of the SCI's number for one of the SCI. */
static void test_acpi__the_sci_is_not_the_timers_interrupt(void **state)
{
	struct built *b = build(&board);

	(void)state;
	assert_int_not_equal(le(find(b, "FACP") + 46, 2), 0);
	free(b);
}

static void test_acpi__boot_flags_follow_the_devices(void **state)
{
	struct vmoon_acpi_config cfg = board;
	struct built *b = build(&cfg);

	(void)state;
	assert_int_equal(le(find(b, "FACP") + 109, 2), 0x07);
	free(b);
	cfg.i8042_port = 0;
	b = build(&cfg);
	assert_int_equal(le(find(b, "FACP") + 109, 2), 0x05);
	assert_int_equal(find(b, "FACP")[108], 0x32);
	free(b);
	cfg.serial_port = 0;
	cfg.rtc_port = 0;
	b = build(&cfg);
	assert_int_equal(le(find(b, "FACP") + 109, 2), 0x24);
	assert_int_equal(find(b, "FACP")[108], 0);
	free(b);
}

static void test_acpi__without_pm_ports_nothing_promises_them(void **state)
{
	struct vmoon_acpi_config cfg = board;
	static const unsigned char zeros[24];
	const unsigned char *f, *dsdt;
	struct built *b;

	(void)state;
	cfg.pm_port = 0;
	cfg.pm_irq = 0;
	b = build(&cfg);
	f = find(b, "FACP");
	assert_int_equal(le(f + 112, 4) & 1u << 10, 0);
	assert_int_equal(le(f + 112, 4) & 1u << 20, 1u << 20);
	assert_memory_equal(f + 116, zeros, 13);
	assert_memory_equal(f + 244, zeros, 24);
	dsdt = find(b, "DSDT");
	assert_false(contains(dsdt, "_S5_", 4));
	assert_false(contains(dsdt, "ACPI0013", 8));
	free(b);
}

static void test_acpi__madt_lists_cpus_ioapic_overrides_and_nmi(void **state)
{
	static const unsigned char want[] = {
		0, 0,  0xe0, 0xfe, 1, 0, 0,    0, /* LAPIC, PC/AT compatible */
		0, 8,  0,    0,    1, 0, 0,    0, /* CPU 0 */
		0, 8,  1,    1,    1, 0, 0,    0, /* CPU 1 */
		1, 12, 0,    0,    0, 0, 0xc0, 0xfe, 0,    0, 0, 0,
		2, 10, 0,    0,    2, 0, 0,    0,    0,    0, /* timer on GSI 2
							       */
		2, 10, 0,    5,    5, 0, 0,    0,    0x0d, 0, /* GED level, high
							       */
		4, 6,  0xff, 0,    0, 1};
	struct built *b = build(&board);

	(void)state;
	assert_memory_equal(find(b, "APIC") + 36, want, sizeof(want));
	free(b);
}

static void test_acpi__a_gsi_above_the_isa_ones_needs_no_override(void **state)
{
	struct vmoon_acpi_config cfg = board;
	struct built *b;

	(void)state;
	cfg.pm_irq = 16;
	b = build(&cfg);
	assert_int_equal(le(find(b, "APIC") + 4, 4), 44 + 2 * 8 + 12 + 10 + 6);
	free(b);
}

static void test_acpi__every_cpu_is_in_madt_and_dsdt(void **state)
{
	struct vmoon_acpi_config cfg = board;
	const unsigned char *madt;
	struct built *b;

	(void)state;
	cfg.cpu_count = VMOON_ACPI_CPUS_MAX;
	b = build(&cfg);
	madt = find(b, "APIC");
	for (unsigned i = 0; i < cfg.cpu_count; i++) {
		const unsigned char *e = madt + 44 + (size_t)i * 8;
		const unsigned char want[] = {0, 8, (unsigned char)i,
					      (unsigned char)i, 1};

		assert_memory_equal(e, want, sizeof(want));
	}
	assert_true(contains(find(b, "DSDT"), "C000", 4));
	assert_true(contains(find(b, "DSDT"), "C0FD", 4));
	assert_false(contains(find(b, "DSDT"), "C0FE", 4));
	free(b);
}

static void test_acpi__spcr_names_the_serial_port(void **state)
{
	static const unsigned char gas[] = {1, 8, 0, 1, 0xf8, 3,
					    0, 0, 0, 0, 0,    0};
	struct built *b = build(&board);
	const unsigned char *s = find(b, "SPCR");

	(void)state;
	assert_int_equal(s[8], 2);
	assert_int_equal(s[36], 0); /* 16550 */
	assert_memory_equal(s + 40, gas, sizeof(gas));
	assert_int_equal(s[52], 3);
	assert_int_equal(s[53], 4);
	assert_int_equal(le(s + 54, 4), 4);
	assert_int_equal(s[58], 7); /* 115200 */
	assert_int_equal(le(s + 64, 4), 0xffffffff);
	free(b);
}

static void test_acpi__dsdt_has_the_devices_and_only_those(void **state)
{
	static const unsigned char s5[] = {0x08, '_',  'S', '5', '_', 0x12, 7,
					   4,    0x0a, 5,   0,   0,   0};
	static const unsigned char serial[] = {0x47, 1,    0xf8, 3, 0xf8, 3, 1,
					       8,    0x22, 0x10, 0, 0x79, 0};
	static const unsigned char clock[] = {0x47, 1, 0x70, 0,    0x70,
					      0,    1, 2,    0x79, 0};
	static const unsigned char clock_irq[] = {0x22, 0x00, 0x01};
	static const unsigned char ged[] = {0x89, 6, 0, 1,    1, 5,
					    0,    0, 0, 0x79, 0};
	struct vmoon_acpi_config cfg = board;
	struct built *b = build(&cfg);
	const unsigned char *dsdt = find(b, "DSDT");

	(void)state;
	assert_true(contains(dsdt, s5, sizeof(s5)));
	assert_true(contains(dsdt, serial, sizeof(serial)));
	assert_true(contains(dsdt, clock, sizeof(clock)));
	assert_false(contains(dsdt, clock_irq, sizeof(clock_irq)));
	assert_true(contains(dsdt, ged, sizeof(ged)));
	assert_true(contains(dsdt, "QEMU0001", 8));
	assert_false(contains(dsdt, "\x41\xd0\x03\x03", 4)); /* PNP0303 */
	free(b);
	cfg.rtc_irq = 8;
	cfg.pvpanic_port = 0;
	b = build(&cfg);
	assert_true(contains(find(b, "DSDT"), clock_irq, sizeof(clock_irq)));
	assert_false(contains(find(b, "DSDT"), "QEMU0001", 8));
	free(b);
}

static void test_acpi__tables_can_stand_above_4_gib(void **state)
{
	const uint64_t base = UINT64_C(0x123456780);
	struct built *b = malloc(sizeof(*b));
	const unsigned char *xsdt, *fadt;
	struct vmoon_error err;

	(void)state;
	assert_non_null(b);
	assert_ok(vmoon_acpi_build(&board, base, b->buf, CAP, &b->len, &err),
		  &err);
	xsdt = b->buf + (le(b->buf + 24, 8) - base);
	fadt = b->buf + (le(xsdt + 36, 8) - base);
	assert_memory_equal(fadt, "FACP", 4);
	assert_int_equal(le(fadt + 40, 4), 0);
	assert_memory_equal(b->buf + (le(fadt + 140, 8) - base), "DSDT", 4);
	free(b);
}

static void test_acpi__a_short_buffer_is_refused_in_bounds(void **state)
{
	struct built *b = build(&board);
	struct vmoon_error err;
	size_t len = 77;

	(void)state;
	for (size_t cap = 0; cap < b->len; cap++) {
		unsigned char *buf = malloc(cap == 0 ? 1 : cap);

		assert_non_null(buf);
		assert_int_equal(
			vmoon_acpi_build(&board, BASE, buf, cap, &len, &err),
			VMOON_E_NOMEM);
		free(buf);
	}
	assert_int_equal(len, 77);
	assert_non_null(strstr(err.msg, "ACPI tables"));
	assert_ok(vmoon_acpi_build(&board, BASE, b->buf, b->len, &len, &err),
		  &err);
	assert_int_equal(len, b->len);
	free(b);
}

static void test_acpi__bytes_behind_the_tables_are_untouched(void **state)
{
	struct built *b = build(&board);

	(void)state;
	for (size_t i = b->len; i < CAP; i++)
		assert_int_equal(b->buf[i], 0xa5);
	free(b);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_acpi_01__checksums_are_0_and_lengths_match),
	cmocka_unit_test(test_acpi_02__xsdt_entries_are_counted_le),
	cmocka_unit_test(test_acpi__fadt_is_hardware_reduced),
	cmocka_unit_test(test_acpi__the_sci_is_not_the_timers_interrupt),
	cmocka_unit_test(test_acpi__boot_flags_follow_the_devices),
	cmocka_unit_test(test_acpi__without_pm_ports_nothing_promises_them),
	cmocka_unit_test(test_acpi__madt_lists_cpus_ioapic_overrides_and_nmi),
	cmocka_unit_test(test_acpi__a_gsi_above_the_isa_ones_needs_no_override),
	cmocka_unit_test(test_acpi__every_cpu_is_in_madt_and_dsdt),
	cmocka_unit_test(test_acpi__spcr_names_the_serial_port),
	cmocka_unit_test(test_acpi__dsdt_has_the_devices_and_only_those),
	cmocka_unit_test(test_acpi__tables_can_stand_above_4_gib),
	cmocka_unit_test(test_acpi__a_short_buffer_is_refused_in_bounds),
	cmocka_unit_test(test_acpi__bytes_behind_the_tables_are_untouched),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
