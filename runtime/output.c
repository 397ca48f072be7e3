/* SPDX-License-Identifier: MIT */
/*
 * output.c - one output: what may wait, what may go, what is lost.
 *
 * DROP spends its tokens where bytes come in, so what waits has been paid for;
 * SPOOL and PAUSE spend them where bytes go out, so what waits has not. Tokens
 * are of the output's own bucket and of its group's, in that order.
 */
#include "output_state.h"

#include <errno.h>
#include <string.h>

#define RETRY_NS UINT64_C(1000000000)
/* A full destination is tried again after this, then twice this, and so on. */
#define BUSY_MIN_NS UINT64_C(10000000)
#define BUSY_MAX_NS UINT64_C(80000000)
/* A line that has not ended for so long is a prompt: it goes as it is. */
#define PROMPT_NS UINT64_C(100000000)

enum {
	RELEASE_AT = VMOON_OUTPUT_HOLD_AT / 4,
	STEPS_A_SECOND = 200,  /* what goes at once is so much of a rate */
	WRITES_MAX = 64,       /* of one pump; more have to wait their turn */
	INTERRUPTIONS_MAX = 8, /* of one write, by signals */
	LINE_MAX = VMOON_OUTPUT_LINE_MAX
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool has_rate(const struct vmoon_output *o)
{
	return o->limit.rate != 0 || o->limit.group != NULL;
}

static bool is_by_line(const struct vmoon_output *o)
{
	return o->limit.unit == VMOON_UNIT_LINE;
}

/* ---- tokens ---- */

/* As many of bytes as may go now; they are spent. */
static uint64_t take_tokens(struct vmoon_output *o, uint64_t bytes,
			    uint64_t now_ns)
{
	const uint64_t own =
		min_u64(bytes, vmoon_bucket_room(&o->bucket, now_ns));
	const uint64_t got = vmoon_group_take(o->limit.group, own, now_ns);

	vmoon_bucket_spend(&o->bucket, got);
	return got;
}

static void give_tokens_back(struct vmoon_output *o, uint64_t bytes)
{
	vmoon_bucket_give_back(&o->bucket, bytes);
	vmoon_group_give_back(o->limit.group, bytes);
}

/* All of bytes, or nothing. */
static bool take_all_tokens(struct vmoon_output *o, uint64_t bytes,
			    uint64_t now_ns)
{
	const uint64_t got = take_tokens(o, bytes, now_ns);

	if (got == bytes)
		return true;
	give_tokens_back(o, got);
	return false;
}

static uint64_t tokens_due(struct vmoon_output *o, uint64_t bytes,
			   uint64_t now_ns)
{
	const uint64_t own = vmoon_bucket_due(&o->bucket, bytes);
	const uint64_t shared = vmoon_group_due(o->limit.group, bytes, now_ns);

	return own > shared ? own : shared;
}

/* ---- what is lost ---- */

static void count_lost(struct vmoon_output *o, uint64_t bytes, uint64_t lines)
{
	o->stats.bytes_dropped += bytes;
	o->stats.lines_dropped += lines;
	o->has_news = true;
}

static void lose_newest(struct vmoon_output *o, const unsigned char *buf,
			size_t len)
{
	const uint64_t lines = vmoon_count_lines(buf, len);

	if (len == 0)
		return;
	count_lost(o, len, lines);
	vmoon_gaps_add(&o->gaps, o->queue.tail, len, lines);
}

/* Makes room for len bytes; whole lines where lines are the unit. */
static void lose_oldest(struct vmoon_output *o, size_t len)
{
	uint64_t lines = 0;
	const uint64_t from = o->queue.head;

	while (vmoon_queue_free(&o->queue) < len) {
		size_t n = len - vmoon_queue_free(&o->queue);

		if (is_by_line(o)) {
			n = vmoon_queue_line(&o->queue, LINE_MAX);
			n = n == 0 ? LINE_MAX : n;
		}
		lines += vmoon_queue_drop(&o->queue, n);
	}
	if (o->queue.head == from)
		return;
	count_lost(o, o->queue.head - from, lines);
	vmoon_gaps_add_oldest(&o->gaps, o->queue.head, o->queue.head - from,
			      lines);
}

static void fail_for_good(struct vmoon_output *o, int error)
{
	const size_t len = vmoon_queue_len(&o->queue);

	o->stats.state = VMOON_OUTPUT_FAILED;
	o->stats.last_error = error;
	count_lost(o, len, vmoon_queue_drop(&o->queue, len));
	o->marker_len = o->marker_at = 0;
}

/* ---- holding the guest ---- */

static void release(struct vmoon_output *o, uint64_t now_ns)
{
	vmoon_stall_end(&o->stall, now_ns);
	o->stats.stalled_ns = o->stall.total_ns;
}

static void update_hold(struct vmoon_output *o, uint64_t now_ns)
{
	const size_t len = vmoon_queue_len(&o->queue);
	uint64_t left;

	if (o->limit.policy != VMOON_LIMIT_PAUSE)
		return;
	vmoon_stall_update(&o->stall, now_ns);
	o->stats.stalled_ns = o->stall.total_ns;
	left = vmoon_stall_left(&o->stall, o->limit.max_stall_ns);
	if (o->stall.is_held) {
		if (left == 0 && o->limit.after == VMOON_AFTER_ERROR)
			fail_for_good(o, ETIMEDOUT);
		if (left == 0 || len <= RELEASE_AT)
			release(o, now_ns);
	} else if (len >= VMOON_OUTPUT_HOLD_AT && left > 0) {
		vmoon_stall_begin(&o->stall, now_ns);
		o->has_news = true;
	}
}

/* ---- in ---- */

/* Room in the queue for len bytes, or for as many as can be made. */
static size_t make_room(struct vmoon_output *o, size_t len)
{
	if (o->limit.policy == VMOON_LIMIT_SPOOL &&
	    o->limit.full == VMOON_FULL_DROP_OLDEST)
		lose_oldest(o, (size_t)min_u64(len, o->queue.cap));
	return (size_t)min_u64(len, vmoon_queue_free(&o->queue));
}

static void put_bytes(struct vmoon_output *o, const unsigned char *buf,
		      size_t len, uint64_t now_ns)
{
	size_t fits = make_room(o, len);

	if (o->limit.policy == VMOON_LIMIT_DROP)
		fits = (size_t)take_tokens(o, fits, now_ns);
	vmoon_queue_put(&o->queue, buf, fits);
	lose_newest(o, buf + fits, len - fits);
}

/*
 * Whether a line that begins now passes, however long it becomes: there must be
 * room, and with DROP tokens, for the longest. The rest is given back.
 */
static enum line_fate judge_line(struct vmoon_output *o, uint64_t now_ns)
{
	if (make_room(o, LINE_MAX) < LINE_MAX)
		return LINE_IS_LOST;
	if (o->limit.policy == VMOON_LIMIT_DROP &&
	    !take_all_tokens(o, LINE_MAX, now_ns))
		return LINE_IS_LOST;
	return LINE_PASSES;
}

void vmoon_output_end_line(struct vmoon_output *o)
{
	if (o->fate == LINE_PASSES && o->limit.policy == VMOON_LIMIT_DROP)
		give_tokens_back(o, o->line_left);
	o->fate = LINE_AT_START;
}

/* One line's bytes, or as many of them as have come. Their number. */
static size_t put_line(struct vmoon_output *o, const unsigned char *buf,
		       size_t len, uint64_t now_ns)
{
	const unsigned char *end;
	size_t n;

	if (o->fate == LINE_AT_START) {
		o->fate = judge_line(o, now_ns);
		o->line_left = LINE_MAX;
	}
	n = (size_t)min_u64(len, o->line_left);
	end = memchr(buf, '\n', n);
	n = end == NULL ? n : (size_t)(end - buf) + 1;
	/* There is room: nobody puts but we. */
	if (o->fate == LINE_PASSES && make_room(o, n) == n)
		vmoon_queue_put(&o->queue, buf, n);
	else
		lose_newest(o, buf, n);
	o->line_left -= n;
	if (end != NULL || o->line_left == 0)
		vmoon_output_end_line(o);
	return n;
}

void vmoon_output_put(struct vmoon_output *o, const void *buf, size_t len,
		      uint64_t now_ns)
{
	const unsigned char *from = buf;

	o->stats.bytes_in += len;
	o->last_put_ns = now_ns;
	/* In pieces: a queue may be smaller than what comes at once. */
	while (len > 0) {
		size_t n = (size_t)min_u64(len, VMOON_OUTPUT_HOLD_AT);

		if (o->stats.state == VMOON_OUTPUT_FAILED)
			lose_newest(o, from, n);
		else if (is_by_line(o))
			n = put_line(o, from, n, now_ns);
		else
			put_bytes(o, from, n, now_ns);
		from += n;
		len -= n;
		vmoon_output_pump(o, now_ns);
	}
}

void vmoon_output_lose(struct vmoon_output *o, uint64_t len, uint64_t now_ns)
{
	if (len == 0)
		return;
	o->stats.bytes_in += len;
	o->last_put_ns = now_ns;
	count_lost(o, len, 0);
	vmoon_gaps_add(&o->gaps, o->queue.tail, len, 0);
}

/* ---- out ---- */

static void note_failure(struct vmoon_output *o, int error, uint64_t now_ns)
{
	o->stats.errors++;
	o->stats.last_error = error;
	switch (error) {
	case EAGAIN:
		o->busy_ns = o->busy_ns == 0
				     ? BUSY_MIN_NS
				     : min_u64(2 * o->busy_ns, BUSY_MAX_NS);
		o->retry_ns = now_ns + o->busy_ns;
		return;
	case EPIPE:
	case ECONNRESET:
	case EBADF:
	case EFBIG: fail_for_good(o, error); return;
	default:
		o->has_news |= o->stats.state != VMOON_OUTPUT_RETRYING;
		o->stats.state = VMOON_OUTPUT_RETRYING;
		o->retry_ns = now_ns + RETRY_NS;
	}
}

/* How many of len > 0 bytes the destination took. */
static size_t write_out(struct vmoon_output *o, const void *buf, size_t len,
			uint64_t now_ns)
{
	ssize_t n = -EINTR;

	for (int i = 0; i < INTERRUPTIONS_MAX && n == -EINTR; i++)
		n = o->dest->ops->write(o->dest, buf, len);
	if (n <= 0 || (size_t)n > len) {
		note_failure(o, n < 0 && n != -EINTR ? (int)-n : EAGAIN,
			     now_ns);
		return 0;
	}
	o->has_news |= o->stats.state == VMOON_OUTPUT_RETRYING;
	o->stats.state = VMOON_OUTPUT_WORKING;
	o->retry_ns = o->busy_ns = 0;
	o->is_line_begun = ((const char *)buf)[n - 1] != '\n';
	return (size_t)n;
}

/* True when no marker, or the rest of one, stands before the next byte. */
static bool pump_marker(struct vmoon_output *o, uint64_t now_ns)
{
	const uint64_t due = vmoon_gaps_due(&o->gaps, o->queue.head);

	if (o->marker_at == o->marker_len && due != 0 && due <= now_ns) {
		o->marker_at = 0;
		o->marker_len = vmoon_gaps_tell(&o->gaps, o->queue.head, now_ns,
						o->is_line_begun, o->marker);
	}
	if (o->marker_at < o->marker_len) {
		const size_t n =
			write_out(o, o->marker + o->marker_at,
				  o->marker_len - o->marker_at, now_ns);

		o->marker_at += n;
		o->stats.marker_bytes += n;
	}
	return o->marker_at == o->marker_len;
}

/* What should go at once: less costs a write each, more is no even flow. */
static uint64_t step_of(const struct vmoon_output *o)
{
	const uint64_t step = o->limit.rate / STEPS_A_SECOND;

	if (o->limit.rate == 0)
		return 1;
	return min_u64(step == 0 ? 1 : step, o->bucket.burst);
}

/* How many of the first bytes should go together; 0: not yet. */
static uint64_t next_piece(const struct vmoon_output *o, uint64_t now_ns)
{
	const size_t len = vmoon_queue_len(&o->queue);
	size_t line;

	if (len == 0 || o->limit.policy == VMOON_LIMIT_DROP || !has_rate(o))
		return len;
	if (!is_by_line(o))
		return min_u64(len, step_of(o));
	line = vmoon_queue_line(&o->queue, LINE_MAX);
	if (line > 0 || len >= LINE_MAX)
		return line > 0 ? line : LINE_MAX;
	return now_ns >= o->last_put_ns + PROMPT_NS ? len : 0;
}

/*
 * Bytes that may go now, spent: at least the next piece or none, and in bytes
 * as many as lie in one piece of memory.
 */
static size_t take_allowed(struct vmoon_output *o, uint64_t now_ns)
{
	const unsigned char *bytes;
	const uint64_t piece = next_piece(o, now_ns);
	uint64_t len = vmoon_queue_front(&o->queue, &bytes);
	uint64_t got;

	len = vmoon_gaps_until(&o->gaps, o->queue.head, len);
	if (piece == 0 || o->limit.policy == VMOON_LIMIT_DROP || !has_rate(o))
		return piece == 0 ? 0 : (size_t)len;
	len = is_by_line(o) ? min_u64(len, piece) : len;
	got = take_tokens(o, len, now_ns);
	if (got >= min_u64(piece, len))
		return (size_t)got;
	give_tokens_back(o, got);
	return 0;
}

static bool pump_bytes(struct vmoon_output *o, uint64_t now_ns)
{
	const size_t len = take_allowed(o, now_ns);
	const unsigned char *bytes;
	size_t n;

	if (len == 0)
		return false;
	VMOON_IGNORE(vmoon_queue_front(&o->queue, &bytes) == 0);
	n = write_out(o, bytes, len, now_ns);
	if (o->limit.policy != VMOON_LIMIT_DROP)
		give_tokens_back(o, len - n);
	VMOON_IGNORE(vmoon_queue_drop(&o->queue, n) == 0);
	o->stats.bytes_out += n;
	return n == len;
}

void vmoon_output_pump(struct vmoon_output *o, uint64_t now_ns)
{
	for (int i = 0; i < WRITES_MAX; i++) {
		if (o->stats.state == VMOON_OUTPUT_FAILED ||
		    now_ns < o->retry_ns || !pump_marker(o, now_ns) ||
		    !pump_bytes(o, now_ns))
			break;
	}
	update_hold(o, now_ns);
	if (vmoon_queue_len(&o->queue) > 0 &&
	    o->limit.policy == VMOON_LIMIT_SPOOL && has_rate(o))
		o->has_news = true;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a == 0 ? b : a;
	return min_u64(a, b);
}

/* When the next bytes may go; 0: there are none. */
static uint64_t bytes_due(struct vmoon_output *o, uint64_t now_ns)
{
	const uint64_t piece = next_piece(o, now_ns);

	if (vmoon_queue_len(&o->queue) == 0)
		return 0;
	if (piece == 0)
		return o->last_put_ns + PROMPT_NS;
	if (o->limit.policy == VMOON_LIMIT_DROP || !has_rate(o))
		return now_ns;
	return tokens_due(o, piece, now_ns);
}

/* The same of all that can be written. */
static uint64_t write_due(struct vmoon_output *o, uint64_t now_ns)
{
	uint64_t due;

	if (o->stats.state == VMOON_OUTPUT_FAILED)
		return 0;
	due = o->marker_at < o->marker_len
		      ? now_ns
		      : sooner(vmoon_gaps_due(&o->gaps, o->queue.head),
			       bytes_due(o, now_ns));
	return due != 0 && due < o->retry_ns ? o->retry_ns : due;
}

uint64_t vmoon_output_due(struct vmoon_output *o, uint64_t now_ns)
{
	uint64_t due = write_due(o, now_ns);

	if (o->has_news)
		due = sooner(due, o->next_event_ns);
	if (o->stall.is_held)
		due = sooner(due,
			     now_ns + vmoon_stall_left(&o->stall,
						       o->limit.max_stall_ns));
	return due;
}

bool vmoon_output_is_holding(const struct vmoon_output *o)
{
	return o->stall.is_held;
}

void vmoon_output_flush(struct vmoon_output *o, uint64_t now_ns)
{
	const struct vmoon_limit limit = o->limit;

	vmoon_output_end_line(o);
	/* Nobody waits for the guest any more, nor need it be slow. */
	o->limit = (struct vmoon_limit){.size = limit.size};
	o->gaps.next_ns = 0;
	o->retry_ns = 0;
	release(o, now_ns);
	vmoon_output_pump(o, now_ns);
	o->limit = limit;
}
