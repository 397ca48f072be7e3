#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# audit.sh OUT - what scripts/dev/audit.sh writes of OUT is an SPDX document,
# and it refuses a file that links other libraries than are listed. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0

check() { # name command...
	local name=$1 text
	shift
	n=$((n + 1))
	if text=$("$@" 2>&1); then
		echo "ok $n - audit $name"
	else
		echo "not ok $n - audit $name"
		printf '%s\n' "$text" | head -n 20 | sed 's/^/# /'
	fi
}
# A build of the four files alone, to write to.
fresh() {
	local file
	rm -rf "$tmp/out"
	mkdir -p "$tmp/out/bin" "$tmp/out/lib/lua/5.4"
	for file in bin/vmoon lib/libvmoon.so.0 lib/libvmoon-lua.so.0 \
		lib/lua/5.4/vmoon.so; do
		cp "$out/$file" "$tmp/out/$file"
	done
}
out=$(cd "$1" && pwd) || exit 1
audit() { SOURCE_DATE_EPOCH=${epoch-1700000000} sh scripts/dev/audit.sh "$tmp/out"; }
said() { # file, text that is a line of it
	grep -qxF -- "$2" "$1" || {
		cat "$1"
		return 1
	}
}
# Links $1 with those libraries whether it uses them or not.
planted() { # file libraries...
	local file=$1
	shift
	echo 'int vmoon_planted(void); int vmoon_planted(void) { return 0; }' |
		gcc -x c -shared -fPIC - -x none -Wl,--no-as-needed "$@" \
			-o "$tmp/out/$file"
}
refuses() { ! audit >"$tmp/said" 2>&1; }
nothing_written() { [ ! -e "$tmp/out/vmoon.spdx.json" ]; }

