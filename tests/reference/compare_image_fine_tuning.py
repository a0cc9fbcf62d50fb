#!/usr/bin/env python3
"""Measures how far `metaprompt finetune` on images is from ViTForImageClassification of transformers, in float32.

    python3 tests/reference/compare_image_fine_tuning.py --program bazel-bin/experiments/cli/metaprompt

Needs torch, torchvision and transformers. The data are random images of ten classes in the format of CIFAR-10, and the
checkpoint is a small random ViT that transformers saves, for images that are half as large again. All images are one batch, without dropout, and AdamW takes a few steps, each
of which is an epoch. The class token is read (FIRST), as transformers does. Prints the losses of each step, the largest
difference of the parameters after the last step (except the biases of keys, whose gradient is 0), and how far the
parameters have moved.
"""

import argparse
import os
import random
import subprocess
import tempfile

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
import transformers
from safetensors.torch import load_file

IMAGES, STEPS, RATE, DECAY = 40, 6, 1e-3, 0.05

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--program", required=True, help="the metaprompt binary")
options = parser.parse_args()

torch.set_num_threads(2)
torch.manual_seed(0)
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def write_cifar(folder):
    """Ten classes of random images. Returns their bytes [images, 3, 32, 32] and labels, in the program's order."""
    os.mkdir(folder)
    names = sorted(["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"])
    with open(os.path.join(folder, "batches.meta.txt"), "w", encoding="ascii") as file:
        file.write("".join(name + "\n" for name in names))
    noise = random.Random(0)
    records = [bytes([number % len(names)]) + noise.randbytes(3072) for number in range(IMAGES)]
    with open(os.path.join(folder, "data_batch_1.bin"), "wb") as file:
        file.write(b"".join(records))
    images = torch.tensor([list(record[1:]) for record in records], dtype=torch.uint8).view(-1, 3, 32, 32)
    return images, torch.tensor([record[0] for record in records])


def one_run(folder, steps, rate):
    out = os.path.join(folder, f"{steps}-{rate}")
    subprocess.run([options.program, "finetune", os.path.join(folder, "spec"), "--out", out, "--set",
                    f"train.epochs={steps}", "--set", f"optimizer.lr={rate}"], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return out


def tensors_of(folder, head):
    tensors = load_file(os.path.join(folder, "model.safetensors")) | head
    return {name.removeprefix("vit."): value for name, value in tensors.items()}


def groups(model):
    """Weight matrices decay; biases, norms, the class token and positions do not."""
    decays = [p for name, p in model.named_parameters() if p.dim() > 1 and "embeddings." not in name or
              "projection.weight" in name]
    others = [p for p in model.parameters() if not any(p is one for one in decays)]
    return [{"params": decays, "weight_decay": DECAY}, {"params": others, "weight_decay": 0}]


with tempfile.TemporaryDirectory() as folder:
    images, labels = write_cifar(os.path.join(folder, "cifar"))
    config = transformers.ViTConfig(hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64,
                                    image_size=48, patch_size=8, initializer_range=0.2)
    transformers.ViTModel(config, add_pooling_layer=False).save_pretrained(os.path.join(folder, "vit"))
    processor = transformers.ViTImageProcessor(size={"height": 48, "width": 48}, do_convert_rgb=False)
    processor.save_pretrained(os.path.join(folder, "vit"))
    with open(os.path.join(folder, "spec"), "w", encoding="utf-8") as file:
        file.write(f"""name: "compare"
            dataset {{ cifar {{ path: "{folder}/cifar" }} allow_other_counts: true }}
            texts {{ valid_share: 0 test_share: 0 }}
            encoder {{ checkpoint {{ path: "{folder}/vit" }} }}
            optimizer {{ weight_decay: {DECAY} warmup_share: 0 decay: CONSTANT clip_norm: 0 }}
            train {{ batch: {IMAGES} parts: 3 }} threads: 2""")
    start, end = one_run(folder, 1, 0), one_run(folder, STEPS, RATE)
    head = load_file(start + "/classifier.safetensors")
    model = transformers.ViTForImageClassification.from_pretrained(
        start, num_labels=len(head["classifier.bias"]), attn_implementation="eager").train()
    model.classifier.load_state_dict({name.split(".")[1]: value for name, value in head.items()})
    optimizer = torch.optim.AdamW(groups(model), lr=RATE)
    pixels = processor(list(images), input_data_format="channels_first", return_tensors="pt")["pixel_values"]
    with open(end + "/curve.tsv", encoding="utf-8") as file:
        curve = [line.split("\t") for line in file.read().splitlines()[2:]]  # the first point has no loss
    for step, line in enumerate(curve):
        loss = torch.nn.functional.cross_entropy(model(pixels).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"step {step + 1}: loss {float(line[1]):.6f}, transformers {loss.item():.6f}")
    model.save_pretrained(os.path.join(folder, "after"))
    theirs = tensors_of(os.path.join(folder, "after"), {})
    ours = tensors_of(end, load_file(end + "/classifier.safetensors"))
    before = tensors_of(start, head)
    assert theirs.keys() == ours.keys(), theirs.keys() ^ ours.keys()
    # A key's bias adds the same to all scores of a query. Its gradient is only rounding, which AdamW scales up.
    difference = max((ours[name] - theirs[name]).abs().max().item() for name in ours if not name.endswith("key.bias"))
    moved = max((ours[name] - before[name]).abs().max().item() for name in ours)
    print(f"parameters differ by {difference:.1e} at most after {len(curve)} steps; they have moved by up to "
          f"{moved:.1e}")
