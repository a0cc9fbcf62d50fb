#!/usr/bin/env bash
# From a fresh clone to a result: installs packages, builds, and runs the quickstart experiment. Arguments are passed to
# `metaprompt run`, as in `./quickstart.sh --set seed=1`. Shows each command, so that you can type it yourself next
# time.
source "$(dirname "$0")/common.sh"

program=bazel-bin/experiments/cli/metaprompt
step ./setup.sh
step bazel build //:metaprompt
if [[ $# -eq 0 && -d runs/quickstart-seed0 ]]; then
  echo "The quickstart has run before. To run it again, remove runs/quickstart-seed0 or choose another --out."
  step "$program" show runs/quickstart-seed0
  exit
fi
step "$program" run experiments/specs/quickstart.textproto "$@"
