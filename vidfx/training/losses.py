"""What the generator is asked for, each a number that falls as the picture gets nearer to the wish."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from vidfx.styles.check import PERIODS


def gram(features: Tensor) -> Tensor:
    """Correlations of the channels, N × C × C, averaged over space (Gatys et al. 2016)."""
    n, c, h, w = features.shape
    flat = features.float().reshape(n, c, h * w)
    return flat @ flat.transpose(1, 2) / (h * w)


def style_loss(features: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:
    """Distance of Gram matrices to the style's mean, relative to its squared norm, averaged over layers."""
    terms = [((gram(features[k]) - t) ** 2).sum((1, 2)).mean() / (t**2).sum() for k, t in targets.items()]
    return torch.stack(terms).mean()


def signature(taps: list[Tensor]) -> Tensor:
    """Mean and deviation of each channel, each tap of length 1 / √taps: N × d, what `statistics_loss` compares.

    Contrast does not count, nor which tap is the louder; `vidfx.evaluation.style` measures distances the same way.
    """
    vectors = []
    for tap in taps:
        x = tap.float()
        deviation = (x.var((2, 3), unbiased=False) + 1e-8).sqrt()
        vectors.append(F.normalize(torch.cat([x.mean((2, 3)), deviation], 1)))
    return torch.cat(vectors, 1) / math.sqrt(len(vectors))


def statistics_loss(painted: Tensor, style: Tensor, spread: float) -> Tensor:
    """How far the paintings' signatures are from the style's as distributions: squared maximum mean discrepancy.

    The cubic kernel of KID (Bińkowski et al. 2018) as a loss (Li et al. 2015, "Generative moment matching networks"):
    near to the style's crops, and not all near to the same one. Unbiased for any batch of two and more. `spread` is
    the style's mean kernel with itself (`own_kernel`).
    """
    return own_kernel(painted) + spread - 2 * ((painted @ style.T + 1) ** 3).mean()


def own_kernel(signatures: Tensor) -> Tensor:
    """Mean cubic kernel of different members of one set."""
    kernel = (signatures @ signatures.T + 1) ** 3
    count = len(signatures)
    mean: Tensor = (kernel.sum() - kernel.diagonal().sum()) / (count * (count - 1))
    return mean


def content_loss(features: dict[str, Tensor], wanted: dict[str, Tensor]) -> Tensor:
    """Distance of features after each channel is normalised over space: form is kept, tone may change."""

    def normal(x: Tensor) -> Tensor:
        x = x.float()
        return (x - x.mean((2, 3), keepdim=True)) / (x.std((2, 3), keepdim=True) + 1e-3 * x.abs().amax() + 1e-6)

    near = F.mse_loss(normal(features["relu3_3"]), normal(wanted["relu3_3"]))
    far = F.mse_loss(normal(features["relu4_3"]), normal(wanted["relu4_3"]))
    return near + 0.5 * far


def likeness_loss(features: dict[str, Tensor], wanted: dict[str, Tensor]) -> Tensor:
    """Squared distance of features relative to the wanted ones' energy: the same lines, not their every pixel.

    Johnson et al. 2016, "Perceptual losses for real-time style transfer", with the teacher's picture as the target.
    """
    terms = [
        ((features[k].float() - wanted[k].float()) ** 2).mean() / (wanted[k].float() ** 2).mean().clamp_min(1e-8)
        for k in ("relu2_2", "relu3_3")
    ]
    return torch.stack(terms).mean()


def tint_loss(picture: Tensor, teacher: Tensor) -> Tensor:
    """L1 between 8 × 8 means of R − G and G − B: the adversary, blind to a mean, would let a cast creep in."""

    def chroma(x: Tensor) -> Tensor:
        x = F.avg_pool2d(x, 8)
        return torch.cat([x[:, 0:1] - x[:, 1:2], x[:, 1:2] - x[:, 2:3]], 1)

    return F.l1_loss(chroma(picture), chroma(teacher))


def tone_loss(picture: Tensor, teacher: Tensor) -> Tensor:
    """L1 between 8 × 8 means: washes stay where the light was."""
    return F.l1_loss(F.avg_pool2d(picture, 8), F.avg_pool2d(teacher, 8))


def line_loss(picture: Tensor, teacher: Tensor) -> Tensor:
    """L1 to the teacher where the teacher has a line, that is where it is dark and narrow (a closing takes it away).

    Lines cover little of a picture, so by plain L1 a faint one that may lie a pixel off is better not drawn at all.
    """
    closed = -F.max_pool2d(-F.max_pool2d(teacher, 7, 1, 3), 7, 1, 3)
    return ((picture - teacher).abs() * (2 * (closed - teacher)).clamp(0, 1)).mean()


def grid_loss(picture: Tensor) -> Tensor:
    """Amplitude (root mean square) of what repeats with the generator's strides.

    Fine detail is averaged over all tiles of period × period pixels, phase by phase: a picture's own texture averages
    out, a lattice does not. Measured per picture and in 4 × 4 regions of it, since a lattice may live in one place.
    """
    fine = picture - F.avg_pool2d(F.pad(picture, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
    n, c, h, w = fine.shape
    total = fine.new_zeros(())
    for period in PERIODS:
        tiles = fine.reshape(n, c, h // period, period, w // period, period).mean((2, 4))
        total = total + ((tiles**2).mean() + 1e-10).sqrt()
        bands = fine.reshape(n, c, 4, h // 4 // period, period, 4, w // 4 // period, period).mean((3, 6))
        total = total + 0.25 * ((bands**2).mean() + 1e-10).sqrt()
    return total / len(PERIODS)


def flat_loss(picture: Tensor, source: Tensor) -> Tensor:
    """Gradient of the picture where the source has next to none, so that skies and walls stay clean paper."""
    grey = source.mean(1, keepdim=True)
    spread = F.avg_pool2d(grey**2, 9, 1, 4) - F.avg_pool2d(grey, 9, 1, 4) ** 2
    calm = torch.exp(-spread.clamp_min(0) / 0.01**2)
    dx = (picture[..., :, 1:] - picture[..., :, :-1]).abs().mean(1, keepdim=True)
    dy = (picture[..., 1:, :] - picture[..., :-1, :]).abs().mean(1, keepdim=True)
    return (dx * calm[..., :, 1:]).mean() + (dy * calm[..., 1:, :]).mean()


def plain_loss(paint: Callable[[Tensor], Tensor], radius: int, colours: Tensor, answers: Tensor) -> Tensor:
    """L1 between what is painted on walls of plain colour, N × 3, and what the teacher paints there.

    Seen from the middle of a clear sky the picture is one colour: crops hold little of it, and an adversary that
    rewards texture greys it. `radius`: how far the generator sees, px.
    """
    edge = 2 * radius + 8
    walls = colours[:, :, None, None].expand(-1, -1, edge, edge).contiguous(memory_format=torch.channels_last)
    middle = paint(walls)[:, :, radius:-radius, radius:-radius]
    return F.l1_loss(middle.float().mean((2, 3)), answers)


def range_loss(picture: Tensor) -> Tensor:
    """What leaves 0..1 is clipped when a film is rendered, so it must not be relied on."""
    return (F.relu(-picture) + F.relu(picture - 1)).mean()
