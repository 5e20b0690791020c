"""One frame for tuning: painted by the same stages as a render, alone or on a contact sheet beside the source."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from vidfx import images
from vidfx.choice import choose
from vidfx.errors import UsageError
from vidfx.frames import Clip, Frame, Picture, Pixels
from vidfx.notices import Notices, Notify
from vidfx.pipeline import paint, warm_up_of
from vidfx.seeking import Entry, Stretch
from vidfx.settings import Encode, Look, Machine, Range
from vidfx.sink import check_free, check_output
from vidfx.source import open_clip, read_frames
from vidfx.styles.library import find_style
from vidfx.styles.stylizer import Stylizer

Cell = tuple[str, Picture]
"""A label and the picture under it."""

WIDEST_CELL = 960
PAPER, INK = (250, 247, 240), (52, 50, 48)


def preview(
    source: Path | str,
    *,
    at: Fraction | float = Fraction(0),
    styles: Sequence[str] | str,
    strengths: Sequence[float] = (1.0,),
    smooths: Sequence[float] = (1.0,),
    smooth_window: int = 0,
    keep_color: bool = False,
    matte: Path | None = None,
    machine: Machine = Machine(),
    output: Path | str,
    overwrite: bool = False,
    video_stream: int | None = None,
    notify: Notify = lambda _: None,
) -> Path:
    """Paints the frame shown at a time (seconds from the clip's start) and writes it as a picture.

    One style and one setting give the plain frame, exactly as a render would; several give a labelled sheet with the
    source first. The frames around it that smoothing looks at are painted too. Raises the errors of `vidfx.errors`.
    """
    styles = [styles] if isinstance(styles, str) else styles
    for values, what, example in ((styles, "style", "ink"), (strengths, "strength", "1"), (smooths, "amount", "1")):
        if not values:
            raise UsageError(f"a preview needs at least one {what}", hint=f"such as {example}")
    if not math.isfinite(at):
        raise UsageError(f"{at!r} is no time in seconds", hint="it counts from the clip's first frame")
    output = Path(output)
    clip = open_clip(source, video_stream=video_stream)
    check_output(output, clip, matte=matte, one_picture=True)
    if not overwrite:
        check_free(output, numbered=False)
    found = [find_style(name) for name in styles]
    wanted, notices = _frame_at(clip, Fraction(at)), Notices(notify)
    if clip.kind != "still" and clip.duration is not None and at >= clip.duration and at > wanted.time - clip.start:
        last = float(wanted.time - clip.start)
        notices(f"the clip is {float(clip.duration):.3f} s long: this is its last frame, at {last:.3f} s")
    alone = len(found) * len(strengths) * len(smooths) == 1
    pixels = choose(output, clip, Encode()).pixels if alone else Pixels()
    cells: list[Cell] = [("source", wanted.source)]
    names = [style.name for style in found]
    for number, style in enumerate(found):
        stylizer = Stylizer(style, machine)
        again = names[:number].count(style.name)  # two may have one name, and lie in different folders
        name = f"{style.name} ({again + 1})" if names.count(style.name) > 1 else style.name
        for strength, smooth in product(strengths, smooths):
            look = Look(
                strength=strength, smooth=smooth, smooth_window=smooth_window, keep_color=keep_color, matte=matte
            )
            label = _label(name, strength, smooth, several=(len(strengths) > 1, len(smooths) > 1))
            frame = _painted(clip, stylizer, look, wanted, pixels, notices)
            cells.append((label, frame.image))
    if alone:
        images.write_picture(output, frame.image, frame.alpha)
    else:
        images.write_picture(output, contact_sheet(cells))
    return output


def _frame_at(clip: Clip, at: Fraction) -> Frame:
    """The frame on screen at a time; the last one where the time is past the end."""
    if at < 0:
        raise UsageError(f"--at must not be negative, not {float(at)}", hint="it counts from the clip's first frame")
    if clip.kind == "still":
        return next(read_frames(clip, notify=lambda _: None))  # painting tells
    end = at + Fraction(1, 10**9)  # a range ends before its end
    for start in (max(Fraction(0), at - 2), None):
        with suppress(UsageError):  # nothing began in the last two seconds: look from the start
            frames = read_frames(clip, wanted=Range(start=start, end=end), notify=lambda _: None)
            return deque(frames, maxlen=1).pop()
    raise UsageError(
        f"'{clip.path}' shows nothing at {float(at)} s", hint="the file may be damaged there; try an earlier --at"
    )


def _painted(clip: Clip, stylizer: Stylizer, look: Look, wanted: Frame, pixels: Pixels, notify: Notify) -> Frame:
    """The frame as a render of the whole clip paints it, which sees what comes before and after."""
    stretch = Stretch(
        first=wanted.index,
        enter=Entry(index=wanted.index, pts=wanted.pts),
        warm_up=min(warm_up_of(look), wanted.index),
        end=wanted.pts + 1,
    )
    return next(paint(clip, stylizer, look=look, wanted=Range(), stretch=stretch, pixels=pixels, notify=notify))


def _label(style: str, strength: float, smooth: float, *, several: tuple[bool, bool]) -> str:
    parts = [style]
    parts += [f"strength {strength:g}"] if several[0] else []
    parts += [f"smooth {smooth:g}"] if several[1] else []
    return "  ".join(parts)


def contact_sheet(cells: Sequence[Cell]) -> Picture:
    """Lays labelled pictures of one size out in a near-square grid, each at most 960 px wide."""
    height, width = cells[0][1].shape[:2]
    scale = min(1.0, WIDEST_CELL / width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    columns = 1 if len(cells) < 2 else 2 if len(cells) <= 4 else 3
    gap, bar = max(size[0] // 48, 4), max(size[1] // 14, 22)
    rows = -(-len(cells) // columns)
    sheet = np.full(
        (rows * (size[1] + bar) + (rows + 1) * gap, columns * size[0] + (columns + 1) * gap, 3), PAPER, np.uint8
    )
    for number, (label, picture) in enumerate(cells):
        row, column = divmod(number, columns)
        top, left = gap + row * (size[1] + bar + gap), gap + column * (size[0] + gap)
        sheet[top : top + size[1], left : left + size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        _write(sheet, label, left, top + size[1] + round(bar * 0.72), round(bar * 0.5), size[0])
    return sheet


def _write(sheet: Picture, text: str, left: int, baseline: int, height: int, room: int) -> None:
    """Text of a given capital height, made smaller where it would not fit."""
    font = cv2.FONT_HERSHEY_DUPLEX
    scale = height / 22  # Hershey capitals are 22 px high at scale 1
    (wide, _), _ = cv2.getTextSize(text, font, scale, 1)
    scale *= min(1.0, room / max(wide, 1))
    cv2.putText(sheet, text, (left, baseline), font, scale, INK, 1, cv2.LINE_AA)
