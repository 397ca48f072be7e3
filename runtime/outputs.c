/* SPDX-License-Identifier: MIT */
/* outputs.c - the outputs of a stream: each sees all, none waits for another.
 */
#include "outputs.h"

#include "loop.h"

#include <string.h>

#define DATA_NS UINT64_C(10000000) /* between two calls of data */
/* Who was told of data and does not come is told again less and less often. */
#define TELL_MAX_NS UINT64_C(1000000000)
/* CALLS_MAX: of the end, for all that eight queues of 64 MiB can hold. */
enum { BATCH = 64 * 1024, CALLS_MAX = 8 * 1024 + VMOON_OUTPUTS_MAX };

void vmoon_outputs_init(struct vmoon_outputs *set, struct vmoon_mem *mem)
{
	*set = (struct vmoon_outputs){.mem = mem};
	vmoon_lock_init(&set->lock, VMOON_RANK_OUTPUT);
}

void vmoon_outputs_fini(struct vmoon_outputs *set)
{
	for (unsigned i = 0; i < set->count; i++) {
		vmoon_outputs_log_rest(set, &set->slot[i]);
		vmoon_output_destroy(set->slot[i].output);
	}
	vmoon_mem_free(set->mem, set->batch, BATCH);
	vmoon_lock_fini(&set->lock);
}

/* NULL when there is none of that name. */
static struct vmoon_output_slot *find(struct vmoon_outputs *set,
				      const char *name)
{
	for (unsigned i = 0; i < set->count; i++)
		if (strcmp(vmoon_output_name(set->slot[i].output), name) == 0)
			return &set->slot[i];
	return NULL;
}

static enum vmoon_status none_of_that_name(const char *name,
					   struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_INVAL, 0, "there is no output '%s'",
			  name);
}

/* Under the lock, after every change. */
static void update_flags(struct vmoon_outputs *set)
{
	bool holds = false, may = false;

	for (unsigned i = 0; i < set->count; i++) {
		struct vmoon_output_stats stats;

		vmoon_output_get_stats(set->slot[i].output, &stats);
		may |= stats.policy == VMOON_LIMIT_PAUSE &&
		       stats.state != VMOON_OUTPUT_FAILED;
		holds |= vmoon_output_is_holding(set->slot[i].output);
	}
	__atomic_store_n(&set->may_hold, may, __ATOMIC_SEQ_CST);
	__atomic_store_n(&set->is_holding, holds, __ATOMIC_SEQ_CST);
}

/* ---- the worker ---- */

void vmoon_outputs_put(struct vmoon_outputs *set, const void *buf, size_t len,
		       uint64_t now_ns)
{
	vmoon_lock_take(&set->lock);
	for (unsigned i = 0; i < set->count; i++)
		vmoon_output_put(set->slot[i].output, buf, len, now_ns);
	update_flags(set);
	vmoon_lock_drop(&set->lock);
}

void vmoon_outputs_lose(struct vmoon_outputs *set, uint64_t len,
			uint64_t now_ns)
{
	vmoon_lock_take(&set->lock);
	for (unsigned i = 0; i < set->count; i++)
		vmoon_output_lose(set->slot[i].output, len, now_ns);
	vmoon_lock_drop(&set->lock);
}

