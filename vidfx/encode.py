"""The encoder of the picture: which one, with what settings, in which pixel format."""

from __future__ import annotations

import difflib
import io
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from vidfx import colour
from vidfx.choice import Target, held_by, suffix_of
from vidfx.clock import time_base_in
from vidfx.decode import reason
from vidfx.errors import Unavailable, UsageError, VidfxError
from vidfx.frames import Clip, Colour, Frame
from vidfx.fromrgb import FromRgb
from vidfx.machine import encoder_threads
from vidfx.notices import Notify
from vidfx.scheduling import as_urgent_as_before
from vidfx.settings import Encode

_DEFAULTS: dict[str, dict[str, str]] = {
    "libx264": {"crf": "18", "preset": "medium"},
    "libx265": {"crf": "20", "preset": "medium", "x265-params": "log-level=error"},
    "libvpx-vp9": {"crf": "24", "cpu-used": "4", "row-mt": "1"},
    "libvpx": {"crf": "10", "b": "4M", "cpu-used": "4"},
    "libsvtav1": {"crf": "28", "preset": "8"},
    "libaom-av1": {"crf": "26", "cpu-used": "6", "row-mt": "1"},
    "h264_nvenc": {"cq": "19", "preset": "p5"},
    "hevc_nvenc": {"cq": "21", "preset": "p5"},
    "av1_nvenc": {"cq": "25", "preset": "p5"},
    "mpeg4": {"b": "8M"},
}
_X26X = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo")
_PRESETS = {"libx264": _X26X, "libx265": _X26X, "libsvtav1": tuple(str(number) for number in range(-1, 14))}
_SAYS_COLOUR = ("264", "265", "hevc", "h264_nvenc", "hevc_nvenc", "vp9", "av1", "av1_nvenc", "prores_ks")
_X264_BEST_OF_10_BITS, _X264_WORST = -12, 51
_SHAPE_IN_CODEC = ("matroska", "webm", "nut", "avi")
_SAYS_SHAPE = ("264", "265", "hevc", "h264_nvenc", "mpeg4", "mjpeg")
"""Codecs whose own headers say how wide a pixel is; in those containers nothing else can."""
_FINEST_OF_VPX = Fraction(1, 1_000_000)
"""Seconds; libvpx keeps time in tenths of a microsecond, and would move pictures that are told finer."""
_FINEST_OF_MPEG4 = 65535
"""Ticks a second (ISO/IEC 14496-2, vop_time_increment_resolution has 16 bits)."""
_HARDWARE = ("_nvenc", "_qsv", "_vaapi", "_amf", "_videotoolbox", "_mf", "_v4l2m2m", "_vulkan")


@dataclass(frozen=True, slots=True)
class _Times:
    pts: int
    duration: int


