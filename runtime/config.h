/* SPDX-License-Identifier: MIT */
/* config.h - inside a VM description: value tree, schema rows, text writer. */
#ifndef VMOON_RUNTIME_CONFIG_H
#define VMOON_RUNTIME_CONFIG_H

#include "mem.h"
#include "vmoon/config.h"
#include "vmoon/output.h"

/* ---- config_tree.c: whatever the setters were given, unjudged ---- */

enum vmoon_config_kind {
	VMOON_CONFIG_TABLE,
	VMOON_CONFIG_STRING,
	VMOON_CONFIG_INTEGER,
	VMOON_CONFIG_NUMBER,
	VMOON_CONFIG_BOOLEAN,
	VMOON_CONFIG_SIZE,
	VMOON_CONFIG_FD,
	VMOON_CONFIG_OTHER
};

struct vmoon_config_node {
	struct vmoon_config_node *parent;              /* borrowed */
	struct vmoon_config_node *first, *last, *next; /* owned by the tree */
	char *key;  /* owned; NULL in the root */
	char *text; /* owned; STRING, NUMBER, OTHER: len bytes and a NUL */
	size_t len;
	enum vmoon_config_kind kind;
	int64_t integer;
	double number;
	uint64_t bytes;
	bool boolean;
	int fd; /* owned; FD only */
};

/* What a setter or a reader was given. */
struct vmoon_config_given {
	enum vmoon_config_kind kind;
	const char *text; /* STRING, NUMBER, OTHER: len bytes */
	size_t len;
	int64_t integer;
	double number;
	uint64_t bytes;
	bool boolean;
	int fd; /* FD: taken when the value is set */
};

/*
 * A new last child of a table of cfg, which has none of that key yet. Unlike
 * in a setter's path, the key may be any string, so that a check can refuse
 * it. E_INVAL when the tree is full.
 */
VMOON_STATUS vmoon_config_append(struct vmoon_config *cfg,
				 struct vmoon_config_node *table,
				 const char *key,
				 const struct vmoon_config_given *value,
				 struct vmoon_config_node **out_node)
	VMOON_NONNULL(1, 2, 3, 4, 5);
/* NULL when the table has no such key. */
const struct vmoon_config_node *vmoon_config_child(
	const struct vmoon_config_node *table, const char *key)
	VMOON_NONNULL(1, 2);

/* ---- config_schema.c: the one table every front end is made from ---- */

enum vmoon_config_id {
	VMOON_KEY_NAME,
	VMOON_KEY_KERNEL,
	VMOON_KEY_INITRD,
	VMOON_KEY_CMDLINE,
	VMOON_KEY_CPUS,
	VMOON_KEY_MEMORY,
	VMOON_KEY_BOOT,
	VMOON_KEY_UNPACK,
	VMOON_KEY_ON_REBOOT,
	VMOON_KEY_ON_PANIC,
	VMOON_KEY_DEBUG_EXIT,
	VMOON_KEY_GROUPS, /* before those who name one */
	VMOON_KEY_SERIAL, /* before those whose sinks go elsewhere */
	VMOON_KEY_DISKS,  /* before those who need names of their own */
	VMOON_KEY_RNG,
	VMOON_KEY_CONSOLES,
	VMOON_KEY_DEVICES,
	VMOON_KEY_LOG,
	VMOON_KEY_COUNT
};

/* kernel = { flat = FILE, at = ADDR, mode = MODE } */
enum vmoon_config_kernel_id {
	VMOON_KERNEL_FLAT,
	VMOON_KERNEL_AT,
	VMOON_KERNEL_MODE,
	VMOON_KERNEL_COUNT
};

/* groups = { { ... } } */
enum vmoon_config_group_id {
	VMOON_GROUP_NAME,
	VMOON_GROUP_RATE,
	VMOON_GROUP_BURST,
	VMOON_GROUP_GROUP,
	VMOON_GROUP_SHARED,
	VMOON_GROUP_COUNT
};

/* serial = { { ... } } */
enum vmoon_config_output_id {
	VMOON_OUTPUT_SINK,
	VMOON_OUTPUT_NAME,
	VMOON_OUTPUT_MAX_SIZE,
	VMOON_OUTPUT_GENERATIONS,
	VMOON_OUTPUT_APPEND,
	VMOON_OUTPUT_ON_DATA,
	VMOON_OUTPUT_LIMIT,
	VMOON_OUTPUT_COUNT
};

