/* SPDX-License-Identifier: MIT */
/*
 * fake_hv.h - a hypervisor that plays a script of exits and records what it is
 * asked to do. No KVM, no guest; every function may be called on any thread.
 */
#ifndef VMOON_TESTS_FAKE_HV_H
#define VMOON_TESTS_FAKE_HV_H

#include "hv.h"

#include <pthread.h>

enum {
	VMOON_FAKE_DATA_MAX = 64,
	VMOON_FAKE_RUN_MAX = 4 * 4096, /* count * size of one exit */
	VMOON_FAKE_LOG_MAX = 512,
	VMOON_FAKE_FDS_MAX = 320,
	VMOON_FAKE_CPUS_MAX = 8
};

/*
 * A script ends in a spin: a vCPU never runs out of guest. A write that has an
 * ioeventfd signals it and is no exit.
 */
enum vmoon_fake_step_kind {
	VMOON_FAKE_EXIT,    /* run returns with exit */
	VMOON_FAKE_SPIN,    /* run blocks until it is kicked, then goes on */
	VMOON_FAKE_WAIT_IRQ /* run blocks until line gsi is high, or kicked */
};

struct vmoon_fake_step {
	enum vmoon_fake_step_kind kind;
	unsigned repeat; /* times; 0 is once */
	unsigned gsi;    /* WAIT_IRQ */
	struct {
		enum vmoon_hv_exit_kind kind;
		enum vmoon_hv_system system;
		bool is_write;
		uint8_t size;
		uint32_t count;
		uint64_t addr;
		/* Of a write; a longer one repeats it. */
		unsigned char data[VMOON_FAKE_DATA_MAX];
		const char *detail; /* or NULL */
	} exit;
};

/* Shorthands for initialisers. */
#define FAKE_OUT(port, width, ...)                 \
	{                                          \
		.kind = VMOON_FAKE_EXIT, .exit = { \
			.kind = VMOON_HV_EXIT_PIO, \
			.is_write = true,          \
			.size = (width),           \
			.count = 1,                \
			.addr = (port),            \
			.data = {__VA_ARGS__}      \
		}                                  \
	}
#define FAKE_IN(port, width)                       \
	{                                          \
		.kind = VMOON_FAKE_EXIT, .exit = { \
			.kind = VMOON_HV_EXIT_PIO, \
			.size = (width),           \
			.count = 1,                \
			.addr = (port)             \
		}                                  \
	}
#define FAKE_EXIT(what)                                            \
	{                                                          \
		.kind = VMOON_FAKE_EXIT, .exit = {.kind = (what) } \
	}
#define FAKE_SPIN                       \
	{                               \
		.kind = VMOON_FAKE_SPIN \
	}

struct vmoon_fake_script {
	const struct vmoon_fake_step *steps; /* borrowed: outlives the fake */
	size_t count;
};

enum vmoon_fake_op {
	VMOON_FAKE_MAP,
	VMOON_FAKE_CREATE_VCPU,
	VMOON_FAKE_SET_IRQ,
	VMOON_FAKE_VM_RESET,
	VMOON_FAKE_ATTACH,
	VMOON_FAKE_VCPU_RESET,
	VMOON_FAKE_RUN,
	VMOON_FAKE_LOG_DIRTY,
	VMOON_FAKE_TAKE_DIRTY,
	VMOON_FAKE_ADD_IRQFD,
	VMOON_FAKE_REMOVE_IRQFD,
	VMOON_FAKE_ADD_IOEVENTFD,
	VMOON_FAKE_REMOVE_IOEVENTFD,
	VMOON_FAKE_VM_SAVE,
	VMOON_FAKE_VM_LOAD,
	VMOON_FAKE_VCPU_SAVE,
	VMOON_FAKE_VCPU_LOAD,
	VMOON_FAKE_OPS
};

/* What the embedder left in the data of a read, as it ran again. */
struct vmoon_fake_read {
	unsigned cpu;
	enum vmoon_hv_exit_kind kind;
	uint64_t addr;
	uint32_t bytes;
	unsigned char data[VMOON_FAKE_DATA_MAX];
};

struct vmoon_fake_irq {
	unsigned gsi;
	bool level;
};

