/* SPDX-License-Identifier: MIT */
/* vmoon.h - embedder API: runtimes, VMs, their consoles and events. */
#ifndef VMOON_VMOON_H
#define VMOON_VMOON_H

#include "vmoon/base.h"
#include "vmoon/config.h"
#include "vmoon/device.h"
#include "vmoon/devices.h"
#include "vmoon/error.h"
#include "vmoon/gmem.h"
#include "vmoon/log.h"
#include "vmoon/mem.h"
#include "vmoon/output.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bumped only when a call is removed or changes meaning. */
#define VMOON_API_VERSION 1u
VMOON_API uint32_t vmoon_api_version(void);
VMOON_API const char *vmoon_version_string(void);
/* "kvm", "lz4", "zstd", "gzip", "xz"; false for anything unknown. */
VMOON_API bool vmoon_has(const char *feature);
/* Name of the i-th feature that vmoon_has knows, NULL past the end. */
VMOON_API const char *vmoon_feature(size_t i);

struct vmoon_runtime;
struct vmoon_vm;
struct vmoon_stream;

/* Sized structs: the caller sets size; the library reads no further. */
#define VMOON_INIT(type)             \
	{                            \
		.size = sizeof(type) \
	}

/* ---- runtime: what several VMs share; nothing of it is process-wide ---- */

/*
 * Every thread that the library starts is under a list of system calls of its
 * own (runtime/sandbox). A call that is not in it returns EPERM there, and the
 * VM becomes failed, naming thread and call; where the host has no room for a
 * listener, without the name. So what the library calls on its threads (log,
 * devices of your own) may compute, and write to descriptors from log, but not
 * open files or start threads. NO_SANDBOX leaves all that to you.
 */
enum vmoon_runtime_flag { VMOON_RUNTIME_NO_SANDBOX = 1 };

struct vmoon_runtime_options {
	size_t size;
	vmoon_log_fn log; /* any thread; NULL: no log */
	void *log_ctx;    /* borrowed: outlives the runtime */
	enum vmoon_log_level log_level;
	int kick_signal; /* 0: SIGRTMIN + 1; must not be used elsewhere */
	const struct vmoon_allocator *allocator; /* copied; NULL: C library */
	unsigned flags;                          /* enum vmoon_runtime_flag */
	int watch_signal; /* of its watchdog; 0: SIGRTMIN + 2, or + 3 */
};

/* opts may be NULL. A runtime belongs to the thread that created it. */
VMOON_API VMOON_STATUS
vmoon_runtime_create(const struct vmoon_runtime_options *opts,
		     struct vmoon_runtime **out_rt, struct vmoon_error *err);
/* All its VMs and configs must be destroyed before. NULL is allowed. */
VMOON_API void vmoon_runtime_destroy(struct vmoon_runtime *rt);
/* Its heap, for devices and bindings; borrowed. NULL for NULL. */
VMOON_API struct vmoon_mem *vmoon_runtime_mem(struct vmoon_runtime *rt);
/* Bytes of it in use, those of the runtime itself included. Any thread. */
VMOON_API size_t vmoon_runtime_mem_used(const struct vmoon_runtime *rt);

/*
 * One pollable descriptor (POLLIN: events are queued), borrowed. dispatch
 * never blocks and runs callbacks on the calling thread only; it returns how
 * many events it handled. wait polls at most timeout_ns (-1: for ever), then
 * dispatches; a time-out is VMOON_E_TIMEOUT.
 */
VMOON_API int vmoon_runtime_fd(const struct vmoon_runtime *rt);
VMOON_API unsigned vmoon_runtime_dispatch(struct vmoon_runtime *rt,
					  unsigned max_events);
VMOON_API VMOON_STATUS vmoon_runtime_wait(struct vmoon_runtime *rt,
					  int64_t timeout_ns,
					  struct vmoon_error *err);

/*
 * Whether VMs can run here: VMOON_OK, or VMOON_E_NOKVM with one sentence that
 * says what is missing and what to do. Opens and closes /dev/kvm.
 */
