/* SPDX-License-Identifier: MIT */
/*
 * config_disk.c - can this file be a disk? Asked before a VM is made, so that
 * every mistake is told at once; what changes until the file is opened is seen
 * there (host/blk_file.c).
 */
#include "config_devices.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512 };

static bool refuse(struct vmoon_config_report *r, const char *path,
		   const char *after, const char *hint)
{
	vmoon_text_put_quoted(&r->message, path, strlen(path));
	vmoon_text_put(&r->message, "%s", after);
	vmoon_text_put(&r->hint, "%s", hint);
	return false;
}

/* Of the item that a rule looks at, or of an earlier one. */
struct image {
	const struct vmoon_config_value *values;
	struct stat st;
	int error;       /* errno of looking at it; 0: st is filled */
	bool is_symlink; /* and may not be */
};

static struct image look(const struct vmoon_config_value *values)
{
	const struct vmoon_config_value *path = &values[VMOON_DISK_PATH];
	struct image it = {.values = values};
	struct stat link;

	if (path->fd != 0) {
		it.error = fstat(path->fd, &it.st) == 0 ? 0 : errno;
		return it;
	}
	it.is_symlink = values[VMOON_DISK_SYMLINK].number == 0 &&
			lstat(path->text, &link) == 0 && S_ISLNK(link.st_mode);
	it.error = stat(path->text, &it.st) == 0 ? 0 : errno;
	return it;
}

static bool is_to_be_made(const struct image *it)
{
	return it->error == ENOENT && !it->is_symlink &&
	       it->values[VMOON_DISK_CREATE].number != 0;
}

struct folder {
	char path[PATH_MAX];
};

/* "." and "/" have no name before their slash. */
static struct folder folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct folder out = {"."};
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	if (slash == path)
		len = 1;
	if (len == 0 || len >= sizeof(out.path))
		return out;
	memcpy(out.path, path, len);
	out.path[len] = '\0';
	return out;
}

/* ---- the kind of file ---- */

