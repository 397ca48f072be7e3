/* SPDX-License-Identifier: MIT */
/*
 * test_ldspec_regs.c - mistakes of a device file's registers, and what is
 * said of them. A row's text is all that is said: nothing else is wrong.
 */
#include "bindings/ldspec.h"

#include <stdlib.h>

#include "tests/support/ldspec_rig.h"

static void test_ldspec__registers(void **state)
{
	static const struct spec_row rows[] = {
		{REGS(""), "registers: it names no register\n"},
		{REGS("A = 5, ['B C'] = { at = 0 }, [1] = { at = 0 }, C = { at "
		      "= 8 }"),
		 "registers: the name of a register is 1 to 63 letters, digits "
		 "or \"_\", no digit first; got integer 1\n"
		 "registers: the name of a register is 1 to 63 letters, digits "
		 "or \"_\", no digit first; got string \"B C\"\n"
		 "registers.A: expected a table, got integer 5\n"
		 "  for example: ID = { at = 0x00, access = \"ro\", reset = "
		 "0x1234 }\n"},
		{REGS("A = {}"), "registers.A: missing required field \"at\"\n"
				 "  for example: at = 0x04\n"},
		{REGS("A = { at = 0, acess = 'rw', onwrite = print, bits = {}, "
		      "default = 1, offset = 3, count = 4 }"),
		 "registers.A.acess! unknown field \"acess\"\n"
		 "  did you mean \"access\"?\n"
		 "registers.A.bits! unknown field \"bits\"\n"
		 "  did you mean \"fields\"?\n"
		 "registers.A.count! unknown field \"count\"\n"
		 "  did you mean \"array\"?\n"
		 "registers.A.default! unknown field \"default\"\n"
		 "  did you mean \"reset\"?\n"
		 "registers.A.offset! unknown field \"offset\"\n"
		 "  did you mean \"at\"?\n"
		 "registers.A.onwrite! unknown field \"onwrite\"\n"
		 "  did you mean \"on_write\"?\n"},
		{REGS("A = { at = 0, access = 'r', reset = 'x', width = 3, "
		      "fields = 1, array = 2, fifo = 3, on_read = 4, on_write "
		      "= 5, irq_when = 6, doorbell = 7, posted = 8, where = 9 "
		      "}"),
		 "registers.A.access: expected one of \"rw\", \"ro\", \"wo\", "
		 "\"w1c\", \"w1s\", \"rc\", \"w0c\", \"w1-pulse\", "
		 "\"rw-once\", \"reserved\"; got string \"r\"\n"
		 "registers.A.fields: expected a table, got integer 1\n"
		 "  for example: fields = { ENABLE = { bit = 0 }, MODE = { "
		 "bits = { 4, 7 } } }\n"
		 "registers.A.array: expected a table, got integer 2\n"
		 "  for example: array = { count = 8, stride = 4 }\n"
		 "registers.A.fifo: expected a table, got integer 3\n"
		 "  for example: fifo = { depth = 16 }\n"
		 "registers.A.on_read: expected a function, got integer 4\n"
		 "  for example: on_read = function(d) return d.state.ticks "
		 "end\n"
		 "registers.A.on_write: expected a function, got integer 5\n"
		 "  for example: on_write = function(d, new, old) end\n"
		 "registers.A.irq_when: expected a string, got integer 6\n"
		 "  for example: irq_when = \"STATUS.TICK & CTRL.IRQEN\"\n"
		 "registers.A.doorbell: expected true or false, got integer 7\n"
		 "  for example: doorbell = true\n"
		 "registers.A.posted: expected true or false, got integer 8\n"
		 "  for example: posted = true\n"
		 "registers.A.where: expected one of \"vcpu\", \"script\"; got "
		 "integer 9\n"
		 "registers.A.width: expected 1, 2, 4 or 8; got integer 3\n"
		 "  bytes, not bits; 4 when it is left out\n"},
		{REGS("A = { at = 0, access = 'RW' }, B = { at = 4, access = "
		      "'w1_pulse' }, C = { at = 8, access = 'rw_once' }"),
		 "registers.A.access: expected one of \"rw\", \"ro\", \"wo\", "
		 "\"w1c\", \"w1s\", \"rc\", \"w0c\", \"w1-pulse\", "
		 "\"rw-once\", \"reserved\"; got string \"RW\"\n"
		 "  did you mean \"rw\"?\n"
		 "registers.B.access: expected one of \"rw\", \"ro\", \"wo\", "
		 "\"w1c\", \"w1s\", \"rc\", \"w0c\", \"w1-pulse\", "
		 "\"rw-once\", \"reserved\"; got string \"w1_pulse\"\n"
		 "  did you mean \"w1-pulse\"?\n"
		 "registers.C.access: expected one of \"rw\", \"ro\", \"wo\", "
		 "\"w1c\", \"w1s\", \"rc\", \"w0c\", \"w1-pulse\", "
		 "\"rw-once\", \"reserved\"; got string \"rw_once\"\n"
		 "  did you mean \"rw-once\"?\n"},
		{REGS("A = { at = 0x100 }, B = { at = 0xfe }, C = { at = 0xff, "
		      "width = 1 }, D = { at = 0x80, array = { count = 33 } }"),
		 "registers.D.array: D at 0x80..0x103 is outside of the window "
		 "of 0x100 bytes\n"
		 "  the window is as large as the device's size\n"
		 "registers.B.at: B at 0xfe..0x101 is outside of the window of "
		 "0x100 bytes\n"
		 "  the window is as large as the device's size\n"
		 "registers.A.at: A at 0x100..0x103 is outside of the window "
		 "of 0x100 bytes\n"
		 "  the window is as large as the device's size\n"},
		{REGS("A = { at = -4 }, B = { at = 0x1000000 }, C = { at = 1.0 "
		      "}"),
		 "registers.A.at: -4 is out of range 0..16777215\n"
		 "registers.B.at: 0x1000000 is out of range 0x0..0xffffff\n"
		 "registers.C.at: expected an address, got number 1.0\n"
		 "  for example: at = 0x04\n"},
		{REGS("CTRL = { at = 8 }, STATUS = { at = 0x0a }, X = { at = "
		      "8, width = 1, access = 'ro' }"),
		 "registers.X.at: X at 0x08..0x08 overlaps CTRL at 0x08..0x0b\n"
		 "  a register has 4 bytes unless its width says otherwise\n"
		 "registers.STATUS.at: STATUS at 0x0a..0x0d overlaps CTRL at "
		 "0x08..0x0b\n"
		 "  a register has 4 bytes unless its width says otherwise\n"},
		{REGS("A = { at = 0 }, B = { at = 3, width = 1 }, C = { at = "
		      "4, "
		      "width = 1 }"),
		 "registers.B.at: B at 0x03..0x03 overlaps A at 0x00..0x03\n"
		 "  a register has 4 bytes unless its width says otherwise\n"},
		{REGS("RBR = { at = 0, access = 'ro' }, THR = { at = 0, access "
		      "= 'wo' }"),
		 "registers.THR.at: THR at 0x00..0x03 overlaps RBR at "
		 "0x00..0x03\n"
		 "  one register can do what a read and what a write does: "
		 "on_read, on_write\n"},
		{REGS("A = { at = 0, array = { count = 4, stride = 8 } }, B = "
		      "{ at = 12, width = 8 }"),
		 "registers.A.at: A[2] at 0x10..0x13 overlaps B at "
		 "0x0c..0x13\n"
		 "  a register has 4 bytes unless its width says otherwise\n"},
		{REGS("A = { at = 0, array = { count = 4, stride = 2 } }"),
		 "registers.A.array.stride: 2 is less than the width of 4 "
		 "bytes\n"},
		{REGS("A = { at = 0, array = {} }, B = { at = 4, array = { "
		      "count = 0, strid = 4 } }, C = { at = 8, array = { count "
		      "= 5000 } }"),
		 "registers.A.array: missing required field \"count\"\n"
		 "  for example: count = 8\n"
		 "registers.B.array.strid! unknown field \"strid\"\n"
		 "  did you mean \"stride\"?\n"
		 "registers.B.array.count: 0 is out of range 1..4096\n"
		 "registers.C.array.count: 5000 is out of range 1..4096\n"},
		{FILE_OF("return dev.mmio { size = 0x100000, registers = { A = "
			 "{ at = 0, array = { count = 4096 } }, B = { at = "
			 "0x10000 } } }"),
		 "registers: 4097 registers, those of arrays counted, are too "
		 "many; at most 4096\n"},
		{REGS("A = { at = 0, width = 1, reset = 256 }, B = { at = 1, "
		      "width = 2, reset = -1 }, C = { at = 8, reset = 1 << 32 "
		      "}, D = { at = 16, width = 8, reset = -1 }"),
		 "registers.A.reset: 0x100 does not fit into 8 bits\n"
		 "registers.B.reset: -1 is out of range 0..0xffff\n"
		 "registers.C.reset: 0x100000000 does not fit into 32 bits\n"},
		{REGS("A = { at = 0, access = 'reserved', reset = 1 }, B = { "
		      "at = 4, access = 'w1-pulse', reset = 2 }"),
		 "registers.A.reset: bits 0x1 always read 0\n"
		 "  such a register stores nothing\n"
		 "registers.B.reset: bits 0x2 always read 0\n"
		 "  such a register stores nothing\n"},
		{REGS("A = { at = 0, reset = 5, fields = { X = { bit = 0 }, Y "
		      "= { bit = 2, access = 'reserved' } } }"),
		 "registers.A.reset: bits 0x4 always read 0\n"
		 "  with fields, bits that no field names are reserved\n"},
	};

	spec_rig_rows(*state, rows, VMOON_COUNTOF(rows));
}

