/* SPDX-License-Identifier: MIT */
/*
 * ldvirtio.c - a virtio device in Lua. The transport, the ring and its checks
 * are those of every virtio device; a hook gets whole buffers.
 *
 * A buffer goes back when its hook returns, whatever became of the hook, or
 * when the device says so later. Kicks, timers and methods come on the VM's
 * worker or the script's thread, so that no vCPU waits for a hook here.
 *
 * Not modelled: queues of different sizes (each is offered with the largest
 * one's), chains of more than VMOON_LDVIRTIO_SEGS buffers.
 */
#include "ldvirtio_parts.h"

#include <lauxlib.h>
#include <stdatomic.h>
#include <string.h>

#include "lhost.h"

#define NO_QUEUE UINT_MAX
/* Of hooks in one notify: others wait for the worker, and for the lock. */
#define TURN_NS UINT64_C(5000000)
enum { TICKS = 1 << 20 }; /* whose time is asked for */

static const struct vmoon_ldspec *spec_of(const struct vmoon_ldvirtio *v)
{
	return vmoon_ldobj_spec(v->obj);
}

/* ---- buffers ---- */

void vmoon_ldvirtio_take(struct vmoon_ldvirtio *v, unsigned queue, size_t i)
{
	struct vmoon_ldqueue *q = &v->queues[queue];

	q->free &= ~(UINT64_C(1) << i);
	q->bufs[i].serial = ++v->serial;
}

void vmoon_ldvirtio_give_back(struct vmoon_ldvirtio *v, struct vmoon_ldbuf *buf)
{
	struct vmoon_ldqueue *q = &v->queues[buf->queue];

	buf->state = VMOON_LDBUF_FREE;
	q->free |= UINT64_C(1) << (buf - q->bufs);
	if (q->vq == NULL)
		return;
	vmoon_vq_push(q->vq, &buf->chain);
	if (buf->queue != v->notified)
		vmoon_vq_signal(q->vq);
	if (!q->is_starved)
		return;
	q->is_starved = false;
	v->vd.host.kick(v->vd.host.ctx, buf->queue);
}

/* False: it is not the guest's memory, and has gone back. */
static bool open_buf(struct vmoon_ldvirtio *v, struct vmoon_ldbuf *buf)
{
	buf->state = VMOON_LDBUF_HOOK;
	buf->chain.written = 0;
	if (vmoon_chain_reader(&buf->chain, &buf->in) == VMOON_OK &&
	    vmoon_chain_writer(&buf->chain, &buf->out) == VMOON_OK)
		return true;
	vmoon_guest_fault(&v->vd.host.faults, VMOON_GUEST_FAULT_MEMORY,
			  buf->chain.head);
	vmoon_ldvirtio_give_back(v, buf);
	return false;
}

/* The queue's next one; NULL: there is none now, or no place for it. */
static struct vmoon_ldbuf *next_buf(struct vmoon_ldvirtio *v, unsigned queue)
{
	struct vmoon_ldqueue *q = &v->queues[queue];

	/* Each turn uses up some of the queue's share. */
	for (unsigned n = 0; n < VMOON_VIRTIO_QUEUE_SIZE_MAX; n++) {
		struct vmoon_ldbuf *buf;
		unsigned i;

		q->is_starved = q->free == 0;
		if (q->is_starved)
			break;
		i = (unsigned)__builtin_ctzll(q->free);
		buf = &q->bufs[i];
		vmoon_chain_init(&buf->chain, buf->segs, VMOON_LDVIRTIO_SEGS);
		if (!vmoon_vq_pop(q->vq, &buf->chain))
			break;
		vmoon_ldvirtio_take(v, queue, i);
		if (open_buf(v, buf))
			return buf;
	}
	return NULL;
}

