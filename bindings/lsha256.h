/* SPDX-License-Identifier: MIT */
/* lsha256.h - SHA-256 (FIPS 180-4) of bytes in memory. */
#ifndef VMOON_BINDINGS_LSHA256_H
#define VMOON_BINDINGS_LSHA256_H

#include <stddef.h>

#include "vmoon/base.h"

void vmoon_lsha256(const void *bytes, size_t len, unsigned char out[32])
	VMOON_NONNULL(3);

#endif
