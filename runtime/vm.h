/* SPDX-License-Identifier: MIT */
/* vm.h - a VM's lifecycle: who may change what, and how they wait. */
#ifndef VMOON_RUNTIME_VM_H
#define VMOON_RUNTIME_VM_H

#include "board.h"
#include "board_virtio.h"
#include "boot/boot.h"
#include "loop.h"
#include "mem.h"
#include "sandbox/sandbox.h"
#include "stream.h"
#include "vm_log.h"
#include "vmoon/vmoon.h"

#include <signal.h>

/*
 *            start            pause
 *  CREATED ---------> RUNNING -------> PAUSED
 *     |                |  ^   <-------   |
 *     | stop           |  | resume       |
 *     v     end of run v  |reset         v
 *  STOPPED <-----------+--+-----------> (stop, end)
 *  FAILED  <--- host trouble
 *
 * vCPU threads run the guest, or wait at the gate; they never change the
 * state. What a device or a vCPU wants (end, reset) it leaves in `wish` and
 * wakes the worker. Only the worker ends or resets a VM; start, pause and
 * resume belong to the caller. Lock order: lock.h.
 *
 * Nobody waits for the host's I/O with a lock taken: it may hang. A vCPU that
 * has reset a device which waits for such I/O is held at the gate, where it
 * can be paused and stopped; a reset of the VM goes on when the devices have
 * come to its end (is_restarting).
 */

enum vmoon_vm_note {
	VMOON_NOTE_STATE = 1,
	VMOON_NOTE_PANIC = 2,
	VMOON_NOTE_EXITED = 4,
	VMOON_NOTE_DATA = 8,
	VMOON_NOTE_DEVICE = 16,
	VMOON_NOTE_LIMITED = 32,
	VMOON_NOTE_WAKE = 64 /* for a waiter: nothing is called */
};

struct vmoon_runtime {
	struct vmoon_mem mem; /* this struct included */
	struct vmoon_log log;
	int kick_signal, watch_signal;
	struct vmoon_watchdog *watchdog; /* owned; NULL: not needed yet */
	unsigned flags;                  /* VMOON_RUNTIME_* */
	unsigned denials;       /* atomic: calls that a sandbox did not allow */
	int event_fd;           /* owned */
	bool is_signalled;      /* atomic: event_fd was written */
	struct vmoon_lock lock; /* guards vms and groups */
	struct vmoon_vm *vms;
	struct vmoon_shared_group *groups; /* owned: vm_output.c */
	struct vmoon_device_maker maker;   /* make NULL: none */
};

struct vmoon_vcpu {
	struct vmoon_vm *vm;      /* borrowed: its owner */
	struct vmoon_hv_vcpu *hv; /* owned */
	pthread_t thread;
	bool has_thread;
	/*
	 * Atomic, borrowed as a name: the device whose reset it waits for, or
	 * that answers its access later.
	 */
	const void *held_by;
	/*
	 * An access that was said to come again, from this item on: the
	 * thread's own; others look at has_waiting while it is at the gate.
	 */
	struct vmoon_hv_exit waiting;
	uint32_t waiting_at;
	bool has_waiting;
	bool is_held_back; /* said of the access that is being made */
	bool must_drop;    /* under vm->lock: the waiting access is void */
	/* Written by the thread, read by any: relaxed atomics. */
	uint64_t pio, mmio, halt, intr, other;
	uint64_t pio_unclaimed, mmio_unclaimed;
};

/*
 * A thread of its own: of a disk, whose queues it serves and for which it waits
 * for the host, or of a device whose maker asked for one. Trusted code has no
 * sandbox.
 */
enum vmoon_own_worker_kind {
	VMOON_OWN_WORKER_DISK,
	VMOON_OWN_WORKER_DEVICE,
	VMOON_OWN_WORKER_TRUSTED
};

