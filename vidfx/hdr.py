"""PQ and HLG film to BT.709, so that a style meets the tones it was trained on.

    code --BT.2100--> light --> ICtCp --EETF on I, Ct and Cp shrunk--> light --BT.2020 to BT.709--> in gamut --> code

The transfer functions and ICtCp are those of BT.2100 (HLG with its OOTF for a display of 1000 cd/m²). The EETF is
BT.2390's (5.4.1): a straight line for shades and middle tones, a Hermite spline that bends the rest under 203 cd/m²,
BT.2408's reference white; Ct and Cp shrink as much as I does, so that highlights lose colour as they lose light
(BT.2390, 5.4.2). What BT.709 cannot show is drawn towards the grey of its luminance: first softly, as in the ACES
reference gamut compression, then as far as it must. A power of 1/2.4 (BT.1886) makes codes of light.

All of that is a table of 65³ colours, which FFmpeg's lut3d interpolates (tetrahedral) in 16 bits.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn, cast

import cv2
import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from vidfx.errors import UnreadableInput
from vidfx.frames import Clip, Colour, Picture
from vidfx.upright import side_data

PQ, HLG = 16, 18
Light = NDArray[np.float64]
"""N × 3; cd/m²."""

_WHITE = 203.0
"""cd/m² of reference white (BT.2408): the most that a BT.709 display shows here."""
_PEAK = 1000.0
"""cd/m² of the brightest pixel where nobody says."""
_SIDE = 65

_XYZ_OF = {  # linear RGB to CIE XYZ, all with D65
    9: [[0.636958, 0.144617, 0.168881], [0.262700, 0.677998, 0.059302], [0.0, 0.028073, 1.060985]],  # BT.2020
    12: [[0.486571, 0.265668, 0.198217], [0.228975, 0.691739, 0.079287], [0.0, 0.045113, 1.043944]],  # P3 D65
    1: [[0.412391, 0.357584, 0.180481], [0.212639, 0.715169, 0.072192], [0.019331, 0.119195, 0.950532]],  # BT.709
}
_LMS = np.array([[1688, 2146, 262], [683, 2951, 462], [99, 309, 3688]]) / 4096  # of BT.2020 (BT.2100, table 7)
_ICTCP = np.array([[2048, 2048, 0], [6610, -13613, 7003], [17933, -17390, -543]]) / 4096
_LUMA_709 = np.array(_XYZ_OF[1][1])
_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128  # BT.2100, table 4


def is_hdr(colour: Colour) -> bool:
    """True for the transfer functions of BT.2100."""
    return colour.transfer in (PQ, HLG)


def name(colour: Colour) -> str:
    """PQ or HLG, as people say."""
    return "PQ" if colour.transfer == PQ else "HLG"


def refuse(clip: Clip) -> NoReturn:
    """For those who would rather do it themselves."""
    raise UnreadableInput(
        f"'{clip.path}' is HDR ({name(clip.colour)}), and --hdr error refuses it",
        hint="--hdr tonemap makes BT.709 of it",
    )


def peak_of(frame: VideoFrame) -> int | None:
    """cd/m² of the brightest pixel: MaxCLL (CTA-861.3), or the mastering display's (SMPTE ST 2086); None if unsaid."""
    light = side_data(frame, "CONTENT_LIGHT_LEVEL")
    if light is not None:
        brightest = int.from_bytes(light[:4], "little")
        if brightest:
            return brightest
    display = side_data(frame, "MASTERING_DISPLAY_METADATA")
    if display is not None:
        *_, above, below, _, is_said = struct.unpack("<22i", display[:88])
        if is_said and above > 0 and below > 0:
            peak: int = round(above / below)
            return peak
    return None


class ToneMap:
    """RGB of a BT.2100 transfer function to BT.709, 16 bits to 16 bits."""

    def __init__(self, colour: Colour, peak: int | None = None) -> None:
        """`peak` is the clip's brightest pixel in cd/m², of PQ; HLG film is what a display of 1000 shows."""
        primaries = colour.primaries if colour.primaries in _XYZ_OF else 9
        bright = float(min(max(peak or _PEAK, 250), 10000)) if colour.transfer == PQ else _PEAK
        self._table = table(colour.transfer, primaries, bright)
        self._size: tuple[int, int] | None = None

    def __call__(self, pixels: Picture) -> Picture:
        """`pixels`: height × width × 3, uint16, full range. Returns the same size and type."""
        height, width = pixels.shape[:2]
        if self._size != (width, height):
            self._open(width, height)
        frame = VideoFrame(width, height, "gbrp16le")
        frame.pts = 0
        for plane, channel in zip(frame.planes, (1, 2, 0), strict=True):
            view = np.frombuffer(memoryview(plane), np.uint16).reshape(height, -1)
            np.copyto(view[:, :width], cv2.extractChannel(pixels, channel))
        self._entry.push(frame)
        mapped = cast(VideoFrame, self._exit.pull())
        planes = [np.frombuffer(memoryview(plane), np.uint16).reshape(height, -1)[:, :width] for plane in mapped.planes]
        return np.asarray(cv2.merge([planes[2], planes[0], planes[1]]), np.uint16)

    def _open(self, width: int, height: int) -> None:
        graph = Graph()
        graph.threads = 1
        with TemporaryDirectory() as folder:
            cube = Path(folder) / "bt709.cube"
            lines = "%.6f %.6f %.6f\n" * len(self._table) % tuple(self._table.ravel())
            cube.write_text(f"LUT_3D_SIZE {_SIDE}\n{lines}")
            size = f"video_size={width}x{height}:pix_fmt=gbrp16le:time_base=1/25:pixel_aspect=1/1:colorspace=gbr"
            self._entry = graph.add("buffer", size + ":range=pc")
            middle = graph.add("lut3d", file=str(cube), interp="tetrahedral")
            self._exit = graph.add("buffersink")
            self._entry.link_to(middle)
            middle.link_to(self._exit)
            graph.configure()
        self._graph, self._size = graph, (width, height)


