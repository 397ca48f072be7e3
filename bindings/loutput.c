/* SPDX-License-Identifier: MIT */
/*
 * loutput.c - the primitives under the sinks of a stream: change, ask, take.
 * What is called when, and the methods themselves, are in
 * scripts/vmoon/sinks.lua.
 */
#include "loutput.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "lbox.h"
#include "lcfg.h"
#include "lresult.h"
#include "lstream.h"

/* What a callback's output holds at most. */
enum { TAKE_MAX = 64 * 1024 };

static const char *const state_names[] = {"working", "retrying", "failed"};
static const char *const policy_names[] = {"spool", "drop", "pause"};
static const char *const kind_names[] = {"null", "file", "fd",      "fifo",
					 "unix", "ring", "callback"};

static void destroy_config(void *cfg)
{
	vmoon_config_destroy(cfg);
}

/* Raises err for the VM of the stream at 1. */
static int raise(lua_State *L, const struct vmoon_error *err)
{
	lua_getiuservalue(L, 1, 1);
	return vmoon_lvm_raise(L, -1, err);
}

/*
 * A config of the one key "serial", boxed on the top of the stack, where the VM
 * was: it serves every stream.
 */
static struct vmoon_config *push_config(lua_State *L)
{
	struct vmoon_runtime *rt = vmoon_lvm_check(L, -1)->rt;
	struct vmoon_lbox *box = vmoon_lbox_push(L, destroy_config);
	struct vmoon_config *cfg;
	struct vmoon_error err;

	if (vmoon_config_create_serial(rt, &cfg, &err) != VMOON_OK)
		vmoon_lresult_raise(L, NULL, &err);
	box->object = cfg;
	return cfg;
}

/* core.add_sink(stream, spec) */
static int core_add_sink(lua_State *L)
{
	const struct vmoon_lvm_stream *self = vmoon_lstream_check(L, 1);
	struct vmoon_config *cfg = push_config(L);
	struct vmoon_error err;

	if (vmoon_config_set_table(cfg, "serial.1", &err) != VMOON_OK)
		return raise(L, &err);
	vmoon_lcfg_check_at(L, 2, cfg, "serial.1", "add_sink");
	if (vmoon_stream_add_outputs(self->stream, cfg, &err) != VMOON_OK)
		return raise(L, &err);
	return 0;
}

/*
 * core.limit_sink(stream, name, limit): the name is given as that of a sink to
 * nowhere, so that the rest of the schema does its work.
 */
static int core_limit_sink(lua_State *L)
{
	const struct vmoon_lvm_stream *self = vmoon_lstream_check(L, 1);
	const char *name = luaL_checkstring(L, 2);
	struct vmoon_config *cfg = push_config(L);
	struct vmoon_limit none = VMOON_INIT(struct vmoon_limit);
	struct vmoon_error err;

	if (lua_isnil(L, 3)) {
		if (vmoon_stream_limit_output(self->stream, name, &none,
					      &err) != VMOON_OK)
			return raise(L, &err);
		return 0;
	}
	if (vmoon_config_set_str(cfg, "serial.1.sink", "null", 4, &err) !=
		    VMOON_OK ||
	    vmoon_config_set_table(cfg, "serial.1.limit", &err) != VMOON_OK)
		return raise(L, &err);
	vmoon_lcfg_check_at(L, 3, cfg, "serial.1.limit", "limit");
	if (vmoon_stream_limit_outputs(self->stream, cfg, name, &err) !=
	    VMOON_OK)
		return raise(L, &err);
	return 0;
}

/*
 * core.limit_group(stream, name, limit): rate and burst only, so the policy
 * that a limit must have is given here.
 */
