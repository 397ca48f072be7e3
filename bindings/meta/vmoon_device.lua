---@meta vmoon.device
-- SPDX-License-Identifier: MIT
-- vmoon_device.lua - typed annotations of `require "vmoon.device"`, and of the
-- object d and the buffers that hooks of a device file get, for editors and
-- manuals. tests/spec/device_api_spec.lua compares them with what there is, and
-- `vmoon api --device --luals` makes the classes of a device file from its keys.

-- The keys begin here.

---@class (exact) vmoon.device.Mmio
---What messages, and vm.device in scripts, call it. Left out: the file's, without .lua.
---@field name? string
---What a driver looks for in the guest's ACPI node.
---@field compatible? string
---The ACPI hardware id of its node.
---@field hid? string
---Where its window begins. Left out: where who uses it says, or where there is room.
---@field at? integer
---How many bytes its window has.
---@field size integer|string
---The kind of its interrupt. Left out: it has no interrupt.
---@field irq? "level"|"edge"
---The line of its interrupt, 3 to 23. Left out: one that nobody else has.
---@field line? integer
---What who uses it may set; hooks read d.params.
---@field params? table<string, vmoon.device.Param>
---Plain data beside the registers, as it begins: d.state. It goes into snapshots.
---@field state? table
---Its registers by name.
---@field registers table<string, vmoon.device.Register>
---Functions that d:set_timer(NAME, SECONDS) has called, at most 16. A paused VM's wait for its resume.
---@field timers? table<string, fun(d: vmoon.device.RegisterObject)>
---Functions that a script calls by vm.device.NAME:call(METHOD, ...), at most 64.
---@field methods? table<string, fun(d: vmoon.device.RegisterObject, ...: any): ...>
---Called when it is reset; registers are reset already.
---@field on_reset? fun(d: vmoon.device.RegisterObject)
---What a hook that fails does to the VM; after 3 that were ignored the device has failed. Left out: pause.
---@field on_error? "pause"|"ignore"|"stop"
---How long a hook may take. Left out: 0.01.
---@field budget? number
---The heap of its code, 256K to 1G, reserved when it is made. Left out: 16M.
---@field memory? string
---Where hooks of registers run that do not say it; "script": in the script that describes it, and the guest waits.
---Left out: vcpu.
---@field where? "vcpu"|"script"
---Whose thread runs timers, queues and what is posted: that of all devices, or its own. Left out: shared.
---@field worker? "shared"|"own"

---@class (exact) vmoon.device.Pio
---What messages, and vm.device in scripts, call it. Left out: the file's, without .lua.
---@field name? string
---What a driver looks for in the guest's ACPI node.
---@field compatible? string
---The ACPI hardware id of its node.
---@field hid? string
---Where its window begins. Left out: where who uses it says, or where there is room.
---@field at? integer
---How many bytes its window has.
---@field size integer|string
---The kind of its interrupt. Left out: it has no interrupt.
---@field irq? "level"|"edge"
---The line of its interrupt, 3 to 23. Left out: one that nobody else has.
---@field line? integer
---What who uses it may set; hooks read d.params.
---@field params? table<string, vmoon.device.Param>
---Plain data beside the registers, as it begins: d.state. It goes into snapshots.
---@field state? table
---Its registers by name.
---@field registers table<string, vmoon.device.Register>
---Functions that d:set_timer(NAME, SECONDS) has called, at most 16. A paused VM's wait for its resume.
---@field timers? table<string, fun(d: vmoon.device.RegisterObject)>
---Functions that a script calls by vm.device.NAME:call(METHOD, ...), at most 64.
---@field methods? table<string, fun(d: vmoon.device.RegisterObject, ...: any): ...>
---Called when it is reset; registers are reset already.
---@field on_reset? fun(d: vmoon.device.RegisterObject)
---What a hook that fails does to the VM; after 3 that were ignored the device has failed. Left out: pause.
---@field on_error? "pause"|"ignore"|"stop"
---How long a hook may take. Left out: 0.01.
---@field budget? number
---The heap of its code, 256K to 1G, reserved when it is made. Left out: 16M.
---@field memory? string
---Where hooks of registers run that do not say it; "script": in the script that describes it, and the guest waits.
---Left out: vcpu.
---@field where? "vcpu"|"script"
---Whose thread runs timers, queues and what is posted: that of all devices, or its own. Left out: shared.
---@field worker? "shared"|"own"

