"""What ffprobe says of a source and of what vidfx made of it, side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from fftools import ffmpeg, probe

TICK = Fraction(1, 1000)
"""What Matroska rounds times to, in seconds."""
_COLOURS = ("color_space", "color_range", "color_primaries", "color_transfer")
_OUR_TAGS = {"encoder", "major_brand", "minor_version", "compatible_brands", "duration", "vidfx", "timecode"}


@dataclass(frozen=True)
class Stream:
    """One stream as ffprobe sees it."""

    index: int
    kind: str
    codec: str
    says: dict[str, Any]
    packets: list[tuple[Fraction | None, str]] = field(repr=False)
    """(time in seconds, hash of the bytes) of each."""

    @property
    def tags(self) -> dict[str, str]:
        """Tags that mean something to people."""
        tags = self.says.get("tags", {})
        return {key: tags[key] for key in ("language", "title", "filename", "mimetype") if key in tags}

    @property
    def cover(self) -> bool:
        """A picture that is no film."""
        return bool(self.says.get("disposition", {}).get("attached_pic"))


@dataclass(frozen=True)
class Seen:
    """A file as ffprobe sees it."""

    path: Path
    streams: list[Stream]
    tags: dict[str, str]
    chapters: list[tuple[Fraction, Fraction, str]]
    film: int
    """Index of the film's stream."""
    frames: list[Fraction]
    """When each picture of the film is shown, in seconds."""

    @property
    def picture(self) -> dict[str, Any]:
        """What ffprobe says of the film's stream."""
        return next(stream.says for stream in self.streams if stream.index == self.film)

    @property
    def alpha(self) -> bool:
        """Whether the film says that it has alpha."""
        pix_fmt, tags = self.picture.get("pix_fmt", ""), self.picture.get("tags", {})
        return tags.get("alpha_mode") == "1" or pix_fmt.startswith(
            ("yuva", "gbra", "rgba", "bgra", "argb", "abgr", "ya")
        )

    @property
    def others(self) -> list[Stream]:
        """Every stream but the film."""
        return [stream for stream in self.streams if stream.index != self.film]

    @property
    def rotation(self) -> int:
        """Degrees by which a player turns the picture."""
        return next((int(data["rotation"]) for data in self.picture.get("side_data_list", []) if "rotation" in data), 0)

    @property
    def colours(self) -> tuple[str | None, ...]:
        """Matrix, range, primaries, transfer."""
        return tuple(self.picture.get(key) for key in _COLOURS)

    @property
    def start(self) -> Fraction:
        """When the first picture is shown."""
        return self.frames[0]


def see(path: Path, film: int | None = None) -> Seen:
    """Asks ffprobe everything; `film` is the film's stream, else the default video stream that is no cover."""
    entries = ["format_tags", "stream", "stream_tags", "stream_disposition", "stream_side_data"]
    entries += ["chapter", "chapter_tags", "packet=stream_index,pts,data_hash,size"]
    answer = probe(path, *entries, damaged=True)
    packets: dict[int, list[tuple[Fraction | None, str]]] = {}
    streams = {int(says["index"]): says for says in answer.get("streams", [])}
    for packet in answer.get("packets", []):
        base = Fraction(streams[packet["stream_index"]]["time_base"])
        time = packet["pts"] * base if "pts" in packet else None
        packets.setdefault(packet["stream_index"], []).append((time, packet.get("data_hash", "")))
    found = [
        Stream(index, says.get("codec_type", "data"), says.get("codec_name", "unknown"), says, packets.get(index, []))
        for index, says in streams.items()
    ]
    films = [stream for stream in found if stream.kind == "video" and not stream.cover]
    if film is None and films:
        film = next((stream for stream in films if stream.says["disposition"]["default"]), films[0]).index
    frames: list[Fraction] = []
    if film is not None:
        shown = probe(path, "frame=best_effort_timestamp", streams=str(film), damaged=True)
        base = Fraction(streams[film]["time_base"])
        stamps = [frame.get("best_effort_timestamp") for frame in shown.get("frames", [])]
        if None in stamps or (any(b - a > 10 / base for a, b in pairwise(stamps)) and path.suffix == ".ts"):
            # ffprobe has no time for each, or shows the clock's jumps, which players take out
            frames = played(path, film, next((stamp * base for stamp in stamps if stamp is not None), None))
        else:
            frames = [stamp * base for stamp in stamps]
    chapters = [
        (Fraction(c["start_time"]), Fraction(c["end_time"]), c.get("tags", {}).get("title", ""))
        for c in answer.get("chapters", [])
    ]
    tags = {k.lower(): v for k, v in answer.get("format", {}).get("tags", {}).items() if k.lower() not in _OUR_TAGS}
    return Seen(path, found, tags, chapters, -1 if film is None else film, frames)


def played(path: Path, stream: int, start: Fraction | None) -> list[Fraction]:
    """When ffmpeg's command shows each picture; the first at `start`, None for where ffmpeg puts it."""
    form = ("-f", "framecrc", "-fps_mode", "passthrough", "-enc_time_base", "-1")
    lines = ffmpeg("-i", path, "-map", f"0:{stream}", *form, "-").decode().splitlines()
    base = Fraction(next(line.split()[-1] for line in lines if line.startswith("#tb")))
    times = [int(line.split(",")[2]) * base for line in lines if not line.startswith("#")]
    shift = Fraction(0) if start is None else start - times[0]
    return [time + shift for time in times]


def worst(source: Seen, output: Seen, *, shift: Fraction = Fraction(0)) -> Fraction | None:
    """The greatest difference in seconds between two films' frames; None where their numbers differ."""
    if len(source.frames) != len(output.frames):
        return None
    pairs = zip(source.frames, output.frames, strict=True)
    return max((abs(ours - (theirs - shift)) for theirs, ours in pairs), default=Fraction(0))
