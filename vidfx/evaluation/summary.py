"""From frames to figures: the means of one clip or shot, and what a reader should know about them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vidfx.evaluation.ghosting import ghosting
from vidfx.evaluation.meter import Track
from vidfx.evaluation.pairing import Step, Walk
from vidfx.evaluation.results import RenderResult
from vidfx.evaluation.style import StyleDistance
from vidfx.frames import Clip

MOTION = ("warp_short", "warp_long", "flicker", "flicker_colour")
"""Figures that the source has too."""


def figures_of(track: Track, source: Track, part: slice, shots: range) -> dict[str, float | None]:
    """Means over a part of the frames."""
    figures: dict[str, float | None] = {}
    for name in MOTION:
        figures |= {name: _mean(track.series[name][part]), f"{name}_source": _mean(source.series[name][part])}
    there = np.isfinite(track.series["sharpness"][part])
    own = np.array(source.series["sharpness"][part])[there].sum()
    figures["sharpness"] = float(np.array(track.series["sharpness"][part])[there].sum() / own) if own > 0 else None
    figures["ghosting"] = _ghosting(track, shots)
    return figures | {name: _mean(track.series[name][part]) for name in ("ssim", "ms_ssim", "edges")}


def _ghosting(track: Track, shots: range) -> float | None:
    """The mean over shots, each by its frames: one wild shot must not speak for a film of calm ones."""
    shares = [(ghosting(track.ghosts[shot]), track.ghost_frames[shot]) for shot in shots]
    known = [(share, count) for share, count in shares if count and math.isfinite(share)]
    total = sum(count for _, count in known)
    return sum(share * count for share, count in known) / total if total else None


def _mean(values: Sequence[float]) -> float | None:
    known = np.array(values, np.float64)
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else None


def ratios(track: Track, source: Track) -> list[float]:
    pairs = zip(track.series["sharpness"], source.series["sharpness"], strict=True)
    return [a / b if b > 0 else float("nan") for a, b in pairs]


def style_figures(source: StyleDistance | None, render: StyleDistance | None) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    for end, distance in (("", render), ("_source", source)):
        figures[f"style_distance{end}"] = None if distance is None else distance.kernel
        figures[f"style_frechet{end}"] = None if distance is None else distance.frechet
    return figures


def at_equal_sharpness(results: tuple[RenderResult, ...], tracks: list[Track]) -> tuple[RenderResult, ...]:
    """Adds each render's warping error when all are blurred as far as the softest; None for a single render."""
    if len(results) < 2 or not all(track.curve[0].all() for track in tracks):
        return tuple(replace(one, figures=one.figures | {"warp_equal": None}) for one in results)
    counts = [max(1, int(np.isfinite(track.series["warp_short"]).sum())) for track in tracks]
    curves = [track.curve / count for track, count in zip(tracks, counts, strict=True)]
    target = min(curve[0, 1] for curve in curves)
    equal = [_error_at(curve, target) for curve in curves]
    return tuple(replace(one, figures=one.figures | {"warp_equal": e}) for one, e in zip(results, equal, strict=True))


def _error_at(curve: NDArray[np.float64], sharpness: float) -> float:
    """The error where a render's curve reaches this sharpness; both fall from level to level of blur."""
    errors, sharp = np.log(curve[:, 0].clip(1e-12))[::-1], np.log(curve[:, 1].clip(1e-12))[::-1]
    return float(np.exp(np.interp(np.log(sharpness), sharp, errors)))


def step_notes(step: Step, walk: Walk, source: Clip, render: Clip) -> Iterator[str]:
    """What a reader should know about how the clips were laid side by side."""
    if step.tail:
        yield f"it ends {step.tail} frame{'s' * (step.tail > 1)} before the source; those frames are not judged"
    if step.missing > step.tail:
        yield f"{step.missing - step.tail} frames of the source have no partner in it"
    if step.extra:
        yield f"{step.extra} of its frames have no partner in the source and are not judged"
    if step.size is not None and step.size != (source.width, source.height):
        wanted = f"{source.width}×{source.height}"
        measured = f"{walk.size[0]}×{walk.size[1]}"
        yield f"it is {step.size[0]}×{step.size[1]}, the source {wanted}; both were compared at {measured}"
        if abs(math.log(step.size[0] * source.height / step.size[1] / source.width)) > 0.02:
            yield "its shape is another than the source's: it was stretched to fit"
