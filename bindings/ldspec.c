/* SPDX-License-Identifier: MIT */
/*
 * ldspec.c - a device file: read, run, checked as a whole, made into C data.
 *
 * All of it is one protected call in the device's state. The check reads tables
 * without metamethods and keeps nothing of theirs but functions and tables that
 * it hands to Lua's stack; strings are copied. The functions that a virtio
 * configuration may have for its values run last, when nothing is read any
 * more.
 */
#include "ldspec.h"

#include <assert.h>
#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "ldcheck.h"
#include "ldinline.h"
#include "ldlib_parts.h"
#include "ldmodule.h"
#include "lsha256.h"

enum {
	FREE_SLOTS = 64 /* of the stack, for whoever owns the state */
};

struct load {
	struct vmoon_ldcheck check;
	const char *text;
	size_t len;
};

/* ---- the text ---- */

/* From the path; into the spec's memory. */
static enum vmoon_status read_text(struct load *load, char **out_block,
				   struct vmoon_error *err)
{
	const char *path = load->check.source->path, *problem = NULL;
	char *block =
		vmoon_mem_alloc(load->check.own->mem, VMOON_LDLIB_FILE_MAX + 1);
	ssize_t len;

	if (block == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "device file '%s': out of memory", path);
	*out_block = block;
	errno = 0;
	len = vmoon_ldlib_read_file(path, 0, block, &problem);
	if (len < 0 && errno != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "device file '%s'",
				  path);
	if (len < 0)
		return vmoon_fail(err, VMOON_E_SYS, 0, "device file '%s': %s",
				  path, problem);
	load->text = block;
	load->len = (size_t)len;
	return VMOON_OK;
}

static void skip_shell_line(struct load *load)
{
	if (load->len == 0 || load->text[0] != '#')
		return;
	/* Its newline stays, for line numbers. */
	while (load->len > 0 && load->text[0] != '\n') {
		load->text++;
		load->len--;
	}
}

/* ---- the run ---- */

/* What the file returned is at idx. */
static void check_result(struct vmoon_ldcheck *c, int idx)
{
	char shown[VMOON_LDCHECK_SHOWN_MAX];

	if (vmoon_ldmodule_kind(c->L, idx, &c->spec->kind)) {
		vmoon_ldspec_check_device(c, idx);
		return;
	}
	vmoon_ldcheck_say(c,
			  "a device file returns dev.mmio { ... }, dev.pio "
			  "{ ... } or dev.virtio { ... }; got %s",
			  vmoon_ldcheck_show(c->L, idx, shown));
	vmoon_ldcheck_hint(c, "for example: return require(\"vmoon.device\")."
			      "mmio { ... }");
}

/* Leaves what it returns on the top. */
static void run_text(lua_State *L, const struct load *load)
{
	const char *path = load->check.source->path;

	if (path != NULL)
		lua_pushfstring(L, "@%s", path);
	else
		lua_pushliteral(L, "=device");
	vmoon_ldstate_load(L, load->text, load->len, lua_tostring(L, -1));
	lua_call(L, 0, 1);
}

/* For vmoon_ldstate_run: results are what lies in slots. */
static int run_file(lua_State *L)
{
	struct load *load = lua_touserdata(L, 1);
	struct vmoon_ldcheck *c = &load->check;
	const struct vmoon_ldspec_source *source = c->source;

	c->L = L;
	lua_settop(L, 1);
	vmoon_ldmodule_open(L);
	if (source->is_inline)
		c->spec->kind = vmoon_ldinline_push(L, load->text, load->len);
	else
		run_text(L, load);
	lua_newtable(L);
	c->slots = lua_gettop(L);
	if (source->is_inline)
		vmoon_ldspec_check_device(c, c->slots - 1);
	else
		check_result(c, c->slots - 1);
	lua_settop(L, c->slots);
	if (c->problem_count > 0)
		return 0;
	luaL_checkstack(L, c->slot_count + FREE_SLOTS, "device file");
	for (int i = 1; i <= c->slot_count; i++)
		lua_rawgeti(L, c->slots, i);
	return c->slot_count;
}

