/* SPDX-License-Identifier: MIT */
/* le.h - little-endian loads and stores for the boot formats. */
#ifndef VMOON_RUNTIME_BOOT_LE_H
#define VMOON_RUNTIME_BOOT_LE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t vmoon_le16_load(const unsigned char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t vmoon_le32_load(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t vmoon_le64_load(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline void vmoon_le16_store(unsigned char *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void vmoon_le32_store(unsigned char *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void vmoon_le64_store(unsigned char *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

#endif
