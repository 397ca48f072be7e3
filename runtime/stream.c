/* SPDX-License-Identifier: MIT */
/* stream.c - moves console bytes between the guest and the host. */
#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/*
 * After output the worker looks again this much later instead of being woken
 * for each byte: a guest that prints costs at most 500 wake-ups a second.
 */
#define SETTLE_NS UINT64_C(2000000)
/* Between two looks at a destination that is to take a stream's end. */
enum { FLUSH_STEP_NS = 10000000 };
enum { DELIVER_CHUNK = 4096, DRAIN_CHUNK = 4096 };
/* One drain ends even when the guest never does: twice the ring. */
enum { DRAIN_CHUNKS_MAX = 2 * VMOON_RING_BYTES / DRAIN_CHUNK };

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- output: vCPU side ---- */

static bool put_output(void *ctx, const void *buf, size_t len)
{
	struct vmoon_stream *s = ctx;

	if (len > VMOON_RING_BYTES ||
	    !vmoon_ring_put(&s->ring, buf, (uint32_t)len)) {
		/* One writer at a time: the lock of whose sink it is. */
		__atomic_store_n(&s->put_dropped, s->put_dropped + len,
				 __ATOMIC_RELAXED);
		return false;
	}
	/*
	 * No locked instruction for each byte of a flood. Where the worker is
	 * no longer pending when our byte can be seen, it looks once more. The
	 * fence is for the compiler: a thread must not be put aside between a
	 * look that came too early and the byte.
	 */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&s->output_event.is_pending, __ATOMIC_RELAXED))
		vmoon_loop_fire(&s->output_event);
	return true;
}

static bool wants_hold(const struct vmoon_stream *s)
{
	return __atomic_load_n(&s->outputs.is_holding, __ATOMIC_SEQ_CST) ||
	       (__atomic_load_n(&s->outputs.may_hold, __ATOMIC_RELAXED) &&
		vmoon_ring_used(&s->ring) >= VMOON_OUTPUT_HOLD_AT);
}

/*
 * A held device is owed a resume. The second look is for the worker that let go
 * between the first one and the note: it saw no note, so nothing is owed.
 */
static bool is_held(void *ctx)
{
	struct vmoon_stream *s = ctx;

	if (!wants_hold(s))
		return false;
	__atomic_store_n(&s->was_held, true, __ATOMIC_SEQ_CST);
	return wants_hold(s);
}

struct vmoon_sink vmoon_stream_sink(struct vmoon_stream *s)
{
	return (struct vmoon_sink){
		.put = put_output, .is_held = is_held, .ctx = s};
}

static bool is_crowded(const struct vmoon_stream *s)
{
	return vmoon_ring_used(&s->ring) >
	       VMOON_RING_BYTES - VMOON_STREAM_PIECE;
}

/*
 * The same of a device that can wait as long as it likes: it is held as well
 * while the ring cannot take a piece, and then the worker does not settle.
 */
static bool is_port_held(void *ctx)
{
	struct vmoon_stream *s = ctx;

	if (!wants_hold(s) && !is_crowded(s))
		return false;
	__atomic_store_n(&s->was_held, true, __ATOMIC_SEQ_CST);
	if (!wants_hold(s) && !is_crowded(s))
		return false;
	if (!__atomic_load_n(&s->outputs.is_holding, __ATOMIC_SEQ_CST))
		vmoon_loop_fire(&s->drain_event);
	return true;
}

struct vmoon_sink vmoon_stream_port_sink(struct vmoon_stream *s)
{
	return (struct vmoon_sink){
		.put = put_output, .is_held = is_port_held, .ctx = s};
}

/* ---- output: worker side ---- */

static void append_backlog(struct vmoon_stream *s, const unsigned char *buf,
			   size_t len)
{
	const size_t at = (size_t)(s->total % VMOON_STREAM_BACKLOG);
	const size_t first = min_size(len, VMOON_STREAM_BACKLOG - at);

	vmoon_lock_take(&s->lock);
	memcpy(s->backlog + at, buf, first);
	memcpy(s->backlog, buf + first, len - first);
	__atomic_store_n(&s->total, s->total + len, __ATOMIC_RELEASE);
	vmoon_lock_drop(&s->lock);
}

