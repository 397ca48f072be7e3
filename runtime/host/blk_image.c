/* SPDX-License-Identifier: MIT */
/*
 * blk_image.c - opens a disk's file. Raw, whatever is in it: what a guest
 * writes into its first sector must not make it something else.
 */
#include "host/blk_image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SECTOR = 512, LOCK_TRIES = 10, LOCK_PAUSE_NS = 5000000 };

static const char *kind_of(mode_t mode)
{
	if (S_ISDIR(mode))
		return "a directory";
	if (S_ISFIFO(mode))
		return "a FIFO";
	if (S_ISSOCK(mode))
		return "a socket";
	return S_ISCHR(mode) ? "a character device" : "of an unknown kind";
}

static enum vmoon_status refuse_kind(const struct vmoon_blk_image *im,
				     mode_t mode, struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_CONFIG, 0,
			  "'%s' is %s; a disk is a regular file or a block "
			  "device",
			  im->path, kind_of(mode));
}

static enum vmoon_status refuse_errno(const struct vmoon_blk_file_options *opts,
				      const struct vmoon_blk_image *im,
				      int error, struct vmoon_error *err)
{
	if (error == ELOOP && !opts->may_follow_symlink)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "'%s' is a symbolic link; name the file "
				  "itself, or set symlink = true",
				  im->path);
	if ((error == EROFS || error == EACCES) && !opts->is_readonly)
		return vmoon_fail(err, VMOON_E_CONFIG, error,
				  "open '%s' (readonly = true needs no right "
				  "to write)",
				  im->path);
	return vmoon_fail(err, VMOON_E_CONFIG, error, "open '%s'", im->path);
}

/*
 * To open some devices is to use them: what is no disk is not opened. O_DIRECT
 * comes later: where there is none, a new file would stay behind.
 */
static enum vmoon_status open_path(const struct vmoon_blk_file_options *opts,
				   struct vmoon_blk_image *im,
				   struct vmoon_error *err)
{
	const int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
			  (opts->may_follow_symlink ? 0 : O_NOFOLLOW) |
			  (opts->is_readonly ? O_RDONLY : O_RDWR);
	struct stat st;

	if (stat(im->path, &st) == 0 && !S_ISREG(st.st_mode) &&
	    !S_ISBLK(st.st_mode))
		return refuse_kind(im, st.st_mode, err);
	if (opts->create_bytes > 0) {
		im->fd = open(im->path, flags | O_CREAT | O_EXCL, 0600);
		im->is_new = im->fd >= 0;
		if (im->fd < 0 && errno != EEXIST)
			return vmoon_fail(err, VMOON_E_CONFIG, errno,
					  "cannot make '%s'", im->path);
	}
	if (im->fd < 0)
		im->fd = open(im->path, flags, 0);
	return im->fd < 0 ? refuse_errno(opts, im, errno, err) : VMOON_OK;
}

static enum vmoon_status fail_to_look(const struct vmoon_blk_image *im,
				      struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_SYS, errno, "cannot look at '%s'",
			  im->path);
}

/* One that somebody else has opened: with what we would have asked for. */
static enum vmoon_status check_fd(const struct vmoon_blk_file_options *opts,
				  struct vmoon_blk_image *im,
				  struct vmoon_error *err)
{
	const int flags = fcntl(im->fd, F_GETFL);
	const int mode = flags & O_ACCMODE;

	if (flags < 0)
		return fail_to_look(im, err);
	if ((flags & O_PATH) != 0 || mode == O_WRONLY ||
	    (mode == O_RDONLY && !opts->is_readonly))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "'%s' is not open for %s", im->path,
				  opts->is_readonly ? "reading"
						    : "reading and writing");
	if (!opts->is_readonly && (flags & O_APPEND) != 0)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "'%s' is open with O_APPEND: every write "
				  "would go to its end",
				  im->path);
	im->is_direct |= (flags & O_DIRECT) != 0;
	return VMOON_OK;
}

/* ---- what it is ---- */

static enum vmoon_status check_size(const struct vmoon_blk_file_options *opts,
				    struct vmoon_blk_image *im,
				    struct vmoon_error *err)
{
	const unsigned long long size = im->size_bytes;

	if (opts->create_bytes > 0 && im->size_bytes != opts->create_bytes)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "'%s' is there already and has %llu bytes, "
				  "not %llu; give that size, or another path",
				  im->path, size,
				  (unsigned long long)opts->create_bytes);
	if (size == 0)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "'%s' is empty; make it longer: truncate -s "
				  "64M '%s'",
				  im->path, im->path);
	if (size % SECTOR != 0)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "'%s' has %llu bytes, which is no multiple "
				  "of 512; make it longer: truncate -s %%512 "
				  "'%s'",
				  im->path, size, im->path);
	return VMOON_OK;
}

static enum vmoon_status look_at_kind(struct vmoon_blk_image *im,
				      struct vmoon_error *err)
{
	struct stat st;

	if (fstat(im->fd, &st) != 0)
		return fail_to_look(im, err);
	im->is_regular = S_ISREG(st.st_mode);
	if (!im->is_regular && !S_ISBLK(st.st_mode))
		return refuse_kind(im, st.st_mode, err);
	return VMOON_OK;
}

/* Under the lock: before it, somebody else may still change it. */
static enum vmoon_status look_at_size(const struct vmoon_blk_file_options *opts,
				      struct vmoon_blk_image *im,
				      struct vmoon_error *err)
{
	struct stat st;

