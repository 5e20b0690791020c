"""Sound and subtitles for containers that cannot hold the source's own."""

from __future__ import annotations

import html
import math
import re
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.codeccontext import SubtitleCodecContext

from vidfx.cues import Cues, Piece
from vidfx.speakers import framed, layout_for, layout_of, without

_AUDIO = {"mp4": "aac", "mov": "aac", "webm": "libopus", "avi": "libmp3lame", "matroska": "flac", "nut": "flac"}
_SUBTITLES = {"mp4": "mov_text", "mov": "mov_text", "webm": "webvtt", "matroska": "subrip"}
_TEXT = {"subrip", "srt", "text", "webvtt", "mov_text", "ass", "ssa"}
_DRAWING = re.compile(r"\{[^}]*\\p[1-9][^}]*\}.*?(\{[^}]*\\p0[^}]*\}|$)")
"""What ASS draws with a pen: coordinates, and no words."""
_PLAIN_STYLE = b"""[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Alignment
Style: Default,Arial,16,&Hffffff,2

[Events]
Format: Layer, Start, End, Style, Text
"""
_MP3_DELAY = 1105
"""Samples by which MP3 is heard late where the container cannot say so: as many are left out at its beginning."""
_KINDS = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "s64": np.int64, "flt": np.float32, "dbl": np.float64}
_PLANES = 8
"""AV_NUM_DATA_POINTERS"""
_SLIP = Fraction(1, 20)
"""Seconds; containers round times, so less than this is no gap."""
_LONGEST_GAP = 3600
"""Seconds of silence that are filled in; what lies further ahead follows at once."""


