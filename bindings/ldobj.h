/* SPDX-License-Identifier: MIT */
/* ldobj.h - a device in Lua at work: its hooks, its object d, its snapshot. */
#ifndef VMOON_BINDINGS_LDOBJ_H
#define VMOON_BINDINGS_LDOBJ_H

#include "ldspec.h"
#include "ldstate.h"
#include "vmoon/vmoon.h"

/*
 * One instance: the state of its code and what the file declares, and with a
 * register device the map of its registers. Made before there is a VM, so that
 * mistakes are seen early; attached when there is one. From then on all calls
 * come under the device's lock, on any thread.
 */
struct vmoon_ldobj;

enum {
	VMOON_LDOBJ_COPY_MAX = 64 << 10, /* bytes of d:mem_read, d:mem_write */
	VMOON_LDOBJ_EVENTS_MAX = 64 << 10, /* bytes of d:post that wait */
	VMOON_LDOBJ_EVENT_MAX = 16 << 10,  /* bytes of one */
	VMOON_LDOBJ_POSTED_MAX = 256,      /* writes that wait for the worker */
	VMOON_LDOBJ_NOTES_MAX = 256,       /* accesses in the log */
	VMOON_LDOBJ_STRIKES = 3,           /* errors, on_error = "ignore" */
	VMOON_LDOBJ_AWAY_MAX = 8 << 10,    /* bytes, to and from the script */
	VMOON_LDOBJ_HOOK_NAME_MAX = 96,
	VMOON_LDOBJ_LINE_MAX = 256 /* bytes of a line of d:log */
};
#define VMOON_LDOBJ_SLOW_NS UINT64_C(1000000) /* a hook that is slow */

struct vmoon_ldobj_options {
	struct vmoon_mem *mem;           /* borrowed */
	struct vmoon_watchdog *watchdog; /* borrowed */
	/* Strings and bytes are copied, for reload too. */
	struct vmoon_ldspec_source source;
	const char *name;                    /* NULL: the file's */
	bool has_on_error;                   /* then instead of the file's */
	enum vmoon_ldspec_on_error on_error; /* see has_on_error */
	uint64_t budget_ns;                  /* 0: the file's */
	size_t memory;                       /* 0: the file's */
	bool allow_changed; /* a snapshot of another text of the file */
	/*
	 * All of Lua's libraries and no limit of time: its code is called by
	 * threads that no sandbox walls in, and that nobody waits for.
	 */
	bool is_trusted;
	/*
	 * Adds to the object d before any of the file's functions runs; may
	 * raise. Its arguments: d, a table that goes into the slot extra of
	 * a virtio device and is empty, the spec. NULL: nothing. For virtio.
	 */
	lua_CFunction extend;
	/*
	 * where = "script": calls the function that the script knows as fn,
	 * with what is on the stack, d first; its results, or raises.
	 */
	int (*script)(void *ctx, lua_State *L, unsigned fn);
	void *script_ctx; /* borrowed: outlives the object */
	/*
	 * Without the above: not 0, and the script takes such calls when it
	 * gets to it (vmoon_ldobj_away_take), from this list of its functions.
	 * 0: they are refused.
	 */
	unsigned script_list;
};

/*
 * fn as in vmoon_ldspec_load, whose statuses these are. E_NOMEM.
 */
VMOON_STATUS
vmoon_ldobj_create(const struct vmoon_ldobj_options *opts,
		   void (*fn)(void *ctx, const struct vmoon_ldproblem *),
		   void *fn_ctx, struct vmoon_ldobj **out_obj,
		   struct vmoon_error *err) VMOON_NONNULL(1, 4);
/*
 * The maker lets go of it; so does a device made from it, with its destroy. The
 * second of them is its end. NULL is allowed.
 */
void vmoon_ldobj_destroy(struct vmoon_ldobj *obj);

