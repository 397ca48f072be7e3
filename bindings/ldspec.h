/* SPDX-License-Identifier: MIT */
/* ldspec.h - a device file: read, checked as a whole, and made into C data. */
#ifndef VMOON_BINDINGS_LDSPEC_H
#define VMOON_BINDINGS_LDSPEC_H

#include "ldstate.h"
#include "vmoon/regmap.h"
#include "vmoon/virtio.h"

enum vmoon_ldspec_kind {
	VMOON_LDSPEC_MMIO = 0,
	VMOON_LDSPEC_PIO = 1,
	VMOON_LDSPEC_VIRTIO = 2
};
enum vmoon_ldspec_irq {
	VMOON_LDSPEC_NO_IRQ = 0,
	VMOON_LDSPEC_LEVEL = 1,
	VMOON_LDSPEC_EDGE = 2
};
enum vmoon_ldspec_on_error {
	VMOON_LDSPEC_PAUSE = 0,
	VMOON_LDSPEC_IGNORE = 1,
	VMOON_LDSPEC_STOP = 2
};
enum vmoon_ldspec_where {
	VMOON_LDSPEC_VCPU = 0,   /* on the thread of the access */
	VMOON_LDSPEC_POSTED = 1, /* writes: later, in order, on the worker */
	VMOON_LDSPEC_SCRIPT = 2  /* in the script's own state */
};

enum {
	VMOON_LDSPEC_TIMERS_MAX = 16,
	VMOON_LDSPEC_METHODS_MAX = 64,
	VMOON_LDSPEC_QUEUES_MAX = 16,
	VMOON_LDSPEC_DOORBELLS_MAX = 16,
	VMOON_LDSPEC_FEATURES_MAX = 64,
	VMOON_LDSPEC_CONFIG_MAX = 64,   /* fields */
	VMOON_LDSPEC_PROBLEMS_MAX = 100 /* that are told */
};

/*
 * Functions and tables of the file lie in the device's state, at absolute
 * stack slots; 0: there is none. They stay there as long as the state lives.
 */
typedef int vmoon_ldslot;

struct vmoon_ldspec_reg {
	vmoon_ldslot on_read, on_write; /* functions */
	enum vmoon_ldspec_where where;  /* of on_write; on_read: not POSTED */
	bool is_doorbell;
	/*
	 * A table for decoding, or 0: field name -> list of mask (in place),
	 * shift, and whether it is a boolean (bit = 3, not bits = { 3, 3 }).
	 */
	vmoon_ldslot fields;
};

/* One field of a virtio device's configuration. */
struct vmoon_ldspec_config {
	const char *name; /* NULL: the whole, given as a string */
	uint32_t off, len;
	bool is_bytes;    /* else a little-endian integer of len bytes */
	bool is_writable; /* by the driver */
};

struct vmoon_ldspec_queue {
	const char *name;
	uint16_t size;
	vmoon_ldslot on_buffer; /* a buffer each, or */
	vmoon_ldslot on_kick;   /* a list of all that are there: batch = true */
};

struct vmoon_ldspec_named {
	const char *name;
	vmoon_ldslot fn;
};

/* All strings and arrays are owned by the spec. */
struct vmoon_ldspec {
	enum vmoon_ldspec_kind kind;
	const char *name;       /* may be given by who uses the file */
	const char *compatible; /* "acme,counter", or NULL */
	const char *hid;        /* "PNP0501", or NULL */
	enum vmoon_ldspec_irq irq;
	unsigned line; /* that it wants; 0: any */
	enum vmoon_ldspec_on_error on_error;
	uint64_t budget_ns; /* of a hook */
	size_t memory;      /* of the state: made again when it has another */
	bool has_worker;    /* of its own */

	/* register devices */
	struct vmoon_regmap_spec map;
	struct vmoon_ldspec_reg *regs; /* as map.regs */
	uint64_t at;                   /* where the file wants it, or 0 */

	/* virtio devices */
	uint32_t id;
	uint64_t features;
	const char *feature_name[VMOON_LDSPEC_FEATURES_MAX];
	unsigned char config[VMOON_VIRTIO_CONFIG_MAX];
	uint32_t config_len;
	struct vmoon_ldspec_config config_field[VMOON_LDSPEC_CONFIG_MAX];
	size_t config_count;
	vmoon_ldslot on_config_write;
	struct vmoon_ldspec_queue queues[VMOON_LDSPEC_QUEUES_MAX];
	size_t queue_count;

	/* both */
	vmoon_ldslot on_reset;
	struct vmoon_ldspec_named timers[VMOON_LDSPEC_TIMERS_MAX];
	size_t timer_count;
	struct vmoon_ldspec_named methods[VMOON_LDSPEC_METHODS_MAX];
	size_t method_count;
	vmoon_ldslot params;    /* a table: the checked parameters, read only */
	vmoon_ldslot state;     /* a table: as the file has it, to be copied */
	unsigned char hash[32]; /* SHA-256 of the file's text */
};

/* One mistake, as vmoon_problem has it, with its place in the device file. */
struct vmoon_ldproblem {
	const char *path; /* "registers.CTRL.access" */
	const char *message, *hint;
	bool is_key;
	bool is_param; /* of a parameter that was given: not in the file */
};

struct vmoon_ldspec_source {
	const char *path; /* of the file; for messages too */
	const char *text; /* its text; NULL: path is read */
	size_t len;
	/* vmoon_ldpack of the parameters that were given; NULL: none */
	const unsigned char *params;
	size_t params_len;
	bool is_inline;        /* text is vmoon_linline_pack's */
	bool allow_script;     /* where = "script": an inline device's */
	struct vmoon_mem *mem; /* the spec's memory; borrowed: outlives it */
};

/*
 * Runs the file in the state, whose `require "vmoon.device"` this sets, and
 * checks what it returns. E_CONFIG when it has mistakes: fn is told each
 * (strings borrowed for the call; it may not raise), unknown keys first and
 * the known ones in the order of ldspec_keys.c, and err has all that fit;
 * E_SCRIPT, E_TIMEOUT, E_NOMEM, E_SYS when it could not be read or run. The
 * state is of no use after a failure. What lies in slots is on the stack of
 * the state from its top at the call on.
 */
VMOON_STATUS vmoon_ldspec_load(struct vmoon_ldstate *s,
			       const struct vmoon_ldspec_source *source,
			       void (*fn)(void *ctx,
					  const struct vmoon_ldproblem *),
			       void *ctx, struct vmoon_ldspec **out_spec,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2, 5);
void vmoon_ldspec_destroy(struct vmoon_ldspec *spec);

#endif
