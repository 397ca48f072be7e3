/* SPDX-License-Identifier: MIT */
/* proxy_rig.h - a proxy without a VM: a device behind it, and who asks. */
#ifndef VMOON_TESTS_PROXY_RIG_H
#define VMOON_TESTS_PROXY_RIG_H

#include "hv.h"
#include "runtime/mem.h"
#include "runtime/proxy.h"
#include "tests/support/check_alloc.h"
#include "vmoon/state.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

/* In a hold: as often as it looks whether somebody says ready too early. */
enum { PROXY_LOOKS = 20000 };

/* The device behind: what it was called with, and what it does then. */
struct behind {
	struct vmoon_device dev;
	uint64_t offs[128], value, last; /* of reads: value + off; written */
	unsigned size, calls, writes, resets, loads;
	unsigned calls_before_reset; /* the last one */
	void (*on_call)(void *ctx);  /* from within; or NULL */
	void (*on_reset)(void *ctx);
	void *ctx;
	bool *is_gone; /* borrowed */
};

/* One test's own. Who turns the loop may be another thread: atomics. */
struct proxy_rig {
	struct check_alloc alloc;
	struct vmoon_mem mem;
	struct vmoon_loop loop;
	struct vmoon_proxy *p; /* owned */
	struct vmoon_device *dev;
	struct behind *behind;
	unsigned asker;          /* who makes the accesses */
	unsigned holds, readies; /* that were said */
	bool is_held;   /* as a vCPU is: from a hold to the next ready */
	bool gives_way; /* in a hold, to whoever could serve the request */
	bool is_over, is_gone;
	sem_t is_in, may_go;   /* what is behind, and from there */
	bool was_resetting[4]; /* when ready was said, for the first times */
};

/* ---- behind ---- */

static inline struct behind *behind_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct behind, dev);
}

static inline void behind_note(struct behind *b, uint64_t off, unsigned size)
{
	if (b->calls < VMOON_COUNTOF(b->offs))
		b->offs[b->calls] = off;
	b->calls++;
	b->size = size;
	if (b->on_call != NULL)
		b->on_call(b->ctx);
}

static inline uint64_t behind_read(struct vmoon_device *dev, uint64_t off,
				   unsigned size)
{
	struct behind *b = behind_of(dev);

	behind_note(b, off, size);
	return b->value + off;
}

static inline void behind_write(struct vmoon_device *dev, uint64_t off,
				unsigned size, uint64_t val)
{
	struct behind *b = behind_of(dev);

	behind_note(b, off, size);
	b->last = val;
	b->writes++;
}

static inline void behind_reset(struct vmoon_device *dev)
{
	struct behind *b = behind_of(dev);

	b->resets++;
	b->calls_before_reset = b->calls;
	if (b->on_reset != NULL)
		b->on_reset(b->ctx);
}

static inline void behind_save(const struct vmoon_device *dev,
			       struct vmoon_state_writer *w)
{
	vmoon_state_begin(w, "behind", 1);
	vmoon_state_put(
		w, VMOON_CONST_CONTAINER_OF(dev, struct behind, dev)->value, 8);
}

static inline enum vmoon_status behind_load(struct vmoon_device *dev,
					    struct vmoon_state_reader *r,
					    struct vmoon_error *err)
{
	struct behind *b = behind_of(dev);

	b->loads++;
	if (!vmoon_state_expect(r, "behind", 1))
		return vmoon_fail(err, VMOON_E_IMAGE, 0, "nothing behind");
	b->value = vmoon_state_get(r, 8);
	return VMOON_OK;
}

static inline void behind_destroy(struct vmoon_device *dev)
{
	struct behind *b = behind_of(dev);

	*b->is_gone = true;
	free(b);
}

static const struct vmoon_device_ops behind_ops = {
	.type = "behind",
	.read = behind_read,
	.write = behind_write,
	.reset = behind_reset,
	.save = behind_save,
	.load = behind_load,
	.destroy = behind_destroy,
};

/* ---- who asks ---- */

static inline unsigned proxy_asker(void *ctx)
{
	const struct proxy_rig *r = ctx;

	return r->asker;
}

static inline unsigned proxy_readies(const struct proxy_rig *r)
{
	return __atomic_load_n(&r->readies, __ATOMIC_ACQUIRE);
}

/* As a vCPU that is slow to note that it is held. */
static inline bool proxy_hold(void *ctx)
{
	struct proxy_rig *r = ctx;
	const unsigned before = proxy_readies(r);

	r->holds++;
	if (r->gives_way)
		(void)sem_post(&r->may_go);
	for (int i = 0; r->gives_way && i < PROXY_LOOKS; i++) {
		if (proxy_readies(r) != before)
			break;
		(void)sched_yield();
	}
	__atomic_store_n(&r->is_held, true, __ATOMIC_RELEASE);
	return true;
}

