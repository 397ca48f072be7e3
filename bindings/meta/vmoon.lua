---@meta vmoon
-- SPDX-License-Identifier: MIT
-- vmoon.lua - typed annotations of `require "vmoon"` for editors and manuals.
-- tests/spec/module_spec.lua compares them with what the module exports, and
-- `vmoon api --luals` makes the classes of a specification from the schema.

---@alias vmoon.Seconds number
---@alias vmoon.Pattern string|vmoon.Compiled   # a plain string is matched literally

---@class vmoon.Compiled                        # made by vmoon.pat and vmoon.re

---@class vmoon.SizeValue                       # 128 * vmoon.MiB
---@operator mul(number): vmoon.SizeValue
---@operator add(vmoon.SizeValue): vmoon.SizeValue

---@alias vmoon.Size string|vmoon.SizeValue     # a number with a unit: "128M", "2G" (powers of 1024)

-- The schema begins here.

---@class (exact) vmoon.Spec
---What messages and logs call this VM: 1 to 64 letters, digits, ".", "_" or "-". Default "vm".
---@field name? string
---The kernel to boot: a bzImage, an ELF file, a Multiboot kernel, or a table that says how to start a flat image.
---@field kernel string|vmoon.SpecKernel
---The initial ramdisk handed to the kernel.
---@field initrd? string
---The kernel's command line: printable ASCII, at most 65535 bytes. Default "console=ttyS0".
---@field cmdline? string
---How many CPUs the guest has: 1 to 64. Default 1.
---@field cpus? integer
---How much RAM the guest has: a multiple of 1 MiB from "16M" to "1T". Default "128M".
---@field memory? vmoon.Size
---How the kernel is entered; left out, the kernel file decides.
---@field boot? "linux64"|"pvh"|"multiboot"
---Who unpacks a compressed kernel; "guest" is slower and keeps the kernel's KASLR. Default "host".
---@field unpack? "host"|"guest"
---What a reset by the guest does to the VM. Default "restart".
---@field on_reboot? "restart"|"stop"
---What a kernel panic does to the VM. Default "stop".
---@field on_panic? "stop"|"ignore"
---Whether a write to port 0xf4 ends the VM with the status that was written; false leaves the port to your device.
---@field debug_exit? boolean
---Rates that several sinks share.
---@field groups? vmoon.SpecGroups[]
---The sinks of the first serial port (ttyS0): each sees all that the guest prints, within its limit.
---@field serial? vmoon.SpecSerial[]
---The virtio disks, /dev/vda and on in this order: raw images, or block devices.
---@field disks? vmoon.SpecDisks[]
---Whether the guest has a virtio source of entropy, /dev/hwrng, or a table with its limit; left out, none.
---@field rng? boolean|vmoon.SpecRng
---Consoles and ports over virtio, beside the serial port.
---@field consoles? vmoon.SpecConsoles[]
---Devices of your own, each a file in Lua.
---@field devices? vmoon.SpecDevices[]
---What the VM itself has to say: how much, how and where.
---@field log? vmoon.SpecLog

---@class (exact) vmoon.SpecKernel
---A file without a header, copied to memory as it is.
---@field flat string
---The guest address of its first byte, which is also where the guest starts.
---@field at integer
---The CPU mode in which it starts: 16, 32 or 64 bits. Default "long".
---@field mode? "real"|"protected"|"long"

---@class (exact) vmoon.SpecGroups
---What the group of a limit calls it.
---@field name string
---What all of them together may write.
---@field rate string
---How much may go at once after a silence; left out, a second's worth.
---@field burst? vmoon.Size
---A group of the list before this one, whose rate it shares in turn.
---@field group? string
---All VMs of this process that have such a group share one. Default false.
---@field shared? boolean

---@class (exact) vmoon.SpecSerial
---Where it goes: "file:PATH", "fd:NUMBER", "stdout", "stderr", "fifo:PATH", "unix:PATH", "ring", "callback" or "null".
---@field sink string
---What figures and events call it; left out, what sink says.
---@field name? string
---How large a file may become before it is full or the next begins, 16M if left out; how much a ring keeps, 64K.
---@field max_size? vmoon.Size
---How many full files are kept, as PATH.1 and so on: 0 to 99. Default 0.
---@field generations? integer
---Goes on at the end of a file that is there, instead of emptying it. Default false.
---@field append? boolean
---In a script, what a callback calls: on_data(bytes, info); an export has none.
---@field on_data? fun(bytes: string, info: vmoon.Info)
---How fast, how much, and what happens to the rest; left out, 1M waits for a slow sink.
---@field limit? vmoon.SpecSerialLimit

