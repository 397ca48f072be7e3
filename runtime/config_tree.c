/* SPDX-License-Identifier: MIT */
/* config_tree.c - the tree the setters fill: any value under any path. */
#include "config.h"

#include "vmoon/vmoon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A path in quotes, fit for one line of a message. */
struct shown {
	char text[256];
};

static struct shown show(const char *path)
{
	struct shown out;
	struct vmoon_text t;

	vmoon_text_init(&t, out.text, sizeof(out.text));
	vmoon_text_put_quoted(&t, path, strlen(path));
	return out;
}

const struct vmoon_config_node *vmoon_config_child(
	const struct vmoon_config_node *table, const char *key)
{
	for (const struct vmoon_config_node *n = table->first; n != NULL;
	     n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

static struct vmoon_config_node *child_of(struct vmoon_config_node *table,
					  const char *key, size_t len)
{
	/* Lists and nested tables arrive in order: look where we just were. */
	if (table->last != NULL && strncmp(table->last->key, key, len) == 0 &&
	    table->last->key[len] == '\0')
		return table->last;
	for (struct vmoon_config_node *n = table->first; n != NULL; n = n->next)
		if (strncmp(n->key, key, len) == 0 && n->key[len] == '\0')
			return n;
	return NULL;
}

static void drop_value(struct vmoon_mem *mem, struct vmoon_config_node *node)
{
	if (node->kind == VMOON_CONFIG_FD)
		(void)close(node->fd);
	vmoon_mem_free(mem, node->text, node->len + 1);
}

/* Frees all below node, without recursion; says how many there were. */
static size_t free_children(struct vmoon_mem *mem,
			    struct vmoon_config_node *node)
{
	struct vmoon_config_node *at = node;
	size_t count = 0;

	while (node->first != NULL) {
		struct vmoon_config_node *gone;

		while (at->first != NULL)
			at = at->first;
		gone = at;
		at = gone->parent;
		at->first = gone->next;
		vmoon_mem_free_text(mem, gone->key);
		drop_value(mem, gone);
		vmoon_mem_free(mem, gone, sizeof(*gone));
		count++;
	}
	node->last = NULL;
	return count;
}

static struct vmoon_config_node *create_node(struct vmoon_mem *mem,
					     const char *key, size_t len)
{
	struct vmoon_config_node *node = vmoon_mem_alloc(mem, sizeof(*node));

	if (node == NULL)
		return NULL;
	node->key = vmoon_mem_copy(mem, key, len);
	if (node->key == NULL) {
		vmoon_mem_free(mem, node, sizeof(*node));
		return NULL;
	}
	return node;
}

static void append_child(struct vmoon_config_node *table,
			 struct vmoon_config_node *node)
{
	node->parent = table;
	if (table->last != NULL)
		table->last->next = node;
	else
		table->first = node;
	table->last = node;
}

/*
 * A list item counts from 1, and no list can hold more items than the tree
 * has nodes, so a larger number cannot be meant.
 */
static enum vmoon_status check_part(const char *path, const char *part,
				    size_t len, struct vmoon_error *err)
{
	unsigned item = 0;

	if (len == 0)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "config path %s: a key is empty; join "
				  "keys with single dots, as in disks.2.path",
				  show(path).text);
	if (strspn(part, "0123456789") < len)
		return VMOON_OK;
	if (part[0] == '0')
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "config path %s: list items count from "
				  "1, without leading zeros",
				  show(path).text);
	for (size_t i = 0; i < len && item <= VMOON_CONFIG_NODES_MAX; i++)
		item = item * 10 + (unsigned)(part[i] - '0');
	if (item > VMOON_CONFIG_NODES_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "config path %s: a list has at most %d "
				  "items",
				  show(path).text, VMOON_CONFIG_NODES_MAX);
	return VMOON_OK;
}

static enum vmoon_status check_path(const char *path, struct vmoon_error *err)
{
	const char *part = path;

	for (unsigned depth = 1; depth <= VMOON_CONFIG_DEPTH_MAX; depth++) {
		size_t len = strcspn(part, ".");
		enum vmoon_status st = check_part(path, part, len, err);

		if (st != VMOON_OK)
			return st;
		if (part[len] == '\0')
			return VMOON_OK;
		part += len + 1;
	}
	return vmoon_fail(err, VMOON_E_INVAL, 0,
			  "config path %s: more than %d keys deep",
			  show(path).text, VMOON_CONFIG_DEPTH_MAX);
}

/* Where a path ends in the tree, and what of it is not there yet. */
struct place {
	struct vmoon_config_node *node; /* deepest that exists */
	const char *rest;               /* "" when all of it exists */
	size_t missing;
};

static struct place find_place(struct vmoon_config_node *root, const char *path)
{
	struct place at = {root, path, 0};

