/* SPDX-License-Identifier: MIT */
/* vm_disks.c - a VM's disks: a loop for each, so that none waits for another.
 */
#include "vm.h"

enum vmoon_status vmoon_vm_init_disks(struct vmoon_vm *vm,
				      struct vmoon_error *err)
{
	const size_t count = vm->spec.devices.disk_count;
	enum vmoon_status st = VMOON_OK;

	if (count == 0)
		return VMOON_OK;
	vm->disk_loops = vmoon_mem_alloc_array(&vm->rt->mem, count,
					       sizeof(*vm->disk_loops));
	if (vm->disk_loops == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "disks: out of memory");
	for (size_t i = 0; i < count && st == VMOON_OK; i++) {
		st = vmoon_loop_init(&vm->disk_loops[i], err);
		if (st == VMOON_OK)
			vm->disk_loop_count++;
	}
	if (st != VMOON_OK)
		vmoon_vm_fini_disks(vm);
	return st;
}

void vmoon_vm_fini_disks(struct vmoon_vm *vm)
{
	while (vm->disk_loop_count > 0)
		vmoon_loop_fini(&vm->disk_loops[--vm->disk_loop_count]);
	vmoon_mem_free(&vm->rt->mem, vm->disk_loops,
		       vm->spec.devices.disk_count * sizeof(*vm->disk_loops));
	vm->disk_loops = NULL;
}
