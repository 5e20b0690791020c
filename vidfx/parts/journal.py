"""The work folder of a render, beside its output: what is done, under which settings, and who works in it.

.clip.ink.mp4.vidfx/
    lock                    held while a render works here, by the system: a process that dies does not keep it
    job.json                what the parts were made from
    film.json               size and date of the film that is about to take the output's name
    part-000000.vidfx ...   finished parts; a part that is not finished has another name
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from pydantic import ValidationError

from vidfx.disk import sync_folder, write_whole, writing
from vidfx.errors import CannotWrite, TryAgain
from vidfx.images import Pattern, is_pattern
from vidfx.notices import Notify
from vidfx.parts.lock import locked
from vidfx.parts.origin import Origin
from vidfx.parts.packets import PartFile, part_path, read_part, work_folder

_JOB, _LOCK, _FILM = "job.json", "lock", "film.json"
_TRIES = 100
Counts = Callable[[PartFile], bool]
"""Whether what a part stands for is still there."""


@dataclass(frozen=True, slots=True)
class Journal:
    """A work folder that is held."""

    folder: Path
    kept: tuple[PartFile, ...]
    """Parts of an earlier render, from the first on without a gap."""


@contextmanager
def opened(
    output: Path,
    origin: Origin | None,
    plan_id: str = "",
    *,
    resume: bool = True,
    notify: Notify,
    counts: Counts = lambda part: True,
) -> Iterator[Journal]:
    """Holds the output's work folder; takes it away when all went well, or when it holds nothing to go on from.

    An error that leaves parts behind gets a note that says so. Where it leaves pictures that no part holds yet, the
    folder stays too: it is what tells that they are ours.

    With `resume`, parts of the same origin are kept up to the first that no longer `counts`, and `notify` is told what
    became of others. Without an origin, parts are of no use to anybody else. Raises TryAgain where another render holds
    the folder, CannotWrite.
    """
    with held(output) as folder:
        try:
            with writing(folder):
                kept = _kept(folder, origin, plan_id, counts, resume=resume, notify=notify)
            yield Journal(folder, kept)
        except BaseException as error:
            if frames := frames_kept(output, origin, plan_id, counts):
                error.add_note(f"{frames} finished frames are kept: the same command goes on from there")
            elif origin is not None and is_pattern(output) and Pattern.of(output).there():
                error.add_note("the pictures painted so far stay: the same command paints them again")
            else:
                clear(folder)
            raise
        clear(folder)


@contextmanager
def held(output: Path) -> Iterator[Path]:
    """Holds the output's work folder for workers who paint its parts in any order, and leaves what they finish there.

    What others were writing there when they were killed is taken away.
    Raises TryAgain where another process holds it, CannotWrite.
    """
    folder = work_folder(output)
    with ExitStack() as stack:
        with writing(folder):
            if not stack.enter_context(_locked(folder)):
                raise TryAgain(
                    f"'{output.name}' is being rendered by another process",
                    hint="wait for it, or choose another name with -o",
                )
            for leftover in _unfinished(folder):
                with suppress(OSError):  # whose writer is just being ended
                    leftover.unlink()
        yield folder


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Makes the folder and holds it; False where another process does, or takes it away each time it is made."""
    for _ in range(_TRIES):
        with ExitStack() as stack:
            try:
                folder.mkdir(exist_ok=True)
                ours = stack.enter_context(locked(folder / _LOCK))
            except (FileNotFoundError, FileExistsError):
                if folder.parent.is_dir() and not folder.is_file():
                    continue  # whoever held it took it away in between
                raise
            yield ours
            return
    yield False


@contextmanager
def borrowed(output: Path) -> Iterator[Path]:
    """Holds the output's work folder to build a film in, and leaves parts that wait there for a render as they are.

    Raises TryAgain where another process holds it, CannotWrite.
    """
    with held(output) as folder:
        try:
            yield folder
        finally:
            if _is_empty(folder):
                clear(folder)


