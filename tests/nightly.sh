#!/usr/bin/env bash
# The checks that take too long for every change, some hours in all:
#   tests/nightly.sh [FOLDER]
# It runs `./test.sh --lint --slurm`; kills runs 1000 times, and runs of several processes 200 times; compares the
# results of 1, 2 and 4 processes; and, if clang is there, runs each fuzzer for ten minutes. FOLDER may have
# huffpost.json and all-MiniLM-L6-v2, which are then compared, too. The last line tells how many checks failed.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${1:-}
program=(--program bazel-bin/experiments/cli/metaprompt)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

check() { # COMMAND...: shows and runs it
  echo "+ $*"
  "$@" || { echo "nightly.sh: failed: $*" >&2; failed=$((failed + 1)); }
}

same_on_all_processes() {
  local encoder=() n
  if [[ -n $data ]]; then encoder=(--encoder "$data/all-MiniLM-L6-v2" --data "$data"); fi
  for n in 1 2 4; do
    tests/record_hashes.py "${program[@]}" --threads 1 --processes "$n" "${encoder[@]}" \
      --only '^(quickstart|maml|reptile|anil|meta_|proto|huffpost)' > "$work/$n" || return 1
  done
  cmp "$work/1" "$work/2" && cmp "$work/1" "$work/4"
}

fuzz() {
  local target
  tests/fuzz/build.sh "$work/fuzz" || return 1
  for target in "$work"/fuzz/*_fuzz; do
    local corpus=tests/fuzz/corpus/$(basename "${target%_fuzz}")
    mkdir -p "$work/corpus"
    "$target" -max_total_time=600 "$work/corpus" "$corpus" || return 1
    rm -r "$work/corpus"
  done
}

check ./test.sh --lint --slurm
check tests/kills.py "${program[@]}" --kills 1000
check tests/kills.py "${program[@]}" --kills 200 --processes 3
check same_on_all_processes
if command -v clang++-14 > /dev/null; then check fuzz; fi
echo "$failed checks failed"
exit $((failed > 0))
