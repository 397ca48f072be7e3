/* SPDX-License-Identifier: MIT */
/* queue.h - bytes that wait, numbered from the first that ever came. */
#ifndef VMOON_RUNTIME_QUEUE_H
#define VMOON_RUNTIME_QUEUE_H

#include "mem.h"

/* One thread at a time. head <= tail <= head + cap. */
struct vmoon_queue {
	unsigned char *bytes; /* owned: cap of them */
	size_t cap;
	uint64_t head, tail; /* numbers of the first byte, and of the next */
};

/* cap is not 0; its memory is touched only where bytes come to lie. */
bool vmoon_queue_init(struct vmoon_queue *q, struct vmoon_mem *mem, size_t cap)
	VMOON_NONNULL(1);
void vmoon_queue_fini(struct vmoon_queue *q, struct vmoon_mem *mem)
	VMOON_NONNULL(1);

static inline size_t vmoon_queue_len(const struct vmoon_queue *q)
{
	return (size_t)(q->tail - q->head);
}

static inline size_t vmoon_queue_free(const struct vmoon_queue *q)
{
	return q->cap - vmoon_queue_len(q);
}

/* At most what is free. */
void vmoon_queue_put(struct vmoon_queue *q, const void *buf, size_t len)
	VMOON_NONNULL(1);
/* Bytes that lie in one piece, from the first on, and how many. */
size_t vmoon_queue_front(const struct vmoon_queue *q,
			 const unsigned char **out_bytes) VMOON_NONNULL(1, 2);
/* Takes out at most what is there. */
static inline void vmoon_queue_skip(struct vmoon_queue *q, size_t len)
{
	q->head += len;
}

/* Takes out at most len from the front; the number of line ends in them. */
uint64_t vmoon_queue_drop(struct vmoon_queue *q, size_t len) VMOON_NONNULL(1);
/* Takes at most len from the front to buf; how many. */
size_t vmoon_queue_take(struct vmoon_queue *q, void *buf, size_t len)
	VMOON_NONNULL(1, 2);
/* Puts before the front; at most what was taken out there and is free. */
void vmoon_queue_take_back(struct vmoon_queue *q, const void *buf, size_t len)
	VMOON_NONNULL(1, 2);
/* Length of the first line with its end; 0: no end in the first max bytes. */
size_t vmoon_queue_line(const struct vmoon_queue *q, size_t max)
	VMOON_NONNULL(1);

/* Line ends in buf. */
uint64_t vmoon_count_lines(const void *buf, size_t len);

#endif
