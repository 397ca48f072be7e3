/* SPDX-License-Identifier: MIT */
/* ldvirtio.h - a virtio device in Lua: queues whose buffers a hook handles. */
#ifndef VMOON_BINDINGS_LDVIRTIO_H
#define VMOON_BINDINGS_LDVIRTIO_H

#include "ldobj.h"

/*
 * The options to add the object, whose file is of the virtio kind and which was
 * made with extend = vmoon_ldvirtio_extend, to a VM or to put it on a bench:
 * the device owns it then. Valid as long as the object is.
 */
void vmoon_ldvirtio_options(struct vmoon_ldobj *obj,
			    struct vmoon_virtio_options *out)
	VMOON_NONNULL(1, 2);

/* For vmoon_ldobj_options.extend; nothing for devices of another kind. */
int vmoon_ldvirtio_extend(lua_State *L);

/* Pushes a new table of the methods of a buffer; may raise. */
void vmoon_ldbuf_push_methods(lua_State *L) VMOON_NONNULL(1);

/* Of a device that was made so; NULL for another. */
struct vmoon_ldobj *vmoon_ldvirtio_object(struct vmoon_virtio *vd)
	VMOON_NONNULL(1);

/* ---- what its object tells it ---- */

struct vmoon_ldvirtio;

/* No hook is called any more: neither is the driver answered. */
void vmoon_ldvirtio_failed(struct vmoon_ldvirtio *v) VMOON_NONNULL(1);
/* Its code is another: what the old code held comes to the new hooks. */
void vmoon_ldvirtio_reloaded(struct vmoon_ldvirtio *v) VMOON_NONNULL(1);

#endif
