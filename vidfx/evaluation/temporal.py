"""How restless a render is: its change along the motion of the source, where that motion can be followed.

Warping error after Lai et al., "Learning Blind Video Temporal Consistency" (ECCV 2018): follow each pixel along the
source's optical flow to an earlier frame, and take the mean squared difference (values 0..1) where it was visible in
both. Short: one frame apart; long: `LONG` frames. Their FlowNet2 is replaced by DIS (medium preset, full size), a
better flow than smoothing itself uses, or by Farneback's, an unrelated one; their occlusion rules (Ruder, Dosovitskiy
and Brox, "Artistic Style Transfer for Videos", GCPR 2016) are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.flow import Plane, grid, warp
from vidfx.frames import Field, Picture

LONG = 8
"""Frames between the two pictures of the long-range error."""
FlowName = Literal["dis", "farneback"]

_LEAST_SIDE = 16  # px; DIS works on patches of 8 and cannot see anything smaller


@dataclass(frozen=True, slots=True)
class Pair:
    """What is known of two frames of the source."""

    flow: Field
    """From each pixel of the later one to its place in the earlier, in pixels."""
    seen: NDArray[np.bool_]
    """Whether it could be seen there."""


class FlowFollower:
    """Follows the source from frame to frame with a slow, good flow at full size."""

    def __init__(self, flow: FlowName = "dis") -> None:
        self._flow = _dis() if flow == "dis" else _farneback

    def pair(self, now: Plane, before: Plane) -> Pair:
        """Motion between two lumas of the source, H × W, uint8."""
        height, width = now.shape
        if min(height, width) < _LEAST_SIDE:
            return Pair(np.zeros((height, width, 2), np.float32), np.ones(now.shape, np.bool_))
        out, back = self._flow(now, before), self._flow(before, now)
        home = warp(back, out, cv2.INTER_LINEAR)
        hidden = _squared(out + home) > 0.01 * (_squared(out) + _squared(home)) + 0.5
        hidden |= _steepness(out) > 0.01 * _squared(out) + 0.002  # a motion boundary
        places = grid(width, height) + out
        inside = (places >= 0).all(axis=-1) & (places[..., 0] <= width - 1) & (places[..., 1] <= height - 1)
        return Pair(out, ~hidden & inside)


def luma(picture: Picture) -> Plane:
    """H × W, uint8 (BT.601 weights)."""
    return cast(Plane, cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


def change(now: Picture, before: Picture, pair: Pair) -> NDArray[np.float32]:
    """`now` less `before` carried along the motion, H × W × 3, in steps of 255; it means nothing where not `seen`."""
    return np.asarray(now - warp(before.astype(np.float32), pair.flow, cv2.INTER_LINEAR), np.float32)


def mean_square(changed: NDArray[np.float32], pair: Pair) -> float:
    """Mean square of a change (steps of 255) over the pixels seen, values 0..1; nan where there are none."""
    return float((changed[pair.seen] ** 2).mean() / 255**2) if pair.seen.any() else float("nan")


def _dis() -> Callable[[Plane, Plane], Field]:
    estimator: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return lambda start, end: np.asarray(estimator.calc(start, end, None), np.float32)


def _farneback(start: Plane, end: Plane) -> Field:
    """Polynomial expansion (Farnebäck, SCIA 2003), windows of 15 pixels, five levels."""
    calc: Any = cv2.calcOpticalFlowFarneback  # its stub wants a field to write to
    return np.asarray(calc(start, end, None, 0.5, 5, 15, 3, 7, 1.5, 0), np.float32)


def _squared(field: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((field**2).sum(axis=-1))


def _steepness(field: Field) -> NDArray[np.float32]:
    """|∇u|² + |∇v|²."""
    slopes = [slope for part in (field[..., 0], field[..., 1]) for slope in np.gradient(part)]
    return np.asarray(sum(np.square(slope) for slope in slopes), np.float32)
