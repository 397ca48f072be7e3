/* SPDX-License-Identifier: MIT */
/* kvm.h - what the files of the KVM backend share; nobody else includes it. */
#ifndef VMOON_RUNTIME_KVM_H
#define VMOON_RUNTIME_KVM_H

#include "hv.h"
#include "vmoon/state.h"

#include <pthread.h>
#include <stdatomic.h>

#include <linux/kvm.h>

enum {
	/* KVM itself accepts no more in KVM_SET_CPUID2. */
	VMOON_KVM_CPUID_MAX = 256,
	VMOON_KVM_MSRS_MAX = 4096,
	VMOON_KVM_IRQCHIPS = 3,
	/* Two are the board's RAM; the rest is for windows of devices. */
	VMOON_KVM_SLOTS_MAX = 32
};

#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif

/* Allocated in one piece, entries behind the head. */
struct kvm_cpuid2;
struct kvm_msr_list;
struct kvm_msrs;

struct vmoon_kvm_slot {
	vmoon_gpa gpa;
	uint64_t size;
	void *host;     /* borrowed: outlives the VM */
	uint64_t *seen; /* owned: room for KVM's answer; NULL: no log is kept */
};

struct vmoon_kvm_vm {
	struct vmoon_hv_vm hv;
	struct vmoon_mem *mem; /* borrowed: outlives this */
	int fd;                /* owned */
	int kick_signal;
	unsigned slots_used, slots_max, cpus_max;
	struct vmoon_kvm_slot slots[VMOON_KVM_SLOTS_MAX];
	size_t run_size;           /* bytes of each vCPU's shared mapping */
	struct kvm_cpuid2 *cpuid;  /* owned: what the host can offer */
	struct kvm_msr_list *msrs; /* owned: what a vCPU's state has */
	size_t msrs_size;          /* of *msrs, in bytes */
	struct kvm_irqchip chips[VMOON_KVM_IRQCHIPS]; /* at power-on */
	struct kvm_pit_state2 pit;                    /* at power-on */
};

/* Everything of a vCPU but its FPU, which has a defined initial state. */
struct vmoon_kvm_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xcrs xcrs; /* nr_xcrs is 0 on a CPU without XSAVE */
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp;
	struct kvm_msrs *msrs; /* owned: room for all of vm->msrs */
};

/* Where a vCPU's thread is; see kick() in kvm_vcpu.c. */
enum vmoon_kvm_phase {
	VMOON_KVM_OUTSIDE,
	VMOON_KVM_INSIDE, /* about to enter, in, or just back from KVM_RUN */
	VMOON_KVM_KICKED  /* the same, and exactly one signal is on its way */
};

struct vmoon_kvm_vcpu {
	struct vmoon_hv_vcpu hv;
	struct vmoon_kvm_vm *vm; /* borrowed: outlives this */
	int fd;                  /* owned */
	unsigned index;
	struct kvm_run *run;    /* owned mapping of vm->run_size bytes */
	pthread_t thread;       /* valid while phase is not OUTSIDE */
	_Atomic(int) phase;     /* enum vmoon_kvm_phase */
	bool is_fresh;          /* neither run nor reset since creation */
	bool is_access_pending; /* KVM still has to complete an I/O */
	struct vmoon_kvm_state power_on;
	struct kvm_cpuid2 *cpuid; /* owned: as it was set */
};

static inline struct vmoon_kvm_vm *vmoon_kvm_vm_of(struct vmoon_hv_vm *hv)
{
	return VMOON_CONTAINER_OF(hv, struct vmoon_kvm_vm, hv);
}

static inline struct vmoon_kvm_vcpu *vmoon_kvm_vcpu_of(struct vmoon_hv_vcpu *hv)
{
	return VMOON_CONTAINER_OF(hv, struct vmoon_kvm_vcpu, hv);
}

/* kvm.c: opens KVM's device at path and checks version and capabilities. */
VMOON_STATUS vmoon_kvm_open(const char *path, int *out_fd,
			    struct vmoon_error *err) VMOON_NONNULL(1, 2);

/* The same with KVM's device at another path. */
VMOON_STATUS vmoon_kvm_create_at(const char *path, struct vmoon_mem *mem,
				 int kick_signal, struct vmoon_hv_vm **out_vm,
				 struct vmoon_error *err) VMOON_NONNULL(1, 4);

/* kvm_memory.c: slots, and which of their pages were written. */
VMOON_STATUS vmoon_kvm_memory_map(struct vmoon_hv_vm *hv, vmoon_gpa gpa,
				  uint64_t size, void *host,
				  struct vmoon_error *err) VMOON_NONNULL(1);
VMOON_STATUS vmoon_kvm_memory_log(struct vmoon_hv_vm *hv, vmoon_gpa gpa,
				  bool is_on, struct vmoon_error *err)
	VMOON_NONNULL(1);
