/* SPDX-License-Identifier: MIT */
/*
 * fuzz_power.c - the ports by which a guest ends: ACPI power, pvpanic, exit.
 *
 * Input: operations of one byte; the low three bits say which, the others
 * parametrise it, more bytes follow where it needs them.
 */
#include "devices/acpi_pm.h"
#include "devices/debug_exit.h"
#include "devices/pvpanic.h"
#include "fuzz.h"
#include "tests/support/fake_host.h"

enum { SNAPSHOT_MAX = 64, SLP_EN = 0x20, DEVICES = 3 };

struct rig {
	struct fake_irq irq;
	struct fake_notify poweroff, reset, event, exit;
	struct vmoon_device *pm, *panic, *debug;
	/* The model: what is pending, told and not answered yet. */
	bool is_pressed, is_off_told, is_reset_told;
	unsigned offs, resets, events, exits;
};

static void rig_init(struct rig *r)
{
	const struct vmoon_acpi_pm_config pm = {
		.irq = {fake_irq_set, &r->irq},
		.poweroff = {fake_notify_fire, &r->poweroff},
		.reset = {fake_notify_fire, &r->reset},
	};
	const struct vmoon_pvpanic_config panic = {
		.event = {fake_notify_fire, &r->event}};
	const struct vmoon_debug_exit_config debug = {
		.exit = {fake_notify_fire, &r->exit}};

	memset(r, 0, sizeof(*r));
	FUZZ_REQUIRE(vmoon_acpi_pm_create(&pm, &r->pm, NULL) == VMOON_OK);
	FUZZ_REQUIRE(vmoon_pvpanic_create(&panic, &r->panic, NULL) == VMOON_OK);
	FUZZ_REQUIRE(vmoon_debug_exit_create(&debug, &r->debug, NULL) ==
		     VMOON_OK);
}

static struct vmoon_device *device_of(const struct rig *r, unsigned which)
{
	switch (which % DEVICES) {
	case 0: return r->pm;
	case 1: return r->panic;
	default: return r->debug;
	}
}

static void write_pm(struct rig *r, uint64_t off, unsigned size, uint64_t val)
{
	bool is_off = off == VMOON_ACPI_PM_SLEEP_CONTROL &&
		      (val & SLP_EN) != 0 && (val >> 2 & 7) == VMOON_ACPI_PM_S5;
	bool is_reset = off == VMOON_ACPI_PM_RESET &&
			(val & 0xff) == VMOON_ACPI_PM_RESET_VALUE;

	r->pm->ops->write(r->pm, off, size, val);
	if (size != 1)
		return;
	r->offs += is_off && !r->is_off_told;
	r->is_off_told = r->is_off_told || is_off;
	r->resets += is_reset && !r->is_reset_told;
	r->is_reset_told = r->is_reset_told || is_reset;
	if (off == VMOON_ACPI_PM_EVENT && (val & 1) != 0)
		r->is_pressed = false;
}

static void write_panic(struct rig *r, uint64_t off, unsigned size,
			uint64_t val)
{
	bool tells = off == 0 && size == 1 && (val & 3) != 0;

	r->panic->ops->write(r->panic, off, size, val);
	r->events += tells;
	FUZZ_REQUIRE(!tells || r->event.last == (val & 3));
}

static void write_exit(struct rig *r, uint64_t off, unsigned size, uint64_t val)
{
	bool tells = off == 0 && size <= 4;

	r->debug->ops->write(r->debug, off, size, val);
	r->exits += tells;
	FUZZ_REQUIRE(!tells ||
		     r->exit.last == (val & UINT64_MAX >> (64 - 8 * size)));
}

static void read_any(const struct rig *r, unsigned which, uint64_t off,
		     unsigned size)
{
	struct vmoon_device *dev = device_of(r, which);
	uint64_t val = dev->ops->read(dev, off, size), want = 0;

	if (dev == r->pm && size == 1 && off == VMOON_ACPI_PM_EVENT)
		want = r->is_pressed;
	if (dev == r->panic && size == 1 && off == 0)
		want = 3;
	FUZZ_REQUIRE(val == want);
}

/* Bytes of a file, behind the device's own header or bare. */
static void load_hostile(struct rig *r, struct fuzz_input *in, uint8_t op)
{
	unsigned char buf[SNAPSHOT_MAX];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader reader = {.buf = buf};
	struct vmoon_device *dev = device_of(r, op >> 4);
	const uint8_t *bytes;
	size_t n = fuzz_bytes(in, 24, &bytes);

	if ((op & 8) != 0)
		vmoon_state_begin(&w, dev->ops->type, 1);
	vmoon_state_put_bytes(&w, n > 0 ? bytes : buf, n);
	reader.size = w.len;
	if (dev->ops->load(dev, &reader, NULL) != VMOON_OK || dev != r->pm)
		return;
	r->is_off_told = r->is_reset_told = false;
	r->is_pressed = (buf[reader.off - 1] & 1) != 0; /* the last value */
}

static void round_trip(struct rig *r, unsigned which)
{
	unsigned char a[SNAPSHOT_MAX], b[SNAPSHOT_MAX];
	struct vmoon_device *dev = device_of(r, which);
	struct vmoon_state_writer w = {.buf = a, .size = sizeof(a)};
	struct vmoon_state_writer again = {.buf = b, .size = sizeof(b)};
	struct vmoon_state_reader reader = {.buf = a};

	dev->ops->save(dev, &w);
	reader.size = w.len;
	FUZZ_REQUIRE(dev->ops->load(dev, &reader, NULL) == VMOON_OK);
	dev->ops->save(dev, &again);
	FUZZ_REQUIRE(again.len == w.len && memcmp(a, b, w.len) == 0);
	if (dev == r->pm)
		r->is_off_told = r->is_reset_told = false;
}

static void step(struct rig *r, struct fuzz_input *in)
{
	uint8_t op = fuzz_u8(in);
	const unsigned size = 1u << (op >> 3 & 3);
	struct vmoon_device *dev = device_of(r, op >> 3);
	uint64_t off;

	switch (op & 7) {
	case 0:
		off = fuzz_u8(in);
		write_pm(r, off, size, fuzz_uint(in, 8));
		break;
	case 1:
		off = fuzz_u8(in);
		write_panic(r, off, size, fuzz_uint(in, 8));
		break;
	case 2:
		off = fuzz_u8(in);
		write_exit(r, off, size, fuzz_uint(in, 8));
		break;
	case 3: read_any(r, op >> 5, fuzz_u8(in), size); break;
	case 4:
		vmoon_acpi_pm_press_power(r->pm);
		r->is_pressed = true;
		break;
	case 5:
		dev->ops->reset(dev);
		if (dev == r->pm)
			r->is_pressed = r->is_off_told = r->is_reset_told =
				false;
		break;
	case 6: round_trip(r, op >> 3); break;
	default: load_hostile(r, in, op); break;
	}
	FUZZ_REQUIRE(r->irq.level == r->is_pressed);
	FUZZ_REQUIRE(r->poweroff.count == r->offs);
	FUZZ_REQUIRE(r->reset.count == r->resets);
	FUZZ_REQUIRE(r->event.count == r->events);
	FUZZ_REQUIRE(r->exit.count == r->exits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, len};
	struct rig r;

	rig_init(&r);
	while (in.len > 0)
		step(&r, &in);
	for (unsigned i = 0; i < DEVICES; i++)
		device_of(&r, i)->ops->destroy(device_of(&r, i));
	return 0;
}
