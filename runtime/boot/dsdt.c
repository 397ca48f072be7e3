/* SPDX-License-Identifier: MIT */
/*
 * dsdt.c - the devices of the x86_64 board in AML. No PNP0303: the i8042 has
 * a reset line only, and a keyboard driver would wait for it in vain.
 */
#include "boot/dsdt.h"

#include <stdio.h>
#include <string.h>

static void put_cpus(struct vmoon_aml *w, unsigned count)
{
	char name[8];

	for (unsigned i = 0; i < count; i++) {
		(void)snprintf(name, sizeof(name), "C%03X", i & 0xfff);
		vmoon_aml_open(w, VMOON_AML_DEVICE, name);
		vmoon_aml_name(w, "_HID");
		vmoon_aml_string(w, "ACPI0007");
		vmoon_aml_name(w, "_UID");
		vmoon_aml_integer(w, i);
		vmoon_aml_close(w);
	}
}

/* A device of the ISA kind: ports and, if irq is not 0, an edge interrupt. */
static void put_isa_device(struct vmoon_aml *w, const char *name,
			   const char *eisa_id, uint16_t port, uint8_t ports,
			   unsigned irq)
{
	vmoon_aml_open(w, VMOON_AML_DEVICE, name);
	vmoon_aml_name(w, "_HID");
	vmoon_aml_eisa_id(w, eisa_id);
	vmoon_aml_name(w, "_UID");
	vmoon_aml_integer(w, 1);
	vmoon_aml_name(w, "_CRS");
	vmoon_aml_open_template(w);
	vmoon_aml_io(w, port, ports);
	if (irq != 0)
		vmoon_aml_isa_irq(w, irq);
	vmoon_aml_close(w);
	vmoon_aml_close(w);
}

/* A one-byte field over one port. */
static void put_port_field(struct vmoon_aml *w, const char *region,
			   const char *field, unsigned port, unsigned flags)
{
	vmoon_aml_region(w, region, VMOON_AML_SYSTEM_IO, port, 1);
	vmoon_aml_open_field(w, region, flags);
	vmoon_aml_field_unit(w, field, 8);
	vmoon_aml_close(w);
}

/* RDPT and WRPT are part of what QEMU0001 promises its drivers. */
static void put_pvpanic(struct vmoon_aml *w, uint16_t port)
{
	vmoon_aml_open(w, VMOON_AML_DEVICE, "PANC");
	vmoon_aml_name(w, "_HID");
	vmoon_aml_string(w, "QEMU0001");
	vmoon_aml_name(w, "_STA");
	vmoon_aml_integer(w, 0x0f);
	vmoon_aml_name(w, "_CRS");
	vmoon_aml_open_template(w);
	vmoon_aml_io(w, port, 1);
	vmoon_aml_close(w);
	put_port_field(w, "PREG", "PBYT", port,
		       VMOON_AML_FIELD_BYTE | VMOON_AML_FIELD_PRESERVE);
	vmoon_aml_open_method(w, "RDPT", 0, false);
	vmoon_aml_op(w, VMOON_AML_RETURN);
	vmoon_aml_path(w, "PBYT");
	vmoon_aml_close(w);
	vmoon_aml_open_method(w, "WRPT", 1, false);
	vmoon_aml_op(w, VMOON_AML_STORE);
	vmoon_aml_op(w, VMOON_AML_ARG0);
	vmoon_aml_path(w, "PBYT");
	vmoon_aml_close(w);
	vmoon_aml_close(w);
}

/* _EVT: a pending power button is cleared, then told to the button. */
static void put_event_method(struct vmoon_aml *w)
{
	vmoon_aml_open_method(w, "_EVT", 1, true);
	vmoon_aml_op(w, VMOON_AML_STORE);
	vmoon_aml_path(w, "EBYT");
	vmoon_aml_op(w, VMOON_AML_LOCAL0);
	vmoon_aml_open(w, VMOON_AML_IF, NULL);
	vmoon_aml_op(w, VMOON_AML_AND);
	vmoon_aml_op(w, VMOON_AML_LOCAL0);
	vmoon_aml_integer(w, VMOON_ACPI_EVENT_POWER_BUTTON);
	vmoon_aml_integer(w, 0); /* no target for the result */
	vmoon_aml_op(w, VMOON_AML_STORE);
	vmoon_aml_integer(w, VMOON_ACPI_EVENT_POWER_BUTTON);
	vmoon_aml_path(w, "EBYT");
	vmoon_aml_op(w, VMOON_AML_NOTIFY);
	vmoon_aml_path(w, "PWRB");
	vmoon_aml_integer(w, 0x80); /* pressed; ACPI 6.5, 4.8.2.2.1.1 */
	vmoon_aml_close(w);
	vmoon_aml_close(w);
}

static void put_power_devices(struct vmoon_aml *w,
			      const struct vmoon_acpi_config *cfg)
{
	vmoon_aml_open(w, VMOON_AML_DEVICE, "PWRB");
	vmoon_aml_name(w, "_HID");
	vmoon_aml_eisa_id(w, "PNP0C0C");
	vmoon_aml_name(w, "_UID");
	vmoon_aml_integer(w, 0);
	vmoon_aml_close(w);

	vmoon_aml_open(w, VMOON_AML_DEVICE, "GED0");
	vmoon_aml_name(w, "_HID");
	vmoon_aml_string(w, "ACPI0013");
	vmoon_aml_name(w, "_UID");
	vmoon_aml_integer(w, 0);
	vmoon_aml_name(w, "_CRS");
	vmoon_aml_open_template(w);
	vmoon_aml_interrupt(w, cfg->pm_irq, VMOON_AML_IRQ_CONSUMER);
	vmoon_aml_close(w);
	/* Write 1 clears: reading back and preserving would clear too much. */
	put_port_field(w, "EREG", "EBYT", cfg->pm_port + VMOON_ACPI_PORT_EVENT,
		       VMOON_AML_FIELD_BYTE | VMOON_AML_FIELD_WRITE_ZEROS);
	put_event_method(w);
	vmoon_aml_close(w);
}

