/* SPDX-License-Identifier: MIT */
/*
 * ldvirtio.c - a virtio device in Lua. The transport, the ring and its checks
 * are those of every virtio device; a hook gets whole buffers.
 *
 * A buffer goes back when its hook returns, whatever became of the hook, or
 * when the device says so later. Kicks, timers and methods come on the VM's
 * worker or the script's thread, so that no vCPU waits for a hook here.
 */
#include "ldvirtio_parts.h"

#include <lauxlib.h>
#include <stdatomic.h>
#include <string.h>

enum { STATE_VERSION = 1 };
#define TYPE "lua-virtio"

static struct vmoon_ldvirtio *virtio_of(struct vmoon_virtio *vd)
{
	return VMOON_CONTAINER_OF(vd, struct vmoon_ldvirtio, vd);
}

/* ---- buffers ---- */

/* NULL: all are in use. */
static struct vmoon_ldbuf *take_buf(struct vmoon_ldvirtio *v, unsigned queue)
{
	for (size_t i = 0; i < VMOON_LDVIRTIO_BUFFERS; i++) {
		struct vmoon_ldbuf *buf = &v->bufs[i];

		if (buf->state != VMOON_LDBUF_FREE)
			continue;
		vmoon_chain_init(&buf->chain, buf->segs, VMOON_LDVIRTIO_SEGS);
		buf->queue = queue;
		return buf;
	}
	return NULL;
}

void vmoon_ldvirtio_give_back(struct vmoon_ldvirtio *v, struct vmoon_ldbuf *buf)
{
	struct vmoon_vq *vq = v->queues[buf->queue];
	const unsigned starved = v->starved;

	buf->state = VMOON_LDBUF_FREE;
	if (vq == NULL)
		return;
	vmoon_vq_push(vq, &buf->chain);
	if (!v->is_notifying)
		vmoon_vq_signal(vq);
	v->starved = 0;
	for (unsigned i = 0; i < v->vd.queue_count; i++)
		if ((starved >> i & 1u) != 0)
			v->vd.host.kick(v->vd.host.ctx, i);
}

/* False: it is not the guest's memory, and has gone back. */
static bool open_buf(struct vmoon_ldvirtio *v, struct vmoon_ldbuf *buf)
{
	buf->state = VMOON_LDBUF_HOOK;
	if (vmoon_chain_reader(&buf->chain, &buf->in) == VMOON_OK &&
	    vmoon_chain_writer(&buf->chain, &buf->out) == VMOON_OK)
		return true;
	vmoon_guest_fault(&v->vd.host.faults, VMOON_GUEST_FAULT_MEMORY,
			  buf->chain.head);
	vmoon_ldvirtio_give_back(v, buf);
	return false;
}

/* ---- hooks ---- */

/* What a hook has left behind: buffers that were not held go back. */
static void settle(struct vmoon_ldvirtio *v, const unsigned char *which,
		   size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v->bufs[which[i]].state == VMOON_LDBUF_HOOK)
			vmoon_ldvirtio_give_back(v, &v->bufs[which[i]]);
}

/* One buffer, or in a batch n of them. */
static void run_hook(struct vmoon_ldvirtio *v, struct vmoon_ldhook *hook,
		     const unsigned char *which, size_t n)
{
	const unsigned queue = v->bufs[which[0]].queue;
	const bool is_batch =
		vmoon_ldobj_spec(v->obj)->queues[queue].on_buffer == 0;
	lua_State *L = vmoon_ldhook_begin(v->obj, hook);

	if (L != NULL && is_batch) {
		vmoon_ldbuf_push_list(L, v, which, n);
		VMOON_IGNORE(vmoon_ldhook_call(v->obj, hook, 2, 0));
	} else if (L != NULL) {
		vmoon_ldbuf_push(L, v, which[0]);
		VMOON_IGNORE(vmoon_ldhook_call(v->obj, hook, 1, 0));
	}
	settle(v, which, n);
	if (vmoon_ldobj_has_failed(v->obj))
		v->vd.host.needs_reset(v->vd.host.ctx);
}

