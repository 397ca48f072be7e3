/* SPDX-License-Identifier: MIT */
/* ldobj.c - a device in Lua at work: made, attached, called, reloaded. */
#include "ldobj.h"

#include <lauxlib.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "ldobj_parts.h"
#include "ldvirtio.h"

enum { LINES_A_SECOND = 2048, LINES_BURST = 8192 }; /* bytes of d:log */

/* A trusted file may have finalizers, which run when its state goes. */
struct vmoon_ldobj *vmoon_ldobj_of(lua_State *L)
{
	struct vmoon_ldobj *obj = vmoon_ldstate_owner(vmoon_ldstate_of(L));

	if (obj == NULL)
		luaL_error(L, "the device has gone, or has other code");
	return obj;
}

const char *vmoon_ldobj_name(const struct vmoon_ldobj *obj)
{
	return obj->name != NULL ? obj->name : obj->code.spec->name;
}

const char *vmoon_ldobj_path(const struct vmoon_ldobj *obj)
{
	return obj->opts.source.path;
}

struct vmoon_ldspec *vmoon_ldobj_spec(const struct vmoon_ldobj *obj)
{
	return obj->code.spec;
}

struct vmoon_ldstate *vmoon_ldobj_state(const struct vmoon_ldobj *obj)
{
	return obj->code.state;
}

enum vmoon_device_worker vmoon_ldobj_worker(const struct vmoon_ldobj *obj)
{
	if (obj->opts.is_trusted)
		return VMOON_WORKER_TRUSTED;
	return obj->code.spec->has_worker ? VMOON_WORKER_OWN
					  : VMOON_WORKER_SHARED;
}

/* ---- trouble ---- */

void vmoon_ldhook_describe(const struct vmoon_ldobj *obj,
			   const struct vmoon_ldhook *hook, char *buf,
			   size_t size)
{
	const struct vmoon_ldspec *spec = obj->code.spec;
	const char *what = "", *of = "";

	switch (hook->kind) {
	case VMOON_LDHOOK_READ:
		what = "on_read of ", of = spec->map.regs[hook->index].name;
		break;
	case VMOON_LDHOOK_WRITE:
		what = "on_write of ", of = spec->map.regs[hook->index].name;
		break;
	case VMOON_LDHOOK_TIMER:
		what = "timer ", of = spec->timers[hook->index].name;
		break;
	case VMOON_LDHOOK_METHOD:
		what = "method ", of = spec->methods[hook->index].name;
		break;
	case VMOON_LDHOOK_BUFFER:
		what = "on_buffer of ";
		of = spec->queues[hook->index].name;
		break;
	case VMOON_LDHOOK_CONFIG: what = "on_config_write"; break;
	case VMOON_LDHOOK_RESET: what = "on_reset"; break;
	}
	(void)snprintf(buf, size, "%s%s", what, of == NULL ? "" : of);
}

static enum vmoon_ldspec_on_error on_error_of(const struct vmoon_ldobj *obj)
{
	return obj->opts.has_on_error ? obj->opts.on_error
				      : obj->code.spec->on_error;
}

static void report(struct vmoon_ldobj *obj, const char *text)
{
	const struct vmoon_device_env *env = &obj->env;
	const enum vmoon_ldspec_on_error on_error = on_error_of(obj);
	struct vmoon_error err;

	obj->stats.reports++;
	VMOON_IGNORE(vmoon_fail(&err, VMOON_E_SCRIPT, 0, "device '%s': %s",
				vmoon_ldobj_name(obj), text));
	if (env->report.failed != NULL)
		env->report.failed(env->report.ctx, &err);
	if (on_error == VMOON_LDSPEC_PAUSE && env->pause.set != NULL)
		env->pause.set(env->pause.ctx);
	if (on_error == VMOON_LDSPEC_STOP && env->abort.failed != NULL)
		env->abort.failed(env->abort.ctx, &err);
}

static void give_up(struct vmoon_ldobj *obj)
{
	obj->has_failed = true;
	if (obj->map != NULL)
		vmoon_regmap_fail(obj->map, true);
	if (obj->virtio != NULL)
		vmoon_ldvirtio_failed(obj->virtio);
}

void vmoon_ldobj_fail(struct vmoon_ldobj *obj, const char *why)
{
	if (obj->has_failed)
		return;
	vmoon_ldstate_line(obj->error, sizeof(obj->error), why, strlen(why));
	obj->has_error = true;
	give_up(obj);
	report(obj, obj->error);
}

bool vmoon_ldobj_has_failed(const struct vmoon_ldobj *obj)
{
	return obj->has_failed;
}

