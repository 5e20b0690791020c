"""The turn that sets a stored picture upright: quarter turns and mirror images, eight in all."""

from __future__ import annotations

import struct
from typing import Any, TypeVar, cast

import av
import cv2
import numpy as np
from av.buffer import Buffer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

Turn = tuple[int, int, int, int]
"""The upper left 2 × 2 of a display matrix, as signs: x' = a·x + c·y, y' = b·x + d·y, with y pointing down."""

UPRIGHT: Turn = (1, 0, 0, 1)
OF_EXIF: dict[int, Turn] = {
    1: UPRIGHT,
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}
"""The turn for each value of EXIF's Orientation (JEITA CP-3451, tag 0x0112)."""

_QUARTERS: dict[int, Turn] = {90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), 270: (0, 1, -1, 0)}
"""By degrees counter-clockwise."""

P = TypeVar("P", bound=NDArray[Any])


def side_data(frame: VideoFrame, kind: str) -> bytes | None:
    """What FFmpeg keeps beside a frame, by PyAV's name; None where there is none, or some that PyAV cannot name.

    A frame that was asked itself would wait for the garbage collector, and all of its decoder's pictures with it: so
    the same is asked of a speck of it.
    """
    try:
        speck = VideoReformatter().reformat(frame, width=16, height=16, format="gray", interpolation="FAST_BILINEAR")
    except (av.FFmpegError, ValueError):  # swscale does not know every format
        speck = frame
    try:
        data = speck.side_data.get(kind)
    except ValueError:  # MV-HEVC's number of the view, a photo's EXIF: all of a frame's side data is read or none
        return None
    return None if data is None else bytes(cast(Buffer, data))


def turn_of(frame: VideoFrame) -> Turn:
    """The turn a frame's display matrix asks for; upright where there is none or where it is no quarter turn."""
    matrix = side_data(frame, "DISPLAYMATRIX")
    if matrix is None:
        return _QUARTERS.get(frame.rotation % 360, UPRIGHT)  # PyAV finds it among what it cannot name, mirrors aside
    a, b, _, c, d, *_ = struct.unpack("<9i", matrix[:36])
    signs = tuple(0 if abs(value) < 1 << 14 else 1 if value > 0 else -1 for value in (a, b, c, d))
    turn = cast(Turn, signs)
    return turn if abs(turn[0] * turn[3] - turn[1] * turn[2]) == 1 and turn[0] * turn[1] == 0 else UPRIGHT


def degrees(turn: Turn) -> int:
    """Counter-clockwise degrees of a turn, a mirror image left aside."""
    a, b, _, _ = turn
    return {(1, 0): 0, (0, -1): 90, (-1, 0): 180, (0, 1): 270}[(a, b)]


def upright(picture: P, turn: Turn) -> P:
    """The picture (or its alpha) as it wants to be seen; the same object where nothing is to be done."""
    a, b, c, d = turn
    if turn == UPRIGHT:
        return picture
    if a == 0:
        picture, a, d = cast(P, cv2.transpose(picture)), c, b
    flip = {(-1, -1): -1, (-1, 1): 1, (1, -1): 0}.get((a, d))
    return picture if flip is None else cast(P, np.asarray(cv2.flip(picture, flip)))
