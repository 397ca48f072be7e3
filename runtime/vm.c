/* SPDX-License-Identifier: MIT */
/* vm.c - creates VMs and changes their state on the embedder's behalf. */
#include "vm.h"

#include "boot/boot.h"
#include "clock.h"

#include <stdio.h>
#include <string.h>

static const char *const state_names[] = {
	[VMOON_VM_CREATED] = "created", [VMOON_VM_RUNNING] = "running",
	[VMOON_VM_PAUSED] = "paused",   [VMOON_VM_STOPPED] = "stopped",
	[VMOON_VM_FAILED] = "failed",
};

const char *vmoon_vm_state_name(enum vmoon_vm_state state)
{
	if ((unsigned)state >= VMOON_COUNTOF(state_names))
		return "unknown";
	return state_names[state];
}

static bool is_terminal(enum vmoon_vm_state state)
{
	return state == VMOON_VM_STOPPED || state == VMOON_VM_FAILED;
}

enum vmoon_vm_state vmoon_vm_get_state(const struct vmoon_vm *vm)
{
	if (vm == NULL)
		return VMOON_VM_FAILED;
	return __atomic_load_n(&vm->state, __ATOMIC_ACQUIRE);
}

bool vmoon_vm_is_over(const struct vmoon_vm *vm)
{
	return is_terminal(vmoon_vm_get_state(vm));
}

bool vmoon_vm_is_paused(const struct vmoon_vm *vm)
{
	return vmoon_vm_get_state(vm) == VMOON_VM_PAUSED;
}

/* Under vm->lock. */
static void set_state(struct vmoon_vm *vm, enum vmoon_vm_state state)
{
	__atomic_store_n(&vm->state, state, __ATOMIC_RELEASE);
	(void)pthread_cond_broadcast(&vm->changed);
	vmoon_runtime_note(vm, VMOON_NOTE_STATE);
}

void vmoon_vm_set_gate(struct vmoon_vm *vm, enum vmoon_gate gate)
{
	vm->gate = gate;
	(void)pthread_cond_broadcast(&vm->changed);
}

/* Under vm->lock. Partners: wishes, and vmoon_vcpu_hold. */
static bool is_shut(const struct vmoon_vm *vm, const struct vmoon_vcpu *v)
{
	if (vm->gate != VMOON_GATE_RUN)
		return vm->gate == VMOON_GATE_PARK;
	return __atomic_load_n(&vm->is_halting, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&v->held_by, __ATOMIC_ACQUIRE) != NULL;
}

bool vmoon_vm_pass_gate(struct vmoon_vcpu *v)
{
	struct vmoon_vm *vm = v->vm;
	bool may_run;

	vmoon_lock_take(&vm->lock);
	vm->parked++;
	(void)pthread_cond_broadcast(&vm->changed);
	while (is_shut(vm, v) && !(v->must_drop && vm->gate != VMOON_GATE_EXIT))
		vmoon_lock_wait(&vm->lock, &vm->changed);
	may_run = vm->gate == VMOON_GATE_RUN || v->must_drop;
	if (vm->gate == VMOON_GATE_EXIT)
		may_run = false;
	/* Who has it drop its access has counted it already. */
	if (may_run && !v->must_drop)
		vm->parked--;
	vmoon_lock_drop(&vm->lock);
	return may_run;
}

/* ---- creation ---- */

static enum vmoon_status map_memory(struct vmoon_vm *vm,
				    struct vmoon_error *err)
{
	struct vmoon_gmem_region layout[2];
	size_t n = vmoon_boot_layout(vm->spec.memory_bytes, layout);
	enum vmoon_status st;

	st = vmoon_gmem_init_mapped(&vm->gmem, &vm->rt->mem, layout, n, err);
	for (size_t i = 0; i < n && st == VMOON_OK; i++) {
		const struct vmoon_gmem_region *r = &vm->gmem.regions[i];

		st = vm->hv->ops->map_memory(vm->hv, r->gpa, r->size, r->host,
					     err);
	}
	return st;
}

static enum vmoon_status create_vcpus(struct vmoon_vm *vm,
				      struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;

	vm->vcpus = vmoon_mem_alloc_array(&vm->rt->mem, vm->spec.cpus,
					  sizeof(*vm->vcpus));
	if (vm->vcpus == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "vCPUs: out of memory");
	for (unsigned i = 0; i < vm->spec.cpus && st == VMOON_OK; i++) {
		vm->vcpus[i].vm = vm;
		st = vm->hv->ops->create_vcpu(vm->hv, i, vm->spec.cpus,
					      &vm->vcpus[i].hv, err);
	}
	return st;
}