---@class (exact) vmoon.SpecSerialLimit
---What happens to output above the rate: it waits, it is lost, or the guest waits.
---@field policy "spool"|"drop"|"pause"
---Bytes a second in the long run.
---@field rate? string
---How much may go at once after a silence; left out, a second's worth.
---@field burst? vmoon.Size
---With "line", lines are delivered whole or not at all. Default "byte".
---@field unit? "byte"|"line"
---With "spool", how much may wait, "4K" to "64M"; left out, 1M.
---@field capacity? vmoon.Size
---With "spool", what is lost when no more can wait; left out, the oldest.
---@field full? "drop-oldest"|"drop-newest"
---With "pause", how long the guest may wait in any 10 seconds; left out, 2.
---@field max_stall? vmoon.Seconds
---With "pause", what follows that: the newest is lost, or the sink fails; left out, drop.
---@field after_stall? "drop"|"error"
---Allows a max_stall of more than 10 seconds, which may hang the guest. Default false.
---@field unsafe_stall? boolean
---A group of groups, whose rate it shares beside its own.
---@field group? string

---@class (exact) vmoon.SpecDisks
---A raw image, a multiple of 512 bytes large, or a block device.
---@field path string
---What messages and vm.device call it; left out, "disk0" for the first of the list and so on.
---@field name? string
---Whether the guest may only read it; several VMs can then have it. Default false.
---@field readonly? boolean
---Makes a sparse file where there is none. Default false.
---@field create? boolean
---With create, how large the file is to be; one that is there must be so large.
---@field size? vmoon.Size
---All but "unsafe" keep what is flushed; "none" goes past the host's page cache. Default "writeback".
---@field cache? "none"|"unsafe"|"writeback"
---The serial number that the guest sees, at most 20 characters; left out, the name.
---@field id? string
---How many queues of requests the guest's driver may use: 1 to 8. Default 1.
---@field queues? integer
---Whether the path may be a symbolic link. Default false.
---@field symlink? boolean
---How much the guest may read and write in a second; left out, as much as the host can.
---@field limit? vmoon.SpecDisksLimit

---@class (exact) vmoon.SpecDisksLimit
---Bytes a second in the long run.
---@field bytes? string
---Requests a second in the long run.
---@field ops? string
---How many bytes may go at once after a silence; left out, a second's worth.
---@field burst? vmoon.Size
---A limit of reads alone, beside that of both directions together.
---@field read? vmoon.SpecDisksLimitRead
---The same of writes, discards and zeroes.
---@field write? vmoon.SpecDisksLimitWrite

---@class (exact) vmoon.SpecDisksLimitRead
---Bytes a second in the long run.
---@field bytes? string
---Requests a second in the long run.
---@field ops? string
---How many bytes may go at once after a silence; left out, a second's worth.
---@field burst? vmoon.Size

---@class (exact) vmoon.SpecDisksLimitWrite
---Bytes a second in the long run.
---@field bytes? string
---Requests a second in the long run.
---@field ops? string
---How many bytes may go at once after a silence; left out, a second's worth.
---@field burst? vmoon.Size

---@class (exact) vmoon.SpecRng
---Bytes a second in the long run; left out, as many as the guest asks for.
---@field rate? string
---How many may go at once after a silence; left out, a second's worth.
---@field burst? vmoon.Size

---@class (exact) vmoon.SpecConsoles
---What vm.port and, of a port, the guest call it; left out, "console0" for the first of the list and so on.
---@field name? string
---A console is the guest's /dev/hvc0 and so on, a port its /dev/virtio-ports/NAME. Default "console".
---@field kind? "console"|"port"
---Where its output goes, as serial's does.
---@field sinks? vmoon.SpecConsolesSinks[]

---@class (exact) vmoon.SpecConsolesSinks
---Where it goes: "file:PATH", "fd:NUMBER", "stdout", "stderr", "fifo:PATH", "unix:PATH", "ring", "callback" or "null".
---@field sink string
---What figures and events call it; left out, what sink says.
---@field name? string
---How large a file may become before it is full or the next begins, 16M if left out; how much a ring keeps, 64K.
---@field max_size? vmoon.Size
---How many full files are kept, as PATH.1 and so on: 0 to 99. Default 0.
---@field generations? integer
---Goes on at the end of a file that is there, instead of emptying it. Default false.
---@field append? boolean
---In a script, what a callback calls: on_data(bytes, info); an export has none.
---@field on_data? fun(bytes: string, info: vmoon.Info)
---How fast, how much, and what happens to the rest; left out, 1M waits for a slow sink.
---@field limit? vmoon.SpecConsolesSinksLimit

