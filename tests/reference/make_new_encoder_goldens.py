#!/usr/bin/env python3
"""Makes the folders of tests/goldens/encoders with architectures that `transformers` 4.40 does not have.

    pip install 'transformers==5.24.0' 'torch' 'sentencepiece==0.2.0' protobuf
    python3 tests/reference/make_new_encoder_goldens.py [CASE...]
    python3 tests/reference/make_new_encoder_goldens.py --compare FOLDER CASE  # a folder saved by `export` or a test

make_encoder_goldens.py describes the folders. The texts are the same.
"""

import json
import os
import shutil
import sys

import tokenizers as tk
import torch
import transformers as t
from safetensors.torch import save_file

import golden_models
import make_encoder_goldens as base

BERT = base.BERT


def modern_bpe(folder):
    """Byte-level BPE after NFC, with runs of spaces as added tokens, like ModernBERT's."""
    letters = sorted(tk.pre_tokenizers.ByteLevel.alphabet())
    pieces = letters[:]
    merges = []
    for word in ["Ġthe", "Ġand", "Ġon", "Ġdog", "Ġcat", "Ġit", "Ġtopic"]:
        left = word[0]
        for right in word[1:]:
            if left + right not in pieces:
                pieces.append(left + right)
                merges.append((left, right))
            left += right
    tokenizer = tk.Tokenizer(tk.models.BPE({p: i for i, p in enumerate(pieces)}, merges))
    tokenizer.normalizer = tk.normalizers.NFC()
    tokenizer.pre_tokenizer = tk.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tk.decoders.ByteLevel()
    tokenizer.add_tokens([tk.AddedToken(" " * n, normalized=True) for n in (4, 3, 2)])
    tokenizer.add_special_tokens([tk.AddedToken(name, lstrip=name == "[MASK]", normalized=False, special=True)
                                  for name in ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]])
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = tk.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    return t.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", cls_token="[CLS]",
                                     sep_token="[SEP]", pad_token="[PAD]", mask_token="[MASK]")


def modern_config(tokenizer, **options):
    ids = dict(pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.cls_token_id,
               eos_token_id=tokenizer.sep_token_id, cls_token_id=tokenizer.cls_token_id,
               sep_token_id=tokenizer.sep_token_id)
    return t.ModernBertConfig(vocab_size=len(tokenizer), hidden_size=16, num_attention_heads=4, intermediate_size=24,
                              max_position_embeddings=256, norm_eps=1e-3, **ids, **options)


def spm_folder(folder):
    """Writes spm.model and tokenizer_config.json, as in the published DeBERTa-v3."""
    base.unigram(os.path.join(folder, "spm.model"), pad_id=0, pad_piece="[PAD]", bos_id=1, bos_piece="[CLS]", eos_id=2,
                 eos_piece="[SEP]", unk_id=3, unk_piece="[UNK]")
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as out:
        json.dump({"do_lower_case": False, "vocab_type": "spm"}, out)
    with open(os.path.join(folder, "config.json"), "w") as out:
        json.dump({"model_type": "deberta-v2"}, out)  # transformers chooses the tokenizer by model_type
    return t.AutoTokenizer.from_pretrained(folder)


def deberta_config(tokenizer, **options):
    sizes = dict(base.LONG, num_hidden_layers=3, pad_token_id=tokenizer.pad_token_id)
    return t.DebertaV2Config(vocab_size=len(tokenizer), **dict(sizes, **options))


CASES = {
    "modernbert": (lambda k: modern_config(k, num_hidden_layers=4, local_attention=12), t.ModernBertForMaskedLM,
                   modern_bpe),
    "modernbert-biases": (lambda k: modern_config(
        k, num_hidden_layers=3, local_attention=7, layer_types=["sliding_attention"] * 2 + ["full_attention"],
        norm_bias=True, attention_bias=True, mlp_bias=True, classifier_bias=True, classifier_activation="silu",
        hidden_activation="gelu_pytorch_tanh", tie_word_embeddings=False,
        rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 500.0},
                         "sliding_attention": {"rope_type": "default", "rope_theta": 20.0}}),
        t.ModernBertForMaskedLM, modern_bpe),
    # As in the published v3, config.json does not name the head that the weights have.
    "deberta-v2-v3": (lambda k: deberta_config(
        k, relative_attention=True, pos_att_type="p2c|c2p", position_buckets=16, max_relative_positions=-1,
        share_att_key=True, norm_rel_ebd="layer_norm", position_biased_input=False, legacy=False),
        t.DebertaV2ForMaskedLM, spm_folder),
    "deberta-v2": (lambda k: deberta_config(
        k, relative_attention=True, pos_att_type=["c2p", "p2c"], max_relative_positions=40, type_vocab_size=2,
        hidden_act="silu"), t.DebertaV2ForMaskedLM, spm_folder),
    "deberta-v2-no-head": (lambda k: deberta_config(
        k, relative_attention=True, pos_att_type=["p2c"], position_buckets=9, max_relative_positions=30,
        position_biased_input=False), t.DebertaV2Model, spm_folder),
    "modernbert-no-head": (lambda k: modern_config(k, num_hidden_layers=2), t.ModernBertModel, modern_bpe),
}


def run(model, inputs):
    has_head = type(model).__name__.endswith("ForMaskedLM")
    return model.base_model(**inputs).last_hidden_state, model(**inputs).logits if has_head else None


def expected_of(model, tokenizer):
    return golden_models.masked_states(model, tokenizer, base.LINES, run)


def make(name):
    config, model_class, make_tokenizer = CASES[name]
    folder = os.path.join(base.OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    tokenizer = make_tokenizer(folder)
    model = model_class._from_config(config(tokenizer), attn_implementation="eager").eval()
    golden_models.randomise(model, torch.Generator().manual_seed(sum(map(ord, name))))
    golden_models.calm(model)
    if make_tokenizer is not spm_folder:
        tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    if name == "deberta-v2-v3":
        path = os.path.join(folder, "config.json")
        with open(path) as file:
            config = json.load(file)
        assert config.pop("legacy") is False
        with open(path, "w") as out:
            json.dump(config, out, indent=2)
    for file in os.listdir(folder):
        os.chmod(os.path.join(folder, file), 0o644)
    save_file(expected_of(model, tokenizer), os.path.join(folder, "expected.safetensors"))
    print(name, {k: list(v.shape) for k, v in expected_of(model, tokenizer).items()})


def compare(folder, name):
    with open(os.path.join(folder, "config.json")) as file:
        kind = t.AutoModelForMaskedLM if json.load(file)["architectures"][0].endswith("ForMaskedLM") else t.AutoModel
    model = golden_models.load(kind, folder, attn_implementation="eager")
    tokenizer = t.AutoTokenizer.from_pretrained(folder)
    golden_models.compare(folder, os.path.join("encoders", name), expected_of(model, tokenizer))


if __name__ == "__main__":
    if not t.__version__.startswith("5.24."):
        sys.exit(f"transformers is {t.__version__}; these goldens are those of 5.24 (see the first lines of this file)")
    golden_models.main(CASES, make, compare)
