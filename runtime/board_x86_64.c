/* SPDX-License-Identifier: MIT */
/* board_x86_64.c - the x86_64 machine: one table of devices, read downwards. */
#include "board.h"

#include "boot/acpi.h"
#include "boot/boot.h"
#include "boot/mptable.h"
#include "irq.h"

#include "devices/acpi_pm.h"
#include "devices/debug_exit.h"
#include "devices/i8042.h"
#include "devices/pvpanic.h"
#include "devices/rtc_cmos.h"
#include "devices/uart16550.h"

#include <string.h>

/* Ports as PCs and QEMU have them; the ACPI tables below say the same. */
enum {
	PORT_I8042 = 0x60,
	PORT_RTC = 0x70,
	PORT_DEBUG_EXIT = 0xf4,
	PORT_SERIAL = 0x3f8,
	PORT_PVPANIC = 0x505,
	PORT_ACPI_PM = 0x600,
	IRQ_SERIAL = 4,
	IRQ_ACPI_PM = 5,
	PORT_LAST = 0xffff
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

enum slot_id {
	SLOT_SERIAL,
	SLOT_RTC,
	SLOT_I8042,
	SLOT_PVPANIC,
	SLOT_DEBUG_EXIT,
	SLOT_ACPI_PM,
	SLOT_COUNT
};

struct vmoon_board {
	struct vmoon_slot slots[SLOT_COUNT];
	struct vmoon_bus pio, mmio;
	struct vmoon_irqs irqs;
	struct vmoon_hv_vm *hv; /* borrowed: outlives the board */
	struct vmoon_mem *mem;  /* borrowed: outlives the board */
};

/* What a device's maker may draw on. */
struct maker {
	const struct vmoon_board_host *host;
	const struct vmoon_spec *spec;
	struct vmoon_irq irq; /* of the row; set is NULL without one */
	struct vmoon_error *err;
};

static enum vmoon_status make_serial(const struct maker *m,
				     struct vmoon_device **out)
{
	struct vmoon_uart_config cfg = {.mem = m->host->mem,
					.irq = m->irq,
					.out = m->host->console,
					.room = m->host->console_room};

	return vmoon_uart_create(&cfg, out, m->err);
}

static enum vmoon_status make_rtc(const struct maker *m,
				  struct vmoon_device **out)
{
	struct vmoon_gmem_region r[2];
	size_t n = vmoon_boot_layout(m->spec->memory_bytes, r);
	struct vmoon_rtc_cmos_config cfg = {.mem = m->host->mem,
					    .clock = m->host->clock,
					    .reset = m->host->reset,
					    .ram_below_4g = r[0].size,
					    .ram_above_4g =
						    n > 1 ? r[1].size : 0};

	return vmoon_rtc_cmos_create(&cfg, out, m->err);
}

static enum vmoon_status make_i8042(const struct maker *m,
				    struct vmoon_device **out)
{
	struct vmoon_i8042_config cfg = {.mem = m->host->mem,
					 .reset = m->host->reset};

	return vmoon_i8042_create(&cfg, out, m->err);
}

static enum vmoon_status make_pvpanic(const struct maker *m,
				      struct vmoon_device **out)
{
	struct vmoon_pvpanic_config cfg = {.mem = m->host->mem,
					   .event = m->host->panic};

	return vmoon_pvpanic_create(&cfg, out, m->err);
}

static enum vmoon_status make_debug_exit(const struct maker *m,
					 struct vmoon_device **out)
{
	struct vmoon_debug_exit_config cfg = {.mem = m->host->mem,
					      .exit = m->host->debug_exit};

	return vmoon_debug_exit_create(&cfg, out, m->err);
}

static enum vmoon_status make_acpi_pm(const struct maker *m,
				      struct vmoon_device **out)
{
	struct vmoon_acpi_pm_config cfg = {.mem = m->host->mem,
					   .irq = m->irq,
					   .poweroff = m->host->poweroff,
					   .reset = m->host->reset};

