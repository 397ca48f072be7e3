/* SPDX-License-Identifier: MIT */
/*
 * mptable.c - the MultiProcessor table, for guests that do not read ACPI.
 * Intel MultiProcessor Specification 1.4, chapter 4. Not here: the extended
 * table, the default configurations, other buses than ISA.
 */
#include "boot/mptable.h"

#include "boot/acpi.h"
#include "boot/aml.h"

enum {
	FLOATING_LEN = 16,
	FLOATING_CHECKSUM_AT = 10,
	HEADER_LEN = 44,
	LENGTH_AT = 4,
	CHECKSUM_AT = 7,
	COUNT_AT = 34,
	SPEC_1_4 = 4
};

/* Entries and their contents (tables 4-3 to 4-11). */
enum {
	ENTRY_CPU = 0,
	ENTRY_BUS = 1,
	ENTRY_IOAPIC = 2,
	ENTRY_IRQ = 3,
	ENTRY_LOCAL_IRQ = 4,
	CPU_ENABLED = 1,
	CPU_BOOT = 2,
	CPU_SIGNATURE = 0x600,
	CPU_FEATURES = 0x201, /* FPU and APIC */
	APIC_VERSION = 0x14,
	IOAPIC_VERSION = 0x11,
	IOAPIC_ENABLED = 1,
	BUS_ISA = 0,
	IRQ_VECTORED = 0,
	IRQ_NMI = 1,
	IRQ_EXTINT = 3,
	AS_ON_BUS = 0,
	ALL_APICS = 0xff
};

/* As the MADT has them: the timer takes the pin of the PICs' cascade. */
enum { TIMER_IRQ = 0, CASCADE_IRQ = 2, TIMER_PIN = 2 };

static void put_cpus(struct vmoon_aml *w, unsigned count)
{
	for (unsigned id = 0; id < count; id++) {
		vmoon_aml_le(w, ENTRY_CPU, 1);
		vmoon_aml_le(w, id, 1);
		vmoon_aml_le(w, APIC_VERSION, 1);
		vmoon_aml_le(w, id == 0 ? CPU_ENABLED | CPU_BOOT : CPU_ENABLED,
			     1);
		vmoon_aml_le(w, CPU_SIGNATURE, 4);
		vmoon_aml_le(w, CPU_FEATURES, 4);
		vmoon_aml_zeros(w, 8);
	}
}

static void put_irq(struct vmoon_aml *w, unsigned kind, unsigned irq,
		    unsigned to)
{
	vmoon_aml_le(w, kind == IRQ_VECTORED ? ENTRY_IRQ : ENTRY_LOCAL_IRQ, 1);
	vmoon_aml_le(w, kind, 1);
	vmoon_aml_le(w, AS_ON_BUS, 2);
	vmoon_aml_le(w, BUS_ISA, 1);
	vmoon_aml_le(w, irq, 1);
	vmoon_aml_le(w, to, 2); /* APIC, then its input */
}

/* Returns how many there are. */
static unsigned put_irqs(struct vmoon_aml *w, unsigned count, unsigned ioapic)
{
	unsigned entries = 0;

	for (unsigned irq = 0; irq < count; irq++) {
		unsigned pin = irq == TIMER_IRQ ? TIMER_PIN : irq;

		if (irq == CASCADE_IRQ)
			continue;
		put_irq(w, IRQ_VECTORED, irq, ioapic | pin << 8);
		entries++;
	}
	put_irq(w, IRQ_EXTINT, 0, 0);
	put_irq(w, IRQ_NMI, 0, ALL_APICS | 1 << 8);
	return entries + 2;
}

