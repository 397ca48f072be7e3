/* SPDX-License-Identifier: MIT */
/* ldspec_virtio.c - what a device file says of a virtio device. */
#include "ldcheck.h"

#include <lauxlib.h>
#include <string.h>

#include "vmoon/le.h"

/* VIRTIO 1.2, section 2.2: a device's own; the others are the transport's. */
static bool is_own_bit(lua_Integer bit)
{
	return (bit >= 0 && bit <= 23) || (bit >= 50 && bit <= 63);
}

/* ---- features ---- */

static void check_feature(struct vmoon_ldcheck *c, int key, int value)
{
	lua_State *L = c->L;
	struct vmoon_ldspec *spec = c->spec;
	char shown[VMOON_LDCHECK_SHOWN_MAX];
	const lua_Integer bit = lua_tointeger(L, key);
	const char *name;
	size_t len = 0, before;

	if (!lua_isinteger(L, key) || bit < 0 || bit > 63) {
		vmoon_ldcheck_say(c,
				  "a feature is a bit, 0 to 23 or 50 to 63, "
				  "and its name; got %s as a bit",
				  vmoon_ldcheck_show(L, key, shown));
		vmoon_ldcheck_hint(c, "for example: features = { [9] = "
				      "\"FLUSH\" }");
		return;
	}
	before = vmoon_ldcheck_enter_index(c, bit);
	name = lua_type(L, value) == LUA_TSTRING ? lua_tolstring(L, value, &len)
						 : "";
	if (!is_own_bit(bit)) {
		vmoon_ldcheck_say_key(c,
				      "bit %d is not a device's own: 24 to "
				      "49 are the transport's",
				      (int)bit);
	} else if (!vmoon_ldcheck_is_name(name, len)) {
		vmoon_ldcheck_refuse(c, value, "a name",
				     "features = { [9] = \"FLUSH\" }");
	} else {
		for (int i = 0; i < 64; i++)
			if (spec->feature_name[i] != NULL &&
			    strcmp(spec->feature_name[i], name) == 0)
				vmoon_ldcheck_say(c,
						  "bit %d is called \"%s\" "
						  "already",
						  i, name);
		spec->features |= UINT64_C(1) << bit;
		spec->feature_name[bit] = vmoon_ldcheck_copy(c, name, len);
	}
	vmoon_ldcheck_leave(c, before);
}

/* Bits in their order, then what else is there. */
static void check_features(struct vmoon_ldcheck *c, int table)
{
	lua_State *L = c->L;
	const size_t before = vmoon_ldcheck_enter(c, "features");
	struct vmoon_ldnote *last;

	for (lua_Integer bit = 0; bit < 64; bit++) {
		lua_pushinteger(L, bit);
		if (lua_rawgeti(L, table, bit) != LUA_TNIL)
			check_feature(c, lua_gettop(L) - 1, lua_gettop(L));
		lua_pop(L, 2);
	}
	last = c->last;
	lua_pushnil(L);
	while (lua_next(L, table) != 0) {
		const int key = lua_gettop(L) - 1;

		if (!lua_isinteger(L, key) || lua_tointeger(L, key) < 0 ||
		    lua_tointeger(L, key) > 63)
			check_feature(c, key, key + 1);
		lua_pop(L, 1);
	}
	vmoon_ldcheck_sort(c, last);
	vmoon_ldcheck_leave(c, before);
}

/* ---- queues ---- */

static uint16_t check_queue_size(struct vmoon_ldcheck *c, int idx)
{
	char shown[VMOON_LDCHECK_SHOWN_MAX];
	lua_Integer size = 64;
	size_t before;

	vmoon_ldcheck_get(c, idx,
			  &vmoon_ldkeys_queue.rows[VMOON_LDKEY_QUEUE_LEN]);
	if (!lua_isnil(c->L, -1))
		size = lua_isinteger(c->L, -1) ? lua_tointeger(c->L, -1) : 0;
	if (size < 2 || size > VMOON_VIRTIO_QUEUE_SIZE_MAX ||
	    (size & (size - 1)) != 0) {
		before = vmoon_ldcheck_enter(c, "size");
		vmoon_ldcheck_say(c,
				  "expected a power of two from 2 to %d; got "
				  "%s",
				  VMOON_VIRTIO_QUEUE_SIZE_MAX,
				  vmoon_ldcheck_show(c->L, -1, shown));
		vmoon_ldcheck_leave(c, before);
		size = 64;
	}
	lua_pop(c->L, 1);
	return (uint16_t)size;
}

