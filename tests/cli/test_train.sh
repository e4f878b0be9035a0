# lace train: a run that is killed at any moment ends with the same bytes; signals, full disks and impossible settings.
. tests/cli/tap
export OMP_WAIT_POLICY=passive # on a busy machine workers that spin take most of the time
cat >"$work/c.yaml" <<'Y'
out: unset
tokenizer: recipes/tokenizer.json
steps: 150
shards: 2
shard_rows: 400
lr: 3e-3
checkpoint_every: 4
model: {hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, num_attention_heads: 2, num_key_value_heads: 1, head_dim: 16, max_position_embeddings: 256}
data:
  - {family: search, policy: alone, threads: 1, difficulty: 1, options: 4, moduli: [11]}
Y
run() { local out=$1; shift; "$LACE" train pretrain --workers 2 --config "$work/c.yaml" --set "out=$out" "$@"; }
now() { echo "${EPOCHREALTIME/./}"; }

# ---- killed at any moment ----
began=$(now)
run "$work/whole" >"$work/log" 2>&1
is "a run ends well" "$?" 0
took=$((($(now) - began) / 1000))
like "the longest batch is run first" "$(head -n 1 "$work/log")" "^longest batch: [0-9]* rows a worker, of groups of [0-9]* tokens; memory at most [0-9]* MiB$"
is "metrics have each step once" "$(sed 's/^{"step": \([0-9]*\),.*}$/\1/' "$work/whole/metrics.jsonl" | tr '\n' ' ')" "$(seq 1 150 | tr '\n' ' ')"
is "two checkpoints are kept" "$(ls "$work/whole" | tr '\n' ' ')" "checkpoint-148 checkpoint-150 metrics.jsonl model settings.yaml "
is "a checkpoint is a model that can be used" "$("$LACE" score --model "$work/whole/checkpoint-150" --json "1+1" | head -c 1)" "{"
RANDOM=7
kills=0
for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
    "$LACE" train pretrain --workers 2 --config "$work/c.yaml" --set "out=$work/killed" --resume >"$work/log" 2>&1 &
    pid=$!
    ms=$((RANDOM % (try * took / 16 + 1))) # the first before anything is written, later ones at any place
    sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
    kill -KILL $pid 2>/dev/null && kills=$((kills + 1))
    wait $pid 2>/dev/null
    [ -e "$work/killed/model/tokenizer.json" ] && break
done
[ "$kills" -ge 2 ]; is "it was killed now and then" "$?" 0
succeeds "and resumed to its end" run "$work/killed" --resume
for f in model/model.safetensors model/config.json model/tokenizer.json settings.yaml; do
    [ "$f" = settings.yaml ] && sed -i 's/^out: .*//' "$work/whole/$f" "$work/killed/$f"
    is "$f is that of the uninterrupted run" "$(cmp "$work/whole/$f" "$work/killed/$f" 2>&1)" ""
done
steps() { sed 's/"seconds": [0-9.]*, //' "$1/metrics.jsonl"; }
empty "so are the metrics, each step once" "$(diff <(steps "$work/whole") <(steps "$work/killed"))"
is "no half-written checkpoint stays" "$(ls "$work/killed" | grep -c 'checkpoint.*tmp')" 0

