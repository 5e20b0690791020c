"""What flows through the pipeline: pictures with their times, and what a clip says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""RGB, height × width × 3, uint8, 0..255, C-contiguous. Treated as immutable once in a Frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture of a clip on its way from source to sink.

    A stage never changes a frame; it makes a new one with `dataclasses.replace(frame, image=...)`.
    """

    index: int
    """0 for the first frame of the clip, counted in presentation order; a range keeps the clip's own numbers."""
    pts: int
    """Presentation time in units of `time_base`, exactly as found in the source."""
    time_base: Fraction
    """Seconds per unit of `pts`, exactly the source stream's."""
    duration: int
    """How long the frame is shown, in units of `time_base`; 0 where the source does not say."""
    image: Picture
    """The picture as the stages so far have made it."""
    source: Picture
    """The source's picture, upright; the same object as `image` until a stage replaces the latter."""
    starts_shot: bool = False
    """True for the first frame that is rendered and for the first frame after a cut."""

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
    kind: Literal["video", "sequence", "still"]
    width: int
    """Pixels across, upright: after rotation."""
    height: int
    """Pixels down, upright: after rotation."""
    time_base: Fraction
    rate: Fraction
    """Average frames per second, for progress and encoder hints only; never used to compute a time."""
    frame_count: int | None
    """The container's claim or an estimate; None where there is none. For progress only."""
    duration: Fraction | None
    """Seconds, the container's claim; for progress only."""
    colour: Colour = Colour()
    sample_aspect_ratio: Fraction = Fraction(1)
    """Width of a pixel over its height, upright."""
    rotation: int = 0
    """Degrees counter-clockwise by which the stored picture was turned to stand upright: 0, 90, 180 or 270."""
    bit_depth: int = 8
    stream_index: int = 0
    """Index of the styled video stream among all streams of the file."""
    pix_fmt: str = ""
    """FFmpeg's name of the stored pixel format; empty for pictures. Says whether chroma is subsampled."""
