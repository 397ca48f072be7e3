/* SPDX-License-Identifier: MIT */
/* ring.h - bytes from one producer to one consumer, without a lock. */
#ifndef VMOON_RUNTIME_RING_H
#define VMOON_RUNTIME_RING_H

#include "vmoon/base.h"

#include <string.h>

/* Enough for 6 s of a 115200-baud line; a power of two. */
enum { VMOON_RING_BYTES = 64 * 1024 };

struct vmoon_ring {
	uint8_t *bytes; /* borrowed: VMOON_RING_BYTES */
	uint32_t head;  /* atomic; written by the producer only */
	uint32_t tail;  /* atomic; written by the consumer only */
};

/* Producer. All of src or, when there is no room for all of it, nothing. */
static inline bool vmoon_ring_put(struct vmoon_ring *r, const void *src,
				  uint32_t len)
{
	const uint8_t *from = src;
	uint8_t *to = r->bytes; /* a byte's store may not change it */
	uint32_t head = r->head;
	uint32_t used = head - __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);

	if (len > VMOON_RING_BYTES - used)
		return false;
	for (uint32_t i = 0; i < len; i++)
		to[(head + i) % VMOON_RING_BYTES] = from[i];
	__atomic_store_n(&r->head, head + len, __ATOMIC_RELEASE);
	return true;
}

/* Either side: the number of bytes in it, at this moment. */
static inline uint32_t vmoon_ring_used(const struct vmoon_ring *r)
{
	return __atomic_load_n(&r->head, __ATOMIC_SEQ_CST) -
	       __atomic_load_n(&r->tail, __ATOMIC_SEQ_CST);
}

/* Consumer. The number of bytes copied to dst. */
static inline uint32_t vmoon_ring_get(struct vmoon_ring *r, void *dst,
				      uint32_t cap)
{
	uint32_t tail = r->tail;
	uint32_t used = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE) - tail;
	uint32_t len = used < cap ? used : cap;
	uint32_t at = tail % VMOON_RING_BYTES;
	uint32_t first =
		VMOON_RING_BYTES - at < len ? VMOON_RING_BYTES - at : len;

	memcpy(dst, r->bytes + at, first);
	memcpy((uint8_t *)dst + first, r->bytes, len - first);
	/* In one order with who asks whether there is room: stream.c. */
	__atomic_store_n(&r->tail, tail + len, __ATOMIC_SEQ_CST);
	return len;
}

#endif
