/* SPDX-License-Identifier: MIT */
/* lsandbox.h - the config state: finds the specs of a script, starts nothing.
 */
#ifndef VMOON_BINDINGS_LSANDBOX_H
#define VMOON_BINDINGS_LSANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "vmoon/mem.h"

enum vmoon_lsandbox_result {
	VMOON_LSANDBOX_OK,     /* it ended, or came to the first use of a VM */
	VMOON_LSANDBOX_BAD,    /* at least one spec has mistakes */
	VMOON_LSANDBOX_SCRIPT, /* the script itself failed */
	VMOON_LSANDBOX_DEVICE  /* it is a device file, for ldfile.h */
};

struct vmoon_lsandbox;

/* On that heap (NULL: the C library's); NULL when it is out of memory. */
struct vmoon_lsandbox *vmoon_lsandbox_create(struct vmoon_mem *mem);
void vmoon_lsandbox_destroy(struct vmoon_lsandbox *self);

/*
 * Runs the script at path with 64 MiB and one second of processor time, and
 * without files, processes or bytecode. Every spec that it hands to vmoon.new,
 * vmoon.boot or vmoon.check, or returns, is checked. Call it once.
 */
enum vmoon_lsandbox_result vmoon_lsandbox_run(struct vmoon_lsandbox *self,
					      const char *path);

/* Specs that are correct, as JSON; borrowed, NULL past the end. */
const char *vmoon_lsandbox_spec(struct vmoon_lsandbox *self, size_t i);
/* What is wrong: spec by spec, then the script; borrowed, NULL past the end. */
const char *vmoon_lsandbox_problem(struct vmoon_lsandbox *self, size_t i);

#endif
