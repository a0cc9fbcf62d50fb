#!/usr/bin/env python3
"""Makes the causal models of tests/goldens/encoders: tiny random checkpoints, and what `transformers` computes with them.

Needs transformers 5.24, torch and safetensors. From the repository's root:

    python3 tests/reference/make_decoder_goldens.py [CASE...]              # all of CASES without names
    python3 tests/reference/make_decoder_goldens.py --compare FOLDER CASE  # what `metaprompt export` or a test saved

Each folder is a whole checkpoint: config.json, weights, tokenizer. Beside them is expected.safetensors. The texts are
the lines of lines.txt with words in place of {mask} and {pad}. For them it holds `input_ids` [B, T] and `lengths` [B];
`states` [B, T, D], the last hidden states, 0 after the end of a line; `logits` [B, V], those of the next token after
each line; and `answers` [B, A], the sums of the log-probabilities of the tokens of each of ANSWERS after each line.
"""

import json
import os
import shutil
import sys

import torch
import transformers as t
from safetensors.torch import load_file, save_file

if not t.__version__.startswith("5.24."):
    sys.exit(f"transformers is {t.__version__}; these goldens are those of 5.24 (see the first lines of this file)")

OUT = os.path.join(os.path.dirname(__file__), "..", "goldens", "encoders")
ANSWERS = [" cat", " the dog", " small world", " it", " the cat on the mat"]


def lines():
    with open(os.path.join(OUT, "lines.txt")) as file:
        return [line.rstrip("\n").replace("{mask}", "cat").replace("{pad}", "dog") for line in file]


def byte_pieces(last):
    """GPT-2's characters for bytes, some merges, and the special tokens `last`."""
    visible = list(range(ord("!"), ord("~") + 1)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    hidden = [b for b in range(256) if b not in visible]
    pieces = [chr(b) for b in visible] + [chr(256 + n) for n in range(len(hidden))]
    merges = []
    for word in ["Ġthe", "Ġand", "Ġon", "Ġdog", "Ġcat", "Ġit", "Ġtopic", "Ġsmall"]:
        left = word[0]
        for right in word[1:]:
            if left + right not in pieces:
                pieces.append(left + right)
                merges.append((left, right))
            left += right
    return pieces + last, merges


def gpt2_tokenizer(folder):
    pieces, merges = byte_pieces(["<|endoftext|>"])
    # As published: the vocabulary and the merges in files of their own, without tokenizer.json.
    with open(os.path.join(folder, "vocab.json"), "w") as out:
        json.dump({p: i for i, p in enumerate(pieces)}, out, ensure_ascii=False)
    with open(os.path.join(folder, "merges.txt"), "w") as out:
        out.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as out:
        json.dump({"tokenizer_class": "GPT2Tokenizer"}, out)
    return t.GPT2Tokenizer(vocab={p: i for i, p in enumerate(pieces)}, merges=merges)


GPT2 = dict(n_embd=16, n_layer=2, n_head=4, n_positions=256, layer_norm_epsilon=1e-3, bos_token_id=None,
            eos_token_id=None)

CASES = {
    "gpt2": (t.GPT2Config, t.GPT2LMHeadModel, dict(GPT2), gpt2_tokenizer),
    "gpt2-untied": (t.GPT2Config, t.GPT2LMHeadModel,
                    dict(GPT2, n_inner=24, activation_function="relu", tie_word_embeddings=False), gpt2_tokenizer),
}


def randomise(model, generator):
    """Values that no two parts could be confused by, norms and biases included."""
    with torch.no_grad():
        for name, param in model.named_parameters():
            noise = torch.randn(param.shape, generator=generator)
            if param.dim() == 1 and name.endswith("weight"):
                param.copy_(1 + 0.3 * noise)
            else:
                param.copy_((0.3 if param.dim() == 1 else 0.35) * noise)


def make(name):
    config_class, model_class, sizes, make_tokenizer = CASES[name]
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    tokenizer = make_tokenizer(folder)
    model = model_class(config_class(vocab_size=len(tokenizer), **sizes)).eval()
    randomise(model, torch.Generator().manual_seed(sum(map(ord, name))))
    model.save_pretrained(folder)
    if os.path.exists(os.path.join(folder, "generation_config.json")):
        os.remove(os.path.join(folder, "generation_config.json"))
    expected = expected_of(model, tokenizer)
    save_file(expected, os.path.join(folder, "expected.safetensors"))
    print(name, {k: list(v.shape) for k, v in expected.items()})


def expected_of(model, tokenizer):
    ids = [tokenizer(line)["input_ids"] for line in lines()]
    longest = max(map(len, ids))
    lengths = torch.tensor([len(one) for one in ids])
    padded = torch.tensor([one + [0] * (longest - len(one)) for one in ids])
    mask = (torch.arange(longest) < lengths[:, None]).long()
    expected = {"input_ids": padded, "lengths": lengths}
    with torch.no_grad():
        output = model(input_ids=padded, attention_mask=mask, output_hidden_states=True)
        expected["states"] = (output.hidden_states[-1] * mask.unsqueeze(-1)).contiguous()
        # A base model with a tied decoder is the whole model.
        decoder = model.get_output_embeddings() or (model.get_input_embeddings() if model.config.tie_word_embeddings
                                                    else None)
        if decoder is not None:
            last = expected["states"][torch.arange(len(ids)), lengths - 1]
            expected["logits"] = torch.nn.functional.linear(last, decoder.weight).contiguous()
            expected["answers"] = torch.tensor([[score(model, decoder, one, tokenizer(answer)["input_ids"])
                                                 for answer in ANSWERS] for one in ids])
    return expected


def score(model, decoder, prompt, answer):
    """The sum of the log-probabilities of the answer's tokens after the prompt."""
    answer = [a for a in answer if a >= 0]
    states = model(input_ids=torch.tensor([prompt + answer]), output_hidden_states=True).hidden_states[-1][0]
    chances = torch.nn.functional.linear(states, decoder.weight).log_softmax(-1)
    return sum(chances[len(prompt) - 1 + k, token].item() for k, token in enumerate(answer))


def compare(folder, name):
    """A folder that was saved from the golden NAME must load without a missing tensor, and give the same numbers."""
    with open(os.path.join(folder, "config.json")) as file:
        kind = getattr(t, json.load(file)["architectures"][0])
    model, report = kind.from_pretrained(folder, output_loading_info=True)
    assert not any(report[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    found = expected_of(model.eval(), t.AutoTokenizer.from_pretrained(folder))
    expected = load_file(os.path.join(OUT, name, "expected.safetensors"))
    assert found.keys() >= expected.keys(), (found.keys(), expected.keys())
    for key in expected:
        difference = (found[key] - expected[key]).abs().max().item()
        assert difference < 1e-5, (key, difference)
    print(f"{folder}: {kind.__name__} loads it, and gives the numbers of {name}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compare"]:
        compare(*sys.argv[2:])
        sys.exit()
    for name in sys.argv[1:] or CASES:
        make(name)
