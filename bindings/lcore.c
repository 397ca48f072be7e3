/* SPDX-License-Identifier: MIT */
/*
 * lcore.c - the primitives under the Lua parts: one step of waiting, bytes in
 * and out of a stream, regular expressions. Loops are in Lua, so that an
 * interrupt (lua5.4's Ctrl-C) is seen between two steps.
 */
#include "lcore.h"

#include <lauxlib.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "ldevices_lua.h"
#include "lhost.h"
#include "loutput.h"
#include "lresult.h"
#include "lstream.h"
#include "lvm.h"

enum {
	READ_MAX = 65536,         /* bytes one read returns */
	PATTERNS_MAX = 64,        /* alternatives of one expect */
	SOURCE_MAX = 1024 * 1024, /* a larger script gets no carets */
	GROUPS_MAX = 10           /* the match and nine groups */
};

static int64_t check_timeout(lua_State *L, int idx)
{
	lua_Number seconds = luaL_checknumber(L, idx);

	luaL_argcheck(L, seconds >= 0 && seconds < 1e9, idx,
		      "seconds from 0 to a billion");
	return (int64_t)(seconds * 1e9);
}

static uint64_t check_pos(lua_State *L, int idx)
{
	lua_Integer pos = luaL_checkinteger(L, idx);

	luaL_argcheck(L, pos >= 0, idx, "a position is not negative");
	return (uint64_t)pos;
}

/* core.pump(vm, seconds): lets callbacks run until something happens. */
static int core_pump(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_check(L, 1);
	struct vmoon_error err;
	enum vmoon_status status =
		vmoon_runtime_wait(self->rt, check_timeout(L, 2), &err);

	if (status != VMOON_OK && status != VMOON_E_TIMEOUT)
		return vmoon_lvm_raise(L, 1, &err);
	return 0;
}

/* core.wait(vm, seconds): true once the VM has ended. */
static int core_wait(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_check(L, 1);
	struct vmoon_error err;
	enum vmoon_status status =
		vmoon_vm_wait(self->vm, check_timeout(L, 2), &err);

	if (status != VMOON_OK && status != VMOON_E_TIMEOUT)
		return vmoon_lvm_raise(L, 1, &err);
	lua_pushboolean(L, status == VMOON_OK);
	return 1;
}

/* core.fate(vm): why waiting is in vain: "panic", "exited", ... or nil. */
static int core_fate(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_check(L, 1);
	struct vmoon_exit_record record = VMOON_INIT(struct vmoon_exit_record);

	/* What has paused it may not have been told. */
	if (vmoon_vm_get_state(self->vm) == VMOON_VM_PAUSED &&
	    !self->has_trouble)
		VMOON_IGNORE(vmoon_runtime_dispatch(self->rt, 64) > 0);
	vmoon_vm_get_exit(self->vm, &record);
	if (record.reason == VMOON_EXIT_PANIC) {
		lua_pushliteral(L, "panic");
		return 1;
	}
	switch (vmoon_vm_get_state(self->vm)) {
	case VMOON_VM_CREATED: lua_pushliteral(L, "created"); break;
	case VMOON_VM_RUNNING: lua_pushnil(L); break;
	case VMOON_VM_PAUSED:
		lua_pushstring(L, vmoon_lvm_is_in_trouble(self) ? "device"
								: "paused");
		break;
	case VMOON_VM_STOPPED:
	case VMOON_VM_FAILED: lua_pushliteral(L, "exited"); break;
	}
	return 1;
}

/* core.trouble(vm): what the device said that paused it, or nil */
static int core_trouble(lua_State *L)
{
	const struct vmoon_lvm *self = vmoon_lvm_check(L, 1);

	if (!vmoon_lvm_is_in_trouble(self))
		return 0;
	lua_pushstring(L, self->trouble.msg);
	return 1;
}

/* core.press(vm): the power button. */
static int core_press(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_check(L, 1);
	struct vmoon_error err;

	if (vmoon_vm_shutdown(self->vm, &err) != VMOON_OK)
		return vmoon_lvm_raise(L, 1, &err);
	return 0;
}

/* core.tell(vm or stream) -> position */
static int core_tell(lua_State *L)
{
	const struct vmoon_lvm_stream *s = vmoon_lstream_check_any(L, 1);

	lua_pushinteger(L, (lua_Integer)vmoon_stream_tell(s->stream));
	return 1;
}

/* core.read(vm or stream, position) -> bytes, next position */
static int core_read(lua_State *L)
{
	const struct vmoon_lvm_stream *s = vmoon_lstream_check_any(L, 1);
	uint64_t pos = check_pos(L, 2);
	luaL_Buffer b;
	char *bytes = luaL_buffinitsize(L, &b, READ_MAX);
	size_t len = vmoon_stream_read(s->stream, &pos, bytes, READ_MAX);

	luaL_pushresultsize(&b, len);
	lua_pushinteger(L, (lua_Integer)pos);
	return 2;
}