VMOON_API VMOON_STATUS vmoon_host_check(struct vmoon_error *err);
/* True when the CPU has VMX or SVM: unmodified Linux guests are quick. */
VMOON_API bool vmoon_host_has_hw_virt(void);

/* ---- VM ---- */

enum vmoon_vm_state {
	VMOON_VM_CREATED = 0,
	VMOON_VM_RUNNING = 1,
	VMOON_VM_PAUSED = 2,
	VMOON_VM_STOPPED =
		3,          /* ended for a reason that the exit record names */
	VMOON_VM_FAILED = 4 /* the host or the library could not go on */
};

enum vmoon_exit_reason {
	VMOON_EXIT_NONE = 0,
	VMOON_EXIT_POWEROFF = 1,   /* the guest switched itself off */
	VMOON_EXIT_REBOOT = 2,     /* it reset itself, on_reboot = "stop" */
	VMOON_EXIT_PANIC = 3,      /* its kernel panicked */
	VMOON_EXIT_CRASH = 4,      /* triple fault or impossible state */
	VMOON_EXIT_DEBUG_EXIT = 5, /* the debug-exit port was written */
	VMOON_EXIT_STOPPED = 6,    /* vmoon_vm_stop */
	VMOON_EXIT_HALT = 7,      /* every CPU halted with nothing to wake it */
	VMOON_EXIT_HOST_ERROR = 8 /* see message */
};

struct vmoon_exit_record {
	size_t size;
	enum vmoon_exit_reason reason;
	uint32_t guest_status; /* what was written to the debug-exit port */
	uint64_t uptime_ns;    /* start to end, pauses included */
	char message[256];     /* one line: the panic line, the crash's cause */
};

struct vmoon_vm_stats {
	size_t size;
	uint64_t uptime_ns;    /* since start; 0 before */
	uint64_t first_run_ns; /* create to first entry into the guest */
	uint64_t exits;        /* all exits of all vCPUs to user space */
	uint64_t exits_pio, exits_mmio, exits_halt, exits_intr, exits_other;
	uint64_t pio_unclaimed, mmio_unclaimed; /* accesses no device owns */
	uint64_t resets;                        /* restarts of the guest */
	uint64_t console_bytes;      /* out of the guest's serial port */
	uint64_t console_dropped;    /* of these, lost */
	uint64_t guest_memory_bytes; /* size of guest RAM */
	uint64_t console_unsearched; /* gone before any expect looked at them */
};

struct vmoon_vm_events {
	size_t size;
	void (*state)(void *ctx, struct vmoon_vm *vm, enum vmoon_vm_state s);
	void (*exited)(void *ctx, struct vmoon_vm *vm,
		       const struct vmoon_exit_record *record);
	void (*panicked)(void *ctx, struct vmoon_vm *vm, const char *line);
	void *ctx; /* borrowed: outlives the VM */
	/* A device of the embedder's cannot go on; the VM may be paused. */
	void (*device_error)(void *ctx, struct vmoon_vm *vm, const char *device,
			     const struct vmoon_error *err);
};

/*
 * Checks cfg, opens the hypervisor, lays out memory and loads the kernel; no
 * guest code runs yet. cfg is copied. events may be NULL; its functions run
 * inside vmoon_runtime_dispatch, and must not destroy a VM that is being waited
 * for. On failure nothing is left behind.
 */
VMOON_API VMOON_STATUS vmoon_vm_create(struct vmoon_runtime *rt,
				       struct vmoon_config *cfg,
				       const struct vmoon_vm_events *events,
				       struct vmoon_vm **out_vm,
				       struct vmoon_error *err);
/*
 * Stops it if need be and joins its threads. NULL is allowed. The one call
 * that waits for the host as long as that takes: while a transfer of a disk is
 * in the kernel, guest memory cannot go. Where a file may hang (a network file
 * system that is gone), stop the VM, and destroy it on a thread that may wait.
 */
VMOON_API void vmoon_vm_destroy(struct vmoon_vm *vm);