/* log = { ... } */
enum vmoon_config_log_id {
	VMOON_LOGGING_LEVEL,
	VMOON_LOGGING_MODULES,
	VMOON_LOGGING_FORMAT,
	VMOON_LOGGING_SINKS,
	VMOON_LOGGING_COUNT
};

/* limit = { ... } */
enum vmoon_config_limit_id {
	VMOON_LIMIT_POLICY,
	VMOON_LIMIT_RATE,
	VMOON_LIMIT_BURST,
	VMOON_LIMIT_UNIT,
	VMOON_LIMIT_CAPACITY,
	VMOON_LIMIT_FULL,
	VMOON_LIMIT_MAX_STALL,
	VMOON_LIMIT_AFTER_STALL,
	VMOON_LIMIT_UNSAFE_STALL,
	VMOON_LIMIT_GROUP,
	VMOON_LIMIT_COUNT
};

enum vmoon_config_type {
	VMOON_TYPE_NAME,     /* letters, digits, . _ -; no .. */
	VMOON_TYPE_LINE,     /* printable ASCII: a command line */
	VMOON_TYPE_ID,       /* printable ASCII that a guest is shown */
	VMOON_TYPE_PATH,     /* a file that is there, readable, not empty */
	VMOON_TYPE_IMAGE,    /* a file; rules say whether it can be a disk */
	VMOON_TYPE_COUNT,    /* an integer */
	VMOON_TYPE_ADDRESS,  /* an integer, shown in base 16 */
	VMOON_TYPE_SIZE,     /* bytes, a multiple of row.step */
	VMOON_TYPE_RATE,     /* bytes a second */
	VMOON_TYPE_OPS,      /* requests a second */
	VMOON_TYPE_SECONDS,  /* from row.min to row.max, in nanoseconds */
	VMOON_TYPE_SINK,     /* where output goes: "file:a.log" */
	VMOON_TYPE_FUNCTION, /* of a script: seen, never exported */
	VMOON_TYPE_DEVICE,   /* the same: what dev.mmio gave back */
	VMOON_TYPE_CHOICE,   /* one of key.choices */
	VMOON_TYPE_BOOLEAN,
	VMOON_TYPE_TABLE, /* of row.fields */
	VMOON_TYPE_LIST,  /* of tables of row.fields, counted from 1 */
	VMOON_TYPE_PARAMS /* a table of any names and plain values */
};

/* A word that somebody else uses; a NULL word ends a list. */
struct vmoon_config_alias {
	const char *tool; /* NULL: nobody's in particular */
	const char *word;
};

/*
 * To add a key: a row in config_schema.c and its number in the enum above, in
 * the order in which it should be reported and exported; then spec.c takes
 * the checked value as v[VMOON_KEY_X]. A default stands in key.default_text.
 *
 * To add a nested key, as kernel's table is: an enum and an array of rows for
 * its fields, a struct vmoon_config_schema around them, and in the row of the
 * key .fields = &that_schema. With the type TABLE or LIST that is all it can
 * be, with any other type a plain value is taken as well. spec.c then looks
 * at v[VMOON_KEY_X].fields: NULL when no table was given, else one value a
 * row, v[VMOON_KEY_KERNEL].fields[VMOON_KERNEL_AT].number. The fields of
 * item i of a list, from 0 to below v[VMOON_KEY_X].number, begin at
 * fields[i * number of rows]. Paths, hints, JSON, the manual and the editor
 * stub need nothing more.
 */
struct vmoon_config_value;
struct vmoon_config_report;
struct vmoon_config_row {
	struct vmoon_config_key key;
	enum vmoon_config_type type;
	int64_t min, max; /* of the value; of the length; of a list's items */
	uint64_t step;    /* SIZE: it is a multiple of this; 0: of nothing */
	const struct vmoon_config_alias *aliases; /* or NULL */
	const struct vmoon_config_schema *fields; /* or NULL */
};

/* A key that a later version brings. */
struct vmoon_config_later {
	const char *name; /* NULL ends the table */
	const char *hint;
	const struct vmoon_config_alias *aliases; /* or NULL */
};

/* What a rule looks at: one table, each of its values checked alone. */
struct vmoon_config_scope {
	const struct vmoon_config_value *values; /* of the table */
	const struct vmoon_config_value *list;   /* it is an item of; or NULL */
	size_t index;                            /* there */
	/* The whole, as far as it was checked before this table. */
	const struct vmoon_config_value *root;
	const struct vmoon_config_schema *root_schema;
};