const char *vmoon_ldobj_name(const struct vmoon_ldobj *obj) VMOON_NONNULL(1);
/* Of its file. */
const char *vmoon_ldobj_path(const struct vmoon_ldobj *obj) VMOON_NONNULL(1);
/* Both are others after a reload: not to be kept. */
struct vmoon_ldspec *vmoon_ldobj_spec(const struct vmoon_ldobj *obj)
	VMOON_NONNULL(1);
struct vmoon_ldstate *vmoon_ldobj_state(const struct vmoon_ldobj *obj)
	VMOON_NONNULL(1);
enum vmoon_device_worker vmoon_ldobj_worker(const struct vmoon_ldobj *obj)
	VMOON_NONNULL(1);
/* Whose code runs in L. Raises: it is gone, and L about to follow. */
struct vmoon_ldobj *vmoon_ldobj_of(lua_State *L) VMOON_NONNULL(1);

/* ---- register devices ---- */

/*
 * The options to add it to a VM or to put it on a bench, once. Base and line
 * are what the file wants. Valid as long as the object is.
 */
void vmoon_ldobj_device(struct vmoon_ldobj *obj,
			struct vmoon_device_options *out) VMOON_NONNULL(1, 2);
/* Of a device that was made so. */
struct vmoon_ldobj *vmoon_ldobj_of_device(struct vmoon_device *dev)
	VMOON_NONNULL(1);
/* Whether it was. */
bool vmoon_ldobj_is_device(const struct vmoon_device *dev) VMOON_NONNULL(1);

/* ---- any device: what make, tick and work have to do ---- */

/* env is copied. Resets nothing and runs nothing. */
void vmoon_ldobj_attach(struct vmoon_ldobj *obj,
			const struct vmoon_device_env *env) VMOON_NONNULL(1, 2);
/* For env.timer's call: the timers that are due. */
void vmoon_ldobj_tick(struct vmoon_ldobj *obj) VMOON_NONNULL(1);
/* For env.wake's call: posted writes, and the collector. */
void vmoon_ldobj_work(struct vmoon_ldobj *obj) VMOON_NONNULL(1);
/* For a reset: no timer runs, no write waits; then on_reset. */
void vmoon_ldobj_reset(struct vmoon_ldobj *obj) VMOON_NONNULL(1);
/* Whether no hook is called any more; d:fail, or an error, see on_error. */
bool vmoon_ldobj_has_failed(const struct vmoon_ldobj *obj) VMOON_NONNULL(1);
/* As d:fail. why is a whole sentence; the first one stays. */
void vmoon_ldobj_fail(struct vmoon_ldobj *obj, const char *why)
	VMOON_NONNULL(1, 2);

/* ---- hooks ---- */

enum vmoon_ldhook_kind {
	VMOON_LDHOOK_READ = 0, /* on_read of a register */
	VMOON_LDHOOK_WRITE = 1,
	VMOON_LDHOOK_TIMER = 2,
	VMOON_LDHOOK_METHOD = 3,
	VMOON_LDHOOK_BUFFER = 4, /* on_buffer or on_kick of a queue */
	VMOON_LDHOOK_CONFIG = 5, /* on_config_write */
	VMOON_LDHOOK_RESET = 6
};
struct vmoon_ldhook;

/* index as in the spec; NULL: the file has none. Another after a reload. */
struct vmoon_ldhook *vmoon_ldobj_hook(const struct vmoon_ldobj *obj,
				      enum vmoon_ldhook_kind kind, size_t index)
	VMOON_NONNULL(1);
/*
 * Pushes the hook's function and d; NULL, and nothing pushed, when the device
 * has failed. Then the caller pushes what cannot raise, and calls. A call that
 * fails is counted, kept as text and dealt with as on_error says: false, and
 * nothing is on the stack.
 */
lua_State *vmoon_ldhook_begin(struct vmoon_ldobj *obj,
			      const struct vmoon_ldhook *hook)
	VMOON_NONNULL(1, 2);
