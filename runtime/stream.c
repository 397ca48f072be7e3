/* SPDX-License-Identifier: MIT */
/* stream.c - moves console bytes between the guest and the host. */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/*
 * After output the worker looks again this much later instead of being woken
 * for each byte: a guest that prints costs at most 500 wake-ups a second.
 */
#define SETTLE_NS UINT64_C(2000000)
/* A pipe that polls writable takes this much without blocking. */
enum { COPY_CHUNK = 4096, DRAIN_CHUNK = 4096 };
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
		__atomic_fetch_add(&s->put_dropped, len, __ATOMIC_RELAXED);
		return false;
	}
	vmoon_loop_fire(&s->output_event);
	return true;
}

struct vmoon_sink vmoon_stream_sink(struct vmoon_stream *s)
{
	return (struct vmoon_sink){put_output, s};
}

/* ---- output: worker side ---- */

static void append_backlog(struct vmoon_stream *s, const unsigned char *buf,
			   size_t len)
{
	vmoon_lock_take(&s->lock);
	for (size_t i = 0; i < len; i++)
		s->backlog[(s->total + i) % VMOON_STREAM_BACKLOG] = buf[i];
	__atomic_store_n(&s->total, s->total + len, __ATOMIC_RELEASE);
	vmoon_lock_drop(&s->lock);
}

/* Hands complete lines, cut to a bound, to whoever looks for a panic. */
static void scan_lines(struct vmoon_stream *s, const unsigned char *buf,
		       size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (buf[i] == '\n') {
			s->line[s->line_len] = '\0';
			s->line_len = 0;
			if (s->on_line != NULL)
				s->on_line(s->ctx, s->line);
		} else if (buf[i] != '\r' && buf[i] != '\0' &&
			   s->line_len < sizeof(s->line) - 1) {
			s->line[s->line_len++] = (char)buf[i];
		}
	}
}

static void end_copy(struct vmoon_stream *s)
{
	if (!s->is_copying)
		return;
	if (s->is_copy_polled)
		vmoon_loop_remove_fd(s->loop, &s->copy);
	(void)close(s->copy.fd);
	s->is_copying = s->is_copy_polled = false;
}

/* Never blocks: a write happens only when poll promises room for it. */
static ssize_t write_some(int fd, const void *buf, size_t len)
{
	const struct timespec now = {0};
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	ssize_t n;

	n = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0 || errno != ENOTSOCK)
		return n;
	if (ppoll(&p, 1, &now, NULL) <= 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(fd, buf, len);
}

static void copy_out(struct vmoon_stream *s)
{
	unsigned char chunk[COPY_CHUNK];

	while (s->is_copying) {
		uint64_t pos = s->copy_pos;
		size_t len = vmoon_stream_read(s, &pos, chunk, sizeof(chunk));
		ssize_t n;

		if (len == 0)
			break;
		n = write_some(s->copy.fd, chunk, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (s->is_copy_polled)
				vmoon_loop_change_fd(s->loop, &s->copy,
						     EPOLLOUT);
			return;
		}
		if (n <= 0) {
			end_copy(s); /* EPIPE and the like: the reader left */
			return;
		}
		s->copy_pos = pos - len + (size_t)n;
	}
	if (s->is_copying && s->is_copy_polled)
		vmoon_loop_change_fd(s->loop, &s->copy, 0);
}

static bool copy_ready(void *ctx, uint32_t events)
{
	struct vmoon_stream *s = ctx;
	uint64_t before = s->copy_pos;

	if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLOUT) == 0)
		end_copy(s);
	copy_out(s);
	return !s->is_copying || s->copy_pos != before ||
	       s->copy_pos == s->total;
}

static void change_copy(void *ctx)
{
	struct vmoon_stream *s = ctx;
	uint64_t from;
	int fd;

	vmoon_lock_take(&s->lock);
	fd = s->copy_request;
	from = s->copy_from;
	s->copy_request = -1;
	if (!s->is_copy_changed) {
		vmoon_lock_drop(&s->lock);
		return;
	}
	__atomic_store_n(&s->is_copy_changed, false, __ATOMIC_RELAXED);
	vmoon_lock_drop(&s->lock);
	copy_out(s);
	end_copy(s);
	if (fd < 0)
		return;
	s->copy.fd = fd;
	s->is_copying = true;
	s->copy_pos = from;
	/* Plain files cannot be polled and need not be. */
	s->is_copy_polled =
		vmoon_loop_add_fd(s->loop, &s->copy, 0, NULL) == VMOON_OK;
	copy_out(s);
}

void vmoon_stream_drain(struct vmoon_stream *s)
{
	unsigned char chunk[DRAIN_CHUNK];
	uint32_t len;
	bool is_new = false;

	/* A copy asked for before an end is there to see the end. */
	if (__atomic_load_n(&s->is_copy_changed, __ATOMIC_RELAXED))
		change_copy(s);
	for (int i = 0; i < DRAIN_CHUNKS_MAX; i++) {
		len = vmoon_ring_get(&s->ring, chunk, sizeof(chunk));
		if (len == 0)
			break;
		append_backlog(s, chunk, len);
		scan_lines(s, chunk, len);
		is_new = true;
		copy_out(s);
	}
	if (is_new && s->on_data != NULL)
		s->on_data(s->ctx);
}