void vmoon_ldvirtio_forget(struct vmoon_ldvirtio *v)
{
	for (unsigned i = 0; i < v->vd.queue_count; i++) {
		struct vmoon_ldqueue *q = &v->queues[i];

		for (unsigned k = 0; k < VMOON_LDVIRTIO_BUFFERS; k++)
			q->bufs[k].state = VMOON_LDBUF_FREE;
		q->free = UINT64_MAX;
		q->vq = NULL;
		q->is_starved = false;
	}
}

/* ---- hooks ---- */

/*
 * What a hook has left behind: buffers that are not held go back, and so does
 * what a hook kept that then failed.
 */
static void settle(struct vmoon_ldvirtio *v,
		   const struct vmoon_ldbuf_list *list, bool is_ok)
{
	for (size_t i = 0; i < list->n; i++) {
		struct vmoon_ldbuf *buf = list->bufs[i];

		if (buf->state == VMOON_LDBUF_HOOK ||
		    (buf->state == VMOON_LDBUF_HELD && !is_ok))
			vmoon_ldvirtio_give_back(v, buf);
	}
}

static bool call_hook(struct vmoon_ldvirtio *v, struct vmoon_ldhook *hook,
		      struct vmoon_ldbuf_list *list)
{
	const struct vmoon_ldcode *code = &v->obj->code;
	lua_State *L = vmoon_ldstate_lua(code->state);

	if (vmoon_ldobj_has_failed(v->obj))
		return false;
	if (code->spec->queues[hook->index].on_buffer != 0) {
		VMOON_IGNORE(vmoon_ldhook_begin(v->obj, hook) == NULL);
		vmoon_ldbuf_push(L, code, list->bufs[0]);
		return vmoon_ldhook_call(v->obj, hook, 1, 0);
	}
	vmoon_ldbuf_push_caller(L, code);
	VMOON_IGNORE(vmoon_ldhook_begin(v->obj, hook) == NULL);
	lua_pushlightuserdata(L, list);
	return vmoon_ldhook_call(v->obj, hook, 2, 0);
}

/* One buffer, or in a batch several of one queue. */
static void run_hook(struct vmoon_ldvirtio *v, struct vmoon_ldhook *hook,
		     struct vmoon_ldbuf_list *list)
{
	v->is_in_hook = true;
	settle(v, list, call_hook(v, hook, list));
	v->is_in_hook = false;
	if (vmoon_ldobj_has_failed(v->obj))
		v->vd.host.needs_reset(v->vd.host.ctx);
}

void vmoon_ldvirtio_run(struct vmoon_ldvirtio *v, struct vmoon_ldbuf *buf)
{
	struct vmoon_ldhook *hook =
		vmoon_ldobj_hook(v->obj, VMOON_LDHOOK_BUFFER, buf->queue);
	struct vmoon_ldbuf_list list = {&buf, 1};

	if (hook == NULL)
		vmoon_ldvirtio_give_back(v, buf);
	else if (open_buf(v, buf))
		run_hook(v, hook, &list);
}

/* The counter takes as long to read as a short hook: not before the first. */
static bool is_turn_over(const struct vmoon_ldvirtio *v, uint64_t *begin)
{
	const uint64_t now = vmoon_lhost_ticks();

	if (*begin == 0)
		*begin = now;
	return now - *begin > v->turn_ticks;
}

/* A buffer for each call; false: this turn was long enough. */
static bool run_each(struct vmoon_ldvirtio *v, struct vmoon_ldhook *hook)
{
	const unsigned queue = (unsigned)hook->index;
	uint64_t begin = 0;

	for (unsigned n = 0; n < VMOON_VIRTIO_QUEUE_SIZE_MAX; n++) {
		struct vmoon_ldbuf *buf = next_buf(v, queue);
		struct vmoon_ldbuf_list list = {&buf, 1};
		bool is_over;

		if (buf == NULL)
			return true;
		/* It runs all the same: it has been taken. */
		is_over = n > 0 && is_turn_over(v, &begin);
		run_hook(v, hook, &list);
		if (vmoon_ldobj_has_failed(v->obj))
			return true;
		/* A long one is timed in any case. */
		if (is_over || vmoon_ldstate_last_ticks(v->obj->code.state) >
				       v->turn_ticks)
			return false;
	}
	return true;
}

