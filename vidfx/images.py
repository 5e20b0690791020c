"""Stills and image sequences, in and out: png, jpg, tif, webp, bmp by OpenCV, exr and dpx by FFmpeg.

Floating-point pictures (EXR, float TIFF) are scene-linear: the sRGB curve (IEC 61966-2-1) is applied on the way in and
undone on the way out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame, supported_np_pix_fmts
from numpy.typing import NDArray

from vidfx.errors import CannotWrite, MissingInput, TryAgain, UnreadableInput, UsageError
from vidfx.frames import Clip, Frame, Picture, Pixels

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".exr", ".dpx")
RATE = Fraction(24)
"""Frames per second of a sequence, which cannot say."""

_BY_FFMPEG = {".exr": "exr", ".dpx": "dpx"}
_NUMBER = re.compile(r"%0?(\d*)d|(#+)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """The file names of a sequence: `shot.%04d.png`, `shot.%d.png` or `shot.####.png`."""

    folder: Path
    head: str
    tail: str
    digits: int
    """At least so many, filled with zeros; 0 for no filling."""

    @classmethod
    def of(cls, path: Path) -> Pattern:
        """Raises UsageError where the name holds no number, or two."""
        found = list(_NUMBER.finditer(path.name))
        if len(found) != 1:
            raise UsageError(f"'{path}' is not one numbered pattern", hint="write shot.%04d.png or shot.####.png")
        match = found[0]
        digits = len(match[2]) if match[2] else int(match[1] or 0)
        return cls(path.parent, path.name[: match.start()], path.name[match.end() :], digits)

    def path(self, number: int) -> Path:
        """The file that carries this number."""
        return self.folder / f"{self.head}{number:0{self.digits}d}{self.tail}"

    def matches(self, name: str) -> re.Match[str] | None:
        """The match of a file name that belongs to the sequence; its group 1 is the number."""
        match = re.fullmatch(re.escape(self.head) + r"(\d+)" + re.escape(self.tail), name)
        return match if match and self.path(int(match[1])).name == name else None

    def numbers(self) -> list[int]:
        """Every number on disk, in order. Raises MissingInput where there is none, UnreadableInput at a gap."""
        names = [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []
        numbers = sorted({int(match[1]) for match in map(self.matches, names) if match})
        if not numbers:
            hint = "check the pattern's folder and digits"
            raise MissingInput(f"no file is called '{self.path(0)}' or has any later number", hint=hint)
        for expected, number in enumerate(numbers, numbers[0]):
            if number != expected:
                raise UnreadableInput(
                    f"the sequence has a gap: '{self.path(expected)}' is missing",
                    hint=f"render it again, or style the part up to {expected - 1} by itself with --frames",
                )
        return numbers


def is_pattern(path: Path) -> bool:
    """True for a name with one number in it, unless a file is really called that."""
    return bool(_NUMBER.search(path.name)) and not path.is_file()


def open_still(path: Path) -> Clip:
    """Probes one picture file. Raises UnreadableInput."""
    height, width = read_picture(path).shape[:2]
    return Clip(
        path=path,
        kind="still",
        width=width,
        height=height,
        time_base=1 / RATE,
        rate=RATE,
        frame_count=1,
        duration=1 / RATE,
    )


def open_sequence(path: Path) -> Clip:
    """Probes a numbered sequence. Raises MissingInput, UnreadableInput, UsageError."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"'{path.suffix}' is not a picture format vidfx reads", hint="use " + " ".join(SUFFIXES))
    numbers = Pattern.of(path).numbers()
    height, width = read_picture(Pattern.of(path).path(numbers[0])).shape[:2]
    return Clip(
        path=path,
        kind="sequence",
        width=width,
        height=height,
        time_base=1 / RATE,
        rate=RATE,
        frame_count=len(numbers),
        duration=len(numbers) / RATE,
    )


@dataclass(frozen=True, slots=True)
class _File:
    index: int
    path: Path

    @property
    def time(self) -> Fraction:
        return self.index / RATE


def read_images(
    clip: Clip,
    *,
    begin: int = 0,
    pixels: Pixels = Pixels(),  # noqa: B008 - frozen
    notify: Callable[[str], None],
) -> Iterator[Frame]:
    """The frames of a still or a sequence from number `begin`; frame 0 is at time 0.

    Raises UnreadableInput where the size changes.
    """
    if clip.kind == "still":
        files = [clip.path]
    else:
        pattern = Pattern.of(clip.path)
        files = [pattern.path(number) for number in pattern.numbers()]
    told = False
    for index, path in enumerate(files[begin:], begin):
        flags: set[str] = set()
        image = read_picture(path, flags)
        if "alpha" in flags and not told:
            notify(f"'{path.name}' has an alpha channel; it is dropped")
            told = True
        if image.shape != (clip.height, clip.width, 3):
            raise UnreadableInput(
                f"'{path}' is {image.shape[1]}×{image.shape[0]}, the sequence began as {clip.width}×{clip.height}",
                hint="all pictures of a sequence must have one size",
            )
        yield Frame(index=index, pts=index, time_base=clip.time_base, duration=1, image=image, source=image)


