#!/usr/bin/env python3
"""Prints the peak resident memory of each process of a run, with and without processes.shard_optimizer.

    tests/ranks_memory.py --processes 3

The run meta-learns all parameters of a random BERT of 19 million parameters with Reptile, for a few meta-steps on tiny
episodes, so that parameters, gradients and AdamW's moments take most of the memory. The peak is VmHWM of
/proc/PID/status, read every 10 ms, so Linux only.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

from kills import write_world

SPEC = """
name: "memory"
dataset { tsv { path: "words.tsv" } split { shares { train: 0.4 valid: 0.3 } } }
model {
  tokenizer { vocab_size: 90 }
  encoder { bert { layers: 6 width: 512 heads: 8 intermediate: 2048 max_positions: 24 } }
  verbalizer { allow_same_words: true }
}
episodes { ways: 3 shots: 1 queries: 1 }
learner { reptile {} inner { steps: 1 encoder_lr: 0.01 prompt_lr: 0.01 } meta_optimizer { encoder_lr: 0.0001 } }
train { meta_steps: 4 meta_batch: 3 validate_every: 4 valid_episodes: 2 patience: 0 }
test { episodes: 2 baseline: false }
threads: 1
"""


def peak(pid):
    """MB, or 0 if the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM:")), 0)


def peaks(program, folder, processes, divided):
    line = [program, "run", "memory.textproto", "--out", f"divided-{divided}", "--processes", str(processes), "--quiet"]
    line += ["--set", f"processes.shard_optimizer={'true' if divided else 'false'}"]
    run = subprocess.Popen(line, cwd=folder, stdout=subprocess.DEVNULL)
    found = {}  # by process; rank 0 comes first
    while run.poll() is None:
        try:
            children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        except FileNotFoundError:
            children = []
        for pid in [str(run.pid)] + children:
            found[pid] = max(found.get(pid, 0), peak(pid))
        time.sleep(0.01)
    if run.returncode != 0:
        raise SystemExit(f"exit status {run.returncode}")
    return list(found.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=Path("bazel-bin/experiments/cli/metaprompt"), type=Path,
                        help="the metaprompt binary [bazel-bin/experiments/cli/metaprompt]")
    parser.add_argument("--processes", type=int, default=3, help="processes of the run [3]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="memory") as name:
        folder = Path(name)
        write_world(folder)
        (folder / "memory.textproto").write_text(SPEC)
        for divided in (False, True):
            found = peaks(options.program.resolve(), folder, options.processes, divided)
            print(f"{'divided' if divided else 'whole  '}  " +
                  ", ".join(f"rank {rank}: {size:.0f} MB" for rank, size in enumerate(found)), flush=True)
        one, other = [(folder / f"divided-{divided}" / "checkpoint-1shot.safetensors").read_bytes()
                      for divided in (False, True)]
        print("the same checkpoint" if one == other else "ANOTHER CHECKPOINT")


if __name__ == "__main__":
    main()
