/* SPDX-License-Identifier: MIT */
/* ldvirtio_parts.h - what the files of a virtio device in Lua share. */
#ifndef VMOON_BINDINGS_LDVIRTIO_PARTS_H
#define VMOON_BINDINGS_LDVIRTIO_PARTS_H

#include "ldnumbers.h"
#include "ldobj_parts.h"
#include "ldvirtio.h"

enum {
	VMOON_LDVIRTIO_BUFFERS = 64, /* of a queue at once: bits of a mask */
	VMOON_LDVIRTIO_SEGS = 130,   /* of a chain: header, 128 pages, status */
	VMOON_LDVIRTIO_SCRATCH = 64 << 10 /* bytes */
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
	uint64_t serial;             /* in the order they came; never again */
	unsigned queue;
	enum vmoon_ldbuf_state state;
	struct vmoon_seg segs[VMOON_LDVIRTIO_SEGS];
};

/*
 * What a buffer is in Lua: a userdata for each of a queue's places, which
 * serves one request after the other, so that none is made for each. Which one
 * it stands for its serial says. A request that the device keeps has the
 * userdata for itself, and its place gets another.
 */
struct vmoon_ldbuf_box {
	const char *kind;        /* borrowed: that it is one */
	struct vmoon_ldobj *obj; /* borrowed: whose code has it */
	uint64_t serial;         /* 0: none yet */
	unsigned queue, index;
};

/* A queue has places of its own: one that is held up holds up no other. */
struct vmoon_ldqueue {
	struct vmoon_vq *vq; /* borrowed; NULL: not live */
	uint64_t free;       /* of bufs, a bit each */
	bool is_starved;     /* it waits for one of them */
	struct vmoon_ldbuf bufs[VMOON_LDVIRTIO_BUFFERS];
};

struct vmoon_ldvirtio {
	struct vmoon_virtio vd;
	struct vmoon_virtio_ops ops; /* with the file's device id */
	struct vmoon_mem *mem;       /* borrowed */
	struct vmoon_ldobj *obj;     /* owned: held */
	uint64_t serial;             /* the last one */
	uint64_t features;           /* negotiated; 0: not live */
	uint64_t turn_ticks;         /* of a notify, then others have theirs */
	unsigned notified; /* the transport signals this queue, or no queue */
	bool is_in_hook;   /* of a queue */
	struct vmoon_ldnumbers numbers; /* of the last buf:unpack */
	unsigned char config[VMOON_VIRTIO_CONFIG_MAX];
	char scratch[VMOON_LDVIRTIO_SCRATCH]; /* between guest and Lua */
	struct vmoon_ldqueue queues[];        /* vd.queue_count */
};

/* ---- ldvirtio_buf.c ---- */

/*
 * Fills the table at idx, the extra of a device's code, with boxes; may raise.
 */
void vmoon_ldbuf_open(lua_State *L, int idx, size_t queues);
/* Pushes what Lua has for it; never raises. */
void vmoon_ldbuf_push(lua_State *L, const struct vmoon_ldcode *code,
		      const struct vmoon_ldbuf *buf) VMOON_NONNULL(1, 2, 3);

/* Where a place's box is in the extra, and what calls a hook with a list. */
enum { VMOON_LDBUF_CALL_LIST = 0 };
/*
 * Pushes a function: hook, d, light userdata of this; the hook then gets a list
 * of the buffers, and n. Never raises.
 */
struct vmoon_ldbuf_list {
	struct vmoon_ldbuf *const *bufs; /* borrowed for the call */
	size_t n;
};
void vmoon_ldbuf_push_caller(lua_State *L, const struct vmoon_ldcode *code)
	VMOON_NONNULL(1, 2);

/* ---- ldvirtio.c ---- */

/* To the driver, with what was written. */
void vmoon_ldvirtio_give_back(struct vmoon_ldvirtio *v, struct vmoon_ldbuf *buf)
	VMOON_NONNULL(1, 2);
/* Its chain is there: the hook has it, or it goes back. */
void vmoon_ldvirtio_run(struct vmoon_ldvirtio *v, struct vmoon_ldbuf *buf)
	VMOON_NONNULL(1, 2);
/* Takes a free place, which there is; its chain is there or comes. */
void vmoon_ldvirtio_take(struct vmoon_ldvirtio *v, unsigned queue, size_t i)
	VMOON_NONNULL(1);
/* All places are free, whatever the hooks believe. */
void vmoon_ldvirtio_forget(struct vmoon_ldvirtio *v) VMOON_NONNULL(1);

/* ---- ldvirtio_state.c ---- */

void vmoon_ldvirtio_save(const struct vmoon_virtio *vd,
			 struct vmoon_state_writer *w);
enum vmoon_status vmoon_ldvirtio_load(struct vmoon_virtio *vd,
				      struct vmoon_state_reader *r,
				      struct vmoon_error *err);
/* What is held or was loaded comes to its hook once more, in its order. */
void vmoon_ldvirtio_begin_again(struct vmoon_ldvirtio *v) VMOON_NONNULL(1);

/* ---- ldvirtio_config.c ---- */

void vmoon_ldvirtio_config_write(struct vmoon_virtio *vd, uint32_t off,
				 const void *src, uint32_t len);
/* As the file has it. */
void vmoon_ldvirtio_config_reset(struct vmoon_ldvirtio *v) VMOON_NONNULL(1);
/* Of d. */
void vmoon_ldvirtio_config_methods(lua_State *L);

#define VMOON_LDVIRTIO_TYPE "lua-virtio"

static inline struct vmoon_ldvirtio *vmoon_ldvirtio_of(struct vmoon_virtio *vd)
{
	return VMOON_CONTAINER_OF(vd, struct vmoon_ldvirtio, vd);
}

#endif
