-- SPDX-License-Identifier: MIT
-- virtio_support.lua - virtio devices in Lua on a bench, of one hook each.
local assert = require "luassert"
local vmoon = require "vmoon"

local HEAD <const> = "local dev = require 'vmoon.device'\n"

local support = {}

function support.raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return type(err) == "table" and err.message or tostring(err)
end

-- A device file of its own for one test; rewrite is for reload.
function support.with_file(text, f)
  local path = os.tmpname()
  local function rewrite(other)
    local file <close> = assert(io.open(path, "w"))
    file:write(HEAD, other)
  end
  rewrite(text)
  local ok, err = pcall(f, path, rewrite)
  os.remove(path)
  if not ok then error(err, 0) end
end

-- With the driver there already.
function support.with_device(text, f, options)
  support.with_file(text, function(path, rewrite)
    options = options or {}
    options.file = path
    local b <close> = vmoon.bench(options)
    b:probe()
    f(b, path, rewrite)
  end)
end

-- One queue, whose hook is the body.
function support.one(body, more)
  return ("return dev.virtio { name = 'x', id = 42, state = { log = {} }, %s queues = {\n"
    .. "{ name = 'q', size = 64, on_buffer = function(d, buf) local log = d.state.log\n"
    .. "%s\nend } } }"):format(more or "", body)
end

-- A request of bytes at 0x100 and room for n at 0x200, offered and kicked.
function support.offer(b, queue, bytes, n)
  local bufs = {}
  if bytes then
    b:poke(0x100, bytes)
    bufs[1] = { gpa = 0x100, len = #bytes }
  end
  if n then bufs[#bufs + 1] = { gpa = 0x200, len = n, write = true } end
  local head = b:offer(queue, bufs)
  b:kick(queue)
  return head
end

return support
