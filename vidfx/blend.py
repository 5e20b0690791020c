"""Looks the past up along the flow and averages it in, by OpenCV: what stands in for vidfx/native where that is not.

    out = painted + weight · (past along the flow − painted)

The flow and the weight are given as maps, and are enlarged to the picture's size; the past is looked up by the cubic.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.bands import BAND
from vidfx.flow import shift, warp
from vidfx.frames import Field, Map, Picture, top_of


class BlendByOpenCV:
    """Averages for pictures of one size, in memory that is taken once. A band at a time, what its passes hand on stays
    in a core's cache."""

    def __init__(self, width: int, height: int, threads: int) -> None:
        self._size = (width, height)
        self._flow: Field = np.empty((height, width, 2), np.float32)
        self._painted, self._rest = (
            [np.empty((BAND, width, *channels), np.float32) for _ in range(threads)] for channels in ((3,), ())
        )

    def __call__(
        self,
        past: NDArray[np.float32],
        painted: Picture,
        out: NDArray[np.float32],
        weight: Map,
        *,
        flow: Field,
        share: Map,
    ) -> Callable[[int, slice], None]:
        """What does the rows of one picture; given and filled in as by `native.Blend`."""
        cv2.resize(share, self._size, dst=weight)
        cv2.resize(flow, self._size, dst=self._flow)
        moving = np.any(flow, axis=2).astype(np.uint8)
        map_height, map_width = share.shape
        stretch = (self._size[0] / map_width, self._size[1] / map_height)

        def mix(thread: int, rows: slice) -> None:
            part = painted[rows]
            new, rest = self._painted[thread][: len(part)], self._rest[thread][: len(part)]
            np.copyto(new, part)
            np.subtract(1, weight[rows], out=rest)
            carried = self._carried(past, out, rows, _columns(moving, rows, stretch), top_of(part))
            cv2.blendLinear(carried, new, weight[rows], rest, dst=out[rows])

        return mix

    def _carried(
        self, past: NDArray[np.float32], out: NDArray[np.float32], rows: slice, columns: slice, top: int
    ) -> NDArray[np.float32]:
        """The past of these rows, brought to where it is now in the columns in which anything moves."""
        if not columns.stop:
            return past[rows]
        here = out[rows]
        along, carried = self._flow[rows, columns], here[:, columns]
        shift(along, (columns.start, rows.start))  # counted from the part's corner
        warp(past, along, cv2.INTER_CUBIC, carried)
        np.clip(carried, 0, top, out=carried)  # the cubic overshoots beside edges
        for still in (slice(columns.start), slice(columns.stop, None)):
            here[:, still] = past[rows, still]
        return here


def _columns(moving: NDArray[np.uint8], rows: slice, stretch: tuple[float, float]) -> slice:
    """Those in which anything moves in these rows, and one more of the map all round: there the flow fades out."""
    across, down = stretch
    x, _, width, _ = cv2.boundingRect(moving[max(0, int(rows.start / down) - 1) : int(rows.stop / down) + 2])
    return slice(max(0, int((x - 1) * across)), int((x + width + 1) * across) + 1) if width else slice(0, 0)
