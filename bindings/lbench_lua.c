/* SPDX-License-Identifier: MIT */
/* lbench_lua.c - a device in Lua on a bench: bench{ file = "counter.lua" }. */
#include <lauxlib.h>
#include <string.h>

#include "lbench.h"
#include "ldcheck.h"
#include "ldhandle.h"
#include "ldmaker.h"
#include "ldpack.h"
#include "ldproblems.h"
#include "ldvirtio.h"
#include "lresult.h"
#include "lvm.h"

#define SCRIPT_BUDGET_NS UINT64_C(3600000000000) /* an hour */

/* ---- the options ---- */

static const char *opt_text(lua_State *L, int idx, const char *key,
			    size_t *out_len)
{
	const char *text = NULL;
	int type;

	lua_pushstring(L, key);
	type = lua_rawget(L, idx);
	*out_len = 0;
	if (type == LUA_TSTRING) {
		text = lua_tolstring(L, -1, out_len);
	} else if (type != LUA_TNIL) {
		lua_pushfstring(L, "bench: %s must be a string, got %s", key,
				luaL_typename(L, -1));
		vmoon_lresult_misuse(L, lua_tostring(L, -1), NULL);
	}
	lua_pop(L, 1); /* the table has it still */
	return text;
}

static const char *opt_name(lua_State *L, int idx, const char *key)
{
	size_t len;
	const char *text = opt_text(L, idx, key, &len);

	if (text != NULL && strlen(text) != len) {
		lua_pushfstring(L, "bench: %s has a zero byte in it", key);
		vmoon_lresult_misuse(L, lua_tostring(L, -1), NULL);
	}
	return text;
}

/* As in a device's file. */
static const char *read_name(lua_State *L)
{
	const struct vmoon_ldkey *row =
		&vmoon_ldkeys_device.rows[VMOON_LDKEY_DEVICE_NAME];
	char shown[VMOON_LDCHECK_SHOWN_MAX];
	size_t len;
	const char *name = opt_text(L, 1, row->name, &len);

	if (name == NULL || vmoon_ldcheck_is_device_name(name, len))
		return name;
	lua_pushlstring(L, name, len);
	lua_pushfstring(L,
			"bench: name is 1 to %d " VMOON_LDCHECK_DEVICE_NAME
			"; got %s",
			(int)row->max, vmoon_ldcheck_show(L, -1, shown));
	lua_pushfstring(L, "for example: %s", row->example);
	vmoon_lresult_misuse(L, lua_tostring(L, -2), lua_tostring(L, -1));
	return NULL; /* never */
}

static void read_on_error(lua_State *L, int idx,
			  struct vmoon_ldobj_options *out)
{
	static const char *const names[] = {"pause", "ignore", "stop"};
	const char *text = opt_name(L, idx, "on_error");

	for (unsigned i = 0; i < 3 && text != NULL; i++)
		if (strcmp(names[i], text) == 0) {
			out->has_on_error = true;
			out->on_error = (enum vmoon_ldspec_on_error)i;
			return;
		}
	if (text != NULL)
		vmoon_lresult_misuse(
			L, "bench: on_error is pause, ignore or stop", NULL);
}

static bool read_trusted(lua_State *L, bool is_inline)
{
	int type;
	bool is_trusted;

	lua_pushliteral(L, "trusted");
	type = lua_rawget(L, 1);
	is_trusted = lua_toboolean(L, -1);
	lua_pop(L, 1);
	if (type != LUA_TNIL && type != LUA_TBOOLEAN)
		vmoon_lresult_misuse(L, "bench: trusted is true or false",
				     NULL);
	if (is_trusted && is_inline)
		vmoon_lresult_misuse(L,
				     "bench: only a file can be trusted; put "
				     "the device into one",
				     NULL);
	return is_trusted;
}

/* Their bytes stay on the stack. */
static void read_params(lua_State *L, int idx,
			struct vmoon_ldspec_source *out) /* +1 */
{
	char why[VMOON_LDPACK_PATH_MAX + 64] = "";
	unsigned char *buf;
	size_t len;
	int type;

	lua_pushliteral(L, "params");
	type = lua_rawget(L, idx);
	if (type == LUA_TNIL)
		return;
	if (type != LUA_TTABLE)
		vmoon_lresult_misuse(L, "bench: params must be a table", NULL);
	len = vmoon_ldpack(L, -1, NULL, 0, "params", why);
	if (len == 0)
		vmoon_lresult_misuse(L, why, NULL);
	buf = lua_newuserdatauv(L, len, 0);
	out->params_len = vmoon_ldpack(L, -2, buf, len, "params", why);
	out->params = buf;
	lua_remove(L, -2);
}

