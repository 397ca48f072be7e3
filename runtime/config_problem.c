/* SPDX-License-Identifier: MIT */
/* config_problem.c - the list of a description's mistakes. */
#include "config.h"

#include <string.h>

struct vmoon_config_report *vmoon_config_start_report(
	struct vmoon_config_pad *pad)
{
	vmoon_text_init(&pad->report.message, pad->message,
			sizeof(pad->message));
	vmoon_text_init(&pad->report.hint, pad->hint, sizeof(pad->hint));
	return &pad->report;
}

static bool has_room(struct vmoon_config *cfg)
{
	/* At most one problem a node and one a row: no overflow here. */
	size_t cap = cfg->problem_cap == 0 ? 8 : cfg->problem_cap * 2;
	struct vmoon_problem *more;

	if (cfg->problem_count < cfg->problem_cap)
		return true;
	more = vmoon_mem_resize(cfg->mem, cfg->problems,
				cfg->problem_cap * sizeof(*more),
				cap * sizeof(*more));
	if (more == NULL)
		return false;
	cfg->problems = more;
	cfg->problem_cap = cap;
	return true;
}

/* "disks.2.cache", "" for the root; NULL without memory. */
static char *path_of(struct vmoon_mem *mem,
		     const struct vmoon_config_node *node)
{
	size_t len = 0;
	char *path;

	for (const struct vmoon_config_node *n = node; n->key != NULL;
	     n = n->parent)
		len += strlen(n->key) + (n->parent->key != NULL);
	path = vmoon_mem_alloc(mem, len + 1);
	if (path == NULL)
		return NULL;
	for (const struct vmoon_config_node *n = node; n->key != NULL;
	     n = n->parent) {
		size_t part = strlen(n->key);

		len -= part;
		memcpy(path + len, n->key, part);
		if (len > 0)
			path[--len] = '.';
	}
	return path;
}

enum vmoon_status vmoon_config_add_problem(struct vmoon_config *cfg,
					   const struct vmoon_config_node *node,
					   const struct vmoon_config_pad *pad,
					   bool is_key)
{
	char *own_path, *message, *hint = NULL;
	bool has_hint = pad->hint[0] != '\0';

	if (!has_room(cfg))
		return VMOON_E_NOMEM;
	own_path = path_of(cfg->mem, node);
	message = vmoon_mem_copy(cfg->mem, pad->message, strlen(pad->message));
	if (has_hint)
		hint = vmoon_mem_copy(cfg->mem, pad->hint, strlen(pad->hint));
	if (own_path == NULL || message == NULL || (has_hint && hint == NULL)) {
		vmoon_mem_free_text(cfg->mem, own_path);
		vmoon_mem_free_text(cfg->mem, message);
		vmoon_mem_free_text(cfg->mem, hint);
		return VMOON_E_NOMEM;
	}
	cfg->problems[cfg->problem_count++] = (struct vmoon_problem){
		.path = own_path,
		.message = message,
		.hint = hint,
		.is_key = is_key,
	};
	return VMOON_OK;
}
