"""Frames in, file out: one pass, written beside its place and moved there whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from vidfx import hdr, images
from vidfx.errors import CannotWrite, UsageError
from vidfx.film import CONTAINERS, Film
from vidfx.frames import Clip, Frame
from vidfx.settings import Encode, Range

__all__ = ["CONTAINERS", "Written", "check_output", "write"]


@dataclass(frozen=True, slots=True)
class Written:
    """What was written."""

    path: Path
    frames: int
    copied: tuple[int, ...]
    """Indices in the source of the streams that were carried over packet for packet."""
    notices: tuple[str, ...]
    codec: str
    pix_fmt: str


def check_output(output: Path, clip: Clip, *, overwrite: bool) -> None:
    """Refuses early what could not be written later. Raises UsageError or CannotWrite."""
    output = Path(output)
    suffix = output.suffix.lower()
    pattern = images.is_pattern(output)
    if suffix not in CONTAINERS and suffix not in images.SUFFIXES:
        known = " ".join((*CONTAINERS, *images.SUFFIXES))
        raise UsageError(f"'{output.name}' names no format vidfx writes", hint=f"end it in one of {known}")
    if suffix in CONTAINERS and clip.kind == "still":
        raise UsageError(f"a still does not make a film '{output.name}'", hint="write it to a .png or another picture")
    if suffix in images.SUFFIXES and clip.kind != "still" and not pattern:
        example = f"{output.stem}.%04d{output.suffix}"
        raise UsageError(f"many frames do not fit into the one picture '{output.name}'", hint=f"write {example}")
    if pattern:
        images.Pattern.of(output)
    folder = output.parent
    if not folder.is_dir():
        raise CannotWrite(f"there is no folder '{folder}'", hint="make it first, or choose another place with -o")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotWrite(f"the folder '{folder}' may not be written to", hint="choose another place with -o")
    if output.is_dir():
        raise CannotWrite(f"'{output}' is a folder", hint="name a file in it")
    if _same_file(output, clip):
        raise UsageError(f"'{output}' is the clip itself", hint="choose another name; the source is never overwritten")
    if overwrite:
        return
    taken = _first_of(output) if pattern else output if output.exists() else None
    if taken is not None:
        raise CannotWrite(f"'{taken}' exists already", hint="give -y to overwrite it, or another name with -o")


def _same_file(output: Path, clip: Clip) -> bool:
    if clip.kind == "sequence":
        ours, theirs = images.Pattern.of(clip.path), None
        with suppress(UsageError):
            theirs = images.Pattern.of(output)
        if theirs is None:
            return False
        return (ours.folder.resolve(), ours.head, ours.tail) == (theirs.folder.resolve(), theirs.head, theirs.tail)
    return output.exists() and clip.path.exists() and output.samefile(clip.path)


def _first_of(pattern: Path) -> Path | None:
    wanted = images.Pattern.of(pattern)
    return next((path for path in sorted(wanted.folder.iterdir()) if wanted.matches(path.name)), None)


def _ignore(_: Frame) -> None:
    pass


def write(
    frames: Iterator[Frame],
    clip: Clip,
    output: Path,
    *,
    encode: Encode,
    wanted: Range,
    metadata: Mapping[str, str],
    strict: bool = False,
    overwrite: bool = False,
    notify: Callable[[str], None],
    on_frame: Callable[[Frame], None] = _ignore,
) -> Written:
    """Writes the frames as `output` says: a film with every other stream of `clip`, numbered pictures, or one picture.

    A film keeps the source's times; one that was cut by `wanted` begins at 0 with its sound in step. The file appears
    under its name when it is whole, never before. `strict` refuses what would have to be converted or dropped.
    Raises CannotWrite, UsageError, Unavailable, TryAgain, VidfxError, and whatever `frames` raises.
    """
    output = Path(output)
    check_output(output, clip, overwrite=overwrite)
    notices: list[str] = []

    def note(message: str) -> None:
        notices.append(message)
        notify(message)

    if hdr.is_hdr(clip.colour):
        note(f"HDR ({hdr.name(clip.colour)}) source: tone-mapped to BT.709")
    if output.suffix.lower() in images.SUFFIXES:
        count = _write_images(frames, clip, output, on_frame)
        return Written(output, count, (), tuple(notices), output.suffix.lower()[1:], "rgb24")
    first = next(frames, None)
    if first is None:
        raise UsageError("there is no frame to write", hint="is the range inside the clip?")
    film = Film(first, clip, output, encode, wanted, metadata, strict, note)
    count, encoder, copied = film.write(chain([first], frames), on_frame, overwrite)
    return Written(output, count, tuple(copied), tuple(notices), encoder.codec, encoder.pix_fmt)


def _write_images(frames: Iterator[Frame], clip: Clip, output: Path, on_frame: Callable[[Frame], None]) -> int:
    pattern = images.Pattern.of(output) if images.is_pattern(output) else None
    offset = images.Pattern.of(clip.path).numbers()[0] if clip.kind == "sequence" else 0
    count = 0
    for frame in frames:
        images.write_picture(pattern.path(offset + frame.index) if pattern else output, frame.image)
        count += 1
        on_frame(frame)
    if not count:
        raise UsageError("there is no frame to write", hint="is the range inside the clip?")
    return count
