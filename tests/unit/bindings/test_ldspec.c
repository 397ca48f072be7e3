/* SPDX-License-Identifier: MIT */
/* test_ldspec.c - good device files become the data that they say. */
#include "bindings/ldspec.h"

#include <stdlib.h>

#include "tests/support/ldspec_rig.h"

static void load(struct spec_rig *r, const char *text)
{
	const enum vmoon_status st = spec_rig_text(r, text);

	if (st == VMOON_E_CONFIG)
		assert_string_equal(r->said, "");
	assert_ok(st, &r->err);
	assert_non_null(r->spec);
}

/* The slot holds a function, and none but this one. */
static void check_function(struct spec_rig *r, vmoon_ldslot slot)
{
	assert_true(slot > 0 && slot <= lua_gettop(r->state.L));
	assert_true(lua_isfunction(r->state.L, slot));
}

static int field_number(struct spec_rig *r, vmoon_ldslot fields,
			const char *name, int i)
{
	lua_State *L = r->state.L;
	int n;

	assert_true(lua_istable(L, fields));
	lua_pushstring(L, name);
	lua_rawget(L, fields);
	assert_true(lua_istable(L, -1));
	lua_rawgeti(L, -1, i);
	n = lua_isboolean(L, -1) ? lua_toboolean(L, -1)
				 : (int)lua_tointeger(L, -1);
	lua_pop(L, 2);
	return n;
}

/* The manual's example 4. */
static const char counter[] =
	"-- devices/counter.lua\n"
	"local dev = require \"vmoon.device\"\n"
	"return dev.mmio {\n"
	"  name       = \"counter\",\n"
	"  compatible = \"acme,counter\",\n"
	"  size       = 0x1000,\n"
	"  irq        = \"level\",\n"
	"  params     = { hz = { type = \"integer\", default = 1000, min = 1, "
	"max = 100000 } },\n"
	"  state      = { base = 0.0, running = false },\n"
	"  registers = {\n"
	"    ID      = { at = 0x00, access = \"ro\", reset = 0x434E5452 },\n"
	"    SCRATCH = { at = 0x04, access = \"rw\", reset = 0 },\n"
	"    CTRL    = { at = 0x08, access = \"rw\", fields = {\n"
	"        ENABLE = { bit = 0 }, IRQEN = { bit = 1 },\n"
	"        CLEAR = { bit = 2, access = \"w1-pulse\" } },\n"
	"      on_write = function(d, new, old) return 'ctrl' end },\n"
	"    STATUS  = { at = 0x0c, access = \"w1c\", fields = { TICK = { bit "
	"= 0 } },\n"
	"      irq_when = \"STATUS.TICK & CTRL.IRQEN\" },\n"
	"    COUNT   = { at = 0x10, access = \"ro\", on_read = function(d) "
	"return 7 end },\n"
	"  },\n"
	"  timers = { tick = function(d) return 'tick' end },\n"
	"}\n";

