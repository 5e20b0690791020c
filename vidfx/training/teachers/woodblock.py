"""The teacher of `woodblock`: flat blocks of colour, a dark blue keyline, gradation where the film has it."""

from __future__ import annotations

import cv2
import numpy as np

from vidfx.frames import Picture
from vidfx.training.teachers.drawing import Plane, coherent_lines, even_out, smoothstep

# RGB of the blocks, as cut for the prints of Hokusai and Hiroshige: paper, blues, brick, ochre, greens and greys
_BLOCKS = np.array(
    [
        (242, 234, 210),
        (222, 212, 182),
        (176, 192, 182),
        (122, 162, 172),
        (66, 124, 164),
        (42, 84, 122),
        (26, 48, 82),
        (24, 28, 46),
        (192, 108, 82),
        (222, 164, 124),
        (212, 176, 106),
        (134, 154, 104),
        (80, 114, 88),
        (116, 64, 58),
    ],
    np.float32,
)
_KEYLINE = np.array([24, 32, 56], np.float32)
_SOFT = 5.0  # Lab units over which one block gives way to the next


def woodblock(picture: Picture) -> Picture:
    """Colours of a print, one flat block each, soft where the film grades (bokashi), under a keyline.

    Takes and returns an RGB picture, uint8. Sized as `ink`.
    """
    smooth = cv2.pyrMeanShiftFiltering(cv2.bilateralFilter(picture, 7, 30, 5), 7, 16, maxLevel=1)
    smooth = cv2.bilateralFilter(smooth, 7, 24, 5)
    lab = np.asarray(cv2.cvtColor(smooth.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    grey = np.asarray(cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 0] / 100, np.float32)
    level = np.asarray(lab[..., 0] / 100, np.float32)
    even = even_out(level, 70.0, 0.35)
    even = even + 0.06 + 0.10 * smoothstep(0.55, 0.8, np.asarray(even, np.float32))  # light is bare paper
    lab[..., 0] = 100 * np.clip(even, 0, 1)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    lab[..., 1:] *= np.float32(1) + np.exp(-chroma / 24)[..., None]  # greys take sides
    lab[..., 2] -= 5.0 * np.clip(1 - lab[..., 0] / 60, 0, 1)  # and shadows are blue
    painted = _blocks(np.asarray(lab, np.float32))
    painted = 0.88 * painted + 0.12 * cv2.GaussianBlur(painted, (0, 0), 2.0)

    base = cv2.GaussianBlur(grey, (0, 0), 0.6)
    keyline = coherent_lines(np.asarray(base, np.float32), 1.2, 8.0, 0.011)
    inside = coherent_lines(np.asarray(base, np.float32), 0.8, 5.0, 0.012)
    line = 1 - (1 - 0.95 * smoothstep(0.15, 0.7, keyline)) * (1 - 0.6 * inside)
    painted += line[..., None] * (_KEYLINE - painted)
    return np.asarray(np.rint(np.clip(painted, 0, 255)), np.uint8)


def _blocks(lab: Plane) -> Plane:
    """Each pixel in the nearest of the print's colours, with soft seams."""
    palette = cv2.cvtColor(_BLOCKS[None] / 255, cv2.COLOR_RGB2LAB)[0]
    weight_l = 0.75  # hue decides a little more than lightness
    scale = np.array([weight_l, 1.0, 1.0], np.float32)
    distances = np.stack([np.sqrt((((lab - colour) * scale) ** 2).sum(-1)) for colour in palette])
    nearest = distances.min(0)
    weights = np.exp(-(distances - nearest) / _SOFT * 2.5)
    weights /= weights.sum(0)
    return np.asarray(np.einsum("phw,pc->hwc", weights, _BLOCKS), np.float32)