# ---- killed while the model is written: a file that goes along and is a pipe holds the run up there ----
cp -r "$work/whole/model" "$work/from"
sed 's/^steps:.*/steps: 2/; /^tokenizer/d; /^model/d' "$work/c.yaml" >"$work/sft.yaml"
sft=("$LACE" train sft --workers 2 --config "$work/sft.yaml" --set "out=$work/sft" --set "init.model=$work/from")
killed() {
    mkfifo "$work/from/special_tokens_map.json"
    "${sft[@]}" --resume >"$work/log" 2>&1 &
    for i in $(seq 400); do [ -e "$work/sft/model.tmp/model.safetensors" ] && break; sleep 0.05; done # the weights are written
    kill -KILL $!
    wait $! 2>/dev/null
    rm "$work/from/special_tokens_map.json"
}
succeeds "another stage" "${sft[@]}"
cp -r "$work/sft/model" "$work/exported" && rm -r "$work/sft/model"
killed
is "what is not whole is no model/" "$(ls "$work/sft")" "$(printf '%s\n' checkpoint-2 metrics.jsonl model.tmp settings.yaml)"
succeeds "the run ends what was begun" "${sft[@]}" --resume
empty "with the same model" "$(diff -r "$work/sft/model" "$work/exported")"
rm "$work/sft/model/tokenizer.json" && echo changed >"$work/sft/model/config.json" # as an older version may have left it
cp -r "$work/sft/model" "$work/before"
killed
empty "a model/ from before stays as it was" "$(diff -r "$work/sft/model" "$work/before")"
succeeds "until there is another" "${sft[@]}" --resume
empty "which is whole" "$(diff -r "$work/sft/model" "$work/exported")"
is "nothing else stays" "$(ls "$work/sft")" "$(printf '%s\n' checkpoint-2 metrics.jsonl model settings.yaml)"

# ---- signals ----
for signal in INT TERM; do
    out="$work/$signal"
    bash -c 'trap - INT; exec "$@"' - "$LACE" train pretrain --workers 2 --config "$work/c.yaml" --set "out=$out" --set steps=4000 --set checkpoint_every=4000 >"$work/log" 2>&1 &
    pid=$!
    for i in $(seq 200); do [ -s "$out/metrics.jsonl" ] && break; sleep 0.05; done # the first step is done
    said=$(run "$out" --resume --set steps=4000 --set checkpoint_every=4000 2>&1)
    like "a second run in the folder is refused" "$said" "^lace: Another run is at work in $out;"
    kill -$signal $pid
    wait $pid
    is "SIG$signal ends it" "$?" 1
    like "SIG$signal: says how to go on" "$(tail -n 1 "$work/log")" "^lace: Stopped after step [0-9]* of 4000; $out/checkpoint-[0-9]* is saved: go on with --resume.$"
    is "SIG$signal: the checkpoint is there" "$(ls "$out" | grep -c '^checkpoint-[0-9]*$')" 1
done

# Ctrl-C while the longest batch is tried, which takes seconds here: there is nothing to save, so it ends at once.
out="$work/trial" big="--set shards=1 --set shard_rows=8192 --set model.hidden_size=256 --set model.intermediate_size=1024 --set model.num_hidden_layers=6"
bash -c 'trap - INT; exec "$@"' - "$LACE" train pretrain --workers 1 --config "$work/c.yaml" --set "out=$out" $big >"$work/log" 2>&1 &
pid=$!
for i in $(seq 500); do [ -e "$out/metrics.jsonl" ] && break; sleep 0.02; done
kill -INT $pid
wait $pid
is "Ctrl-C during the trial ends it" "$?" 1
is "at once, without the trial's own line" "$(cat "$work/log")" "lace: Stopped before a step was done; nothing is lost."
succeeds "the folder can be used as if nothing had been" run "$out" --set steps=1

# ---- fewer OS threads than asked for: the same shards, the same sums ----
OMP_THREAD_LIMIT=1 run "$work/limited" --set steps=8 >"$work/log" 2>&1
OMP_DYNAMIC=true run "$work/dynamic" --set steps=8 >"$work/log" 2>&1
run "$work/free" --set steps=8 >"$work/log" 2>&1
for out in limited dynamic; do
    is "$out OS threads change no bit" "$(cmp "$work/$out/model/model.safetensors" "$work/free/model/model.safetensors" 2>&1)" ""
done

