-- SPDX-License-Identifier: MIT
-- cli_spec.lua - the command: usage, scripts without a VM, check and export.
local support = dofile "tests/spec/support.lua"

local function run_text(text, arguments)
  return support.vmoon("run " .. support.write("t.lua", text) .. " " .. (arguments or ""))
end

local function check_text(text)
  return support.vmoon("check " .. support.write("t.lua", text))
end

teardown(support.clean)

describe("wrong usage ends with 106 and says why", function()
  for arguments, message in pairs {
    [""] = "a command is missing",
    ["boot x"] = 'no command "boot"',
    ["run"] = "usage: vmoon run FILE",
    ["run a b"] = "usage: vmoon run FILE",
    ["run --timout 3 a"] = "vmoon run has no option --timout",
    ["run a --timeout"] = "--timeout needs SECONDS",
    ["run --timeout=soon a"] = '--timeout takes a number of seconds above 0, got "soon"',
    ["run a --log-level"] = "--log-level needs LEVELS",
    ["run --log-level dbug a"] = '--log-level: there is no log level "dbug" (did you mean "debug"?)',
    ["run --log-level info,outptu=warn a"] = 'there is no module "outptu" (did you mean "output"?)',
    ["run --log-json=yes a"] = "vmoon run has no option --log-json=yes",
    ["run a --log"] = "--log needs FILE",
    ["check --log x a"] = "vmoon check has no option --log",
    ["check"] = "usage: vmoon check FILE...",
    ["check --json a"] = "vmoon check has no option --json",
    ["export a"] = "the format is missing",
    ["new device"] = "usage: vmoon new device NAME",
    ["new toy x"] = 'vmoon new makes a device, no "toy": vmoon new device NAME',
    ["new device 1st"] = '"1st" is no name for a device',
    ["new device ../x"] = '"../x" is no name for a device',
    ["new device vmoon"] = 'no device can be called "vmoon": scripts in this folder would find its vmoon.lua '
      .. 'where they require "vmoon"; take another name',
    ["help flying"] = 'no command "flying"; `vmoon help` lists them',
    ["chek x"] = 'no command "chek" (did you mean "check"?); `vmoon help` lists them',
    ["help exprot"] = 'no command "exprot" (did you mean "export"?)',
    ["run --timeot 3 a"] = 'vmoon run has no option --timeot (did you mean "--timeout"?)',
    ["check --timeout=3 a"] = "vmoon check has no option --timeout=3\n",
    ["api --device extra"] = 'vmoon api takes options only, got "extra"; see `vmoon help api`',
    ["api -- extra"] = 'vmoon api takes options only, got "extra"',
    ["version 2"] = 'vmoon version takes options only, got "2"',
    ["api --device --json"] = "vmoon api --device takes --luals or nothing beside it",
    ["api --man vmoon.1 --device"] = "vmoon api --device takes --luals or nothing beside it",
    ["api --luals --json"] = "vmoon api prints one of --json, --luals and --man PAGE at a time",
  } do
    it("vmoon " .. arguments, function()
      local run = support.vmoon(arguments)
      assert.equal(106, run.status)
      assert.matches(message, run.err, 1, true)
      assert.equal("", run.out)
    end)
  end
end)

describe("help", function()
  it("lists the commands and has one page for each", function()
    local overview = support.vmoon "help"
    assert.equal(0, overview.status)
    assert.equal(overview.out, support.vmoon("--help").out)
    for _, command in ipairs { "run", "check", "export", "new", "version", "help" } do
      assert.matches("vmoon " .. command, overview.out, 1, true)
      local page = support.vmoon("help " .. command)
      assert.equal(0, page.status)
      assert.equal(page.out, support.vmoon(command .. " --help").out)
    end
    assert.matches("100 guest panic", support.vmoon("help run").out, 1, true)
  end)

  it("stands beside the version, its features and its host", function()
    local run = support.vmoon "version"
    assert.equal(0, run.status)
    assert.matches("^vmoon %d+%.%d+%.%d+ ", run.out)
    assert.matches("Lua 5.4", run.out, 1, true)
    assert.matches("features: .*%+kvm", run.out)
    assert.matches("\nhost: ", run.out, 1, true)
  end)
end)

