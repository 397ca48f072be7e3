/* SPDX-License-Identifier: MIT */
/* aml.c - the encodings of ACPI 6.5, chapter 20 (AML) and 6.4 (resources). */
#include "boot/aml.h"

#include <string.h>

enum {
	SEGMENT_LEN = 4,
	SEGMENTS_MAX = 16, /* far more than any path we write */
	PKG_LEN_MAX = 0x0fffffff,
	TEMPLATE_HEAD = 2, /* BytePrefix and the buffer's size */
	ISA_IRQS = 16,
	METHOD_ARGS_MAX = 7,
	PREFIX_BYTE = 0x0a,
	PREFIX_WORD = 0x0b,
	PREFIX_DWORD = 0x0c,
	PREFIX_STRING = 0x0d,
	PREFIX_QWORD = 0x0e,
	PREFIX_DUAL_NAME = 0x2e,
	PREFIX_MULTI_NAME = 0x2f,
	PREFIX_EXT_OP = 0x5b,
	RES_IRQ_NO_FLAGS = 0x22,
	RES_IO = 0x47,
	RES_END_TAG = 0x79,
	RES_MEMORY32_FIXED = 0x86,
	RES_INTERRUPT = 0x89
};

void vmoon_aml_init(struct vmoon_aml *w, unsigned char *buf, size_t cap)
{
	memset(w, 0, sizeof(*w));
	w->buf = buf;
	w->cap = cap;
}

bool vmoon_aml_is_good(const struct vmoon_aml *w)
{
	return !w->overflow && !w->misuse;
}

enum vmoon_status vmoon_aml_finish(const struct vmoon_aml *w, size_t *out_len,
				   struct vmoon_error *err)
{
	if (w->misuse || (!w->overflow && w->depth != 0))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "AML: a term that cannot be encoded or was "
				  "left open, at byte %zu",
				  w->len);
	if (w->overflow)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "AML: more than %zu bytes; give a larger "
				  "buffer",
				  w->cap);
	*out_len = w->len;
	return VMOON_OK;
}

/* The first trouble is the one that counts. */
static void refuse_if(struct vmoon_aml *w, bool is_bad)
{
	if (is_bad && !w->overflow)
		w->misuse = true;
}

/* Room for len more bytes, or NULL for good once there was none. */
static unsigned char *reserve(struct vmoon_aml *w, size_t len)
{
	unsigned char *at;

	if (!vmoon_aml_is_good(w))
		return NULL;
	if (!vmoon_range_ok(w->len, len, w->cap)) {
		w->overflow = true;
		return NULL;
	}
	at = w->buf + w->len;
	w->len += len;
	return at;
}

void vmoon_aml_bytes(struct vmoon_aml *w, const void *data, size_t len)
{
	unsigned char *to = reserve(w, len);

	if (to != NULL && len != 0)
		memcpy(to, data, len);
}

void vmoon_aml_zeros(struct vmoon_aml *w, size_t len)
{
	unsigned char *to = reserve(w, len);

	if (to != NULL && len != 0)
		memset(to, 0, len);
}

void vmoon_aml_le(struct vmoon_aml *w, uint64_t value, unsigned size)
{
	unsigned char bytes[sizeof(value)];

	if (size > sizeof(bytes)) {
		refuse_if(w, true);
		return;
	}
	for (unsigned i = 0; i < size; i++)
		bytes[i] = (unsigned char)(value >> 8 * i & 0xff);
	vmoon_aml_bytes(w, bytes, size);
}

void vmoon_aml_op(struct vmoon_aml *w, enum vmoon_aml_op op)
{
	unsigned code = (unsigned)op;

	if (code > 0xff)
		vmoon_aml_le(w, PREFIX_EXT_OP, 1);
	vmoon_aml_le(w, code & 0xff, 1);
}

/* ---- names ---- */

