/* SPDX-License-Identifier: MIT */
/* lbench_spec.c - the table that vmoon.bench is given, as options. */
#include "lbench.h"

#include <lauxlib.h>
#include <string.h>

#include "ldinline.h"
#include "lresult.h"
#include "lsize.h"

static int wrong(lua_State *L, const char *key, const char *want)
{
	lua_pushfstring(L, "bench: %s must be %s, got %s", key, want,
			luaL_typename(L, -1));
	return vmoon_lresult_misuse(L, lua_tostring(L, -1), NULL);
}

static int push_field(lua_State *L, int idx, const char *key)
{
	idx = lua_absindex(L, idx);
	lua_pushstring(L, key);
	return lua_rawget(L, idx);
}

uint64_t vmoon_lbench_count(lua_State *L, int idx, const char *key,
			    uint64_t def)
{
	const int type = push_field(L, idx, key);
	lua_Integer value = 0;
	uint64_t bytes = 0;

	if (type == LUA_TNIL)
		bytes = def;
	else if (vmoon_lsize_get(L, -1, &bytes))
		;
	else if (type != LUA_TNUMBER || !lua_isinteger(L, -1) ||
		 (value = lua_tointeger(L, -1)) < 0)
		wrong(L, key, "a whole number of at least 0");
	else
		bytes = (uint64_t)value; /* not negative */
	lua_pop(L, 1);
	return bytes;
}

bool vmoon_lbench_flag(lua_State *L, int idx, const char *key)
{
	const int type = push_field(L, idx, key);
	const bool flag = lua_toboolean(L, -1);

	if (type != LUA_TNIL && type != LUA_TBOOLEAN)
		wrong(L, key, "true or false");
	lua_pop(L, 1);
	return flag;
}

/* A size: "1M", a size value, or bytes. */
uint64_t vmoon_lbench_size(lua_State *L, int idx, const char *key)
{
	static const char units[] = "KMG";
	const char *text, *unit;
	uint64_t value = 0;

	if (push_field(L, idx, key) != LUA_TSTRING) {
		lua_pop(L, 1);
		return vmoon_lbench_count(L, idx, key, 0);
	}
	text = lua_tostring(L, -1);
	for (; *text >= '0' && *text <= '9' && value < UINT64_C(1) << 32;
	     text++)
		value = value * 10 + (uint64_t)(*text - '0'); /* a digit */
	unit = *text == '\0' ? NULL : strchr(units, *text);
	if (unit == NULL || text[1] != '\0' || value == 0)
		wrong(L, key, "a size such as \"1M\"");
	else
		value <<= 10 * (unit - units + 1); /* below 2^63 */
	lua_pop(L, 1);
	return value;
}

/* Borrowed from the table, NULL for nil. */
static const char *get_string(lua_State *L, int idx, const char *key,
			      size_t *out_len)
{
	const int type = push_field(L, idx, key);
	const char *text = NULL;

	*out_len = 0;
	if (type == LUA_TSTRING)
		text = lua_tolstring(L, -1, out_len);
	else if (type != LUA_TNIL)
		wrong(L, key, "a string");
	lua_pop(L, 1);
	return text;
}

static bool is_known(const char *key, const char *const *known)
{
	for (; *known != NULL; known++)
		if (strcmp(*known, key) == 0)
			return true;
	return false;
}

/* The least unknown key behind `after`, so that messages have one order. */
static const char *next_unknown(lua_State *L, int idx, const char *const *known,
				const char *after)
{
	const char *least = NULL;

	lua_pushnil(L);
	while (lua_next(L, idx) != 0) {
		const char *key = "[not a string]";

		lua_pop(L, 1);
		if (lua_type(L, -1) == LUA_TSTRING)
			key = lua_tostring(L, -1);
		if (!is_known(key, known) && strcmp(key, after) > 0 &&
		    (least == NULL || strcmp(key, least) < 0))
			least = key;
	}
	return least;
}

void vmoon_lbench_known(lua_State *L, int idx, const char *what,
			const char *const *known)
{
	const char *key;
	luaL_Buffer b;
	bool is_any = false;

	idx = lua_absindex(L, idx);
	luaL_checkstack(L, 8, NULL);
	key = next_unknown(L, idx, known, "");
	if (key == NULL)
		return;
	luaL_buffinit(L, &b);
	luaL_addstring(&b, what);
	luaL_addstring(&b, ": unknown field ");
	/* Keys are anchored in the table, and the buffer is below them. */
	for (; key != NULL; key = next_unknown(L, idx, known, key)) {
		luaL_addstring(&b, is_any ? ", \"" : "\"");
		luaL_addstring(&b, key);
		luaL_addchar(&b, '"');
		is_any = true;
	}
	luaL_addstring(&b, "; there are ");
	for (size_t i = 0; known[i] != NULL; i++) {
		luaL_addstring(&b, i > 0 ? ", " : "");
		luaL_addstring(&b, known[i]);
	}
	luaL_pushresult(&b);
	vmoon_lresult_misuse(L, lua_tostring(L, -1), NULL);
}

