"""What each stage of a render costs, and what it costs to do no painting at all."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from vidfx import sink
from vidfx.bench.trace import WAIT, Share, Trace
from vidfx.choice import CONTAINERS, choose
from vidfx.errors import UsageError
from vidfx.frames import Clip, Frame, Pixels
from vidfx.machine import available_cores
from vidfx.notices import Notify
from vidfx.pipeline import paint, prefetch
from vidfx.settings import Encode, Look, Machine, Range
from vidfx.source import open_clip, read_frames
from vidfx.styles.library import find_style
from vidfx.styles.stylizer import Stylizer

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
    notify("loading the style")
    began = _clocks()
    stylizer = Stylizer(find_style(style), machine)
    stylizer.stylize(first.image[None])
    start = _cost(began, 1)
    with tempfile.TemporaryDirectory(prefix="vidfx-bench-") as folder:
        runs = _Runs(clip, stylizer, look, wanted, encode, Path(folder), notify)
        trace, shown = Trace(), _Shown(clip)
        whole, peak = runs.whole(trace, shown), peak_memory()
        bare, alone = runs.bare(), runs.alone()
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


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of one clip, in one style, to one file."""

    clip: Clip
    stylizer: Stylizer
    look: Look
    wanted: Range
    encode: Encode
    folder: Path
    notify: Notify

    def whole(self, trace: Trace, shown: _Shown) -> Cost:
        """All that a render does, watched."""
        self.notify("the whole render")
        began = _clocks()
        frames = paint(self.clip, self.stylizer, look=self.look, wanted=self.wanted, pixels=self._pixels, watch=trace)
        return _cost(began, self._write(trace.consumer("encode", shown(frames))))

    def bare(self) -> Cost:
        """Nothing but decoding and encoding."""
        self.notify("decoding and encoding alone")
        began = _clocks()
        return _cost(began, self._write(prefetch(self._decoded(), depth=2)))

    def alone(self) -> dict[str, Cost]:
        """Each stage on frames that the one before it left in memory; the thread that calls is the only one of ours."""
        most = max(2, KEPT // (9 * self.clip.width * self.clip.height))
        costs: dict[str, Cost] = {}

        def run(stage: str, frames: Iterator[Frame]) -> Iterator[Frame]:
            if stage == WAIT:
                return frames
            self.notify(f"{stage} alone")
            began = _clocks()
            made = list(islice(frames, most))
            costs[stage] = _cost(began, len(made))
            return (frame for frame in made)

        frames = paint(self.clip, self.stylizer, look=self.look, wanted=self.wanted, pixels=self._pixels, watch=run)
        self.notify("encode alone")
        began = _clocks()
        costs["encode"] = _cost(began, self._write(frames))
        return costs

    def _decoded(self) -> Iterator[Frame]:
        threads = self.stylizer.runtime.threads
        return read_frames(self.clip, wanted=self.wanted, threads=threads, pixels=self._pixels)

    @property
    def _output(self) -> Path:
        suffix = self.clip.path.suffix.lower()
        return self.folder / f"out{suffix if suffix in CONTAINERS else '.mkv'}"

    @property
    def _pixels(self) -> Pixels:
        return choose(self._output, self.clip, self.encode).pixels

    def _write(self, frames: Iterator[Frame]) -> int:
        """How many frames were written."""
        return sink.write(
            frames,
            self.clip,
            self._output,
            encode=self.encode,
            wanted=self.wanted,
            metadata={},
            overwrite=True,
            notify=lambda _: None,
        ).frames


class _Shown:
    """Passes frames on and adds up how long they are shown."""

    def __init__(self, clip: Clip) -> None:
        self._clip, self.seconds = clip, 0.0

    def __call__(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.seconds += float(frame.duration * frame.time_base or 1 / self._clip.rate)
            yield frame


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()  # os.times() counts in hundredths of a second


def _cost(began: tuple[float, float], frames: int) -> Cost:
    wall, cpu = (now - then for now, then in zip(_clocks(), began, strict=True))
    return Cost(frames, max(wall, 1e-9), max(cpu, 1e-9))


def peak_memory() -> int:
    """The most memory this process has held so far, in bytes; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