static bool is_of(const struct vmoon_output_slot *slot,
		  enum vmoon_output_kind kind)
{
	return vmoon_output_kind_of(slot->output) == kind;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* How long after it was told of its data it is to be told again. */
static uint64_t tell_wait(const struct vmoon_output_slot *slot, size_t len)
{
	return len != slot->told_len ? DATA_NS : slot->told_wait_ns;
}

static void note_told(struct vmoon_output_slot *slot, size_t len,
		      uint64_t now_ns)
{
	uint64_t wait_ns = DATA_NS;

	if (len == slot->told_len)
		wait_ns = 2 * slot->told_wait_ns;
	slot->told_wait_ns = wait_ns < TELL_MAX_NS ? wait_ns : TELL_MAX_NS;
	slot->told_len = len;
	slot->told_ns = now_ns;
}

/* Whether data is to be called now; if only later, *due_ns says when. */
static bool has_data(struct vmoon_output_slot *slot, uint64_t now_ns,
		     uint64_t *due_ns)
{
	uint64_t at_ns;
	size_t len;
	bool is_due;

	if (!is_of(slot, VMOON_OUTPUT_CALLBACK))
		return false;
	len = vmoon_dest_len(vmoon_output_dest(slot->output));
	if (len == 0)
		return false;
	at_ns = later(slot->told_ns + tell_wait(slot, len), slot->next_take_ns);
	is_due = len >= BATCH / 2 || now_ns >= at_ns;
	if (is_due) {
		note_told(slot, len, now_ns);
		at_ns = later(now_ns + slot->told_wait_ns, slot->next_take_ns);
	}
	*due_ns = vmoon_sooner(*due_ns, at_ns);
	return is_due;
}

struct vmoon_outputs_news vmoon_outputs_pump(struct vmoon_outputs *set,
					     uint64_t now_ns)
{
	struct vmoon_outputs_news news = {0};

	vmoon_lock_take(&set->lock);
	for (unsigned i = 0; i < set->count; i++) {
		struct vmoon_output_slot *slot = &set->slot[i];

		vmoon_output_pump(slot->output, now_ns);
		vmoon_outputs_log_state(set, slot, now_ns);
		slot->has_event |=
			vmoon_output_take_event(slot->output, now_ns);
		news.has_events |= slot->has_event;
		news.has_data |= has_data(slot, now_ns, &news.due_ns);
		news.due_ns = vmoon_sooner(
			news.due_ns, vmoon_output_due(slot->output, now_ns));
	}
	update_flags(set);
	vmoon_lock_drop(&set->lock);
	return news;
}

bool vmoon_outputs_flush(struct vmoon_outputs *set, uint64_t now_ns)
{
	bool is_left = false;

	vmoon_lock_take(&set->lock);
	set->is_over = true;
	for (unsigned i = 0; i < set->count; i++) {
		struct vmoon_output_stats stats;

		vmoon_output_flush(set->slot[i].output, now_ns);
		vmoon_output_get_stats(set->slot[i].output, &stats);
		/* A callback's turn comes when this is over. */
		is_left |= stats.bytes_queued > 0 &&
			   stats.state == VMOON_OUTPUT_WORKING &&
			   !is_of(&set->slot[i], VMOON_OUTPUT_CALLBACK);
	}
	update_flags(set);
	vmoon_lock_drop(&set->lock);
	return is_left;
}

/* ---- any thread ---- */

/* What was there goes only when nothing else can fail. */
static enum vmoon_status begin(struct vmoon_output *output,
			       struct vmoon_error *err)
{
	const int error = vmoon_dest_begin(vmoon_output_dest(output));

	return error == 0 ? VMOON_OK
			  : vmoon_fail(err, VMOON_E_SYS, error, "output '%s'",
				       vmoon_output_name(output));
}

void vmoon_outputs_wait(struct vmoon_outputs *set)
{
	set->is_waiting = true;
}

enum vmoon_status vmoon_outputs_begin(struct vmoon_outputs *set,
				      struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;

	vmoon_lock_take(&set->lock);
	set->is_waiting = false;
	for (unsigned i = 0; i < set->count && st == VMOON_OK; i++)
		st = begin(set->slot[i].output, err);
	vmoon_lock_drop(&set->lock);
	return st;
}

static enum vmoon_status add(struct vmoon_outputs *set,
			     struct vmoon_output *output, vmoon_output_fn data,
			     void *ctx, struct vmoon_error *err)
{
	const char *name = vmoon_output_name(output);

	if (set->count == VMOON_OUTPUTS_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "output '%s': a stream has at most %d", name,
				  VMOON_OUTPUTS_MAX);
	if (find(set, name) != NULL)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "output '%s': there is one of that name; "
				  "give this one another name",
				  name);
	if (data != NULL && set->batch == NULL)
		set->batch = vmoon_mem_resize(set->mem, NULL, 0, BATCH);
	if (data != NULL && set->batch == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "output '%s': out of memory", name);
	if (!set->is_waiting && begin(output, err) != VMOON_OK)
		return VMOON_E_SYS;
	set->slot[set->count++] = (struct vmoon_output_slot){
		.output = output, .data = data, .ctx = ctx};
	update_flags(set);
	return VMOON_OK;
}

