/* SPDX-License-Identifier: MIT */
/* kernel.c - a kernel file of any kind: recognise, plan, put into memory. */
#include "boot/kernel.h"

#include "boot/flat.h"
#include "boot/multiboot.h"
#include "boot/vmlinux.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static enum vmoon_status fail_unknown(const struct vmoon_image *img,
				      struct vmoon_error *err)
{
	unsigned char head[4] = {0};
	char hex[sizeof(head) * 3 + 1] = "";
	size_t len =
		img->size < sizeof(head) ? (size_t)img->size : sizeof(head);
	enum vmoon_status st = vmoon_image_read(img, 0, head, len, err);

	if (st != VMOON_OK)
		return st;
	for (size_t i = 0; i < len; i++)
		(void)snprintf(hex + i * 3, 4, " %02x", head[i]);
	return vmoon_fail(err, VMOON_E_IMAGE, 0,
			  "is not a bzImage, x86-64 ELF file or Multiboot "
			  "kernel (it begins with%s); give one built for "
			  "x86-64",
			  hex);
}

/* PVH or Linux entry of an ELF file whose notes have been read. */
static enum vmoon_status choose_elf_entry(struct vmoon_kernel *k,
					  struct vmoon_error *err)
{
	if (k->protocol == VMOON_BOOT_AUTO)
		k->protocol =
			k->elf.has_pvh ? VMOON_BOOT_PVH : VMOON_BOOT_LINUX64;
	if (k->protocol == VMOON_BOOT_PVH) {
		if (!k->elf.has_pvh)
			return vmoon_fail(err, VMOON_E_IMAGE, 0,
					  "has no PVH entry; leave out boot = "
					  "\"pvh\" or give a kernel built with "
					  "CONFIG_PVH");
		k->entry = k->elf.pvh_entry;
		return VMOON_OK;
	}
	if (!vmoon_elf_holds(&k->elf, k->elf.entry))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "has an entry at 0x%llx, outside of what it "
				  "loads; link it so that the entry is a "
				  "physical address",
				  (unsigned long long)k->elf.entry);
	k->entry = k->elf.entry;
	return VMOON_OK;
}

/* All segments are known: where the kernel is, and that it is RAM. */
static enum vmoon_status finish_elf(struct vmoon_kernel *k,
				    const struct vmoon_gmem *gm,
				    struct vmoon_error *err)
{
	k->unpack = VMOON_UNPACK_HOST;
	k->start = k->elf.start;
	k->end = k->elf.end;
	return vmoon_elf_check_memory(&k->elf, gm, err);
}

static enum vmoon_status prepare_elf(struct vmoon_kernel *k,
				     const struct vmoon_gmem *gm,
				     struct vmoon_error *err)
{
	enum vmoon_status st;

	st = vmoon_elf_parse(&k->image, k->image.size, &k->elf, err);
	if (st == VMOON_OK)
		st = vmoon_elf_find_pvh(&k->image, &k->elf, err);
	if (st == VMOON_OK)
		st = choose_elf_entry(k, err);
	k->cmdline_max = VMOON_LINUX_CMDLINE_MAX;
	k->initrd_max = VMOON_LINUX_INITRD_MAX;
	return st != VMOON_OK ? st : finish_elf(k, gm, err);
}

/* Neither has limits of its own: what 32 bits reach, and the room for it. */
static enum vmoon_status prepare_other(struct vmoon_kernel *k,
				       const struct vmoon_boot_args *args,
				       const struct vmoon_gmem *gm,
				       struct vmoon_error *err)
{
	enum vmoon_status st;

	if (k->protocol == VMOON_BOOT_FLAT)
		st = vmoon_flat_plan(&args->flat, k->image.size,
				     strlen(args->cmdline), &k->elf, err);
	else
		st = vmoon_multiboot_parse(&k->image, &k->elf, err);
	k->entry = k->elf.entry;
	k->cmdline_max = VMOON_CMDLINE_MAX - 1;
	k->initrd_max = UINT32_MAX;
	return st != VMOON_OK ? st : finish_elf(k, gm, err);
}

/* Reads the payload if this build can unpack it; else packed stays zero. */
static enum vmoon_status read_payload(struct vmoon_kernel *k,
				      struct vmoon_error *err)
{
	const struct vmoon_image_range *r = &k->bz.payload;
	unsigned char magic[8] = {0};
	enum vmoon_status st;
	void *payload;

	st = vmoon_image_read(&k->image, r->offset, magic,
			      r->size < sizeof(magic) ? r->size : sizeof(magic),
			      err);
	if (st != VMOON_OK)
		return st;
	k->packed.format = vmoon_unpack_detect(magic, sizeof(magic));
	if (k->unpack == VMOON_UNPACK_GUEST || r->size <= sizeof(magic) ||
	    !vmoon_unpack_is_built(k->packed.format))
		return VMOON_OK;
	/* Mapped, as the heap would keep these megabytes; < VMOON_IMAGE_MAX. */
	payload = mmap(NULL, (size_t)r->size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (payload == MAP_FAILED)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "no host memory for reading it");
	k->payload = payload;
	st = vmoon_image_read(&k->image, r->offset, k->payload, r->size, err);
	if (st != VMOON_OK)
		return st;
	k->unpacked_size = vmoon_unpack_size(k->payload, (size_t)r->size);
	k->packed.bytes = k->payload;
	k->packed.len = (size_t)r->size;
	/* gzip's own trailer ends with that size; it belongs to the stream. */
	if (k->packed.format != VMOON_UNPACK_GZIP)
		k->packed.len -= 4;
	return VMOON_OK;
}

