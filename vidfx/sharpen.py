"""Gives a steadied picture back the sharpness that averaging took from it.

What the style draws a little differently in every frame, the weave of silk or the grain of a brush, an average softens,
and not only as noise: a picture after a cut would lose its bite within ten frames. So, as the survey of temporal
anti-aliasing that vidfx/steady.py names recommends, what is shown is sharpened, but never the past that goes into the
next frame:

    shown = out + a · k · (out − blurred)        k: weight of the past in this pixel; the new stays as it came

blurred: [1 2 1] / 4 across and down. `a` is what brings the mean slope of luma to the styled picture's, or as near as
the eye can tell. Where too much of it is missing, what is gone was noise, and `a` falls back to 0.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx import native
from vidfx.bands import BAND, Bands
from vidfx.frames import Map, Picture, rounded

_KEPT = 0.98  # of the styled picture's slope; a fiftieth less is not seen
_MOST = 0.8  # of `a`; more draws rims around edges
_NOISE = (1.0, 1.3)  # `a` needed from which the style is taken for noise, in part and altogether
_GRAINS = 128  # `a` in so many steps to 1: two runs that differ by a thousandth of a step of 255 then use the same one
AMPLIFIED = 1 + 1.5 * _MOST
"""By so much at most a difference between two pictures is greater after sharpening: the sum of the kernel's sizes."""
_DEPTH = {1: cv2.CV_8U, 2: cv2.CV_16U}  # by bytes
_SAMPLES = 24  # of rows, in which the slope is measured,
_EVERY = 23  # but so far apart at most; a prime, since generators work in blocks of 2, 4 and 8

Rows = NDArray[np.float32]
"""Samples of a picture, from so many rows below each other × places × W."""


class Sharpener:
    """Sharpens pictures of one size, in memory that is taken once."""

    def __init__(self, width: int, bands: Bands) -> None:
        self._bands = bands
        self._scratch = [] if native.AVAILABLE else [_Scratch(width) for _ in range(bands.threads)]

    def shown(self, out: NDArray[np.float32], weight: Map, styled: Picture) -> Picture:
        """`out`, in which the past weighs `weight` (H × W) and `styled` the rest, all H × W × 3; of `styled`'s type."""
        amount = _amount(out, weight, styled)
        height, shown = len(out), np.empty_like(styled)

        def sharpen(thread: int, rows: slice) -> None:
            if not amount:
                rounded(out[rows], styled, into=shown[rows])
                return
            around = slice(max(rows.start - 1, 0), min(rows.stop + 1, height))
            missing = self._scratch[thread].missing(out[around], weight[around], amount)
            missing = missing[rows.start - around.start :][: rows.stop - rows.start]
            cv2.add(out[rows], missing, dst=shown[rows], dtype=_DEPTH[styled.itemsize])

        self._bands.each(sharpen if self._scratch or not amount else native.Sharpen(out, weight, amount, shown))
        return shown


class _Scratch:
    """The memory of one thread, for a band and a row on each side of it."""

    def __init__(self, width: int) -> None:
        self._luma, self._blurred = (np.empty((BAND + 2, width), np.float32) for _ in range(2))
        self._detail = np.empty((BAND + 2, width, 3), np.float32)

    def missing(self, out: NDArray[np.float32], weight: Map, amount: float) -> NDArray[np.float32]:
        """What these rows are to get, in each channel."""
        luma, blurred, detail = (x[: len(out)] for x in (self._luma, self._blurred, self._detail))
        cv2.cvtColor(out, cv2.COLOR_RGB2GRAY, dst=luma)
        cv2.GaussianBlur(luma, (3, 3), 0, dst=blurred)
        cv2.subtract(luma, blurred, dst=luma)
        cv2.multiply(luma, weight, dst=luma, scale=amount)
        cv2.cvtColor(luma, cv2.COLOR_GRAY2RGB, dst=detail)
        return detail


def _amount(out: NDArray[np.float32], weight: Map, styled: Picture) -> float:
    """`a`, from some of the rows."""
    if min(weight.shape) < 4:
        return 0.0
    every = max(min(len(out) // _SAMPLES, _EVERY), 1)
    if native.AVAILABLE:
        wanted, slope, sharpened = native.slopes(out, weight, styled, every=every)
    else:
        wanted, slope, sharpened = _slopes(out, weight, styled, every)
    wanted *= _KEPT
    if slope >= wanted:
        return 0.0
    needed = (wanted - slope) / max(sharpened - slope, 1e-6)
    amount = min(needed, _MOST) * min(max((_NOISE[1] - needed) / (_NOISE[1] - _NOISE[0]), 0.0), 1.0)
    return round(amount * _GRAINS) / _GRAINS


def _slopes(out: NDArray[np.float32], weight: Map, styled: Picture, every: int) -> tuple[float, float, float]:
    """Of what is painted, of its average with the past, and of that sharpened by an amount of 1."""
    averaged = _luma(_sample(out, every))
    plain = averaged[1:-1, :, 1:-1]
    sharpened = plain + _sample(weight, every)[1:-1, :, 1:-1] * (plain - _blurred(averaged))
    return _slope(_luma(_sample(styled, every))[1:-1, :, 1:-1]), _slope(plain), _slope(sharpened)


def _sample(values: NDArray[Any], every: int) -> NDArray[Any]:
    """Four rows below each other, here and there."""
    last = len(values) - 3
    return np.stack([values[first : last + first : every] for first in range(4)])


def _luma(rows: NDArray[Any]) -> Rows:
    flat = rows.reshape(1, -1, 3).astype(np.float32, copy=False)
    return np.asarray(cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY), np.float32).reshape(rows.shape[:3])


def _blurred(rows: Rows) -> Rows:
    """Without the outermost rows and columns."""
    down = (rows[:-2] + 2 * rows[1:-1] + rows[2:]) / 4
    return np.asarray((down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]) / 4, np.float32)


def _slope(rows: Rows) -> float:
    """Mean length of the gradient, in steps per pixel."""
    above, below = rows
    across, down = np.diff(above, axis=1), (below - above)[:, :-1]
    # Not cv2.magnitude: its last bits change with where rows lie in memory, and a resumed film must match to the bit.
    return float(np.sqrt(across * across + down * down).mean())