/*
 * All of these: any thread, bounded time whatever the guest does, and also
 * while a transfer of a disk hangs in the host. A guest that resets such a
 * disk, or itself, does not run on before the transfer has ended. start,
 * pause, resume: E_STATE when the current state does not allow it. pause
 * returns with every vCPU outside the guest; requests that the guest has made
 * of a disk or another virtio device before may still be carried out, and
 * guest memory changes with them for as long. Timers of the embedder's devices
 * that come due meanwhile are heard after the resume; one that is being heard
 * comes to its end. stop is allowed in any state and idempotent. shutdown
 * presses the power button and returns at once.
 */
VMOON_API VMOON_STATUS vmoon_vm_start(struct vmoon_vm *vm,
				      struct vmoon_error *err);
VMOON_API VMOON_STATUS vmoon_vm_pause(struct vmoon_vm *vm,
				      struct vmoon_error *err);
VMOON_API VMOON_STATUS vmoon_vm_resume(struct vmoon_vm *vm,
				       struct vmoon_error *err);
VMOON_API VMOON_STATUS vmoon_vm_shutdown(struct vmoon_vm *vm,
					 struct vmoon_error *err);
VMOON_API VMOON_STATUS vmoon_vm_stop(struct vmoon_vm *vm,
				     struct vmoon_error *err);

/*
 * Until the VM has stopped or failed: pumps the runtime, so callbacks run.
 * E_TIMEOUT after timeout_ns (-1: for ever). Only the runtime's thread.
 */
VMOON_API VMOON_STATUS vmoon_vm_wait(struct vmoon_vm *vm, int64_t timeout_ns,
				     struct vmoon_error *err);

/* FAILED for NULL, like what else one asks of no VM: "", or nothing. */
VMOON_API enum vmoon_vm_state vmoon_vm_get_state(const struct vmoon_vm *vm);
VMOON_API const char *vmoon_vm_state_name(enum vmoon_vm_state state);
VMOON_API const char *vmoon_exit_reason_name(enum vmoon_exit_reason reason);
/* Its runtime, for what belongs to that. NULL for NULL. */
VMOON_API struct vmoon_runtime *vmoon_vm_runtime(const struct vmoon_vm *vm);
/* Borrowed until vmoon_vm_destroy. */
VMOON_API const char *vmoon_vm_name(const struct vmoon_vm *vm);
/* The caller sets out->size before. reason is NONE while the VM lives. */
VMOON_API void vmoon_vm_get_exit(const struct vmoon_vm *vm,
				 struct vmoon_exit_record *out);
VMOON_API void vmoon_vm_get_stats(const struct vmoon_vm *vm,
				  struct vmoon_vm_stats *out);
/* What a command that ran the VM should exit with (0-63, 100, 102...). */
VMOON_API int vmoon_exit_status(const struct vmoon_exit_record *record);

/* ---- devices of the embedder's own ---- */

/*
 * What a device is made from: capabilities as values. All of them work from
 * any thread and until the device's destroy has returned, which ends threads
 * that use them. irq.set is NULL for a device without a line.
 */
struct vmoon_device_env {
	size_t size;
	struct vmoon_mem *mem;
	struct vmoon_irq irq;
	const struct vmoon_gmem *gmem; /* guest memory, for DMA */
	struct vmoon_clock clock;
	struct vmoon_guest_faults faults;
	struct vmoon_report report; /* ends in vmoon_vm_events.device_error */
	struct vmoon_timer timer;   /* calls options->tick on the worker */
	struct vmoon_wake wake;     /* calls options->work on the worker */
	struct vmoon_log log;       /* the VM's; the module is the device */
	/* Each returns at once, and is done some time later. */
	struct vmoon_wake pause;   /* as vmoon_vm_pause, if it runs */
	struct vmoon_notify exit;  /* ends it, DEBUG_EXIT with this status */
	struct vmoon_report abort; /* ends it, HOST_ERROR with this message */
	struct vmoon_wake tell;    /* vmoon_runtime_wait returns */
	struct vmoon_again again;  /* of register devices in a VM */
};

/* A register that the guest writes without leaving it: width 0: any. */
struct vmoon_doorbell {
	uint64_t off;
	unsigned width; /* 0, 1, 2, 4 or 8 bytes */
};