	while (*at.rest != '\0') {
		size_t len = strcspn(at.rest, ".");
		struct vmoon_config_node *n = child_of(at.node, at.rest, len);

		if (n == NULL)
			break;
		at.node = n;
		at.rest += len + (at.rest[len] == '.');
	}
	for (const char *p = at.rest; *p != '\0'; at.missing++) {
		p += strcspn(p, ".");
		p += *p == '.';
	}
	return at;
}

/* The missing nodes as a chain of their own, so that failing is harmless. */
static struct vmoon_config_node *create_chain(struct vmoon_mem *mem,
					      const char *rest)
{
	struct vmoon_config_node root = {0};
	struct vmoon_config_node *leaf = &root;

	while (*rest != '\0') {
		size_t len = strcspn(rest, ".");
		struct vmoon_config_node *n = create_node(mem, rest, len);

		if (n == NULL) {
			(void)free_children(mem, &root);
			return NULL;
		}
		append_child(leaf, n);
		leaf = n;
		rest += len + (rest[len] == '.');
	}
	return root.first;
}

/* Makes node an empty table again. */
static void clear_node(struct vmoon_config *cfg, struct vmoon_config_node *node)
{
	cfg->node_count -= free_children(cfg->mem, node);
	drop_value(cfg->mem, node);
	node->text = NULL;
	node->kind = VMOON_CONFIG_TABLE;
}

/* Puts the chain below table and returns its end. */
static struct vmoon_config_node *attach_chain(struct vmoon_config *cfg,
					      struct vmoon_config_node *table,
					      struct vmoon_config_node *chain)
{
	struct vmoon_config_node *leaf = chain;

	if (table->kind != VMOON_CONFIG_TABLE)
		clear_node(cfg, table);
	append_child(table, chain);
	cfg->node_count++;
	for (; leaf->first != NULL; leaf = leaf->first)
		cfg->node_count++;
	return leaf;
}

/*
 * Finds or makes the node of a path and empties it; NULL when refused. All
 * checks come first and all allocation before the first change.
 */
static struct vmoon_config_node *place_node(struct vmoon_config *cfg,
					    const char *path,
					    enum vmoon_status *out_status,
					    struct vmoon_error *err)
{
	struct vmoon_config_node *chain = NULL;
	struct place at;

	*out_status = check_path(path, err);
	if (*out_status != VMOON_OK)
		return NULL;
	at = find_place(&cfg->root, path);
	if (at.missing > VMOON_CONFIG_NODES_MAX - cfg->node_count) {
		*out_status =
			vmoon_fail(err, VMOON_E_INVAL, 0,
				   "config path %s: a config holds at "
				   "most %d values",
				   show(path).text, VMOON_CONFIG_NODES_MAX);
		return NULL;
	}
	if (at.missing > 0) {
		chain = create_chain(cfg->mem, at.rest);
		if (chain == NULL) {
			*out_status = vmoon_fail(err, VMOON_E_NOMEM, 0,
						 "no memory for config path %s",
						 show(path).text);
			return NULL;
		}
	}
	vmoon_config_forget_check(cfg);
	if (chain != NULL)
		return attach_chain(cfg, at.node, chain);
	clear_node(cfg, at.node);
	return at.node;
}

/* True when out of memory; *out_copy is NULL where there is no text. */
static bool copy_given(struct vmoon_mem *mem,
		       const struct vmoon_config_given *value, char **out_copy)
{
	*out_copy = NULL;
	if (value->text == NULL)
		return false;
	*out_copy = vmoon_mem_copy(mem, value->text, value->len);
	return *out_copy == NULL;
}

static void fill_node(struct vmoon_config_node *node,
		      const struct vmoon_config_given *value, char *take_text)
{
	node->kind = value->kind;
	node->text = take_text;
	node->len = value->len;
	node->integer = value->integer;
	node->number = value->number;
	node->bytes = value->bytes;
	node->boolean = value->boolean;
	node->fd = value->fd;
}

static enum vmoon_status set_value(struct vmoon_config *cfg, const char *path,
				   const struct vmoon_config_given *value,
				   struct vmoon_error *err)
{
	struct vmoon_config_node *node;
	enum vmoon_status st;
	char *copy;

	if (cfg == NULL || path == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "setting a config value needs a config and "
				  "a path, got NULL");
	if (copy_given(cfg->mem, value, &copy))
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "no memory for the value of %s",
				  show(path).text);
	node = place_node(cfg, path, &st, err);
	if (node == NULL) {
		vmoon_mem_free(cfg->mem, copy, value->len + 1);
		return st;
	}
	fill_node(node, value, copy);
	return VMOON_OK;
}

enum vmoon_status vmoon_config_append(struct vmoon_config *cfg,
				      struct vmoon_config_node *table,
				      const char *key,
				      const struct vmoon_config_given *value,
				      struct vmoon_config_node **out_node)
{
	struct vmoon_config_node *node;
	char *copy;

