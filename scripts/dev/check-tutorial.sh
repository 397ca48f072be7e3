#!/bin/sh
# SPDX-License-Identifier: MIT
# check-tutorial.sh - what virtio/TUTORIAL.md shows of rng.c is in rng.c.
set -eu
exec lua5.4 - <<'LUA'
local function read(path)
  local f <close> = assert(io.open(path))
  return f:read("a")
end
local code, bad, n = read("virtio/rng.c"), 0, 0
for piece in read("virtio/TUTORIAL.md"):gmatch("```c\n(.-)```") do
  n = n + 1
  if not code:find(piece, 1, true) then
    io.stderr:write("tutorial: virtio/TUTORIAL.md: not in rng.c: ",
      piece:match("[^\n]*"), "\n")
    bad = 1
  end
end
if n == 0 then
  io.stderr:write("tutorial: virtio/TUTORIAL.md: shows nothing\n")
  bad = 1
end
os.exit(bad)
LUA
