#!/usr/bin/env python3
"""Makes the encoder-decoders of tests/goldens/encoders: tiny random T5s, and `transformers`' results for them.

Needs transformers 5.24, sentencepiece, protobuf, torch and safetensors. From the repository's root:

    python3 tests/reference/make_t5_goldens.py [CASE...]              # without names: all of CASES
    python3 tests/reference/make_t5_goldens.py --compare FOLDER CASE  # a folder saved by `export` or a test

Each folder is a complete checkpoint (config.json, weights, spiece.model) with expected.safetensors. The texts are the
lines of lines.txt, with <extra_id_0> for {mask}. For these, expected.safetensors has `input_ids` [B, T] and `lengths`
[B]; `states` [B, T, D], the encoder's last hidden states, 0 after the end of a line; `decoder_states` [B, D] and
`logits` [B, V], the decoder's last hidden states and logits at <extra_id_0>, after its input <pad> <extra_id_0>; and
`answers` [B, A], the sums of the log-probabilities of the tokens of each of ANSWERS after that input.
"""

import json
import os
import shutil
import sys

import sentencepiece
import torch
import transformers as t
from safetensors.torch import load_file, save_file

import golden_models

if not t.__version__.startswith("5.24."):
    sys.exit(f"transformers is {t.__version__}; these goldens are those of 5.24 (see the first lines of this file)")

OUT = os.path.join(golden_models.GOLDENS, "encoders")
ANSWERS = ["cat", "the dog", "small world", "it", "the cat on the mat"]
PIECES = 60
SENTINELS = 100


def lines():
    with open(os.path.join(OUT, "lines.txt")) as file:
        return [line.rstrip("\n") for line in file]


def train_pieces(folder):
    """spiece.model: a unigram model with T5's special pieces, <pad>, </s> and <unk>."""
    words = " ".join(lines()).replace("{mask}", "").replace("{pad}", "").split()
    corpus = [" ".join(words[i:] + words[:i]) for i in range(len(words))] + [" ".join("abcdefghijklmnopqrstuvwxyz")]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_prefix=os.path.join(folder, "spiece"), vocab_size=PIECES,
        model_type="unigram", normalization_rule_name="identity", pad_id=0, eos_id=1, unk_id=2, bos_id=-1, num_threads=1, minloglevel=2)
    os.remove(os.path.join(folder, "spiece.vocab"))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as out:
        json.dump({"tokenizer_class": "T5Tokenizer", "extra_ids": SENTINELS}, out)
        out.write("\n")


# d_kv is not d_model / num_heads, and the vocabulary is padded.
SIZES = dict(vocab_size=PIECES + SENTINELS + 4, d_model=16, d_kv=6, d_ff=24, num_layers=2, num_heads=4,
             layer_norm_epsilon=1e-3, decoder_start_token_id=0)

CASES = {
    "t5": dict(SIZES),
    "t5-v1.1": dict(SIZES, num_decoder_layers=1, feed_forward_proj="gated-gelu", tie_word_embeddings=False,
                    relative_attention_num_buckets=8, relative_attention_max_distance=20),
}


def make(name):
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    train_pieces(folder)
    model = t.T5ForConditionalGeneration(t.T5Config(**CASES[name])).eval()
    untied = CASES[name].get("tie_word_embeddings", True) is False
    if untied:  # transformers ties the two; a head of its own is read if both are in the file
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    golden_models.randomise(model, torch.Generator().manual_seed(sum(map(ord, name))),
                            is_scale=lambda name, param: param.dim() == 1)
    golden_models.calm(model)  # scores are not scaled: as in T5's own initial values, small queries make up for it
    tensors = {key: value.contiguous() for key, value in model.state_dict().items()
               if "embed_tokens" not in key and (untied or key != "lm_head.weight")}
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    # As published: v1.1 has "tie_word_embeddings": false. transformers 5 would write "scale_decoder_outputs" instead.
    config = dict(architectures=["T5ForConditionalGeneration"], model_type="t5", is_encoder_decoder=True,
                  feed_forward_proj="relu", num_decoder_layers=SIZES["num_layers"], dropout_rate=0.1, pad_token_id=0,
                  eos_token_id=1, n_positions=512, relative_attention_num_buckets=32)
    config.update(CASES[name])
    with open(os.path.join(folder, "config.json"), "w") as out:
        json.dump(dict(sorted(config.items())), out, indent=2)
        out.write("\n")
    expected = expected_of(*opened(folder))
    save_file(expected, os.path.join(folder, "expected.safetensors"))
    for file in os.listdir(folder):
        os.chmod(os.path.join(folder, file), 0o644)
    print(name, {k: list(v.shape) for k, v in expected.items()})


def opened(folder):
    """The model and the tokenizer of a folder, with exactly the folder's tensors."""
    model = golden_models.load(t.T5ForConditionalGeneration, folder, not_needed="embed_tokens")
    stored = load_file(os.path.join(folder, "model.safetensors"))
    state = model.state_dict()
    assert all(torch.equal(state[key], value) for key, value in stored.items() if "embed_tokens" not in key)
    return model, t.AutoTokenizer.from_pretrained(folder)


def expected_of(model, tokenizer):
    texts = [line.format(mask="<extra_id_0>", pad="<pad>") for line in lines()]
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    start = [tokenizer.pad_token_id, tokenizer.convert_tokens_to_ids("<extra_id_0>")]
    expected = {"input_ids": ids.contiguous(), "lengths": mask.sum(1)}
    with torch.no_grad():
        encoded = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        expected["states"] = (encoded * mask.unsqueeze(-1)).contiguous()

        def decoded(tokens):
            output = model(encoder_outputs=(encoded,), attention_mask=mask,
                           decoder_input_ids=torch.tensor([tokens]).expand(len(texts), -1), output_hidden_states=True)
            return output.decoder_hidden_states[-1], output.logits

        states, logits = decoded(start)
        expected["decoder_states"] = states[:, -1].contiguous()
        expected["logits"] = logits[:, -1].contiguous()
        scores = []
        for answer in ANSWERS:
            tokens = tokenizer(answer, add_special_tokens=False)["input_ids"]
            chances = decoded(start + tokens)[1].log_softmax(-1)
            scores.append(sum(chances[:, len(start) - 1 + k, token] for k, token in enumerate(tokens)))
        expected["answers"] = torch.stack(scores, 1).contiguous()
    return expected


def compare(folder, name):
    golden_models.compare(folder, os.path.join("encoders", name), expected_of(*opened(folder)))


if __name__ == "__main__":
    golden_models.main(CASES, make, compare)
