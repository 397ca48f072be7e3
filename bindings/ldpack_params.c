/* SPDX-License-Identifier: MIT */
/* ldpack_params.c - a device's parameters, as a config has them, packed. */
#include <string.h>

#include "ldpack.h"
#include "ldpack_tags.h"
#include "vmoon/le.h"
#include "vmoon/vmoon.h"

struct out {
	unsigned char *buf; /* NULL: only count */
	size_t cap, len;
};

static void put(struct out *o, const void *bytes, size_t n)
{
	if (o->buf != NULL && o->len <= o->cap && n <= o->cap - o->len)
		memcpy(o->buf + o->len, bytes, n);
	o->len += n;
}

static void put_tag(struct out *o, enum tag tag)
{
	const unsigned char byte = (unsigned char)tag;

	put(o, &byte, 1);
}

static void put_count(struct out *o, size_t n)
{
	unsigned char bytes[4];

	vmoon_le32_store(bytes, (uint32_t)n); /* a config is below 4 GiB */
	put(o, bytes, sizeof(bytes));
}

static void put_bits(struct out *o, enum tag tag, uint64_t bits)
{
	unsigned char bytes[8];

	vmoon_le64_store(bytes, bits);
	put_tag(o, tag);
	put(o, bytes, sizeof(bytes));
}

static void put_text(struct out *o, const char *text, size_t len)
{
	put_tag(o, TAG_STRING);
	put_count(o, len);
	put(o, text, len);
}

static void put_value(struct out *o, const struct vmoon_config_param *p)
{
	uint64_t bits;

	switch (p->kind) {
	case VMOON_PARAM_STRING: put_text(o, p->text, p->len); break;
	case VMOON_PARAM_INTEGER:
		put_bits(o, TAG_INTEGER, (uint64_t)p->integer);
		break;
	case VMOON_PARAM_NUMBER:
		memcpy(&bits, &p->number, sizeof(bits));
		put_bits(o, TAG_FLOAT, bits);
		break;
	case VMOON_PARAM_BOOLEAN:
		put_tag(o, p->boolean ? TAG_TRUE : TAG_FALSE);
		break;
	}
}

size_t vmoon_ldpack_params(const struct vmoon_config *cfg, size_t i,
			   unsigned char *buf, size_t cap)
{
	struct vmoon_config_device d = VMOON_INIT(struct vmoon_config_device);
	struct vmoon_config_param p;
	struct out o = {buf, cap, 0};

	if (vmoon_config_device(cfg, i, &d, NULL) != VMOON_OK)
		return 0;
	put_tag(&o, TAG_TABLE);
	put_count(&o, d.param_count);
	for (size_t n = 0; n < d.param_count; n++) {
		/* They come by name, as ldpack.c wants it. */
		if (vmoon_config_device_param(cfg, i, n, &p, NULL) != VMOON_OK)
			return 0;
		put_text(&o, p.name, strlen(p.name));
		put_value(&o, &p);
	}
	return o.len;
}
