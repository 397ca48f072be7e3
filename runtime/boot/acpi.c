/* SPDX-License-Identifier: MIT */
/*
 * acpi.c - the ACPI 6.5 tables of the x86_64 board: hardware-reduced, so there
 * is no SCI, no PM timer, no FACS; sleep, reset and one event register are
 * plain ports and events arrive through a generic event device.
 */
#include "boot/acpi.h"

#include "boot/aml.h"
#include "boot/dsdt.h"

#include <string.h>

enum {
	RSDP_LEN = 36,
	RSDP_V1_LEN = 20,
	TABLE_ALIGN = 16,
	HEADER_LENGTH_AT = 4,
	HEADER_CHECKSUM_AT = 9,
	TABLES_MAX = 4, /* that the XSDT lists */
	ISA_IRQS = 16,
	TIMER_GSI = 2, /* where KVM's PIT is wired */
	CMOS_CENTURY = 0x32,
	/*
	 * Nothing is wired to it. Linux reads an override of the SCI's number
	 * as one of the SCI, so it must not be the timer's 0.
	 */
	SCI_UNUSED = 9
};

/* FADT, boot architecture flags (ACPI 6.5, table 5.10). */
enum {
	BOOT_LEGACY_DEVICES = 1 << 0,
	BOOT_8042 = 1 << 1,
	BOOT_NO_VGA = 1 << 2,
	BOOT_NO_CMOS_RTC = 1 << 5
};

/* FADT, fixed feature flags (ACPI 6.5, table 5.9). */
enum {
	FADT_WBINVD = 1 << 0,
	FADT_POWER_BUTTON = 1 << 4, /* set: not a fixed button */
	FADT_SLEEP_BUTTON = 1 << 5, /* likewise */
	FADT_FIX_RTC = 1 << 6,      /* set: no fixed wake status */
	FADT_RESET_REG = 1 << 10,
	FADT_HW_REDUCED = 1 << 20
};

/* MADT (ACPI 6.5, 5.2.12) and SPCR. */
enum {
	MADT_PCAT_COMPAT = 1, /* KVM has two 8259s; the OS must mask them */
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_NMI = 4,
	MADT_LAPIC_ENABLED = 1,
	MADT_ALL_CPUS = 0xff,
	IRQ_AS_ON_ISA = 0x0,   /* edge, active high */
	IRQ_LEVEL_HIGH = 0x0d, /* level, active high */
	SPCR_VIA_8259_AND_IOAPIC = 0x03,
	SPCR_BAUD_115200 = 7,
	SPCR_TERMINAL_VT_UTF8 = 2
};

struct tables {
	struct vmoon_aml w; /* its buffer stands at base */
	uint64_t base;
	uint64_t listed[TABLES_MAX];
	size_t listed_count;
};

unsigned char vmoon_acpi_checksum(const unsigned char *p, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += p[i];
	return (unsigned char)(0x100 - (sum & 0xff));
}

static void put_ids(struct vmoon_aml *w)
{
	vmoon_aml_bytes(w, "VMOON ", 6);
	vmoon_aml_bytes(w, "VMOONACP", 8);
	vmoon_aml_le(w, 1, 4);
	vmoon_aml_bytes(w, "VMON", 4);
	vmoon_aml_le(w, 1, 4);
}

/* Starts a table; returns its offset, for close_table. */
static size_t open_table(struct vmoon_aml *w, const char *signature,
			 unsigned revision)
{
	size_t start;

	vmoon_aml_zeros(w, -w->len % TABLE_ALIGN);
	start = w->len;
	vmoon_aml_bytes(w, signature, 4);
	vmoon_aml_le(w, 0, 4); /* length */
	vmoon_aml_le(w, revision, 1);
	vmoon_aml_le(w, 0, 1); /* checksum */
	put_ids(w);
	return start;
}

/* Fills in length and checksum; returns the table's guest address. */
static uint64_t close_table(struct tables *t, size_t start)
{
	unsigned char *table = t->w.buf + start;
	size_t len = t->w.len - start;

	if (!vmoon_aml_is_good(&t->w))
		return 0;
	for (unsigned i = 0; i < 4; i++)
		table[HEADER_LENGTH_AT + i] =
			(unsigned char)(len >> 8 * i & 0xff);
	table[HEADER_CHECKSUM_AT] = vmoon_acpi_checksum(table, len);
	return t->base + start;
}

static void list_table(struct tables *t, size_t start)
{
	t->listed[t->listed_count++] = close_table(t, start);
}

