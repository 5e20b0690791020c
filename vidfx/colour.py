"""YUV to RGB and back by the numbers a clip names, and the turn that sets its picture upright.

swscale's quick path for 4:2:0 truncates (measured: 1.2 steps of 255 too dark on average, up to 4), so the slower
path with accurate rounding and interpolated chroma is asked for by name: unbiased, and within 2 steps on the way back.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import cast

import av
import cv2
import numpy as np
from av.buffer import Buffer
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from vidfx import hdr
from vidfx.frames import Clip, Colour, Picture

Turn = tuple[int, int, int, int]
"""The upper left 2 × 2 of a display matrix, as signs: x' = a·x + c·y, y' = b·x + d·y, with y pointing down."""

UPRIGHT: Turn = (1, 0, 0, 1)
BT709 = Colour(matrix=1, range=1, primaries=1, transfer=1)

_TO_RGB = int(Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND)
_FROM_RGB = int(Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND)
_SWSCALE_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}  # AVColorSpace -> SWS_CS_*


def matrix_used(colour: Colour, width: int, height: int) -> int:
    """swscale's number for the YUV matrix of a clip.

    An untagged picture is BT.601 below 720 lines and BT.709 above, as players guess; the shorter side counts, so that
    a turned picture is read and written alike.
    """
    return _SWSCALE_MATRICES.get(colour.matrix, 1 if min(width, height) >= 720 else 5)


def output_colour(clip: Clip, *, from_rgb: bool = False) -> Colour:
    """The tags an output of `clip` carries: the source's own; BT.709 where vidfx itself made the colours.

    `from_rgb` says that the source stores no YUV at all, so the matrix must be named.
    """
    if hdr.is_hdr(clip.colour) or clip.kind != "video":
        return BT709
    if from_rgb or clip.colour.matrix == 0:
        matrix = 1 if min(clip.width, clip.height) >= 720 else 6
        return replace(clip.colour, matrix=matrix, range=1)
    return clip.colour


def colour_of(frame: VideoFrame, stream: av.VideoStream) -> Colour:
    """What the first decoded frame, or failing that its stream, says of its colours."""
    context = stream.codec_context
    name = frame.format.name
    full = name.startswith("yuvj")
    rgb = frame.format.is_rgb
    return Colour(
        matrix=0 if rgb else _known(int(frame.colorspace), int(context.colorspace), unknown=2),
        range=2 if full or rgb else _known(int(frame.color_range), int(context.color_range), unknown=0),
        primaries=_known(int(frame.color_primaries), int(context.color_primaries), unknown=2),
        transfer=_known(int(frame.color_trc), int(context.color_trc), unknown=2),
    )


def _known(first: int, second: int, *, unknown: int) -> int:
    return first if first not in (unknown, 0) else second if second != 0 else unknown


class ToRgb:
    """Decoded frames of one clip to upright RGB pictures."""

    def __init__(self, colour: Colour, *, width: int, height: int, threads: int = 1) -> None:
        """`width` and `height` are the stored ones; a frame of another size is scaled to them."""
        self._colour, self._width, self._height, self._threads = colour, width, height, threads
        self._matrix = matrix_used(colour, width, height)
        self._turn: Turn | None = None
        self._rotation = 0
        self._hdr = hdr.ToneMap(colour) if hdr.is_hdr(colour) else None
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> Picture:
        """RGB, height × width × 3, uint8, upright and C-contiguous."""
        same_size = (frame.width, frame.height) == (self._width, self._height)
        if frame.format.name == "rgb24" and same_size:
            pixels = frame.to_ndarray()
        else:
            pixels = self._reformatter.reformat(
                frame,
                width=self._width,
                height=self._height,
                format="rgb48le" if self._hdr else "rgb24",
                src_colorspace=self._matrix,
                dst_colorspace=self._matrix,
                interpolation=_TO_RGB,
                src_color_range=self._colour.range or 1,
                dst_color_range=2,
                threads=self._threads,
            ).to_ndarray()
        picture = self._hdr(cast("NDArray[np.uint16]", pixels)) if self._hdr else cast(Picture, pixels)
        if self._turn is None or frame.rotation != self._rotation:
            # asked as rarely as may be: a frame whose side data was looked at waits for the garbage collector
            self._turn, self._rotation = turn_of(frame), frame.rotation
        return upright(picture, self._turn)


class FromRgb:
    """RGB pictures to frames of an encoder's pixel format."""

    def __init__(self, colour: Colour, *, width: int, height: int, pix_fmt: str, threads: int = 1) -> None:
        self._matrix = matrix_used(colour, width, height)
        self._range = 2 if pix_fmt.startswith("yuvj") else colour.range or 1
        self._colour, self._pix_fmt, self._threads = colour, pix_fmt, threads
        self._rgb = av.VideoFormat(pix_fmt).is_rgb
        # swscale rounds full-range chroma down (half a step, measured): there the matrix is applied here
        self._full = _full_range_matrix(self._matrix) if self._range == 2 and not self._rgb else None
        self._reformatter = VideoReformatter()

    def __call__(self, picture: Picture) -> VideoFrame:
        """A new frame that owns its pixels; times are the caller's to set."""
        if self._full is None:
            frame = VideoFrame.from_numpy_buffer(np.ascontiguousarray(picture), format="rgb24")
        else:
            planes = np.stack(cast("list[Picture]", cv2.split(cv2.transform(picture, self._full))))
            frame = VideoFrame.from_ndarray(planes, format="yuv444p")
        if frame.format.name == self._pix_fmt:
            return self._tagged(frame)
        frame = self._reformatter.reformat(
            frame,
            format=self._pix_fmt,
            src_colorspace=self._matrix,
            dst_colorspace=self._matrix,
            interpolation=_FROM_RGB,
            src_color_range=2,
            dst_color_range=2 if self._rgb else self._range,
            threads=self._threads,
        )
        return self._tagged(frame)

    def _tagged(self, frame: VideoFrame) -> VideoFrame:
        if not self._rgb:  # frames overrule the context in several encoders, so both say the same
            frame.colorspace, frame.color_range = self._colour.matrix, self._colour.range
            frame.color_primaries, frame.color_trc = self._colour.primaries, self._colour.transfer
        return frame


