/* SPDX-License-Identifier: MIT */
/*
 * fake_hv.c - the scripted hypervisor: its vCPUs. One lock, one condition, no
 * cunning.
 */
#include "tests/support/fake_hv.h"
#include "vmoon/state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct vmoon_fake_hv *fake_of(struct vmoon_hv_vm *vm)
{
	return VMOON_CONTAINER_OF(vm, struct vmoon_fake_hv, vm);
}

static struct vmoon_fake_vcpu *cpu_of(struct vmoon_hv_vcpu *hv)
{
	return VMOON_CONTAINER_OF(hv, struct vmoon_fake_vcpu, hv);
}

static unsigned index_of(const struct vmoon_fake_vcpu *c)
{
	return (unsigned)(c - c->fake->cpu);
}

/* ---- a vCPU ---- */

static enum vmoon_status attach(struct vmoon_hv_vcpu *hv,
				struct vmoon_error *err)
{
	struct vmoon_fake_vcpu *c = cpu_of(hv);
	struct vmoon_fake_hv *f = c->fake;
	enum vmoon_status st;

	pthread_mutex_lock(&f->lock);
	st = vmoon_fake_count(f, VMOON_FAKE_ATTACH, err);
	if (st == VMOON_OK)
		c->is_attached = true;
	pthread_mutex_unlock(&f->lock);
	return st;
}

static enum vmoon_status reset_vcpu(struct vmoon_hv_vcpu *hv,
				    const struct vmoon_x86_entry *entry,
				    struct vmoon_error *err)
{
	struct vmoon_fake_vcpu *c = cpu_of(hv);
	struct vmoon_fake_hv *f = c->fake;
	enum vmoon_status st;

	pthread_mutex_lock(&f->lock);
	st = vmoon_fake_count(f, VMOON_FAKE_VCPU_RESET, err);
	if (st == VMOON_OK) {
		c->resets++;
		c->is_reading = false;
		c->has_entry = entry != NULL;
		if (entry != NULL)
			c->entry = *entry;
	}
	pthread_mutex_unlock(&f->lock);
	return st;
}

/* The answer to a read is complete when the vCPU is run again. */
static void take_answer(struct vmoon_fake_vcpu *c)
{
	struct vmoon_fake_hv *f = c->fake;

	if (!c->is_reading)
		return;
	c->is_reading = false;
	if (f->read_count < VMOON_FAKE_LOG_MAX) {
		struct vmoon_fake_read *r = &f->reads[f->read_count];

		r->cpu = index_of(c);
		r->kind = c->last.kind;
		r->addr = c->last.addr;
		r->bytes = c->last.size * c->last.count;
		memcpy(r->data, c->data, sizeof(r->data));
	}
	f->read_count++;
}

/* The present step, or NULL at the end. */
static const struct vmoon_fake_step *step_of(const struct vmoon_fake_vcpu *c)
{
	return c->at < c->script.count ? &c->script.steps[c->at] : NULL;
}

static void next_step(struct vmoon_fake_vcpu *c)
{
	if (++c->turn < step_of(c)->repeat)
		return;
	c->turn = 0;
	c->at++;
	pthread_cond_broadcast(&c->fake->changed);
}

static void make_exit(struct vmoon_fake_vcpu *c,
		      const struct vmoon_fake_step *step)
{
	struct vmoon_hv_exit *e = &c->last;
	const size_t bytes = (size_t)step->exit.size * step->exit.count;

	memset(e, 0, sizeof(*e));
	e->kind = step->exit.kind;
	e->system = step->exit.system;
	if (step->exit.detail != NULL)
		(void)snprintf(e->detail, sizeof(e->detail), "%s",
			       step->exit.detail);
	if (e->kind != VMOON_HV_EXIT_PIO && e->kind != VMOON_HV_EXIT_MMIO)
		return;
	assert(bytes > 0 && bytes <= sizeof(c->data));
	e->is_write = step->exit.is_write;
	e->size = step->exit.size;
	e->count = step->exit.count;
	e->addr = step->exit.addr;
	e->data = c->data;
	for (size_t i = 0; i < bytes; i++)
		c->data[i] = step->exit.data[i % VMOON_FAKE_DATA_MAX];
	c->is_reading = !e->is_write;
}

/* Under the lock: blocks while the step does, then says what run returns. */
static void play(struct vmoon_fake_vcpu *c, struct vmoon_hv_exit *out)
{
	struct vmoon_fake_hv *f = c->fake;

	for (;;) {
		const struct vmoon_fake_step *step = step_of(c);

		if (c->is_kicked) {
			if (step != NULL && step->kind == VMOON_FAKE_SPIN)
				next_step(c);
			c->is_kicked = false;
			c->intrs++;
			memset(&c->last, 0, sizeof(c->last));
			c->last.kind = VMOON_HV_EXIT_INTR;
			break;
		}
		if (step != NULL && step->kind == VMOON_FAKE_EXIT) {
			make_exit(c, step);
			next_step(c);
			if (vmoon_fake_signal(f, &c->last))
				continue;
			break;
		}
		if (step != NULL && step->kind == VMOON_FAKE_WAIT_IRQ &&
		    f->levels[step->gsi]) {
			next_step(c);
			continue;
		}
		pthread_cond_wait(&f->changed, &f->lock);
	}
	*out = c->last;
}

static enum vmoon_status run(struct vmoon_hv_vcpu *hv,
			     struct vmoon_hv_exit *out_exit,
			     struct vmoon_error *err)
{
	struct vmoon_fake_vcpu *c = cpu_of(hv);
	struct vmoon_fake_hv *f = c->fake;
	enum vmoon_status st;

