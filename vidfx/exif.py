"""Tags of picture files: a TIFF's own, and EXIF's Orientation in PNG and WebP, which OpenCV does not heed."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from vidfx.upright import OF_EXIF, UPRIGHT, Turn

_ORIENTATION = 0x0112


def turn_in(data: bytes) -> Turn:
    """The turn that the bytes of a PNG or WebP file ask for; upright where they are silent or damaged."""
    chunks = _png_chunks(data) if data[:4] == b"\x89PNG" else _webp_chunks(data) if data[8:12] == b"WEBP" else iter(())
    try:
        for name, content in chunks:
            if name in (b"eXIf", b"EXIF"):
                return OF_EXIF.get(tiff_tag(content.removeprefix(b"Exif\0\0"), _ORIENTATION, 1), UPRIGHT)
    except struct.error:
        pass
    return UPRIGHT


def tiff_tag(tiff: bytes, wanted: int, default: int) -> int:
    """A whole number of the first directory (TIFF 6.0, section 2). Raises struct.error for one that is cut short."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return default
    (begin,) = struct.unpack_from(order + "I", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, begin)
    for place in range(begin + 2, begin + 2 + 12 * count, 12):
        tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, place)
        if tag == wanted:
            return int(value)
    return default


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 8
    while place + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, place)
        yield name, data[place + 8 : place + 8 + size]
        place += 12 + size


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        yield name, data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
