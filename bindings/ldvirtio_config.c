/* SPDX-License-Identifier: MIT */
/*
 * ldvirtio_config.c - the configuration of a virtio device in Lua: what the
 * driver writes, what the device reads and sets (VIRTIO 1.2, 2.5), and which
 * features both have (2.2).
 */
#include <lauxlib.h>
#include <string.h>

#include "ldvirtio_parts.h"
#include "vmoon/le.h"

void vmoon_ldvirtio_config_reset(struct vmoon_ldvirtio *v)
{
	const unsigned char *from = vmoon_ldobj_spec(v->obj)->config;
	const uint32_t len = v->vd.config_len;

	if (len == 0 || memcmp(v->config, from, len) == 0)
		return;
	memcpy(v->config, from, len);
	v->vd.host.config_changed(v->vd.host.ctx);
}

/* Whether any of the bytes may be written: those are. */
static bool take_over(struct vmoon_ldvirtio *v, uint32_t off,
		      const unsigned char *bytes, uint32_t len)
{
	const struct vmoon_ldspec *spec = vmoon_ldobj_spec(v->obj);
	bool is_any = false;

	for (size_t i = 0; i < spec->config_count; i++) {
		const struct vmoon_ldspec_config *f = &spec->config_field[i];

		for (uint32_t k = 0; f->is_writable && k < len; k++) {
			if (off + k < f->off || off + k - f->off >= f->len)
				continue;
			v->config[off + k] = bytes[k];
			is_any = true;
		}
	}
	return is_any;
}

void vmoon_ldvirtio_config_write(struct vmoon_virtio *vd, uint32_t off,
				 const void *src, uint32_t len)
{
	struct vmoon_ldvirtio *v = vmoon_ldvirtio_of(vd);
	struct vmoon_ldhook *hook =
		vmoon_ldobj_hook(v->obj, VMOON_LDHOOK_CONFIG, 0);
	unsigned char bytes[8] = {0};
	lua_State *L;

	memcpy(bytes, src, len); /* 1, 2, 4 or 8 */
	if (!take_over(v, off, bytes, len) || hook == NULL)
		return;
	L = vmoon_ldhook_begin(v->obj, hook);
	if (L == NULL)
		return;
	lua_pushinteger(L, (lua_Integer)off);
	lua_pushinteger(L, (lua_Integer)len);
	/* All 64 bits are a negative number in Lua. */
	lua_pushinteger(L, (lua_Integer)vmoon_le64_load(bytes));
	VMOON_IGNORE(vmoon_ldhook_call(v->obj, hook, 3, 0));
}

/* ---- d ---- */

static const struct vmoon_ldspec_config *check_field(lua_State *L,
						     struct vmoon_ldobj *obj)
{
	const struct vmoon_ldspec *spec = vmoon_ldobj_spec(obj);
	const char *name = luaL_checkstring(L, 2);

	for (size_t i = 0; i < spec->config_count; i++)
		if (spec->config_field[i].name != NULL && name[0] != '\0' &&
		    strcmp(spec->config_field[i].name, name) == 0)
			return &spec->config_field[i];
	luaL_error(L, "there is no '%s' in config", name);
	return NULL;
}

/* d:config_get(name) */
static int d_config_get(lua_State *L)
{
	struct vmoon_ldobj *obj = vmoon_ldobj_of(L);
	const struct vmoon_ldspec_config *f = check_field(L, obj);
	const unsigned char *at = obj->virtio == NULL
					  ? vmoon_ldobj_spec(obj)->config
					  : obj->virtio->config;
	uint64_t value = 0;

	at += f->off;
	if (f->is_bytes) {
		lua_pushlstring(L, (const char *)at, f->len);
		return 1;
	}
	for (uint32_t i = f->len; i-- > 0;) /* 8 at most */
		value = value << 8 | at[i];
	lua_pushinteger(L, (lua_Integer)value); /* bits as they are */
	return 1;
}

static void set_field(lua_State *L, unsigned char *at,
		      const struct vmoon_ldspec_config *f)
{
	unsigned char raw[8];
	const char *bytes;
	lua_Unsigned value;
	size_t len;

	if (f->is_bytes) {
		bytes = luaL_checklstring(L, 3, &len);
		luaL_argcheck(L, len == f->len, 3, "not as long as the field");
		memcpy(at, bytes, len);
		return;
	}
	value = (lua_Unsigned)luaL_checkinteger(L, 3);
	luaL_argcheck(L, f->len == 8 || value >> (8 * f->len) == 0, 3,
		      "more than the field has room for");
	vmoon_le64_store(raw, value);
	memcpy(at, raw, f->len);
}

/* d:config_set(name, value): and the driver is told */
static int d_config_set(lua_State *L)
{
	struct vmoon_ldobj *obj = vmoon_ldobj_of(L);
	const struct vmoon_ldspec_config *f = check_field(L, obj);
	struct vmoon_ldvirtio *v = obj->virtio;

	if (v == NULL)
		return luaL_error(L, "the device is not in a machine yet");
	set_field(L, v->config + f->off, f);
	if (v->vd.host.config_changed != NULL) /* not while it is made */
		v->vd.host.config_changed(v->vd.host.ctx);
	return 0;
}

/* d:has_feature(name): whether the driver has taken it */
static int d_has_feature(lua_State *L)
{
	struct vmoon_ldobj *obj = vmoon_ldobj_of(L);
	const struct vmoon_ldspec *spec = vmoon_ldobj_spec(obj);
	const char *name = luaL_checkstring(L, 2);
	const uint64_t features =
		obj->virtio == NULL ? 0 : obj->virtio->features;

	for (unsigned i = 0; i < VMOON_LDSPEC_FEATURES_MAX; i++) {
		if (spec->feature_name[i] == NULL ||
		    strcmp(spec->feature_name[i], name) != 0)
			continue;
		lua_pushboolean(L, (features >> i & 1) != 0);
		return 1;
	}
	return luaL_error(L, "there is no '%s' in features", name);
}

static const luaL_Reg d_methods[] = {
	{"config_get", d_config_get},
	{"config_set", d_config_set},
	{"has_feature", d_has_feature},
	{NULL, NULL},
};

void vmoon_ldvirtio_config_methods(lua_State *L)
{
	luaL_setfuncs(L, d_methods, 0);
}