enum vmoon_window_kind { VMOON_WINDOW_MMIO = 0, VMOON_WINDOW_PORTS = 1 };

/*
 * Which thread calls tick, work and doorbell, and serves the queues of a virtio
 * device: the VM's worker; one of the device's own, so that it is late for
 * nobody else, in a sandbox where, as on a vCPU, it can allocate nothing and
 * has no files; or, for code that its user trusts, one of its own that no
 * sandbox limits. That one makes the accesses too, so nothing but make and
 * what vmoon_vm_call_device asks for runs elsewhere, and may take its time: a
 * vCPU parks until it is done, and pause, stop and reset go on meanwhile. Only
 * vmoon_vm_destroy waits for it. Such a device's env.again is all NULL.
 */
enum vmoon_device_worker {
	VMOON_WORKER_SHARED = 0,
	VMOON_WORKER_OWN = 1,
	VMOON_WORKER_TRUSTED = 2
};

struct vmoon_device_options {
	size_t size;
	const char *name; /* at most 64 bytes, used once in a VM; copied */
	enum vmoon_window_kind kind;
	uint64_t base;  /* of its window; 0: a free place is found */
	uint64_t bytes; /* of its window, not 0 */
	bool has_irq;
	unsigned irq; /* its line; 0: one that nobody else has */
	/*
	 * Called once, on the calling thread. On success the VM owns *out_dev
	 * and destroys it; see vmoon_device_ops for what may be called when.
	 */
	enum vmoon_status (*make)(void *ctx, const struct vmoon_device_env *env,
				  struct vmoon_device **out_dev,
				  struct vmoon_error *err);
	void *ctx; /* borrowed for the call */

	bool is_edge; /* the interrupt: a set(true) is one edge */
	/*
	 * A node of the guest's ACPI tables, which has the window and the line:
	 * its _HID ("PNP0501"), or a name that drivers of device trees have
	 * ("acme,counter": _HID PRP0001 with _DSD). Both NULL: no node. Copied.
	 */
	const char *acpi_hid, *compatible;
	/*
	 * Called on the device's worker under its lock: when the timer of
	 * env is due, some time after wake of env, after the guest has rung the
	 * i-th doorbell once or more. NULL: never.
	 */
	void (*tick)(struct vmoon_device *dev);
	void (*work)(struct vmoon_device *dev);
	void (*doorbell)(struct vmoon_device *dev, unsigned i);
	const struct vmoon_doorbell *doorbells; /* copied; 16 at most */
	size_t doorbell_count;
	enum vmoon_device_worker worker;
};

/* Where a device is, to tell the guest. */
struct vmoon_device_place {
	size_t size;
	uint64_t base;
	unsigned irq; /* 0: none */
};

/*
 * Before the VM is started: E_STATE afterwards. E_CONFIG when address, line or
 * name are taken, or what make said. Free places for MMIO are looked for in
 * 0xd0000000..0xdfffffff, for ports in 0xc000..0xcfff. On failure nothing has
 * changed and the device, if it was made, is destroyed. out_place may be NULL;
 * its size is set by the caller. Only the runtime's thread.
 */
VMOON_API VMOON_STATUS vmoon_vm_add_device(
	struct vmoon_vm *vm, const struct vmoon_device_options *opts,
	struct vmoon_device_place *out_place, struct vmoon_error *err);

/*
 * Calls fn under the lock that is held around each call into that device, so
 * that the host's side of it needs none. Any thread, but not from inside a
 * device. E_INVAL when the embedder added none of that name; E_TIMEOUT, and fn
 * was not called, when VMOON_WORKER_TRUSTED is at something for 10 s.
 */
VMOON_API VMOON_STATUS
vmoon_vm_call_device(struct vmoon_vm *vm, const char *name,
		     void (*fn)(void *ctx, struct vmoon_device *dev), void *ctx,
		     struct vmoon_error *err);

/*
 * Name and type (that of its ops) of the i-th device that vmoon_vm_add_device
 * or vmoon_vm_add_virtio added, and which of both; false past the end. Each out
 * may be NULL. Borrowed until the VM's end. The runtime's thread.
 */
