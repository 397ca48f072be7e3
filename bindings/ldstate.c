/* SPDX-License-Identifier: MIT */
/*
 * ldstate.c - a Lua state for the code of one device: walled in and timed.
 *
 * Its walls, in their order: an arena that every allocation comes from; the
 * state; a library of allowed functions (ldlib.c). Its time: a watch whose
 * signal sets a hook on the thread of Lua that runs, and steps that C functions
 * pay. Once either is used up every instruction raises until the call returns,
 * so nothing that the script catches keeps it alive.
 *
 * The collector is stopped. Whoever owns the state gives it slices between
 * calls; a call that finds too much garbage pays a slice itself. Only a full
 * arena makes Lua collect inside of a call: one pass over the arena, whose size
 * is the bound. In a trusted state it runs by itself: calls may take long, and
 * a pass over a full arena does not free what has a finalizer, as files have.
 */
#include "ldstate.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "larena.h"
#include "ldguard.h"
#include "ldlib.h"
#include "lhost.h"
#include "vmoon/ckd.h"

enum {
	MEMORY_MAX = 1 << 30,
	STACK_SLOTS = 64, /* for whoever owns it, outside of run */
	GARBAGE_MIN = 64 << 10,
	GARBAGE_PART = 64, /* of the arena: 256 KiB of 16 MiB */
	GC_FACTOR = 4,     /* above the baseline a call collects itself */
	GC_TURNS_MAX = 1 << 20,
	TIMED_FIRST = 1000, /* calls that are all timed */
	TIMED_EVERY = 11,   /* then: a prime, as calls often come in turns */
	TICKS_UNIT = 1 << 20,
	DEEP_CALLS = 200,
	LATE_BYTES = 64 << 10, /* at most, of what is over its budget */
	HEAD_BYTES = 512       /* of a text, where binary data shows */
};
#define NO_MEMORY "not enough memory" /* Lua's own words */
#define GC_SLICE_NS UINT64_C(200000)

struct vmoon_ldstate {
	struct vmoon_mem *mem; /* borrowed */
	void *block;           /* owned: the arena */
	size_t block_size;
	struct vmoon_larena *arena; /* in block */
	lua_State *L;               /* owned */
	struct vmoon_watch watch;
	bool has_watch, is_trusted;
	uint64_t budget_ns;
	char *folder; /* owned */
	void *owner;  /* borrowed */
	void (*log)(void *ctx, const char *line);
	void *log_ctx; /* borrowed */

	struct vmoon_ldbudget budget; /* of the call that runs */
	bool is_running, may_read;

	/* Bytes: when whoever owns it shall collect, when a call does. */
	size_t garbage_at, collect_at;
	bool was_late;
	bool was_deep, was_wide; /* when memory ended: calls, a table */
	char error[VMOON_LDSTATE_ERROR_MAX];
	struct vmoon_ldstate_stats stats; /* but for times and memory */
	/* Of one call in TIMED_EVERY, once there were many; of all that the
	 * watchdog has seen. */
	uint64_t worst_ticks, total_ticks, last_ticks, last_share;
	uint64_t timed_ticks; /* of what was timed, and no more */
	unsigned until_timed;
	bool is_all_timed;
	uint64_t first_ticks, first_ns; /* of its creation */
};

struct vmoon_ldstate *vmoon_ldstate_of(lua_State *L)
{
	return VMOON_CONTAINER_OF(vmoon_ldbudget_of(L), struct vmoon_ldstate,
				  budget);
}

/* ---- memory ---- */

/*
 * What else one instruction of Lua, or one C function, could do for seconds,
 * without a look at the budget: tables whose integer keys all collide, which
 * are put into a larger one one by one, and a stack that grows for ever. Only
 * the nodes of a table are a block of their own that is no object and has
 * exactly such a size (liblua 5.4, ltable.c, setnodevector).
 */
static bool is_refused(struct vmoon_ldstate *s, const void *block,
		       size_t old_size, size_t new_size)
{
	if (s->is_trusted || (block != NULL && new_size <= old_size))
		return false;
	if (s->is_running && new_size > LATE_BYTES &&
	    __atomic_load_n(&s->budget.is_over, __ATOMIC_RELAXED))
		return true;
	if (block != NULL || old_size != 0 || new_size == s->budget.bytes ||
	    !vmoon_ldguard_is_nodes(new_size))
		return false;
	s->was_wide = true;
	return true;
}

