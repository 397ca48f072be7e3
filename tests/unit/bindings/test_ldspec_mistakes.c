/* SPDX-License-Identifier: MIT */
/*
 * test_ldspec_mistakes.c - mistakes of a device file, and what is
 * said of them. A row's text is all that is said: nothing else is wrong.
 */
#include "bindings/ldspec.h"

#include <stdlib.h>

#include "tests/support/ldspec_rig.h"

static void test_ldspec__keys_that_do_not_exist(void **state)
{
	static const struct spec_row rows[] = {
		{FILE_OF("return 5"),
		 "a device file returns dev.mmio { ... }, dev.pio { ... } or "
		 "dev.virtio { ... }; got integer 5\n"
		 "  for example: return require(\"vmoon.device\").mmio { ... "
		 "}\n"},
		{FILE_OF("return {}"),
		 "a device file returns dev.mmio { ... }, dev.pio { ... } or "
		 "dev.virtio { ... }; got a table\n"
		 "  for example: return require(\"vmoon.device\").mmio { ... "
		 "}\n"},
		{FILE_OF("return"),
		 "a device file returns dev.mmio { ... }, dev.pio { ... } or "
		 "dev.virtio { ... }; got nothing\n"
		 "  for example: return require(\"vmoon.device\").mmio { ... "
		 "}\n"},
		{FILE_OF("return dev.mmio {}"),
		 "missing required field \"size\"\n"
		 "  for example: size = 0x1000\n"
		 "missing required field \"registers\"\n"
		 "  for example: registers = { ID = { at = 0x00, access = "
		 "\"ro\", reset = 0x1234 } }\n"},
		{FILE_OF("return dev.pio { sise = 8, registers = { A = { at = "
			 "0 } } }"),
		 "sise! unknown field \"sise\"\n"
		 "  did you mean \"size\"?\n"
		 "missing required field \"size\"\n"
		 "  for example: size = 0x1000\n"},
		{FILE_OF("return dev.virtio { irq = 'level', registers = {}, "
			 "compatible = 'x', size = 3 }"),
		 "compatible! \"compatible\" is for mmio and pio devices\n"
		 "irq! \"irq\" is for mmio and pio devices\n"
		 "registers! \"registers\" is for mmio and pio devices\n"
		 "size! \"size\" is for mmio and pio devices\n"
		 "missing required field \"id\"\n"
		 "  for example: id = 4\n"
		 "missing required field \"queues\"\n"
		 "  for example: queues = { { name = \"request\", on_buffer = "
		 "function(d, buf) end } }\n"},
		{MMIO("queues = {}, id = 4, features = {}"),
		 "features! \"features\" is for virtio devices\n"
		 "id! \"id\" is for virtio devices\n"
		 "queues! \"queues\" is for virtio devices\n"},
		{MMIO("trusted = true, irq_when = 'A', on_buffer = print, "
		      "posted = true, nmae = 'x', addr = 5, regs = {}"),
		 "addr! unknown field \"addr\"\n"
		 "  did you mean \"at\"?\n"
		 "irq_when! unknown field \"irq_when\"\n"
		 "  it belongs to a register: STATUS = { at = 0x0c, irq_when = "
		 "\"STATUS\" }\n"
		 "nmae! unknown field \"nmae\"\n"
		 "  did you mean \"name\"?\n"
		 "on_buffer! unknown field \"on_buffer\"\n"
		 "  it belongs to a queue: queues = { { name = \"request\", "
		 "on_buffer = function(d, buf) end } }\n"
		 "posted! unknown field \"posted\"\n"
		 "  it belongs to a register\n"
		 "regs! unknown field \"regs\"\n"
		 "  did you mean \"registers\"?\n"
		 "trusted! unknown field \"trusted\"\n"
		 "  who uses a device trusts it, not its file: devices = { { "
		 "file = \"x.lua\", trusted = true } }\n"},
		{MMIO("5, [7] = 8, [true] = 1, ['a b'] = 2, ['\\27[2J'] = 3"),
		 "a key of a device is a name, got boolean\n"
		 "1! unknown field \"1\"\n"
		 "  a field needs its name: size = 0x1000\n"
		 "7! unknown field \"7\"\n"
		 "  a field needs its name: size = 0x1000\n"
		 "! unknown field \"\\x1b[2J\"\n"
		 "! unknown field \"a b\"\n"},
		{MMIO("[('k'):rep(100)] = 1"),
		 "! unknown field "
		 "\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
		 "kkkkkkkkkkkkkkkkkkkk\"...\n"},
	};

	spec_rig_rows(*state, rows, VMOON_COUNTOF(rows));
}

