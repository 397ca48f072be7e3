-- SPDX-License-Identifier: MIT
-- device_api_spec.lua - what is said of device files: keys, the object d and
-- its methods, buffers. Nothing is missing, and nothing is made up.
local support = dofile "tests/spec/support.lua"
local vmoon = require "vmoon"

local STUB <const> = "bindings/meta/vmoon_device.lua"

local function api(format)
  local run = support.vmoon("api " .. format)
  assert.same({ 0, "" }, { run.status, run.err })
  return run.out
end

local function sorted(names)
  local list = {}
  for name in pairs(names) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- Fields and methods that the stub gives to classes.
local function stub_names(...)
  local names, text = {}, support.read(STUB)
  for _, class in ipairs { ... } do
    local is_inside = false
    for line in text:gmatch "([^\n]*)\n" do
      local opened = line:match "^%-%-%-@class%s+([%w.]+)"
      if opened then is_inside = opened == "vmoon.device." .. class end
      local field = is_inside and line:match "^%-%-%-@field ([%w_]+)"
      local method = line:match("^function " .. class .. ":([%w_]+)")
      if field or method then names[field or method] = true end
    end
  end
  return sorted(names)
end

-- The functions that tables of a C file give to Lua.
local function registered(path)
  local names = {}
  for list in support.read(path):gmatch "static const luaL_Reg [%w_]+%[%] = (%b{})" do
    for name in list:gmatch '{"([%w_]+)",' do names[name] = true end
  end
  return names
end

-- What d has, as the code of a device sees it.
local function d_names(declaration)
  local path = support.write("d.lua", ([[
    return require "vmoon.device".%s
      methods = { names = function(d)
        local names = {}
        for name in pairs(d) do names[name] = true end
        return names
      end },
    }]]):format(declaration))
  local b <close> = vmoon.bench { file = path }
  return sorted(b:call "names")
end

local REGISTERS <const> = 'mmio { name = "x", size = 64, registers = { R = { at = 0 } },'
local VIRTIO <const> = 'virtio { name = "x", id = 4, queues = { { name = "q", on_buffer = function() end } },'

describe("the stub of vmoon.device", function()
  teardown(support.clean)

  it("is the one in the tree", function()
    assert.equal(support.read(STUB), api "--device --luals")
  end)

  it("loads as Lua", function()
    assert.is_function(load(support.read(STUB)))
  end)

  it("has what d has, of each kind, and no more", function()
    assert.same(d_names(REGISTERS), stub_names("Object", "RegisterObject"))
    assert.same(d_names((REGISTERS:gsub("mmio", "pio"))), stub_names("Object", "RegisterObject"))
    assert.same(d_names(VIRTIO), stub_names("Object", "VirtioObject"))
  end)

  it("has what the code registers", function()
    local d = registered "bindings/ldobj_lib.c"
    for name in pairs(registered "bindings/ldvirtio.c") do d[name] = true end
    local said = {}
    for _, name in ipairs(stub_names("Object", "RegisterObject", "VirtioObject")) do said[name] = true end
    assert.is_true(next(d) ~= nil)
    for name in pairs(d) do assert.is_true(said[name], name) end
    local buffer = registered "bindings/ldvirtio_buf.c"
    for _, name in ipairs { "readable", "writable", "queue" } do buffer[name] = true end
    assert.same(sorted(buffer), stub_names "Buffer")
  end)

  it("has the methods of a buffer as functions", function()
    local path = support.write("f.lua", [[
      local names = {}
      for name, f in pairs(require "vmoon.device".buffer) do names[name] = type(f) == "function" end
      return require "vmoon.device".pio {
        name = "x", size = 4, registers = { R = { at = 0 } }, methods = { names = function() return names end },
      }]])
    local b <close> = vmoon.bench { file = path }
    assert.same(sorted(b:call "names"), stub_names "BufferFunctions")
  end)

  it("says of buffers what they have", function()
    local path = support.write("b.lua", [[
      return require "vmoon.device".virtio { name = "x", id = 4, state = {},
        queues = { { name = "q", on_buffer = function(d, buf)
          for _, name in ipairs(d.state.names) do d.state[name] = type(buf[name]) end
          d.state.unknown = pcall(function() return buf.unknown end)
        end } },
        methods = { set = function(d, names) d.state.names = names end },
      }]])
    local b <close> = vmoon.bench { file = path }
    b:probe()
    b:call("set", stub_names "Buffer")
    b:request(0, { out = "x", ["in"] = 8 })
    local state = b.state
    for _, name in ipairs(stub_names "Buffer") do
      local is_number = name == "readable" or name == "writable" or name == "queue"
      assert.equal(is_number and "number" or "function", state[name], name)
    end
    assert.is_false(state.unknown)
  end)

  it("has the functions of the module", function()
    for _, kind in ipairs { "mmio", "pio", "virtio" } do
      assert.matches("\nfunction device." .. kind .. "(spec) end\n", support.read(STUB), 1, true)
    end
    local path = support.write("m.lua", 'local _ = require "vmoon.device".none')
    assert.matches("vmoon.device has no 'none'", tostring(select(2, pcall(vmoon.bench, { file = path }))), 1, true)
  end)
end)

describe("vmoon api --device", function()
  teardown(support.clean)

  it("has a line for each key: type, what it is when left out, example", function()
    local text = api "--device"
    for _, line in ipairs {
      '  name  (string; left out: the file\'s, without .lua)  name = "counter"',
      '  irq  (choice: level, edge; left out: it has no interrupt; of mmio, pio)  irq = "level"',
      "  size  (bytes; required; of mmio, pio)  size = 0x1000",
      "  at  (offset; required)  at = 0x04",
    } do assert.matches("\n" .. line .. "\n", "\n" .. text, 1, true) end
  end)

  it("has the keys that the manual page and the stub have", function()
    local page, stub, count = api "--man vmoon-device.5", support.read(STUB), 0
    for key in api "--device":gmatch "\n  ([%w_]+)  %(" do
      count = count + 1
      assert.matches("\n\\fB" .. key .. "\\fR (", page, 1, true)
      assert.matches("\n%-%-%-@field " .. key .. "%??%s", stub)
    end
    assert.is_true(count > 50, count)
  end)
end)

describe("vmoon-device.5", function()
  teardown(support.clean)

  it("has every method and every field, and says something of it", function()
    local page = api "--man vmoon-device.5"
    for word, classes in pairs { d = { "Object", "RegisterObject", "VirtioObject" }, buf = { "Buffer" } } do
      for _, name in ipairs(stub_names(table.unpack(classes))) do
        local what = page:match("\n%.TP\n\\fB" .. word .. "[.:]" .. name .. "[^\n]*\n([^\n]+)")
        assert.is_truthy(what and not what:match "^%.", word .. ":" .. name)
      end
    end
  end)

  it("explains every kind of access that there is", function()
    local page = api "--man vmoon-device.5":match "\n%.SH ACCESS\n(.-)\n%.SH "
    local kinds = api "--device":match "\n  access  %(choice: ([^;]+);"
    for kind in kinds:gmatch "[%w-]+" do
      assert.matches("\n\\fB" .. kind:gsub("-", "\\-") .. "\\fR\n", page, 1, true)
    end
  end)
end)