class VideoEncoder:
    """The styled picture's stream in a container. Frames go in with their own times, packets come out with them."""

    def __init__(
        self,
        container: OutputContainer,
        target: Target,
        *,
        time_base: Fraction,
        notify: Notify,
    ) -> None:
        """Opens the encoder. Raises Unavailable where it is not here, UsageError where it refuses a setting."""
        clip, choice = target.clip, target.choice
        try:
            stream = container.add_stream(choice.codec, rate=_rate(clip), width=clip.width, height=clip.height)
        except ValueError as error:
            raise _not_held(container.format.name, choice.codec) from error
        assert isinstance(stream, av.VideoStream)
        self.stream = stream
        self.codec, self.pix_fmt = choice.codec, choice.pix_fmt
        context = stream.codec_context
        context.pix_fmt = self.pix_fmt
        stream.time_base = self._time_base = time_base
        fine = self.codec.startswith("libvpx") and time_base < _FINEST_OF_VPX
        context.time_base = self._clock = _FINEST_OF_VPX if fine else time_base
        context.sample_aspect_ratio = clip.sample_aspect_ratio.limit_denominator(65535)
        if container.format.name in ("mp4", "mov") and self.codec in ("libx265", "hevc_nvenc"):
            context.codec_tag = "hvc1"  # Apple's players pass over FFmpeg's own choice, hev1
        square = clip.sample_aspect_ratio == 1
        if not square and container.format.name in _SHAPE_IN_CODEC and not self.codec.endswith(_SAYS_SHAPE):
            notify(
                f"that its pixels are not square is lost with {self.codec} in {suffix_of(container.format.name)}:"
                " .mp4, or -c:v libx264 in .mkv, keeps it"
            )
        tags = colour.output_colour(clip)
        if av.VideoFormat(self.pix_fmt).is_rgb:
            tags = replace(tags, matrix=0, range=2)
        elif self.codec == "mjpeg":
            tags = replace(tags, matrix=5, range=2)  # JFIF knows no other
        if container.format.name in ("nut", "avi") and not self.codec.endswith(_SAYS_COLOUR):
            if tags != Colour():
                notify(
                    f"{self.codec} in .{container.format.name} cannot say its colours: written as players guess them"
                )
            tags = Colour()
        context.colorspace, context.color_range = tags.matrix, tags.range
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        self._open(target.encode, container.format.name)
        self._convert = FromRgb(tags, width=clip.width, height=clip.height, pix_fmt=self.pix_fmt)
        self._waiting: dict[int, _Times] = {}
        self._in = self._out = 0

    def _open(self, settings: Encode, format_name: str) -> None:
        context = self.stream.codec_context
        options = options_for(self.codec, self.pix_fmt, settings, format_name)
        context.options = options
        context.thread_count = encoder_threads()
        try:
            with as_urgent_as_before():
                context.open()
        except (av.FFmpegError, ValueError) as error:
            said = reason(error)
            if self.codec.endswith(_HARDWARE):
                raise Unavailable(
                    f"{self.codec} does not start here ({said})", hint="use libx264 or libx265"
                ) from error
            ticks = self._clock.denominator
            if self.codec == "mpeg4" and ticks > _FINEST_OF_MPEG4:
                raise UsageError(
                    f"mpeg4 has no room for the clock of this film, {ticks} ticks a second",
                    hint=f"it counts {_FINEST_OF_MPEG4} at most; write .avi, which counts frames, or use -c:v libx264",
                ) from error
            asked = " ".join(f"{key}={value}" for key, value in options.items())
            raise UsageError(
                f"{self.codec} refuses these settings ({said})", hint=f"{self.pix_fmt}, {asked or 'no options'}"
            ) from error
        if context.options:
            names = ", ".join(sorted(context.options))
            near = difflib.get_close_matches(names, _known_options(context), n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "see ffmpeg -h encoder=" + self.codec
            raise UsageError(f"{self.codec} does not know the option {names}", hint=hint)

    def encode(self, frame: Frame, *, pts: int, duration: int) -> list[Packet[Stream]]:
        """Packets that are ready. `pts` and `duration` are in the stream's time base; duration 0 is unknown."""
        picture = self._convert(frame.image, frame.alpha)
        picture.pts, picture.time_base = round(pts * self._time_base / self._clock), self._clock
        picture.duration = round(duration * self._time_base / self._clock)
        self._waiting[picture.pts] = _Times(pts, duration)
        self._in += 1
        return self._timed(self.stream.encode(picture))

    def finish(self) -> list[Packet[Stream]]:
        """The packets still held back. Raises VidfxError where the encoder lost or invented a frame."""
        packets = self._timed(self.stream.encode(None))
        if self._in != self._out:
            raise VidfxError(
                f"{self.codec} was given {self._in} frames and returned {self._out}", hint="choose another -c:v"
            )
        return packets

    def _timed(self, packets: list[Packet[Stream]]) -> list[Packet[Stream]]:
        packets = [packet for packet in packets if packet.size]
        for packet in packets:
            self._out += 1
            times = self._waiting.pop(packet.pts, None) if packet.pts is not None else None
            if times is None:
                raise VidfxError(f"{self.codec} moved a frame in time", hint="choose another -c:v")
            packet.pts, packet.duration, packet.time_base = times.pts, times.duration, self._time_base
        return packets


def options_for(codec: str, pix_fmt: str, settings: Encode, format_name: str) -> dict[str, str]:
    """What an encoder is told by name, in FFmpeg's words: our own usual values and what was asked for.

    Raises UsageError for a crf or preset that it does not know.
    """
    known = _known_options(av.CodecContext.create(codec, "w"))
    options = dict(_DEFAULTS.get(codec, {}))
    if format_name in ("avi", "nut"):
        options |= {"bf": "0"}  # neither can say that a picture is decoded before time 0
    if codec == "libvpx" and pix_fmt == "yuva420p":
        options |= {"auto-alt-ref": "0"}  # its hidden pictures and alpha exclude each other
    if settings.crf is not None:
        quality = next((name for name in ("crf", "cq", "global_quality") if name in known), None)
        if quality is None:
            raise UsageError(f"{codec} knows no -crf", hint="set its quality with --encoder-opt")
        best = _X264_BEST_OF_10_BITS if "10" in pix_fmt else 0
        # others refuse what they do not have; it takes the nearest without a word
        if codec == "libx264" and not best <= settings.crf <= _X264_WORST:
            hint = f"{best} is without loss, {_X264_WORST} the worst"
            raise UsageError(f"{codec} knows no -crf {settings.crf:g} for {pix_fmt}", hint=hint)
        options[quality] = f"{settings.crf:g}"
    if settings.preset is not None:
        if "preset" not in known:
            raise UsageError(f"{codec} knows no -preset", hint="set its speed with --encoder-opt")
        presets = _PRESETS.get(codec)
        if presets and settings.preset not in presets:
            raise UsageError(f"{codec} refuses the preset '{settings.preset}'", hint=f"it takes {', '.join(presets)}")
        options["preset"] = settings.preset
    asked = dict(settings.options)
    if "x265-params" in asked:
        asked["x265-params"] = f"{_DEFAULTS['libx265']['x265-params']}:{asked['x265-params']}"
    return options | asked


def _known_options(context: av.CodecContext) -> set[str]:
    return {option.name for option in context.supported_options.private}


def _rate(clip: Clip) -> Fraction:
    return clip.rate.limit_denominator(100_000) if 0 < clip.rate <= 100_000 else Fraction(25)


def _not_held(format_name: str, codec: str, how: str = "") -> UsageError:
    suffix = suffix_of(format_name)
    takes = ", ".join(name for name in held_by(format_name) if name != codec)
    more = "" if suffix == ".mkv" else "; .mkv holds almost anything"
    return UsageError(f"a {suffix} file cannot hold {codec}{how}", hint=f"it takes {takes}{more}")


def rehearse(target: Target) -> None:
    """Opens encoder and container as a render would, and writes nothing: what they refuse, they refuse now.

    Raises UsageError and Unavailable.
    """
    format_name = target.muxer
    if format_name is None:
        return
    os.environ.setdefault("SVT_LOG", "1")  # errors alone: SVT-AV1 greets on stderr
    container = av.open(io.BytesIO(), "w", format=format_name)
    time_base = time_base_in(format_name, target.clip.rate, target.clip.time_base)
    encoder = VideoEncoder(container, target, time_base=time_base, notify=lambda _: None)
    try:
        container.start_encoding()
    except (av.FFmpegError, ValueError) as error:
        raise _not_held(format_name, encoder.codec, f" in {encoder.pix_fmt} ({reason(error)})") from error
    finally:
        close_quietly(container)


def close_quietly(container: OutputContainer) -> None:
    """Also lets its encoders go: a container and its streams hold each other, and 70 MB of an encoder at 720p."""
    with suppress(av.FFmpegError, OSError, ValueError):
        container.close()
