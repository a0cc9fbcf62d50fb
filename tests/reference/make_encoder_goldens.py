#!/usr/bin/env python3
"""Makes tests/goldens/encoders: tiny random checkpoints, and the results of `transformers` for them.

Needs torch, safetensors and these versions, because later versions of transformers write other tokenizers:

    pip install 'transformers==4.40.2' 'tokenizers==0.19.1' 'sentencepiece==0.1.97' 'protobuf<4.21'

From the repository's root:

    python3 tests/reference/make_encoder_goldens.py [CASE...]              # without names: all of CASES
    python3 tests/reference/make_encoder_goldens.py --compare FOLDER CASE  # a folder saved by `export` or a test

Each folder is a complete checkpoint (config.json, weights, tokenizer) with expected.safetensors. For the lines of
LINES, each of which has one mask, that file has `input_ids` [B, T] and `lengths` [B]; `states` [B, T, D], the last
hidden states, 0 after the end of a line; and `logits` [B, V], those of the masked-language-model head at the mask (none
without a head).
"""

import io
import json
import os
import shutil
import sys

import sentencepiece
import torch
import transformers as t
from safetensors.torch import save_file

import golden_models

REFERENCE = "4.40."
if __name__ == "__main__" and not t.__version__.startswith(REFERENCE):
    sys.exit(f"transformers is {t.__version__}; the goldens are those of 4.40 (see the first lines of this file)")

OUT = os.path.join(golden_models.GOLDENS, "encoders")
LINES = [
    "a small world {mask}",
    "{mask}",
    "the cat sat on the mat , and the dog did not {mask} .",
    "what is the topic ? {mask} . input : no dogs here",
    "the {pad} cat {mask} and {pad} {pad} dog",  # whose pads RoBERTa and MPNet do not count for positions
    # Long, so that large distances and the last buckets of relative positions occur.
    "one two three four five six seven eight nine ten eleven {mask} " + "and on and on it goes " * 12,
]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = "the a and on is it not what topic input cat dog world small one two goes ing s . , : ?".split()


def wordpiece_vocab(specials):
    return specials + list(LETTERS) + ["##" + c for c in LETTERS] + [w for w in WORDS if len(w) > 1 or not w.isalpha()]


def wordpiece(folder, cls, specials):
    with open(os.path.join(folder, "vocab.txt"), "w") as out:
        out.writelines(w + "\n" for w in wordpiece_vocab(specials))
    return cls(vocab_file=os.path.join(folder, "vocab.txt"))


def byte_bpe(folder):
    base = t.models.gpt2.tokenization_gpt2.bytes_to_unicode()
    pieces = ["<s>", "<pad>", "</s>", "<unk>"] + list(base.values())
    merges = []
    for word in ["Ġthe", "Ġand", "Ġon", "Ġdog", "Ġcat", "Ġit", "Ġtopic"]:
        left = word[0]
        for right in word[1:]:
            if left + right not in pieces:
                pieces.append(left + right)
                merges.append(f"{left} {right}")
            left += right
    pieces.append("<mask>")
    with open(os.path.join(folder, "vocab.json"), "w") as out:
        json.dump({p: i for i, p in enumerate(pieces)}, out, ensure_ascii=False)
    with open(os.path.join(folder, "merges.txt"), "w") as out:
        out.write("#version: 0.2\n" + "".join(m + "\n" for m in merges))
    return t.RobertaTokenizer(os.path.join(folder, "vocab.json"), os.path.join(folder, "merges.txt"))


def unigram(path, **options):
    text = [line.replace("{mask}", "").replace("{pad}", "") for line in LINES] + WORDS + list(LETTERS)
    model = io.BytesIO()  # no file names: they would be written into the model
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text), model_writer=model, vocab_size=70, model_type="unigram",
        normalization_rule_name="identity", minloglevel=2, **options)
    with open(path, "wb") as out:
        out.write(model.getvalue())
    return path


def albert_unigram(folder):
    return t.AlbertTokenizer(unigram(os.path.join(folder, "spiece.model"), pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
                                     control_symbols="[CLS],[SEP],[MASK]"))


def fairseq_unigram(folder, kind="XLMRoberta"):
    path = unigram(os.path.join(folder, "sentencepiece.bpe.model"))
    # In the form that newer versions of transformers save, without the sentencepiece model.
    getattr(t, kind + "TokenizerFast")(path).backend_tokenizer.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    return getattr(t, kind + "Tokenizer")(path)


BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MPNET = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
SIZES = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
             max_position_embeddings=64, layer_norm_eps=1e-3)
LONG = dict(SIZES, max_position_embeddings=256)  # for lines of more than 128 tokens

