/* SPDX-License-Identifier: MIT */
/* vmlinux.c - a packed vmlinux, unpacked to where it runs. */
#include "boot/vmlinux.h"

#include "boot/boot.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* ELF header and program headers: the linker puts them in front. */
enum { HEADERS_SIZE = 4096 };

enum vmoon_status vmoon_vmlinux_plan(const struct vmoon_packed *packed,
				     uint64_t size, const struct vmoon_gmem *gm,
				     struct vmoon_elf *out_elf,
				     struct vmoon_error *err)
{
	unsigned char head[HEADERS_SIZE];
	struct vmoon_image img;
	enum vmoon_status st;
	size_t len;

	st = vmoon_unpack_prefix(packed, head, sizeof(head), &len, err);
	if (st != VMOON_OK)
		return st;
	img = vmoon_image_of_bytes(head, len);
	st = vmoon_elf_parse(&img, size, out_elf, err);
	if (st == VMOON_OK)
		return vmoon_elf_check_memory(out_elf, gm, err);
	vmoon_error_prefix(err, "the %s payload",
			   vmoon_unpack_name(packed->format));
	return st;
}

static bool overlap(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a_len != 0 && b_len != 0 && a < b + b_len && b < a + a_len;
}

/* Whether moving segment i now would hit what another one is made of. */
static bool is_in_the_way(const struct vmoon_elf *elf, size_t i, uint64_t base,
			  const bool *is_moved)
{
	const struct vmoon_elf_segment *s = &elf->segments[i];

	for (size_t j = 0; j < elf->count; j++) {
		const struct vmoon_image_range *f = &elf->segments[j].file;

		if (j != i && !is_moved[j] &&
		    overlap(s->paddr, s->file.size, base + f->offset, f->size))
			return true;
	}
	return false;
}

bool vmoon_vmlinux_order(const struct vmoon_elf *elf, uint64_t base,
			 unsigned char order[VMOON_ELF_SEGMENTS_MAX])
{
	bool is_moved[VMOON_ELF_SEGMENTS_MAX] = {false};

	/* One more is moved per round, or there is no order. */
	for (size_t n = 0; n < elf->count; n++) {
		size_t i = 0;

		while (i < elf->count &&
		       (is_moved[i] || is_in_the_way(elf, i, base, is_moved)))
			i++;
		if (i == elf->count)
			return false;
		is_moved[i] = true;
		order[n] = (unsigned char)i;
	}
	return true;
}

/* Where the file must begin for the first segment to need no move. */
static bool find_base(const struct vmoon_elf *elf, uint64_t *out_base)
{
	const struct vmoon_elf_segment *first = &elf->segments[0];

	if (first->file.offset > first->paddr ||
	    first->paddr - first->file.offset < VMOON_ADDR_HIGH_RAM)
		return false;
	*out_base = first->paddr - first->file.offset;
	return true;
}

static void move_segments(const struct vmoon_elf *elf,
			  const unsigned char *order, unsigned char *file,
			  uint64_t base)
{
	for (size_t n = 0; n < elf->count; n++) {
		const struct vmoon_elf_segment *s = &elf->segments[order[n]];
		unsigned char *src = file + s->file.offset;

		/* base < paddr for the first, so for all: see find_base. */
		if (file + (s->paddr - base) != src)
			memmove(file + (s->paddr - base), src,
				(size_t)s->file.size);
	}
}

static enum vmoon_status unpack_staged(const struct vmoon_packed *packed,
				       uint64_t size,
				       const struct vmoon_gmem *gm,
				       struct vmoon_elf *elf,
				       struct vmoon_error *err)
{
	struct vmoon_image img;
	enum vmoon_status st;
	void *buf = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (buf == MAP_FAILED)
		return vmoon_fail(err, VMOON_E_NOMEM, errno,
				  "no host memory for unpacking it");
	img = vmoon_image_of_bytes(buf, size);
	st = vmoon_unpack_all(packed, buf, (size_t)size, err);
	if (st == VMOON_OK)
		st = vmoon_elf_find_pvh(&img, elf, err);
	if (st == VMOON_OK)
		st = vmoon_elf_load(elf, &img, gm, err);
	(void)munmap(buf, (size_t)size);
	return st;
}

enum vmoon_status vmoon_vmlinux_unpack(const struct vmoon_packed *packed,
				       uint64_t size,
				       const struct vmoon_gmem *gm,
				       struct vmoon_elf *elf,
				       struct vmoon_error *err)
{
	unsigned char order[VMOON_ELF_SEGMENTS_MAX] = {0};
	unsigned char *file = NULL;
	struct vmoon_image img;
	enum vmoon_status st;
	uint64_t base;

	if (find_base(elf, &base) && vmoon_vmlinux_order(elf, base, order) &&
	    vmoon_gmem_borrow(gm, base, elf->end - base) != NULL)
		file = vmoon_gmem_borrow(gm, base, size);
	if (file == NULL)
		return unpack_staged(packed, size, gm, elf, err);
	img = vmoon_image_of_bytes(file, size);
	st = vmoon_unpack_all(packed, file, (size_t)size, err);
	if (st == VMOON_OK)
		st = vmoon_elf_find_pvh(&img, elf, err);
	if (st != VMOON_OK)
		return st;
	move_segments(elf, order, file, base);
	return vmoon_elf_clear_bss(elf, gm, err);
}
