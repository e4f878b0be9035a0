# lace plot: the curves of runs, one sentence for what cannot be drawn, and names that must not become commands.
. tests/cli/tap
command -v python3 >/dev/null || { echo "1..0 # SKIP no python3 to read the pictures"; exit 0; }
rl() { # folder steps: what lace train rl writes
    mkdir -p "$work/$1"
    for ((i = 1; i <= $2; i++)); do
        printf '{"step": %d, "loss": 0.0%d, "grad_norm": 0.1, "lr": 1e-05, "tokens": 1000, "seconds": 0.5, "reward": 0.%d, "kl": 0, ' "$i" $((10 + i % 7)) $((10 + i))
        printf '"entropy": 0.3, "pick_accuracy": 0.5, "coverage": 0.6, "diversity": 0.02, "agreement": 0.9, "gate/1": 0.2, "alpha/1": 1, "gate/3": 0.4, "alpha/3": 1.1}\n'
    done >"$work/$1/metrics.jsonl"
}
rl rl 80
mkdir -p "$work/sft" "$work/none" "$work/empty"
: >"$work/empty/metrics.jsonl"
for ((i = 1; i <= 60; i++)); do
    printf '{"step": %d, "loss": %d.5, "grad_norm": 1.%d, "lr": 0.00%d, "tokens": 8000, "seconds": 0.25}\n' "$i" $((60 - i)) $((i % 9)) "$i"
done >"$work/sft/metrics.jsonl"
plot() { "$LACE" plot "$@"; }
fails() { local name=$1 want=$2 said; shift 2; if said=$(plot "$@" 2>&1 >/dev/null); then not_ok "$name" "it succeeded"; else
    is "$name: one sentence" "$(printf '%s\n' "$said" | wc -l)" 1; like "$name" "$said" "$want"; fi; }

fails "no such run" "^lace: There is no run $work/nowhere: No such file or directory; name the folder" "$work/nowhere"
fails "no metrics" "$work/none has no metrics.jsonl; name the folder that lace train wrote" "$work/none"
fails "no step yet" "empty/metrics.jsonl holds no step yet" "$work/empty"
fails "an unknown key" "No run has the key 'los'; did you mean loss?" "$work/sft" --keys grad_norm,los
fails "a key of all layers" "No run has the key 'gates'; did you mean gate?" "$work/rl" --keys gates
fails "nine runs" "More than 8 runs" "$work"/{rl,rl,rl,rl,rl,rl,rl,rl,rl}
fails "a picture of another kind" "ends in .svg or .png" "$work/rl" --out "$work/p.jpg"
fails "no metrics file" "config.json, line 1 is not valid JSON" models/lace-search/config.json
said=$(PATH=$work plot "$work/sft" --out "$work/no.svg" 2>&1)
like "no gnuplot" "$said" "^lace: gnuplot, which draws the picture, is not installed; install gnuplot-nox.$"
[ ! -e "$work/no.svg" ]; is "and no picture" "$?" 0
like "help" "$(plot --help)" "lace plot RUN"

# What gnuplot is told, by one that draws its script.
mkdir "$work/echo"
printf '#!/bin/sh\nexec cat\n' >"$work/echo/gnuplot"
chmod +x "$work/echo/gnuplot"
told() { PATH=$work/echo:$PATH plot "$@" --out "$work/told.svg" >/dev/null && cat "$work/told.svg"; }
block() { sed -n "/^\$$1 /,/^EOD/p" | sed '1d;$d' | tr '\n' ';'; }
for v in 1 2 6 0 4; do printf '{"step": %d, "x": %d}\n' $((++n)) "$v"; done >"$work/five.jsonl"
is "raw values" "$(told "$work/five.jsonl" --keys x --smooth 3 | block raw0)" "1 1;2 2;3 6;4 0;5 4;"
is "their means, cut off at the ends" "$(told "$work/five.jsonl" --keys x --smooth 3 | block smooth0)" "1 1.5;2 3;3 2.66666667;4 3.33333333;5 2;"
like "the learning rate is not smoothed" "$(told "$work/sft" --keys lr --smooth 9 | grep -c smooth)" "^0$"
is "tokens per second" "$(told "$work/rl" --keys tokens_per_second | block raw0 | cut -c 1-7)" "1 2000;"
for v in $(seq 5000); do printf '{"step": %d, "x": %d}\n' "$v" $((v == 4321 ? -7 : v % 2)); done >"$work/long.jsonl"
long=$(told "$work/long.jsonl" --keys x | block raw0 | tr ';' '\n')
[ "$(printf '%s\n' "$long" | wc -l)" -le 1600 ]; is "a long run in few points" "$?" 0
like "which keep the outliers" "$long" "^4321 -7$"
command -v gnuplot >/dev/null || { ok "pictures # SKIP gnuplot is not installed"; finish; }
fails "a folder that cannot be written" "/nowhere/p.svg" "$work/sft" --out "$work/nowhere/p.svg"

