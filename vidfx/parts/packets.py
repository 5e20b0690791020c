"""The part file: encoded pictures of one run of frames, exact times, and what is needed to join it to others.

    magic | the packets' bytes | their stamps | JSON: what the part says of itself | CRC-32, lengths | magic

What an encoder sets beside a packet (VP9's alpha is a picture of its own there) follows the packet's bytes.

It appears under its name when it is whole, after fsync, by one rename; the checksum over all of it tells a file that
was cut short or changed on its way through a shared folder or an object store. No film container does as well here:
MP4 shifts what has B-frames by an edit list, Matroska rounds to a millisecond, NUT has no time below 0.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from av.packet import Packet, PacketSideData, packet_sidedata_type_from_literal
from av.stream import Stream
from pydantic import TypeAdapter, ValidationError

from vidfx.disk import put_in_place, unfinished
from vidfx.errors import UnreadableInput, VidfxError

if TYPE_CHECKING:
    from av.packet import PktSideDataT

_MAGIC = b"vidfx part 2\n"
_STAMP = struct.Struct(">qqII?")
_BESIDE = struct.Struct(">BI")  # bytes of the kind's name, bytes of data
_TAIL = struct.Struct(f">III{len(_MAGIC)}s")  # CRC-32 of all before it, bytes of stamps, bytes of JSON, magic
_CHUNK = 1 << 20
_PARAMETER_SETS = {"libx264": (7, 8), "h264_nvenc": (7, 8), "libx265": (32, 33, 34), "hevc_nvenc": (32, 33, 34)}
"""NAL unit types that decide how pictures are decoded."""


class Stamp(NamedTuple):
    """What a container must know of a packet; times in the part's time base."""

    pts: int
    duration: int
    """0 is unknown."""
    size: int
    """Bytes."""
    beside: int
    """Bytes of side data after it."""
    is_keyframe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFile:
    """A finished part, as its file says of itself."""

    path: Path
    plan_id: str
    """Of the plan it belongs to."""
    index: int
    """0 for the film's first part."""
    first: int
    """Number in the clip of its first frame."""
    last: int
    """Number in the clip of its last frame."""
    last_pts: int
    """Of its last frame, in the source's time base."""
    frames: int
    ends: bool
    """True where the film ends with this part."""
    start: Fraction
    """Time in seconds of the film's first frame, on the source's time line."""
    end: Fraction
    """Time in seconds at which this part's last frame ends, on the source's time line."""
    ran_on: str
    """Device, runtime, precision, batch and tiles."""
    seconds: float
    """Wall time that painting took, warm-up included."""
    codec: str = ""
    """The encoder; empty where it `is_pictures`."""
    pix_fmt: str = ""
    headers: str = ""
    """Digest of the encoder's headers: parts with different ones cannot be joined."""
    time_base: Fraction = Fraction(1)
    """Of the packets' stamps."""

    @property
    def is_pictures(self) -> bool:
        """Whether the part is a receipt for pictures that lie under their own names."""
        return not self.codec

    def stamps(self) -> list[Stamp]:
        """One for each packet, in the order of decoding; none for pictures. Raises UnreadableInput."""
        with self._reading() as file:
            places = _places(file)
            if places is None:
                raise UnreadableInput(f"'{self.path}' has been cut short", hint="render that part again")
            file.seek(places.stamps)
            return [Stamp(*fields) for fields in _STAMP.iter_unpack(file.read(places.said - places.stamps))]

    def packets(self) -> Iterator[Packet[Stream]]:
        """The encoded pictures in the order of decoding, with their side data, pts and duration, without dts.

        Raises UnreadableInput.
        """
        stamps = self.stamps()
        with self._reading() as file:
            file.seek(len(_MAGIC))
            for stamp in stamps:
                packet: Packet[Stream] = Packet(file.read(stamp.size))
                packet.pts, packet.duration, packet.time_base = stamp.pts, stamp.duration, self.time_base
                packet.is_keyframe = stamp.is_keyframe
                _set_beside(packet, file.read(stamp.beside))
                yield packet

    @contextmanager
    def _reading(self) -> Iterator[BinaryIO]:
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise UnreadableInput(
                f"'{self.path}' cannot be read ({error.strerror})", hint="render that part again"
            ) from error
        with file:
            yield file


_SAID: TypeAdapter[PartFile] = TypeAdapter(PartFile)


def work_folder(output: Path) -> Path:
    """`.clip.ink.mp4.vidfx` beside `clip.ink.mp4`: where its parts are made."""
    return output.with_name(f".{output.name}.vidfx")


def part_path(folder: Path, index: int) -> Path:
    """Where part `index` lies in a work folder: `part-000012.vidfx`."""
    return folder / f"part-{index:06}.vidfx"


