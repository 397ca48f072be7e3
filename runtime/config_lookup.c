/* SPDX-License-Identifier: MIT */
/* config_lookup.c - finds keys, tables and choices in a schema. */
#include "config.h"

#include <string.h>

const struct vmoon_config_row *vmoon_config_find_row(
	const struct vmoon_config_schema *s, const char *key)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->rows[i].key.name, key) == 0)
			return &s->rows[i];
	return NULL;
}

const struct vmoon_config_later *vmoon_config_find_later(
	const struct vmoon_config_schema *s, const char *key)
{
	const struct vmoon_config_later *l = s->later;

	for (; l != NULL && l->name != NULL; l++)
		if (strcmp(l->name, key) == 0)
			return l;
	return NULL;
}

const struct vmoon_config_key *vmoon_config_key(size_t i)
{
	return vmoon_config_field("", i);
}

/* The row whose name is the part of a path before a dot or the end. */
static const struct vmoon_config_row *row_of_part(
	const struct vmoon_config_schema *s, const char *part, size_t len)
{
	for (size_t i = 0; i < s->count; i++)
		if (strlen(s->rows[i].key.name) == len &&
		    memcmp(s->rows[i].key.name, part, len) == 0)
			return &s->rows[i];
	return NULL;
}

const struct vmoon_config_key *vmoon_config_field(const char *path, size_t i)
{
	const struct vmoon_config_schema *s = vmoon_config_schema();

	while (path != NULL && s != NULL && *path != '\0') {
		size_t len = strcspn(path, ".");
		const struct vmoon_config_row *row = row_of_part(s, path, len);

		s = row == NULL ? NULL : row->fields;
		path += len + (path[len] == '.');
	}
	if (path == NULL || s == NULL || i >= s->count)
		return NULL;
	return &s->rows[i].key;
}

const char *vmoon_config_choice(const char *choices, size_t n, size_t *out_len)
{
	while (*choices != '\0') {
		size_t len = strcspn(choices, ",");

		if (n == 0) {
			*out_len = len;
			return choices;
		}
		n--;
		choices += len + strspn(choices + len, ", ");
	}
	return NULL;
}