# ---- refusals: one sentence, nothing made ----
refused() { # name, pattern, arguments
    local name=$1 want=$2 said status
    shift 2
    said=$("$LACE" train "$@" 2>&1 >/dev/null)
    status=$?
    if [ $status = 0 ]; then not_ok "$name" "it succeeded"
    elif [ "$(printf '%s\n' "$said" | wc -l)" != 1 ]; then not_ok "$name: one sentence" "$said"
    elif [ -e "$work/none" ]; then not_ok "$name: nothing is made" "$(ls "$work/none")"; rm -r "$work/none"
    else like "$name" "$said" "$want"; fi
}
bad() { local name=$1 want=$2; shift 2; refused "$name" "$want" pretrain --config "$work/c.yaml" --set "out=$work/none" "$@"; }
like "help" "$("$LACE" train --help)" "^usage: lace train STAGE --config FILE.yaml"
refused "no stage" "needs more arguments"
refused "no configuration" "Training needs its settings" pretrain
refused "a configuration that is not there" "Cannot open .*missing.yaml: No such file" pretrain --config "$work/missing.yaml"
refused "an unknown stage" 'no training stage "pretain"; the stages are pretrain, cpt, sft and rl' pretain --config "$work/c.yaml"
refused "a folder as configuration" "is a directory\|Is a directory" pretrain --config "$work"
bad "an unknown key" "learning_rat is not a known setting" --set learning_rat=1
bad "a setting of a model that is made, where one is loaded" "model.[a-z_]* is not a known setting here" --set init.model="$work/free/model"
bad "the nearest is named" "did you mean model.hidden_size?" --set model.hiden_size=64
bad "an unknown key in the file's own place" "stepz is not a known setting; did you mean steps?" --set stepz=4
bad "steps 0" "steps must be a whole number from 1" --set steps=0
bad "lr of another kind" 'lr must be a number from 0 to 1, not "fast"' --set lr=fast
bad "lr nan" "lr must be a number" --set lr=nan
bad "beta1 of 1 would divide by nothing" "beta1 must be a number from 0 to 0.99999" --set beta1=1
bad "eps 0 likewise" "eps must be a number" --set eps=0
bad "heads that do not divide" "num_key_value_heads" --set model.num_key_value_heads=3
bad "an odd head" "head_dim" --set model.head_dim=15
bad "a vocabulary smaller than the tokenizer's" "model.vocab_size must be a whole number from 500" --set model.vocab_size=100
bad "another data type" "dtype must be f32 or bf16" --set dtype=f16
bad "an unknown family" "no problem family 'serach'" --set data.0.family=serach
bad "a modulus that is no prime" "modulus 12 is not a prime" --set data.0.moduli=12
bad "a source that ends early" "right after 50 % of the run" --set data.0.until=0.5
bad "a tokenizer that is not there" "nowhere.json" --set tokenizer="$work/nowhere.json"
bad "the config's own stage" "says stage: sft, and the command pretrain" --set stage=sft
bad "too many layers" "num_hidden_layers must be" --set model.num_hidden_layers=1000
sed '/^model/d; /^tokenizer/d' "$work/c.yaml" >"$work/cpt.yaml"
lattice() { refused "$1" "$2" cpt --config "$work/cpt.yaml" --set "out=$work/none" --set init.model=models/lace-search --set init.lattice=new --set "$3"; }
lattice "a lattice of no kind" '^lace: --set lattice.kind must be lattice or full, not "none".$' lattice.kind=none
lattice "threads that nobody sees" "lattice.visible must be aligned, window or causal" lattice.visible=none
refused "cpt without a model" "init.model is missing" cpt --config "$work/c.yaml" --set "out=$work/none"
refused "a model that is not there" "nowhere" sft --config "$work/c.yaml" --set "out=$work/none" --set "init.model=$work/nowhere"
sed '/^out/d' "$work/c.yaml" >"$work/d.yaml"
refused "no folder" "out is missing" pretrain --config "$work/d.yaml"
said=$(run "$work/whole" 2>&1)
like "a run that exists" "$said" "holds a run already (checkpoint-150); go on with --resume"
said=$(run "$work/whole" --resume --set lr=1e-3 2>&1)
like "resuming with another lr" "$said" "the run began with lr 3e-3 and cannot go on with 1e-3"

