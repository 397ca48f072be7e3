/* SPDX-License-Identifier: MIT */
/*
 * lmatch.c - Lua patterns, compiled first and matched with a bound. A pattern
 * is one row of items without alternatives, so captures need no undoing: on
 * the way to a match the last to set one is the right one. Only repeats go
 * back, and each of them is one level of recursion.
 */
#include "lmatch.h"

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

enum kind {
	ITEM_END,
	ITEM_TEXT_END, /* $ */
	ITEM_ONE,
	ITEM_MANY,     /* * */
	ITEM_SOME,     /* + */
	ITEM_FEW,      /* - */
	ITEM_OPTIONAL, /* ? */
	ITEM_OPEN,
	ITEM_CLOSE,
	ITEM_POSITION,
	ITEM_SAME, /* %1 */
	ITEM_BALANCE,
	ITEM_FRONTIER
};

/* ---- the pattern ---- */

struct compiler {
	lua_State *L;
	const char *at, *end;
	struct vmoon_lmatch_item *item; /* being made */
	unsigned captures, repeats;
	unsigned open[VMOON_LMATCH_CAPTURES_MAX], open_count;
	bool is_closed[VMOON_LMATCH_CAPTURES_MAX];
};

static void add_byte(uint32_t set[8], unsigned c)
{
	set[c / 32] |= UINT32_C(1) << (c % 32);
}

static bool has_byte(const uint32_t set[8], unsigned c)
{
	return (set[c / 32] >> (c % 32) & 1) != 0;
}

static bool is_in_class(int c, int class)
{
	switch (class) {
	case 'a': return isalpha(c) != 0;
	case 'c': return iscntrl(c) != 0;
	case 'd': return isdigit(c) != 0;
	case 'g': return isgraph(c) != 0;
	case 'l': return islower(c) != 0;
	case 'p': return ispunct(c) != 0;
	case 's': return isspace(c) != 0;
	case 'u': return isupper(c) != 0;
	case 'w': return isalnum(c) != 0;
	case 'x': return isxdigit(c) != 0;
	default: return c == 0; /* z */
	}
}

/* What stands behind a %: a class, its opposite, or the byte itself. */
static void add_class(uint32_t set[8], unsigned char letter)
{
	int class = tolower(letter);

	if (!isalpha(letter) || strchr("acdglpsuwxz", class) == NULL) {
		add_byte(set, letter);
		return;
	}
	for (int c = 0; c < 256; c++)
		if (is_in_class(c, class) == (islower(letter) != 0))
			add_byte(set, (unsigned)c);
}

static unsigned char next_byte(struct compiler *p)
{
	return (unsigned char)*p->at++;
}

static unsigned char after_percent(struct compiler *p)
{
	if (p->at == p->end)
		luaL_error(p->L, "malformed pattern (ends with '%%')");
	return next_byte(p);
}

/* The bracket that closes a set: not the first byte, nor behind a %. */
static const char *find_set_end(const struct compiler *p)
{
	const char *at = p->at;

	do {
		if (at < p->end && *at++ == '%' && at < p->end)
			at++;
		if (at >= p->end)
			luaL_error(p->L, "malformed pattern (missing ']')");
	} while (*at != ']');
	return at;
}

static void add_set(struct compiler *p, uint32_t set[8])
{
	bool is_opposite = p->at < p->end && *p->at == '^';
	const char *end;

	p->at += is_opposite;
	end = find_set_end(p);
	while (p->at < end) {
		unsigned char c = next_byte(p);

		if (c == '%') {
			add_class(set, next_byte(p));
		} else if (end - p->at >= 2 && *p->at == '-') {
			unsigned last = (unsigned char)p->at[1];

			for (unsigned i = c; i <= last; i++)
				add_byte(set, i);
			p->at += 2;
		} else {
			add_byte(set, c);
		}
	}
	p->at++;
	for (int i = 0; i < 8 && is_opposite; i++)
		set[i] = ~set[i];
}

static void compile_open(struct compiler *p)
{
	if (p->captures == VMOON_LMATCH_CAPTURES_MAX)
		luaL_error(p->L, "too many captures");
	p->item->index = (unsigned char)p->captures;
	if (p->at < p->end && *p->at == ')') {
		p->at++;
		p->item->kind = ITEM_POSITION;
		p->is_closed[p->captures] = true;
	} else {
		p->item->kind = ITEM_OPEN;
		p->open[p->open_count++] = p->captures;
	}
	p->captures++;
}

