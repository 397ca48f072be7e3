-- SPDX-License-Identifier: MIT
-- luals_device.lua - the editor stub of vmoon.device, with the classes of a
-- device file made anew from its keys.
--
--   local text = luals_device { device_tables = ..., text = ... }   -- see bindings/cli/api.c
local api = ...

local FIRST, LAST = "-- The keys begin here.\n", "-- The keys end here.\n"
local D = "vmoon.device."

-- Classes of the tables, by their place in a device file.
local CLASSES = {
  ["registers.NAME"] = "Register", ["registers.NAME.fields.NAME"] = "Field", ["registers.NAME.array"] = "Array",
  ["registers.NAME.fifo"] = "Fifo", ["params.NAME"] = "Param", ["queues.N"] = "Queue", ["config.N"] = "ConfigField",
}

-- Types that a word does not say; OBJECT is the class of d.
local TYPES = {
  [""] = {
    features = "table<integer, string>", config = D .. "ConfigField[]|string",
    params = "table<string, " .. D .. "Param>",
    state = "table", registers = "table<string, " .. D .. "Register>", queues = D .. "Queue[]",
    timers = "table<string, fun(d: OBJECT)>", methods = "table<string, fun(d: OBJECT, ...: any): ...>",
    on_reset = "fun(d: OBJECT)",
    on_config_write = "fun(d: OBJECT, offset: integer, len: integer, value: integer)",
  },
  ["registers.NAME"] = {
    fields = "table<string, " .. D .. "Field>", array = D .. "Array", fifo = D .. "Fifo",
    on_read = "fun(d: OBJECT, index: integer?): integer|boolean",
    on_write = "fun(d: OBJECT, new: any, old: any, index: integer?)",
  },
  ["registers.NAME.fields.NAME"] = { bits = "integer[]", reset = "integer|boolean" },
  ["params.NAME"] = { default = "integer|number|string|boolean", choices = "any[]" },
  ["queues.N"] = { on_buffer = D .. "OnBuffer" },
  ["config.N"] = { value = "integer|string|fun(params: table<string, any>): integer|string" },
}

local WORDS = {
  string = "string", integer = "integer", address = "integer", offset = "integer", bytes = "integer|string",
  size = "string", seconds = "number", boolean = "boolean", number = "number",
}

local function type_of(place, key, object)
  local types = TYPES[place] or {}
  if key.choices then return '"' .. key.choices:gsub(", ", '"|"') .. '"' end
  local kind = types[key.name] or WORDS[key.type]
  if not kind then error(("luals_device.lua does not know the type of %s of %s"):format(key.name, place)) end
  return (kind:gsub("OBJECT", object))
end

local out = {}

local function put_class(class, place, keys, kind)
  local object = D .. (kind == "virtio" and "VirtioObject" or "RegisterObject")
  out[#out + 1] = "---@class (exact) " .. D .. class
  for _, key in ipairs(keys) do
    if not kind or key.kinds[kind] then
      local default = key.default and "Left out: " .. key.default .. "." or ""
      local is_long = #key.doc + #default > 110
      out[#out + 1] = "---" .. key.doc .. (default ~= "" and (is_long and "\n---" or " ") .. default or "")
      out[#out + 1] = ("---@field %s%s %s"):format(key.name, key.is_required and "" or "?", type_of(place, key, object))
    end
  end
  out[#out + 1] = ""
end

for _, t in ipairs(api.device_tables) do
  if t.place == "" then
    put_class("Mmio", t.place, t.keys, "mmio")
    put_class("Pio", t.place, t.keys, "pio")
    put_class("Virtio", t.place, t.keys, "virtio")
  else
    put_class(assert(CLASSES[t.place], t.place), t.place, t.keys)
  end
end

local stub = api.text "vmoon_device"
local _, first = stub:find(FIRST, 1, true)
local last = stub:find(LAST, 1, true)
return stub:sub(1, first) .. "\n" .. table.concat(out, "\n") .. "\n" .. stub:sub(last)
