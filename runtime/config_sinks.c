/* SPDX-License-Identifier: MIT */
/* config_sinks.c - sinks of one config that would be in each other's way. */
#include "config_devices.h"

#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A piece of text. */
struct piece {
	const char *at;
	size_t len;
};

/* Takes the next name out of a path, without "." and empty ones. */
static struct piece take_part(struct piece *path)
{
	struct piece part = {path->at, 0};

	while (path->len > 0 && (part.len == 0 || path->at[0] != '/')) {
		const bool is_slash = path->at[0] == '/';

		path->at++;
		path->len--;
		part.len += !is_slash;
		if (is_slash || (part.len == 1 && part.at[0] == '.' &&
				 (path->len == 0 || path->at[0] == '/')))
			part = (struct piece){path->at, 0};
	}
	return part;
}

static bool is_absolute(struct piece path)
{
	return path.len > 0 && path.at[0] == '/';
}

/* "a.log" and ".//a.log"; what links do is seen when they are opened. */
static bool is_same_path(struct piece a, struct piece b)
{
	bool is_same = is_absolute(a) == is_absolute(b);

	while (is_same && (a.len > 0 || b.len > 0)) {
		const struct piece x = take_part(&a), y = take_part(&b);

		is_same = x.len == y.len && memcmp(x.at, y.at, x.len) == 0;
	}
	return is_same;
}

/* Whether path is one of the older files that item keeps: "a.log.3". */
static bool is_kept_by(const struct vmoon_config_value *item, const char *path)
{
	const uint64_t kept = item[VMOON_OUTPUT_GENERATIONS].number;
	const char *file = vmoon_config_sink_of(item).rest,
		   *dot = strrchr(path, '.');
	const size_t digits = dot == NULL ? 0 : strspn(dot + 1, "0123456789");

	if (digits < 1 || digits > 2 || dot[1] == '0' ||
	    dot[1 + digits] != '\0' || strtoul(dot + 1, NULL, 10) > kept)
		return false;
	return is_same_path((struct piece){path, (size_t)(dot - path)},
			    (struct piece){file, strlen(file)});
}

static bool is_one_file(const struct vmoon_config_value *a,
			const struct vmoon_config_value *b)
{
	const struct vmoon_sink_text x = vmoon_config_sink_of(a),
				     y = vmoon_config_sink_of(b);

	return x.kind == VMOON_OUTPUT_FILE && y.kind == VMOON_OUTPUT_FILE &&
	       (is_same_path((struct piece){x.rest, strlen(x.rest)},
			     (struct piece){y.rest, strlen(y.rest)}) ||
		is_kept_by(a, y.rest) || is_kept_by(b, x.rest));
}

struct output_name {
	char text[VMOON_OUTPUT_NAME_MAX];
};

/* As the stream will call it. */
static struct output_name name_of(const struct vmoon_config_value *item)
{
	const struct vmoon_sink_text sink = vmoon_config_sink_of(item);
	const struct vmoon_config_value *name = &item[VMOON_OUTPUT_NAME];
	const struct vmoon_output_options opts = {
		.size = sizeof(opts),
		.name = name->is_set ? name->text : NULL,
		.kind = sink.kind,
		.path = sink.rest[0] == '\0' ? NULL : sink.rest,
		.fd = sink.fd};
	struct output_name out;

	vmoon_output_name_of(&opts, out.text);
	return out;
}

static bool is_one_name(const struct vmoon_config_value *a,
			const struct vmoon_config_value *b)
{
	const struct output_name x = name_of(a), y = name_of(b);

	return !a[VMOON_OUTPUT_NAME].is_bad && strcmp(x.text, y.text) == 0;
}

/* A key of the whole; NULL in a config that has only serial. */
static const struct vmoon_config_value *key_of(
	const struct vmoon_config_scope *scope, const char *key)
{
	const struct vmoon_config_row *row =
		vmoon_config_find_row(scope->root_schema, key);

	return row == NULL ? NULL
			   : &scope->root[row - scope->root_schema->rows];
}

/* The sinks of console i; NULL past the end. */
static const struct vmoon_config_value *console_of(
	const struct vmoon_config_scope *scope, size_t i)
{
	const struct vmoon_config_value *consoles = key_of(scope, "consoles");

	if (consoles == NULL || consoles->fields == NULL ||
	    i >= consoles->number)
		return NULL;
	return &consoles->fields[i * VMOON_PORT_COUNT + VMOON_PORT_SINKS];
}

/* Where an item that is like scope's stands. */
struct place {
	const struct vmoon_config_value *item; /* NULL: there is none */
	char list[48];
	size_t number;
};

static void name_list(const struct vmoon_config_scope *scope,
		      const struct vmoon_config_value *list, struct place *out)
{
	const struct vmoon_config_value *sinks;

	(void)snprintf(out->list, sizeof(out->list), "%s",
		       list == key_of(scope, "serial") ? "serial"
						       : "log.sinks");
	for (size_t i = 0; (sinks = console_of(scope, i)) != NULL; i++)
		if (sinks == list)
			(void)snprintf(out->list, sizeof(out->list),
				       "consoles.%zu.sinks", i + 1);
}

