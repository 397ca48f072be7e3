/* SPDX-License-Identifier: MIT */
/* ldobj_parts.h - what the files of a device in Lua at work share. */
#ifndef VMOON_BINDINGS_LDOBJ_PARTS_H
#define VMOON_BINDINGS_LDOBJ_PARTS_H

#include "ldobj.h"
#include "ldpack.h"
#include "vmoon/bucket.h"

/* A prime: guests often do the same few accesses over and over. */
enum { VMOON_LDOBJ_TIMED = 61 };

struct vmoon_ldhook {
	vmoon_ldslot fn; /* 0: there is none */
	enum vmoon_ldhook_kind kind;
	size_t index;
	bool was_slow; /* and has been logged */
	uint64_t calls, errors, total_ticks, worst_ticks;
};

/* What is made from the file; a reload makes another. */
struct vmoon_ldcode {
	struct vmoon_ldstate *state; /* owned */
	struct vmoon_ldspec *spec;   /* owned */
	/* Of registers those that read, those that write; then the others. */
	struct vmoon_ldhook *hooks; /* owned: hook_count */
	size_t hook_count;
	size_t first[VMOON_LDHOOK_RESET + 2]; /* of a kind */
	uint64_t *bools; /* owned: of each register the fields that are one */
	/* In the state: d; the table of extend; the key "state". */
	vmoon_ldslot d, extra, state_key;
};

struct vmoon_ldposted {
	unsigned reg;
	uint32_t element;
	uint64_t written, old;
};

struct vmoon_ldobj {
	struct vmoon_device dev;  /* of a register device; before the map's */
	_Atomic unsigned holders; /* the maker, and a device */
	struct vmoon_ldobj_options opts; /* its strings are owned */
	char *name;                      /* owned */
	struct vmoon_ldcode code;
	struct vmoon_device_env env;   /* all zero before attach */
	struct vmoon_regmap *map;      /* owned; NULL before attach */
	struct vmoon_device *map_dev;  /* borrowed: the map's, for an access */
	struct vmoon_ldvirtio *virtio; /* borrowed: its carrier, or NULL */
	struct vmoon_ldaway *away; /* owned; NULL: nothing is in the script */

	/* The device's time, and where its clock was then. */
	uint64_t origin_ns;
	uint64_t due_ns[VMOON_LDSPEC_TIMERS_MAX]; /* by the clock; 0: off */
	uint64_t armed_ns;  /* what env.timer was set to */
	bool is_ticking;    /* timers are set when all are done */
	bool has_woken;     /* env.wake was set, and has not come */
	bool has_held_back; /* an access waits for posted writes */

	/*
	 * One access in VMOON_LDOBJ_TIMED is timed, with what two looks at the
	 * counter take; Lua's own time is no part.
	 */
	unsigned until_timed; /* accesses, this one too */
	uint64_t timed, c_ticks, look_ticks;

	struct vmoon_ldposted posted[VMOON_LDOBJ_POSTED_MAX];
	unsigned posted_head, posted_len;
	unsigned doorbells[VMOON_LDSPEC_DOORBELLS_MAX]; /* their registers */
	struct vmoon_doorbell bells[VMOON_LDSPEC_DOORBELLS_MAX];
	size_t doorbell_count;

	unsigned strikes;
	bool has_failed, has_error;
	char error[VMOON_LDSTATE_ERROR_MAX + VMOON_LDOBJ_HOOK_NAME_MAX];
	/* Events, lines, posted, errors; of hooks: before the last reload. */
	struct vmoon_ldobj_stats stats;

	/* d:post: the records that wait, from head on. */
	unsigned char events[VMOON_LDOBJ_EVENTS_MAX];
	size_t events_head, events_len;
	struct vmoon_bucket lines; /* bytes of d:log */

	bool is_watched;
	void (*watcher)(void *ctx, const struct vmoon_reg_access_note *note);
	void *watcher_ctx; /* borrowed */
	struct vmoon_reg_access_note notes[VMOON_LDOBJ_NOTES_MAX];
	size_t note_count; /* so far: the last NOTES_MAX are there */
};

