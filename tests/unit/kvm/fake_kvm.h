/* SPDX-License-Identifier: MIT */
/*
 * fake_kvm.h - KVM's system calls without KVM: this program's own ioctl. It
 * keeps no state of a guest; it logs, answers, and fails on cue.
 */
#ifndef VMOON_TESTS_FAKE_KVM_H
#define VMOON_TESTS_FAKE_KVM_H

#include "kvm/kvm.h"
#include "tests/support/fixture.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FAKE_LOG = 8192, FAKE_RUN_BYTES = 3 * 4096 };

static struct fake_kvm {
	int version;
	int missing;      /* capability, or -1 */
	unsigned fail_at; /* n-th ioctl, counted from 1 */
	int fail_sys;     /* its errno */
	uint32_t msrs;    /* how many the host lists, from number 0x10 on */
	uint32_t bad_msr; /* not to be read or written; 0: none */
	int cpuid_sys;    /* errno of KVM_GET_SUPPORTED_CPUID, or 0 */
	int tsc_khz;
	int run_sys;         /* KVM_RUN: errno, or 0 */
	uint32_t run_reason; /* and what it leaves as the reason */
	unsigned long log[FAKE_LOG];
	size_t count;
	struct kvm_run *run;  /* of the last vCPU */
	uint32_t clock_flags; /* of the last KVM_SET_CLOCK */
	uint32_t xcrs;        /* that a vCPU has */
} fake;

static inline void fake_kvm_init(void)
{
	fake = (struct fake_kvm){.version = 12,
				 .missing = -1,
				 .msrs = 8,
				 .tsc_khz = 2000000,
				 .clock_flags = 99,
				 .xcrs = 1};
}

static inline int fake_fail(int sys)
{
	errno = sys;
	return -1;
}

static inline int fake_new_fd(size_t bytes)
{
	int fd = memfd_create("fake-kvm", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

static inline int fake_extension(int cap)
{
	if (cap == fake.missing)
		return 0;
	switch (cap) {
	case KVM_CAP_MAX_VCPUS: return 64;
	case KVM_CAP_NR_MEMSLOTS: return 32;
	case KVM_CAP_XSAVE2: return 0;
	default: return 1;
	}
}

static inline int fake_msr_list(struct kvm_msr_list *list)
{
	const uint32_t room = list->nmsrs;

	list->nmsrs = fake.msrs;
	if (room < fake.msrs)
		return fake_fail(E2BIG);
	for (uint32_t i = 0; i < fake.msrs; i++)
		list->indices[i] = 0x10 + i;
	return 0;
}

/* The number of MSRs before the one that is refused. */
static inline int fake_msrs(struct kvm_msrs *list, bool is_set)
{
	for (uint32_t i = 0; i < list->nmsrs; i++) {
		if (fake.bad_msr != 0 && list->entries[i].index == fake.bad_msr)
			return (int)i;
		if (!is_set)
			list->entries[i].data = list->entries[i].index;
	}
	return (int)list->nmsrs;
}

static inline int fake_run(void)
{
	if (fake.run == NULL)
		return fake_fail(EINTR);
	fake.run->exit_reason = fake.run_reason;
	return fake.run_sys == 0 ? 0 : fake_fail(fake.run_sys);
}

static inline int fake_cpuid(struct kvm_cpuid2 *list)
{
	if (fake.cpuid_sys != 0)
		return fake_fail(fake.cpuid_sys);
	memset(list->entries, 0, 2 * sizeof(list->entries[0]));
	list->nent = 2;
	list->entries[0].eax = 1;
	list->entries[1].function = 1;
	list->entries[1].edx = 0x0f8bfbff;
	return 0;
}

static inline int fake_get_chip(struct kvm_irqchip *chip)
{
	memset(&chip->chip, 0x5a, sizeof(chip->chip));
	return 0;
}

/* In the place of the C library's. */
int ioctl(int fd, unsigned long request, ...)
{
	unsigned long arg;
	va_list ap;

	va_start(ap, request);
	arg = va_arg(ap, unsigned long);
	va_end(ap);
	(void)fd;
	if (fake.count < FAKE_LOG)
		fake.log[fake.count] = request;
	fake.count++;
	if (fake.count == fake.fail_at)
		return fake_fail(fake.fail_sys);
	switch (request) {
	case KVM_GET_API_VERSION: return fake.version;
	case KVM_CHECK_EXTENSION: return fake_extension((int)arg);
	case KVM_GET_VCPU_MMAP_SIZE: return FAKE_RUN_BYTES;
	case KVM_CREATE_VM: return fake_new_fd(0);
	case KVM_CREATE_VCPU: return fake_new_fd(FAKE_RUN_BYTES);
	case KVM_GET_SUPPORTED_CPUID: return fake_cpuid((void *)arg);
	case KVM_GET_MSR_INDEX_LIST: return fake_msr_list((void *)arg);
	case KVM_GET_MSRS: return fake_msrs((void *)arg, false);
	case KVM_SET_MSRS: return fake_msrs((void *)arg, true);
	case KVM_GET_IRQCHIP: return fake_get_chip((void *)arg);
	case KVM_GET_TSC_KHZ: return fake.tsc_khz;
	case KVM_RUN: return fake_run();
	case KVM_GET_XCRS:
		((struct kvm_xcrs *)arg)->nr_xcrs = fake.xcrs;
		return 0;
	case KVM_SET_CLOCK:
		fake.clock_flags = ((struct kvm_clock_data *)arg)->flags;
		return 0;
	default: return 0;
	}
}

/* Where a request is in the log, from its begin on; SIZE_MAX: nowhere. */
static inline size_t fake_find(unsigned long request, size_t begin)
{
	for (size_t i = begin; i < fake.count && i < FAKE_LOG; i++)
		if (fake.log[i] == request)
			return i;
	return SIZE_MAX;
}

static inline unsigned fake_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

static inline enum vmoon_status fake_create(struct vmoon_hv_vm **out_vm,
					    struct vmoon_error *err)
{
	return vmoon_kvm_create_at("/dev/null", NULL, SIGRTMIN + 3, out_vm,
				   err);
}

static inline enum vmoon_status fake_create_cpu(struct vmoon_hv_vm *vm,
						struct vmoon_hv_vcpu **out_cpu,
						struct vmoon_error *err)
{
	enum vmoon_status st = vm->ops->create_vcpu(vm, 0, 1, out_cpu, err);

	if (st == VMOON_OK)
		fake.run = vmoon_kvm_vcpu_of(*out_cpu)->run;
	return st;
}

#endif
