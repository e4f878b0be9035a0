#!/bin/bash
# Proves that `make demo` and `make check` set a bare machine up by themselves: a minimal Debian 12 in a temporary
# folder (debootstrap, chroot), the tree of HEAD, nothing else. Needs root, debootstrap and apt sources.
#
#     scripts/fresh.sh [target...]        default: demo check
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "fresh.sh needs root: sudo scripts/fresh.sh" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "fresh.sh needs debootstrap: apt-get install debootstrap" >&2; exit 1; }

root=$(mktemp -d "${TMPDIR:-/tmp}/lace-fresh-XXXXXX")
finish() {
    umount "$root/proc" 2>/dev/null || true
    umount "$root/dev/pts" 2>/dev/null || true
    umount "$root/dev/null" 2>/dev/null || true
    mountpoint -q "$root/proc" && { echo "still mounted: $root/proc" >&2; exit 1; }
    [ -n "${KEEP:-}" ] && echo "kept: $root" || rm -rf --one-file-system "$root"
}
trap finish EXIT

# The mirror, the proxy and the certificates are those that this machine uses.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | head -n 1)
[ -n "$mirror" ] || mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) bookworm .*/\2/p; s/^URIs: *\([^ ]*\).*/\1/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
eval "$(apt-config shell proxy Acquire::http::Proxy)"
[ -z "${proxy:-}" ] || export http_proxy=${http_proxy:-$proxy} https_proxy=${https_proxy:-$proxy}
debootstrap --variant=minbase --include=make,ca-certificates bookworm "$root" "$mirror"
cp -aL /etc/apt/sources.list "$root/etc/apt/" 2>/dev/null || true
cp -aL /etc/apt/sources.list.d/. "$root/etc/apt/sources.list.d/" 2>/dev/null || true
cp -aL /etc/apt/apt.conf "$root/etc/apt/" 2>/dev/null || true
cp -aL /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
cp -aL /etc/ssl/certs/. "$root/etc/ssl/certs/" 2>/dev/null || true
cp -aL /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
for file in resolv.conf hosts; do cp -L /etc/$file "$root/etc/$file"; done
mount -t proc proc "$root/proc" # lscpu, OpenMP and the memory reports read it
mkdir -p "$root/dev/pts" # the tests of the terminal need pseudo-terminals
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
rm -f "$root/dev/ptmx"
ln -s pts/ptmx "$root/dev/ptmx"

mkdir -p "$root/src"
git archive HEAD | tar -x -C "$root/src"
for target in "${@:-demo check}"; do
    for t in $target; do
        echo "==== make $t in a bare Debian 12"
        chroot "$root" /usr/bin/env -C /src LC_ALL=C.UTF-8 make "$t"
    done
done