enum vmoon_status vmoon_outputs_add(struct vmoon_outputs *set,
				    struct vmoon_output *take_output,
				    vmoon_output_fn data, void *ctx,
				    struct vmoon_error *err)
{
	enum vmoon_status st;

	vmoon_lock_take(&set->lock);
	st = add(set, take_output, data, ctx, err);
	vmoon_lock_drop(&set->lock);
	if (st != VMOON_OK)
		vmoon_output_destroy(take_output);
	return st;
}

static void flush_quietly(struct vmoon_output *output)
{
	struct vmoon_quiet quiet;

	vmoon_quiet_begin(&quiet);
	vmoon_output_flush(output, vmoon_mono_ns());
	vmoon_quiet_end(&quiet);
}

enum vmoon_status vmoon_outputs_remove(struct vmoon_outputs *set,
				       const char *name,
				       struct vmoon_error *err)
{
	struct vmoon_output *output = NULL;
	struct vmoon_output_slot *slot;

	vmoon_lock_take(&set->lock);
	slot = find(set, name);
	if (slot != NULL) {
		output = slot->output;
		vmoon_outputs_log_rest(set, slot);
		set->count--;
		for (; slot < &set->slot[set->count]; slot++)
			slot[0] = slot[1];
		update_flags(set);
	}
	vmoon_lock_drop(&set->lock);
	if (output == NULL)
		return none_of_that_name(name, err);
	flush_quietly(output);
	vmoon_output_destroy(output);
	return VMOON_OK;
}

enum vmoon_status vmoon_outputs_limit(struct vmoon_outputs *set,
				      const char *name,
				      const struct vmoon_limit *limit,
				      struct vmoon_error *err)
{
	struct vmoon_output_slot *slot;
	enum vmoon_status st;

	vmoon_lock_take(&set->lock);
	slot = find(set, name);
	st = slot == NULL ? none_of_that_name(name, err)
			  : vmoon_output_limit(slot->output, limit,
					       vmoon_mono_ns(), err);
	update_flags(set);
	vmoon_lock_drop(&set->lock);
	return st;
}

bool vmoon_outputs_has(struct vmoon_outputs *set, const char *name)
{
	bool is_there;

	vmoon_lock_take(&set->lock);
	is_there = find(set, name) != NULL;
	vmoon_lock_drop(&set->lock);
	return is_there;
}

bool vmoon_outputs_stats(struct vmoon_outputs *set, size_t i,
			 struct vmoon_output_stats *out)
{
	bool is_there;

	vmoon_lock_take(&set->lock);
	is_there = i < set->count;
	if (is_there)
		vmoon_output_get_stats(set->slot[i].output, out);
	vmoon_lock_drop(&set->lock);
	return is_there;
}

enum vmoon_status vmoon_outputs_read(struct vmoon_outputs *set,
				     const char *name, void *buf, size_t cap,
				     size_t *out_len, struct vmoon_error *err)
{
	struct vmoon_output_slot *slot;
	enum vmoon_status st = VMOON_OK;

	vmoon_lock_take(&set->lock);
	slot = find(set, name);
	if (slot == NULL) {
		st = none_of_that_name(name, err);
	} else if (!is_of(slot, VMOON_OUTPUT_RING)) {
		st = vmoon_fail(err, VMOON_E_INVAL, 0,
				"output '%s' is no ring: there is nothing to "
				"read",
				name);
	} else {
		const struct vmoon_dest *ring = vmoon_output_dest(slot->output);

		VMOON_IGNORE(vmoon_dest_peek(ring, buf, cap) == 0);
		*out_len = vmoon_dest_len(ring);
	}
	vmoon_lock_drop(&set->lock);
	return st;
}

/* ---- the runtime's thread ---- */

/* Under the lock. Few bytes wait a moment for more. */
static size_t take_slot(const struct vmoon_outputs *set,
			struct vmoon_output_slot *slot, void *buf, size_t cap,
			struct vmoon_output_info *out_info)
{
	struct vmoon_dest *dest = vmoon_output_dest(slot->output);
	const uint64_t now_ns = vmoon_mono_ns();
	struct vmoon_output_stats stats;
	size_t len;

