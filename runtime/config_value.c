/* SPDX-License-Identifier: MIT */
/* config_value.c - one value against its row of the schema. Pure but paths. */
#include "config.h"

#include <string.h>

/* What was given, in the words of whoever wrote it. */
static void put_given(struct vmoon_text *t, const struct vmoon_config_node *n)
{
	switch (n->kind) {
	case VMOON_CONFIG_TABLE: vmoon_text_put(t, "a table"); break;
	case VMOON_CONFIG_STRING:
		vmoon_text_put(t, "string ");
		vmoon_text_put_quoted(t, n->text, n->len);
		break;
	case VMOON_CONFIG_INTEGER:
		vmoon_text_put(t, "integer %lld", (long long)n->integer);
		break;
	case VMOON_CONFIG_BOOLEAN:
		vmoon_text_put(t, "boolean %s", n->boolean ? "true" : "false");
		break;
	case VMOON_CONFIG_SIZE:
		vmoon_text_put(t, "size ");
		vmoon_text_put_size(t, n->bytes);
		break;
	case VMOON_CONFIG_FD: vmoon_text_put(t, "a descriptor"); break;
	case VMOON_CONFIG_NUMBER:
	case VMOON_CONFIG_OTHER:
		vmoon_text_put_plain(t, n->text, n->len);
		break;
	}
}

static void hint_example(struct vmoon_config_report *r,
			 const struct vmoon_config_row *row)
{
	vmoon_text_put(&r->hint, "for example: %s", row->key.example);
}

void vmoon_config_refuse_type(struct vmoon_config_report *report,
			      const struct vmoon_config_row *row,
			      const char *wanted,
			      const struct vmoon_config_node *node)
{
	vmoon_text_put(&report->message, "expected %s, got ", wanted);
	put_given(&report->message, node);
	hint_example(report, row);
}

static bool refuse_type(struct vmoon_config_report *r,
			const struct vmoon_config_row *row, const char *wanted,
			const struct vmoon_config_node *node)
{
	vmoon_config_refuse_type(r, row, wanted, node);
	return false;
}

/* Strings of every kind: no byte that C would take for the end. */
static bool check_string(const struct vmoon_config_row *row,
			 const struct vmoon_config_node *node,
			 const char *wanted, struct vmoon_config_report *r)
{
	const char *zero;

	if (node->kind != VMOON_CONFIG_STRING)
		return refuse_type(r, row, wanted, node);
	zero = memchr(node->text, '\0', node->len);
	if (zero == NULL)
		return true;
	vmoon_text_put(&r->message, "embedded zero byte at position %zu",
		       (size_t)(zero - node->text) + 1);
	vmoon_text_put(&r->hint, "everything after it would be lost; remove "
				 "it, or see how the string was made");
	return false;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* An id may become part of a file name: no ".." and no leading dot. */
static bool is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(text[i]) ||
		    (text[i] == '.' && (i == 0 || text[i - 1] == '.')))
			return false;
	return true;
}

static bool check_name(const struct vmoon_config_row *row,
		       const struct vmoon_config_node *node,
		       struct vmoon_config_report *r)
{
	if (!check_string(row, node, "a string", r))
		return false;
	if (node->len >= (size_t)row->min && node->len <= (size_t)row->max &&
	    is_name(node->text, node->len))
		return true;
	vmoon_text_put(&r->message,
		       "expected %lld to %lld letters, digits, \".\", \"_\" or "
		       "\"-\"; got ",
		       (long long)row->min, (long long)row->max);
	put_given(&r->message, node);
	hint_example(r, row);
	return false;
}

/* What the kernel splits into arguments: components.md 12.1, BOOT-03. */
static bool check_line(const struct vmoon_config_row *row,
		       const struct vmoon_config_node *node,
		       struct vmoon_config_report *r)
{
	if (!check_string(row, node, "a string", r))
		return false;
	if (node->len > (size_t)row->max) {
		vmoon_text_put(&r->message,
			       "%zu bytes are too many; at most %lld",
			       node->len, (long long)row->max);
		vmoon_text_put(&r->hint, "most kernels stop reading after 2047 "
					 "bytes; put the rest into the initrd");
		return false;
	}
	for (size_t i = 0; i < node->len; i++) {
		unsigned char c = (unsigned char)node->text[i];

		if (c >= 0x20 && c <= 0x7E)
			continue;
		vmoon_text_put(&r->message,
			       "byte 0x%02x at position %zu is not printable "
			       "ASCII",
			       c, i + 1);
		vmoon_text_put(&r->hint, c == '\n' || c == '\r' || c == '\t'
						 ? "separate arguments with "
						   "spaces"
						 : "arguments are made of the "
						   "characters 0x20 to 0x7e");
		return false;
	}
	return true;
}

