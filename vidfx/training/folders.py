"""The folders of a run: what is refused before anything slow begins, and one run at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vidfx.disk import write_whole, writing
from vidfx.errors import CannotWrite, TryAgain
from vidfx.parts.lock import locked
from vidfx.styles.library import MODEL_FILE

RECIPE_FILE, PREVIEW_FILE = "recipe.toml", "preview.jpg"
_LOCK = ".lock"
_EXPORTING = "exporting"


def check_folder(folder: Path, option: str) -> None:
    """Raises CannotWrite where a file stands in the way of a folder that is made later."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise CannotWrite(f"'{there}' is a file and no folder", hint=f"give another folder to {option}")


def check_export(folder: Path, recipe: Path, *, overwrite: bool) -> None:
    """Raises CannotWrite where an export would overwrite a file unasked; the recipe itself may lie there."""
    check_folder(folder, "--export")
    for path in (folder / name for name in (MODEL_FILE, RECIPE_FILE, PREVIEW_FILE)):
        if path.exists() and not overwrite and not (path.name == RECIPE_FILE and path.samefile(recipe)):
            raise CannotWrite(f"'{path}' exists already", hint="give -y to overwrite it, or another folder to --export")


@contextmanager
def exporting(out: Path, folder: Path) -> Iterator[None]:
    """Leaves a mark in a run's folder while it exports: killed there, the same command may overwrite its own files."""
    mark = out / _EXPORTING
    with writing(mark):
        write_whole(mark, str(folder.resolve()).encode())
    yield
    mark.unlink(missing_ok=True)


def is_left_off(out: Path, folder: Path) -> bool:
    """Whether a run was ended while it exported to this folder."""
    mark = out / _EXPORTING
    return mark.is_file() and mark.read_bytes() == str(folder.resolve()).encode()


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Makes the folder of a run and holds it. Raises TryAgain where another process holds it, CannotWrite."""
    with ExitStack() as stack:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if not stack.enter_context(locked(folder / _LOCK)):
                raise TryAgain(f"another run trains in '{folder}'", hint="wait for it, or give another --out")
        yield
