/* SPDX-License-Identifier: MIT */
/* ldnumbers.c - integers in bytes, by a format as string.unpack has it. */
#include "ldnumbers.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "vmoon/le.h"

enum { WIDTH_MAX = 8, WIDTH_INT = 4 };

struct item {
	unsigned width; /* bytes; 0: it only sets the order */
	bool is_signed, is_number, is_little, is_big;
};

/* The digit behind an i or I. 0: what is there is no width. */
static unsigned parse_width(const char **at, const char *end)
{
	unsigned width;

	if (*at == end || isdigit((unsigned char)**at) == 0)
		return WIDTH_INT;
	width = (unsigned)(*(*at)++ - '0');
	if (*at < end && isdigit((unsigned char)**at) != 0)
		return 0;
	return width <= WIDTH_MAX ? width : 0;
}

/* False: there is no such item. */
static bool parse(const char **at, const char *end, struct item *out)
{
	const char c = *(*at)++;

	*out = (struct item){.is_signed = c >= 'a', .is_number = true};
	switch (c) {
	case ' ': break;
	case '=':
	case '<': out->is_little = true; break;
	case '>': out->is_big = true; break;
	case 'x': out->width = 1, out->is_number = false; break;
	case 'b':
	case 'B': out->width = 1; break;
	case 'h':
	case 'H': out->width = 2; break;
	case 'j':
	case 'J': out->width = WIDTH_MAX; break;
	case 'i':
	case 'I': out->width = parse_width(at, end); return out->width != 0;
	default: return false;
	}
	return true;
}

static void add(struct vmoon_ldnumbers *n, const struct item *item, bool is_big)
{
	struct vmoon_ldnumber *to = &n->numbers[n->count++];
	const unsigned bits = 8 * item->width;

	*to = (struct vmoon_ldnumber){
		.mask = UINT64_MAX >> (64 - bits),
		.sign = item->is_signed ? UINT64_C(1) << (bits - 1) : 0,
		.at = (unsigned char)n->size, /* at most BYTES */
		.is_big = is_big};
}

static void read_text(struct vmoon_ldnumbers *n, lua_State *L,
		      const char *format, size_t len)
{
	const char *at = format, *end = format + len;
	bool is_big = false;
	struct item item;

	while (at < end) {
		const char *here = at;

		if (!parse(&at, end, &item))
			luaL_error(L,
				   "the format has integers of 1 to 8 bytes "
				   "(b B h H i[n] I[n] j J), x, < and >, not "
				   "'%c'",
				   *here);
		is_big = (is_big || item.is_big) && !item.is_little;
		if (item.width > 0 && item.is_number) {
			if (n->count == VMOON_LDNUMBERS_MAX)
				luaL_error(L,
					   "the format has more than %d "
					   "integers",
					   VMOON_LDNUMBERS_MAX);
			add(n, &item, is_big);
		}
		n->size += item.width;
		if (n->size > VMOON_LDNUMBERS_BYTES)
			luaL_error(L, "the format is for more than %d bytes",
				   VMOON_LDNUMBERS_BYTES);
	}
}

void vmoon_ldnumbers_read(struct vmoon_ldnumbers *n, lua_State *L, int idx)
{
	size_t len;
	const char *format = luaL_checklstring(L, idx, &len);

	if (len == n->len && len > 0 && memcmp(format, n->format, len) == 0)
		return;
	luaL_argcheck(L, len <= VMOON_LDNUMBERS_FORMAT, idx,
		      "the format is too long");
	n->len = 0;
	n->size = n->count = 0;
	read_text(n, L, format, len);
	memcpy(n->format, format, len);
	n->len = len;
}

int vmoon_ldnumbers_push(const struct vmoon_ldnumbers *n, lua_State *L,
			 const unsigned char *bytes)
{
	for (unsigned i = 0; i < n->count; i++) {
		const struct vmoon_ldnumber *number = &n->numbers[i];
		uint64_t value = vmoon_le64_load(bytes + number->at);

		if (number->is_big)
			value = __builtin_bswap64(value) >>
				(__builtin_clzll(number->mask));
		value &= number->mask;
		value = (value ^ number->sign) - number->sign;
		lua_pushinteger(L, (lua_Integer)value); /* its bits */
	}
	return (int)n->count; /* at most MAX */
}
