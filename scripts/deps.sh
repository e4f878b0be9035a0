#!/bin/sh
# The Debian packages of a purpose (build, check, fuzz, mpi, threads, plot, proxy, page): says nothing where all are there,
# installs the missing ones where it may, and otherwise names the command that would.
set -u

case "${1:-build}" in
build) packages="gcc libc6-dev make pkg-config libdnnl-dev libjansson-dev libyaml-dev libpcre2-dev libutf8proc-dev libmicrohttpd-dev libsqlite3-dev libcurl4-openssl-dev" ;;
check) packages="libcmocka-dev python3 libopenmpi-dev openmpi-bin" ;;
fuzz) packages="clang libclang-rt-14-dev" ;;
mpi) packages="libopenmpi-dev openmpi-bin" ;;
threads) packages="clang libclang-rt-14-dev libomp-14-dev" ;;
plot) packages="gnuplot-nox" ;;
proxy) packages="nginx-light python3" ;;
page) packages="chromium fonts-dejavu-core fonts-liberation python3" ;;
*) echo "deps.sh: there is no purpose '$1'; it is one of build, check, fuzz, mpi, threads, plot, proxy, page." >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "deps: this is no Debian; what Debian calls $packages must be there." >&2
    exit 0
fi

missing=""
for package in $packages; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)
    case "$package:$status" in
    *:installed) ;;
    gcc:* | make:* | pkg-config:*) command -v "$package" >/dev/null 2>&1 || missing="$missing $package" ;;
    gnuplot-nox:*) command -v gnuplot >/dev/null 2>&1 || missing="$missing $package" ;;
    *) missing="$missing $package" ;;
    esac
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ]; then
    as=""
elif sudo -n true 2>/dev/null; then
    as="sudo -n"
else
    echo "Packages are missing; install them with: sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
echo "INSTALL$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { $as env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >"$log" 2>&1; }
# The lists may be absent or old: fetch them only where the first attempt fails.
install || { $as apt-get update -q >"$log" 2>&1 && install; } || {
    tail -n 20 "$log" >&2
    echo "The packages could not be installed; try: apt-get update && apt-get install --no-install-recommends$missing" >&2
    exit 1
}
