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

/* ---- bytes on the wire ---- */

static inline uint16_t vmoon_le16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t vmoon_le32(const unsigned char *p)
{
	return (uint32_t)vmoon_le16(p) | (uint32_t)vmoon_le16(p + 2) << 16;
}

static inline uint64_t vmoon_le64(const unsigned char *p)
{
	return (uint64_t)vmoon_le32(p) | (uint64_t)vmoon_le32(p + 4) << 32;
}

static inline void vmoon_put_le16(unsigned char *p, uint16_t val)
{
	p[0] = (unsigned char)(val & 0xff);
	p[1] = (unsigned char)(val >> 8);
}

static inline void vmoon_put_le32(unsigned char *p, uint32_t val)
{
	vmoon_put_le16(p, (uint16_t)(val & 0xffff));
	vmoon_put_le16(p + 2, (uint16_t)(val >> 16));
}

static inline void vmoon_put_le64(unsigned char *p, uint64_t val)
{
	vmoon_put_le32(p, (uint32_t)(val & UINT32_MAX));
	vmoon_put_le32(p + 4, (uint32_t)(val >> 32));
}

#endif