---@class (exact) vmoon.SpecConsolesSinksLimit
---What happens to output above the rate: it waits, it is lost, or the guest waits.
---@field policy "spool"|"drop"|"pause"
---Bytes a second in the long run.
---@field rate? string
---How much may go at once after a silence; left out, a second's worth.
---@field burst? vmoon.Size
---With "line", lines are delivered whole or not at all. Default "byte".
---@field unit? "byte"|"line"
---With "spool", how much may wait, "4K" to "64M"; left out, 1M.
---@field capacity? vmoon.Size
---With "spool", what is lost when no more can wait; left out, the oldest.
---@field full? "drop-oldest"|"drop-newest"
---With "pause", how long the guest may wait in any 10 seconds; left out, 2.
---@field max_stall? vmoon.Seconds
---With "pause", what follows that: the newest is lost, or the sink fails; left out, drop.
---@field after_stall? "drop"|"error"
---Allows a max_stall of more than 10 seconds, which may hang the guest. Default false.
---@field unsafe_stall? boolean
---A group of groups, whose rate it shares beside its own.
---@field group? string

---@class (exact) vmoon.SpecDevices
---The file that describes it.
---@field file? string
---What dev.mmio, dev.pio or dev.virtio made in this script, instead of a file; an export has none.
---@field device? vmoon.device.Mmio|vmoon.device.Pio|vmoon.device.Virtio
---What messages and vm.device call it; left out, what the file calls it.
---@field name? string
---The address of its registers, or its first port; left out, a free place.
---@field at? integer
---Its interrupt line, 3 to 23; left out, one that nobody else has.
---@field irq? integer
---Values for the parameters that the file declares.
---@field params? table<string, string|number|boolean>
---What an error in the file's functions does to the VM; left out, what the file says.
---@field on_error? "pause"|"ignore"|"stop"
---How long one call of them may take; left out, what the file says, or 0.01.
---@field budget? vmoon.Seconds
---How much memory they may use; left out, what the file says, or "16M".
---@field memory? vmoon.Size
---Whether its code may do what any program may, on a thread of its own. Default false.
---@field trusted? boolean

---@class (exact) vmoon.SpecLog
---The least important lines that are kept. Default "info".
---@field level? "error"|"warn"|"info"|"debug"
---Levels of some modules; "device" is devices of your own, "output" is sinks.
---@field modules? string
---How a line looks; "json" is one object a line. Default "text".
---@field format? "text"|"json"
---Where the lines go, as with serial; left out, only the VM keeps them.
---@field sinks? vmoon.SpecLogSinks[]

---@class (exact) vmoon.SpecLogSinks
---Where it goes: "file:PATH", "fd:NUMBER", "stdout", "stderr", "fifo:PATH", "unix:PATH", "ring", "callback" or "null".
---@field sink string
---What figures and events call it; left out, what sink says.
---@field name? string
---How large a file may become before it is full or the next begins, 16M if left out; how much a ring keeps, 64K.
---@field max_size? vmoon.Size
---How many full files are kept, as PATH.1 and so on: 0 to 99. Default 0.
---@field generations? integer
---Goes on at the end of a file that is there, instead of emptying it. Default false.
---@field append? boolean
---In a script, what a callback calls: on_data(bytes, info); an export has none.
---@field on_data? fun(bytes: string, info: vmoon.Info)
---How fast, how much, and what happens to the rest; left out, 1M waits for a slow sink.
---@field limit? vmoon.SpecLogSinksLimit

---@class (exact) vmoon.SpecLogSinksLimit
---What happens to output above the rate: it waits, it is lost, or the guest waits.
---@field policy "spool"|"drop"|"pause"
---Bytes a second in the long run.
---@field rate? string
---How much may go at once after a silence; left out, a second's worth.
---@field burst? vmoon.Size
---With "line", lines are delivered whole or not at all. Default "byte".
---@field unit? "byte"|"line"
---With "spool", how much may wait, "4K" to "64M"; left out, 1M.
---@field capacity? vmoon.Size
---With "spool", what is lost when no more can wait; left out, the oldest.
---@field full? "drop-oldest"|"drop-newest"
---With "pause", how long the guest may wait in any 10 seconds; left out, 2.
---@field max_stall? vmoon.Seconds
---With "pause", what follows that: the newest is lost, or the sink fails; left out, drop.
---@field after_stall? "drop"|"error"
---Allows a max_stall of more than 10 seconds, which may hang the guest. Default false.
---@field unsafe_stall? boolean
---A group of groups, whose rate it shares beside its own.
---@field group? string

-- The schema ends here.

---@class vmoon.Problem                         # one mistake in a specification
---@field path string                         # "disks.2.path"
---@field message string
---@field hint? string
---@field line? integer
---@field column? integer

---@class vmoon.Error
---@field kind "config"|"timeout"|"panic"|"exited"|"command"|"device"|"script"|"os"
---@field code string                         # finer than kind: "nokvm", "state", ...
---@field message string                      # one line
---@field detail? string                      # more lines: places, hints, last output
---@field where? string                       # "boot.lua:12" or "boot.lua:12:5"
---@field errno? integer
---@field tail? string                        # last serial lines, when a VM was involved
---@field exit? vmoon.Exit                    # when the VM has ended
---@field unsearched? integer                 # bytes of output that an expect came too late for
---@field problems? vmoon.Problem[]           # kind "config"
---@field status? integer                     # kind "command"
---@field output? string                      # kind "command"
---@field command? string                     # kind "command"