	if (cfg->node_count == VMOON_CONFIG_NODES_MAX)
		return VMOON_E_INVAL;
	if (copy_given(cfg->mem, value, &copy))
		return VMOON_E_NOMEM;
	node = create_node(cfg->mem, key, strlen(key));
	if (node == NULL) {
		vmoon_mem_free(cfg->mem, copy, value->len + 1);
		return VMOON_E_NOMEM;
	}
	vmoon_config_forget_check(cfg);
	fill_node(node, value, copy);
	append_child(table, node);
	cfg->node_count++;
	*out_node = node;
	return VMOON_OK;
}

enum vmoon_status vmoon_config_set_str(struct vmoon_config *cfg,
				       const char *path, const char *value,
				       size_t len, struct vmoon_error *err)
{
	const struct vmoon_config_given v = {.kind = VMOON_CONFIG_STRING,
					     .text = value == NULL ? "" : value,
					     .len = len};

	if (value == NULL && len > 0)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "config string is NULL, but %zu bytes long",
				  len);
	return set_value(cfg, path, &v, err);
}

enum vmoon_status vmoon_config_set_int(struct vmoon_config *cfg,
				       const char *path, int64_t value,
				       struct vmoon_error *err)
{
	const struct vmoon_config_given v = {.kind = VMOON_CONFIG_INTEGER,
					     .integer = value};

	return set_value(cfg, path, &v, err);
}

enum vmoon_status vmoon_config_set_number(struct vmoon_config *cfg,
					  const char *path, double value,
					  struct vmoon_error *err)
{
	char text[48];
	const struct vmoon_config_given v = {
		.kind = VMOON_CONFIG_NUMBER,
		.text = text,
		.len = (size_t)snprintf(text, sizeof(text), "float %.14g",
					value),
		.number = value};

	return set_value(cfg, path, &v, err);
}

enum vmoon_status vmoon_config_set_bool(struct vmoon_config *cfg,
					const char *path, bool value,
					struct vmoon_error *err)
{
	const struct vmoon_config_given v = {.kind = VMOON_CONFIG_BOOLEAN,
					     .boolean = value};

	return set_value(cfg, path, &v, err);
}

enum vmoon_status vmoon_config_set_size(struct vmoon_config *cfg,
					const char *path, uint64_t bytes,
					struct vmoon_error *err)
{
	const struct vmoon_config_given v = {.kind = VMOON_CONFIG_SIZE,
					     .bytes = bytes};

	return set_value(cfg, path, &v, err);
}

enum vmoon_status vmoon_config_set_fd(struct vmoon_config *cfg,
				      const char *path, int fd,
				      struct vmoon_error *err)
{
	struct vmoon_config_given v = {.kind = VMOON_CONFIG_FD};
	enum vmoon_status st;
	char text[32];

	if (fd < 0)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "config descriptor %d is none", fd);
	v.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (v.fd < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "config descriptor %d", fd);
	v.len = (size_t)snprintf(text, sizeof(text), "/proc/self/fd/%d", v.fd);
	v.text = text;
	st = set_value(cfg, path, &v, err);
	if (st != VMOON_OK)
		(void)close(v.fd);
	return st;
}

enum vmoon_status vmoon_config_set_table(struct vmoon_config *cfg,
					 const char *path,
					 struct vmoon_error *err)
{
	const struct vmoon_config_given v = {.kind = VMOON_CONFIG_TABLE};

	return set_value(cfg, path, &v, err);
}

enum vmoon_status vmoon_config_set_other(struct vmoon_config *cfg,
					 const char *path,
					 const char *description,
					 struct vmoon_error *err)
{
	const struct vmoon_config_given v = {
		.kind = VMOON_CONFIG_OTHER,
		.text = description,
		.len = description == NULL ? 0 : strlen(description)};

	if (description == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "a config value needs a description, got "
				  "NULL");
	return set_value(cfg, path, &v, err);
}

enum vmoon_status vmoon_config_create_for(
	const struct vmoon_config_schema *schema, struct vmoon_mem *mem,
	struct vmoon_config **out_cfg, struct vmoon_error *err)
{
	struct vmoon_config *cfg = vmoon_mem_alloc(mem, sizeof(*cfg));

	if (cfg == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "no memory for a VM configuration");
	cfg->schema = schema;
	cfg->mem = mem;
	*out_cfg = cfg;
	return VMOON_OK;
}

enum vmoon_status vmoon_config_create(struct vmoon_runtime *rt,
				      struct vmoon_config **out_cfg,
				      struct vmoon_error *err)
{
	if (out_cfg == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no place for the config given");
	return vmoon_config_create_for(vmoon_config_schema(),
				       vmoon_runtime_mem(rt), out_cfg, err);
}

void vmoon_config_destroy(struct vmoon_config *cfg)
{
	if (cfg == NULL)
		return;
	vmoon_config_forget_check(cfg);
	clear_node(cfg, &cfg->root);
	vmoon_mem_free(cfg->mem, cfg, sizeof(*cfg));
}
