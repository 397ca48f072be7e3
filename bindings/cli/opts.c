/* SPDX-License-Identifier: MIT */
/* opts.c - the command line: one table makes the parser and the help. */
#include "opts.h"

#include <stdlib.h>
#include <string.h>

#include "ldcheck.h"
#include "vmoon/base.h"

#define ON(command) (1u << (command))

enum { MEANT_BYTES = 64 };

static const struct vmoon_cli_option_row options[] = {
	{"--timeout", "SECONDS", "end with status 101 when it takes longer",
	 OPTION_TIMEOUT, ON(VMOON_CLI_RUN)},
	{"--log", "FILE",
	 "write the VM's log there, too; or a sink: \"stderr\", \"fifo:PATH\"",
	 OPTION_LOG, ON(VMOON_CLI_RUN)},
	{"--log-level", "LEVELS",
	 "what it says: \"debug\", \"output=debug\", \"warn,output=debug\"",
	 OPTION_LOG_LEVEL, ON(VMOON_CLI_RUN)},
	{"--log-json", NULL, "one JSON object a line of it", OPTION_LOG_JSON,
	 ON(VMOON_CLI_RUN)},
	{"--json", NULL,
	 "one JSON object a VM, a line each (the only format now)", OPTION_JSON,
	 ON(VMOON_CLI_EXPORT)},
	{"--json", NULL, "the keys of a specification, as a JSON Schema",
	 OPTION_JSON, ON(VMOON_CLI_API)},
	{"--luals", NULL, "the module with its types, for lua-language-server",
	 OPTION_LUALS, ON(VMOON_CLI_API)},
	{"--device", NULL,
	 "the keys of a device file; with --luals, the types of vmoon.device",
	 OPTION_DEVICE, ON(VMOON_CLI_API)},
	{"--man", "PAGE",
	 "a manual page: vmoon.1, vmoon-lua.3, vmoon-spec.5, vmoon-device.5 or "
	 "vmoon-device.7",
	 OPTION_MAN, ON(VMOON_CLI_API)},
	{"--help", NULL, "show this", OPTION_HELP, ON(VMOON_CLI_COMMANDS) - 1u},
};

/* In the order of enum vmoon_cli_command. */
static const struct vmoon_cli_command_row commands[] = {
	{"run", "FILE [-- ARGUMENT...]", "run a script, with its VM's console",
	 1, 1, true,
	 "FILE is a Lua 5.4 script. When it returns a VM, or the table that\n"
	 "describes one, that VM is started, the terminal becomes its console\n"
	 "(Ctrl-A x leaves) and vmoon waits for its end. ARGUMENTs are in the\n"
	 "script's `arg` and `...`. A FILE.json is such a table itself.\n"
	 "The options of the log are for that VM, on top of what it says "
	 "itself.\n"
	 "\n"
	 "The smallest script, hello.lua:\n"
	 "  return { kernel = \"bzImage\", cmdline = \"console=ttyS0\" }\n"
	 "\n"
	 "Examples:\n"
	 "  vmoon run hello.lua\n"
	 "  vmoon run --timeout 60 test.lua -- fast\n"
	 "  vmoon run --log vm.log --log-level debug hello.lua\n"
	 "\n"
	 "Exit status: what the guest wrote to the debug-exit port (0-63), 0 "
	 "when\n"
	 "it switched itself off or the script ended; 100 guest panic, 101 "
	 "timeout,\n"
	 "102 guest crash, 103 script error, 104 no usable KVM, 105 bad "
	 "specification,\n"
	 "106 wrong usage.\n"},
	{"check", "FILE...", "find mistakes in scripts, start nothing", 1, 1000,
	 false,
	 "Runs each script without files, processes or VMs and checks every\n"
	 "specification that it hands to vmoon.new or vmoon.boot, or returns,\n"
	 "until it first uses a VM. A FILE.json is a specification itself. A "
	 "FILE\n"
	 "that asks for vmoon.device is a device in Lua, and checked as one.\n"
	 "Needs no KVM. All mistakes are shown at once, with their places.\n"
	 "\n"
	 "Examples:\n"
	 "  vmoon check hello.lua\n"
	 "  vmoon check tests/*.lua\n"
	 "  vmoon check counter.lua\n"
	 "\n"
	 "Exit status: 0 all correct, 103 script error, 105 mistakes.\n"},
	{"export", "FILE", "print a script's specifications, checked", 1, 1,
	 false,
	 "The specification with all its defaults, as `vmoon check` sees it.\n"
	 "\n"
	 "Example:\n"
	 "  vmoon export hello.lua --json\n"
	 "\n"
	 "Exit status: as for `vmoon check`.\n"},
	{"new", "device NAME", "write a device in Lua to begin with", 2, 2,
	 false,
	 "Writes NAME.lua, a device with registers, a timer and an interrupt,\n"
	 "and NAME_spec.lua, its tests, into this folder. Both say what to\n"
	 "change. Files that are there already stay as they are.\n"
	 "\n"
	 "Example:\n"
	 "  vmoon new device blinker\n"
	 "  lua5.4 /usr/bin/busted blinker_spec.lua\n"
	 "\n"
	 "Exit status: 0, 103 when a file cannot be written, 106 wrong "
	 "usage.\n"},
	{"api", "", "print what editors and manuals are made from", 0, 0, false,
	 "One table describes every key of a specification, another every key\n"
	 "of a device file; these are their other forms.\n"
	 "\n"
	 "Examples:\n"
	 "  vmoon api --device | grep irq\n"
	 "  vmoon api --luals >vmoon.lua\n"
	 "  mkdir vmoon && vmoon api --device --luals >vmoon/device.lua\n"
	 "  vmoon api --man vmoon-device.7 | man -l -\n"
	 "  vmoon api --man vmoon-spec.5 | man -l -\n"},
	{"version", "", "print versions and what was built in", 0, 0, false,
	 "Says too whether VMs can run on this host, and if not, why.\n"},
	{"help", "[COMMAND]", "explain a command", 0, 1, false, ""},
};

