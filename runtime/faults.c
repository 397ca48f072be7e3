/* SPDX-License-Identifier: MIT */
/* faults.c - what a guest did wrong: counted all, logged a little. */
#include "faults.h"

#include <string.h>

static const char *const texts[VMOON_GUEST_FAULT_KINDS] = {
	[VMOON_GUEST_FAULT_UNASSIGNED] = "access to an unassigned address",
	[VMOON_GUEST_FAULT_WIDTH] = "access of a wrong width",
	[VMOON_GUEST_FAULT_REGISTER] = "access to a register that is not there",
	[VMOON_GUEST_FAULT_VALUE] = "a refused value",
	[VMOON_GUEST_FAULT_MEMORY] = "a guest range that is not RAM",
	[VMOON_GUEST_FAULT_REQUEST] = "a malformed request",
};

void vmoon_faults_init(struct vmoon_faults *faults, const char *name,
		       const struct vmoon_log *log,
		       const struct vmoon_clock *clock)
{
	memset(faults, 0, sizeof(*faults));
	faults->name = name;
	faults->log = *log;
	faults->clock = *clock;
	vmoon_lock_init(&faults->lock, VMOON_RANK_LEAF);
}

void vmoon_faults_fini(struct vmoon_faults *faults)
{
	if (faults->limit.suppressed > 0)
		vmoon_logf(&faults->log, VMOON_LOG_INFO, faults->name,
			   "%u more guest faults were not shown",
			   faults->limit.suppressed);
	vmoon_lock_fini(&faults->lock);
}

static void note(void *ctx, enum vmoon_guest_fault_kind fault, uint64_t where)
{
	struct vmoon_faults *f = ctx;
	uint64_t now_ns = f->clock.mono_ns(f->clock.ctx);
	uint32_t suppressed = 0;
	bool is_shown;

	vmoon_lock_take(&f->lock);
	f->counts[fault]++;
	is_shown = vmoon_log_allow(&f->limit, now_ns, &suppressed);
	vmoon_lock_drop(&f->lock);
	/* The sink is the embedder's and may be slow: no leaf lock around. */
	if (is_shown && suppressed > 0)
		vmoon_logf(&f->log, VMOON_LOG_INFO, f->name,
			   "%s at 0x%llx, after %u guest faults that were not "
			   "shown",
			   texts[fault], (unsigned long long)where, suppressed);
	else if (is_shown)
		vmoon_logf(&f->log, VMOON_LOG_INFO, f->name, "%s at 0x%llx",
			   texts[fault], (unsigned long long)where);
}

struct vmoon_guest_faults vmoon_faults_of(struct vmoon_faults *faults)
{
	return (struct vmoon_guest_faults){note, faults};
}

uint64_t vmoon_faults_count(struct vmoon_faults *faults,
			    enum vmoon_guest_fault_kind fault)
{
	uint64_t n;

	vmoon_lock_take(&faults->lock);
	n = faults->counts[fault];
	vmoon_lock_drop(&faults->lock);
	return n;
}