def read_picture(path: Path, flags: set[str] | None = None) -> Picture:
    """One picture as upright RGB uint8. Adds "alpha" to `flags` where there was one. Raises UnreadableInput."""
    flags = set() if flags is None else flags
    if not path.exists():
        raise MissingInput(f"there is no '{path}'", hint="check the spelling and the folder")
    try:
        pixels = _read_ffmpeg(path, flags) if path.suffix.lower() in _BY_FFMPEG else _read_opencv(path, flags)
    except (av.FFmpegError, cv2.error, ValueError, OSError) as error:
        raise UnreadableInput(f"'{path}' cannot be read as a picture", hint="open it in a viewer") from error
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    elif pixels.dtype != np.uint8:
        linear = np.clip(np.nan_to_num(pixels.astype(np.float32)), 0, 1)
        pixels = np.rint(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255)
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def _read_opencv(path: Path, flags: set[str]) -> NDArray[np.generic]:
    data = np.fromfile(path, dtype=np.uint8)  # imread itself fails on names outside the locale
    jpeg = path.suffix.lower() in (".jpg", ".jpeg")
    mode = cv2.IMREAD_COLOR if jpeg else cv2.IMREAD_UNCHANGED  # the former applies the EXIF orientation
    pixels = cv2.imdecode(data, mode) if data.size else None
    if pixels is None:
        raise ValueError("not a picture")
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return cast("NDArray[np.generic]", cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
    if pixels.shape[2] == 4:
        flags.add("alpha")
        return cast("NDArray[np.generic]", cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB))
    return cast("NDArray[np.generic]", cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def _read_ffmpeg(path: Path, flags: set[str]) -> NDArray[np.generic]:
    context = av.CodecContext.create(_BY_FFMPEG[path.suffix.lower()], "r")
    assert isinstance(context, av.VideoCodecContext)
    frames = context.decode(av.Packet(path.read_bytes())) + context.decode(None)
    if not frames or not isinstance(frames[0], VideoFrame):
        raise ValueError("not a picture")
    frame = frames[0]
    if any(component.is_alpha for component in frame.format.components):
        flags.add("alpha")
    name = frame.format.name
    if "f16" in name or "f32" in name:
        pixels: NDArray[Any] = frame.to_ndarray(format=name if name in supported_np_pix_fmts else "gbrpf32le")
    else:
        deep = max(component.bits for component in frame.format.components) > 8
        pixels = frame.to_ndarray(format="rgb48le" if deep else "rgb24")
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return pixels[..., :3]


def write_picture(path: Path, image: Picture) -> None:
    """Writes one RGB uint8 picture under its name by one rename. Raises CannotWrite, TryAgain, UsageError."""
    temporary = path.with_name(f".{path.stem}.vidfx-{os.getpid()}{path.suffix}")
    try:
        data = _encoded(path.suffix.lower(), image)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise writing_error(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def writing_error(path: Path, error: BaseException) -> CannotWrite | TryAgain:
    """Our error for what the system says while `path` is written."""
    import errno

    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM):
        what = "memory ran out" if number == errno.ENOMEM else "the disk is full"
        return TryAgain(f"{what} while writing '{path}'", hint="free some space and run the same command again")
    return CannotWrite(f"'{path}' cannot be written ({error.strerror if isinstance(error, OSError) else error})")


def _encoded(suffix: str, image: Picture) -> bytes:
    if suffix in _BY_FFMPEG:
        if suffix == ".exr":
            code = image.astype(np.float32) / 255
            linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)
            frame = VideoFrame.from_ndarray(linear, format="gbrpf32le")
        else:
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(image, np.uint8), format="rgb24")
        context = av.CodecContext.create(_BY_FFMPEG[suffix], "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height, context.pix_fmt = frame.width, frame.height, frame.format.name
        context.time_base = 1 / RATE
        return b"".join(bytes(packet) for packet in context.encode(frame) + context.encode(None))
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95] if suffix in (".jpg", ".jpeg") else []
    if suffix == ".webp":
        quality = [cv2.IMWRITE_WEBP_QUALITY, 101]  # above 100 is lossless
    done, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
    if not done:
        raise UsageError(f"'{suffix}' pictures cannot be written here", hint="use .png")
    return data.tobytes()
