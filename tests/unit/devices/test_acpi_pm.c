/* SPDX-License-Identifier: MIT */
/* test_acpi_pm.c - mirrors devices/acpi_pm.c. */
#include "devices/acpi_pm.h"
#include "tests/support/fake_host.h"
#include "tests/support/fixture.h"

enum { SLP_EN = 0x20, S5_NOW = SLP_EN | 5 << 2 };

struct rig {
	struct fake_irq irq;
	struct fake_notify poweroff, reset;
	struct vmoon_device *dev;
};

static void rig_init(struct rig *r)
{
	struct vmoon_acpi_pm_config cfg = {
		.irq = {fake_irq_set, &r->irq},
		.poweroff = {fake_notify_fire, &r->poweroff},
		.reset = {fake_notify_fire, &r->reset},
	};
	struct vmoon_error err;

	*r = (struct rig){0};
	assert_ok(vmoon_acpi_pm_create(&cfg, &r->dev, &err), &err);
}

static int setup(void **state)
{
	struct rig *r = test_malloc(sizeof(*r));

	rig_init(r);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	r->dev->ops->destroy(r->dev);
	test_free(r);
	return 0;
}

static void test_acpi_pm__only_s5_with_enable_powers_off(void **state)
{
	struct rig *r = *state;
	unsigned fired = 0;

	for (unsigned val = 0; val < 256; val++) {
		fake_out(r->dev, VMOON_ACPI_PM_SLEEP_CONTROL, val);
		fired += (val & 0x3c) == S5_NOW;
		assert_int_equal(r->poweroff.count, fired);
		r->dev->ops->reset(r->dev);
	}
	assert_int_equal(fired, 16);
	assert_int_equal(r->reset.count, 0);
}

static void test_acpi_pm__only_the_reset_value_resets(void **state)
{
	struct rig *r = *state;

	for (unsigned val = 0; val < 256; val++)
		if (val != VMOON_ACPI_PM_RESET_VALUE)
			fake_out(r->dev, VMOON_ACPI_PM_RESET, val);
	assert_int_equal(r->reset.count, 0);
	fake_out(r->dev, VMOON_ACPI_PM_RESET, VMOON_ACPI_PM_RESET_VALUE);
	assert_int_equal(r->reset.count, 1);
	assert_int_equal(r->poweroff.count, 0);
}

static void test_s13__a_storm_of_requests_is_one_event_each(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < 1000; i++) {
		fake_out(r->dev, VMOON_ACPI_PM_RESET,
			 VMOON_ACPI_PM_RESET_VALUE);
		fake_out(r->dev, VMOON_ACPI_PM_SLEEP_CONTROL, S5_NOW);
	}
	assert_int_equal(r->reset.count, 1);
	assert_int_equal(r->poweroff.count, 1);
	r->dev->ops->reset(r->dev);
	fake_out(r->dev, VMOON_ACPI_PM_RESET, VMOON_ACPI_PM_RESET_VALUE);
	assert_int_equal(r->reset.count, 2);
}

static void test_acpi_pm__the_power_button_stays_pending_until_cleared(
	void **state)
{
	struct rig *r = *state;

	assert_int_equal(fake_in(r->dev, VMOON_ACPI_PM_EVENT), 0);
	vmoon_acpi_pm_press_power(r->dev);
	assert_true(r->irq.level);
	assert_int_equal(fake_in(r->dev, VMOON_ACPI_PM_EVENT), 1);
	fake_out(r->dev, VMOON_ACPI_PM_EVENT, 0xfe); /* other bits */
	assert_true(r->irq.level);
	vmoon_acpi_pm_press_power(r->dev); /* twice is once */
	assert_int_equal(r->irq.edges, 1);
	fake_out(r->dev, VMOON_ACPI_PM_EVENT, 1);
	assert_false(r->irq.level);
	assert_int_equal(fake_in(r->dev, VMOON_ACPI_PM_EVENT), 0);
	vmoon_acpi_pm_press_power(r->dev);
	assert_int_equal(r->irq.edges, 2);
}

static void test_acpi_pm__the_guest_cannot_press_the_button(void **state)
{
	struct rig *r = *state;

	for (unsigned val = 0; val < 256; val++) {
		fake_out(r->dev, VMOON_ACPI_PM_EVENT, val);
		assert_int_equal(fake_in(r->dev, VMOON_ACPI_PM_EVENT), 0);
		assert_false(r->irq.level);
	}
}