describe("vmoon run", function()
  it("runs a script with its arguments", function()
    local run = run_text("print(arg[1], select('#', ...), (...), arg[0] ~= nil)", "-- one two")
    assert.same({ 0, "one\t2\tone\ttrue\n", "" }, { run.status, run.out, run.err })
  end)

  it("reports a script's error with its place, status 103", function()
    local run = run_text "local t = nil\nprint(t.x)"
    assert.equal(103, run.status)
    assert.matches("t.lua:2: attempt to index a nil value", run.err, 1, true)
  end)

  it("reports a syntax error, status 103", function()
    local run = run_text "return {"
    assert.equal(103, run.status)
    assert.matches("t.lua:1:", run.err, 1, true)
  end)

  it("reports an error that is no string", function()
    local run = run_text "error(setmetatable({}, { __tostring = function() while true do end end }))"
    assert.equal(103, run.status)
    assert.matches("the script raised a table", run.err, 1, true)
  end)

  it("makes control bytes of an error harmless", function()
    local run = run_text 'error("\\27[2Jgone", 0)'
    assert.equal(103, run.status)
    assert.matches("?[2Jgone", run.err, 1, true)
  end)

  it("says what is wrong with a file that is no script", function()
    local folder = support.folder()
    local empty = support.vmoon("run " .. support.write("empty.lua", ""))
    assert.equal(103, empty.status)
    assert.matches("it is empty", empty.err, 1, true)
    local binary = support.vmoon("run " .. support.write("binary.lua", "\127ELF\0\0"))
    assert.equal(103, binary.status)
    assert.matches("it is binary data, not a Lua script", binary.err, 1, true)
    local bytecode = support.vmoon("run " .. support.write("code.lua", string.dump(function() end)))
    assert.equal(103, bytecode.status)
    local missing = support.vmoon("run " .. folder .. "/missing.lua")
    assert.equal(103, missing.status)
    assert.matches("missing.lua: No such file", missing.err, 1, true)
    assert.equal(103, support.vmoon("run " .. folder).status)
  end)

  it("ends with 105 for a specification that cannot work", function()
    local raised = run_text 'require "vmoon".boot { kernel = "/nonexistent" }'
    assert.equal(105, raised.status)
    assert.matches("t.lua:1:33: kernel: no such file", raised.err, 1, true)
    local returned = run_text '-- no require at all\nreturn {\n  krnel = "x" }'
    assert.equal(105, returned.status)
    assert.matches('t.lua:3:3: krnel: unknown field "krnel"', returned.err, 1, true)
  end)

  it("ends with 101 when --timeout is over, and loses no output", function()
    local run = run_text("print 'before'\nwhile true do end", "--timeout 0.2")
    assert.equal(101, run.status)
    assert.equal("before\n", run.out)
    assert.matches("--timeout is over", run.err, 1, true)
  end)

  it("uses no colour where nobody asked for it", function()
    assert.is_nil(run_text("error 'x'").err:find "\27")
  end)
end)