bool vmoon_ldhook_call(struct vmoon_ldobj *obj, struct vmoon_ldhook *hook,
		       int nargs, int nresults) VMOON_MUST_USE
	VMOON_NONNULL(1, 2);
/* The hook ran and gave something that cannot be: as an error of its own. */
void vmoon_ldhook_strike(struct vmoon_ldobj *obj, struct vmoon_ldhook *hook,
			 const char *why) VMOON_NONNULL(1, 2, 3);

/* For the device's state: such a function. Upvalue: fn. */
int vmoon_ldobj_run_script(lua_State *L);

/* ---- the script's side, under the lock ---- */

/* Lists, by vmoon_ldpack. */
struct vmoon_ldcall {
	const unsigned char *args; /* NULL: none */
	size_t args_len;
	unsigned char *result; /* NULL: nobody wants it */
	size_t cap, len;       /* len is out: what the result needs */
};
/*
 * Calls a method. E_INVAL for a name that is none, E_SCRIPT when it raises:
 * that is the caller's own mistake and does not count as the device's.
 */
VMOON_STATUS vmoon_ldobj_call(struct vmoon_ldobj *obj, const char *name,
			      struct vmoon_ldcall *io, struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3);
/* vmoon_ldpack of d.state; E_SCRIPT with the path of what cannot be saved. */
VMOON_STATUS vmoon_ldobj_pack_state(struct vmoon_ldobj *obj, unsigned char *buf,
				    size_t cap, size_t *out_len,
				    struct vmoon_error *err)
	VMOON_NONNULL(1, 4);
/*
 * The oldest of what d:post has put, taken when it fits: its name, and a value
 * by vmoon_ldpack in *out_len bytes. False: there is none.
 */
bool vmoon_ldobj_take_event(struct vmoon_ldobj *obj,
			    char name[VMOON_REGMAP_NAME_MAX + 1],
			    unsigned char *buf, size_t cap, size_t *out_len)
	VMOON_NONNULL(1, 2, 5);

/* ---- functions that stay in the script, under the lock ---- */

/* A call that a guest's access waits for. */
struct vmoon_ldaway_request {
	unsigned list, fn;
	uint64_t id;
	size_t len; /* of its arguments but d, by vmoon_ldpack_list */
	unsigned char bytes[VMOON_LDOBJ_AWAY_MAX];
};
/* Whether there may ever be one. */
bool vmoon_ldobj_has_away(const struct vmoon_ldobj *obj) VMOON_NONNULL(1);
/* False: there is none, or it is taken already. */
bool vmoon_ldobj_away_take(struct vmoon_ldobj *obj,
			   struct vmoon_ldaway_request *out)
	VMOON_NONNULL(1, 2);
bool vmoon_ldobj_away_is_taken(const struct vmoon_ldobj *obj) VMOON_NONNULL(1);
/*
 * Its results, or the text of an error. Nothing happens when the access was
 * given up meanwhile.
 */
void vmoon_ldobj_away_answer(struct vmoon_ldobj *obj, uint64_t id,
			     const unsigned char *bytes, size_t len,
			     bool is_good) VMOON_NONNULL(1, 3);
/*
 * Calls fn(d, arg) in the device's state, by its budget; what it returns stays
 * until vmoon_ldobj_away_pop. False: vmoon_ldstate_error says why.
 */
bool vmoon_ldobj_away_call(struct vmoon_ldobj *obj, lua_CFunction fn,
			   void *arg) VMOON_MUST_USE VMOON_NONNULL(1, 2);
void vmoon_ldobj_away_pop(struct vmoon_ldobj *obj) VMOON_NONNULL(1);

/*
 * The file's text as it is now, in a new state: registers, d.state, timers and
 * parameters stay. As vmoon_ldobj_create; on failure all goes on as before.
 * What the guest has been told (kind, size, interrupt, doorbells, queues,
 * features) cannot change: E_CONFIG.
 */