	return vmoon_acpi_pm_create(&cfg, out, m->err);
}

static const struct device_row {
	const char *name;
	enum vmoon_status (*make)(const struct maker *m,
				  struct vmoon_device **out);
	enum slot_id slot;
	uint16_t port, ports;
	int irq; /* -1: none */
} devices[] = {
	{"serial0", make_serial, SLOT_SERIAL, PORT_SERIAL, VMOON_UART_PORTS,
	 IRQ_SERIAL},
	{"rtc", make_rtc, SLOT_RTC, PORT_RTC, VMOON_RTC_CMOS_PORTS, -1},
	{"i8042", make_i8042, SLOT_I8042, PORT_I8042, VMOON_I8042_PORTS, -1},
	{"pvpanic", make_pvpanic, SLOT_PVPANIC, PORT_PVPANIC,
	 VMOON_PVPANIC_PORTS, -1},
	{"debug-exit", make_debug_exit, SLOT_DEBUG_EXIT, PORT_DEBUG_EXIT,
	 VMOON_DEBUG_EXIT_PORTS, -1},
	{"acpi-pm", make_acpi_pm, SLOT_ACPI_PM, PORT_ACPI_PM,
	 VMOON_ACPI_PM_PORTS, IRQ_ACPI_PM},
};

static enum vmoon_status add_device(struct vmoon_board *b,
				    const struct device_row *row,
				    struct maker *m)
{
	struct vmoon_slot *slot = &b->slots[row->slot];
	struct vmoon_device *dev;
	enum vmoon_status st = VMOON_OK;

	m->irq = (struct vmoon_irq){NULL, NULL};
	if (row->irq >= 0)
		st = vmoon_irqs_add(&b->irqs, (unsigned)row->irq, &m->irq,
				    m->err);
	if (st == VMOON_OK)
		st = row->make(m, &dev);
	if (st != VMOON_OK)
		return st;
	vmoon_slot_init(slot, row->name, dev);
	return vmoon_bus_add(&b->pio, row->port, row->ports, slot, m->err);
}

enum vmoon_status vmoon_board_create(const struct vmoon_spec *spec,
				     const struct vmoon_board_host *host,
				     struct vmoon_board **out_board,
				     struct vmoon_error *err)
{
	struct vmoon_board *b = vmoon_mem_alloc(host->mem, sizeof(*b));
	struct maker m = {.host = host, .spec = spec, .err = err};
	enum vmoon_status st = VMOON_OK;

	if (b == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "board: out of memory");
	b->mem = host->mem;
	b->hv = host->hv;
	vmoon_bus_init(&b->pio, PORT_LAST);
	vmoon_bus_init(&b->mmio, UINT64_MAX);
	vmoon_irqs_init(&b->irqs, host->hv);
	for (size_t i = 0; i < VMOON_COUNTOF(devices) && st == VMOON_OK; i++)
		st = add_device(b, &devices[i], &m);
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
	for (size_t i = SLOT_COUNT; i-- > 0;)
		vmoon_slot_fini(&b->slots[i]);
	vmoon_irqs_fini(&b->irqs);
	vmoon_mem_free(b->mem, b, sizeof(*b));
}

const struct vmoon_bus *vmoon_board_pio(const struct vmoon_board *b)
{
	return &b->pio;
}

const struct vmoon_bus *vmoon_board_mmio(const struct vmoon_board *b)
{
	return &b->mmio;
}

enum vmoon_status vmoon_board_reset(struct vmoon_board *b,
				    struct vmoon_error *err)
{
	enum vmoon_status st;

