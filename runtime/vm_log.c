/* SPDX-License-Identifier: MIT */
/* vm_log.c - lines of a VM: filtered, laid out, held to a bound, streamed. */
#include "vm_log.h"

#include <string.h>

/*
 * The longest line: vmoon_logf's 500 bytes, each of which JSON may write as
 * two, and names and figures around them.
 */
enum { LINE_BYTES = 2048, NOTE_BYTES = 128, NOTE_COST = 512 };
enum { DAY_S = 86400, YEAR_MAX = 9999 };

/* ---- layout ---- */

static bool is_leap(unsigned year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_of_month(unsigned year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30,
					     31, 31, 30, 31, 30, 31};

	return month == 1 && is_leap(year) ? 29u : days[month];
}

/*
 * By hand: the C library's would read the time zone's file, on a thread that
 * may open none.
 */
static void put_utc(struct vmoon_text *t, int64_t wall_s, uint32_t ns)
{
	const uint64_t s = wall_s < 0 ? 0 : (uint64_t)wall_s;
	const unsigned of_day = (unsigned)(s % DAY_S);
	uint64_t days = s / DAY_S;
	unsigned year = 1970, month = 0;

	for (; year < YEAR_MAX && days >= (is_leap(year) ? 366u : 365u); year++)
		days -= is_leap(year) ? 366u : 365u;
	for (; month < 11 && days >= days_of_month(year, month); month++)
		days -= days_of_month(year, month);
	vmoon_text_put(t, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ", year,
		       month + 1, (unsigned)days % 31 + 1, of_day / 3600,
		       of_day / 60 % 60, of_day % 60, ns / 1000);
}

/* What a line is made of, beside its text. */
struct head {
	enum vmoon_log_level level;
	const char *module;
	uint64_t now_ns;
};

static void put_uptime(struct vmoon_text *t, const struct vmoon_vm_log *log,
		       uint64_t now_ns, int width)
{
	const uint64_t us =
		now_ns > log->create_ns ? (now_ns - log->create_ns) / 1000 : 0;

	vmoon_text_put(t, "%*llu.%06u", width,
		       (unsigned long long)(us / 1000000),
		       (unsigned)(us % 1000000));
}

static void put_json(struct vmoon_text *t, const struct vmoon_vm_log *log,
		     const struct head *head, const char *msg, size_t len)
{
	uint32_t ns = 0;
	const int64_t wall_s = log->clock.wall_s(log->clock.ctx, &ns);

	vmoon_text_put(t, "{\"time\": \"");
	put_utc(t, wall_s, ns);
	vmoon_text_put(t, "\", \"uptime\": ");
	put_uptime(t, log, head->now_ns, 1);
	vmoon_text_put(t, ", \"level\": \"%s\", \"module\": ",
		       vmoon_log_level_name(head->level));
	vmoon_text_put_json(t, head->module, strlen(head->module));
	vmoon_text_put(t, ", \"vm\": ");
	vmoon_text_put_json(t, log->vm_name, strlen(log->vm_name));
	vmoon_text_put(t, ", \"message\": ");
	vmoon_text_put_json(t, msg, len);
	vmoon_text_put(t, "}\n");
}

static void put_text(struct vmoon_text *t, const struct vmoon_vm_log *log,
		     const struct head *head, const char *msg, size_t len)
{
	put_uptime(t, log, head->now_ns, 5);
	vmoon_text_put(t, " %-5s ", vmoon_log_level_name(head->level));
	vmoon_text_put_plain(t, head->module, strlen(head->module));
	vmoon_text_put(t, ": %.*s\n", (int)len, msg);
}

/* The length of the line in buf. */
static size_t lay_out(const struct vmoon_vm_log *log, char buf[LINE_BYTES],
		      const struct head *head, const char *msg, size_t len)
{
	struct vmoon_text t;

	vmoon_text_init(&t, buf, LINE_BYTES);
	if (__atomic_load_n(&log->is_json, __ATOMIC_RELAXED))
		put_json(&t, log, head, msg, len);
	else
		put_text(&t, log, head, msg, len);
	if (t.len < LINE_BYTES)
		return t.len;
	buf[LINE_BYTES - 2] = '\n';
	return LINE_BYTES - 1;
}

/* ---- one line ---- */

/* Where it goes, and what of it went. */
struct passage {
	bool is_kept; /* wanted by the stream */
	bool has_passed;
	char note[NOTE_BYTES]; /* to be told before it; or "" */
};

/* Under the lock. What the ring has no room for is counted there. */
static void put_line(struct vmoon_vm_log *log, const char *line, size_t len)
{
	const struct vmoon_sink sink = vmoon_stream_sink(&log->stream);

	VMOON_IGNORE(!sink.put(sink.ctx, line, len));
}

/* Under the lock: what was lost is told and forgotten. */
static void put_note(struct vmoon_vm_log *log, enum vmoon_log_level level,
		     uint64_t now_ns, struct passage *p)
{
	const struct head head = {level, "log", now_ns};
	char line[LINE_BYTES];
	struct vmoon_text t;
	size_t len;

	vmoon_text_init(&t, p->note, sizeof(p->note));
	vmoon_text_put(&t,
		       "%llu lines of %llu bytes were suppressed: more than "
		       "%d KiB a second",
		       (unsigned long long)log->lost_lines,
		       (unsigned long long)log->lost_bytes,
		       VMOON_VM_LOG_RATE / 1024);
	log->lost_lines = log->lost_bytes = 0;
	len = lay_out(log, line, &head, p->note, t.len);
	vmoon_bucket_spend(&log->bucket, len);
	if (p->is_kept)
		put_line(log, line, len);
}

