"""Pictures as a recipe names them, read and brought to common ground."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from vidfx.errors import MissingInput, UnreadableInput, UsageError
from vidfx.frames import LUMA, Picture
from vidfx.notices import Notify
from vidfx.source import open_clip, read_frames
from vidfx.stills import read_picture
from vidfx.training.recipe import ContentSource, Recipe, StyleSource
from vidfx.training.teachers import Teacher
from vidfx.training.teachers.ink import INK, PAPER

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
_RELATIVE = "paths in a recipe are relative to --data"
CLIPS = {".mp4", ".mkv", ".webm", ".mov", ".avi"}
LONGEST = 16_000
"""Px of a picture that a teacher draws; OpenCV's `remap` ends at twice that."""
DRAWN_LARGE = 2
"""Times that a style picture is enlarged before a teacher draws it: seen small, its line is cleaner."""
Unfit = Callable[[Picture], str]
"""Says why a picture cannot be trained on; nothing where it can."""
SOON = (1, 2, 4, 8)
"""How many frames later the neighbour of a film's picture is, in turn."""


def read_content(
    source: ContentSource, root: Path, notify: Notify, unfit: Unfit = lambda _: ""
) -> Iterator[tuple[Picture, Picture | None]]:
    """The pictures of a content source, as they come, and of film a frame soon after each, if there is one."""
    return _read(_find(root, source.path), source.every, notify, unfit, SOON)


def read_style(
    source: StyleSource, root: Path, notify: Notify, unfit: Unfit = lambda _: "", *, held_out: bool = False
) -> Iterator[Picture]:
    """The pictures of a style source that are trained on, or those that it holds out; as they come, untreated."""

    def listed(path: Path, names: tuple[str, ...]) -> bool:
        return any(path.match(name) for name in names)

    paths = [p for p in _find(root, source.path) if not listed(p, source.leave_out)]
    kept = [p for p in paths if listed(p, source.hold_out) == held_out]
    return (picture for picture, _ in _read(kept, source.every, notify, unfit))


def pictures_of(recipe: Recipe, root: Path) -> dict[str, int]:
    """Every file that a recipe's sources name, whatever becomes of it, with its size in bytes. Raises as they do."""
    sources = [source.path for source in recipe.style] + [source.path for source in recipe.content]
    found = {path for source in sources for path in _find(root, source)}
    return {_name(path, root): path.stat().st_size if path.exists() else 0 for path in sorted(found)}


def _name(path: Path, root: Path) -> str:
    """As the recipe would spell it: one that is not relative names a place of its own."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _find(root: Path, pattern: str) -> list[Path]:
    """Pictures and clips in a folder or matching a glob, sorted. Raises MissingInput if there is none, UsageError."""
    base = root / pattern
    try:
        found = sorted(base.iterdir()) if base.is_dir() else [base] if base.is_file() else sorted(root.glob(pattern))
    except (ValueError, NotImplementedError, OSError) as error:  # what pathlib says to what is no glob
        raise UsageError(f"the path '{pattern}' cannot be followed: {error}", hint=_RELATIVE) from None
    found = [p for p in found if p.suffix.lower() in PICTURES | CLIPS]
    if not found:
        raise MissingInput(f"no pictures or clips at {base}", hint=_RELATIVE)
    return found


def _read(
    paths: Iterable[Path], every: int, notify: Notify, unfit: Unfit, soon: tuple[int, ...] = ()
) -> Iterator[tuple[Picture, Picture | None]]:
    """RGB: pictures whole, of clips every so many frames, each with the frame that comes as `soon` after it, in turn.

    A picture that cannot be read or is unfit is skipped and named.
    """
    for path in paths:
        is_clip = path.suffix.lower() in CLIPS
        found = _read_clip(path, every, notify, soon) if is_clip else _read_picture(path, notify)
        if (first := next(found, None)) and (why := unfit(first[0])):
            notify(f"skipped {path}: {why}")
        elif first:
            yield from chain([first], found)


def _read_picture(path: Path, notify: Notify) -> Iterator[tuple[Picture, None]]:
    try:
        yield read_picture(path), None
    except (MissingInput, UnreadableInput):
        notify(f"skipped {path}: not a readable picture")


def _read_clip(
    path: Path, every: int, notify: Notify, soon: tuple[int, ...]
) -> Iterator[tuple[Picture, Picture | None]]:
    waiting: list[tuple[int, Picture]] = []  # with the number of the frame that is waited for
    try:
        for frame in read_frames(open_clip(path), notify=lambda _: None):
            number, shown = frame.index, np.asarray(frame.source, np.uint8)
            if number % every and all(number != wanted for wanted, _ in waiting):
                continue
            yield from ((picture, shown) for wanted, picture in waiting if wanted == number)
            waiting = [(wanted, picture) for wanted, picture in waiting if wanted != number]
            if number % every == 0 and soon:
                waiting.append((number + soon[number // every % len(soon)], shown))
            elif number % every == 0:
                yield shown, None
    except (MissingInput, UnreadableInput):
        notify(f"skipped {path}, or the rest of it: not a readable clip")
    yield from ((picture, None) for _, picture in waiting)


def answer(teacher: Teacher, picture: Picture, stroke: float) -> Picture:
    """The teacher's drawing of a picture with strokes `stroke` times as broad: drawn small, then enlarged."""
    if stroke == 1:
        return teacher(picture)
    height, width = picture.shape[:2]
    small = (max(round(width / stroke), 8), max(round(height / stroke), 8))
    how = cv2.INTER_AREA if stroke > 1 else cv2.INTER_CUBIC
    drawn = teacher(np.asarray(cv2.resize(picture, small, interpolation=how), np.uint8))
    how = cv2.INTER_CUBIC if stroke > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(drawn, (width, height), interpolation=how), np.uint8)


