#!/usr/bin/env python3
"""Compares one process with several threads and as many processes of one thread.

    tests/bench_processes.py experiments/specs/minilm/huffpost.textproto --set dataset.huffpost.path=huffpost.json \\
        --set model.encoder.checkpoint.path=all-MiniLM-L6-v2

Runs the spec with meta-batches of 8 tasks, 1 process of N threads and N processes of 1 thread in turn. Each is run with
few and with more meta-steps; the difference of their times is that of meta-training alone, without loading, validation
and test. Prints tasks per second of each, the ratio, and the share of the time that the run itself counts as
communication and waiting.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", type=Path)
    parser.add_argument("--program", default=Path("bazel-bin/experiments/cli/metaprompt"), type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field of the spec")
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2, help="N [2]")
    parser.add_argument("--meta-batch", type=int, default=8)
    parser.add_argument("--steps", type=int, nargs=2, default=[4, 14], metavar="N", help="meta-steps [4 14]")
    parser.add_argument("--repeats", type=int, default=3, help="rounds, whose median counts [3]")
    options = parser.parse_args()
    tiny = [f"episodes.shots={options.shots}", f"train.meta_batch={options.meta_batch}", "train.patience=0",
            "train.valid_episodes=1", "train.validate_after=1000000", "train.checkpoint_every=1000000",
            "test.episodes=2", "test.baseline=false"]

    def seconds(folder, processes, threads, steps):
        """The seconds of the whole run, and its own account of communication and waiting."""
        line = [options.program, "run", options.spec, "--out", folder]
        for setting in options.set + tiny + [f"threads={threads}", f"train.meta_steps={steps}"]:
            line += ["--set", setting]
        if processes > 1:
            line += ["--processes", str(processes)]
        done = subprocess.run([str(part) for part in line], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if done.returncode != 0:
            sys.exit(done.stderr.decode(errors="replace"))
        environment = dict(re.findall(r"^(\w+): (.*)$", (folder / "environment.textproto").read_text(), re.MULTILINE))
        wall = float(environment["wall_seconds"])
        return wall, [wall * float(environment.get(share, 0)) for share in ("communication_share", "waiting_share")]

    few, more = options.steps
    sides = ((1, options.processes), (options.processes, 1))
    ratios = []
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        for repeat in range(options.repeats):
            rates = []
            for processes, threads in sides:
                (short, few_shares), (long, more_shares) = [
                    seconds(Path(name) / f"{processes}-{steps}-{repeat}", processes, threads, steps)
                    for steps in options.steps]
                wall = long - short
                shares = [(b - a) / wall for a, b in zip(few_shares, more_shares)]
                rates.append((more - few) * options.meta_batch / wall)
                print(f"{processes} processes of {threads} threads: {rates[-1]:.2f} tasks/s, "
                      f"{1000 * wall / (more - few):.0f} ms per meta-step, {100 * shares[0]:.1f} % in communication, "
                      f"{100 * shares[1]:.1f} % waiting", flush=True)
            ratios.append(rates[1] / rates[0])
    print(f"{options.processes} processes reach {statistics.median(ratios):.2f} of the rate of one, the median of "
          f"{len(ratios)} rounds ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
