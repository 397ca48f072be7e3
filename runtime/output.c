/* SPDX-License-Identifier: MIT */
/*
 * output.c - what comes in to an output: what may wait, what is lost.
 *
 * DROP spends its tokens where bytes come in, so what waits has been paid for;
 * SPOOL and PAUSE spend them where bytes go out, so what waits has not. Tokens
 * are of the output's own bucket and of its group's, in that order.
 */
#include "output_state.h"

#include <string.h>

enum { LINE_MAX = VMOON_OUTPUT_LINE_MAX };

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- tokens ---- */

uint64_t vmoon_output_take_tokens(struct vmoon_output *o, uint64_t least,
				  uint64_t bytes, uint64_t now_ns)
{
	const uint64_t own =
		min_u64(bytes, vmoon_bucket_room(&o->bucket, now_ns));
	uint64_t got;

	if (own < least)
		return 0;
	got = vmoon_group_take(o->limit.group, o, least, own, now_ns);
	vmoon_bucket_spend(&o->bucket, got);
	return got;
}

void vmoon_output_give_back(struct vmoon_output *o, uint64_t bytes)
{
	vmoon_bucket_give_back(&o->bucket, bytes);
	vmoon_group_give_back(o->limit.group, bytes);
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

/* How many bytes the first ones to be lost are: whole lines, or what is over.
 */
static size_t oldest_piece(const struct vmoon_output *o, size_t over)
{
	size_t line;

	if (!is_by_line(o))
		return over;
	line = vmoon_queue_line(&o->queue, LINE_MAX);
	return line == 0 ? LINE_MAX : line;
}

/* A line of which a part was written is written to its end all the same. */
void vmoon_output_lose_oldest(struct vmoon_output *o, size_t keep)
{
	unsigned char rest[LINE_MAX];
	size_t rest_len = 0;
	uint64_t lost = 0, lines = 0;

	if (vmoon_queue_len(&o->queue) <= keep)
		return;
	if (is_by_line(o) && o->is_line_begun)
		rest_len = vmoon_queue_take(&o->queue, rest,
					    oldest_piece(o, LINE_MAX));
	while (vmoon_queue_len(&o->queue) > keep - rest_len) {
		const uint64_t head = o->queue.head;

		lines += vmoon_queue_drop(
			&o->queue,
			oldest_piece(o, vmoon_queue_len(&o->queue) - keep));
		lost += o->queue.head - head;
	}
	if (lost > 0) {
		count_lost(o, lost, lines);
		vmoon_gaps_add_oldest(&o->gaps, o->queue.head, lost, lines);
	}
	vmoon_queue_take_back(&o->queue, rest, rest_len);
}

void vmoon_output_fail(struct vmoon_output *o, int error)
{
	const size_t len = vmoon_queue_len(&o->queue);

	o->stats.state = VMOON_OUTPUT_FAILED;
	o->stats.last_error = error;
	count_lost(o, len, vmoon_queue_drop(&o->queue, len));
	vmoon_output_end_line(o);
	o->marker_len = o->marker_at = 0;
}

/* ---- in ---- */

/* Room in the queue for len bytes, or for as many as can be made. */
static size_t make_room(struct vmoon_output *o, size_t len)
{
	if (o->limit.policy == VMOON_LIMIT_SPOOL &&
	    o->limit.full == VMOON_FULL_DROP_OLDEST)
		vmoon_output_lose_oldest(
			o, o->queue.cap - (size_t)min_u64(len, o->queue.cap));
	return (size_t)min_u64(len, vmoon_queue_free(&o->queue));
}

static void put_bytes(struct vmoon_output *o, const unsigned char *buf,
		      size_t len, uint64_t now_ns)
{
	size_t fits = make_room(o, len);

	if (o->limit.policy == VMOON_LIMIT_DROP)
		fits = (size_t)vmoon_output_take_tokens(o, 1, fits, now_ns);
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
	    vmoon_output_take_tokens(o, LINE_MAX, LINE_MAX, now_ns) == 0)
		return LINE_IS_LOST;
	return LINE_PASSES;
}

void vmoon_output_end_line(struct vmoon_output *o)
{
	if (o->fate == LINE_PASSES && o->limit.policy == VMOON_LIMIT_DROP)
		vmoon_output_give_back(o, o->line_left);
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

/* Lines, until there is no room for another; at least one. Bytes put. */
static size_t put_lines(struct vmoon_output *o, const unsigned char *buf,
			size_t len, uint64_t now_ns)
{
	size_t n = 0;

	do
		n += put_line(o, buf + n, len - n, now_ns);
	while (n < len && (o->fate != LINE_AT_START ||
			   vmoon_queue_free(&o->queue) >= LINE_MAX));
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
			n = put_lines(o, from, n, now_ns);
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
