/* SPDX-License-Identifier: MIT */
/* limit.c - a limit's fields, alone and together. */
#include "output.h"

enum { CAPACITY_MIN = 4 * 1024, CAPACITY_MAX = 64 * 1024 * 1024 };
#define SECOND_NS UINT64_C(1000000000)
#define STALL_MAX_NS (3600 * SECOND_NS)

static enum vmoon_status refuse(struct vmoon_error *err, const char *what)
{
	return vmoon_fail(err, VMOON_E_CONFIG, 0, "limit: %s", what);
}

static enum vmoon_status check_rate(const struct vmoon_limit *limit,
				    struct vmoon_error *err)
{
	if (limit->rate > VMOON_RATE_MAX)
		return refuse(err, "rate is at most 1 TiB a second");
	if (limit->burst > VMOON_BURST_MAX)
		return refuse(err, "burst is at most 1 GiB");
	if (limit->burst != 0 && limit->rate == 0)
		return refuse(err, "a burst without a rate limits nothing; "
				   "give a rate");
	if (limit->burst != 0 &&
	    limit->burst < limit->rate / VMOON_BURSTS_A_SECOND)
		return refuse(err, "burst is at least 1/1024 of the rate, "
				   "which could not be kept with less");
	if (limit->unit == VMOON_UNIT_LINE && limit->burst != 0 &&
	    limit->burst < VMOON_OUTPUT_LINE_MAX)
		return refuse(err, "burst is smaller than a line; with lines "
				   "as the unit it is at least 1 KiB");
	if (limit->rate == 0 && limit->group == NULL &&
	    limit->policy != VMOON_LIMIT_SPOOL)
		return refuse(err, "without a rate or a group there is nothing "
				   "to drop or to pause for; give a rate");
	return VMOON_OK;
}

static enum vmoon_status check_queue(const struct vmoon_limit *limit,
				     struct vmoon_error *err)
{
	const bool is_spool = limit->policy == VMOON_LIMIT_SPOOL;

	if (!is_spool && limit->capacity != 0)
		return refuse(err, "capacity is for the policy spool");
	if (!is_spool && limit->full != VMOON_FULL_DROP_OLDEST)
		return refuse(err, "full is for the policy spool");
	if (limit->capacity != 0 &&
	    (limit->capacity < CAPACITY_MIN || limit->capacity > CAPACITY_MAX))
		return refuse(err, "capacity is 4 KiB to 64 MiB");
	return VMOON_OK;
}

static enum vmoon_status check_stall(const struct vmoon_limit *limit,
				     struct vmoon_error *err)
{
	if (limit->policy != VMOON_LIMIT_PAUSE) {
		if (limit->max_stall_ns != 0 || limit->is_unsafe_stall)
			return refuse(err, "max_stall is for the policy pause");
		if (limit->after != VMOON_AFTER_DROP)
			return refuse(err,
				      "after_stall is for the policy pause");
		return VMOON_OK;
	}
	if (limit->max_stall_ns > STALL_MAX_NS)
		return refuse(err, "max_stall is at most an hour");
	if (limit->max_stall_ns > VMOON_STALL_SAFE_NS &&
	    !limit->is_unsafe_stall)
		return refuse(err, "a max_stall of more than 10 s may hang the "
				   "guest; set unsafe_stall if that is wanted");
	return VMOON_OK;
}

enum vmoon_status vmoon_limit_check(const struct vmoon_limit *limit,
				    struct vmoon_error *err)
{
	if ((unsigned)limit->policy > VMOON_LIMIT_PAUSE ||
	    (unsigned)limit->unit > VMOON_UNIT_LINE ||
	    (unsigned)limit->full > VMOON_FULL_DROP_NEWEST ||
	    (unsigned)limit->after > VMOON_AFTER_ERROR)
		return refuse(err, "a policy, unit, full or after_stall that "
				   "does not exist");
	if (check_rate(limit, err) != VMOON_OK ||
	    check_queue(limit, err) != VMOON_OK)
		return VMOON_E_CONFIG;
	return check_stall(limit, err);
}
