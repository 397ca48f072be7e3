/* SPDX-License-Identifier: MIT */
/* vm_log.h - what a VM has to say: levels, one layout, a bound, a stream. */
#ifndef VMOON_RUNTIME_VM_LOG_H
#define VMOON_RUNTIME_VM_LOG_H

#include "bucket.h"
#include "config.h"
#include "stream.h"
#include "vmoon/device.h"
#include "vmoon/log.h"

/*
 * A guest that provokes lines at many places at once is held to so many bytes a
 * second, and half of the ring's at once; what is over is counted.
 */
enum { VMOON_VM_LOG_RATE = 64 * 1024, VMOON_VM_LOG_BURST = 32 * 1024 };

/* ---- log_levels.c: which module says how much ---- */

enum { VMOON_LOG_MODULES_MAX = 32 };

/* By the module's place in vmoon_log_modules. */
struct vmoon_log_levels {
	uint8_t of[VMOON_LOG_MODULES_MAX]; /* enum vmoon_log_level */
};

/* All of them, "a, b, c". */
extern const char vmoon_log_modules[];
/* Its place there; that of "device" for any other: a device of somebody's. */
size_t vmoon_log_module(const char *name) VMOON_NONNULL(1);
const char *vmoon_log_level_name(enum vmoon_log_level level);
void vmoon_log_levels_fill(struct vmoon_log_levels *levels,
			   enum vmoon_log_level level) VMOON_NONNULL(1);
/*
 * Changes what text names, "output=debug,ports=error"; with has_all it may
 * begin with a level for all, "warn,output=debug". False and both texts of the
 * report, then nothing has changed.
 */
bool vmoon_log_levels_parse(const char *text, bool has_all,
			    struct vmoon_log_levels *levels,
			    struct vmoon_config_report *report)
	VMOON_NONNULL(1, 3, 4);

/* ---- vm_log.c ---- */

struct vmoon_vm_log {
	/* Without a device. The worker drains it, anybody's line goes in. */
	struct vmoon_stream stream;
	struct vmoon_log embedder;
	struct vmoon_clock clock;
	const char *vm_name; /* borrowed */
	uint64_t create_ns;
	struct vmoon_log_levels levels; /* atomic, each */
	bool is_json;                   /* atomic */

	/* A leaf; guards what follows and the producer's side of the ring. */
	struct vmoon_lock lock;
	struct vmoon_bucket bucket;
	uint64_t lost_lines, lost_bytes; /* over the bound, not told yet */
};

struct vmoon_vm_log_options {
	struct vmoon_loop *loop; /* borrowed */
	struct vmoon_mem *mem;   /* borrowed */
	struct vmoon_clock clock;
	struct vmoon_log embedder; /* gets each line too, by its own level */
	const char *vm_name;       /* borrowed: outlives the log */
};

/* All levels are INFO, the layout is text. */
VMOON_STATUS vmoon_vm_log_init(struct vmoon_vm_log *log,
			       const struct vmoon_vm_log_options *options,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2);
void vmoon_vm_log_fini(struct vmoon_vm_log *log) VMOON_NONNULL(1);
/* Nobody logs any more, and nobody drains: the last lines go out. */
void vmoon_vm_log_end(struct vmoon_vm_log *log) VMOON_NONNULL(1);

/*
 * What parts of the VM log to. Any thread; it takes a leaf lock, and calls the
 * embedder's function without it.
 */
struct vmoon_log vmoon_vm_log_value(struct vmoon_vm_log *log) VMOON_NONNULL(1);

/* Any thread. */
void vmoon_vm_log_get_levels(const struct vmoon_vm_log *log,
			     struct vmoon_log_levels *out) VMOON_NONNULL(1, 2);
void vmoon_vm_log_set_levels(struct vmoon_vm_log *log,
			     const struct vmoon_log_levels *levels)
	VMOON_NONNULL(1, 2);
void vmoon_vm_log_set_json(struct vmoon_vm_log *log, bool is_json)
	VMOON_NONNULL(1);

#endif
