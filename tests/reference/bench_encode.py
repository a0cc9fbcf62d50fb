#!/usr/bin/env python3
"""Compares the time of `metaprompt encode` with that of transformers, in float32 and in bfloat16.

    python3 tests/reference/bench_encode.py --program bazel-bin/experiments/cli/metaprompt --model DIR --texts FILE

Needs torch and transformers. FILE has one text per line. transformers gets the texts sorted by length, in batches padded
to their longest text; in bfloat16, its weights are bfloat16. The two programs alternate, so that other work on the
machine slows both down equally. On a busy machine, compare the processor time.
"""

import argparse
import os
import re
import statistics
import subprocess
import tempfile
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as metaprompt does; spinning threads slow transformers down

import torch
import transformers
from safetensors.torch import load_file

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--program", required=True, help="the metaprompt binary")
parser.add_argument("--model", required=True, help="Hugging Face folder")
parser.add_argument("--texts", required=True, help="file with one text per line")
parser.add_argument("--lines", type=int, default=2000, help="how many of the texts")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--batch", type=int, default=128, help="texts per batch of transformers")
parser.add_argument("--precision", nargs="+", default=["FLOAT32", "BFLOAT16"], choices=["FLOAT32", "BFLOAT16"])
parser.add_argument("--logits", action="store_true", help="MLM logits at a mask, which is added to each text")
options = parser.parse_args()

torch.set_num_threads(options.threads)
with open(options.texts, encoding="utf-8", errors="replace") as file:
    lines = [line.rstrip("\n") for line, _ in zip(file, range(options.lines))]
tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
if options.logits:
    lines = [f"{line} {tokenizer.mask_token}" for line in lines]
ids = tokenizer(lines, truncation=True)["input_ids"]
by_length = sorted(range(len(ids)), key=lambda i: len(ids[i]))


def theirs(model):
    """((wall seconds, processor seconds) of padding and forward passes, one tensor of rows per text)."""
    wall, processor, rows = 0.0, 0.0, [None] * len(ids)
    for first in range(0, len(by_length), options.batch):
        batch = by_length[first:first + options.batch]
        start, before = time.perf_counter(), time.process_time()
        inputs = tokenizer.pad({"input_ids": [ids[i] for i in batch]}, return_tensors="pt")
        with torch.inference_mode():
            output = model(**inputs)
        wall += time.perf_counter() - start
        processor += time.process_time() - before
        for row, i in enumerate(batch):
            if options.logits:
                rows[i] = output.logits[row, ids[i].index(tokenizer.mask_token_id)][None].float()
            else:
                rows[i] = output.last_hidden_state[row, :len(ids[i])].float()
    return (wall, processor), torch.cat(rows)


def ours(folder, precision):
    path = f"{folder}/out.safetensors"
    command = [options.program, "encode", "--encoder", options.model, "--out", path, f"{folder}/lines.txt",
               "--threads", str(options.threads), "--precision", precision,
               "--what", "mask-logits" if options.logits else "states"]
    done = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
    found = re.search(r"encoded in ([0-9.]+) s, ([0-9.]+) s of processor time", done.stderr)
    return (float(found[1]), float(found[2])), load_file(path)["logits" if options.logits else "states"]


def main():
    print(f"{len(lines)} texts, {sum(map(len, ids))} tokens, {options.threads} threads; transformers "
          f"{transformers.__version__}, torch {torch.__version__}, {options.batch} texts per batch; "
          f"median of {options.rounds} rounds")
    print("seconds for encoding alone: without start-up, loading the checkpoint, tokenising and writing the file")
    load = transformers.AutoModelForMaskedLM if options.logits else transformers.AutoModel
    exact = load.from_pretrained(options.model, dtype=torch.float32).eval()
    _, expected = theirs(exact)
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/lines.txt", "w", encoding="utf-8") as out:
            out.write("".join(line + "\n" for line in lines))
        for precision in options.precision:
            model = exact
            if precision == "BFLOAT16":
                model = load.from_pretrained(options.model, dtype=torch.bfloat16).eval()
            programs = {"transformers": lambda: theirs(model), "metaprompt": lambda: ours(folder, precision)}
            times = {name: [] for name in programs}
            rows = {}
            for run in programs.values():
                run()  # warms up
            for _ in range(options.rounds):
                for name, run in programs.items():
                    seconds, rows[name] = run()
                    times[name].append(seconds)
            medians = {}
            for name, seconds in times.items():
                medians[name] = [statistics.median(column) for column in zip(*seconds)]
                away = rows[name] - expected
                print(f"{precision:8}  {name:13} wall {medians[name][0]:6.2f}, processor {medians[name][1]:6.2f}; from "
                      f"transformers in float32: largest difference {away.abs().max():.1e}, root mean square "
                      f"{away.square().mean().sqrt():.1e}")
            ratios = [[t / o for t, o in zip(*pair)] for pair in zip(times["transformers"], times["metaprompt"])]
            wall, processor = (sorted(column) for column in zip(*ratios))
            print(f"{precision:8}  transformers / metaprompt: wall {statistics.median(wall):.2f} ({wall[0]:.2f} to "
                  f"{wall[-1]:.2f}), processor {statistics.median(processor):.2f} ({processor[0]:.2f} to "
                  f"{processor[-1]:.2f})")


if __name__ == "__main__":
    main()
