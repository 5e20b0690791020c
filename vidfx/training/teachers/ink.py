"""The teacher of `ink`: brush and wash on warm paper."""

from __future__ import annotations

import cv2
import numpy as np

from vidfx.frames import Picture
from vidfx.training.teachers.drawing import coherent_lines, even_out, smoothstep

INK = np.array([0.11, 0.115, 0.125], np.float32)
PAPER = np.array([0.945, 0.92, 0.86], np.float32)


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
