"""A film file opened and decoded, frame by frame, with exact times and numbers."""

from __future__ import annotations

import errno
import re
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame

from vidfx.damage import Damage
from vidfx.disk import for_ffmpeg
from vidfx.errors import MissingInput, TryAgain, UnreadableInput, UsageError
from vidfx.layers import BaseLayer, Second
from vidfx.matroska import is_whole
from vidfx.timeline import Timeline

_NOT_FILM = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails
# one packet, one picture: only here may packets be counted in place of pictures
_COUNTABLE_CODECS = {"h264", "hevc", "av1", "libdav1d", "vp9", "libvpx-vp9", "ffv1", "prores", "mjpeg", "dnxhd"}
_MATROSKA = "matroska,webm"
_COUNTABLE_FORMATS = {"mov,mp4,m4a,3gp,3g2,mj2", _MATROSKA, "nut"}
_INDEXED = {"mov,mp4,m4a,3gp,3g2,mj2"}
"""Formats whose index names every picture before the first is read."""
_TIMELESS = {"avi"}
_FASTEST = 1000
"""Frames per second that a film may be played at."""
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Alpha is a second picture beside each packet there: FFmpeg's own decoders pass over it, libvpx's do not."""


@dataclass(frozen=True, slots=True)
class Raw:
    """One decoded picture that is not converted yet."""

    index: int
    pts: int
    time_base: Fraction
    duration: int
    picture: VideoFrame

    @property
    def time(self) -> Fraction:
        """Presentation time in seconds."""
        return self.pts * self.time_base


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """The container of a film file. Raises MissingInput, UnreadableInput, UsageError; closes on the way out."""
    if path.is_dir():
        raise UsageError(f"'{path}' is a folder", hint="name a clip, or a pattern such as shot.%04d.png")
    if not path.exists():
        raise MissingInput(f"there is no '{path}'", hint="check the spelling and the folder")
    if not path.is_file():
        raise UsageError(f"'{path}' is no file but a pipe or a device", hint="save it to a file: it is read many times")
    try:
        if path.stat().st_size == 0:
            raise UnreadableInput(f"'{path}' is empty", hint="was the copy or the recording finished?")
        container = av.open(for_ffmpeg(path), "r", metadata_errors="replace")
    except PermissionError as error:
        raise UnreadableInput(f"'{path}' may not be read", hint="check the file's permissions") from error
    except (av.FFmpegError, ValueError, OSError) as error:
        raise UnreadableInput(
            f"'{path}' is not a film this machine can read ({reason(error)})",
            hint="try it in a player; a damaged file may need a re-mux or a fresh copy",
        ) from error
    try:
        yield container
    finally:
        container.close()


def reason(error: BaseException) -> str:
    """What FFmpeg or the system says, without its numbers and file names."""
    return str(getattr(error, "strerror", None) or error).strip().rstrip(".").lower()


def film_stream(container: InputContainer, index: int | None = None) -> av.VideoStream:
    """The video stream to style: stream `index` of the file, or the default one, or the first that is no cover picture.

    Raises UsageError for an index that is no video stream, UnreadableInput where there is no film.
    """
    path = container.name
    if index is not None:
        for stream in container.streams.video:
            if stream.index == index:
                return stream
        have = ", ".join(str(stream.index) for stream in container.streams.video) or "none"
        raise UsageError(f"stream {index} of '{path}' is not a video stream", hint=f"video streams: {have}")
    films = [stream for stream in container.streams.video if not stream.disposition & _NOT_FILM]
    if not films:
        streams = container.streams
        what = "only a cover picture" if streams.video else "only sound" if streams.audio else "nothing to see"
        raise UnreadableInput(f"'{path}' has no film in it ({what})", hint="choose a file with a video stream")
    film = next((stream for stream in films if stream.disposition & Disposition.default), films[0])
    if film.codec_context is None:
        raise UnreadableInput(f"no decoder here for the film in '{path}'", hint="convert it to H.264 or ProRes first")
    return film


def rate_of(stream: av.VideoStream) -> Fraction:
    """Frames per second, as far as the file says; a bare DV file gives the ticks of its clock for its average."""
    average = stream.average_rate
    return average if average and average <= _FASTEST else stream.guessed_rate or Fraction(25)


def decoded(
    container: InputContainer, stream: av.VideoStream, *, times: list[int] | None, damage: Damage
) -> Iterator[Raw]:
    """Every picture from where the container stands to its end, in order of presentation.

    Damaged packets are stepped over, missing or repeated times and jumps of the clock mended; `damage` counts them.
    With `times` (after a seek) a picture's number is its place there, or counted on after its end; else it is counted
    from 0.
    """
    assert stream.time_base is not None
    reader = Reader(container, stream, damage)
    nominal = max(1, round(1 / rate_of(stream) / stream.time_base))
    timeless = container.format.name in _TIMELESS
    by_packets = "mov" in container.format.name.split(",")
    last: Raw | None = None
    for number, picture in enumerate(reader.pictures()):
        # where the container has no presentation times, FFmpeg guesses them; the order of decoding does not lie
        pts = picture.dts if timeless else picture.pts if picture.pts is not None else picture.dts
        index = number
        if times is not None:
            assert picture.pts is not None
            index = bisect_left(times, picture.pts)
            if index == len(times) and last is not None:
                index = last.index + 1
        if pts is None:
            pts = last.pts + (last.duration or nominal) if last else 0
            # the decoder's last pictures have no packet of their own to take the time from
            damage.mended("untimed", not (timeless and reader.at_end))
        elif last and pts <= last.pts:
            pts = last.pts + 1
            damage.mended("time")
        if picture.is_corrupt:
            damage.lost("picture")
        if last:  # one behind: of the last picture, only the file's own word says how long it stands
            stands = pts - last.pts
            # MP4 counts from packet to packet in order of decoding: with B-frames, another picture's time
            yield replace(last, duration=stands if by_packets else min(last.duration, stands))
        last = Raw(index, pts, stream.time_base, picture.duration or 0, picture)
    reader.count_losses()
    if last:
        yield _ended(last, container, stream, nominal, damage)


def _ended(last: Raw, container: InputContainer, stream: av.VideoStream, nominal: int, damage: Damage) -> Raw:
    """The last picture, drawn out to where a whole file says that it ends; in a broken one, what follows is missing."""
    claimed = _claimed_end(container, stream)
    if claimed is None:
        return last
    left = round((claimed - last.time) / last.time_base)
    short = left / max(last.duration, nominal) - 1
    if container.format.name == _MATROSKA and is_whole(Path(container.name)):
        return replace(last, duration=left) if short >= 1 else last
    damage.lost("end", round(short) if short > 3 else 0)
    return last


class Reader:
    """Decodes one stream packet by packet and keeps count of what went in and what came out."""

    def __init__(self, container: InputContainer, stream: av.VideoStream, damage: Damage) -> None:
        self._container, self._stream, self._damage = container, stream, damage
        self._decoder, self._base_layer = _decoder(stream)
        self._times: list[int] = []
        self._first: int | None = None
        self._begin: int | None = None
        self._read = self._shown = 0
        self._in_fields = False
        self.at_end = False
        """True once the file is read and the decoder hands out what it held back."""

    def pictures(self) -> Iterator[VideoFrame]:
        """Decoded pictures; each packet that fails, and a file that breaks off with an error, counts as damage."""
        timeline = Timeline()
        packets = timeline.demux(self._container, [self._stream])
        try:
            while True:
                for picture in self._next(packets):
                    if self._first is None:
                        self._first = picture.pts
                    self._shown += 1
                    self._in_fields |= picture.interlaced_frame and self._stream.codec_context.name == "h264"
                    yield picture
                if self.at_end:
                    return
        finally:
            self._damage.mended("jump", timeline.jumps)

    def _next(self, packets: Iterator[Packet[Stream]]) -> list[VideoFrame]:
        try:
            packet = next(packets, None)
            if packet is not None and packet.size and self._base_layer:
                packet = _with_bytes(packet, self._base_layer.packet(bytes(packet)))
            if packet is None:
                self.at_end = True
            elif packet.size == 0:
                return []
            elif not packet.is_discard:
                self._read += 1
                if self._begin is None:
                    self._begin = packet.dts
                if self._first is None and packet.pts is not None:
                    self._times.append(packet.pts)
            return self._decoder.decode(packet)
        except av.FFmpegError as error:
            if error.errno == errno.ENOMEM:
                raise TryAgain("memory ran out while decoding", hint="use fewer --threads") from error
            # a demuxer that failed is at its end: the next round drains the decoder
            if not isinstance(error, EOFError):
                self._damage.lost("packet")
            return []

    def count_losses(self) -> None:
        """What the counts tell at the end of the file."""
        if not is_countable(self._container, self._stream):
            return
        # an open group of pictures at the start leans on pictures that are not in the file: no player shows them
        leading = sum(time < self._first for time in self._times) if self._first is not None else 0
        lost = self._read - leading - self._shown - self._damage["packet"]
        self._damage.lost("undecoded", 0 if self._in_fields else lost)  # two packets may be one picture's fields
        promised = indexed_count(self._container, self._stream, begin=self._begin)
        if promised is not None:
            self._damage.lost("missing", promised - self._read)


def second_layer(stream: av.VideoStream) -> Second:
    """What an HEVC stream carries beside the pictures that are decoded here."""
    context = stream.codec_context
    return BaseLayer(context.extradata).second if context.name == "hevc" and context.extradata else ""


def _decoder(stream: av.VideoStream) -> tuple[av.VideoCodecContext, BaseLayer | None]:
    """The stream's decoder, and what packets must go through first; where there is alpha, a new one that copes."""
    context, base = stream.codec_context, None
    name = _WITH_ALPHA.get(context.name) if stream.metadata.get("alpha_mode") == "1" else None
    if second_layer(stream) == "alpha":
        name, base = "hevc", BaseLayer(context.extradata or b"")
    if name not in av.codecs_available:
        return context, None
    able = cast(av.VideoCodecContext, av.CodecContext.create(name, "r"))
    able.extradata = base.headers if base else context.extradata
    able.thread_type, able.thread_count = context.thread_type, context.thread_count
    return able, base


