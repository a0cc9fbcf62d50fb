# setup.sh, quickstart.sh and test.sh source this file. `step` shows a command and runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export HOME="${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}"  # Bazel keeps its files below HOME

step() {
  echo "+ $*"
  "$@"
}
