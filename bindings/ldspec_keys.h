/* SPDX-License-Identifier: MIT */
/* ldspec_keys.h - every key of a device file, in one table. */
#ifndef VMOON_BINDINGS_LDSPEC_KEYS_H
#define VMOON_BINDINGS_LDSPEC_KEYS_H

#include <stddef.h>

#include "vmoon/base.h"

enum vmoon_ldkey_type {
	VMOON_LDKEY_NAME,    /* letters, digits, . _ - */
	VMOON_LDKEY_TEXT,    /* 1 to max printable ASCII characters */
	VMOON_LDKEY_INTEGER, /* min to max */
	VMOON_LDKEY_ADDRESS, /* the same, shown in base 16 */
	VMOON_LDKEY_BYTES,   /* the same, or a string with a unit */
	VMOON_LDKEY_SIZE,    /* a string with a unit */
	VMOON_LDKEY_SECONDS, /* min to max nanoseconds */
	VMOON_LDKEY_CHOICE,  /* one of choices */
	VMOON_LDKEY_BOOLEAN,
	VMOON_LDKEY_FUNCTION,
	VMOON_LDKEY_TABLE,
	VMOON_LDKEY_ANY /* who asks checks it */
};

/* To add a key: a row in ldspec_keys.c, its number below, and who reads it. */
struct vmoon_ldkey {
	const char *name, *word; /* word: its type, for readers */
	const char *default_text, *choices;
	const char *doc, *example;
	const char *others; /* " addr address ": what else people write */
	enum vmoon_ldkey_type type;
	unsigned kinds; /* 1 << enum vmoon_ldspec_kind; 0: all */
	bool is_required;
	int64_t min, max;
};

/* A key of another place; a NULL name ends the list. */
struct vmoon_ldremark {
	const char *name, *hint;
};

struct vmoon_ldkeys {
	const char *title; /* of such a table: "a register" */
	const char *place; /* "registers.NAME" */
	const struct vmoon_ldkey *rows;
	size_t count;
	const struct vmoon_ldremark *remarks; /* or NULL */
};

enum { /* the table that the file returns */
       VMOON_LDKEY_DEVICE_NAME,
       VMOON_LDKEY_DEVICE_COMPATIBLE,
       VMOON_LDKEY_DEVICE_HID,
       VMOON_LDKEY_DEVICE_AT,
       VMOON_LDKEY_DEVICE_WINDOW,
       VMOON_LDKEY_DEVICE_IRQ,
       VMOON_LDKEY_DEVICE_LINE,
       VMOON_LDKEY_DEVICE_ID,
       VMOON_LDKEY_DEVICE_FEATURES,
       VMOON_LDKEY_DEVICE_CONFIG,
       VMOON_LDKEY_DEVICE_PARAMS,
       VMOON_LDKEY_DEVICE_STATE,
       VMOON_LDKEY_DEVICE_REGISTERS,
       VMOON_LDKEY_DEVICE_QUEUES,
       VMOON_LDKEY_DEVICE_TIMERS,
       VMOON_LDKEY_DEVICE_METHODS,
       VMOON_LDKEY_DEVICE_ON_RESET,
       VMOON_LDKEY_DEVICE_ON_CONFIG_WRITE,
       VMOON_LDKEY_DEVICE_ON_ERROR,
       VMOON_LDKEY_DEVICE_BUDGET,
       VMOON_LDKEY_DEVICE_MEMORY,
       VMOON_LDKEY_DEVICE_WHERE,
       VMOON_LDKEY_DEVICE_WORKER,
       VMOON_LDKEY_DEVICE_COUNT
};
enum { /* registers.NAME */
       VMOON_LDKEY_REG_AT,
       VMOON_LDKEY_REG_WIDTH,
       VMOON_LDKEY_REG_ACCESS,
       VMOON_LDKEY_REG_RESET,
       VMOON_LDKEY_REG_FIELDS,
       VMOON_LDKEY_REG_ARRAY,
       VMOON_LDKEY_REG_FIFO,
       VMOON_LDKEY_REG_ON_READ,
       VMOON_LDKEY_REG_ON_WRITE,
       VMOON_LDKEY_REG_IRQ_WHEN,
       VMOON_LDKEY_REG_DOORBELL,
       VMOON_LDKEY_REG_POSTED,
       VMOON_LDKEY_REG_WHERE,
       VMOON_LDKEY_REG_COUNT
};
enum { /* registers.NAME.fields.NAME */
       VMOON_LDKEY_FIELD_BIT,
       VMOON_LDKEY_FIELD_BITS,
       VMOON_LDKEY_FIELD_ACCESS,
       VMOON_LDKEY_FIELD_RESET,
       VMOON_LDKEY_FIELD_COUNT
};
enum {
	VMOON_LDKEY_ARRAY_LEN,
	VMOON_LDKEY_ARRAY_STRIDE,
	VMOON_LDKEY_ARRAY_KEYS
};
enum { VMOON_LDKEY_FIFO_DEPTH, VMOON_LDKEY_FIFO_KEYS };
enum { /* params.NAME */
       VMOON_LDKEY_PARAM_TYPE,
       VMOON_LDKEY_PARAM_DEFAULT,
       VMOON_LDKEY_PARAM_MIN,
       VMOON_LDKEY_PARAM_MAX,
       VMOON_LDKEY_PARAM_CHOICES,
       VMOON_LDKEY_PARAM_DOC,
       VMOON_LDKEY_PARAM_COUNT
};
enum { /* queues.1 */
       VMOON_LDKEY_QUEUE_NAME,
       VMOON_LDKEY_QUEUE_LEN,
       VMOON_LDKEY_QUEUE_ON_BUFFER,
       VMOON_LDKEY_QUEUE_BATCH,
       VMOON_LDKEY_QUEUE_COUNT
};
enum { /* config.1 */
       VMOON_LDKEY_CONFIG_NAME,
       VMOON_LDKEY_CONFIG_TYPE,
       VMOON_LDKEY_CONFIG_VALUE,
       VMOON_LDKEY_CONFIG_WRITABLE,
       VMOON_LDKEY_CONFIG_COUNT
};
enum { VMOON_LDKEY_ROWS_MAX = VMOON_LDKEY_DEVICE_COUNT };

extern const struct vmoon_ldkeys vmoon_ldkeys_device, vmoon_ldkeys_register,
	vmoon_ldkeys_field, vmoon_ldkeys_array, vmoon_ldkeys_fifo,
	vmoon_ldkeys_param, vmoon_ldkeys_queue, vmoon_ldkeys_config;

/* The words of access, in the order of enum vmoon_reg_access. */
#define VMOON_LDKEYS_ACCESS \
	"rw, ro, wo, w1c, w1s, rc, w0c, w1-pulse, rw-once, reserved"

/* The n-th of "a, b, c" and its length; NULL past the end. */
const char *vmoon_ldkeys_choice(const char *choices, size_t n, size_t *out_len)
	VMOON_NONNULL(1, 3);

/* The i-th of them, that of a device first; NULL past the end. */
const struct vmoon_ldkeys *vmoon_ldkeys_table(size_t i);

/*
 * All keys as text: a heading for each table, then its keys, each on a line
 * with its type, default and example, and a sentence below it. Writes at most
 * cap bytes with a final NUL, returns what it needs without.
 */
size_t vmoon_ldkeys_text(char *buf, size_t cap);

#endif
