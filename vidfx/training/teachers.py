"""Classical teachers: filters that say where tone, line and colour go while a generator warms up.

A teacher is only a first drawing lesson. The adversary and the style statistics bring the hand.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.frames import Picture

Plane = NDArray[np.float32]
Teacher = Callable[[Picture], Picture]

INK = np.array([0.11, 0.115, 0.125], np.float32)
PAPER = np.array([0.945, 0.92, 0.86], np.float32)


def smoothstep(low: float, high: float, x: Plane) -> Plane:
    """0 below `low`, 1 above `high`, a cubic ramp between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def edge_tangents(grey: Plane, sigma: float = 2.5) -> tuple[Plane, Plane]:
    """Unit vectors along the edges: the minor eigenvector of the smoothed structure tensor.

    Kyprianidis and Kang 2011, "Image and video abstraction by coherence-enhancing filtering".
    """
    gx = cv2.Scharr(grey, cv2.CV_32F, 1, 0) / 16
    gy = cv2.Scharr(grey, cv2.CV_32F, 0, 1) / 16
    xx, yy, xy = (cv2.GaussianBlur(p, (0, 0), sigma) for p in (gx * gx, gy * gy, gx * gy))
    angle = 0.5 * np.arctan2(2.0 * xy, xx - yy)  # of the gradient; the tangent stands across it
    return (-np.sin(angle)).astype(np.float32), np.cos(angle).astype(np.float32)


def along(plane: Plane, tx: Plane, ty: Plane, reach: float, steps: int = 5) -> Plane:
    """Averages `plane` along the edge tangents, `reach` pixels both ways (line integral convolution, Euler steps)."""
    height, width = plane.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    total, weight = plane.copy(), 1.0
    for sign in (1.0, -1.0):
        px, py, dx, dy = xs.copy(), ys.copy(), tx * sign, ty * sign
        for step in range(1, steps + 1):
            px += dx * (reach / steps)
            py += dy * (reach / steps)
            gauss = float(np.exp(-2.0 * (step / steps) ** 2))
            total += gauss * cv2.remap(plane, px, py, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
            weight += gauss
            nx = cv2.remap(tx, px, py, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
            ny = cv2.remap(ty, px, py, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
            turn = np.where(nx * dx + ny * dy < 0, -1.0, 1.0).astype(np.float32)  # tangents have no sign
            dx, dy = nx * turn, ny * turn
    return np.asarray(total / weight, np.float32)


def coherent_lines(grey: Plane, sigma: float, reach: float, threshold: float) -> Plane:
    """1 on a dark line or edge, 0 elsewhere: difference of Gaussians, gathered along the edge.

    After Kang, Lee and Chui 2007, "Coherent line drawing".
    """
    tx, ty = edge_tangents(grey, sigma * 2.0)
    difference = cv2.GaussianBlur(grey, (0, 0), sigma) - cv2.GaussianBlur(grey, (0, 0), sigma * 1.6)
    gathered = along(difference, tx, ty, reach)
    return smoothstep(threshold, threshold * 3.2, -gathered)


def even_out(grey: Plane, sigma: float, amount: float) -> Plane:
    """Moves local mean and spread of tone part of the way to fixed ones, so night and noon both get washes."""
    mean = cv2.GaussianBlur(grey, (0, 0), sigma)
    spread = np.sqrt(np.maximum(cv2.GaussianBlur((grey - mean) ** 2, (0, 0), sigma), 0)) + 0.06
    level = mean + amount * (0.62 - mean)
    return np.asarray(level + (grey - mean) * (1.0 + amount * (0.16 / spread - 1.0)), np.float32)


def ink(picture: Picture) -> Picture:
    """Brush and wash: coherent lines over a few pooled washes on warm paper.

    Takes and returns an RGB picture, uint8. Strokes are sized for a picture as it is shown, 500 to 1000 px high.
    """
    smooth = cv2.bilateralFilter(cv2.bilateralFilter(picture, 7, 34, 5), 7, 34, 5)
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB).astype(np.float32)
    grey = lab[..., 0] / 255.0
    even = np.asarray(np.clip(even_out(grey, 60.0, 0.35), 0.0, 1.0), np.float32)
    tone = np.asarray(cv2.bilateralFilter(even, 9, 0.12, 6), np.float32)

    # Paper, two washes and ink, each with a soft shore; and the plain tone under them, so that form stays round.
    light = 0.06 + 0.94 * smoothstep(0.04, 0.72, tone)
    pooled = (
        0.08
        + 0.26 * smoothstep(0.10, 0.20, tone)
        + 0.34 * smoothstep(0.26, 0.38, tone)
        + 0.32 * smoothstep(0.50, 0.64, tone)
    )
    washes = 0.5 * pooled + 0.5 * light
    shore = cv2.GaussianBlur(pooled, (0, 0), 3.5) - cv2.GaussianBlur(pooled, (0, 0), 1.0)
    washes = washes - 0.6 * np.clip(shore, 0, 1)  # pigment gathers at the rim of a wash

    contour = coherent_lines(grey, 1.7, 9.0, 0.010)
    detail = coherent_lines(grey, 0.9, 5.0, 0.008)
    # colour edges of equal lightness are lines too
    chroma = coherent_lines(
        255.0 / 100 * cv2.GaussianBlur(lab[..., 1] - lab[..., 2], (0, 0), 1.0) / 255.0, 2.0, 9.0, 0.012
    )
    washes = washes * (1 - 0.92 * contour) * (1 - 0.62 * detail) * (1 - 0.4 * chroma)
    washes = washes * (0.25 + 0.75 * smoothstep(0.02, 0.17, grey))  # what is black in the film is ink
    washes = np.clip(washes, 0.0, 1.0)[..., None]
    return np.asarray(np.rint(255 * (INK + (PAPER - INK) * washes)), np.uint8)


TEACHERS: dict[str, Teacher] = {"ink": ink}