/* A byte-wide port as a generic address structure; 0 is "none". */
static void put_port(struct vmoon_aml *w, unsigned port)
{
	if (port == 0) {
		vmoon_aml_zeros(w, 12);
		return;
	}
	vmoon_aml_le(w, VMOON_AML_SYSTEM_IO, 1);
	vmoon_aml_le(w, 8, 1); /* bits */
	vmoon_aml_le(w, 0, 1); /* at bit 0 */
	vmoon_aml_le(w, 1, 1); /* byte access */
	vmoon_aml_le(w, port, 8);
}

static unsigned pm_port(const struct vmoon_acpi_config *cfg, unsigned offset)
{
	return cfg->pm_port == 0 ? 0 : cfg->pm_port + offset;
}

static uint64_t put_dsdt(struct tables *t, const struct vmoon_acpi_config *cfg)
{
	size_t start = open_table(&t->w, "DSDT", 2);

	vmoon_dsdt_write(&t->w, cfg);
	return close_table(t, start);
}

static unsigned boot_flags(const struct vmoon_acpi_config *cfg)
{
	unsigned flags = BOOT_NO_VGA;

	if (cfg->serial_port != 0)
		flags |= BOOT_LEGACY_DEVICES;
	if (cfg->i8042_port != 0)
		flags |= BOOT_8042;
	if (cfg->rtc_port == 0)
		flags |= BOOT_NO_CMOS_RTC;
	return flags;
}

/* ACPI 6.5, 5.2.9. Fields for fixed hardware stay 0 in reduced mode. */
static void put_fadt(struct tables *t, const struct vmoon_acpi_config *cfg,
		     uint64_t dsdt)
{
	struct vmoon_aml *w = &t->w;
	size_t start = open_table(w, "FACP", 6);
	unsigned flags = FADT_WBINVD | FADT_POWER_BUTTON | FADT_SLEEP_BUTTON |
			 FADT_FIX_RTC | FADT_HW_REDUCED;

	if (cfg->pm_port != 0)
		flags |= FADT_RESET_REG;
	vmoon_aml_le(w, 0, 4); /* no FACS */
	vmoon_aml_le(w, dsdt <= UINT32_MAX ? dsdt : 0, 4);
	vmoon_aml_le(w, 0, 1);
	vmoon_aml_le(w, 0, 1); /* power profile: unspecified */
	vmoon_aml_le(w, SCI_UNUSED, 2);
	vmoon_aml_zeros(w, 60); /* SMI_CMD to MON_ALRM */
	vmoon_aml_le(w, cfg->rtc_port != 0 ? CMOS_CENTURY : 0, 1);
	vmoon_aml_le(w, boot_flags(cfg), 2);
	vmoon_aml_le(w, 0, 1);
	vmoon_aml_le(w, flags, 4);
	put_port(w, pm_port(cfg, VMOON_ACPI_PORT_RESET));
	vmoon_aml_le(w, cfg->pm_port != 0 ? VMOON_ACPI_RESET_VALUE : 0, 1);
	vmoon_aml_le(w, 0, 2); /* Arm boot flags */
	vmoon_aml_le(w, 5, 1); /* FADT 6.5 */
	vmoon_aml_le(w, 0, 8); /* no FACS */
	vmoon_aml_le(w, dsdt, 8);
	vmoon_aml_zeros(w, 96); /* X_PM1a_EVT_BLK to X_GPE1_BLK */
	put_port(w, pm_port(cfg, VMOON_ACPI_PORT_SLEEP_CONTROL));
	put_port(w, pm_port(cfg, VMOON_ACPI_PORT_SLEEP_STATUS));
	vmoon_aml_bytes(w, "VMOON\0\0", 8); /* hypervisor vendor */
	list_table(t, start);
}

static void put_override(struct vmoon_aml *w, unsigned irq, unsigned gsi,
			 unsigned flags)
{
	vmoon_aml_le(w, MADT_OVERRIDE, 1);
	vmoon_aml_le(w, 10, 1);
	vmoon_aml_le(w, 0, 1); /* ISA */
	vmoon_aml_le(w, irq, 1);
	vmoon_aml_le(w, gsi, 4);
	vmoon_aml_le(w, flags, 2);
}

static void put_lapics(struct vmoon_aml *w, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		vmoon_aml_le(w, MADT_LAPIC, 1);
		vmoon_aml_le(w, 8, 1);
		vmoon_aml_le(w, i, 1); /* _UID */
		vmoon_aml_le(w, i, 1); /* APIC id */
		vmoon_aml_le(w, MADT_LAPIC_ENABLED, 4);
	}
}

