-- SPDX-License-Identifier: MIT
-- manual_device.lua - the manual pages of devices in Lua: their keys, the object
-- d and its methods, and a first device.
--
--   local pages = manual_device(api, roff)   -- called by manual.lua
local api, roff = ...
local put, plain, code, put_example = roff.put, roff.plain, roff.code, roff.put_example

local function put_lines(text)
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do put(plain(line)) end
end

-- ---- vmoon-device(5) ----

local ACCESS = {
  { "rw", "Reads give what was written." },
  { "ro", "Writes are ignored." },
  { "wo", "Reads give 0." },
  { "w1c", "Writing a 1 clears the bit. The device sets it." },
  { "w1s", "Writing a 1 sets the bit. The device clears it." },
  { "w0c", "Writing a 0 clears the bit." },
  { "rc", "Reading clears it; writes are ignored." },
  { "w1-pulse", "A written 1 is seen by on_write and never stored." },
  { "rw-once", "The first write after a reset counts." },
  { "reserved", "Reads give 0, writes are ignored." },
}

local function kinds_of(key)
  local kinds = {}
  for _, kind in ipairs { "mmio", "pio", "virtio" } do
    if key.kinds[kind] then kinds[#kinds + 1] = kind end
  end
  return #kinds < 3 and ", of " .. table.concat(kinds, " and ") or ""
end

local function put_keys(keys)
  for _, key in ipairs(keys) do
    local kind = key.type
    if key.choices then kind = 'one of "' .. key.choices:gsub(", ", '", "') .. '"' end
    if key.is_required then
      kind = kind .. ", required"
    elseif key.default then
      kind = kind .. "; left out: " .. key.default
    end
    put(".TP", ("\\fB%s\\fR (%s)"):format(code(key.name), code(kind .. kinds_of(key))), plain(key.doc), "For example:",
      "\\fB" .. code(key.example) .. "\\fR")
  end
end

local function put_object(stub)
  local names = { Object = "ALL DEVICES", RegisterObject = "DEVICES WITH REGISTERS", VirtioObject = "VIRTIO DEVICES" }
  put(".SH THE OBJECT D",
    "Every hook gets d first: the device. What it has not cannot be set; what is to be kept goes into d.state.")
  for _, class in ipairs(stub.classes) do
    local group = class.name:match "^vmoon%.device%.(%w*Object)$"
    if group then
      put('.SS "' .. names[group] .. '"')
      for _, field in ipairs(class.fields) do
        put(".TP", ("\\fBd.%s\\fR (%s)"):format(code(field.name), code(field.kind)),
          plain(field.text:sub(1, 1):upper() .. field.text:sub(2) .. "."))
      end
      for _, entry in ipairs(stub.groups[group]) do roff.put_function(entry, "d") end
    end
  end
end

local function put_buffer(stub)
  put(".SH BUFFERS",
    "What on_buffer gets after d. The driver's bytes come first, then the room for the device's.",
    "With \\fBbatch\\fR it gets a list of buffers, and how many there are: the list is the same table each time.")
  for _, class in ipairs(stub.classes) do
    if class.name == "vmoon.device.Buffer" then
      for _, field in ipairs(class.fields) do
        put(".TP", ("\\fBbuf.%s\\fR (%s)"):format(code(field.name), code(field.kind)),
          plain(field.text:sub(1, 1):upper() .. field.text:sub(2) .. "."))
      end
    end
  end
  for _, entry in ipairs(stub.groups.Buffer) do roff.put_function(entry, "buf") end
end

local function put_reference()
  local stub = roff.read_stub(api.text "vmoon_device")
  roff.put_head("vmoon-device", 5, "what describes a device in Lua to vmoon")
  put ".SH SYNOPSIS"
  put_example [[
local dev = require "vmoon.device"
return dev.mmio {
  name = "counter", size = 0x1000, irq = "level",
  registers = { ID = { at = 0x00, access = "ro", reset = 0x1234 } },
}]]
  put ".SH DESCRIPTION"
  put_lines [[
A device file returns what one of `dev.mmio`, `dev.pio` and `dev.virtio` made of a table: registers in memory,
registers that are ports, or a virtio device. `vmoon check` FILE shows all mistakes of one, each with its place.
What is declared is done in C and never enters Lua; functions, the hooks, do the rest.
`vmoon-device`(7) makes a first device, step by step.]]
  put(".SH KEYS", "The keys of the table, and of the tables in it. A key that is not listed here is a mistake.")
  for _, t in ipairs(api.device_tables) do
    put('.SS "' .. (t.title .. (t.place ~= "" and ", " .. t.place or "")):upper() .. '"')
    put_keys(t.keys)
  end
  put(".SH ACCESS", "What access says of a register, or of a field:")
  for _, kind in ipairs(ACCESS) do put(".TP", "\\fB" .. code(kind[1]) .. "\\fR", plain(kind[2])) end
  put ".PP"
  put_lines [[
An access of 1, 2, 4 or 8 bytes lies inside one register; bytes that it does not touch stay as they are. Where there is
no register reads give 0, and writes are ignored. Bits that no field of a register with fields names are reserved.]]
  put ".SH THE INTERRUPT"
  put_lines [[
`irq_when` is an expression of names, `&`, `|`, `!` and parentheses. A name is REG or REG.FIELD, of an array
REG[N] or REG[N].FIELD; it is true while any of its bits is set. `STATUS & MASK` of two whole registers is true while
both have the same bit set. A register with a FIFO has REG.rx_ready, values wait for the driver, and REG.tx_empty, none
of the driver's waits. Several registers may have one: the interrupt is raised while any of them is true.]]
  put ".SH HOOKS"
  put_lines [[
`on_read`(d) gives what is read, an integer or a boolean. `on_write`(d, new, old) comes after the write was stored;
of a register with fields new and old are tables of its fields, booleans where they are one bit, otherwise they are
integers. Both tables are used again by the next call. Hooks of an array get the index, from 0, last.
new is what the register holds after the access, all of it also where only some of its bytes were written, and the
w1-pulse bits that were written; old is what it held before, of a wo register what was written last. So of w1c bits
old & ~new are those that the driver has cleared. `on_read` finds what a read clears (rc): it goes when the hook has
given its value, and what the hook has raised meanwhile stays.
`timers.NAME`(d), `on_reset`(d) and `methods.NAME`(d, ...) say what they are.
`on_config_write`(d, offset, len, value) is told which bytes of the configuration were written.]]
  put ".PP"
  put_lines [[
What is larger than its place is cut to it, as hardware does: d.reg.COUNT = d.reg.COUNT + 1 begins again at 0, and a
field of 4 bits takes 18 as 2. A FIFO that is full drops what the driver writes; `on_write` gets each value that was
written, had it room or not, and d:fifo_get what was kept. A register with a FIFO is no array and has no `on_read`.
A doorbell is one register, wo or w1-pulse, neither array nor FIFO.]]
  put ".PP"
  put_lines [[
Hooks run on the guest's thread that made the access, or on a worker (timers, queues, what is posted), one at a time for
each device. One that takes longer than `budget` is stopped, whatever it does. A hook that fails is an error: what the
guest reads is all-ones, and `on_error` says what happens to the VM.]]
  put ".PP"
  put_lines [[
With `worker` = "own" what runs on a worker has one for this device alone. With `trusted` = true, which is said by who
uses the file (`vmoon-spec`(5)), all of the code runs on a thread of its own: see below.]]
  put ".SH WHAT THE CODE HAS"
  put_lines [[
Lua's base, string, table, math, utf8 and coroutine libraries, but nothing of the host: no io, no os, no debug;
load takes text alone. `require` finds vmoon.device, and files in the folder of the device file. Globals are read
only: write local. `print` is d:log, which a VM keeps in its log and a bench shows on standard error.]]
  put ".PP"
  put_lines [[
What could take Lua long in one step is bounded. A table has at most 16384 keys besides 1 to n. A table gets a copy of
the metamethods that its metatable has when setmetatable is called, and of those that are added to that later;
changing one that is there counts from the next setmetatable on. There are no finalizers (__gc) and no weak keys
alone: __mode is "v" or "kv".]]
  put ".SH WHAT IS SAVED"
  put_lines [[
d.state is saved, reloaded and shown to scripts as plain data: nil, booleans, numbers, strings, and tables of these
without metatables and cycles, nested at most 16 deep, 4 MiB in all, with keys that are integers or strings, and at
most 16384 integers that are in no list. A table that is there twice becomes two. With registers, what FIFOs hold,
timers and posted writes that is all: local variables of the file begin anew. It has to be a table.]]
  put ".SH DEVICES IN A SCRIPT"
  put_lines [[
A device that stands in the script itself, devices = { dev.mmio { ... } } or vmoon.bench { device = ... }, has its
functions moved into a state of its own: their code, and copies of the local variables that they use: plain data,
functions of which the same is true, and those of Lua's libraries that a device has. What a hook changes there the
script does not see, and the other way round:
use d.state, d:post and methods. What cannot be moved (a file, a coroutine, dev itself) is a mistake
that names the variable. With `where` = "script" a hook stays in the script, with all that it can reach; the
guest waits until the script, in a wait or an expect, has run it.]]
  put ".SH ON A BENCH"
  put_lines [[
`vmoon.bench` { file = "counter.lua" } has the device alone, with a clock that b:advance moves (`vmoon-lua`(3)).
Registers begin at 0. Of a virtio device queues count from 0, its configuration is at 0x100, and b:probe does what a
driver does first; a bench that was made with state = b:save() has a driver that has not done so yet. b:log() says
which accesses there were, also those that met no register or more than one, which do nothing.]]
  put ".SH TRUSTED CODE"
  put_lines [[
With `trusted` = true it has all of Lua and may do whatever the program may: read a file, ask a socket, start a
command, load a C module. Nothing limits its time; the guest's access waits until the hook is done, and the VM can be
paused, reset and stopped meanwhile, but closing it waits for the hook. So each access takes the time of two wake-ups
more, tens of microseconds, also one of a register without a hook. `vmoon check` does not run such a file. It has no
`budget`; one that has another `memory` than 16M in it is run a second time, with that, so say it where the file is
used. Finalizers that run when the device goes, or has new code, no longer reach d.]]
  put_object(stub)
  put_buffer(stub)
  put(".SH SEE ALSO", "\\fBvmoon-device\\fR(7), \\fBvmoon\\fR(1), \\fBvmoon-lua\\fR(3), \\fBvmoon-spec\\fR(5)")
end

-- ---- vmoon-device(7) ----

-- `code`, [text](where) and *emphasis* of Markdown.
local function inline(text)
  text = text:gsub("%[([^%]]*)%]%([^)]*%)", "%1")
  return plain(text)
end

local function put_markdown(text)
  local is_new, fence = false, nil
  for line in text:gmatch "([^\n]*)\n" do
    if line:match "^```" then
      if not fence and is_new then put ".sp" end
      put(table.unpack(fence and { ".EE", ".RE" } or { ".RS 4", ".EX" }))
      fence = not fence
      is_new = not fence
    elseif fence then
      put(line == "" and "\\&" or code(line))
    elseif line:match "^# " or line:match "^<!%-%-" then
      is_new = true
    elseif line:match "^## " then
      put(".SH " .. code(line:sub(4):upper()))
      is_new = false
    elseif line == "" then
      is_new = true
    else
      local item = line:match "^%- (.*)"
      if item then put(".IP \\(bu 2") elseif is_new then put ".PP" end
      put(inline(item or line:match "^%s*(.*)"))
      is_new = false
    end
  end
end

local function put_tutorial()
  roff.put_head("vmoon-device", 7, "your first device in ten minutes")
  put ".SH DESCRIPTION"
  put_markdown(api.text "TUTORIAL")
  put(".SH SEE ALSO", "\\fBvmoon-device\\fR(5), \\fBvmoon\\fR(1)")
end

return { ["vmoon-device.5"] = put_reference, ["vmoon-device.7"] = put_tutorial }
