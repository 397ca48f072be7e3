/* SPDX-License-Identifier: MIT */
/*
 * elf.c - x86 ELF executables: what to load where, and the PVH note.
 * Not here: relocatable files, sections, dynamic linking.
 */
#include "boot/elf.h"

#include "boot/boot.h"
#include "vmoon/ckd.h"
#include "vmoon/le.h"

#include <elf.h>
#include <string.h>

enum {
	EHDR_SIZE_MAX = 64,
	PHDR_SIZE_MAX = 56,
	NOTE_HEADER_SIZE = 12,
	/* Linux has 0.5 KiB of notes; the rest is room for build marks. */
	NOTES_SIZE_MAX = 1 << 20,
	NOTE_XEN_PHYS32_ENTRY = 18
};

/* Sizes and offsets that the two classes have apart; the rest is the same. */
struct elf_class {
	unsigned bits; /* of an address */
	uint8_t id;
	uint16_t machine;
	uint8_t ehdr_size, phdr_size;
	uint8_t phoff, phentsize, phnum;              /* in the ELF header */
	uint8_t p_offset, p_paddr, p_filesz, p_memsz; /* in a program header */
};

enum { ENTRY_AT = 24 };

static const struct elf_class elf64 = {64, ELFCLASS64, EM_X86_64, 64, 56, 32,
				       54, 56,         8,         24, 32, 40};
static const struct elf_class elf32 = {32, ELFCLASS32, EM_386, 52, 32, 28,
				       42, 44,         4,      12, 16, 20};

static uint64_t load_word(const struct elf_class *c, const unsigned char *p)
{
	return c->bits == 64 ? vmoon_le64_load(p) : vmoon_le32_load(p);
}

bool vmoon_elf_is(const struct vmoon_image *img)
{
	unsigned char ident[SELFMAG];

	return vmoon_image_read(img, 0, ident, sizeof(ident), NULL) ==
		       VMOON_OK &&
	       memcmp(ident, ELFMAG, SELFMAG) == 0;
}

bool vmoon_elf_is_32(const struct vmoon_image *img)
{
	unsigned char ident[EI_CLASS + 1];

	return vmoon_elf_is(img) &&
	       vmoon_image_read(img, 0, ident, sizeof(ident), NULL) ==
		       VMOON_OK &&
	       ident[EI_CLASS] == ELFCLASS32;
}

static enum vmoon_status check_ident(const struct elf_class *c,
				     const unsigned char *e,
				     struct vmoon_error *err)
{
	if (memcmp(e, ELFMAG, SELFMAG) != 0)
		return vmoon_fail(err, VMOON_E_IMAGE, 0, "is not an ELF file");
	if (e[EI_CLASS] != c->id)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "is not a %u-bit ELF file; give one built "
				  "for x86-64",
				  c->bits);
	if (e[EI_DATA] != ELFDATA2LSB)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "is a big-endian ELF file; give one built "
				  "for x86-64");
	if (vmoon_le16_load(e + 18) != c->machine)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "is an ELF file for machine %u, not %u; give "
				  "one built for x86%s",
				  vmoon_le16_load(e + 18), c->machine,
				  c->bits == 64 ? "-64" : "");
	if (e[EI_VERSION] != EV_CURRENT ||
	    vmoon_le32_load(e + 20) != EV_CURRENT)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has an unknown ELF version; give an ELF "
				  "version 1 file");
	if (vmoon_le16_load(e + 16) != ET_EXEC)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "is an ELF file of type %u; give a linked "
				  "executable (type %u)",
				  vmoon_le16_load(e + 16), ET_EXEC);
	return VMOON_OK;
}

static enum vmoon_status check_phdr_table(const struct elf_class *c,
					  const unsigned char *e,
					  struct vmoon_error *err)
{
	unsigned phnum = vmoon_le16_load(e + c->phnum);

