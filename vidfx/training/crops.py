"""What is done to crops on their way through a step: borders, film grain, and small camera motions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from vidfx.training.data import BORDER, SLACK

GRAIN = 0.08  # standard deviation, of 1, of the noise that the discriminator looks through


def inner(x: Tensor) -> Tensor:
    """Cuts the border away that the generator sees but that is not judged."""
    return x[..., BORDER:-BORDER, BORDER:-BORDER]


def grain(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Film grain over all that the discriminator sees: else perfectly flat paper gives the real ones away.

    Sønderby et al. 2017, "Amortised MAP inference for image super-resolution" (instance noise).
    """
    noise = torch.randn(pictures.shape, generator=random).to(pictures.device)
    return pictures + GRAIN * noise.contiguous(memory_format=torch.channels_last)


def reflect_border(x: Tensor) -> Tensor:
    """Replaces the border by a mirror of the inside, as at the edge of a rendered frame."""
    return F.pad(inner(x), (BORDER,) * 4, mode="reflect").contiguous(memory_format=torch.channels_last)


def jitter(content: Tensor, random: torch.Generator) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """A small camera motion: the moved crop (SLACK cut away), and the same motion for the painting of the unmoved one.

    Half the time whole pixels, which nothing blurs; else a turn, a zoom and a fraction of a pixel as well.
    """
    shift = (torch.rand(2, generator=random) * 2 - 1) * (SLACK - 2)
    turn, zoom = torch.zeros(()), torch.ones(())
    if torch.rand((), generator=random) < 0.5:
        shift = shift.round()
    else:
        turn = (torch.rand((), generator=random) * 2 - 1) * 0.012
        zoom = 1 + (torch.rand((), generator=random) * 2 - 1) * 0.012
    gain = 1 + (torch.rand((), generator=random).item() * 2 - 1) * 0.03

    def move(x: Tensor) -> Tensor:
        size = x.shape[-1]
        cos, sin = torch.cos(turn) * zoom, torch.sin(turn) * zoom
        matrix = torch.stack(
            [torch.stack([cos, -sin, shift[0] * 2 / size]), torch.stack([sin, cos, shift[1] * 2 / size])]
        ).expand(x.shape[0], 2, 3)
        grid = F.affine_grid(matrix, list(x.shape), align_corners=False).to(x.device)
        return F.grid_sample(x, grid, mode="bicubic", padding_mode="reflection", align_corners=False)

    moved = move(content)[..., SLACK:-SLACK, SLACK:-SLACK] * gain
    return moved.clamp(0, 1).contiguous(memory_format=torch.channels_last), move
