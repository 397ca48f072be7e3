-- SPDX-License-Identifier: MIT
-- check_state_spec.lua - what a script can and cannot do to `vmoon check`.
local support = dofile "tests/spec/support.lua"

local KERNEL = "/proc/self/exe" -- a file that is always there

local function check(text)
  support.write("t.lua", 'local vmoon = require "vmoon"\nlocal KERNEL = "' .. KERNEL .. '"\n' .. text)
  local run = support.sh(("cd %s && vmoon check t.lua"):format(support.folder()))
  return run.status, run.out .. run.err
end

local function passes(text, count)
  local status, said = check(text)
  assert.equal(("t.lua: ok (%d VM%s)\n"):format(count, count == 1 and "" or "s"), said)
  assert.equal(0, status)
end

local function fails(text, expected)
  local status, said = check(text)
  assert.equal(expected, said)
  assert.equal(103, status)
end

describe("a script that goes on after boot", function()
  teardown(support.clean)

  for what, use in pairs {
    field = "local state = vm.state",
    method = "vm:expect 'login:'",
    ["new field"] = "vm.x = 1",
    text = "print(tostring(vm))",
    length = "local n = #vm",
    ["pairs loop"] = "for k in pairs(vm) do error(k) end",
    call = "vm()",
    concatenation = "local s = 'a' .. vm",
  } do
    it("ends quietly at the first use of its VM: " .. what, function()
      passes("local vm <close> = vmoon.boot { kernel = KERNEL }\n" .. use .. "\nerror 'not reached'", 1)
    end)
  end

  it("has every spec checked that it comes to", function()
    passes([[
      local vms = {}
      for i = 1, 5 do vms[i] = vmoon.new { kernel = KERNEL, name = "vm" .. i } end
      assert(vmoon.check { kernel = KERNEL })
      return { kernel = KERNEL }]], 6)
  end)

  it("goes on behind a spec with mistakes that it catches", function()
    local status, said = check [[
      for i = 63, 66 do pcall(vmoon.boot, { kernel = KERNEL, cpus = i }) end
      local ok, err = pcall(vmoon.check, { kernel = "/" })
      assert(not ok and err.kind == "config")]]
    assert.equal(105, status)
    assert.matches("cpus: 65 is out of range", said, 1, true)
    assert.matches("cpus: 66 is out of range", said, 1, true)
    assert.matches('kernel: "/" is a directory', said, 1, true)
  end)

  it("may return a VM, or what is no spec", function()
    passes("return vmoon.new { kernel = KERNEL }", 1)
    passes("vmoon.new { kernel = KERNEL }\nreturn 5", 1)
  end)

  it("may print and write as it likes", function()
    passes([[
      print "x" io.write("x", "y") io.stdout:write "x":write "y" io.stderr:write "x"
      return { kernel = KERNEL }]], 1)
  end)
end)

describe("the globals of a script that is only checked", function()
  teardown(support.clean)

  it("are named when they are not there", function()
    fails("local x = ofset", "vmoon: t.lua:3: attempt to use undefined global 'ofset'\n")
    fails("prnt 'x'", [[
vmoon: t.lua:3: attempt to use undefined global 'prnt'
  hint: did you mean "print"?
]])
    fails("coroutine.wrap(print)", [[
vmoon: t.lua:3: attempt to use undefined global 'coroutine'
  hint: a script that is only checked has no coroutines
]])
  end)

  it("are read-only", function()
    fails("spec = {}", [[
vmoon: t.lua:3: attempt to set global 'spec'
  hint: globals of a script that is only checked are read-only; write "local" before it
]])
    fails("print = nil", [[
vmoon: t.lua:3: attempt to set global 'print'
  hint: globals of a script that is only checked are read-only; write "local" before it
]])
  end)

  it("are the script's own: what it does to a library changes no report", function()
    local status, said = check [[
      for name in pairs(string) do string[name] = function() error "mine" end end
      table.concat, table.sort, math.max, utf8.len = nil, nil, nil, nil
      assert(not getmetatable("") and not getmetatable(_G))
      assert(("x"):upper() == "X")
      return { kernel = KERNEL, cpus = 0 }]]
    assert.equal(105, status)
    assert.matches("t.lua:7:40: cpus: 0 is out of range 1..64", said, 1, true)
  end)
end)

describe("a hostile script", function()
  teardown(support.clean)

  local LATE = "vmoon: t.lua: the script ran for more than a second without coming to the first use of a VM\n"

  for what, text in pairs {
    ["xpcall with a loop for a handler"] = "local function f() while true do end end while true do xpcall(f, f) end",
    ["a loop in __close"] = "local t <close> = setmetatable({}, { __close = function() while true do end end })",
    ["a loop in a replacement"] = "string.gsub('a', 'a', function() while true do end end)",
    ["deep recursion"] = "local function f() return pcall(f) end while true do f() end",
  } do
    it("does not last, whatever it tries: " .. what, function() fails(text, LATE) end)
  end

  it("cannot use its VM and go on", function()
    passes([[
      local vm = vmoon.boot { kernel = KERNEL }
      while true do xpcall(function() return vm.state end, function() while true do end end) end]], 1)
  end)

  it("gets no time for a pattern that explodes, nor for nothing repeated", function()
    fails("string.find(('a'):rep(40), ('a-'):rep(30) .. 'b')",
      "vmoon: t.lua:3: pattern takes too many steps on this text\n")
    fails("while true do pcall(string.find, ('a'):rep(40), ('a-'):rep(30) .. 'b') end", LATE)
    passes("assert((''):rep(math.maxinteger) == '') return { kernel = KERNEL }", 1)
  end)

  it("gets 64 MiB", function()
    fails("local t = {} while true do t[#t + 1] = ('x'):rep(1 << 20) .. #t end", "vmoon: not enough memory\n")
    fails("return ('x'):rep(1 << 27)", "vmoon: not enough memory\n")
    passes("local s = ('x'):rep(1 << 24) return { kernel = KERNEL }", 1)
  end)

  it("reports a hundred specs and no more", function()
    local status, said = check "while true do pcall(vmoon.new, { kernel = KERNEL, cpus = 0 }) end"
    assert.equal(105, status)
    assert.equal(100, select(2, said:gsub("1 problem in VM configuration", "")))
    passes("while true do vmoon.new { kernel = KERNEL } end", 100)
  end)

  it("cannot make a handle of its own, nor reach into one", function()
    passes([[
      local vm = vmoon.new { kernel = KERNEL }
      assert(getmetatable(vm) == "locked")
      assert(not pcall(setmetatable, vm, {}))
      assert(rawequal(vm, vm) and type(vm) == "userdata")]], 1)
  end)
end)
