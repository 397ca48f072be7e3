/* SPDX-License-Identifier: MIT */
/* ldmodule.h - require "vmoon.device" of a device's state. */
#ifndef VMOON_BINDINGS_LDMODULE_H
#define VMOON_BINDINGS_LDMODULE_H

#include "ldspec.h"

/* Inside vmoon_ldstate_run: sets it. */
void vmoon_ldmodule_open(lua_State *L);
/* Whether the value at idx was marked by dev.mmio, dev.pio or dev.virtio. */
bool vmoon_ldmodule_kind(lua_State *L, int idx,
			 enum vmoon_ldspec_kind *out_kind) VMOON_NONNULL(3);

#endif
