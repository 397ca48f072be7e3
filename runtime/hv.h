/* SPDX-License-Identifier: MIT */
/* hv.h - the hypervisor as the rest of the runtime sees it. */
#ifndef VMOON_RUNTIME_HV_H
#define VMOON_RUNTIME_HV_H

#include "vmoon/base.h"
#include "vmoon/error.h"
#include "vmoon/mem.h"

enum { VMOON_CPUS_MAX = 64 };

/* Why a vCPU came back to user space. */
enum vmoon_hv_exit_kind {
	VMOON_HV_EXIT_INTR, /* kicked, or nothing to do: just run again */
	VMOON_HV_EXIT_PIO,
	VMOON_HV_EXIT_MMIO,
	VMOON_HV_EXIT_HALT,     /* HLT without an in-kernel interrupt chip */
	VMOON_HV_EXIT_SHUTDOWN, /* triple fault */
	VMOON_HV_EXIT_SYSTEM,   /* the hypervisor reports reset or crash */
	VMOON_HV_EXIT_ERROR     /* the vCPU cannot go on; see detail */
};

enum vmoon_hv_system { VMOON_HV_POWEROFF, VMOON_HV_RESET, VMOON_HV_CRASH };

struct vmoon_hv_exit {
	enum vmoon_hv_exit_kind kind;
	enum vmoon_hv_system system; /* SYSTEM only */
	bool is_write;               /* PIO and MMIO */
	uint8_t size;                /* bytes of one access: 1, 2, 4, 8 */
	uint32_t count;              /* accesses in a row: PIO strings */
	uint64_t addr;
	/*
	 * count * size bytes, to be read or filled before the next run.
	 * Borrowed until then. The guest cannot change it meanwhile.
	 */
	unsigned char *data;
	char detail[160]; /* ERROR and SHUTDOWN: one line without a newline */
};

/* How the boot processor enters the guest; the others wait for INIT. */
enum vmoon_x86_mode {
	VMOON_X86_LONG64, /* paging on, cr3 given (Linux 64-bit entry) */
	VMOON_X86_PROT32, /* flat segments, paging off (PVH, Multiboot) */
	VMOON_X86_REAL16  /* cs given, all other segments 0 */
};

struct vmoon_x86_entry {
	enum vmoon_x86_mode mode;
	uint64_t rip, rsp, rsi, rax, rbx;
	uint64_t cr3; /* LONG64 */
	uint16_t cs;  /* REAL16: the code begins at 16 times it plus rip */
	/* Entries: null, null or code, data, TSS; see boot. Not of REAL16. */
	uint64_t gdt_base;
	uint16_t gdt_limit;
	uint64_t idt_base;
	uint16_t idt_limit;
};

/* Requests (ioctl) that sandboxed threads make; 0 ends a list, NULL is none. */
struct vmoon_hv_calls {
	int fd;                    /* borrowed; -1: none */
	const uint32_t *of_vcpu;   /* a vCPU's thread: of its own vCPU only */
	const uint32_t *of_worker; /* the worker: of every vCPU */
};

struct vmoon_hv_vm;
struct vmoon_hv_vcpu;
struct vmoon_state_reader;
struct vmoon_state_writer;

/* Static const tables; run only on the vCPU's thread, kick on any other. */
struct vmoon_hv_vcpu_ops {
	/* Once, first call on the vCPU's own thread. */
	enum vmoon_status (*attach)(struct vmoon_hv_vcpu *vcpu,
				    struct vmoon_error *err);
	/*
	 * Power-on state. entry NULL: an application processor. Any thread
	 * while the vCPU is not in run; before the first run, and again
	 * whenever the guest is reset.
	 */
	enum vmoon_status (*reset)(struct vmoon_hv_vcpu *vcpu,
				   const struct vmoon_x86_entry *entry,
				   struct vmoon_error *err);
	/*
	 * Appends the vCPU's state to a snapshot, an access that is pending
	 * completed first. Any thread while the vCPU is not in run.
	 */
	enum vmoon_status (*save)(struct vmoon_hv_vcpu *vcpu,
				  struct vmoon_state_writer *w,
				  struct vmoon_error *err);
	/*
	 * In the place of the first reset, after the VM's load. E_IMAGE: the
	 * bytes are no good and nothing was changed. After any other failure
	 * the VM can only be destroyed.
	 */
	enum vmoon_status (*load)(struct vmoon_hv_vcpu *vcpu,
				  struct vmoon_state_reader *r,
				  struct vmoon_error *err);
	/* A failure is the host's; a guest's is an ERROR exit. */
	enum vmoon_status (*run)(struct vmoon_hv_vcpu *vcpu,
				 struct vmoon_hv_exit *out_exit,
				 struct vmoon_error *err);
	/*
	 * Makes the current or the next run return with INTR. It also completes
	 * a pending access first: after INTR the vCPU's state is consistent.
	 */
	void (*kick)(struct vmoon_hv_vcpu *vcpu);
	/* The sandbox allows these and no others; NULL: there are none. */
	struct vmoon_hv_calls (*calls)(struct vmoon_hv_vcpu *vcpu);
	void (*destroy)(struct vmoon_hv_vcpu *vcpu);
};

struct vmoon_hv_vcpu {
	const struct vmoon_hv_vcpu_ops *ops;
};

/*
 * A guest's write that signals fd and is no exit. size 0 is any width, without
 * datamatch; with one only writes of size bytes and this very value count.
 */