static void notify(struct vmoon_virtio *vd, unsigned queue)
{
	struct vmoon_ldvirtio *v = virtio_of(vd);
	struct vmoon_vq *vq = v->queues[queue];
	struct vmoon_ldhook *hook =
		vmoon_ldobj_hook(v->obj, VMOON_LDHOOK_BUFFER, queue);
	const bool is_batch =
		vmoon_ldobj_spec(v->obj)->queues[queue].on_buffer == 0;
	unsigned char which[VMOON_LDVIRTIO_BUFFERS];
	size_t n = 0;

	if (vq == NULL || hook == NULL || vmoon_ldobj_has_failed(v->obj))
		return;
	v->is_notifying = true;
	for (;;) { /* as many times as the queue's share has chains */
		struct vmoon_ldbuf *buf = take_buf(v, queue);

		if (buf == NULL) {
			v->starved |= 1u << queue;
			break;
		}
		if (!vmoon_vq_pop(vq, &buf->chain))
			break;
		if (!open_buf(v, buf))
			continue;
		which[n++] = (unsigned char)(buf - v->bufs);
		if (is_batch)
			continue;
		run_hook(v, hook, which, n);
		n = 0;
		if (v->queues[queue] == NULL || vmoon_ldobj_has_failed(v->obj))
			break;
	}
	if (n > 0)
		run_hook(v, hook, which, n);
	v->is_notifying = false;
	vmoon_ldobj_work(v->obj);
}

static void tick(struct vmoon_virtio *vd)
{
	struct vmoon_ldvirtio *v = virtio_of(vd);

	vmoon_ldobj_tick(v->obj);
	vmoon_ldobj_work(v->obj);
}

/* ---- life ---- */

/* What a snapshot had in flight comes to the hook once more. */
static void begin_loaded(struct vmoon_ldvirtio *v)
{
	for (size_t i = 0; i < VMOON_LDVIRTIO_BUFFERS; i++) {
		struct vmoon_ldbuf *buf = &v->bufs[i];
		const unsigned char which = (unsigned char)i;
		const uint16_t head = buf->chain.head;
		struct vmoon_ldhook *hook;

		if (buf->state != VMOON_LDBUF_LOADED)
			continue;
		buf->state = VMOON_LDBUF_FREE;
		hook = vmoon_ldobj_hook(v->obj, VMOON_LDHOOK_BUFFER,
					buf->queue);
		vmoon_chain_init(&buf->chain, buf->segs, VMOON_LDVIRTIO_SEGS);
		if (v->queues[buf->queue] == NULL || hook == NULL ||
		    !vmoon_vq_pop_again(v->queues[buf->queue], head,
					&buf->chain))
			continue;
		if (open_buf(v, buf))
			run_hook(v, hook, &which, 1);
	}
}

static enum vmoon_status activate(struct vmoon_virtio *vd, uint64_t features,
				  struct vmoon_vq *const *queues)
{
	struct vmoon_ldvirtio *v = virtio_of(vd);

	(void)features; /* what it offers is what it can */
	v->obj->env.timer = vd->host.timer;
	v->obj->env.faults = vd->host.faults;
	memcpy(v->queues, queues, vd->queue_count * sizeof(v->queues[0]));
	vmoon_ldtime_arm(v->obj);
	begin_loaded(v);
	return VMOON_OK;
}

static void forget(struct vmoon_ldvirtio *v)
{
	for (size_t i = 0; i < VMOON_LDVIRTIO_BUFFERS; i++)
		v->bufs[i].state = VMOON_LDBUF_FREE;
	memset(v->queues, 0, sizeof(v->queues));
	v->starved = 0;
}

static void reset(struct vmoon_virtio *vd)
{
	struct vmoon_ldvirtio *v = virtio_of(vd);

	forget(v);
	memcpy(v->config, vmoon_ldobj_spec(v->obj)->config, vd->config_len);
	vmoon_ldobj_reset(v->obj);
}

static void config_write(struct vmoon_virtio *vd, uint32_t off, const void *src,
			 uint32_t len)
{
	struct vmoon_ldvirtio *v = virtio_of(vd);
	const struct vmoon_ldspec *spec = vmoon_ldobj_spec(v->obj);
	struct vmoon_ldhook *hook =
		vmoon_ldobj_hook(v->obj, VMOON_LDHOOK_CONFIG, 0);
	const unsigned char *bytes = src;
	uint64_t value = 0;

	for (size_t i = 0; i < spec->config_count; i++) {
		const struct vmoon_ldspec_config *f = &spec->config_field[i];

		for (uint32_t k = 0; f->is_writable && k < len; k++)
			if (off + k >= f->off && off + k - f->off < f->len)
				v->config[off + k] = bytes[k];
	}
	for (uint32_t k = len; k-- > 0;) /* 1, 2, 4 or 8 */
		value = value << 8 | bytes[k];
	if (hook != NULL && vmoon_ldhook_begin(v->obj, hook) != NULL) {
		lua_State *L = vmoon_ldstate_lua(vmoon_ldobj_state(v->obj));

		lua_pushinteger(L, (lua_Integer)off);
		lua_pushinteger(L, (lua_Integer)len);
		lua_pushinteger(L, (lua_Integer)value); /* bits as they are */
		VMOON_IGNORE(vmoon_ldhook_call(v->obj, hook, 3, 0));
	}
}