static const struct vmoon_cli_option_row *find_option(
	enum vmoon_cli_command command, const char *word, size_t len)
{
	if (len == 2 && strncmp(word, "-h", len) == 0)
		word = "--help", len = strlen(word);
	for (size_t i = 0; i < VMOON_COUNTOF(options); i++) {
		const struct vmoon_cli_option_row *o = &options[i];

		if ((o->commands & ON(command)) != 0 &&
		    strlen(o->name) == len && strncmp(o->name, word, len) == 0)
			return o;
	}
	return NULL;
}

/* Writes " (did you mean "x"?)", or nothing; returns out. */
static const char *write_meant(const struct vmoon_ldnearest *n,
			       char out[MEANT_BYTES])
{
	out[0] = '\0';
	if (n->word != NULL)
		snprintf(out, MEANT_BYTES, " (did you mean \"%.*s\"?)",
			 (int)n->len, n->word); /* one of ours: short */
	return out;
}

static void complain_option(const char *word, size_t len,
			    struct vmoon_cli_opts *out)
{
	char name[41], meant[MEANT_BYTES];
	struct vmoon_ldnearest nearest;

	snprintf(name, sizeof(name), "%.*s", (int)(len < 40 ? len : 40), word);
	vmoon_ldnearest_init(&nearest, name);
	for (size_t i = 0; i < VMOON_COUNTOF(options); i++)
		if ((options[i].commands & ON(out->command)) != 0)
			vmoon_ldnearest_try(&nearest, options[i].name,
					    strlen(options[i].name));
	snprintf(out->problem, sizeof(out->problem),
		 "vmoon %s has no option %.60s%s", commands[out->command].name,
		 word, write_meant(&nearest, meant));
}

static bool read_seconds(const char *text, struct vmoon_cli_opts *out)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !(seconds > 0 && seconds < 1e8)) {
		snprintf(out->problem, sizeof(out->problem),
			 "--timeout takes a number of seconds above 0, got "
			 "\"%.40s\"",
			 text);
		return false;
	}
	out->timeout_s = seconds;
	return true;
}

/* Handles the option at argv[*i] and its argument. */
static bool read_option(int argc, char **argv, int *i,
			struct vmoon_cli_opts *out)
{
	const char *word = argv[*i], *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
	const struct vmoon_cli_option_row *o =
		find_option(out->command, word, len);
	const char *argument = equals != NULL ? equals + 1 : NULL;

	if (o == NULL) {
		complain_option(word, len, out);
		return false;
	}
	if (o->argument == NULL && argument != NULL) {
		snprintf(out->problem, sizeof(out->problem),
			 "vmoon %s has no option %.60s: %s takes no value",
			 commands[out->command].name, word, o->name);
		return false;
	}
	if (o->argument != NULL && argument == NULL) {
		if (*i + 1 >= argc) {
			snprintf(out->problem, sizeof(out->problem),
				 "%s needs %s", o->name, o->argument);
			return false;
		}
		argument = argv[++*i];
	}
	switch (o->id) {
	case OPTION_HELP: out->wants_help = true; break;
	case OPTION_JSON: out->wants_json = true; break;
	case OPTION_LUALS: out->wants_luals = true; break;
	case OPTION_DEVICE: out->wants_device = true; break;
	case OPTION_MAN: out->man_page = argument; break;
	case OPTION_LOG: out->log_sink = argument; break;
	case OPTION_LOG_LEVEL: out->log_levels = argument; break;
	case OPTION_LOG_JSON: out->wants_log_json = true; break;
	case OPTION_TIMEOUT:
		return argument != NULL && read_seconds(argument, out);
	}
	return true;
}

