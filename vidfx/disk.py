"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def for_ffmpeg(path: Path | str) -> str:
    """The path as FFmpeg takes it for a file: of "10:30.mp4" it would take "10" for a protocol, like "http"."""
    return str(Path(path).absolute()) if ":" in str(path) else str(path)


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
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        put_in_place(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
