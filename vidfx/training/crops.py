"""What is done to crops on their way through a step: borders, film grain, and small camera motions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from vidfx.training.data import BORDER, SLACK, Batch

GRAIN = 0.08  # standard deviation, of 1, of the noise that the discriminator looks through

NOISE = 0.02  # of 1; the greatest standard deviation of the noise between frames
LEAST_CHANGE = 3e-5  # of 1, squared: about one step of 255; less in a film is no measure
NOISE_OCTAVES = 4  # its grains are 1, 2, 4 or 8 px wide


def inner(x: Tensor) -> Tensor:
    """Cuts the border away that the generator sees but that is not judged."""
    return x[..., BORDER:-BORDER, BORDER:-BORDER]


def without_slack(x: Tensor) -> Tensor:
    """Cuts the further border away that only small motions need."""
    return x[..., SLACK:-SLACK, SLACK:-SLACK]


def grain(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Film grain over all that the discriminator sees: else perfectly flat paper gives the real ones away.

    Sønderby et al. 2017, "Amortised MAP inference for image super-resolution" (instance noise).
    """
    noise = torch.randn(pictures.shape, generator=_there(random, pictures.device), device=pictures.device)
    return pictures + GRAIN * noise.contiguous(memory_format=torch.channels_last)


def film_noise(like: Tensor, random: torch.Generator) -> Tensor:
    """What differs between two frames of a film where nothing moves: grain, or a codec's coarser errors."""
    step = 2 ** int(torch.randint(NOISE_OCTAVES, (), generator=random))
    count, channels, height, width = like.shape
    grains = (count, channels, -(-height // step), -(-width // step))
    noise = torch.randn(grains, generator=_there(random, like.device), device=like.device)
    strength = NOISE * torch.rand((), generator=random) / step**0.5
    return F.interpolate(noise * strength, size=(height, width), mode="bilinear", align_corners=False)


def _there(random: torch.Generator, device: torch.device) -> torch.Generator:
    """A generator for large draws on the device itself, which goes on from this one."""
    if device.type == random.device.type:
        return random
    seed = int(torch.randint(2**62, (), generator=random))
    return torch.Generator(device).manual_seed(seed)


def reflect_border(x: Tensor) -> Tensor:
    """Replaces the border by a mirror of the inside, as at the edge of a rendered frame."""
    return F.pad(inner(x), (BORDER,) * 4, mode="reflect").contiguous(memory_format=torch.channels_last)


def differences(x: Tensor) -> Tensor:
    """Horizontal and vertical steps between neighbours, for a loss on edges."""
    return torch.cat([(x[..., 1:, 1:] - x[..., 1:, :-1]), (x[..., 1:, 1:] - x[..., :-1, 1:])], 1)


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
        grid = F.affine_grid(matrix.to(x.device), list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, mode="bicubic", padding_mode="reflection", align_corners=False)

    moved = without_slack(move(content)) * gain
    return moved.clamp(0, 1).contiguous(memory_format=torch.channels_last), move


def carried(picture: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """A picture along `flow` (N × 2 × H × W, px), and where that met its judged inside: N × 1 × H × W, 0 or 1."""
    height, width = picture.shape[-2:]
    sides = (torch.arange(side, device=flow.device) for side in (height, width))
    y, x = torch.meshgrid(*sides, indexing="ij")
    place = flow + torch.stack([x, y]).to(flow)
    span = torch.tensor([width, height], device=flow.device).reshape(1, 2, 1, 1)
    place = (place + 0.5) * 2 / span - 1
    inside = (place.abs() <= 1 - 2 * BORDER / span).all(1, keepdim=True)
    found = F.grid_sample(picture, place.permute(0, 2, 3, 1), mode="bicubic", align_corners=False)
    return found, inside.to(picture)


@dataclass(frozen=True, slots=True)
class TwoViews:
    """What the generator is shown of a batch, twice, a moment apart."""

    seen: Tensor
    """The crops, half the time as at the edge of a frame."""
    moved: Tensor
    """A moment later: the film's own next frames, or photographs after a small camera motion with a film's noise."""
    _move: Callable[[Tensor], Tensor]
    _flow: Tensor
    _trust: Tensor
    _followed: Tensor
    """Film whose motion is believed anywhere that it is judged; all else is shaken."""

    @classmethod
    def of(cls, batch: Batch, random: torch.Generator) -> TwoViews:
        """Draws them from a batch."""
        seen = without_slack(batch.content)
        if torch.rand((), generator=random) < 0.5:
            seen = reflect_border(seen)
        moved, move = jitter(batch.content, random)
        followed = inner(without_slack(batch.trust)).amax((1, 2, 3), keepdim=True) > 0
        moved = torch.where(followed, without_slack(batch.later), moved + film_noise(moved, random))
        moved = moved.contiguous(memory_format=torch.channels_last)
        return cls(seen, moved, move, without_slack(batch.flow), without_slack(batch.trust), followed)

    def unsteadiness(self, painted: Tensor, painted_moved: Tensor) -> Tensor:
        """How many times as much the painting changed as the film did, along the motion where that is known.

        A ratio of mean squares, averaged over crops: 1 is as steady as the film. Were it the painting's change alone,
        what moves fast would be all that counts, and a wall that trembles nothing.
        """
        then, now = torch.cat([painted, self.seen], 1), torch.cat([painted_moved, self.moved], 1)
        along, inside = carried(then, self._flow)
        known = inner(self._trust * inside)
        film = _ratio(known * inner((now - along) ** 2), known.mean((1, 2, 3)))
        # A shaken photograph is judged away from its border only, for which the motion lacks the pixels.
        shaken = _ratio(inner(without_slack((now - self._move(then)) ** 2)), torch.ones_like(film))
        return torch.where(self._followed.flatten(), film, shaken).mean()


def _ratio(squares: Tensor, share: Tensor) -> Tensor:
    """Of each picture, the mean of the first three channels over that of the others, times the share that is known."""
    painting, film = (part.mean((1, 2, 3)) for part in (squares[:, :3], squares[:, 3:]))
    return share * painting / (film + LEAST_CHANGE * share + 1e-12)


def window(size: int, edge: int, random: torch.Generator) -> Callable[[Tensor], Tensor]:
    """Cuts the same random part, of `edge` at most, out of pictures of size × size."""
    edge = min(edge, size)
    top, left = (int(torch.randint(size - edge + 1, (), generator=random)) for _ in range(2))

    def part(x: Tensor) -> Tensor:
        return x[..., top : top + edge, left : left + edge].contiguous(memory_format=torch.channels_last)

    return part
