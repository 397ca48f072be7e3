/* SPDX-License-Identifier: MIT */
/* elf.h - x86 ELF executables: what to load where, and the PVH note. */
#ifndef VMOON_RUNTIME_BOOT_ELF_H
#define VMOON_RUNTIME_BOOT_ELF_H

#include "boot/image.h"

enum {
	VMOON_ELF_PHDRS_MAX = 128, /* kernels have about five */
	VMOON_ELF_SEGMENTS_MAX = 32,
	VMOON_ELF_NOTES_MAX = 8
};

struct vmoon_elf_segment {
	struct vmoon_image_range file;
	uint64_t paddr, memsz; /* memsz >= file.size, and not 0 */
};

struct vmoon_elf {
	/* In ascending order of paddr, disjoint, all above the first MiB. */
	struct vmoon_elf_segment segments[VMOON_ELF_SEGMENTS_MAX];
	size_t count; /* at least 1 */
	struct vmoon_image_range notes[VMOON_ELF_NOTES_MAX];
	size_t notes_count;
	uint64_t start, end; /* of all segments in guest memory */
	uint64_t entry;      /* as the header says, not checked yet */
	bool has_pvh;        /* set by vmoon_elf_find_pvh */
	uint64_t pvh_entry;
};

/* True when the image begins as an ELF file does; as a 32-bit one. */
bool vmoon_elf_is(const struct vmoon_image *img) VMOON_NONNULL(1);
bool vmoon_elf_is_32(const struct vmoon_image *img) VMOON_NONNULL(1);

/*
 * Reads the ELF and program headers from img and checks everything in them,
 * against file_size where a segment's place in the file is concerned: img may
 * be only the beginning of the file.
 */
VMOON_STATUS vmoon_elf_parse(const struct vmoon_image *img, uint64_t file_size,
			     struct vmoon_elf *out, struct vmoon_error *err)
	VMOON_NONNULL(1, 3);
/* The same for a 32-bit file, as Multiboot kernels are. */
VMOON_STATUS vmoon_elf_parse32(const struct vmoon_image *img,
			       uint64_t file_size, struct vmoon_elf *out,
			       struct vmoon_error *err) VMOON_NONNULL(1, 3);

/* Looks for the PVH entry; img is the whole file. None is not an error. */
VMOON_STATUS vmoon_elf_find_pvh(const struct vmoon_image *img,
				struct vmoon_elf *elf, struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

/* True when the address lies in what a segment loads. */
bool vmoon_elf_holds(const struct vmoon_elf *elf, uint64_t paddr)
	VMOON_NONNULL(1);

/* E_CONFIG unless all segments are RAM. */
VMOON_STATUS vmoon_elf_check_memory(const struct vmoon_elf *elf,
				    const struct vmoon_gmem *gm,
				    struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

/* Checks memory, then copies all segments and zeroes their BSS. */
VMOON_STATUS vmoon_elf_load(const struct vmoon_elf *elf,
			    const struct vmoon_image *img,
			    const struct vmoon_gmem *gm,
			    struct vmoon_error *err) VMOON_NONNULL(1, 2, 3);

/* Zeroes the BSS of all segments; memory has been checked. */
VMOON_STATUS vmoon_elf_clear_bss(const struct vmoon_elf *elf,
				 const struct vmoon_gmem *gm,
				 struct vmoon_error *err) VMOON_NONNULL(1, 2);

#endif