struct vmoon_own_worker {
	struct vmoon_own_worker *next; /* owned */
	struct vmoon_vm *vm;           /* borrowed: its owner */
	enum vmoon_own_worker_kind kind;
	unsigned index; /* in the list */
	struct vmoon_loop loop;
	pthread_t thread;
	bool has_thread;
};

/* What the guest or a vCPU wants done. Guarded by wish_lock. */
struct vmoon_wish {
	enum vmoon_exit_reason end; /* NONE: go on */
	uint32_t guest_status;
	bool reset, panic, pause;
	char message[256];
};

enum vmoon_gate { VMOON_GATE_PARK, VMOON_GATE_RUN, VMOON_GATE_EXIT };

struct vmoon_vm {
	struct vmoon_runtime *rt; /* borrowed: outlives the VM */
	struct vmoon_vm *next;    /* in rt->vms */
	unsigned notes;           /* atomic: VMOON_NOTE_* to be dispatched */
	bool is_exit_delivered;   /* the runtime's thread only */
	struct vmoon_vm_events events;
	struct vmoon_spec spec;
	struct vmoon_host_kit kit;
	struct vmoon_hv_vm *hv; /* owned */
	struct vmoon_gmem gmem;
	struct vmoon_board *board;       /* owned */
	struct vmoon_vm_device *devices; /* owned: the embedder's own */
	struct vmoon_boot_files files;
	struct vmoon_stream console;
	struct vmoon_stream *ports; /* owned: spec.devices.port_count, */
	size_t port_count;          /* of which so many are initialised */
	struct vmoon_vm_log log;
	struct vmoon_group *groups[VMOON_OUTPUTS_MAX]; /* owned; of spec */
	struct vmoon_vcpu *vcpus; /* owned: spec.cpus of them */
	uint64_t create_ns;
	uint64_t first_run_ns; /* atomic */

	struct vmoon_lock lock;
	pthread_cond_t changed;
	enum vmoon_vm_state state; /* written under lock, read atomically */
	enum vmoon_gate gate;
	unsigned threads; /* vCPU threads that were started */
	unsigned parked;  /* of these, at the gate */
	unsigned pausers; /* that wait for all to be there */
	unsigned pauses;  /* so far; wraps */
	uint64_t start_ns, end_ns, resets;
	struct vmoon_exit_record exit;
	unsigned own_threads; /* that were started, and enter a sandbox */
	unsigned entered;     /* threads in their sandbox, or that could not */
	enum vmoon_status enter_status;
	struct vmoon_error enter_error;

	struct vmoon_sandbox sandbox;
	pthread_t monitor; /* answers denied calls */
	bool has_monitor;

	struct vmoon_lock wish_lock; /* a leaf */
	struct vmoon_wish wish;
	bool is_halting; /* atomic: a wish waits, nobody passes the gate */

	/* The worker's own. */
	struct vmoon_loop loop;
	pthread_t worker;
	bool has_worker;
	struct vmoon_loop_event wish_event;
	struct vmoon_own_worker *own_workers; /* owned: disks' come first */
	unsigned own_worker_count;
	sigset_t host_signals; /* blocked for whoever started the VM */
	struct vmoon_loop_timer panic_timer, reset_timer;
	uint64_t last_reset_ns;
	struct vmoon_log_limit reset_limit; /* of the line about a reset */
	bool is_restarting; /* a device's reset waits for the host */
	bool has_panicked;  /* atomic */
	char panic_line[VMOON_PANIC_LINE_MAX];
};

/*
 * vmoon_vm_create on a host of the caller's choice: tests bring a scripted
 * hypervisor, and disks in memory. Takes hv, also on failure.
 */
struct vmoon_vm_make {
	struct vmoon_runtime *rt;
	struct vmoon_config *cfg;
	const struct vmoon_vm_events *events; /* or NULL */
	struct vmoon_hv_vm *take_hv;
	struct vmoon_host_kit kit;
};
VMOON_STATUS vmoon_vm_create_with(const struct vmoon_vm_make *make,
				  struct vmoon_vm **out_vm,
				  struct vmoon_error *err) VMOON_NONNULL(1, 2);