---@class vmoon.Match
---@field key string|integer                  # which alternative matched
---@field text string
---@field line string
---@field before string                       # output since the last match, at most 64 KiB
---@field captures string[]
---@field time vmoon.Seconds                  # since the start of the VM

---@class vmoon.Exit                            # how a VM ended
---@field reason "poweroff"|"reboot"|"panic"|"crash"|"debug-exit"|"stopped"|"halt"|"host-error"
---@field message string                      # the panic line, the crash's cause, or ""
---@field status integer                      # what the guest wrote to the debug-exit port
---@field uptime vmoon.Seconds
---@field exit_status integer                 # what `vmoon run` would exit with

---@class vmoon.Stats
---@field uptime vmoon.Seconds
---@field first_run vmoon.Seconds             # creation to the first entry into the guest
---@field exits integer
---@field exits_pio integer
---@field exits_mmio integer
---@field exits_halt integer
---@field exits_intr integer
---@field exits_other integer
---@field pio_unclaimed integer
---@field mmio_unclaimed integer
---@field resets integer
---@field console_bytes integer
---@field console_dropped integer
---@field console_unsearched integer          # bytes gone before any expect looked at them
---@field memory integer                      # bytes of guest RAM

---@class vmoon.Host
---@field kvm boolean                         # VMs can run here
---@field reason string                       # why not
---@field hw_virt boolean                     # unmodified Linux guests are quick

---@class vmoon.SinkStats
---@field sink string                         # its name
---@field kind "null"|"file"|"fd"|"fifo"|"unix"|"ring"|"callback"
---@field policy "spool"|"drop"|"pause"
---@field state "working"|"retrying"|"failed"
---@field bytes_in integer
---@field bytes_out integer
---@field bytes_dropped integer
---@field backlog integer                     # bytes that wait
---@field lines_dropped integer               # ends of lines among bytes_dropped
---@field marker_bytes integer                # "[vmoon: ... dropped]", in none of the others
---@field stalled vmoon.Seconds               # how long the guest was held
---@field errors integer                      # writes that failed
---@field error string?                       # the newest of them

---@class vmoon.Limited: vmoon.SinkStats
---@field bytes integer                       # lost or waiting so far

---@class vmoon.StreamStats
---@field bytes integer                       # that were written to it
---@field dropped integer                     # of these, lost before any sink
---@field unsearched? integer                 # of vm.serial: of these, gone before any expect looked at them
---@field sinks vmoon.SinkStats[]

---@class vmoon.Info
---@field sink string
---@field time vmoon.Seconds                  # since the VM's start
---@field backlog integer                     # bytes that wait behind these
---@field dropped integer                     # bytes lost since the last call

---@class vmoon.Stream
local Stream = {}

---Queues bytes as input for the guest; waits while its queue is full.
---@async
---@param bytes string
---@return self
function Stream:write(bytes) end

---Queues a line as input for the guest.
---@async
---@param line string
---@return self
function Stream:send(line) end

---Waits until a pattern appears in the output, as vm:expect does on the serial port.
---@async
---@param pattern vmoon.Pattern
---@param options? { timeout?: vmoon.Seconds }
---@return vmoon.Match
---@overload fun(self: vmoon.Stream, patterns: table<string|integer, vmoon.Pattern>): string|integer, vmoon.Match
function Stream:expect(pattern, options) end

---Like `expect`, but returns `nil, err` instead of raising.
---@async
---@param pattern vmoon.Pattern
---@param options? { timeout?: vmoon.Seconds }
---@return vmoon.Match?
---@return vmoon.Error?
function Stream:try_expect(pattern, options) end

---What the guest has written, the newest 1 MiB of it, with "\n" at line ends.
---@return string
function Stream:text() end

---How many bytes the guest has written so far.
---@return integer
function Stream:tell() end

---Copies all output from now on to an open file; nil ends it.
---@param file file*?
function Stream:copy_to(file) end

---Adds a sink, of the kind that `serial` of a specification lists.
---@param sink vmoon.SpecSerial
---@return self
function Stream:add_sink(sink) end

---Takes a sink away; what waits is written if it is taken at once.
---@param name string                         # its name, or what its sink says
---@return self
function Stream:remove_sink(name) end

---Gives a sink another limit from now on; nil for none. Its figures go on.
---@param name string
---@param limit vmoon.SpecSerialLimit?
---@return self
function Stream:limit(name, limit) end

---Gives a group another rate from now on, for all sinks that share it.
---@param name string
---@param limit { rate: string, burst?: vmoon.Size }
---@return self
function Stream:limit_group(name, limit) end

