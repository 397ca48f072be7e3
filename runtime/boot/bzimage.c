/* SPDX-License-Identifier: MIT */
/*
 * bzimage.c - the Linux/x86 boot protocol: setup header of a bzImage.
 * Linux Documentation/arch/x86/boot.rst. Not here: zImage, 32-bit kernels,
 * the 16-bit and 32-bit entries, EFI.
 */
#include "boot/bzimage.h"

#include "boot/boot.h"
#include "vmoon/ckd.h"
#include "vmoon/le.h"

#include <string.h>

/* Offsets in the file. */
enum {
	SETUP_SECTS = 0x1f1,
	JUMP_LENGTH = 0x201, /* the header ends at 0x202 plus this byte */
	MAGIC = 0x202,
	VERSION = 0x206,
	LOADFLAGS = 0x211,
	INITRD_ADDR_MAX = 0x22c,
	KERNEL_ALIGNMENT = 0x230,
	RELOCATABLE_KERNEL = 0x234,
	XLOADFLAGS = 0x236,
	CMDLINE_SIZE = 0x238,
	PAYLOAD_OFFSET = 0x248,
	PAYLOAD_LENGTH = 0x24c,
	PREF_ADDRESS = 0x258,
	INIT_SIZE = 0x260,
	HEADER_LAST = 0x264, /* the fields used here end before this */
	HDRS = 0x53726448,
	SECTOR = 512
};
enum { LOADED_HIGH = 1, XLF_KERNEL_64 = 1 };

bool vmoon_bzimage_is(const struct vmoon_image *img)
{
	unsigned char magic[4];

	return vmoon_image_read(img, MAGIC, magic, sizeof(magic), NULL) ==
		       VMOON_OK &&
	       vmoon_le32_load(magic) == HDRS;
}

static enum vmoon_status check_kind(const unsigned char *h,
				    struct vmoon_error *err)
{
	unsigned version = vmoon_le16_load(h + VERSION);

	if (vmoon_le32_load(h + MAGIC) != HDRS)
		return vmoon_fail(err, VMOON_E_IMAGE, 0, "is not a bzImage");
	if (version < 0x200)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has boot protocol %u.%02u, older than 2.00; "
				  "give a bzImage of Linux 3.8 or newer",
				  version >> 8, version & 0xff);
	if ((h[LOADFLAGS] & LOADED_HIGH) == 0)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "is a zImage, not a bzImage; give a bzImage "
				  "of Linux 3.8 or newer");
	if (version < 0x20c)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has boot protocol %u.%02u without a 64-bit "
				  "entry; give a bzImage of Linux 3.8 or newer",
				  version >> 8, version & 0xff);
	if ((vmoon_le16_load(h + XLOADFLAGS) & XLF_KERNEL_64) == 0)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "is a 32-bit kernel; give one built for "
				  "x86-64");
	if (h[JUMP_LENGTH] < HEADER_LAST - MAGIC)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has a setup header that is too short for "
				  "its version; the file is damaged");
	return VMOON_OK;
}

static enum vmoon_status find_parts(const unsigned char *h, uint64_t file_size,
				    struct vmoon_bzimage *bz,
				    struct vmoon_error *err)
{
	unsigned sects = h[SETUP_SECTS] != 0 ? h[SETUP_SECTS] : 4;
	uint64_t setup = ((uint64_t)sects + 1) * SECTOR;
	uint64_t off = vmoon_le32_load(h + PAYLOAD_OFFSET);
	uint64_t len = vmoon_le32_load(h + PAYLOAD_LENGTH);

	/* The entry itself must be in the file. */
	if (file_size <= setup + VMOON_BZIMAGE_ENTRY64)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "is truncated: it ends at byte %llu, before "
				  "its kernel; give a complete file",
				  (unsigned long long)file_size);
	bz->kernel = (struct vmoon_image_range){setup, file_size - setup};
	if (!vmoon_range_ok(off, len, bz->kernel.size))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "is truncated: its payload of %llu bytes at "
				  "offset %llu goes past its end; give a "
				  "complete file",
				  (unsigned long long)len,
				  (unsigned long long)(setup + off));
	bz->payload = (struct vmoon_image_range){setup + off, len};
	return VMOON_OK;
}

