"""Stills, numbered sequences and animations of pictures: what they are, and their frames."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from vidfx.errors import MissingInput, UnreadableInput, UsageError
from vidfx.frames import Clip, Frame, Pixels
from vidfx.notices import Notify
from vidfx.stills import CAN_HOLD, Stored, as_wanted, load, read_picture, write_picture

__all__ = ["CAN_HOLD", "RATE", "SUFFIXES", "Pattern", "is_pattern", "open_sequence", "open_still", "read_images"]
__all__ += ["read_picture", "times_of", "write_picture"]

SUFFIXES = tuple(CAN_HOLD)
RATE = Fraction(24)
"""Frames per second of a sequence, which cannot say."""

_TICK = Fraction(1, 1000)  # s; how animations count
_AT_ONCE = 16  # pictures of an animation decoded together
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

    @property
    def place(self) -> tuple[Path, str, str]:
        """What it names, however its numbers are spelled: `a.###.png` are the pictures of `a.%03d.png`."""
        return self.folder.resolve(), self.head, self.tail

    def matches(self, name: str) -> re.Match[str] | None:
        """The match of a file name that belongs to the sequence; its group 1 is the number."""
        match = re.fullmatch(re.escape(self.head) + r"(\d+)" + re.escape(self.tail), name)
        return match if match and self.path(int(match[1])).name == name else None

    def there(self) -> list[int]:
        """Every number on disk, in order, whatever gaps they leave."""
        names = [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []
        return sorted({int(match[1]) for match in map(self.matches, names) if match})

    def numbers(self) -> list[int]:
        """Every number on disk, in order. Raises MissingInput where there is none, UnreadableInput at a gap."""
        numbers = self.there()
        if not numbers:
            hint = "check the pattern's folder and digits"
            raise MissingInput(f"no file is called '{self.path(0)}' or has any later number", hint=hint)
        for expected, number in enumerate(numbers, numbers[0]):
            if number != expected:
                raise UnreadableInput(
                    f"the sequence has a gap: '{self.path(expected)}' is missing",
                    hint="render it again, or move the pictures after the gap elsewhere; a range leads past no gap",
                )
        return numbers


def is_pattern(path: Path) -> bool:
    """True for a picture's name with a number in it, unless a file is called that. A film may be `take #2.mp4`."""
    return path.suffix.lower() in SUFFIXES and bool(_NUMBER.search(path.name)) and not path.is_file()


def is_film(path: Path) -> bool:
    """Whether a .png holds more than one picture (APNG), which FFmpeg reads as film."""
    if path.suffix.lower() != ".png":
        return False
    with suppress(OSError), path.open("rb") as file:
        head, control, rest = file.read(1 << 16).partition(b"IDAT")[0].partition(b"acTL")
        return bool(head and control) and int.from_bytes(rest[:4], "big") > 1
    return False


def open_still(path: Path) -> Clip:
    """Probes one picture file, which may hold an animation (WebP). Raises UnreadableInput."""
    clip = _clip(path, path, "still", 1)
    durations = _durations(path, path.stat().st_mtime_ns) if path.suffix.lower() == ".webp" else ()
    if len(durations) < 2:
        return clip
    length = sum(durations) * _TICK
    return replace(
        clip,
        kind="animation",
        time_base=_TICK,
        rate=len(durations) / length,
        frame_count=len(durations),
        duration=length,
    )


def open_sequence(path: Path) -> Clip:
    """Probes a numbered sequence. Raises MissingInput, UnreadableInput, UsageError."""
    numbers = Pattern.of(path).numbers()
    clip = _clip(path, Pattern.of(path).path(numbers[0]), "sequence", len(numbers))
    return replace(clip, first_number=numbers[0])


def _clip(path: Path, first: Path, kind: Literal["sequence", "still"], count: int) -> Clip:
    stored = load(first)
    height, width = stored.colours.shape[:2]
    return Clip(
        path=path,
        kind=kind,
        width=width,
        height=height,
        time_base=1 / RATE,
        rate=RATE,
        frame_count=count,
        duration=count / RATE,
        bit_depth=stored.bits,
        has_alpha=stored.alpha is not None,
    )


