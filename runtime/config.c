/* SPDX-License-Identifier: MIT */
/* config.c - checks a whole description and keeps the list of its mistakes. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

void vmoon_config_forget_check(struct vmoon_config *cfg)
{
	for (size_t i = 0; i < cfg->problem_count; i++) {
		/* The casts: these strings are ours, const for the reader. */
		free((char *)(uintptr_t)cfg->problems[i].path);
		free((char *)(uintptr_t)cfg->problems[i].message);
		free((char *)(uintptr_t)cfg->problems[i].hint);
	}
	free(cfg->problems);
	cfg->problems = NULL;
	cfg->problem_count = 0;
	cfg->problem_cap = 0;
	cfg->is_checked = false;
}

/* A fresh report over two buffers. */
struct pad {
	char message[VMOON_CONFIG_MESSAGE_MAX];
	char hint[VMOON_CONFIG_MESSAGE_MAX];
	struct vmoon_config_report report;
};

static struct vmoon_config_report *start_report(struct pad *pad)
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
	more = realloc(cfg->problems, cap * sizeof(*more));
	if (more == NULL)
		return false;
	cfg->problems = more;
	cfg->problem_cap = cap;
	return true;
}

static enum vmoon_status add_problem(struct vmoon_config *cfg, const char *path,
				     const struct pad *pad, bool is_key)
{
	char *own_path, *message, *hint = NULL;
	bool has_hint = pad->hint[0] != '\0';

	if (!has_room(cfg))
		return VMOON_E_NOMEM;
	own_path = strdup(path);
	message = strdup(pad->message);
	if (has_hint)
		hint = strdup(pad->hint);
	if (own_path == NULL || message == NULL || (has_hint && hint == NULL)) {
		free(own_path);
		free(message);
		free(hint);
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

static const struct vmoon_config_later *find_later(const char *key)
{
	const struct vmoon_config_later *l = vmoon_config_later_table();

	while (l->name != NULL && strcmp(l->name, key) != 0)
		l++;
	return l->name == NULL ? NULL : l;
}

static bool is_known(const char *key)
{
	for (size_t i = 0; i < VMOON_KEY_COUNT; i++)
		if (strcmp(vmoon_config_row(i)->key.name, key) == 0)
			return true;
	return false;
}

static enum vmoon_status add_unknown(struct vmoon_config *cfg, const char *key)
{
	const struct vmoon_config_later *l = find_later(key);
	struct pad pad;
	struct vmoon_config_report *r = start_report(&pad);

	if (l == NULL) {
		vmoon_text_put(&r->message, "unknown field ");
		vmoon_text_put_quoted(&r->message, key, strlen(key));
		VMOON_IGNORE(vmoon_config_suggest_key(&r->hint, key));
	} else {
		vmoon_text_put(&r->message, "\"%s\" is not in this version",
			       l->name);
		vmoon_text_put(&r->hint, "%s", l->hint);
	}
	return add_problem(cfg, key, &pad, true);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* By name, so that a report does not depend on the order of a hash table. */
static enum vmoon_status check_unknown(struct vmoon_config *cfg)
{
	const char **names;
	enum vmoon_status st = VMOON_OK;
	size_t count = 0;

	if (cfg->root.first == NULL)
		return VMOON_OK;
	names = calloc(cfg->node_count, sizeof(*names));
	if (names == NULL)
		return VMOON_E_NOMEM;
	for (const struct vmoon_config_node *n = cfg->root.first; n != NULL;
	     n = n->next)
		if (!is_known(n->key))
			names[count++] = n->key;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count && st == VMOON_OK; i++)
		st = add_unknown(cfg, names[i]);
	free(names);
	return st;
}

static enum vmoon_status add_missing(struct vmoon_config *cfg,
				     const struct vmoon_config_row *row)
{
	struct pad pad;
	struct vmoon_config_report *r = start_report(&pad);

	vmoon_text_put(&r->message, "missing required field \"%s\"",
		       row->key.name);
	vmoon_text_put(&r->hint, "for example: %s", row->example);
	return add_problem(cfg, "", &pad, false);
}

static enum vmoon_status check_row(struct vmoon_config *cfg, size_t id)
{
	const struct vmoon_config_row *row = vmoon_config_row(id);
	const struct vmoon_config_node *node =
		vmoon_config_child(&cfg->root, row->key.name);
	struct pad pad;

	if (node == NULL && row->key.is_required)
		return add_missing(cfg, row);
	if (node == NULL) {
		vmoon_config_value_default(row, &cfg->values[id]);
		return VMOON_OK;
	}
	if (vmoon_config_value_check(row, node, &cfg->values[id],
				     start_report(&pad)))
		return VMOON_OK;
	return add_problem(cfg, row->key.name, &pad, false);
}

/* One line for those who show only one. */
static enum vmoon_status fail_with_first(const struct vmoon_config *cfg,
					 struct vmoon_error *err)
{
	const struct vmoon_problem *p = &cfg->problems[0];
	char shown[256];
	struct vmoon_text path;

	/* A key of the script's own making may hold anything. */
	vmoon_text_init(&path, shown, sizeof(shown));
	vmoon_text_put_plain(&path, p->path, strlen(p->path));
	return vmoon_fail(
		err, VMOON_E_CONFIG, 0,
		"%zu problem%s in VM configuration%s: %s%s%s%s%s%s",
		cfg->problem_count, cfg->problem_count == 1 ? "" : "s",
		cfg->problem_count == 1 ? "" : "; first", shown,
		shown[0] == '\0' ? "" : ": ", p->message,
		p->hint == NULL ? "" : " (", p->hint == NULL ? "" : p->hint,
		p->hint == NULL ? "" : ")");
}

enum vmoon_status vmoon_config_check(struct vmoon_config *cfg,
				     struct vmoon_error *err)
{
	enum vmoon_status st;

	if (cfg == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "checking needs a config, got NULL");
	vmoon_config_forget_check(cfg);
	st = check_unknown(cfg);
	for (size_t id = 0; id < VMOON_KEY_COUNT && st == VMOON_OK; id++)
		st = check_row(cfg, id);
	if (st != VMOON_OK) {
		vmoon_config_forget_check(cfg);
		return vmoon_fail(err, st, 0,
				  "no memory to check the VM configuration");
	}
	if (cfg->problem_count > 0)
		return fail_with_first(cfg, err);
	cfg->is_checked = true;
	return VMOON_OK;
}

size_t vmoon_config_problem_count(const struct vmoon_config *cfg)
{
	return cfg == NULL ? 0 : cfg->problem_count;
}

const struct vmoon_problem *vmoon_config_problem(const struct vmoon_config *cfg,
						 size_t i)
{
	return i < vmoon_config_problem_count(cfg) ? &cfg->problems[i] : NULL;
}
