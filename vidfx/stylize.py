"""Frames through the generator, some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from vidfx.errors import UsageError
from vidfx.frames import Frame
from vidfx.styles.stylizer import Stylizer


def stylize(frames: Iterator[Frame], stylizer: Stylizer) -> Iterator[Frame]:
    """Replaces each frame's `image` by the style's painting of it, some frames at a time.

    Raises UsageError where their sizes differ, and what `Stylizer.stylize` raises.
    """
    waiting: list[Frame] = []
    size: tuple[int, ...] | None = None
    for frame in frames:
        size = size or frame.image.shape
        if frame.image.shape != size:
            seen, first = (f"{width}×{height}" for height, width, _ in (frame.image.shape, size))
            raise UsageError(f"frame {frame.index} is {seen}, the first {first}", hint="bring them to one size before")
        waiting.append(frame)
        if len(waiting) >= stylizer.fit(*frame.image.shape[:2])[0]:
            yield from _painted(waiting, stylizer)
            waiting = []
    if waiting:
        yield from _painted(waiting, stylizer)


def _painted(frames: list[Frame], stylizer: Stylizer) -> Iterator[Frame]:
    pictures = frames[0].image[None] if len(frames) == 1 else np.stack([frame.image for frame in frames])
    for frame, picture in zip(frames, stylizer.stylize(pictures), strict=True):
        yield replace(frame, image=picture)
