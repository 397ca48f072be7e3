/* SPDX-License-Identifier: MIT */
/*
 * ldpack.c - plain Lua data as bytes.
 *
 * A value is a tag and what follows: an integer and a float have 8 bytes, a
 * string its length in 4 and its bytes, a table the count of its pairs in 4 and
 * the pairs, keys rising. All little-endian. There is one way to write a value,
 * and reading takes no other.
 */
#include "ldpack.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "ldpack_tags.h"
#include "vmoon/le.h"

enum {
	FAR_MAX = 1 << 14,  /* integer keys in no list, of all tables */
	LEVEL_SLOTS = 6,    /* of Lua's stack, besides the keys of a table */
	PAIR_BYTES_MIN = 6, /* an empty string and a boolean */
	KEYS_MAX = VMOON_LDPACK_BYTES_MAX / PAIR_BYTES_MIN
};

/*
 * Integers beyond what a list of so many would have can all be in one chain of
 * Lua's table, and then putting them into one takes the square of their number.
 */
static bool is_far(int64_t key, size_t count)
{
	return key < 1 || (uint64_t)key > 2 * (uint64_t)count;
}

/* ---- packing ---- */

struct writer {
	lua_State *L;
	unsigned char *buf;   /* NULL: only count */
	size_t cap, len, far; /* far: keys, so far */
	const char *what;     /* NULL: nothing is wrong */
	char path[VMOON_LDPACK_PATH_MAX];
	bool is_cut;  /* the path: nothing can be added */
	bool is_over; /* of what is only counted: more than cap */
	const void *above[VMOON_LDPACK_DEPTH_MAX];
	char said[64];
};

static bool refuse(struct writer *w, const char *what)
{
	if (w->what == NULL)
		w->what = what;
	return false;
}

/* No message: the length says it. */
static bool is_enough(struct writer *w, size_t n)
{
	w->is_over = w->is_over || (w->buf == NULL && w->cap > 0 && n > w->cap);
	return w->is_over;
}

static bool put(struct writer *w, const void *bytes, size_t n)
{
	if (n > (size_t)VMOON_LDPACK_BYTES_MAX - w->len)
		return refuse(w, "it is larger than 4 MiB");
	if (is_enough(w, w->len + n))
		return false;
	if (w->buf != NULL && n > w->cap - w->len)
		return refuse(w, "there is no room for it");
	if (w->buf != NULL && n > 0)
		memcpy(w->buf + w->len, bytes, n);
	w->len += n;
	return true;
}

static bool put_tag(struct writer *w, enum tag tag)
{
	const unsigned char byte = (unsigned char)tag;

	return put(w, &byte, 1);
}

static bool put_u32(struct writer *w, size_t n)
{
	unsigned char bytes[4];

	/* Nothing of 2^32 gets past put. */
	vmoon_le32_store(bytes, (uint32_t)n);
	return put(w, bytes, sizeof(bytes));
}

static bool put_u64(struct writer *w, enum tag tag, uint64_t value)
{
	unsigned char bytes[8];

	vmoon_le64_store(bytes, value);
	return put_tag(w, tag) && put(w, bytes, sizeof(bytes));
}

static bool put_string(struct writer *w, int idx)
{
	size_t len;
	const char *text = lua_tolstring(w->L, idx, &len);

	if (len > VMOON_LDPACK_BYTES_MAX)
		return refuse(w, "it is larger than 4 MiB");
	return put_tag(w, TAG_STRING) && put_u32(w, len) && put(w, text, len);
}

static bool put_number(struct writer *w, int idx)
{
	lua_Number number;
	uint64_t bits;

	if (lua_isinteger(w->L, idx))
		return put_u64(w, TAG_INTEGER,
			       (uint64_t)lua_tointeger(w->L, idx));
	number = lua_tonumber(w->L, idx);
	memcpy(&bits, &number, sizeof(bits));
	return put_u64(w, TAG_FLOAT, bits);
}

static bool refuse_type(struct writer *w, int idx, const char *place)
{
	if (w->what == NULL)
		(void)snprintf(w->said, sizeof(w->said),
			       "a %s%s cannot be saved",
			       lua_typename(w->L, lua_type(w->L, idx)), place);
	return refuse(w, w->said);
}

/* ---- the path, for messages ---- */

