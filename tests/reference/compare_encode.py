#!/usr/bin/env python3
"""Measures how far `metaprompt encode` and transformers, both in float32, are from the same checkpoint in float64.

    python3 tests/reference/compare_encode.py --program bazel-bin/experiments/cli/metaprompt --model DIR --texts FILE

Needs torch and transformers. FILE has one text per line. Prints the largest differences of the last hidden states, for
texts of up to 66 tokens, of 67 to 511 and of 512 (longer texts are cut), and of the MLM logits at a mask that is added
to the first four texts, whose ends are cut. Uses one thread. Fails if the two programs have different token ids.
"""

import argparse
import os
import subprocess
import tempfile

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
import transformers
from safetensors.torch import load_file

LENGTHS = ((1, 66), (67, 511), (512, 512))

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--program", required=True, help="the metaprompt binary")
parser.add_argument("--model", required=True, help="Hugging Face folder of a masked language model")
parser.add_argument("--texts", required=True, help="file with one text per line")
options = parser.parse_args()

torch.set_num_threads(1)
with open(options.texts, encoding="utf-8") as file:
    lines = [line.rstrip("\n") for line in file if line.strip()]
tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
model = transformers.AutoModelForMaskedLM.from_pretrained(options.model).eval()
masked = [line[:200] + " " + tokenizer.mask_token + "." for line in lines[:4]]


def encoded(texts, *more):
    with tempfile.TemporaryDirectory() as folder:
        command = [options.program, "encode", "--encoder", options.model, "--out", folder + "/out", "--threads", "1"]
        command += more
        subprocess.run(command, input="\n".join(texts) + "\n", text=True, check=True, stderr=subprocess.DEVNULL)
        return load_file(folder + "/out")


def reference(texts, take):
    found = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=512)["input_ids"]
        with torch.no_grad():
            found.append(take(ids).double())
    return found


def states(ids):
    return model.base_model(input_ids=ids)[0][0]


def logits(ids):
    return model(input_ids=ids).logits[0, (ids[0] == tokenizer.mask_token_id).nonzero()[0, 0]]


def show(what, ours, single, double):
    """Prints the differences for some texts. Tensors: of the program, of transformers in float32, and in float64."""
    if not ours:
        return

    def between(a, b):
        differences = [x - y for x, y in zip(a, b)]
        square = sum((d ** 2).sum() for d in differences) / sum(d.numel() for d in differences)
        return f"{max(d.abs().max() for d in differences):.1e} ({square.sqrt():.1e})"

    columns = between(ours, double), between(single, double), between(ours, single)
    print(f"{what:<26}  {len(ours):5}  {columns[0]:>17}  {columns[1]:>23}  {columns[2]:>17}")


print("largest difference (root mean square)")
print(f"{'':<26}  {'texts':>5}  {'encode to float64':>17}  {'transformers to float64':>23}  {'between the two':>17}")
whole = encoded(lines)
offsets = whole["offsets"].tolist()
ours = [whole["states"][begin:end].double() for begin, end in zip(offsets, offsets[1:])]
ours_logits = list(encoded(masked, "--what", "mask-logits")["logits"].double())
for i, line in enumerate(lines):
    ids = tokenizer(line, truncation=True, max_length=512)["input_ids"]
    if whole["input_ids"][offsets[i] : offsets[i + 1]].tolist() != ids:
        raise SystemExit(f"line {i + 1}: other token ids")
single, single_logits = reference(lines, states), reference(masked, logits)
model.double()
double, double_logits = reference(lines, states), reference(masked, logits)
for low, high in LENGTHS:
    at = [i for i in range(len(lines)) if low <= len(ours[i]) <= high]
    show(f"states, {low} to {high} tokens", [ours[i] for i in at], [single[i] for i in at], [double[i] for i in at])
show("MLM logits at a mask", ours_logits, single_logits, double_logits)