# ---- disks ----
: >"$work/file"
refused "a file where the folder should be" "file exists and is not a folder\|Cannot make the folder" pretrain --config "$work/c.yaml" --set "out=$work/file"
refused "a file above it" "Cannot make the folder" pretrain --config "$work/c.yaml" --set "out=$work/file/run"
refused "no right to write" "Cannot make the folder\|Cannot write" pretrain --config "$work/c.yaml" --set "out=/proc/run"
said=$(trap '' XFSZ; ulimit -f 100; run "$work/full" 2>&1)
is "a full disk ends the run" "$?" 1
like "a full disk: a sentence with the file" "$(printf '%s\n' "$said" | tail -n 1)" "^lace: Cannot write .*full/checkpoint-4.tmp/model.safetensors: File too large"
empty "a full disk leaves no checkpoint that is not whole" "$(ls "$work/full" | grep '^checkpoint-[0-9]*$')"
succeeds "and the run goes on when there is room" run "$work/full" --resume
is "to the same bytes" "$(cmp "$work/full/model/model.safetensors" "$work/whole/model/model.safetensors" 2>&1)" ""

# ---- reinforcement ----
cat >"$work/rl.yaml" <<'Y'
out: unset
init: {model: models/lace-search, lattice: models/lace-search/lattice}
steps: 4
shard_rows: 1000
lr: 1e-5
checkpoint_every: 1
rl: {problems: 2, rollouts: 3, rounds: 3, temperature: 2}
data:
  - {family: search, policy: shared, threads: 2, difficulty: 1, options: 4, moduli: [11]}
Y
rl() { local out=$1; shift; "$LACE" train rl --workers 2 --config "$work/rl.yaml" --set "out=$out" "$@" 2>"$work/log"; }
succeeds "rl runs" rl "$work/rl"
like "its metrics have TRL's names and ours" "$(head -n 1 "$work/rl/metrics.jsonl")" '"reward": .*"reward_std": .*"frac_reward_zero_std": .*"kl": 0, "entropy": .*"clip_ratio": 0, "completions/mean_length": .*"pick_accuracy": .*"agreement": .*"gate/1": 0[.][0-9]*, "alpha/1": '
"$LACE" train rl --workers 2 --config "$work/rl.yaml" --set "out=$work/rl2" 2>"$work/log" & # itself the child that the signal meets: its first checkpoint, then SIGTERM
child=$!
for i in $(seq 400); do [ -e "$work/rl2/checkpoint-1" ] && break; sleep 0.05; done
kill $child 2>/dev/null
wait $child
succeeds "rl goes on where it was stopped" rl "$work/rl2" --resume
succeeds "with the same bits" cmp "$work/rl/model/lattice/lattice_model.safetensors" "$work/rl2/model/lattice/lattice_model.safetensors"
succeeds "in the backbone too" cmp "$work/rl/model/model.safetensors" "$work/rl2/model/model.safetensors"
like "the longest rollout is tried first" "$(head -n 1 "$work/log")" "^longest batch: [0-9]* rows a worker"
succeeds "more workers than shards" "$LACE" train rl --workers 5 --config "$work/rl.yaml" --set "out=$work/rl5" --set shards=2
succeeds "sum as so many as there are shards" cmp "$work/rl/model/model.safetensors" "$work/rl5/model/model.safetensors"
said=$(rl "$work/rl4" --set shard_rows=100; cat "$work/log")
like "what may not fit is refused at once" "$said" "Record of the longest rollout with its 2 threads does not fit a shard of 100 rows; raise shard_rows"
said=$(rl "$work/rl3" --set rl.epochs=2 --set steps=3; cat "$work/log")
like "steps that end within the epochs of a rollout" "$said" "steps is 3 and rl.epochs 2; .* must be a multiple of it."
said=$(rl "$work/rl3" --set init.lattice=new; cat "$work/log")
like "rl needs a trained lattice" "$said" "rl goes on with a lattice that is trained; init.lattice cannot be new."
finish