VMOON_API bool vmoon_vm_device(struct vmoon_vm *vm, size_t i,
			       const char **out_name, const char **out_type,
			       bool *out_is_virtio);

/*
 * A virtio device of the embedder's, on MMIO: window, line and ACPI node are
 * found for it, kicks and timers run on its worker until the VM is over.
 */
struct vmoon_virtio;
struct vmoon_virtio_options {
	size_t size;
	const char *name; /* as of a device */
	enum vmoon_status (*make)(void *ctx, const struct vmoon_device_env *env,
				  struct vmoon_virtio **out_vd,
				  struct vmoon_error *err);
	void *ctx; /* borrowed for the call */

	enum vmoon_device_worker worker;
};
/* As vmoon_vm_add_device; with all others at most VMOON_VIRTIO_DEVICES_MAX. */
VMOON_API VMOON_STATUS vmoon_vm_add_virtio(
	struct vmoon_vm *vm, const struct vmoon_virtio_options *opts,
	struct vmoon_device_place *out_place, struct vmoon_error *err);
/* As vmoon_vm_call_device, for a device that vmoon_vm_add_virtio added. */
VMOON_API VMOON_STATUS vmoon_vm_call_virtio(struct vmoon_vm *vm,
					    const char *name,
					    void (*fn)(void *ctx,
						       struct vmoon_virtio *vd),
					    void *ctx, struct vmoon_error *err);

/*
 * Who makes what the key "devices" of a config names: make adds them to vm,
 * which vmoon_vm_create is about to return, by vmoon_vm_add_device and
 * vmoon_vm_add_virtio; what fails there fails the creation. libvmoon-lua
 * has one (vmoon_lua_open_devices). Copied, and ctx borrowed until the
 * runtime's end; NULL takes it away. Without one such a config is
 * E_UNSUPPORTED. The runtime's thread only.
 */
struct vmoon_device_maker {
	size_t size;
	enum vmoon_status (*make)(void *ctx, struct vmoon_vm *vm,
				  const struct vmoon_config *cfg,
				  struct vmoon_error *err);
	void *ctx;
};
VMOON_API VMOON_STATUS vmoon_runtime_set_device_maker(
	struct vmoon_runtime *rt, const struct vmoon_device_maker *maker,
	struct vmoon_error *err);

/*
 * The runtime's one watchdog, made at the first call; borrowed. The runtime's
 * own thread only.
 */
struct vmoon_watchdog;
VMOON_API VMOON_STATUS vmoon_runtime_watchdog(struct vmoon_runtime *rt,
					      struct vmoon_watchdog **out_dog,
					      struct vmoon_error *err);

/* ---- the serial console, and the VM's log, as streams ---- */

/*
 * "serial0", or "log": what the VM itself has to say, by its levels and in its
 * layout, at most 64 KiB a second of it; it takes no input. Borrowed until
 * vmoon_vm_destroy; NULL for an unknown name.
 */
VMOON_API struct vmoon_stream *vmoon_vm_stream(struct vmoon_vm *vm,
					       const char *name);

/*
 * Queues bytes as input for the guest, at most 64 KiB ahead of it;
 * *out_accepted says how many were taken. Never blocks. Any thread. When these
 * are fewer than len, vmoon_runtime_fd becomes readable once the guest has read
 * half of what waits, so that nobody need poll; input that waits when the guest
 * resets is dropped.
 */
VMOON_API VMOON_STATUS vmoon_stream_write(struct vmoon_stream *s,
					  const void *buf, size_t len,
					  size_t *out_accepted,
					  struct vmoon_error *err);

/*
 * Output so far is numbered by byte from 0; the newest 1 MiB is kept. tell is
 * the number of bytes so far. read copies from *pos on, at most cap bytes,
 * and advances *pos; bytes that are gone already are skipped.
 */
VMOON_API uint64_t vmoon_stream_tell(struct vmoon_stream *s);
VMOON_API size_t vmoon_stream_read(struct vmoon_stream *s, uint64_t *pos,
				   void *buf, size_t cap);
/*
 * As tell, with the bytes that were lost before they had a number;
 * *out_dropped, which may be NULL, is how many these were.
 */