CASES = {
    "bert": (t.BertConfig, t.BertForMaskedLM, dict(LONG), lambda f: wordpiece(f, t.BertTokenizer, BERT)),
    "bert-gelu-new": (t.BertConfig, t.BertForMaskedLM, dict(LONG, hidden_act="gelu_new", type_vocab_size=1),
                      lambda f: wordpiece(f, t.BertTokenizer, BERT)),
    "bert-untied": (t.BertConfig, t.BertForMaskedLM, dict(LONG, hidden_act="silu", tie_word_embeddings=False),
                    lambda f: wordpiece(f, t.BertTokenizer, BERT)),
    "bert-no-head": (t.BertConfig, t.BertModel, dict(LONG, hidden_act="relu"),
                     lambda f: wordpiece(f, t.BertTokenizer, BERT)),
    "distilbert": (t.DistilBertConfig, t.DistilBertForMaskedLM,
                   dict(dim=16, n_layers=2, n_heads=4, hidden_dim=24, max_position_embeddings=256),
                   lambda f: wordpiece(f, t.DistilBertTokenizer, BERT)),
    "roberta": (t.RobertaConfig, t.RobertaForMaskedLM, dict(LONG, hidden_act="gelu_new", type_vocab_size=1), byte_bpe),
    "albert": (t.AlbertConfig, t.AlbertForMaskedLM,
               dict(LONG, embedding_size=8, num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2,
                    hidden_act="gelu_new"), albert_unigram),
    "mpnet": (t.MPNetConfig, t.MPNetForMaskedLM, dict(LONG, relative_attention_num_buckets=40),
              lambda f: wordpiece(f, t.MPNetTokenizer, MPNET)),
    "electra": (t.ElectraConfig, t.ElectraForMaskedLM, dict(LONG, embedding_size=8, hidden_act="gelu_new"),
                lambda f: wordpiece(f, t.ElectraTokenizer, BERT)),
    "electra-discriminator": (t.ElectraConfig, t.ElectraForPreTraining, dict(LONG, embedding_size=16),
                              lambda f: wordpiece(f, t.ElectraTokenizer, BERT)),
    "xlm-roberta": (t.XLMRobertaConfig, t.XLMRobertaForMaskedLM, dict(LONG, hidden_act="silu"), fairseq_unigram),
    "camembert": (t.CamembertConfig, t.CamembertForMaskedLM, dict(LONG, type_vocab_size=1),
                  lambda f: fairseq_unigram(f, "Camembert")),
}


def rename_as_in_2018(state):
    return {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
            for k, v in state.items()}


def make(name):
    config_class, model_class, sizes, make_tokenizer = CASES[name]
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    tokenizer = make_tokenizer(folder)
    special = dict(pad_token_id=tokenizer.pad_token_id)
    model = model_class(config_class(vocab_size=len(tokenizer), **special, **sizes)).eval()
    golden_models.randomise(model, torch.Generator().manual_seed(sum(map(ord, name))))
    model.config.architectures = [model_class.__name__]
    tokenizer.save_pretrained(folder)
    if name == "bert-gelu-new":
        # In the form of the first checkpoints: the names of 2018, in a pickle.
        model.config.save_pretrained(folder)
        torch.save(rename_as_in_2018(model.state_dict()), os.path.join(folder, "pytorch_model.bin"))
    else:
        model.save_pretrained(folder, safe_serialization=True)

    for file in ["added_tokens.json", "generation_config.json"]:
        if os.path.exists(os.path.join(folder, file)):
            os.remove(os.path.join(folder, file))

    expected = expected_of(model, tokenizer)
    save_file(expected, os.path.join(folder, "expected.safetensors"))
    print(name, {k: list(v.shape) for k, v in expected.items()})


def run(model, inputs):
    output = model(**inputs, output_hidden_states=True)
    return output.hidden_states[-1], output.logits if type(model).__name__.endswith("ForMaskedLM") else None


def expected_of(model, tokenizer):
    return golden_models.masked_states(model, tokenizer, LINES, run)


def compare(folder, name):
    with open(os.path.join(folder, "config.json")) as file:
        kind = t.AutoModelForMaskedLM if json.load(file)["architectures"][0].endswith("ForMaskedLM") else t.AutoModel
    # The pooler is not saved: the encoder does not need it.
    model = golden_models.load(kind, folder, not_needed="pooler.")
    tokenizer = t.AutoTokenizer.from_pretrained(folder, use_fast=False)
    golden_models.compare(folder, os.path.join("encoders", name), expected_of(model, tokenizer))


if __name__ == "__main__":
    golden_models.main(CASES, make, compare)
    with open(os.path.join(OUT, "lines.txt"), "w") as out:
        out.writelines(line + "\n" for line in LINES)