/* What Linux's virtio_mmio looks for; the id is Linaro's. */
static void put_virtio(struct vmoon_aml *w, unsigned uid,
		       const struct vmoon_acpi_virtio *v)
{
	char name[8];

	(void)snprintf(name, sizeof(name), "VR%02X", uid & 0xff);
	vmoon_aml_open(w, VMOON_AML_DEVICE, name);
	vmoon_aml_name(w, "_HID");
	vmoon_aml_string(w, "LNRO0005");
	vmoon_aml_name(w, "_UID");
	vmoon_aml_integer(w, uid);
	vmoon_aml_name(w, "_CRS");
	vmoon_aml_open_template(w);
	vmoon_aml_memory32(w, v->base, v->size);
	vmoon_aml_interrupt(w, v->gsi,
			    VMOON_AML_IRQ_CONSUMER | VMOON_AML_IRQ_SHARED);
	vmoon_aml_close(w);
	vmoon_aml_close(w);
}

/*
 * What Linux asks for by the names that device trees have: _DSD with the
 * properties' UUID (ACPI 6.5, 6.2.5), daffd814-6eba-4d8c-8a91-bc9bbf4aa301.
 */
static void put_compatible(struct vmoon_aml *w, const char *name)
{
	static const unsigned char uuid[] = {0x14, 0xd8, 0xff, 0xda, 0xba, 0x6e,
					     0x8c, 0x4d, 0x8a, 0x91, 0xbc, 0x9b,
					     0xbf, 0x4a, 0xa3, 0x01};

	vmoon_aml_name(w, "_DSD");
	vmoon_aml_open_package(w, 2);
	vmoon_aml_open(w, VMOON_AML_BUFFER, NULL);
	vmoon_aml_integer(w, sizeof(uuid));
	vmoon_aml_bytes(w, uuid, sizeof(uuid));
	vmoon_aml_close(w);
	vmoon_aml_open_package(w, 1);
	vmoon_aml_open_package(w, 2);
	vmoon_aml_string(w, "compatible");
	vmoon_aml_string(w, name);
	vmoon_aml_close(w);
	vmoon_aml_close(w);
	vmoon_aml_close(w);
}

static void put_resources(struct vmoon_aml *w,
			  const struct vmoon_acpi_device *d)
{
	const unsigned flags = VMOON_AML_IRQ_CONSUMER |
			       (d->is_edge ? VMOON_AML_IRQ_EDGE : 0u) |
			       (d->is_shared ? VMOON_AML_IRQ_SHARED : 0u);

	vmoon_aml_name(w, "_CRS");
	vmoon_aml_open_template(w);
	/* vmoon_acpi_build has looked at the window. */
	if (d->is_ports)
		vmoon_aml_io(w, (uint16_t)d->base, (uint8_t)d->size);
	else
		vmoon_aml_memory32(w, (uint32_t)d->base, (uint32_t)d->size);
	if (d->has_irq)
		vmoon_aml_interrupt(w, d->gsi, flags);
	vmoon_aml_close(w);
}

/* A device of the embedder's. Its _UID is none of the board's. */
static void put_device(struct vmoon_aml *w, unsigned i,
		       const struct vmoon_acpi_device *d)
{
	char name[8];

	(void)snprintf(name, sizeof(name), "DV%02X", i & 0xff);
	vmoon_aml_open(w, VMOON_AML_DEVICE, name);
	vmoon_aml_name(w, "_HID");
	if (d->is_compatible)
		vmoon_aml_string(w, "PRP0001");
	else if (strlen(d->id) == 7)
		vmoon_aml_eisa_id(w, d->id);
	else
		vmoon_aml_string(w, d->id);
	vmoon_aml_name(w, "_UID");
	vmoon_aml_integer(w, 0x100 + i);
	put_resources(w, d);
	if (d->is_compatible)
		put_compatible(w, d->id);
	vmoon_aml_close(w);
}

static void put_s5(struct vmoon_aml *w)
{
	vmoon_aml_name(w, "_S5");
	vmoon_aml_open_package(w, 4);
	vmoon_aml_integer(w, VMOON_ACPI_SLEEP_TYPE_S5);
	for (unsigned i = 1; i < 4; i++)
		vmoon_aml_integer(w, 0);
	vmoon_aml_close(w);
}

void vmoon_dsdt_write(struct vmoon_aml *w, const struct vmoon_acpi_config *cfg)
{
	if (cfg->pm_port != 0)
		put_s5(w);
	vmoon_aml_open(w, VMOON_AML_SCOPE, "_SB");
	put_cpus(w, cfg->cpu_count);
	if (cfg->serial_port != 0)
		put_isa_device(w, "COM1", "PNP0501", cfg->serial_port, 8,
			       cfg->serial_irq);
	if (cfg->rtc_port != 0)
		put_isa_device(w, "RTC0", "PNP0B00", cfg->rtc_port, 2,
			       cfg->rtc_irq);
	if (cfg->pvpanic_port != 0)
		put_pvpanic(w, cfg->pvpanic_port);
	if (cfg->pm_port != 0)
		put_power_devices(w, cfg);
	for (size_t i = 0; i < cfg->virtio_count; i++)
		put_virtio(w, (unsigned)i, &cfg->virtio[i]);
	for (size_t i = 0; i < cfg->device_count; i++)
		put_device(w, (unsigned)i, &cfg->devices[i]);
	vmoon_aml_close(w);
}
