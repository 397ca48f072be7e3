-- SPDX-License-Identifier: MIT
-- page.lua - follows a page of Markdown as a reader does, in an empty folder.
--
--   local page = assert(loadfile "tests/spec/page.lua")(it, function(why) pending(why) end, support)
--   page.follow("scripts/devices/TUTORIAL.md", { kvm = host.kvm or host.reason })
--
-- Blocks of the page, by the words behind their fence:
--   console [fails] [LANE]  `$ COMMAND`, and below it all that it prints. Its
--                           status is 0; with `fails` it is another.
--   diff FILE               lines of FILE that are changed; they are there once
--   LANGUAGE FILE           all of FILE
-- In an answer `...` stands for any text of a line, and alone for any lines.
-- Other blocks are looked at by nobody. busted hands `it` and `pending` to spec
-- files alone: they pass them on, and pending as a function of their own.
local it, pending, support = ...
local page = {}

-- ---- reading ----

-- "$ a" and the lines below it, up to the next.
local function commands_of(body, step)
  local list = {}
  for line in body:gmatch "([^\n]*)\n" do
    local command = line:match "^%$ (.+)"
    if command then
      list[#list + 1] = { command = command, answer = {}, lane = step.lane, fails = step.fails, line = step.line }
    elseif #list == 0 then
      error(("line %d: an answer without a command"):format(step.line))
    else
      table.insert(list[#list].answer, line)
    end
  end
  return list
end

-- All steps in the order of the page.
function page.steps(text)
  local steps, number, block = {}, 0, nil
  for line in text:gmatch "([^\n]*)\n" do
    number = number + 1
    local fence = line:match "^```(.*)"
    if fence and not block then
      local kind, words = fence:match "^(%S*)%s*(.*)"
      block = { kind = kind, words = words, line = number, body = {} }
    elseif fence then
      local body = table.concat(block.body, "\n") .. "\n"
      if block.kind == "console" then
        block.fails = block.words:find "fails" ~= nil
        block.lane = block.words:gsub("fails", ""):match "%S+"
        for _, step in ipairs(commands_of(body, block)) do steps[#steps + 1] = step end
      elseif block.words ~= "" then
        steps[#steps + 1] = { file = block.words, body = body, is_diff = block.kind == "diff", line = block.line }
      end
      block = nil
    elseif block then
      table.insert(block.body, line)
    end
  end
  assert(not block, "a fence is not closed")
  return steps
end

-- ---- doing ----

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

-- Takes "-" lines out and puts "+" lines in, where the others are found.
local function change(path, diff)
  local old, new = {}, {}
  for line in diff:gmatch "([^\n]*)\n" do
    local sign, rest = line:sub(1, 1), line:sub(2)
    if sign ~= "+" then old[#old + 1] = rest end
    if sign ~= "-" then new[#new + 1] = rest end
  end
  local text, from = support.read(path), table.concat(old, "\n") .. "\n"
  local first, last = text:find(from, 1, true)
  assert(first, path .. " has not the lines that are to be changed")
  assert(not text:find(from, last + 1, true), path .. " has these lines twice")
  write(path, text:sub(1, first - 1) .. table.concat(new, "\n") .. "\n" .. text:sub(last + 1))
end

-- Whether text is what the page says; `...` stands for what it may.
function page.matches(text, answer)
  local lines = {}
  for i, line in ipairs(answer) do
    lines[i] = line == "..." and ".-" or line:gsub("%p", "%%%0"):gsub("%%%.%%%.%%%.", "[^\n]-") .. "\n"
  end
  return text:match("^" .. table.concat(lines) .. "\n*$") ~= nil
end

local function run(folder, step)
  local pipe = assert(io.popen(("cd '%s' && (%s\n) </dev/null 2>&1; echo \"= $?\""):format(folder, step.command)))
  local text = pipe:read "a"
  pipe:close()
  local out, status = text:match "^(.-)\n?= (%d+)\n$"
  out = out == "" and "" or out .. "\n"
  if not page.matches(out, step.answer) then
    error(("line %d: $ %s\n---- the page says\n%s\n---- it printed\n%s"):format(
      step.line, step.command, table.concat(step.answer, "\n"), out), 0)
  end
  if (status ~= "0") ~= step.fails then
    error(("line %d: $ %s\nits status is %s\n%s"):format(step.line, step.command, status, out), 0)
  end
end

-- Does one step in the folder; raises what differs from the page.
function page.take(folder, step)
  if step.command then
    run(folder, step)
  else
    (step.is_diff and change or write)(folder .. "/" .. step.file, step.body)
  end
end

-- One test for each step. Of lanes: true runs its commands, a text is why they
-- cannot run here; those that are not named are for another spec. What comes
-- after a step that failed is skipped: it would only say the same.
function page.follow(path, lanes)
  local folder = support.folder()
  local failed

  local function one(step)
    local lane = step.lane == nil or lanes[step.lane]
    if not lane then return end
    local title = step.command and "$ " .. step.command
      or step.file .. (step.is_diff and " is changed" or " is written")
    it(("line %d: %s"):format(step.line, title), function()
      if failed then return pending(("line %d failed"):format(failed)) end
      if lane ~= true then return pending(lane) end
      failed = step.line
      page.take(folder, step)
      failed = nil
    end)
  end

  for _, step in ipairs(page.steps(support.read(path))) do one(step) end
end

return page
