"""Holds the styled picture still: what was painted before is carried along the source's motion and averaged in.

    out = styled + k · trust · (past − styled)        past = the last output, warped (cubic) along the flow
    k   = min(K, age / (age + 1)) · amount            age  = 1 + trust · age followed along the flow

With trust 1 and k = age / (age + 1) the output is the plain mean of all pictures since the pixel was first seen,
the quickest way to settle; from age K / (1 − K) on it is an exponential mean. Where trust is 0 the pixel starts anew.
The idea is that of temporal anti-aliasing (Yang, Liu and Salvi, "A Survey of Temporal Antialiasing Techniques",
Computer Graphics Forum 39(2), 2020) with flow in place of a renderer's motion vectors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.errors import UsageError
from vidfx.flow import MEMORY, Field, FlowEstimator, Map, Plane, warp
from vidfx.frames import Frame, rounded, top_of

_WEIGHT = 0.85  # K: the most that the past may weigh
_FIRST_GUESS = 255.0  # steps by which a fresh start may differ from a long-running one


@dataclass(slots=True)
class _Past:
    luma: Plane
    """Of the previous source, reduced."""
    out: NDArray[np.float32]
    """The previous output, H × W × 3; not rounded, or the mean would stick a few steps off and drift."""
    age: Map
    """Frames since each pixel could first be followed, capped; reduced size."""


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
    estimator: FlowEstimator | None = None
    past: _Past | None = None
    for frame in frames:
        height, width = frame.image.shape[:2]
        if estimator is None:
            estimator = FlowEstimator(width, height)
            grid = _grid(width, height)
        luma = estimator.luma(frame.source)
        if frame.starts_shot or past is None:
            estimator.restart()
            past = _Past(luma, frame.image.astype(np.float32), np.ones(luma.shape, np.float32))
            yield frame
            continue
        motion = estimator.between(past.luma, luma)
        age = warp(past.age, motion.places, cv2.INTER_NEAREST)
        weight = np.asarray(motion.trust * np.minimum(_WEIGHT, age / (age + 1)) * amount, np.float32)
        shift = cv2.resize(
            cv2.transform(motion.flow, np.diag(estimator.stretch)), (width, height), interpolation=cv2.INTER_LINEAR
        )
        warped = _carried(past.out, cv2.add(shift, grid), _part(motion.moving, estimator.scale))
        full = np.asarray(cv2.resize(weight, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
        out = np.asarray(cv2.blendLinear(warped, frame.image.astype(np.float32), full, 1 - full), np.float32)
        np.clip(out, 0, top_of(frame.image), out=out)  # the cubic overshoots beside edges
        past = _Past(luma, out, np.minimum(1 + motion.trust * age, _oldest()))
        yield replace(frame, image=rounded(out, frame.image))


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


def _part(moving: NDArray[np.uint8], scale: int) -> tuple[slice, slice] | None:
    """The rows and columns of the full picture outside of which nothing moves; None where nothing does at all."""
    x, y, width, height = cv2.boundingRect(moving)
    if not width:
        return None
    # One more on each side: enlarging the flow spreads it.
    rows = slice(max(0, y - 1) * scale, (y + height + 1) * scale)
    return rows, slice(max(0, x - 1) * scale, (x + width + 1) * scale)


def _carried(past: NDArray[np.float32], places: NDArray[Any], part: tuple[slice, slice] | None) -> NDArray[np.float32]:
    """`past` looked up at `places` within `part`, and as it is elsewhere."""
    if part is None:
        return past
    convert_maps: Any = cv2.convertMaps  # its stub and remap's want a second map where none is needed
    remap: Any = cv2.remap
    fixed_point = convert_maps(np.ascontiguousarray(places[part]), None, cv2.CV_16SC2)  # remap is faster with these
    moved = remap(past, *fixed_point, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    if moved.shape == past.shape:
        return np.asarray(moved, np.float32)
    out = past.copy()
    out[part] = moved
    return out


def _grid(width: int, height: int) -> Field:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.dstack([x, y])
