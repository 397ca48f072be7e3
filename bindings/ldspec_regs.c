/* SPDX-License-Identifier: MIT */
/* ldspec_regs.c - registers of a device file, made into a map. */
#include "ldspec_regs.h"

#include <lauxlib.h>
#include <string.h>

#define ROW(id) (&vmoon_ldkeys_register.rows[id])

/* The value of a key that is right; otherwise the default. */
static int64_t number_or(const struct vmoon_ldvalue *v, int64_t otherwise)
{
	return v->is_set && !v->is_bad ? v->number : otherwise;
}

static bool is_on(const struct vmoon_ldvalue *v)
{
	return number_or(v, 0) != 0;
}

static void check_width(struct vmoon_ldcheck *c, int idx, struct vmoon_ldreg *r)
{
	char shown[VMOON_LDCHECK_SHOWN_MAX];
	lua_Integer width = 4;
	size_t before;

	vmoon_ldcheck_get(c, idx, ROW(VMOON_LDKEY_REG_WIDTH));
	if (!lua_isnil(c->L, -1))
		width = lua_isinteger(c->L, -1) ? lua_tointeger(c->L, -1) : 0;
	if (width == 1 || width == 2 || width == 4 || width == 8) {
		r->reg.width = (unsigned)width;
	} else {
		before = vmoon_ldcheck_enter(c, "width");
		vmoon_ldcheck_say(c, "expected 1, 2, 4 or 8; got %s",
				  vmoon_ldcheck_show(c->L, -1, shown));
		vmoon_ldcheck_hint(c, "bytes, not bits; 4 when it is left out");
		vmoon_ldcheck_leave(c, before);
	}
	lua_pop(c->L, 1);
}

/* False: it was said. */
static bool check_array(struct vmoon_ldcheck *c, int idx, struct vmoon_ldreg *r)
{
	struct vmoon_ldvalue v[VMOON_LDKEY_ARRAY_KEYS];
	const struct vmoon_ldvalue *count = &v[VMOON_LDKEY_ARRAY_LEN],
				   *stride = &v[VMOON_LDKEY_ARRAY_STRIDE];
	size_t before, inner;
	bool is_good;

	vmoon_ldcheck_get(c, idx, ROW(VMOON_LDKEY_REG_ARRAY));
	before = vmoon_ldcheck_enter(c, "array");
	vmoon_ldcheck_table(c, lua_gettop(c->L), &vmoon_ldkeys_array, v);
	lua_pop(c->L, 1);
	is_good = count->is_set && !count->is_bad && !stride->is_bad;
	if (is_good) {
		r->reg.count = (uint32_t)count->number;
		r->reg.stride = (uint32_t)number_or(stride, r->reg.width);
	}
	if (is_good && r->reg.stride < r->reg.width) {
		inner = vmoon_ldcheck_enter(c, "stride");
		vmoon_ldcheck_say(c, "%u is less than the width of %u bytes",
				  (unsigned)r->reg.stride, r->reg.width);
		vmoon_ldcheck_leave(c, inner);
		is_good = false;
	}
	vmoon_ldcheck_leave(c, before);
	return is_good;
}

static void check_fifo(struct vmoon_ldcheck *c, int idx,
		       const struct vmoon_ldvalue *v, struct vmoon_ldreg *r)
{
	struct vmoon_ldvalue depth[VMOON_LDKEY_FIFO_KEYS];
	const enum vmoon_reg_access access = r->reg.access;
	size_t before;

	if (!v[VMOON_LDKEY_REG_FIFO].is_set || v[VMOON_LDKEY_REG_FIFO].is_bad)
		return;
	vmoon_ldcheck_get(c, idx, ROW(VMOON_LDKEY_REG_FIFO));
	before = vmoon_ldcheck_enter(c, "fifo");
	vmoon_ldcheck_table(c, lua_gettop(c->L), &vmoon_ldkeys_fifo, depth);
	lua_pop(c->L, 1);
	r->reg.fifo_depth =
		(uint32_t)number_or(&depth[VMOON_LDKEY_FIFO_DEPTH], 1);
	if (v[VMOON_LDKEY_REG_ARRAY].is_set)
		vmoon_ldcheck_say(c, "a FIFO cannot be an array");
	if (access != VMOON_REG_RW && access != VMOON_REG_RO &&
	    access != VMOON_REG_WO)
		vmoon_ldcheck_say(c, "the access of a FIFO is \"rw\", \"ro\" "
				     "or \"wo\"");
	if (v[VMOON_LDKEY_REG_ON_READ].is_set)
		vmoon_ldcheck_say(c, "a FIFO answers reads: on_read would "
				     "never be called");
	vmoon_ldcheck_leave(c, before);
}