static int core_limit_group(lua_State *L)
{
	const struct vmoon_lvm_stream *self = vmoon_lstream_check(L, 1);
	const char *name = luaL_checkstring(L, 2);
	struct vmoon_config *cfg = push_config(L);
	struct vmoon_error err;

	if (vmoon_config_set_str(cfg, "serial.1.sink", "null", 4, &err) !=
		    VMOON_OK ||
	    vmoon_config_set_str(cfg, "serial.1.limit.policy", "spool", 5,
				 &err) != VMOON_OK)
		return raise(L, &err);
	vmoon_lcfg_check_at(L, 3, cfg, "serial.1.limit", "limit_group");
	if (vmoon_stream_limit_group(self->stream, cfg, name, &err) != VMOON_OK)
		return raise(L, &err);
	return 0;
}

/* core.remove_sink(stream, name) */
static int core_remove_sink(lua_State *L)
{
	const struct vmoon_lvm_stream *self = vmoon_lstream_check(L, 1);
	struct vmoon_error err;

	if (vmoon_stream_remove_output(self->stream, luaL_checkstring(L, 2),
				       &err) != VMOON_OK)
		return raise(L, &err);
	return 0;
}

static void set_count(lua_State *L, const char *key, uint64_t value)
{
	lua_pushinteger(L, (lua_Integer)value); /* counts stay below 2^63 */
	lua_setfield(L, -2, key);
}

static void set_string(lua_State *L, const char *key, const char *value)
{
	lua_pushstring(L, value);
	lua_setfield(L, -2, key);
}

static void push_stats(lua_State *L, const struct vmoon_output_stats *stats)
{
	lua_createtable(L, 0, 13);
	set_string(L, "sink", stats->name);
	set_string(L, "kind", kind_names[stats->kind]);
	set_string(L, "policy", policy_names[stats->policy]);
	set_string(L, "state", state_names[stats->state]);
	set_count(L, "bytes_in", stats->bytes_in);
	set_count(L, "bytes_out", stats->bytes_out);
	set_count(L, "bytes_dropped", stats->bytes_dropped);
	set_count(L, "backlog", stats->bytes_queued);
	set_count(L, "lines_dropped", stats->lines_dropped);
	set_count(L, "marker_bytes", stats->marker_bytes);
	set_count(L, "errors", stats->errors);
	lua_pushnumber(L, (lua_Number)stats->stalled_ns / 1e9);
	lua_setfield(L, -2, "stalled");
	if (stats->last_error != 0)
		set_string(L, "error", strerror(stats->last_error));
}

