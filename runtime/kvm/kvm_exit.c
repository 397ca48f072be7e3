/* SPDX-License-Identifier: MIT */
/*
 * kvm_exit.c - what a vCPU came back for: KVM's shared page, read with care.
 *
 * Not modelled: debug exits, MSR exits, hypercalls and the split interrupt
 * chip; nothing turns them on, so they end in an ERROR exit like any other
 * reason that is not known here.
 */
#include "kvm.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void VMOON_PRINTF(2, 3)
	set_error(struct vmoon_hv_exit *out, const char *fmt, ...)
{
	va_list ap;

	out->kind = VMOON_HV_EXIT_ERROR;
	va_start(ap, fmt);
	(void)vsnprintf(out->detail, sizeof(out->detail), fmt, ap);
	va_end(ap);
}

static void decode_pio(struct kvm_run *run, size_t run_size, unsigned cpu,
		       struct vmoon_hv_exit *out)
{
	const uint64_t bytes = (uint64_t)run->io.size * run->io.count;
	const unsigned size = run->io.size;

	if ((size != 1 && size != 2 && size != 4) || bytes == 0 ||
	    run->io.data_offset < sizeof(*run) ||
	    !vmoon_range_ok(run->io.data_offset, bytes, run_size)) {
		set_error(out,
			  "vCPU %u: KVM reports a port access of %u bytes "
			  "times %u at offset %#llx of %zu",
			  cpu, size, run->io.count,
			  (unsigned long long)run->io.data_offset, run_size);
		return;
	}
	out->kind = VMOON_HV_EXIT_PIO;
	out->is_write = run->io.direction == KVM_EXIT_IO_OUT;
	out->size = run->io.size;
	out->count = run->io.count;
	out->addr = run->io.port;
	out->data = (unsigned char *)run + run->io.data_offset;
}

static void decode_mmio(struct kvm_run *run, unsigned cpu,
			struct vmoon_hv_exit *out)
{
	const uint32_t len = run->mmio.len;

	if (len == 0 || len > sizeof(run->mmio.data)) {
		set_error(out,
			  "vCPU %u: KVM reports an access of %u bytes "
			  "at %#llx",
			  cpu, len, (unsigned long long)run->mmio.phys_addr);
		return;
	}
	/*
	 * 3, 5, 6 or 7 bytes are one half of an access across a page border.
	 * No register has such a size: all-ones, as if nobody were there.
	 */
	if ((len & (len - 1)) != 0) {
		memset(run->mmio.data, 0xff, len);
		out->kind = VMOON_HV_EXIT_INTR;
		return;
	}
	out->kind = VMOON_HV_EXIT_MMIO;
	out->is_write = run->mmio.is_write != 0;
	out->size = (uint8_t)len; /* <= 8 */
	out->count = 1;
	out->addr = run->mmio.phys_addr;
	out->data = run->mmio.data;
}

static void decode_internal(const struct kvm_run *run, unsigned cpu,
			    struct vmoon_hv_exit *out)
{
	const char *what;

	switch (run->internal.suberror) {
	case KVM_INTERNAL_ERROR_EMULATION:
		what = "could not emulate an instruction of the guest";
		break;
	case KVM_INTERNAL_ERROR_SIMUL_EX:
		what = "met an exception while delivering another";
		break;
	case KVM_INTERNAL_ERROR_DELIVERY_EV:
		what = "could not deliver an interrupt or exception";
		break;
	case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
		what = "got an exit from the CPU that it does not know";
		break;
	default: what = "gave up"; break;
	}
	set_error(out, "vCPU %u: KVM %s (internal error %u)", cpu, what,
		  run->internal.suberror);
}

static void decode_system(const struct kvm_run *run, unsigned cpu,
			  struct vmoon_hv_exit *out)
{
	out->kind = VMOON_HV_EXIT_SYSTEM;
	switch (run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN: out->system = VMOON_HV_POWEROFF; break;
	case KVM_SYSTEM_EVENT_RESET: out->system = VMOON_HV_RESET; break;
	case KVM_SYSTEM_EVENT_CRASH: out->system = VMOON_HV_CRASH; break;
	default:
		set_error(out,
			  "vCPU %u: KVM reports system event %u, which is "
			  "not known here",
			  cpu, run->system_event.type);
		break;
	}
}

/* Not in every <linux/kvm.h>: flags, address and size of the access. */
static void decode_memory_fault(const struct kvm_run *run, unsigned cpu,
				struct vmoon_hv_exit *out)
{
	uint64_t f[3];

	memcpy(f, run->padding, sizeof(f));
	set_error(out,
		  "vCPU %u: the memory at %#llx, %#llx bytes, cannot be "
		  "accessed (flags %#llx)",
		  cpu, (unsigned long long)f[1], (unsigned long long)f[2],
		  (unsigned long long)f[0]);
}

void vmoon_kvm_decode(struct kvm_run *run, size_t run_size, unsigned cpu,
		      struct vmoon_hv_exit *out)
{
	out->detail[0] = '\0';
	out->data = NULL;
	if (run_size < sizeof(*run)) {
		set_error(out, "vCPU %u: KVM shares %zu bytes only", cpu,
			  run_size);
		return;
	}
	switch (run->exit_reason) {
	case KVM_EXIT_IO: decode_pio(run, run_size, cpu, out); break;
	case KVM_EXIT_MMIO: decode_mmio(run, cpu, out); break;
	case KVM_EXIT_INTR: out->kind = VMOON_HV_EXIT_INTR; break;
	case KVM_EXIT_HLT: out->kind = VMOON_HV_EXIT_HALT; break;
	case KVM_EXIT_SHUTDOWN:
		set_error(out, "vCPU %u: triple fault", cpu);
		out->kind = VMOON_HV_EXIT_SHUTDOWN;
		break;
	case KVM_EXIT_SYSTEM_EVENT: decode_system(run, cpu, out); break;
	case KVM_EXIT_MEMORY_FAULT: decode_memory_fault(run, cpu, out); break;
	case KVM_EXIT_INTERNAL_ERROR: decode_internal(run, cpu, out); break;
	case KVM_EXIT_FAIL_ENTRY:
		set_error(out,
			  "vCPU %u: the CPU refused the guest's state, reason "
			  "%#llx",
			  cpu,
			  (unsigned long long)run->fail_entry
				  .hardware_entry_failure_reason);
		break;
	default:
		set_error(out,
			  "vCPU %u: KVM exit reason %u, which is not known "
			  "here",
			  cpu, run->exit_reason);
		break;
	}
}
