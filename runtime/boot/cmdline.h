/* SPDX-License-Identifier: MIT */
/* cmdline.h - the kernel's command line: check and copy. */
#ifndef VMOON_RUNTIME_BOOT_CMDLINE_H
#define VMOON_RUNTIME_BOOT_CMDLINE_H

#include "gmem.h"

/*
 * Printable ASCII only, and at most max bytes without the NUL; E_CONFIG.
 * A kernel would cut a longer one off without a word.
 */
VMOON_STATUS vmoon_cmdline_check(const char *text, uint64_t max,
				 struct vmoon_error *err) VMOON_NONNULL(1);
/* Copies it with its NUL; E_CONFIG when there is no RAM for it. */
VMOON_STATUS vmoon_cmdline_write(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				 const char *text, struct vmoon_error *err)
	VMOON_NONNULL(1, 3);

#endif