VMOON_STATUS
vmoon_ldobj_reload(struct vmoon_ldobj *obj,
		   void (*fn)(void *ctx, const struct vmoon_ldproblem *),
		   void *fn_ctx, struct vmoon_error *err) VMOON_NONNULL(1);
/*
 * The same in two steps: the first reads the file, without the device's lock,
 * by one thread at a time; the second takes what it made, also on failure.
 */
struct vmoon_ldcode;
VMOON_STATUS
vmoon_ldobj_prepare(struct vmoon_ldobj *obj,
		    void (*fn)(void *ctx, const struct vmoon_ldproblem *),
		    void *fn_ctx, struct vmoon_ldcode **out_code,
		    struct vmoon_error *err) VMOON_NONNULL(1, 4);
VMOON_STATUS vmoon_ldobj_adopt(struct vmoon_ldobj *obj,
			       struct vmoon_ldcode *take_code,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2);
/* Of one that is not adopted. NULL is allowed. */
void vmoon_ldcode_destroy(struct vmoon_ldcode *code, struct vmoon_mem *mem);

struct vmoon_ldobj_stats {
	/* Of a register device: accesses that came, each of which was an exit
	 * of a guest's, and the time that C took for them, without Lua: an
	 * estimate, by some of them. */
	uint64_t exits, c_ns;
	uint64_t fast;    /* accesses that C answered alone */
	uint64_t hooks;   /* accesses that called one; of virtio: calls */
	uint64_t errors;  /* of hooks */
	uint64_t reports; /* that it cannot go on: env.report */
	uint64_t events, events_lost, lines_lost, posted;
	uint64_t asked;    /* calls of functions that stay in the script */
	const char *error; /* the last one's text, or why it failed; or NULL */
	struct vmoon_ldstate_stats state; /* times: of hooks */
};
void vmoon_ldobj_stats(const struct vmoon_ldobj *obj,
		       struct vmoon_ldobj_stats *out) VMOON_NONNULL(1, 2);

struct vmoon_ldhook_stats {
	char name[VMOON_LDOBJ_HOOK_NAME_MAX]; /* "on_write of CTRL" */
	uint64_t calls, errors, total_ns, worst_ns;
};
/* False: there is no i-th hook. */
bool vmoon_ldobj_hook_stats(const struct vmoon_ldobj *obj, size_t i,
			    struct vmoon_ldhook_stats *out) VMOON_NONNULL(1, 3);

/* A log of the last accesses; off at first. fn may be NULL. */
void vmoon_ldobj_watch(struct vmoon_ldobj *obj, bool is_on,
		       void (*fn)(void *ctx,
				  const struct vmoon_reg_access_note *),
		       void *ctx) VMOON_NONNULL(1);
/* The i-th of those that are kept, the oldest is 0. */
bool vmoon_ldobj_note(const struct vmoon_ldobj *obj, size_t i,
		      struct vmoon_reg_access_note *out) VMOON_NONNULL(1, 3);
/* A register's value, without a hook or side effect; 0 outside. */
uint64_t vmoon_ldobj_reg(const struct vmoon_ldobj *obj, unsigned reg,
			 uint32_t element) VMOON_NONNULL(1);

/* Pushes a field of that register's value into any state: it cannot raise. */
void vmoon_ldobj_push_field(lua_State *L, const struct vmoon_ldobj *obj,
			    unsigned reg, size_t field, uint64_t value)
	VMOON_NONNULL(1, 2);

/* ---- snapshots of what is no register, for a device's save and load ---- */

void vmoon_ldobj_save(const struct vmoon_ldobj *obj,
		      struct vmoon_state_writer *w) VMOON_NONNULL(1, 2);
/* All or nothing; bytes are an attacker's. E_IMAGE. */
VMOON_STATUS vmoon_ldobj_load(struct vmoon_ldobj *obj,
			      struct vmoon_state_reader *r,
			      struct vmoon_error *err) VMOON_NONNULL(1, 2);

#endif