/* Under the lock. The note needs room as well, or neither is told yet. */
static void pass(struct vmoon_vm_log *log, const struct head *head,
		 const char *msg, size_t len, struct passage *p)
{
	char line[LINE_BYTES];
	const size_t cost = lay_out(log, line, head, msg, len);
	const size_t note = log->lost_lines > 0 ? NOTE_COST : 0;

	if (vmoon_bucket_room(&log->bucket, head->now_ns) < cost + note) {
		log->lost_lines++;
		log->lost_bytes += cost;
		return;
	}
	p->has_passed = true;
	if (note > 0)
		put_note(log, head->level, head->now_ns, p);
	vmoon_bucket_spend(&log->bucket, cost);
	if (p->is_kept)
		put_line(log, line, cost);
}

static void tell_embedder(const struct vmoon_vm_log *log,
			  const struct head *head, const char *msg, size_t len)
{
	log->embedder.write(log->embedder.ctx, head->level, head->module, msg,
			    len);
}

static bool is_kept(const struct vmoon_vm_log *log, const struct head *head)
{
	return (unsigned)head->level <=
	       __atomic_load_n(&log->levels.of[vmoon_log_module(head->module)],
			       __ATOMIC_RELAXED);
}

static void write_line(void *ctx, enum vmoon_log_level level,
		       const char *module, const char *msg, size_t len)
{
	struct vmoon_vm_log *log = ctx;
	const bool is_told =
		log->embedder.write != NULL && level <= log->embedder.level;
	const struct head about = {level, "log", 0};
	struct head head = {level, module, 0};
	struct passage p = {.is_kept = is_kept(log, &head)};

	if (!is_told && !p.is_kept)
		return;
	vmoon_lock_take(&log->lock);
	head.now_ns = log->clock.mono_ns(log->clock.ctx);
	pass(log, &head, msg, len, &p);
	vmoon_lock_drop(&log->lock);
	/* The embedder's sink may be slow: no lock around. */
	if (is_told && p.note[0] != '\0')
		tell_embedder(log, &about, p.note, strlen(p.note));
	if (is_told && p.has_passed)
		tell_embedder(log, &head, msg, len);
}

struct vmoon_log vmoon_vm_log_value(struct vmoon_vm_log *log)
{
	/* The levels are asked in write_line: they change. */
	return (struct vmoon_log){write_line, log, VMOON_LOG_DEBUG};
}

/* ---- levels and layout ---- */

void vmoon_vm_log_get_levels(const struct vmoon_vm_log *log,
			     struct vmoon_log_levels *out)
{
	for (size_t i = 0; i < VMOON_LOG_MODULES_MAX; i++)
		out->of[i] =
			__atomic_load_n(&log->levels.of[i], __ATOMIC_RELAXED);
}

void vmoon_vm_log_set_levels(struct vmoon_vm_log *log,
			     const struct vmoon_log_levels *levels)
{
	for (size_t i = 0; i < VMOON_LOG_MODULES_MAX; i++)
		__atomic_store_n(&log->levels.of[i], levels->of[i],
				 __ATOMIC_RELAXED);
}

void vmoon_vm_log_set_json(struct vmoon_vm_log *log, bool is_json)
{
	__atomic_store_n(&log->is_json, is_json, __ATOMIC_RELAXED);
}

/* ---- life ---- */

enum vmoon_status vmoon_vm_log_init(struct vmoon_vm_log *log,
				    const struct vmoon_vm_log_options *options,
				    struct vmoon_error *err)
{
	enum vmoon_status st;

	memset(log, 0, sizeof(*log));
	st = vmoon_stream_init(&log->stream, options->loop, options->mem, err);
	if (st != VMOON_OK)
		return st;
	log->stream.is_log = true;
	/* A sink of the log that fails must not speak through the log. */
	log->stream.outputs.log = options->embedder;
	log->embedder = options->embedder;
	log->clock = options->clock;
	log->vm_name = options->vm_name;
	log->create_ns = log->clock.mono_ns(log->clock.ctx);
	vmoon_log_levels_fill(&log->levels, VMOON_LOG_INFO);
	vmoon_lock_init(&log->lock, VMOON_RANK_LEAF);
	vmoon_bucket_init(&log->bucket, VMOON_VM_LOG_RATE, VMOON_VM_LOG_BURST,
			  log->create_ns);
	return VMOON_OK;
}

void vmoon_vm_log_end(struct vmoon_vm_log *log)
{
	const struct head head = {VMOON_LOG_WARN, "log", 0};
	struct passage p = {.is_kept = true};
	struct vmoon_quiet quiet;

	/* Whatever the bound: it is one line, and the last. */
	vmoon_lock_take(&log->lock);
	if (log->lost_lines > 0)
		put_note(log, head.level, log->clock.mono_ns(log->clock.ctx),
			 &p);
	vmoon_lock_drop(&log->lock);
	if (p.note[0] != '\0' && log->embedder.write != NULL &&
	    head.level <= log->embedder.level)
		tell_embedder(log, &head, p.note, strlen(p.note));
	vmoon_quiet_begin(&quiet);
	vmoon_stream_drain(&log->stream);
	vmoon_stream_flush(&log->stream, 0);
	vmoon_quiet_end(&quiet);
}

void vmoon_vm_log_fini(struct vmoon_vm_log *log)
{
	vmoon_stream_fini(&log->stream);
	vmoon_lock_fini(&log->lock);
}
