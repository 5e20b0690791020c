"""Whether a Matroska or WebM file has all the bytes that it was written with."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_SEGMENT = 0x18538067
"""The element that holds all but the file's header (RFC 9559, 5.1)."""


def is_whole(path: Path) -> bool:
    """False where the file ends before its segment does, as a copy or recording that broke off.

    True where the segment does not say how long it is: what was streamed ends where it ends.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        while file.tell() < size:
            element, length = _number(file, marked=True), _number(file, marked=False)
            if element is None or length is None:
                return True
            if element == _SEGMENT:
                return file.tell() + length <= size
            file.seek(length, 1)
    return True


def _number(file: BinaryIO, *, marked: bool) -> int | None:
    """A number of variable length (RFC 8794, 4), with its mark or without; None where it is unknown or not there."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    count = 9 - first[0].bit_length()
    rest = file.read(count - 1)
    value = int.from_bytes(first + rest, "big")
    mark = 1 << (7 * count)
    if marked:
        return value
    return None if value == 2 * mark - 1 else value - mark
