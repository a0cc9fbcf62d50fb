#!/usr/bin/env bash
# From a fresh clone to a result: installs, builds, runs the quickstart experiment. Arguments go to `metaprompt run`, as
# in `./quickstart.sh --set seed=1`. Every command is shown, to be typed by hand next time.
set -euo pipefail
cd "$(dirname "$0")"
export HOME="${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}"  # Bazel keeps its files there

step() {
  echo "+ $*"
  "$@"
}

step ./setup.sh
step bazel build //:metaprompt
if [[ $# -eq 0 && -d runs/quickstart-seed0 ]]; then
  echo "The quickstart has run before. To run it again, remove runs/quickstart-seed0 or choose another --out."
  step bazel-bin/experiments/cli/metaprompt show runs/quickstart-seed0
  exit
fi
step bazel-bin/experiments/cli/metaprompt run experiments/specs/quickstart.textproto "$@"
