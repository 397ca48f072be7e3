/* SPDX-License-Identifier: MIT */
/* test_acpi_devices.c - ACPI of an embedder's own devices. */
#include "tests/support/acpi_rig.h"

static const struct vmoon_acpi_device port_device = {.id = "PNP0501",
						     .is_ports = true,
						     .base = 0x2f8,
						     .size = 8,
						     .has_irq = true,
						     .is_edge = true,
						     .gsi = 3};
static const struct vmoon_acpi_device memory_device = {.id = "ACME0001",
						       .base = 0xd0000000,
						       .size = 0x1000,
						       .has_irq = true,
						       .gsi = 10};

static void test_acpi__a_device_has_its_id_its_window_and_its_line(void **state)
{
	/* ACPI 6.5, 6.1.5: "PNP0501" as an EISA ID. 6.4.2.5, 6.4.3.6: IO with
	 * 16 bits, then an edge, active high, exclusive. */
	static const unsigned char hid[] = {'_',  'H',  'I',  'D', 0x0c,
					    0x41, 0xd0, 0x05, 0x01};
	static const unsigned char ports[] = {
		0x47, 1, 0xf8, 2, 0xf8, 2, 1, 8, 0x89, 6, 0, 3, 1, 3, 0, 0, 0};
	static const unsigned char window[] = {0x86, 9,    0, 1,    0, 0,
					       0,    0xd0, 0, 0x10, 0, 0};
	const struct vmoon_acpi_device devices[] = {port_device, memory_device};
	struct vmoon_acpi_config cfg = board;
	struct built *b;

	(void)state;
	cfg.devices = devices;
	cfg.device_count = 2;
	b = build(&cfg);
	assert_true(contains(find(b, "DSDT"), hid, sizeof(hid)));
	assert_true(contains(find(b, "DSDT"), ports, sizeof(ports)));
	assert_true(contains(find(b, "DSDT"), "DV01\b_HID\rACME0001", 18));
	assert_true(contains(find(b, "DSDT"), window, sizeof(window)));
	free(b);
}

static void test_acpi__a_device_of_device_trees_has_its_name(void **state)
{
	const struct vmoon_acpi_device device = {.is_compatible = true,
						 .id = "acme,counter",
						 .base = 0xd0000000,
						 .size = 16};
	struct vmoon_acpi_config cfg = board;
	struct built *b;

	(void)state;
	cfg.devices = &device;
	cfg.device_count = 1;
	b = build(&cfg);
	assert_true(contains(find(b, "DSDT"), "DV00\b_HID\rPRP0001", 17));
	assert_true(
		contains(find(b, "DSDT"), "\rcompatible\0\racme,counter", 25));
	free(b);
}

static void expect_refusal(const struct vmoon_acpi_config *cfg,
			   const char *text)
{
	struct vmoon_error err = {.msg = ""};
	unsigned char buf[64];
	size_t len;

	assert_int_equal(
		vmoon_acpi_build(cfg, BASE, buf, sizeof(buf), &len, &err),
		VMOON_E_INVAL);
	assert_string_equal(err.msg, text);
}

static void test_acpi__impossible_devices_are_refused(void **state)
{
	static const char no_window[] =
		"ACPI tables: device 0 has no window that can be told";
	static const struct {
		bool is_ports;
		uint64_t base, size;
	} windows[] = {
		{true, 0x2f8, 0},
		{true, 0xfff9, 8},
		{true, 0x1000, 256},
		{false, 0xd0000000, 0},
		{false, 0xfffff000, 0x1001},
		{false, UINT64_MAX, 2},
		{false, 1, UINT64_MAX},
	};
	static const struct {
		unsigned gsi;
		const char *text;
	} lines[] = {{0, "ACPI tables: device 0 cannot have GSI 0"},
		     {2, "ACPI tables: device 0 cannot have GSI 2"},
		     {24, "ACPI tables: device 0 cannot have GSI 24"}};
	struct vmoon_acpi_device d;
	struct vmoon_acpi_config cfg = board;

	(void)state;
	cfg.devices = &d;
	cfg.device_count = 1;
	for (size_t i = 0; i < VMOON_COUNTOF(windows); i++) {
		d = port_device;
		d.is_ports = windows[i].is_ports;
		d.base = windows[i].base;
		d.size = windows[i].size;
		expect_refusal(&cfg, no_window);
	}
	for (size_t i = 0; i < VMOON_COUNTOF(lines); i++) {
		d = port_device;
		d.gsi = lines[i].gsi;
		expect_refusal(&cfg, lines[i].text);
	}
	cfg.device_count = VMOON_ACPI_DEVICES_MAX + 1;
	expect_refusal(&cfg, "ACPI tables: 65 devices; use at most 64");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(
		test_acpi__a_device_has_its_id_its_window_and_its_line),
	cmocka_unit_test(test_acpi__a_device_of_device_trees_has_its_name),
	cmocka_unit_test(test_acpi__impossible_devices_are_refused),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
