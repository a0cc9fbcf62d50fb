#!/usr/bin/env bash
# Builds the fuzz targets with clang 14's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, beside Bazel:
# `apt-get install clang-14 libclang-rt-14-dev`, then
#
#   tests/fuzz/build.sh OUT [TARGET...]      # without a name, all of them
#   OUT/wordpiece -max_total_time=3600 OUT/new tests/fuzz/corpus/wordpiece
#   OUT/wordpiece -merge=1 tests/fuzz/corpus/wordpiece OUT/new   # keeps what reaches further
#
# tests/fuzz/corpus/TARGET is what `bazel test //tests:TARGET_fuzz_replay_test` replays.
set -euo pipefail
cd "$(dirname "$0")/../.."
[[ $# -ge 1 ]] || { echo "usage: tests/fuzz/build.sh OUT [TARGET...]" >&2; exit 2; }
out=$1
wanted=("${@:2}")
mkdir -p "$out"

absl=(-labsl_status -labsl_statusor -labsl_strings -labsl_strings_internal -labsl_cord -labsl_raw_hash_set -labsl_hash
  -labsl_city -labsl_low_level_hash -labsl_hashtablez_sampler -labsl_int128 -labsl_throw_delegate
  -labsl_raw_logging_internal -labsl_base)

target() { # NAME SOURCE... [-lLIBRARY...]: OUT/NAME from tests/fuzz/NAME_fuzz.cc and these
  local name=$1
  shift
  [[ ${#wanted[@]} -eq 0 || " ${wanted[*]} " == *" $name "* ]] || return 0
  echo "+ $out/$name"
  clang++-14 -std=c++17 -g1 -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -I. \
    -o "$out/$name" "tests/fuzz/${name}_fuzz.cc" "$@" "${absl[@]}"
}

base=(metaprompt/base/files.cc metaprompt/base/json.cc -lcrypto)
tokenizers=(metaprompt/{unicode,added_tokens,wordpiece,byte_bpe,albert_tokenizer,tokenizer_config,tokenizer_folder}.cc
  metaprompt/{vocabulary_files,sentencepiece}.cc -licuuc -ldl)

target wordpiece "${tokenizers[@]}" "${base[@]}"
target bpe "${tokenizers[@]}" "${base[@]}"
