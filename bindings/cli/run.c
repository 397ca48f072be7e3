/* SPDX-License-Identifier: MIT */
/* run.c - `vmoon run`: a script in a full Lua state, then its VM's console. */
#include "cli/commands.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/report.h"
#include "lbox.h"
#include "lcfg.h"
#include "lconsole.h"
#include "lcore.h"
#include "ldinline.h"
#include "lmod.h"
#include "lvm.h"

/* What the protected part gets and gives back. */
struct run {
	const struct vmoon_cli_opts *opts;
	int status;
};

/* ---- the script file ---- */

static bool complain_file(const char *path, const char *reason)
{
	vmoon_cli_complainf("cannot run %s: %s", path, reason);
	return false;
}

/* An empty or binary file is a mistake that Lua would explain badly. */
bool vmoon_cli_is_script(const char *path)
{
	char head[512];
	FILE *file = fopen(path, "rbe");
	size_t len;
	bool has_failed;
	int error;

	if (file == NULL)
		return complain_file(path, strerror(errno));
	len = fread(head, 1, sizeof(head), file);
	error = errno;
	has_failed = ferror(file) != 0;
	fclose(file);
	if (has_failed && error == EISDIR)
		return complain_file(path, "it is a directory; name the file "
					   "in it");
	if (has_failed)
		return complain_file(path, "it cannot be read; a Lua script "
					   "is a text file");
	if (len == 0)
		return complain_file(path, "it is empty; write a Lua script "
					   "into it (see vmoon help run)");
	if (memchr(head, '\0', len) != NULL || head[0] == '\033')
		return complain_file(path, "it is binary data, not a Lua "
					   "script");
	return true;
}

/* ---- the time limit ---- */

/* Async-signal-safe. A console in raw mode was restored before this runs. */
static void out_of_time(int sig)
{
	static const char text[] =
		"vmoon: the time given with --timeout is over\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)sig;
	(void)n;
	_exit(VMOON_CLI_TIMEOUT);
}

