"""Ghosting: how much of what is drawn in moving places belongs to frames that are gone.

Edges of the render (`appearance.edges`) are explained as a mix of the source's edges now, in the three frames
before, and in the one after, by least squares over the places where the source moves:

    |∇render(t)| ≈ a |∇s(t)| + b₁ |∇s(t−1)| + b₂ |∇s(t−2)| + b₃ |∇s(t−3)| + c |∇s(t+1)| + d
    ghosting = g / (a + g)        g = b₁ + b₂ + b₃ − c

Nothing in a picture comes from the future, so c measures how far wide strokes reach over the places where edges were
and will be, alike; it is taken off the past. A render that mixes frames half and half gives 0.5, one that is a frame
late 1.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.evaluation.temporal import Pair

PASTS = 3
_MOVING = 1.5  # px a frame; slower edges lie on their own past
_LEAST = 200  # pixels
_CHANGED = 0.02  # of the source's edge energy, from frame to frame; a past that is like the present cannot be told
_EXPLAINED = 0.02  # of the variance; below it the render's edges have nothing to do with the film's

Normal = NDArray[np.float64]
"""The normal equations of one or more frames, 7 × 7: six causes and the render's edges last. They may be added up."""


def moving(pair: Pair) -> NDArray[np.bool_]:
    """Where the source moves or shows something new, with a margin, H × W."""
    places = ((np.hypot(*cv2.split(pair.flow)) > _MOVING) | ~pair.seen).astype(np.uint8)
    return np.asarray(cv2.dilate(places, np.ones((7, 7), np.uint8)) > 0)


def normal_equations(
    render: NDArray[np.float32], sources: list[NDArray[np.float32]], where: NDArray[np.bool_]
) -> Normal | None:
    """From the edges of the render and of the source at t, t−1, t−2, t−3 and t+1. None where too little moves."""
    where = where.copy()
    where[1::2] = where[:, 1::2] = False  # softened edges say nothing new from pixel to pixel
    if where.sum() < _LEAST:
        return None
    columns = [one[where].astype(np.float64) for one in (*sources, np.ones_like(render), render)]
    table = np.stack(columns)
    return np.asarray(table @ table.T)


def ghosting(equations: Normal) -> float:
    """The share of the past, 0..1; nan where the render's edges cannot be told from the source's."""
    matrix, wanted = equations[:6, :6], equations[:6, 6]
    if matrix[0, 0] - 2 * matrix[0, 1] + matrix[1, 1] <= _CHANGED * matrix[0, 0]:
        return float("nan")
    ridge = 1e-6 * np.trace(matrix) / 6
    shares = np.linalg.solve(matrix + ridge * np.eye(6), wanted)
    count = equations[5, 5]
    variance = equations[6, 6] - equations[5, 6] ** 2 / count
    unexplained = equations[6, 6] - 2 * shares @ wanted + shares @ matrix @ shares
    if variance <= 1e-9 * count or 1 - unexplained / variance < _EXPLAINED:
        return float("nan")
    now, *past, future = shares[:5].clip(0)
    gone = max(sum(past) - future, 0)
    return float(gone / (now + gone)) if now + gone > 0 else float("nan")