static void test_ldspec__values_of_the_wrong_type(void **state)
{
	static const struct spec_row rows[] = {
		{MMIO("name = 5, compatible = {}, hid = 'x', at = 'y', irq = "
		      "'levl', line = 99, params = 1, state = 2, timers = 3, "
		      "methods = 4, on_reset = 5, on_error = 'die', budget = "
		      "'long', memory = 64, where = 'worker'"),
		 "name: expected a string, got integer 5\n"
		 "  for example: name = \"counter\"\n"
		 "compatible: expected a string, got a table\n"
		 "  for example: compatible = \"acme,counter\"\n"
		 "at: expected an address, got string \"y\"\n"
		 "  for example: at = 0xd0000000\n"
		 "irq: expected one of \"level\", \"edge\"; got string "
		 "\"levl\"\n"
		 "  did you mean \"level\"?\n"
		 "line: 99 is out of range 3..23\n"
		 "params: expected a table, got integer 1\n"
		 "  for example: params = { hz = { type = \"integer\", default "
		 "= 50 } }\n"
		 "state: expected a table, got integer 2\n"
		 "  for example: state = { base = 0.0, running = false }\n"
		 "timers: expected a table, got integer 3\n"
		 "  for example: timers = { tick = function(d) end }\n"
		 "methods: expected a table, got integer 4\n"
		 "  for example: methods = { ticks = function(d) return "
		 "d.state.ticks end }\n"
		 "on_reset: expected a function, got integer 5\n"
		 "  for example: on_reset = function(d) d.state.ticks = 0 end\n"
		 "on_error: expected one of \"pause\", \"ignore\", \"stop\"; "
		 "got string \"die\"\n"
		 "budget: expected a number of seconds, got string \"long\"\n"
		 "  for example: budget = 0.01\n"
		 "memory: a size needs a unit, got bare number 64\n"
		 "  for example: memory = \"64M\"\n"
		 "where: expected one of \"vcpu\", \"script\"; got string "
		 "\"worker\"\n"
		 "hid: expected 3 or 4 upper-case letters and 4 hexadecimal "
		 "digits\n"
		 "  for example: hid = \"PNP0501\"\n"},
		{MMIO("name = 'a/b', compatible = '\\n', irq = true, line = "
		      "1.5, at = -1, budget = 2, memory = '8K', on_error = "
		      "false"),
		 "name: expected 1 to 64 letters, digits, \".\", \"_\" or "
		 "\"-\"; got string \"a/b\"\n"
		 "  for example: name = \"counter\"\n"
		 "compatible: expected 1 to 64 printable ASCII characters; got "
		 "string \"\\x0a\"\n"
		 "  for example: compatible = \"acme,counter\"\n"
		 "at: -1 is out of range 0..70368744177664\n"
		 "irq: expected one of \"level\", \"edge\"; got boolean true\n"
		 "line: expected an integer, got number 1.5\n"
		 "  for example: line = 3\n"
		 "on_error: expected one of \"pause\", \"ignore\", \"stop\"; "
		 "got boolean false\n"
		 "budget: 2 is out of range 0.0001..1 seconds\n"
		 "memory: \"8K\" is out of range 256K..1024M\n"},
		{MMIO("name = ('n'):rep(65), memory = '64X', budget = 0, at = "
		      "1 << 60"),
		 "name: expected 1 to 64 letters, digits, \".\", \"_\" or "
		 "\"-\"; got string "
		 "\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
		 "nnnnnn\"\n"
		 "  for example: name = \"counter\"\n"
		 "at: 0x1000000000000000 is out of range 0x0..0x400000000000\n"
		 "budget: 0 is out of range 0.0001..1 seconds\n"
		 "memory: \"64X\" is not a size\n"
		 "  write a whole number and K, M, G or T (steps of 1024): "
		 "\"64M\"\n"},
		{MMIO("memory = '1T', compatible = ('c'):rep(65), hid = "
		      "'PNP05'"),
		 "compatible: expected 1 to 64 printable ASCII characters; got "
		 "string "
		 "\"ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
		 "cccccc\"\n"
		 "  for example: compatible = \"acme,counter\"\n"
		 "memory: \"1T\" is out of range 256K..1024M\n"
		 "hid: expected 3 or 4 upper-case letters and 4 hexadecimal "
		 "digits\n"
		 "  for example: hid = \"PNP0501\"\n"},
		{MMIO("irq = 'level', where = 'script'"),
		 "where: \"script\" is for devices that a script writes "
		 "inline\n"
		 "  code of a file has a state of its own; leave it out\n"},
		/* The lowest lines are the machine's own. */
		{MMIO("irq = 'level', line = 2"),
		 "line: 2 is out of range 3..23\n"},
		{MMIO("irq = 'level', line = 0"),
		 "line: 0 is out of range 3..23\n"},
		{MMIO("line = 5"), "line: the device has no interrupt\n"
				   "  for example: irq = \"level\"\n"},
		{FILE_OF("return dev.mmio { size = '4K', registers = { A = { "
			 "at = 0x1000 } } }"),
		 "registers.A.at: A at 0x1000..0x1003 is outside of the window "
		 "of 0x1000 bytes\n"
		 "  the window is as large as the device's size\n"},
		{FILE_OF("return dev.mmio { size = 0, registers = { A = { at = "
			 "0 } } }"),
		 "size: 0x0 is out of range 0x1..0x1000000\n"},
		{FILE_OF("return dev.mmio { size = 'big', registers = { A = { "
			 "at = 0 } } }"),
		 "size: \"big\" is not a size\n"
		 "  write a whole number and K, M, G or T (steps of 1024): "
		 "\"64M\"\n"},
		{FILE_OF("return dev.mmio { size = '32M', registers = { A = { "
			 "at = 0 } } }"),
		 "size: \"32M\" is out of range 1..16777216 bytes\n"},
		{FILE_OF("return dev.mmio { size = 1.5, registers = 7 }"),
		 "size: expected a number of bytes, got number 1.5\n"
		 "  for example: size = 0x1000\n"
		 "registers: expected a table, got integer 7\n"
		 "  for example: registers = { ID = { at = 0x00, access = "
		 "\"ro\", reset = 0x1234 } }\n"},
		{FILE_OF("return dev.pio { size = 0x20000, registers = { A = { "
			 "at = 0 } } }"),
		 "size: 0x20000 bytes are more than the ports that there are, "
		 "0x10000\n"},
		{FILE_OF("return dev.pio { at = 0xfffc, size = 8, registers = "
			 "{ A = { at = 0 } } }"),
		 "at: ports 0xfffc..0x10003 are outside of 0x0..0xffff\n"},
		{FILE_OF("return dev.pio { at = 1 << 40, size = 8, registers = "
			 "{ A = { at = 0 } } }"),
		 "at: ports 0x10000000000..0x10000000007 are outside of "
		 "0x0..0xffff\n"},
	};

	spec_rig_rows(*state, rows, VMOON_COUNTOF(rows));
}

