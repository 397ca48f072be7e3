/* SPDX-License-Identifier: MIT */
/* lbench.h - vmoon.bench: a device on a bench, driven by a script. */
#ifndef VMOON_BINDINGS_LBENCH_H
#define VMOON_BINDINGS_LBENCH_H

#include <lua.h>

#include "vmoon/bench.h"

#define VMOON_LBENCH_TYPE "vmoon.bench"

struct vmoon_ldobj;
struct vmoon_lbench {
	struct vmoon_bench *bench; /* owned; NULL once closed */
	struct vmoon_ldobj *obj;   /* owned: of a device in Lua; or NULL */
	uint64_t reports;          /* of its mistakes, that were raised */
	lua_State *L;              /* of the method that runs */
	bool is_away;              /* in a function with where = "script" */
};

void vmoon_lbench_open(lua_State *L);
/* vmoon.bench(spec) */
int vmoon_lbench_new(lua_State *L);
/* A handle that is closed, on the top. */
struct vmoon_lbench *vmoon_lbench_push(lua_State *L);
/* The bench at idx; raises "bench is closed" when it is. */
struct vmoon_bench *vmoon_lbench_check(lua_State *L, int idx);
/* Raises err when status is none. */
void vmoon_lbench_must(lua_State *L, enum vmoon_status status,
		       const struct vmoon_error *err);
/* The argument: a whole number of at least 0, at most max. */
uint64_t vmoon_lbench_check_count(lua_State *L, int arg, uint64_t max);

/* ---- lbench_disk.c: methods ---- */

int vmoon_lbench_discard(lua_State *L);
int vmoon_lbench_fault(lua_State *L);
int vmoon_lbench_flush(lua_State *L);
int vmoon_lbench_id(lua_State *L);
int vmoon_lbench_read(lua_State *L);
int vmoon_lbench_held(lua_State *L);
int vmoon_lbench_release(lua_State *L);
int vmoon_lbench_write(lua_State *L);
int vmoon_lbench_zeroes(lua_State *L);

/* ---- lbench_lua.c: a device in Lua ---- */

int vmoon_lbench_new_file(lua_State *L);
/* Raises what its hooks did wrong since the last time; see on_error. */
void vmoon_lbench_settle(lua_State *L, struct vmoon_lbench *self);
/* Raises for a d.state that is no plain data. */
void vmoon_lbench_may_save(lua_State *L, const struct vmoon_lbench *self);
/* The handle at 1; raises when its device is not in Lua. */
struct vmoon_lbench *vmoon_lbench_lua(lua_State *L);
int vmoon_lbench_call(lua_State *L);
int vmoon_lbench_edges(lua_State *L);
int vmoon_lbench_events(lua_State *L);
int vmoon_lbench_exit(lua_State *L);
int vmoon_lbench_log(lua_State *L);
int vmoon_lbench_regs(lua_State *L);
int vmoon_lbench_reload(lua_State *L);
int vmoon_lbench_state(lua_State *L);
int vmoon_lbench_stats(lua_State *L);

/* ---- lbench_script.c: functions of a device that stay in the script ---- */

void vmoon_lbench_open_core(lua_State *L);
/* For vmoon_ldobj_options.script; ctx is the handle. */
int vmoon_lbench_script(void *bench, lua_State *L, unsigned fn);
/* The list of functions, as long as the bench is open. */
void vmoon_lbench_keep(lua_State *L, const struct vmoon_lbench *self,
		       int functions);
void vmoon_lbench_unkeep(lua_State *L, const struct vmoon_lbench *self);
/* Raises what such a function raised since the last time. */
void vmoon_lbench_raise_script(lua_State *L, const struct vmoon_lbench *self);

/* ---- lbench_spec.c ---- */

/* All that vmoon.bench takes, NULL behind the last. */
extern const char *const vmoon_lbench_fields[];
/* Raises what to do with a device that stands for the options at idx. */
void vmoon_lbench_refuse_device(lua_State *L, int idx);
/* The options in the table at idx; strings are borrowed from it. */
void vmoon_lbench_options(lua_State *L, int idx,
			  struct vmoon_bench_options *out);
/* A field that is an integer >= 0 or nil, which is def; raw. */
uint64_t vmoon_lbench_count(lua_State *L, int idx, const char *key,
			    uint64_t def);
/* A field that is a size ("1M"), or nil, which is 0. */
uint64_t vmoon_lbench_size(lua_State *L, int idx, const char *key);
bool vmoon_lbench_flag(lua_State *L, int idx, const char *key);
/* Raises for a key of the table at idx that is none of known, in order. */
void vmoon_lbench_known(lua_State *L, int idx, const char *what,
			const char *const *known);

#endif