/* ---- making one ---- */

static void open_bench(lua_State *L, struct vmoon_lbench *self,
		       struct vmoon_bench_options *opts)
{
	struct vmoon_device_options custom;
	struct vmoon_virtio_options virtio;
	struct vmoon_error err;
	enum vmoon_status st;

	if (vmoon_ldobj_spec(self->obj)->kind == VMOON_LDSPEC_VIRTIO) {
		vmoon_ldvirtio_options(self->obj, &virtio);
		opts->custom_virtio = &virtio;
	} else {
		vmoon_ldobj_device(self->obj, &custom);
		opts->custom = &custom;
		vmoon_ldobj_watch(self->obj, true, NULL, NULL);
	}
	st = vmoon_bench_create(opts, &self->bench, &err);
	opts->custom = NULL;
	opts->custom_virtio = NULL;
	vmoon_lbench_must(L, st, &err);
}

/*
 * The file, or the bytes of a device in the script, which stay on the stack,
 * with the functions that do: their slot.
 */
static int take_source(lua_State *L, struct vmoon_ldspec_source *out,
		       struct vmoon_ldproblems_origin *origin)
{
	lua_pushliteral(L, "device");
	lua_rawget(L, 1);
	if (lua_isnil(L, -1)) {
		out->path = opt_name(L, 1, "file");
		return 0;
	}
	lua_pushliteral(L, "file");
	if (lua_rawget(L, 1) != LUA_TNIL)
		vmoon_lresult_misuse(L, "bench: device and file: one of both",
				     NULL);
	lua_pop(L, 1);
	origin->inline_prefix = "device";
	vmoon_ldmaker_inline(L, -1, out, origin);
	return lua_gettop(L) - 1;
}

/* What runs in the script takes its time: somebody may be debugging it. */
static void use_script(lua_State *L, struct vmoon_lbench *self, int functions,
		       struct vmoon_ldobj_options *out)
{
	if (lua_rawlen(L, functions) == 0)
		return;
	vmoon_lbench_keep(L, self, functions);
	out->script = vmoon_lbench_script;
	out->script_ctx = self;
	out->budget_ns = SCRIPT_BUDGET_NS;
}

/* What the device prints; what it does wrong is raised, or counted. */
static void show_line(void *ctx, enum vmoon_log_level level, const char *module,
		      const char *msg, size_t len)
{
	(void)ctx;
	if (level == VMOON_LOG_INFO)
		(void)fprintf(stderr, "%s: %.*s\n", module, (int)len,
			      msg); /* short */
}

int vmoon_lbench_new_file(lua_State *L)
{
	struct vmoon_bench_options opts = {
		.size = sizeof(opts), .log = {show_line, NULL, VMOON_LOG_INFO}};
	struct vmoon_ldobj_options o = {0};
	struct vmoon_ldproblems_origin origin = {
		.source = &o.source, .function = "bench", .prefix = ""};
	struct vmoon_ldproblems *problems;
	struct vmoon_runtime *rt;
	struct vmoon_lbench *self;
	struct vmoon_error err;
	int functions;

	lua_settop(L, 1);
	vmoon_lbench_known(L, 1, "bench", vmoon_lbench_fields);
	o.extend = vmoon_ldvirtio_extend;
	functions = take_source(L, &o.source, &origin);
	o.name = read_name(L);
	o.is_trusted = read_trusted(L, o.source.is_inline);
	opts.memory_bytes = vmoon_lbench_size(L, 1, "memory");
	opts.state = opt_text(L, 1, "state", &opts.state_len);
	read_on_error(L, 1, &o);
	read_params(L, 1, &o.source);
	rt = vmoon_lvm_runtime(L); /* before the handle: it goes after it */
	vmoon_lbench_must(L, vmoon_runtime_watchdog(rt, &o.watchdog, &err),
			  &err);
	problems = vmoon_ldproblems_push(L, NULL);
	self = vmoon_lbench_push(L);
	self->L = L;
	if (o.source.is_inline)
		use_script(L, self, functions, &o);
	if (vmoon_ldobj_create(&o, vmoon_ldproblems_add, problems, &self->obj,
			       &err) != VMOON_OK)
		return vmoon_ldproblems_raise(L, problems, &origin, &err);
	open_bench(L, self, &opts);
	vmoon_lbench_settle(L, self);
	return 1;
}