static enum vmoon_status plan_host(struct vmoon_kernel *k,
				   const struct vmoon_gmem *gm,
				   struct vmoon_error *err)
{
	/* The kernel needs init_size for unpacking itself: a true bound. */
	if (k->unpacked_size > k->bz.end - k->bz.start ||
	    k->unpacked_size > VMOON_IMAGE_MAX || k->unpacked_size == 0)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "says that it unpacks to %llu bytes, which "
				  "its own memory does not hold; the file is "
				  "damaged",
				  (unsigned long long)k->unpacked_size);
	return vmoon_vmlinux_plan(&k->packed, k->unpacked_size, gm, &k->elf,
				  err);
}

static enum vmoon_status prepare_bzimage(struct vmoon_kernel *k,
					 const struct vmoon_gmem *gm,
					 struct vmoon_error *err)
{
	enum vmoon_status st = vmoon_bzimage_parse(&k->image, &k->bz, err);

	if (st == VMOON_OK)
		st = read_payload(k, err);
	if (st != VMOON_OK)
		return st;
	if (k->protocol == VMOON_BOOT_AUTO)
		k->protocol = VMOON_BOOT_LINUX64;
	k->cmdline_max = k->bz.cmdline_max;
	k->initrd_max = k->bz.initrd_max;
	if (k->payload != NULL) {
		st = plan_host(k, gm, err);
		k->start = k->elf.start;
		k->end = k->elf.end;
		return st;
	}
	if (k->protocol == VMOON_BOOT_PVH)
		return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
				  "must be unpacked by the host for boot = "
				  "\"pvh\", which is switched off or not in "
				  "this build for its format (%s); leave out "
				  "boot = \"pvh\"",
				  vmoon_unpack_name(k->packed.format));
	k->unpack = VMOON_UNPACK_GUEST;
	k->start = k->bz.start;
	k->end = k->bz.end;
	return vmoon_bzimage_check_memory(&k->bz, gm, err);
}

/*
 * In this order: bzImage, ELF with a PVH note, 64-bit ELF with the Linux
 * entry, Multiboot. A 64-bit ELF file is never taken for a Multiboot kernel
 * unless it is asked for: Linux vmlinux files may hold such a header by chance.
 */
static enum vmoon_status recognise(struct vmoon_kernel *k, bool *out_is_elf,
				   struct vmoon_error *err)
{
	unsigned char head[8192]; /* has every mark that is looked for */
	const size_t len = k->image.size < sizeof(head) ? (size_t)k->image.size
							: sizeof(head);
	struct vmoon_image img;
	/* Read once: a file that cannot be read is not one of no kind. */
	enum vmoon_status st = vmoon_image_read(&k->image, 0, head, len, err);

	if (st != VMOON_OK)
		return st;
	img = vmoon_image_of_bytes(head, len);
	*out_is_elf = vmoon_elf_is(&img);
	if (k->protocol == VMOON_BOOT_MULTIBOOT)
		return VMOON_OK;
	/* Where an ELF file happens to have these bytes, they are not it. */
	k->is_bzimage = !*out_is_elf && vmoon_bzimage_is(&img);
	if (k->protocol == VMOON_BOOT_AUTO && !k->is_bzimage &&
	    (!*out_is_elf || vmoon_elf_is_32(&img)) && vmoon_multiboot_is(&img))
		k->protocol = VMOON_BOOT_MULTIBOOT;
	return VMOON_OK;
}

enum vmoon_status vmoon_kernel_prepare(struct vmoon_kernel *k,
				       struct vmoon_image take_image,
				       const struct vmoon_boot_args *args,
				       const struct vmoon_gmem *gm,
				       struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;
	bool is_elf = false;

	*k = (struct vmoon_kernel){
		.image = take_image,
		.unpack = args->unpack,
		.protocol = args->protocol,
	};
	k->image.mem = args->mem;
	if (args->flat.mode != VMOON_FLAT_NONE)
		k->protocol = VMOON_BOOT_FLAT;
	else
		st = recognise(k, &is_elf, err);
	if (st != VMOON_OK)
		return st;
	if (k->protocol == VMOON_BOOT_FLAT ||
	    k->protocol == VMOON_BOOT_MULTIBOOT)
		return prepare_other(k, args, gm, err);
	if (k->is_bzimage)
		return prepare_bzimage(k, gm, err);
	if (is_elf)
		return prepare_elf(k, gm, err);
	return fail_unknown(&k->image, err);
}

enum vmoon_status vmoon_kernel_load(struct vmoon_kernel *k,
				    const struct vmoon_gmem *gm,
				    struct vmoon_error *err)
{
	enum vmoon_status st;

	if (!k->is_bzimage)
		return vmoon_elf_load(&k->elf, &k->image, gm, err);
	if (k->unpack == VMOON_UNPACK_GUEST) {
		k->entry = k->bz.start + VMOON_BZIMAGE_ENTRY64;
		return vmoon_bzimage_load(&k->bz, &k->image, gm, err);
	}
	st = vmoon_vmlinux_unpack(&k->packed, k->unpacked_size, gm, &k->elf,
				  err);
	return st != VMOON_OK ? st : choose_elf_entry(k, err);
}

void vmoon_kernel_fini(struct vmoon_kernel *k)
{
	if (k->payload != NULL)
		(void)munmap(k->payload, (size_t)k->bz.payload.size);
	k->payload = NULL;
	vmoon_image_close(&k->image);
}
