#!/usr/bin/env bash
# Checks on a GPU, with the folder that tests/gpu/pack.sh made: the learners in double precision on the GPU, in float32 and
# bfloat16 against double precision on the CPU, and a run on the GPU, twice and against the CPU.
#
#   tests/gpu/check.sh FOLDER [RESULTS]    # RESULTS: where logs and records are written [gpu-check]
#
# PYTHON is the interpreter whose PyTorch is used [python3].
set -euo pipefail
packed=$(realpath "${1:?usage: tests/gpu/check.sh FOLDER [RESULTS]}")
results=$(mkdir -p "${2:-gpu-check}" && realpath "${2:-gpu-check}")
cd "$(dirname "$0")/../.."
torch=$("${PYTHON:-python3}" -c 'import os, torch; print(os.path.dirname(torch.__file__))')
export LD_LIBRARY_PATH=$torch/lib:$packed/lib
metaprompt=$packed/bin/metaprompt

"$metaprompt" doctor | tee "$results/doctor.txt"

# Each test program in as many parts as there are cores, for the GPU has time for more than one.
shards=$(($(nproc) > 12 ? 12 : $(nproc)))
failed=0
for test in device_test meta_step_test conformance_test conformance_gradient_test; do
  begin=$SECONDS
  for ((i = 0; i < shards; ++i)); do
    GTEST_TOTAL_SHARDS=$shards GTEST_SHARD_INDEX=$i "$packed/bin/$test" --device=cuda \
      > "$results/$test.$i.log" 2>&1 || echo "$test part $i" >> "$results/failed" &
  done
  wait
  cat "$results/$test".*.log > "$results/$test.log"
  rm "$results/$test".*.log
  passed=$(grep -c '^\[       OK' "$results/$test.log" || true)
  missed=$(grep -c '^\[  FAILED  \] .* (.* ms)' "$results/$test.log" || true)
  echo "$test on cuda: $passed passed, $missed failed, $((SECONDS - begin)) s"
  failed=$((failed + missed))
done
[[ ! -e $results/failed ]] || { cat "$results/failed"; failed=$((failed + 1)); }

# A run on the CPU and on the GPU, there twice in float32 and once in bfloat16.
run() {
  local name=$1 begin=$SECONDS
  shift
  "$metaprompt" run experiments/specs/quickstart.textproto --out "$results/$name" --set test.episodes=100 \
    --set train.meta_steps=50 --set train.valid_episodes=50 "$@" > "$results/$name.log" 2>&1 || { tail -3 "$results/$name.log"; failed=$((failed + 1)); }
  echo "$name: $((SECONDS - begin)) s"
}
run cpu
run cuda --set device=cuda
run cuda-again --set device=cuda
run cuda-bfloat16 --set device=cuda --set precision=BFLOAT16
"$metaprompt" report "$results"/{cpu,cuda,cuda-bfloat16} || true
cmp "$results"/{cuda,cuda-again}/record.textproto && echo "two runs on the GPU: the same bytes" || failed=$((failed + 1))

echo "$failed failed"
[[ $failed == 0 ]]