static void test_ldspec__the_manuals_counter(void **state)
{
	struct spec_rig *r = *state;
	const struct vmoon_ldspec *s;
	const struct vmoon_reg *reg;

	load(r, counter);
	s = r->spec;
	assert_int_equal(s->kind, VMOON_LDSPEC_MMIO);
	assert_string_equal(s->name, "counter");
	assert_string_equal(s->compatible, "acme,counter");
	assert_null(s->hid);
	assert_int_equal(s->irq, VMOON_LDSPEC_LEVEL);
	assert_int_equal(s->line, 0);
	assert_int_equal(s->at, 0);
	assert_int_equal(s->on_error, VMOON_LDSPEC_PAUSE);
	assert_true(s->budget_ns == VMOON_LDSTATE_BUDGET_NS);
	assert_int_equal(s->memory, VMOON_LDSTATE_MEMORY);
	assert_int_equal(s->map.size, sizeof(s->map));
	assert_int_equal(s->map.window, 0x1000);
	assert_false(s->map.is_edge);
	assert_int_equal(s->map.reg_count, 5);

	reg = &s->map.regs[0];
	assert_string_equal(reg->name, "ID");
	assert_int_equal(reg->access, VMOON_REG_RO);
	assert_int_equal(reg->reset, 0x434E5452);
	assert_int_equal(reg->width, 4);
	assert_int_equal(reg->count, 1);
	assert_false(reg->has_on_read || reg->has_on_write);
	assert_int_equal(s->regs[0].on_read, 0);
	assert_int_equal(s->regs[0].fields, 0);

	reg = &s->map.regs[2];
	assert_string_equal(reg->name, "CTRL");
	assert_int_equal(reg->at, 8);
	assert_true(reg->has_on_write && !reg->has_on_read);
	assert_int_equal(reg->field_count, 3);
	assert_string_equal(reg->fields[0].name, "CLEAR");
	assert_int_equal(reg->fields[0].access, VMOON_REG_W1_PULSE);
	assert_int_equal(reg->fields[0].first, 2);
	assert_int_equal(reg->fields[0].bits, 1);
	assert_int_equal(reg->fields[1].access, VMOON_REG_RW);
	check_function(r, s->regs[2].on_write);
	assert_int_equal(s->regs[2].where, VMOON_LDSPEC_VCPU);
	assert_int_equal(field_number(r, s->regs[2].fields, "CLEAR", 1), 4);
	assert_int_equal(field_number(r, s->regs[2].fields, "CLEAR", 2), 2);
	assert_int_equal(field_number(r, s->regs[2].fields, "CLEAR", 3), 1);

	assert_string_equal(s->map.regs[3].name, "STATUS");
	assert_int_equal(s->map.regs[3].fields[0].access, VMOON_REG_W1C);
	assert_string_equal(s->map.regs[4].name, "COUNT");
	check_function(r, s->regs[4].on_read);

	assert_int_equal(s->map.irq_count, 3);
	assert_int_equal(s->map.irq[0].kind, VMOON_REG_IRQ_BITS);
	assert_int_equal(s->map.irq[0].reg, 3);
	assert_int_equal(s->map.irq[0].mask, 1);
	assert_int_equal(s->map.irq[1].reg, 2);
	assert_int_equal(s->map.irq[1].mask, 2);
	assert_int_equal(s->map.irq[2].kind, VMOON_REG_IRQ_AND);

	assert_int_equal(s->timer_count, 1);
	assert_string_equal(s->timers[0].name, "tick");
	check_function(r, s->timers[0].fn);
	assert_int_equal(s->method_count, 0);
	assert_int_equal(s->on_reset, 0);
}

static void test_ldspec__slots_can_be_called_and_read(void **state)
{
	struct spec_rig *r = *state;
	lua_State *L;

	load(r, counter);
	L = r->state.L;
	lua_pushvalue(L, r->spec->regs[2].on_write);
	assert_true(vmoon_ldstate_call(r->state.s, 0, 1));
	assert_string_equal(lua_tostring(L, -1), "ctrl");
	lua_pop(L, 1);
	lua_pushvalue(L, r->spec->timers[0].fn);
	assert_true(vmoon_ldstate_call(r->state.s, 0, 1));
	assert_string_equal(lua_tostring(L, -1), "tick");
	lua_pop(L, 1);
	lua_pushstring(L, "running");
	assert_int_equal(lua_rawget(L, r->spec->state), LUA_TBOOLEAN);
	lua_pop(L, 1);
	/* As promised, there is room for whoever owns the state. */
	for (int i = 0; i < 60; i++)
		lua_pushinteger(L, i);
	lua_pop(L, 60);
}

/* The manual's example 5. */
static void test_ldspec__the_manuals_luarng(void **state)
{
	static const char text[] =
		"local dev = require \"vmoon.device\"\n"
		"return dev.virtio {\n"
		"  name     = \"luarng\",\n"
		"  id       = 4,\n"
		"  features = {},\n"
		"  params   = { seed = { type = \"integer\", default = 1 }, "
		"max "
		"= { type = \"integer\", default = 256 } },\n"
		"  state    = { x = 0, served = 0 },\n"
		"  on_reset = function(d) d.state.x = d.params.seed end,\n"
		"  queues = {\n"
		"    { name = \"request\", size = 64, on_buffer = function(d, "
		"buf) end },\n"
		"  },\n"
		"}\n";
	struct spec_rig *r = *state;
	const struct vmoon_ldspec *s;

	load(r, text);
	s = r->spec;
	assert_int_equal(s->kind, VMOON_LDSPEC_VIRTIO);
	assert_int_equal(s->id, 4);
	assert_true(s->features == 0);
	assert_int_equal(s->config_len, 0);
	assert_int_equal(s->queue_count, 1);
	assert_string_equal(s->queues[0].name, "request");
	assert_int_equal(s->queues[0].size, 64);
	check_function(r, s->queues[0].on_buffer);
	assert_int_equal(s->queues[0].on_kick, 0);
	check_function(r, s->on_reset);
	assert_int_equal(s->map.reg_count, 0);
}

