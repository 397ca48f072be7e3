/* SPDX-License-Identifier: MIT */
/* ldline.c - what a device's code says, as a line that harms no terminal. */
#include <string.h>

#include "ldstate.h"

/* The bytes of a character of UTF-8 at text; 0: there is none. */
static size_t length_at(const unsigned char *text, size_t left)
{
	size_t len = 1;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	len = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	if (len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* C0, DEL, C1: U+0080 to U+009F. */
static bool is_control(const unsigned char *text)
{
	return text[0] < ' ' || text[0] == 0x7f ||
	       (text[0] == 0xc2 && text[1] < 0xa0);
}

void vmoon_ldstate_line(char *out, size_t size, const char *text, size_t len)
{
	const unsigned char *from = (const unsigned char *)text;
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		const size_t taken = length_at(from + i, len - i);

		if (n + (taken == 0 ? 1 : taken) >= size)
			break;
		if (taken == 0) {
			out[n++] = '?';
		} else if (is_control(from + i)) {
			out[n++] = ' ';
		} else {
			memcpy(out + n, from + i, taken);
			n += taken;
		}
		i += taken == 0 ? 1 : taken;
	}
	out[n] = '\0';
}
