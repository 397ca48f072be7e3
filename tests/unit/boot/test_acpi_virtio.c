/* SPDX-License-Identifier: MIT */
/* test_acpi_virtio.c - ACPI of virtio devices, and configs that cannot be. */
#include "tests/support/acpi_rig.h"

static enum vmoon_status refusal(const struct vmoon_acpi_config *cfg,
				 uint64_t base)
{
	struct vmoon_error err = {.msg = ""};
	unsigned char buf[16];
	size_t len = 77;
	enum vmoon_status st;

	st = vmoon_acpi_build(cfg, base, buf, sizeof(buf), &len, &err);
	assert_int_equal(len, 77);
	assert_int_equal(strncmp(err.msg, "ACPI tables: ", 13), 0);
	return st;
}

static void test_acpi__a_config_that_cannot_be_is_refused(void **state)
{
	struct vmoon_acpi_config bad[13];

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++)
		bad[i] = board;
	bad[0].cpu_count = 0;
	bad[1].cpu_count = VMOON_ACPI_CPUS_MAX + 1;
	bad[2].lapic_base = UINT64_C(1) << 32;
	bad[3].ioapic_base = UINT64_C(1) << 32;
	bad[4].serial_irq = 16;
	bad[5].rtc_irq = 16;
	bad[6].pm_irq = 0;
	bad[7].pm_irq = 2;
	bad[8].pm_irq = 24;
	bad[9].pm_irq = bad[9].serial_irq;
	bad[10].rtc_irq = bad[10].pm_irq;
	bad[11].pm_port = 0xfffd;
	bad[12].gsi_count = bad[12].rtc_irq;
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		if (refusal(&bad[i], BASE) != VMOON_E_INVAL)
			fail_msg("case %zu was accepted", i);
	}
	assert_int_equal(refusal(&board, BASE + 8), VMOON_E_INVAL);
	assert_int_equal(refusal(&board, UINT64_MAX - 15), VMOON_E_INVAL);
}

static void test_acpi__virtio_devices_are_what_linux_looks_for(void **state)
{
	/* Memory32Fixed, then a level, active high, shared interrupt. */
	static const unsigned char crs[] = {0x86, 9, 0, 1,    0, 0, 0, 0xc8, 0,
					    0x10, 0, 0, 0x89, 6, 0, 9, 1,    16,
					    0,    0, 0, 0x79};
	static const unsigned char uid1[] = {'_', 'U', 'I', 'D', 0x01};
	struct vmoon_acpi_virtio v[] = {{0xc8000000, 0x1000, 16},
					{0xc8001000, 0x1000, 17}};
	struct vmoon_acpi_config cfg = board;
	struct built *b;

	(void)state;
	cfg.virtio = v;
	cfg.virtio_count = 2;
	b = build(&cfg);
	assert_true(contains(find(b, "DSDT"), crs, sizeof(crs)));
	assert_true(contains(find(b, "DSDT"), "VR00\b_HID\rLNRO0005", 18));
	assert_true(contains(find(b, "DSDT"), "VR01\b_HID\rLNRO0005", 18));
	assert_true(contains(find(b, "DSDT"), uid1, sizeof(uid1)));
	free(b);
	b = build(&board);
	assert_false(contains(find(b, "DSDT"), "LNRO0005", 8));
	free(b);
}

static void test_acpi__64_cpus_and_32_virtio_devices_fit(void **state)
{
	struct vmoon_acpi_virtio v[VMOON_ACPI_VIRTIO_MAX];
	struct vmoon_acpi_config cfg = board;
	struct built *b;

	(void)state;
	for (unsigned i = 0; i < VMOON_ACPI_VIRTIO_MAX; i++)
		v[i] = (struct vmoon_acpi_virtio){0xc8000000 + i * 0x1000,
						  0x1000, 16 + i % 8};
	cfg.cpu_count = 64;
	cfg.virtio = v;
	cfg.virtio_count = VMOON_ACPI_VIRTIO_MAX;
	b = build(&cfg);
	assert_true(contains(find(b, "DSDT"), "VR1F\b_HID", 9));
	free(b);
}

static void test_acpi__impossible_virtio_devices_are_refused(void **state)
{
	static const struct {
		struct vmoon_acpi_virtio v;
		const char *text;
	} bad[] = {
		{{0xc8000000, 0, 16},
		 "ACPI tables: virtio device 0 has no window below 4 GiB"},
		{{0xfffff000, 0x1001, 16},
		 "ACPI tables: virtio device 0 has no window below 4 GiB"},
		{{0xc8000000, 0x1000, 0},
		 "ACPI tables: virtio device 0 cannot have GSI 0; use a free "
		 "one below 24, but not 0 or 2"},
		{{0xc8000000, 0x1000, 2},
		 "ACPI tables: virtio device 0 cannot have GSI 2; use a free "
		 "one below 24, but not 0 or 2"},
		{{0xc8000000, 0x1000, 4},
		 "ACPI tables: virtio device 0 cannot have GSI 4; use a free "
		 "one below 24, but not 0 or 2"},
		{{0xc8000000, 0x1000, 8},
		 "ACPI tables: virtio device 0 cannot have GSI 8; use a free "
		 "one below 24, but not 0 or 2"},
		{{0xc8000000, 0x1000, 24},
		 "ACPI tables: virtio device 0 cannot have GSI 24; use a free "
		 "one below 24, but not 0 or 2"},
	};
	struct vmoon_acpi_config cfg = board;
	unsigned char buf[64];
	struct vmoon_error err;
	size_t len;

	(void)state;
	cfg.rtc_irq = 8;
	cfg.virtio_count = 1;
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		cfg.virtio = &bad[i].v;
		assert_int_equal(vmoon_acpi_build(&cfg, BASE, buf, sizeof(buf),
						  &len, &err),
				 VMOON_E_INVAL);
		assert_string_equal(err.msg, bad[i].text);
	}
	cfg.virtio_count = VMOON_ACPI_VIRTIO_MAX + 1;
	assert_int_equal(
		vmoon_acpi_build(&cfg, BASE, buf, sizeof(buf), &len, &err),
		VMOON_E_INVAL);
	assert_string_equal(err.msg,
			    "ACPI tables: 33 virtio devices; use at most 32");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_acpi__a_config_that_cannot_be_is_refused),
	cmocka_unit_test(test_acpi__virtio_devices_are_what_linux_looks_for),
	cmocka_unit_test(test_acpi__64_cpus_and_32_virtio_devices_fit),
	cmocka_unit_test(test_acpi__impossible_virtio_devices_are_refused),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