def read_part(path: Path, *, verify: bool = True) -> PartFile | None:
    """What a part file says of itself; None where there is none or it is not whole.

    `verify` reads all of it and compares the checksum; else it is enough that the file has an end.
    """
    try:
        with path.open("rb") as file:
            places = _places(file)
            if places is None or (verify and _checksum(file, places.tail) != places.checksum):
                return None
            file.seek(places.said)
            return replace(_SAID.validate_json(file.read(places.tail - places.said)), path=path)
    except (OSError, ValidationError):
        return None


class _Places(NamedTuple):
    """Where the sections of a part file begin."""

    stamps: int
    said: int
    tail: int
    checksum: int


def _places(file: BinaryIO) -> _Places | None:
    tail = file.seek(0, os.SEEK_END) - _TAIL.size
    if tail < len(_MAGIC):
        return None
    file.seek(tail)
    checksum, stamps, said, magic = _TAIL.unpack(file.read(_TAIL.size))
    begin = tail - said - stamps
    return _Places(begin, tail - said, tail, checksum) if magic == _MAGIC and begin >= len(_MAGIC) else None


def _checksum(file: BinaryIO, size: int) -> int:
    file.seek(0)
    crc = 0
    while size > 0 and (chunk := file.read(min(size, _CHUNK))):
        crc = zlib.crc32(chunk, crc)
        size -= len(chunk)
    return crc


class PartWriter:
    """A part file in the making, under another name until it is whole."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, as all of it does."""
        self._path = path
        self._temporary = unfinished(path)
        self._file = self._temporary.open("wb")
        self._stamps = bytearray()
        self._crc = 0
        try:
            self._write(_MAGIC)
        except OSError:
            self.abandon()
            raise

    def add(self, packet: Packet[Stream]) -> None:
        """One packet, as the encoder gave it."""
        assert packet.pts is not None
        if not self._stamps and not packet.is_keyframe:
            raise VidfxError("the encoder began a part without a keyframe", hint="choose another -c:v")
        beside = _beside(packet)
        self._stamps += _STAMP.pack(packet.pts, packet.duration or 0, packet.size, len(beside), packet.is_keyframe)
        self._write(bytes(packet))
        self._write(beside)

    def finish(self, part: PartFile) -> PartFile:
        """Closes the file and moves it to its name; gives back `part` with its path."""
        said = _SAID.dump_json(replace(part, path=Path()))  # who reads it knows where; JSON cannot hold every name
        self._write(self._stamps)
        self._write(said)
        self._file.write(_TAIL.pack(self._crc, len(self._stamps), len(said), _MAGIC))
        self._file.close()
        put_in_place(self._temporary, self._path)
        return replace(part, path=self._path)

    def abandon(self) -> None:
        """Leaves nothing behind. May be called at any time."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def _write(self, data: bytes | bytearray) -> None:
        self._crc = zlib.crc32(data, self._crc)
        self._file.write(data)


def _beside(packet: Packet[Stream]) -> bytes:
    """A packet's side data, one kind after the other, but for the encoder's notes on quality."""
    out = b""
    for data in packet.iter_sidedata():
        name = data.data_type.encode()
        if name != b"quality_stats":
            out += _BESIDE.pack(len(name), data.data_size) + name + bytes(data)
    return out


def _set_beside(packet: Packet[Stream], beside: bytes) -> None:
    """Gives a packet what `_beside` took from it."""
    place = 0
    while place < len(beside):
        name_size, size = _BESIDE.unpack_from(beside, place)
        begin = place + _BESIDE.size + name_size
        name = beside[place + _BESIDE.size : begin].decode()
        kind = packet_sidedata_type_from_literal(cast("PktSideDataT", name))
        data = PacketSideData(kind, size)  # type: ignore[call-arg]  # the stub knows no constructor
        data.update(beside[begin : begin + size])
        packet.set_sidedata(data, move=True)
        place = begin + size


def headers(codec: str, extradata: bytes | None) -> str:
    """What of an encoder's extradata decides how pictures are decoded, as a digest; empty where there is none.

    H.264 and H.265 encoders also describe themselves there, threads and all (SEI), which differs without harm.
    """
    data = extradata or b""
    kinds = _PARAMETER_SETS.get(codec)
    if kinds and data.startswith((b"\0\0\1", b"\0\0\0\1")):
        hevc = kinds[0] == 32
        units = [unit.rstrip(b"\0") for unit in data.split(b"\0\0\1")]
        units = [unit for unit in units if unit and (unit[0] >> 1 & 63 if hevc else unit[0] & 31) in kinds]
        data = b"\0\0\1".join(units)
    return hashlib.sha256(data).hexdigest()[:16] if data else ""
