"""The choices of one render, as plain frozen values: how it looks, which frames, how it is encoded, on what it runs."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

from vidfx.errors import UsageError
from vidfx.ranges import parse_ranges, within

Device = str
"""`auto`, `cpu`, `cuda` or `cuda:N`."""
Auto = Literal["auto"]
RuntimeName = Literal["torch", "openvino"]
Precision = Literal["fp32", "bf16", "fp16", "int8"]
FARTHEST_AHEAD = 16
"""Frames; each block of look-ahead is held in memory twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the styled picture meets the source."""

    strength: float = 1.0
    """0 leaves the source, 1 is the style alone."""
    keep_color: bool = False
    """Take lightness from the style and colour from the source."""
    matte: Path | None = None
    """Still, sequence or clip; white is styled, black stays source."""
    smooth: float = 1.0
    """0 switches steadying off, 1 is the full blend with the past."""
    smooth_window: int = 0
    """Frames to look ahead while steadying; 0 looks at the past alone."""

    def __post_init__(self) -> None:
        if not 0 <= self.smooth_window <= FARTHEST_AHEAD:
            raise UsageError(
                f"--smooth-window must be between 0 and {FARTHEST_AHEAD}, not {self.smooth_window}",
                hint="0 looks at the past alone; each frame ahead is held in memory twice",
            )
        for name in ("strength", "smooth"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(
                    f"--{name} must be between 0 and 1, not {getattr(self, name)}",
                    hint="0 is none of it, 0.5 half, 1 all",
                )
            object.__setattr__(self, name, float(getattr(self, name)))  # 1 and 1.0 are one setting in a digest, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Which frames of the clip: by time (seconds from the clip's first frame), or by number, ends as in ffmpeg."""

    start: Fraction | None = None
    """First time that is rendered, in seconds."""
    end: Fraction | None = None
    """First time that is no longer rendered, in seconds."""
    first: int | None = None
    """First frame number that is rendered."""
    last: int | None = None
    """Last frame number that is rendered (inclusive, as artists count)."""
    step: int = 1
    """Every how many frames."""

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            if (time := getattr(self, name)) is None:
                continue
            if not isinstance(time, int | float | Fraction) or not math.isfinite(time):
                raise UsageError(f"{time!r} is no time in seconds", hint="Range.parse_time reads '1:02.5' and the like")
            object.__setattr__(self, name, Fraction(time))
        if self.step < 1:
            raise UsageError(
                f"the step of a range must be at least 1, not {self.step}", hint="1 takes every frame, 2 every second"
            )
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise UsageError(
                f"the range ends at {float(self.end):g} s, before it begins at {float(self.start):g} s",
                hint="the end is a time in the clip, not a length",
            )

    @property
    def whole(self) -> bool:
        """True where nothing is cut away."""
        return self == Range()

    @staticmethod
    def parse_time(text: str) -> Fraction:
        """Reads `12.5`, `1:02.5`, `01:02:03.25` or `250ms` as exact seconds. Raises UsageError."""
        if match := re.fullmatch(r"(\d+(?:\.\d+)?)(ms|us|s)?", text.strip()):
            unit = {"ms": 1000, "us": 1_000_000, "s": 1, None: 1}[match[2]]
            return Fraction(match[1]) / unit
        if match := re.fullmatch(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)", text.strip()):
            return Fraction(match[1] or 0) * 3600 + Fraction(match[2]) * 60 + Fraction(match[3])
        raise UsageError(f"'{text}' is not a time", hint="write seconds (12.5), 1:02.5, 01:02:03.25 or 250ms")

    @staticmethod
    def parse_frames(text: str) -> tuple[int, int, int]:
        """Reads `7`, `0-99` or `0-99x2` as (first, last, step). Raises UsageError."""
        runs = parse_ranges(text)
        if len(runs) > 1:
            raise UsageError(
                f"'{text}' is {len(runs)} runs of frames, and a render is one run", hint="render each by itself"
            )
        return runs[0].start, runs[0].stop - 1, runs[0].step

    def clamped(self, count: int | None) -> tuple[Range, str]:
        """The range without the numbers that a clip of `count` frames lacks, and a notice of it ("" if it has all).

        Without a count only numbers below 0 are left out. A range that has no number in the clip stays as it is: to
        read it is an error that says so.
        """
        if self.first is None or self.last is None:
            return self, ""
        run = range(self.first, self.last + 1, self.step)
        kept = within(run, run.stop if count is None else count)
        outside = len(run) - len(kept)
        if not kept or not outside:
            return self, ""
        are = "1 of the frames {} is" if outside == 1 else f"{outside} of the frames {{}} are"
        notice = are.format(f"{self.first}-{self.last}") + " not in the clip"
        return replace(self, first=kept[0], last=kept[-1]), notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Encode:
    """How the picture is encoded. None means: what suits the output container and the source."""

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    pix_fmt: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    audio: bool = True
    """False drops every audio stream (`-an`)."""
    hdr: Literal["tonemap", "error"] = "tonemap"
    """What becomes of PQ and HLG film: BT.709 with a notice, or a refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """On what the generator runs. `auto` asks the machine."""

    device: Device = "auto"
    runtime: RuntimeName | Auto = "auto"
    precision: Precision | Auto = "auto"
    batch: int | None = None
    """Frames per pass; None sizes it to memory."""
    tile: int | None = None
    """Edge of a tile in pixels; 0 is off, None decides by memory."""
    threads: int | None = None
    """CPU threads; None takes what the process may use."""
    memory: int | None = None
    """Bytes the generator may take, beside the frames in flight; None is half of a GPU's, a gigabyte on a CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Everything that one render was asked for: what `vidfx.render` takes, as one value that can be stored and sent."""

    source: Path
    """The clip, the pattern of a sequence, or the still."""
    output: Path
    style: str
    """A name, or the path of a model file."""
    look: Look = Look()
    wanted: Range = Range()
    encode: Encode = field(default_factory=Encode)
    machine: Machine = Machine()
    overwrite: bool = False
    strict: bool = False
    """Refuse what the output's container cannot hold, instead of converting or dropping it."""
    video_stream: int | None = None
    """Index of the stream to paint among all streams of the file; None takes the default one."""