	if (vmoon_le16_load(e + c->phentsize) != c->phdr_size)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has ELF program headers of %u bytes, %d "
				  "expected; the file is damaged",
				  vmoon_le16_load(e + c->phentsize),
				  c->phdr_size);
	if (load_word(c, e + c->phoff) < c->ehdr_size)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has ELF program headers inside its ELF "
				  "header; the file is damaged");
	if (phnum == 0 || phnum > VMOON_ELF_PHDRS_MAX)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has %u ELF program headers, 1 to %d "
				  "expected; give a linked kernel",
				  phnum, VMOON_ELF_PHDRS_MAX);
	return VMOON_OK;
}

static enum vmoon_status check_segment(const struct vmoon_elf_segment *s,
				       uint64_t file_size,
				       struct vmoon_error *err)
{
	uint64_t end;

	if (s->file.size > s->memsz)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has an ELF segment that is larger in the "
				  "file than in memory; the file is damaged");
	if (!vmoon_range_ok(s->file.offset, s->file.size, file_size))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "is truncated: an ELF segment goes past its "
				  "end; give a complete file");
	if (ckd_add(&end, s->paddr, s->memsz) || end > VMOON_ADDR_HOLE)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "wants an ELF segment at 0x%llx, where no "
				  "RAM can be; link it below 0x%llx",
				  (unsigned long long)s->paddr,
				  (unsigned long long)VMOON_ADDR_HOLE);
	/* Zero page, command line, page tables and ACPI are there. */
	if (s->paddr < VMOON_ADDR_HIGH_RAM)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "wants an ELF segment at 0x%llx, which the "
				  "boot data needs; link it at 1 MiB or above",
				  (unsigned long long)s->paddr);
	return VMOON_OK;
}

/* Insertion sort: at most VMOON_ELF_SEGMENTS_MAX steps. */
static enum vmoon_status add_segment(struct vmoon_elf *elf,
				     const struct vmoon_elf_segment *s,
				     struct vmoon_error *err)
{
	size_t i = elf->count;

	if (elf->count == VMOON_ELF_SEGMENTS_MAX)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has more than %d loadable ELF segments; "
				  "give a linked kernel",
				  VMOON_ELF_SEGMENTS_MAX);
	for (; i > 0 && elf->segments[i - 1].paddr > s->paddr; i--)
		elf->segments[i] = elf->segments[i - 1];
	elf->segments[i] = *s;
	elf->count++;
	return VMOON_OK;
}

static struct vmoon_elf_segment read_phdr(const struct elf_class *c,
					  const unsigned char *p)
{
	return (struct vmoon_elf_segment){
		.file = {load_word(c, p + c->p_offset),
			 load_word(c, p + c->p_filesz)},
		.paddr = load_word(c, p + c->p_paddr),
		.memsz = load_word(c, p + c->p_memsz),
	};
}

static enum vmoon_status add_phdr(struct vmoon_elf *elf, uint32_t type,
				  struct vmoon_elf_segment s,
				  uint64_t file_size, struct vmoon_error *err)
{
	if (type == PT_LOAD && (s.memsz != 0 || s.file.size != 0)) {
		enum vmoon_status st = check_segment(&s, file_size, err);

		return st != VMOON_OK ? st : add_segment(elf, &s, err);
	}
	if (type == PT_NOTE) {
		if (!vmoon_range_ok(s.file.offset, s.file.size, file_size))
			return vmoon_fail(err, VMOON_E_IMAGE, 0,
					  "is truncated: its ELF notes go past "
					  "its end; give a complete file");
		if (s.file.size > NOTES_SIZE_MAX ||
		    elf->notes_count == VMOON_ELF_NOTES_MAX)
			return vmoon_fail(err, VMOON_E_IMAGE, 0,
					  "has too many ELF notes; give a "
					  "linked kernel");
		elf->notes[elf->notes_count++] = s.file;
	}
	return VMOON_OK;
}