/* ---- using it ---- */

void vmoon_lbench_settle(lua_State *L, struct vmoon_lbench *self)
{
	struct vmoon_ldobj_stats st;
	struct vmoon_error err;

	if (self->obj == NULL)
		return;
	vmoon_ldobj_stats(self->obj, &st);
	if (st.reports == self->reports)
		return;
	self->reports = st.reports;
	vmoon_lbench_raise_script(L, self);
	VMOON_IGNORE(vmoon_fail(&err, VMOON_E_SCRIPT, 0, "device '%s': %s",
				vmoon_ldobj_name(self->obj), st.error));
	vmoon_lresult_raise(L, NULL, &err);
}

struct vmoon_lbench *vmoon_lbench_lua(lua_State *L)
{
	struct vmoon_lbench *self;

	VMOON_IGNORE(vmoon_lbench_check(L, 1) == NULL);
	self = lua_touserdata(L, 1);
	if (self->obj == NULL)
		vmoon_lresult_misuse(L, "bench: its device is not in Lua",
				     "bench { file = \"counter.lua\" }");
	return self;
}

/* b:call(method, ...): what it returns. */
int vmoon_lbench_call(lua_State *L)
{
	struct vmoon_lbench *self = vmoon_lbench_lua(L);
	const int n =
		vmoon_ldhandle_call(L, self->obj, luaL_checkstring(L, 2), 3);
	struct vmoon_error err;

	/* What it has left to be done. */
	vmoon_lbench_must(L, vmoon_bench_advance(self->bench, 0, &err), &err);
	vmoon_lbench_settle(L, self);
	return n;
}

/* Of any device whose interrupt is edges. */
int vmoon_lbench_edges(lua_State *L)
{
	/* Below 2^63. */
	lua_pushinteger(
		L, (lua_Integer)vmoon_bench_edges(vmoon_lbench_check(L, 1)));
	return 1;
}

int vmoon_lbench_events(lua_State *L)
{
	vmoon_ldhandle_push_events(L, vmoon_lbench_lua(L)->obj);
	return 1;
}

/* The status with which the device has ended its machine, or nil. */
int vmoon_lbench_exit(lua_State *L)
{
	uint32_t status;

	if (vmoon_bench_exit(vmoon_lbench_check(L, 1), &status))
		lua_pushinteger(L, status);
	else
		lua_pushnil(L);
	return 1;
}

int vmoon_lbench_log(lua_State *L)
{
	vmoon_ldhandle_push_log(L, vmoon_lbench_lua(L)->obj);
	return 1;
}

int vmoon_lbench_regs(lua_State *L)
{
	vmoon_ldhandle_push_regs(L, vmoon_lbench_lua(L)->obj);
	return 1;
}

int vmoon_lbench_reload(lua_State *L)
{
	struct vmoon_lbench *self = vmoon_lbench_lua(L);
	const struct vmoon_ldspec_source source = {
		.path = vmoon_ldobj_path(self->obj)};
	const struct vmoon_ldproblems_origin origin = {
		.source = &source, .function = "reload", .prefix = ""};
	struct vmoon_ldproblems *problems = vmoon_ldproblems_push(L, NULL);
	struct vmoon_error err;

	if (vmoon_ldobj_reload(self->obj, vmoon_ldproblems_add, problems,
			       &err) != VMOON_OK)
		return vmoon_ldproblems_raise(L, problems, &origin, &err);
	lua_settop(L, 1);
	return 1;
}

int vmoon_lbench_state(lua_State *L)
{
	vmoon_ldhandle_push_state(L, vmoon_lbench_lua(L)->obj);
	return 1;
}

int vmoon_lbench_stats(lua_State *L)
{
	vmoon_ldhandle_push_stats(L, vmoon_lbench_lua(L)->obj);
	return 1;
}

void vmoon_lbench_may_save(lua_State *L, const struct vmoon_lbench *self)
{
	struct vmoon_error err;
	size_t len;

	if (self->obj != NULL)
		vmoon_lbench_must(
			L,
			vmoon_ldobj_pack_state(self->obj, NULL, 0, &len, &err),
			&err);
}
