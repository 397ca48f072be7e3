/* SPDX-License-Identifier: MIT */
/* ldobj_time.c - the time of a device in Lua, and its timers. */
#include "ldobj_parts.h"

#define FAILED_REST_NS UINT64_C(10000000)

uint64_t vmoon_ldtime_clock(const struct vmoon_ldobj *obj)
{
	const struct vmoon_clock *clock = &obj->env.clock;

	return clock->mono_ns == NULL ? 0 : clock->mono_ns(clock->ctx);
}

uint64_t vmoon_ldtime_now(const struct vmoon_ldobj *obj)
{
	/* The origin of a device that is older than the clock wraps. */
	return vmoon_ldtime_clock(obj) - obj->origin_ns;
}

void vmoon_ldtime_arm(struct vmoon_ldobj *obj)
{
	uint64_t first = vmoon_ldaway_due(obj);

	if (obj->is_ticking || obj->env.timer.set == NULL)
		return;
	for (size_t i = 0; i < VMOON_LDSPEC_TIMERS_MAX; i++)
		if (obj->due_ns[i] != 0 &&
		    (first == 0 || obj->due_ns[i] < first))
			first = obj->due_ns[i];
	if (first == obj->armed_ns)
		return;
	obj->armed_ns = first;
	obj->env.timer.set(obj->env.timer.ctx, first);
}

/* The one that is due and was first, or TIMERS_MAX. */
static size_t pick(const struct vmoon_ldobj *obj, uint64_t now, unsigned done)
{
	size_t best = VMOON_LDSPEC_TIMERS_MAX;

	for (size_t i = 0; i < VMOON_LDSPEC_TIMERS_MAX; i++) {
		if (obj->due_ns[i] == 0 || obj->due_ns[i] > now ||
		    (done & 1U << i) != 0)
			continue;
		if (best == VMOON_LDSPEC_TIMERS_MAX ||
		    obj->due_ns[i] < obj->due_ns[best])
			best = i;
	}
	return best;
}

/* One that fails again and again leaves time for others. */
static void fire(struct vmoon_ldobj *obj, size_t i, uint64_t now)
{
	struct vmoon_ldhook *hook =
		vmoon_ldobj_hook(obj, VMOON_LDHOOK_TIMER, i);

	obj->due_ns[i] = 0;
	if (hook == NULL || vmoon_ldhook_begin(obj, hook) == NULL ||
	    vmoon_ldhook_call(obj, hook, 0, 0))
		return;
	if (obj->due_ns[i] != 0 && obj->due_ns[i] < now + FAILED_REST_NS)
		obj->due_ns[i] = now + FAILED_REST_NS;
}

void vmoon_ldobj_tick(struct vmoon_ldobj *obj)
{
	const uint64_t now = vmoon_ldtime_clock(obj);
	unsigned done = 0; /* each one once: it may be due again already */

	obj->armed_ns = 0; /* the call has come */
	obj->is_ticking = true;
	vmoon_ldaway_tick(obj, now);
	for (unsigned n = 0; n < VMOON_LDSPEC_TIMERS_MAX; n++) {
		const size_t i = pick(obj, now, done);

		if (i == VMOON_LDSPEC_TIMERS_MAX)
			break;
		done |= 1U << i;
		fire(obj, i, now);
	}
	obj->is_ticking = false;
	vmoon_ldtime_arm(obj);
}
