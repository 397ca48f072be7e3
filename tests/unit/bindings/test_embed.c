/* SPDX-License-Identifier: MIT */
#include "vmoon/lua.h"

#include "bindings/lhost.h"
#include "tests/support/check_alloc.h"
#include "tests/support/vm_rig.h"

#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>

/* The rig's kernel, and a script beside it that is gone at the end. */
struct script {
	char path[80];
	struct vm_rig *rig;
	struct vmoon_config *cfg;
	struct vmoon_error err;
};

/* Text with the kernel's path in the place of its only %. */
static void write_script(struct script *s, void **state, const char *text)
{
	const size_t len = strcspn(text, "%");
	FILE *f;

	*s = (struct script){.rig = *state};
	(void)snprintf(s->path, sizeof(s->path), "%s.lua", s->rig->kernel);
	f = fopen(s->path, "w");
	assert_non_null(f);
	assert_int_equal(text[len], '%');
	assert_true(fprintf(f, "%.*s%s%s", (int)len, text, s->rig->kernel,
			    text + len + 1) > 0);
	assert_int_equal(fclose(f), 0);
}

static enum vmoon_status run_script(struct script *s)
{
	enum vmoon_status st =
		vmoon_config_from_lua(s->rig->rt, s->path, &s->cfg, &s->err);

	(void)unlink(s->path);
	return st;
}

static void assert_cpus(struct script *s, const char *cpus)
{
	char json[1024];

	assert_ok(vmoon_config_check(s->cfg, &s->err), &s->err);
	assert_in_range(vmoon_config_to_json(s->cfg, json, sizeof(json)), 1,
			sizeof(json) - 1);
	assert_non_null(strstr(json, cpus));
	vmoon_config_destroy(s->cfg);
}

static void test_embed__a_script_returns_its_spec(void **state)
{
	struct script s;

	write_script(&s, state, "return { kernel = '%', cpus = 3 }");
	assert_ok(run_script(&s), &s.err);
	assert_cpus(&s, "\"cpus\":3");
}

static void test_embed__a_script_goes_on_after_boot(void **state)
{
	struct script s;

	write_script(
		&s, state,
		"local vmoon = require 'vmoon'\n"
		"local vm <close> = vmoon.boot { kernel = '%', cpus = 2 }\n"
		"vm:expect('login:')\nerror 'never here'\n");
	assert_ok(run_script(&s), &s.err);
	assert_cpus(&s, "\"cpus\":2");
}

static void test_embed__a_mistake_has_its_place_and_carets(void **state)
{
	struct script s;
	char where[100];

	write_script(&s, state, "return { kernel = '%',\n  memroy = '64M' }\n");
	assert_int_equal(run_script(&s), VMOON_E_CONFIG);
	(void)snprintf(where, sizeof(where), "%s:2:3", s.path);
	assert_string_equal(s.err.where, where);
	assert_string_equal(s.err.msg, "1 problem in VM configuration");
	assert_non_null(strstr(s.err.detail, "did you mean \"memory\"?"));
	assert_non_null(strstr(s.err.detail, "^~~~~~"));
	assert_null(s.cfg);
}

static void test_embed__a_script_that_fails_is_said_to(void **state)
{
	struct script s;
	char where[100];

	write_script(&s, state, "local k = '%'\nlocal x = nil .. k\n");
	assert_int_equal(run_script(&s), VMOON_E_SCRIPT);
	(void)snprintf(where, sizeof(where), "%s:2", s.path);
	assert_string_equal(s.err.where, where);
	assert_non_null(strstr(s.err.msg, "attempt to concatenate"));
}

static void test_embed__a_script_describes_exactly_one_vm(void **state)
{
	struct script s;

	write_script(&s, state, "return nil -- %");
	assert_int_equal(run_script(&s), VMOON_E_CONFIG);
	assert_non_null(strstr(s.err.msg, "describes no VM"));
	write_script(&s, state, "require \"vmoon.device\" -- %");
	assert_int_equal(run_script(&s), VMOON_E_CONFIG);
	assert_non_null(strstr(s.err.msg, "describes no VM"));
	write_script(&s, state,
		     "local vmoon, k = require 'vmoon', '%'\n"
		     "vmoon.new { kernel = k }\nvmoon.new { kernel = k }\n");
	assert_int_equal(run_script(&s), VMOON_E_CONFIG);
	assert_non_null(strstr(s.err.msg, "more than one VM"));
}

