/* SPDX-License-Identifier: MIT */
/* config_text.c - bounded text for messages and JSON, and sizes with units. */
#include "config.h"

#include "vmoon/ckd.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message names a value; it need not repeat all of a long one. */
enum { QUOTE_MAX = 160 };

static const char units[] = "KMGT";

void vmoon_text_init(struct vmoon_text *t, char *buf, size_t cap)
{
	t->buf = buf;
	t->cap = buf == NULL ? 0 : cap;
	t->len = 0;
	if (t->cap > 0)
		t->buf[0] = '\0';
}

void vmoon_text_put(struct vmoon_text *t, const char *fmt, ...)
{
	size_t room = t->len < t->cap ? t->cap - t->len : 0;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room > 0 ? t->buf + t->len : NULL, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n;
}

static void put_bytes(struct vmoon_text *t, const char *s, size_t len)
{
	if (t->len < t->cap) {
		size_t room = t->cap - t->len - 1;
		size_t n = len < room ? len : room;

		memcpy(t->buf + t->len, s, n);
		t->buf[t->len + n] = '\0';
	}
	t->len += len;
}

/* Overlong forms, surrogates and cut sequences: RFC 3629, section 4. */
size_t vmoon_utf8_at(const char *s, size_t left, uint32_t *out_cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *b = (const unsigned char *)s;
	size_t len = b[0] < 0x80             ? 1
		     : (b[0] & 0xE0) == 0xC0 ? 2
		     : (b[0] & 0xF0) == 0xE0 ? 3
		     : (b[0] & 0xF8) == 0xF0 ? 4
					     : 0;
	uint32_t cp;

	if (len == 0 || len > left)
		return 0;
	cp = len == 1 ? b[0] : b[0] & (0x7Fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((b[i] & 0xC0) != 0x80)
			return 0;
		cp = cp << 6 | (b[i] & 0x3Fu);
	}
	if (cp < least[len] || cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
		return 0;
	*out_cp = cp;
	return len;
}

bool vmoon_is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7F && cp <= 0x9F);
}

static void put_clean(struct vmoon_text *t, const char *s, size_t len,
		      bool is_quoted)
{
	for (size_t i = 0; i < len;) {
		uint32_t cp = 0;
		size_t n = vmoon_utf8_at(s + i, len - i, &cp);

		if (n == 0 || vmoon_is_control(cp)) {
			vmoon_text_put(t, "\\x%02x", (unsigned char)s[i]);
			i++;
			continue;
		}
		if (is_quoted && (cp == '"' || cp == '\\'))
			put_bytes(t, "\\", 1);
		put_bytes(t, s + i, n);
		i += n;
	}
}

/* A cut in the middle of a character would make it look broken. */
static size_t shown_length(const char *s, size_t len)
{
	size_t shown = len < QUOTE_MAX ? len : QUOTE_MAX;

	while (shown > 0 && shown < len && ((unsigned char)s[shown] >> 6) == 2)
		shown--;
	return shown;
}

void vmoon_text_put_plain(struct vmoon_text *t, const char *s, size_t len)
{
	size_t shown = shown_length(s, len);

	put_clean(t, s, shown, false);
	if (shown < len)
		put_bytes(t, "...", 3);
}

void vmoon_text_put_quoted(struct vmoon_text *t, const char *s, size_t len)
{
	size_t shown = shown_length(s, len);

	put_bytes(t, "\"", 1);
	put_clean(t, s, shown, true);
	put_bytes(t, "\"", 1);
	if (shown < len)
		put_bytes(t, "...", 3);
}

void vmoon_text_put_json(struct vmoon_text *t, const char *s, size_t len)
{
	put_bytes(t, "\"", 1);
	for (size_t i = 0; i < len;) {
		uint32_t cp = 0xFFFD;
		size_t n = vmoon_utf8_at(s + i, len - i, &cp);

		if (n == 0 || vmoon_is_control(cp)) {
			vmoon_text_put(t, "\\u%04x", (unsigned)cp);
			i += n == 0 ? 1 : n;
			continue;
		}
		if (cp == '"' || cp == '\\')
			put_bytes(t, "\\", 1);
		put_bytes(t, s + i, n);
		i += n;
	}
	put_bytes(t, "\"", 1);
}

void vmoon_text_put_size(struct vmoon_text *t, uint64_t bytes)
{
	size_t unit = 0;

	if (bytes == 0 || bytes % VMOON_KIB != 0) {
		vmoon_text_put(t, "%llu bytes", (unsigned long long)bytes);
		return;
	}
	bytes /= VMOON_KIB;
	while (unit < 3 && bytes % VMOON_KIB == 0) {
		bytes /= VMOON_KIB;
		unit++;
	}
	vmoon_text_put(t, "%llu%c", (unsigned long long)bytes, units[unit]);
}

enum vmoon_size_syntax vmoon_size_parse(const char *s, size_t len,
					uint64_t *out_bytes)
{
	uint64_t value = 0;
	const char *unit;
	size_t i = 0;
	bool is_over = false;

	for (; i < len && s[i] >= '0' && s[i] <= '9'; i++) {
		is_over |= ckd_mul(&value, value, 10u);
		is_over |= ckd_add(&value, value, (unsigned)(s[i] - '0'));
	}
	if (i == 0)
		return VMOON_SIZE_MALFORMED;
	if (i == len)
		return VMOON_SIZE_NO_UNIT;
	unit = memchr(units, s[i], sizeof(units) - 1);
	i++;
	if (unit == NULL ||
	    (i != len && (len - i != 2 || memcmp(s + i, "iB", 2) != 0)))
		return VMOON_SIZE_MALFORMED;
	is_over |= ckd_mul(&value, value, VMOON_KIB << (10 * (unit - units)));
	*out_bytes = is_over ? UINT64_MAX : value;
	return VMOON_SIZE_OK;
}
