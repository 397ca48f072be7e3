/* SPDX-License-Identifier: MIT */
/*
 * dest_file.c - a file with a bound, and the older files it becomes.
 *
 * All names are looked up in the directory that was open from the beginning,
 * and none is followed if it is a symbolic link. A worker's sandbox lets it
 * create files, never open one that exists.
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

/* Kept for the last line of a file that is full; what a name has at most. */
enum { FULL_LINE_MAX = 80, NAME_BYTES = 256 };
/* A longer line is treated as several, as it is everywhere. */
enum { LINE_MAX = VMOON_OUTPUT_LINE_MAX };
/* O_APPEND: whoever cuts the file meanwhile gets no hole in it. */
#define FILE_FLAGS (O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC)
/* The worker's sandbox compares these two: runtime/sandbox/rules.c. */
#define NEW_FLAGS (FILE_FLAGS | O_EXCL)
enum { NEW_MODE = 0644 };

struct file {
	struct vmoon_dest dest;
	struct vmoon_mem *mem; /* borrowed */
	int dir_fd, fd;        /* owned */
	char base[NAME_BYTES];
	uint64_t max_size, size;
	unsigned generations;
	bool is_line_begun; /* the last byte was no line's end */

	bool is_new, is_append, has_begun; /* is_new: we created it */

	bool is_rotating; /* begun, and not over: a step failed */
	unsigned step; /* the generation that is to be filled next; 0: base */

	bool is_full; /* and says so, by the line that follows */
	char full_line[FULL_LINE_MAX];
	size_t full_len, full_at;
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

/* ---- the next file ---- */

static int move(const struct file *f, unsigned from, unsigned to)
{
	return renameat(f->dir_fd, name_of(f, from).text, f->dir_fd,
			name_of(f, to).text);
}

/* What takes base's place; minus an errno. */
static int create_next(const struct file *f)
{
	const int fd = openat(f->dir_fd, f->base, NEW_FLAGS, NEW_MODE);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		(void)close(fd); /* another output was faster */
		return -EEXIST;
	}
	return fd;
}

/*
 * 0 or an errno. After that it goes on at the step that failed: to begin anew
 * would move some files twice and so lose the oldest. Unless a stranger took
 * base's place: that one is moved like our own.
 */
static int rotate(struct file *f)
{
	int fd;

	if (!f->is_rotating)
		f->step = f->generations;
	f->is_rotating = true;
	for (; f->step > 0; f->step--)
		if (move(f, f->step - 1, f->step) != 0 && errno != ENOENT)
			return errno;
	fd = create_next(f);
	f->is_rotating = fd < 0 && fd != -EEXIST;
	if (fd < 0)
		return -fd;
	(void)close(f->fd);
	f->fd = fd;
	f->size = 0;
	return 0;
}

/* ---- writing ---- */

static ssize_t append(struct file *f, const void *buf, size_t len)
{
	const ssize_t n = write(f->fd, buf, len);

	if (n <= 0)
		return n < 0 ? -errno : -EAGAIN;
	f->size += (uint64_t)n;
	f->is_line_begun = ((const char *)buf)[n - 1] != '\n';
	return n;
}

static void become_full(struct file *f)
{
	char size[24];
	struct vmoon_text text;
	int len;

	vmoon_text_init(&text, size, sizeof(size));
	vmoon_text_put_size(&text, f->max_size);
	len = snprintf(f->full_line, sizeof(f->full_line),
		       "%s[vmoon: file full at %s, the rest is dropped]\n",
		       f->is_line_begun ? "\n" : "", size);
	f->is_full = true;
	/* One that was too long before we came has no room for it. */
	if (f->size + (uint64_t)len <= f->max_size)
		f->full_len = (size_t)len;
}

/* Minus an errno, -EFBIG when all has been said. */
static ssize_t write_full_line(struct file *f)
{
	while (f->full_at < f->full_len) {
		const ssize_t n = append(f, f->full_line + f->full_at,
					 f->full_len - f->full_at);

		if (n < 0)
			return n;
		f->full_at += (size_t)n;
	}
	return -EFBIG;
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
	if (f->size > 0 && !f->is_line_begun && room <= LINE_MAX)
		return 0;
	return (size_t)room;
}

static ssize_t file_write(struct vmoon_dest *d, const void *buf, size_t len)
{
	struct file *f = file_of(d);
	size_t n = share_of(f, buf, len);
	int error;

	if (n == 0 && f->generations == 0 && !f->is_full)
		become_full(f);
	if (f->is_full)
		return write_full_line(f);
	if (n == 0) {
		error = rotate(f);
		if (error != 0)
			return -error;
		n = share_of(f, buf, len);
	}
	return append(f, buf, n);
}

