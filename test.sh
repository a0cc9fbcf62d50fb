#!/usr/bin/env bash
# Formatting, a build with warnings as errors, every test, and CONTRIBUTING.md's example. The last line counts the test
# cases, the example as one: `N passed, N failed`, and `, N skipped` where some were. `./test.sh --lint` runs clang-tidy
# too, which takes long.
set -euo pipefail
cd "$(dirname "$0")"
export HOME="${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}"  # Bazel keeps its files there

if [[ $# -gt 1 || ${1:---lint} != --lint ]]; then
  echo "usage: ./test.sh [--lint]" >&2
  exit 2
fi

# Whatever ends the script, this line ends its output.
result="0 passed, 1 failed"
trap 'echo "$result"' EXIT

step() {
  echo "+ $*"
  "$@"
}

sources() { # NAME_PATTERN...: our files, each ended by a zero byte
  local patterns=(-name "$1")
  for pattern in "${@:2}"; do patterns+=(-o -name "$pattern"); done
  find . -name 'bazel-*' -prune -o -type f \( "${patterns[@]}" \) -print0
}

step ./setup.sh
echo "+ clang-format --dry-run -Werror (every .h and .cc)"
sources '*.h' '*.cc' | xargs -0 clang-format --dry-run -Werror
# The example is built in a copy of the tree, which takes from this cache what it has in common with the tree. It goes
# with `bazel clean --expunge`; who has a cache of their own keeps that one.
cache=()
grep -qs -e --disk_cache ~/.bazelrc || cache=("--disk_cache=$(bazel info output_base)/disk_cache")
step bazel build "${cache[@]}" //...

if [[ ${1:-} == --lint ]]; then
  command -v clang-tidy >/dev/null || { echo "clang-tidy is missing: apt-get install clang-tidy" >&2; exit 1; }
  echo "+ clang-tidy (every .cc)"
  sources '*.cc' | xargs -0 -n 1 -P "$(nproc)" sh -c 'clang-tidy --quiet "$1" -- -std=c++17 -I. -isystem bazel-bin \
    -isystem /usr/include/torch/csrc/api/include 2>/dev/null' -
fi

status=0
step bazel test "${cache[@]}" //... || status=$?
followed=1
step tests/contributing.py "${cache[@]}" || followed=0

# One <testcase> a test case in the XML that Google Test writes; a test program that crashed has one, with an <error>.
reports=()
lost=0
for label in $(bazel query 'tests(//...)' 2>/dev/null); do
  path=${label#//}
  report="bazel-testlogs/${path/://}/test.xml"
  if [[ -f $report ]]; then reports+=("$report"); else lost=$((lost + 1)); fi
done
result=$(awk -v status="$status" -v passed="$followed" -v failed="$((lost + 1 - followed))" '
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
