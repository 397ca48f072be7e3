/* SPDX-License-Identifier: MIT */
/* acpi_rig.h - tables of a board, built and read back as a guest would. */
#ifndef VMOON_TESTS_ACPI_RIG_H
#define VMOON_TESTS_ACPI_RIG_H

#include "boot/acpi.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/fixture.h"

enum { BASE = 0xe0000, CAP = 0x20000, TABLES_MAX = 8 };

static const struct vmoon_acpi_config board = {.cpu_count = 2,
					       .ioapic_base = 0xfec00000,
					       .lapic_base = 0xfee00000,
					       .gsi_count = 24,
					       .serial_port = 0x3f8,
					       .serial_irq = 4,
					       .rtc_port = 0x70,
					       .pvpanic_port = 0x505,
					       .i8042_port = 0x60,
					       .pm_port = 0x600,
					       .pm_irq = 5};

struct built {
	unsigned char buf[CAP];
	size_t len;
};

static inline uint64_t le(const unsigned char *p, unsigned size)
{
	uint64_t v = 0;

	for (unsigned i = size; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static inline unsigned sum(const unsigned char *p, size_t len)
{
	unsigned s = 0;

	for (size_t i = 0; i < len; i++)
		s += p[i];
	return s & 0xff;
}

static inline struct built *build(const struct vmoon_acpi_config *cfg)
{
	struct built *b = malloc(sizeof(*b));
	struct vmoon_error err;

	assert_non_null(b);
	memset(b->buf, 0xa5, sizeof(b->buf));
	assert_ok(vmoon_acpi_build(cfg, BASE, b->buf, CAP, &b->len, &err),
		  &err);
	return b;
}

/* The table at a guest address, its length checked against what was built. */
static inline const unsigned char *table_at(const struct built *b, uint64_t gpa)
{
	assert_true(gpa >= BASE && vmoon_range_ok(gpa - BASE, 36, b->len));
	assert_true(vmoon_range_ok(gpa - BASE, le(b->buf + gpa - BASE + 4, 4),
				   b->len));
	return b->buf + (gpa - BASE);
}

static inline const unsigned char *xsdt_of(const struct built *b)
{
	return table_at(b, le(b->buf + 24, 8));
}

/* NULL when the XSDT does not list it. The DSDT hangs off the FADT. */
static inline const unsigned char *find(const struct built *b,
					const char *signature)
{
	const unsigned char *xsdt = xsdt_of(b);
	const size_t end = (size_t)le(xsdt + 4, 4);

	for (size_t at = 36; at < end; at += 8) {
		const unsigned char *table = table_at(b, le(xsdt + at, 8));

		if (memcmp(table, signature, 4) == 0)
			return table;
	}
	if (strcmp(signature, "DSDT") == 0)
		return table_at(b, le(find(b, "FACP") + 140, 8));
	return NULL;
}

static inline bool contains(const unsigned char *table, const void *what,
			    size_t len)
{
	const size_t size = (size_t)le(table + 4, 4);

	return memmem(table, size, what, len) != NULL;
}

#endif