/* ---- hooks ---- */

/* Whether any bit of the register is written, or read. */
static bool any_field(const struct vmoon_ldreg *r,
		      bool (*does)(enum vmoon_reg_access))
{
	bool result = r->reg.field_count == 0 && does(r->reg.access);

	for (size_t i = 0; i < r->reg.field_count; i++)
		result = result || does(r->reg.fields[i].access);
	return result;
}

static vmoon_ldslot take_hook(struct vmoon_ldcheck *c, int idx, size_t row)
{
	vmoon_ldcheck_get(c, idx, ROW(row));
	return vmoon_ldcheck_slot(c);
}

static void say_at(struct vmoon_ldcheck *c, const char *key, const char *what,
		   const char *hint)
{
	const size_t before = vmoon_ldcheck_enter(c, key);

	vmoon_ldcheck_say(c, "%s", what);
	if (hint != NULL)
		vmoon_ldcheck_hint(c, "%s", hint);
	vmoon_ldcheck_leave(c, before);
}

static void check_hooks(struct vmoon_ldcheck *c, int idx,
			const struct vmoon_ldvalue *v, struct vmoon_ldreg *r)
{
	const struct vmoon_ldvalue *read = &v[VMOON_LDKEY_REG_ON_READ],
				   *write = &v[VMOON_LDKEY_REG_ON_WRITE];

	if (read->is_set && !read->is_bad) {
		r->hook.on_read = take_hook(c, idx, VMOON_LDKEY_REG_ON_READ);
		r->reg.has_on_read = true;
		if (!r->is_bad && !any_field(r, vmoon_ldreg_gives_reads))
			say_at(c, "on_read",
			       "nothing of this register can be read, so it "
			       "would never be called",
			       "its access may be \"rw\" or \"ro\"");
	}
	if (write->is_set && !write->is_bad) {
		r->hook.on_write = take_hook(c, idx, VMOON_LDKEY_REG_ON_WRITE);
		r->reg.has_on_write = true;
		if (!r->is_bad && !any_field(r, vmoon_ldreg_takes_writes))
			say_at(c, "on_write",
			       "nothing of this register can be written, so "
			       "it would never be called",
			       "its access may be \"rw\", \"wo\" or "
			       "\"w1-pulse\"");
	}
}

/* A write whose value nobody sees: vmoon/vmoon.h, doorbells. */
static void check_doorbell(struct vmoon_ldcheck *c,
			   const struct vmoon_ldvalue *v,
			   const struct vmoon_ldreg *r)
{
	if (!r->hook.is_doorbell)
		return;
	if (r->reg.access != VMOON_REG_WO &&
	    r->reg.access != VMOON_REG_W1_PULSE)
		say_at(c, "doorbell",
		       "the value of a doorbell is not stored, so its access "
		       "is \"wo\" or \"w1-pulse\"",
		       NULL);
	if (!v[VMOON_LDKEY_REG_ON_WRITE].is_set)
		say_at(c, "doorbell", "a doorbell needs on_write",
		       "for example: on_write = function(d) end");
	if (v[VMOON_LDKEY_REG_ON_READ].is_set)
		say_at(c, "doorbell", "a doorbell cannot have on_read", NULL);
	if (v[VMOON_LDKEY_REG_FIELDS].is_set)
		say_at(c, "doorbell",
		       "the value of a doorbell is not seen, so "
		       "it has no fields",
		       NULL);
	if (v[VMOON_LDKEY_REG_ARRAY].is_set || v[VMOON_LDKEY_REG_FIFO].is_set)
		say_at(c, "doorbell", "a doorbell is no array and no FIFO",
		       NULL);
}

