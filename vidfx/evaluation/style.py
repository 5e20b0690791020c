"""How near pictures are to a style's own pictures, by what a feature network sees in them.

    style = StyleReference(paintings, load_features("features.safetensors"))
    style.distance(frames)          StyleDistance(kernel=..., low=..., high=..., frechet=...)

Pictures are cut into squares of 256 pixels. In the kernel distance a square is the mean and the deviation of each
channel, tap by tap at length 1, so that every tap counts alike and contrast does not; two sets of squares are compared
by the maximum mean discrepancy with the cubic kernel of KID (Bińkowski et al., "Demystifying MMD GANs", ICLR 2018).
It is unbiased: two halves of one style are 0 apart on average, a little below as often as above. The Fréchet distance
is FID's (Heusel et al., NIPS 2017) with the places of the feature maps as samples in place of whole pictures, which a
few dozen paintings can fill, over the style's own energy. Neither has a unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from vidfx.errors import UnreadableInput, UsageError
from vidfx.features import FeatureNetwork, load_features
from vidfx.frames import Picture

SQUARE = 256  # px
SHORT_SIDE = 512  # px; larger pictures are reduced to it, so that strokes are compared at one viewing distance
SQUARES = 4  # at most, per picture
_RESAMPLES = 1000
_CONFIDENCE = 0.95

Vectors = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StyleDistance:
    """How far a set of pictures is from a style; smaller is nearer, no unit."""

    kernel: float
    """Squared maximum mean discrepancy, unbiased: about 0 for the style's own pictures, and at times below."""
    low: float
    high: float
    """Ends of its 95 % confidence interval, by resampling whole pictures."""
    frechet: float
    """Fréchet distance of feature statistics, over the style's energy; 0 or more."""
    pictures: int
    style_pictures: int


@dataclass(frozen=True, slots=True)
class _Moments:
    """Of one tap over all places of all squares."""

    mean: Vectors
    covariance: Vectors


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the network saw in a set of pictures."""

    squares: list[Vectors]
    """Per picture: squares × d; the means and deviations of every channel, each tap of length 1 / √taps."""
    moments: dict[str, _Moments]


class StyleReference:
    """A style's own pictures as a feature network sees them; measured once, compared with as often as one likes."""

    def __init__(self, style: Iterable[Picture], features: FeatureNetwork | Path | str) -> None:
        """Raises UsageError for fewer than two pictures, MissingInput and UnreadableInput for a bad feature file."""
        self._network = features if isinstance(features, FeatureNetwork) else load_features(features)
        self._style = self._see(style, "the style has")

    @classmethod
    def load(cls, path: Path, features: FeatureNetwork | Path | str) -> StyleReference:
        """Reads what `save` wrote. Raises UnreadableInput, UsageError where another network made it."""
        self = cls.__new__(cls)
        self._network = features if isinstance(features, FeatureNetwork) else load_features(features)
        try:
            tensors = load_file(path)
            moments = {
                tap: _Moments(tensors[f"{tap}.mean"], tensors[f"{tap}.covariance"]) for tap in self._network.taps
            }
            squares = np.split(tensors["squares"], np.cumsum(tensors["counts"])[:-1])
        except KeyError:
            raise UsageError(
                f"'{path}' was made with another feature network", hint="give --features the file it was made with"
            ) from None
        except (SafetensorError, OSError, ValueError) as error:
            raise UnreadableInput(
                f"'{path}' holds no measured style: {error}", hint="--style-pictures names the style's pictures instead"
            ) from None
        self._style = _Seen([one.astype(np.float64) for one in squares], moments)
        return self

    def save(self, path: Path) -> None:
        """Writes what was measured, not the pictures: a style may be judged where they may not be shipped."""
        tensors = {
            "squares": np.concatenate(self._style.squares).astype(np.float32),
            "counts": np.array([len(one) for one in self._style.squares]),
        }
        for tap, moments in self._style.moments.items():
            tensors |= {f"{tap}.mean": moments.mean.astype(np.float32)}
            tensors |= {f"{tap}.covariance": moments.covariance.astype(np.float32)}
        save_file(tensors, path)

    def distance(self, pictures: Iterable[Picture]) -> StyleDistance:
        """How far `pictures` (RGB, H × W × 3, uint8, any sizes) are. Raises UsageError for fewer than two."""
        seen = self._see(pictures, "there are")
        kernel, low, high = kernel_distance(seen.squares, self._style.squares)
        apart = [frechet_distance(seen.moments[tap], self._style.moments[tap]) for tap in self._network.taps]
        return StyleDistance(
            kernel=kernel,
            low=low,
            high=high,
            frechet=float(np.mean(apart)),
            pictures=len(seen.squares),
            style_pictures=len(self._style.squares),
        )

    def _see(self, pictures: Iterable[Picture], who: str) -> _Seen:
        squares: list[Vectors] = []
        sums: dict[str, Vectors] = {}
        products: dict[str, Vectors] = {}
        counts: dict[str, int] = {}
        for picture in pictures:
            vectors = []
            for square in squares_of(picture):
                maps = self._taps(square)
                vectors.append(_signature(list(maps.values())))
                for tap, values in maps.items():
                    sums[tap] = sums.get(tap, 0) + values.sum(axis=1)
                    products[tap] = products.get(tap, 0) + values @ values.T
                    counts[tap] = counts.get(tap, 0) + values.shape[1]
            squares.append(np.stack(vectors))
        if len(squares) < 2:
            raise UsageError(
                f"{who} {len(squares)} picture{'s' * (len(squares) != 1)}; a distance needs two at least",
                hint="give more paintings to compare with, or more frames of the render",
            )
        moments = {}
        for tap, count in counts.items():
            mean = sums[tap] / count
            moments[tap] = _Moments(mean, products[tap] / count - np.outer(mean, mean))
        return _Seen(squares, moments)

    def _taps(self, square: Picture) -> dict[str, Vectors]:
        """C × places at each tap."""
        device = next(self._network.parameters()).device
        x = torch.from_numpy(np.ascontiguousarray(square)).to(device).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            seen = self._network(x)
        return {tap: seen[tap][0].flatten(1).double().cpu().numpy() for tap in self._network.taps}


