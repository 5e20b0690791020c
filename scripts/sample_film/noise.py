"""Seeded noise on a torus: every field here tiles, so that a camera may fly as far as it likes."""

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def smoothstep(low: float, high: float, x: Field) -> Field:
    """0 below `low`, 1 above `high`, a smooth cubic between."""
    u = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(u * u * (3.0 - 2.0 * u), np.float32)


def octave(size: int, cells: int, rng: np.random.Generator) -> Field:
    """Smooth noise, size × size, about -1..1, `cells` bumps along a side, periodic."""
    lattice = rng.uniform(-1.0, 1.0, (cells, cells)).astype(np.float32)
    pad = 3
    lattice = np.pad(lattice, pad, mode="wrap")
    side = size * (cells + 2 * pad) // cells
    big = cv2.resize(lattice, (side, side), interpolation=cv2.INTER_CUBIC)
    start = size * pad // cells
    return np.asarray(big[start : start + size, start : start + size], np.float32)


def fbm(size: int, cells: int, octaves: int, seed: int, gain: float = 0.5, ridged: bool = False) -> Field:
    """Octaves of noise summed, each twice as fine and `gain` times as strong; about -1..1.

    With `ridged`, each octave is folded at zero, which gives crests instead of bumps.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros((size, size), np.float32)
    weight, norm = 1.0, 0.0
    for _ in range(octaves):
        if cells > size // 2:
            break
        layer = octave(size, cells, rng)
        if ridged:
            layer = 1.0 - 2.5 * np.abs(layer)
        total += weight * layer
        norm += weight
        weight *= gain
        cells *= 2
    return np.asarray(total / max(norm, 1e-6) * 1.4, np.float32)


def pyramid(image: Field, levels: int) -> list[Field]:
    """`image` and its halvings; each level is the mean of 2 × 2 of the one before."""
    out = [image]
    for _ in range(levels - 1):
        h, w = out[-1].shape[:2]
        out.append(np.asarray(cv2.resize(out[-1], (w // 2, h // 2), interpolation=cv2.INTER_AREA), np.float32))
    return out


def sample(levels: list[Field], lod: float, x: Field, y: Field) -> Field:
    """Wrapped trilinear look-up: x, y in level-0 texels, `lod` one number for the whole call."""
    lod = min(max(lod, 0.0), len(levels) - 1.0)
    low = int(lod)
    mix = lod - low
    out = _bilinear(levels[low], x, y, 2.0**-low)
    if mix > 0.02 and low + 1 < len(levels):
        out = out * np.float32(1.0 - mix) + _bilinear(levels[low + 1], x, y, 0.5 ** (low + 1)) * np.float32(mix)
    return out


def _bilinear(image: Field, x: Field, y: Field, scale: float) -> Field:
    h, w = image.shape[:2]
    u = np.mod(np.asarray(x, np.float32) * np.float32(scale) - np.float32(0.5), np.float32(w))
    v = np.mod(np.asarray(y, np.float32) * np.float32(scale) - np.float32(0.5), np.float32(h))
    return np.asarray(cv2.remap(image, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32)