/* core.write(vm or stream, bytes, from) -> how many behind those had room */
static int core_write(lua_State *L)
{
	const struct vmoon_lvm_stream *s = vmoon_lstream_check_any(L, 1);
	const int vm = lua_gettop(L);
	struct vmoon_error err;
	size_t len, accepted = 0;
	const char *bytes = luaL_checklstring(L, 2, &len);
	const uint64_t from = check_pos(L, 3);

	luaL_argcheck(L, from <= len, 3, "behind the end");
	if (vmoon_stream_write(s->stream, bytes + from, len - (size_t)from,
			       &accepted, &err) != VMOON_OK)
		return vmoon_lvm_raise(L, vm, &err);
	lua_pushinteger(L, (lua_Integer)accepted);
	return 1;
}

/* core.search(vm or stream, position): core.read for a search. */
static int core_search(lua_State *L)
{
	const struct vmoon_lvm_stream *s = vmoon_lstream_check_any(L, 1);
	uint64_t pos = check_pos(L, 2);
	luaL_Buffer b;
	char *bytes = luaL_buffinitsize(L, &b, READ_MAX);
	size_t len = vmoon_stream_search(s->stream, &pos, bytes, READ_MAX);

	luaL_pushresultsize(&b, len);
	lua_pushinteger(L, (lua_Integer)pos);
	return 2;
}

/* core.unsearched(vm or stream) -> bytes that were gone before a search saw
 * them */
static int core_unsearched(lua_State *L)
{
	const struct vmoon_lvm_stream *s = vmoon_lstream_check_any(L, 1);

	lua_pushinteger(L, (lua_Integer)vmoon_stream_unsearched(s->stream));
	return 1;
}

/* core.seek(vm or stream, position): the next look begins there. */
static int core_seek(lua_State *L)
{
	const struct vmoon_lvm_stream *s = vmoon_lstream_check_any(L, 1);

	vmoon_stream_seek(s->stream, check_pos(L, 2));
	return 0;
}

/* The list of {is_re, text} at idx as C patterns; strings stay in the list. */
static size_t check_patterns(lua_State *L, int idx, struct vmoon_pattern *out)
{
	size_t count = (size_t)luaL_len(L, idx);

	luaL_argcheck(L, count <= PATTERNS_MAX, idx, "too many alternatives");
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, idx, (lua_Integer)i + 1);
		lua_rawgeti(L, -1, 1);
		out[i].kind = lua_toboolean(L, -1) ? VMOON_PATTERN_RE
						   : VMOON_PATTERN_TEXT;
		lua_rawgeti(L, -2, 2);
		out[i].text = luaL_checklstring(L, -1, &out[i].len);
		lua_pop(L, 3);
	}
	return count;
}

/*
 * core.look(vm or stream, patterns, seconds) -> which, begin, end. nil without
 * a match; with true behind it when there cannot be one any more.
 */
static int core_look(lua_State *L)
{
	const struct vmoon_lvm_stream *s = vmoon_lstream_check_any(L, 1);
	const int vm = lua_gettop(L);
	struct vmoon_pattern patterns[PATTERNS_MAX];
	struct vmoon_match match = VMOON_INIT(struct vmoon_match);
	size_t count = check_patterns(L, 2, patterns);
	struct vmoon_error err;
	enum vmoon_status status = vmoon_stream_expect(
		s->stream, patterns, count, check_timeout(L, 3), &match, &err);

	if (status == VMOON_E_TIMEOUT)
		return 0;
	if (status == VMOON_E_PANIC || status == VMOON_E_EXITED) {
		lua_pushnil(L);
		lua_pushboolean(L, 1);
		return 2;
	}
	if (status != VMOON_OK)
		return vmoon_lvm_raise(L, vm, &err);
	lua_pushinteger(L, (lua_Integer)match.which + 1);
	lua_pushinteger(L, (lua_Integer)match.begin);
	lua_pushinteger(L, (lua_Integer)match.end);
	return 3;
}

/* Raises on a malformed expression; 0 means that *out is the caller's. */
static void compile_re(lua_State *L, int idx, regex_t *out)
{
	size_t len;
	const char *text = luaL_checklstring(L, idx, &len);
	char reason[128], message[256];
	int code;

	luaL_argcheck(L, strlen(text) == len, idx, "holds a zero byte");
	code = regcomp(out, text, REG_EXTENDED | REG_NEWLINE);
	if (code == 0)
		return;
	regerror(code, out, reason, sizeof(reason));
	snprintf(message, sizeof(message),
		 "vmoon.re: \"%.80s\" is no extended regular expression: %s",
		 text, reason);
	vmoon_lresult_misuse(L, message, NULL);
}

/* core.re_check(text): back-references are refused, they take for ever. */
static int core_re_check(lua_State *L)
{
	const char *text = luaL_checkstring(L, 1);
	regex_t re;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '\\' || p[1] == '\0')
			continue;
		p++;
		if (*p >= '1' && *p <= '9')
			vmoon_lresult_misuse(
				L, "vmoon.re: back-references do not exist",
				"vmoon.pat takes a Lua pattern with %1");
	}
	compile_re(L, 1, &re);
	regfree(&re);
	return 0;
}