static void read_params(lua_State *L, int idx, struct vmoon_bench_options *out)
{
	static const char *const blk[] = {"size", "readonly", "cached",
					  "id",   "queues",   NULL};
	static const char *const rng[] = {"rate", "burst", "seed", NULL};
	static const char *const console[] = {"ports", NULL};
	static const char *const none[] = {NULL};
	const char *device = out->device == NULL ? "" : out->device;
	const bool is_blk = strcmp(device, "blk") == 0;
	const bool is_rng = strcmp(device, "rng") == 0;
	const bool is_console = strcmp(device, "console") == 0;
	size_t len;

	vmoon_lbench_known(L, idx, "bench: params",
			   is_blk       ? blk
			   : is_rng     ? rng
			   : is_console ? console
					: none);
	out->disk_bytes = vmoon_lbench_size(L, idx, "size");
	out->is_readonly = vmoon_lbench_flag(L, idx, "readonly");
	out->has_no_cache = !vmoon_lbench_flag(L, idx, "cached");
	if (push_field(L, idx, "cached") == LUA_TNIL)
		out->has_no_cache = false;
	lua_pop(L, 1);
	out->id = get_string(L, idx, "id", &len);
	if (out->id != NULL && strlen(out->id) != len)
		vmoon_lresult_misuse(L, "bench: id has a zero byte in it",
				     NULL);
	/* Too many of either is refused by the library. */
	out->queues = (unsigned)(vmoon_lbench_count(L, idx, "queues", 0) &
				 UINT32_MAX);
	out->ports =
		(unsigned)(vmoon_lbench_count(L, idx, "ports", 0) & UINT32_MAX);
	out->rate = vmoon_lbench_size(L, idx, "rate");
	out->burst = vmoon_lbench_size(L, idx, "burst");
	out->seed = vmoon_lbench_count(L, idx, "seed", 0);
}

const char *const vmoon_lbench_fields[] = {"device", "file",     "memory",
					   "name",   "on_error", "params",
					   "state",  "trusted",  NULL};

void vmoon_lbench_refuse_device(lua_State *L, int idx)
{
	static const char *const hints[] = {
		[VMOON_LDSPEC_MMIO] =
			"vmoon.bench { device = dev.mmio { ... } }",
		[VMOON_LDSPEC_PIO] = "vmoon.bench { device = dev.pio { ... } }",
		[VMOON_LDSPEC_VIRTIO] =
			"vmoon.bench { device = dev.virtio { ... } }"};
	enum vmoon_ldspec_kind kind;

	if (vmoon_linline_kind(L, idx, &kind))
		vmoon_lresult_misuse(
			L, "bench: a device is the value of the field device",
			hints[kind]);
}

void vmoon_lbench_options(lua_State *L, int idx,
			  struct vmoon_bench_options *out)
{
	static const char *const ours[] = {"device", "params", "memory",
					   "state", NULL};
	size_t len;
	int type;

	idx = lua_absindex(L, idx);
	luaL_checktype(L, idx, LUA_TTABLE);
	type = push_field(L, idx, "device");
	lua_pop(L, 1);
	vmoon_lbench_known(L, idx, "bench",
			   type == LUA_TSTRING ? ours : vmoon_lbench_fields);
	memset(out, 0, sizeof(*out));
	out->size = sizeof(*out);
	if (push_field(L, idx, "device") == LUA_TTABLE)
		vmoon_lresult_misuse(L, "bench: device is a plain table",
				     "device = vmoon.device.mmio { ... }");
	lua_pop(L, 1);
	out->device = get_string(L, idx, "device", &len);
	if (out->device == NULL)
		vmoon_lresult_misuse(
			L, "bench: device is missing",
			"bench { device = \"rng\" }, or a device in Lua: "
			"bench { file = \"counter.lua\" }");
	out->memory_bytes = vmoon_lbench_size(L, idx, "memory");
	out->state = get_string(L, idx, "state", &out->state_len);
	type = push_field(L, idx, "params");
	if (type == LUA_TTABLE)
		read_params(L, lua_gettop(L), out);
	else if (type != LUA_TNIL)
		wrong(L, "params", "a table");
	lua_pop(L, 1);
}
