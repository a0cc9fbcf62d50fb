#!/usr/bin/env python3
"""Times `metaprompt encode` beside transformers on one checkpoint and text, and compares what they give.

Needs torch and transformers; for a fair ratio, the PyTorch of the same LibTorch (Debian's python3-torch). Rounds of both
alternate, so that a busy machine is busy for both; the medians' ratio is printed.

    python3 tests/reference/bench_encode.py --encoder DIR --text FILE [--lines N] [--rounds R] [--threads T]
"""

import argparse
import re
import statistics
import subprocess
import tempfile
import time

import torch
import transformers
from safetensors.torch import load_file

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--encoder", required=True, help="Hugging Face folder")
parser.add_argument("--text", required=True, help="text, one a line")
parser.add_argument("--lines", type=int, default=1000)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--batch", type=int, default=32, help="lines of a batch of transformers'")
parser.add_argument("--binary", default="bazel-bin/experiments/cli/metaprompt")
parser.add_argument("--logits", action="store_true", help="the MLM logits at the mask, of each line and a mask behind it")
options = parser.parse_args()

torch.set_num_threads(options.threads)
with open(options.text, encoding="utf-8", errors="replace") as text:
    lines = [line.rstrip("\n") for line, _ in zip(text, range(options.lines))]
tokenizer = transformers.AutoTokenizer.from_pretrained(options.encoder)
load = transformers.AutoModelForMaskedLM if options.logits else transformers.AutoModel
model = load.from_pretrained(options.encoder).eval()
if options.logits:
    lines = [f"{line} {tokenizer.mask_token}" for line in lines]


def theirs():
    """(seconds of the forward passes, rows) with the file's order and padding to the longest of a batch."""
    seconds, rows = 0.0, []
    for first in range(0, len(lines), options.batch):
        inputs = tokenizer(lines[first:first + options.batch], padding=True, truncation=True, return_tensors="pt")
        start = time.perf_counter()
        with torch.inference_mode():
            output = model(**inputs)
        seconds += time.perf_counter() - start
        if options.logits:
            rows.append(output.logits[inputs["input_ids"] == tokenizer.mask_token_id])
        else:
            rows.append(output.last_hidden_state[inputs["attention_mask"].bool()])
    return seconds, torch.cat(rows)


def ours(folder):
    path = f"{folder}/out.safetensors"
    with open(f"{folder}/lines.txt", "w", encoding="utf-8") as out:
        out.write("".join(line + "\n" for line in lines))
    command = [options.binary, "encode", "--encoder", options.encoder, "--out", path, f"{folder}/lines.txt",
               "--threads", str(options.threads), "--what", "mask-logits" if options.logits else "states"]
    done = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
    seconds = float(re.search(r"encoded in ([0-9.]+) s", done.stderr).group(1))
    return seconds, load_file(path)["logits" if options.logits else "states"]


with tempfile.TemporaryDirectory() as folder:
    times = {"transformers": [], "metaprompt": []}
    for _ in range(options.rounds):
        seconds, expected = theirs()
        times["transformers"].append(seconds)
        seconds, found = ours(folder)
        times["metaprompt"].append(seconds)
    print(f"{len(lines)} lines, {found.shape[0]} rows of {found.shape[1]}; largest difference "
          f"{(found - expected).abs().max().item():.2e}")
    for name, seconds in times.items():
        print(f"{name:13} {statistics.median(seconds):7.2f} s, {len(lines) / statistics.median(seconds):7.0f} lines/s "
              f"({', '.join(f'{s:.2f}' for s in seconds)})")
    print(f"ratio {statistics.median(times['transformers']) / statistics.median(times['metaprompt']):.2f}")
