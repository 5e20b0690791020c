"""Frames in, file out: parts in a folder beside the output, then the output in one move."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidfx import deinterlace, hdr, images
from vidfx.choice import Choice, choose
from vidfx.encode import options_for, rehearse
from vidfx.errors import CannotWrite, UsageError
from vidfx.film import CONTAINERS, Film
from vidfx.frames import Clip, Frame
from vidfx.notices import Notices, Notify
from vidfx.parts import journal
from vidfx.parts.cut import Setup, write_parts
from vidfx.parts.packets import PartFile
from vidfx.settings import Encode, Range

__all__ = ["CONTAINERS", "Written", "check_output", "choice_of", "encoder_options", "join", "write"]


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


def check_output(
    output: Path, clip: Clip, *, overwrite: bool, encode: Encode | None = None, one_picture: bool = False
) -> None:
    """Refuses early what could not be written later; with `encode` its settings too, by trying them.

    `one_picture`: one picture is made of the clip, whatever it is.
    Raises UsageError, CannotWrite, Unavailable for an encoder that is not here, UnreadableInput for unwanted HDR.
    """
    output = Path(output)
    suffix = output.suffix.lower()
    pattern = images.is_pattern(output)
    is_still = one_picture or clip.kind == "still"
    if suffix not in CONTAINERS and suffix not in images.SUFFIXES:
        known = " ".join((*CONTAINERS, *images.SUFFIXES))
        raise UsageError(f"'{output.name}' names no format vidfx writes", hint=f"end it in one of {known}")
    if suffix in CONTAINERS and is_still:
        raise UsageError(f"a still does not make a film '{output.name}'", hint="write it to a .png or another picture")
    if suffix in images.SUFFIXES and not is_still and not pattern:
        example = f"{output.stem}.%04d{output.suffix}"
        raise UsageError(f"many frames do not fit into the one picture '{output.name}'", hint=f"write {example}")
    if pattern and one_picture:
        raise UsageError(f"'{output.name}' names many pictures, and this is one", hint="leave its number away")
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
    if encode is not None:
        choice_of(output, clip, encode)
        if suffix in CONTAINERS:
            rehearse(CONTAINERS[suffix], clip, encode)
    if overwrite:
        return
    taken = _first_of(output) if pattern else output if output.exists() else None
    if taken is not None:
        raise CannotWrite(f"'{taken}' exists already", hint="give -y to overwrite it, or another name with -o")


def choice_of(output: Path, clip: Clip, encode: Encode) -> Choice:
    """What the output is written as: above all, what the frames on their way to it must carry (`Choice.pixels`)."""
    return choose(output, CONTAINERS.get(output.suffix.lower()), clip, encode)


def encoder_options(output: Path, codec: str, pix_fmt: str, encode: Encode) -> dict[str, str]:
    """What a film's encoder is told by name, in FFmpeg's words; nothing for pictures."""
    muxer = CONTAINERS.get(output.suffix.lower())
    return options_for(codec, pix_fmt, encode, muxer) if muxer else {}


def _same_file(output: Path, clip: Clip) -> bool:
    """Whether writing the output would write over the clip, or over a picture of it."""
    written, read = (images.Pattern.of(path) if images.is_pattern(path) else None for path in (output, clip.path))
    if written and read:
        return (written.folder.resolve(), written.head, written.tail) == (read.folder.resolve(), read.head, read.tail)
    if written or read:
        pattern, one = (written, clip.path) if written else (read, output)
        assert pattern is not None
        return pattern.folder.resolve() == one.parent.resolve() and pattern.matches(one.name) is not None
    return output.exists() and clip.path.exists() and output.samefile(clip.path)


def _first_of(pattern: Path) -> Path | None:
    wanted = images.Pattern.of(pattern)
    return next(map(wanted.path, wanted.there()), None)


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
    notify: Notify,
    on_frame: Callable[[Frame], None] = _ignore,
) -> Written:
    """Writes the frames as `output` says: a film with every other stream of `clip`, numbered pictures, or one picture.

    A film keeps the source's times; one that was cut by `wanted` begins at 0 with its sound in step. The file appears
    under its name when it is whole, never before. `strict` refuses what would have to be converted or dropped.
    Raises CannotWrite, UsageError, Unavailable, TryAgain, VidfxError, and whatever `frames` raises.
    """
    output = Path(output)
    check_output(output, clip, overwrite=overwrite)
    notices = Notices(notify)
    if output.suffix.lower() in images.SUFFIXES and not images.is_pattern(output):
        return _write_still(frames, clip, output, encode, notices, on_frame)
    setup = Setup(clip=clip, output=output, encode=encode, wanted=wanted, notify=notices)
    with journal.opened(output, None, notify=notices) as work:
        parts = list(write_parts(frames, work.folder, setup, on_frame=on_frame))
        return join(parts, work.folder, setup, metadata=metadata, strict=strict, overwrite=overwrite)


def join(
    parts: Sequence[PartFile],
    folder: Path,
    setup: Setup,
    *,
    metadata: Mapping[str, str],
    strict: bool,
    overwrite: bool,
) -> Written:
    """Makes the output of finished parts; numbered pictures lie there already. `folder` is where the film is built.

    Raises CannotWrite, TryAgain, UsageError, UnreadableInput for parts that do not fit, VidfxError under `strict`.
    """
    clip, output, notices = setup.clip, setup.output, setup.notify
    if not parts:
        raise UsageError("there is no frame to write", hint="is the range inside the clip?")
    tell_of_source(clip, notices)
    count = sum(part.frames for part in parts)
    copied: tuple[int, ...] = ()
    if output.suffix.lower() in CONTAINERS:
        film = Film(parts, clip, output, setup.encode, setup.wanted, metadata, strict, notices)
        copied = tuple(film.write(folder / f".film{output.suffix}", overwrite=overwrite))
    choice = choice_of(output, clip, setup.encode)
    codec, pix_fmt = (parts[0].codec, parts[0].pix_fmt) if parts[0].codec else (choice.codec, choice.pix_fmt)
    return Written(output, count, copied, tuple(notices.said), codec, pix_fmt)


def tell_of_source(clip: Clip, notify: Notify) -> None:
    """What becomes of the source that its owner should know before it is painted."""
    if hdr.is_hdr(clip.colour):
        notify(f"HDR ({hdr.name(clip.colour)}) source: tone-mapped to BT.709")
    if clip.interlaced:
        notify(deinterlace.NOTICE)
    for what in clip.left_out:
        notify(f"'{clip.path.name}': {what} is left out")


def _write_still(
    frames: Iterator[Frame],
    clip: Clip,
    output: Path,
    encode: Encode,
    notices: Notices,
    on_frame: Callable[[Frame], None],
) -> Written:
    tell_of_source(clip, notices)
    frame = next(frames, None)
    if frame is None:
        raise UsageError("there is no frame to write", hint="is the range inside the clip?")
    images.write_picture(output, frame.image, frame.alpha)
    on_frame(frame)
    choice = choice_of(output, clip, encode)
    return Written(output, 1, (), tuple(notices.said), choice.codec, choice.pix_fmt)
