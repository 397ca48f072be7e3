/* SPDX-License-Identifier: MIT */
/* vm_info.c - what a VM tells about itself: name, exit record, statistics. */
#include "vm.h"

#include <string.h>

static const char *const reason_names[] = {
	[VMOON_EXIT_NONE] = "none",
	[VMOON_EXIT_POWEROFF] = "poweroff",
	[VMOON_EXIT_REBOOT] = "reboot",
	[VMOON_EXIT_PANIC] = "panic",
	[VMOON_EXIT_CRASH] = "crash",
	[VMOON_EXIT_DEBUG_EXIT] = "debug-exit",
	[VMOON_EXIT_STOPPED] = "stopped",
	[VMOON_EXIT_HALT] = "halt",
	[VMOON_EXIT_HOST_ERROR] = "host-error",
};

/* Statuses of the `vmoon` command; 101 and from 103 on are its own. */
enum { STATUS_PANIC = 100, STATUS_CRASH = 102, STATUS_DEBUG_EXIT_MAX = 63 };

const char *vmoon_exit_reason_name(enum vmoon_exit_reason reason)
{
	if ((unsigned)reason >= VMOON_COUNTOF(reason_names))
		return "unknown";
	return reason_names[reason];
}

int vmoon_exit_status(const struct vmoon_exit_record *record)
{
	if (record == NULL)
		return STATUS_CRASH;
	switch (record->reason) {
	case VMOON_EXIT_NONE:
	case VMOON_EXIT_POWEROFF:
	case VMOON_EXIT_REBOOT:
	case VMOON_EXIT_STOPPED: return 0;
	case VMOON_EXIT_PANIC: return STATUS_PANIC;
	case VMOON_EXIT_DEBUG_EXIT:
		return record->guest_status < STATUS_DEBUG_EXIT_MAX
			       ? (int)record->guest_status
			       : STATUS_DEBUG_EXIT_MAX;
	case VMOON_EXIT_CRASH:
	case VMOON_EXIT_HALT:
	case VMOON_EXIT_HOST_ERROR: return STATUS_CRASH;
	}
	return STATUS_CRASH;
}

struct vmoon_runtime *vmoon_vm_runtime(const struct vmoon_vm *vm)
{
	return vm == NULL ? NULL : vm->rt;
}

const char *vmoon_vm_name(const struct vmoon_vm *vm)
{
	return vm == NULL ? "" : vm->spec.name;
}

/* A sized struct: the caller's may be older and shorter than ours. */
static void copy_sized(void *out, size_t out_size, const void *src,
		       size_t src_size)
{
	memcpy(out, src, out_size < src_size ? out_size : src_size);
	memcpy(out, &out_size, sizeof(out_size));
}

void vmoon_vm_get_exit(const struct vmoon_vm *vm, struct vmoon_exit_record *out)
{
	static const struct vmoon_exit_record none = {.size = 0};

	if (out == NULL)
		return;
	/* The record is complete before the state says so. */
	copy_sized(out, out->size,
		   vm != NULL && vmoon_vm_is_over(vm) ? &vm->exit : &none,
		   sizeof(none));
}

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void add_vcpu(struct vmoon_vm_stats *st, const struct vmoon_vcpu *v)
{
	st->exits_pio += load(&v->pio);
	st->exits_mmio += load(&v->mmio);
	st->exits_halt += load(&v->halt);
	st->exits_intr += load(&v->intr);
	st->exits_other += load(&v->other);
	st->pio_unclaimed += load(&v->pio_unclaimed);
	st->mmio_unclaimed += load(&v->mmio_unclaimed);
}

void vmoon_vm_get_stats(const struct vmoon_vm *vm, struct vmoon_vm_stats *out)
{
	struct vmoon_vm_stats st = {.size = sizeof(st)};
	uint64_t put_dropped;

	if (out == NULL)
		return;
	if (vm == NULL) {
		copy_sized(out, out->size, &st, sizeof(st));
		return;
	}
	put_dropped = load(&vm->console.put_dropped);
	for (unsigned i = 0; i < vm->spec.cpus; i++)
		add_vcpu(&st, &vm->vcpus[i]);
	st.exits = st.exits_pio + st.exits_mmio + st.exits_halt +
		   st.exits_intr + st.exits_other;
	if (vmoon_vm_is_over(vm))
		st.uptime_ns = vm->exit.uptime_ns;
	else if (vmoon_vm_get_state(vm) != VMOON_VM_CREATED)
		st.uptime_ns = vmoon_mono_ns() - vm->start_ns;
	st.first_run_ns = load(&vm->first_run_ns);
	st.resets = load(&vm->resets);
	st.console_dropped = put_dropped;
	st.console_bytes = load(&vm->console.total) + put_dropped;
	st.guest_memory_bytes = vm->spec.memory_bytes;
	st.console_unsearched = load(&vm->console.unsearched);
	copy_sized(out, out->size, &st, sizeof(st));
}

struct vmoon_stream *vmoon_vm_stream(struct vmoon_vm *vm, const char *name)
{
	if (vm == NULL || name == NULL)
		return NULL;
	if (strcmp(name, "log") == 0)
		return &vm->log.stream;
	for (size_t i = 0; i < vm->port_count; i++)
		if (strcmp(vm->spec.devices.ports[i].name, name) == 0)
			return &vm->ports[i];
	return strcmp(name, "serial0") == 0 ? &vm->console : NULL;
}

/* ---- the log ---- */

static enum vmoon_status parse_levels(const char *text,
				      struct vmoon_log_levels *levels,
				      struct vmoon_error *err)
{
	char message[256], hint[256];
	struct vmoon_config_report r;

	if (text == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no levels given");
	vmoon_text_init(&r.message, message, sizeof(message));
	vmoon_text_init(&r.hint, hint, sizeof(hint));
	if (vmoon_log_levels_parse(text, true, levels, &r))
		return VMOON_OK;
	if (hint[0] == '\0')
		return vmoon_fail(err, VMOON_E_CONFIG, 0, "%s", message);
	return vmoon_fail(err, VMOON_E_CONFIG, 0, "%s (%s)", message, hint);
}

enum vmoon_status vmoon_log_level_check(const char *levels,
					struct vmoon_error *err)
{
	struct vmoon_log_levels none = {{0}};

	return parse_levels(levels, &none, err);
}

enum vmoon_status vmoon_vm_log_level(struct vmoon_vm *vm, const char *levels,
				     struct vmoon_error *err)
{
	struct vmoon_log_levels now;
	enum vmoon_status st;

	if (vm == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no VM given");
	vmoon_vm_log_get_levels(&vm->log, &now);
	st = parse_levels(levels, &now, err);
	if (st == VMOON_OK)
		vmoon_vm_log_set_levels(&vm->log, &now);
	else
		vmoon_error_prefix(err, "log");
	return st;
}

enum vmoon_status vmoon_vm_log_format(struct vmoon_vm *vm,
				      enum vmoon_log_format format,
				      struct vmoon_error *err)
{
	if (vm == NULL ||
	    (format != VMOON_LOG_TEXT && format != VMOON_LOG_JSON))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "log: no VM, or no known format, given");
	vmoon_vm_log_set_json(&vm->log, format == VMOON_LOG_JSON);
	return VMOON_OK;
}
