/* SPDX-License-Identifier: MIT */
/* board_x86_64.c - the x86_64 machine: one table of devices, read downwards. */
#include "board_x86_64.h"

#include "board_virtio.h"

#include "devices/acpi_pm.h"
#include "devices/debug_exit.h"
#include "devices/i8042.h"
#include "devices/pvpanic.h"
#include "devices/rtc_cmos.h"
#include "devices/uart16550.h"

#include <string.h>

/* Where a user's devices go that name no place of their own. */
static const struct vmoon_plan_limits limits = {
	.ports_low = 0xc000,
	.ports_high = 0xcfff,
	.mmio_low = 0xd0000000,
	.mmio_high = 0xdfffffff,
	.mmio_top = UINT64_C(0xfffffffffffff), /* 52 bits: x86 has no more */
	.lines_low = 5,
	.lines_high = VMOON_GSI_COUNT - 1,
	.lines_first = 3, /* timer, keyboard, and the other chip */
};

_Static_assert((int)VMOON_ACPI_PORT_SLEEP_CONTROL ==
			       (int)VMOON_ACPI_PM_SLEEP_CONTROL &&
		       (int)VMOON_ACPI_PORT_SLEEP_STATUS ==
			       (int)VMOON_ACPI_PM_SLEEP_STATUS &&
		       (int)VMOON_ACPI_PORT_RESET == (int)VMOON_ACPI_PM_RESET &&
		       (int)VMOON_ACPI_PORT_EVENT == (int)VMOON_ACPI_PM_EVENT &&
		       (int)VMOON_ACPI_SLEEP_TYPE_S5 == (int)VMOON_ACPI_PM_S5 &&
		       (int)VMOON_ACPI_RESET_VALUE ==
			       (int)VMOON_ACPI_PM_RESET_VALUE &&
		       (int)VMOON_ACPI_EVENT_POWER_BUTTON ==
			       (int)VMOON_ACPI_PM_EVENT_POWER_BUTTON,
	       "the ACPI tables and the device disagree");

/* What a device's maker may draw on. */
struct maker {
	const struct vmoon_board_host *host;
	const struct vmoon_spec *spec;
};

static enum vmoon_status make_serial(void *ctx,
				     const struct vmoon_rack_env *env,
				     struct vmoon_device **out,
				     struct vmoon_error *err)
{
	const struct maker *m = ctx;
	struct vmoon_uart_config cfg = {.mem = m->host->mem,
					.irq = env->irqs[0],
					.out = m->host->console,
					.room = m->host->console_room};

	return vmoon_uart_create(&cfg, out, err);
}

static enum vmoon_status make_rtc(void *ctx, const struct vmoon_rack_env *env,
				  struct vmoon_device **out,
				  struct vmoon_error *err)
{
	const struct maker *m = ctx;
	struct vmoon_gmem_region r[2];
	size_t n = vmoon_boot_layout(m->spec->memory_bytes, r);
	struct vmoon_rtc_cmos_config cfg = {.mem = m->host->mem,
					    .clock = m->host->clock,
					    .reset = m->host->reset,
					    .ram_below_4g = r[0].size,
					    .ram_above_4g =
						    n > 1 ? r[1].size : 0};

	(void)env;
	return vmoon_rtc_cmos_create(&cfg, out, err);
}

static enum vmoon_status make_i8042(void *ctx, const struct vmoon_rack_env *env,
				    struct vmoon_device **out,
				    struct vmoon_error *err)
{
	const struct maker *m = ctx;
	struct vmoon_i8042_config cfg = {.mem = m->host->mem,
					 .reset = m->host->reset};

	(void)env;
	return vmoon_i8042_create(&cfg, out, err);
}

static enum vmoon_status make_pvpanic(void *ctx,
				      const struct vmoon_rack_env *env,
				      struct vmoon_device **out,
				      struct vmoon_error *err)
{
	const struct maker *m = ctx;
	struct vmoon_pvpanic_config cfg = {.mem = m->host->mem,
					   .event = m->host->panic};

	(void)env;
	return vmoon_pvpanic_create(&cfg, out, err);
}

static enum vmoon_status make_debug_exit(void *ctx,
					 const struct vmoon_rack_env *env,
					 struct vmoon_device **out,
					 struct vmoon_error *err)
{
	const struct maker *m = ctx;
	struct vmoon_debug_exit_config cfg = {.mem = m->host->mem,
					      .exit = m->host->debug_exit};

	(void)env;
	return vmoon_debug_exit_create(&cfg, out, err);
}

