/* SPDX-License-Identifier: MIT */
/* ldcheck_say.c - mistakes of a device file: their paths, words and memory. */
#include "ldcheck.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ldlib_parts.h"

enum {
	EDITS_MAX = 2,
	WORD_MAX = 40,
	QUOTE_MAX = 80 /* bytes of a text that are shown */
};

/* ---- memory ---- */

struct vmoon_ldblock {
	struct vmoon_ldblock *next; /* owned */
	size_t size;                /* of all of it */
	max_align_t bytes[];
};

void *vmoon_ldcheck_alloc(struct vmoon_ldcheck *c, size_t size)
{
	const size_t all = sizeof(struct vmoon_ldblock) + size;
	struct vmoon_ldblock *block = vmoon_mem_alloc(c->own->mem, all);

	if (block == NULL) {
		luaL_error(c->L, "not enough memory");
		return NULL; /* never */
	}
	block->size = all;
	block->next = c->own->blocks;
	c->own->blocks = block;
	return block->bytes;
}

const char *vmoon_ldcheck_copy(struct vmoon_ldcheck *c, const char *text,
			       size_t len)
{
	char *copy = vmoon_ldcheck_alloc(c, len + 1);

	memcpy(copy, text, len);
	return copy;
}

void vmoon_ldspec_destroy(struct vmoon_ldspec *spec)
{
	struct vmoon_ldspec_own *own;
	struct vmoon_ldblock *next;

	if (spec == NULL)
		return;
	own = VMOON_CONTAINER_OF(spec, struct vmoon_ldspec_own, spec);
	for (struct vmoon_ldblock *b = own->blocks; b != NULL; b = next) {
		next = b->next;
		vmoon_mem_free(own->mem, b, b->size);
	}
	vmoon_mem_free(own->mem, own, sizeof(*own));
}

vmoon_ldslot vmoon_ldcheck_slot(struct vmoon_ldcheck *c)
{
	c->slot_count++;
	lua_rawseti(c->L, c->slots, c->slot_count);
	return c->slot_base + c->slot_count;
}

/* ---- values in words ---- */

const char *vmoon_ldcheck_quote(const char *text, size_t len,
				char out[VMOON_LDCHECK_SHOWN_MAX])
{
	size_t at = 0, i = 0;

	out[at++] = '"';
	for (; i < len && at < QUOTE_MAX; i++) {
		const unsigned char ch = (unsigned char)text[i];

		if (ch == '"' || ch == '\\')
			out[at++] = '\\';
		if (ch >= 0x20 && ch < 0x7f)
			out[at++] = (char)ch;
		else
			at += (size_t)snprintf(out + at, 5, "\\x%02x", ch);
	}
	(void)snprintf(out + at, VMOON_LDCHECK_SHOWN_MAX - at, "\"%s",
		       i < len ? "..." : "");
	return out;
}

/* As Lua does: 4.0 is seen to be no integer. */
static void show_float(char out[VMOON_LDCHECK_SHOWN_MAX], lua_Number value)
{
	char text[32];
	const char *end;

	(void)snprintf(text, sizeof(text), "%.14g", value);
	end = text[strspn(text, "-0123456789")] == '\0' ? ".0" : "";
	(void)snprintf(out, VMOON_LDCHECK_SHOWN_MAX, "number %s%s", text, end);
}

const char *vmoon_ldcheck_show(lua_State *L, int idx,
			       char out[VMOON_LDCHECK_SHOWN_MAX])
{
	static const char text_is[] = "string ";
	char quoted[VMOON_LDCHECK_SHOWN_MAX];
	const char *text;
	size_t len;

	switch (lua_type(L, idx)) {
	case LUA_TSTRING:
		text = lua_tolstring(L, idx, &len);
		(void)snprintf(out, VMOON_LDCHECK_SHOWN_MAX, "%s%.100s",
			       text_is, vmoon_ldcheck_quote(text, len, quoted));
		break;
	case LUA_TNUMBER:
		if (lua_isinteger(L, idx))
			(void)snprintf(out, VMOON_LDCHECK_SHOWN_MAX,
				       "integer %lld",
				       (long long)lua_tointeger(L, idx));
		else
			show_float(out, lua_tonumber(L, idx));
		break;
	case LUA_TBOOLEAN:
		return lua_toboolean(L, idx) ? "boolean true" : "boolean false";
	case LUA_TTABLE: return "a table";
	case LUA_TNIL: return "nothing";
	default: return lua_typename(L, lua_type(L, idx));
	}
	return out;
}