---What came, went, was lost and waits: of each sink, bytes_in = bytes_out + bytes_dropped + backlog.
---@return vmoon.StreamStats
function Stream:stats() end

---What a ring holds: the newest bytes.
---@param name string
---@return string
function Stream:sink_text(name) end

---Calls a function for each sink that delays, drops or fails, at most once a second; nil ends it.
---@param event "limited"
---@param fn fun(event: vmoon.Limited)?
---@return self
function Stream:on(event, fn) end

---@class vmoon.PortStats: vmoon.StreamStats
---@field out_bytes integer                   # from the guest
---@field in_bytes integer                    # to the guest
---@field out_lost integer                    # lost because the guest did not wait
---@field held integer                        # times that the guest had to wait
---@field is_open boolean                     # by the guest

---@class vmoon.Port: vmoon.Stream              # a console or a port over virtio: vm.port.NAME; a stream, too
---@field name string
local Port = {}

---What came, went, was lost and waits: of each sink, bytes_in = bytes_out + bytes_dropped + backlog.
---@return vmoon.PortStats
function Port:stats() end

---How large a terminal of a console is; the guest's programs are told.
---@param cols integer
---@param rows integer
---@return vmoon.Port
function Port:resize(cols, rows) end

---@class vmoon.DeviceStats                     # of each device; what follows is of one type only
---@field kicks integer                       # by the driver
---@field interrupts integer
---@field resets integer
---@field chains integer                      # requests that were well-formed
---@field malformed integer                   # and those that were not
---@field needs_reset integer                 # times that the device gave up
---@field features integer                    # negotiated; 0 without a driver
---@field is_live boolean                     # a driver works with it
---@field is_broken boolean                   # it waits for a reset
---@field reads? integer                      # of a disk: done
---@field writes? integer
---@field flushes? integer
---@field discards? integer
---@field zeroes? integer
---@field read_bytes? integer
---@field written_bytes? integer
---@field errors? integer                     # answered with an I/O error
---@field unsupported? integer                # answered as not supported
---@field delayed? integer                    # of a disk, of entropy: requests that waited for a limit
---@field in_flight? integer
---@field size? integer                       # of a disk: bytes
---@field requests? integer                   # of entropy
---@field bytes? integer
---@field failures? integer                   # of the host's source
---@field exits? integer                      # of a register device in Lua: accesses that came to it
---@field c_time? vmoon.Seconds                # about what C took for them, Lua's time not counted
---@field fast? integer                       # of a device in Lua: accesses that C answered alone
---@field hooks? integer                      # and those that called a hook; of virtio: calls of hooks
---@field asked? integer                      # hooks that ran in the script, while an access waited for it
---@field late? integer                       # hooks that took longer than their budget
---@field posted? integer                     # writes that were done later
---@field events? integer                     # by d:post
---@field events_lost? integer
---@field lines_lost? integer                 # by d:log
---@field memory? integer                     # bytes of its heap that are in use
---@field memory_peak? integer
---@field memory_max? integer
---@field hook_max? vmoon.Seconds              # the longest time of a hook
---@field hook_total? vmoon.Seconds            # after a thousand calls from samples, as total of by_hook
---@field error? string                       # the last one of a hook, or why it gave up
---@field failed? boolean                     # no hook is called any more
---@field by_hook? table<string, vmoon.HookStats>  # "on_write of CTRL"; since the last reload

---@class vmoon.HookStats
---@field calls integer
---@field errors integer
---@field total vmoon.Seconds
---@field worst vmoon.Seconds

---@class vmoon.Device                          # vm.device.NAME
---@field name string
---@field type "virtio-blk"|"virtio-rng"|"virtio-console"|"lua-device"|"lua-virtio"
---@field stats vmoon.DeviceStats              # a fresh table each time
---@field state table                         # a copy of d.state, of a device in Lua
local Device = {}

---Calls a method of a device in Lua, with plain data.
---@param method string
---@param ... any
---@return any ...
function Device:call(method, ...) end

---What a device in Lua has posted since the last call.
---@return vmoon.DeviceEvent[]
function Device:events() end

---The last accesses of a device in Lua, 256 at most, while they are watched; as a text, a line for each.
---@return vmoon.DeviceAccess[]
function Device:log() end

---The registers of a device in Lua; as a text, a line for each.
---@return vmoon.DeviceRegister[]
function Device:regs() end

---Reads the file of a device in Lua again: new code, the same registers and state. Mistakes are raised,
---and the old code goes on.
---@return vmoon.Device
function Device:reload() end

---Whether accesses of a device in Lua are kept for log, which costs time; at first they are not.
---@param is_on boolean
function Device:watch(is_on) end

---Gives a disk another limit from now on; nil for none.
---@param limit vmoon.SpecDisksLimit?
---@return vmoon.Device
function Device:limit(limit) end

