/* SPDX-License-Identifier: MIT */
/* device_kinds.h - every device there is, each among recorders of its own. */
#ifndef VMOON_TESTS_DEVICE_KINDS_H
#define VMOON_TESTS_DEVICE_KINDS_H

#include "devices/acpi_pm.h"
#include "devices/debug_exit.h"
#include "devices/i8042.h"
#include "devices/pvpanic.h"
#include "devices/rtc_cmos.h"
#include "devices/rtc_pl031.h"
#include "devices/uart16550.h"
#include "tests/support/fake_host.h"

/* One device and whatever it may reach. */
struct device_rig {
	struct vmoon_mem *mem; /* or NULL */
	struct fake_irq irq;
	struct fake_sink out;
	struct fake_room room;
	struct fake_clock clock;
	struct fake_notify told, told_too;
	struct vmoon_device *dev;
};

struct device_kind {
	const char *type;
	uint64_t window; /* bytes; registers lie in all of it */
	bool has_irq;
	enum vmoon_status (*make)(struct device_rig *r,
				  struct vmoon_error *err);
	/* Away from power-on in all that is saved, an interrupt pending. */
	void (*disturb)(struct device_rig *r);
	bool (*takes)(uint64_t off, unsigned size); /* or refuses */
};

static inline enum vmoon_status make_uart(struct device_rig *r,
					  struct vmoon_error *err)
{
	const struct vmoon_uart_config cfg = {
		.mem = r->mem,
		.irq = {fake_irq_set, &r->irq},
		.out = {.put = fake_sink_put,
			.is_held = fake_sink_is_held,
			.ctx = &r->out},
		.room = {fake_room_ready, &r->room},
	};

	return vmoon_uart_create(&cfg, &r->dev, err);
}

static inline void disturb_uart(struct device_rig *r)
{
	fake_out(r->dev, 3, 0x80);
	fake_out(r->dev, 0, 0x12);
	fake_out(r->dev, 1, 0x34);
	fake_out(r->dev, 3, 0x1b);
	fake_out(r->dev, 1, 0x0f);
	fake_out(r->dev, 2, 0x01);
	fake_out(r->dev, 7, 0x5a);
	fake_out(r->dev, 4, 0x15);
	for (unsigned i = 0; i < 65; i++) /* in loopback: an overrun, too */
		fake_out(r->dev, 0, 'a' + i % 26);
}

static inline bool uart_takes(uint64_t off, unsigned size)
{
	return size == 1 && off < VMOON_UART_PORTS;
}

static inline enum vmoon_status make_cmos(struct device_rig *r,
					  struct vmoon_error *err)
{
	const struct vmoon_rtc_cmos_config cfg = {
		.mem = r->mem,
		.clock = {fake_clock_mono, fake_clock_wall, &r->clock},
		.reset = {fake_notify_fire, &r->told},
		.ram_below_4g = 64 * VMOON_MIB,
	};

	return vmoon_rtc_cmos_create(&cfg, &r->dev, err);
}

static inline void disturb_cmos(struct device_rig *r)
{
	for (unsigned i = 0; i < 128; i++) {
		fake_out(r->dev, 0, i);
		fake_out(r->dev, 1, 0x80 | i);
	}
}

static inline bool cmos_takes(uint64_t off, unsigned size)
{
	return size == 1 && off < VMOON_RTC_CMOS_PORTS;
}

static inline enum vmoon_status make_pl031(struct device_rig *r,
					   struct vmoon_error *err)
{
	const struct vmoon_rtc_pl031_config cfg = {
		.mem = r->mem,
		.irq = {fake_irq_set, &r->irq},
		.clock = {fake_clock_mono, fake_clock_wall, &r->clock},
	};

	return vmoon_rtc_pl031_create(&cfg, &r->dev, err);
}

