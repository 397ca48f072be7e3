/* SPDX-License-Identifier: MIT */
/*
 * lua_none.c - libvmoon has no Lua: libvmoon-lua brings the real function, and
 * comes first where a program links both.
 */
#include "vmoon/config.h"

enum vmoon_status vmoon_config_from_lua(struct vmoon_runtime *rt,
					const char *path,
					struct vmoon_config **out_cfg,
					struct vmoon_error *err)
{
	(void)rt;
	if (path == NULL || out_cfg == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no path, or no place for the config given");
	return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
			  "%s: scripts need libvmoon-lua; link what pkg-config "
			  "--libs vmoon-lua prints",
			  path);
}