/* The same without disks and entropy. */
VMOON_STATUS vmoon_vm_create_on(struct vmoon_runtime *rt,
				struct vmoon_config *cfg,
				const struct vmoon_vm_events *events,
				struct vmoon_hv_vm *take_hv,
				struct vmoon_vm **out_vm,
				struct vmoon_error *err);

/* Any thread: the first end wins; the worker does the rest. */
void vmoon_vm_wish_end(struct vmoon_vm *vm, enum vmoon_exit_reason reason,
		       uint32_t guest_status, const char *message)
	VMOON_NONNULL(1, 4);

void vmoon_vm_wish_reset(struct vmoon_vm *vm) VMOON_NONNULL(1);
/* As vmoon_vm_pause where the VM runs then; else it changes nothing. */
void vmoon_vm_wish_pause(struct vmoon_vm *vm) VMOON_NONNULL(1);

bool vmoon_vm_is_over(const struct vmoon_vm *vm) VMOON_NONNULL(1);
/* The same, for those who know no VM. */
bool vmoon_vm_ctx_is_over(void *vm) VMOON_NONNULL(1);
bool vmoon_vm_is_paused(const struct vmoon_vm *vm) VMOON_NONNULL(1);

/* vm_threads.c: all threads of a VM, in their sandboxes. */
VMOON_STATUS vmoon_vm_start_threads(struct vmoon_vm *vm,
				    struct vmoon_error *err) VMOON_NONNULL(1);
/* Nothing where none was started, and twice. */
void vmoon_vm_join_threads(struct vmoon_vm *vm) VMOON_NONNULL(1);
/* A thread's own last act before it does anything for the guest. */
void vmoon_vm_enter_sandbox(struct vmoon_vm *vm, unsigned seat)
	VMOON_NONNULL(1);

/* Under vm->lock. */
void vmoon_vm_set_gate(struct vmoon_vm *vm, enum vmoon_gate gate)
	VMOON_NONNULL(1);

/* vcpu.c: a vCPU thread from first to last. */
void *vmoon_vcpu_main(void *vcpu);
/*
 * Runs the guest up to its next exit and answers that; false: to the gate. On
 * the vCPU's thread, or one without others (benches, fuzzing).
 */
bool vmoon_vcpu_step(struct vmoon_vcpu *vcpu) VMOON_NONNULL(1);
/* The board's: this vCPU, or none, waits at the gate for a device's reset. */
void vmoon_vcpu_hold(void *vm, const void *device, bool is_held)
	VMOON_NONNULL(1, 2);
/* env.again of a device in vm, inside an access: see vmoon_again. */
unsigned vmoon_vcpu_asker(const struct vmoon_vm *vm) VMOON_NONNULL(1);
bool vmoon_vcpu_hold_access(struct vmoon_vm *vm, const void *device)
	VMOON_NONNULL(1, 2);
/* Waits until the vCPU may run; false when its thread is to end. */
bool vmoon_vm_pass_gate(struct vmoon_vcpu *vcpu) VMOON_NONNULL(1);

/* vm_worker.c: the worker thread, and what it hands to the board. */
void *vmoon_vm_worker_main(void *vm);
void vmoon_vm_worker_init(struct vmoon_vm *vm) VMOON_NONNULL(1);
struct vmoon_board_host vmoon_vm_board_host(struct vmoon_vm *vm)
	VMOON_NONNULL(1);
/*
 * Under vm->lock: returns with every vCPU thread at the gate, or after somebody
 * else had them there for a pause: nobody waits for those who were resumed.
 */
void vmoon_vm_park(struct vmoon_vm *vm) VMOON_NONNULL(1);
/* Memory, tables and every vCPU as at power-on; nobody is running. */
VMOON_STATUS vmoon_vm_load(struct vmoon_vm *vm, struct vmoon_error *err)
	VMOON_NONNULL(1);