static void *allocate(void *ctx, void *block, size_t old_size, size_t new_size)
{
	struct vmoon_ldstate *s = ctx;
	void *new_block = NULL;
	lua_Debug ar;

	if (new_size == 0 || !is_refused(s, block, old_size, new_size))
		new_block = vmoon_larena_resize(s->arena, block, new_size);
	if (new_block == NULL && new_size > 0 && s->is_running)
		s->was_deep |= lua_getstack(s->L, DEEP_CALLS, &ar) != 0;
	return new_block;
}

/* ---- what the library asks ---- */

size_t vmoon_ldguard_memory(lua_State *L)
{
	return vmoon_larena_capacity(vmoon_ldstate_of(L)->arena);
}

bool vmoon_ldguard_may_read(lua_State *L)
{
	return vmoon_ldstate_of(L)->may_read;
}

const char *vmoon_ldguard_folder(lua_State *L)
{
	return vmoon_ldstate_of(L)->folder;
}

void vmoon_ldguard_log(lua_State *L, const char *line)
{
	const struct vmoon_ldstate *s = vmoon_ldstate_of(L);

	if (s->log != NULL)
		s->log(s->log_ctx, line);
}

/*
 * After a whole collection, by what it left. One looks at all that there is, so
 * it is for a part of that.
 */
static void set_marks(struct vmoon_ldstate *s)
{
	const size_t part = vmoon_larena_capacity(s->arena) / GARBAGE_PART;
	const size_t used = vmoon_larena_used(s->arena);

	s->garbage_at = used + (part > GARBAGE_MIN ? part : GARBAGE_MIN);
	s->collect_at = GC_FACTOR * used;
	if (s->is_trusted)
		s->garbage_at = s->collect_at = SIZE_MAX;
}

/* ---- calls ---- */

static void begin(struct vmoon_ldstate *s, uint64_t budget_ns)
{
	s->is_running = true;
	s->was_deep = s->was_wide = false;
	vmoon_ldbudget_begin(&s->budget, s->L,
			     s->is_trusted
				     ? UINT64_MAX
				     : budget_ns / VMOON_LDGUARD_NS_A_STEP);
	if (s->has_watch)
		vmoon_watch_begin(&s->watch, budget_ns);
}

static void end(struct vmoon_ldstate *s)
{
	if (s->has_watch)
		VMOON_IGNORE(vmoon_watch_end(&s->watch));
	s->is_running = false;
	vmoon_ldbudget_end(&s->budget, s->L);
}

static void note_text(struct vmoon_ldstate *s, const char *text, size_t len)
{
	vmoon_ldstate_line(s->error, sizeof(s->error), text, len);
}

static void note_memory(struct vmoon_ldstate *s)
{
	const char *why = "";

	if (s->was_deep)
		why = " in more than 200 nested calls: does a function call "
		      "itself for ever?";
	else if (s->was_wide)
		why = ": a table has at most 16384 keys besides 1 to n";
	(void)snprintf(s->error, sizeof(s->error), "out of memory (%zu KiB)%s",
		       s->block_size / 1024, why);
}

/* The error object is on the top; it is not asked anything. */
static enum vmoon_status note_error(struct vmoon_ldstate *s, int status,
				    uint64_t budget_ns)
{
	const char *text;
	size_t len;

	s->was_late = s->budget.is_over;
	if (s->was_late) {
		char line[sizeof(s->error)];

		len = (size_t)snprintf(
			line, sizeof(line), "%sexceeded its budget of %g ms",
			s->budget.place, (double)budget_ns / 1e6);
		note_text(s, line, len < sizeof(line) ? len : sizeof(line) - 1);
		return VMOON_E_TIMEOUT;
	}
	if (status == LUA_ERRMEM) {
		note_memory(s);
		return VMOON_E_NOMEM;
	}
	if (lua_type(s->L, -1) == LUA_TSTRING) {
		text = lua_tolstring(s->L, -1, &len);
		note_text(s, text, len);
		/* As coroutine.wrap passes it on, with a place before it. */
		if (len >= sizeof(NO_MEMORY) - 1 &&
		    strcmp(text + len - (sizeof(NO_MEMORY) - 1), NO_MEMORY) ==
			    0)
			return VMOON_E_NOMEM;
	} else {
		(void)snprintf(s->error, sizeof(s->error),
			       "an error that is no text (a %s value)",
			       lua_typename(s->L, lua_type(s->L, -1)));
	}
	return VMOON_E_SCRIPT;
}

