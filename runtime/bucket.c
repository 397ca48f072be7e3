/* SPDX-License-Identifier: MIT */
/* bucket.c - token buckets, alone and shared. */
#include "bucket.h"

#include "vmoon/vmoon.h"

#define BYTE UINT64_C(1000000000) /* credit that a byte costs */
/* Who does not come for what it waited for loses its turn after this. */
#define TURN_NS UINT64_C(5000000)

enum { PARENTS_MAX = 8, STEPS_A_SECOND = 200 };

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Where the clock went back, nothing comes until it is where it was. */
static void refill(struct vmoon_bucket *b, uint64_t now_ns)
{
	const uint64_t full = b->burst * BYTE;
	uint64_t passed;

	if (b->rate == 0 || now_ns <= b->last_ns)
		return;
	passed = now_ns - b->last_ns;
	b->last_ns = now_ns;
	if (passed > (full - b->credit) / b->rate)
		b->credit = full;
	else
		b->credit += passed * b->rate;
}

void vmoon_bucket_init(struct vmoon_bucket *b, uint64_t rate, uint64_t burst,
		       uint64_t now_ns)
{
	*b = (struct vmoon_bucket){rate, burst, burst * BYTE, now_ns};
}

void vmoon_bucket_change(struct vmoon_bucket *b, uint64_t rate, uint64_t burst,
			 uint64_t now_ns)
{
	const uint64_t full = burst * BYTE;
	const bool was_free = b->rate == 0;

	refill(b, now_ns);
	b->rate = rate;
	b->burst = burst;
	b->credit = was_free ? full : min_u64(b->credit, full);
	if (was_free)
		b->last_ns = now_ns;
}

uint64_t vmoon_bucket_room(struct vmoon_bucket *b, uint64_t now_ns)
{
	if (b->rate == 0)
		return UINT64_MAX;
	refill(b, now_ns);
	return b->credit / BYTE;
}

void vmoon_bucket_spend(struct vmoon_bucket *b, uint64_t bytes)
{
	if (b->rate != 0)
		b->credit -= min_u64(bytes, b->credit / BYTE) * BYTE;
}

void vmoon_bucket_give_back(struct vmoon_bucket *b, uint64_t bytes)
{
	const uint64_t room = b->burst - min_u64(b->burst, b->credit / BYTE);

	if (b->rate != 0)
		b->credit += min_u64(bytes, room) * BYTE;
	b->credit = min_u64(b->credit, b->burst * BYTE);
}

uint64_t vmoon_bucket_step(const struct vmoon_bucket *b)
{
	const uint64_t step = b->rate / STEPS_A_SECOND;

	if (b->rate == 0)
		return UINT64_MAX;
	return step == 0 ? 1 : min_u64(step, b->burst);
}

uint64_t vmoon_bucket_due(const struct vmoon_bucket *b, uint64_t bytes)
{
	const uint64_t cost = min_u64(bytes, b->burst) * BYTE;
	uint64_t wait;

	if (b->rate == 0 || b->credit >= cost)
		return b->last_ns;
	wait = (cost - b->credit - 1) / b->rate + 1;
	return wait > UINT64_MAX - b->last_ns ? UINT64_MAX : b->last_ns + wait;
}

/* ---- shared ones ---- */

static enum vmoon_status check_rate(uint64_t rate, uint64_t burst,
				    struct vmoon_error *err)
{
	if (rate == 0 || rate > VMOON_RATE_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "group: a rate is 1 byte to 1 TiB a second");
	if (burst > VMOON_BURST_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "group: a burst is at most 1 GiB");
	if (burst != 0 && burst < VMOON_OUTPUT_LINE_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "group: a burst is at least 1 KiB, so that "
				  "a line can go");
	if (burst != 0 && burst < rate / VMOON_BURSTS_A_SECOND)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "group: a burst is at least 1/1024 of the "
				  "rate, which could not be kept with less");
	return VMOON_OK;
}

static uint64_t burst_of(uint64_t rate, uint64_t burst)
{
	if (burst != 0)
		return burst;
	if (rate < VMOON_OUTPUT_LINE_MAX)
		return VMOON_OUTPUT_LINE_MAX;
	return min_u64(rate, VMOON_BURST_MAX);
}

enum vmoon_status vmoon_group_create(struct vmoon_runtime *rt, uint64_t rate,
				     uint64_t burst, struct vmoon_group *parent,
				     struct vmoon_group **out_group,
				     struct vmoon_error *err)
{
	struct vmoon_group *group;
	int parents = 0;

