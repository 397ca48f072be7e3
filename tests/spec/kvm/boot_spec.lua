-- SPDX-License-Identifier: MIT
-- boot_spec.lua - what small guests find where they are entered.
local support = assert(loadfile "tests/spec/kvm/support.lua")(it, function(why) pending(why) end)
local vmoon = require "vmoon"
local with = support.with

local function status_of(spec)
  local vm <close> = vmoon.boot(spec)
  return vm:wait({ timeout = 60 }).status
end

teardown(support.clean)

describe("the MP table", function()
  with("mptable", "BOOT-09: is where a guest without ACPI looks, and lists every CPU", function(kernel)
    for _, cpus in ipairs { 1, 2, 64 } do
      assert.equal(cpus, status_of { kernel = kernel, cpus = cpus })
    end
  end)
end)

describe("a flat image", function()
  local function run(spec)
    local vm <close> = vmoon.boot(spec)
    vm:expect(spec.kernel.mode .. " mode a b\n", { timeout = 60 })
    return vm:wait({ timeout = 60 }).status
  end

  with("flat_real", "starts in real mode, where its address says", function(path)
    for at, status in pairs { [0x7c00] = 0, [0x7c01] = 0, [0x30000] = 0x30, [0x3456a] = 0x34 } do
      assert.equal(status, run { kernel = { flat = path, at = at, mode = "real" }, cmdline = "a b" })
    end
  end)

  with("flat_protected", "starts in protected mode", function(path)
    assert.equal(8, run { kernel = { flat = path, at = 0x8000, mode = "protected" }, cmdline = "a b" })
  end)

  with("flat_long", "starts in long mode, which is the default", function(path)
    assert.equal(9, run { kernel = { flat = path, at = 0x100000, mode = "long" }, cmdline = "a b" })
    assert.equal(9, status_of { kernel = { flat = path, at = 0x100000 } })
  end)

  with("flat_long", "is refused over the page tables", function(path)
    local ok, err = pcall(vmoon.new, { kernel = { flat = path, at = 0xe000 } })
    assert.is_false(ok)
    assert.matches("at 0xe000 would cover the page tables", tostring(err), 1, true)
  end)
end)

for _, form in ipairs { "multiboot", "multiboot_elf" } do
  describe("a kernel like " .. form, function()
    with(form, "is recognised, and finds all that it was promised", function(path)
      for _, boot in ipairs { false, "multiboot" } do
        local initrd = support.write("module", "the module\n")
        local vm <close> = vmoon.boot {
          kernel = path, boot = boot or nil, initrd = initrd, cmdline = "a b", memory = "64M",
        }
        vm:expect("vmoon\na b\nthe module\n", { timeout = 60 })
        assert.equal(6, vm:wait({ timeout = 60 }).status)
      end
    end)

    with(form, "does without a module", function(path)
      assert.equal(6, status_of { kernel = path })
    end)
  end)
end
