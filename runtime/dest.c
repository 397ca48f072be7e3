/* SPDX-License-Identifier: MIT */
/* dest.c - checks where an output is to end; descriptors, FIFOs, sockets. */
#include "dest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct channel {
	struct vmoon_dest dest;
	struct vmoon_mem *mem; /* borrowed */
	int fd;                /* owned */
	bool is_file;          /* a regular one: it never blocks for long */
};

static struct channel *channel_of(struct vmoon_dest *d)
{
	return VMOON_CONTAINER_OF(d, struct channel, dest);
}

/* ---- writing ---- */

/* A pipe or terminal that polls writable takes this much without blocking. */
enum { PIPE_CHUNK = 4096 };

/*
 * Never blocks: a descriptor that could not be opened anew for us may be a
 * blocking one, so it is asked first.
 */
static ssize_t channel_write(struct vmoon_dest *d, const void *buf, size_t len)
{
	const struct channel *c = channel_of(d);
	const struct timespec now = {0};
	struct pollfd p = {.fd = c->fd, .events = POLLOUT};
	ssize_t n;

	if (!c->is_file) {
		n = send(c->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0 || errno != ENOTSOCK)
			return n >= 0 ? n : -errno;
		if (ppoll(&p, 1, &now, NULL) <= 0)
			return -EAGAIN;
		len = len < PIPE_CHUNK ? len : PIPE_CHUNK;
	}
	n = write(c->fd, buf, len);
	return n >= 0 ? n : -errno;
}

static void channel_destroy(struct vmoon_dest *d)
{
	struct channel *c = channel_of(d);

	(void)close(c->fd);
	vmoon_mem_free(c->mem, c, sizeof(*c));
}

static const struct vmoon_dest_ops channel_ops = {channel_write,
						  channel_destroy};

static enum vmoon_status wrap(int take_fd, struct vmoon_mem *mem,
			      struct vmoon_dest **out_dest,
			      struct vmoon_error *err)
{
	struct channel *c = vmoon_mem_alloc(mem, sizeof(*c));
	struct stat st;

	if (c == NULL) {
		(void)close(take_fd);
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "output: out of memory");
	}
	c->dest.ops = &channel_ops;
	c->mem = mem;
	c->fd = take_fd;
	c->is_file = fstat(take_fd, &st) == 0 && S_ISREG(st.st_mode);
	*out_dest = &c->dest;
	return VMOON_OK;
}

/* ---- opening ---- */

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

static enum vmoon_status open_fd(const struct vmoon_output_options *opts,
				 struct vmoon_mem *mem,
				 struct vmoon_dest **out_dest,
				 struct vmoon_error *err)
{
	const int flags = fcntl(opts->fd, F_GETFL);
	int own;

	if (flags < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "output: descriptor %d", opts->fd);
	if ((flags & O_ACCMODE) == O_RDONLY)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "output: descriptor %d is open for reading "
				  "only; give one that can be written",
				  opts->fd);
	own = own_descriptor(opts->fd);
	if (own < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "output: descriptor %d", opts->fd);
	return wrap(own, mem, out_dest, err);
}

/*
 * Open for both ways, as Linux allows: then neither the open nor a reader who
 * leaves is an error, and what nobody reads stays in the pipe until it is full.
 */
static enum vmoon_status open_fifo(const struct vmoon_output_options *opts,
				   struct vmoon_mem *mem,
				   struct vmoon_dest **out_dest,
				   struct vmoon_error *err)
{
	struct stat st;
	int fd;

	if (lstat(opts->path, &st) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "output 'fifo:%s'",
				  opts->path);
	if (!S_ISFIFO(st.st_mode))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "output 'fifo:%s': that is no FIFO; make one "
				  "with mkfifo",
				  opts->path);
	fd = open(opts->path,
		  O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "output 'fifo:%s'",
				  opts->path);
	if (fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode)) {
		(void)close(fd); /* it was exchanged meanwhile */
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "output 'fifo:%s': that is no FIFO; make one "
				  "with mkfifo",
				  opts->path);
	}
	return wrap(fd, mem, out_dest, err);
}

