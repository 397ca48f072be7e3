/* SPDX-License-Identifier: MIT */
/* image.c - bytes of a kernel or initrd, from a file or from memory. */
#include "boot/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum vmoon_status check_file(int fd, uint64_t *out_size,
				    struct vmoon_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "cannot be examined");
	if (!S_ISREG(st.st_mode))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "is %s; give a regular file",
				  S_ISDIR(st.st_mode) ? "a directory"
						      : "not a regular file");
	if (st.st_size == 0)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "is empty; give a complete file");
	if ((uint64_t)st.st_size > VMOON_IMAGE_MAX)
		return vmoon_fail(
			err, VMOON_E_IMAGE, 0,
			"has %llu MiB, more than the %llu MiB that "
			"are read; give a smaller file",
			(unsigned long long)st.st_size / VMOON_MIB,
			(unsigned long long)(VMOON_IMAGE_MAX / VMOON_MIB));
	*out_size = (uint64_t)st.st_size;
	return VMOON_OK;
}

static enum vmoon_status take_fd(struct vmoon_image *img, int fd,
				 struct vmoon_error *err)
{
	uint64_t size = 0;
	enum vmoon_status st = check_file(fd, &size, err);

	if (st != VMOON_OK) {
		(void)close(fd);
		return st;
	}
	*img = (struct vmoon_image){.size = size, .fd = fd};
	return VMOON_OK;
}

enum vmoon_status vmoon_image_open(struct vmoon_image *img, const char *path,
				   struct vmoon_error *err)
{
	/* A FIFO would block the open until somebody writes (L07). */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "cannot be opened, check the path and its "
				  "permissions");
	return take_fd(img, fd, err);
}

enum vmoon_status vmoon_image_open_fd(struct vmoon_image *img, int fd,
				      struct vmoon_error *err)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (own < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "cannot be duplicated");
	return take_fd(img, own, err);
}

struct vmoon_image vmoon_image_of_bytes(const void *bytes, uint64_t size)
{
	return (struct vmoon_image){.size = size, .bytes = bytes, .fd = -1};
}

struct vmoon_image vmoon_image_lend(const struct vmoon_image *img)
{
	struct vmoon_image lent = *img;

	lent.is_lent = true;
	return lent;
}

void vmoon_image_close(struct vmoon_image *img)
{
	/* size 0 is what a zeroed struct has and no opened file. */
	if (img->bytes == NULL && img->size != 0 && img->fd >= 0 &&
	    !img->is_lent)
		(void)close(img->fd);
	*img = (struct vmoon_image){.fd = -1};
}

enum vmoon_status vmoon_image_read(const struct vmoon_image *img, uint64_t off,
				   void *dst, uint64_t len,
				   struct vmoon_error *err)
{
	unsigned char *to = dst;

	if (!vmoon_range_ok(off, len, img->size))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "is truncated: it should have %llu bytes at "
				  "offset %llu; give a complete file",
				  (unsigned long long)len,
				  (unsigned long long)off);
	if (img->bytes != NULL) {
		memcpy(to, img->bytes + off, (size_t)len);
		return VMOON_OK;
	}
	while (len > 0) {
		ssize_t n = pread(img->fd, to, (size_t)len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vmoon_fail(err, VMOON_E_SYS, errno,
					  "cannot be read");
		if (n == 0)
			return vmoon_fail(err, VMOON_E_IMAGE, 0,
					  "became shorter while being read; "
					  "try again when it is complete");
		to += n;
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return VMOON_OK;
}

enum vmoon_status vmoon_image_load(const struct vmoon_image *img,
				   struct vmoon_image_range range,
				   const struct vmoon_gmem *gm, vmoon_gpa gpa,
				   struct vmoon_error *err)
{
	void *to = vmoon_gmem_borrow(gm, gpa, range.size);

	if (to == NULL)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "needs %llu bytes of RAM at 0x%llx; give the "
				  "VM more memory",
				  (unsigned long long)range.size,
				  (unsigned long long)gpa);
	return vmoon_image_read(img, range.offset, to, range.size, err);
}