static void check_where(struct vmoon_ldcheck *c, const struct vmoon_ldvalue *v,
			struct vmoon_ldreg *r)
{
	const struct vmoon_ldvalue *where = &v[VMOON_LDKEY_REG_WHERE];
	const bool is_posted = is_on(&v[VMOON_LDKEY_REG_POSTED]);

	r->hook.where = c->where;
	if (where->is_set && !where->is_bad)
		r->hook.where = where->number == 0 ? VMOON_LDSPEC_VCPU
						   : VMOON_LDSPEC_SCRIPT;
	if (where->is_set && where->number != 0 && !where->is_bad &&
	    !c->source->allow_script)
		say_at(c, "where",
		       "\"script\" is for devices that a script writes inline",
		       "code of a file has a state of its own; leave it out");
	if (!is_posted)
		return;
	if (!v[VMOON_LDKEY_REG_ON_WRITE].is_set)
		say_at(c, "posted",
		       "only on_write can be posted, and there is "
		       "none",
		       NULL);
	if (where->is_set)
		say_at(c, "posted",
		       "what is posted runs on the device's worker: \"where\" "
		       "says another place",
		       "leave out one of the two");
	r->hook.where = VMOON_LDSPEC_POSTED;
}

/* ---- one register ---- */

/* The register's table is at idx. */
static void check_register(struct vmoon_ldcheck *c, int idx,
			   struct vmoon_ldreg *r)
{
	const unsigned before = c->problem_count;
	struct vmoon_ldvalue v[VMOON_LDKEY_REG_COUNT];
	const struct vmoon_ldvalue *irq = &v[VMOON_LDKEY_REG_IRQ_WHEN];

	vmoon_ldcheck_table(c, idx, &vmoon_ldkeys_register, v);
	r->reg.at = (uint64_t)number_or(&v[VMOON_LDKEY_REG_AT], 0);
	r->reg.access = (enum vmoon_reg_access)number_or(
		&v[VMOON_LDKEY_REG_ACCESS], VMOON_REG_RW);
	r->reg.count = 1;
	check_width(c, idx, r);
	r->reg.stride = r->reg.width;
	r->has_place = v[VMOON_LDKEY_REG_AT].is_set &&
		       !v[VMOON_LDKEY_REG_AT].is_bad && r->reg.width != 0;
	if (v[VMOON_LDKEY_REG_ARRAY].is_set && r->reg.width != 0)
		r->has_place = !v[VMOON_LDKEY_REG_ARRAY].is_bad &&
			       check_array(c, idx, r) && r->has_place;
	check_fifo(c, idx, v, r);
	r->is_bad = v[VMOON_LDKEY_REG_ACCESS].is_bad ||
		    v[VMOON_LDKEY_REG_FIELDS].is_bad;
	vmoon_ldspec_check_fields(c, idx, r);
	check_hooks(c, idx, v, r);
	r->hook.is_doorbell = is_on(&v[VMOON_LDKEY_REG_DOORBELL]);
	check_doorbell(c, v, r);
	check_where(c, v, r);
	if (irq->is_set && !irq->is_bad)
		r->irq_when = vmoon_ldcheck_copy(c, irq->text, irq->len);
	r->is_bad = r->is_bad || c->problem_count != before;
}

/* ---- all of them ---- */

static void sort_by_place(struct vmoon_ldreg *regs, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		const struct vmoon_ldreg r = regs[i];
		size_t k = i;

		for (; k > 0 && r.reg.at < regs[k - 1].reg.at; k--)
			regs[k] = regs[k - 1];
		regs[k] = r;
	}
}

