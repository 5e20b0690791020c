"""How steady a styled clip is, and what steadying costs: a table for a README.

    python benchmarks/steadiness.py clip.mp4 ... [--style NAME | --stylizer xdog] [--frames 60]

The measures are those of `vidfx evaluate` (vidfx/evaluation/temporal.py). Short: one frame apart; long: eight. "Excess"
is what styling adds to the source's own error, smoothed over unsmoothed: 0 is as calm as the film, 1 as restless as no
smoothing at all.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from vidfx.evaluation.appearance import sharpness
from vidfx.evaluation.temporal import LONG, MotionJudge, luma, warping_error
from vidfx.frames import Frame, Picture
from vidfx.shots import mark_shots
from vidfx.steady import steady


def read(path: Path, count: int, width: int | None) -> Iterator[Frame]:
    """The first `count` frames, scaled to `width` pixels where one is given."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        for index, decoded in enumerate(container.decode(stream)):
            if index == count:
                return
            size = {} if width is None else {"width": width, "height": round(decoded.height * width / decoded.width)}
            picture = decoded.to_ndarray(format="rgb24", **size)
            time_base = decoded.time_base or Fraction(1, 1000)
            yield Frame(
                index=index, pts=decoded.pts or 0, time_base=time_base, duration=0, image=picture, source=picture
            )


def xdog(batch: Picture) -> Picture:
    """A restless stand-in for a trained style: lines over flat washes, N × H × W × 3.

    Lines by the extended difference of Gaussians (Winnemöller, Kyprianidis and Olsen, Computers & Graphics 36, 2012).
    """
    return np.stack([_xdog(picture) for picture in batch])


def _xdog(picture: Picture) -> Picture:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    fine, coarse = cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.GaussianBlur(grey, (0, 0), 1.6)
    sharpened = 20 * fine - 19 * coarse
    line = np.where(sharpened >= 0.4, 1, 1 + np.tanh(8 * (sharpened - 0.4))).clip(0, 1)
    flat = cv2.bilateralFilter(picture, 7, 40, 5).astype(np.float32)
    wash = (np.floor(flat / 36) + 0.5) * 36
    paper = 0.75 * wash + 0.25 * 245
    return np.asarray((paper * line[..., None]).clip(0, 255), dtype=np.uint8)


@dataclass
class Score:
    """One clip's numbers; errors in units of 1e-4, ghosting in steps of 255."""

    short: tuple[float, float, float]
    long: tuple[float, float, float]
    sharpness: float
    ghosting: float
    ms: float

    @staticmethod
    def excess(errors: tuple[float, float, float]) -> str:
        """(smoothed − source) / (unsmoothed − source); words where styling adds less than a quarter."""
        source, unsmoothed, smoothed = errors
        if unsmoothed < 1.25 * source:
            return "calm, calmer" if smoothed <= unsmoothed else "calm, worse"
        return f"{(smoothed - source) / (unsmoothed - source):.2f}"


def measure(frames: list[Frame], smoothed: list[Frame], ms: float, judge: MotionJudge) -> Score:
    """Compares `frames` (image styled) with the same frames after steadying. Pairs across a cut do not count."""
    lumas = [luma(frame.source) for frame in frames]
    errors: dict[int, list[list[float]]] = {1: [], LONG: []}
    ghosts = []
    for distance, rows in errors.items():
        for now in range(distance, len(frames), 1 if distance == 1 else 4):
            before = now - distance
            if any(frame.starts_shot for frame in frames[before + 1 : now + 1]):
                continue
            pair = judge.pair(lumas[now], lumas[before])
            trio = ([f.source for f in frames], [f.image for f in frames], [f.image for f in smoothed])
            rows.append([warping_error(pictures[now], pictures[before], pair) for pictures in trio])
            if distance == 1 and not pair.seen.all():
                change = np.abs(smoothed[now].image.astype(np.int16) - frames[now].image)
                ghosts.append(change[~pair.seen].mean())
    sharp = [sharpness(after.image) / max(sharpness(f.image), 1e-6) for f, after in zip(frames, smoothed, strict=True)]

    def mean(rows: list[list[float]]) -> tuple[float, float, float]:
        source, unsmoothed, after = np.nanmean(np.array(rows).reshape(-1, 3), axis=0) * 1e4
        return float(source), float(unsmoothed), float(after)

    return Score(mean(errors[1]), mean(errors[LONG]), float(np.mean(sharp[1:])), float(np.mean(ghosts)), ms)


def run(frames: list[Frame], stage: Callable[[Iterator[Frame]], Iterator[Frame]]) -> tuple[list[Frame], float]:
    """The frames after `stage`, and its median time a frame in milliseconds of this one thread's CPU time."""
    out, times = [], []
    steps = stage(iter(frames))
    for _ in frames:
        begin = time.thread_time()
        out.append(next(steps))
        times.append(time.thread_time() - begin)
    return out, 1e3 * float(np.median(times[1:]))


def stylizer(style: str | None) -> Callable[[Picture], Picture]:
    """The named trained style, or the stand-in."""
    if style is None:
        return xdog
    from vidfx import load_style

    return load_style(style).stylize


def table(rows: list[tuple[str, int, int, Score]]) -> str:
    """Markdown, one line a clip."""
    lines = [
        "| clip | size | of source | unsmoothed | smoothed | excess, short | long | sharpness | ghosting | CPU ms |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, width, height, score in rows:
        source, unsmoothed, smoothed = score.short
        lines.append(
            f"| {name} | {width}×{height} | {source:.2f} | {unsmoothed:.2f} | {smoothed:.2f} "
            f"| {score.excess(score.short)} | {score.excess(score.long)} | {score.sharpness:.3f} "
            f"| {score.ghosting:.2f} | {score.ms:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--width", type=int, help="scale to this many pixels across (default: as the clip is)")
    parser.add_argument("--amount", type=float, default=1.0, help="as --smooth")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--style", help="a trained style")
    chosen.add_argument("--stylizer", choices=["xdog"], default="xdog", help="the stand-in")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    paint = stylizer(options.style)
    rows = []
    for clip in options.clips:
        frames = []
        for frame in mark_shots(read(clip, options.frames, options.width)):
            [styled] = paint(frame.source[None])
            frames.append(
                Frame(
                    index=frame.index, pts=frame.pts, time_base=frame.time_base, duration=0,
                    image=styled, source=frame.source, starts_shot=frame.starts_shot,
                )
            )  # fmt: skip
        smoothed, ms = run(frames, lambda some: steady(some, amount=options.amount))
        height, width = frames[0].source.shape[:2]
        score = measure(frames, smoothed, ms, MotionJudge())
        rows.append((clip.name, width, height, score))
    print("Errors in units of 1e-4 (values 0..1 squared); ghosting in steps of 255.\n")
    print(table(rows))


if __name__ == "__main__":
    main()
