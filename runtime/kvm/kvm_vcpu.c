/* SPDX-License-Identifier: MIT */
/* kvm_vcpu.c - creating a vCPU, running it and making it come back. */
#include "kvm.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	/*
	 * The emulator goes back to the guest after 1024 elements of a string
	 * instruction; an MMIO element is at most 4 exits.
	 */
	SETTLE_TURNS_MAX = 8192,
	KERNEL_SIGSET_BYTES = 8
};

/* The head of KVM_SET_SIGNAL_MASK with its set behind it. */
union signal_mask {
	struct kvm_signal_mask head;
	unsigned char
		bytes[sizeof(struct kvm_signal_mask) + KERNEL_SIGSET_BYTES];
};

/*
 * The kick signal stays blocked in the thread, so it needs no handler; only
 * while KVM_RUN is in the kernel it is not, and pending it ends KVM_RUN.
 */
static enum vmoon_status attach(struct vmoon_hv_vcpu *hv,
				struct vmoon_error *err)
{
	struct vmoon_kvm_vcpu *vcpu = vmoon_kvm_vcpu_of(hv);
	union signal_mask inside;
	sigset_t kick, mask;
	int sys;

	sigemptyset(&kick);
	sigaddset(&kick, vcpu->vm->kick_signal);
	sys = pthread_sigmask(SIG_BLOCK, &kick, &mask);
	if (sys != 0)
		return vmoon_fail(err, VMOON_E_SYS, sys,
				  "block the kick signal of vCPU %u",
				  vcpu->index);
	sigdelset(&mask, vcpu->vm->kick_signal);
	inside.head.len = KERNEL_SIGSET_BYTES;
	memcpy(inside.head.sigset, &mask, KERNEL_SIGSET_BYTES);
	if (ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &inside) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "KVM_SET_SIGNAL_MASK of vCPU %u",
				  vcpu->index);
	vcpu->thread = pthread_self();
	return VMOON_OK;
}

static void set_immediate_exit(struct vmoon_kvm_vcpu *vcpu, uint8_t value)
{
	__atomic_store_n(&vcpu->run->immediate_exit, value, __ATOMIC_SEQ_CST);
}

/*
 * Any thread. immediate_exit makes the next KVM_RUN return; a vCPU that may
 * be past looking at it gets a signal as well. Both sides store before they
 * load (here immediate_exit, then phase; enter() phase, then the kernel reads
 * immediate_exit), so one of the two always works. Whoever turns INSIDE into
 * KICKED sends exactly one signal, and enter() does not return before it has
 * taken it: no signal is ever sent to a thread that left, or ended.
 */
static void kick(struct vmoon_hv_vcpu *hv)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct vmoon_kvm_vcpu *vcpu = vmoon_kvm_vcpu_of(hv);
	int phase = VMOON_KVM_INSIDE;

	set_immediate_exit(vcpu, 1);
	if (!atomic_compare_exchange_strong(&vcpu->phase, &phase,
					    VMOON_KVM_KICKED))
		return;
	/* EAGAIN: the user's limit of queued signals; the vCPU waits for it. */
	while (pthread_kill(vcpu->thread, vcpu->vm->kick_signal) == EAGAIN)
		(void)ppoll(NULL, 0, &pause, NULL);
}

static void take_signal(const struct vmoon_kvm_vcpu *vcpu)
{
	sigset_t kick;

	sigemptyset(&kick);
	sigaddset(&kick, vcpu->vm->kick_signal);
	while (sigwaitinfo(&kick, NULL) < 0 && errno == EINTR)
		;
}

/* One KVM_RUN; 0 or its errno. */
static int enter(struct vmoon_kvm_vcpu *vcpu)
{
	int sys;

	atomic_store(&vcpu->phase, VMOON_KVM_INSIDE); /* partner: kick() */
	/* A failing KVM_RUN may or may not fill it in. */
	vcpu->run->exit_reason = KVM_EXIT_UNKNOWN;
	sys = ioctl(vcpu->fd, KVM_RUN, 0) < 0 ? errno : 0;
	if (atomic_exchange(&vcpu->phase, VMOON_KVM_OUTSIDE) ==
	    VMOON_KVM_KICKED)
		take_signal(vcpu);
	return sys;
}

/* Where it happened helps more than anything else. */
static void add_rip(const struct vmoon_kvm_vcpu *vcpu,
		    struct vmoon_hv_exit *out)
{
	const size_t used = strlen(out->detail);
	struct kvm_regs regs;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) == 0)
		(void)snprintf(out->detail + used, sizeof(out->detail) - used,
			       " at rip %#llx", (unsigned long long)regs.rip);
}

static enum vmoon_status run(struct vmoon_hv_vcpu *hv,
			     struct vmoon_hv_exit *out_exit,
			     struct vmoon_error *err)
{
	struct vmoon_kvm_vcpu *vcpu = vmoon_kvm_vcpu_of(hv);
	int sys;

	vcpu->is_fresh = false;
	sys = enter(vcpu);
	if (sys == EINTR) {
		/* A kick after this line makes the next run return. */
		set_immediate_exit(vcpu, 0);
		vcpu->is_access_pending = false;
		out_exit->kind = VMOON_HV_EXIT_INTR;
		return VMOON_OK;
	}
	/* An application processor on its way from INIT to SIPI: once more. */
	if (sys == EAGAIN) {
		out_exit->kind = VMOON_HV_EXIT_INTR;
		return VMOON_OK;
	}
	/* Some exits that are the guest's doing come with an errno. */
	if (sys != 0 && vcpu->run->exit_reason != KVM_EXIT_MEMORY_FAULT)
		return vmoon_fail(err,
				  sys == ENOMEM ? VMOON_E_NOMEM : VMOON_E_SYS,
				  sys, "KVM_RUN of vCPU %u", vcpu->index);
	vmoon_kvm_decode(vcpu->run, vcpu->vm->run_size, vcpu->index, out_exit);
	vcpu->is_access_pending = vcpu->run->exit_reason == KVM_EXIT_IO ||
				  vcpu->run->exit_reason == KVM_EXIT_MMIO;
	if (out_exit->kind == VMOON_HV_EXIT_ERROR)
		add_rip(vcpu, out_exit);
	return VMOON_OK;
}

