/* SPDX-License-Identifier: MIT */
/* ldspec_fields.c - the bits of one register: fields, reset, access. */
#include "ldspec_regs.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

uint64_t vmoon_ldreg_mask(unsigned first, unsigned bits)
{
	return (bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1) << first;
}

bool vmoon_ldreg_takes_writes(enum vmoon_reg_access access)
{
	return access != VMOON_REG_RO && access != VMOON_REG_RC &&
	       access != VMOON_REG_RESERVED;
}

bool vmoon_ldreg_gives_reads(enum vmoon_reg_access access)
{
	return access != VMOON_REG_WO && access != VMOON_REG_RESERVED;
}

bool vmoon_ldreg_keeps(enum vmoon_reg_access access)
{
	return access != VMOON_REG_W1_PULSE && access != VMOON_REG_RESERVED;
}

const char *vmoon_ldreg_access_name(enum vmoon_reg_access access, char out[16])
{
	size_t len = 0;
	const char *word =
		vmoon_ldkeys_choice(VMOON_LDKEYS_ACCESS, (size_t)access, &len);

	(void)snprintf(out, 16, "%.*s", (int)len, word);
	return out;
}

/* ---- where a field is ---- */

/* The two numbers of bits = { FIRST, LAST }; the list is at idx. */
static bool read_range(struct vmoon_ldcheck *c, int idx, lua_Integer out[2])
{
	lua_State *L = c->L;
	bool is_good = lua_rawlen(L, idx) == 2;

	for (int i = 0; i < 2; i++) {
		lua_rawgeti(L, idx, i + 1);
		is_good = is_good && lua_isinteger(L, -1);
		out[i] = is_good ? lua_tointeger(L, -1) : 0;
		lua_pop(L, 1);
	}
	if (!is_good || out[0] < 0 || out[1] > 63 || out[0] > out[1]) {
		vmoon_ldcheck_say(c, "expected the first and the last bit, 0 "
				     "to 63");
		vmoon_ldcheck_hint(c, "for example: bits = { 4, 7 }");
		return false;
	}
	return true;
}

/* False: no place, and that was said. */
static bool read_place(struct vmoon_ldcheck *c, int idx,
		       const struct vmoon_ldvalue *v, struct vmoon_reg_field *f)
{
	const struct vmoon_ldvalue *bit = &v[VMOON_LDKEY_FIELD_BIT],
				   *bits = &v[VMOON_LDKEY_FIELD_BITS];
	lua_Integer range[2];
	bool is_good;
	size_t before;

	if (bit->is_set == bits->is_set) {
		vmoon_ldcheck_say(c, bit->is_set
					     ? "it has \"bit\" and \"bits\"; "
					       "one of them says where it is"
					     : "missing required field \"bit\" "
					       "or \"bits\"");
		vmoon_ldcheck_hint(c, "for example: bit = 0, or bits = { 4, 7 "
				      "}");
		return false;
	}
	if (bit->is_bad || bits->is_bad)
		return false;
	if (bit->is_set) {
		f->first = (unsigned char)bit->number; /* at most 63 */
		f->bits = 1;
		return true;
	}
	vmoon_ldcheck_get(c, idx,
			  &vmoon_ldkeys_field.rows[VMOON_LDKEY_FIELD_BITS]);
	before = vmoon_ldcheck_enter(c, "bits");
	is_good = read_range(c, lua_gettop(c->L), range);
	vmoon_ldcheck_leave(c, before);
	lua_pop(c->L, 1);
	if (!is_good)
		return false;
	f->first = (unsigned char)range[0]; /* 0 to 63 */
	f->bits = (unsigned char)(range[1] - range[0] + 1);
	return true;
}

static bool fits_register(struct vmoon_ldcheck *c, const struct vmoon_ldreg *r,
			  const struct vmoon_reg_field *f, bool is_bit)
{
	const unsigned last = f->first + f->bits - 1u;
	size_t before;

	if (r->reg.width == 0 || last < 8 * r->reg.width)
		return true;
	before = vmoon_ldcheck_enter(c, is_bit ? "bit" : "bits");
	vmoon_ldcheck_say(c,
			  "bit %u is outside of a register of %u byte%s "
			  "(bits 0..%u)",
			  last, r->reg.width, r->reg.width == 1 ? "" : "s",
			  8 * r->reg.width - 1);
	vmoon_ldcheck_leave(c, before);
	return false;
}

