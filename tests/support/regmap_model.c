/* SPDX-License-Identifier: MIT */
/* regmap_model.c - declared registers, bit by bit. */
#include "tests/support/regmap_model.h"

#include <string.h>

/* ---- bits ---- */

static enum vmoon_reg_access kind_of(const struct vmoon_reg *reg, unsigned bit)
{
	if (reg->field_count == 0)
		return reg->access;
	for (size_t i = 0; i < reg->field_count; i++)
		if (bit >= reg->fields[i].first &&
		    bit < reg->fields[i].first + reg->fields[i].bits)
			return reg->fields[i].access;
	return VMOON_REG_RESERVED;
}

static bool is_readable(enum vmoon_reg_access kind)
{
	return kind != VMOON_REG_WO && kind != VMOON_REG_W1_PULSE &&
	       kind != VMOON_REG_RESERVED;
}

static bool is_stored(enum vmoon_reg_access kind)
{
	return kind == VMOON_REG_RW || kind == VMOON_REG_WO ||
	       kind == VMOON_REG_RW_ONCE;
}

static uint64_t bits_where(const struct vmoon_reg *reg,
			   bool (*is)(enum vmoon_reg_access kind))
{
	uint64_t bits = 0;

	for (unsigned b = 0; b < 8 * reg->width; b++)
		if (is(kind_of(reg, b)))
			bits |= UINT64_C(1) << b;
	return bits;
}

static uint64_t ones(unsigned bytes)
{
	return bytes == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * bytes)) - 1;
}

/* ---- queues ---- */

bool model_queue_put(struct model_queue *q, unsigned depth, uint64_t value)
{
	if (q->len == depth)
		return false;
	q->values[q->len++] = value;
	return true;
}

bool model_queue_get(struct model_queue *q, uint64_t *out_value)
{
	if (q->len == 0)
		return false;
	*out_value = q->values[0];
	q->len--;
	memmove(q->values, q->values + 1, q->len * sizeof(q->values[0]));
	return true;
}

/* ---- the interrupt ---- */

static bool value_of(const struct regmap_model *m,
		     const struct vmoon_reg_irq_op *op)
{
	const struct model_reg *a = &m->regs[op->reg], *b = &m->regs[op->reg2];

	switch (op->kind) {
	case VMOON_REG_IRQ_BITS: return (a->value[op->element] & op->mask) != 0;
	case VMOON_REG_IRQ_BOTH: return (a->value[0] & b->value[0]) != 0;
	case VMOON_REG_IRQ_FIFO_IN: return a->in.len > 0;
	case VMOON_REG_IRQ_FIFO_OUT: return a->out.len > 0;
	case VMOON_REG_IRQ_NOT:
	case VMOON_REG_IRQ_AND:
	case VMOON_REG_IRQ_OR: break;
	}
	return false;
}

static bool evaluate(const struct regmap_model *m)
{
	bool stack[MODEL_IRQ_OPS] = {false};
	unsigned depth = 0;

	for (size_t i = 0; i < m->plan->spec.irq_count; i++) {
		const struct vmoon_reg_irq_op *op = &m->plan->spec.irq[i];

		if (op->kind == VMOON_REG_IRQ_NOT) {
			stack[depth - 1] = !stack[depth - 1];
		} else if (op->kind == VMOON_REG_IRQ_AND) {
			depth--;
			stack[depth - 1] = stack[depth - 1] && stack[depth];
		} else if (op->kind == VMOON_REG_IRQ_OR) {
			depth--;
			stack[depth - 1] = stack[depth - 1] || stack[depth];
		} else {
			stack[depth++] = value_of(m, op);
		}
	}
	return depth > 0 && stack[0];
}

void regmap_model_update(struct regmap_model *m)
{
	const bool is_up = !m->has_failed && (m->is_manual || evaluate(m));

	if (is_up != m->is_up && (is_up || !m->plan->spec.is_edge))
		m->sets++;
	m->is_up = is_up;
}

/* ---- accesses ---- */

/* False: nobody has it, or not all of it. */
static bool find(struct regmap_model *m, uint64_t off, unsigned size,
		 unsigned *out_reg)
{
	const struct vmoon_regmap_spec *spec = &m->plan->spec;

	m->note.name = NULL;
	m->note.element = 0;
	for (unsigned i = 0; i < spec->reg_count; i++)
		for (uint32_t k = 0; k < spec->regs[i].count; k++) {
			const struct vmoon_reg *reg = &spec->regs[i];
			const uint64_t at = reg->at + (uint64_t)k * reg->stride;

			if (off < at || off >= at + reg->width)
				continue;
			m->note.name = reg->name;
			m->note.element = k;
			*out_reg = i;
			if (off + size <= at + reg->width)
				return true;
		}
	if (!m->has_failed) {
		m->faults++;
		m->fault = m->note.name == NULL ? VMOON_GUEST_FAULT_REGISTER
						: VMOON_GUEST_FAULT_WIDTH;
		m->where = off;
	}
	return false;
}