/* What no row can judge alone. A NULL holds ends the table. */
struct vmoon_config_rule {
	size_t row;    /* the one that is at fault */
	uint64_t uses; /* rows, a bit each; while one is bad, no rule is broken
			*/
	bool (*holds)(const struct vmoon_config_scope *scope,
		      struct vmoon_config_report *report);
};

/* The keys of one table. Constant, so that a test can bring its own. */
struct vmoon_config_schema {
	const struct vmoon_config_row *rows;
	size_t count;                           /* at least 1 */
	const struct vmoon_config_later *later; /* or NULL */
	const struct vmoon_config_rule *rules;  /* or NULL */
};

/*
 * config_limit.c: an item of groups, and a limit; config_output.c: of serial,
 * and of the sinks of the log; config_log.c: the log.
 */
extern const struct vmoon_config_schema vmoon_config_group_schema;
extern const struct vmoon_config_schema vmoon_config_limit_schema;
extern const struct vmoon_config_schema vmoon_config_output_schema;
extern const struct vmoon_config_schema vmoon_config_log_schema;
/* Whether a rate can be kept with so small a burst; either may be unset. */
bool vmoon_config_burst_fits(const struct vmoon_config_value *rate,
			     const struct vmoon_config_value *burst,
			     struct vmoon_config_report *r)
	VMOON_NONNULL(1, 2, 3);
/* Where an output goes whose sink is good. */
struct vmoon_sink_text vmoon_config_sink_of(
	const struct vmoon_config_value *item) VMOON_NONNULL(1);
/* config_sinks.c: rules of vmoon_config_output_schema. */
bool vmoon_config_sink_has_file(const struct vmoon_config_scope *scope,
				struct vmoon_config_report *r);
bool vmoon_config_sink_has_name(const struct vmoon_config_scope *scope,
				struct vmoon_config_report *r);
bool vmoon_config_sink_is_name(const struct vmoon_config_scope *scope,
			       struct vmoon_config_report *r);
bool vmoon_config_sink_may_pause(const struct vmoon_config_scope *scope,
				 struct vmoon_config_report *r);
/*
 * Which item before scope's, of rows values each, has the same text in row;
 * scope->index when none has.
 */
size_t vmoon_config_earlier(const struct vmoon_config_scope *scope, size_t row,
			    size_t rows, const struct vmoon_config_value *value)
	VMOON_NONNULL(1, 4);

/* What this version knows of a VM; rows by enum vmoon_config_id. */
const struct vmoon_config_schema *vmoon_config_schema(void);
/* Of a VM that runs: the one row serial. */
const struct vmoon_config_schema *vmoon_config_serial_schema(void);
/* NULL when the table has no such key. */
const struct vmoon_config_row *vmoon_config_find_row(
	const struct vmoon_config_schema *schema, const char *key)
	VMOON_NONNULL(1, 2);
const struct vmoon_config_later *vmoon_config_find_later(
	const struct vmoon_config_schema *schema, const char *key)
	VMOON_NONNULL(1, 2);
/* The n-th of "a, b, c" and its length; NULL past the end. */
const char *vmoon_config_choice(const char *choices, size_t n, size_t *out_len)
	VMOON_NONNULL(1, 3);

/* ---- config_text.c: bounded text, sizes with units ---- */

/* Keeps at most cap bytes with the NUL; len is what all of it would need. */
struct vmoon_text {
	char *buf;
	size_t cap, len;
};

/*
 * Length of the UTF-8 sequence at s, its code point in *out_cp; 0 when there
 * is none: overlong forms, surrogates and cut sequences do not count.
 */
size_t vmoon_utf8_at(const char *s, size_t left, uint32_t *out_cp)
	VMOON_NONNULL(1, 3);
/* C0, DEL and C1: what a terminal may take for a command. */
bool vmoon_is_control(uint32_t cp);
void vmoon_text_init(struct vmoon_text *t, char *buf, size_t cap)
	VMOON_NONNULL(1);
void vmoon_text_put(struct vmoon_text *t, const char *fmt, ...)
	VMOON_PRINTF(2, 3);
/* In quotes, cut when long, with nothing in it a terminal would act upon. */
void vmoon_text_put_quoted(struct vmoon_text *t, const char *s, size_t len)
	VMOON_NONNULL(1, 2);
/* The same without the quotes. */
void vmoon_text_put_plain(struct vmoon_text *t, const char *s, size_t len)
	VMOON_NONNULL(1, 2);
