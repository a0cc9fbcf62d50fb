#!/usr/bin/env python3
"""Makes tests/goldens/vit: tiny random ViTs, and the results of `transformers` for them.

    pip install 'transformers==5.24.0' torch torchvision safetensors pillow
    python3 tests/reference/make_vit_goldens.py                    # from the repository's root
    python3 tests/reference/make_vit_goldens.py --compare FOLDER CASE  # a folder saved by `export` or a test

Each folder is a complete checkpoint (config.json, weights, preprocessor_config.json) with expected.safetensors: random
images `bytes` [B, C, H, W] as int64; `pixels`, the preprocessor's result for them; and `states` [B, T, D], the last
hidden states. `states-N` are those of the same images resized to N x N pixels, with interpolated positions.
"""

import os
import shutil

import torch
import transformers as t
from safetensors.torch import load_file, save_file

import golden_models

OUT = os.path.join(golden_models.GOLDENS, "vit")
SIZES = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24, patch_size=4)
CASES = {
    # Saved with a classifier, as after an ordinary fine-tuning.
    "vit": (t.ViTForImageClassification, dict(SIZES, image_size=12), dict()),
    # Saved without a classifier; grey, without biases of queries, keys and values, and with another activation.
    "vit-grey": (t.ViTModel, dict(SIZES, image_size=8, num_channels=1, qkv_bias=False, hidden_act="gelu_new",
                                  layer_norm_eps=1e-3), dict(image_mean=[0.1307], image_std=[0.3081])),
}


OTHER_SIZES = (20, 8)  # larger and smaller than those of CASES


def expected_of(model, processor, images):
    vit = getattr(model, "vit", model)

    def pixels_of(**size):
        return processor(list(images), input_data_format="channels_first", return_tensors="pt", **size)["pixel_values"]

    def states_of(pixels, interpolates):
        with torch.no_grad():
            return vit(pixels, interpolate_pos_encoding=interpolates).last_hidden_state.contiguous()

    pixels = pixels_of()
    expected = {"bytes": images.long(), "pixels": pixels.contiguous(), "states": states_of(pixels, False)}
    for side in OTHER_SIZES:
        expected[f"states-{side}"] = states_of(pixels_of(size={"height": side, "width": side}), True)
    return expected


def make(name):
    model_class, sizes, processing = CASES[name]
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    config = t.ViTConfig(**sizes)
    model = model_class(config).eval()
    golden_models.randomise(model, generator)
    model.save_pretrained(folder)
    side = config.image_size
    processor = t.ViTImageProcessor(size={"height": side, "width": side}, do_convert_rgb=False, **processing)
    processor.save_pretrained(folder)
    images = torch.randint(0, 256, (3, config.num_channels, side, side), generator=generator, dtype=torch.uint8)
    expected = expected_of(model, processor, images)
    save_file(expected, os.path.join(folder, "expected.safetensors"))
    print(name, {k: list(v.shape) for k, v in expected.items()})


def compare(folder, name):
    model = golden_models.load(t.ViTModel, folder, add_pooling_layer=False)
    images = load_file(os.path.join(OUT, name, "expected.safetensors"))["bytes"].to(torch.uint8)
    processor = t.ViTImageProcessor.from_pretrained(folder)
    golden_models.compare(folder, os.path.join("vit", name), expected_of(model, processor, images))


if __name__ == "__main__":
    golden_models.main(CASES, make, compare)
