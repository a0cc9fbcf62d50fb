#!/usr/bin/env python3
"""Makes the causal models of tests/goldens/encoders: tiny random checkpoints, and `transformers`' results for them.

Needs transformers 5.24, tokenizers, torch and safetensors. From the repository's root:

    python3 tests/reference/make_decoder_goldens.py [CASE...]              # without names: all of CASES
    python3 tests/reference/make_decoder_goldens.py --compare FOLDER CASE  # a folder saved by `export` or a test

Each folder is a complete checkpoint (config.json, weights, tokenizer) with expected.safetensors. The texts are the
lines of lines.txt with words in place of {mask} and {pad}. For these, expected.safetensors has `input_ids` [B, T] and
`lengths` [B]; `states` [B, T, D], the last hidden states, 0 after the end of a line; `logits` [B, V], those of the next
token after each line; and `answers` [B, A], the sums of the log-probabilities of the tokens of each of ANSWERS after
each line.
tokens.json has the token ids of the strings of HARD.
"""

import json
import os
import shutil
import sys

import torch
import transformers as t
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

import golden_models

if not t.__version__.startswith("5.24."):
    sys.exit(f"transformers is {t.__version__}; these goldens are those of 5.24 (see the first lines of this file)")

OUT = os.path.join(golden_models.GOLDENS, "encoders")
ANSWERS = [" cat", " the dog", " small world", " it", " the cat on the mat"]

# Strings in which word patterns differ, or that normal forms change.
HARD = ["I'LL 'Ve don'T 'S 's' we're x'r 'l y'all", "'\u017f \u017f's", "12345 678 9a10 1,234.56", "a  b   c\t\td \n\n e\r\n  f",
        " \n", "\n\n\nword", "   ", "\u2026!!\n\n??", " !?\r\nq", "\u65e5\u672c\u8a9e \uff11\uff12\uff13\uff14 \u216b \u00bd",
        "\u00e9 e\u0301 \u00f1 n\u0303", "\u00a0x\u2003y\u00a0", "'", "''s", "word'", "hello_world-foo(bar)", "\U0001f600\U0001f600 ok",
        "\t'quote", " 'tis", "", " ", "a", "\u200bzero", "\u0645\u0631\u062d\u0628\u0627 \u0663\u0664\u0665\u0666", "tab\there the world world",
        "a \n b", "a\n\n  b", "x \r y", "the world<|endoftext|> on", "<|begin_of_text|>it", "\u1e9b\u0323 \u212b"]


def lines():
    with open(os.path.join(OUT, "lines.txt")) as file:
        return [line.rstrip("\n").replace("{mask}", "cat").replace("{pad}", "dog") for line in file]


def byte_pieces(last):
    """A vocabulary and merges: GPT-2's characters for bytes, some merges, and the special tokens `last`."""
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
    # As published: the vocabulary and the merges in separate files, without tokenizer.json.
    with open(os.path.join(folder, "vocab.json"), "w") as out:
        json.dump({p: i for i, p in enumerate(pieces)}, out, ensure_ascii=False)
    with open(os.path.join(folder, "merges.txt"), "w") as out:
        out.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as out:
        json.dump({"tokenizer_class": "GPT2Tokenizer"}, out)
    return t.GPT2Tokenizer(vocab={p: i for i, p in enumerate(pieces)}, merges=merges)


LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|"
          r"\s+")


def llama_tokenizer(folder):
    """A tokenizer like Llama 3's: its word pattern, a token before each text, and pieces that no merge makes."""
    pieces, merges = byte_pieces(["Ġworld", "<|begin_of_text|>", "<|end_of_text|>"])  # no merge makes Ġworld
    inner = Tokenizer(models.BPE(vocab={p: i for i, p in enumerate(pieces)}, merges=merges, ignore_merges=True))
    inner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                                                   pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    inner.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>"])
    inner.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B:1",
                                      special_tokens=[("<|begin_of_text|>", len(pieces) - 2)])])
    tokenizer = t.PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<|begin_of_text|>",
                                          eos_token="<|end_of_text|>")
    tokenizer.save_pretrained(folder)
    return tokenizer