static void compile_close(struct compiler *p)
{
	unsigned index;

	if (p->open_count == 0)
		luaL_error(p->L, "invalid pattern capture");
	index = p->open[--p->open_count];
	p->is_closed[index] = true;
	p->item->kind = ITEM_CLOSE;
	p->item->index = (unsigned char)index;
}

/* Items that a % begins and that no repeat can follow; false for others. */
static bool compile_special(struct compiler *p, unsigned char letter)
{
	if (letter == 'b') {
		if (p->end - p->at < 2)
			luaL_error(p->L, "malformed pattern (missing arguments "
					 "to '%%b')");
		p->item->kind = ITEM_BALANCE;
		p->item->first = next_byte(p);
		p->item->last = next_byte(p);
	} else if (letter == 'f') {
		if (p->at == p->end || next_byte(p) != '[')
			luaL_error(p->L, "missing '[' after '%%f' in pattern");
		p->item->kind = ITEM_FRONTIER;
		add_set(p, p->item->set);
	} else if (isdigit(letter)) {
		unsigned index = (unsigned)letter - '1';

		if (letter == '0' || index >= p->captures ||
		    !p->is_closed[index])
			luaL_error(p->L, "invalid capture index %%%c", letter);
		p->item->kind = ITEM_SAME;
		p->item->index = (unsigned char)index;
	} else {
		return false;
	}
	return true;
}

static void compile_repeat(struct compiler *p)
{
	static const char signs[] = "*+-?";
	const char *sign =
		p->at < p->end && *p->at != '\0' ? strchr(signs, *p->at) : NULL;

	p->item->kind = ITEM_ONE;
	if (sign == NULL)
		return;
	p->at++;
	p->item->kind = (unsigned char)(ITEM_MANY + (sign - signs));
	if (++p->repeats > VMOON_LMATCH_REPEATS_MAX)
		luaL_error(p->L, "pattern too complex");
}

static void compile_item(struct compiler *p)
{
	unsigned char c = next_byte(p);

	if (c == '(') {
		compile_open(p);
	} else if (c == ')') {
		compile_close(p);
	} else if (c == '$' && p->at == p->end) {
		p->item->kind = ITEM_TEXT_END;
	} else if (c == '%') {
		c = after_percent(p);
		if (compile_special(p, c))
			return;
		add_class(p->item->set, c);
		compile_repeat(p);
	} else {
		if (c == '[')
			add_set(p, p->item->set);
		else if (c == '.')
			memset(p->item->set, 0xff, sizeof(p->item->set));
		else
			add_byte(p->item->set, c);
		compile_repeat(p);
	}
}

const struct vmoon_lmatch_item *vmoon_lmatch_compile(lua_State *L,
						     const char *pattern,
						     size_t len,
						     unsigned *out_captures)
{
	struct compiler p = {.L = L, .at = pattern, .end = pattern + len};
	struct vmoon_lmatch_item *items;

	/* An item a byte and the end; the length is that of a Lua string. */
	if (len > LUA_MAXINTEGER / sizeof(*items) - 1)
		luaL_error(L, "pattern too long");
	items = lua_newuserdatauv(L, (len + 1) * sizeof(*items), 0);
	memset(items, 0, (len + 1) * sizeof(*items));
	for (p.item = items; p.at < p.end; p.item++)
		compile_item(&p);
	p.item->kind = ITEM_END;
	if (p.open_count > 0)
		luaL_error(L, "unfinished capture");
	*out_captures = p.captures;
	return items;
}

/* ---- the match ---- */

/* No position: the text is shorter. */
#define NOWHERE SIZE_MAX

static bool is_spent(struct vmoon_lmatch *m, size_t steps)
{
	m->steps -= (long)steps; /* at most the length of a Lua string */
	return m->steps < 0;
}

static bool fits(const struct vmoon_lmatch *m,
		 const struct vmoon_lmatch_item *item, size_t at)
{
	return at < m->len && has_byte(item->set, (unsigned char)m->text[at]);
}

/* Where the pair that opens at a position closes. */
static size_t skip_balanced(struct vmoon_lmatch *m,
			    const struct vmoon_lmatch_item *item, size_t at)
{
	size_t depth = 0;

	if (at == m->len || (unsigned char)m->text[at] != item->first)
		return NOWHERE;
	depth++;
	for (at++; at < m->len && !is_spent(m, 1); at++) {
		unsigned char c = (unsigned char)m->text[at];

		if (c == item->last) {
			if (--depth == 0)
				return at + 1;
		} else if (c == item->first) {
			depth++;
		}
	}
	return NOWHERE;
}

