# mpirun lace train: two processes end where one does, up to the order of sums; one that fails takes the other along.
. tests/cli/tap
export OMP_WAIT_POLICY=passive OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
succeeds "the library for MPI builds" ${MAKE:-make} --no-print-directory -s "B=$B" "$B/lace-mpi.so"
cat >"$work/c.yaml" <<'Y'
out: unset
tokenizer: recipes/tokenizer.json
steps: 20
shards: 3
shard_rows: 400
lr: 3e-3
checkpoint_every: 8
dtype: f32
model: {hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, num_attention_heads: 2, num_key_value_heads: 1, head_dim: 16, max_position_embeddings: 256}
data:
  - {family: search, policy: alone, threads: 1, difficulty: 1, options: 4, moduli: [11]}
Y
cat >"$work/rl.yaml" <<'Y'
out: unset
init: {model: models/lace-search, lattice: models/lace-search/lattice}
steps: 2
shard_rows: 1000
lr: 1e-5
dtype: f32
rl: {problems: 3, rollouts: 3, rounds: 3, temperature: 2}
data:
  - {family: search, policy: shared, threads: 2, difficulty: 1, options: 4, moduli: [11]}
Y
one() { "$LACE" train "$1" --workers 1 --config "$2" --set "out=$3" "${@:4}" 2>"$work/log"; }
two() { timeout 120 mpirun -n 2 "$LACE" train "$1" --workers 1 --config "$2" --set "out=$3" "${@:4}" >"$work/log" 2>&1; }
# Every figure of the two runs, but for times: equal to 1e-3 of itself (float sums in another order, 20 steps of it).
compare() {
    paste <(tr -d '{},"' <"$1/metrics.jsonl") <(tr -d '{},"' <"$2/metrics.jsonl") | awk '{
        n = NF / 2
        for (i = 1; i < n; i += 2) {
            if ($i != $(i + n)) { print "line " NR ": " $i " and " $(i + n); bad = 1 }
            if ($i ~ /seconds/) continue
            a = $(i + 1); b = $(i + 1 + n); d = a > b ? a - b : b - a
            if (d > 1e-3 * (a < 0 ? -a : a) + 1e-6) { print "line " NR ": " $i " " a " and " b; bad = 1 }
        }
    } END { exit bad || !NR }'
}
succeeds "one process" one pretrain "$work/c.yaml" "$work/one"
succeeds "two processes" two pretrain "$work/c.yaml" "$work/two"
is "twenty steps" "$(wc -l <"$work/two/metrics.jsonl")" 20
succeeds "the same figures" compare "$work/one" "$work/two"
is "the same files" "$(ls "$work/two")" "$(ls "$work/one")"
rm -r "$work/two/checkpoint-20" "$work/two/model"
succeeds "two go on from a checkpoint" two pretrain "$work/c.yaml" "$work/two" --resume
succeeds "to the same figures" compare "$work/one" "$work/two"
succeeds "rl: one process" one rl "$work/rl.yaml" "$work/rl1"
succeeds "rl: two processes" two rl "$work/rl.yaml" "$work/rl2"
succeeds "rl: the same rewards" compare "$work/rl1" "$work/rl2"
succeeds "rl: more processes than shards, of which it draws none" two rl "$work/rl.yaml" "$work/rl3" --set shards=1
succeeds "rl: still the same rewards" compare "$work/rl1" "$work/rl3"
two rl "$work/rl.yaml" "$work/none" --set rl.problems=1
like "rl: more processes than problems" "$(cat "$work/log")" "1 problems a step cannot be spread over 2 ranks; raise rl.problems."
is "more processes than shards: refused" "$(two pretrain "$work/c.yaml" "$work/none" --set shards=1 || echo refused)" refused
like "with a sentence" "$(cat "$work/log")" "1 shards cannot be spread over 2 ranks; raise shards."
two pretrain "$work/c.yaml" "$work/one"
like "a run that exists: all end" "$(cat "$work/log")" "holds a run already"
finish