def _signature(taps: list[Vectors]) -> Vectors:
    """Mean and deviation of each channel, each tap of length 1 / √taps."""
    vectors = [np.concatenate([maps.mean(axis=1), maps.std(axis=1)]) for maps in taps]
    scaled = [vector / max(float(np.linalg.norm(vector)), 1e-12) for vector in vectors]
    return np.asarray(np.concatenate(scaled) / len(taps) ** 0.5)


def style_distance(
    pictures: Iterable[Picture], style: Iterable[Picture], features: FeatureNetwork | Path | str
) -> StyleDistance:
    """How far `pictures` are from the pictures of `style`, both RGB, uint8, of any sizes, at least two of each.

    `features` is a feature network or the path of its file. To compare several sets with one style, make a
    `StyleReference` once. Raises UsageError, MissingInput, UnreadableInput.
    """
    return StyleReference(style, features).distance(pictures)


def squares_of(picture: Picture) -> list[Picture]:
    """Up to four squares of 256 pixels that do not overlap, spread over the picture."""
    height, width = picture.shape[:2]
    short = min(height, width)
    wanted = min(max(short, SQUARE), SHORT_SIDE)
    if short != wanted:
        size = (max(SQUARE, round(width * wanted / short)), max(SQUARE, round(height * wanted / short)))
        method = cv2.INTER_AREA if wanted < short else cv2.INTER_CUBIC
        picture = np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)
        height, width = picture.shape[:2]
    rows, columns = height // SQUARE, width // SQUARE
    places = [
        (round(row * (height - SQUARE) / max(rows - 1, 1)), round(column * (width - SQUARE) / max(columns - 1, 1)))
        for row in range(rows)
        for column in range(columns)
    ]
    chosen = [places[round(i)] for i in np.linspace(0, len(places) - 1, min(SQUARES, len(places)))]
    return [picture[y : y + SQUARE, x : x + SQUARE] for y, x in chosen]


def kernel_distance(some: list[Vectors], others: list[Vectors]) -> tuple[float, float, float]:
    """Squared maximum mean discrepancy with k(x, y) = (x · y + 1)³, and the ends of its 95 % interval.

    Each item is one picture: its squares' vectors, n × d. Squares of one picture are alike, so only pairs from
    different pictures count within a set, and whole pictures are drawn for the interval.
    """
    within, across = (_between(some, some), _between(others, others)), _between(some, others)
    random = np.random.default_rng(0)
    [distance] = _discrepancy(within, across, (np.ones((1, len(some))), np.ones((1, len(others)))))
    drawn = _discrepancy(within, across, (_draw(random, len(some)), _draw(random, len(others))))
    low, high = np.quantile(drawn, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return float(distance), float(low), float(high)


def _between(some: list[Vectors], others: list[Vectors]) -> Vectors:
    """Mean kernel of each picture of the one set with each of the other."""
    first, second = np.concatenate(some), np.concatenate(others)
    kernel = (first @ second.T + 1) ** 3
    starts = [np.cumsum([0, *(len(one) for one in side[:-1])]) for side in (some, others)]
    sums = np.add.reduceat(np.add.reduceat(kernel, starts[0], axis=0), starts[1], axis=1)
    return np.asarray(sums / np.outer([len(one) for one in some], [len(one) for one in others]))


def _draw(random: np.random.Generator, count: int) -> Vectors:
    """Resamples × count: how often each picture is drawn, with replacement; two different ones at least."""
    times = random.multinomial(count, np.full(count, 1 / count), _RESAMPLES).astype(np.float64)
    return np.asarray(times[(times > 0).sum(axis=1) > 1])


def _discrepancy(within: tuple[Vectors, Vectors], across: Vectors, weights: tuple[Vectors, Vectors]) -> Vectors:
    """One a row of the weights; rows that the two sides do not share are left out."""
    rows = min(len(weight) for weight in weights)
    first, second = (weight[:rows] for weight in weights)
    total = np.zeros(rows)
    for kernel, weight in zip(within, (first, second), strict=True):
        pairs = ((weight @ kernel) * weight).sum(axis=1) - weight**2 @ np.diag(kernel)
        total += pairs / (weight.sum(axis=1) ** 2 - (weight**2).sum(axis=1))
    crossed = ((first @ across) * second).sum(axis=1) / first.sum(axis=1) / second.sum(axis=1)
    return np.asarray(total - 2 * crossed)


def frechet_distance(some: _Moments, style: _Moments) -> float:
    """|m − m'|² + tr(C + C' − 2 (C C')^½), over the style's mean square |m'|² + tr C'."""
    values, vectors = np.linalg.eigh(style.covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ some.covariance @ root).clip(0)).sum()
    spread = np.trace(some.covariance) + np.trace(style.covariance) - 2 * shared
    energy = (style.mean**2).sum() + np.trace(style.covariance)
    return float(max(((some.mean - style.mean) ** 2).sum() + spread, 0) / max(energy, 1e-12))