@lru_cache(maxsize=4)
def table(transfer: int, primaries: int, peak: float) -> NDArray[np.float64]:
    """65³ × 3: the code in 0..1 for every colour of a lattice of codes, red the quickest to change."""
    steps = np.linspace(0, 1, _SIDE)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    return tone_map(np.stack([red, green, blue], axis=-1).reshape(-1, 3), transfer, primaries, peak)


def tone_map(codes: NDArray[np.float64], transfer: int, primaries: int, peak: float) -> NDArray[np.float64]:
    """N × 3 codes in 0..1 of a BT.2100 transfer function to codes of BT.709; `peak` in cd/m²."""
    light = pq_light(codes) if transfer == PQ else _hlg_light(codes)
    to_2020 = np.linalg.solve(np.array(_XYZ_OF[9]), np.array(_XYZ_OF[primaries]))
    ictcp = pq_code(np.maximum(light @ to_2020.T @ _LMS.T, 0)) @ _ICTCP.T
    intensity = ictcp[:, 0]
    mapped = eetf(intensity, peak)
    with np.errstate(divide="ignore", invalid="ignore"):
        shrunk = np.nan_to_num(np.minimum(mapped / intensity, intensity / mapped), nan=1.0)
    ictcp = np.column_stack([mapped, ictcp[:, 1:] * shrunk[:, None]])
    light = pq_light(ictcp @ np.linalg.inv(_ICTCP).T) @ np.linalg.inv(_LMS).T
    to_709 = np.linalg.solve(np.array(_XYZ_OF[1]), np.array(_XYZ_OF[9]))
    return np.asarray(_in_gamut(light @ to_709.T / _WHITE) ** (1 / 2.4))


def pq_light(code: NDArray[np.float64]) -> Light:
    """cd/m² of PQ codes (BT.2100, table 4)."""
    power = np.clip(code, 0, 1) ** (1 / _M2)
    return np.asarray(10000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1))


def pq_code(light: Light) -> NDArray[np.float64]:
    """PQ codes of cd/m²."""
    power = (np.asarray(light) / 10000) ** _M1
    return np.asarray(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def _hlg_light(code: NDArray[np.float64]) -> Light:
    """cd/m² of a display of 1000 (BT.2100, table 5): the scene's light, times its luminance to the power 0.2."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    luminance = scene @ np.array(_XYZ_OF[9][1])
    return np.asarray(1000 * scene * (luminance**0.2)[:, None])


def eetf(code: NDArray[np.float64], peak: float) -> NDArray[np.float64]:
    """PQ codes of film up to `peak` to those of a display of 203 cd/m² (BT.2390, 5.4.1, black left where it is)."""
    top = float(pq_code(np.array(peak)))
    most = float(pq_code(np.array(_WHITE))) / top
    knee = 1.5 * most - 0.5
    x = np.clip(code / top, 0, 1)
    t = np.clip((x - knee) / (1 - knee), 0, 1)
    bent = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return np.asarray(np.where(x < knee, x, bent) * top)


def _in_gamut(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear BT.709 drawn into 0..1 along the line to the grey of its luminance."""
    # a colour too bright to show gives up some light first, or all of its hue would go
    light = light / np.maximum(light.max(axis=1, keepdims=True), 1) ** 0.6
    grey = np.clip(light @ _LUMA_709, 0, 1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        # how far the least channel lies from grey: 1 is the gamut's edge; 1.4 and less comes to lie inside it
        distance = np.nan_to_num((grey - light.min(axis=1, keepdims=True)) / grey, posinf=0.0)
        start, limit, power = 0.85, 1.4, 1.2
        scale = (limit - start) / (((1 - start) / (limit - start)) ** -power - 1) ** (1 / power)
        over = np.maximum(distance - start, 0) / scale
        soft = np.where(distance > start, start + scale * over / (1 + over**power) ** (1 / power), distance)
        light = grey + (light - grey) * np.nan_to_num(np.where(distance > start, soft / distance, 1.0), nan=1.0)
        room = np.where(light > 1, (1 - grey) / (light - grey), np.where(light < 0, grey / (grey - light), 1.0))
    return np.asarray(np.clip(grey + (light - grey) * np.clip(room.min(axis=1, keepdims=True), 0, 1), 0, 1))
