/* SPDX-License-Identifier: MIT */
/* boot.c - from a kernel file to a guest memory that is ready to run. */
#include "boot/boot.h"

#include "boot/cmdline.h"
#include "boot/flat.h"
#include "boot/kernel.h"
#include "boot/layout.h"
#include "boot/params.h"

#include <string.h>

/* One call of vmoon_boot_load. */
struct job {
	struct vmoon_gmem *gm;
	const struct vmoon_boot_args *args;
	struct vmoon_kernel kernel;
	struct vmoon_image initrd; /* size 0: none */
	vmoon_gpa initrd_start;
};

static enum vmoon_status name_kernel(const struct job *job,
				     enum vmoon_status st,
				     struct vmoon_error *err)
{
	if (st != VMOON_OK)
		vmoon_error_prefix(err, "kernel '%s'", job->args->kernel_path);
	return st;
}

static enum vmoon_status name_initrd(const struct job *job,
				     enum vmoon_status st,
				     struct vmoon_error *err)
{
	if (st != VMOON_OK)
		vmoon_error_prefix(err, "initrd '%s'", job->args->initrd_path);
	return st;
}

static enum vmoon_status open_file(struct vmoon_image *img, const char *path,
				   int fd, struct vmoon_error *err)
{
	return fd > 0 ? vmoon_image_open_fd(img, fd, err)
		      : vmoon_image_open(img, path, err);
}

/* keep: of struct vmoon_boot_files, or NULL. */
static enum vmoon_status open_image(struct vmoon_image *keep, const char *path,
				    int fd, struct vmoon_image *out,
				    struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;

	if (keep == NULL)
		return open_file(out, path, fd, err);
	if (keep->size == 0)
		st = open_file(keep, path, fd, err);
	if (st == VMOON_OK)
		*out = vmoon_image_lend(keep);
	return st;
}

void vmoon_boot_files_close(struct vmoon_boot_files *files)
{
	vmoon_image_close(&files->initrd);
	vmoon_image_close(&files->kernel);
}

static enum vmoon_status open_files(struct job *job, struct vmoon_error *err)
{
	const struct vmoon_boot_args *args = job->args;
	struct vmoon_image image;
	struct vmoon_boot_files *files = args->files;
	enum vmoon_status st;

	st = open_image(files == NULL ? NULL : &files->kernel,
			args->kernel_path, args->kernel_fd, &image, err);

	if (st == VMOON_OK)
		st = vmoon_kernel_prepare(&job->kernel, image, args, job->gm,
					  err);
	if (st != VMOON_OK || args->initrd_path == NULL)
		return name_kernel(job, st, err);
	st = open_image(files == NULL ? NULL : &files->initrd,
			args->initrd_path, args->initrd_fd, &job->initrd, err);
	return name_initrd(job, st, err);
}

static enum vmoon_status place_initrd(struct job *job, struct vmoon_error *err)
{
	const struct vmoon_initrd_limits limits = {
		.kernel_start = job->kernel.start,
		.kernel_end = job->kernel.end,
		.last = job->kernel.initrd_max,
	};

	if (job->initrd.size == 0)
		return VMOON_OK;
	return name_initrd(job,
			   vmoon_initrd_place(job->gm, &limits,
					      job->initrd.size,
					      &job->initrd_start, err),
			   err);
}

static enum vmoon_status load_initrd(const struct job *job,
				     struct vmoon_error *err)
{
	const struct vmoon_image_range all = {0, job->initrd.size};

	if (job->initrd.size == 0)
		return VMOON_OK;
	return name_initrd(job,
			   vmoon_image_load(&job->initrd, all, job->gm,
					    job->initrd_start, err),
			   err);
}

/* The room before the next thing in memory is a limit as well. */
static enum vmoon_status check_cmdline(const struct job *job,
				       struct vmoon_error *err)
{
	uint64_t max = VMOON_CMDLINE_MAX - 1;

	if (job->kernel.cmdline_max < max)
		max = job->kernel.cmdline_max;
	return vmoon_cmdline_check(job->args->cmdline, max, err);
}

enum { MULTIBOOT_MAGIC = 0x2badb002 };

static enum vmoon_status write_info(const struct job *job,
				    const struct vmoon_params *p,
				    struct vmoon_error *err)
{
	switch (job->kernel.protocol) {
	case VMOON_BOOT_PVH:
		return vmoon_params_write_start_info(job->gm, p, err);
	case VMOON_BOOT_MULTIBOOT:
		return vmoon_params_write_multiboot(job->gm, p, err);
	case VMOON_BOOT_FLAT: return VMOON_OK;
	case VMOON_BOOT_AUTO:
	case VMOON_BOOT_LINUX64: break;
	}
	return vmoon_params_write_zero_page(job->gm, p, err);
}

