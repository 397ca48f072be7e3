/* SPDX-License-Identifier: MIT */
/* config.h - embedder API: the description of one VM, and its one schema. */
#ifndef VMOON_CONFIG_H
#define VMOON_CONFIG_H

#include "vmoon/base.h"
#include "vmoon/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A tree of plain values, filled by setters and checked as a whole. Setters
 * take any value under any path, so that vmoon_config_check can report every
 * mistake at once. Paths join keys with dots and count list items from 1:
 * "kernel", "disks.2.path". One thread at a time.
 */
struct vmoon_config;
struct vmoon_runtime;

enum {
	VMOON_CONFIG_DEPTH_MAX = 8,
	VMOON_CONFIG_NODES_MAX = 4096,
	VMOON_CONFIG_JSON_MAX = 1 << 20 /* bytes of text */
};

/*
 * Its memory is the runtime's, which must outlive it. rt may be NULL: then it
 * is the C library's, enough for checking without a VM.
 */
VMOON_API VMOON_STATUS vmoon_config_create(struct vmoon_runtime *rt,
					   struct vmoon_config **out_cfg,
					   struct vmoon_error *err);
VMOON_API void vmoon_config_destroy(struct vmoon_config *cfg);

/*
 * value is copied; it may hold any bytes. E_INVAL for a malformed path, a tree
 * deeper or larger than the limits above; the tree is unchanged then. Setting
 * a path again replaces its value.
 */
VMOON_API VMOON_STATUS vmoon_config_set_str(struct vmoon_config *cfg,
					    const char *path, const char *value,
					    size_t len,
					    struct vmoon_error *err);
VMOON_API VMOON_STATUS vmoon_config_set_int(struct vmoon_config *cfg,
					    const char *path, int64_t value,
					    struct vmoon_error *err);
/* A number with a fraction, for what is in seconds. */
VMOON_API VMOON_STATUS vmoon_config_set_number(struct vmoon_config *cfg,
					       const char *path, double value,
					       struct vmoon_error *err);
VMOON_API VMOON_STATUS vmoon_config_set_bool(struct vmoon_config *cfg,
					     const char *path, bool value,
					     struct vmoon_error *err);
/* A size in bytes that needs no unit: what 128 * vmoon.MiB makes in Lua. */
VMOON_API VMOON_STATUS vmoon_config_set_size(struct vmoon_config *cfg,
					     const char *path, uint64_t bytes,
					     struct vmoon_error *err);
/*
 * An open file in the place of a path ("kernel", "initrd"), readable and
 * regular. Duplicated, close-on-exec; the caller's stays the caller's, and its
 * position is not used. A VM made of the config has its own again.
 */
VMOON_API VMOON_STATUS vmoon_config_set_fd(struct vmoon_config *cfg,
					   const char *path, int fd,
					   struct vmoon_error *err);
/* An empty table or list, so that `disks = {}` is seen. */
VMOON_API VMOON_STATUS vmoon_config_set_table(struct vmoon_config *cfg,
					      const char *path,
					      struct vmoon_error *err);
/*
 * A value the config cannot hold ("function", "userdata"): kept
 * by its description only, so that the check reports it at its place.
 */
VMOON_API VMOON_STATUS vmoon_config_set_other(struct vmoon_config *cfg,
					      const char *path,
					      const char *description,
					      struct vmoon_error *err);

/*
 * A new config from len bytes of JSON: one object, objects and arrays as
 * tables and lists, sizes as strings with a unit. What JSON can say but a
 * config cannot hold (null) is reported by the check, at its path.
 * E_CONFIG for text that is no JSON, names a key twice or breaks the limits
 * above: err begins with "JSON:LINE:COLUMN: " then. E_UNSUPPORTED in a build
 * without a JSON library (vmoon_has("json")).
 */
VMOON_API VMOON_STATUS vmoon_config_from_json(struct vmoon_runtime *rt,
					      const char *text, size_t len,
					      struct vmoon_config **out_cfg,
					      struct vmoon_error *err);

/*
 * The same from the Lua script or JSON file at path, run without files,
 * processes and bytecode, with 64 MiB and a second of processor time: it
 * returns its one spec, or calls vmoon.boot with it. E_CONFIG for a spec with
 * mistakes, E_SCRIPT for a script that fails; err has the place and the source
 * with carets then. E_UNSUPPORTED unless the program links libvmoon-lua.
 */
