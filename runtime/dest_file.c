/* SPDX-License-Identifier: MIT */
/*
 * dest_file.c - a file with a bound, and the older files it becomes.
 *
 * All names are looked up in the directory that was open from the beginning,
 * and none is followed if it is a symbolic link. A worker's sandbox lets it
 * create files there, never open one that exists.
 */
#include "dest.h"

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The last line of a file that is full, and where it is lost. */
enum { FULL_LINE_MAX = 80, NAME_BYTES = 256 };
#define NEW_FLAGS (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)

struct file {
	struct vmoon_dest dest;
	struct vmoon_mem *mem; /* borrowed */
	int dir_fd, fd;        /* owned */
	int next_fd;           /* owned: for after a rotation that failed */
	char base[NAME_BYTES];
	uint64_t max_size, size;
	unsigned generations;
	bool is_line_begun; /* the last byte was no line's end */
	bool is_full;       /* and says so */
};

/* "base.7", or "base" for 0. */
struct name {
	char text[NAME_BYTES + 16];
};

static struct file *file_of(struct vmoon_dest *d)
{
	return VMOON_CONTAINER_OF(d, struct file, dest);
}

static struct name name_of(const struct file *f, unsigned generation)
{
	struct name n;

	if (generation == 0)
		(void)snprintf(n.text, sizeof(n.text), "%s", f->base);
	else
		(void)snprintf(n.text, sizeof(n.text), "%s.%u", f->base,
			       generation);
	return n;
}

/* Where the next file is made, so that a failure has changed nothing. */
static struct name new_name(const struct file *f)
{
	struct name n;

	(void)snprintf(n.text, sizeof(n.text), "%s.new", f->base);
	return n;
}

static int move(const struct file *f, struct name from, struct name to)
{
	return renameat(f->dir_fd, from.text, f->dir_fd, to.text);
}

/* The next file, made before anything else changes; kept if that fails. */
static int open_next(struct file *f)
{
	if (f->next_fd < 0) {
		f->next_fd =
			openat(f->dir_fd, new_name(f).text, NEW_FLAGS, 0644);
		if (f->next_fd >= 0)
			VMOON_IGNORE(flock(f->next_fd, LOCK_EX | LOCK_NB) != 0);
	}
	return f->next_fd < 0 ? errno : 0;
}

/* 0 or an errno; then nothing is written, and it can be tried again. */
static int rotate(struct file *f)
{
	const int error = open_next(f);

	if (error != 0)
		return error;
	for (unsigned i = f->generations; i > 0; i--)
		if (move(f, name_of(f, i - 1), name_of(f, i)) != 0 &&
		    errno != ENOENT)
			return errno;
	if (move(f, new_name(f), name_of(f, 0)) != 0)
		return errno;
	(void)close(f->fd);
	f->fd = f->next_fd;
	f->next_fd = -1;
	f->size = 0;
	f->is_line_begun = false;
	return 0;
}

static ssize_t append(struct file *f, const void *buf, size_t len)
{
	const ssize_t n = write(f->fd, buf, len);

	if (n <= 0)
		return n < 0 ? -errno : -EAGAIN;
	f->size += (uint64_t)n;
	f->is_line_begun = ((const char *)buf)[n - 1] != '\n';
	return n;
}

static void write_full_line(struct file *f)
{
	char line[FULL_LINE_MAX], size[24];
	struct vmoon_text text;
	int len;

	vmoon_text_init(&text, size, sizeof(size));
	vmoon_text_put_size(&text, f->max_size);
	len = snprintf(line, sizeof(line),
		       "%s[vmoon: file full at %s, the rest is dropped]\n",
		       f->is_line_begun ? "\n" : "", size);
	if (f->size + (uint64_t)len <= f->max_size)
		VMOON_IGNORE(append(f, line, (size_t)len) < 0);
	f->is_full = true;
}

/* Bytes that guests may still fill. */
static uint64_t room_in(const struct file *f)
{
	const uint64_t end =
		f->generations > 0 ? f->max_size : f->max_size - FULL_LINE_MAX;

	return f->size < end ? end - f->size : 0;
}

/*
 * How many of len bytes go into this file: all that fit, but no more than whole
 * lines where the rest goes into the next file.
 */
static size_t share_of(const struct file *f, const char *buf, size_t len)
{
	const uint64_t room = room_in(f);
	const char *end;

	if (len <= room)
		return len;
	end = room == 0 ? NULL : memrchr(buf, '\n', (size_t)room);
	if (end != NULL)
		return (size_t)(end - buf) + 1;
	return f->is_line_begun || f->size == 0 ? (size_t)room : 0;
}

static ssize_t file_write(struct vmoon_dest *d, const void *buf, size_t len)
{
	struct file *f = file_of(d);
	size_t n = share_of(f, buf, len);
	int error;

	if (n == 0 && f->generations == 0) {
		if (!f->is_full)
			write_full_line(f);
		return -EFBIG;
	}
	if (n == 0) {
		error = rotate(f);
		if (error != 0)
			return -error;
		n = share_of(f, buf, len);
	}
	return append(f, buf, n);
}

