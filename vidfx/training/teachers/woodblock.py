"""The teacher of `woodblock`: flat inks that lighten into paper, an even dark blue keyline around every form."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from vidfx.frames import Picture
from vidfx.training.teachers.drawing import Plane, along, even_out, long_ones, ramp, smoothstep, structure

_PAPER = (240, 229, 200)
_TONES = (0.0, 0.16, 0.30, 0.44, 0.58, 0.72, 0.84)
# RGB of each ink at those tones, from the full block to bare paper, after the prints of Hokusai and Hiroshige
_SUMI = ((22, 28, 48), (34, 46, 74), (66, 80, 98), (134, 130, 120), (194, 181, 152), (224, 211, 180), _PAPER)
_PRUSSIAN = ((18, 30, 58), (22, 48, 98), (28, 80, 138), (62, 124, 168), (126, 172, 186), (190, 206, 194), _PAPER)
_GREEN = ((24, 40, 44), (38, 70, 62), (66, 104, 78), (112, 140, 92), (164, 174, 114), (208, 204, 152), _PAPER)
_OCHRE = ((42, 34, 38), (88, 62, 52), (142, 98, 66), (190, 142, 86), (216, 176, 114), (232, 206, 154), _PAPER)
_BRICK = ((46, 28, 38), (98, 46, 48), (158, 72, 60), (198, 104, 82), (220, 150, 118), (234, 194, 160), _PAPER)
# ink, its hue in Lab and how wide, degrees, and how much deeper a vivid colour is printed than its lightness says
_INKS = (
    (_PRUSSIAN, 262, 50, 0.58),  # so a sky, bluest overhead, grades into paper at the horizon: bokashi
    (_GREEN, 140, 34, 0.16),
    (_OCHRE, 82, 26, 0.10),
    (_BRICK, 32, 30, 0.06),
)
_KEYLINE = np.array([22, 30, 54], np.float32)
_LEVELS = (0.08, 0.26, 0.42, 0.58, 0.75, 0.92)  # of the flat tones
_FOOT = 18  # px below a place, where a form is held to have its foot


def woodblock(picture: Picture) -> Picture:
    """Five inks in flat tones, soft only where the film grades, under a keyline that hazy forms have, too.

    Takes and returns an RGB picture, uint8. Sized as `ink`.
    """
    lab = _lab(_flat(picture))
    light = np.asarray(lab[..., 0] / 100, np.float32)
    even = 0.58 + 1.2 * (even_out(light, 36.0, 0.35) - np.float32(0.53))  # bold: paper and full blocks
    below = np.roll(cv2.GaussianBlur(even, (0, 0), 14.0), -_FOOT, axis=0)
    below[-_FOOT:] = below[-_FOOT - 1]
    even = even + np.float32(0.25) * (even - below)  # forms are darkest at the top and fade towards the foot

    shares = _shares(lab[..., 1], lab[..., 2], light)
    vivid = np.minimum(np.hypot(lab[..., 1], lab[..., 2]), 40) / 40
    deeper = np.tensordot(np.array([ink[3] for ink in _INKS], np.float32), shares, 1)
    tone = np.asarray(np.clip(even - vivid * deeper * smoothstep(0.35, 0.7, even), 0, 1), np.float32)
    spread = cv2.GaussianBlur(light * light, (0, 0), 6.0) - cv2.GaussianBlur(light, (0, 0), 6.0) ** 2
    graded = 0.25 + 0.6 * np.exp(-np.maximum(spread, 0) / 0.02**2)
    tone = np.asarray(graded * tone + (1 - graded) * _steps(tone), np.float32)

    painted = (1 - shares.sum(0))[..., None] * ramp(tone, _TONES, _SUMI)
    for share, ink in zip(shares, _INKS, strict=True):
        painted += share[..., None] * ramp(tone, _TONES, ink[0])
    painted += _keyline(picture)[..., None] * (_KEYLINE - painted)
    return np.asarray(np.rint(np.clip(painted, 0, 255)), np.uint8)


def _lab(picture: Picture) -> Plane:
    return np.asarray(cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def _flat(picture: Picture) -> Picture:
    """The film without texture: patches of one colour with sharp borders."""
    calm = cv2.pyrMeanShiftFiltering(cv2.bilateralFilter(picture, 7, 28, 4), 6, 13, maxLevel=1)
    return np.asarray(cv2.bilateralFilter(calm, 7, 20, 4), np.uint8)


def _shares(a: Plane, b: Plane, light: Plane) -> Plane:
    """How much of each of `_INKS` a colour takes, inks × H × W; the rest, up to 1, is sumi."""
    angle = np.rad2deg(np.arctan2(b, a))
    apart = np.stack([np.abs((angle - hue + 180) % 360 - 180) / width for _, hue, width, _ in _INKS])
    near = np.exp(-(apart**2))
    blue = near[0]
    low = 4 - 2 * blue * smoothstep(0.4, 0.7, light)  # pale blue is sky or distance: printed blue, not grey
    high = 13 - 5 * blue
    colourful = smoothstep(0, 1, np.asarray((np.hypot(a, b) - low) / (high - low), np.float32))
    near = near**2  # one ink, seldom two over each other
    return np.asarray(near / (near.sum(0) + np.float32(1e-6)) * colourful, np.float32)


def _steps(tone: Plane) -> Plane:
    """The flat tones, with a narrow seam halfway between two."""
    flat = np.full_like(tone, _LEVELS[0])
    for lower, upper in pairwise(_LEVELS):
        middle = (lower + upper) / 2
        flat += np.float32(upper - lower) * smoothstep(middle - 0.018, middle + 0.018, tone)
    return flat


def _keyline(picture: Picture) -> Plane:
    """1 on the line: where a form stands out from what is around it, be that much or, in haze, little."""
    grey = np.asarray(_lab(np.asarray(cv2.bilateralFilter(picture, 5, 16, 3), np.uint8))[..., 0] / 100, np.float32)
    tx, ty, one_way = structure(grey, 2.2)
    difference = cv2.GaussianBlur(grey, (0, 0), 0.9) - cv2.GaussianBlur(grey, (0, 0), 1.6)
    usual = cv2.GaussianBlur(np.abs(difference), (0, 0), 14.0)  # in grass and leaves only what exceeds it
    drawn = along(along(difference, tx, ty, 7.0), tx, ty, 7.0)
    drawn = smoothstep(0.6, 1.3, np.asarray(-drawn / (0.0032 + 1.1 * usual), np.float32))
    drawn = np.asarray(drawn * smoothstep(0.3, 0.6, one_way), np.float32)
    return np.asarray(0.95 * long_ones(drawn, 20.0, 48.0), np.float32)