static int file_begin(struct vmoon_dest *d)
{
	struct file *f = file_of(d);

	if (!f->is_append) {
		if (ftruncate(f->fd, 0) != 0)
			return errno;
		f->size = 0;
	}
	f->is_line_begun = f->size > 0; /* not looked at: at worst one more */
	f->has_begun = true;
	return 0;
}

static void file_destroy(struct vmoon_dest *d)
{
	struct file *f = file_of(d);

	/* Before its lock goes: nobody else has it for an output. */
	if (f->is_new && !f->has_begun)
		(void)unlinkat(f->dir_fd, f->base, 0);
	if (f->fd >= 0)
		(void)close(f->fd);
	if (f->dir_fd >= 0)
		(void)close(f->dir_fd);
	vmoon_mem_free(f->mem, f, sizeof(*f));
}

static const struct vmoon_dest_ops file_ops = {file_write, file_destroy,
					       file_begin};

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
	/* With the longest number behind, it is a name as well. */
	if (strlen(base) + sizeof(".99") > sizeof(f->base) ||
	    strlen(path) >= sizeof(dir))
		return refuse(err, path, "the name is too long");
	(void)snprintf(f->base, sizeof(f->base), "%s", base);
	if (slash != NULL)
		(void)snprintf(dir, sizeof(dir), "%.*s",
			       slash == path ? 1 : (int)(slash - path), path);
	f->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return f->dir_fd < 0
		       ? vmoon_fail(err, VMOON_E_SYS, errno,
				    "output 'file:%s': its directory", path)
		       : VMOON_OK;
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
	if (S_ISSOCK(mode))
		return refuse(err, path,
			      "that is a socket; write \"unix:\" "
			      "before its path instead");
	return refuse(err, path,
		      "that is a device, not a file; open it and give its "
		      "descriptor instead");
}

/* Its own, by one name only: a write changes what nobody else names. */
static enum vmoon_status check_open(struct file *f, const char *path,
				    struct vmoon_error *err)
{
	struct stat st, named;

	if (fstat(f->fd, &st) != 0)
		return refused_by_host(err, path);
	if (check_type(st.st_mode, path, err) != VMOON_OK)
		return VMOON_E_CONFIG; /* it was exchanged meanwhile */
	if (st.st_nlink > 1)
		return refuse(err, path,
			      "that file has other names (hard links), which a "
			      "write would change too; name one of its own");
	if (flock(f->fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK
			       ? refuse(err, path,
					"another output writes to it already; "
					"give each a file of its own")
			       : refused_by_host(err, path);
	/* Another output that is gone now may have moved it. */
	if (fstatat(f->dir_fd, f->base, &named, AT_SYMLINK_NOFOLLOW) != 0 ||
	    named.st_ino != st.st_ino || named.st_dev != st.st_dev)
		return refuse(err, path,
			      "another file took its place meanwhile; try "
			      "again");
	f->size = (uint64_t)st.st_size;
	return VMOON_OK;
}

/* An empty one where there is none; false where that cannot be. */
static bool open_base(struct file *f, bool is_there, bool *out_new)
{
	const int more = O_NONBLOCK | O_NOCTTY;

	if (!is_there)
		f->fd = openat(f->dir_fd, f->base, NEW_FLAGS | more, NEW_MODE);
	*out_new = f->fd >= 0;
	if (is_there || (f->fd < 0 && errno == EEXIST))
		f->fd = openat(f->dir_fd, f->base, FILE_FLAGS | more, NEW_MODE);
	return f->fd >= 0;
}

/* What is there is looked at first: to open a device may do something. */
static enum vmoon_status open_file(struct file *f, const char *path,
				   struct vmoon_error *err)
{
	bool is_there = true, is_new;
	enum vmoon_status status;
	struct stat st;

	if (fstatat(f->dir_fd, f->base, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (check_type(st.st_mode, path, err) != VMOON_OK)
			return VMOON_E_CONFIG;
	} else if (errno == ENOENT) {
		is_there = false;
	} else {
		return refused_by_host(err, path);
	}
	if (!open_base(f, is_there, &is_new))
		return refused_by_host(err, path);
	status = check_open(f, path, err);
	f->is_new = is_new && status == VMOON_OK; /* ours: it is locked */
	return status;
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
	f->dir_fd = f->fd = -1;
	f->max_size = opts->max_size != 0 ? opts->max_size : VMOON_DEST_FILE;
	f->generations = opts->generations;
	f->is_append = opts->is_append;
	st = open_dir(f, opts->path, err);
	if (st == VMOON_OK)
		st = open_file(f, opts->path, err);
	if (st != VMOON_OK) {
		file_destroy(&f->dest);
		return st;
	}
	*out_dest = &f->dest;
	return VMOON_OK;
}
