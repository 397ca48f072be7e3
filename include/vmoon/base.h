/* SPDX-License-Identifier: MIT */
/* base.h - attributes, range and overflow helpers shared by every layer. */
#ifndef VMOON_BASE_H
#define VMOON_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMOON_API __attribute__((visibility("default")))
#define VMOON_MUST_USE __attribute__((warn_unused_result))
#define VMOON_NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#define VMOON_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Deliberately drops a VMOON_MUST_USE result; gcc ignores a (void) cast. */
#define VMOON_IGNORE(expr)  \
	do {                \
		if (expr) { \
		}           \
	} while (0)

/* Element count of an array; gcc and clang warn when given a pointer. */
#define VMOON_COUNTOF(array) (sizeof(array) / sizeof((array)[0]))

#define VMOON_CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define VMOON_CONST_CONTAINER_OF(ptr, type, member)                      \
	((const type *)(const void *)((const char *)(ptr)-offsetof(type, \
								   member)))

/* Guest-physical address. Never cast to a pointer; see gmem.h. */
typedef uint64_t vmoon_gpa;

#define VMOON_KIB (UINT64_C(1) << 10)
#define VMOON_MIB (UINT64_C(1) << 20)
#define VMOON_GIB (UINT64_C(1) << 30)

/*
 * True when [off, off + len) lies inside [0, size). Written so that no
 * intermediate value can wrap, whatever the guest put in off and len.
 */
static inline bool vmoon_range_ok(uint64_t off, uint64_t len, uint64_t size)
{
	return len <= size && off <= size - len;
}

#endif