/* The manual's example 6. */
static void test_ldspec__the_manuals_i2c_tmp(void **state)
{
	static const char text[] =
		"local dev = require \"vmoon.device\"\n"
		"local OUT_HDR, M_RD, OK, ERR = \"<I2I2I4\", 2, \"\\0\", "
		"\"\\1\"\n"
		"return dev.virtio {\n"
		"  name = \"i2c-tmp\", id = 34, features = { [0] = "
		"\"ZERO_LENGTH_REQUEST\" },\n"
		"  params = { addr = { type = \"integer\", default = 0x48 } "
		"},\n"
		"  state  = { milli = 21500, ptr = 0 },\n"
		"  queues = { { name = \"request\", size = 64, on_buffer = "
		"function(d, buf) return OUT_HDR, M_RD, OK, ERR end } },\n"
		"  methods = { set_temp = function(d, c) d.state.milli = c * "
		"1000 // 1 end },\n"
		"}\n";
	struct spec_rig *r = *state;

	load(r, text);
	assert_string_equal(r->spec->name, "i2c-tmp");
	assert_int_equal(r->spec->id, 34);
	assert_true(r->spec->features == 1);
	assert_string_equal(r->spec->feature_name[0], "ZERO_LENGTH_REQUEST");
	assert_null(r->spec->feature_name[1]);
	assert_int_equal(r->spec->method_count, 1);
	assert_string_equal(r->spec->methods[0].name, "set_temp");
	check_function(r, r->spec->methods[0].fn);
}

static void test_ldspec__all_ten_kinds_of_access(void **state)
{
	struct spec_rig *r = *state;

	load(r, REGS("A = { at = 0, access = 'rw' }, B = { at = 4, access = "
		     "'ro' }, C = { at = 8, access = 'wo' }, D = { at = 12, "
		     "access = 'w1c' }, E = { at = 16, access = 'w1s' }, F = { "
		     "at = 20, access = 'rc' }, G = { at = 24, access = 'w0c' "
		     "}, H = { at = 28, access = 'w1-pulse' }, I = { at = 32, "
		     "access = 'rw-once' }, J = { at = 36, access = 'reserved' "
		     "}, K = { at = 40 }, L = { at = 44, fields = { a = { bit "
		     "= 0, access = 'rw' }, b = { bit = 1, access = 'ro' }, c "
		     "= { bit = 2, access = 'wo' }, d = { bit = 3, access = "
		     "'w1c' }, e = { bit = 4, access = 'w1s' }, f = { bit = 5, "
		     "access = 'rc' }, g = { bit = 6, access = 'w0c' }, h = { "
		     "bit = 7, access = 'w1-pulse' }, i = { bit = 8, access = "
		     "'rw-once' }, j = { bit = 9, access = 'reserved' } } }"));
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(r->spec->map.regs[i].access, i);
		assert_int_equal(r->spec->map.regs[11].fields[i].access, i);
	}
	assert_int_equal(r->spec->map.regs[10].access, VMOON_REG_RW);
}

