"""How far the motion between two frames can be believed: a map from 0, the past says nothing here, to 1.

The product of six judgements that read only the source. Where one of them is unsure, the painting starts anew there.

    the flows there and back agree: |w + w'|² ≤ 0.01 (|w|² + |w'|²) + 1        (Sundaram, Brox and Keutzer, ECCV 2010)
    no edge of motion: |∇w|² against 0.01 |w|² + 0.002                         (the same, and Ruder et al., GCPR 2016)
    luma and chroma stay along the flow, by pixel
    luma stays on the mean of a block and of the last frames, and on that of the whole picture

w and w' in pixels of the full picture.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.flow import Field, FlowEstimator, Map, View, squared, warp

MEMORY = 4
"""Frames over which the drift of brightness is averaged; nothing older bears on the trust."""

# Each pair: full trust below the first, none above the second.
_EDGE = (1.0, 4.0)  # times the bound
_CHANGE = (32.0, 128.0)  # steps of luma, mean of 3 × 3
_COLOUR = (8.0, 24.0)  # steps of Cr or Cb, mean of 3 × 3
_DRIFT = (2.0, 8.0)  # steps of luma, mean of a block and the last frames: a shadow moves it, flicker does not
_FADE = (0.5, 2.0)  # the same for the mean over the whole picture
_SLACK = 1.0  # px²
_SOFT = (3, 3)  # px of the map; where trust ended at a hard edge, that edge would show in soft shades
_BLOCK = 8  # px of the map


@dataclass(frozen=True, slots=True)
class Motion:
    """How a frame came about from the one before it. Maps and fields are of the estimator's size."""

    flow: Field
    """From each pixel to its place in the frame before."""
    places: Field
    """That place itself: pixel + flow."""
    moving: NDArray[np.uint8]
    """0 where that is the pixel's own place, 1 elsewhere."""
    trust: Map
    """0 where the past says nothing about this pixel, 1 where it can be believed."""


class MotionJudge:
    """Motion between consecutive frames, and its trust; remembers how brightness went in the last few of them."""

    def __init__(self, estimator: FlowEstimator) -> None:
        self._estimator = estimator
        self._drifts: deque[Map] = deque(maxlen=MEMORY)

    def restart(self) -> None:
        """Forgets the frames so far: a new shot."""
        self._drifts.clear()

    def between(self, before: View, now: View) -> Motion:
        """How `now` came from `before`, which must be the `now` of the last call."""
        estimator = self._estimator
        flow = estimator.between(now, before)
        trust = self._agreement(flow, estimator.roughly_between(before, now))
        flow, moving = estimator.stilled(flow)
        places = np.asarray(cv2.add(flow, estimator.grid), np.float32)
        trust *= self._likeness(before, now, places)
        return Motion(flow, places, moving, trust)

    def _agreement(self, flow: Field, back: Field) -> Map:
        estimator = self._estimator
        places = cv2.add(flow, estimator.grid)
        home = warp(back, places, cv2.INTER_LINEAR)
        x, y = cv2.split(places)
        inside = (x >= -0.5) & (y >= -0.5) & (x <= estimator.width - 0.5) & (y <= estimator.height - 0.5)
        area = float(np.prod(estimator.stretch))  # px² of the full picture to one of the map
        length = squared(flow) * area
        agree = inside & (squared(cv2.add(flow, home)) * area <= 0.01 * (length + squared(home) * area) + _SLACK)
        across, down = (squared(cv2.Sobel(flow, cv2.CV_32F, *way, scale=1 / 8)) for way in ((1, 0), (0, 1)))
        edge = _ramp((across + down) / (0.01 * length + 0.002), _EDGE)
        return np.asarray(cv2.blur(agree * edge, _SOFT), np.float32)

    def _likeness(self, before: View, now: View, places: Field) -> Map:
        """1 where `now` looks as `before` did along the flow, by pixel and by block; 0 where it does not."""
        change = cv2.subtract(now.small, warp(before.small, places, cv2.INTER_LINEAR), dtype=cv2.CV_32F)
        colour = cv2.absdiff(now.chroma, warp(before.chroma, places, cv2.INTER_LINEAR))
        colour = cv2.max(*cv2.split(colour))
        # A single differing pixel is noise; three by three of them are a change.
        by_pixel = _ramp(cv2.blur(np.abs(change), (3, 3)), _CHANGE)
        by_pixel *= _ramp(cv2.blur(colour, (3, 3)).astype(np.float32), _COLOUR)
        height, width = now.small.shape
        blocks = (-(-width // _BLOCK), -(-height // _BLOCK))
        self._drifts.append(np.asarray(cv2.resize(change, blocks, interpolation=cv2.INTER_AREA), np.float32))
        drift = np.mean(self._drifts, axis=0)  # signs kept: a flicker cancels, a fade adds up
        steady = _ramp(np.abs(drift), _DRIFT) * _ramp(np.abs(drift.mean()), _FADE)
        return by_pixel * np.asarray(cv2.resize(steady, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _ramp(values: NDArray[Any] | np.floating, ends: tuple[float, float]) -> Map:
    low, high = ends
    return np.asarray(np.clip((high - values) / (high - low), 0, 1), dtype=np.float32)
