/* SPDX-License-Identifier: MIT */
/* dest_memory.c - outputs that end in memory, or nowhere. */
#include "dest.h"

#include "queue.h"

#include <errno.h>
#include <string.h>

enum { OUTBOX_BYTES = 64 * 1024 };

struct memory {
	struct vmoon_dest dest;
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_queue queue;
};

static struct memory *memory_of(struct vmoon_dest *d)
{
	return VMOON_CONTAINER_OF(d, struct memory, dest);
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void memory_destroy(struct vmoon_dest *d)
{
	struct memory *m = memory_of(d);

	vmoon_queue_fini(&m->queue, m->mem);
	vmoon_mem_free(m->mem, m, sizeof(*m));
}

/* The newest bytes stay. */
static ssize_t ring_write(struct vmoon_dest *d, const void *buf, size_t len)
{
	struct vmoon_queue *q = &memory_of(d)->queue;
	const size_t kept = min_size(len, q->cap);

	if (kept > vmoon_queue_free(q))
		VMOON_IGNORE(vmoon_queue_drop(q, kept - vmoon_queue_free(q)) ==
			     0);
	vmoon_queue_put(q, (const unsigned char *)buf + (len - kept), kept);
	return (ssize_t)len;
}

static ssize_t outbox_write(struct vmoon_dest *d, const void *buf, size_t len)
{
	struct vmoon_queue *q = &memory_of(d)->queue;
	const size_t n = min_size(len, vmoon_queue_free(q));

	vmoon_queue_put(q, buf, n);
	return n > 0 ? (ssize_t)n : -EAGAIN;
}

static ssize_t null_write(struct vmoon_dest *d, const void *buf, size_t len)
{
	(void)d, (void)buf;
	return (ssize_t)len;
}

static const struct vmoon_dest_ops ring_ops = {ring_write, memory_destroy,
					       NULL};
static const struct vmoon_dest_ops outbox_ops = {outbox_write, memory_destroy,
						 NULL};
static const struct vmoon_dest_ops null_ops = {null_write, memory_destroy,
					       NULL};

enum vmoon_status vmoon_dest_open_memory(
	const struct vmoon_output_options *opts, struct vmoon_mem *mem,
	struct vmoon_dest **out_dest, struct vmoon_error *err)
{
	struct memory *m = vmoon_mem_alloc(mem, sizeof(*m));
	size_t bytes = 1;

	if (m == NULL)
		goto err_memory;
	m->mem = mem;
	m->dest.ops = &null_ops;
	if (opts->kind == VMOON_OUTPUT_RING) {
		m->dest.ops = &ring_ops;
		bytes = opts->max_size != 0 ? (size_t)opts->max_size
					    : (size_t)VMOON_DEST_RING;
	} else if (opts->kind == VMOON_OUTPUT_CALLBACK) {
		m->dest.ops = &outbox_ops;
		bytes = OUTBOX_BYTES;
	}
	if (!vmoon_queue_init(&m->queue, mem, bytes))
		goto err_queue;
	*out_dest = &m->dest;
	return VMOON_OK;
err_queue:
	vmoon_mem_free(mem, m, sizeof(*m));
err_memory:
	return vmoon_fail(err, VMOON_E_NOMEM, 0, "output: out of memory");
}

static bool is_memory(const struct vmoon_dest *d)
{
	return d->ops == &ring_ops || d->ops == &outbox_ops;
}

size_t vmoon_dest_len(const struct vmoon_dest *d)
{
	return is_memory(d) ? vmoon_queue_len(&VMOON_CONST_CONTAINER_OF(
						       d, struct memory, dest)
						       ->queue)
			    : 0;
}

size_t vmoon_dest_peek(const struct vmoon_dest *d, void *buf, size_t cap)
{
	struct vmoon_queue copy;
	size_t done = 0;

	if (!is_memory(d))
		return 0;
	copy = VMOON_CONST_CONTAINER_OF(d, struct memory, dest)->queue;
	while (done < cap && vmoon_queue_len(&copy) > 0) { /* at most twice */
		const unsigned char *bytes;
		const size_t n =
			min_size(vmoon_queue_front(&copy, &bytes), cap - done);

		memcpy((unsigned char *)buf + done, bytes, n);
		VMOON_IGNORE(vmoon_queue_drop(&copy, n) == 0);
		done += n;
	}
	return done;
}

size_t vmoon_dest_take(struct vmoon_dest *d, void *buf, size_t cap)
{
	const size_t n = vmoon_dest_peek(d, buf, cap);

	if (n > 0)
		VMOON_IGNORE(vmoon_queue_drop(&memory_of(d)->queue, n) == 0);
	return n;
}

int vmoon_dest_begin(struct vmoon_dest *d)
{
	return d->ops->begin == NULL ? 0 : d->ops->begin(d);
}

void vmoon_dest_destroy(struct vmoon_dest *d)
{
	if (d != NULL)
		d->ops->destroy(d);
}
