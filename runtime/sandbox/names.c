/* SPDX-License-Identifier: MIT */
/* names.c - names of system calls; the one place where libseccomp allocates
 * for us.
 */
#include "sandbox/sandbox.h"

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>

void vmoon_sandbox_call_name(int call, char *out, size_t cap)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);

	(void)snprintf(out, cap, "%s", name == NULL ? "unknown" : name);
	free(name); /* the C library's, whatever the embedder's heap is */
}

void vmoon_sandbox_prime(void)
{
	char name[16];

	vmoon_sandbox_call_name(0, name, sizeof(name));
}
