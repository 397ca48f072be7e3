/* SPDX-License-Identifier: MIT */
/* gmem_backing.h - what keeps a region of guest memory alive. */
#ifndef VMOON_RUNTIME_GMEM_BACKING_H
#define VMOON_RUNTIME_GMEM_BACKING_H

#include "gmem.h"

struct vmoon_gmem_backing {
	struct vmoon_mem *mem; /* borrowed, or NULL */
	unsigned refs;         /* atomic: one each collection */
	enum vmoon_gmem_kind kind;
	enum vmoon_gmem_pages pages;
	void *mapping; /* owned; NULL: BORROWED */
	size_t mapping_size;
	size_t log_words;
	uint64_t log[]; /* atomic; a bit a page */
};

#endif