static void test_ldspec__fields(void **state)
{
	static const struct spec_row rows[] = {
		{REGS("A = { at = 0, fields = {} }"),
		 "registers.A.fields: it names no field\n"},
		{REGS("A = { at = 0, fields = { X = 5, Y = {}, Z = { bit = 0, "
		      "bits = { 0, 1 } } } }"),
		 "registers.A.fields.X: expected a table, got integer 5\n"
		 "  for example: ENABLE = { bit = 0 }\n"
		 "registers.A.fields.Y: missing required field \"bit\" or "
		 "\"bits\"\n"
		 "  for example: bit = 0, or bits = { 4, 7 }\n"
		 "registers.A.fields.Z: it has \"bit\" and \"bits\"; one of "
		 "them says where it is\n"
		 "  for example: bit = 0, or bits = { 4, 7 }\n"},
		{REGS("A = { at = 0, fields = { X = { bit = 32 }, Y = { bits = "
		      "{ 30, 40 } }, Z = { bit = 64 }, W = { bit = -1 } } }"),
		 "registers.A.fields.W.bit: -1 is out of range 0..63\n"
		 "registers.A.fields.X.bit: bit 32 is outside of a register of "
		 "4 bytes (bits 0..31)\n"
		 "registers.A.fields.Y.bits: bit 40 is outside of a register "
		 "of 4 bytes (bits 0..31)\n"
		 "registers.A.fields.Z.bit: 64 is out of range 0..63\n"},
		{REGS("A = { at = 0, width = 1, fields = { X = { bit = 8 } } "
		      "}"),
		 "registers.A.fields.X.bit: bit 8 is outside of a register of "
		 "1 byte (bits 0..7)\n"},
		{REGS("A = { at = 0, fields = { X = { bits = { 4 } }, Y = { "
		      "bits = { 4, 2 } }, Z = { bits = { 'a', 'b' } }, W = { "
		      "bits = { 1, 2, 3 } }, V = { bits = 5 } } }"),
		 "registers.A.fields.V.bits: expected a table, got integer 5\n"
		 "  for example: bits = { 4, 7 }\n"
		 "registers.A.fields.W.bits: expected the first and the last "
		 "bit, 0 to 63\n"
		 "  for example: bits = { 4, 7 }\n"
		 "registers.A.fields.X.bits: expected the first and the last "
		 "bit, 0 to 63\n"
		 "  for example: bits = { 4, 7 }\n"
		 "registers.A.fields.Y.bits: expected the first and the last "
		 "bit, 0 to 63\n"
		 "  for example: bits = { 4, 7 }\n"
		 "registers.A.fields.Z.bits: expected the first and the last "
		 "bit, 0 to 63\n"
		 "  for example: bits = { 4, 7 }\n"},
		{REGS("A = { at = 0, fields = { MODE = { bits = { 0, 2 } }, Q "
		      "= { bit = 2 }, R = { bits = { 2, 3 } } } }"),
		 "registers.A.fields.Q.bit: bit 2 overlaps MODE (bits 0..2)\n"
		 "registers.A.fields.R.bits: bits 2..3 overlap MODE (bits "
		 "0..2)\n"},
		{REGS("A = { at = 0, fields = { X = { bit = 0, acess = 'rw', "
		      "pos = 1, access = 'w1x' } } }"),
		 "registers.A.fields.X.acess! unknown field \"acess\"\n"
		 "  did you mean \"access\"?\n"
		 "registers.A.fields.X.pos! unknown field \"pos\"\n"
		 "  did you mean \"bit\"?\n"
		 "registers.A.fields.X.access: expected one of \"rw\", \"ro\", "
		 "\"wo\", \"w1c\", \"w1s\", \"rc\", \"w0c\", \"w1-pulse\", "
		 "\"rw-once\", \"reserved\"; got string \"w1x\"\n"
		 "  did you mean \"w1c\"?\n"},
		{REGS("A = { at = 0, fields = { X = { bit = 0, reset = 2 }, Y "
		      "= { bits = { 1, 2 }, reset = true }, Z = { bit = 3, "
		      "access = 'w1-pulse', reset = true } } }"),
		 "registers.A.fields.X.reset: 0x2 does not fit into 1 bit\n"
		 "registers.A.fields.Y.reset: expected an integer, got boolean "
		 "true\n"
		 "  for example: reset = 0x10\n"
		 "registers.A.fields.Z.reset: such a field always reads 0\n"},
		{REGS("A = { at = 0, reset = 1, fields = { X = { bit = 0, "
		      "reset = true } } }"),
		 "registers.A.reset: its fields have resets of their own\n"
		 "  say it in one of the two places\n"},
		{REGS("A = { at = 0, fields = { [0] = { bit = 0 }, ['x y'] = { "
		      "bit = 1 } } }"),
		 "registers.A.fields: the name of a field is 1 to 63 letters, "
		 "digits or \"_\", no digit first; got integer 0\n"
		 "registers.A.fields: the name of a field is 1 to 63 letters, "
		 "digits or \"_\", no digit first; got string \"x y\"\n"},
	};

	spec_rig_rows(*state, rows, VMOON_COUNTOF(rows));
}

