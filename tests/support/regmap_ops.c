/* SPDX-License-Identifier: MIT */
/* regmap_ops.c - bytes as a register map and its life, beside a model. */
#include "tests/support/regmap_ops.h"

#include "runtime/mem.h"
#include "tests/support/regmap_model.h"
#include "tests/support/regmap_plan.h"

#include <string.h>

enum { FAR = 0x20000, SNAPSHOT_MAX = 4096, FLIPS_MAX = 8 };

/* A device among recorders; ctx of all that it is given. */
struct rig {
	struct vmoon_mem heap;
	size_t heap_used;
	struct regmap_plan plans[2]; /* the map's, and the one before */
	unsigned plan;
	struct vmoon_regmap *map;
	struct vmoon_device *dev;
	struct regmap_model model;
	unsigned sets, faults, created, destroyed;
	bool level;
	enum vmoon_guest_fault_kind fault;
	uint64_t where;
	struct model_call call;
	struct vmoon_reg_access_note note;
	unsigned notes, notes_due;
	bool is_watched;
	uint64_t extra;
	unsigned char save[SNAPSHOT_MAX], again[SNAPSHOT_MAX];
};

/* ---- what the device is given ---- */

static void set_irq(void *ctx, bool level)
{
	struct rig *r = ctx;

	r->sets++;
	r->level = level;
}

static void note_fault(void *ctx, enum vmoon_guest_fault_kind fault,
		       uint64_t where)
{
	struct rig *r = ctx;

	r->faults++;
	r->fault = fault;
	r->where = where;
}

static bool hook_read(void *ctx, unsigned reg, uint32_t element,
		      uint64_t *value)
{
	struct rig *r = ctx;

	r->call.reads++;
	r->call.reg = reg;
	r->call.element = element;
	r->call.value = *value;
	if (r->model.answer == ANSWER_OTHER)
		*value = r->model.other;
	return r->model.answer != ANSWER_NONE;
}

static void hook_write(void *ctx, unsigned reg, uint32_t element, uint64_t now,
		       uint64_t old)
{
	struct rig *r = ctx;

	r->call.writes++;
	r->call.reg = reg;
	r->call.element = element;
	r->call.value = now;
	r->call.old = old;
	r->extra = r->extra * 31 + now;
}

static void hook_save(const void *ctx, struct vmoon_state_writer *w)
{
	vmoon_state_put(w, ((const struct rig *)ctx)->extra, 8);
}

static enum vmoon_status hook_load(void *ctx, struct vmoon_state_reader *r,
				   struct vmoon_error *err)
{
	struct rig *rig = ctx;
	const uint64_t extra = vmoon_state_get(r, 8);

	if (r->is_bad)
		return vmoon_fail(err, VMOON_E_IMAGE, 0, "it is cut short");
	rig->extra = extra;
	return VMOON_OK;
}

static void hook_destroy(void *ctx)
{
	((struct rig *)ctx)->destroyed++;
}

static enum vmoon_status create(struct rig *r, struct vmoon_error *err)
{
	const struct vmoon_regmap_env env = {.mem = &r->heap,
					     .irq = {set_irq, r},
					     .faults = {note_fault, r}};
	const struct vmoon_regmap_hooks hooks = {.read = hook_read,
						 .write = hook_write,
						 .save = hook_save,
						 .load = hook_load,
						 .destroy = hook_destroy,
						 .ctx = r};
	const enum vmoon_status st = vmoon_regmap_create(
		"ops", &r->plans[r->plan].spec, &env, &hooks, &r->map, err);

	if (st != VMOON_OK)
		return st;
	r->dev = vmoon_regmap_device(r->map);
	r->created++;
	return VMOON_OK;
}

/* ---- claims ---- */

static const char *compare_regs(const struct rig *r)
{
	const struct regmap_plan *plan = r->model.plan;

	for (unsigned i = 0; i < plan->spec.reg_count; i++) {
		const struct model_reg *m = &r->model.regs[i];

		for (uint32_t k = 0; k < plan->regs[i].count; k++)
			if (vmoon_regmap_get(r->map, i, k) != m->value[k])
				return "a register holds another value";
		if (vmoon_regmap_fifo_len(r->map, i, true) != m->in.len ||
		    vmoon_regmap_fifo_len(r->map, i, false) != m->out.len)
			return "a FIFO holds another number of values";
	}
	return NULL;
}

