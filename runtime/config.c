/* SPDX-License-Identifier: MIT */
/* config.c - checks a whole description and keeps the list of its mistakes. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

void vmoon_config_forget_check(struct vmoon_config *cfg)
{
	for (size_t i = 0; i < cfg->problem_count; i++) {
		vmoon_mem_free_text(cfg->mem, cfg->problems[i].path);
		vmoon_mem_free_text(cfg->mem, cfg->problems[i].message);
		vmoon_mem_free_text(cfg->mem, cfg->problems[i].hint);
	}
	vmoon_mem_free(cfg->mem, cfg->problems,
		       cfg->problem_cap * sizeof(*cfg->problems));
	cfg->problems = NULL;
	cfg->problem_count = 0;
	cfg->problem_cap = 0;
	while (cfg->blocks != NULL) {
		struct vmoon_config_block *next = cfg->blocks->next;

		vmoon_mem_free(cfg->mem, cfg->blocks, cfg->blocks->size);
		cfg->blocks = next;
	}
	cfg->values = NULL;
	cfg->is_checked = false;
}

static enum vmoon_status add_unknown(struct vmoon_config *cfg,
				     const struct vmoon_config_schema *schema,
				     const struct vmoon_config_node *node)
{
	const struct vmoon_config_later *l =
		vmoon_config_find_later(schema, node->key);
	struct vmoon_config_pad pad;
	struct vmoon_config_report *r = vmoon_config_start_report(&pad);

	if (l == NULL) {
		vmoon_text_put(&r->message, "unknown field ");
		vmoon_text_put_quoted(&r->message, node->key,
				      strlen(node->key));
		VMOON_IGNORE(
			vmoon_config_suggest_key(&r->hint, schema, node->key));
	} else {
		vmoon_text_put(&r->message, "\"%s\" is not in this version",
			       l->name);
		vmoon_text_put(&r->hint, "%s", l->hint);
	}
	return vmoon_config_add_problem(cfg, node, &pad, true);
}

/* A node in an array of its own, to be brought into an order. */
struct noted {
	const struct vmoon_config_node *node;
};

static int compare_keys(const void *a, const void *b)
{
	const struct noted *x = a, *y = b;

	return strcmp(x->node->key, y->node->key);
}

/* By name, so that a report does not depend on the order of a hash table. */
static enum vmoon_status check_unknown(struct vmoon_config *cfg,
				       const struct vmoon_config_schema *schema,
				       const struct vmoon_config_node *table)
{
	struct noted *nodes;
	enum vmoon_status st = VMOON_OK;
	size_t count = 0, size;

	for (const struct vmoon_config_node *n = table->first; n != NULL;
	     n = n->next)
		count += vmoon_config_find_row(schema, n->key) == NULL;
	if (count == 0)
		return VMOON_OK;
	size = count * sizeof(*nodes); /* at most NODES_MAX of them */
	nodes = vmoon_mem_alloc(cfg->mem, size);
	if (nodes == NULL)
		return VMOON_E_NOMEM;
	count = 0;
	for (const struct vmoon_config_node *n = table->first; n != NULL;
	     n = n->next)
		if (vmoon_config_find_row(schema, n->key) == NULL)
			nodes[count++].node = n;
	qsort(nodes, count, sizeof(*nodes), compare_keys);
	for (size_t i = 0; i < count && st == VMOON_OK; i++)
		st = add_unknown(cfg, schema, nodes[i].node);
	vmoon_mem_free(cfg->mem, nodes, size);
	return st;
}

static enum vmoon_status add_missing(struct vmoon_config *cfg,
				     const struct vmoon_config_row *row,
				     const struct vmoon_config_node *table)
{
	struct vmoon_config_pad pad;
	struct vmoon_config_report *r = vmoon_config_start_report(&pad);

	vmoon_text_put(&r->message, "missing required field \"%s\"",
		       row->key.name);
	vmoon_text_put(&r->hint, "for example: %s", row->key.example);
	return vmoon_config_add_problem(cfg, table, &pad, false);
}

/* Values for count items of a table; NULL without memory. */
static struct vmoon_config_value *create_values(
	struct vmoon_config *cfg, const struct vmoon_config_schema *schema,
	size_t count)
{
	/* At most NODES_MAX items of the few rows of a schema: no overflow. */
	const size_t size =
		sizeof(struct vmoon_config_block) +
		count * schema->count * sizeof(struct vmoon_config_value);
	struct vmoon_config_block *block = vmoon_mem_alloc(cfg->mem, size);

	if (block == NULL)
		return NULL;
	block->size = size;
	block->next = cfg->blocks;
	cfg->blocks = block;
	return block->values;
}

static bool is_digits(const char *key)
{
	return key[strspn(key, "0123456789")] == '\0';
}

/* "1" to "4096", 0 for any other key. */
static size_t item_number(const char *key)
{
	if (!is_digits(key) || key[0] == '0' || strlen(key) > 4)
		return 0;
	return strtoul(key, NULL, 10);
}

