"""Which pixels of a frame are wanted: all of them, all of them reduced, or a part at its own size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.frames import Frame, Picture

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels of the clip."""


Pixel = TypeVar("Pixel", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Window:
    """All of a frame, unless it says less."""

    width: int | None = None
    """Reduced to this width where the clip is wider; None for its own size."""
    part: Box | None = None
    margin: int = 0
    """Pixels around the part that are painted with it, so that its own are those of the whole frame."""

    def seen(self, frame: Frame) -> Frame:
        """The frame before it is painted: reduced, or the part with its margin."""
        image = self.of_whole(frame.source)
        if self.part is None and self.width is not None:
            image = reduced(image, self.width)
        return frame if image is frame.source else replace(frame, image=image, source=image)

    def of_whole(self, picture: NDArray[Pixel]) -> NDArray[Pixel]:
        """The part with its margin, of a picture of the clip's size; all of it where no part is wanted."""
        if self.part is None:
            return picture
        return _cut_out(picture, self._around((picture.shape[1], picture.shape[0])))

    def cut(self, image: Picture, size: tuple[int, int]) -> Picture:
        """The part without its margin, of what was painted; `size` is the clip's width and height."""
        if self.part is None:
            return image
        left, top, width, height = self.part
        x, y, _, _ = self._around(size)
        return _cut_out(image, (left - x, top - y, width, height))

    def _around(self, size: tuple[int, int]) -> Box:
        assert self.part is not None
        left, top, width, height = self.part
        # the generator's lattices stand where they stand in the whole frame only at multiples of 8
        x, y = max(0, left - self.margin) // 8 * 8, max(0, top - self.margin) // 8 * 8
        right, bottom = min(size[0], left + width + self.margin), min(size[1], top + height + self.margin)
        return x, y, right - x, bottom - y


WHOLE = Window()


def reduced(picture: Picture, width: int) -> Picture:
    """At most `width` pixels wide; the same array where it is not wider."""
    if picture.shape[1] <= width:
        return picture
    return resized(picture, (width, max(2, round(picture.shape[0] * width / picture.shape[1]))))


def resized(picture: Picture, size: tuple[int, int]) -> Picture:
    """Of this width and height."""
    small: Any = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _cut_out(picture: NDArray[Pixel], box: Box) -> NDArray[Pixel]:
    left, top, width, height = box
    return np.ascontiguousarray(picture[top : top + height, left : left + width])