/* ---- snapshots ---- */

static bool is_in_flight(const struct vmoon_ldbuf *buf)
{
	return buf->state == VMOON_LDBUF_HELD ||
	       buf->state == VMOON_LDBUF_LOADED;
}

static void save(const struct vmoon_virtio *vd, struct vmoon_state_writer *w)
{
	const struct vmoon_ldvirtio *v =
		VMOON_CONST_CONTAINER_OF(vd, struct vmoon_ldvirtio, vd);
	unsigned count = 0;

	vmoon_state_begin(w, TYPE, STATE_VERSION);
	vmoon_state_put(w, vd->config_len, 2);
	vmoon_state_put_bytes(w, v->config, vd->config_len);
	for (size_t i = 0; i < VMOON_LDVIRTIO_BUFFERS; i++)
		count += is_in_flight(&v->bufs[i]);
	vmoon_state_put(w, count, 1);
	for (size_t i = 0; i < VMOON_LDVIRTIO_BUFFERS; i++) {
		if (!is_in_flight(&v->bufs[i]))
			continue;
		vmoon_state_put(w, v->bufs[i].queue, 1);
		vmoon_state_put(w, v->bufs[i].chain.head, 2);
	}
	vmoon_ldobj_save(v->obj, w);
}

static enum vmoon_status load(struct vmoon_virtio *vd,
			      struct vmoon_state_reader *r,
			      struct vmoon_error *err)
{
	struct vmoon_ldvirtio *v = virtio_of(vd);
	unsigned char config[VMOON_VIRTIO_CONFIG_MAX] = {0};
	struct {
		unsigned queue;
		uint16_t head;
	} held[VMOON_LDVIRTIO_BUFFERS];
	uint64_t count = 0;
	enum vmoon_status st;
	bool is_bad = !vmoon_state_expect(r, TYPE, STATE_VERSION) ||
		      vmoon_state_get(r, 2) != vd->config_len;

	if (!is_bad) {
		vmoon_state_get_bytes(r, config, vd->config_len);
		count = vmoon_state_get(r, 1);
	}
	is_bad = is_bad || count > VMOON_LDVIRTIO_BUFFERS;
	for (uint64_t i = 0; !is_bad && i < count; i++) {
		held[i].queue = (unsigned)vmoon_state_get(r, 1);
		held[i].head = (uint16_t)vmoon_state_get(r, 2);
		is_bad = held[i].queue >= vd->queue_count;
	}
	if (is_bad || r->is_bad)
		return vmoon_fail(
			err, VMOON_E_IMAGE, 0,
			"%s: the snapshot is cut short, or of another "
			"device; take a new snapshot",
			vmoon_ldobj_name(v->obj));
	st = vmoon_ldobj_load(v->obj, r, err);
	if (st != VMOON_OK)
		return st;
	forget(v);
	memcpy(v->config, config, vd->config_len);
	for (uint64_t i = 0; i < count; i++) {
		v->bufs[i].state = VMOON_LDBUF_LOADED;
		v->bufs[i].queue = held[i].queue;
		v->bufs[i].chain.head = held[i].head;
	}
	return VMOON_OK;
}

static void destroy(struct vmoon_virtio *vd)
{
	struct vmoon_ldvirtio *v = virtio_of(vd);
	struct vmoon_mem *mem = v->mem;
	const struct vmoon_device_env none = {0};

	v->obj->virtio = NULL; /* the maker may have it still */
	v->obj->env = none;
	vmoon_ldobj_destroy(v->obj);
	vmoon_mem_free(mem, v, sizeof(*v));
}

static const struct vmoon_virtio_ops template = {
	.type = TYPE,
	.activate = activate,
	.notify = notify,
	.reset = reset,
	.config_write = config_write,
	.tick = tick,
	.save = save,
	.load = load,
	.destroy = destroy,
};

