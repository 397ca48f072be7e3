/* SPDX-License-Identifier: MIT */
/* test_ldpack.c - plain data goes through bytes and comes back; nothing else
 * does, in neither direction. */
#include "bindings/ldpack.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fixture.h"
#include "vmoon/le.h"

enum { WHY_MAX = VMOON_LDPACK_PATH_MAX + 64 };

/* A heap that ends after some allocations. */
struct rig {
	lua_State *L;
	long left; /* -1: no end */
	unsigned char buf[65536];
	char why[WHY_MAX];
};

static void *allocate(void *ctx, void *block, size_t old_size, size_t new_size)
{
	struct rig *r = ctx;

	(void)old_size;
	if (new_size == 0) {
		free(block);
		return NULL;
	}
	if (r->left == 0)
		return NULL;
	if (r->left > 0)
		r->left--;
	return realloc(block, new_size);
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->left = -1;
	r->L = lua_newstate(allocate, r);
	assert_non_null(r->L);
	luaL_openlibs(r->L);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	lua_close(r->L);
	free(r);
	return 0;
}

/* The value of an expression, alone on the stack. */
static void push(struct rig *r, const char *expression)
{
	lua_settop(r->L, 0);
	lua_pushfstring(r->L, "return %s", expression);
	assert_int_equal(luaL_dostring(r->L, lua_tostring(r->L, 1)), LUA_OK);
	lua_remove(r->L, 1);
	assert_int_equal(lua_gettop(r->L), 1);
}

static size_t pack(struct rig *r, const char *expression)
{
	size_t len, counted;

	push(r, expression);
	strcpy(r->why, "untouched");
	len = vmoon_ldpack(r->L, 1, r->buf, sizeof(r->buf), "state", r->why);
	assert_int_equal(lua_gettop(r->L), 1);
	counted = vmoon_ldpack(r->L, 1, NULL, 0, "state", r->why);
	assert_int_equal(counted, len);
	return len;
}

static const char *const deep_equal =
	"local function same(a, b)\n"
	"  if math.type(a) ~= math.type(b) then return false end\n"
	"  if type(a) ~= 'table' or type(b) ~= 'table' then\n"
	"    return rawequal(a, b) or (a ~= a and b ~= b)\n"
	"  end\n"
	"  for k, v in next, a do\n"
	"    if not same(v, rawget(b, k)) then return false end\n"
	"  end\n"
	"  for k in next, b do if rawget(a, k) == nil then return false end "
	"end\n"
	"  return true\n"
	"end\n"
	"return same(...)";

static void test_ldpack__values_come_back(void **state)
{
	static const char *const values[] = {
		"nil",
		"true",
		"false",
		"0",
		"-1",
		"math.maxinteger",
		"math.mininteger",
		"0.5",
		"-0.0",
		"1/0",
		"0/0",
		"1.0",
		"''",
		"'a\\0b\\xff'",
		"{}",
		"{ 1, 2, 3 }",
		"{ [5] = 'x', [-1] = 'y', [0] = true }",
		"{ a = { b = { c = {} } }, d = false, ['odd key'] = 1 }",
		"{ base = 0.0, running = false, list = { 'x', { 1.5 } } }",
		("(function() local t = {} for i = 1, 300 do "
		 "t[i * 7 % 301] = i t['k' .. i] = i end return t end)()"),
	};
	struct rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(values); i++) {
		const size_t len = pack(r, values[i]);

		assert_true(len > 0);
		assert_string_equal(r->why, "untouched");
		assert_int_equal(luaL_loadstring(r->L, deep_equal), LUA_OK);
		lua_insert(r->L, 1);
		assert_true(vmoon_ldunpack(r->L, r->buf, len));
		assert_int_equal(lua_gettop(r->L), 3);
		lua_call(r->L, 2, 1);
		assert_true(lua_toboolean(r->L, -1));
	}
}

static void test_ldpack__equal_data_make_equal_bytes(void **state)
{
	struct rig *r = *state;
	unsigned char first[4096];
	const size_t len = pack(r, "{ b = 1, a = 2, [1] = 3, [-4] = 5 }");

	memcpy(first, r->buf, len);
	assert_int_equal(pack(r, "(function() local t = { [-4] = 5 } t.x = 1 "
				 "t.a = 2 t[1] = 3 t.b = 1 t.x = nil return t "
				 "end)()"),
			 len);
	assert_memory_equal(first, r->buf, len);
}

