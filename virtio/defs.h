/* SPDX-License-Identifier: MIT */
/* defs.h - layouts of VIRTIO 1.2 that more than one file needs. */
#ifndef VMOON_VIRTIO_DEFS_H
#define VMOON_VIRTIO_DEFS_H

#include "vmoon/base.h"

/* ---- split rings (2.7): offsets and sizes in bytes ---- */

enum {
	VMOON_VQ_DESC_BYTES = 16, /* addr le64, len le32, flags, next le16 */
	VMOON_VQ_DESC_F_NEXT = 1,
	VMOON_VQ_DESC_F_WRITE = 2,
	VMOON_VQ_DESC_F_INDIRECT = 4,

	VMOON_VQ_AVAIL_FLAGS = 0,
	VMOON_VQ_AVAIL_IDX = 2,
	VMOON_VQ_AVAIL_RING = 4, /* le16 each; used_event behind the last */
	VMOON_VQ_AVAIL_F_NO_INTERRUPT = 1,

	VMOON_VQ_USED_FLAGS = 0,
	VMOON_VQ_USED_IDX = 2,
	VMOON_VQ_USED_RING = 4, /* id le32, len le32; avail_event behind */
	VMOON_VQ_USED_BYTES = 8,
	VMOON_VQ_USED_F_NO_NOTIFY = 1
};

#endif