static void test_ldspec__every_key_of_a_register(void **state)
{
	struct spec_rig *r = *state;
	const struct vmoon_ldspec *s;

	load(r, "local dev = require 'vmoon.device'\n"
		"return dev.pio { at = 0x2f8, size = '1K', irq = 'edge', line "
		"= 3, hid = 'PNP0501', name = 'u', on_error = 'ignore', "
		"budget = 0.002, memory = '64M', where = 'vcpu',\n"
		"registers = {\n"
		"  D = { at = 0, width = 8, reset = -1 },\n"
		"  F = { at = 8, width = 1, fifo = { depth = 16 }, on_write = "
		"print, posted = true, irq_when = 'F.rx_ready | !F.tx_empty' "
		"},\n"
		"  A = { at = 0x10, width = 2, array = { count = 4 }, on_read "
		"= print },\n"
		"  B = { at = 0x20, array = { count = 3, stride = 8 }, fields "
		"= { LO = { bits = { 0, 7 }, reset = 5 }, HI = { bit = 31, "
		"reset = true } } },\n"
		"  C = { at = 0x24, array = { count = 3, stride = 8 } },\n"
		"  K = { at = 0x40, access = 'wo', doorbell = true, on_write "
		"= print },\n"
		"  M = { at = 0x50, irq_when = '!(B[2].LO & A[1]) & D & M' },\n"
		"} }");
	s = r->spec;
	assert_int_equal(s->kind, VMOON_LDSPEC_PIO);
	assert_int_equal(s->at, 0x2f8);
	assert_int_equal(s->map.window, 1024);
	assert_true(s->map.is_edge);
	assert_int_equal(s->irq, VMOON_LDSPEC_EDGE);
	assert_int_equal(s->line, 3);
	assert_string_equal(s->hid, "PNP0501");
	assert_int_equal(s->on_error, VMOON_LDSPEC_IGNORE);
	assert_int_equal(s->budget_ns, 2000000);
	assert_int_equal(s->memory, 64 << 20);

	assert_true(s->map.regs[0].reset == UINT64_MAX);
	assert_int_equal(s->map.regs[1].fifo_depth, 16);
	assert_int_equal(s->regs[1].where, VMOON_LDSPEC_POSTED);
	assert_int_equal(s->map.regs[2].count, 4);
	assert_int_equal(s->map.regs[2].stride, 2);
	assert_int_equal(s->map.regs[3].stride, 8);
	assert_true(s->map.regs[3].reset == 0x80000005);
	assert_int_equal(field_number(r, s->regs[3].fields, "LO", 1), 255);
	assert_int_equal(field_number(r, s->regs[3].fields, "LO", 3), 0);
	assert_true(s->regs[5].is_doorbell);

	assert_int_equal(s->map.irq_count, 12);
	assert_int_equal(s->map.irq[0].kind, VMOON_REG_IRQ_FIFO_OUT);
	assert_int_equal(s->map.irq[1].kind, VMOON_REG_IRQ_FIFO_IN);
	/* Twice not: of tx_empty, and of the sign. */
	assert_int_equal(s->map.irq[2].kind, VMOON_REG_IRQ_NOT);
	assert_int_equal(s->map.irq[3].kind, VMOON_REG_IRQ_NOT);
	assert_int_equal(s->map.irq[4].kind, VMOON_REG_IRQ_OR);
	assert_int_equal(s->map.irq[5].kind, VMOON_REG_IRQ_BITS);
	assert_int_equal(s->map.irq[5].reg, 3);
	assert_int_equal(s->map.irq[5].element, 2);
	assert_int_equal(s->map.irq[5].mask, 255);
	assert_int_equal(s->map.irq[6].element, 1);
	assert_int_equal(s->map.irq[6].mask, 0xffff);
}

static void test_ldspec__irq_when_is_made_into_postfix(void **state)
{
	/* Letters are registers' bits; b: both; ! & | as they are. */
	static const struct {
		const char *text, *code;
	} rows[] = {
		{"A", "a"},
		{"A.X", "x"},
		{"A & B", "b"},
		{"A & B.Y", "ya&"},
		{"A.X & A & B", "xb&"},
		{"A & A.X & B", "xb&"},
		{"A | B", "ac|"},
		{"A.X | A.X & B.Y", "xxy&|"},
		{"(A.X | A.X) & B.Y", "xx|y&"},
		{"!A & B", "a!c&"},
		{"!!A", "a"},
		{"!(A & B)", "b!"},
		{"(A) & (B)", "ac&"},
		{"  A.X&B.Y  ", "xy&"},
		{"A[0]", "a"},
		{"((((((((((((((((A))))))))))))))))", "a"},
	};
	struct spec_rig *r = *state;
	char text[512], code[65];

	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		size_t n = 0;

		(void)snprintf(text, sizeof(text),
			       REGS("A = { at = 0, fields = { X = { bit = 3 } }"
				    ", irq_when = '%s' }, B = { at = 4, width "
				    "= 1, fields = { Y = { bit = 5 } } }"),
			       rows[i].text);
		load(r, text);
		for (; n < r->spec->map.irq_count; n++) {
			const struct vmoon_reg_irq_op *op =
				&r->spec->map.irq[n];

			switch (op->kind) {
			case VMOON_REG_IRQ_BITS:
				code[n] = op->mask == 8            ? 'x'
					  : op->mask == 32         ? 'y'
					  : op->mask == 0xff       ? 'c'
					  : op->mask == UINT32_MAX ? 'a'
								   : '?';
				break;
			case VMOON_REG_IRQ_NOT: code[n] = '!'; break;
			case VMOON_REG_IRQ_AND: code[n] = '&'; break;
			case VMOON_REG_IRQ_OR: code[n] = '|'; break;
			case VMOON_REG_IRQ_BOTH: code[n] = 'b'; break;
			case VMOON_REG_IRQ_FIFO_IN:
			case VMOON_REG_IRQ_FIFO_OUT: code[n] = '?'; break;
			}
		}
		code[n] = '\0';
		assert_string_equal(code, rows[i].code);
	}
}