---Grows or shrinks the file of a disk, and tells the guest.
---@param size vmoon.Size
---@return vmoon.Device
function Device:resize(size) end

---@class vmoon.Log                             # what the VM itself has to say, a line each
local Log = {}

---What was logged, the newest 1 MiB of it.
---@return string
function Log:text() end

---How many bytes were logged so far.
---@return integer
function Log:tell() end

---Copies all lines from now on to an open file; nil ends it.
---@param file file*?
function Log:copy_to(file) end

---Sets levels from now on: of all modules, of some, or both, as in "warn,output=debug".
---@param levels string
---@return vmoon.Log
function Log:level(levels) end

---How lines look from now on.
---@param format "text"|"json"
---@return vmoon.Log
function Log:format(format) end

---Adds a sink, of the kind that `log.sinks` of a specification lists.
---@param sink vmoon.SpecLogSinks
---@return vmoon.Log
function Log:add_sink(sink) end

---Takes a sink away; what waits is written if it is taken at once.
---@param name string                         # its name, or what its sink says
---@return vmoon.Log
function Log:remove_sink(name) end

---Gives a sink another limit from now on; nil for none. Its figures go on.
---@param name string
---@param limit vmoon.SpecLogSinksLimit?
---@return vmoon.Log
function Log:limit(name, limit) end

---Gives a group another rate from now on, for all sinks that share it.
---@param name string
---@param limit { rate: string, burst?: vmoon.Size }
---@return vmoon.Log
function Log:limit_group(name, limit) end

---What came, went, was lost and waits: of each sink, bytes_in = bytes_out + bytes_dropped + backlog.
---@return vmoon.StreamStats
function Log:stats() end

---What a ring holds: the newest bytes.
---@param name string
---@return string
function Log:sink_text(name) end

---Calls a function for each sink that delays, drops or fails, at most once a second; nil ends it.
---@param event "limited"
---@param fn fun(event: vmoon.Limited)?
---@return vmoon.Log
function Log:on(event, fn) end

---@class vmoon.Shell
local Shell = {}

---Runs a command; its output without the last newline. Raises kind "command" unless its status is 0.
---@async
---@param command string
---@param options? { timeout?: vmoon.Seconds }  # default 30
---@return string
function Shell:run(command, options) end

---Runs a command; its output and its status.
---@async
---@param command string
---@param options? { timeout?: vmoon.Seconds }
---@return string output
---@return integer status
function Shell:try(command, options) end

---Types a line and waits for nothing.
---@param line string
function Shell:send(line) end

---@class vmoon.VM
---@field name string
---@field state "created"|"running"|"paused"|"stopped"|"failed"
---@field serial vmoon.Stream
---@field log vmoon.Log
---@field port table<string, vmoon.Port>        # consoles and ports by name
---@field device table<string, vmoon.Device>    # disks, entropy and the console device by name
---@field shell vmoon.Shell                     # of the last login
---@field uptime vmoon.Seconds
---@field stats vmoon.Stats
---@field exit vmoon.Exit?                      # nil while the VM lives
local VM = {}

---Starts a VM that `vmoon.new` made, and returns at once.
---@return vmoon.VM
function VM:start() end

---Returns with every CPU of the guest standing still, and timers of devices in Lua.
---@return vmoon.VM
function VM:pause() end

---Lets a paused guest go on.
---@return vmoon.VM
function VM:resume() end

---Ends the guest without asking it.
---@return vmoon.Exit
function VM:stop() end

---Presses the power button, waits, and stops the VM when the time is over.
---@async
---@param options? { timeout?: vmoon.Seconds }  # default 30
---@return vmoon.Exit
function VM:shutdown(options) end

---Waits for the end of the VM, without a timeout for as long as it takes.
---@async
---@param options? { timeout?: vmoon.Seconds }
---@return vmoon.Exit
function VM:wait(options) end

---Stops the VM if need be and frees everything; may be called again.
function VM:close() end

---Makes the terminal the console of the VM until Ctrl-A x or its end.
---@async
---@return "left"|"ended"|"closed"|"signal"
function VM:console() end

---Calls a function once the VM has changed its state, or has ended; nil instead of a function ends it.
---It runs inside the next call that waits (`wait`, `expect`, `console`, a shell). An error in it ends
---neither the VM nor the other functions: it is raised by that call, with a traceback.
---@param event "exit"|"state"
---@param fn? fun(vm: vmoon.VM, what: vmoon.Exit|string)
---@return vmoon.VM
function VM:on(event, fn) end

---Waits until a pattern appears on the console. Raises kind "timeout" (default 30 s), "panic" or "exited".
---A table of patterns gives back the key of the one that came first, and the match.
---@async
---@param pattern vmoon.Pattern
---@param options? { timeout?: vmoon.Seconds }
---@return vmoon.Match
---@overload fun(self: vmoon.VM, patterns: table<string|integer, vmoon.Pattern>): string|integer, vmoon.Match
function VM:expect(pattern, options) end

