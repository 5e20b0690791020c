"""One render from a command to a finished file."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidfx import __version__, images, sink
from vidfx.frames import Clip, Frame
from vidfx.pipeline import paint
from vidfx.progress import Progress
from vidfx.settings import Encode, Look, Machine, Range
from vidfx.source import open_clip
from vidfx.styles.library import StyleFile, find_style
from vidfx.stylize import Stylizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What came of a render."""

    path: Path
    frames: int
    seconds: float
    """Wall time of the render, from the first frame's decoding to the file under its name."""
    speed: float
    """Seconds of film for a second of time; 1 is real time. 0 for a still."""
    frames_per_second: float
    ran_on: str
    """Device, runtime, precision, batch and tiles."""
    style: str
    style_hash: str
    notices: tuple[str, ...]
    codec: str
    pix_fmt: str


def default_output(source: Path | str, style: str) -> Path:
    """Where a render goes when nobody says: beside the source, as `clip.ink.mp4` or `shot.ink.%04d.png`."""
    stem, suffix = split_name(source)
    return Path(source).with_name(f"{stem}.{style}{suffix}")


def split_name(source: Path | str) -> tuple[str, str]:
    """What a painting of the source keeps of its name, and the suffix for one it can be written with.

    `clip.mp4` is `clip` and `.mp4`, `clip.flv` is `clip` and `.mkv`, `shot.%04d.exr` is `shot` and `.%04d.exr`.
    """
    source = Path(source)
    if images.is_pattern(source):
        head, dot, rest = source.name.partition(".")
        return head, dot + rest
    known = source.suffix.lower() in (*sink.CONTAINERS, *images.SUFFIXES)
    return source.stem, source.suffix if known else ".mkv"


def render(
    source: Path | str,
    output: Path | str | None = None,
    *,
    style: str,
    look: Look = Look(),  # noqa: B008 - frozen
    wanted: Range = Range(),  # noqa: B008 - frozen
    encode: Encode = Encode(),  # noqa: B008 - frozen
    machine: Machine = Machine(),  # noqa: B008 - frozen
    overwrite: bool = False,
    strict: bool = False,
    video_stream: int | None = None,
    progress: Progress | None = None,
) -> Rendered:
    """Paints a film, an image sequence or a still in a style, and writes it with everything else the source has.

    The file appears under its name when it is whole. `strict` refuses what a container cannot hold instead of
    converting or dropping it. Raises the errors of `vidfx.errors`.
    """
    progress = progress or Progress()
    clip, output, found = _check(source, output, style, overwrite, video_stream)
    stylizer = Stylizer(found, machine)
    ran_on = stylizer.describe(clip.height, clip.width)
    frames = paint(clip, stylizer, look=look, wanted=wanted, notify=progress.notice)
    tally = _Tally(progress)
    progress.begin(_expected(clip, wanted), clip.rate)
    began = time.perf_counter()
    try:
        with closing(frames):  # type: ignore[type-var]  # a generator
            written = sink.write(
                frames,
                clip,
                output,
                encode=encode,
                wanted=wanted,
                metadata={"vidfx": _papers(stylizer, look, wanted, ran_on)},
                strict=strict,
                overwrite=overwrite,
                notify=progress.notice,
                on_frame=tally.add,
            )
    finally:
        progress.end()
    seconds = time.perf_counter() - began
    return Rendered(
        path=written.path,
        frames=written.frames,
        seconds=seconds,
        speed=0.0 if clip.kind == "still" else float(tally.duration(clip)) / seconds,
        frames_per_second=written.frames / seconds,
        ran_on=ran_on,
        style=stylizer.card.name,
        style_hash=stylizer.style.hash,
        notices=written.notices,
        codec=written.codec,
        pix_fmt=written.pix_fmt,
    )


def plan(
    source: Path | str,
    output: Path | str | None = None,
    *,
    style: str,
    look: Look = Look(),  # noqa: B008 - frozen
    wanted: Range = Range(),  # noqa: B008 - frozen
    encode: Encode = Encode(),  # noqa: B008 - frozen
    machine: Machine = Machine(),  # noqa: B008 - frozen
    overwrite: bool = False,
    strict: bool = False,
    video_stream: int | None = None,
    progress: Progress | None = None,
) -> dict[str, object]:
    """What `render` would do with the same arguments, checked as far as that goes without painting a frame."""
    clip, output, found = _check(source, output, style, overwrite, video_stream)
    stylizer = Stylizer(found, machine)
    return {
        "source": str(clip.path),
        "kind": clip.kind,
        "size": [clip.width, clip.height],
        "frames": _expected(clip, wanted),
        "output": str(output),
        "style": stylizer.card.name,
        "style_hash": stylizer.style.hash,
        "runs_on": stylizer.describe(clip.height, clip.width),
        "look": {
            "strength": look.strength,
            "keep_color": look.keep_color,
            "smooth": look.smooth,
            "matte": str(look.matte) if look.matte else None,
        },
        "strict": strict,
        "codec": encode.codec,
    }


def _check(
    source: Path | str, output: Path | str | None, style: str, overwrite: bool, video_stream: int | None
) -> tuple[Clip, Path, StyleFile]:
    """Refuses early whatever can be refused before the generator is loaded."""
    found = find_style(style)
    clip = open_clip(source, video_stream=video_stream)
    output = Path(output) if output is not None else default_output(source, found.name)
    sink.check_output(output, clip, overwrite=overwrite)
    return clip, output, found


def _expected(clip: Clip, wanted: Range) -> int | None:
    """How many frames will come, as far as the container can be believed; for progress only."""
    if clip.frame_count is None:
        return None
    first, last = wanted.first or 0, clip.frame_count - 1
    if wanted.start is not None:
        first = max(first, round(wanted.start * clip.rate))
    if wanted.last is not None:
        last = min(last, wanted.last)
    if wanted.end is not None:
        last = min(last, round(wanted.end * clip.rate) - 1)
    return max(0, (last - first) // wanted.step + 1)


def _papers(stylizer: Stylizer, look: Look, wanted: Range, ran_on: str) -> str:
    """What made this file, for its metadata: enough to make it again."""
    said = {
        "version": __version__,
        "style": stylizer.card.name,
        "style_hash": stylizer.style.hash,
        "strength": look.strength,
        "keep_color": look.keep_color,
        "smooth": look.smooth,
        "runs_on": ran_on,
    }
    if look.matte:
        said["matte"] = look.matte.name
    if not wanted.whole:
        said["range"] = {
            k: str(v) for k in ("start", "end", "first", "last", "step") if (v := getattr(wanted, k)) is not None
        }
    return json.dumps(said, separators=(",", ":"))


class _Tally:
    """Counts frames and the film time they cover."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._first: Frame | None = None
        self._last: Frame | None = None

    def add(self, frame: Frame) -> None:
        self._first = self._first or frame
        self._last = frame
        self._progress.frame(frame)

    def duration(self, clip: Clip) -> Fraction:
        if self._first is None or self._last is None:
            return Fraction(0)
        shown = self._last.duration * self._last.time_base or 1 / clip.rate
        return self._last.time - self._first.time + shown


__all__ = ["Rendered", "default_output", "plan", "render"]