static bool is_plain_name(const char *name, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	return len > 0 && strspn(name, letters) == len &&
	       (name[0] < '0' || name[0] > '9');
}

/* Cut with "..." when it is long; nothing in it acts upon a terminal. */
static void add_text(struct writer *w, const char *text, size_t len)
{
	size_t at = strlen(w->path);

	for (size_t i = 0; i < len && !w->is_cut; i++) {
		const unsigned char c = (unsigned char)text[i];
		const bool is_plain =
			c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
		const size_t need = is_plain ? 1 : 4;

		if (at + need + sizeof("...") > sizeof(w->path)) {
			memcpy(w->path + at, "...", sizeof("..."));
			w->is_cut = true;
			return;
		}
		if (is_plain)
			w->path[at] = text[i];
		else
			(void)snprintf(w->path + at, sizeof(w->path) - at,
				       "\\x%02x", c);
		at += need;
		w->path[at] = '\0';
	}
}

static void add_key(struct writer *w, int idx)
{
	char number[32];
	const char *text;
	size_t len;

	if (lua_isinteger(w->L, idx)) {
		(void)snprintf(number, sizeof(number), ".%lld",
			       (long long)lua_tointeger(w->L, idx));
		add_text(w, number, strlen(number));
		return;
	}
	text = lua_tolstring(w->L, idx, &len);
	if (is_plain_name(text, len)) {
		add_text(w, ".", 1);
		add_text(w, text, len);
	} else {
		add_text(w, "['", 2);
		add_text(w, text, len);
		add_text(w, "']", 2);
	}
}

/* ---- keys in their order ---- */

/* Integers, then strings by bytes. Both are keys of the same table. */
static bool is_before(lua_State *L, int a, int b)
{
	const bool a_is_int = lua_isinteger(L, a),
		   b_is_int = lua_isinteger(L, b);
	size_t a_len, b_len;
	const char *x, *y;
	int order;

	if (a_is_int && b_is_int)
		return lua_tointeger(L, a) < lua_tointeger(L, b);
	if (a_is_int || b_is_int)
		return a_is_int;
	x = lua_tolstring(L, a, &a_len);
	y = lua_tolstring(L, b, &b_len);
	order = memcmp(x, y, a_len < b_len ? a_len : b_len);
	return order < 0 || (order == 0 && a_len < b_len);
}

/* The heap in slots first to first + count - 1 below root i. */
static void sift(lua_State *L, int first, int i, int count)
{
	for (int child = 2 * i + 1; child < count; child = 2 * i + 1) {
		if (child + 1 < count &&
		    is_before(L, first + child, first + child + 1))
			child++;
		if (!is_before(L, first + i, first + child))
			return;
		lua_pushvalue(L, first + i);
		lua_copy(L, first + child, first + i);
		lua_replace(L, first + child);
		i = child;
	}
}

/* In place: sorting must allocate nothing. Lists come in order already. */
static void sort_keys(lua_State *L, int first, int count)
{
	bool is_sorted = true;

	for (int i = 1; i < count && is_sorted; i++)
		is_sorted = is_before(L, first + i - 1, first + i);
	if (is_sorted)
		return;
	for (int i = count / 2 - 1; i >= 0; i--)
		sift(L, first, i, count);
	for (int end = count - 1; end > 0; end--) {
		lua_pushvalue(L, first);
		lua_copy(L, first + end, first);
		lua_replace(L, first + end);
		sift(L, first, 0, end);
	}
}

static bool is_key(lua_State *L, int idx)
{
	return lua_type(L, idx) == LUA_TSTRING || lua_isinteger(L, idx);
}

/* All keys on the stack, sorted. False: why not is said. */
static bool push_keys(struct writer *w, int table, int *out_count)
{
	lua_State *L = w->L;
	int count = 0;

	lua_pushnil(L);
	while (lua_next(L, table) != 0) {
		lua_pop(L, 1);
		if (!is_key(L, -1))
			return refuse_type(w, -1, " as a key");
		if (++count > KEYS_MAX)
			return refuse(w, "it is larger than 4 MiB");
		if (is_enough(w, (size_t)count * PAIR_BYTES_MIN))
			return false;
		if (lua_checkstack(L, LEVEL_SLOTS) == 0)
			return refuse(w, "not enough memory to save it");
		lua_pushvalue(L, -1); /* this one stays */
	}
	sort_keys(L, lua_gettop(L) - count + 1, count);
	*out_count = count;
	return true;
}