static void test_ldspec__every_key_of_a_virtio_device(void **state)
{
	static const unsigned char bytes[] = {1, 2, 0, 4, 0, 0, 0,   8,   0,
					      0, 0, 0, 0, 0, 0, 'a', 'b', 7};
	struct spec_rig *r = *state;
	const struct vmoon_ldspec *s;

	load(r, "local dev = require 'vmoon.device'\n"
		"return dev.virtio { id = 42, features = { [23] = 'LOW', [50] "
		"= 'MID', [63] = 'TOP' },\n"
		"params = { n = { type = 'integer', default = 8 } },\n"
		"config = { { name = 'a', type = 'u8', value = 1 }, { name = "
		"'b', type = 'le16', value = 2 }, { name = 'c', type = 'le32', "
		"value = 4, writable = true }, { name = 'd', type = 'le64', "
		"value = function(p) return p.n end }, { name = 'mac', type = "
		"'bytes', value = 'ab' }, { name = 'e', type = 'u8', value = "
		"function(p) return #'seven77' end } },\n"
		"on_config_write = print,\n"
		"queues = { { name = 'rx', on_buffer = print, batch = true }, "
		"{ name = 'tx', size = 1024, on_buffer = print } } }");
	s = r->spec;
	assert_true(s->features == (UINT64_C(1) << 23 | UINT64_C(1) << 50 |
				    UINT64_C(1) << 63));
	assert_string_equal(s->feature_name[63], "TOP");
	assert_int_equal(s->config_len, sizeof(bytes));
	assert_memory_equal(s->config, bytes, sizeof(bytes));
	assert_int_equal(s->config_count, 6);
	assert_string_equal(s->config_field[3].name, "d");
	assert_int_equal(s->config_field[3].off, 7);
	assert_int_equal(s->config_field[3].len, 8);
	assert_true(s->config_field[2].is_writable);
	assert_false(s->config_field[3].is_writable);
	assert_true(s->config_field[4].is_bytes);
	check_function(r, s->on_config_write);
	assert_int_equal(s->queues[0].size, 64);
	check_function(r, s->queues[0].on_kick);
	assert_int_equal(s->queues[0].on_buffer, 0);
	assert_int_equal(s->queues[1].size, 1024);
	/* Its file has no name of its own. */
	assert_string_equal(s->name, "dev");

	load(r, VIRTIO("config = 'abc', on_config_write = print"));
	assert_int_equal(r->spec->config_len, 3);
	assert_null(r->spec->config_field[0].name);
	assert_true(r->spec->config_field[0].is_writable);
}

static void test_ldspec__the_devices_that_ship(void **state)
{
	static const char *const files[] = {
		"scripts/devices/blk.lua",        "scripts/devices/counter.lua",
		"scripts/devices/debug_exit.lua", "scripts/devices/gpio.lua",
		"scripts/devices/i2c_tmp.lua",    "scripts/devices/pl031.lua",
		"scripts/devices/rng.lua",        "scripts/devices/testdev.lua",
		"scripts/devices/uart.lua",       "scripts/new/new_device.lua",
	};
	struct spec_rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(files); i++) {
		const struct vmoon_ldspec_source source = {.path = files[i]};

		assert_ok(spec_rig_load(r, &source), &r->err);
		assert_string_equal(r->said, "");
	}
}

static void test_ldspec__a_files_hash_and_its_first_line(void **state)
{
	/* sha256sum of the text below */
	static const unsigned char head[] = {0xb3, 0x1e, 0x98, 0xba,
					     0x2c, 0x0c, 0x06, 0xf5};
	struct spec_rig *r = *state;

	load(r, "#!/usr/bin/env lua\nreturn require 'vmoon.device'.pio { size "
		"= 4, registers = { A = { at = 0 } } }\n");
	assert_memory_equal(r->spec->hash, head, sizeof(head));
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, spec_rig_setup, spec_rig_teardown)

static const struct CMUnitTest tests[] = {
	TEST(test_ldspec__the_manuals_counter),
	TEST(test_ldspec__slots_can_be_called_and_read),
	TEST(test_ldspec__the_manuals_luarng),
	TEST(test_ldspec__the_manuals_i2c_tmp),
	TEST(test_ldspec__all_ten_kinds_of_access),
	TEST(test_ldspec__every_key_of_a_register),
	TEST(test_ldspec__irq_when_is_made_into_postfix),
	TEST(test_ldspec__every_key_of_a_virtio_device),
	TEST(test_ldspec__the_devices_that_ship),
	TEST(test_ldspec__a_files_hash_and_its_first_line),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