static enum vmoon_status call(struct vmoon_ldstate *s, int nargs, int nresults,
			      uint64_t budget_ns)
{
	const int base = lua_gettop(s->L) - nargs - 1;
	const bool is_inner = s->is_running; /* then the outer budget holds */
	lua_State *before = NULL;
	enum vmoon_status st;
	int status;

	if (is_inner)
		before = vmoon_ldguard_switch(s->L);
	else
		begin(s, budget_ns);
	status = lua_pcall(s->L, nargs, nresults, 0);
	if (is_inner)
		(void)vmoon_ldguard_switch(before);
	else
		end(s);
	if (status == LUA_OK && !s->budget.is_over)
		return VMOON_OK;
	st = note_error(s, status, budget_ns);
	lua_settop(s->L, base);
	return st;
}

/* How many calls this one stands for. 0: it is not timed. */
static unsigned share_of_call(struct vmoon_ldstate *s)
{
	if (s->stats.calls < TIMED_FIRST)
		return 1;
	if (s->until_timed-- > 0)
		return 0;
	s->until_timed = TIMED_EVERY - 1;
	return TIMED_EVERY;
}

/* What a call took that was not timed, but that the watchdog has seen. */
static __attribute__((noinline)) uint64_t ticks_seen(
	const struct vmoon_ldstate *s, uint64_t since_ns)
{
	const uint64_t unit_ns = vmoon_ldstate_ns(s, TICKS_UNIT);
	const uint64_t ns = vmoon_lhost_now_ns() - since_ns;

	return unit_ns == 0
		       ? 0
		       : (uint64_t)((double)ns * TICKS_UNIT / (double)unit_ns);
}

/* Reading the counter takes as long as a short hook: see TIMED_EVERY. */
static void note_time(struct vmoon_ldstate *s, uint64_t begin, unsigned share)
{
	const uint64_t seen_ns =
		s->has_watch ? vmoon_watch_seen_ns(&s->watch) : 0;
	uint64_t ticks = 0;

	if (begin != 0)
		ticks = vmoon_lhost_ticks() - begin;
	else if (seen_ns != 0)
		ticks = ticks_seen(s, seen_ns);
	s->last_ticks = ticks;
	s->last_share = ticks * (seen_ns != 0 ? 1 : share);
	s->total_ticks += s->last_share;
	s->timed_ticks += ticks;
	if (ticks > s->worst_ticks)
		s->worst_ticks = ticks;
}

bool vmoon_ldstate_call(struct vmoon_ldstate *s, int nargs, int nresults)
{
	const unsigned share = share_of_call(s);
	uint64_t begin = 0;
	enum vmoon_status st;

	if (vmoon_larena_used(s->arena) > s->collect_at && !s->is_running)
		vmoon_ldstate_gc(s, GC_SLICE_NS);
	if (share > 0 || s->is_all_timed)
		begin = vmoon_lhost_ticks();
	st = call(s, nargs, nresults, s->budget_ns);
	note_time(s, begin, share);
	s->stats.calls++;
	s->stats.errors += st != VMOON_OK;
	s->stats.late += st == VMOON_E_TIMEOUT;
	return st == VMOON_OK;
}

enum vmoon_status vmoon_ldstate_run(struct vmoon_ldstate *s, lua_CFunction fn,
				    void *arg, uint64_t budget_ns,
				    struct vmoon_error *err)
{
	const bool may_read = s->may_read;
	enum vmoon_status st;

	lua_pushcfunction(s->L, fn);
	lua_pushlightuserdata(s->L, arg);
	s->may_read = true;
	st = call(s, 1, LUA_MULTRET, budget_ns == 0 ? s->budget_ns : budget_ns);
	s->may_read = may_read;
	return st == VMOON_OK ? VMOON_OK
			      : vmoon_fail(err, st, 0, "%s", s->error);
}

/* Lua would explain it badly. */
static bool is_binary(const char *text, size_t len)
{
	return len > 0 && (text[0] == LUA_SIGNATURE[0] ||
			   memchr(text, '\0',
				  len < HEAD_BYTES ? len : HEAD_BYTES) != NULL);
}