static bool is_frontier(const struct vmoon_lmatch *m,
			const struct vmoon_lmatch_item *item, size_t at)
{
	unsigned char before = at == 0 ? 0 : (unsigned char)m->text[at - 1];
	unsigned char here = at == m->len ? 0 : (unsigned char)m->text[at];

	return !has_byte(item->set, before) && has_byte(item->set, here);
}

static size_t skip_same(struct vmoon_lmatch *m, unsigned index, size_t at)
{
	size_t len = m->capture[index].len;

	/* A position has no text that could be there again. */
	if (m->capture[index].is_position || len > m->len - at ||
	    is_spent(m, len) ||
	    memcmp(m->text + m->capture[index].start, m->text + at, len) != 0)
		return NOWHERE;
	return at + len;
}

static size_t match(struct vmoon_lmatch *m,
		    const struct vmoon_lmatch_item *item, size_t at);

/* As many as there are, then one less each time the rest does not match. */
static size_t match_many(struct vmoon_lmatch *m,
			 const struct vmoon_lmatch_item *item, size_t at,
			 size_t least)
{
	size_t count = 0;

	while (fits(m, item, at + count) && !is_spent(m, 1))
		count++;
	for (count++; count > least; count--) {
		size_t end = match(m, item + 1, at + count - 1);

		if (end != NOWHERE)
			return end;
	}
	return NOWHERE;
}

static size_t match_few(struct vmoon_lmatch *m,
			const struct vmoon_lmatch_item *item, size_t at)
{
	size_t end = match(m, item + 1, at);

	while (end == NOWHERE && m->steps >= 0 && fits(m, item, at))
		end = match(m, item + 1, ++at);
	return end;
}

/* An item that consumes without a choice; where the next one begins. */
static size_t step_over(struct vmoon_lmatch *m,
			const struct vmoon_lmatch_item *item, size_t at)
{
	switch ((enum kind)item->kind) {
	case ITEM_ONE: return fits(m, item, at) ? at + 1 : NOWHERE;
	case ITEM_OPEN:
		m->capture[item->index].start = at;
		m->capture[item->index].is_position = false;
		return at;
	case ITEM_CLOSE:
		m->capture[item->index].len =
			at - m->capture[item->index].start;
		return at;
	case ITEM_POSITION:
		m->capture[item->index].start = at;
		m->capture[item->index].len = 0;
		m->capture[item->index].is_position = true;
		return at;
	case ITEM_SAME: return skip_same(m, item->index, at);
	case ITEM_BALANCE: return skip_balanced(m, item, at);
	case ITEM_FRONTIER: return is_frontier(m, item, at) ? at : NOWHERE;
	case ITEM_TEXT_END: return at == m->len ? at : NOWHERE;
	case ITEM_END:
	case ITEM_MANY:
	case ITEM_SOME:
	case ITEM_FEW:
	case ITEM_OPTIONAL: break;
	}
	return NOWHERE;
}

/* Recursion is as deep as the pattern has repeats. */
static size_t match(struct vmoon_lmatch *m,
		    const struct vmoon_lmatch_item *item, size_t at)
{
	for (; at != NOWHERE && !is_spent(m, 1); item++) {
		size_t end;

		switch ((enum kind)item->kind) {
		case ITEM_END: return at;
		case ITEM_MANY: return match_many(m, item, at, 0);
		case ITEM_SOME: return match_many(m, item, at, 1);
		case ITEM_FEW: return match_few(m, item, at);
		case ITEM_OPTIONAL:
			end = fits(m, item, at) ? match(m, item + 1, at + 1)
						: NOWHERE;
			if (end != NOWHERE)
				return end;
			break;
		case ITEM_TEXT_END:
		case ITEM_ONE:
		case ITEM_OPEN:
		case ITEM_CLOSE:
		case ITEM_POSITION:
		case ITEM_SAME:
		case ITEM_BALANCE:
		case ITEM_FRONTIER: at = step_over(m, item, at); break;
		}
	}
	return NOWHERE;
}

bool vmoon_lmatch_at(struct vmoon_lmatch *m,
		     const struct vmoon_lmatch_item *items, size_t start,
		     size_t *out_end)
{
	size_t end = match(m, items, start);

	if (end == NOWHERE || m->steps < 0)
		return false;
	*out_end = end;
	return true;
}