/* The queue's table is at idx. */
static void check_queue(struct vmoon_ldcheck *c, int idx,
			struct vmoon_ldspec_queue *q)
{
	struct vmoon_ldvalue v[VMOON_LDKEY_QUEUE_COUNT];
	const struct vmoon_ldvalue *name = &v[VMOON_LDKEY_QUEUE_NAME],
				   *hook = &v[VMOON_LDKEY_QUEUE_ON_BUFFER],
				   *batch = &v[VMOON_LDKEY_QUEUE_BATCH];
	vmoon_ldslot slot;

	vmoon_ldcheck_table(c, idx, &vmoon_ldkeys_queue, v);
	q->name = "";
	if (name->is_set && !name->is_bad) {
		q->name = vmoon_ldcheck_copy(c, name->text, name->len);
		for (size_t i = 0; i < c->spec->queue_count; i++)
			if (strcmp(c->spec->queues[i].name, q->name) == 0)
				vmoon_ldcheck_say(
					c, "queue %zu is called \"%s\" already",
					i + 1, q->name);
	}
	q->size = check_queue_size(c, idx);
	if (!hook->is_set || hook->is_bad)
		return;
	vmoon_ldcheck_get(
		c, idx, &vmoon_ldkeys_queue.rows[VMOON_LDKEY_QUEUE_ON_BUFFER]);
	slot = vmoon_ldcheck_slot(c);
	if (batch->is_set && !batch->is_bad && batch->number != 0)
		q->on_kick = slot;
	else
		q->on_buffer = slot;
}

static void check_queues(struct vmoon_ldcheck *c, int table)
{
	lua_State *L = c->L;
	const size_t before = vmoon_ldcheck_enter(c, "queues");
	const lua_Integer count =
		vmoon_ldcheck_list(c, table, "queue", VMOON_LDSPEC_QUEUES_MAX);

	if (count == 0)
		vmoon_ldcheck_say(c, "a virtio device has at least one queue");
	for (lua_Integer i = 1; i <= count; i++) {
		const size_t inner = vmoon_ldcheck_enter_index(c, i);

		c->spec->queues[i - 1].name = "";
		lua_rawgeti(L, table, i);
		if (lua_istable(L, -1)) {
			check_queue(c, lua_gettop(L), &c->spec->queues[i - 1]);
		} else {
			vmoon_ldcheck_refuse(c, -1, "a table",
					     "queues = { { name = \"request\", "
					     "on_buffer = function(d, buf) end "
					     "} }");
		}
		c->spec->queue_count = (size_t)i;
		lua_pop(L, 1);
		vmoon_ldcheck_leave(c, inner);
	}
	vmoon_ldcheck_leave(c, before);
}

/* ---- configuration space ---- */

enum { TYPE_U8, TYPE_LE16, TYPE_LE32, TYPE_LE64, TYPE_BYTES };

/* Into the bytes of the configuration; the value is at idx. False: said. */
static bool store_value(struct vmoon_ldcheck *c, int idx,
			const struct vmoon_ldspec_config *f)
{
	const uint64_t max =
		f->len == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * f->len) - 1;
	unsigned char bytes[8];
	lua_Integer n;

	if (f->is_bytes) {
		if (lua_type(c->L, idx) == LUA_TSTRING &&
		    lua_rawlen(c->L, idx) == f->len) {
			memcpy(c->spec->config + f->off,
			       lua_tostring(c->L, idx), f->len);
			return true;
		}
		vmoon_ldcheck_refuse(c, idx, "a string of its length", NULL);
		return false;
	}
	if (!lua_isinteger(c->L, idx)) {
		vmoon_ldcheck_refuse(c, idx, "an integer", NULL);
		return false;
	}
	n = lua_tointeger(c->L, idx);
	if (f->len < 8 && (n < 0 || (uint64_t)n > max)) {
		vmoon_ldcheck_say(c, "%lld is out of range 0..%llu",
				  (long long)n, (unsigned long long)max);
		return false;
	}
	vmoon_le64_store(bytes, (uint64_t)n);
	memcpy(c->spec->config + f->off, bytes, f->len);
	return true;
}

/* Its length by its type; 0: it was said. value: its stack index. */
static uint32_t length_of(struct vmoon_ldcheck *c, int64_t type, int value)
{
	static const uint32_t lengths[] = {1, 2, 4, 8};
	size_t before;

	if (type != TYPE_BYTES)
		return lengths[type];
	if (lua_type(c->L, value) == LUA_TSTRING &&
	    lua_rawlen(c->L, value) > 0 &&
	    lua_rawlen(c->L, value) <= VMOON_VIRTIO_CONFIG_MAX)
		return (uint32_t)lua_rawlen(c->L, value);
	before = vmoon_ldcheck_enter(c, "value");
	vmoon_ldcheck_refuse(c, value, "a string of 1 to 256 bytes",
			     "value = (\"\\0\"):rep(6)");
	vmoon_ldcheck_leave(c, before);
	return 0;
}