VMOON_STATUS vmoon_kvm_memory_take(struct vmoon_hv_vm *hv, vmoon_gpa gpa,
				   uint64_t *bitmap, size_t words,
				   struct vmoon_error *err) VMOON_NONNULL(1, 3);
void vmoon_kvm_memory_fini(struct vmoon_kvm_vm *vm) VMOON_NONNULL(1);

/* kvm_vcpu.c */
VMOON_STATUS vmoon_kvm_vcpu_create(struct vmoon_hv_vm *hv, unsigned index,
				   unsigned cpu_count,
				   struct vmoon_hv_vcpu **out_vcpu,
				   struct vmoon_error *err) VMOON_NONNULL(1, 4);
/* Lets KVM finish an access that user space has answered or gave up. */
VMOON_STATUS vmoon_kvm_vcpu_settle(struct vmoon_kvm_vcpu *vcpu,
				   struct vmoon_error *err) VMOON_NONNULL(1);

/* kvm_exit.c: pure; run is not trusted beyond its run_size bytes. */
void vmoon_kvm_decode(struct kvm_run *run, size_t run_size, unsigned cpu,
		      struct vmoon_hv_exit *out_exit) VMOON_NONNULL(1, 4);

/* kvm_irq.c: interrupt chips, timer and routing; before the first vCPU. */
VMOON_STATUS vmoon_kvm_irq_init(struct vmoon_kvm_vm *vm,
				struct vmoon_error *err) VMOON_NONNULL(1);
VMOON_STATUS vmoon_kvm_irq_reset(struct vmoon_hv_vm *hv,
				 struct vmoon_error *err) VMOON_NONNULL(1);
VMOON_STATUS vmoon_kvm_irq_set(struct vmoon_hv_vm *hv, unsigned gsi, bool level)
	VMOON_NONNULL(1);

/* kvm_eventfd.c: descriptors in the place of exits and lines. */
VMOON_STATUS vmoon_kvm_irqfd_add(struct vmoon_hv_vm *hv, unsigned gsi, int fd,
				 int resample_fd, struct vmoon_error *err)
	VMOON_NONNULL(1);
VMOON_STATUS vmoon_kvm_irqfd_remove(struct vmoon_hv_vm *hv, unsigned gsi,
				    int fd, struct vmoon_error *err)
	VMOON_NONNULL(1);