int vmoon_ldpack_push_keys(lua_State *L, int idx)
{
	const int table = lua_absindex(L, idx), top = lua_gettop(L);

	lua_pushnil(L);
	while (lua_next(L, table) != 0) {
		lua_pop(L, 1);
		if (!is_key(L, -1))
			continue;
		if (lua_gettop(L) - top > KEYS_MAX ||
		    lua_checkstack(L, LEVEL_SLOTS) == 0) {
			lua_settop(L, top);
			return -1;
		}
		lua_pushvalue(L, -1);
	}
	sort_keys(L, top + 1, lua_gettop(L) - top);
	return lua_gettop(L) - top;
}

static bool check_place(struct writer *w, int table, unsigned depth)
{
	const void *self = lua_topointer(w->L, table);

	for (unsigned i = 0; i < depth && i < VMOON_LDPACK_DEPTH_MAX; i++)
		if (w->above[i] == self)
			return refuse(w, "a table that contains itself cannot "
					 "be saved");
	if (depth >= VMOON_LDPACK_DEPTH_MAX)
		return refuse(w, "tables that are nested more than 16 deep "
				 "cannot be saved");
	w->above[depth] = self;
	return true;
}

/* Recursion: at most DEPTH_MAX levels. */
static bool put_value(struct writer *w, int idx, unsigned depth)
{
	lua_State *L = w->L;
	const int top = lua_gettop(L);
	const size_t path_len = strlen(w->path);
	const bool was_cut = w->is_cut;
	int count = 0;

	switch (lua_type(L, idx)) {
	case LUA_TNIL: return put_tag(w, TAG_NIL);
	case LUA_TBOOLEAN:
		return put_tag(w, lua_toboolean(L, idx) ? TAG_TRUE : TAG_FALSE);
	case LUA_TNUMBER: return put_number(w, idx);
	case LUA_TSTRING: return put_string(w, idx);
	case LUA_TTABLE: break;
	default: return refuse_type(w, idx, "");
	}
	if (!check_place(w, idx, depth))
		return false;
	if (lua_checkstack(L, LEVEL_SLOTS) == 0)
		return refuse(w, "not enough memory to save it");
	if (lua_getmetatable(L, idx) != 0)
		return refuse(w, "a table with a metatable cannot be saved");
	if (!push_keys(w, idx, &count) || !put_tag(w, TAG_TABLE) ||
	    !put_u32(w, (size_t)count))
		return false;
	for (int key = top + 1; key <= top + count; key++) {
		const bool is_int = lua_isinteger(L, key) != 0;

		add_key(w, key);
		lua_pushvalue(L, key);
		lua_rawget(L, idx);
		w->far +=
			is_int && is_far(lua_tointeger(L, key), (size_t)count);
		if (w->far > FAR_MAX)
			return refuse(w, "more than 16384 integer keys that "
					 "are not 1 to n cannot be saved");
		if (!(is_int ? put_number(w, key) : put_string(w, key)) ||
		    !put_value(w, lua_gettop(L), depth + 1))
			return false;
		lua_pop(L, 1);
		w->path[path_len] = '\0';
		w->is_cut = was_cut;
	}
	lua_settop(L, top);
	return true;
}

size_t vmoon_ldpack(lua_State *L, int idx, unsigned char *buf, size_t cap,
		    const char *root, char why[VMOON_LDPACK_PATH_MAX + 64])
{
	const int top = lua_gettop(L);
	struct writer w = {.L = L, .buf = buf, .cap = cap};
	bool is_good;

	add_text(&w, root, strlen(root));
	is_good = put_value(&w, lua_absindex(L, idx), 0);
	lua_settop(L, top);
	if (is_good)
		return w.len;
	if (w.what == NULL)
		return cap + 1; /* enough was counted */
	(void)snprintf(why, VMOON_LDPACK_PATH_MAX + 64, "%s: %s", w.path,
		       w.what);
	return 0;
}

/* ---- unpacking ---- */

struct reader {
	const unsigned char *buf;
	size_t len, at, far;
};

