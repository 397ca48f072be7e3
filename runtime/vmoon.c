/* SPDX-License-Identifier: MIT */
/* vmoon.c - the library as a whole: version, features, VMs on this host. */
#include "vm.h"

#include <string.h>

/* make gives what the file VERSION says; tools that only read do not need it.
 */
#ifndef VMOON_VERSION
#define VMOON_VERSION "unknown"
#endif

static const struct {
	const char *name;
	bool is_here;
} features[] = {
	{"kvm", true},
#ifdef VMOON_HAVE_LZ4
	{"lz4", true},
#else
	{"lz4", false},
#endif
#ifdef VMOON_HAVE_ZSTD
	{"zstd", true},
#else
	{"zstd", false},
#endif
#ifdef VMOON_HAVE_ZLIB
	{"gzip", true},
#else
	{"gzip", false},
#endif
#ifdef VMOON_HAVE_LZMA
	{"xz", true},
#else
	{"xz", false},
#endif
#ifdef VMOON_HAVE_JANSSON
	{"json", true},
#else
	{"json", false},
#endif
#ifdef VMOON_HAVE_URING
	{"io_uring", true},
#else
	{"io_uring", false},
#endif
};

uint32_t vmoon_api_version(void)
{
	return VMOON_API_VERSION;
}

const char *vmoon_version_string(void)
{
	return VMOON_VERSION;
}

const char *vmoon_feature(size_t i)
{
	return i < VMOON_COUNTOF(features) ? features[i].name : NULL;
}

bool vmoon_has(const char *feature)
{
	for (size_t i = 0; feature && i < VMOON_COUNTOF(features); i++)
		if (strcmp(feature, features[i].name) == 0)
			return features[i].is_here;
	return false;
}

enum vmoon_status vmoon_host_check(struct vmoon_error *err)
{
	return vmoon_kvm_check(err);
}

enum vmoon_status vmoon_vm_create(struct vmoon_runtime *rt,
				  struct vmoon_config *cfg,
				  const struct vmoon_vm_events *events,
				  struct vmoon_vm **out_vm,
				  struct vmoon_error *err)
{
	struct vmoon_vm_make make = {.rt = rt, .cfg = cfg, .events = events};
	enum vmoon_status st;

	if (rt == NULL || cfg == NULL || out_vm == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "vmoon_vm_create: no runtime, config or "
				  "place for the VM given");
	if (events != NULL && events->size < sizeof(events->size))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "events: size is not set; begin with "
				  "VMOON_INIT");
	/* What the user wrote comes first: it needs no KVM to be wrong. */
	st = vmoon_config_check(cfg, err);
	if (st == VMOON_OK)
		st = vmoon_kvm_create(&rt->mem, rt->kick_signal, &make.take_hv,
				      err);
	if (st != VMOON_OK)
		return st;
	make.kit = vmoon_host_kit();
	return vmoon_vm_create_with(&make, out_vm, err);
}
