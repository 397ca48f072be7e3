/* SPDX-License-Identifier: MIT */
/* ldvirtio_parts.h - what the files of a virtio device in Lua share. */
#ifndef VMOON_BINDINGS_LDVIRTIO_PARTS_H
#define VMOON_BINDINGS_LDVIRTIO_PARTS_H

#include "ldobj_parts.h"
#include "ldvirtio.h"

enum {
	VMOON_LDVIRTIO_BUFFERS = 64, /* that a device has at once */
	VMOON_LDVIRTIO_SEGS = 130    /* of a chain: header, 128 pages, status */
};

enum vmoon_ldbuf_state {
	VMOON_LDBUF_FREE = 0,
	VMOON_LDBUF_HOOK = 1,  /* goes back when the hook returns */
	VMOON_LDBUF_HELD = 2,  /* goes back when the device says so */
	VMOON_LDBUF_LOADED = 3 /* of a snapshot: only its head is known */
};

/* A request that the device has. */
struct vmoon_ldbuf {
	struct vmoon_chain chain;
	struct vmoon_cursor in, out; /* what it reads, what it writes */
	unsigned queue;
	enum vmoon_ldbuf_state state;
	struct vmoon_seg segs[VMOON_LDVIRTIO_SEGS];
};

/* What a buffer is in Lua: one userdata for each, made once. */
struct vmoon_ldbuf_box {
	struct vmoon_ldvirtio *virtio; /* borrowed; NULL: never in use */
	struct vmoon_ldbuf *buf;       /* borrowed */
};

struct vmoon_ldvirtio {
	struct vmoon_virtio vd;
	struct vmoon_virtio_ops ops; /* with the file's device id */
	struct vmoon_mem *mem;       /* borrowed */
	struct vmoon_ldobj *obj;     /* owned: held */
	struct vmoon_vq *queues[VMOON_LDSPEC_QUEUES_MAX]; /* NULL: not live */
	unsigned starved;  /* queues that wait for a free buffer, a bit each */
	bool is_notifying; /* the transport signals */
	unsigned char config[VMOON_VIRTIO_CONFIG_MAX];
	struct vmoon_ldbuf bufs[VMOON_LDVIRTIO_BUFFERS];
};

/* ---- ldvirtio_buf.c ---- */

/* Makes the boxes and what is in them; inside a call. */
void vmoon_ldbuf_open(lua_State *L);
/* Pushes the box of v's i-th buffer; never raises. */
void vmoon_ldbuf_push(lua_State *L, struct vmoon_ldvirtio *v, size_t i)
	VMOON_NONNULL(1, 2);
/* Pushes a list of the first n of these, and n; never raises. */
void vmoon_ldbuf_push_list(lua_State *L, struct vmoon_ldvirtio *v,
			   const unsigned char *which, size_t n)
	VMOON_NONNULL(1, 2, 3);

/* ---- ldvirtio.c ---- */

/* To the driver, with what was written. */
void vmoon_ldvirtio_give_back(struct vmoon_ldvirtio *v, struct vmoon_ldbuf *buf)
	VMOON_NONNULL(1, 2);

#endif
