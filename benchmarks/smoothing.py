"""What smoothing takes for a frame, compiled and by OpenCV alone, beside what the host gave it.

    python benchmarks/smoothing.py bigbuckbunny.mp4 --style ink --seconds 120

The frames are painted once; then both ways take turns, with motion in a thread of its own as in a render. Wall and CPU
time a frame. A virtual machine shares its cores: so each round also times a plain product of two 2048 × 2048 matrices
in bf16, before and after, and the rounds are told apart by the slower of the two, a third of them a row.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch

from vidfx import native
from vidfx.frames import Frame
from vidfx.pipeline import prefetch
from vidfx.settings import Machine
from vidfx.shots import mark_shots
from vidfx.source import open_clip, read_frames
from vidfx.steady import steady
from vidfx.styles.library import find_style
from vidfx.styles.stylizer import Stylizer
from vidfx.trust import mark_motion

EDGE = 2048
GROUPS = 3


def painted(clip: Path, style: str, count: int) -> list[Frame]:
    """The first frames of a clip, painted."""
    stylizer = Stylizer(find_style(style), Machine(device="cpu"))
    frames = islice(mark_shots(read_frames(open_clip(clip))), count)
    return [replace(frame, image=stylizer.stylize(frame.source[None])[0]) for frame in frames]


def product(matrix: torch.Tensor) -> float:
    """TFLOP/s of this moment."""
    began = time.perf_counter()
    for _ in range(4):
        matrix @ matrix
    return 8e-12 * EDGE**3 / (time.perf_counter() - began)


def smoothed(frames: list[Frame], threads: int) -> tuple[float, float]:
    """Wall and CPU time a frame, in ms."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in steady(prefetch(mark_motion(iter(frames)), depth=2), threads=threads):
        pass
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return 1e3 * wall / len(frames), 1e3 * cpu / len(frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--style", default="ink")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--vectors", default=native.VECTORS[-1], choices=native.VECTORS, help="the most to be used")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(options.threads)
    if not native.AVAILABLE:
        raise SystemExit("not compiled here; with a C compiler: python -m vidfx.native")
    native.allow(options.vectors)
    frames, matrix = painted(options.clip, options.style, options.frames), torch.randn(EDGE, EDGE).bfloat16()
    rows: list[tuple[float, ...]] = []
    ends = time.perf_counter() + options.seconds
    while time.perf_counter() < ends:
        speed, times = [product(matrix)], list[float]()
        for native.AVAILABLE in (True, False):
            times += smoothed(frames, options.threads)
            speed.append(product(matrix))
        rows.append((min(speed), *times))
    table = np.array(rows[1:])  # the first round fetches memory
    height, width, _ = frames[0].image.shape
    print(f"{width} × {height}, {len(frames)} frames, {options.threads} threads, {native.vectors()}")
    print("| the product, TFLOP/s | rounds | compiled: wall, CPU ms | OpenCV: wall, CPU ms | wall, pairs |")
    print("|---|---|---|---|---|")
    for group in [*np.array_split(np.argsort(-table[:, 0]), GROUPS), np.arange(len(table))]:
        some = table[group]
        _, wall, cpu, old_wall, old_cpu = np.median(some, axis=0)
        of_pairs = np.median(some[:, 1] / some[:, 3])
        speeds = f"{some[:, 0].max():.2f} to {some[:, 0].min():.2f}"
        print(f"| {speeds} | {len(some)} | {wall:.1f}, {cpu:.1f} | {old_wall:.1f}, {old_cpu:.1f} | {of_pairs:.2f} |")
    least, least_old = table[:, 1].min(), table[:, 3].min()
    print(f"least wall time {least:.1f} ms and {least_old:.1f} ms")


if __name__ == "__main__":
    main()
