"""What one picture of a render looks like beside its source: how sharp, how like."""

from __future__ import annotations

import cv2
import numpy as np

from vidfx.frames import Picture


def sharpness(picture: Picture) -> float:
    """Mean gradient magnitude of luma, in steps of 255 per pixel; 0 for a line of pixels."""
    if min(picture.shape[:2]) < 2:
        return 0.0
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.hypot(np.diff(grey, axis=1)[:-1], np.diff(grey, axis=0)[:, :-1]).mean())
