# docs/data.md, followed to the letter: its shell blocks are run as they stand, in an empty folder beside models/.
. tests/cli/tap
. tests/cli/tiny
export OMP_WAIT_POLICY=passive
if with_shipped "the blocks run" "the shard is there" "a wrong step was repaired" "the model was trained"; then
    awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' docs/data.md >"$work/blocks.sh"
    mkdir "$work/bin" "$work/here"
    ln -s "$LACE" "$work/bin/lace"
    ln -s "$PWD/models" "$work/here/models"
    succeeds "the blocks run" env PATH="$work/bin:$PATH" bash -c 'cd "$0" && set -eo pipefail && . ../blocks.sh >../said' "$work/here"
    like "the shard is there" "$(wc -l <"$work/here/train.jsonl")" '^[1-9]'
    like "a wrong step was repaired" "$(cat "$work/said")" 'Another thread has 12\*3 = 36, not 38: 12\*3 = 36. *<corrected'
    like "the model was trained" "$(tail -n 1 "$work/here/run/metrics.jsonl")" '"step": *2'
    options=$(grep -o -- '`--[a-z-]*' docs/data.md | tr -d '`' | sort -u)
    help=$(for step in import filter solve steps weave label dedupe stats pipeline; do "$LACE" help data "$step"; done)
    empty "every option that is named is there" "$(for o in $options; do grep -q -- "$o\b" <<<"$help" || echo "$o"; done)"
fi

# The pipeline of the recipe, small: what is there is not made again, and a changed step makes those after it again.
pipeline() { "$LACE" data pipeline --config recipes/pipeline.yaml --set out="$work/p/train.jsonl" --set work="$work/p/steps" "$@"; }
like "a dry run prints the commands" "$(pipeline --dry-run)" '^lace data filter --model=models/lace-search/base --samples=8 --out=.*2-filter.jsonl -- .*1-make.jsonl$'
is "and makes nothing" "$(ls "$work" | grep -c '^p$')" 0
if with_shipped "the pipeline runs" "from step to step" "again: all is there" "a changed step" "a lost file"; then
    small="--set steps.0.count=12 --set steps.1.samples=2 --set steps.1.high=1 --set steps.3.samples=1"
    succeeds "the pipeline runs" pipeline $small
    like "from step to step" "$(wc -l <"$work/p/train.jsonl") $(ls "$work/p/steps" | tr '\n' ' ')" '^[1-9][0-9]* 1-make.jsonl 1-make.stamp .* 7-dedupe.stamp $'
    is "again: all is there" "$(pipeline $small 2>&1 | grep -c 'is there: ')" 7
    is "a changed step makes itself and those after it again" "$(pipeline $small --set steps.4.step-tokens=63 2>&1 | grep -c 'is there: ')" 4
    rm "$work/p/steps/6-label.jsonl"
    is "a lost file is made again" "$(pipeline $small --set steps.4.step-tokens=63 2>&1 | grep -c 'is there: ')" 6
fi
refused() {
    local name=$1 want=$2 said
    shift 2
    said=$("$LACE" data pipeline --config "$work/bad.yaml" "$@" 2>&1 >/dev/null)
    if [ $? -eq 0 ]; then not_ok "$name" "it succeeded"; else like "$name" "$said" "$want"; fi
}
yaml() { printf "out: $work/o.jsonl\nwork: $work/w\nsteps:\n$1" >"$work/bad.yaml"; }
yaml '  - step: label\n'; refused "a first step without input" "give it in: FILE"
yaml '  - step: make\n    count: 3\n  - step: pipeline\n'; refused "a step that is none" "is 'pipeline'; it is one of make"
yaml '  - step: make\n    cuont: 3\n'; refused "an option that is none" "Step 1, make, did not end well"
yaml '  - step: make\n    out: x\n'; refused "a file of its own" "names its files itself"
yaml '  - step: make\n  - step: make\n'; refused "making in the middle" "can only be the first"
yaml '  - step: make\n    a: {b: 1}\n'; refused "a map" "is a map"
yaml ''; refused "no steps" "a list of steps"
printf 'outt: x\n' >"$work/bad.yaml"; refused "a key that is none" "needs out: FILE\|outt"
finish
