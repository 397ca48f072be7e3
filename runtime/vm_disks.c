/* SPDX-License-Identifier: MIT */
/* vm_disks.c - a VM's disks: a thread for each, so that none waits for another.
 */
#include "vm.h"

enum vmoon_status vmoon_vm_init_disks(struct vmoon_vm *vm,
				      struct vmoon_error *err)
{
	const size_t count = vm->spec.devices.disk_count;
	enum vmoon_status st = VMOON_OK;

	if (count == 0)
		return VMOON_OK;
	vm->disks =
		vmoon_mem_alloc_array(&vm->rt->mem, count, sizeof(*vm->disks));
	if (vm->disks == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "disks: out of memory");
	for (size_t i = 0; i < count && st == VMOON_OK; i++) {
		vm->disks[i].vm = vm;
		st = vmoon_loop_init(&vm->disks[i].loop, err);
		if (st == VMOON_OK)
			vm->disk_count++;
	}
	if (st != VMOON_OK)
		vmoon_vm_fini_disks(vm);
	return st;
}

void vmoon_vm_fini_disks(struct vmoon_vm *vm)
{
	while (vm->disk_count > 0)
		vmoon_loop_fini(&vm->disks[--vm->disk_count].loop);
	vmoon_mem_free(&vm->rt->mem, vm->disks,
		       vm->spec.devices.disk_count * sizeof(*vm->disks));
	vm->disks = NULL;
}

void *vmoon_vm_disk_main(void *disk_worker)
{
	struct vmoon_disk_worker *d = disk_worker;
	const struct vmoon_log log = vmoon_vm_log_value(&d->vm->log);
	const unsigned disk = (unsigned)(d - d->vm->disks);
	struct vmoon_error err;

	vmoon_vm_enter_sandbox(d->vm,
			       vmoon_seat_of_disk(d->vm->spec.cpus, disk));
	if (vmoon_loop_run(&d->loop, &err) != VMOON_OK)
		vmoon_logf(&log, VMOON_LOG_ERROR, "worker", "%s", err.msg);
	return NULL;
}
