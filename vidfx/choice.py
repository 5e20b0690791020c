"""What an output is written as, decided before a frame is read: encoder, pixel format, depth and alpha.

Where nobody says: films of 8 bits, and HDR that is tone-mapped, in H.264 and 8 bits, which plays everywhere; deeper
films keep ten bits in H.265 (VP9 in .webm), since few players show H.264 of ten; films with alpha keep it in ProRes
4444 in .mov and in VP9 in .webm. Encoders for further work (ProRes, FFV1 ...) take what is nearest to the source.
"""

from __future__ import annotations

import difflib
import io
from dataclasses import dataclass
from pathlib import Path

import av
from av.codec import find_best_pix_fmt_of_list

from vidfx import hdr, images
from vidfx.errors import Unavailable, UsageError
from vidfx.frames import Clip, Pixels
from vidfx.notices import Notify
from vidfx.settings import Encode, Job, Range

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

ENCODERS = {
    "mp4": "libx264",
    "mov": "libx264",
    "matroska": "libx264",
    "webm": "libvpx-vp9",
    "nut": "ffv1",
    "avi": "libx264",
}
"""What each container gets where nobody says."""

_USUAL = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "prores_ks", "ffv1", "qtrle", "png", "mjpeg", "mpeg4")
_HOLDS_HEVC = ("mp4", "mov", "matroska")
_FOR_WORK = {"prores_ks", "prores", "prores_aw", "ffv1", "utvideo", "huffyuv", "ffvhuff", "qtrle", "png", "rawvideo"}
_FOR_WORK |= {"cfhd", "dnxhd", "v210", "magicyuv"}
_HOLDS_ODD_420 = {"libvpx", "libvpx-vp9", "libaom-av1", "ffv1"}
_ALPHA_BESIDE = {"libvpx": {"matroska", "webm"}, "libvpx-vp9": {"matroska", "webm"}, "libx265": set[str]()}
"""Encoders whose alpha is a second picture beside each packet, and the containers that have room for it. FFmpeg's
builds of libx265 take alpha's formats and then refuse them."""
_TEN_BITS_PLAY = {"libx265", "hevc_nvenc", "libsvtav1", "av1_nvenc", "libaom-av1", "libvpx-vp9"}


_RGB = {(False, False): "rgb24", (True, False): "rgb48le", (False, True): "rgba", (True, True): "rgba64le"}
"""What pictures are written as, by whether they are deep and have alpha."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What an output is written as."""

    codec: str
    pix_fmt: str
    pixels: Pixels
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What is made of a clip: by this its frames are painted and written."""

    clip: Clip
    output: Path
    """Its suffix decides the container; pictures are written to their names at once."""
    encode: Encode
    wanted: Range
    choice: Choice

    @classmethod
    def of(cls, clip: Clip, output: Path, encode: Encode, wanted: Range = Range()) -> Target:
        """With the choice made. Raises what `choose` raises."""
        return cls(clip, output, encode, wanted, choose(output, clip, encode))

    @classmethod
    def of_job(cls, clip: Clip, job: Job) -> Target:
        return cls.of(clip, job.output, job.encode, job.wanted)

    @property
    def muxer(self) -> str | None:
        """FFmpeg's name of the container; None for pictures."""
        return CONTAINERS.get(self.output.suffix.lower())

    @property
    def numbered(self) -> bool:
        """Whether it is many pictures. That of a still is one, and may be called `take #2.png`."""
        return self.muxer is None and self.clip.kind != "still"


def choose(output: Path, clip: Clip, settings: Encode) -> Choice:
    """What the output is written as: above all, what the frames on their way to it must carry (`Choice.pixels`).

    Raises UsageError for what does not go together, Unavailable for an encoder that is not here, UnreadableInput for
    unwanted HDR.
    """
    if hdr.is_hdr(clip.colour) and settings.hdr == "error":
        hdr.refuse(clip)
    suffix = output.suffix.lower()
    muxer = CONTAINERS.get(suffix)
    return _film(muxer, clip, settings) if muxer else _pictures(suffix, clip, settings)


