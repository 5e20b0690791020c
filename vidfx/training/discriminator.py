"""Judges patches: is this a piece of a real painting, or of the generator's?"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PatchDiscriminator(nn.Module):
    """A fully convolutional judge with one verdict per patch (Isola et al. 2017, "pix2pix"), least-squares trained.

    Takes N × 3 × H × W in 0..1, gives N × 1 × h × w verdicts, 1 for real. Instance norm is welcome here: the
    discriminator never runs when a film is rendered.
    """

    def __init__(self, channels: int, strides: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, channels, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        width = channels
        for _ in range(strides - 1):
            layers += [
                nn.Conv2d(width, width * 2, 4, stride=2, padding=1, bias=False),
                nn.InstanceNorm2d(width * 2, affine=True),
                nn.LeakyReLU(0.2),
            ]
            width *= 2
        layers += [
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.InstanceNorm2d(width, affine=True),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 1, 3, padding=1),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        verdict: Tensor = self.layers(x * 2 - 1)
        return verdict


class TwoScaleDiscriminator(nn.Module):
    """One judge for the stroke, one on the half-size picture for the composition."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fine = PatchDiscriminator(channels, strides=3)
        self.coarse = PatchDiscriminator(channels, strides=2)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.fine(x), self.coarse(F.avg_pool2d(x, 2))]


def judge_loss(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """The discriminator's side of the least-squares game (Mao et al. 2017): real to 1, fake to 0."""
    terms = [((r - 1) ** 2).mean() + (f**2).mean() for r, f in zip(real, fake, strict=True)]
    return torch.stack(terms).mean()


def fool_loss(fake: list[Tensor]) -> Tensor:
    """The generator's side: fake to 1."""
    return torch.stack([((f - 1) ** 2).mean() for f in fake]).mean()
