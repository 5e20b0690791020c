"""Steadies looking both ways: what comes is smoothed backwards to the present one, and laid over what the past gives.

    out = (p · past + a · ahead) / (p + a)        p, a: frames of the shot before and after the present one, as many as
                                                  a mean of smoothing counts at most

Both are `steady`'s own pictures, one of the film as it runs and one of it running backwards. Backwards it begins anew
for every block of `window` frames, at the end of the next block; so each frame sees `window` to 2 · `window` − 1 frames
ahead, and memory is bounded. Blocks end at whole multiples of `window` in the clip's own count and at cuts, wherever a
render begins: parts of a film come out as the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import tee
from typing import NamedTuple

import cv2
import numpy as np

from vidfx.frames import Frame
from vidfx.settings import Look
from vidfx.steady import COUNTED, steady
from vidfx.trust import mark_motion

_Smooth = Callable[[Iterator[Frame]], Iterator[Frame]]


class _Seen(NamedTuple):
    """A frame on its way through the block it stands in."""

    styled: Frame
    steadied: Frame
    """By its past."""
    past: int
    """Frames of the shot before it."""


def steady_both_ways(frames: Iterator[Frame], *, amount: float, window: int, threads: int = 1) -> Iterator[Frame]:
    """As `steady`, with `window` frames of look-ahead at least; 0 is `steady` alone.

    `window` is in the clip's own count: four times as many where every fourth frame is rendered. Holds 2 · `window`
    frames and takes three times the time. `threads` as in `steady`. Raises UsageError for an amount out of range.
    """
    smooth = partial(steady, amount=amount, threads=threads)
    if window == 0 or amount == 0:
        yield from smooth(frames)
        return
    held: list[_Seen] = []
    for block in _blocks(frames, smooth, window):
        if held:
            yield from _mixed(held, [] if block[0].styled.starts_shot else block, smooth)
        held = block
    if held:
        yield from _mixed(held, [], smooth)


def frames_ahead(look: Look) -> int:
    """How many frames beyond the last must be painted for it to look as in the middle of a film."""
    return 2 * look.smooth_window - 1 if look.smooth and look.smooth_window else 0


def _blocks(frames: Iterator[Frame], smooth: _Smooth, window: int) -> Iterator[list[_Seen]]:
    """Runs of frames in one shot and one block."""
    styled, copies = tee(mark_motion(frames))
    block: list[_Seen] = []
    past = -1
    for frame, steadied in zip(styled, smooth(copies), strict=True):
        past = 0 if frame.starts_shot else past + 1
        if block and (frame.starts_shot or frame.index // window != block[-1].styled.index // window):
            yield block
            block = []
        block.append(_Seen(frame, steadied, past))
    if block:
        yield block


def _mixed(block: list[_Seen], ahead: list[_Seen], smooth: _Smooth) -> Iterator[Frame]:
    backwards = [replace(seen.styled, starts_shot=False, motion=None) for seen in reversed(block + ahead)]
    images = [frame.image for frame in smooth(iter(backwards))][::-1]
    for place, (seen, image) in enumerate(zip(block, images, strict=False)):
        past, coming = min(seen.past, COUNTED), min(len(images) - 1 - place, COUNTED)
        share = coming / max(past + coming, 1)
        mixed = cv2.addWeighted(seen.steadied.image, 1 - share, image, share, 0)
        yield replace(seen.steadied, image=np.asarray(mixed, image.dtype))
