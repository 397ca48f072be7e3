/* SPDX-License-Identifier: MIT */
/* proxy.c - a device whose accesses another thread makes. */
#include "proxy.h"

#include "hv.h"
#include "vmoon/mem.h"

#include <string.h>

enum { TURN_MAX = 16 }; /* accesses, before the loop looks at its timers */
#define PATIENCE_NS UINT64_C(10000000000)
#define SLICE_NS UINT64_C(1000000)

/* HELD: made, and not to be told of yet. */
enum phase { FREE = 0, ASKED, RUNNING, HELD, DONE };

/* Of one vCPU, which makes one access at a time. */
struct request {
	enum phase phase;
	bool is_write;
	unsigned size;
	uint64_t off, value;
	uint64_t ticket; /* the order of asking; never used twice */
};

struct vmoon_proxy {
	struct vmoon_device dev;
	struct vmoon_device *behind; /* owned */
	struct vmoon_proxy_host host;
	struct vmoon_lock lock; /* around each call of what is behind */
	struct vmoon_loop_event event;
	bool is_resetting; /* atomic; partner: vmoon_proxy_is_resetting */
	bool was_held;     /* by the call that is made; under lock */

	struct vmoon_lock requests_lock; /* a leaf; guards what follows */
	struct request requests[VMOON_CPUS_MAX]; /* by asker - 1 */
	uint64_t tickets;
	bool must_reset, is_held;
};

static struct vmoon_proxy *proxy_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct vmoon_proxy, dev);
}

/* ---- a vCPU's side, under the slot's lock ---- */

/*
 * False: it waits. Its hold comes before anybody can see the request, and
 * again before anybody can say that it is done, so no ready is missed.
 */
static bool ask(struct vmoon_proxy *p, unsigned asker, bool is_write,
		uint64_t off, unsigned size, uint64_t *value)
{
	struct request *r = &p->requests[asker - 1];
	bool is_new = false;
	bool is_done;

	vmoon_lock_take(&p->requests_lock);
	is_done = r->phase == DONE;
	if (is_done) {
		r->phase = FREE;
		*value = r->value;
	} else {
		VMOON_IGNORE(vmoon_again_hold(&p->host.again));
		is_new = r->phase == FREE;
	}
	if (is_new)
		*r = (struct request){.phase = ASKED,
				      .is_write = is_write,
				      .size = size,
				      .off = off,
				      .value = *value,
				      .ticket = ++p->tickets};
	vmoon_lock_drop(&p->requests_lock);
	if (is_new)
		vmoon_loop_fire(&p->event);
	return is_done;
}

/* Nobody but vCPUs is on a bus; another one, who cannot wait, gets nothing. */
static bool knows(const struct vmoon_proxy *p, unsigned *out_asker)
{
	*out_asker = vmoon_again_asker(&p->host.again);
	return *out_asker >= 1 && *out_asker <= VMOON_CPUS_MAX;
}

static uint64_t proxy_read(struct vmoon_device *dev, uint64_t off,
			   unsigned size)
{
	struct vmoon_proxy *p = proxy_of(dev);
	uint64_t value = 0;
	unsigned asker;

	if (!knows(p, &asker) || !ask(p, asker, false, off, size, &value))
		return 0;
	return value;
}

static void proxy_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			uint64_t val)
{
	struct vmoon_proxy *p = proxy_of(dev);
	unsigned asker;

	if (knows(p, &asker))
		(void)ask(p, asker, true, off, size, &val);
}

/* What waits does not come again, and what runs is nobody's any more. */
static void proxy_reset(struct vmoon_device *dev)
{
	struct vmoon_proxy *p = proxy_of(dev);

	vmoon_lock_take(&p->requests_lock);
	memset(p->requests, 0, sizeof(p->requests));
	p->must_reset = true;
	__atomic_store_n(&p->is_resetting, true, __ATOMIC_RELEASE);
	vmoon_lock_drop(&p->requests_lock);
	vmoon_loop_fire(&p->event);
}

/* ---- the loop's side ---- */

/* What is to be done next: a reset, or a copy of the oldest request. */
struct job {
	bool is_reset, was_held;
	unsigned index;
	struct request request;
};

static struct request *oldest(struct vmoon_proxy *p)
{
	struct request *first = NULL;

	for (unsigned i = 0; i < VMOON_CPUS_MAX; i++) {
		struct request *r = &p->requests[i];

		if (r->phase == ASKED &&
		    (first == NULL || r->ticket < first->ticket))
			first = r;
	}
	return first;
}

static bool take_job(struct vmoon_proxy *p, struct job *out)
{
	struct request *r;

	vmoon_lock_take(&p->requests_lock);
	out->is_reset = p->must_reset;
	p->must_reset = false;
	r = out->is_reset ? NULL : oldest(p);
	if (r != NULL) {
		r->phase = RUNNING;
		out->request = *r;
		out->index = (unsigned)(r - p->requests);
	}
	vmoon_lock_drop(&p->requests_lock);
	return out->is_reset || r != NULL;
}

static void do_job(struct vmoon_proxy *p, struct job *job)
{
	const struct vmoon_device_ops *ops = p->behind->ops;
	struct request *r = &job->request;

	vmoon_lock_take(&p->lock);
	p->was_held = false;
	if (job->is_reset)
		ops->reset(p->behind);
	else if (r->is_write)
		ops->write(p->behind, r->off, r->size, r->value);
	else
		r->value = ops->read(p->behind, r->off, r->size);
	job->was_held = p->was_held;
	vmoon_lock_drop(&p->lock);
}

