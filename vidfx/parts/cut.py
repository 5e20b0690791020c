"""Frames in, part files out: one continuous stream of frames, cut into files that each begin a new encoding."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from vidfx import images
from vidfx.clock import Clock
from vidfx.disk import writing
from vidfx.encode import VideoEncoder
from vidfx.film import CONTAINERS
from vidfx.frames import Clip, Frame
from vidfx.notices import Notices
from vidfx.parts.packets import PartFile, PartWriter, headers, part_path
from vidfx.settings import Encode, Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What all parts of one film have in common."""

    clip: Clip
    output: Path
    """Its suffix decides the encoder; pictures are written to their names at once."""
    encode: Encode
    wanted: Range
    notify: Notices
    plan: str = ""
    """`Plan.id`."""
    ran_on: str = ""
    start: Fraction | None = None
    """Time in seconds of the film's first frame; None takes that of the first frame that comes."""
    part_frames: int = 250


def write_parts(
    frames: Iterator[Frame],
    folder: Path,
    setup: Setup,
    *,
    index: int = 0,
    ends: bool = True,
    on_frame: Callable[[Frame], None] = lambda _: None,
) -> Iterator[PartFile]:
    """Writes the frames to parts of `setup.part_frames`, the first of which is part `index`; yields each when whole.

    `ends` says whether the film ends with the last of these frames. What is not whole when the frames
    or the disk fail is taken away again. Raises CannotWrite, UsageError, Unavailable, TryAgain, and what `frames`
    raises.
    """
    open_part: _PartInTheMaking | None = None
    start = setup.start
    try:
        for frame in frames:
            if open_part and open_part.frames == setup.part_frames:
                yield open_part.finish(ends=False)
                index += 1
                open_part = None
            if open_part is None:
                start = frame.time if start is None else start
                open_part = _PartInTheMaking(frame, start, folder, index, setup)
            open_part.add(frame)
            on_frame(frame)
        if open_part:
            yield open_part.finish(ends=ends)
            open_part = None
    finally:
        if open_part:
            open_part.abandon()


class _PartInTheMaking:
    """One part file and the encoder that fills it; for pictures, a receipt of those that were written."""

    def __init__(self, first: Frame, start: Fraction, folder: Path, index: int, setup: Setup) -> None:
        self._setup, self._index, self._first, self._last = setup, index, first, first
        self._start, self._began = start, time.perf_counter()
        self.frames = 0
        self._encoder: VideoEncoder | None = None
        self._picture_path = picture_paths(setup.output, setup.clip)
        with writing(self._setup.output):
            self._file = PartWriter(part_path(folder, index))
        if setup.output.suffix.lower() in CONTAINERS:
            try:
                self._open_encoder()
            except BaseException:
                self._file.abandon()
                raise

    def _open_encoder(self) -> None:
        setup = self._setup
        format_name = CONTAINERS[setup.output.suffix.lower()]
        self._clock = Clock(self._first.time_base, self._start, setup.clip, setup.wanted, format_name, setup.notify)
        # never written to: the container tells the encoder what it must say, such as where headers go
        container = av.open(io.BytesIO(), "w", format=format_name)
        self._encoder = VideoEncoder(
            container, setup.clip, setup.encode, time_base=self._clock.time_base, notify=setup.notify
        )

    def add(self, frame: Frame) -> None:
        with writing(self._setup.output):
            if self._encoder:
                pts, duration = self._clock(frame)
                for packet in self._encoder.encode(frame, pts=pts, duration=duration):
                    self._file.add(packet)
            else:
                images.write_picture(self._picture_path(frame.index), frame.image, frame.alpha)
        self.frames += 1
        self._last = frame

    def finish(self, *, ends: bool) -> PartFile:
        last = self._last
        with writing(self._setup.output):
            for packet in self._encoder.finish() if self._encoder else ():
                self._file.add(packet)
            part = PartFile(
                path=Path(),
                plan=self._setup.plan,
                index=self._index,
                first=self._first.index,
                last=last.index,
                last_pts=last.pts,
                frames=self.frames,
                ends=ends,
                start=self._start,
                end=last.time + (last.duration * last.time_base or 1 / self._setup.clip.rate),
                ran_on=self._setup.ran_on,
                seconds=time.perf_counter() - self._began,
                codec=self._encoder.codec if self._encoder else "",
                pix_fmt=self._encoder.pix_fmt if self._encoder else "",
                headers=self._encoder_headers(),
                time_base=self._clock.time_base if self._encoder else Fraction(1),
            )
            return self._file.finish(part)

    def _encoder_headers(self) -> str:
        encoder = self._encoder
        return headers(encoder.codec, encoder.stream.codec_context.extradata) if encoder else ""

    def abandon(self) -> None:
        self._file.abandon()


def picture_paths(output: Path, clip: Clip) -> Callable[[int], Path]:
    """Where the picture of the clip's frame `index` goes; a sequence keeps the numbers of its source."""
    if not images.is_pattern(output):
        return lambda _: output
    pattern = images.Pattern.of(output)
    offset = images.Pattern.of(clip.path).numbers()[0] if clip.kind == "sequence" else 0
    return lambda index: pattern.path(offset + index)
