#!/usr/bin/env python3
"""Checks with TensorBoard's own reader that it finds every number of a run at every step, once.

    tests/reference/check_tensorboard.py --kills 6

Needs the Python package `tensorboard`; without it, prints that the check is skipped. There is a small run for each
command that writes events: run, pretrain, finetune. Each process but the last is killed (SIGKILL, SIGTERM, SIGINT or
SIGUSR1) at a random moment, and the same command continues the run. Then the events must have each tag at each step
once, the validations those of curve.tsv with the same numbers, the means of the losses between two validations those of
curve.tsv, the rates those of the schedule, and the spec as a text. The record must have the bytes of a run without
events.
"""

import argparse
import csv
import math
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    from tensorboard.backend.event_processing import event_accumulator, plugin_event_multiplexer
    from tensorboard.util import tensor_util
except ImportError:
    print("check_tensorboard.py: skipped, because the Python package `tensorboard` is not installed")
    sys.exit(0)

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import kills as small_runs  # tests/kills.py

RECORDS = {"run": "record.textproto", "pretrain": "pretraining.textproto", "finetune": "fine_tuning.textproto"}
STEP_TAGS = {
    "run": {"loss", "accuracy", "gradient_norm", "episodes_per_second", "rate/encoder", "rate/words", "rate/prompt"},
    "pretrain": {"loss", "accuracy", "gradient_norm", "steps_per_second", "rate"},
}
STEP_TAGS["finetune"] = STEP_TAGS["pretrain"]
VALIDATION_TAGS = {
    "run": {"accuracy", "accuracy/low", "accuracy/high", "confusion"},
    "pretrain": {"loss", "accuracy"},
}
VALIDATION_TAGS["finetune"] = VALIDATION_TAGS["pretrain"]

errors = []
numbers = 0  # how many were compared


def expect(condition, what):
    if not condition:
        errors.append(what)


def near(found, expected, what):
    global numbers
    numbers += 1
    expect(abs(found - expected) <= 2e-6 * max(1, abs(expected)), f"{what}: {found} instead of {expected}")


class Events:
    """The events of a folder, as TensorBoard serves them, without leaving any out."""

    def __init__(self, folder):
        self.folder = folder
        self.multiplexer = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance={"scalars": 0, "text": 0})
        self.multiplexer.AddRunsFromDirectory(str(folder))
        self.multiplexer.Reload()

    def tags(self, run):
        return set(self.multiplexer.GetAccumulator(run).Tags()["tensors"])

    def values(self, run, tag):
        """[(step, value)] of a tag, a number or bytes."""
        return [(event.step, tensor_util.make_ndarray(event.tensor_proto).item())
                for event in self.multiplexer.Tensors(run, tag)]

    def check_steps(self, run, tags, steps):
        expect(self.tags(run) == tags, f"{self.folder}: {run} has the tags {sorted(self.tags(run))}")
        # The older reader, which scripts use, must agree for numbers.
        reader = event_accumulator.EventAccumulator(str(self.folder / run), size_guidance={"scalars": 0})
        reader.Reload()
        for tag in sorted(tags & self.tags(run)):
            found = [step for step, _ in self.values(run, tag)]
            expect(found == steps, f"{self.folder}: {run}, {tag} has the steps {found} instead of {steps}")
            if tag != "confusion":
                also = [event.step for event in reader.Scalars(tag)]
                expect(also == steps, f"{self.folder}: {run}, {tag}: EventAccumulator finds the steps {also}")


def check_training(events, command, prefix, curve, step_name, names):
    """`curve`: the rows of curve.tsv; `names`: columns with the training's loss and accuracy, and the validation's."""
    steps = [int(row[step_name]) for row in curve]
    events.check_steps(prefix + "train", STEP_TAGS[command], list(range(1, steps[-1] + 1)))
    events.check_steps(prefix + "validation", VALIDATION_TAGS[command], steps)
    if errors:
        return
    for tag, column in names["validation"].items():
        for (step, value), row in zip(events.values(prefix + "validation", tag), curve):
            near(value, float(row[column]), f"validation {tag} at step {step}")
    for tag, column in names["train"].items():
        values = [value for _, value in events.values(prefix + "train", tag)]
        for before, row in zip(curve, curve[1:]):
            part = values[int(before[step_name]):int(row[step_name])]
            near(sum(part) / len(part), float(row[column]), f"mean of {tag} until step {row[step_name]}")


