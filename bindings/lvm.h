/* SPDX-License-Identifier: MIT */
/* lvm.h - VM handles. */
#ifndef VMOON_BINDINGS_LVM_H
#define VMOON_BINDINGS_LVM_H

#include <lauxlib.h>

#include "lcfg.h"
#include "vmoon/devices.h"
#include "vmoon/vmoon.h"

#define VMOON_LVM_TYPE "vmoon.vm"

/* User values of a VM handle. */
enum {
	VMOON_LVM_NAME = 1,    /* string; survives close */
	VMOON_LVM_SERIAL = 2,  /* the stream handle */
	VMOON_LVM_PRIVATE = 3, /* table of the Lua parts */
	VMOON_LVM_LOG = 4,     /* the handle of the log */
	VMOON_LVM_DEVICES = 5, /* directory of device handles */
	VMOON_LVM_PORTS = 6,   /* directory of ports' handles */
	VMOON_LVM_VALUES = 6
};

/* What a handle knows of one of its VM's streams. */
struct vmoon_lvm_stream {
	struct vmoon_stream *stream; /* borrowed from the VM; or NULL */
	int copy_fd;                 /* owned: where it is copied to, or -1 */
	bool is_watched;             /* the stream calls us: core.watch_sinks */
	struct vmoon_output_stats limited[VMOON_OUTPUTS_MAX]; /* untold */
	unsigned limited_count;
	struct vmoon_lvm_stream *next; /* of ports: in the handle's list */
};

struct vmoon_lvm {
	struct vmoon_vm *vm; /* NULL once closed */
	bool is_borrowed;    /* vm is an embedder's: never destroyed */
	struct vmoon_lvm_stream serial, log;
	struct vmoon_lvm_stream *ports; /* in handles that ours keeps alive */
	struct vmoon_runtime *rt;       /* borrowed: the registry keeps it */
	uint64_t console_pos;           /* what console() has shown already */
	/* A device's, since the VM was started or resumed. */
	bool has_trouble;
	struct vmoon_error trouble;
};

void vmoon_lvm_open(lua_State *L);
/* lvm_props.c: for vmoon_lvm_open. */
extern const luaL_Reg vmoon_lvm_properties[];
/* The handle at idx; raises "vm is closed" when it is. */
struct vmoon_lvm *vmoon_lvm_check(lua_State *L, int idx);
/* The handle at idx, closed or not; NULL when it is none. */
struct vmoon_lvm *vmoon_lvm_test(lua_State *L, int idx);
/* Creates a VM from the spec at idx and pushes it (see vmoon_lcfg_check). */
struct vmoon_lvm *vmoon_lvm_create(lua_State *L, int idx, const char *function,
				   const struct vmoon_lcfg_origin *origin);
/* Pushes a handle of an embedder's VM, which outlives it. */
void vmoon_lvm_push_borrowed(lua_State *L, struct vmoon_vm *vm);
/* Raises err as "vm 'name': ..." for the handle at idx. */
int vmoon_lvm_raise(lua_State *L, int idx, const struct vmoon_error *err);
/*
 * Waits until something happens to a VM of this state, or for so long; false
 * at once when it never had one.
 */
bool vmoon_lvm_doze(lua_State *L, lua_Number seconds);
/* Whether a device has paused the VM: trouble has its words. */
bool vmoon_lvm_is_in_trouble(const struct vmoon_lvm *self);
/* Pushes the exit record as a table, nil while the VM lives. */
void vmoon_lvm_push_exit(lua_State *L, const struct vmoon_lvm *self);

/* The state's one runtime, made the first time; borrowed. May raise. */
struct vmoon_runtime *vmoon_lvm_runtime(lua_State *L);

#endif
