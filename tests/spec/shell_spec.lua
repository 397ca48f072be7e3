-- SPDX-License-Identifier: MIT
-- shell_spec.lua - login and commands against real shells on a terminal made
-- by script(1), without a VM: the Lua parts run on primitives made here.
local support = dofile "tests/spec/support.lua"

local now = 0

-- The table that the Lua parts get, over a file of output and a pipe of input.
local function new_core(out_path, input)
  local core = { timeout_scale = 1, vm = {}, vm_properties = {}, stream = {}, log = {}, module = {}, port = {} }
  local private = {}
  function core.tell() return #support.read(out_path) end
  function core.read(_, pos)
    local bytes = support.read(out_path):sub(pos + 1)
    return bytes, pos + #bytes
  end
  function core.write(_, bytes, from)
    input:write(bytes:sub(from + 1))
    return #bytes - from
  end
  function core.pump() os.execute "sleep 0.02"; now = now + 0.02 end
  function core.now() return now end
  function core.fate() end
  core.search = core.read
  function core.unsearched() return 0 end
  function core.seek() end
  function core.private() return private end
  function core.owner(at) return at end
  function core.bless(fields) return fields end
  for _, part in ipairs { "hints", "locate", "pattern", "expect", "stream", "shell" } do
    assert(loadfile("scripts/vmoon/" .. part .. ".lua"))(core)
  end
  return core
end

-- A VM whose console is `command` on a terminal.
local function new_vm(command)
  local folder = support.folder()
  local out_path, in_path = folder .. "/terminal", folder .. "/keys"
  os.execute(("rm -f %s %s && mkfifo %s && : > %s"):format(in_path, out_path, in_path, out_path))
  os.execute(("(timeout 60 script -qfc '%s' /dev/null < %s > %s 2>&1 &)"):format(command, in_path, out_path))
  local input = assert(io.open(in_path, "w"))
  input:setvbuf "no"
  local core = new_core(out_path, input)
  return setmetatable({ name = "fake", input = input }, { __index = core.vm })
end

local SHELLS = { "busybox sh -i", "dash -i", "bash --norc -i" }

teardown(support.clean)

for _, command in ipairs(SHELLS) do
  describe("in " .. command, function()
    local vm, sh
    local program = command:match "%S+"
    local is_here = support.sh("command -v " .. program).status == 0
      and support.sh("command -v script").status == 0

    lazy_setup(function()
      if not is_here then return end
      vm = new_vm(command)
      sh = vm:login { timeout = 30 }
    end)
    lazy_teardown(function()
      if vm then vm.input:write "exit\n" vm.input:close() end
    end)

    local function here(title, test)
      it(title, function()
        if not is_here then return pending("no " .. program .. " or no script(1) here") end
        test()
      end)
    end

    here("commands give their output and status", function()
      assert.equal("hello\nthere", sh:run "echo hello; echo there")
      assert.equal("", sh:run "true")
      assert.equal("abc", sh:run "printf abc")
      assert.equal("a\n", sh:run "printf 'a\\n\\n'")
      assert.same({ "it's", 1 }, { sh:try "echo \"it's\"; false" })
      assert.same({ "", 7 }, { sh:try "f() { return 7; }; f" })
      assert.equal("line 1\nline 2", sh:run "for i in 1 2\ndo\n echo line $i\ndone")
    end)

    here("variables and the folder stay", function()
      sh:run "x=5; cd /usr"
      assert.equal("5 /usr", sh:run "echo $x $(pwd)")
    end)

    here("a syntax error is a status, not the end", function()
      local output, status = sh:try "if then fi ("
      assert.equal(2, status)
      assert.matches("syntax error", output:lower(), 1, true)
    end)

    here("a command cannot eat the next one", function()
      assert.equal("", sh:run "cat")
      assert.equal("still here", sh:run "echo still here")
    end)

    here("long commands and long output arrive whole", function()
      assert.equal(5000, #sh:run("echo " .. ("x"):rep(5000)))
      assert.equal(100000, #sh:run "head -c 100000 /dev/zero | tr '\\0' y")
    end)

    here("a failing command raises with its output", function()
      local ok, err = pcall(sh.run, sh, "echo reason; exit_with() { return 3; }; exit_with")
      assert.is_false(ok)
      assert.same({ "command", 3, "reason" }, { err.kind, err.status, err.output })
      assert.matches("^vm 'fake': command failed with status 3: ", err.message)
      assert.equal("    | reason", err.detail)
    end)

    here("a command that takes too long is interrupted", function()
      local ok, err = pcall(sh.run, sh, "sleep 50", { timeout = 0.5 })
      assert.is_false(ok)
      assert.equal("timeout", err.kind)
      assert.equal("after", sh:run "echo after")
    end)

    here("commands that cannot be typed are refused", function()
      for _, wrong in ipairs { "", " ", "a\3", "a\0", "a\127", ("x"):rep(40000), 5 } do
        local ok, err = pcall(sh.run, sh, wrong)
        assert.same({ false, "script" }, { ok, err.kind })
      end
      assert.matches('did you mean "run"?', select(2, pcall(function() return sh.rnu end)).detail, 1, true)
    end)
  end)
end

describe("a login", function()
  -- A prompt that kernel messages cover, a line that only looks like one.
  local function getty(more)
    return support.write("getty.sh", ([[
      stty sane
      printf 'x # '; sleep 0.1; echo more
      while :; do
        printf 'guest login: [    3.3] random: crng init done\n'
        read user
        [ -n "$user" ] && break
      done
      %s
      printf '\nwelcome\n~ # '
      sleep 0.3
      printf '[    4.0] usb: device\n'
      exec sh -i
    ]]):format(more or ""))
  end

  it("finds the prompt behind kernel messages", function()
    local vm = new_vm("sh " .. getty())
    assert.equal("ok", vm:login({ timeout = 30 }):run "echo ok")
    vm.input:close()
  end)

  it("gives a password when it is asked for one", function()
    local asks = 'printf "Password: "; stty -echo; read p; stty echo; [ "$p" = secret ] || exit'
    local vm = new_vm("sh " .. getty(asks))
    local ok, err = pcall(vm.login, vm, { timeout = 30 })
    assert.is_false(ok)
    assert.matches("asks for a password", err.message, 1, true)
    assert.equal("ok", vm:login({ password = "secret", timeout = 30 }):run "echo ok")
    vm.input:close()
  end)

  it("says when nobody answers", function()
    local vm = new_vm "sleep 5"
    local ok, err = pcall(vm.login, vm, { timeout = 0.5 })
    assert.is_false(ok)
    assert.equal("vm 'fake': no \"login:\" or shell prompt within 0.5s", err.message)
    vm.input:close()
  end)
end)
