"""What must travel with a part: nothing where hosts share the folder, else source, style and matte, and the part back.

A file travels in pieces, each an object of the store, so that none is too large for it; a host keeps what arrived for
the other parts of the film that it will be given.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from vidfx.disk import unfinished, write_whole, writing
from vidfx.errors import CannotWrite, MissingInput
from vidfx.farm.folder import STYLE
from vidfx.farm.tasks import PaintPart
from vidfx.images import Pattern, is_pattern
from vidfx.parts.packets import part_path
from vidfx.settings import Job
from vidfx.styles.library import find_style

PIECE = 16 << 20
"""Bytes of one object."""
KEPT = 24 * 3600
"""Seconds for which a host keeps what arrived for a film that nobody asks for any more."""
Share = Literal["auto", "folder", "objects"]


@dataclass(frozen=True, slots=True)
class Freight:
    """What a film's parts need on a host; references are those of an object store."""

    plan: Any
    """Reference of the plan."""
    sign: Path | None
    """A file in the work folder: a host that sees it shares the folder. None where no folder is to be shared."""
    files: dict[str, list[Any]] | None
    """Name on the host to references of a file's pieces; None where nothing has been sent on its way."""


def load(task: PaintPart, share: Share, put: Callable[[Any], Any]) -> Freight:
    """Makes a film ready to travel; with `auto` and `folder` only a sign that hosts look for. Raises CannotWrite."""
    sign = None
    if share != "objects":
        sign = task.folder.absolute() / f".shared-{uuid4().hex}"
        with writing(sign):
            write_whole(sign, b"")
    job = task.job
    matte = job.look.matte and job.look.matte.absolute()
    style = str(find_style(job.style).path.absolute())
    job = replace(
        job,
        source=job.source.absolute(),
        output=job.output.absolute(),
        look=replace(job.look, matte=matte),
        style=style,
    )
    freight = Freight(put(replace(task.plan, job=job)), sign, None)
    return send(freight, job, put) if share == "objects" else freight


def send(freight: Freight, job: Job, put: Callable[[Any], Any]) -> Freight:
    """Puts source, style and matte on their way. Raises MissingInput."""
    names = {STYLE: find_style(job.style).path} | _named("source", job.source)
    if job.look.matte:
        names |= _named("matte", job.look.matte)
    try:
        return replace(freight, files={name: [put(piece) for piece in _pieces(path)] for name, path in names.items()})
    except OSError as error:
        raise MissingInput(
            f"'{error.filename}' cannot be read ({error.strerror})",
            hint="put it back or make it readable here, from where it is sent to the hosts",
        ) from error


def is_shared(freight: Freight, job: Job) -> bool:
    """On a host: whether it sees what the driver sees; a shipped style lies elsewhere in another environment."""
    matte = [job.look.matte] if job.look.matte else []
    sources = [path.parent if is_pattern(path) else path for path in (job.source, *matte)]
    return freight.sign is not None and all(path.exists() for path in (freight.sign, Path(job.style), *sources))


@contextmanager
def arrived(freight: Freight, task: PaintPart, get: Callable[[Any], Any]) -> Iterator[PaintPart]:
    """On a host that shares nothing: the task with the paths of a folder of its own, which is gone afterwards."""
    assert freight.files is not None
    home = _home() / task.plan.id
    home.mkdir(exist_ok=True)
    os.utime(home)
    for name, pieces in freight.files.items():
        _unpack(home / name, pieces, get)
    work = Path(tempfile.mkdtemp(prefix="part-", dir=home))
    try:
        job = task.job
        matte = job.look.matte and home / "matte" / job.look.matte.name
        job = replace(
            job,
            source=home / "source" / job.source.name,
            output=work / job.output.name,
            style=str(home / STYLE),
            look=replace(job.look, matte=matte),
        )
        yield replace(task, folder=work, plan=replace(task.plan, job=job))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def pack(task: PaintPart) -> dict[str, bytes]:
    """What a finished part is made of: its file, and pictures that lie under their own names."""
    return {path.name: path.read_bytes() for path in task.folder.iterdir() if not path.name.startswith(".")}


def unpack(files: dict[str, bytes], task: PaintPart) -> None:
    """Puts what came back where it belongs, the part's own file last. Raises CannotWrite, TryAgain."""
    part = part_path(task.folder, task.part)
    paths = {name: part if name == part.name else task.job.output.with_name(name) for name in files}
    for name in sorted(files, key=lambda name: paths[name] == part):
        with writing(paths[name]):
            write_whole(paths[name], files[name])


def _named(folder: str, path: Path) -> dict[str, Path]:
    """A file, or all pictures of a sequence, by their names on the host."""
    if not is_pattern(path):
        return {f"{folder}/{path.name}": path}
    pattern = Pattern.of(path)
    return {f"{folder}/{(picture := pattern.path(number)).name}": picture for number in pattern.numbers()}


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _unpack(path: Path, pieces: list[Any], get: Callable[[Any], Any]) -> None:
    """A file from its pieces, once for all parts that this host is given."""
    if path.exists():
        return
    path.parent.mkdir(exist_ok=True)
    temporary = unfinished(path)
    try:
        with temporary.open("wb") as file:
            for piece in pieces:
                file.write(get(piece))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _home() -> Path:
    """This user's own folder for what arrives, without what nobody has asked for in a day."""
    user = os.getuid() if hasattr(os, "getuid") else os.getlogin()
    home = Path(tempfile.gettempdir()) / f"vidfx-{user}"
    home.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and (home.stat().st_uid != os.getuid() or home.stat().st_mode & 0o077):
        raise CannotWrite(f"'{home}' is not this user's alone", hint="take it away: others could put films into it")
    for film in home.iterdir():
        with suppress(OSError):
            if film.stat().st_mtime < time.time() - KEPT:
                shutil.rmtree(film, ignore_errors=True)
    return home
