"""Everything of a clip that is not the styled picture, carried over packet for packet."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Discard, Disposition, Stream

from vidfx.errors import VidfxError
from vidfx.transcode import AudioTranscoder, SubtitleTranscoder, Transcoder

if TYPE_CHECKING:
    from av.container.core import Chapter  # exists in the stubs only

_STALE = ("encoder", "DURATION", "BPS", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "_STATISTICS_")
_FILE_ONLY = ("encoder", "major_brand", "minor_version", "compatible_brands", "duration")
_TRIMS = {"mp4", "mov"}
"""Containers with edit lists: a packet may begin before the film does, and is trimmed on playback."""
_NO_NEGATIVE = {"nut", "avi"}
"""Containers without times below 0, where sound that serves to prime a decoder has no place."""


class Window:
    """The part of the source's time line that is kept, and how far it moves."""

    def __init__(self, start: Fraction | None = None) -> None:
        """`start`: seconds on the source's time line that become 0; None keeps the whole line where it is."""
        self.start = start
        self.end: Fraction | None = None
        """Set once the last frame is known; None is open."""

    @property
    def shift(self) -> Fraction:
        """Seconds taken off every time."""
        return self.start or Fraction(0)


class OtherStreams:
    """The streams of a source beside the styled one, read lazily and handed out in time."""

    def __init__(
        self,
        source: InputContainer,
        output: OutputContainer,
        window: Window,
        *,
        audio: bool,
        strict: bool,
        notify: Callable[[str], None],
    ) -> None:
        self._source, self._output, self._window = source, output, window
        self._audio, self._strict, self._notify = audio, strict, notify
        self._targets: dict[int, Stream | Transcoder] = {}
        self.copied: list[int] = []
        self._held: Packet[Stream] | None = None
        self._packets: Iterator[Packet[Stream]] | None = None

    def add(self, stream: Stream) -> None:
        """Gives `stream` a place in the output; converts or drops it, with a notice, where it does not fit.

        Raises VidfxError where that happens under `strict`.
        """
        if stream.type == "audio" and not self._audio:
            return
        name = self._output.format.name
        if isinstance(stream, AttachmentStream):
            if name == "matroska":
                mimetype = stream.mimetype or "application/octet-stream"
                self._output.add_attachment(stream.name or "attachment", mimetype, stream.data)
                self.copied.append(stream.index)
                return
        elif _can_hold(name, stream):
            target = _add_copy(self._output, stream)
            self._targets[stream.index] = target
            self.copied.append(stream.index)
            return
        if stream.type == "data" and (self._source.chapters() or _has_timecode(self._source)) and _is_made_anew(stream):
            return
        self._replace(stream)

    def _replace(self, stream: Stream) -> None:
        kind = f"{_codec_name(stream)} {stream.type}".replace("unknown ", "")
        what = f"stream {stream.index} ({kind}) does not fit into .{self._output.format.name}"
        maker: Transcoder | None = None
        if stream.type == "audio":
            maker = AudioTranscoder.into(self._output, cast(av.AudioStream, stream))
        elif stream.type == "subtitle":
            maker = SubtitleTranscoder.into(self._output, stream)
        action = f"converted to {maker.codec}" if maker else "dropped"
        if self._strict:
            hint = "write .mkv, which holds almost anything, or leave out --strict"
            raise VidfxError(f"{what}; it would be {action}", hint=hint)
        self._notify(f"{what}: {action}")
        if maker:
            maker.stream.metadata.update(carried(stream))
            maker.stream.disposition = stream.disposition
            self._targets[stream.index] = maker

    def up_to(self, time: Fraction | None) -> Iterator[Packet[Stream]]:
        """The packets due until `time` (seconds on the output's time line); None hands out all that is left."""
        if self._packets is None:
            self._packets = self._read()
        while True:
            if self._held is None:
                self._held = next(self._packets, None)
            packet = self._held
            if packet is None:
                return
            stamp = packet.dts if packet.dts is not None else packet.pts
            if time is not None and stamp is not None and stamp * packet.time_base > time:
                return
            self._held = None
            yield packet

    def _read(self) -> Iterator[Packet[Stream]]:
        wanted = [stream for stream in self._source.streams if stream.index in self._targets]
        if not wanted:
            return
        for stream in self._source.streams:
            if stream.index not in self._targets:
                stream.discard = Discard.all
        early = 0
        with suppress(av.FFmpegError):  # a damaged tail: what came before it is kept
            for packet in self._source.demux(wanted):
                target = self._targets[packet.stream.index]  # a flushing packet has no stream_index of its own
                if packet.size == 0:
                    if isinstance(target, Transcoder):
                        yield from target.finish()
                    continue
                if not self._keeps(packet):
                    continue
                self._move(packet)
                if self._output.format.name in _NO_NEGATIVE and packet.pts is not None and packet.pts < 0:
                    early += 1
                    continue
                if isinstance(target, Transcoder):
                    yield from target.convert(packet)
                else:
                    packet.stream = target
                    yield packet
        if early:
            self._notify(f"{early} packets before time 0 left out: .{self._output.format.name} has no such time")

    def _keeps(self, packet: Packet[Stream]) -> bool:
        if packet.stream.type == "subtitle" and packet.size == 2 and self._output.format.name in _TRIMS:
            return False  # mov_text's silence between two lines: the muxer writes its own
        if self._window.start is None or packet.pts is None:
            return True
        begin = packet.pts * packet.time_base
        end = begin + (packet.duration or 0) * packet.time_base
        if self._window.end is not None and begin >= self._window.end:
            return False
        if packet.stream.type == "subtitle" or self._output.format.name in _TRIMS:
            return end > self._window.start
        return begin >= self._window.start

    def _move(self, packet: Packet[Stream]) -> None:
        if self._window.start is None:
            return
        ticks = round(self._window.shift / packet.time_base)
        stamps = packet.pts, packet.dts
        packet.pts = None if stamps[0] is None else stamps[0] - ticks
        packet.dts = None if stamps[1] is None else stamps[1] - ticks
        if packet.stream.type == "subtitle" and packet.pts is not None and packet.pts < 0:
            packet.duration = (packet.duration or 0) + packet.pts
            packet.pts = packet.dts = 0


