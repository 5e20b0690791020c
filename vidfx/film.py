"""One film file in the making: parts joined packet for packet, with every other stream of the source."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from fractions import Fraction
from math import lcm
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream

from vidfx import decode
from vidfx.choice import Target
from vidfx.disk import OF_THE_DISK, for_ffmpeg, put_in_place, writing, writing_error
from vidfx.encode import VideoEncoder, close_quietly
from vidfx.errors import CannotWrite, UsageError, VidfxError
from vidfx.mux import OtherStreams
from vidfx.notices import Notify
from vidfx.parts.join import check_headers, in_decoding_order
from vidfx.parts.packets import PartFile
from vidfx.tags import carried, carry_container, name_track
from vidfx.window import Window


class FilmWriter:
    """One film file in the making, from parts that are all there.

    The stream is described by the very encoder that made the parts, opened once more and given no frame.
    """

    def __init__(
        self,
        parts: Sequence[PartFile],
        target: Target,
        metadata: Mapping[str, str],
        strict: bool,
        notify: Notify,
    ) -> None:
        self._parts, self._target, self._clip, self._output = parts, target, target.clip, target.output
        self._metadata, self._strict, self._notify = metadata, strict, notify
        self._format = target.muxer or ""
        start = parts[0].start
        self._window = Window.of(target.wanted, start, _cut_at(target, parts))
        self._to_be_counted = False
        if target.wanted.whole and start < 0:
            notify(f"'{target.clip.path}' begins {float(-start):.3f} s before time 0: moved to begin at 0")

    def write(self, temporary: Path, *, overwrite: bool, about_to_appear: Callable[[Path], None]) -> None:
        """Muxes into `temporary` and moves it to the output's name, of which `about_to_appear` is told before.

        Raises CannotWrite, TryAgain, UsageError, UnreadableInput.
        """
        try:
            with ExitStack() as stack:
                with writing(self._output):
                    container = av.open(for_ffmpeg(temporary), "w", format=self._format)
                stack.callback(close_quietly, container)
                stream, others = self._streams(container, stack)
                with writing(self._output):
                    self._fill(container, stream, others)
                    container.close()
            if self._to_be_counted:
                self._count(temporary, stream.index)
            if self._output.exists() and not overwrite:
                raise CannotWrite(f"'{self._output}' appeared while it was being made", hint="give -y to overwrite it")
            with writing(self._output):
                about_to_appear(temporary)
                put_in_place(temporary, self._output)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _streams(self, container: OutputContainer, stack: ExitStack) -> tuple[Stream, OtherStreams | None]:
        if self._clip.kind != "video":
            stream, others = self._picture(container), None
        else:
            source = stack.enter_context(decode.opened(self._clip.path))
            others = OtherStreams(
                source,
                container,
                self._window,
                audio=self._target.encode.audio,
                strict=self._strict,
                notify=self._notify,
            )
            skipped = self._parts[0].first
            for other in source.streams:
                if other.index == self._clip.stream_index:
                    stream = self._picture(container)
                    stream.metadata.update(carried(other, skipped=skipped, rate=self._clip.rate))
                    if "stereo_mode" in other.metadata and self._format not in ("matroska", "webm"):
                        self._notify("the mark that it shows two eyes' views in one picture is left out")
                    name_track(container, stream)
                    stream.disposition = other.disposition
                else:
                    others.add(other)
            carry_container(source, container, self._window, skipped=skipped, rate=self._clip.rate)
            _give_up_what_avi_lacks(source, others, self._format)
        self._tag(container)
        try:
            container.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            if getattr(error, "errno", None) in OF_THE_DISK:
                raise writing_error(self._output, error) from error
            raise UsageError(
                f"a {self._output.suffix} file cannot hold this film in {self._parts[0].codec}"
                f" ({decode.reason(error)})",
                hint="choose another -c:v, or write .mkv, which holds almost anything",
            ) from error
        return stream, others

    def _picture(self, container: OutputContainer) -> Stream:
        time_base = self._parts[0].time_base
        encoder = VideoEncoder(container, self._target, time_base=time_base, notify=self._notify)
        check_headers(self._parts, encoder.codec, encoder.stream.codec_context.extradata)
        return encoder.stream

    def _tag(self, container: OutputContainer) -> None:
        """Our own tags, and how the muxer treats time."""
        if self._format not in ("mp4", "mov"):
            # only the muxer's own idea of a shift would change a time; B-frames alone begin before 0, in dts
            container.container_options["avoid_negative_ts"] = "disabled"
            container.metadata.update(self._metadata)
            return
        ticks = self._parts[0].time_base.denominator
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

    def _fill(self, container: OutputContainer, stream: Stream, others: OtherStreams | None) -> None:
        """The packets of all streams in the order in which they are stored."""
        for packet in in_decoding_order(self._parts):
            packet.stream = stream
            if others and packet.dts is not None:
                others.write_up_to(packet.dts * packet.time_base)
            try:
                container.mux_one(packet)
            except (av.InvalidDataError, av.PatchWelcomeError):
                if others is None or not others.copied:
                    raise
                others.lose_one()  # the muxer writes what waits in it: it was a packet of another stream
                self._to_be_counted = True
            except av.ArgumentError as error:  # AVI fills gaps with empty pictures, and has no room for days of them
                raise UsageError(
                    f"a {self._output.suffix} file cannot hold the times of this film ({decode.reason(error)})",
                    hint="write .mkv, which holds almost anything",
                ) from error
        if others:
            others.write_up_to(None)

    def _count(self, written: Path, index: int) -> None:
        """Raises VidfxError where a picture is missing in the finished file."""
        with decode.opened(written) as container:
            count = sum(packet.size > 0 for packet in container.demux(container.streams[index]))
        if count != sum(part.frames for part in self._parts):
            raise VidfxError(f"a picture was lost on its way into '{self._output}'", hint="write .mkv")


def _cut_at(target: Target, parts: Sequence[PartFile]) -> Fraction | None:
    """Time at which all else is cut off; None where the range goes on past the last picture, and so may sound."""
    wanted, last, ends = target.wanted, parts[-1], list[Fraction]()
    if wanted.last is not None and last.last + wanted.step > wanted.last:
        ends.append(last.end)
    if wanted.end is not None:
        ends.append(max(last.end, target.clip.start + wanted.end))
    return min(ends, default=None)


def check_others(target: Target) -> None:
    """Refuses, before anything is painted, what other streams the film could not take as they are. Raises UsageError.

    As far as headers tell: a packet that a container refuses is found when it is muxed.
    """
    if target.muxer is None or target.clip.kind != "video" or (target.muxer == "avi" and not target.wanted.whole):
        return  # in a part of a film, where sound is late for AVI is known when its first frame is
    with ExitStack() as stack:
        source = stack.enter_context(decode.opened(target.clip.path))
        container = av.open(io.BytesIO(), "w", format=target.muxer)
        stack.callback(close_quietly, container)
        others = OtherStreams(
            source, container, Window(), audio=target.encode.audio, strict=True, notify=lambda _: None
        )
        for other in source.streams:
            if other.index != target.clip.stream_index:
                others.add(other)
        _give_up_what_avi_lacks(source, others, target.muxer)


def _give_up_what_avi_lacks(source: InputContainer, others: OtherStreams, muxer: str) -> None:
    if muxer != "avi":
        return
    if source.chapters():
        others.give_up("chapters do not fit into .avi", "dropped")
    if any("timecode" in stream.metadata for stream in source.streams):
        others.give_up("a time code does not fit into .avi", "dropped")