static enum vmoon_status finish(struct vmoon_elf *elf, struct vmoon_error *err)
{
	if (elf->count == 0)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has no loadable ELF segment; give a linked "
				  "kernel");
	for (size_t i = 0; i < elf->count; i++) {
		const struct vmoon_elf_segment *s = &elf->segments[i];

		if (i > 0 && s->paddr < elf->end)
			return vmoon_fail(err, VMOON_E_IMAGE, 0,
					  "has overlapping ELF segments at "
					  "0x%llx; the file is damaged",
					  (unsigned long long)s->paddr);
		elf->end = s->paddr + s->memsz;
	}
	elf->start = elf->segments[0].paddr;
	return VMOON_OK;
}

static enum vmoon_status parse(const struct elf_class *c,
			       const struct vmoon_image *img,
			       uint64_t file_size, struct vmoon_elf *out,
			       struct vmoon_error *err)
{
	unsigned char phdrs[VMOON_ELF_PHDRS_MAX * PHDR_SIZE_MAX];
	unsigned char ehdr[EHDR_SIZE_MAX];
	struct vmoon_elf elf = {0};
	enum vmoon_status st;
	unsigned phnum;

	st = vmoon_image_read(img, 0, ehdr, c->ehdr_size, err);
	if (st == VMOON_OK)
		st = check_ident(c, ehdr, err);
	if (st == VMOON_OK)
		st = check_phdr_table(c, ehdr, err);
	if (st != VMOON_OK)
		return st;
	phnum = vmoon_le16_load(ehdr + c->phnum);
	st = vmoon_image_read(img, load_word(c, ehdr + c->phoff), phdrs,
			      (uint64_t)phnum * c->phdr_size, err);
	for (unsigned i = 0; st == VMOON_OK && i < phnum; i++) {
		const unsigned char *p = phdrs + (size_t)i * c->phdr_size;

		st = add_phdr(&elf, vmoon_le32_load(p), read_phdr(c, p),
			      file_size, err);
	}
	if (st == VMOON_OK)
		st = finish(&elf, err);
	if (st != VMOON_OK)
		return st;
	elf.entry = load_word(c, ehdr + ENTRY_AT);
	*out = elf;
	return VMOON_OK;
}

enum vmoon_status vmoon_elf_parse(const struct vmoon_image *img,
				  uint64_t file_size, struct vmoon_elf *out,
				  struct vmoon_error *err)
{
	return parse(&elf64, img, file_size, out, err);
}

enum vmoon_status vmoon_elf_parse32(const struct vmoon_image *img,
				    uint64_t file_size, struct vmoon_elf *out,
				    struct vmoon_error *err)
{
	return parse(&elf32, img, file_size, out, err);
}

static uint64_t align4(uint64_t v)
{
	return (v + 3) & ~UINT64_C(3);
}

static enum vmoon_status take_pvh(struct vmoon_elf *elf,
				  const unsigned char *desc, uint32_t size,
				  struct vmoon_error *err)
{
	uint64_t entry;

	if (size != 4 && size != 8)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has a PVH note of %u bytes, 4 or 8 "
				  "expected; the file is damaged",
				  size);
	entry = size == 4 ? vmoon_le32_load(desc) : vmoon_le64_load(desc);
	if (!vmoon_elf_holds(elf, entry))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has a PVH entry at 0x%llx, outside of what "
				  "it loads; the file is damaged",
				  (unsigned long long)entry);
	elf->has_pvh = true;
	elf->pvh_entry = entry;
	return VMOON_OK;
}

/*
 * Name and contents are padded to 4 bytes, whatever p_align says. Each round
 * advances by 12 bytes or more, so size bounds the loop.
 */
static enum vmoon_status walk_notes(struct vmoon_elf *elf,
				    const unsigned char *buf, uint64_t size,
				    struct vmoon_error *err)
{
	uint64_t off = 0;

