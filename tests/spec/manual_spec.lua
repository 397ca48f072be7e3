-- SPDX-License-Identifier: MIT
-- manual_spec.lua - stub and manual pages are made of what there is.
local support = dofile "tests/spec/support.lua"
local vmoon = require "vmoon"

local function api(format)
  local run = support.vmoon("api " .. format)
  assert.same({ 0, "" }, { run.status, run.err })
  return run.out
end

-- All that roff has to say about a page.
local function formatted(page)
  return support.sh("env -u LD_PRELOAD groff -man -ww -Tascii -z " .. support.write(page, api("--man " .. page)))
end

describe("vmoon api", function()
  teardown(support.clean)

  it("makes the stub that is in the tree", function()
    assert.equal(support.read "bindings/meta/vmoon.lua", api "--luals")
  end)

  it("makes a JSON Schema that is JSON", function()
    local schema = dofile "tests/support/json.lua"(api "--json")
    local limit = schema.properties.serial.items.properties.limit
    assert.same({ "spool", "drop", "pause" }, limit.properties.policy.enum)
    assert.equal("string", schema.properties.name.type)
  end)

  it("refuses a page that there is not, and no format at all", function()
    assert.same({ 106, "vmoon: there is no page x.1; there are vmoon.1, vmoon-lua.3, vmoon-spec.5, "
      .. "vmoon-device.5 and vmoon-device.7\n" },
      { support.vmoon("api --man x.1").status, support.vmoon("api --man x.1").err })
    assert.equal(106, support.vmoon("api").status)
  end)
end)

describe("the manual page", function()
  teardown(support.clean)

  for _, page in ipairs { "vmoon.1", "vmoon-lua.3", "vmoon-spec.5", "vmoon-device.5", "vmoon-device.7" } do
    it(page .. " has no roff mistake", function()
      if support.sh("command -v groff").status ~= 0 then return pending "groff is not here" end
      local run = formatted(page)
      assert.same({ 0, "" }, { run.status, run.err })
      if support.sh("command -v mandoc").status == 0 then
        local lint = support.sh(("env -u LD_PRELOAD mandoc -T lint -W warning %s/%s"):format(support.folder(), page))
        assert.equal("", lint.out)
      end
    end)
  end

  it("vmoon-spec.5 has a section for each virtio device", function()
    local text = api "--man vmoon-spec.5"
    for _, section in ipairs { "DISKS", "ENTROPY", "CONSOLES" } do
      assert.matches("\n.SH " .. section .. "\n", text, 1, true)
    end
  end)

  it("vmoon.1 has every command and option", function()
    local text = api "--man vmoon.1"
    for name in support.vmoon("help").out:gmatch "\n  vmoon (%l+)" do
      assert.matches(".SS \"vmoon " .. name, text, 1, true)
      for option in support.vmoon("help " .. name).out:gmatch "\n  %-%-(%l+)" do
        assert.matches("\\fB\\-\\-" .. option, text, 1, true)
      end
    end
  end)

  it("vmoon-lua.3 has every function", function()
    local text = api "--man vmoon-lua.3"
    for name, value in pairs(vmoon) do
      local call = type(value) == "function" and "\\fBvmoon." .. name .. "(" or "\\fB" .. name .. "\\fR"
      assert.matches(call, text, 1, true)
    end
    assert.matches("\\fBVM:expect(pattern, options)\\fR", text, 1, true)
  end)

  it("vmoon-spec.5 has every key that an export has, and the nested ones", function()
    local text = api "--man vmoon-spec.5"
    local json = vmoon.export { kernel = { flat = "/proc/self/exe", at = 0 }, initrd = "/proc/self/exe", boot = "pvh" }
    for key in json:gmatch '"([%w_]+)":' do
      assert.matches("\\fB" .. key .. "\\fR (", text, 1, true)
    end
  end)
end)