/* core.sinks(stream) -> list of figures */
static int core_sinks(lua_State *L)
{
	const struct vmoon_lvm_stream *self = vmoon_lstream_check(L, 1);
	struct vmoon_output_stats stats = VMOON_INIT(struct vmoon_output_stats);

	lua_newtable(L);
	for (size_t i = 0; i < VMOON_OUTPUTS_MAX; i++) {
		stats.size = sizeof(stats);
		if (vmoon_stream_output_stats(self->stream, i, &stats, NULL) !=
		    VMOON_OK)
			break;
		push_stats(L, &stats);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/*
 * core.stream_counts(stream) -> all bytes, those of them that were lost before
 * any sink
 */
static int core_stream_counts(lua_State *L)
{
	const struct vmoon_lvm_stream *self = vmoon_lstream_check(L, 1);
	uint64_t dropped = 0;
	const uint64_t bytes = vmoon_stream_total(self->stream, &dropped);

	lua_pushinteger(L, (lua_Integer)bytes); /* below 2^63 */
	lua_pushinteger(L, (lua_Integer)dropped);
	return 2;
}

/* core.read_sink(stream, name) -> what a ring holds */
static int core_read_sink(lua_State *L)
{
	const struct vmoon_lvm_stream *self = vmoon_lstream_check(L, 1);
	const char *name = luaL_checkstring(L, 2);
	struct vmoon_error err;
	size_t len, held, cap = 0;
	luaL_Buffer b;
	char *bytes;

	if (vmoon_stream_read_output(self->stream, name, NULL, 0, &cap, &err) !=
	    VMOON_OK)
		return raise(L, &err);
	bytes = luaL_buffinitsize(L, &b, cap + 1);
	if (vmoon_stream_read_output(self->stream, name, bytes, cap, &held,
				     &err) != VMOON_OK)
		return raise(L, &err);
	len = held < cap ? held : cap;
	luaL_pushresultsize(&b, len);
	return 1;
}

/* core.take_sink(stream, name) -> bytes, backlog, dropped; or nothing */
static int core_take_sink(lua_State *L)
{
	const struct vmoon_lvm_stream *self = vmoon_lstream_check(L, 1);
	const char *name = luaL_checkstring(L, 2);
	struct vmoon_output_info info = VMOON_INIT(struct vmoon_output_info);
	luaL_Buffer b;
	char *bytes = luaL_buffinitsize(L, &b, TAKE_MAX);

	if (vmoon_stream_take_output(self->stream, name, bytes, TAKE_MAX, &info,
				     NULL) != VMOON_OK ||
	    info.bytes == 0)
		return 0;
	luaL_pushresultsize(&b, info.bytes);
	lua_pushinteger(L, (lua_Integer)info.bytes_queued);
	lua_pushinteger(L, (lua_Integer)info.bytes_dropped);
	return 3;
}

/* Inside vmoon_runtime_dispatch: the newest figures of each name are kept. */
static void note_limited(void *ctx, struct vmoon_stream *s,
			 const struct vmoon_output_stats *stats)
{
	struct vmoon_lvm_stream *self = ctx;
	unsigned i = 0;

	(void)s;
	while (i < self->limited_count &&
	       strcmp(self->limited[i].name, stats->name) != 0)
		i++;
	if (i == VMOON_OUTPUTS_MAX)
		return; /* names that are gone are in the way until taken */
	self->limited[i] = *stats;
	if (i == self->limited_count)
		self->limited_count++;
}

/* core.watch_sinks(stream): from now on take_limited has something to take. */
static int core_watch_sinks(lua_State *L)
{
	struct vmoon_lvm_stream *self = vmoon_lstream_check(L, 1);
	struct vmoon_error err;

	if (vmoon_stream_on_limited(self->stream, note_limited, self, &err) !=
	    VMOON_OK)
		return raise(L, &err);
	self->is_watched = true;
	return 0;
}

/* core.take_limited(stream) -> list of figures of those with news */
static int core_take_limited(lua_State *L)
{
	struct vmoon_lvm_stream *self = vmoon_lstream_check(L, 1);
	const unsigned count = self->limited_count;

	self->limited_count = 0;
	lua_createtable(L, (int)count, 0);
	for (unsigned i = 0; i < count; i++) {
		push_stats(L, &self->limited[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* core.log_level(stream, levels) */
static int core_log_level(lua_State *L)
{
	const char *levels = luaL_checkstring(L, 2);
	struct vmoon_error err;

	VMOON_IGNORE(vmoon_lstream_check(L, 1) == NULL);
	if (vmoon_vm_log_level(vmoon_lvm_check(L, -1)->vm, levels, &err) !=
	    VMOON_OK)
		return raise(L, &err);
	return 0;
}

/* core.log_format(stream, is_json) */
static int core_log_format(lua_State *L)
{
	const enum vmoon_log_format format =
		lua_toboolean(L, 2) ? VMOON_LOG_JSON : VMOON_LOG_TEXT;
	struct vmoon_error err;

	VMOON_IGNORE(vmoon_lstream_check(L, 1) == NULL);
	if (vmoon_vm_log_format(vmoon_lvm_check(L, -1)->vm, format, &err) !=
	    VMOON_OK)
		return raise(L, &err);
	return 0;
}

static const luaL_Reg output_functions[] = {
	{"add_sink", core_add_sink},
	{"limit_sink", core_limit_sink},
	{"limit_group", core_limit_group},
	{"remove_sink", core_remove_sink},
	{"sinks", core_sinks},
	{"stream_counts", core_stream_counts},
	{"read_sink", core_read_sink},
	{"take_sink", core_take_sink},
	{"watch_sinks", core_watch_sinks},
	{"take_limited", core_take_limited},
	{"log_level", core_log_level},
	{"log_format", core_log_format},
	{NULL, NULL},
};

void vmoon_loutput_open(lua_State *L)
{
	luaL_setfuncs(L, output_functions, 0);
}
