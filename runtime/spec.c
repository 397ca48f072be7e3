/* SPDX-License-Identifier: MIT */
/* spec.c - from a checked description to plain C values. */
#include "spec.h"

#include "config.h"

#include <fcntl.h>
#include <unistd.h>

/* In the order of the schema's choices. */
static const enum vmoon_boot_protocol boots[] = {
	VMOON_BOOT_LINUX64, VMOON_BOOT_PVH, VMOON_BOOT_MULTIBOOT};
static const enum vmoon_flat_mode flat_modes[] = {
	VMOON_FLAT_REAL, VMOON_FLAT_PROTECTED, VMOON_FLAT_LONG};
static const enum vmoon_unpack unpacks[] = {VMOON_UNPACK_HOST,
					    VMOON_UNPACK_GUEST};
static const enum vmoon_on_event reboots[] = {VMOON_ON_RESTART, VMOON_ON_STOP};
static const enum vmoon_on_event panics[] = {VMOON_ON_STOP, VMOON_ON_IGNORE};
static const enum vmoon_log_level levels[] = {VMOON_LOG_ERROR, VMOON_LOG_WARN,
					      VMOON_LOG_INFO, VMOON_LOG_DEBUG};

/* True when out of memory; an unset value is NULL. */
static bool copy_text(struct vmoon_mem *mem, const struct vmoon_config_value *v,
		      char **out_text)
{
	*out_text = v->is_set ? vmoon_mem_copy(mem, v->text, v->len) : NULL;
	return v->is_set && *out_text == NULL;
}

/* The same of a file, which may be a descriptor. */
static bool copy_file(struct vmoon_mem *mem, const struct vmoon_config_value *v,
		      char **out_text, int *out_fd)
{
	*out_fd = v->fd == 0 ? 0 : fcntl(v->fd, F_DUPFD_CLOEXEC, 3);
	return copy_text(mem, v, out_text) || *out_fd < 0;
}

/* kernel = FILE or { flat = FILE, at = ADDR, mode = MODE }; as copy_text. */
static bool copy_kernel(const struct vmoon_config_value *v,
			struct vmoon_spec *s)
{
	const struct vmoon_config_value *f = v->fields;

	if (f == NULL)
		return copy_file(s->mem, v, &s->kernel, &s->kernel_fd);
	s->flat_at = f[VMOON_KERNEL_AT].number;
	s->flat_mode = flat_modes[f[VMOON_KERNEL_MODE].number];
	return copy_file(s->mem, &f[VMOON_KERNEL_FLAT], &s->kernel,
			 &s->kernel_fd);
}

/* log = { ... }; as copy_text. */
static bool copy_log(const struct vmoon_config_value *v, struct vmoon_spec *s)
{
	const struct vmoon_config_value *f = v->fields;
	struct vmoon_config_report r;
	char pad[8];

	vmoon_log_levels_fill(&s->log_levels, VMOON_LOG_INFO);
	if (f == NULL)
		return false;
	vmoon_log_levels_fill(&s->log_levels,
			      levels[f[VMOON_LOGGING_LEVEL].number]);
	vmoon_text_init(&r.message, pad, sizeof(pad));
	vmoon_text_init(&r.hint, pad, sizeof(pad));
	if (f[VMOON_LOGGING_MODULES].is_set)
		VMOON_IGNORE(!vmoon_log_levels_parse(
			f[VMOON_LOGGING_MODULES].text, false, &s->log_levels,
			&r)); /* it passed */
	s->is_log_json = f[VMOON_LOGGING_FORMAT].number != 0;
	return !vmoon_spec_outputs_init(&s->log, s->mem, NULL,
					&f[VMOON_LOGGING_SINKS]);
}

enum vmoon_status vmoon_spec_init(struct vmoon_spec *spec,
				  struct vmoon_config *cfg,
				  struct vmoon_error *err)
{
	enum vmoon_status st = vmoon_config_check(cfg, err);
	const struct vmoon_config_value *v = cfg->values;
	struct vmoon_spec s = {.mem = cfg->mem};
	bool is_short;

	if (st != VMOON_OK)
		return st;
	is_short = copy_text(s.mem, &v[VMOON_KEY_NAME], &s.name);
	is_short |= copy_kernel(&v[VMOON_KEY_KERNEL], &s);
	is_short |=
		copy_file(s.mem, &v[VMOON_KEY_INITRD], &s.initrd, &s.initrd_fd);
	is_short |= copy_text(s.mem, &v[VMOON_KEY_CMDLINE], &s.cmdline);
	is_short |= !vmoon_spec_outputs_init(
		&s.serial, s.mem, &v[VMOON_KEY_GROUPS], &v[VMOON_KEY_SERIAL]);
	is_short |= !vmoon_spec_devices_init(
		&s.devices, s.mem, &v[VMOON_KEY_DISKS], &v[VMOON_KEY_RNG],
		&v[VMOON_KEY_CONSOLES]);
	is_short |= copy_log(&v[VMOON_KEY_LOG], &s);
	if (is_short) {
		vmoon_spec_fini(&s);
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "no memory or no descriptor for the VM's "
				  "description");
	}
	s.cpus = (uint32_t)v[VMOON_KEY_CPUS].number; /* at most 64 */
	s.memory_bytes = v[VMOON_KEY_MEMORY].number;
	s.boot = v[VMOON_KEY_BOOT].is_set ? boots[v[VMOON_KEY_BOOT].number]
					  : VMOON_BOOT_AUTO;
	s.unpack = unpacks[v[VMOON_KEY_UNPACK].number];
	s.on_reboot = reboots[v[VMOON_KEY_ON_REBOOT].number];
	s.on_panic = panics[v[VMOON_KEY_ON_PANIC].number];
	s.leaves_debug_exit = v[VMOON_KEY_DEBUG_EXIT].is_set &&
			      v[VMOON_KEY_DEBUG_EXIT].number == 0;
	*spec = s;
	return VMOON_OK;
}

void vmoon_spec_fini(struct vmoon_spec *spec)
{
	vmoon_spec_outputs_fini(&spec->serial);
	vmoon_spec_outputs_fini(&spec->log);
	vmoon_spec_devices_fini(&spec->devices);
	vmoon_mem_free_text(spec->mem, spec->name);
	vmoon_mem_free_text(spec->mem, spec->kernel);
	vmoon_mem_free_text(spec->mem, spec->initrd);
	vmoon_mem_free_text(spec->mem, spec->cmdline);
	if (spec->kernel_fd > 0)
		(void)close(spec->kernel_fd);
	if (spec->initrd_fd > 0)
		(void)close(spec->initrd_fd);
	spec->kernel_fd = spec->initrd_fd = 0;
	spec->name = NULL;
	spec->kernel = NULL;
	spec->initrd = NULL;
	spec->cmdline = NULL;
}