static void keep_line(struct vmoon_stream *s, const unsigned char *buf,
		      size_t len)
{
	for (size_t i = 0; i < len && s->line_len < sizeof(s->line) - 1; i++)
		if (buf[i] != '\r' && buf[i] != '\0')
			s->line[s->line_len++] = (char)buf[i];
}

/* Hands complete lines, cut to a bound, to whoever looks for a panic. */
static void scan_lines(struct vmoon_stream *s, const unsigned char *buf,
		       size_t len)
{
	while (len > 0) {
		const unsigned char *end = memchr(buf, '\n', len);
		const size_t n = end == NULL ? len : (size_t)(end - buf);

		keep_line(s, buf, n);
		if (end == NULL)
			return;
		s->line[s->line_len] = '\0';
		s->line_len = 0;
		if (s->on_line != NULL)
			s->on_line(s->ctx, s->line);
		buf += n + 1;
		len -= n + 1;
	}
}

/* Tells the device that it may go on, if it was ever told not to. */
static void resume_device(struct vmoon_stream *s)
{
	/* What made room came before: see is_held, and the ring's tail. */
	if (!__atomic_exchange_n(&s->was_held, false, __ATOMIC_SEQ_CST))
		return;
	if (__atomic_load_n(&s->outputs.is_holding, __ATOMIC_SEQ_CST))
		__atomic_store_n(&s->was_held, true, __ATOMIC_SEQ_CST);
	else if (s->device.resume != NULL)
		s->device.resume(s->device.ctx);
}

/* Looks at all outputs, and when to look again. */
static void pump_outputs(struct vmoon_stream *s)
{
	const struct vmoon_outputs_news news =
		vmoon_outputs_pump(&s->outputs, vmoon_mono_ns());

	vmoon_loop_set_timer(&s->output_timer, news.due_ns);
	if (news.has_data && s->on_data != NULL)
		s->on_data(s->ctx);
	if (news.has_events && s->on_limited != NULL)
		s->on_limited(s->ctx);
	resume_device(s);
}

static void outputs_due(void *ctx)
{
	pump_outputs(ctx);
}

/* What the ring had no room for since we last looked. */
static void count_lost(struct vmoon_stream *s, uint64_t now_ns)
{
	const uint64_t lost =
		__atomic_load_n(&s->put_dropped, __ATOMIC_RELAXED);

	vmoon_outputs_lose(&s->outputs, lost - s->told_dropped, now_ns);
	s->told_dropped = lost;
}

void vmoon_stream_drain(struct vmoon_stream *s)
{
	unsigned char chunk[DRAIN_CHUNK];
	const uint64_t now_ns = vmoon_mono_ns();
	uint32_t len;
	bool is_new = false;

	for (int i = 0; i < DRAIN_CHUNKS_MAX; i++) {
		len = vmoon_ring_get(&s->ring, chunk, sizeof(chunk));
		if (len == 0)
			break;
		append_backlog(s, chunk, len);
		scan_lines(s, chunk, len);
		vmoon_outputs_put(&s->outputs, chunk, len, now_ns);
		is_new = true;
	}
	count_lost(s, now_ns);
	pump_outputs(s);
	if (is_new && s->on_data != NULL)
		s->on_data(s->ctx);
}

static void drain_now(void *ctx)
{
	vmoon_stream_drain(ctx);
}

/*
 * While there is output, and once after the last of it: a writer may have seen
 * us pending when we no longer were, whoever moved the bytes before.
 */
static void look(struct vmoon_stream *s)
{
	const uint64_t before = s->total;

	vmoon_stream_drain(s);
	if (s->total == before && s->is_last_look)
		return;
	s->is_last_look = s->total == before;
	/* Stay marked pending, so that the vCPU does not wake us meanwhile. */
	if (!s->is_last_look)
		__atomic_store_n(&s->output_event.is_pending, true,
				 __ATOMIC_RELEASE);
	vmoon_loop_set_timer(&s->settle, vmoon_mono_ns() + SETTLE_NS);
}

static void output_ready(void *ctx)
{
	struct vmoon_stream *s = ctx;

	s->is_last_look = false;
	look(s);
}

