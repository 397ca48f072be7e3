/* SPDX-License-Identifier: MIT */
/* report.h - what the command says on standard error, and its status. */
#ifndef VMOON_BINDINGS_CLI_REPORT_H
#define VMOON_BINDINGS_CLI_REPORT_H

#include <lua.h>

#include "vmoon/base.h"

/* One message on standard error; control bytes in it are made harmless. */
void vmoon_cli_complain(const char *text);
void vmoon_cli_complainf(const char *fmt, ...) VMOON_PRINTF(1, 2);

/* Message handler for lua_pcall: adds a traceback to plain strings. */
int vmoon_cli_traceback(lua_State *L);

/* Reports the error value on the top; returns the exit status it means. */
int vmoon_cli_report(lua_State *L);

#endif