---Like `expect`, but returns `nil, err` instead of raising.
---@async
---@param pattern vmoon.Pattern
---@param options? { timeout?: vmoon.Seconds }
---@return vmoon.Match?
---@return vmoon.Error?
function VM:try_expect(pattern, options) end

---Waits for a login prompt, logs in and makes the shell quiet.
---@async
---@param options? { user?: string, password?: string, timeout?: vmoon.Seconds, on?: string }  # on: a console
---@return vmoon.Shell
function VM:login(options) end

---@class vmoon.BenchParams
---@field size? vmoon.Size                     # of blk; default "1M"
---@field readonly? boolean
---@field cached? boolean                      # offers FLUSH; default true
---@field id? string
---@field queues? integer                      # 1 to 8
---@field rate? vmoon.Size                     # of rng: bytes a second
---@field burst? vmoon.Size
---@field seed? integer
---@field ports? integer                       # of console: 1 to 16

---@class vmoon.BenchFault
---@field op? "read"|"write"|"flush"|"discard"|"zeroes"|"any"
---@field nth? integer                         # from now on; default 1
---@field errno? string                        # "EIO"; without one it goes on
---@field moved? integer                       # bytes before that
---@field held? boolean                        # until b:release
---@field sticky? boolean                      # all after it as well

---@alias vmoon.BenchName "blk"|"rng"|"console"|"uart16550"|"rtc-cmos"|"rtc-pl031"

---@class vmoon.BenchSpec                       # device or file
---A device of ours by its name, or one in Lua that this script describes.
---@field device? vmoon.BenchName|vmoon.device.Mmio|vmoon.device.Pio|vmoon.device.Virtio
---A device in Lua: its file.
---@field file? string
---As the device or the file has them.
---@field params? vmoon.BenchParams|table
---Of a device in Lua, instead of the file's.
---@field name? string
---Of a device in Lua: "ignore" does not raise what its hooks do wrong.
---@field on_error? "pause"|"ignore"|"stop"
---Of a device's file: it has all of Lua, and no limit of time.
---@field trusted? boolean
---Guest RAM, from address 0 on. Default "8M".
---@field memory? vmoon.Size
---What b:save() gave, of a bench with the same params.
---@field state? string

---@class vmoon.BenchBuffer
---@field gpa integer
---@field len integer
---@field write? boolean                      # by the device; default false

---@class vmoon.Bench                           # a device with no guest and no KVM, in virtual time
---@field irq boolean                         # the level of its interrupt line
---@field held integer                        # requests of its disk that wait for b:release
---@field faults integer                      # what the driver did wrong, of all kinds
---@field edges integer                       # of its interrupt, when it is no level
---@field exit? integer                       # the status with which a device in Lua has ended its machine
---@field state table                         # a copy of d.state, of a device in Lua
---@field stats table                         # figures of a device in Lua, and of each hook
local Bench = {}

---Lets time go by: timers fire, and what they start is done.
---@param seconds vmoon.Seconds
function Bench:advance(seconds) end

---Calls a method of a device in Lua, with plain data.
---@param method string
---@param ... any
---@return any ...
function Bench:call(method, ...) end

---Closes it; any number of times.
function Bench:close() end

---Tells the disk that sectors are not needed.
---@param sector integer
---@param sectors integer
function Bench:discard(sector, sectors) end

---What a device in Lua has posted since the last call.
---@return vmoon.DeviceEvent[]
function Bench:events() end

---What happens to the nth request from now on.
---@param fault vmoon.BenchFault
function Bench:fault(fault) end

---Flushes the disk.
function Bench:flush() end

---The disk's serial number.
---@return string
function Bench:id() end

---Gives a uart or a port bytes of the host's: how many it took.
---@param bytes string
---@param port? integer                       # default 0
---@return integer
function Bench:input(bytes, port) end

---The interrupt handler: bits of what it was for, acknowledged.
---@return integer
function Bench:interrupt() end

---Kicks a queue; all that follows is done when it returns.
---@param queue integer
function Bench:kick(queue) end

---The last accesses of a device in Lua, 256 at most; as a text, a line for each.
---@return vmoon.DeviceAccess[]
function Bench:log() end

---Offers a chain of buffers, in memory that is yours: the lower half. Not kicked.
---@param queue integer
---@param buffers vmoon.BenchBuffer[]
---@return integer head
function Bench:offer(queue, buffers) end

---What came out of a uart or a port since the last call.
---@param port? integer                       # default 0
---@return string
function Bench:output(port) end

---Bytes of guest memory.
---@param gpa integer
---@param len integer
---@return string
function Bench:peek(gpa, len) end

---Writes guest memory.
---@param gpa integer
---@param bytes string
function Bench:poke(gpa, bytes) end

