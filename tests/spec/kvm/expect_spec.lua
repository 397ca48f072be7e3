-- SPDX-License-Identifier: MIT
-- expect_spec.lua - expect, when output is limited or comes too fast.
local support = assert(loadfile "tests/spec/kvm/support.lua")(it, function(why) pending(why) end)
local vmoon = require "vmoon"
local with = support.with

local MIB = 1024 * 1024

describe("expect", function()
  for _, policy in ipairs { "drop", "pause", "spool" } do
    with("echo", "sees every byte before the limit of a sink: " .. policy, function(kernel)
      local vm <close> = vmoon.boot {
        kernel = kernel,
        serial = { { sink = "null", limit = { policy = policy, rate = "1K/s", burst = "1K" } } },
      }
      vm:expect("ready\n", { timeout = 60 })
      for i = 1, 10 do
        vm.serial:write((("hay "):rep(300) .. "needle %d."):format(i))
        assert.equal("needle " .. i .. ".", vm:expect(vmoon.pat "needle %d+%.", { timeout = 60 }).text)
      end
      assert.equal(0, vm.serial:stats().unsearched)
    end)
  end

  with("flood", "names the bytes that it came too late for, and keeps its time-out", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel, name = "a" }
    while vm.serial:tell() < MIB + 2000 do vmoon.sleep(0.05) end
    assert.equal(0, vm.serial:stats().unsearched)
    local seen = 0
    for _, pattern in ipairs { "never", vmoon.re "yz|zy", vmoon.pat "%d%d" } do
      local _, err = vm:try_expect(pattern, { timeout = 0.2 })
      assert.equal("timeout", err.kind)
      assert.is_true(err.unsearched >= 2000)
      assert.matches("^vm 'a': no .+ on serial within 0%.2s; [%d,]+ bytes came and went unsearched, "
        .. "as only the newest 1 MiB is kept$", err.message)
      assert.equal(err.unsearched, tonumber((err.message:match "; ([%d,]+)":gsub(",", ""))))
      assert.matches("^  hint: begin to wait before that much has come, or have the guest print less\n"
        .. "  last output:\n", err.detail)
      -- The first one's are all: what later ones miss, that one has seen.
      seen = math.max(seen, err.unsearched)
      local stats = vm.serial:stats()
      assert.is_true(stats.unsearched > 0 and stats.unsearched <= seen)
    end
    vm:stop()
    local gone = vm.serial:tell() - MIB
    local _, err = vm:try_expect("never", { timeout = 10 })
    assert.equal("exited", err.kind)
    assert.matches('^vm \'a\': VM stopped while waiting for "never" %(0%.%ds%); [%d,]+ bytes came', err.message)
    assert.equal(gone, err.unsearched)
    vm:expect("x", { timeout = 0 })
    _, err = vm:try_expect("never", { timeout = 0 })
    assert.matches('^vm \'a\': VM stopped while waiting for "never" %(0%.%ds%)$', err.message)
    assert.is_nil(err.unsearched)
  end)
end)

teardown(support.clean)
