-- SPDX-License-Identifier: MIT
-- rng_spec.lua - scripts/devices/rng.lua: the same bytes for the same seed, and no more than asked.
local vmoon = require "vmoon"

local FILE <const> = "scripts/devices/rng.lua"

local function with(params, f)
  local b <close> = vmoon.bench { file = FILE, params = params }
  b:probe()
  f(b)
end

local function bytes_of(seed, n)
  local all
  with({ seed = seed, max = 65536 }, function(b) all = b:request(0, { ["in"] = n }) end)
  return all
end

describe("rng device", function()
  it("gives the same for the same seed, and other bytes for another", function()
    assert.equal(bytes_of(42, 4096), bytes_of(42, 4096))
    assert.not_equal(bytes_of(42, 4096), bytes_of(43, 4096))
  end)

  it("gives bytes of all values", function()
    local seen, n = {}, 0
    for c in bytes_of(1, 8192):gmatch(".") do
      if not seen[c] then seen[c], n = true, n + 1 end
    end
    assert.equal(256, n)
  end)

  it("fills what there is room for, and at most max", function()
    with({ max = 100 }, function(b)
      assert.equal(4, b:read32(8))
      for _, n in ipairs { 1, 99, 100, 101, 5000 } do
        local bytes, written = b:request(0, { ["in"] = n })
        assert.equal(math.min(n, 100), #bytes)
        assert.equal(#bytes, written)
      end
      assert.equal(1 + 99 + 100 * 3, b.state.served)
      assert.same({ "", 0 }, { b:request(0, { out = "x" }) })
    end)
  end)

  it("goes on where it was: in the next request and after a snapshot", function()
    local all = bytes_of(7, 300)
    with({ seed = 7 }, function(b)
      assert.equal(all:sub(1, 100), (b:request(0, { ["in"] = 100 })))
      assert.equal(all:sub(101, 200), (b:request(0, { ["in"] = 100 })))
      local c <close> = vmoon.bench { file = FILE, params = { seed = 7 }, state = b:save() }
      c:probe()
      assert.equal(all:sub(1, 100), (c:request(0, { ["in"] = 100 }))) -- a new driver, a new beginning
      b:reload()
      assert.equal(all:sub(201, 300), (b:request(0, { ["in"] = 100 })))
    end)
  end)

  it("begins again after 64 KiB", function()
    with({ max = 4096 }, function(b)
      local first = {}
      for i = 1, 16 do
        first[i] = b:request(0, { ["in"] = 4096 })
        assert.equal(4096, #first[i])
      end
      for i = 1, 16 do assert.equal(first[i], (b:request(0, { ["in"] = 4096 }))) end
    end)
  end)

  it("answers with what is left of the 64 KiB, and leaves none out", function()
    local all = bytes_of(1, 65536)
    with({ max = 30000 }, function(b)
      assert.equal(all:sub(1, 30000), (b:request(0, { ["in"] = 40000 })))
      assert.equal(all:sub(30001, 60000), (b:request(0, { ["in"] = 40000 })))
      assert.equal(all:sub(60001), (b:request(0, { ["in"] = 40000 })))
      assert.equal(all:sub(1, 30000), (b:request(0, { ["in"] = 40000 })))
    end)
  end)
end)
