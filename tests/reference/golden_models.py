"""Functions that the scripts for the models of tests/goldens share: random weights, and comparing a saved folder."""

import os
import sys

import torch
from safetensors.torch import load_file

GOLDENS = os.path.join(os.path.dirname(__file__), "..", "goldens")


def randomise(model, generator, is_scale=lambda name, param: "norm" in name.lower() and name.endswith("weight")):
    """Random values for all parts, norms and biases too, so that no two parts are equal. If `is_scale`: around 1."""
    with torch.no_grad():
        for name, param in model.named_parameters():
            noise = torch.randn(param.shape, generator=generator)
            if is_scale(name, param):
                param.copy_(1 + 0.3 * noise)
            else:
                param.copy_((0.3 if param.dim() == 1 else 0.35) * noise)


def calm(model):
    """Makes the matrices of the queries smaller. With steep attention, rounding errors would grow from layer to layer."""
    with torch.no_grad():
        for name, param in model.named_parameters():
            if name.endswith(("q_proj.weight", "Attention.q.weight")):
                param.mul_(0.25)
            elif name.endswith("Wqkv.weight"):  # queries, keys, values
                param[: param.shape[0] // 3].mul_(0.25)


def masked_states(model, tokenizer, lines, run):
    """The expected tensors of an encoder: ids, lengths, states, and logits at the mask if the model has a head.

    `run(model, inputs)` gives the last hidden states and the logits, or None."""
    texts = [line.format(mask=tokenizer.mask_token, pad=tokenizer.pad_token) for line in lines]
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    kept = {k: inputs[k] for k in ("input_ids", "attention_mask")}
    expected = {"input_ids": inputs["input_ids"].contiguous(), "lengths": inputs["attention_mask"].sum(1)}
    with torch.no_grad():
        states, logits = run(model, kept)
    expected["states"] = (states * kept["attention_mask"].unsqueeze(-1)).contiguous()
    if logits is not None:
        at = kept["input_ids"] == tokenizer.mask_token_id
        assert at.sum().item() == len(lines), texts
        expected["logits"] = logits[at].contiguous()
    return expected


def load(kind, folder, not_needed=None, **options):
    """The model of a folder, which must have exactly the model's tensors."""
    model, report = kind.from_pretrained(folder, output_loading_info=True, **options)
    missing = [key for key in report["missing_keys"] if not_needed is None or not_needed not in key]
    assert not missing and not report["unexpected_keys"] and not report["mismatched_keys"], report
    return model.eval()


def compare(folder, golden, found):
    """Checks that `found`, the numbers of a folder that was saved from the golden, are those of the golden."""
    expected = load_file(os.path.join(GOLDENS, golden, "expected.safetensors"))
    assert found.keys() >= expected.keys(), (found.keys(), expected.keys())
    largest = max((found[key].double() - expected[key].double()).abs().max().item() for key in expected)
    assert largest < 1e-5, largest
    print(f"{folder} loads, and gives the numbers of {golden}: largest difference {largest:.1e}")


def main(cases, make, compare_case):
    """Handles the arguments: `[CASE...]`, or `--compare FOLDER CASE`."""
    if sys.argv[1:2] == ["--compare"]:
        compare_case(*sys.argv[2:])
        return
    for name in sys.argv[1:] or cases:
        make(name)
