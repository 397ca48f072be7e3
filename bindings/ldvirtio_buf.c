/* SPDX-License-Identifier: MIT */
/* ldvirtio_buf.c - a request of a queue as a hook of a device sees it. */
#include <lauxlib.h>
#include <string.h>

#include "ldguard.h"
#include "ldvirtio_parts.h"

#define TYPE "vmoon.buffer"
enum {
	BYTES_A_STEP = 64, /* of a copy, as the budget counts it */
	FREE_BYTES = 512
};

/* Its address says what is a box. */
static const char kind;

/* Where the boxes are, the extra of the code that they are in. */
static const char boxes_key;

static lua_Integer place_of(unsigned queue, unsigned index)
{
	return (lua_Integer)(queue * VMOON_LDVIRTIO_BUFFERS + index + 1);
}

/* A short copy takes no longer than what Lua does around it. */
static void charge(lua_State *L, size_t len)
{
	if (len > FREE_BYTES)
		vmoon_ldguard_charge(L, len / BYTES_A_STEP);
}

/* ---- what it stands for ---- */

/* By what only this file can write into a userdata: see new_box. */
static inline const struct vmoon_ldbuf_box *check_box(lua_State *L)
{
	const struct vmoon_ldbuf_box *box = lua_touserdata(L, 1);

	/* A light one has no length. */
	if (box == NULL || lua_rawlen(L, 1) != sizeof(*box) ||
	    box->kind != &kind)
		luaL_typeerror(L, 1, TYPE);
	return box;
}

static inline struct vmoon_ldbuf *check_buf(lua_State *L)
{
	const struct vmoon_ldbuf_box *box = check_box(L);
	struct vmoon_ldvirtio *v = box->obj->virtio;
	struct vmoon_ldbuf *buf;

	if (v != NULL) {
		buf = &v->queues[box->queue].bufs[box->index];
		if (buf->serial == box->serial &&
		    (buf->state == VMOON_LDBUF_HOOK ||
		     buf->state == VMOON_LDBUF_HELD))
			return buf;
	}
	luaL_error(L, "the buffer has gone back to the driver");
	return NULL;
}

/* luaL_optinteger, and quick where there is one. */
static inline lua_Integer opt_integer(lua_State *L, int arg,
				      lua_Integer without)
{
	int is_one;
	const lua_Integer value = lua_tointegerx(L, arg, &is_one);

	return is_one != 0 ? value : luaL_optinteger(L, arg, without);
}

/* How many bytes: all that are left when it is not said. */
static uint32_t check_len(lua_State *L, int arg, uint32_t left)
{
	const lua_Integer want = opt_integer(L, arg, left);

	luaL_argcheck(L, want >= 0, arg, "a length is at least 0");
	return want < (lua_Integer)left ? (uint32_t)want : left;
}

static int no_memory(lua_State *L)
{
	return luaL_error(L, "a part of the buffer is no memory of the guest");
}

/* check_buf has come first. */
static char *scratch_of(lua_State *L)
{
	const struct vmoon_ldbuf_box *box = lua_touserdata(L, 1);

	return box->obj->virtio->scratch;
}

/* ---- methods ---- */

/* buf:left(): bytes to read, bytes of room to write */
static int buf_left(lua_State *L)
{
	const struct vmoon_ldbuf *buf = check_buf(L);

	lua_pushinteger(L, buf->in.left);
	lua_pushinteger(L, buf->out.left);
	return 2;
}

/* buf:unpack(format): the integers of it, or nil: fewer bytes are left */
static int buf_unpack(lua_State *L)
{
	struct vmoon_ldbuf *buf = check_buf(L);
	const struct vmoon_ldbuf_box *box = lua_touserdata(L, 1);
	struct vmoon_ldnumbers *numbers = &box->obj->virtio->numbers;
	unsigned char bytes[VMOON_LDNUMBERS_BYTES + sizeof(uint64_t)];

	vmoon_ldnumbers_read(numbers, L, 2);
	if (numbers->size > buf->in.left) {
		lua_pushnil(L);
		return 1;
	}
	if (numbers->size > 0 &&
	    vmoon_cursor_read_exact(&buf->in, bytes, numbers->size) != VMOON_OK)
		return no_memory(L);
	memset(bytes + numbers->size, 0, sizeof(uint64_t));
	return vmoon_ldnumbers_push(numbers, L, bytes);
}

/* buf:read([len]): fewer bytes when fewer are left */
static int buf_read(lua_State *L)
{
	struct vmoon_ldbuf *buf = check_buf(L);
	const uint32_t len = check_len(L, 2, buf->in.left);
	luaL_Buffer b;
	char *to;

	charge(L, len);
	if (len <= VMOON_LDVIRTIO_SCRATCH) {
		to = scratch_of(L);
		if (len > 0 &&
		    vmoon_cursor_read_exact(&buf->in, to, len) != VMOON_OK)
			return no_memory(L);
		lua_pushlstring(L, to, len);
		return 1;
	}
	to = luaL_buffinitsize(L, &b, len);
	if (vmoon_cursor_read_exact(&buf->in, to, len) != VMOON_OK)
		return no_memory(L);
	luaL_pushresultsize(&b, len);
	return 1;
}