cat >"$tmp/read.lua" <<'L'
local file <close> = assert(io.open(arg[1]))
local json = require "dkjson"
local doc = assert(json.decode(file:read "a"))
local ids, kinds, names = { [doc.SPDXID] = true }, {}, {}
local licenses = {}
for _, one in ipairs(doc.hasExtractedLicensingInfos or {}) do
  assert(#one.extractedText > 20)
  licenses[one.licenseId] = true
end

local function has_fields(object, ...)
  for _, key in ipairs { ... } do
    assert(type(object[key]) == "string" and object[key] ~= "", key .. " is missing")
  end
end

has_fields(doc, "spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace")
assert(doc.spdxVersion == "SPDX-2.3" and doc.dataLicense == "CC0-1.0" and doc.SPDXID == "SPDXRef-DOCUMENT")
assert(doc.documentNamespace:match "^urn:uuid:%x+%-%x+%-8%x%x%x%-8%x%x%x%-%x+$" and #doc.documentNamespace == 45)
assert(doc.creationInfo.created == arg[2], doc.creationInfo.created)
assert(doc.creationInfo.creators[1]:find "^Tool: ")
for _, package in ipairs(doc.packages) do
  has_fields(package, "SPDXID", "name", "downloadLocation", "licenseDeclared")
  assert(package.SPDXID:find "^SPDXRef%-[%w.-]+$" and not ids[package.SPDXID], package.SPDXID)
  assert(package.filesAnalyzed == false)
  local ref = package.licenseDeclared:match "LicenseRef%-[%w.-]+"
  assert(not ref or licenses[ref], "nothing says what " .. tostring(ref) .. " is")
  ids[package.SPDXID], names[package.packageFileName or "vmoon"] = true, package
end
for _, one in ipairs(doc.relationships) do
  assert(ids[one.spdxElementId] and ids[one.relatedSpdxElement], one.spdxElementId)
  kinds[one.relationshipType] = (kinds[one.relationshipType] or 0) + 1
  kinds[one.spdxElementId .. ">" .. one.relatedSpdxElement] = one.relationshipType
end
assert(kinds.DESCRIBES == 1 and kinds.CONTAINS == 4)
local linked = 0
for i = 3, #arg do
  local from, to = arg[i]:match "(%S+)>(%S+)"
  assert(kinds["SPDXRef-" .. from .. ">SPDXRef-" .. to] == "DYNAMIC_LINK", arg[i] .. " is missing")
  assert(names[to] or to:find "^libvmoon", to)
  linked = linked + 1
end
assert(kinds.DYNAMIC_LINK == linked, "it has links that are none")
assert(names["libc.so.6"].licenseDeclared == "LGPL-2.1-or-later")
assert(names["bin/vmoon"].checksums[1].checksumValue:find("^" .. ("%x"):rep(64) .. "$"))
L
links() { # every "FILE>SONAME" of the four
	local file
	for file in bin/vmoon lib/libvmoon.so.0 lib/libvmoon-lua.so.0 \
		lib/lua/5.4/vmoon.so; do
		readelf -dW "$tmp/out/$file" |
			sed -n "s|.*(NEEDED).*\[\(.*\)\].*|${file##*/}>\1|p"
	done
}
is_spdx() {
	# Names of libraries hold no spaces.
	# shellcheck disable=SC2046
	lua5.4 "$tmp/read.lua" "$tmp/out/vmoon.spdx.json" 2023-11-14T22:13:20Z \
		$(links)
}
prints_versions() {
	local name
	for name in vmoon libc.so.6 libseccomp.so.2 liblua5.4.so.0; do
		grep -qE "^$name +[0-9]" "$tmp/said" || return
	done
}
same_again() {
	cp "$tmp/out/vmoon.spdx.json" "$tmp/first" && audit &&
		cmp "$tmp/first" "$tmp/out/vmoon.spdx.json"
}
other_time() {
	epoch=1700000001 audit && ! cmp -s "$tmp/first" "$tmp/out/vmoon.spdx.json" &&
		[ "$(grep Namespace "$tmp/first")" != "$(grep Namespace "$tmp/out/vmoon.spdx.json")" ]
}
# dpkg-query that knows nothing: pkg-config tells the versions then.
without_dpkg() {
	mkdir -p "$tmp/bin"
	printf '#!/bin/sh\nexit 1\n' >"$tmp/bin/dpkg-query"
	chmod +x "$tmp/bin/dpkg-query"
	PATH=$tmp/bin:$PATH audit >"$tmp/said" 2>&1 && prints_versions &&
		! grep -q purl "$tmp/out/vmoon.spdx.json"
}

fresh
check 'of the build passes' eval 'audit >"$tmp/said" 2>&1'
check 'prints names and versions' prints_versions
if lua5.4 -e 'require "dkjson"' 2>/dev/null; then
	check 'is an SPDX 2.3 document of all that is linked' is_spdx
else
	n=$((n + 1))
	echo "ok $n - # SKIP audit is an SPDX document: lua-dkjson is not here"
fi
check 'writes the same again' same_again
check 'has another name at another time' other_time
check 'works without dpkg' without_dpkg
epoch=yesterday check 'refuses a time that is none' refuses

fresh
planted lib/lua/5.4/vmoon.so -L"$tmp/out/lib" -l:libvmoon.so.0 -lm
check 'refuses a library that is not listed' refuses
check 'names it and its file' said "$tmp/said" \
	'audit: lib/lua/5.4/vmoon.so links libm.so.6, which scripts/dev/dependencies.txt does not list for it: link less, or add a row with a reason'
check 'writes no document then' nothing_written
fresh
planted lib/lua/5.4/vmoon.so -L"$tmp/out/lib" -l:libvmoon.so.0 -lz
check 'refuses a library that is listed for another file' refuses
check 'names that file' said "$tmp/said" \
	'audit: lib/lua/5.4/vmoon.so links libz.so.1, which scripts/dev/dependencies.txt does not list for it: link less, or add a row with a reason'
fresh
planted lib/libvmoon.so.0 -lz
check 'refuses a library without one that it needs' refuses
check 'names what is missing' said "$tmp/said" \
	'audit: lib/libvmoon.so.0 does not link libseccomp.so.2, which scripts/dev/dependencies.txt calls required: build it whole, or change the row'
fresh
planted lib/libvmoon.so.0 -lseccomp
check 'takes one without its optional libraries' eval 'audit >"$tmp/said" 2>&1'
rm "$tmp/out/bin/vmoon"
check 'refuses a build that is not whole' refuses
check 'says what to do' said "$tmp/said" \
	"audit: $tmp/out/bin/vmoon is not there: run 'make' first"
echo "1..$n"