VMOON_API uint64_t vmoon_stream_total(struct vmoon_stream *s,
				      uint64_t *out_dropped);

/*
 * Calls fn with all output from now on, inside vmoon_runtime_dispatch and
 * before the end of the VM is told; pos is the number of the first byte, so a
 * gap shows what was lost because dispatch came too late. fn must not destroy
 * the VM. One fn a stream; NULL ends it. Only the runtime's thread.
 */
typedef void (*vmoon_stream_fn)(void *ctx, struct vmoon_stream *s, uint64_t pos,
				const void *buf, size_t len);
VMOON_API VMOON_STATUS vmoon_stream_on_data(struct vmoon_stream *s,
					    vmoon_stream_fn fn, void *ctx,
					    struct vmoon_error *err);

/* The next vmoon_stream_expect begins at byte pos instead. */
VMOON_API void vmoon_stream_seek(struct vmoon_stream *s, uint64_t pos);

/*
 * Copies everything from now on to fd (borrowed; -1 ends it): short for an
 * output "copy" (output.h) without a limit. A full or
 * broken fd loses bytes, never stalls the guest.
 */
VMOON_API VMOON_STATUS vmoon_stream_copy_to(struct vmoon_stream *s, int fd,
					    struct vmoon_error *err);

/* How the pattern of an expect is to be read. */
enum vmoon_pattern_kind {
	VMOON_PATTERN_TEXT = 0, /* as it stands */
	VMOON_PATTERN_RE = 1    /* POSIX extended regex, no back-references */
};

struct vmoon_pattern {
	enum vmoon_pattern_kind kind;
	const char *text; /* borrowed for the call */
	size_t len;
};

struct vmoon_match {
	size_t size;
	size_t which;        /* index into patterns */
	uint64_t begin, end; /* byte numbers in the stream */
};

/*
 * The first place after the last match where any pattern matches; the search
 * goes on behind it next time. "\n" matches "\r\n" too. Pumps the runtime
 * until then: E_TIMEOUT, E_PANIC when the guest panics, E_EXITED when the VM
 * ends, whichever comes first, with the console's last lines as the detail;
 * timeout_ns 0 only looks. Output is searched before any limit, so what a sink
 * drops can match; what has left the newest 1 MiB before it was searched
 * cannot, and the error says how many bytes that were. Only the runtime's
 * thread.
 */
VMOON_API VMOON_STATUS vmoon_stream_expect(struct vmoon_stream *s,
					   const struct vmoon_pattern *patterns,
					   size_t count, int64_t timeout_ns,
					   struct vmoon_match *out_match,
					   struct vmoon_error *err);

/*
 * How many bytes behind the last match or seek were gone before they were
 * searched; expects that found nothing go on with the same count. search is
 * read for matching of one's own: what it skips and returns counts like that of
 * an expect. Only the runtime's thread.
 */
VMOON_API uint64_t vmoon_stream_unsearched(const struct vmoon_stream *s);
VMOON_API size_t vmoon_stream_search(struct vmoon_stream *s, uint64_t *pos,
				     void *buf, size_t cap);

/* ---- levels and layout of the log ---- */

enum vmoon_log_format { VMOON_LOG_TEXT = 0, VMOON_LOG_JSON = 1 };

/*
 * "debug", "ports=error" or "warn,output=debug,ports=error": a level for all,
 * then those of some modules; the others stay. E_CONFIG, and nothing has
 * changed. Any thread; the log of the runtime's options has its own level.
 */
VMOON_API VMOON_STATUS vmoon_vm_log_level(struct vmoon_vm *vm,
					  const char *levels,
					  struct vmoon_error *err);
/* Whether that would be taken. */
VMOON_API VMOON_STATUS vmoon_log_level_check(const char *levels,
					     struct vmoon_error *err);
/* How lines look from now on. Any thread. */
VMOON_API VMOON_STATUS vmoon_vm_log_format(struct vmoon_vm *vm,
					   enum vmoon_log_format format,
					   struct vmoon_error *err);

#ifdef __cplusplus
}
#endif

#endif
