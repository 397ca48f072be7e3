/* SPDX-License-Identifier: MIT */
/* ldvirtio_buf.c - a request of a queue as a hook of a device sees it. */
#include <lauxlib.h>
#include <string.h>

#include "ldguard.h"
#include "ldvirtio_parts.h"

#define TYPE "vmoon.buffer"
enum { BYTES_A_STEP = 64 }; /* of a copy, as the budget counts it */

/* Where the registry has the boxes, and the list of them. */
static const char keys[VMOON_LDVIRTIO_BUFFERS], list_key;

static struct vmoon_ldbuf_box *check_box(lua_State *L)
{
	struct vmoon_ldbuf_box *box = luaL_checkudata(L, 1, TYPE);

	if (box->virtio == NULL || box->buf->state == VMOON_LDBUF_FREE ||
	    box->buf->state == VMOON_LDBUF_LOADED)
		luaL_error(L, "the buffer has gone back to the driver");
	return box;
}

/* How many bytes: all that are left when it is not said. */
static size_t check_len(lua_State *L, int arg, size_t left)
{
	const lua_Integer want =
		luaL_optinteger(L, arg, (lua_Integer)left); /* below 2^32 */

	luaL_argcheck(L, want >= 0, arg, "a length is at least 0");
	return (lua_Unsigned)want < left ? (size_t)want : left;
}

static int no_memory(lua_State *L)
{
	return luaL_error(L, "a part of the buffer is no memory of the guest");
}

/* buf:read([len]): fewer bytes when fewer are left */
static int buf_read(lua_State *L)
{
	struct vmoon_ldbuf *buf = check_box(L)->buf;
	const size_t len = check_len(L, 2, buf->in.left);
	luaL_Buffer b;
	char *to;

	vmoon_ldguard_charge(L, len / BYTES_A_STEP + 1);
	to = luaL_buffinitsize(L, &b, len);
	if (len > 0 && vmoon_cursor_read_exact(&buf->in, to, len) != VMOON_OK)
		return no_memory(L);
	luaL_pushresultsize(&b, len);
	return 1;
}

/* buf:skip([len]): how many bytes */
static int buf_skip(lua_State *L)
{
	struct vmoon_ldbuf *buf = check_box(L)->buf;
	const size_t len = check_len(L, 2, buf->in.left);

	vmoon_cursor_skip(&buf->in, (uint32_t)len); /* at most left */
	lua_pushinteger(L, (lua_Integer)len);
	return 1;
}

/* buf:write(bytes): how many there was room for */
static int buf_write(lua_State *L)
{
	struct vmoon_ldbuf *buf = check_box(L)->buf;
	size_t len;
	const char *bytes = luaL_checklstring(L, 2, &len);

	if (len > buf->out.left)
		len = buf->out.left;
	vmoon_ldguard_charge(L, len / BYTES_A_STEP + 1);
	if (len > 0 &&
	    vmoon_cursor_write_exact(&buf->out, bytes, len) != VMOON_OK)
		return no_memory(L);
	lua_pushinteger(L, (lua_Integer)len);
	return 1;
}

/* buf:write_last(bytes): at the very end of what the driver gave to write */
static int buf_write_last(lua_State *L)
{
	struct vmoon_ldbuf *buf = check_box(L)->buf;
	struct vmoon_cursor end = buf->out;
	size_t len;
	const char *bytes = luaL_checklstring(L, 2, &len);

	luaL_argcheck(L, len <= end.left, 2,
		      "there is no room for so many bytes");
	vmoon_ldguard_charge(L, len / BYTES_A_STEP + 1);
	vmoon_cursor_skip(&end, end.left - (uint32_t)len);
	if (len > 0 && vmoon_cursor_write_exact(&end, bytes, len) != VMOON_OK)
		return no_memory(L);
	/* The room before it is still there to be written. */
	buf->out.left -= (uint32_t)len;
	return 0;
}

/* buf:later(): it does not go back when the hook returns */
static int buf_later(lua_State *L)
{
	check_box(L)->buf->state = VMOON_LDBUF_HELD;
	return 0;
}

/* buf:done(): it goes back now */
static int buf_done(lua_State *L)
{
	struct vmoon_ldbuf_box *box = check_box(L);

	vmoon_ldvirtio_give_back(box->virtio, box->buf);
	return 0;
}

/* The rest of each part, and the queue's number, from 1 on. */
static int buf_index(lua_State *L)
{
	const char *key = luaL_checkstring(L, 2);

	if (strcmp(key, "readable") == 0)
		lua_pushinteger(L, check_box(L)->buf->in.left);
	else if (strcmp(key, "writable") == 0)
		lua_pushinteger(L, check_box(L)->buf->out.left);
	else if (strcmp(key, "queue") == 0)
		lua_pushinteger(L, (lua_Integer)check_box(L)->buf->queue + 1);
	else if (lua_pushvalue(L, 2),
		 lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL)
		return luaL_error(L, "a buffer has no '%s'", key);
	return 1;
}

static const luaL_Reg methods[] = {
	{"done", buf_done},   {"later", buf_later},
	{"read", buf_read},   {"skip", buf_skip},
	{"write", buf_write}, {"write_last", buf_write_last},
	{NULL, NULL},
};

void vmoon_ldbuf_open(lua_State *L)
{
	luaL_newmetatable(L, TYPE);
	luaL_newlib(L, methods);
	lua_pushcclosure(L, buf_index, 1);
	lua_setfield(L, -2, "__index");
	lua_pushliteral(L, "locked");
	lua_setfield(L, -2, "__metatable");
	lua_createtable(L, VMOON_LDVIRTIO_BUFFERS, 0);
	for (int i = 0; i < VMOON_LDVIRTIO_BUFFERS; i++) {
		struct vmoon_ldbuf_box *box =
			lua_newuserdatauv(L, sizeof(*box), 0);

		*box = (struct vmoon_ldbuf_box){NULL, NULL};
		lua_pushvalue(L, -3);
		lua_setmetatable(L, -2);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, i + 1); /* the list's room */
		lua_rawsetp(L, LUA_REGISTRYINDEX, &keys[i]);
	}
	lua_rawsetp(L, LUA_REGISTRYINDEX, &list_key);
	lua_pop(L, 1);
}

void vmoon_ldbuf_push(lua_State *L, struct vmoon_ldvirtio *v, size_t i)
{
	struct vmoon_ldbuf_box *box;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &keys[i]);
	box = lua_touserdata(L, -1);
	box->virtio = v;
	box->buf = &v->bufs[i];
}

/* Its places are there already: setting them asks for no memory. */
void vmoon_ldbuf_push_list(lua_State *L, struct vmoon_ldvirtio *v,
			   const unsigned char *which, size_t n)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &list_key);
	for (size_t i = 0; i < VMOON_LDVIRTIO_BUFFERS; i++) {
		if (i < n)
			vmoon_ldbuf_push(L, v, which[i]);
		else
			lua_pushnil(L);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_pushinteger(L, (lua_Integer)n);
}
