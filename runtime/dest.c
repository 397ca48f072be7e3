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
	mode_t type;           /* S_IFREG never blocks for long */
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

	if (c->type == S_IFSOCK) {
		n = send(c->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		return n >= 0 ? n : -errno;
	}
	if (c->type != S_IFREG) {
		n = ppoll(&p, 1, &now, NULL);
		if (n <= 0)
			return n < 0 ? -errno : -EAGAIN;
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
						  channel_destroy, NULL};

static enum vmoon_status wrap(int take_fd, mode_t type, struct vmoon_mem *mem,
			      struct vmoon_dest **out_dest,
			      struct vmoon_error *err)
{
	struct channel *c = vmoon_mem_alloc(mem, sizeof(*c));

	if (c == NULL) {
		(void)close(take_fd);
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "output: out of memory");
	}
	c->dest.ops = &channel_ops;
	c->mem = mem;
	c->fd = take_fd;
	c->type = type & S_IFMT;
	*out_dest = &c->dest;
	return VMOON_OK;
}

/* ---- opening ---- */

/*
 * A descriptor of our own for fd. A terminal or pipe is opened anew, so that it
 * can be non-blocking (a stopped terminal must not stop the worker) without a
 * change to the open file that the embedder shares with others.
 */
static int own_descriptor(int fd, mode_t type)
{
	char path[32];
	int own = -1;

	if (S_ISCHR(type) || S_ISFIFO(type)) {
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
	struct stat st;
	int own;

	if (flags < 0 || fstat(opts->fd, &st) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "output: descriptor %d", opts->fd);
	if ((flags & O_ACCMODE) == O_RDONLY)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "output: descriptor %d is open for reading "
				  "only; give one that can be written",
				  opts->fd);
	own = own_descriptor(opts->fd, st.st_mode);
	if (own < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "output: descriptor %d", opts->fd);
	return wrap(own, st.st_mode, mem, out_dest, err);
}

static enum vmoon_status refuse_fifo(struct vmoon_error *err, const char *path,
				     const char *what)
{
	return vmoon_fail(err, VMOON_E_CONFIG, 0, "output 'fifo:%s': %s", path,
			  what);
}

static enum vmoon_status check_fifo(mode_t mode, const char *path,
				    struct vmoon_error *err)
{
	if (S_ISFIFO(mode))
		return VMOON_OK;
	if (S_ISLNK(mode))
		return refuse_fifo(err, path,
				   "that is a symbolic link, which is not "
				   "followed; name the FIFO itself");
	return refuse_fifo(err, path, "that is no FIFO; make one with mkfifo");
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
	int fd = -1;

	if (lstat(opts->path, &st) == 0) {
		if (check_fifo(st.st_mode, opts->path, err) != VMOON_OK)
			return VMOON_E_CONFIG;
		fd = open(opts->path, O_RDWR | O_NONBLOCK | O_NOFOLLOW |
					      O_NOCTTY | O_CLOEXEC);
	} else if (errno == ENOENT) {
		return refuse_fifo(err, opts->path,
				   "there is nothing; make a FIFO there with "
				   "mkfifo");
	}
	if (fd < 0 || fstat(fd, &st) != 0) {
		const int error = errno;

		if (fd >= 0)
			(void)close(fd);
		return vmoon_fail(err, VMOON_E_SYS, error, "output 'fifo:%s'",
				  opts->path);
	}
	if (check_fifo(st.st_mode, opts->path, err) != VMOON_OK) {
		(void)close(fd); /* it was exchanged meanwhile */
		return VMOON_E_CONFIG;
	}
	return wrap(fd, S_IFIFO, mem, out_dest, err);
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
	return wrap(fd, S_IFSOCK, mem, out_dest, err);
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

enum vmoon_status vmoon_dest_prepare(const struct vmoon_output_options *opts,
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

enum vmoon_status vmoon_dest_open(const struct vmoon_output_options *opts,
				  struct vmoon_mem *mem,
				  struct vmoon_dest **out_dest,
				  struct vmoon_error *err)
{
	struct vmoon_dest *dest;
	enum vmoon_status st = vmoon_dest_prepare(opts, mem, &dest, err);
	int error;

	if (st != VMOON_OK)
		return st;
	error = vmoon_dest_begin(dest);
	if (error == 0) {
		*out_dest = dest;
		return VMOON_OK;
	}
	vmoon_dest_destroy(dest);
	return vmoon_fail(err, VMOON_E_SYS, error, "output 'file:%s'",
			  opts->path); /* no other kind has a begin */
}
