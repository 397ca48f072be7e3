/* SPDX-License-Identifier: MIT */
/* le.h - device kit: little-endian numbers in bytes, wherever they lie. */
#ifndef VMOON_LE_H
#define VMOON_LE_H

#include "vmoon/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Compilers make one instruction of each. */

static inline uint16_t vmoon_le16_load(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t vmoon_le32_load(const unsigned char *p)
{
	return (uint32_t)vmoon_le16_load(p) | (uint32_t)vmoon_le16_load(p + 2)
						      << 16;
}

static inline uint64_t vmoon_le64_load(const unsigned char *p)
{
	return (uint64_t)vmoon_le32_load(p) | (uint64_t)vmoon_le32_load(p + 4)
						      << 32;
}

static inline void vmoon_le16_store(unsigned char *p, uint16_t val)
{
	p[0] = (unsigned char)(val & 0xff);
	p[1] = (unsigned char)(val >> 8);
}

static inline void vmoon_le32_store(unsigned char *p, uint32_t val)
{
	vmoon_le16_store(p, (uint16_t)(val & 0xffff));
	vmoon_le16_store(p + 2, (uint16_t)(val >> 16));
}

static inline void vmoon_le64_store(unsigned char *p, uint64_t val)
{
	vmoon_le32_store(p, (uint32_t)(val & UINT32_MAX));
	vmoon_le32_store(p + 4, (uint32_t)(val >> 32));
}

#ifdef __cplusplus
}
#endif

#endif
