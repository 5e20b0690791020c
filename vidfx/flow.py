"""Where each pixel of a frame was in the frame before, and how far that can be believed.

Optical flow is DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016, in OpenCV) on the
source's luma at reduced size, in both directions. A pixel is trusted where the two directions agree (Sundaram, Brox
and Keutzer, "Dense Point Trajectories by GPU-accelerated Large Displacement Optical Flow", ECCV 2010),

    |w + w'(x + w)|² ≤ 0.01 (|w|² + |w'|²) + 0.5        w, w' in pixels of the full picture

and where the source, followed along the flow, keeps its brightness.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.frames import Picture

Plane = NDArray[np.uint8]
"""H × W luma, uint8."""
Field = NDArray[np.float32]
"""H × W × 2, float32: x and y."""
Map = NDArray[np.float32]
"""H × W, float32."""

MEMORY = 4
"""Frames over which the drift of brightness is averaged; nothing older bears on the trust."""

_LONG_SIDE = 640  # px of the reduced picture: half of 720p, a third of 1080p
_LEAST_SIDE = 16  # px; DIS works on patches of 8 and cannot see anything smaller
_STILL = 0.1  # px of the full picture; a slower pixel is not resampled, so a still world stays untouched
_DIFFERENCE = (32.0, 128.0)  # steps of source luma: full trust below, none above
_DRIFT = (2.0, 8.0)  # the same for the mean over a block and the last frames: a shadow moves it, flicker does not
_FADE = (0.5, 2.0)  # the same for the mean over the whole picture
_SOFT = (7, 7)  # px; where trust ended at a hard edge, that edge would show in soft shades
_SLACK = 0.5  # px²
_STEPS = 6  # of gradient descent; more of them follow noise
_REFINEMENT = (1, 2)  # variational iterations forward and back; the preset's five take most of its time
_BLOCK = 16  # px of the reduced picture


@dataclass(frozen=True, slots=True)
class Motion:
    """How a frame came about from the one before it, at the reduced size."""

    flow: Field
    """From each pixel to its place in the frame before, in pixels of the reduced picture."""
    places: Field
    """That place itself: pixel + flow, as `cv2.remap` wants it."""
    moving: NDArray[np.uint8]
    """0 where that is the pixel's own place, 1 elsewhere."""
    trust: Map
    """0 where the past says nothing about this pixel, 1 where it can be believed."""


class FlowEstimator:
    """Optical flow between consecutive frames of one size; remembers how brightness went in the last few of them."""

    def __init__(self, width: int, height: int) -> None:
        self.scale = max(1, round(max(width, height) / _LONG_SIDE))
        self.width = -(-width // self.scale)
        self.height = -(-height // self.scale)
        self.stretch = np.array([width / self.width, height / self.height], np.float32)
        """Pixels of the full picture to one of the reduced, across and down."""
        self._forward = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._forward.setFinestScale(1)  # half the reduced size; the preset's quarter blurs what is carried
        self._forward.setGradientDescentIterations(_STEPS)
        self._forward.setVariationalRefinementIterations(_REFINEMENT[0])
        self._backward = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._backward.setVariationalRefinementIterations(_REFINEMENT[1])
        x, y = np.meshgrid(np.arange(self.width, dtype=np.float32), np.arange(self.height, dtype=np.float32))
        self._grid: Field = np.dstack([x, y])
        self._drifts: deque[Map] = deque(maxlen=MEMORY)

    def restart(self) -> None:
        """Forgets the frames so far: a new shot."""
        self._drifts.clear()

    def luma(self, picture: Picture) -> Plane:
        """The picture's luma at the reduced size."""
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, (self.width, self.height), interpolation=cv2.INTER_AREA)
        if small.dtype == np.uint16:
            small = cv2.convertScaleAbs(small, alpha=1 / 257)
        return np.asarray(small, dtype=np.uint8)

    def between(self, before: Plane, now: Plane) -> Motion:
        """Motion from `now` back to `before`, two results of `luma`; `before` must be the `now` of the last call."""
        if min(self.width, self.height) < _LEAST_SIDE:
            flow: Field = np.zeros_like(self._grid)
            known: Map = np.ones(now.shape, np.float32)
            still = np.ones(now.shape, np.bool_)
        else:
            flow = _calc(self._forward, now, before)
            agree = self._agreement(flow, _calc(self._backward, before, now))
            still = _squared(flow) < (_STILL / self.scale) ** 2
            flow[still] = 0
            known = np.asarray(cv2.blur(agree.astype(np.float32), _SOFT), np.float32)
        places = self._grid + flow
        return Motion(flow, places, (~still).view(np.uint8), known * self._likeness(before, now, places))

    def _agreement(self, flow: Field, back: Field) -> NDArray[np.bool_]:
        places = self._grid + flow
        home = warp(back, places, cv2.INTER_LINEAR)
        bound = 0.01 * (_squared(flow) + _squared(home)) + _SLACK / self.scale**2
        agree = _squared(cv2.add(flow, home)) <= bound
        x, y = cv2.split(places)
        agree &= (x >= -0.5) & (y >= -0.5) & (x <= self.width - 0.5) & (y <= self.height - 0.5)
        return np.asarray(agree, dtype=np.bool_)

    def _likeness(self, before: Plane, now: Plane, places: Field) -> Map:
        """1 where `now` looks as `before` did along the flow, by pixel and by block; 0 where it does not."""
        change = cv2.subtract(now, warp(before, places, cv2.INTER_LINEAR), dtype=cv2.CV_32F)
        height, width = now.shape
        blocks = (-(-width // _BLOCK), -(-height // _BLOCK))
        self._drifts.append(np.asarray(cv2.resize(change, blocks, interpolation=cv2.INTER_AREA), np.float32))
        drift = np.mean(self._drifts, axis=0)  # signs kept: a flicker cancels, a fade adds up
        steady = _ramp(np.abs(drift), _DRIFT) * _ramp(np.abs(drift.mean()), _FADE)
        by_block = cv2.resize(steady, (width, height), interpolation=cv2.INTER_LINEAR)
        # A single differing pixel is noise; three by three of them are a change.
        by_pixel = _ramp(np.asarray(cv2.blur(np.abs(change), (3, 3)), np.float32), _DIFFERENCE)
        return np.asarray(by_pixel * by_block, dtype=np.float32)


def warp(picture: NDArray[Any], places: Field, interpolation: int) -> NDArray[Any]:
    """`picture` looked up at `places`; beyond the border its edge is repeated."""
    remap: Any = cv2.remap  # its stub wants a second map where none is needed
    return np.asarray(remap(picture, places, None, interpolation, borderMode=cv2.BORDER_REPLICATE))


def _calc(estimator: Any, start: Plane, end: Plane) -> Field:
    return np.asarray(estimator.calc(start, end, None), dtype=np.float32)


def _squared(field: Any) -> Map:
    x, y = cv2.split(field)
    return np.asarray(x * x + y * y, dtype=np.float32)


def _ramp(values: Map | np.floating, ends: tuple[float, float]) -> Map:
    low, high = ends
    return np.asarray(np.clip((high - values) / (high - low), 0, 1), dtype=np.float32)
