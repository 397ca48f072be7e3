/* SPDX-License-Identifier: MIT */
/* fake_hv_vm.c - the scripted hypervisor: memory, lines and eventfds. */
#include "tests/support/fake_hv.h"
#include "vmoon/state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_SIZE = 4096 };

static struct vmoon_fake_hv *fake_of(struct vmoon_hv_vm *vm)
{
	return VMOON_CONTAINER_OF(vm, struct vmoon_fake_hv, vm);
}

enum vmoon_status vmoon_fake_count(struct vmoon_fake_hv *f,
				   enum vmoon_fake_op op,
				   struct vmoon_error *err)
{
	f->calls[op]++;
	pthread_cond_broadcast(&f->changed);
	if (f->calls[op] != f->fail_at[op])
		return VMOON_OK;
	return vmoon_fail(err, f->fail_as[op], 0, "call %u of op %d fails",
			  f->calls[op], (int)op);
}

static enum vmoon_status map_memory(struct vmoon_hv_vm *vm, vmoon_gpa gpa,
				    uint64_t size, void *host,
				    struct vmoon_error *err)
{
	struct vmoon_fake_hv *f = fake_of(vm);
	enum vmoon_status st;

	pthread_mutex_lock(&f->lock);
	st = vmoon_fake_count(f, VMOON_FAKE_MAP, err);
	if (st == VMOON_OK) {
		assert(f->map_count < VMOON_COUNTOF(f->maps));
		f->maps[f->map_count++] = (struct vmoon_fake_map){
			.gpa = gpa, .size = size, .host = host};
	}
	pthread_mutex_unlock(&f->lock);
	return st;
}

static enum vmoon_status set_irq(struct vmoon_hv_vm *vm, unsigned gsi,
				 bool level)
{
	struct vmoon_fake_hv *f = fake_of(vm);
	enum vmoon_status st;

	if (gsi >= VMOON_GSI_COUNT)
		return VMOON_E_INVAL;
	pthread_mutex_lock(&f->lock);
	st = vmoon_fake_count(f, VMOON_FAKE_SET_IRQ, NULL);
	if (st == VMOON_OK) {
		f->levels[gsi] = level;
		if (f->irq_count < VMOON_FAKE_LOG_MAX)
			f->irqs[f->irq_count] = (struct vmoon_fake_irq){
				.gsi = gsi, .level = level};
		f->irq_count++;
	}
	pthread_mutex_unlock(&f->lock);
	return st;
}

static enum vmoon_status reset_vm(struct vmoon_hv_vm *vm,
				  struct vmoon_error *err)
{
	struct vmoon_fake_hv *f = fake_of(vm);
	enum vmoon_status st;

	pthread_mutex_lock(&f->lock);
	st = vmoon_fake_count(f, VMOON_FAKE_VM_RESET, err);
	if (st == VMOON_OK)
		memset(f->levels, 0, sizeof(f->levels));
	pthread_mutex_unlock(&f->lock);
	return st;
}

/* ---- written pages ---- */

static struct vmoon_fake_map *find_map(struct vmoon_fake_hv *f, vmoon_gpa gpa)
{
	for (size_t i = 0; i < f->map_count; i++)
		if (f->maps[i].gpa == gpa)
			return &f->maps[i];
	return NULL;
}

static enum vmoon_status log_dirty(struct vmoon_hv_vm *vm, vmoon_gpa gpa,
				   bool is_on, struct vmoon_error *err)
{
	struct vmoon_fake_hv *f = fake_of(vm);
	struct vmoon_fake_map *map;
	enum vmoon_status st;

	pthread_mutex_lock(&f->lock);
	map = find_map(f, gpa);
	st = map == NULL ? vmoon_fail(err, VMOON_E_INVAL, 0, "no memory there")
			 : vmoon_fake_count(f, VMOON_FAKE_LOG_DIRTY, err);
	if (st == VMOON_OK && is_on != map->is_logging) {
		free(map->dirty);
		map->dirty = calloc(vmoon_hv_dirty_words(map->size), 8);
		assert(map->dirty != NULL);
		map->is_logging = is_on;
	}
	pthread_mutex_unlock(&f->lock);
	return st;
}

static enum vmoon_status take_dirty(struct vmoon_hv_vm *vm, vmoon_gpa gpa,
				    uint64_t *bitmap, size_t words,
				    struct vmoon_error *err)
{
	struct vmoon_fake_hv *f = fake_of(vm);
	struct vmoon_fake_map *map;
	enum vmoon_status st;

