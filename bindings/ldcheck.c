/* SPDX-License-Identifier: MIT */
/* ldcheck.c - tables of a device file against their keys: what is wrong. */
#include "ldcheck.h"

#include <lauxlib.h>
#include <string.h>

enum { UNKNOWN_MAX = 32 }; /* of one table that are told */

/* ---- one value ---- */

static bool is_name_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char c = text[i];
		const bool is_letter = (c >= 'a' && c <= 'z') ||
				       (c >= 'A' && c <= 'Z') ||
				       (c >= '0' && c <= '9');

		if (!is_letter && c != '_' && c != '-' &&
		    (c != '.' || i == 0 || text[i - 1] == '.'))
			return false;
	}
	return len > 0;
}

bool vmoon_ldcheck_is_device_name(const char *text, size_t len)
{
	const struct vmoon_ldkey *row =
		&vmoon_ldkeys_device.rows[VMOON_LDKEY_DEVICE_NAME];

	return len <= (size_t)row->max && is_name_text(text, len);
}

static bool is_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return len > 0;
}

static bool check_text(struct vmoon_ldcheck *c, int idx,
		       const struct vmoon_ldkey *row, struct vmoon_ldvalue *v)
{
	const bool is_name = row->type == VMOON_LDKEY_NAME;
	char shown[VMOON_LDCHECK_SHOWN_MAX];

	if (lua_type(c->L, idx) != LUA_TSTRING) {
		vmoon_ldcheck_refuse(c, idx, "a string", row->example);
		return false;
	}
	v->text = lua_tolstring(c->L, idx, &v->len);
	if (v->len <= (size_t)row->max &&
	    (is_name ? is_name_text : is_printable)(v->text, v->len))
		return true;
	vmoon_ldcheck_say(c, "expected 1 to %d %s; got %s", (int)row->max,
			  is_name ? VMOON_LDCHECK_DEVICE_NAME
				  : "printable ASCII characters",
			  vmoon_ldcheck_show(c->L, idx, shown));
	vmoon_ldcheck_hint(c, "for example: %s", row->example);
	return false;
}

static bool check_range(struct vmoon_ldcheck *c, const struct vmoon_ldkey *row,
			int64_t number)
{
	if (number >= row->min && number <= row->max)
		return true;
	if (row->type == VMOON_LDKEY_INTEGER || number < 0)
		vmoon_ldcheck_say(c, "%lld is out of range %lld..%lld",
				  (long long)number, (long long)row->min,
				  (long long)row->max);
	else
		vmoon_ldcheck_say(c, "0x%llx is out of range 0x%llx..0x%llx",
				  (unsigned long long)number,
				  (unsigned long long)row->min,
				  (unsigned long long)row->max);
	return false;
}

/* "64K", "1M", "1MiB": a whole number and a unit. */
static bool parse_size(const char *text, size_t len, int64_t *out)
{
	static const char units[] = "KMGT";
	uint64_t n = 0;
	const char *unit;
	size_t i = 0;

	for (; i < len && text[i] >= '0' && text[i] <= '9' && i < 15; i++)
		n = n * 10 + (uint64_t)(text[i] - '0');
	unit = i > 0 && i < len ? strchr(units, text[i]) : NULL;
	if (unit == NULL || *unit == '\0' ||
	    (len - i != 1 &&
	     (len - i != 3 || memcmp(text + i + 1, "iB", 2) != 0)))
		return false;
	for (const char *u = units; u <= unit; u++)
		n = n > UINT64_MAX >> 12 ? UINT64_MAX >> 2 : n << 10;
	*out = (int64_t)(n > INT64_MAX ? (uint64_t)INT64_MAX : n);
	return true;
}

