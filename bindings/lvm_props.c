/* SPDX-License-Identifier: MIT */
/* lvm_props.c - what a VM's handle says of it: its fields, and its figures. */
#include <lauxlib.h>

#include "lvm.h"

static int vm_name(lua_State *L)
{
	luaL_checkudata(L, 1, VMOON_LVM_TYPE);
	lua_getiuservalue(L, 1, VMOON_LVM_NAME);
	return 1;
}

static int vm_state(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_check(L, 1);

	lua_pushstring(L, vmoon_vm_state_name(vmoon_vm_get_state(self->vm)));
	return 1;
}

static int vm_serial(lua_State *L)
{
	vmoon_lvm_check(L, 1);
	lua_getiuservalue(L, 1, VMOON_LVM_SERIAL);
	return 1;
}

static int vm_log(lua_State *L)
{
	vmoon_lvm_check(L, 1);
	lua_getiuservalue(L, 1, VMOON_LVM_LOG);
	return 1;
}

static int vm_device(lua_State *L)
{
	vmoon_lvm_check(L, 1);
	lua_getiuservalue(L, 1, VMOON_LVM_DEVICES);
	return 1;
}

static int vm_port(lua_State *L)
{
	vmoon_lvm_check(L, 1);
	lua_getiuservalue(L, 1, VMOON_LVM_PORTS);
	return 1;
}

static void set_count(lua_State *L, const char *key, uint64_t value)
{
	lua_pushinteger(L, (lua_Integer)value); /* counts stay below 2^63 */
	lua_setfield(L, -2, key);
}

static void set_seconds(lua_State *L, const char *key, uint64_t ns)
{
	lua_pushnumber(L, (lua_Number)ns / 1e9);
	lua_setfield(L, -2, key);
}

static int vm_uptime(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_check(L, 1);
	struct vmoon_vm_stats stats = VMOON_INIT(struct vmoon_vm_stats);

	vmoon_vm_get_stats(self->vm, &stats);
	lua_pushnumber(L, (lua_Number)stats.uptime_ns / 1e9);
	return 1;
}

static int vm_stats(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_check(L, 1);
	struct vmoon_vm_stats stats = VMOON_INIT(struct vmoon_vm_stats);

	vmoon_vm_get_stats(self->vm, &stats);
	lua_createtable(L, 0, 15);
	set_seconds(L, "uptime", stats.uptime_ns);
	set_seconds(L, "first_run", stats.first_run_ns);
	set_count(L, "exits", stats.exits);
	set_count(L, "exits_pio", stats.exits_pio);
	set_count(L, "exits_mmio", stats.exits_mmio);
	set_count(L, "exits_halt", stats.exits_halt);
	set_count(L, "exits_intr", stats.exits_intr);
	set_count(L, "exits_other", stats.exits_other);
	set_count(L, "pio_unclaimed", stats.pio_unclaimed);
	set_count(L, "mmio_unclaimed", stats.mmio_unclaimed);
	set_count(L, "resets", stats.resets);
	set_count(L, "console_bytes", stats.console_bytes);
	set_count(L, "console_dropped", stats.console_dropped);
	set_count(L, "console_unsearched", stats.console_unsearched);
	set_count(L, "memory", stats.guest_memory_bytes);
	return 1;
}

void vmoon_lvm_push_exit(lua_State *L, const struct vmoon_lvm *self)
{
	struct vmoon_exit_record record = VMOON_INIT(struct vmoon_exit_record);

	vmoon_vm_get_exit(self->vm, &record);
	if (record.reason == VMOON_EXIT_NONE) {
		lua_pushnil(L);
		return;
	}
	lua_createtable(L, 0, 5);
	lua_pushstring(L, vmoon_exit_reason_name(record.reason));
	lua_setfield(L, -2, "reason");
	lua_pushstring(L, record.message);
	lua_setfield(L, -2, "message");
	set_count(L, "status", record.guest_status);
	set_seconds(L, "uptime", record.uptime_ns);
	set_count(L, "exit_status", (uint64_t)vmoon_exit_status(&record));
}

static int vm_exit(lua_State *L)
{
	vmoon_lvm_push_exit(L, vmoon_lvm_check(L, 1));
	return 1;
}

const luaL_Reg vmoon_lvm_properties[] = {
	{"name", vm_name},     {"state", vm_state},   {"serial", vm_serial},
	{"uptime", vm_uptime}, {"stats", vm_stats},   {"exit", vm_exit},
	{"log", vm_log},       {"device", vm_device}, {"port", vm_port},
	{NULL, NULL},
};
