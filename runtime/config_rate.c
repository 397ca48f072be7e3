/* SPDX-License-Identifier: MIT */
/* config_rate.c - rates and seconds: what is one, and how it is written. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS UINT64_C(1000000000)

enum { DIGITS_MAX = 18 }; /* more of them are out of every range */

/* ---- rates ---- */

enum vmoon_rate_syntax vmoon_rate_parse(const char *s, size_t len,
					uint64_t *out_rate)
{
	size_t digits = 0;
	char number[DIGITS_MAX + 1] = "";

	while (digits < len && s[digits] >= '0' && s[digits] <= '9')
		digits++;
	if (len < 2 || memcmp(s + len - 2, "/s", 2) != 0) {
		if (digits > 0 && digits == len)
			return VMOON_RATE_NO_UNIT;
		return vmoon_size_parse(s, len, out_rate) == VMOON_SIZE_OK
			       ? VMOON_RATE_NO_SECOND
			       : VMOON_RATE_MALFORMED;
	}
	len -= 2;
	if (digits > 0 && digits == len)
		return VMOON_RATE_NO_UNIT;
	if (digits == 0 || digits + 1 != len || s[digits] != 'B')
		return vmoon_size_parse(s, len, out_rate) == VMOON_SIZE_OK
			       ? VMOON_RATE_OK
			       : VMOON_RATE_MALFORMED;
	*out_rate = UINT64_MAX;
	if (digits <= DIGITS_MAX) {
		memcpy(number, s, digits);
		*out_rate = strtoull(number, NULL, 10);
	}
	return VMOON_RATE_OK;
}

void vmoon_text_put_rate(struct vmoon_text *t, uint64_t rate)
{
	if (rate % VMOON_KIB != 0)
		vmoon_text_put(t, "%lluB", (unsigned long long)rate);
	else
		vmoon_text_put_size(t, rate);
	vmoon_text_put(t, "/s");
}

static bool refuse_rate(struct vmoon_config_report *r,
			const struct vmoon_config_node *node,
			enum vmoon_rate_syntax syntax)
{
	if (syntax == VMOON_RATE_NO_SECOND) {
		vmoon_text_put(&r->message, "a rate is for a second, got ");
		vmoon_text_put_quoted(&r->message, node->text, node->len);
		vmoon_text_put(&r->hint, "write \"");
		vmoon_text_put_plain(&r->hint, node->text, node->len);
		vmoon_text_put(&r->hint, "/s\"");
		return false;
	}
	if (syntax == VMOON_RATE_MALFORMED) {
		vmoon_text_put_quoted(&r->message, node->text, node->len);
		vmoon_text_put(&r->message, " is not a rate");
	} else {
		vmoon_text_put(&r->message, "a rate needs a unit, got ");
		if (node->kind == VMOON_CONFIG_INTEGER)
			vmoon_text_put(&r->message, "bare number %lld",
				       (long long)node->integer);
		else
			vmoon_text_put_quoted(&r->message, node->text,
					      node->len);
	}
	vmoon_text_put(&r->hint, "write a whole number, then B, K, M or G "
				 "(steps of 1024) and \"/s\": \"64K/s\"");
	return false;
}

bool vmoon_config_rate_check(const struct vmoon_config_row *row,
			     const struct vmoon_config_node *node,
			     uint64_t *out_rate, struct vmoon_config_report *r)
{
	enum vmoon_rate_syntax syntax = VMOON_RATE_NO_UNIT;

	if (node->kind == VMOON_CONFIG_STRING) {
		syntax = vmoon_rate_parse(node->text, node->len, out_rate);
	} else if (node->kind != VMOON_CONFIG_INTEGER) {
		vmoon_config_refuse_type(r, row, "a rate", node);
		return false;
	}
	if (syntax != VMOON_RATE_OK)
		return refuse_rate(r, node, syntax);
	if (*out_rate >= (uint64_t)row->min && *out_rate <= (uint64_t)row->max)
		return true;
	vmoon_text_put_quoted(&r->message, node->text, node->len);
	vmoon_text_put(&r->message, " is out of range ");
	vmoon_text_put_rate(&r->message, (uint64_t)row->min);
	vmoon_text_put(&r->message, "..");
	vmoon_text_put_rate(&r->message, (uint64_t)row->max);
	return false;
}

