#!/usr/bin/env python3
"""Compares the pixels that dataset.image_folder reads with those of Pillow, for PNG and JPEG files of twelve kinds.

Needs Pillow and numpy:

    python3 tests/reference/compare_images.py bazel-bin/experiments/cli/metaprompt
"""

import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 29, 37


def images():
    """Images by file name, with the options for saving. The first letter is the class."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    pixels = np.stack([x * 6, y * 8, x * y % 256], -1).astype(np.uint8)
    colour = Image.fromarray(pixels ^ random.integers(0, 32, pixels.shape, dtype=np.uint8))
    palette = colour.convert("P", palette=Image.ADAPTIVE)
    transparent = np.array(colour.convert("RGBA"))
    transparent[..., 3] = random.integers(0, 256, (HEIGHT, WIDTH))
    return {
        "a/colour.png": (colour, {}),
        "a/grey.png": (colour.convert("L"), {}),
        "a/palette.png": (palette, {}),
        "a/transparent-palette.png": (palette, {"transparency": 3}),
        "b/one-bit.png": (colour.convert("1"), {}),
        "b/opaque-grey.png": (colour.convert("LA"), {}),
        "b/quality-75.jpg": (colour, {"quality": 75}),
        "b/transparent.png": (Image.fromarray(transparent), {}),
        "c/grey.jpg": (colour.convert("L"), {}),
        "c/halved-in-width.jpeg": (colour, {"quality": 80, "subsampling": 1}),
        "c/progressive.jpg": (colour, {"progressive": True, "quality": 60}),
        "c/quality-95.jpg": (colour, {"quality": 95, "subsampling": 0}),
    }


def main():
    with tempfile.TemporaryDirectory() as folder:
        names = sorted(images())
        for name, (image, options) in images().items():
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            image.save(os.path.join(folder, name), **options)
        spec = os.path.join(folder, "images.textproto")
        with open(spec, "w") as out:
            out.write(f'dataset {{ image_folder {{ path: "{folder}" }} drop_duplicates: false '
                      'split { lists { train: "a" valid: "b" test: "c" } } } model { encoder { vit {} } }')
        exported = subprocess.run([sys.argv[1], "datasets", "export", spec], check=True, capture_output=True, text=True)
        lines = exported.stdout.splitlines()
        assert len(lines) == len(names), exported.stdout[:200]
        different = 0
        for name, line in zip(names, lines):
            found = np.frombuffer(bytes.fromhex(line.split("\t")[-1]), np.uint8).reshape(3, HEIGHT, WIDTH)
            wanted = np.array(Image.open(os.path.join(folder, name)).convert("RGB")).transpose(2, 0, 1)
            same = np.array_equal(found, wanted)
            different += not same
            print(f"{name}: {'the same' if same else 'DIFFERENT'}")
    print(f"{len(names)} images, {different} different")
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
