"""Everything of a clip that is not the styled picture, carried over packet for packet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import cast

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Discard, Stream

from vidfx.choice import suffix_of
from vidfx.errors import UnreadableInput, UsageError
from vidfx.gop import CopiedFilm
from vidfx.holds import LATE, can_hold, codec_name, first_packets, is_cover, opens
from vidfx.notices import Notify
from vidfx.tags import add_copy, carried, name_track
from vidfx.timeline import Timeline
from vidfx.transcode import AudioTranscoder, SubtitleTranscoder, Transcoder
from vidfx.window import NO_NEGATIVE, TRIMS, Window

_UNTIL_THE_NEXT = {"hdmv_pgs_subtitle", "pgssub"}
"""Subtitles without a length: each is shown until the next comes, or an empty one."""
_SKEW = 2
"""Seconds by which a stream's packets may lie behind those of another in the file."""
_ENDLESS = 24 * 3600
"""Seconds; pictures of text from DVDs say 2³² - 1 ms where they mean that they do not know."""
_ATTACHED_AS = {"mjpeg": ("image/jpeg", "cover.jpg"), "png": ("image/png", "cover.png")}
"""How Matroska attaches a cover: MIME type and usual name, by codec."""


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
        notify: Notify,
    ) -> None:
        self._source, self._output, self._window = source, output, window
        self._audio, self._strict, self._notify = audio, strict, notify
        self._format = output.format.name
        self._targets: dict[int, Stream | Transcoder] = {}
        self.copied: list[int] = []
        self._held: Packet[Stream] | None = None
        self._packets: Iterator[Packet[Stream]] | None = None
        self._lost: Counter[int] = Counter()
        self._early: Counter[int] = Counter()
        self._shown_before: dict[int, Packet[Stream]] = {}
        self._films: dict[int, CopiedFilm] = {}

    # --- what becomes of each stream ---------------------------------------------------------------------------

    def add(self, stream: Stream) -> None:
        """Gives `stream` a place in the output; converts or drops it, with a notice, where it does not fit.

        Raises UsageError where that happens under `strict`.
        """
        if stream.type == "audio" and not self._audio:
            return
        if stream.type == "data" and self._format in TRIMS and _is_made_anew(stream):
            return
        if stream.type == "audio" and not opens(cast(av.AudioStream, stream)):
            self._refuse(stream)
        elif self._format == "matroska" and (isinstance(stream, AttachmentStream) or is_cover(stream)):
            self._attach(stream)
        elif not isinstance(stream, AttachmentStream) and can_hold(self._format, stream) and not self._is_late(stream):
            self._targets[stream.index] = add_copy(
                self._output, stream, whole=self._window.start is None and self._window.end is None
            )
            self.copied.append(stream.index)
            if stream.type == "video" and not is_cover(stream):
                self._films[stream.index] = CopiedFilm(self._window, trims=self._format in TRIMS)
        elif not (stream.type == "data" and _is_made_anew(stream)):
            self._replace(stream)

    def _is_late(self, stream: Stream) -> bool:
        """Whether it is sound that AVI, where every stream begins at 0, would play too early: silence must be made."""
        if self._format != "avi" or stream.type != "audio":
            return False
        times = [(packet.pts, packet.time_base) for packet in first_packets(self._source.name, stream.index)]
        begins = [max(self._window.start or 0, pts * base) for pts, base in times if pts is not None]
        return any(begin - self._window.shift > LATE for begin in begins)

    def _refuse(self, stream: Stream) -> None:
        """Leaves out a stream that no player can open: many would then refuse the whole file."""
        what = f"the headers of stream {stream.index} ({codec_name(stream)} {stream.type}) are damaged"
        if self._strict:
            raise UnreadableInput(f"'{self._source.name}' is damaged: {what}", hint="without --strict it is dropped")
        self._notify(f"{what}: dropped")

    def _attach(self, stream: Stream) -> None:
        """Matroska keeps fonts and covers as attached files."""
        if isinstance(stream, AttachmentStream):
            mimetype = stream.mimetype or "application/octet-stream"
            self._output.add_attachment(stream.name or "attachment", mimetype, stream.data)
        else:
            cover = first_packets(self._source.name, stream.index)
            if not cover:
                return
            mimetype, name = _ATTACHED_AS.get(codec_name(stream), ("application/octet-stream", "cover"))
            name = stream.metadata.get("filename", name)
            self._output.add_attachment(name, stream.metadata.get("mimetype", mimetype), bytes(cover[0]))
        self.copied.append(stream.index)

    def _replace(self, stream: Stream) -> None:
        kind = "cover picture" if is_cover(stream) else f"{codec_name(stream)} {stream.type}".replace("unknown ", "")
        what = f"stream {stream.index} ({kind}) does not fit into {suffix_of(self._format)}"
        maker: Transcoder | None = None
        if stream.type == "audio":
            cut = self._format in NO_NEGATIVE or (self._format not in TRIMS and self._window.start is not None)
            begins = Fraction(0) if cut else None
            maker = AudioTranscoder.into(self._output, cast(av.AudioStream, stream), begins=begins)
        elif stream.type == "subtitle":
            maker = SubtitleTranscoder.into(self._output, stream)
        action = f"converted to {maker.codec}{maker.note}" if maker else "dropped"
        self.give_up(what, action)
        if maker:
            maker.stream.metadata.update(carried(stream))
            name_track(self._output, maker.stream)
            maker.stream.disposition = stream.disposition
            self._targets[stream.index] = maker

    def give_up(self, what: str, action: str) -> None:
        """Says what does not fit into the container, and what becomes of it. Raises UsageError under `strict`."""
        if self._strict:
            hint = "write .mkv, which holds almost anything, or leave out --strict"
            raise UsageError(f"{what}; it would be {action}", hint=hint)
        self._notify(f"{what}: {action}")

    # --- packets -----------------------------------------------------------------------------------------------

    def write_up_to(self, time: Fraction | None) -> None:
        """Muxes what is due until `time` (seconds on the output's time line); None muxes all that is left.

        A packet that the container refuses is left out and counted. Raises UnreadableInput for one under `strict`, and
        av's errors where the file cannot be written.
        """
        for packet in self.up_to(time):
            index = packet.stream.index
            try:
                self._output.mux_one(packet)
            except (av.InvalidDataError, av.ArgumentError, av.PatchWelcomeError):
                source = next(key for key, target in self._targets.items() if _stream_of(target).index == index)
                self._lose(source)
        if time is None:
            self._say_losses()

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
            if stream.index not in self._targets and not Timeline.needs_all(self._source):
                stream.discard = Discard.all
        packets = Timeline().demux(self._source, wanted)
        with suppress(av.FFmpegError):  # a damaged tail: what came before it is kept
            for packet in packets:
                if packet.size:
                    yield from self._decided_by(packet)
                    yield from self._carry(packet)
        for index, target in self._targets.items():
            if index in self._shown_before:
                yield from self._deliver(self._shown_before.pop(index))
            if isinstance(target, Transcoder):
                yield from target.finish()
                self._lose(index, target.damaged)

    def _decided_by(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """What was held back until it was known what comes before this packet."""
        if packet.dts is None:
            return
        time = packet.dts * packet.time_base - self._window.shift - _SKEW
        for target in self._targets.values():
            if isinstance(target, Transcoder) and target is not self._targets[packet.stream.index]:
                yield from target.until(time)

    def _carry(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """The packet in the window, at its new time; nothing where it lies outside."""
        stream = packet.stream
        if packet.size == 2 and self._format in TRIMS and codec_name(stream) == "mov_text":
            return  # its silence between two lines: the muxer writes its own
        if stream.index in self._films:
            for kept in self._films[stream.index].take(packet):
                yield from self._deliver(kept)
            return
        if packet.pts is not None:
            begin = packet.pts * packet.time_base
            end = begin + (packet.duration or 0) * packet.time_base
            if stream.type == "subtitle" and codec_name(stream) in _UNTIL_THE_NEXT:
                if self._window.start is not None and begin <= self._window.start:
                    self._shown_before[stream.index] = packet
                    return
                if stream.index in self._shown_before:
                    yield from self._deliver(self._shown_before.pop(stream.index))
            trims = stream.type == "subtitle" or self._format in TRIMS or self._is_decoded(stream)
            if self._window.cuts_away(begin, end, trims=trims):
                self._lose_start(stream, begin, end)
                return
        yield from self._deliver(packet)

    def _is_decoded(self, stream: Stream) -> bool:
        return isinstance(self._targets[stream.index], AudioTranscoder)

    def _lose_start(self, stream: Stream, begin: Fraction, end: Fraction) -> None:
        """Says so once where sound begins late because a packet cannot be cut."""
        start = self._window.start
        if start is None or not begin < start < end or end - start <= LATE or stream.type != "audio":
            return
        late = f"{float(end - start):.2f} s after the picture"
        self._notify(f"stream {stream.index} ({codec_name(stream)} audio) begins {late}: its packets cannot be cut")

    def _deliver(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        index = packet.stream.index
        self._move(packet)
        if self._format in NO_NEGATIVE and (packet.pts or 0) < 0 and not self._is_decoded(packet.stream):
            self._early[index] += 1
            return
        target = self._targets[index]
        if isinstance(target, Transcoder):
            yield from target.convert(packet)
        else:
            packet.stream = target
            yield packet

    def _move(self, packet: Packet[Stream]) -> None:
        window, is_text = self._window, packet.stream.type == "subtitle"
        if self._format in TRIMS and (packet.duration or 0) * packet.time_base > _ENDLESS:
            # the muxer would refuse it, together with whatever it writes next; of all but the last the next one decides
            packet.duration = round(5 / packet.time_base)
        if is_text and window.end is not None and packet.pts is not None and packet.duration:
            packet.duration = min(packet.duration, max(1, round(window.end / packet.time_base) - packet.pts))
        ticks = round(window.shift / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - ticks
        packet.dts = None if packet.dts is None else packet.dts - ticks
        if is_text and window.start is not None and packet.pts is not None and packet.pts < 0:
            packet.duration = max(0, (packet.duration or 0) + packet.pts)
            packet.pts = packet.dts = 0

    def _lose(self, index: int, count: int = 1) -> None:
        self._lost[index] += count
        if self._strict and count:
            raise UnreadableInput(
                f"'{self._source.name}' is damaged: stream {index} has packets that cannot be carried over",
                hint="without --strict they are left out",
            )

    def lose_one(self) -> None:
        """A packet was refused that waited in the muxer: which copied stream's it does not say. Raises as `_lose`."""
        self._lose(self.copied[0])

    def _say_losses(self) -> None:
        for index, film in self._films.items():
            name = f"stream {index} ({codec_name(self._source.streams[index])} video)"
            if film.begins is None:
                self._notify(f"{name} has no whole picture after the cut: left out")
            elif self._window.start is not None and film.begins - self._window.start > LATE:
                late = float(film.begins - self._window.start)
                self._notify(f"{name} begins {late:.2f} s after the picture, with its first whole one")
        for index, count in sorted(self._lost.items()):
            if count:
                kind = self._source.streams[index].type
                self._notify(f"{count} damaged packet{'s' * (count > 1)} of stream {index} ({kind}) left out")
        for index, count in sorted(self._early.items()):
            what = "packet" if count == 1 else "packets"
            self._notify(f"{count} {what} of stream {index} before time 0, which .{self._format} has not: left out")


def _stream_of(target: Stream | Transcoder) -> Stream:
    return target.stream if isinstance(target, Transcoder) else target


def _is_made_anew(stream: Stream) -> bool:
    """QuickTime keeps chapters and time code as streams; the muxer writes them itself from what was carried over."""
    return stream.discard == Discard.all or "timecode" in stream.metadata
