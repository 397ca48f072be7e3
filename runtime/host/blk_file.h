/* SPDX-License-Identifier: MIT */
/* blk_file.h - a disk in a file of the host: raw, and never anything else. */
#ifndef VMOON_RUNTIME_HOST_BLK_FILE_H
#define VMOON_RUNTIME_HOST_BLK_FILE_H

#include "loop.h"
#include "spec_devices.h"
#include "vmoon/backend.h"

struct vmoon_blk_file_options {
	struct vmoon_mem *mem;
	const char *path; /* borrowed for the call */
	int fd;           /* owned from the call on: used instead; -1: none */
	bool is_readonly;
	bool may_follow_symlink;
	/* Makes a sparse file of this size where there is none; 0: never. */
	uint64_t create_bytes;
	enum vmoon_disk_cache cache;
	bool no_uring; /* tests: as if the host had no io_uring */
};

/*
 * Opens without blocking, refuses what is neither a regular file nor a block
 * device, takes an exclusive lock (shared where is_readonly) that ends with
 * the process, and looks at the size. The content is never looked at. E_CONFIG
 * with one sentence for what the user can mend, E_SYS for the rest.
 */
VMOON_STATUS vmoon_blk_file_open(const struct vmoon_blk_file_options *opts,
				 struct vmoon_block **out_block,
				 struct vmoon_error *err) VMOON_NONNULL(1, 2);

/*
 * Where requests are carried out: lock is the device's, loop that of the
 * thread that does nothing else for the time of a transfer. submit only queues
 * and wakes the loop; transfers run without the lock; complete is called under
 * it, on the loop's thread. Before the loop runs; until then submitted
 * requests wait.
 */
struct vmoon_lock;
VMOON_STATUS vmoon_blk_file_attach(struct vmoon_block *b,
				   struct vmoon_loop *loop,
				   struct vmoon_lock *lock,
				   struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3);
/* Takes it out again; the loop no longer runs. Drains. */
void vmoon_blk_file_detach(struct vmoon_block *b) VMOON_NONNULL(1);

/* Grows or shrinks the file. Under the device's lock; E_CONFIG: read-only,
 * no regular file, no multiple of 512. E_TIMEOUT: what is under way does not
 * end within a second. */
VMOON_STATUS vmoon_blk_file_resize(struct vmoon_block *b, uint64_t bytes,
				   struct vmoon_error *err) VMOON_NONNULL(1);

/* "io_uring" or "threads": how transfers are done. */
const char *vmoon_blk_file_engine(const struct vmoon_block *b) VMOON_NONNULL(1);

#endif
