#!/usr/bin/env python3
"""Compares MetaPrompting's meta-step and meta-test with implementations in torch and transformers.

    python3 tests/reference/compare_metaprompting.py --goldens
    python3 tests/reference/compare_metaprompting.py --model bert-base-uncased --data huffpost.json [--program PATH]

With --goldens it writes tests/goldens/metaprompting/meta_step.safetensors: a small BERT in float64, one episode, and
the results of a second-order multi-step meta-step with query batches, without and with dropout. The test
//tests/learners:metaprompting_test compares the learner with this file.

With --model and --data it tests the published model on one 5-way episode of HuffPost, with the settings of
experiments/specs/metaprompting/huffpost.textproto (15 epochs of AdamW on all parameters, in float32): once with
`metaprompt run` and `metaprompt classify`, and once with transformers, without and with dropout, at 1 and 5 shots. It
fails if a log-probability differs by more than 1e-4. With --float64 it also runs the reference in float64, and prints
how far metaprompt and the float32 reference are from it, which shows how close float32 results can be.

Random choices (the masks of dropout and the order of mini-batches) follow metaprompt's definitions in
metaprompt/base/random.h and metaprompt/operations/dropout.h. Everything else is torch's: autograd, AdamW, the LSTM,
BERT.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

import numpy
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM, BertTokenizer

M32, M64 = (1 << 32) - 1, (1 << 64) - 1
LIMIT = 1e-4


# ---------------------------------------------------------------- random numbers

def mix(x):
    x = (x + 0x9E3779B97F4A7C15) & M64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & M64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & M64
    return x ^ (x >> 31)


def sub_seed(seed, purpose, index=0):
    value = mix(seed)
    for char in purpose.encode():
        value = mix(value ^ char)
    return mix(mix(value ^ len(purpose)) ^ index)


class Mt19937_64:
    """The generator std::mt19937_64 of the C++ standard, [rand.predef]."""

    def __init__(self, seed):
        self.state = [seed]
        for i in range(1, 312):
            last = self.state[-1]
            self.state.append((6364136223846793005 * (last ^ (last >> 62)) + i) & M64)
        self.place = 312

    def next(self):
        if self.place == 312:
            for i in range(312):
                y = (self.state[i] & 0xFFFFFFFF80000000) | (self.state[(i + 1) % 312] & 0x7FFFFFFF)
                self.state[i] = self.state[(i + 156) % 312] ^ (y >> 1) ^ (0xB5026F5AA96619E9 if y & 1 else 0)
            self.place = 0
        y = self.state[self.place]
        self.place += 1
        y ^= (y >> 29) & 0x5555555555555555
        y ^= (y << 17) & 0x71D67FFFEDA60000
        y ^= (y << 37) & 0xFFF7EEE000000000
        return y ^ (y >> 43)

    def below(self, bound):
        limit = M64 - M64 % bound
        while True:
            draw = self.next()
            if draw < limit:
                return draw % bound


def shuffled(seed, count):
    random, order = Mt19937_64(seed), list(range(count))
    for i in range(count):
        j = i + random.below(count - i)
        order[i], order[j] = order[j], order[i]
    return order


def kept(seed, place, numbers, columns, rate):
    """Which numbers dropout keeps in the rows with these indices: [rows, columns]."""
    key = numpy.array([mix((mix((seed + place * 0x9E3779B97F4A7C15) & M64) + n * 0x9E3779B97F4A7C15) & M64)
                       for n in numbers], dtype=numpy.uint64)
    h = (key & M32).astype(numpy.uint32)[:, None] + numpy.arange(columns, dtype=numpy.uint32) * numpy.uint32(0x9E3779B9)
    h ^= h >> numpy.uint32(16)
    h *= numpy.uint32(0x85EBCA6B)
    h ^= (key >> numpy.uint64(32)).astype(numpy.uint32)[:, None]
    h ^= h >> numpy.uint32(13)
    h *= numpy.uint32(0xC2B2AE35)
    h ^= h >> numpy.uint32(16)
    return torch.from_numpy(h >= int(rate * 2**32))


# ---------------------------------------------------------------- the model

class Texts:
    """Texts in which the token SOFT is the soft vector: padded ids [R, T], lengths, mask positions, labels."""

    def __init__(self, texts, read_at, labels):
        self.texts, self.read_at, self.labels = texts, read_at, torch.tensor(labels)
        longest = max(map(len, texts))
        self.ids = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
        self.mask = torch.tensor([[1] * len(text) + [0] * (longest - len(text)) for text in texts])
        first = numpy.cumsum([0] + [len(text) for text in texts[:-1]])
        # The index of each token among the tokens of all texts, which numbers the rows of masks. Padding has any index.
        self.numbers = (torch.from_numpy(first)[:, None] + torch.arange(longest)).tolist()

    def select(self, rows):
        return Texts([self.texts[r] for r in rows], [self.read_at[r] for r in rows], self.labels[rows].tolist())


SOFT = -1


class Prompted(torch.nn.Module):
    """BERT with one soft vector through a two-layer bidirectional LSTM and an MLP; class logits at the mask."""

    def __init__(self, bert, answers, weights):
        super().__init__()
        width = bert.config.hidden_size
        self.bert = bert
        self.soft = torch.nn.Embedding(1, width)
        self.lstm = torch.nn.LSTM(width, width, num_layers=2, bidirectional=True, batch_first=True)
        self.mlp = torch.nn.Sequential(torch.nn.Linear(2 * width, width), torch.nn.ReLU(),
                                       torch.nn.Linear(width, width))
        self.answers, self.weights = answers, weights  # [ways, words]
        self.dropped = None

    @staticmethod
    def ours(name):
        """metaprompt's name of a parameter."""
        if name.startswith("bert."):
            return name[len("bert."):]
        return "prompt.soft" if name == "soft.weight" else "prompt." + name

    def forward(self, texts, seed=None):
        vector = self.mlp(self.lstm(self.soft.weight[None])[0])[0]
        words = self.bert.bert.embeddings.word_embeddings(texts.ids.clamp_min(0))
        inputs = torch.where((texts.ids == SOFT)[..., None], vector, words)
        plain, place = torch.nn.functional.dropout, [0]
        config = self.bert.config

        def masked(x, p=0.5, training=True, inplace=False):
            # Dropout places in the order of BERT's forward pass: the embeddings, then three per layer, of which the
            # first is for attention weights.
            here, place[0] = place[0], place[0] + 1
            if here % 3 == 1:
                heads = config.num_attention_heads
                numbers = [n * heads + h for text in texts.numbers for h in range(heads) for n in text]
                rate = config.attention_probs_dropout_prob
            else:
                numbers = [n for text in texts.numbers for n in text]
                rate = config.hidden_dropout_prob
            mask = kept(seed, here, numbers, x.shape[-1], rate).view(x.shape)
            return x * (mask.to(x.dtype) / (1 - rate))  # as in torch

        if seed is not None:
            torch.nn.functional.dropout = masked
        try:
            states = self.bert.bert(inputs_embeds=inputs, attention_mask=texts.mask).last_hidden_state
        finally:
            torch.nn.functional.dropout = plain
        assert seed is None or place[0] == 1 + 3 * config.num_hidden_layers
        at_mask = states[torch.arange(len(texts.read_at)), torch.tensor(texts.read_at)]
        logits = self.bert.cls(at_mask)
        return (logits[:, self.answers] * self.weights).sum(-1)

    def loss(self, texts, seed=None):
        return torch.nn.functional.cross_entropy(self(texts, seed), texts.labels)


