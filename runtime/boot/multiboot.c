/* SPDX-License-Identifier: MIT */
/*
 * multiboot.c - Multiboot 1: finding the header, what to load where.
 * Multiboot Specification 0.6.96, 3.1 and 3.2. Not here: video modes, ELF
 * symbols for the kernel, drives, APM.
 */
#include "boot/multiboot.h"

#include "boot/boot.h"
#include "vmoon/le.h"

/* Offsets in the header. */
enum {
	FLAGS = 4,
	CHECKSUM = 8,
	HEADER_ADDR = 12,
	LOAD_ADDR = 16,
	LOAD_END_ADDR = 20,
	BSS_END_ADDR = 24,
	ENTRY_ADDR = 28,
	SHORT_SIZE = 12, /* without address fields */
	LONG_SIZE = 32,
	SEARCH_SIZE = 8192 /* all of the header is in here */
};
#define MAGIC UINT32_C(0x1badb002)

/* Requirements: what the kernel cannot do without, and what we have. */
enum {
	WANTS_MEMORY_INFO = 0x2,
	WANTS_PAGE_ALIGNED = 0x1,
	WANTS_MASK = 0xffff,
	HAS_ADDRESSES = 0x10000
};

struct header {
	uint64_t offset; /* in the file */
	uint32_t flags;
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry;
};

static bool is_header(const unsigned char *p)
{
	return vmoon_le32_load(p) == MAGIC &&
	       (uint32_t)(MAGIC + vmoon_le32_load(p + FLAGS) +
			  vmoon_le32_load(p + CHECKSUM)) == 0;
}

/* The beginning of a file, where the header must be. */
struct beginning {
	unsigned char bytes[SEARCH_SIZE];
	size_t len;
};

static enum vmoon_status read_beginning(const struct vmoon_image *img,
					struct beginning *b,
					struct vmoon_error *err)
{
	b->len = img->size < SEARCH_SIZE ? (size_t)img->size : SEARCH_SIZE;
	return vmoon_image_read(img, 0, b->bytes, b->len, err);
}

/* The first header counts; where there is none, nothing fits at *out. */
static bool find_header(const struct beginning *b, size_t *out)
{
	*out = 0;
	while (vmoon_range_ok(*out, SHORT_SIZE, b->len)) {
		if (is_header(b->bytes + *out))
			return true;
		*out += 4;
	}
	return false;
}

bool vmoon_multiboot_is(const struct vmoon_image *img)
{
	struct beginning b;
	size_t at;

	return read_beginning(img, &b, NULL) == VMOON_OK &&
	       find_header(&b, &at);
}

static enum vmoon_status read_header(const struct vmoon_image *img,
				     struct header *out,
				     struct vmoon_error *err)
{
	struct beginning b;
	enum vmoon_status st = read_beginning(img, &b, err);
	const unsigned char *p;
	size_t at;

	if (st != VMOON_OK)
		return st;
	if (!find_header(&b, &at))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has no Multiboot header in its first %d "
				  "bytes; give a Multiboot 1 kernel",
				  SEARCH_SIZE);
	p = b.bytes + at;
	*out = (struct header){.offset = at,
			       .flags = vmoon_le32_load(p + FLAGS)};
	if ((out->flags & HAS_ADDRESSES) == 0)
		return VMOON_OK;
	if (!vmoon_range_ok(at, LONG_SIZE, b.len))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has a Multiboot header at offset %zu that "
				  "is cut off; give a complete file",
				  at);
	out->header_addr = vmoon_le32_load(p + HEADER_ADDR);
	out->load_addr = vmoon_le32_load(p + LOAD_ADDR);
	out->load_end_addr = vmoon_le32_load(p + LOAD_END_ADDR);
	out->bss_end_addr = vmoon_le32_load(p + BSS_END_ADDR);
	out->entry = vmoon_le32_load(p + ENTRY_ADDR);
	return VMOON_OK;
}

static enum vmoon_status fail_addresses(const struct header *h,
					const char *what,
					struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_IMAGE, 0,
			  "has a Multiboot header at offset %llu whose %s; "
			  "the file is damaged",
			  (unsigned long long)h->offset, what);
}

