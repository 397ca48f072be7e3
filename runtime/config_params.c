/* SPDX-License-Identifier: MIT */
/* config_params.c - a table of names that no schema knows: plain values. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_name(const char *key)
{
	const size_t len = strlen(key);

	for (size_t i = 0; i < len; i++) {
		const char c = key[i];
		const bool is_letter = (c >= 'a' && c <= 'z') ||
				       (c >= 'A' && c <= 'Z') || c == '_';

		if (!is_letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return len > 0 && len <= VMOON_CONFIG_PARAM_NAME_MAX;
}

static const struct vmoon_config_node *next_of(
	const struct vmoon_config_node *table, const char *after)
{
	const struct vmoon_config_node *best = NULL;

	for (const struct vmoon_config_node *n = table->first; n != NULL;
	     n = n->next)
		if ((after == NULL || strcmp(n->key, after) > 0) &&
		    (best == NULL || strcmp(n->key, best->key) < 0))
			best = n;
	return best;
}

static bool check_value(const struct vmoon_config_row *row,
			const struct vmoon_config_node *n,
			struct vmoon_config_report *r)
{
	switch (n->kind) {
	case VMOON_CONFIG_STRING:
	case VMOON_CONFIG_INTEGER:
	case VMOON_CONFIG_BOOLEAN: return true;
	case VMOON_CONFIG_NUMBER:
		if (isfinite(n->number))
			return true;
		vmoon_text_put(&r->message, "%s is no finite number", n->text);
		return false;
	case VMOON_CONFIG_SIZE:
		if (n->bytes <= INT64_MAX)
			return true;
		vmoon_text_put(&r->message, "a size is less than 8 EiB");
		return false;
	case VMOON_CONFIG_TABLE:
	case VMOON_CONFIG_FD:
	case VMOON_CONFIG_OTHER: break;
	}
	vmoon_config_refuse_type(r, row, "a string, number or boolean", n);
	return false;
}

static enum vmoon_status check_param(struct vmoon_config *cfg,
				     const struct vmoon_config_row *row,
				     const struct vmoon_config_node *n)
{
	struct vmoon_config_pad pad;
	struct vmoon_config_report *r = vmoon_config_start_report(&pad);

	if (is_name(n->key)) {
		if (check_value(row, n, r))
			return VMOON_OK;
		return vmoon_config_add_problem(cfg, n, &pad, false);
	}
	vmoon_text_put(&r->message,
		       "a name has 1 to %d letters, digits or "
		       "\"_\", and begins with none of the "
		       "digits; got ",
		       VMOON_CONFIG_PARAM_NAME_MAX);
	vmoon_text_put_quoted(&r->message, n->key, strlen(n->key));
	vmoon_text_put(&r->hint, "for example: %s", row->key.example);
	return vmoon_config_add_problem(cfg, n, &pad, true);
}

/* In the order of names: a report does not depend on a hash table's. */
enum vmoon_status vmoon_config_params_check(
	struct vmoon_config *cfg, const struct vmoon_config_row *row,
	const struct vmoon_config_node *node, struct vmoon_config_value *value)
{
	const struct vmoon_config_node *n;
	enum vmoon_status st = VMOON_OK;
	struct vmoon_config_pad pad;
	size_t count = 0;

	for (n = node->first; n != NULL; n = n->next)
		count++;
	if (count > VMOON_CONFIG_PARAMS_MAX) {
		vmoon_text_put(&vmoon_config_start_report(&pad)->message,
			       "%zu values, but 0..%d are possible", count,
			       VMOON_CONFIG_PARAMS_MAX);
		return vmoon_config_add_problem(cfg, node, &pad, false);
	}
	*value = (struct vmoon_config_value){
		.is_set = true, .number = count, .node = node};
	n = next_of(node, NULL);
	for (size_t i = 0; i < count && n != NULL && st == VMOON_OK; i++) {
		st = check_param(cfg, row, n);
		n = next_of(node, n->key);
	}
	return st;
}

const struct vmoon_config_node *vmoon_config_params_at(
	const struct vmoon_config_value *value, size_t i)
{
	const struct vmoon_config_node *n;

	if (value->node == NULL)
		return NULL;
	n = next_of(value->node, NULL);
	for (; n != NULL && i > 0; i--)
		n = next_of(value->node, n->key);
	return n;
}

/* Read back as the same number, and as one with a fraction. */
static void put_number(struct vmoon_text *t, double number)
{
	char text[40];
	char *comma;

	(void)snprintf(text, sizeof(text), "%.17g", number);
	comma = strchr(text, ','); /* of some locales */
	if (comma != NULL)
		*comma = '.';
	vmoon_text_put(t, "%s%s", text,
		       strpbrk(text, ".e") == NULL ? ".0" : "");
}

void vmoon_config_params_put(struct vmoon_text *t,
			     const struct vmoon_config_value *value)
{
	const struct vmoon_config_node *n;

	vmoon_text_put(t, "{");
	for (size_t i = 0; (n = vmoon_config_params_at(value, i)) != NULL;
	     i++) {
		vmoon_text_put(t, "%s\"%s\":", i == 0 ? "" : ",", n->key);
		if (n->kind == VMOON_CONFIG_STRING)
			vmoon_text_put_json(t, n->text, n->len);
		else if (n->kind == VMOON_CONFIG_INTEGER)
			vmoon_text_put(t, "%lld", (long long)n->integer);
		else if (n->kind == VMOON_CONFIG_SIZE)
			vmoon_text_put(t, "%llu", (unsigned long long)n->bytes);
		else if (n->kind == VMOON_CONFIG_NUMBER)
			put_number(t, n->number);
		else
			vmoon_text_put(t, "%s", n->boolean ? "true" : "false");
	}
	vmoon_text_put(t, "}");
}