void vmoon_ldstate_load(lua_State *L, const char *text, size_t len,
			const char *chunk_name)
{
	if (is_binary(text, len))
		luaL_error(L, "%s: it is binary data, not a Lua script",
			   chunk_name + 1); /* behind "@" or "=" */
	if (vmoon_ldguard_load(L, text, len, chunk_name) != LUA_OK)
		lua_error(L);
}

/* ---- the collector ---- */

bool vmoon_ldstate_wants_gc(const struct vmoon_ldstate *s)
{
	return vmoon_larena_used(s->arena) > s->garbage_at;
}

void vmoon_ldstate_gc(struct vmoon_ldstate *s, uint64_t budget_ns)
{
	const uint64_t begin = vmoon_lhost_now_ns();

	for (unsigned i = 0; i < GC_TURNS_MAX; i++) {
		if (lua_gc(s->L, LUA_GCSTEP, 0) != 0) {
			set_marks(s);
			break;
		}
		if (vmoon_lhost_now_ns() - begin >= budget_ns)
			break;
	}
}

/* ---- making one ---- */

/* Its folder comes before all others that require looks in. */
static void open_all(lua_State *L, const char *folder)
{
	luaL_openlibs(L);
	if (folder == NULL)
		return;
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "path");
	lua_pushfstring(L, "%s/?.lua;%s", folder, lua_tostring(L, -1));
	lua_setfield(L, -3, "path");
	lua_pop(L, 2);
}

static int open_state(lua_State *L)
{
	struct vmoon_ldstate *s = lua_touserdata(L, 1);

	vmoon_ldbudget_open(L);
	if (s->is_trusted)
		open_all(L, s->folder);
	else
		vmoon_ldlib_open(L);
	lua_gc(L, LUA_GCCOLLECT);
	return 0;
}

static enum vmoon_status make_state(struct vmoon_ldstate *s,
				    struct vmoon_error *err)
{
	enum vmoon_status st;

	s->arena = vmoon_larena_init(s->block, s->block_size);
	s->L = lua_newstate(allocate, s);
	if (s->L == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "device state: out of memory");
	vmoon_ldbudget_attach(&s->budget, s->L);
	if (s->is_trusted)
		lua_gc(s->L, LUA_GCGEN, 0, 0);
	else
		lua_gc(s->L, LUA_GCSTOP);
	/* Not the script's code: no watch. */
	st = vmoon_ldstate_run(s, open_state, s, s->budget_ns, err);
	if (st == VMOON_OK && lua_checkstack(s->L, STACK_SLOTS) == 0)
		st = vmoon_fail(err, VMOON_E_NOMEM, 0,
				"device state: out of memory");
	set_marks(s);
	return st;
}

static enum vmoon_status reserve(struct vmoon_ldstate *s, const char *folder,
				 struct vmoon_error *err)
{
	s->block = vmoon_mem_resize(s->mem, NULL, 0, s->block_size);
	if (folder != NULL)
		s->folder = vmoon_mem_copy(s->mem, folder, strlen(folder));
	if (s->block == NULL || (folder != NULL && s->folder == NULL))
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "device state: out of memory (%zu KiB)",
				  s->block_size / 1024);
	return VMOON_OK;
}

enum vmoon_status vmoon_ldstate_create(const struct vmoon_ldstate_options *opts,
				       struct vmoon_ldstate **out_state,
				       struct vmoon_error *err)
{
	struct vmoon_ldstate *s;
	enum vmoon_status st;

	if (opts->watchdog == NULL && !opts->is_trusted)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "device state: no watchdog given");
	if (opts->memory != 0 && (opts->memory < VMOON_LDSTATE_MEMORY_MIN ||
				  opts->memory > MEMORY_MAX))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "device state: memory must be between %d KiB "
				  "and %d MiB",
				  (int)VMOON_LDSTATE_MEMORY_MIN / 1024,
				  (int)MEMORY_MAX >> 20);
	s = vmoon_mem_alloc(opts->mem, sizeof(*s));
	if (s == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "device state: out of memory");
	s->mem = opts->mem;
	s->block_size =
		opts->memory == 0 ? (size_t)VMOON_LDSTATE_MEMORY : opts->memory;
	s->budget_ns = opts->budget_ns == 0 ? VMOON_LDSTATE_BUDGET_NS
					    : opts->budget_ns;
	s->is_trusted = opts->is_trusted;
	s->budget.is_endless = opts->is_trusted;
	s->first_ticks = vmoon_lhost_ticks();
	s->first_ns = vmoon_lhost_now_ns();
	st = reserve(s, opts->folder, err);
	if (st == VMOON_OK)
		st = make_state(s, err);
	if (st == VMOON_OK && !s->is_trusted && opts->watchdog == NULL)
		st = vmoon_fail(err, VMOON_E_INVAL, 0,
				"device: its code needs a watchdog");
	if (st == VMOON_OK && !s->is_trusted) {
		st = vmoon_watch_init(&s->watch, opts->watchdog,
				      vmoon_ldbudget_late, &s->budget, err);
		s->has_watch = st == VMOON_OK;
	}
	if (st != VMOON_OK) {
		vmoon_ldstate_destroy(s);
		return st;
	}
	*out_state = s;
	return VMOON_OK;
}

