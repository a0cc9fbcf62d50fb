#!/usr/bin/env python3
"""Writes tests/goldens/weights: small checkpoints that torch and safetensors write, and broken ones.

Needs torch and safetensors. Run it as `python3 tests/reference/make_weight_goldens.py` in the repository's root.
tests/checkpoints/weights_test.cc reads the checkpoints; expected.tsv has the numbers that torch reads from each good
folder.
"""

import collections
import json
import os
import pathlib
import shutil
import struct
import zipfile

import torch
from safetensors.torch import save_file

ROOT = pathlib.Path("tests/goldens/weights")

TYPES = {
    "f32": torch.float32,
    "f64": torch.float64,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "i64": torch.int64,
}
# Each type rounds 1/3; the others are the ends of F16's range, one of its subnormal numbers, and zeros of both signs.
FLOATS = [1 / 3, -2.5, 65504.0, 6e-8, 0.0, -0.0]
INTEGERS = [0, 1, -1, 2**62, -(2**63), 7]


def numbers(dtype):
    values = INTEGERS if dtype == torch.int64 else FLOATS
    return torch.tensor(values, dtype=torch.int64 if dtype == torch.int64 else torch.float64).to(dtype).view(2, 3)


def every_type():
    state = collections.OrderedDict((name, numbers(dtype)) for name, dtype in TYPES.items())
    state["scalar"] = torch.tensor(0.1)
    state["empty"] = torch.zeros(0, 4)
    return state


def folder(name):
    path = ROOT / name
    path.mkdir(parents=True)
    return path


expected = []


def expect(name, state):
    for key, tensor in state.items():
        shape = ",".join(str(size) for size in tensor.shape)
        if tensor.dtype == torch.int64:
            values = [str(value) for value in tensor.flatten().tolist()]
        else:
            values = [struct.pack(">f", value).hex() for value in tensor.to(torch.float32).flatten().tolist()]
        expected.append("\t".join([name, key, str(tensor.dtype)[6:], shape, " ".join(values)]))


def rewrite(path, change):
    """Writes the archive with changed bytes of its data.pkl."""
    with zipfile.ZipFile(path) as archive:
        records = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in records:
            archive.writestr(name, change(data) if name.endswith("data.pkl") else data)


class Runs:
    def __reduce__(self):
        return (os.system, ("touch /tmp/metaprompt-weights-test-ran",))


def main():
    shutil.rmtree(ROOT, ignore_errors=True)

    state = every_type()
    save_file(state, folder("safetensors") / "model.safetensors", metadata={"format": "pt"})
    expect("safetensors", state)

    other = {"i32": torch.tensor([1, 2], dtype=torch.int32), "u8": torch.tensor([3], dtype=torch.uint8),
             "bool": torch.tensor([True]), "f32": numbers(torch.float32)}
    save_file(other, folder("other_types") / "model.safetensors")
    expect("other_types", {"f32": other["f32"]})

    path = folder("sharded_safetensors")
    first = {"a.weight": torch.arange(6, dtype=torch.float32).view(3, 2), "a.bias": torch.tensor([0.5, -1.0])}
    second = {"b.weight": numbers(torch.float16)}
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    weight_map = {}
    for shard, name in zip((first, second), names):
        save_file(shard, path / name, metadata={"format": "pt"})
        weight_map.update({key: name for key in shard})
    index = {"metadata": {"total_size": 44}, "weight_map": weight_map}
    (path / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))
    expect("sharded_safetensors", {**first, **second})

    # Views: a transpose, a part of a storage, two tensors of one storage, an expanded row of one.
    state = every_type()
    base = torch.arange(12, dtype=torch.float32)
    state["transposed"] = base.view(3, 4).t()
    state["part"] = base[4:9]
    state["row"] = torch.arange(4).expand(1, -1)
    torch.save(state, folder("bin") / "pytorch_model.bin")
    expect("bin", state)

    state = collections.OrderedDict(weight=torch.nn.Parameter(torch.tensor([[1.0, 2.0]]), requires_grad=True))
    torch.save(state, folder("bin_parameter") / "pytorch_model.bin")
    expect("bin_parameter", {"weight": state["weight"].detach()})

    # The state of a real module, with the _metadata that state_dict() adds.
    torch.manual_seed(1)
    state = torch.nn.Linear(2, 2).state_dict()
    torch.save(state, folder("bin_module") / "pytorch_model.bin")
    expect("bin_module", state)

    path = folder("sharded_bin")
    names = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
    weight_map = {}
    for shard, name in zip((first, second), names):
        torch.save(shard, path / name)
        weight_map.update({key: name for key in shard})
    index = {"metadata": {"total_size": 44}, "weight_map": weight_map}
    (path / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2))
    expect("sharded_bin", {**first, **second})

    torch.save(every_type(), folder("legacy") / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    torch.save({"weight": torch.ones(2), "extra": Runs()}, folder("malicious") / "pytorch_model.bin")
    torch.save({"weight": torch.ones(2), "epoch": 3}, folder("not_a_tensor") / "pytorch_model.bin")
    torch.save([torch.ones(2)], folder("a_list") / "pytorch_model.bin")

    # Sizes (2, 3) over a storage of six numbers become (2, 9).
    path = folder("outside") / "pytorch_model.bin"
    torch.save({"weight": torch.ones(2, 3)}, path)
    rewrite(path, lambda pickle: pickle.replace(b"K\x02K\x03\x86", b"K\x02K\x09\x86"))
    # The pickle says that the storage has 7 numbers; the record has 6.
    path = folder("short_storage") / "pytorch_model.bin"
    torch.save({"weight": torch.ones(2, 3)}, path)
    rewrite(path, lambda pickle: pickle.replace(b"K\x06tq", b"K\x07tq"))
    path = folder("cut_pickle") / "pytorch_model.bin"
    torch.save({"weight": torch.ones(2, 3)}, path)
    rewrite(path, lambda pickle: pickle[: len(pickle) // 2])
    # Compressed, as torch.save never does.
    path = folder("compressed") / "pytorch_model.bin"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/data.pkl", b"\x80\x02}." + bytes(100000))

    for path in ROOT.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # safetensors makes files that only their owner can read
    (ROOT / "expected.tsv").write_text("\n".join(expected) + "\n")


if __name__ == "__main__":
    main()