def _pictures(suffix: str, clip: Clip, settings: Encode) -> Choice:
    can = images.CAN_HOLD[suffix]
    if settings.pix_fmt is None:
        pixels = Pixels(deep=can.deep and (clip.bit_depth > 8 or can.always_deep), alpha=can.alpha and clip.has_alpha)
    else:
        form = _known_format(settings.pix_fmt)
        pixels = Pixels(deep=_bits(form) > 8, alpha=any(part.is_alpha for part in form.components))
        if not form.is_rgb or (pixels.deep and not can.deep) or (pixels.alpha and not can.alpha):
            takes = [
                "rgb24",
                *(["rgb48le"] * can.deep),
                *(["rgba"] * can.alpha),
                *(["rgba64le"] * (can.deep & can.alpha)),
            ]
            raise UsageError(f"{suffix} pictures are not written as {form.name}", hint="they take " + ", ".join(takes))
    asked = {"-c:v": settings.codec, "-crf": settings.crf, "-preset": settings.preset}
    idle = [flag for flag, value in asked.items() if value is not None] + ["--encoder-opt"] * bool(settings.options)
    notices = (f"{suffix} pictures need no encoder: {', '.join(idle)} not used",) if idle else ()
    return Choice(codec=suffix[1:], pix_fmt=_RGB[pixels.deep, pixels.alpha], pixels=pixels, notices=notices)


def _film(format_name: str, clip: Clip, settings: Encode) -> Choice:
    codec = encoder(settings.codec or _default(format_name, clip))
    notices: list[str] = []
    name = settings.pix_fmt
    if name is None:
        alpha = clip.has_alpha and _holds_alpha(codec.name, format_name)
        name = _nearest(codec, clip) if codec.name in _FOR_WORK else _usual(codec, clip, alpha, notices.append)
    else:
        _check(codec, name, clip)
    form = av.VideoFormat(name)
    alpha = any(part.is_alpha for part in form.components) and _holds_alpha(codec.name, format_name)
    pixels = Pixels(deep=_bits(form) > 8, alpha=alpha and clip.has_alpha)
    if clip.bit_depth > 8 and not pixels.deep and settings.pix_fmt is None and not hdr.is_hdr(clip.colour):
        way_out = ": -c:v libx265 keeps ten" if format_name in _HOLDS_HEVC else ", as this container takes it"
        notices.append(f"the source has {clip.bit_depth} bits, {codec.name} is given 8{way_out}")
    return Choice(codec=codec.name, pix_fmt=name, pixels=pixels, notices=tuple(notices))


def _default(format_name: str, clip: Clip) -> str:
    if clip.has_alpha and format_name == "mov":
        return "prores_ks"
    deep = clip.bit_depth > 8 and clip.kind == "video" and not hdr.is_hdr(clip.colour)
    if deep and format_name in _HOLDS_HEVC and "libx265" in av.codecs_available:
        return "libx265"
    return ENCODERS[format_name]


def _nearest(codec: av.Codec, clip: Clip) -> str:
    """The format that loses the least of the source's."""
    formats = [form.name for form in codec.video_formats or ()]
    source = clip.pix_fmt or _RGB[clip.bit_depth > 8, clip.has_alpha]
    if not formats:
        return "yuv420p"
    if clip.width % 2 or clip.height % 2:
        formats = [name for name in formats if codec.name in _HOLDS_ODD_420 or _whole_chroma(name)] or formats
    best, _ = find_best_pix_fmt_of_list(formats, source, clip.has_alpha)
    return best.name if best is not None else formats[0]


def _holds_alpha(codec: str, format_name: str) -> bool:
    """Whether alpha that the encoder is given is still there when the film is read."""
    return format_name in _ALPHA_BESIDE.get(codec, {format_name})


