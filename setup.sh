#!/usr/bin/env bash
# Installs the Debian packages that building and testing need, on Debian 12 or 13. Does nothing if all are installed.
source "$(dirname "$0")/common.sh"

packages=(
  bazel-bootstrap bazel-platforms bazel-rules-java clang-format-19 g++ git
  fonts-dejavu-core fonts-dejavu-extra fonts-freefont-ttf
  libabsl-dev libarchive-dev libcli11-dev libfreetype-dev libgloo-dev libgmock-dev libgtest-dev libicu-dev libisal-dev
  libjemalloc-dev libopenblas-dev libpng-dev libprotobuf-dev libsentencepiece-dev libssl-dev libtorch-dev libturbojpeg0-dev
  lz4 nlohmann-json3-dev pkgconf protobuf-compiler pybind11-dev python3 python3-dev python3-numpy python3-protobuf
  python3-venv xz-utils
)

fail() {
  echo "setup.sh: $*" >&2
  exit 1
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  fail "apt-get not found; this script needs Debian 12 or 13 (on other systems, use a Debian container)"
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $state == installed ]] || missing+=("$package")
done
# Without a path, the data set `debian` reads the package index, so the index must not be empty.
index=$(apt-cache dumpavail 2>/dev/null | head -c 1 || true)
if [[ ${#missing[@]} -eq 0 && -n $index ]]; then
  echo "setup.sh: everything is installed"
  exit 0
fi

apt_get=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3)
if [[ $EUID -ne 0 ]]; then
  if ! command -v sudo >/dev/null || ! sudo true; then
    fail "needs root or sudo; ask an administrator for: apt-get update && apt-get install --no-install-recommends" \
      "${missing[*]}"
  fi
  apt_get=(sudo "${apt_get[@]}")
fi

step "${apt_get[@]}" update
if [[ ${#missing[@]} -gt 0 ]]; then
  step "${apt_get[@]}" -y install --no-install-recommends "${missing[@]}" ||
    fail "apt-get failed, see above; the main sections of Debian 12 and 13 have all of these packages"
fi