/* Which part of the file goes to load_addr. */
static enum vmoon_status find_file_part(const struct header *h,
					uint64_t file_size,
					struct vmoon_image_range *out,
					struct vmoon_error *err)
{
	uint64_t before;

	if (h->load_addr > h->header_addr)
		return fail_addresses(h, "load_addr is above its header_addr",
				      err);
	before = h->header_addr - h->load_addr;
	if (before > h->offset)
		return fail_addresses(h, "load_addr is before the file's start",
				      err);
	out->offset = h->offset - before;
	out->size = file_size - out->offset;
	if (h->load_end_addr == 0)
		return VMOON_OK; /* all of the file */
	if (h->load_end_addr <= h->load_addr)
		return fail_addresses(h, "load_end_addr is not above load_addr",
				      err);
	out->size = h->load_end_addr - h->load_addr;
	if (!vmoon_range_ok(out->offset, out->size, file_size))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "is truncated: it should have %llu bytes at "
				  "offset %llu; give a complete file",
				  (unsigned long long)out->size,
				  (unsigned long long)out->offset);
	return VMOON_OK;
}

static enum vmoon_status take_addresses(const struct header *h,
					uint64_t file_size,
					struct vmoon_elf *out,
					struct vmoon_error *err)
{
	struct vmoon_elf_segment s = {.paddr = h->load_addr};
	enum vmoon_status st = find_file_part(h, file_size, &s.file, err);

	if (st != VMOON_OK)
		return st;
	s.memsz = s.file.size;
	if (h->bss_end_addr != 0) {
		if (h->bss_end_addr < s.paddr + s.file.size)
			return fail_addresses(
				h, "bss_end_addr is inside of what is loaded",
				err);
		s.memsz = h->bss_end_addr - s.paddr;
	}
	if (s.paddr < VMOON_ADDR_HIGH_RAM ||
	    s.paddr + s.memsz > VMOON_ADDR_HOLE)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "wants %llu bytes at 0x%llx, outside of 1 "
				  "MiB to 3 GiB; link it there",
				  (unsigned long long)s.memsz,
				  (unsigned long long)s.paddr);
	*out = (struct vmoon_elf){.segments = {s},
				  .count = 1,
				  .start = s.paddr,
				  .end = s.paddr + s.memsz,
				  .entry = h->entry};
	return VMOON_OK;
}

static enum vmoon_status take_elf(const struct vmoon_image *img,
				  struct vmoon_elf *out,
				  struct vmoon_error *err)
{
	if (!vmoon_elf_is(img))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has a Multiboot header without address "
				  "fields and is not an ELF file; set bit 16 "
				  "of its flags or link it as ELF");
	return vmoon_elf_is_32(img)
		       ? vmoon_elf_parse32(img, img->size, out, err)
		       : vmoon_elf_parse(img, img->size, out, err);
}

enum vmoon_status vmoon_multiboot_parse(const struct vmoon_image *img,
					struct vmoon_elf *out,
					struct vmoon_error *err)
{
	struct vmoon_elf elf;
	struct header h = {0};
	uint32_t more;
	enum vmoon_status st = read_header(img, &h, err);

	if (st != VMOON_OK)
		return st;
	more = h.flags & WANTS_MASK &
	       ~(uint32_t)(WANTS_PAGE_ALIGNED | WANTS_MEMORY_INFO);
	if (more != 0)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "demands what is not there (Multiboot flags "
				  "0x%x%s); clear them in its header",
				  more,
				  (more & 4) != 0 ? ", a video mode" : "");
	st = (h.flags & HAS_ADDRESSES) != 0
		     ? take_addresses(&h, img->size, &elf, err)
		     : take_elf(img, &elf, err);
	if (st != VMOON_OK)
		return st;
	if (!vmoon_elf_holds(&elf, elf.entry))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has an entry at 0x%llx, outside of what it "
				  "loads; link it so that the entry is a "
				  "physical address",
				  (unsigned long long)elf.entry);
	*out = elf;
	return VMOON_OK;
}