static void count_access(struct regmap_model *m, bool is_hooked)
{
	if (is_hooked)
		m->hooked++;
	else
		m->fast++;
}

static uint64_t look_at(const struct regmap_model *m, unsigned i)
{
	const struct vmoon_reg *reg = &m->plan->spec.regs[i];
	const struct model_queue *out = &m->regs[i].out;
	uint64_t value = m->regs[i].value[m->note.element];

	if (reg->fifo_depth > 0)
		value = out->len > 0 ? out->values[0] : 0;
	return value & bits_where(reg, is_readable);
}

static void end_look(struct regmap_model *m, unsigned i, unsigned first,
		     unsigned size)
{
	const struct vmoon_reg *reg = &m->plan->spec.regs[i];
	uint64_t gone;

	if (reg->fifo_depth > 0 && bits_where(reg, is_readable) != 0)
		VMOON_IGNORE(model_queue_get(&m->regs[i].out, &gone));
	for (unsigned b = first; b < first + 8 * size; b++)
		if (kind_of(reg, b) == VMOON_REG_RC)
			m->regs[i].value[m->note.element] &=
				~(UINT64_C(1) << b);
}

static uint64_t read_reg(struct regmap_model *m, unsigned i, unsigned first,
			 unsigned size)
{
	const struct vmoon_reg *reg = &m->plan->spec.regs[i];
	uint64_t value = look_at(m, i);

	count_access(m, reg->has_on_read);
	if (reg->has_on_read) {
		m->call.reads++;
		m->call.reg = i;
		m->call.element = m->note.element;
		m->call.value = value;
		if (m->answer == ANSWER_NONE)
			return UINT64_MAX;
		if (m->answer == ANSWER_OTHER)
			value = m->other & ones(reg->width);
	}
	end_look(m, i, first, size);
	return value;
}

uint64_t regmap_model_read(struct regmap_model *m, uint64_t off, unsigned size)
{
	uint64_t value = 0;
	unsigned i = 0;

	m->note = (struct vmoon_reg_access_note){.off = off, .width = size};
	if (find(m, off, size, &i) && !m->has_failed) {
		const struct vmoon_reg *reg = &m->plan->spec.regs[i];
		const unsigned first =
			8 * (unsigned)(off - reg->at -
				       (uint64_t)m->note.element * reg->stride);

		value = read_reg(m, i, first, size) >> first & ones(size);
	}
	if (m->has_failed)
		value = ones(size);
	m->note.value = value;
	regmap_model_update(m);
	return value;
}

/* One bit of a register without a FIFO; true: it is a pulse. */
static bool write_bit(struct model_reg *r, uint32_t k,
		      enum vmoon_reg_access kind, uint64_t bit, bool is_one)
{
	const bool is_spent = (r->spent[k] & bit) != 0;
	bool now = (r->value[k] & bit) != 0;

	switch (kind) {
	case VMOON_REG_RW:
	case VMOON_REG_WO: now = is_one; break;
	case VMOON_REG_W1C: now = now && !is_one; break;
	case VMOON_REG_W1S: now = now || is_one; break;
	case VMOON_REG_W0C: now = now && is_one; break;
	case VMOON_REG_W1_PULSE: return is_one;
	case VMOON_REG_RW_ONCE:
		now = is_spent ? now : is_one;
		r->spent[k] |= bit;
		break;
	case VMOON_REG_RO:
	case VMOON_REG_RC:
	case VMOON_REG_RESERVED: break;
	}
	r->value[k] = now ? r->value[k] | bit : r->value[k] & ~bit;
	return false;
}

static void write_reg(struct regmap_model *m, unsigned i, unsigned first,
		      unsigned size)
{
	const struct vmoon_reg *reg = &m->plan->spec.regs[i];
	const uint32_t k = m->note.element;
	const uint64_t writable = bits_where(reg, is_stored);
	const uint64_t bits = m->note.value << first;
	const uint64_t old = m->regs[i].value[k];
	uint64_t pulses = 0;

	for (unsigned b = first; b < first + 8 * size; b++) {
		const uint64_t bit = UINT64_C(1) << b;

		if (reg->fifo_depth == 0 &&
		    write_bit(&m->regs[i], k, kind_of(reg, b), bit,
			      (bits & bit) != 0))
			pulses |= bit;
	}
	if (reg->fifo_depth > 0 && writable != 0 &&
	    !model_queue_put(&m->regs[i].in, reg->fifo_depth,
			     bits & writable)) {
		m->faults++;
		m->fault = VMOON_GUEST_FAULT_VALUE;
		m->where = reg->at;
	}
	count_access(m, reg->has_on_write);
	if (!reg->has_on_write)
		return;
	m->call.writes++;
	m->call.reg = i;
	m->call.element = k;
	m->call.old = old;
	m->call.value = reg->fifo_depth > 0 ? bits & writable
					    : m->regs[i].value[k] | pulses;
}