	pthread_mutex_lock(&f->lock);
	map = find_map(f, gpa);
	if (map == NULL || words != vmoon_hv_dirty_words(map->size))
		st = vmoon_fail(err, VMOON_E_INVAL, 0, "no memory like that");
	else if (!map->is_logging)
		st = vmoon_fail(err, VMOON_E_STATE, 0, "no log is kept");
	else
		st = vmoon_fake_count(f, VMOON_FAKE_TAKE_DIRTY, err);
	for (size_t i = 0; st == VMOON_OK && i < words; i++) {
		bitmap[i] |= map->dirty[i];
		map->dirty[i] = 0;
	}
	pthread_mutex_unlock(&f->lock);
	return st;
}

void vmoon_fake_hv_touch(struct vmoon_fake_hv *f, vmoon_gpa gpa, uint64_t len)
{
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->map_count; i++) {
		const struct vmoon_fake_map *map = &f->maps[i];
		const uint64_t at = gpa - map->gpa;

		if (!map->is_logging || len == 0 ||
		    !vmoon_range_ok(at, len, map->size))
			continue;
		for (uint64_t p = at / PAGE_SIZE;
		     p <= (at + len - 1) / PAGE_SIZE; p++)
			map->dirty[p / 64] |= UINT64_C(1) << p % 64;
	}
	pthread_mutex_unlock(&f->lock);
}

/* ---- eventfds ---- */

static enum vmoon_status add_irqfd(struct vmoon_hv_vm *vm, unsigned gsi, int fd,
				   int resample_fd, struct vmoon_error *err)
{
	struct vmoon_fake_hv *f = fake_of(vm);
	enum vmoon_status st;

	if (gsi >= VMOON_GSI_COUNT)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no line %u", gsi);
	pthread_mutex_lock(&f->lock);
	st = vmoon_fake_count(f, VMOON_FAKE_ADD_IRQFD, err);
	for (size_t i = 0; i < f->irqfd_count && st == VMOON_OK; i++)
		if (f->irqfds[i].fd == fd)
			st = vmoon_fail(err, VMOON_E_SYS, EBUSY, "irqfd");
	if (st == VMOON_OK && fd < 0)
		st = vmoon_fail(err, VMOON_E_SYS, EBADF, "irqfd");
	if (st == VMOON_OK) {
		assert(f->irqfd_count < VMOON_FAKE_FDS_MAX);
		f->irqfds[f->irqfd_count++] =
			(struct vmoon_fake_irqfd){gsi, fd, resample_fd};
	}
	pthread_mutex_unlock(&f->lock);
	return st;
}

static enum vmoon_status remove_irqfd(struct vmoon_hv_vm *vm, unsigned gsi,
				      int fd, struct vmoon_error *err)
{
	struct vmoon_fake_hv *f = fake_of(vm);
	enum vmoon_status st;

	if (gsi >= VMOON_GSI_COUNT)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no line %u", gsi);
	pthread_mutex_lock(&f->lock);
	st = vmoon_fake_count(f, VMOON_FAKE_REMOVE_IRQFD, err);
	for (size_t i = 0; i < f->irqfd_count && st == VMOON_OK; i++)
		if (f->irqfds[i].fd == fd && f->irqfds[i].gsi == gsi) {
			f->irqfds[i] = f->irqfds[--f->irqfd_count];
			break;
		}
	pthread_mutex_unlock(&f->lock);
	return st;
}

static bool is_same(const struct vmoon_hv_ioeventfd *a,
		    const struct vmoon_hv_ioeventfd *b)
{
	return a->addr == b->addr && a->is_pio == b->is_pio &&
	       a->size == b->size && a->has_datamatch == b->has_datamatch &&
	       (!a->has_datamatch || a->datamatch == b->datamatch);
}

/* Its place in the list; ioeventfd_count when it is not there. */
static size_t find_io(const struct vmoon_fake_hv *f,
		      const struct vmoon_hv_ioeventfd *io)
{
	size_t i = 0;

	while (i < f->ioeventfd_count && !is_same(&f->ioeventfds[i], io))
		i++;
	return i;
}

static enum vmoon_status add_ioeventfd(struct vmoon_hv_vm *vm,
				       const struct vmoon_hv_ioeventfd *io,
				       struct vmoon_error *err)
{
	struct vmoon_fake_hv *f = fake_of(vm);
	enum vmoon_status st = vmoon_hv_check_ioeventfd(io, err);

	if (st != VMOON_OK)
		return st;
	pthread_mutex_lock(&f->lock);
	st = vmoon_fake_count(f, VMOON_FAKE_ADD_IOEVENTFD, err);
	if (st == VMOON_OK && io->fd < 0)
		st = vmoon_fail(err, VMOON_E_SYS, EBADF, "ioeventfd");
	if (st == VMOON_OK && find_io(f, io) < f->ioeventfd_count)
		st = vmoon_fail(err, VMOON_E_SYS, EEXIST, "ioeventfd");
	if (st == VMOON_OK) {
		assert(f->ioeventfd_count < VMOON_FAKE_FDS_MAX);
		f->ioeventfds[f->ioeventfd_count++] = *io;
	}
	pthread_mutex_unlock(&f->lock);
	return st;
}

