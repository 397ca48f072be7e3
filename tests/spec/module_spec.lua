-- SPDX-License-Identifier: MIT
-- module_spec.lua - the surface of `require "vmoon"`, and its editor stub.
local vmoon = require "vmoon"

local STUB = "bindings/meta/vmoon.lua"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

local function sorted(names)
  local list = {}
  for name in pairs(names) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- Names under one class of the stub: fields of `---@field`, and functions. What
-- is inherited is asked for by itself.
local function stub_names(class, prefix)
  local names, is_inside = {}, false
  for line in (read(STUB) .. "\n"):gmatch "([^\n]*)\n" do
    local opened = line:match "^%-%-%-@class%s+%(?e?x?a?c?t?%)?%s*([%w.]+)"
    if opened then is_inside = opened == class end
    local field = is_inside and line:match "^%-%-%-@field ([%w_]+)"
    local method = line:match("^function " .. prefix .. "([%w_]+)")
    if field or method then names[field or method] = true end
  end
  return names
end

-- Methods and properties of a handle type, from its metatable.
local function handle_names(type)
  pcall(vmoon.check, {}) -- methods come with the first mistake, or with the first that is missed
  local metatable = debug.getregistry()[type]
  local names = {}
  for name in pairs(metatable["vmoon.methods"]) do names[name] = true end
  for name in pairs(metatable["vmoon.properties"]) do names[name] = true end
  return names
end

describe("the editor stub lists exactly what exists", function()
  it("in the module", function()
    assert.same(sorted(vmoon), sorted(stub_names("vmoon", "vmoon%.")))
  end)

  it("in VM handles", function()
    assert.same(sorted(handle_names "vmoon.vm"), sorted(stub_names("vmoon.VM", "VM:")))
  end)

  it("in benches", function()
    assert.same(sorted(handle_names "vmoon.bench"), sorted(stub_names("vmoon.Bench", "Bench:")))
  end)

  it("in streams", function()
    assert.same(sorted(handle_names "vmoon.stream"), sorted(stub_names("vmoon.Stream", "Stream:")))
    assert.same(sorted(handle_names "vmoon.log"), sorted(stub_names("vmoon.Log", "Log:")))
    local port = stub_names("vmoon.Port", "Port:")
    for name in pairs(stub_names("vmoon.Stream", "Stream:")) do port[name] = true end
    assert.matches("---@class vmoon.Port: vmoon.Stream ", read(STUB), 1, true)
    assert.same(sorted(handle_names "vmoon.port"), sorted(port))
  end)

  it("in devices", function()
    assert.same(sorted(handle_names "vmoon.device"), sorted(stub_names("vmoon.Device", "Device:")))
  end)

  it("in what a bench takes: fields, names and kinds of devices", function()
    local stub = read(STUB)
    local fields = select(2, pcall(vmoon.bench, { x = 1 })).message:match "there are (.*)$"
    assert.equal(fields, table.concat(sorted(stub_names("vmoon.BenchSpec", "no method ")), ", "))
    local names = select(2, pcall(vmoon.bench, { device = "x" })).message:match "there are (.*)$"
    assert.matches('---@alias vmoon.BenchName "' .. names:gsub(", ", '"|"') .. '"\n', stub, 1, true)
    for kind in pairs(require "vmoon.device") do
      local class = "vmoon.device." .. kind:sub(1, 1):upper() .. kind:sub(2)
      assert.matches("%-%-%-@field device%? vmoon%.BenchName|[%w.|]*" .. class .. "%f[|\n]", stub)
    end
  end)
end)

describe("the module", function()
  it("makes no global names", function()
    assert.is_nil(rawget(_G, "vmoon"))
  end)

  it("knows its version and its features", function()
    local file <close> = assert(io.open "VERSION")
    assert.equal(file:read "l", vmoon.version())
    assert.is_true(vmoon.has "kvm")
    assert.is_false(vmoon.has "no such feature")
  end)

  it("says what the host can do, with a reason when it cannot", function()
    local host = vmoon.host()
    assert.is_boolean(host.kvm)
    assert.is_boolean(host.hw_virt)
    assert.equal(host.kvm, host.reason == "")
  end)

  it("tells the time and sleeps", function()
    local before = vmoon.now()
    vmoon.sleep(0.01)
    assert.is_true(vmoon.now() - before >= 0.01)
    assert.has_error(function() vmoon.sleep "soon" end)
    assert.has_error(function() vmoon.sleep(-1) end)
    assert.has_error(function() vmoon.sleep(0 / 0) end)
  end)

  it("can be loaded twice", function()
    local loaded = package.loaded.vmoon
    package.loaded.vmoon = nil
    local again = require "vmoon"
    package.loaded.vmoon = loaded
    assert.same(sorted(vmoon), sorted(again))
  end)
end)

describe("size values", function()
  it("are made with the constants", function()
    assert.equal("128M", tostring(128 * vmoon.MiB))
    assert.equal("1536M", tostring(1.5 * vmoon.GiB))
    assert.equal("1025K", tostring(vmoon.MiB + vmoon.KiB))
    assert.equal(vmoon.GiB, 1024 * vmoon.MiB)
    assert.is_true(vmoon.KiB < vmoon.MiB and vmoon.GiB >= vmoon.MiB)
    assert.equal(1024, vmoon.KiB:bytes())
  end)

  it("refuse what is no size", function()
    assert.has_error(function() return -1 * vmoon.MiB end)
    assert.has_error(function() return 0.0001 * vmoon.KiB end)
    assert.has_error(function() return math.huge * vmoon.KiB end)
    assert.has_error(function() return (0 / 0) * vmoon.KiB end)
    assert.has_error(function() return math.maxinteger * vmoon.GiB end)
    assert.has_error(function() return vmoon.MiB * vmoon.MiB end)
    assert.has_error(function() return "2" * vmoon.MiB end)
    assert.has_error(function() return vmoon.MiB + 1 end)
  end)
end)

describe("patterns", function()
  it("show themselves", function()
    assert.equal('re("a|b")', tostring(vmoon.re "a|b"))
    assert.equal('pat("%d+")', tostring(vmoon.pat "%d+"))
  end)

  it("are checked when they are made", function()
    local function message(f, ...) return select(2, pcall(f, ...)).message end
    assert.matches("no extended regular expression", message(vmoon.re, "("), 1, true)
    assert.matches("back-references do not exist", message(vmoon.re, "(a)\\1"), 1, true)
    assert.matches("no Lua pattern", message(vmoon.pat, "%"), 1, true)
    assert.matches("a string that is not empty, got nil", message(vmoon.re, nil), 1, true)
    assert.matches("got an empty one", message(vmoon.pat, ""), 1, true)
  end)
end)
