/* SPDX-License-Identifier: MIT */
/* vm_ports.c - the streams of a VM, those of virtio console ports among them.
 */
#include "vm.h"

enum vmoon_status vmoon_vm_init_ports(struct vmoon_vm *vm,
				      struct vmoon_error *err)
{
	const size_t count = vm->spec.devices.port_count;
	enum vmoon_status st = VMOON_OK;

	if (count == 0)
		return VMOON_OK;
	vm->ports =
		vmoon_mem_alloc_array(&vm->rt->mem, count, sizeof(*vm->ports));
	if (vm->ports == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "console ports: out of memory");
	for (size_t i = 0; i < count && st == VMOON_OK; i++) {
		st = vmoon_stream_init(&vm->ports[i], &vm->loop, &vm->rt->mem,
				       err);
		vm->ports[i].vm = vm;
		if (st == VMOON_OK)
			vm->port_count++;
	}
	if (st != VMOON_OK)
		vmoon_vm_fini_ports(vm);
	return st;
}

void vmoon_vm_wire_ports(struct vmoon_vm *vm)
{
	struct vmoon_board_virtio *v = vmoon_board_virtio(vm->board);

	for (unsigned i = 0; i < vm->port_count; i++)
		vm->ports[i].device = (struct vmoon_stream_device){
			.room = vmoon_board_port_room,
			.receive = vmoon_board_port_receive,
			.resume = vmoon_board_port_resume,
			.ctx = vmoon_board_port(v, i)};
}

void vmoon_vm_fini_ports(struct vmoon_vm *vm)
{
	while (vm->port_count > 0)
		vmoon_stream_fini(&vm->ports[--vm->port_count]);
	vmoon_mem_free(&vm->rt->mem, vm->ports,
		       vm->spec.devices.port_count * sizeof(*vm->ports));
	vm->ports = NULL;
}

struct vmoon_stream *vmoon_vm_stream_at(struct vmoon_vm *vm, size_t i)
{
	if (i == 0)
		return &vm->console;
	if (i - 1 < vm->port_count)
		return &vm->ports[i - 1];
	return i - 1 == vm->port_count ? &vm->log.stream : NULL;
}