/* Each has a table of its own, made from one. */
struct vmoon_ldobj *vmoon_ldvirtio_object(struct vmoon_virtio *vd)
{
	return vd->ops->destroy == destroy ? virtio_of(vd)->obj : NULL;
}

static uint16_t largest_queue(const struct vmoon_ldspec *spec)
{
	uint16_t size = 1;

	for (size_t i = 0; i < spec->queue_count; i++)
		if (spec->queues[i].size > size)
			size = spec->queues[i].size;
	return size;
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
	v = vmoon_mem_alloc(env->mem, sizeof(*v));
	if (v == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "device '%s': out of memory",
				  vmoon_ldobj_name(obj));
	v->mem = env->mem;
	v->obj = obj;
	v->ops = template;
	v->ops.device_id = spec->id;
	memcpy(v->config, spec->config, spec->config_len);
	v->vd = (struct vmoon_virtio){
		.ops = &v->ops,
		.features = spec->features,
		.config = v->config,
		.config_len = spec->config_len,
		.queue_count = (uint16_t)spec->queue_count, /* 16 at most */
		.queue_size = largest_queue(spec)};
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
					     .ctx = obj};
}

/* ---- d ---- */

static const struct vmoon_ldspec_config *check_field(lua_State *L,
						     struct vmoon_ldobj *obj)
{
	const struct vmoon_ldspec *spec = vmoon_ldobj_spec(obj);
	const char *name = luaL_checkstring(L, 2);

	for (size_t i = 0; i < spec->config_count; i++)
		if (spec->config_field[i].name != NULL &&
		    strcmp(spec->config_field[i].name, name) == 0)
			return &spec->config_field[i];
	luaL_error(L, "there is no '%s' in config", name);
	return NULL;
}

/* d:config_get(name) */
static int d_config_get(lua_State *L)
{
	struct vmoon_ldobj *obj = vmoon_ldobj_of(L);
	const struct vmoon_ldspec_config *f = check_field(L, obj);
	const unsigned char *at = obj->virtio == NULL
					  ? vmoon_ldobj_spec(obj)->config
					  : obj->virtio->config;
	uint64_t value = 0;

	at += f->off;
	if (f->is_bytes) {
		lua_pushlstring(L, (const char *)at, f->len);
		return 1;
	}
	for (uint32_t i = f->len; i-- > 0;) /* 8 at most */
		value = value << 8 | at[i];
	lua_pushinteger(L, (lua_Integer)value); /* bits as they are */
	return 1;
}

/* d:config_set(name, value): and the driver is told */
static int d_config_set(lua_State *L)
{
	struct vmoon_ldobj *obj = vmoon_ldobj_of(L);
	const struct vmoon_ldspec_config *f = check_field(L, obj);
	struct vmoon_ldvirtio *v = obj->virtio;

	if (v == NULL)
		return luaL_error(L, "the device is not in a machine yet");
	if (f->is_bytes) {
		size_t len;
		const char *bytes = luaL_checklstring(L, 3, &len);

		luaL_argcheck(L, len == f->len, 3, "not as long as the field");
		memcpy(v->config + f->off, bytes, len);
	} else {
		const lua_Integer value = luaL_checkinteger(L, 3);

		luaL_argcheck(L,
			      f->len == 8 ||
				      (lua_Unsigned)value >> (8 * f->len) == 0,
			      3, "more than the field has room for");
		for (uint32_t i = 0; i < f->len; i++)
			v->config[f->off + i] =
				(unsigned char)((lua_Unsigned)value >> (8 * i) &
						0xff);
	}
	if (v->vd.host.config_changed != NULL)
		v->vd.host.config_changed(v->vd.host.ctx);
	return 0;
}

static const luaL_Reg d_methods[] = {
	{"config_get", d_config_get},
	{"config_set", d_config_set},
	{NULL, NULL},
};

int vmoon_ldvirtio_extend(lua_State *L)
{
	/* Its code is being made: what it is says d, which others have reg. */
	lua_getfield(L, 1, "reg");
	if (lua_isnil(L, -1)) {
		vmoon_ldbuf_open(L);
		lua_settop(L, 1);
		luaL_setfuncs(L, d_methods, 0);
	}
	lua_settop(L, 1);
	return 0;
}
