/* SPDX-License-Identifier: MIT */
/* error.h - status codes and a caller-owned error record with context. */
#ifndef VMOON_ERROR_H
#define VMOON_ERROR_H

#include "vmoon/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Part of the API: never renumber, only append. */
enum vmoon_status {
	VMOON_OK = 0,
	VMOON_E_INVAL = -1,   /* the caller broke a documented rule */
	VMOON_E_CONFIG = -2,  /* the configuration cannot work */
	VMOON_E_SYS = -3,     /* a system call failed; see vmoon_error.sys */
	VMOON_E_NOMEM = -4,   /* the host is out of memory */
	VMOON_E_FAULT = -5,   /* a guest range is not backed by memory */
	VMOON_E_STATE = -6,   /* not possible in the VM's current state */
	VMOON_E_TIMEOUT = -7, /* the time given ran out */
	VMOON_E_PANIC = -8,   /* the guest panicked while being waited for */
	VMOON_E_EXITED = -9,  /* the VM ended while being waited for */
	VMOON_E_DEVICE = -10, /* a device failed */
	VMOON_E_SCRIPT = -11, /* a script failed */
	VMOON_E_UNSUPPORTED = -12, /* not in this build or on this host */
	VMOON_E_NOKVM = -13,       /* no usable hypervisor on this host */
	VMOON_E_IMAGE = -14,       /* a kernel, initrd or other file is bad */
};

/* Return type of everything that can fail; the compiler insists on a check. */
#define VMOON_STATUS VMOON_MUST_USE enum vmoon_status

enum { VMOON_ERROR_WHERE = 128, VMOON_ERROR_DETAIL = 1400 };

/*
 * Filled in by the function that fails, owned by whoever declared it (usually
 * on the stack), never allocated. A NULL record is allowed everywhere. msg is
 * one line without a newline and reads outside-in: "kernel 'x': open: ...".
 * where is a place the caller knows: "vm.lua:12:5" or the path of a config
 * value, "disks.2.path". detail is what one line cannot say, each line with
 * its newline: every mistake of a config, a script's source with carets, the
 * last lines of a console. Both are "" when there is none; what does not fit
 * is cut.
 */
struct vmoon_error {
	enum vmoon_status status;
	int sys; /* errno of the failing call, or 0 */
	char msg[500];
	char where[VMOON_ERROR_WHERE];
	char detail[VMOON_ERROR_DETAIL];
};

/* Records a failure and returns status, so that one return line says it all. */
VMOON_API VMOON_STATUS vmoon_fail(struct vmoon_error *err,
				  enum vmoon_status status, int sys,
				  const char *fmt, ...) VMOON_PRINTF(4, 5);

/* Prepends "context: " on the way up, keeping the status. */
VMOON_API void vmoon_error_prefix(struct vmoon_error *err, const char *fmt, ...)
	VMOON_PRINTF(2, 3);
/* Says where, and appends to the detail; after vmoon_fail, which clears both.
 */
VMOON_API void vmoon_error_set_where(struct vmoon_error *err, const char *fmt,
				     ...) VMOON_PRINTF(2, 3);
VMOON_API void vmoon_error_add_detail(struct vmoon_error *err, const char *fmt,
				      ...) VMOON_PRINTF(2, 3);

#ifdef __cplusplus
}
#endif

#endif
