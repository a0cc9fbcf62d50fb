#!/usr/bin/env python3
"""Measures how far the loss and the gradient of `metaprompt finetune` are from those of transformers, both in float32.

    python3 tests/reference/compare_fine_tuning.py --program bazel-bin/experiments/cli/metaprompt --model DIR --texts FILE

Needs torch and transformers. FILE has one `label<TAB>text` per line. All texts are one batch, without dropout; the first
token, the mean and the mask are read in turn. The program takes one step of AdamW with a step size of 1, an epsilon of
0.5 and no decay, which changes a parameter by u = g / (|g| + 0.5), so its gradient is g = 0.5 u / (1 - |u|). A step
with a step size of 0 gives the classifier's initial values. Prints the two losses, the largest difference of the
gradients, and the largest gradient.
"""

import argparse
import os
import subprocess
import tempfile

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
import transformers
from safetensors.torch import load_file

EPSILON = 0.5

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--program", required=True, help="the metaprompt binary")
parser.add_argument("--model", required=True, help="Hugging Face folder of an encoder")
parser.add_argument("--texts", required=True, help="file with one label<TAB>text per line, two labels or more")
options = parser.parse_args()

torch.set_num_threads(2)
transformers.logging.set_verbosity_error()  # poolers are not in the folder
with open(options.texts, encoding="utf-8") as file:
    lines = [line.rstrip("\n").split("\t") for line in file if line.strip()]
labels = sorted({label for label, _ in lines}, key=str.encode)
targets = torch.tensor([labels.index(label) for label, _ in lines])
tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)


def one_step(read, rate, folder):
    out = os.path.join(folder, f"{read}-{rate}")
    subprocess.run([options.program, "finetune", os.path.join(folder, "spec"), "--out", out, "--set", f"read={read}",
                    "--set", f"optimizer.lr={rate}"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return out


def named(model, name):
    parameters = dict(model.named_parameters())
    return parameters.get(name, parameters.get(name.split(".", 1)[1]))


with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "spec"), "w", encoding="utf-8") as file:
        file.write(f"""name: "compare"
            dataset {{ tsv {{ path: "{os.path.abspath(options.texts)}" }} drop_duplicates: false }}
            texts {{ valid_share: 0 test_share: 0 }}
            encoder {{ checkpoint {{ path: "{os.path.abspath(options.model)}" }} }}
            optimizer {{ weight_decay: 0 epsilon: {EPSILON} warmup_share: 0 decay: CONSTANT clip_norm: 0 }}
            train {{ epochs: 1 batch: {len(lines)} parts: 3 }} threads: 2""")
    for read in ("FIRST", "MEAN", "MASK"):
        start, end = one_step(read, 0, folder), one_step(read, 1, folder)
        head = load_file(start + "/classifier.safetensors")
        weight = head["classifier.weight"].requires_grad_()
        bias = head["classifier.bias"].requires_grad_()
        model = transformers.AutoModel.from_pretrained(start, attn_implementation="eager").eval()
        model.zero_grad()
        mask = f" {tokenizer.mask_token}" if read == "MASK" else ""
        batch = tokenizer([text + mask for _, text in lines], return_tensors="pt", padding=True)
        states = model(**batch).last_hidden_state
        kept = batch["attention_mask"].unsqueeze(2).float()
        vectors = (states[:, 0] if read == "FIRST" else (states * kept).sum(1) / kept.sum(1) if read == "MEAN"
                   else states[batch["input_ids"] == tokenizer.mask_token_id])
        loss = torch.nn.functional.cross_entropy(vectors @ weight.T + bias, targets)
        loss.backward()
        with open(end + "/curve.tsv", encoding="utf-8") as file:
            ours = float(file.read().splitlines()[-1].split("\t")[1])
        largest = difference = 0
        before = load_file(start + "/model.safetensors") | head
        after = load_file(end + "/model.safetensors") | load_file(end + "/classifier.safetensors")
        for name, value in before.items():
            there = {"classifier.weight": weight, "classifier.bias": bias}.get(name)
            there = named(model, name) if there is None else there
            if there is None or there.grad is None:
                assert torch.equal(value, after[name]), name
                continue
            change = (value - after[name]).detach().double()
            gradient = EPSILON * change / (1 - change.abs())
            difference = max(difference, (gradient - there.grad).abs().max().item())
            largest = max(largest, there.grad.abs().max().item())
        print(f"{read:5}  loss {ours:.6f}, transformers {loss.item():.6f}; gradients differ by {difference:.1e} at most, "
              f"the largest is {largest:.1e}")