def _full_range_matrix(matrix: int) -> NDArray[np.float64]:
    """RGB to full-range Y, Cb, Cr as a 3 × 4 matrix (H.273, 8.3); `matrix` as swscale numbers it."""
    red, blue = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}.get(
        matrix, (0.299, 0.114)
    )
    luma = np.array([red, 1 - red - blue, blue])
    rows = luma, (np.array([0, 0, 1]) - luma) / (2 * (1 - blue)), (np.array([1, 0, 0]) - luma) / (2 * (1 - red))
    return np.column_stack([np.stack(rows), [0, 128, 128]])


def turn_of(frame: VideoFrame) -> Turn:
    """The turn a frame's display matrix asks for; upright where there is none or where it is no quarter turn."""
    side_data = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return UPRIGHT
    a, b, _, c, d, *_ = struct.unpack("<9i", bytes(cast(Buffer, side_data))[:36])
    signs = tuple(0 if abs(value) < 1 << 14 else 1 if value > 0 else -1 for value in (a, b, c, d))
    turn = cast(Turn, signs)
    return turn if abs(turn[0] * turn[3] - turn[1] * turn[2]) == 1 and turn[0] * turn[1] == 0 else UPRIGHT


def degrees(turn: Turn) -> int:
    """Counter-clockwise degrees of a turn, a mirror image left aside."""
    a, b, _, _ = turn
    return {(1, 0): 0, (0, -1): 90, (-1, 0): 180, (0, 1): 270}[(a, b)]


def upright(picture: Picture, turn: Turn) -> Picture:
    """The picture as its display matrix wants it seen; the same object where nothing is to be done."""
    a, b, c, d = turn
    if turn == UPRIGHT:
        return picture
    if a == 0:
        picture, a, d = cast(Picture, cv2.transpose(picture)), c, b
    if a < 0 and d < 0:
        return cast(Picture, cv2.flip(picture, -1))
    if a < 0:
        return cast(Picture, cv2.flip(picture, 1))
    if d < 0:
        return cast(Picture, cv2.flip(picture, 0))
    return picture
