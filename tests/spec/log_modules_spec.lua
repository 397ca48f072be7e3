-- SPDX-License-Identifier: MIT
-- log_modules_spec.lua - the modules that have levels are those that the sources log as.
local support = dofile "tests/spec/support.lua"

local function listed()
  local list, names = support.read("runtime/log_levels.c"):match "vmoon_log_modules%[%] =\n(.-);", {}
  for name in list:gsub('"', ""):gmatch "[%w-]+" do names[#names + 1] = name end
  return names
end

local function sources()
  local text, list = {}, assert(io.popen "find runtime devices -name '*.c'")
  for path in list:lines() do text[#text + 1] = support.read(path) end
  list:close()
  return table.concat(text)
end

-- What a level can be given to: calls, fault counters, the board's devices.
local function used()
  local found, text = { device = true }, sources()
  for name in text:gmatch 'vmoon_logf%([^,;]+,%s*[^,;]+,%s*"([%w-]+)"' do found[name] = true end
  -- A level that is chosen on the spot has a colon in it.
  for name in text:gmatch 'VMOON_LOG_%u+,%s*"([%w-]+)"' do found[name] = true end
  for name in text:gmatch 'vmoon_faults_init%([^,;]+,%s*"([%w-]+)"' do found[name] = true end
  for name in support.read("runtime/board_x86_64.c"):gmatch '{"([%w-]+)", make_' do found[name] = true end
  found.log = nil -- what the log says of itself has no level
  local names = {}
  for name in pairs(found) do names[#names + 1] = name end
  table.sort(names)
  return names
end

describe("the list of modules", function()
  teardown(support.clean)

  it("is that of the sources, in order", function()
    assert.same(used(), listed())
    assert.is_true(#listed() > 8)
  end)
end)
