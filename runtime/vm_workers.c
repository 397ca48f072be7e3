/* SPDX-License-Identifier: MIT */
/* vm_workers.c - threads of their own: of each disk, of devices that ask. */
#include "vm.h"

#include <signal.h>
#include <stdio.h>

static enum vmoon_status create(struct vmoon_vm *vm,
				enum vmoon_own_worker_kind kind,
				struct vmoon_own_worker **out_worker,
				struct vmoon_error *err)
{
	struct vmoon_own_worker *w = vmoon_mem_alloc(&vm->rt->mem, sizeof(*w));
	enum vmoon_status st;

	if (w == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "a thread of its own: out of memory");
	w->vm = vm;
	w->kind = kind;
	w->index = vm->own_worker_count;
	st = vmoon_loop_init(&w->loop, err);
	if (st != VMOON_OK) {
		vmoon_mem_free(&vm->rt->mem, w, sizeof(*w));
		return st;
	}
	*out_worker = w;
	return VMOON_OK;
}

enum vmoon_status vmoon_vm_add_worker(struct vmoon_vm *vm,
				      enum vmoon_own_worker_kind kind,
				      struct vmoon_loop **out_loop,
				      struct vmoon_error *err)
{
	struct vmoon_own_worker *w = NULL, **end = &vm->own_workers;
	enum vmoon_status st;

	if (vm->own_worker_count == VMOON_OWN_WORKERS_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "at most %d disks and devices of a VM can "
				  "have threads of their own",
				  VMOON_OWN_WORKERS_MAX);
	st = create(vm, kind, &w, err);
	if (st != VMOON_OK)
		return st;
	while (*end != NULL)
		end = &(*end)->next;
	*end = w;
	vm->own_worker_count++;
	*out_loop = &w->loop;
	return VMOON_OK;
}

/* Those behind it move up: nobody has taken a seat yet. */
void vmoon_vm_drop_worker(struct vmoon_vm *vm, const struct vmoon_loop *loop)
{
	struct vmoon_own_worker **at = &vm->own_workers;
	struct vmoon_own_worker *gone;

	while (*at != NULL && &(*at)->loop != loop)
		at = &(*at)->next;
	gone = *at;
	if (gone == NULL)
		return;
	*at = gone->next;
	for (struct vmoon_own_worker *w = gone->next; w != NULL; w = w->next)
		w->index--;
	vm->own_worker_count--;
	vmoon_loop_fini(&gone->loop);
	vmoon_mem_free(&vm->rt->mem, gone, sizeof(*gone));
}

void vmoon_vm_fini_workers(struct vmoon_vm *vm)
{
	while (vm->own_workers != NULL)
		vmoon_vm_drop_worker(vm, &vm->own_workers->loop);
}

/* They come before all others, in their order. */
enum vmoon_status vmoon_vm_init_disks(struct vmoon_vm *vm,
				      struct vmoon_error *err)
{
	const size_t count = vm->spec.devices.disk_count;
	enum vmoon_status st = VMOON_OK;
	struct vmoon_loop *loop;

	for (size_t i = 0; i < count && st == VMOON_OK; i++)
		st = vmoon_vm_add_worker(vm, VMOON_OWN_WORKER_DISK, &loop, err);
	if (st != VMOON_OK)
		vmoon_vm_fini_workers(vm);
	return st;
}

struct vmoon_loop *vmoon_vm_disk_loop(struct vmoon_vm *vm, size_t disk)
{
	struct vmoon_own_worker *w = vm->own_workers;

	while (disk-- > 0)
		w = w->next;
	return &w->loop;
}

void vmoon_vm_name_worker(const struct vmoon_own_worker *w, char *buf,
			  size_t size)
{
	static const char *const kinds[] = {
		[VMOON_OWN_WORKER_DISK] = "disk",
		[VMOON_OWN_WORKER_DEVICE] = "device",
		[VMOON_OWN_WORKER_TRUSTED] = "trusted"};

	(void)snprintf(buf, size, "vmoon-%s%u", kinds[w->kind],
		       w->index % 1000);
}

/* What trusted code starts has the signals of whoever started the VM. */
void *vmoon_vm_own_worker_main(void *own_worker)
{
	struct vmoon_own_worker *w = own_worker;
	const struct vmoon_log log = vmoon_vm_log_value(&w->vm->log);
	struct vmoon_error err;

	if (w->kind == VMOON_OWN_WORKER_TRUSTED)
		(void)pthread_sigmask(SIG_SETMASK, &w->vm->host_signals, NULL);
	else
		vmoon_vm_enter_sandbox(
			w->vm, vmoon_seat_of_own(w->vm->spec.cpus, w->index));
	if (vmoon_loop_run(&w->loop, &err) != VMOON_OK)
		vmoon_logf(&log, VMOON_LOG_ERROR, "worker", "%s", err.msg);
	return NULL;
}
