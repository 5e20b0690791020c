"""What each runtime and precision costs, and how far its pictures are from plain fp32.

    python benchmarks/precision.py CLIP [CLIP ...] --style ink

Takes five frames of each clip, a second apart or as far as the clip allows. Times are CPU time of one thread for a
1280 × 720 picture (the median of nine passes, the runtimes taking turns); differences are in steps of 255 over all
frames at their own size: the mean, the mean of the worst frame, and the worst pixel.
"""

from __future__ import annotations

import argparse
import statistics
import time
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from vidfx import Machine, load_style
from vidfx.errors import VidfxError
from vidfx.frames import Picture
from vidfx.settings import Precision, RuntimeName
from vidfx.source import open_clip, read_frames
from vidfx.styles.stylizer import Stylizer

RUNS: tuple[tuple[RuntimeName, Precision], ...] = (
    ("torch", "fp32"),
    ("torch", "bf16"),
    ("openvino", "fp32"),
    ("openvino", "bf16"),
    ("openvino", "int8"),
)
FRAMES = 5
PASSES = 9


def frames_of(clip: Path) -> list[Picture]:
    opened = open_clip(clip)
    step = max(min(round(opened.rate), (opened.frame_count or 125) // FRAMES), 1)
    return [frame.source for frame in islice(read_frames(opened), 0, step * FRAMES, step)]


def cpu_ms(painter: Stylizer, picture: Picture) -> float:
    began = time.process_time()
    painter.stylize(picture[None])
    return 1e3 * (time.process_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--style", default="ink")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    pictures = [picture for clip in options.clips for picture in frames_of(clip)]
    large = np.ascontiguousarray(cv2.resize(pictures[0], (1280, 720)), np.uint8)
    painters = {}
    for runtime, precision in RUNS:
        try:
            machine = Machine(device="cpu", runtime=runtime, precision=precision, threads=1, batch=1)
            painters[runtime, precision] = load_style(options.style, machine=machine)
        except VidfxError as error:
            print(f"{runtime} {precision} is left out: {error}")
    times: dict[tuple[str, str], list[float]] = {run: [] for run in painters}
    for _ in range(PASSES):
        for run, painter in painters.items():
            times[run].append(cpu_ms(painter, large))
    exact = [painters[RUNS[0]].stylize(picture[None])[0].astype(np.int16) for picture in pictures]
    print(
        "| runtime | precision | ms a frame | mean difference | worst frame | worst pixel |\n|---|---|---|---|---|---|"
    )
    for (runtime, precision), painter in painters.items():
        off = [np.abs(painter.stylize(p[None])[0] - e) for p, e in zip(pictures, exact, strict=True)]
        means = [float(one.mean()) for one in off]
        worst = max(int(one.max()) for one in off)
        ms = statistics.median(times[runtime, precision])
        print(f"| {runtime} | {precision} | {ms:.0f} | {np.mean(means):.2f} | {max(means):.2f} | {worst} |")


if __name__ == "__main__":
    main()
