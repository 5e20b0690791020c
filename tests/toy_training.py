"""A recipe of a few steps and the pictures it names, so that training can be tried in seconds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file

from vidfx.features import BLOCKS

RECIPE = """
name = "toy"
description = "for tests"
crop = 64
batch = 2
features = "features.safetensors"
[[style]]
path = "style"
crop = [64, 80]
treat = "line"
[[content]]
path = "content"
height = 160
scale = [0.8, 1.2]
[generator]
quarter = 8
eighth = 16
blocks = 1
half = 8
[warm_start]
steps = 3
[adversarial]
steps = 5
discriminator_channels = 8
"""


def make_data(root: Path) -> Path:
    """Fills a data folder with a few drawn pictures, one that is none, and a feature network of random weights."""
    random = np.random.default_rng(0)
    for kind, count in (("style", 3), ("content", 3)):
        (root / kind).mkdir()
        for number in range(count):
            picture = np.full((180, 200, 3), 230, np.uint8)
            for _ in range(12):
                a, b = (tuple(int(v) for v in random.integers(0, 180, 2)) for _ in range(2))
                cv2.line(picture, a, b, [int(v) for v in random.integers(0, 200, 3)], 3, cv2.LINE_AA)
            assert cv2.imwrite(str(root / kind / f"{number}.png"), picture)
    (root / "style" / "broken.png").write_bytes(b"no picture")
    torch.manual_seed(0)
    weights, channels = {}, 3
    for block, width in zip(BLOCKS, (64, 128, 256, 512), strict=True):
        for name in block:
            weights[f"{name}.weight"] = (torch.randn(width, channels, 3, 3) * (2 / channels / 9) ** 0.5).half()
            weights[f"{name}.bias"] = torch.zeros(width).half()
            channels = width
    save_file(weights, root / "features.safetensors")
    return root
