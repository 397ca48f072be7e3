/* SPDX-License-Identifier: MIT */
/* test_ldfile.c - a device file that is only checked. */
#include "bindings/ldfile.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bindings/lmod.h"
#include "bindings/lresult.h"
#include "tests/support/fixture.h"

#define HEAD                                                        \
	"local dev = require \"vmoon.device\"\nreturn dev.mmio {\n" \
	"  name = \"x\", size = 64, registers = { R = { at = 0 } },\n"

struct rig {
	lua_State *L;
	char path[32];
};

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	strcpy(r->path, "/tmp/vmoon-ldfile-XXXXXX");
	close(mkstemp(r->path));
	r->L = luaL_newstate();
	assert_non_null(r->L);
	luaL_openlibs(r->L);
	luaL_requiref(r->L, "vmoon", luaopen_vmoon, 0);
	lua_pop(r->L, 1);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	lua_close(r->L);
	unlink(r->path);
	free(r);
	return 0;
}

/* The error as text, borrowed from the state; NULL: it is good. */
static const char *check(struct rig *r, const char *text)
{
	FILE *file = fopen(r->path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	lua_settop(r->L, 0);
	lua_pushcfunction(r->L, vmoon_ldfile_check);
	lua_pushstring(r->L, r->path);
	if (lua_pcall(r->L, 1, 0, 0) == LUA_OK)
		return NULL;
	assert_true(vmoon_lresult_is_error(r->L, 1));
	return luaL_tolstring(r->L, 1, NULL);
}

static void assert_says(const char *text, const char *part)
{
	assert_non_null(text);
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, text);
}

static void test_ldfile__what_is_right_is_checked_twice_alike(void **state)
{
	assert_null(check(*state, HEAD "}"));
	assert_null(check(*state, HEAD "}"));
}

static void test_ldfile__a_parameter_that_must_be_given_is_none(void **state)
{
	assert_null(check(*state,
			  HEAD "  params = { hz = { type = \"integer\" } } }"));
}

static void test_ldfile__all_mistakes_have_their_places(void **state)
{
	static const char text[] =
		HEAD "  params = { hz = { type = \"integer\", min = true } },\n"
		     "  irqq = \"level\",\n}";
	const char *said = check(*state, text);

	assert_says(said, "2 problems in device '/tmp/vmoon-ldfile-");
	assert_says(said, ":4:45: params.hz.min: ");
	assert_says(said, ":5:3: irqq: unknown field \"irqq\"\n");
	assert_says(said, "hint: did you mean \"irq\"?");
	assert_null(check(*state, HEAD "}"));
}

static void test_ldfile__a_file_that_fails_says_where(void **state)
{
	assert_says(check(*state, "x"), ":1:");
	assert_says(check(*state, "\nerror(\"oops\")"), ":2: oops");
	assert_says(check(*state, "while true do end"), "budget");
	assert_says(check(*state, "return 5"), "dev.mmio");
}

static void test_ldfile__a_file_that_is_not_there(void **state)
{
	struct rig *r = *state;

	lua_pushcfunction(r->L, vmoon_ldfile_check);
	lua_pushliteral(r->L, "/none/such.lua");
	assert_int_not_equal(lua_pcall(r->L, 1, 0, 0), LUA_OK);
	assert_says(luaL_tolstring(r->L, -1, NULL), "/none/such.lua");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	TEST(test_ldfile__what_is_right_is_checked_twice_alike),
	TEST(test_ldfile__a_parameter_that_must_be_given_is_none),
	TEST(test_ldfile__all_mistakes_have_their_places),
	TEST(test_ldfile__a_file_that_fails_says_where),
	TEST(test_ldfile__a_file_that_is_not_there),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
