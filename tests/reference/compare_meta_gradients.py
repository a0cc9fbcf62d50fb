#!/usr/bin/env python3
"""Compares MAML's exact meta-gradients, and their time, with those of `higher` and learn2learn.

Runs `metaprompt sinusoid --dump` for parameters, tasks, meta-gradients in float64 and the time of one meta-gradient in
float32. Computes the same from the same numbers with each library that is installed: `higher` (pure Python,
`pip install --no-deps higher`), and learn2learn, which must be compiled, and of which only MAML is imported. For a fair
comparison of times, use the PyTorch with the same LibTorch (Debian's python3-torch). Rounds alternate, and the shortest
times are printed, because other work on the machine can only increase them. Fails if a meta-gradient differs by more
than 1e-6 of its tensor's largest number.

    python3 tests/reference/compare_meta_gradients.py [--program PATH] [--dump FILE] [--rounds R] [--threads T] [--seed S]
"""

import argparse
import copy
import importlib.util
import subprocess
import sys
import tempfile
import time
import types

import torch
from safetensors import safe_open

LIMIT = 1e-6
STEPS = (1, 3, 5)
LAYERS = (1, 2, 3)


def higher_gradient():
    """A function (network, inner_lr, steps, task) -> gradients, or None if the library is missing."""
    try:
        import higher
    except ImportError:
        return None

    def gradient(network, inner_lr, steps, task):
        optimizer = torch.optim.SGD(network.parameters(), lr=inner_lr)
        with higher.innerloop_ctx(network, optimizer, copy_initial_weights=False) as (adapted, inner):
            for _ in range(steps):
                inner.step(loss(adapted, task["support"]))
            return torch.autograd.grad(loss(adapted, task["query"]), list(network.parameters()))

    return gradient


def learn2learn_gradient():
    """The same for learn2learn."""
    found = importlib.util.find_spec("learn2learn")
    if found is None:
        return None
    # The packages' own __init__ files would import gym, torchvision and more.
    root = found.submodule_search_locations[0]
    for name, path in (("learn2learn", root), ("learn2learn.algorithms", f"{root}/algorithms")):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [path]
    from learn2learn.algorithms.maml import MAML

    def gradient(network, inner_lr, steps, task):
        adapted = MAML(network, lr=inner_lr, first_order=False).clone()
        for _ in range(steps):
            adapted.adapt(loss(adapted, task["support"]))
        return torch.autograd.grad(loss(adapted, task["query"]), list(network.parameters()))

    return gradient


def loss(network, points):
    x, y = points
    return torch.nn.functional.mse_loss(network(x), y)


def network_of(tensors):
    layers = []
    for layer in LAYERS:
        weight = tensors[f"param.layer{layer}.weight"]
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0]).double()
        with torch.no_grad():
            linear.weight.copy_(weight)
            linear.bias.copy_(tensors[f"param.layer{layer}.bias"])
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def tasks_of(tensors, dtype):
    parts = {part: [tensors[f"{part}.{axis}"].to(dtype).unsqueeze(-1) for axis in "xy"] for part in ("support", "query")}
    return [{part: (x[t], y[t]) for part, (x, y) in parts.items()} for t in range(len(parts["query"][0]))]


def ours(path):
    command = [options.program, "sinusoid", "--dump", path, "--seed", str(options.seed), "--threads", str(options.threads)]
    subprocess.run(command, check=True)
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()


def largest_difference(gradient, network, inner_lr, steps, tasks, tensors):
    largest = 0.0
    names = [f"gradient.{steps}.layer{layer}.{part}" for layer in LAYERS for part in ("weight", "bias")]
    for number, task in enumerate(tasks):
        for name, found in zip(names, gradient(network, inner_lr, steps, task)):
            dumped = tensors[name][number]
            largest = max(largest, ((found - dumped).abs().max() / found.abs().max()).item())
    return largest


def seconds_each(gradient, network, inner_lr, steps, tasks):
    """The fastest of all."""
    times = []
    for _ in range(5):
        for task in tasks:
            start = time.perf_counter()
            gradient(network, inner_lr, steps, task)
            times.append(time.perf_counter() - start)
    return min(times)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--program", default="bazel-bin/experiments/cli/metaprompt")
parser.add_argument("--dump", help="where to keep the dump")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()
torch.set_num_threads(options.threads)

libraries = {"higher": higher_gradient(), "learn2learn": learn2learn_gradient()}
for missing in [name for name, gradient in libraries.items() if gradient is None]:
    print(f"{missing} is not installed and was left out")
    del libraries[missing]
if not libraries:
    sys.exit("nothing to compare with")

with tempfile.TemporaryDirectory() as folder:
    dump = options.dump or f"{folder}/dump.safetensors"
    tensors, metadata = ours(dump)
    inner_lr = float(metadata["inner_lr"])
    exact, exact_tasks = network_of(tensors), tasks_of(tensors, torch.float64)
    fast, fast_tasks = copy.deepcopy(exact).float(), tasks_of(tensors, torch.float32)
    differences = {(name, steps): largest_difference(gradient, exact, inner_lr, steps, exact_tasks, tensors)
                   for name, gradient in libraries.items() for steps in STEPS}
    seconds = {(name, steps): [] for name in ("metaprompt", *libraries) for steps in STEPS}
    for _ in range(options.rounds):
        _, metadata = ours(dump)
        for steps in STEPS:
            seconds["metaprompt", steps].append(float(metadata[f"seconds.{steps}"]))
            for name, gradient in libraries.items():
                seconds[name, steps].append(seconds_each(gradient, fast, inner_lr, steps, fast_tasks))

print(f"{len(exact_tasks)} tasks, {sum(p.numel() for p in exact.parameters())} parameters, inner step {inner_lr}, "
      f"{options.threads} threads, the fastest of {options.rounds} rounds\n")
print("inner steps  implementation  largest difference   ms per meta-gradient   ratio")
for steps in STEPS:
    own = min(seconds["metaprompt", steps])
    for name in ("metaprompt", *libraries):
        milliseconds = min(seconds[name, steps])
        difference = f"{differences[name, steps]:.1e}" if name in libraries else ""
        print(f"{steps:11}  {name:14}  {difference:>18}   {1e3 * milliseconds:20.2f}   {milliseconds / own:5.2f}")
sys.exit(max(differences.values()) > LIMIT)
