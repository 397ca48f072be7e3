-- SPDX-License-Identifier: MIT
-- errors_spec.lua - wrong specifications and the exact text each must produce.
--
-- errors/NAME.lua or NAME.json is checked in a folder that holds the files
-- below; errors/NAME.txt (NAME.json.txt) is what `vmoon check` then says.
local support = dofile "tests/spec/support.lua"
local vmoon = require "vmoon"

local HERE = "tests/spec/errors"

local function names()
  local found = {}
  local list = assert(io.popen("ls " .. HERE))
  for name in list:lines() do found[#found + 1] = name end
  list:close()
  return found
end

local function text_of(name)
  return HERE .. "/" .. name:gsub("%.lua$", "") .. ".txt"
end

describe("a wrong specification", function()
  setup(function()
    support.write("kernel", "k")
    support.write("empty", "")
    support.sh(("cd %s && mkfifo fifo && mkdir folder"):format(support.folder()))
    support.sh(("cd %s && truncate -s 1M disk.img other.img third.img fourth.img && truncate -s 1000 odd.img "
      .. "&& ln disk.img hard.img && ln -s disk.img link.img"):format(support.folder()))
    support.sh(("cp %s/* %s"):format(HERE, support.folder()))
  end)
  teardown(support.clean)

  for _, name in ipairs(names()) do
    if not name:find "%.txt$" then
      it("is explained word for word: " .. name, function()
        if name:find "%.json$" and not vmoon.has "json" then return pending "this build reads no JSON" end
        local expected = support.read(text_of(name))
        assert.not_equal("", expected, text_of(name) .. " is missing")
        local run = support.sh(("cd %s && vmoon check %s"):format(support.folder(), name))
        local said = run.err:gsub(support.folder():gsub("%p", "%%%0"), "/FOLDER")
        assert.equal(expected, said)
        assert.same({ "", 105 }, { run.out, run.status })
      end)
    end
  end

  it("stands beside every text", function()
    local sources = 0
    for _, name in ipairs(names()) do
      local source = name:match "^(.*)%.txt$"
      if source then
        if not source:find "%.json$" then source = source .. ".lua" end
        assert.not_equal("", support.read(HERE .. "/" .. source), name .. " has no source")
        sources = sources + 1
      end
    end
    assert.is_true(sources >= 20)
  end)
end)