/* What a guest is shown, byte for byte. */
static bool check_id(const struct vmoon_config_row *row,
		     const struct vmoon_config_node *node,
		     struct vmoon_config_report *r)
{
	bool is_good = true;

	if (!check_string(row, node, "a string", r))
		return false;
	for (size_t i = 0; i < node->len; i++)
		is_good = is_good && node->text[i] >= 0x20 &&
			  node->text[i] <= 0x7E;
	if (is_good && node->len <= (size_t)row->max)
		return true;
	vmoon_text_put(&r->message,
		       "expected at most %lld printable ASCII characters; got ",
		       (long long)row->max);
	put_given(&r->message, node);
	hint_example(r, row);
	return false;
}

static bool check_count(const struct vmoon_config_row *row,
			const struct vmoon_config_node *node,
			struct vmoon_config_value *v,
			struct vmoon_config_report *r)
{
	if (node->kind != VMOON_CONFIG_INTEGER)
		return refuse_type(r, row, "an integer", node);
	if (node->integer < row->min || node->integer > row->max) {
		vmoon_text_put(&r->message, "%lld is out of range %lld..%lld",
			       (long long)node->integer, (long long)row->min,
			       (long long)row->max);
		return false;
	}
	v->number = (uint64_t)node->integer;
	return true;
}

static bool check_address(const struct vmoon_config_row *row,
			  const struct vmoon_config_node *node,
			  struct vmoon_config_value *v,
			  struct vmoon_config_report *r)
{
	if (node->kind != VMOON_CONFIG_INTEGER)
		return refuse_type(r, row, "an address", node);
	v->number = (uint64_t)node->integer;
	if (node->integer >= row->min && node->integer <= row->max)
		return true;
	vmoon_text_put(&r->message, node->integer < 0 ? "%lld" : "0x%llx",
		       (long long)node->integer);
	vmoon_text_put(&r->message, " is out of range 0x%llx..0x%llx",
		       (unsigned long long)row->min,
		       (unsigned long long)row->max);
	return false;
}

static bool check_boolean(const struct vmoon_config_row *row,
			  const struct vmoon_config_node *node,
			  struct vmoon_config_value *v,
			  struct vmoon_config_report *r)
{
	if (node->kind != VMOON_CONFIG_BOOLEAN)
		return refuse_type(r, row,
				   row->fields == NULL
					   ? "true or false"
					   : "true, false or a table",
				   node);
	v->number = node->boolean;
	return true;
}

/* Where less than a MiB makes sense, whoever leaves the unit out means bytes.
 */
static void hint_bytes(struct vmoon_config_report *r,
		       const struct vmoon_config_row *row, uint64_t number)
{
	if (number < (uint64_t)row->min || number > (uint64_t)row->max ||
	    number % VMOON_KIB != 0) {
		hint_example(r, row);
		return;
	}
	vmoon_text_put(&r->hint, "write \"");
	vmoon_text_put_size(&r->hint, number);
	vmoon_text_put(&r->hint, "\" for %llu bytes",
		       (unsigned long long)number);
}

/* A bare number means MiB to most; one too large for that means bytes. */
static void hint_unit(struct vmoon_config_report *r,
		      const struct vmoon_config_row *row, uint64_t number)
{
	uint64_t mib = number;

	if ((uint64_t)row->max <= VMOON_GIB) {
		hint_bytes(r, row, number);
		return;
	}
	if (number > (uint64_t)row->max / VMOON_MIB && number % VMOON_MIB == 0)
		mib = number / VMOON_MIB;
	if (mib == 0 || mib > (uint64_t)row->max / VMOON_MIB)
		hint_example(r, row);
	else
		vmoon_text_put(&r->hint,
			       "write \"%lluM\" for MiB, or %llu * vmoon.MiB "
			       "(a size value)",
			       (unsigned long long)mib,
			       (unsigned long long)mib);
}

static bool refuse_bare(struct vmoon_config_report *r,
			const struct vmoon_config_row *row,
			const struct vmoon_config_node *node)
{
	int64_t n = node->integer;

	vmoon_text_put(&r->message, "a size needs a unit, got bare number %lld",
		       (long long)n);
	hint_unit(r, row, n > 0 ? (uint64_t)n : 0);
	return false;
}

