"""What each stage of a render costs, and what it costs to do no painting at all."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from vidfx import sink
from vidfx.bench.trace import Share, Trace
from vidfx.errors import UsageError
from vidfx.frames import Clip, Frame
from vidfx.machine import available_cores
from vidfx.notices import Notify
from vidfx.pipeline import paint, prefetch
from vidfx.settings import Encode, Look, Machine, Range
from vidfx.shots import mark_shots
from vidfx.source import open_clip, read_frames
from vidfx.steady import steady
from vidfx.styles.library import find_style
from vidfx.styles.stylizer import Stylizer
from vidfx.stylize import stylize

KEPT = 2**29
"""Bytes of pictures that are kept for the stages to be run alone; fewer frames go into those where they are large."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What some frames took."""

    frames: int
    wall: float
    """Seconds."""
    cpu: float
    """Seconds of all cores together."""

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.wall

    def as_dict(self) -> dict[str, float]:
        each = 1000 / self.frames
        return asdict(self) | {"frames_per_second": self.rate, "wall_ms": self.wall * each, "cpu_ms": self.cpu * each}


@dataclass(frozen=True, slots=True)
class Report:
    """Everything `vidfx bench` says."""

    clip: Clip
    ran_on: str
    cores: int
    start: Cost
    """Loading the style and painting one frame: what stands before the first frame of a render."""
    whole: Cost
    """The whole render, end to end."""
    film_seconds: float
    """How long the frames of the render are shown."""
    peak_memory: int
    """Bytes the process held at most until the whole render had ended; 0 where the system does not say."""
    bare: Cost
    """Decoding and encoding the same frames, and nothing else."""
    alone: dict[str, Cost]
    """Each stage by itself, its frames already there."""
    shares: list[Share]
    """How the threads of the whole render spent its time."""
    trace: Trace

    @property
    def real_time(self) -> float:
        """Seconds of film for a second of time."""
        return self.film_seconds / self.whole.wall

    @property
    def of_bare(self) -> float:
        """The render's rate over that of decoding and encoding alone."""
        return self.whole.rate / self.bare.rate

    @property
    def overlap(self) -> float:
        """The render's time over the least that its CPU time could take on this many cores: 1 is no core ever idle."""
        return self.whole.wall / (self.whole.cpu / self.cores)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "clip": str(self.clip.path),
            "size": [self.clip.width, self.clip.height],
            "ran_on": self.ran_on,
            "cores": self.cores,
            "start": self.start.as_dict(),
            "whole": self.whole.as_dict(),
            "real_time": self.real_time,
            "of_decode_and_encode": self.of_bare,
            "overlap": self.overlap,
            "peak_memory": self.peak_memory,
            "decode_and_encode": self.bare.as_dict(),
            "alone": {stage: cost.as_dict() for stage, cost in self.alone.items()},
            "threads": [asdict(share) for share in self.shares],
        }


def measure(
    source: Path | str,
    *,
    style: str,
    look: Look,
    wanted: Range,
    encode: Encode,
    machine: Machine,
    video_stream: int | None = None,
    notify: Notify = lambda _: None,
) -> Report:
    """Renders the clip into a temporary folder, then runs each stage alone. Raises what a render raises."""
    clip = open_clip(source, video_stream=video_stream)
    if clip.kind == "still":
        raise UsageError("a still tells nothing about speed", hint="give a film or an image sequence")
    first = next(iter(read_frames(clip, wanted=wanted)))
    with tempfile.TemporaryDirectory(prefix="vidfx-bench-") as folder:
        suffix = clip.path.suffix.lower() if clip.path.suffix.lower() in sink.CONTAINERS else ".mkv"
        output = Path(folder) / f"out{suffix}"

        def write(frames: Iterator[Frame]) -> int:
            written = sink.write(
                frames, clip, output, encode=encode, wanted=wanted, metadata={}, overwrite=True, notify=lambda _: None
            )
            return written.frames

        notify("loading the style")
        began = _clocks()
        stylizer = Stylizer(find_style(style), machine)
        stylizer.stylize(first.image[None])
        start = _cost(began, 1)
        notify("the whole render")
        trace, shown = Trace(), _Shown(clip)
        began = _clocks()
        frames = paint(clip, stylizer, look=look, wanted=wanted, watch=trace)
        count = write(trace.consumer("encode", shown(frames)))
        whole, peak = _cost(began, count), peak_memory()
        notify("decoding and encoding alone")
        began = _clocks()
        threads = stylizer.runtime.threads
        bare = _cost(began, write(prefetch(read_frames(clip, wanted=wanted, threads=threads), depth=2)))
        alone = _alone(clip, stylizer, look, wanted, write, notify)
    return Report(
        clip=clip,
        ran_on=stylizer.describe(clip.height, clip.width),
        cores=available_cores(),
        start=start,
        whole=whole,
        film_seconds=shown.seconds,
        peak_memory=peak,
        bare=bare,
        alone=alone,
        shares=trace.shares(),
        trace=trace,
    )


def _alone(
    clip: Clip,
    stylizer: Stylizer,
    look: Look,
    wanted: Range,
    write: Callable[[Iterator[Frame]], int],
    notify: Notify,
) -> dict[str, Cost]:
    """Each stage on frames that the one before it left in memory; the thread that calls is the only one of ours."""
    most = max(2, KEPT // (9 * clip.width * clip.height))
    costs: dict[str, Cost] = {}
    frames: list[Frame] = []

    def run(stage: str, made: Iterator[Frame]) -> None:
        nonlocal frames
        notify(f"{stage} alone")
        began = _clocks()
        frames = list(made)
        costs[stage] = _cost(began, len(frames))

    run("decode", islice(read_frames(clip, wanted=wanted, threads=stylizer.runtime.threads), most))
    run("shots", mark_shots(iter(frames)))
    run("generator", stylize(iter(frames), stylizer))
    run("smoothing", steady(iter(frames), amount=look.smooth))
    notify("encode alone")
    began = _clocks()
    costs["encode"] = _cost(began, write(iter(frames)))
    return costs


class _Shown:
    """Passes frames on and adds up how long they are shown."""

    def __init__(self, clip: Clip) -> None:
        self._clip, self.seconds = clip, 0.0

    def __call__(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.seconds += float(frame.duration * frame.time_base or 1 / self._clip.rate)
            yield frame


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), sum(os.times()[:2])


def _cost(began: tuple[float, float], frames: int) -> Cost:
    wall, cpu = (now - then for now, then in zip(_clocks(), began, strict=True))
    return Cost(frames, max(wall, 1e-9), max(cpu, 1e-9))


def peak_memory() -> int:
    """The most memory this process has held so far, in bytes; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