static const char *check_config_name(struct vmoon_ldcheck *c, int idx)
{
	const struct vmoon_ldspec *spec = c->spec;
	const char *name = "";
	size_t len = 0, before;

	vmoon_ldcheck_get(c, idx,
			  &vmoon_ldkeys_config.rows[VMOON_LDKEY_CONFIG_NAME]);
	if (lua_type(c->L, -1) == LUA_TSTRING)
		name = lua_tolstring(c->L, -1, &len);
	before = vmoon_ldcheck_enter(c, "name");
	if (!lua_isnil(c->L, -1) && !vmoon_ldcheck_is_name(name, len))
		vmoon_ldcheck_refuse(c, -1,
				     "letters, digits or \"_\", no digit first",
				     "name = \"capacity\"");
	for (size_t i = 0; i < spec->config_count; i++)
		if (strcmp(spec->config_field[i].name, name) == 0 && len > 0)
			vmoon_ldcheck_say(
				c, "an earlier field is called \"%s\" already",
				name);
	vmoon_ldcheck_leave(c, before);
	name = vmoon_ldcheck_copy(c, name, strlen(name));
	lua_pop(c->L, 1);
	return name;
}

/*
 * One entry of config, at idx. What a function gives is known only when all
 * else has been read: it may change the tables. It waits in the list `later`,
 * with the number of its field.
 */
static void check_config_field(struct vmoon_ldcheck *c, int idx, int later)
{
	lua_State *L = c->L;
	struct vmoon_ldspec *spec = c->spec;
	struct vmoon_ldspec_config *f = &spec->config_field[spec->config_count];
	struct vmoon_ldvalue v[VMOON_LDKEY_CONFIG_COUNT];
	const struct vmoon_ldvalue *type = &v[VMOON_LDKEY_CONFIG_TYPE],
				   *write = &v[VMOON_LDKEY_CONFIG_WRITABLE];
	size_t before;
	int value;

	vmoon_ldcheck_table(c, idx, &vmoon_ldkeys_config, v);
	f->name = check_config_name(c, idx);
	f->is_writable = write->is_set && !write->is_bad && write->number != 0;
	if (!type->is_set || type->is_bad)
		return;
	vmoon_ldcheck_get(c, idx,
			  &vmoon_ldkeys_config.rows[VMOON_LDKEY_CONFIG_VALUE]);
	value = lua_gettop(L);
	f->is_bytes = type->number == TYPE_BYTES;
	f->off = spec->config_len;
	f->len = length_of(c, type->number, value);
	if (f->len == 0)
		return;
	if (f->len > VMOON_VIRTIO_CONFIG_MAX - f->off) {
		vmoon_ldcheck_say(c,
				  "it ends outside of the %d bytes that a "
				  "configuration may have",
				  VMOON_VIRTIO_CONFIG_MAX);
		return;
	}
	spec->config_len += f->len;
	spec->config_count++;
	before = vmoon_ldcheck_enter(c, "value");
	if (lua_isfunction(L, value))
		lua_rawseti(L, later, (lua_Integer)spec->config_count);
	else if (!lua_isnil(L, value))
		VMOON_IGNORE(store_value(c, value, f));
	vmoon_ldcheck_leave(c, before);
}

static void check_config_list(struct vmoon_ldcheck *c, int table, int later)
{
	lua_State *L = c->L;
	const lua_Integer count =
		vmoon_ldcheck_list(c, table, "field", VMOON_LDSPEC_CONFIG_MAX);

	for (lua_Integer i = 1; i <= count; i++) {
		const size_t before = vmoon_ldcheck_enter_index(c, i);
		const int top = lua_gettop(L);

		lua_rawgeti(L, table, i);
		if (lua_istable(L, -1))
			check_config_field(c, top + 1, later);
		else
			vmoon_ldcheck_refuse(c, -1, "a table",
					     "config = { { name = \"capacity\","
					     " type = \"le64\", value = 8192 } "
					     "}");
		lua_settop(L, top);
		vmoon_ldcheck_leave(c, before);
	}
}

