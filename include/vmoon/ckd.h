/* SPDX-License-Identifier: MIT */
/* ckd.h - C23 checked arithmetic for C11/C17: true means "did not fit". */
#ifndef VMOON_CKD_H
#define VMOON_CKD_H

#if defined(__has_include) && defined(__STDC_VERSION__)
#if __has_include(<stdckdint.h>) && __STDC_VERSION__ > 201710L
#include <stdckdint.h>
#endif
#endif
#ifndef ckd_add
#define ckd_add(out, a, b) __builtin_add_overflow((a), (b), (out))
#define ckd_sub(out, a, b) __builtin_sub_overflow((a), (b), (out))
#define ckd_mul(out, a, b) __builtin_mul_overflow((a), (b), (out))
#endif

#endif