---@class (exact) vmoon.device.Virtio
---What messages, and vm.device in scripts, call it. Left out: the file's, without .lua.
---@field name? string
---The virtio device id, 1 to 63: what driver takes it.
---@field id integer
---Bits 0 to 23 and 50 to 63 that it offers, with names.
---@field features? table<integer, string>
---Its configuration space: fields one after the other, or bytes.
---@field config? vmoon.device.ConfigField[]|string
---What who uses it may set; hooks read d.params.
---@field params? table<string, vmoon.device.Param>
---Plain data beside the registers, as it begins: d.state. It goes into snapshots.
---@field state? table
---Its queues in their order, at most 16.
---@field queues vmoon.device.Queue[]
---Functions that d:set_timer(NAME, SECONDS) has called, at most 16. A paused VM's wait for its resume.
---@field timers? table<string, fun(d: vmoon.device.VirtioObject)>
---Functions that a script calls by vm.device.NAME:call(METHOD, ...), at most 64.
---@field methods? table<string, fun(d: vmoon.device.VirtioObject, ...: any): ...>
---Called when it is reset; registers are reset already.
---@field on_reset? fun(d: vmoon.device.VirtioObject)
---Called after the driver has written a writable field of the configuration.
---@field on_config_write? fun(d: vmoon.device.VirtioObject, offset: integer, len: integer, value: integer)
---What a hook that fails does to the VM; after 3 that were ignored the device has failed. Left out: pause.
---@field on_error? "pause"|"ignore"|"stop"
---How long a hook may take. Left out: 0.01.
---@field budget? number
---The heap of its code, 256K to 1G, reserved when it is made. Left out: 16M.
---@field memory? string
---Whose thread runs timers, queues and what is posted: that of all devices, or its own. Left out: shared.
---@field worker? "shared"|"own"

---@class (exact) vmoon.device.Register
---Its first byte in the window.
---@field at integer
---Its bytes: 1, 2, 4 or 8. Left out: 4.
---@field width? integer
---What an access does to it, and to fields that do not say it. Left out: rw.
---@field access? "rw"|"ro"|"wo"|"w1c"|"w1s"|"rc"|"w0c"|"w1-pulse"|"rw-once"|"reserved"
---Its value after a reset. Left out: 0.
---@field reset? integer
---Its bits by name; those without one are reserved.
---@field fields? table<string, vmoon.device.Field>
---Many of the same: hooks get the index, from 0, too.
---@field array? vmoon.device.Array
---Reads take from a queue of the device's, writes go to another.
---@field fifo? vmoon.device.Fifo
---Gives the value that is read.
---@field on_read? fun(d: vmoon.device.RegisterObject, index: integer?): integer|boolean
---Called after a write was stored, with fields decoded.
---@field on_write? fun(d: vmoon.device.RegisterObject, new: any, old: any, index: integer?)
---When the interrupt is raised: names of registers and fields, & | ! and parentheses.
---@field irq_when? string
---The guest does not wait for a write; its value is not seen. Left out: false.
---@field doorbell? boolean
---on_write runs later, in order, and the guest does not wait for it. Left out: false.
---@field posted? boolean
---Where its hooks run; "script": in the script that describes the device, with its variables; the guest waits for it.
---Left out: the device's.
---@field where? "vcpu"|"script"

---@class (exact) vmoon.device.Field
---Its one bit; hooks see true or false.
---@field bit? integer
---Its first and last bit; hooks see an integer.
---@field bits? integer[]
---What an access does to it. Left out: the register's.
---@field access? "rw"|"ro"|"wo"|"w1c"|"w1s"|"rc"|"w0c"|"w1-pulse"|"rw-once"|"reserved"
---Its value after a reset. Left out: the register's.
---@field reset? integer|boolean

---@class (exact) vmoon.device.Array
---How many there are.
---@field count integer
---Bytes from one to the next. Left out: the width.
---@field stride? integer

---@class (exact) vmoon.device.Fifo
---How many values each of its two queues holds.
---@field depth integer

---@class (exact) vmoon.device.Param
---What is taken.
---@field type "integer"|"number"|"string"|"boolean"
---Its value when none is given. Left out: it must be given.
---@field default? integer|number|string|boolean
---The least that is taken.
---@field min? number
---The most that is taken.
---@field max? number
---All values that are taken.
---@field choices? any[]
---A sentence about it, for readers.
---@field doc? string

---@class (exact) vmoon.device.Queue
---What messages call it.
---@field name string
---Descriptors it has at most: a power of two from 2 to 1024. Left out: 64.
---@field size? integer
---Called with each buffer that the driver has made available.
---@field on_buffer vmoon.device.OnBuffer
---on_buffer is called once with a list of all buffers. Left out: false.
---@field batch? boolean

