"""HEVC of two layers: alpha (iPhones, Final Cut) or a second eye beside the picture (ITU-T H.265, annex F).

FFmpeg decodes the base layer where PyAV opens it, and of files from Apple's encoder, whose description of the second
layer it refuses, nothing at all (FFmpeg ticket 22384). So the base layer is handed to it alone, as if there were
no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

Second = Literal["", "alpha", "view"]
"""What the second layer is."""

_VPS = 32
_MASKS: dict[int, Second] = {1 << 12: "alpha", 1 << 14: "view"}
"""Of scalability_mask_flag[16], F.7.4.3.1.1: auxiliary pictures, multiview. x265 sets both bits for alpha."""


class BaseLayer:
    """A stream's headers and packets without what belongs to other layers, all with start codes."""

    def __init__(self, extradata: bytes) -> None:
        """`extradata` as FFmpeg has it: hvcC (ISO 14496-15, 8.3.3) or units with start codes."""
        described = len(extradata) > 22 and extradata[0] == 1
        self._prefix = extradata[21] % 4 + 1 if described else 0
        units = [*(_units_of_hvcc(extradata) if described else _between_start_codes(extradata))]
        self.second: Second = next(filter(None, (second_layer(unit) for unit in units if _kind(unit) == _VPS)), "")
        self.headers = _alone(units)

    def packet(self, data: bytes) -> bytes:
        """A packet's units of the base layer."""
        return _alone(self._prefixed(data) if self._prefix else _between_start_codes(data))

    def _prefixed(self, data: bytes) -> Iterator[bytes]:
        place = self._prefix
        while place < len(data):
            size = int.from_bytes(data[place - self._prefix : place], "big")
            yield data[place : place + size]
            place += size + self._prefix


def second_layer(vps: bytes) -> Second:
    """What the second layer that a video parameter set describes is; empty where there is none."""
    bits = _Bits(vps[2:].replace(b"\0\0\3", b"\0\0"))
    try:
        bits.skip(6)
        layers, sublayers = bits.take(6) + 1, bits.take(3) + 1
        bits.skip(17)
        if layers == 1:
            return ""
        _skip_levels(bits, sublayers, profile=True)
        for _ in range(sublayers if bits.take(1) else 1):
            for _ in range(3):
                bits.golomb()
        highest = bits.take(6)
        bits.skip(bits.golomb() * (highest + 1))
        if bits.take(1):  # timing
            bits.skip(64)
            if bits.take(1):
                bits.golomb()
            if bits.golomb():
                return ""  # buffering, which nobody writes there
        if not bits.take(1):
            return ""
        bits.align()
        _skip_levels(bits, sublayers, profile=False)
        bits.skip(1)
        mask = bits.take(16)
    except IndexError:
        return ""
    return next((kind for bit, kind in _MASKS.items() if mask & bit), "")


def _alone(units: Iterable[bytes]) -> bytes:
    """The units of the base layer; a video parameter set says one layer: six bits, and the rest is not read then."""
    out = b""
    for unit in units:
        if len(unit) > 4 and (unit[0] & 1) << 5 | unit[1] >> 3 == 0:
            first = bytes((unit[2] & 0xFC, unit[3] & 0x0F)) if _kind(unit) == _VPS else unit[2:4]
            out += b"\0\0\0\1" + unit[:2] + first + unit[4:]
    return out


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 63 if unit else -1


def _between_start_codes(data: bytes) -> Iterator[bytes]:
    for unit in data.split(b"\0\0\1")[1:]:
        yield unit.rstrip(b"\0")


def _units_of_hvcc(data: bytes) -> Iterator[bytes]:
    place = 23
    for _ in range(data[22]):
        count = int.from_bytes(data[place + 1 : place + 3], "big")
        place += 3
        for _ in range(count):
            size = int.from_bytes(data[place : place + 2], "big")
            yield data[place + 2 : place + 2 + size]
            place += 2 + size


def _skip_levels(bits: _Bits, sublayers: int, *, profile: bool) -> None:
    """profile_tier_level (7.3.3)."""
    bits.skip(88 * profile + 8)
    present = [(bits.take(1), bits.take(1)) for _ in range(sublayers - 1)]
    bits.skip(2 * (9 - sublayers) if sublayers > 1 else 0)
    for has_profile, has_level in present:
        bits.skip(88 * has_profile + 8 * has_level)


class _Bits:
    """Reads bits; IndexError where there are no more."""

    def __init__(self, data: bytes) -> None:
        self._bits = "".join(f"{byte:08b}" for byte in data)
        self._place = 0

    def take(self, count: int) -> int:
        self.skip(count)
        return int(self._bits[self._place - count : self._place], 2)

    def skip(self, count: int) -> None:
        self._place += count
        if self._place > len(self._bits):
            raise IndexError

    def golomb(self) -> int:
        zeros = 0
        while self.take(1) == 0:
            zeros += 1
        return (1 << zeros | (self.take(zeros) if zeros else 0)) - 1

    def align(self) -> None:
        self._place += -self._place % 8
