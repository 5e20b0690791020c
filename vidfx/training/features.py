"""The feature network that style and content are compared in: VGG16 up to conv4_3, from a file named in the recipe."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from vidfx.errors import MissingInput, UnreadableInput

BLOCKS = (
    ("conv1_1", "conv1_2"),
    ("conv2_1", "conv2_2"),
    ("conv3_1", "conv3_2", "conv3_3"),
    ("conv4_1", "conv4_2", "conv4_3"),
)
TAPS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
MEAN_BGR = (104.007, 116.669, 122.679)


class Features(nn.Module):
    """RGB in 0..1, N × 3 × H × W, to the four taps relu1_2, relu2_2, relu3_3 and relu4_3. Frozen."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        if not path.is_file():
            raise MissingInput(
                f"no feature network at {path}", hint="name a VGG16 safetensors file in the recipe's `features`"
            )
        try:
            weights = load_file(path)
            for block in BLOCKS:
                for name in block:
                    kernel, bias = weights[f"{name}.weight"].float(), weights[f"{name}.bias"].float()
                    layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
                    layer.load_state_dict({"weight": kernel, "bias": bias})
                    self.add_module(name, layer)
        except (SafetensorError, KeyError, RuntimeError) as error:
            raise UnreadableInput(f"{path} is not a VGG16 feature file: {error}") from None
        self.mean: Tensor
        self.register_buffer("mean", torch.tensor(MEAN_BGR).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = x.flip(1) * 255.0 - self.mean
        taps: dict[str, Tensor] = {}
        for number, block in enumerate(BLOCKS, 1):
            if number > 1:
                x = F.max_pool2d(x, 2)
            for name in block:
                x = F.relu(getattr(self, name)(x))
            taps[f"relu{number}_{len(block)}"] = x / 255.0
        return taps
