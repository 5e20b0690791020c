"""The planes of a stored picture: what a pixel format puts where, and how its numbers mean colours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from vidfx import colour, native

Plane = NDArray[Any]
Kind = Literal["yuv", "gbr", "grey"]

SCALE = int(Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND)
_GBR = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], np.float64)


@dataclass(frozen=True, slots=True)
class Layout:
    """A planar pixel format: what each plane holds."""

    name: str
    kind: Kind
    bits: int
    across: int
    """Luma columns to one of chroma."""
    down: int
    alpha: bool

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        return np.uint8 if self.bits == 8 else np.uint16

    @classmethod
    @cache
    def of(cls, name: str) -> Layout | None:
        """None for a format that is not planar, not of 8 to 16 bits, or not of this machine's byte order."""
        parts = av.VideoFormat(name, 64, 64).components
        planes = [part.plane for part in parts]
        bits = parts[0].bits
        whole = name.endswith("le") if bits > 8 else True
        kinds: dict[str, Kind] = {"yuv": "yuv", "gbr": "gbr", "gra": "grey"}
        kind = kinds.get(name[:3])
        if kind is None or not whole or not 8 <= bits <= 16 or "msb" in name or "f16" in name:
            return None
        if len(set(planes)) != len(planes):
            return None
        chroma = parts[1] if kind == "yuv" else parts[0]
        return cls(name, kind, bits, 64 // chroma.width, 64 // chroma.height, parts[-1].is_alpha)

    @property
    def ratio(self) -> tuple[int, int]:
        """Columns and rows of luma to one of chroma."""
        return self.across, self.down

    @property
    def in_one_pass(self) -> bool:
        """Whether `vidfx.native` is there and makes RGB of it, and it of RGB."""
        return native.AVAILABLE and self.kind == "yuv" and max(self.ratio) <= 2

    def to_codes(self, matrix: int, *, full: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """3 × 3 and 3: how RGB in 0..1 becomes this layout's codes."""
        factor, offset = colour.scales(self.bits, full=full)
        if self.kind != "yuv":
            mix = _GBR if self.kind == "gbr" else np.tile(colour.rgb_to_yuv(6)[0], (3, 1))
            return mix * factor[0], np.repeat(offset[0], 3)
        return colour.rgb_to_yuv(matrix) * factor[:, None], offset


class Scratch:
    """Arrays that are used again for every frame: fresh ones of this size cost more than the arithmetic on them."""

    def __init__(self) -> None:
        self._arrays: dict[str, Plane] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any) -> Plane:
        array = self._arrays.get(name)
        if array is None or array.shape != shape or array.dtype != dtype:
            array = self._arrays[name] = np.empty(shape, dtype)
        return array


def scaled(plane: Plane, factor: float) -> Plane:
    return np.asarray(cv2.addWeighted(plane, factor, plane, 0, 0)) if factor != 1 else plane


def planes_of(frame: VideoFrame, layout: Layout) -> list[Plane]:
    """Views of the planes' visible parts."""
    size = np.dtype(layout.dtype).itemsize
    return [
        np.frombuffer(cast(Any, plane), layout.dtype).reshape(-1, plane.line_size // size)[
            : plane.height, : plane.width
        ]
        for plane in frame.planes
    ]


def reduced(plane: Any, shrink: tuple[int, int]) -> Plane:
    """A picture of luma's size at that of chroma: means of blocks."""
    height, width = plane.shape[:2]
    across, down = -(-width // shrink[0]), -(-height // shrink[1])
    below, right = down * shrink[1] - height, across * shrink[0] - width
    if below or right:
        plane = cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(plane, (across, down), interpolation=cv2.INTER_AREA))