static bool is_same_note(const struct vmoon_reg_access_note *a,
			 const struct vmoon_reg_access_note *b)
{
	return a->off == b->off && a->value == b->value &&
	       a->width == b->width && a->element == b->element &&
	       a->is_write == b->is_write &&
	       (a->name == NULL) == (b->name == NULL) &&
	       (a->name == NULL || strcmp(a->name, b->name) == 0);
}

static const char *compare(const struct rig *r)
{
	const struct regmap_model *m = &r->model;
	uint64_t fast, hooked;

	vmoon_regmap_counts(r->map, &fast, &hooked);
	if (fast != m->fast || hooked != m->hooked)
		return "accesses are counted otherwise";
	if (r->sets != m->sets ||
	    (!m->plan->spec.is_edge && r->level != m->is_up))
		return "the interrupt is set otherwise";
	if (r->faults != m->faults ||
	    (m->faults > 0 && (r->fault != m->fault || r->where != m->where)))
		return "another fault of the guest is counted";
	if (memcmp(&r->call, &m->call, sizeof(r->call)) != 0)
		return "a hook is called otherwise";
	if (vmoon_regmap_has_failed(r->map) != m->has_failed)
		return "it has failed, or not";
	if (r->notes != r->notes_due)
		return "an access is not told, or twice";
	if (vmoon_mem_used(&r->heap) != r->heap_used)
		return "it allocates";
	return compare_regs(r);
}

/* ---- accesses ---- */

static void take_note(void *ctx, const struct vmoon_reg_access_note *note)
{
	struct rig *r = ctx;

	r->note = *note;
	r->notes++;
}

static const char *check_note(struct rig *r)
{
	if (!r->is_watched)
		return NULL;
	r->notes_due++;
	return is_same_note(&r->note, &r->model.note)
		       ? NULL
		       : "an access is told otherwise";
}

static const char *read_at(struct rig *r, uint64_t off, unsigned size)
{
	const uint64_t is = r->dev->ops->read(r->dev, off, size);

	if (is != regmap_model_read(&r->model, off, size))
		return "a read gives another value";
	return check_note(r);
}

static const char *write_at(struct rig *r, uint64_t off, unsigned size,
			    uint64_t val)
{
	r->dev->ops->write(r->dev, off, size, val);
	regmap_model_write(&r->model, off, size, val);
	return check_note(r);
}

/* Where a register is, or near it. */
static uint64_t get_place(struct rig *r, struct plan_input *in)
{
	const struct vmoon_regmap_spec *spec = &r->model.plan->spec;
	const struct vmoon_reg *reg =
		&spec->regs[plan_u8(in) % spec->reg_count];
	const unsigned element = plan_u8(in) % reg->count;

	return reg->at + (uint64_t)element * reg->stride +
	       plan_u8(in) % (reg->width + 1);
}

static const char *stray(struct rig *r, struct plan_input *in)
{
	uint64_t off = plan_get(in, 2) % PLAN_SPAN;
	const unsigned size = 1u << plan_u8(in) % 4;
	const char *broken;

	if (off + size > PLAN_SPAN)
		off = PLAN_SPAN - size; /* the bus lets no other through */
	off += r->model.plan->spec.window - PLAN_SPAN;
	broken = read_at(r, off, size);
	return broken != NULL ? broken
			      : write_at(r, off, size, plan_get(in, 8));
}

/* ---- the device's side ---- */

static uint64_t width_mask(const struct vmoon_reg *reg)
{
	return UINT64_MAX >> (64 - 8 * reg->width);
}

static void set(struct rig *r, struct plan_input *in)
{
	struct regmap_model *m = &r->model;
	const unsigned i = plan_u8(in) % (MODEL_REGS + 1);
	const unsigned k = plan_u8(in) % (MODEL_ELEMENTS + 1);
	const uint64_t value = plan_get(in, 8);

	vmoon_regmap_set(r->map, i, k, value);
	if (i >= m->plan->spec.reg_count || k >= m->plan->regs[i].count)
		return;
	m->regs[i].value[k] = value & width_mask(&m->plan->regs[i]);
	regmap_model_update(m);
}

