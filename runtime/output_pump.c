/* SPDX-License-Identifier: MIT */
/* output_pump.c - what goes out of an output, and when; holding the guest. */
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
	WRITES_MAX = 64,       /* of one pump; more have to wait their turn */
	INTERRUPTIONS_MAX = 8, /* of one write, by signals */
	LINE_MAX = VMOON_OUTPUT_LINE_MAX
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- holding the guest ---- */

static void update_hold(struct vmoon_output *o, uint64_t now_ns)
{
	const size_t len = vmoon_queue_len(&o->queue);
	uint64_t left;

	if (o->limit.policy != VMOON_LIMIT_PAUSE ||
	    (!o->stall.is_held && len < VMOON_OUTPUT_HOLD_AT))
		return;
	vmoon_stall_update(&o->stall, now_ns);
	left = vmoon_stall_left(&o->stall, o->limit.max_stall_ns);
	if (o->stall.is_held) {
		if (left == 0 && o->limit.after == VMOON_AFTER_ERROR)
			vmoon_output_fail(o, ETIMEDOUT);
		if (left == 0 || len <= RELEASE_AT)
			vmoon_stall_end(&o->stall, now_ns);
	} else if (left > 0 && o->stats.state != VMOON_OUTPUT_FAILED) {
		vmoon_stall_begin(&o->stall, now_ns);
		o->has_news = true;
	}
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
	case EFBIG: vmoon_output_fail(o, error); return;
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

/* Whether the first line has its end in the queue, or is a cut one's part. */
static bool has_line(const struct vmoon_output *o)
{
	return vmoon_queue_len(&o->queue) >= LINE_MAX ||
	       vmoon_queue_line(&o->queue, LINE_MAX) > 0;
}

/*
 * When a marker may be written; 0: nothing to tell, or not now. One that is
 * late, with lines as the unit, breaks no line that is likely to go on soon.
 */
static uint64_t marker_due(const struct vmoon_output *o)
{
	const uint64_t head = o->queue.head;
	const uint64_t due = vmoon_gaps_due(&o->gaps, head);
	uint64_t line_end;

	if (due == 0 || !is_by_line(o) || !o->is_line_begun ||
	    vmoon_gaps_is_at(&o->gaps, head))
		return due;
	if (has_line(o))
		return 0;
	line_end = min_u64(due + VMOON_MARKER_NS, o->last_put_ns + PROMPT_NS);
	return line_end > due ? line_end : due;
}

/* Whether a marker, or the rest of one, stands before the next byte. */
static bool has_marker(struct vmoon_output *o, uint64_t now_ns)
{
	const uint64_t due = marker_due(o);

	if (o->marker_at == o->marker_len && due != 0 && due <= now_ns) {
		o->marker_at = 0;
		o->marker_len = vmoon_gaps_tell(&o->gaps, o->queue.head, now_ns,
						o->is_line_begun, o->marker);
	}
	return o->marker_at < o->marker_len;
}

/* False when nothing went. */
static bool pump_marker(struct vmoon_output *o, uint64_t now_ns)
{
	const size_t n = write_out(o, o->marker + o->marker_at,
				   o->marker_len - o->marker_at, now_ns);

	o->marker_at += n;
	o->stats.marker_bytes += n;
	return n > 0;
}

/* Whether what waits has yet to be paid for. */
static bool is_unpaid(const struct vmoon_output *o)
{
	return o->limit.policy != VMOON_LIMIT_DROP && has_rate(o);
}

/* How many of the first bytes should go together at least; 0: not yet. */
static uint64_t next_piece(const struct vmoon_output *o, uint64_t now_ns)
{
	const size_t len = vmoon_queue_len(&o->queue);
	uint64_t step;
	size_t line;

	if (len == 0 || !is_unpaid(o))
		return len;
	step = min_u64(min_u64(vmoon_bucket_step(&o->bucket),
			       vmoon_group_step(o->limit.group)),
		       len);
	if (!is_by_line(o))
		return step;
	line = vmoon_queue_line(&o->queue, LINE_MAX);
	if (line == 0 && len < LINE_MAX)
		return now_ns >= o->last_put_ns + PROMPT_NS ? len : 0;
	line = line == 0 ? LINE_MAX : line;
	return line > step ? line : step;
}

/* Of len bytes those up to the last end of a line; at least the least. */
static size_t whole_lines(const unsigned char *bytes, size_t len, size_t least)
{
	const unsigned char *end = memrchr(bytes, '\n', len);

	return end == NULL ? least : (size_t)(end - bytes) + 1;
}

/*
 * Bytes that may go now, spent, of those that lie in one piece of memory: at
 * least the next piece or none, and no begun line behind a whole one.
 */
static size_t take_allowed(struct vmoon_output *o, uint64_t now_ns)
{
	const unsigned char *bytes;
	const uint64_t piece = next_piece(o, now_ns);
	size_t len = vmoon_queue_front(&o->queue, &bytes), least, got;

	if (piece == 0)
		return 0;
	len = (size_t)vmoon_gaps_until(&o->gaps, o->queue.head, len);
	if (!is_unpaid(o))
		return len;
	least = (size_t)min_u64(piece, len);
	got = (size_t)vmoon_output_take_tokens(o, least, len, now_ns);
	if (got == 0)
		return 0;
	len = is_by_line(o) ? whole_lines(bytes, got, least) : got;
	vmoon_output_give_back(o, got - len);
	return len;
}

/* False when nothing went. */
static bool pump_bytes(struct vmoon_output *o, uint64_t now_ns)
{
	const size_t len = take_allowed(o, now_ns);
	const unsigned char *bytes;
	size_t n;

	if (len == 0)
		return false;
	VMOON_IGNORE(vmoon_queue_front(&o->queue, &bytes) == 0);
	n = write_out(o, bytes, len, now_ns);
	if (is_unpaid(o))
		vmoon_output_give_back(o, len - n);
	o->stats.bytes_out += n;
	vmoon_queue_skip(&o->queue, n);
	return n > 0;
}

/* One write, of a marker or of bytes; false when nothing went. */
static bool pump_once(struct vmoon_output *o, uint64_t now_ns)
{
	if (o->stats.state == VMOON_OUTPUT_FAILED || now_ns < o->retry_ns)
		return false;
	return has_marker(o, now_ns) ? pump_marker(o, now_ns)
				     : pump_bytes(o, now_ns);
}

void vmoon_output_pump(struct vmoon_output *o, uint64_t now_ns)
{
	for (int i = 0; i < WRITES_MAX && pump_once(o, now_ns); i++)
		continue;
	update_hold(o, now_ns);
	if (vmoon_queue_len(&o->queue) > 0 &&
	    o->limit.policy == VMOON_LIMIT_SPOOL && has_rate(o))
		o->has_news = true;
}

/* ---- when ---- */

static uint64_t tokens_due(struct vmoon_output *o, uint64_t bytes,
			   uint64_t now_ns)
{
	const uint64_t own = vmoon_bucket_due(&o->bucket, bytes);
	const uint64_t shared =
		vmoon_group_due(o->limit.group, o, bytes, now_ns);

	return own > shared ? own : shared;
}

/* When the next bytes may go; 0: there are none. */
static uint64_t bytes_due(struct vmoon_output *o, uint64_t now_ns)
{
	const uint64_t piece = next_piece(o, now_ns);

	if (vmoon_queue_len(&o->queue) == 0)
		return 0;
	if (piece == 0)
		return o->last_put_ns + PROMPT_NS;
	if (!is_unpaid(o))
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
		      : vmoon_sooner(marker_due(o), bytes_due(o, now_ns));
	return due != 0 && due < o->retry_ns ? o->retry_ns : due;
}

uint64_t vmoon_output_due(struct vmoon_output *o, uint64_t now_ns)
{
	uint64_t due = write_due(o, now_ns);

	if (o->has_news)
		due = vmoon_sooner(due, o->next_event_ns > now_ns
						? o->next_event_ns
						: now_ns);
	if (o->stall.is_held)
		due = vmoon_sooner(
			due, o->stall.since_ns +
				     vmoon_stall_left(&o->stall,
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
	vmoon_stall_end(&o->stall, now_ns);
	o->retry_ns = 0;
	/* Nobody waits for the guest any more, nor need it be slow. */
	o->limit = (struct vmoon_limit){.unit = limit.unit};
	do
		o->gaps.next_ns = 0;
	while (pump_once(o, now_ns));
	/* And a marker that waits for the end of a line. */
	o->limit.unit = VMOON_UNIT_BYTE;
	VMOON_IGNORE(pump_once(o, now_ns));
	o->limit = limit;
}
