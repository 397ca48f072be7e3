/* SPDX-License-Identifier: MIT */
/* cpu.c - what the host's CPU can do. */
#include "vmoon/vmoon.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* Intel SDM 2A, CPUID leaf 1 ECX.VMX; AMD APM 3, leaf 0x80000001 ECX.SVM. */
enum { CPUID_VMX = 1 << 5, CPUID_SVM = 1 << 2 };

bool vmoon_host_has_hw_virt(void)
{
	unsigned a, b, c, d;

	if (__get_cpuid(1, &a, &b, &c, &d) && (c & CPUID_VMX) != 0)
		return true;
	return __get_cpuid(0x80000001u, &a, &b, &c, &d) && (c & CPUID_SVM) != 0;
}
#else
bool vmoon_host_has_hw_virt(void)
{
	return false;
}
#endif
