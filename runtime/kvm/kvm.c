/* SPDX-License-Identifier: MIT */
/* kvm.c - opening KVM and creating a VM. */
#include "kvm.h"

#include "boot/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { KVM_API = 12, CREATE_TRIES = 100 };

static const struct {
	int cap;
	const char *name;
} required[] = {
	{KVM_CAP_USER_MEMORY, "USER_MEMORY"},
	{KVM_CAP_IRQCHIP, "IRQCHIP"},
	{KVM_CAP_IRQ_ROUTING, "IRQ_ROUTING"},
	{KVM_CAP_PIT2, "PIT2"},
	{KVM_CAP_PIT_STATE2, "PIT_STATE2"},
	{KVM_CAP_SET_TSS_ADDR, "SET_TSS_ADDR"},
	{KVM_CAP_SET_IDENTITY_MAP_ADDR, "SET_IDENTITY_MAP_ADDR"},
	{KVM_CAP_EXT_CPUID, "EXT_CPUID"},
	{KVM_CAP_MP_STATE, "MP_STATE"},
	{KVM_CAP_VCPU_EVENTS, "VCPU_EVENTS"},
	{KVM_CAP_DEBUGREGS, "DEBUGREGS"},
	{KVM_CAP_XSAVE, "XSAVE"},
	{KVM_CAP_IRQFD, "IRQFD"},
	{KVM_CAP_IRQFD_RESAMPLE, "IRQFD_RESAMPLE"},
	{KVM_CAP_IOEVENTFD, "IOEVENTFD"},
	{KVM_CAP_IMMEDIATE_EXIT, "IMMEDIATE_EXIT"},
};

static enum vmoon_status fail_open(const char *path, int sys,
				   struct vmoon_error *err)
{
	switch (sys) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return vmoon_fail(err, VMOON_E_NOKVM, 0,
				  "no %s: load the kvm_intel or kvm_amd "
				  "module, or use tests/testbed/run",
				  path);
	case EACCES:
	case EPERM:
		return vmoon_fail(err, VMOON_E_NOKVM, 0,
				  "%s: permission denied: add yourself to the "
				  "group that owns it (ls -l %s)",
				  path, path);
	default: return vmoon_fail(err, VMOON_E_NOKVM, sys, "open %s", path);
	}
}

static enum vmoon_status check_host(int fd, const char *path,
				    struct vmoon_error *err)
{
	int version = ioctl(fd, KVM_GET_API_VERSION, 0);

	if (version < 0)
		return vmoon_fail(err, VMOON_E_NOKVM, 0,
				  "%s is not KVM's device: remove it and load "
				  "the kvm_intel or kvm_amd module",
				  path);
	if (version != KVM_API)
		return vmoon_fail(err, VMOON_E_NOKVM, 0,
				  "%s: this KVM speaks API version %d instead "
				  "of %d: use a newer host kernel",
				  path, version, KVM_API);
	for (size_t i = 0; i < VMOON_COUNTOF(required); i++)
		if (ioctl(fd, KVM_CHECK_EXTENSION, required[i].cap) <= 0)
			return vmoon_fail(err, VMOON_E_NOKVM, 0,
					  "%s: this KVM lacks KVM_CAP_%s: use "
					  "a newer host kernel",
					  path, required[i].name);
	return VMOON_OK;
}

enum vmoon_status vmoon_kvm_open(const char *path, int *out_fd,
				 struct vmoon_error *err)
{
	enum vmoon_status st;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return fail_open(path, errno, err);
	st = check_host(fd, path, err);
	if (st != VMOON_OK) {
		close(fd);
		return st;
	}
	*out_fd = fd;
	return VMOON_OK;
}

/* Some old kernels answer 0 for "not limited by more than the default". */
static unsigned limit_of(int fd, int cap, unsigned fallback)
{
	int n = ioctl(fd, KVM_CHECK_EXTENSION, cap);

	return n > 0 ? (unsigned)n : fallback;
}

static enum vmoon_status create_vm_fd(struct vmoon_kvm_vm *vm, int sys_fd,
				      struct vmoon_error *err)
{
	/* A signal for this thread makes it fail with EINTR. */
	for (int i = 0; i < CREATE_TRIES; i++) {
		vm->fd = ioctl(sys_fd, KVM_CREATE_VM, 0);
		if (vm->fd >= 0 || errno != EINTR)
			break;
	}
	if (vm->fd >= 0)
		return VMOON_OK;
	if (errno == EBUSY)
		return vmoon_fail(err, VMOON_E_NOKVM, 0,
				  "another hypervisor holds the CPU's "
				  "virtualization: stop it first");
	return vmoon_fail(err, errno == ENOMEM ? VMOON_E_NOMEM : VMOON_E_SYS,
			  errno, "create a VM with KVM");
}