static enum vmoon_status make_acpi_pm(void *ctx,
				      const struct vmoon_rack_env *env,
				      struct vmoon_device **out,
				      struct vmoon_error *err)
{
	const struct maker *m = ctx;
	struct vmoon_acpi_pm_config cfg = {.mem = m->host->mem,
					   .irq = env->irqs[0],
					   .poweroff = m->host->poweroff,
					   .reset = m->host->reset};

	return vmoon_acpi_pm_create(&cfg, out, err);
}

static const struct device_row {
	const char *name;
	enum vmoon_status (*make)(void *ctx, const struct vmoon_rack_env *env,
				  struct vmoon_device **out,
				  struct vmoon_error *err);
	uint16_t port, ports;
	uint8_t max_width;
	int irq; /* -1: none */
} devices[] = {
	{"serial0", make_serial, PORT_SERIAL, VMOON_UART_PORTS, 1, IRQ_SERIAL},
	{"rtc", make_rtc, PORT_RTC, VMOON_RTC_CMOS_PORTS, 1, -1},
	{"i8042", make_i8042, PORT_I8042, VMOON_I8042_PORTS, 1, -1},
	{"pvpanic", make_pvpanic, PORT_PVPANIC, VMOON_PVPANIC_PORTS, 1, -1},
	{"debug-exit", make_debug_exit, PORT_DEBUG_EXIT, VMOON_DEBUG_EXIT_PORTS,
	 4, -1},
	{"acpi-pm", make_acpi_pm, PORT_ACPI_PM, VMOON_ACPI_PM_PORTS, 1,
	 IRQ_ACPI_PM},
};

static enum vmoon_status add_row(struct vmoon_board *b,
				 const struct device_row *row, struct maker *m,
				 struct vmoon_error *err)
{
	struct vmoon_resource list[] = {
		{.kind = VMOON_RESOURCE_PORTS,
		 .is_fixed = true,
		 .base = row->port,
		 .size = row->ports,
		 .max_width = row->max_width},
		{.kind = VMOON_RESOURCE_IRQ,
		 .is_fixed = true,
		 .base = (uint64_t)row->irq},
	};
	const struct vmoon_rack_device d = {.name = row->name,
					    .resources = list,
					    .count = row->irq < 0 ? 1 : 2,
					    .make = row->make,
					    .ctx = m};
	struct vmoon_slot *slot;
	enum vmoon_status st = vmoon_rack_add(&b->rack, &d, &slot, err);

	if (st != VMOON_OK)
		return st;
	if (row->port == PORT_SERIAL)
		b->serial = slot;
	if (row->port == PORT_ACPI_PM)
		b->acpi_pm = slot;
	return VMOON_OK;
}

/* Guest memory and what the hypervisor answers itself: not for devices. */
static enum vmoon_status reserve(struct vmoon_plan *plan, uint64_t memory_bytes,
				 struct vmoon_error *err)
{
	static const struct vmoon_resource chips[] = {
		{.kind = VMOON_RESOURCE_MMIO,
		 .is_fixed = true,
		 .base = VMOON_ADDR_IOAPIC,
		 .size = 0x1000},
		/* The local APIC's page, and where messages are sent. */
		{.kind = VMOON_RESOURCE_MMIO,
		 .is_fixed = true,
		 .base = VMOON_ADDR_LAPIC,
		 .size = 0x100000},
		{.kind = VMOON_RESOURCE_MMIO,
		 .is_fixed = true,
		 .base = VMOON_ADDR_IDENTITY_MAP,
		 .size = 0x4000},
	};
	struct vmoon_resource list[VMOON_COUNTOF(chips)];
	struct vmoon_gmem_region r[2];
	size_t n = vmoon_boot_layout(memory_bytes, r);
	enum vmoon_status st;

	memcpy(list, chips, sizeof(list));
	st = vmoon_plan_take(plan, "the interrupt chips", list,
			     VMOON_COUNTOF(list), err);
	for (size_t i = 0; i < n && st == VMOON_OK; i++) {
		list[0].base = r[i].gpa;
		list[0].size = r[i].size;
		st = vmoon_plan_take(plan, "guest memory", list, 1, err);
	}
	return st;
}

enum vmoon_status vmoon_board_create(const struct vmoon_spec *spec,
				     const struct vmoon_board_host *host,
				     struct vmoon_board **out_board,
				     struct vmoon_error *err)
{
	struct vmoon_board *b = vmoon_mem_alloc(host->mem, sizeof(*b));
	struct maker m = {.host = host, .spec = spec};
	enum vmoon_status st;

