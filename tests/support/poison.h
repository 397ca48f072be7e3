/* SPDX-License-Identifier: MIT */
/* poison.h - memory that nobody may touch: for ASan, elsewhere nothing. */
#ifndef VMOON_TESTS_POISON_H
#define VMOON_TESTS_POISON_H

#if defined(__SANITIZE_ADDRESS__)
#define VMOON_TESTS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VMOON_TESTS_ASAN 1
#endif
#endif
#ifdef VMOON_TESTS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
#endif

#endif
