-- SPDX-License-Identifier: MIT
-- boot_spec.lua - an unmodified Debian kernel, each way it can be started.
local linux = assert(loadfile "tests/spec/linux/support.lua")(it, function(why) pending(why) end)
local vmoon = require "vmoon"

local REACHED = "vmoon guest: init reached"

local function boot(fields)
  local vm = vmoon.boot(linux.spec(fields))
  local ok, err = pcall(vm.expect, vm, REACHED, { timeout = linux.long })
  if ok then return vm end
  vm:close()
  error(err, 0)
end

-- The kernel as an ELF file, which the testbed unpacks; nil elsewhere.
local function elf_kernel()
  local path = os.getenv "VMOON_VMLINUX"
  local file = path and io.open(path)
  if not file then return nil end
  file:close()
  return path
end

describe("a Debian kernel reaches its init", function()
  linux.it("unpacked on the host", function()
    local vm <close> = boot()
    assert.equal("running", vm.state)
    assert.is_true(vm.stats.exits > 0)
  end)

  linux.it("unpacked by itself", function()
    local vm <close> = boot { unpack = "guest" }
    assert.equal("running", vm.state)
  end)

  for _, protocol in ipairs { "linux64", "pvh" } do
    linux.it("as an ELF file through " .. protocol, function()
      local kernel = elf_kernel()
      if not kernel then return pending "VMOON_VMLINUX is not set" end
      local vm <close> = boot { kernel = kernel, boot = protocol }
      assert.equal("running", vm.state)
    end)
  end

  -- Of 64 MiB Debian's kernel takes 46 for itself; its trace events would take
  -- the rest (it runs out of memory then, under any monitor).
  local small = "console=ttyS0 quiet initcall_blacklist=tracer_init_tracefs"

  for _, memory in ipairs { "64M", "1G", "3G", "4G", "5G" } do
    linux.it("with " .. memory .. " of memory, and sees it", function()
      local is_small = memory == "64M"
      local vm <close> = boot {
        memory = memory, cmdline = is_small and small or nil,
        initrd = is_small and os.getenv "VMOON_INITRD_SMALL" or nil,
      }
      local sh = vm:login { timeout = linux.long }
      local mib = tonumber(memory:match "%d+") * (memory:find "G" and 1024 or 1)
      local kib = tonumber(sh:run("sed -n 's/^MemTotal: *//p' /proc/meminfo"):match "%d+")
      -- The kernel keeps some for itself; what lies around the hole is there.
      assert.is_true(kib > mib * 1024 * 0.25 and kib < mib * 1024, memory .. ": " .. kib .. " KiB")
    end)
  end

  for _, cpus in ipairs { 1, 2 } do
    linux.it(("with %d CPU%s"):format(cpus, cpus == 1 and "" or "s"), function()
      local vm <close> = boot { cpus = cpus }
      local sh = vm:login { timeout = linux.long }
      assert.equal(tostring(cpus), sh:run "nproc")
    end)
  end

  linux.it("twice at once", function()
    local a <close> = vmoon.boot(linux.spec { name = "a" })
    local b <close> = vmoon.boot(linux.spec { name = "b" })
    a:expect(REACHED, { timeout = 2 * linux.long })
    b:expect(REACHED, { timeout = 2 * linux.long })
    assert.equal("a", a.name)
    assert.same({ "running", "running" }, { a.state, b.state })
  end)

  linux.it("from the example, which ends with 0", function()
    local pipe = assert(io.popen "vmoon run scripts/examples/linux.lua")
    local out = pipe:read "a"
    assert.same({ true, "exit", 0 }, { pipe:close() })
    assert.matches(REACHED, out, 1, true)
    assert.matches("\ninit after %d+%.%d+ s, %d+ exits, 256 MiB of guest memory\n", out)
  end)
end)