static bool is_alone(struct vmoon_ldcheck *c,
		     const struct vmoon_reg_field *fields, size_t count,
		     const struct vmoon_reg_field *f, bool is_bit)
{
	const uint64_t mask = vmoon_ldreg_mask(f->first, f->bits);
	char mine[48];
	size_t before;

	for (size_t i = 0; i < count; i++) {
		if ((vmoon_ldreg_mask(fields[i].first, fields[i].bits) &
		     mask) == 0)
			continue;
		before = vmoon_ldcheck_enter(c, is_bit ? "bit" : "bits");
		if (f->bits == 1)
			(void)snprintf(mine, sizeof(mine), "bit %u overlaps",
				       f->first);
		else
			(void)snprintf(mine, sizeof(mine),
				       "bits %u..%u overlap", f->first,
				       f->first + f->bits - 1u);
		vmoon_ldcheck_say(c, "%s %s (bits %u..%u)", mine,
				  fields[i].name, fields[i].first,
				  fields[i].first + fields[i].bits - 1u);
		vmoon_ldcheck_leave(c, before);
		return false;
	}
	return true;
}

/* ---- reset ---- */

/* The value at the top, for that many bits; false: it was said. */
static bool read_reset(struct vmoon_ldcheck *c, unsigned bits, bool is_bit,
		       uint64_t *out)
{
	const uint64_t max = vmoon_ldreg_mask(0, bits);
	lua_Integer n;

	if (is_bit && lua_isboolean(c->L, -1)) {
		*out = lua_toboolean(c->L, -1) != 0;
		return true;
	}
	if (!lua_isinteger(c->L, -1)) {
		vmoon_ldcheck_refuse(
			c, -1, is_bit ? "true, false, 0 or 1" : "an integer",
			is_bit ? "reset = true" : "reset = 0x10");
		return false;
	}
	n = lua_tointeger(c->L, -1);
	*out = (uint64_t)n;
	/* All 64 bits are a negative number in Lua. */
	if (bits == 64 || (n >= 0 && (uint64_t)n <= max))
		return true;
	if (n < 0)
		vmoon_ldcheck_say(c, "%lld is out of range 0..0x%llx",
				  (long long)n, (unsigned long long)max);
	else
		vmoon_ldcheck_say(c, "0x%llx does not fit into %u bit%s",
				  (unsigned long long)n, bits,
				  bits == 1 ? "" : "s");
	return false;
}

static void add_field_reset(struct vmoon_ldcheck *c, int idx,
			    struct vmoon_ldreg *r,
			    const struct vmoon_reg_field *f, bool is_bit)
{
	uint64_t value;
	const size_t before = vmoon_ldcheck_enter(c, "reset");

	vmoon_ldcheck_get(c, idx,
			  &vmoon_ldkeys_field.rows[VMOON_LDKEY_FIELD_RESET]);
	if (read_reset(c, f->bits, is_bit, &value)) {
		if (value != 0 && !vmoon_ldreg_keeps(f->access))
			vmoon_ldcheck_say(c, "such a field always reads 0");
		else
			r->reg.reset |= value << f->first;
	}
	lua_pop(c->L, 1);
	vmoon_ldcheck_leave(c, before);
}

static void check_own_reset(struct vmoon_ldcheck *c, int idx,
			    struct vmoon_ldreg *r, bool fields_have_it)
{
	uint64_t value, kept = 0;
	size_t before;

	vmoon_ldcheck_get(c, idx,
			  &vmoon_ldkeys_register.rows[VMOON_LDKEY_REG_RESET]);
	if (lua_isnil(c->L, -1) || r->reg.width == 0) {
		lua_pop(c->L, 1);
		return;
	}
	before = vmoon_ldcheck_enter(c, "reset");
	for (size_t i = 0; i < r->reg.field_count; i++)
		if (vmoon_ldreg_keeps(r->reg.fields[i].access))
			kept |= vmoon_ldreg_mask(r->reg.fields[i].first,
						 r->reg.fields[i].bits);
	if (r->reg.field_count == 0 && vmoon_ldreg_keeps(r->reg.access))
		kept = UINT64_MAX;
	if (!read_reset(c, 8 * r->reg.width, false, &value)) {
		; /* said */
	} else if (r->reg.fifo_depth > 0) {
		vmoon_ldcheck_say(c, "a FIFO is empty after a reset");
	} else if (fields_have_it) {
		vmoon_ldcheck_say(c, "its fields have resets of their own");
		vmoon_ldcheck_hint(c, "say it in one of the two places");
	} else if ((value & ~kept) != 0 && !r->is_bad) {
		vmoon_ldcheck_say(c, "bits 0x%llx always read 0",
				  (unsigned long long)(value & ~kept));
		vmoon_ldcheck_hint(c, r->reg.field_count > 0
					      ? "with fields, bits that no "
						"field names are reserved"
					      : "such a register stores "
						"nothing");
	} else {
		r->reg.reset = value;
	}
	lua_pop(c->L, 1);
	vmoon_ldcheck_leave(c, before);
}