/* vm_ports.c: the streams of the virtio console's ports. */
VMOON_STATUS vmoon_vm_init_ports(struct vmoon_vm *vm, struct vmoon_error *err)
	VMOON_NONNULL(1);
/* Connects them with the board's console. */
void vmoon_vm_wire_ports(struct vmoon_vm *vm) VMOON_NONNULL(1);
/* From any point of init on. */
void vmoon_vm_fini_ports(struct vmoon_vm *vm) VMOON_NONNULL(1);
/* The serial console, the ports, the log; NULL past the end. */
struct vmoon_stream *vmoon_vm_stream_at(struct vmoon_vm *vm, size_t i)
	VMOON_NONNULL(1);

/* vm_workers.c: threads of their own. The first ones are the disks'. */
VMOON_STATUS vmoon_vm_init_disks(struct vmoon_vm *vm, struct vmoon_error *err)
	VMOON_NONNULL(1);
struct vmoon_loop *vmoon_vm_disk_loop(struct vmoon_vm *vm, size_t disk)
	VMOON_NONNULL(1);
/* One more, before the VM starts; its loop is borrowed. E_CONFIG: too many. */
VMOON_STATUS vmoon_vm_add_worker(struct vmoon_vm *vm,
				 enum vmoon_own_worker_kind kind,
				 struct vmoon_loop **out_loop,
				 struct vmoon_error *err) VMOON_NONNULL(1, 3);
/* The one whose loop that is leaves again, before the VM starts. */
void vmoon_vm_drop_worker(struct vmoon_vm *vm, const struct vmoon_loop *loop)
	VMOON_NONNULL(1, 2);
void vmoon_vm_fini_workers(struct vmoon_vm *vm) VMOON_NONNULL(1);
void vmoon_vm_name_worker(const struct vmoon_own_worker *w, char *buf,
			  size_t size) VMOON_NONNULL(1, 2);
void *vmoon_vm_own_worker_main(void *own_worker);

/* vm_output.c: the outputs that the description asks for. */
VMOON_STATUS vmoon_vm_open_outputs(struct vmoon_vm *vm, struct vmoon_error *err)
	VMOON_NONNULL(1);
/* When the stream is gone. */
void vmoon_vm_free_groups(struct vmoon_vm *vm) VMOON_NONNULL(1);

/* vm_devices.c: of the embedder's devices. The runtime's thread. */
/* All that the checked config names; E_UNSUPPORTED without a maker. */
VMOON_STATUS vmoon_vm_make_devices(struct vmoon_vm *vm,
				   const struct vmoon_config *cfg,
				   struct vmoon_error *err) VMOON_NONNULL(1, 2);
void vmoon_vm_tell_devices(struct vmoon_vm *vm) VMOON_NONNULL(1);
/* One that was reset has not come to it yet. Any thread. */
bool vmoon_vm_devices_are_resetting(const struct vmoon_vm *vm) VMOON_NONNULL(1);
/* Timers that came due while the VM was paused are heard. Any thread. */
void vmoon_vm_resume_devices(struct vmoon_vm *vm) VMOON_NONNULL(1);
/* When the board is gone. */
void vmoon_vm_free_devices(struct vmoon_vm *vm) VMOON_NONNULL(1);

/* runtime.c */
void vmoon_runtime_link(struct vmoon_runtime *rt, struct vmoon_vm *vm)
	VMOON_NONNULL(1, 2);
void vmoon_runtime_unlink(struct vmoon_runtime *rt, struct vmoon_vm *vm)
	VMOON_NONNULL(1, 2);
/* Any thread: the runtime's descriptor becomes readable. */
void vmoon_runtime_note(struct vmoon_vm *vm, unsigned note) VMOON_NONNULL(1);

#endif
