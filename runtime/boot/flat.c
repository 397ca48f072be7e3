/* SPDX-License-Identifier: MIT */
/* flat.c - kernels without a format: bytes, an address and a CPU mode. */
#include "boot/flat.h"

#include "vmoon/ckd.h"

struct occupied {
	uint64_t start, end;
	enum vmoon_flat_mode from; /* there in this mode and those after it */
	const char *what;
};

static bool overlaps(const struct occupied *o, uint64_t start, uint64_t end)
{
	return start < o->end && end > o->start;
}

static enum vmoon_status check_free(const struct vmoon_flat *flat, uint64_t end,
				    size_t cmdline_len, struct vmoon_error *err)
{
	const struct occupied all[] = {
		{VMOON_ADDR_GDT, VMOON_ADDR_IDT + 8, VMOON_FLAT_PROTECTED,
		 "the GDT and IDT"},
		{VMOON_ADDR_PML4, VMOON_ADDR_PAGE_TABLES_END, VMOON_FLAT_LONG,
		 "the page tables"},
		{VMOON_ADDR_CMDLINE, VMOON_ADDR_CMDLINE + cmdline_len + 1,
		 VMOON_FLAT_REAL, "the command line"},
		{VMOON_ADDR_LOW_RAM_END, VMOON_ADDR_HIGH_RAM, VMOON_FLAT_REAL,
		 "the MP table and ACPI"},
	};

	for (size_t i = 0; i < VMOON_COUNTOF(all); i++) {
		if (flat->mode < all[i].from ||
		    !overlaps(&all[i], flat->at, end))
			continue;
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "at 0x%llx would cover %s (0x%llx to "
				  "0x%llx); choose another address",
				  (unsigned long long)flat->at, all[i].what,
				  (unsigned long long)all[i].start,
				  (unsigned long long)all[i].end);
	}
	return VMOON_OK;
}

enum vmoon_status vmoon_flat_plan(const struct vmoon_flat *flat, uint64_t size,
				  size_t cmdline_len, struct vmoon_elf *out,
				  struct vmoon_error *err)
{
	const struct vmoon_elf_segment s = {
		.file = {0, size}, .paddr = flat->at, .memsz = size};
	enum vmoon_status st;
	uint64_t end;

	if (flat->mode == VMOON_FLAT_REAL && flat->at >= VMOON_ADDR_HIGH_RAM)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "at 0x%llx is out of reach for real mode; "
				  "choose an address below 1 MiB",
				  (unsigned long long)flat->at);
	if (ckd_add(&end, flat->at, size) || end > VMOON_ADDR_HOLE)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "at 0x%llx does not end below 0x%llx, where "
				  "RAM does; choose a lower address",
				  (unsigned long long)flat->at,
				  (unsigned long long)VMOON_ADDR_HOLE);
	st = check_free(flat, end, cmdline_len, err);
	if (st != VMOON_OK)
		return st;
	*out = (struct vmoon_elf){.segments = {s},
				  .count = 1,
				  .start = flat->at,
				  .end = end,
				  .entry = flat->at};
	return VMOON_OK;
}

enum vmoon_x86_mode vmoon_flat_cpu_mode(enum vmoon_flat_mode mode)
{
	if (mode == VMOON_FLAT_REAL)
		return VMOON_X86_REAL16;
	return mode == VMOON_FLAT_LONG ? VMOON_X86_LONG64 : VMOON_X86_PROT32;
}

void vmoon_flat_set_entry(const struct vmoon_flat *flat,
			  struct vmoon_x86_entry *entry)
{
	entry->rsi = VMOON_ADDR_CMDLINE;
	entry->rbx = 0;
	entry->rip = flat->at;
	if (flat->mode != VMOON_FLAT_REAL || flat->at < 0x10000)
		return;
	entry->cs = (uint16_t)(flat->at >> 4); /* at is below 1 MiB */
	entry->rip = flat->at & 0xf;
}
