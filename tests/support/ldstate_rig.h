/* SPDX-License-Identifier: MIT */
/* ldstate_rig.h - a device's state with its watchdog, for tests. */
#ifndef VMOON_TESTS_LDSTATE_RIG_H
#define VMOON_TESTS_LDSTATE_RIG_H

#include <string.h>

#include "bindings/ldstate.h"
#include "tests/support/fixture.h"

struct ldstate_rig {
	struct vmoon_watchdog *dog; /* owned */
	struct vmoon_ldstate *s;    /* owned */
	lua_State *L;
	struct vmoon_error err;
};

static inline void rig_open(struct ldstate_rig *r,
			    struct vmoon_ldstate_options opts)
{
	memset(r, 0, sizeof(*r));
	assert_ok(vmoon_watchdog_create(NULL, &r->dog, &r->err), &r->err);
	opts.watchdog = r->dog;
	assert_ok(vmoon_ldstate_create(&opts, &r->s, &r->err), &r->err);
	r->L = vmoon_ldstate_lua(r->s);
}

static inline void rig_close(struct ldstate_rig *r)
{
	vmoon_ldstate_destroy(r->s);
	vmoon_watchdog_destroy(r->dog);
}

/* For vmoon_ldstate_run: the chunk's results. */
static inline int rig_chunk(lua_State *L)
{
	const char *text = lua_touserdata(L, 1);

	lua_settop(L, 0);
	vmoon_ldstate_load(L, text, strlen(text), "=test");
	lua_call(L, 0, LUA_MULTRET);
	return lua_gettop(L);
}

/* A literal: run only reads it. */
static inline enum vmoon_status rig_try(struct ldstate_rig *r, const char *text)
{
	return vmoon_ldstate_run(
		r->s, rig_chunk, (void *)(uintptr_t)text,
		VMOON_LDSTATE_BUDGET_NS * VMOON_LDSTATE_LOAD_FACTOR, &r->err);
}

/* The text's own asserts are the test. */
static inline void rig_run(struct ldstate_rig *r, const char *text)
{
	assert_ok(rig_try(r, text), &r->err);
	lua_settop(r->L, 0);
}

static inline void rig_fails(struct ldstate_rig *r, const char *text,
			     enum vmoon_status status, const char *message)
{
	assert_int_equal(rig_try(r, text), status);
	assert_string_equal(r->err.msg, message);
	assert_int_equal(lua_gettop(r->L), 0);
}

#endif