/* What was raised in C, or out of no memory, has no place before it. */
static void name_file(const char *path, struct vmoon_error *err)
{
	if (path != NULL && err != NULL &&
	    strncmp(err->msg, path, strlen(path)) != 0)
		vmoon_error_prefix(err, "%s", path);
}

static enum vmoon_status run(struct vmoon_ldstate *s, struct load *load,
			     struct vmoon_error *err)
{
	lua_State *L = vmoon_ldstate_lua(s);
	enum vmoon_status st;

	vmoon_lsha256(load->text, load->len, load->check.spec->hash);
	if (!load->check.source->is_inline) {
		vmoon_ldlib_skip_mark(&load->text, &load->len);
		skip_shell_line(load);
	}
	load->check.slot_base = lua_gettop(L);
	st = vmoon_ldstate_run(s, run_file, load, vmoon_ldstate_load_budget(s),
			       err);
	if (st == VMOON_OK && lua_checkstack(L, FREE_SLOTS) == 0)
		st = vmoon_fail(err, VMOON_E_NOMEM, 0,
				"device file: out of memory");
	if (st != VMOON_OK)
		name_file(load->check.source->path, err);
	return st;
}

/* ---- the outcome ---- */

static enum vmoon_status refuse(const struct vmoon_ldcheck *c,
				void (*fn)(void *ctx,
					   const struct vmoon_ldproblem *),
				void *ctx, struct vmoon_error *err)
{
	const char *path = c->source->path;
	const struct vmoon_ldproblem *first;
	enum vmoon_status st;

	assert(c->first != NULL); /* there is a problem */
	first = &c->first->problem;
	for (const struct vmoon_ldnote *n = c->first; n != NULL && fn != NULL;
	     n = n->next)
		fn(ctx, &n->problem);
	st = vmoon_fail(err, VMOON_E_CONFIG, 0,
			"%s: %u problem%s; first: %s%s%s",
			path == NULL ? "device" : path, c->problem_count,
			c->problem_count == 1 ? "" : "s", first->path,
			*first->path == '\0' ? "" : ": ", first->message);
	vmoon_error_set_where(err, "%s", first->path);
	for (const struct vmoon_ldnote *n = c->first; n != NULL; n = n->next) {
		vmoon_error_add_detail(err, "%s%s%s\n", n->problem.path,
				       *n->problem.path == '\0' ? "" : ": ",
				       n->problem.message);
		if (n->problem.hint != NULL)
			vmoon_error_add_detail(err, "        hint: %s\n",
					       n->problem.hint);
	}
	return st;
}

enum vmoon_status vmoon_ldspec_load(
	struct vmoon_ldstate *s, const struct vmoon_ldspec_source *source,
	void (*fn)(void *ctx, const struct vmoon_ldproblem *), void *ctx,
	struct vmoon_ldspec **out_spec, struct vmoon_error *err)
{
	struct load load = {.check = {.source = source},
			    .text = source->text,
			    .len = source->len};
	struct vmoon_ldspec_own *own;
	enum vmoon_status st = VMOON_OK;
	struct vmoon_mem *mem = source->mem;
	char *block = NULL;

	if (source->text == NULL && source->path == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "device file: neither a path nor a text");
	own = vmoon_mem_alloc(mem, sizeof(*own));
	if (own == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "device file: out of memory");
	own->mem = mem;
	load.check.own = own;
	load.check.spec = &own->spec;
	if (source->text == NULL)
		st = read_text(&load, &block, err);
	if (st == VMOON_OK)
		st = run(s, &load, err);
	if (st == VMOON_OK && load.check.problem_count > 0)
		st = refuse(&load.check, fn, ctx, err);
	if (block != NULL)
		vmoon_mem_free(mem, block, VMOON_LDLIB_FILE_MAX + 1);
	if (st != VMOON_OK) {
		vmoon_ldspec_destroy(&own->spec);
		return st;
	}
	*out_spec = &own->spec;
	return VMOON_OK;
}