/* ---- all fields ---- */

/* For decoding: { mask, shift, is_bool }; the table of all is below the top. */
static void add_decoder(lua_State *L, const struct vmoon_reg_field *f,
			bool is_bit)
{
	lua_createtable(L, 3, 0);
	lua_pushinteger(L, (lua_Integer)vmoon_ldreg_mask(f->first, f->bits));
	lua_rawseti(L, -2, 1);
	lua_pushinteger(L, f->first);
	lua_rawseti(L, -2, 2);
	lua_pushboolean(L, is_bit);
	lua_rawseti(L, -2, 3);
	lua_pushstring(L, f->name);
	lua_insert(L, -2);
	lua_rawset(L, -3);
}

/* The field's table is at the top, that of decoders below it. */
static void check_field(struct vmoon_ldcheck *c, struct vmoon_ldreg *r,
			struct vmoon_reg_field *fields, const char *name,
			bool *has_reset)
{
	const int idx = lua_gettop(c->L);
	struct vmoon_ldvalue v[VMOON_LDKEY_FIELD_COUNT];
	struct vmoon_reg_field f = {.name = name, .access = r->reg.access};
	bool is_bit;

	if (!lua_istable(c->L, idx)) {
		vmoon_ldcheck_refuse(c, idx, "a table", "ENABLE = { bit = 0 }");
		r->is_bad = true;
		return;
	}
	vmoon_ldcheck_table(c, idx, &vmoon_ldkeys_field, v);
	is_bit = v[VMOON_LDKEY_FIELD_BIT].is_set;
	if (v[VMOON_LDKEY_FIELD_ACCESS].is_set &&
	    !v[VMOON_LDKEY_FIELD_ACCESS].is_bad)
		f.access = (enum vmoon_reg_access)v[VMOON_LDKEY_FIELD_ACCESS]
				   .number;
	if (!read_place(c, idx, v, &f) || !fits_register(c, r, &f, is_bit) ||
	    !is_alone(c, fields, r->reg.field_count, &f, is_bit)) {
		r->is_bad = true;
		return;
	}
	if (v[VMOON_LDKEY_FIELD_RESET].is_set) {
		*has_reset = true;
		add_field_reset(c, idx, r, &f, is_bit);
	}
	fields[r->reg.field_count++] = f;
	lua_pushvalue(c->L, idx - 1);
	add_decoder(c->L, &f, is_bit);
	lua_pop(c->L, 1);
}

static bool check_all(struct vmoon_ldcheck *c, int table, struct vmoon_ldreg *r)
{
	lua_State *L = c->L;
	const unsigned problems = c->problem_count;
	struct vmoon_reg_field *fields;
	const char **names;
	size_t count;
	bool has_reset = false;

	names = vmoon_ldcheck_names(c, table, "field", VMOON_REGMAP_FIELDS_MAX,
				    &count);
	fields = vmoon_ldcheck_alloc(c, (count + 1) * sizeof(*fields));
	r->reg.fields = fields;
	if (count == 0 && c->problem_count == problems)
		vmoon_ldcheck_say(c, "it names no field");
	if (r->reg.fifo_depth > 0)
		vmoon_ldcheck_say(c, "values of a FIFO have no fields");
	lua_newtable(L);
	for (size_t i = 0; i < count; i++) {
		const size_t before = vmoon_ldcheck_enter(c, names[i]);

		lua_pushstring(L, names[i]);
		lua_rawget(L, table);
		check_field(c, r, fields, names[i], &has_reset);
		lua_pop(L, 1);
		vmoon_ldcheck_leave(c, before);
	}
	r->hook.fields = vmoon_ldcheck_slot(c);
	return has_reset;
}

void vmoon_ldspec_check_fields(struct vmoon_ldcheck *c, int idx,
			       struct vmoon_ldreg *r)
{
	bool has_reset = false;
	size_t before;

	luaL_checkstack(c->L, 16, "device file");
	vmoon_ldcheck_get(c, idx,
			  &vmoon_ldkeys_register.rows[VMOON_LDKEY_REG_FIELDS]);
	if (lua_istable(c->L, -1)) {
		before = vmoon_ldcheck_enter(c, "fields");
		has_reset = check_all(c, lua_gettop(c->L), r);
		vmoon_ldcheck_leave(c, before);
	}
	lua_pop(c->L, 1);
	check_own_reset(c, idx, r, has_reset);
}
