"""Turns the greys of a drawing into dots, as toning film does on a printed page, and inks its lines.

    threshold(x, y) = ½ + ¼ (cos u + cos v),   u, v = 2π (x ± y) / (√2 · pitch)        a screen at 45°
    out             = black where tone < threshold, one pixel of soft edge between

The threshold is mapped through its own distribution, so that a tone of t covers 1 − t of the paper. The screen is
fixed to the page: it neither swims with the picture nor flickers, and does not depend on tiles, batches or parts.
It comes after the smoothing, which therefore sees calm tones. Ordered dither with a clustered dot is as old as
halftone printing; see Ulichney, "Digital Halftoning", MIT Press 1987, chapter 5.

Lines are told from tones by a morphological closing, which removes what is dark and narrow: the closed picture is the
tone, and where the drawing is much darker than that there is ink. So dots run up to a line, and a soft line is crisp.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.frames import Frame, Picture, deepened, shallowed

_PITCH_PER_HEIGHT = 1 / 150
"""Distance of the dots over the frame's height: 4.8 px at 720 lines."""
_SMALLEST_PITCH = 4.0
_SOLID, _BLANK = 76.0, 228.0
"""Of 255: what is darker is printed solid, what is lighter stays bare paper."""
_LIFT = 0.7
"""Exponent between the two: black fills beside greys that stay light, as a pen and a sheet of tone leave them."""
_WIDEST_LINE = np.ones((5, 5), np.uint8)
_INK, _NO_INK = 0.55, 0.92  # of the tone around: what is darker is a line, what is lighter belongs to the tone


def screentone(
    frames: Iterator[Frame], screen: NDArray[np.float32] | None = None, *, height: int | None = None
) -> Iterator[Frame]:
    """Puts a screen over each frame's `image`; lines are inked, black and white stay as they are.

    Where the frames are a part of a larger page, `screen` is the same part of its thresholds and `height` the page's.
    """
    for frame in frames:
        if screen is None or screen.shape != frame.image.shape[:2]:
            screen = make_screen(*frame.image.shape[:2])
        image = put_screen(shallowed(frame.image), screen, height)  # black and white need no more than 8 bits
        yield replace(frame, image=deepened(image) if frame.image.dtype == np.uint16 else image)


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
    """`picture` (H × W × 3 RGB, uint8) in black dots on white, with its lines in ink.

    `height` is the page's, where the picture is a part of it.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    grey = np.maximum(grey, 1)  # it divides
    tone = cv2.max(grey, cv2.boxFilter(cv2.morphologyEx(grey, cv2.MORPH_CLOSE, _WIDEST_LINE), -1, (5, 5)))
    paper = cv2.divide(grey, tone, dtype=cv2.CV_32F) - np.float32(_INK)
    paper = np.clip(paper * np.float32(1 / (_NO_INK - _INK)), 0, 1)
    softness = np.float32(4 * 255 / _pitch(height or screen.shape[0]) / 2)
    printed = np.clip((np.arange(256) - _SOLID) / (_BLANK - _SOLID), 0, 1) ** _LIFT
    level = cv2.LUT(tone, (printed * (255 + softness) - softness / 2).astype(np.float32))
    dots = np.clip(cv2.subtract(level, screen) * (255 / softness) + 127.5, 0, 255)
    out = cv2.convertScaleAbs(dots * paper)
    return np.asarray(cv2.cvtColor(out, cv2.COLOR_GRAY2RGB), np.uint8)