static bool refuse_size_text(struct vmoon_config_report *r,
			     const struct vmoon_config_node *node,
			     enum vmoon_size_syntax syntax)
{
	if (syntax == VMOON_SIZE_NO_UNIT) {
		vmoon_text_put(&r->message, "a size needs a unit, got ");
		put_given(&r->message, node);
	} else {
		vmoon_text_put_quoted(&r->message, node->text, node->len);
		vmoon_text_put(&r->message, " is not a size");
	}
	vmoon_text_put(&r->hint, "write a whole number and K, M, G or T "
				 "(steps of 1024): \"128M\"");
	return false;
}

static void put_size_given(struct vmoon_text *t,
			   const struct vmoon_config_node *node)
{
	if (node->kind == VMOON_CONFIG_STRING)
		vmoon_text_put_quoted(t, node->text, node->len);
	else
		vmoon_text_put_size(t, node->bytes);
}

static bool check_size_range(const struct vmoon_config_row *row,
			     const struct vmoon_config_node *node,
			     uint64_t bytes, struct vmoon_config_report *r)
{
	if (bytes < (uint64_t)row->min || bytes > (uint64_t)row->max) {
		put_size_given(&r->message, node);
		vmoon_text_put(&r->message, " is out of range ");
		vmoon_text_put_size(&r->message, (uint64_t)row->min);
		vmoon_text_put(&r->message, "..");
		vmoon_text_put_size(&r->message, (uint64_t)row->max);
		return false;
	}
	if (row->step == 0 || bytes % row->step == 0)
		return true;
	put_size_given(&r->message, node);
	vmoon_text_put(&r->message, " is not a multiple of ");
	vmoon_text_put_size(&r->message, row->step);
	vmoon_text_put(&r->hint, "the next one up is \"");
	vmoon_text_put_size(&r->hint, (bytes / row->step + 1) * row->step);
	vmoon_text_put(&r->hint, "\"");
	return false;
}

static bool check_size(const struct vmoon_config_row *row,
		       const struct vmoon_config_node *node,
		       struct vmoon_config_value *v,
		       struct vmoon_config_report *r)
{
	enum vmoon_size_syntax syntax;

	if (node->kind == VMOON_CONFIG_INTEGER)
		return refuse_bare(r, row, node);
	if (node->kind == VMOON_CONFIG_SIZE) {
		v->number = node->bytes;
		return check_size_range(row, node, v->number, r);
	}
	if (node->kind != VMOON_CONFIG_STRING)
		return refuse_type(r, row, "a size", node);
	syntax = vmoon_size_parse(node->text, node->len, &v->number);
	if (syntax != VMOON_SIZE_OK)
		return refuse_size_text(r, node, syntax);
	return check_size_range(row, node, v->number, r);
}

static bool check_sink(const struct vmoon_config_row *row,
		       const struct vmoon_config_node *node,
		       struct vmoon_config_report *r)
{
	struct vmoon_sink_text sink;

	return check_string(row, node, "a sink as a string", r) &&
	       vmoon_sink_parse(node->text, &sink, r);
}

/* It stays where it is: all that a config knows is that there is one. */
static bool check_other(const struct vmoon_config_row *row,
			const struct vmoon_config_node *node,
			struct vmoon_config_report *r)
{
	const bool is_device = row->type == VMOON_TYPE_DEVICE;
	const char *wanted = is_device
				     ? "a device, as dev.mmio { ... } makes it"
				     : "a function";

	return (node->kind == VMOON_CONFIG_OTHER &&
		strcmp(node->text, is_device ? "device" : "function") == 0) ||
	       refuse_type(r, row, wanted, node);
}

static bool find_choice(const char *choices, const char *given,
			size_t given_len, uint64_t *out_index)
{
	const char *word;
	size_t len;

	for (size_t i = 0;
	     (word = vmoon_config_choice(choices, i, &len)) != NULL; i++) {
		if (len != given_len || memcmp(word, given, len) != 0)
			continue;
		*out_index = i;
		return true;
	}
	return false;
}

static bool check_choice(const struct vmoon_config_row *row,
			 const struct vmoon_config_node *node,
			 struct vmoon_config_value *v,
			 struct vmoon_config_report *r)
{
	const char *choices = row->key.choices, *word;
	size_t len;