static bool is_lead_char(char c)
{
	return (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_char(char c)
{
	return is_lead_char(c) || (c >= '0' && c <= '9');
}

/* Splits "AB.CDEF" into padded segments; 0 when it is not a path. */
static unsigned split_path(const char *p, char out[][SEGMENT_LEN])
{
	unsigned count = 0, len = 0;

	for (; *p != '\0'; p++) {
		if (*p == '.') {
			if (len == 0)
				return 0;
			len = 0;
			continue;
		}
		if (len == SEGMENT_LEN || !is_name_char(*p))
			return 0;
		if (len == 0) {
			if (count == SEGMENTS_MAX || !is_lead_char(*p))
				return 0;
			memset(out[count++], '_', SEGMENT_LEN);
		}
		out[count - 1][len++] = *p;
	}
	return len == 0 ? 0 : count;
}

void vmoon_aml_path(struct vmoon_aml *w, const char *path)
{
	char segments[SEGMENTS_MAX][SEGMENT_LEN];
	size_t prefix = path[0] == '\\' ? 1 : strspn(path, "^");
	unsigned count = split_path(path + prefix, segments);

	if (count == 0) {
		refuse_if(w, true);
		return;
	}
	vmoon_aml_bytes(w, path, prefix);
	if (count == 2)
		vmoon_aml_le(w, PREFIX_DUAL_NAME, 1);
	if (count > 2) {
		vmoon_aml_le(w, PREFIX_MULTI_NAME, 1);
		vmoon_aml_le(w, count, 1);
	}
	vmoon_aml_bytes(w, segments, (size_t)count * SEGMENT_LEN);
}

void vmoon_aml_name(struct vmoon_aml *w, const char *path)
{
	vmoon_aml_op(w, VMOON_AML_NAME);
	vmoon_aml_path(w, path);
}

/* ---- data ---- */

void vmoon_aml_integer(struct vmoon_aml *w, uint64_t value)
{
	if (value <= 1) { /* ZeroOp and OneOp */
		vmoon_aml_le(w, value, 1);
	} else if (value <= UINT8_MAX) {
		vmoon_aml_le(w, PREFIX_BYTE, 1);
		vmoon_aml_le(w, value, 1);
	} else if (value <= UINT16_MAX) {
		vmoon_aml_le(w, PREFIX_WORD, 1);
		vmoon_aml_le(w, value, 2);
	} else if (value <= UINT32_MAX) {
		vmoon_aml_le(w, PREFIX_DWORD, 1);
		vmoon_aml_le(w, value, 4);
	} else {
		vmoon_aml_le(w, PREFIX_QWORD, 1);
		vmoon_aml_le(w, value, 8);
	}
}

void vmoon_aml_string(struct vmoon_aml *w, const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		refuse_if(w, (unsigned char)text[i] > 0x7f);
	vmoon_aml_le(w, PREFIX_STRING, 1);
	vmoon_aml_bytes(w, text, len + 1);
}

/* Three letters of 5 bits, four hex digits; big-endian (ACPI 6.5, 19.3.4). */
void vmoon_aml_eisa_id(struct vmoon_aml *w, const char *id)
{
	static const char digits[] = "0123456789ABCDEF";
	uint32_t packed = 0;
	size_t i;

	if (strlen(id) != 7) {
		refuse_if(w, true);
		return;
	}
	for (i = 0; i < 3; i++) {
		refuse_if(w, id[i] < 'A' || id[i] > 'Z');
		packed = packed << 5 | ((uint32_t)(id[i] - '@') & 0x1f);
	}
	for (; i < 7; i++) {
		const char *d = strchr(digits, id[i]);

		refuse_if(w, d == NULL);
		packed = packed << 4 | (d == NULL ? 0 : (uint32_t)(d - digits));
	}
	vmoon_aml_le(w, PREFIX_DWORD, 1);
	for (i = 4; i-- > 0;)
		vmoon_aml_le(w, packed >> 8 * i & 0xff, 1);
}

void vmoon_aml_region(struct vmoon_aml *w, const char *path, unsigned space,
		      uint64_t offset, uint64_t len)
{
	vmoon_aml_op(w, VMOON_AML_REGION);
	vmoon_aml_path(w, path);
	vmoon_aml_le(w, space, 1);
	vmoon_aml_integer(w, offset);
	vmoon_aml_integer(w, len);
}

/* ---- what has a length ---- */

/* ACPI 6.5, 20.2.4: 6 bits alone, or 4 bits and up to three more bytes. */
static unsigned encode_length(size_t value, unsigned char out[4])
{
	unsigned more = value > 0xfffff ? 3 : value > 0xfff ? 2 : value > 0x3f;

	if (more == 0) {
		out[0] = (unsigned char)value;
		return 1;
	}
	out[0] = (unsigned char)(more << 6 | (value & 0xf));
	for (unsigned i = 0; i < more; i++)
		out[1 + i] = (unsigned char)(value >> (4 + 8 * i) & 0xff);
	return 1 + more;
}

static void open_scope(struct vmoon_aml *w, enum vmoon_aml_op op,
		       bool is_template)
{
	vmoon_aml_op(w, op);
	if (!vmoon_aml_is_good(w))
		return;
	if (w->depth == VMOON_AML_DEPTH_MAX) {
		refuse_if(w, true);
		return;
	}
	w->open[w->depth].at = w->len;
	w->open[w->depth].is_template = is_template;
	w->depth++;
	vmoon_aml_zeros(w, 1); /* the length; grows in vmoon_aml_close */
}

void vmoon_aml_open(struct vmoon_aml *w, enum vmoon_aml_op op, const char *path)
{
	open_scope(w, op, false);
	if (path != NULL)
		vmoon_aml_path(w, path);
}

void vmoon_aml_open_method(struct vmoon_aml *w, const char *path, unsigned args,
			   bool is_serialized)
{
	refuse_if(w, args > METHOD_ARGS_MAX);
	vmoon_aml_open(w, VMOON_AML_METHOD, path);
	vmoon_aml_le(w, args | (is_serialized ? 0x08 : 0), 1);
}

void vmoon_aml_open_package(struct vmoon_aml *w, unsigned count)
{
	refuse_if(w, count > UINT8_MAX);
	vmoon_aml_open(w, VMOON_AML_PACKAGE, NULL);
	vmoon_aml_le(w, count, 1);
}

void vmoon_aml_open_field(struct vmoon_aml *w, const char *region,
			  unsigned flags)
{
	vmoon_aml_open(w, VMOON_AML_FIELD, region);
	vmoon_aml_le(w, flags, 1);
}

void vmoon_aml_open_template(struct vmoon_aml *w)
{
	open_scope(w, VMOON_AML_BUFFER, true);
	vmoon_aml_le(w, PREFIX_BYTE, 1);
	vmoon_aml_zeros(w, 1); /* the size; known in vmoon_aml_close */
}

static void end_template(struct vmoon_aml *w, size_t at)
{
	size_t start = at + 1 + TEMPLATE_HEAD;

	vmoon_aml_le(w, RES_END_TAG, 1);
	vmoon_aml_zeros(w, 1); /* a checksum of 0 counts as right */
	if (!vmoon_aml_is_good(w))
		return;
	if (w->len - start > UINT8_MAX)
		refuse_if(w, true);
	else
		w->buf[start - 1] = (unsigned char)(w->len - start);
}

void vmoon_aml_close(struct vmoon_aml *w)
{
	unsigned char head[4];
	size_t at, body;
	unsigned n = 0;

	refuse_if(w, w->depth == 0);
	if (!vmoon_aml_is_good(w))
		return;
	at = w->open[--w->depth].at;
	if (w->open[w->depth].is_template)
		end_template(w, at);
	if (!vmoon_aml_is_good(w))
		return;
	body = w->len - at - 1;
	if (body > PKG_LEN_MAX - sizeof(head)) {
		refuse_if(w, true);
		return;
	}
	/* The length counts its own bytes: take the first size that fits. */
	do
		n++;
	while (encode_length(body + n, head) > n);
	if (reserve(w, n - 1) == NULL)
		return;
	memmove(w->buf + at + n, w->buf + at + 1, body);
	memcpy(w->buf + at, head, n);
}

/* ---- inside ---- */

void vmoon_aml_field_unit(struct vmoon_aml *w, const char *name, unsigned bits)
{
	unsigned char head[4];
	char segment[SEGMENTS_MAX][SEGMENT_LEN];

	if (split_path(name, segment) != 1 || bits > PKG_LEN_MAX) {
		refuse_if(w, true);
		return;
	}
	vmoon_aml_bytes(w, segment[0], SEGMENT_LEN);
	vmoon_aml_bytes(w, head, encode_length(bits, head));
}

void vmoon_aml_io(struct vmoon_aml *w, uint16_t port, uint8_t len)
{
	vmoon_aml_le(w, RES_IO, 1);
	vmoon_aml_le(w, 1, 1); /* all 16 address bits are decoded */
	vmoon_aml_le(w, port, 2);
	vmoon_aml_le(w, port, 2);
	vmoon_aml_le(w, 1, 1); /* alignment */
	vmoon_aml_le(w, len, 1);
}

void vmoon_aml_isa_irq(struct vmoon_aml *w, unsigned irq)
{
	if (irq >= ISA_IRQS) {
		refuse_if(w, true);
		return;
	}
	vmoon_aml_le(w, RES_IRQ_NO_FLAGS, 1);
	vmoon_aml_le(w, UINT64_C(1) << irq, 2);
}

void vmoon_aml_interrupt(struct vmoon_aml *w, unsigned gsi, unsigned flags)
{
	vmoon_aml_le(w, RES_INTERRUPT, 1);
	vmoon_aml_le(w, 6, 2); /* bytes that follow */
	vmoon_aml_le(w, flags, 1);
	vmoon_aml_le(w, 1, 1); /* one interrupt */
	vmoon_aml_le(w, gsi, 4);
}

void vmoon_aml_memory32(struct vmoon_aml *w, uint32_t base, uint32_t len)
{
	vmoon_aml_le(w, RES_MEMORY32_FIXED, 1);
	vmoon_aml_le(w, 9, 2); /* bytes that follow */
	vmoon_aml_le(w, 1, 1); /* read and write */
	vmoon_aml_le(w, base, 4);
	vmoon_aml_le(w, len, 4);
}
