/* SPDX-License-Identifier: MIT */
/*
 * config_read.c - a description from JSON text.
 *
 * The library is jansson: of the JSON libraries in Debian it is the one that
 * refuses a key given twice, reads integers of 64 bits exactly, takes text
 * with a length, says line and column of a mistake and keeps nothing of the
 * process but the seed of its hash tables. (json-c takes the last of equal
 * keys and gives no line; cJSON makes every number a double.) Its own limits
 * are too wide for us, so the text is measured before it is read.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#ifdef VMOON_HAVE_JANSSON

#include <jansson.h>

/* Where a scan of the text is. */
struct scan {
	const char *text;
	size_t len, at;
	unsigned line, column;
};

static VMOON_STATUS fail_at(const struct scan *s, struct vmoon_error *err,
			    const char *what, int limit)
{
	return vmoon_fail(err, VMOON_E_CONFIG, 0, "JSON:%u:%u: %s %d", s->line,
			  s->column, what, limit);
}

static void step(struct scan *s)
{
	bool is_newline = s->text[s->at++] == '\n';

	s->line += is_newline;
	s->column = is_newline ? 1 : s->column + 1;
}

/* From the quote that opens a string to the one that closes it, or the end. */
static void skip_string(struct scan *s)
{
	step(s);
	while (s->at < s->len && s->text[s->at] != '"') {
		if (s->text[s->at] == '\\' && s->at + 1 < s->len)
			step(s);
		step(s);
	}
}

/*
 * Exact for JSON, and a bound for anything else: a value follows each comma
 * and each bracket that does not close at once.
 */
static enum vmoon_status measure(const char *text, size_t len,
				 struct vmoon_error *err)
{
	struct scan s = {text, len, 0, 1, 1};
	unsigned depth = 0, nodes = 0;
	bool is_open = false; /* nothing yet since a bracket opened */

	if (len > VMOON_CONFIG_JSON_MAX)
		return fail_at(&s, err, "more bytes than the possible",
			       VMOON_CONFIG_JSON_MAX);
	for (; s.at < len; step(&s)) {
		char c = text[s.at];

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			continue;
		if (c == '}' || c == ']')
			depth -= depth > 0;
		else
			nodes += is_open || c == ',';
		is_open = c == '{' || c == '[';
		depth += is_open;
		if (depth > VMOON_CONFIG_DEPTH_MAX)
			return fail_at(&s, err, "nested deeper than",
				       VMOON_CONFIG_DEPTH_MAX);
		if (nodes > VMOON_CONFIG_NODES_MAX)
			return fail_at(&s, err, "more values than the possible",
				       VMOON_CONFIG_NODES_MAX);
		if (c == '"')
			skip_string(&s);
		if (s.at >= len)
			break;
	}
	return VMOON_OK;
}

/* What the tree holds for a JSON value; room is for its description. */
static struct vmoon_config_given given_of(const json_t *value, char room[48])
{
	struct vmoon_config_given v = {.kind = VMOON_CONFIG_OTHER,
				       .text = room};

	switch (json_typeof(value)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		v.kind = VMOON_CONFIG_TABLE;
		v.text = NULL;
		break;
	case JSON_STRING:
		v.kind = VMOON_CONFIG_STRING;
		v.text = json_string_value(value);
		v.len = json_string_length(value);
		break;
	case JSON_INTEGER:
		v.kind = VMOON_CONFIG_INTEGER;
		v.text = NULL;
		v.integer = json_integer_value(value);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		v.kind = VMOON_CONFIG_BOOLEAN;
		v.text = NULL;
		v.boolean = json_is_true(value);
		break;
	case JSON_REAL:
		v.kind = VMOON_CONFIG_NUMBER;
		v.number = json_real_value(value);
		(void)snprintf(room, 48, "number %.14g",
			       json_real_value(value));
		v.len = strlen(room);
		break;
	case JSON_NULL:
		(void)snprintf(room, 48, "null");
		v.len = strlen(room);
		break;
	}
	return v;
}

static enum vmoon_status fill(struct vmoon_config *cfg,
			      struct vmoon_config_node *table,
			      const json_t *from);

static enum vmoon_status add(struct vmoon_config *cfg,
			     struct vmoon_config_node *table, const char *key,
			     const json_t *value)
{
	char room[48];
	const struct vmoon_config_given v = given_of(value, room);
	struct vmoon_config_node *node;
	enum vmoon_status st = vmoon_config_append(cfg, table, key, &v, &node);

	return st == VMOON_OK ? fill(cfg, node, value) : st;
}