static enum vmoon_status remove_ioeventfd(struct vmoon_hv_vm *vm,
					  const struct vmoon_hv_ioeventfd *io,
					  struct vmoon_error *err)
{
	struct vmoon_fake_hv *f = fake_of(vm);
	enum vmoon_status st = vmoon_hv_check_ioeventfd(io, err);
	size_t at;

	if (st != VMOON_OK)
		return st;
	pthread_mutex_lock(&f->lock);
	st = vmoon_fake_count(f, VMOON_FAKE_REMOVE_IOEVENTFD, err);
	at = find_io(f, io);
	if (st == VMOON_OK &&
	    (at == f->ioeventfd_count || f->ioeventfds[at].fd != io->fd))
		st = vmoon_fail(err, VMOON_E_SYS, ENOENT, "ioeventfd");
	if (st == VMOON_OK)
		f->ioeventfds[at] = f->ioeventfds[--f->ioeventfd_count];
	pthread_mutex_unlock(&f->lock);
	return st;
}

bool vmoon_fake_signal(struct vmoon_fake_hv *f, const struct vmoon_hv_exit *e)
{
	const uint64_t one = 1;
	uint64_t value = 0;

	if ((e->kind != VMOON_HV_EXIT_PIO && e->kind != VMOON_HV_EXIT_MMIO) ||
	    !e->is_write || e->count != 1)
		return false;
	memcpy(&value, e->data, e->size);
	for (size_t i = 0; i < f->ioeventfd_count; i++) {
		const struct vmoon_hv_ioeventfd *io = &f->ioeventfds[i];

		if (io->is_pio == (e->kind == VMOON_HV_EXIT_PIO) &&
		    io->addr == e->addr &&
		    (io->size == 0 || io->size == e->size) &&
		    (!io->has_datamatch || io->datamatch == value)) {
			VMOON_IGNORE(write(io->fd, &one, sizeof(one)) < 0);
			return true;
		}
	}
	return false;
}

static void destroy_vm(struct vmoon_hv_vm *vm)
{
	struct vmoon_fake_hv *f = fake_of(vm);

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < VMOON_FAKE_CPUS_MAX; i++)
		f->misuses += f->cpu[i].exists;
	f->misuses += f->is_destroyed;
	f->is_destroyed = true;
	pthread_mutex_unlock(&f->lock);
}

/* ---- snapshots ---- */

static enum vmoon_status save_vm(struct vmoon_hv_vm *vm,
				 struct vmoon_state_writer *w,
				 struct vmoon_error *err)
{
	struct vmoon_fake_hv *f = fake_of(vm);
	enum vmoon_status st;

	pthread_mutex_lock(&f->lock);
	st = vmoon_fake_count(f, VMOON_FAKE_VM_SAVE, err);
	if (st == VMOON_OK) {
		vmoon_state_begin(w, "fake-machine", 1);
		for (unsigned i = 0; i < VMOON_GSI_COUNT; i++)
			vmoon_state_put(w, f->levels[i], 1);
	}
	pthread_mutex_unlock(&f->lock);
	return st;
}

static enum vmoon_status load_vm(struct vmoon_hv_vm *vm,
				 struct vmoon_state_reader *r,
				 struct vmoon_error *err)
{
	struct vmoon_fake_hv *f = fake_of(vm);
	bool levels[VMOON_GSI_COUNT];
	enum vmoon_status st;

	VMOON_IGNORE(vmoon_state_expect(r, "fake-machine", 1));
	for (unsigned i = 0; i < VMOON_GSI_COUNT; i++)
		levels[i] = vmoon_state_get(r, 1) != 0;
	if (r->is_bad)
		return vmoon_fail(err, VMOON_E_IMAGE, 0, "bad machine");
	pthread_mutex_lock(&f->lock);
	st = vmoon_fake_count(f, VMOON_FAKE_VM_LOAD, err);
	if (st == VMOON_OK)
		memcpy(f->levels, levels, sizeof(levels));
	pthread_mutex_unlock(&f->lock);
	return st;
}

const struct vmoon_hv_vm_ops vmoon_fake_vm_ops = {
	.map_memory = map_memory,
	.log_dirty = log_dirty,
	.take_dirty = take_dirty,
	.create_vcpu = vmoon_fake_create_vcpu,
	.set_irq = set_irq,
	.add_irqfd = add_irqfd,
	.remove_irqfd = remove_irqfd,
	.add_ioeventfd = add_ioeventfd,
	.remove_ioeventfd = remove_ioeventfd,
	.reset = reset_vm,
	.save = save_vm,
	.load = load_vm,
	.destroy = destroy_vm,
};
