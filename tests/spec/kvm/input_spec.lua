-- SPDX-License-Identifier: MIT
-- input_spec.lua - more input than a guest reads: it waits outside, for free.
local support = assert(loadfile "tests/spec/kvm/support.lua")(it, function(why) pending(why) end)
local vmoon = require "vmoon"
local with = support.with

-- What fits: the queue and the FIFO, and one chunk that was read already.
local QUEUE, FIFO, CHUNK = 64 * 1024, 64, 4096
local READ = (QUEUE + FIFO) // CHUNK * CHUNK + CHUNK

-- Runs the command in the background with the spin guest and `input`. Once the
-- guest is up and as much is read as fits, 400 other programs are run: a
-- console that ticks or spins would have many turns meanwhile.
local function watch(kernel, input, is_up)
  local folder = support.folder()
  local script = support.write("spec.lua", ("return { kernel = %q }\n"):format(kernel))
  local run = support.sh(([[
    shown=%s/shown; : > $shown
    vmoon run --timeout 120 %s %s > $shown 2>&1 &
    pid=$!
    pos() { sed -n 's/^pos:[^0-9]*//p' /proc/$pid/fdinfo/0; }
    report() {
      echo pos $(pos) rss $(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$pid/status) \
        turns $(sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p' /proc/$pid/task/*/status)
    }
    until grep -q spinning $shown && %s; do
      kill -0 $pid || exit 9
      sleep 0.02
    done
    report
    for i in $(seq 400); do /bin/true; done
    report
    kill $pid
    wait $pid]]):format(folder, script, input, is_up))
  local seen = {}
  for pos, rss, turns in run.out:gmatch "pos (%d+) rss (%d+) turns ([%d ]+)" do
    local sum = 0
    for count in turns:gmatch "%d+" do sum = sum + tonumber(count) end
    seen[#seen + 1] = { pos = tonumber(pos), rss = tonumber(rss), turns = sum }
  end
  assert.equal(2, #seen, run.err .. support.read(folder .. "/shown"))
  assert.equal(143, run.status) -- SIGTERM: it was there to the end
  return seen[1], seen[2]
end

local function assert_quiet(before, after)
  assert.equal(before.pos, after.pos)
  assert.is_true(after.turns - before.turns <= 2, after.turns - before.turns .. " turns of all threads")
  assert.is_true(after.rss <= before.rss * 1.01, before.rss .. " KiB have become " .. after.rss)
end

teardown(support.clean)

describe("input that no guest reads", function()
  with("spin", "S01 S03 SER-28: of a 100 MB file only what fits is read, and nothing turns", function(kernel)
    local flood = support.folder() .. "/flood"
    support.sh("truncate -s 100M " .. flood)
    local before, after = watch(kernel, "< " .. flood, ("[ $(pos) = %d ]"):format(READ))
    assert_quiet(before, after)
  end)

  with("spin", "SER-28: endless zeros neither", function(kernel)
    assert_quiet(watch(kernel, "< /dev/zero", "sleep 0.2"))
  end)

  with("spin", "costs nothing where it has ended or cannot be read", function(kernel)
    for _, input in ipairs { "< /dev/null", "<&-", "< /" } do
      assert_quiet(watch(kernel, input, "true"))
    end
  end)

  -- Each step of the wait would copy the rest, or grow.
  with("spin", "S01: a script's 100 MB stay one string", function(kernel)
    local script = support.write("write.lua", ([[
      local vm <close> = require "vmoon".boot { kernel = %q, name = "a" }
      vm:expect("spinning", { timeout = 60 })
      local function kib(key)
        return tonumber(io.open "/proc/self/status":read "a":match(key .. ":%%s*(%%d+)"))
      end
      local paste = ("x"):rep(100 * 1024 * 1024)
      collectgarbage "stop"
      local before = kib "VmHWM"
      local ok, err = pcall(vm.serial.write, vm.serial, paste)
      print(ok, err.kind, err.message)
      print("grown", kib "VmHWM" - before)
    ]]):format(kernel))
    local run = support.sh("VMOON_TIMEOUT_SCALE=0.02 vmoon run --timeout 60 " .. script .. " < /dev/null")
    assert.matches("false\ttimeout\tvm 'a': no room for input within 0.6s", run.out, 1, true)
    local grown = tonumber(run.out:match "grown\t(%d+)")
    assert.is_true(grown < 4096, grown .. " KiB")
  end)
end)

describe("input that a guest reads", function()
  with("echo", "SER-29 S01: arrives in order to the last byte", function(kernel)
    local parts = {}
    for i = 1, 30000 do parts[i] = ("%05d."):format(i) end
    local text = table.concat(parts) .. "\n"
    local script = support.write("spec.lua", ("return { kernel = %q }\n"):format(kernel))
    local run = support.vmoon("run --timeout 60 " .. script, support.write("text", text))
    assert.equal(2, run.status)
    assert.is_true(run.out == "ready\n" .. text)
    -- A pipe whose writer is slower than the guest, and one that is faster.
    run = support.sh(("(sed 's/500\\./500./' %s/text) | vmoon run --timeout 60 %s"):format(support.folder(), script))
    assert.equal(2, run.status)
    assert.is_true(run.out == "ready\n" .. text)
  end)

  -- Not from whatever the command opens next.
  with("echo", "a closed standard input or output is none", function(kernel)
    local script = support.write("spec.lua", ("return { kernel = %q }\n"):format(kernel))
    local run = support.sh(("vmoon run --timeout 0.5 %s <&-"):format(script))
    assert.equal(101, run.status)
    assert.equal("ready\n", run.out)
    run = support.sh(("vmoon run --timeout 60 %s </dev/null >&-"):format(script))
    assert.equal(0, run.status) -- the end of the console, as with a pipe
  end)

  with("echo", "SER-29: also what a script writes", function(kernel)
    local text = ("0123456789abcdef"):rep(8192) .. "\n" -- twice the queue
    local vm <close> = vmoon.boot { kernel = kernel }
    vm.serial:write(text)
    assert.equal(2, vm:wait({ timeout = 60 }).status)
    assert.is_true(vm.serial:text() == "ready\n" .. text)
  end)
end)
