#!/bin/sh
# SPDX-License-Identifier: MIT
# check-layers.sh - no file includes what its folder is not allowed to see.
# The -I paths of the Makefile keep project headers apart; this refuses the
# system headers they cannot, ways around them ("../"), and other heaps.
set -eu
bad=0

# path:line:header, the header with its < or "
all=$(grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include' \
	include devices virtio runtime bindings examples tests fuzz 2>/dev/null |
	sed -nE 's|^([^:]+:[0-9]+):[^<"]*([<"][^>"]+).*|\1:\2|p')

refuse() { # reason; offenders on stdin
	offenders=$(sed "/^\$/d; s|\$|: $1|; s|^|layers: |")
	[ -z "$offenders" ] || {
		echo "$offenders" >&2
		bad=1
	}
}
deny() { # paths headers reason [paths that may]
	refuse "$3" <<-EOF
		$(echo "$all" | grep -E "^($1)[^:]*:[0-9]+:($2)" |
			grep -vE "^(${4-none})")
	EOF
}
allow_only() { # paths headers reason
	refuse "$3" <<-EOF
		$(echo "$all" | grep -E "^($1)" | grep -vE ":[0-9]+:($2)\$")
	EOF
}

plain_c='<(assert|ctype|errno|inttypes|limits|stdalign|stdarg|stdatomic|stdbool|stdckdint|stddef|stdint|stdlib|string)\.h'
lua='[<"](lua|lauxlib|lualib)\.h'
kvm='<linux/kvm|<asm/kvm'

allow_only 'include/' "$plain_c|\"vmoon/[a-z0-9_]+\.h" \
	'public headers see only vmoon/*.h and the C library'
allow_only 'devices/|virtio/' "$plain_c|\"(vmoon/)?[a-z0-9_]+\.h" \
	'devices see only vmoon/*.h, their own folder and plain C'
deny 'runtime/' "$lua" 'the runtime never sees Lua'
deny 'runtime/' "$kvm" 'only runtime/kvm sees KVM' 'runtime/kvm/'
deny 'runtime/' '"(devices|virtio)/' 'only board_*.c knows devices' \
	'runtime/board_'
deny 'bindings/' '<linux/|"(runtime|devices|virtio)/' \
	'bindings see only vmoon/*.h, Lua and their own folder'
deny 'examples/' '"[^v]|"v[^m]|<linux/kvm' \
	'examples see vmoon/*.h as any user would'
deny 'tests/(unit|support)/|fuzz/' "$kvm" \
	'unit tests and fuzz targets need no KVM'
deny 'include/|devices/|virtio/|runtime/|bindings/|examples/' '"[^"]*\.\./' \
	'a path upwards leaves the folder'

# The heap is the embedder's: vmoon/mem.h, never the C library's own.
heap='(malloc|calloc|realloc|reallocarray|free|strn?dup|v?asprintf|aligned_alloc|posix_memalign)'
refuse 'the heap is vmoon_mem_* (vmoon/mem.h)' <<-EOF
	$(grep -rnE --include='*.[ch]' "(^|[^a-z0-9_>.*])$heap[[:space:]]*\\(" \
		devices virtio runtime bindings 2>/dev/null |
		grep -vE '^runtime/(mem|sandbox/names)\.c:' | cut -d: -f1,2)
EOF
refuse 'runtime locks are struct vmoon_lock, which has its place in the order' \
	<<-EOF
		$(grep -rnoE --include='*.[ch]' 'pthread_(mutex|rwlock|spin)_[a-z]+' runtime |
			grep -v '^runtime/lock\.')
	EOF
exit $bad