enum vmoon_status vmoon_vm_load(struct vmoon_vm *vm, struct vmoon_error *err)
{
	struct vmoon_x86_entry entry;
	enum vmoon_status st;

	st = vmoon_board_load_tables(&vm->spec, vm->board, &vm->gmem, err);
	if (st == VMOON_OK)
		st = vmoon_board_load(&vm->spec, &vm->files, &vm->gmem, &entry,
				      err);
	for (unsigned i = 0; i < vm->spec.cpus && st == VMOON_OK; i++) {
		struct vmoon_hv_vcpu *hv = vm->vcpus[i].hv;

		st = hv->ops->reset(hv, i == 0 ? &entry : NULL, err);
	}
	return st;
}

/* Everything that needs the hypervisor; undone by free_vm. */
static enum vmoon_status build_machine(struct vmoon_vm *vm,
				       const struct vmoon_config *cfg,
				       struct vmoon_error *err)
{
	struct vmoon_board_host host = vmoon_vm_board_host(vm);
	enum vmoon_status st;

	st = map_memory(vm, err);
	if (st == VMOON_OK)
		st = vmoon_board_create(&vm->spec, &host, &vm->board, err);
	if (st != VMOON_OK)
		return st;
	vmoon_vm_wire_ports(vm);
	vm->console.device = (struct vmoon_stream_device){
		.room = vmoon_board_console_room,
		.receive = vmoon_board_console_receive,
		.resume = vmoon_board_console_resume,
		.ctx = vm->board};
	st = create_vcpus(vm, err);
	if (st == VMOON_OK)
		st = vmoon_vm_load(vm, err);
	if (st == VMOON_OK)
		st = vmoon_vm_make_devices(vm, cfg, err);
	/* Last: a file that was there is emptied only when all else is well. */
	if (st == VMOON_OK)
		st = vmoon_vm_open_outputs(vm, err);
	return st;
}

/* Frees what vmoon_vm_create_on made, from any point of it on. */
static void free_vm(struct vmoon_vm *vm)
{
	for (unsigned i = 0; vm->vcpus != NULL && i < vm->spec.cpus; i++)
		if (vm->vcpus[i].hv != NULL)
			vm->vcpus[i].hv->ops->destroy(vm->vcpus[i].hv);
	vmoon_mem_free(&vm->rt->mem, vm->vcpus,
		       vm->spec.cpus * sizeof(*vm->vcpus));
	vmoon_board_destroy(vm->board);
	vmoon_vm_free_devices(vm);
	vmoon_gmem_fini(&vm->gmem);
	vmoon_vm_fini_ports(vm);
	vmoon_stream_fini(&vm->console);
	vmoon_vm_log_end(&vm->log);
	vmoon_vm_log_fini(&vm->log);
	vmoon_vm_free_groups(vm);
	vmoon_vm_fini_workers(vm);
	vmoon_loop_fini(&vm->loop);
	(void)pthread_cond_destroy(&vm->changed);
	vmoon_lock_fini(&vm->wish_lock);
	vmoon_lock_fini(&vm->lock);
	vmoon_boot_files_close(&vm->files);
	vmoon_spec_fini(&vm->spec);
	vm->hv->ops->destroy(vm->hv);
	vmoon_mem_free(&vm->rt->mem, vm, sizeof(*vm));
}

static enum vmoon_status init_log(struct vmoon_vm *vm, struct vmoon_error *err)
{
	const struct vmoon_vm_log_options options = {.loop = &vm->loop,
						     .mem = &vm->rt->mem,
						     .clock =
							     vmoon_host_clock(),
						     .embedder = vm->rt->log,
						     .vm_name = vm->spec.name};
	enum vmoon_status st = vmoon_vm_log_init(&vm->log, &options, err);

	if (st != VMOON_OK)
		return st;
	vm->log.stream.vm = vm;
	vmoon_vm_log_set_levels(&vm->log, &vm->spec.log_levels);
	vmoon_vm_log_set_json(&vm->log, vm->spec.is_log_json);
	return VMOON_OK;
}

/* The parts that free_vm takes for granted. */
static enum vmoon_status init_parts(struct vmoon_vm *vm,
				    struct vmoon_config *cfg,
				    struct vmoon_error *err)
{
	enum vmoon_status st;