static void put_madt(struct tables *t, const struct vmoon_acpi_config *cfg)
{
	struct vmoon_aml *w = &t->w;
	size_t start = open_table(w, "APIC", 5);

	vmoon_aml_le(w, cfg->lapic_base, 4);
	vmoon_aml_le(w, MADT_PCAT_COMPAT, 4);
	put_lapics(w, cfg->cpu_count);
	vmoon_aml_le(w, MADT_IOAPIC, 1);
	vmoon_aml_le(w, 12, 1);
	vmoon_aml_le(w, 0, 2); /* id 0, as KVM's reads after reset */
	vmoon_aml_le(w, cfg->ioapic_base, 4);
	vmoon_aml_le(w, 0, 4); /* first GSI */
	put_override(w, 0, TIMER_GSI, IRQ_AS_ON_ISA);
	if (cfg->pm_port != 0 && cfg->pm_irq < ISA_IRQS)
		put_override(w, cfg->pm_irq, cfg->pm_irq, IRQ_LEVEL_HIGH);
	vmoon_aml_le(w, MADT_LAPIC_NMI, 1);
	vmoon_aml_le(w, 6, 1);
	vmoon_aml_le(w, MADT_ALL_CPUS, 1);
	vmoon_aml_le(w, IRQ_AS_ON_ISA, 2);
	vmoon_aml_le(w, 1, 1); /* LINT1 */
	list_table(t, start);
}

/* Serial Port Console Redirection, revision 2. */
static void put_spcr(struct tables *t, const struct vmoon_acpi_config *cfg)
{
	struct vmoon_aml *w = &t->w;
	size_t start = open_table(w, "SPCR", 2);

	vmoon_aml_le(w, 0, 4); /* 16550, and three reserved bytes */
	put_port(w, cfg->serial_port);
	vmoon_aml_le(w, SPCR_VIA_8259_AND_IOAPIC, 1);
	vmoon_aml_le(w, cfg->serial_irq, 1);
	vmoon_aml_le(w, cfg->serial_irq, 4); /* the same as a GSI */
	vmoon_aml_le(w, SPCR_BAUD_115200, 1);
	vmoon_aml_le(w, 0, 1); /* no parity */
	vmoon_aml_le(w, 1, 1); /* one stop bit */
	vmoon_aml_le(w, 0, 1); /* no flow control */
	vmoon_aml_le(w, SPCR_TERMINAL_VT_UTF8, 1);
	vmoon_aml_le(w, 0, 1);
	vmoon_aml_le(w, UINT32_MAX, 4); /* not a PCI device */
	vmoon_aml_zeros(w, 12);
	list_table(t, start);
}

/* ---- roots ---- */

static uint64_t put_xsdt(struct tables *t)
{
	size_t start = open_table(&t->w, "XSDT", 1);

	for (size_t i = 0; i < t->listed_count; i++)
		vmoon_aml_le(&t->w, t->listed[i], 8);
	return close_table(t, start);
}

/* ACPI 6.5, 5.2.5.3: one checksum over version 1's part, one over all. */
static void fill_rsdp(unsigned char rsdp[RSDP_LEN], uint64_t xsdt)
{
	struct vmoon_aml w;

	vmoon_aml_init(&w, rsdp, RSDP_LEN);
	vmoon_aml_bytes(&w, "RSD PTR ", 8);
	vmoon_aml_le(&w, 0, 1); /* checksum of the first part */
	vmoon_aml_bytes(&w, "VMOON ", 6);
	vmoon_aml_le(&w, 2, 1);
	vmoon_aml_le(&w, 0, 4); /* no RSDT */
	vmoon_aml_le(&w, RSDP_LEN, 4);
	vmoon_aml_le(&w, xsdt, 8);
	vmoon_aml_le(&w, 0, 4); /* extended checksum, reserved */
	rsdp[8] = vmoon_acpi_checksum(rsdp, RSDP_V1_LEN);
	rsdp[32] = vmoon_acpi_checksum(rsdp, RSDP_LEN);
}

static enum vmoon_status check_irqs(const struct vmoon_acpi_config *cfg,
				    struct vmoon_error *err)
{
	const unsigned isa[] = {cfg->serial_irq, cfg->rtc_irq};

	for (size_t i = 0; i < VMOON_COUNTOF(isa); i++) {
		if (isa[i] >= ISA_IRQS || isa[i] >= cfg->gsi_count)
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "ACPI tables: IRQ %u is not one of "
					  "an ISA device; use 1 to 15",
					  isa[i]);
	}
	if (cfg->pm_port == 0)
		return VMOON_OK;
	if (cfg->pm_irq == 0 || cfg->pm_irq == TIMER_GSI ||
	    cfg->pm_irq >= cfg->gsi_count)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "ACPI tables: GSI %u cannot carry events; "
				  "use a free one below %u, but not 0 or 2",
				  cfg->pm_irq, cfg->gsi_count);
	if (cfg->pm_irq == cfg->serial_irq || cfg->pm_irq == cfg->rtc_irq)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "ACPI tables: GSI %u has two users; give "
				  "the events one of their own",
				  cfg->pm_irq);
	return VMOON_OK;
}

