/* SPDX-License-Identifier: MIT */
/* ldfile.c - a device file that is only checked. */
#include "ldfile.h"

#include <lauxlib.h>

#include "ldproblems.h"
#include "ldvirtio.h"
#include "lresult.h"
#include "lvm.h"

struct found {
	struct vmoon_ldproblems *problems; /* borrowed: its box's */
	bool is_any;                       /* in the file */
};

/* Nobody has given parameters: the ones that miss are no mistake. */
static void add(void *ctx, const struct vmoon_ldproblem *problem)
{
	struct found *found = ctx;

	if (problem->is_param)
		return;
	found->is_any = true;
	vmoon_ldproblems_add(found->problems, problem);
}

int vmoon_ldfile_check(lua_State *L)
{
	struct vmoon_ldobj_options o = {.extend = vmoon_ldvirtio_extend};
	const struct vmoon_ldproblems_origin origin = {
		.source = &o.source, .function = "check", .prefix = ""};
	struct found found = {0};
	struct vmoon_ldobj *obj = NULL;
	struct vmoon_error err = {0};
	enum vmoon_status st;

	o.source.path = luaL_checkstring(L, 1);
	if (vmoon_runtime_watchdog(vmoon_lvm_runtime(L), &o.watchdog, &err) !=
	    VMOON_OK)
		return vmoon_lresult_raise(L, NULL, &err);
	found.problems = vmoon_ldproblems_push(L, NULL);
	st = vmoon_ldobj_create(&o, add, &found, &obj, &err);
	vmoon_ldobj_destroy(obj);
	if (st != VMOON_OK && (found.is_any || st != VMOON_E_CONFIG))
		return vmoon_ldproblems_raise(L, found.problems, &origin, &err);
	return 0;
}
