/* SPDX-License-Identifier: MIT */
/* stall.c - a sliding sum of the time for which a guest was held. */
#include "stall.h"

#include <string.h>

#define SLOT_NS UINT64_C(500000000)

/* Makes the slot of now_ns the newest; those that fall out are forgotten. */
static void advance(struct vmoon_stall *s, uint64_t number)
{
	if (number <= s->newest)
		return;
	if (number - s->newest >= VMOON_STALL_SLOTS)
		memset(s->slot, 0, sizeof(s->slot));
	else
		for (uint64_t n = s->newest + 1; n <= number; n++)
			s->slot[n % VMOON_STALL_SLOTS] = 0;
	s->newest = number;
}

void vmoon_stall_update(struct vmoon_stall *s, uint64_t now_ns)
{
	uint64_t from = s->since_ns;

	if (now_ns < from)
		return;
	s->since_ns = now_ns;
	if (s->is_held)
		s->total_ns += now_ns - from;
	/* Of a very long one, only what is in the window. */
	if (now_ns - from > VMOON_STALL_WINDOW_NS + SLOT_NS)
		from = now_ns - VMOON_STALL_WINDOW_NS - SLOT_NS;
	while (s->is_held && from < now_ns) { /* at most all slots and one */
		const uint64_t number = from / SLOT_NS;
		const uint64_t end = (number + 1) * SLOT_NS;
		const uint64_t to = end < now_ns ? end : now_ns;

		advance(s, number);
		s->slot[number % VMOON_STALL_SLOTS] += to - from;
		from = to;
	}
	advance(s, now_ns / SLOT_NS);
}

void vmoon_stall_begin(struct vmoon_stall *s, uint64_t now_ns)
{
	vmoon_stall_update(s, now_ns);
	s->is_held = true;
}

void vmoon_stall_end(struct vmoon_stall *s, uint64_t now_ns)
{
	vmoon_stall_update(s, now_ns);
	s->is_held = false;
}

uint64_t vmoon_stall_left(const struct vmoon_stall *s, uint64_t max_ns)
{
	uint64_t sum = 0;

	for (int i = 0; i < VMOON_STALL_SLOTS; i++)
		sum += s->slot[i];
	return sum < max_ns ? max_ns - sum : 0;
}