void regmap_model_write(struct regmap_model *m, uint64_t off, unsigned size,
			uint64_t val)
{
	unsigned i = 0;

	m->note = (struct vmoon_reg_access_note){.off = off,
						 .value = val & ones(size),
						 .width = size,
						 .is_write = true};
	if (find(m, off, size, &i) && !m->has_failed) {
		const struct vmoon_reg *reg = &m->plan->spec.regs[i];

		write_reg(
			m, i,
			8 * (unsigned)(off - reg->at -
				       (uint64_t)m->note.element * reg->stride),
			size);
	}
	regmap_model_update(m);
}

/* ---- its life ---- */

static void set_reset_values(struct regmap_model *m)
{
	memset(m->regs, 0, sizeof(m->regs));
	for (unsigned i = 0; i < m->plan->spec.reg_count; i++)
		for (uint32_t k = 0; k < m->plan->spec.regs[i].count; k++)
			m->regs[i].value[k] = m->plan->spec.regs[i].reset;
}

void regmap_model_init(struct regmap_model *m, const struct regmap_plan *plan)
{
	*m = (struct regmap_model){.plan = plan};
	set_reset_values(m);
	regmap_model_update(m);
}

void regmap_model_reset(struct regmap_model *m)
{
	set_reset_values(m);
	m->is_manual = false;
	m->has_failed = m->has_failed && !m->is_until_reset;
	regmap_model_update(m);
}

static uint64_t get(const unsigned char **at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned b = bytes; b-- > 0;)
		value = value << 8 | (*at)[b];
	*at += bytes;
	return value;
}

static void load_queue(struct model_queue *q, unsigned width,
		       const unsigned char **at)
{
	q->len = (unsigned)get(at, 4);
	for (unsigned i = 0; i < q->len && i < MODEL_DEPTH; i++)
		q->values[i] = get(at, width);
}

uint64_t regmap_model_load(struct regmap_model *m, const unsigned char *buf,
			   size_t len)
{
	const struct vmoon_regmap_spec *spec = &m->plan->spec;
	struct vmoon_state_reader head = {.buf = buf, .size = len};
	const unsigned char *at;
	size_t name_len;

	VMOON_IGNORE(vmoon_state_expect(&head, "regmap", 1));
	at = buf + head.off;
	name_len = get(&at, 1);
	at += name_len;
	(void)get(&at, 8); /* the shape */
	m->is_manual = get(&at, 1) != 0;
	m->has_failed = get(&at, 1) != 0;
	m->is_until_reset = get(&at, 1) != 0;
	for (unsigned i = 0; i < spec->reg_count; i++)
		for (uint32_t k = 0; k < spec->regs[i].count; k++) {
			m->regs[i].value[k] = get(&at, spec->regs[i].width);
			m->regs[i].spent[k] = get(&at, spec->regs[i].width);
		}
	for (unsigned i = 0; i < spec->reg_count; i++) {
		if (spec->regs[i].fifo_depth == 0)
			continue;
		load_queue(&m->regs[i].in, spec->regs[i].width, &at);
		load_queue(&m->regs[i].out, spec->regs[i].width, &at);
	}
	if (!spec->is_edge)
		m->sets++; /* a fresh edge */
	m->is_up = false;
	regmap_model_update(m);
	return get(&at, 8);
}

/* The place of a register of that name, width and count; -1: none. */
static int same_reg(const struct regmap_plan *plan, const struct vmoon_reg *reg)
{
	for (unsigned i = 0; i < plan->spec.reg_count; i++)
		if (strcmp(plan->regs[i].name, reg->name) == 0 &&
		    plan->regs[i].width == reg->width &&
		    plan->regs[i].count == reg->count)
			return (int)i;
	return -1;
}

static void keep_queue(struct model_queue *to, unsigned depth,
		       const struct model_queue *from)
{
	if (from->len <= depth)
		*to = *from;
}

static bool is_once(enum vmoon_reg_access kind)
{
	return kind == VMOON_REG_RW_ONCE;
}

void regmap_model_reload(struct regmap_model *m, const struct regmap_plan *plan)
{
	const struct regmap_model old = *m;

	m->plan = plan;
	set_reset_values(m);
	for (unsigned i = 0; i < plan->spec.reg_count; i++) {
		const struct vmoon_reg *reg = &plan->regs[i];
		const int was = same_reg(old.plan, reg);

		if (was < 0)
			continue;
		for (uint32_t k = 0; k < reg->count; k++) {
			m->regs[i].value[k] = old.regs[was].value[k];
			m->regs[i].spent[k] = old.regs[was].spent[k] &
					      bits_where(reg, is_once);
		}
		keep_queue(&m->regs[i].in, reg->fifo_depth, &old.regs[was].in);
		keep_queue(&m->regs[i].out, reg->fifo_depth,
			   &old.regs[was].out);
	}
	regmap_model_update(m);
}