struct vmoon_hv_ioeventfd {
	uint64_t addr;
	uint64_t datamatch;
	int fd;       /* borrowed until remove or destroy */
	uint8_t size; /* 0, 1, 2, 4, 8 */
	bool has_datamatch, is_pio;
};

/* One bit per page of 4 KiB, in whole words. */
static inline uint64_t vmoon_hv_dirty_words(uint64_t size)
{
	return size / 4096 / 64 + (size / 4096 % 64 != 0);
}

struct vmoon_hv_vm_ops {
	/* host is borrowed until destroy; ranges never overlap. */
	enum vmoon_status (*map_memory)(struct vmoon_hv_vm *vm, vmoon_gpa gpa,
					uint64_t size, void *host,
					struct vmoon_error *err);
	/*
	 * Whether the guest's writes to the memory that was mapped at gpa are
	 * noted from now on; nothing is noted at first, and nothing is left
	 * after switching off. Any thread, but one at a time.
	 */
	enum vmoon_status (*log_dirty)(struct vmoon_hv_vm *vm, vmoon_gpa gpa,
				       bool is_on, struct vmoon_error *err);
	/*
	 * Sets a bit for each page written since the last call and forgets
	 * them; the bits that are set already stay. words is
	 * vmoon_hv_dirty_words of the memory. E_STATE: no log is kept.
	 */
	enum vmoon_status (*take_dirty)(struct vmoon_hv_vm *vm, vmoon_gpa gpa,
					uint64_t *bitmap, size_t words,
					struct vmoon_error *err);
	/* index < cpu_count <= VMOON_CPUS_MAX; the local APIC id is index. */
	enum vmoon_status (*create_vcpu)(struct vmoon_hv_vm *vm, unsigned index,
					 unsigned cpu_count,
					 struct vmoon_hv_vcpu **out_vcpu,
					 struct vmoon_error *err);
	/* Any thread. Trouble is counted by the caller, never fatal. */
	enum vmoon_status (*set_irq)(struct vmoon_hv_vm *vm, unsigned gsi,
				     bool level);
	/*
	 * From now on a signal on the eventfd fd is a pulse of line gsi. With
	 * resample_fd (else -1) it raises the line, and the guest's end of
	 * interrupt lowers it and signals resample_fd. Descriptors are borrowed
	 * until remove or destroy. E_SYS with EBUSY: fd has a line already.
	 */
	enum vmoon_status (*add_irqfd)(struct vmoon_hv_vm *vm, unsigned gsi,
				       int fd, int resample_fd,
				       struct vmoon_error *err);
	/* Removing what was never added is no error. */
	enum vmoon_status (*remove_irqfd)(struct vmoon_hv_vm *vm, unsigned gsi,
					  int fd, struct vmoon_error *err);
	/* E_SYS with EEXIST: these writes have a descriptor already. */
	enum vmoon_status (*add_ioeventfd)(struct vmoon_hv_vm *vm,
					   const struct vmoon_hv_ioeventfd *io,
					   struct vmoon_error *err);
	/* The same values as were added; E_SYS with ENOENT: they were not. */
	enum vmoon_status (*remove_ioeventfd)(
		struct vmoon_hv_vm *vm, const struct vmoon_hv_ioeventfd *io,
		struct vmoon_error *err);
	/* Interrupt chips and timer back to power-on; no vCPU is running. */
	enum vmoon_status (*reset)(struct vmoon_hv_vm *vm,
				   struct vmoon_error *err);
	/*
	 * Interrupt chips, timer and clock, to and from a snapshot; no vCPU is
	 * running. The lines' levels are the devices': set them after load.
	 * Failures of load are as a vCPU's.
	 */
	enum vmoon_status (*save)(struct vmoon_hv_vm *vm,
				  struct vmoon_state_writer *w,
				  struct vmoon_error *err);
	enum vmoon_status (*load)(struct vmoon_hv_vm *vm,
				  struct vmoon_state_reader *r,
				  struct vmoon_error *err);
	struct vmoon_hv_calls (*calls)(struct vmoon_hv_vm *vm);
	void (*destroy)(struct vmoon_hv_vm *vm); /* after its vCPUs */
};

struct vmoon_hv_vm {
	const struct vmoon_hv_vm_ops *ops;
};

/* Highest GSI + 1 of the x86 interrupt chips: one IOAPIC with 24 pins. */
enum { VMOON_GSI_COUNT = 24 };

/* Whether an ioeventfd can ever be signalled: size, range and datamatch. */
VMOON_STATUS vmoon_hv_check_ioeventfd(const struct vmoon_hv_ioeventfd *io,
				      struct vmoon_error *err) VMOON_NONNULL(1);

/*
 * KVM (runtime/kvm). Creates a VM with in-kernel interrupt chips and PIT.
 * E_NOKVM with what is missing and what to do when the host cannot.
 */
VMOON_STATUS vmoon_kvm_create(struct vmoon_mem *mem, int kick_signal,
			      struct vmoon_hv_vm **out_vm,
			      struct vmoon_error *err);
VMOON_STATUS vmoon_kvm_check(struct vmoon_error *err);
/* The requests alone, fd -1: what tests read without KVM. */
struct vmoon_hv_calls vmoon_kvm_vm_calls(void);
struct vmoon_hv_calls vmoon_kvm_vcpu_calls(void);

#endif
