/* SPDX-License-Identifier: MIT */
/* queue.c - a ring of bytes for one thread. */
#include "queue.h"

#include <string.h>

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

bool vmoon_queue_init(struct vmoon_queue *q, struct vmoon_mem *mem, size_t cap)
{
	*q = (struct vmoon_queue){.cap = cap};
	q->bytes = vmoon_mem_resize(mem, NULL, 0, cap); /* not zeroed */
	return q->bytes != NULL;
}

void vmoon_queue_fini(struct vmoon_queue *q, struct vmoon_mem *mem)
{
	vmoon_mem_free(mem, q->bytes, q->cap);
	q->bytes = NULL;
}

/* From byte number pos on, all within the queue. */
static void copy_in(struct vmoon_queue *q, uint64_t pos,
		    const unsigned char *buf, size_t len)
{
	const size_t at = (size_t)(pos % q->cap);
	const size_t first = min_size(len, q->cap - at);

	memcpy(q->bytes + at, buf, first);
	memcpy(q->bytes, buf + first, len - first);
}

void vmoon_queue_put(struct vmoon_queue *q, const void *buf, size_t len)
{
	copy_in(q, q->tail, buf, len);
	q->tail += len;
}

size_t vmoon_queue_front(const struct vmoon_queue *q,
			 const unsigned char **out_bytes)
{
	const size_t at = (size_t)(q->head % q->cap);

	*out_bytes = q->bytes + at;
	return min_size(vmoon_queue_len(q), q->cap - at);
}

uint64_t vmoon_queue_drop(struct vmoon_queue *q, size_t len)
{
	uint64_t lines = 0;

	len = min_size(len, vmoon_queue_len(q));
	while (len > 0) { /* at most twice */
		const unsigned char *bytes;
		const size_t n = min_size(vmoon_queue_front(q, &bytes), len);

		lines += vmoon_count_lines(bytes, n);
		q->head += n;
		len -= n;
	}
	return lines;
}

size_t vmoon_queue_take(struct vmoon_queue *q, void *buf, size_t len)
{
	unsigned char *to = buf;
	const unsigned char *bytes;
	size_t first;

	len = min_size(len, vmoon_queue_len(q));
	first = min_size(vmoon_queue_front(q, &bytes), len);
	memcpy(to, bytes, first);
	memcpy(to + first, q->bytes, len - first);
	q->head += len;
	return len;
}

void vmoon_queue_take_back(struct vmoon_queue *q, const void *buf, size_t len)
{
	q->head -= len;
	copy_in(q, q->head, buf, len);
}

size_t vmoon_queue_line(const struct vmoon_queue *q, size_t max)
{
	const unsigned char *bytes, *end;
	const size_t len = min_size(max, vmoon_queue_len(q));
	const size_t first = min_size(vmoon_queue_front(q, &bytes), len);

	end = memchr(bytes, '\n', first);
	if (end != NULL)
		return (size_t)(end - bytes) + 1;
	end = memchr(q->bytes, '\n', len - first);
	return end == NULL ? 0 : first + (size_t)(end - q->bytes) + 1;
}

/* Sixteen bytes at a time: a flood that is dropped is counted like any other.
 */
typedef uint8_t bytes16 __attribute__((vector_size(16)));
enum { LANES = sizeof(bytes16), ROUNDS_MAX = UINT8_MAX };

uint64_t vmoon_count_lines(const void *buf, size_t len)
{
	const unsigned char *bytes = buf;
	uint64_t lines = 0;

	while (len >= LANES) {
		const size_t rounds = min_size(len / LANES, ROUNDS_MAX);
		bytes16 sums = {0}, v;

		for (size_t i = 0; i < rounds; i++, bytes += LANES) {
			memcpy(&v, bytes, LANES);
			sums -= (bytes16)(v == '\n'); /* all ones is -1 */
		}
		for (size_t i = 0; i < LANES; i++)
			lines += sums[i];
		len -= rounds * LANES;
	}
	for (size_t i = 0; i < len; i++)
		lines += bytes[i] == '\n';
	return lines;
}
