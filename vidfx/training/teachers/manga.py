"""The teacher of `manga`: an even pen line round every form, black fills, and tones that grade as the light does."""

from __future__ import annotations

import cv2
import numpy as np

from vidfx.frames import Picture
from vidfx.training.teachers.drawing import Plane, along, edge_tangents, smoothstep

_BLACK = 0.04
_FILM = np.array([1.0, 0.25, -0.25], np.float32)  # a red filter: skies get a tone, clouds and faces none
_LIGHT = (0.0, 0.26, 0.70)
_PRINTED = (0.28, 0.46, 1.0)  # tone for each `_LIGHT`; the slope between, and so the flicker, stays near the film's own


def manga(picture: Picture) -> Picture:
    """Line, black, white and soft tones, which a screen turns into dots when a film is rendered.

    Takes and returns an RGB picture, uint8. Sized as `ink`.
    """
    calm = cv2.bilateralFilter(picture, 7, 12, 5)
    lab = np.asarray(cv2.cvtColor(calm.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    grey = np.asarray(lab[..., 0] / 100, np.float32)
    hue = np.asarray((lab[..., 1] - lab[..., 2]) / 200, np.float32)
    contour = np.maximum(_line(grey, 1.2, 12.0, 0.0018), 0.8 * _line(hue, 1.7, 10.0, 0.006))
    detail = _line(grey, 0.7, 5.0, 0.004)
    page = _BLACK + (1 - _BLACK) * _tone(picture) * (1 - contour) * (1 - 0.6 * detail)
    return np.asarray(np.rint(255 * np.repeat(np.clip(page, 0, 1)[..., None], 3, -1)), np.uint8)


def _line(plane: Plane, sigma: float, reach: float, floor: float) -> Plane:
    """1 on a line or on the dark side of an edge, by how it stands out among the lines around it.

    A far ridge in haze is the strongest of its neighbourhood and gets the pen of a near one; of a tree's many edges
    only the strongest are drawn. `floor` is what grain and compression may do.
    """
    tx, ty = edge_tangents(plane, sigma * 2.0)
    out_of_focus = np.minimum(_difference(plane, 2 * sigma), 0)  # a blurred light has no outline
    difference = np.asarray(_difference(plane, sigma) - 0.2 * out_of_focus, np.float32)
    strength = -along(difference, tx, ty, reach)
    around = np.sqrt(cv2.GaussianBlur(strength * strength, (0, 0), 14.0))
    return smoothstep(0.8, 2.4, np.asarray(strength / (around + floor), np.float32))


def _difference(plane: Plane, sigma: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma) - cv2.GaussianBlur(plane, (0, 0), sigma * 1.6), np.float32)


def _tone(picture: Picture) -> Plane:
    """0 where the film is black, 1 for paper, and between them grey that grades without a step."""
    smooth = cv2.bilateralFilter(cv2.bilateralFilter(picture, 9, 40, 7), 9, 30, 7)
    film = np.asarray(smooth @ _FILM / 255, np.float32)
    even = film + 0.45 * (0.55 - cv2.GaussianBlur(film, (0, 0), 70.0))
    even = cv2.bilateralFilter(np.asarray(even, np.float32), 9, 0.1, 7)
    graded = cv2.GaussianBlur(np.interp(even, _LIGHT, _PRINTED).astype(np.float32), (0, 0), 0.7)
    luma = np.asarray(cv2.cvtColor(smooth, cv2.COLOR_RGB2GRAY) / np.float32(255), np.float32)
    return np.asarray(graded * smoothstep(0.04, 0.18, luma), np.float32)