static inline void proxy_ready(void *ctx)
{
	struct proxy_rig *r = ctx;
	const unsigned n = proxy_readies(r);

	if (n < VMOON_COUNTOF(r->was_resetting))
		r->was_resetting[n] = vmoon_proxy_is_resetting(r->p);
	__atomic_store_n(&r->is_held, false, __ATOMIC_RELEASE);
	__atomic_store_n(&r->readies, n + 1, __ATOMIC_RELEASE);
}

static inline bool proxy_over(void *ctx)
{
	const struct proxy_rig *r = ctx;

	return r->is_over;
}

/* ---- life ---- */

static inline enum vmoon_status proxy_make(struct proxy_rig *r,
					   uint64_t patience_ns,
					   struct vmoon_error *err)
{
	const struct vmoon_proxy_host host = {
		.mem = &r->mem,
		.loop = &r->loop,
		.again = {proxy_asker, proxy_hold, proxy_ready, r},
		.is_over = proxy_over,
		.ctx = r,
		.patience_ns = patience_ns};
	struct behind *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->dev.ops = &behind_ops;
	b->value = 0x1000;
	b->is_gone = &r->is_gone;
	r->behind = b;
	return vmoon_proxy_create(&host, &b->dev, &r->p, err);
}

static inline void proxy_create(struct proxy_rig *r, uint64_t patience_ns)
{
	struct vmoon_error err;

	assert_ok(proxy_make(r, patience_ns, &err), &err);
	r->dev = vmoon_proxy_device(r->p);
	r->asker = 1;
}

static inline int proxy_setup(void **state)
{
	struct proxy_rig *r = calloc(1, sizeof(*r));
	struct vmoon_allocator a;

	if (r == NULL)
		return -1;
	a = check_allocator(&r->alloc);
	vmoon_mem_init(&r->mem, &a);
	*state = r;
	if (sem_init(&r->is_in, 0, 0) != 0 || sem_init(&r->may_go, 0, 0) != 0)
		return -1;
	return vmoon_loop_init(&r->loop, NULL) == VMOON_OK ? 0 : -1;
}

static inline int proxy_teardown(void **state)
{
	struct proxy_rig *r = *state;

	if (r->dev != NULL)
		r->dev->ops->destroy(r->dev);
	vmoon_loop_fini(&r->loop);
	(void)sem_destroy(&r->is_in);
	(void)sem_destroy(&r->may_go);
	check_alloc_assert_empty(&r->alloc);
	free(r);
	return 0;
}

/* ---- what tests do ---- */

static inline void proxy_turn(struct proxy_rig *r)
{
	struct vmoon_error err;

	assert_ok(vmoon_loop_turn(&r->loop, 0, &err), &err);
}

static inline uint64_t proxy_in(struct proxy_rig *r, unsigned asker,
				uint64_t off)
{
	r->asker = asker;
	return r->dev->ops->read(r->dev, off, 4);
}

static inline void proxy_out(struct proxy_rig *r, unsigned asker, uint64_t off,
			     uint64_t val)
{
	r->asker = asker;
	r->dev->ops->write(r->dev, off, 2, val);
}

/* ---- the loop on a thread of its own ---- */

static inline void *proxy_run(void *ctx)
{
	struct proxy_rig *r = ctx;

	VMOON_IGNORE(vmoon_loop_run(&r->loop, NULL) != VMOON_OK);
	return NULL;
}

static inline void proxy_start(struct proxy_rig *r, pthread_t *thread)
{
	assert_int_equal(pthread_create(thread, NULL, proxy_run, r), 0);
}

static inline void proxy_finish(struct proxy_rig *r, pthread_t thread,
				unsigned readies)
{
	while (proxy_readies(r) < readies)
		(void)sched_yield();
	vmoon_loop_quit(&r->loop);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static inline void proxy_wait(sem_t *sem)
{
	while (sem_wait(sem) != 0)
		assert_int_equal(errno, EINTR);
}

/* From within: until the test, or a hold that gives way, lets it go. */
static inline void proxy_blocked(void *ctx)
{
	struct proxy_rig *r = ctx;

	(void)sem_post(&r->is_in);
	while (sem_wait(&r->may_go) != 0)
		continue;
}

static inline void proxy_block(struct proxy_rig *r)
{
	r->behind->on_call = proxy_blocked;
	r->behind->ctx = r;
}

#define PROXY(test) \
	cmocka_unit_test_setup_teardown(test, proxy_setup, proxy_teardown)

#endif
