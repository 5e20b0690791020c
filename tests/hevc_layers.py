"""HEVC of two layers by hand, since no encoder at hand writes any: pictures by libx265, and their alpha beside them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from clips import picture

SIZE = (96, 64)
_VPS, _SPS, _PPS = 32, 33, 34
_X265 = "log-level=error:bframes=0:keyint=12:info=0:crf=4"


def two_layers(path: Path, *, frames: int = 12, second: str = "alpha", broken: bool = False) -> Path:
    """Writes a film whose second layer is alpha (`broken`: described as Apple's encoder does it) or another view."""
    shown = _encoded([VideoFrame.from_ndarray(picture(index), format="rgb24") for index in range(frames)])
    beside = _encoded([_alpha(index) for index in range(frames)])
    headers = {unit[0] >> 1: unit for unit in shown[0] if unit[0] >> 1 in (_VPS, _SPS, _PPS)}
    assert [headers[kind] for kind in (_SPS, _PPS)] == [unit for unit in beside[0] if unit[0] >> 1 in (_SPS, _PPS)]
    headers[_VPS] = _vps(headers[_VPS], second, broken)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=24, width=SIZE[0], height=SIZE[1])
        stream.options = {"x265-params": "log-level=error"}
        stream.codec_context.open()
        stream.codec_context.extradata = b"".join(b"\0\0\0\1" + unit for unit in headers.values())
        for index, (base, other) in enumerate(zip(shown, beside, strict=True)):
            units = [unit for unit in base if unit[0] >> 1 < _VPS]
            units += [bytes((unit[0], unit[1] | 1 << 3)) + unit[2:] for unit in other if unit[0] >> 1 < _VPS]
            packet: Packet[Stream] = Packet(b"".join(b"\0\0\0\1" + unit for unit in units))
            packet.pts = packet.dts = index
            packet.time_base, packet.duration = Fraction(1, 24), 1
            packet.is_keyframe, packet.stream = index % 12 == 0, stream
            container.mux_one(packet)
    return path


def _alpha(index: int) -> VideoFrame:
    frame = VideoFrame(*SIZE, "yuv420p")
    ramp = np.tile((np.arange(SIZE[0]) * 255 // (SIZE[0] - 1) + 4 * index) % 256, (SIZE[1], 1))
    for plane, values in zip(frame.planes, (ramp, 128, 128), strict=True):
        view = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)
        view[:, : plane.width] = values
    return frame


def _encoded(frames: list[VideoFrame]) -> list[list[bytes]]:
    """The units of each picture."""
    context = av.CodecContext.create("libx265", "w")
    context.width, context.height, context.pix_fmt = *SIZE, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 24), Fraction(24)
    context.options = {"preset": "ultrafast", "x265-params": _X265}
    packets = []
    for index, frame in enumerate(frames):
        frame = frame.reformat(format="yuv420p")
        frame.pts = index
        packets += context.encode(frame)
    packets += context.encode(None)
    return [[unit.rstrip(b"\0") for unit in bytes(packet).split(b"\0\0\1")[1:]] for packet in packets]


class _Bits:
    def __init__(self) -> None:
        self.bits = ""

    def u(self, *pairs: tuple[int, int]) -> None:
        """Values, each with its number of bits."""
        self.bits += "".join(f"{value:0{count}b}" for value, count in pairs)

    def ue(self, *values: int) -> None:
        """Exponential Golomb codes."""
        for value in values:
            code = f"{value + 1:b}"
            self.bits += "0" * (len(code) - 1) + code

    def unit(self) -> bytes:
        whole = self.bits + "1"
        whole += "0" * (-len(whole) % 8)
        out = bytearray()
        for byte in int(whole, 2).to_bytes(len(whole) // 8, "big"):
            if out[-2:] == b"\0\0" and byte <= 3:
                out.append(3)
            out.append(byte)
        return bytes(out)


def _vps(theirs: bytes, second: str, broken: bool) -> bytes:
    """A video parameter set of two layers with libx265's profile (ITU-T H.265, 7.3.2.1 and F.7.3.2.1.1)."""
    level = theirs.replace(b"\0\0\3", b"\0\0")[6:18]
    out = _Bits()
    out.u((0x4001, 16), (0, 4), (3, 2), (1, 6), (0, 3), (1, 1), (0xFFFF, 16), (int.from_bytes(level, "big"), 96))
    out.u((1, 1))
    out.ue(4, 2, 0)
    out.u((1, 6))
    out.ue(1)  # two sets of layers: the base, and both
    out.u((3, 2), (0, 1), (1, 1))
    out.bits += "1" * (-len(out.bits) % 8)
    # the extension: level, no splitting, what the second layer is (type 3, auxiliary, or 1, multiview), its number
    out.u((level[-1], 8), (0, 1), (1 << (12 if second == "alpha" else 14), 16), (0, 3), (0, 1), (1, 1), (0, 4))
    out.u((0, 1))  # it leans on no other layer
    out.ue(0)
    out.u((0, 3))
    out.ue(1, 0)
    out.u((0, 2), (1, 2))
    out.ue(3 if broken else 0)  # formats of pictures less one: FFmpeg 8 takes 0 alone
    out.u((SIZE[0], 16), (SIZE[1], 16), (1, 1), (1, 2), (0, 9), (0, 2), (1, 1), (0, 1))
    out.ue(4, 4, 2, 0, 0)
    out.u((0, 1))
    out.ue(0)
    out.u((0, 2))
    return out.unit()