describe("vmoon check", function()
  it("checks what a script returns, boots or creates, and starts nothing", function()
    local kernel = support.guest "hello"
    if not kernel then return pending "the guests of tests/guest are not built" end
    local run = check_text(([[
      local vmoon = require "vmoon"
      print "discarded"
      io.write "discarded"
      local a <close> = vmoon.new { kernel = %q, name = "a" }
      local b <close> = vmoon.boot { kernel = %q, name = "b" }
      b:expect "login:"
      error "never reached"
    ]]):format(kernel, kernel))
    assert.same({ 0, "", true }, { run.status, run.err, run.out:find("t.lua: ok (2 VMs)", 1, true) ~= nil })
    assert.is_nil(run.out:find "discarded")
  end)

  it("cannot be kept from ending by pcall", function()
    local kernel = support.guest "hello"
    if not kernel then return pending "the guests of tests/guest are not built" end
    local run = check_text(([[
      local vm = require "vmoon".boot { kernel = %q }
      while true do pcall(function() return vm.state end) end
    ]]):format(kernel))
    assert.equal(0, run.status)
  end)

  it("shows the mistakes of every file and ends with 105", function()
    local a = support.write("a.lua", 'return { krnel = "x" }')
    local b = support.write("b.lua", 'local v = require "vmoon"\npcall(v.new, { cpus = 0 })\nv.new { cpus = 99 }')
    local run = support.vmoon(("check %s %s"):format(a, b))
    assert.equal(105, run.status)
    assert.matches("a.lua:1:10: krnel:", run.err, 1, true)
    assert.matches("cpus: 0 is out of range", run.err, 1, true)
    assert.matches("b.lua:3:16: cpus: 99 is out of range", run.err, 1, true)
  end)

  it("says that a script has no specification", function()
    local run = check_text "return"
    assert.equal(105, run.status)
    assert.matches("no specification", run.err, 1, true)
  end)

  it("reports a script that fails, status 103", function()
    local run = check_text "error 'oops'"
    assert.equal(103, run.status)
    assert.matches("t.lua:1: oops", run.err, 1, true)
  end)

  for name, text in pairs {
    ["io.open"] = "io.open('/etc/passwd')",
    ["os.execute"] = "os.execute('true')",
    ["load"] = "load('return 1')",
    ["dofile"] = "dofile('/dev/null')",
    ["debug"] = "debug.getregistry()",
    ["package"] = "package.loadlib('x', 'y')",
    ["string.dump"] = "string.dump(function() end)",
    ["other modules"] = "require 'socket'",
    ["finalizers"] = "setmetatable({}, { __gc = function() end })",
    ["coroutines"] = "coroutine.create(function() end)",
    ["the environment"] = "assert(os.getenv 'PATH')",
  } do
    it("gives a script no " .. name, function()
      assert.equal(103, check_text(text).status)
    end)
  end

  it("stops a script that takes too long, whatever it catches", function()
    local run = check_text "while true do pcall(function() while true do end end) end"
    assert.equal(103, run.status)
    assert.matches("ran for more than a second", run.err, 1, true)
  end)

  it("stops a script that takes too much memory", function()
    local run = check_text "local s = 'x' while true do s = s .. s end"
    assert.equal(103, run.status)
    assert.matches("not enough memory", run.err, 1, true)
  end)

  it("stops a script in one call that does not end", function()
    local run = check_text "table.move({}, 1, 1 << 40, 2)"
    assert.equal(103, run.status)
    assert.matches("one call that does not end", run.err, 1, true)
  end)

  it("survives an error value that is a trap", function()
    local run = check_text "error(setmetatable({}, { __tostring = function() while true do end end }))"
    assert.equal(103, run.status)
  end)
end)

describe("vmoon export", function()
  it("prints one JSON object a VM, with all defaults", function()
    local kernel = support.guest "hello"
    if not kernel then return pending "the guests of tests/guest are not built" end
    local script = support.write("t.lua", ([[
      local vmoon = require "vmoon"
      vmoon.new { kernel = %q, name = "a" }
      return { kernel = %q, name = "b" }
    ]]):format(kernel, kernel))
    local run = support.vmoon("export --json " .. script)
    assert.equal(0, run.status)
    assert.matches('^{"name":"a",.*}\n{"name":"b",.*"memory":"128M".*}\n$', run.out)
  end)

  it("ends with 105 for mistakes, and prints no JSON", function()
    local run = support.vmoon("export --json " .. support.write("t.lua", "return { cpus = 0 }"))
    assert.equal(105, run.status)
    assert.equal("", run.out)
  end)
end)