static enum vmoon_status check_virtio(const struct vmoon_acpi_config *cfg,
				      struct vmoon_error *err)
{
	if (cfg->virtio_count > VMOON_ACPI_VIRTIO_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "ACPI tables: %zu virtio devices; use at "
				  "most %d",
				  cfg->virtio_count, VMOON_ACPI_VIRTIO_MAX);
	for (size_t i = 0; i < cfg->virtio_count; i++) {
		const struct vmoon_acpi_virtio *v = &cfg->virtio[i];

		if (v->size == 0 || v->size - 1 > UINT32_MAX - v->base)
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "ACPI tables: virtio device %zu has "
					  "no window below 4 GiB",
					  i);
		if (v->gsi == 0 || v->gsi == TIMER_GSI ||
		    v->gsi >= cfg->gsi_count || v->gsi == cfg->serial_irq ||
		    v->gsi == cfg->rtc_irq)
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "ACPI tables: virtio device %zu "
					  "cannot have GSI %u; use a free one "
					  "below %u, but not 0 or 2",
					  i, v->gsi, cfg->gsi_count);
	}
	return VMOON_OK;
}

static enum vmoon_status check_devices(const struct vmoon_acpi_config *cfg,
				       struct vmoon_error *err)
{
	if (cfg->device_count > VMOON_ACPI_DEVICES_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "ACPI tables: %zu devices; use at most %d",
				  cfg->device_count, VMOON_ACPI_DEVICES_MAX);
	for (size_t i = 0; i < cfg->device_count; i++) {
		const struct vmoon_acpi_device *d = &cfg->devices[i];
		const uint64_t top = d->is_ports ? 0x10000 : UINT64_C(1) << 32;

		if (d->size == 0 || !vmoon_range_ok(d->base, d->size, top) ||
		    (d->is_ports && d->size > UINT8_MAX))
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "ACPI tables: device %zu has no "
					  "window that can be told",
					  i);
		if (d->has_irq && (d->gsi == 0 || d->gsi == TIMER_GSI ||
				   d->gsi >= cfg->gsi_count))
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "ACPI tables: device %zu cannot "
					  "have GSI %u",
					  i, d->gsi);
	}
	return VMOON_OK;
}

static enum vmoon_status check_config(const struct vmoon_acpi_config *cfg,
				      uint64_t base, size_t cap,
				      struct vmoon_error *err)
{
	if (cfg->cpu_count == 0 || cfg->cpu_count > VMOON_ACPI_CPUS_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "ACPI tables: %u CPUs; use 1 to %d",
				  cfg->cpu_count, VMOON_ACPI_CPUS_MAX);
	if (base % TABLE_ALIGN != 0 || cap > UINT64_MAX - base)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "ACPI tables: bad address 0x%llx; use a "
				  "multiple of %d",
				  (unsigned long long)base, TABLE_ALIGN);
	if (cfg->lapic_base > UINT32_MAX || cfg->ioapic_base > UINT32_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "ACPI tables: interrupt controllers above "
				  "4 GiB; put them below");
	if (cfg->pm_port > UINT16_MAX - VMOON_ACPI_PORT_EVENT)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "ACPI tables: no four ports at 0x%x; use a "
				  "lower port",
				  cfg->pm_port);
	if (check_irqs(cfg, err) != VMOON_OK ||
	    check_virtio(cfg, err) != VMOON_OK)
		return VMOON_E_INVAL;
	return check_devices(cfg, err);
}

enum vmoon_status vmoon_acpi_build(const struct vmoon_acpi_config *cfg,
				   uint64_t base, unsigned char *buf,
				   size_t cap, size_t *out_len,
				   struct vmoon_error *err)
{
	struct tables t = {.base = base};
	enum vmoon_status st = check_config(cfg, base, cap, err);
	uint64_t xsdt;
	size_t len;

	if (st != VMOON_OK)
		return st;
	vmoon_aml_init(&t.w, buf, cap);
	vmoon_aml_zeros(&t.w, RSDP_LEN);
	put_fadt(&t, cfg, put_dsdt(&t, cfg));
	put_madt(&t, cfg);
	if (cfg->serial_port != 0)
		put_spcr(&t, cfg);
	xsdt = put_xsdt(&t);
	st = vmoon_aml_finish(&t.w, &len, err);
	if (st != VMOON_OK) {
		vmoon_error_prefix(err, "ACPI tables");
		return st;
	}
	fill_rsdp(buf, xsdt);
	*out_len = len;
	return VMOON_OK;
}
