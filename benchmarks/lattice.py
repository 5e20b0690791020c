"""Does a style leave its network's lattice in the picture? Energy at periods of 2, 4 and 8 px against its neighbours.

    python benchmarks/lattice.py --style ink [PICTURE ...]

Paints flat grey, a sky-like ramp, noise, and the pictures given; takes the power spectrum along rows and columns, and
divides the power at each lattice frequency by the median of the bins around it. 1 is no peak;
above 1.5 an eye may find it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx import Machine, load_style
from vidfx.frames import Picture

SIZE = 512
PERIODS = (2, 4, 8)
FLOOR = 7.0
"""Power of a sine of half a step of 255 over a line: rounding alone makes as much, and no eye sees it."""


def test_pictures() -> dict[str, Picture]:
    """Flat greys, a ramp and noise, 512 × 512 RGB."""
    ramp = np.linspace(120, 230, SIZE)[:, None, None] * np.array([0.85, 0.93, 1.0])
    sky = np.broadcast_to(ramp, (SIZE, SIZE, 3))
    noise = np.random.default_rng(0).normal(128, 20, (SIZE, SIZE, 3))
    flats = {f"grey {level}": np.full((SIZE, SIZE, 3), level, np.uint8) for level in (0, 20, 64, 128, 200)}
    return flats | {"sky": sky.astype(np.uint8), "noise": np.clip(noise, 0, 255).astype(np.uint8)}


def peaks(picture: Picture) -> dict[int, float]:
    """For each period, the larger of the row and column peaks over the median of their neighbourhood."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)
    found = {}
    for period in PERIODS:
        ratios = [_peak(_power(grey, axis), period) for axis in (0, 1)]
        found[period] = max(ratios)
    return found


def _power(grey: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean power spectrum of the lines along `axis`, Hann windowed, mean removed."""
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
    return float((at + FLOOR) / (np.median(around) + FLOOR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--style", default="ink")
    arguments = parser.parse_args()
    painter = load_style(arguments.style, machine=Machine())
    pictures = test_pictures()
    for path in arguments.pictures:
        read = cv2.imread(str(path))
        if read is None:
            parser.error(f"{path} is no picture")
        pictures[path.name] = np.ascontiguousarray(read[..., ::-1], np.uint8)
    print("| picture | " + " | ".join(f"{p} px" for p in PERIODS) + " |")
    print("|---|" + "---|" * len(PERIODS))
    for name, picture in pictures.items():
        border = painter.card.border
        painted = painter.stylize(picture[None])[0][border:-border, border:-border]
        print(f"| {name} | " + " | ".join(f"{v:.2f}" for v in peaks(painted).values()) + " |")


if __name__ == "__main__":
    main()
