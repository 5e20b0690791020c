"""What a clip's numbers mean as colours, and the tags that say it of the output."""

from __future__ import annotations

from dataclasses import replace

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from vidfx import hdr
from vidfx.frames import Clip, Colour

BT709 = Colour(matrix=1, range=1, primaries=1, transfer=1)

_RED_BLUE = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.470 B/G, as BT.601
    6: (0.299, 0.114),  # BT.601
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020; 10, its constant luminance, is read as this
    10: (0.2627, 0.0593),
}
"""Shares of red and blue in luma (H.273, table 4)."""
_YCGCO = 8


def matrix_used(colour: Colour, width: int, height: int) -> int:
    """The code point of the YUV matrix that a clip is read and written with.

    An untagged picture is BT.601 below 720 lines and BT.709 above, as players guess; the shorter side counts, so that
    a turned picture is read and written alike. So is one whose matrix is not known here.
    """
    if colour.matrix in _RED_BLUE or colour.matrix == _YCGCO:
        return colour.matrix
    return 1 if min(width, height) >= 720 else 6


def is_known(colour: Colour) -> bool:
    """False for a matrix that is named but that cannot be applied here (ICtCp, chroma-derived ...)."""
    return colour.matrix in _RED_BLUE or colour.matrix in (0, 2, 3, _YCGCO)


def rgb_to_yuv(matrix: int) -> NDArray[np.float64]:
    """3 × 3: RGB in 0..1 to Y in 0..1 and Cb, Cr in -0.5..0.5 (H.273, 8.3)."""
    if matrix == _YCGCO:
        return np.array([[0.25, 0.5, 0.25], [-0.25, 0.5, -0.25], [0.5, 0, -0.5]])
    red, blue = _RED_BLUE[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    rows = luma, (np.array([0, 0, 1]) - luma) / (2 * (1 - blue)), (np.array([1, 0, 0]) - luma) / (2 * (1 - red))
    return np.stack(rows)


def scales(bits: int, *, full: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How Y, Cb, Cr in 0..1 and -0.5..0.5 are stored: code = value · the first + the second (H.273, 8.3)."""
    if full:
        top = 2**bits - 1
        return np.array([top, top, top]), np.array([0, 2 ** (bits - 1), 2 ** (bits - 1)])
    step = 2 ** (bits - 8)
    return step * np.array([219, 224, 224]), step * np.array([16, 128, 128])


def output_colour(clip: Clip) -> Colour:
    """The tags an output of `clip` carries: the source's own; BT.709 where vidfx itself made the colours.

    Where the source stores no YUV at all, a matrix is named.
    """
    if hdr.is_hdr(clip.colour) or clip.kind != "video":
        return BT709
    if clip.colour.matrix == 0:
        matrix = 1 if min(clip.width, clip.height) >= 720 else 6
        return replace(clip.colour, matrix=matrix, range=1)
    if not is_known(clip.colour):
        return replace(clip.colour, matrix=matrix_used(clip.colour, clip.width, clip.height))
    return clip.colour


def colour_of(frame: VideoFrame, stream: av.VideoStream) -> Colour:
    """What the first decoded frame, or failing that its stream, says of its colours."""
    context = stream.codec_context
    name = frame.format.name
    full = name.startswith("yuvj")
    rgb = frame.format.is_rgb or name == "pal8"
    range_ = _known(int(frame.color_range), int(context.color_range), unknown=0)
    if range_ == 0 and name.startswith(("gray", "ya", "mono")):
        full = True  # as swscale takes an untagged grey picture
    return Colour(
        matrix=0 if rgb else _known(int(frame.colorspace), int(context.colorspace), unknown=2),
        range=2 if full or rgb else range_,
        primaries=_known(int(frame.color_primaries), int(context.color_primaries), unknown=2),
        transfer=_known(int(frame.color_trc), int(context.color_trc), unknown=2),
    )


def _known(first: int, second: int, *, unknown: int) -> int:
    return first if first not in (unknown, 0) else second if second != 0 else unknown