static bool check_size(struct vmoon_ldcheck *c, int idx,
		       const struct vmoon_ldkey *row, struct vmoon_ldvalue *v)
{
	char shown[VMOON_LDCHECK_SHOWN_MAX];
	const bool takes_integer = row->type == VMOON_LDKEY_BYTES;
	const char *text;
	size_t len;

	if (lua_isinteger(c->L, idx) && takes_integer) {
		v->number = lua_tointeger(c->L, idx);
		return check_range(c, row, v->number);
	}
	if (lua_isinteger(c->L, idx)) {
		vmoon_ldcheck_say(c,
				  "a size needs a unit, got bare number %lld",
				  (long long)lua_tointeger(c->L, idx));
		vmoon_ldcheck_hint(c, "for example: %s", row->example);
		return false;
	}
	if (lua_type(c->L, idx) != LUA_TSTRING) {
		vmoon_ldcheck_refuse(
			c, idx, takes_integer ? "a number of bytes" : "a size",
			row->example);
		return false;
	}
	text = lua_tolstring(c->L, idx, &len);
	if (!parse_size(text, len, &v->number)) {
		vmoon_ldcheck_say(c, "%s is not a size",
				  vmoon_ldcheck_quote(text, len, shown));
		vmoon_ldcheck_hint(c, "write a whole number and K, M, G or T "
				      "(steps of 1024): \"64M\"");
		return false;
	}
	if (v->number >= row->min && v->number <= row->max)
		return true;
	if (takes_integer)
		vmoon_ldcheck_say(c, "%s is out of range %lld..%lld bytes",
				  vmoon_ldcheck_quote(text, len, shown),
				  (long long)row->min, (long long)row->max);
	else
		vmoon_ldcheck_say(c, "%s is out of range %lldK..%lldM",
				  vmoon_ldcheck_quote(text, len, shown),
				  (long long)row->min >> 10,
				  (long long)row->max >> 20);
	return false;
}

static bool check_seconds(struct vmoon_ldcheck *c, int idx,
			  const struct vmoon_ldkey *row,
			  struct vmoon_ldvalue *v)
{
	lua_Number seconds;

	if (lua_type(c->L, idx) != LUA_TNUMBER) {
		vmoon_ldcheck_refuse(c, idx, "a number of seconds",
				     row->example);
		return false;
	}
	seconds = lua_tonumber(c->L, idx);
	if (seconds >= (lua_Number)row->min / 1e9 &&
	    seconds <= (lua_Number)row->max / 1e9) {
		v->number = (int64_t)(seconds * 1e9 + 0.5);
		return true;
	}
	vmoon_ldcheck_say(c, "%.14g is out of range %g..%g seconds", seconds,
			  (double)row->min / 1e9, (double)row->max / 1e9);
	return false;
}

static bool find_choice(const char *choices, const char *text, size_t len,
			int64_t *out)
{
	const char *word;
	size_t n;

	for (size_t i = 0; (word = vmoon_ldkeys_choice(choices, i, &n)) != NULL;
	     i++) {
		if (n != len || memcmp(word, text, n) != 0)
			continue;
		*out = (int64_t)i;
		return true;
	}
	return false;
}

/* "a", "b", "c" */
static void list_choices(const char *choices, char *out, size_t cap)
{
	size_t at = 0;

	for (out[0] = '"', at = 1; *choices != '\0' && at + 4 < cap;
	     choices++) {
		if (*choices == ',')
			out[at++] = '"';
		out[at++] = *choices;
		if (*choices == ' ')
			out[at++] = '"';
	}
	out[at++] = '"';
	out[at] = '\0';
}

static bool check_choice(struct vmoon_ldcheck *c, int idx,
			 const struct vmoon_ldkey *row, struct vmoon_ldvalue *v)
{
	char shown[VMOON_LDCHECK_SHOWN_MAX], words[256];
	struct vmoon_ldnearest nearest;
	const char *text = "", *word;
	size_t len = 0, n;

	if (lua_type(c->L, idx) == LUA_TSTRING) {
		text = lua_tolstring(c->L, idx, &len);
		if (find_choice(row->choices, text, len, &v->number))
			return true;
	}
	list_choices(row->choices, words, sizeof(words));
	vmoon_ldcheck_say(c, "expected one of %s; got %s", words,
			  vmoon_ldcheck_show(c->L, idx, shown));
	vmoon_ldnearest_init(&nearest, text);
	for (size_t i = 0;
	     (word = vmoon_ldkeys_choice(row->choices, i, &n)) != NULL; i++)
		vmoon_ldnearest_try(&nearest, word, n);
	vmoon_ldnearest_hint(c, &nearest);
	return false;
}

static bool check_integer(struct vmoon_ldcheck *c, int idx,
			  const struct vmoon_ldkey *row,
			  struct vmoon_ldvalue *v)
{
	if (!lua_isinteger(c->L, idx)) {
		vmoon_ldcheck_refuse(c, idx,
				     row->type == VMOON_LDKEY_ADDRESS
					     ? "an address"
					     : "an integer",
				     row->example);
		return false;
	}
	v->number = lua_tointeger(c->L, idx);
	return check_range(c, row, v->number);
}