	for (size_t i = 0; i < SLOT_COUNT; i++) {
		struct vmoon_slot *slot = &b->slots[i];

		vmoon_lock_take(&slot->lock);
		slot->dev->ops->reset(slot->dev);
		vmoon_lock_drop(&slot->lock);
	}
	st = b->hv->ops->reset(b->hv, err);
	if (st == VMOON_OK)
		vmoon_irqs_resend(&b->irqs);
	return st;
}

static enum vmoon_status load_acpi(const struct vmoon_spec *spec,
				   struct vmoon_gmem *gm,
				   struct vmoon_error *err)
{
	const struct vmoon_acpi_config cfg = {
		.cpu_count = spec->cpus,
		.ioapic_base = VMOON_ADDR_IOAPIC,
		.lapic_base = VMOON_ADDR_LAPIC,
		.gsi_count = VMOON_GSI_COUNT,
		.serial_port = PORT_SERIAL,
		.serial_irq = IRQ_SERIAL,
		.rtc_port = PORT_RTC,
		.pvpanic_port = PORT_PVPANIC,
		/* Ours has a reset line only: Linux must not look for keys. */
		.i8042_port = 0,
		.pm_port = PORT_ACPI_PM,
		.pm_irq = IRQ_ACPI_PM,
	};
	const size_t cap = VMOON_ADDR_ACPI_END - VMOON_ADDR_ACPI;
	unsigned char *to = vmoon_gmem_borrow(gm, VMOON_ADDR_ACPI, cap);
	size_t len;

	if (to == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: no room for ACPI tables");
	return vmoon_acpi_build(&cfg, VMOON_ADDR_ACPI, to, cap, &len, err);
}

/*
 * Always, and beside ACPI, which Linux prefers: a guest started with acpi=off
 * and one too small to read AML find their CPUs and interrupts, too, and there
 * is one memory map for all.
 */
static enum vmoon_status load_mptable(const struct vmoon_spec *spec,
				      struct vmoon_gmem *gm,
				      struct vmoon_error *err)
{
	const struct vmoon_mptable_config cfg = {
		.cpu_count = spec->cpus,
		.irq_count = VMOON_GSI_COUNT,
		.ioapic_base = VMOON_ADDR_IOAPIC,
		.lapic_base = VMOON_ADDR_LAPIC,
	};
	const size_t cap = VMOON_ADDR_MPTABLE_END - VMOON_ADDR_MPTABLE;
	unsigned char *to = vmoon_gmem_borrow(gm, VMOON_ADDR_MPTABLE, cap);
	size_t len;

	if (to == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: no room for the MP table");
	return vmoon_mptable_build(&cfg, VMOON_ADDR_MPTABLE, to, cap, &len,
				   err);
}

enum vmoon_status vmoon_board_load(const struct vmoon_spec *spec,
				   struct vmoon_gmem *gm,
				   struct vmoon_x86_entry *out_entry,
				   struct vmoon_error *err)
{
	const struct vmoon_boot_args args = {
		.mem = spec->mem,
		.kernel_path = spec->kernel,
		.kernel_fd = spec->kernel_fd,
		.initrd_fd = spec->initrd_fd,
		.flat = {spec->flat_mode, spec->flat_at},
		.initrd_path = spec->initrd,
		.cmdline = spec->cmdline,
		.protocol = spec->boot,
		.unpack = spec->unpack,
		.rsdp = VMOON_ADDR_ACPI,
	};
	enum vmoon_status st = load_acpi(spec, gm, err);

	if (st == VMOON_OK)
		st = load_mptable(spec, gm, err);
	if (st == VMOON_OK)
		st = vmoon_boot_load(gm, &args, out_entry, err);
	return st;
}

void vmoon_board_press_power(struct vmoon_board *b)
{
	struct vmoon_slot *slot = &b->slots[SLOT_ACPI_PM];

	vmoon_lock_take(&slot->lock);
	vmoon_acpi_pm_press_power(slot->dev);
	vmoon_lock_drop(&slot->lock);
}

size_t vmoon_board_console_room(void *board)
{
	struct vmoon_board *b = board;
	struct vmoon_slot *slot = &b->slots[SLOT_SERIAL];
	size_t n;

	vmoon_lock_take(&slot->lock);
	n = vmoon_uart_room(slot->dev);
	vmoon_lock_drop(&slot->lock);
	return n;
}

size_t vmoon_board_console_receive(void *board, const void *buf, size_t len)
{
	struct vmoon_board *b = board;
	struct vmoon_slot *slot = &b->slots[SLOT_SERIAL];
	size_t n;

	vmoon_lock_take(&slot->lock);
	n = vmoon_uart_receive(slot->dev, buf, len);
	vmoon_lock_drop(&slot->lock);
	return n;
}
