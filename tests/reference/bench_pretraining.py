#!/usr/bin/env python3
"""Compares the speed of masked-language pre-training, in tokens per second, with a loop of transformers and torch.

  tests/reference/bench_pretraining.py experiments/specs/pretraining.textproto --texts FILE [--threads 2] [--steps 40]

Needs torch and transformers. Both train the same architecture on the same inputs (the same texts, vocabulary, maximum
length, batch size, and 15 % of the tokens masked) with AdamW, in float32 or bfloat16. They alternate, `--rounds` times.
The loop pads each batch to its longest input, as transformers' collator does. The tokens of the texts and their two
special tokens count; padding does not. transformers opens the encoder folder that metaprompt writes, which is a test in
itself.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

PROGRAM = str(pathlib.Path(__file__).resolve().parents[2] / "bazel-bin/experiments/cli/metaprompt")


def ours(options, out, steps):
    shutil.rmtree(out, ignore_errors=True)
    sets = [f"corpus.path={options.texts}", f"train.steps={steps}", "train.validate_every=1000000", "corpus.max_valid=64",
            f"threads={options.threads}", f"precision={options.precision}", "train.checkpoint_every=1000000", *options.set]
    command = [options.metaprompt, "pretrain", options.spec, "--out", out]
    command += [part for one in sets for part in ("--set", one)]
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def field(record, name):
    return float(re.search(rf"^\s*{name}: (\S+)$", record, re.M).group(1))


def theirs(options, folder, texts, batch, longest, steps):
    import torch
    from transformers import AutoConfig, AutoTokenizer, BertForMaskedLM, DataCollatorForLanguageModeling

    torch.set_num_threads(options.threads)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertForMaskedLM(AutoConfig.from_pretrained(folder)).train()
    collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    inputs = [{"input_ids": ids} for ids in tokenizer(texts, truncation=True, max_length=longest)["input_ids"]]
    tokens = 0
    begin = None
    for step in range(steps + 1):
        if step == 1:  # the first step warms up
            begin = time.perf_counter()
        part = [inputs[(step * batch + i) % len(inputs)] for i in range(batch)]
        padded = collate(part)
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "BFLOAT16"):
            loss = model(**padded).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step > 0:
            tokens += sum(len(one["input_ids"]) for one in part)
    return tokens / (time.perf_counter() - begin)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec")
    parser.add_argument("--texts", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="FLOAT32", choices=["FLOAT32", "BFLOAT16"])
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--metaprompt", default=PROGRAM, help="the program [bazel-bin/experiments/cli/metaprompt]")
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/encoder"
        ours(options, out, 1)
        record = pathlib.Path(out, "pretraining.textproto").read_text("utf-8")
        batch, longest = int(field(record, "batch")), int(field(record, "max_tokens"))
        per_step = batch * field(record, "tokens") / field(record, "inputs")
        kept = f"{folder}/kept"
        shutil.copytree(out, kept)
        with open(options.texts, encoding="utf-8") as lines:
            texts = [line.strip() for _, line in zip(range(batch * (options.steps + 1)), lines) if line.strip()]
        ratios = []
        for round_ in range(options.rounds):
            short, long = ours(options, out, 1), ours(options, out, 1 + options.steps)
            mine = options.steps * per_step / (long - short)
            other = theirs(options, kept, texts, batch, longest, options.steps)
            ratios.append(mine / other)
            print(f"round {round_ + 1}: metaprompt {mine:8.0f} tokens/s, transformers {other:8.0f}, ratio {ratios[-1]:.2f}",
                  flush=True)
        print(f"median ratio {sorted(ratios)[len(ratios) // 2]:.2f}")


if __name__ == "__main__":
    sys.exit(main())
