#!/bin/sh
# SPDX-License-Identifier: MIT
# audit.sh OUT - what the files of the build OUT link, as an SPDX 2.3 document:
# OUT/vmoon.spdx.json. Prints each name and version. Fails, and writes nothing,
# when the names in DT_NEEDED are others than scripts/dev/dependencies.txt has.
# SOURCE_DATE_EPOCH makes the document the same each time.
set -eu
out=$1
table=scripts/dev/dependencies.txt
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0
export LC_ALL=C

say() {
	echo "audit: $*" >&2
	bad=1
}
trim() { sed 's/^ *//; s/ *$//'; }
column() { printf '%s\n' "$1" | cut -d '|' -f "$2" | trim; }
needed() { # file: its DT_NEEDED names
	readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' | sort
}
listed() { # file name, word: what it links, of rows with that word (or any)
	while IFS= read -r row; do
		case " $(column "$row" 4) " in
		*" $1 "*) [ "${2-}" ] && [ "$(column "$row" 5)" != "$2" ] ||
			column "$row" 1 ;;
		esac
	done <"$tmp/table" | sort
}

case ${SOURCE_DATE_EPOCH-} in
*[!0-9]*)
	echo "audit: SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH is no number of" \
		"seconds since 1970" >&2
	exit 1
	;;
esac

# ---- the four files against the list ----
compare() { # path
	name=${1##*/}
	[ -f "$out/$1" ] || {
		say "$out/$1 is not there: run 'make' first"
		return
	}
	needed "$out/$1" >"$tmp/needed"
	listed "$name" >"$tmp/listed"
	listed "$name" required >"$tmp/required"
	for soname in $(comm -23 "$tmp/needed" "$tmp/listed"); do
		say "$1 links $soname, which $table does not list for it:" \
			"link less, or add a row with a reason"
	done
	for soname in $(comm -13 "$tmp/needed" "$tmp/required"); do
		say "$1 does not link $soname, which $table calls required:" \
			"build it whole, or change the row"
	done
	sed "s|^|link $name |" "$tmp/needed" >>"$tmp/facts"
	echo "file $name $1 $(sha256sum "$out/$1" | cut -d ' ' -f 1)" \
		>>"$tmp/facts"
	# "=> PATH": where the loader finds each of them on this machine.
	ldd "$out/$1" 2>/dev/null | sed -n 's/^[[:space:]]*\([^ ]*\) => \(\/[^ ]*\) .*/\1 \2/p' \
		>>"$tmp/paths"
}

# ---- who provides a library, and in which version ----
package_of() { # path: package of dpkg that holds it, be /usr merged or not
	command -v dpkg-query >/dev/null 2>&1 || return 0
	for path in "$1" "/usr$1" "${1#/usr}"; do
		dpkg-query -S "$path" 2>/dev/null && return
	done | sed -n '1s/: .*//p'
}
library() { # soname, pkg-config name
	path=$(sed -n "s/^$1 //p" "$tmp/paths" | head -n 1)
	package=${path:+$(package_of "$path")}
	if [ "$2" = vmoon ]; then
		return # one of the four
	elif [ "$package" ]; then
		# shellcheck disable=SC2016 # dpkg's own variables
		dpkg-query -W -f '${Package} ${Version} ${Architecture} ${source:Package}\n' \
			"$package" | sed "s|^|deb $1 |; q" >>"$tmp/facts"
		return
	fi
	version=$(pkg-config --modversion "$2" 2>/dev/null) ||
		version=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed -n "s/^$2 //p")
	echo "version $1 ${version:-NOASSERTION}" >>"$tmp/facts"
}

grep -v '^#' "$table" >"$tmp/table"
: >"$tmp/facts"
: >"$tmp/paths"
for file in lib/libvmoon.so.0 lib/libvmoon-lua.so.0 lib/lua/5.4/vmoon.so \
	bin/vmoon; do
	compare "$file"
done
[ $bad = 0 ] || exit 1
while IFS= read -r row; do
	soname=$(column "$row" 1)
	! grep -q "^link [^ ]* $soname\$" "$tmp/facts" ||
		library "$soname" "$(column "$row" 2)"
done <"$tmp/table"
[ ! -r /etc/os-release ] ||
	(. /etc/os-release && echo "distro ${ID:-} ${VERSION_ID:-}") >>"$tmp/facts"
echo "vmoon $(cat VERSION)" >>"$tmp/facts"
sort -o "$tmp/facts" "$tmp/facts"

lua5.4 scripts/dev/sbom.lua "$tmp/facts" "$tmp/table" "${SOURCE_DATE_EPOCH-}" \
	>"$tmp/sbom"
# The name is unique to the content: a UUID of its sum (RFC 9562, version 8).
uuid=$(sha256sum "$tmp/sbom" | sed -E \
	's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-8\3-8\4-\5/')
sed "s/@UUID@/$uuid/" "$tmp/sbom" >"$tmp/named"
mv "$tmp/named" "$out/vmoon.spdx.json"
lua5.4 scripts/dev/sbom.lua --list "$tmp/facts" "$tmp/table"
echo "wrote $out/vmoon.spdx.json"
