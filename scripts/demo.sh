#!/bin/bash
# One held-out problem, solved twice with the same model, seed and budget: on the left four threads that do not see
# each other, on the right the same four with the lattice. Needs no network.
#
#     scripts/demo.sh [PROBLEM]      DEMO_DIFFICULTY=3 DEMO_SEED=7 DEMO_THREADS=4 DEMO_MODEL=DIR choose others
set -eu
cd "$(dirname "$0")/.."
LACE=${LACE:-${B:-build}/lace}
case "${B:-}" in /*) LACE=$B/lace ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
WIDTH=38 LINES_EACH=12

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    e=$(printf '\033[') dim=${e}2m bold=${e}1m good="${e}1;32m" green=${e}32m red=${e}31m plain=${e}0m
else dim="" bold="" good="" green="" red="" plain=""; fi

dash=- heavy="=" bar="|" star="*"
if [ "$(locale charmap 2>/dev/null)" = UTF-8 ]; then dash=─ heavy=━ bar=│ star=★; fi

# A string of a JSON line, by its key; what JSON escapes is read by printf.
field() { # KEY
    local text
    text=$(sed -n "s/.*\"$1\": *\"\(\([^\"\\\\]\|\\\\.\)*\)\".*/\1/p" | head -n 1)
    printf '%b' "${text//\\\"/\"}"
}

if [ $# -gt 0 ]; then problem=$* expected=""; else
    # --split test draws from problems that no training data contains.
    "$LACE" data make --difficulty "${DEMO_DIFFICULTY:-3}" --threads 1 --count 1 --seed "${DEMO_SEED:-7}" --split test 2>/dev/null >"$work/record"
    problem=$(field prompt <"$work/record")
    expected=$(sed 's/"threads":.*//' "$work/record" | field answer)
fi

solve() { # NAME OPTION...
    local name=$1 n=0
    shift
    printf '%s\n' "$problem" | "$LACE" run --json --threads "${DEMO_THREADS:-4}" --seed "${DEMO_SEED:-7}" ${DEMO_MODEL:+--model "$DEMO_MODEL"} "$@" - >"$work/$name"
    grep '^ *{"text": ' "$work/$name" >"$work/$name.threads"
    while IFS= read -r line; do
        field text <<<"$line" >"$work/$name.$n.all"
        echo >>"$work/$name.$n.all"
        awk -v most=$LINES_EACH 'NF { l[++k] = $0 } END { # the first and the last lines of a long thread
            for (i = 1; i <= k; i++)
                if (k <= most || i < most - 4 || i > k - 4) print l[i]
                else if (i == most - 4) printf "   ... %d more lines ...\n", k - most + 1 }' "$work/$name.$n.all" | expand | fold -s -w $WIDTH >"$work/$name.$n"
        field verdict <<<"$line" >"$work/$name.$n.verdict"
        n=$((n + 1))
    done <"$work/$name.threads"
    threads=$n
}
answer() { head -n 1 "$work/$1" | field answer; }
picked() { sed -n 's/.*"picked": \([0-9]*\).*/\1/p' "$work/$1" | head -n 1; }

paint() { # TEXT: padded, in the colour that its meaning has
    local colour=""
    case $1 in
    *"[[best]]"*) colour=$good ;; *"[[success]]"*) colour=$green ;; *"[[fail]]"*) colour=$red ;;
    *Answer:*) colour=$bold ;; *" more lines ..."*) colour=$dim ;;
    esac
    printf '%s%-*s%s' "$colour" $WIDTH "$1" "${colour:+$plain}"
}
rule() { # NAME THREAD: the head of a column, the picked one marked
    local mark="" line verdict colour=$dim stroke=$dash
    verdict=$(cat "$work/$1.$2.verdict")
    [ "$(picked "$1")" = "$2" ] && mark="$star " colour=$good stroke=$heavy
    line="$mark$(($2 + 1)) "
    while [ $((${#line} + ${#verdict} + 1)) -lt $WIDTH ]; do line+=$stroke; done
    printf '%s%s %s%s' "$colour" "$line" "$verdict" "${colour:+$plain}"
}
tell() { # NAME: its answer against the true one
    local got mark colour=$bold
    got=$(answer "$1")
    mark=${got:-none}
    if [ -n "$expected" ]; then
        if [ "$got" = "$expected" ]; then mark="$mark, right" colour=$good; else mark="$mark, wrong" colour=$red; fi
    fi
    printf '%s%-*s%s' "$colour" $WIDTH "answer: $mark" "${colour:+$plain}"
}
cost() { # NAME: all threads write at once, so the steps are the time
    local tokens steps
    tokens=$(sed -n 's/.*"completion_tokens": \([0-9]*\).*/\1/p' "$work/$1")
    steps=$(sed -n 's/.*"steps": \([0-9]*\).*/\1/p' "$work/$1")
    echo "$tokens tokens in $steps steps"
}

printf '%s\n' "$problem" | fold -s -w 79 | while IFS= read -r line; do echo "$bold$line$plain"; done
[ -z "$expected" ] || echo "${dim}the answer is$plain $bold$expected$plain"
echo
solve off --lattice off
solve on
if grep -q '"lattice": "none"' "$work/on"; then echo "(This model has no lattice; both sides are the same.)"; fi
gap="$dim $bar $plain"
printf "%s%-${WIDTH}s%s$gap%s%s%s\n" "$bold" "lattice off: each thread alone" "$plain" "$bold" "lattice on: the threads read each other" "$plain"
for ((n = 0; n < threads; n++)); do
    printf "%-${WIDTH}s$gap\n" ""
    printf '%s%s%s\n' "$(rule off $n)" "$gap" "$(rule on $n)"
    mapfile -t left <"$work/off.$n"
    mapfile -t right <"$work/on.$n"
    rows=${#left[@]}
    [ ${#right[@]} -le "$rows" ] || rows=${#right[@]}
    for ((i = 0; i < rows; i++)); do
        printf '%s%s%s\n' "$(paint "${left[i]:-}")" "$gap" "$(paint "${right[i]:-}")" | sed 's/ *$//'
    done
done
echo
printf '%s%s%s\n' "$(tell off)" "$gap" "$(tell on)"
printf "$dim%-${WIDTH}s$plain$gap$dim%s$plain\n" "$(cost off)" "$(cost on)"