class Transcoder(ABC):
    """Turns packets of one stream into packets of another."""

    stream: Stream
    codec: str
    note: str = ""
    """What is lost besides, for the notice that says what becomes of the stream."""
    damaged: int = 0
    """Packets that could not be decoded so far."""

    @abstractmethod
    def convert(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Packets for the output, with the source's times."""

    def until(self, time: Fraction) -> Iterator[Packet[Stream]]:
        """What was held back and is decided by `time`, in seconds: no packet that begins before it is to come."""
        return iter(())

    def finish(self) -> Iterator[Packet[Stream]]:
        """What is still held back."""
        return iter(())


class AudioTranscoder(Transcoder):
    """Decodes sound and encodes it in the container's usual codec, without a break: encoders know no gaps.

    Where the source has one, or a packet that does not decode, there is silence, so that what follows stays in step.
    """

    def __init__(
        self, source: av.AudioStream, stream: av.AudioStream, codec: str, *, begins: Fraction | None = None
    ) -> None:
        self._decoder, self._begins = source.codec_context, begins
        self._encoder: av.AudioCodecContext = stream.codec_context
        self.stream, self.codec = stream, codec
        self._resampler: AudioResampler | None = None
        self._kind: tuple[str, str, int] | None = None
        self._planar: tuple[str, str, int] | None = None
        self._due: Fraction | None = None
        self._written: int | None = None

    @classmethod
    def into(
        cls, output: OutputContainer, source: av.AudioStream, *, begins: Fraction | None = None
    ) -> AudioTranscoder | None:
        """A new stream in `output`, or None where that is not possible. What sounds before `begins` is cut off."""
        codec = _AUDIO.get(output.format.name)
        if codec is None or source.codec_context is None or not source.codec_context.sample_rate:
            return None
        rate = source.codec_context.sample_rate
        rates = av.Codec(codec, "w").audio_rates
        if rates and rate not in rates:
            rate = min((known for known in rates if known >= rate), default=max(rates))
        layout, lost = layout_for(codec, rate, layout_of(source.codec_context))
        try:
            stream = output.add_stream(codec, rate=rate)
        except (av.FFmpegError, ValueError):
            return None
        assert isinstance(stream, av.AudioStream)
        stream.codec_context.layout = layout
        stream.codec_context.bit_rate = 96_000 * layout_of(stream.codec_context).nb_channels
        made = cls(source, stream, codec, begins=begins)
        made.note = lost
        if output.format.name == "avi":  # where every stream begins at 0: silence comes before what begins later
            made._begins = made._due = Fraction(_MP3_DELAY, rate)
            made._written = 0
        return made

    def convert(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Encoded sound; a packet that does not decode is counted."""
        try:
            frames = self._decoded(cast("Packet[av.AudioStream]", packet))
        except av.FFmpegError:
            self.damaged += 1
            return
        for frame in frames:
            yield from self._in_step(frame)

    def finish(self) -> Iterator[Packet[Stream]]:
        """Drains decoder and encoder."""
        try:
            frames = self._decoded(None)
        except av.FFmpegError:
            frames = []
        for frame in frames:
            yield from self._in_step(frame)
        if self._resampler is not None:
            yield from self._encoded(self._resampler.resample(None))
        yield from self._stamped(self._encoder.encode(None))

    def _decoded(self, packet: Packet[av.AudioStream] | None) -> list[AudioFrame]:
        frames = self._decoder.decode(packet)
        for frame in frames:
            layout_of(frame)  # before anything lets go of one
        return frames

    def _in_step(self, frame: AudioFrame) -> Iterator[Packet[Stream]]:
        """The frame behind what was heard before it, after silence where there is a gap."""
        frame = self._packed(frame)
        base = frame.time_base or Fraction(1, frame.sample_rate)
        time = self._due if frame.pts is None else frame.pts * base
        time = Fraction(0) if time is None else time
        if self._begins is not None and time < self._begins:
            early = round((self._begins - time) * frame.sample_rate)
            if early >= frame.samples:
                return
            frame, time = without(frame, early), self._begins
        if self._due is None:
            self._due = time
            self._written = round(time * self._encoder.sample_rate)
        gap = time - self._due
        if gap > _SLIP and gap <= _LONGEST_GAP:
            yield from self._silence(gap, frame)
        elif gap < -_SLIP and -gap > Fraction(frame.samples, frame.sample_rate):
            return  # this stretch was heard already
        self._due += Fraction(frame.samples, frame.sample_rate)
        yield from self._resampled(frame)

    def _packed(self, frame: AudioFrame) -> AudioFrame:
        """The frame with its channels side by side where there are eight: PyAV looks for the end of a list of planes,
        which has room for eight and then no end."""
        layout = layout_of(frame)
        if not frame.format.is_planar or layout.nb_channels < _PLANES:
            return frame
        kind = frame.format.name, layout.name, frame.sample_rate
        if kind != self._planar:
            self._planar = kind
            self._packer = AudioResampler(frame.format.name.removesuffix("p"), layout.name, frame.sample_rate)
        (packed,) = self._packer.resample(frame)
        packed.pts, packed.time_base = frame.pts, frame.time_base
        layout_of(packed)
        return packed

    def _silence(self, seconds: Fraction, like: AudioFrame) -> Iterator[Packet[Stream]]:
        left = round(seconds * like.sample_rate)
        while left > 0:
            count = min(left, like.sample_rate)
            channels, planar = layout_of(like).nb_channels, like.format.is_planar
            name = like.format.name.removesuffix("p")
            samples = np.full(
                (channels, count) if planar else (1, channels * count), 128 * (name == "u8"), _KINDS[name]
            )
            quiet = framed(samples, like)
            assert self._due is not None
            self._due += Fraction(count, like.sample_rate)
            left -= count
            yield from self._resampled(quiet)

    def _resampled(self, frame: AudioFrame) -> Iterator[Packet[Stream]]:
        kind = frame.format.name, layout_of(frame).name, frame.sample_rate
        if kind != self._kind:
            if self._resampler is not None:
                yield from self._encoded(self._resampler.resample(None))
            encoder = self._encoder
            self._kind = kind
            self._resampler = AudioResampler(encoder.format, layout_of(encoder).name, encoder.sample_rate)
        assert self._resampler is not None
        frame.pts = None
        yield from self._encoded(self._resampler.resample(frame))

    def _encoded(self, frames: list[AudioFrame]) -> Iterator[Packet[Stream]]:
        for frame in frames:
            assert self._written is not None
            frame.pts, frame.time_base = self._written, Fraction(1, self._encoder.sample_rate)
            self._written += frame.samples
            yield from self._stamped(self._encoder.encode(frame))

    def _stamped(self, packets: list[Packet[Stream]]) -> Iterator[Packet[Stream]]:
        for packet in packets:
            packet.stream = self.stream
            yield packet


class SubtitleTranscoder(Transcoder):
    """Carries the words of one text format to another; styling is lost."""

    def __init__(self, stream: Stream, source_codec: str, codec: str) -> None:
        self.stream, self._from, self.codec = stream, source_codec, codec
        self._cues = Cues() if codec == "mov_text" else None

    @classmethod
    def into(cls, output: OutputContainer, source: Stream) -> SubtitleTranscoder | None:
        """A new stream in `output`, or None for pictures of text and for containers without subtitles."""
        codec = _SUBTITLES.get(output.format.name)
        name = source.codec_context.name if source.codec_context else ""
        if codec is None or name not in _TEXT:
            return None
        if codec == "mov_text":
            # an encoder that is given nothing: it writes the sample description, without which no style is known
            stream: Stream = output.add_stream(codec)
            context = cast(SubtitleCodecContext, stream.codec_context)
            context.subtitle_header, context.time_base = _PLAIN_STYLE, source.time_base or Fraction(1, 1000)
        else:
            stream = output.add_mux_stream(codec)
        stream.time_base = source.time_base
        return cls(stream, name, codec)

    def convert(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """One packet, or none where there are no words; of text that overlaps, as many as it takes."""
        words = _words(bytes(packet), self._from)
        if not words:
            return
        if self._cues is None:
            written = html.escape(words, quote=False) if self.codec == "webvtt" else words
            yield self._packet(written.encode(), packet.pts, packet.duration, packet.time_base)
            return
        self._base = packet.time_base
        yield from self._shown(self._cues.add(packet.pts or 0, packet.duration or 0, words))

    def until(self, time: Fraction) -> Iterator[Packet[Stream]]:
        if self._cues is not None and self._cues.shown:
            yield from self._shown(self._cues.until(math.floor(time / self._base)))

    def finish(self) -> Iterator[Packet[Stream]]:
        if self._cues is not None:
            yield from self._shown(self._cues.until(None))

    def _shown(self, pieces: Iterator[Piece]) -> Iterator[Packet[Stream]]:
        for begin, duration, words in pieces:
            data = words.encode()
            yield self._packet(struct.pack(">H", len(data)) + data, begin, duration, self._base)

    def _packet(self, data: bytes, pts: int | None, duration: int | None, time_base: Fraction) -> Packet[Stream]:
        made: Packet[Stream] = Packet(data)
        made.pts, made.dts, made.duration, made.time_base = pts, pts, duration, time_base
        made.is_keyframe = True
        made.stream = self.stream
        return made


def _words(data: bytes, codec: str) -> str:
    if codec == "mov_text":
        length = struct.unpack(">H", data[:2])[0] if len(data) > 2 else 0
        return data[2 : 2 + length].decode("utf-8", "replace").strip()
    text = data.decode("utf-8", "replace")
    if codec in ("ass", "ssa"):
        text = _DRAWING.sub("", text.split(",", 8)[-1])
        text = re.sub(r"\{[^}]*\}", "", text).replace(r"\N", "\n").replace(r"\n", "\n").replace(r"\h", "\u00a0")
        return text.strip()
    text = re.sub(r"\{\\[^}]*\}", "", text)  # {\an8}, which SubRip has from ASS
    text = re.sub(r"</?[a-zA-Z][^>]*>", "", text).strip()
    return html.unescape(text) if codec == "webvtt" else text