static void compile_irq(struct vmoon_ldcheck *c, const struct vmoon_ldreg *regs,
			size_t count)
{
	struct vmoon_ldirq irq = {.c = c, .regs = regs, .reg_count = count};
	struct vmoon_reg_irq_op *ops;

	for (size_t i = 0; i < count; i++) {
		size_t before, inner;

		if (regs[i].irq_when == NULL)
			continue;
		before = vmoon_ldcheck_enter(c, regs[i].reg.name);
		inner = vmoon_ldcheck_enter(c, "irq_when");
		vmoon_ldirq_add(&irq, regs[i].irq_when);
		if (c->spec->irq == VMOON_LDSPEC_NO_IRQ) {
			vmoon_ldcheck_say(c, "the device has no interrupt");
			vmoon_ldcheck_hint(c, "for example, beside registers: "
					      "irq = \"level\"");
		}
		vmoon_ldcheck_leave(c, inner);
		vmoon_ldcheck_leave(c, before);
	}
	ops = vmoon_ldcheck_alloc(c, (irq.count + 1) * sizeof(*ops));
	memcpy(ops, irq.ops, irq.count * sizeof(*ops));
	c->spec->map.irq = ops;
	c->spec->map.irq_count = irq.count;
}

static void check_doorbell_count(struct vmoon_ldcheck *c,
				 const struct vmoon_ldreg *regs, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += regs[i].hook.is_doorbell;
	if (n > VMOON_LDSPEC_DOORBELLS_MAX)
		vmoon_ldcheck_say(c, "%zu doorbells are too many; at most %d",
				  n, VMOON_LDSPEC_DOORBELLS_MAX);
}

static void check_fifo_depths(struct vmoon_ldcheck *c,
			      const struct vmoon_ldreg *regs, size_t count)
{
	uint64_t values = 0;

	for (size_t i = 0; i < count; i++)
		values += regs[i].reg.fifo_depth;
	if (values <= VMOON_REGMAP_FIFOS_MAX)
		return;
	vmoon_ldcheck_say(c,
			  "FIFOs of %llu values together are too many; at "
			  "most %d",
			  (unsigned long long)values, VMOON_REGMAP_FIFOS_MAX);
	vmoon_ldcheck_hint(c, "a depth is how far the driver may be ahead: "
			      "fifo = { depth = 16 }");
}

static void publish(struct vmoon_ldcheck *c, const struct vmoon_ldreg *regs,
		    size_t count)
{
	struct vmoon_reg *map =
		vmoon_ldcheck_alloc(c, (count + 1) * sizeof(*map));
	struct vmoon_ldspec_reg *hooks =
		vmoon_ldcheck_alloc(c, (count + 1) * sizeof(*hooks));

	for (size_t i = 0; i < count; i++) {
		map[i] = regs[i].reg;
		hooks[i] = regs[i].hook;
	}
	c->spec->map.regs = map;
	c->spec->map.reg_count = count;
	c->spec->regs = hooks;
}

void vmoon_ldspec_check_registers(struct vmoon_ldcheck *c, int idx)
{
	lua_State *L = c->L;
	const unsigned problems = c->problem_count;
	struct vmoon_ldreg *regs;
	const char **names;
	size_t count;

	luaL_checkstack(L, 16, "device file");
	names = vmoon_ldcheck_names(c, idx, "register", VMOON_REGMAP_REGS_MAX,
				    &count);
	if (count == 0 && c->problem_count == problems)
		vmoon_ldcheck_say(c, "it names no register");
	regs = vmoon_ldcheck_alloc(c, (count + 1) * sizeof(*regs));
	for (size_t i = 0; i < count; i++) {
		const size_t before = vmoon_ldcheck_enter(c, names[i]);

		regs[i].reg.name = names[i];
		lua_pushstring(L, names[i]);
		lua_rawget(L, idx);
		if (lua_istable(L, -1)) {
			check_register(c, lua_gettop(L), &regs[i]);
		} else {
			vmoon_ldcheck_refuse(c, -1, "a table",
					     "ID = { at = 0x00, access = "
					     "\"ro\", reset = 0x1234 }");
			regs[i].is_bad = true;
		}
		lua_pop(L, 1);
		vmoon_ldcheck_leave(c, before);
	}
	sort_by_place(regs, count);
	vmoon_ldspec_check_places(c, regs, count);
	check_doorbell_count(c, regs, count);
	check_fifo_depths(c, regs, count);
	compile_irq(c, regs, count);
	publish(c, regs, count);
}