def tidy(output: Path, *, numbered: bool) -> None:
    """Takes the output's work folder away, which the caller holds, where nothing came of it."""
    folder = work_folder(output)
    painted = numbered and Pattern.of(output).there()  # beside them the folder tells that they are ours
    if not painted and _is_empty(folder):
        clear(folder)


def announce(folder: Path, film: Path) -> None:
    """Notes in a work folder which file is about to take the output's name. Raises OSError."""
    write_whole(folder / _FILM, json.dumps(_stamp(film)).encode())


def is_announced(output: Path) -> bool:
    """Whether what lies under the output's name came from its work folder: whoever was ended before the next step
    knows its own film again."""
    try:
        return bool(json.loads((work_folder(output) / _FILM).read_bytes()) == _stamp(output))
    except (OSError, ValueError):
        return False


def _stamp(film: Path) -> list[int]:
    """Of a file, which a rename keeps."""
    stat = film.stat()
    return [stat.st_size, stat.st_mtime_ns]


def forget(output: Path) -> None:
    """Takes away what workers left for an output that is there as it is wanted, unless some are at work; not what a
    render would go on from."""
    if work_folder(output).is_dir():
        with suppress(TryAgain, CannotWrite), held(output) as folder:
            if not (folder / _JOB).exists():
                clear(folder)


def _is_empty(folder: Path) -> bool:
    return not (folder / _JOB).exists() and not any(folder.glob("part-*.vidfx"))


def frames_kept(output: Path, origin: Origin | None, plan_id: str, counts: Counts) -> int:
    """How many finished frames wait in an output's work folder for a render of this origin and plan."""
    folder = work_folder(output)
    if origin is None or _origin(folder) != origin:
        return 0
    return sum(part.frames for part in takewhile(counts, _whole(folder, plan_id, verify=False)))


def _kept(
    folder: Path, origin: Origin | None, plan_id: str, counts: Counts, *, resume: bool, notify: Notify
) -> tuple[PartFile, ...]:
    before = _origin(folder)
    kept = tuple(takewhile(counts, _whole(folder, plan_id))) if resume and before and before == origin else ()
    if not kept:
        if resume and before is not None and part_path(folder, 0).exists():
            if before == origin:
                notify("the parts of the interrupted render are damaged, missing or of another length: it starts anew")
            else:
                what = "settings" if origin is None or before.settings != origin.settings else "source"
                notify(f"{what} changed since this render was interrupted: it starts anew")
        clear(folder, keep=(_LOCK,))
        if origin is not None:
            write_whole(folder / _JOB, origin.model_dump_json(indent=1).encode())
    for stray in {*folder.glob("part-*.vidfx")} - {part.path for part in kept}:
        stray.unlink()
    return kept


def _unfinished(folder: Path) -> list[Path]:
    """Files that were being written. A folder is not ours: file servers leave some."""
    return [path for path in folder.glob(".*") if not path.is_dir()]


def _whole(folder: Path, plan_id: str, *, verify: bool = True) -> Iterator[PartFile]:
    index = 0
    while (part := read_part(part_path(folder, index), verify=verify)) and part.plan_id == plan_id:
        yield part
        if part.ends:
            return
        index += 1


def _origin(folder: Path) -> Origin | None:
    try:
        return Origin.model_validate_json((folder / _JOB).read_bytes())
    except (OSError, ValidationError):
        return None


def clear(folder: Path, keep: tuple[str, ...] = ()) -> None:
    """Takes away what is ours in the folder, parts first, and the folder when nothing else is in it."""
    with suppress(OSError):
        for path in (
            *folder.glob("part-*.vidfx"),
            *_unfinished(folder),
            *(folder / name for name in (_JOB, _FILM, _LOCK)),
        ):
            if path.name not in keep:
                path.unlink(missing_ok=True)
        if not keep:
            folder.rmdir()
        sync_folder(folder.parent)
