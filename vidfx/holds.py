"""What a container can hold of a stream, asked of the muxer itself before anything is written."""

from __future__ import annotations

import io
from contextlib import suppress
from fractions import Fraction
from itertools import islice

import av
from av.audio.codeccontext import AudioCodecContext
from av.packet import Packet
from av.stream import Disposition, Stream

from vidfx.speakers import is_unknown, layout_of
from vidfx.tags import add_copy
from vidfx.window import TRIMS

_QUICKTIME = "mov,mp4,m4a,3gp,3g2,mj2"
_MP4_COVERS = {"mjpeg", "png", "bmp"}
"""Codecs that MP4 takes for a picture of the film."""
LATE = Fraction(1, 20)
"""Seconds that nobody hears."""
_BY_TAG = {"avi", "nut"}
"""Containers that name a codec by a tag of their own, and take that of another for one where they have none."""


def _is_in_an_order_of_its_own(stream: Stream) -> bool:
    """Whether it is PCM whose channels do not stand in FFmpeg's order, which the file alone says, not the codec."""
    context = stream.codec_context
    if not isinstance(context, AudioCodecContext) or not codec_name(stream).startswith("pcm"):
        return False
    layout = layout_of(context)
    return " " in layout.name and not is_unknown(layout)


def can_hold(format_name: str, stream: Stream) -> bool:
    """Asks the muxer itself, by writing a header to nowhere."""
    if is_cover(stream):
        return format_name == "mp4" and codec_name(stream) in _MP4_COVERS
    if stream.type == "data" and format_name in _BY_TAG:
        return False  # the muxer takes it, under no name at all
    if stream.type == "data" and format_name in TRIMS and stream.container.format.name != _QUICKTIME:
        return False  # the muxer takes anything, and a player reads it as something else
    if format_name == stream.container.format.name == "avi" and codec_name(stream) == "aac":
        return False  # the length of a block that FFmpeg's demuxer gives is false, and its muxer takes it
    if format_name in ("matroska", "nut") and _is_in_an_order_of_its_own(stream):
        return False  # it would be heard from other speakers
    if format_name == "nut" and codec_name(stream).startswith("wma"):
        return False  # it has no place for the length of a block, without which none can be decoded
    written = io.BytesIO()
    try:
        trial = av.open(written, "w", format=format_name)
        if format_name in _BY_TAG and stream.type == "audio" and codec_name(stream) not in trial.supported_codecs:
            return False
        target = add_copy(trial, stream, whole=True)
        trial.start_encoding()
        if format_name == "avi" and stream.type in ("audio", "video"):
            # of sound in blocks it refuses every other packet where the source does not say how large a block is, of
            # H.264 whatever has no start codes; and it takes sound whose clock then runs wild
            packets = first_packets(stream.container.name, stream.index, 8)
            length = _length(packets)
            for packet in packets:
                packet.stream = target
                trial.mux_one(packet)
            trial.close()
            return stream.type == "video" or abs(_length(_packets_in(written)) - length) <= LATE
    except (av.FFmpegError, ValueError, AttributeError):
        return False
    with suppress(av.FFmpegError, ValueError):
        trial.close()
    return True


def _packets_in(written: io.BytesIO) -> list[Packet[Stream]]:
    written.seek(0)
    with av.open(written, "r") as container:
        return [packet for packet in container.demux() if packet.size]


def _length(packets: list[Packet[Stream]]) -> Fraction:
    """Seconds from the first packet to the last."""
    times = [packet.pts * packet.time_base for packet in packets if packet.pts is not None]
    return max(times, default=Fraction(0)) - min(times, default=Fraction(0))


def opens(stream: av.AudioStream) -> bool:
    """Whether the decoder takes the stream's headers; True where there is no decoder to ask."""
    if stream.codec_context is None:
        return True
    try:
        stream.codec_context.open(strict=False)
    except (av.FFmpegError, ValueError):
        return False
    return True


def codec_name(stream: Stream) -> str:
    return stream.codec_context.name if stream.codec_context else (getattr(stream, "name", None) or "unknown")


def is_cover(stream: Stream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def first_packets(path: str, index: int, count: int = 1) -> list[Packet[Stream]]:
    """A stream's first packets, of a cover all there is; the file is opened anew so that none is lost."""
    with suppress(av.FFmpegError), av.open(path, metadata_errors="replace") as container:
        packets = (packet for packet in container.demux(container.streams[index]) if packet.size)
        return list(islice(packets, count))
    return []
