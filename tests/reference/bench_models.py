#!/usr/bin/env python3
"""Compares forward passes and exact MAML of decoders and encoders with those of transformers, in float32.

    python3 tests/reference/bench_models.py --program bazel-bin/experiments/cli/metaprompt [--model gpt2 t5] [--rounds 3]

Needs torch, transformers and sentencepiece. The models have random weights. gpt2 and t5 have the sizes of gpt2 and
t5-small, the others six layers of a usual width. The tokenizers are the small ones of tests/goldens, and the texts are
random words. The two programs alternate, so that other work on the machine slows both down equally.

`forward` encodes texts, without start-up: for gpt2, llama, qwen2 and t5 up to the logits of the token after each text
(t5: of the first token of the answer), for encoders the states of all tokens. transformers gets the texts sorted by
length, in batches padded to their longest text.

`meta-step` is MAML with one inner step on all parameters and its exact meta-gradient, on 5-way 5-shot tasks with 15
queries per class, and AdamW. The peer is written as one would write it with torch.func.functional_call, with eager
attention. It computes the logits of the answer words alone.
"""

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import tempfile
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as metaprompt does; spinning threads slow transformers down

import torch
import transformers as t
from safetensors.torch import load_file, save_file
from sentencepiece import sentencepiece_model_pb2

GOLDENS = os.path.join(os.path.dirname(__file__), "..", "goldens", "encoders")
WORDS = ["the", "and", "on", "dog", "cat", "it", "topic", "small"]
SPEC = """
name: "bench"
dataset {{ tsv {{ path: "{folder}/texts.tsv" }} split {{ shares {{ train: 0.4 valid: 0.3 }} }} }}
model {{
  encoder {{ checkpoint {{ path: "{model}" max_tokens: 200 }} }}
  prompt {{ template: "{{text}} it is on the topic {{mask}}" }}
  verbalizer {{ allow_same_words: true }}
}}
episodes {{ ways: 5 shots: 5 queries: 15 }}
learner {{
  maml {{}}
  inner {{ steps: 1 encoder_lr: 0.000001 prompt_lr: 0 class_lr: 0.1 }}
  meta_optimizer {{ encoder_lr: 0.00001 word_lr: 0.00001 }}
}}
train {{ meta_batch: {tasks} }}
"""

# Without dropout, as in the spec.
LAYERS = dict(hidden_size=512, intermediate_size=1536, num_hidden_layers=6, num_attention_heads=8)
CASES = {  # golden, base model, configuration
    "gpt2": ("gpt2", t.GPT2Model, t.GPT2Config(resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)),
    "t5": ("t5", t.T5Model, t.T5Config(vocab_size=32128, d_model=512, d_kv=64, d_ff=2048, num_layers=6, num_heads=8,
                                       dropout_rate=0, decoder_start_token_id=0)),
    "llama": ("llama", t.LlamaModel, t.LlamaConfig(**LAYERS, num_key_value_heads=4, vocab_size=284)),
    "qwen2": ("qwen2", t.Qwen2Model, t.Qwen2Config(**LAYERS, num_key_value_heads=2, vocab_size=282)),
    "deberta-v2": ("deberta-v2-no-head", t.DebertaV2Model, t.DebertaV2Config(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=6, num_attention_heads=12, vocab_size=71,
        hidden_dropout_prob=0, attention_probs_dropout_prob=0, relative_attention=True, max_relative_positions=-1,
        position_buckets=256, pos_att_type=["p2c", "c2p"], norm_rel_ebd="layer_norm", share_att_key=True,
        position_biased_input=False, type_vocab_size=0, layer_norm_eps=1e-7)),
    "modernbert": ("modernbert-no-head", t.ModernBertModel, t.ModernBertConfig(
        hidden_size=768, intermediate_size=1152, num_hidden_layers=6, num_attention_heads=12, vocab_size=284,
        pad_token_id=282, cls_token_id=280, sep_token_id=281, bos_token_id=280, eos_token_id=281)),
}
CAUSAL = ["gpt2", "llama", "qwen2"]