/* n bytes, or NULL when there are not so many. */
static const unsigned char *take(struct reader *r, size_t n)
{
	const unsigned char *bytes = r->buf + r->at;

	if (n > r->len - r->at)
		return NULL;
	r->at += n;
	return bytes;
}

static bool take_u32(struct reader *r, uint32_t *out)
{
	const unsigned char *bytes = take(r, 4);

	if (bytes != NULL)
		*out = vmoon_le32_load(bytes);
	return bytes != NULL;
}

/* A key as it stands in the bytes; text NULL: an integer. */
struct key {
	int64_t integer;
	const unsigned char *text;
	uint32_t len;
};

static bool take_key(struct reader *r, struct key *out)
{
	const unsigned char *tag = take(r, 1), *bytes;

	*out = (struct key){0};
	if (tag != NULL && *tag == TAG_INTEGER) {
		bytes = take(r, 8);
		if (bytes != NULL)
			out->integer = (int64_t)vmoon_le64_load(bytes);
		return bytes != NULL;
	}
	if (tag == NULL || *tag != TAG_STRING || !take_u32(r, &out->len))
		return false;
	out->text = take(r, out->len);
	return out->text != NULL;
}

static bool key_rises(const struct key *a, const struct key *b)
{
	int order;

	if (a->text == NULL || b->text == NULL)
		return a->text == NULL &&
		       (b->text != NULL || a->integer < b->integer);
	order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
	return order < 0 || (order == 0 && a->len < b->len);
}

/* Whether a value that packing could have made is next. Bounded recursion. */
static bool check_value(struct reader *r, unsigned depth, bool may_be_nil)
{
	const unsigned char *tag = take(r, 1);
	struct key before = {0}, key;
	uint32_t n;

	if (tag == NULL)
		return false;
	switch (*tag) {
	case TAG_NIL: return may_be_nil;
	case TAG_FALSE:
	case TAG_TRUE: return true;
	case TAG_INTEGER:
	case TAG_FLOAT: return take(r, 8) != NULL;
	case TAG_STRING: return take_u32(r, &n) && take(r, n) != NULL;
	case TAG_TABLE: break;
	default: return false;
	}
	if (depth >= VMOON_LDPACK_DEPTH_MAX || !take_u32(r, &n) ||
	    n > (r->len - r->at) / PAIR_BYTES_MIN)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!take_key(r, &key) || (i > 0 && !key_rises(&before, &key)))
			return false;
		before = key;
		r->far += key.text == NULL && is_far(key.integer, n);
		if (r->far > FAR_MAX)
			return false;
		if (!check_value(r, depth + 1, false))
			return false;
	}
	return true;
}

static void push_float(lua_State *L, uint64_t bits)
{
	lua_Number number;

	memcpy(&number, &bits, sizeof(number));
	lua_pushnumber(L, number);
}

/* Of bytes that were checked. */
static void push_value(lua_State *L, struct reader *r)
{
	const unsigned char *bytes;
	uint32_t n = 0;

	switch (*take(r, 1)) {
	case TAG_NIL: lua_pushnil(L); return;
	case TAG_FALSE: lua_pushboolean(L, 0); return;
	case TAG_TRUE: lua_pushboolean(L, 1); return;
	case TAG_INTEGER:
		lua_pushinteger(L, (lua_Integer)vmoon_le64_load(take(r, 8)));
		return;
	case TAG_FLOAT: push_float(L, vmoon_le64_load(take(r, 8))); return;
	case TAG_STRING:
		VMOON_IGNORE(take_u32(r, &n));
		bytes = take(r, n);
		lua_pushlstring(L, (const char *)bytes, n);
		return;
	default: break;
	}
	luaL_checkstack(L, LEVEL_SLOTS, "packed data");
	VMOON_IGNORE(take_u32(r, &n));
	lua_newtable(L);
	for (uint32_t i = 0; i < n; i++) {
		push_value(L, r);
		push_value(L, r);
		lua_rawset(L, -3);
	}
}

bool vmoon_ldunpack(lua_State *L, const unsigned char *buf, size_t len)
{
	struct reader r = {.buf = buf, .len = len};

	if (len > VMOON_LDPACK_BYTES_MAX || !check_value(&r, 0, true) ||
	    r.at != len)
		return false;
	r.at = 0;
	luaL_checkstack(L, LEVEL_SLOTS, "packed data");
	push_value(L, &r);
	return true;
}