static void check_config(struct vmoon_ldcheck *c, int idx, int later,
			 bool has_hook)
{
	const size_t before = vmoon_ldcheck_enter(c, "config");
	struct vmoon_ldspec *spec = c->spec;
	size_t len;
	const char *bytes;

	if (lua_istable(c->L, idx)) {
		check_config_list(c, idx, later);
	} else if (lua_type(c->L, idx) != LUA_TSTRING) {
		vmoon_ldcheck_refuse(c, idx, "a list of fields, or a string",
				     "config = { { name = \"capacity\", type = "
				     "\"le64\", value = 8192 } }");
	} else {
		bytes = lua_tolstring(c->L, idx, &len);
		if (len == 0 || len > VMOON_VIRTIO_CONFIG_MAX) {
			vmoon_ldcheck_say(c,
					  "%zu bytes; a configuration has 1 "
					  "to %d",
					  len, VMOON_VIRTIO_CONFIG_MAX);
		} else {
			memcpy(spec->config, bytes, len);
			spec->config_len = (uint32_t)len;
			spec->config_field[0] = (struct vmoon_ldspec_config){
				.len = (uint32_t)len,
				.is_bytes = true,
				.is_writable = has_hook};
			spec->config_count = 1;
		}
	}
	vmoon_ldcheck_leave(c, before);
}

/*
 * Calls the functions that give values, once all else is known to be good: the
 * last thing that is done, for they may change the tables that were read.
 */
static void call_values(struct vmoon_ldcheck *c, int later)
{
	lua_State *L = c->L;
	const size_t config = vmoon_ldcheck_enter(c, "config");

	for (size_t i = 0; i < c->spec->config_count; i++) {
		size_t before, inner;

		if (lua_rawgeti(L, later, (lua_Integer)i + 1) == LUA_TNIL) {
			lua_pop(L, 1);
			continue;
		}
		before = vmoon_ldcheck_enter_index(c, (lua_Integer)i + 1);
		inner = vmoon_ldcheck_enter(c, "value");
		lua_pushvalue(L, c->params);
		if (lua_pcall(L, 1, 1, 0) == LUA_OK)
			VMOON_IGNORE(store_value(c, lua_gettop(L),
						 &c->spec->config_field[i]));
		else if (lua_type(L, -1) == LUA_TSTRING)
			vmoon_ldcheck_say(c, "the function failed: %.300s",
					  lua_tostring(L, -1));
		else
			vmoon_ldcheck_say(c, "the function failed");
		lua_pop(L, 1);
		vmoon_ldcheck_leave(c, inner);
		vmoon_ldcheck_leave(c, before);
	}
	vmoon_ldcheck_leave(c, config);
}

static void check_hook(struct vmoon_ldcheck *c)
{
	bool is_writable = false;
	size_t before;

	for (size_t i = 0; i < c->spec->config_count; i++)
		is_writable =
			is_writable || c->spec->config_field[i].is_writable;
	if (is_writable)
		return;
	before = vmoon_ldcheck_enter(c, "on_config_write");
	vmoon_ldcheck_say(c, "no field of the configuration is writable, so it "
			     "would never be called");
	vmoon_ldcheck_hint(c, "for example: config = { { name = \"wce\", type "
			      "= \"u8\", writable = true } }");
	vmoon_ldcheck_leave(c, before);
}

void vmoon_ldspec_check_virtio(struct vmoon_ldcheck *c, int idx,
			       const struct vmoon_ldvalue *values)
{
	const struct vmoon_ldkey *rows = vmoon_ldkeys_device.rows;
	const struct vmoon_ldvalue *hook =
		&values[VMOON_LDKEY_DEVICE_ON_CONFIG_WRITE];
	lua_State *L = c->L;
	const int top = lua_gettop(L);

	luaL_checkstack(L, 24, "device file");
	lua_newtable(L);
	if (values[VMOON_LDKEY_DEVICE_ID].is_set)
		c->spec->id =
			(uint32_t)values[VMOON_LDKEY_DEVICE_ID].number & 0xff;
	if (values[VMOON_LDKEY_DEVICE_FEATURES].is_set &&
	    !values[VMOON_LDKEY_DEVICE_FEATURES].is_bad) {
		vmoon_ldcheck_get(c, idx, &rows[VMOON_LDKEY_DEVICE_FEATURES]);
		check_features(c, lua_gettop(L));
	}
	if (values[VMOON_LDKEY_DEVICE_CONFIG].is_set) {
		vmoon_ldcheck_get(c, idx, &rows[VMOON_LDKEY_DEVICE_CONFIG]);
		check_config(c, lua_gettop(L), top + 1, hook->is_set);
	}
	if (values[VMOON_LDKEY_DEVICE_QUEUES].is_set &&
	    !values[VMOON_LDKEY_DEVICE_QUEUES].is_bad) {
		vmoon_ldcheck_get(c, idx, &rows[VMOON_LDKEY_DEVICE_QUEUES]);
		check_queues(c, lua_gettop(L));
	}
	if (hook->is_set)
		check_hook(c);
	if (c->problem_count == 0)
		call_values(c, top + 1);
	lua_settop(L, top);
}
