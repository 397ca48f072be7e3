/* SPDX-License-Identifier: MIT */
/* vq_setup.c - what a driver says of a queue before it is live. */
#include "vq.h"

#include "defs.h"

static bool is_power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

enum vmoon_status vmoon_vq_setup_init(struct vmoon_vq_setup *s,
				      uint32_t max_size,
				      struct vmoon_error *err)
{
	if (!is_power_of_two(max_size) || max_size > VMOON_VQ_SIZE_LIMIT)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "a queue has 1, 2, 4 and so on up to %d "
				  "entries, not %lu",
				  VMOON_VQ_SIZE_LIMIT, (unsigned long)max_size);
	s->max_size = (uint16_t)max_size;
	vmoon_vq_setup_reset(s);
	return VMOON_OK;
}

void vmoon_vq_setup_reset(struct vmoon_vq_setup *s)
{
	*s = (struct vmoon_vq_setup){.max_size = s->max_size,
				     .size = s->max_size};
}

bool vmoon_vq_setup_set_size(struct vmoon_vq_setup *s, uint32_t size)
{
	if (!is_power_of_two(size) || size > s->max_size)
		return false;
	s->size = (uint16_t)size;
	return true;
}

bool vmoon_vq_setup_set_part(struct vmoon_vq_setup *s, enum vmoon_vq_part part,
			     vmoon_gpa gpa)
{
	static const uint8_t alignment[] = {[VMOON_VQ_DESC] = 16,
					    [VMOON_VQ_AVAIL] = 2,
					    [VMOON_VQ_USED] = 4};

	if (gpa % alignment[part] != 0)
		return false;
	s->part[part] = gpa;
	return true;
}

/* 2.7: the event index at the end of both rings is part of them. */
bool vmoon_vq_setup_is_valid(const struct vmoon_vq_setup *s,
			     const struct vmoon_gmem *gm)
{
	const uint64_t n = s->size;

	return s->is_ready && s->part[VMOON_VQ_DESC] != 0 &&
	       s->part[VMOON_VQ_AVAIL] != 0 && s->part[VMOON_VQ_USED] != 0 &&
	       vmoon_gmem_range_ok(gm, s->part[VMOON_VQ_DESC],
				   n * VMOON_VQ_DESC_BYTES) &&
	       vmoon_gmem_range_ok(gm, s->part[VMOON_VQ_AVAIL], 6 + 2 * n) &&
	       vmoon_gmem_range_ok(gm, s->part[VMOON_VQ_USED], 6 + 8 * n);
}
