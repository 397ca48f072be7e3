/* SPDX-License-Identifier: MIT */
/* config_file.c - is there a file to read? Asked before a VM is made. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refuse(struct vmoon_config_report *r, const char *before,
		   const char *path, const char *after, const char *hint)
{
	vmoon_text_put(&r->message, "%s", before);
	vmoon_text_put_quoted(&r->message, path, strlen(path));
	vmoon_text_put(&r->message, "%s", after);
	vmoon_text_put(&r->hint, "%s", hint);
	return false;
}

static bool refuse_missing(struct vmoon_config_report *r, const char *path)
{
	char cwd[PATH_MAX];

	VMOON_IGNORE(refuse(r, "no such file ", path, "", ""));
	if (path[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL) {
		vmoon_text_put(&r->hint, "check the spelling; the file must be "
					 "on this machine");
		return false;
	}
	vmoon_text_put(&r->hint, "a relative path starts at ");
	vmoon_text_put_quoted(&r->hint, cwd, strlen(cwd));
	return false;
}

static const char *hint_for(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "make the file readable for this user, and its folders "
		       "searchable";
	case EMFILE:
	case ENFILE: return "close files, or raise the limit on open ones";
	case EIO: return "the host could not read it: look at its log";
	default: return "check the spelling";
	}
}

static bool refuse_errno(struct vmoon_config_report *r, const char *path,
			 int error)
{
	if (error == ENOENT)
		return refuse_missing(r, path);
	VMOON_IGNORE(refuse(r, "cannot open ", path, ": ", hint_for(error)));
	vmoon_text_put(&r->message, "%s", strerror(error));
	return false;
}

static bool judge(const struct stat *st, const char *path,
		  struct vmoon_config_report *r)
{
	if (S_ISDIR(st->st_mode))
		return refuse(r, "", path, " is a directory",
			      "name the file in it");
	if (!S_ISREG(st->st_mode))
		return refuse(r, "", path, " is not a regular file",
			      "copy what it yields to a file first");
	if (st->st_size == 0)
		return refuse(r, "", path, " is empty",
			      "whatever made or fetched it did not finish; "
			      "make it again");
	return true;
}

bool vmoon_config_fd_check(int fd, const char *text,
			   struct vmoon_config_report *report)
{
	const int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(fd, &st) != 0)
		return refuse_errno(report, text, errno);
	if ((flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY)
		return refuse(report, "", text, " cannot be read",
			      "open the file for reading");
	return judge(&st, text, report);
}

bool vmoon_config_file_check(const char *path,
			     struct vmoon_config_report *report)
{
	struct stat st;
	int fd;

	/* Only a regular file is opened: opening a device can have effects. */
	if (stat(path, &st) != 0)
		return refuse_errno(report, path, errno);
	if (!judge(&st, path, report))
		return false;
	/* Nonblocking: it may have become a fifo in between. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return refuse_errno(report, path, errno);
	(void)close(fd);
	return true;
}
