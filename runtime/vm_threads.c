/* SPDX-License-Identifier: MIT */
/* vm_threads.c - starts a VM's threads, each in its sandbox, and ends them. */
#include "vm.h"

#include <signal.h>
#include <stdio.h>

/*
 * Small enough that the host never backs a stack with a 2 MiB page, and many
 * times what our threads use.
 */
enum { STACK_BYTES = 512 * 1024 };
/* Code that we know nothing of. */
enum { TRUSTED_STACK_BYTES = 8 << 20 };

static int create_thread(pthread_t *out, void *(*main)(void *), void *arg,
			 size_t stack_bytes)
{
	pthread_attr_t attr;
	int rc = pthread_attr_init(&attr);

	if (rc != 0)
		return rc;
	rc = pthread_attr_setstacksize(&attr, stack_bytes);
	if (rc == 0)
		rc = pthread_create(out, &attr, main, arg);
	(void)pthread_attr_destroy(&attr);
	return rc;
}

/* ---- the sandbox ---- */

static void on_denied(void *ctx, const char *message)
{
	struct vmoon_vm *vm = ctx;

	__atomic_fetch_add(&vm->rt->denials, 1, __ATOMIC_RELAXED);
	vmoon_vm_wish_end(vm, VMOON_EXIT_HOST_ERROR, 0, message);
}

static enum vmoon_status open_sandbox(struct vmoon_vm *vm,
				      struct vmoon_error *err)
{
	const struct vmoon_hv_calls none = {.fd = -1};
	struct vmoon_sandbox_config cfg = {
		.mem = &vm->rt->mem,
		.cpus = vm->spec.cpus,
		.worker = {.wake_fd = vm->loop.wake_fd,
			   .epoll_fd = vm->loop.epoll_fd},
		.event_fd = vm->rt->event_fd,
		.own = vm->own_worker_count,
		.kick_signal = vm->rt->kick_signal,
		.denied = on_denied,
		.ctx = vm,
	};

	if ((vm->rt->flags & VMOON_RUNTIME_NO_SANDBOX) != 0)
		return VMOON_OK;
	cfg.hv_vm =
		vm->hv->ops->calls == NULL ? none : vm->hv->ops->calls(vm->hv);
	for (unsigned i = 0; i < vm->spec.cpus; i++) {
		struct vmoon_hv_vcpu *hv = vm->vcpus[i].hv;

		cfg.hv_vcpu[i] =
			hv->ops->calls == NULL ? none : hv->ops->calls(hv);
	}
	for (const struct vmoon_own_worker *w = vm->own_workers; w != NULL;
	     w = w->next)
		cfg.own_loop[w->index] = (struct vmoon_sandbox_loop){
			.wake_fd = w->loop.wake_fd,
			.epoll_fd = w->loop.epoll_fd,
			.is_disk = w->kind == VMOON_OWN_WORKER_DISK};
	return vmoon_sandbox_open(&vm->sandbox, &cfg, err);
}

void vmoon_vm_enter_sandbox(struct vmoon_vm *vm, unsigned seat)
{
	struct vmoon_error err;
	enum vmoon_status st;

	/* A vCPU's thread allocates nothing. */
	if (seat < VMOON_SEAT_VCPU)
		vmoon_sandbox_prime();
	st = vmoon_sandbox_enter(&vm->sandbox, seat, &err);
	vmoon_lock_take(&vm->lock);
	if (st != VMOON_OK && vm->enter_status == VMOON_OK) {
		vm->enter_status = st;
		vm->enter_error = err;
	}
	vm->entered++;
	(void)pthread_cond_broadcast(&vm->changed);
	vmoon_lock_drop(&vm->lock);
}

/* All threads so far are in their sandboxes, or could not enter. */
static enum vmoon_status wait_entered(struct vmoon_vm *vm,
				      struct vmoon_error *err)
{
	enum vmoon_status st;

	vmoon_lock_take(&vm->lock);
	while (vm->entered <
	       vm->threads + vm->has_worker + vm->has_monitor + vm->own_threads)
		vmoon_lock_wait(&vm->lock, &vm->changed);
	st = vm->enter_status;
	if (st != VMOON_OK && err != NULL)
		*err = vm->enter_error;
	vmoon_lock_drop(&vm->lock);
	return st;
}

static void *monitor_main(void *arg)
{
	struct vmoon_vm *vm = arg;

	vmoon_vm_enter_sandbox(vm, VMOON_SEAT_MONITOR);
	vmoon_sandbox_serve(&vm->sandbox);
	return NULL;
}

/* The monitor comes last: until then a denied call waits for it. */
static enum vmoon_status start_monitor(struct vmoon_vm *vm,
				       struct vmoon_error *err)
{
	bool is_needed = false;
	enum vmoon_status st = wait_entered(vm, err);
	int rc;