/* The first of count items of list. */
static struct place find_in(const struct vmoon_config_scope *scope,
			    const struct vmoon_config_value *list, size_t count,
			    bool (*is_like)(const struct vmoon_config_value *a,
					    const struct vmoon_config_value *b))
{
	struct place out = {.item = NULL};

	for (size_t i = 0; i < count && list->fields != NULL; i++) {
		const struct vmoon_config_value *v =
			list->fields + i * VMOON_OUTPUT_COUNT;

		if (!v[VMOON_OUTPUT_SINK].is_set || !is_like(v, scope->values))
			continue;
		out.item = v;
		out.number = i + 1;
		name_list(scope, list, &out);
		return out;
	}
	return out;
}

/* The first before scope's in its own list. */
static struct place find_earlier(
	const struct vmoon_config_scope *scope,
	bool (*is_like)(const struct vmoon_config_value *a,
			const struct vmoon_config_value *b))
{
	return find_in(scope, scope->list, scope->index, is_like);
}

/* In its own list, then in all before it: serial's, those of consoles. */
static struct place find_file(const struct vmoon_config_scope *scope)
{
	const struct vmoon_config_value *serial = key_of(scope, "serial");
	const struct vmoon_config_value *sinks;
	struct place other = find_earlier(scope, is_one_file);

	if (serial == NULL || serial == scope->list)
		return other;
	if (other.item == NULL)
		other = find_in(scope, serial, (size_t)serial->number,
				is_one_file);
	for (size_t i = 0; (sinks = console_of(scope, i)) != NULL &&
			   sinks != scope->list && other.item == NULL;
	     i++)
		other = find_in(scope, sinks, (size_t)sinks->number,
				is_one_file);
	return other;
}

/* Two writers who do not know of each other would spoil one file. */
bool vmoon_config_sink_has_file(const struct vmoon_config_scope *scope,
				struct vmoon_config_report *r)
{
	const struct place other = find_file(scope);
	const struct vmoon_config_value *sink;

	if (other.item == NULL)
		return true;
	sink = &other.item[VMOON_OUTPUT_SINK];
	if (is_kept_by(other.item, vmoon_config_sink_of(scope->values).rest)) {
		vmoon_text_put(&r->message,
			       "%s.%zu keeps one of its older files there",
			       other.list, other.number);
	} else {
		vmoon_text_put(&r->message, "%s.%zu writes to ", other.list,
			       other.number);
		vmoon_text_put_quoted(&r->message, sink->text, sink->len);
		vmoon_text_put(&r->message, " already");
	}
	if (is_kept_by(scope->values, vmoon_config_sink_of(other.item).rest))
		vmoon_text_put(&r->message, ", which is to be one of the older "
					    "files of this one");
	vmoon_text_put(&r->hint, "give each a file of its own");
	return false;
}

static bool refuse_name(const struct vmoon_config_scope *scope,
			struct place other, const char *hint,
			struct vmoon_config_report *r)
{
	const struct output_name name = name_of(scope->values);

	vmoon_text_put(&r->message, "%s.%zu is called ", other.list,
		       other.number);
	vmoon_text_put_quoted(&r->message, name.text, strlen(name.text));
	vmoon_text_put(&r->message, " already");
	vmoon_text_put(&r->hint, "%s", hint);
	return false;
}

bool vmoon_config_sink_has_name(const struct vmoon_config_scope *scope,
				struct vmoon_config_report *r)
{
	const struct place other = find_earlier(scope, is_one_name);

	return !scope->values[VMOON_OUTPUT_NAME].is_set || other.item == NULL ||
	       refuse_name(scope, other, "give each a name of its own", r);
}

/* Without a name it is called what its sink says; of one file all is said. */
bool vmoon_config_sink_is_name(const struct vmoon_config_scope *scope,
			       struct vmoon_config_report *r)
{
	const struct place other = find_earlier(scope, is_one_name);

	return scope->values[VMOON_OUTPUT_NAME].is_set || other.item == NULL ||
	       find_earlier(scope, is_one_file).item != NULL ||
	       refuse_name(scope, other,
			   "give this one a name: name = \"second\"", r);
}

static bool is_of_log(const struct vmoon_config_scope *scope)
{
	const struct vmoon_config_value *log = key_of(scope, "log");

	return log != NULL && log->fields != NULL &&
	       scope->list == &log->fields[VMOON_LOGGING_SINKS];
}

/* Only a port has a guest behind it that can wait. */
bool vmoon_config_sink_may_pause(const struct vmoon_config_scope *scope,
				 struct vmoon_config_report *r)
{
	const struct vmoon_config_value *limit =
		scope->values[VMOON_OUTPUT_LIMIT].fields;

	if (limit == NULL || !is_of_log(scope) ||
	    limit[VMOON_LIMIT_POLICY].number != VMOON_LIMIT_PAUSE)
		return true;
	vmoon_text_put(&r->message, "\"pause\" is for serial: a log has no "
				    "guest that could wait");
	vmoon_text_put(&r->hint, "write policy = \"drop\", or \"spool\"");
	return false;
}
