#!/bin/bash
# One held-out problem, solved twice with the same model and the same seed: four threads that do not see each
# other, then the same four with the lattice. Shown side by side. Needs no network.
set -eu
cd "$(dirname "$0")/.."
LACE=${B:-build}/lace
case "${B:-}" in /*) LACE=$B/lace ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --split test draws from problems that no training data contains. Family and seed may be given.
if [ $# -gt 0 ]; then
    problem=$*
else
    family=${DEMO_FAMILY:-$("$LACE" data families --json | sed -n 's/.*"name": *"\([^"]*\)".*/\1/p' | head -n 1)}
    "$LACE" data make --family "$family" --difficulty "${DEMO_DIFFICULTY:-3}" --count 1 --seed "${DEMO_SEED:-7}" \
        --split test -o "$work/problem.jsonl"
    problem=$(sed -n 's/.*"prompt": *"\(\([^"\\]\|\\.\)*\)".*/\1/p' "$work/problem.jsonl" | head -n 1)
    problem=$(printf '%b' "${problem//\\\"/\"}")
    expected=$(sed -n 's/.*"difficulty"[^{]*"answer": *"\(\([^"\\]\|\\.\)*\)".*/\1/p' "$work/problem.jsonl" | head -n 1)
fi

half() { fold -s -w 38 "$1"; }
printf '%s\n' "$problem" | fold -s -w 80
[ -z "${expected:-}" ] || echo "(the answer is $expected)"
echo
options=(--threads 4 --seed 1)
printf '%s\n' "$problem" | "$LACE" run --lattice off "${options[@]}" - >"$work/off"
printf '%s\n' "$problem" | "$LACE" run "${options[@]}" - >"$work/on"
{ echo "lattice off: each thread alone"; echo; half "$work/off"; } >"$work/left"
{ echo "lattice on: threads read each other"; echo; half "$work/on"; } >"$work/right"
pr -m -t -w 80 "$work/left" "$work/right" | expand