static void test_embed__a_script_that_is_not_there_fails(void **state)
{
	struct script s;

	write_script(&s, state, "%");
	(void)unlink(s.path);
	assert_int_equal(run_script(&s), VMOON_E_SCRIPT);
	assert_int_equal(vmoon_config_from_lua(s.rig->rt, NULL, &s.cfg, &s.err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_config_from_lua(s.rig->rt, s.path, NULL, &s.err),
			 VMOON_E_INVAL);
}

static struct vmoon_runtime *runtime_on(struct check_alloc *a, size_t limit)
{
	struct vmoon_runtime_options opts =
		VMOON_INIT(struct vmoon_runtime_options);
	struct vmoon_allocator how = check_allocator(a);
	struct vmoon_runtime *rt = NULL;
	struct vmoon_error err;

	how.limit = limit;
	opts.allocator = &how;
	assert_ok(vmoon_runtime_create(&opts, &rt, &err), &err);
	return rt;
}

static void test_embed__a_script_lives_on_the_runtimes_heap(void **state)
{
	const char *text = "return { kernel = '%' }";
	struct vmoon_runtime *rt;
	struct check_alloc a = {0};
	struct script s;

	rt = runtime_on(&a, 0);
	write_script(&s, state, text);
	assert_ok(vmoon_config_from_lua(rt, s.path, &s.cfg, &s.err), &s.err);
	assert_true(a.calls > 300); /* a whole Lua state */
	vmoon_config_destroy(s.cfg);
	vmoon_runtime_destroy(rt);
	check_alloc_assert_empty(&a);
	rt = runtime_on(&a, 20000); /* no state fits into that */
	assert_int_not_equal(vmoon_config_from_lua(rt, s.path, &s.cfg, &s.err),
			     VMOON_OK);
	vmoon_runtime_destroy(rt);
	check_alloc_assert_empty(&a);
	(void)unlink(s.path);
}

/* Lua tries each refused request again after a collection: so all of them. */
static void test_embed__no_refused_allocation_leaks_or_crashes(void **state)
{
	struct check_alloc a = {0};
	struct vmoon_runtime *rt = runtime_on(&a, 0);
	size_t need;
	struct script s;

	write_script(&s, state, "return { kernel = '%', memroy = 1 }");
	assert_int_equal(vmoon_config_from_lua(rt, s.path, &s.cfg, &s.err),
			 VMOON_E_CONFIG);
	need = a.calls;
	vmoon_runtime_destroy(rt);
	for (size_t limit = 20000; limit < 20000 + 64 * need;
	     limit += need / 2) {
		rt = runtime_on(&a, limit);
		assert_int_not_equal(
			vmoon_config_from_lua(rt, s.path, &s.cfg, &s.err),
			VMOON_OK);
		vmoon_runtime_destroy(rt);
		check_alloc_assert_empty(&a);
	}
	(void)unlink(s.path);
}

/* Not until it has had its time: what others use is not the script's. */
static void *use_time(void *used)
{
	while (vmoon_lhost_cpu() < 0.05)
		continue;
	*(double *)used = vmoon_lhost_cpu();
	return NULL;
}

static void test_embed__a_scripts_time_is_its_threads_alone(void **state)
{
	const double before = vmoon_lhost_cpu();
	double used = 0;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, use_time, &used), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(vmoon_lhost_cpu() - before < used);
}

static lua_State *open_lua(void)
{
	lua_State *L = luaL_newstate();

	assert_non_null(L);
	luaL_openlibs(L);
	return L;
}

