"""One picture file, in and out: png, jpg, tif, webp, bmp by OpenCV, exr and dpx by FFmpeg.

Floating-point pictures (EXR, float TIFF) are scene-linear: the sRGB curve (IEC 61966-2-1) is applied on the way in and
undone on the way out. EXR multiplies its colours by alpha, the others do not; within vidfx nothing does.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame, supported_np_pix_fmts
from numpy.typing import NDArray

from vidfx.disk import write_whole, writing
from vidfx.errors import MissingInput, UnreadableInput, UsageError
from vidfx.exif import tiff_tag, turn_in
from vidfx.frames import Opacity, Picture, Pixels, deepened, shallowed, top_of
from vidfx.pixels import over_black
from vidfx.upright import upright


class Holds(NamedTuple):
    """What a picture format has room for."""

    deep: bool = False
    alpha: bool = False
    always_deep: bool = False


CAN_HOLD = {
    ".png": Holds(deep=True, alpha=True),
    ".jpg": Holds(),
    ".jpeg": Holds(),
    ".tif": Holds(deep=True, alpha=True),
    ".tiff": Holds(deep=True, alpha=True),
    ".webp": Holds(alpha=True),
    ".bmp": Holds(),
    ".exr": Holds(deep=True, alpha=True, always_deep=True),
    ".dpx": Holds(deep=True),
}
_BY_FFMPEG = {".exr": "exr", ".dpx": "dpx"}
_EXTRA_SAMPLES, _ASSOCIATED, _UNASSOCIATED = 338, 1, 2
"""TIFF's tag for what the fourth channel is (TIFF 6.0, section 18), and whether colours are multiplied by it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture as its file holds it, upright."""

    colours: NDArray[Any]
    """RGB, H × W × 3, uint8, uint16 or, scene-linear, floating point; not multiplied by alpha."""
    alpha: NDArray[Any] | None
    """H × W, of the same type."""

    @property
    def bits(self) -> int:
        return 8 * self.colours.dtype.itemsize

    @property
    def is_opaque(self) -> bool:
        if self.alpha is None:
            return True
        return bool(self.alpha.min() >= (1 if self.alpha.dtype.kind == "f" else np.iinfo(self.alpha.dtype).max))

    @property
    def is_too_bright(self) -> bool:
        """True for scene-linear values that no 0..255 can hold."""
        return self.colours.dtype.kind == "f" and bool(np.nanmax(self.colours, initial=0) > 1.001)


def load(path: Path) -> Stored:
    """Reads a file as it is. Raises MissingInput, UnreadableInput."""
    if not path.exists():
        raise MissingInput(f"there is no '{path}'", hint="check the spelling and the folder")
    try:
        return _by_ffmpeg(path) if path.suffix.lower() in _BY_FFMPEG else _by_opencv(path)
    except (av.FFmpegError, cv2.error, ValueError, OSError) as error:
        raise UnreadableInput(f"'{path}' cannot be read as a picture", hint="open it in a viewer") from error


def read_picture(path: Path) -> Picture:
    """One picture as upright RGB uint8, laid over black where it is clear. Raises MissingInput, UnreadableInput."""
    return as_wanted(load(path), Pixels())[0]


def as_wanted(stored: Stored, pixels: Pixels) -> tuple[Picture, Opacity | None]:
    """The picture in the depth that is asked for, beside its alpha or laid over black."""
    colours, alpha = stored.colours, stored.alpha
    if colours.dtype.kind == "f":
        linear = np.nan_to_num(colours.astype(np.float32), nan=0, posinf=1, neginf=0)
        cover = None if alpha is None else np.clip(np.nan_to_num(alpha.astype(np.float32)), 0, 1)
        if cover is not None:
            alpha = np.rint(cover * 65535).astype(np.uint16)
        np.clip(linear, 0, 1, out=linear)
        code = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        colours = np.rint(code * 65535).astype(np.uint16)
    fit = deepened if pixels.deep else shallowed
    picture, opacity = fit(np.ascontiguousarray(colours)), None if alpha is None else fit(np.ascontiguousarray(alpha))
    if opacity is not None and not pixels.alpha:
        return over_black(picture, opacity), None
    return picture, opacity


def _by_opencv(path: Path) -> Stored:
    data = np.fromfile(path, dtype=np.uint8)  # imread itself fails on names outside the locale
    jpeg = path.suffix.lower() in (".jpg", ".jpeg")
    mode = cv2.IMREAD_COLOR if jpeg else cv2.IMREAD_UNCHANGED  # the former applies the EXIF orientation
    pixels = cv2.imdecode(data, mode) if data.size else None
    if pixels is None:
        raise ValueError("not a picture")
    if pixels.dtype == np.float64:
        pixels = pixels.astype(np.float32)  # OpenCV converts the colours of no doubles
    if not jpeg:
        pixels = upright(np.asarray(pixels), turn_in(data.tobytes()))
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return Stored(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)), None)
    if pixels.shape[2] == 4:
        colours, cover = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB)), np.ascontiguousarray(pixels[..., 3])
        return Stored(_straight(colours, cover) if _is_multiplied(data, pixels.dtype) else colours, cover)
    return Stored(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)), None)


