-- SPDX-License-Identifier: MIT
-- device_spec.lua - vm.device and vm.port: handles, their names, what they refuse.
local support = assert(loadfile "tests/spec/kvm/support.lua")(it, function(why) pending(why) end)
local vmoon = require "vmoon"
local with, raised = support.with, support.raised

local count = 0

local function new(kernel, fields)
  count = count + 1
  local spec = {
    kernel = kernel, name = "a", rng = true,
    disks = { { name = "root", path = support.folder() .. "/" .. count .. ".img", create = true, size = "1M" } },
    consoles = { { name = "cmd" }, { name = "data", kind = "port" } },
  }
  for key, value in pairs(fields or {}) do spec[key] = value end
  return vmoon.new(spec)
end

local function names(directory)
  local list = {}
  for name in pairs(directory) do list[#list + 1] = name end
  table.sort(list)
  return list
end

teardown(support.clean)

describe("a VM's devices", function()
  with("hello", "are known by their names", function(kernel)
    local vm <close> = new(kernel)
    assert.same({ "console", "rng", "root" }, names(vm.device))
    assert.same({ "cmd", "data" }, names(vm.port))
    local types = {}
    for name, device in pairs(vm.device) do types[name] = device.type end
    assert.same({ console = "virtio-console", rng = "virtio-rng", root = "virtio-blk" }, types)
    assert.equal("root", vm.device.root.name)
    assert.equal("cmd", vm.port.cmd.name)
    assert.equal("device 'root' of vm 'a'", tostring(vm.device.root))
    assert.equal("port 'cmd' of vm 'a'", tostring(vm.port.cmd))
    assert.equal("devices of vm 'a'", tostring(vm.device))
    assert.equal(vm.port.cmd, vm.port.cmd)
  end)

  with("hello", "are none where none are described", function(kernel)
    local vm <close> = vmoon.new { kernel = kernel }
    assert.same({}, names(vm.device))
    assert.same({}, names(vm.port))
  end)

  with("hello", "are no tables that take or give anything", function(kernel)
    local vm <close> = new(kernel)
    local err = raised(function() return vm.device.rot end)
    assert.equal("script", err.kind)
    assert.equal("devices of vm 'a' has no field or method \"rot\"", err.message)
    assert.matches('did you mean "root"?', err.detail, 1, true)
    assert.matches('did you mean "data"?', raised(function() return vm.port.dta end).detail, 1, true)
    assert.matches('did you mean "stats"?', raised(function() return vm.device.root.statss end).detail, 1, true)
    assert.matches("cannot be set", raised(function() vm.device.x = 1 end).message, 1, true)
    assert.matches("cannot be set", raised(function() vm.device.root.name = "x" end).message, 1, true)
    assert.matches('did you mean "port"?', raised(function() return vm.ports end).detail, 1, true)
  end)

  with("hello", "have figures in a fresh table", function(kernel)
    local vm <close> = new(kernel)
    local stats = vm.device.root.stats
    assert.equal(1048576, stats.size)
    assert.same({ 0, 0, 0, false }, { stats.reads, stats.kicks, stats.features, stats.is_live })
    assert.are_not.equal(stats, vm.device.root.stats)
    assert.equal(0, vm.device.rng.stats.bytes)
    assert.is_nil(vm.device.console.stats.reads)
    local port = vm.port.data:stats()
    assert.same({ 0, 0, 0, false }, { port.out_bytes, port.in_bytes, port.bytes, port.is_open })
  end)

  with("hello", "are gone with their VM", function(kernel)
    local vm = new(kernel)
    local disk, port, devices = vm.device.root, vm.port.cmd, vm.device
    vm:close()
    assert.equal("vm is closed", raised(function() return disk.stats end).message)
    assert.equal("vm is closed", raised(function() port:send "x" end).message)
    assert.equal("vm is closed", raised(function() return vm.device end).message)
    assert.equal("root", devices.root.name)
  end)
end)

describe("a disk that runs", function()
  with("hello", "takes the limits of a description", function(kernel)
    local vm <close> = new(kernel)
    local disk = vm.device.root
    assert.equal(disk, disk:limit { bytes = "1M/s", burst = "64K", read = { ops = "5/s" } })
    assert.equal(disk, disk:limit(nil))
    local err = raised(function() disk:limit { byte = "1M/s", ops = 5, burst = "1M" } end)
    assert.equal("config", err.kind)
    assert.same({ "burst", "byte", "ops" }, (function()
      local paths = {}
      for i, problem in ipairs(err.problems) do paths[i] = problem.path end
      table.sort(paths)
      return paths
    end)())
    assert.matches("a table is needed, or nil for none, got string", raised(disk.limit, disk, "1M/s").message, 1, true)
  end)

  with("hello", "takes a size", function(kernel)
    local vm <close> = new(kernel)
    local disk = vm.device.root
    assert.equal(disk, disk:resize "2M")
    assert.equal(2097152, disk.stats.size)
    disk:resize(3 * vmoon.MiB)
    assert.equal(3145728, disk.stats.size)
    assert.matches("a size needs a unit, got bare number 4", tostring(raised(disk.resize, disk, 4)), 1, true)
    assert.matches("a size is needed", raised(disk.resize, disk).message, 1, true)
    assert.equal(3145728, disk.stats.size)
  end)

  with("hello", "is nothing but a disk", function(kernel)
    local vm <close> = new(kernel)
    assert.equal("device:resize is for disks: 'rng' is a virtio-rng",
      raised(function() vm.device.rng:resize "2M" end).message)
    assert.equal("device:limit is for disks: 'console' is a virtio-console",
      raised(function() vm.device.console:limit {} end).message)
  end)

  with("hello", "that is read-only keeps its size", function(kernel)
    local path = support.write("ro.img", ("x"):rep(1024))
    local vm <close> = new(kernel, { disks = { { path = path, readonly = true } } })
    local err = raised(function() vm.device.disk0:resize "2M" end)
    assert.equal("config", err.kind)
    assert.matches("^vm 'a': ", err.message)
    assert.equal(1024, #support.read(path))
  end)
end)

describe("a port", function()
  with("hello", "has the methods of a stream", function(kernel)
    local chunks = {}
    local vm <close> = new(kernel, {
      consoles = { { sinks = { { sink = "callback", on_data = function(bytes) chunks[#chunks + 1] = bytes end } } } },
    })
    local port = vm.port.console0
    assert.equal("", port:text())
    assert.equal(0, port:tell())
    assert.equal("callback", port:stats().sinks[1].sink)
    port:add_sink { sink = "ring" }
    assert.equal("", port:sink_text "ring")
    port:limit("ring", { policy = "drop", rate = "1K/s" })
    port:remove_sink "ring"
    port:on("limited", function() end)
    assert.equal(port, port:resize(80, 25))
    local ok, err = port:try_expect("never", { timeout = 0.1 })
    assert.is_nil(ok)
    assert.matches("not started", err.message, 1, true)
    assert.equal("port:write: a string is needed, got number", raised(port.write, port, 5).message)
    assert.matches("1 to 65535", raised(port.resize, port, 0, 25).message, 1, true)
    assert.matches("1 to 65535", raised(port.resize, port, 80).message, 1, true)
    assert.same({}, chunks)
  end)

  with("hello", "has a size only when it is a console", function(kernel)
    local vm <close> = new(kernel)
    assert.matches("is no console", raised(function() vm.port.data:resize(80, 25) end).message, 1, true)
  end)

  with("hello", "that is not there is no place for a login", function(kernel)
    local vm <close> = new(kernel)
    assert.matches('did you mean "cmd"?', raised(function() vm:login { on = "cmdd" } end).detail, 1, true)
  end)
end)
