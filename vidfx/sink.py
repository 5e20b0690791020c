"""Frames in, file out: parts in a folder beside the output, then the output in one move."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vidfx import deinterlace, hdr, images
from vidfx.choice import CONTAINERS, Target
from vidfx.disk import unfinished
from vidfx.encode import options_for, rehearse
from vidfx.errors import CannotWrite, UsageError
from vidfx.film import FilmWriter, check_others
from vidfx.frames import Clip, Frame
from vidfx.notices import Notices, Notify
from vidfx.parts import journal
from vidfx.parts.cut import picture_paths, write_parts
from vidfx.parts.packets import PartFile
from vidfx.settings import Encode, Job, Range

__all__ = [
    "Written",
    "check_free",
    "check_output",
    "check_report",
    "check_streams",
    "encoder_options",
    "join",
    "target_of",
    "tell_of",
    "write",
    "write_still",
]


@dataclass(frozen=True, slots=True)
class Written:
    """What was written."""

    path: Path
    frames: int
    notices: tuple[str, ...]
    codec: str
    pix_fmt: str


def check_output(output: Path, clip: Clip, *, matte: Path | None = None, one_picture: bool = False) -> None:
    """Refuses early a name that could not be written to later, whatever lies there.

    `one_picture`: one picture is made of the clip, whatever it is. Raises UsageError, CannotWrite.
    """
    output = Path(output)
    suffix = output.suffix.lower()
    pattern = images.is_pattern(output)
    is_still = one_picture or clip.kind == "still"
    if suffix not in CONTAINERS and suffix not in images.SUFFIXES:
        known = " ".join((*CONTAINERS, *images.SUFFIXES))
        raise UsageError(f"'{output.name}' names no format vidfx writes", hint=f"end it in one of {known}")
    if suffix in CONTAINERS and one_picture:
        raise UsageError(f"this makes one picture, not a film '{output.name}'", hint="end the name in .png")
    if suffix in CONTAINERS and is_still:
        raise UsageError(f"a still does not make a film '{output.name}'", hint="write it to a .png or another picture")
    if suffix in images.SUFFIXES and not is_still and not pattern:
        example = f"{output.stem}.%04d{output.suffix}"
        raise UsageError(
            f"the frames of a film need numbered names, and '{output.name}' is one",
            hint=f"write {example}; `vidfx preview --at` paints one picture of a film",
        )
    if pattern and one_picture:
        raise UsageError(f"'{output.name}' names many pictures, and this is one", hint="leave its number away")
    if pattern and not is_still:
        images.Pattern.of(output)
    _check_place(output)
    for source, what in ((clip.path, "clip"), (matte, "matte")):
        if source and _same_file(output, source, numbered=pattern and not is_still):
            raise UsageError(f"'{output}' is the {what} itself", hint="choose another name; it is never overwritten")


def check_report(output: Path, about: Iterable[Path | str], *, overwrite: bool) -> None:
    """Refuses a name for what is written about films, where it cannot be had or is one of theirs.

    Raises UsageError, CannotWrite.
    """
    _check_place(output)
    for source in map(Path, about):
        if _same_file(output, source, numbered=False):
            raise UsageError(f"'{output}' is one of the films itself", hint="choose another name; none is overwritten")
    if not overwrite:
        check_free(output, numbered=False)


def _check_place(output: Path) -> None:
    folder = output.parent
    if not folder.is_dir():
        raise CannotWrite(f"there is no folder '{folder}'", hint="make it first, or choose another place with -o")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotWrite(f"the folder '{folder}' may not be written to", hint="choose another place with -o")
    if output.is_dir():
        raise CannotWrite(f"'{output}' is a folder", hint="name a file in it")


def target_of(clip: Clip, job: Job, *, may_exist: bool) -> Target:
    """What a job writes of its clip, once all is refused that can be before a frame is painted or the style loaded.

    `may_exist`: whether its output may be there already. Raises UsageError, CannotWrite, Unavailable for an encoder
    that is not here, UnreadableInput for unwanted HDR.
    """
    check_output(job.output, clip, matte=job.look.matte)
    target = Target.of_job(clip, job)
    rehearse(target)
    if job.strict:
        check_streams(target)
    if not may_exist:
        check_free(job.output, numbered=target.numbered)
    return target


def check_free(output: Path, *, numbered: bool) -> None:
    """Refuses a name that is taken, or a pattern of which a picture is there. Raises CannotWrite."""
    taken = _first_of(output) if numbered else output if os.path.lexists(output) else None
    if taken is not None:
        raise CannotWrite(f"'{taken}' exists already", hint="give -y to overwrite it, or another name with -o")


def encoder_options(output: Path, codec: str, pix_fmt: str, encode: Encode) -> dict[str, str]:
    """What a film's encoder is told by name, in FFmpeg's words; nothing for pictures."""
    muxer = CONTAINERS.get(output.suffix.lower())
    return options_for(codec, pix_fmt, encode, muxer) if muxer else {}


def _same_file(output: Path, source: Path, *, numbered: bool) -> bool:
    """Whether writing the output would write over the source, or over a picture of it."""
    written = images.Pattern.of(output) if numbered else None
    read = images.Pattern.of(source) if images.is_pattern(source) else None
    if written and read:
        return written.place == read.place
    if written or read:
        pattern, one = (written, source) if written else (read, output)
        assert pattern is not None
        return pattern.folder.resolve() == one.parent.resolve() and pattern.matches(one.name) is not None
    return output.exists() and source.exists() and output.samefile(source)


def _others(parts: Sequence[PartFile], target: Target) -> list[Path]:
    """Numbered pictures of the output's name that are none of the parts'."""
    pattern, path = images.Pattern.of(target.output), picture_paths(target)
    ours = {path(index) for part in parts for index in range(part.first, part.last + 1, target.wanted.step)}
    return [other for other in map(pattern.path, pattern.there()) if other not in ours]


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
    check_output(output, clip)
    target, notices = Target.of(clip, output, encode, wanted), Notices(notify)
    if not overwrite:
        check_free(output, numbered=target.numbered)
    if strict:
        check_streams(target)
    tell_of(target, notices)
    if target.muxer is None and not target.numbered:
        return write_still(frames, target, notices, on_frame)
    with journal.opened(output, None, notify=notices) as work:
        parts = list(write_parts(frames, work.folder, target, notify=notices, on_frame=on_frame))
        return join(parts, work.folder, target, metadata=metadata, strict=strict, overwrite=overwrite, notices=notices)


def join(
    parts: Sequence[PartFile],
    folder: Path,
    target: Target,
    *,
    metadata: Mapping[str, str],
    strict: bool,
    overwrite: bool,
    notices: Notices,
) -> Written:
    """Makes the output of finished parts; numbered pictures lie there already. `folder` is where the film is built.

    Raises CannotWrite, TryAgain, UsageError, UnreadableInput for parts that do not fit, VidfxError under `strict`.
    """
    if not parts:
        raise UsageError("there is no frame to write", hint="is the range inside the clip?")
    if target.muxer:
        film = FilmWriter(parts, target, metadata, strict, notices)
        film.write(
            unfinished(folder / f"film{target.output.suffix}"),
            overwrite=overwrite,
            about_to_appear=partial(journal.announce, folder),
        )
    elif target.numbered and (others := _others(parts, target)):
        pictures = "picture of that name lies" if len(others) == 1 else "pictures of that name lie"
        notices(f"{len(others)} more {pictures} there that this render did not write, such as '{others[0].name}'")
    return _written(target, sum(part.frames for part in parts), notices)


def check_streams(target: Target) -> None:
    """What `strict` refuses before anything is painted: streams that have no place in the output. Raises UsageError."""
    if lost := _without_place(target):
        raise UsageError(lost, hint="write a film, or leave out --strict")
    check_others(target)


def _without_place(target: Target) -> str:
    carried = ("audio", "subtitle") if target.encode.audio else ("subtitle",)
    beside = [kind for kind in carried if kind in target.clip.beside] if target.muxer is None else []
    return f"pictures have no place for the clip's {' and '.join(beside)}" if beside else ""


def tell_of(target: Target, notify: Notify) -> None:
    """What becomes of the source, and what it is written as, as far as its owner should know before it is painted."""
    clip = target.clip
    if lost := _without_place(target):
        notify(f"{lost}: left out")
    if hdr.is_hdr(clip.colour):
        notify(f"HDR ({hdr.name(clip.colour)}) source: tone-mapped to BT.709")
    if clip.interlaced:
        notify(deinterlace.NOTICE)
    for what in clip.left_out:
        notify(f"'{clip.path.name}': {what} is left out")
    for notice in target.choice.notices:
        notify(notice)


def write_still(
    frames: Iterator[Frame], target: Target, notices: Notices, on_frame: Callable[[Frame], None]
) -> Written:
    """Writes one picture. Raises CannotWrite, UsageError, and whatever `frames` raises."""
    frame = next(frames, None)
    if frame is None:
        raise UsageError("there is no frame to write", hint="is the range inside the clip?")
    images.write_picture(target.output, frame.image, frame.alpha)
    on_frame(frame)
    return _written(target, 1, notices)


def _written(target: Target, frames: int, notices: Notices) -> Written:
    return Written(target.output, frames, tuple(notices.said), target.choice.codec, target.choice.pix_fmt)