/* buf:skip([len]): how many bytes */
static int buf_skip(lua_State *L)
{
	struct vmoon_ldbuf *buf = check_buf(L);
	const uint32_t len = check_len(L, 2, buf->in.left);

	vmoon_cursor_skip(&buf->in, len);
	lua_pushinteger(L, (lua_Integer)len);
	return 1;
}

/* A part of the bytes, from first to last as string.sub has them. */
static const char *check_part(lua_State *L, size_t *out_len)
{
	size_t size;
	const char *bytes = luaL_checklstring(L, 2, &size);
	const lua_Integer len = (lua_Integer)size; /* a string's */
	lua_Integer first, last;

	*out_len = size;
	if (lua_gettop(L) == 2) /* most often */
		return bytes;
	first = opt_integer(L, 3, 1);
	last = opt_integer(L, 4, -1);
	if (first <= 0)
		first = first == 0 || first < -len ? 1 : len + first + 1;
	if (last < 0)
		last = last < -len ? 0 : len + last + 1;
	else if (last > len)
		last = len;
	*out_len = first > last ? 0 : (size_t)(last - first + 1);
	return first > last ? bytes : bytes + first - 1;
}

/* buf:write(bytes, [first, [last]]): how many there was room for */
static int buf_write(lua_State *L)
{
	struct vmoon_ldbuf *buf = check_buf(L);
	size_t len;
	const char *bytes = check_part(L, &len);

	if (len > buf->out.left)
		len = buf->out.left;
	charge(L, len);
	if (len > 0 &&
	    vmoon_cursor_write_exact(&buf->out, bytes, len) != VMOON_OK)
		return no_memory(L);
	lua_pushinteger(L, (lua_Integer)len);
	return 1;
}

/* buf:write_last(bytes): at the very end of what the driver gave to write */
static int buf_write_last(lua_State *L)
{
	struct vmoon_ldbuf *buf = check_buf(L);
	struct vmoon_cursor end = buf->out;
	size_t len;
	const char *bytes = luaL_checklstring(L, 2, &len);

	luaL_argcheck(L, len <= end.left, 2,
		      "there is no room for so many bytes");
	charge(L, len);
	vmoon_cursor_skip(&end, end.left - (uint32_t)len);
	if (len > 0 && vmoon_cursor_write_exact(&end, bytes, len) != VMOON_OK)
		return no_memory(L);
	/* The room before it is still there to be written. */
	buf->out.left -= (uint32_t)len;
	return 0;
}

static void new_box(lua_State *L, int meta, unsigned queue, unsigned index)
{
	struct vmoon_ldbuf_box *box = lua_newuserdatauv(L, sizeof(*box), 0);

	*box = (struct vmoon_ldbuf_box){&kind, vmoon_ldobj_of(L), 0, queue,
					index};
	lua_pushvalue(L, meta);
	lua_setmetatable(L, -2);
}

/* buf:later(): it does not go back when the hook returns */
static int buf_later(lua_State *L)
{
	const struct vmoon_ldbuf_box *box = check_box(L);
	struct vmoon_ldbuf *buf = check_buf(L);

	if (buf->state == VMOON_LDBUF_HELD)
		return 0;
	/* Before anything is changed: it may find no memory. */
	lua_settop(L, 1);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &boxes_key);
	VMOON_IGNORE(lua_getmetatable(L, 1) == 0); /* a box has one */
	new_box(L, 3, box->queue, box->index);
	lua_rawseti(L, 2, place_of(box->queue, box->index));
	buf->state = VMOON_LDBUF_HELD;
	return 0;
}

/* buf:done(): it goes back now */
static int buf_done(lua_State *L)
{
	const struct vmoon_ldbuf_box *box = check_box(L);
	struct vmoon_ldbuf *buf = check_buf(L);

	vmoon_ldvirtio_give_back(box->obj->virtio, buf);
	return 0;
}

/* ---- what it has ---- */

enum { HAS_READABLE = 1, HAS_WRITABLE = 2, HAS_QUEUE = 3 };

/* The rest of each part, and the queue's number, from 1 on. */
static int push_property(lua_State *L, lua_Integer which)
{
	const struct vmoon_ldbuf *buf = check_buf(L);

	switch (which) {
	case HAS_READABLE: lua_pushinteger(L, buf->in.left); break;
	case HAS_WRITABLE: lua_pushinteger(L, buf->out.left); break;
	default: lua_pushinteger(L, (lua_Integer)buf->queue + 1); break;
	}
	return 1;
}

