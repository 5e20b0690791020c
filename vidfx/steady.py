"""Holds the styled picture still: what was painted before is carried along the source's motion and averaged in.

    out = styled + k · trust · (past − styled)        past = the last output, warped (cubic) along the flow
    k   = min(K, cap, age / (age + 1)) · amount       age  = 1 + trust · age followed along the flow

With trust 1 and k = age / (age + 1) the output is the plain mean of all pictures since the pixel was first seen,
the quickest way to settle; from age K / (1 − K) on it is an exponential mean. Where trust is 0 the pixel starts anew;
where the light changes, `cap` lets the mean keep up with it (vidfx/trust.py). What is shown of `out` is sharpened
(vidfx/sharpen.py); the past is not.
The idea is that of temporal anti-aliasing (Yang, Liu and Salvi, "A Survey of Temporal Antialiasing Techniques",
Computer Graphics Forum 39(2), 2020) with flow in place of a renderer's motion vectors. K is 0.9 where the past lies on
whole pixels and less in between, as Yang et al. ("Amortized Supersampling", SIGGRAPH Asia 2009) choose it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from vidfx import native
from vidfx.bands import Bands
from vidfx.blend import BlendByOpenCV
from vidfx.errors import UsageError
from vidfx.flow import stretched, warp
from vidfx.frames import Field, Frame, Map, Motion
from vidfx.sharpen import AMPLIFIED, Sharpener
from vidfx.trust import MEMORY, mark_motion

_WEIGHT = 0.9  # K: the most that the past may weigh
_RESAMPLED = 0.06  # less of it where the past is looked up half a pixel off: each time, the cubic sharpens a little
_OLDEST = _WEIGHT / (1 - _WEIGHT)  # the age from which the mean is an exponential one
COUNTED = round(_OLDEST)
"""As many pictures as the past counts for in a settled mean."""
_FIRST_GUESS = 255.0  # steps by which a fresh start may differ from a long-running one


def steady(frames: Iterator[Frame], *, amount: float = 1.0, threads: int = 1) -> Iterator[Frame]:
    """Steadies `image` along the motion of `source`; every shot starts anew with its first frame as it came.

    `amount` from 0 (the same frame objects pass untouched) to 1 (full weight on the past). Motion that nobody has
    marked yet is found here. Causal; keeps one picture, a reduced one and a few small maps, whatever the clip's
    length. `threads` share a picture and change nothing in it. Raises UsageError for an amount out of range.
    """
    if not 0 <= amount <= 1:
        raise UsageError(f"the amount of smoothing must be between 0 and 1, not {amount}", hint="0 is off, 1 is full")
    if amount == 0:
        yield from frames
        return
    past: _Past | None = None
    try:
        for frame in mark_motion(frames):
            if past is None:
                past = _Past(frame.image.shape[1], frame.image.shape[0], amount, threads)
            yield past.go_on(frame, frame.motion) if frame.motion else past.begin(frame)
    finally:
        if past is not None:
            past.bands.close()


class _Past:
    """Carries the past of one film, in memory that is taken once."""

    def __init__(self, width: int, height: int, amount: float, threads: int) -> None:
        self._amount = amount
        self.bands = Bands(height, threads)
        self._past, self._out = (np.empty((height, width, 3), np.float32) for _ in range(2))
        self._weight: Map = np.empty((height, width), np.float32)
        self._blend = native.Blend if native.AVAILABLE else BlendByOpenCV(width, height, self.bands.threads)
        self._sharpener = Sharpener(width, self.bands)
        self._age: Map | None = None

    def begin(self, frame: Frame) -> Frame:
        """The first frame of a shot, as it came."""
        self._out[:] = frame.image
        self._age = None
        return frame

    def go_on(self, frame: Frame, motion: Motion) -> Frame:
        """A frame with its past averaged in."""
        size, map_size = frame.image.shape[1::-1], motion.trust.shape[::-1]
        flow = stretched(motion.flow, np.divide(size, map_size, dtype=np.float32))
        age = np.ones_like(motion.trust) if self._age is None else warp(self._age, motion.flow, cv2.INTER_NEAREST)
        most = np.minimum(_WEIGHT - _RESAMPLED * _offness(flow), motion.cap)
        share = motion.trust * np.minimum(most, age / (age + 1)) * np.float32(self._amount)
        self._past, self._out = self._out, self._past
        self.bands.each(self._blend(self._past, frame.image, self._out, self._weight, flow=flow, share=share))
        self._age = np.minimum(1 + motion.trust * age, _OLDEST)
        return replace(frame, image=self._sharpener.shown(self._out, self._weight, frame.image), motion=None)


def _offness(flow: Field) -> Map:
    """How far each pixel's past is from whole pixels: 0 on them, 1 half-way between two, across or down."""
    x, y = cv2.split(flow)
    off = cv2.max(np.abs(x - np.rint(x)), np.abs(y - np.rint(y)))
    return np.asarray(4 * off * (1 - off), np.float32)


def warm_up_frames(amount: float, *, within: float = 0.5) -> int:
    """How many frames before a mid-shot start bring the result to `within` steps of the single pass, before rounding.

    Half a step is at most one step of 255 after it.

    A fresh start is at most 255 steps off. Until the flow has seen as many frames as it remembers, and the age has
    reached its cap K / (1 − K), that difference need not shrink; from then on both runs share every weight and each
    frame leaves K · amount of it. What is shown is sharpened, which makes differences greater again.
    """
    weight = _WEIGHT * amount
    if weight <= 0:
        return 0
    return MEMORY + math.ceil(_OLDEST) + math.ceil(math.log(within / AMPLIFIED / _FIRST_GUESS) / math.log(weight))
