"""The loops of smoothing that no library has in one pass, compiled where vidfx was installed if there was a C compiler.

Where `AVAILABLE` is False, those who call them do the same by OpenCV, in as many passes as it takes: the pictures are
the same but for rounding, and smoothing takes 1.7 times as long. Each function says in which module its formula stands.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidfx.frames import Field, Map, Picture
from vidfx.native.build import NAME

_INTERFACE = 3  # VIDFX_INTERFACE in native.c: a library of another age is not called


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
        return library if library.vidfx_interface() == _INTERFACE else None
    except (OSError, AttributeError):  # not built, or for another machine, or of another age
        return None


_library = _loaded()
AVAILABLE = _library is not None
"""Whether the functions below can be called."""


def compiled_from() -> str:
    """The digest of the sources that the library was built from, as `build.digest` takes it."""
    assert _library is not None
    _library.vidfx_sources.restype = ctypes.c_char_p
    return str(_library.vidfx_sources().decode())


VECTORS = ("plain vectors", "AVX2", "AVX-512")


def vectors(most: str = VECTORS[-1]) -> str:
    """The instructions that the library uses from now on: up to `most` of VECTORS, as far as this CPU has them."""
    assert _library is not None
    return VECTORS[_library.vidfx_level(VECTORS.index(most))]


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
        height, width, _ = painted.shape
        self._arrays = [_checked(array) for array in (past, painted, out, weight, flow, share)]
        places = [array.ctypes.data for array in self._arrays]
        self._picture = _Picture(width, height, painted.itemsize, *places[:4], None)
        self._maps = _Maps(share.shape[1], share.shape[0], *places[4:])

    def __call__(self, thread: int, rows: slice) -> None:
        """Does these rows."""
        _call("vidfx_blend", ctypes.byref(self._picture), ctypes.byref(self._maps), rows.start, rows.stop)


class Sharpen:
    """One picture's sharpening, shared out by rows, as `vidfx.sharpen` has it."""

    def __init__(self, out: NDArray[np.float32], weight: Map, amount: float, shown: Picture) -> None:
        """`out`: H × W × 3; `weight`: H × W; `shown`: H × W × 3, filled in."""
        height, width, _ = shown.shape
        self._arrays = [_checked(array) for array in (out, weight, shown)]
        place, weight_place, shown_place = (array.ctypes.data for array in self._arrays)
        self._picture = _Picture(width, height, shown.itemsize, None, None, place, weight_place, shown_place)
        self._amount = ctypes.c_float(amount)

    def __call__(self, thread: int, rows: slice) -> None:
        """Does these rows."""
        _call("vidfx_sharpen", ctypes.byref(self._picture), self._amount, rows.start, rows.stop)


def slopes(out: NDArray[np.float32], weight: Map, painted: Picture, *, every: int) -> tuple[float, float, float]:
    """As `vidfx.sharpen` has them: of what is painted, of its average with the past, and of that sharpened by an amount
    of 1, from four rows below each other, `every` rows apart. Pictures of 4 × 4 pixels at least."""
    height, width, _ = painted.shape
    arrays = [_checked(array) for array in (painted, out, weight)]
    picture = _Picture(width, height, painted.itemsize, None, *(array.ctypes.data for array in arrays), None)
    found = (ctypes.c_double * 3)()
    _call("vidfx_slopes", ctypes.byref(picture), every, found)
    return found[0], found[1], found[2]


def agreement(flow: Field, home: Field, *, area: float, slack: float, edge: tuple[float, float], soft: int) -> Map:
    """As `vidfx.trust` has it: `home` is the way back that is found at the end of `flow`, `area` the pixels of the
    picture to one of the map, `soft` the side of the square over which the mean is taken."""
    height, width, _ = flow.shape
    trust = np.empty((height, width), np.float32)
    arrays = [_checked(array) for array in (flow, home)]
    flows = _Flows(width, height, area, slack, *edge, soft, *(array.ctypes.data for array in arrays))
    _call("vidfx_agree", ctypes.byref(flows), ctypes.c_void_p(trust.ctypes.data))
    return trust


class Refinement:
    """What is left between two pictures of luma of one size, in memory that is taken once; as `vidfx.flow` has it."""

    def __init__(
        self, size: tuple[int, int], map_size: tuple[int, int], *, window: int, regular: float, most: float
    ) -> None:
        """Of pictures of `size` for maps of `map_size`, width and height, half of theirs or as large. `window`: pixels
        of a map across; `regular` in squared steps of luma per px², `most` in pixels of the pictures."""
        self._pair = _Pair(*size, *map_size, window, regular, most, None, None)
        self._map_size = map_size
        self._memory: NDArray[np.float32] | None = None

    def step(self, start: NDArray[np.uint8], found: NDArray[np.uint8]) -> Field:
        """From what was `found` of `start`, in pixels of the two."""
        assert _library is not None
        if self._memory is None:
            _library.vidfx_refine_floats.restype = ctypes.c_int64
            self._memory = np.empty(_library.vidfx_refine_floats(ctypes.byref(self._pair)), np.float32)
        step = np.empty((*self._map_size[::-1], 2), np.float32)
        self._pair.start, self._pair.found = (_checked(array).ctypes.data for array in (start, found))
        memory, place = (ctypes.c_void_p(array.ctypes.data) for array in (self._memory, step))
        _library.vidfx_refine(ctypes.byref(self._pair), memory, place)
        return step


def _checked(array: NDArray[Any]) -> NDArray[Any]:
    if not array.flags.c_contiguous:
        raise ValueError("the library reads whole rows, one behind the other")
    return array


def _call(name: str, *arguments: Any) -> None:
    if getattr(_library, name)(*arguments):
        raise MemoryError