/* How many items a list has, or 0 and *out_bad: the first that is none. */
static size_t count_items(const struct vmoon_config_node *list,
			  const struct vmoon_config_node **out_bad)
{
	const struct vmoon_config_node *bad = NULL;
	size_t count = 0;

	for (const struct vmoon_config_node *n = list->first; n != NULL;
	     n = n->next)
		count++;
	for (const struct vmoon_config_node *n = list->first; n != NULL;
	     n = n->next) {
		size_t number = item_number(n->key);

		if (number >= 1 && number <= count)
			continue;
		if (bad == NULL || strcmp(n->key, bad->key) < 0)
			bad = n;
	}
	*out_bad = bad;
	return bad == NULL ? count : 0;
}

static enum vmoon_status add_no_item(struct vmoon_config *cfg,
				     const struct vmoon_config_row *row,
				     const struct vmoon_config_node *node)
{
	struct vmoon_config_pad pad;
	struct vmoon_config_report *r = vmoon_config_start_report(&pad);

	if (is_digits(node->key)) {
		vmoon_text_put(&r->message, "a list has no gaps: an item "
					    "before this one is missing");
	} else {
		vmoon_text_put(&r->message, "expected a list of tables, got a "
					    "table with the field ");
		vmoon_text_put_quoted(&r->message, node->key,
				      strlen(node->key));
	}
	vmoon_text_put(&r->hint, "for example: %s", row->key.example);
	return vmoon_config_add_problem(cfg, node, &pad, true);
}

static enum vmoon_status check_table(struct vmoon_config *cfg,
				     const struct vmoon_config_schema *schema,
				     const struct vmoon_config_node *table,
				     const struct vmoon_config_scope *scope,
				     struct vmoon_config_value *values);

/* In the order of their numbers, whatever order they were set in. */
static enum vmoon_status check_items(struct vmoon_config *cfg,
				     const struct vmoon_config_row *row,
				     const struct noted *items,
				     const struct vmoon_config_value *root,
				     const struct vmoon_config_value *list)
{
	enum vmoon_status st = VMOON_OK;

	for (size_t i = 0; i < list->number && st == VMOON_OK; i++) {
		const struct vmoon_config_scope scope = {
			.list = list, .index = i, .root = root};
		struct vmoon_config_pad pad;

		if (items[i].node->kind == VMOON_CONFIG_TABLE) {
			st = check_table(cfg, row->fields, items[i].node,
					 &scope,
					 list->fields + i * row->fields->count);
			continue;
		}
		vmoon_config_refuse_type(vmoon_config_start_report(&pad), row,
					 "a table", items[i].node);
		st = vmoon_config_add_problem(cfg, items[i].node, &pad, false);
	}
	return st;
}

static enum vmoon_status check_list(struct vmoon_config *cfg,
				    const struct vmoon_config_row *row,
				    const struct vmoon_config_node *node,
				    const struct vmoon_config_value *root,
				    struct vmoon_config_value *value)
{
	const struct vmoon_config_node *bad;
	struct noted *items;
	size_t count = count_items(node, &bad);
	enum vmoon_status st = VMOON_E_NOMEM;
	struct vmoon_config_pad pad;

	if (bad != NULL)
		return add_no_item(cfg, row, bad);
	if (count < (size_t)row->min || count > (size_t)row->max) {
		vmoon_text_put(&vmoon_config_start_report(&pad)->message,
			       "%zu items, but %lld..%lld are possible", count,
			       (long long)row->min, (long long)row->max);
		return vmoon_config_add_problem(cfg, node, &pad, false);
	}
	if (count == 0)
		return VMOON_OK;
	value->number = count;
	value->fields = create_values(cfg, row->fields, count);
	items = vmoon_mem_alloc_array(cfg->mem, count, sizeof(*items));
	for (const struct vmoon_config_node *n = node->first;
	     n != NULL && items != NULL; n = n->next)
		items[item_number(n->key) - 1].node = n;
	if (items != NULL && value->fields != NULL)
		st = check_items(cfg, row, items, root, value);
	vmoon_mem_free(cfg->mem, items, count * sizeof(*items));
	return st;
}

static enum vmoon_status check_value(struct vmoon_config *cfg,
				     const struct vmoon_config_row *row,
				     const struct vmoon_config_node *node,
				     const struct vmoon_config_value *root,
				     struct vmoon_config_value *value)
{
	const struct vmoon_config_scope scope = {.root = root};
	struct vmoon_config_pad pad;

	if (row->type == VMOON_TYPE_PARAMS && node->kind == VMOON_CONFIG_TABLE)
		return vmoon_config_params_check(cfg, row, node, value);
	if (node->kind != VMOON_CONFIG_TABLE || row->fields == NULL) {
		if (vmoon_config_value_check(row, node, value,
					     vmoon_config_start_report(&pad)))
			return VMOON_OK;
		return vmoon_config_add_problem(cfg, node, &pad, false);
	}
	value->is_set = true;
	if (row->type == VMOON_TYPE_LIST)
		return check_list(cfg, row, node, root, value);
	value->fields = create_values(cfg, row->fields, 1);
	if (value->fields == NULL)
		return VMOON_E_NOMEM;
	return check_table(cfg, row->fields, node, &scope, value->fields);
}

