/* SPDX-License-Identifier: MIT */
/*
 * tidy.h - tells clang-tidy, before anything else, what vmoon_fail returns:
 * the analyzer does not look into another file and would follow paths on
 * which a failure is VMOON_OK.
 */
#ifndef VMOON_TIDY_H
#define VMOON_TIDY_H

#include "vmoon/error.h"

#define vmoon_fail(err, status, ...)                                           \
	((void)!(vmoon_fail)((err), (status), __VA_ARGS__), (status))

#endif
