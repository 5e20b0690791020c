"""What flows through the pipeline: pictures with their times, and what a clip says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.errors import UsageError

Picture = NDArray[np.uint8 | np.uint16]
"""RGB, height × width × 3, C-contiguous: uint8, 0..255, or, where the output is deeper than 8 bits, uint16, 0..65535.

Treated as immutable once in a Frame. All pictures of a render have one depth."""
Opacity = NDArray[np.uint8 | np.uint16]
"""Height × width, of the picture's depth; 0 is clear, the greatest value opaque. The picture beside it is not
multiplied by it (straight alpha)."""


Field = NDArray[np.float32]
"""Height × width × 2, float32: x and y."""
Map = NDArray[np.float32]
"""Height × width, float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """What a pixel carries from source to sink, as the output has use for it."""

    deep: bool = False
    """True: uint16 instead of uint8."""
    alpha: bool = False
    """True: a clip's alpha travels beside the picture. False: the source is laid over black."""


LUMA = (0.299, 0.587, 0.114)
"""Shares of R, G and B in luma (ITU-R BT.601-7, 2.5.1)."""


def rounded(values: NDArray[np.float32], like: Picture, into: Picture | None = None) -> Picture:
    """Values to the nearest whole ones of `like`'s type, clipped to its range; in the memory of `into` if given."""
    if like.dtype == np.uint8:
        return np.asarray(cv2.convertScaleAbs(values, into), np.uint8)
    return np.asarray(cv2.addWeighted(values, 1, values, 0, 0, into, cv2.CV_16U), np.uint16)


def top_of(picture: Picture) -> int:
    """The greatest value of a picture's type: 255 or 65535."""
    return 255 if picture.dtype == np.uint8 else 65535


def deepened(picture: NDArray[Any]) -> NDArray[Any]:
    """A picture, or a plane of one, as uint16."""
    return np.multiply(picture, 257, dtype=np.uint16) if picture.dtype == np.uint8 else picture


def shallowed(picture: NDArray[Any]) -> NDArray[Any]:
    """A picture, or a plane of one, as uint8, rounded."""
    return picture if picture.dtype == np.uint8 else np.asarray(cv2.convertScaleAbs(picture, alpha=1 / 257))


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """How a source picture came about from the one before it. All maps have one size, smaller than the picture."""

    flow: Field
    """From each pixel to its place in the picture before, in pixels of the map; 0 where nothing is seen to move."""
    trust: Map
    """0 where the past says nothing about this pixel, 1 where it can be believed."""
    cap: Map
    """The most that the past may weigh, 0 to 1, for a mean to keep up with the light."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture of a clip on its way from source to sink.

    A stage never changes a frame; it makes a new one with `dataclasses.replace(frame, image=...)`. A picture that does
    not lie in memory row by row is copied. Raises UsageError for pictures of another kind.
    """

    index: int
    """0 for the first frame of the clip, counted in presentation order; a range keeps the clip's own numbers."""
    pts: int
    """Presentation time in units of `time_base`: the source's own, mended where it has none, or one twice, or jumps."""
    time_base: Fraction
    """Seconds per unit of `pts`, exactly the source stream's."""
    duration: int
    """How long the frame is shown, in units of `time_base`; 0 where the source does not say."""
    image: Picture
    """The picture as the stages so far have made it."""
    source: Picture
    """The source's picture, upright; the same object as `image` until a stage replaces the latter."""
    alpha: Opacity | None = None
    """How opaque each pixel is, upright; None where the clip has no alpha or the output has no place for it."""
    starts_shot: bool = False
    """True for the first frame that is rendered and for the first frame after a cut."""
    motion: Motion | None = None
    """Since the frame before, as `mark_motion` found it; None at the start of a shot, or where nobody looked."""

    def __post_init__(self) -> None:
        is_one = self.image is self.source
        for name in ("image", "source"):
            picture = getattr(self, name)
            if picture.dtype not in (np.uint8, np.uint16) or picture.ndim != 3 or picture.shape[2] != 3:
                shape = " × ".join(map(str, picture.shape))
                raise UsageError(
                    f"a frame's picture is height × width × 3, RGB, uint8 or uint16, not {shape}, {picture.dtype}",
                    hint="values from 0 to 1: (255 * values).astype(np.uint8); grey: np.dstack([grey] * 3)",
                )
            if not picture.flags.c_contiguous:  # a view: mirrored, cut out, or BGR turned around
                object.__setattr__(self, name, np.ascontiguousarray(picture))
        if is_one:
            object.__setattr__(self, "source", self.image)

    @property
    def time(self) -> Fraction:
        """Presentation time in seconds."""
        return self.pts * self.time_base


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """How the source's numbers mean colours, as FFmpeg's enumerations (ITU-T H.273 code points)."""

    matrix: int = 2
    """AVColorSpace: 1 BT.709, 5/6 BT.601, 9 BT.2020; 2 unspecified."""
    range: int = 0
    """AVColorRange: 1 limited ("tv"), 2 full ("pc"); 0 unspecified."""
    primaries: int = 2
    """AVColorPrimaries; 2 unspecified."""
    transfer: int = 2
    """AVColorTransferCharacteristic: 16 PQ, 18 HLG; 2 unspecified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What a film clip, an image sequence or a still says of itself, before a frame is decoded."""

    path: Path
    """The file, or the pattern of a sequence (`shot.%04d.png`)."""
    kind: Literal["video", "sequence", "animation", "still"]
    width: int
    """Pixels across, upright: after rotation."""
    height: int
    """Pixels down, upright: after rotation."""
    time_base: Fraction
    rate: Fraction
    """Average frames per second: for progress, encoder hints, AVI's clock, and the end of a last frame that has no
    length; no other time comes of it."""
    frame_count: int | None
    """The container's claim or an estimate; None where there is none. For progress only."""
    duration: Fraction | None
    """Seconds, the container's claim; for progress only."""
    start: Fraction = Fraction(0)
    """Time of the first picture in seconds."""
    colour: Colour = Colour()
    sample_aspect_ratio: Fraction = Fraction(1)
    """Width of a pixel over its height, upright."""
    rotation: int = 0
    """Degrees counter-clockwise by which the stored picture was turned to stand upright: 0, 90, 180 or 270."""
    bit_depth: int = 8
    """Bits of the deepest component of the stored pictures; 32 for floating point."""
    has_alpha: bool = False
    interlaced: bool = False
    """True where the first picture is stored as two fields; it is deinterlaced when read."""
    peak: int | None = None
    """cd/m² of the brightest pixel of an HDR clip, as its metadata says; None where they are silent."""
    stream_index: int = 0
    """Index of the styled video stream among all streams of the file."""
    pix_fmt: str = ""
    """FFmpeg's name of the stored pixel format; empty for pictures. Says whether chroma is subsampled."""
    beside: tuple[str, ...] = ()
    """Kinds of streams that the file has beside the picture: "audio", "subtitle" ..."""
    first_number: int = 0
    """The number of a sequence's first picture, in its file's name."""
    left_out: tuple[str, ...] = ()
    """What of the clip no output will have, each in words: "its second view ..."."""
