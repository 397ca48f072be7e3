/* SPDX-License-Identifier: MIT */
/* spec_output.h - the outputs of a checked configuration as plain C values. */
#ifndef VMOON_RUNTIME_SPEC_OUTPUT_H
#define VMOON_RUNTIME_SPEC_OUTPUT_H

#include "config.h"
#include "vmoon/output.h"

struct vmoon_spec_group {
	char name[VMOON_OUTPUT_NAME_MAX];
	uint64_t rate, burst;
	int parent; /* index of an earlier one; -1: none */
	bool is_shared;
};

/* limit.group is left to whoever has the groups. */
struct vmoon_spec_output {
	struct vmoon_output_options options; /* path is within sink */
	char name[VMOON_OUTPUT_NAME_MAX];    /* or "" */
	char *sink;                          /* owned: "file:a.log" */
	char group[VMOON_OUTPUT_NAME_MAX];   /* or "" */
};

struct vmoon_spec_outputs {
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_spec_group groups[VMOON_OUTPUTS_MAX];
	size_t group_count;
	struct vmoon_spec_output outputs[VMOON_OUTPUTS_MAX];
	size_t output_count;
};

/* Of checked lists; groups may be NULL. False without memory. */
bool vmoon_spec_outputs_init(struct vmoon_spec_outputs *spec,
			     struct vmoon_mem *mem,
			     const struct vmoon_config_value *groups,
			     const struct vmoon_config_value *serial)
	VMOON_NONNULL(1, 4);
void vmoon_spec_outputs_fini(struct vmoon_spec_outputs *spec) VMOON_NONNULL(1);

#endif