static void test_ldspec__hooks_that_contradict(void **state)
{
	static const struct spec_row rows[] = {
		{REGS("A = { at = 0, access = 'ro', on_write = print }, B = { "
		      "at = 4, access = 'rc', on_write = print }, C = { at = "
		      "8, access = 'reserved', on_read = print, on_write = "
		      "print }, D = { at = 12, access = 'wo', on_read = print "
		      "}"),
		 "registers.A.on_write: nothing of this register can be "
		 "written, so it would never be called\n"
		 "  its access may be \"rw\", \"wo\" or \"w1-pulse\"\n"
		 "registers.B.on_write: nothing of this register can be "
		 "written, so it would never be called\n"
		 "  its access may be \"rw\", \"wo\" or \"w1-pulse\"\n"
		 "registers.C.on_read: nothing of this register can be read, "
		 "so it would never be called\n"
		 "  its access may be \"rw\" or \"ro\"\n"
		 "registers.C.on_write: nothing of this register can be "
		 "written, so it would never be called\n"
		 "  its access may be \"rw\", \"wo\" or \"w1-pulse\"\n"
		 "registers.D.on_read: nothing of this register can be read, "
		 "so it would never be called\n"
		 "  its access may be \"rw\" or \"ro\"\n"},
		{REGS("A = { at = 0, access = 'rw', fields = { X = { bit = 0, "
		      "access = 'ro' } }, on_write = print }"),
		 "registers.A.on_write: nothing of this register can be "
		 "written, so it would never be called\n"
		 "  its access may be \"rw\", \"wo\" or \"w1-pulse\"\n"},
		{REGS("A = { at = 0, fifo = {} }, B = { at = 4, fifo = { depth "
		      "= 0 } }, C = { at = 8, fifo = { size = 4 } }"),
		 "registers.A.fifo: missing required field \"depth\"\n"
		 "  for example: depth = 16\n"
		 "registers.B.fifo.depth: 0 is out of range 1..65536\n"
		 "registers.C.fifo.size! unknown field \"size\"\n"
		 "  did you mean \"depth\"?\n"
		 "registers.C.fifo: missing required field \"depth\"\n"
		 "  for example: depth = 16\n"},
		{REGS("A = { at = 0, access = 'w1c', reset = 1, fifo = { depth "
		      "= 4 }, array = { count = 2 }, on_read = print, fields = "
		      "{ X = { bit = 0 } } }"),
		 "registers.A.fifo: a FIFO cannot be an array\n"
		 "registers.A.fifo: the access of a FIFO is \"rw\", \"ro\" or "
		 "\"wo\"\n"
		 "registers.A.fifo: a FIFO answers reads: on_read would never "
		 "be called\n"
		 "registers.A.fields: values of a FIFO have no fields\n"
		 "registers.A.reset: a FIFO is empty after a reset\n"},
		{REGS("A = { at = 0, fifo = { depth = 65536 } }, B = { at = 4, "
		      "fifo = { depth = 65536 } }, C = { at = 8, fifo = { "
		      "depth = 65536 } }, D = { at = 12, fifo = { depth = "
		      "65536 } }, E = { at = 16, fifo = { depth = 1 } }"),
		 "registers: FIFOs of 262145 values together are too many; at "
		 "most 262144\n"
		 "  a depth is how far the driver may be ahead: fifo = { depth "
		 "= 16 }\n"},
		{REGS("A = { at = 0, doorbell = true }"),
		 "registers.A.doorbell: the value of a doorbell is not stored, "
		 "so its access is \"wo\" or \"w1-pulse\"\n"
		 "registers.A.doorbell: a doorbell needs on_write\n"
		 "  for example: on_write = function(d) end\n"},
		{REGS("A = { at = 0, access = 'wo', doorbell = true }"),
		 "registers.A.doorbell: a doorbell needs on_write\n"
		 "  for example: on_write = function(d) end\n"},
		{REGS("A = { at = 0, access = 'wo', doorbell = true, on_write "
		      "= print, on_read = print, fields = { X = { bit = 0 } }, "
		      "array = { count = 2 } }"),
		 "registers.A.on_read: nothing of this register can be read, "
		 "so it would never be called\n"
		 "  its access may be \"rw\" or \"ro\"\n"
		 "registers.A.doorbell: a doorbell cannot have on_read\n"
		 "registers.A.doorbell: the value of a doorbell is not seen, "
		 "so it has no fields\n"
		 "registers.A.doorbell: a doorbell is no array and no FIFO\n"},
		{REGS("A = { at = 0, array = { count = 2 }, posted = true, "
		      "where = 'script' }"),
		 "registers.A.where: \"script\" is for devices that a script "
		 "writes inline\n"
		 "  code of a file has a state of its own; leave it out\n"
		 "registers.A.posted: only on_write can be posted, and there "
		 "is none\n"
		 "registers.A.posted: what is posted runs on the device's "
		 "worker: \"where\" says another place\n"
		 "  leave out one of the two\n"},
		{FILE_OF("local r = {} for i = 0, 16 do r['D' .. i] = { at = 4 "
			 "* i, access = 'wo', doorbell = true, on_write = "
			 "print } end return dev.mmio { size = 0x100, "
			 "registers = r }"),
		 "registers: 17 doorbells are too many; at most 16\n"},
		{FILE_OF("local r = {} for i = 0, 512 do r['D' .. i] = { at = "
			 "4 * i } end return dev.mmio { size = 0x10000, "
			 "registers = r }"),
		 "registers: more than 512 registers\n"},
	};

	spec_rig_rows(*state, rows, VMOON_COUNTOF(rows));
}