/* ---- requests a second ---- */

bool vmoon_ops_parse(const char *s, size_t len, uint64_t *out_ops)
{
	char number[DIGITS_MAX + 1] = "";
	size_t digits = 0;

	while (digits < len && s[digits] >= '0' && s[digits] <= '9')
		digits++;
	if (digits == 0 || len - digits != 2 ||
	    memcmp(s + digits, "/s", 2) != 0)
		return false;
	*out_ops = UINT64_MAX;
	if (digits <= DIGITS_MAX) {
		memcpy(number, s, digits);
		*out_ops = strtoull(number, NULL, 10);
	}
	return true;
}

bool vmoon_config_ops_check(const struct vmoon_config_row *row,
			    const struct vmoon_config_node *node,
			    uint64_t *out_ops, struct vmoon_config_report *r)
{
	if (node->kind == VMOON_CONFIG_INTEGER) {
		vmoon_text_put(&r->message,
			       "requests a second are a string, got bare "
			       "number %lld",
			       (long long)node->integer);
		if (node->integer >= row->min && node->integer <= row->max)
			vmoon_text_put(&r->hint, "write \"%lld/s\"",
				       (long long)node->integer);
		return false;
	}
	if (node->kind != VMOON_CONFIG_STRING) {
		vmoon_config_refuse_type(r, row, "requests a second", node);
		return false;
	}
	if (!vmoon_ops_parse(node->text, node->len, out_ops)) {
		vmoon_text_put_quoted(&r->message, node->text, node->len);
		vmoon_text_put(&r->message, " is no number of requests a "
					    "second");
		vmoon_text_put(&r->hint, "write a whole number and \"/s\": "
					 "\"2000/s\"");
		return false;
	}
	if (*out_ops >= (uint64_t)row->min && *out_ops <= (uint64_t)row->max)
		return true;
	vmoon_text_put_quoted(&r->message, node->text, node->len);
	vmoon_text_put(&r->message, " is out of range %lld/s..%lld/s",
		       (long long)row->min, (long long)row->max);
	return false;
}

/* ---- seconds ---- */

bool vmoon_config_seconds_check(const struct vmoon_config_row *row,
				const struct vmoon_config_node *node,
				uint64_t *out_ns, struct vmoon_config_report *r)
{
	const double given = node->kind == VMOON_CONFIG_INTEGER
				     ? (double)node->integer
				     : node->number;

	if (node->kind != VMOON_CONFIG_INTEGER &&
	    node->kind != VMOON_CONFIG_NUMBER) {
		vmoon_config_refuse_type(r, row, "seconds as a number", node);
		return false;
	}
	/* Not the other way round: NaN is no number of seconds. */
	if (!(given > 0 && given >= (double)row->min &&
	      given <= (double)row->max)) {
		vmoon_text_put(&r->message,
			       "%.14g is out of range: more than %lld, at most "
			       "%lld seconds",
			       given, (long long)row->min, (long long)row->max);
		return false;
	}
	/* Rounded, so that what is exported is read back as the same. */
	*out_ns = (uint64_t)(given * (double)SECOND_NS + 0.5);
	if (*out_ns == 0)
		*out_ns = 1; /* none at all would stand for the default */
	return true;
}

/* Not with %g: some locales write a comma, which is no JSON. */
void vmoon_text_put_seconds(struct vmoon_text *t, uint64_t ns)
{
	uint64_t part = ns % SECOND_NS;
	int digits = 9;

	vmoon_text_put(t, "%llu", (unsigned long long)(ns / SECOND_NS));
	if (part == 0)
		return;
	for (; part % 10 == 0; part /= 10)
		digits--;
	vmoon_text_put(t, ".%0*llu", digits, (unsigned long long)part);
}