static void test_embed__a_vm_is_pushed_and_found_again(void **state)
{
	struct vm_rig *r = *state;
	lua_State *L = open_lua();
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	assert_int_equal(vmoon_lua_push_vm(L, r->vm, &err), VMOON_E_STATE);
	assert_int_equal(lua_gettop(L), 0);
	luaL_requiref(L, "vmoon", vmoon_lua_open, 0);
	assert_int_equal(luaL_dostring(L, "return require 'vmoon'"), LUA_OK);
	assert_true(lua_rawequal(L, -1, -2));
	lua_settop(L, 0);
	assert_ok(vmoon_lua_push_vm(L, r->vm, &err), &err);
	assert_ptr_equal(vmoon_lua_to_vm(L, 1), r->vm);
	assert_ptr_equal(vmoon_lua_to_vm(L, -1), r->vm);
	lua_setglobal(L, "vm");
	assert_int_equal(
		luaL_dostring(L, "return vm.state, vm.name, vm:stop()"),
		LUA_OK);
	assert_string_equal(lua_tostring(L, 1), "created");
	assert_string_equal(lua_tostring(L, 2), vmoon_vm_name(r->vm));
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_STOPPED);
	lua_close(L);
	/* Still the embedder's. */
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_STOPPED);
}

static void test_embed__closing_a_borrowed_handle_only_lets_go(void **state)
{
	struct vm_rig *r = *state;
	lua_State *L = open_lua();
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	luaL_requiref(L, "vmoon", vmoon_lua_open, 1);
	assert_ok(vmoon_lua_push_vm(L, r->vm, &err), &err);
	lua_setglobal(L, "vm");
	assert_int_equal(luaL_dostring(L, "vm:close() return vm"), LUA_OK);
	assert_null(vmoon_lua_to_vm(L, -1));
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_CREATED);
	lua_close(L);
}

/* What it asked to be told, nobody tells a handle that is gone. */
static void test_embed__a_borrowed_handle_that_goes_leaves_nothing(void **state)
{
	struct vm_rig *r = *state;
	lua_State *L = open_lua();
	struct vmoon_stream *s, *log;
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	s = vmoon_vm_stream(r->vm, "serial0");
	log = vmoon_vm_stream(r->vm, "log");
	luaL_requiref(L, "vmoon", vmoon_lua_open, 1);
	assert_ok(vmoon_lua_push_vm(L, r->vm, &err), &err);
	lua_setglobal(L, "vm");
	assert_int_equal(luaL_dostring(L, "vm.serial:on('limited', print)"
					  "vm.log:on('limited', print)"),
			 LUA_OK);
	assert_non_null(s->limited_fn);
	assert_non_null(log->limited_fn);
	lua_close(L);
	assert_null(s->limited_fn);
	assert_null(log->limited_fn);
}

static void test_embed__what_is_no_vm_is_none(void **state)
{
	lua_State *L = open_lua();
	struct vmoon_error err;

	assert_null(vmoon_lua_to_vm(L, 1));
	lua_pushinteger(L, 3);
	assert_null(vmoon_lua_to_vm(L, 1));
	assert_null(vmoon_lua_to_vm(NULL, 1));
	assert_int_equal(vmoon_lua_push_vm(L, NULL, &err), VMOON_E_INVAL);
	assert_int_equal(vmoon_lua_push_vm(NULL, *state, &err), VMOON_E_INVAL);
	lua_close(L);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG(test_embed__a_script_returns_its_spec),
		RIG(test_embed__a_script_goes_on_after_boot),
		RIG(test_embed__a_mistake_has_its_place_and_carets),
		RIG(test_embed__a_script_that_fails_is_said_to),
		RIG(test_embed__a_script_describes_exactly_one_vm),
		RIG(test_embed__a_script_that_is_not_there_fails),
		RIG(test_embed__a_script_lives_on_the_runtimes_heap),
		RIG(test_embed__no_refused_allocation_leaks_or_crashes),
		cmocka_unit_test(
			test_embed__a_scripts_time_is_its_threads_alone),
		RIG(test_embed__a_vm_is_pushed_and_found_again),
		RIG(test_embed__closing_a_borrowed_handle_only_lets_go),
		RIG(test_embed__a_borrowed_handle_that_goes_leaves_nothing),
		RIG(test_embed__what_is_no_vm_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