static void test_acpi_pm__sleep_and_reset_registers_read_0(void **state)
{
	struct rig *r = *state;

	for (unsigned off = 0; off < VMOON_ACPI_PM_EVENT; off++) {
		fake_out(r->dev, off, 0xdf);
		assert_int_equal(fake_in(r->dev, off), 0);
	}
	fake_out(r->dev, VMOON_ACPI_PM_SLEEP_STATUS, 0x80);
	assert_int_equal(fake_in(r->dev, VMOON_ACPI_PM_SLEEP_STATUS), 0);
}

static void test_s09__acpi_pm_takes_only_bytes_inside_its_window(void **state)
{
	struct rig *r = *state;

	vmoon_acpi_pm_press_power(r->dev);
	for (unsigned off = 0; off < 256; off++)
		for (unsigned size = 1; size <= 8; size *= 2) {
			if (size == 1 && off < VMOON_ACPI_PM_PORTS)
				continue;
			assert_int_equal(r->dev->ops->read(r->dev, off, size),
					 0);
			r->dev->ops->write(r->dev, off, size, S5_NOW);
			r->dev->ops->write(r->dev, off, size,
					   VMOON_ACPI_PM_RESET_VALUE);
			r->dev->ops->write(r->dev, off, size, UINT64_MAX);
		}
	assert_int_equal(r->poweroff.count + r->reset.count, 0);
	assert_int_equal(fake_in(r->dev, VMOON_ACPI_PM_EVENT), 1);
}

static size_t save(struct rig *r, unsigned char *buf, size_t size)
{
	struct vmoon_state_writer w = {.buf = buf, .size = size};

	r->dev->ops->save(r->dev, &w);
	assert_false(w.is_overflow);
	return w.len;
}

static void test_acpi_pm__a_pending_button_is_signalled_after_load(void **state)
{
	struct rig *r = *state, other;
	unsigned char buf[32];
	struct vmoon_state_reader reader = {.buf = buf};
	struct vmoon_error err;

	vmoon_acpi_pm_press_power(r->dev);
	reader.size = save(r, buf, sizeof(buf));
	rig_init(&other);
	assert_ok(other.dev->ops->load(other.dev, &reader, &err), &err);
	assert_int_equal(other.irq.edges, 1);
	assert_int_equal(fake_in(other.dev, VMOON_ACPI_PM_EVENT), 1);
	reader.off = 0; /* once more, with the line high already */
	assert_ok(other.dev->ops->load(other.dev, &reader, &err), &err);
	assert_int_equal(other.irq.edges, 2);
	other.dev->ops->destroy(other.dev);
}

static void test_acpi_pm__a_hostile_snapshot_is_masked_or_refused(void **state)
{
	struct rig *r = *state;
	unsigned char buf[32];
	struct vmoon_state_reader good = {.buf = buf}, bad = {.buf = buf};
	struct vmoon_error err;

	vmoon_acpi_pm_press_power(r->dev);
	good.size = save(r, buf, sizeof(buf));
	bad.size = good.size - 1;
	buf[good.size - 1] = 0xfe; /* unknown events only */
	assert_int_equal(r->dev->ops->load(r->dev, &bad, &err), VMOON_E_IMAGE);
	assert_true(r->irq.level); /* a refused one changed nothing */
	assert_ok(r->dev->ops->load(r->dev, &good, &err), &err);
	assert_false(r->irq.level);
	assert_int_equal(fake_in(r->dev, VMOON_ACPI_PM_EVENT), 0);
}

static void test_acpi_pm__reset_lowers_the_line(void **state)
{
	struct rig *r = *state;

	vmoon_acpi_pm_press_power(r->dev);
	r->dev->ops->reset(r->dev);
	assert_false(r->irq.level);
	assert_int_equal(fake_in(r->dev, VMOON_ACPI_PM_EVENT), 0);
}

#define pm_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	pm_test(test_acpi_pm__only_s5_with_enable_powers_off),
	pm_test(test_acpi_pm__only_the_reset_value_resets),
	pm_test(test_s13__a_storm_of_requests_is_one_event_each),
	pm_test(test_acpi_pm__the_power_button_stays_pending_until_cleared),
	pm_test(test_acpi_pm__the_guest_cannot_press_the_button),
	pm_test(test_acpi_pm__sleep_and_reset_registers_read_0),
	pm_test(test_s09__acpi_pm_takes_only_bytes_inside_its_window),
	pm_test(test_acpi_pm__a_pending_button_is_signalled_after_load),
	pm_test(test_acpi_pm__a_hostile_snapshot_is_masked_or_refused),
	pm_test(test_acpi_pm__reset_lowers_the_line),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
