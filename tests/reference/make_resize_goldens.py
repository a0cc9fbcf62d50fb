#!/usr/bin/env python3
"""Makes tests/goldens/vit/resized.safetensors: what ViTImageProcessor of `transformers` makes of random images.

    pip install 'transformers==5.24.0' torch torchvision safetensors
    python3 tests/reference/make_resize_goldens.py  # from the repository's root

`bytes` are the images [B, channels, height, width]; `FILTER-HEIGHTxWIDTH` are the bytes of the resized images. All are
int64. Some sizes are larger than the images', some smaller, and one is wider and as high.
"""

import os

import torch
import transformers
from safetensors.torch import save_file

import golden_models

FILTERS = {"bilinear": 2, "bicubic": 3}
SIZES = [(20, 15), (4, 3), (9, 14), (12, 5)]

images = torch.randint(0, 256, (2, 3, 9, 7), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
expected = {"bytes": images.long()}
for name, number in FILTERS.items():
    for height, width in SIZES:
        processor = transformers.ViTImageProcessor(size={"height": height, "width": width}, resample=number,
                                                   do_rescale=False, do_normalize=False, do_convert_rgb=False)
        resized = processor(list(images), input_data_format="channels_first", return_tensors="pt")["pixel_values"]
        expected[f"{name}-{height}x{width}"] = resized.long().contiguous()
save_file(expected, os.path.join(golden_models.GOLDENS, "vit", "resized.safetensors"))
print({name: list(tensor.shape) for name, tensor in expected.items()})
