-- SPDX-License-Identifier: MIT
-- check-threats.lua [FILE] - each row of THREAT_MODEL.md is whole, has a number
-- of its own, and names files and tests that are there. What a row looks like
-- is in that file, under "Threats".

local path = arg[1] or "THREAT_MODEL.md"
local COLUMNS = { "Id", "Threat", "Who", "Mitigation", "Proof", "Embedder" }
local bad = false

local function say(line, text)
  io.stderr:write(("threats: %s:%d: %s\n"):format(path, line, text))
  bad = true
end

local texts = {} -- of files, false for none
local function text_of(name)
  if texts[name] == nil then
    local file = io.open(name)
    texts[name] = file and file:read "a" or false
    if file then file:close() end
  end
  return texts[name]
end

-- A unit test is a function (the compiler refuses one that nobody calls). Other
-- tests have titles, of which the beginning is enough: some go on with what they
-- are about; those of tests/lint/run.sh begin a line.
local function has_test(file, name)
  local text, word = "\n" .. text_of(file), name:gsub("%p", "%%%0")
  -- A function, or a row of a table of tests whose macro names it.
  if file:find "%.c$" then
    return (text:find("void " .. word .. "%(") or text:find('%u%("[^\n]*, ' .. word .. ",")) ~= nil
  end
  return text:find("[\"'\n]" .. word) ~= nil
end

local function cells_of(line)
  local cells = {}
  for cell in (line:gsub("^|", ""):gsub("|%s*$", "") .. "|"):gmatch "%s*([^|]-)%s*|" do
    cells[#cells + 1] = cell
  end
  return cells
end

local function check_links(line, id, cell)
  local count = 0
  for target in cell:gmatch "%]%(([^)#]+)[^)]*%)" do
    count = count + 1
    if not target:find "^%a+:" and not text_of(target) then
      say(line, ("%sthere is no file %s"):format(id, target))
    end
  end
  return count
end

-- "[label](file) `name` `name`, [label](file) ...": what proves it.
local function check_proof(line, id, cell)
  local file, has_name
  local function close()
    if not file or not text_of(file) or has_name then return end
    if not file:find "^fuzz/fuzz_" then
      say(line, ("%s%s is named without a test of it"):format(id, file))
    elseif not text_of(file):find "LLVMFuzzerTestOneInput" then
      say(line, ("%s%s is no fuzz target"):format(id, file))
    end
  end
  for target, name in (cell:gsub("%[[^]]*%]%(([^)]+)%)", "\1%1\1")):gmatch "[\1`]([^\1`]*)([\1`])" do
    if name == "\1" then
      close()
      file, has_name = target, false
    elseif not file then
      say(line, ("%s`%s` stands before any file"):format(id, target))
    else
      has_name = true
      if text_of(file) and not has_test(file, target) then
        say(line, ("%s%s has no test %s"):format(id, file, target))
      end
    end
  end
  close()
end

local last = {} -- number of the last row of each component
local actors = {}
local rows = 0

local function check_id(line, id)
  local component, number = id:match "^T%-(%u[%u%d]*)%-([1-9]%d*)$"
  if not component then return say(line, ("%s is no id like T-SER-1"):format(id)) end
  local expected = (last[component] or 0) + 1
  if tonumber(number) < expected then
    say(line, ("%s is there twice, or after a higher number"):format(id))
  elseif tonumber(number) > expected then
    say(line, ("%s comes where T-%s-%d is due"):format(id, component, expected))
  end
  last[component] = math.max(tonumber(number), last[component] or 0)
end

local function check_row(line, text)
  local cells = cells_of(text)
  local id = cells[1] .. ": "
  rows = rows + 1
  check_id(line, cells[1])
  for i, name in ipairs(COLUMNS) do
    if (cells[i] or "") == "" then return say(line, ("%sthe column %s is missing"):format(id, name)) end
  end
  if #cells > #COLUMNS then return say(line, id .. "it has a column too many") end
  for who in cells[3]:gmatch "[^,%s][^,]*" do
    if not actors[who] then say(line, ("%s%s is none of the actors"):format(id, who)) end
  end
  if check_links(line, id, cells[4]) == 0 then say(line, id .. "no file mitigates it") end
  if check_links(line, id, cells[5]) == 0 then say(line, id .. "no test proves it") end
  check_links(line, id, cells[6])
  check_proof(line, id, cells[5])
end

local number, section = 0, ""
local has_header, is_code = false, false
for text in io.lines(path) do
  number = number + 1
  if text:find "^```" then is_code = not is_code end
  if text:find "^## " then section = text:sub(4) end
  local is_table = text:find "^|" and not is_code
  if not is_table then
    has_header = false
    if not is_code then check_links(number, "", text) end
  elseif text:find "^|[%s|:-]+$" then
    has_header = true
  elseif section == "Actors" and has_header then
    actors[cells_of(text)[1]] = true
  elseif section == "Threats" and (has_header or text:find "^|%s*T%-") then
    check_row(number, text)
  elseif section ~= "Threats" then
    check_links(number, "", text)
  end
end
if rows == 0 then say(number, "it has no threat at all") end
os.exit(not bad)
