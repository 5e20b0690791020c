"""Lays the styled picture over the source: strength, keep-colour and matte.

    coloured = keep_color ? source + (Y(styled) − Y(source)) : styled       clipped to the range
    out      = source + strength · matte/255 · (coloured − source)          rounded

Y is BT.601 luma of the gamma-coded RGB values, Y = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601-7, 2.5.1). Adding the
same step to R, G and B changes Y alone and leaves both colour differences R − Y and B − Y as the source has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.errors import UsageError
from vidfx.frames import Frame, Picture, rounded
from vidfx.settings import Look

Matte = NDArray[np.uint8 | np.uint16]
"""H × W, or H × W × 3 RGB of which the luma counts; uint8: 0 leaves the source, 255 is the full style. Any size."""


def composite(frames: Iterator[Frame], *, look: Look, matte: Iterable[Matte] | None = None) -> Iterator[Frame]:
    """Blends each frame's `image` over its `source`, to within one step of their depth.

    `matte` gives one picture per frame and is resized to the frame; where it is shorter than the clip its last picture
    stays. `look.matte` is only the path it came from: nothing is read here. With strength 1 and neither keep_color nor
    matte the very same frames come out. Raises UsageError for a matte that is empty or not 8 bit, or that is only a
    path.
    """
    if look.matte is not None and matte is None:
        raise UsageError(
            f"the pictures of the matte '{look.matte}' are not given",
            hint="a path is read by vidfx.render alone; hand the pictures over as `matte`, one a frame",
        )
    mask: NDArray[np.float32] | None = None
    pictures = None if matte is None else iter(matte)
    for frame in frames:
        if pictures is not None:
            picture = next(pictures, None)
            if picture is not None:
                mask = _mask(picture, frame.image.shape[:2])
            elif mask is None:
                raise UsageError("the matte has no picture", hint="give a still, a sequence or a clip with a picture")
        if look.strength == 0:
            yield replace(frame, image=frame.source)
        elif look.strength == 1 and not look.keep_color and mask is None:
            yield frame
        else:
            yield replace(frame, image=_blend(frame, look, mask))


def _blend(frame: Frame, look: Look, mask: NDArray[np.float32] | None) -> Picture:
    top = _keep_color(frame.image, frame.source) if look.keep_color else frame.image
    if mask is not None:
        weight = mask * np.float32(look.strength)
        if top.dtype == np.uint8:
            return cast(Picture, cv2.blendLinear(top, frame.source, weight, 1 - weight))
        source = frame.source.astype(np.float32)  # blendLinear takes no uint16
        return rounded(np.asarray(cv2.blendLinear(top.astype(np.float32), source, weight, 1 - weight)), top)
    if look.strength == 1:
        return top
    return cast(Picture, cv2.addWeighted(top, look.strength, frame.source, 1 - look.strength, 0))


def _keep_color(styled: Picture, source: Picture) -> Picture:
    luma_styled = cv2.cvtColor(styled, cv2.COLOR_RGB2GRAY)
    luma_source = cv2.cvtColor(source, cv2.COLOR_RGB2GRAY)
    # One of the two saturated differences is 0 at each pixel, so adding the one and taking the other is exact.
    brighter = cv2.cvtColor(cv2.subtract(luma_styled, luma_source), cv2.COLOR_GRAY2RGB)
    darker = cv2.cvtColor(cv2.subtract(luma_source, luma_styled), cv2.COLOR_GRAY2RGB)
    return cast(Picture, cv2.subtract(cv2.add(source, brighter), darker))


def _mask(picture: Matte, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3):
        raise UsageError(
            f"a matte must be 8-bit grey or RGB, not {picture.dtype} with {picture.ndim} axes",
            hint="values from 0 to 1: (255 * values).astype(np.uint8); of 16 bits: (values >> 8).astype(np.uint8)",
        )
    if picture.ndim == 3:
        picture = picture[..., 0] if picture.shape[2] == 1 else cast(Matte, cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    height, width = shape
    if picture.shape != (height, width):
        shrinks = picture.shape[0] >= height and picture.shape[1] >= width
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        picture = cast(Matte, cv2.resize(picture, (width, height), interpolation=how))
    return picture.astype(np.float32) * np.float32(1 / 255)