def _usual(codec: av.Codec, clip: Clip, alpha: bool, notify: Notify) -> str:
    """4:4:4 where the source has it, else 4:2:0 where it holds the size; ten bits where there are more than 8."""
    formats = [form.name for form in codec.video_formats or ()]
    full_chroma = "444" in clip.pix_fmt and not av.VideoFormat(clip.pix_fmt).is_rgb
    odd = (clip.width % 2 == 1 or clip.height % 2 == 1) and codec.name not in _HOLDS_ODD_420
    deep = clip.bit_depth > 8 and codec.name in _TEN_BITS_PLAY and not hdr.is_hdr(clip.colour)
    wishes = ["yuv444p", "yuv420p"] if full_chroma else ["yuv420p"]
    wishes += ["yuv422p", "yuv422p10le", "yuv444p", "yuv444p10le", "nv12", "yuvj420p", "gbrp", "rgb24", "bgr0"]
    if codec.name == "mjpeg":
        wishes = ["yuvj444p"] if full_chroma or odd else ["yuvj420p"]
    elif odd:
        wishes = ["yuv444p", "yuv444p10le", "gbrp", "rgb24", "bgr0"]
    if deep:
        wishes = ["yuv444p10le"] * (full_chroma or odd) + ["yuv420p10le", "p010le"] * (not odd) + wishes
    if alpha and "yuva420p" in formats:
        wishes = ["yuva420p"]
    choice = next((wish for wish in wishes if not formats or wish in formats), None)
    if choice is None:
        raise UsageError(
            f"{codec.name} cannot hold {clip.width}×{clip.height}", hint="its sides must be even; try -c:v libx264"
        )
    if odd and not full_chroma:
        notify(f"{clip.width}×{clip.height} has an odd side: encoded as {choice}, since 4:2:0 cannot hold it")
    return choice


def _check(codec: av.Codec, name: str, clip: Clip) -> None:
    form = _known_format(name)
    formats = [form.name for form in codec.video_formats or ()]
    if formats and name not in formats:
        near = difflib.get_close_matches(name, formats, n=3)
        hint = "it takes " + ", ".join([*near, *(other for other in formats if other not in near)][:12])
        raise UsageError(f"{codec.name} cannot encode {name}", hint=hint)
    odd = (clip.width % 2 or clip.height % 2) and codec.name not in _HOLDS_ODD_420
    if odd and not _whole_chroma(form.name):
        raise UsageError(f"{name} cannot hold {clip.width}×{clip.height} in {codec.name}", hint="use -pix_fmt yuv444p")


def _known_format(name: str) -> av.VideoFormat:
    try:
        return av.VideoFormat(name, 64, 64)
    except ValueError as error:
        raise UsageError(f"'{name}' is not a pixel format", hint="the usual one is yuv420p") from error


def _whole_chroma(name: str) -> bool:
    return all((part.width, part.height) == (64, 64) for part in av.VideoFormat(name, 64, 64).components)


def _bits(form: av.VideoFormat) -> int:
    return max(part.bits for part in form.components)


def encoder(name: str) -> av.Codec:
    """An encoder of FFmpeg's. Raises Unavailable where there is none, UsageError where it encodes no pictures."""
    try:
        codec = av.Codec(name, "w")
    except (av.FFmpegError, ValueError) as error:
        near = difflib.get_close_matches(name, av.codecs_available, n=8, cutoff=0.4)
        near = [other for other in near if _is_video_encoder(other)][:4]
        raise Unavailable(
            f"there is no encoder '{name}' here", hint=f"nearest: {', '.join(near)}" if near else "try libx264"
        ) from error
    if codec.type != "video":
        raise UsageError(f"'{name}' encodes {codec.type}, not video", hint="try libx264")
    return codec


def _is_video_encoder(name: str) -> bool:
    try:
        return av.Codec(name, "w").type == "video"
    except (av.FFmpegError, ValueError):
        return False


def suffix_of(format_name: str) -> str:
    """The usual suffix of a muxer's files."""
    return next(suffix for suffix, muxer in CONTAINERS.items() if muxer == format_name)


def held_by(format_name: str) -> list[str]:
    """The usual encoders whose streams a container takes."""
    found = []
    for name in _USUAL:
        try:
            av.open(io.BytesIO(), "w", format=format_name).add_stream(name, rate=25)
        except (av.FFmpegError, ValueError):
            continue
        found.append(name)
    return found
