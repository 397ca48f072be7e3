/* SPDX-License-Identifier: MIT */
/* lstream.h - vm.serial and vm.log: the streams of a VM. */
#ifndef VMOON_BINDINGS_LSTREAM_H
#define VMOON_BINDINGS_LSTREAM_H

#include <lua.h>

#include "lvm.h"

#define VMOON_LSTREAM_TYPE "vmoon.stream"
#define VMOON_LSTREAM_LOG_TYPE "vmoon.log"
#define VMOON_LSTREAM_PORT_TYPE "vmoon.port"

void vmoon_lstream_open(lua_State *L);
/*
 * Pushes the stream handle of that type for the VM handle at idx, which it
 * keeps alive.
 */
void vmoon_lstream_push(lua_State *L, int idx, const char *type);
/*
 * The stream handle at idx of a VM that is open, with the VM handle on the top
 * of the stack; raises otherwise.
 */
struct vmoon_lvm_stream *vmoon_lstream_check(lua_State *L, int idx);
/* The same where a VM handle may stand for its serial port. */
struct vmoon_lvm_stream *vmoon_lstream_check_any(lua_State *L, int idx);
/*
 * Pushes the handle of a port of the open VM at idx, which keeps what the
 * handle knows of the stream in its list until it is closed.
 */
void vmoon_lstream_push_port(lua_State *L, int idx, const char *name);
/* Borrowed from the handle at idx; raises when it is no port's. */
const char *vmoon_lstream_port_name(lua_State *L, int idx);

#endif
