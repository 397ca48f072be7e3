/* SPDX-License-Identifier: MIT */
/* lconsole.h - the terminal as the console of a VM. */
#ifndef VMOON_BINDINGS_LCONSOLE_H
#define VMOON_BINDINGS_LCONSOLE_H

#include "vmoon/vmoon.h"

enum vmoon_lconsole_end {
	VMOON_LCONSOLE_LEFT,   /* Ctrl-A x */
	VMOON_LCONSOLE_ENDED,  /* the VM ended; everything it wrote is shown */
	VMOON_LCONSOLE_CLOSED, /* standard output takes no more */
	VMOON_LCONSOLE_SIGNAL, /* a signal that the program handles itself */
	VMOON_LCONSOLE_PAUSED  /* the VM is, by a device; see has_trouble */
};

struct vmoon_lconsole {
	struct vmoon_runtime *rt;    /* borrowed */
	struct vmoon_vm *vm;         /* borrowed */
	struct vmoon_stream *stream; /* borrowed from vm */
	uint64_t pos;                /* in: from here on; out: shown up to */
	const bool *has_trouble;     /* that of a device; NULL: never */
	enum vmoon_lconsole_end end; /* out */
};

/*
 * Connects standard input and output with the stream until one of the ends
 * above. A terminal is in raw mode meanwhile and as before afterwards, also
 * when a signal ends the process (SIGKILL excepted). Without a terminal bytes
 * pass unchanged and the end of input changes nothing. The calling thread must
 * be the runtime's; other threads of the process should block signals, as
 * those of the library do.
 */
VMOON_STATUS vmoon_lconsole_attach(struct vmoon_lconsole *self,
				   struct vmoon_error *err);

const char *vmoon_lconsole_end_name(enum vmoon_lconsole_end end);

/*
 * The escape key: Ctrl-A x leaves, Ctrl-A a is one Ctrl-A for the guest, any
 * other key after Ctrl-A is dropped with it. Filters len bytes in place,
 * stores how many remain, and returns true when the user wants to leave.
 */
bool vmoon_lconsole_filter(bool *has_escape, unsigned char *bytes, size_t len,
			   size_t *out_len);

#endif