static void test_ldspec__timers_methods_and_state(void **state)
{
	static const struct spec_row rows[] = {
		{MMIO("timers = { tick = 5, ['1x'] = print, [1] = print }, "
		      "methods = { set = {}, get = true }"),
		 "timers: the name of a timer is 1 to 63 letters, digits or "
		 "\"_\", no digit first; got integer 1\n"
		 "timers: the name of a timer is 1 to 63 letters, digits or "
		 "\"_\", no digit first; got string \"1x\"\n"
		 "timers.tick: expected a function, got integer 5\n"
		 "  for example: tick = function(d) end\n"
		 "methods.get: expected a function, got boolean true\n"
		 "  for example: get = function(d) end\n"
		 "methods.set: expected a function, got a table\n"
		 "  for example: set = function(d) end\n"},
		{MMIO("state = { a = { b = print } }"),
		 "state.a.b: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"},
		{FILE_OF("local s = { x = {} } s.x.up = s return dev.mmio { "
			 "size = 4, registers = { A = { at = 0 } }, state = s "
			 "}"),
		 "state.x.up: a table that contains itself cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"},
		{MMIO("state = { ['y: z'] = print, [true] = 1, fine = 2, a = { "
		      "b = "
		      "{ print } } }"),
		 "state: a boolean as a key cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.a.b.1: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state['y: z']: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"},
		{FILE_OF("local t = {} for i = 1, 17 do t['t' .. i] = print "
			 "end return dev.mmio { size = 4, registers = { A = { "
			 "at = 0 } }, timers = t }"),
		 "timers: more than 16 timers\n"},
	};

	spec_rig_rows(*state, rows, VMOON_COUNTOF(rows));
}

