/* SPDX-License-Identifier: MIT */
/* parts.c - the texts that the command carries. */
#include "cli/parts.h"

#include <string.h>

#include "api_parts.h"
#include "vmoon/base.h"

const char *vmoon_cli_part(const char *name, size_t *out_len)
{
	for (size_t i = 0; i < VMOON_COUNTOF(lua_parts); i++) {
		if (strcmp(lua_parts[i].name, name) != 0)
			continue;
		*out_len = lua_parts[i].len;
		return (const char *)lua_parts[i].text;
	}
	return NULL;
}
