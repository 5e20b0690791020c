"""Is a render the source in every way but the picture? Streams packet by packet, sync, and what its file says.

Frames and their times are compared while the clips are walked (`pairing`); this is the rest, read without decoding.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import av
from av.packet import Packet
from av.stream import Disposition, Stream

from vidfx import decode
from vidfx.frames import Clip, Colour

Kind = Literal["audio", "subtitle", "data", "attachment", "unknown"]
_COLOUR = ("matrix", "range", "primaries", "transfer")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCheck:
    """One stream of the source beside its like in the render: the first sound track beside the first, and so on."""

    kind: Kind
    codec: str
    packets: int
    """In the source."""
    render_codec: str | None
    """None where the render has no such stream."""
    render_packets: int
    same_bytes: bool
    """The packets of the render are packets of the source, in a row, byte for byte."""
    shift: float | None
    """Milliseconds by which it is later against the picture than in the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagCheck:
    """Something the file says of itself."""

    name: str
    source: str
    render: str

    @property
    def same(self) -> bool:
        return self.source == self.render


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """How a render's file compares with its source's."""

    streams: tuple[StreamCheck, ...] = ()
    tags: tuple[TagCheck, ...] = ()
    part: bool = False
    """Only a part of the source was rendered, so packets before and after it may be gone."""

    @property
    def sync(self) -> float | None:
        """Greatest shift of a sound or subtitle stream against the picture, in milliseconds; None without any."""
        shifts = [abs(one.shift) for one in self.streams if one.shift is not None]
        return max(shifts, default=None)


@dataclass(slots=True)
class _Packets:
    """One stream, read through."""

    codec: str
    digests: list[bytes] = field(default_factory=list)
    """Of each packet."""
    times: list[Fraction | None] = field(default_factory=list)
    """Seconds, of each packet."""
    whole: hashlib._Hash = field(default_factory=hashlib.md5)
    """Of all that it holds, for PCM, which containers cut up as they like."""

    def add(self, packet: Packet[Any]) -> None:
        data = bytes(packet)
        if self.codec == "aac" and data[:1] == b"\xff" and data[1] & 0xF6 == 0xF0:
            data = data[7 if data[1] & 1 else 9 :]  # ADTS, which only streams without a container's headers need
        self.digests.append(hashlib.md5(data).digest())
        if self.codec.startswith("pcm_"):
            self.whole.update(data)
        pts, base = packet.pts, packet.time_base
        self.times.append(None if pts is None or base is None else pts * base)

    def begins(self, other: _Packets, expected: Fraction | None) -> int | None:
        """Which of these packets is the other stream's first: of equal ones, as in silence, the nearest to a time."""
        equal = [n for n, digest in enumerate(self.digests) if digest == other.digests[0]] if other.digests else []
        if expected is None:
            return equal[0] if equal else None
        return min(equal, key=lambda n: abs((self.times[n] or Fraction(0)) - expected), default=None)


def compare_files(
    source: Clip, render: Clip, *, starts: tuple[Fraction, Fraction] | None = None, part: bool = False
) -> Fidelity:
    """Compares two clips' files; of image sequences and stills there is nothing to say but the size.

    `starts`: times of the two films' first frames that belong together. `part`: only a part of the source was rendered.
    """
    tags = [TagCheck(name="size", source=_size(source), render=_size(render))]
    if source.kind != "video" or render.kind != "video":
        return Fidelity(tags=tuple(tags), part=part)
    ours, theirs = _read(source), _read(render)
    cut = starts[0] if starts and part else None
    streams = [_check(key[0], found, theirs.get(key), starts, cut) for key, found in ours.items()]
    return Fidelity(streams=tuple(streams), tags=tuple(tags + _tags(source, render)), part=part)


def _read(clip: Clip) -> dict[tuple[Kind, int], _Packets]:
    """Every stream but pictures, by kind and number."""
    found: dict[tuple[Kind, int], _Packets] = {}
    by_index: dict[int, _Packets] = {}
    counts: dict[Kind, int] = defaultdict(int)
    with decode.opened(clip.path) as container:
        for stream in container.streams:
            if stream.type == "video":
                continue
            kind: Kind = stream.type
            found[kind, counts[kind]] = by_index[stream.index] = _Packets(_codec(stream))
            counts[kind] += 1
        with suppress(av.FFmpegError):  # a damaged tail: what was read counts, and a shorter count shows
            for packet in container.demux([container.streams[index] for index in by_index]) if by_index else ():
                if packet.size:
                    by_index[packet.stream_index].add(packet)
    return found


def _codec(stream: Stream) -> str:
    context = stream.codec_context
    return context.codec.canonical_name if context is not None else ""


def _check(
    kind: Kind,
    ours: _Packets,
    theirs: _Packets | None,
    starts: tuple[Fraction, Fraction] | None,
    cut: Fraction | None,
) -> StreamCheck:
    """`cut`: time in the source at which a render of a part begins."""
    shift, same = None, False
    if theirs is not None:
        began = theirs.times[0] if theirs.times else None
        expected = None if began is None or starts is None else began - starts[1] + starts[0]
        first = ours.begins(theirs, expected)
        same = theirs.digests == ([] if first is None else ours.digests[first : first + len(theirs.digests)])
        if not same and ours.codec.startswith("pcm_") and ours.whole.digest() == theirs.whole.digest():
            first, same = 0, True
        then = None if first is None else ours.times[first]
        if kind == "subtitle" and then is not None and cut is not None:
            then = max(then, cut)  # one that was on screen where the render begins, begins with it
        if expected is not None and then is not None:
            shift = float(expected - then) * 1000
    return StreamCheck(
        kind=kind,
        codec=ours.codec,
        packets=len(ours.digests),
        render_codec=None if theirs is None else theirs.codec,
        render_packets=0 if theirs is None else len(theirs.digests),
        same_bytes=same,
        shift=shift if kind in ("audio", "subtitle") else None,
    )


def _tags(source: Clip, render: Clip) -> list[TagCheck]:
    """What both containers say of colour, shape, languages and chapters."""
    pairs: list[tuple[str, Any, Any]] = [
        (f"colour {name}", getattr(source.colour, name), getattr(render.colour, name)) for name in _COLOUR
    ]
    pairs.append(("pixel aspect", source.sample_aspect_ratio, render.sample_aspect_ratio))
    said = [_said(clip) for clip in (source, render)]
    pairs += [(name, said[0].get(name, "none"), said[1].get(name, "none")) for name in said[0]]
    return [TagCheck(name=name, source=_word(name, a), render=_word(name, b)) for name, a, b in pairs]


def _said(clip: Clip) -> dict[str, Any]:
    with decode.opened(clip.path) as container:
        said: dict[str, Any] = {"chapters": len(container.chapters())}
        for kind in (container.streams.audio, container.streams.subtitles):
            for number, stream in enumerate(kind):
                language = stream.metadata.get("language", "und")
                if language != "und":  # MP4's way of saying nothing
                    said[f"language of {stream.type} {number}"] = language
        title = container.metadata.get("title")
        covers = sum(bool(s.disposition & Disposition.attached_pic) for s in container.streams.video)
        return said | ({"title": title} if title else {}) | ({"cover pictures": covers} if covers else {})


def _word(name: str, value: Any) -> str:
    if name in ("colour range", "colour matrix", "colour primaries", "colour transfer"):
        blank = getattr(Colour(), name.split()[1])
        return "not said" if value == blank else str(value)
    return str(value)


def _size(clip: Clip) -> str:
    return f"{clip.width}×{clip.height}"