	if (b == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "board: out of memory");
	b->mem = host->mem;
	b->hv = host->hv;
	st = vmoon_rack_init(&b->rack, &limits, host->hv, &host->log,
			     &host->clock, err);
	if (st != VMOON_OK) {
		vmoon_mem_free(b->mem, b, sizeof(*b));
		return st;
	}
	st = reserve(&b->rack.plan, spec->memory_bytes, err);
	for (size_t i = 0; i < VMOON_COUNTOF(devices) && st == VMOON_OK; i++)
		if (!spec->leaves_debug_exit ||
		    devices[i].port != PORT_DEBUG_EXIT)
			st = add_row(b, &devices[i], &m, err);
	if (st == VMOON_OK)
		st = vmoon_board_virtio_create(&spec->devices, host, &b->rack,
					       &b->virtio, err);
	if (st != VMOON_OK) {
		vmoon_board_destroy(b);
		return st;
	}
	*out_board = b;
	return VMOON_OK;
}

void vmoon_board_destroy(struct vmoon_board *b)
{
	if (b == NULL)
		return;
	vmoon_board_virtio_destroy(b->virtio);
	vmoon_rack_fini(&b->rack);
	vmoon_mem_free(b->mem, b, sizeof(*b));
}

enum vmoon_status vmoon_board_add(struct vmoon_board *b,
				  const struct vmoon_rack_device *device,
				  struct vmoon_error *err)
{
	return vmoon_rack_add(&b->rack, device, NULL, err);
}

struct vmoon_slot *vmoon_board_slot(struct vmoon_board *b, const char *name)
{
	return vmoon_rack_slot(&b->rack, name);
}

static bool is_own(const struct vmoon_board *b, const char *name)
{
	const char *virtio;

	for (size_t i = 0; i < VMOON_COUNTOF(devices); i++)
		if (strcmp(devices[i].name, name) == 0)
			return true;
	for (size_t i = 0;
	     (virtio = vmoon_board_virtio_name(b->virtio, i)) != NULL; i++)
		if (strcmp(virtio, name) == 0)
			return true;
	return false;
}

enum vmoon_status vmoon_board_remove(struct vmoon_board *b, const char *name,
				     struct vmoon_error *err)
{
	if (is_own(b, name))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s belongs to the machine", name);
	return vmoon_rack_remove(&b->rack, name, err);
}

const struct vmoon_bus *vmoon_board_pio(const struct vmoon_board *b)
{
	return &b->rack.pio;
}

const struct vmoon_bus *vmoon_board_mmio(const struct vmoon_board *b)
{
	return &b->rack.mmio;
}

enum vmoon_status vmoon_board_reset(struct vmoon_board *b,
				    struct vmoon_error *err)
{
	enum vmoon_status st;

	vmoon_rack_reset(&b->rack);
	st = b->hv->ops->reset(b->hv, err);
	if (st == VMOON_OK)
		vmoon_irqs_resend(&b->rack.irqs);
	return st;
}

bool vmoon_board_is_resetting(const struct vmoon_board *b)
{
	return vmoon_board_virtio_is_resetting(b->virtio);
}

struct vmoon_board_virtio *vmoon_board_virtio(struct vmoon_board *b)
{
	return b->virtio;
}

void vmoon_board_press_power(struct vmoon_board *b)
{
	struct vmoon_slot *slot = b->acpi_pm;

	vmoon_lock_take(&slot->lock);
	vmoon_acpi_pm_press_power(slot->dev);
	vmoon_lock_drop(&slot->lock);
}

size_t vmoon_board_console_room(void *board)
{
	struct vmoon_board *b = board;
	struct vmoon_slot *slot = b->serial;
	size_t n;

	vmoon_lock_take(&slot->lock);
	n = vmoon_uart_room(slot->dev);
	vmoon_lock_drop(&slot->lock);
	return n;
}

size_t vmoon_board_console_receive(void *board, const void *buf, size_t len)
{
	struct vmoon_board *b = board;
	struct vmoon_slot *slot = b->serial;
	size_t n;

	vmoon_lock_take(&slot->lock);
	n = vmoon_uart_receive(slot->dev, buf, len);
	vmoon_lock_drop(&slot->lock);
	return n;
}

void vmoon_board_console_resume(void *board)
{
	struct vmoon_board *b = board;
	struct vmoon_slot *slot = b->serial;

	vmoon_lock_take(&slot->lock);
	vmoon_uart_resume(slot->dev);
	vmoon_lock_drop(&slot->lock);
}