static bool find_command(const char *word, struct vmoon_cli_opts *out)
{
	struct vmoon_ldnearest nearest;
	char meant[MEANT_BYTES];

	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		word = "help";
	if (strcmp(word, "--version") == 0)
		word = "version";
	vmoon_ldnearest_init(&nearest, word);
	for (size_t i = 0; i < VMOON_COUNTOF(commands); i++) {
		vmoon_ldnearest_try(&nearest, commands[i].name,
				    strlen(commands[i].name));
		if (strcmp(commands[i].name, word) != 0)
			continue;
		out->command = (enum vmoon_cli_command)i;
		return true;
	}
	snprintf(out->problem, sizeof(out->problem),
		 "there is no command \"%.40s\"%s; `vmoon help` lists them",
		 word, write_meant(&nearest, meant));
	return false;
}

static bool check_operands(struct vmoon_cli_opts *out)
{
	const struct vmoon_cli_command_row *c = &commands[out->command];

	if (out->wants_help)
		return true;
	if (c->files_max == 0 && out->file_count + out->rest_count > 0) {
		snprintf(out->problem, sizeof(out->problem),
			 "vmoon %s takes options only, got \"%.40s\"; see "
			 "`vmoon help %s`",
			 c->name,
			 out->file_count > 0 ? out->files[0] : out->rest[0],
			 c->name);
		return false;
	}
	if (out->file_count < c->files_min || out->file_count > c->files_max ||
	    (out->rest_count > 0 && !c->takes_rest)) {
		snprintf(out->problem, sizeof(out->problem),
			 "usage: vmoon %s %s", c->name, c->operands);
		return false;
	}
	return true;
}

bool vmoon_cli_parse(int argc, char **argv, struct vmoon_cli_opts *out)
{
	int i = 2;

	*out = (struct vmoon_cli_opts){.command = VMOON_CLI_HELP};
	if (argc < 2) {
		snprintf(out->problem, sizeof(out->problem),
			 "a command is missing; `vmoon help` lists them");
		return false;
	}
	if (!find_command(argv[1], out))
		return false;
	out->files = argv + 2;
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (argv[i][0] == '-' && argv[i][1] != '\0') {
			if (!read_option(argc, argv, &i, out))
				return false;
		} else {
			out->files[out->file_count++] = argv[i];
		}
	}
	if (i < argc) {
		out->rest = argv + i + 1;
		out->rest_count = argc - i - 1;
	}
	return check_operands(out);
}

static void print_overview(FILE *out)
{
	fprintf(out, "vmoon - virtual machines described by Lua scripts\n\n"
		     "Usage:\n");
	for (size_t i = 0; i < VMOON_COUNTOF(commands); i++) {
		char call[60];

		snprintf(call, sizeof(call), "vmoon %s %s", commands[i].name,
			 commands[i].operands);
		fprintf(out, "  %-34s %s\n", call, commands[i].summary);
	}
	fprintf(out,
		"\nTry it: put this into hello.lua, with any Linux kernel\n"
		"  return { kernel = \"/boot/vmlinuz\", cmdline = "
		"\"console=ttyS0\" }\n"
		"and run\n"
		"  vmoon run hello.lua\n"
		"\n`vmoon help run` says more, also about the exit status.\n");
}

void vmoon_cli_print_help(enum vmoon_cli_command command, FILE *out)
{
	const struct vmoon_cli_command_row *c = &commands[command];

	if (command == VMOON_CLI_HELP) {
		print_overview(out);
		return;
	}
	fprintf(out, "Usage: vmoon %s [OPTION...] %s\n\n%s\nOptions:\n",
		c->name, c->operands, c->text);
	for (size_t i = 0; i < VMOON_COUNTOF(options); i++) {
		const struct vmoon_cli_option_row *o = &options[i];
		char call[40];

		if ((o->commands & ON(command)) == 0)
			continue;
		snprintf(call, sizeof(call), "%s %s", o->name,
			 o->argument != NULL ? o->argument : "");
		fprintf(out, "  %-20s %s\n", call, o->text);
	}
}

const struct vmoon_cli_option_row *vmoon_cli_option(size_t i)
{
	return i < VMOON_COUNTOF(options) ? &options[i] : NULL;
}

const struct vmoon_cli_command_row *vmoon_cli_command(size_t i)
{
	return i < VMOON_COUNTOF(commands) ? &commands[i] : NULL;
}
