-- SPDX-License-Identifier: MIT
-- limits_spec.lua - what Linux's own driver makes of a limited console.
local linux = assert(loadfile "tests/spec/linux/support.lua")(it, function(why) pending(why) end)
local vmoon = require "vmoon"

describe("a limited console", function()
  linux.it("is what the example shows: three policies, and sums that add up", function()
    local example = assert(io.popen "pwd"):read "l" .. "/scripts/examples/limits.lua"
    local pipe = assert(io.popen(("cd $(mktemp -d) && VMOON_CMDLINE='quiet nohz=off highres=off' "
      .. "vmoon run %s 2>stderr; echo status $?; wc -c <boot.log"):format(example)))
    local out = pipe:read "a"
    pipe:close()
    assert.matches("\nstatus 0\n", out, 1, true)
    local sinks = {}
    for name, got, went, lost, waits, stalled in
      out:gmatch "\n(%S+) +in= *(%d+) out= *(%d+) dropped= *(%d+) waiting= *(%d+) stalled=([%d.]+)s" do
      sinks[name] = {
        got = tonumber(got), went = tonumber(went), lost = tonumber(lost), waits = tonumber(waits),
        stalled = tonumber(stalled),
      }
      assert.equal(sinks[name].got, sinks[name].went + sinks[name].lost + sinks[name].waits, name)
      assert.is_true(sinks[name].got > 100000, name)
    end
    assert.is_true(sinks["file:boot.log"].stalled > 0.5)
    assert.is_true(sinks.stderr.lost > 0 and sinks.stderr.stalled == 0)
    assert.is_true(sinks.callback.lost == 0 and sinks.callback.waits > 0 and sinks.callback.stalled == 0)
    for name, policy in pairs { ["file:boot.log"] = "pause", stderr = "drop", callback = "spool" } do
      assert.matches(("\nsink %s: %s, %%d+ bytes over so far\n"):format(name:gsub("%p", "%%%0"), policy), out)
    end
    -- What the file holds: what was let through, and the lines about the rest.
    local size = tonumber(out:match "status 0\n(%d+)")
    assert.is_true(size >= sinks["file:boot.log"].went, size)
  end)

  -- The guest is held from 4 KiB on that wait: this rate is so low that they
  -- wait even if it takes 25 s for its 7 KiB.
  linux.it("that pauses loses nothing while the driver waits for it", function()
    local vm <close> = vmoon.boot(linux.spec {
      serial = {
        { sink = "ring", max_size = "1M",
          limit = { policy = "pause", rate = "128B/s", burst = "1K", max_stall = 10.0 } },
      },
    })
    local sh = vm:login { timeout = 2 * linux.long }
    sh:run("yes 0123456789abcdef | head -n 400", { timeout = linux.long })
    local it = vm.serial:stats().sinks[1]
    assert.equal(0, it.bytes_dropped)
    assert.is_true(it.stalled > 0.5, it.stalled)
    assert.equal(it.bytes_in, it.bytes_out + it.backlog)
    local _, lines = vm.serial:sink_text("ring"):gsub("0123456789abcdef\r\n", "")
    -- All of the 400 lines are here, or wait.
    assert.is_true(18 * lines + it.backlog >= 18 * 390, lines .. " lines, " .. it.backlog .. " bytes wait")
  end)
end)