static void test_ldspec__irq_when(void **state)
{
	static const struct spec_row rows[] = {
		{MMIO("registers = { A = { at = 0, irq_when = 'A' } }"),
		 "registers.A.irq_when: the device has no interrupt\n"
		 "  for example, beside registers: irq = \"level\"\n"},
		{REGS("S = { at = 0, irq_when = 'STATUS' }, STATS = { at = 4 "
		      "}"),
		 "registers.S.irq_when: column 1: there is no register "
		 "\"STATUS\"\n"
		 "  did you mean \"STATS\"?\n"},
		{REGS("S = { at = 0, fields = { TICK = { bit = 0 }, P = { bit "
		      "= 1, access = 'w1-pulse' } }, irq_when = 'S.TOCK' }"),
		 "registers.S.irq_when: column 3: there is no field \"TOCK\"\n"
		 "  did you mean \"TICK\"?\n"},
		{REGS("S = { at = 0, fields = { P = { bit = 1, access = "
		      "'w1-pulse' } }, irq_when = 'S.P' }, R = { at = 4, "
		      "access = 'reserved', irq_when = 'R' }"),
		 "registers.S.irq_when: column 3: P is never set: its access "
		 "is \"w1-pulse\"\n"
		 "registers.R.irq_when: column 1: R is never set: its access "
		 "is \"reserved\"\n"},
		{REGS("S = { at = 0, irq_when = 'S & ' }, T = { at = 4, "
		      "irq_when = '(S' }, U = { at = 8, irq_when = 'S)' }, V = "
		      "{ at = 12, irq_when = 'S && T' }, W = { at = 16, "
		      "irq_when = '~S' }, X = { at = 20, irq_when = 'S and T' "
		      "}, Y = { at = 24, irq_when = '' }, Z = { at = 28, "
		      "irq_when = '  ' }"),
		 "registers.Y.irq_when: expected 1 to 256 printable ASCII "
		 "characters; got string \"\"\n"
		 "  for example: irq_when = \"STATUS.TICK & CTRL.IRQEN\"\n"
		 "registers.S.irq_when: column 5: expected the name of a "
		 "register, \"!\" or \"(\", but it ends here\n"
		 "registers.T.irq_when: column 3: expected \"&\", \"|\" or "
		 "\")\", but it ends here\n"
		 "registers.U.irq_when: column 2: expected \"&\", \"|\" or the "
		 "end, got \")\"\n"
		 "registers.V.irq_when: column 4: expected the name of a "
		 "register, \"!\" or \"(\", got \"&\"\n"
		 "  write one \"&\"\n"
		 "registers.W.irq_when: column 1: expected the name of a "
		 "register, \"!\" or \"(\", got \"~\"\n"
		 "  write \"!\"\n"
		 "registers.X.irq_when: column 3: expected \"&\", \"|\" or the "
		 "end, got \"and\"\n"
		 "  write \"&\"\n"
		 "registers.Z.irq_when: column 3: expected the name of a "
		 "register, \"!\" or \"(\", but it ends here\n"},
		{REGS("S = { at = 0, irq_when = 'S.' }, T = { at = 4, irq_when "
		      "= 'S.5' }, U = { at = 8, irq_when = '5' }, V = { at = "
		      "12, irq_when = 'S || T' }, W = { at = 16, irq_when = 'S "
		      "T' }, X = { at = 20, irq_when = 'S.A' }"),
		 "registers.S.irq_when: column 3: expected the name of a "
		 "field, but it ends here\n"
		 "registers.T.irq_when: column 3: expected the name of a "
		 "field, got \"5\"\n"
		 "registers.U.irq_when: column 1: expected the name of a "
		 "register, \"!\" or \"(\", got \"5\"\n"
		 "registers.V.irq_when: column 4: expected the name of a "
		 "register, \"!\" or \"(\", got \"|\"\n"
		 "  write one \"|\"\n"
		 "registers.W.irq_when: column 3: expected \"&\", \"|\" or the "
		 "end, got \"T\"\n"
		 "registers.X.irq_when: column 3: there is no field \"A\"\n"},
		{REGS("A = { at = 0, irq_when = 'A & B & C' }, B = { at = 4 }, "
		      "C = { at = 8 }"),
		 "registers.A.irq_when: column 9: two whole registers can be "
		 "compared bit by bit, no more, got \"C\"\n"},
		{REGS("A = { at = 0, array = { count = 2 }, irq_when = 'A' }, "
		      "B = { at = 8, array = { count = 2 }, irq_when = 'A[2]' "
		      "}, C = { at = 16, irq_when = 'C[1]' }, D = { at = 20, "
		      "irq_when = 'A[x]' }, E = { at = 24, irq_when = 'A[1' }, "
		      "F = { at = 28, irq_when = 'A[99999999999]' }"),
		 "registers.A.irq_when: column 2: an array needs an index: "
		 "NAME[0], but it ends here\n"
		 "registers.B.irq_when: column 3: expected an index inside of "
		 "the array, got \"2\"\n"
		 "registers.C.irq_when: column 3: it is no array, so the only "
		 "index is 0, got \"1\"\n"
		 "registers.D.irq_when: column 3: expected an index inside of "
		 "the array, got \"x\"\n"
		 "registers.E.irq_when: column 4: expected \"]\", but it ends "
		 "here\n"
		 "registers.F.irq_when: column 3: expected an index inside of "
		 "the array, got \"99999999999\"\n"},
		{REGS("F = { at = 0, fifo = { depth = 4 }, irq_when = 'F' }, G "
		      "= { at = 4, irq_when = 'F.rx_redy' }, H = { at = 8, "
		      "irq_when = 'F.full' }"),
		 "registers.F.irq_when: column 1: a FIFO has rx_ready and "
		 "tx_empty, got \"F\"\n"
		 "registers.G.irq_when: column 3: there is no field "
		 "\"rx_redy\"\n"
		 "  did you mean \"rx_ready\"?\n"
		 "registers.H.irq_when: column 3: there is no field \"full\"\n"
		 "  a FIFO has rx_ready and tx_empty\n"},
		{REGS("A = { at = 0, irq_when = ('('):rep(17) .. 'A' .. "
		      "(')'):rep(17) }"),
		 "registers.A.irq_when: column 17: too many parentheses, got "
		 "\"(\"\n"},
		{REGS("A = { at = 0, irq_when = ('A | '):rep(40) .. 'A' }"),
		 "registers.A.irq_when: column 131: all of irq_when together "
		 "is too long: at most 64 names and signs\n"},
		{REGS("A = { at = 0, irq_when = ('!'):rep(255) .. 'A' }, B = { "
		      "at = 4, irq_when = ('x'):rep(257) }, C = { at = 8, "
		      "irq_when = 'A\\n' }"),
		 "registers.B.irq_when: expected 1 to 256 printable ASCII "
		 "characters; got string "
		 "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxxxxxxxxxxxxxxxxxxx\"...\n"
		 "  for example: irq_when = \"STATUS.TICK & CTRL.IRQEN\"\n"
		 "registers.C.irq_when: expected 1 to 256 printable ASCII "
		 "characters; got string \"A\\x0a\"\n"
		 "  for example: irq_when = \"STATUS.TICK & CTRL.IRQEN\"\n"},
		{REGS("A = { at = 0, access = 'rx', fields = { X = { bit = 99 "
		      "} }, irq_when = 'A.X' }, B = { at = 4, irq_when = 'A.Y "
		      "& NIX' }"),
		 "registers.A.access: expected one of \"rw\", \"ro\", \"wo\", "
		 "\"w1c\", \"w1s\", \"rc\", \"w0c\", \"w1-pulse\", "
		 "\"rw-once\", \"reserved\"; got string \"rx\"\n"
		 "  did you mean \"rw\"?\n"
		 "registers.A.fields.X.bit: 99 is out of range 0..63\n"},
	};

	spec_rig_rows(*state, rows, VMOON_COUNTOF(rows));
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, spec_rig_setup, spec_rig_teardown)

static const struct CMUnitTest tests[] = {
	TEST(test_ldspec__registers),
	TEST(test_ldspec__fields),
	TEST(test_ldspec__hooks_that_contradict),
	TEST(test_ldspec__irq_when),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