	if (node->kind == VMOON_CONFIG_STRING &&
	    find_choice(choices, node->text, node->len, &v->number))
		return true;
	vmoon_text_put(&r->message, "expected one of ");
	for (size_t i = 0;
	     (word = vmoon_config_choice(choices, i, &len)) != NULL; i++)
		vmoon_text_put(&r->message, "%s\"%.*s\"", i == 0 ? "" : ", ",
			       (int)len, word);
	vmoon_text_put(&r->message, "; got ");
	put_given(&r->message, node);
	if (node->kind == VMOON_CONFIG_STRING &&
	    vmoon_config_suggest_choice(&r->hint, choices, node->text))
		return false;
	if (row->key.default_text[0] == '\0')
		vmoon_text_put(&r->hint, "leave it out to let vmoon choose");
	return false;
}

static bool check_path(const struct vmoon_config_row *row,
		       const struct vmoon_config_node *node,
		       struct vmoon_config_report *r)
{
	const char *wanted =
		row->fields == NULL ? "a path" : "a path or a table";

	if (node->kind == VMOON_CONFIG_FD)
		return row->type == VMOON_TYPE_IMAGE ||
		       vmoon_config_fd_check(node->fd, node->text, r);
	if (!check_string(row, node, wanted, r))
		return false;
	if (node->len == 0)
		return refuse_type(r, row, wanted, node);
	return row->type == VMOON_TYPE_IMAGE ||
	       vmoon_config_file_check(node->text, r);
}

bool vmoon_config_value_check(const struct vmoon_config_row *row,
			      const struct vmoon_config_node *node,
			      struct vmoon_config_value *out_value,
			      struct vmoon_config_report *report)
{
	struct vmoon_config_value v = {
		.is_set = true,
		.text = node->text,
		.len = node->len,
		.fd = node->kind == VMOON_CONFIG_FD ? node->fd : 0};
	bool is_good = false;

	switch (row->type) {
	case VMOON_TYPE_NAME: is_good = check_name(row, node, report); break;
	case VMOON_TYPE_LINE: is_good = check_line(row, node, report); break;
	case VMOON_TYPE_ID: is_good = check_id(row, node, report); break;
	case VMOON_TYPE_IMAGE:
	case VMOON_TYPE_PATH: is_good = check_path(row, node, report); break;
	case VMOON_TYPE_COUNT:
		is_good = check_count(row, node, &v, report);
		break;
	case VMOON_TYPE_ADDRESS:
		is_good = check_address(row, node, &v, report);
		break;
	case VMOON_TYPE_SIZE:
		is_good = check_size(row, node, &v, report);
		break;
	case VMOON_TYPE_RATE:
		is_good = vmoon_config_rate_check(row, node, &v.number, report);
		break;
	case VMOON_TYPE_OPS:
		is_good = vmoon_config_ops_check(row, node, &v.number, report);
		break;
	case VMOON_TYPE_SECONDS:
		is_good = vmoon_config_seconds_check(row, node, &v.number,
						     report);
		break;
	case VMOON_TYPE_SINK: is_good = check_sink(row, node, report); break;
	case VMOON_TYPE_FUNCTION:
	case VMOON_TYPE_DEVICE: is_good = check_other(row, node, report); break;
	case VMOON_TYPE_BOOLEAN:
		is_good = check_boolean(row, node, &v, report);
		break;
	case VMOON_TYPE_PARAMS:
	case VMOON_TYPE_TABLE:
		is_good = refuse_type(report, row, "a table", node);
		break;
	case VMOON_TYPE_LIST:
		is_good = refuse_type(report, row, "a list of tables", node);
		break;
	case VMOON_TYPE_CHOICE:
		is_good = check_choice(row, node, &v, report);
		break;
	}
	if (is_good)
		*out_value = v;
	return is_good;
}

void vmoon_config_value_default(const struct vmoon_config_row *row,
				struct vmoon_config_value *out_value)
{
	const char *text = row->key.default_text;
	struct vmoon_config_value v = {
		.is_set = text[0] != '\0', .text = text, .len = strlen(text)};

	/* The schema's own words: a unit test sees that each of them passes. */
	if (row->type == VMOON_TYPE_SIZE)
		VMOON_IGNORE(vmoon_size_parse(text, v.len, &v.number));
	if (row->type == VMOON_TYPE_CHOICE)
		VMOON_IGNORE(
			find_choice(row->key.choices, text, v.len, &v.number));
	if (row->type == VMOON_TYPE_BOOLEAN)
		v.number = strcmp(text, "true") == 0;
	for (size_t i = 0; (row->type == VMOON_TYPE_COUNT ||
			    row->type == VMOON_TYPE_SECONDS) &&
			   i < v.len;
	     i++)
		v.number = v.number * 10 + (uint64_t)(text[i] - '0');
	if (row->type == VMOON_TYPE_SECONDS)
		v.number *= UINT64_C(1000000000);
	*out_value = v;
}
