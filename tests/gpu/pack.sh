#!/usr/bin/env bash
# Builds the program and the tests of learners against a LibTorch with CUDA, and packs what a GPU machine needs that has
# the same version of PyTorch but none of Debian's packages. This machine needs no GPU.
#
#   pip download torch==2.11.0 && unzip -q torch-2.11.0-*.whl -d wheel     # the version of the GPU machine
#   LIBTORCH=$PWD/wheel/torch tests/gpu/pack.sh FOLDER [OPTION OF BAZEL...]
#   # On the GPU machine, in a copy of this repository:
#   tests/gpu/check.sh FOLDER
set -euo pipefail
folder=${1:?usage: LIBTORCH=DIR tests/gpu/pack.sh FOLDER [OPTION OF BAZEL...]}
mkdir -p "$folder/bin" "$folder/lib"
folder=$(realpath "$folder")
: "${LIBTORCH:?name the folder torch of a wheel with CUDA}"
[[ -e $LIBTORCH/lib/libtorch_cuda.so ]] || { echo "$LIBTORCH/lib has no libtorch_cuda.so" >&2; exit 1; }
cd "$(dirname "$0")/../.."

tests=(device_test inner_step_test conformance_test conformance_gradient_test)
bazel build "${@:2}" //:metaprompt "${tests[@]/#///tests/learners:}"

for program in experiments/cli/metaprompt "${tests[@]/#/tests/learners/}"; do
  strip -o "$folder/bin/$(basename "$program")" "bazel-bin/$program"
done
# All shared libraries but LibTorch's, those that it brings, and the C and C++ libraries of any Linux machine.
for program in "$folder"/bin/*; do
  ldd "$program"
done | awk '$3 ~ /^\// {print $3}' | sort -u | while read -r library; do
  case $(realpath "$library") in
    "$(realpath "$LIBTORCH/..")"/*) ;;  # LibTorch and the CUDA libraries beside it
    */libc.so* | */libm.so* | */libdl.so* | */librt.so* | */libpthread.so* | */libstdc++.so* | */libgcc_s.so*) ;;
    *) strip -o "$folder/lib/$(basename "$library")" "$library" 2> /dev/null || cp -L "$library" "$folder/lib/" ;;
  esac
done
du -sh "$folder"