static const char *put(struct rig *r, struct plan_input *in)
{
	struct regmap_model *m = &r->model;
	const unsigned i = plan_u8(in) % (MODEL_REGS + 1);
	const uint64_t value = plan_get(in, 8);
	const bool is_put = vmoon_regmap_fifo_put(r->map, i, value);

	if (i >= m->plan->spec.reg_count)
		return is_put ? "a FIFO that is not takes a value" : NULL;
	if (is_put != model_queue_put(&m->regs[i].out,
				      m->plan->regs[i].fifo_depth,
				      value & width_mask(&m->plan->regs[i])))
		return "a FIFO takes a value, or not";
	regmap_model_update(m);
	return NULL;
}

static const char *take(struct rig *r, struct plan_input *in)
{
	struct regmap_model *m = &r->model;
	const unsigned i = plan_u8(in) % (MODEL_REGS + 1);
	uint64_t is = 0, due = 0;
	const bool is_taken = vmoon_regmap_fifo_get(r->map, i, &is);

	if (i >= m->plan->spec.reg_count)
		return is_taken ? "a FIFO that is not gives a value" : NULL;
	if (is_taken != model_queue_get(&m->regs[i].in, &due) || is != due)
		return "a FIFO gives another value, or none";
	regmap_model_update(m);
	return NULL;
}

static void change(struct rig *r, struct plan_input *in, enum regmap_op op)
{
	struct regmap_model *m = &r->model;

	if (op == REGMAP_IRQ) {
		m->is_manual = (plan_u8(in) & 1) != 0;
		vmoon_regmap_irq(r->map, m->is_manual);
		regmap_model_update(m);
	} else if (op == REGMAP_FAIL) {
		m->has_failed = true;
		m->is_until_reset = (plan_u8(in) & 1) != 0;
		vmoon_regmap_fail(r->map, m->is_until_reset);
		regmap_model_update(m);
	} else if (op == REGMAP_RESET) {
		r->dev->ops->reset(r->dev);
		regmap_model_reset(m);
	} else if (op == REGMAP_WATCH) {
		r->is_watched = (plan_u8(in) & 1) != 0;
		vmoon_regmap_watch(r->map, r->is_watched ? take_note : NULL, r);
	} else {
		m->answer = (enum model_answer)(plan_u8(in) % ANSWERS);
		m->other = plan_get(in, 8);
	}
}

/* ---- snapshots, other maps ---- */

static size_t save(struct rig *r, unsigned char *buf)
{
	struct vmoon_state_writer w = {.buf = buf, .size = SNAPSHOT_MAX};

	r->dev->ops->save(r->dev, &w);
	return w.is_overflow ? 0 : w.len;
}

static bool load(struct rig *r, size_t len, size_t *out_taken)
{
	struct vmoon_state_reader reader = {.buf = r->save, .size = len};
	const bool is_loaded =
		r->dev->ops->load(r->dev, &reader, NULL) == VMOON_OK;

	*out_taken = reader.off;
	return is_loaded;
}

/* The model has what the device was told to have, and it saves that again. */
static const char *check_loaded(struct rig *r, size_t taken)
{
	if (regmap_model_load(&r->model, r->save, taken) != r->extra)
		return "a hook loads something else";
	if (save(r, r->again) != taken || memcmp(r->save, r->again, taken) != 0)
		return "a snapshot is another one after a load";
	return NULL;
}

static const char *go_on_elsewhere(struct rig *r)
{
	struct vmoon_device *old = r->dev;
	const size_t len = save(r, r->save);
	const unsigned sets = r->sets;
	size_t taken;

	if (len == 0)
		return "a snapshot is too large";
	if (create(r, NULL) != VMOON_OK)
		return "a second device is refused";
	old->ops->destroy(old);
	r->extra = 0;
	r->sets = sets; /* those of a new device's reset are not the model's */
	if (!load(r, len, &taken) || taken != len)
		return "a good snapshot is refused";
	r->model.fast = r->model.hooked = 0;
	r->is_watched = false;
	return check_loaded(r, taken);
}

static const char *load_changed(struct rig *r, struct plan_input *in)
{
	const uint64_t extra = r->extra;
	size_t len = save(r, r->save), taken;
	const size_t whole = len;
	const unsigned cut = plan_u8(in), count = plan_u8(in) % FLIPS_MAX;

	if (cut < len && (cut & 1) != 0)
		len -= cut;
	for (unsigned i = 0; i < count; i++) {
		const size_t at = (size_t)plan_get(in, 2);

		r->save[at % whole] ^= (unsigned char)plan_u8(in);
	}
	if (load(r, len, &taken))
		return check_loaded(r, taken);
	if (r->extra != extra)
		return "a refused snapshot changes what is a hook's";
	return taken == 0 ? NULL : "a refused snapshot is used up";
}