	st = vmoon_spec_init(&vm->spec, cfg, err);
	if (st != VMOON_OK)
		return st;
	st = vmoon_loop_init(&vm->loop, err);
	if (st != VMOON_OK)
		goto err_spec;
	st = vmoon_vm_init_disks(vm, err);
	if (st != VMOON_OK)
		goto err_loop;
	st = vmoon_stream_init(&vm->console, &vm->loop, &vm->rt->mem, err);
	if (st != VMOON_OK)
		goto err_workers;
	st = vmoon_vm_init_ports(vm, err);
	if (st != VMOON_OK)
		goto err_console;
	st = init_log(vm, err);
	if (st != VMOON_OK)
		goto err_ports;
	vmoon_lock_init(&vm->lock, VMOON_RANK_VM);
	vmoon_lock_init(&vm->wish_lock, VMOON_RANK_LEAF);
	(void)pthread_cond_init(&vm->changed, NULL);
	vm->console.vm = vm;
	vmoon_vm_worker_init(vm);
	return VMOON_OK;
err_ports:
	vmoon_vm_fini_ports(vm);
err_console:
	vmoon_stream_fini(&vm->console);
err_workers:
	vmoon_vm_fini_workers(vm);
err_loop:
	vmoon_loop_fini(&vm->loop);
err_spec:
	vmoon_spec_fini(&vm->spec);
	return st;
}

enum vmoon_status vmoon_vm_create_with(const struct vmoon_vm_make *make,
				       struct vmoon_vm **out_vm,
				       struct vmoon_error *err)
{
	struct vmoon_runtime *rt = make->rt;
	const struct vmoon_vm_events *events = make->events;
	struct vmoon_vm *vm = vmoon_mem_alloc(&rt->mem, sizeof(*vm));
	enum vmoon_status st;

	if (vm == NULL) {
		make->take_hv->ops->destroy(make->take_hv);
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "VM: out of memory");
	}
	vm->create_ns = vmoon_mono_ns();
	vm->rt = rt;
	vm->hv = make->take_hv;
	vm->kit = make->kit;
	if (events != NULL)
		memcpy(&vm->events, events,
		       events->size < sizeof(vm->events) ? events->size
							 : sizeof(vm->events));
	st = init_parts(vm, make->cfg, err);
	if (st != VMOON_OK) {
		vm->hv->ops->destroy(vm->hv);
		vmoon_mem_free(&rt->mem, vm, sizeof(*vm));
		return st;
	}
	st = build_machine(vm, make->cfg, err);
	if (st != VMOON_OK) {
		free_vm(vm);
		return st;
	}
	vmoon_runtime_link(rt, vm);
	*out_vm = vm;
	return VMOON_OK;
}

enum vmoon_status vmoon_vm_create_on(struct vmoon_runtime *rt,
				     struct vmoon_config *cfg,
				     const struct vmoon_vm_events *events,
				     struct vmoon_hv_vm *take_hv,
				     struct vmoon_vm **out_vm,
				     struct vmoon_error *err)
{
	const struct vmoon_vm_make make = {
		.rt = rt, .cfg = cfg, .events = events, .take_hv = take_hv};

	return vmoon_vm_create_with(&make, out_vm, err);
}

/* ---- what the embedder asks for ---- */

static enum vmoon_status wrong_state(const struct vmoon_vm *vm,
				     const char *verb, struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_STATE, 0, "cannot %s: the VM is %s",
			  verb, vmoon_vm_state_name(vmoon_vm_get_state(vm)));
}

static enum vmoon_status no_vm(struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_INVAL, 0, "no VM given");
}

/* Under vm->lock: an end for which no worker is there. */
static void end_here(struct vmoon_vm *vm, enum vmoon_vm_state state,
		     enum vmoon_exit_reason reason, const char *message)
{
	struct vmoon_exit_record *x = &vm->exit;

	x->size = sizeof(*x);
	x->reason = reason;
	(void)snprintf(x->message, sizeof(x->message), "%.*s",
		       (int)sizeof(x->message) - 1, message);
	set_state(vm, state);
	vmoon_runtime_note(vm, VMOON_NOTE_EXITED);
}

enum vmoon_status vmoon_vm_start(struct vmoon_vm *vm, struct vmoon_error *err)
{
	struct vmoon_error e;
	enum vmoon_status st;

