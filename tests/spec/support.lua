-- SPDX-License-Identifier: MIT
-- support.lua - what the specs share: files for one test, the command, guests.
--
--   local support = dofile "tests/spec/support.lua"
--   local path = support.write("a.lua", "return {}")
--   local run = support.vmoon("check " .. path)     -- run.status, run.out, run.err
local support = {}

local folder

-- A folder of its own for this run, removed by support.clean.
function support.folder()
  if not folder then
    folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir -m 755 '" .. folder .. "'"))
  end
  return folder
end

function support.clean()
  if folder then os.execute("rm -rf '" .. folder .. "'") end
  folder = nil
end

function support.write(name, text)
  local path = support.folder() .. "/" .. name
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

function support.read(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local text = file:read "a"
  file:close()
  return text
end

-- Runs a shell command; status, standard output, standard error.
function support.sh(command)
  local out, err = support.folder() .. "/out", support.folder() .. "/err"
  local _, how, status = os.execute(("{ %s\n} >%s 2>%s"):format(command, out, err))
  return { status = how == "signal" and 128 + status or status, out = support.read(out), err = support.read(err) }
end

-- The command `vmoon` of this build.
function support.vmoon(arguments, input)
  return support.sh(("vmoon %s <%s"):format(arguments, input or "/dev/null"))
end

-- A small guest of tests/guest, or nil when they are not built.
function support.guest(name)
  local where = os.getenv "VMOON_GUESTS" or (os.getenv "VMOON_OUT" or "build/gcc-c11") .. "/guest"
  local path = where .. "/" .. name
  local file = io.open(path)
  if not file then return nil end
  file:close()
  return path
end

return support