void vmoon_ldhook_strike(struct vmoon_ldobj *obj, struct vmoon_ldhook *hook,
			 const char *why)
{
	char name[VMOON_LDOBJ_HOOK_NAME_MAX];

	hook->errors++;
	obj->stats.errors++;
	obj->has_error = true;
	vmoon_ldhook_describe(obj, hook, name, sizeof(name));
	(void)snprintf(obj->error, sizeof(obj->error), "%s: %s", name, why);
	if (on_error_of(obj) != VMOON_LDSPEC_IGNORE) {
		report(obj, obj->error);
		return;
	}
	vmoon_ldobj_line(obj, VMOON_LOG_WARN, obj->error);
	if (++obj->strikes >= VMOON_LDOBJ_STRIKES)
		give_up(obj);
}

/* ---- hooks ---- */

struct vmoon_ldhook *vmoon_ldobj_hook(const struct vmoon_ldobj *obj,
				      enum vmoon_ldhook_kind kind, size_t index)
{
	return vmoon_ldcode_hook(&obj->code, kind, index);
}

lua_State *vmoon_ldhook_begin(struct vmoon_ldobj *obj,
			      const struct vmoon_ldhook *hook)
{
	lua_State *L = vmoon_ldstate_lua(obj->code.state);

	if (obj->has_failed)
		return NULL;
	lua_pushvalue(L, hook->fn);
	lua_pushvalue(L, obj->code.d);
	return L;
}

static void note_slow(struct vmoon_ldobj *obj, struct vmoon_ldhook *hook)
{
	const uint64_t ns =
		vmoon_ldstate_ns(obj->code.state, hook->worst_ticks);
	char name[VMOON_LDOBJ_HOOK_NAME_MAX], line[VMOON_LDOBJ_LINE_MAX];

	if (ns < VMOON_LDOBJ_SLOW_NS)
		return;
	hook->was_slow = true;
	vmoon_ldhook_describe(obj, hook, name, sizeof(name));
	(void)snprintf(line, sizeof(line),
		       "%s took %.1f ms (told once for each hook)", name,
		       (double)ns / 1e6);
	vmoon_ldobj_line(obj, VMOON_LOG_WARN, line);
}

void vmoon_ldobj_wake(struct vmoon_ldobj *obj)
{
	if (obj->has_woken || obj->env.wake.set == NULL)
		return;
	obj->has_woken = true;
	obj->env.wake.set(obj->env.wake.ctx);
}

bool vmoon_ldhook_call(struct vmoon_ldobj *obj, struct vmoon_ldhook *hook,
		       int nargs, int nresults)
{
	struct vmoon_ldstate *s = obj->code.state;
	const bool is_ok = vmoon_ldstate_call(s, nargs + 1, nresults);
	const uint64_t away = vmoon_ldaway_take_ticks(obj);
	const uint64_t ticks = vmoon_ldstate_last_ticks(s) + away;

	if (!is_ok && vmoon_ldaway_is_asking(obj))
		return false;
	hook->calls++;
	hook->total_ticks += vmoon_ldstate_last_share(s) + away;
	if (ticks > hook->worst_ticks) {
		hook->worst_ticks = ticks;
		if (!hook->was_slow && away == 0)
			note_slow(obj, hook);
	}
	if (!is_ok)
		vmoon_ldhook_strike(obj, hook, vmoon_ldstate_error(s));
	if (vmoon_ldstate_wants_gc(s))
		vmoon_ldobj_wake(obj);
	return is_ok;
}

/* ---- its life ---- */

void vmoon_ldobj_attach(struct vmoon_ldobj *obj,
			const struct vmoon_device_env *env)
{
	obj->env = *env;
	obj->origin_ns = vmoon_ldtime_clock(obj);
	vmoon_bucket_init(&obj->lines, LINES_A_SECOND, LINES_BURST,
			  obj->origin_ns);
}

void vmoon_ldobj_work(struct vmoon_ldobj *obj)
{
	obj->has_woken = false;
	vmoon_ldreg_drain(obj);
	if (obj->has_held_back && obj->posted_len == 0) {
		obj->has_held_back = false;
		vmoon_again_ready(&obj->env.again);
	}
	if (!vmoon_ldstate_wants_gc(obj->code.state))
		return;
	vmoon_ldstate_gc(obj->code.state, 200000); /* ns: the lock is held */
	if (vmoon_ldstate_wants_gc(obj->code.state))
		vmoon_ldobj_wake(obj);
}

void vmoon_ldobj_reset(struct vmoon_ldobj *obj)
{
	struct vmoon_ldhook *hook =
		vmoon_ldobj_hook(obj, VMOON_LDHOOK_RESET, 0);

	vmoon_ldaway_drop(obj);
	memset(obj->due_ns, 0, sizeof(obj->due_ns));
	obj->posted_len = 0;
	obj->strikes = 0;
	obj->has_failed = false;
	vmoon_ldtime_arm(obj);
	if (hook != NULL && vmoon_ldhook_begin(obj, hook) != NULL)
		VMOON_IGNORE(vmoon_ldhook_call(obj, hook, 0, 0));
}

