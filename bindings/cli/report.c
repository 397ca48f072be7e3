/* SPDX-License-Identifier: MIT */
/* report.c - what the command says on standard error, and its status. */
#include "cli/report.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/opts.h"
#include "lresult.h"

enum { TEXT_MAX = 65536 };

void vmoon_cli_complain(const char *text)
{
	bool has_colour = isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL;

	fflush(stdout);
	fputs(has_colour ? "\033[1;31mvmoon:\033[0m " : "vmoon: ", stderr);
	for (size_t i = 0; text[i] != '\0' && i < TEXT_MAX; i++) {
		unsigned char c = (unsigned char)text[i];
		bool is_control =
			(c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;

		fputc(is_control ? '?' : c, stderr);
	}
	fputc('\n', stderr);
}

void vmoon_cli_complainf(const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	vmoon_cli_complain(text);
}

int vmoon_cli_traceback(lua_State *L)
{
	lua_Debug ar;

	/* Of what no line of the script has called, there is nothing to see. */
	if (lua_type(L, 1) == LUA_TSTRING && vmoon_lresult_caller(L, &ar))
		luaL_traceback(L, L, lua_tostring(L, 1), 1);
	return 1;
}

/* Raw string field of the table at idx, or "". */
static const char *field(lua_State *L, int idx, const char *key)
{
	const char *value;

	lua_pushstring(L, key);
	lua_rawget(L, idx);
	value = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
	lua_pop(L, 1); /* the table keeps it */
	return value;
}

/* Status of the exit record in the error: 100 and 102 count, others not. */
static int exit_status(lua_State *L, int idx)
{
	lua_Integer status = 0;

	lua_pushliteral(L, "exit");
	if (lua_rawget(L, idx) == LUA_TTABLE) {
		lua_pushliteral(L, "exit_status");
		lua_rawget(L, -2);
		status = lua_tointeger(L, -1);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return status == VMOON_CLI_PANIC || status == VMOON_CLI_CRASH
		       ? (int)status
		       : VMOON_CLI_SCRIPT;
}

static int status_of(lua_State *L, int idx)
{
	const char *kind = field(L, idx, "kind");

	if (strcmp(kind, "panic") == 0)
		return VMOON_CLI_PANIC;
	if (strcmp(kind, "timeout") == 0)
		return VMOON_CLI_TIMEOUT;
	if (strcmp(kind, "config") == 0)
		return VMOON_CLI_CONFIG;
	if (strcmp(field(L, idx, "code"), "nokvm") == 0)
		return VMOON_CLI_NOKVM;
	return exit_status(L, idx);
}

int vmoon_cli_report(lua_State *L)
{
	int idx = lua_gettop(L);

	if (vmoon_lresult_is_error(L, idx)) {
		vmoon_cli_complain(luaL_tolstring(L, idx, NULL));
		return status_of(L, idx);
	}
	if (lua_type(L, idx) == LUA_TSTRING)
		vmoon_cli_complain(lua_tostring(L, idx));
	else
		vmoon_cli_complainf("the script raised a %s",
				    luaL_typename(L, idx));
	return VMOON_CLI_SCRIPT;
}
