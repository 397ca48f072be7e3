/* SPDX-License-Identifier: MIT */
/* random.h - random bytes of the host's kernel. */
#ifndef VMOON_RUNTIME_HOST_RANDOM_H
#define VMOON_RUNTIME_HOST_RANDOM_H

#include "vmoon/base.h"

/* All len bytes, or false; never waits for entropy. ctx is not looked at. */
bool vmoon_host_random_fill(void *ctx, void *dst, size_t len) VMOON_NONNULL(2);

#endif
