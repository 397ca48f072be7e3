/* SPDX-License-Identifier: MIT */
/* spec_output.c - from checked values to options of outputs. */
#include "spec_output.h"

#include <stdio.h>
#include <string.h>

/* In the order of the schema's choices. */
static const enum vmoon_limit_policy policies[] = {
	VMOON_LIMIT_SPOOL, VMOON_LIMIT_DROP, VMOON_LIMIT_PAUSE};
static const enum vmoon_limit_unit units[] = {VMOON_UNIT_BYTE, VMOON_UNIT_LINE};
static const enum vmoon_limit_full fulls[] = {VMOON_FULL_DROP_OLDEST,
					      VMOON_FULL_DROP_NEWEST};
static const enum vmoon_limit_after afters[] = {VMOON_AFTER_DROP,
						VMOON_AFTER_ERROR};

static void copy_name(char out[VMOON_OUTPUT_NAME_MAX],
		      const struct vmoon_config_value *v)
{
	(void)snprintf(out, VMOON_OUTPUT_NAME_MAX, "%.*s", (int)v->len,
		       v->text);
}

/* -1 where none is named; the check has seen that the others are there. */
static int group_of(const struct vmoon_spec_outputs *spec,
		    const struct vmoon_config_value *v)
{
	char name[VMOON_OUTPUT_NAME_MAX];

	if (!v->is_set)
		return -1;
	copy_name(name, v);
	for (size_t i = 0; i < spec->group_count; i++)
		if (strcmp(spec->groups[i].name, name) == 0)
			return (int)i;
	return -1;
}

static void add_group(struct vmoon_spec_outputs *spec,
		      const struct vmoon_config_value *v)
{
	struct vmoon_spec_group *g = &spec->groups[spec->group_count];

	g->parent = group_of(spec, &v[VMOON_GROUP_GROUP]);
	copy_name(g->name, &v[VMOON_GROUP_NAME]);
	g->rate = v[VMOON_GROUP_RATE].number;
	g->burst = v[VMOON_GROUP_BURST].number;
	g->is_shared = v[VMOON_GROUP_SHARED].number != 0;
	spec->group_count++;
}

static struct vmoon_limit limit_of(const struct vmoon_config_value *v)
{
	struct vmoon_limit limit = {.size = sizeof(limit)};

	if (v == NULL)
		return limit;
	limit.policy = policies[v[VMOON_LIMIT_POLICY].number];
	limit.unit = units[v[VMOON_LIMIT_UNIT].number];
	limit.rate = v[VMOON_LIMIT_RATE].number;
	limit.burst = v[VMOON_LIMIT_BURST].number;
	limit.capacity = v[VMOON_LIMIT_CAPACITY].number;
	limit.full = fulls[v[VMOON_LIMIT_FULL].number];
	limit.max_stall_ns = v[VMOON_LIMIT_MAX_STALL].number;
	limit.after = afters[v[VMOON_LIMIT_AFTER_STALL].number];
	limit.is_unsafe_stall = v[VMOON_LIMIT_UNSAFE_STALL].number != 0;
	return limit;
}

static bool add_output(struct vmoon_spec_outputs *spec,
		       const struct vmoon_config_value *v)
{
	struct vmoon_spec_output *o = &spec->outputs[spec->output_count];
	const struct vmoon_config_value *limit = v[VMOON_OUTPUT_LIMIT].fields;
	struct vmoon_sink_text sink = {0};
	struct vmoon_config_report r;
	char pad[8];

	o->sink = vmoon_mem_copy(spec->mem, v[VMOON_OUTPUT_SINK].text,
				 v[VMOON_OUTPUT_SINK].len);
	if (o->sink == NULL)
		return false;
	vmoon_text_init(&r.message, pad, sizeof(pad));
	vmoon_text_init(&r.hint, pad, sizeof(pad));
	VMOON_IGNORE(!vmoon_sink_parse(o->sink, &sink, &r)); /* it passed */
	o->options = (struct vmoon_output_options){
		.size = sizeof(o->options),
		.kind = sink.kind,
		.path = sink.rest[0] == '\0' ? NULL : sink.rest,
		.fd = sink.fd,
		.max_size = v[VMOON_OUTPUT_MAX_SIZE].number,
		.generations = (unsigned)v[VMOON_OUTPUT_GENERATIONS].number,
		.is_append = v[VMOON_OUTPUT_APPEND].number != 0,
		.limit = limit_of(limit)};
	if (v[VMOON_OUTPUT_NAME].is_set)
		copy_name(o->name, &v[VMOON_OUTPUT_NAME]);
	if (limit != NULL && limit[VMOON_LIMIT_GROUP].is_set)
		copy_name(o->group, &limit[VMOON_LIMIT_GROUP]);
	spec->output_count++;
	return true;
}

bool vmoon_spec_outputs_init(struct vmoon_spec_outputs *spec,
			     struct vmoon_mem *mem,
			     const struct vmoon_config_value *groups,
			     const struct vmoon_config_value *serial)
{
	const size_t group_count =
		groups == NULL || groups->fields == NULL ? 0 : groups->number;
	const size_t count = serial->fields == NULL ? 0 : serial->number;

	memset(spec, 0, sizeof(*spec));
	spec->mem = mem;
	/* Both are lists of at most VMOON_OUTPUTS_MAX: the schema says so. */
	for (size_t i = 0; i < group_count; i++)
		add_group(spec, groups->fields + i * VMOON_GROUP_COUNT);
	for (size_t i = 0; i < count; i++)
		if (!add_output(spec, serial->fields + i * VMOON_OUTPUT_COUNT))
			return false;
	return true;
}

void vmoon_spec_outputs_fini(struct vmoon_spec_outputs *spec)
{
	for (size_t i = 0; i < spec->output_count; i++)
		vmoon_mem_free_text(spec->mem, spec->outputs[i].sink);
	spec->output_count = 0;
}