static void output_ready(void *ctx)
{
	struct vmoon_stream *s = ctx;
	uint64_t before = s->total;

	vmoon_stream_drain(s);
	if (s->total == before)
		return;
	/* Stay marked pending, so that the vCPU does not wake us meanwhile. */
	__atomic_store_n(&s->output_event.is_pending, true, __ATOMIC_RELEASE);
	vmoon_loop_set_timer(&s->settle, vmoon_mono_ns() + SETTLE_NS);
}

static void output_settled(void *ctx)
{
	struct vmoon_stream *s = ctx;

	/* From here on a new byte wakes us; what came before is drained now. */
	(void)__atomic_exchange_n(&s->output_event.is_pending, false,
				  __ATOMIC_ACQ_REL);
	output_ready(s);
}

void vmoon_stream_flush(struct vmoon_stream *s, uint64_t deadline_ns)
{
	for (;;) {
		struct pollfd p = {.fd = s->copy.fd, .events = POLLOUT};
		uint64_t now = vmoon_mono_ns();
		struct timespec left;

		copy_out(s);
		if (!s->is_copying || s->copy_pos >= s->total ||
		    now >= deadline_ns)
			return;
		left.tv_sec = (time_t)((deadline_ns - now) / 1000000000);
		left.tv_nsec = (long)((deadline_ns - now) % 1000000000);
		(void)ppoll(&p, 1, &left, NULL);
	}
}

/*
 * A descriptor of our own for fd. A terminal or pipe is opened anew, so that it
 * can be non-blocking (a stopped terminal must not stop the worker) without a
 * change to the open file that the embedder shares with others.
 */
static int own_descriptor(int fd)
{
	char path[32];
	struct stat st;
	int own = -1;

	if (fstat(fd, &st) == 0 &&
	    (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	}
	return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

enum vmoon_status vmoon_stream_copy_to(struct vmoon_stream *s, int fd,
				       struct vmoon_error *err)
{
	int own = -1;

	if (s == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no stream given");
	if (fd >= 0) {
		own = own_descriptor(fd);
		if (own < 0)
			return vmoon_fail(err, VMOON_E_SYS, errno,
					  "console copy: descriptor %d", fd);
	}
	vmoon_lock_take(&s->lock);
	if (s->copy_request >= 0)
		(void)close(s->copy_request);
	s->copy_request = own;
	s->copy_from = s->total;
	__atomic_store_n(&s->is_copy_changed, true, __ATOMIC_RELAXED);
	vmoon_lock_drop(&s->lock);
	vmoon_loop_fire(&s->copy_event);
	return VMOON_OK;
}

uint64_t vmoon_stream_tell(struct vmoon_stream *s)
{
	return s == NULL ? 0 : __atomic_load_n(&s->total, __ATOMIC_ACQUIRE);
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

void vmoon_stream_deliver(struct vmoon_stream *s)
{
	/* Not what comes meanwhile: other events have their turn. */
	const uint64_t end = vmoon_stream_tell(s);
	unsigned char chunk[COPY_CHUNK];

	while (s->data_fn != NULL && s->data_pos < end) {
		size_t len = vmoon_stream_read(
			s, &s->data_pos, chunk,
			min_size((size_t)(end - s->data_pos), sizeof(chunk)));

		if (len == 0)
			return;
		s->data_fn(s->data_ctx, s, s->data_pos - len, chunk, len);
	}
}

/* ---- input ---- */

static void feed_input(void *ctx)
{
	struct vmoon_stream *s = ctx;
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
		vmoon_lock_drop(&s->lock);
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
	vmoon_lock_take(&s->lock);
	n = min_size(len, VMOON_STREAM_INPUT - s->input_count);
	for (size_t i = 0; i < n; i++)
		s->input[(s->input_head + s->input_count + i) %
			 VMOON_STREAM_INPUT] = from[i];
	s->input_count += n;
	vmoon_lock_drop(&s->lock);
	*out_accepted = n;
	vmoon_loop_fire(&s->input_event);
	return VMOON_OK;
}

void vmoon_stream_reset(struct vmoon_stream *s)
{
	vmoon_lock_take(&s->lock);
	s->input_head = s->input_count = 0;
	vmoon_lock_drop(&s->lock);
	s->line_len = 0;
}

/* ---- life ---- */

enum vmoon_status vmoon_stream_init(struct vmoon_stream *s,
				    struct vmoon_loop *loop,
				    struct vmoon_error *err)
{
	size_t size = VMOON_STREAM_BACKLOG + VMOON_STREAM_INPUT;

	memset(s, 0, sizeof(*s));
	s->copy_request = -1;
	s->copy = (struct vmoon_loop_fd){copy_ready, s, -1, 0};
	/* Mapped: pages that no output reaches cost nothing. */
	s->backlog = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->backlog == MAP_FAILED)
		return vmoon_fail(err, VMOON_E_NOMEM, errno, "console backlog");
	s->input = s->backlog + VMOON_STREAM_BACKLOG;
	vmoon_lock_init(&s->lock, VMOON_RANK_LEAF);
	s->loop = loop;
	vmoon_loop_add_event(loop, &s->output_event, output_ready, s);
	vmoon_loop_add_event(loop, &s->input_event, feed_input, s);
	vmoon_loop_add_event(loop, &s->copy_event, change_copy, s);
	vmoon_loop_add_timer(loop, &s->settle, output_settled, s);
	return VMOON_OK;
}

void vmoon_stream_fini(struct vmoon_stream *s)
{
	end_copy(s);
	if (s->copy_request >= 0)
		(void)close(s->copy_request);
	(void)munmap(s->backlog, VMOON_STREAM_BACKLOG + VMOON_STREAM_INPUT);
	vmoon_lock_fini(&s->lock);
}