/* ---- ldobj_code.c ---- */

VMOON_STATUS vmoon_ldcode_make(struct vmoon_ldobj *obj,
			       void (*fn)(void *ctx,
					  const struct vmoon_ldproblem *),
			       void *fn_ctx, struct vmoon_ldcode *out,
			       struct vmoon_error *err) VMOON_NONNULL(1, 4);
void vmoon_ldcode_fini(struct vmoon_ldcode *code, struct vmoon_mem *mem)
	VMOON_NONNULL(1);
/* The n-th of a kind, or NULL. */
struct vmoon_ldhook *vmoon_ldcode_hook(const struct vmoon_ldcode *code,
				       enum vmoon_ldhook_kind kind,
				       size_t index) VMOON_NONNULL(1);

/* ---- ldobj.c ---- */

/* Its name, as messages have it. */
void vmoon_ldhook_describe(const struct vmoon_ldobj *obj,
			   const struct vmoon_ldhook *hook, char *buf,
			   size_t size) VMOON_NONNULL(1, 2, 3);
/* Whether writes to the register are no exits. */
bool vmoon_ldobj_is_doorbell(const struct vmoon_ldspec *spec, size_t reg)
	VMOON_NONNULL(1);
/* Asks for vmoon_ldobj_work, once. */
void vmoon_ldobj_wake(struct vmoon_ldobj *obj) VMOON_NONNULL(1);

/* ---- ldobj_reg.c ---- */

/* Pushes d.reg; inside a call. */
void vmoon_ldreg_push(lua_State *L, const struct vmoon_ldspec *spec)
	VMOON_NONNULL(1, 2);
/* A value as a register takes it: false, and why, for other shapes. */
bool vmoon_ldreg_value(lua_State *L, int idx, uint64_t *out,
		       const char **out_why) VMOON_NONNULL(1, 3, 4);
/* Pushes name -> index of a register, of all. */
void vmoon_ldreg_names(lua_State *L, const struct vmoon_ldspec *spec)
	VMOON_NONNULL(1, 2);
/* Pushes a field of a register's value: a boolean, or an integer. */
void vmoon_ldreg_field(lua_State *L, const struct vmoon_ldcode *code,
		       unsigned reg, size_t field, uint64_t value)
	VMOON_NONNULL(1, 2);
/* ---- ldobj_fields.c ---- */

/* on_write of registers with fields: from now on they get fields. */
VMOON_STATUS vmoon_ldfields_open(const struct vmoon_ldcode *code,
				 struct vmoon_error *err) VMOON_NONNULL(1);

/* ---- ldobj_access.c ---- */

/* The map's hooks. */
bool vmoon_ldreg_read(void *ctx, unsigned reg, uint32_t element,
		      uint64_t *value);
void vmoon_ldreg_write(void *ctx, unsigned reg, uint32_t element,
		       uint64_t written, uint64_t old);
/* on_write; when it fails the register is as it was. */
void vmoon_ldreg_run_write(struct vmoon_ldobj *obj, unsigned reg,
			   uint32_t element, uint64_t written, uint64_t old)
	VMOON_NONNULL(1);
/* All posted writes, in their order. */
/*
 * Once a hook of a register has failed: a line with the access (written NULL: a
 * read) and the registers.
 */
void vmoon_ldnote_failure(struct vmoon_ldobj *obj,
			  const struct vmoon_ldhook *hook, uint32_t element,
			  const uint64_t *written) VMOON_NONNULL(1, 2);
void vmoon_ldreg_drain(struct vmoon_ldobj *obj) VMOON_NONNULL(1);
/* The guest has rung: on_write with what is stored. */
void vmoon_ldreg_rung(struct vmoon_ldobj *obj, unsigned i) VMOON_NONNULL(1);

/* ---- ldobj_away.c: all but the first four where obj->away is set ---- */

