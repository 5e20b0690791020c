"""The teacher of `oil`: paint in patches that follow the form, with the ridges of the brush, in bright colour."""

from __future__ import annotations

import cv2
import numpy as np

from vidfx.frames import Picture
from vidfx.training.teachers.drawing import Plane, along, coherent_lines, edge_tangents, kuwahara

_STROKE = 7.0  # px across one stroke
_TURNS = (6.0, 12.0, 24.0, 44.0)  # strokes from black to white; finer would follow the film's noise


def oil(picture: Picture) -> Picture:
    """Impasto: sector-wise smoothed colour laid in strokes along the form, with ridges, in vivid colour.

    Takes and returns an RGB picture, uint8. Sized as `ink`.
    """
    x = np.asarray(picture / np.float32(255), np.float32)
    patches = kuwahara(kuwahara(x, 2.7), 2.0)  # as wide as a flat brush, and the second evens its edge
    grey = np.asarray(cv2.cvtColor(patches, cv2.COLOR_RGB2GRAY), np.float32)
    tx, ty = edge_tangents(grey, 5.0)
    dragged = np.stack([along(np.ascontiguousarray(patches[..., c]), tx, ty, 9.0) for c in range(3)], -1)
    lab = _palette(np.asarray(cv2.cvtColor(np.clip(dragged, 0, 1), cv2.COLOR_RGB2LAB), np.float32))
    stroke = _strokes(grey, tx, ty)
    film = np.asarray(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), np.float32)
    relief = _ridges(film, tx, ty)
    accent = coherent_lines(film, 0.9, 4.0, 0.010)  # small dark strokes: without them a face has no eyes
    lab[..., 0] = np.clip((lab[..., 0] + 2.5 * stroke + 130 * relief) * (1 - 0.55 * accent), 3, 98)
    lab[..., 1] += 2.0 * stroke  # neighbouring strokes are of neighbouring colours: warm beside cool
    lab[..., 2] += 5.0 * stroke
    painted = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    return np.asarray(np.rint(255 * np.clip(painted, 0, 1)), np.uint8)


def _strokes(grey: Plane, tx: Plane, ty: Plane) -> Plane:
    """Strokes that follow the form, -1..1: bands of equal lightness, of the order that makes them `_STROKE` wide here.

    Being drawn from the lightness itself they move with the picture and not with the page.
    """
    calm = np.asarray(cv2.GaussianBlur(grey, (0, 0), 3.0), np.float32)
    slope = np.hypot(cv2.Sobel(calm, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(calm, cv2.CV_32F, 0, 1) / 8)
    slope = cv2.GaussianBlur(slope, (0, 0), 2.0) + 1e-5
    total, weights = np.zeros_like(grey), np.full_like(grey, 0.08)
    for turns in _TURNS:
        width = 1 / (turns * slope)  # px that one band takes here
        weight = np.exp(-((np.log2(width / _STROKE) / 0.8) ** 2)).astype(np.float32)
        total += weight * np.sin(2 * np.pi * turns * calm).astype(np.float32)
        weights += weight
    return along(np.asarray(total / weights, np.float32), tx, ty, 5.0)


def _palette(lab: Plane) -> Plane:
    """The impressionists' way with colour: no black, shadows towards blue, lights towards yellow, all more vivid."""
    tone = lab[..., 0] / 100
    tone = 0.12 + 0.86 * tone**0.9
    tone = tone + 0.05 * np.sin(2 * np.pi * (tone - 0.5))  # firmer middle tones
    lab[..., 0] = 100 * np.clip(tone, 0, 1)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    gain = 1.05 + 1.2 * np.exp(-chroma / 30)
    dark = np.clip(1 - tone / 0.55, 0, 1)
    light = np.clip((tone - 0.55) / 0.45, 0, 1)
    lab[..., 1] = lab[..., 1] * gain + 5.0 * dark
    lab[..., 2] = lab[..., 2] * gain - 24.0 * dark + 18.0 * light
    return np.asarray(lab, np.float32)


def _ridges(grey: Plane, tx: Plane, ty: Plane) -> Plane:
    """Relief of the bristles: the film's own fine texture, combed along the stroke and lit across it; about ±0.1."""
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 2.5)
    fine = fine / (np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 12.0)) + 0.02)
    combed = along(np.asarray(fine, np.float32), tx, ty, 12.0, steps=8)
    combed = np.asarray(cv2.GaussianBlur(combed, (0, 0), 0.7), np.float32)
    lit = cv2.Sobel(combed, cv2.CV_32F, 1, 0, ksize=3) + cv2.Sobel(combed, cv2.CV_32F, 0, 1, ksize=3)
    return np.asarray(0.060 * np.tanh(combed) + 0.040 * np.tanh(lit), np.float32)