	pthread_mutex_lock(&f->lock);
	c->runs++;
	f->misuses += !c->is_attached;
	take_answer(c);
	st = vmoon_fake_count(f, VMOON_FAKE_RUN, err);
	if (st == VMOON_OK)
		play(c, out_exit);
	pthread_mutex_unlock(&f->lock);
	return st;
}

static void kick(struct vmoon_hv_vcpu *hv)
{
	struct vmoon_fake_vcpu *c = cpu_of(hv);

	pthread_mutex_lock(&c->fake->lock);
	c->kicks++;
	c->is_kicked = true;
	pthread_cond_broadcast(&c->fake->changed);
	pthread_mutex_unlock(&c->fake->lock);
}

static void destroy_vcpu(struct vmoon_hv_vcpu *hv)
{
	struct vmoon_fake_vcpu *c = cpu_of(hv);

	pthread_mutex_lock(&c->fake->lock);
	c->fake->misuses += !c->exists || c->fake->is_destroyed;
	c->exists = false;
	pthread_mutex_unlock(&c->fake->lock);
}

/* Where it is in its script: a snapshot of the fake goes on from there. */
static enum vmoon_status save_vcpu(struct vmoon_hv_vcpu *hv,
				   struct vmoon_state_writer *w,
				   struct vmoon_error *err)
{
	struct vmoon_fake_vcpu *c = cpu_of(hv);
	struct vmoon_fake_hv *f = c->fake;
	enum vmoon_status st;

	pthread_mutex_lock(&f->lock);
	take_answer(c);
	st = vmoon_fake_count(f, VMOON_FAKE_VCPU_SAVE, err);
	if (st == VMOON_OK) {
		vmoon_state_begin(w, "fake-vcpu", 1);
		vmoon_state_put(w, index_of(c), 4);
		vmoon_state_put(w, c->at, 4);
		vmoon_state_put(w, c->turn, 4);
	}
	pthread_mutex_unlock(&f->lock);
	return st;
}

static enum vmoon_status load_vcpu(struct vmoon_hv_vcpu *hv,
				   struct vmoon_state_reader *r,
				   struct vmoon_error *err)
{
	struct vmoon_fake_vcpu *c = cpu_of(hv);
	struct vmoon_fake_hv *f = c->fake;
	bool is_good = vmoon_state_expect(r, "fake-vcpu", 1) &&
		       vmoon_state_get(r, 4) == index_of(c);
	size_t at = (size_t)vmoon_state_get(r, 4);
	unsigned turn = (unsigned)vmoon_state_get(r, 4);
	enum vmoon_status st;

	if (!is_good || r->is_bad || at > c->script.count)
		return vmoon_fail(err, VMOON_E_IMAGE, 0, "bad vCPU");
	pthread_mutex_lock(&f->lock);
	st = vmoon_fake_count(f, VMOON_FAKE_VCPU_LOAD, err);
	if (st == VMOON_OK) {
		c->at = at;
		c->turn = turn;
		c->is_reading = false;
	}
	pthread_mutex_unlock(&f->lock);
	return st;
}

static const struct vmoon_hv_vcpu_ops vcpu_ops = {
	.attach = attach,
	.reset = reset_vcpu,
	.save = save_vcpu,
	.load = load_vcpu,
	.run = run,
	.kick = kick,
	.destroy = destroy_vcpu,
};

enum vmoon_status vmoon_fake_create_vcpu(struct vmoon_hv_vm *vm, unsigned index,
					 unsigned cpu_count,
					 struct vmoon_hv_vcpu **out_vcpu,
					 struct vmoon_error *err)
{
	struct vmoon_fake_hv *f = fake_of(vm);
	enum vmoon_status st;

	if (index >= cpu_count || cpu_count > VMOON_FAKE_CPUS_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "vCPU %u of %u", index,
				  cpu_count);
	pthread_mutex_lock(&f->lock);
	st = vmoon_fake_count(f, VMOON_FAKE_CREATE_VCPU, err);
	if (st == VMOON_OK) {
		f->misuses += f->cpu[index].exists;
		f->cpu[index].exists = true;
		*out_vcpu = &f->cpu[index].hv;
	}
	pthread_mutex_unlock(&f->lock);
	return st;
}

/* ---- the test's side ---- */

void vmoon_fake_hv_init(struct vmoon_fake_hv *f,
			const struct vmoon_fake_script *scripts, size_t count)
{
	assert(count <= VMOON_FAKE_CPUS_MAX);
	memset(f, 0, sizeof(*f));
	f->vm.ops = &vmoon_fake_vm_ops;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	for (size_t i = 0; i < VMOON_FAKE_CPUS_MAX; i++) {
		f->cpu[i].hv.ops = &vcpu_ops;
		f->cpu[i].fake = f;
		if (i < count)
			f->cpu[i].script = scripts[i];
	}
}

void vmoon_fake_hv_fini(struct vmoon_fake_hv *f)
{
	for (size_t i = 0; i < f->map_count; i++)
		free(f->maps[i].dirty);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
}

void vmoon_fake_hv_fail(struct vmoon_fake_hv *f, enum vmoon_fake_op op,
			unsigned nth, enum vmoon_status status)
{
	pthread_mutex_lock(&f->lock);
	f->fail_at[op] = nth;
	f->fail_as[op] = status;
	pthread_mutex_unlock(&f->lock);
}

void vmoon_fake_hv_wait_end(struct vmoon_fake_hv *f, unsigned cpu)
{
	pthread_mutex_lock(&f->lock);
	while (step_of(&f->cpu[cpu]) != NULL)
		pthread_cond_wait(&f->changed, &f->lock);
	pthread_mutex_unlock(&f->lock);
}
