"""Writes H.264 whose every picture is two fields of its own (PAFF), which no encoder at hand makes.

Uncompressed macroblocks (I_PCM), after ITU-T H.264, clauses 7.3 and 7.4; 64 × 64, 25 frames a second.
"""

from __future__ import annotations

from pathlib import Path

_WIDTH, _FIELD_HEIGHT = 4, 2  # in macroblocks; one of a field is two of a frame high
_PERIOD = 12  # frames from one IDR picture to the next


class _Bits:
    def __init__(self) -> None:
        self._bits: list[int] = []

    def u(self, *fields: tuple[int, int]) -> None:
        """Fixed lengths: (how many bits, value)."""
        for count, value in fields:
            self._bits += [value >> place & 1 for place in range(count - 1, -1, -1)]

    def ue(self, *values: int) -> None:
        """Exponential Golomb codes."""
        for value in values:
            length = (value + 1).bit_length()
            self.u((2 * length - 1, value + 1))

    def align(self) -> None:
        self._bits += [0] * (-len(self._bits) % 8)

    def unit(self, header: int) -> bytes:
        """As a NAL unit, with its emulation prevention bytes."""
        self._bits.append(1)
        self.align()
        payload = bytes(int("".join(map(str, self._bits[n : n + 8])), 2) for n in range(0, len(self._bits), 8))
        out, zeros = bytearray(), 0
        for byte in payload:
            if zeros >= 2 and byte <= 3:
                out.append(3)
                zeros = 0
            out.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return b"\0\0\0\1" + bytes([header]) + bytes(out)


def _sequence() -> bytes:
    bits = _Bits()
    bits.u((8, 77), (8, 0), (8, 30))  # main profile, level 3
    bits.ue(0, 0, 2, 1)
    bits.u((1, 0))
    bits.ue(_WIDTH - 1, _FIELD_HEIGHT - 1)
    bits.u((1, 0), (1, 0), (1, 1), (1, 0), (1, 1))  # fields are allowed; usability information follows
    bits.u((4, 0), (1, 1), (32, 1), (32, 50), (1, 1), (3, 0), (1, 1), (1, 1))  # 50 fields a second
    bits.ue(0, 0, 10, 10, 0, 1)
    return bits.unit(0x67)


def _picture_parameters() -> bytes:
    bits = _Bits()
    bits.ue(0, 0)
    bits.u((2, 0))
    bits.ue(0, 0, 0)
    bits.u((3, 0))
    bits.ue(0, 0, 0)
    bits.u((3, 0b100))
    return bits.unit(0x68)


def _field(number: int, *, bottom: bool) -> bytes:
    place = number % _PERIOD
    key = place == 0 and not bottom
    bits = _Bits()
    bits.ue(0, 7, 0)
    bits.u((4, place), (1, 1), (1, bottom))
    if key:
        bits.ue(number // _PERIOD % 2)
    bits.u((2 if key else 1, 0))
    bits.ue(0, 1)
    for block in range(_WIDTH * _FIELD_HEIGHT):
        bits.ue(25)
        bits.align()
        luma = 40 + number * 5 % 180 + 8 * bottom + block
        bits.u(*((8, luma),) * 256, *((8, 100),) * 64, *((8, 150),) * 64)
    return bits.unit(0x65 if key else 0x61)


def write_field_pictures(path: Path, frames: int) -> Path:
    """A raw H.264 stream; each frame is a little brighter than the one before."""
    with path.open("wb") as file:
        for number in range(frames):
            file.write(b"\0\0\0\1\x09\xf0")  # a new picture begins
            if number % _PERIOD == 0:
                file.write(_sequence() + _picture_parameters())
            file.write(_field(number, bottom=False) + _field(number, bottom=True))
    return path