VMOON_STATUS vmoon_kvm_ioeventfd_add(struct vmoon_hv_vm *hv,
				     const struct vmoon_hv_ioeventfd *io,
				     struct vmoon_error *err)
	VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_kvm_ioeventfd_remove(struct vmoon_hv_vm *hv,
					const struct vmoon_hv_ioeventfd *io,
					struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

/* kvm_cpuid.c: the host's offer, and the share of one CPU (pure). */
VMOON_STATUS vmoon_kvm_cpuid_read(struct vmoon_mem *mem, int sys_fd,
				  struct kvm_cpuid2 **out_cpuid,
				  struct vmoon_error *err) VMOON_NONNULL(3);
struct kvm_cpuid2 *vmoon_kvm_cpuid_alloc(struct vmoon_mem *mem) VMOON_MUST_USE;
void vmoon_kvm_cpuid_free(struct vmoon_mem *mem, struct kvm_cpuid2 *cpuid);
VMOON_STATUS vmoon_kvm_cpuid_for(const struct kvm_cpuid2 *host, unsigned index,
				 unsigned cpu_count, struct kvm_cpuid2 *out,
				 struct vmoon_error *err) VMOON_NONNULL(1, 4);
/* Pure. E_IMAGE: a CPU that was saved elsewhere has what this host has not. */
VMOON_STATUS vmoon_kvm_cpuid_check(const struct kvm_cpuid2 *host,
				   const struct kvm_cpuid2 *saved,
				   struct vmoon_error *err) VMOON_NONNULL(1, 2);

/* kvm_msr.c */
/* Fills vm->msrs. */
VMOON_STATUS vmoon_kvm_msr_list_read(struct vmoon_kvm_vm *vm, int sys_fd,
				     struct vmoon_error *err) VMOON_NONNULL(1);
/* What firmware would set, before the state at power-on is captured. */
VMOON_STATUS vmoon_kvm_msrs_default(const struct vmoon_kvm_vcpu *vcpu,
				    struct vmoon_error *err) VMOON_NONNULL(1);
VMOON_STATUS vmoon_kvm_msrs_capture(struct vmoon_kvm_vcpu *vcpu,
				    struct vmoon_error *err) VMOON_NONNULL(1);
VMOON_STATUS vmoon_kvm_msrs_reset(const struct vmoon_kvm_vcpu *vcpu,
				  struct vmoon_error *err) VMOON_NONNULL(1);
/* Room for count entries, none in use; NULL: too many, or no memory. */
struct kvm_msrs *vmoon_kvm_msrs_alloc(struct vmoon_mem *mem,
				      uint32_t count) VMOON_MUST_USE;
void vmoon_kvm_msrs_free(struct vmoon_mem *mem, struct kvm_msrs *list,
			 uint32_t count);
/*
 * Pure: which MSRs a snapshot holds, and in which order they are set. The new
 * list has room for its entries and no more.
 */
struct kvm_msrs *vmoon_kvm_msrs_to_save(struct vmoon_mem *mem,
					const struct kvm_msrs *power_on)
	VMOON_MUST_USE VMOON_NONNULL(2);
struct kvm_msrs *vmoon_kvm_msrs_in_order(struct vmoon_mem *mem,
					 const struct kvm_msrs *list)
	VMOON_MUST_USE VMOON_NONNULL(2);
/* Pure. E_IMAGE: list has one that is not to be saved. */
VMOON_STATUS vmoon_kvm_msrs_check(const struct vmoon_kvm_vcpu *vcpu,
				  const struct kvm_msrs *list,
				  struct vmoon_error *err) VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_kvm_msrs_save(const struct vmoon_kvm_vcpu *vcpu,
				 struct kvm_msrs **out_list,
				 struct vmoon_error *err) VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_kvm_msrs_load(const struct vmoon_kvm_vcpu *vcpu,
				 const struct kvm_msrs *list,
				 struct vmoon_error *err) VMOON_NONNULL(1, 2);

/* kvm_x86_64.c: registers. */
/* E_SYS with errno, "name of vCPU n". */
VMOON_STATUS vmoon_kvm_fail(const struct vmoon_kvm_vcpu *vcpu, const char *name,
			    struct vmoon_error *err) VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_kvm_x86_init(struct vmoon_kvm_vcpu *vcpu,
				struct vmoon_error *err) VMOON_NONNULL(1);
VMOON_STATUS vmoon_kvm_x86_reset(struct vmoon_hv_vcpu *hv,
				 const struct vmoon_x86_entry *entry,
				 struct vmoon_error *err) VMOON_NONNULL(1);

/* kvm_state.c: pure; a vCPU and a machine as sections of a snapshot. */
/* KVM's own structures, as bytes behind each other. */
struct vmoon_kvm_saved {
	struct vmoon_mem *mem; /* borrowed: outlives this */
	unsigned index;
	size_t xsave_size;           /* of *xsave, in bytes */
	struct vmoon_kvm_state core; /* owns its msrs: room for nmsrs */
	struct kvm_xsave *xsave;     /* owned */
	struct kvm_cpuid2 *cpuid;    /* owned */
	uint32_t tsc_khz;
};
struct vmoon_kvm_machine {
	struct kvm_pit_state2 pit;
	struct kvm_clock_data clock;
	struct kvm_irqchip chips[VMOON_KVM_IRQCHIPS];
};
void vmoon_kvm_saved_init(struct vmoon_kvm_saved *s,
			  const struct vmoon_kvm_vcpu *vcpu)
	VMOON_NONNULL(1, 2);
void vmoon_kvm_saved_fini(struct vmoon_kvm_saved *s) VMOON_NONNULL(1);
void vmoon_kvm_saved_put(const struct vmoon_kvm_saved *s,
			 struct vmoon_state_writer *w) VMOON_NONNULL(1, 2);
/*
 * Into an initialised one; finish it also after a failure. E_IMAGE: cut short,
 * of another version or vCPU, counts that do not fit, ...
 */
VMOON_STATUS vmoon_kvm_saved_get(struct vmoon_kvm_saved *out,
				 struct vmoon_state_reader *r,
				 struct vmoon_error *err) VMOON_NONNULL(1, 2);
void vmoon_kvm_machine_put(const struct vmoon_kvm_machine *m,
			   struct vmoon_state_writer *w) VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_kvm_machine_get(struct vmoon_kvm_machine *out,
				   struct vmoon_state_reader *r,
				   struct vmoon_error *err) VMOON_NONNULL(1, 2);

/* kvm_save.c: state out of KVM and back into a fresh VM. */
/* Bytes KVM reads and writes of a vCPU's XSAVE area. */
size_t vmoon_kvm_xsave_size(const struct vmoon_kvm_vm *vm) VMOON_NONNULL(1);
VMOON_STATUS vmoon_kvm_vcpu_save(struct vmoon_hv_vcpu *hv,
				 struct vmoon_state_writer *w,
				 struct vmoon_error *err) VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_kvm_vcpu_load(struct vmoon_hv_vcpu *hv,
				 struct vmoon_state_reader *r,
				 struct vmoon_error *err) VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_kvm_vm_save(struct vmoon_hv_vm *hv,
			       struct vmoon_state_writer *w,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_kvm_vm_load(struct vmoon_hv_vm *hv,
			       struct vmoon_state_reader *r,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2);

#endif
