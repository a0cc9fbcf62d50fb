#!/usr/bin/env bash
# Checks on a GPU, with the folder that tests/gpu/pack.sh made: the learners in double precision on the GPU, in float32
# and bfloat16 against double precision on the CPU, and runs on the CPU and on the GPU.
#
#   tests/gpu/check.sh FOLDER [RESULTS]    # RESULTS: a new folder for logs and records [gpu-check]
#
# PYTHON is the interpreter whose PyTorch is used [python3]. DEVICE is the device [cuda]; DEVICE=cpu tries the script
# itself where there is no GPU.
set -euo pipefail
packed=$(realpath "${1:?usage: tests/gpu/check.sh FOLDER [RESULTS]}")
results=$(realpath "${2:-gpu-check}")
device=${DEVICE:-cuda}
mkdir "$results"
cd "$(dirname "$0")/../.."
torch=$("${PYTHON:-python3}" -c 'import os, torch; print(os.path.dirname(torch.__file__))')
export LD_LIBRARY_PATH=$torch/lib:$packed/lib
metaprompt=$packed/bin/metaprompt
failed=0

"$metaprompt" doctor | tee "$results/doctor.txt"

# Each test program in parts that run at the same time, since one part does not keep a GPU busy.
parts=$(($(nproc) < 12 ? $(nproc) : 12))
for test in device_test inner_step_test conformance_test conformance_gradient_test; do
  begin=$SECONDS
  running=()
  for ((i = 0; i < parts; ++i)); do
    GTEST_TOTAL_SHARDS=$parts GTEST_SHARD_INDEX=$i "$packed/bin/$test" --device="$device" \
      > "$results/$test.$i.log" 2>&1 &
    running+=($!)
  done
  for part in "${running[@]}"; do
    wait "$part" || failed=$((failed + 1))
  done
  cat "$results/$test".*.log > "$results/$test.log"
  rm "$results/$test".*.log
  passed=$(grep -c '^\[       OK' "$results/$test.log" || true)
  missed=$(grep -c '^\[  FAILED  \] .* (.* ms)' "$results/$test.log" || true)
  echo "$test --device=$device: $passed passed, $missed failed, $((SECONDS - begin)) s"
done

# run NAME SETTING...: the quickstart, shortened.
run() {
  local name=$1 begin=$SECONDS settings=()
  shift
  for setting in train.meta_steps=60 train.validate_every=30 train.valid_episodes=100 test.episodes=100 "$@"; do
    settings+=(--set "$setting")
  done
  if ! "$metaprompt" run experiments/specs/quickstart.textproto --out "$results/$name" "${settings[@]}" \
    > "$results/$name.log" 2>&1; then
    tail -3 "$results/$name.log"
    failed=$((failed + 1))
  fi
  echo "run $name: $((SECONDS - begin)) s"
}
run on-cpu name=on-cpu
run on-device name=on-device device="$device" tasks_together=20
run again name=on-device device="$device" tasks_together=20
run bfloat16 name=bfloat16 device="$device" tasks_together=20 precision=BFLOAT16
"$metaprompt" report "$results"/{on-cpu,on-device,bfloat16} || failed=$((failed + 1))
if cmp "$results"/{on-device,again}/record.textproto; then
  echo "the same run twice: the same record"
else
  failed=$((failed + 1))
fi

echo "$failed failed"
[[ $failed == 0 ]]
