#!/usr/bin/env python3
"""Prints how long a meta-step takes with more and more processes, by the model of docs/scale.md.

    tests/scale_model.py --tasks 64 --task-seconds 9.9 --parameters 109.5e6 --largest 23.4e6 --gbit 10

Rank 0 sends the parameters to each rank in turn; the sums of the gradients go through the ranks in a chain, one tensor
after another. With --shard, the optimizer is divided: each rank gets the gradients of its parameters, and sends the new
values; it is sent the other parameters only.
"""

import argparse
import math


def seconds(options, ranks):
    """(computing, communicating) in a meta-step with this many ranks. Ranks without a task take no part."""
    ranks = min(ranks, options.tasks)
    tasks = math.ceil(options.tasks / ranks)
    divided = ranks if options.shard else 1
    computing = tasks * options.task_seconds + options.update_seconds / divided
    if ranks == 1:
        return computing, 0.0
    bandwidth = options.gbit * 1e9 / 8
    chain = ranks - 1
    whole = 4 * options.parameters / bandwidth
    sending = chain * ((whole - whole / ranks if options.shard else whole) + options.latency)
    adding = whole + chain * (4 * options.largest / bandwidth + options.latency)
    updating = 2 * chain * (whole / ranks + options.latency) if options.shard else 0.0
    return computing, sending + adding + updating


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=64, help="tasks per meta-step [64]")
    parser.add_argument("--task-seconds", type=float, required=True, help="seconds per task on one rank")
    parser.add_argument("--parameters", type=float, required=True, help="numbers that are meta-learned")
    parser.add_argument("--largest", type=float, default=0, help="numbers in the largest tensor [0]")
    parser.add_argument("--update-seconds", type=float, default=0, help="seconds of the optimizer on one rank [0]")
    parser.add_argument("--shard", action="store_true", help="processes.shard_optimizer")
    parser.add_argument("--gbit", type=float, default=10, help="bandwidth of a machine's network in Gbit/s [10]")
    parser.add_argument("--latency", type=float, default=1e-4, help="seconds per message [0.0001]")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000])
    options = parser.parse_args()
    alone = sum(seconds(options, 1))
    print("ranks  tasks per rank  s per meta-step  of it communication  speed-up  efficiency")
    for ranks in options.ranks:
        computing, communicating = seconds(options, ranks)
        both = computing + communicating
        print(f"{ranks:5d}  {math.ceil(options.tasks / ranks):14d}  {both:15.3f}  {100 * communicating / both:17.1f} %  "
              f"{alone / both:8.1f}  {alone / both / ranks:10.2f}")


if __name__ == "__main__":
    main()