/* ---- problems ---- */

static void say(struct vmoon_ldcheck *c, bool is_key, const char *fmt,
		va_list args) VMOON_PRINTF(3, 0);
static void say(struct vmoon_ldcheck *c, bool is_key, const char *fmt,
		va_list args)
{
	char text[VMOON_LDCHECK_MESSAGE_MAX];
	struct vmoon_ldnote *note;

	if (c->problem_count++ >= VMOON_LDSPEC_PROBLEMS_MAX)
		return;
	(void)vsnprintf(text, sizeof(text), fmt, args);
	note = vmoon_ldcheck_alloc(c, sizeof(*note));
	note->problem.path = vmoon_ldcheck_copy(c, c->path, c->path_len);
	note->problem.message = vmoon_ldcheck_copy(c, text, strlen(text));
	note->problem.is_key = is_key;
	note->problem.is_param = c->is_param;
	if (c->last == NULL)
		c->first = note;
	else
		c->last->next = note;
	c->last = note;
}

void vmoon_ldcheck_say(struct vmoon_ldcheck *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(c, false, fmt, args);
	va_end(args);
}

void vmoon_ldcheck_say_key(struct vmoon_ldcheck *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(c, true, fmt, args);
	va_end(args);
}

void vmoon_ldcheck_hint(struct vmoon_ldcheck *c, const char *fmt, ...)
{
	char text[VMOON_LDCHECK_MESSAGE_MAX];
	va_list args;

	if (c->problem_count > VMOON_LDSPEC_PROBLEMS_MAX)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	c->last->problem.hint = vmoon_ldcheck_copy(c, text, strlen(text));
}

void vmoon_ldcheck_refuse(struct vmoon_ldcheck *c, int idx, const char *wanted,
			  const char *example)
{
	char shown[VMOON_LDCHECK_SHOWN_MAX];

	vmoon_ldcheck_say(c, "expected %s, got %s", wanted,
			  vmoon_ldcheck_show(c->L, idx, shown));
	if (example != NULL)
		vmoon_ldcheck_hint(c, "for example: %s", example);
}

static bool is_after(const struct vmoon_ldproblem *a,
		     const struct vmoon_ldproblem *b)
{
	const int order = strcmp(a->path, b->path);

	return order > 0 || (order == 0 && strcmp(a->message, b->message) > 0);
}

void vmoon_ldcheck_sort(struct vmoon_ldcheck *c, struct vmoon_ldnote *before)
{
	struct vmoon_ldnote **head = before == NULL ? &c->first : &before->next;
	struct vmoon_ldnote *rest = *head, *note;

	*head = NULL;
	while ((note = rest) != NULL) {
		struct vmoon_ldnote **at = head;

		rest = note->next;
		while (*at != NULL &&
		       !is_after(&(*at)->problem, &note->problem))
			at = &(*at)->next;
		note->next = *at;
		*at = note;
		if (note->next == NULL)
			c->last = note;
	}
}

/* ---- the path ---- */

/* Names are short: what is too long was refused. */
size_t vmoon_ldcheck_enter(struct vmoon_ldcheck *c, const char *name)
{
	const size_t before = c->path_len;
	int n;

	if (before > VMOON_LDCHECK_PATH_MAX)
		return before;
	n = snprintf(c->path + before, VMOON_LDCHECK_NAME_MAX + 2, "%s%s",
		     before > 0 ? "." : "", name);
	c->path_len = strlen(c->path);
	(void)n;
	return before;
}

size_t vmoon_ldcheck_enter_index(struct vmoon_ldcheck *c, lua_Integer i)
{
	char number[32];

	(void)snprintf(number, sizeof(number), "%lld", (long long)i);
	return vmoon_ldcheck_enter(c, number);
}

void vmoon_ldcheck_leave(struct vmoon_ldcheck *c, size_t before)
{
	c->path_len = before;
	c->path[before] = '\0';
}

/* ---- the word that was meant ---- */

/* Case and the kind of dash are never what was meant to differ. */
static void fold(char *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = text[i] == '-' ? '_'
			 : text[i] >= 'A' && text[i] <= 'Z'
				 ? (char)(text[i] - 'A' + 'a')
				 : text[i];
	out[len] = '\0';
}

