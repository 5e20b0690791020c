"""The teacher of `manga`: a pen line, black fills, and two tones between, on white."""

from __future__ import annotations

import cv2
import numpy as np

from vidfx.frames import Picture
from vidfx.training.teachers.drawing import coherent_lines, even_out, smoothstep

_BLACK, _DARK, _LIGHT = 0.04, 0.40, 0.74  # tones of the fills; white is 1


def manga(picture: Picture) -> Picture:
    """Line, black, white and two flat tones, which a screen turns into dots when a film is rendered.

    Takes and returns an RGB picture, uint8. Sized as `ink`.
    """
    smooth = cv2.bilateralFilter(cv2.bilateralFilter(picture, 7, 34, 5), 9, 34, 7)
    grey = np.asarray(cv2.cvtColor(smooth, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255, np.float32)
    tone = np.clip(even_out(grey, 70.0, 0.4), 0, 1).astype(np.float32)
    tone = np.asarray(cv2.bilateralFilter(tone, 9, 0.12, 7), np.float32)
    fill = _BLACK + (_DARK - _BLACK) * smoothstep(0.19, 0.24, tone)
    fill = fill + (_LIGHT - _DARK) * smoothstep(0.36, 0.41, tone) + (1 - _LIGHT) * smoothstep(0.54, 0.59, tone)
    contour = coherent_lines(grey, 1.3, 9.0, 0.010)
    lab = cv2.cvtColor(smooth.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    hue = cv2.GaussianBlur((lab[..., 1] - lab[..., 2]) / 100, (0, 0), 1.0)
    contour = np.maximum(contour, coherent_lines(np.asarray(hue, np.float32), 1.6, 9.0, 0.014))
    detail = coherent_lines(grey, 0.8, 5.0, 0.009)
    line = 1 - (1 - smoothstep(0.15, 0.6, contour)) * (1 - 0.9 * smoothstep(0.2, 0.8, detail))
    page = (fill - _BLACK) * (1 - line) * smoothstep(0.04, 0.12, grey) + _BLACK
    return np.asarray(np.rint(255 * np.repeat(np.clip(page, 0, 1)[..., None], 3, -1)), np.uint8)
