/* SPDX-License-Identifier: MIT */
/* opts.h - the command line: one table makes the parser and the help. */
#ifndef VMOON_BINDINGS_CLI_OPTS_H
#define VMOON_BINDINGS_CLI_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What the process exits with when no guest decided it. */
enum vmoon_cli_status {
	VMOON_CLI_PANIC = 100,
	VMOON_CLI_TIMEOUT = 101,
	VMOON_CLI_CRASH = 102,
	VMOON_CLI_SCRIPT = 103,
	VMOON_CLI_NOKVM = 104,
	VMOON_CLI_CONFIG = 105,
	VMOON_CLI_USAGE = 106
};

enum vmoon_cli_command {
	VMOON_CLI_RUN,
	VMOON_CLI_CHECK,
	VMOON_CLI_EXPORT,
	VMOON_CLI_NEW,
	VMOON_CLI_API,
	VMOON_CLI_VERSION,
	VMOON_CLI_HELP,
	VMOON_CLI_COMMANDS
};

/* All pointers are borrowed from argv. */
struct vmoon_cli_opts {
	enum vmoon_cli_command command;
	bool wants_help;
	bool wants_json;
	bool wants_luals;
	bool wants_device;
	bool wants_log_json;
	const char *man_page;   /* NULL: none */
	const char *log_sink;   /* NULL: none */
	const char *log_levels; /* NULL: as they are */
	double timeout_s;       /* 0: none */
	char **files;           /* operands before "--", moved to its front */
	int file_count;
	char **rest; /* what follows "--" */
	int rest_count;
	char problem[200]; /* why parsing failed */
};

/* Pure: reads argv (and reorders it), touches nothing else. */
bool vmoon_cli_parse(int argc, char **argv, struct vmoon_cli_opts *out);

/* The tables behind the parser and the help, for the manual page. */
struct vmoon_cli_option_row {
	const char *name;     /* with its dashes */
	const char *argument; /* its name in the help, NULL for a flag */
	const char *text;
	enum {
		OPTION_HELP,
		OPTION_TIMEOUT,
		OPTION_JSON,
		OPTION_LUALS,
		OPTION_DEVICE,
		OPTION_MAN,
		OPTION_LOG,
		OPTION_LOG_LEVEL,
		OPTION_LOG_JSON
	} id;
	unsigned commands; /* bit n: command n has it */
};

struct vmoon_cli_command_row {
	const char *name, *operands, *summary;
	int files_min, files_max;
	bool takes_rest;
	const char *text;
};

/* NULL when i is past the end. */
const struct vmoon_cli_option_row *vmoon_cli_option(size_t i);
/* In the order of enum vmoon_cli_command; NULL past the end. */
const struct vmoon_cli_command_row *vmoon_cli_command(size_t i);

/* Help for one command; VMOON_CLI_HELP is the overview. */
void vmoon_cli_print_help(enum vmoon_cli_command command, FILE *out);

#endif
