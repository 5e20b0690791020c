"""Files that are there whole or not at all, and what is said where they cannot be."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import av

from vidfx.errors import CannotWrite, TryAgain, VidfxError

_IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR)
_WAYS_OUT = {
    **dict.fromkeys((errno.EACCES, errno.EPERM), "open the folder and the file to writing, or choose another place"),
    **dict.fromkeys(_IN_THE_WAY, "a file stands for a folder, or a folder for a file: move it, or choose another name"),
    errno.ENOENT: "make its folder again, or choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    **dict.fromkeys(
        (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP),
        "the file system offers no locks: choose a folder on another one",
    ),
}
"""What to do about what the system says."""
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG, errno.EACCES)
"""What is no fault of the film that is written."""
_FORMATS = "another format may take it: of films, .mkv holds almost anything"


def for_ffmpeg(path: Path | str) -> str:
    """The path as FFmpeg takes it for a file: of "10:30.mp4" it would take "10" for a protocol, like "http"."""
    return str(Path(path).absolute()) if ":" in str(path) else str(path)


def unfinished(path: Path) -> Path:
    """A name beside `path` for a file in the making, like no other's: on a farm every host may count its processes
    from 1."""
    return path.with_name(f".{path.name}.{uuid4().hex}.tmp")


def put_in_place(temporary: Path, path: Path) -> None:
    """Moves a finished file to its name so that a power cut leaves the old file or the new one: fsync, rename, fsync.

    Both must lie on one file system. Raises OSError; on Windows also where another program holds `path` open.
    """
    with temporary.open("r+b") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes renames and removals in a folder last through a power cut."""
    with suppress(OSError):  # not every system lets a folder be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_whole(path: Path, data: bytes) -> None:
    """Writes a small file under its name, whole or not at all. Raises OSError."""
    temporary = unfinished(path)
    try:
        temporary.write_bytes(data)
        put_in_place(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def writing_error(path: Path, error: BaseException) -> CannotWrite | TryAgain:
    """Our error for what the system says while `path` is written."""
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM):
        what = "memory ran out" if number == errno.ENOMEM else "the disk is full"
        return TryAgain(f"{what} while writing '{path}'", hint="free some space and run the same command again")
    if isinstance(error, OSError):
        hint = _WAYS_OUT.get(number or 0, "choose another place to write to")
        return CannotWrite(f"'{path}' cannot be written ({error.strerror})", hint=hint)
    return CannotWrite(f"'{path}' cannot be written ({error})", hint=_FORMATS)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what av and the system raise inside, while `path` is written, into our errors."""
    try:
        yield
    except VidfxError:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise writing_error(path, error) from error