def make(name, folder):
    """A checkpoint with random weights, and a tokenizer with as many pieces as the model has words."""
    golden, kind, config = CASES[name]
    shutil.copytree(os.path.join(GOLDENS, golden), folder)
    if name == "gpt2":
        with open(f"{folder}/vocab.json") as file:
            pieces = json.load(file)
        pieces.update({f"unused{i}": i for i in range(len(pieces), config.vocab_size)})
        with open(f"{folder}/vocab.json", "w") as file:
            json.dump(pieces, file)
    if name == "t5":
        pieces = sentencepiece_model_pb2.ModelProto()
        with open(f"{folder}/spiece.model", "rb") as file:
            pieces.ParseFromString(file.read())
        for i in range(len(pieces.pieces), config.vocab_size - 128):
            pieces.pieces.add(piece=f"unused{i}", score=-100, type=pieces.SentencePiece.UNUSED)
        with open(f"{folder}/spiece.model", "wb") as file:
            file.write(pieces.SerializeToString())
        model = t.T5ForConditionalGeneration(config)
    elif name in CAUSAL:
        config.tie_word_embeddings = True
        model = t.AutoModelForCausalLM.from_config(config)
    else:
        model = kind(config)
    model.save_pretrained(folder)


class Peer:
    """The model of transformers, without its head."""

    def __init__(self, name, folder):
        self.name = name
        self.base = CASES[name][1].from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
        self.tokenizer = t.AutoTokenizer.from_pretrained(folder)
        words = self.base.get_input_embeddings().weight
        self.words = [key for key, value in self.base.named_parameters() if value is words][0]

    def inputs(self, texts):
        """A padded batch."""
        end = {"t5": "<extra_id_0>"}.get(self.name, "" if self.name in CAUSAL else self.tokenizer.mask_token)
        ids = self.tokenizer([f"{text} {end}".strip() for text in texts])["input_ids"]
        longest = max(map(len, ids))
        inputs = {"input_ids": torch.tensor([one + [0] * (longest - len(one)) for one in ids]),
                  "attention_mask": torch.tensor([[1] * len(one) + [0] * (longest - len(one)) for one in ids])}
        if self.name == "t5":
            slot = self.tokenizer.convert_tokens_to_ids("<extra_id_0>")
            inputs["decoder_input_ids"] = torch.tensor([[0, slot]]).expand(len(ids), -1)
        return inputs

    def states(self, params, inputs):
        extra = {"use_cache": False} if self.name in CAUSAL + ["t5"] else {}
        return torch.func.functional_call(self.base, params, kwargs=dict(inputs, **extra)).last_hidden_state

    def read(self, params, inputs):
        """The vectors [B, D] that a head would get."""
        states = self.states(params, inputs)
        if self.name == "t5":
            return states[:, -1] * self.base.config.d_model ** -0.5
        if self.name in CAUSAL:
            return states[torch.arange(len(states)), inputs["attention_mask"].sum(1) - 1]
        return states[inputs["input_ids"] == self.tokenizer.mask_token_id]


def meta_step(peer, params, optimizer, tasks, rate=1e-6, class_rate=0.1):
    """MAML with one exact inner step, and AdamW. A task: inputs and labels of support and query, ids of the answers."""
    optimizer.zero_grad(set_to_none=True)
    names = list(params)
    for support, support_labels, query, query_labels, answers in tasks:
        classes = torch.stack([params[peer.words][ids].mean(0) for ids in answers])
        loss = torch.nn.functional.cross_entropy(peer.read(params, support) @ classes.T, support_labels)
        grads = torch.autograd.grad(loss, [params[name] for name in names] + [classes], create_graph=True)
        moved = {name: params[name] - rate * grad for name, grad in zip(names, grads)}
        classes = classes - class_rate * grads[-1]
        loss = torch.nn.functional.cross_entropy(peer.read(moved, query) @ classes.T, query_labels) / len(tasks)
        loss.backward()
    torch.nn.utils.clip_grad_norm_(params.values(), 1.0)
    optimizer.step()


