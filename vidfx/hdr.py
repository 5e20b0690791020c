"""PQ and HLG film to BT.709, so that a style meets the tones it was trained on.

Steps, each from its public recommendation: the BT.2100 transfer function to light; BT.2408's 203 cd/m² for reference
white; the BT.2020 to BT.709 primaries of BT.2087; an extended Reinhard curve (Reinhard et al. 2002, eq. 4) on the
brightest channel, which keeps hues and rolls off highlights; the inverse of BT.1886 (a 2.4 power) to code values.
"""

from __future__ import annotations

import struct
from typing import cast

import cv2
import numpy as np
from av.buffer import Buffer
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from vidfx.frames import Colour, Picture

PQ, HLG = 16, 18

_WHITE = 203.0
"""cd/m² of reference white (BT.2408)."""
_PEAK = 1000.0
"""cd/m² that land on 255; what is brighter clips."""
_BT2020_TO_BT709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]],
    dtype=np.float32,
)
_CODES = 4096
_GAMMA = np.rint(255 * np.linspace(0, 1, _CODES) ** (1 / 2.4)).astype(np.uint8)


def is_hdr(colour: Colour) -> bool:
    """True for the transfer functions of BT.2100."""
    return colour.transfer in (PQ, HLG)


def name(colour: Colour) -> str:
    """PQ or HLG, as people say."""
    return "PQ" if colour.transfer == PQ else "HLG"


def peak_of(frame: VideoFrame) -> int | None:
    """cd/m² of the brightest pixel: MaxCLL (CTA-861.3), or the mastering display's (SMPTE ST 2086); None if unsaid."""
    light = frame.side_data.get("CONTENT_LIGHT_LEVEL")
    if light is not None:
        brightest = int.from_bytes(bytes(cast(Buffer, light))[:4], "little")
        if brightest:
            return brightest
    display = frame.side_data.get("MASTERING_DISPLAY_METADATA")
    if display is not None:
        *_, above, below, _, is_said = struct.unpack("<22i", bytes(cast(Buffer, display))[:88])
        if is_said and above > 0 and below > 0:
            peak: int = round(above / below)
            return peak
    return None


def _light(transfer: int) -> NDArray[np.float32]:
    """Display light in multiples of reference white for each 16-bit code."""
    code = np.arange(65536) / 65535
    if transfer == PQ:  # BT.2100 table 4
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = code ** (1 / m2)
        light = 10000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    else:  # BT.2100 table 5; the 1.2 system gamma per channel, near enough for a 1000 cd/m² display
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
        light = 1000 * scene**1.2
    return (light / _WHITE).astype(np.float32)


class ToneMap:
    """16-bit RGB in a BT.2100 transfer function to 8-bit BT.709."""

    def __init__(self, colour: Colour, peak: int | None = None) -> None:
        self._light = _light(colour.transfer)
        self._wide = colour.primaries in (2, 9)
        top = (peak or _PEAK) / _WHITE
        level = np.linspace(0, top, _CODES, dtype=np.float32)
        self._steps = (_CODES - 1) / top
        # extended Reinhard, L(1 + L/peak²)/(1 + L), as a gain per level so that hue is kept
        self._gain = ((1 + level / top**2) / (1 + level)).astype(np.float32)

    def __call__(self, pixels: Picture) -> Picture:
        """`pixels`: height × width × 3, uint16, full range. Returns the same size as uint8."""
        light = self._light[pixels]
        if self._wide:
            light = cast("NDArray[np.float32]", cv2.transform(light, _BT2020_TO_BT709))
        brightest = light.max(axis=2)
        step = np.clip(brightest * self._steps, 0, _CODES - 1).astype(np.uint16)
        light *= self._gain[step][..., None]
        light *= _CODES - 1
        np.clip(light, 0, _CODES - 1, out=light)
        return _GAMMA[(light + 0.5).astype(np.uint16)]
