"""How far the motion between two frames can be believed: a map from 0, the past says nothing here, to 1.

The product of judgements that read only the source. Where one of them is unsure, the painting starts anew there.

    the flows there and back agree: |w + w'|² ≤ 0.01 (|w|² + |w'|²) + 2        (Sundaram, Brox and Keutzer, ECCV 2010)
    no edge of motion: |∇w|² against 0.01 |w|² + 0.002                         (the same, and Ruder et al., GCPR 2016)
    luma and chroma stay along the flow, by pixel

w and w' in pixels of the full picture. Light that changes slowly passes all of them, and a mean would trail behind it:
where luma drifts by d steps a frame, an exponential mean with weight k on the past is k d / (1 − k) steps late. So

    k ≤ lag / (lag + d)        d: mean of the change, with its sign, over a block and the last frames; and that over all
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx import native
from vidfx.flow import FlowEstimator, View, squared, warp
from vidfx.frames import Field, Frame, Map, Motion

MEMORY = 2
"""Frames over which the drift of brightness is averaged; nothing older bears on the trust."""

# Each pair: full trust below the first, none above the second.
_EDGE = (1.0, 4.0)  # times the bound
_CHANGE = (12.0, 40.0)  # steps of luma, mean of 3 × 3
_COLOUR = (8.0, 24.0)  # steps of Cr or Cb, mean of 3 × 3
_SLACK = 2.0  # px²
_SOFT = (3, 3)  # px of the map; where trust ended at a hard edge, that edge would show in soft shades
_BLOCK = 8  # px of the map
_LAG = 8.0  # steps of luma by which the mean may trail behind a moving shadow
_LAG_OF_FADE = 2.0  # the same for the light of the whole picture, whose drift is known better


def mark_motion(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Marks each frame with its `motion` since the one before; what is marked already passes as it is.

    Reads `source` alone and keeps one reduced picture of it.
    """
    judge: MotionJudge | None = None
    for frame in frames:
        if frame.motion is not None:
            yield frame
            continue
        if judge is None:
            judge = MotionJudge(FlowEstimator(frame.source.shape[1], frame.source.shape[0]))
        yield replace(frame, motion=judge.between_last_and(frame))


class MotionJudge:
    """Motion between consecutive frames, and its trust; remembers how brightness went in the last few of them."""

    def __init__(self, estimator: FlowEstimator) -> None:
        self._estimator = estimator
        self._last: View | None = None
        self._drifts: deque[Map] = deque(maxlen=MEMORY)

    def between_last_and(self, frame: Frame) -> Motion | None:
        """How `frame` came from the one of the last call; a new shot came from nothing."""
        before, now = self._last, self._estimator.view(frame.source)
        self._last = now
        if before is None or frame.starts_shot:
            self._drifts.clear()
            return None
        return self._between(before, now)

    def _between(self, before: View, now: View) -> Motion:
        estimator = self._estimator
        rough = estimator.between(now, before)
        trust = self._agreement(rough, estimator.roughly_between(before, now))
        flow = estimator.stilled(estimator.refined(rough, now, before))
        was = warp(before.colour, flow, cv2.INTER_LINEAR)
        change = cv2.subtract(now.small, cv2.extractChannel(was, 0), dtype=cv2.CV_32F)
        trust *= _likeness(cv2.absdiff(now.colour, was))
        return Motion(flow=flow, trust=trust, cap=self._cap(change))

    def _agreement(self, flow: Field, back: Field) -> Map:
        estimator = self._estimator
        home = warp(back, flow, cv2.INTER_LINEAR)
        area = float(np.prod(estimator.stretch))  # px² of the full picture to one of the map
        if native.AVAILABLE:
            return native.agreement(flow, home, area=area, slack=_SLACK, edge=_EDGE, soft=_SOFT[0])
        x, y = cv2.split(cv2.add(flow, estimator.grid))
        inside = (x >= -0.5) & (y >= -0.5) & (x <= estimator.width - 0.5) & (y <= estimator.height - 0.5)
        length = squared(flow) * area
        agree = inside & (squared(cv2.add(flow, home)) * area <= 0.01 * (length + squared(home) * area) + _SLACK)
        across, down = (squared(cv2.Sobel(flow, cv2.CV_32F, *way, scale=1 / 8)) for way in ((1, 0), (0, 1)))
        edge = _ramp((across + down) / (0.01 * length + 0.002), _EDGE)
        return np.asarray(cv2.blur(agree * edge, _SOFT), np.float32)

    def _cap(self, change: Any) -> Map:
        """The most that the past may weigh, from the drift of luma with its sign: a flicker cancels, a fade adds up."""
        height, width = change.shape
        blocks = (-(-width // _BLOCK), -(-height // _BLOCK))
        self._drifts.append(np.asarray(cv2.resize(change, blocks, interpolation=cv2.INTER_AREA), np.float32))
        drift = np.mean(self._drifts, axis=0)
        fade = abs(float(np.median(drift)))  # the median: a large thing that passes is no fade
        cap = np.minimum(_LAG / (_LAG + np.abs(drift)), _LAG_OF_FADE / (_LAG_OF_FADE + fade))
        return np.asarray(cv2.resize(cap, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _likeness(difference: Any) -> Map:
    """1 where a picture looks as the one before did along the flow, 0 where it does not; by luma, Cr and Cb."""
    luma, red, blue, _ = cv2.split(difference)
    # A single differing pixel is noise; three by three of them are a change.
    by_luma, by_colour = (cv2.blur(values, (3, 3)) for values in (luma.astype(np.float32), cv2.max(red, blue)))
    return _ramp(by_luma, _CHANGE) * _ramp(by_colour.astype(np.float32), _COLOUR)


def _ramp(values: NDArray[Any], ends: tuple[float, float]) -> Map:
    low, high = ends
    return np.asarray(np.clip((high - values) / (high - low), 0, 1), dtype=np.float32)