def run(command):
    """What the command printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout + done.stderr


def time_of(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def report(name, what, theirs, ours, note=""):
    ratios = sorted(a / b for a, b in zip(theirs, ours))
    print(f"{name:10s} {what:9s} transformers {statistics.median(theirs):6.2f} s, metaprompt "
          f"{statistics.median(ours):6.2f} s; ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
          f"{note}", flush=True)


def forward(options, folder, peer, texts):
    lines = texts[:options.lines]
    states = peer.name not in CAUSAL + ["t5"]
    with open(f"{folder}/lines.txt", "w") as out:
        end = {"t5": " <extra_id_0>"}.get(peer.name, f" {peer.tokenizer.mask_token}" if states else "")
        out.write("".join(f"{line}{end}\n" for line in lines))
    order = sorted(range(len(lines)), key=lambda i: len(lines[i].split()))
    batches = [order[i:i + 128] for i in range(0, len(order), 128)]
    inputs = [peer.inputs([lines[i] for i in batch]) for batch in batches]
    params = dict(peer.base.named_parameters())

    def theirs():
        rows = [None] * len(lines)
        with torch.inference_mode():
            for batch, its_inputs in zip(batches, inputs):
                if states:
                    found = [one[mask == 1] for one, mask in zip(peer.states(params, its_inputs),
                                                                 its_inputs["attention_mask"])]
                else:
                    found = (peer.read(params, its_inputs) @ params[peer.words].T)[:, None]
                for i, one in zip(batch, found):
                    rows[i] = one
        return torch.cat(rows)

    def ours():
        path = f"{folder}/out.safetensors"
        printed = run([options.program, "encode", "--encoder", f"{folder}/{peer.name}", "--out", path, "--threads",
                       str(options.threads), "--what", "states" if states else "mask-logits", f"{folder}/lines.txt"])
        found = load_file(path)["states" if states else "logits"]
        os.remove(path)
        return float(re.search(r"encoded in ([0-9.]+) s", printed)[1]), found

    times = ([], [])
    theirs()  # warms up
    for _ in range(options.rounds):
        seconds, expected = time_of(theirs)
        times[0].append(seconds)
        seconds, found = ours()
        times[1].append(seconds)
    away = (found - expected).abs().max().item()
    report(peer.name, "forward", *times, f"; differences {away:.0e} at most, the largest number {expected.abs().max():.1f}")


def meta_steps(options, folder, peer, by_class):
    with open(f"{folder}/spec.textproto", "w") as out:
        out.write(SPEC.format(folder=folder, model=f"{folder}/{peer.name}", tasks=options.tasks))
    rng = random.Random(0)

    def task():
        classes = rng.sample(sorted(by_class), 5)
        parts = [rng.sample(by_class[one], 20) for one in classes]
        sides = []
        for begin, end in ((0, 5), (5, 20)):
            sides += [peer.inputs([f"{text} it is on the topic" for part in parts for text in part[begin:end]]),
                      torch.arange(5).repeat_interleave(end - begin)]
        return *sides, [peer.tokenizer(" " + one, add_special_tokens=False)["input_ids"] for one in classes]

    params = dict(peer.base.named_parameters())
    optimizer = torch.optim.AdamW(params.values(), lr=1e-5, foreach=True)

    def ours():
        printed = run([options.program, "bench", f"{folder}/spec.textproto", "--only", "MAML, 1 steps", "--rounds", "1",
                       "--set", f"threads={options.threads}"])
        row = [line for line in printed.splitlines() if line.startswith("MAML, 1 steps")][0]
        return options.tasks / float(row.split()[4])

    times = ([], [])
    meta_step(peer, params, optimizer, [task() for _ in range(options.tasks)])  # warms up
    for _ in range(options.rounds):
        tasks = [task() for _ in range(options.tasks)]
        times[0].append(time_of(lambda: meta_step(peer, params, optimizer, tasks))[0])
        times[1].append(ours())
    report(peer.name, "meta-step", *times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the metaprompt binary")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lines", type=int, default=500, help="texts of the forward passes")
    parser.add_argument("--tasks", type=int, default=2, help="tasks per meta-step")
    parser.add_argument("--model", nargs="+", default=list(CASES), choices=list(CASES))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    t.utils.logging.disable_progress_bar()
    rng = random.Random(1)
    by_class = {f"{a} {b}": [" ".join(rng.choices(WORDS, k=rng.randint(6, 24))) for _ in range(80)]
                for a in WORDS[3:] for b in WORDS[3:] if a < b}
    by_class.update({one: [" ".join(rng.choices(WORDS, k=rng.randint(6, 24))) for _ in range(80)] for one in WORDS})
    texts = [text for one in by_class.values() for text in one]
    print(f"{options.threads} threads; transformers {t.__version__}, torch {torch.__version__}; texts of 6 to 24 words; "
          f"{options.lines} texts forward, {options.tasks} tasks per meta-step; median of {options.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/texts.tsv", "w") as out:
            out.write("".join(f"{one}\t{text}\n" for one, its in by_class.items() for text in its))
        for name in options.model:
            make(name, f"{folder}/{name}")
            peer = Peer(name, f"{folder}/{name}")
            forward(options, folder, peer, texts)
            meta_steps(options, folder, peer, by_class)
            shutil.rmtree(f"{folder}/{name}")


if __name__ == "__main__":
    main()
