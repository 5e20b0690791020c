"""One evaluation from start to end: a source, its renders, and what was found."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.errors import MissingInput, Unavailable, UsageError
from vidfx.evaluation.appearance import likeness
from vidfx.evaluation.fidelity import compare_files
from vidfx.evaluation.meter import SERIES, Meter
from vidfx.evaluation.pairing import Moment, Step, Walk, fitted, measuring_size
from vidfx.evaluation.results import Evaluation, RenderResult, Shot, Triple
from vidfx.evaluation.sampling import Spread, Worst
from vidfx.evaluation.style import StyleDistance, StyleReference
from vidfx.evaluation.summary import MOTION, at_equal_sharpness, figures_of, ratios, step_notes, style_figures
from vidfx.evaluation.temporal import FlowName
from vidfx.frames import Clip, Frame, Picture
from vidfx.images import SUFFIXES, read_picture
from vidfx.settings import Range
from vidfx.shots import mark_shots
from vidfx.source import open_clip, read_frames
from vidfx.styles.library import find_style

SIZE = 960
"""px; the longest side at which pictures are compared, unless another is asked for."""
REFERENCE = "reference.safetensors"
"""Beside a model file: its style's own pictures as a feature network saw them (`StyleReference.save`)."""

_SHOWN = 480  # px; long side of the pictures in the report
_WORST, _APART = 3, 12  # worst frames shown, and frames between them
_LEAST_SCALE = 8.0  # steps of 255 that the brightest place of a difference stands for, at least
_SAMPLES, _STYLE_FRAMES = 8, 24
_LEAST_FRAMES = 3  # that a distance to a style should have


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to measure, and how."""

    flow: FlowName = "dis"
    size: int = SIZE
    style: str | None = None
    """A style's name or model file; its measured pictures are beside the model."""
    style_pictures: Path | None = None
    features: Path | None = None
    """The feature network's file; without it nothing is said about style."""
    wanted: Range = field(default_factory=Range)
    """Of the source: the part that was rendered."""
    threads: int | None = None
    video_stream: int | None = None
    """Index of the film among the source's streams, and among those of a render that has as many; None: the usual."""


def evaluate(
    source: Path | str,
    renders: Sequence[Path | str],
    *,
    settings: Wanted = Wanted(),
    on_begin: Callable[[Clip], None] = lambda _: None,
    on_frame: Callable[[Moment], None] = lambda _: None,
) -> Evaluation:
    """Measures renders of one source, frame by frame; any tool's, of any size.

    What cannot be measured is None, and a note says why. Raises UsageError, MissingInput, UnreadableInput.
    """
    clip = open_clip(source, video_stream=settings.video_stream)
    clips = [_opened(render, settings.video_stream) for render in renders]
    if not clips:
        raise UsageError("there is no render to compare with", hint="name it after the source")
    return _Run(clip, clips, settings).run(on_begin, on_frame)


def _opened(render: Path | str, video_stream: int | None) -> Clip:
    """A render by the stream that was painted, where it kept the others; another tool's may hold no more than that."""
    if video_stream is not None:
        with suppress(UsageError):
            return open_clip(render, video_stream=video_stream)
    return open_clip(render)