/* All that there are, as far as there are places. */
static void run_batch(struct vmoon_ldvirtio *v, struct vmoon_ldhook *hook)
{
	struct vmoon_ldbuf *bufs[VMOON_LDVIRTIO_BUFFERS];
	struct vmoon_ldbuf_list list = {bufs, 0};

	while (list.n < VMOON_LDVIRTIO_BUFFERS) {
		struct vmoon_ldbuf *buf = next_buf(v, (unsigned)hook->index);

		if (buf == NULL)
			break;
		bufs[list.n++] = buf;
	}
	if (list.n == VMOON_LDVIRTIO_BUFFERS)
		v->queues[hook->index].is_starved = true;
	if (list.n > 0)
		run_hook(v, hook, &list);
}

static void notify(struct vmoon_virtio *vd, unsigned queue)
{
	struct vmoon_ldvirtio *v = vmoon_ldvirtio_of(vd);
	struct vmoon_ldhook *hook =
		vmoon_ldobj_hook(v->obj, VMOON_LDHOOK_BUFFER, queue);
	bool is_done = true;

	if (v->queues[queue].vq == NULL || hook == NULL ||
	    vmoon_ldobj_has_failed(v->obj))
		return;
	v->notified = queue;
	if (spec_of(v)->queues[queue].on_buffer != 0)
		is_done = run_each(v, hook);
	else
		run_batch(v, hook);
	v->notified = NO_QUEUE;
	if (!is_done)
		vd->host.kick(vd->host.ctx, queue);
	vmoon_ldobj_work(v->obj);
}

static void tick(struct vmoon_virtio *vd)
{
	struct vmoon_ldvirtio *v = vmoon_ldvirtio_of(vd);

	vmoon_ldobj_tick(v->obj);
	vmoon_ldobj_work(v->obj);
}

/* ---- life ---- */

void vmoon_ldvirtio_failed(struct vmoon_ldvirtio *v)
{
	/* The hook's buffers go back before the queues stop. */
	if (!v->is_in_hook && v->vd.host.needs_reset != NULL)
		v->vd.host.needs_reset(v->vd.host.ctx);
}

void vmoon_ldvirtio_reloaded(struct vmoon_ldvirtio *v)
{
	vmoon_ldvirtio_begin_again(v);
}

/* A failed one is no use until the next reset, which the driver is told. */
static enum vmoon_status activate(struct vmoon_virtio *vd, uint64_t features,
				  struct vmoon_vq *const *queues)
{
	struct vmoon_ldvirtio *v = vmoon_ldvirtio_of(vd);
	const uint64_t ns = vmoon_ldstate_ns(v->obj->code.state, TICKS);

	if (vmoon_ldobj_has_failed(v->obj))
		return VMOON_E_STATE;
	v->features = features;
	v->turn_ticks = ns == 0 ? 0 : TURN_NS * TICKS / ns;
	v->obj->env.timer = vd->host.timer;
	v->obj->env.faults = vd->host.faults;
	for (unsigned i = 0; i < vd->queue_count; i++)
		v->queues[i].vq = queues[i];
	v->obj->armed_ns = 0; /* the transport has cleared it, or it was lost */
	vmoon_ldtime_arm(v->obj);
	vmoon_ldvirtio_begin_again(v);
	return VMOON_OK;
}

static void reset(struct vmoon_virtio *vd)
{
	struct vmoon_ldvirtio *v = vmoon_ldvirtio_of(vd);

	v->features = 0;
	vmoon_ldvirtio_forget(v);
	vmoon_ldvirtio_config_reset(v);
	vmoon_ldobj_reset(v->obj);
}

static size_t bytes_of(const struct vmoon_ldspec *spec)
{
	return sizeof(struct vmoon_ldvirtio) +
	       spec->queue_count * sizeof(struct vmoon_ldqueue);
}

