"""The loops over pixels that no library has in one pass, compiled where vidfx was installed if there was a C compiler.

Where `AVAILABLE` is False, those who call them do the same by OpenCV, in as many passes as it takes: the pictures are
the same but for rounding, and smoothing takes 1.7 times as long, a film's way to RGB and back three times. Each
function says in which module its formula stands.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidfx.frames import Field, Map, Picture
from vidfx.native.build import NAME, digest


class _Picture(ctypes.Structure):
    _fields_ = (
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("bytes", ctypes.c_int32),
        ("past", ctypes.c_void_p),
        ("painted", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("weight", ctypes.c_void_p),
        ("shown", ctypes.c_void_p),
    )


class _Flows(ctypes.Structure):
    _fields_ = (
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("area", ctypes.c_float),
        ("slack", ctypes.c_float),
        ("edge_start", ctypes.c_float),
        ("edge_end", ctypes.c_float),
        ("soft", ctypes.c_int32),
        ("flow", ctypes.c_void_p),
        ("home", ctypes.c_void_p),
    )


class _Pair(ctypes.Structure):
    _fields_ = (
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("map_width", ctypes.c_int32),
        ("map_height", ctypes.c_int32),
        ("window", ctypes.c_int32),
        ("regular", ctypes.c_float),
        ("most", ctypes.c_float),
        ("start", ctypes.c_void_p),
        ("found", ctypes.c_void_p),
    )


class _Planes(ctypes.Structure):
    _fields_ = (
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("across", ctypes.c_int32),
        ("down", ctypes.c_int32),
        ("bytes", ctypes.c_int32),
        ("picture_bytes", ctypes.c_int32),
        ("top", ctypes.c_float),
        ("most", ctypes.c_float),
        ("matrix", ctypes.c_float * 4 * 3),
        ("picture", ctypes.c_void_p),
        ("plane", ctypes.c_void_p * 3),
        ("stride", ctypes.c_int64 * 3),
    )


class _Maps(ctypes.Structure):
    _fields_ = (
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("flow", ctypes.c_void_p),
        ("weight", ctypes.c_void_p),
    )


def _loaded() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(str(Path(__file__).with_name(NAME)))
        library.vidfx_sources.restype = ctypes.c_char_p
        return library if library.vidfx_sources().decode() == digest() else None
    except (OSError, AttributeError):  # not built, or for another machine, or something else
        return None


_library = _loaded()
AVAILABLE = _library is not None
"""Whether the functions below can be called: the library is there, and of these sources."""
VECTORS = ("plain vectors", "AVX2", "AVX-512")


def vectors() -> str:
    """Which of VECTORS the library uses."""
    assert _library is not None
    return VECTORS[_library.vidfx_level()]


def allow(most: str = VECTORS[-1]) -> None:
    """Lets it use VECTORS up to `most`, as far as this CPU has them. All are allowed where nobody asks."""
    assert _library is not None
    _library.vidfx_allow(VECTORS.index(most))


class Blend:
    """One picture's average with its past, shared out by rows, as `vidfx.blend` has it."""

    def __init__(
        self,
        past: NDArray[np.float32],
        painted: Picture,
        out: NDArray[np.float32],
        weight: Map,
        *,
        flow: Field,
        share: Map,
    ) -> None:
        """`past`, `painted` and `out`: H × W × 3, values of `painted`'s range. `weight`: H × W, filled in; how much the
        past counts for. `flow` and `share`: maps of one size, of the past's place, in pixels of the picture, and of
        how much it is to count for."""
        (height, width, _), (rows, columns) = painted.shape, share.shape
        self._arrays = (past, painted, out, weight, flow, share)  # alive as long as their places are known
        pictures = (_place(past, height, width, 3), _samples(painted), _place(out, height, width, 3))
        self._picture = _Picture(width, height, painted.itemsize, *pictures, _place(weight, height, width), None)
        self._maps = _Maps(columns, rows, _place(flow, rows, columns, 2), _place(share, rows, columns))

    def __call__(self, thread: int, rows: slice) -> None:
        """Does these rows."""
        _call("vidfx_blend", ctypes.byref(self._picture), ctypes.byref(self._maps), rows.start, rows.stop)


class Sharpen:
    """One picture's sharpening, shared out by rows, as `vidfx.sharpen` has it."""

    def __init__(self, out: NDArray[np.float32], weight: Map, amount: float, shown: Picture) -> None:
        """`out`: H × W × 3; `weight`: H × W; `shown`: H × W × 3, filled in."""
        height, width, _ = shown.shape
        self._arrays = (out, weight, shown)
        places = (_place(out, height, width, 3), _place(weight, height, width), _samples(shown))
        self._picture = _Picture(width, height, shown.itemsize, None, None, *places)
        self._amount = ctypes.c_float(amount)

    def __call__(self, thread: int, rows: slice) -> None:
        """Does these rows."""
        _call("vidfx_sharpen", ctypes.byref(self._picture), self._amount, rows.start, rows.stop)


def slopes(out: NDArray[np.float32], weight: Map, painted: Picture, *, every: int) -> tuple[float, float, float]:
    """As `vidfx.sharpen` has them: of what is painted, of its average with the past, and of that sharpened by an amount
    of 1, from four rows below each other, `every` rows apart. Pictures of 4 × 4 pixels at least."""
    height, width, _ = painted.shape
    places = (_samples(painted), _place(out, height, width, 3), _place(weight, height, width))
    picture = _Picture(width, height, painted.itemsize, None, *places, None)
    found = (ctypes.c_double * 3)()
    _call("vidfx_slopes", ctypes.byref(picture), every, found)
    return found[0], found[1], found[2]