describe("vmoon check of a device in Lua", function()
  local HEAD <const> = 'local dev = require "vmoon.device"\nreturn dev.mmio {\n  name = "x", size = 0x10,\n'

  it("finds nothing in one that is right, parameters that must be given or not", function()
    local run = check_text(HEAD .. '  params = { hz = { type = "integer" } }, registers = { R = { at = 0 } },\n}\n')
    assert.same({ 0, "" }, { run.status, run.err })
    assert.equal(support.folder() .. "/t.lua: ok (a device)\n", run.out)
  end)

  it("shows all mistakes with their places and hints", function()
    local run = check_text(HEAD .. [[
  registers = {
    A = { at = 0x00, acess = "ro" },
    B = { at = 0x02, width = 3 },
  },
  timers = { tick = true },
}
]])
    assert.equal(105, run.status)
    local path = support.folder() .. "/t.lua"
    assert.matches(path .. ':5:22: registers.A.acess: unknown field "acess"\n', run.err, 1, true)
    assert.matches('        hint: did you mean "access"?\n', run.err, 1, true)
    assert.matches(path .. ":6:30: registers.B.width: ", run.err, 1, true)
    assert.matches(path .. ":8:21: timers.tick: ", run.err, 1, true)
    assert.equal("", run.out)
  end)

  it("says what the file itself does wrong", function()
    for _, text in ipairs {
      "error 'oops'", "while true do end", "return 5", "return dev.mimo {}", "io.open 'x'",
    } do
      local run = check_text('local dev = require "vmoon.device"\n' .. text)
      assert.is_true(run.status == 103 or run.status == 105, text)
      assert.matches("t.lua", run.err, 1, true)
      assert.equal("", run.out)
    end
  end)

  it("is for a file that forgets to return one, too", function()
    local DEVICE <const> = '{ name = "x", size = 16, registers = { A = { at = 0 } } }'
    for text, got in pairs {
      ["dev.mmio " .. DEVICE] = "got nothing",
      [""] = "got nothing",
      ["return 5"] = "got integer 5",
      ["return " .. DEVICE] = "got a table",
      ["return dev"] = "got a table",
      ["return { dev.mmio " .. DEVICE .. " }"] = "got a table",
    } do
      local run = check_text('local dev = require "vmoon.device"\n' .. text .. "\n")
      assert.equal(105, run.status, text)
      assert.matches("1 problem in device '" .. support.folder() .. "/t.lua'\n", run.err, 1, true)
      assert.matches("a device file returns dev.mmio { ... }, dev.pio { ... } or dev.virtio { ... }; " .. got,
        run.err, 1, true)
      assert.matches('hint: for example: return require("vmoon.device").mmio { ... }', run.err, 1, true)
      assert.equal("", run.out)
    end
  end)

  it("is not for a specification with mistakes, nor for a script that could boot", function()
    local run = check_text 'local dev = require "vmoon.device"\nreturn { name = "x", cpu = 1, devices = {} }\n'
    assert.equal(105, run.status)
    assert.matches('missing required field "kernel"', run.err, 1, true)
    run = check_text 'local vmoon, dev = require "vmoon", require "vmoon.device"\nreturn nil\n'
    assert.equal(105, run.status)
    assert.matches("no specification: ", run.err, 1, true)
  end)

  it("is not for scripts that describe a VM and its device", function()
    local guest = support.guest "hello"
    if not guest then return pending "the guests of tests/guest are not built" end
    for _, text in ipairs {
      'local dev = require "vmoon.device" return { kernel = "%s", devices = { DEVICE } }',
      'require "vmoon" local dev = require "vmoon.device" return { kernel = "%s", devices = { DEVICE } }',
      'local dev = require "vmoon.device" require "vmoon".boot { kernel = "%s", devices = { DEVICE } }',
    } do
      text = text:format(guest):gsub("DEVICE", 'dev.mmio { name = "x", size = 64, registers = { R = { KEY = 0 } } }')
      local run = check_text((text:gsub("KEY", "at")))
      assert.same({ 0, support.folder() .. "/t.lua: ok (1 VM)\n", "" }, { run.status, run.out, run.err })
      run = check_text((text:gsub("KEY", "att")))
      assert.equal(105, run.status)
      assert.matches('unknown field "att"', run.err, 1, true)
    end
  end)

  it("says once what keeps the file of a VM's device from loading", function()
    local guest = support.guest "hello"
    if not guest then return pending "the guests of tests/guest are not built" end
    local device = support.write("broken.lua", "\nlocal t = nil + 1\n")
    local spec = ('{ kernel = "%s", devices = { { file = "%s" } } }'):format(guest, device)
    for _, text in ipairs {
      "return " .. spec,
      'require("vmoon").check ' .. spec,
      'local ok, e = pcall(require("vmoon").check, ' .. spec .. ")\nerror(e)",
      'pcall(require("vmoon").check, ' .. spec .. ")",
    } do
      local run = check_text(text)
      local _, count = run.err:gsub("broken.lua:2: attempt to", "")
      assert.same({ 103, 1, "" }, { run.status, count, run.out }, text)
    end
    local run = check_text('pcall(require("vmoon").check, ' .. spec .. ") error 'and more'")
    assert.matches("broken.lua:2: attempt to .*and more", run.err)
  end)

  it("skips the mark before UTF-8, in the files that it asks for as well", function()
    local MARK <const> = "\xEF\xBB\xBF"
    support.write("helper.lua", MARK .. "return 5")
    local text = MARK .. (HEAD:gsub("\n", " ")) .. ' registers = { R = { KEY = 0, reset = require "helper" } } }'
    assert.same({ 0, "" }, { check_text((text:gsub("KEY", "at"))).status, check_text((text:gsub("KEY", "at"))).err })
    local run = check_text((text:gsub("KEY", "att")))
    local column = (text:find("KEY", 1, true)) - #MARK
    assert.matches("t.lua:1:" .. column .. ': registers.R.att: unknown field "att"\n    1 | local dev',
      run.err, 1, true)
  end)

  it("says what is no text, alone and in a VM", function()
    local guest = support.guest "hello"
    if not guest then return pending "the guests of tests/guest are not built" end
    local binary = support.write("binary.lua", "\127ELF\0\0")
    local run = check_text(('return { kernel = "%s", devices = { { file = "%s" } } }'):format(guest, binary))
    assert.same({ 103, "vmoon: " .. binary .. ": it is binary data, not a Lua script\n" }, { run.status, run.err })
    run = support.vmoon("check " .. binary)
    assert.same({ 103, "vmoon: cannot run " .. binary .. ": it is binary data, not a Lua script\n" },
      { run.status, run.err })
    run = support.vmoon("check " .. support.folder())
    assert.same({ 103, "vmoon: cannot run " .. support.folder() .. ": it is a directory; name the file in it\n" },
      { run.status, run.err })
  end)

  it("shows where a VM says what its device cannot be", function()
    local guest = support.guest "hello"
    if not guest then return pending "the guests of tests/guest are not built" end
    support.write("mem.lua", HEAD .. '  registers = { R = { at = 0 } },\n}')
    support.write("echo.lua", 'local dev = require "vmoon.device"\nreturn dev.virtio { name = "echo", id = 42, '
      .. "queues = { { name = 'q', on_buffer = function() end } } }")
    local INLINE <const> = 'device = require("vmoon.device").mmio { name = "x", size = 16, '
      .. "registers = { R = { at = 0 } } }"
    local MEM <const>, ECHO <const> = 'file = "FOLDER/mem.lua"', 'file = "FOLDER/echo.lua"'
    for _, row in ipairs {
      { MEM .. ", AT = 0x300", "at: 'x' is at an address of memory, above 0xffff" },
      { INLINE .. ", AT = 0x300", "at: 'x' is at an address of memory, above 0xffff" },
      { MEM .. ", IRQ = 5", "irq: 'x' has no interrupt; its file says which, as irq = \"level\"" },
      { ECHO .. ", AT = 0x10000000", "at: 'echo' is a virtio device, whose place the machine decides; leave it out" },
      { ECHO .. ", IRQ = 5", "irq: 'echo' is a virtio device, whose place the machine decides; leave it out" },
      { INLINE .. ", TRUSTED = true", "trusted: only a file can be trusted; put the device into one" },
    } do
      local item = row[1]:gsub("FOLDER", support.folder())
      local column = 3 + #item:match "^.*, %u+ = "
      local run = check_text(('return { kernel = "%s", devices = { {\n  %s } } }'):format(guest,
        (item:gsub("AT =", "at ="):gsub("IRQ", "irq"):gsub("TRUSTED", "trusted"))))
      assert.equal(105, run.status)
      assert.matches(("t.lua:2:%d: devices.1.%s"):format(column, row[2]), run.err, 1, true)
    end
  end)

  it("may take what the config state does not have", function()
    local text = HEAD .. '  registers = { R = { at = 0, reset = require "helper" } },\n}'
    support.write("helper.lua", "return coroutine.wrap(function() return 5 end)()")
    assert.same({ 0, "" }, { check_text(text).status, check_text(text).err })
    support.write("helper.lua", "return io.open('x')")
    assert.matches("helper.lua:1: attempt to use undefined global 'io'", check_text(text).err, 1, true)
  end)

  it("takes no longer, whatever the file catches", function()
    local run = check_text('pcall(require, "vmoon.device") while true do pcall(function() while true do end end) end')
    assert.equal(103, run.status)
    assert.matches("budget", run.err, 1, true)
  end)

  it("is what a device file is good for: it cannot be run", function()
    local path = support.write("t.lua", HEAD .. "  registers = {},\n}")
    local run = support.vmoon("run " .. path)
    assert.equal(103, run.status)
    assert.equal("vmoon: " .. path .. ' is a device and no VM: a VM has it by devices = { { file = "' .. path
      .. '" } }, a test by vmoon.bench\n', run.err)
  end)

  it("gives an export nothing to print", function()
    local path = support.write("t.lua", HEAD .. "  registers = {},\n}")
    local run = support.vmoon("export --json " .. path)
    assert.not_matches("{", run.out, 1, true)
  end)
end)

describe("new device", function()
  local function make(folder, before)
    return support.sh(("mkdir %s && cd %s && %s && vmoon new device blinker"):format(folder, folder, before or "true"))
  end

  it("writes a device and its tests", function()
    local folder = support.folder() .. "/new1"
    local run = make(folder)
    assert.equal("", run.err)
    assert.equal(0, run.status)
    assert.matches("Next: lua5.4 /usr/bin/busted blinker_spec.lua\n", run.out, 1, true)
    for _, file in ipairs { "blinker.lua", "blinker_spec.lua" } do
      local text = support.read(folder .. "/" .. file)
      assert.is_nil(text:find("NAME", 1, true), file)
      assert(load(text, file, "t"))
      assert.matches("blinker", text)
    end
  end)

  it("leaves alone what is there, and nothing half done", function()
    local folder = support.folder() .. "/new2"
    local run = make(folder, "echo mine >blinker_spec.lua")
    assert.equal("vmoon: blinker_spec.lua: there is such a file; take another name\n", run.err)
    assert.equal(103, run.status)
    assert.equal("", support.read(folder .. "/blinker.lua"))
    assert.equal("mine\n", support.read(folder .. "/blinker_spec.lua"))
  end)
end)
