/* SPDX-License-Identifier: MIT */
/* new.c - `vmoon new`: files to begin with. */
#include "cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/parts.h"
#include "cli/report.h"
#include "vmoon/base.h"

enum { NAME_BYTES = 32, PATH_BYTES = NAME_BYTES + 16 };

/* Letters that stand as they are in a file name, in Lua and in ACPI. */
static bool is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	const size_t len = strlen(name);

	return len > 0 && len <= NAME_BYTES &&
	       strchr(letters, name[0]) != NULL && strspn(name, others) == len;
}

/* The text with NAME replaced; false when it could not be written. */
static bool write_text(FILE *out, const char *text, size_t len,
		       const char *name)
{
	static const char mark[] = "NAME";
	const char *end = text + len, *next;

	for (; (next = strstr(text, mark)) != NULL; text = next + 4) {
		fwrite(text, 1, (size_t)(next - text), out);
		fputs(name, out);
	}
	fwrite(text, 1, (size_t)(end - text), out);
	return fflush(out) == 0 && !ferror(out);
}

/* A file that is not there yet; says why not. */
static bool write_file(const char *path, const char *part, const char *name)
{
	size_t len;
	const char *text = vmoon_cli_part(part, &len);
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			    (mode_t)0666);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	bool is_written;

	if (out == NULL) {
		vmoon_cli_complainf("%s: %s", path,
				    errno == EEXIST ? "there is such a file; "
						      "take another name"
						    : strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	is_written = text != NULL && write_text(out, text, len, name);
	if (fclose(out) == 0 && is_written)
		return true;
	vmoon_cli_complainf("%s: it could not be written", path);
	unlink(path);
	return false;
}

int vmoon_cli_new(const struct vmoon_cli_opts *opts)
{
	const char *name = opts->files[1];
	char device[PATH_BYTES], spec[PATH_BYTES];

	if (strcmp(opts->files[0], "device") != 0) {
		vmoon_cli_complainf("vmoon new makes a device, no \"%.40s\": "
				    "vmoon new device NAME",
				    opts->files[0]);
		return VMOON_CLI_USAGE;
	}
	if (!is_name(name)) {
		vmoon_cli_complainf("\"%.40s\" is no name for a device: it has "
				    "up to %d small letters, digits and "
				    "underscores, and begins with a letter",
				    name, NAME_BYTES);
		return VMOON_CLI_USAGE;
	}
	if (strcmp(name, "vmoon") == 0) {
		vmoon_cli_complain("no device can be called \"vmoon\": scripts "
				   "in this folder would find its vmoon.lua "
				   "where they require \"vmoon\"; take another "
				   "name");
		return VMOON_CLI_USAGE;
	}
	snprintf(device, sizeof(device), "%s.lua", name);
	snprintf(spec, sizeof(spec), "%s_spec.lua", name);
	if (!write_file(device, "new_device", name))
		return VMOON_CLI_SCRIPT;
	if (!write_file(spec, "new_device_spec", name)) {
		unlink(device);
		return VMOON_CLI_SCRIPT;
	}
	printf("%s: the device\n%s: its tests, on a bench without a guest\n"
	       "Next: lua5.4 /usr/bin/busted %s\n",
	       device, spec, spec);
	return 0;
}