	if (rt == NULL || out_group == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "group: no runtime or no place for it given");
	if (check_rate(rate, burst, err) != VMOON_OK)
		return VMOON_E_CONFIG;
	for (const struct vmoon_group *g = parent; g != NULL; g = g->parent)
		if (++parents > PARENTS_MAX)
			return vmoon_fail(err, VMOON_E_CONFIG, 0,
					  "group: more than %d groups in one "
					  "another",
					  PARENTS_MAX);
	group = vmoon_mem_alloc(vmoon_runtime_mem(rt), sizeof(*group));
	if (group == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "group: out of memory");
	group->mem = vmoon_runtime_mem(rt);
	group->parent = parent;
	vmoon_lock_init(&group->lock, VMOON_RANK_LEAF);
	vmoon_bucket_init(&group->bucket, rate, burst_of(rate, burst), 0);
	*out_group = group;
	return VMOON_OK;
}

enum vmoon_status vmoon_group_limit(struct vmoon_group *group, uint64_t rate,
				    uint64_t burst, struct vmoon_error *err)
{
	if (group == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no group given");
	if (check_rate(rate, burst, err) != VMOON_OK)
		return VMOON_E_CONFIG;
	vmoon_lock_take(&group->lock);
	vmoon_bucket_change(&group->bucket, rate, burst_of(rate, burst),
			    group->bucket.last_ns);
	vmoon_lock_drop(&group->lock);
	return VMOON_OK;
}

void vmoon_group_destroy(struct vmoon_group *group)
{
	if (group == NULL)
		return;
	vmoon_lock_fini(&group->lock);
	vmoon_mem_free(group->mem, group, sizeof(*group));
}

static void give_back_below(struct vmoon_group *group,
			    const struct vmoon_group *end, uint64_t bytes)
{
	for (struct vmoon_group *g = group; g != end && bytes > 0;
	     g = g->parent) {
		vmoon_lock_take(&g->lock);
		vmoon_bucket_give_back(&g->bucket, bytes);
		vmoon_lock_drop(&g->lock);
	}
}

static bool is_others_turn(const struct vmoon_group *g, const void *who,
			   uint64_t now_ns)
{
	return g->next != NULL && g->next != who && now_ns < g->next_until_ns;
}

/* Of one group alone. */
static uint64_t take_of(struct vmoon_group *g, const void *who, uint64_t least,
			uint64_t bytes, uint64_t now_ns)
{
	uint64_t got, due;

	if (is_others_turn(g, who, now_ns))
		return 0;
	got = min_u64(bytes, vmoon_bucket_room(&g->bucket, now_ns));
	if (got >= least) {
		vmoon_bucket_spend(&g->bucket, got);
		g->last = who;
		g->next = NULL;
		return got;
	}
	if (g->last != who) {
		due = vmoon_bucket_due(&g->bucket, least);
		g->next = who;
		g->next_until_ns = due + min_u64(TURN_NS, UINT64_MAX - due);
	}
	return 0;
}

uint64_t vmoon_group_take(struct vmoon_group *group, const void *who,
			  uint64_t least, uint64_t bytes, uint64_t now_ns)
{
	uint64_t got = bytes;

	for (struct vmoon_group *g = group; g != NULL && got > 0;
	     g = g->parent) {
		uint64_t part;

		vmoon_lock_take(&g->lock);
		part = take_of(g, who, least, got, now_ns);
		vmoon_lock_drop(&g->lock);
		give_back_below(group, g, got - part);
		got = part;
	}
	return got;
}

void vmoon_group_give_back(struct vmoon_group *group, uint64_t bytes)
{
	give_back_below(group, NULL, bytes);
}

void vmoon_group_forget(struct vmoon_group *group, const void *who)
{
	for (struct vmoon_group *g = group; g != NULL; g = g->parent) {
		vmoon_lock_take(&g->lock);
		g->next = g->next == who ? NULL : g->next;
		g->last = g->last == who ? NULL : g->last;
		vmoon_lock_drop(&g->lock);
	}
}

uint64_t vmoon_group_step(struct vmoon_group *group)
{
	uint64_t step = UINT64_MAX;

	for (struct vmoon_group *g = group; g != NULL; g = g->parent) {
		vmoon_lock_take(&g->lock);
		step = min_u64(step, vmoon_bucket_step(&g->bucket));
		vmoon_lock_drop(&g->lock);
	}
	return step;
}

uint64_t vmoon_group_due(struct vmoon_group *group, const void *who,
			 uint64_t bytes, uint64_t now_ns)
{
	uint64_t due = now_ns;

	for (struct vmoon_group *g = group; g != NULL; g = g->parent) {
		uint64_t at;

		vmoon_lock_take(&g->lock);
		VMOON_IGNORE(vmoon_bucket_room(&g->bucket, now_ns) == 0);
		at = vmoon_bucket_due(&g->bucket, bytes);
		if (is_others_turn(g, who, now_ns) && at < g->next_until_ns)
			at = g->next_until_ns;
		vmoon_lock_drop(&g->lock);
		due = at > due ? at : due;
	}
	return due;
}