def _is_multiplied(data: NDArray[np.uint8], kind: np.dtype[Any]) -> bool:
    """Whether OpenCV gives the colours of a TIFF multiplied by its alpha: stored so, or by its own doing in 8 bits."""
    if data[:2].tobytes() not in (b"II", b"MM"):
        return False
    with suppress(struct.error):
        extra = tiff_tag(data.tobytes(), _EXTRA_SAMPLES, 0)
        return extra == _ASSOCIATED or (extra == _UNASSOCIATED and kind == np.uint8)
    return False


def _straight(colours: NDArray[Any], cover: NDArray[Any]) -> NDArray[Any]:
    """Colours that alpha was multiplied into, as they were before."""
    top = 1 if cover.dtype.kind == "f" else np.iinfo(cover.dtype).max
    made = colours * (top / np.maximum(cover.astype(np.float64), 1e-6 if top == 1 else 1))[..., None]
    return made.astype(colours.dtype) if top == 1 else np.rint(np.minimum(made, top)).astype(colours.dtype)


def _by_ffmpeg(path: Path) -> Stored:
    context = av.CodecContext.create(_BY_FFMPEG[path.suffix.lower()], "r")
    assert isinstance(context, av.VideoCodecContext)
    frames = context.decode(av.Packet(path.read_bytes())) + context.decode(None)
    if not frames or not isinstance(frames[0], VideoFrame):
        raise ValueError("not a picture")
    frame = frames[0]
    name, parts = frame.format.name, frame.format.components
    alpha = any(part.is_alpha for part in parts)
    pixels: NDArray[Any]
    if "f16" in name or "f32" in name:
        planar = f"gbr{'a' * alpha}pf32le"
        pixels = frame.to_ndarray(format=name if name in supported_np_pix_fmts else planar)
    elif max(part.bits for part in parts) > 8:
        pixels = frame.to_ndarray(format="rgba64le" if alpha else "rgb48le")
    else:
        pixels = frame.to_ndarray(format="rgba" if alpha else "rgb24")
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if pixels.shape[2] == 3:
        return Stored(pixels, None)
    colours, cover = pixels[..., :3], pixels[..., 3]
    if path.suffix.lower() == ".exr":
        colours = colours.astype(np.float32) / np.maximum(np.clip(cover.astype(np.float32), 0, 1), 1e-6)[..., None]
    return Stored(colours, cover)


def write_picture(path: Path, image: Picture, alpha: Opacity | None = None) -> None:
    """Writes one RGB picture under its name by one rename. Raises CannotWrite, TryAgain, UsageError."""
    suffix = path.suffix.lower()
    with writing(path):
        data = _encoded_by_ffmpeg(suffix, image, alpha) if suffix in _BY_FFMPEG else _encoded(suffix, image, alpha)
        write_whole(path, data)


def _encoded_by_ffmpeg(suffix: str, image: Picture, alpha: Opacity | None) -> bytes:
    if suffix == ".exr":
        code = image.astype(np.float32) / top_of(image)
        linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)
        if alpha is not None:
            cover = (alpha.astype(np.float32) / top_of(alpha))[..., None]
            linear = np.concatenate([linear * cover, cover], axis=2)
        frame = VideoFrame.from_ndarray(linear, format="gbrpf32le" if alpha is None else "gbrapf32le")
    else:
        deep = image.dtype == np.uint16
        frame = VideoFrame.from_ndarray(cast(Any, np.ascontiguousarray(image)), format="rgb48le" if deep else "rgb24")
    context = av.CodecContext.create(_BY_FFMPEG[suffix], "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = frame.width, frame.height, frame.format.name
    context.time_base = Fraction(1, 24)
    return b"".join(bytes(packet) for packet in context.encode(frame) + context.encode(None))


def _encoded(suffix: str, image: Picture, alpha: Opacity | None) -> bytes:
    holds = CAN_HOLD[suffix]
    image = image if holds.deep else shallowed(image)
    if alpha is not None and holds.alpha:
        order = cv2.cvtColor(image, cv2.COLOR_RGB2BGRA)
        order[..., 3] = alpha if holds.deep else shallowed(alpha)
    else:
        order = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95] if suffix in (".jpg", ".jpeg") else []
    if suffix == ".webp":
        quality = [cv2.IMWRITE_WEBP_QUALITY, 101]  # above 100 is lossless
    done, data = cv2.imencode(suffix, order, quality)
    if not done:
        raise UsageError(f"'{suffix}' pictures cannot be written here", hint="use .png")
    return data.tobytes()