static void destroy(struct vmoon_virtio *vd)
{
	struct vmoon_ldvirtio *v = vmoon_ldvirtio_of(vd);
	const size_t bytes = bytes_of(spec_of(v));
	struct vmoon_mem *mem = v->mem;
	const struct vmoon_device_env none = {0};

	v->obj->virtio = NULL; /* the maker may have it still */
	v->obj->env = none;
	vmoon_ldobj_destroy(v->obj);
	vmoon_mem_free(mem, v, bytes);
}

static const struct vmoon_virtio_ops template = {
	.type = VMOON_LDVIRTIO_TYPE,
	.activate = activate,
	.notify = notify,
	.reset = reset,
	.config_write = vmoon_ldvirtio_config_write,
	.tick = tick,
	.save = vmoon_ldvirtio_save,
	.load = vmoon_ldvirtio_load,
	.destroy = destroy,
};

/* Each has a table of its own, made from one. */
struct vmoon_ldobj *vmoon_ldvirtio_object(struct vmoon_virtio *vd)
{
	return vd->ops->destroy == destroy ? vmoon_ldvirtio_of(vd)->obj : NULL;
}

static uint16_t largest_queue(const struct vmoon_ldspec *spec)
{
	uint16_t size = 1;

	for (size_t i = 0; i < spec->queue_count; i++)
		if (spec->queues[i].size > size)
			size = spec->queues[i].size;
	return size;
}

static void init(struct vmoon_ldvirtio *v, const struct vmoon_ldspec *spec)
{
	v->ops = template;
	v->ops.device_id = spec->id;
	v->notified = NO_QUEUE;
	memcpy(v->config, spec->config, spec->config_len);
	v->vd = (struct vmoon_virtio){
		.ops = &v->ops,
		.features = spec->features,
		.config = v->config,
		.config_len = spec->config_len,
		.queue_count = (uint16_t)spec->queue_count, /* 16 at most */
		.queue_size = largest_queue(spec)};
	for (unsigned i = 0; i < v->vd.queue_count; i++)
		for (unsigned k = 0; k < VMOON_LDVIRTIO_BUFFERS; k++)
			v->queues[i].bufs[k].queue = i;
	vmoon_ldvirtio_forget(v);
}

static enum vmoon_status make(void *ctx, const struct vmoon_device_env *env,
			      struct vmoon_virtio **out_vd,
			      struct vmoon_error *err)
{
	struct vmoon_ldobj *obj = ctx;
	const struct vmoon_ldspec *spec = vmoon_ldobj_spec(obj);
	struct vmoon_ldvirtio *v;

	if (obj->virtio != NULL)
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "device '%s' is in use already",
				  vmoon_ldobj_name(obj));
	v = vmoon_mem_alloc(env->mem, bytes_of(spec));
	if (v == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "device '%s': out of memory",
				  vmoon_ldobj_name(obj));
	v->mem = env->mem;
	v->obj = obj;
	init(v, spec);
	obj->virtio = v;
	atomic_fetch_add(&obj->holders, 1);
	vmoon_ldobj_attach(obj, env);
	vmoon_ldobj_reset(obj); /* as power does it */
	*out_vd = &v->vd;
	return VMOON_OK;
}

void vmoon_ldvirtio_options(struct vmoon_ldobj *obj,
			    struct vmoon_virtio_options *out)
{
	*out = (struct vmoon_virtio_options){.size = sizeof(*out),
					     .name = vmoon_ldobj_name(obj),
					     .make = make,
					     .ctx = obj,
					     .worker = vmoon_ldobj_worker(obj)};
}

/* The members of d, extra, the spec: inside of what makes d. */
int vmoon_ldvirtio_extend(lua_State *L)
{
	const struct vmoon_ldspec *spec = lua_touserdata(L, 3);

	if (spec->kind != VMOON_LDSPEC_VIRTIO)
		return 0;
	vmoon_ldbuf_open(L, 2, spec->queue_count);
	lua_settop(L, 1);
	vmoon_ldvirtio_config_methods(L);
	return 0;
}