def functional(model, params, texts, seed):
    """The loss as a function of the parameters."""

    class Loss(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self):
            return self.model.loss(texts, seed)

    return torch.func.functional_call(Loss(), {"model." + name: value for name, value in params.items()}, ())


# ---------------------------------------------------------------- the meta-step

STEPS, RATE, BATCH, QUERY_BATCH, EPOCHS, EPOCH = 3, 0.05, 4, 4, 300, 30
SUPPORT_SEED, QUERY_SEED = 11, 12


def meta_step(model, support, query, dropout):
    """For the first query batch, the support losses and θ_1 to θ_3; for all, the query loss and the meta-gradient."""
    start = {name: value.detach().requires_grad_() for name, value in model.named_parameters()}
    early = max(1 / STEPS - EPOCH / (STEPS * EPOCHS), 0.03 / STEPS)
    weights = [early] * (STEPS - 1) + [1 - early * (STEPS - 1)]
    result, total = {}, 0
    for b, first in enumerate(range(0, len(query.texts), QUERY_BATCH)):
        part = query.select(list(range(first, min(first + QUERY_BATCH, len(query.texts)))))
        support_seed, query_seed = (sub_seed(seed, "query_batch", b) for seed in (SUPPORT_SEED, QUERY_SEED))
        params = start
        for step in range(STEPS):
            per_order = len(support.texts) // BATCH
            order = shuffled(sub_seed(support_seed, "order", step // per_order), len(support.texts))
            rows = order[step % per_order * BATCH:][:BATCH]
            loss = functional(model, params, support.select(rows),
                              sub_seed(support_seed, "step", step) if dropout else None)
            grads = torch.autograd.grad(loss, list(params.values()), create_graph=True, allow_unused=True)
            params = {name: value if grad is None else value - RATE * grad
                      for (name, value), grad in zip(params.items(), grads)}
            total = total + weights[step] * functional(
                model, params, part, sub_seed(query_seed, "step", step + 1) if dropout else None)
            if b == 0:
                result[f"support_loss/{step}"] = loss
                result.update({f"step{step + 1}/{Prompted.ours(name)}": value for name, value in params.items()})
    result["objective"] = total
    grads = torch.autograd.grad(total, list(start.values()), allow_unused=True)
    result.update({f"gradient/{Prompted.ours(name)}": grad for name, grad in zip(start, grads) if grad is not None})
    return {name: value.detach() for name, value in result.items()}


def write_goldens(path):
    torch.manual_seed(3)
    config = BertConfig(vocab_size=24, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
                        max_position_embeddings=12, hidden_dropout_prob=0.25, attention_probs_dropout_prob=0.125)
    bert = BertForMaskedLM._from_config(config, attn_implementation="eager").double().eval()  # drops what `masked` drops
    ways, words = 3, 2
    answers = torch.randperm(20)[:ways * words].view(ways, words) + 4
    weights = torch.tensor([0.25, 0.75], dtype=torch.float64).expand(ways, words)
    model = Prompted(bert, answers, weights).double()
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn_like(value) * 0.3)
            value.copy_(value.float())  # so that float32 represents it exactly

    def texts(per_class):
        made, read_at, labels = [], [], []
        for way in range(ways):
            for _ in range(per_class):
                own = torch.randint(4, 24, (int(torch.randint(2, 7, ())),)).tolist()
                made.append([1] + own + [SOFT, 2, 3])
                read_at.append(len(own) + 2)
                labels.append(way)
        return Texts(made, read_at, labels)

    support, query = texts(4), texts(3)
    tensors = {"answers": answers, "answer_weights": weights.contiguous()}
    for name, part in (("support", support), ("query", query)):
        lengths = torch.tensor([len(text) for text in part.texts])
        tensors[f"{name}/ids"] = torch.tensor([token for text in part.texts for token in text])
        tensors[f"{name}/spans"] = torch.stack([lengths.cumsum(0) - lengths, lengths], 1)
        tensors[f"{name}/read_at"] = torch.tensor(part.read_at)
        tensors[f"{name}/labels"] = part.labels
    for name, value in model.named_parameters():
        tensors["start/" + Prompted.ours(name)] = value.detach().float()
    for dropout in (False, True):
        for name, value in meta_step(model, support, query, dropout).items():
            tensors[f"{'dropout' if dropout else 'plain'}/{name}"] = value.float() if value.dim() else value
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    print(f"{path}: {len(tensors)} tensors, {os.path.getsize(path)} bytes")


# ---------------------------------------------------------------- the meta-test

def adapt(model, support, dropout):
    """Adapts the model with 15 epochs of AdamW in mini-batches of 16."""
    epochs, size, count = 15, 16, len(support.texts)
    batches = -(-count // size)
    total = epochs * batches
    warmup = total // 30
    encoder = [value for name, value in model.named_parameters() if name.startswith("bert.")]
    prompt = [value for name, value in model.named_parameters() if not name.startswith("bert.")]
    optimizer = torch.optim.AdamW([{"params": encoder, "lr": 1e-5}, {"params": prompt, "lr": 5e-5}], weight_decay=0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: s / warmup if s < warmup else (total - s) / max(1, total - warmup))
    step = 0
    for epoch in range(epochs):
        order = shuffled(sub_seed(0, "meta_test/order", epoch), count)
        for first in range(0, count, size):
            part = support if batches == 1 else support.select(order[first:first + size])
            optimizer.zero_grad()
            model.loss(part, sub_seed(0, "step", step) if dropout else None).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
            optimizer.step()
            schedule.step()
            step += 1


def prompted(tokenizer, texts, labels):
    ids, read_at = [], []
    for text in texts:
        plain = lambda words: tokenizer(words, add_special_tokens=False)["input_ids"]
        own = ([tokenizer.cls_token_id] + plain(text) + plain(",") + [SOFT] + plain("topic is")
               + [tokenizer.mask_token_id] + plain(".") + [tokenizer.sep_token_id])
        ids.append(own)
        read_at.append(own.index(tokenizer.mask_token_id))
    return Texts(ids, read_at, labels)


CLASSES = {0: "politics", 3: "travel", 11: "sports", 25: "religion", 40: "education"}
QUERIES = 5


def headlines(path, shots):
    """The first headlines of each class: support texts per class, and the query texts of all classes."""
    of_class = {label: [] for label in CLASSES}
    with open(path) as file:
        for line in file:
            headline = json.loads(line)
            texts = of_class.get(headline["label"])
            if texts is not None and len(texts) < shots + QUERIES:
                texts.append(headline["raw"])
    return ([texts[:shots] for texts in of_class.values()],
            [text for texts in of_class.values() for text in texts[shots:]])


def make_run(options, folder, shots, dropout):
    """Makes a run of the published spec without meta-training, whose initial parameters are adapted."""
    run = f"{folder}/run-{shots}-{dropout}"
    settings = {"dataset.huffpost.path": options.data, "model.encoder.checkpoint.path": options.model,
                "model.dropout.of_checkpoint": str(dropout).lower(), "train.meta_steps": 0, "train.valid_episodes": 1,
                "test.episodes": 2, "episodes.shots": shots, "episodes.queries": 1, "threads": options.threads}
    command = [options.program, "run", "experiments/specs/metaprompting/huffpost.textproto", "--out", run]
    for field, value in settings.items():
        command += ["--set", f"{field}={value}"]
    subprocess.run(command, check=True, capture_output=True)
    return run


def classified(options, run, shots, names, support, queries):
    """Log-probabilities [queries, ways] of `metaprompt classify`."""
    with open(f"{run}.tsv", "w") as file:
        for name, texts in zip(names, support):
            file.writelines(f"{name}\t{text}\n" for text in texts)
    command = [options.program, "classify", "--run", run, "--support", f"{run}.tsv", "--shots", str(shots), "--all",
               "--json", "--threads", str(options.threads)]
    lines = subprocess.run(command, input="\n".join(queries), check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line)["probabilities"] for line in lines.splitlines()]
    return torch.tensor([[row[name] for name in names] for row in rows], dtype=torch.float64).log()


def adapted(options, run, dropout, names, support, queries, dtype=torch.float32):
    """The same with torch and transformers."""
    tokenizer = BertTokenizer.from_pretrained(options.model)
    bert = BertForMaskedLM.from_pretrained(options.model, attn_implementation="eager").eval()
    words = [[tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in name.split()] for name in names]
    longest = max(map(len, words))
    answers = torch.tensor([of_class + [0] * (longest - len(of_class)) for of_class in words])
    weights = torch.tensor([[1 / len(w)] * len(w) + [0.0] * (longest - len(w)) for w in words])
    model = Prompted(bert, answers, weights.to(dtype)).to(dtype)
    start = load_file(next(f"{run}/{name}" for name in sorted(os.listdir(run)) if name.startswith("best-")))
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(start[Prompted.ours(name)])
    adapt(model, prompted(tokenizer, [text for texts in support for text in texts],
                          [way for way, texts in enumerate(support) for _ in texts]), dropout)
    with torch.no_grad():
        return torch.log_softmax(model(prompted(tokenizer, queries, [0] * len(queries))), -1).double()


def compare_meta_tests(options):
    names = list(CLASSES.values())
    print(f"5-way meta-test of the model as it comes, 15 epochs of AdamW, {QUERIES} queries per class, float32\n")
    print("shots  dropout  largest difference of a log-probability  predictions that differ"
          + ("  ours to float64  float32 to float64" if options.float64 else ""))
    largest = 0
    with tempfile.TemporaryDirectory() as folder:
        for shots in options.shots:
            support, queries = headlines(options.data, shots)
            for dropout in (False, True):
                run = make_run(options, folder, shots, dropout)
                ours = classified(options, run, shots, names, support, queries)
                theirs = adapted(options, run, dropout, names, support, queries)
                difference = (ours - theirs).abs().max().item()
                others = (ours.argmax(1) != theirs.argmax(1)).sum().item()
                row = f"{shots:5}  {'yes' if dropout else 'no':7}  {difference:39.1e}  {f'{others} of {len(queries)}':23}"
                if options.float64:
                    exact = adapted(options, run, dropout, names, support, queries, torch.float64)
                    row += f"  {(ours - exact).abs().max():15.1e}  {(theirs - exact).abs().max():18.1e}"
                print(row)
                largest = max(largest, difference)
    return largest


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--goldens", action="store_true", help="write the goldens")
parser.add_argument("--model", help="folder of bert-base-uncased")
parser.add_argument("--data", help="HuffPost's headlines, huffpost.json")
parser.add_argument("--program", default="bazel-bin/experiments/cli/metaprompt")
parser.add_argument("--shots", type=int, nargs="+", default=[1, 5])
parser.add_argument("--float64", action="store_true", help="measure both against the reference in float64")
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
if options.goldens:
    write_goldens("tests/goldens/metaprompting/meta_step.safetensors")
if options.model and options.data:
    torch.set_num_threads(options.threads)
    sys.exit(compare_meta_tests(options) > LIMIT)
if not options.goldens:
    parser.error("--goldens, or --model and --data")