def read_images(
    clip: Clip,
    *,
    begin: int = 0,
    pixels: Pixels = Pixels(),
    notify: Notify,
) -> Iterator[Frame]:
    """The frames of a still, a sequence or an animation from number `begin`; frame 0 is at time 0.

    Raises UnreadableInput where the size changes.
    """
    told: set[str] = set()

    def tell(path: Path, what: str) -> None:
        if what not in told:
            told.add(what)
            notify(f"'{path.name}': {what}")

    times = _animation_times(clip) if clip.kind == "animation" else None
    for index, (path, stored) in enumerate(_stored(clip, begin), begin):
        if stored.colours.shape != (clip.height, clip.width, 3):
            height, width = stored.colours.shape[:2]
            raise UnreadableInput(
                f"'{path}' is {width}×{height}, the sequence began as {clip.width}×{clip.height}",
                hint="all pictures of a sequence must have one size",
            )
        if stored.is_too_bright:
            tell(path, "values above 1.0 are clipped: a painting has no highlights brighter than its paper")
        if stored.alpha is not None and not pixels.alpha and not stored.is_opaque:
            tell(path, "its alpha channel has no place in the output: laid over black")
        if stored.bits > 8 >= clip.bit_depth and not pixels.deep:
            tell(path, f"has {stored.bits} bits, the first picture 8: so have all that are written")
        image, alpha = as_wanted(stored, pixels)
        pts = times[index] if times else index
        duration = times[index + 1] - pts if times else 1
        yield Frame(
            index=index, pts=pts, time_base=clip.time_base, duration=duration, image=image, source=image, alpha=alpha
        )


def times_of(clip: Clip) -> list[int]:
    """pts of every picture of a still, a sequence or an animation, in order."""
    if clip.kind == "animation":
        return _animation_times(clip)[:-1]
    return list(range(len(Pattern.of(clip.path).numbers()) if clip.kind == "sequence" else 1))


def _animation_times(clip: Clip) -> list[int]:
    """pts of every picture of an animation, and of its end."""
    return list(accumulate(_durations(clip.path, clip.path.stat().st_mtime_ns), initial=0))


def _stored(clip: Clip, begin: int) -> Iterator[tuple[Path, Stored]]:
    if clip.kind == "animation":
        for start in range(begin, len(times_of(clip)), _AT_ONCE):
            for pixels in _decoded(clip.path, start, _AT_ONCE)[1]:
                yield clip.path, Stored(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB)), pixels[..., 3])
        return
    files = [clip.path]
    if clip.kind == "sequence":
        pattern = Pattern.of(clip.path)
        files = [pattern.path(number) for number in pattern.numbers()]
    for path in files[begin:]:
        yield path, load(path)


@lru_cache(maxsize=8)
def _durations(path: Path, _changed: int) -> tuple[int, ...]:
    """Milliseconds that each picture of an animation is shown; one or none for a still. `_changed` is its date."""
    durations: list[int] = []
    while True:
        more = _decoded(path, len(durations), _AT_ONCE)[0]
        durations += more
        if len(more) < _AT_ONCE:
            return tuple(max(1, duration) for duration in durations)


def _decoded(path: Path, start: int, count: int) -> tuple[list[int], list[Any]]:
    """Durations and BGRA pictures of a stretch of an animation; none beyond its end."""
    data = np.fromfile(path, dtype=np.uint8)[None]  # OpenCV 4.12 knows a row of bytes, and no column
    done, animation = cv2.imdecodeanimation(data, start=start, count=count)
    if not done:
        return [], []
    pictures = [p if p.shape[2] == 4 else cv2.cvtColor(p, cv2.COLOR_BGR2BGRA) for p in animation.frames]
    return list(animation.durations), pictures
