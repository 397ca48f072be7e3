-- SPDX-License-Identifier: MIT
-- man3.lua - the manual page vmoon(3), made of the public headers' comments.
--
--   lua5.4 scripts/dev/man3.lua VERSION include/vmoon/*.h > vmoon.3
--
-- A comment at the left margin becomes text, what follows it the declaration
-- it is about; comments inside a struct stay with their members.

local order = {
  "vmoon", "devices", "output", "config", "error", "log", "mem", "lua", "bench",
  "device", "regmap", "watchdog", "le", "gmem", "gmem_window", "state", "virtio", "backend",
  "bucket",
}

local function read_all(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

local function escape(line)
  line = line:gsub("\\", "\\e"):gsub("%-", "\\-")
  return (line:gsub("^([.'])", "\\&%1"))
end

-- Lines of at most 80 bytes, as manual pages have them.
local function fill(text)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line ~= "" and #line + #word > 78 then
      lines[#lines + 1], line = escape(line), ""
    end
    line = line == "" and word or line .. " " .. word
  end
  lines[#lines + 1] = escape(line)
  return table.concat(lines, "\n")
end

-- What a comment says, as paragraphs of one line each.
local function comment_text(comment)
  local text = comment:gsub("^/%*%s*%*?%s*", ""):gsub("%s*%*/%s*$", "")
  text = text:gsub("\n%s*%*%s*\n", "\n\n"):gsub("\n%s*%*[ \t]?", "\n")
  local paragraphs = {}
  for paragraph in (text .. "\n\n"):gmatch("(.-)\n\n") do
    paragraphs[#paragraphs + 1] = (paragraph:gsub("%s*\n%s*", " "):gsub("^%s+", ""))
  end
  return paragraphs
end

-- Attributes are for the compiler: the return type is what a reader needs.
local function clean_code(code)
  code = code:gsub("VMOON_NONNULL%b()", ""):gsub("VMOON_PRINTF%b()", "")
  code = code:gsub("VMOON_MUST_USE", ""):gsub("VMOON_API%s+", "")
  code = code:gsub("VMOON_STATUS%s+", "enum vmoon_status ")
  -- Arguments were aligned below a bracket that has moved.
  code = code:gsub("%b()", function(list)
    return not list:find("[{/]") and list:gsub("\n%s+", "\n\t") or nil
  end)
  return (code:gsub("[ \t\n]+;", ";"):gsub("\t", "        "))
end

-- The header without its guard, includes and the frame for C++.
local function body_of(text)
  text = text:gsub("#ifdef __cplusplus.-#endif\n", "")
  text = text:gsub("#include[^\n]*\n", ""):gsub("#ifndef VMOON_[A-Z_]+_H\n#define VMOON_[A-Z_]+_H\n", "")
  return (text:gsub("#endif%s*$", ""))
end

local function put_code(out, code)
  code = clean_code(code):gsub("^\n+", ""):gsub("%s+$", "")
  if code == "" then return end
  out[#out + 1] = ".PP\n.EX"
  for line in (code .. "\n"):gmatch("(.-)\n") do out[#out + 1] = escape(line) end
  out[#out + 1] = ".EE"
end

local function put_comment(out, comment)
  local heading = comment:match("^/%* %-%-%-%- (.-) %-%-%-%- %*/$")
  if heading then
    out[#out + 1] = ".SS " .. escape(heading)
    return
  end
  for _, paragraph in ipairs(comment_text(comment)) do
    out[#out + 1] = ".PP\n" .. fill(paragraph)
  end
end

local function put_header(out, name, text)
  local purpose = text:match("/%* " .. name .. "%.h %- (.-) %*/")
  out[#out + 1] = ".SH <vmoon/" .. name .. ".h>"
  if purpose then out[#out + 1] = fill((purpose:gsub("%s*\n[%s*]*", " "))) end
  local body = body_of(text):gsub("^%s*/%*.-%*/%s*/%*.-%*/", "")
  local at = 1
  while true do
    -- The next comment at the left margin.
    local from, to = ("\n" .. body):find("\n/%*.-%*/", at)
    put_code(out, body:sub(at, from and from - 1 or -1))
    if not from then return end
    put_comment(out, body:sub(from, to - 1))
    at = to
  end
end

local texts, version = {}, arg[1]
for i = 2, #arg do
  local name = arg[i]:match("([^/]+)%.h$")
  texts[name] = read_all(arg[i])
end

local out = {
  '.TH VMOON 3 "" "vmoon ' .. version .. '" "vmoon"',
  ".SH NAME",
  "vmoon \\- virtual machines, embedded in a C program",
  ".SH SYNOPSIS",
  ".EX\n#include <vmoon/vmoon.h>\n.EE",
  ".PP\n.EX\ncc prog.c $(pkg\\-config \\-\\-cflags \\-\\-libs vmoon)\n.EE",
  ".PP\n.EX\ncc prog.c $(pkg\\-config \\-\\-cflags \\-\\-libs vmoon\\-lua)   # with Lua\n.EE",
  ".SH DESCRIPTION",
  "A runtime holds VMs, a configuration describes one, and a stream is its console.",
  "Nothing here exits, prints or changes the process; callbacks run inside",
  "vmoon_runtime_dispatch only.",
}
for _, name in ipairs(order) do
  if texts[name] then put_header(out, name, texts[name]) end
end
out[#out + 1] = ".SH SEE ALSO\n.BR vmoon (1),\n.BR vmoon\\-lua (3),\n.BR vmoon\\-spec (5)"
io.write(table.concat(out, "\n"), "\n")