static void test_ldpack__the_bytes_are_as_documented(void **state)
{
	static const unsigned char bytes[] = {
		6, 2, 0, 0, 0,                    /* two pairs */
		3, 1, 0, 0, 0, 0,   0,   0, 0, 2, /* [1] = true */
		5, 2, 0, 0, 0, 'h', 'i', 4, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f};
	struct rig *r = *state;

	assert_int_equal(pack(r, "{ true, hi = 0.5 }"), sizeof(bytes));
	assert_memory_equal(r->buf, bytes, sizeof(bytes));
}

/* What a list has, in whatever order, are no such keys. */
static void test_ldpack__far_keys_are_few(void **state)
{
	const size_t n = 16384;
	struct rig *r = *state;
	unsigned char *bytes;
	size_t len;

	push(r, "(function() local t = {} for i = 1, 20000 do t[i] = true end "
		"for i = 1, 16384 do t[i << 30] = true end return t end)()");
	len = vmoon_ldpack(r->L, 1, NULL, 0, "state", r->why);
	assert_int_equal(len, 5 + (20000 + n) * 10);
	bytes = malloc(len + 10);
	assert_non_null(bytes);
	assert_int_equal(vmoon_ldpack(r->L, 1, bytes, len, "state", r->why),
			 len);
	assert_true(vmoon_ldunpack(r->L, bytes, len));
	assert_int_equal(lua_gettop(r->L), 2);
	lua_settop(r->L, 0);
	/* One more of them, in bytes that packing would not make. */
	vmoon_le32_store(bytes + 1, (uint32_t)(20000 + n + 1));
	memcpy(bytes + len, bytes + len - 10, 10);
	vmoon_le64_store(bytes + len + 1, (uint64_t)(n + 1) << 30);
	assert_false(vmoon_ldunpack(r->L, bytes, len + 10));
	assert_int_equal(lua_gettop(r->L), 0);
	free(bytes);
}

static void test_ldpack__what_is_no_plain_data_is_named(void **state)
{
	static const struct {
		const char *value, *why;
	} rows[] = {
		{"print", "state: a function cannot be saved"},
		{"{ cache = { fn = print } }",
		 "state.cache.fn: a function cannot be saved"},
		{"{ { 1, { io.stdout } } }",
		 "state.1.2.1: a userdata cannot be saved"},
		{"{ co = coroutine.create(print) }",
		 "state.co: a thread cannot be saved"},
		{"{ t = { [true] = 1 } }",
		 "state.t: a boolean as a key cannot be saved"},
		{"{ t = { [1.5] = 1 } }",
		 "state.t: a number as a key cannot be saved"},
		{"{ t = { [{}] = 1 } }",
		 "state.t: a table as a key cannot be saved"},
		{"{ ['a b'] = { ['\\27\"x'] = print } }",
		 "state['a b']['\\x1b\\x22x']: a function cannot be saved"},
		{"(function() local t = { a = {} } t.a.up = t return t end)()",
		 "state.a.up: a table that contains itself cannot be saved"},
		{"(function() local t = {} t.me = t return t end)()",
		 "state.me: a table that contains itself cannot be saved"},
		{"(function() local t = {} for i = 1, 16 do t = { t } end "
		 "return t end)()",
		 "state.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1: tables that are "
		 "nested more than 16 deep cannot be saved"},
		{"{ q = { setmetatable({ a = 1 }, { __metatable = error, "
		 "__pairs = error, __index = error, __len = error }) } }",
		 "state.q.1: a table with a metatable cannot be saved"},
		{"(function() local t = {} for i = 1, 16385 do "
		 "t[i * 1000000] = 1 end return { a = t } end)()",
		 "state.a.16385000000: more than 16384 integer keys that are "
		 "not 1 to n cannot be saved"},
		{"{ big = ('x'):rep(5 << 20) }",
		 "state.big: it is larger than 4 MiB"},
		{"(function() local t = { ('x'):rep(1000) } for i = 1, 15 do "
		 "t = { t, t, t, t } end return t end)()",
		 "state.1.1.1.1.1.4.1.2.3.4.1.2.4.1.3.1: it is larger than "
		 "4 MiB"},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		push(r, rows[i].value);
		assert_int_equal(
			vmoon_ldpack(r->L, 1, NULL, 0, "state", r->why), 0);
		if (i + 1 < VMOON_COUNTOF(rows))
			assert_string_equal(r->why, rows[i].why);
		else
			assert_non_null(strstr(r->why, "larger than 4 MiB"));
		assert_int_equal(lua_gettop(r->L), 1);
	}
}

