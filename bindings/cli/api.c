/* SPDX-License-Identifier: MIT */
/* api.c - `vmoon api`: the schema, the options and the stub as documents. */
#include "cli/commands.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "cli/parts.h"
#include "cli/report.h"
#include "ldspec.h"
#include "ldspec_keys.h"
#include "vmoon/mem.h"
#include "vmoon/vmoon.h"

static void set_text(lua_State *L, const char *name, const char *text)
{
	lua_pushstring(L, text);
	lua_setfield(L, -2, name);
}

/* Pushes one key of the schema without its fields. */
static void push_key(lua_State *L, const struct vmoon_config_key *key)
{
	lua_createtable(L, 0, 9);
	set_text(L, "name", key->name);
	set_text(L, "type", key->type);
	set_text(L, "default", key->default_text);
	set_text(L, "choices", key->choices);
	set_text(L, "doc", key->doc);
	set_text(L, "example", key->example);
	set_text(L, "since", key->since);
	lua_pushboolean(L, key->is_required);
	lua_setfield(L, -2, "is_required");
}

/*
 * Pushes the list of keys under a path, each with its fields; an empty list
 * where there is no table. Recursion ends with the schema.
 */
static void push_keys(lua_State *L, const char *path)
{
	const struct vmoon_config_key *key;

	luaL_checkstack(L, 8, "schema");
	lua_newtable(L);
	for (size_t i = 0; (key = vmoon_config_field(path, i)) != NULL; i++) {
		push_key(L, key);
		lua_pushfstring(L, "%s%s%s", path, *path == '\0' ? "" : ".",
				key->name);
		push_keys(L, lua_tostring(L, -1));
		lua_setfield(L, -3, "fields");
		lua_pop(L, 1);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/* Pushes a row of a device file's keys: what it has not is nil. */
static void push_device_key(lua_State *L, const struct vmoon_ldkey *key)
{
	static const char *const kinds[] = {[VMOON_LDSPEC_MMIO] = "mmio",
					    [VMOON_LDSPEC_PIO] = "pio",
					    [VMOON_LDSPEC_VIRTIO] = "virtio"};

	lua_createtable(L, 0, 8);
	set_text(L, "name", key->name);
	set_text(L, "type", key->word);
	set_text(L, "default", key->default_text);
	set_text(L, "choices", key->choices);
	set_text(L, "doc", key->doc);
	set_text(L, "example", key->example);
	lua_pushboolean(L, key->is_required);
	lua_setfield(L, -2, "is_required");
	lua_createtable(L, 0, 3);
	for (unsigned i = 0; i < VMOON_COUNTOF(kinds); i++) {
		lua_pushboolean(L,
				key->kinds == 0 || (key->kinds >> i & 1) != 0);
		lua_setfield(L, -2, kinds[i]);
	}
	lua_setfield(L, -2, "kinds");
}

/* Pushes the tables of a device file, each with its keys. */
static void push_device_tables(lua_State *L)
{
	const struct vmoon_ldkeys *t;

	lua_newtable(L);
	for (size_t i = 0; (t = vmoon_ldkeys_table(i)) != NULL; i++) {
		lua_createtable(L, 0, 3);
		set_text(L, "title", t->title);
		set_text(L, "place", t->place);
		lua_createtable(L, (int)t->count, 0); /* a few */
		for (size_t k = 0; k < t->count; k++) {
			push_device_key(L, &t->rows[k]);
			lua_rawseti(L, -2, (lua_Integer)k + 1);
		}
		lua_setfield(L, -2, "keys");
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/* Pushes the options that a command has. */
static void push_options(lua_State *L, size_t command)
{
	const struct vmoon_cli_option_row *o;

	lua_newtable(L);
	for (size_t i = 0; (o = vmoon_cli_option(i)) != NULL; i++) {
		if ((o->commands >> command & 1u) == 0)
			continue;
		lua_createtable(L, 0, 3);
		set_text(L, "name", o->name);
		set_text(L, "argument", o->argument);
		set_text(L, "text", o->text);
		lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
	}
}

static void push_commands(lua_State *L)
{
	const struct vmoon_cli_command_row *c;

	lua_newtable(L);
	for (size_t i = 0; (c = vmoon_cli_command(i)) != NULL; i++) {
		lua_createtable(L, 0, 5);
		set_text(L, "name", c->name);
		set_text(L, "operands", c->operands);
		set_text(L, "summary", c->summary);
		set_text(L, "text", c->text);
		push_options(L, i);
		lua_setfield(L, -2, "options");
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/* Pushes the function of an embedded chunk, or its text. */
static void push_part(lua_State *L, const char *name, bool is_text)
{
	size_t len;
	const char *text = vmoon_cli_part(name, &len);

	if (text == NULL)
		luaL_error(L, "vmoon was built without its part '%s'", name);
	else if (is_text)
		lua_pushlstring(L, text, len);
	else if (luaL_loadbufferx(L, text, len, name, "t") != LUA_OK)
		lua_error(L);
}

/* api.part(name): an embedded chunk as a function */
static int load_part(lua_State *L)
{
	push_part(L, luaL_checkstring(L, 1), false);
	return 1;
}

/* api.text(name): a file that is embedded as it is */
static int load_text(lua_State *L)
{
	push_part(L, luaL_checkstring(L, 1), true);
	return 1;
}

/* Protected: (part, page) -> document */
static int make_document(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"part", load_part}, {"text", load_text}, {NULL, NULL}};

	luaL_openlibs(L);
	push_part(L, lua_tostring(L, 1), false);
	lua_createtable(L, 0, 8);
	luaL_setfuncs(L, functions, 0);
	push_keys(L, "");
	lua_setfield(L, -2, "keys");
	push_commands(L);
	lua_setfield(L, -2, "commands");
	push_device_tables(L);
	lua_setfield(L, -2, "device_tables");
	push_part(L, "vmoon", true);
	lua_setfield(L, -2, "stub");
	set_text(L, "version", vmoon_version_string());
	set_text(L, "page", lua_tostring(L, 2));
	lua_call(L, 1, 1);
	return 1;
}

static int print_document(const char *part, const char *page)
{
	lua_State *L = luaL_newstate();
	int status = 0;

	if (L == NULL) {
		vmoon_cli_complain("out of memory");
		return VMOON_CLI_SCRIPT;
	}
	lua_pushcfunction(L, make_document);
	lua_pushstring(L, part);
	lua_pushstring(L, page);
	if (lua_pcall(L, 2, 1, 0) != LUA_OK) {
		status = vmoon_cli_report(L);
	} else if (lua_isnil(L, -1)) {
		vmoon_cli_complainf("there is no page %s; there are vmoon.1, "
				    "vmoon-lua.3, vmoon-spec.5, "
				    "vmoon-device.5 and vmoon-device.7",
				    page);
		status = VMOON_CLI_USAGE;
	} else {
		fputs(lua_tostring(L, -1), stdout);
	}
	lua_close(L);
	return status;
}

static int print_device_keys(void)
{
	const size_t len = vmoon_ldkeys_text(NULL, 0);
	char *text = vmoon_mem_alloc(NULL, len + 1);

	if (text == NULL) {
		vmoon_cli_complain("out of memory");
		return VMOON_CLI_SCRIPT;
	}
	VMOON_IGNORE(vmoon_ldkeys_text(text, len + 1) == 0);
	fputs(text, stdout);
	vmoon_mem_free(NULL, text, len + 1);
	return 0;
}

/* Says what does not go together. */
static bool is_one_form(const struct vmoon_cli_opts *opts)
{
	const bool has_man = opts->man_page != NULL;

	if (opts->wants_device && (opts->wants_json || has_man)) {
		vmoon_cli_complain("vmoon api --device takes --luals or "
				   "nothing beside it");
		return false;
	}
	if (opts->wants_json + opts->wants_luals + has_man > 1) {
		vmoon_cli_complain("vmoon api prints one of --json, --luals "
				   "and --man PAGE at a time");
		return false;
	}
	return true;
}

int vmoon_cli_api(const struct vmoon_cli_opts *opts)
{
	if (!is_one_form(opts))
		return VMOON_CLI_USAGE;
	if (opts->man_page != NULL)
		return print_document("manual", opts->man_page);
	if (opts->wants_luals)
		return print_document(
			opts->wants_device ? "luals_device" : "luals", NULL);
	if (opts->wants_device)
		return print_device_keys();
	if (opts->wants_json)
		return print_document("schema", NULL);
	vmoon_cli_complain("the format is missing: vmoon api --device, --json, "
			   "--luals or --man PAGE");
	return VMOON_CLI_USAGE;
}