static void test_ldspec__every_entry_of_a_state_is_looked_at(void **state)
{
	static const struct spec_row rows[] = {
		/* Whatever the size of the others. */
		{MMIO("state = { big = ('x'):rep(70000), f = print, g = print, "
		      "h = { big = ('x'):rep(70000), z = print } }"),
		 "state.f: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.g: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.h.z: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"},
		/* Tables that would take forever are not looked at for it. */
		{FILE_OF("local t = { 1 } for i = 1, 13 do local u = {} for i "
			 "= 1, 9 do u[i] = t end t = u end local s = { y = "
			 "print, z = print } for i = 1, 2000 do s['t' .. i] = "
			 "t end return dev.mmio { size = 4, registers = { A = "
			 "{ at = 0 } }, state = s }"),
		 "state.y: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.z: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"},
		/* The first of many, and a key of each type. */
		{FILE_OF("local s = { [1.5] = 1, [2.5] = 1, [true] = 1 } for i "
			 "= 10, 40 do s['t' .. i] = print end return dev.mmio "
			 "{ size = 4, registers = { A = { at = 0 } }, state = "
			 "s }"),
		 "state: a boolean as a key cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state: a number as a key cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t10: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t11: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t12: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t13: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t14: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t15: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t16: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t17: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t18: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t19: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t20: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t21: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t22: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"
		 "state.t23: a function cannot be saved\n"
		 "  state is plain data: numbers, strings, booleans and tables "
		 "of them\n"},
	};

	spec_rig_rows(*state, rows, VMOON_COUNTOF(rows));
}