void vmoon_ldstate_destroy(struct vmoon_ldstate *s)
{
	if (s == NULL)
		return;
	if (s->has_watch)
		vmoon_watch_fini(&s->watch);
	/*
	 * Without finalizers all there is to give back is the arena. They get
	 * nothing of the owner: it has gone, or this is its old code.
	 */
	s->owner = NULL;
	if (s->L != NULL && s->is_trusted)
		lua_close(s->L);
	vmoon_mem_free(s->mem, s->block, s->block_size);
	if (s->folder != NULL)
		vmoon_mem_free(s->mem, s->folder, strlen(s->folder) + 1);
	vmoon_mem_free(s->mem, s, sizeof(*s));
}

lua_State *vmoon_ldstate_lua(struct vmoon_ldstate *s)
{
	return s->L;
}

uint64_t vmoon_ldstate_load_budget(const struct vmoon_ldstate *s)
{
	const uint64_t call = s->budget_ns > VMOON_LDSTATE_BUDGET_NS
				      ? s->budget_ns
				      : VMOON_LDSTATE_BUDGET_NS;
	uint64_t load;

	return ckd_mul(&load, call, VMOON_LDSTATE_LOAD_FACTOR) ? call : load;
}

void vmoon_ldstate_set_owner(struct vmoon_ldstate *s, void *owner)
{
	s->owner = owner;
}

void *vmoon_ldstate_owner(struct vmoon_ldstate *s)
{
	return s->owner;
}

void vmoon_ldstate_set_log(struct vmoon_ldstate *s,
			   void (*log)(void *ctx, const char *line), void *ctx)
{
	s->log = log;
	s->log_ctx = ctx;
}

void vmoon_ldstate_set_module(lua_State *L, const char *name)
{
	if (vmoon_ldstate_of(L)->is_trusted) {
		luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
		lua_insert(L, -2);
		lua_setfield(L, -2, name);
		lua_pop(L, 1);
	} else {
		vmoon_ldlib_set_module(L, name);
	}
}

const char *vmoon_ldstate_error(const struct vmoon_ldstate *s)
{
	return s->error;
}

bool vmoon_ldstate_was_late(const struct vmoon_ldstate *s)
{
	return s->was_late;
}

uint64_t vmoon_ldstate_last_ticks(const struct vmoon_ldstate *s)
{
	return s->last_ticks;
}

uint64_t vmoon_ldstate_last_share(const struct vmoon_ldstate *s)
{
	return s->last_share;
}

void vmoon_ldstate_time_all(struct vmoon_ldstate *s, bool is_on)
{
	s->is_all_timed = is_on;
}

uint64_t vmoon_ldstate_timed_ticks(const struct vmoon_ldstate *s)
{
	return s->timed_ticks;
}

uint64_t vmoon_ldstate_ns(const struct vmoon_ldstate *s, uint64_t ticks)
{
	const uint64_t all_ns = vmoon_lhost_now_ns() - s->first_ns;
	const uint64_t all = vmoon_lhost_ticks() - s->first_ticks;

	return all == 0 ? 0
			: (uint64_t)((double)ticks * (double)all_ns /
				     (double)all);
}

void vmoon_ldstate_stats(const struct vmoon_ldstate *s,
			 struct vmoon_ldstate_stats *out)
{
	*out = s->stats;
	out->worst_ns = vmoon_ldstate_ns(s, s->worst_ticks);
	out->total_ns = vmoon_ldstate_ns(s, s->total_ticks);
	out->memory = vmoon_larena_used(s->arena);
	out->memory_peak = vmoon_larena_peak(s->arena);
	out->memory_max = vmoon_larena_capacity(s->arena);
}