/* Header and entries, with checksum and length still 0; returns their count. */
static unsigned put_table(struct vmoon_aml *w,
			  const struct vmoon_mptable_config *cfg)
{
	const unsigned ioapic = cfg->cpu_count + 1;

	vmoon_aml_bytes(w, "PCMP", 4);
	vmoon_aml_zeros(w, 2);
	vmoon_aml_le(w, SPEC_1_4, 2);
	vmoon_aml_bytes(w, "VMOON   x86_64      ", 20);
	vmoon_aml_zeros(w, 8); /* no OEM table */
	vmoon_aml_le(w, cfg->lapic_base, 4);
	vmoon_aml_zeros(w, 4); /* no extended table */
	put_cpus(w, cfg->cpu_count);
	vmoon_aml_le(w, ENTRY_BUS, 1);
	vmoon_aml_le(w, BUS_ISA, 1);
	vmoon_aml_bytes(w, "ISA   ", 6);
	vmoon_aml_le(w, ENTRY_IOAPIC, 1);
	vmoon_aml_le(w, ioapic, 1);
	vmoon_aml_le(w, IOAPIC_VERSION, 1);
	vmoon_aml_le(w, IOAPIC_ENABLED, 1);
	vmoon_aml_le(w, cfg->ioapic_base, 4);
	return cfg->cpu_count + 2 + put_irqs(w, cfg->irq_count, ioapic);
}

static void put_floating(struct vmoon_aml *w, uint64_t table)
{
	vmoon_aml_bytes(w, "_MP_", 4);
	vmoon_aml_le(w, table, 4);
	vmoon_aml_le(w, 1, 1); /* this structure, in units of 16 bytes */
	vmoon_aml_le(w, SPEC_1_4, 1);
	vmoon_aml_zeros(w, 6); /* checksum; a table follows; no IMCR */
}

static enum vmoon_status check(const struct vmoon_mptable_config *cfg,
			       uint64_t base, struct vmoon_error *err)
{
	if (cfg->cpu_count == 0 || cfg->cpu_count > VMOON_MPTABLE_CPUS_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "MP table: %u CPUs; use 1 to %d",
				  cfg->cpu_count, VMOON_MPTABLE_CPUS_MAX);
	if (cfg->irq_count == 0 || cfg->irq_count > VMOON_MPTABLE_IRQS_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "MP table: %u IRQs; use 1 to %d",
				  cfg->irq_count, VMOON_MPTABLE_IRQS_MAX);
	if (base > UINT32_MAX - FLOATING_LEN || base % 16 != 0 ||
	    cfg->ioapic_base > UINT32_MAX || cfg->lapic_base > UINT32_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "MP table: addresses must be below 4 GiB, "
				  "its own a multiple of 16");
	return VMOON_OK;
}

enum vmoon_status vmoon_mptable_build(const struct vmoon_mptable_config *cfg,
				      uint64_t base, unsigned char *buf,
				      size_t cap, size_t *out_len,
				      struct vmoon_error *err)
{
	unsigned char *table = buf + FLOATING_LEN;
	enum vmoon_status st = check(cfg, base, err);
	struct vmoon_aml w;
	size_t len, count;

	if (st != VMOON_OK)
		return st;
	vmoon_aml_init(&w, buf, cap);
	put_floating(&w, base + FLOATING_LEN);
	count = put_table(&w, cfg);
	st = vmoon_aml_finish(&w, out_len, NULL);
	if (st != VMOON_OK)
		return vmoon_fail(err, st, 0,
				  "MP table: %zu bytes are too few for %u CPUs",
				  cap, cfg->cpu_count);
	len = *out_len - FLOATING_LEN;
	/* At most 254 * 20 + 255 * 8 bytes and some: 16 bits hold them. */
	table[LENGTH_AT] = (unsigned char)len;
	table[LENGTH_AT + 1] = (unsigned char)(len >> 8);
	table[COUNT_AT] = (unsigned char)count;
	table[COUNT_AT + 1] = (unsigned char)(count >> 8);
	table[CHECKSUM_AT] = vmoon_acpi_checksum(table, len);
	buf[FLOATING_CHECKSUM_AT] = vmoon_acpi_checksum(buf, FLOATING_LEN);
	return VMOON_OK;
}