static void test_ldspec__declarations_of_parameters(void **state)
{
	static const struct spec_row rows[] = {
		{MMIO("params = { a = 5, b = {}, c = { type = 'int' }, d = { "
		      "type = 'integer', default = 'x' }, ['e f'] = {} }"),
		 "params: the name of a parameter is 1 to 63 letters, digits "
		 "or \"_\", no digit first; got string \"e f\"\n"
		 "params.a: expected a table, got integer 5\n"
		 "  for example: hz = { type = \"integer\", default = 50 }\n"
		 "params.b: missing required field \"type\"\n"
		 "  for example: type = \"integer\"\n"
		 "params.c.type: expected one of \"integer\", \"number\", "
		 "\"string\", \"boolean\"; got string \"int\"\n"
		 "params.d.default: expected an integer, got string \"x\"\n"},
		{MMIO("params = { a = { type = 'integer', default = 5, min = "
		      "10, max = 20 }, b = { type = 'number', default = 0.5, "
		      "max = 0.25 }, c = { type = 'integer', default = 1, min "
		      "= 5, max = 2 }, d = { type = 'string', default = 'x', "
		      "min = 1 }, e = { type = 'integer', default = 1, min = "
		      "0.5 } }"),
		 "params.a.default: 5 is out of range 10..20\n"
		 "params.b.default: 0.5 is not at most 0.25\n"
		 "params.c: min is 5, which is more than max, 2\n"
		 "params.d.min! only integers and numbers have a range\n"
		 "params.e.min: expected an integer, got number 0.5\n"},
		{MMIO("params = { a = { type = 'string', default = 'fats', "
		      "choices = { 'fast', 'slow' } }, b = { type = 'boolean', "
		      "default = true, choices = { true } }, c = { type = "
		      "'string', default = 'x', choices = {} }, d = { type = "
		      "'integer', default = 3, choices = { 1, 'two' } }, e = { "
		      "type = 'integer', default = 3, choices = { 1, 2 } } }"),
		 "params.a.default: expected one of \"fast\", \"slow\"; got "
		 "string \"fats\"\n"
		 "  did you mean \"fast\"?\n"
		 "params.b.choices: a boolean has no choices but true and "
		 "false\n"
		 "params.c.choices: there is nothing to choose from\n"
		 "params.d.choices.2: expected an integer, got string \"two\"\n"
		 "params.e.default: expected one of 1, 2; got integer 3\n"},
		{MMIO("params = { hz = { type = 'integer' }, deflt = { type = "
		      "'boolean', defalt = true, doc = 5 } }"),
		 "params.deflt.defalt! unknown field \"defalt\"\n"
		 "  did you mean \"default\"?\n"
		 "params.deflt.doc: expected a string, got integer 5\n"
		 "  for example: doc = \"Ticks a second.\"\n"
		 "given params.deflt: missing parameter \"deflt\"\n"
		 "  it has no default: params = { deflt = ... }\n"
		 "given params.hz: missing parameter \"hz\"\n"
		 "  it has no default: params = { hz = ... }\n"},
	};

	spec_rig_rows(*state, rows, VMOON_COUNTOF(rows));
}