---@class (exact) vmoon.device.ConfigField
---Its name: d:config_get(NAME).
---@field name string
---Its size and form; "bytes" is as long as its value.
---@field type "u8"|"le16"|"le32"|"le64"|"bytes"
---What it is at first; a function gets the parameters and gives it. Left out: 0.
---@field value? integer|string|fun(params: table<string, any>): integer|string
---Whether the driver may change it. Left out: false.
---@field writable? boolean

-- The keys end here.

---@class vmoon.device.Object                   # d: what all hooks get first
---@field name string                         # of the device, as messages have it
---@field params table<string, any>           # its parameters, checked, defaults filled in; read only
---@field state table                         # plain data beside the registers; a reset leaves it as it is
local Object = {}

---Ends the VM some time after the hook has returned; its exit record has the reason "debug-exit" and this
---status, a bench has it in exit. Only the first end of a VM counts.
---@param status integer                      # 0 to 2^32 - 1
function Object:exit(status) end

---Gives the device up: no hook is called any more until a reset, and reads are all-ones. What happens
---to the VM is what on_error says. Only the first call counts. Does not end the hook that calls it.
---@param why string                          # a sentence, shown to the user
function Object:fail(why) end

---Writes a line to the VM's log, as print does; on a bench to standard error. A line has at most 255 bytes, control
---bytes become spaces; a device has 2 KiB of lines a second, 8 KiB at once: more are lost and counted
---(stats.lines_lost).
---@param line string
function Object:log(line) end

---Reads guest memory: len bytes from the guest address gpa on, at most 64 KiB, or raises. When not all of
---it is guest memory nothing is read: nil, and why.
---@param gpa integer                         # bytes from the start of guest memory
---@param len integer                         # bytes, 0 to 65536
---@return string? bytes
---@return string? why
function Object:mem_read(gpa, len) end

---Writes guest memory: at most 64 KiB, or raises. When not all of it is guest memory nothing is
---written: nil, and why.
---@param gpa integer                         # bytes from the start of guest memory
---@param bytes string
---@return boolean? written
---@return string? why
function Object:mem_write(gpa, bytes) end

---The device's time in nanoseconds, 0 when it was made; it goes on from where it was after a snapshot.
---@return integer ns
function Object:now_ns() end

---Sends a copy of plain data to the script, which gets it from events(). False when it was lost: 64 KiB
---wait at most, 16 KiB of one. Raises for what is no plain data, with the path to it, and for a name
---that is empty or longer than 64 bytes. "latest" takes the place of those of that name which wait.
---@param name string
---@param value any                           # nil, booleans, numbers, strings, tables of these
---@param keep "all"|"latest"?                # left out: "all"
---@return boolean kept
function Object:post(name, value, keep) end

---Has timers.NAME called once, so many seconds from now, instead of when it was set before; nil stops it.
---Less than a microsecond is one. Raises for a name that is not in timers, and for less than 0 or more
---than 2^32 seconds.
---@param name string                         # of timers
---@param seconds? number                     # nil: never
function Object:set_timer(name, seconds) end

---The device's time in seconds, 0 when it was made; it goes on from where it was after a snapshot.
---@return number seconds
function Object:time() end

---@class vmoon.device.RegisterObject: vmoon.device.Object  # d of mmio and pio: its registers, its interrupt
---@field reg table<string, any>              # by name: an integer, NAME.FIELD with NAME() for all, NAME[i] from 0
local RegisterObject = {}

---Takes the oldest value that the driver has written into the FIFO of a register; nil when there is none.
---Raises for a register that is not there or has no FIFO.
---@param register string
---@return integer? value
function RegisterObject:fifo_get(register) end

---How many values the FIFO of a register holds, those from the driver and those for it. Raises as fifo_get.
---@param register string
---@return integer from_driver
---@return integer for_driver
function RegisterObject:fifo_len(register) end

---Puts a value into the FIFO of a register, for the driver to read; false when it is full. Raises as
---fifo_get, and for a value that is no integer and no boolean.
---@param register string
---@param value integer|boolean
---@return boolean kept
function RegisterObject:fifo_put(register, value) end

---Sets the level of the interrupt line; what irq_when says is or'ed with it. Nothing happens when the
---device has no irq.
---@param level boolean                       # true: the line is raised
function RegisterObject:irq(level) end

