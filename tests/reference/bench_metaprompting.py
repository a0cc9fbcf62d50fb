#!/usr/bin/env python3
"""Measures the processor time of MetaPrompting's meta-step and test episode, for one program or an old and a new one.

Uses experiments/specs/metaprompting/huffpost.textproto. The time of a run with few meta-steps or test episodes is
subtracted from that of a run with more, so that starting the program, reading the model and writing files do not count.
Rounds of both programs alternate, so that other work on the machine slows both down equally. Prints the median of user
and system time in seconds, the median of the ratios old / new, and whether both programs made the same records: the
losses of training, the accuracies, and the hash of all predictions.

    python3 tests/reference/bench_metaprompting.py --model bert-base-uncased --data News_Category_Dataset_v3.json \\
        --old OLD/metaprompt --new bazel-bin/experiments/cli/metaprompt [--rounds 3] [--only bf16]
"""

import argparse
import os
import re
import statistics
import subprocess
import tempfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--old", help="the program to compare with; without it, only --new is measured")
parser.add_argument("--new", default="bazel-bin/experiments/cli/metaprompt")
parser.add_argument("--model", required=True, help="Hugging Face folder of bert-base-uncased")
parser.add_argument("--data", required=True, help="HuffPost's file")
parser.add_argument("--spec", default="experiments/specs/metaprompting/huffpost.textproto")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--only", default="", help="only the rows whose name contains this")
options = parser.parse_args()

FEW = {"train.meta_steps": 0, "train.valid_episodes": 1, "test.episodes": 2}
# Name: the fields of all runs, the field that counts units, and how much it differs between the two runs.
CASES = {}
for precision, short in (("FLOAT32", "f32"), ("BFLOAT16", "bf16")):
    CASES[f"meta-step, 1 shot, {short}"] = ({"precision": precision, "episodes.shots": 1}, "train.meta_steps", 2)
    for shots, episodes in ((1, 4), (5, 2)):
        CASES[f"test episode, {shots} shot, {short}"] = (
            {"precision": precision, "episodes.shots": shots}, "test.episodes", episodes)


def run(program, fields):
    """(user seconds, system seconds, peak MiB, values that must be the same) of a run with these fields."""
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "run", options.spec, "--out", f"{folder}/run"]
        for field, value in fields.items():
            command += ["--set", f"{field}={value}"]
        with open(f"{folder}/log", "w+", encoding="utf-8") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                log.seek(0)
                raise SystemExit(f"{' '.join(command)}\n{log.read()}")
        with open(f"{folder}/run/record.textproto", encoding="utf-8") as record:
            found = record.read()
        same = re.findall(r"(?:accuracy|accuracies|query_loss|sha256): *\S+", found)
        return usage.ru_utime, usage.ru_stime, usage.ru_maxrss / 1024, same


def cost(program, case, few_runs):
    """(seconds per unit, of these in the system, peak MiB, what must be the same). few_runs: the round's runs."""
    fields, counted, more = CASES[case]
    common = {"dataset.huffpost.path": options.data, "model.encoder.checkpoint.path": options.model,
              "threads": options.threads, "test.baseline": "false", **FEW, **fields}
    key = (program, *fields.values())
    few = few_runs[key] = few_runs.get(key) or run(program, common)
    many = run(program, {**common, counted: FEW[counted] + more})
    user, system = ((many[i] - few[i]) / more for i in (0, 1))
    return user + system, system, many[2], (few[3], many[3])


programs = [options.old, options.new] if options.old else [options.new]
print(f"{options.threads} threads, median of {options.rounds} rounds, processor seconds, of which system time")
print(f"{'':28s}" + "".join(f"{name:>24s}" for name in (["old", "new"] if options.old else ["new"])), end="")
print(f"{'ratio':>8s}  records" if options.old else "")
costs_of = {case: [] for case in CASES if options.only in case}
for _ in range(options.rounds):
    few_runs_of_round = {}
    for case, rounds in costs_of.items():
        rounds.append([cost(program, case, few_runs_of_round) for program in programs])
for case, rounds in costs_of.items():
    line = f"{case:28s}"
    for i in range(len(programs)):
        total, system = (statistics.median(costs[i][j] for costs in rounds) for j in (0, 1))
        line += f"{total:8.2f} ({system:.2f}) {max(costs[i][2] for costs in rounds):6.0f} MiB"
    if options.old:
        line += f"{statistics.median(old[0] / new[0] for old, new in rounds):8.2f}"
        line += "  same" if all(old[3] == new[3] for old, new in rounds) else "  differ"
    print(line, flush=True)
