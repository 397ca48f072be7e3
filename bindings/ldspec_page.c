/* SPDX-License-Identifier: MIT */
/* ldspec_page.c - the keys of a device file as text. */
#include "ldspec_keys.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ldspec.h"

const char *vmoon_ldkeys_choice(const char *choices, size_t n, size_t *out_len)
{
	for (; n > 0; n--) {
		choices = strchr(choices, ',');
		if (choices == NULL)
			return NULL;
		choices += 2;
	}
	*out_len = strcspn(choices, ",");
	return choices;
}

struct page {
	char *buf;
	size_t cap, len;
};

static void put(struct page *page, const char *fmt, ...) VMOON_PRINTF(2, 3);
static void put(struct page *page, const char *fmt, ...)
{
	const size_t at = page->len < page->cap ? page->len : page->cap;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(page->buf == NULL ? NULL : page->buf + at, page->cap - at,
		      fmt, args);
	va_end(args);
	page->len += n > 0 ? (size_t)n : 0;
}

/* On one line all that a key is, below it what it is for. */
static void put_key(struct page *page, const struct vmoon_ldkey *key)
{
	put(page, "  %s  (%s", key->name, key->word);
	if (key->choices != NULL)
		put(page, ": %s", key->choices);
	if (key->is_required)
		put(page, "; required");
	else if (key->default_text != NULL)
		put(page, "; left out: %s", key->default_text);
	if (key->kinds != 0)
		put(page, key->kinds == 1u << VMOON_LDSPEC_VIRTIO
				  ? "; of virtio"
				  : "; of mmio, pio");
	put(page, ")  %s\n      %s\n", key->example, key->doc);
}

const struct vmoon_ldkeys *vmoon_ldkeys_table(size_t i)
{
	static const struct vmoon_ldkeys *const all[] = {
		&vmoon_ldkeys_device, &vmoon_ldkeys_register,
		&vmoon_ldkeys_field,  &vmoon_ldkeys_array,
		&vmoon_ldkeys_fifo,   &vmoon_ldkeys_param,
		&vmoon_ldkeys_queue,  &vmoon_ldkeys_config};

	return i < VMOON_COUNTOF(all) ? all[i] : NULL;
}

size_t vmoon_ldkeys_text(char *buf, size_t cap)
{
	struct page page = {.buf = buf, .cap = buf == NULL ? 0 : cap};
	const struct vmoon_ldkeys *t;

	for (size_t i = 0; (t = vmoon_ldkeys_table(i)) != NULL; i++) {
		put(&page, "%s%s%s%s%s\n", i > 0 ? "\n" : "", t->title,
		    *t->place == '\0' ? "" : " (", t->place,
		    *t->place == '\0' ? "" : ")");
		for (size_t k = 0; k < t->count; k++)
			put_key(&page, &t->rows[k]);
	}
	return page.len;
}
