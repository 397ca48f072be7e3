/* SPDX-License-Identifier: MIT */
/* vm_output.c - outputs from a description, at the start and later. */
#include "vm.h"

#include "config.h"

#include <string.h>

/* A group of the runtime's, for as long as a VM has it. */
struct vmoon_shared_group {
	struct vmoon_shared_group *next; /* owned */
	struct vmoon_spec_group spec;
	struct vmoon_group *group; /* owned */
	unsigned users;
};

/* Under rt->lock. */
static struct vmoon_shared_group *find_shared(struct vmoon_runtime *rt,
					      const char *name)
{
	struct vmoon_shared_group *g = rt->groups;

	while (g != NULL && strcmp(g->spec.name, name) != 0)
		g = g->next;
	return g;
}

static enum vmoon_status create_shared(struct vmoon_runtime *rt,
				       const struct vmoon_spec_group *spec,
				       struct vmoon_group *parent,
				       struct vmoon_error *err)
{
	struct vmoon_shared_group *g = vmoon_mem_alloc(&rt->mem, sizeof(*g));
	enum vmoon_status st;

	if (g == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "group '%s': out of memory", spec->name);
	st = vmoon_group_create(rt, spec->rate, spec->burst, parent, &g->group,
				err);
	if (st != VMOON_OK) {
		vmoon_mem_free(&rt->mem, g, sizeof(*g));
		return st;
	}
	g->spec = *spec;
	g->next = rt->groups;
	rt->groups = g;
	return VMOON_OK;
}

/* The one that is there, or a new one; its rate is that of all who have it. */
static enum vmoon_status take_shared(struct vmoon_runtime *rt,
				     const struct vmoon_spec_group *spec,
				     struct vmoon_group *parent,
				     struct vmoon_group **out_group,
				     struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;
	struct vmoon_shared_group *g;

	vmoon_lock_take(&rt->lock);
	if (find_shared(rt, spec->name) == NULL)
		st = create_shared(rt, spec, parent, err);
	g = find_shared(rt, spec->name);
	if (st == VMOON_OK &&
	    (g->spec.rate != spec->rate || g->spec.burst != spec->burst ||
	     g->group->parent != parent))
		st = vmoon_fail(err, VMOON_E_CONFIG, 0,
				"group '%s': another VM shares it with another "
				"rate, burst or group; give both the same",
				spec->name);
	if (st == VMOON_OK) {
		g->users++;
		*out_group = g->group;
	}
	vmoon_lock_drop(&rt->lock);
	return st;
}

static void drop_shared(struct vmoon_runtime *rt, const char *name)
{
	struct vmoon_shared_group **at = &rt->groups, *last = NULL;

	vmoon_lock_take(&rt->lock);
	while (*at != NULL && strcmp((*at)->spec.name, name) != 0)
		at = &(*at)->next;
	if (*at != NULL && --(*at)->users == 0) {
		last = *at;
		*at = last->next;
	}
	vmoon_lock_drop(&rt->lock);
	if (last == NULL)
		return;
	vmoon_group_destroy(last->group);
	vmoon_mem_free(&rt->mem, last, sizeof(*last));
}

static enum vmoon_status create_groups(struct vmoon_vm *vm,
				       struct vmoon_error *err)
{
	const struct vmoon_spec_outputs *spec = &vm->spec.serial;
	enum vmoon_status st = VMOON_OK;

	for (size_t i = 0; i < spec->group_count && st == VMOON_OK; i++) {
		const struct vmoon_spec_group *g = &spec->groups[i];
		struct vmoon_group *parent =
			g->parent < 0 ? NULL : vm->groups[g->parent];

		st = g->is_shared
			     ? take_shared(vm->rt, g, parent, &vm->groups[i],
					   err)
			     : vmoon_group_create(vm->rt, g->rate, g->burst,
						  parent, &vm->groups[i], err);
	}
	return st;
}

/* The last first: those are within the others. */
void vmoon_vm_free_groups(struct vmoon_vm *vm)
{
	const struct vmoon_spec_outputs *spec = &vm->spec.serial;

	for (size_t i = spec->group_count; i > 0; i--) {
		if (vm->groups[i - 1] == NULL)
			continue;
		if (spec->groups[i - 1].is_shared)
			drop_shared(vm->rt, spec->groups[i - 1].name);
		else
			vmoon_group_destroy(vm->groups[i - 1]);
	}
}

/* The group of that name, NULL for ""; E_CONFIG when the VM has none such. */
static enum vmoon_status find_group(struct vmoon_vm *vm, const char *name,
				    struct vmoon_group **out_group,
				    struct vmoon_error *err)
{
	const struct vmoon_spec_outputs *spec = &vm->spec.serial;

	*out_group = NULL;
	if (name[0] == '\0')
		return VMOON_OK;
	for (size_t i = 0; i < spec->group_count; i++)
		if (strcmp(spec->groups[i].name, name) == 0)
			*out_group = vm->groups[i];
	if (*out_group != NULL)
		return VMOON_OK;
	return vmoon_fail(err, VMOON_E_CONFIG, 0,
			  "there is no group '%s'; the VM's description names "
			  "all that it has",
			  name);
}

/* The options of o, whole. */
static enum vmoon_status options_of(struct vmoon_vm *vm,
				    const struct vmoon_spec_output *o,
				    struct vmoon_output_options *out,
				    struct vmoon_error *err)
{
	*out = o->options;
	out->name = o->name[0] == '\0' ? NULL : o->name;
	return find_group(vm, o->group, &out->limit.group, err);
}