---Raises the interrupt line and lowers it again: one edge, for irq = "edge".
function RegisterObject:pulse() end

---@class vmoon.device.VirtioObject: vmoon.device.Object  # d of virtio: its configuration space and features
local VirtioObject = {}

---The value of a field of config. Raises for a name that is not there.
---@param name string
---@return integer|string value               # a string when its type is "bytes"
function VirtioObject:config_get(name) end

---Sets a field of config, and tells the driver that the configuration has changed. Raises for a name that
---is not there, for what does not fit into the field, and before the device is in a machine.
---@param name string
---@param value integer|string                # a string of the same length when its type is "bytes"
function VirtioObject:config_set(name, value) end

---Whether the driver has taken a feature that the device offers; false while there is no driver. Raises for
---a name that is not there.
---@param name string                         # as in features
---@return boolean
function VirtioObject:has_feature(name) end

---@class vmoon.device.Buffer                   # what on_buffer gets: a request of the driver
---@field readable integer                    # bytes from the driver that are not read yet
---@field writable integer                    # bytes that there is still room for
---@field queue integer                       # of queues: 1 is the first
local Buffer = {}

---Gives the buffer back to the driver now, with what was written. A buffer goes back by itself when its
---hook returns, unless later was called. Any use after that raises.
function Buffer:done() end

---Keeps the buffer when the hook returns, until done: a timer or a method may answer it. A queue has 64
---buffers at once; the driver's others wait. After a snapshot or a reload the hook gets it once more; a hook
---that fails keeps nothing.
function Buffer:later() end

---How many bytes from the driver are not read yet, and how many there is still room for: readable and
---writable in one call.
---@return integer readable
---@return integer writable
function Buffer:left() end

---Takes the next len bytes that the driver has sent, or as many as there are; all of them without len.
---Raises when a part of the buffer is no guest memory, and for a len below 0.
---@param len? integer                        # bytes
---@return string bytes
function Buffer:read(len) end

---Passes over bytes as read does; how many.
---@param len? integer                        # bytes
---@return integer skipped
function Buffer:skip(len) end

---Takes the integers that a format of string.unpack has, without a string between. Formats have b, B, h, H, i
---and I with a width up to 8, j, x, and the order < or >. Raises when a part of the buffer is no guest memory.
---@param format string
---@return integer|nil                        # nil: fewer bytes are left, and none were taken
---@return integer ...
function Buffer:unpack(format) end

---Writes bytes behind those that were written, as many as there is room for; how many. Raises when a part
---of the buffer is no guest memory. With first only the part that bytes:sub(first, last) is, without a copy.
---@param bytes string
---@param first? integer                      # 1 without it
---@param last? integer                       # -1 without it
---@return integer written
function Buffer:write(bytes, first, last) end

---Writes bytes at the very end of the room, as a status is; the room before them can still be written.
---Raises when there is not so much room, and when a part of the buffer is no guest memory.
---@param bytes string
function Buffer:write_last(bytes) end

---@alias vmoon.device.OnBuffer
---| fun(d: vmoon.device.VirtioObject, buf: vmoon.device.Buffer)
---| fun(d: vmoon.device.VirtioObject, bufs: vmoon.device.Buffer[], count: integer)

---@class vmoon.device.BufferFunctions          # methods of a buffer: read(buf, len) is buf:read(len), and faster
---@field done fun(buf: vmoon.device.Buffer)
---@field later fun(buf: vmoon.device.Buffer)
---@field left fun(buf: vmoon.device.Buffer): integer, integer
---@field read fun(buf: vmoon.device.Buffer, len?: integer): string
---@field skip fun(buf: vmoon.device.Buffer, len?: integer): integer
---@field unpack fun(buf: vmoon.device.Buffer, format: string): integer|nil, ...: integer
---@field write fun(buf: vmoon.device.Buffer, bytes: string, first?: integer, last?: integer): integer
---@field write_last fun(buf: vmoon.device.Buffer, bytes: string)

---@class vmoon.device                          # the module: each function takes the table of a device and returns it
---@field buffer vmoon.device.BufferFunctions  # in a device file
local device = {}

---A device whose registers are in memory.
---@param spec vmoon.device.Mmio
---@return vmoon.device.Mmio
function device.mmio(spec) end

---A device whose registers are ports.
---@param spec vmoon.device.Pio
---@return vmoon.device.Pio
function device.pio(spec) end

---A virtio device: queues of buffers, and a configuration space.
---@param spec vmoon.device.Virtio
---@return vmoon.device.Virtio
function device.virtio(spec) end

return device
