#!/usr/bin/env bash
# Checks the formatting, builds everything, runs all tests, follows the examples of CONTRIBUTING.md, and kills runs 50
# times, and runs of several processes 20 times. The last line counts the test cases: `N passed, N failed`, and `, N
# skipped` if some were skipped. The examples count as one case, and so do the kills of each kind.
# If Slurm is installed, it also sends a sweep of 4 runs through a Slurm of its own, which counts as one case.
# `./test.sh --slurm` sends one of 12 runs, which takes some minutes. `./test.sh --lint` also runs clang-tidy, which takes
# long. Other arguments are options for Bazel, such as --config=ci, which turns warnings into errors.
source "$(dirname "$0")/common.sh"

lint=false
slurm=false
options=()
for argument in "$@"; do
  case $argument in
    --lint) lint=true ;;
    --slurm) slurm=true ;;
    --*=*) options+=("$argument") ;;
    *)
      echo "usage: ./test.sh [--lint] [--slurm] [--BAZEL_OPTION=VALUE...]" >&2
      exit 2
      ;;
  esac
done

# The script prints this line last, even if it fails.
result="0 passed, 1 failed"
trap 'echo "$result"' EXIT

sources() { # NAME_PATTERN...: our files, each followed by a zero byte
  local patterns=(-name "$1")
  for pattern in "${@:2}"; do patterns+=(-o -name "$pattern"); done
  find . -name 'bazel-*' -prune -o -type f \( "${patterns[@]}" \) -print0
}

step ./setup.sh
echo "+ clang-format-19 --dry-run -Werror (every .h and .cc)"
sources '*.h' '*.cc' | xargs -0 clang-format-19 --dry-run -Werror ||
  { echo "test.sh: format the files named above: clang-format-19 -i FILE" >&2; exit 1; }
# The examples are built in a copy of the tree. With this cache, only the sources that the examples change are compiled
# again there. `bazel clean --expunge` removes the cache. If ~/.bazelrc names another cache, that one is used.
grep -qs -e --disk_cache ~/.bazelrc || options+=("--disk_cache=$(bazel info output_base)/disk_cache")
step bazel build "${options[@]}" //...

if $lint; then
  command -v clang-tidy >/dev/null || { echo "clang-tidy is missing: apt-get install clang-tidy" >&2; exit 1; }
  echo "+ clang-tidy (every .cc)"
  sources '*.cc' | xargs -0 -n 1 -P "$(nproc)" sh -c 'clang-tidy --quiet "$1" -- -std=c++17 -I. -isystem bazel-bin \
    -isystem /usr/include/torch/csrc/api/include -isystem /usr/include/freetype2 2>/dev/null' -
fi

status=0
step bazel test "${options[@]}" //... || status=$?
# Each of these scripts counts as one case.
scripts_passed=0
scripts_failed=0
script() {
  if step "$@"; then scripts_passed=$((scripts_passed + 1)); else scripts_failed=$((scripts_failed + 1)); fi
}
program=(--program bazel-bin/experiments/cli/metaprompt)
script tests/contributing.py "${options[@]}"
script tests/kills.py "${program[@]}" --kills 50
script tests/kills.py "${program[@]}" --kills 20 --processes 3
if $slurm; then
  script tests/slurm.py "${program[@]}"
elif command -v slurmctld >/dev/null; then
  script tests/slurm.py "${program[@]}" --few
fi

# Google Test writes one <testcase> per test case to the XML; a test program that crashed has one, with an <error>.
reports=()
lost=0
for label in $(bazel query 'tests(//...)' 2>/dev/null); do
  path=${label#//}
  report="bazel-testlogs/${path/://}/test.xml"
  if [[ -f $report ]]; then reports+=("$report"); else lost=$((lost + 1)); fi
done
result=$(awk -v status="$status" -v passed="$scripts_passed" -v failed="$((lost + scripts_failed))" '
  function close_case() {
    if (open && bad) failed++
    else if (open && skipped) skips++
    else if (open) passed++
    open = bad = skipped = 0
  }
  FNR == 1 { close_case() }
  /<testcase / { close_case(); open = !/status="notrun"/ }
  /<(failure|error) / { bad = 1 }
  /result="skipped"/ { skipped = 1 }
  END {
    close_case()
    if (status != 0 && !failed) failed = 1
    printf "%d passed, %d failed%s", passed, failed, skips ? ", " skips " skipped" : ""
    exit failed > 0
  }' /dev/null "${reports[@]}") || status=1
exit "$status"
