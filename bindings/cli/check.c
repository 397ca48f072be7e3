/* SPDX-License-Identifier: MIT */
/* check.c - `vmoon check` and `vmoon export`: scripts without their VMs. */
#include "cli/commands.h"

#include <lauxlib.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/report.h"
#include "ldfile.h"
#include "lmod.h"
#include "lsandbox.h"

/* Processor time for one script, where the state's own bound cannot reach. */
enum { CPU_SECONDS_HARD = 3 };

/* Async-signal-safe: the script sits in one long call and never comes back. */
static void give_up(int sig)
{
	static const char text[] =
		"vmoon: the script spends its time in one call that does not "
		"end; gave up\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)sig;
	(void)n;
	_exit(VMOON_CLI_SCRIPT);
}

static void set_timer(long seconds)
{
	struct itimerval timer = {.it_value = {.tv_sec = seconds}};
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = give_up;
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &timer, NULL);
}

/* Protected: (path) */
static int check_protected(lua_State *L)
{
	luaL_openlibs(L);
	lua_pushcfunction(L, luaopen_vmoon);
	lua_call(L, 0, 0);
	return vmoon_ldfile_check(L);
}

/* A device file has a state, and bounds, of its own. */
static int check_device(const char *path)
{
	lua_State *L = luaL_newstate();
	int status = 0;

	if (L == NULL) {
		vmoon_cli_complain("out of memory");
		return VMOON_CLI_SCRIPT;
	}
	lua_pushcfunction(L, check_protected);
	lua_pushstring(L, path);
	if (lua_pcall(L, 1, 0, 0) != LUA_OK &&
	    vmoon_cli_report(L) == VMOON_CLI_CONFIG)
		status = VMOON_CLI_CONFIG;
	else if (lua_gettop(L) > 0)
		status = VMOON_CLI_SCRIPT;
	lua_close(L);
	return status;
}

/* Runs one script and reports its mistakes; the status. */
static int check_file(struct vmoon_lsandbox *sandbox, const char *path,
		      bool *out_is_device)
{
	enum vmoon_lsandbox_result result;
	const char *problem;

	if (!vmoon_cli_is_script(path))
		return VMOON_CLI_SCRIPT;
	set_timer(CPU_SECONDS_HARD);
	result = vmoon_lsandbox_run(sandbox, path);
	set_timer(0);
	for (size_t i = 0;
	     (problem = vmoon_lsandbox_problem(sandbox, i)) != NULL; i++)
		vmoon_cli_complain(problem);
	switch (result) {
	case VMOON_LSANDBOX_SCRIPT:
		if (vmoon_lsandbox_problem(sandbox, 0) == NULL)
			vmoon_cli_complainf("%s: out of memory", path);
		return VMOON_CLI_SCRIPT;
	case VMOON_LSANDBOX_BAD: return VMOON_CLI_CONFIG;
	case VMOON_LSANDBOX_DEVICE:
		*out_is_device = true;
		return check_device(path);
	case VMOON_LSANDBOX_OK: break;
	}
	if (vmoon_lsandbox_spec(sandbox, 0) != NULL)
		return 0;
	vmoon_cli_complainf("%s: no specification: the script calls neither "
			    "vmoon.new nor vmoon.boot, and returns no table",
			    path);
	return VMOON_CLI_CONFIG;
}

static void print_ok(struct vmoon_lsandbox *sandbox, const char *path)
{
	size_t count = 0;

	while (vmoon_lsandbox_spec(sandbox, count) != NULL)
		count++;
	printf("%s: ok (%zu VM%s)\n", path, count, count == 1 ? "" : "s");
}

static void print_json(struct vmoon_lsandbox *sandbox, const char *path)
{
	const char *json;

	(void)path;
	for (size_t i = 0; (json = vmoon_lsandbox_spec(sandbox, i)) != NULL;
	     i++)
		puts(json);
}

static int with_file(const char *path,
		     void (*print)(struct vmoon_lsandbox *, const char *))
{
	struct vmoon_lsandbox *sandbox = vmoon_lsandbox_create(NULL);
	int status = VMOON_CLI_SCRIPT;
	bool is_device = false;

	if (sandbox == NULL) {
		vmoon_cli_complain("out of memory");
	} else {
		status = check_file(sandbox, path, &is_device);
		if (status == 0 && is_device)
			printf("%s: ok (a device)\n", path);
		else if (status == 0)
			print(sandbox, path);
	}
	vmoon_lsandbox_destroy(sandbox);
	return status;
}

/* Mistakes in a specification weigh more than a script that fails. */
int vmoon_cli_check(const struct vmoon_cli_opts *opts)
{
	int worst = 0;

	for (int i = 0; i < opts->file_count; i++) {
		int status = with_file(opts->files[i], print_ok);

		if (status > worst)
			worst = status;
	}
	return worst;
}

int vmoon_cli_export(const struct vmoon_cli_opts *opts)
{
	if (!opts->wants_json) {
		vmoon_cli_complainf("the format is missing: vmoon export %s "
				    "--json",
				    opts->files[0]);
		return VMOON_CLI_USAGE;
	}
	return with_file(opts->files[0], print_json);
}
