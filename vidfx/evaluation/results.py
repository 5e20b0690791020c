"""What an evaluation found, as plain data; the names are those of the report, `--json` and `--require`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vidfx.evaluation.fidelity import Fidelity
from vidfx.evaluation.temporal import FlowName
from vidfx.frames import Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One shot and its mean figures."""

    first: int
    frames: int
    start: float
    """Seconds after the source's first frame."""
    figures: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Triple:
    """One of the worst frames."""

    index: int
    time: float
    score: float
    """By how much its short warping error is above the film's own."""
    source: Picture
    render: Picture
    difference: Picture
    """Its change along the motion, black to yellow."""
    scale: float
    """What yellow means, in steps of 255."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderResult:
    """All that was found of one render."""

    path: Path
    size: tuple[int, int]
    figures: dict[str, float | None]
    """By the names of FIGURES; None where it could not be measured."""
    low: float | None = None
    high: float | None = None
    """Ends of the 95 % interval of `style_distance`."""
    series: dict[str, list[float]] = field(default_factory=dict)
    """Per frame of the source, nan where there is nothing to say."""
    shots: tuple[Shot, ...] = ()
    fidelity: Fidelity = field(default_factory=Fidelity)
    worst: tuple[Triple, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What one call of `evaluate` found."""

    source: Path
    source_size: tuple[int, int]
    size: tuple[int, int]
    """Width and height at which pictures were compared."""
    flow: FlowName
    frames: int
    seconds: float
    """From the first frame of the source to the last."""
    times: list[float]
    series: dict[str, list[float]]
    """The source's own, per frame."""
    renders: tuple[RenderResult, ...]
    samples: tuple[tuple[float, tuple[Picture | None, ...]], ...] = ()
    """Time, and the source's picture followed by each render's."""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Everything but the pictures; nan becomes null."""
        return {
            "source": str(self.source),
            "source_size": list(self.source_size),
            "measured_at": list(self.size),
            "flow": self.flow,
            "frames": self.frames,
            "seconds": self.seconds,
            "notes": list(self.notes),
            "per_frame": {"time": self.times} | {f"{k}_source": _clean(v) for k, v in self.series.items()},
            "renders": [_render_json(render) for render in self.renders],
        }


def _render_json(render: RenderResult) -> dict[str, Any]:
    return {
        "path": str(render.path),
        "size": list(render.size),
        **render.figures,
        "style_distance_interval": None if render.low is None else [render.low, render.high],
        "shots": [{"first": s.first, "frames": s.frames, "start": s.start, **s.figures} for s in render.shots],
        "streams": [
            {
                "kind": s.kind,
                "codec": s.codec,
                "render_codec": s.render_codec,
                "packets": s.packets,
                "render_packets": s.render_packets,
                "same_bytes": s.same_bytes,
                "shift": s.shift,
            }
            for s in render.fidelity.streams
        ],
        "tags": {t.name: {"source": t.source, "render": t.render} for t in render.fidelity.tags},
        "worst": [{"frame": w.index, "time": w.time, "score": w.score} for w in render.worst],
        "notes": list(render.notes),
        "per_frame": {name: _clean(values) for name, values in render.series.items()},
    }


def _clean(values: list[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values]
