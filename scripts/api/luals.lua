-- SPDX-License-Identifier: MIT
-- luals.lua - the editor stub, with the classes of a specification made anew.
--
--   local text = luals { keys = ..., stub = ... }   -- see bindings/cli/api.c
local api = ...

local FIRST, LAST = "-- The schema begins here.\n", "-- The schema ends here.\n"

local TYPES = {
  string = "string", path = "string", integer = "integer", address = "integer",
  size = "vmoon.Size", rate = "string", ops = "string", seconds = "vmoon.Seconds", sink = "string", boolean = "boolean",
  params = "table<string, string|number|boolean>",
  device = "vmoon.device.Mmio|vmoon.device.Pio|vmoon.device.Virtio",
  ["function"] = "fun(bytes: string, info: vmoon.Info)",
}

local function class_of(parent, key)
  return parent .. key.name:sub(1, 1):upper() .. key.name:sub(2)
end

local function type_of(parent, key)
  if key.type == "choice" then
    return '"' .. key.choices:gsub(", ", '"|"') .. '"'
  elseif key.type == "list" then
    return class_of(parent, key) .. "[]"
  elseif #key.fields > 0 then
    return (TYPES[key.type] and TYPES[key.type] .. "|" or "") .. class_of(parent, key)
  end
  return TYPES[key.type]
end

local function default_of(key)
  if key.default == "" then return "" end
  local is_word = key.type ~= "integer" and key.type ~= "boolean" and key.type ~= "address"
  return (' Default %s.'):format(is_word and '"' .. key.default .. '"' or key.default)
end

local function put_class(out, name, keys)
  out[#out + 1] = "---@class (exact) " .. name
  for _, key in ipairs(keys) do
    out[#out + 1] = "---" .. key.doc .. default_of(key)
    out[#out + 1] = ("---@field %s%s %s"):format(key.name, key.is_required and "" or "?", type_of(name, key))
  end
  out[#out + 1] = ""
  for _, key in ipairs(keys) do
    if #key.fields > 0 then put_class(out, class_of(name, key), key.fields) end
  end
end

local _, first = api.stub:find(FIRST, 1, true)
local last = api.stub:find(LAST, 1, true)
local out = {}
put_class(out, "vmoon.Spec", api.keys)
return api.stub:sub(1, first) .. "\n" .. table.concat(out, "\n") .. "\n" .. api.stub:sub(last)
