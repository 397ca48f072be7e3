/* SPDX-License-Identifier: MIT */
/* uring.h - several transfers of a disk at once, by io_uring. */
#ifndef VMOON_RUNTIME_HOST_URING_H
#define VMOON_RUNTIME_HOST_URING_H

#include "vmoon/backend.h"

/* Only blk_file.c uses it; without liburing there is none. */
struct vmoon_uring;

#endif