def agreement(flow: Field, home: Field, *, area: float, slack: float, edge: tuple[float, float], soft: int) -> Map:
    """As `vidfx.trust` has it: `home` is the way back that is found at the end of `flow`, `area` the pixels of the
    picture to one of the map, `soft` the side of the square over which the mean is taken."""
    height, width, _ = flow.shape
    trust = np.empty((height, width), np.float32)
    places = (_place(array, height, width, 2) for array in (flow, home))
    flows = _Flows(width, height, area, slack, *edge, soft, *places)
    _call("vidfx_agree", ctypes.byref(flows), ctypes.c_void_p(trust.ctypes.data))
    return trust


class Refinement:
    """What is left between two pictures of luma of one size, in memory that is taken once; as `vidfx.flow` has it."""

    def __init__(
        self, size: tuple[int, int], map_size: tuple[int, int], *, window: int, regular: float, most: float
    ) -> None:
        """Of pictures of `size` for maps of `map_size`, width and height, half of theirs or as large. `window`: pixels
        of a map across; `regular` in squared steps of luma per px², `most` in pixels of the pictures."""
        assert _library is not None
        self._size, self._map_size = size, map_size
        self._pair = _Pair(*size, *map_size, window, regular, most, None, None)
        _library.vidfx_refine_floats.restype = ctypes.c_int64
        self._memory = np.empty(_library.vidfx_refine_floats(ctypes.byref(self._pair)), np.float32)

    def step(self, start: NDArray[np.uint8], found: NDArray[np.uint8]) -> Field:
        """From what was `found` of `start`, in pixels of the two."""
        assert _library is not None
        width, height = self._size
        step = np.empty((*self._map_size[::-1], 2), np.float32)
        self._pair.start, self._pair.found = (_place(array, height, width, kind=np.uint8) for array in (start, found))
        memory, place = (ctypes.c_void_p(array.ctypes.data) for array in (self._memory, step))
        _library.vidfx_refine(ctypes.byref(self._pair), memory, place)
        return step


def to_planes(
    picture: Picture, planes: Sequence[NDArray[Any]], matrix: NDArray[np.float64], shrink: tuple[int, int], *, top: int
) -> None:
    """Fills the planes of luma and chroma, as `vidfx.fromrgb` has it; `top` is the greatest code. `matrix`: 3 × 4, the
    picture's values to codes. `shrink`: columns and rows of luma to one of chroma, 1 or 2."""
    told = _told(picture, planes, matrix, shrink)
    told.top = top
    _call("vidfx_to_planes", ctypes.byref(told))


def to_picture(
    planes: Sequence[NDArray[Any]],
    picture: Picture,
    matrix: NDArray[np.float64],
    stretch: tuple[int, int],
    room: Callable[[int], NDArray[np.float32]],
) -> None:
    """Fills the picture, as `vidfx.pixels` has it. `matrix`: 3 × 4, codes to its values; `stretch` as `shrink` above;
    `room` gives memory for as many numbers as it is asked for."""
    assert _library is not None
    told = _told(picture, planes, matrix, stretch)
    told.top = np.iinfo(picture.dtype).max
    told.most = 65535 / (256 if told.bytes == 1 else 1)  # as where it is kept in 16 bits
    _library.vidfx_to_picture_floats.restype = ctypes.c_int64
    floats = _library.vidfx_to_picture_floats(ctypes.byref(told))
    memory = room(floats)  # alive as long as its place is used
    _library.vidfx_to_picture(ctypes.byref(told), ctypes.c_void_p(_place(memory, floats)))


def _told(
    picture: Picture, planes: Sequence[NDArray[Any]], matrix: NDArray[np.float64], ratio: tuple[int, int]
) -> _Planes:
    (height, width, _), (across, down) = picture.shape, ratio
    small = -(-height // down), -(-width // across)
    if ratio not in ((1, 1), (2, 1), (1, 2), (2, 2)) or matrix.shape != (3, 4):
        raise ValueError(f"a matrix of {matrix.shape} and {ratio} of luma to one of chroma")
    kind = planes[0].dtype
    told = _Planes(width, height, across, down, kind.itemsize, picture.itemsize, 0, 0)
    told.picture = _samples(picture)
    for number, (plane, shape) in enumerate(zip(planes, ((height, width), small, small), strict=True)):
        if plane.shape != shape or plane.dtype != kind or kind not in (np.uint8, np.uint16):
            raise ValueError(f"a plane of {plane.dtype}, {plane.shape}, where {shape} is read")
        if plane.strides[1] != plane.itemsize:
            raise ValueError("the samples of a plane's row do not lie side by side")
        told.plane[number], told.stride[number] = plane.ctypes.data, plane.strides[0]
        for column, share in enumerate(matrix[number]):
            told.matrix[number][column] = share
    return told


def _samples(picture: Picture) -> int:
    if picture.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"pictures are uint8 or uint16, not {picture.dtype}")
    return _place(picture, *picture.shape[:2], 3, kind=picture.dtype)


def _place(array: NDArray[Any], *shape: int, kind: Any = np.float32) -> int:
    """Where an array begins; the library believes what it is told of it, so this makes sure."""
    if array.shape != shape or array.dtype != kind or not array.flags.c_contiguous:
        raise ValueError(f"an array of {array.dtype}, {array.shape}, where whole rows of {kind}, {shape}, are read")
    return array.ctypes.data


def _call(name: str, *arguments: Any) -> None:
    if getattr(_library, name)(*arguments):
        raise MemoryError
