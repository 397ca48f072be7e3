-- SPDX-License-Identifier: MIT
-- tutorial_spec.lua - "Your first device in ten minutes" is followed, command by
-- command, as far as that needs no guest: see kvm/ and linux/ for the rest. And
-- what follows it is tested itself.
local support = dofile "tests/spec/support.lua"
local page = assert(loadfile "tests/spec/page.lua")(it, function(why) pending(why) end, support)

local TUTORIAL <const> = "scripts/devices/TUTORIAL.md"

describe("your first device", function()
  teardown(support.clean)
  page.follow(TUTORIAL, {})

  it("begins with a device in the README that is one", function()
    local text = support.read "README.md":match '```lua\n(local dev = require "vmoon.device".-)```'
    local path = support.write("readme.lua", text)
    local run = support.vmoon("check " .. path)
    assert.same({ 0, path .. ": ok (a device)\n", "" }, { run.status, run.out, run.err })
    local b <close> = require "vmoon".bench { file = path }
    b:write32(0x04, 3)
    b:advance(1.05)
    assert.same({ 10, true }, { b:read32(0x0c), b.irq })
  end)

  it("has nothing that no spec follows", function()
    local count = { kvm = 0, linux = 0, none = 0 }
    for _, step in ipairs(page.steps(support.read(TUTORIAL))) do
      local lane = step.lane or "none"
      assert.is_number(count[lane], lane)
      count[lane] = count[lane] + 1
    end
    assert.is_true(count.none > 15 and count.kvm > 3 and count.linux > 1)
  end)
end)

describe("a page that is followed", function()
  local function step(text)
    return page.steps(text)[1]
  end

  local function raised(text)
    local ok, err = pcall(page.take, support.folder(), step(text))
    assert.is_false(ok)
    return err
  end

  local function console(words, body)
    return ("```console %s\n%s```\n"):format(words, body)
  end

  teardown(support.clean)

  it("says what differs, and where", function()
    local text = "\n\n" .. console("", "$ echo a; echo b\na\nc\n")
    assert.equal("line 3: $ echo a; echo b\n---- the page says\na\nc\n---- it printed\na\nb\n", raised(text))
    for _, answer in ipairs { "", "a\n", "b\n", "a\nb\nc\n", "b\na\n", "a\n b\n", ".\nb\n" } do
      raised(console("", "$ echo a; echo b\n" .. answer))
    end
    page.take(support.folder(), step(console("", "$ echo a; echo b >&2\na\nb\n")))
  end)

  it("takes a status that is not said for a mistake", function()
    assert.matches("its status is 3", raised(console("", "$ exit 3\n")))
    assert.matches("its status is 0", raised(console("fails", "$ true\n")))
    page.take(support.folder(), step(console("fails", "$ exit 3\n")))
    assert.matches("not found", raised(console("", "$ no-such-command\n")))
  end)

  it("lets dots stand for a part of a line, or for lines", function()
    assert.is_true(page.matches("took 12 s\n", { "took ... s" }))
    assert.is_false(page.matches("took 12 s\nmore s\n", { "took ... s" }))
    assert.is_true(page.matches("a\nb\nc\n", { "a", "...", "c" }))
    assert.is_true(page.matches("a\nc\n", { "a", "...", "c" }))
    assert.is_false(page.matches("a\nb\n", { "a", "...", "c" }))
    assert.is_true(page.matches("%d (x)\n", { "%d (x)" }))
  end)

  it("changes lines that are there once", function()
    local diff = "```diff a.txt\n one\n-two\n+2\n three\n```\n"
    support.write("a.txt", "zero\none\ntwo\nthree\n")
    page.take(support.folder(), step(diff))
    assert.equal("zero\none\n2\nthree\n", support.read(support.folder() .. "/a.txt"))
    assert.matches("has not the lines", raised(diff), 1, true)
    support.write("a.txt", ("one\ntwo\nthree\n"):rep(2))
    assert.matches("has these lines twice", raised(diff), 1, true)
  end)

  it("has commands, files and lanes in its order, and no more", function()
    local steps = page.steps(
      "```lua a.lua\nx\n```\n```text\nnot this\n```\n" .. console("fails kvm", "$ a\n1\n$ b\n"))
    assert.same({
      { file = "a.lua", body = "x\n", is_diff = false, line = 1 },
      { command = "a", answer = { "1" }, lane = "kvm", fails = true, line = 7 },
      { command = "b", answer = {}, lane = "kvm", fails = true, line = 7 },
    }, steps)
    assert.has_error(function() page.steps "```console\nno command\n```\n" end)
    assert.has_error(function() page.steps "```console\n$ a\n" end)
  end)
end)