/* Where the kernel's own code puts itself: pref_address, aligned. */
static enum vmoon_status find_place(const unsigned char *h,
				    struct vmoon_bzimage *bz,
				    struct vmoon_error *err)
{
	uint64_t align = vmoon_le32_load(h + KERNEL_ALIGNMENT);
	uint64_t start = vmoon_le64_load(h + PREF_ADDRESS);
	uint64_t need = vmoon_le32_load(h + INIT_SIZE);

	if (need < bz->kernel.size)
		need = bz->kernel.size;
	if (h[RELOCATABLE_KERNEL] != 0) {
		if (align == 0 || (align & (align - 1)) != 0)
			return vmoon_fail(err, VMOON_E_IMAGE, 0,
					  "has a kernel_alignment of 0x%llx, "
					  "not a power of two; the file is "
					  "damaged",
					  (unsigned long long)align);
		if (ckd_add(&start, start, align - 1))
			start = UINT64_MAX;
		start &= ~(align - 1);
	}
	if (start < VMOON_ADDR_HIGH_RAM || ckd_add(&bz->end, start, need) ||
	    bz->end > VMOON_ADDR_HOLE)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "wants %llu bytes at 0x%llx, outside of 1 "
				  "MiB to 3 GiB; the file is damaged",
				  (unsigned long long)need,
				  (unsigned long long)start);
	bz->start = start;
	return VMOON_OK;
}

enum vmoon_status vmoon_bzimage_parse(const struct vmoon_image *img,
				      struct vmoon_bzimage *out,
				      struct vmoon_error *err)
{
	unsigned char h[VMOON_SETUP_HEADER_END] = {0};
	struct vmoon_bzimage bz = {0};
	enum vmoon_status st;

	st = vmoon_image_read(
		img, 0, h, img->size < sizeof(h) ? img->size : sizeof(h), err);
	if (st == VMOON_OK)
		st = check_kind(h, err);
	if (st == VMOON_OK)
		st = find_parts(h, img->size, &bz, err);
	if (st == VMOON_OK)
		st = find_place(h, &bz, err);
	if (st != VMOON_OK)
		return st;
	bz.cmdline_max = vmoon_le32_load(h + CMDLINE_SIZE);
	bz.initrd_max = vmoon_le32_load(h + INITRD_ADDR_MAX);
	bz.header_len = MAGIC + (size_t)h[JUMP_LENGTH] - VMOON_SETUP_HEADER;
	if (bz.header_len > sizeof(bz.header))
		bz.header_len = sizeof(bz.header);
	memcpy(bz.header, h + VMOON_SETUP_HEADER, bz.header_len);
	*out = bz;
	return VMOON_OK;
}

enum vmoon_status vmoon_bzimage_check_memory(const struct vmoon_bzimage *bz,
					     const struct vmoon_gmem *gm,
					     struct vmoon_error *err)
{
	if (vmoon_gmem_borrow(gm, bz->start, bz->end - bz->start) != NULL)
		return VMOON_OK;
	return vmoon_fail(
		err, VMOON_E_CONFIG, 0,
		"needs RAM from 0x%llx to 0x%llx to unpack itself; "
		"give the VM at least %llu MiB of memory",
		(unsigned long long)bz->start, (unsigned long long)bz->end,
		(unsigned long long)((bz->end + VMOON_MIB - 1) / VMOON_MIB));
}

enum vmoon_status vmoon_bzimage_load(const struct vmoon_bzimage *bz,
				     const struct vmoon_image *img,
				     const struct vmoon_gmem *gm,
				     struct vmoon_error *err)
{
	enum vmoon_status st = vmoon_bzimage_check_memory(bz, gm, err);

	return st != VMOON_OK
		       ? st
		       : vmoon_image_load(img, bz->kernel, gm, bz->start, err);
}
