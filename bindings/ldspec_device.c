/* SPDX-License-Identifier: MIT */
/* ldspec_device.c - the table that a device file returns. */
#include "ldcheck.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "ldpack.h"

enum {
	PIO_SPACE = 1 << 16,
	STATE_PROBLEMS_MAX = 16,
	/* For more than one problem, a bound on the time: of a table in the
	 * state, and of all of them. */
	STATE_LOOK_EACH = 1 << 17,
	STATE_LOOK_ALL = 1 << 21
};

/* The choices of worker, in their order. */
enum { SHARED, OWN };

#define ROW(id) (&vmoon_ldkeys_device.rows[id])

static int64_t number_or(const struct vmoon_ldvalue *v, int64_t otherwise)
{
	return v->is_set && !v->is_bad ? v->number : otherwise;
}

static const char *copy_text(struct vmoon_ldcheck *c,
			     const struct vmoon_ldvalue *v)
{
	return v->is_set && !v->is_bad ? vmoon_ldcheck_copy(c, v->text, v->len)
				       : NULL;
}

/* "counter" of "devices/counter.lua". */
static const char *name_of_file(struct vmoon_ldcheck *c)
{
	static const char ending[] = ".lua";
	const char *path = c->source->path != NULL ? c->source->path : "";
	const char *slash = strrchr(path, '/');
	size_t len;

	path = slash != NULL ? slash + 1 : path;
	len = strlen(path);
	if (len > sizeof(ending) - 1 &&
	    strcmp(path + len - (sizeof(ending) - 1), ending) == 0)
		len -= sizeof(ending) - 1;
	if (len == 0 || len > 64)
		return "device";
	return vmoon_ldcheck_copy(c, path, len);
}

static void say_at(struct vmoon_ldcheck *c, const char *key, const char *what,
		   const char *hint)
{
	const size_t before = vmoon_ldcheck_enter(c, key);

	vmoon_ldcheck_say(c, "%s", what);
	if (hint != NULL)
		vmoon_ldcheck_hint(c, "%s", hint);
	vmoon_ldcheck_leave(c, before);
}

