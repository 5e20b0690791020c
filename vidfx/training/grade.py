"""A last hand on a trained style, which costs nothing when a film is painted: a blend of weights, and of colours.

What is done to colours is linear in what is painted, so the last layer takes it in.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from vidfx.frames import LUMA
from vidfx.styles.generator import Generator
from vidfx.training.recipe import Recipe

_LUMA = torch.tensor(LUMA)


def blended(after: Generator, before: Generator, share: float) -> Generator:
    """A copy of `after` whose weights are `share` those of `before`, which it was trained from.

    Between a network and what fine-tuning made of it the mean of the weights is as good as a network between the two
    (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
    """
    mixed = copy.deepcopy(after)
    with torch.no_grad():
        for weights, then in zip(mixed.parameters(), before.parameters(), strict=True):
            weights.lerp_(then, share)
    return mixed


def graded(generator: Generator, recipe: Recipe) -> Generator:
    """A copy that paints as the recipe's `saturation` and `duotone` ask."""
    if recipe.saturation != 1:
        generator = more_colourful(generator, recipe.saturation)
    return between_two_colours(generator, *recipe.duotone) if recipe.duotone else generator


def more_colourful(generator: Generator, saturation: float) -> Generator:
    """A copy that paints colours `saturation` times as far from the grey of their luma: grey + s (painted − grey)."""
    grey = _LUMA.expand(3, 3)
    return _through(generator, grey + saturation * (torch.eye(3) - grey), torch.zeros(3))


def between_two_colours(generator: Generator, dark: Sequence[float], light: Sequence[float]) -> Generator:
    """A copy that paints every colour as the one of its luma on the line through two, RGB in 0..1.

    With u = light − dark and w the weights of luma, out = dark + u (w · (painted − dark)) / (w · u).
    """
    start, way = torch.tensor(dark), torch.tensor(light) - torch.tensor(dark)
    onto = torch.outer(way, _LUMA) / (_LUMA @ way)
    return _through(generator, onto, start - onto @ start)


def _through(generator: Generator, matrix: Tensor, offset: Tensor) -> Generator:
    """A copy that paints `matrix` · colour + `offset`."""
    folded = copy.deepcopy(generator)
    layer = folded.leave
    assert layer.bias is not None
    with torch.no_grad():
        weight = layer.weight.cpu().reshape(3, 4, -1)  # three colours of 2 × 2 pixels
        bias = layer.bias.cpu().reshape(3, 4) + 0.5  # as the generator adds it last
        layer.weight.copy_(torch.einsum("ij,jkn->ikn", matrix, weight).reshape(layer.weight.shape))
        layer.bias.copy_((matrix @ bias + offset[:, None] - 0.5).reshape(-1))
    return folded
