/* SPDX-License-Identifier: MIT */
/* kit.c - what this host has for a machine's devices: files and entropy. */
#include "disks.h"

#include "host/blk_file.h"
#include "host/random.h"

#include <errno.h>
#include <fcntl.h>

static enum vmoon_status open_disk(void *ctx, struct vmoon_mem *mem,
				   const struct vmoon_spec_disk *disk,
				   struct vmoon_block **out_block,
				   struct vmoon_error *err)
{
	/* The description keeps its own. */
	const int fd = disk->fd == 0 ? -1 : fcntl(disk->fd, F_DUPFD_CLOEXEC, 3);
	const struct vmoon_blk_file_options opts = {
		.mem = mem,
		.path = disk->path,
		.fd = fd,
		.is_readonly = disk->is_readonly,
		.may_follow_symlink = disk->may_follow_symlink,
		.create_bytes = disk->create_bytes,
		.cache = disk->cache};

	(void)ctx;
	if (disk->fd != 0 && fd < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "cannot keep the given file open");
	return vmoon_blk_file_open(&opts, out_block, err);
}

static const struct vmoon_disk_ops disks = {.open = open_disk,
					    .attach = vmoon_blk_file_attach,
					    .detach = vmoon_blk_file_detach,
					    .resize = vmoon_blk_file_resize};

struct vmoon_host_kit vmoon_host_kit(void)
{
	return (struct vmoon_host_kit){.disks = &disks,
				       .random = vmoon_host_random_fill};
}
