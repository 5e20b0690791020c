"""What a folder of films remembers: which of them are finished, and how they were made."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from vidfx.disk import write_whole, writing
from vidfx.errors import TryAgain
from vidfx.images import Pattern
from vidfx.parts.lock import locked
from vidfx.parts.origin import content_of

NAME = ".vidfx-batch.json"
_TRIES, _WAIT = 200, 0.05


class Entry(BaseModel):
    """One finished film."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    film: str
    """`Plan.film_id`: everything that changes a pixel, the encoding, or whether there is sound."""
    numbered: bool = False
    """Whether it is numbered pictures."""
    stamp: tuple[int, int]
    """Bytes and time of change; of numbered pictures, of all together and the latest."""
    content: str
    """Digest of pieces of it, by which a copy with another date is known."""


class Entries(BaseModel):
    films: dict[str, Entry] = {}
    """By their names, as `_written` writes them."""


def _written(name: str) -> str:
    """A file's name as text, which JSON is: bytes that are none as `\\xe9`."""
    return os.fsencode(name).decode(errors="backslashreplace")


def remembered(output: Path, film_id: str) -> Entry | None:
    """What is remembered of this film, if it was made as `Plan.film_id` says.

    A record that cannot be read counts as empty: a film is then refused rather than lost.
    """
    entry = _read(output.parent).films.get(_written(output.name))
    return entry if entry and entry.film == film_id else None


def is_whole(output: Path, made: Entry) -> bool:
    """Whether a film is there as it was made."""
    stamp = _stamp(output, made.numbered)
    return stamp == made.stamp or (stamp[0] == made.stamp[0] and _content(output, made.numbered) == made.content)


def without_films(files: Iterable[Path]) -> Iterator[Path]:
    """Leaves out what the record beside a file names: a film of a batch, or one of its numbered pictures."""
    names: dict[Path, Callable[[str], bool]] = {}
    for path in files:
        if path.parent not in names:
            names[path.parent] = _names(path.parent)
        if not names[path.parent](path.name):
            yield path


def _names(folder: Path) -> Callable[[str], bool]:
    """Tells a folder's finished films from other files by their names."""
    films = _read(folder).films
    patterns = [Pattern.of(folder / name) for name, entry in films.items() if entry.numbered]

    def is_one(name: str) -> bool:
        return _written(name) in films or any(pattern.matches(_written(name)) for pattern in patterns)

    return is_one


def remember(output: Path, film_id: str, *, numbered: bool) -> None:
    """Remembers a film that has just been finished. Raises CannotWrite, TryAgain."""
    path = output.parent / NAME
    with writing(path), _alone(path.with_suffix(".lock")):
        entries = _read(output.parent)
        entries.films[_written(output.name)] = Entry(
            film=film_id, numbered=numbered, stamp=_stamp(output, numbered), content=_content(output, numbered)
        )
        write_whole(path, entries.model_dump_json(indent=1).encode())


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Another batch may write into the same folder: it has the record for a moment only."""
    for _ in range(_TRIES):
        with locked(lock) as ours:
            if ours:
                yield
                return
        time.sleep(_WAIT)
    raise TryAgain(f"'{lock}' is held by another process", hint="give the same command again")


def _read(folder: Path) -> Entries:
    try:
        return Entries.model_validate_json((folder / NAME).read_bytes())
    except (OSError, ValidationError):
        return Entries()


def is_there(output: Path, *, numbered: bool) -> bool:
    """Whether anything lies under the name of a film, or of numbered pictures."""
    return bool(Pattern.of(output).there()) if numbered else os.path.lexists(output)


def _stamp(output: Path, numbered: bool) -> tuple[int, int]:
    found = []
    for file in _files(output, numbered):
        with suppress(OSError):
            found.append(file.stat())
    return sum(one.st_size for one in found), max((one.st_mtime_ns for one in found), default=0)


def _content(output: Path, numbered: bool) -> str:
    with suppress(OSError):
        return content_of(_files(output, numbered))
    return ""


def _files(output: Path, numbered: bool) -> list[Path]:
    if not numbered:
        return [output]
    pattern = Pattern.of(output)  # with gaps as may be: every second frame leaves them
    return [pattern.path(number) for number in pattern.there()]