static bool check_type(struct vmoon_ldcheck *c, int idx, int type,
		       const struct vmoon_ldkey *row)
{
	if (lua_type(c->L, idx) == type)
		return true;
	vmoon_ldcheck_refuse(c, idx,
			     type == LUA_TBOOLEAN    ? "true or false"
			     : type == LUA_TFUNCTION ? "a function"
						     : "a table",
			     row->example);
	return false;
}

static bool check_value(struct vmoon_ldcheck *c, int idx,
			const struct vmoon_ldkey *row, struct vmoon_ldvalue *v)
{
	switch (row->type) {
	case VMOON_LDKEY_NAME:
	case VMOON_LDKEY_TEXT: return check_text(c, idx, row, v);
	case VMOON_LDKEY_INTEGER:
	case VMOON_LDKEY_ADDRESS: return check_integer(c, idx, row, v);
	case VMOON_LDKEY_BYTES:
	case VMOON_LDKEY_SIZE: return check_size(c, idx, row, v);
	case VMOON_LDKEY_SECONDS: return check_seconds(c, idx, row, v);
	case VMOON_LDKEY_CHOICE: return check_choice(c, idx, row, v);
	case VMOON_LDKEY_BOOLEAN:
		v->number = lua_toboolean(c->L, idx);
		return check_type(c, idx, LUA_TBOOLEAN, row);
	case VMOON_LDKEY_FUNCTION:
		return check_type(c, idx, LUA_TFUNCTION, row);
	case VMOON_LDKEY_TABLE: return check_type(c, idx, LUA_TTABLE, row);
	case VMOON_LDKEY_ANY: break;
	}
	return true;
}

/* ---- keys that do not exist ---- */

static const struct vmoon_ldkey *find_row(const struct vmoon_ldkeys *keys,
					  const char *name, size_t len)
{
	for (size_t i = 0; i < keys->count; i++)
		if (strlen(keys->rows[i].name) == len &&
		    memcmp(keys->rows[i].name, name, len) == 0)
			return &keys->rows[i];
	return NULL;
}

static bool is_for(const struct vmoon_ldcheck *c, const struct vmoon_ldkey *row)
{
	return row->kinds == 0 || (row->kinds >> c->spec->kind & 1u) != 0;
}

/* " addr address " has it. */
static bool is_word_of(const char *words, const char *name)
{
	const size_t len = strlen(name);

	for (const char *at = words; at != NULL; at = strchr(at + 1, ' '))
		if (strncmp(at + 1, name, len) == 0 && at[len + 1] == ' ')
			return len > 0;
	return false;
}

static void hint_key(struct vmoon_ldcheck *c, const struct vmoon_ldkeys *keys,
		     const char *name)
{
	const struct vmoon_ldremark *remark = keys->remarks;
	struct vmoon_ldnearest nearest;

	for (; remark != NULL && remark->name != NULL; remark++) {
		if (strcmp(remark->name, name) != 0)
			continue;
		vmoon_ldcheck_hint(c, "%s", remark->hint);
		return;
	}
	vmoon_ldnearest_init(&nearest, name);
	for (size_t i = 0; i < keys->count; i++) {
		const struct vmoon_ldkey *row = &keys->rows[i];

		if (!is_for(c, row))
			continue;
		if (row->others != NULL && is_word_of(row->others, name)) {
			vmoon_ldcheck_hint(c, "did you mean \"%s\"?",
					   row->name);
			return;
		}
		vmoon_ldnearest_try(&nearest, row->name, strlen(row->name));
	}
	vmoon_ldnearest_hint(c, &nearest);
}

static void say_unknown(struct vmoon_ldcheck *c,
			const struct vmoon_ldkeys *keys, const char *name,
			size_t len)
{
	const struct vmoon_ldkey *row = find_row(keys, name, len);
	char shown[VMOON_LDCHECK_SHOWN_MAX];
	size_t before;

	if (!vmoon_ldcheck_is_name(name, len)) {
		vmoon_ldcheck_say_key(c, "unknown field %s",
				      vmoon_ldcheck_quote(name, len, shown));
		return;
	}
	before = vmoon_ldcheck_enter(c, name);
	if (row != NULL) {
		vmoon_ldcheck_say_key(c, "\"%s\" is for %s devices", name,
				      row->kinds == 1u << VMOON_LDSPEC_VIRTIO
					      ? "virtio"
					      : "mmio and pio");
	} else {
		vmoon_ldcheck_say_key(c, "unknown field \"%s\"", name);
		hint_key(c, keys, name);
	}
	vmoon_ldcheck_leave(c, before);
}

