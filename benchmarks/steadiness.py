"""How steady a styled clip is, and what steadying costs: a table for a README.

    python benchmarks/steadiness.py clip.mp4 ... [--style NAME ... | --style all] [--frames 60]

The measures are those of `vidfx evaluate` (vidfx/evaluation/temporal.py). Short: one frame apart; long: eight. "Excess"
is what styling adds to the source's own error, smoothed over unsmoothed: 0 is as calm as the film, 1 as restless as no
smoothing at all. "Where the film holds": the same over eight frames in the pixels whose source, mean of 5 × 5, changes
by less than 8 steps along the judge's flow. Ghosting is the mean change by smoothing where smoothing's own trust is
below a half, and, as a second opinion, where the judge's flow is hidden or unsure. Without a style a stand-in paints.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.evaluation.appearance import sharpness
from vidfx.evaluation.temporal import LONG, FlowFollower, Pair, change, luma, mean_square
from vidfx.frames import Frame, Picture
from vidfx.shots import mark_shots
from vidfx.steady import steady
from vidfx.styles.library import list_styles
from vidfx.trust import mark_motion

HOLDS = 8.0  # steps of 255: a pixel of the film that changes by less is taken to show the same thing
REJECTED = 0.5  # of trust


def read(path: Path, count: int, width: int | None) -> Iterator[Frame]:
    """The first `count` frames, scaled to `width` pixels where one is given."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        for index, decoded in enumerate(container.decode(stream)):
            if index == count:
                return
            height = None if width is None else round(decoded.height * width / decoded.width)
            picture = np.asarray(decoded.to_ndarray(format="rgb24", width=width, height=height), np.uint8)
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


Errors = tuple[float, float, float]
"""Of the source, unsmoothed, smoothed: in units of 1e-4."""


@dataclass
class Score:
    """One clip's numbers; ghosting in steps of 255."""

    short: Errors
    long: Errors
    held: Errors
    """Long, where the film holds."""
    sharpness: float
    ghosting: float
    """Where smoothing does not trust the motion."""
    doubted: float
    """The same where the judge does not."""
    ms: float

    @staticmethod
    def excess(errors: Errors) -> str:
        """(smoothed − source) / (unsmoothed − source); words where styling adds less than a quarter."""
        source, unsmoothed, smoothed = errors
        if unsmoothed < 1.25 * source:
            return "calm, calmer" if smoothed <= unsmoothed else "calm, worse"
        return f"{(smoothed - source) / (unsmoothed - source):.2f}"


def measure(frames: list[Frame], smoothed: list[Frame], ms: float, judge: FlowFollower) -> Score:
    """Compares `frames` (image styled) with the same frames after steadying. Pairs across a cut do not count."""
    lumas = [luma(frame.source) for frame in frames]
    trio = ([f.source for f in frames], [f.image for f in frames], [f.image for f in smoothed])
    short: list[list[float]] = []
    long: list[list[float]] = []
    held: list[list[float]] = []
    ghosts: list[float] = []
    doubts: list[float] = []

    def pairs(distance: int, step: int) -> Iterator[tuple[int, Pair, list[NDArray[np.float32]]]]:
        for now in range(distance, len(frames), step):
            before = now - distance
            if not any(frame.starts_shot for frame in frames[before + 1 : now + 1]):
                pair = judge.pair(lumas[now], lumas[before])
                yield now, pair, [change(pictures[now], pictures[before], pair) for pictures in trio]

    rejected = list(untrusted(frames))
    for now, pair, changes in pairs(1, 1):
        short.append([mean_square(one, pair) for one in changes])
        by_smoothing = np.abs(smoothed[now].image.astype(np.int16) - frames[now].image)
        for mask, means in ((rejected[now], ghosts), (~pair.seen, doubts)):
            if mask.any():
                means.append(by_smoothing[mask].mean())
    for _, pair, changes in pairs(LONG, 4):
        long.append([mean_square(one, pair) for one in changes])
        holds = cv2.blur(np.abs(changes[0]).max(axis=-1), (5, 5)) < HOLDS
        held.append([mean_square(one, Pair(pair.flow, pair.seen & holds)) for one in changes])
    sharp = [sharpness(after.image) / max(sharpness(f.image), 1e-6) for f, after in zip(frames, smoothed, strict=True)]

    def mean(rows: list[list[float]]) -> Errors:
        source, unsmoothed, after = np.nanmean(np.array(rows).reshape(-1, 3), axis=0) * 1e4
        return float(source), float(unsmoothed), float(after)

    of_rejected, of_doubted = (float(np.mean(means)) if means else 0.0 for means in (ghosts, doubts))
    return Score(mean(short), mean(long), mean(held), float(np.mean(sharp[1:])), of_rejected, of_doubted, ms)


def untrusted(frames: list[Frame]) -> Iterator[NDArray[np.bool_]]:
    """Where smoothing trusts the motion into each frame by less than a half; the first of a shot has none to trust."""
    height, width = frames[0].source.shape[:2]
    for frame in mark_motion(iter(frames)):
        if frame.motion is None:
            yield np.zeros((height, width), np.bool_)
        else:
            yield cv2.resize(frame.motion.trust, (width, height)) < REJECTED


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


HEADS = (
    "style", "clip", "of source, short", "unsmoothed", "smoothed", "excess",
    "of source, long", "unsmoothed", "smoothed", "excess", "where the film holds",
    "sharpness", "ghosting", "by the judge", "CPU ms",
)  # fmt: skip


def row(style: str, clip: str, score: Score) -> str:
    """A line of a Markdown table."""
    cells = [style, clip]
    for errors in (score.short, score.long):
        cells += [*(f"{error:.2f}" for error in errors), score.excess(errors)]
    cells += [score.excess(score.held), f"{score.sharpness:.3f}", f"{score.ghosting:.2f}", f"{score.doubted:.2f}"]
    return "| " + " | ".join([*cells, f"{score.ms:.0f}"]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--width", type=int, help="scale to this many pixels across (default: as the clip is)")
    parser.add_argument("--amount", type=float, default=1.0, help="as --smooth")
    parser.add_argument("--style", action="append", help="a trained style, or all of those that are shipped; repeat")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    names = options.style or [None]
    print("Errors in units of 1e-4 (values 0..1 squared); ghosting in steps of 255.\n")
    print("| " + " | ".join(HEADS) + " |\n" + "|---" * len(HEADS) + "|", flush=True)
    for name in [one.name for one in list_styles() if one.origin == "shipped"] if names == ["all"] else names:
        paint = stylizer(name)
        for clip in options.clips:
            frames = []
            for frame in mark_shots(read(clip, options.frames, options.width)):
                [styled] = paint(frame.source[None])
                frames.append(replace(frame, image=styled))
            smoothed, ms = run(frames, lambda some: steady(some, amount=options.amount))
            print(row(name or "xdog", clip.stem, measure(frames, smoothed, ms, FlowFollower())), flush=True)


if __name__ == "__main__":
    main()