/* As a JSON string; a byte that is no UTF-8 becomes U+FFFD. */
void vmoon_text_put_json(struct vmoon_text *t, const char *s, size_t len)
	VMOON_NONNULL(1, 2);
/* "128M", "1G", "1000 bytes": the largest unit that is exact. */
void vmoon_text_put_size(struct vmoon_text *t, uint64_t bytes) VMOON_NONNULL(1);

enum vmoon_size_syntax {
	VMOON_SIZE_OK,
	VMOON_SIZE_NO_UNIT, /* digits only */
	VMOON_SIZE_MALFORMED
};

/* K, M, G, T or KiB and so on, 1024-based. Saturates at UINT64_MAX. */
enum vmoon_size_syntax vmoon_size_parse(const char *s, size_t len,
					uint64_t *out_bytes)
	VMOON_NONNULL(1, 3);

/* Where output goes, out of "file:a.log"; rest is what follows the colon. */
struct vmoon_sink_text {
	enum vmoon_output_kind kind;
	const char *rest; /* "" without a colon */
	int fd;           /* FD */
};
/* False and both texts of the report when there is no such place. */
bool vmoon_sink_parse(const char *text, struct vmoon_sink_text *out,
		      struct vmoon_config_report *report)
	VMOON_NONNULL(1, 2, 3);

/* ---- config_rate.c: rates and seconds ---- */

enum vmoon_rate_syntax {
	VMOON_RATE_OK,
	VMOON_RATE_NO_UNIT,   /* "64", "64/s" */
	VMOON_RATE_NO_SECOND, /* "64K" */
	VMOON_RATE_MALFORMED
};

/* "64K/s", "100B/s": as a size, and of bytes. Saturates at UINT64_MAX. */
enum vmoon_rate_syntax vmoon_rate_parse(const char *s, size_t len,
					uint64_t *out_rate) VMOON_NONNULL(1, 3);
void vmoon_text_put_rate(struct vmoon_text *t, uint64_t rate) VMOON_NONNULL(1);
/* "2000/s" and nothing else. Saturates at UINT64_MAX. */
bool vmoon_ops_parse(const char *s, size_t len, uint64_t *out_ops)
	VMOON_NONNULL(1, 3);
/* "2", "0.5" */
void vmoon_text_put_seconds(struct vmoon_text *t, uint64_t ns) VMOON_NONNULL(1);

/* ---- config_suggest.c: the word that was meant ---- */

/* Writes a hint for an unknown key; false when nothing comes close. */
bool vmoon_config_suggest_key(struct vmoon_text *t,
			      const struct vmoon_config_schema *schema,
			      const char *key) VMOON_NONNULL(1, 2, 3);
bool vmoon_config_suggest_choice(struct vmoon_text *t, const char *choices,
				 const char *given) VMOON_NONNULL(1, 2, 3);

/* ---- config_value.c: one value against one row ---- */

/* A value that passed, or a default. Strings are borrowed from the tree. */
struct vmoon_config_value {
	bool is_set;
	bool is_bad;      /* it has problems, or something within has */
	const char *text; /* NAME, LINE, ID, PATH, IMAGE, CHOICE */
	int fd;           /* PATH, IMAGE: borrowed, used instead; 0: none */
	size_t len;
	/*
	 * COUNT, ADDRESS, OPS; SIZE, RATE in bytes; SECONDS in nanoseconds;
	 * CHOICE: which one; BOOLEAN: 0 or 1; LIST: its items.
	 */
	uint64_t number;
	struct vmoon_config_value *fields;    /* owned by the config, or NULL */
	const struct vmoon_config_node *node; /* PARAMS: in the tree */
};

enum { VMOON_CONFIG_MESSAGE_MAX = 1024 };

/* Where a check writes what is wrong; an empty hint is no hint. */
struct vmoon_config_report {
	struct vmoon_text message, hint;
};

/* A fresh report over two buffers. */
struct vmoon_config_pad {
	char message[VMOON_CONFIG_MESSAGE_MAX];
	char hint[VMOON_CONFIG_MESSAGE_MAX];
	struct vmoon_config_report report;
};
struct vmoon_config_report *vmoon_config_start_report(
	struct vmoon_config_pad *pad) VMOON_NONNULL(1);
/* config_problem.c: another mistake, at node. E_NOMEM is all that fails. */
VMOON_STATUS vmoon_config_add_problem(struct vmoon_config *cfg,
				      const struct vmoon_config_node *node,
				      const struct vmoon_config_pad *pad,
				      bool is_key) VMOON_NONNULL(1, 2, 3);

