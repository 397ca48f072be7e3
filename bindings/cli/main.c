/* SPDX-License-Identifier: MIT */
/* main.c - the command `vmoon`. No VMM logic: parse, call, exit. */
#include <fcntl.h>
#include <lua.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/opts.h"
#include "cli/report.h"
#include "vmoon/vmoon.h"

static int print_version(void)
{
	struct vmoon_error err = {.status = VMOON_OK};
	const char *feature;

	printf("vmoon %s (API %u)\n%s\n", vmoon_version_string(),
	       (unsigned)vmoon_api_version(), LUA_RELEASE);
	printf("features:");
	for (size_t i = 0; (feature = vmoon_feature(i)) != NULL; i++)
		printf(" %s%s", vmoon_has(feature) ? "+" : "-", feature);
	if (vmoon_host_check(&err) == VMOON_OK)
		printf("\nhost: VMs can run here%s\n",
		       vmoon_host_has_hw_virt()
			       ? ""
			       : "; without VMX or SVM an unmodified Linux "
				 "is too slow to boot");
	else
		printf("\nhost: no VMs here: %s\n", err.msg);
	return 0;
}

static int print_help(const struct vmoon_cli_opts *opts)
{
	char program[] = "vmoon", flag[] = "--help";
	struct vmoon_cli_opts about;

	if (opts->file_count == 0) {
		vmoon_cli_print_help(VMOON_CLI_HELP, stdout);
		return 0;
	}
	if (!vmoon_cli_parse(3, (char *[]){program, opts->files[0], flag, NULL},
			     &about)) {
		vmoon_cli_complain(about.problem);
		return VMOON_CLI_USAGE;
	}
	vmoon_cli_print_help(about.command, stdout);
	return 0;
}

static int dispatch(const struct vmoon_cli_opts *opts)
{
	if (opts->wants_help) {
		vmoon_cli_print_help(opts->command, stdout);
		return 0;
	}
	switch (opts->command) {
	case VMOON_CLI_RUN: return vmoon_cli_run(opts);
	case VMOON_CLI_CHECK: return vmoon_cli_check(opts);
	case VMOON_CLI_EXPORT: return vmoon_cli_export(opts);
	case VMOON_CLI_NEW: return vmoon_cli_new(opts);
	case VMOON_CLI_API: return vmoon_cli_api(opts);
	case VMOON_CLI_VERSION: return print_version();
	case VMOON_CLI_HELP:
	case VMOON_CLI_COMMANDS: break;
	}
	return print_help(opts);
}

/*
 * A closed standard descriptor would be given to the next file that is opened:
 * the console would feed a guest from an eventfd. One that cannot be used takes
 * the place, so that reads and writes fail as before.
 */
static bool hold_standard_fds(void)
{
	static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", modes[fd] | O_CLOEXEC) != fd)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	struct vmoon_cli_opts opts;

	if (!hold_standard_fds()) {
		vmoon_cli_complain("/dev/null cannot be opened in place of a "
				   "closed standard input or output");
		return VMOON_CLI_USAGE;
	}
	if (!vmoon_cli_parse(argc, argv, &opts)) {
		vmoon_cli_complain(opts.problem);
		return VMOON_CLI_USAGE;
	}
	return dispatch(&opts);
}