static const char *first_example(const struct vmoon_ldcheck *c,
				 const struct vmoon_ldkeys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		if (keys->rows[i].is_required && is_for(c, &keys->rows[i]))
			return keys->rows[i].example;
	return keys->rows[0].example;
}

/* The key at idx is no string. */
static void say_odd_key(struct vmoon_ldcheck *c,
			const struct vmoon_ldkeys *keys, int idx)
{
	size_t before;

	if (!lua_isinteger(c->L, idx)) {
		vmoon_ldcheck_say(c, "a key of %s is a name, got %s",
				  keys->title,
				  lua_typename(c->L, lua_type(c->L, idx)));
		return;
	}
	before = vmoon_ldcheck_enter_index(c, lua_tointeger(c->L, idx));
	vmoon_ldcheck_say_key(c, "unknown field \"%lld\"",
			      (long long)lua_tointeger(c->L, idx));
	vmoon_ldcheck_hint(c, "a field needs its name: %s",
			   first_example(c, keys));
	vmoon_ldcheck_leave(c, before);
}

/* A key: the table's own bytes. */
struct stranger {
	const char *name;
	size_t len;
};

static bool comes_before(const struct stranger *a, const struct stranger *b)
{
	const int order =
		memcmp(a->name, b->name, a->len < b->len ? a->len : b->len);

	return order < 0 || (order == 0 && a->len < b->len);
}

/* Keeps the UNKNOWN_MAX first of the alphabet: not the order of a hash. */
static void keep_sorted(struct stranger *all, size_t *count,
			struct stranger one)
{
	size_t i;

	if (*count == UNKNOWN_MAX && !comes_before(&one, &all[*count - 1]))
		return;
	if (*count < UNKNOWN_MAX)
		++*count;
	for (i = *count - 1; i > 0 && comes_before(&one, &all[i - 1]); i--)
		all[i] = all[i - 1];
	all[i] = one;
}

static void check_unknown(struct vmoon_ldcheck *c, int idx,
			  const struct vmoon_ldkeys *keys)
{
	lua_State *L = c->L;
	struct stranger all[UNKNOWN_MAX];
	struct vmoon_ldnote *before = c->last;
	size_t count = 0, odd = 0;

	lua_pushnil(L);
	while (lua_next(L, idx) != 0) {
		const struct vmoon_ldkey *row;
		struct stranger one;

		lua_pop(L, 1);
		if (lua_type(L, -1) != LUA_TSTRING) {
			if (odd++ < UNKNOWN_MAX)
				say_odd_key(c, keys, lua_gettop(L));
			continue;
		}
		one.name = lua_tolstring(L, -1, &one.len);
		row = find_row(keys, one.name, one.len);
		if (row == NULL || !is_for(c, row))
			keep_sorted(all, &count, one);
	}
	vmoon_ldcheck_sort(c, before);
	for (size_t i = 0; i < count; i++)
		say_unknown(c, keys, all[i].name, all[i].len);
}

/* ---- a table ---- */

void vmoon_ldcheck_get(struct vmoon_ldcheck *c, int idx,
		       const struct vmoon_ldkey *row)
{
	lua_pushstring(c->L, row->name);
	lua_rawget(c->L, idx);
}

void vmoon_ldcheck_table(struct vmoon_ldcheck *c, int idx,
			 const struct vmoon_ldkeys *keys,
			 struct vmoon_ldvalue *values)
{
	lua_State *L = c->L;

	luaL_checkstack(L, 16, "device file");
	memset(values, 0, keys->count * sizeof(*values));
	check_unknown(c, idx, keys);
	for (size_t i = 0; i < keys->count; i++) {
		const struct vmoon_ldkey *row = &keys->rows[i];
		size_t before;

		if (!is_for(c, row))
			continue;
		vmoon_ldcheck_get(c, idx, row);
		if (lua_isnil(L, -1) && row->is_required) {
			vmoon_ldcheck_say(c, "missing required field \"%s\"",
					  row->name);
			vmoon_ldcheck_hint(c, "for example: %s", row->example);
		} else if (!lua_isnil(L, -1)) {
			before = vmoon_ldcheck_enter(c, row->name);
			values[i].is_set = true;
			values[i].is_bad =
				!check_value(c, lua_gettop(L), row, &values[i]);
			vmoon_ldcheck_leave(c, before);
		}
		lua_pop(L, 1);
	}
}
