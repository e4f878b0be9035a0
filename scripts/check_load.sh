#!/bin/bash
# Two minutes of 64 clients whose every answer is compared, then the same against a build with the address and
# undefined-behaviour sanitizers (`make check-load`). $LOAD_SECONDS is how long each takes. TAP on stdout.
set -u
cd "$(dirname "$0")/.."
: "${LACE:=$PWD/build/lace}" "${LOAD_SECONDS:=120}" "${MAKE:=make}"
export LACE OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
bad=0
python3 -B tests/serve/load.py --seconds "$LOAD_SECONDS" || bad=1
$MAKE --no-print-directory SAN=1 build-asan/lace >/dev/null || exit 1
# A small quarantine: freed memory that is kept to catch late uses would look like a leak.
ASAN_OPTIONS="quarantine_size_mb=8:detect_leaks=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}" LACE=$PWD/build-asan/lace \
    python3 -B tests/serve/load.py --seconds "$LOAD_SECONDS" || bad=1
exit $bad
