/* SPDX-License-Identifier: MIT */
/*
 * dump_acpi.c - writes the board's ACPI tables to files, for iasl and others.
 *
 * dump_acpi DIR CPUS VIRTIO DEVICES makes DIR/tables.bin (all of them as they
 * stand from guest address 0xe0000) and DIR/SIGNATURE.dat for each table.
 */
#include "boot/acpi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BASE = 0xe0000, CAP = 0x20000, XSDT_AT = 24, ENTRIES_AT = 36 };
enum { DSDT_AT = 140 };
#define VIRTIO_BASE 0xc8000000u
#define VIRTIO_SIZE 0x1000u

static uint64_t load_le(const unsigned char *p, unsigned size)
{
	uint64_t v = 0;

	for (unsigned i = size; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static int write_file(const char *dir, const char *name, const void *data,
		      size_t len)
{
	char path[4096];
	FILE *f;
	int failed;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	if (f == NULL) {
		perror(path);
		return 1;
	}
	failed = fwrite(data, 1, len, f) != len;
	failed |= fclose(f) != 0;
	if (failed)
		perror(path);
	return failed;
}

static int write_table(const char *dir, const unsigned char *table)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "%.4s.dat", (const char *)table);
	return write_file(dir, name, table, (size_t)load_le(table + 4, 4));
}

static int write_all(const char *dir, const unsigned char *buf, size_t len)
{
	const unsigned char *xsdt = buf + (load_le(buf + XSDT_AT, 8) - BASE);
	const size_t end = (size_t)load_le(xsdt + 4, 4);
	int failed = write_file(dir, "tables.bin", buf, len);

	failed |= write_file(dir, "RSDP.dat", buf, 36);
	failed |= write_table(dir, xsdt);
	for (size_t at = ENTRIES_AT; at < end; at += 8) {
		const unsigned char *table =
			buf + (load_le(xsdt + at, 8) - BASE);

		failed |= write_table(dir, table);
		if (memcmp(table, "FACP", 4) == 0)
			failed |= write_table(
				dir,
				buf + (load_le(table + DSDT_AT, 8) - BASE));
	}
	return failed;
}

/* All forms that there are come round. */
static struct vmoon_acpi_device device_of(unsigned i)
{
	static const char *const ids[] = {"acme,counter", "PNP0501",
					  "ACME0001"};
	struct vmoon_acpi_device d = {.is_compatible = i % 3 == 0,
				      .is_ports = (i & 1) != 0,
				      .has_irq = (i & 2) == 0,
				      .is_edge = (i & 4) != 0,
				      .is_shared = (i & 8) != 0,
				      .gsi = 6 + i % 4};

	d.base = d.is_ports ? 0xc000 + i * 0x20 : 0xd0000000 + i * VIRTIO_SIZE;
	d.size = d.is_ports ? 0x20 : VIRTIO_SIZE;
	(void)snprintf(d.id, sizeof(d.id), "%s", ids[i % 3]);
	return d;
}

int main(int argc, char **argv)
{
	static unsigned char buf[CAP];
	struct vmoon_acpi_virtio virtio[VMOON_ACPI_VIRTIO_MAX];
	struct vmoon_acpi_config cfg = {.ioapic_base = 0xfec00000,
					.lapic_base = 0xfee00000,
					.gsi_count = 24,
					.serial_port = 0x3f8,
					.serial_irq = 4,
					.rtc_port = 0x70,
					.pvpanic_port = 0x505,
					.pm_port = 0x600,
					.pm_irq = 5,
					.virtio = virtio};
	static struct vmoon_acpi_device devices[VMOON_ACPI_DEVICES_MAX];
	struct vmoon_error err;
	size_t len;

	if (argc != 5) {
		fprintf(stderr, "usage: dump_acpi DIR CPUS VIRTIO DEVICES\n");
		return 2;
	}
	cfg.cpu_count = (unsigned)strtoul(argv[2], NULL, 10);
	cfg.virtio_count = strtoul(argv[3], NULL, 10);
	for (unsigned i = 0; i < VMOON_ACPI_VIRTIO_MAX; i++)
		virtio[i] = (struct vmoon_acpi_virtio){
			VIRTIO_BASE + i * VIRTIO_SIZE, VIRTIO_SIZE, 16 + i % 8};
	cfg.device_count = strtoul(argv[4], NULL, 10);
	cfg.devices = devices;
	for (unsigned i = 0; i < VMOON_ACPI_DEVICES_MAX; i++)
		devices[i] = device_of(i);
	if (vmoon_acpi_build(&cfg, BASE, buf, sizeof(buf), &len, &err) !=
	    VMOON_OK) {
		fprintf(stderr, "dump_acpi: %s\n", err.msg);
		return 1;
	}
	return write_all(argv[1], buf, len);
}