def check_rates(events, run, tag, optimizer, field, total):
    """A linear warm-up of whole steps, whose first rate is above 0, then a line to 0. `optimizer`: settings as text."""
    expect("FROM_FIRST" in optimizer and "LINEAR" in optimizer, "the schedule is not the one that this script computes")
    peak, warmup_share = (float(re.search(rf"\b{name}: (\S+)", optimizer).group(1)) for name in (field, "warmup_share"))
    warmup = math.ceil(warmup_share * total - 1e-6)
    for step, value in events.values(run, tag):
        at = step - 1
        share = (at + 1) / (warmup + 1) if at < warmup else (total - at) / max(1, total - warmup)
        near(value, peak * share, f"{run}, {tag} at step {step}")


def check(command, run, plain):
    folder = run / "tensorboard"
    expect((run / RECORDS[command]).read_bytes() == (plain / RECORDS[command]).read_bytes(),
           f"{run}: the record differs from that of a run without events")
    events = Events(folder)
    spec = (run / "spec.textproto").read_text()
    indented = "    " + spec.replace("\n", "\n    ")
    expect(events.values(".", "spec") == [(0, indented.encode())], f"{folder}: the spec differs")
    with open(run / "curve.tsv", encoding="utf-8") as file:
        curve = list(csv.DictReader(file, delimiter="\t"))
    optimizer = spec.split("optimizer {", 1)[1].split("}", 1)[0]
    if command == "run":
        names = {
            "train": {"loss": "query_loss", "accuracy": "query_accuracy"},
            "validation": {"accuracy": "valid_accuracy"},
        }
        for shots in ("1", "5"):
            rows = [row for row in curve if row["shots"] == shots]
            check_training(events, command, f"{shots}-shot/", rows, "meta_step", names)
            check_rates(events, f"{shots}-shot/train", "rate/encoder", optimizer, "encoder_lr", 150)
            check_rates(events, f"{shots}-shot/train", "rate/words", optimizer, "word_lr", 150)
            for tag, sign in (("accuracy/low", -1), ("accuracy/high", 1)):
                for (step, value), row in zip(events.values(f"{shots}-shot/validation", tag), rows):
                    expected = float(row["valid_accuracy"]) + sign * float(row["valid_half_width"])
                    near(value, expected, f"{tag} at step {step}")
    else:
        names = {"train": {"loss": "loss"}, "validation": {"loss": "valid_loss", "accuracy": "valid_accuracy"}}
        check_training(events, command, "", curve, "step", names)
        total = 240
        if command == "finetune":
            total = 60 * int(re.search(r"steps_per_epoch: (\d+)", (run / RECORDS[command]).read_text()).group(1))
        check_rates(events, "train", "rate", optimizer, "lr", total)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=Path("bazel-bin/experiments/cli/metaprompt"), type=Path,
                        help="the metaprompt binary [bazel-bin/experiments/cli/metaprompt]")
    parser.add_argument("--kills", type=int, default=6, help="how many kills for each command [6]")
    parser.add_argument("--longest", type=float, default=3, help="seconds between start and kill, at most [3]")
    parser.add_argument("--seed", type=int, default=0, help="decides the moments and signals [0]")
    options = parser.parse_args()
    program = options.program.resolve()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="tensorboard") as name:
        folder = Path(name)
        small_runs.write_world(folder)
        for command in small_runs.SPECS:
            arguments = [program, command, f"{command}.textproto", "--quiet", "--out"]
            subprocess.run(arguments + [f"plain-{command}"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            kills = 0
            while True:
                process = subprocess.Popen(arguments + [command, "--tensorboard"], cwd=folder,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                try:
                    code = process.wait(timeout=chance.uniform(0, options.longest) if kills < options.kills else 600)
                except subprocess.TimeoutExpired:
                    process.send_signal(chance.choice(small_runs.SIGNALS))
                    kills += 1
                    process.wait(timeout=120)
                    continue
                if code == 0:
                    break
                sys.exit(f"{command}: exit status {code}")
            check(command, folder / command, folder / f"plain-{command}")
            print(f"{command}: killed {kills} times; {numbers} numbers compared, {len(errors)} errors", flush=True)
    for error in errors[:20]:
        print(error)
    print("all there, once" if not errors else f"{len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