/* core.re_captures(text, subject) -> list of the groups, "" where unused */
static int core_re_captures(lua_State *L)
{
	const char *subject = luaL_checkstring(L, 2);
	regmatch_t groups[GROUPS_MAX];
	regex_t re;
	int failed;

	compile_re(L, 1, &re);
	failed = regexec(&re, subject, GROUPS_MAX, groups, 0);
	if (re.re_nsub < GROUPS_MAX - 1)
		groups[re.re_nsub + 1].rm_so = -2;
	regfree(&re); /* nothing above can raise once it is compiled */
	lua_newtable(L);
	for (int i = 1; failed == 0 && i < GROUPS_MAX; i++) {
		if (groups[i].rm_so == -2)
			break;
		if (groups[i].rm_so < 0)
			lua_pushliteral(L, "");
		else
			lua_pushlstring(
				L, subject + groups[i].rm_so,
				(size_t)(groups[i].rm_eo - groups[i].rm_so));
		lua_rawseti(L, -2, i);
	}
	return 1;
}

bool vmoon_lcore_push_source(lua_State *L, const char *path)
{
	luaL_Buffer b;
	char *text = luaL_buffinitsize(L, &b, SOURCE_MAX + 1);
	FILE *file = fopen(path, "rbe");
	size_t len = SOURCE_MAX + 1;

	if (file != NULL) {
		len = fread(text, 1, SOURCE_MAX + 1, file);
		fclose(file);
	}
	luaL_pushresultsize(&b, len > SOURCE_MAX ? 0 : len);
	if (len > SOURCE_MAX)
		lua_pop(L, 1);
	return len <= SOURCE_MAX;
}

/* core.read_source(path) -> text, or nothing when it cannot be had */
static int core_read_source(lua_State *L)
{
	return vmoon_lcore_push_source(L, luaL_checkstring(L, 1));
}

/* core.bless(table) -> the table as a vmoon.Error */
static int core_bless(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	vmoon_lresult_bless(L);
	return 1;
}

static int core_now(lua_State *L)
{
	lua_pushnumber(L, vmoon_lhost_now());
	return 1;
}

static int core_nap(lua_State *L)
{
	const lua_Number seconds = luaL_checknumber(L, 1);

	if (!vmoon_lvm_doze(L, seconds))
		vmoon_lhost_sleep(seconds);
	return 0;
}

/* core.private(vm) -> the Lua parts' own table of this VM */
static int core_private(lua_State *L)
{
	luaL_checkudata(L, 1, VMOON_LVM_TYPE);
	lua_getiuservalue(L, 1, VMOON_LVM_PRIVATE);
	return 1;
}

/* core.vm_of(stream) -> its VM, and the name of a port */
static int core_vm_of(lua_State *L)
{
	const bool is_port =
		luaL_testudata(L, 1, VMOON_LSTREAM_PORT_TYPE) != NULL;

	if (!is_port && luaL_testudata(L, 1, VMOON_LSTREAM_LOG_TYPE) == NULL)
		luaL_checkudata(L, 1, VMOON_LSTREAM_TYPE);
	lua_getiuservalue(L, 1, 1);
	if (!is_port)
		return 1;
	lua_pushstring(L, vmoon_lstream_port_name(L, 1));
	return 2;
}

/* core.owner(vm or stream) -> its VM, and the name of a port */
static int core_owner(lua_State *L)
{
	if (vmoon_lvm_test(L, 1) == NULL)
		return core_vm_of(L);
	lua_settop(L, 1);
	return 1;
}

/* The message, with the calls that led to it when it is plain text. */
static int add_traceback(lua_State *L)
{
	if (lua_type(L, 1) == LUA_TSTRING)
		luaL_traceback(L, L, lua_tostring(L, 1), 1);
	return 1;
}

/* core.protect(fn, ...) -> true, or false and the error with a traceback */
static int core_protect(lua_State *L)
{
	bool is_good;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_pushcfunction(L, add_traceback);
	lua_insert(L, 1);
	is_good = lua_pcall(L, lua_gettop(L) - 2, 0, 1) == LUA_OK;
	lua_pushboolean(L, is_good);
	lua_replace(L, 1);
	return is_good ? 1 : 2;
}

static const luaL_Reg core_functions[] = {
	{"pump", core_pump},
	{"wait", core_wait},
	{"fate", core_fate},
	{"press", core_press},
	{"trouble", core_trouble},
	{"tell", core_tell},
	{"read", core_read},
	{"write", core_write},
	{"search", core_search},
	{"unsearched", core_unsearched},
	{"seek", core_seek},
	{"look", core_look},
	{"re_check", core_re_check},
	{"re_captures", core_re_captures},
	{"read_source", core_read_source},
	{"bless", core_bless},
	{"now", core_now},
	{"nap", core_nap},
	{"private", core_private},
	{"protect", core_protect},
	{"vm_of", core_vm_of},
	{"owner", core_owner},
	{NULL, NULL},
};

void vmoon_lcore_open(lua_State *L)
{
	luaL_setfuncs(L, core_functions, 0);
	vmoon_loutput_open(L);
	vmoon_ldevices_open_core(L);
	vmoon_ldevices_open_away(L);
}
