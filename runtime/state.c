/* SPDX-License-Identifier: MIT */
/* state.c - snapshot sections: tag, version, little-endian values. */
#include "vmoon/state.h"

#include "vmoon/ckd.h"

#include <assert.h>
#include <string.h>

enum { TAG_LEN_MAX = 255, VERSION_BYTES = 4, VALUE_BYTES_MAX = 8 };

void vmoon_state_put_bytes(struct vmoon_state_writer *w, const void *src,
			   size_t len)
{
	size_t at = w->len;

	if (len == 0)
		return;
	/* A length nobody could store: it stays "more than there is". */
	if (ckd_add(&w->len, at, len))
		w->len = SIZE_MAX;
	if (!vmoon_range_ok(at, len, w->size)) {
		w->is_overflow = true;
		return;
	}
	memcpy(w->buf + at, src, len);
}

void vmoon_state_put(struct vmoon_state_writer *w, uint64_t value,
		     unsigned size_bytes)
{
	unsigned char bytes[VALUE_BYTES_MAX];

	assert(size_bytes >= 1 && size_bytes <= VALUE_BYTES_MAX);
	for (unsigned i = 0; i < size_bytes; i++)
		bytes[i] = (unsigned char)(value >> (8 * i) & 0xff);
	vmoon_state_put_bytes(w, bytes, size_bytes);
}

void vmoon_state_begin(struct vmoon_state_writer *w, const char *tag,
		       uint32_t version)
{
	size_t len = strlen(tag);

	assert(len >= 1 && len <= TAG_LEN_MAX);
	vmoon_state_put(w, len, 1);
	vmoon_state_put_bytes(w, tag, len);
	vmoon_state_put(w, version, VERSION_BYTES);
}

void vmoon_state_get_bytes(struct vmoon_state_reader *r, void *dst, size_t len)
{
	if (len == 0)
		return;
	if (r->is_bad || !vmoon_range_ok(r->off, len, r->size)) {
		r->is_bad = true;
		memset(dst, 0, len);
		return;
	}
	memcpy(dst, r->buf + r->off, len);
	r->off += len;
}

uint64_t vmoon_state_get(struct vmoon_state_reader *r, unsigned size_bytes)
{
	unsigned char bytes[VALUE_BYTES_MAX];
	uint64_t value = 0;

	assert(size_bytes >= 1 && size_bytes <= VALUE_BYTES_MAX);
	vmoon_state_get_bytes(r, bytes, size_bytes);
	for (unsigned i = size_bytes; i-- > 0;)
		value = value << 8 | bytes[i];
	return value;
}

bool vmoon_state_expect(struct vmoon_state_reader *r, const char *tag,
			uint32_t version)
{
	char found[TAG_LEN_MAX];
	size_t len = (size_t)vmoon_state_get(r, 1);

	vmoon_state_get_bytes(r, found, len);
	if (len != strlen(tag) || memcmp(found, tag, len) != 0)
		r->is_bad = true;
	if (vmoon_state_get(r, VERSION_BYTES) != version)
		r->is_bad = true;
	return !r->is_bad;
}
