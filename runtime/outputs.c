/* SPDX-License-Identifier: MIT */
/* outputs.c - the outputs of a stream: each sees all, none waits for another.
 */
#include "outputs.h"

#include "loop.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DATA_NS UINT64_C(10000000) /* between two calls of data */
enum { BATCH = 64 * 1024 };

void vmoon_outputs_init(struct vmoon_outputs *set, struct vmoon_mem *mem)
{
	*set = (struct vmoon_outputs){.mem = mem};
	vmoon_lock_init(&set->lock, VMOON_RANK_OUTPUT);
}

/* The changes that log_state did not show, when no more can come. */
static void log_rest(struct vmoon_outputs *set,
		     const struct vmoon_output_slot *slot)
{
	if (slot->log_limit.suppressed > 0)
		vmoon_logf(&set->log, VMOON_LOG_WARN, "output",
			   "'%s': %u more changes were not shown",
			   vmoon_output_name(slot->output),
			   slot->log_limit.suppressed);
}

void vmoon_outputs_fini(struct vmoon_outputs *set)
{
	for (unsigned i = 0; i < set->count; i++) {
		log_rest(set, &set->slot[i]);
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

/*
 * Once per change, so that a full disk is one line and not a flood; and at a
 * limited rate, for whoever makes a reader come and go.
 */
static void log_state(struct vmoon_outputs *set, struct vmoon_output_slot *slot,
		      uint64_t now_ns)
{
	struct vmoon_output_stats stats;
	char more[48] = "";
	uint32_t suppressed = 0;

	vmoon_output_get_stats(slot->output, &stats);
	if (stats.state == slot->told_state)
		return;
	slot->told_state = stats.state;
	if (!vmoon_log_allow(&slot->log_limit, now_ns, &suppressed))
		return;
	if (suppressed > 0)
		(void)snprintf(more, sizeof(more),
			       ", after %u changes that were not shown",
			       suppressed);
	switch (stats.state) {
	case VMOON_OUTPUT_WORKING:
		vmoon_logf(&set->log, VMOON_LOG_WARN, "output",
			   "'%s' works again%s", stats.name, more);
		return;
	case VMOON_OUTPUT_RETRYING:
		vmoon_logf(&set->log, VMOON_LOG_WARN, "output",
			   "'%s': %s; it is tried again each second%s",
			   stats.name, strerrordesc_np(stats.last_error), more);
		return;
	case VMOON_OUTPUT_FAILED:
		vmoon_logf(&set->log, VMOON_LOG_WARN, "output",
			   "'%s': %s; what comes now is dropped%s", stats.name,
			   strerrordesc_np(stats.last_error), more);
		return;
	}
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a == 0 ? b : a;
	return a < b ? a : b;
}

static bool is_callback(const struct vmoon_output_slot *slot)
{
	struct vmoon_output_stats stats;

	vmoon_output_get_stats(slot->output, &stats);
	return stats.kind == VMOON_OUTPUT_CALLBACK;
}

/* Whether data is to be called now; if only later, *due_ns says when. */
static bool has_data(struct vmoon_output_slot *slot, uint64_t now_ns,
		     uint64_t *due_ns)
{
	size_t len;
	bool is_due;

	if (!is_callback(slot))
		return false;
	len = vmoon_dest_len(vmoon_output_dest(slot->output));
	if (len == 0)
		return false;
	/* Again later, too, for somebody who was told and has not come. */
	is_due = len >= BATCH / 2 ||
		 (now_ns >= slot->next_data_ns && now_ns >= slot->next_take_ns);
	if (is_due)
		slot->next_data_ns = now_ns + DATA_NS;
	*due_ns = sooner(*due_ns, slot->next_data_ns > slot->next_take_ns
					  ? slot->next_data_ns
					  : slot->next_take_ns);
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
		log_state(set, slot, now_ns);
		slot->has_event |=
			vmoon_output_take_event(slot->output, now_ns);
		news.has_events |= slot->has_event;
		news.has_data |= has_data(slot, now_ns, &news.due_ns);
		news.due_ns = sooner(news.due_ns,
				     vmoon_output_due(slot->output, now_ns));
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
			   !is_callback(&set->slot[i]);
	}
	update_flags(set);
	vmoon_lock_drop(&set->lock);
	return is_left;
}

/* ---- any thread ---- */

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

static const int raised[] = {SIGPIPE, SIGXFSZ};

void vmoon_quiet_begin(struct vmoon_quiet *quiet)
{
	sigset_t ours;

	(void)sigemptyset(&ours);
	for (size_t i = 0; i < VMOON_COUNTOF(raised); i++)
		(void)sigaddset(&ours, raised[i]);
	(void)sigpending(&quiet->before);
	(void)pthread_sigmask(SIG_BLOCK, &ours, &quiet->old);
}

void vmoon_quiet_end(const struct vmoon_quiet *quiet)
{
	const struct timespec now = {0};
	sigset_t after;

	(void)sigpending(&after);
	for (size_t i = 0; i < VMOON_COUNTOF(raised); i++) {
		sigset_t one;

		(void)sigemptyset(&one);
		(void)sigaddset(&one, raised[i]);
		if (sigismember(&quiet->before, raised[i]) == 0 &&
		    sigismember(&after, raised[i]) == 1)
			(void)sigtimedwait(&one, NULL, &now);
	}
	(void)pthread_sigmask(SIG_SETMASK, &quiet->old, NULL);
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
		log_rest(set, slot);
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

static void read_ring(const struct vmoon_dest *ring, void *buf, size_t cap,
		      size_t *out_len)
{
	VMOON_IGNORE(vmoon_dest_peek(ring, buf, cap) == 0);
	*out_len = vmoon_dest_len(ring);
}

enum vmoon_status vmoon_outputs_read(struct vmoon_outputs *set,
				     const char *name, void *buf, size_t cap,
				     size_t *out_len, struct vmoon_error *err)
{
	struct vmoon_output_slot *slot;
	enum vmoon_status st = VMOON_OK;
	struct vmoon_output_stats stats;

	vmoon_lock_take(&set->lock);
	slot = find(set, name);
	if (slot == NULL) {
		st = none_of_that_name(name, err);
	} else {
		vmoon_output_get_stats(slot->output, &stats);
		if (stats.kind != VMOON_OUTPUT_RING)
			st = vmoon_fail(err, VMOON_E_INVAL, 0,
					"output '%s' is no ring: there is "
					"nothing to read",
					name);
		else
			read_ring(vmoon_output_dest(slot->output), buf, cap,
				  out_len);
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
	vmoon_output_get_stats(slot->output, &stats);
	*out_info = (struct vmoon_output_info){
		.size = sizeof(*out_info),
		.bytes = len,
		.bytes_queued = stats.bytes_queued,
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
	else if (!is_callback(slot) || slot->data != NULL)
		st = vmoon_fail(err, VMOON_E_INVAL, 0,
				"output '%s' is no callback without data: "
				"there is nothing to take",
				name);
	else
		VMOON_IGNORE(take_slot(set, slot, buf, cap, out_info) == 0);
	vmoon_lock_drop(&set->lock);
	return st;
}

void vmoon_outputs_deliver(struct vmoon_outputs *set, struct vmoon_stream *s)
{
	for (unsigned i = 0; i < VMOON_OUTPUTS_MAX; i++) {
		struct vmoon_output_slot slot;
		struct vmoon_output_info info;
		const size_t len = take_data(set, i, &slot, &info);

		if (len > 0)
			slot.data(slot.ctx, s, set->batch, len, &info);
	}
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
