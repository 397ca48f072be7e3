# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# cache.sh - the parts of the testbed that are the same in every run: kernels,
# the guest's initramfs, the host side without vmoon. Sourced by run, which
# sets `here` (this folder) and `cache` (where the parts are kept).

# What init finds in every guest; other modules: --guest-modules.
guest_modules='button evdev pvpanic-mmio pvpanic-pci virtio_mmio virtio_pci
	virtio_blk virtio_net virtio_console virtio-rng virtio_balloon
	vmw_vsock_virtio_transport'
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
	ldd "$@" 2>/dev/null |
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
	(cd "$part" && apt-get -q download "$package") >"$part/log" 2>&1 || {
		cat "$part/log" >&2
		fail "cannot download $package; run 'sudo apt-get update', then again"
	}
	dpkg -x "$part"/*.deb "$part"
	rm -f "$part"/*.deb
	ln -s boot/vmlinuz-* "$part/vmlinuz"
	ln -s boot/vmlinuz-* "$part/dummy" 2>/dev/null || true
	(cd "$part" && ln -sf boot/vmlinuz-* vmlinuz &&
		"$busybox" depmod -b . "$(ls lib/modules)")
	mv "$part" "$to"
}