static void test_ldpack__a_long_path_is_cut(void **state)
{
	struct rig *r = *state;

	push(r, "{ [('k'):rep(200)] = { a = 1, b = { c = 2 }, x = print } }");
	assert_int_equal(vmoon_ldpack(r->L, 1, NULL, 0, "state", r->why), 0);
	assert_true(strlen(r->why) < WHY_MAX);
	assert_non_null(strstr(r->why, "kkk...: a function cannot be saved"));
}

static void test_ldpack__a_small_buffer_is_never_overrun(void **state)
{
	struct rig *r = *state;
	const size_t len = pack(r, "{ a = 1, b = { 'xyz', 0.5, true } }");

	for (size_t cap = 0; cap < len; cap++) {
		unsigned char *exact = malloc(cap + 1);

		assert_non_null(exact);
		exact[cap] = 0xa5;
		assert_int_equal(
			vmoon_ldpack(r->L, 1, exact, cap, "state", r->why), 0);
		assert_non_null(strstr(r->why, ": there is no room for it"));
		assert_int_equal(exact[cap], 0xa5);
		free(exact);
	}
	assert_int_equal(vmoon_ldpack(r->L, 1, r->buf, len, "s", r->why), len);
}

/* 4^13 tables when each is counted by itself; in a hook nothing could stop it.
 */
static void test_ldpack__counting_ends_with_what_there_is_room_for(void **state)
{
	struct rig *r = *state;

	push(r, "(function() local t = 'x' for _ = 1, 13 do t = { t, t, t, t } "
		"end return t end)()");
	assert_int_equal(vmoon_ldpack(r->L, 1, NULL, 1000, "x", r->why), 1001);
	push(r, "(function() local t = {} for i = 1, 1000 do t[i] = i end "
		"t[1001] = print return t end)()");
	assert_int_equal(vmoon_ldpack(r->L, 1, NULL, 1000, "x", r->why), 1001);
	assert_int_equal(vmoon_ldpack(r->L, 1, NULL, 100000, "x", r->why), 0);
	assert_string_equal(r->why, "x.1001: a function cannot be saved");
	push(r, "('x'):rep(95)"); /* 5 bytes before it */
	assert_int_equal(vmoon_ldpack(r->L, 1, NULL, 100, "x", r->why), 100);
	assert_int_equal(vmoon_ldpack(r->L, 1, NULL, 99, "x", r->why), 100);
	assert_int_equal(vmoon_ldpack(r->L, 1, NULL, 50, "x", r->why), 51);
	assert_int_equal(lua_gettop(r->L), 1);
}

static void test_ldpack__packing_raises_never_without_memory(void **state)
{
	struct rig *r = *state;

	push(r, "(function() local t = {} for i = 1, 5000 do t[-i] = i end "
		"return { t = t } end)()");
	lua_gc(r->L, LUA_GCSTOP);
	r->left = 0;
	/* Not in a protected call: an error would be the end of the process. */
	assert_int_equal(vmoon_ldpack(r->L, 1, NULL, 0, "state", r->why), 0);
	assert_string_equal(r->why, "state.t: not enough memory to save it");
	r->left = -1;
	assert_int_not_equal(vmoon_ldpack(r->L, 1, NULL, 0, "state", r->why),
			     0);
	assert_int_equal(lua_gettop(r->L), 1);
}

static int unpack_protected(lua_State *L)
{
	const struct rig *r = lua_touserdata(L, 1);

	lua_pushboolean(L,
			vmoon_ldunpack(L, r->buf, (size_t)lua_tointeger(L, 2)));
	return 1;
}

static void test_ldpack__unpacking_may_run_out_of_memory_anywhere(void **state)
{
	struct rig *r = *state;
	const size_t len =
		pack(r, "{ a = { 1, 2, { 'x' } }, b = ('y'):rep(99) }");
	int status = LUA_ERRMEM;
	long n;

	lua_settop(r->L, 0);
	for (n = 0; n < 100 && status != LUA_OK; n++) {
		lua_pushcfunction(r->L, unpack_protected);
		lua_pushlightuserdata(r->L, r);
		lua_pushinteger(r->L, (lua_Integer)len);
		r->left = n;
		status = lua_pcall(r->L, 2, 1, 0);
		r->left = -1;
		assert_true(status == LUA_OK || status == LUA_ERRMEM);
		lua_settop(r->L, 0);
	}
	assert_int_equal(status, LUA_OK);
	assert_true(n > 3);
}