/* Nothing in the device raises its interrupt: a snapshot does. */
static inline void disturb_pl031(struct device_rig *r)
{
	unsigned char buf[64];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader reader = {.buf = buf};

	vmoon_state_begin(&w, "rtc-pl031", 1);
	vmoon_state_put(&w, 0x01020304, 4); /* LR */
	vmoon_state_put(&w, 0x05060708090a0b0c, 8);
	vmoon_state_put(&w, 0x0d0e0f10, 4); /* MR */
	vmoon_state_put(&w, 1, 1);          /* IMSC */
	vmoon_state_put(&w, 1, 1);          /* RIS */
	reader.size = w.len;
	VMOON_IGNORE(r->dev->ops->load(r->dev, &reader, NULL) == VMOON_OK);
}

static inline bool pl031_takes(uint64_t off, unsigned size)
{
	return size == 4 && off < VMOON_RTC_PL031_BYTES;
}

static inline enum vmoon_status make_i8042(struct device_rig *r,
					   struct vmoon_error *err)
{
	const struct vmoon_i8042_config cfg = {
		.mem = r->mem,
		.reset = {fake_notify_fire, &r->told},
	};

	return vmoon_i8042_create(&cfg, &r->dev, err);
}

static inline void disturb_i8042(struct device_rig *r)
{
	fake_out(r->dev, 4, 0xfe);
}

static inline bool i8042_takes(uint64_t off, unsigned size)
{
	return size == 1 && off < VMOON_I8042_PORTS;
}

static inline enum vmoon_status make_pvpanic(struct device_rig *r,
					     struct vmoon_error *err)
{
	const struct vmoon_pvpanic_config cfg = {
		.mem = r->mem,
		.event = {fake_notify_fire, &r->told},
	};

	return vmoon_pvpanic_create(&cfg, &r->dev, err);
}

static inline bool pvpanic_takes(uint64_t off, unsigned size)
{
	return size == 1 && off == 0;
}

static inline enum vmoon_status make_debug_exit(struct device_rig *r,
						struct vmoon_error *err)
{
	const struct vmoon_debug_exit_config cfg = {
		.mem = r->mem,
		.exit = {fake_notify_fire, &r->told},
	};

	return vmoon_debug_exit_create(&cfg, &r->dev, err);
}

static inline bool debug_exit_takes(uint64_t off, unsigned size)
{
	return off == 0 && (size == 1 || size == 2 || size == 4);
}

static inline void disturb_by_writing_1(struct device_rig *r)
{
	fake_out(r->dev, 0, 1);
}

static inline enum vmoon_status make_acpi_pm(struct device_rig *r,
					     struct vmoon_error *err)
{
	const struct vmoon_acpi_pm_config cfg = {
		.mem = r->mem,
		.irq = {fake_irq_set, &r->irq},
		.poweroff = {fake_notify_fire, &r->told},
		.reset = {fake_notify_fire, &r->told_too},
	};

	return vmoon_acpi_pm_create(&cfg, &r->dev, err);
}

static inline void disturb_acpi_pm(struct device_rig *r)
{
	fake_out(r->dev, VMOON_ACPI_PM_RESET, VMOON_ACPI_PM_RESET_VALUE);
	vmoon_acpi_pm_press_power(r->dev);
}

static inline bool acpi_pm_takes(uint64_t off, unsigned size)
{
	return size == 1 && off < VMOON_ACPI_PM_PORTS;
}

static const struct device_kind device_kinds[] = {
	{"uart16550", VMOON_UART_PORTS, true, make_uart, disturb_uart,
	 uart_takes},
	{"rtc-cmos", VMOON_RTC_CMOS_PORTS, false, make_cmos, disturb_cmos,
	 cmos_takes},
	{"rtc-pl031", VMOON_RTC_PL031_BYTES, true, make_pl031, disturb_pl031,
	 pl031_takes},
	{"i8042", VMOON_I8042_PORTS, false, make_i8042, disturb_i8042,
	 i8042_takes},
	{"pvpanic", VMOON_PVPANIC_PORTS, false, make_pvpanic,
	 disturb_by_writing_1, pvpanic_takes},
	{"debug-exit", VMOON_DEBUG_EXIT_PORTS, false, make_debug_exit,
	 disturb_by_writing_1, debug_exit_takes},
	{"acpi-pm", VMOON_ACPI_PM_PORTS, true, make_acpi_pm, disturb_acpi_pm,
	 acpi_pm_takes},
};

#endif
