"""The network that paints: a feed-forward image-to-image generator without any whole-frame statistic.

It works at 1/4 and 1/8 of the frame, where wide layers are cheap, and finishes at 1/2, where it sees the source again
at full detail, so that lines fall where the edges are. There is no normalisation layer: an output pixel depends on its
neighbourhood alone (`receptive_radius`), so tiles, batches and frames do not influence each other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidfx.styles.card import NetworkShape

Shuffle = Callable[[Tensor, int], Tensor]
SIZE_MULTIPLE = 8
"""Height and width that the generator takes are multiples of this."""


class Kernel(NamedTuple):
    """What a convolution is made of, the same across and down."""

    weight: Tensor
    bias: Tensor | None = None
    stride: int = 1
    padding: int = 1
    groups: int = 1

    @classmethod
    def of(cls, layer: nn.Conv2d) -> Kernel:
        return cls(layer.weight, layer.bias, layer.stride[0], int(layer.padding[0]), layer.groups)


class Convolve(Protocol):
    """A convolution; then `onto`, whose memory may become the result's, is added, and what is negative cut off."""

    def __call__(self, x: Tensor, kernel: Kernel, onto: Tensor | None = None, *, relu: bool = False) -> Tensor: ...


def convolve(x: Tensor, kernel: Kernel, onto: Tensor | None = None, *, relu: bool = False) -> Tensor:
    """On any device, and with gradients."""
    out = F.conv2d(x, kernel.weight, kernel.bias, kernel.stride, kernel.padding, groups=kernel.groups)
    if onto is not None:
        out = out.add_(onto)
    return F.relu(out, inplace=True) if relu else out


class ResidualBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)  # begins as the identity: so a stack trains without a norm
        assert self.second.bias is not None
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor, by: Convolve = convolve) -> Tensor:
        return by(by(x, Kernel.of(self.first), relu=True), Kernel.of(self.second), x)