static const char *reload(struct rig *r, struct plan_input *in, uint64_t base)
{
	const bool is_edge = r->model.plan->spec.is_edge;

	r->plan ^= 1;
	regmap_plan_parse(in, &r->plans[r->plan], base, is_edge);
	if (vmoon_regmap_reload(r->map, &r->plans[r->plan].spec, NULL) !=
	    VMOON_OK)
		return "a good map is refused in place of another";
	r->heap_used = vmoon_mem_used(&r->heap);
	regmap_model_reload(&r->model, &r->plans[r->plan]);
	return NULL;
}

/* ---- runs ---- */

static const char *step(struct rig *r, struct plan_input *in, uint64_t base)
{
	const enum regmap_op op = (enum regmap_op)(plan_u8(in) % REGMAP_OPS);
	uint64_t off;
	unsigned size;

	switch (op) {
	case REGMAP_READ:
		off = get_place(r, in);
		return read_at(r, off, 1u << plan_u8(in) % 4);
	case REGMAP_WRITE:
		off = get_place(r, in);
		size = 1u << plan_u8(in) % 4;
		return write_at(r, off, size, plan_get(in, 8));
	case REGMAP_STRAY: return stray(r, in);
	case REGMAP_SET: set(r, in); return NULL;
	case REGMAP_PUT: return put(r, in);
	case REGMAP_GET: return take(r, in);
	case REGMAP_SAVE: return go_on_elsewhere(r);
	case REGMAP_LOAD: return load_changed(r, in);
	case REGMAP_RELOAD: return reload(r, in, base);
	case REGMAP_IRQ:
	case REGMAP_FAIL:
	case REGMAP_RESET:
	case REGMAP_WATCH:
	case REGMAP_ANSWER: change(r, in, op); break;
	}
	return NULL;
}

static const char *live(struct rig *r, struct plan_input *in, unsigned flags)
{
	const uint64_t base = (flags & 2) != 0 ? FAR : 0;
	const char *broken;

	regmap_plan_parse(in, &r->plans[0], base, (flags & 1) != 0);
	if (!regmap_plan_is_valid(&r->plans[0]) && base == 0)
		return "the model refuses what was made to be right";
	if (create(r, NULL) != VMOON_OK)
		return "a good map is refused";
	r->heap_used = vmoon_mem_used(&r->heap);
	regmap_model_init(&r->model, &r->plans[0]);
	broken = compare(r);
	while (in->len > 0 && broken == NULL) {
		broken = step(r, in, base);
		if (broken == NULL)
			broken = compare(r);
	}
	if (broken == NULL)
		broken = go_on_elsewhere(r);
	r->dev->ops->destroy(r->dev);
	return broken;
}

static const char *try_spoilt(struct rig *r, struct plan_input *in)
{
	struct vmoon_error err = {.status = VMOON_OK};
	enum vmoon_status st;
	bool is_valid;

	regmap_plan_parse_spoilt(in, &r->plans[0]);
	is_valid = regmap_plan_is_valid(&r->plans[0]);
	st = create(r, &err);
	if ((st == VMOON_OK) != is_valid)
		return is_valid ? "a map that can be is refused"
				: "a map that cannot be is made";
	if (st == VMOON_OK)
		r->dev->ops->destroy(r->dev);
	else if (st != VMOON_E_CONFIG || err.msg[0] == '\0')
		return "a map is refused without a word";
	return NULL;
}

const char *regmap_ops_run(const uint8_t *data, size_t len)
{
	struct plan_input in = {data, len};
	struct rig r;
	const char *broken;
	unsigned flags;

	memset(&r, 0, sizeof(r));
	vmoon_mem_init(&r.heap, NULL);
	flags = plan_u8(&in);
	broken = (flags & 4) != 0 ? try_spoilt(&r, &in) : live(&r, &in, flags);
	if (broken == NULL && vmoon_mem_used(&r.heap) != 0)
		broken = "memory is left";
	if (broken == NULL && r.created != r.destroyed)
		broken = "a hook's context is not given back, or twice";
	return broken;
}