/* False: out of memory. */
bool vmoon_ldaway_open(struct vmoon_ldobj *obj) VMOON_NONNULL(1);
void vmoon_ldaway_close(struct vmoon_ldobj *obj) VMOON_NONNULL(1);
/* The device is reset: nobody waits for an answer. */
void vmoon_ldaway_drop(struct vmoon_ldobj *obj) VMOON_NONNULL(1);
/* Its code is new: what is under way is asked once more. */
void vmoon_ldaway_lose(struct vmoon_ldobj *obj) VMOON_NONNULL(1);
/* When vmoon_ldaway_tick is due; 0: never. */
uint64_t vmoon_ldaway_due(const struct vmoon_ldobj *obj) VMOON_NONNULL(1);
void vmoon_ldaway_tick(struct vmoon_ldobj *obj, uint64_t now) VMOON_NONNULL(1);
/* Before and behind an access; false: it has its value, and is over. */
bool vmoon_ldaway_enter(struct vmoon_ldobj *obj, uint64_t off, unsigned size,
			bool is_write, uint64_t *out_value) VMOON_NONNULL(1, 5);
void vmoon_ldaway_leave(struct vmoon_ldobj *obj, uint64_t off, bool is_write)
	VMOON_NONNULL(1);
/* In the device's state, instead of the function. */
int vmoon_ldaway_run(lua_State *L, struct vmoon_ldobj *obj, unsigned fn)
	VMOON_NONNULL(1, 2);
/* The hook that failed just now has asked the script: no error. */
bool vmoon_ldaway_is_asking(const struct vmoon_ldobj *obj) VMOON_NONNULL(1);
/* What that access is about, and the note of it; false: it is an ordinary one.
 */
void vmoon_ldaway_keep(struct vmoon_ldobj *obj, unsigned reg, uint32_t element,
		       uint64_t value, uint64_t old) VMOON_NONNULL(1);
bool vmoon_ldaway_keep_note(struct vmoon_ldobj *obj,
			    const struct vmoon_reg_access_note *note)
	VMOON_NONNULL(1, 2);
/* How long the script took for the call that ends; 0: it had no part. */
uint64_t vmoon_ldaway_take_ticks(struct vmoon_ldobj *obj) VMOON_NONNULL(1);

/* ---- ldobj_lib.c ---- */

/* Sets d's methods in the table on the top, as the kind of device has them. */
void vmoon_ldlib_methods(lua_State *L, const struct vmoon_ldspec *spec)
	VMOON_NONNULL(1, 2);

/* ---- ldobj_time.c ---- */

/* Of the device: from 0 when it was made, on through snapshots. */
uint64_t vmoon_ldtime_now(const struct vmoon_ldobj *obj) VMOON_NONNULL(1);
uint64_t vmoon_ldtime_clock(const struct vmoon_ldobj *obj) VMOON_NONNULL(1);
void vmoon_ldtime_arm(struct vmoon_ldobj *obj) VMOON_NONNULL(1);

/* ---- ldobj_script.c ---- */

/* A line for whoever listens, as far as its rate goes. */
void vmoon_ldobj_line(struct vmoon_ldobj *obj, enum vmoon_log_level level,
		      const char *line) VMOON_NONNULL(1, 3);
void vmoon_ldobj_start_watch(struct vmoon_ldobj *obj) VMOON_NONNULL(1);
void vmoon_ldobj_note_access(struct vmoon_ldobj *obj,
			     const struct vmoon_reg_access_note *note)
	VMOON_NONNULL(1, 2);
/* The value at idx of L: false when there is no room, or why says no. */
bool vmoon_ldobj_put_event(struct vmoon_ldobj *obj, lua_State *L,
			   const char *name, int idx, bool is_latest,
			   char why[VMOON_LDPACK_PATH_MAX + 64])
	VMOON_NONNULL(1, 2, 3, 6);

/* ---- ldobj_state.c ---- */

/* For reload: d.state of one, over that of the other. */
VMOON_STATUS vmoon_ldobj_move_state(struct vmoon_ldobj *obj,
				    struct vmoon_ldcode *to,
				    struct vmoon_error *err)
	VMOON_NONNULL(1, 2);
/* Pushes d.state of the code; cannot raise. */
void vmoon_ldobj_push_state(const struct vmoon_ldcode *code) VMOON_NONNULL(1);

#endif