---Resets a virtio device and sets it up as a driver does: what was negotiated.
---@param options? { features?: integer, ring?: integer }
---@return integer features
function Bench:probe(options) end

---Reads sectors of the disk, by a request. Raises kind "device" for what the device answers with an error.
---@param sector integer
---@param sectors integer
---@return string
function Bench:read(sector, sectors) end

---Reads a register of 8 bits.
---@param offset integer
---@return integer
function Bench:read8(offset) end

---Reads a register of 16 bits.
---@param offset integer
---@return integer
function Bench:read16(offset) end

---Reads a register of 32 bits.
---@param offset integer
---@return integer
function Bench:read32(offset) end

---Reads a register of 64 bits.
---@param offset integer
---@return integer
function Bench:read64(offset) end

---The registers of a device in Lua; as a text, a line for each.
---@return vmoon.DeviceRegister[]
function Bench:regs() end

---Completes a request that was held: 1, the default, is the oldest.
---@param i? integer
function Bench:release(i) end

---Reads the file of a device in Lua again: new code, the same registers and state.
---@return vmoon.Bench
function Bench:reload() end

---A request all the way: what came back, and how much the device says it wrote.
---@param queue integer
---@param request { out?: string, in?: integer }
---@return string bytes
---@return integer written
function Bench:request(queue, request) end

---Resets the device as the machine does.
function Bench:reset() end

---The device and its memory, for state of another bench.
---@return string
function Bench:save() end

---What the device has used: the chain's head and its length, or nothing.
---@param queue integer
---@return integer? head
---@return integer? len
function Bench:take(queue) end

---Writes sectors of the disk, by a request.
---@param sector integer
---@param bytes string
function Bench:write(sector, bytes) end

---Writes a register of 8 bits.
---@param offset integer
---@param value integer
function Bench:write8(offset, value) end

---Writes a register of 16 bits.
---@param offset integer
---@param value integer
function Bench:write16(offset, value) end

---Writes a register of 32 bits.
---@param offset integer
---@param value integer
function Bench:write32(offset, value) end

---Writes a register of 64 bits.
---@param offset integer
---@param value integer
function Bench:write64(offset, value) end

---Zeroes sectors of the disk.
---@param sector integer
---@param sectors integer
function Bench:zeroes(sector, sectors) end

---@class vmoon.DeviceEvent
---@field name string
---@field value any

---@class vmoon.DeviceAccess
---@field offset integer
---@field width integer
---@field value integer
---@field write boolean
---@field register? string                    # that is there
---@field index? integer                      # of it, in an array
---@field fields? table<string, boolean|integer>  # of it, as far as the access had them
---@field text string                          # "CTRL <- 0x3 {ENABLE IRQEN}"; tostring gives it, too

---@class vmoon.DeviceRegister
---@field name string
---@field offset integer
---@field value integer                       # as stored: no hook is called
---@field index? integer                      # in an array
---@field fields? table<string, integer|boolean>

---@class vmoon
---@field KiB vmoon.SizeValue
---@field MiB vmoon.SizeValue
---@field GiB vmoon.SizeValue
---@field device vmoon.device                   # what require "vmoon.device" gives, for a device in this script
local vmoon = {}

---Creates a VM that is not started.
---@param spec vmoon.Spec
---@return vmoon.VM
---@nodiscard
function vmoon.new(spec) end

---Creates and starts a VM. Close it with `<close>` or `vm:close()`.
---@param spec vmoon.Spec
---@return vmoon.VM
---@nodiscard
function vmoon.boot(spec) end

---A device on a bench: no guest, no KVM, and time stands still but for b:advance.
---@param spec vmoon.BenchSpec
---@return vmoon.Bench
---@nodiscard
function vmoon.bench(spec) end

---Finds every mistake in a specification; needs no KVM. Raises kind "config".
---@param spec vmoon.Spec
---@return true
function vmoon.check(spec) end

---The checked specification with all its defaults.
---@param spec vmoon.Spec
---@param format? "json"
---@return string
function vmoon.export(spec, format) end

---Whether something was built in: "kvm", "lz4", "zstd", "gzip", "xz", "json".
---@param feature string
---@return boolean
function vmoon.has(feature) end

---What this machine can do.
---@return vmoon.Host
function vmoon.host() end

---The version of the library, as in "0.1.0".
---@return string
function vmoon.version() end

---A Lua pattern; "^" is the start of any line.
---@param pattern string
---@return vmoon.Compiled
function vmoon.pat(pattern) end

---A POSIX extended regular expression without back-references.
---@param expression string
---@return vmoon.Compiled
function vmoon.re(expression) end

---Monotonic seconds; the zero point has no meaning.
---@return vmoon.Seconds
function vmoon.now() end

---Waits; VMs run on.
---@async
---@param seconds vmoon.Seconds
function vmoon.sleep(seconds) end

return vmoon
