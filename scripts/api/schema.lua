-- SPDX-License-Identifier: MIT
-- schema.lua - the keys of a specification as a JSON Schema, for editors.
--
--   local text = schema { keys = ... }   -- see bindings/cli/api.c
local api = ...

local TYPES = {
  string = "string", path = "string", integer = "integer", address = "integer",
  size = "string", rate = "string", ops = "string", seconds = "number", sink = "string", boolean = "boolean",
}

local function quote(text)
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

local put_object

local function put_value(out, key, indent)
  local is_either = TYPES[key.type] and #key.fields > 0
  if is_either then out[#out + 1] = '"anyOf": [{' end
  if key.type == "choice" then
    out[#out + 1] = '"enum": ["' .. key.choices:gsub(", ", '", "') .. '"]'
  elseif key.type == "size" then
    out[#out + 1] = '"type": "string", "pattern": "^[0-9]+[KMGT](iB)?$"'
  elseif key.type == "rate" then
    out[#out + 1] = '"type": "string", "pattern": "^[0-9]+([KMGT](iB)?|B)/s$"'
  elseif key.type == "ops" then
    out[#out + 1] = '"type": "string", "pattern": "^[0-9]+/s$"'
  elseif key.type == "params" then
    out[#out + 1] = '"type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] }'
  elseif key.type == "function" or key.type == "device" then
    out[#out + 1] = ('"not": {}, "$comment": "a %s of a script"'):format(key.type)
  elseif TYPES[key.type] then
    out[#out + 1] = '"type": "' .. TYPES[key.type] .. '"'
  end
  if is_either then out[#out + 1] = "}, {" end
  if key.type == "list" then out[#out + 1] = '"type": "array", "items": {' end
  if #key.fields > 0 then put_object(out, key.fields, indent .. "  ") end
  if key.type == "list" then out[#out + 1] = "}" end
  if is_either then out[#out + 1] = "}]" end
end

local function put_default(out, key)
  if key.default == "" then return end
  local is_word = TYPES[key.type] ~= "integer" and key.type ~= "boolean"
  out[#out + 1] = ', "default": ' .. (is_word and quote(key.default) or key.default)
end

function put_object(out, keys, indent)
  local required = {}
  out[#out + 1] = '"type": "object", "additionalProperties": false,\n' .. indent .. '"properties": {'
  for i, key in ipairs(keys) do
    out[#out + 1] = ('%s\n%s  "%s": {'):format(i > 1 and "," or "", indent, key.name)
    put_value(out, key, indent .. "  ")
    put_default(out, key)
    out[#out + 1] = ', "description": ' .. quote(key.doc) .. "}"
    if key.is_required then required[#required + 1] = quote(key.name) end
  end
  out[#out + 1] = "\n" .. indent .. "}"
  if #required > 0 then
    out[#out + 1] = ',\n' .. indent .. '"required": [' .. table.concat(required, ", ") .. "]"
  end
end

local out = { '{ "$schema": "https://json-schema.org/draft/2020-12/schema",\n  "title": "vmoon VM specification",\n  ' }
put_object(out, api.keys, "  ")
return table.concat(out) .. " }\n"