def _with_bytes(packet: Packet[Stream], data: bytes) -> Packet[Stream]:
    """A packet with other bytes, its own: a decoder's thread that let go of Python's would wait for Python for ever."""
    new: Packet[Stream] = Packet(len(data))
    if data:
        new.update(data)
    new.pts, new.dts, new.duration, new.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    new.is_keyframe = packet.is_keyframe
    return new


def _claimed_end(container: InputContainer, stream: av.VideoStream) -> Fraction | None:
    """Until when, in seconds, the file says that the film lasts; None where it does not say, or an index says it."""
    if container.format.name == "avi" and stream.duration and stream.time_base:
        return stream.duration * stream.time_base
    if container.format.name != _MATROSKA:
        return None  # a tag that came along from somewhere else
    tags = stream.metadata  # mkvmerge's has a language behind it, and outlives a cut by others
    said = next((tags[key] for key in ("DURATION", *tags) if key in tags and key.startswith("DURATION")), "")
    match = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", said)
    return int(match[1]) * 3600 + int(match[2]) * 60 + Fraction(match[3]) if match else None


def indexed_count(container: InputContainer, stream: av.VideoStream, *, begin: int | None = None) -> int | None:
    """How many pictures, from the dts `begin` on, the index promises; None where there is none that names them all."""
    if container.format.name not in _INDEXED or not is_countable(container, stream):
        return None
    entries = [entry for entry in stream.index_entries if not entry.is_discard]
    return sum(begin is None or entry.timestamp >= begin for entry in entries) if entries else None


def is_countable(container: InputContainer, stream: av.VideoStream) -> bool:
    """Whether each packet of the stream is one picture, with its time."""
    return container.format.name in _COUNTABLE_FORMATS and stream.codec_context.name in _COUNTABLE_CODECS
