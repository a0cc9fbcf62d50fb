#!/usr/bin/env bash
# Makes the quickstart's encoder again, on Debian 12 with a network: downloads the texts, makes the corpus, pre-trains.
#   experiments/quickstart_encoder/make.sh FOLDER     # a new folder; takes about 1 GB and ten minutes on two cores
# FOLDER/encoder is the result. It has the same bytes as the files next to this script if the packages and the index are
# the same.
set -euo pipefail

if [[ $# -ne 1 ]]; then
  echo "usage: make.sh FOLDER" >&2
  exit 2
fi
root=$(cd "$(dirname "$0")/../.." && pwd)
program=$root/bazel-bin/experiments/cli/metaprompt
[[ -x $program ]] || { echo "make.sh: build the program first: bazel build //:metaprompt" >&2; exit 1; }
version=$(. /etc/os-release && echo "${VERSION_ID:-}")
[[ $version == 12 ]] || { echo "make.sh: this is not Debian 12, whose packages the texts are from" >&2; exit 1; }
mkdir "$1"
work=$(cd "$1" && pwd)
cd "$work"

# Gets the package index with long descriptions, in separate folders, so that the system's lists do not change.
mkdir -p lists/partial cache/archives/partial
apt=(-o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o Acquire::Languages=en)
apt-get "${apt[@]}" update
apt-get "${apt[@]}" indextargets --format '$(FILENAME)' 'Created-By: Translations' 'Language: en' |
  xargs -n 1 /usr/lib/apt/apt-helper cat-file >translations.txt
apt-cache "${apt[@]}" dumpavail >index.txt
apt-get "${apt[@]}" download wordnet-base dict-foldoc dict-gcide manpages manpages-dev

python3 "$root/experiments/pretraining/debian_corpus.py" \
  --index index.txt --translations translations.txt --packages . --out corpus
ln -s "$root/datasets" datasets
"$program" pretrain "$root/experiments/quickstart_encoder/encoder.textproto" --out encoder
sha256sum encoder/config.json encoder/model.safetensors encoder/tokenizer_config.json encoder/vocab.txt
