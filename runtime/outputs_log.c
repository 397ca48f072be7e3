/* SPDX-License-Identifier: MIT */
/* outputs_log.c - what the log hears of a stream's outputs: few lines. */
#include "outputs.h"

#include <stdio.h>
#include <string.h>

/*
 * Once per change, so that a full disk is one line and not a flood; and at a
 * limited rate, for whoever makes a reader come and go.
 */
void vmoon_outputs_log_state(struct vmoon_outputs *set,
			     struct vmoon_output_slot *slot, uint64_t now_ns)
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

/* The changes that were not shown, when no more can come. */
void vmoon_outputs_log_rest(struct vmoon_outputs *set,
			    const struct vmoon_output_slot *slot)
{
	if (slot->log_limit.suppressed > 0)
		vmoon_logf(&set->log, VMOON_LOG_WARN, "output",
			   "'%s': %u more changes were not shown",
			   vmoon_output_name(slot->output),
			   slot->log_limit.suppressed);
}