static enum vmoon_status open_unix(const struct vmoon_output_options *opts,
				   struct vmoon_mem *mem,
				   struct vmoon_dest **out_dest,
				   struct vmoon_error *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(opts->path) >= sizeof(at.sun_path))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "output 'unix:%s': a socket's path has at "
				  "most %zu bytes",
				  opts->path, sizeof(at.sun_path) - 1);
	memcpy(at.sun_path, opts->path, strlen(opts->path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "output 'unix:%s'",
				  opts->path);
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0) {
		const int error = errno;

		(void)close(fd);
		return vmoon_fail(err, VMOON_E_SYS, error,
				  "output 'unix:%s': nobody can be reached "
				  "there",
				  opts->path);
	}
	return wrap(fd, mem, out_dest, err);
}

/* ---- what is the same for all ---- */

static enum vmoon_status refuse(struct vmoon_error *err, const char *what)
{
	return vmoon_fail(err, VMOON_E_CONFIG, 0, "output: %s", what);
}

static enum vmoon_status check_sizes(const struct vmoon_output_options *opts,
				     struct vmoon_error *err)
{
	const uint64_t size = opts->max_size;

	if (opts->kind == VMOON_OUTPUT_FILE) {
		if (size != 0 &&
		    (size < VMOON_DEST_FILE_MIN || size > VMOON_DEST_FILE_MAX))
			return refuse(err, "a file's max_size is 1 KiB to 1 "
					   "TiB");
		if (opts->generations > VMOON_DEST_GENERATIONS_MAX)
			return refuse(err, "generations is at most 99");
		return VMOON_OK;
	}
	if (opts->generations != 0 || opts->is_append)
		return refuse(err, "generations and append are for files");
	if (opts->kind != VMOON_OUTPUT_RING && size != 0)
		return refuse(err, "max_size is for files and rings");
	if (size != 0 &&
	    (size < VMOON_DEST_RING_MIN || size > VMOON_DEST_RING_MAX))
		return refuse(err, "a ring's max_size is 4 KiB to 64 MiB");
	return VMOON_OK;
}

static enum vmoon_status check(const struct vmoon_output_options *opts,
			       struct vmoon_error *err)
{
	const bool is_at_path = opts->kind == VMOON_OUTPUT_FILE ||
				opts->kind == VMOON_OUTPUT_FIFO ||
				opts->kind == VMOON_OUTPUT_UNIX;

	if ((unsigned)opts->kind > VMOON_OUTPUT_CALLBACK)
		return refuse(err, "there is no such kind");
	if (is_at_path && (opts->path == NULL || opts->path[0] == '\0'))
		return refuse(err, "no path given");
	return check_sizes(opts, err);
}

enum vmoon_status vmoon_dest_open(const struct vmoon_output_options *opts,
				  struct vmoon_mem *mem,
				  struct vmoon_dest **out_dest,
				  struct vmoon_error *err)
{
	if (check(opts, err) != VMOON_OK)
		return VMOON_E_CONFIG;
	switch (opts->kind) {
	case VMOON_OUTPUT_FILE:
		return vmoon_dest_open_file(opts, mem, out_dest, err);
	case VMOON_OUTPUT_FD: return open_fd(opts, mem, out_dest, err);
	case VMOON_OUTPUT_FIFO: return open_fifo(opts, mem, out_dest, err);
	case VMOON_OUTPUT_UNIX: return open_unix(opts, mem, out_dest, err);
	case VMOON_OUTPUT_NULL:
	case VMOON_OUTPUT_RING:
	case VMOON_OUTPUT_CALLBACK: break;
	}
	return vmoon_dest_open_memory(opts, mem, out_dest, err);
}
