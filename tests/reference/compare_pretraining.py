#!/usr/bin/env python3
"""Compares the masked-language-model loss of a checkpoint with that of transformers.

  tests/reference/compare_pretraining.py --model FOLDER --texts FILE

Needs torch and transformers. `metaprompt pretrain` pre-trains the checkpoint for one step with a step size of 0, and
reports the pseudo-perplexity of its validation texts: each token is masked by itself. This script computes it again in
float64, and prints both and their relative difference, which must be below 1e-5. Then it opens the folder that
metaprompt wrote and compares all of its parameters with the checkpoint's.
"""

import argparse
import math
import pathlib
import re
import subprocess
import sys
import tempfile

PROGRAM = str(pathlib.Path(__file__).resolve().parents[2] / "bazel-bin/experiments/cli/metaprompt")
VALID_SHARE = 0.5
MASK64 = (1 << 64) - 1


def mix(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK64
    return x ^ (x >> 31)


def validates(text):
    value = 0
    for byte in text.encode("utf-8"):
        value = mix(value ^ byte)
    return (value >> 11) * 2.0**-53 < VALID_SHARE


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--texts", required=True)
    parser.add_argument("--metaprompt", default=PROGRAM, help="the program [bazel-bin/experiments/cli/metaprompt]")
    options = parser.parse_args()
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    with tempfile.TemporaryDirectory() as folder:
        spec, out = pathlib.Path(folder, "spec.textproto"), pathlib.Path(folder, "out")
        spec.write_text(f"""name: "compare" corpus {{ path: "{options.texts}" valid_share: {VALID_SHARE} }}
            encoder {{ checkpoint {{ path: "{options.model}" }} }} masked {{ batch: 2 }} optimizer {{ lr: 0 }} train {{ steps: 1 parts: 1 }}""")
        subprocess.run([options.metaprompt, "pretrain", str(spec), "--out", str(out)], check=True)
        record = (out / "pretraining.textproto").read_text("utf-8")
        mine = float(re.search(r"^pseudo_perplexity: (\S+)$", record, re.M).group(1))
        tokenizer = AutoTokenizer.from_pretrained(options.model)
        model = AutoModelForMaskedLM.from_pretrained(options.model).double().eval()
        lines = [line.strip() for line in open(options.texts, encoding="utf-8")]
        total = count = 0
        for text in [line for line in lines if line and validates(line)][:200]:
            ids = tokenizer(text, return_tensors="pt").input_ids
            places = [p for p in range(ids.shape[1]) if ids[0, p] not in (tokenizer.cls_token_id, tokenizer.sep_token_id)]
            masked = ids.repeat(len(places), 1)
            masked[range(len(places)), places] = tokenizer.mask_token_id
            with torch.no_grad():
                log_p = model(input_ids=masked, attention_mask=torch.ones_like(masked)).logits.log_softmax(-1)
            total -= sum(log_p[i, p, ids[0, p]].item() for i, p in enumerate(places))
            count += len(places)
        other = math.exp(total / count)
        difference = abs(mine / other - 1)
        print(f"pseudo-perplexity over {count} tokens: metaprompt {mine:.6f}, transformers {other:.6f}, difference {difference:.1e}")
        before = AutoModelForMaskedLM.from_pretrained(options.model).state_dict()
        after = AutoModelForMaskedLM.from_pretrained(out).state_dict()
        changed = [name for name, value in before.items() if not torch.equal(value, after[name])]
        print(f"{len(before)} tensors of the folder that metaprompt wrote, {len(changed)} differ")
        return 0 if difference < 1e-5 and not changed else 1


if __name__ == "__main__":
    sys.exit(main())