struct vmoon_fake_map {
	vmoon_gpa gpa;
	uint64_t size;
	void *host;
	bool is_logging;
	uint64_t *dirty; /* owned: written pages while logging */
};

struct vmoon_fake_irqfd {
	unsigned gsi;
	int fd, resample_fd; /* borrowed */
};

struct vmoon_fake_vcpu {
	struct vmoon_hv_vcpu hv;
	struct vmoon_fake_hv *fake; /* borrowed: outlives this */
	struct vmoon_fake_script script;
	size_t at;     /* next step; a reset does not rewind it */
	unsigned turn; /* of the step's repeat */
	bool exists, is_attached, is_kicked, is_reading;
	unsigned kicks, intrs, runs, resets;
	bool has_entry;               /* of the last reset */
	struct vmoon_x86_entry entry; /* likewise */
	struct vmoon_hv_exit last;
	unsigned char data[VMOON_FAKE_RUN_MAX];
};

/*
 * Storage of the test, from init to fini; read members under the lock, or
 * after the last thread is gone. The VM's destroy only marks it destroyed, so
 * that a test can look at the record afterwards.
 */
struct vmoon_fake_hv {
	struct vmoon_hv_vm vm;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* something below did */
	struct vmoon_fake_vcpu cpu[VMOON_FAKE_CPUS_MAX];
	unsigned fail_at[VMOON_FAKE_OPS]; /* n-th call fails; 0 never */
	enum vmoon_status fail_as[VMOON_FAKE_OPS];
	unsigned calls[VMOON_FAKE_OPS];
	bool levels[VMOON_GSI_COUNT];
	struct vmoon_fake_irq irqs[VMOON_FAKE_LOG_MAX];
	size_t irq_count; /* counts on when the log is full, like the others */
	struct vmoon_fake_read reads[VMOON_FAKE_LOG_MAX];
	size_t read_count;
	struct vmoon_fake_map maps[8];
	size_t map_count;
	struct vmoon_fake_irqfd irqfds[VMOON_FAKE_FDS_MAX];
	size_t irqfd_count;
	struct vmoon_hv_ioeventfd ioeventfds[VMOON_FAKE_FDS_MAX];
	size_t ioeventfd_count;
	bool is_destroyed;
	unsigned misuses; /* run before attach, reset while running, ... */
};

/* scripts[i] is vCPU i's; missing ones spin. */
void vmoon_fake_hv_init(struct vmoon_fake_hv *f,
			const struct vmoon_fake_script *scripts, size_t count)
	VMOON_NONNULL(1);
void vmoon_fake_hv_fini(struct vmoon_fake_hv *f) VMOON_NONNULL(1);

/* The n-th call from the beginning, counted from 1, returns status. */
void vmoon_fake_hv_fail(struct vmoon_fake_hv *f, enum vmoon_fake_op op,
			unsigned nth, enum vmoon_status status)
	VMOON_NONNULL(1);

/* fake_hv_vm.c: the VM's operations; fake_hv.c has the vCPUs'. */
extern const struct vmoon_hv_vm_ops vmoon_fake_vm_ops;
/* Under the lock: VMOON_OK unless this call is the one that is to fail. */
enum vmoon_status vmoon_fake_count(struct vmoon_fake_hv *f,
				   enum vmoon_fake_op op,
				   struct vmoon_error *err);
enum vmoon_status vmoon_fake_create_vcpu(struct vmoon_hv_vm *vm, unsigned index,
					 unsigned cpu_count,
					 struct vmoon_hv_vcpu **out_vcpu,
					 struct vmoon_error *err);
/* Under the lock: signals the descriptor of this write, if it has one. */
bool vmoon_fake_signal(struct vmoon_fake_hv *f, const struct vmoon_hv_exit *e);

/* The guest writes to len bytes at gpa, which is mapped: marks the pages. */
void vmoon_fake_hv_touch(struct vmoon_fake_hv *f, vmoon_gpa gpa, uint64_t len)
	VMOON_NONNULL(1);

/* Blocks until vCPU i has done all steps of its script; spins count as done. */
void vmoon_fake_hv_wait_end(struct vmoon_fake_hv *f, unsigned cpu)
	VMOON_NONNULL(1);

#endif
