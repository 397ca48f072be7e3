/* SPDX-License-Identifier: MIT */
/* ldmaker_parts.h - one device of the key "devices", as the config has it. */
#ifndef VMOON_BINDINGS_LDMAKER_PARTS_H
#define VMOON_BINDINGS_LDMAKER_PARTS_H

#include "ldobj.h"
#include "vmoon/config.h"
#include "vmoon/vmoon.h"

/* A device file with what the config says of it. */
struct vmoon_ldwanted {
	struct vmoon_ldobj_options options;
	unsigned char *params; /* owned; those of options */
	size_t params_len;
	uint64_t at;
	unsigned irq;
};

/* The i-th of the config; out is written, and to be freed, on success. */
VMOON_STATUS vmoon_ldwanted_read(struct vmoon_runtime *rt,
				 const struct vmoon_config *cfg, size_t i,
				 struct vmoon_ldwanted *out,
				 struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 4);
void vmoon_ldwanted_fini(struct vmoon_ldwanted *w) VMOON_NONNULL(1);
/*
 * The object of it, when nothing contradicts the config. Mistakes of its file
 * are added to problems, a struct vmoon_ldproblems or NULL; a message about
 * what the config says begins with its path, "devices.1.at: ".
 */
VMOON_STATUS vmoon_ldwanted_create(const struct vmoon_ldwanted *w, size_t i,
				   void *problems, struct vmoon_ldobj **out_obj,
				   struct vmoon_error *err) VMOON_NONNULL(1, 4);

#endif