	if (im->is_new && ftruncate(im->fd, (off_t)opts->create_bytes) != 0)
		return vmoon_fail(err, VMOON_E_CONFIG, errno,
				  "cannot make '%s' %llu bytes long", im->path,
				  (unsigned long long)opts->create_bytes);
	if (fstat(im->fd, &st) != 0)
		return fail_to_look(im, err);
	if (im->is_regular)
		im->size_bytes = (uint64_t)st.st_size;
	else if (ioctl(im->fd, BLKGETSIZE64, &im->size_bytes) != 0)
		return fail_to_look(im, err);
	return check_size(opts, im, err);
}

/* ---- whose it is ---- */

/* What can be known: the kernel keeps no name of an open file's lock. */
static enum vmoon_status refuse_locked(const struct vmoon_blk_image *im,
				       short type, struct vmoon_error *err)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET};
	const bool is_known = fcntl(im->fd, F_OFD_GETLK, &fl) == 0;
	char who[32] = "another VM or program";

	if (is_known && fl.l_type != F_UNLCK && fl.l_pid > 0)
		(void)snprintf(who, sizeof(who), "process %ld", (long)fl.l_pid);
	if (is_known && fl.l_type == F_RDLCK)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "'%s' is in use by %s, which reads it; set "
				  "readonly = true to share it",
				  im->path, who);
	return vmoon_fail(err, VMOON_E_CONFIG, 0,
			  "'%s' is in use by %s, which may write to it; "
			  "several may share it only if all have "
			  "readonly = true",
			  im->path, who);
}

/*
 * Of the open file, not of the process: it ends with the last descriptor. The
 * kernel takes a ring apart a moment after its process was killed, and the ring
 * has the file: hence the patience, which is less than anybody notices.
 */
static int set_lock(int fd, short type)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET};

	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES)
			return errno;
		(void)nanosleep(&pause, NULL);
	}
	return EAGAIN;
}

static enum vmoon_status lock_file(const struct vmoon_blk_file_options *opts,
				   const struct vmoon_blk_image *im,
				   struct vmoon_error *err)
{
	const short type = opts->is_readonly ? F_RDLCK : F_WRLCK;
	const int rc = set_lock(im->fd, type);

	if (rc == 0)
		return VMOON_OK;
	if (rc == EAGAIN)
		return refuse_locked(im, type, err);
	return vmoon_fail(err, VMOON_E_SYS, rc, "cannot lock '%s'", im->path);
}

void vmoon_blk_image_close(int fd)
{
	struct flock fl = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	(void)fcntl(fd, F_OFD_SETLK, &fl);
	(void)close(fd);
}

/* ---- how it can be read ---- */

/* Sectors have 512 bytes: a disk that only takes 4096 at once is refused. */
static enum vmoon_status try_direct(struct vmoon_blk_image *im,
				    struct vmoon_error *err)
{
	const off_t at = im->size_bytes > SECTOR ? SECTOR : 0;
	_Alignas(4096) unsigned char buf[2 * SECTOR];
	ssize_t n;

	if (fcntl(im->fd, F_SETFL, fcntl(im->fd, F_GETFL) | O_DIRECT) != 0)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "'%s': its file system cannot do without "
				  "the page cache; use cache = \"writeback\"",
				  im->path);
	/* Guest memory is aligned to sectors only, too. */
	n = pread(im->fd, buf + SECTOR, SECTOR, at);
	if (n >= 0)
		return VMOON_OK;
	if (errno != EINVAL)
		return vmoon_fail(err, VMOON_E_SYS, errno, "read '%s'",
				  im->path);
	return vmoon_fail(err, VMOON_E_CONFIG, 0,
			  "'%s' is on a disk with sectors of more than 512 "
			  "bytes; use cache = \"writeback\"",
			  im->path);
}

/* Where a read never says that it would wait, io_uring waits for it. */
static bool can_nowait(const struct vmoon_blk_image *im)
{
	_Alignas(512) unsigned char sector[SECTOR];
	const struct iovec iov = {sector, sizeof(sector)};

	return preadv2(im->fd, &iov, 1, 0, RWF_NOWAIT) >= 0 || errno == EAGAIN;
}

/* Behind the end there is nothing to lose. Devices are asked each time. */
static bool can_discard(const struct vmoon_blk_image *im)
{
	return !im->is_regular ||
	       fallocate(im->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)im->size_bytes, SECTOR) == 0;
}

enum vmoon_status vmoon_blk_image_open(
	const struct vmoon_blk_file_options *opts, struct vmoon_blk_image *out,
	struct vmoon_error *err)
{
	struct vmoon_blk_image im = {
		.path = opts->path != NULL ? opts->path : "(descriptor)",
		.fd = opts->fd,
		.is_direct = opts->cache == VMOON_DISK_DIRECT};
	enum vmoon_status st = VMOON_OK;

	if (im.fd < 0)
		st = open_path(opts, &im, err);
	else
		st = check_fd(opts, &im, err);
	if (st == VMOON_OK)
		st = look_at_kind(&im, err);
	if (st == VMOON_OK)
		st = lock_file(opts, &im, err);
	if (st == VMOON_OK)
		st = look_at_size(opts, &im, err);
	if (st == VMOON_OK && im.is_direct)
		st = try_direct(&im, err);
	if (st != VMOON_OK) {
		vmoon_blk_image_discard(&im);
		return st;
	}
	im.has_nowait = im.is_direct || can_nowait(&im);
	im.can_discard = !opts->is_readonly && can_discard(&im);
	*out = im;
	return VMOON_OK;
}

void vmoon_blk_image_discard(struct vmoon_blk_image *im)
{
	if (im->is_new)
		(void)unlink(im->path);
	if (im->fd >= 0)
		(void)close(im->fd);
}
