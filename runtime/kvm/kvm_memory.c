/* SPDX-License-Identifier: MIT */
/* kvm_memory.c - a VM's memory slots, and which of their pages were written. */
#include "kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

enum { PAGE_SIZE = 4096 };

static int set_slot(const struct vmoon_kvm_vm *vm, unsigned at, uint32_t flags)
{
	const struct vmoon_kvm_slot *s = &vm->slots[at];
	struct kvm_userspace_memory_region region = {
		.slot = at,
		.flags = flags,
		.guest_phys_addr = s->gpa,
		.memory_size = s->size,
		.userspace_addr = (uint64_t)(uintptr_t)s->host,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

enum vmoon_status vmoon_kvm_memory_map(struct vmoon_hv_vm *hv, vmoon_gpa gpa,
				       uint64_t size, void *host,
				       struct vmoon_error *err)
{
	struct vmoon_kvm_vm *vm = vmoon_kvm_vm_of(hv);
	const unsigned at = vm->slots_used;

	if (size == 0 || host == NULL || size > UINT64_MAX - gpa ||
	    (gpa | size | (uintptr_t)host) % PAGE_SIZE != 0)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "map %#llx bytes of memory at %#llx: not "
				  "whole pages",
				  (unsigned long long)size,
				  (unsigned long long)gpa);
	if (at >= vm->slots_max || at >= VMOON_COUNTOF(vm->slots))
		return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
				  "there is room for %u memory regions only",
				  at);
	vm->slots[at] = (struct vmoon_kvm_slot){gpa, size, host, NULL};
	if (set_slot(vm, at, 0) != 0)
		return vmoon_fail(
			err, errno == ENOMEM ? VMOON_E_NOMEM : VMOON_E_SYS,
			errno, "map %#llx bytes of memory at %#llx",
			(unsigned long long)size, (unsigned long long)gpa);
	vm->slots_used++;
	return VMOON_OK;
}

static struct vmoon_kvm_slot *find_slot(struct vmoon_kvm_vm *vm, vmoon_gpa gpa)
{
	for (unsigned i = 0; i < vm->slots_used; i++)
		if (vm->slots[i].gpa == gpa)
			return &vm->slots[i];
	return NULL;
}

static enum vmoon_status no_slot(vmoon_gpa gpa, struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_INVAL, 0,
			  "no memory was mapped at %#llx",
			  (unsigned long long)gpa);
}

static enum vmoon_status switch_log(struct vmoon_kvm_vm *vm,
				    const struct vmoon_kvm_slot *slot,
				    bool is_on, struct vmoon_error *err)
{
	const unsigned at = (unsigned)(slot - vm->slots);

	if (set_slot(vm, at, is_on ? KVM_MEM_LOG_DIRTY_PAGES : 0) == 0)
		return VMOON_OK;
	return vmoon_fail(err, errno == ENOMEM ? VMOON_E_NOMEM : VMOON_E_SYS,
			  errno, "%s the log of writes to memory at %#llx",
			  is_on ? "begin" : "end",
			  (unsigned long long)slot->gpa);
}

/* Bytes of slot->seen: one bit a page, so no overflow. */
static size_t seen_size(const struct vmoon_kvm_slot *slot)
{
	return vmoon_hv_dirty_words(slot->size) * sizeof(*slot->seen);
}

enum vmoon_status vmoon_kvm_memory_log(struct vmoon_hv_vm *hv, vmoon_gpa gpa,
				       bool is_on, struct vmoon_error *err)
{
	struct vmoon_kvm_vm *vm = vmoon_kvm_vm_of(hv);
	struct vmoon_kvm_slot *slot = find_slot(vm, gpa);
	uint64_t *room = NULL;
	enum vmoon_status st;

	if (slot == NULL)
		return no_slot(gpa, err);
	if (is_on == (slot->seen != NULL))
		return VMOON_OK;
	if (is_on) {
		room = vmoon_mem_alloc(vm->mem, seen_size(slot));
		if (room == NULL)
			return vmoon_fail(err, VMOON_E_NOMEM, ENOMEM,
					  "log the writes to memory");
	}
	st = switch_log(vm, slot, is_on, err);
	if (st != VMOON_OK) {
		vmoon_mem_free(vm->mem, room, seen_size(slot));
		return st;
	}
	vmoon_mem_free(vm->mem, slot->seen, seen_size(slot));
	slot->seen = room;
	return VMOON_OK;
}

enum vmoon_status vmoon_kvm_memory_take(struct vmoon_hv_vm *hv, vmoon_gpa gpa,
					uint64_t *bitmap, size_t words,
					struct vmoon_error *err)
{
	struct vmoon_kvm_vm *vm = vmoon_kvm_vm_of(hv);
	const struct vmoon_kvm_slot *slot = find_slot(vm, gpa);
	struct kvm_dirty_log log = {0};

	if (slot == NULL)
		return no_slot(gpa, err);
	if (words != vmoon_hv_dirty_words(slot->size))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%zu words for the pages of %#llx bytes",
				  words, (unsigned long long)slot->size);
	if (slot->seen == NULL)
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "writes to memory at %#llx are not logged",
				  (unsigned long long)gpa);
	/* KVM overwrites all of its words: the caller's are added to. */
	log.slot = (uint32_t)(slot - vm->slots);
	log.dirty_bitmap = slot->seen;
	if (ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "KVM_GET_DIRTY_LOG");
	for (size_t i = 0; i < words; i++)
		bitmap[i] |= slot->seen[i];
	return VMOON_OK;
}

void vmoon_kvm_memory_fini(struct vmoon_kvm_vm *vm)
{
	for (unsigned i = 0; i < vm->slots_used; i++)
		vmoon_mem_free(vm->mem, vm->slots[i].seen,
			       seen_size(&vm->slots[i]));
}