VMOON_API VMOON_STATUS vmoon_config_from_lua(struct vmoon_runtime *rt,
					     const char *path,
					     struct vmoon_config **out_cfg,
					     struct vmoon_error *err);

/* One mistake. Strings are borrowed until the config changes. */
struct vmoon_problem {
	const char *path;    /* "disks.2.cache", as set; "" for the whole */
	const char *message; /* without the path: "unknown field \"memroy\"" */
	const char *hint;    /* "did you mean \"memory\"?", or NULL */
	bool is_key;         /* the key itself is wrong, not its value */
};

/*
 * Checks everything, files included (they must exist and be readable, no KVM
 * needed). E_CONFIG when there is any problem; err then holds the first one
 * ("2 problems in VM configuration; first: memory: ...") and the list is in
 * vmoon_config_problem: unknown keys first and by name, because a misspelt key
 * is often why another is missing, then the known ones in the schema's order.
 */
VMOON_API VMOON_STATUS vmoon_config_check(struct vmoon_config *cfg,
					  struct vmoon_error *err);
VMOON_API size_t vmoon_config_problem_count(const struct vmoon_config *cfg);
/* NULL when i is past the end. */
VMOON_API const struct vmoon_problem *vmoon_config_problem(
	const struct vmoon_config *cfg, size_t i);

/*
 * The checked config with all defaults filled in, as one JSON object, keys in
 * the order of the schema; a key that is unset and has no default is left out.
 * Writes at most cap bytes with a final NUL and returns the length it needs
 * without the NUL. Call after a check: 0 when the last one found a problem or
 * the config has changed since.
 */
VMOON_API size_t vmoon_config_to_json(const struct vmoon_config *cfg, char *buf,
				      size_t cap);

/*
 * An item of the key "devices", as checked; what is 0 or NULL was left out.
 * Strings are borrowed until the config changes.
 */
enum vmoon_on_device_error {
	VMOON_ON_DEVICE_ERROR_PAUSE = 0,
	VMOON_ON_DEVICE_ERROR_IGNORE = 1,
	VMOON_ON_DEVICE_ERROR_STOP = 2
};
struct vmoon_config_device {
	size_t size;
	const char *file, *name; /* file NULL: the device is a script's own */
	uint64_t at;
	unsigned irq;
	bool has_on_error;
	enum vmoon_on_device_error on_error;
	uint64_t budget_ns, memory_bytes;
	bool is_trusted;
	size_t param_count;
};
enum vmoon_param_kind {
	VMOON_PARAM_STRING = 0, /* text: len bytes and a NUL */
	VMOON_PARAM_INTEGER = 1,
	VMOON_PARAM_NUMBER = 2,
	VMOON_PARAM_BOOLEAN = 3
};
struct vmoon_config_param {
	const char *name;
	enum vmoon_param_kind kind;
	const char *text;
	size_t len;
	int64_t integer;
	double number;
	bool boolean;
};
/* 0 of a config that was not checked, or changed since. */
VMOON_API size_t vmoon_config_device_count(const struct vmoon_config *cfg);
/* i and n count from 0; E_INVAL past the end. Parameters come by name. */
VMOON_API VMOON_STATUS vmoon_config_device(const struct vmoon_config *cfg,
					   size_t i,
					   struct vmoon_config_device *out,
					   struct vmoon_error *err);
VMOON_API VMOON_STATUS vmoon_config_device_param(const struct vmoon_config *cfg,
						 size_t i, size_t n,
						 struct vmoon_config_param *out,
						 struct vmoon_error *err);

/* The schema, one line a key, for help texts and generators. */
struct vmoon_config_key {
	const char *name;
	/* "string", "path", "integer", "address", "size", "rate", "seconds",
	 * "sink", "function", "device", "choice", "boolean", "table", "list",
	 * "params"
	 * (a table of any names and plain values) */
	const char *type;
	const char *default_text; /* "" when required or unset */
	const char *choices;      /* "linux64, pvh" or "" */
	const char *doc;          /* one sentence */
	bool is_required;
	const char *example; /* as one would write it in Lua */
	const char *since;   /* version that brought it */
};
/* NULL when i is past the end. Static storage. */
VMOON_API const struct vmoon_config_key *vmoon_config_key(size_t i);
/*
 * The same for what a table under that path may hold: "kernel" has the fields
 * of kernel = { flat = ... } although its type is "path", because either is
 * taken. NULL when there is no such table.
 */
VMOON_API const struct vmoon_config_key *vmoon_config_field(const char *path,
							    size_t i);

#ifdef __cplusplus
}
#endif

#endif