	if (vm == NULL)
		return no_vm(err);
	vmoon_lock_take(&vm->lock);
	if (vmoon_vm_get_state(vm) != VMOON_VM_CREATED) {
		vmoon_lock_drop(&vm->lock);
		return wrong_state(vm, "start", err);
	}
	/* Nobody else starts it now; the threads need the lock themselves. */
	vm->start_ns = vmoon_mono_ns();
	set_state(vm, VMOON_VM_RUNNING);
	vmoon_lock_drop(&vm->lock);
	st = vmoon_vm_start_threads(vm, &e);
	vmoon_lock_take(&vm->lock);
	/* Another thread may have paused or stopped it, or be about to. */
	if (st == VMOON_OK && vmoon_vm_get_state(vm) == VMOON_VM_RUNNING &&
	    vm->pausers == 0)
		vmoon_vm_set_gate(vm, VMOON_GATE_RUN);
	if (st != VMOON_OK && !vmoon_vm_is_over(vm))
		end_here(vm, VMOON_VM_FAILED, VMOON_EXIT_HOST_ERROR, e.msg);
	vmoon_lock_drop(&vm->lock);
	if (st != VMOON_OK && err != NULL)
		*err = e;
	return st;
}

enum vmoon_status vmoon_vm_pause(struct vmoon_vm *vm, struct vmoon_error *err)
{
	bool is_ours = false;
	unsigned pauses;

	if (vm == NULL)
		return no_vm(err);
	vmoon_lock_take(&vm->lock);
	if (vmoon_vm_get_state(vm) == VMOON_VM_RUNNING) {
		pauses = vm->pauses;
		vm->pausers++; /* park lets go of the lock */
		vmoon_vm_set_gate(vm, VMOON_GATE_PARK);
		vmoon_vm_park(vm);
		vm->pausers--;
		/* It may have ended while we waited, or another paused it. */
		is_ours = vm->pauses == pauses &&
			  vmoon_vm_get_state(vm) == VMOON_VM_RUNNING;
	}
	if (is_ours) {
		vm->pauses++;
		set_state(vm, VMOON_VM_PAUSED);
	}
	vmoon_lock_drop(&vm->lock);
	return is_ours ? VMOON_OK : wrong_state(vm, "pause", err);
}

enum vmoon_status vmoon_vm_resume(struct vmoon_vm *vm, struct vmoon_error *err)
{
	bool is_paused;

	if (vm == NULL)
		return no_vm(err);
	vmoon_lock_take(&vm->lock);
	is_paused = vmoon_vm_is_paused(vm);
	if (is_paused) {
		set_state(vm, VMOON_VM_RUNNING);
		vmoon_vm_resume_devices(vm);
		vmoon_vm_set_gate(vm, VMOON_GATE_RUN);
	}
	vmoon_lock_drop(&vm->lock);
	return is_paused ? VMOON_OK : wrong_state(vm, "resume", err);
}

enum vmoon_status vmoon_vm_shutdown(struct vmoon_vm *vm,
				    struct vmoon_error *err)
{
	if (vm == NULL)
		return no_vm(err);
	if (vmoon_vm_get_state(vm) != VMOON_VM_RUNNING)
		return wrong_state(vm, "shut down", err);
	vmoon_board_press_power(vm->board);
	return VMOON_OK;
}

enum vmoon_status vmoon_vm_stop(struct vmoon_vm *vm, struct vmoon_error *err)
{
	if (vm == NULL)
		return no_vm(err);
	vmoon_lock_take(&vm->lock);
	if (vmoon_vm_get_state(vm) == VMOON_VM_CREATED)
		end_here(vm, VMOON_VM_STOPPED, VMOON_EXIT_STOPPED, "");
	if (!vmoon_vm_is_over(vm)) {
		vmoon_vm_wish_end(vm, VMOON_EXIT_STOPPED, 0, "");
		while (!vmoon_vm_is_over(vm))
			vmoon_lock_wait(&vm->lock, &vm->changed);
	}
	vmoon_lock_drop(&vm->lock);
	return VMOON_OK;
}

void vmoon_vm_destroy(struct vmoon_vm *vm)
{
	if (vm == NULL)
		return;
	VMOON_IGNORE(vmoon_vm_stop(vm, NULL) != VMOON_OK);
	vmoon_vm_join_threads(vm);
	vmoon_runtime_unlink(vm->rt, vm);
	free_vm(vm);
}