	while (!elf->has_pvh && vmoon_range_ok(off, NOTE_HEADER_SIZE, size)) {
		const unsigned char *h = buf + off;
		uint32_t namesz = vmoon_le32_load(h);
		uint32_t descsz = vmoon_le32_load(h + 4);
		uint64_t name = off + NOTE_HEADER_SIZE;
		uint64_t desc = name + align4(namesz);

		if (!vmoon_range_ok(name, namesz, size) ||
		    !vmoon_range_ok(desc, descsz, size))
			return vmoon_fail(err, VMOON_E_IMAGE, 0,
					  "has an ELF note that goes past its "
					  "segment; the file is damaged");
		if (vmoon_le32_load(h + 8) == NOTE_XEN_PHYS32_ENTRY &&
		    namesz == 4 && memcmp(buf + name, "Xen", 4) == 0)
			return take_pvh(elf, buf + desc, descsz, err);
		off = desc + align4(descsz);
	}
	return VMOON_OK;
}

enum vmoon_status vmoon_elf_find_pvh(const struct vmoon_image *img,
				     struct vmoon_elf *elf,
				     struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;

	/* The first note counts: a later one must not replace it. */
	for (size_t i = 0;
	     st == VMOON_OK && !elf->has_pvh && i < elf->notes_count; i++) {
		const struct vmoon_image_range *r = &elf->notes[i];
		unsigned char *buf;

		if (r->size == 0)
			continue;
		/* <= NOTES_SIZE_MAX */
		buf = vmoon_mem_alloc(img->mem, (size_t)r->size);
		if (buf == NULL)
			return vmoon_fail(err, VMOON_E_NOMEM, 0,
					  "no host memory for its ELF notes");
		st = vmoon_image_read(img, r->offset, buf, r->size, err);
		if (st == VMOON_OK)
			st = walk_notes(elf, buf, r->size, err);
		vmoon_mem_free(img->mem, buf, (size_t)r->size);
	}
	return st;
}

bool vmoon_elf_holds(const struct vmoon_elf *elf, uint64_t paddr)
{
	for (size_t i = 0; i < elf->count; i++) {
		const struct vmoon_elf_segment *s = &elf->segments[i];

		if (paddr >= s->paddr && paddr - s->paddr < s->file.size)
			return true;
	}
	return false;
}

enum vmoon_status vmoon_elf_check_memory(const struct vmoon_elf *elf,
					 const struct vmoon_gmem *gm,
					 struct vmoon_error *err)
{
	for (size_t i = 0; i < elf->count; i++) {
		const struct vmoon_elf_segment *s = &elf->segments[i];

		if (vmoon_gmem_borrow(gm, s->paddr, s->memsz) == NULL)
			return vmoon_fail(
				err, VMOON_E_CONFIG, 0,
				"needs RAM from 0x%llx to 0x%llx; give the VM "
				"at least %llu MiB of memory",
				(unsigned long long)elf->start,
				(unsigned long long)elf->end,
				(unsigned long long)((elf->end + VMOON_MIB -
						      1) /
						     VMOON_MIB));
	}
	return VMOON_OK;
}

enum vmoon_status vmoon_elf_clear_bss(const struct vmoon_elf *elf,
				      const struct vmoon_gmem *gm,
				      struct vmoon_error *err)
{
	for (size_t i = 0; i < elf->count; i++) {
		const struct vmoon_elf_segment *s = &elf->segments[i];

		if (vmoon_gmem_fill(gm, s->paddr + s->file.size, 0,
				    s->memsz - s->file.size) != VMOON_OK)
			return vmoon_fail(err, VMOON_E_CONFIG, 0,
					  "does not fit into the VM's memory");
	}
	return VMOON_OK;
}

enum vmoon_status vmoon_elf_load(const struct vmoon_elf *elf,
				 const struct vmoon_image *img,
				 const struct vmoon_gmem *gm,
				 struct vmoon_error *err)
{
	enum vmoon_status st = vmoon_elf_check_memory(elf, gm, err);

	for (size_t i = 0; st == VMOON_OK && i < elf->count; i++)
		st = vmoon_image_load(img, elf->segments[i].file, gm,
				      elf->segments[i].paddr, err);
	return st != VMOON_OK ? st : vmoon_elf_clear_bss(elf, gm, err);
}