/* ACPI 6.5, 6.1.5: a PNP or an ACPI id. */
static bool is_hid(const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
			  both[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
			  digits[] = "0123456789ABCDEF";
	const size_t len = strlen(text), vendor = len == 7 ? 3 : 4;

	return (len == 7 || len == 8) &&
	       strspn(text, len == 7 ? letters : both) >= vendor &&
	       strspn(text + vendor, digits) == 4;
}

static void check_ids(struct vmoon_ldcheck *c, const struct vmoon_ldvalue *v)
{
	struct vmoon_ldspec *spec = c->spec;

	spec->name = copy_text(c, &v[VMOON_LDKEY_DEVICE_NAME]);
	if (spec->name == NULL)
		spec->name = name_of_file(c);
	spec->compatible = copy_text(c, &v[VMOON_LDKEY_DEVICE_COMPATIBLE]);
	spec->hid = copy_text(c, &v[VMOON_LDKEY_DEVICE_HID]);
	if (spec->hid != NULL && !is_hid(spec->hid))
		say_at(c, "hid",
		       "expected 3 or 4 upper-case letters and 4 hexadecimal "
		       "digits",
		       "for example: hid = \"PNP0501\"");
}

/* ---- the window and the interrupt ---- */

static void check_window(struct vmoon_ldcheck *c, const struct vmoon_ldvalue *v)
{
	struct vmoon_ldspec *spec = c->spec;
	const uint64_t size =
		(uint64_t)number_or(&v[VMOON_LDKEY_DEVICE_WINDOW], 0);
	size_t before;

	spec->at = (uint64_t)number_or(&v[VMOON_LDKEY_DEVICE_AT], 0);
	spec->map.size = sizeof(spec->map);
	spec->map.window = size;
	if (spec->kind != VMOON_LDSPEC_PIO)
		return;
	if (size > PIO_SPACE) {
		before = vmoon_ldcheck_enter(c, "size");
		vmoon_ldcheck_say(c,
				  "0x%llx bytes are more than the ports "
				  "that there are, 0x10000",
				  (unsigned long long)size);
		vmoon_ldcheck_leave(c, before);
	} else if (!vmoon_range_ok(spec->at, size, PIO_SPACE)) {
		before = vmoon_ldcheck_enter(c, "at");
		vmoon_ldcheck_say(c,
				  "ports 0x%llx..0x%llx are outside of "
				  "0x0..0xffff",
				  (unsigned long long)spec->at,
				  (unsigned long long)(spec->at + size - 1));
		vmoon_ldcheck_leave(c, before);
	}
}

static void check_irq(struct vmoon_ldcheck *c, const struct vmoon_ldvalue *v)
{
	struct vmoon_ldspec *spec = c->spec;
	const struct vmoon_ldvalue *irq = &v[VMOON_LDKEY_DEVICE_IRQ];

	if (irq->is_set)
		spec->irq = irq->number == 1 ? VMOON_LDSPEC_EDGE
					     : VMOON_LDSPEC_LEVEL;
	spec->map.is_edge = spec->irq == VMOON_LDSPEC_EDGE;
	spec->line = (unsigned)number_or(&v[VMOON_LDKEY_DEVICE_LINE], 0);
	if (spec->line != 0 && !irq->is_set)
		say_at(c, "line", "the device has no interrupt",
		       "for example: irq = \"level\"");
}

static void check_where(struct vmoon_ldcheck *c, const struct vmoon_ldvalue *v)
{
	if (number_or(&v[VMOON_LDKEY_DEVICE_WHERE], 0) == 0)
		return;
	c->where = VMOON_LDSPEC_SCRIPT;
	if (!c->source->allow_script)
		say_at(c, "where",
		       "\"script\" is for devices that a script writes inline",
		       "code of a file has a state of its own; leave it out");
}

/* ---- state, timers, methods ---- */

/* why: "PATH: MESSAGE", and no message has a colon. */
static void say_state(struct vmoon_ldcheck *c, char *why)
{
	char *message = why, *next;
	size_t before;

	while ((next = strstr(message, ": ")) != NULL)
		message = next + 2;
	if (message != why)
		message[-2] = '\0';
	before = vmoon_ldcheck_enter(c, message != why ? why : "state");
	vmoon_ldcheck_say(c, "%s", message);
	vmoon_ldcheck_hint(c, "state is plain data: numbers, strings, "
			      "booleans and tables of them");
	vmoon_ldcheck_leave(c, before);
}

/* A look at the entries of a state, one by one. */
struct look {
	struct vmoon_ldcheck *c;
	int table;
	size_t left;               /* bytes of tables that are looked at */
	size_t count;              /* of problems */
	bool is_said;              /* or only counted */
	bool is_key[LUA_NUMTYPES]; /* said of a key of this type */
};

/* The entry alone whose key is at the top. */
static void look_at_entry(struct look *look)
{
	char why[VMOON_LDPACK_PATH_MAX + 64];
	lua_State *L = look->c->L;
	bool is_table;
	size_t len;

	lua_createtable(L, 0, 1);
	lua_pushvalue(L, -2);
	lua_pushvalue(L, -1);
	lua_rawget(L, look->table);
	is_table = lua_istable(L, -1);
	lua_rawset(L, -3);
	/* Whatever its size, one that is no table takes no time. */
	if (!is_table || look->left >= STATE_LOOK_EACH) {
		len = vmoon_ldpack(L, -1, NULL, STATE_LOOK_EACH, "state", why);
		if (is_table)
			look->left -= len == 0 || len > STATE_LOOK_EACH
					      ? STATE_LOOK_EACH
					      : len;
		look->count += len == 0;
		if (len == 0 && look->is_said)
			say_state(look->c, why);
	}
	lua_pop(L, 1);
}

/* Keys that cannot be saved have no order: each type of them is told once. */
static void look_at_odd_keys(struct look *look)
{
	lua_State *L = look->c->L;

	lua_pushnil(L);
	while (lua_next(L, look->table) != 0) {
		const int type = lua_type(L, -2);

		lua_pop(L, 1);
		if (type == LUA_TSTRING || lua_isinteger(L, -1) || type < 0 ||
		    type >= (int)VMOON_COUNTOF(look->is_key) ||
		    look->is_key[type])
			continue;
		look->is_key[type] = true;
		look_at_entry(look);
	}
}

/* One problem of each entry of the table at the top: how many; they are said
 * when there are several. Those of a hash are looked at in a fixed order, so
 * that what is said is the same in each run. */
static size_t check_entries(struct vmoon_ldcheck *c, bool is_said)
{
	struct vmoon_ldnote *before = c->last;
	lua_State *L = c->L;
	const int top = lua_gettop(L);
	struct look look = {.c = c,
			    .table = top,
			    .left = STATE_LOOK_ALL,
			    .is_said = is_said};
	int count;

	luaL_checkstack(L, 8, "device file");
	look_at_odd_keys(&look);
	count = vmoon_ldpack_push_keys(L, top);
	luaL_checkstack(L, 8, "device file");
	for (int i = 1; i <= count && look.count < STATE_PROBLEMS_MAX; i++) {
		lua_pushvalue(L, top + i);
		look_at_entry(&look);
		lua_pop(L, 1);
	}
	lua_settop(L, top);
	if (is_said)
		vmoon_ldcheck_sort(c, before);
	return look.count;
}

/* The state's table, or an empty one, at the top. */
static void check_state(struct vmoon_ldcheck *c)
{
	char why[VMOON_LDPACK_PATH_MAX + 64];

	if (vmoon_ldpack(c->L, -1, NULL, 0, "state", why) == 0) {
		if (check_entries(c, false) > 1)
			(void)check_entries(c, true);
		else
			say_state(c, why); /* its path is the shortest */
	}
	c->spec->state = vmoon_ldcheck_slot(c);
}

/* Functions by name, of the table at the top. */
static size_t check_functions(struct vmoon_ldcheck *c, const char *key,
			      const char *what, struct vmoon_ldspec_named *out,
			      size_t max)
{
	lua_State *L = c->L;
	const int table = lua_gettop(L);
	const size_t before = vmoon_ldcheck_enter(c, key);
	char example[VMOON_LDCHECK_NAME_MAX + 32];
	const char **names;
	size_t count;

	names = vmoon_ldcheck_names(c, table, what, max, &count);
	for (size_t i = 0; i < count; i++) {
		const size_t inner = vmoon_ldcheck_enter(c, names[i]);

		lua_pushstring(L, names[i]);
		lua_rawget(L, table);
		out[i].name = names[i];
		(void)snprintf(example, sizeof(example), "%s = function(d) end",
			       names[i]);
		if (lua_isfunction(L, -1)) {
			out[i].fn = vmoon_ldcheck_slot(c);
		} else {
			vmoon_ldcheck_refuse(c, -1, "a function", example);
			lua_pop(L, 1);
		}
		vmoon_ldcheck_leave(c, inner);
	}
	vmoon_ldcheck_leave(c, before);
	return count;
}

static bool is_good(const struct vmoon_ldvalue *v)
{
	return v->is_set && !v->is_bad;
}

static void check_code(struct vmoon_ldcheck *c, int idx,
		       const struct vmoon_ldvalue *v)
{
	struct vmoon_ldspec *spec = c->spec;
	lua_State *L = c->L;

	if (is_good(&v[VMOON_LDKEY_DEVICE_STATE]))
		vmoon_ldcheck_get(c, idx, ROW(VMOON_LDKEY_DEVICE_STATE));
	else
		lua_newtable(L);
	check_state(c);
	if (is_good(&v[VMOON_LDKEY_DEVICE_TIMERS])) {
		vmoon_ldcheck_get(c, idx, ROW(VMOON_LDKEY_DEVICE_TIMERS));
		spec->timer_count =
			check_functions(c, "timers", "timer", spec->timers,
					VMOON_LDSPEC_TIMERS_MAX);
		lua_pop(L, 1);
	}
	if (is_good(&v[VMOON_LDKEY_DEVICE_METHODS])) {
		vmoon_ldcheck_get(c, idx, ROW(VMOON_LDKEY_DEVICE_METHODS));
		spec->method_count =
			check_functions(c, "methods", "method", spec->methods,
					VMOON_LDSPEC_METHODS_MAX);
		lua_pop(L, 1);
	}
	if (is_good(&v[VMOON_LDKEY_DEVICE_ON_RESET])) {
		vmoon_ldcheck_get(c, idx, ROW(VMOON_LDKEY_DEVICE_ON_RESET));
		spec->on_reset = vmoon_ldcheck_slot(c);
	}
	if (is_good(&v[VMOON_LDKEY_DEVICE_ON_CONFIG_WRITE])) {
		vmoon_ldcheck_get(c, idx,
				  ROW(VMOON_LDKEY_DEVICE_ON_CONFIG_WRITE));
		spec->on_config_write = vmoon_ldcheck_slot(c);
	}
}

/* ---- all of it ---- */

void vmoon_ldspec_check_device(struct vmoon_ldcheck *c, int idx)
{
	struct vmoon_ldvalue v[VMOON_LDKEY_DEVICE_COUNT];
	struct vmoon_ldspec *spec = c->spec;
	size_t before;

	vmoon_ldcheck_table(c, idx, &vmoon_ldkeys_device, v);
	check_ids(c, v);
	spec->on_error = (enum vmoon_ldspec_on_error)number_or(
		&v[VMOON_LDKEY_DEVICE_ON_ERROR], VMOON_LDSPEC_PAUSE);
	spec->has_worker =
		number_or(&v[VMOON_LDKEY_DEVICE_WORKER], SHARED) == OWN;
	spec->budget_ns = (uint64_t)number_or(&v[VMOON_LDKEY_DEVICE_BUDGET],
					      VMOON_LDSTATE_BUDGET_NS);
	spec->memory = (size_t)number_or(&v[VMOON_LDKEY_DEVICE_MEMORY],
					 VMOON_LDSTATE_MEMORY);
	if (is_good(&v[VMOON_LDKEY_DEVICE_PARAMS]))
		vmoon_ldcheck_get(c, idx, ROW(VMOON_LDKEY_DEVICE_PARAMS));
	else
		lua_pushnil(c->L);
	vmoon_ldspec_check_params(c, lua_gettop(c->L)); /* leaves the values */
	check_code(c, idx, v);
	if (spec->kind == VMOON_LDSPEC_VIRTIO) {
		vmoon_ldspec_check_virtio(c, idx, v);
		return;
	}
	check_window(c, v);
	check_irq(c, v);
	check_where(c, v);
	if (!is_good(&v[VMOON_LDKEY_DEVICE_REGISTERS]))
		return;
	vmoon_ldcheck_get(c, idx, ROW(VMOON_LDKEY_DEVICE_REGISTERS));
	before = vmoon_ldcheck_enter(c, "registers");
	vmoon_ldspec_check_registers(c, lua_gettop(c->L));
	vmoon_ldcheck_leave(c, before);
	lua_pop(c->L, 1);
}
