"""The teacher of `oil`: paint in patches that follow the form, with the ridges of the brush, in bright colour."""

from __future__ import annotations

import cv2
import numpy as np

from vidfx.frames import Picture
from vidfx.training.teachers.drawing import Plane, along, edge_tangents, kuwahara


def oil(picture: Picture) -> Picture:
    """Impasto: sector-wise smoothed colour dragged along the edges, ridges lit from the upper left.

    Takes and returns an RGB picture, uint8. Sized as `ink`.
    """
    x = np.asarray(picture / np.float32(255), np.float32)
    patches = kuwahara(kuwahara(x, 2.1), 1.7)
    grey = np.asarray(cv2.cvtColor(patches, cv2.COLOR_RGB2GRAY), np.float32)
    tx, ty = edge_tangents(grey, 5.0)
    dragged = np.stack([along(np.ascontiguousarray(patches[..., c]), tx, ty, 6.0) for c in range(3)], -1)
    lab = cv2.cvtColor(np.clip(dragged, 0, 1), cv2.COLOR_RGB2LAB)
    lab = _palette(np.asarray(lab, np.float32))
    relief = _ridges(np.asarray(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), np.float32), tx, ty)
    lab[..., 0] = np.clip(lab[..., 0] + 100 * relief, 2, 98)
    painted = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.asarray(np.rint(255 * np.clip(painted, 0, 1)), np.uint8)


def _palette(lab: Plane) -> Plane:
    """The impressionists' way with colour: no black, shadows towards blue, lights towards yellow, all more vivid."""
    tone = lab[..., 0] / 100
    tone = 0.10 + 0.88 * tone**0.92
    tone = tone + 0.10 * np.sin(2 * np.pi * (tone - 0.5)) * 0.6  # firmer middle tones
    lab[..., 0] = 100 * np.clip(tone, 0, 1)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    gain = 1.05 + 1.0 * np.exp(-chroma / 32)
    dark = np.clip(1 - tone / 0.55, 0, 1)
    light = np.clip((tone - 0.55) / 0.45, 0, 1)
    lab[..., 1] = lab[..., 1] * gain + 4.0 * dark
    lab[..., 2] = lab[..., 2] * gain - 17.0 * dark + 13.0 * light
    return np.asarray(lab, np.float32)


def _ridges(grey: Plane, tx: Plane, ty: Plane) -> Plane:
    """Relief of the bristles: the film's own fine texture, combed along the stroke and lit across it; about ±0.1."""
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 2.5)
    fine = fine / (np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 12.0)) + 0.011)
    combed = along(np.asarray(fine, np.float32), tx, ty, 12.0, steps=8)
    combed = np.asarray(cv2.GaussianBlur(combed, (0, 0), 0.7), np.float32)
    lit = cv2.Sobel(combed, cv2.CV_32F, 1, 0, ksize=3) + cv2.Sobel(combed, cv2.CV_32F, 0, 1, ksize=3)
    return np.asarray(0.060 * np.tanh(combed) + 0.035 * np.tanh(lit), np.float32)
