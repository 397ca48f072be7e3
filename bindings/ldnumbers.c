/* SPDX-License-Identifier: MIT */
/* ldnumbers.c - integers in bytes, by a format as string.unpack has it. */
#include "ldnumbers.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>

enum { FORMAT_MAX = 256, WIDTH_MAX = 8, INT_BYTES = 4, FREE_SLOTS = 16 };

struct item {
	unsigned width;            /* bytes; 0: it only sets the order */
	bool is_signed, is_number; /* x is none */
	enum { SAME, LITTLE, BIG } order;
};

/* The digit behind an i or I. 0: what is there is no width. */
static unsigned parse_width(const char **at, const char *end)
{
	unsigned width;

	if (*at == end || isdigit((unsigned char)**at) == 0)
		return INT_BYTES;
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
	case '<': out->order = LITTLE; break;
	case '>': out->order = BIG; break;
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

size_t vmoon_ldnumbers_size(lua_State *L, const char *format, size_t len)
{
	const char *at = format, *end = format + len;
	size_t size = 0;
	int count = 0;
	struct item item;

	luaL_argcheck(L, len <= FORMAT_MAX, 2, "the format is too long");
	while (at < end) {
		const char *here = at;

		if (!parse(&at, end, &item))
			luaL_error(L,
				   "the format has integers of 1 to 8 bytes "
				   "(b B h H i[n] I[n] j J), x, < and >, not "
				   "'%c'",
				   *here);
		size += item.width;
		count += item.width != 0 && item.is_number;
	}
	luaL_argcheck(L, size <= VMOON_LDNUMBERS_BYTES, 2,
		      "the format is for more than 128 bytes");
	if (count > FREE_SLOTS)
		luaL_checkstack(L, count, NULL);
	return size;
}

static uint64_t load(const unsigned char *bytes, unsigned width, bool is_big)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value = value << 8 | bytes[is_big ? i : width - 1 - i];
	return value;
}

/* The value's top bit is its sign. */
static uint64_t extend(uint64_t value, unsigned width)
{
	const uint64_t sign = UINT64_C(1) << (8 * width - 1);

	return (value ^ sign) - sign;
}

int vmoon_ldnumbers_push(lua_State *L, const char *format, size_t len,
			 const unsigned char *bytes)
{
	const char *at = format, *end = format + len;
	bool is_big = false;
	int count = 0;
	struct item item;

	while (at < end && parse(&at, end, &item)) {
		uint64_t value;

		if (item.order != SAME)
			is_big = item.order == BIG;
		if (item.width != 0 && item.is_number) {
			value = load(bytes, item.width, is_big);
			if (item.is_signed)
				value = extend(value, item.width);
			lua_pushinteger(L, (lua_Integer)value); /* its bits */
			count++;
		}
		bytes += item.width;
	}
	return count;
}