# The titles of a picture's panels and what else it says, in their order; colours that lines have.
cat >"$work/read.py" <<'P'
import sys, xml.etree.ElementTree as tree
texts, colours = [], set()
for e in tree.parse(sys.argv[1]).iter():
    if e.tag.endswith("}text"): texts.append("".join(e.itertext()).strip())
    if e.tag.endswith("}path"): colours.add(e.get("stroke"))
print(" ".join(t for t in texts if t and not t[0].isdigit() and t[0] not in "-+" and t != "step"))
P
words() { python3 "$work/read.py" "$1"; }
said=$(plot "$work/sft" --out "$work/sft.svg")
is "the name is printed" "$said" "$work/sft.svg"
is "panels of a stage" "$(words "$work/sft.svg")" "sft loss grad_norm lr tokens_per_second"
succeeds "of rl" plot "$work/rl" --out "$work/rl.svg"
is "panels of rl, and layers" "$(words "$work/rl.svg")" "rl reward kl entropy pick_accuracy coverage diversity agreement layer 1 layer 3 gate layer 1 layer 3 alpha"
succeeds "both stages" plot "$work/sft/" "$work/rl/metrics.jsonl" --out "$work/both.svg"
like "both stages: all panels, runs by name" "$(words "$work/both.svg")" "^sft metrics loss grad_norm lr tokens_per_second reward .* alpha"
succeeds "chosen keys" plot "$work/rl" --keys alpha/3,reward --out "$work/keys.svg"
is "chosen keys in their order" "$(words "$work/keys.svg")" "rl alpha/3 reward"
mkdir -p "$work/a" "$work/b"; cp -r "$work/sft" "$work/a"; cp -r "$work/sft" "$work/b"
succeeds "two runs of one name" plot "$work/a/sft" "$work/b/sft" --keys loss --out "$work/twice.svg"
like "are told apart by their folders" "$(words "$work/twice.svg")" "/a/sft .*/b/sft"
succeeds "png" plot "$work/rl" --out "$work/rl.png"
is "is png" "$(head -c 4 "$work/rl.png" | tail -c 3)" "PNG"
printf '{"step": 61, "lo' >>"$work/sft/metrics.jsonl"
succeeds "a line that is being written" plot "$work/sft" --out "$work/torn.svg"
succeeds "one step alone" plot <(head -n 1 "$work/rl/metrics.jsonl") --out "$work/one.svg"
pale() { grep -c 'stroke="rgb(178, 212, 231)"' "$1"; }
plot "$work/sft" --keys loss --smooth 1 --out "$work/raw.svg" >/dev/null
plot "$work/sft" --keys loss --smooth 9 --out "$work/smooth.svg" >/dev/null
is "unsmoothed: no pale line" "$(pale "$work/raw.svg")" 0
is "smoothed: a pale one behind" "$(pale "$work/smooth.svg")" 1
# hostile names
evil="$work/x'; set print '-'; print system(\"touch $work/owned\"); '"
mkdir -p "$evil"
printf '{"step": 1, "a'"'"'b\\n\\u001b]0;x": 1, "loss": 2}\n{"step": 2, "a'"'"'b\\n\\u001b]0;x": 1, "loss": 2}\n' >"$evil/metrics.jsonl"
succeeds "a run's name and a key are no commands" plot "$evil" --keys "$(printf 'loss,a'"'"'b\n\033]0;x')" --out "$work/evil.svg"
[ ! -e "$work/owned" ]; is "nothing is run" "$?" 0
succeeds "and the picture is XML" words "$work/evil.svg"
finish