def carried(stream: Stream) -> dict[str, str]:
    """The tags of a stream that stay true when the stream is written anew."""
    return {key: value for key, value in stream.metadata.items() if not key.startswith(_STALE)}


def carry_container(source: InputContainer, output: OutputContainer, window: Window, end: Fraction | None) -> None:
    """Copies the container's tags and its chapters; chapters are cut to the window, `end` in seconds of the source."""
    output.metadata.update({k: v for k, v in source.metadata.items() if k.lower() not in _FILE_ONLY})
    chapters: list[Chapter] = []
    for chapter in source.chapters():
        base = chapter["time_base"] or Fraction(1, 1000)
        first, last = chapter["start"] * base, chapter["end"] * base
        if window.start is not None:
            if last <= window.start or (end is not None and first >= end):
                continue
            first, last = max(first, window.start), min(last, end) if end is not None else last
        start, stop = (round((time - window.shift) / base) for time in (first, last))
        chapters.append({**chapter, "start": start, "end": stop, "time_base": base})
    if chapters:
        output.set_chapters(chapters)


def _add_copy(output: OutputContainer, stream: Stream) -> Stream:
    target = output.add_stream_from_template(stream, opaque=True)
    target.metadata.update({key: value for key, value in stream.metadata.items() if key != "encoder"})
    target.disposition = stream.disposition
    return target


def _can_hold(format_name: str, stream: Stream) -> bool:
    """Asks the muxer itself, by writing a header to nowhere."""
    if stream.disposition & Disposition.attached_pic and format_name in ("webm", "avi", "nut"):
        return False
    try:
        trial = av.open(io.BytesIO(), "w", format=format_name)
        _add_copy(trial, stream)
        trial.start_encoding()
    except (av.FFmpegError, ValueError, AttributeError):
        return False
    with suppress(av.FFmpegError, ValueError):
        trial.close()
    return True


def _codec_name(stream: Stream) -> str:
    return stream.codec_context.name if stream.codec_context else (getattr(stream, "name", None) or "unknown")


def _is_made_anew(stream: Stream) -> bool:
    """QuickTime keeps chapters and time code as streams; the muxer writes them itself from what was carried over."""
    return _codec_name(stream) in ("bin_data", "unknown", "none", "tmcd")


def _has_timecode(source: InputContainer) -> bool:
    return any("timecode" in stream.metadata for stream in source.streams)