static void test_ldspec__virtio_devices(void **state)
{
	static const struct spec_row rows[] = {
		{FILE_OF("return dev.virtio {}"),
		 "missing required field \"id\"\n"
		 "  for example: id = 4\n"
		 "missing required field \"queues\"\n"
		 "  for example: queues = { { name = \"request\", on_buffer = "
		 "function(d, buf) end } }\n"},
		{FILE_OF("return dev.virtio { id = 64, queues = {} }"),
		 "id: 64 is out of range 1..63\n"
		 "queues: a virtio device has at least one queue\n"},
		{FILE_OF("return dev.virtio { id = 'rng', queues = { 5, {}, { "
			 "name = 'q', on_buffer = 7, size = 3 }, { nam = 'r', "
			 "on_kick = print }, x = 1 } }"),
		 "id: expected an integer, got string \"rng\"\n"
		 "  for example: id = 4\n"
		 "queues: it is a list of queues; string \"x\" is no place in "
		 "it\n"
		 "queues.1: expected a table, got integer 5\n"
		 "  for example: queues = { { name = \"request\", on_buffer = "
		 "function(d, buf) end } }\n"
		 "queues.2: missing required field \"name\"\n"
		 "  for example: name = \"request\"\n"
		 "queues.2: missing required field \"on_buffer\"\n"
		 "  for example: on_buffer = function(d, buf) end\n"
		 "queues.3.on_buffer: expected a function, got integer 7\n"
		 "  for example: on_buffer = function(d, buf) end\n"
		 "queues.3.size: expected a power of two from 2 to 1024; got "
		 "integer 3\n"
		 "queues.4.nam! unknown field \"nam\"\n"
		 "  did you mean \"name\"?\n"
		 "queues.4.on_kick! unknown field \"on_kick\"\n"
		 "  did you mean \"on_buffer\"?\n"
		 "queues.4: missing required field \"name\"\n"
		 "  for example: name = \"request\"\n"
		 "queues.4: missing required field \"on_buffer\"\n"
		 "  for example: on_buffer = function(d, buf) end\n"},
		{FILE_OF("return dev.virtio { id = 4, queues = { { name = 'q', "
			 "on_buffer = print, size = 2048 }, { name = 'q', "
			 "on_buffer = print, size = '64' }, { name = 'a/b', "
			 "on_buffer = print, batch = 1 } } }"),
		 "queues.1.size: expected a power of two from 2 to 1024; got "
		 "integer 2048\n"
		 "queues.2: queue 1 is called \"q\" already\n"
		 "queues.2.size: expected a power of two from 2 to 1024; got "
		 "string \"64\"\n"
		 "queues.3.name: expected 1 to 64 letters, digits, \".\", "
		 "\"_\" or \"-\"; got string \"a/b\"\n"
		 "  for example: name = \"request\"\n"
		 "queues.3.batch: expected true or false, got integer 1\n"
		 "  for example: batch = true\n"},
		{VIRTIO("features = { [0] = 'A', [1] = 'A', [24] = 'T', [64] = "
			"'U', [-1] = 'V', x = 'W', [2] = 5, [3] = 'a b' }"),
		 "features.1: bit 0 is called \"A\" already\n"
		 "features.2: expected a name, got integer 5\n"
		 "  for example: features = { [9] = \"FLUSH\" }\n"
		 "features.3: expected a name, got string \"a b\"\n"
		 "  for example: features = { [9] = \"FLUSH\" }\n"
		 "features.24! bit 24 is not a device's own: 24 to 49 are the "
		 "transport's\n"
		 "features: a feature is a bit, 0 to 23 or 50 to 63, and its "
		 "name; got integer -1 as a bit\n"
		 "  for example: features = { [9] = \"FLUSH\" }\n"
		 "features: a feature is a bit, 0 to 23 or 50 to 63, and its "
		 "name; got integer 64 as a bit\n"
		 "  for example: features = { [9] = \"FLUSH\" }\n"
		 "features: a feature is a bit, 0 to 23 or 50 to 63, and its "
		 "name; got string \"x\" as a bit\n"
		 "  for example: features = { [9] = \"FLUSH\" }\n"},
		{VIRTIO("config = 5"),
		 "config: expected a list of fields, or a string, got integer "
		 "5\n"
		 "  for example: config = { { name = \"capacity\", type = "
		 "\"le64\", value = 8192 } }\n"},
		{VIRTIO("config = ''"),
		 "config: 0 bytes; a configuration has 1 to 256\n"},
		{VIRTIO("config = ('x'):rep(257)"),
		 "config: 257 bytes; a configuration has 1 to 256\n"},
		{VIRTIO("config = { 5, {}, { name = 'a', type = 'u64' }, { "
			"name = 'b', type = 'u8', value = 256 }, { name = 'b', "
			"type = 'le16', value = -1 }, { name = 'c c', type = "
			"'le32', value = 'x' }, { name = 'd', type = 'bytes' "
			"}, { name = 'e', type = 'bytes', value = '' } }"),
		 "config.1: expected a table, got integer 5\n"
		 "  for example: config = { { name = \"capacity\", type = "
		 "\"le64\", value = 8192 } }\n"
		 "config.2: missing required field \"name\"\n"
		 "  for example: name = \"capacity\"\n"
		 "config.2: missing required field \"type\"\n"
		 "  for example: type = \"le64\"\n"
		 "config.3.type: expected one of \"u8\", \"le16\", \"le32\", "
		 "\"le64\", \"bytes\"; got string \"u64\"\n"
		 "  did you mean \"le64\"?\n"
		 "config.4.value: 256 is out of range 0..255\n"
		 "config.5.name: an earlier field is called \"b\" already\n"
		 "config.5.value: -1 is out of range 0..65535\n"
		 "config.6.name: expected letters, digits or \"_\", no digit "
		 "first, got string \"c c\"\n"
		 "  for example: name = \"capacity\"\n"
		 "config.6.value: expected an integer, got string \"x\"\n"
		 "config.7.value: expected a string of 1 to 256 bytes, got "
		 "nothing\n"
		 "  for example: value = (\"\\0\"):rep(6)\n"
		 "config.8.value: expected a string of 1 to 256 bytes, got "
		 "string \"\"\n"
		 "  for example: value = (\"\\0\"):rep(6)\n"},
		{VIRTIO("config = { { name = 'a', type = 'bytes', value = "
			"('x'):rep(250) }, { name = 'b', type = 'le64' } }"),
		 "config.2: it ends outside of the 256 bytes that a "
		 "configuration may have\n"},
		{VIRTIO("config = { { name = 'a', type = 'u8', value = "
			"function() return 300 end }, { name = 'b', type = "
			"'u8', value = function() error('no', 0) end }, { name "
			"= 'c', type = 'u8', value = function() error {} end "
			"}, { name = 'd', type = 'u8', value = function(p) "
			"return p.hz end } }"),
		 "config.1.value: 300 is out of range 0..255\n"
		 "config.2.value: the function failed: no\n"
		 "config.3.value: the function failed\n"
		 "config.4.value: the function failed: dev.lua:1: there is no "
		 "parameter 'hz'\n"},
		{VIRTIO("on_config_write = print"),
		 "on_config_write: no field of the configuration is writable, "
		 "so it would never be called\n"
		 "  for example: config = { { name = \"wce\", type = \"u8\", "
		 "writable = true } }\n"},
		{VIRTIO("config = { { name = 'a', type = 'u8' } }, "
			"on_config_write = print"),
		 "on_config_write: no field of the configuration is writable, "
		 "so it would never be called\n"
		 "  for example: config = { { name = \"wce\", type = \"u8\", "
		 "writable = true } }\n"},
	};

	spec_rig_rows(*state, rows, VMOON_COUNTOF(rows));
}

