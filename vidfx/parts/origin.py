"""What parts were made from: the settings that change a pixel, and the source, each as a short digest."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from vidfx import __version__, images
from vidfx.errors import MissingInput
from vidfx.frames import Clip
from vidfx.machine import Runtime
from vidfx.settings import Job
from vidfx.source import open_clip

_PIECE, _PIECE_OF_MANY = 1 << 16, 1 << 14
_PIECES, _BYTES = 64, 1 << 26  # at most
_File = tuple[Path, int, int, int]
"""With its size, and when its content and what the system says of it last changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What tells a source from another, or from itself after a change, without reading all of it.

    Films are written once: a new edit has another size, and other bytes at its head or tail, where containers keep
    their tables (MP4's moov with the size and place of every packet, Matroska's cues); the pieces between catch the
    rest of what is likely. Pictures of a sequence are replaced one by one, so each is looked at. A change within a file
    is also seen by its date, which a copy for another host need not share, so that it counts where the file stays, in a
    render's own journal, and not on a farm.
    """

    size: int
    """Bytes, of all pictures of a sequence together."""
    dates: str
    """SHA-256, 16 hex digits: when each file last changed."""
    digest: str
    """The same: size, and 64 pieces of 64 KiB from head to tail; of a sequence, the names and sizes of all pictures,
    and from each of them 2 to 64 pieces of 16 KiB, 64 MiB together where so many suffice."""


class Origin(BaseModel):
    """What parts were made from; parts of another origin are of no use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    settings: str
    """Digest of everything that was asked for and changes a pixel or its encoding."""
    source: str
    """Digest of the source, the stream of it that is painted, and the matte."""
    dates: str
    """Digest of when the files of source and matte last changed."""


def fingerprint(clip: Clip) -> Fingerprint:
    """Of a film, a sequence or a still. Raises MissingInput."""
    paths = [clip.path]
    if clip.kind == "sequence":
        pattern = images.Pattern.of(clip.path)
        paths = [pattern.path(number) for number in pattern.numbers()]
    try:
        stats = [path.stat() for path in paths]
        content = _content_of(_told_apart(paths, stats))
    except OSError as error:
        raise MissingInput(
            f"'{error.filename}' cannot be read ({error.strerror})", hint="put it back, or make it readable"
        ) from error
    return Fingerprint(
        size=sum(stat.st_size for stat in stats),
        dates=digest([stat.st_mtime_ns for stat in stats]),
        digest=content,
    )


def content_of(paths: Sequence[Path]) -> str:
    """`Fingerprint.digest` of a file, or of the pictures of a sequence. Raises OSError.

    What this process has read already is not read again while no file has changed: each part of a film asks.
    """
    return _content_of(_told_apart(paths, [path.stat() for path in paths]))


def _told_apart(paths: Sequence[Path], stats: Sequence[os.stat_result]) -> tuple[_File, ...]:
    pairs = zip(paths, stats, strict=True)
    return tuple((path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for path, stat in pairs)


@lru_cache(maxsize=4)
def _content_of(files: tuple[_File, ...]) -> str:
    sha, many = hashlib.sha256(), len(files) > 1
    for path, size, *_ in files:
        sha.update(f"{size} {path.name if many else ''}\n".encode())
    piece = _PIECE_OF_MANY if many else _PIECE
    pieces = max(2, min(_PIECES, _BYTES // (piece * len(files))))
    for path, *_ in files:
        _sample(path, pieces, piece, sha)
    return sha.hexdigest()[:16]


def _sample(path: Path, pieces: int, size: int, sha: hashlib._Hash) -> None:
    with path.open("rb") as file:
        last = max(0, file.seek(0, 2) - size)
        for place in sorted({last * number // (pieces - 1) for number in range(pieces)}):
            file.seek(place)
            sha.update(file.read(size))


def settings_digest(job: Job, style_hash: str, runtime: Runtime) -> str:
    """Everything that was asked for and changes a pixel or its encoding.

    Runtime and precision are among it, since two of them differ by some steps. Not among it: device and threads,
    sound and other streams, and the output's name but for its suffix, which chooses the encoder.
    """
    encode = asdict(job.encode)
    del encode["audio"]
    look = asdict(job.look)
    look["matte"] = job.look.matte is not None
    if job.strict:  # parts that were painted in spite of damage are no parts of a strict render
        encode["strict"] = True
    ran_by = [runtime.name, runtime.precision]
    return digest(__version__, style_hash, ran_by, look, asdict(job.wanted), encode, job.output.suffix.lower())


def origin_of(
    job: Job, clip: Clip, style_hash: str, runtime: Runtime, source: Fingerprint, matte: Fingerprint | None
) -> Origin:
    """What the parts of a job are made from."""
    sources = [source, *([matte] if matte else [])]
    return Origin(
        settings=settings_digest(job, style_hash, runtime),
        source=digest(clip.stream_index, [one.digest for one in sources]),
        dates=digest([one.dates for one in sources]),
    )


def matte_fingerprint(job: Job) -> Fingerprint | None:
    """The matte's, where there is one. Raises MissingInput, and what opening it raises."""
    return fingerprint(open_clip(job.look.matte)) if job.look.matte else None


def film_id(origin: Origin, *, audio: bool) -> str:
    """`Plan.film_id`: the origin but for its date, and whether the film has the clip's sound."""
    return digest(origin.settings, origin.source, [] if audio else ["without sound"])


def plan_id(origin: Origin, cuts: int | list[int]) -> str:
    """`Plan.id`: the origin but for its date, and how many frames a part holds, or where each begins."""
    return digest(origin.settings, origin.source, cuts)


def digest(*values: Any) -> str:
    """16 hex digits over values that JSON can hold, fractions and paths as text."""
    return hashlib.sha256(json.dumps(values, default=str, sort_keys=True).encode()).hexdigest()[:16]
