"""Is a style fit to be shipped? Its size, its weights, its tiles, its lattice and its speed, measured."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.frames import Picture
from vidfx.styles.weights import shapes

if TYPE_CHECKING:
    from vidfx.styles.stylizer import Stylizer

PERIODS = (2, 4, 8)
"""Pixels: the strides of the generator, where a lattice would show."""
LARGEST_FILE = 8_000_000
LARGEST_PEAK = 1.5
MOST_PARAMETERS = 3_000_000
_SIZE = 512
_FLOOR = 7.0  # power of a sine of half a step of 255 over a line: rounding alone makes as much, and no eye sees it


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    value: str
    good: bool


def check_style(stylizer: Stylizer) -> list[Finding]:
    """Every finding about a style, good or bad. Takes some seconds: it paints test pictures and times a 720p frame."""
    file = stylizer.style.path.stat().st_size
    parameters = sum(prod(shape) for shape in shapes(stylizer.card.generator).values())
    findings = [
        Finding("model file", f"{file / 1e6:.1f} MB", file <= LARGEST_FILE),
        Finding("parameters", f"{parameters / 1e6:.2f} million", parameters <= MOST_PARAMETERS),
    ]
    apart = _tile_difference(stylizer)
    findings.append(Finding("tiles against the whole frame", f"{apart} of 255", apart <= 1))
    highest = dict.fromkeys(PERIODS, 0.0)
    for picture in test_pictures().values():
        inside = slice(stylizer.card.border, len(picture) - stylizer.card.border)
        painted = stylizer.stylize(picture[None])[0][inside, inside]
        for period, peak in peaks(painted).items():
            highest[period] = max(highest[period], peak)
    for period, peak in highest.items():
        judged = period != 2  # told, but below what an eye finds: see the floor
        limit = f"{LARGEST_PEAK} at most" if judged else "told, not judged"
        value = f"{peak:.2f} times the power around it, {limit}"
        findings.append(Finding(f"lattice of {period} px", value, peak <= LARGEST_PEAK or not judged))
    findings.append(Finding("a frame of 1280x720", f"{_milliseconds(stylizer):.0f} ms", True))
    return findings


def _tile_difference(stylizer: Stylizer) -> int:
    picture = np.random.default_rng(1).integers(0, 256, (1, 400, 560, 3), np.uint8)
    kept, stylizer.tile = stylizer.tile, 0
    whole = stylizer.stylize(picture).astype(np.int16)
    stylizer.tile = 256
    tiled = stylizer.stylize(picture).astype(np.int16)
    stylizer.tile = kept
    return int(np.abs(whole - tiled).max())


def _milliseconds(stylizer: Stylizer) -> float:
    """Median of five."""
    frame = np.random.default_rng(2).integers(0, 256, (1, 720, 1280, 3), np.uint8)
    times = []
    for _ in range(6):
        began = time.perf_counter()
        stylizer.stylize(frame)
        times.append(time.perf_counter() - began)
    return 1000 * float(np.median(times[1:]))


def test_pictures() -> dict[str, Picture]:
    """Flat greys, a ramp and noise, 512 × 512 RGB."""
    ramp = np.linspace(120, 230, _SIZE)[:, None, None] * np.array([0.85, 0.93, 1.0])
    sky = np.broadcast_to(ramp, (_SIZE, _SIZE, 3))
    noise = np.random.default_rng(0).normal(128, 20, (_SIZE, _SIZE, 3))
    flats: dict[str, Picture] = {
        f"grey {level}": np.full((_SIZE, _SIZE, 3), level, np.uint8) for level in (0, 20, 64, 128, 200)
    }
    return flats | {"sky": sky.astype(np.uint8), "noise": np.clip(noise, 0, 255).astype(np.uint8)}


def peaks(picture: Picture) -> dict[int, float]:
    """For each period, the power there over the median power around it, along rows or columns, the larger.

    1 is no peak; above 1.5 an eye may find it. Spectra are means over all lines, Hann windowed.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)
    return {period: max(_peak(_power(grey, axis), period) for axis in (0, 1)) for period in PERIODS}


def _power(grey: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    size = grey.shape[axis] // 64 * 64
    lines = np.moveaxis(grey, axis, 1)[:, :size]
    lines = (lines - lines.mean(1, keepdims=True)) * np.hanning(size)
    power: NDArray[np.float64] = (np.abs(np.fft.rfft(lines, axis=1)) ** 2).mean(0) / size
    return power


def _peak(power: NDArray[np.float64], period: int) -> float:
    centre, size = (len(power) - 1) * 2 // period, len(power)
    low, high = max(centre - 14, 1), min(centre + 15, size)
    around = np.r_[power[low : max(centre - 3, low + 1)], power[min(centre + 4, high) : high]]
    at = power[max(centre - 1, 0) : min(centre + 2, size)].max()
    return float((at + _FLOOR) / (np.median(around) + _FLOOR))
