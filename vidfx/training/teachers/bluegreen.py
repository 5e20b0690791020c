"""The teacher of `bluegreen`: azurite and malachite over gold silk, drawn with a fine dark line."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.frames import Picture
from vidfx.training.teachers.drawing import Plane, coherent_lines, even_out, ramp, smoothstep

# RGB of 0..255, from dark to light, at the tones of `_TONES`; measured on the scroll after its levels are stretched
_TONES = (0.0, 0.22, 0.42, 0.62, 0.80, 1.0)
_GREEN = ((30, 36, 34), (38, 82, 92), (62, 132, 118), (134, 184, 136), (206, 196, 134), (236, 212, 158))
_BLUE = ((26, 32, 46), (28, 66, 128), (48, 108, 182), (110, 156, 168), (200, 182, 130), (234, 208, 152))
_NEUTRAL = ((32, 32, 32), (42, 72, 104), (64, 116, 140), (138, 164, 130), (206, 178, 118), (238, 214, 160))
_WARM = ((40, 30, 26), (98, 62, 42), (158, 104, 60), (198, 148, 88), (222, 184, 124), (240, 216, 164))
_INK = np.array([38, 32, 28], np.float32)


def bluegreen(picture: Picture) -> Picture:
    """Mineral colours by lightness and hue: shadow is azurite, growth malachite, light and far things bare silk.

    Takes and returns an RGB picture, uint8. Sized as `ink`.
    """
    smooth = cv2.bilateralFilter(cv2.bilateralFilter(picture, 7, 30, 5), 9, 30, 7)
    lab = np.asarray(cv2.cvtColor(smooth.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    grey, a, b = lab[..., 0] / 100, lab[..., 1], lab[..., 2]
    tone = np.clip(even_out(np.asarray(grey, np.float32), 70.0, 0.45), 0, 1).astype(np.float32)
    tone = np.asarray(cv2.bilateralFilter(tone, 9, 0.10, 6), np.float32)
    # Mineral pigment is laid thick along the upper edge of a form and thins towards its foot.
    below = np.roll(cv2.GaussianBlur(tone, (0, 0), 10.0), -14, axis=0)
    below[-14:] = below[-15]
    tone = np.clip(tone + 0.30 * (tone - below), 0, 1)
    tone = 0.65 * tone + 0.35 * _pooled(tone)

    painted = np.zeros_like(lab)
    weights = _hues(a, b)
    for colours, weight in zip((_GREEN, _BLUE, _WARM, _NEUTRAL), weights, strict=True):
        painted += weight[..., None] * ramp(tone, _TONES, colours)
    line = coherent_lines(np.asarray(grey, np.float32), 1.3, 8.0, 0.009)
    fine = coherent_lines(np.asarray(grey, np.float32), 0.8, 5.0, 0.008)
    drawn = (1 - (1 - 0.80 * line) * (1 - 0.45 * fine))[..., None]
    painted += drawn * (_INK - painted)
    return np.asarray(np.rint(np.clip(painted, 0, 255)), np.uint8)


def _pooled(tone: Plane) -> Plane:
    """Four soft steps of tone."""
    steps = 0.12 + 0.24 * smoothstep(0.16, 0.30, tone) + 0.26 * smoothstep(0.40, 0.52, tone)
    return np.asarray(steps + 0.30 * smoothstep(0.64, 0.76, tone), np.float32)


def _hues(a: NDArray[np.float32], b: NDArray[np.float32]) -> list[Plane]:
    """How green, blue, warm and neutral each pixel is, from Lab a and b; the four sum to 1."""
    colourful = smoothstep(4.0, 16.0, np.asarray(np.hypot(a, b), np.float32))
    angle = np.arctan2(b, a)

    def near(centre: float, width: float) -> Plane:
        distance = np.abs(np.angle(np.exp(1j * (angle - np.deg2rad(centre)))))
        return np.asarray(np.exp(-((distance / np.deg2rad(width)) ** 2)), np.float32)

    shares = np.stack([near(125, 42), near(265, 55), near(45, 48)])
    shares = shares / np.maximum(shares.sum(0), 1e-3) * colourful
    return [*shares.astype(np.float32), np.asarray(1 - shares.sum(0), np.float32)]