static enum vmoon_status add_all(struct vmoon_stream *s,
				 const struct vmoon_spec_outputs *spec,
				 struct vmoon_error *err)
{
	struct vmoon_output_options options;
	enum vmoon_status st = VMOON_OK;

	for (size_t i = 0; i < spec->output_count && st == VMOON_OK; i++) {
		st = options_of(s->vm, &spec->outputs[i], &options, err);
		if (st == VMOON_OK)
			st = vmoon_stream_add_output(s, &options, err);
	}
	return st;
}

static enum vmoon_status add_port(struct vmoon_vm *vm, size_t i,
				  struct vmoon_error *err)
{
	const struct vmoon_spec_port *port = &vm->spec.devices.ports[i];
	enum vmoon_status st = add_all(&vm->ports[i], &port->outputs, err);

	if (st != VMOON_OK)
		vmoon_error_prefix(err, "port '%s'", port->name);
	return st;
}

static enum vmoon_status limit_one(struct vmoon_stream *s,
				   const struct vmoon_spec_outputs *spec,
				   const char *name, struct vmoon_error *err)
{
	struct vmoon_output_options options;
	enum vmoon_status st;

	if (spec->output_count == 0)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "outputs: a config without a sink has no "
				  "limit");
	st = options_of(s->vm, &spec->outputs[0], &options, err);
	if (st == VMOON_OK)
		st = vmoon_stream_limit_output(s, name, &options.limit, err);
	return st;
}

enum vmoon_status vmoon_vm_open_outputs(struct vmoon_vm *vm,
					struct vmoon_error *err)
{
	enum vmoon_status st = create_groups(vm, err);
	struct vmoon_stream *s;

	for (size_t i = 0; (s = vmoon_vm_stream_at(vm, i)) != NULL; i++)
		vmoon_outputs_wait(&s->outputs);
	if (st == VMOON_OK)
		st = add_all(&vm->console, &vm->spec.serial, err);
	for (size_t i = 0; i < vm->port_count && st == VMOON_OK; i++)
		st = add_port(vm, i, err);
	if (st == VMOON_OK)
		st = add_all(&vm->log.stream, &vm->spec.log, err);
	for (size_t i = 0;
	     st == VMOON_OK && (s = vmoon_vm_stream_at(vm, i)) != NULL; i++)
		st = vmoon_outputs_begin(&s->outputs, err);
	return st;
}

enum vmoon_status vmoon_config_create_serial(struct vmoon_runtime *rt,
					     struct vmoon_config **out_cfg,
					     struct vmoon_error *err)
{
	if (out_cfg == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "outputs: no place for the config given");
	return vmoon_config_create_for(vmoon_config_serial_schema(),
				       vmoon_runtime_mem(rt), out_cfg, err);
}

/* Checks cfg; its outputs, to be freed. */
static enum vmoon_status read_config(struct vmoon_stream *s,
				     struct vmoon_config *cfg,
				     struct vmoon_spec_outputs *out,
				     struct vmoon_error *err)
{
	enum vmoon_status st;

	if (s == NULL || cfg == NULL ||
	    cfg->schema != vmoon_config_serial_schema())
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "outputs: no stream, or no config of "
				  "vmoon_config_create_serial, given");
	st = vmoon_config_check(cfg, err);
	if (st != VMOON_OK ||
	    vmoon_spec_outputs_init(out, cfg->mem, NULL, &cfg->values[0]))
		return st;
	vmoon_spec_outputs_fini(out);
	return vmoon_fail(err, VMOON_E_NOMEM, 0, "outputs: out of memory");
}

enum vmoon_status vmoon_stream_add_outputs(struct vmoon_stream *s,
					   struct vmoon_config *cfg,
					   struct vmoon_error *err)
{
	struct vmoon_spec_outputs spec;
	enum vmoon_status st = read_config(s, cfg, &spec, err);

	if (st != VMOON_OK)
		return st;
	st = add_all(s, &spec, err);
	vmoon_spec_outputs_fini(&spec);
	return st;
}

enum vmoon_status vmoon_stream_limit_outputs(struct vmoon_stream *s,
					     struct vmoon_config *cfg,
					     const char *name,
					     struct vmoon_error *err)
{
	struct vmoon_spec_outputs spec;
	enum vmoon_status st;

	if (name == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "outputs: no name given");
	st = read_config(s, cfg, &spec, err);
	if (st != VMOON_OK)
		return st;
	st = limit_one(s, &spec, name, err);
	vmoon_spec_outputs_fini(&spec);
	return st;
}

static enum vmoon_status limit_group(struct vmoon_stream *s,
				     const struct vmoon_spec_outputs *spec,
				     const char *name, struct vmoon_error *err)
{
	const struct vmoon_limit *limit = &spec->outputs[0].options.limit;
	struct vmoon_group *group;
	enum vmoon_status st;

	if (spec->output_count == 0 || limit->rate == 0)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "group '%s': give it a rate", name);
	st = find_group(s->vm, name, &group, err);
	if (st == VMOON_OK)
		st = vmoon_group_limit(group, limit->rate, limit->burst, err);
	return st;
}

enum vmoon_status vmoon_stream_limit_group(struct vmoon_stream *s,
					   struct vmoon_config *cfg,
					   const char *name,
					   struct vmoon_error *err)
{
	struct vmoon_spec_outputs spec;
	enum vmoon_status st;

	if (name == NULL || name[0] == '\0')
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "group: no name given");
	st = read_config(s, cfg, &spec, err);
	if (st != VMOON_OK)
		return st;
	st = limit_group(s, &spec, name, err);
	vmoon_spec_outputs_fini(&spec);
	return st;
}
