#!/usr/bin/env bash
# Installs what building and testing need, from Debian's own packages. With everything there, it does nothing.
set -euo pipefail

packages=(
  bazel-bootstrap bazel-platforms bazel-rules-java clang-format g++ git
  libabsl-dev libarchive-dev libcli11-dev libgmock-dev libgtest-dev libicu-dev libjemalloc-dev libopenblas-dev
  libprotobuf-dev libsentencepiece-dev libssl-dev libtorch-dev lz4 nlohmann-json3-dev pkgconf protobuf-compiler python3 xz-utils
)

fail() {
  echo "setup.sh: $*" >&2
  exit 1
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  fail "apt-get not found; this is for Debian 12 (elsewhere, a Debian 12 container will do)"
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $state == installed ]] || missing+=("$package")
done
# The package index is also the quickstart's data.
index=$(apt-cache dumpavail 2>/dev/null | head -c 1 || true)
if [[ ${#missing[@]} -eq 0 && -n $index ]]; then
  echo "setup.sh: everything is installed"
  exit 0
fi

as_root=(env DEBIAN_FRONTEND=noninteractive)
if [[ $EUID -ne 0 ]]; then
  if ! command -v sudo >/dev/null || ! sudo true; then
    fail "needs root or sudo; ask an administrator for: apt-get update && apt-get install --no-install-recommends" \
      "${missing[*]}"
  fi
  as_root=(sudo env DEBIAN_FRONTEND=noninteractive)
fi

step() {
  echo "+ $*"
  "${as_root[@]}" "$@"
}
step apt-get -q -o Acquire::Retries=3 update
if [[ ${#missing[@]} -gt 0 ]]; then
  step apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends "${missing[@]}" ||
    fail "apt-get failed, for the reason above; Debian 12's main section has every package named here"
fi
