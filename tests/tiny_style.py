"""A very small generator with random weights, so that tests of everything around it need no training."""

from __future__ import annotations

from pathlib import Path

import torch

from vidfx.styles.card import NetworkShape
from vidfx.styles.generator import Generator
from vidfx.training.export import write_model


def make_style(folder: Path, *, name: str = "tiny", seed: int = 0) -> Path:
    """Writes `folder/model.safetensors`: lively enough that a wrong pixel shows."""
    torch.manual_seed(seed)
    generator = Generator(NetworkShape(quarter=8, eighth=16, blocks=2, half=8))
    with torch.no_grad():
        for block in (*generator.body, generator.join):
            torch.nn.init.normal_(block.second.weight, std=0.05)  # blocks start as the identity: wake them
    return write_model(generator, folder, name=name, description="random weights, for tests", trained="not at all")