static void output_settled(void *ctx)
{
	struct vmoon_stream *s = ctx;

	/* From here on a new byte wakes us; what came before is drained now. */
	(void)__atomic_exchange_n(&s->output_event.is_pending, false,
				  __ATOMIC_ACQ_REL);
	look(s);
}

void vmoon_stream_flush(struct vmoon_stream *s, uint64_t deadline_ns)
{
	const struct timespec moment = {.tv_nsec = FLUSH_STEP_NS};
	uint64_t now_ns;

	while (now_ns = vmoon_mono_ns(),
	       vmoon_outputs_flush(&s->outputs, now_ns) && now_ns < deadline_ns)
		(void)ppoll(NULL, 0, &moment, NULL);
}

uint64_t vmoon_stream_tell(struct vmoon_stream *s)
{
	return s == NULL ? 0 : __atomic_load_n(&s->total, __ATOMIC_ACQUIRE);
}

uint64_t vmoon_stream_total(struct vmoon_stream *s, uint64_t *out_dropped)
{
	const uint64_t dropped =
		s == NULL ? 0
			  : __atomic_load_n(&s->put_dropped, __ATOMIC_RELAXED);

	if (out_dropped != NULL)
		*out_dropped = dropped;
	return vmoon_stream_tell(s) + dropped;
}

size_t vmoon_stream_read(struct vmoon_stream *s, uint64_t *pos, void *buf,
			 size_t cap)
{
	unsigned char *to = buf;
	uint64_t oldest;
	size_t len;

	if (s == NULL || pos == NULL || (buf == NULL && cap > 0))
		return 0;
	vmoon_lock_take(&s->lock);
	oldest = s->total > VMOON_STREAM_BACKLOG
			 ? s->total - VMOON_STREAM_BACKLOG
			 : 0;
	if (*pos < oldest)
		*pos = oldest;
	len = *pos < s->total ? min_size((size_t)(s->total - *pos), cap) : 0;
	for (size_t i = 0; i < len; i++)
		to[i] = s->backlog[(*pos + i) % VMOON_STREAM_BACKLOG];
	*pos += len;
	vmoon_lock_drop(&s->lock);
	return len;
}

enum vmoon_status vmoon_stream_on_data(struct vmoon_stream *s,
				       vmoon_stream_fn fn, void *ctx,
				       struct vmoon_error *err)
{
	if (s == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no stream given");
	s->data_fn = fn;
	s->data_ctx = ctx;
	s->data_pos = vmoon_stream_tell(s);
	return VMOON_OK;
}

void vmoon_stream_tell_limited(struct vmoon_stream *s)
{
	vmoon_outputs_tell(&s->outputs, s, s->limited_fn, s->limited_ctx);
}

void vmoon_stream_deliver(struct vmoon_stream *s)
{
	/* Not what comes meanwhile: other events have their turn. */
	const uint64_t end = vmoon_stream_tell(s);
	unsigned char chunk[DELIVER_CHUNK];

	while (s->data_fn != NULL && s->data_pos < end) {
		size_t len = vmoon_stream_read(
			s, &s->data_pos, chunk,
			min_size((size_t)(end - s->data_pos), sizeof(chunk)));

		if (len == 0)
			break;
		s->data_fn(s->data_ctx, s, s->data_pos - len, chunk, len);
	}
	vmoon_outputs_deliver(&s->outputs, s);
}

/* ---- input ---- */

/*
 * Under the lock, when bytes have left the queue: whether a writer who had to
 * stop is to be told. Only once half of it is free, so that a guest that reads
 * one FIFO at a time does not wake the writer for each.
 */
static bool is_room_due(struct vmoon_stream *s)
{
	if (!s->is_writer_waiting || s->input_count > VMOON_STREAM_INPUT / 2)
		return false;
	s->is_writer_waiting = false;
	return true;
}

static void tell_room(struct vmoon_stream *s, bool is_due)
{
	if (is_due && s->on_room != NULL)
		s->on_room(s->ctx);
}

static void feed_input(void *ctx)
{
	struct vmoon_stream *s = ctx;
	bool is_due;
	unsigned char chunk[256];
	size_t room, len, taken;

	while ((room = s->device.room(s->device.ctx)) > 0) {
		vmoon_lock_take(&s->lock);
		len = min_size(min_size(room, sizeof(chunk)), s->input_count);
		for (size_t i = 0; i < len; i++)
			chunk[i] = s->input[(s->input_head + i) %
					    VMOON_STREAM_INPUT];
		vmoon_lock_drop(&s->lock);
		if (len == 0)
			return;
		taken = s->device.receive(s->device.ctx, chunk, len);
		vmoon_lock_take(&s->lock);
		taken = min_size(taken, s->input_count);
		s->input_head = (s->input_head + taken) % VMOON_STREAM_INPUT;
		s->input_count -= taken;
		is_due = is_room_due(s);
		vmoon_lock_drop(&s->lock);
		tell_room(s, is_due);
		if (taken < len)
			return;
	}
}

static void room_ready(void *ctx)
{
	struct vmoon_stream *s = ctx;

	vmoon_loop_fire(&s->input_event);
}

struct vmoon_room vmoon_stream_room(struct vmoon_stream *s)
{
	return (struct vmoon_room){room_ready, s};
}

enum vmoon_status vmoon_stream_write(struct vmoon_stream *s, const void *buf,
				     size_t len, size_t *out_accepted,
				     struct vmoon_error *err)
{
	const unsigned char *from = buf;
	size_t n;