	if (now_ns < slot->next_take_ns && vmoon_dest_len(dest) < BATCH / 2 &&
	    !set->is_over)
		return 0;
	len = vmoon_dest_take(dest, buf, cap);
	if (len == 0)
		return 0;
	slot->next_take_ns = now_ns + DATA_NS;
	slot->told_len = 0;
	if (set->is_over) /* there is room, and no worker that has to see it */
		vmoon_output_flush(slot->output, now_ns);
	vmoon_output_get_stats(slot->output, &stats);
	*out_info = (struct vmoon_output_info){
		.size = sizeof(*out_info),
		.bytes = len,
		.bytes_queued = stats.bytes_queued + vmoon_dest_len(dest),
		.bytes_dropped = stats.bytes_dropped - slot->dropped_before,
		.mono_ns = now_ns};
	slot->dropped_before = stats.bytes_dropped;
	return len;
}

/* What the i-th has for its data, taken; 0: nothing, or no i-th. */
static size_t take_data(struct vmoon_outputs *set, unsigned i,
			struct vmoon_output_slot *out_slot,
			struct vmoon_output_info *out_info)
{
	size_t len = 0;

	vmoon_lock_take(&set->lock);
	if (i < set->count && set->slot[i].data != NULL)
		len = take_slot(set, &set->slot[i], set->batch, BATCH,
				out_info);
	if (len > 0)
		*out_slot = set->slot[i];
	vmoon_lock_drop(&set->lock);
	return len;
}

enum vmoon_status vmoon_outputs_take(struct vmoon_outputs *set,
				     const char *name, void *buf, size_t cap,
				     struct vmoon_output_info *out_info,
				     struct vmoon_error *err)
{
	struct vmoon_output_slot *slot;
	enum vmoon_status st = VMOON_OK;

	vmoon_lock_take(&set->lock);
	slot = find(set, name);
	if (slot == NULL)
		st = none_of_that_name(name, err);
	else if (!is_of(slot, VMOON_OUTPUT_CALLBACK) || slot->data != NULL)
		st = vmoon_fail(err, VMOON_E_INVAL, 0,
				"output '%s' is no callback without data: "
				"there is nothing to take",
				name);
	else
		VMOON_IGNORE(take_slot(set, slot, buf, cap, out_info) == 0);
	vmoon_lock_drop(&set->lock);
	return st;
}

/*
 * After data of the i-th: whether that one's turn is over. Not where another
 * one is in its place now, nor at the end, when there is no next time.
 */
static bool is_served(struct vmoon_outputs *set, unsigned i,
		      const struct vmoon_output *output)
{
	bool is_over;

	vmoon_lock_take(&set->lock);
	is_over = i >= set->count ||
		  (set->slot[i].output == output && !set->is_over);
	vmoon_lock_drop(&set->lock);
	return is_over;
}

void vmoon_outputs_deliver(struct vmoon_outputs *set, struct vmoon_stream *s)
{
	unsigned i = 0;

	/* A data that waits is not called again, nor its bytes overwritten. */
	if (set->is_calling)
		return;
	set->is_calling = true;
	for (int calls = 0; i < VMOON_OUTPUTS_MAX && calls < CALLS_MAX;
	     calls++) {
		struct vmoon_output_slot slot;
		struct vmoon_output_info info;
		const size_t len = take_data(set, i, &slot, &info);

		if (len > 0)
			slot.data(slot.ctx, s, set->batch, len, &info);
		if (len == 0 || is_served(set, i, slot.output))
			i++;
	}
	set->is_calling = false;
}

void vmoon_outputs_tell(struct vmoon_outputs *set, struct vmoon_stream *s,
			vmoon_limited_fn limited, void *ctx)
{
	for (unsigned i = 0; i < VMOON_OUTPUTS_MAX; i++) {
		struct vmoon_output_stats stats;
		bool has_event = false;

		vmoon_lock_take(&set->lock);
		if (i < set->count) {
			has_event = set->slot[i].has_event;
			set->slot[i].has_event = false;
			vmoon_output_get_stats(set->slot[i].output, &stats);
		}
		vmoon_lock_drop(&set->lock);
		if (has_event && limited != NULL)
			limited(ctx, s, &stats);
	}
}
