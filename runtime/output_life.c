/* SPDX-License-Identifier: MIT */
/* output_life.c - making an output, changing its limit, asking it. */
#include "output_state.h"

#include <stdio.h>
#include <string.h>

#define SECOND_NS UINT64_C(1000000000)
#define EVENT_NS SECOND_NS
#define MAX_STALL_NS (2 * SECOND_NS)

enum {
	DROP_QUEUE = 64 * 1024, /* how far a slow destination may be behind */
	SPOOL_QUEUE = 1024 * 1024,
	PAUSE_QUEUE = VMOON_OUTPUT_HOLD_AT + VMOON_OUTPUT_RESERVE,
	PATH_SHOWN = 48 /* bytes of it in a name */
};

/* With a value where the embedder left one to us. */
static struct vmoon_limit complete(const struct vmoon_limit *given)
{
	struct vmoon_limit limit = *given;

	if (limit.burst == 0)
		limit.burst = limit.rate < VMOON_BURST_MAX ? limit.rate
							   : VMOON_BURST_MAX;
	if (limit.unit == VMOON_UNIT_LINE &&
	    limit.burst < VMOON_OUTPUT_LINE_MAX)
		limit.burst = VMOON_OUTPUT_LINE_MAX;
	switch (limit.policy) {
	case VMOON_LIMIT_DROP: limit.capacity = DROP_QUEUE; break;
	case VMOON_LIMIT_PAUSE: limit.capacity = PAUSE_QUEUE; break;
	case VMOON_LIMIT_SPOOL:
		if (limit.capacity == 0)
			limit.capacity = SPOOL_QUEUE;
	}
	if (limit.max_stall_ns == 0)
		limit.max_stall_ns = MAX_STALL_NS;
	return limit;
}

/* No more of it is read than its size says. */
static enum vmoon_status read_limit(const struct vmoon_limit *given,
				    struct vmoon_limit *out,
				    struct vmoon_error *err)
{
	struct vmoon_limit limit = {0};

	memcpy(&limit, given,
	       given->size < sizeof(limit) ? given->size : sizeof(limit));
	if (vmoon_limit_check(&limit, err) != VMOON_OK)
		return VMOON_E_CONFIG;
	*out = complete(&limit);
	return VMOON_OK;
}

static const char *kind_name(const struct vmoon_output_options *opts)
{
	switch (opts->kind) {
	case VMOON_OUTPUT_NULL: return "null";
	case VMOON_OUTPUT_FILE: return "file";
	case VMOON_OUTPUT_FD: return "fd";
	case VMOON_OUTPUT_FIFO: return "fifo";
	case VMOON_OUTPUT_UNIX: return "unix";
	case VMOON_OUTPUT_RING: return "ring";
	case VMOON_OUTPUT_CALLBACK: return "callback";
	}
	return "?";
}

void vmoon_output_name_of(const struct vmoon_output_options *opts,
			  char out[VMOON_OUTPUT_NAME_MAX])
{
	const size_t cap = VMOON_OUTPUT_NAME_MAX;
	const char *path = opts->path;

	if (opts->name != NULL)
		(void)snprintf(out, cap, "%s", opts->name);
	else if (opts->kind == VMOON_OUTPUT_FD && opts->fd == 1)
		(void)snprintf(out, cap, "stdout");
	else if (opts->kind == VMOON_OUTPUT_FD && opts->fd == 2)
		(void)snprintf(out, cap, "stderr");
	else if (opts->kind == VMOON_OUTPUT_FD)
		(void)snprintf(out, cap, "fd:%d", opts->fd);
	else if (path == NULL)
		(void)snprintf(out, cap, "%s", kind_name(opts));
	else if (strlen(path) <= PATH_SHOWN)
		(void)snprintf(out, cap, "%s:%s", kind_name(opts), path);
	else /* the end of a path says more than its beginning */
		(void)snprintf(out, cap, "%s:...%.*s", kind_name(opts),
			       PATH_SHOWN, path + strlen(path) - PATH_SHOWN);
}

