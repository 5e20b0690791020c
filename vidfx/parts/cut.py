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
from vidfx.choice import Target
from vidfx.clock import Clock
from vidfx.disk import writing
from vidfx.encode import VideoEncoder, close_quietly
from vidfx.frames import Frame
from vidfx.notices import Notify
from vidfx.parts.packets import PartFile, PartWriter, headers, part_path, work_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Who paints, and of which plan: what each part file says of itself."""

    plan_id: str = ""
    ran_on: str = ""
    """As `Stylizer.describe` says it."""


def write_parts(
    frames: Iterator[Frame],
    folder: Path,
    target: Target,
    *,
    made_by: Maker = Maker(),
    index: int = 0,
    part_frames: int = 250,
    start: Fraction | None = None,
    ends: bool = True,
    notify: Notify,
    on_frame: Callable[[Frame], None] = lambda _: None,
) -> Iterator[PartFile]:
    """Writes the frames to parts of `part_frames`, the first of which is part `index`; yields each when whole.

    `start` is the time in seconds of the film's first frame (None: that of the first frame that comes), `ends` says
    whether the film ends with the last of these. What is not whole when the frames or the disk fail is taken away
    again. Raises CannotWrite, UsageError, Unavailable, TryAgain, and what `frames` raises.
    """
    open_part: _PartInTheMaking | None = None
    try:
        for frame in frames:
            if open_part and open_part.frames == part_frames:
                yield open_part.finish(made_by, ends=False)
                index += 1
                open_part = None
            if open_part is None:
                start = frame.time if start is None else start
                open_part = _PartInTheMaking(frame, start, folder, index, target, notify)
            open_part.add(frame)
            on_frame(frame)
        if open_part:
            yield open_part.finish(made_by, ends=ends)
            open_part = None
    finally:
        if open_part:
            open_part.abandon()


class _PartInTheMaking:
    """One part file and the encoder that fills it; for pictures, a receipt of those that were written."""

    def __init__(self, first: Frame, start: Fraction, folder: Path, index: int, target: Target, notify: Notify) -> None:
        self._target, self._index, self._first, self._last = target, index, first, first
        self._start, self._began = start, time.perf_counter()
        self.frames = 0
        self._encoder: VideoEncoder | None = None
        self._picture_path = picture_paths(target)
        # a job's folder may lie on another disk than the film will
        self._place = target.output if folder == work_folder(target.output) else folder
        with writing(self._place):
            self._file = PartWriter(part_path(folder, index))
        if target.muxer:
            try:
                self._open_encoder(target.muxer, notify)
            except BaseException:
                self._file.abandon()
                raise

    def _open_encoder(self, muxer: str, notify: Notify) -> None:
        target = self._target
        self._clock = Clock(self._first.time_base, self._start, target.clip, target.wanted, muxer, notify)
        # never written to: the container tells the encoder what it must say, such as where headers go
        self._container = av.open(io.BytesIO(), "w", format=muxer)
        self._encoder = VideoEncoder(self._container, target, time_base=self._clock.time_base, notify=notify)

    def add(self, frame: Frame) -> None:
        with writing(self._place if self._encoder else self._target.output):
            if self._encoder:
                pts, duration = self._clock(frame)
                for packet in self._encoder.encode(frame, pts=pts, duration=duration):
                    self._file.add(packet)
            else:
                images.write_picture(self._picture_path(frame.index), frame.image, frame.alpha)
        self.frames += 1
        self._last = frame

    def finish(self, made_by: Maker, *, ends: bool) -> PartFile:
        last = self._last
        with writing(self._place):
            for packet in self._encoder.finish() if self._encoder else ():
                self._file.add(packet)
            part = PartFile(
                path=Path(),
                plan_id=made_by.plan_id,
                index=self._index,
                first=self._first.index,
                last=last.index,
                last_pts=last.pts,
                frames=self.frames,
                ends=ends,
                start=self._start,
                end=last.time + (last.duration * last.time_base or 1 / self._target.clip.rate),
                ran_on=made_by.ran_on,
                seconds=time.perf_counter() - self._began,
                codec=self._encoder.codec if self._encoder else "",
                pix_fmt=self._encoder.pix_fmt if self._encoder else "",
                headers=self._encoder_headers(),
                time_base=self._clock.time_base if self._encoder else Fraction(1),
            )
            self._let_go()
            return self._file.finish(part)

    def _encoder_headers(self) -> str:
        encoder = self._encoder
        return headers(encoder.codec, encoder.stream.codec_context.extradata) if encoder else ""

    def abandon(self) -> None:
        self._let_go()
        self._file.abandon()

    def _let_go(self) -> None:
        if self._encoder:
            close_quietly(self._container)


def picture_paths(target: Target) -> Callable[[int], Path]:
    """Where the picture of the clip's frame `index` goes; a sequence keeps the numbers of its source."""
    if not target.numbered:
        return lambda _: target.output
    pattern = images.Pattern.of(target.output)
    return lambda index: pattern.path(target.clip.first_number + index)
