"""What files and streams say of themselves, carried to the output: tags, chapters, names and languages."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, cast

from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from vidfx.speakers import is_unknown, layout_of
from vidfx.timecode import later
from vidfx.window import TRIMS, Window

if TYPE_CHECKING:
    from av.container.core import Chapter  # exists in the stubs only

_USUAL_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_DESCRIBED_BY = {"ac3": "ac3", "mp3": "libmp3lame", "mp3float": "libmp3lame"}
"""Encoders, by decoder."""
_COUNTS = ("duration", "bps", "number_of_frames", "number_of_bytes", "_statistics_")
_STALE = ("encoder", "alpha_mode", *_COUNTS)
_FILE_ONLY = ("encoder", "major_brand", "minor_version", "compatible_brands", "duration")
_MAC_LANGUAGES = {"deu": "ger", "zho": "chi", "nld": "dut", "ell": "gre", "isl": "ice", "mkd": "mac", "sqi": "alb"} | {
    "hye": "arm", "eus": "baq", "mya": "bur", "kat": "geo", "msa": "may", "fas": "per", "bod": "tib", "cym": "wel"
}  # fmt: skip
"""QuickTime's table has these by their bibliographic codes alone (ISO 639-2/B); a tag it does not know is lost."""


def carry_container(
    source: InputContainer,
    output: OutputContainer,
    window: Window,
    *,
    skipped: int = 0,
    rate: Fraction = Fraction(25),
) -> None:
    """Copies the container's tags and its chapters, which are cut to the window.

    `skipped` frames at `rate` are cut away before the film, as `carried` takes it.
    """
    tags = {k: v for k, v in source.metadata.items() if k.lower() not in _FILE_ONLY}
    output.metadata.update({k: later(v, skipped, rate) if k.lower() == "timecode" else v for k, v in tags.items()})
    chapters: list[Chapter] = []
    for chapter in source.chapters():
        base = chapter["time_base"] or Fraction(1, 1000)
        first, last = chapter["start"] * base, chapter["end"] * base
        if window.cuts_away(first, last, trims=True):
            continue
        first = first if window.start is None else max(first, window.start)
        last = last if window.end is None else min(last, window.end)
        start, stop = (round((time - window.shift) / base) for time in (first, last))
        chapters.append({**chapter, "start": start, "end": stop, "time_base": base})
    if chapters:
        output.set_chapters(chapters)


def carried(stream: Stream, *, skipped: int = 0, rate: Fraction = Fraction(25)) -> dict[str, str]:
    """The tags of a stream that stay true when the stream is written anew.

    `skipped` frames at `rate` are cut away before it: a time code moves on by as many.
    """
    tags = {key: value for key, value in stream.metadata.items() if not key.lower().startswith(_STALE)}
    return tags | {key: later(tags[key], skipped, rate) for key in ("timecode", "TIMECODE") if key in tags}


def add_copy(output: OutputContainer, stream: Stream, *, whole: bool) -> Stream:
    """A stream like `stream` in the output. Of one that is not `whole`, the counts in its tags are left out."""
    target = _sound_from_avi(output, stream) or output.add_stream_from_template(stream, opaque=True)
    if isinstance(stream, AudioStream) and stream.codec_context:
        layout = layout_of(stream.codec_context)
        if is_unknown(layout) and layout.nb_channels in _USUAL_LAYOUTS:
            # AVI, Matroska and MXF do not say where the channels of PCM stand; MP4 must, or refuses the finished file
            cast(AudioStream, target).codec_context.layout = _USUAL_LAYOUTS[layout.nb_channels]
    false = ("encoder",) if whole else ("encoder", *_COUNTS)
    target.metadata.update({key: value for key, value in stream.metadata.items() if not key.lower().startswith(false)})
    name_track(output, target)
    target.disposition = stream.disposition
    return target


def _sound_from_avi(output: OutputContainer, stream: Stream) -> Stream | None:
    """From AVI to AVI: a stream described by an encoder that is given nothing, where a copied description is false.

    FFmpeg's demuxer says that a block of AC-3 or MP3 is a byte or two; written so, the sound's clock runs away.
    """
    context = stream.codec_context if isinstance(stream, AudioStream) else None
    if context is None or not output.format.name == stream.container.format.name == "avi":
        return None
    encoder = _DESCRIBED_BY.get(context.name)
    if encoder is None:
        return None
    target = cast(AudioStream, output.add_stream(encoder, rate=context.sample_rate))
    target.codec_context.layout = layout_of(context).name
    target.codec_context.bit_rate = context.bit_rate or 0
    return target


def name_track(output: OutputContainer, target: Stream) -> None:
    """Puts a stream's title and language, which are in its tags already, where MP4 and QuickTime have room for them."""
    tags = target.metadata
    if output.format.name in TRIMS and "title" in tags:
        tags.setdefault("handler_name", tags["title"])  # the only name that a track has there
    if output.format.name == "mov" and tags.get("language") in _MAC_LANGUAGES:
        tags["language"] = _MAC_LANGUAGES[tags["language"]]
