# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# cache.sh - the parts of the testbed that are the same in every run: kernels,
# the guest's initramfs, the host side without vmoon. Sourced by run.
: "${here:?this folder}" "${cache:?where the parts are kept}" \
	"${busybox:?the static one}"

# What init finds in every guest; other modules: --guest-modules.
guest_modules='button evdev pvpanic-mmio pvpanic-pci virtio_mmio virtio_pci
	virtio_blk virtio_net virtio_console virtio-rng virtio_balloon
	vmw_vsock_virtio_transport'
# More for the general kernel, which has I2C: an adapter and a sensor.
amd64_modules='i2c-virtio lm75'
host_modules='kvm-amd dummy tun vhost_net vhost_vsock'

fail() { # sentence: what, where, what to do
	printf 'testbed: %s\n' "$1" >&2
	exit 125
}

need_packages() { # one message for all that is missing
	local missing=() pair
	for pair in "$@"; do
		command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
	done
	[ ${#missing[@]} = 0 ] || fail "some Debian packages are missing; run:
  apt-get install --no-install-recommends ${missing[*]}"
}

# ---- archives ----
pack() { # folder archive
	(cd "$1" && find . -mindepth 1 | LC_ALL=C sort |
		cpio -o -H newc -R 0:0 --quiet) >"$2.part" &&
		mv "$2.part" "$2"
}

applets() { # folder: busybox and a link for each thing it does
	local applet
	mkdir -p "$1"
	cp "$busybox" "$1/busybox"
	for applet in $("$busybox" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$1/$applet"
	done
}

libraries() { # programs...: the libraries they load, loader included
	{ ldd "$@" 2>/dev/null || true; } | # scripts among them
		awk '/=> \//{ print $3 } /^\t\/.*ld-linux/{ print $1 }' |
		sort -u
}

in_root() { # path: where it is in a root whose bin and lib are usr's
	case $1 in
	/sbin/* | /usr/sbin/*) echo "/usr/bin/${1##*sbin/}" ;;
	/bin/* | /lib/* | /lib64/*) echo "/usr$1" ;;
	*) echo "$1" ;;
	esac
}

put() { # root path...: a copy of each at its own path
	local root=$1 path to
	shift
	for path in "$@"; do
		to=$root$(in_root "$path")
		mkdir -p "${to%/*}"
		cp -RL --preserve=mode "$path" "${to%/*}/" ||
			fail "cannot copy '$path' into the testbed"
	done
}

is_fresh() { # archive list: newer than every file named in the list?
	[ -f "$1" ] && [ -f "$2" ] || return
	local path
	while read -r path; do
		[ -e "$path" ] && [ ! "$path" -nt "$1" ] || return
	done <"$2"
}

# ---- kernels ----
kernel_package() { # metapackage
	apt-cache depends "$1" 2>/dev/null |
		awk '/Depends: linux-image-/ && !seen++ { print $2 }'
}

# The payload of a bzImage, by the setup header of the Linux boot protocol;
# its last four bytes are the unpacked size, which is not part of the frame.
unpack_kernel() { # bzImage vmlinux
	local sectors offset length
	sectors=$(od -An -tu1 -j$((0x1f1)) -N1 "$1")
	offset=$(od -An -tu4 -j$((0x248)) -N4 "$1")
	length=$(od -An -tu4 -j$((0x24c)) -N4 "$1")
	offset=$(((sectors + 1) * 512 + offset))
	head -c "$((offset + length - 4))" "$1" | tail -c "+$((offset + 1))" |
		lz4 -qdc >"$2" ||
		fail "cannot unpack '$1': is it no longer packed with LZ4?"
}

download() { # package folder
	(cd "$2" && apt-get -q download "$1") >"$2/log" 2>&1
}

fetch_kernel() { # cloud|amd64
	local meta=linux-image-cloud-amd64 to=$cache/kernel-$1 part package
	[ "$1" = cloud ] || meta=linux-image-amd64
	[ ! -f "$to/vmlinuz" ] || return 0
	package=$(kernel_package "$meta")
	if [ -z "$package" ] && [ "$(id -u)" = 0 ]; then
		apt-get -qq update >&2
		package=$(kernel_package "$meta")
	fi
	[ -n "$package" ] || fail "apt knows no package '$meta'; run:
  sudo apt-get update"
	echo "testbed: downloading $package" >&2
	part=$cache/part.$1
	rm -rf "$part"
	mkdir -p "$part"
	download "$package" "$part" || {
		# Lists of some weeks ago name files that are gone.
		[ "$(id -u)" != 0 ] || apt-get -qq update >&2
		package=$(kernel_package "$meta")
		download "$package" "$part"
	} || {
		cat "$part/log" >&2
		fail "cannot download $package; run 'sudo apt-get update', then again"
	}
	dpkg -x "$part"/*.deb "$part"
	rm -f "$part"/*.deb
	(cd "$part" && ln -s boot/vmlinuz-* vmlinuz &&
		"$busybox" depmod -b . "$(ls lib/modules)") ||
		fail "$package is not what was expected; see $part"
	[ "$1" != cloud ] || unpack_kernel "$part/vmlinuz" "$part/vmlinux"
	mv "$part" "$to"
}

# Debian builds no virtio-i2c: its one file, from the package of the kernel's
# source, against the kernel's headers. Their Makefile has an absolute path.
i2c_module() {
	local kernel=$cache/kernel-amd64 part=$cache/part.i2c release headers
	local series version package
	release=$(ls "$kernel/lib/modules")
	[ ! -f "$kernel/lib/modules/$release/extra/i2c-virtio.ko" ] || return 0
	need_packages gcc-12:gcc-12 make:make xz:xz-utils
	echo 'testbed: building i2c-virtio.ko' >&2
	series=$(cut -d. -f1-2 <<<"$release")
	headers=linux-headers-$release
	version=$(apt-cache show "$headers" 2>/dev/null |
		awk '/^Version:/ && !seen++ { print $2 }')
	rm -rf "$part"
	mkdir -p "$part/module"
	for package in "$headers=$version" "${headers%-amd64}-common=$version" \
		"linux-kbuild-$series" "linux-source-$series=$version"; do
		download "$package" "$part" ||
			fail "cannot download $package; see $part/log. For a newer \
kernel delete $kernel"
	done
	for package in "$part"/linux-[hk]*.deb; do
		dpkg -x "$package" "$part"
	done
	sed -i "s|/usr/src|$part/usr/src|" "$part/usr/src/$headers/Makefile"
	# tar stops reading at the file: whoever writes to it is told so.
	{ dpkg-deb --fsys-tarfile "$part"/linux-source-*.deb |
		tar -xO "./usr/src/linux-source-$series.tar.xz" | xz -dc |
		tar -x --occurrence=1 -C "$part/module" --strip-components=4 \
			"linux-source-$series/drivers/i2c/busses/i2c-virtio.c"
	} 2>"$part/log" || true
	echo 'obj-m := i2c-virtio.o' >"$part/module/Makefile"
	make -s -C "$part/usr/src/$headers" M="$part/module" modules \
		>>"$part/log" 2>&1 && strip -g "$part/module/i2c-virtio.ko" ||
		fail "i2c-virtio.ko cannot be built; see $part/log"
	mkdir -p "$kernel/lib/modules/$release/extra"
	cp "$part/module/i2c-virtio.ko" "$kernel/lib/modules/$release/extra/"
	"$busybox" depmod -b "$kernel" "$release"
	touch "$kernel" # newer than its initramfs
	rm -rf "$part"
}

# Modules by name, each after all it needs, as paths below lib/modules/VERSION.
module_order() { # kernel-folder names...
	local folder=$1
	shift
	awk -v want="$*" '
		function key(path) {
			sub(/.*\//, "", path); sub(/\.ko.*/, "", path)
			gsub(/-/, "_", path)
			return path
		}
		function visit(name,   i, n, part) {
			if (name in seen) return
			seen[name] = 1
			n = split(needs[name], part, " ")
			for (i = 1; i <= n; i++) visit(key(part[i]))
			print path[name]
		}
		FILENAME ~ /builtin$/ { builtin[key($1)] = 1; next }
		{
			file = $1; sub(/:$/, "", file); name = key(file)
			path[name] = file; $1 = ""; needs[name] = $0
		}
		END {
			n = split(want, part, " ")
			for (i = 1; i <= n; i++) {
				name = key(part[i])
				if (name in path) visit(name)
				else if (!(name in builtin)) {
					print "testbed: the kernel has no module \047" \
						part[i] "\047" >"/dev/stderr"
					status = 1
				}
			}
			exit status
		}' "$folder"/lib/modules/*/modules.builtin \
		"$folder"/lib/modules/*/modules.dep
}

put_modules() { # root kernel-folder names...: with what modprobe needs
	local root=$1 folder=$2 version path order
	shift 2
	version=$(ls "$folder/lib/modules")
	order=$(module_order "$folder" "$@") || fail 'see above'
	for path in $order; do
		mkdir -p "$root/lib/modules/$version/${path%/*}"
		cp "$folder/lib/modules/$version/$path" \
			"$root/lib/modules/$version/$path"
	done
	"$busybox" depmod -b "$root" "$version"
}

# ---- the guest ----
# What makes and checks file systems; busybox, whose shell prefers its own
# programs, has only ext2's.
guest_programs='/sbin/mkfs.ext4 /sbin/e2fsck'

put_programs() { # root: with their libraries, where the loader looks for them
	local root=$1 program path to
	for program in $guest_programs; do
		[ -x "$program" ] || continue
		cp -L "$program" "$root/bin/"
		for path in $(libraries "$program"); do
			to=$root${path#/usr}
			mkdir -p "${to%/*}"
			cp -L "$path" "$to"
		done
	done
}

guest_initrd() { # cloud|amd64
	local to=$cache/initrd-$1.cpio root=$cache/part.initrd power more=
	[ "$to" -nt "$here/guest-init" ] && [ "$to" -nt "$here/cache.sh" ] &&
		[ "$to" -nt "$cache/kernel-$1" ] && return
	rm -rf "$root"
	mkdir -p "$root"/{proc,sys,dev,tmp,root,lib/extra,var/{log,run}} \
		"$root/etc/acpi/PWRF"
	ln -s bin "$root/sbin"
	applets "$root/bin"
	# busybox's acpid names the power button so.
	power=$root/etc/acpi/PWRF/00000080
	printf '#!/bin/sh\npoweroff -f\n' >"$power"
	chmod 755 "$power"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	echo 'root::0:0:99999:7:::' >"$root/etc/shadow" # no password
	echo 'root:x:0:' >"$root/etc/group"
	printf '%s\n' "PS1='# '" 'export PATH=/bin' >"$root/etc/profile"
	: >"$root/lib/extra/order"
	cp "$here/guest-init" "$root/init"
	chmod 755 "$root/init"
	[ "$1" = cloud ] || more=$amd64_modules
	# shellcheck disable=SC2086 # lists of names
	put_modules "$root" "$cache/kernel-$1" $guest_modules $more
	# For guests that have no memory to spare.
	pack "$root" "${to%.cpio}-small.cpio"
	put_programs "$root"
	pack "$root" "$to"
	rm -rf "$root"
}

# The initramfs once more, with modules that init loads always.
guest_initrd_with() { # cloud|amd64 to names...
	local kernel=$1 to=$2 root path order
	shift 2
	root=$to.root
	mkdir -p "$root/lib/extra"
	order=$(module_order "$cache/kernel-$kernel" "$@") ||
		fail "--guest-modules: give names of modules of the $kernel kernel"
	for path in $order; do
		cp "$cache/kernel-$kernel/lib/modules/"*"/$path" "$root/lib/extra/"
		echo "${path##*/}" >>"$root/lib/extra/order"
	done
	pack "$root" "$to.top"
	cat "$cache/initrd-$kernel.cpio" "$to.top" >"$to"
	rm -rf "$root" "$to.top"
}

# ---- the host side ----
host_layer() {
	local to=$cache/host.cpio root=$cache/part.host programs from
	programs=$(command -v bash lua5.4 busted || true)
	from="$programs $(ls -d /usr/share/lua/5.4 \
		/usr/lib/x86_64-linux-gnu/lua/5.4 2>/dev/null || true)"
	# What was not installed then may be now.
	# shellcheck disable=SC2086 # as below
	[ "$(printf '%s\n' $from)" = "$(cat "$cache/host.from" 2>/dev/null)" ] &&
		is_fresh "$to" "$cache/host.list" && return
	# shellcheck disable=SC2086 # lists of paths without spaces
	libraries $programs >"$cache/host.libs"
	# Loaded by name when a thread ends.
	ls /lib/x86_64-linux-gnu/libgcc_s.so.1 >>"$cache/host.libs" 2>/dev/null
	rm -rf "$root"
	mkdir -p "$root"/{proc,sys,dev,mnt,tmp,run,root,etc,testbed} \
		"$root"/usr/{bin,lib,lib64} "$root"/var/{tmp,log}
	ln -s usr/bin "$root/bin"
	ln -s usr/bin "$root/sbin"
	ln -s bin "$root/usr/sbin"
	ln -s usr/lib "$root/lib"
	ln -s usr/lib64 "$root/lib64"
	ln -s ../run "$root/var/run"
	applets "$root/usr/bin"
	# shellcheck disable=SC2046,SC2086 # as above
	put "$root" $from $(cat "$cache/host.libs")
	[ ! -f "$root/usr/bin/lua5.4" ] || ln -s lua5.4 "$root/usr/bin/lua"
	printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' \
		'nobody:x:65534:65534:nobody:/nonexistent:/bin/false' \
		>"$root/etc/passwd"
	printf '%s\n' 'root:x:0:' 'kvm:x:104:' 'nogroup:x:65534:' \
		>"$root/etc/group"
	printf '127.0.0.1 localhost testbed\n' >"$root/etc/hosts"
	cp "$here/host-init" "$root/init"
	chmod 755 "$root/init"
	# shellcheck disable=SC2086 # a list of names
	put_modules "$root" "$cache/kernel-cloud" $host_modules
	cp -L "$cache/kernel-cloud/vmlinuz" "$root/testbed/vmlinuz"
	cp "$cache/initrd-cloud.cpio" "$root/testbed/initrd"
	cp "$cache/initrd-cloud-small.cpio" "$root/testbed/initrd-small"
	pack "$root" "$to"
	rm -rf "$root"
	# shellcheck disable=SC2086 # as above
	printf '%s\n' $from "$here/host-init" "$here/cache.sh" \
		"$cache/initrd-cloud.cpio" "$cache/kernel-cloud/vmlinuz" \
		"$(readlink -f /lib/x86_64-linux-gnu/libc.so.6)" \
		>"$cache/host.list"
	# shellcheck disable=SC2086 # as above
	printf '%s\n' $from >"$cache/host.from"
}

vmlinux_layer() { # what cloud guests unpack to; only on demand: it is large
	local to=$cache/vmlinux.cpio root=$cache/part.vmlinux
	[ "$to" -nt "$cache/kernel-cloud/vmlinux" ] && return
	rm -rf "$root"
	mkdir -p "$root/testbed"
	cp "$cache/kernel-cloud/vmlinux" "$root/testbed/vmlinux"
	pack "$root" "$to"
	rm -rf "$root"
}

qemu_layer() { # QEMU inside the testbed, with the ROMs its machines ask for
	local to=$cache/qemu.cpio root=$cache/part.qemu qemu roms
	qemu=$(command -v qemu-system-x86_64)
	printf '%s\n' "$qemu" "$here/cache.sh" >"$cache/qemu.list"
	is_fresh "$to" "$cache/qemu.list" && return
	roms=$(ls /usr/share/qemu/{qboot.rom,bios-microvm.bin,kvmvapic.bin} \
		/usr/share/qemu/{linuxboot_dma,multiboot_dma,pvh}.bin \
		/usr/share/seabios/{bios,bios-256k,bios-microvm}.bin 2>/dev/null)
	rm -rf "$root"
	# shellcheck disable=SC2046,SC2086 # lists of paths without spaces
	put "$root" "$qemu" $roms \
		$(libraries "$qemu" | grep -vxF -f "$cache/host.libs")
	pack "$root" "$to"
	rm -rf "$root"
}

amd64_layer() { # Debian's general kernel as one more guest
	local to=$cache/amd64.cpio root=$cache/part.amd64
	[ "$to" -nt "$cache/initrd-amd64.cpio" ] && return
	rm -rf "$root"
	mkdir -p "$root/testbed"
	cp -L "$cache/kernel-amd64/vmlinuz" "$root/testbed/vmlinuz-amd64"
	cp "$cache/initrd-amd64.cpio" "$root/testbed/initrd-amd64"
	pack "$root" "$to"
	rm -rf "$root"
}

prepare() { # amd64? qemu? vmlinux?: makes what is missing, one process at a time
	mkdir -p "$cache" || fail "cannot write to '$cache'"
	exec 9>"$cache/lock"
	flock 9
	fetch_kernel cloud
	guest_initrd cloud
	host_layer
	[ -z "$1" ] || {
		fetch_kernel amd64
		i2c_module
		guest_initrd amd64
		amd64_layer
	}
	[ -z "$2" ] || qemu_layer
	[ -z "$3" ] || vmlinux_layer
	exec 9>&-
}
