"""Holds the styled picture still: what was painted before is carried along the source's motion and averaged in.

    out = styled + k · trust · (past − styled)        past = the last output, warped (cubic) along the flow
    k   = min(K, cap, age / (age + 1)) · amount       age  = 1 + trust · age followed along the flow

With trust 1 and k = age / (age + 1) the output is the plain mean of all pictures since the pixel was first seen,
the quickest way to settle; from age K / (1 − K) on it is an exponential mean. Where trust is 0 the pixel starts anew;
where the light changes, `cap` lets the mean keep up with it (vidfx/trust.py).
The idea is that of temporal anti-aliasing (Yang, Liu and Salvi, "A Survey of Temporal Antialiasing Techniques",
Computer Graphics Forum 39(2), 2020) with flow in place of a renderer's motion vectors. K is 0.9 where the past lies on
whole pixels and less in between, as Yang et al. ("Amortized Supersampling", SIGGRAPH Asia 2009) choose it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from vidfx.errors import UsageError
from vidfx.flow import Field, FlowEstimator, Map, View, grid, stretched, warp
from vidfx.frames import Frame, rounded, top_of
from vidfx.trust import MEMORY, Motion, MotionJudge

_WEIGHT = 0.9  # K: the most that the past may weigh
_RESAMPLED = 0.06  # less of it where the past is looked up half a pixel off: each time, the cubic sharpens a little
_FIRST_GUESS = 255.0  # steps by which a fresh start may differ from a long-running one


def steady(frames: Iterator[Frame], *, amount: float = 1.0) -> Iterator[Frame]:
    """Steadies `image` along the motion of `source`; every shot starts anew with its first frame as it came.

    `amount` from 0 (the same frame objects pass untouched) to 1 (full weight on the past). Causal; keeps one picture,
    one reduced luma and a few small maps, whatever the clip's length. Raises UsageError for an amount out of range.
    """
    if not 0 <= amount <= 1:
        raise UsageError(f"the amount of smoothing must be between 0 and 1, not {amount}")
    if amount == 0:
        yield from frames
        return
    painter: _Painter | None = None
    for frame in frames:
        if painter is None:
            painter = _Painter(frame.image.shape[1], frame.image.shape[0], amount)
        yield painter.begin(frame) if frame.starts_shot or not painter.has_past else painter.go_on(frame)


class _Painter:
    """Carries the past of one film, in memory that is taken once: fresh memory costs as much as the sums in it."""

    def __init__(self, width: int, height: int, amount: float) -> None:
        self._size = (width, height)
        self._amount = amount
        self._estimator = FlowEstimator(width, height)
        self._judge = MotionJudge(self._estimator)
        self._grid = grid(width, height)
        self._places: Field = np.empty_like(self._grid)
        self._weight: Map = np.empty((height, width), np.float32)
        self._rest = np.empty_like(self._weight)
        self._styled, self._out, self._warped = (np.empty((height, width, 3), np.float32) for _ in range(3))
        self._view: View | None = None
        self._age: Map = np.empty(0, np.float32)

    @property
    def has_past(self) -> bool:
        return self._view is not None

    def begin(self, frame: Frame) -> Frame:
        """The first frame of a shot, as it came."""
        self._judge.restart()
        self._view = self._estimator.view(frame.source)
        self._out[:] = frame.image
        self._age = np.ones(self._view.small.shape, np.float32)
        return frame

    def go_on(self, frame: Frame) -> Frame:
        """A frame with its past averaged in."""
        assert self._view is not None
        view = self._estimator.view(frame.source)
        motion = self._judge.between(self._view, view)
        age = warp(self._age, motion.places, cv2.INTER_NEAREST)
        most = np.minimum(_WEIGHT - _RESAMPLED * self._offness(motion.flow), motion.cap)
        weight = motion.trust * np.minimum(most, age / (age + 1)) * np.float32(self._amount)
        cv2.resize(weight, self._size, dst=self._weight)
        np.subtract(1, self._weight, out=self._rest)
        self._carry(motion)
        np.copyto(self._styled, frame.image)
        cv2.blendLinear(self._out, self._styled, self._weight, self._rest, dst=self._warped)
        self._out, self._warped = self._warped, self._out
        np.clip(self._out, 0, top_of(frame.image), out=self._out)  # the cubic overshoots beside edges
        self._view, self._age = view, np.minimum(1 + motion.trust * age, _oldest())
        return replace(frame, image=rounded(self._out, frame.image))

    def _offness(self, flow: Field) -> Map:
        """How far each pixel's past is from whole pixels: 0 on them, 1 half-way between two, across or down."""
        x, y = cv2.split(stretched(flow, self._estimator.stretch))
        off = cv2.max(np.abs(x - np.rint(x)), np.abs(y - np.rint(y)))
        return np.asarray(4 * off * (1 - off), np.float32)

    def _carry(self, motion: Motion) -> None:
        """Brings the last output to where it is now, in the rectangle in which anything moves."""
        x, y, width, height = cv2.boundingRect(motion.moving)
        if not width:
            return
        across, down = self._estimator.stretch
        # One more on each side: enlarging the flow spreads it.
        rows = slice(max(0, int((y - 1) * down)), int((y + height + 1) * down) + 1)
        columns = slice(max(0, int((x - 1) * across)), int((x + width + 1) * across) + 1)
        cv2.resize(stretched(motion.flow, self._estimator.stretch), self._size, dst=self._places)
        cv2.add(self._places, self._grid, dst=self._places)
        remap: Any = cv2.remap  # its stub wants a second map where none is needed
        edge = cv2.BORDER_REPLICATE
        if width == motion.moving.shape[1] and height == motion.moving.shape[0]:
            remap(self._out, self._places, None, cv2.INTER_CUBIC, self._warped, edge)
            self._out, self._warped = self._warped, self._out
        else:
            self._out[rows, columns] = remap(
                self._out, np.ascontiguousarray(self._places[rows, columns]), None, cv2.INTER_CUBIC, None, edge
            )


def warm_up_frames(amount: float, *, within: float = 0.5) -> int:
    """How many frames before a mid-shot start bring the result to `within` steps of the single pass, before rounding.

    Half a step is at most one step of 255 after it.

    A fresh start is at most 255 steps off. Until the flow has seen as many frames as it remembers, and the age has
    reached its cap K / (1 − K), that difference need not shrink; from then on both runs share every weight and each
    frame leaves K · amount of it.
    """
    weight = _WEIGHT * amount
    if weight <= 0:
        return 0
    return MEMORY + math.ceil(_oldest()) + math.ceil(math.log(within / _FIRST_GUESS) / math.log(weight))


def _oldest() -> float:
    return _WEIGHT / (1 - _WEIGHT)