/* Recursion ends at VMOON_CONFIG_DEPTH_MAX: the text was measured. */
static enum vmoon_status fill(struct vmoon_config *cfg,
			      struct vmoon_config_node *table,
			      const json_t *from)
{
	enum vmoon_status st = VMOON_OK;
	/* The iterator writes nothing, but its type does not say so. */
	json_t *object = (json_t *)(uintptr_t)from;

	for (void *at = json_object_iter(object); at != NULL && st == VMOON_OK;
	     at = json_object_iter_next(object, at))
		st = add(cfg, table, json_object_iter_key(at),
			 json_object_iter_value(at));
	for (size_t i = 0; i < json_array_size(from) && st == VMOON_OK; i++) {
		char key[24];

		(void)snprintf(key, sizeof(key), "%zu", i + 1);
		st = add(cfg, table, key, json_array_get(from, i));
	}
	return st;
}

/* Columns are of a token's end; "... near 'TOKEN'" says where it begins. */
static int first_column(const json_error_t *error)
{
	const char *at = strstr(error->text, "near '");
	int column = error->column;

	/* Continuation bytes of UTF-8 have no column of their own. */
	for (at = at == NULL ? "" : at + strlen("near '") + 1;
	     *at != '\0' && at[1] != '\0'; at++)
		column -= ((unsigned char)*at & 0xC0) != 0x80;
	return column > 0 ? column : 1;
}

static VMOON_STATUS fail_syntax(const json_error_t *error,
				struct vmoon_error *err)
{
	char shown[JSON_ERROR_TEXT_LENGTH * 4];
	struct vmoon_text t;

	if (json_error_code(error) == json_error_out_of_memory)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "no memory to read JSON");
	/* It repeats a piece of the text, which may hold anything. */
	vmoon_text_init(&t, shown, sizeof(shown));
	vmoon_text_put_plain(&t, error->text, strlen(error->text));
	return vmoon_fail(err, VMOON_E_CONFIG, 0, "JSON:%d:%d: %s",
			  error->line > 0 ? error->line : 1,
			  first_column(error), shown);
}

enum vmoon_status vmoon_config_read_json(struct vmoon_config *cfg,
					 const char *text, size_t len,
					 struct vmoon_error *err)
{
	enum vmoon_status st = measure(text, len, err);
	json_error_t error;
	json_t *root;

	if (st != VMOON_OK)
		return st;
	root = json_loadb(text, len,
			  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL |
				  JSON_DECODE_ANY,
			  &error);
	if (root == NULL)
		return fail_syntax(&error, err);
	if (json_is_object(root)) {
		st = fill(cfg, &cfg->root, root);
		if (st != VMOON_OK)
			st = vmoon_fail(err, st, 0,
					"no memory for a VM configuration");
	} else {
		st = vmoon_fail(err, VMOON_E_CONFIG, 0,
				"JSON:1:1: a VM is described by one object: "
				"{ \"kernel\": \"bzImage\" }");
	}
	json_decref(root);
	return st;
}

#else

enum vmoon_status vmoon_config_read_json(struct vmoon_config *cfg,
					 const char *text, size_t len,
					 struct vmoon_error *err)
{
	(void)cfg;
	(void)text;
	(void)len;
	return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
			  "this build reads no JSON: it was made without "
			  "libjansson");
}

#endif

enum vmoon_status vmoon_config_from_json(struct vmoon_runtime *rt,
					 const char *text, size_t len,
					 struct vmoon_config **out_cfg,
					 struct vmoon_error *err)
{
	struct vmoon_config *cfg;
	enum vmoon_status st;

	if (text == NULL || out_cfg == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "reading JSON needs a text and a place for "
				  "the config, got NULL");
	st = vmoon_config_create(rt, &cfg, err);
	if (st != VMOON_OK)
		return st;
	st = vmoon_config_read_json(cfg, text, len, err);
	if (st == VMOON_OK) {
		*out_cfg = cfg;
		return VMOON_OK;
	}
	vmoon_config_destroy(cfg);
	/* "JSON:3:7: what is wrong" begins with the place. */
	if (err != NULL && strncmp(err->msg, "JSON:", 5) == 0)
		vmoon_error_set_where(
			err, "%.*s",
			(int)(4 + strspn(err->msg + 4, "0123456789:") - 1),
			err->msg);
	return st;
}