enum vmoon_status vmoon_output_create(const struct vmoon_output_options *opts,
				      struct vmoon_dest *take_dest,
				      struct vmoon_mem *mem, uint64_t now_ns,
				      struct vmoon_output **out_output,
				      struct vmoon_error *err)
{
	struct vmoon_output *o;
	struct vmoon_limit limit;
	enum vmoon_status st = read_limit(&opts->limit, &limit, err);

	if (st != VMOON_OK)
		goto err_dest;
	st = vmoon_fail(err, VMOON_E_NOMEM, 0, "output: out of memory");
	o = vmoon_mem_alloc(mem, sizeof(*o));
	if (o == NULL)
		goto err_dest;
	if (!vmoon_queue_init(&o->queue, mem, (size_t)limit.capacity))
		goto err_output;
	o->mem = mem;
	o->dest = take_dest;
	o->limit = limit;
	o->stats.kind = opts->kind;
	vmoon_output_name_of(opts, o->stats.name);
	vmoon_bucket_init(&o->bucket, limit.rate, limit.burst, now_ns);
	*out_output = o;
	return VMOON_OK;
err_output:
	vmoon_mem_free(mem, o, sizeof(*o));
err_dest:
	vmoon_dest_destroy(take_dest);
	return st;
}

void vmoon_output_destroy(struct vmoon_output *o)
{
	if (o == NULL)
		return;
	vmoon_group_forget(o->limit.group, o);
	vmoon_dest_destroy(o->dest);
	vmoon_queue_fini(&o->queue, o->mem);
	vmoon_mem_free(o->mem, o, sizeof(*o));
}

/* The same bytes under the same numbers; the oldest go where it is smaller. */
static void move_queue(struct vmoon_output *o, struct vmoon_queue *to)
{
	vmoon_output_lose_oldest(o, to->cap);
	to->head = to->tail = o->queue.head;
	while (vmoon_queue_len(&o->queue) > 0) { /* at most twice */
		const unsigned char *bytes;
		const size_t n = vmoon_queue_front(&o->queue, &bytes);

		vmoon_queue_put(to, bytes, n);
		vmoon_queue_skip(&o->queue, n);
	}
	vmoon_queue_fini(&o->queue, o->mem);
	o->queue = *to;
}

enum vmoon_status vmoon_output_limit(struct vmoon_output *o,
				     const struct vmoon_limit *limit,
				     uint64_t now_ns, struct vmoon_error *err)
{
	struct vmoon_limit changed;
	struct vmoon_queue queue;

	if (read_limit(limit, &changed, err) != VMOON_OK)
		return VMOON_E_CONFIG;
	if (changed.capacity != o->queue.cap) {
		if (!vmoon_queue_init(&queue, o->mem, (size_t)changed.capacity))
			return vmoon_fail(err, VMOON_E_NOMEM, 0,
					  "output '%s': out of memory",
					  o->stats.name);
		move_queue(o, &queue);
	}
	vmoon_output_end_line(o);
	vmoon_stall_end(&o->stall, now_ns);
	vmoon_bucket_change(&o->bucket, changed.rate, changed.burst, now_ns);
	if (changed.group != o->limit.group)
		vmoon_group_forget(o->limit.group, o);
	o->limit = changed;
	return VMOON_OK;
}

void vmoon_output_get_stats(const struct vmoon_output *o,
			    struct vmoon_output_stats *out)
{
	*out = o->stats;
	out->size = sizeof(*out);
	out->policy = o->limit.policy;
	out->stalled_ns = o->stall.total_ns;
	out->bytes_queued = vmoon_queue_len(&o->queue);
}

bool vmoon_output_take_event(struct vmoon_output *o, uint64_t now_ns)
{
	if (!o->has_news || now_ns < o->next_event_ns)
		return false;
	o->has_news = false;
	o->next_event_ns = now_ns + EVENT_NS;
	return true;
}

enum vmoon_output_kind vmoon_output_kind_of(const struct vmoon_output *o)
{
	return o->stats.kind;
}

const char *vmoon_output_name(const struct vmoon_output *o)
{
	return o->stats.name;
}

struct vmoon_dest *vmoon_output_dest(struct vmoon_output *o)
{
	return o->dest;
}
