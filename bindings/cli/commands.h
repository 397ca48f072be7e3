/* SPDX-License-Identifier: MIT */
/* commands.h - what each command does; all return the exit status. */
#ifndef VMOON_BINDINGS_CLI_COMMANDS_H
#define VMOON_BINDINGS_CLI_COMMANDS_H

#include "cli/opts.h"

int vmoon_cli_run(const struct vmoon_cli_opts *opts);
int vmoon_cli_check(const struct vmoon_cli_opts *opts);
int vmoon_cli_export(const struct vmoon_cli_opts *opts);
int vmoon_cli_new(const struct vmoon_cli_opts *opts);
int vmoon_cli_api(const struct vmoon_cli_opts *opts);

/* True when path is a file that can be a script; otherwise says why not. */
bool vmoon_cli_is_script(const char *path);

#endif
