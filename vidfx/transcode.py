"""Sound and subtitles for containers that cannot hold the source's own."""

from __future__ import annotations

import re
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

_AUDIO = {"mp4": "aac", "mov": "aac", "webm": "libopus", "avi": "libmp3lame", "matroska": "flac", "nut": "flac"}
_SUBTITLES = {"mp4": "mov_text", "mov": "mov_text", "webm": "webvtt", "matroska": "subrip"}
_TEXT = {"subrip", "srt", "text", "webvtt", "mov_text", "ass", "ssa"}
_OPUS_RATES = (48000, 24000, 16000, 12000, 8000)


class Transcoder(ABC):
    """Turns packets of one stream into packets of another."""

    stream: Stream
    codec: str

    @abstractmethod
    def convert(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Packets for the output, with the source's times."""

    def finish(self) -> Iterator[Packet[Stream]]:
        """What is still held back."""
        return iter(())


class AudioTranscoder(Transcoder):
    """Decodes sound and encodes it in the container's usual codec."""

    def __init__(self, source: av.AudioStream, stream: av.AudioStream, codec: str) -> None:
        self._decoder = source.codec_context
        self._encoder: av.AudioCodecContext = stream.codec_context
        self.stream, self.codec = stream, codec

    @classmethod
    def into(cls, output: OutputContainer, source: av.AudioStream) -> AudioTranscoder | None:
        """A new stream in `output`, or None where that is not possible."""
        codec = _AUDIO.get(output.format.name)
        if codec is None or source.codec_context is None:
            return None
        rate = source.codec_context.sample_rate
        if codec == "libopus":
            rate = rate if rate in _OPUS_RATES else 48000
        try:
            stream = output.add_stream(codec, rate=rate)
        except (av.FFmpegError, ValueError):
            return None
        assert isinstance(stream, av.AudioStream)
        stream.codec_context.layout = source.codec_context.layout.name
        stream.codec_context.bit_rate = 96_000 * max(1, source.codec_context.channels)
        return cls(source, stream, codec)

    def convert(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Encoded sound; a packet that does not decode leaves a gap."""
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            return
        for frame in frames:
            yield from self._stamped(self._encoder.encode(frame))

    def finish(self) -> Iterator[Packet[Stream]]:
        """Drains decoder and encoder."""
        for frame in self._decoder.decode(None):
            yield from self._stamped(self._encoder.encode(frame))
        yield from self._stamped(self._encoder.encode(None))

    def _stamped(self, packets: list[Packet[Stream]]) -> Iterator[Packet[Stream]]:
        for packet in packets:
            packet.stream = self.stream
            yield packet


class SubtitleTranscoder(Transcoder):
    """Carries the words of one text format to another; styling is lost."""

    def __init__(self, stream: Stream, source_codec: str, codec: str) -> None:
        self.stream, self._from, self.codec = stream, source_codec, codec

    @classmethod
    def into(cls, output: OutputContainer, source: Stream) -> SubtitleTranscoder | None:
        """A new stream in `output`, or None for pictures of text and for containers without subtitles."""
        codec = _SUBTITLES.get(output.format.name)
        name = source.codec_context.name if source.codec_context else ""
        if codec is None or name not in _TEXT:
            return None
        stream = output.add_mux_stream(codec)
        stream.time_base = source.time_base
        return cls(stream, name, codec)

    def convert(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """One packet, or none where there are no words."""
        words = _words(bytes(packet), self._from)
        if not words:
            return
        data = words.encode()
        made: Packet[Stream] = Packet(struct.pack(">H", len(data)) + data if self.codec == "mov_text" else data)
        made.pts, made.dts, made.duration, made.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
        made.is_keyframe = True
        made.stream = self.stream
        yield made


def _words(data: bytes, codec: str) -> str:
    if codec == "mov_text":
        length = struct.unpack(">H", data[:2])[0] if len(data) > 2 else 0
        return data[2 : 2 + length].decode("utf-8", "replace").strip()
    text = data.decode("utf-8", "replace")
    if codec in ("ass", "ssa"):
        text = re.sub(r"\{[^}]*\}", "", text.split(",", 8)[-1]).replace(r"\N", "\n").replace(r"\n", "\n")
    return re.sub(r"</?[a-zA-Z][^>]*>", "", text).strip()
