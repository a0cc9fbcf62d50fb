#!/usr/bin/env python3
"""Prints the SHA-256 of the results of a fixed set of runs, so that two builds of the program can be compared.

    tests/record_hashes.py --program bazel-bin/experiments/cli/metaprompt > before.txt
    ... change the code, build again ...
    tests/record_hashes.py --program bazel-bin/experiments/cli/metaprompt > after.txt
    diff before.txt after.txt

With --processes or --launcher, the few-shot runs are made by several processes; their hashes must be those of one.

Each run is made with one thread and with two: the quickstart, shortened, a random encoder, a short run of each learner,
a ViT on images of letters, a tiny causal model, a pre-training, a fine-tuning, `classify` from the first run, the
sinusoids and, with --encoder, a sentence encoder on HuffPost. A line of the output is `RUN THREADS WHAT SHA256`, where
WHAT is one of

    record            record.textproto, pretraining.textproto or fine_tuning.textproto, unchanged
    record-core       the same without the fields that --ignore names
    best-Kshot        the tensors that validated best, for K shots
    checkpoint-Kshot  the tensors of the state at the end of training, moments included
    model, classifier the tensors of a pre-trained or fine-tuned encoder, and of its classifier
    output            what the program printed or wrote

Equal lines mean equal bytes. Records depend on the data (for the images, on the installed fonts), on the processor's
matrix kernels and on LibTorch, so hashes of two machines cannot be compared.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
SHORT = [
    "train.meta_steps=4", "train.meta_batch=2", "train.validate_every=2", "train.valid_episodes=6",
    "test.episodes=10", "episodes.queries=5",
]
INNER = "inner { steps: 2 prompt_lr: 0.05 encoder_lr: 0.01 class_lr: 0.2 }"
META = "meta_optimizer { encoder_lr: 0.0001 word_lr: 0.0003 }"
# One entry per learner, and the settings that take another path through the code.
LEARNERS = {
    "maml": f"maml {{}} {INNER} {META}",
    "maml-first-order": f"maml {{ order: FIRST }} {INNER} {META}",
    "maml++": f"maml {{ multi_step {{}} learned_rates: true }} {INNER} {META}",
    "maml-recomputed": f"maml {{}} {INNER} {META} meta_gradient {{ way: RECOMPUTE }}",
    "maml-prompt": f"maml {{}} inner {{ steps: 2 prompt_lr: 0.05 }} {META} adapts {{ part: PROMPT }} "
                   "learns { part: PROMPT }",
    "maml-adamw": f"maml {{}} {INNER} {META} meta_test {{ inner {{ optimizer: ADAMW encoder_lr: 0.001 prompt_lr: "
                  "0.01 class_lr: 0.1 } epochs: 2 batch: 4 warmup_share: 0.1 decay: LINEAR }",
    "reptile": f"reptile {{}} {INNER} {META}",
    "anil": f"anil {{}} inner {{ steps: 2 class_lr: 0.2 }} {META}",
    "meta_sgd": f"meta_sgd {{}} {INNER} {META}",
    "cavia": f"cavia {{}} inner {{ steps: 2 prompt_lr: 0.1 }} {META}",
    "imaml": f"imaml {{}} {INNER} {META}",
    "proto_maml": f"proto_maml {{}} {INNER} {META}",
    "proto_net": f"proto_net {{}} {META}",
    "r2d2": f"r2d2 {{}} {META}",
    "contrast_net": f"contrast_net {{}} {META}",
    "meta_prompter": f"meta_prompter {{}} inner {{ steps: 2 }} {META}",
    "linear_probe": "linear_probe {}",
}
# A causal model with random weights, whose answers are scored as sequences: meta-learned, and in context.
CAUSAL = {
    "causal": [f"learner={{ maml {{}} inner {{ steps: 2 prompt_lr: 0.05 encoder_lr: 0.01 }} {META} }}"],
    "in_context": ["learner={ in_context {} }", "train.meta_steps=0"],
}
SUPPORT = """games	a fast shooter with many levels
games	puzzle game with falling blocks
games	multiplayer strategy game in space
music	player for audio files with playlists
music	edits sound recordings and removes noise
music	synthesizer with a piano keyboard
mail	sends and receives electronic mail
mail	filters unwanted messages on the mail server
mail	mailing list manager with archives
"""
TEXTS = """plays chess against the computer
converts songs from one format to another
reads mail in a terminal
a library of functions
"""


RECORDS = {"run": "record.textproto", "pretrain": "pretraining.textproto", "finetune": "fine_tuning.textproto"}


def tensors_of(safetensors):
    """The bytes after the header. The header's metadata has values that are also in the record."""
    return safetensors[8 + int.from_bytes(safetensors[:8], "little") :]


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Battery:
    """Runs the program and prints hashes."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        fields = "|".join(re.escape(field) for field in options.ignore)
        # A field on one line, or a message from its name to the closing brace with the same indentation.
        ignored = rf"^( *)(?:{fields})(?::.*| \{{\n(?:\1 +.*\n)*\1\}})\n" if fields else r"(?!)"
        self.ignored = re.compile(ignored, re.MULTILINE)

    def call(self, command, **more):
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}\n{done.stderr.decode(errors='replace')}")
        return done.stdout

    def show(self, name, threads, what, data):
        print(f"{name}\t{threads}\t{what}\t{digest(data)}", flush=True)

    def run(self, name, threads, spec, settings, command="run"):
        if self.options.only and not re.search(self.options.only, name):
            return None
        out = self.folder / f"{name}-{threads}"
        line = [self.options.program, command, spec, "--out", out, "--set", f"threads={threads}"]
        if command == "run":
            line = self.options.launcher.split() + line + self.options.processes
        for setting in settings:
            line += ["--set", setting]
        self.call(line, cwd=self.options.data)
        record = (out / RECORDS[command]).read_bytes()
        self.show(name, threads, "record", record)
        if self.options.ignore:
            self.show(name, threads, "record-core", self.ignored.sub("", record.decode()).encode())
        for params in sorted(out.glob("*.safetensors")):
            self.show(name, threads, params.name.split(".")[0], tensors_of(params.read_bytes()))
        return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=Path, help="the metaprompt binary")
    parser.add_argument("--sinusoid", type=Path, help="the sinusoid binary of an older build, which has no `sinusoid` command")
    parser.add_argument("--encoder", type=Path, help="folder of all-MiniLM-L6-v2, for the HuffPost run")
    parser.add_argument("--data", type=Path, default=Path("."), help="folder with huffpost.json, for the HuffPost run")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--processes", type=lambda n: ["--processes", n], default=[], metavar="N",
                        help="make the few-shot runs with N processes")
    parser.add_argument("--launcher", default="", metavar="COMMAND",
                        help="start the few-shot runs with this, as in 'torchrun --no-python --nproc-per-node=2'")
    parser.add_argument("--only", default="", help="run what this regular expression finds")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE",
                        help="a setting that one of the builds needs to make the same runs of the learners (may be "
                             "repeated)")
    parser.add_argument("--ignore", action="append", default=[], metavar="FIELD",
                        help="field of the record that may differ: left out of record-core (may be repeated)")
    options = parser.parse_args()
    options.program = options.program.resolve()
    options.data = options.data.resolve()
    specs = TREE / "experiments/specs"
    with tempfile.TemporaryDirectory(prefix="record_hashes") as name:
        battery = Battery(options, Path(name))
        for threads in options.threads:
            data = [f"dataset.debian.path={TREE}/datasets/debian12/packages.gz"] + options.set
            battery.run("quickstart", threads, specs / "quickstart.textproto",
                        data + SHORT + [f"model.encoder.checkpoint.path={TREE}/experiments/quickstart_encoder"])
            done = battery.run("random_encoder", threads, specs / "random_encoder.textproto", data)
            for learner, group in LEARNERS.items():
                more = [f"learner={{ {group} }}"] + (["train.meta_steps=0"] if learner == "linear_probe" else [])
                battery.run(learner, threads, specs / "random_encoder.textproto", data + SHORT + more)
            battery.run("glyphs", threads, specs / "glyphs/proto_net.textproto", SHORT)
            for causal, more in CAUSAL.items():
                small = [f"model.encoder.checkpoint.path={TREE}/tests/goldens/encoders/gpt2",
                         "model.encoder.checkpoint.max_tokens=40", "model.prompt.template={text} .{mask}",
                         "model.verbalizer.sequence.max_tokens=20", "episodes.ways=3", "episodes.shots=1"]
                battery.run(causal, threads, specs / "in_context.textproto", data + SHORT + small + more)
            battery.run("pretrain", threads, specs / "pretraining.textproto",
                        [f"corpus.path={TREE}/datasets/debian12/packages.gz", "vocabulary.size=1000",
                         "encoder.bert.layers=1", "encoder.bert.width=64", "masked.batch=16", "train.steps=4",
                         "train.validate_every=2", "corpus.max_valid=50"], "pretrain")
            texts = battery.folder / "support.tsv"
            texts.write_text(SUPPORT, encoding="utf-8")
            battery.run("finetune", threads, specs / "finetune/banking77_minilm.textproto",
                        [f"dataset={{ tsv {{ path: '{texts}' }} }}",
                         f"encoder.checkpoint.path={TREE}/tests/goldens/encoders/bert", "texts={}", "train.epochs=2"],
                        "finetune")
            if options.encoder:
                short = ["train.meta_steps=8", "train.validate_every=4", "train.validate_after=0",
                         "train.valid_episodes=6", "test.episodes=8",
                         f"model.encoder.checkpoint.path={options.encoder.resolve()}"]
                for precision in ("FLOAT32", "BFLOAT16"):
                    battery.run(f"huffpost-{precision.lower()}", threads, specs / "minilm/huffpost.textproto",
                                short + [f"precision={precision}"])
                battery.run("huffpost-frozen", threads, specs / "minilm/huffpost.textproto",
                            short + ["learner.adapts={ part: PROMPT }", "learner.learns={ part: PROMPT }"])
            if done and re.search(options.only, "classify"):
                for shots in (1, 5):
                    command = [options.program, "classify", "--run", done, "--support", texts, "--shots", shots,
                               "--all", "--threads", threads]
                    battery.show(f"classify-{shots}shot", threads, "output", battery.call(command, input=TEXTS.encode()))
            if re.search(options.only, "sinusoid"):
                program = [options.sinusoid.resolve()] if options.sinusoid else [options.program, "sinusoid"]
                command = program + ["--threads", threads]
                for learner in ("maml", "meta_sgd", "reptile"):
                    curve = battery.folder / f"curve-{learner}-{threads}"
                    battery.call(command + ["--learner", learner, "--meta-steps", 200, "--test-tasks", 100,
                                            "--curve", curve])
                    battery.show(f"sinusoid-{learner}", threads, "output", curve.read_bytes())
                dump = battery.folder / f"dump-{threads}"
                battery.call(command + ["--dump", dump])
                battery.show("sinusoid-gradients", threads, "output", dump.read_bytes())


if __name__ == "__main__":
    main()