static void end_job(struct vmoon_proxy *p, const struct job *job)
{
	struct request *r = &p->requests[job->index];

	vmoon_lock_take(&p->requests_lock);
	if (job->is_reset) {
		__atomic_store_n(&p->is_resetting, p->must_reset,
				 __ATOMIC_RELEASE);
	} else if (r->ticket == job->request.ticket) {
		r->phase = job->was_held && p->is_held ? HELD : DONE;
		r->value = job->request.value;
	}
	vmoon_lock_drop(&p->requests_lock);
	vmoon_again_ready(&p->host.again);
}

static void serve(void *ctx)
{
	struct vmoon_proxy *p = ctx;
	struct job job = {0};

	for (unsigned n = 0; n < TURN_MAX; n++) {
		if (p->host.is_over(p->host.ctx) || !take_job(p, &job))
			return;
		do_job(p, &job);
		end_job(p, &job);
	}
	vmoon_loop_fire(&p->event); /* there may be more */
}

void vmoon_proxy_hold(struct vmoon_proxy *p, bool is_held)
{
	vmoon_lock_take(&p->requests_lock);
	p->is_held = is_held;
	for (unsigned i = 0; i < VMOON_CPUS_MAX && !is_held; i++)
		if (p->requests[i].phase == HELD)
			p->requests[i].phase = DONE;
	vmoon_lock_drop(&p->requests_lock);
	if (is_held)
		p->was_held = true;
	else
		vmoon_again_ready(&p->host.again);
}

/* ---- others who call what is behind ---- */

/* In slices: a build that checks locks sleeps through each of them. */
enum vmoon_status vmoon_proxy_take(struct vmoon_proxy *p, const char *name,
				   struct vmoon_error *err)
{
	const uint64_t patience_ns =
		p->host.patience_ns != 0 ? p->host.patience_ns : PATIENCE_NS;
	const uint64_t deadline_ns = vmoon_mono_ns() + patience_ns;
	uint64_t now_ns;

	do {
		now_ns = vmoon_mono_ns();
		if (vmoon_lock_take_until(&p->lock, now_ns + SLICE_NS))
			return VMOON_OK;
	} while (now_ns < deadline_ns);
	return vmoon_fail(err, VMOON_E_TIMEOUT, 0,
			  "%s: its own code has been busy for %g s", name,
			  (double)patience_ns / 1e9);
}

/*
 * Snapshots: whoever takes one has parked the vCPUs. A device that is busy for
 * so long has no section, which a load then misses.
 */
static void proxy_save(const struct vmoon_device *dev,
		       struct vmoon_state_writer *w)
{
	struct vmoon_proxy *p = proxy_of((struct vmoon_device *)(uintptr_t)dev);

	if (vmoon_proxy_take(p, p->behind->ops->type, NULL) != VMOON_OK)
		return;
	p->behind->ops->save(p->behind, w);
	vmoon_lock_drop(&p->lock);
}

static enum vmoon_status proxy_load(struct vmoon_device *dev,
				    struct vmoon_state_reader *r,
				    struct vmoon_error *err)
{
	struct vmoon_proxy *p = proxy_of(dev);
	enum vmoon_status st = vmoon_proxy_take(p, p->behind->ops->type, err);

	if (st != VMOON_OK)
		return st;
	st = p->behind->ops->load(p->behind, r, err);
	vmoon_lock_drop(&p->lock);
	return st;
}

/* ---- its life ---- */

static void proxy_destroy(struct vmoon_device *dev)
{
	struct vmoon_proxy *p = proxy_of(dev);

	vmoon_loop_remove_event(p->host.loop, &p->event);
	p->behind->ops->destroy(p->behind);
	vmoon_lock_fini(&p->requests_lock);
	vmoon_lock_fini(&p->lock);
	vmoon_mem_free(p->host.mem, p, sizeof(*p));
}

static const struct vmoon_device_ops proxy_ops = {
	.type = "proxy",
	.read = proxy_read,
	.write = proxy_write,
	.reset = proxy_reset,
	.save = proxy_save,
	.load = proxy_load,
	.destroy = proxy_destroy,
};

enum vmoon_status vmoon_proxy_create(const struct vmoon_proxy_host *host,
				     struct vmoon_device *take_behind,
				     struct vmoon_proxy **out_proxy,
				     struct vmoon_error *err)
{
	struct vmoon_proxy *p = vmoon_mem_alloc(host->mem, sizeof(*p));

	if (p == NULL) {
		take_behind->ops->destroy(take_behind);
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "a device's proxy: out of memory");
	}
	p->dev.ops = &proxy_ops;
	p->behind = take_behind;
	p->host = *host;
	vmoon_lock_init(&p->lock, VMOON_RANK_BEHIND);
	vmoon_lock_init(&p->requests_lock, VMOON_RANK_LEAF);
	vmoon_loop_add_event(host->loop, &p->event, serve, p);
	*out_proxy = p;
	return VMOON_OK;
}

struct vmoon_device *vmoon_proxy_device(struct vmoon_proxy *p)
{
	return &p->dev;
}

struct vmoon_device *vmoon_proxy_behind(struct vmoon_proxy *p)
{
	return p->behind;
}

struct vmoon_lock *vmoon_proxy_lock(struct vmoon_proxy *p)
{
	return &p->lock;
}

bool vmoon_proxy_is_resetting(const struct vmoon_proxy *p)
{
	return __atomic_load_n(&p->is_resetting, __ATOMIC_ACQUIRE);
}