static void file_destroy(struct vmoon_dest *d)
{
	struct file *f = file_of(d);

	if (f->fd >= 0)
		(void)close(f->fd);
	if (f->next_fd >= 0)
		(void)close(f->next_fd);
	if (f->dir_fd >= 0)
		(void)close(f->dir_fd);
	vmoon_mem_free(f->mem, f, sizeof(*f));
}

static const struct vmoon_dest_ops file_ops = {file_write, file_destroy};

/* ---- opening ---- */

static enum vmoon_status refuse(struct vmoon_error *err, const char *path,
				const char *what)
{
	return vmoon_fail(err, VMOON_E_CONFIG, 0, "output 'file:%s': %s", path,
			  what);
}

static enum vmoon_status refused_by_host(struct vmoon_error *err,
					 const char *path)
{
	return vmoon_fail(err, VMOON_E_SYS, errno, "output 'file:%s'", path);
}

/* Its directory, and its name there. */
static enum vmoon_status open_dir(struct file *f, const char *path,
				  struct vmoon_error *err)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash == NULL ? path : slash + 1;
	char dir[4096] = ".";

	if (base[0] == '\0' || strcmp(base, ".") == 0 ||
	    strcmp(base, "..") == 0)
		return refuse(err, path,
			      "that is a directory; name a file in it");
	if (strlen(base) + sizeof(".new") > sizeof(f->base) ||
	    strlen(path) >= sizeof(dir))
		return refuse(err, path, "the name is too long");
	(void)snprintf(f->base, sizeof(f->base), "%s", base);
	if (slash != NULL)
		(void)snprintf(dir, sizeof(dir), "%.*s",
			       slash == path ? 1 : (int)(slash - path), path);
	f->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return f->dir_fd < 0 ? refused_by_host(err, path) : VMOON_OK;
}

static enum vmoon_status check_type(mode_t mode, const char *path,
				    struct vmoon_error *err)
{
	if (S_ISREG(mode))
		return VMOON_OK;
	if (S_ISLNK(mode))
		return refuse(err, path,
			      "that is a symbolic link, which is not followed; "
			      "name the file itself");
	if (S_ISDIR(mode))
		return refuse(err, path,
			      "that is a directory; name a file in it");
	if (S_ISFIFO(mode))
		return refuse(err, path,
			      "that is a FIFO; write \"fifo:\" "
			      "before its path instead");
	return refuse(err, path, "that is a device or a socket, not a file");
}

/* What is there is looked at first: to open a device may do something. */
static enum vmoon_status open_file(struct file *f, const char *path,
				   struct vmoon_error *err)
{
	struct stat st;

	if (fstatat(f->dir_fd, f->base, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (check_type(st.st_mode, path, err) != VMOON_OK)
			return VMOON_E_CONFIG;
	} else if (errno != ENOENT) {
		return refused_by_host(err, path);
	}
	f->fd = openat(f->dir_fd, f->base,
		       O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
			       O_CLOEXEC,
		       0644);
	if (f->fd < 0 || fstat(f->fd, &st) != 0)
		return refused_by_host(err, path);
	if (check_type(st.st_mode, path, err) != VMOON_OK)
		return VMOON_E_CONFIG; /* it was exchanged meanwhile */
	if (flock(f->fd, LOCK_EX | LOCK_NB) != 0)
		return refuse(err, path,
			      "another output writes to it already; give each "
			      "a file of its own");
	return VMOON_OK;
}

static enum vmoon_status find_end(struct file *f, bool is_append,
				  const char *path, struct vmoon_error *err)
{
	off_t end = 0;

	if (!is_append && ftruncate(f->fd, 0) != 0)
		return refused_by_host(err, path);
	if (is_append)
		end = lseek(f->fd, 0, SEEK_END);
	if (end < 0)
		return refused_by_host(err, path);
	f->size = (uint64_t)end;
	f->is_line_begun = end > 0; /* not looked at: at worst an empty line */
	/* What a rotation left behind that was cut short. */
	if (f->generations > 0)
		VMOON_IGNORE(unlinkat(f->dir_fd, new_name(f).text, 0) != 0);
	return VMOON_OK;
}

enum vmoon_status vmoon_dest_open_file(const struct vmoon_output_options *opts,
				       struct vmoon_mem *mem,
				       struct vmoon_dest **out_dest,
				       struct vmoon_error *err)
{
	struct file *f = vmoon_mem_alloc(mem, sizeof(*f));
	enum vmoon_status st;

	if (f == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "output: out of memory");
	f->dest.ops = &file_ops;
	f->mem = mem;
	f->dir_fd = f->fd = f->next_fd = -1;
	f->max_size = opts->max_size != 0 ? opts->max_size : VMOON_DEST_FILE;
	f->generations = opts->generations;
	st = open_dir(f, opts->path, err);
	if (st == VMOON_OK)
		st = open_file(f, opts->path, err);
	if (st == VMOON_OK)
		st = find_end(f, opts->is_append, opts->path, err);
	if (st != VMOON_OK) {
		file_destroy(&f->dest);
		return st;
	}
	*out_dest = &f->dest;
	return VMOON_OK;
}
