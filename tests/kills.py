#!/usr/bin/env python3
"""Stops runs many times at random moments, and compares their files with those of a run that was never stopped.

    tests/kills.py --kills 1000
    tests/kills.py --kills 200 --processes 3

There is a small run for each command that can be continued: run, pretrain, and finetune on texts and on images.
Training, validation and meta-test of `run` each take longer than the time between two kills. A kill is a SIGKILL,
SIGTERM, SIGINT or SIGUSR1 at a random moment between the start of the program and --longest seconds later. When a run
is complete in spite of the kills, each file must have the same bytes as in the undisturbed run, except
environment.textproto, which has the time, and SHA256SUMS, which has its checksum. Then a run of the next command
begins, until there were enough kills; the last run ends undisturbed. The last line counts kills, runs and differences.
The exit status is 1 if there is a difference or if a run fails.

With --processes, `run` is started with 1 to N processes, a random number each time, and one of them gets the signal.
All of them must end soon after it. A random half of these starts divide the optimizer among the processes
(processes.shard_optimizer), which must change nothing else in the files.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN = """
name: "kills"
dataset { tsv { path: "words.tsv" } split { shares { train: 0.4 valid: 0.3 } } }
model {
  tokenizer { vocab_size: 90 }
  encoder { bert { layers: 1 width: 32 heads: 2 intermediate: 64 max_positions: 24 } }
  verbalizer { allow_same_words: true }
  dropout { hidden: 0.1 attention: 0.1 }
}
episodes { ways: 3 shots: [1, 5] queries: 5 }
learner { maml {} inner { steps: 3 encoder_lr: 0.05 prompt_lr: 0.05 } meta_optimizer { encoder_lr: 0.001 } }
train { meta_steps: 150 meta_batch: 2 validate_every: 75 valid_episodes: 150 checkpoint_every: 10 }
test { episodes: 300 }
threads: 2
processes { silence_seconds: 60 }
"""
PRETRAIN = """
name: "kills"
corpus { path: "texts.txt" max_tokens: 20 valid_share: 0.2 }
vocabulary { size: 110 }
encoder { bert { layers: 1 width: 64 heads: 2 intermediate: 128 max_positions: 24 } }
dropout { hidden: 0.1 attention: 0.1 }
masked { batch: 64 }
pairs { path: "pairs.tsv" batch: 32 }
train { steps: 240 parts: 3 validate_every: 40 checkpoint_every: 7 }
threads: 2
"""
FINETUNE = """
name: "kills"
dataset { tsv { path: "words.tsv" } }
tokenizer { vocab_size: 90 }
encoder { bert { layers: 1 width: 64 heads: 2 intermediate: 128 max_positions: 24 } }
dropout { hidden: 0.1 attention: 0.1 }
max_tokens: 24
train { epochs: 60 batch: 16 parts: 3 checkpoint_every: 7 }
threads: 2
"""
FINETUNE_IMAGES = """
name: "kills"
dataset { cifar { path: "cifar" } allow_other_counts: true }
encoder { vit { layers: 1 width: 32 heads: 2 intermediate: 64 patch_size: 8 } }
dropout { hidden: 0.1 attention: 0.1 }
train { epochs: 60 batch: 16 parts: 3 checkpoint_every: 7 }
threads: 2
"""
# The first word of a name is the command.
SPECS = {"pretrain": PRETRAIN, "finetune": FINETUNE, "finetune-images": FINETUNE_IMAGES, "run": RUN}
SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1]


def write_world(folder):
    lines = []
    for of_class in range(12):
        for text in range(12):
            words = ["abcdef"[of_class % 6] + "mnopqr"[(text + word) % 6] + "ghijkl"[of_class // 6 * 3 + word % 3]
                     for word in range(4)]
            lines.append(f"class{chr(97 + of_class)}\t{' '.join(words)} number {text}\n")
    (folder / "words.tsv").write_text("".join(lines))
    (folder / "pairs.tsv").write_text("".join(lines))
    (folder / "texts.txt").write_text("".join(line.split("\t")[1] for line in lines))
    cifar = folder / "cifar"  # three classes of 40 images, in the publisher's format
    cifar.mkdir()
    (cifar / "batches.meta.txt").write_text("airplane\nautomobile\nbird\n")
    noise = random.Random(0)
    (cifar / "data_batch_1.bin").write_bytes(
        b"".join(bytes([number % 3]) + noise.randbytes(3072) for number in range(120)))
    for name, spec in SPECS.items():
        (folder / f"{name}.textproto").write_text(spec)


class Run:
    """One start of a command, with a number of processes."""

    def __init__(self, program, name, out, folder, size, divided=False):
        line = [program, name.split("-")[0], f"{name}.textproto", "--out", out]
        line += ["--processes", str(size)] if size > 1 else []
        line += ["--set", "processes.shard_optimizer=true"] if divided else []
        self.error = tempfile.TemporaryFile()
        self.process = subprocess.Popen(line, cwd=folder, stdout=subprocess.DEVNULL, stderr=self.error)
        self.others = []

    def pids(self):
        """Rank 0 and the processes that it has started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        self.others = [int(pid) for pid in children.read_text().split()]
        return [self.process.pid] + self.others

    def wait(self, seconds):
        """Whether rank 0 ended within this time."""
        try:
            self.process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            return False

    def orphans(self, seconds):
        """Which of the processes that pids() found still run after this time."""
        end = time.monotonic() + seconds
        while any(runs(pid) for pid in self.others) and time.monotonic() < end:
            time.sleep(0.02)
        return [pid for pid in self.others if runs(pid)]

    def text(self):
        """What rank 0 printed on the standard error."""
        self.error.seek(0)
        return f"exit status {self.process.returncode}\n{self.error.read().decode(errors='replace')}"


def runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def files_of(run):
    return {path.name: path.read_bytes().replace(b"shard_optimizer: true", b"shard_optimizer: false")
            for path in run.iterdir() if path.name not in ("environment.textproto", "SHA256SUMS")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=Path("bazel-bin/experiments/cli/metaprompt"), type=Path,
                        help="the metaprompt binary [bazel-bin/experiments/cli/metaprompt]")
    parser.add_argument("--kills", type=int, default=1000, help="how many kills [1000]")
    parser.add_argument("--longest", type=float, default=3, help="seconds between start and kill, at most [3]")
    parser.add_argument("--processes", type=int, default=1, help="processes of a run, at most [1]")
    parser.add_argument("--seed", type=int, default=0, help="decides the moments and signals [0]")
    options = parser.parse_args()
    program = options.program.resolve()
    # A shell lets its background commands ignore Ctrl-C, and so would the runs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    chance = random.Random(options.seed)
    kills = count = different = 0
    with tempfile.TemporaryDirectory(prefix="kills") as name:
        folder = Path(name)
        write_world(folder)

        commands = list(SPECS) if options.processes == 1 else ["run"]
        expected_of = {}
        for command in commands:
            whole = Run(program, command, f"whole-{command}", folder, 1)
            if not whole.wait(600) or whole.process.returncode != 0:
                sys.exit(whole.text())
            expected_of[command] = files_of(folder / f"whole-{command}")
        while kills < options.kills:
            command = commands[count % len(commands)]
            expected = expected_of[command]
            out = f"{command}{count}"
            while True:
                size = chance.randint(1, options.processes)
                run = Run(program, command, out, folder, size, options.processes > 1 and chance.random() < 0.5)
                sent = victim = None
                enough = kills >= options.kills
                if not run.wait(600 if enough else chance.uniform(0, options.longest)):
                    if enough:
                        sys.exit(f"{out} does not end\n{run.text()}")
                    victim = chance.choice(run.pids())
                    sent = chance.choice(SIGNALS)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(victim, sent)
                    kills += 1
                ended = run.wait(120)
                orphans = run.orphans(20)
                code = run.process.returncode
                if sent is None and code == 0:
                    break
                # A signal that arrives before the program handles signals ends it. Later the program saves, and exits
                # with 130. A run may also have ended just before the signal.
                expected_codes = {0} if sent is None else {0, -sent} if sent == signal.SIGKILL else {0, -sent, 130}
                if victim is not None and victim != run.process.pid:
                    expected_codes.add(1)  # a process of the run is lost
                if code not in expected_codes or not ended or orphans:
                    sys.exit(f"{out}, after {kills} kills: signal {sent} to process {victim} of {size}; still running: "
                             f"{orphans}\n{run.text()}")
            count += 1
            found = files_of(folder / out)
            wrong = [file for file in sorted(expected.keys() | found.keys()) if expected.get(file) != found.get(file)]
            different += bool(wrong)
            print(f"{out}: {kills} kills so far{', different: ' + ', '.join(wrong) if wrong else ''}", flush=True)
    print(f"{kills} kills, {count} runs, {different} different")
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
