#!/bin/bash
# Builds and runs the tests one after the other: unit, ops and golden binaries, the shell tests, then the parser
# tests again under AddressSanitizer and UBSan. Run through `make check`; `make check T=test_base` runs one by name.
#
# A test says `ok ...` or `not ok ...` per case (TAP, which cmocka writes by itself); one that says neither counts
# as a single case, judged by its exit status; a skipped case (`# SKIP`) does not count. The last line is `N passed, N failed`.
set -u
cd "$(dirname "$0")/.."
: "${B:=build}" "${T:=}" "${MAKE:=make}" "${TEST_SECONDS:=900}"
export LACE="${LACE:-$PWD/$B/lace}" B CMOCKA_MESSAGE_OUTPUT=TAP
case "$B" in /*) LACE=$B/lace ;; esac
unset CMOCKA_XML_FILE
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}" # beside other work most of the time would go into workers that spin
if [ "${SAN:-}" = thread ]; then # archer tells the sanitizer of OpenMP's barriers; the runtime's own mutexes are left out
    export OMP_TOOL_LIBRARIES=/usr/lib/llvm-14/lib/libarcher.so
    export TSAN_OPTIONS="ignore_noninstrumented_modules=1 suppressions=$PWD/scripts/threads.supp ${TSAN_OPTIONS:-}"
fi
sanitized="test_safetensors test_weights test_config test_json test_record test_settings test_tokenizer test_jinja test_chat"
sanitized="$sanitized test_tokenizer_files test_utf8 test_format test_store test_history test_page_file"
passed=0 failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

report() { # name passed failed seconds [skipped]
    printf '%-36s %4d passed, %d failed%s  %.1f s\n' "$1" "$2" "$3" "$([ "${5:-0}" = 0 ] || echo ", $5 skipped")" "$4"
    passed=$((passed + $2)) failed=$((failed + $3))
}

run_test() { # name command...
    local name=$1 began=$EPOCHREALTIME status good bad skipped seconds
    shift
    timeout "$TEST_SECONDS" "$@" >"$output" 2>&1 </dev/null
    status=$?
    # cmocka writes a skipped case as "not ok N # SKIP name"
    good=$(grep -v '# SKIP' "$output" | grep -c '^ok\b')
    bad=$(grep -v '# SKIP' "$output" | grep -c '^not ok\b')
    skipped=$(grep -c '^\(not \)\?ok\b.*# SKIP' "$output")
    if [ $status -ne 0 ] && [ "$bad" = 0 ]; then bad=1; fi
    if [ $status -eq 0 ] && [ "$good" = 0 ] && [ "$bad" = 0 ] && [ "$skipped" = 0 ]; then good=1; fi
    seconds=$(awk "BEGIN { print $EPOCHREALTIME - $began }")
    report "$name" "$good" "$bad" "$seconds" "$skipped"
    if [ "$bad" != 0 ]; then
        grep -v '^ok\b\|# SKIP\|^skipped: ' "$output" | tail -n 60 | sed 's/^/    /'
        [ $status -eq 124 ] && echo "    stopped after $TEST_SECONDS s"
        [ $status -gt 128 ] && [ $status -lt 160 ] && echo "    ended by signal $((status - 128))"
    fi
}

build() { # flags and targets; complaints are shown, the quiet lines are not
    $MAKE --no-print-directory -k -j"$(nproc)" "B=$B" "$@" >"$output" 2>&1 && return
    grep -v '^\(CC\|AR\|LD\) \|warning: -j' "$output" | tail -n 60 | sed 's/^/    /'
}

binaries=() scripts=()
for source in tests/unit/*.c tests/ops/*.c tests/golden/*.c; do
    name=$(basename "$source" .c)
    [ -e "$source" ] && { [ -z "$T" ] || [ "$T" = "$name" ]; } && binaries+=("${source%.c}")
done
for script in tests/cli/*.sh tests/serve/*.sh; do
    name=$(basename "$script" .sh)
    [ -e "$script" ] && { [ -z "$T" ] || [ "$T" = "$name" ]; } && scripts+=("$script")
done
if [ $((${#binaries[@]} + ${#scripts[@]})) = 0 ]; then
    echo "There is no test '$T'; the tests are the files of tests/unit, tests/ops, tests/golden, tests/cli and tests/serve."
    echo "0 passed, 1 failed"
    exit 1
fi

# make leaves an old binary where a build fails; remove nothing, but never run what is not up to date.
targets=("${binaries[@]/#/$B/}")
[ ${#scripts[@]} = 0 ] || targets+=("$B/lace")
build "${targets[@]}"
for binary in "${binaries[@]}"; do
    if $MAKE -q "B=$B" "$B/$binary" >/dev/null 2>&1; then run_test "${binary##*/}" "$B/$binary"
    else report "${binary##*/} (does not build)" 0 1 0; fi
done
for script in "${scripts[@]}"; do
    run_test "$(basename "$script" .sh)" bash "$script"
done

targets=()
for binary in "${binaries[@]}"; do
    case " $sanitized " in *" ${binary##*/} "*) targets+=("build-asan/$binary") ;; esac
done
if [ ${#targets[@]} != 0 ] && [ -z "${SAN:-}" ]; then
    build SAN=1 B=build-asan "${targets[@]}"
    for binary in "${targets[@]}"; do
        if $MAKE -q SAN=1 B=build-asan "$binary" >/dev/null 2>&1; then
            ASAN_OPTIONS=allocator_may_return_null=1 run_test "${binary##*/} (sanitizers)" "$binary"
        else report "${binary##*/} (sanitizers; does not build)" 0 1 0; fi
    done
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