/* ---- config_params.c: a table of names that no schema knows ---- */

enum { VMOON_CONFIG_PARAMS_MAX = 64, VMOON_CONFIG_PARAM_NAME_MAX = 64 };

VMOON_STATUS vmoon_config_params_check(struct vmoon_config *cfg,
				       const struct vmoon_config_row *row,
				       const struct vmoon_config_node *node,
				       struct vmoon_config_value *value)
	VMOON_NONNULL(1, 2, 3, 4);
/* By name; NULL past the end, and in a table that is not there. */
const struct vmoon_config_node *vmoon_config_params_at(
	const struct vmoon_config_value *value, size_t i) VMOON_NONNULL(1);
void vmoon_config_params_put(struct vmoon_text *t,
			     const struct vmoon_config_value *value)
	VMOON_NONNULL(1, 2);

/*
 * True and *out_value, or false and both texts of the report. A table is
 * refused: where row.fields are, it is not for this function.
 */
bool vmoon_config_value_check(const struct vmoon_config_row *row,
			      const struct vmoon_config_node *node,
			      struct vmoon_config_value *out_value,
			      struct vmoon_config_report *report)
	VMOON_NONNULL(1, 2, 3, 4);
/* "expected a table, got integer 2", with the row's example for a hint. */
void vmoon_config_refuse_type(struct vmoon_config_report *report,
			      const struct vmoon_config_row *row,
			      const char *wanted,
			      const struct vmoon_config_node *node)
	VMOON_NONNULL(1, 2, 3, 4);
void vmoon_config_value_default(const struct vmoon_config_row *row,
				struct vmoon_config_value *out_value)
	VMOON_NONNULL(1, 2);
/* config_rate.c: of a rate, of requests a second, and of seconds. */
bool vmoon_config_rate_check(const struct vmoon_config_row *row,
			     const struct vmoon_config_node *node,
			     uint64_t *out_rate, struct vmoon_config_report *r)
	VMOON_NONNULL(1, 2, 3, 4);
bool vmoon_config_ops_check(const struct vmoon_config_row *row,
			    const struct vmoon_config_node *node,
			    uint64_t *out_ops, struct vmoon_config_report *r)
	VMOON_NONNULL(1, 2, 3, 4);
bool vmoon_config_seconds_check(const struct vmoon_config_row *row,
				const struct vmoon_config_node *node,
				uint64_t *out_ns, struct vmoon_config_report *r)
	VMOON_NONNULL(1, 2, 3, 4);
/* config_file.c: the part of it that asks the file system. */
bool vmoon_config_file_check(const char *path,
			     struct vmoon_config_report *report)
	VMOON_NONNULL(1, 2);
/* The same of a descriptor; text is for messages. */
bool vmoon_config_fd_check(int fd, const char *text,
			   struct vmoon_config_report *report)
	VMOON_NONNULL(2, 3);

/* ---- config_read.c: JSON text ---- */

/* As vmoon_config_from_json, into a config without values. */
VMOON_STATUS vmoon_config_read_json(struct vmoon_config *cfg, const char *text,
				    size_t len, struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

/* ---- config.c ---- */

/* The values of one table or list; a check's are chained to be freed. */
struct vmoon_config_block {
	struct vmoon_config_block *next; /* owned */
	size_t size;                     /* of all of it, in bytes */
	struct vmoon_config_value values[];
};

struct vmoon_config {
	const struct vmoon_config_schema *schema; /* borrowed: outlives this */
	struct vmoon_mem *mem;                    /* borrowed, or NULL */
	struct vmoon_config_node root;
	size_t node_count;              /* without the root */
	struct vmoon_problem *problems; /* owned, and so are its strings */
	size_t problem_count, problem_cap;
	struct vmoon_config_block *blocks; /* owned */
	bool is_checked; /* without a problem, and unchanged since */
	const struct vmoon_config_value *values; /* of root, when checked */
};

/* A config of another schema, which must outlive it. */
VMOON_STATUS vmoon_config_create_for(const struct vmoon_config_schema *schema,
				     struct vmoon_mem *mem,
				     struct vmoon_config **out_cfg,
				     struct vmoon_error *err)
	VMOON_NONNULL(1, 3);
/* Drops what the last check found: its strings are about to go. */
void vmoon_config_forget_check(struct vmoon_config *cfg) VMOON_NONNULL(1);

#endif
