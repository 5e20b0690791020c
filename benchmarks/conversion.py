"""What a film's frames take on their way to RGB and back, compiled and by OpenCV alone.

    python benchmarks/conversion.py samples/valley.mp4

Both ways in turns, in one thread; medians of CPU time a frame.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from vidfx import native
from vidfx.damage import Damage
from vidfx.decode import decoded, film_stream, opened
from vidfx.fromrgb import FromRgb
from vidfx.heap import keep_freed_memory
from vidfx.pixels import ToRgb
from vidfx.source import open_clip

T = TypeVar("T")


def milliseconds(convert: Callable[[T], object], items: Sequence[T]) -> float:
    """CPU time of each."""
    began = time.process_time()
    for item in items:
        convert(item)
    return 1e3 * (time.process_time() - began) / len(items)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--vectors", default=native.VECTORS[-1], choices=native.VECTORS, help="the most to be used")
    options = parser.parse_args()
    if not native.AVAILABLE:
        raise SystemExit("not compiled here; with a C compiler: python -m vidfx.native")
    keep_freed_memory()  # as a render does
    cv2.setNumThreads(1)
    native.allow(options.vectors)
    clip = open_clip(options.clip)
    with opened(clip.path) as container:
        raws = decoded(container, film_stream(container, clip.stream_index), times=None, damage=Damage(str(clip.path)))
        frames = [raw.picture for raw in islice(raws, options.frames)]
    height, width = frames[0].height, frames[0].width
    ways = []
    for native.AVAILABLE in (True, False):
        there = ToRgb(clip.colour, width=width, height=height)
        ways.append((native.AVAILABLE, there, FromRgb(clip.colour, width=width, height=height, pix_fmt=clip.pix_fmt)))
    pictures = [there(frame)[0] for frame in frames]
    rows = []
    for _ in range(options.rounds):
        row = list[float]()
        for native.AVAILABLE, there, back in ways:
            row += [milliseconds(there, frames), milliseconds(back, pictures)]
        rows.append(row)
    to_rgb, from_rgb, old_to_rgb, old_from_rgb = np.median(rows[1:], axis=0)  # the first round fetches memory
    print(f"{width} × {height}, {clip.pix_fmt}, {native.vectors()}, CPU ms a frame")
    print("| | compiled | OpenCV |\n|---|---|---|")
    print(f"| to RGB | {to_rgb:.1f} | {old_to_rgb:.1f} |\n| from RGB | {from_rgb:.1f} | {old_from_rgb:.1f} |")


if __name__ == "__main__":
    main()