static void start_timer(double seconds)
{
	struct itimerval timer = {.it_value = {.tv_sec = 0}};
	struct sigaction action;

	if (!(seconds > 0))
		return;
	timer.it_value.tv_sec = (time_t)seconds;
	timer.it_value.tv_usec =
		(suseconds_t)((seconds - (double)timer.it_value.tv_sec) * 1e6);
	if (timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0)
		timer.it_value.tv_usec = 1;
	memset(&action, 0, sizeof(action));
	action.sa_handler = out_of_time;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* ---- the VM that a script returns ---- */

static void say_how_it_ended(const char *name,
			     const struct vmoon_exit_record *record)
{
	switch (record->reason) {
	case VMOON_EXIT_PANIC:
		vmoon_cli_complainf("vm '%s': guest panicked: %s", name,
				    record->message);
		break;
	case VMOON_EXIT_CRASH:
	case VMOON_EXIT_HALT:
	case VMOON_EXIT_HOST_ERROR:
		vmoon_cli_complainf("vm '%s': %s: %s", name,
				    vmoon_exit_reason_name(record->reason),
				    record->message);
		break;
	case VMOON_EXIT_NONE:
	case VMOON_EXIT_POWEROFF:
	case VMOON_EXIT_REBOOT:
	case VMOON_EXIT_DEBUG_EXIT:
	case VMOON_EXIT_STOPPED: break;
	}
}

static bool has_ended(const struct vmoon_vm *vm)
{
	enum vmoon_vm_state state = vmoon_vm_get_state(vm);

	return state == VMOON_VM_STOPPED || state == VMOON_VM_FAILED;
}

/* ---- the options of its log ---- */

/* Whether text is a sink as it stands; anything else is a path. */
static bool is_sink(const char *text)
{
	static const char *const words[] = {"stdout", "stderr", "ring", "null"};
	static const char *const heads[] = {"file:", "fd:", "fifo:", "unix:"};

	for (size_t i = 0; i < VMOON_COUNTOF(words); i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	for (size_t i = 0; i < VMOON_COUNTOF(heads); i++)
		if (strncmp(text, heads[i], strlen(heads[i])) == 0)
			return true;
	return false;
}

static void destroy_config(void *cfg)
{
	vmoon_config_destroy(cfg);
}

static enum vmoon_status add_log_sink(lua_State *L, struct vmoon_lvm *self,
				      const char *text, struct vmoon_error *err)
{
	struct vmoon_lbox *box = vmoon_lbox_push(L, destroy_config);
	struct vmoon_config *cfg;
	enum vmoon_status st = vmoon_config_create_serial(self->rt, &cfg, err);
	const char *sink =
		lua_pushfstring(L, is_sink(text) ? "%s" : "file:%s", text);

	if (st != VMOON_OK)
		return st;
	box->object = cfg;
	st = vmoon_config_set_str(cfg, "serial.1.sink", sink, strlen(sink),
				  err);
	/* The script may have a sink of the name that this one would get. */
	if (st == VMOON_OK)
		st = vmoon_config_set_str(cfg, "serial.1.name", "--log", 5,
					  err);
	if (st == VMOON_OK)
		st = vmoon_stream_add_outputs(self->log.stream, cfg, err);
	vmoon_lbox_close(box);
	lua_pop(L, 2);
	return st;
}

/* On top of what the description says. */
static void set_log(lua_State *L, int idx, struct vmoon_lvm *self,
		    const struct vmoon_cli_opts *opts)
{
	struct vmoon_error err;
	enum vmoon_status st = VMOON_OK;

	if (opts->wants_log_json)
		st = vmoon_vm_log_format(self->vm, VMOON_LOG_JSON, &err);
	if (st == VMOON_OK && opts->log_levels != NULL)
		st = vmoon_vm_log_level(self->vm, opts->log_levels, &err);
	if (st == VMOON_OK && opts->log_sink != NULL)
		st = add_log_sink(L, self, opts->log_sink, &err);
	if (st != VMOON_OK)
		vmoon_lvm_raise(L, idx, &err);
}

/* ---- the console ---- */

/* Until the VM has ended or the user leaves; the exit status. */
static int attend(lua_State *L, int idx, struct vmoon_lvm *self,
		  const struct vmoon_cli_opts *opts)
{
	struct vmoon_exit_record record = VMOON_INIT(struct vmoon_exit_record);
	struct vmoon_lconsole console = {
		.rt = self->rt,
		.vm = self->vm,
		.stream = self->serial.stream,
		.pos = self->console_pos,
		.has_trouble = &self->has_trouble,
	};
	const char *name = vmoon_vm_name(self->vm);
	struct vmoon_error err;
	int status = 0;

	set_log(L, idx, self, opts);
	if (vmoon_vm_get_state(self->vm) == VMOON_VM_CREATED &&
	    vmoon_vm_start(self->vm, &err) != VMOON_OK)
		vmoon_lvm_raise(L, idx, &err);
	if (isatty(STDIN_FILENO) && !has_ended(self->vm))
		fprintf(stderr,
			"vmoon: console of vm '%s'; Ctrl-A x leaves "
			"and stops it%s\n",
			name,
			vmoon_host_has_hw_virt()
				? ""
				: "; this CPU has neither VMX nor SVM, so "
				  "Linux is too slow here (try "
				  "tests/testbed/run)");
	if (vmoon_lconsole_attach(&console, &err) != VMOON_OK)
		vmoon_lvm_raise(L, idx, &err);
	if (console.end == VMOON_LCONSOLE_PAUSED) {
		vmoon_cli_complainf("vm '%s': %s", name, self->trouble.msg);
		status = VMOON_CLI_SCRIPT;
	}
	if (!has_ended(self->vm) && vmoon_vm_stop(self->vm, &err) != VMOON_OK)
		vmoon_lvm_raise(L, idx, &err);
	vmoon_vm_get_exit(self->vm, &record);
	say_how_it_ended(name, &record);
	return status != 0 ? status : vmoon_exit_status(&record);
}

/* Pushes the VM for what the script returned; NULL when it is no VM. */
static struct vmoon_lvm *vm_of_result(lua_State *L, int idx, char *path)
{
	struct vmoon_lcfg_origin origin = {.function = "return", .name = path};
	struct vmoon_lvm *self = vmoon_lvm_test(L, idx);

	if (self != NULL) {
		if (self->vm == NULL)
			luaL_error(L,
				   "%s returns a VM that is closed already: "
				   "leave <close> out for a VM to be returned",
				   path);
		lua_pushvalue(L, idx);
		return self;
	}
	if (lua_type(L, idx) != LUA_TTABLE)
		return NULL;
	if (vmoon_linline_is_device(L, idx))
		luaL_error(L,
			   "%s is a device and no VM: a VM has it by devices = "
			   "{ { file = \"%s\" } }, a test by vmoon.bench",
			   path, path);
	lua_pushfstring(L, "@%s", path);
	origin.source = lua_tostring(L, -1);
	return vmoon_lvm_create(L, idx, "return", &origin);
}

/* A VM described by a file of JSON, as a script that returns it would. */
static struct vmoon_lvm *vm_of_json(lua_State *L, const char *path)
{
	struct vmoon_lcfg_origin origin = {.function = "json", .name = path};

	lua_pushfstring(L, "@%s", path);
	origin.source = lua_tostring(L, -1);
	if (!vmoon_lcore_push_source(L, path))
		luaL_error(L, "%s cannot be read, or is larger than 1 MiB",
			   path);
	return vmoon_lvm_create(L, -1, "json", &origin);
}

/* ---- the state ---- */

static void set_arguments(lua_State *L, const struct vmoon_cli_opts *opts)
{
	lua_createtable(L, opts->rest_count, 1);
	lua_pushstring(L, opts->files[0]);
	lua_rawseti(L, -2, 0);
	for (int i = 0; i < opts->rest_count; i++) {
		lua_pushstring(L, opts->rest[i]);
		lua_rawseti(L, -2, i + 1);
	}
	lua_setglobal(L, "arg");
}

/* Protected: (struct run) */
static int run_script(lua_State *L)
{
	struct run *run = lua_touserdata(L, 1);
	const struct vmoon_cli_opts *opts = run->opts;
	struct vmoon_lvm *self;

	lua_settop(L, 0);
	luaL_checkversion(L);
	luaL_openlibs(L);
	luaL_requiref(L, "vmoon", luaopen_vmoon, 0);
	lua_pop(L, 1);
	set_arguments(L, opts);
	if (vmoon_lcfg_is_json(opts->files[0])) {
		self = vm_of_json(L, opts->files[0]);
		run->status = attend(L, lua_gettop(L), self, opts);
		return 0;
	}
	if (luaL_loadfilex(L, opts->files[0], "t") != LUA_OK)
		return lua_error(L);
	luaL_checkstack(L, opts->rest_count + 10, "too many arguments");
	for (int i = 0; i < opts->rest_count; i++)
		lua_pushstring(L, opts->rest[i]);
	lua_call(L, opts->rest_count, 1);
	self = vm_of_result(L, 1, opts->files[0]);
	if (self != NULL)
		run->status = attend(L, lua_gettop(L), self, opts);
	return 0;
}

int vmoon_cli_run(const struct vmoon_cli_opts *opts)
{
	struct run run = {.opts = opts};
	struct vmoon_error err;
	lua_State *L;

	if (opts->log_levels != NULL &&
	    vmoon_log_level_check(opts->log_levels, &err) != VMOON_OK) {
		vmoon_cli_complainf("--log-level: %s", err.msg);
		return VMOON_CLI_USAGE;
	}
	if (!vmoon_cli_is_script(opts->files[0]))
		return VMOON_CLI_SCRIPT;
	L = luaL_newstate();
	if (L == NULL) {
		vmoon_cli_complain("out of memory");
		return VMOON_CLI_SCRIPT;
	}
	/* Output of a script that is cut off by a signal is not lost. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	start_timer(opts->timeout_s);
	lua_pushcfunction(L, vmoon_cli_traceback);
	lua_pushcfunction(L, run_script);
	lua_pushlightuserdata(L, &run);
	if (lua_pcall(L, 1, 0, 1) != LUA_OK)
		run.status = vmoon_cli_report(L);
	lua_close(L);
	return run.status;
}