static void test_ldspec__all_mistakes_come_at_once(void **state)
{
	static const struct spec_row rows[] = {
		{FILE_OF("return dev.mmio { memroy = '1M', size = 16, irq = "
			 "'levl', registers = { CTRL = { at = 0, acess = 'rw' "
			 "}, STATUS = { at = 2, reset = -1, irq_when = 'CRTL' "
			 "} }, timers = { tick = 1 }, params = { hz = { type = "
			 "'int' } } }"),
		 "memroy! unknown field \"memroy\"\n"
		 "  did you mean \"memory\"?\n"
		 "irq: expected one of \"level\", \"edge\"; got string "
		 "\"levl\"\n"
		 "  did you mean \"level\"?\n"
		 "params.hz.type: expected one of \"integer\", \"number\", "
		 "\"string\", \"boolean\"; got string \"int\"\n"
		 "timers.tick: expected a function, got integer 1\n"
		 "  for example: tick = function(d) end\n"
		 "registers.CTRL.acess! unknown field \"acess\"\n"
		 "  did you mean \"access\"?\n"
		 "registers.STATUS.reset: -1 is out of range 0..0xffffffff\n"
		 "registers.STATUS.at: STATUS at 0x02..0x05 overlaps CTRL at "
		 "0x00..0x03\n"
		 "  a register has 4 bytes unless its width says otherwise\n"
		 "registers.STATUS.irq_when: column 1: there is no register "
		 "\"CRTL\"\n"
		 "  did you mean \"CTRL\"?\n"},
	};

	spec_rig_rows(*state, rows, VMOON_COUNTOF(rows));
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, spec_rig_setup, spec_rig_teardown)

static const struct CMUnitTest tests[] = {
	TEST(test_ldspec__keys_that_do_not_exist),
	TEST(test_ldspec__values_of_the_wrong_type),
	TEST(test_ldspec__timers_methods_and_state),
	TEST(test_ldspec__every_entry_of_a_state_is_looked_at),
	TEST(test_ldspec__declarations_of_parameters),
	TEST(test_ldspec__virtio_devices),
	TEST(test_ldspec__all_mistakes_come_at_once),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