/* What is wrong alone is said already; together it would be said twice. */
static bool is_judged(const struct vmoon_config_rule *rule,
		      const struct vmoon_config_scope *scope, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((rule->uses >> i & 1u) != 0 && scope->values[i].is_bad)
			return true;
	return false;
}

static enum vmoon_status check_rules(struct vmoon_config *cfg,
				     const struct vmoon_config_schema *schema,
				     const struct vmoon_config_node *table,
				     const struct vmoon_config_scope *scope)
{
	const struct vmoon_config_rule *rule = schema->rules;
	enum vmoon_status st = VMOON_OK;

	for (; rule != NULL && rule->holds != NULL && st == VMOON_OK; rule++) {
		const struct vmoon_config_node *node = vmoon_config_child(
			table, schema->rows[rule->row].key.name);
		struct vmoon_config_pad pad;

		if (is_judged(rule, scope, schema->count))
			continue;
		if (!rule->holds(scope, vmoon_config_start_report(&pad)))
			st = vmoon_config_add_problem(
				cfg, node != NULL ? node : table, &pad, false);
	}
	return st;
}

/* Recursion ends with the schema: its tables hold tables hold values. */
static enum vmoon_status check_table(struct vmoon_config *cfg,
				     const struct vmoon_config_schema *schema,
				     const struct vmoon_config_node *table,
				     const struct vmoon_config_scope *scope,
				     struct vmoon_config_value *values)
{
	enum vmoon_status st = check_unknown(cfg, schema, table);
	const struct vmoon_config_scope here = {
		values, scope->list, scope->index,
		scope->root != NULL ? scope->root : values, cfg->schema};

	for (size_t i = 0; i < schema->count && st == VMOON_OK; i++) {
		const struct vmoon_config_row *row = &schema->rows[i];
		const struct vmoon_config_node *node =
			vmoon_config_child(table, row->key.name);
		const size_t problems = cfg->problem_count;

		if (node != NULL)
			st = check_value(cfg, row, node, here.root, &values[i]);
		else if (row->key.is_required)
			st = add_missing(cfg, row, table);
		else
			vmoon_config_value_default(row, &values[i]);
		values[i].is_bad = cfg->problem_count > problems;
	}
	if (st == VMOON_OK)
		st = check_rules(cfg, schema, table, &here);
	return st;
}

struct shown_path {
	char text[256];
};

/* A key of the script's own making may hold anything. */
static struct shown_path show_path(const struct vmoon_problem *p)
{
	struct shown_path out;
	struct vmoon_text path;

	vmoon_text_init(&path, out.text, sizeof(out.text));
	vmoon_text_put_plain(&path, p->path, strlen(p->path));
	return out;
}

static enum vmoon_status fail_with_first(const struct vmoon_config *cfg,
					 struct vmoon_error *err)
{
	const struct vmoon_problem *p = &cfg->problems[0];
	const struct shown_path path = show_path(p);
	const char *shown = path.text;
	enum vmoon_status st = vmoon_fail(
		err, VMOON_E_CONFIG, 0,
		"%zu problem%s in VM configuration%s: %s%s%s%s%s%s",
		cfg->problem_count, cfg->problem_count == 1 ? "" : "s",
		cfg->problem_count == 1 ? "" : "; first", shown,
		shown[0] == '\0' ? "" : ": ", p->message,
		p->hint == NULL ? "" : " (", p->hint == NULL ? "" : p->hint,
		p->hint == NULL ? "" : ")");

	vmoon_error_set_where(err, "%s", shown);
	for (size_t i = 0; i < cfg->problem_count; i++) {
		p = &cfg->problems[i];
		vmoon_error_add_detail(err, "%s%s%s\n", show_path(p).text,
				       p->path[0] == '\0' ? "" : ": ",
				       p->message);
		if (p->hint != NULL)
			vmoon_error_add_detail(err, "  hint: %s\n", p->hint);
	}
	return st;
}

enum vmoon_status vmoon_config_check(struct vmoon_config *cfg,
				     struct vmoon_error *err)
{
	const struct vmoon_config_scope scope = {0};
	struct vmoon_config_value *values;
	enum vmoon_status st = VMOON_E_NOMEM;

	if (cfg == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "checking needs a config, got NULL");
	vmoon_config_forget_check(cfg);
	values = create_values(cfg, cfg->schema, 1);
	if (values != NULL)
		st = check_table(cfg, cfg->schema, &cfg->root, &scope, values);
	if (st != VMOON_OK) {
		vmoon_config_forget_check(cfg);
		return vmoon_fail(err, st, 0,
				  "no memory to check the VM configuration");
	}
	if (cfg->problem_count > 0)
		return fail_with_first(cfg, err);
	cfg->values = values;
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
