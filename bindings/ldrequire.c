/* SPDX-License-Identifier: MIT */
/*
 * ldrequire.c - require of a device's state: modules that its owner set, and
 * text files of the device's own folder, while it is loaded. A name is a file
 * right there: no separators and no links, so nothing leads out of it.
 */
#include "ldlib_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ldlib.h"

enum { PATH_BYTES_MAX = 4096 };

/* Name -> what require returns; while its file runs: this function. */
static const char modules_key;

static int requires_itself(lua_State *L)
{
	return luaL_error(L, "module '%s' requires itself", lua_tostring(L, 1));
}

static void push_modules(lua_State *L)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &modules_key) == LUA_TTABLE)
		return;
	lua_pop(L, 1);
	lua_createtable(L, 0, 4);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &modules_key);
}

void vmoon_ldlib_set_module(lua_State *L, const char *name)
{
	push_modules(L);
	lua_insert(L, -2);
	lua_setfield(L, -2, name);
	lua_pop(L, 1);
}

static bool is_plain_name(const char *name, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";

	return len > 0 && strspn(name, letters) == len;
}

ssize_t vmoon_ldlib_read_file(const char *path, int flags, char *out,
			      const char **out_problem)
{
	/* A pipe would make it wait. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
	struct stat st = {0};
	ssize_t len = 0, n = 1;

	if (fd < 0) {
		*out_problem = errno == ELOOP ? "a link" : strerror(errno);
		return -1;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		*out_problem = S_ISDIR(st.st_mode)
				       ? "it is a directory; name the file in "
					 "it"
				       : "not a file";
		(void)close(fd);
		return -1;
	}
	while (n > 0 && len <= VMOON_LDLIB_FILE_MAX) {
		n = read(fd, out + len,
			 (size_t)(VMOON_LDLIB_FILE_MAX + 1 - len));
		len += n > 0 ? n : 0;
	}
	*out_problem =
		n < 0 ? strerror(errno) : "more than 1 MiB is no device's code";
	(void)close(fd);
	return n < 0 || len > VMOON_LDLIB_FILE_MAX ? -1 : len;
}

void vmoon_ldlib_skip_mark(const char **text, size_t *len)
{
	static const char mark[] = "\xef\xbb\xbf";

	if (*len < sizeof(mark) - 1 ||
	    memcmp(*text, mark, sizeof(mark) - 1) != 0)
		return;
	*text += sizeof(mark) - 1;
	*len -= sizeof(mark) - 1;
}

/* Leaves the file's function on the top. */
static void load_file(lua_State *L, const char *name)
{
	char path[PATH_BYTES_MAX];
	const char *folder = vmoon_ldguard_folder(L), *problem = NULL;
	const char *code;
	size_t code_len;
	ssize_t len;
	char *text;
	int n;

	if (folder == NULL)
		luaL_error(L,
			   "module '%s' not found: a device without a "
			   "folder has no other files",
			   name);
	n = snprintf(path, sizeof(path), "%s/%s.lua", folder, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		luaL_error(L, "module '%s': its path is too long", name);
	text = lua_newuserdatauv(L, VMOON_LDLIB_FILE_MAX + 1, 0);
	len = vmoon_ldlib_read_file(path, O_NOFOLLOW, text, &problem);
	if (len < 0)
		luaL_error(L, "module '%s' (%s): %s", name, path, problem);
	code = text;
	code_len = (size_t)len; /* not negative */
	vmoon_ldlib_skip_mark(&code, &code_len);
	lua_pushfstring(L, "@%s", path);
	vmoon_ldstate_load(L, code, code_len, lua_tostring(L, -1));
	lua_replace(L, -3);
	lua_pop(L, 1);
}

/* 1 is the name, 2 the modules. */
static void set_loading(lua_State *L, bool is_loading)
{
	lua_pushvalue(L, 1);
	if (is_loading)
		lua_pushcfunction(L, requires_itself);
	else
		lua_pushnil(L);
	lua_rawset(L, 2);
}

int vmoon_ldlib_require(lua_State *L)
{
	size_t len;
	const char *name = luaL_checklstring(L, 1, &len);

	lua_settop(L, 1);
	push_modules(L);
	lua_pushvalue(L, 1);
	if (lua_rawget(L, 2) != LUA_TNIL) {
		if (lua_tocfunction(L, -1) == requires_itself)
			return requires_itself(L);
		return 1;
	}
	lua_pop(L, 1);
	if (!is_plain_name(name, len))
		return luaL_error(L,
				  "module '%s' not found: a device's files "
				  "have names of letters, digits, _ and -",
				  name);
	if (!vmoon_ldguard_may_read(L))
		return luaL_error(L,
				  "module '%s': files can be loaded only "
				  "while the device is",
				  name);
	load_file(L, name);
	set_loading(L, true);
	lua_pushvalue(L, 1);
	if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
		set_loading(L, false);
		return lua_error(L);
	}
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushboolean(L, 1);
	}
	lua_pushvalue(L, 1);
	lua_pushvalue(L, -2);
	lua_rawset(L, 2);
	return 1;
}
