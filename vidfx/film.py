"""One film file in the making: encoded and muxed in one pass, under another name until it is whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from math import lcm
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from vidfx import decode, images
from vidfx.encode import VideoEncoder
from vidfx.errors import CannotWrite, UsageError, VidfxError
from vidfx.frames import Clip, Frame
from vidfx.mux import OtherStreams, Window, carried, carry_container
from vidfx.settings import Encode, Range

CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".nut": "nut",
    ".avi": "avi",
}
"""FFmpeg's muxer for each suffix vidfx writes."""


class Film:
    """One film file in the making."""

    def __init__(
        self,
        first: Frame,
        clip: Clip,
        output: Path,
        encode: Encode,
        wanted: Range,
        metadata: Mapping[str, str],
        strict: bool,
        notify: Callable[[str], None],
    ) -> None:
        self._clip, self._output, self._encode, self._wanted = clip, output, encode, wanted
        self._metadata, self._strict, self._notify = metadata, strict, notify
        self._format = CONTAINERS[output.suffix.lower()]
        self._first = first
        self._window = Window(None if wanted.whole else first.time)
        self._clock = Clock(first, self._window.shift, clip, self._format, notify)
        self._temporary = output.with_name(f".{output.stem}.vidfx-{os.getpid()}.tmp{output.suffix}")

    def write(
        self, frames: Iterator[Frame], on_frame: Callable[[Frame], None], overwrite: bool
    ) -> tuple[int, VideoEncoder, list[int]]:
        """Encodes, muxes, and moves the file to its name."""
        try:
            with ExitStack() as stack:
                with self._writing():
                    container = av.open(str(self._temporary), "w", format=self._format)
                stack.callback(_close_quietly, container)
                encoder, others = self._streams(container, stack)
                count = self._fill(container, encoder, others, frames, on_frame)
                with self._writing():
                    container.close()
            with self._writing():
                _move_whole(self._temporary, self._output, overwrite=overwrite)
        finally:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
        return count, encoder, others.copied if others else []

    def _streams(self, container: OutputContainer, stack: ExitStack) -> tuple[VideoEncoder, OtherStreams | None]:
        def picture() -> VideoEncoder:
            return VideoEncoder(
                container, self._clip, self._encode, time_base=self._clock.time_base, notify=self._notify
            )

        if self._clip.kind != "video":
            encoder, others = picture(), None
        else:
            source = stack.enter_context(decode.opened(self._clip.path))
            others = OtherStreams(
                source,
                container,
                self._window,
                audio=self._encode.audio,
                strict=self._strict,
                notify=self._notify,
            )
            for stream in source.streams:
                if stream.index == self._clip.stream_index:
                    encoder = picture()
                    encoder.stream.metadata.update(carried(stream))
                    encoder.stream.disposition = stream.disposition
                else:
                    others.add(stream)
            carry_container(source, container, self._window, self._end(source))
        self._tag(container)
        try:
            container.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            raise UsageError(
                f"a {self._output.suffix} file cannot hold this film in {encoder.codec} ({decode.reason(error)})",
                hint="choose another -c:v, or write .mkv, which holds almost anything",
            ) from error
        return encoder, others

    def _end(self, source: InputContainer) -> Fraction | None:
        """About where the film ends on the source's time line: for chapters, which are written before that is known."""
        ends: list[Fraction] = []
        if self._wanted.end is not None:
            stream = source.streams[self._clip.stream_index]
            ends.append((stream.start_time or 0) * self._clip.time_base + self._wanted.end)
        if self._wanted.last is not None:
            ends.append(self._window.shift + (self._wanted.last - self._first.index + 1) / self._clip.rate)
        return min(ends, default=None)

    def _tag(self, container: OutputContainer) -> None:
        """Our own tags, and how the muxer treats time."""
        if self._format not in ("mp4", "mov"):
            # only the muxer's own idea of a shift would change a time; B-frames alone begin before 0, in dts
            container.container_options["avoid_negative_ts"] = "disabled"
            container.metadata.update(self._metadata)
            return
        ticks = self._clock.time_base.denominator
        while ticks < 10_000:
            ticks *= 2
        movie = lcm(ticks, 1000)  # edit lists count in these: too coarse, and a start would be rounded
        options = {
            "movflags": "+faststart",
            "video_track_timescale": str(ticks),
            "movie_timescale": str(movie if movie < 2**31 else ticks),
        }
        if any(stream.disposition & Disposition.attached_pic for stream in container.streams):
            # FFmpeg writes either free tags or a cover picture: ours then share the one field that holds any text
            ours = "; ".join(f"{key}={value}" for key, value in self._metadata.items())
            container.metadata["comment"] = "\n".join(filter(None, (container.metadata.get("comment"), ours)))
        else:
            options["movflags"] += "+use_metadata_tags"
            container.metadata.update(self._metadata)
        container.container_options.update(options)

    def _fill(
        self,
        container: OutputContainer,
        encoder: VideoEncoder,
        others: OtherStreams | None,
        frames: Iterator[Frame],
        on_frame: Callable[[Frame], None],
    ) -> int:
        def mux(packets: list[Packet[Stream]]) -> None:
            for packet in packets:
                if others and packet.dts is not None:
                    for other in others.up_to(packet.dts * packet.time_base):
                        container.mux_one(other)
                container.mux_one(packet)

        count, last = 0, None
        for frame in frames:
            pts, duration = self._clock(frame)
            with self._writing():
                mux(encoder.encode(frame, pts=pts, duration=duration))
            count, last = count + 1, frame
            on_frame(frame)
        assert last is not None
        if self._wanted.end is not None or self._wanted.last is not None:
            self._window.end = (last.pts + last.duration) * last.time_base
        with self._writing():
            mux(encoder.finish())
            for other in others.up_to(None) if others else ():
                container.mux_one(other)
        return count

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turns what av and the system raise into our errors."""
        try:
            yield
        except VidfxError:
            raise
        except (av.FFmpegError, OSError, ValueError) as error:
            raise images.writing_error(self._output, error) from error


class Clock:
    """The times of the output's frames: the source's own, less what was cut away before them."""

    def __init__(
        self, first: Frame, shift: Fraction, clip: Clip, format_name: str, notify: Callable[[str], None]
    ) -> None:
        self.time_base = first.time_base
        self._shift, self._notify = shift, notify
        self._counted = format_name == "avi"
        if self._counted:
            # AVI knows frames, not times: nearest whole frame of the average rate, beginning at 0
            self.time_base, self._shift = 1 / clip.rate, first.time
        self._last: int | None = None
        self._told = False

    def __call__(self, frame: Frame) -> tuple[int, int]:
        """pts and duration in `time_base`, strictly rising."""
        exact = (frame.time - self._shift) / self.time_base
        pts = round(exact)
        if self._last is not None and pts <= self._last:
            pts = self._last + 1
        if pts != exact and not self._told:
            self._told = True
            why = "this container counts frames" if self._counted else "two frames had one time"
            self._notify(f"frame {frame.index} moves to the nearest time that can be written: {why}")
        self._last = pts
        return pts, round(frame.duration * frame.time_base / self.time_base)


def _close_quietly(container: OutputContainer) -> None:
    with suppress(av.FFmpegError, OSError, ValueError):
        container.close()


def _move_whole(temporary: Path, output: Path, *, overwrite: bool) -> None:
    """fsync, one rename, fsync of the folder."""
    if output.exists() and not overwrite:
        raise CannotWrite(f"'{output}' appeared while it was being made", hint="give -y to overwrite it")
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(output)
    with suppress(OSError):  # not every system lets a folder be opened
        folder = os.open(output.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