static bool refuse_missing(struct vmoon_config_report *r, const char *path)
{
	char cwd[PATH_MAX];

	vmoon_text_put(&r->message, "no such file ");
	VMOON_IGNORE(refuse(r, path, "",
			    "to make a sparse one, add create = true, size = "
			    "\"64M\""));
	if (path[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL)
		return false;
	vmoon_text_put(&r->hint, "; a relative path starts at ");
	vmoon_text_put_quoted(&r->hint, cwd, strlen(cwd));
	return false;
}

static bool refuse_errno(struct vmoon_config_report *r, const char *path,
			 int error)
{
	vmoon_text_put(&r->message, "cannot open ");
	VMOON_IGNORE(refuse(r, path, ": ",
			    error == EACCES
				    ? "make the file readable for this user, "
				      "and its folders searchable"
				    : "check the spelling"));
	vmoon_text_put(&r->message, "%s", strerror(error));
	return false;
}

static bool has_folder(const char *path, struct vmoon_config_report *r)
{
	const struct folder folder = folder_of(path);
	struct stat st;

	if (stat(folder.path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		vmoon_text_put(&r->message, "no such folder ");
		return refuse(r, folder.path, "",
			      "make it first: only the file itself is made");
	}
	if (access(folder.path, W_OK | X_OK) == 0)
		return true;
	vmoon_text_put(&r->message, "cannot make a file in ");
	VMOON_IGNORE(refuse(r, folder.path, ": ",
			    "make the folder writable for this user, or name "
			    "another"));
	vmoon_text_put(&r->message, "%s", strerror(errno));
	return false;
}

static bool is_file_or_device(const struct image *it, const char *path,
			      struct vmoon_config_report *r)
{
	static const char hint[] = "a disk is a regular file or a block "
				   "device; copy what it yields to a file "
				   "first";

	if (S_ISREG(it->st.st_mode) || S_ISBLK(it->st.st_mode))
		return true;
	if (S_ISDIR(it->st.st_mode))
		return refuse(r, path, " is a directory",
			      "name the image in it");
	if (S_ISFIFO(it->st.st_mode))
		return refuse(r, path, " is a FIFO", hint);
	if (S_ISSOCK(it->st.st_mode))
		return refuse(r, path, " is a socket", hint);
	return refuse(r, path, " is a character device", hint);
}

/* ---- what may be done with it ---- */

static bool refuse_access(struct vmoon_config_report *r, const char *path,
			  int error, bool is_write)
{
	if (!is_write)
		return refuse_errno(r, path, error);
	VMOON_IGNORE(refuse(r, path, " cannot be written: ",
			    "make the file writable for this user, or add "
			    "readonly = true"));
	vmoon_text_put(&r->message, "%s", strerror(error));
	return false;
}

static bool fd_is_open_for(int fd, bool is_write, const char *path,
			   struct vmoon_config_report *r)
{
	const int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return refuse_errno(r, path, errno);
	if ((flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY)
		return refuse(r, path, " cannot be read",
			      "open the file for reading");
	if (is_write && (flags & O_ACCMODE) != O_RDWR)
		return refuse(r, path, " cannot be written",
			      "open the file for reading and writing, or add "
			      "readonly = true");
	return true;
}

/* Opening a device can have effects, so its permissions have to do. */
static bool path_opens_for(const struct image *it, bool is_write,
			   const char *path, struct vmoon_config_report *r)
{
	const int mode = is_write ? O_RDWR : O_RDONLY;
	int fd;

	if (S_ISBLK(it->st.st_mode)) {
		if (access(path, R_OK) != 0)
			return refuse_access(r, path, errno, false);
		return !is_write || access(path, W_OK) == 0 ||
		       refuse_access(r, path, errno, true);
	}
	/* Nonblocking: it may have become a FIFO in between. */
	fd = open(path, mode | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0) {
		(void)close(fd);
		return true;
	}
	if (is_write && access(path, R_OK) != 0)
		return refuse_access(r, path, errno, false);
	return refuse_access(r, path, errno, is_write);
}

static bool has_sectors(const struct image *it, const char *path,
			struct vmoon_config_report *r)
{
	const uint64_t size = (uint64_t)it->st.st_size; /* never negative */

	if (!S_ISREG(it->st.st_mode) || (size > 0 && size % SECTOR == 0))
		return true;
	vmoon_text_put_quoted(&r->message, path, strlen(path));
	if (size == 0)
		vmoon_text_put(&r->message, " is empty");
	else
		vmoon_text_put(&r->message,
			       " has %llu bytes, which is no multiple of %d",
			       (unsigned long long)size, SECTOR);
	vmoon_text_put(&r->hint, "truncate -s ");
	if (size == 0)
		vmoon_text_put(&r->hint, "64M ");
	else
		vmoon_text_put(&r->hint, "%llu ",
			       (unsigned long long)(size / SECTOR + 1) *
				       SECTOR);
	vmoon_text_put_plain(&r->hint, path, strlen(path));
	vmoon_text_put(&r->hint, size == 0 ? " makes a disk of it"
					   : " fills the last sector with "
					     "zeroes");
	return false;
}

static bool refuse_link(struct vmoon_config_report *r, const char *path)
{
	return refuse(r, path, " is a symbolic link",
		      "name the file that it leads to, or add symlink = true");
}

bool vmoon_config_disk_is_usable(const struct vmoon_config_scope *scope,
				 struct vmoon_config_report *r)
{
	const struct vmoon_config_value *v = scope->values;
	const bool is_write = v[VMOON_DISK_READONLY].number == 0;
	const char *path = v[VMOON_DISK_PATH].text;
	const int fd = v[VMOON_DISK_PATH].fd;
	struct image it;

	if (!v[VMOON_DISK_PATH].is_set)
		return true;
	it = look(v);
	if (it.is_symlink)
		return refuse_link(r, path);
	if (is_to_be_made(&it))
		return has_folder(path, r);
	/* The rule of size says what is missing then. */
	if (it.error == ENOENT && v[VMOON_DISK_SIZE].is_set)
		return true;
	if (it.error != 0)
		return it.error == ENOENT ? refuse_missing(r, path)
					  : refuse_errno(r, path, it.error);
	return is_file_or_device(&it, path, r) &&
	       (fd != 0 ? fd_is_open_for(fd, is_write, path, r)
			: path_opens_for(&it, is_write, path, r)) &&
	       has_sectors(&it, path, r);
}

bool vmoon_config_disk_has_size(const struct vmoon_config_scope *scope,
				struct vmoon_config_report *r)
{
	const struct vmoon_config_value *v = scope->values;
	const char *path = v[VMOON_DISK_PATH].text;
	struct image it;
	uint64_t size;

	if (!v[VMOON_DISK_PATH].is_set || !v[VMOON_DISK_SIZE].is_set ||
	    v[VMOON_DISK_CREATE].number == 0)
		return true;
	it = look(v);
	size = it.error == 0 ? (uint64_t)it.st.st_size : 0;
	/* What is no disk at all is told of its path. */
	if (it.error != 0 || it.is_symlink || !S_ISREG(it.st.st_mode) ||
	    size == 0 || size % SECTOR != 0 ||
	    size == v[VMOON_DISK_SIZE].number)
		return true;
	vmoon_text_put_quoted(&r->message, path, strlen(path));
	vmoon_text_put(&r->message, " is there, and has ");
	vmoon_text_put_size(&r->message, size);
	vmoon_text_put(&r->message, ", not ");
	vmoon_text_put_size(&r->message, v[VMOON_DISK_SIZE].number);
	vmoon_text_put(&r->hint, "leave out create and size to take it as it "
				 "is, or remove it first");
	return false;
}

/* ---- two disks, one file ---- */

/* What is to be made is known by its folder and its name there. */
struct identity {
	dev_t device;
	ino_t inode;
	const char *name; /* "" for what is there */
	bool is_known;
};

static struct identity identify(const struct vmoon_config_value *values)
{
	struct image it = look(values);
	struct identity id = {.name = ""};
	const char *path = values[VMOON_DISK_PATH].text, *slash;
	struct folder folder;

	if (is_to_be_made(&it)) {
		folder = folder_of(path);
		slash = strrchr(path, '/');
		it.error = stat(folder.path, &it.st) == 0 ? 0 : errno;
		id.name = slash == NULL ? path : slash + 1;
	}
	if (it.error != 0)
		return id;
	id.is_known = true;
	id.device = it.st.st_dev;
	id.inode = it.st.st_ino;
	/* Two nodes of one device are one disk. */
	if (S_ISBLK(it.st.st_mode)) {
		id.device = it.st.st_rdev;
		id.inode = 0;
	}
	return id;
}

static bool is_same(const struct identity *a, const struct identity *b)
{
	return a->is_known && b->is_known && a->device == b->device &&
	       a->inode == b->inode && strcmp(a->name, b->name) == 0;
}

bool vmoon_config_disk_is_alone(const struct vmoon_config_scope *scope,
				struct vmoon_config_report *r)
{
	const struct vmoon_config_value *v = scope->values;
	struct identity mine, other;

	if (!v[VMOON_DISK_PATH].is_set)
		return true;
	mine = identify(v);
	for (size_t i = 0; i < scope->index; i++) {
		const struct vmoon_config_value *o =
			&scope->list->fields[i * VMOON_DISK_COUNT];

		if (!o[VMOON_DISK_PATH].is_set || o[VMOON_DISK_PATH].is_bad)
			continue;
		other = identify(o);
		if (!is_same(&mine, &other) ||
		    (v[VMOON_DISK_READONLY].number != 0 &&
		     o[VMOON_DISK_READONLY].number != 0))
			continue;
		vmoon_text_put(&r->message, "disks.%zu is the same file",
			       i + 1);
		vmoon_text_put(&r->hint, "give each disk a file of its own, or "
					 "add readonly = true to both");
		return false;
	}
	return true;
}
