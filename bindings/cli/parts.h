/* SPDX-License-Identifier: MIT */
/* parts.h - the texts that the command carries: makers of documents, and files
 * to begin with. */
#ifndef VMOON_BINDINGS_CLI_PARTS_H
#define VMOON_BINDINGS_CLI_PARTS_H

#include <stddef.h>

/* By the file's name without ".lua"; NULL when there is none. */
const char *vmoon_cli_part(const char *name, size_t *out_len);

#endif