/* The strings and bytes of opts are the object's own from here on. */
static bool keep_options(struct vmoon_ldobj *obj,
			 const struct vmoon_ldobj_options *opts)
{
	struct vmoon_ldspec_source *to = &obj->opts.source;
	const struct vmoon_ldspec_source *from = &opts->source;

	obj->opts = *opts;
	obj->opts.name = NULL;
	*to = (struct vmoon_ldspec_source){.is_inline = from->is_inline,
					   .allow_script = from->allow_script};
	to->path = vmoon_mem_copy(opts->mem, from->path, strlen(from->path));
	if (to->path == NULL)
		return false;
	if (from->text != NULL) {
		to->text = vmoon_mem_copy(opts->mem, from->text, from->len);
		to->len = from->len;
		if (to->text == NULL)
			return false;
	}
	if (from->params != NULL) {
		to->params = (const unsigned char *)vmoon_mem_copy(
			opts->mem, (const char *)from->params,
			from->params_len);
		to->params_len = from->params_len;
		if (to->params == NULL)
			return false;
	}
	if (opts->name != NULL) {
		obj->name = vmoon_mem_copy(opts->mem, opts->name,
					   strlen(opts->name));
		return obj->name != NULL;
	}
	return true;
}

static void free_text(struct vmoon_mem *mem, const void *text, size_t len)
{
	if (text != NULL) /* made here: not const */
		vmoon_mem_free(mem, (void *)(uintptr_t)text, len + 1);
}

void vmoon_ldobj_destroy(struct vmoon_ldobj *obj)
{
	struct vmoon_mem *mem;

	if (obj == NULL || atomic_fetch_sub(&obj->holders, 1) > 1)
		return;
	mem = obj->opts.mem;
	vmoon_ldcode_fini(&obj->code, mem);
	vmoon_ldaway_close(obj);
	free_text(mem, obj->opts.source.path,
		  obj->opts.source.path == NULL
			  ? 0
			  : strlen(obj->opts.source.path));
	free_text(mem, obj->opts.source.text, obj->opts.source.len);
	free_text(mem, obj->opts.source.params, obj->opts.source.params_len);
	free_text(mem, obj->name, obj->name == NULL ? 0 : strlen(obj->name));
	vmoon_mem_free(mem, obj, sizeof(*obj));
}

/* Nobody would wait for a function that stays in the script. */
bool vmoon_ldobj_is_doorbell(const struct vmoon_ldspec *spec, size_t reg)
{
	return spec->regs[reg].is_doorbell &&
	       spec->regs[reg].where != VMOON_LDSPEC_SCRIPT;
}

static enum vmoon_status list_doorbells(struct vmoon_ldobj *obj,
					struct vmoon_error *err)
{
	const struct vmoon_ldspec *spec = obj->code.spec;

	for (unsigned i = 0; i < spec->map.reg_count; i++) {
		const struct vmoon_reg *reg = &spec->map.regs[i];

		if (!vmoon_ldobj_is_doorbell(spec, i))
			continue;
		if (obj->doorbell_count == VMOON_LDSPEC_DOORBELLS_MAX)
			return vmoon_fail(err, VMOON_E_CONFIG, 0,
					  "registers.%s: at most %d registers "
					  "may be doorbells",
					  reg->name,
					  VMOON_LDSPEC_DOORBELLS_MAX);
		obj->doorbells[obj->doorbell_count] = i;
		obj->bells[obj->doorbell_count].off = reg->at;
		obj->bells[obj->doorbell_count++].width = reg->width;
	}
	return VMOON_OK;
}

enum vmoon_status vmoon_ldobj_create(const struct vmoon_ldobj_options *opts,
				     void (*fn)(void *ctx,
						const struct vmoon_ldproblem *),
				     void *fn_ctx, struct vmoon_ldobj **out_obj,
				     struct vmoon_error *err)
{
	struct vmoon_ldobj *obj = vmoon_mem_alloc(opts->mem, sizeof(*obj));
	enum vmoon_status st;

	if (obj == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "device: out of memory");
	atomic_init(&obj->holders, 1);
	if (keep_options(obj, opts) && vmoon_ldaway_open(obj))
		st = vmoon_ldcode_make(obj, fn, fn_ctx, &obj->code, err);
	else
		st = vmoon_fail(err, VMOON_E_NOMEM, 0, "device: out of memory");
	if (st == VMOON_OK)
		st = list_doorbells(obj, err);
	if (st != VMOON_OK) {
		vmoon_ldobj_destroy(obj);
		return st;
	}
	*out_obj = obj;
	return VMOON_OK;
}
