/* SPDX-License-Identifier: MIT */
/* cmdline.h - the kernel's command line: build, take apart, check, copy. */
#ifndef VMOON_RUNTIME_BOOT_CMDLINE_H
#define VMOON_RUNTIME_BOOT_CMDLINE_H

#include "gmem.h"

/*
 * Two lists of words in one text, "for the kernel -- for init", always as it
 * will be read. A call that fails changes nothing; each kind of mistake has a
 * message of its own, all are E_CONFIG.
 */
struct vmoon_cmdline {
	char *text;  /* borrowed: cap bytes that outlive this */
	size_t cap;  /* with the final NUL */
	size_t len;  /* of all of it */
	size_t boot; /* of the kernel's part */
};

/* E_INVAL when cap has no room even for the NUL. */
VMOON_STATUS vmoon_cmdline_init(struct vmoon_cmdline *c, char *buf, size_t cap,
				struct vmoon_error *err) VMOON_NONNULL(1, 2);

/* Replaces all by text, split at the first " -- " outside of quotes. */
VMOON_STATUS vmoon_cmdline_parse(struct vmoon_cmdline *c, const char *text,
				 struct vmoon_error *err) VMOON_NONNULL(1, 2);

/*
 * Adds key=value for the kernel: printable ASCII, no space, "=" or quote in the
 * key; a value is free of quotes or all of it stands in one pair, and has
 * spaces only then.
 */
VMOON_STATUS vmoon_cmdline_insert(struct vmoon_cmdline *c, const char *key,
				  const char *value, struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3);

/* The same with count values, joined by commas; none is a mistake. */
VMOON_STATUS vmoon_cmdline_insert_list(struct vmoon_cmdline *c, const char *key,
				       const char *const *values, size_t count,
				       struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

/* Words as they are, for the kernel or for init; spaces around them go. */
VMOON_STATUS vmoon_cmdline_insert_text(struct vmoon_cmdline *c,
				       const char *text,
				       struct vmoon_error *err)
	VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_cmdline_insert_init(struct vmoon_cmdline *c,
				       const char *text,
				       struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

/* A device whose registers Linux cannot find in any table. */
struct vmoon_cmdline_mmio {
	uint64_t size, base;
	uint32_t irq;
	bool has_id; /* else Linux numbers it itself */
	uint32_t id;
};

/* virtio_mmio.device=SIZE[K|M|G]@0xBASE:IRQ[:ID]; E_CONFIG for size 0. */
VMOON_STATUS vmoon_cmdline_insert_mmio(struct vmoon_cmdline *c,
				       const struct vmoon_cmdline_mmio *dev,
				       struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

/*
 * The text, borrowed until the next change. NULL for words of init alone: the
 * kernel would take them for its own.
 */
const char *vmoon_cmdline_text(const struct vmoon_cmdline *c,
			       struct vmoon_error *err)
	VMOON_NONNULL(1) VMOON_MUST_USE;
bool vmoon_cmdline_equal(const struct vmoon_cmdline *a,
			 const struct vmoon_cmdline *b) VMOON_NONNULL(1, 2);

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
