/* SPDX-License-Identifier: MIT */
/* aml.h - writes ACPI machine language and other table bytes into a buffer. */
#ifndef VMOON_RUNTIME_AML_H
#define VMOON_RUNTIME_AML_H

#include "vmoon/base.h"
#include "vmoon/error.h"

enum { VMOON_AML_DEPTH_MAX = 8 };

/*
 * A writer over the caller's buffer. Calls never fail one by one: the first
 * thing that does not fit (overflow) or cannot be encoded (misuse) stops all
 * writing, and vmoon_aml_finish says so. Bytes beyond len are not touched.
 */
struct vmoon_aml {
	unsigned char *buf; /* borrowed: outlives the writer */
	size_t cap, len;
	struct vmoon_aml_scope {
		size_t at; /* where the package length stands */
		bool is_template;
	} open[VMOON_AML_DEPTH_MAX];
	unsigned depth;
	bool overflow, misuse;
};

/* Opcodes (ACPI 6.5, 20.3); those above 0xff have the 0x5b prefix. */
enum vmoon_aml_op {
	VMOON_AML_NAME = 0x08,
	VMOON_AML_SCOPE = 0x10,
	VMOON_AML_BUFFER = 0x11,
	VMOON_AML_PACKAGE = 0x12,
	VMOON_AML_METHOD = 0x14,
	VMOON_AML_LOCAL0 = 0x60,
	VMOON_AML_ARG0 = 0x68,
	VMOON_AML_STORE = 0x70,
	VMOON_AML_AND = 0x7b,
	VMOON_AML_NOTIFY = 0x86,
	VMOON_AML_IF = 0xa0,
	VMOON_AML_RETURN = 0xa4,
	VMOON_AML_REGION = 0x5b80,
	VMOON_AML_FIELD = 0x5b81,
	VMOON_AML_DEVICE = 0x5b82
};

/* Flags of vmoon_aml_open_field: access size and what other bits become. */
enum {
	VMOON_AML_FIELD_BYTE = 0x01,
	VMOON_AML_FIELD_PRESERVE = 0x00,
	VMOON_AML_FIELD_WRITE_ZEROS = 0x40
};

/* Region spaces, the same numbers as in a generic address structure. */
enum { VMOON_AML_SYSTEM_IO = 1 };

/* Flags of vmoon_aml_interrupt (ACPI 6.5, 6.4.3.6). */
enum {
	VMOON_AML_IRQ_CONSUMER = 0x01,
	VMOON_AML_IRQ_EDGE = 0x02, /* else level */
	VMOON_AML_IRQ_LOW = 0x04,  /* else active high */
	VMOON_AML_IRQ_SHARED = 0x08
};

void vmoon_aml_init(struct vmoon_aml *w, unsigned char *buf, size_t cap)
	VMOON_NONNULL(1);
/* E_NOMEM: did not fit. E_INVAL: misuse, or something is still open. */
VMOON_STATUS vmoon_aml_finish(const struct vmoon_aml *w, size_t *out_len,
			      struct vmoon_error *err) VMOON_NONNULL(1, 2);
bool vmoon_aml_is_good(const struct vmoon_aml *w) VMOON_NONNULL(1);

/* Raw bytes, for tables that are not AML as well. size is at most 8. */
void vmoon_aml_bytes(struct vmoon_aml *w, const void *data, size_t len)
	VMOON_NONNULL(1, 2);
void vmoon_aml_zeros(struct vmoon_aml *w, size_t len) VMOON_NONNULL(1);
void vmoon_aml_le(struct vmoon_aml *w, uint64_t value, unsigned size)
	VMOON_NONNULL(1);

/* Terms. A path is "\\_SB.PWRB", "^ABCD" or "_HID": short segments padded. */
void vmoon_aml_op(struct vmoon_aml *w, enum vmoon_aml_op op) VMOON_NONNULL(1);
void vmoon_aml_path(struct vmoon_aml *w, const char *path) VMOON_NONNULL(1, 2);
void vmoon_aml_integer(struct vmoon_aml *w, uint64_t value) VMOON_NONNULL(1);
void vmoon_aml_string(struct vmoon_aml *w, const char *text)
	VMOON_NONNULL(1, 2);
void vmoon_aml_eisa_id(struct vmoon_aml *w, const char *id) VMOON_NONNULL(1, 2);
/* Name (path, ...): the value is written next. */
void vmoon_aml_name(struct vmoon_aml *w, const char *path) VMOON_NONNULL(1, 2);
void vmoon_aml_region(struct vmoon_aml *w, const char *path, unsigned space,
		      uint64_t offset, uint64_t len) VMOON_NONNULL(1, 2);

/* What has a length stays open until vmoon_aml_close. path may be NULL. */
void vmoon_aml_open(struct vmoon_aml *w, enum vmoon_aml_op op, const char *path)
	VMOON_NONNULL(1);
void vmoon_aml_open_method(struct vmoon_aml *w, const char *path, unsigned args,
			   bool is_serialized) VMOON_NONNULL(1, 2);
void vmoon_aml_open_package(struct vmoon_aml *w, unsigned count)
	VMOON_NONNULL(1);
void vmoon_aml_open_field(struct vmoon_aml *w, const char *region,
			  unsigned flags) VMOON_NONNULL(1, 2);
void vmoon_aml_open_template(struct vmoon_aml *w) VMOON_NONNULL(1);
void vmoon_aml_close(struct vmoon_aml *w) VMOON_NONNULL(1);

/* Inside a field. */
void vmoon_aml_field_unit(struct vmoon_aml *w, const char *name, unsigned bits)
	VMOON_NONNULL(1, 2);
/* Inside a template. */
void vmoon_aml_io(struct vmoon_aml *w, uint16_t port, uint8_t len)
	VMOON_NONNULL(1);
void vmoon_aml_isa_irq(struct vmoon_aml *w, unsigned irq) VMOON_NONNULL(1);
void vmoon_aml_interrupt(struct vmoon_aml *w, unsigned gsi, unsigned flags)
	VMOON_NONNULL(1);
/* Memory32Fixed, readable and writable. */
void vmoon_aml_memory32(struct vmoon_aml *w, uint32_t base, uint32_t len)
	VMOON_NONNULL(1);

#endif