/* What only the system descriptor can tell; it is closed afterwards. */
static enum vmoon_status read_host(struct vmoon_kvm_vm *vm, int sys_fd,
				   struct vmoon_error *err)
{
	int size = ioctl(sys_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	enum vmoon_status st;

	if (size < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "KVM_GET_VCPU_MMAP_SIZE");
	if ((size_t)size < sizeof(struct kvm_run))
		return vmoon_fail(
			err, VMOON_E_NOKVM, 0,
			"this KVM shares %d bytes with a vCPU and %zu "
			"are needed: use a newer host kernel",
			size, sizeof(struct kvm_run));
	vm->run_size = (size_t)size;
	vm->cpus_max = limit_of(sys_fd, KVM_CAP_MAX_VCPUS, 4);
	vm->slots_max = limit_of(sys_fd, KVM_CAP_NR_MEMSLOTS, 32);
	st = vmoon_kvm_cpuid_read(vm->mem, sys_fd, &vm->cpuid, err);
	if (st != VMOON_OK)
		return st;
	return vmoon_kvm_msr_list_read(vm, sys_fd, err);
}

/* Intel hosts put real-mode helpers there; must come before any vCPU. */
static enum vmoon_status reserve_pages(struct vmoon_kvm_vm *vm,
				       struct vmoon_error *err)
{
	uint64_t identity_map = VMOON_ADDR_IDENTITY_MAP;

	if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "KVM_SET_IDENTITY_MAP_ADDR");
	if (ioctl(vm->fd, KVM_SET_TSS_ADDR, (unsigned long)VMOON_ADDR_TSS) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "KVM_SET_TSS_ADDR");
	return VMOON_OK;
}

static void destroy(struct vmoon_hv_vm *hv)
{
	struct vmoon_kvm_vm *vm = vmoon_kvm_vm_of(hv);

	if (vm->fd >= 0)
		close(vm->fd);
	vmoon_kvm_memory_fini(vm);
	vmoon_mem_free(vm->mem, vm->msrs, vm->msrs_size);
	vmoon_kvm_cpuid_free(vm->mem, vm->cpuid);
	vmoon_mem_free(vm->mem, vm, sizeof(*vm));
}

static struct vmoon_hv_calls calls(struct vmoon_hv_vm *hv)
{
	struct vmoon_hv_calls c = vmoon_kvm_vm_calls();

	c.fd = vmoon_kvm_vm_of(hv)->fd;
	return c;
}

static const struct vmoon_hv_vm_ops vm_ops = {
	.map_memory = vmoon_kvm_memory_map,
	.log_dirty = vmoon_kvm_memory_log,
	.take_dirty = vmoon_kvm_memory_take,
	.create_vcpu = vmoon_kvm_vcpu_create,
	.set_irq = vmoon_kvm_irq_set,
	.add_irqfd = vmoon_kvm_irqfd_add,
	.remove_irqfd = vmoon_kvm_irqfd_remove,
	.add_ioeventfd = vmoon_kvm_ioeventfd_add,
	.remove_ioeventfd = vmoon_kvm_ioeventfd_remove,
	.reset = vmoon_kvm_irq_reset,
	.save = vmoon_kvm_vm_save,
	.load = vmoon_kvm_vm_load,
	.calls = calls,
	.destroy = destroy,
};

static enum vmoon_status set_up(struct vmoon_kvm_vm *vm, int sys_fd,
				struct vmoon_error *err)
{
	enum vmoon_status st = create_vm_fd(vm, sys_fd, err);

	if (st == VMOON_OK)
		st = read_host(vm, sys_fd, err);
	if (st == VMOON_OK)
		st = reserve_pages(vm, err);
	if (st == VMOON_OK)
		st = vmoon_kvm_irq_init(vm, err);
	return st;
}

enum vmoon_status vmoon_kvm_create_at(const char *path, struct vmoon_mem *mem,
				      int kick_signal,
				      struct vmoon_hv_vm **out_vm,
				      struct vmoon_error *err)
{
	struct vmoon_kvm_vm *vm;
	enum vmoon_status st;
	sigset_t known;
	int sys_fd;

	/* sigaddset refuses what the C library keeps for itself. */
	sigemptyset(&known);
	if (sigaddset(&known, kick_signal) != 0 || kick_signal == SIGKILL ||
	    kick_signal == SIGSTOP)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "signal %d cannot wake a vCPU", kick_signal);
	st = vmoon_kvm_open(path, &sys_fd, err);
	if (st != VMOON_OK)
		return st;
	vm = vmoon_mem_alloc(mem, sizeof(*vm));
	if (vm == NULL) {
		st = vmoon_fail(err, VMOON_E_NOMEM, ENOMEM, "create a VM");
		goto out_close;
	}
	vm->hv.ops = &vm_ops;
	vm->mem = mem;
	vm->fd = -1;
	vm->kick_signal = kick_signal;
	st = set_up(vm, sys_fd, err);
	if (st == VMOON_OK)
		*out_vm = &vm->hv;
	else
		destroy(&vm->hv);
out_close:
	close(sys_fd);
	return st;
}

enum vmoon_status vmoon_kvm_create(struct vmoon_mem *mem, int kick_signal,
				   struct vmoon_hv_vm **out_vm,
				   struct vmoon_error *err)
{
	return vmoon_kvm_create_at("/dev/kvm", mem, kick_signal, out_vm, err);
}

enum vmoon_status vmoon_kvm_check(struct vmoon_error *err)
{
	enum vmoon_status st;
	int fd;

	st = vmoon_kvm_open("/dev/kvm", &fd, err);
	if (st == VMOON_OK)
		close(fd);
	return st;
}
