"""Flicker: brightness or colour that goes up and comes down again where the film's own surface stays in sight."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.evaluation.temporal import Pair
from vidfx.frames import LUMA

BLOCKS = 16  # along the long side
_LEAST_SEEN = 0.25  # of a block
_TO_YCC = np.array([LUMA, [0.5, -0.418688, -0.081312], [-0.168736, -0.331264, 0.5]])

Blocks = NDArray[np.float64]
"""Mean change of R, G and B along the motion, rows × columns × 3, in steps of 255; nan where too little is seen."""


def block_changes(changed: NDArray[np.float32], pair: Pair) -> Blocks:
    """The change of one frame against the one before, in blocks of a sixteenth of the long side."""
    height, width = pair.seen.shape
    edge = max(height, width) / BLOCKS
    size = max(1, round(width / edge)), max(1, round(height / edge))
    seen = pair.seen.astype(np.float32)
    share = cv2.resize(seen, size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(changed * seen[..., None], size, interpolation=cv2.INTER_AREA)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.asarray(total, np.float64).reshape(size[1], size[0], 3) / share[..., None]
    mean[share < _LEAST_SEEN] = np.nan
    return mean


def flicker(before: Blocks, now: Blocks) -> tuple[float, float]:
    """Of luma and of colour, from two changes in a row: root mean square over blocks, in steps of 255.

    Half the difference of the two changes is how far the frame between stands out from the mean of its neighbours: a
    light that alternates by ±a gives 2 a, a steady fade 0. nan where nothing can be followed.
    """
    jump = (now - before).reshape(-1, 3) / 2
    jump = jump[np.isfinite(jump).all(axis=1)]
    if not len(jump):
        return float("nan"), float("nan")
    luma, red, blue = (jump @ _TO_YCC.T).T
    return float(np.sqrt((luma**2).mean())), float(np.sqrt((red**2 + blue**2).mean()))