static enum vmoon_x86_mode cpu_mode(const struct job *job)
{
	switch (job->kernel.protocol) {
	case VMOON_BOOT_PVH:
	case VMOON_BOOT_MULTIBOOT: return VMOON_X86_PROT32;
	case VMOON_BOOT_FLAT: return vmoon_flat_cpu_mode(job->args->flat.mode);
	case VMOON_BOOT_AUTO:
	case VMOON_BOOT_LINUX64: break;
	}
	return VMOON_X86_LONG64;
}

static void set_entry(const struct job *job, struct vmoon_x86_entry *entry)
{
	entry->rip = job->kernel.entry;
	if (job->kernel.protocol == VMOON_BOOT_MULTIBOOT)
		entry->rax = MULTIBOOT_MAGIC;
	if (job->kernel.protocol == VMOON_BOOT_FLAT)
		vmoon_flat_set_entry(&job->args->flat, entry);
}

static enum vmoon_status write_params(const struct job *job,
				      struct vmoon_x86_entry *out_entry,
				      struct vmoon_error *err)
{
	const struct vmoon_kernel *k = &job->kernel;
	const struct vmoon_params p = {
		.setup_header = k->is_bzimage ? k->bz.header : NULL,
		.setup_header_len = k->bz.header_len,
		.kernel_start = k->start,
		.initrd_start = job->initrd_start,
		.initrd_size = job->initrd.size,
		.rsdp = job->args->rsdp,
	};
	struct vmoon_x86_entry entry;
	enum vmoon_status st = write_info(job, &p, err);

	if (st == VMOON_OK)
		st = vmoon_cmdline_write(job->gm, VMOON_ADDR_CMDLINE,
					 job->args->cmdline, err);
	if (st == VMOON_OK)
		st = vmoon_params_write_cpu(job->gm, cpu_mode(job), &entry,
					    err);
	if (st != VMOON_OK)
		return st;
	set_entry(job, &entry);
	*out_entry = entry;
	return VMOON_OK;
}

/* A flat image has nobody who would tell it of an initrd. */
static enum vmoon_status check_flat(const struct vmoon_boot_args *args,
				    struct vmoon_error *err)
{
	if (args->flat.mode == VMOON_FLAT_NONE)
		return VMOON_OK;
	if (args->protocol != VMOON_BOOT_AUTO)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "boot: a flat image is entered as its mode "
				  "says; leave boot out");
	if (args->initrd_path != NULL)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "initrd: a flat image is not told where it "
				  "is; leave initrd out");
	return VMOON_OK;
}

static enum vmoon_status load(struct job *job,
			      struct vmoon_x86_entry *out_entry,
			      struct vmoon_error *err)
{
	enum vmoon_status st = check_flat(job->args, err);

	if (st == VMOON_OK)
		st = open_files(job, err);
	if (st == VMOON_OK)
		st = check_cmdline(job, err);
	if (st == VMOON_OK)
		st = place_initrd(job, err);
	if (st == VMOON_OK)
		st = name_kernel(job,
				 vmoon_kernel_load(&job->kernel, job->gm, err),
				 err);
	if (st == VMOON_OK)
		st = load_initrd(job, err);
	return st != VMOON_OK ? st : write_params(job, out_entry, err);
}

static struct vmoon_boot_info describe(const struct job *job)
{
	const struct vmoon_kernel *k = &job->kernel;

	return (struct vmoon_boot_info){
		.protocol = k->protocol,
		.unpack = k->unpack,
		.format = k->is_bzimage ? vmoon_unpack_name(k->packed.format)
					: "none",
		.kernel_start = k->start,
		.kernel_end = k->end,
		.initrd_start = job->initrd_start,
		.initrd_size = job->initrd.size,
	};
}

enum vmoon_status vmoon_boot_load(struct vmoon_gmem *gm,
				  const struct vmoon_boot_args *args,
				  struct vmoon_x86_entry *out_entry,
				  struct vmoon_error *err)
{
	struct job job = {.gm = gm, .args = args};
	enum vmoon_status st = load(&job, out_entry, err);

	if (st == VMOON_OK && args->out_info != NULL)
		*args->out_info = describe(&job);
	vmoon_image_close(&job.initrd);
	vmoon_kernel_fini(&job.kernel);
	return st;
}
