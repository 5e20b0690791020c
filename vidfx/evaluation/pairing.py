"""Walks a source and its renders in step by time, one moment at a time, whatever the length of the clips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import cv2
import numpy as np

from vidfx.frames import Frame, Picture


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame of the source and what each render shows at its time; all pictures of one size."""

    index: int
    time: Fraction
    """Seconds after the source's first frame."""
    starts_shot: bool
    source: Picture
    renders: tuple[Picture | None, ...]
    """None where a render has no frame for this one."""


@dataclass(slots=True)
class Step:
    """How one render keeps step with the source; times in seconds after each clip's own first frame."""

    size: tuple[int, int] | None = None
    """Width and height as found."""
    start: Fraction | None = None
    """Time of its first frame, as its container says."""
    paired: int = 0
    missing: int = 0
    """Source frames without a partner, the tail included."""
    tail: int = 0
    """Of these, the ones after the render's last frame."""
    extra: int = 0
    """Frames that no source frame can claim."""
    worst: Fraction = Fraction(0)
    """Greatest distance in time between partners."""


@dataclass(slots=True)
class _Reader:
    frames: Iterator[Frame]
    step: Step
    ahead: Frame | None = None
    begun: bool = False

    def peek(self) -> Frame | None:
        """The next frame, still to be taken."""
        if self.ahead is None:
            self.ahead = next(self.frames, None)
            if self.ahead is not None and not self.begun:
                self.begun, self.step.start = True, self.ahead.time
                self.step.size = self.ahead.image.shape[1], self.ahead.image.shape[0]
        return self.ahead

    def time(self, frame: Frame) -> Fraction:
        assert self.step.start is not None
        return frame.time - self.step.start

    def partner(self, time: Fraction, until: Fraction | None) -> Frame | None:
        """Takes every frame shown before `until` and gives the nearest to `time`."""
        best: Frame | None = None
        taken = 0
        while (frame := self.peek()) is not None and (until is None or self.time(frame) < until):
            taken += 1
            if best is None or abs(self.time(frame) - time) < abs(self.time(best) - time):
                best = frame
            self.ahead = None
        if best is None:
            self.step.missing += 1
            self.step.tail = self.step.tail + 1 if frame is None else 0
            return None
        self.step.tail = 0
        self.step.extra += taken - 1
        self.step.paired += 1
        self.step.worst = max(self.step.worst, abs(self.time(best) - time))
        return best


@dataclass(slots=True)
class Walk:
    """The moments of a source and its renders, and how they kept step; the latter is whole at the end."""

    source: Iterator[Frame]
    renders: Iterable[Iterator[Frame]]
    size: tuple[int, int]
    """Width and height at which all are compared."""
    frames: int = 0
    """Of the source, so far."""
    start: Fraction | None = None
    """Time of the source's first frame."""
    steps: list[Step] = field(default_factory=list)

    def __iter__(self) -> Iterator[Moment]:
        """A frame of a render belongs to the source frame that is nearest in time."""
        readers = [_Reader(iter(frames), Step()) for frames in self.renders]
        self.steps = [reader.step for reader in readers]
        now, gap = next(self.source, None), Fraction(0)
        while now is not None:
            following = next(self.source, None)
            self.start = now.time if self.start is None else self.start
            time = now.time - self.start
            gap = following.time - now.time if following is not None else gap
            until = time + gap / 2 if gap else None
            partners = [reader.partner(time, until) for reader in readers]
            self.frames += 1
            yield Moment(
                index=now.index,
                time=time,
                starts_shot=now.starts_shot,
                source=fitted(now.source, self.size),
                renders=tuple(None if one is None else fitted(one.image, self.size) for one in partners),
            )
            now = following
        for reader in readers:
            while reader.peek() is not None:
                reader.ahead = None
                reader.step.extra += 1


def measuring_size(width: int, height: int, longest: int) -> tuple[int, int]:
    """The source's size, reduced until no side is longer than `longest`."""
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def fitted(picture: Picture, size: tuple[int, int]) -> Picture:
    """The picture at `size` (width, height)."""
    if picture.shape[1::-1] == size:
        return picture
    smaller = size[0] * size[1] < picture.shape[0] * picture.shape[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)