class Generator(nn.Module):
    """RGB in 0..1, N × 3 × H × W with H and W multiples of 8, to RGB of the same shape, not clamped."""

    def __init__(self, shape: NetworkShape = NetworkShape()) -> None:
        super().__init__()
        self.shape = c = shape
        self.enter = nn.Conv2d(48, c.quarter, 3, padding=1)
        self.down = nn.Conv2d(c.quarter, c.eighth, 4, stride=2, padding=1)  # 4 × 4: an even overlap leaves no lattice
        self.body = nn.Sequential(*(ResidualBlock(c.eighth) for _ in range(c.blocks)))
        self.up_quarter = nn.Conv2d(c.eighth, 4 * c.quarter, 1)
        self.join = ResidualBlock(c.quarter)
        self.up_half = nn.Conv2d(c.quarter, 4 * c.half, 1)
        self.look_again = nn.Conv2d(12, c.half, 3, padding=1)
        self.merge = nn.Conv2d(c.half, c.half, 3, padding=1)
        self.leave = nn.Conv2d(c.half, 12, 3, padding=1)
        for layer in (self.up_quarter, self.up_half, self.leave):
            equal_subpixels_(layer)

    def forward(self, x: Tensor) -> Tensor:
        x = x - 0.5
        return F.pixel_shuffle(self.paint(F.pixel_unshuffle(x, 4), F.pixel_unshuffle(x, 2)), 2) + 0.5

    def paint(
        self,
        by_4: Tensor,
        by_2: Tensor,
        shuffle: Shuffle = F.pixel_shuffle,
        by: Convolve = convolve,
        *,
        deep: bool = False,
    ) -> Tensor:
        """The network between blocks of pixels: from those of 4 × 4 and of 2 × 2 to those of 2 × 2, all around 0.

        `shuffle` goes with the order of the weights: `shuffle_by_pixel` for those of `vidfx.styles.weights.by_pixel`.
        `deep` computes the last layer in fp32: bf16 could not tell more than 256 shades of a light tone apart.
        """

        def run(layer: nn.Conv2d, x: Tensor, onto: Tensor | None = None, *, relu: bool = False) -> Tensor:
            return by(x, Kernel.of(layer), onto, relu=relu)

        larger = partial(smooth_shuffle, shuffle=shuffle, by=by)
        quarter = run(self.enter, by_4, relu=True)
        eighth = run(self.down, quarter, relu=True)
        for block in self.body:
            eighth = block(eighth, by)
        quarter = self.join(larger(run(self.up_quarter, eighth), quarter, relu=True), by)
        half = run(self.look_again, by_2, larger(run(self.up_half, quarter)), relu=True)
        half = run(self.merge, half, relu=True)
        if deep and half.dtype != torch.float32:
            bias = None if self.leave.bias is None else self.leave.bias.float()
            return convolve(half.float(), Kernel(self.leave.weight.float(), bias))
        return run(self.leave, half)

    @property
    def receptive_radius(self) -> int:
        """Pixels around an output pixel beyond which the input cannot change it (an upper bound, a multiple of 8)."""
        at_quarter = 1 + 2 + 1  # enter; join; smooth_shuffle
        at_eighth = 2 * self.shape.blocks
        at_half = 4  # smooth_shuffle, merge, leave, and rounding to the half-size lattice
        down = 2 * 4  # a 4 × 4 kernel at 1/4 reaches two samples
        radius = 4 * at_quarter + down + 8 * at_eighth + 2 * at_half + 8
        return -(-radius // SIZE_MULTIPLE) * SIZE_MULTIPLE


def cut(pictures: Tensor, step: int) -> Tensor:
    """`vidfx.styles.blocks.unshuffled` wherever a tensor lies: N × H × W × C to N × H/step × W/step × step² C."""
    count, height, width, depth = pictures.shape
    rows = pictures.reshape(count, height // step, step, width // step, step * depth)
    return rows.transpose(2, 3).reshape(count, height // step, width // step, -1)


def joined(blocks: Tensor, step: int) -> Tensor:
    """`vidfx.styles.blocks.shuffled` wherever a tensor lies: the way back of `cut`."""
    count, height, width, channels = blocks.shape
    rows = blocks.reshape(count, height, width, step, channels // step).transpose(2, 3)
    return rows.reshape(count, height * step, width * step, -1)


def shuffle_by_pixel(x: Tensor, step: int) -> Tensor:
    """torch's pixel_shuffle for channels that are ordered by pixel, then by feature, and lie last in memory.

    It moves whole pixels with all their channels: on a CPU four times as fast as single values.
    """
    return joined(x.permute(0, 2, 3, 1), step).permute(0, 3, 1, 2)


def smooth_shuffle(
    x: Tensor,
    onto: Tensor | None = None,
    *,
    shuffle: Shuffle = F.pixel_shuffle,
    by: Convolve = convolve,
    relu: bool = False,
) -> Tensor:
    """Pixel shuffle to twice the size, then a binomial 3 × 3, which maps any pattern of period 2 to its mean.

    So the network has no way to leave its lattice of 4 and 8 px in flat parts of the picture, whatever an adversary
    rewards; `leave` alone can still make one of 2 px.
    """
    x = shuffle(x, 2)
    taps = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype, device=x.device) / 4
    kernel = (taps[:, None] * taps).expand(x.shape[1], 1, 3, 3)
    return by(x, Kernel(kernel, groups=x.shape[1]), onto, relu=relu)


def equal_subpixels_(layer: nn.Conv2d) -> None:
    """Initialises a sub-pixel convolution so that its 2 × 2 outputs start equal: no checker pattern to begin with.

    Aitken et al. 2017, "Checkerboard artifact free sub-pixel convolution" (ICNR).
    """
    with torch.no_grad():
        kernel = torch.empty(layer.out_channels // 4, *layer.weight.shape[1:])
        nn.init.kaiming_normal_(kernel, nonlinearity="linear")
        layer.weight.copy_(kernel.repeat_interleave(4, 0))
        assert layer.bias is not None
        layer.bias.zero_()