void vmoon_ldnearest_init(struct vmoon_ldnearest *n, const char *given)
{
	*n = (struct vmoon_ldnearest){.given = given, .edits = EDITS_MAX + 1};
}

/* A word must keep a letter in common, or any two short words would match. */
void vmoon_ldnearest_try(struct vmoon_ldnearest *n, const char *word,
			 size_t len)
{
	char a[WORD_MAX + 1], b[WORD_MAX + 1];
	const size_t given_len = strlen(n->given);
	unsigned edits;

	if (given_len > WORD_MAX || len > WORD_MAX)
		return;
	fold(a, n->given, given_len);
	fold(b, word, len);
	edits = vmoon_ldlib_count_edits(a, b);
	if (edits >= n->edits || edits >= len || edits >= given_len)
		return;
	n->word = word;
	n->len = len;
	n->edits = edits;
}

void vmoon_ldnearest_hint(struct vmoon_ldcheck *c,
			  const struct vmoon_ldnearest *n)
{
	if (n->word != NULL)
		vmoon_ldcheck_hint(c, "did you mean \"%.*s\"?", (int)n->len,
				   n->word);
}

/* ---- names and lists ---- */

bool vmoon_ldcheck_is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char c = text[i];

		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' &&
		    (c < '0' || c > '9' || i == 0))
			return false;
	}
	return len > 0 && len <= VMOON_LDCHECK_NAME_MAX;
}

static void sort_names(const char **names, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		const char *name = names[i];
		size_t k = i;

		for (; k > 0 && strcmp(name, names[k - 1]) < 0; k--)
			names[k] = names[k - 1];
		names[k] = name;
	}
}

const char **vmoon_ldcheck_names(struct vmoon_ldcheck *c, int idx,
				 const char *what, size_t max,
				 size_t *out_count)
{
	lua_State *L = c->L;
	char shown[VMOON_LDCHECK_SHOWN_MAX];
	const char **names = vmoon_ldcheck_alloc(c, max * sizeof(*names));
	struct vmoon_ldnote *before = c->last;
	size_t count = 0;

	luaL_checkstack(L, 8, "device file");
	lua_pushnil(L);
	while (lua_next(L, idx) != 0) {
		size_t len = 0;
		const char *name = NULL;

		lua_pop(L, 1);
		if (lua_type(L, -1) == LUA_TSTRING)
			name = lua_tolstring(L, -1, &len);
		if (name == NULL || !vmoon_ldcheck_is_name(name, len)) {
			vmoon_ldcheck_say(
				c,
				"the name of a %s is 1 to %d letters, digits "
				"or \"_\", no digit first; got %s",
				what, VMOON_LDCHECK_NAME_MAX,
				vmoon_ldcheck_show(L, -1, shown));
			continue;
		}
		if (count == max) {
			vmoon_ldcheck_say(c, "more than %zu %ss", max, what);
			lua_pop(L, 1);
			count = 0; /* which are there depends on a hash */
			break;
		}
		names[count++] = vmoon_ldcheck_copy(c, name, len);
	}
	vmoon_ldcheck_sort(c, before);
	sort_names(names, count);
	*out_count = count;
	return names;
}

lua_Integer vmoon_ldcheck_list(struct vmoon_ldcheck *c, int idx,
			       const char *what, lua_Integer max)
{
	lua_State *L = c->L;
	char shown[VMOON_LDCHECK_SHOWN_MAX];
	struct vmoon_ldnote *before = c->last;
	lua_Integer count = 0;

	luaL_checkstack(L, 8, "device file");
	for (; count <= max; count++) {
		const bool is_end = lua_rawgeti(L, idx, count + 1) == LUA_TNIL;

		lua_pop(L, 1);
		if (is_end)
			break;
	}
	if (count > max) {
		vmoon_ldcheck_say(c, "more than %lld %ss", (long long)max,
				  what);
		return max;
	}
	lua_pushnil(L);
	while (lua_next(L, idx) != 0) {
		lua_pop(L, 1);
		if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1 &&
		    lua_tointeger(L, -1) <= count)
			continue;
		vmoon_ldcheck_say(c,
				  "it is a list of %ss; %s is no place in it",
				  what, vmoon_ldcheck_show(L, -1, shown));
	}
	vmoon_ldcheck_sort(c, before);
	return count;
}
