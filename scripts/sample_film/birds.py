"""Cranes on the wing, drawn as a handful of outlines."""

import cv2
import numpy as np

from .noise import Field

_BODY = [
    (-0.62, 0.02),
    (-0.30, 0.09),
    (0.05, 0.12),
    (0.32, 0.08),
    (0.62, 0.14),
    (0.80, 0.13),
    (0.62, 0.08),
    (0.30, -0.02),
]
_BODY += [(0.0, -0.09), (-0.34, -0.05), (-1.00, -0.06)]


def crane(beat: float, scale: float, light: float = 1.0) -> Field:
    """A crane flying right, 3.2 m × 3.2 m about its breast: linear RGB times coverage, coverage last.

    `beat` is in turns of the wing, `scale` in pixels per metre.
    """
    fine, side = 4, max(4, round(3.2 * scale))
    n = side * fine
    paint = np.zeros((n, n, 3), np.float32)
    cover = np.zeros((n, n), np.float32)

    def fill(points: list[tuple[float, float]], rgb: tuple[float, float, float]) -> None:
        at = np.round((np.array(points) * (1, -1) + 1.6) * scale * fine * 16).astype(np.int32)
        cv2.fillPoly(paint, [at], rgb, cv2.LINE_8, 4)
        cv2.fillPoly(cover, [at], 1.0, cv2.LINE_8, 4)

    swing = float(np.sin(2 * np.pi * beat))
    late = float(np.sin(2 * np.pi * beat - 0.9))
    for near in (False, True):
        lift = (0.62 if near else 0.72) * swing + 0.10
        tip = lift + 0.62 * late
        lean = -0.10 if near else 0.22
        tone = light * (1.0 if near else 0.72)
        wing = [
            (0.26, 0.06),
            (0.20 + lean, lift + 0.07),
            (lean - 0.12, tip),
            (lean - 0.42, tip - 0.04),
            (-0.24, lift - 0.05),
        ]
        fill([*wing, (-0.30, 0.03)], (0.80 * tone, 0.80 * tone, 0.82 * tone))
        fill(
            [wing[2], wing[3], (lean - 0.40, 0.55 * tip + 0.45 * lift - 0.03), (lean - 0.20, 0.6 * tip + 0.4 * lift)],
            (0.04,) * 3,
        )
        if not near:
            fill(_BODY, (0.74 * light, 0.74 * light, 0.78 * light))
            fill([(0.60, 0.15), (0.82, 0.135), (0.66, 0.09)], (0.30, 0.05, 0.04))
    full = np.dstack([paint * cover[..., None], cover])
    return np.asarray(full.reshape(side, fine, side, fine, 4).mean(axis=(1, 3)), np.float32)
