#!/usr/bin/env python3
"""Compares the time and the ids of `metaprompt tokenize` with those of the `tokenizers` crate, on one thread.

Needs transformers. Measures the processor time of one thread, on which other work on the machine has less effect. For
the crate this is only encode_batch; for metaprompt it is the whole command, with reading and printing, minus the same
command on an empty text. Rounds alternate.

    python3 tests/reference/bench_tokenize.py --encoder DIR --text FILE [--rounds R]
"""

import argparse
import os
import resource
import statistics
import subprocess
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import transformers  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--encoder", required=True, help="Hugging Face folder")
parser.add_argument("--text", required=True, help="file with one text per line")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--binary", default="bazel-bin/experiments/cli/metaprompt")
options = parser.parse_args()

with open(options.text, "rb") as text:
    content = text.read().decode("utf-8", errors="replace").removesuffix("\n")
lines = content.split("\n")
megabytes = len(content.encode()) / 1e6
crate = transformers.AutoTokenizer.from_pretrained(options.encoder, use_fast=True).backend_tokenizer
crate.no_truncation()
crate.no_padding()


def theirs():
    start = time.process_time()
    encoded = crate.encode_batch(lines)
    return time.process_time() - start, [one.ids for one in encoded]


def ours(path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([options.binary, "tokenize", "--encoder", options.encoder, path], check=True,
                          stdout=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    ids = [[int(i) for i in line.split()] for line in done.stdout.decode().split("\n")[:-1]]
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ids


times = {"tokenizers": [], "metaprompt": []}
for _ in range(options.rounds):
    seconds, expected = theirs()
    times["tokenizers"].append(seconds)
    start, _none = ours("/dev/null")
    seconds, found = ours(options.text)
    times["metaprompt"].append(seconds - start)
different = sum(a != b for a, b in zip(expected, found)) + abs(len(expected) - len(found))
print(f"{len(lines)} lines, {megabytes:.1f} MB, {sum(map(len, found))} tokens; {different} lines differ")
for name, seconds in times.items():
    print(f"{name:10} {statistics.median(seconds):6.2f} s, {megabytes / statistics.median(seconds):5.2f} MB/s")
print(f"ratio {statistics.median(times['tokenizers']) / statistics.median(times['metaprompt']):.1f}")
