/* SPDX-License-Identifier: MIT */
/* log.h - log lines go to the embedder's sink; the library prints nothing. */
#ifndef VMOON_LOG_H
#define VMOON_LOG_H

#include "vmoon/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum vmoon_log_level {
	VMOON_LOG_ERROR = 0,
	VMOON_LOG_WARN = 1,
	VMOON_LOG_INFO = 2,
	VMOON_LOG_DEBUG = 3
};

/*
 * Called from any thread, one line without a newline at a time. Guest bytes
 * in it are escaped. The function must not call back into the library.
 */
typedef void (*vmoon_log_fn)(void *ctx, enum vmoon_log_level level,
			     const char *module, const char *msg, size_t len);

/*
 * Where a part of the library logs to: a value, copied freely. A NULL write
 * drops everything.
 */
struct vmoon_log {
	vmoon_log_fn write;
	void *ctx; /* borrowed: outlives every copy */
	enum vmoon_log_level level;
};

/* Formats one line (at most 500 bytes, longer ones are cut with "..."). */
VMOON_API void vmoon_logf(const struct vmoon_log *log,
			  enum vmoon_log_level level, const char *module,
			  const char *fmt, ...) VMOON_PRINTF(4, 5);

/*
 * Token bucket for one guest-reachable call site: at most `burst` lines at
 * once, one more every `interval_ns`. vmoon_log_allow returns false when the
 * line must be suppressed; on true *out_suppressed is the number suppressed
 * since the last allowed line. One thread at a time.
 */
struct vmoon_log_limit {
	uint64_t last_ns;
	uint32_t tokens, suppressed;
	bool is_started;
};

enum { VMOON_LOG_BURST = 5 };
#define VMOON_LOG_INTERVAL_NS UINT64_C(1000000000)

VMOON_API bool vmoon_log_allow(struct vmoon_log_limit *limit, uint64_t now_ns,
			       uint32_t *out_suppressed) VMOON_NONNULL(1, 3);

#ifdef __cplusplus
}
#endif

#endif
