/* SPDX-License-Identifier: MIT */
/* log.c - formats log lines for the embedder's sink and limits floods. */
#include "vmoon/log.h"

#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 500 };

/*
 * Guest bytes may reach a line: no control character leaves unescaped, and
 * nothing that is no UTF-8.
 */
static size_t escape(char *dst, size_t cap, const char *src)
{
	const size_t len = strlen(src);
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		uint32_t cp = 0;
		size_t taken = vmoon_utf8_at(src + i, len - i, &cp);
		const bool is_plain = taken > 0 && !vmoon_is_control(cp);
		const size_t width = is_plain ? taken : 4;

		if (n + width + sizeof("...") > cap) {
			memcpy(dst + n, "...", 3);
			n += 3;
			break;
		}
		if (is_plain)
			memcpy(dst + n, src + i, taken);
		else
			(void)snprintf(dst + n, 5, "\\x%02x",
				       (unsigned char)src[i]);
		n += width;
		i += is_plain ? taken : 1;
	}
	dst[n] = '\0';
	return n;
}

void vmoon_logf(const struct vmoon_log *log, enum vmoon_log_level level,
		const char *module, const char *fmt, ...)
{
	char raw[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
	va_list ap;
	size_t len;

	if (log == NULL || log->write == NULL || level > log->level)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	len = escape(line, sizeof(line), raw);
	log->write(log->ctx, level, module, line, len);
}

bool vmoon_log_allow(struct vmoon_log_limit *limit, uint64_t now_ns,
		     uint32_t *out_suppressed)
{
	uint64_t due;

	if (!limit->is_started) {
		limit->is_started = true;
		limit->tokens = VMOON_LOG_BURST;
		limit->last_ns = now_ns;
	}
	due = now_ns > limit->last_ns
		      ? (now_ns - limit->last_ns) / VMOON_LOG_INTERVAL_NS
		      : 0;
	if (due > 0) {
		uint64_t room = VMOON_LOG_BURST - limit->tokens;

		limit->tokens += (uint32_t)(due < room ? due : room);
		limit->last_ns += due * VMOON_LOG_INTERVAL_NS;
	}
	if (limit->tokens == 0) {
		if (limit->suppressed < UINT32_MAX)
			limit->suppressed++;
		return false;
	}
	limit->tokens--;
	*out_suppressed = limit->suppressed;
	limit->suppressed = 0;
	return true;
}
