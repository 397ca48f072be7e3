/* SPDX-License-Identifier: MIT */
/* own_rig.h - a device that may have a thread of its own, and notes which. */
#ifndef VMOON_TESTS_OWN_RIG_H
#define VMOON_TESTS_OWN_RIG_H

#include "tests/support/vm_rig.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

/* Where the first one is. */
#define OWN_MMIO UINT64_C(0xd0000000)

enum own_call {
	OWN_READ,
	OWN_WRITE,
	OWN_RESET,
	OWN_TICK,
	OWN_WORK,
	OWN_BELL,
	OWN_FN, /* of vmoon_vm_call_device */
	OWN_CALLS
};

/* A doorbell is its fourth register; its work raises the interrupt. */
enum { OWN_BELL_AT = 12, OWN_BYTES = 16 };

/* The test's own. Its calls come from several threads: atomics. */
struct own {
	struct vmoon_device dev;
	struct vmoon_device_env env;
	enum vmoon_status fail;         /* of make */
	bool blocks;                    /* a read does, until may_go */
	bool is_asked_again;            /* a read waits for work instead */
	sem_t is_in, may_go;            /* a read's */
	unsigned calls[OWN_CALLS];      /* so far */
	pthread_t threads[OWN_CALLS];   /* of the last ones */
	uint64_t last;                  /* that was written */
	void (*on_work)(struct own *o); /* or NULL */
	bool is_gone;
};

static inline struct own *own_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct own, dev);
}

static inline unsigned own_calls(const struct own *o, enum own_call call)
{
	return __atomic_load_n(&o->calls[call], __ATOMIC_ACQUIRE);
}

static inline void own_note(struct own *o, enum own_call call)
{
	o->threads[call] = pthread_self();
	__atomic_store_n(&o->calls[call], own_calls(o, call) + 1,
			 __ATOMIC_RELEASE);
}

static inline void own_block(struct own *o)
{
	(void)sem_post(&o->is_in);
	while (sem_wait(&o->may_go) != 0)
		continue;
}

static inline uint64_t own_read(struct vmoon_device *dev, uint64_t off,
				unsigned size)
{
	struct own *o = own_of(dev);

	(void)size;
	own_note(o, OWN_READ);
	if (__atomic_load_n(&o->blocks, __ATOMIC_ACQUIRE))
		own_block(o);
	if (o->is_asked_again && own_calls(o, OWN_WORK) == 0) {
		o->env.wake.set(o->env.wake.ctx);
		VMOON_IGNORE(vmoon_again_hold(&o->env.again));
	}
	return 0x40 + off;
}

static inline void own_write(struct vmoon_device *dev, uint64_t off,
			     unsigned size, uint64_t val)
{
	struct own *o = own_of(dev);

	(void)off;
	(void)size;
	o->last = val;
	own_note(o, OWN_WRITE);
}

static inline void own_reset(struct vmoon_device *dev)
{
	own_note(own_of(dev), OWN_RESET);
}

static inline void own_save(const struct vmoon_device *dev,
			    struct vmoon_state_writer *w)
{
	(void)dev;
	(void)w;
}

static inline enum vmoon_status own_load(struct vmoon_device *dev,
					 struct vmoon_state_reader *r,
					 struct vmoon_error *err)
{
	(void)dev;
	(void)r;
	(void)err;
	return VMOON_OK;
}

static inline void own_destroy(struct vmoon_device *dev)
{
	own_of(dev)->is_gone = true;
}

static const struct vmoon_device_ops own_ops = {
	.type = "own",
	.read = own_read,
	.write = own_write,
	.reset = own_reset,
	.save = own_save,
	.load = own_load,
	.destroy = own_destroy,
};

static inline void own_tick(struct vmoon_device *dev)
{
	own_note(own_of(dev), OWN_TICK);
}

static inline void own_work(struct vmoon_device *dev)
{
	struct own *o = own_of(dev);

	if (o->env.irq.set != NULL)
		o->env.irq.set(o->env.irq.ctx, true);
	if (o->on_work != NULL)
		o->on_work(o);
	own_note(o, OWN_WORK);
	vmoon_again_ready(&o->env.again);
}

static inline void own_bell(struct vmoon_device *dev, unsigned i)
{
	(void)i;
	own_note(own_of(dev), OWN_BELL);
}

static inline enum vmoon_status own_make(void *ctx,
					 const struct vmoon_device_env *env,
					 struct vmoon_device **out_dev,
					 struct vmoon_error *err)
{
	struct own *o = ctx;

	if (o->fail != VMOON_OK)
		return vmoon_fail(err, o->fail, 0, "not today");
	o->dev.ops = &own_ops;
	o->env = *env;
	*out_dev = &o->dev;
	return VMOON_OK;
}

/* Also makes *o anew. */
static inline struct vmoon_device_options own_options(
	struct own *o, enum vmoon_device_worker worker)
{
	static const struct vmoon_doorbell bell = {OWN_BELL_AT, 4};

	*o = (struct own){0};
	assert_int_equal(sem_init(&o->is_in, 0, 0), 0);
	assert_int_equal(sem_init(&o->may_go, 0, 0), 0);
	return (struct vmoon_device_options){
		.size = sizeof(struct vmoon_device_options),
		.name = "mine",
		.bytes = OWN_BYTES,
		.has_irq = true,
		.make = own_make,
		.ctx = o,
		.tick = own_tick,
		.work = own_work,
		.doorbell = own_bell,
		.doorbells = &bell,
		.doorbell_count = 1,
		.worker = worker};
}

static inline void own_add(struct vm_rig *r, struct own *o,
			   enum vmoon_device_worker worker)
{
	const struct vmoon_device_options opts = own_options(o, worker);
	struct vmoon_error err;

	assert_ok(vmoon_vm_add_device(r->vm, &opts, NULL, &err), &err);
}

/* ---- from the test's thread ---- */

static inline void own_wait(const struct own *o, enum own_call call, unsigned n)
{
	while (own_calls(o, call) < n)
		(void)sched_yield();
}

static inline void own_wait_in(struct own *o)
{
	while (sem_wait(&o->is_in) != 0)
		assert_int_equal(errno, EINTR);
}

static inline void own_let_go(struct own *o)
{
	__atomic_store_n(&o->blocks, false, __ATOMIC_RELEASE);
	(void)sem_post(&o->may_go);
}

/* Before the VM's end, while the thread is there. */
static inline void own_expect_thread(const struct own *o, enum own_call call,
				     const char *name)
{
	char is[16];

	assert_true(own_calls(o, call) > 0);
	assert_int_equal(pthread_getname_np(o->threads[call], is, sizeof(is)),
			 0);
	assert_string_equal(is, name);
}

static inline void own_wake(void *ctx, struct vmoon_device *dev)
{
	struct own *o = own_of(dev);

	(void)ctx;
	own_note(o, OWN_FN);
	o->env.wake.set(o->env.wake.ctx);
}

static inline void own_call(struct vm_rig *r,
			    void (*fn)(void *ctx, struct vmoon_device *dev),
			    void *ctx)
{
	struct vmoon_error err;

	assert_ok(vmoon_vm_call_device(r->vm, "mine", fn, ctx, &err), &err);
}

#endif