	if (s == NULL || (buf == NULL && len > 0) || out_accepted == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "stream write: no stream or no buffer given");
	if (s->is_log)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "stream write: a log takes no input; write "
				  "to \"serial0\"");
	vmoon_lock_take(&s->lock);
	n = min_size(len, VMOON_STREAM_INPUT - s->input_count);
	for (size_t i = 0; i < n; i++)
		s->input[(s->input_head + s->input_count + i) %
			 VMOON_STREAM_INPUT] = from[i];
	s->input_count += n;
	s->is_writer_waiting |= n < len;
	vmoon_lock_drop(&s->lock);
	*out_accepted = n;
	if (n > 0) /* else the device is full as well, and will tell */
		vmoon_loop_fire(&s->input_event);
	return VMOON_OK;
}

void vmoon_stream_reset(struct vmoon_stream *s)
{
	bool is_due;

	vmoon_lock_take(&s->lock);
	s->input_head = s->input_count = 0;
	is_due = is_room_due(s);
	vmoon_lock_drop(&s->lock);
	tell_room(s, is_due);
	s->line_len = 0;
}

/* ---- life ---- */

enum { MAPPED = VMOON_STREAM_BACKLOG + VMOON_STREAM_INPUT + VMOON_RING_BYTES };

enum vmoon_status vmoon_stream_init(struct vmoon_stream *s,
				    struct vmoon_loop *loop,
				    struct vmoon_mem *mem,
				    struct vmoon_error *err)
{
	memset(s, 0, sizeof(*s));
	/* Mapped: pages that no output reaches cost nothing. */
	s->backlog = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->backlog == MAP_FAILED)
		return vmoon_fail(err, VMOON_E_NOMEM, errno, "console backlog");
	s->input = s->backlog + VMOON_STREAM_BACKLOG;
	s->ring.bytes = s->input + VMOON_STREAM_INPUT;
	vmoon_lock_init(&s->lock, VMOON_RANK_LEAF);
	vmoon_outputs_init(&s->outputs, mem);
	s->loop = loop;
	vmoon_loop_add_event(loop, &s->output_event, output_ready, s);
	vmoon_loop_add_event(loop, &s->drain_event, drain_now, s);
	vmoon_loop_add_event(loop, &s->input_event, feed_input, s);
	vmoon_loop_add_event(loop, &s->outputs_event, outputs_due, s);
	vmoon_loop_add_timer(loop, &s->output_timer, outputs_due, s);
	vmoon_loop_add_timer(loop, &s->settle, output_settled, s);
	return VMOON_OK;
}

void vmoon_stream_fini(struct vmoon_stream *s)
{
	vmoon_outputs_fini(&s->outputs);
	(void)munmap(s->backlog, MAPPED);
	vmoon_lock_fini(&s->lock);
}