	if (st == VMOON_OK)
		st = vmoon_sandbox_prepare_monitor(&vm->sandbox, &is_needed,
						   err);
	if (st != VMOON_OK || !is_needed)
		return st;
	rc = create_thread(&vm->monitor, monitor_main, vm, STACK_BYTES);
	if (rc != 0)
		return vmoon_fail(err, VMOON_E_SYS, rc,
				  "cannot start the monitor thread");
	vm->has_monitor = true;
	(void)pthread_setname_np(vm->monitor, "vmoon-monitor");
	st = wait_entered(vm, err);
	return st == VMOON_OK ? vmoon_sandbox_watch(&vm->sandbox, err) : st;
}

/* ---- all of them ---- */

static enum vmoon_status start_vcpu(struct vmoon_vm *vm, unsigned i,
				    struct vmoon_error *err)
{
	struct vmoon_vcpu *v = &vm->vcpus[i];
	char name[16];
	int rc = create_thread(&v->thread, vmoon_vcpu_main, v, STACK_BYTES);

	if (rc != 0)
		return vmoon_fail(err, VMOON_E_SYS, rc,
				  "cannot start the thread of vCPU %u", i);
	v->has_thread = true;
	vmoon_lock_take(&vm->lock);
	vm->threads++;
	vmoon_lock_drop(&vm->lock);
	(void)snprintf(name, sizeof(name), "vmoon-vcpu%u", i % 1000);
	(void)pthread_setname_np(v->thread, name);
	return VMOON_OK;
}

static enum vmoon_status start_own(struct vmoon_vm *vm,
				   struct vmoon_own_worker *w,
				   struct vmoon_error *err)
{
	const bool is_trusted = w->kind == VMOON_OWN_WORKER_TRUSTED;
	char name[16];
	int rc = create_thread(&w->thread, vmoon_vm_own_worker_main, w,
			       is_trusted ? TRUSTED_STACK_BYTES : STACK_BYTES);

	vmoon_vm_name_worker(w, name, sizeof(name));
	if (rc != 0)
		return vmoon_fail(err, VMOON_E_SYS, rc,
				  "cannot start the thread %s", name);
	w->has_thread = true;
	vmoon_lock_take(&vm->lock);
	vm->own_threads += !is_trusted;
	vmoon_lock_drop(&vm->lock);
	(void)pthread_setname_np(w->thread, name);
	return VMOON_OK;
}

static void join_own(struct vmoon_vm *vm)
{
	for (struct vmoon_own_worker *w = vm->own_workers; w != NULL;
	     w = w->next) {
		if (!w->has_thread)
			continue;
		vmoon_loop_quit(&w->loop);
		(void)pthread_join(w->thread, NULL);
		w->has_thread = false;
	}
}

/* Under a full signal mask, so that no thread of ours takes the host's. */
static enum vmoon_status create_threads(struct vmoon_vm *vm,
					struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;
	int rc = create_thread(&vm->worker, vmoon_vm_worker_main, vm,
			       STACK_BYTES);

	if (rc != 0)
		return vmoon_fail(err, VMOON_E_SYS, rc,
				  "cannot start the worker thread");
	vm->has_worker = true;
	(void)pthread_setname_np(vm->worker, "vmoon-worker");
	for (struct vmoon_own_worker *w = vm->own_workers;
	     w != NULL && st == VMOON_OK; w = w->next)
		st = start_own(vm, w, err);
	for (unsigned i = 0; i < vm->spec.cpus && st == VMOON_OK; i++)
		st = start_vcpu(vm, i, err);
	return st == VMOON_OK ? start_monitor(vm, err) : st;
}

void vmoon_vm_join_threads(struct vmoon_vm *vm)
{
	/* Nobody answers then: no call may wait for it. */
	if (!vm->sandbox.is_watched) {
		VMOON_IGNORE(wait_entered(vm, NULL) != VMOON_OK);
		vmoon_sandbox_give_up(&vm->sandbox);
	}
	vmoon_lock_take(&vm->lock);
	vmoon_vm_set_gate(vm, VMOON_GATE_EXIT);
	vmoon_lock_drop(&vm->lock);
	for (unsigned i = 0; i < vm->spec.cpus; i++) {
		struct vmoon_vcpu *v = &vm->vcpus[i];

		if (!v->has_thread)
			continue;
		v->hv->ops->kick(v->hv);
		(void)pthread_join(v->thread, NULL);
		v->has_thread = false;
	}
	if (vm->has_worker) {
		vmoon_loop_quit(&vm->loop);
		(void)pthread_join(vm->worker, NULL);
	}
	join_own(vm);
	if (vm->has_monitor) {
		vmoon_sandbox_stop(&vm->sandbox);
		(void)pthread_join(vm->monitor, NULL);
	}
	vm->has_worker = vm->has_monitor = false;
	vm->threads = vm->own_threads = vm->entered = 0;
	vmoon_sandbox_close(&vm->sandbox);
}

enum vmoon_status vmoon_vm_start_threads(struct vmoon_vm *vm,
					 struct vmoon_error *err)
{
	sigset_t all, old;
	enum vmoon_status st = open_sandbox(vm, err);

	if (st != VMOON_OK)
		return st;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	vm->host_signals = old;
	st = create_threads(vm, err);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (st != VMOON_OK)
		vmoon_vm_join_threads(vm);
	return st;
}