def treat_style(picture: Picture, source: StyleSource, teacher: Teacher) -> Picture:
    """Brings a style picture to common ground: scrolls lose their brown silk, line drawings get paper."""
    if source.trim:
        dy, dx = (round(n * source.trim) for n in picture.shape[:2])
        picture = picture[dy : picture.shape[0] - dy, dx : picture.shape[1] - dx]
    if source.treat == "none" or not picture.size:
        return picture
    if source.treat == "teacher":
        size = (DRAWN_LARGE * picture.shape[1], DRAWN_LARGE * picture.shape[0])
        return teacher(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8))
    if source.treat == "levels":
        low, high = np.percentile(picture.max(2), (0.5, 99.5))
        stretched = (picture.astype(np.float32) - low * 0.8) / max(float(high - low * 0.8), 1.0)
        return np.asarray(np.rint(255 * np.clip(stretched, 0, 1) ** 0.9), np.uint8)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    if source.treat == "scroll":
        silk = cv2.dilate(cv2.medianBlur((grey * 255).astype(np.uint8), 5), np.ones((25, 25)))
        ground = cv2.GaussianBlur(silk, (0, 0), 40)
        grey = grey / np.maximum(ground.astype(np.float32) / 255, 0.05)
        low, high = np.percentile(grey, (1, 90))
        grey = (grey - low) / max(float(high - low), 1e-3)
    grey = np.clip(grey, 0, 1)[..., None]
    if source.treat == "line":
        grey = grey**1.8  # the drawings are in mid grey; ink is blacker
    return np.asarray(np.rint(255 * (INK + (PAPER - INK) * grey)), np.uint8)


def style_pictures(recipe: Recipe, root: Path, notify: Notify) -> tuple[list[Picture], bool]:
    """The held-out pictures of a recipe, treated as in training; all of them, and False, where none is held out.

    Raises UsageError for fewer than two, MissingInput for a source that is not there.
    """
    for held_out in (True, False):
        pictures = [
            treat_style(picture, source, recipe.warm_start.draw)
            for source in recipe.style
            for picture in read_style(source, root, notify, held_out=held_out)
        ]
        if len(pictures) >= 2:
            return pictures, held_out
    raise UsageError(
        f"the recipe of '{recipe.name}' names fewer than two style pictures", hint="a distance needs two at least"
    )


def expose(picture: Picture, random: np.random.Generator) -> Picture:
    """Another exposure and grading of the same scene: gamma, gain, saturation, now and then black and white.

    `picture` may be several, one after another along a first axis: they are graded alike.
    """
    x = (picture.astype(np.float32) / 255) ** np.float32(np.exp(random.uniform(-0.35, 0.35)))
    x = np.clip(x * random.uniform(0.85, 1.12) + random.uniform(-0.03, 0.03), 0, 1)
    grey = x @ np.array(LUMA, np.float32)
    saturation = 0.0 if random.random() < 0.1 else random.uniform(0.6, 1.3)
    x = np.clip(grey[..., None] + saturation * (x - grey[..., None]), 0, 1)
    return np.asarray(np.rint(x * 255), np.uint8)