enum vmoon_status vmoon_kvm_vcpu_settle(struct vmoon_kvm_vcpu *vcpu,
					struct vmoon_error *err)
{
	int sys = vcpu->is_access_pending ? 0 : EINTR;

	for (int i = 0; sys == 0 && i < SETTLE_TURNS_MAX; i++) {
		/* Stays set: the next run returns INTR once, kicked or not. */
		set_immediate_exit(vcpu, 1);
		sys = enter(vcpu);
	}
	if (sys != EINTR)
		return vmoon_fail(err, VMOON_E_SYS, sys,
				  "finish the last access of vCPU %u",
				  vcpu->index);
	vcpu->is_access_pending = false;
	return VMOON_OK;
}

static void destroy(struct vmoon_hv_vcpu *hv)
{
	struct vmoon_kvm_vcpu *vcpu = vmoon_kvm_vcpu_of(hv);

	if (vcpu->run != NULL)
		munmap(vcpu->run, vcpu->vm->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	vmoon_kvm_msrs_free(vcpu->vm->mem, vcpu->power_on.msrs,
			    vcpu->vm->msrs->nmsrs);
	vmoon_kvm_cpuid_free(vcpu->vm->mem, vcpu->cpuid);
	vmoon_mem_free(vcpu->vm->mem, vcpu, sizeof(*vcpu));
}

static struct vmoon_hv_calls calls(struct vmoon_hv_vcpu *hv)
{
	struct vmoon_hv_calls c = vmoon_kvm_vcpu_calls();

	c.fd = vmoon_kvm_vcpu_of(hv)->fd;
	return c;
}

static const struct vmoon_hv_vcpu_ops vcpu_ops = {
	.attach = attach,
	.reset = vmoon_kvm_x86_reset,
	.save = vmoon_kvm_vcpu_save,
	.load = vmoon_kvm_vcpu_load,
	.run = run,
	.kick = kick,
	.calls = calls,
	.destroy = destroy,
};

static enum vmoon_status set_cpuid(struct vmoon_kvm_vcpu *vcpu,
				   unsigned cpu_count, struct vmoon_error *err)
{
	enum vmoon_status st;

	vcpu->cpuid = vmoon_kvm_cpuid_alloc(vcpu->vm->mem);
	if (vcpu->cpuid == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "set the CPUID");
	st = vmoon_kvm_cpuid_for(vcpu->vm->cpuid, vcpu->index, cpu_count,
				 vcpu->cpuid, err);
	if (st == VMOON_OK && ioctl(vcpu->fd, KVM_SET_CPUID2, vcpu->cpuid) != 0)
		st = vmoon_kvm_fail(vcpu, "KVM_SET_CPUID2", err);
	return st;
}

static enum vmoon_status set_up(struct vmoon_kvm_vcpu *vcpu, unsigned cpu_count,
				struct vmoon_error *err)
{
	enum vmoon_status st;
	void *page;

	vcpu->fd = ioctl(vcpu->vm->fd, KVM_CREATE_VCPU,
			 (unsigned long)vcpu->index);
	if (vcpu->fd < 0)
		return vmoon_fail(err,
				  errno == ENOMEM ? VMOON_E_NOMEM : VMOON_E_SYS,
				  errno, "create vCPU %u", vcpu->index);
	page = mmap(NULL, vcpu->vm->run_size, PROT_READ | PROT_WRITE,
		    MAP_SHARED, vcpu->fd, 0);
	if (page == MAP_FAILED)
		return vmoon_fail(
			err, errno == ENOMEM ? VMOON_E_NOMEM : VMOON_E_SYS,
			errno, "map the run page of vCPU %u", vcpu->index);
	vcpu->run = page;
	st = set_cpuid(vcpu, cpu_count, err);
	if (st != VMOON_OK)
		return st;
	return vmoon_kvm_x86_init(vcpu, err);
}

enum vmoon_status vmoon_kvm_vcpu_create(struct vmoon_hv_vm *hv, unsigned index,
					unsigned cpu_count,
					struct vmoon_hv_vcpu **out_vcpu,
					struct vmoon_error *err)
{
	struct vmoon_kvm_vm *vm = vmoon_kvm_vm_of(hv);
	struct vmoon_kvm_vcpu *vcpu;
	enum vmoon_status st;

	if (index >= cpu_count || cpu_count > VMOON_CPUS_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "vCPU %u of %u: at most %d are possible",
				  index, cpu_count, VMOON_CPUS_MAX);
	if (cpu_count > vm->cpus_max)
		return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
				  "%u CPUs: this KVM allows %u", cpu_count,
				  vm->cpus_max);
	vcpu = vmoon_mem_alloc(vm->mem, sizeof(*vcpu));
	if (vcpu == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "create vCPU %u",
				  index);
	vcpu->hv.ops = &vcpu_ops;
	vcpu->vm = vm;
	vcpu->index = index;
	vcpu->fd = -1;
	vcpu->is_fresh = true;
	atomic_init(&vcpu->phase, VMOON_KVM_OUTSIDE);
	st = set_up(vcpu, cpu_count, err);
	if (st == VMOON_OK)
		*out_vcpu = &vcpu->hv;
	else
		destroy(&vcpu->hv);
	return st;
}