class _Run:
    def __init__(self, clip: Clip, clips: list[Clip], settings: Wanted) -> None:
        self._clip, self._clips, self._settings = clip, clips, settings
        self._notes: list[str] = []
        self._render_notes: list[list[str]] = [[] for _ in clips]
        self._style = self._reference()
        try:
            like = likeness()
        except Unavailable as error:
            like = None
            self._notes.append(f"{error}: {error.hint}")
        self._meter = Meter(len(clips), flow=settings.flow, likeness=like)
        self._worst: list[Worst[Triple]] = [Worst(_WORST, _APART) for _ in clips]
        self._samples: Spread[tuple[float, tuple[Picture | None, ...]]] = Spread(_SAMPLES)
        self._pictures: Spread[tuple[Picture | None, ...]] = Spread(_STYLE_FRAMES)

    def run(self, on_begin: Callable[[Clip], None], on_frame: Callable[[Moment], None]) -> Evaluation:
        settings = self._settings
        size = measuring_size(self._clip.width, self._clip.height, settings.size)
        walk = Walk(mark_shots(self._source()), [self._render(i) for i in range(len(self._clips))], size)
        on_begin(self._clip)
        for moment in walk:
            self._see(moment)
            on_frame(moment)
        distances = self._distances()
        results = tuple(self._result(i, walk.steps[i], walk, distances) for i in range(len(self._clips)))
        return Evaluation(
            source=self._clip.path,
            source_size=(self._clip.width, self._clip.height),
            size=size,
            flow=settings.flow,
            frames=walk.frames,
            seconds=self._meter.times[-1],
            times=list(self._meter.times),
            series={name: list(self._meter.source.series[name]) for name in MOTION},
            renders=at_equal_sharpness(results, self._meter.renders),
            samples=tuple(self._samples.chosen(3)),
            notes=tuple(self._notes),
        )

    def _source(self) -> Iterator[Frame]:
        return read_frames(
            self._clip, wanted=self._settings.wanted, threads=self._settings.threads, notify=self._notes.append
        )

    def _render(self, number: int) -> Iterator[Frame]:
        clip = self._clips[number]
        return read_frames(clip, threads=self._settings.threads, notify=self._render_notes[number].append)

    def _see(self, moment: Moment) -> None:
        changes = self._meter.see(moment)
        own = self._meter.source.series["warp_short"][-1]
        for track, worst, picture, change in zip(
            self._meter.renders, self._worst, moment.renders, changes, strict=True
        ):
            score = track.series["warp_short"][-1] - own
            if picture is not None and change is not None and not math.isnan(score):
                worst.offer(score, moment.index, _triple(moment, picture, change, score))
        everyone = (moment.source, *moment.renders)
        self._samples.offer(lambda: (float(moment.time), tuple(_small(one) for one in everyone)))
        if self._style is not None:
            self._pictures.offer(lambda: everyone)

    def _reference(self) -> StyleReference | None:
        """The style to compare with; a note where one is wanted and cannot be had."""
        settings = self._settings
        if settings.style is None and settings.style_pictures is None:
            return None
        style = find_style(settings.style) if settings.style is not None else None
        if settings.features is None or not settings.features.is_file():
            gone = "names no feature network" if settings.features is None else f"names '{settings.features}': no file"
            self._notes.append(f"the distance to the style is not measured: --features {gone}")
            return None
        if settings.style_pictures is not None:
            return StyleReference(map(read_picture, style_files(settings.style_pictures)), settings.features)
        assert style is not None
        path = style.path.with_name(REFERENCE)
        if path.is_file():
            return StyleReference.load(path, settings.features)
        self._notes.append(
            f"the distance to the style is not measured: '{settings.style}' comes without {REFERENCE}; "
            "--style-pictures names a folder of its pictures"
        )
        return None

    def _distances(self) -> list[StyleDistance | None]:
        """Of the source, then of each render."""
        if self._style is None:
            return [None] * (1 + len(self._clips))
        sampled = self._pictures.chosen(_STYLE_FRAMES)
        sets = [[row[i] for row in sampled] for i in range(1 + len(self._clips))]
        found: list[StyleDistance | None] = []
        for pictures in sets:
            there = [picture for picture in pictures if picture is not None]
            found.append(self._style.distance(there) if len(there) >= _LEAST_FRAMES else None)
        if None in found:
            self._notes.append(f"the distance to the style needs {_LEAST_FRAMES} frames at least")
        return found

    def _result(self, number: int, step: Step, walk: Walk, distances: list[StyleDistance | None]) -> RenderResult:
        clip, track = self._clips[number], self._meter.renders[number]
        frames = len(self._meter.times)
        starts = None if walk.start is None or step.start is None else (walk.start, step.start)
        fidelity = compare_files(self._clip, clip, starts=starts, part=not self._settings.wanted.whole)
        figures = figures_of(track, self._meter.source, slice(None), range(len(track.ghosts)))
        figures |= style_figures(distances[0], distances[1 + number])
        figures |= {
            "frames": step.paired,
            "missing": step.missing,
            "missing_tail": step.tail,
            "extra": step.extra,
            "time_error": float(step.worst) * 1000,
            "sync_error": fidelity.sync,
        }
        edges = [*self._meter.shots, frames]
        shots = tuple(
            Shot(
                first=first,
                frames=end - first,
                start=self._meter.times[first],
                figures=figures_of(track, self._meter.source, slice(first, end), range(n, n + 1)),
            )
            for n, (first, end) in enumerate(pairwise(edges))
        )
        distance = distances[1 + number]
        series = {name: list(track.series[name]) for name in SERIES}
        return RenderResult(
            path=clip.path,
            size=(clip.width, clip.height),
            figures=figures,
            low=None if distance is None else distance.low,
            high=None if distance is None else distance.high,
            series=series | {"sharpness": ratios(track, self._meter.source)},
            shots=shots,
            fidelity=fidelity,
            worst=tuple(item[2] for item in self._worst[number].items),
            notes=(*self._render_notes[number], *step_notes(step, walk, self._clip, clip)),
        )


def style_files(place: Path) -> list[Path]:
    """Every picture in a folder, in order of name. Raises MissingInput."""
    found = sorted(path for path in place.glob("*") if path.suffix.lower() in SUFFIXES) if place.is_dir() else []
    if not found:
        raise MissingInput(f"there are no pictures in '{place}'", hint="name a folder of " + " ".join(SUFFIXES))
    return found


def _triple(moment: Moment, picture: Picture, change: NDArray[np.float32], score: float) -> Callable[[], Triple]:
    def make() -> Triple:
        size = np.abs(change).mean(axis=2)
        scale = max(_LEAST_SCALE, float(np.quantile(size, 0.999)))
        heat = cv2.applyColorMap(np.clip(size * 255 / scale, 0, 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
        small = [_small(one) for one in (moment.source, picture, np.ascontiguousarray(heat[..., ::-1]))]
        first, second, third = (one for one in small if one is not None)
        return Triple(
            index=moment.index,
            time=float(moment.time),
            score=score,
            source=first,
            render=second,
            difference=third,
            scale=scale,
        )

    return make


def _small(picture: Picture | None) -> Picture | None:
    if picture is None:
        return None
    height, width = picture.shape[:2]
    return fitted(picture, measuring_size(width, height, _SHOWN))