def qwen2_tokenizer(folder):
    pieces, merges = byte_pieces(["<|endoftext|>"])
    tokenizer = t.Qwen2Tokenizer(vocab={p: i for i, p in enumerate(pieces)}, merges=merges)
    tokenizer.save_pretrained(folder)
    return tokenizer


LLAMA = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=24,
             max_position_embeddings=256, rms_norm_eps=1e-3, bos_token_id=None, eos_token_id=None)

GPT2 = dict(n_embd=16, n_layer=2, n_head=4, n_positions=256, layer_norm_epsilon=1e-3, bos_token_id=None,
            eos_token_id=None)

CASES = {
    "gpt2": (t.GPT2Config, t.GPT2LMHeadModel, dict(GPT2), gpt2_tokenizer),
    "gpt2-untied": (t.GPT2Config, t.GPT2LMHeadModel,
                    dict(GPT2, n_inner=24, activation_function="relu", tie_word_embeddings=False), gpt2_tokenizer),
    "llama": (t.LlamaConfig, t.LlamaForCausalLM, dict(LLAMA), llama_tokenizer),
    "llama-biases": (t.LlamaConfig, t.LlamaForCausalLM,
                     dict(LLAMA, num_key_value_heads=4, attention_bias=True, mlp_bias=True, tie_word_embeddings=True,
                          rope_parameters={"rope_type": "default", "rope_theta": 500.0}), llama_tokenizer),
    "qwen2": (t.Qwen2Config, t.Qwen2ForCausalLM, dict(LLAMA, num_key_value_heads=1, tie_word_embeddings=True),
              qwen2_tokenizer),
}


def make(name):
    config_class, model_class, sizes, make_tokenizer = CASES[name]
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    tokenizer = make_tokenizer(folder)
    model = model_class(config_class(vocab_size=len(tokenizer), **sizes)).eval()
    golden_models.randomise(model, torch.Generator().manual_seed(sum(map(ord, name))),
                            is_scale=lambda name, param: param.dim() == 1 and name.endswith("weight"))
    golden_models.calm(model)
    model.save_pretrained(folder)
    if os.path.exists(os.path.join(folder, "generation_config.json")):
        os.remove(os.path.join(folder, "generation_config.json"))
    expected = expected_of(model, tokenizer)
    save_file(expected, os.path.join(folder, "expected.safetensors"))
    with open(os.path.join(folder, "tokens.json"), "w") as out:
        json.dump([[text, tokenizer(text, add_special_tokens=False)["input_ids"]] for text in HARD], out, indent=0)
        out.write("\n")
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
        # A base model with a tied decoder is the complete model.
        decoder = model.get_output_embeddings() or (model.get_input_embeddings() if model.config.tie_word_embeddings
                                                    else None)
        if decoder is not None:
            last = expected["states"][torch.arange(len(ids)), lengths - 1]
            expected["logits"] = torch.nn.functional.linear(last, decoder.weight).contiguous()
            expected["answers"] = torch.tensor([[score(model, decoder, one, tokenizer(answer, add_special_tokens=False)["input_ids"])
                                                 for answer in ANSWERS] for one in ids])
    return expected


def score(model, decoder, prompt, answer):
    """The sum of the log-probabilities of the answer's tokens after the prompt."""
    states = model(input_ids=torch.tensor([prompt + answer]), output_hidden_states=True).hidden_states[-1][0]
    chances = torch.nn.functional.linear(states, decoder.weight).log_softmax(-1)
    return sum(chances[len(prompt) - 1 + k, token].item() for k, token in enumerate(answer))


def compare(folder, name):
    with open(os.path.join(folder, "config.json")) as file:
        kind = getattr(t, json.load(file)["architectures"][0])
    model = golden_models.load(kind, folder)
    tokenizer = t.AutoTokenizer.from_pretrained(folder)
    golden_models.compare(folder, os.path.join("encoders", name), expected_of(model, tokenizer))


if __name__ == "__main__":
    golden_models.main(CASES, make, compare)
