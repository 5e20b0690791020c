"""Turns the flat greys of a drawing into dots, as toning film does on a printed page.

    threshold(x, y) = ½ + ¼ (cos u + cos v),   u, v = 2π (x ± y) / (√2 · pitch)        a screen at 45°
    out             = black where tone < threshold, one pixel of soft edge between

The threshold is mapped through its own distribution, so that a tone of t covers 1 − t of the paper. The screen is
fixed to the page: it neither swims with the picture nor flickers, and does not depend on tiles, batches or parts.
It comes after the smoothing, which therefore sees calm tones. Ordered dither with a clustered dot is as old as
halftone printing; see Ulichney, "Digital Halftoning", MIT Press 1987, chapter 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.frames import Frame, Picture

_PITCH_PER_HEIGHT = 1 / 130
"""Distance of the dots over the frame's height: 5.5 px at 720 lines."""
_SMALLEST_PITCH = 4.0
_SOLID, _BLANK = 24.0, 232.0
"""Of 255: what is darker is printed solid, what is lighter stays bare paper."""
_EDGE_STEPS = 14.0  # of 255: a tone that varies more than this within its neighbourhood is a line, not a tone


def screentone(
    frames: Iterator[Frame], screen: NDArray[np.float32] | None = None, *, height: int | None = None
) -> Iterator[Frame]:
    """Puts a screen over each frame's `image`; lines, black and white stay as they are drawn.

    Where the frames are a part of a larger page, `screen` is the same part of its thresholds and `height` the page's.
    """
    for frame in frames:
        if screen is None or screen.shape != frame.image.shape[:2]:
            screen = make_screen(*frame.image.shape[:2])
        image = frame.image
        if image.dtype == np.uint16:  # black and white need no more than 8 bits on their way
            image = put_screen(np.asarray(cv2.convertScaleAbs(image, alpha=1 / 257)), screen, height)
            image = image.astype(np.uint16) * 257
        else:
            image = put_screen(image, screen, height)
        yield replace(frame, image=image)


def make_screen(height: int, width: int) -> NDArray[np.float32]:
    """Thresholds of a 45° dot screen for a frame size, H × W in 0..255, evenly distributed."""
    pitch = _pitch(height)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    turn = np.float32(2 * np.pi / (np.sqrt(2) * pitch))
    wave = 0.5 + 0.25 * (np.cos(turn * (x + y)) + np.cos(turn * (x - y)))
    # many samples of one period give the distribution that evens the coverage out
    phase = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    known = np.sort((0.5 + 0.25 * (np.cos(phase)[:, None] + np.cos(phase))).ravel())
    level = np.interp(wave, known, np.linspace(0, 1, known.size))
    return np.asarray(255 * level, np.float32)


def _pitch(height: int) -> float:
    return max(height * _PITCH_PER_HEIGHT, _SMALLEST_PITCH)


def put_screen(picture: Picture, screen: NDArray[np.float32], height: int | None = None) -> Picture:
    """`picture` (H × W × 3 RGB, uint8) as black dots on white where its tone is flat, unchanged where it is drawn.

    `height` is the page's, where the picture is a part of it.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    calm = cv2.boxFilter(grey, -1, (5, 5))
    tone = calm.astype(np.float32)
    softness = np.float32(4 * 255 / _pitch(height or screen.shape[0]) / 2)
    tone = (tone - _SOLID) * ((255 + softness) / np.float32(_BLANK - _SOLID)) - softness / 2
    dots = cv2.subtract(np.asarray(tone, np.float32), screen)
    dots = cv2.convertScaleAbs(np.clip(dots * (255 / softness) + 127.5, 0, 255))
    unrest = cv2.absdiff(grey, calm).astype(np.float32)
    flat = np.clip(1.6 - unrest * np.float32(1 / _EDGE_STEPS), 0, 1)
    out = cv2.blendLinear(np.asarray(dots), grey, flat, 1 - flat)
    return np.asarray(cv2.cvtColor(out, cv2.COLOR_GRAY2RGB), np.uint8)
