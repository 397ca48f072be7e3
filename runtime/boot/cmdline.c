/* SPDX-License-Identifier: MIT */
/* cmdline.c - the kernel's command line: check and copy. */
#include "boot/cmdline.h"

#include <string.h>

enum vmoon_status vmoon_cmdline_check(const char *text, uint64_t max,
				      struct vmoon_error *err)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c > 0x7e)
			return vmoon_fail(err, VMOON_E_CONFIG, 0,
					  "cmdline: byte %zu is 0x%02x; use "
					  "printable ASCII only",
					  i + 1, c);
	}
	if (len > max)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "cmdline: %zu bytes, but the kernel takes "
				  "%llu; shorten it",
				  len, (unsigned long long)max);
	return VMOON_OK;
}

enum vmoon_status vmoon_cmdline_write(const struct vmoon_gmem *gm,
				      vmoon_gpa gpa, const char *text,
				      struct vmoon_error *err)
{
	size_t size = strlen(text) + 1;

	if (vmoon_gmem_write(gm, gpa, text, size) == VMOON_OK)
		return VMOON_OK;
	return vmoon_fail(err, VMOON_E_CONFIG, 0,
			  "cmdline: no RAM for its %zu bytes at 0x%llx", size,
			  (unsigned long long)gpa);
}