static void test_ldpack__bytes_that_packing_never_makes_are_refused(
	void **state)
{
	static const struct {
		size_t len;
		unsigned char bytes[32];
	} rows[] = {
		{0, {0}},
		{1, {7}},
		{2, {1, 1}},                             /* a byte too many */
		{8, {3, 0, 0, 0, 0, 0, 0, 0}},           /* cut */
		{5, {5, 1, 0, 0, 0}},                    /* cut */
		{5, {5, 0xff, 0xff, 0xff, 0xff}},        /* far too long */
		{5, {6, 0xff, 0xff, 0xff, 0xff}},        /* too many pairs */
		{11, {6, 1, 0, 0, 0, 5, 0, 0, 0, 0, 0}}, /* a nil in a table */
		{7, {6, 1, 0, 0, 0, 1, 1}},              /* a boolean key */
		/* the same key twice */
		{17, {6, 2, 0, 0, 0, 5, 0, 0, 0, 0, 1, 5, 0, 0, 0, 0, 1}},
		/* a string before an integer */
		{21, {6, 2, 0, 0, 0, 5, 0, 0, 0, 0, 1,
		      3, 1, 0, 0, 0, 0, 0, 0, 0, 1}},
	};
	struct rig *r = *state;

	lua_settop(r->L, 0);
	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		assert_false(vmoon_ldunpack(r->L, rows[i].bytes, rows[i].len));
		assert_int_equal(lua_gettop(r->L), 0);
	}
}

static void test_ldpack__depth_of_bytes_is_bounded(void **state)
{
	struct rig *r = *state;
	size_t len = 0;

	for (int i = 0; i < 4000; i++) { /* { [""] = { [""] = ... */
		static const unsigned char level[] = {6, 1, 0, 0, 0,
						      5, 0, 0, 0, 0};

		memcpy(r->buf + len, level, sizeof(level));
		len += sizeof(level);
	}
	r->buf[len++] = 1;
	assert_false(vmoon_ldunpack(r->L, r->buf, len));
}

/* Whatever is taken packs into the same bytes again. */
static void test_ldpack__changed_bytes_are_taken_whole_or_not(void **state)
{
	struct rig *r = *state;
	const size_t len = pack(r, "{ 1, 'two', { x = 0.5, y = { true } }, "
				   "[-7] = '', z = { { { 'deep' } } } }");
	unsigned char seed[512], out[512];
	uint64_t x = 88172645463325252u;
	unsigned taken = 0;

	assert_true(len < sizeof(seed));
	memcpy(seed, r->buf, len);
	for (int step = 0; step < 200000; step++) {
		size_t n = len;

		memcpy(r->buf, seed, len);
		for (unsigned i = 0; i < 1 + (x & 3); i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			r->buf[x % len] = (unsigned char)(x >> 32) &
					  (x & 1u << 20 ? 0xff : 7);
		}
		if ((x >> 40 & 7) == 0)
			n = (size_t)(x >> 44) % len;
		lua_settop(r->L, 0);
		if (!vmoon_ldunpack(r->L, r->buf, n)) {
			assert_int_equal(lua_gettop(r->L), 0);
			continue;
		}
		taken++;
		assert_int_equal(
			vmoon_ldpack(r->L, 1, out, sizeof(out), "s", r->why),
			n);
		assert_memory_equal(out, r->buf, n);
	}
	assert_true(taken > 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	TEST(test_ldpack__values_come_back),
	TEST(test_ldpack__equal_data_make_equal_bytes),
	TEST(test_ldpack__the_bytes_are_as_documented),
	TEST(test_ldpack__far_keys_are_few),
	TEST(test_ldpack__what_is_no_plain_data_is_named),
	TEST(test_ldpack__a_long_path_is_cut),
	TEST(test_ldpack__a_small_buffer_is_never_overrun),
	TEST(test_ldpack__counting_ends_with_what_there_is_room_for),
	TEST(test_ldpack__packing_raises_never_without_memory),
	TEST(test_ldpack__unpacking_may_run_out_of_memory_anywhere),
	TEST(test_ldpack__bytes_that_packing_never_makes_are_refused),
	TEST(test_ldpack__depth_of_bytes_is_bounded),
	TEST(test_ldpack__changed_bytes_are_taken_whole_or_not),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
