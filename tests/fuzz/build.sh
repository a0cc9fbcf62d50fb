#!/usr/bin/env bash
# Builds the fuzz targets with clang's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, without LibTorch:
#   tests/fuzz/build.sh [OUT [TARGET...]]
# OUT is /tmp/metaprompt-fuzz by default. Needs clang-14 and libclang-rt-14-dev in addition to what setup.sh installs.
# Then run:
#   cp -r tests/fuzz/corpus/safetensors /tmp/corpus
#   /tmp/metaprompt-fuzz/safetensors_fuzz -max_total_time=180 /tmp/corpus
# To keep what it found, in the smallest number of files that reach the same code:
#   /tmp/metaprompt-fuzz/safetensors_fuzz -set_cover_merge=1 -use_counters=0 tests/fuzz/corpus/safetensors /tmp/corpus
set -euo pipefail
cd "$(dirname "$0")/../.."

out=${1:-/tmp/metaprompt-fuzz}
wanted=("${@:2}")
compiler=${CLANGXX:-clang++-14}
command -v "$compiler" >/dev/null || { echo "build.sh: $compiler is missing: apt-get install clang-14 libclang-rt-14-dev" >&2; exit 1; }
mkdir -p "$out"

read -ra absl < <(pkg-config --libs absl_flat_hash_map absl_statusor absl_strings)

target() { # NAME SOURCE...: builds tests/fuzz/NAME_fuzz.cc with the sources that it needs
  local name=$1
  if [[ ${#wanted[@]} -gt 0 && " ${wanted[*]} " != *" $name "* ]]; then return; fi
  echo "+ $out/${name}_fuzz"
  "$compiler" -std=c++17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -I. \
    "tests/fuzz/${name}_fuzz.cc" "${@:2}" -o "$out/${name}_fuzz" "${absl[@]}" -lcrypto -licuuc
}

target safetensors metaprompt/checkpoints/safetensors_header.cc metaprompt/base/{files,hash,text}.cc
architectures=()
for source in metaprompt/architectures/*.cc; do
  if [[ $source != */config_json.cc ]]; then architectures+=("$source"); fi
done
target config metaprompt/architectures/config_json.cc "${architectures[@]}" metaprompt/base/json.cc metaprompt/base/{files,hash,text}.cc
target torch_pickle metaprompt/checkpoints/{torch_pickle,pickle_machine,safetensors_header}.cc metaprompt/base/{files,hash,text}.cc

tokenizers=(metaprompt/tokenizers/{unicode,added_tokens,slow_added_tokens,bert_words,wordpiece,llama_words,byte_bpe}.cc
  metaprompt/tokenizers/{albert_tokenizer,fairseq_tokenizer,renumbered_sentencepiece,sentencepiece}.cc metaprompt/tokenizers/files/*.cc
  "${architectures[@]}" metaprompt/base/{json,likely_cause}.cc metaprompt/base/{files,hash,text}.cc -licuuc -ldl)
target wordpiece "${tokenizers[@]}"
target bpe "${tokenizers[@]}"