/* Only Lua calls it, with a buffer and a key. Upvalue: methods, properties. */
static int buf_index(lua_State *L)
{
	lua_pushvalue(L, 2);
	switch (lua_rawget(L, lua_upvalueindex(1))) {
	case LUA_TFUNCTION: return 1;
	case LUA_TNUMBER: return push_property(L, lua_tointeger(L, 3));
	default: break;
	}
	return luaL_error(L, "a buffer has no '%s'",
			  lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2)
							: luaL_typename(L, 2));
}

static int buf_newindex(lua_State *L)
{
	return luaL_error(L, "a buffer's fields cannot be set");
}

static const luaL_Reg methods[] = {
	{"done", buf_done},   {"later", buf_later},
	{"left", buf_left},   {"read", buf_read},
	{"skip", buf_skip},   {"unpack", buf_unpack},
	{"write", buf_write}, {"write_last", buf_write_last},
	{NULL, NULL},
};

static const struct {
	const char *name;
	lua_Integer which;
} properties[] = {{"queue", HAS_QUEUE},
		  {"readable", HAS_READABLE},
		  {"writable", HAS_WRITABLE}};

/* ---- lists ---- */

/* The box of buf's place, which is for buf from now on. */
static void push_box(lua_State *L, int boxes, const struct vmoon_ldbuf *buf,
		     unsigned index)
{
	struct vmoon_ldbuf_box *box;

	lua_rawgeti(L, boxes, place_of(buf->queue, index));
	box = lua_touserdata(L, -1);
	box->serial = buf->serial;
}

static unsigned index_of(const struct vmoon_ldobj *obj,
			 const struct vmoon_ldbuf *buf)
{
	/* Below BUFFERS. */
	return (unsigned)(buf - obj->virtio->queues[buf->queue].bufs);
}

/*
 * hook, d, list: the table is the hook's, which may do to it what it likes;
 * made here, where it may find no memory.
 */
static int call_list(lua_State *L)
{
	const struct vmoon_ldbuf_list *list = lua_touserdata(L, 3);
	const struct vmoon_ldobj *obj = vmoon_ldobj_of(L);

	lua_settop(L, 2);
	lua_createtable(L, (int)list->n, 0); /* BUFFERS at most */
	for (size_t i = 0; i < list->n; i++) {
		push_box(L, lua_upvalueindex(1), list->bufs[i],
			 index_of(obj, list->bufs[i]));
		lua_rawseti(L, 3, (lua_Integer)i + 1);
	}
	lua_pushinteger(L, (lua_Integer)list->n);
	lua_call(L, 3, 0);
	return 0;
}

void vmoon_ldbuf_push_caller(lua_State *L, const struct vmoon_ldcode *code)
{
	lua_rawgeti(L, code->extra, VMOON_LDBUF_CALL_LIST);
}

void vmoon_ldbuf_push(lua_State *L, const struct vmoon_ldcode *code,
		      const struct vmoon_ldbuf *buf)
{
	push_box(L, code->extra, buf, index_of(vmoon_ldobj_of(L), buf));
}

/* ---- making them ---- */

void vmoon_ldbuf_push_methods(lua_State *L)
{
	luaL_newlib(L, methods);
}

/* The metatable is on the top. */
static void fill_metatable(lua_State *L)
{
	const int meta = lua_gettop(L);

	lua_pushliteral(L, TYPE);
	lua_setfield(L, meta, "__name");
	lua_pushliteral(L, "locked");
	lua_setfield(L, meta, "__metatable");
	lua_pushcfunction(L, buf_newindex);
	lua_setfield(L, meta, "__newindex");
	vmoon_ldbuf_push_methods(L);
	for (size_t i = 0; i < VMOON_COUNTOF(properties); i++) {
		lua_pushinteger(L, properties[i].which);
		lua_setfield(L, -2, properties[i].name);
	}
	lua_pushcclosure(L, buf_index, 1);
	lua_setfield(L, meta, "__index");
}

void vmoon_ldbuf_open(lua_State *L, int idx, size_t queues)
{
	const int boxes = lua_absindex(L, idx);
	int meta;

	lua_pushvalue(L, boxes);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &boxes_key);
	lua_createtable(L, 0, 4);
	meta = lua_gettop(L);
	fill_metatable(L);
	for (size_t i = 0; i < queues * VMOON_LDVIRTIO_BUFFERS; i++) {
		new_box(L, meta, (unsigned)(i / VMOON_LDVIRTIO_BUFFERS),
			(unsigned)(i % VMOON_LDVIRTIO_BUFFERS));
		lua_rawseti(L, boxes, (lua_Integer)i + 1);
	}
	lua_pushvalue(L, boxes);
	lua_pushcclosure(L, call_list, 1);
	lua_rawseti(L, boxes, VMOON_LDBUF_CALL_LIST);
	lua_pop(L, 1);
}
